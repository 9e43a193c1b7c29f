import copy
import pickle
from dataclasses import FrozenInstanceError
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import Pipeline

from sklearn_datamaps import DataMap, TrainingDynamics
from sklearn_datamaps._core.base_map import table_of
from sklearn_datamaps._views.review import row_hashes

STREAMED = ("loss", "el2n", "forgetting", "first_learned", "mean_proba")
DIRECTIONS = {
    "confidence": "lowest",
    "variability": "highest",
    "correctness": "lowest",
    "margin": "lowest",
    "margin_std": "highest",
    "aleatoric": "highest",
    "threshold_closeness": "highest",
    "forgetting": "highest",
    "first_learned": "highest",
    "loss": "highest",
    "el2n": "highest",
    "logit_margin": "lowest",
}


def crafted(confidence, variability, label, *, n_epochs=10, **kwargs):
    """A map of given coordinates, as a file of them would make it."""
    confidence, label = np.asarray(confidence, dtype=float), np.asarray(label)
    return DataMap(
        confidence=confidence,
        variability=np.broadcast_to(variability, confidence.shape).astype(float),
        correctness=(confidence > 0.5).astype(float),
        label=label,
        predicted=label,
        classes=kwargs.pop("classes", np.unique(label)),
        n_epochs=n_epochs,
        index=kwargs.pop("index", pd.RangeIndex(len(confidence))),
        **kwargs,
    )


def multiclass(n_samples=30, *, seed=0, **kwargs):
    rng = np.random.default_rng(seed)
    y = np.array(["sad", "glad", "mad"])[np.arange(n_samples) % 3]
    mean = rng.dirichlet(np.full(3, 0.5), size=n_samples)
    tensor = (2 * mean + rng.dirichlet(np.ones(3), size=(5, n_samples))) / 3
    options = {"measures": STREAMED, "store_trajectories": True}
    return DataMap.from_probabilities(tensor, y, **(options | kwargs))


def multilabel(n_samples=6, *, seed=0, **kwargs):
    rng = np.random.default_rng(seed)
    y = rng.random((n_samples, 3)) < 0.5
    cells = rng.random((5, n_samples, 3))
    options = {"measures": STREAMED, "classes": ["joy", "fear", "rage"]}
    return DataMap.from_probabilities(cells, y, multilabel=True, **(options | kwargs))


@pytest.fixture(scope="module", params=["multiclass", "multilabel"])
def data_map(request):
    made = multiclass() if request.param == "multiclass" else multilabel()
    texts = [f"comment {i}" for i in range(made.n_samples)]
    return made.with_columns(text=texts)


def every_array(data_map):
    names = ("confidence", "variability", "correctness", "label", "predicted")
    arrays = [getattr(data_map, name) for name in names] + [data_map.classes]
    arrays += [*data_map.measures.values(), *data_map.columns.values()]
    return arrays + ([] if data_map.trajectories is None else [data_map.trajectories])


def test_arrays_are_read_only(data_map):
    for values in every_array(data_map):
        with pytest.raises(ValueError, match="read-only"):
            values[...] = values[0]


def test_mappings_and_attributes_are_read_only(data_map):
    for mapping in (data_map.measures, data_map.columns, data_map.meta):
        with pytest.raises(TypeError):
            mapping["confidence"] = 0
    with pytest.raises(AttributeError):
        data_map.n_epochs = 3


def test_user_array_stays_writable():
    texts = np.array(["a", "b"], dtype=object)
    crafted([0.1, 0.9], 0, [0, 1]).with_columns(text=texts)
    texts[0] = "c"
    assert texts.tolist() == ["c", "b"]


@pytest.mark.parametrize(
    "duplicate", [lambda m: pickle.loads(pickle.dumps(m)), copy.deepcopy, copy.copy]
)
def test_copies_are_equal_and_read_only(data_map, duplicate):
    twin = duplicate(data_map)
    pairs = zip(every_array(data_map), every_array(twin), strict=True)
    for one, two in pairs:
        np.testing.assert_array_equal(one, two)
        assert not two.flags.writeable
    assert dict(twin.meta) == dict(data_map.meta)
    assert twin.index.equals(data_map.index)
    assert repr(twin) == repr(data_map)
    with pytest.raises(TypeError):
        twin.meta["seed"] = 1


