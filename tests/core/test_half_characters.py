"""Texts with a lone surrogate, as of an emoji that was cut, go through every view."""

import pandas as pd
import pytest

from sklearn_datamaps import DataMap, TrainingDynamics, apply_review
from sklearn_datamaps._views.review import row_hashes

CUT = "thanks \ud83d"
PROBA = [[[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]]


def make(index=None):
    data_map = DataMap.from_probabilities(PROBA, [0, 1, 0], index=index)
    return data_map.with_columns(text=[CUT, "no", "well"])


NAMED = pd.Index(["a", CUT, "c"], dtype=object, name="id")


def test_tables_hold_the_text_as_it_is():
    assert make().to_frame()["text"].tolist() == [CUT, "no", "well"]
    review = make().review()
    assert review.set_index("position")["text"].to_dict()[0] == CUT


@pytest.mark.parametrize("index", [None, NAMED])
def test_views_take_it(index, tmp_path):
    data_map = make(index)
    assert "3 rows" in repr(data_map)
    comparison = data_map.compare(data_map)
    assert CUT in comparison.movers["text"].tolist()
    assert comparison.plot()
    pytest.importorskip("plotly")
    assert data_map.explore(tmp_path / "map.html").stat().st_size > 0


@pytest.mark.parametrize("index", [None, NAMED])
def test_its_row_is_decided(index):
    data_map = make(index)
    review = data_map.review()
    review["decision"] = ["drop" if text == CUT else "" for text in review["text"]]
    y = pd.Series(data_map.label, index=data_map.index)
    kept = apply_review(y, review, data_map.columns["text"])[1]
    assert kept.tolist() == [False, True, True]


@pytest.mark.parametrize("index", [None, NAMED])
def test_parquet_gives_it_back(index, tmp_path):
    data_map = make(index)
    data_map.to_parquet(tmp_path / "map.parquet")
    again = DataMap.from_parquet(tmp_path / "map.parquet")
    assert again.columns["text"].tolist() == [CUT, "no", "well"]
    assert again.index.equals(data_map.index)
    assert again.index.name == data_map.index.name
    assert row_hashes(again).tolist() == row_hashes(data_map).tolist()
    # Other readers see the half that no UTF-8 can hold written out.
    frame = pd.read_parquet(tmp_path / "map.parquet")
    assert frame["column:text"].tolist()[0] == "thanks \\ud83d"


def test_parquet_writes_the_name_of_an_index_out(tmp_path):
    data_map = make(pd.Index(["a", "b", "c"], name=CUT))
    data_map.to_parquet(tmp_path / "map.parquet")
    index = DataMap.from_parquet(tmp_path / "map.parquet").index
    assert index.tolist() == ["a", "b", "c"]
    assert index.name == "thanks \\ud83d"


def test_column_with_such_a_name_is_refused_when_it_is_attached():
    with pytest.raises(ValueError, match=r"column 'thanks .ud83d' holds half of"):
        make().with_columns(**{CUT: [1, 2, 3]})
    with pytest.raises(ValueError, match="rename it"):
        make().to_frame(**{CUT: [1, 2, 3]})


def test_labels_that_changed_are_found_beside_it():
    after = DataMap.from_probabilities(PROBA, [1, 1, 0]).with_columns(
        text=make().columns["text"]
    )
    changed = make().compare(after).changed_labels
    assert changed["text"].tolist() == [CUT]


def test_label_with_half_a_character_is_refused():
    with pytest.raises(ValueError, match=r"label 'thanks .ud83d' holds half of"):
        TrainingDynamics([CUT, "b"])
    with pytest.raises(ValueError, match="holds half of"):
        TrainingDynamics([[0, 1]], classes=[CUT, "b"], multilabel=True)
