"""Excel workbooks (.xlsx), with openpyxl: the first sheet, its first row the header."""

import io
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from zipfile import ZipFile

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_datamaps._io.files import File
from sklearn_datamaps._io.reading import (
    Batches,
    NewCells,
    Reading,
    Table,
    new_values,
    text_of,
)

# What a sheet cannot hold, and how much it can.
NO_CELL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
MOST_CHARS, MOST_ROWS = 32_767, 1_048_576


def _openpyxl(function: str) -> Any:
    try:
        import openpyxl
    except ImportError as error:
        raise ImportError(
            f"{function} of an .xlsx file needs openpyxl: "
            'pip install "sklearn-datamaps[excel]", or save the file as CSV.'
        ) from error
    return openpyxl


@contextmanager
def _readable(file: File) -> Iterator[None]:
    # A damaged workbook has any error, of the library or of those below it.
    try:
        yield
    except Exception as error:
        raise ValueError(
            f"{file} cannot be read as an .xlsx file: {error or type(error)}."
        ) from error


@contextmanager
def _workbook(file: File, notes: list[str], **options: Any) -> Iterator[Any]:
    openpyxl = _openpyxl("Reading")
    data = file.read()
    with _readable(file), ZipFile(io.BytesIO(data)) as archive:
        unpacked = sum(member.file_size for member in archive.infolist())
    file.check_size(len(data), unpacked)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with _readable(file):
            book = openpyxl.load_workbook(io.BytesIO(data), **options)
        yield book
    notes += dict.fromkeys(f"{file}: {warning.message}." for warning in caught)
    book.close()


def read(file: File, reading: Reading) -> Table:
    """Read the first sheet; see :func:`sklearn_datamaps._io.tables.read_table`."""
    notes: list[str] = []
    with _workbook(file, notes, read_only=True, data_only=True) as book:
        sheet = book.worksheets[0]
        if len(book.worksheets) > 1:
            notes.append(f"{file}: read the first sheet, {sheet.title!r}.")
        sheet.reset_dimensions()  # which some programs write wrongly
        with _readable(file):
            read_rows = list(enumerate(sheet.iter_rows(values_only=True), start=1))
    found = [(n, list(row)) for n, row in read_rows if any(v is not None for v in row)]
    if not found:
        raise ValueError(f"{file} is empty.")
    (_, header), *rows = found
    width = max(at for at, name in enumerate(header, 1) if name is not None)
    for number, row in rows:
        if any(value is not None for value in row[width:]):
            raise ValueError(
                f"{file}: row {number} of the sheet has more cells than its header, "
                f"{width}. The first row has to name the columns."
            )
        row += [None] * (width - len(row))
    values = [[row[at] for _, row in rows] for at in range(width)]
    lines = [number for number, _ in rows]
    return Table.of_values(
        file,
        map(text_of, header[:width]),
        values,
        notes=tuple(notes),
        lines=lambda: lines,
    )


def patch(table: Table, columns: NewCells, kept: NDArray[np.bool_]) -> bytes:
    """Bytes of a workbook with other cells and without some rows.

    Values, formulas and formats of the other cells stay, and the other sheets; what
    openpyxl does not know, as pictures and charts, does not.

    Parameters
    ----------
    table, columns, kept
        As in :func:`sklearn_datamaps._io.delimited.patch`.

    Returns
    -------
    bytes
    """
    lines, values = table.lines() if table.lines else (), table.listed()
    with _workbook(table.file, []) as book:
        sheet = book.worksheets[0]
        for at, cells in columns.items():
            before = table.cells.iloc[:, at].tolist()
            new = new_values(values[at], before, cells)
            for row in np.flatnonzero(kept & (cells != table.cells.iloc[:, at])):
                _set(sheet.cell(lines[int(row)], at + 1), new[row])
        for row in np.flatnonzero(~kept)[::-1]:
            sheet.delete_rows(lines[int(row)])
        return _saved(book)


def written(table: Table) -> bytes:
    """Bytes of any table as a workbook.

    Parameters
    ----------
    table : Table
        The table.

    Returns
    -------
    bytes

    Raises
    ------
    ValueError
        If a sheet cannot hold so many rows, or so long a text.
    """
    if len(table) >= MOST_ROWS:
        raise ValueError(
            f"An .xlsx file holds {MOST_ROWS - 1:,} rows at most, not {len(table):,}: "
            f"write to a .csv."
        )
    book = _openpyxl("Writing").Workbook()
    columns = zip(table.cells, table.listed(), strict=True)
    for at, (name, values) in enumerate(columns, start=1):
        for row, value in enumerate([name, *values], start=1):
            if value is not None and value == value:
                _set(book.active.cell(row, at), value)
    return _saved(book)


def _set(cell: Any, value: Any) -> None:
    if value is None or isinstance(value, bool | int | float):
        cell.value = value
        return
    text = NO_CELL.sub("\ufffd", text_of(value))
    if len(text) > MOST_CHARS:
        raise ValueError(
            f"A cell of an .xlsx file holds {MOST_CHARS:,} characters at most; one of "
            f"row {cell.row} has {len(text):,}: write to a .csv."
        )
    cell.value = text
    cell.data_type = "s"  # else "=1+1" would be a formula


def _saved(book: Any) -> bytes:
    sink = io.BytesIO()
    book.save(sink)
    return sink.getvalue()


def batches(
    file: File, reading: Reading, columns: Sequence[str] | None, size: int, needed: Any
) -> Batches:
    """Yield the rows, all of which a workbook needs to be read for.

    Parameters
    ----------
    file, reading, columns, size, needed
        As in :func:`sklearn_datamaps._io.typed_rows.batches`.

    Yields
    ------
    columns : DataFrame
    n_rows : int
    """
    table = read(file, reading)
    columns_of = dict(zip(table.cells, table.listed(), strict=True))
    rows = pd.DataFrame(columns_of, dtype=object)
    for first in range(0, len(rows), size):
        part = rows[first : first + size]
        yield part, len(part)