@pytest.mark.parametrize("by", DIRECTIONS)
def test_rank_starts_at_the_most_telling_row(by):
    data_map = multiclass()
    values = data_map.measure(by)
    signed = values if DIRECTIONS[by] == "lowest" else -values
    expected = sorted(range(len(values)), key=lambda row: signed[row])
    assert data_map.rank(by).tolist() == expected
    opposite = sorted(range(len(values)), key=lambda row: -signed[row])
    ascending = DIRECTIONS[by] != "lowest"
    assert data_map.rank(by, ascending=ascending).tolist() == opposite


@pytest.mark.parametrize("ascending", [True, False])
def test_tied_rows_keep_their_order(ascending):
    data_map = crafted([0.5, 0.2, 0.5, 0.2, 0.2], 0, [0, 1, 0, 1, 0])
    expected = [1, 3, 4, 0, 2] if ascending else [0, 2, 1, 3, 4]
    assert data_map.rank("confidence", ascending=ascending).tolist() == expected


def test_rows_never_recorded_rank_last_in_either_direction():
    data_map = crafted([0.5, np.nan, 0.2], 0, [0, 1, 0])
    assert data_map.rank("confidence").tolist() == [2, 0, 1]
    assert data_map.rank("confidence", ascending=False).tolist() == [0, 2, 1]


@pytest.mark.parametrize("n_samples", [1, 7, 30, np.int64(7)])
def test_rank_returns_exactly_as_many_rows_as_asked(n_samples):
    data_map = multiclass()
    chosen = data_map.rank("variability", n_samples=n_samples)
    np.testing.assert_array_equal(chosen, data_map.rank("variability")[:n_samples])
    assert len(chosen) == n_samples


@pytest.mark.parametrize(
    ("size", "fraction", "expected"),
    [(30, 1 / 3, 10), (10, 1 / 3, 3), (11, 1 / 3, 4), (3, 1e-9, 1), (7, 1, 7)],
)
def test_fraction_returns_the_nearest_count_and_at_least_one_row(
    size, fraction, expected
):
    data_map = multiclass(size)
    chosen = data_map.rank("variability", fraction=fraction)
    np.testing.assert_array_equal(chosen, data_map.rank("variability")[:expected])
    assert len(chosen) == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_samples": 3, "fraction": 0.5}, "either n_samples or fraction, not both"),
        ({"fraction": 0}, r"fraction must be in \(0, 1\]; got 0"),
        ({"fraction": 1.01}, r"fraction must be in \(0, 1\]; got 1.01"),
        ({"fraction": -0.5}, "fraction must be in"),
        ({"fraction": np.nan}, "fraction must be in"),
        ({"fraction": "0.5"}, "fraction must be in"),
        ({"fraction": True}, "fraction must be in"),
        ({"n_samples": 0}, r"n_samples must be in 1 \.\.\. 30, .*; got 0"),
        ({"n_samples": -1}, "n_samples must be in 1"),
        ({"n_samples": 31}, r"n_samples must be in 1 \.\.\. 30, .*; got 31"),
        ({"n_samples": 2.0}, "n_samples must be an integer; got 2.0"),
        ({"n_samples": True}, "n_samples must be an integer; got True"),
        ({"label": "sad"}, "apply to multilabel maps only"),
        ({"per_row": "worst"}, "apply to multilabel maps only"),
    ],
)
def test_rank_refuses_a_selection_that_makes_no_sense(arguments, message):
    with pytest.raises(ValueError, match=message):
        multiclass().rank("confidence", **arguments)


def test_what_is_kept_beside_the_measures_is_none_of_them():
    data_map = DataMap.from_probabilities([[[0.9, 0.1], [0.2, 0.8]]], ["a", "b"])
    for kept in (data_map, data_map.with_columns(text=["x", "y"])):
        np.testing.assert_array_equal(kept.label_codes(), [0, 1])
        kept.measure("aleatoric")
        for name in ("codes", "_codes"):
            with pytest.raises(ValueError, match=f"There is no measure '{name}'"):
                kept.measure(name)


