"""TrajectoryDisplay: which rows it finds, and what its picture shows of them."""

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from sklearn.pipeline import Pipeline

from sklearn_datamaps import DataMap, TrainingDynamics
from sklearn_datamaps._views.trajectories import TrajectoryDisplay

LATE = [0.1, 0.1, 0.2, 0.8, 0.9]
FORGOTTEN = [0.9, 0.8, 0.2, 0.1, 0.1]
UNDECIDED = [0.3, 0.7, 0.3, 0.7, 0.3]


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def make_map(own=(LATE, FORGOTTEN, UNDECIDED), text=None, **kwargs):
    own = np.transpose(own)
    proba = np.stack([own, 1 - own], axis=-1)
    y = ["joy"] * own.shape[1]
    kwargs = {"classes": ["joy", "pride"], "store_trajectories": True} | kwargs
    data_map = DataMap.from_probabilities(proba, y, **kwargs)
    return data_map if text is None else data_map.with_columns(text=text)


def make_large_map(n_epochs=5, n_samples=40, **kwargs):
    own = np.random.default_rng(0).random((n_samples, n_epochs))
    return make_map(own, **kwargs)


def make_multilabel_map():
    rng = np.random.default_rng(0)
    return DataMap.from_probabilities(
        rng.random((5, 20, 3)),
        rng.integers(0, 2, (20, 3)),
        classes=["anger", "joy", "pride"],
        multilabel=True,
        store_trajectories=True,
        index=pd.Index([f"id{i}" for i in range(20)]),
    )


def trajectories_of(display):
    n_epochs = display.data_map.n_epochs
    lines = [line for line in display.ax_.lines if len(line.get_xdata()) == n_epochs]
    return [line for line in lines if line.get_xdata()[0] == 1]


def means_of(display):
    return [
        line
        for line in display.ax_.lines
        if len(line.get_xdata()) == 1 and line.get_xdata()[0] > 5
    ]


def legend_of(display):
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


def test_frame_is_the_own_probability_row_by_row_and_epoch_by_epoch():
    proba = np.random.default_rng(0).dirichlet([1, 1, 1], (4, 6))
    y = np.array([0, 1, 2, 0, 1, 2])
    index = pd.Index(list("abcdef"))
    data_map = DataMap.from_probabilities(
        proba, y, store_trajectories=True, index=index
    ).with_columns(text=[f"text {i}" for i in range(6)])
    frame = TrajectoryDisplay(data_map, [5, 1]).frame()
    assert frame["position"].tolist() == [5] * 4 + [1] * 4
    assert frame["id"].tolist() == ["f"] * 4 + ["b"] * 4
    assert frame["label"].tolist() == [2] * 4 + [1] * 4
    assert frame["epoch"].tolist() == [1, 2, 3, 4] * 2
    expected = np.concatenate([proba[:, 5, 2], proba[:, 1, 1]])
    np.testing.assert_allclose(frame["probability"], expected, rtol=1e-6)
    assert frame["text"].tolist() == ["text 5"] * 4 + ["text 1"] * 4


def test_rows_are_those_of_rank_in_its_order():
    data_map = make_large_map()
    rows = data_map.rank("variability", n_samples=3)
    frame = TrajectoryDisplay(data_map, rows).frame()
    assert frame["position"].unique().tolist() == rows.tolist()


def test_rows_by_index_are_its_names_even_if_these_are_integers():
    data_map = make_map(index=pd.Index([2, 0, 1]))
    by_index = TrajectoryDisplay(data_map, [0], by="index").frame()
    by_position = TrajectoryDisplay(data_map, [0]).frame()
    np.testing.assert_allclose(by_index["probability"], FORGOTTEN)
    np.testing.assert_allclose(by_position["probability"], LATE)
    assert by_position["id"].unique().tolist() == [2]


