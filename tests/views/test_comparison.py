import importlib
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy import stats

from sklearn_datamaps import DataMap, TrainingDynamics

N_SAMPLES = 200
LABELS = np.array(["ham", "spam", "eggs"])[np.arange(N_SAMPLES) % 3]
INDEX = pd.Index([f"id{i}" for i in range(N_SAMPLES)], name="id")


def make(seed, *, y=LABELS, n_epochs=5, index=INDEX, **kwargs):
    rng = np.random.default_rng(seed)
    mean = rng.dirichlet(np.full(3, 0.5), size=len(y))
    tensor = (2 * mean + rng.dirichlet(np.ones(3), size=(n_epochs, len(y)))) / 3
    options = {"measures": ["loss"], "index": index} | kwargs
    return DataMap.from_probabilities(tensor, y, **options)


def make_multilabel(seed, *, names=("joy", "fear"), **kwargs):
    rng = np.random.default_rng(seed)
    cells = (2 * rng.random((50, 2)) + rng.random((5, 50, 2))) / 3
    y = np.random.default_rng(9).random((50, 2)) < 0.5
    return DataMap.from_probabilities(
        cells, y, multilabel=True, classes=names, **kwargs
    )


@pytest.fixture(scope="module")
def before():
    return make(0)


@pytest.fixture(scope="module")
def after():
    return make(1)


@pytest.mark.parametrize("n_movers", [-1, 2.5, True])
def test_numbers_of_movers_that_are_none_are_refused(before, after, n_movers):
    with pytest.raises(ValueError, match="n_movers must be an integer >= 0; got"):
        before.compare(after, n_movers=n_movers)
    comparison = before.compare(after)
    with pytest.raises(ValueError, match="n_movers must be an integer >= 0; got"):
        comparison.plot(n_movers=n_movers)


@pytest.mark.parametrize("maker", [make, make_multilabel])
def test_transitions_are_the_crosstab_of_the_regions(maker):
    one, two = maker(0), maker(1)
    table = one.compare(two).transitions
    expected = pd.crosstab(one.regions().ravel(), two.regions().ravel())
    names = ["easy", "ambiguous", "hard"]
    assert table.index.tolist() == table.columns.tolist() == names
    assert (table.index.name, table.columns.name) == ("before", "after")
    np.testing.assert_array_equal(table, expected.loc[names, names])


def test_transitions_name_rows_never_recorded_when_there_are_any(before):
    dynamics = TrainingDynamics(LABELS, measures=["loss"], index=INDEX)
    for _ in range(5):
        dynamics.update(np.full((N_SAMPLES - 1, 3), 1 / 3), slice(0, N_SAMPLES - 1))
    partial = dynamics.to_data_map(allow_incomplete=True)
    table = before.compare(partial).transitions
    assert table.columns.tolist() == ["easy", "ambiguous", "hard", "unseen"]
    assert table["unseen"].sum() == 1
    assert table.loc[before.regions()[-1], "unseen"] == 1
    assert table.to_numpy().sum() == N_SAMPLES


def test_movers_are_the_rows_that_moved_farthest(before, after):
    movers = before.compare(after, n_movers=7).movers
    steps = np.stack(
        [after.confidence - before.confidence, after.variability - before.variability]
    )
    distance = np.linalg.norm(steps, axis=0)
    rows = np.argsort(-distance, kind="stable")[:7]
    assert movers["position"].tolist() == rows.tolist()
    assert movers.index.tolist() == INDEX[rows].tolist()
    np.testing.assert_allclose(movers["distance"], distance[rows])
    for name in ("label", "region", "confidence", "variability"):
        for when, data_map in (("before", before), ("after", after)):
            expected = data_map.to_frame()[name].iloc[rows]
            assert movers[f"{name}_{when}"].tolist() == expected.tolist()


def test_twenty_movers_are_listed_by_default(before, after):
    assert len(before.compare(after).movers) == 20


def test_multilabel_movers_are_cells():
    one, two = make_multilabel(0), make_multilabel(1)
    movers = one.compare(two, n_movers=3).movers
    steps = np.hypot(two.confidence - one.confidence, two.variability - one.variability)
    row, label = np.unravel_index(np.argmax(steps), steps.shape)
    assert movers["position"].iloc[0] == row
    assert movers["label_name"].iloc[0] == ("joy", "fear")[label]


