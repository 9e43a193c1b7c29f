"""DataMapDisplay: the frame it draws, and what can be read off the picture."""

import re
from dataclasses import replace
from types import SimpleNamespace

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgb
from matplotlib.text import Text
from sklearn.pipeline import Pipeline

from sklearn_datamaps import DataMap, DataMapDisplay, TrainingDynamics


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def make_proba(n_epochs, n_samples, n_classes=2, seed=0):
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, (1, n_samples, n_classes))
    logits = logits + rng.normal(0, 1, (n_epochs, n_samples, n_classes))
    proba = np.exp(logits)
    return proba / proba.sum(axis=-1, keepdims=True)


def make_map(n_epochs=10, n_samples=200, n_classes=2, **kwargs):
    y = np.random.default_rng(1).integers(0, n_classes, n_samples)
    proba = make_proba(n_epochs, n_samples, n_classes)
    classes = range(n_classes)
    return DataMap.from_probabilities(proba, y, classes=classes, **kwargs)


def make_multilabel_map(n_epochs=10):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, (60, 3))
    proba = rng.random((n_epochs, 60, 3))
    return DataMap.from_probabilities(proba, y, multilabel=True)


def make_map_with_unseen_rows():
    dynamics = TrainingDynamics(np.arange(50) % 2)
    for epoch in make_proba(10, 40):
        dynamics.update(epoch, rows=np.arange(40))
    return dynamics.to_data_map(allow_incomplete=True)


def scatters_of(display):
    """Points that look alike are one collection, in the order they are drawn in."""
    return [c for c in display.ax_.collections if isinstance(c, PathCollection)]


def drawn_by(display):
    return np.vstack([points.get_offsets() for points in scatters_of(display)])


def texts_of(display):
    return [text.get_text() for text in display.ax_.texts if text.get_text()]


def legend_of(display):
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


def boundary_of(display):
    return [line for line in display.ax_.lines if line.get_linestyle() == "--"]


def overlap(a, b):
    return a.x0 < b.x1 and b.x0 < a.x1 and a.y0 < b.y1 and b.y0 < a.y1


ALL_MAPS = {
    "binary": make_map,
    "two epochs": lambda: make_map(n_epochs=2),
    "one epoch": lambda: make_map(n_epochs=1),
    "51 epochs": lambda: make_map(n_epochs=51),
    "multiclass": lambda: make_map(n_classes=5),
    "multilabel": make_multilabel_map,
    "unseen rows": make_map_with_unseen_rows,
}


@pytest.fixture(params=ALL_MAPS, ids=list(ALL_MAPS))
def any_map(request):
    return ALL_MAPS[request.param]()


def test_frame_equals_measures_computed_from_the_probabilities():
    proba = make_proba(10, 30)
    y = np.arange(30) % 2
    frame = DataMapDisplay(DataMap.from_probabilities(proba, y)).frame()
    own = proba[:, np.arange(30), y]
    np.testing.assert_allclose(frame["confidence"], own.mean(axis=0))
    np.testing.assert_allclose(frame["variability"], own.std(axis=0))
    np.testing.assert_allclose(frame["correctness"], (own > 0.5).mean(axis=0))
    assert frame["position"].tolist() == list(range(30))
    assert frame["label"].tolist() == y.tolist()
    band = np.maximum(0.1, own.std(axis=0))
    distance = own.mean(axis=0) - 0.5
    expected = np.select(
        [distance > band, distance < -band], ["easy", "hard"], "ambiguous"
    )
    assert frame["region"].tolist() == expected.tolist()


def test_frame_takes_the_region_rule():
    data_map = make_map()
    frame = DataMapDisplay(data_map).frame(band=0.3, n_std=0)
    ambiguous = np.abs(data_map.confidence - 0.5) <= 0.3
    assert ((frame["region"] == "ambiguous") == ambiguous).all()


def test_frame_has_one_point_for_every_row_and_label_of_a_multilabel_map():
    data_map = make_multilabel_map()
    frame = DataMapDisplay(data_map).frame()
    assert len(frame) == 180
    cell = frame[
        (frame["position"] == 7) & (frame["label_name"] == data_map.classes[2])
    ]
    assert cell["confidence"].item() == data_map.confidence[7, 2]