def test_rows_by_index_find_the_tuples_of_a_multi_index():
    index = pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)])
    display = TrajectoryDisplay.from_data_map(
        make_map(index=index), [("b", 1)], by="index"
    )
    np.testing.assert_allclose(display.frame()["probability"], UNDECIDED)


def test_row_given_twice_is_drawn_once():
    display = TrajectoryDisplay.from_data_map(make_map(), [1, 0, 1])
    assert display.frame()["position"].unique().tolist() == [1, 0]
    assert len(trajectories_of(display)) == 2


def test_cells_of_a_multilabel_map_are_the_pairs_of_rank():
    data_map = make_multilabel_map()
    pairs = data_map.rank("variability", n_samples=4)
    frame = TrajectoryDisplay(data_map, pairs).frame()
    first = frame[frame["epoch"] == 1]
    assert first["position"].tolist() == pairs[:, 0].tolist()
    assert first["label_name"].tolist() == data_map.classes[pairs[:, 1]].tolist()
    assert first["label"].tolist() == data_map.label[tuple(pairs.T)].tolist()
    expected = data_map.trajectories[:, pairs[:, 0], pairs[:, 1]].T.ravel()
    np.testing.assert_array_equal(frame["probability"], expected)


@pytest.mark.parametrize(
    ("rows", "by"), [([7, 3], "position"), (["id7", "id3"], "index")]
)
def test_label_draws_rows_of_one_label_of_a_multilabel_map(rows, by):
    data_map = make_multilabel_map()
    frame = TrajectoryDisplay(data_map, rows, by=by, label="joy").frame()
    assert frame["label_name"].unique().tolist() == ["joy"]
    expected = data_map.trajectories[:, [7, 3], 1].T.ravel()
    np.testing.assert_array_equal(frame["probability"], expected)


def test_legend_tells_set_labels_from_unset_ones():
    data_map = make_multilabel_map()
    is_set = data_map.label[:, 1]
    rows = [np.flatnonzero(is_set)[0], np.flatnonzero(~is_set)[0]]
    display = TrajectoryDisplay.from_data_map(data_map, rows, label="joy")
    expected = [f"id{rows[0]} (joy)", f"id{rows[1]} (not joy)"]
    assert legend_of(display) == expected


def test_row_recorded_in_fewer_epochs_ends_early_and_has_its_own_mean():
    dynamics = TrainingDynamics([0, 0], classes=[0, 1], store_trajectories=True)
    dynamics.update([[0.2, 0.8], [0.4, 0.6]])
    dynamics.update([[0.6, 0.4]], rows=[0])
    data_map = dynamics.to_data_map(allow_incomplete=True)
    display = TrajectoryDisplay.from_data_map(data_map, [0, 1])
    counts = display.frame()["position"].value_counts()
    assert counts.to_dict() == {0: 2, 1: 1}
    first, second, mean, other_mean = display.ax_.lines[:4]
    np.testing.assert_allclose(first.get_ydata(), [0.2, 0.6], rtol=1e-6)
    np.testing.assert_allclose(second.get_ydata(), [0.4], rtol=1e-6)
    assert mean.get_ydata()[0] == pytest.approx(0.4)
    assert other_mean.get_ydata()[0] == pytest.approx(0.4)


def test_lines_of_the_picture_are_the_trajectories():
    display = TrajectoryDisplay.from_data_map(make_map(), [2, 0, 1])
    for line, own in zip(
        trajectories_of(display), (UNDECIDED, LATE, FORGOTTEN), strict=True
    ):
        assert list(line.get_xdata()) == [1, 2, 3, 4, 5]
        np.testing.assert_allclose(line.get_ydata(), own, rtol=1e-6)
    (half,) = (x for x in display.ax_.lines if list(x.get_ydata()) == [0.5, 0.5])
    assert half.get_linestyle() == ":"
    assert display.ax_.get_xlabel() == "epoch"
    assert display.ax_.get_ylabel() == "probability of the own label"