@pytest.mark.parametrize("by", ["certainty", "mean_proba", "label", None])
def test_unknown_measure_is_refused_with_the_choices(by):
    with pytest.raises(ValueError, match=r"There is no measure .*'confidence', 'var"):
        multiclass().rank(by)


@pytest.mark.parametrize("by", ["loss", "el2n", "forgetting", "first_learned"])
def test_measure_that_was_not_recorded_says_how_to_record_it(by):
    with pytest.raises(ValueError, match=rf"not recorded. .*measures=\['{by}'\]"):
        multiclass(measures=()).rank(by)


@pytest.mark.parametrize("by", ["logit_margin"])
def test_what_is_derived_from_the_mean_probabilities_needs_them(by):
    plain = multiclass(measures=["loss"])
    message = r"measures=\['mean_proba'\]"
    with pytest.raises(ValueError, match=message):
        plain.rank(by)
    with pytest.raises(ValueError, match=message):
        _ = plain.suggested


def test_measure_names_are_those_that_rank():
    assert multiclass().measure_names() == list(DIRECTIONS)
    assert multiclass(measures=["loss"]).measure_names() == [
        *("confidence", "variability", "correctness", "margin", "margin_std"),
        *("aleatoric", "threshold_closeness", "loss"),
    ]


def test_suggested_is_the_label_of_the_largest_mean_probability():
    row = [[0.6, 0.3, 0.1], [0.1, 0.5, 0.4], [0.1, 0.45, 0.45]]
    others = [[[0.2, 0.5, 0.3]] * 10] * 3
    tensor = np.concatenate([np.array(row)[:, None], others], axis=1)
    data_map = DataMap.from_probabilities(
        tensor,
        ["b", *["c"] * 5, *["a"] * 5],
        classes=["b", "c", "a"],
        measures=["mean_proba"],
    )
    assert data_map.suggested.tolist() == ["c"] * 11


def test_suggested_labels_are_those_above_one_half_on_average():
    cells = [[[0.2, 0.9]] * 10, [[0.7, 0.3]] * 10]
    y = [[1, 0]] * 5 + [[0, 1]] * 5
    data_map = DataMap.from_probabilities(
        cells, y, multilabel=True, measures=["mean_proba"]
    )
    assert data_map.suggested.tolist() == [[False, True]] * 10


SUGGESTIONS = [(4, "a"), (5, "c")]  # rows of c, and what a row of a is suggested


@pytest.mark.parametrize(("n_rare", "suggested"), SUGGESTIONS)
def test_label_of_fewer_than_five_rows_is_suggested_for_no_other(n_rare, suggested):
    y = [*["a"] * 6, *["b"] * 6, *["c"] * n_rare]
    proba = [[[0.3, 0.1, 0.6]] * len(y)]
    data_map = DataMap.from_probabilities(proba, y, measures=["mean_proba"])
    assert data_map.suggested[0] == suggested
    assert data_map.to_frame()["suggested"].iloc[0] == suggested
    assert data_map.suggested[-1] == "c"  # its own
    other = data_map.suggested_other()[[0, 6, 12]]
    assert other.tolist() == [
        "b" if n_rare < 5 else "c",
        "a" if n_rare < 5 else "c",
        "a",
    ]


def test_no_label_is_suggested_where_no_other_has_five_rows():
    y = [*[1] * 9, 0]
    data_map = DataMap.from_probabilities(
        [[[0.9, 0.1]] * 10], y, measures=["mean_proba"]
    )
    assert data_map.suggested.tolist() == [*y[:9], 0]
    assert data_map.suggested_other().tolist() == [1] * 10


@pytest.mark.parametrize(("n_set", "suggested"), [(4, False), (5, True)])
def test_multilabel_suggests_no_label_that_is_set_in_fewer_than_five_rows(
    n_set, suggested
):
    y = np.zeros((20, 2), dtype=int)
    y[:n_set], y[n_set:, 1] = [1, 0], 1
    data_map = DataMap.from_probabilities(
        [np.full((20, 2), 0.9)], y, multilabel=True, measures=["mean_proba"]
    )
    assert bool(data_map.suggested[-1, 0]) is suggested
    assert data_map.suggested_other()[[19, 0], 0].tolist() == [suggested, False]


