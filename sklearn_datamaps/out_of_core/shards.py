"""Shards of a matrix: rows cut, vectorized, and written with their labels."""

import json
import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np
import pandas as pd
from scipy import sparse

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.atomic import commit
from sklearn_datamaps._core.messages import quoted
from sklearn_datamaps._io.text_sources import Batch

# What labels are stored as while a folder is being built, by their kind.
BUILDING_DTYPES = {
    "integers": np.dtype(np.int64),
    "booleans": np.dtype(np.bool_),
    "texts": np.dtype(np.int32),  # positions among the texts in order of appearance
    "codes": np.dtype(np.int32),  # positions in the classes given
    "sets": np.dtype(np.uint8),  # a 0/1 column for each of the classes given
}


def check_classes(classes: Sequence[Any]) -> list[Any]:
    """All labels as a list of plain values, or a clear error."""
    values: list[Any] = np.asarray(list(classes), dtype=object).tolist()
    values = [v.item() if isinstance(v, np.generic) else v for v in values]
    if len({type(value) for value in values}) > 1 or not all(
        isinstance(value, str | int) for value in values
    ):
        raise ValueError(
            f"classes must be all texts, or all whole numbers; got {classes!r}."
        )
    if len(set(values)) < len(values) or not values:
        raise ValueError(f"classes must be distinct labels; got {classes!r}.")
    return values


def encode_shard(
    labels: Sequence[Any], classes: Sequence[Any] | None, where: Callable[[int], str]
) -> tuple[str, Array, list[str]]:
    """Encode labels, refusing with a clear error what is not a class label.

    Parameters
    ----------
    labels : sequence
        One a row: str, int, bool, or a list of these (multilabel).
    classes : sequence or None
        All labels, if they are known beforehand.
    where : callable
        Position among the labels -> words that name the row.

    Returns
    -------
    kind : str
        A key of ``BUILDING_DTYPES``.
    values : ndarray of shape (n_rows,) or (n_rows, n_classes)
        The labels, in the dtype of the kind.
    names : list of str
        What the numbers of the kind "texts" stand for.

    Raises
    ------
    ValueError
        If a label is missing, continuous or not among the classes, or if labels are
        of several types, or lists whose classes are not known.
    """
    kinds = _kinds(labels)
    if "missing" in kinds:
        row = next(i for i, label in enumerate(labels) if _kind(label) == "missing")
        raise ValueError(
            f"{where(row)} has no label ({labels[row]!r}). Drop such rows first, or "
            f"label them."
        )
    if len(kinds) > 1:
        raise ValueError(
            f"Labels mix {' and '.join(sorted(kinds))}, from {where(0)} on. Make all "
            f"of one type."
        )
    kind = kinds.pop() if kinds else "integers"
    if kind == "lists":
        return "sets", _indicator(labels, classes, where), []
    if kind not in ("texts", "integers", "booleans"):
        raise ValueError(
            f"{where(0)} has the label {labels[0]!r} ({type(labels[0]).__name__}). "
            f"Labels must be texts, whole numbers or booleans, or lists of them."
        )
    if classes is not None:
        positions = _positions(labels, classes, where)
        if any(isinstance(name, str) for name in classes):
            return "codes", positions, []
    elif kind == "texts":
        codes, names = pd.factorize(np.array(labels, dtype=object))
        return kind, codes.astype(np.int32), [str(name) for name in names]
    return kind, np.array(labels, dtype=BUILDING_DTYPES[kind]), []


def _kinds(labels: Sequence[Any]) -> set[str]:
    types = set(map(type, labels))
    # One look at each label costs as much as a good part of its text.
    if types == {int} and min(labels) >= -(2**63) and max(labels) < 2**63:
        return {"integers"}
    if len(types) == 1 and types <= {str, bool, list}:
        return {_kind(labels[0])}
    return {_kind(label) for label in labels}