def test_mean_is_a_marker_after_the_last_epoch_in_colour_and_shape_of_the_line():
    display = TrajectoryDisplay.from_data_map(make_map(), [0, 1, 2])
    lines, means = trajectories_of(display), means_of(display)
    heights = [mean.get_ydata()[0] for mean in means]
    np.testing.assert_allclose(heights, display.data_map.confidence, rtol=1e-6)
    for line, mean in zip(lines, means, strict=True):
        assert to_rgb(mean.get_color()) == to_rgb(line.get_color())
        assert mean.get_marker() == line.get_marker()
    ticks = [tick.get_text() for tick in display.ax_.get_xticklabels()]
    assert ticks == ["1", "2", "3", "4", "5", "mean"]


def test_means_that_are_close_lie_side_by_side_and_others_below_each_other():
    own = [[0.3] * 5, [0.31] * 5, [0.32] * 5, [0.9] * 5]
    display = TrajectoryDisplay.from_data_map(make_map(own), range(4))
    x = [mean.get_xdata()[0] for mean in means_of(display)]
    assert x[0] < x[1] < x[2]
    assert x[3] == x[0]
    assert x[2] < display.ax_.get_xlim()[1]


def test_legend_has_colour_marker_and_dashes_of_each_line():
    display = TrajectoryDisplay.from_data_map(make_large_map(), range(12))
    handles = display.ax_.get_legend().legend_handles
    styles = []
    for line, handle in zip(trajectories_of(display), handles, strict=True):
        assert to_rgb(handle.get_color()) == to_rgb(line.get_color())
        assert handle.get_marker() == line.get_marker()
        assert handle.get_linestyle() == line.get_linestyle()
        styles.append((to_rgb(line.get_color()), line.get_linestyle()))
    assert len({line.get_marker() for line in trajectories_of(display)}) == 12
    assert len(set(styles)) > 7


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("so happy", "row 0 (joy): so happy"),
        ("", "row 0 (joy):"),
        (None, "row 0 (joy)"),
        (np.nan, "row 0 (joy)"),
        ("two\nlines\tand \x00 more", "row 0 (joy): two lines and more"),
        ("from $10 to $20", "row 0 (joy): from $10 to $20"),
        (r"$\frac{$ 5 \$", r"row 0 (joy): $\frac{$ 5 \$"),
    ],
)
def test_text_is_in_the_legend_as_it_is(text, expected):
    display = TrajectoryDisplay.from_data_map(make_map(text=[text, "b", "c"]), [0])
    display.figure_.draw_without_rendering()
    assert legend_of(display) == [expected]
    (shown,) = display.ax_.get_legend().get_texts()
    assert not shown.get_parse_math()


def test_name_of_a_row_that_begins_with_an_underscore_is_in_the_legend():
    data_map = make_map(index=pd.Index(["_a", "$b$", "c"]))
    display = TrajectoryDisplay.from_data_map(data_map, [0, 1])
    assert legend_of(display) == ["_a (joy)", "$b$ (joy)"]


def test_text_can_be_another_column_or_none():
    data_map = make_map(text=["a", "b", "c"]).with_columns(comment=["x", "y", "z"])
    other = TrajectoryDisplay.from_data_map(data_map, [1], text="comment")
    assert legend_of(other) == ["row 1 (joy): y"]
    assert other.frame(text="comment")["text"].unique().tolist() == ["y"]
    without = TrajectoryDisplay.from_data_map(data_map, [1], text=None)
    assert legend_of(without) == ["row 1 (joy)"]
    assert "text" not in without.frame(text=None)


LONG = ["word " * 200, "9" * 900, "漢字W" * 200]