def test_multilabel_rank_lists_cells():
    data_map = multilabel()
    cells = data_map.rank("confidence", n_samples=5)
    assert cells.shape == (5, 2)
    values = data_map.confidence[tuple(cells.T)]
    np.testing.assert_array_equal(values, np.sort(data_map.confidence.ravel())[:5])
    assert len(data_map.rank("confidence")) == data_map.confidence.size


def test_multilabel_rank_of_one_label_lists_rows():
    data_map = multilabel()
    rows = data_map.rank("confidence", label="rage", n_samples=4)
    expected = np.argsort(data_map.confidence[:, 2], kind="stable")[:4]
    np.testing.assert_array_equal(rows, expected)


@pytest.mark.parametrize(("by", "worst"), [("confidence", "min"), ("loss", "max")])
def test_multilabel_rank_by_the_worst_label_lists_rows(by, worst):
    data_map = multilabel()
    values = getattr(data_map.measure(by), worst)(axis=1)
    expected = np.argsort(values if worst == "min" else -values, kind="stable")
    np.testing.assert_array_equal(data_map.rank(by, per_row="worst"), expected)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"label": "hope"}, r"no label 'hope'; the map has \['joy', 'fear', 'rage'\]"),
        ({"label": 0}, "There is no label 0"),
        ({"label": "joy", "per_row": "worst"}, "either label or per_row, not both"),
        ({"per_row": "best"}, "per_row must be 'worst' or None; got 'best'"),
        ({"label": "joy", "n_samples": 7}, r"in 1 \.\.\. 6, the size"),
    ],
)
def test_multilabel_rank_refuses_what_it_cannot_rank_by(arguments, message):
    with pytest.raises(ValueError, match=message):
        multilabel().rank("confidence", **arguments)


def test_label_codes_are_positions_in_classes():
    data_map = crafted(
        [0.1, 0.2, 0.3], 0, ["b", "a", "b"], classes=np.array(["b", "a"])
    )
    assert data_map.label_codes().tolist() == [0, 1, 0]


def test_columns_are_attached_to_a_copy():
    plain = crafted([0.1, 0.9], 0, ["a", "b"])
    with_text = plain.with_columns(text=["one", "two"])
    with_both = with_text.with_columns(length=[3, 5])
    assert dict(plain.columns) == {}
    assert list(with_text.columns) == ["text"]
    assert with_both.columns["text"].tolist() == ["one", "two"]
    assert with_both.columns["length"].tolist() == [3, 5]
    assert with_both.columns["length"].dtype.kind == "i"


@pytest.mark.parametrize("missing", [np.nan, None])
def test_missing_text_of_a_column_stays_missing(missing):
    data_map = crafted([0.1, 0.9], 0, ["a", "b"])
    text = data_map.with_columns(text=["one", missing]).columns["text"]
    assert text.tolist() == ["one", missing]


def test_column_takes_the_kinds_users_have():
    data_map = crafted([0.1, 0.9], 0, ["a", "b"], index=pd.Index(["x", "y"]))
    for column in (
        ["one", "two"],
        ("one", "two"),
        np.array(["one", "two"]),
        pd.Series(["one", "two"]),
        pd.Series(["one", "two"], index=["x", "y"], dtype="string"),
        pd.Categorical(["one", "two"]),
    ):
        carried = data_map.with_columns(text=column).columns["text"]
        assert carried.tolist() == ["one", "two"]


@pytest.mark.parametrize("column", [["one"], np.zeros((2, 2)), "text", 3])
def test_column_of_another_length_is_refused(column):
    data_map = crafted([0.1, 0.9], 0, ["a", "b"])
    with pytest.raises(ValueError, match=r"Column 'text' has shape .* 2 rows"):
        data_map.with_columns(text=column)


