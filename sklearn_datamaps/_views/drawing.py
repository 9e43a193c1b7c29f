"""The parts of a drawn data map: points, boundary, names, histograms, legend."""

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.base_map import BaseDataMap
from sklearn_datamaps._views import colors

REGION_NAMES = {  # as drawn, and where beside the axes
    "easy": ("easy-to-learn", 0.99, "top"),
    "ambiguous": ("ambiguous", 0.5, "center"),
    "hard": ("hard-to-learn", 0.02, "bottom"),
}
HIGHEST_EASY = 0.87  # confidence of a boundary below which "easy" is seen to be above
KEPT_FIRST = ("hard", "ambiguous", "easy")
MARKERS = ("X", "v", "D", "s", "P", "^", "o")  # for right in no epoch, ..., in all
MAX_EXACT_EPOCHS = 6  # the paper's: with more epochs, correctness is shown in 6 bins
SKEW = 50  # largest over median bar, above which counts are drawn on a log scale


def check_max_points(max_points: Any, *, none: str = "") -> None:
    """Raise ValueError unless it is an integer >= 1, or None where that has a meaning.

    Parameters
    ----------
    max_points : int or None
        What the user gave.
    none : str, default=""
        What None means, for the message; empty: it is not allowed.

    Raises
    ------
    ValueError
        Naming the value.
    """
    integer = isinstance(max_points, int | np.integer) and max_points is not True
    if not (integer and max_points >= 1) and not (none and max_points is None):
        raise ValueError(
            f"max_points must be an integer >= 1{none}; got {max_points!r}."
        )


def correctness_bins(correctness: Array, n_epochs: int) -> tuple[Array, list[str]]:
    """Codes of the bins and their names, from right in all epochs to right in none.

    Every value is a bin of its own up to ``MAX_EXACT_EPOCHS``; with more epochs the
    bins are all, the four quarters between, and none.
    """
    counts = np.arange(n_epochs + 1)
    bins = counts
    if n_epochs > MAX_EXACT_EPOCHS:
        bins = 1 + 4 * counts // n_epochs
        bins[0] = 0
    shares = counts / n_epochs
    digits = max(2, len(str(n_epochs - 1)))
    digits = next((d for d in (1, 2) if np.allclose(shares, shares.round(d))), digits)
    names = []
    for code in range(bins[-1], -1, -1):
        ends = shares[bins == code][[0, -1]]
        names.append(" - ".join(dict.fromkeys(f"{end:.{digits}f}" for end in ends)))
    # Rows seen in fewer epochs, and averaged maps, lie between the counts: only 0 is
    # shown as never right, and only 1 as always right.
    right = np.rint(correctness * n_epochs).astype(np.intp)
    right = np.clip(right, correctness > 0, n_epochs - (correctness < 1))
    return bins[-1] - bins[right], names


def font_size(ax: Any) -> float:
    """Size of texts that suits the width of the axes, in points."""
    import matplotlib as mpl

    inches = ax.bbox.width / ax.figure.dpi
    return float(mpl.rcParams["font.size"] * np.clip(0.4 + 0.11 * inches, 0.65, 1.3))


def set_font_size(ax: Any, size: float) -> None:
    """Give the numbers and names of both axes a size, in points."""
    ax.tick_params(labelsize=0.95 * size)
    for axis in (ax.xaxis, ax.yaxis):
        axis.label.set_size(size)


def settle(*axes: Any) -> float:
    """Lay the figure out, so that texts are measured against the final axes.

    Parameters
    ----------
    *axes : matplotlib Axes
        Of one figure; their numbers and names get the size, too.

    Returns
    -------
    float
        Size of texts that suits the narrowest of them.
    """
    root = axes[0].figure.figure  # of a subfigure, too
    # Smaller texts leave more room, so they are near their size before it is shared.
    size = _suit(axes)
    if root.get_layout_engine() is not None:
        root.get_layout_engine().execute(root)
        size = _suit(axes)
    return size


def _suit(axes: Sequence[Any]) -> float:
    """Give the texts of axes the size that suits the narrowest as it is now."""
    size = min(map(font_size, axes))
    for ax in axes:
        set_font_size(ax, size)
    return size