@pytest.mark.filterwarnings("ignore:Glyph")  # the font of the test may lack them
@pytest.mark.parametrize("given", [True, False])
def test_long_texts_are_cut_to_two_lines_below_the_axes_and_inside_the_figure(given):
    ax = plt.subplots(1, 2, figsize=(9, 5), layout="constrained")[1][1]
    data_map = make_map(text=LONG)
    display = TrajectoryDisplay.from_data_map(
        data_map, [0, 1, 2], ax=ax if given else None
    )
    display.figure_.draw_without_rendering()
    assert [text.count("\n") for text in legend_of(display)] == [1, 1, 1]
    assert all(text.endswith("…") for text in legend_of(display))
    parts = [text.split("\n") for text in legend_of(display)]
    assert all(len(second) > 0.5 * len(first) for first, second in parts)
    legend = display.ax_.get_legend().get_window_extent()
    whole = display.figure_.bbox
    assert whole.x0 <= legend.x0 <= legend.x1 <= whole.x1
    assert whole.y0 <= legend.y0
    assert legend.y1 <= display.ax_.xaxis.get_tightbbox().y0


def test_new_figure_is_as_high_as_the_legend_needs():
    heights = []
    for rows in ([0], range(12)):
        data_map = make_large_map(text=["word " * 200] * 40)
        display = TrajectoryDisplay.from_data_map(data_map, rows)
        display.figure_.draw_without_rendering()
        heights.append(display.ax_.bbox.height)
    assert heights[1] == pytest.approx(heights[0], rel=0.15)


@pytest.mark.parametrize("n_epochs", [1, 2, 7, 50, 1000])
def test_ticks_are_whole_epochs_and_the_mean(n_epochs):
    display = TrajectoryDisplay.from_data_map(make_large_map(n_epochs), [0, 1])
    ticks = [tick.get_text() for tick in display.ax_.get_xticklabels()]
    epochs = [int(tick) for tick in ticks[:-1]]
    assert ticks[-1] == "mean"
    assert epochs[0] == 1
    assert epochs == list(display.ax_.get_xticks())[:-1]
    assert len(epochs) <= 12
    assert epochs[-1] <= n_epochs


def test_text_is_in_the_legend_of_a_very_small_ax():
    ax = plt.subplots(figsize=(0.8, 4))[1]
    display = TrajectoryDisplay.from_data_map(
        make_map(text=["a", "b", "c"]), [0], ax=ax
    )
    assert legend_of(display) == ["row 0 (joy): a"]


def test_given_ax_is_used_and_no_figure_is_made():
    figure, axes = plt.subplots(1, 2)
    display = TrajectoryDisplay.from_data_map(make_map(), [0], ax=axes[1])
    assert display.ax_ is axes[1]
    assert display.figure_ is figure
    assert plt.get_fignums() == [figure.number]
    assert not axes[0].lines


def test_legend_leaves_out_lines_that_were_in_the_ax_before():
    ax = plt.subplots()[1]
    ax.plot([1, 5], [0.2, 0.2], color="red")
    display = TrajectoryDisplay.from_data_map(make_map(), [0], ax=ax)
    (handle,) = display.ax_.get_legend().legend_handles
    assert to_rgb(handle.get_color()) != (1, 0, 0)


@pytest.mark.parametrize("width", ["linewidth", "lw"])
def test_styles_and_title_can_be_given(width):
    display = TrajectoryDisplay.from_data_map(
        make_map(),
        [0, 1],
        title="three stories",
        palette=["red", "blue"],
        line_kwargs={width: 3},
        legend_kwargs={"title": "comments"},
    )
    lines = trajectories_of(display)
    assert [to_rgb(line.get_color()) for line in lines] == [(1, 0, 0), (0, 0, 1)]
    assert [line.get_linewidth() for line in lines] == [3, 3]
    handles = display.ax_.get_legend().legend_handles
    assert [handle.get_linewidth() for handle in handles] == [3, 3]
    assert display.ax_.get_title("left") == "three stories"
    assert display.ax_.get_legend().get_title().get_text() == "comments"


def test_title_says_how_the_map_was_made():
    data_map = make_map(meta={"learner": "SGDClassifier"})
    display = TrajectoryDisplay.from_data_map(data_map, [0])
    assert display.ax_.get_title("left") == "SGDClassifier, 3 rows, 5 epochs"


