"""DataMapDisplay by label: what each small map shows, and how they share a page."""

import re

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection
from matplotlib.text import Text

from sklearn_datamaps import DataMap, TrainingDynamics


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def make_map(n_classes=4, n_samples=200, sizes=None, **kwargs):
    rng = np.random.default_rng(0)
    y = rng.integers(0, n_classes, n_samples)
    if sizes is not None:
        y = np.repeat(np.arange(n_classes), sizes)
    proba = rng.dirichlet(np.ones(n_classes), (4, len(y)))
    kwargs = {"classes": np.arange(n_classes)} | kwargs
    y = np.asarray(kwargs["classes"])[y]
    return DataMap.from_probabilities(proba, y, **kwargs)


def make_multilabel_map(n_samples=300):
    rng = np.random.default_rng(0)
    return DataMap.from_probabilities(
        rng.random((4, n_samples, 3)),
        rng.random((n_samples, 3)) < [0.5, 0.1, 0.02],
        multilabel=True,
        classes=["joy", "pride", "grief"],
    )


def scatters_of(ax):
    return [c for c in ax.collections if isinstance(c, PathCollection)]


def unset_and_set(ax):
    """Collections of the cells without and with the label, which lie on top."""
    on_top = max(c.get_zorder() for c in scatters_of(ax))
    is_set = [c.get_zorder() == on_top for c in scatters_of(ax)]
    return (
        [c for c, on in zip(scatters_of(ax), is_set, strict=True) if not on],
        [c for c, on in zip(scatters_of(ax), is_set, strict=True) if on],
    )


def n_points(collections):
    return sum(len(c.get_offsets()) for c in collections)


def points_of(ax):
    offsets = [c.get_offsets() for c in scatters_of(ax)]
    return sorted(map(tuple, np.vstack([np.empty((0, 2)), *offsets])))


def points_where(data_map, mask):
    pairs = zip(data_map.variability[mask], data_map.confidence[mask], strict=True)
    return sorted(pairs)


def counts_of(ax):
    return [text.get_text() for text in ax.texts]


def head_of(display):
    (head,) = set(display.figure_.axes) - set(display.axes_)
    return head


def test_panels_have_the_rows_of_each_label_in_the_order_of_the_classes():
    data_map = make_map(classes=["b", "a", "d", "c"])
    display = data_map.plot(by="label")
    assert isinstance(display.axes_, np.ndarray)
    titles = [ax.get_title("left") for ax in display.axes_]
    assert titles == ["b", "a", "d", "c"]
    for ax, name in zip(display.axes_, titles, strict=True):
        assert points_of(ax) == points_where(data_map, data_map.label == name)


def test_panels_of_a_multilabel_map_have_the_cells_of_each_label():
    data_map = make_multilabel_map()
    display = data_map.plot(by="label")
    for i, ax in enumerate(display.axes_):
        column = np.zeros(data_map.confidence.shape, dtype=bool)
        column[:, i] = True
        assert ax.get_title("left") == data_map.classes[i]
        assert points_of(ax) == points_where(data_map, column)


def test_set_cells_are_outlined_larger_and_on_top_and_the_head_says_so():
    data_map = make_multilabel_map()
    display = data_map.plot(by="label")
    for i, ax in enumerate(display.axes_):
        unset_points, set_points = unset_and_set(ax)
        is_set = np.zeros(data_map.label.shape, dtype=bool)
        is_set[:, i] = data_map.label[:, i]
        drawn = np.vstack([c.get_offsets() for c in set_points])
        assert sorted(map(tuple, drawn)) == points_where(data_map, is_set)
        assert all(c.get_linewidths()[0] > 0 for c in set_points)
        assert all(c.get_linewidths()[0] == 0 for c in unset_points)
        smallest = min(c.get_sizes().min() for c in set_points)
        assert smallest > max(c.get_sizes().max() for c in unset_points)
    assert "outlined: label set" in " ".join(counts_of(head_of(display)))


