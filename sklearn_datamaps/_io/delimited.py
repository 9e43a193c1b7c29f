"""CSV, TSV and the like: cells that know where they stand, to change one and no more.

The csv module and its kin tell what a cell says, not where it stands nor how it was
written, and disagree about quotes in the middle. Here a quote opens a cell only if
another one closes it, before a delimiter or a line end; any other quote is text.
"""

import io
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, islice

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_datamaps._io.files import File, find_encoding
from sklearn_datamaps._io.reading import (
    NewCells,
    Pieces,
    Reading,
    Table,
)

DELIMITERS = (",", ";", "\t", "|")
SEPARATOR_LINE = re.compile(r'"?sep=([^\r\n])"?(?:\r\n|\n|\r)')  # as spreadsheets write
SAMPLE_CHARS, SAMPLE_ROWS = 65_536, 100
LONGEST = 2**24  # characters of a cell in quotes; else the quote is text

Record = tuple[int, str, list[str]]  # first line, text with its line end, raw cells


@dataclass(frozen=True)
class Dialect:
    """How cells are written: what is between them, and what holds them together."""

    delimiter: str
    quote: str = '"'  # "" if there is none
    escaped: bool = False  # \" stands for a quote

    @cached_property
    def inside(self) -> re.Pattern[str]:
        """What stands in a quoted cell before the quote that ends it."""
        q = re.escape(self.quote)
        more = r"|\\." if self.escaped else ""
        plain = rf"[^{q}\\]" if self.escaped else rf"[^{q}]"
        return re.compile(rf"(?:{plain}++|{q}{q}{more})*+", re.DOTALL)

    @cached_property
    def bare(self) -> re.Pattern[str]:
        """A cell without quotes."""
        return re.compile(rf"[^{re.escape(self.delimiter)}\r\n]*+")

    def closes(self, text: str, at: int) -> bool:
        """Whether a quote at this place ends a cell."""
        return text[at : at + 1] == self.quote and (
            at + 1 == len(text) or text[at + 1] in (self.delimiter, "\r", "\n")
        )

    def value(self, raw: str) -> str:
        """What a cell says."""
        q = self.quote
        in_quotes = len(raw) > 1 and raw[0] == raw[-1] == q
        if not in_quotes or not self.inside.fullmatch(raw, 1, len(raw) - 1):
            return raw
        if not self.escaped:
            return raw[1:-1].replace(q + q, q)
        q = re.escape(q)
        return re.sub(rf"\\([\\{q}])|({q}){q}", _character, raw[1:-1])

    def written(self, value: str, like: str) -> str:
        """Write a cell, in quotes if the one that stood there was, or if need be."""
        q = self.quote
        doubled = value.replace("\\", "\\\\") if self.escaped else value
        in_quotes = f"{q}{doubled.replace(q, q + q)}{q}" if q else value
        wanted = [value, in_quotes]
        if like and like != self.value(like):
            wanted.reverse()
        for raw in wanted:
            read = [cells for _, _, cells in Records([raw + self.delimiter], self)]
            if read == [[raw, ""]] and self.value(raw) == value:
                return raw
        raise ValueError(
            f"{value!r} cannot be written as a cell between {self.delimiter!r}."
        )


def _character(match: re.Match[str]) -> str:
    return match[1] or match[2]