def test_repeated_index_entries_do_not_mix_rows():
    index = pd.Index(["same"] * N_SAMPLES)
    one, two = make(0, index=index), make(1, index=index)
    movers = one.compare(two, n_movers=N_SAMPLES).movers.sort_values("position")
    steps = np.hypot(two.confidence - one.confidence, two.variability - one.variability)
    np.testing.assert_allclose(movers["distance"], steps)


def test_changed_labels_are_the_rows_relabelled(before):
    relabelled = LABELS.copy()
    relabelled[[4, 77]] = "eggs", "ham"
    assert (relabelled != LABELS).sum() == 2
    changed = before.compare(make(0, y=relabelled)).changed_labels
    assert changed["position"].tolist() == [4, 77]
    assert changed["label_before"].tolist() == LABELS[[4, 77]].tolist()
    assert changed["label_after"].tolist() == ["eggs", "ham"]
    assert changed.index.tolist() == ["id4", "id77"]


def test_no_label_changed_between_maps_of_the_same_labels(before, after):
    assert before.compare(after).changed_labels.empty


def test_label_of_a_new_class_may_appear():
    y = np.array(["a", "b", "a", "b"])
    tensor = np.full((2, 4, 2), 0.5)
    one = DataMap.from_probabilities(tensor, y)
    two = DataMap.from_probabilities(
        np.full((2, 4, 3), 1 / 3), ["a", "b", "c", "b"], classes=["a", "b", "c"]
    )
    assert one.compare(two).changed_labels["label_after"].tolist() == ["c"]


def test_spearman_is_the_rank_correlation_of_each_measure(before, after):
    spearman = before.compare(after).spearman
    assert spearman.index.tolist() == before.measure_names()
    for name, value in spearman.items():
        expected = stats.spearmanr(before.measure(name), after.measure(name))[0]
        np.testing.assert_allclose(value, expected, rtol=0, atol=1e-12)


def test_spearman_of_very_many_rows_is_that_of_a_sample(before, monkeypatch):
    module = importlib.import_module("sklearn_datamaps._views.comparison")
    after = DataMap.average([before, make(1)])
    exact = before.compare(after).spearman
    monkeypatch.setattr(module, "N_RANKED", 150)
    sampled = before.compare(after).spearman
    assert (sampled != exact).all()
    np.testing.assert_allclose(sampled, exact, atol=0.1)


def test_movers_that_moved_equally_far_keep_their_order_and_unseen_ones_are_last():
    dynamics = TrainingDynamics([0, 1, 0, 1])
    dynamics.update(np.full((3, 2), 0.5), slice(0, 3))
    one = dynamics.to_data_map(allow_incomplete=True)
    two = DataMap.from_probabilities([[[0.9, 0.1]] * 4], [0, 1, 0, 1])
    for n, expected in ((2, [0, 1]), (4, [0, 1, 2, 3]), (9, [0, 1, 2, 3]), (0, [])):
        assert one.compare(two, n_movers=n).movers["position"].tolist() == expected


def test_spearman_of_a_map_with_itself_is_one(before):
    np.testing.assert_allclose(before.compare(before).spearman, 1)


def test_spearman_of_a_constant_measure_is_nan(before):
    flat = DataMap.from_probabilities(
        np.full((5, N_SAMPLES, 3), [0.5, 0.3, 0.2]), LABELS, index=INDEX
    )
    spearman = before.compare(flat).spearman
    assert np.isnan(spearman["variability"])
    assert not np.isnan(spearman["confidence"])
    assert "loss" not in spearman


def test_spearman_leaves_out_rows_never_recorded(after):
    tensor = np.random.default_rng(0).dirichlet(np.ones(3), size=(5, N_SAMPLES - 2))
    dynamics = TrainingDynamics(LABELS, index=INDEX)
    for epoch in tensor:
        dynamics.update(epoch, slice(2, None))
    partial = dynamics.to_data_map(allow_incomplete=True)
    value = partial.compare(after).spearman["confidence"]
    expected = stats.spearmanr(partial.confidence[2:], after.confidence[2:])[0]
    np.testing.assert_allclose(value, expected, rtol=0, atol=1e-12)


