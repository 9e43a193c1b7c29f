"""Draw an audit: labels by quality, and how well each candidate finds wrong ones."""

from typing import Any

import numpy as np
import pandas as pd

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._curation.candidates import NAMES
from sklearn_datamaps._data_map import DataMap

N_BARS = 40


def plot(
    data_map: DataMap,
    candidates: pd.DataFrame,
    *,
    suspicious: Array,
    chance: Array,
    n_wrong: float,
    threshold: float,
    axes: Any = None,
) -> Any:
    """Draw both panels; see :meth:`sklearn_datamaps.LabelAudit.plot`.

    Parameters
    ----------
    data_map : DataMap
        The map with its label quality.
    candidates : pandas.DataFrame
        The candidates, the chosen one first.
    suspicious, chance : ndarray, shape of the map's arrays
        Which labels look wrong, and the probability that each is.
    n_wrong : float
        How many are estimated to be wrong.
    threshold : float
        Label quality below which labels look wrong; not finite: none.
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

    if axes is None:
        height = max(4.4, 1.2 + 0.24 * len(candidates))
        _, axes = plt.subplots(
            1, 2, figsize=(11, height), layout="constrained", width_ratios=[1.15, 1]
        )
    axes = np.asarray(axes, dtype=object).ravel()
    if len(axes) != 2:
        raise ValueError(f"axes must be two Axes; got {len(axes)}.")
    best = candidates.iloc[0]
    name = f"{best['recorder']} {NAMES[best['score']]}"
    quality = data_map.measure("label_quality").ravel()
    unit = "labels" if data_map.multilabel else "rows"
    _draw_scores(axes[0], quality, chance.ravel(), n_wrong, unit)
    if np.isfinite(threshold):
        axes[0].axvline(
            threshold,
            color="0.15",
            lw=1.1,
            ls="--",
            label=f"left of it: {int(suspicious.sum()):,} look wrong",
        )
    _dress_scores(axes[0], f"label quality: {name}", unit)
    _draw_candidates(axes[1], frame(candidates))
    return axes


def frame(candidates: pd.DataFrame) -> pd.DataFrame:
    """What the right panel shows: candidates by name, kinds of flips as columns."""
    name = candidates["recorder"] + ", " + candidates["score"].replace(NAMES)
    if (candidates["weights"] != "as given").any():
        name = name + ", weights " + candidates["weights"]
    return pd.DataFrame(
        {
            "candidate": name,
            "like the suspicious ones": candidates["average_precision"],
            "at random": candidates["ap_slips"],
        }
    )


def _draw_scores(
    ax: Any, quality: Array, chance: Array, n_wrong: float, unit: str
) -> None:
    import seaborn as sns

    blue, orange = sns.color_palette("colorblind", 2)
    ends = (np.nanmin(quality), np.nanmax(quality))
    style = {"bins": N_BARS, "binrange": ends, "edgecolor": "white", "linewidth": 0.3}
    style["ax"] = ax
    sns.histplot(
        x=quality,
        color=blue,
        alpha=0.55,
        **style,
        label=f"all {len(quality):,} {unit}",
    )
    wrong = pd.DataFrame({"quality": quality, "chance": chance})
    sns.histplot(
        wrong,
        x="quality",
        weights="chance",
        color=orange,
        alpha=0.9,
        **style,
        label=f"of these wrong, as estimated: {n_wrong:,.0f}",
    )


def _dress_scores(ax: Any, xlabel: str, unit: str) -> None:
    import seaborn as sns

    ax.set_yscale("log")
    # Room for the legend, above the bars.
    ax.set_ylim(0.7, ax.get_ylim()[1] * 8)
    ax.set(
        xlabel=xlabel,
        ylabel=f"{unit} (log)",
        title="Labels as given",
    )
    ax.locator_params(axis="x", nbins=6)
    ax.legend(loc="upper left", fontsize="small", frameon=True)
    sns.despine(ax=ax)


def _draw_candidates(ax: Any, shown: pd.DataFrame) -> None:
    import seaborn as sns

    long = shown.melt("candidate", var_name="kind", value_name="found")
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
    ax.set_ylim(len(shown) - 0.5, -2.0)
    ax.legend(loc="upper center", ncols=2, fontsize="small")
    sns.despine(ax=ax)