def test_frame_leaves_out_rows_never_recorded():
    frame = DataMapDisplay(make_map_with_unseen_rows()).frame()
    assert frame["position"].tolist() == list(range(40))


def test_sample_is_bounded_seeded_and_in_the_order_of_the_rows():
    display = DataMapDisplay(make_map())
    sample = display.frame(max_points=50, random_state=3)
    assert len(sample) == 50
    assert sample["position"].is_monotonic_increasing
    assert sample["position"].is_unique
    pd.testing.assert_frame_equal(sample, display.frame(max_points=50, random_state=3))
    other = display.frame(max_points=50, random_state=4)
    assert sample["position"].tolist() != other["position"].tolist()
    assert len(display.frame(max_points=200)) == 200


def make_map_with_few_hard_rows():
    own = np.r_[np.full(300, 0.9), np.full(10, 0.5), np.full(15, 0.1)]
    own = own[np.random.default_rng(0).permutation(325)] + 1e-4 * np.arange(325)
    proba = np.stack([own, 1 - own], axis=-1)
    proba /= proba.sum(axis=-1, keepdims=True)
    return DataMap.from_probabilities(proba[None], np.zeros(325, int), classes=[0, 1])


@pytest.mark.parametrize(
    ("max_points", "n_drawn", "left_out"),
    [
        (100, {"easy": 75, "ambiguous": 10, "hard": 15}, "225 easy"),
        (20, {"ambiguous": 5, "hard": 15}, "5 ambiguous, 300 easy"),
        (5, {"hard": 5}, "10 hard, 10 ambiguous, 300 easy"),
    ],
)
def test_easy_points_are_left_out_first_and_hard_ones_last(
    max_points, n_drawn, left_out
):
    data_map = make_map_with_few_hard_rows()
    display = data_map.plot(max_points=max_points)
    sample = display.frame(max_points=max_points)
    assert sample["region"].value_counts().to_dict() == n_drawn
    drawn = drawn_by(display)
    assert sorted(drawn[:, 1]) == sorted(sample["confidence"])
    told = f"{max_points} of 325 points drawn, left out at random: {left_out}"
    assert told in " ".join(" ".join(texts_of(display)).split())


@pytest.mark.parametrize(
    ("n_epochs", "expected"),
    [
        (1, {0: "0.0", 1: "1.0"}),
        (2, {0: "0.0", 1: "0.5", 2: "1.0"}),
        (4, {0: "0.00", 1: "0.25", 2: "0.50", 3: "0.75", 4: "1.00"}),
        (6, {0: "0.00", 1: "0.17", 2: "0.33", 3: "0.50", 5: "0.83", 6: "1.00"}),
        (7, {0: "0.00", 1: "0.14", 3: "0.29 - 0.43", 6: "0.86", 7: "1.00"}),
        (
            10,
            {0: "0.0", 1: "0.1 - 0.2", 3: "0.3 - 0.4", 7: "0.5 - 0.7", 9: "0.8 - 0.9"},
        ),
        (51, {0: "0.00", 1: "0.02 - 0.24", 25: "0.25 - 0.49", 26: "0.51 - 0.75"}),
        (1000, {1: "0.001 - 0.249", 999: "0.750 - 0.999", 1000: "1.000"}),
    ],
)
def test_correctness_bin_names_the_values_it_holds(n_epochs, expected):
    own = (np.arange(n_epochs)[:, None] < np.arange(n_epochs + 1)) * 0.8 + 0.1
    proba = np.stack([own, 1 - own], axis=-1)
    y = np.zeros(n_epochs + 1, dtype=int)
    data_map = DataMap.from_probabilities(proba, y, classes=[0, 1])
    bins = DataMapDisplay(data_map).frame()["correctness_bin"]
    assert {right: bins.iloc[right] for right in expected} == expected
    assert len(bins.cat.categories) == min(n_epochs + 1, 7 if n_epochs == 6 else 6)
    assert bins.cat.codes.is_monotonic_decreasing


def test_only_rows_never_right_are_in_the_lowest_bin_of_an_averaged_map():
    names = ("confidence", "variability", "label", "predicted")
    averaged = replace(
        make_map(n_epochs=10),
        **dict.fromkeys(names, np.full(4, 0.5)),
        correctness=np.array([0, 0.01, 0.99, 1]),
        index=pd.RangeIndex(4),
    )
    bins = DataMapDisplay(averaged).frame()["correctness_bin"]
    assert bins.tolist() == ["0.0", "0.1 - 0.2", "0.8 - 0.9", "1.0"]


