import csv
import hashlib
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from sklearn_datamaps import DataMap, DataMapClassifier
from sklearn_datamaps._curation.apply_review import apply_review
from sklearn_datamaps._views.review import review, row_hashes

TEXTS = ["thanks", "no", "Thanks ", "well", "thanks", "no", 'a "b", c\nd', "=1+1"]
Y = np.array([1, 0, 0, 0, 1, 0, 1, 0])
CONFIDENCE = np.array([0.9, 0.6, 0.1, 0.5, 0.8, 0.7, 0.2, 0.3])
INDEX = pd.Index([f"c{i}" for i in range(8)], name="id")
# Counted by hand: row 2 contradicts rows 0 and 4.
CONFLICTS = [1, 0, 2, 0, 1, 0, 0, 0]
COLUMNS = [
    *("id", "position", "text", "label", "predicted", "confidence", "variability"),
    *("correctness", "region", "conflicting_duplicates", "decision", "new_label"),
    "row_hash",
]


def make(y=Y, *, texts=TEXTS, index=INDEX, **columns):
    """Two epochs around CONFIDENCE in the label each row has."""
    classes, codes = np.unique(np.asarray(y), return_inverse=True)
    proba = np.empty((2, len(codes), len(classes)))
    for epoch, shift in zip(proba, (-0.05, 0.05), strict=True):
        own = CONFIDENCE[: len(codes)] + shift
        epoch[:] = ((1 - own) / (len(classes) - 1))[:, None]
        epoch[np.arange(len(codes)), codes] = own
    data_map = DataMap.from_probabilities(proba, y, index=index)
    columns = columns if texts is None else {"text": texts} | columns
    return data_map.with_columns(**columns)


def decide(frame, **decisions):
    """Decisions by id: drop="c1", relabel=("c2", "ham"), keep=...; lists of them."""
    frame = frame.copy()
    for decision, given in decisions.items():
        for entry in given if isinstance(given, list) else [given]:
            name, new_label = entry if isinstance(entry, tuple) else (entry, "")
            at = frame.index[frame["id"].astype(str) == str(name)]
            frame.loc[at, "decision"] = decision
            frame.loc[at, "new_label"] = new_label
    return frame


def series(values=Y):
    return pd.Series(values, index=INDEX, name="gratitude", copy=True)


def make_multilabel(y=None, names=("joy", "fear", "rage"), **columns):
    y = INDICATOR if y is None else y
    own = np.random.default_rng(0).random((3, *y.shape))
    data_map = DataMap.from_probabilities(
        own, y, multilabel=True, classes=names, index=INDEX[: len(y)]
    )
    return data_map.with_columns(**columns)


INDICATOR = np.array([[1, 0, 0], [0, 1, 1], [0, 0, 0], [1, 1, 0]])
FRAME = pd.DataFrame(INDICATOR, columns=["joy", "fear", "rage"], index=INDEX[:4])


def guard(cell):
    """What the explorer does to a cell before it writes it."""
    risky = isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r")
    return f"'{cell}" if cell and risky else cell


def test_rows_come_worst_first_with_their_facts():
    data_map = make(length=np.arange(8) * 10)
    frame = review(data_map, n=3)
    assert frame.columns.tolist() == [*COLUMNS[:3], "length", *COLUMNS[3:]]
    worst = [2, 6, 7]
    assert frame["position"].tolist() == worst
    assert frame["id"].tolist() == ["c2", "c6", "c7"]
    assert frame["text"].tolist() == [TEXTS[i] for i in worst]
    assert frame["length"].tolist() == [20, 60, 70]
    assert frame["label"].tolist() == [0, 1, 0]
    assert frame["predicted"].tolist() == [1, 0, 1]
    np.testing.assert_allclose(frame["confidence"], [0.1, 0.2, 0.3])
    np.testing.assert_allclose(frame["variability"], 0.05)
    assert frame["correctness"].tolist() == [0, 0, 0]
    assert frame["region"].tolist() == ["hard"] * 3
    assert (frame[["decision", "new_label"]] == "").all(axis=None)
    assert frame["row_hash"].tolist() == row_hashes(data_map)[worst].tolist()


def test_text_stands_before_columns_that_were_carried_earlier():
    data_map = make(texts=None, length=np.arange(8)).with_columns(text=TEXTS)
    assert review(data_map, 1).columns.tolist()[:4] == [
        *("id", "position", "text", "length")
    ]


def test_without_a_text_no_duplicates_are_shown():
    frame = review(make(texts=None), n=2)
    assert frame.columns.tolist() == [
        name for name in COLUMNS if name not in ("text", "conflicting_duplicates")
    ]


def test_hundred_rows_are_the_default():
    proba = np.random.default_rng(0).dirichlet([1, 1], size=(2, 150))
    assert len(review(DataMap.from_probabilities(proba, np.arange(150) % 2))) == 100


