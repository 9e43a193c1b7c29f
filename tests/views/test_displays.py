"""All pictures, in light and dark styles, small and large, of few epochs and many."""

from dataclasses import replace
from functools import cache
from itertools import combinations, product

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgba
from sklearn.datasets import load_digits
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import make_pipeline

from sklearn_datamaps import DataMap, DataMapClassifier, audit_labels, explain_rows
from sklearn_datamaps._views import colors
from sklearn_datamaps._views.trajectories import TrajectoryDisplay

SGD = SGDClassifier(loss="log_loss", random_state=0)
TEXTS = ["thank you so much", "thanks a lot, mate", "what a bad day", "so bad, so sad"]


def make_map(n_epochs, n_classes=2, n_samples=300, seed=0):
    """Most rows easy, some ambiguous, some hard, as real maps are."""
    rng = np.random.default_rng(seed)
    y = np.arange(n_samples) % n_classes
    score = rng.normal(0, 0.7, (n_epochs, n_samples, n_classes))
    score[:, np.arange(n_samples), y] += rng.normal(2.5, 2, n_samples)
    proba = np.exp(score)
    proba /= proba.sum(axis=-1, keepdims=True)
    names = ["not gratitude", "gratitude", "joy", "fear", "anger"][:n_classes]
    text = [f"a comment of some length that says something {i}" for i in range(300)]
    data_map = DataMap.from_probabilities(
        proba, np.array(names)[y], classes=names, store_trajectories=True
    )
    return data_map.with_columns(text=text[:n_samples])


@cache
def make_audit(n_epochs):
    X, y = load_digits(return_X_y=True)
    X, y = X[:400] / 16, y[:400]
    y[:20] = (y[:20] + 1) % 10
    return audit_labels(DataMapClassifier(SGD, n_epochs=n_epochs), X, y, random_state=0)


@cache
def make_explanation(n_epochs, words):
    if words:
        clf = DataMapClassifier(SGD, n_epochs=n_epochs, store_trajectories=True)
        y = ["gratitude", "gratitude", "not gratitude", "not gratitude"] * 5
        pipe = make_pipeline(CountVectorizer(), clf).fit(TEXTS * 5, y)
        return explain_rows(pipe, TEXTS * 5, y, [2])
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(50, 2)), np.arange(50) % 2
    explained = explain_rows(SGD, X, y, [0])
    near = explained.frame[explained.frame["neighbour"] >= 0]
    return replace(explained, frame=near, curves=rng.random((n_epochs, 1)))


def scatter(n_classes):
    def draw(n_epochs, axes):
        make_map(n_epochs, n_classes).plot(ax=axes[0], max_points=250)

    return draw


def trajectories(n_epochs, axes):
    data_map = make_map(n_epochs)
    rows = data_map.rank("variability", n_samples=4)
    TrajectoryDisplay.from_data_map(data_map, rows, ax=axes[0])


def comparison(n_classes, n_movers):
    def draw(n_epochs, axes):
        before, after = (make_map(n_epochs, n_classes, seed=seed) for seed in (0, 1))
        before.compare(after).plot(ax=axes[0], n_movers=n_movers)

    return draw


def audit(counted):
    def draw(n_epochs, axes):
        found = make_audit(n_epochs)
        if not counted:
            found = replace(found, n_wrong=None, n_wrong_interval=None, reason="so")
        found.plot(axes=axes)

    return draw


def explanation(words):
    return lambda n_epochs, axes: make_explanation(n_epochs, words).plot(axes=axes)