def test_draws_the_points_of_the_frame():
    display = make_map().plot()
    drawn = drawn_by(display)
    frame = display.frame()[["variability", "confidence"]].to_numpy()
    assert sorted(map(tuple, drawn)) == sorted(map(tuple, frame))


def test_draws_the_seeded_sample_and_says_so_but_counts_all_points():
    data_map = make_map()
    display = data_map.plot(max_points=50, random_state=3)
    drawn = drawn_by(display)
    sample = display.frame(max_points=50, random_state=3)
    assert sorted(drawn[:, 0]) == sorted(sample["variability"])
    assert "50 of 200 points drawn" in " ".join(texts_of(display))
    for ax in display.histogram_axes_:
        assert sum(bar.get_height() for bar in ax.patches) == 200


def test_says_nothing_of_a_sample_when_all_points_are_drawn():
    display = make_map().plot(max_points=None, histograms=False)
    assert len(drawn_by(display)) == 200
    assert "drawn" not in " ".join(texts_of(display))


def test_names_every_region_with_its_count_and_share(any_map):
    display = any_map.plot(max_points=20, histograms=False)
    regions = any_map.regions()
    n_points = (regions != "unseen").sum()
    for region, name in [
        ("easy", "easy-to-learn"),
        ("ambiguous", "ambiguous"),
        ("hard", "hard-to-learn"),
    ]:
        count = (regions == region).sum()
        expected = f"{name}\n{count:,} ({100 * count / n_points:.1f} %)"
        assert expected in texts_of(display)


@pytest.mark.parametrize("figsize", [(3.6, 3.2), (9, 6)])
def test_names_of_regions_lie_inside_and_apart(any_map, figsize):
    _, ax = plt.subplots(figsize=figsize, layout="constrained")
    display = any_map.plot(ax=ax)
    ax.figure.draw_without_rendering()
    names = [text for text in ax.texts if "%" in text.get_text()]
    boxes = [text.get_window_extent() for text in names]
    frame = ax.get_window_extent()
    assert len(boxes) == 3
    for i, box in enumerate(boxes):
        assert frame.x0 <= box.x0 <= box.x1 <= frame.x1
        assert frame.y0 <= box.y0 <= box.y1 <= frame.y1
        assert not any(overlap(box, other) for other in boxes[:i])
    assert display.histogram_axes_ is None


def test_names_of_regions_lie_apart_when_their_points_do_not():
    proba = [[0.5, 0.25, 0.25], [0.4, 0.3, 0.3], [0.3, 0.6, 0.1]]
    data_map = DataMap.from_probabilities([proba], [0, 0, 0], classes=[0, 1, 2])
    assert data_map.regions().tolist() == ["easy", "ambiguous", "hard"]
    _, ax = plt.subplots(figsize=(3.6, 3.2), layout="constrained")
    data_map.plot(ax=ax)
    ax.figure.draw_without_rendering()
    names = [text for text in ax.texts if "%" in text.get_text()]
    first, second, third = [text.get_window_extent() for text in names]
    assert not overlap(first, second)
    assert not overlap(first, third)
    assert not overlap(second, third)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_regions_without_points_are_named_where_they_would_be(n_classes):
    proba = np.full((10, 5, n_classes), 0.1 / (n_classes - 1))
    proba[:, :, 0] = 0.9
    classes = range(n_classes)
    data_map = DataMap.from_probabilities(proba, np.zeros(5, int), classes=classes)
    display = data_map.plot(histograms=False)
    heights = {text.get_text(): text.get_position()[1] for text in display.ax_.texts}
    assert heights["hard-to-learn\n0 (0.0 %)"] < 0.4
    assert 0.4 < heights["ambiguous\n0 (0.0 %)"] < 0.6


def test_legend_of_two_epochs_has_the_three_values_from_high_to_low():
    assert legend_of(make_map(n_epochs=2).plot(histograms=False)) == [
        "1.0",
        "0.5",
        "0.0",
    ]