def test_none_is_all_rows():
    assert len(review(make(), n=None)) == 8


@pytest.mark.parametrize("by", ["variability", "threshold_closeness", "correctness"])
def test_any_measure_ranks_in_its_natural_direction(by):
    data_map = make()
    order = review(data_map, n=5, by=by)["position"]
    assert order.tolist() == data_map.rank(by, n_samples=5).tolist()


def test_unknown_measure_is_refused():
    with pytest.raises(ValueError, match="There is no measure 'worst'"):
        review(make(), 3, by="worst")


@pytest.mark.parametrize("n", [0, -1, 2.0, True, "3"])
def test_impossible_number_of_rows_is_refused(n):
    with pytest.raises(ValueError, match="n must be an integer >= 1, or None"):
        review(make(), n)


def test_small_map_is_reviewed_whole():
    assert review(make())["position"].tolist() == make().rank("confidence").tolist()
    assert len(review(make(), n=9)) == 8


def test_carried_column_with_a_name_of_the_review_is_refused():
    with pytest.raises(ValueError, match=r"The map carries \['decision'\]"):
        review(make(decision=TEXTS), 3)


@pytest.mark.parametrize("label", [1, "spam", True, 0.5])
def test_labels_of_any_type_can_be_written_in(label):
    frame = review(make(), 3)
    frame.loc[1, "new_label"] = label
    assert frame["new_label"].tolist() == ["", label, ""]


def test_index_of_integers_gives_integers_and_others_give_texts():
    numbers = review(make(index=pd.Index(range(10, 18))), 2)["id"]
    assert numbers.tolist() == [12, 16]
    assert pd.api.types.is_integer_dtype(numbers)
    days = review(make(index=pd.date_range("2024-01-01", periods=8)), 1)["id"]
    assert days.tolist() == ["2024-01-03 00:00:00"]


def test_multilabel_rows_are_cells():
    data_map = make_multilabel(text=["a", "b", "a", "b"])
    frame = review(data_map, n=None)
    assert frame.columns.tolist() == [*COLUMNS[:2], "label_name", *COLUMNS[2:]]
    assert len(frame) == 12
    assert frame["confidence"].is_monotonic_increasing
    columns = [list(data_map.classes).index(name) for name in frame["label_name"]]
    cells = (frame["position"].to_numpy(), columns)
    np.testing.assert_array_equal(frame["label"], INDICATOR.astype(bool)[cells])
    np.testing.assert_array_equal(frame["confidence"], data_map.confidence[cells])
    np.testing.assert_array_equal(frame["region"], data_map.regions()[cells])
    # Rows 0 and 2 share a text and differ in joy; 1 and 3 in joy and rage.
    conflicts = np.array([[1, 0, 0], [1, 0, 1], [1, 0, 0], [1, 0, 1]])
    np.testing.assert_array_equal(frame["conflicting_duplicates"], conflicts[cells])


def test_conflicting_duplicates_are_counted_up_to_case_and_outer_space():
    frame = review(make(), n=None).sort_values("position")
    assert frame["conflicting_duplicates"].tolist() == CONFLICTS


def test_conflicts_are_those_of_a_count_pair_by_pair():
    rng = np.random.default_rng(0)
    y = rng.integers(3, size=60)
    texts = rng.choice(["a", "A", " a", "b", "c d", "c  d", ""], size=60).tolist()
    proba = rng.dirichlet(np.ones(3), size=(2, 60))
    data_map = DataMap.from_probabilities(proba, y).with_columns(text=texts)
    frame = review(data_map, n=None).sort_values("position")
    same = [text.strip().lower() for text in texts]
    expected = [
        sum(same[i] == same[j] and y[i] != y[j] for j in range(60)) for i in range(60)
    ]
    assert frame["conflicting_duplicates"].tolist() == expected


def test_missing_texts_are_no_duplicates():
    texts = ["x", None, None, float("nan"), float("nan"), "y", "X", "y"]
    frame = review(make(texts=texts), n=None).sort_values("position")
    assert frame["conflicting_duplicates"].tolist() == [0] * 8


def test_hash_is_of_label_and_text():
    frame = pd.DataFrame({"y": Y, "text": TEXTS, "hash": row_hashes(make())})
    assert frame["hash"].str.fullmatch("[a-f][0-9a-f]{15}").all()
    alike = frame.groupby(["y", "text"])["hash"].nunique()
    assert (alike == 1).all()
    assert frame["hash"].nunique() == len(alike)


def test_hash_is_of_label_and_id_without_a_text():
    hashes = row_hashes(make(texts=None))
    assert len(set(hashes)) == 8
    other = row_hashes(make(1 - Y, texts=None))
    assert not set(hashes) & set(other)
    assert row_hashes(make(texts=None, index=INDEX[::-1]))[0] != hashes[0]