DISPLAYS = {  # number of axes, and what draws on them
    "scatter": (1, scatter(2)),
    "scatter of many classes": (1, scatter(5)),
    "trajectories": (1, trajectories),
    "arrows": (1, comparison(2, 10)),
    "flow": (1, comparison(5, None)),
    "audit": (2, audit(counted=True)),
    "audit without a number": (2, audit(counted=False)),
    "words": (2, explanation(words=True)),
    "curve": (2, explanation(words=False)),
}
STYLES = ("default", "dark_background")
NOTHING = (None, "None", "", " ")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def drawn(name, style, inches, n_epochs):
    """Figure with a display, laid out; two axes of a small one lie below each other."""
    n_axes, draw = DISPLAYS[name]
    small = inches < 6
    shape = (n_axes, 1) if small else (1, n_axes)
    size = inches, inches * ((0.9 if n_axes == 1 else 1.6) if small else 0.5)
    figure, axes = plt.subplots(
        *shape, figsize=size, layout="constrained", squeeze=False
    )
    draw(n_epochs, axes.ravel())
    figure.draw_without_rendering()
    return figure


def texts_of(figure):
    """Texts that are seen, each with the axes it belongs to."""
    found = [(text, None) for text in figure.texts]
    for ax in figure.axes:
        if ax.axison:
            for axis in (ax.xaxis, ax.yaxis):
                ticks = [tick.label1 for tick in axis._update_ticks()]
                found += [(text, ax) for text in (*ticks, axis.label, axis.offsetText)]
        legend = ax.get_legend()
        in_legend = [legend.get_title(), *legend.get_texts()] if legend else []
        titles = (ax.title, ax._left_title, ax._right_title)
        found += [(text, ax) for text in (*titles, *ax.texts, *in_legend)]
    return [(t, ax) for t, ax in found if t.get_visible() and t.get_text().strip()]


def behind(text, ax, figure):
    """Colour on which a text lies: of a cell, the axes, or the figure."""
    if ax is None:
        return colors.background(figure)
    box = text.get_window_extent()
    middle = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
    for patch in reversed(ax.patches):
        if patch.contains_point(middle):
            return patch.get_facecolor()
    inside = ax.bbox.contains(*middle)
    return colors.background(ax if inside else figure)


def every_case():
    """All displays; of those that hardly depend on the epochs some are nightly."""
    for name in DISPLAYS:
        for style, inches, n_epochs in product(STYLES, (3, 12), (2, 51)):
            often = "scatter" in name or name == "trajectories"
            once = often or (inches == 3) == (n_epochs == 2)
            yield pytest.param(
                (name, style, inches, n_epochs),
                marks=[] if once else pytest.mark.nightly,
                id=f"{name}, {style.split('_')[0]}, {inches} inches, {n_epochs} epochs",
            )


@pytest.fixture(params=every_case())
def figure(request):
    with plt.style.context(request.param[1]):
        yield drawn(*request.param)


def overlap(a, b, slack=1.0):
    """Whether two boxes share more than a pixel in both directions."""
    width = min(a.x1, b.x1) - max(a.x0, b.x0)
    height = min(a.y1, b.y1) - max(a.y0, b.y0)
    return width > slack and height > slack


def check_texts(figure):
    texts = texts_of(figure)
    assert len(texts) > 5
    boxes = [(text.get_text(), text.get_window_extent()) for text, _ in texts]
    for told, box in boxes:
        inside = figure.bbox.x0 - 1 <= box.x0 and box.x1 <= figure.bbox.x1 + 1
        assert inside, f"{told!r} is cut off at the side"
        inside = figure.bbox.y0 - 1 <= box.y0 and box.y1 <= figure.bbox.y1 + 1
        assert inside, f"{told!r} is cut off above or below"
    for (one, a), (other, b) in combinations(boxes, 2):
        assert not overlap(a, b), f"{one!r} lies on {other!r}"
    for text, ax in texts:
        ratio = colors.contrast(text.get_color(), behind(text, ax, figure))
        assert ratio >= colors.TEXT, f"{text.get_text()!r} cannot be read"
    for ax in figure.axes:
        points = points_of(ax)
        for told, box in boxes:
            on = ((points > box.p0) & (points < box.p1)).all(axis=1)
            assert not on.any(), f"{told!r} covers {on.sum()} points"


