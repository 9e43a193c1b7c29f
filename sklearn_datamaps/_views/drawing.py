"""The parts of a drawn data map: points, boundary, names, histograms, legend."""

from collections.abc import Mapping
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.base_map import BaseDataMap

REGION_NAMES = {  # as drawn, and at which height if the region is empty
    "easy": ("easy-to-learn", 0.85),
    "ambiguous": ("ambiguous", 0.5),
    "hard": ("hard-to-learn", 0.15),
}
N_CELLS = 100  # of the grid, along each side, in which names look for an empty place
TAKEN = 1e7  # more points in a cell than any map has
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
    import matplotlib as mpl

    inches = ax.bbox.width / ax.figure.dpi
    return float(mpl.rcParams["font.size"] * np.clip(inches / 5, 0.65, 0.95))


def draw_points(
    ax: Any, drawn: pd.DataFrame, styles: pd.DataFrame, kwargs: Mapping[str, Any]
) -> None:
    import seaborn as sns

    # From always right to never right: the rare, hard points come to lie on top, and
    # are drawn larger and less transparent than a crowd.
    ordered = drawn.sort_values("correctness_bin", kind="stable", ignore_index=True)
    same_bin = ordered.groupby("correctness_bin", observed=True)["correctness"]
    crowd = same_bin.transform("size").to_numpy()
    width, height = ax.bbox.size / ax.figure.dpi
    defaults = {
        "s": np.clip(4000 * width * height / crowd, 5, 22) * np.clip(width / 5, 0.4, 1),
        "alpha": np.clip(25 / np.sqrt(crowd), 0.35, 0.85),
        "linewidth": 0,
        "rasterized": True,
    }
    sns.scatterplot(
        data=ordered,
        x="variability",
        y="confidence",
        hue="correctness_bin",
        style="correctness_bin",
        palette=styles["color"].to_dict(),
        markers=styles["marker"].to_dict(),
        legend=False,
        ax=ax,
        **(defaults | dict(kwargs)),
    )
    largest = max(float(drawn["variability"].max()), 0.01)
    ax.set(xlim=(-0.02 * largest, 1.12 * largest), ylim=(-0.03, 1.03))
    ax.set(xlabel="variability", ylabel="confidence")
    sns.despine(ax=ax)


