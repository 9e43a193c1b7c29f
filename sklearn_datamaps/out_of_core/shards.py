"""Shards of a matrix: rows cut, vectorized, written, and put together in the end.

A shard is a file that is there as a whole or not at all: one that is there is done.
"""

import json
import pickle
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO
from zipfile import BadZipFile

import numpy as np
import pandas as pd
from scipy import sparse

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.atomic import commit
from sklearn_datamaps._io.text_sources import Batch
from sklearn_datamaps.out_of_core import matrix
from sklearn_datamaps.out_of_core.labels import encode_shard, final_labels

# Arrays of a shard, and what it is, as JSON.
DATA, INDICES, LENGTHS, LABELS, ABOUT = "data", "indices", "lengths", "labels", "about"
# Any estimator takes index pointers of 32 bits, few take others.
LARGEST_NARROW = np.iinfo(np.int32).max


@dataclass(frozen=True)
class Shard:
    """What a shard is.

    Attributes
    ----------
    n_rows, n_values : int
        How many rows, and stored values.
    kind : str
        Kind of its labels.
    names : list of str
        What its labels stand for, if they are texts.
    """

    n_rows: int
    n_values: int
    kind: str
    names: list[str]


@dataclass(frozen=True)
class ShardTexts:
    """Rows of one shard, as a source gave them.

    Attributes
    ----------
    number : int
        Which shard.
    texts, labels : list
        One a row; labels is None if there are none.
    places : list of tuple
        (position in the shard, file, position in that file) where batches begin.
    """

    number: int
    texts: list[Any]
    labels: list[Any] | None
    places: list[tuple[int, str, int]]

    def where(self, row: int) -> str:
        """Words that name a row, counted from 0."""
        first, place, offset = [p for p in self.places if p[0] <= row][-1]
        return f"Row {offset + row - first:,} of {place or 'the source'}"


