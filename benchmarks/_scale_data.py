"""Hashed rows of Zipf words, generated in a stream and read from disk."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from sklearn_datamaps._learners.blocks import row_block

Array = NDArray[Any]
N_FEATURES = 2**20
# Words drawn a row; some 35 of them are distinct.
N_DRAWN = 60
EXPONENT = 1.25
CHUNK = 100_000
SEED = 0
FILES = {"data": np.float64, "indices": np.int32, "indptr": np.int64, "y": np.int8}


def write_rows(folder: Path, n_rows: int) -> None:
    """Write rows and labels, unless there are as many already.

    Parameters
    ----------
    folder : Path
        Where to; about 440 bytes a row.
    n_rows : int
        How many.
    """
    done = folder / f"{n_rows}.rows"
    if done.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    files = {name: (folder / name).open("wb") for name in FILES}
    np.zeros(1, np.int64).tofile(files["indptr"])
    n_stored = 0
    for X, y in chunks(n_rows):
        X.data.tofile(files["data"])
        X.indices.astype(np.int32).tofile(files["indices"])
        (X.indptr[1:] + np.int64(n_stored)).tofile(files["indptr"])
        y.tofile(files["y"])
        n_stored += X.nnz
    for file in files.values():
        file.close()
    done.touch()


def chunks(n_rows: int) -> Iterator[tuple[Any, Array]]:
    """Yield CSR rows and labels that are linear in them, but for some noise."""
    weights = np.random.default_rng(SEED).normal(size=N_FEATURES)
    for start in range(0, n_rows, CHUNK):
        random = np.random.default_rng([SEED, start])
        size = min(CHUNK, n_rows - start)
        words = random.zipf(EXPONENT, size * N_DRAWN)
        # Spread over the columns as a hash would.
        columns = (words * 2654435761 % N_FEATURES).astype(np.int32)
        pointers = np.arange(0, size * N_DRAWN + 1, N_DRAWN)
        X = sparse.csr_matrix(
            (np.ones(size * N_DRAWN), columns, pointers), (size, N_FEATURES)
        )
        X.sum_duplicates()
        lengths = np.sqrt(np.add.reduceat(X.data**2, X.indptr[:-1]))
        X.data /= np.repeat(lengths, np.diff(X.indptr))
        noisy = X @ weights + random.normal(scale=0.3, size=size)
        yield X, (noisy > np.median(noisy)).astype(np.int8)


def open_rows(folder: Path, n_rows: int) -> tuple[Any, Array]:
    """Memory maps of the first rows and their labels.

    Parameters
    ----------
    folder : Path
        As given to :func:`write_rows`.
    n_rows : int
        How many.

    Returns
    -------
    X : csr_matrix of shape (n_rows, n_features)
    y : ndarray of shape (n_rows,)
    """
    maps = {
        name: np.memmap(folder / name, dtype, mode="r") for name, dtype in FILES.items()
    }
    X = sparse.csr_matrix((len(maps["y"]), N_FEATURES))
    X.data, X.indices, X.indptr = (maps[name] for name in ("data", "indices", "indptr"))
    return row_block(X, 0, n_rows), maps["y"][:n_rows]


def texts(n_rows: int) -> list[str]:
    """Sentences of as many Zipf words."""
    random = np.random.default_rng(SEED)
    lines = []
    for start in range(0, n_rows, CHUNK):
        size = min(CHUNK, n_rows - start)
        words = (random.zipf(EXPONENT, (size, N_DRAWN)) % 10**6).astype(str)
        lines += [" ".join(row) for row in words.tolist()]
    return lines
