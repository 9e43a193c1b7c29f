"""The one reader and writer of users' files: a format is one entry in ``FORMATS``."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_datamaps._core.atomic import commit
from sklearn_datamaps._core.labels import is_whole
from sklearn_datamaps._core.messages import quoted
from sklearn_datamaps._io import arrow_files, delimited, excel, json_files, typed_rows
from sklearn_datamaps._io.files import BAD_BYTE, STREAM, File, compressed, endings
from sklearn_datamaps._io.reading import Batches, NewCells, Reading, Table, escaped


def csv_of(frame: pd.DataFrame, delimiter: str = ",") -> bytes:
    """Bytes of a table as CSV in UTF-8, every text in quotes.

    Parameters
    ----------
    frame : pandas.DataFrame
        The table, of numbers and texts; its index is not written. Half a character,
        which UTF-8 cannot hold, is written as a backslash and its code.
    delimiter : str, default=","
        What is between the cells.

    Returns
    -------
    bytes
    """
    import pyarrow as pa
    from pyarrow.csv import WriteOptions, write_csv

    def array(column: pd.Series) -> Any:
        try:
            return pa.array(column, from_pandas=True)
        except UnicodeEncodeError:
            return pa.array(column.map(escaped), from_pandas=True)

    columns = [array(frame.iloc[:, at]) for at in range(frame.shape[1])]
    sink = pa.BufferOutputStream()
    names = [escaped(str(name)) for name in frame.columns]
    options = WriteOptions(delimiter=delimiter)
    write_csv(pa.Table.from_arrays(columns, names), sink, options)
    return bytes(sink.getvalue().to_pybytes())


@dataclass(frozen=True)
class Format:
    """One kind of file.

    Attributes
    ----------
    name : str
        What people call it.
    read : callable
        From a File and a Reading to a Table.
    batches : callable
        From a File, a Reading, columns, a number of rows and which are needed to
        those rows, some at a time.
    patch : callable
        From a Table, new cells by the position of their column and the rows to keep
        to bytes.
    write : callable
        From a Table of any format to bytes.
    is_text : bool
        Whether a terminal can show it.
    """

    name: str
    read: Callable[[File, Reading], Table]
    batches: Callable[..., Batches]
    patch: Callable[[Table, NewCells, NDArray[np.bool_]], bytes]
    write: Callable[[Table], bytes]
    is_text: bool = True


DELIMITED = Format(
    "CSV",
    delimited.read,
    typed_rows.batches,
    delimited.patch,
    lambda table: csv_of(table.cells),
)
TSV = replace(DELIMITED, name="TSV", write=lambda table: csv_of(table.cells, "\t"))
JSON_LINES = Format(
    "JSON lines",
    json_files.read,
    json_files.batches,
    json_files.patch,
    partial(json_files.written, lines=True),
)
JSON = replace(JSON_LINES, name="JSON", write=partial(json_files.written, lines=False))
PARQUET = Format(
    "Parquet",
    arrow_files.read,
    arrow_files.batches,
    arrow_files.patch,
    partial(arrow_files.written, suffix=".parquet"),
    is_text=False,
)
FEATHER = replace(
    PARQUET, name="Feather", write=partial(arrow_files.written, suffix=".feather")
)
EXCEL = Format(
    "Excel", excel.read, excel.batches, excel.patch, excel.written, is_text=False
)
PLACE = "file:line"  # the column that names the rows of several files
FORMATS = {".csv": DELIMITED, ".tsv": TSV, ".json": JSON, ".xlsx": EXCEL}
FORMATS |= dict.fromkeys((".jsonl", ".ndjson"), JSON_LINES)
FORMATS |= dict.fromkeys((".parquet", ".pq"), PARQUET)
FORMATS |= dict.fromkeys(arrow_files.FEATHER, FEATHER)


def format_of(suffix: str) -> Format:
    """Format that a suffix tells; cells between delimiters if it tells none."""
    return FORMATS.get(suffix, DELIMITED)


def read_table(
    path: Path, reading: Reading | None = None, kind: str | None = None
) -> Table:
    """Read a file as the suffix says, below that of a compression.

    Parameters
    ----------
    path : path
        The file, or ``-`` for the standard input.
    reading : Reading, default=None
        What is known of how to read it. None: nothing.
    kind : str, default=None
        What it is, as ``csv``. None: as the suffix says, or the content if there is
        none.

    Returns
    -------
    Table

    Raises
    ------
    ValueError
        If the file is not what its suffix says, has no rows, or a column whose name
        is no text; if it is damaged, or unpacks to far more than its size.
    OSError
        If it cannot be read.
    """
    file, reading = File.of(path, kind), reading or Reading()
    try:
        table = format_of(file.suffix).read(file, reading)
    except RecursionError:
        raise ValueError(f"{file} holds JSON nested too deeply to be read.") from None
    for name in table.cells.columns:
        if not is_whole(name):
            raise ValueError(
                f"{file}: the name of column '{escaped(name)}' holds what is no "
                f"character. Rename it."
            )
    if not len(table):
        raise ValueError(f"{file} has no rows.")
    return replace(_with_characters_checked(table), reading=reading)


def _with_characters_checked(table: Table) -> Table:
    """Note characters that files cannot hold, and replace those of code 0.

    At these a spreadsheet ends a text. Half a character, such as a truncated emoji, is
    none in UTF-8.
    """
    cells, notes = table.cells.copy(deep=False), list(table.notes)
    for at, name in enumerate(table.cells):
        column = table.cells.iloc[:, at].tolist()
        of_column = f"{table.file}: cells of column {name!r} hold"
        if rows := [row for row, cell in enumerate(column) if "\0" in cell]:
            cells.isetitem(at, [cell.replace("\0", "\ufffd") for cell in column])
            notes.append(
                f"{of_column} the character of code 0, in rows {quoted(rows, 3)}; it "
                f"is read as '\ufffd'."
            )
        if not is_whole("".join(column)):
            # Bytes that are none were noted when the encoding was found.
            bare = [BAD_BYTE.sub("", cell) for cell in column]
            rows = [row for row, cell in enumerate(bare) if not is_whole(cell)]
            if not rows:
                continue
            notes.append(
                f"{of_column} half a character, in rows {quoted(rows, 3)}; it is read "
                f"as it is, and written with a backslash."
            )
    return replace(table, cells=cells, notes=tuple(notes))


def write_csv(frame: pd.DataFrame, path: Path, *, mark: bool = False) -> Path:
    """Write a table as CSV in UTF-8, every text in quotes, whole or not at all.

    Parameters
    ----------
    frame : pandas.DataFrame
        The table, of numbers and texts; its index is not written.
    path : path
        The file.
    mark : bool, default=False
        Whether to begin with a byte order mark, without which spreadsheets take the
        file for one in an encoding of old.

    Returns
    -------
    pathlib.Path
        The file.
    """
    data = csv_of(frame)
    commit(path, lambda file: file.write(b"\xef\xbb\xbf" * mark + data))
    return path


def write_corrected(
    table: Table,
    path: Path,
    columns: Mapping[str, NDArray[Any]],
    kept: NDArray[np.bool_],
    inputs: Sequence[Path] = (),
    *,
    force: bool = False,
) -> list[str]:
    """Write a file again with other labels and without some rows; all else as it was.

    Parameters
    ----------
    table : Table
        The file.
    path : path
        Where to write: ``-`` is the standard output. The suffix says as what, and how
        to compress it. Without one, as the file is, not compressed.
    columns : mapping of str to ndarray of str of shape (n_samples,)
        The columns of labels, and their cells.
    kept : ndarray of bool of shape (n_samples,)
        The rows to write.
    inputs : sequence of path, default=()
        Other files that must not be written over.
    force : bool, default=False
        Whether to replace any other file, also through a symbolic link.

    Returns
    -------
    list of str
        What the user should know: that the file was converted.

    Raises
    ------
    ValueError
        If path is one of the files that were read or has an unknown ending, a terminal
        cannot show the format, or it cannot hold the table.
    FileExistsError
        If there is such a file, without `force`.
    ImportError
        If the format needs a library that is not installed.
    OSError
        If it cannot be written.
    """
    for given in (table.path, *inputs):
        if path != STREAM and path.exists() and given.exists() and path.samefile(given):
            what = "the file itself" if given == table.path else f"{given} itself"
            raise ValueError(f"--out {path} is {what}; name another one.")
    if path != STREAM and path.is_file() and not force:
        raise FileExistsError(
            f"--out {path} exists. Name another file, or replace it with --force."
        )
    suffix, compression = endings(path)
    own = format_of(table.file.suffix)
    wanted = FORMATS.get(suffix, own)
    is_cells = own.patch is delimited.patch  # whose endings may be any
    if suffix not in ("", table.file.suffix, *FORMATS) and not is_cells:
        raise ValueError(
            f"--out {path} has an ending that is not known. Files to write end in "
            f"{', '.join(FORMATS)}."
        )
    if path == STREAM and not wanted.is_text and sys.stdout.isatty():
        raise ValueError(
            f"A terminal cannot show {wanted.name}. Send the standard output to a "
            f"file, or name one with --out."
        )
    notes = []
    if suffix in ("", table.file.suffix) or _is_like(table, own, wanted):
        data = own.patch(table, _places(table, columns), kept)
    else:
        data = wanted.write(_corrected(table, columns, kept))
        notes = [
            f"{path}: {table.file} was converted to {wanted.name}: its cells are the "
            f"same, how they are written is not."
        ]
    data = compressed(data, compression)
    if path == STREAM:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    else:
        commit(path, lambda file: file.write(data), follow=force)
    return notes


def _places(table: Table, columns: Mapping[str, NDArray[Any]]) -> NewCells:
    return {table.place(name): cells for name, cells in columns.items()}


def _is_like(table: Table, own: Format, wanted: Format) -> bool:
    """Whether a file is of the wanted kind already, whatever its suffix."""
    if own.patch is not delimited.patch or wanted.patch is not own.patch:
        return own is wanted
    _, dialect = table.source
    return (wanted is TSV) is bool(dialect.delimiter == "\t")


def _corrected(
    table: Table, columns: Mapping[str, NDArray[Any]], kept: NDArray[np.bool_]
) -> Table:
    """Table with other labels, of the types that the values of the file have."""
    places, own = _places(table, columns), format_of(table.file.suffix)
    if table.typed is not None:
        data = own.patch(table, places, kept)
        file = replace(table.file, compression="", held=data)
        return own.read(file, replace(table.reading, named=()))
    cells = table.cells.copy()
    for at, column in places.items():
        cells.isetitem(at, column)
    return replace(table, cells=cells[kept])


def files_of(path: Path) -> list[Path]:
    """Files of a folder, sorted by name; of a file, itself.

    Parameters
    ----------
    path : path
        The folder or file. In a folder, files whose names begin with a dot or an
        underscore do not count.

    Returns
    -------
    list of path

    Raises
    ------
    FileNotFoundError
        If a folder holds no files.
    ValueError
        If it holds files of several kinds, or of none that can be read.
    """
    if not path.is_dir():
        return [path]
    inside = sorted(p for p in path.iterdir() if p.name[0] not in "._")
    paths = [p for p in inside if p.is_file()]
    kinds = {p: endings(p)[0] for p in paths}
    if len({FORMATS[k].read if k in FORMATS else k for k in kinds.values()}) > 1:
        raise ValueError(
            f"{path} holds files of several kinds: "
            f"{', '.join(sorted(set(kinds.values())))}. Put those to be read in a "
            f"folder of their own, or name one file."
        )
    if not paths:
        raise FileNotFoundError(f"{path} holds no files to read.")
    if kinds[paths[0]] not in FORMATS:
        raise ValueError(
            f"{path} holds files with an ending that is not known, such as "
            f"{paths[0].name}. Files to read end in {', '.join(FORMATS)}."
        )
    return paths


def read_tables(
    paths: Sequence[Path], reading: Reading, kind: str | None = None
) -> Table:
    """Read several files as one; the first column says file and line of each row.

    Parameters
    ----------
    paths : sequence of path
        The files, and folders of files.
    reading, kind
        As in :func:`read_table`; each file needs all columns that are named.

    Returns
    -------
    Table
        With the columns of all files. With a single file, that of `read_table`.

    Raises
    ------
    ValueError, OSError
        As `read_table`. Also if a file is named twice.
    """
    files = [file for path in paths for file in files_of(path)]
    if len(files) == 1:
        return read_table(files[0], reading, kind)
    # A file may have several names: relative, absolute, those of links.
    if len({file.resolve() for file in files}) < len(files):
        raise ValueError(f"A file is named twice: {quoted(map(str, files))}.")
    tables: list[Table] = []
    for file in files:
        table = read_table(file, reading, kind)
        for name in reading.named:
            table.place(name)
        if tables and list(table.cells) != list(tables[0].cells)[:-1]:
            for each in (tables[0], table):  # which are put together by name
                for column in each.cells:
                    each.place(str(column))
        tables.append(with_places(table))
    cells = pd.concat([table.cells for table in tables], ignore_index=True)
    notes = tuple(note for table in tables for note in table.notes)
    return Table(tables[0].file, cells.where(cells.notna(), ""), notes=notes)


def with_places(table: Table) -> Table:
    """Table with one more column, ``PLACE``, that says file and line of each row."""
    lines = table.lines() if table.lines else range(1, len(table) + 1)
    cells = table.cells.copy()
    if PLACE in cells:
        raise ValueError(
            f"{table.file} has a column {PLACE!r}, which names the rows of several "
            f"files. Rename it, or map one file at a time."
        )
    cells[PLACE] = [f"{table.file}:{line}" for line in lines]
    return replace(table, cells=cells)