def test_hash_is_the_documented_digest():
    digest = hashlib.blake2b(b"1\0text\0thanks", digest_size=8).hexdigest()
    first, *rest = row_hashes(make())[0]
    assert "".join(rest) == digest[1:]
    assert first == "abcdefabcdefabcd"[int(digest[0], 16)]


def test_hash_is_the_same_in_another_process():
    code = (
        "from sklearn_datamaps import DataMap\n"
        "from sklearn_datamaps._views.review import row_hashes\n"
        "data_map = DataMap.from_probabilities([[[0.5, 0.5]] * 2], ['a', 'b'])\n"
        "print(*row_hashes(data_map.with_columns(text=['\u00e9', 'x'])))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONHASHSEED": "1"},
    )
    data_map = DataMap.from_probabilities([[[0.5, 0.5]] * 2], ["a", "b"])
    expected = row_hashes(data_map.with_columns(text=["\u00e9", "x"]))
    assert done.stdout.split() == expected.tolist()


@pytest.mark.parametrize("y", [Y.astype(float), Y.astype("int8"), Y.astype(str)])
def test_hash_does_not_depend_on_how_a_label_is_stored(y):
    assert row_hashes(make(y)).tolist() == row_hashes(make()).tolist()


def test_hash_does_not_depend_on_line_ends():
    one = make(texts=["a\r\nb", "c\rd", *TEXTS[2:]])
    two = make(texts=["a\nb", "c\nd", *TEXTS[2:]])
    assert row_hashes(one).tolist() == row_hashes(two).tolist()


def test_any_string_can_be_hashed():
    texts = ["\ud800", "\0", "", "\U0001f600", *TEXTS[4:]]
    assert len(set(row_hashes(make(texts=texts))[:4])) == 4


def test_multilabel_hash_is_of_all_labels_of_the_row():
    hashes = row_hashes(make_multilabel(text=["t"] * 4))
    assert len(set(hashes)) == 4
    other = INDICATOR.copy()
    other[2, 1] = 1
    changed = row_hashes(make_multilabel(other, text=["t"] * 4)) != hashes
    assert changed.tolist() == [False, False, True, False]


def test_decisions_are_applied():
    frame = decide(review(make(), n=None), keep="c0", drop=["c1", "c7"])
    frame = decide(frame, relabel=[("c2", 1), ("c4", 0)])
    y_corrected, kept = apply_review(series(), frame, TEXTS)
    expected = Y.copy()
    expected[[2, 4]] = 1, 0
    pd.testing.assert_series_equal(y_corrected, series(expected))
    assert kept.dtype == bool
    assert kept.tolist() == [True, False, True, True, True, True, True, False]


def test_given_labels_and_review_are_left_as_they_were():
    y, frame = series(), decide(review(make(), 8), relabel=("c2", 1))
    before = frame.copy()
    apply_review(y, frame, TEXTS)
    pd.testing.assert_series_equal(y, series())
    pd.testing.assert_frame_equal(frame, before)


def test_review_without_decisions_changes_nothing():
    frame = review(make(), 3)
    for undecided in (frame, frame.iloc[:0], frame.assign(decision=np.nan)):
        y_corrected, kept = apply_review(series(), undecided)
        assert y_corrected.tolist() == Y.tolist()
        assert kept.all()


def test_rows_without_a_decision_are_not_looked_at():
    frame = decide(review(make(), 8), drop="c1")
    frame.loc[frame["id"] != "c1", ["id", "row_hash"]] = "gone"
    assert apply_review(series(), frame)[1].tolist() == [True, False] + [True] * 6


def test_decision_may_be_written_with_capitals_and_spaces():
    frame = review(make(), 8).assign(decision=" Drop")
    assert not apply_review(series(), frame)[1].any()


def test_order_of_the_review_does_not_matter():
    frame = decide(review(make(), 8), relabel=("c2", 1), drop="c6")
    shuffled = frame.sample(frac=1, random_state=0)
    y_corrected, kept = apply_review(series(), shuffled, TEXTS)
    assert np.flatnonzero(y_corrected != Y).tolist() == [2]
    assert np.flatnonzero(~kept).tolist() == [6]


def test_rows_are_found_by_id_in_whatever_order_y_is():
    order = np.random.default_rng(0).permutation(8)
    frame = decide(review(make(), 8), relabel=("c2", 1), drop="c6")
    y = series().iloc[order]
    y_corrected, kept = apply_review(y, frame, np.array(TEXTS)[order])
    assert y_corrected.index[y_corrected != y].tolist() == ["c2"]
    assert y_corrected.index[~kept].tolist() == ["c6"]


@pytest.mark.parametrize("wrap", [list, tuple, np.asarray])
def test_labels_without_an_index_are_found_by_position(wrap):
    frame = decide(review(make(index=None), 8), relabel=(2, 1), drop=6)
    y_corrected, kept = apply_review(wrap(Y), frame, TEXTS)
    assert type(y_corrected) is np.ndarray
    assert np.flatnonzero(y_corrected != Y).tolist() == [2]
    assert np.flatnonzero(~kept).tolist() == [6]


