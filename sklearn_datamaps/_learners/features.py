"""Features: checked and converted once, and told from those of another call."""

import zlib
from typing import Any

import joblib
import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from sklearn_datamaps._core.arrays import Array, complete
from sklearn_datamaps._core.messages import warn_caller
from sklearn_datamaps._learners.blocks import (
    MAX_STORED,
    check_stored,
    csr_of,
    is_memory_mapped,
    n_values,
)
from sklearn_datamaps._learners.frames import (
    as_frame_of_objects,
    columns_without_numbers,
    is_sparse_frame,
    numeric_columns,
    refuse_columns,
    with_native_columns,
)
from sklearn_datamaps._learners.learner import Learner

CHUNK_ROWS = 2**14  # rows of a table that are hashed at once
# Of a file that is mapped: so many stretches of so many values, evenly spaced.
STRETCHES, STRETCH_VALUES = 64, 2**13
N_ROWS_LOOKED_AT = 1000


def refuse_dask(*data: Any) -> None:
    """Name the class for collections of Dask, before one of them is computed here."""
    given = [value for value in data if hasattr(type(value), "__dask_graph__")]
    if given:
        raise TypeError(
            f"The data are a collection of Dask ({type(given[0]).__name__}), which "
            f"would be gathered in this process. Use sklearn_datamaps.dask."
            f"DataMapClassifier, which works on its blocks, or call .compute() first."
        )


def validate_features(
    classifier: Any,
    learner: Learner,
    X: Any,
    *,
    reset: bool,
    in_blocks: bool = False,
) -> Any:
    """Check X and convert it, once, to what the learner reads epoch after epoch.

    Parameters
    ----------
    classifier : classifier that records a map
        Errors name its class; it keeps the number of features and their names.
    learner : Learner
        Says what it reads.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The features.
    reset : bool
        Whether to note the number of features and their names, or to compare them.
    in_blocks : bool, default=False
        Whether X will be read in blocks of rows alone.

    Returns
    -------
    {ndarray, csr, DataFrame} of shape (n_samples, n_features)
        A DataFrame as it is, for learners that take one.

    Raises
    ------
    ValueError
        If X has missing or infinite values, or other features than before, or columns
        that the learner cannot read.
    """
    if not sparse.issparse(X):  # which has neither masks nor gradients
        X = complete(X, "X")
    if isinstance(X, pd.DataFrame):
        learner.check_columns(X)
        if learner.takes_frames and not is_sparse_frame(X):
            validate_data(classifier, X, reset=reset, skip_check_array=True)
            numbers = numeric_columns(X)
            if numbers.shape[1]:  # what is made of them is for this check alone
                check_array(numbers, estimator=classifier, **learner.input_checks())
            return with_native_columns(X)
    try:
        checked = validate_data(
            classifier,
            X,
            reset=reset,
            accept_sparse="csr",
            order=None if sparse.issparse(X) else "C",
            **learner.input_checks(),
        )
        # Objects of tables that scikit-learn does not know are left to the learner.
        if learner.input_dtype == "numeric" and checked.dtype == object:
            checked = checked.astype(np.float64)
    except ValueError:
        if (texts := as_frame_of_objects(X)) is not None:
            odd = columns_without_numbers(texts)  # without them, it is something else
            refuse_columns(odd, type(learner.inner).__name__)
        raise
    return with_short_indices(checked, in_blocks=in_blocks)


def with_short_indices(X: Any, *, in_blocks: bool = False) -> Any:
    """CSR with 32-bit indices where they fit; the values are shared, never copied.

    Parameters
    ----------
    X : {ndarray, csr} of shape (n_samples, n_features)
        The features.
    in_blocks : bool, default=False
        Whether X will be read in blocks alone. Then column indices in a file stay
        there: what cuts blocks shortens those of its rows.

    Returns
    -------
    {ndarray, csr} of shape (n_samples, n_features)
    """
    if not sparse.issparse(X):
        return X
    indices, pointers = X.indices, X.indptr
    if X.shape[1] <= MAX_STORED and not (in_blocks and is_memory_mapped(X)):
        indices = indices.astype(np.int32, copy=False)
    if int(pointers[-1]) <= MAX_STORED:
        pointers = pointers.astype(np.int32, copy=False)
    if indices is X.indices and pointers is X.indptr:
        return X
    return csr_of(X, X.shape[0], X.data, indices, pointers)


