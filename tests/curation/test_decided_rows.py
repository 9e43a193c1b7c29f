"""A decision reaches the row that was read, or is refused: never another row."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import LabelEncoder

from sklearn_datamaps import DataMap, DataMapClassifier, apply_review

# Two pairs of copies, so that label and text alone do not tell the rows apart.
TEXTS = ["ok", "bad", "ok", "bad", "fine", "worse"]
Y = np.array([0, 1, 0, 1, 0, 1])
ORDER = [2, 3, 0, 1, 5, 4]
NAMES = pd.Index([f"c{row}" for row in range(6)])


def map_of(y=Y, *, texts=TEXTS, index=None):
    own = np.linspace(0.1, 0.9, len(y))
    codes = np.unique(np.asarray(y), return_inverse=True)[1]
    proba = np.where(codes == 1, own, 1 - own)
    data_map = DataMap.from_probabilities(
        np.stack([1 - proba, proba], axis=-1)[None], np.asarray(y), index=index
    )
    return data_map if texts is None else data_map.with_columns(text=texts)


def drop(data_map, position):
    """The whole review, with the decision to drop the row at a position of the map."""
    frame = data_map.review(n=None)
    frame.loc[frame["position"] == position, "decision"] = "drop"
    return frame


def dropped(*args, **kwargs):
    return np.flatnonzero(~apply_review(*args, **kwargs)[1]).tolist()


@pytest.mark.parametrize("position", range(6))
@pytest.mark.parametrize("texts", [TEXTS, None])
def test_names_of_x_are_none_of_a_y_without(position, texts):
    X = pd.Series(TEXTS, index=ORDER)
    assert dropped(Y, drop(map_of(texts=texts), position), X) == [position]


@pytest.mark.parametrize("position", range(6))
def test_map_without_names_and_y_whose_names_are_other_positions(position):
    y = pd.Series(Y, index=ORDER)
    review = drop(map_of(), position)
    # Names and positions speak of two rows, which only the texts can tell apart.
    with pytest.raises(ValueError, match=rf"cannot be told .*: id '{position}'\."):
        apply_review(y, review)
    if position < 4:  # copies
        with pytest.raises(ValueError, match="cannot be told which was meant"):
            apply_review(y, review, TEXTS)
    else:
        assert dropped(y, review, TEXTS) == [position]
    assert dropped(y, review, index=map_of().index) == [position]


@pytest.mark.parametrize("position", [4, 5])
def test_shuffled_rows_of_a_counted_frame_are_found_where_the_texts_tell(position):
    y = pd.Series(Y).iloc[ORDER]
    texts = np.array(TEXTS)[ORDER]
    assert dropped(y, drop(map_of(), position), texts) == [ORDER.index(position)]
    with pytest.raises(ValueError, match="Pass the texts as X"):
        apply_review(y, drop(map_of(), position))


def test_label_changed_at_the_position_does_not_send_the_decision_to_the_name():
    y = pd.Series([0, 1, 1, 1, 0, 1], index=ORDER)
    # Position 2 is relabelled by now; the row that is named 2 has the label it had.
    for texts in (None, TEXTS):
        review = drop(map_of(texts=texts), 2)
        for X in (None, np.arange(6).astype(str)):
            with pytest.raises(ValueError, match=r"cannot be told|stale"):
                apply_review(y, review, X)


@pytest.mark.parametrize("position", range(6))
def test_map_with_names_and_y_that_only_counts(position):
    """Fitted on a frame with an index and bare labels, which then became a Series."""
    review = drop(map_of(index=pd.Index(ORDER)), position)
    y = pd.Series(Y)
    with pytest.raises(ValueError, match="cannot be told"):
        apply_review(y, review)
    assert dropped(y, review, index=ORDER) == [position]
    assert dropped(Y, review, TEXTS) == [position]


def test_part_of_a_counted_frame_is_found_in_the_whole():
    part = [1, 4, 5]
    y = np.array([0, 0, 0, 0, 1, 1])
    data_map = map_of(y[part], texts=np.array(TEXTS)[part], index=pd.Index(part))
    review = drop(data_map, 1)  # row 4, where row 1 has another label
    assert dropped(pd.Series(y), review) == [4]
    assert dropped(pd.Series(y), review, TEXTS) == [4]


def test_split_and_encoded_labels_are_not_stale():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=80), "b": rng.normal(size=80)})
    frame["text"] = [f"text {row}" for row in range(80)]
    labels = np.where(frame["a"] > 0, "yes", "no")
    train, _, y_train, _ = train_test_split(frame, labels, random_state=0)
    y = LabelEncoder().fit_transform(y_train)
    learner = DataMapClassifier(SGDClassifier(loss="log_loss"), n_epochs=2)
    for X in (train[["a", "b"]], train[["a", "b"]].to_numpy()):
        data_map = learner.fit(X, y).data_map_.with_columns(text=train["text"])
        review = data_map.review(n=5)
        review["decision"] = "drop"
        expected = sorted(review["position"])
        assert dropped(y, review, train["text"]) == expected
        assert dropped(y, review, train["text"].to_numpy()) == expected


@pytest.mark.parametrize(
    ("names", "written"),
    [
        (["00001", "00002", "00003", "00010", "00011", "00012"], str.lstrip),
        (["True", "False", "a", "b", "c", "d"], str.upper),
        (["2024-01-03", "2024-02-03", "2024-01-04", "x", "y", "z"], None),
        (["1200000", "1300000", "1", "2", "3", "4"], None),
    ],
)
@pytest.mark.parametrize("order", [range(6), ORDER])
def test_ids_that_a_spreadsheet_changed_are_seen_through(names, written, order):
    changes = {"2024-01-03": "03/01/2024", "2024-02-03": "2/3/24"}
    changes |= {"2024-02-03": "03.02.2024", "2024-01-04": "04/01/2024 00:00"}
    changes |= {"1200000": "1.2E+06", "1300000": "1,300,000"}
    order = list(order)
    names, y = np.array(names, dtype=object), Y.astype(str)
    data_map = map_of(y, index=pd.Index(names))
    for position in range(6):
        review = drop(data_map, position)
        if written is str.lstrip:
            review["id"] = [name.lstrip("0") for name in review["id"]]
        elif written is not None:
            review["id"] = [written(name) for name in review["id"]]
        else:
            review["id"] = [changes.get(name, name) for name in review["id"]]
        found = dropped(y[order], review, np.array(TEXTS)[order], index=names[order])
        assert found == [order.index(position)]


def test_changed_id_that_may_be_two_rows_is_refused():
    names = np.array(["1", "01", "001", "a", "b", "c"], dtype=object)
    texts = ["ok"] * 6
    y = np.zeros(6, dtype=int)
    y[5] = 1
    review = drop(map_of(y, texts=texts, index=pd.Index(names)), 2)
    review["id"] = review["id"].replace("001", "1.0")
    shuffled = [5, 0, 1, 4, 3, 2]
    with pytest.raises(ValueError, match=r"Several rows of y fit.*: id '1\.0'\."):
        apply_review(y[shuffled], review, texts, index=names[shuffled])


def test_row_dropped_since_does_not_pass_its_decision_to_a_copy():
    review = drop(map_of(index=NAMES), 0)
    y = pd.Series(Y, index=NAMES)
    kept = apply_review(y, review, TEXTS)[1]
    assert kept.tolist() == [False] + [True] * 5
    with pytest.raises(ValueError, match=r"dropped since.*: id 'c0'\."):
        apply_review(y[kept], review, np.array(TEXTS)[kept])


def test_ids_are_positions_where_a_review_lost_that_column():
    review = drop(map_of(), 3).drop(columns="position")
    assert dropped(Y, review, TEXTS) == [3]


def test_undecided_rows_may_be_damaged():
    review = drop(map_of(), 3).astype({"id": object, "position": object})
    review.loc[review["decision"] == "", ["id", "position", "row_hash"]] = "gone"
    assert dropped(Y, review) == [3]


# Reviews without row_hash, as people write them


def by_hand(**columns):
    """A decision, written by hand."""
    decision = {"id": ["c4"], "decision": ["drop"], "new_label": [""]}
    return pd.DataFrame(decision | {name: [cell] for name, cell in columns.items()})


BARE = "Decisions without a row_hash: 1. .* not compared: "


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({}, "labels and texts"),
        ({"label": "0.0"}, "texts"),
        ({"text": "fine"}, "labels"),
        ({"text": "fine", "label": "0", "position": 1}, None),
        ({"row_hash": np.nan}, "labels and texts"),
    ],
)
def test_named_row_without_a_hash_is_found_and_said_what_was_not_compared(
    columns, told
):
    y = pd.Series(Y, index=NAMES)
    message = "all that it says fits" if told is None else f"{BARE}{told}[.]"
    with pytest.warns(UserWarning, match=message):
        assert dropped(y, by_hand(**columns), TEXTS) == [4]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"id": "c9"}, "rows that y has not"),
        ({"id": ""}, "rows that y has not"),
        ({"label": "1"}, "stale or of other data"),
        ({"text": "worse"}, "stale or of other data"),
        ({"text": "worse", "position": 5}, "stale or of other data"),
    ],
)
def test_row_without_a_hash_is_refused_where_it_is_another(columns, message):
    y = pd.Series(Y, index=NAMES)
    with pytest.raises(ValueError, match=message):
        apply_review(y, by_hand(**columns), TEXTS)


@pytest.mark.parametrize("y", [Y, pd.Series(Y)])
def test_count_without_a_hash_needs_a_label_or_text(y):
    with pytest.raises(
        ValueError, match=r"Only a count .* nothing confirms it.*id '4'"
    ):
        apply_review(y, by_hand(id=4), TEXTS)
    with pytest.warns(UserWarning, match=f"{BARE}texts"):
        assert dropped(y, by_hand(id=4, label=0), TEXTS) == [4]
    with pytest.warns(UserWarning, match=f"{BARE}labels"):
        assert dropped(y, by_hand(id="4", text="fine"), TEXTS) == [4]
    # As if counted from 1.
    for other in ({"label": 0}, {"text": "fine"}):
        with pytest.raises(ValueError, match="stale or of other data"):
            apply_review(y, by_hand(id=5, **other), TEXTS)


def test_counts_without_a_hash_that_differ_are_refused_unless_the_text_tells():
    y = pd.Series(Y)
    with pytest.raises(ValueError, match="cannot be told which was meant"):
        apply_review(y, by_hand(id=2, position=4, label=0))
    with pytest.raises(ValueError, match="cannot be told which was meant"):
        apply_review(y, by_hand(id=0, position=2, text="ok"), TEXTS)
    with pytest.warns(UserWarning, match=f"{BARE}labels"):
        assert dropped(y, by_hand(id=2, position=4, text="fine"), TEXTS) == [4]


def test_name_without_a_hash_that_a_spreadsheet_rewrote_is_found_if_it_is_one():
    y = pd.Series(Y, index=["01", "02", "03", "004", "04", "5"])
    with pytest.warns(UserWarning, match=BARE):
        assert dropped(y, by_hand(id="2")) == [1]
    with pytest.raises(ValueError, match=r"Several rows of y fit.*id '4'"):
        apply_review(y, by_hand(id="4"))
    with pytest.warns(UserWarning, match=f"{BARE}labels"):
        assert dropped(y, by_hand(id="4", text="fine"), TEXTS) == [4]


def test_multilabel_cell_without_a_hash_is_compared():
    Y_two = pd.DataFrame({"a": [1, 0, 1], "b": [0, 1, 1]}, index=["x", "y", "z"])
    review = by_hand(id="y", label_name="a", label="TRUE")
    with pytest.raises(ValueError, match="stale or of other data"):
        apply_review(Y_two, review)
    review["label"], review["decision"] = "FALSE", "relabel"
    review["new_label"] = True
    with pytest.warns(UserWarning, match="all that it says fits"):
        assert apply_review(Y_two, review)[0]["a"].tolist() == [1, 1, 1]


def test_label_with_space_at_its_end_is_the_label():
    y = pd.Series(["a ", "b"] * 3, index=NAMES)
    with pytest.warns(UserWarning, match="all that it says fits"):
        assert dropped(y, by_hand(label="a")) == [4]