def test_index_of_the_texts_names_the_rows_when_y_has_none():
    frame = decide(review(make(), 8), relabel=("c2", 1))
    y_corrected, _ = apply_review(Y, frame, pd.Series(TEXTS, index=INDEX))
    assert np.flatnonzero(y_corrected != Y).tolist() == [2]


@pytest.mark.parametrize("index", [INDEX, INDEX.to_list()])
def test_index_given_names_the_rows(index):
    frame = decide(review(make(), 8), relabel=("c2", 1))
    y_corrected, _ = apply_review(Y, frame, index=index)
    assert np.flatnonzero(y_corrected != Y).tolist() == [2]


def test_index_of_another_length_is_refused():
    with pytest.raises(ValueError, match=r"y has 8 rows, but the index given has 7"):
        apply_review(Y, review(make(), 8), index=INDEX[:7])


def test_rows_of_one_name_are_told_apart_by_position():
    index = pd.Index(["c", "c", "d", "c", "e", "f", "g", "h"])
    frame = review(make(index=index), n=None)
    frame.loc[frame["position"] == 3, "decision"] = "drop"
    frame.loc[frame["position"] == 1, "decision"] = "drop"
    _, kept = apply_review(pd.Series(Y, index=index), frame)
    assert np.flatnonzero(~kept).tolist() == [1, 3]


@pytest.mark.parametrize(
    ("values", "given"),
    [
        (np.array(["ham", "spam"]), "spam"),
        (np.array(["ham", "spam"], dtype=object), "spam "),
        (np.array(["ham", " spam"]), " spam"),
        (np.array([False, True]), True),
        (np.array([False, True]), "TRUE"),
        (np.array([False, True]), "1"),
        (np.array([-1, 1]), "1"),
        (np.array([0, 7], dtype="uint8"), "7"),
        (np.array([0, 7]), "7.0"),
        (np.array([0, 7]), 7.0),
        (np.array([0, 7]), np.float32(7)),
        (np.array([0.0, 7.0], dtype="float32"), "7"),
        (pd.array([0, 7], dtype="Int64"), " 7"),
        (pd.array(["ham", "spam"], dtype="string"), "spam"),
        (pd.Categorical(["a", "b"], categories=["b", "a", "c"]), "b"),
        (pd.Categorical([5, 4], categories=[4, 5, 6]), "4"),
    ],
)
@pytest.mark.parametrize("as_series", [True, False])
def test_new_label_takes_the_type_of_the_labels(values, given, as_series):
    array = values.take(Y)
    y = series(array) if as_series else array
    frame = decide(review(make(array), 8), relabel=("c2", given))
    y_corrected, _ = apply_review(y, frame, TEXTS, index=INDEX)
    assert type(y_corrected) is type(y)
    assert y_corrected.dtype == y.dtype
    expected = values.take(np.where(np.arange(8) == 2, 1, Y))
    assert list(y_corrected) == list(expected)


def test_category_without_rows_is_a_known_label():
    values = pd.Categorical(["a", "b"], categories=["b", "a", "c"]).take(Y)
    frame = decide(review(make(values), 8), relabel=("c2", "c"))
    assert apply_review(series(values), frame)[0].tolist()[2] == "c"


def test_label_that_looks_like_a_number_stays_a_text():
    y = np.array(["1", "1.0"])[Y]
    frame = decide(review(make(y), 8), relabel=("c2", "1.0"))
    assert apply_review(series(y), frame)[0].tolist()[2] == "1.0"
    y = np.array(["0", "1"])[Y]
    frame = decide(review(make(y), 8), relabel=("c2", "1.0"))
    with pytest.raises(ValueError, match=r"New labels \['1.0'\] are not among"):
        apply_review(series(y), frame)


@pytest.mark.parametrize("shape", ["array", "frame"])
def test_labels_may_stand_in_a_matrix_of_one_column(shape):
    y = Y[:, None] if shape == "array" else series().to_frame()
    frame = decide(review(make(), 8), relabel=("c2", 1), drop="c6")
    y_corrected, kept = apply_review(y, frame, TEXTS, index=INDEX)
    assert type(y_corrected) is type(y)
    expected = np.where(np.arange(8) == 2, 1, Y)[:, None]
    np.testing.assert_array_equal(y_corrected, expected)
    assert np.flatnonzero(~kept).tolist() == [6]


def test_relabelling_to_the_same_label_keeps_the_row():
    frame = decide(review(make(), 8), relabel=("c2", 0))
    y_corrected, kept = apply_review(series(), frame)
    assert y_corrected.tolist() == Y.tolist()
    assert kept.all()


