"""Draw an audit: labels by quality, and how well each candidate finds wrong ones."""

from typing import Any

import numpy as np
import pandas as pd

from sklearn_datamaps._curation.audit import NAMES, LabelAudit

N_BARS = 40


def plot(audit: LabelAudit, *, axes: Any = None) -> Any:
    """Draw both panels; see :meth:`sklearn_datamaps.LabelAudit.plot`."""
    import matplotlib.pyplot as plt

    if axes is None:
        n_rows = len(audit.candidates)
        height = max(4.4, 1.2 + 0.24 * n_rows)
        _, axes = plt.subplots(
            1, 2, figsize=(11, height), layout="constrained", width_ratios=[1.15, 1]
        )
    axes = np.asarray(axes, dtype=object).ravel()
    if len(axes) != 2:
        raise ValueError(f"axes must be two Axes; got {len(axes)}.")
    _draw_scores(audit, axes[0])
    _draw_candidates(audit, axes[1])
    return axes


def frame(audit: LabelAudit) -> pd.DataFrame:
    """What the right panel shows: candidates by name, kinds of flips as columns."""
    shown = audit.candidates
    name = shown["recorder"] + ", " + shown["score"].replace(NAMES)
    if (shown["weights"] != "as given").any():
        name = name + ", weights " + shown["weights"]
    return pd.DataFrame(
        {
            "candidate": name,
            "like the suspicious ones": shown["average_precision"],
            "at random": shown["ap_slips"],
        }
    )


def _draw_scores(audit: LabelAudit, ax: Any) -> None:
    import seaborn as sns

    blue, orange = sns.color_palette("colorblind", 2)
    quality = audit.data_map.measure("label_quality").ravel()
    ends = (np.nanmin(quality), np.nanmax(quality))
    style = {"bins": N_BARS, "binrange": ends, "edgecolor": "white", "linewidth": 0.3}
    style["ax"] = ax
    unit = "labels" if audit.data_map.multilabel else "rows"
    looks = audit.suspicious.ravel()
    sns.histplot(
        x=quality,
        color=blue,
        alpha=0.55,
        **style,
        label=f"all {len(quality):,} {unit}",
    )
    wrong = pd.DataFrame({"quality": quality, "chance": audit.chance.ravel()})
    sns.histplot(
        wrong,
        x="quality",
        weights="chance",
        color=orange,
        alpha=0.9,
        **style,
        label=f"of these wrong, as estimated: {audit.n_wrong:,.0f}",
    )
    if np.isfinite(audit.threshold):
        ax.axvline(
            audit.threshold,
            color="0.15",
            lw=1.1,
            ls="--",
            label=f"left of it: {int(looks.sum()):,} look wrong",
        )
    ax.set_yscale("log")
    # Room for the legend, above the bars.
    ax.set_ylim(0.7, ax.get_ylim()[1] * 8)
    ax.set(
        xlabel=f"label quality: {audit.best['recorder']} {NAMES[audit.best['score']]}",
        ylabel=f"{unit} (log)",
        title="Labels as given",
    )
    ax.locator_params(axis="x", nbins=6)
    ax.legend(loc="upper left", fontsize="small", frameon=True)
    sns.despine(ax=ax)


def _draw_candidates(audit: LabelAudit, ax: Any) -> None:
    import seaborn as sns

    long = frame(audit).melt("candidate", var_name="kind", value_name="found")
    sns.pointplot(
        data=long,
        x="found",
        y="candidate",
        hue="kind",
        palette="colorblind",
        markers=["o", "D"],
        linestyle="none",
        errorbar=None,
        ax=ax,
    )
    ax.set(
        xlim=(-0.02, 1.02),
        xlabel="average precision on known wrong labels",
        ylabel="",
        title="Candidate maps, the chosen one first",
    )
    ax.grid(axis="x", color="0.9")
    ax.set_axisbelow(True)
    ax.get_yticklabels()[0].set_fontweight("bold")
    # Room for the legend, above the first row.
    ax.set_ylim(len(audit.candidates) - 0.5, -2.0)
    ax.legend(loc="upper center", ncols=2, fontsize="small")
    sns.despine(ax=ax)