@pytest.mark.parametrize("n_epochs", [6, 10, 51])
def test_legend_stays_short(n_epochs):
    labels = legend_of(make_map(n_epochs=n_epochs).plot(histograms=False))
    assert len(labels) <= 7
    assert [float(label.split()[0]) for label in labels] == sorted(
        (float(label.split()[0]) for label in labels), reverse=True
    )


@pytest.mark.parametrize("width", [3.6, 9])
def test_legend_and_title_fit_the_width_of_the_axes(width):
    _, ax = plt.subplots(figsize=(width, 4), layout="constrained")
    learner = "HistGradientBoostingClassifier(max_iter=51, learning_rate=0.05)"
    make_map(n_epochs=51, meta={"learner": learner}).plot(ax=ax)
    ax.figure.draw_without_rendering()
    legend = ax.get_legend().get_window_extent()
    (title,) = (
        text for text in ax.findobj(Text) if text.get_text() == ax.get_title("left")
    )
    assert legend.x1 <= ax.figure.bbox.x1
    assert title.get_window_extent().x1 <= ax.figure.bbox.x1
    assert not overlap(legend, title.get_window_extent())
    assert not overlap(legend, ax.get_window_extent())


def test_colours_and_markers_of_the_legend_are_those_of_the_points():
    display = make_map(n_epochs=2).plot(histograms=False)
    bins = display.frame()["correctness_bin"].sort_values(kind="stable")
    handles = display.ax_.get_legend().legend_handles
    colors = dict(
        zip(legend_of(display), (h.get_color() for h in handles), strict=True)
    )
    faces = np.vstack(
        [
            np.tile(points.get_facecolors()[0, :3], (len(points.get_offsets()), 1))
            for points in scatters_of(display)
        ]
    )
    np.testing.assert_allclose(faces, [to_rgb(colors[name]) for name in bins])
    assert len({handle.get_marker() for handle in handles}) == 3


def test_default_colours_differ_in_lightness_too():
    handles = (
        make_map(n_epochs=51).plot(histograms=False).ax_.get_legend().legend_handles
    )
    grey = [np.dot(to_rgb(h.get_color()), [0.299, 0.587, 0.114]) for h in handles]
    assert (np.diff(grey) < -0.03).all()


def test_points_of_low_correctness_are_drawn_last():
    display = make_map().plot()
    frame = display.frame().set_index("variability")["correctness"]
    drawn = frame.loc[drawn_by(display)[:, 0]]
    assert drawn.iloc[0] == 1
    assert drawn.iloc[-1] == 0


@pytest.mark.parametrize(
    ("band", "n_std"), [(0.1, 1.0), (0.2, 0.5), (0.05, 3.0), (0.1, 0)]
)
@pytest.mark.parametrize("make", [make_map, make_multilabel_map])
def test_boundary_satisfies_the_rule_and_ends_at_the_attainable_variability(
    make, band, n_std
):
    lines = boundary_of(make().plot(band=band, n_std=n_std, histograms=False))
    assert len(lines) == 2
    for line, sign in zip(lines, (1, -1), strict=True):
        v_ends, c_ends = line.get_data()
        v = np.linspace(0, v_ends[-1], 100)
        c = np.interp(v, v_ends, c_ends)
        np.testing.assert_allclose(c, 0.5 + sign * np.maximum(band, n_std * v))
        assert v_ends[-1] == pytest.approx(np.sqrt(c[-1] * (1 - c[-1])))


def test_boundary_separates_the_regions_of_the_points():
    display = make_map(n_samples=2000).plot(histograms=False)
    frame = display.frame()
    upper, lower = boundary_of(display)
    above = frame["confidence"] > np.interp(frame["variability"], *upper.get_data())
    below = frame["confidence"] < np.interp(frame["variability"], *lower.get_data())
    within = frame["variability"] <= upper.get_xdata()[-1]
    assert (above == (frame["region"] == "easy"))[within].all()
    assert (below == (frame["region"] == "hard"))[within].all()
    assert (frame["region"][~within] == "ambiguous").all()


def test_band_without_room_for_other_regions_has_no_boundary():
    assert boundary_of(make_map().plot(band=0.5, histograms=False)) == []


