"""JSON lines, or one JSON array of records, whose values know where they stand."""

import json
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_datamaps._io.delimited import Batches, check_unchanged
from sklearn_datamaps._io.reading import (
    Encoding,
    Reading,
    Table,
    find_encoding,
    text_of,
    warn_of,
)

SPACE = re.compile(r"[ \t\r\n]*+")
DECODER = json.JSONDecoder()

# Text of a piece of the file, and its record, if it is one.
Piece = tuple[str, dict[str, Any] | None]


def _pieces(path: Path, encoding: Encoding) -> Iterator[Piece]:
    """Yield the file piece by piece; all of them together are its text."""
    with encoding.open(path) as file:
        first = file.read(1)
        mark = first if first == "\ufeff" else ""
        if mark:
            yield mark, None
            first = file.read(1)
        while first in " \t\r\n" and first:
            yield first, None
            first = file.read(1)
        if first == "[":
            yield from _array(path, first + file.read())
            return
        # Not at other line ends: JSON text may hold them.
        number, rest = 0, first
        for line in _lines(file):
            text, rest = rest + line, ""
            number += 1
            yield text, _record(path, number, text) if text.strip() else None
        if rest.strip():
            yield rest, _record(path, number + 1, rest)


def _lines(file: Any) -> Iterator[str]:
    """Lines of a file up to each line feed."""
    held = ""
    for line in file:
        held += line
        if line.endswith("\n"):
            yield held
            held = ""
    if held:
        yield held


def _record(path: Path, number: int, text: str) -> dict[str, Any]:
    problem: Any = "not a JSON object"
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as error:
        record, problem = None, error
    if not isinstance(record, dict):
        raise ValueError(f"{path} is not JSON lines: record {number} is {problem}.")
    return record


def _array(path: Path, text: str) -> Iterator[Piece]:
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


def read(path: Path, reading: Reading) -> Table:
    """Read a whole file; see :func:`sklearn_datamaps._io.tables.read_table`."""
    encoding = find_encoding(path, reading.encoding)
    pieces: list[str] = []
    rows, records = [], []
    for text, record in _pieces(path, encoding):
        if record is not None:
            rows.append(len(pieces))
            records.append(record)
        pieces.append(text)
    columns = dict.fromkeys(name for record in records for name in record)
    cells = [[text_of(r.get(name)) for r in records] for name in columns]
    frame = pd.DataFrame(dict(enumerate(cells)), dtype=object)
    frame = frame.set_axis(pd.Index(list(columns), dtype=object), axis=1)
    return Table(path, frame, (encoding, pieces, rows), encoding.notes)


def patch(
    table: Table, at: int, labels: NDArray[Any], kept: NDArray[np.bool_]
) -> bytes:
    """Bytes of a file with other labels and without some rows; all else as it was.

    A new label is written as it stands in a row that has it.

    Parameters
    ----------
    table, at, labels, kept
        As in :func:`sklearn_datamaps._io.delimited.patch`.

    Returns
    -------
    bytes
    """
    encoding, pieces, rows = table.source
    check_unchanged(table.path, encoding, pieces)
    pieces = list(pieces)
    before = table.cells.iloc[:, at].to_numpy(dtype=object)
    name = table.cells.columns[at]
    row_of = {label: row for row, label in reversed([*enumerate(before.tolist())])}
    changed = np.flatnonzero(kept & (labels != before))
    written = {}
    for label in set(labels[changed].tolist()):
        text = pieces[rows[row_of[label]]]
        start, end = _value_span(text, name)
        written[label] = text[start:end]
    for row in changed:
        text = pieces[rows[row]]
        start, end = _value_span(text, name)
        pieces[rows[row]] = text[:start] + written[labels[row]] + text[end:]
    for row in np.flatnonzero(~kept):
        pieces[rows[row]] = ""
    first = next((rows[row] for row in np.flatnonzero(kept)), None)
    if first is not None and not kept[0]:
        # In an array, the comma stands before all records but the first.
        pieces[first] = re.sub(r"\A\s*,", "", pieces[first])
    return bytes(encoding.encode("".join(pieces)))


def _value_span(text: str, name: str) -> tuple[int, int]:
    """Where the value of a field stands in the text of a record."""
    at, found = text.index("{") + 1, (0, 0)
    while text[at := _skip(text, at)] != "}":
        at = _skip(text, at + (text[at] == ","))
        key, at = DECODER.raw_decode(text, at)
        start = _skip(text, _skip(text, at) + 1)
        _, at = DECODER.raw_decode(text, start)
        if key == name:  # of two of one name, the last counts
            found = start, at
    return found


def batches(
    path: Path, reading: Reading, columns: Sequence[str] | None, size: int, needed: Any
) -> Batches:
    """Yield the fields of some records after another, as plain values.

    Parameters
    ----------
    path, reading, columns, size, needed
        As in :func:`sklearn_datamaps._io.delimited.batches`.

    Yields
    ------
    columns : dict of lists, or None if no row is needed
    n_rows : int
    """
    encoding = find_encoding(path, reading.encoding)
    warn_of(encoding.notes)
    records = (record for _, record in _pieces(path, encoding) if record is not None)
    first = 0
    while part := list(islice(records, size)):
        stop = first + len(part)
        names = dict.fromkeys(name for record in part for name in record)
        table = {name: [record.get(name) for record in part] for name in names}
        yield (table if needed(first, stop) else None), len(part)
        first = stop