def test_carried_columns_of_either_map_come_along(before, after):
    texts = np.array([f"text {i}" for i in range(N_SAMPLES)])
    one = before.with_columns(text=texts)
    two = after.with_columns(text=texts, length=np.arange(N_SAMPLES))
    movers = one.compare(two).movers
    assert movers["text"].tolist() == texts[movers["position"]].tolist()
    assert movers["length"].tolist() == movers["position"].tolist()


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (make(1, y=LABELS[:100], index=None), r"shapes \(200,\) and \(100,\)"),
        (make_multilabel(1), r"shapes \(200,\) and \(50, 2\)"),
        (make(1, index=None), "their indexes differ"),
        (make(1, index=INDEX[::-1]), "their indexes differ"),
        (make(1, y=np.arange(N_SAMPLES) % 3), "no class in common"),
        (make(1, y=np.char.upper(LABELS)), r"no class in common \(\['eggs', 'ham'"),
    ],
)
def test_map_of_other_rows_is_refused(before, other, message):
    with pytest.raises(ValueError, match=message):
        before.compare(other)


def test_multilabel_map_of_other_labels_is_refused():
    other = make_multilabel(1, names=("rage", "hope"))
    with pytest.raises(ValueError, match="no class in common"):
        make_multilabel(0).compare(other)


def test_map_whose_carried_column_differs_is_refused(before, after):
    texts = np.array([f"text {i}" for i in range(N_SAMPLES)], dtype=object)
    one, two = before.with_columns(text=texts), after.with_columns(text=texts[::-1])
    with pytest.raises(ValueError, match="other rows: their column 'text' differs"):
        one.compare(two)


@pytest.mark.parametrize("other", [None, pd.DataFrame(), "map"])
def test_what_is_no_map_is_refused(before, other):
    with pytest.raises(TypeError, match="compare needs a DataMap; got"):
        before.compare(other)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_epochs": 4}, r"differ in n_epochs \(5 and 4\)"),
        (
            {"meta": {"recording": "out-of-fold"}},
            r"differ in recording \('in-sample' and 'out-of-fold'\)",
        ),
        ({"meta": {"learner": "Perceptron"}}, r"differ in learner \(None and 'Perc"),
        ({"meta": {"batch_size": 32}}, r"differ in batch_size \(None and 32\)"),
    ],
)
def test_maps_made_in_another_way_warn_at_the_line_that_compares(
    before, options, message
):
    other = make(1, **options)
    with pytest.warns(UserWarning, match=message) as caught:
        before.compare(other)
    assert [warning.filename for warning in caught] == [__file__]


def test_another_seed_is_no_reason_to_warn(before):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        before.compare(make(1, meta={"seed": 1, "time": "later"}))


def test_repr_shows_what_moved(before, after):
    lines = repr(before.compare(after)).splitlines()
    assert lines[0] == "DataMapComparison: 200 rows, 0 changed labels"
    assert any(line.startswith("variability ") for line in lines)
    assert any(line.startswith("ambiguous ") for line in lines)


def test_carried_column_does_not_hide_the_distance():
    proba = np.random.default_rng(0).dirichlet([1, 1], size=(3, 6))
    before = DataMap.from_probabilities(proba, [0, 1] * 3)
    after = DataMap.from_probabilities(proba[::-1, ::-1], [0, 1] * 3)
    before = before.with_columns(distance=np.arange(6))
    movers = before.compare(after).movers
    assert movers["distance"].is_monotonic_decreasing
    assert sorted(movers["distance_carried"]) == list(range(6))


def test_plot_draws_an_arrow_for_each_mover_apart_for_changed_labels():
    rng = np.random.default_rng(0)
    proba = rng.dirichlet([1, 1], size=(3, 40))
    y = np.arange(40) % 2
    corrected = y.copy()
    before = DataMap.from_probabilities(proba, y)
    movers = before.compare(
        DataMap.from_probabilities(proba[:, ::-1], y), n_movers=10
    ).movers["position"]
    corrected[movers.iloc[:3]] = 1 - corrected[movers.iloc[:3]]
    after = DataMap.from_probabilities(proba[:, ::-1], corrected)
    comparison = before.compare(after, n_movers=10)
    figure, given = plt.subplots()
    ax = comparison.plot(ax=given, n_movers=10)
    assert ax is given
    arrows = {c.get_label().split(" (")[0]: c for c in ax.collections[1:]}
    changed = comparison.movers["label_before"] != comparison.movers["label_after"]
    assert arrows["label changed"].N == changed.sum() > 0
    assert arrows["label kept"].N == (~changed).sum() > 0
    first = comparison.movers[changed].iloc[0]
    np.testing.assert_allclose(
        [arrows["label changed"].X[0], arrows["label changed"].Y[0]],
        [first["variability_before"], first["confidence_before"]],
    )
    np.testing.assert_allclose(
        arrows["label changed"].V[0],
        first["confidence_after"] - first["confidence_before"],
    )
    assert len(comparison.plot(ax=given, n_movers=4).get_title("left")) > 0
    plt.close(figure)


