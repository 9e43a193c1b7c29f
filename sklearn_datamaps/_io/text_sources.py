"""Texts and labels of any source in batches: files, hub data, iterables."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Protocol

import joblib
import numpy as np
import pandas as pd

from sklearn_datamaps._io.arrow_files import class_names, open_parquet, schema_of
from sklearn_datamaps._io.files import File, endings
from sklearn_datamaps._io.reading import Reading
from sklearn_datamaps._io.tables import FEATHER, FORMATS, PARQUET, files_of

BATCH_ROWS = 4096

# Whether any row from one position to before another is asked for.
Needed = Callable[[int, int], bool]


@dataclass(frozen=True)
class Batch:
    """Some rows that follow each other.

    Attributes
    ----------
    table : Arrow table, DataFrame, mapping of lists, or None
        The columns; None if no row of the batch is needed.
    n_rows : int
        How many rows.
    start : int
        Position of the first row in the source.
    place : str
        The file, if it is one.
    offset : int
        Position of the first row in that file, else in the source.
    """

    table: Any
    n_rows: int
    start: int
    place: str = ""
    offset: int = 0

    @property
    def names(self) -> list[str]:
        """Names of the columns."""
        if isinstance(self.table, Mapping):
            return list(self.table)
        if hasattr(self.table, "schema"):
            return list(self.table.schema.names)
        return list(self.table.columns)

    def column(self, name: str, rows: Sequence[int] | None = None) -> list[Any]:
        """Values of a column as plain Python objects, all or those of some rows."""
        if name not in self.names:
            close = get_close_matches(str(name), map(str, self.names), 1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise ValueError(
                f"{self.place or 'The source'} has no column {name!r}; it has "
                f"{', '.join(map(repr, self.names))}.{hint}"
            )
        values = self.table[name]
        if rows is None:
            return as_list(values)
        if isinstance(values, pd.Series):
            return as_list(values.iloc[list(rows)])
        if hasattr(values, "to_pylist"):
            return as_list(values.take(np.asarray(rows)))
        return as_list(values[row] for row in rows)


def as_list(values: Any) -> list[Any]:
    """Plain Python objects of an Arrow or NumPy array, a Series, a tensor or a list."""
    if hasattr(values, "to_pylist"):
        return list(values.to_pylist())
    return list(values.tolist() if hasattr(values, "tolist") else values)


class Files:
    """One file, or the files of a folder one after another, sorted by name.

    Parameters
    ----------
    path : path
        The file or the folder. In a folder, files whose names begin with a dot or an
        underscore do not count.
    text, label : str
        The columns of texts and labels, as a CSV file does not tell texts from
        numbers.
    """

    def __init__(self, path: Path, text: str, label: str | None) -> None:
        self.paths = _paths(path)
        self.files = [File.of(path) for path in self.paths]
        self.reading = Reading(named=[text] if label is None else [text, label])
        self.format = FORMATS[self.files[0].suffix]
        self.n_rows: int | None = None
        if self.format is PARQUET:
            self.n_rows = sum(open_parquet(f).metadata.num_rows for f in self.files)

    def identity(self) -> dict[str, Any]:
        """Names, sizes and times of the files; not where they are."""
        stats = [path.stat() for path in self.paths]
        sizes = [stat.st_size for stat in stats]
        times = [stat.st_mtime_ns for stat in stats]
        names = [path.name for path in self.paths]
        return {
            "kind": self.format.name,
            "files": len(self.paths),
            "bytes": sum(sizes),
            "names, sizes and times": joblib.hash([names, sizes, times]),
        }

    def class_names(self, label: str) -> list[str] | None:
        """Names that Hugging Face's datasets wrote into the first file."""
        if self.format not in (PARQUET, FEATHER):
            return None
        return class_names(schema_of(self.files[0]), label)

    def batches(self, columns: Sequence[str] | None, needed: Needed) -> Iterator[Batch]:
        """Yield all rows in order, those that are not needed without their table."""
        start = 0
        for file in self.files:
            offset = 0

            def needed_here(first: int, stop: int, before: int = start) -> bool:
                return needed(before + first, before + stop)

            try:
                for table, n_rows in self.format.batches(
                    file, self.reading, columns, BATCH_ROWS, needed_here
                ):
                    yield Batch(table, n_rows, start, str(file), offset)
                    start += n_rows
                    offset += n_rows
            except ValueError as error:  # also those of Arrow and of decoding
                if str(error).startswith(str(file)):
                    raise
                raise ValueError(
                    f"{file} cannot be read, from row {offset:,} on: {error}"
                ) from error


