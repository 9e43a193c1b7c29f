"""Contiguous rows of a matrix as views, their order, and what that order can spoil."""

import mmap
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.labels import EncodedLabels
from sklearn_datamaps._core.messages import warn_caller

# Cells of probability per block: what a prediction needs beside the record.
BLOCK_CELLS = 2**20
# Values of a block of rows whose size is not given: some 200 MB of CSR.
BLOCK_VALUES = 2**24
# Most stored values of a matrix that every learner can read.
MAX_STORED = np.iinfo(np.int32).max
# Blocks whose labels vary less than this, in relation to all labels, are sorted.
SORTED_BELOW = 0.5


def csr_of(X: Any, n_rows: int, data: Array, indices: Array, pointers: Array) -> Any:
    """CSR of the class of X that shares its arrays; its constructor may copy them."""
    block = type(X)((n_rows, X.shape[1]), dtype=X.dtype)
    block.data, block.indices, block.indptr = data, indices, pointers
    return block


def row_block(X: Any, start: int, stop: int) -> Any:
    """Contiguous rows of X as a view; CSR shares data and indices, too.

    Slicing a CSR matrix would copy, and its constructor copies small views of large
    arrays, so the block is put together by hand. Its row pointers count from 0, so
    that they have 32 bits also where those of X need 64.

    Parameters
    ----------
    X : {ndarray, csr} of shape (n_samples, n_features)
        The features.
    start, stop : int
        First row, and the row after the last.

    Returns
    -------
    {ndarray, csr} of shape (stop - start, n_features)

    Raises
    ------
    ValueError
        If X lies in a file, and these rows of it are damaged.
    """
    whole = start == 0 and stop == X.shape[0]
    if isinstance(X, pd.DataFrame):
        return X if whole else X.iloc[start:stop]
    if not sparse.issparse(X):
        return X if whole else X[start:stop]
    check_stored(X, start, stop)
    if whole and X.indptr.dtype == X.indices.dtype == np.int32:
        return X
    first, last = int(X.indptr[start]), int(X.indptr[stop])
    short = max(last - first, X.shape[1]) <= MAX_STORED
    index = np.int32 if short else np.int64
    return csr_of(
        X,
        stop - start,
        X.data[first:last],
        X.indices[first:last].astype(index, copy=False),
        (X.indptr[start : stop + 1] - first).astype(index, copy=False),
    )


def check_stored(X: Any, start: int, stop: int) -> None:
    """Refuse rows of a CSR matrix in a file that learners would crash on.

    None of them looks whether a column is beyond the last one. A bit of a file that
    has flipped would have them read, or write, where nothing is theirs.
    """
    if not is_memory_mapped(X):
        return
    pointers = X.indptr[start : stop + 1]
    first, last = int(pointers[0]), int(pointers[-1])
    inside = 0 <= first <= last <= min(len(X.indices), len(X.data))
    if inside and (pointers[1:] >= pointers[:-1]).all():
        indices = X.indices[first:last]
        # As unsigned ones, negative indices are the largest of all.
        unsigned = indices.view(f"u{indices.itemsize}")
        if not len(indices) or int(unsigned.max()) < X.shape[1]:
            return
        what = f"column indices beyond the {X.shape[1]:,} columns"
    else:
        what = "row pointers that are out of order"
    raise ValueError(
        f"X lies in a file that is damaged: there are {what} in rows {start:,} to "
        f"{stop - 1:,}. Write it again (open_matrix(..., verify=True) names the file "
        f"of a matrix of vectorize_to_disk)."
    )


