"""The rows that are nearest to others, by the cosine of the angle between them."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.preprocessing import StandardScaler

from sklearn_datamaps._core.arrays import Array, Rows

# Cosines held at a time: what bounds the memory, whatever the number of rows.
N_VALUES = 2**22


def blocks(n_rows: int, size: int) -> Iterator[slice]:
    """Slices of at most ``size`` rows, in order."""
    size = max(1, size)
    yield from (slice(at, min(at + size, n_rows)) for at in range(0, n_rows, size))


def nearest_rows(
    X: Any,
    n_neighbors: int,
    *,
    rows: Rows | None = None,
    candidates: Rows | None = None,
    scaler: StandardScaler | None = None,
) -> tuple[Array, Array]:
    """Nearest other rows of some rows, the nearest first.

    Parameters
    ----------
    X : {ndarray, csr} of shape (n_samples, n_features)
        The features; further axes of an array are columns, too.
    n_neighbors : int
        How many. Fewer if there are no more candidates.
    rows : ndarray of int, default=None
        Rows to look for the neighbours of. None: all.
    candidates : ndarray of int, default=None
        Rows that may be neighbours. None: all. No row is its own neighbour.
    scaler : StandardScaler, default=None
        From :func:`scaler_of`: columns of an array are standardised, block by block.

    Returns
    -------
    neighbours : ndarray of int of shape (n_rows, n_neighbors)
        Positions in X; of equally near ones the first come first.
    cosine : ndarray of float64 of shape (n_rows, n_neighbors)
        0 with a row that has no values but zeros.

    Notes
    -----
    Every row is compared with every candidate, in blocks: the memory beside the
    candidates is bounded, the time is not.
    """
    rows = np.arange(X.shape[0]) if rows is None else np.asarray(rows)
    pool = np.arange(X.shape[0]) if candidates is None else np.sort(candidates)
    is_all = len(pool) == X.shape[0]
    among = X if is_all and sparse.issparse(X) else _unit(X, pool, scaler)
    lengths = _lengths(among)
    k = min(n_neighbors, len(pool) - 1)
    neighbours = np.zeros((len(rows), k), dtype=np.intp)
    cosine = np.zeros((len(rows), k))
    if k < 1:
        return neighbours, cosine
    for block in blocks(len(rows), N_VALUES // len(pool)):
        found = _cosines(among, lengths, _unit(X, rows[block], scaler))
        own = np.searchsorted(pool, rows[block])
        own = np.minimum(own, len(pool) - 1)
        is_own = pool[own] == rows[block]
        found[np.flatnonzero(is_own), own[is_own]] = -np.inf
        top = np.sort(np.argpartition(-found, k - 1, axis=1)[:, :k], axis=1)
        values = np.take_along_axis(found, top, axis=1)
        order = np.argsort(-values, axis=1, kind="stable")
        neighbours[block] = pool[np.take_along_axis(top, order, axis=1)]
        cosine[block] = np.take_along_axis(values, order, axis=1)
    return neighbours, cosine


def scaler_of(X: Any) -> StandardScaler:
    """Mean and standard deviation of the columns of an array, block by block.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Missing values (NaN) are left out; further axes are columns, too.

    Returns
    -------
    StandardScaler
    """
    scaler = StandardScaler()
    width = max(1, int(np.prod(X.shape[1:])))
    for block in blocks(X.shape[0], N_VALUES // width):
        scaler.partial_fit(_flat(X[block]))
    return scaler


def _flat(X: Array) -> Array:
    return np.asarray(X, dtype=np.float64).reshape(len(X), -1)


def _unit(X: Any, rows: Rows, scaler: StandardScaler | None) -> Any:
    """Some rows of X, standardised (a missing value is then the mean)."""
    if sparse.issparse(X):
        return X[rows]
    values = _flat(X[rows])
    return values if scaler is None else np.nan_to_num(scaler.transform(values))


def _lengths(X: Any) -> Array:
    if sparse.issparse(X):
        squares = X.multiply(X).sum(axis=1)
        return np.sqrt(np.asarray(squares, dtype=np.float64).ravel())
    lengths: Array = np.linalg.norm(X, axis=1)
    return lengths


def _cosines(among: Any, lengths: Array, queries: Any) -> Array:
    """Cosines of every query with every candidate."""
    if sparse.issparse(among):
        # This way round nothing as large as X is turned into another format.
        products = (among @ queries.T.tocsr()).toarray().T.astype(np.float64)
    else:
        products = queries @ among.T
    of_queries = np.maximum(_lengths(queries), np.finfo(float).tiny)
    products /= of_queries[:, np.newaxis]
    cosines: Array = products / np.maximum(lengths, np.finfo(float).tiny)
    return cosines