def test_multiclass_map_has_no_boundary_but_the_median_of_each_region():
    display = make_map(n_classes=5).plot(histograms=False)
    assert boundary_of(display) == []
    assert "regions follow the margin" in " ".join(texts_of(display))
    frame = display.frame()
    medians = frame.groupby("region")[["variability", "confidence"]].median()
    rings = [
        line.get_xydata()[0] for line in display.ax_.lines if line.get_marker() == "o"
    ]
    np.testing.assert_allclose(rings, medians.loc[["easy", "ambiguous", "hard"]])


def test_says_how_many_rows_were_never_recorded():
    display = make_map_with_unseen_rows().plot()
    assert "10 never recorded" in " ".join(texts_of(display))
    assert len(drawn_by(display)) == 40


def test_points_are_rasterized_and_text_is_not():
    display = make_map().plot()
    assert all(points.get_rasterized() for points in scatters_of(display))
    assert not any(text.get_rasterized() for text in display.ax_.texts)


def test_vector_file_does_not_grow_with_the_points(tmp_path):
    sizes = []
    for name, n_samples in (("few", 500), ("many", 10_000)):
        path = tmp_path / f"{name}.svg"
        make_map(n_samples=n_samples).plot(histograms=False).figure_.savefig(
            path, dpi=50
        )
        sizes.append(path.stat().st_size)
    assert sizes[1] < 2 * sizes[0]


def test_new_figure_has_the_scatter_and_three_labelled_histograms():
    display = make_map().plot()
    assert display.figure_ is display.ax_.figure
    assert display.ax_.get_xlabel() == "variability"
    assert display.ax_.get_ylabel() == "confidence"
    assert display.figure_.axes == [display.ax_, *display.histogram_axes_]
    labels = [ax.get_xlabel() for ax in display.histogram_axes_]
    assert labels == ["confidence", "variability", "correctness"]
    assert all(ax.get_ylabel().startswith("rows") for ax in display.histogram_axes_)


def test_histograms_count_cells_of_a_multilabel_map():
    display = make_multilabel_map().plot()
    assert display.histogram_axes_[0].get_ylabel() == "cells"
    assert sum(bar.get_height() for bar in display.histogram_axes_[0].patches) == 180


def test_histograms_of_a_skewed_map_are_logarithmic_and_say_so():
    own = np.clip(np.r_[np.full(5000, 0.95), np.linspace(0, 1, 100)], 0, 1)[None]
    proba = np.stack([own, 1 - own], axis=-1)
    y = np.zeros(own.size, dtype=int)
    skewed = DataMap.from_probabilities(proba, y, classes=[0, 1]).plot()
    assert {ax.get_yscale() for ax in skewed.histogram_axes_} == {"log"}
    assert skewed.histogram_axes_[0].get_ylabel() == "rows (log)"
    ticks = [tick.get_text() for tick in skewed.histogram_axes_[0].get_yticklabels()]
    assert {"1", "100"} <= set(ticks)  # numbers, no powers of ten
    assert "$" not in "".join(ticks)
    even = make_map().plot()
    assert {ax.get_yscale() for ax in even.histogram_axes_} == {"linear"}


@pytest.mark.parametrize("n_epochs", [2, 10, 51])
def test_bars_of_correctness_have_the_colours_of_the_legend(n_epochs):
    display = make_map(n_epochs=n_epochs).plot()
    handles = display.ax_.get_legend().legend_handles
    colors = dict(
        zip(legend_of(display), (h.get_color() for h in handles), strict=True)
    )
    frame = display.frame()
    bars = display.histogram_axes_[2].patches
    for value, name in zip(frame["correctness"], frame["correctness_bin"], strict=True):
        bar = bars[round(value * n_epochs)]
        assert bar.get_x() < value < bar.get_x() + bar.get_width()
        assert to_rgb(bar.get_facecolor()) == to_rgb(colors[name])


def test_new_figure_without_histograms():
    display = make_map().plot(histograms=False)
    assert display.histogram_axes_ is None
    assert display.figure_.axes == [display.ax_]


def test_given_ax_is_used_and_no_figure_is_made():
    figure, axes = plt.subplots(1, 2)
    display = make_map().plot(ax=axes[1])
    assert display.ax_ is axes[1]
    assert display.figure_ is figure
    assert display.histogram_axes_ is None
    assert plt.get_fignums() == [figure.number]
    assert figure.axes == list(axes)


