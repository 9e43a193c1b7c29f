"""The registry of measures: what it says of each, and what it refuses."""

import re
from dataclasses import replace
from pathlib import Path
from pickle import dumps, loads
from threading import Barrier, Thread

import numpy as np
import pytest

import sklearn_datamaps
from sklearn_datamaps import DataMap
from sklearn_datamaps._core.registry import (
    MEASURES,
    Measure,
    ranking,
    registered,
    required,
    streamed,
)

PACKAGE = Path(sklearn_datamaps.__file__).parent


@pytest.fixture
def with_folds():
    rng = np.random.default_rng(0)
    proba = rng.dirichlet(np.ones(4), size=(3, 40))
    data_map = DataMap.from_probabilities(
        proba, np.arange(40) % 4, measures=["mean_proba"]
    )
    return replace(data_map, meta={**data_map.meta, "recording": "out-of-fold"})


@pytest.fixture
def derivations(monkeypatch):
    """Calls of the formula that is dear."""
    calls = []
    entry = MEASURES["label_quality"]

    def counted(*args, **kwargs):
        calls.append(args)
        return entry.formula(*args, **kwargs)

    counting = replace(entry, formula=counted)
    monkeypatch.setitem(MEASURES, "label_quality", counting)
    return calls


def test_natural_direction_is_where_trouble_lies():
    lowest_first = {name for name in ranking() if MEASURES[name].ascending}
    of_epochs = {"confidence", "correctness", "margin"}
    assert lowest_first == of_epochs | {"logit_margin", "label_quality"}


def test_every_streamed_measure_but_the_mean_probabilities_ranks_rows():
    assert set(streamed()) - set(ranking()) == {"mean_proba"}


@pytest.mark.parametrize("name", ranking())
def test_every_measure_is_in_the_documentation(name):
    assert f'"{name}"' in DataMap.measure.__doc__


def test_page_has_the_formula_of_what_is_not_sent_to_it():
    script = PACKAGE.joinpath("_views", "page", "data.js").read_text(encoding="utf-8")
    (table,) = re.findall(r"const FOLLOWING = {\n(.*?)};", script, flags=re.DOTALL)
    follows = {name for name in ranking() if not MEASURES[name].in_tables}
    assert set(re.findall(r"^  (\w+):", table, flags=re.MULTILINE)) == follows


@pytest.mark.parametrize(
    ("name", "streams", "held_out"),
    [
        ("confidence", [], False),
        ("loss", ["loss"], False),
        ("logit_margin", ["mean_proba"], False),
        ("memorization", [], True),
        ("label_quality", ["mean_proba"], True),
    ],
)
def test_what_a_fit_must_record(name, streams, held_out):
    assert required(name) == (streams, held_out)


@pytest.mark.parametrize("name", ["confidence", "mean_proba", "two words"])
def test_names_that_are_taken_or_no_names_are_refused(name):
    before = dict(MEASURES)
    fine, wrong = Measure("fine", True), Measure(name, True)
    with (
        pytest.raises(ValueError, match=f"'{name}' cannot name a measure"),
        registered(fine, wrong),
    ):
        pass
    assert before == MEASURES


def test_dear_measure_is_derived_once(with_folds, derivations):
    first = with_folds.measure("label_quality")
    with_folds.rank("label_quality")
    frame = with_folds.to_frame()
    carried = with_folds.with_columns(text=["row"] * 40)
    assert carried.measure("label_quality") is first
    assert len(derivations) == 1
    np.testing.assert_array_equal(frame["label_quality"], first)
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 0


def test_derivation_of_a_copy_with_columns_serves_the_map_too(with_folds, derivations):
    carried = with_folds.with_columns(text=["row"] * 40)
    assert carried.measure("label_quality") is with_folds.measure("label_quality")
    assert len(derivations) == 1


def test_replaced_arrays_have_a_quality_of_their_own(with_folds):
    before = with_folds.measure("label_quality")
    proba = {"mean_proba": np.roll(with_folds.measures["mean_proba"], 1, axis=0)}
    other = replace(with_folds, measures={**with_folds.measures, **proba})
    fresh = DataMap(**{name: getattr(other, name) for name in FIELDS})
    assert not np.array_equal(other.measure("label_quality"), before)
    np.testing.assert_array_equal(
        other.measure("label_quality"), fresh.measure("label_quality")
    )


def test_what_was_derived_is_not_saved(with_folds, derivations, tmp_path):
    plain = dumps(with_folds)
    expected = with_folds.measure("label_quality")
    assert dumps(with_folds) == plain
    with_folds.to_parquet(tmp_path / "map.parquet")
    for again in (loads(plain), DataMap.from_parquet(tmp_path / "map.parquet")):
        assert set(again.measures) == {"mean_proba"}
        np.testing.assert_array_equal(again.measure("label_quality"), expected)
    assert len(derivations) == 3


def test_threads_that_derive_at_once_see_one_value(with_folds, monkeypatch):
    entry, meet, found = MEASURES["label_quality"], Barrier(2), []

    def together(*args, **kwargs):
        meet.wait(timeout=300)  # both derive before either has kept its own
        return entry.formula(*args, **kwargs)

    assert not with_folds._derived
    monkeypatch.setitem(MEASURES, "label_quality", replace(entry, formula=together))
    threads = [
        Thread(target=lambda: found.append(with_folds.measure("label_quality")))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[0] is found[1]


FIELDS = (
    *("confidence", "variability", "correctness", "label", "predicted", "classes"),
    *("n_epochs", "index", "measures", "meta", "_margin", "_margin_std"),
)


def test_values_that_users_put_on_a_map_are_in_its_table(with_folds):
    own = {**with_folds.measures, "age": np.arange(40)}
    data_map = replace(with_folds, measures=own)
    assert data_map.to_frame()["age"].tolist() == list(range(40))
    with pytest.raises(ValueError, match="There is no measure 'age'"):
        data_map.rank("age")