def block_rows(X: Any) -> int:
    """Rows of blocks of equal size that hold at most about ``BLOCK_VALUES`` values.

    Parameters
    ----------
    X : {ndarray, csr} of shape (n_samples, n_features)
        The features.
    """
    n_blocks = -(-n_values(X) // BLOCK_VALUES)
    return -(-X.shape[0] // max(1, n_blocks))


def n_values(X: Any) -> int:
    """Return the number of values that X holds."""
    return int(X.indptr[-1]) if sparse.issparse(X) else int(X.size)


def row_blocks(
    X: Any, n_columns: int, size: int | None = None
) -> Iterator[tuple[slice, Any]]:
    """Rows to record, in blocks of at most ``BLOCK_CELLS`` probabilities.

    Parameters
    ----------
    X : {ndarray, csr} of shape (n_samples, n_features)
        Their features.
    n_columns : int
        Probabilities a row.
    size : int, default=None
        Rows that no block may reach across a multiple of. None: all.

    Yields
    ------
    rows : slice
        Which rows.
    X : {ndarray, csr} of shape (n_rows, n_features)
        Their features, a view.
    """
    n_samples, step = X.shape[0], max(1, BLOCK_CELLS // n_columns)
    size = n_samples if size is None else size
    for first in range(0, n_samples, size):
        last = min(first + size, n_samples)
        for start in range(first, last, step):
            stop = min(start + step, last)
            yield slice(start, stop), row_block(X, start, stop)


def in_row_blocks(call: Callable[[Any], Array], X: Any) -> Array:
    """Result of a call for the rows of X, which learners may be unable to count.

    Parameters
    ----------
    call : callable
        From features to an array with one row, or value, for each of theirs.
    X : {ndarray, csr} of shape (n_samples, n_features)
        The features.

    Returns
    -------
    ndarray of shape (n_samples, ...)
        Of the whole matrix; of more stored values than 32 bits can count, put
        together from blocks.
    """
    if not sparse.issparse(X) or n_values(X) <= MAX_STORED:
        if sparse.issparse(X):
            check_stored(X, 0, X.shape[0])
        return call(X)
    return np.concatenate([call(block) for _, block in row_blocks(X, 1, block_rows(X))])


def block_order(seed: int, epoch: int, n_blocks: int) -> Array:
    """Order of the blocks in one epoch, another one in the next.

    Parameters
    ----------
    seed : int
        Base of all seeds.
    epoch : int
        0-based.
    n_blocks : int
        How many there are.

    Returns
    -------
    ndarray of int of shape (n_blocks,)
    """
    return epoch_random(seed, epoch).permutation(n_blocks)


def epoch_random(seed: int, epoch: int) -> np.random.Generator:
    """Random numbers for the order of one epoch's rows."""
    return np.random.default_rng(np.random.SeedSequence([seed, epoch]))


def is_memory_mapped(X: Any) -> bool:
    """Whether the values of X lie in a file of the user's.

    joblib shares large arrays with its processes in files of its own; those are in
    memory, as a rule, and nobody chose them.

    Parameters
    ----------
    X : {ndarray, csr} of shape (n_samples, n_features)
        The features.
    """
    owner = X.data if sparse.issparse(X) else X
    while isinstance(owner, np.ndarray):
        if "joblib_memmapping_folder" in str(getattr(owner, "filename", "")):
            return False
        owner = owner.base
    return isinstance(owner, mmap.mmap)


def warn_sorted_blocks(X: Any, labels: EncodedLabels, batch_size: int | None) -> None:
    """Warn if the blocks of X are sorted by class.

    Parameters
    ----------
    X : {ndarray, csr} of shape (n_samples, n_features)
        Validated features.
    labels : EncodedLabels
        The labels.
    batch_size : int or None
        As in ``DataMapClassifier``.

    Warns
    -----
    UserWarning
        See :func:`warn_sorted`.
    """
    size = block_rows(X) if batch_size is None else batch_size
    bounds = np.append(np.arange(0, X.shape[0], size), X.shape[0])
    n_rows, n_set = label_counts(labels, bounds)
    warn_sorted(n_rows, n_set)


def label_counts(labels: EncodedLabels, bounds: Array) -> tuple[Array, Array]:
    """Count the labels in each block.

    Parameters
    ----------
    labels : EncodedLabels
        The labels.
    bounds : ndarray of int of shape (n_blocks + 1,)
        First row of each block, and the number of rows.

    Returns
    -------
    n_rows : ndarray of shape (n_blocks,)
        Rows of each block.
    n_set : ndarray of shape (n_blocks, n_classes) or (n_blocks, n_labels)
        Rows of each class; multilabel: rows in which each label is set.
    """
    blocks = np.split(labels.codes, bounds[1:-1])
    counts = [EncodedLabels(codes, labels.classes).counts() for codes in blocks]
    return np.diff(bounds), np.array(counts)


def warn_sorted(n_rows: Array, n_set: Array) -> None:
    """Warn if labels vary within blocks much less than they do altogether.

    The variance of each class's indicator within blocks of m rows is, in random
    order, (m - 1) / m of its variance altogether.

    Parameters
    ----------
    n_rows : ndarray of shape (n_blocks,)
        Rows of each block.
    n_set : ndarray of shape (n_blocks, n_classes)
        Rows of each class in each block.

    Warns
    -----
    UserWarning
        A learner forgets one class while it learns the next.
    """
    share = n_set / n_rows[:, None]
    within = (n_rows[:, None] * share * (1 - share)).sum()
    overall = n_set.sum(axis=0) / n_rows.sum()
    expected = ((n_rows - 1)[:, None] * (overall * (1 - overall))[None, :]).sum()
    if within < SORTED_BELOW * expected:
        warn_caller(
            f"The rows are sorted by class, or nearly: labels vary within the "
            f"{len(n_rows):,} blocks {within / expected:.0%} as much as they would in "
            f"random order. The learner forgets one class while it learns the next, "
            f"and the map shows that. Shuffle the rows before they are written, or "
            f"make the blocks larger."
        )
