"""Splits for out-of-fold recording: every row is held out exactly once."""

from collections.abc import Mapping
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from sklearn.model_selection import (
    GroupKFold,
    StratifiedGroupKFold,
    StratifiedKFold,
)
from sklearn.utils import check_consistent_length

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.labels import EncodedLabels
from sklearn_datamaps._learners.blocks import row_block

Split = tuple[NDArray[np.intp], NDArray[np.intp]]

# Stored values that are hashed at once: bounds the memory of the temporaries.
HASHED_VALUES = 2**20


def make_splits(
    cv: Any, X: Any, labels: EncodedLabels, seed: int, params: Mapping[str, Any]
) -> list[Split]:
    """Positions of training and held-out rows, fold by fold.

    An int means stratified folds, shuffled with the seed, in which equal rows of a
    sparse X are in one fold (a model must not have seen the row it judges); of a
    dense X they are not kept together, since rows of a table with few columns are
    often equal without being copies. Groups, if given, are kept together instead.
    Stratified is, for a multilabel target, by the rarest label set in a row.

    Parameters
    ----------
    cv : int, splitter or iterable of (train, test)
        What the user gave.
    X : {ndarray, csr} of shape (n_samples, n_features)
        The validated features.
    labels : EncodedLabels
        The labels.
    seed : int
        Of the shuffle, where cv is an int.
    params : mapping
        Arguments of the splitter, such as ``groups``.

    Raises
    ------
    ValueError
        If a row is held out never or twice, or is in both parts of a split, or the
        splits are no rows of X, or the groups are of another length or missing.
    """
    groups = params.get("groups")
    if groups is not None:
        check_consistent_length(X, groups)
        _check_known(groups)
    if isinstance(cv, Integral):
        splits = _shuffled(int(cv), X, labels, seed, groups)
    else:
        y = labels.values()
        pairs = cv.split(X, y, **params) if hasattr(cv, "split") else cv
        splits = [_split(pair, len(y)) for pair in pairs]
    _check_partition(splits, X.shape[0])
    return splits


def _check_known(groups: Any) -> None:
    missing = np.flatnonzero(pd.isna(np.asarray(groups, dtype=object)))
    if len(missing):
        raise ValueError(
            f"groups is missing for {len(missing):,} of {len(groups):,} rows, the "
            f"first at position {missing[0]}. Give each row without a group one of its "
            f"own."
        )


class TooFewRowsError(ValueError):
    """The rows are too few, or too much alike, for so many folds."""


def _shuffled(
    n_splits: int, X: Any, labels: EncodedLabels, seed: int, groups: Any
) -> list[Split]:
    codes = labels.codes
    if groups is not None:
        group, names = pd.factorize(np.asarray(groups))
        if len(names) < n_splits:
            raise ValueError(
                f"cv={n_splits} is more than the number of groups: {len(names)}. "
                f"Choose a smaller cv."
            )
        if labels.multilabel:
            kind = GroupKFold(n_splits, shuffle=True, random_state=seed)
            return list(kind.split(codes, codes, group))
        # StratifiedGroupKFold deals groups that look alike in the order of their names:
        # random names shuffle them. Its own shuffle=True does not stratify before
        # scikit-learn 1.8.
        renamed = np.random.RandomState(seed).permutation(len(names))[group]
        return list(StratifiedGroupKFold(n_splits).split(codes, codes, renamed))
    unit = duplicate_rows(X) if sparse.issparse(X) else np.arange(len(codes))
    # Equal rows are dealt as one, with the label of the first of them.
    _, first = np.unique(unit, return_index=True)
    strata = _strata(codes[first], n_splits)
    if np.bincount(strata).max() < n_splits:
        raise TooFewRowsError(
            f"cv={n_splits} is more than the number of different rows of every class "
            f"({len(first):,} different rows in all; equal rows of a sparse X are kept "
            f"in one fold). Choose a smaller cv, or give a splitter."
        )
    fold = np.empty(len(first), dtype=np.intp)
    folds = StratifiedKFold(n_splits, shuffle=True, random_state=seed)
    for number, (_, test) in enumerate(folds.split(first, strata)):
        fold[test] = number
    of_row = fold[unit]
    return [
        (np.flatnonzero(of_row != number), np.flatnonzero(of_row == number))
        for number in range(n_splits)
    ]


def _strata(codes: Array, n_splits: int) -> NDArray[np.intp]:
    """Labels to stratify by; of several labels a row, the rarest one that is set."""
    if codes.ndim == 1:
        return codes.astype(np.intp)
    n_set = codes.sum(axis=0)
    rarity = np.where(codes, n_set, np.iinfo(np.intp).max)
    rarest = np.where(codes.any(axis=1), rarity.argmin(axis=1), len(n_set))
    rows = np.bincount(rarest, minlength=len(n_set) + 1)
    # What cannot be in every fold goes with the rows without a label, and if these are
    # still too few, with the most frequent stratum.
    small = rows < n_splits
    rest = len(n_set) if rows[small].sum() >= n_splits else rows.argmax()
    return np.where(small[rarest], rest, rarest)