def draw_points(
    ax: Any, drawn: pd.DataFrame, styles: pd.DataFrame, kwargs: Mapping[str, Any]
) -> None:
    # From always right to never right: the rare, hard points come to lie on top, and
    # are drawn larger and less transparent than a crowd. Points that look alike are one
    # collection: Matplotlib then draws the marker once and stamps it.
    width, height = ax.bbox.size / ax.figure.dpi
    for name, here in drawn.groupby("correctness_bin", observed=True):
        size = np.clip(4000 * width * height / len(here), 5, 22)
        defaults = {
            "s": size * np.clip(width / 5, 0.4, 2),
            "alpha": np.clip(25 / np.sqrt(len(here)), 0.35, 0.85),
            "linewidth": 0,
            "rasterized": True,
            **styles.loc[name],  # color and marker
        }
        ax.scatter(here["variability"], here["confidence"], **(defaults | dict(kwargs)))
    largest = max(float(drawn["variability"].max()), 0.01)
    ax.set(xlim=(-0.02 * largest, 1.04 * largest), ylim=(-0.03, 1.03))
    ax.set(xlabel="variability", ylabel="confidence")
    despine(ax)


def despine(ax: Any) -> None:
    """Leave out the frame at the top and at the right."""
    ax.spines[["top", "right"]].set_visible(False)


def draw_boundary(ax: Any, boundary: Array, kwargs: Mapping[str, Any]) -> None:
    confidence = np.linspace(0, 1, 501)
    attainable = np.sqrt(confidence * (1 - confidence))
    faint, strong = (colors.ink(ax, share) for share in (colors.FAINT, colors.STRONG))
    ax.plot(attainable, confidence, color=faint, lw=0.8, ls=":", zorder=1.5)
    defaults = {"color": strong, "linewidth": 1.1, "linestyle": "--"}
    for line in boundary:
        ax.plot(*line.T, **(defaults | dict(kwargs)))


def draw_histograms(
    axes: Array,
    points: pd.DataFrame,
    styles: pd.DataFrame,
    n_epochs: int,
    unit: str,
    kwargs: Mapping[str, Any],
) -> None:
    from matplotlib.ticker import EngFormatter

    n_bars = min(n_epochs + 1, 101)
    edges = {
        "confidence": np.linspace(0, 1, 26),
        "variability": np.linspace(0, max(points["variability"].max(), 0.01), 26),
        "correctness": np.linspace(-0.5, n_epochs + 0.5, n_bars + 1) / n_epochs,
    }
    counts = [np.histogram(points[name], bins=edges[name])[0] for name in edges]
    skewed = any(bars.max() > SKEW * np.median(bars[bars > 0]) for bars in counts)
    for ax, name in zip(axes, edges, strict=True):
        defaults = {
            "bins": edges[name],
            "color": colors.ink(ax, colors.FAINT),
            "alpha": 1,
            "edgecolor": colors.background(ax),
            "linewidth": 0.4,
        }
        ax.hist(points[name], **(defaults | dict(kwargs)))
        if name == "correctness" and not kwargs:
            centers = (edges[name][1:] + edges[name][:-1]) / 2
            codes, _ = correctness_bins(centers.clip(0, 1), n_epochs)
            for bar, color in zip(ax.patches, styles["color"].iloc[codes], strict=True):
                bar.set_facecolor(color)
        if skewed:
            ax.set_yscale("log")
            ax.set_ylim(bottom=0.7)
            ax.minorticks_off()  # tens of ticks that are slow to lay out
            # "10k", not a power of ten, which is slow to typeset.
            ax.yaxis.set_major_formatter(EngFormatter(sep=""))
        ax.locator_params(axis="x", nbins=4)
        ax.set(xlabel=name, ylabel=f"{unit} (log)" if skewed else unit)
        despine(ax)


