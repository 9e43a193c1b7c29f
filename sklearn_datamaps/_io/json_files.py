"""JSON lines, or one JSON array of records, whose values know where they stand."""

import json
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_datamaps._io.files import Encoding, File, find_encoding
from sklearn_datamaps._io.reading import (
    Batches,
    Keys,
    NewCells,
    Pieces,
    Reading,
    Table,
    nested,
    reader_of,
    warn_of,
)

SPACE = re.compile(r"[ \t\r\n]*+")
DECODER = json.JSONDecoder()
LEADING = "\ufeff \t\r\n"  # what may stand before the first record

# Text of a piece of the file, and its record, if it is one.
Piece = tuple[str, dict[str, Any] | None]


def _pieces(path: File, encoding: Encoding) -> Iterator[Piece]:
    """Yield the file piece by piece; all of them together are its text."""
    # JSON text may hold other line ends.
    with encoding.open(path, newline="\n") as file:
        may_be_array = True  # until there is a record
        for number, line in enumerate(file, start=1):
            text = line.lstrip(LEADING) if may_be_array else line
            if len(text) < len(line):
                yield line.removesuffix(text), None
            if may_be_array and text.startswith("["):
                yield from _array(path, text + file.read())
                return
            if text.strip():
                may_be_array = False
                yield text, _record(path, number, text)
            elif text:
                yield text, None


def _record(path: File, number: int, text: str) -> dict[str, Any]:
    problem: Any = "not a JSON object"
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as error:
        record, problem = None, error
    if not isinstance(record, dict):
        raise ValueError(f"{path} is not JSON lines: record {number} is {problem}.")
    return record


def _array(path: File, text: str) -> Iterator[Piece]:
    """Pieces of an array: each record with what stands before it."""
    yield text[0], None
    start = at = 1
    number = 0
    try:
        while True:
            at = _skip(text, at)
            if not number and text[at : at + 1] == "]":
                break
            number += 1
            record, end = DECODER.raw_decode(text, at)
            if not isinstance(record, dict):
                raise ValueError("not a JSON object")
            yield text[start:end], record
            start, at = end, _skip(text, end)
            if text[at] == "]":
                break
            if text[at] != ",":
                raise ValueError("followed by neither a comma nor the end")
            at += 1
        if _skip(text, at + 1) != len(text):
            raise ValueError("followed by more than one array")
    except (ValueError, IndexError, RecursionError) as error:
        problem = "cut off" if isinstance(error, IndexError) else error
        raise ValueError(
            f"{path} is not a JSON array of records: record {number} is {problem}."
        ) from None
    yield text[start:], None


def _skip(text: str, at: int) -> int:
    return SPACE.match(text, at).end()  # type: ignore[union-attr] # always matches


def read(file: File, reading: Reading) -> Table:
    """Read a whole file; see :func:`sklearn_datamaps._io.tables.read_table`.

    A column that is named as ``data.text`` is the field ``text`` of the field ``data``,
    unless there is a field of just that name.
    """
    encoding = find_encoding(file, reading.encoding)
    pieces = Pieces(encoding)
    records = []
    for text, record in _pieces(file, encoding):
        if record is not None:
            pieces.rows.append(len(pieces.texts))
            records.append(record)
        pieces.texts.append(text)
    columns = dict.fromkeys(name for record in records for name in record)
    values = [[record.get(name) for record in records] for name in columns]
    inner = nested(dict(zip(columns, values, strict=True)), reading.named)
    keys: list[Keys] = [*((name,) for name in columns), *inner]
    values += inner.values()
    return Table.of_values(
        file,
        map(".".join, keys),
        values,
        source=(pieces, keys),
        notes=encoding.notes,
        lines=pieces.lines,
    )


def patch(table: Table, columns: NewCells, kept: NDArray[np.bool_]) -> bytes:
    """Bytes of a file with other cells and without some rows; all else as it was.

    A new value is written as it stands in a row that has it.

    Parameters
    ----------
    table, columns, kept
        As in :func:`sklearn_datamaps._io.delimited.patch`.

    Returns
    -------
    bytes
    """
    pieces, keys = table.source
    written: dict[tuple[int, str], str] = {}
    for at in columns:
        before = table.cells.iloc[:, at]
        for row in np.flatnonzero(~before.duplicated()):
            text = pieces.texts[pieces.rows[row]]
            start, end = _value_span(text, keys[at])
            written[at, before.iloc[row]] = text[start:end]

    readers = {at: reader_of(table.listed()[at]) for at in columns}

    def edit(text: str, at: int, cell: str) -> str:
        start, end = _value_span(text, keys[at])
        value = written.get((at, cell))
        value = value or json.dumps(readers[at](cell), ensure_ascii=False)
        return text[:start] + value + text[end:]

    edited = pieces.edited(table, columns, kept, edit)
    first = next((edited.rows[row] for row in np.flatnonzero(kept)), None)
    if first is not None and not kept[0]:
        # In an array, the comma stands before all records but the first.
        edited.texts[first] = re.sub(r"\A\s*,", "", edited.texts[first])
    return bytes(edited.encoded())


def _value_span(text: str, keys: Keys) -> tuple[int, int]:
    """Where the value of a field stands in the text of a record."""
    at, found = text.index("{") + 1, (0, 0)
    while text[at := _skip(text, at)] != "}":
        at = _skip(text, at + (text[at] == ","))
        key, at = DECODER.raw_decode(text, at)
        start = _skip(text, _skip(text, at) + 1)
        _, at = DECODER.raw_decode(text, start)
        if key == keys[0]:  # of two of one name, the last counts
            found = start, at
    if len(keys) > 1:
        start, end = found
        inner = _value_span(text[start:end], keys[1:])
        return start + inner[0], start + inner[1]
    return found


def written(table: Table, *, lines: bool) -> bytes:
    """Bytes of any table as JSON.

    Parameters
    ----------
    table : Table
        The table.
    lines : bool
        Whether to write one record a line; else one array of them.

    Returns
    -------
    bytes
    """
    names = list(table.cells.columns)
    records = [
        json.dumps(
            {n: None if v != v else v for n, v in zip(names, row, strict=True)},
            ensure_ascii=False,
            default=str,
        )
        for row in zip(*table.listed(), strict=True)
    ]
    text = "".join(f"{record}\n" for record in records)
    if not lines:
        text = "[\n" + ",\n".join(records) + "\n]\n"
    return text.encode("utf-8", "backslashreplace")  # half characters, as JSON has them


def batches(
    file: File, reading: Reading, columns: Sequence[str] | None, size: int, needed: Any
) -> Batches:
    """Yield the fields of some records after another, as plain values.

    Parameters
    ----------
    file, reading, columns, size, needed
        As in :func:`sklearn_datamaps._io.typed_rows.batches`.

    Yields
    ------
    columns : dict of lists, or None if no row is needed
    n_rows : int
    """
    encoding = find_encoding(file, reading.encoding)
    warn_of(encoding.notes)
    records = (record for _, record in _pieces(file, encoding) if record is not None)
    first = 0
    while part := list(islice(records, size)):
        stop = first + len(part)
        names = dict.fromkeys(name for record in part for name in record)
        table = {name: [record.get(name) for record in part] for name in names}
        yield (table if needed(first, stop) else None), len(part)
        first = stop