@pytest.mark.parametrize("kwargs", [{}, {"band": 0.3, "n_std": 0}])
def test_panels_are_titled_with_the_sizes_of_their_regions(kwargs):
    data_map = make_map(n_samples=9000)
    display = data_map.plot(by="label", max_points=50, **kwargs)
    regions = data_map.regions(**kwargs)
    for name, ax in enumerate(display.axes_):
        of_label = regions[data_map.label == name]
        sizes = [(of_label == r).sum() for r in ("easy", "ambiguous", "hard")]
        assert counts_of(ax) == [f"{sizes[0]:,} / {sizes[1]:,} / {sizes[2]:,}"]
    head = " ".join(counts_of(head_of(display)))
    assert "easy / ambiguous / hard" in head


def test_sizes_of_set_and_unset_cells_are_apart():
    data_map = make_multilabel_map()
    display = data_map.plot(by="label")
    regions = data_map.regions()
    for i, ax in enumerate(display.axes_):
        lines = []
        for name, mask in (("set", data_map.label), ("unset", ~data_map.label)):
            cells = regions[:, i][mask[:, i]]
            sizes = [(cells == r).sum() for r in ("easy", "ambiguous", "hard")]
            lines.append(f"{name}: {sizes[0]} / {sizes[1]} / {sizes[2]}")
        assert counts_of(ax) == ["\n".join(lines)]


def test_label_without_rows_keeps_its_panel():
    display = make_map(sizes=[30, 0, 30, 0]).plot(by="label")
    assert len(display.axes_) == 4
    assert points_of(display.axes_[1]) == []
    assert counts_of(display.axes_[1]) == ["0 / 0 / 0"]


def make_learned_map(sizes, n_hard):
    """Easy rows of labels of many sizes, of each of which the first are hard."""
    y = np.repeat(np.arange(len(sizes)), sizes)
    place = np.concatenate([np.arange(size) for size in sizes])
    own = np.where(place < n_hard, 0.01, 0.8) + 1e-6 * np.arange(len(y))
    proba = np.repeat((1 - own)[:, None] / (len(sizes) - 1), len(sizes), axis=1)
    proba[np.arange(len(y)), y] = own
    return DataMap.from_probabilities(proba[None], y, classes=range(len(sizes)))


def test_sample_thins_easy_rows_of_frequent_labels_only():
    data_map = make_learned_map([1000, 100, 20, 10], n_hard=10)
    display = data_map.plot(by="label", max_points=130)
    hard = data_map.confidence < 0.5
    for name, ax, n_drawn in zip(
        range(4), display.axes_, (50, 50, 20, 10), strict=True
    ):
        points = points_of(ax)
        assert len(points) == n_drawn
        of_label = points_where(data_map, hard & (data_map.label == name))
        assert set(of_label) <= set(points)
    head = " ".join(counts_of(head_of(display)))
    told = "130 of 1,130 points drawn, left out at random: 1,000 easy"
    assert told in " ".join(head.split())


def test_labels_with_the_largest_share_of_hard_rows_come_first_on_the_page():
    data_map = make_learned_map([1000, 100, 20, 10], n_hard=10)
    display = data_map.plot(by="label")
    display.figure_.draw_without_rendering()
    boxes = [ax.get_position() for ax in display.axes_]
    places = [(-round(box.y0, 3), round(box.x0, 3)) for box in boxes]
    assert [ax.get_title("left") for ax in display.axes_] == ["0", "1", "2", "3"]
    assert places == sorted(places, reverse=True)
    head = " ".join(" ".join(counts_of(head_of(display))).split())
    assert "largest share of hard first" in head


def test_labels_of_a_multilabel_map_are_ordered_by_hard_cells_that_are_set():
    y = np.array([[1, 1], [1, 1], [0, 1], [0, 0]])
    own = np.array([[0.9, 0.1], [0.8, 0.1], [0.1, 0.9], [0.1, 0.9]])
    data_map = DataMap.from_probabilities(
        np.where(y, own, 1 - own)[None], y, multilabel=True, classes=["joy", "fear"]
    )
    joy, fear = data_map.plot(by="label").axes_
    assert fear.get_position().x0 < joy.get_position().x0
    assert joy.get_title("left") == "joy"