def check_single_rows(X: Any, *, copied: bool = False) -> None:
    """Refuse or warn of data that should not be read row by row.

    Parameters
    ----------
    X : {ndarray, csr} of shape (n_samples, n_features)
        Validated features.
    copied : bool, default=False
        Whether the rows are copied to folds.

    Raises
    ------
    ValueError
        If there are more values than 32 bits can count, or X lies in a file that is
        damaged.

    Warns
    -----
    UserWarning
        If the values lie in a file.
    """
    cure = "cv=None and " if copied else ""
    if sparse.issparse(X) and n_values(X) > MAX_STORED:
        raise ValueError(
            f"X has {n_values(X):,} stored values, more than the learners of "
            f"scikit-learn can count ({MAX_STORED:,}). Set {cure}"
            f"batch_order='blocks', which gives them blocks of rows."
        )
    if is_memory_mapped(X):
        if sparse.issparse(X):
            check_stored(X, 0, X.shape[0])
        why = (
            "cv copies the rows of every fold to memory"
            if copied
            else "batch_order='rows' reads its rows in random order, at which disks "
            "are slow, and copies mini-batches"
        )
        warn_caller(
            f"X is a memory map, and {why}. Set {cure}batch_order='blocks': contiguous "
            f"blocks in random order, without a copy."
        )


def identity_of(X: Any) -> dict[str, Any]:
    """Shape of X and a checksum of its values, in one pass that copies nothing.

    A pass runs at one to three gigabytes a second, a small part of one epoch. Of a
    memory map only some half a million values are read, evenly spaced: a file need
    not fit in memory, and may be slow.

    Parameters
    ----------
    X : {ndarray, csr, DataFrame} of shape (n_samples, n_features)
        Validated features.

    Returns
    -------
    dict of str to object
        Small values that are equal if X is, by the name users know.
    """
    return {"the shape of X": X.shape, "X": _digest(X)}


def _digest(X: Any) -> int:
    digest = zlib.crc32(type(X).__name__.encode())
    if isinstance(X, pd.DataFrame):
        for start in range(0, len(X), CHUNK_ROWS):
            rows = X.iloc[start : start + CHUNK_ROWS]
            hashes = pd.util.hash_pandas_object(rows, index=False)
            digest = zlib.crc32(hashes.to_numpy().data, digest)
        # The order of categories, too, which a repr leaves out where they are many.
        return zlib.crc32(joblib.hash(X.dtypes.tolist()).encode(), digest)
    mapped = is_memory_mapped(X)
    parts = (X.data, X.indices, X.indptr) if sparse.issparse(X) else (X,)
    for part in parts:
        digest = _add(digest, np.asarray(part), sampled=mapped)
    return digest


def _add(digest: int, values: Array, *, sampled: bool) -> int:
    digest = zlib.crc32(f"{values.dtype.str}{values.shape}".encode(), digest)
    if values.dtype == object:
        return zlib.crc32(joblib.hash(values).encode(), digest)
    if not values.flags.c_contiguous:
        for start in range(0, len(values), CHUNK_ROWS):
            rows = np.ascontiguousarray(values[start : start + CHUNK_ROWS])
            digest = zlib.crc32(rows.data, digest)
        return digest
    flat = values.reshape(-1)
    if not sampled or flat.size <= STRETCHES * STRETCH_VALUES:
        return zlib.crc32(flat.data, digest)
    last = flat.size - STRETCH_VALUES
    for start in np.linspace(0, last, STRETCHES).astype(np.intp).tolist():
        digest = zlib.crc32(flat[start : start + STRETCH_VALUES].data, digest)
    return digest


def scale_ratio(learner: Learner, X: Any) -> float | None:
    """How far the scales of the columns lie apart, from a look at some rows.

    Parameters
    ----------
    learner : Learner
        Trees and naive Bayes do not mind.
    X : {ndarray, csr} of shape (n_samples, n_features)
        The features.

    Returns
    -------
    float or None
        Largest root mean square of a column by the smallest standard deviation; a
        column far from 0 counts as one of a large scale. None if it does not matter
        or is not known.
    """
    naive = type(learner.inner).__module__ == "sklearn.naive_bayes"
    if naive or learner.knows_its_rows_only or not isinstance(X, np.ndarray):
        return None
    if X.ndim != 2 or X.dtype.kind not in "iuf":
        return None
    step = -(-len(X) // N_ROWS_LOOKED_AT)
    rows = X[::step].astype(np.float64)
    largest = np.sqrt(np.square(rows).mean(axis=0))
    deviations = rows.std(axis=0)
    varied = deviations > 1e-10 * largest  # else it is rounding
    if not varied.any() or not np.isfinite(largest).all():
        return None
    return float(largest[varied].max() / deviations[varied].min())