class Cutting:
    """Cuts the rows of a source into shards, leaving out those that are there.

    Parameters
    ----------
    text, label : str
        Columns; label is None if there are no labels.
    shard_size : int
        Rows of a shard.
    made : collection of int
        Shards that need not be made.
    """

    def __init__(
        self, text: str, label: str | None, shard_size: int, made: Collection[int]
    ) -> None:
        self.text, self.label, self.shard_size = text, label, shard_size
        self.made = frozenset(made)
        self.n_rows = 0  # of the source, as far as it was read

    def needed(self, start: int, stop: int) -> bool:
        """Whether rows of one position to before another are to be vectorized."""
        shards = range(start // self.shard_size, -(-stop // self.shard_size))
        return any(number not in self.made for number in shards)

    def cut(self, batches: Iterable[Batch]) -> Iterator[ShardTexts]:
        """Yield the shards to make, in order; the last one may be shorter."""
        rows = self._rows(0)
        for batch in batches:
            done = 0
            texts, labels = self._columns(batch)
            while done < batch.n_rows:
                number, inside = divmod(batch.start + done, self.shard_size)
                stop = min(done + self.shard_size - inside, batch.n_rows)
                if number not in self.made:
                    if rows.number != number:
                        rows = self._rows(number)
                    rows.places.append((inside, batch.place, batch.offset + done))
                    rows.texts.extend(texts[done:stop])
                    if rows.labels is not None:
                        rows.labels.extend(labels[done:stop])
                    if len(rows.texts) == self.shard_size:
                        yield rows
                        rows = self._rows(number + 1)
                done = stop
            self.n_rows = batch.start + batch.n_rows
        if rows.texts:
            yield rows

    def _rows(self, number: int) -> ShardTexts:
        return ShardTexts(number, [], None if self.label is None else [], [])

    def _columns(self, batch: Batch) -> tuple[list[Any], list[Any]]:
        if batch.table is None:
            return [], []
        texts = batch.column(self.text)
        return texts, [] if self.label is None else batch.column(self.label)


@dataclass(frozen=True)
class Vectorizing:
    """What every shard of a matrix has in common.

    Attributes
    ----------
    vectorizer : estimator or path
        A fitted one, or the file that holds it pickled.
    n_columns : int
        Columns of the matrix.
    dtype : str
        Of its values.
    classes : list or None
        All labels, where they are known beforehand.
    """

    vectorizer: Any
    n_columns: int
    dtype: str
    classes: list[Any] | None

    def write(self, folder: Path, rows: ShardTexts) -> tuple[int, Shard]:
        """Vectorize rows and write their shard; return its number, and what it is."""
        _check_texts(rows)
        kind, labels, names = "none", np.empty(0), list[str]()
        if rows.labels is not None:
            kind, labels, names = encode_shard(rows.labels, self.classes, rows.where)
        vectorizer = self.vectorizer
        if isinstance(vectorizer, Path):
            vectorizer = _unpickle(vectorizer)
        try:
            X = vectorizer.transform(rows.texts)
            self._check(X, len(rows.texts))
        except Exception as error:
            error.add_note(f"{rows.where(0)} is the first of the rows concerned.")
            raise
        X = X.tocsr()
        X.sum_duplicates()  # sorted as well: what is read-only cannot be sorted later
        shard = Shard(len(rows.texts), X.nnz, kind, names)
        arrays = {
            DATA: X.data,
            INDICES: X.indices.astype(np.int32, copy=False),
            LENGTHS: np.diff(X.indptr).astype(np.int64),
            LABELS: labels,
            # Not as an array of str, which would cut zeros off at the end.
            ABOUT: np.frombuffer(json.dumps(astuple(shard)).encode(), dtype=np.uint8),
        }
        commit(shard_file(folder, rows.number), lambda f: np.savez(f, **arrays))
        return rows.number, shard

    def _check(self, X: Any, n_rows: int) -> None:
        if not sparse.issparse(X):
            raise ValueError("The vectorizer made a dense array of some texts.")
        if X.shape != (n_rows, self.n_columns) or X.dtype != self.dtype:
            raise ValueError(
                f"The vectorizer made {X.dtype} of shape {X.shape} of {n_rows} texts, "
                f"but {self.dtype} with {self.n_columns} columns of a first one. It "
                f"must make as many columns of any texts."
            )


def _check_texts(rows: ShardTexts) -> None:
    if set(map(type, rows.texts)) <= {str}:
        return
    row = next(i for i, text in enumerate(rows.texts) if not isinstance(text, str))
    text = rows.texts[row]
    if text is None or text is pd.NA or text != text:
        raise ValueError(
            f"{rows.where(row)} has no text ({text!r}). Drop such rows first, or fill "
            f'them with "".'
        )
    raise ValueError(
        f"{rows.where(row)} has a {type(text).__name__} as text: {text!r}. Is this the "
        f"column of the texts? Set text= to its name."
    )


@lru_cache(maxsize=1)
def _unpickle(path: Path) -> Any:
    """Read the vectorizer of a run, once in each process."""
    return pickle.loads(path.read_bytes())


def shard_file(folder: Path, number: int) -> Path:
    """File of a shard."""
    return folder / f"{number:08d}.npz"


def shards_in(folder: Path) -> dict[int, Shard]:
    """Shards that a folder holds, by their number."""
    files = {file.stem: file for file in sorted(folder.glob("*.npz"))}
    return {int(stem): _about(files[stem]) for stem in files if stem.isdecimal()}


def _about(file: Path) -> Shard:
    with _whole(file):
        return Shard(*json.loads(_array(file, ABOUT).tobytes()))


def _array(file: Path, name: str) -> Array:
    """One array of a shard; zipfile looks after its checksum."""
    # np.load would leave a damaged file open.
    with _whole(file), file.open("rb") as opened, np.load(opened) as arrays:
        values: Array = arrays[name]
        return values


@contextmanager
def _whole(file: Path) -> Iterator[None]:
    try:
        yield
    except (BadZipFile, zlib.error, ValueError, KeyError, TypeError, EOFError) as error:
        raise ValueError(
            f"{file} is damaged. Delete it, and only its rows are vectorized again, or "
            f"begin anew: vectorize_to_disk(..., overwrite=True)."
        ) from error


def check_kinds(shards: Mapping[int, Shard], shard_size: int) -> None:
    """Refuse labels of several types."""
    rows: dict[str, str] = {}
    for number, shard in sorted(shards.items()):
        first = number * shard_size
        rows.setdefault(shard.kind, f"{first:,} to {first + shard.n_rows - 1:,}")
    if len(rows) > 1:
        (one, here), (other, there) = list(rows.items())[:2]
        raise ValueError(
            f"Labels are {one} in rows {here}, but {other} in rows {there}. Make all "
            f"of one type."
        )


def join(
    folder: Path,
    shards: Mapping[int, Shard],
    path: Path,
    dtype: str,
    classes: list[Any] | None,
) -> dict[str, Any]:
    """Write the files of a matrix from its shards; it can be done again.

    Parameters
    ----------
    folder : path
        Where the shards are.
    shards : dict of int to Shard
        What they are.
    path : path
        Where to write to.
    dtype : str
        Of the values.
    classes : list or None
        All labels, where they were known beforehand.

    Returns
    -------
    dict
        For the manifest: ``files`` and ``labels``.
    """
    numbers = range(len(shards))
    n_rows = sum(shard.n_rows for shard in shards.values())
    n_values = sum(shard.n_values for shard in shards.values())

    def parts(name: str) -> Iterator[Array]:
        return (_array(shard_file(folder, number), name) for number in numbers)

    def pointers() -> Iterator[Array]:
        last = 0
        yield np.zeros(1, dtype=np.int64)
        for lengths in parts(LENGTHS):
            ends = last + lengths.cumsum()
            yield ends
            last = int(ends[-1])

    pointer = np.int32 if n_values <= LARGEST_NARROW else np.int64
    files = {
        matrix.DATA: _write(path / matrix.DATA, dtype, [n_values], parts(DATA)),
        matrix.INDICES: _write(
            path / matrix.INDICES, np.int32, [n_values], parts(INDICES)
        ),
        matrix.INDPTR: _write(path / matrix.INDPTR, pointer, [n_rows + 1], pointers()),
    }
    kind = shards[0].kind
    if kind == "none":
        return {"files": files, "labels": None}
    # In order of appearance, whichever shard was made first.
    names = dict.fromkeys(n for number in numbers for n in shards[number].names)
    codes = {name: code for code, name in enumerate(names)}
    of_labels, final, convert = final_labels(kind, list(names), classes)

    def labels() -> Iterator[Array]:
        for number, values in zip(numbers, parts(LABELS), strict=True):
            if kind == "texts":
                ours = np.array([codes[n] for n in shards[number].names], dtype=np.intp)
                values = ours[values]
            yield convert(values)

    shape = [n_rows, len(final)] if kind == "sets" else [n_rows]
    files[matrix.LABELS] = _write(path / matrix.LABELS, of_labels, shape, labels())
    return {"files": files, "labels": {"kind": kind, "classes": final}}


def _write(
    path: Path, dtype: Any, shape: list[int], parts: Iterator[Array]
) -> dict[str, Any]:
    """Write a .npy file from its parts; return what the manifest says of it.

    Not through a memory map, of which a full disk would be a crash.
    """
    dtype = np.dtype(dtype)
    crc32 = 0

    def write(file: BinaryIO) -> None:
        nonlocal crc32
        arrays = (values.astype(dtype, copy=False).tobytes() for values in parts)
        for part in chain([matrix.npy_header(dtype, shape)], arrays):
            crc32 = zlib.crc32(part, crc32)
            file.write(part)

    commit(path, write)
    return {"dtype": dtype.str, "shape": shape, "crc32": crc32}