def test_sample_keeps_the_rare_set_cells_of_a_multilabel_map():
    rng = np.random.default_rng(0)
    y = rng.random((300, 3)) < [0.5, 0.1, 0.02]
    own = rng.uniform(0.7, 1, (2, 300, 3))
    data_map = DataMap.from_probabilities(
        np.where(y, own, 1 - own), y, multilabel=True, classes=["joy", "pride", "grief"]
    )
    display = data_map.plot(by="label", max_points=300)
    unset_points, set_points = unset_and_set(display.axes_[2])
    assert n_points(set_points) == data_map.label[:, 2].sum() > 0
    assert n_points(unset_points) < 100


def test_sample_follows_its_seed():
    data_map = make_map()
    seeds = (3, 3, 4)
    first, same, other = (
        [
            points_of(ax)
            for ax in data_map.plot(by="label", max_points=40, random_state=seed).axes_
        ]
        for seed in seeds
    )
    assert first == same
    assert first != other


def test_panels_share_their_axes_and_only_the_outer_ones_have_numbers():
    display = make_map(n_classes=5).plot(by="label")
    display.figure_.draw_without_rendering()
    limits = {(ax.get_xlim(), ax.get_ylim()) for ax in display.axes_}
    assert len(limits) == 1
    ((low, high), _) = limits.pop()
    largest = display.data_map.variability.max()
    assert low < 0 < largest < high
    boxes = [ax.get_position() for ax in display.axes_]
    for ax, box in zip(display.axes_, boxes, strict=True):
        leftmost = box.x0 == min(other.x0 for other in boxes)
        beneath = any(o.y1 < box.y0 and o.x0 == box.x0 for o in boxes)
        assert any(t.get_visible() for t in ax.get_yticklabels()) == leftmost
        assert any(t.get_visible() for t in ax.get_xticklabels()) == (not beneath)
    shown = [t.get_text() for t in display.figure_.findobj(Text)]
    assert shown.count("variability") == shown.count("confidence") == 1


def test_28_labels_fit_a4_landscape_and_their_texts_lie_apart():
    names = ["disappointment" if i == 5 else f"emotion {i}" for i in range(28)]
    data_map = make_map(n_classes=28, n_samples=2000, classes=names)
    display = data_map.plot(by="label")
    width, height = display.figure_.get_size_inches()
    assert width <= 11.7
    assert height <= 8.3
    display.figure_.draw_without_rendering()
    assert len({ax.get_position().x0 for ax in display.axes_}) == 7
    boxes = []
    for ax in display.axes_:
        title = ax.get_title("left")
        texts = [t for t in ax.findobj(Text) if t.get_text() == title] + list(ax.texts)
        boxes += [text.get_window_extent() for text in texts]
        boxes.append(ax.get_window_extent())
        assert min(text.get_fontsize() for text in texts) >= 7
    boxes += [head_of(display).get_legend().get_window_extent()]
    for i, a in enumerate(boxes):
        assert display.figure_.bbox.x0 <= a.x0 <= a.x1 <= display.figure_.bbox.x1 + 1
        for b in boxes[:i]:
            apart = a.x1 <= b.x0 or b.x1 <= a.x0 or a.y1 <= b.y0 + 1 or b.y1 <= a.y0 + 1
            assert apart


@pytest.mark.parametrize("n_classes", [2, 3, 6, 10])
def test_page_has_a_panel_for_each_label_and_no_empty_row(n_classes):
    display = make_map(n_classes=n_classes).plot(by="label")
    display.figure_.draw_without_rendering()
    boxes = [ax.get_position() for ax in display.axes_]
    n_rows = len({round(box.y0, 3) for box in boxes})
    n_columns = len({round(box.x0, 3) for box in boxes})
    assert len(boxes) == n_classes
    assert n_rows * n_columns - n_classes < n_columns
    assert n_columns >= n_rows


def test_one_legend_with_the_bins_of_the_whole_map():
    display = make_map().plot(by="label")
    legend = head_of(display).get_legend()
    names = [text.get_text() for text in legend.get_texts()]
    assert names == ["1.00", "0.75", "0.50", "0.25", "0.00"]
    assert not any(ax.get_legend() for ax in display.axes_)