def _paths(path: Path) -> list[Path]:
    if not path.exists():
        raise FileNotFoundError(
            f"There is no file or folder {str(path)!r}. For a data set of the Hugging "
            f"Face hub, pass what datasets.load_dataset returns."
        )
    if path.is_file() and endings(path)[0] not in FORMATS:
        raise ValueError(
            f"{path} has an ending that is not known. Files to read end in "
            f"{', '.join(FORMATS)}; of others, pass an iterable of batches."
        )
    return files_of(path)


class Source(Protocol):
    """Where rows come from."""

    n_rows: int | None  # where it is known without reading

    def identity(self) -> dict[str, Any]:
        """What tells this source from another, in plain values."""

    def class_names(self, label: str) -> list[str] | None:
        """Names behind the integers of a column of labels, if the source has them."""

    def batches(self, columns: Sequence[str] | None, needed: Needed) -> Iterator[Batch]:
        """Yield all rows in order, those that are not needed without their table."""


def open_source(source: Any, text: str, label: str | None) -> Source:
    """Find out what a source is.

    Parameters
    ----------
    source : Dataset, IterableDataset, str, path, DataFrame or iterable of batches
        The rows.
    text, label : str
        What the columns of batches without names are called.

    Returns
    -------
    Source
    """
    if isinstance(source, str | Path):
        return Files(Path(source).expanduser(), text, label)
    if "datasets" in sys.modules:  # else it is none of theirs
        import datasets

        if isinstance(source, datasets.DatasetDict | datasets.IterableDatasetDict):
            raise TypeError(
                f"The source is a {type(source).__name__} with the splits "
                f"{', '.join(map(repr, source))}: choose one, as in source["
                f"{next(iter(source), 'train')!r}]."
            )
        if isinstance(source, datasets.Dataset):
            return _HubDataset(source)
        if isinstance(source, datasets.IterableDataset):
            return _HubStream(source)
    if isinstance(source, pd.DataFrame):
        source = [source]
    if isinstance(source, Mapping | bytes) or not isinstance(source, Iterable):
        raise TypeError(
            f"The source must be a path, a Dataset of Hugging Face, or an iterable of "
            f"batches; got {type(source).__name__}. Of one batch, make a list of one."
        )
    return _Batches(source, text, label)


class _HubDataset:
    """A Dataset of Hugging Face: any row can be reached at once."""

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset
        self.n_rows: int | None = len(dataset)

    def identity(self) -> dict[str, Any]:
        names = self.dataset.column_names
        return {"kind": "Dataset", "rows": self.n_rows, "columns": names}

    def class_names(self, label: str) -> list[str] | None:
        return _class_names(self.dataset.features, label)

    def batches(self, columns: Sequence[str] | None, needed: Needed) -> Iterator[Batch]:
        dataset = self.dataset.with_format("arrow")
        # What is missing is named, among those that are there, when it is asked for.
        if columns and set(columns) <= set(dataset.column_names):
            dataset = dataset.select_columns(list(columns))
        for start in range(0, len(dataset), BATCH_ROWS):
            stop = min(start + BATCH_ROWS, len(dataset))
            table = dataset[start:stop] if needed(start, stop) else None
            yield Batch(table, stop - start, start, offset=start)


