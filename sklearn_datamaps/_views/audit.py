"""Draw an audit: what to read first, and the share of each label that is wrong."""

from typing import Any

import numpy as np
import pandas as pd

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._views import colors, drawing

FEWEST_SHOWN = 100  # rows of the order of reading
MOST_LABELS = 30
LONGEST = 24
Audit = Any  # a LabelAudit; it lies above this file


def plot(audit: Audit, *, axes: Any = None) -> Any:
    """Draw both panels; see :meth:`sklearn_datamaps.LabelAudit.plot`."""
    import matplotlib.pyplot as plt

    shown = frame(audit)
    if axes is None:
        height = max(4.2, 1.2 + 0.24 * len(shown))
        _, axes = plt.subplots(
            1, 2, figsize=(11, height), layout="constrained", width_ratios=[1.3, 1]
        )
    axes = np.asarray(axes, dtype=object).ravel()
    if len(axes) != 2:
        raise ValueError(f"axes must be two Axes; got {len(axes)}.")
    counted = audit.n_wrong is not None
    _draw_order(axes[0], audit)
    _draw_labels(axes[1], shown, counted)
    size = drawing.settle(*axes)
    title = "Errors that follow a rule are not counted"
    if not counted:
        title = "How many are wrong cannot be said: this is a rank"
    drawing.draw_legend(axes[0], title, size)
    drawing.draw_title(axes[1], "Label by label", size)
    _write_counts(axes[1], shown, size)
    return axes


def frame(audit: Audit) -> pd.DataFrame:
    """What the right panel shows: labels by the share that is wrong, or looks so."""
    table = audit.by_label()
    if audit.n_wrong is None:
        looks = pd.DataFrame({"looks": audit.suspicious.ravel()})
        names = audit.data_map.label
        if audit.data_map.multilabel:
            names = np.tile(audit.data_map.classes, len(names))
        table["n_wrong"] = looks.groupby(names)["looks"].sum().reindex(table.index)
    n = np.maximum(table["n"], 1)
    shares = table[["n_wrong", "low", "high"]].div(n, axis=0)
    shares = shares.set_axis(["share", "low", "high"], axis=1)
    shares = shares.assign(n_wrong=table["n_wrong"], n=table["n"])
    shares = shares.sort_values("share", ascending=False, kind="stable")
    first: pd.DataFrame = shares.reset_index().head(MOST_LABELS)
    return first


def order_of_reading(audit: Audit) -> Array:
    """Chance that a label is wrong, the most suspicious first; what the left shows.

    Most labels are all but certainly right: twice as many as look wrong are enough.
    """
    chance = np.sort(np.nan_to_num(audit.chance), axis=None)[::-1]
    n_looks = int(audit.suspicious.sum())
    wanted = max(FEWEST_SHOWN, 2 * n_looks, *(audit.n_wrong_interval or ()))
    return chance[: int(min(wanted, len(chance)))]


def _draw_order(ax: Any, audit: Audit) -> None:
    """Chance that a label is wrong, in the order in which one would read them."""
    import seaborn as sns

    blue, orange = colors.accents(ax, 2)
    unit = "labels" if audit.data_map.multilabel else "rows"
    chance = order_of_reading(audit)
    n_looks, counted = int(audit.suspicious.sum()), audit.n_wrong is not None
    read = np.arange(len(chance) + 1)
    steps = np.append(chance, chance[-1:])
    label = None
    if counted:
        label = f"area: labels that contradict the rest: {audit.n_wrong:,.0f}"
    style = {"step": "post", "color": orange, "linewidth": 0}
    ax.fill_between(read, steps, **style, alpha=0.6, label=label)
    ax.step(read, steps, where="post", color=orange, lw=1)
    looks = f"left of it: {n_looks:,} look wrong"
    ax.axvline(n_looks, color=blue, lw=1.2, ls="--", label=looks)
    ax.set(
        xlabel=f"{unit} read, the most suspicious first",
        ylabel="chance that the label is wrong" if counted else "1 - label quality",
        xlim=(0, max(len(chance), 1)),
        ylim=(0, 1.03),
    )
    if counted:
        ax.yaxis.set_major_formatter(_percent)
    ax.locator_params(axis="x", nbins=6, integer=True)
    sns.despine(ax=ax)


def _draw_labels(ax: Any, shown: pd.DataFrame, counted: bool) -> None:
    import seaborn as sns

    places = np.arange(len(shown))
    _, color = colors.accents(ax, 2)
    what = "wrong, as estimated" if counted else "that looks wrong"
    ax.set(xlabel=f"share {what}", ylabel="")
    ax.set_yticks(places, [_short(str(label)) for label in shown["label"]])
    for name in ax.get_yticklabels():
        name.set_parse_math(False)
    ax.set_ylim(len(shown) - 0.4, -0.6)
    ax.plot(shown["share"], places, "o", color=color, markersize=5)
    if counted:
        ax.hlines(places, shown["low"], shown["high"], color=color, lw=1.5)
    ax.locator_params(axis="x", nbins=4)
    ax.xaxis.set_major_formatter(_percent)
    sns.despine(ax=ax)


def _write_counts(ax: Any, shown: pd.DataFrame, size: float) -> None:
    """Numbers beside the shares, for which the axis is made longer."""
    ends = shown[["share", "high"]].max(axis=1).fillna(0)
    counts = [
        ax.annotate(
            f"{wrong:,.0f} of {n:,}",
            (end, place),
            (0.6 * size, 0),
            textcoords="offset points",
            va="center",
            fontsize=0.9 * size,
            color=colors.ink(ax, colors.MUTED),
        )
        for wrong, n, end, place in zip(
            shown["n_wrong"], shown["n"], ends, np.arange(len(shown)), strict=True
        )
    ]
    widest = max(count.get_window_extent().width for count in counts)
    room = (widest + size * ax.figure.dpi / 72) / ax.bbox.width
    ax.set_xlim(0, max(ends.max(), 1e-6) / max(1 - room, 0.3))


def _percent(value: float, place: int | None = None) -> str:
    return f"{100 * value:.3g} %"


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}\u2026"