def draw_boundary(ax: Any, boundary: Array, kwargs: Mapping[str, Any]) -> None:
    confidence = np.linspace(0, 1, 501)
    attainable = np.sqrt(confidence * (1 - confidence))
    ax.plot(attainable, confidence, color="0.6", lw=0.8, ls=":", zorder=1.5)
    defaults = {"color": "0.15", "linewidth": 1.1, "linestyle": "--"}
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
    import seaborn as sns

    n_bars = min(n_epochs + 1, 101)
    edges = {
        "confidence": np.linspace(0, 1, 26),
        "variability": np.linspace(0, max(points["variability"].max(), 0.01), 26),
        "correctness": np.linspace(-0.5, n_epochs + 0.5, n_bars + 1) / n_epochs,
    }
    counts = [np.histogram(points[name], bins=edges[name])[0] for name in edges]
    skewed = any(bars.max() > SKEW * np.median(bars[bars > 0]) for bars in counts)
    style = {"color": "0.55", "alpha": 1, "edgecolor": "white", "linewidth": 0.4}
    for ax, name in zip(axes, edges, strict=True):
        defaults = style | {"bins": edges[name]}
        sns.histplot(
            data=points.reset_index(drop=True),
            x=name,
            ax=ax,
            **(defaults | dict(kwargs)),
        )
        if name == "correctness" and not kwargs:
            centers = (edges[name][1:] + edges[name][:-1]) / 2
            codes, _ = correctness_bins(centers.clip(0, 1), n_epochs)
            for bar, color in zip(ax.patches, styles["color"].iloc[codes], strict=True):
                bar.set_facecolor(color)
        if skewed:
            ax.set_yscale("log")
            ax.set_ylim(bottom=0.7)
            ax.minorticks_off()  # tens of ticks that are slow to lay out
        ax.set(xlabel=name, ylabel=f"{unit} (log)" if skewed else unit)
        sns.despine(ax=ax)


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
    defaults = {
        "handles": handles,
        "title": "correctness",
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
        "handlelength": 1.2,
    }
    width, top = ax.bbox.width, ax.bbox.y1
    for n_rows in (1, 2, 3):
        n_columns = -(-len(handles) // n_rows)
        legend = ax.legend(**(defaults | {"ncols": n_columns} | dict(kwargs)))
        if legend.get_window_extent().width <= width:
            break
    to_points = 72 / ax.figure.dpi
    n_characters = max(20, int(2 * width * to_points / size))
    pad = 4 + to_points * max(0, legend.get_window_extent().y1 - top)
    if notes:
        note = ax.annotate(
            fill(notes, n_characters),
            (0, 1),
            (0, pad),
            xycoords="axes fraction",
            textcoords="offset points",
            fontsize=0.9 * size,
            color="0.35",
            va="bottom",
        )
        pad = 4 + to_points * (note.get_window_extent().y1 - top)
    title = fill(title, int(0.85 * n_characters))
    ax.set_title(title, loc="left", pad=pad, fontsize=1.15 * size)


def default_title(data_map: BaseDataMap) -> str:
    size = f"{data_map.n_samples:,} rows"
    if data_map.multilabel:
        size += f" x {len(data_map.classes)} labels"
    epochs = f"{data_map.n_epochs} epoch" + ("s" if data_map.n_epochs != 1 else "")
    learner = data_map.meta.get("learner") or "Data map"
    recording = data_map.meta.get("recording", "in-sample")
    facts = [learner, size, epochs, recording if recording != "in-sample" else ""]
    return ", ".join(str(fact) for fact in facts if fact)


def notes(data_map: BaseDataMap, n_points: int, n_drawn: int, is_curve: bool) -> str:
    notes = []
    if n_drawn < n_points:
        notes.append(f"{n_drawn:,} of {n_points:,} points drawn")
    unseen = data_map.confidence.size - n_points
    if unseen:
        notes.append(f"{unseen:,} never recorded, not shown")
    if not is_curve:
        notes.append("regions follow the margin, not shown here; rings: their medians")
    return "; ".join(notes)


def name_regions(ax: Any, points: pd.DataFrame, boundary: Array, size: float) -> None:
    """Name the regions with their counts, each at an empty place near its median."""
    low, high = np.array([ax.get_xlim(), ax.get_ylim()]).T
    coordinates = points[["variability", "confidence"]].to_numpy()
    crowd = _crowd(np.vstack([coordinates, _along(boundary)]), low, high)
    centers = (np.moveaxis(np.indices(crowd.shape), 0, -1) + 0.5) / N_CELLS
    sides = _sides(low + centers * (high - low), boundary)
    for region, (name, height) in REGION_NAMES.items():
        inside = (points["region"] == region).to_numpy()
        label = ax.annotate(
            f"{name}\n{inside.sum():,} ({100 * inside.mean():.1f} %)",
            (0.5, 0.5),
            xycoords="axes fraction",
            ha="center",
            va="center",
            fontsize=size,
            zorder=5,
            bbox={"facecolor": "white", "alpha": 0.85, "edgecolor": "0.8", "pad": 2.5},
        )
        padding = 1.2 * size * ax.figure.dpi / 72
        box = (np.array(label.get_window_extent().size) + padding) / ax.bbox.size
        anchor = np.array([0.5, height])
        if inside.any():
            median = np.median(coordinates[inside], axis=0)
            anchor = (median - low) / (high - low)
        cost = 0.6 * np.linalg.norm(centers - anchor, axis=-1) + _crowding(crowd, box)
        if len(boundary):
            cost[sides != region] += 5
        place = centers[np.unravel_index(cost.argmin(), cost.shape)]
        label.set_position(place)
        crowd[(np.abs(centers - place) <= box / 2).all(axis=-1)] = TAKEN
        if inside.any() and not len(boundary):
            _lead(ax, place, median)


def _along(boundary: Array) -> Array:
    """Points along the boundary, for the names to keep off it."""
    t = np.linspace(0, boundary.shape[1] - 1, 500)
    corners = range(boundary.shape[1])
    lines = [[np.interp(t, corners, xy) for xy in line.T] for line in boundary]
    return np.reshape(lines, (-1, 2, len(t))).transpose(0, 2, 1).reshape(-1, 2)


def _crowd(coordinates: Array, low: Array, high: Array) -> Array:
    cells = np.floor((coordinates - low) / (high - low) * N_CELLS).astype(np.intp)
    cells = cells[((cells >= 0) & (cells < N_CELLS)).all(axis=1)]
    flat = np.bincount(cells @ [N_CELLS, 1], minlength=N_CELLS**2)
    return flat.reshape(N_CELLS, N_CELLS).astype(np.float64)


def _crowding(crowd: Array, box: Array) -> Array:
    """Logarithm of the number of points under a box centred on each cell."""
    from scipy.ndimage import uniform_filter

    shape = np.ceil(box * N_CELLS).astype(int)
    density = uniform_filter(crowd, shape, mode="constant", cval=TAKEN)
    return np.asarray(np.log1p(np.maximum(density * shape.prod(), 0)))


def _sides(coordinates: Array, boundary: Array) -> Array:
    """Region of any place in the picture, also where no point can be."""
    if not len(boundary):
        return np.full(coordinates.shape[:-1], "")
    half_width = np.interp(coordinates[..., 0], *(boundary[0] - [0, 0.5]).T)
    side = coordinates[..., 1] - 0.5
    conditions = [side > half_width, side < -half_width]
    return np.select(conditions, ["easy", "hard"], "ambiguous")


def _lead(ax: Any, place: Array, median: Array) -> None:
    line = {"arrowstyle": "-", "color": "0.15", "linewidth": 0.8}
    ax.annotate(
        "", median, place, textcoords="axes fraction", arrowprops=line, zorder=4
    )
    ring = {"markersize": 7, "markerfacecolor": "white", "markeredgecolor": "0.15"}
    ax.plot(*median, marker="o", linestyle="", zorder=4.5, **ring)
