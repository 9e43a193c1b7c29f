"""The reference code's coordinates file: counts to shares, and what cannot be true."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_datamaps import DataMap, read_coordinates
from sklearn_datamaps import read_training_dynamics as read_dynamics
from sklearn_datamaps._io import json_lines

# Own probabilities of four epochs, two classes: of "a" 1, 1, 1, 1; of "b" 1, 1, 0, 0;
# of "c" 0.2, 0.6, 0.2, 0.2, of mean 0.3 and deviations -0.1, 0.3, -0.1, -0.1, whose
# squares have the mean 0.03.
COORDINATES = {
    "guid": ["a", "b", "c"],
    "index": [0, 1, 2],
    "threshold_closeness": [0.0, 0.25, 0.21],
    "confidence": [1.0, 0.5, 0.3],
    "variability": [0.0, 0.5, 0.03**0.5],
    "correctness": [4, 2, 1],
    "forgetfulness": [0, 1, 1],
}


def write(folder, name="td_metrics.jsonl", **columns):
    """Write the columns, or others in their place, as pandas does."""
    table = pd.DataFrame(COORDINATES).assign(**columns)
    path = folder / name
    if path.suffix in (".csv", ".tsv"):
        table.to_csv(path, index=False, sep="\t" if path.suffix == ".tsv" else ",")
    else:
        table.to_json(path, orient="records", lines=True)
    return path


def refused(path, message, **kwargs):
    with pytest.raises(ValueError, match=message):
        read_coordinates(path, **kwargs)


SUFFIXES = ["jsonl", "json", "ndjson", "JSONL", "csv", "tsv"]


@pytest.fixture(params=SUFFIXES)
def name(request):
    return f"td_metrics.{request.param}"


def test_counts_become_shares_and_all_else_stays(tmp_path, name):
    data_map = read_coordinates(str(write(tmp_path, name)))
    assert isinstance(data_map, DataMap)
    assert data_map.index.tolist() == ["a", "b", "c"]
    assert data_map.index.name == "guid"
    assert data_map.n_epochs == 4
    assert data_map.correctness.tolist() == [1, 0.5, 0.25]
    np.testing.assert_allclose(data_map.confidence, [1, 0.5, 0.3])
    np.testing.assert_allclose(data_map.variability, [0, 0.5, 0.03**0.5], atol=1e-9)
    assert data_map.columns["forgetfulness"].tolist() == [0, 1, 1]
    assert set(data_map.columns) == {"forgetfulness"}
    assert data_map.meta["n_epochs_inferred"] is True


def test_columns_that_are_not_needed_may_be_missing(tmp_path, name):
    table = pd.DataFrame(COORDINATES)
    path = write(tmp_path, name)
    needed = ["correctness", "guid", "variability", "confidence"]
    if path.suffix in (".csv", ".tsv"):
        sep = "\t" if path.suffix == ".tsv" else ","
        table[needed].to_csv(path, index=False, sep=sep)
    else:
        table[needed].to_json(path, orient="records", lines=True)
    data_map = read_coordinates(path)
    assert data_map.correctness.tolist() == [1, 0.5, 0.25]
    assert not data_map.columns


def test_margin_is_that_of_two_classes(tmp_path):
    # Regions: |margin| <= max(0.2, margin_std). a: 1 > 0.2; b: 0; c: -0.4 and 0.346.
    data_map = read_coordinates(write(tmp_path))
    np.testing.assert_allclose(data_map.margin, [1, 0, -0.4])
    np.testing.assert_allclose(data_map.margin_std, [0, 1, 0.12**0.5], atol=1e-9)
    assert data_map.regions().tolist() == ["easy", "ambiguous", "hard"]


def test_order_is_that_of_the_file_not_of_its_index(tmp_path, name):
    path = write(tmp_path, name, index=[2, 0, 1])
    assert read_coordinates(path).index.tolist() == ["a", "b", "c"]


GUIDS = {
    "integers": [7, -1, 2**53 + 1],
    "texts": ["x1", "x2", "x3"],
    "texts of digits": ["007", "8", "9"],
    "unicode": ["\u00e4", "\u6f22,\t'\"", "\U0001f600"],
}


@pytest.mark.parametrize("guids", GUIDS.values(), ids=GUIDS)
def test_guids_stay_what_they_are(tmp_path, name, guids):
    data_map = read_coordinates(write(tmp_path, name, guid=guids))
    assert data_map.index.tolist() == guids


def test_chunks_do_not_show(tmp_path, monkeypatch):
    monkeypatch.setattr(json_lines, "CHUNK_BYTES", 1)
    data_map = read_coordinates(write(tmp_path))
    assert data_map.correctness.tolist() == [1, 0.5, 0.25]
    assert data_map.columns["forgetfulness"].tolist() == [0, 1, 1]


def test_number_of_epochs_can_be_given(tmp_path):
    path = write(tmp_path, correctness=[3, 2, 1], confidence=[0.8, 0.5, 0.3])
    data_map = read_coordinates(path, 4)
    assert data_map.n_epochs == 4
    assert data_map.correctness.tolist() == [0.75, 0.5, 0.25]
    assert data_map.meta["n_epochs_inferred"] is False


def test_fewer_epochs_than_counted_are_refused(tmp_path):
    path = write(tmp_path)
    refused(path, "correctness is more than n_epochs=3, in 1 of 3.*'a'", n_epochs=3)


@pytest.mark.parametrize("n_epochs", [0, -1, 4.0, True, "4"])
def test_n_epochs_must_be_a_positive_integer(tmp_path, n_epochs):
    message = f"n_epochs must be an integer >= 1.*got {re.escape(repr(n_epochs))}"
    refused(write(tmp_path), message, n_epochs=n_epochs)


def test_variability_that_so_few_epochs_cannot_give_is_refused(tmp_path):
    # Five epochs, of which b is right in two and a in three: 1, 1, 0, 0, 0 has the
    # mean 0.4 and the variance 0.24. Of three epochs with mean 0.4 the largest
    # variance is that of 1, 0.2, 0: 1.04 / 3 - 0.16 = 0.187.
    path = write(
        tmp_path,
        confidence=[0.6, 0.4, 0.3],
        variability=[0.24**0.5, 0.24**0.5, 0.1],
        correctness=[3, 2, 0],
    )
    message = (
        "the 3 epochs of the largest correctness cannot give so large a variability at "
        "this confidence.*pass n_epochs.*in 2 of 3 rows: guid 'a', 'b'"
    )
    refused(path, message)
    refused(path, "n_epochs=3 cannot give", n_epochs=3)
    assert read_coordinates(path, 5).correctness.tolist() == [0.6, 0.4, 0]


def test_confidence_that_so_few_right_epochs_cannot_give_is_refused(tmp_path):
    # Right in 4 of 8 epochs: at most 1, 1, 1, 1 and 1/2 four times, of mean 3/4.
    path = write(tmp_path)
    message = "n_epochs=8 cannot give so large a confidence.*1 of 3 rows: guid 'a'"
    refused(path, message, n_epochs=8)


@settings(max_examples=60, deadline=None)
@given(
    own=st.lists(
        st.lists(st.floats(0, 1) | st.sampled_from([0, 0.5, 1]), min_size=4, max_size=4)
        | st.lists(st.sampled_from([0, 1]), min_size=4, max_size=4),
        min_size=1,
        max_size=20,
    ),
    decimals=st.sampled_from([3, 4, 10, 17]),
)
def test_what_a_run_gives_is_accepted_however_it_is_rounded(
    own, decimals, tmp_path_factory
):
    p = np.array(own, dtype=float)
    table = pd.DataFrame(
        {
            "guid": range(len(p)),
            "confidence": p.mean(axis=1).clip(0, 1).round(decimals),
            "variability": p.std(axis=1).clip(0, 0.5).round(decimals),
            "correctness": (p > 0.5).sum(axis=1),
        }
    )
    path = tmp_path_factory.mktemp("any") / "td_metrics.csv"
    table.to_csv(path, index=False)
    right = (p > 0.5).mean(axis=1)
    assert read_coordinates(path, 4).correctness.tolist() == right.tolist()


def test_no_row_ever_right_does_not_tell_the_number_of_epochs(tmp_path):
    path = write(tmp_path, correctness=0, confidence=0.3, variability=0.1)
    refused(path, "correctness is 0 in every row.*Pass n_epochs")
    assert read_coordinates(path, 5).correctness.tolist() == [0, 0, 0]


def test_shares_are_not_taken_for_counts(tmp_path, name):
    path = write(tmp_path, name, correctness=[1.0, 0.5, 0.25])
    refused(path, "correctness is a share already.*in 2 of 3 rows: guid 'b', 'c'")


@pytest.mark.parametrize("correctness", [[4, -1, 1], [4, 2.5, 1]])
def test_correctness_that_is_no_count_is_refused(tmp_path, name, correctness):
    path = write(tmp_path, name, correctness=correctness)
    refused(path, "correctness is no count of epochs, in 1 of 3 rows: guid 'b'")


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("confidence", [1, -0.1, 0.3], r"confidence is not in \[0, 1\], in 1 .*'b'"),
        ("confidence", [1, 0.5, 1.1], r"confidence is not in \[0, 1\], in 1 .*'c'"),
        ("variability", [0, -0.1, 0], r"variability is not in \[0, 0\.5\], .*'b'"),
        ("variability", [0, 0.6, 0.51], r"not in \[0, 0\.5\], in 2 of 3.*'b', 'c'"),
        ("guid", ["b", "b", "b"], "the guid is that of a row before, in 2 of 3.*'b'"),
        ("guid", [4, 7, 4], "the guid is that of a row before, in 1 of 3 rows: guid 4"),
    ],
)
def test_values_out_of_range_are_named(tmp_path, name, column, values, message):
    refused(write(tmp_path, name, **{column: values}), message)


@pytest.mark.parametrize("column", ["confidence", "variability", "correctness"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_named(tmp_path, name, column, value):
    values = [*COORDINATES[column][:2], value]  # pandas writes null in JSON
    path = write(tmp_path, name, **{column: values})
    in_json, in_table = rf"'c'\): {column} is null", rf"{column} is no finite .*'c'"
    refused(path, f"{in_json}|{in_table}")


def test_nan_as_python_writes_it_is_named(tmp_path):
    path = tmp_path / "td_metrics.jsonl"
    row = {"guid": 5, "confidence": np.nan, "variability": 0, "correctness": 1}
    path.write_text(json.dumps(row))
    refused(path, r"line 1 \(guid 5\): confidence is NaN, not finite")


@pytest.mark.parametrize("column", ["guid", "confidence", "variability", "correctness"])
def test_missing_columns_are_named(tmp_path, name, column):
    path = write(tmp_path, name)
    table = pd.DataFrame(COORDINATES).drop(columns=column)
    if path.suffix in (".csv", ".tsv"):
        sep = "\t" if path.suffix == ".tsv" else ","
        table.to_csv(path, index=False, sep=sep)
    else:
        table.to_json(path, orient="records", lines=True)
    refused(path, rf"lacks the columns \['{column}'\]|has no '{column}'; it has ")


@pytest.mark.parametrize("text", ["", "\n", "\r\n \n"])
def test_empty_file_is_said(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text)
    refused(path, "is empty|cannot be read as a table|lacks the columns")


def test_table_without_rows_is_said(tmp_path):
    path = tmp_path / "td_metrics.csv"
    path.write_text("guid,confidence,variability,correctness\n")
    refused(path, "has no rows")


def test_malformed_files_are_said(tmp_path):
    path = tmp_path / "td_metrics.jsonl"
    path.write_text('{"guid": 1}\n{"guid"')
    refused(path, r"line 1 \(guid 1\) has no 'confidence'")
    path = write(tmp_path, "td_metrics.csv")
    path.write_text(path.read_text() + "d,3,0,1,0,3,0,9,9\n")
    refused(path, "cannot be read .*: line 5 has 9 cells, the header 7")
    path.write_bytes(b"guid,\0\xff\n")
    refused(path, "is not a text file")


def test_table_is_read_as_spreadsheets_write_it(tmp_path):
    path = write(tmp_path, "td_metrics.csv")
    expected = read_coordinates(path, 4).to_frame()
    text = path.read_text().replace(",", ";").replace("\n", "\r\n")
    path.write_bytes(f"sep=;\r\n{text}".encode("utf-16"))
    pd.testing.assert_frame_equal(read_coordinates(path, 4).to_frame(), expected)


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_byte_order_mark_is_passed_over(tmp_path, suffix):
    path = write(tmp_path, f"td_metrics.{suffix}")
    expected = read_coordinates(path, 4).to_frame()
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    pd.testing.assert_frame_equal(read_coordinates(path, 4).to_frame(), expected)


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_other_encodings_with_a_mark_are_read_or_named(tmp_path, suffix, encoding):
    path = write(tmp_path, f"td_metrics.{suffix}", guid=["\u00e9", "b", "c"])
    expected = read_coordinates(path, 4).to_frame()
    path.write_bytes(path.read_text(encoding="utf-8").encode(encoding))
    if suffix == "jsonl" and encoding == "utf-16":
        refused(path, "line 1 is not UTF-8 .*: save the file in UTF-8")
        return
    pd.testing.assert_frame_equal(read_coordinates(path, 4).to_frame(), expected)


def test_missing_file_and_unknown_suffix_are_said(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is no file '.*nowhere\.jsonl'"):
        read_coordinates(tmp_path / "nowhere.jsonl")
    with pytest.raises(FileNotFoundError):
        read_coordinates(tmp_path)
    path = tmp_path / "td_metrics.parquet"
    path.touch()
    refused(path, r"one of the suffixes \.jsonl, \.json, \.ndjson, \.csv, \.tsv")


def test_labels_are_not_known_without_y(tmp_path):
    data_map = read_coordinates(write(tmp_path))
    assert not data_map.has_labels
    assert data_map.label.tolist() == [None] * 3
    assert data_map.predicted.tolist() == [None] * 3
    assert len(data_map.classes) == 0
    frame = data_map.to_frame()
    assert frame["label"].isna().all()
    assert frame["predicted"].isna().all()
    assert frame["forgetfulness"].tolist() == [0, 1, 1]
    assert "! labels not known" in repr(data_map)
    assert data_map.summary()["n_samples"].tolist() == [1, 1, 1]
    assert data_map.rank("variability").tolist() == [1, 2, 0]
    assert "labels not known" in data_map._repr_html_()


def test_what_needs_labels_says_so(tmp_path):
    data_map = read_coordinates(write(tmp_path))
    for what in (
        lambda: data_map.summary(by="label"),
        lambda: data_map.plot(by="label"),
        lambda: data_map.review(),
        lambda: data_map.explore(tmp_path / "map.html"),
    ):
        with pytest.raises(ValueError, match=r"needs the labels.*\(path, y=labels\)"):
            what()


def test_map_without_labels_is_drawn(tmp_path):
    import matplotlib.pyplot as plt

    display = read_coordinates(write(tmp_path)).plot()
    bins = display.frame()["correctness_bin"]
    assert bins.tolist() == ["1.00", "0.50", "0.25"]
    plt.close(display.figure_)


def test_map_without_labels_survives_a_parquet_file(tmp_path):
    data_map = read_coordinates(write(tmp_path))
    data_map.to_parquet(tmp_path / "map.parquet")
    again = DataMap.from_parquet(tmp_path / "map.parquet")
    pd.testing.assert_frame_equal(again.to_frame(), data_map.to_frame())
    assert not again.has_labels
    assert repr(again) == repr(data_map)


def test_labels_in_the_order_of_the_file(tmp_path):
    data_map = read_coordinates(write(tmp_path), y=["no", "yes", "no"])
    assert data_map.has_labels
    assert data_map.label.tolist() == ["no", "yes", "no"]
    assert data_map.classes.tolist() == ["no", "yes"]
    assert data_map.predicted.tolist() == [None] * 3
    assert data_map.summary(by="label").loc["no", "hard"] == 1
    assert data_map.review()["label"].tolist() == ["no", "yes", "no"]


def test_labels_with_an_index_follow_the_guids(tmp_path):
    y = pd.Series(["C", "A", "B", "Z"], index=["c", "a", "b", "z"])
    data_map = read_coordinates(write(tmp_path), y=y)
    assert data_map.label.tolist() == ["A", "B", "C"]
    assert data_map.classes.tolist() == ["A", "B", "C"]


def test_row_numbers_as_guids_follow_the_index_of_the_labels(tmp_path):
    path = write(tmp_path, guid=[2, 0, 1])
    data_map = read_coordinates(path, y=pd.Series(["A", "B", "C"]))
    assert data_map.label.tolist() == ["C", "A", "B"]


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([0, 1], "y has 2 labels, the file 3 rows"),
        ([[0, 1]] * 3, r"y must have one dimension; got shape \(3, 2\)"),
        (pd.Series([0, 1, 1]), r"without 3 of the 3 guids .*such as \['a', 'b', 'c'\]"),
        (pd.Series([0, 1, 1], index=list("abb")), "whose index repeats guids"),
        ([0, 1, np.nan], "Input y contains NaN"),
    ],
)
def test_labels_that_do_not_fit_are_refused(tmp_path, y, message):
    refused(write(tmp_path), message, y=y)


def write_dynamics(folder):
    """Dynamics of 40 rows, two classes and five epochs, and the metrics of them."""
    rng = np.random.default_rng(0)
    gold = rng.integers(2, size=40)
    logits = rng.standard_normal((5, 40, 2))
    for epoch, z in enumerate(logits):
        table = pd.DataFrame({"guid": range(40), f"logits_epoch_{epoch}": [*z]})
        path = folder / f"dynamics_epoch_{epoch}.jsonl"
        table.assign(gold=gold).to_json(path, orient="records", lines=True)
    odds = np.exp(logits)
    own = (odds / odds.sum(axis=2, keepdims=True))[:, np.arange(40), gold]
    right = logits.argmax(axis=2) == gold
    metrics = {"guid": range(40), "index": range(40), "confidence": own.mean(axis=0)}
    metrics |= {"variability": own.std(axis=0), "correctness": right.sum(axis=0)}
    path = folder / "td_metrics.jsonl"
    pd.DataFrame(metrics).to_json(path, orient="records", lines=True)
    return path, gold


def test_coordinates_and_dynamics_of_one_run_are_one_map(tmp_path):
    path, gold = write_dynamics(tmp_path)
    dynamics, coordinates = read_dynamics(tmp_path), read_coordinates(path)
    for name in ("confidence", "variability", "correctness", "margin", "margin_std"):
        np.testing.assert_allclose(
            getattr(coordinates, name), getattr(dynamics, name), rtol=0, atol=1e-9
        )
    comparison = dynamics.compare(coordinates)
    assert np.trace(comparison.transitions) == 40
    assert len(comparison.changed_labels) == 0
    assert comparison.spearman["confidence"] == pytest.approx(1)
    assert len(coordinates.compare(dynamics).changed_labels) == 0
    labelled = read_coordinates(path, y=1 - gold)
    assert len(dynamics.compare(labelled).changed_labels) == 40


def test_movers_of_maps_without_labels_are_drawn_as_unchanged(tmp_path):
    import matplotlib.pyplot as plt

    path, _ = write_dynamics(tmp_path)
    ax = read_dynamics(tmp_path).compare(read_coordinates(path)).plot()
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts == ["all rows, after", "label kept (20 of the movers)"]
    plt.close(ax.figure)
