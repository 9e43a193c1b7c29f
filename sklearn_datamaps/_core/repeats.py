"""Maps of repeated runs: their average, and how far they agree."""

from collections.abc import Callable, Iterable
from itertools import combinations
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from scipy import stats

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.base_map import BaseDataMap
from sklearn_datamaps._core.registry import MEASURES

M = TypeVar("M", bound=BaseDataMap)

SHARED = (
    *("learner", "recording", "n_folds"),
    *("batch_size", "batch_order", "response_method"),
)


def average(kind: type[M], maps: Iterable[M]) -> M:
    """Average maps of the same rows; see :meth:`sklearn_datamaps.DataMap.average`."""
    runs = _check_repeats(maps, at_least=1)
    first = runs[0]

    def mean(value: Callable[[BaseDataMap], Any]) -> Array:
        total = np.array(value(runs[0]), dtype=np.float64)
        for run in runs[1:]:
            total += value(run)
        averaged: Array = total / len(runs)
        return averaged

    measures = {}
    for name, measure in first.extra_measures().items():
        if measure.average == "median":
            measures[name] = np.median([run.values(name) for run in runs], axis=0)
        else:
            mean_of_runs = mean(lambda run, name=name: run.values(name))  # type: ignore[misc] # bound now
            measures[name] = mean_of_runs.astype(first.values(name).dtype)
    trajectories = None
    if all(run.trajectories is not None for run in runs):
        trajectories = mean(lambda run: run.trajectories).astype(np.float32)
    return kind(
        confidence=mean(lambda run: run.confidence),
        variability=mean(lambda run: run.variability),
        correctness=mean(lambda run: run.correctness),
        label=first.label,
        predicted=_most_frequent([run.predicted for run in runs]),
        classes=first.classes,
        n_epochs=first.n_epochs,
        index=first.index,
        measures=measures,
        trajectories=trajectories,
        meta=_meta(runs),
        columns=first.columns,
        _margin=mean(lambda run: run.margin) if first.records_margin else None,
        _margin_std=mean(lambda run: run.margin_std) if first.records_margin else None,
    )


def stability(maps: Iterable[BaseDataMap]) -> pd.DataFrame:
    """How far repeated runs agree, measure by measure.

    A measure that ranks the rows anew in every run says little about the rows. More
    runs, averaged by :meth:`DataMap.average`, agree better.

    .. versionadded:: 0.1

    Parameters
    ----------
    maps : iterable of DataMap
        Maps of the same rows from two or more runs, with other seeds.

    Returns
    -------
    pandas.DataFrame of shape (n_measures, 3)
        One row for each measure; columns ``spearman``, the mean over pairs of runs of
        the rank correlation, in [-1, 1]; ``spearman_min``, the smallest one;
        ``top_third``, the mean share of the third that ranks first in one run and does
        so in the other, in [0, 1], one third by chance. NaN where a measure is
        constant.

    Raises
    ------
    ValueError
        If there are fewer than two, or they are of other rows, labels, epochs or
        measures.
    TypeError
        If one is no DataMap.

    References
    ----------
    Swayamdipta et al., Dataset Cartography, EMNLP 2020, arXiv:2009.10795, whose
    subsets are thirds.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_datamaps import DataMapClassifier, stability
    >>> X, y = load_iris(return_X_y=True)
    >>> maps = [DataMapClassifier(random_state=s).fit(X, y).data_map_ for s in (0, 1)]
    >>> stability(maps).columns.tolist()
    ['spearman', 'spearman_min', 'top_third']
    """
    runs = _check_repeats(maps, at_least=2)
    names = runs[0].measure_names()
    rows = [_agreement(runs, name) for name in names]
    columns = ["spearman", "spearman_min", "top_third"]
    return pd.DataFrame(rows, index=pd.Index(names, name="measure"), columns=columns)


