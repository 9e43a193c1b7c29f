"""The rows that are nearest to others, by the cosine of the angle between them."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.preprocessing import StandardScaler
from sklearn.utils.extmath import row_norms

from sklearn_datamaps._core.arrays import Array, Rows

# Cosines held at a time: what bounds the memory, whatever the number of rows.
N_VALUES = 2**22
N_GROUPS = 8  # times as many groups of values as are wanted: see _largest


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
        The features; further axes of an array are columns, too. Missing values (NaN)
        of a sparse matrix count as 0, of an array with a scaler as the mean.
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
    if sparse.issparse(X) and np.isnan(X.data.sum()):
        X = X.copy()
        X.data = np.nan_to_num(X.data)
    is_all = len(pool) == X.shape[0]
    among = X if is_all and sparse.issparse(X) else _unit(X, pool, scaler)
    lengths = _lengths(among)
    k = min(n_neighbors, len(pool) - 1)
    neighbours = np.zeros((len(rows), k), dtype=np.intp)
    cosine = np.zeros((len(rows), k))
    if k < 1:
        return neighbours, cosine
    for block in blocks(len(rows), N_VALUES // len(pool)):
        each = _cosines(among, lengths, _unit(X, rows[block], scaler))
        for at, (places, found) in enumerate(each, block.start):
            # The row itself is one of those above 0.
            if np.count_nonzero(found > 0) <= k:
                places, found = _all_places(places, found, len(pool))
            own = np.searchsorted(pool[places], rows[at])
            if own < len(places) and pool[places[own]] == rows[at]:
                found[own] = -np.inf
            top = _largest(found, k)
            neighbours[at], cosine[at] = pool[places[top]], found[top]
    return neighbours, cosine


def _all_places(places: Rows, found: Array, n: int) -> tuple[Rows, Array]:
    """Cosines of all candidates, of which only those that are not 0 were listed."""
    cosines = np.zeros(n)
    cosines[places] = found
    return np.arange(n), cosines


def _largest(values: Array, k: int) -> Rows:
    """Places of the k largest, in descending order; of equal ones the first."""
    n_groups = N_GROUPS * k
    n_whole = len(values) // n_groups * n_groups
    # Of k groups the largest are as large as the k-th largest of these: few values are.
    largest = values[:n_whole].reshape(-1, n_groups).max(axis=0) if n_whole else values
    least = np.partition(largest, len(largest) - k)[len(largest) - k]
    places = np.flatnonzero(values >= least)
    order = np.argsort(-values[places], kind="stable")[:k]
    found: Rows = places[order]
    return found


def scaler_of(X: Any) -> StandardScaler:
    """Mean and standard deviation of the columns of an array, block by block.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Missing values (NaN) are left out; further axes are columns, too.
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
    """Lengths of the rows; 1 of a row of zeros, whose cosines are 0."""
    lengths: Array = row_norms(X).astype(np.float64)
    lengths[lengths == 0] = 1.0
    return lengths


def _cosines(among: Any, lengths: Array, queries: Any) -> Iterator[tuple[Rows, Array]]:
    """Of each query in turn, the candidates and their cosines; 0 if not listed."""
    of_queries = _lengths(queries)
    if sparse.issparse(among):
        # This way round nothing as large as X is turned into another format.
        products = (among @ queries.T.tocsr()).tocsc()
        for start, stop, length in zip(
            products.indptr[:-1], products.indptr[1:], of_queries, strict=True
        ):
            places = products.indices[start:stop]
            yield places, products.data[start:stop] / (length * lengths[places])
    else:
        places = np.arange(len(among))
        for of_query, length in zip(queries @ among.T, of_queries, strict=True):
            yield places, of_query / (length * lengths)