def test_column_with_another_index_is_refused():
    data_map = crafted([0.1, 0.9], 0, ["a", "b"], index=pd.Index(["x", "y"]))
    shuffled = pd.Series(["two", "one"], index=["y", "x"])
    with pytest.raises(ValueError, match=r"'text' has another index .*\.loc"):
        data_map.with_columns(text=shuffled)
    aligned = data_map.with_columns(text=shuffled.loc[data_map.index])
    assert aligned.columns["text"].tolist() == ["one", "two"]


@pytest.mark.parametrize(
    "name",
    [
        *("position", "label", "label_name", "predicted", "region", "suggested"),
        *("mean_proba", *DIRECTIONS),
    ],
)
def test_column_may_not_take_a_name_of_the_map(name):
    data_map = crafted([0.1, 0.9], 0, ["a", "b"])
    with pytest.raises(ValueError, match=f"'{name}' is a column of the map itself"):
        data_map.with_columns(**{name: [1, 2]})


def test_frame_has_one_row_each_with_index_and_position():
    index = pd.Index([f"id{i}" for i in range(30)], name="id")
    data_map = multiclass(index=index)
    frame = data_map.to_frame(text=index.to_numpy())
    assert frame.columns.tolist() == [
        *("position", "label", "predicted", "confidence", "variability"),
        *("correctness", "margin", "margin_std", "region"),
        *("loss", "el2n", "forgetting", "first_learned"),
        *("logit_margin", "suggested", "text"),
    ]
    assert frame.index.equals(index)
    assert frame.index.name == "id"
    assert frame["position"].tolist() == list(range(30))
    assert frame["text"].tolist() == index.tolist()
    for name in data_map.measure_names():
        if name in frame:
            np.testing.assert_array_equal(frame[name], data_map.measure(name))
    for name in ("label", "predicted", "suggested"):
        assert frame[name].tolist() == getattr(data_map, name).tolist()
    assert frame["region"].tolist() == data_map.regions().tolist()
    assert dict(data_map.columns) == {}


def test_frame_can_be_changed_without_changing_the_map():
    data_map = crafted([0.1, 0.9], 0, ["a", "b"])
    frame = data_map.to_frame()
    frame["confidence"] = 0.0
    frame.loc[0, "variability"] = 0.5
    assert data_map.confidence.tolist() == [0.1, 0.9]
    assert data_map.variability.tolist() == [0.0, 0.0]


def test_multilabel_frame_is_long():
    index = pd.Index(["r0", "r1"])
    texts = ["one", "two"]
    cells = [[[0.9, 0.2, 0.6], [0.1, 0.3, 0.8]]]
    y = [[1, 0, 0], [0, 0, 1]]
    names = ["joy", "fear", "rage"]
    data_map = DataMap.from_probabilities(
        cells, y, classes=names, multilabel=True, index=index
    ).with_columns(text=texts)
    frame = data_map.to_frame()
    assert frame.index.tolist() == ["r0"] * 3 + ["r1"] * 3
    assert frame["position"].tolist() == [0, 0, 0, 1, 1, 1]
    assert frame["label_name"].tolist() == names * 2
    assert frame["label"].tolist() == [True, False, False, False, False, True]
    assert frame["text"].tolist() == ["one"] * 3 + ["two"] * 3
    np.testing.assert_allclose(frame["confidence"], [0.9, 0.8, 0.4, 0.9, 0.7, 0.8])
    np.testing.assert_allclose(frame["margin"], [0.8, 0.6, -0.2, 0.8, 0.4, 0.6])


def test_summary_counts_what_a_crosstab_counts():
    data_map = multiclass(300)
    frame = data_map.to_frame()
    table = data_map.summary()
    assert table.index.tolist() == ["easy", "ambiguous", "hard"]
    assert (table["n_samples"] > 0).all()
    groups = frame.groupby("region")
    counts = groups.size()[table.index]
    np.testing.assert_array_equal(table["n_samples"], counts)
    np.testing.assert_allclose(table["share"], counts / 300)
    for name in ("confidence", "variability", "correctness"):
        np.testing.assert_allclose(table[name], groups[name].mean()[table.index])


def test_summary_by_label_is_the_crosstab():
    frame = multiclass(300).to_frame()
    expected = pd.crosstab(frame["label"], frame["region"])
    table = multiclass(300).summary(by="label")
    pd.testing.assert_frame_equal(
        table, expected[table.columns], check_index_type=False, check_column_type=False
    )