def test_corrected_rows_train_again():
    X = np.random.default_rng(0).normal(size=(60, 3))
    y = pd.Series((X[:, 0] > 0).astype(int), index=[f"r{i}" for i in range(60)])
    y.iloc[[3, 9]] = 1 - y.iloc[[3, 9]]
    first = DataMapClassifier(n_epochs=5, random_state=0).fit(X, y).data_map_
    frame = review(first, n=60)
    frame = decide(frame, relabel=("r3", 1 - y["r3"]), drop="r9")
    y_corrected, kept = apply_review(y, frame)
    again = DataMapClassifier(n_epochs=5, random_state=0)
    data_map = again.fit(X[kept], y_corrected[kept]).data_map_
    assert data_map.n_samples == 59
    assert data_map.confidence[3] > first.confidence[3]


def test_file_of_the_frame_gives_what_the_frame_gives(tmp_path):
    path = tmp_path / "review.csv"
    texts = ["NA", "", "null", "  x ", "'=quoted", "1e5", *TEXTS[6:]]
    frame = decide(review(make(texts=texts), 8), keep=INDEX[:6].to_list())
    frame = decide(frame, relabel=("c6", 0), drop="c7")
    frame.to_csv(path, index=False)
    for given in (path, str(path)):
        for X in (texts, None):
            y_corrected, kept = apply_review(series(), given, X)
            assert np.flatnonzero(y_corrected != Y).tolist() == [6]
            assert np.flatnonzero(~kept).tolist() == [7]


def test_file_of_the_explorer_is_read(tmp_path):
    path = tmp_path / "review.csv"
    index = pd.Index(["-a", "=b", "@c", "'=d", *INDEX[4:]])
    texts = ["=1+1", "+1", "-1", "@me", "\tx", "\ry", "'=quoted", "plain"]
    y = np.array(["-no", "+yes"])[Y]
    frame = decide(review(make(y, texts=texts, index=index), 8), keep=index.to_list())
    frame = decide(frame, relabel=("=b", "+yes"), drop=["'=d", "c5"])
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(frame.columns)
        for row in frame.itertuples(index=False):
            writer.writerow([guard(cell) for cell in row])
    assert "'=1+1" in path.read_text(encoding="utf-8-sig")
    y_corrected, kept = apply_review(pd.Series(y, index=index), path)
    assert np.flatnonzero(y_corrected != y).tolist() == [1]
    assert np.flatnonzero(~kept).tolist() == [3, 5]


def test_ids_of_a_file_are_text_with_leading_zeros(tmp_path):
    index = pd.Index(["007", "7", "08", "8", "10", "11", "12", "13"])
    frame = decide(review(make(index=index), 8), drop="007")
    frame.to_csv(tmp_path / "review.csv", index=False)
    _, kept = apply_review(pd.Series(Y, index=index), tmp_path / "review.csv")
    assert np.flatnonzero(~kept).tolist() == [0]


@pytest.mark.parametrize("given", [[1], None, {"id": [1]}])
def test_what_is_no_review_is_refused(given):
    with pytest.raises(TypeError, match=r"review must be the frame of DataMap\.review"):
        apply_review(Y, given)


def test_unsure_is_passed_over_as_are_columns_about_the_decision():
    frame = review(make(), 3)
    frame["decision"] = ["unsure", "drop", "Unsure"]
    frame = frame.assign(time="2026-01-01T00:00:00Z", note="?", annotator="me")
    y, kept = apply_review(series(), frame)
    assert kept.sum() == len(y) - 1
    assert y.tolist() == series().tolist()


@pytest.mark.parametrize("column", ["id", "decision", "new_label"])
def test_missing_column_is_refused(column):
    frame = review(make(), 3).drop(columns=column)
    with pytest.raises(ValueError, match=rf"lacks the columns \['{column}'\]"):
        apply_review(series(), frame)


@pytest.mark.parametrize(
    ("decisions", "message"),
    [
        (
            {"delete": ["c2", "c6"]},
            r"Unknown decisions \['delete'\]; .*: id 'c2', 'c6'\.",
        ),
        ({"relabel": ("c2", "")}, r"relabel needs a new_label: id 'c2'\."),
        ({"relabel": ("c2", np.nan)}, r"relabel needs a new_label: id 'c2'\."),
        (
            {"relabel": [("c2", 2), ("c6", 0)]},
            r"New labels \['2'\] are not among the labels .*\(\[0, 1\]\); .*: id 'c2'",
        ),
        ({"relabel": ("c2", "True")}, r"New labels \['True'\] are not"),
        ({"relabel": ("c2", "1.5")}, r"New labels \['1.5'\] are not"),
        ({"keep": ("c2", 1)}, r"A new_label needs the decision relabel: id 'c2'\."),
        ({"drop": ("c2", 1)}, r"A new_label needs the decision relabel: id 'c2'\."),
        ({"": ("c2", 1)}, r"A new_label needs the decision relabel: id 'c2'\."),
        (
            {"no": INDEX.to_list()},
            r"id 'c2', 'c6', 'c7', 'c3', 'c1' and 3 more\.",
        ),
    ],
)
def test_unfit_decision_is_refused_by_row(decisions, message):
    with pytest.raises(ValueError, match=message):
        apply_review(series(), decide(review(make(), 8), **decisions))


