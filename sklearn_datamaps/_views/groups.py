"""Where labels disagree most: pairs of labels, and groups of rows by a column."""

import numpy as np
import pandas as pd
from scipy import stats

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.base_map import BaseDataMap, require_labels
from sklearn_datamaps._core.regions import REGIONS

HARD = REGIONS.index("hard")
LEVEL = 0.9


def overlapping_classes(data_map: BaseDataMap) -> pd.DataFrame:
    """Pairs of labels; see :meth:`sklearn_datamaps.DataMap.overlapping_classes`."""
    require_labels(data_map, "overlapping_classes")
    chance = np.nan_to_num(1 - data_map.measure("label_quality"))
    n_classes = len(data_map.classes)
    if data_map.multilabel:
        is_set = data_map.label
        expected = (chance * is_set).T @ (chance * ~is_set)
        sizes = is_set.sum(axis=0)
    else:
        codes = data_map.label_codes()
        others = pd.Index(data_map.classes).get_indexer(
            pd.Index(data_map.suggested_other())
        )
        pairs = codes * n_classes + others
        flat = np.bincount(pairs, weights=chance, minlength=n_classes**2)
        expected = flat.reshape(n_classes, n_classes)
        sizes = np.bincount(codes, minlength=n_classes)
    given, suggested = np.nonzero(~np.eye(n_classes, dtype=bool))
    table = pd.DataFrame(
        {
            "label": data_map.classes[given],
            "suggested": data_map.classes[suggested],
            "n_expected": expected[given, suggested],
            "share": expected[given, suggested] / np.maximum(sizes[given], 1),
        }
    )
    table = table[table["n_expected"] > 0]
    return table.sort_values(
        "n_expected", ascending=False, kind="stable", ignore_index=True
    )


def by_column(data_map: BaseDataMap, name: str) -> pd.DataFrame:
    """Rows of each value of a column; see :meth:`sklearn_datamaps.DataMap.summary`."""
    columns = data_map.listed_columns
    if name not in list(columns):
        raise ValueError(
            f"by must be None, 'label' or a carried column, one of "
            f"{list(columns)}; got {name!r}. Attach it with with_columns."
        )
    try:
        groups, values = pd.factorize(columns[name], use_na_sentinel=False)
    except TypeError as error:
        raise ValueError(
            f"The values of the column {name!r} cannot be told apart ({error}). Attach "
            f"one text, number or date for each row, such as ', '.join(tags)."
        ) from None
    if len(values) > max(data_map.n_samples / 2, 1):
        raise ValueError(
            f"The column {name!r} has {len(values):,} values in "
            f"{data_map.n_samples:,} rows, too many to compare. Make groups of them "
            f"first, such as pd.cut(numbers, 10) or dates by month."
        )
    hard = _of_rows(data_map.region_codes() == HARD)
    n = np.bincount(groups)
    table = pd.DataFrame(
        {"n_samples": n, "share_hard": np.bincount(groups, weights=hard) / n},
        index=pd.Index(values, name=name),
    )
    if "label_quality" in data_map.measure_names():
        chance = _of_rows(np.nan_to_num(1 - data_map.measure("label_quality")))
        p = _p_of_sums(groups, chance, n)
        wrong = np.bincount(groups, weights=chance)
        tail = (1 - LEVEL) / 2
        right = np.maximum(n - wrong, 0)
        table["expected_wrong"] = wrong
        table["low"] = n * stats.beta.ppf(tail, wrong + 0.5, right + 0.5)
        table["high"] = n * stats.beta.ppf(1 - tail, wrong + 0.5, right + 0.5)
        table["lift"] = wrong / n / max(chance.mean(), 1e-12)
    else:
        table["lift"] = table["share_hard"] / max(hard.mean(), 1e-12)
        p = _p_of_counts(groups, hard > 0, n)
    table["p_value"], table["p_holm"] = p, _holm(p)
    return table.sort_values("lift", ascending=False, kind="stable")


def _of_rows(cells: Array) -> Array:
    """Of multilabel maps the number of labels of each row."""
    return cells.sum(axis=1) if cells.ndim == 2 else cells.astype(np.float64)


def _p_of_counts(groups: Array, marked: Array, n: Array) -> Array:
    """Fisher's exact test of each group: whether it has more than all others."""
    inside = np.bincount(groups, weights=marked).astype(int)
    # One-sided, by the distribution itself: quick also for many groups.
    p: Array = stats.hypergeom.sf(inside - 1, len(groups), int(marked.sum()), n)
    return p


def _p_of_sums(groups: Array, chance: Array, n: Array) -> Array:
    """Score test of each group: whether more is wrong in it than in all others.

    The chance of being wrong is the derivative of the log-likelihood of a row by the
    rate of errors, so that its sum is the most powerful statistic for a small excess.
    Under the null hypothesis it is that of rows drawn without replacement, whose first
    three moments are known; Pearson's type III distribution has them, too.
    """
    n_rows, off = len(chance), chance - chance.mean()
    drawn = n * (n_rows - n) / (n_rows * max(n_rows - 1, 1))
    variance = drawn * (off**2).sum()
    third = drawn * (n_rows - 2 * n) / max(n_rows - 2, 1) * (off**3).sum()
    p = np.ones(len(n))
    told = variance > np.finfo(float).eps
    std = np.sqrt(variance[told])
    excess = np.bincount(groups, weights=off)[told] / std
    p[told] = stats.pearson3.sf(excess, third[told] / std**3)
    return p


def _holm(p: Array) -> Array:
    """Holm's correction for several tests."""
    order = np.argsort(p)
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(stepped, 1.0)
    return corrected