def test_summary_of_an_empty_region_is_zero_and_nan():
    table = crafted([0.9, 0.95], 0, ["a", "b"]).summary()
    assert table["n_samples"].tolist() == [2, 0, 0]
    assert table["share"].tolist() == [1, 0, 0]
    assert table["confidence"].isna().tolist() == [False, True, True]


def test_multilabel_summary_counts_set_and_unset_labels_apart():
    data_map = multilabel(200)
    frame = data_map.to_frame()
    table = data_map.summary()
    expected = pd.crosstab(frame["label"], frame["region"])
    for name, is_set in (("set", True), ("unset", False)):
        assert table.loc[name].index.tolist() == ["easy", "ambiguous", "hard"]
        for region, row in table.loc[name].iterrows():
            assert row["n_samples"] == expected.loc[is_set, region]
            chosen = frame[(frame["label"] == is_set) & (frame["region"] == region)]
            np.testing.assert_allclose(row["confidence"], chosen["confidence"].mean())
        np.testing.assert_allclose(table.loc[name]["share"].sum(), 1)


def test_multilabel_summary_by_label_counts_the_cells_of_each():
    data_map = multilabel(200)
    frame = data_map.to_frame()
    table = data_map.summary(by="label")
    expected = pd.crosstab(frame["label_name"], frame["region"])
    np.testing.assert_array_equal(table, expected.loc[table.index, table.columns])


def test_summary_counts_rows_never_recorded_apart():
    data_map = crafted([0.9, np.nan, 0.1], 0, ["a", "b", "b"])
    assert data_map.summary()["n_samples"].to_dict() == {
        "easy": 1,
        "ambiguous": 0,
        "hard": 1,
        "unseen": 1,
    }
    assert data_map.summary(by="label")["unseen"].to_dict() == {"a": 0, "b": 1}


@pytest.mark.parametrize("by", ["region", "labels", 0])
def test_summary_by_something_else_is_refused(by):
    with pytest.raises(ValueError, match="by must be None, 'label' or a carr"):
        multiclass().summary(by)


def test_repr_is_what_a_person_wants_to_see_first():
    sizes = [42_647, 619, 144]
    label = np.full(43_410, "other", dtype=object)
    label[-122:] = "gratitude"
    data_map = crafted(
        np.repeat([0.9, 0.5, 0.1], sizes),
        0.0549,
        label,
        meta={"recording": "in-sample", "learner": "SGDClassifier", "seed": 0},
    )
    assert repr(data_map).splitlines() == [
        "DataMap: 43,410 rows, 10 epochs, in-sample, SGDClassifier, seed 0",
        "easy       42,647  98.2 %",
        "ambiguous     619   1.4 %",
        "hard          144   0.3 %   (gratitude 122, other 22)",
        "! variability <= 0.055: rows differ by confidence, hardly by variability",
        "! the labels are predicted no better than by always naming the most frequent "
        "answer",
        "! in-sample: use cv=2 to look for wrong labels",
    ]


def test_repr_has_no_note_when_rows_differ_by_variability():
    data_map = crafted([0.9, 0.95] * 2, [0.0, 0.11] * 2, ["a", "b"] * 2)
    assert repr(data_map).splitlines() == [
        "DataMap: 4 rows, 10 epochs",
        "easy       4  100.0 %",
        "ambiguous  0    0.0 %",
        "hard       0    0.0 %",
    ]


def test_repr_says_what_one_epoch_and_missing_rows_mean():
    dynamics = TrainingDynamics([0, 1, 1, 0])
    dynamics.update([[0.9, 0.1], [0.8, 0.2]], [0, 1])
    assert repr(dynamics.to_data_map(allow_incomplete=True)).splitlines() == [
        "DataMap: 4 rows, 1 epoch, in-sample",
        "easy       1  25.0 %",
        "ambiguous  0   0.0 %",
        "hard       1  25.0 %   (class 1: 1)",
        "unseen     2  50.0 %",
        "! one epoch only: variability is 0 by definition",
        "! 2 never recorded",
    ]