def _kind(label: Any) -> str:
    if isinstance(label, str):
        return "texts"
    if isinstance(label, bool | np.bool_):
        return "booleans"
    if isinstance(label, int | np.integer):
        fits = -(2**63) <= label < 2**63
        return "integers" if fits else "integers of more than 64 bits"
    if isinstance(label, list | tuple | set | frozenset | np.ndarray):
        return "lists"
    if label is None or label is pd.NA or label != label:
        return "missing"
    if isinstance(label, float | np.floating):
        return "integers" if float(label).is_integer() else "fractions"
    return type(label).__name__


def _positions(
    labels: Sequence[Any], classes: Sequence[Any], where: Callable[[int], str]
) -> Array:
    """Position of each label among the classes."""
    named = all(isinstance(name, str) for name in classes)
    flat = np.empty(len(labels), dtype=object)
    flat[:] = labels
    if named and not any(isinstance(label, str) for label in labels):
        # Integers that stand for names, as a ClassLabel of Hugging Face has them.
        positions = flat.astype(np.int64)
        positions[(positions < 0) | (positions >= len(classes))] = -1
    else:
        positions = pd.Index(classes, dtype=object).get_indexer(pd.Index(flat))
    if (positions < 0).any():
        row = int((positions < 0).argmax())
        raise ValueError(
            f"{where(row)} has the label {labels[row]!r}, which is not among the "
            f"{len(classes)} classes ({quoted(classes, 8)}). Drop such rows, or name "
            f"all classes."
        )
    return positions.astype(np.int32)


def _indicator(
    labels: Sequence[Any], classes: Sequence[Any] | None, where: Callable[[int], str]
) -> Array:
    if classes is None:
        raise ValueError(
            f"{where(0)} has a list of labels, {labels[0]!r}. Pass classes=, all "
            f"labels that there are, to get one 0/1 column for each."
        )
    lengths = [len(row) for row in labels]
    flat = [label for row in labels for label in row]
    rows = np.repeat(np.arange(len(labels)), lengths)
    kinds = _kinds(flat)
    if len(kinds - {"integers", "texts", "booleans"}) or len(kinds) > 1:
        odd = next(
            i
            for i, v in enumerate(flat)
            if _kind(v) != _kind(flat[0]) or _kind(v) not in BUILDING_DTYPES
        )
        raise ValueError(
            f"{where(int(rows[odd]))} has the labels {labels[rows[odd]]!r}; they must "
            f"all be texts, or all whole numbers, and none may be missing."
        )
    values = np.zeros((len(labels), len(classes)), dtype=np.uint8)
    positions = _positions(flat, classes, lambda position: where(int(rows[position])))
    values[rows, positions] = 1
    return values


def final_labels(
    kind: str, names: Sequence[str], classes: Sequence[Any] | None
) -> tuple[np.dtype[Any], list[Any], Callable[[Array], Array]]:
    """How labels are stored in the end.

    Parameters
    ----------
    kind : str
        A key of ``BUILDING_DTYPES``.
    names : sequence of str
        The texts, in order of appearance.
    classes : sequence or None
        The classes given.

    Returns
    -------
    dtype : dtype
        Codes of classes are as narrow as pandas wants them: it would convert others,
        and so read them.
    classes : list
        What codes or columns stand for; empty if labels stand for themselves.
    convert : callable
        Labels as stored while building -> as stored in the end.
    """
    if kind in ("integers", "booleans"):
        dtype = BUILDING_DTYPES[kind]
        return dtype, [], lambda values: values
    if kind == "sets":
        assert classes is not None
        return BUILDING_DTYPES[kind], list(classes), lambda values: values
    order = sorted(range(len(names)), key=names.__getitem__)
    final = [names[i] for i in order] if kind == "texts" else list(classes or ())
    dtype = pd.Categorical([], categories=final).codes.dtype
    if kind == "codes":
        return dtype, final, lambda values: values.astype(dtype)
    ranks = np.empty(len(order), dtype=dtype)
    ranks[order] = np.arange(len(order), dtype=dtype)
    return dtype, final, lambda values: ranks[values]


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