def test_given_ax_of_a_grid_is_divided_for_the_histograms():
    figure, axes = plt.subplots(1, 2, layout="constrained")
    before = axes[1].get_position()
    display = make_map().plot(ax=axes[1], histograms=True)
    figure.draw_without_rendering()
    assert display.ax_ is axes[1]
    assert len(display.histogram_axes_) == 3
    for ax in display.histogram_axes_:
        assert ax.get_position().x0 > display.ax_.get_position().x1
    assert display.ax_.get_position().width < before.width


def test_histograms_beside_a_free_ax_are_refused():
    ax = plt.figure().add_axes((0.1, 0.1, 0.5, 0.5))
    with pytest.raises(
        ValueError, match=r"histograms=True needs an ax from plt\.subplots"
    ):
        make_map().plot(ax=ax, histograms=True)


def test_global_style_is_left_alone():
    before = dict(mpl.rcParams)
    make_map().plot()
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize(
    ("meta", "expected"),
    [
        ({"learner": "SGDClassifier"}, "SGDClassifier, 200 rows, 10 epochs"),
        (None, "Data map, 200 rows, 10 epochs"),
        ({"recording": "out-of-fold"}, "Data map, 200 rows, 10 epochs, out-of-fold"),
    ],
)
def test_title_says_how_the_map_was_made(meta, expected):
    assert (
        make_map(meta=meta).plot(histograms=False).ax_.get_title(loc="left") == expected
    )


def test_title_can_be_given():
    assert (
        make_map().plot(title="before cleaning", histograms=False).ax_.get_title("left")
        == "before cleaning"
    )
    assert make_map().plot(title="", histograms=False).ax_.get_title("left") == ""


def test_styles_can_be_given():
    display = make_map(n_epochs=2).plot(
        palette=["black", "red", "blue"],
        scatter_kwargs={"s": 3, "rasterized": False},
        histogram_kwargs={"bins": 5},
        boundary_kwargs={"color": "green"},
        legend_kwargs={"title": "right", "loc": "lower right"},
    )
    assert {points.get_sizes().item() for points in scatters_of(display)} == {3}
    assert not any(points.get_rasterized() for points in scatters_of(display))
    assert [len(ax.patches) for ax in display.histogram_axes_] == [5, 5, 5]
    assert {line.get_color() for line in boundary_of(display)} == {"green"}
    legend = display.ax_.get_legend()
    assert legend.get_title().get_text() == "right"
    colors = [to_rgb(handle.get_color()) for handle in legend.legend_handles]
    assert colors == [(0, 0, 1), (1, 0, 0), (0, 0, 0)]


def test_same_display_can_be_drawn_twice():
    display = DataMapDisplay(make_map())
    first = display.plot().ax_
    assert display.plot() is display
    assert display.ax_ is not first


def test_from_estimator_finds_the_map_in_a_pipeline():
    data_map = make_map()
    fitted = SimpleNamespace(data_map_=data_map)
    display = DataMapDisplay.from_estimator(
        Pipeline([("classifier", fitted)]), histograms=False
    )
    assert display.data_map is data_map
    assert display.histogram_axes_ is None


def test_from_estimator_refuses_an_estimator_without_a_map():
    with pytest.raises(ValueError, match="There is no data map in Pipeline"):
        DataMapDisplay.from_estimator(Pipeline([("classifier", None)]))


@pytest.mark.parametrize("max_points", [0, -1, 2.5, True, "all"])
def test_impossible_max_points_are_refused_before_a_figure_is_made(max_points):
    display = DataMapDisplay(make_map())
    expected = re.escape(
        f"integer >= 1, or None to draw all points; got {max_points!r}"
    )
    with pytest.raises(ValueError, match=expected):
        display.plot(max_points=max_points)
    with pytest.raises(ValueError, match=expected):
        display.frame(max_points=max_points)
    assert plt.get_fignums() == []


def test_anything_but_a_map_is_refused_before_a_figure_is_made():
    with pytest.raises(TypeError, match="draws a DataMap; got list"):
        DataMapDisplay.from_data_map([1, 2])
    assert plt.get_fignums() == []


def test_unknown_arguments_are_refused():
    with pytest.raises(TypeError, match="colour"):
        make_map().plot(colour="red")