@pytest.mark.parametrize(
    ("n_classes", "ending"),
    [
        (4, "(c0 4, c1 3, c2 2, c3 1)"),
        (6, "(c0 6, c1 5, c2 4; 6 in 3 other classes)"),
    ],
)
def test_repr_names_the_largest_classes_of_the_hard_rows(n_classes, ending):
    names = [f"c{i}" for i in range(n_classes)]
    label = np.repeat(names, np.arange(n_classes, 0, -1))[::-1]
    data_map = crafted(np.full(len(label), 0.1), 0.2, label, classes=np.array(names))
    assert repr(data_map).splitlines()[3].endswith(ending)


def test_multilabel_repr_shows_set_and_unset_labels_side_by_side():
    label = np.array([[True, False], [True, False], [False, False]])
    confidence = np.array([[0.9, 0.95], [0.1, 0.97], [0.5, 0.99]])
    data_map = crafted(
        confidence, 0.2 * (confidence == 0.5), label, classes=np.array(["joy", "fear"])
    )
    assert repr(data_map).splitlines() == [
        "DataMap: 3 rows x 2 labels, 10 epochs",
        "           set          unset",
        "easy         1  50.0 %      3  75.0 %",
        "ambiguous    0   0.0 %      1  25.0 %",
        "hard         1  50.0 %      0   0.0 %",
    ]


def test_html_repr_escapes_hostile_names():
    hostile = "<script>alert('x')</script>&"
    data_map = crafted(
        [0.1, 0.9], 0, [hostile, "b"], meta={"learner": "<img src=x onerror=alert(1)>"}
    )
    html = data_map._repr_html_()
    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;&amp;" in html


def test_html_repr_says_the_same_as_the_text():
    data_map = crafted([0.1, 0.9], 0, ["a", "b"], meta={"recording": "in-sample"})
    html = data_map._repr_html_()
    for part in (
        "2 rows, 10 epochs, in-sample",
        "50.0 %",
        "1 of 1",  # of the rows with label a
    ):
        assert part in html
    for name in ("easy", "ambiguous", "hard"):
        assert name in html