class _HubStream:
    """An IterableDataset of Hugging Face."""

    n_rows: int | None = None

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset

    def identity(self) -> dict[str, Any]:
        return {"kind": "IterableDataset"}

    def class_names(self, label: str) -> list[str] | None:
        return _class_names(self.dataset.features or {}, label)

    def batches(self, columns: Sequence[str] | None, needed: Needed) -> Iterator[Batch]:
        dataset, start = self.dataset, 0
        known = dataset.column_names
        if columns is not None and known and set(columns) <= set(known):
            dataset = dataset.select_columns(list(columns))
        for table in dataset.iter(batch_size=BATCH_ROWS):
            n_rows = len(next(iter(table.values()), ()))
            yield Batch(table, n_rows, start, offset=start)
            start += n_rows


def _class_names(features: Mapping[str, Any], label: str) -> list[str] | None:
    feature = features.get(label)
    if isinstance(feature, list):  # how lists were written before datasets 4
        feature = feature[0]
    feature = getattr(feature, "feature", feature)  # of what a list holds
    names = getattr(feature, "names", None)
    return None if names is None else list(names)


class _Batches:
    """An iterable of batches."""

    n_rows: int | None = None

    def __init__(self, batches: Iterable[Any], text: str, label: str | None) -> None:
        self.items, self.text, self.label = batches, text, label

    def identity(self) -> dict[str, Any]:
        return {"kind": "batches"}

    def class_names(self, label: str) -> list[str] | None:
        return None

    def batches(self, columns: Sequence[str] | None, needed: Needed) -> Iterator[Batch]:
        start = 0
        for number, item in enumerate(self.items):
            table = self._table(item, number)
            n_rows = self._n_rows(table, number)
            # Large ones in parts, so that no more is turned into objects at a time.
            for first in range(0, n_rows, BATCH_ROWS):
                stop = min(first + BATCH_ROWS, n_rows)
                if needed(start + first, start + stop):
                    part = _slice(table, first, stop)
                    position = start + first
                    yield Batch(part, stop - first, position, offset=position)
                else:
                    yield Batch(None, stop - first, start + first)
            start += n_rows

    def _table(self, item: Any, number: int) -> Any:
        if isinstance(item, Mapping | pd.DataFrame) or hasattr(item, "schema"):
            return item
        pair = isinstance(item, tuple | list) and len(item) == 2
        if pair and (isinstance(item, tuple) or self.label is not None):
            texts, labels = item
            if not isinstance(texts, str):
                names = ("label" if self.label is None else self.label, labels)
                return {self.text: texts} | dict([names])
        if isinstance(item, str | bytes) or not isinstance(item, Iterable):
            raise TypeError(
                f"The source must yield batches; batch {number} is a "
                f"{type(item).__name__}. Yield lists of texts, pairs (texts, labels), "
                f"or tables with columns."
            )
        if self.label is not None:
            raise TypeError(
                f"Batch {number} is a {type(item).__name__} without labels. Yield "
                f"pairs (texts, labels), or set label=None if there are none."
            )
        return {self.text: item}

    def _n_rows(self, table: Any, number: int) -> int:
        if not isinstance(table, Mapping):
            return len(table)
        lengths = {}
        for name, values in table.items():
            if getattr(values, "ndim", 1) != 1:
                raise ValueError(
                    f"Column {name!r} of batch {number} has shape {values.shape}; it "
                    f"must have one value a row. Of an indicator matrix, give each "
                    f"row as the list of its labels."
                )
            lengths[name] = len(values)
        if len(set(lengths.values())) > 1:
            raise ValueError(
                f"The columns of batch {number} differ in length: {lengths}. Each row "
                f"needs a value in every column."
            )
        return next(iter(lengths.values()), 0)


def _slice(table: Any, start: int, stop: int) -> Any:
    if isinstance(table, Mapping):
        return {name: values[start:stop] for name, values in table.items()}
    if isinstance(table, pd.DataFrame):
        return table.iloc[start:stop]
    return table.slice(start, stop - start)
