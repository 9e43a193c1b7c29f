"""Two maps of the same rows: what moved between them."""

from dataclasses import dataclass
from typing import Any
from warnings import warn

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from sklearn_datamaps._core.regions import REGIONS, UNSEEN
from sklearn_datamaps._data_map import DataMap


@dataclass(frozen=True, eq=False, repr=False)
class DataMapComparison:
    """What moved between two maps of the same rows; made by ``before.compare(after)``.

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

    before: DataMap
    after: DataMap
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
        from sklearn_datamaps._views.comparison_plot import plot

        return plot(self, ax=ax, n_movers=n_movers, title=title)

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
    before: DataMap, after: DataMap, *, n_movers: int = 20
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


def label_changed(pairs: pd.DataFrame) -> NDArray[np.bool_]:
    """Which rows have another label after; where one is not known, it is the same."""
    labels = pairs[["label_before", "label_after"]]
    differ = pairs["label_before"] != pairs["label_after"]
    changed: NDArray[np.bool_] = (differ & labels.notna().all(axis=1)).to_numpy()
    return changed


def check_same_rows(before: DataMap, after: DataMap) -> None:
    """Raise unless both maps are of the same rows.

    Parameters
    ----------
    before, after : DataMap
        The maps.

    Raises
    ------
    TypeError
        If after is no map.
    ValueError
        Saying what tells that the rows are others.
    """
    if not isinstance(after, DataMap):
        raise TypeError(f"compare needs a DataMap; got {type(after).__name__}.")
    if before.confidence.shape != after.confidence.shape:
        raise ValueError(
            f"The maps are of other rows: shapes {before.confidence.shape} and "
            f"{after.confidence.shape}. Compare maps of one dataset, or select the "
            f"common rows first and map them twice."
        )
    if not before.index.equals(after.index):
        raise ValueError(
            "The maps are of other rows: their indexes differ. Compare maps of one "
            "dataset in one order."
        )
    labelled = before.has_labels and after.has_labels
    if labelled and not np.isin(before.classes, after.classes).any():
        raise ValueError(
            f"The maps are of other data: no class in common "
            f"({before.classes.tolist()[:5]} and {after.classes.tolist()[:5]})."
        )
    for name in before.columns.keys() & after.columns.keys():
        one, two = pd.Series(before.columns[name]), pd.Series(after.columns[name])
        if not one.equals(two):
            raise ValueError(
                f"The maps are of other rows: their column {name!r} differs."
            )


def _warn_unlike(before: DataMap, after: DataMap) -> None:
    pairs = {"n_epochs": (before.n_epochs, after.n_epochs)} | {
        key: (before.meta.get(key), after.meta.get(key))
        for key in ("recording", "n_folds", "learner", "batch_size")
    }
    unlike = [f"{k} ({a!r} and {b!r})" for k, (a, b) in pairs.items() if a != b]
    if unlike:
        warn(
            f"The maps differ in {', '.join(unlike)}: variability depends on it, so "
            f"part of what moved is not the data's doing.",
            stacklevel=4,
        )


def _transitions(before: DataMap, after: DataMap) -> pd.DataFrame:
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


def _pairs(before: DataMap, after: DataMap) -> pd.DataFrame:
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
        pairs[own] = source[name].to_numpy()
    return pairs


def _spearman(before: DataMap, after: DataMap) -> pd.Series:
    common = [n for n in before.measure_names() if n in after.measure_names()]
    result = {}
    for name in common:
        one, two = before.measure(name).ravel(), after.measure(name).ravel()
        seen = ~(np.isnan(one) | np.isnan(two))
        one, two = one[seen], two[seen]
        varied = len(one) > 1 and np.ptp(one) > 0 and np.ptp(two) > 0
        result[name] = stats.spearmanr(one, two).statistic if varied else np.nan
    return pd.Series(result, name="spearman", dtype=np.float64)