class Passthrough(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X


class Mapped(BaseEstimator):
    def fit(self, X, y):
        self.data_map_ = crafted(X, 0, y)
        return self


X, Y = [0.1, 0.9], ["a", "b"]


def test_map_is_found_in_a_fitted_classifier():
    mapped = Mapped().fit(X, Y)
    assert DataMap.from_estimator(mapped) is mapped.data_map_


def test_map_is_found_in_the_last_step_of_a_pipeline():
    inner = Pipeline([("scale", "passthrough"), ("map", Mapped())])
    outer = Pipeline([("same", Passthrough()), ("inner", inner)]).fit(X, Y)
    found = DataMap.from_estimator(outer)
    assert found is outer[-1][-1].data_map_


@pytest.mark.parametrize("attribute", ["best_estimator_", "estimator_"])
def test_map_is_found_in_a_search_and_in_a_wrapper(attribute):
    pipeline = Pipeline([("map", Mapped())]).fit(X, Y)
    search = SimpleNamespace(**{attribute: pipeline})
    assert DataMap.from_estimator(search) is pipeline[-1].data_map_


@pytest.mark.parametrize(
    "estimator",
    [
        Mapped(),
        Pipeline([("same", Passthrough()), ("map", Mapped())]),
        SimpleNamespace(best_estimator_=Mapped()),
        SimpleNamespace(data_map_="no map"),
        "text",
        None,
    ],
)
def test_estimator_without_a_map_is_refused(estimator):
    name = type(estimator).__name__
    with pytest.raises(ValueError, match=f"no data map in {name}. Pass a fitted"):
        DataMap.from_estimator(estimator)


def test_map_from_a_generator_holds_one_epoch_at_a_time():
    alive = []

    class Epoch:
        def __init__(self, proba):
            self.proba = proba
            alive.append(self)

        def __array__(self, dtype=None, copy=None):
            alive.remove(self)
            assert not alive, "an earlier epoch was not recorded yet"
            return self.proba

    tensor = np.random.default_rng(0).dirichlet(np.ones(2), size=(4, 10))
    y = np.arange(10) % 2
    streamed = DataMap.from_probabilities((Epoch(proba) for proba in tensor), y)
    own = np.take_along_axis(tensor, y[None, :, None], axis=2)[:, :, 0]
    assert streamed.n_epochs == 4
    np.testing.assert_allclose(streamed.confidence, own.mean(axis=0), atol=1e-15)


def test_map_from_no_epochs_is_refused():
    with pytest.raises(ValueError, match="Nothing was recorded"):
        DataMap.from_probabilities(iter([]), [0, 1])


def test_margin_of_coordinates_alone_is_that_of_two_classes():
    data_map = crafted([0.25, 0.75], [0.1, 0.2], ["a", "b"])
    assert data_map.margin.tolist() == [-0.5, 0.5]
    assert data_map.margin_std.tolist() == [0.2, 0.4]


def test_frame_keeps_texts_that_no_encoding_holds():
    columns = {
        "text": np.array(["half \ud83d", "whole"], dtype=object),
        "number": np.arange(2),
        "same": "",
    }
    frame = table_of(columns, pd.Index(["b", "a"]))
    assert frame["text"].tolist() == ["half \ud83d", "whole"]
    assert frame["number"].dtype == np.arange(2).dtype
    assert frame["same"].tolist() == ["", ""]
    assert frame.index.tolist() == ["b", "a"]


def test_changed_arrays_of_the_user_change_no_map():
    text = np.array(["a", "b"], dtype=object)
    number = np.array([1.5, 2.5])
    names = np.array(["x", "y"], dtype=object)
    classes = np.array([0, 1])
    data_map = DataMap.from_probabilities(
        [[[0.9, 0.1], [0.2, 0.8]]], [0, 1], classes=classes, index=pd.Index(names)
    ).with_columns(text=text, number=number, part=number[::-1])
    hashes = row_hashes(data_map).tolist()
    text[0], number[0], names[0], classes[0] = "changed", 9, "z", 7
    assert data_map.columns["text"].tolist() == ["a", "b"]
    assert data_map.columns["number"].tolist() == [1.5, 2.5]
    assert data_map.columns["part"].tolist() == [2.5, 1.5]
    assert data_map.index.tolist() == ["x", "y"]
    assert data_map.classes.tolist() == [0, 1]
    assert row_hashes(data_map).tolist() == hashes


def test_array_behind_a_read_only_view_is_not_shared():
    number = np.array([1.5, 2.5])
    view = number.view()
    view.flags.writeable = False
    data_map = DataMap.from_probabilities([[[0.9, 0.1], [0.2, 0.8]]], [0, 1])
    data_map = data_map.with_columns(number=view)
    number[0] = 9
    assert data_map.columns["number"].tolist() == [1.5, 2.5]


def test_classes_changed_while_recording_change_no_map():
    classes = np.array([0, 1])
    dynamics = TrainingDynamics([0, 1], classes=classes)
    classes[:] = 7
    dynamics.update([[0.9, 0.1], [0.2, 0.8]])
    assert dynamics.to_data_map().classes.tolist() == [0, 1]


def test_copies_of_a_map_share_what_is_read_only():
    data_map = DataMap.from_probabilities(
        [[[0.9, 0.1], [0.2, 0.8]]], [0, 1], measures=["loss"], store_trajectories=True
    )
    other = data_map.with_columns(text=["a", "b"]).with_columns(more=[1, 2])
    for name in ("confidence", "variability", "correctness", "trajectories"):
        assert np.shares_memory(getattr(other, name), getattr(data_map, name))
        with pytest.raises(ValueError, match="read-only"):
            getattr(other, name)[...] = 0
    assert np.shares_memory(other.measures["loss"], data_map.measures["loss"])


def test_attributes_of_a_map_cannot_be_set():
    data_map = DataMap.from_probabilities([[[0.9, 0.1], [0.2, 0.8]]], [0, 1])
    with pytest.raises(FrozenInstanceError, match="confidence"):
        data_map.confidence = np.zeros(2)
    assert data_map.confidence.tolist() == [0.9, 0.8]