def test_boundary_is_in_every_panel_of_a_map_that_has_one():
    display = make_multilabel_map().plot(by="label", boundary_kwargs={"color": "red"})
    for ax in display.axes_:
        assert [line.get_color() for line in ax.lines].count("red") == 2
    assert "margin" not in " ".join(counts_of(head_of(display)))


def test_regions_without_a_boundary_are_explained():
    display = make_map().plot(by="label")
    dashed = [x for ax in display.axes_ for x in ax.lines if x.get_linestyle() == "--"]
    assert dashed == []
    assert "regions follow the margin" in " ".join(counts_of(head_of(display)))
    assert "rings" not in " ".join(counts_of(head_of(display)))


def test_names_of_labels_are_shown_as_they_are_and_long_ones_are_cut():
    names = ["$a$ and $b$", "_hidden", "x" * 200, "d"]
    display = make_map(classes=names).plot(by="label")
    display.figure_.draw_without_rendering()
    titles = [ax.get_title("left") for ax in display.axes_]
    assert titles[:2] == ["$a$ and $b$", "_hidden"]
    assert titles[2].count("\n") == 1
    assert titles[2].endswith("x…")
    for ax, title in zip(display.axes_, titles, strict=True):
        (shown,) = (t for t in ax.findobj(Text) if t.get_text() == title)
        assert not shown.get_parse_math()


def test_rows_never_recorded_are_left_out_and_counted():
    dynamics = TrainingDynamics(np.arange(50) % 2)
    for epoch in np.random.default_rng(0).dirichlet([1, 1], (3, 40)):
        dynamics.update(epoch, rows=np.arange(40))
    display = dynamics.to_data_map(allow_incomplete=True).plot(by="label")
    assert [len(points_of(ax)) for ax in display.axes_] == [20, 20]
    assert "10 never recorded" in " ".join(counts_of(head_of(display)))


def test_points_are_rasterized():
    display = make_multilabel_map().plot(by="label")
    for ax in display.axes_:
        assert all(points.get_rasterized() for points in scatters_of(ax))


def test_title_and_styles_can_be_given():
    display = make_map().plot(
        by="label",
        title="emotions",
        scatter_kwargs={"s": 3},
        legend_kwargs={"title": "right"},
    )
    head = head_of(display)
    assert head.get_title("left") == "emotions"
    assert head.get_legend().get_title().get_text() == "right"
    sizes = {s for ax in display.axes_ for c in scatters_of(ax) for s in c.get_sizes()}
    assert sizes == {3}


def test_display_drawn_by_label_and_then_whole_has_the_axes_of_the_last():
    display = make_map().plot(by="label")
    assert display.ax_ is None
    assert display.histogram_axes_ is None
    assert display.figure_ is display.axes_[0].figure
    display.plot()
    assert display.axes_ is None
    assert display.figure_ is display.ax_.figure


def test_ax_together_with_by_is_refused():
    figure, ax = plt.subplots()
    with pytest.raises(ValueError, match=r"a figure of its own.*leave out ax"):
        make_map().plot(by="label", ax=ax)
    assert plt.get_fignums() == [figure.number]


@pytest.mark.parametrize(
    ("kwargs", "expected"),
    [
        ({"by": "region"}, "by must be None or 'label'; got 'region'"),
        ({"by": "label", "histograms": True}, "leave out histograms=True"),
        ({"by": "label", "max_points": 0}, "integer >= 1"),
    ],
)
def test_what_cannot_be_drawn_is_refused_before_a_figure_is_made(kwargs, expected):
    with pytest.raises(ValueError, match=re.escape(expected)):
        make_map().plot(**kwargs)
    assert plt.get_fignums() == []


def test_more_labels_than_a_page_can_hold_are_refused():
    data_map = make_map(n_classes=101)
    with pytest.raises(ValueError, match=r"at most 100; the map has 101.*summary"):
        data_map.plot(by="label")
    assert plt.get_fignums() == []


def test_panels_of_labels_of_many_types():
    names = pd.Index([3, 1, 2, 0])
    display = make_map(classes=names).plot(by="label")
    assert [ax.get_title("left") for ax in display.axes_] == ["3", "1", "2", "0"]
