"""How a user's file is to be read, its text, and what came out."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_datamaps._core.messages import quoted, warn_caller
from sklearn_datamaps._io.files import Encoding, File

QUOTING = ("auto", "csv", "none")


@dataclass(frozen=True)
class Reading:
    """How a file is to be read; None stands for what is to be found out.

    Attributes
    ----------
    named : sequence of str
        Columns it should have; they help to find the delimiter.
    delimiter, encoding : str or None
        What is between the cells, and how text is written as bytes.
    quoting : str
        "csv": a quote that opens a cell and closes it holds it together, line ends
        included. "none": quotes are characters like any other. "auto": as "csv", but
        refuse what looks as if rows were swallowed by a quote.
    quotechar : str
        The quote.
    """

    named: Sequence[str] = ()
    delimiter: str | None = None
    encoding: str | None = None
    quoting: str = "auto"
    quotechar: str = '"'

    def __post_init__(self) -> None:
        """Refuse what no file can be read with."""
        if self.quoting not in QUOTING:
            raise ValueError(
                f"--quoting must be one of {quoted(QUOTING)}; got {self.quoting!r}."
            )
        for option in ("delimiter", "quotechar"):
            value = getattr(self, option)
            if value is not None and (len(value) != 1 or value in "\r\n"):
                raise ValueError(f"--{option} must be one character; got {value!r}.")
        if self.delimiter == self.quotechar:
            raise ValueError(
                f"--delimiter and --quotechar must differ; both are {self.delimiter!r}."
            )


Keys = tuple[str, ...]  # of a field, after those of the fields that it is in
# New cells of some columns, by their position.
NewCells = Mapping[int, NDArray[Any]]
# Columns of some rows after another, and how many rows.
Batches = Iterator[tuple[Any, int]]


@dataclass(frozen=True)
class Table:
    """A file as it was read: every cell as text, and what writing it again needs.

    Attributes
    ----------
    file : File
        The file.
    cells : DataFrame
        Its cells.
    source : object
        What its format needs to write it again.
    notes : tuple of str
        What the user should know about the reading.
    typed : sequence of list, or None
        The columns, where the format tells numbers from texts and has lists.
    lines : callable or None
        To the lines that the rows begin in, from 1; None: only their order is known.
    reading : Reading
        How it was to be read.
    """

    file: File
    cells: pd.DataFrame
    source: Any = None
    notes: tuple[str, ...] = ()
    typed: Sequence[list[Any]] | None = None
    lines: Callable[[], Sequence[int]] | None = None
    reading: Reading = Reading()

    @classmethod
    def of_values(
        cls, file: File, names: Iterable[Any], typed: Sequence[list[Any]], **more: Any
    ) -> "Table":
        """Table of columns of values, whose cells are their texts."""
        cells = {at: [text_of(v) for v in values] for at, values in enumerate(typed)}
        columns = pd.Index(names, dtype=object)
        frame = pd.DataFrame(cells, dtype=object).set_axis(columns, axis=1)
        return cls(file, frame, typed=typed, **more)

    def __len__(self) -> int:
        return len(self.cells)

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self.file.path

    def listed(self) -> Sequence[list[Any]]:
        """The columns as lists: of values, or else of cells."""
        width = range(self.cells.shape[1])
        return self.typed or [self.cells.iloc[:, at].tolist() for at in width]

    def column(self, name: str) -> NDArray[Any]:
        """Cells of a column, an array of str; an error if there is not just one."""
        return self.cells.iloc[:, self.place(name)].to_numpy(dtype=object)

    def place(self, name: str) -> int:
        """Position of a column; an error if there is not just one of the name."""
        columns = list(self.cells.columns)
        if columns.count(name) != 1:
            close = [] if name in columns else get_close_matches(name, columns, 1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            count = "no column" if name not in columns else "more than one column"
            raise ValueError(
                f"{self.file} has {count} {name!r}; it has {quoted(columns)}.{hint}"
            )
        return columns.index(name)


@dataclass(frozen=True)
class Pieces:
    """Text of a file in pieces, of which some are rows: all together are the file."""

    encoding: Encoding
    texts: list[str] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)  # places of those that are rows

    def lines(self) -> list[int]:
        """Lines that the rows begin in, from 1."""
        end = "\n" if any("\n" in text for text in self.texts) else "\r"
        ends = np.cumsum([0, *(text.count(end) for text in self.texts)])
        return [int(ends[at]) + 1 for at in self.rows]

    def edited(
        self,
        table: Table,
        columns: NewCells,
        kept: NDArray[np.bool_],
        edit: Callable[[str, int, str], str],
    ) -> "Pieces":
        """Pieces with other cells and without some rows; all else as it was.

        Parameters
        ----------
        table : Table
            The file.
        columns : mapping of int to ndarray of str
            By the position of a column, what its cells are to say.
        kept : ndarray of bool of shape (n_samples,)
            The rows to keep.
        edit : callable
            From the text of a row, the position of a column and what its cell is to
            say to the new text.

        Returns
        -------
        Pieces
        """
        if self.encoded() != table.file.read():
            raise ValueError(
                f"{table.file} changed since it was read, or {self.encoding.name} does "
                f"not give its bytes back: save it as UTF-8 first."
            )
        texts = list(self.texts)
        for at, cells in columns.items():
            for row in np.flatnonzero(kept & (cells != table.cells.iloc[:, at])):
                place = self.rows[row]
                texts[place] = edit(texts[place], at, cells[row])
        for row in np.flatnonzero(~kept):
            texts[self.rows[row]] = ""
        return Pieces(self.encoding, texts, self.rows)

    def encoded(self) -> bytes:
        """Bytes of the file."""
        return self.encoding.encode("".join(self.texts))


def warn_of(notes: Iterable[str]) -> None:
    """Tell a caller in Python what the command line prints."""
    for note in notes:
        warn_caller(note)


def is_missing(cells: NDArray[Any], na: Sequence[str] = ()) -> NDArray[np.bool_]:
    """Tell which cells say that there is nothing.

    Parameters
    ----------
    cells : ndarray of str
        Cells of a column.
    na : sequence of str, default=()
        What else says so, as the user names it (``--na``).

    Returns
    -------
    ndarray of bool
        True for blank cells, lists without an entry, and those named.
    """
    empty = {"", "[]", *na}
    return np.array([cell.strip() in empty for cell in cells.tolist()], dtype=bool)


def text_of(value: Any) -> str:
    """Text of a value of JSON or Parquet; nothing at all becomes an empty cell."""
    if value is None or value != value:
        return ""
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def escaped(value: Any) -> Any:
    """Text that UTF-8 can hold: half a character becomes a backslash and its code."""
    if not isinstance(value, str):
        return value
    return value.encode("utf-8", "backslashreplace").decode()


def nested(
    columns: Mapping[str, list[Any]], named: Sequence[str]
) -> dict[Keys, list[Any]]:
    """Fields within fields that are named as ``data.text``.

    Parameters
    ----------
    columns : mapping of str to list
        Values of the columns.
    named : sequence of str
        The columns that are needed; one that is there by its name is no field.

    Returns
    -------
    dict of tuple of str to list
        By the names from the column down; those that no row has are left out.
    """
    found = {}
    for name in named:
        keys = tuple(name.split("."))
        if name not in columns and len(keys) > 1:
            values = columns.get(keys[0], [])
            for key in keys[1:]:
                values = [v.get(key) if isinstance(v, dict) else None for v in values]
            if any(value is not None for value in values):
                found[keys] = values
    return found


def new_values(
    values: Sequence[Any], before: Sequence[str], after: NDArray[Any]
) -> list[Any]:
    """Values of a column whose cells are to say something else.

    Parameters
    ----------
    values : sequence
        The values.
    before : sequence of str
        Their cells.
    after : ndarray of str
        What the cells are to say: what another one says, or a list as JSON.

    Returns
    -------
    list
    """
    by_text = dict(zip(before, values, strict=True))
    read = reader_of(values)
    return [
        value if new == old else by_text[new] if new in by_text else read(new)
        for value, old, new in zip(values, before, after.tolist(), strict=True)
    ]


def reader_of(values: Iterable[Any]) -> Callable[[str], Any]:
    """What makes the value of a cell that says what no other one of a column does."""
    # Among texts it is a text, whatever it could be read as.
    return str if all(isinstance(v, str | None) for v in values) else _value_of


def _value_of(text: str) -> Any:
    if text in ("True", "False"):
        return text == "True"
    try:
        return json.loads(text)
    except ValueError:
        return text