def duplicate_rows(X: Any) -> NDArray[np.intp]:
    """Number the different rows; equal rows have one number.

    Rows of a CSR matrix are compared by a hash of 64 bits of their values and columns,
    whatever their order and dtype. Those without a value other than 0 are all
    different: there is nothing in them to remember. In an array missing values are
    equal.

    Parameters
    ----------
    X : {csr, ndarray} of shape (n_samples, n_features)
        The features.

    Returns
    -------
    ndarray of int of shape (n_samples,)
        From 0, in the order of first appearance.
    """
    if not sparse.issparse(X):
        frame = pd.DataFrame(X)
        groups = frame.groupby(list(frame), dropna=False, sort=False).ngroup()
        return groups.to_numpy().astype(np.intp)
    n_samples = X.shape[0]
    hashes = np.empty(n_samples, dtype=np.uint64)
    starts = np.searchsorted(
        X.indptr, np.arange(0, max(1, X.indptr[-1]), HASHED_VALUES), side="right"
    )
    bounds = np.unique([0, *(starts - 1), n_samples])
    for start, stop in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        block = row_block(X, start, stop)
        # A sum has no order, and what is stored but 0 adds nothing.
        values = np.asarray(block.data, dtype=np.float64)
        mixed = _mixed(values.view(np.uint64) + _mixed(block.indices.astype(np.uint64)))
        mixed[values == 0] = 0
        sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(mixed)])
        hashes[start:stop] = sums[block.indptr[1:]] - sums[block.indptr[:-1]]
    numbers, found = pd.factorize(hashes)
    empty = np.flatnonzero(hashes == 0)
    numbers[empty] = len(found) + np.arange(len(empty))
    return pd.factorize(numbers)[0]


def _mixed(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Spread every bit over the whole word (the finalizer of SplitMix64)."""
    bits = bits + np.uint64(0x9E3779B97F4A7C15)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def _split(pair: Any, n_samples: int) -> Split:
    try:
        train, test = pair
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"cv must give pairs (train, test) of rows; got {type(pair).__name__}."
        ) from error
    return _positions(train, n_samples), _positions(test, n_samples)


def _positions(rows: Any, n_samples: int) -> NDArray[np.intp]:
    rows = np.asarray(rows)
    if rows.dtype == bool:
        if rows.shape != (n_samples,):
            raise ValueError(
                f"cv gave a mask of {rows.size} rows, but X has {n_samples}."
            )
        return np.flatnonzero(rows)
    if rows.ndim != 1 or (rows.size and rows.dtype.kind not in "iu"):
        raise ValueError(
            f"cv must name rows by integers or a boolean mask; got an array of shape "
            f"{rows.shape} and type {rows.dtype}."
        )
    return rows.astype(np.intp)


def _check_partition(splits: list[Split], n_samples: int) -> None:
    if not splits:
        raise ValueError("cv gave no split.")
    named = np.concatenate([rows for split in splits for rows in split])
    if named.size and (named.min() < 0 or named.max() >= n_samples):
        raise ValueError(
            f"cv names rows outside 0 ... {n_samples - 1}: X has {n_samples} rows."
        )
    for number, (train, test) in enumerate(splits):
        if np.intersect1d(train, test).size:
            raise ValueError(
                f"Split {number} of cv trains on rows that it holds out, so the map "
                f"would not be out-of-fold."
            )
        if not train.size or not test.size:
            lacks = "row to train on" if not train.size else "row to hold out"
            raise ValueError(f"Split {number} of cv has no {lacks}.")
    held_out = np.concatenate([test for _, test in splits])
    times = np.bincount(held_out, minlength=n_samples)
    if (times != 1).any():
        never, often = int((times == 0).sum()), int((times > 1).sum())
        raise ValueError(
            f"cv must hold every row out exactly once; {never:,} of {n_samples:,} rows "
            f"are never held out and {often:,} more than once. Use a splitter such as "
            f"StratifiedKFold; for repeats, average the maps of several seeds with "
            f"DataMap.average."
        )


def check_trainable(
    splits: list[Split], labels: EncodedLabels, weights: Array | None
) -> None:
    """Refuse splits that leave too few classes to train on.

    Parameters
    ----------
    splits : list of (ndarray of int, ndarray of int)
        Training and held-out rows.
    labels : EncodedLabels
        The labels.
    weights : ndarray of shape (n_samples,) or None
        Weights of the rows; those of weight 0 count as absent.

    Raises
    ------
    ValueError
        Naming the split.
    """
    for number, (train, _) in enumerate(splits):
        rows = train if weights is None else train[weights[train] != 0]
        codes = labels.codes[rows]
        if not labels.multilabel:
            if len(np.unique(codes)) < 2:
                raise TooFewRowsError(
                    f"Split {number} of cv leaves rows of one class only to train on. "
                    f"Choose a stratified cv, or fewer folds."
                )
            continue
        if (codes == codes[:1]).all():
            raise TooFewRowsError(
                f"Split {number} of cv leaves every label set in all rows to train on, "
                f"or in none. Choose another cv, or fewer folds."
            )