def test_foreign_row_is_refused_by_id():
    other = review(make(index=pd.Index([f"x{i}" for i in range(8)])), 8)
    with pytest.raises(ValueError, match=r"rows that y has not .*: id 'x5'\."):
        apply_review(series(), decide(other, keep="x5"))


def test_row_dropped_since_is_refused():
    frame = decide(review(make(), 8), drop="c6")
    _, kept = apply_review(series(), frame)
    with pytest.raises(ValueError, match=r"dropped since.*: id 'c6'\."):
        apply_review(series()[kept], frame)


def test_review_of_named_rows_needs_the_names():
    frame = decide(review(make(), 8), drop="c6")
    with pytest.raises(ValueError, match=r"y lost its index: pass index="):
        apply_review(Y, frame)


def test_row_of_a_repeated_name_at_no_such_position_is_refused():
    index = pd.Index(["c", "c", *INDEX[2:]])
    frame = review(make(index=index), 8)
    frame = decide(frame, keep="c").assign(position=7)
    with pytest.raises(ValueError, match=r"rows that y has not.*: id 'c', 'c'\."):
        apply_review(pd.Series(Y, index=index), frame)


@pytest.mark.parametrize("texts", [TEXTS, None])
def test_row_whose_label_changed_since_is_refused(texts):
    frame = decide(review(make(texts=texts), 8), keep=INDEX.to_list())
    y = series()
    y["c3"] = 1
    for X in (texts, None):
        with pytest.raises(ValueError, match=r"stale .*: id 'c3'\."):
            apply_review(y, frame, X)


def test_row_whose_text_changed_since_is_refused():
    frame = decide(review(make(), 8), keep=INDEX.to_list())
    changed = [text if i != 4 else "thank you" for i, text in enumerate(TEXTS)]
    with pytest.raises(ValueError, match=r"stale .*: id 'c4'\."):
        apply_review(series(), frame, changed)


def test_text_changed_in_the_review_is_refused_unless_the_texts_are_given():
    frame = decide(review(make(), 8), drop="c2")
    frame["text"] = "edited"
    with pytest.raises(ValueError, match=r"stale .*: id 'c2'\."):
        apply_review(series(), frame)
    assert apply_review(series(), frame, TEXTS)[1].sum() == 7


def test_text_column_may_be_missing_when_the_texts_are_given():
    frame = decide(review(make(), 8), drop="c2").drop(columns="text")
    assert apply_review(series(), frame, TEXTS)[1].sum() == 7
    with pytest.raises(ValueError, match=r"stale .*: id 'c2'\."):
        apply_review(series(), frame)


@pytest.mark.parametrize("X", [TEXTS[:7], np.zeros((8, 2)), sparse.eye(8).tocsr()])
def test_what_are_not_the_texts_is_refused(X):
    with pytest.raises(ValueError, match="X must be the 8 texts of the rows; got"):
        apply_review(series(), decide(review(make(), 8), drop="c2"), X)


def test_features_are_not_looked_at_when_the_map_carried_no_text():
    frame = decide(review(make(texts=None), 8), drop="c2")
    assert apply_review(series(), frame, np.zeros((8, 2)))[1].sum() == 7


def test_text_may_be_added_to_the_review_of_a_map_without():
    frame = decide(review(make(texts=None), 8), drop="c2")
    frame["text"] = np.array(TEXTS)[frame["position"]]
    for X in (TEXTS, None):
        assert apply_review(series(), frame, X)[1].sum() == 7


def test_applying_twice_is_refused_for_the_relabelled_rows():
    frame = decide(review(make(), 8), relabel=[("c2", 1), ("c6", 0)], drop="c0")
    y_corrected, _ = apply_review(series(), frame, TEXTS)
    with pytest.raises(ValueError, match=r"applied before\?\): id 'c2', 'c6'\."):
        apply_review(y_corrected, frame, TEXTS)


def test_row_decided_twice_is_refused():
    frame = decide(review(make(), 8), keep=["c2", "c6"])
    twice = pd.concat([frame, frame[frame["id"] == "c6"].assign(decision="drop")])
    with pytest.raises(ValueError, match=r"decides rows twice: id 'c6'\."):
        apply_review(series(), twice)


def test_refused_review_names_at_most_five_rows():
    frame = review(make(), 8).assign(decision="?")
    with pytest.raises(ValueError, match=r"'c1' and 3 more\.$"):
        apply_review(series(), frame)