class Records:
    """The records of a file, blank lines included, and what is odd about them."""

    def __init__(self, lines: Iterable[str], dialect: Dialect, first: int = 1) -> None:
        self.lines, self.dialect, self.number = iter(lines), dialect, first - 1
        self.ahead: deque[str] = deque()
        self.width = 0  # cells of the header, once it is known
        self.literal: list[int] = []  # lines with a quote that opens a cell as text
        self.swallowed: list[tuple[int, int]] = []  # lines that look like rows

    def __iter__(self) -> Iterator[Record]:
        quote, delimiter = self.dialect.quote, self.dialect.delimiter
        while (text := self._next()) is not None:
            first = self.number
            if quote and quote in text:
                text, cells = self._split(text)
            else:
                cells = text.rstrip("\r\n").split(delimiter)
            yield first, text, cells

    def _next(self) -> str | None:
        line = self.ahead.popleft() if self.ahead else next(self.lines, None)
        self.number += line is not None
        return line

    def _split(self, text: str) -> tuple[str, list[str]]:
        """Cells of a record that holds a quote, and its text with all its lines."""
        dialect, first = self.dialect, self.number
        cells: list[str] = []
        at = 0
        while True:
            end = -1
            if text[at : at + 1] == dialect.quote:
                text, end = self._closed(text, at)
                if end < 0:
                    self.literal.append(self.number)
            if end < 0:
                end = dialect.bare.match(text, at).end()  # type: ignore[union-attr] # always matches
            cells.append(text[at:end])
            if text[end : end + 1] != dialect.delimiter:
                break
            at = end + 1
        if self.number > first and self.width > 1:
            lines = io.StringIO(text, newline="")
            even = [line.count(dialect.delimiter) == self.width - 1 for line in lines]
            # Some of the lines between may be uneven, as rows with quotes are.
            between = even[1:-1]
            if even[0] and even[-1] and 2 * sum(between) >= len(between):
                self.swallowed.append((first, self.number))
        return text, cells

    def _closed(self, text: str, at: int) -> tuple[str, int]:
        """Text up to the end of a quoted cell, and that end; -1 if it is none."""
        inside, taken, length = self.dialect.inside, [], len(text)
        last, end = text, inside.match(text, at + 1).end()  # type: ignore[union-attr] # always matches
        while end == len(last) and length < LONGEST:
            line = self._next()
            if line is None:
                break
            taken.append(line)
            last, end = line, inside.match(line).end()  # type: ignore[union-attr] # always matches
            length += len(line)
        if self.dialect.closes(last, end):
            return text + "".join(taken), length - len(last) + end + 1
        self.ahead.extendleft(reversed(taken))
        self.number -= len(taken)
        return text, -1


def is_blank(record: Record) -> bool:
    return len(record[2]) == 1 and not record[1].strip()


@dataclass
class Delimited:
    """A file of cells being read: how it is written, its header, then its rows."""

    file: File
    reading: Reading
    dialect: Dialect
    before: list[str]  # texts before the first row
    columns: list[str]
    records: Records

    @classmethod
    def open(cls, file: File, reading: Reading, lines: Iterable[str]) -> "Delimited":
        """Read a file up to its first row.

        Parameters
        ----------
        file : File
            The file.
        reading : Reading
            What the user says.
        lines : iterable of str
            Its lines, with their ends.

        Returns
        -------
        Delimited
        """
        lines = iter(lines)
        first = next(lines, "")
        mark = "\ufeff" if first.startswith("\ufeff") else ""
        line, before = first.removeprefix(mark), [mark]
        separator = SEPARATOR_LINE.fullmatch(line)
        if separator:
            before.append(line)
            reading = replace(reading, delimiter=reading.delimiter or separator[1])
            line = next(lines, "")
        ahead = [line] if line else []
        while sum(map(len, ahead)) < SAMPLE_CHARS and (more := next(lines, "")):
            ahead.append(more)
        dialect = find_dialect(ahead, reading, file.suffix)
        n_before = 2 if separator else 1
        records = Records(chain(ahead, lines), dialect, n_before)
        found = iter(records)
        for record in found:
            before.append(record[1])
            if not is_blank(record):
                columns = [dialect.value(raw) for raw in record[2]]
                break
        else:
            raise ValueError(f"{file} is empty.")
        records.width = len(columns)
        return cls(file, reading, dialect, before, columns, records)

    def rows(self) -> Iterator[tuple[str, list[str] | None]]:
        """Text and raw cells of every record; None for those of a blank line."""
        width = len(self.columns)
        for record in self.records:
            number, text, cells = record
            if len(cells) != width:
                if is_blank(record):
                    yield text, None
                    continue
                if any(cells[width:]):
                    raise ValueError(
                        f"{self.file} cannot be read with the delimiter "
                        f"{self.dialect.delimiter!r}: line {number} has {len(cells)} "
                        f"cells, the header {width}."
                        + " A quote opens a cell there, and none ends it."
                        * (number in self.records.literal[-1:])
                    )
                cells = [*cells, *[""] * (width - len(cells))][:width]
            if self.records.swallowed:
                self._check_swallowed()
            yield text, cells

    def _check_swallowed(self) -> None:
        """Refuse a quote that holds lines together which look like rows."""
        first, last = self.records.swallowed[-1]
        surely = self.dialect.delimiter == "\t" or last > first + 1
        if self.reading.quoting == "auto" and surely:
            raise ValueError(
                f"{self.file}: a quote that opens a cell in line {first} closes it in "
                f"line {last}, and the lines between look like rows. If quotes are "
                f"text here, add --quoting none; if it is one cell, --quoting csv."
            )

    def notes(self) -> tuple[str, ...]:
        """What is odd about the quotes of the rows that were read."""
        notes = []
        if literal := list(dict.fromkeys(self.records.literal)):
            notes.append(
                f"{self.file}: in {len(literal):,} lines, first in line {literal[0]}, "
                f"a cell begins with a quote that does not end it; these quotes are "
                f"read as text (--quoting none reads all so)."
            )
        if self.reading.quoting == "auto" and (swallowed := self.records.swallowed):
            notes.append(
                f"{self.file}: a cell in quotes goes from line {swallowed[0][0]} to "
                f"{swallowed[0][1]}, though each looks like a row. If quotes are text "
                f"here, add --quoting none; if it is one cell, --quoting csv."
            )
        return tuple(notes)