def texts_of(ax):
    return [text.get_text() for text in ax.texts]


def test_many_moves_are_drawn_as_a_table_of_the_regions(before, after):
    comparison = before.compare(after)
    ax = comparison.plot()
    counts = comparison.transitions.to_numpy()
    expected = [
        f"{count:,}\nstayed" if row == column else f"{count:,}"
        for (row, column), count in np.ndenumerate(counts)
    ]
    assert texts_of(ax) == expected
    sums = comparison.transitions.sum(axis=1), comparison.transitions.sum(axis=0)
    for axis, totals in zip((ax.yaxis, ax.xaxis), sums, strict=True):
        told = [label.get_text() for label in axis.get_ticklabels()]
        assert told == [f"{name}\n{total:,}" for name, total in totals.items()]
    up, down = np.tril(counts, -1).sum(), np.triu(counts, 1).sum()
    title = " ".join(ax.get_title("left").split())
    assert f"{up + down} of 200 rows are in another region: {up} moved" in title
    assert f"{down} towards hard" in title
    plt.close(ax.figure)


def test_cells_of_what_moved_most_are_strongest(before, after):
    ax = before.compare(after).plot()
    counts = before.compare(after).transitions.to_numpy()
    moved = ~np.eye(len(counts), dtype=bool).ravel()
    paleness = np.array([min(cell.get_facecolor()[:3]) for cell in ax.patches])
    order = np.argsort(counts.ravel()[moved])
    up = np.tril(np.ones_like(counts), -1).astype(bool).ravel()[moved]
    for side in (up, ~up):
        of_side = [at for at in order if side[at]]
        assert (np.diff(paleness[moved][of_side]) <= 1e-9).all()
    assert (paleness[~moved] == 1).all()
    plt.close(ax.figure)


def few_moves():
    own = np.full(40, 0.9)
    proba = np.stack([own, 1 - own], axis=-1)
    moved = proba.copy()
    moved[:3] = moved[:3, ::-1]
    y = np.zeros(40, dtype=int)
    one, two = (
        DataMap.from_probabilities([p, p], y, classes=[0, 1]) for p in (proba, moved)
    )
    return one.compare(two, n_movers=3)


def test_few_moves_are_drawn_as_arrows_beside_the_sizes_of_the_regions():
    comparison = few_moves()
    ax = comparison.plot()
    assert [c.N for c in ax.collections[1:]] == [3]
    told = texts_of(ax)
    assert "easy-to-learn\n40 \u2192 37" in told
    assert "hard-to-learn\n0 \u2192 3" in told
    assert ax.get_title("left") == "The 3 largest movers, from before to after"
    plt.close(ax.figure)


def test_map_ends_with_the_movers_and_says_how_many_rows_lie_beyond():
    rng = np.random.default_rng(0)
    own = np.stack([np.full(60, 0.9), np.r_[np.full(50, 0.9), np.full(10, 0.1)]])
    proba = np.stack([own, 1 - own], axis=-1)
    moved = proba.copy()
    moved[:, :2] = moved[:, :2, ::-1] + rng.normal(0, 1e-3, (2, 2, 1)) * [1, -1]
    y = np.zeros(60, dtype=int)
    one, two = (
        DataMap.from_probabilities(p, y, classes=[0, 1]) for p in (proba, moved)
    )
    ax = one.compare(two, n_movers=2).plot()
    assert "10 rows with more variability are not shown" in texts_of(ax)
    assert len(ax.collections[0].get_offsets()) == 50
    assert ax.get_xlim()[1] < 0.1
    plt.close(ax.figure)
