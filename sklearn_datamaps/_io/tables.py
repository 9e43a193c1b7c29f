"""A user's file, read as text and written again."""

import csv
import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_datamaps._core.messages import quoted

DELIMITERS = (",", ";", "\t", "|")
SUFFIXES = {".parquet": "Parquet", ".pq": "Parquet"}
SUFFIXES |= dict.fromkeys((".jsonl", ".ndjson", ".json"), "JSON lines")


@dataclass(frozen=True)
class Table:
    """A file as it was read: every cell as text, and what writing it again needs."""

    path: Path
    cells: pd.DataFrame
    kind: str = "delimited"
    source: Any = None  # JSON lines: (line, record) pairs; Parquet: the Arrow table
    delimiter: str = ","
    encoding: str = "utf-8"
    newline: str = "\n"
    note: str | None = None  # what the user should know about the reading

    def __len__(self) -> int:
        return len(self.cells)

    def column(self, name: str) -> NDArray[Any]:
        """Cells of a column, an array of str; an error if there is not just one."""
        columns = list(self.cells.columns)
        if columns.count(name) != 1:
            close = [] if name in columns else get_close_matches(name, columns, 1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            count = "no column" if name not in columns else "more than one column"
            raise ValueError(
                f"{self.path} has {count} {name!r}; it has {quoted(columns)}.{hint}"
            )
        return self.cells.iloc[:, columns.index(name)].to_numpy(dtype=object)


def read_table(
    path: Path,
    *,
    named: Sequence[str] = (),
    delimiter: str | None = None,
    encoding: str | None = None,
) -> Table:
    """Read CSV, TSV and the like, JSON lines or Parquet, as the suffix says.

    Parameters
    ----------
    path : path
        The file.
    named : sequence of str, default=()
        Columns it should have; they help to find the delimiter.
    delimiter : str, default=None
        One character. None: the one of ``, ; tab |`` that fits the header best.
    encoding : str, default=None
        None: by a byte order mark, else UTF-8, else cp1252, else latin-1.

    Returns
    -------
    Table

    Raises
    ------
    ValueError
        If the file is not what its suffix says, or has no rows.
    OSError
        If it cannot be read.
    """
    kind = SUFFIXES.get(path.suffix.lower(), "delimited")
    if kind == "Parquet":
        table = _read_parquet(path)
    else:
        text, encoding, note = _decode(path, path.read_bytes(), encoding)
        read = _read_json_lines if kind == "JSON lines" else _read_delimited
        table = read(path, text, encoding, note, delimiter, named)
    if not len(table):
        raise ValueError(f"{path} has no rows.")
    return table


def _decode(
    path: Path, data: bytes, encoding: str | None
) -> tuple[str, str, str | None]:
    """Text of a file, the encoding, and a note when that was a guess."""
    if encoding is None and data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding = "utf-16"
    elif encoding is None and b"\0" in data[:4096]:
        raise ValueError(f"{path} is not a text file; if it is, name its --encoding.")
    is_utf8 = "utf-8-sig" if data[:3] == b"\xef\xbb\xbf" else "utf-8"
    tried = [encoding] if encoding else [is_utf8, "cp1252", "latin-1"]
    for name in tried:
        try:
            text = data.decode(name)
        except UnicodeDecodeError:
            continue
        except LookupError:
            raise ValueError(f"There is no --encoding {name!r}.") from None
        guess = encoding is None and name != is_utf8
        note = f"{path} is not UTF-8: read as {name}. If wrong, name its --encoding."
        return text, name, note if guess else None
    raise ValueError(f"{path} cannot be read as {tried[0]}; name its --encoding.")


def _read_delimited(
    path: Path,
    text: str,
    encoding: str,
    note: str | None,
    delimiter: str | None,
    named: Sequence[str],
) -> Table:
    if delimiter is None:
        delimiter = _find_delimiter(text[:65_536], named)
    elif len(delimiter) != 1:
        raise ValueError(f"--delimiter must be one character; got {delimiter!r}.")
    try:
        # The header as a row like any other, so that a row with more cells is an
        # error, and two columns of one name are two.
        cells = pd.read_csv(
            io.StringIO(text, newline=""),
            sep=delimiter,
            header=None,
            dtype=str,
            na_filter=False,
        )
    except pd.errors.EmptyDataError:
        raise ValueError(f"{path} is empty.") from None
    except pd.errors.ParserError as error:
        problem = str(error).removeprefix("Error tokenizing data. C error: ")
        raise ValueError(
            f"{path} cannot be read with the delimiter {delimiter!r}: {problem}"
        ) from None
    columns = cells.iloc[0].tolist()
    cells = cells.iloc[1:].reset_index(drop=True).set_axis(columns, axis=1)
    newline = "\r\n" if "\r\n" in text[:65_536] else "\n"
    return Table(path, cells, "delimited", None, delimiter, encoding, newline, note)


def _find_delimiter(sample: str, named: Sequence[str]) -> str:
    """Delimiter that gives the named columns, then even rows, then the most columns."""

    def fit(delimiter: str) -> tuple[int, int, int]:
        reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
        header, *rows = list(islice(filter(None, reader), 20)) or [[]]
        even = sum(len(row) == len(header) for row in rows)
        return len(set(named) & set(header)), even * (len(header) > 1), len(header)

    return max(DELIMITERS, key=fit)


def _read_json_lines(
    path: Path, text: str, encoding: str, note: str | None, *_: Any
) -> Table:
    # Not splitlines: JSON text may hold other line ends than these.
    lines = [line for line in re.split(r"\r?\n", text) if line.strip()]
    source = []
    for number, line in enumerate(lines, start=1):
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            record = None
        if not isinstance(record, dict):
            raise ValueError(
                f"{path} is not JSON lines: record {number} is not a JSON object."
            )
        source.append((line, record))
    columns = dict.fromkeys(name for _, record in source for name in record)
    cells = {name: [_text_of(r.get(name)) for _, r in source] for name in columns}
    frame = pd.DataFrame(cells, dtype=object)
    return Table(path, frame, "JSON lines", source, encoding=encoding, note=note)


def _read_parquet(path: Path) -> Table:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with path.open("rb") as file:
            source = parquet.read_table(file)
    except pa.ArrowInvalid as error:
        raise ValueError(f"{path} cannot be read as Parquet: {error}") from None
    listed = [[_text_of(v) for v in column.to_pylist()] for column in source.columns]
    cells = pd.DataFrame(dict(enumerate(listed)), dtype=object)
    cells = cells.set_axis(source.column_names, axis=1)
    return Table(path, cells, "Parquet", source)


def _text_of(value: Any) -> str:
    if value is None or value != value:
        return ""
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def is_empty(cells: NDArray[Any]) -> NDArray[np.bool_]:
    return np.array([not cell.strip() for cell in cells.tolist()], dtype=bool)


def write_csv(frame: pd.DataFrame, path: Path) -> Path:
    """Write a table as CSV in UTF-8, every text in quotes.

    Parameters
    ----------
    frame : pandas.DataFrame
        The table, of numbers and texts; its index is not written.
    path : path
        The file.

    Returns
    -------
    pathlib.Path
        The file.
    """
    import pyarrow as pa
    from pyarrow.csv import write_csv as write

    columns = [frame.iloc[:, at] for at in range(frame.shape[1])]
    arrays = [pa.array(column, from_pandas=True) for column in columns]
    names = [str(name) for name in frame.columns]
    with path.open("wb") as file:
        write(pa.Table.from_arrays(arrays, names), file)
    return path


def write_corrected(
    table: Table,
    path: Path,
    label: str,
    labels: NDArray[Any],
    kept: NDArray[np.bool_],
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

    Raises
    ------
    ValueError
        If the suffix says another kind, or path is the file itself.
    """
    kind = SUFFIXES.get(path.suffix.lower(), "delimited")
    if path.exists() and path.samefile(table.path):
        raise ValueError(f"--out {path} is the file itself; name another one.")
    if kind not in ("delimited", table.kind):
        raise ValueError(f"--out {path}: {table.path} is not {kind}; write to a CSV.")
    at = list(table.cells.columns).index(label)
    changed = labels != table.column(label)
    if kind == "Parquet":
        _write_parquet(table, path, at, labels, changed, kept)
    elif kind == "JSON lines":
        values = {_text_of(v := record.get(label)): v for _, record in table.source}
        lines = [
            json.dumps({**record, label: values[new]}, ensure_ascii=False)
            if other
            else line
            for (line, record), new, other in zip(
                table.source, labels, changed, strict=True
            )
        ]
        text = "".join(f"{lines[row]}\n" for row in np.flatnonzero(kept))
        path.write_bytes(text.encode(table.encoding))
    else:
        cells = table.cells.astype(object)
        cells.isetitem(at, labels)
        _write_delimited(table, cells[kept], path)


def _write_parquet(
    table: Table,
    path: Path,
    at: int,
    labels: NDArray[Any],
    changed: NDArray[np.bool_],
    kept: NDArray[np.bool_],
) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    column = table.source.column(at)
    values = column.to_pylist()
    by_text = {_text_of(value): value for value in values}
    for row in np.flatnonzero(changed):
        values[row] = by_text[labels[row]]
    corrected = pa.array(values, type=column.type)
    source = table.source.set_column(at, table.source.schema.field(at), corrected)
    parquet.write_table(source.filter(pa.array(kept)), path)


def _write_delimited(table: Table, cells: pd.DataFrame, path: Path) -> None:
    # The csv module of Python 3.11 and 3.12 leaves a lone carriage return unquoted.
    returns = any("\r" in cell for row in cells.to_numpy().T for cell in row.tolist())
    quoting: Any = csv.QUOTE_NONNUMERIC if returns else csv.QUOTE_MINIMAL
    cells.to_csv(
        path,
        index=False,
        sep=table.delimiter,
        encoding=table.encoding,
        lineterminator=table.newline,
        quoting=quoting,
    )