def multilabel_review(**columns):
    frame = review(make_multilabel(**columns), n=None)
    return frame.set_index(frame["id"] + "." + frame["label_name"])


@pytest.mark.parametrize(
    "dtype", ["int64", "bool", "float32", "Int8", "Sparse[int]", "Sparse[bool]"]
)
@pytest.mark.parametrize("given", [True, 1, "True", "1", "TRUE"])
def test_multilabel_cells_are_flipped_and_rows_dropped(dtype, given):
    y = FRAME.astype(dtype)
    frame = multilabel_review(text=TEXTS[:4])
    frame.loc["c2.fear", ["decision", "new_label"]] = "relabel", given
    frame.loc["c1.rage", ["decision", "new_label"]] = "relabel", "False"
    frame.loc["c3.rage", "decision"] = "drop"
    y_corrected, kept = apply_review(y, frame, TEXTS[:4])
    expected = FRAME.copy()
    expected.loc["c2", "fear"] = 1
    expected.loc["c1", "rage"] = 0
    pd.testing.assert_frame_equal(y_corrected, expected.astype(dtype))
    assert kept.tolist() == [True, True, True, False]


@pytest.mark.parametrize(
    "to_y",
    [
        np.asarray,
        np.ndarray.tolist,
        sparse.csr_matrix,
        sparse.csc_array,
        sparse.coo_matrix,
        sparse.lil_matrix,
        lambda y: sparse.csr_array(y.astype(bool)),
    ],
)
def test_multilabel_labels_may_be_any_indicator(to_y):
    y = to_y(INDICATOR)
    data_map = make_multilabel(names=None)
    frame = review(data_map, n=None)
    cell = (frame["position"] == 2) & (frame["label_name"] == 1)
    frame.loc[cell, ["decision", "new_label"]] = "relabel", 1
    y_corrected, kept = apply_review(y, frame, index=INDEX[:4])
    expected = INDICATOR.copy()
    expected[2, 1] = 1
    if sparse.issparse(y):
        np.testing.assert_array_equal(y.toarray(), INDICATOR)
        assert type(y_corrected) is type(y)
        assert y_corrected.dtype == y.dtype
        y_corrected = y_corrected.toarray()
    np.testing.assert_array_equal(y_corrected, expected)
    assert kept.all()


def test_multilabel_file_is_read(tmp_path):
    frame = multilabel_review(text=TEXTS[:4])
    frame.loc["c2.fear", ["decision", "new_label"]] = "relabel", "1"
    frame.to_csv(tmp_path / "review.csv", index=False)
    y_corrected, _ = apply_review(FRAME, tmp_path / "review.csv")
    assert (y_corrected != FRAME).to_numpy().nonzero() == ([2], [1])


def test_other_cells_of_a_row_may_be_decided_too():
    frame = multilabel_review()
    frame.loc[["c2.fear", "c2.joy"], "decision"] = "relabel"
    frame.loc[["c2.fear", "c2.joy"], "new_label"] = "True"
    y_corrected, _ = apply_review(FRAME, frame)
    assert y_corrected.loc["c2"].tolist() == [1, 1, 0]


def test_multilabel_cell_decided_twice_is_refused():
    frame = multilabel_review()
    frame["decision"] = "keep"
    twice = pd.concat([frame, frame.loc[["c1.joy"]]])
    with pytest.raises(ValueError, match=r"rows twice: id 'c1' \(joy\)\."):
        apply_review(FRAME, twice)


def test_multilabel_applying_twice_is_refused():
    frame = multilabel_review()
    frame.loc["c2.fear", ["decision", "new_label"]] = "relabel", "1"
    y_corrected, _ = apply_review(FRAME, frame)
    with pytest.raises(ValueError, match=r"stale .*: id 'c2' \(fear\)\."):
        apply_review(y_corrected, frame)


@pytest.mark.parametrize("y", [INDICATOR, FRAME.rename(columns={"fear": "f"})])
def test_unknown_label_name_is_refused(y):
    frame = multilabel_review()
    frame.loc["c2.fear", "decision"] = "drop"
    with pytest.raises(ValueError, match=r"no such column .*: id 'c2' \(fear\)\."):
        apply_review(y, frame, index=INDEX[:4])


def test_multilabel_new_label_is_true_or_false():
    frame = multilabel_review()
    frame.loc["c2.fear", ["decision", "new_label"]] = "relabel", "joy"
    with pytest.raises(ValueError, match=r"labels of y \(\[False, True\]\): id 'c2'"):
        apply_review(FRAME, frame)


def test_review_of_one_kind_does_not_fit_labels_of_the_other():
    with pytest.raises(ValueError, match="lacks the column 'label_name'"):
        apply_review(FRAME, review(make(), 8))
    with pytest.raises(ValueError, match="y has one label a row"):
        apply_review(series(), multilabel_review())


