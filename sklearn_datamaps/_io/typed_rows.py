"""Cells between delimiters as plain values, some rows at a time, for large sources.

A column holds numbers, or true and false, if all cells of many rows do.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Any

from sklearn_datamaps._io.delimited import Delimited
from sklearn_datamaps._io.files import File, find_encoding
from sklearn_datamaps._io.reading import Batches, Reading, warn_of

# Rows, or characters of them, that tell whether a column holds numbers.
TYPED_ROWS, TYPED_CHARS = 65_536, 2**24
INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}").fullmatch
FRACTION = re.compile(
    r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
).fullmatch
TRUE_FALSE = {"true": True, "false": False}


def batches(
    file: File, reading: Reading, columns: Sequence[str] | None, size: int, needed: Any
) -> Batches:
    """Yield the columns of some rows after another, as plain values.

    Parameters
    ----------
    file : File
        The file.
    reading : Reading
        How to read it; the first column named holds texts.
    columns : sequence of str or None
        Those asked for. None: all.
    size : int
        Rows at a time.
    needed : callable
        Whether any row from one position to before another is asked for.

    Yields
    ------
    columns : dict of lists, or None if no row is needed
    n_rows : int
    """
    if not file.head(1):
        return
    encoding = find_encoding(file, reading.encoding)
    warn_of(encoding.notes)
    with encoding.open(file) as lines:
        opened = Delimited.open(file, reading, lines)
        names = opened.columns
        asked = names if columns is None else columns
        rows: Iterator[list[str]]
        rows = (cells for _, cells in opened.rows() if cells is not None)
        head: list[list[str]] = []
        n_chars = 0
        while n_chars < TYPED_CHARS and len(head) < TYPED_ROWS:
            row = next(rows, None)
            if row is None:
                break
            head.append(row)
            n_chars += sum(map(len, row))
        value, texts = opened.dialect.value, reading.named[:1]
        types = {
            at: str if name in texts else _type_of([value(row[at]) for row in head])
            for at, name in enumerate(names)
            if name in asked
        }
        first = 0
        rows = chain(head, rows)
        while part := list(islice(rows, size)):
            stop = first + len(part)
            table = None
            if needed(first, stop):
                table = {
                    names[at]: [_typed(kind, row[at], value, names[at]) for row in part]
                    for at, kind in types.items()
                }
                # What is missing is named, among those that are there, by the caller.
                table = {name: table.get(name, []) for name in names}
            yield table, len(part)
            first = stop
    warn_of(opened.notes())


def _type_of(values: Sequence[str]) -> type:
    """What all values that are not missing can be read as."""
    known = [value for value in values if value != ""]
    if known and all(map(INTEGER, known)):
        return int
    if known and all(map(FRACTION, known)) and not all(map(str.isdigit, known)):
        return float
    if known and all(value.lower() in TRUE_FALSE for value in known):
        return bool
    return str


def _typed(kind: type, raw: str, value: Any, name: str) -> Any:
    """Value of a cell; nothing at all is None, and nothing in quotes a text."""
    if raw == "":
        return None
    text = value(raw)
    if kind is str:
        return text
    try:
        return TRUE_FALSE[text.lower()] if kind is bool else kind(text)
    except (KeyError, ValueError):
        raise ValueError(
            f"column {name!r} holds {text!r}, but only {kind.__name__} before"
        ) from None