def _agreement(runs: list[BaseDataMap], name: str) -> tuple[float, float, float]:
    values = np.stack([run.measure(name).ravel() for run in runs])
    values = values[:, np.isfinite(values).all(axis=0)]
    constant = (values == values[:, :1]).all(axis=1)
    if constant.any() or values.shape[1] < 2:
        return np.nan, np.nan, np.nan
    ranks = stats.rankdata(values, axis=1)
    pairs = np.triu_indices(len(runs), k=1)
    correlations = np.corrcoef(ranks)[pairs]
    n_top = max(1, round(values.shape[1] / 3))
    order = values if MEASURES[name].ascending else -values
    top = np.zeros(values.shape, dtype=bool)
    first = np.argsort(order, axis=1, kind="stable")[:, :n_top]
    np.put_along_axis(top, first, True, axis=1)
    overlap = [(one & two).sum() / n_top for one, two in combinations(top, 2)]
    return (
        float(correlations.mean()),
        float(correlations.min()),
        float(np.mean(overlap)),
    )


def _check_repeats(maps: Iterable[BaseDataMap], *, at_least: int) -> list[BaseDataMap]:
    if not isinstance(maps, Iterable):
        raise TypeError(f"maps must hold DataMaps; got one {type(maps).__name__}.")
    runs = list(maps)
    for run in runs:
        if not isinstance(run, BaseDataMap):
            raise TypeError(f"maps must hold DataMaps; got {type(run).__name__}.")
    if len(runs) < at_least:
        raise ValueError(
            f"maps must hold {at_least} or more maps of repeated runs; got {len(runs)}."
        )
    first = runs[0]
    for number, run in enumerate(runs[1:], start=1):
        check_same_rows(first, run)
        differs = {
            "labels": not np.array_equal(first.label_codes(), run.label_codes()),
            "classes": not np.array_equal(first.classes, run.classes),
            "n_epochs": first.n_epochs != run.n_epochs,
            "measures": set(first.measures) != set(run.measures),
        }
        wrong = [what for what, is_so in differs.items() if is_so]
        if wrong:
            raise ValueError(
                f"Map {number} differs from map 0 in {' and '.join(wrong)}: only "
                f"repeats of one run, with other seeds, can be averaged or compared so."
            )
    return runs


def _most_frequent(predicted: list[Array]) -> Array:
    """Prediction of most runs; of equally many, that of the earliest run."""
    votes = np.zeros((len(predicted), *predicted[0].shape), dtype=np.int64)
    for one in predicted:
        for at, other in enumerate(predicted):
            votes[at] += np.equal(one, other).astype(bool)
    best = votes.argmax(axis=0)
    chosen: Array = np.take_along_axis(np.stack(predicted), best[None], axis=0)[0]
    return chosen


def _meta(runs: list[BaseDataMap]) -> dict[str, Any]:
    meta: dict[str, Any] = {"n_runs": len(runs)}
    for key in SHARED:
        values = [run.meta.get(key) for run in runs]
        if all(value == values[0] for value in values):
            meta[key] = values[0]
    meta["seeds"] = [run.meta.get("seed") for run in runs]
    if len(runs) > 1:
        meta["variability_spearman"] = float(_agreement(runs, "variability")[0])
    return meta


def check_same_rows(before: BaseDataMap, after: BaseDataMap) -> None:
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
    if not isinstance(after, BaseDataMap):
        raise TypeError(f"compare needs a DataMap; got {type(after).__name__}.")
    if before.confidence.shape != after.confidence.shape:
        raise ValueError(
            f"The maps are of other rows: shapes {before.confidence.shape} and "
            f"{after.confidence.shape}. Compare maps of one dataset, or select the "
            f"common rows first and map them twice; compare(other, by='label') is for "
            f"maps of other rows."
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
        both = (before.columns[name], after.columns[name])
        if not _are_equal(*both):
            raise ValueError(
                f"The maps are of other rows: their column {name!r} differs."
            )


def _are_equal(one: Array, two: Array) -> bool:
    if 1 in (one.ndim, two.ndim):
        # The same pictures can be known by their paths in one map alone.
        if one.ndim != two.ndim:
            return True
        first, second = (pd.Series(values, dtype=values.dtype) for values in (one, two))
        return first.equals(second)
    return np.array_equal(one, two)
