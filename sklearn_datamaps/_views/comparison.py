"""Two maps of the same rows: what moved between them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from sklearn_datamaps._core.base_map import BaseDataMap
from sklearn_datamaps._core.messages import warn_caller
from sklearn_datamaps._core.public import found_in
from sklearn_datamaps._core.regions import REGIONS, UNSEEN
from sklearn_datamaps._core.repeats import check_same_rows


@found_in("sklearn_datamaps")
@dataclass(frozen=True, eq=False, repr=False)
class DataMapComparison:
    """What moved between two maps of the same rows; made by ``before.compare(after)``.

    .. versionadded:: 0.1

    Attributes
    ----------
    before, after : DataMap
        The two maps.
    transitions : pandas.DataFrame of shape (n_regions, n_regions)
        Rows by their region before (index) and after (columns).
    movers : pandas.DataFrame
        The rows that moved farthest on the map: position, label, region,
        confidence and variability before and after, ``distance``, carried columns
        (with ``_carried`` behind a name that is taken).
    changed_labels : pandas.DataFrame
        The rows whose label differs, with their measures before and after; none if
        a map does not know the labels.
    spearman : pandas.Series
        Rank correlation of each measure that both maps have; NaN where a measure is
        constant.

    Examples
    --------
    >>> from sklearn_datamaps import DataMap
    >>> before = DataMap.from_probabilities([[[0.9, 0.1], [0.8, 0.2]]], [0, 1])
    >>> after = DataMap.from_probabilities([[[0.9, 0.1], [0.3, 0.7]]], [0, 1])
    >>> int(before.compare(after).transitions.loc["hard", "easy"])
    1
    """

    before: BaseDataMap
    after: BaseDataMap
    transitions: pd.DataFrame
    movers: pd.DataFrame
    changed_labels: pd.DataFrame
    spearman: pd.Series

    def plot(
        self, *, ax: Any = None, n_movers: int | None = None, title: str | None = None
    ) -> Any:
        """Draw an arrow from before to after for each of the largest movers.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw. None: a new figure.
        n_movers : int, default=None
            Arrows to draw. None: all rows of ``movers``.
        title : str, default=None
            Title of the axes. None: says how many movers are drawn.

        Returns
        -------
        matplotlib Axes
            Arrows of rows whose label changed are thicker and orange.
        """
        return _plot(self, ax=ax, n_movers=n_movers, title=title)

    def __repr__(self) -> str:
        """Show the transitions, the correlations and the number of changed labels."""
        return (
            f"DataMapComparison: {self.before.n_samples:,} rows, "
            f"{len(self.changed_labels):,} changed labels\n"
            f"regions before (rows) and after (columns):\n{self.transitions}\n"
            f"Spearman correlation of the measures:\n"
            f"{self.spearman.round(3).to_string()}"
        )


def compare(
    before: BaseDataMap, after: BaseDataMap, *, n_movers: int = 20
) -> DataMapComparison:
    """Compare two maps of the same rows; see :meth:`sklearn_datamaps.DataMap.compare`.

    Parameters
    ----------
    before, after : DataMap
        Maps of the same rows.
    n_movers : int, default=20
        Rows listed as the largest movers.

    Returns
    -------
    DataMapComparison

    Raises
    ------
    ValueError
        If the maps are of other rows.
    """
    check_same_rows(before, after)
    _warn_unlike(before, after)
    pairs = _pairs(before, after)
    return DataMapComparison(
        before=before,
        after=after,
        transitions=_transitions(before, after),
        movers=pairs.sort_values("distance", ascending=False, kind="stable").head(
            n_movers
        ),
        changed_labels=pairs[label_changed(pairs)],
        spearman=_spearman(before, after),
    )


def compare_labels(one: BaseDataMap, other: BaseDataMap, by: str) -> pd.DataFrame:
    """Compare two maps label by label; see :meth:`sklearn_datamaps.DataMap.compare`.

    Parameters
    ----------
    one, other : DataMap
        Maps of the same rows or of others, with the same labels.
    by : {"label"}
        What to compare by.

    Returns
    -------
    pandas.DataFrame
        One row a label.

    Raises
    ------
    TypeError
        If other is no map.
    ValueError
        If by is something else, a map does not know the labels, or only one of them
        is multilabel.
    """
    if by != "label":
        raise ValueError(f"by must be None or 'label'; got {by!r}.")
    if not isinstance(other, BaseDataMap):
        raise TypeError(f"compare needs a DataMap; got {type(other).__name__}.")
    if not (one.has_labels and other.has_labels):
        raise ValueError("by='label' needs two maps that know the labels of the rows.")
    if one.multilabel != other.multilabel:
        raise ValueError("One map is multilabel, the other is not.")
    of_other = _means_by_label(other).add_suffix("_other")
    table = _means_by_label(one).join(of_other, how="outer")
    counts = ["n_samples", "n_samples_other"]
    table[counts] = table[counts].fillna(0).astype(np.int64)
    table["difference"] = table["confidence"] - table["confidence_other"]
    return table


def _means_by_label(data_map: BaseDataMap) -> pd.DataFrame:
    rows = data_map.to_frame()
    keys = ["label_name", "label"] if data_map.multilabel else ["label"]
    names = ["confidence", "variability", "correctness", "hard"]
    rows["hard"] = rows["region"] == "hard"
    groups = rows.groupby(keys, observed=True)
    means = groups[names].mean()
    means.insert(0, "n_samples", groups.size())
    return means


def label_changed(pairs: pd.DataFrame) -> NDArray[np.bool_]:
    """Which rows have another label after; where one is not known, it is the same."""
    labels = pairs[["label_before", "label_after"]]
    differ = pairs["label_before"] != pairs["label_after"]
    changed: NDArray[np.bool_] = (differ & labels.notna().all(axis=1)).to_numpy()
    return changed


def _warn_unlike(before: BaseDataMap, after: BaseDataMap) -> None:
    pairs = {"n_epochs": (before.n_epochs, after.n_epochs)} | {
        key: (before.meta.get(key), after.meta.get(key))
        for key in ("recording", "n_folds", "learner", "batch_size")
    }
    unlike = [f"{k} ({a!r} and {b!r})" for k, (a, b) in pairs.items() if a != b]
    if unlike:
        warn_caller(
            f"The maps differ in {', '.join(unlike)}: variability depends on it, so "
            f"part of what moved is not the data's doing.",
        )


def _transitions(before: BaseDataMap, after: BaseDataMap) -> pd.DataFrame:
    names = [*REGIONS, UNSEEN]
    one, two = before.region_codes().ravel(), after.region_codes().ravel()
    size = len(names)
    counts = np.bincount(one.astype(np.intp) * size + two, minlength=size * size)
    keep = slice(None) if 3 in one or 3 in two else slice(len(REGIONS))
    return pd.DataFrame(
        counts.reshape(size, size)[keep, keep],
        index=pd.Index(names[keep], name="before"),
        columns=pd.Index(names[keep], name="after"),
    )


def _pairs(before: BaseDataMap, after: BaseDataMap) -> pd.DataFrame:
    one, two = before.to_frame(), after.to_frame()
    keys = ["position", "label_name"] if before.multilabel else ["position"]
    pairs = one[keys].copy()
    for name in ("label", "region", "confidence", "variability"):
        pairs[f"{name}_before"] = one[name].to_numpy()
        pairs[f"{name}_after"] = two[name].to_numpy()
    pairs["distance"] = np.hypot(
        two["confidence"] - one["confidence"], two["variability"] - one["variability"]
    )
    for name in {**before.columns, **after.columns}:
        source = one if name in before.columns else two
        own = f"{name}_carried" if name in pairs else name
        pairs[own] = source[name].set_axis(pairs.index)
    return pairs


def _spearman(before: BaseDataMap, after: BaseDataMap) -> pd.Series:
    common = [n for n in before.measure_names() if n in after.measure_names()]
    result = {}
    for name in common:
        one, two = before.measure(name).ravel(), after.measure(name).ravel()
        seen = ~(np.isnan(one) | np.isnan(two))
        one, two = one[seen], two[seen]
        varied = len(one) > 1 and np.ptp(one) > 0 and np.ptp(two) > 0
        result[name] = stats.spearmanr(one, two).statistic if varied else np.nan
    return pd.Series(result, name="spearman", dtype=np.float64)


def _plot(
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
