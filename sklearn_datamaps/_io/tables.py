"""The one reader and writer of users' files: a format is one entry in ``FORMATS``."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_datamaps._core.atomic import commit
from sklearn_datamaps._core.messages import quoted
from sklearn_datamaps._io import delimited, json_files, parquet_files
from sklearn_datamaps._io.delimited import Batches
from sklearn_datamaps._io.reading import BAD_BYTE, Reading, Table, escaped


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
        From a path and a Reading to a Table.
    batches : callable
        From a path, a Reading, columns, a number of rows and which are needed to
        those rows, some at a time.
    patch : callable
        From a Table, the position of the label, labels and the rows to keep to bytes.
    write : callable or None
        From a frame to bytes, where a table of another format can be written as one.
    """

    name: str
    read: Callable[[Path, Reading], Table]
    batches: Callable[..., Batches]
    patch: Callable[..., bytes]
    write: Callable[[pd.DataFrame], bytes] | None = None


DELIMITED = Format(
    "CSV", delimited.read, delimited.batches, delimited.patch, write=csv_of
)
JSON = Format("JSON lines", json_files.read, json_files.batches, json_files.patch)
PARQUET = Format(
    "Parquet", parquet_files.read, parquet_files.batches, parquet_files.patch
)
FORMATS = {".parquet": PARQUET, ".pq": PARQUET, ".csv": DELIMITED}
TSV = replace(DELIMITED, name="TSV", write=partial(csv_of, delimiter="\t"))
FORMATS |= {".tsv": TSV}
FORMATS |= dict.fromkeys((".jsonl", ".ndjson", ".json"), JSON)


def format_of(path: Path) -> Format:
    """Format that the suffix tells; cells between delimiters if it tells none."""
    return FORMATS.get(path.suffix.lower(), DELIMITED)


def read_table(path: Path, reading: Reading | None = None) -> Table:
    """Read CSV, TSV and the like, JSON or Parquet, as the suffix says.

    Parameters
    ----------
    path : path
        The file.
    reading : Reading, default=None
        What is known of how to read it. None: nothing.

    Returns
    -------
    Table

    Raises
    ------
    ValueError
        If the file is not what its suffix says, has no rows, or a column whose name
        is no text.
    OSError
        If it cannot be read.
    """
    try:
        table = format_of(path).read(path, reading or Reading())
    except RecursionError:
        raise ValueError(f"{path} holds JSON nested too deeply to be read.") from None
    for name in table.cells.columns:
        if escaped(name) != name:
            raise ValueError(
                f"{path}: the name of column '{escaped(name)}' holds what is no "
                f"character. Rename it."
            )
    if not len(table):
        raise ValueError(f"{path} has no rows.")
    table = _without_nul(table)
    notes = _half_characters(table)
    return replace(table, notes=(*table.notes, *notes)) if notes else table


def _without_nul(table: Table) -> Table:
    """Replace the character of code 0, at which spreadsheets end a text."""
    found = [at for at in range(table.cells.shape[1]) if _has_nul(table, at)]
    if not found:
        return table
    cells, notes = table.cells.copy(), []
    for at in found:
        column = cells.iloc[:, at].to_numpy(dtype=object)
        rows = [row for row, cell in enumerate(column) if "\0" in cell]
        cells.isetitem(at, [cell.replace("\0", "\ufffd") for cell in column])
        notes.append(
            f"{table.path}: cells of column {cells.columns[at]!r} hold the character "
            f"of code 0, in rows {quoted(rows, 3)}; it is read as '\ufffd'."
        )
    return replace(table, cells=cells, notes=(*table.notes, *notes))


def _has_nul(table: Table, at: int) -> bool:
    return any("\0" in cell for cell in table.cells.iloc[:, at].tolist())


def _half_characters(table: Table) -> list[str]:
    """Note of texts that no file in UTF-8 can hold, as a truncated emoji is one."""
    notes = []
    for at, name in enumerate(table.cells.columns):
        cells = table.cells.iloc[:, at].tolist()
        try:
            "".join(cells).encode()
        except UnicodeEncodeError:
            # Bytes that are none were noted when the encoding was found.
            bare = [BAD_BYTE.sub("", cell) for cell in cells]
            rows = [row for row, cell in enumerate(bare) if escaped(cell) != cell]
            if not rows:
                continue
            notes.append(
                f"{table.path}: cells of column {name!r} hold half a character, in "
                f"rows {quoted(rows, 3)}; it is read as it is, and written with a "
                f"backslash."
            )
    return notes


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
    label: str,
    labels: NDArray[Any],
    kept: NDArray[np.bool_],
    inputs: Sequence[Path] = (),
    *,
    force: bool = False,
) -> None:
    """Write a file again with other labels and without some rows; all else as it was.

    Parameters
    ----------
    table : Table
        The file.
    path : path
        Where to write: a file of the same kind, or CSV.
    label : str
        Column of the labels.
    labels : ndarray of str of shape (n_samples,)
        Its cells.
    kept : ndarray of bool of shape (n_samples,)
        The rows to write.
    inputs : sequence of path, default=()
        Other files that must not be written over.
    force : bool, default=False
        Whether to replace any other file, also through a symbolic link.

    Raises
    ------
    ValueError
        If the suffix says another kind, or path is one of the files that were read.
    FileExistsError
        If there is such a file, without `force`.
    OSError
        If it cannot be written.
    """
    for given in (table.path, *inputs):
        if path.exists() and path.samefile(given):
            what = "the file itself" if given == table.path else f"{given} itself"
            raise ValueError(f"--out {path} is {what}; name another one.")
    if path.is_file() and not force:
        raise FileExistsError(
            f"--out {path} exists. Name another file, or replace it with --force."
        )
    own, wanted = format_of(table.path), format_of(path)
    at = list(table.cells.columns).index(label)
    if wanted.patch is own.patch:
        data = own.patch(table, at, labels, kept)
    elif wanted.write is not None:
        cells = table.cells.astype(object)
        cells.isetitem(at, labels)
        data = wanted.write(cells[kept])
    else:
        raise ValueError(
            f"--out {path}: {table.path} is not {wanted.name}; write to a CSV."
        )
    commit(path, lambda file: file.write(data), follow=force)