def test_from_estimator_finds_the_map_in_a_pipeline():
    data_map = make_map(index=pd.Index(["a", "b", "c"]))
    pipeline = Pipeline([("classifier", SimpleNamespace(data_map_=data_map))])
    display = TrajectoryDisplay.from_estimator(
        pipeline, ["b"], by="index", title="mine"
    )
    assert display.data_map is data_map
    assert display.frame()["position"].unique().tolist() == [1]
    assert display.ax_.get_title("left") == "mine"


def test_same_display_can_be_drawn_twice():
    display = TrajectoryDisplay(make_map(), [0])
    first = display.plot().ax_
    assert display.plot() is display
    assert display.ax_ is not first


def make_map_with_an_unseen_row():
    dynamics = TrainingDynamics([0, 1, 0], store_trajectories=True)
    dynamics.update([[0.2, 0.8], [0.4, 0.6]], rows=[0, 1])
    return dynamics.to_data_map(allow_incomplete=True)


@pytest.mark.parametrize(
    ("make", "rows", "kwargs", "match"),
    [
        (
            lambda: make_map(store_trajectories=False),
            [0],
            {},
            r"no trajectories.*Fit with store_trajectories=True",
        ),
        (make_map, [0, 3], {}, r"Row 3 is out of range: the positions are 0 to 2"),
        (make_map, [-1], {}, r"Row -1 is out of range"),
        (make_map, [], {}, r"1 to 12 rows.*got 0"),
        (make_large_map, range(13), {}, r"1 to 12 rows.*got 13.*n_samples=12"),
        (make_map, ["a"], {}, r"integer positions; got <U1.*by='index'"),
        (make_map, [True, False, True], {}, r"got bool.*np\.flatnonzero\(mask\)"),
        (make_map, [0.0], {}, r"got float64"),
        (make_map, 1, {}, r"shape \(n_rows,\); got an array of shape \(\)"),
        (make_map, [[0, 1]], {}, r"shape \(n_rows,\); got an array of shape \(1, 2\)"),
        (make_map, [7], {"by": "index"}, r"There is no row 7 in the index"),
        (make_map, [[0]], {"by": "index"}, r"There is no row \[0\] in the index"),
        (make_map, "ab", {"by": "index"}, r"list of names of the index; got 'ab'"),
        (make_map, 0, {"by": "index"}, r"list of names of the index; got 0"),
        (
            lambda: make_map(index=pd.Index(["a", "b", "a"])),
            ["a"],
            {"by": "index"},
            r"2 rows of the index are named 'a'.*\[0, 2\]",
        ),
        (make_map, [0], {"by": "name"}, r"'position' or 'index'; got 'name'"),
        (make_map, [0], {"label": "joy"}, r"label applies to multilabel maps only"),
        (make_multilabel_map, [0, 1], {}, r"\(n_rows, 2\).*or pass label="),
        (make_multilabel_map, [[0, 3]], {}, r"Label 3 is out of range.* 0 to 2"),
        (make_multilabel_map, [[20, 0]], {}, r"Row 20 is out of range.* 0 to 19"),
        (make_multilabel_map, [0], {"label": "fear"}, r"There is no label 'fear'"),
        (make_multilabel_map, ["id1"], {"by": "index"}, r"needs the name of a label"),
        (make_map_with_an_unseen_row, [0, 2], {}, r"Row 2 was never recorded"),
        (make_map, [0], {"text": "comment"}, r"no column 'comment'.*with_columns"),
    ],
)
def test_what_cannot_be_drawn_is_refused_before_a_figure_is_made(
    make, rows, kwargs, match
):
    with pytest.raises(ValueError, match=match):
        TrajectoryDisplay.from_data_map(make(), rows, **kwargs)
    assert plt.get_fignums() == []


def test_anything_but_a_map_is_refused():
    with pytest.raises(TypeError, match="draws a DataMap; got list"):
        TrajectoryDisplay.from_data_map([1, 2], [0])
