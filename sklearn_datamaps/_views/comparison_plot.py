"""Draw what moved between two maps: an arrow for each of the largest movers."""

from typing import Any

import numpy as np

from sklearn_datamaps._views.comparison import DataMapComparison, label_changed


def plot(
    comparison: DataMapComparison,
    *,
    ax: Any = None,
    n_movers: int | None = None,
    title: str | None = None,
) -> Any:
    """Draw the arrows; see :meth:`sklearn_datamaps.DataMapComparison.plot`."""
    import matplotlib.pyplot as plt
    import seaborn as sns

    movers = comparison.movers.iloc[:n_movers]
    if ax is None:
        _, ax = plt.subplots(figsize=(7.5, 5.6), layout="constrained")
    after = comparison.after
    ax.scatter(
        after.variability.ravel(),
        after.confidence.ravel(),
        s=4,
        color="0.8",
        linewidths=0,
        rasterized=True,
        label="all rows, after",
    )
    changed = label_changed(movers)
    start = movers[["variability_before", "confidence_before"]].to_numpy()
    end = movers[["variability_after", "confidence_after"]].to_numpy()
    blue, orange = sns.color_palette("colorblind", 2)
    for chosen, color, width, name in (
        (~changed, blue, 0.003, "label kept"),
        (changed, orange, 0.006, "label changed"),
    ):
        if chosen.any():
            ax.quiver(
                *start[chosen].T,
                *(end - start)[chosen].T,
                angles="xy",
                scale_units="xy",
                scale=1,
                width=width,
                color=color,
                label=f"{name} ({int(chosen.sum()):,} of the movers)",
                zorder=3,
            )
    corners = np.concatenate([start, end, np.zeros((1, 2))])
    widest = max(corners[:, 0].max(), float(np.nanmax(after.variability)))
    ax.set(
        xlim=(-0.03 * widest, 1.05 * max(widest, 1e-3)),
        ylim=(-0.03, 1.03),
        xlabel="variability",
        ylabel="confidence",
        title=title or f"The {len(movers):,} largest movers, from before to after",
    )
    ax.legend(loc="lower right", fontsize="small")
    sns.despine(ax=ax)
    return ax