def find_dialect(sample: Sequence[str], reading: Reading, suffix: str = "") -> Dialect:
    """Dialect that gives the named columns, then even rows, then the most columns.

    Parameters
    ----------
    sample : sequence of str
        The first lines, header included.
    reading : Reading
        What the user says.
    suffix : str, default=""
        That of the file: of a ``.tsv``, a tab is as likely as not.

    Returns
    -------
    Dialect
    """
    quote = "" if reading.quoting == "none" else reading.quotechar
    delimiters = [reading.delimiter] if reading.delimiter else [*DELIMITERS]
    if suffix == ".tsv":
        delimiters.sort(key=lambda delimiter: delimiter != "\t")

    def fit(dialect: Dialect) -> tuple[int, int, int, int]:
        header, even, _ = look(dialect)
        named = len(set(reading.named) & set(map(dialect.value, header)))
        return named, even * (len(header) > 1), len(header), even

    def look(dialect: Dialect) -> tuple[list[str], int, int]:
        """Header, number of rows as wide, and number of faults."""
        records = Records(sample, dialect)
        found = [r for r in islice(records, SAMPLE_ROWS) if not is_blank(r)]
        header, *rows = [cells for _, _, cells in found] or [[]]
        even = sum(len(cells) == len(header) for cells in rows)
        return header, even, len(rows) - even + len(records.literal)

    best = max((Dialect(d, quote) for d in delimiters), key=fit)
    escaped = replace(best, escaped=True)
    has_escapes = quote and any(f"\\{quote}" in line for line in sample)
    if has_escapes and look(escaped)[2] < look(best)[2]:
        return escaped
    return best


def read(file: File, reading: Reading) -> Table:
    """Read a whole file; see :func:`sklearn_datamaps._io.tables.read_table`."""
    encoding = find_encoding(file, reading.encoding)
    with encoding.open(file) as lines:
        opened = Delimited.open(file, reading, lines)
        quote, value = opened.dialect.quote, opened.dialect.value
        pieces = Pieces(encoding, list(opened.before))
        listed = []
        for text, cells in opened.rows():
            if cells is not None:
                pieces.rows.append(len(pieces.texts))
                if quote and quote in text:
                    cells = [value(raw) for raw in cells]
                listed.append(cells)
            pieces.texts.append(text)
    frame = pd.DataFrame(listed, columns=range(len(opened.columns)), dtype=object)
    frame = frame.set_axis(pd.Index(opened.columns, dtype=object), axis=1)
    source = (pieces, opened.dialect)
    notes = (*encoding.notes, *opened.notes())
    return Table(file, frame, source, notes, lines=pieces.lines)


def patch(table: Table, columns: NewCells, kept: NDArray[np.bool_]) -> bytes:
    """Bytes of a file with other cells and without some rows; all else as it was.

    Parameters
    ----------
    table : Table
        The file.
    columns : mapping of int to ndarray of str of shape (n_samples,)
        By the position of a column, what its cells are to say.
    kept : ndarray of bool of shape (n_samples,)
        The rows to keep.

    Returns
    -------
    bytes
    """
    pieces, dialect = table.source

    def edit(text: str, at: int, cell: str) -> str:
        ((_, _, cells),) = Records(io.StringIO(text, newline=""), dialect)
        end = text[len(dialect.delimiter.join(cells)) :]
        cells[at] = dialect.written(cell, cells[at])
        return str(dialect.delimiter.join(cells) + end)

    return bytes(pieces.edited(table, columns, kept, edit).encoded())