def points_of(ax):
    """Points and markers that are drawn, in pixels."""
    scatters = [c for c in ax.collections if isinstance(c, PathCollection)]
    markers = [line for line in ax.lines if line.get_marker() not in NOTHING]
    points = [ax.transData.transform(c.get_offsets()) for c in scatters]
    points += [m.get_transform().transform(m.get_xydata()) for m in markers]
    return np.vstack([np.empty((0, 2)), *points])


def marks_of(ax):
    """Colours of what is drawn in the axes, with names for messages."""
    for collection in ax.collections:
        kind = type(collection).__name__
        colour = collection.get_facecolor()
        colour = colour if len(colour) else collection.get_edgecolor()
        yield from ((kind, c) for c in np.unique(colour[:, :3], axis=0))
    for line in ax.lines:
        if line.get_linestyle() not in NOTHING:
            yield "line", line.get_color()
        elif line.get_marker() not in NOTHING:
            on = colors.background(ax)
            sides = (line.get_markerfacecolor(), line.get_markeredgecolor())
            yield "marker", max(sides, key=lambda side: colors.contrast(side, on))
    for patch in ax.patches:
        # A cell of a table is as strong as its number, a bar has its own colour.
        outlined = patch.get_linewidth() and to_rgba(patch.get_edgecolor())[3]
        at = patch.get_edgecolor() if outlined else patch.get_facecolor()
        yield "patch", at
    for name, spine in ax.spines.items():
        if spine.get_visible() and ax.axison:
            yield name, spine.get_edgecolor()


def check_colors(figure):
    for ax in figure.axes:
        on = colors.background(ax)
        for name, color in marks_of(ax):
            ratio = colors.contrast(color, on)
            assert ratio >= colors.GRAPHIC - 0.05, f"{name} {color} cannot be seen"


def test_texts_can_be_read_and_lie_apart_and_colours_can_be_seen(figure):
    check_texts(figure)
    check_colors(figure)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(("n_labels", "n_epochs"), [(2, 51), (5, 2)])
def test_small_maps_of_labels_can_be_read_too(style, n_labels, n_epochs):
    with plt.style.context(style):
        figure = make_map(n_epochs, n_labels).plot(by="label").figure_
        figure.draw_without_rendering()
        check_texts(figure)
        check_colors(figure)


@pytest.mark.parametrize("style", STYLES)
def test_rows_never_right_stand_out_most(style):
    with plt.style.context(style):
        display = make_map(10).plot(histograms=False)
        behind = colors.background(display.ax_)
        handles = display.ax_.get_legend().legend_handles
        ratios = [colors.contrast(h.get_color(), behind) for h in handles]
    assert ratios == sorted(ratios)  # from right in all epochs to right in none
    assert ratios[-1] > 10


@pytest.mark.parametrize("face", ["black", "0.2", "0.5", "#eee8d5", "white", "none"])
@pytest.mark.parametrize("text", ["black", "white"])
def test_colours_follow_the_axes_they_are_drawn_on(face, text):
    with plt.rc_context({"axes.facecolor": face, "text.color": text}):
        _, ax = plt.subplots(facecolor="none")
        behind = colors.background(ax)
        found = [*colors.accents(ax, 3), *colors.sequence(ax, 7), colors.ink(ax, 0.5)]
        found.append(colors.visible("yellow", ax))
        ratios = [colors.contrast(color, behind) for color in found]
    assert min(ratios) >= colors.GRAPHIC
    if face == "none":  # a transparent figure lies on what suits its text
        assert colors.contrast(behind, text) == 21


def test_contrast_is_that_of_the_guidelines():
    assert colors.contrast("white", "black") == 21
    assert colors.contrast("#777777", "white") == pytest.approx(4.48, abs=0.005)
    assert colors.contrast("red", "red") == 1
