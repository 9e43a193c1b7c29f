"""Draw an audit: labels by quality, and the share of each label that is wrong."""

from typing import Any

import numpy as np
import pandas as pd

N_BARS = 40
MOST_LABELS = 30
Audit = Any  # a LabelAudit; it lies above this file


def plot(audit: Audit, *, axes: Any = None) -> Any:
    """Draw both panels; see :meth:`sklearn_datamaps.LabelAudit.plot`.

    Parameters
    ----------
    audit : LabelAudit
        The audit.
    axes : sequence of two matplotlib Axes, default=None
        Where to draw. None: a new figure.

    Returns
    -------
    ndarray of two matplotlib Axes

    Raises
    ------
    ValueError
        If axes are not two.
    """
    import matplotlib.pyplot as plt

    shown = frame(audit)
    if axes is None:
        height = max(4.4, 1.2 + 0.24 * len(shown))
        _, axes = plt.subplots(
            1, 2, figsize=(11, height), layout="constrained", width_ratios=[1.3, 1]
        )
    axes = np.asarray(axes, dtype=object).ravel()
    if len(axes) != 2:
        raise ValueError(f"axes must be two Axes; got {len(axes)}.")
    _draw_quality(axes[0], audit)
    _draw_labels(axes[1], shown, audit.n_wrong is not None)
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
    shares.columns = ["share", "low", "high"]
    shares = shares.sort_values("share", ascending=False, kind="stable")
    return shares.reset_index().head(MOST_LABELS)


def _draw_quality(ax: Any, audit: Audit) -> None:
    import seaborn as sns

    blue, orange = sns.color_palette("colorblind", 2)
    quality = audit.data_map.measure("label_quality").ravel()
    unit = "labels" if audit.data_map.multilabel else "rows"
    style = {"bins": N_BARS, "binrange": (0, 1), "edgecolor": "white", "linewidth": 0.3}
    style["ax"] = ax
    every = f"all {len(quality):,} {unit}"
    sns.histplot(x=quality, color=blue, alpha=0.55, **style, label=every)
    if audit.n_wrong is not None:
        wrong = pd.DataFrame({"quality": quality, "chance": 1 - quality})
        label = f"of these contradict the rest: {audit.n_wrong:,.0f}"
        style |= {"color": orange, "alpha": 0.9, "label": label}
        sns.histplot(wrong, x="quality", weights="chance", **style)
    looks = f"left of it: {int(audit.suspicious.sum()):,} look wrong"
    ax.axvline(0.5, color="0.15", lw=1.1, ls="--", label=looks)
    ax.set_yscale("log")
    # Room for the legend, above the bars.
    ax.set_ylim(0.7, ax.get_ylim()[1] * 8)
    title = "Errors that follow a rule are not counted"
    if audit.n_wrong is None:
        title = "How many are wrong cannot be said: quality is a rank"
    ax.set(xlabel="label quality", ylabel=f"{unit} (log)", title=title)
    ax.legend(loc="upper left", fontsize="small", frameon=True)
    sns.despine(ax=ax)


def _draw_labels(ax: Any, shown: pd.DataFrame, counted: bool) -> None:
    import seaborn as sns

    places = np.arange(len(shown))
    color = sns.color_palette("colorblind", 2)[1]
    ax.plot(shown["share"], places, "o", color=color)
    if counted:
        ax.hlines(places, shown["low"], shown["high"], color=color, lw=1.5)
    ax.set_yticks(places, [str(label) for label in shown["label"]])
    ax.set_ylim(len(shown) - 0.4, -0.6)
    what = "wrong, as estimated" if counted else "that looks wrong"
    ax.set(xlabel=f"share {what}", ylabel="", title="Label by label")
    ax.set_xlim(left=0)
    ax.grid(axis="x", color="0.9")
    ax.set_axisbelow(True)
    sns.despine(ax=ax)