def test_real_training_comments_have_354_duplicates(go_emotions):
    texts = go_emotions.data.str.strip().str.lower()
    # A label for each copy of a text, so that every duplicate is in conflict.
    y = texts.groupby(texts).cumcount().to_numpy()
    proba = np.full((1, len(y), y.max() + 1), 1 / (y.max() + 1))
    data_map = DataMap.from_probabilities(proba, y).with_columns(text=go_emotions.data)
    frame = review(data_map, n=None)
    assert (frame["conflicting_duplicates"] > 0).sum() == 354
    # Fewer when case and outer space count, or when the first copy is not counted.
    assert texts.duplicated().sum() == 221
    assert go_emotions.data.duplicated(keep=False).sum() == 301
    assert go_emotions.data.duplicated().sum() == 183


def test_real_conflicting_duplicates_are_found_and_settled(go_emotions):
    y = go_emotions.target
    own = np.random.default_rng(0).random((1, len(y)))
    proba = np.stack([1 - own, own], axis=-1)
    data_map = DataMap.from_probabilities(proba, y, index=y.index)
    frame = review(data_map.with_columns(text=go_emotions.data), n=None)
    conflicts = frame[frame["conflicting_duplicates"] > 0]
    assert len(conflicts) == 26
    conflicts = conflicts.assign(decision="relabel", new_label="1")
    y_corrected, _ = apply_review(y, conflicts, go_emotions.data)
    texts = go_emotions.data.str.strip().str.lower()
    of_text = y_corrected.groupby(texts)
    assert (of_text.min() == of_text.max()).all()


NAMES = np.array(["ham", "ham", "spam", "ham", "spam", "ham", "spam", "ham"])


@pytest.mark.parametrize(
    ("y", "given", "expected"),
    [
        (NAMES, "advertisement ", "advertisement"),
        (NAMES.tolist(), "ad", "ad"),
        (series(NAMES), "advertisement", "advertisement"),
        (series(NAMES).astype("category"), "ad", "ad"),
        (pd.Categorical(NAMES), "ad", "ad"),
        (Y, "7", 7),
        (Y.astype(np.int8), "300", 300),
        (series(Y.astype(np.int8)), "300", 300),
        (Y.reshape(-1, 1), "7.0", 7),
        (pd.DataFrame({"y": Y.astype(np.int8)}, index=INDEX), "300", 300),
        (Y / 1, "7", 7.0),
        (Y.astype(object), "7", 7),
    ],
)
def test_a_new_label_is_taken_where_it_is_asked_for(y, given, expected):
    data_map = make(np.asarray(y).ravel())
    frame = decide(review(data_map), relabel=[("c2", given)], drop="c3")
    with pytest.raises(
        ValueError, match=r"not among the labels.*new_labels=True.*--new"
    ):
        apply_review(y, frame, TEXTS, index=INDEX)
    before = np.array(y)
    corrected, kept = apply_review(y, frame, TEXTS, index=INDEX, new_labels=True)
    flat = np.asarray(corrected).ravel().tolist()
    assert flat[2] == expected
    assert type(flat[2]) is type(expected)
    others = np.delete(np.arange(8), 2)
    assert [flat[k] for k in others] == before.ravel()[others].tolist()
    assert np.flatnonzero(~kept).tolist() == [3]
    np.testing.assert_array_equal(np.array(y), before)
    if not isinstance(y, list):
        assert type(corrected) is type(y)


def test_known_labels_change_no_type_where_new_ones_are_taken():
    frame = decide(review(make(NAMES)), relabel=[("c2", "ham")])
    corrected, _ = apply_review(NAMES, frame, TEXTS, index=INDEX, new_labels=True)
    assert corrected.dtype == NAMES.dtype


def test_what_spells_a_known_label_is_no_new_one():
    frame = decide(review(make(NAMES)), relabel=[("c2", "HAM ")])
    with pytest.warns(UserWarning, match="was read as 'ham'"):
        corrected, _ = apply_review(NAMES, frame, TEXTS, index=INDEX, new_labels=True)
    assert set(corrected) == {"ham", "spam"}


@pytest.mark.parametrize(
    ("y", "given", "message"),
    [
        (Y, "seven", r"of the type int \(.*which \['seven'\] are not"),
        (Y, "7.5", r"of the type int"),
        (Y == 1, "maybe", "of the type bool: only texts and numbers can"),
    ],
)
def test_a_new_label_of_another_type_is_refused(y, given, message):
    frame = decide(review(make(y)), relabel=[("c2", given)])
    with pytest.raises(ValueError, match=message):
        apply_review(y, frame, TEXTS, index=INDEX, new_labels=True)


def test_multilabel_takes_no_new_label():
    frame = review(make_multilabel())
    frame.loc[0, ["decision", "new_label"]] = ["relabel", "maybe"]
    with pytest.raises(ValueError, match="of the type bool"):
        apply_review(FRAME, frame, new_labels=True)