def draw_head(
    ax: Any,
    title: str,
    notes: str,
    styles: pd.DataFrame,
    size: float,
    kwargs: Mapping[str, Any],
) -> None:
    """Legend, notes and title, stacked above the axes, where no point can be."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], ls="", marker=marker, ms=0.6 * size, color=color, label=name)
        for name, color, marker in styles[["color", "marker"]].itertuples()
    ]
    defaults = {"handles": handles, "title": "correctness", "handlelength": 1.2}
    draw_legend(ax, title, size, notes, defaults | dict(kwargs))


def draw_legend(
    ax: Any,
    title: str,
    size: float,
    notes: str = "",
    kwargs: Mapping[str, Any] | None = None,
) -> None:
    """Legend, if there is anything to name, above the axes; notes and title above."""
    defaults: dict[str, Any] = {
        "loc": "lower left",
        "bbox_to_anchor": (0, 1.01),
        "fontsize": size,
        "title_fontsize": size,
        "alignment": "left",
        "frameon": False,
        "borderaxespad": 0,
        "borderpad": 0,
        "columnspacing": 1.0,
        "handletextpad": 0.2,
    }
    defaults |= kwargs or {}
    handles = defaults.get("handles") or ax.get_legend_handles_labels()[0]
    above = 0.0
    for n_rows in range(1, 4) if handles else ():
        n_columns = max(1, -(-len(handles) // n_rows))
        legend = ax.legend(**({"ncols": n_columns} | defaults))
        above = legend.get_window_extent().y1
        if legend.get_window_extent().width <= ax.bbox.width:
            break
    draw_title(ax, title, size, notes, above)


def draw_title(
    ax: Any, title: str, size: float, notes: str = "", above: float = 0
) -> None:
    """Title and notes below it, above the axes or what ends at a height in pixels."""
    to_points, top = 72 / ax.figure.dpi, ax.bbox.y1
    n_characters = max(20, int(1.9 * ax.bbox.width * to_points / size))
    pad = 0.5 * size + to_points * max(0, above - top)
    if notes:
        note = ax.annotate(
            fill(notes, n_characters),
            (0, 1),
            (0, pad),
            xycoords="axes fraction",
            textcoords="offset points",
            fontsize=0.9 * size,
            color=colors.ink(ax.figure, colors.MUTED),
            va="bottom",
        )
        pad = 0.5 * size + to_points * (note.get_window_extent().y1 - top)
    lines = (fill(line, max(20, int(0.8 * n_characters))) for line in title.split("\n"))
    ax.set_title("\n".join(lines), loc="left", pad=pad, fontsize=1.15 * size)


def default_title(data_map: BaseDataMap) -> str:
    size = f"{data_map.n_samples:,} rows"
    if data_map.multilabel:
        size += f" x {len(data_map.classes)} labels"
    epochs = f"{data_map.n_epochs} epoch" + ("s" if data_map.n_epochs != 1 else "")
    learner = data_map.meta.get("learner") or "Data map"
    recording = data_map.meta.get("recording", "in-sample")
    facts = [learner, size, epochs, recording if recording != "in-sample" else ""]
    return ", ".join(str(fact) for fact in facts if fact)


def sample(
    points: pd.DataFrame, size: int | None, random_state: Any, by: Sequence[str] = ()
) -> pd.DataFrame:
    """At most so many points, in their order: hard ones first, then ambiguous ones.

    Easy points, which are many and lie close together, fill what room is left. Of the
    region that does not fit whole, a random part is kept; with ``by`` at most the same
    number of each group, so that the rare ones, which a plain sample would nearly
    lose, are drawn whole.

    Parameters
    ----------
    points : pandas.DataFrame
        With a column ``region``.
    size : int or None
        The most points. None: all.
    random_state : int, RandomState, Generator or None
        Seed of the sample.
    by : sequence of str, default=()
        Columns that make the groups.

    Returns
    -------
    pandas.DataFrame
        Rows of points.
    """
    if size is None or len(points) <= size:
        return points
    keys = points[["region", *by]].reset_index(drop=True)
    keys = keys.sample(frac=1, random_state=random_state)
    turn = keys.groupby(list(keys), sort=False).cumcount() if by else 0
    first = pd.Categorical(keys["region"], KEPT_FIRST).codes
    order = pd.DataFrame({"region": first, "turn": turn}, index=keys.index)
    kept = order.sort_values(["region", "turn"], kind="stable").index[:size]
    return points.iloc[np.sort(kept)]


def notes(
    data_map: BaseDataMap, points: pd.DataFrame, drawn: pd.DataFrame, is_curve: bool
) -> str:
    """Say what the picture leaves out."""
    notes, n_points = [], len(points)
    if len(drawn) < n_points:
        of_all, of_drawn = (f["region"].value_counts() for f in (points, drawn))
        left = of_all.sub(of_drawn, fill_value=0).astype(int)
        left_out = [f"{left[name]:,} {name}" for name in KEPT_FIRST if left.get(name)]
        notes.append(
            f"{len(drawn):,} of {n_points:,} points drawn, left out at random: "
            + ", ".join(left_out)
        )
    unseen = data_map.confidence.size - n_points
    if unseen:
        notes.append(f"{unseen:,} never recorded, not shown")
    if not is_curve:
        notes.append("regions follow the margin, not shown here; rings: their medians")
    return "; ".join(notes)


def name_regions(
    ax: Any, points: pd.DataFrame, boundary: Array, size: float, counts: Any = None
) -> None:
    """Name the regions with their counts in a column of their own, right of all points.

    Where the picture does not show which region is where, a line leads from each name
    to the median of its points. No place is searched among the points, as textalloc and
    adjustText do: of a crowded map none is empty, and they then cover points all the
    same, or leave the name out.

    Parameters
    ----------
    ax : matplotlib Axes
        With the points; its x-axis grows by the column.
    points : pandas.DataFrame
        ``region``, ``variability`` and ``confidence``.
    boundary : ndarray of shape (n_lines, n, 2)
        The boundary as drawn.
    size : float
        Of the font, in points.
    counts : dict of str to str, default=None
        What stands below each name. None: number and share of the points.
    """
    names = {}
    for region, (name, height, align) in REGION_NAMES.items():
        inside = (points["region"] == region).to_numpy()
        share = 100 * inside.mean() if len(inside) else 0
        count = counts[region] if counts else f"{inside.sum():,} ({share:.1f} %)"
        label = ax.annotate(
            f"{name}\n{count}",
            (1, height),
            xycoords="axes fraction",
            va=align,
            fontsize=size,
            linespacing=1.3,
        )
        names[label] = inside
    widest = max(label.get_window_extent().width for label in names)
    place = 1 - min(1.03 * widest / ax.bbox.width, 0.6)
    end = max(place - 0.7 * size * ax.figure.dpi / 72 / ax.bbox.width, 0.2)
    _narrow(ax, end)
    shown = len(boundary) and boundary[0, -1, 1] < HIGHEST_EASY
    for label, inside in names.items():
        label.set_position((place, label.get_position()[1]))
        if inside.any() and not shown:
            _lead(ax, label, points[inside], size)


def _narrow(ax: Any, end: float) -> None:
    """Let the x-axis and all lines end there, a share of the width, for the names."""
    from matplotlib.ticker import MaxNLocator
    from matplotlib.transforms import Bbox, TransformedBbox

    low, high = ax.get_xlim()
    inches = end * ax.bbox.width / ax.figure.dpi
    n_ticks = int(np.clip(1.8 * inches, 2, 8))
    ax.xaxis.set_major_locator(MaxNLocator(n_ticks, steps=[1, 2, 2.5, 5, 10]))
    ax.set_xlim(low, low + (high - low) / end)
    ax.set_xticks([tick for tick in ax.get_xticks() if low <= tick <= high])
    ax.spines["bottom"].set_bounds(low, high)
    for line in ax.lines:
        line.set_clip_box(TransformedBbox(Bbox.from_bounds(0, 0, end, 1), ax.transAxes))


def _lead(ax: Any, label: Any, points: pd.DataFrame, size: float) -> None:
    """Line from a name to the median of its points, a ring."""
    median = points[["variability", "confidence"]].median().to_numpy()
    color = colors.ink(ax, colors.STRONG)
    line = {"arrowstyle": "-", "color": color, "linewidth": 0.8, "shrinkA": 0.4 * size}
    box = label.get_window_extent()
    start = ax.transAxes.inverted().transform((box.x0, (box.y0 + box.y1) / 2))
    ax.annotate("", median, start, textcoords="axes fraction", arrowprops=line)
    ring = {"markerfacecolor": colors.background(ax), "markeredgecolor": color}
    ax.plot(
        *median, marker="o", linestyle="", markersize=0.7 * size, zorder=4.5, **ring
    )
