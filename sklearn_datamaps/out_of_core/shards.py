"""A shard: a fixed number of rows, vectorized by one process into one file."""

import json
import pickle
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np
import pandas as pd
from scipy import sparse

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._io.text_batches import Batch
from sklearn_datamaps.out_of_core.atomic import commit
from sklearn_datamaps.out_of_core.shard_labels import encode_shard

ENDING = ".npz"


@dataclass(frozen=True)
class ShardTexts:
    """ShardTexts of one shard, as a source gave them.

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
        ShardTexts of a shard.
    first : int
        First shard to make.
    made : set of int
        Others that need not be made.
    """

    def __init__(
        self, text: str, label: str | None, shard_size: int, first: int, made: set[int]
    ) -> None:
        self.text, self.label, self.shard_size = text, label, shard_size
        self.first, self.made = first, frozenset(made)
        self.n_rows = 0  # of the source, as far as it was read

    def needed(self, start: int, stop: int) -> bool:
        """Whether rows of one position to before another are to be vectorized."""
        shards = range(start // self.shard_size, -(-stop // self.shard_size))
        return any(map(self._to_make, shards))

    def _to_make(self, number: int) -> bool:
        return number >= self.first and number not in self.made

    def cut(self, batches: Iterable[Batch]) -> Iterator[ShardTexts]:
        """Yield the shards to make, in order; the last one may be shorter."""
        rows = self._rows(0)
        for batch in batches:
            done = 0
            texts, labels = self._columns(batch)
            while done < batch.n_rows:
                number, inside = divmod(batch.start + done, self.shard_size)
                stop = min(done + self.shard_size - inside, batch.n_rows)
                if self._to_make(number):
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

    def write(self, folder: Path, rows: ShardTexts) -> int:
        """Vectorize rows and write their shard; return its number."""
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
        arrays = {
            "data": X.data,
            "indices": X.indices.astype(np.int32, copy=False),
            "lengths": np.diff(X.indptr).astype(np.int64),
            "labels": labels,
            # Not as an array of str, which would cut zeros off at the end.
            "names": np.frombuffer(json.dumps([kind, names]).encode(), dtype=np.uint8),
        }
        commit(folder / shard_name(rows.number), lambda f: np.savez(f, **arrays))
        return rows.number

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


def shard_name(number: int) -> str:
    """Name of the file of a shard."""
    return f"{number:08d}{ENDING}"


@dataclass(frozen=True)
class Shard:
    """A shard as it was read from its file."""

    data: Array
    indices: Array
    lengths: Array  # of the rows, in values
    labels: Array
    kind: str  # of the labels
    names: list[str]  # what the labels stand for, if they are texts


def read_shard(path: Path) -> Shard:
    """Read the file of a shard; its checksums are looked after by zipfile."""
    with np.load(path) as arrays:
        data, indices, lengths, labels, names = (
            arrays[name] for name in ("data", "indices", "lengths", "labels", "names")
        )
    kind, texts = json.loads(names.tobytes())
    return Shard(data, indices, lengths, labels, kind, texts)


def is_whole(path: Path) -> bool:
    """Whether a file of a shard is as it was written."""
    try:
        with ZipFile(path) as file:
            return file.testzip() is None
    except BadZipFile:
        return False
