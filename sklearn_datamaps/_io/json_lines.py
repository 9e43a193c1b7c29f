"""JSON lines of known fields to arrays: a chunk at a time, errors with the line."""

import json
import math
from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from sklearn_datamaps._io.files import File

# What a field holds: int, str or float; a number n stands for a list of n numbers.
Kind = type | int
Fields = Mapping[str, Kind]

# Bytes of a file in memory at a time; Arrow's tables of them take about as much again.
CHUNK_BYTES = 2**23
# Bytes that one thread parses. A record must fit in.
BLOCK_BYTES = 2**20


def read_json_lines(path: Path, fields: Fields) -> Iterator[dict[str, Any]]:
    """Yield the fields of a file's records, some thousand records at a time.

    Parameters
    ----------
    path : path
        The file, in UTF-8; blank lines and a byte order mark do not count.
    fields : mapping of str to kind
        The fields to read, which every record must have; others are ignored.

    Yields
    ------
    dict
        For each field an ndarray of shape (n_records,) of int64 or float64, of shape
        (n_records, n) of float64 for lists, or a Series of str.

    Raises
    ------
    ValueError
        If a line is no JSON object, lacks a field, or holds something else in it: the
        message names the file, the line, and the record's ``guid`` if it has one.
        Numbers must be finite.
    """
    first_line = 1
    with _opened(path) as file:
        while chunk := file.read(CHUNK_BYTES):
            chunk += file.readline()
            yield _parse(path, chunk, first_line, fields)
            first_line += chunk.count(b"\n")


def first_record(path: Path) -> dict[str, Any]:
    """Return the first record of a file, whatever it holds.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If it is no JSON object, or the file has none.
    """
    with _opened(path) as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                record, fault = _load(line)
                if fault:
                    raise ValueError(f"{path}, line {number} {fault}.")
                return record
    raise ValueError(f"{path} is empty: it has no rows.")


def _opened(path: Path) -> BinaryIO:
    """Open a file past its byte order mark, which is no JSON."""
    file = File.of(path)
    opened = file.open()
    if file.head(len(BOM_UTF8)) == BOM_UTF8:
        opened.read(len(BOM_UTF8))
    return opened


def _parse(
    path: Path, chunk: bytes, first_line: int, fields: Fields
) -> dict[str, NDArray[Any]]:
    from pyarrow import ArrowInvalid

    problem: Any = "cannot be read"
    for block in (BLOCK_BYTES, len(chunk) + 1):  # a record may be longer than a block
        try:
            arrays = _arrays(chunk, fields, block)
        except ArrowInvalid as error:
            problem = error
            continue
        if arrays is None:
            break
        return arrays
    # Arrow names neither line nor guid: look for the fault line by line.
    for number, line in enumerate(chunk.split(b"\n"), start=first_line):
        if line.strip():
            _check_line(f"{path}, line {number}", line, fields)
    raise ValueError(f"{path}, from line {first_line} on: {problem}.")


def _arrays(chunk: bytes, fields: Fields, block: int) -> dict[str, Any] | None:
    """Parse with Arrow; None if a value is missing, not finite or of another length."""
    import pyarrow as pa
    from pyarrow import json as arrow_json

    types: dict[Kind, Any] = {int: pa.int64(), float: pa.float64(), str: pa.string()}
    of_numbers = pa.list_(pa.float64())
    schema = [(name, types.get(kind, of_numbers)) for name, kind in fields.items()]
    table = arrow_json.read_json(
        pa.BufferReader(chunk),
        read_options=arrow_json.ReadOptions(block_size=block),
        parse_options=arrow_json.ParseOptions(
            explicit_schema=pa.schema(schema), unexpected_field_behavior="ignore"
        ),
    )
    arrays: dict[str, Any] = {}
    for name, kind in fields.items():
        column = table[name]
        if column.null_count:
            return None
        if kind is str:
            column.validate(full=True)  # is it UTF-8?
            arrays[name] = column.to_pandas()
            continue
        if isinstance(kind, int):
            if any((np.diff(part.offsets) != kind).any() for part in column.chunks):
                return None
            parts = [part.flatten() for part in column.chunks]
        else:
            parts = column.chunks
        # A missing value in a list becomes NaN.
        values = np.concatenate([part.to_numpy(zero_copy_only=False) for part in parts])
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            return None
        arrays[name] = values.reshape(-1, kind) if isinstance(kind, int) else values
    return arrays


def _check_line(where: str, line: bytes, fields: Fields) -> None:
    from pyarrow import ArrowInvalid

    record, fault = _load(line)
    if fault:
        raise ValueError(f"{where} {fault}.")
    if "guid" in record:
        where += f" (guid {record['guid']!r})"
    for name, kind in fields.items():
        if name not in record:
            raise ValueError(
                f"{where} has no {name!r}; it has {', '.join(record) or 'nothing'}."
            )
        fault = _fault(record[name], kind)
        if fault:
            raise ValueError(f"{where}: {name} {fault}.")
    try:  # Arrow is stricter
        _arrays(line, fields, len(line) + 1)
    except ArrowInvalid as error:
        problem = str(error).removesuffix(" in row 0")
        raise ValueError(f"{where}: {problem}") from None


def _load(line: bytes) -> tuple[dict[str, Any], str]:
    """Record of a line, and what is wrong with it, if anything."""
    try:
        record = json.loads(line.decode())
    except UnicodeDecodeError as error:
        return {}, f"is not UTF-8 ({error}): save the file in UTF-8"
    except (ValueError, RecursionError) as error:
        return {}, f"is not JSON: {error}"
    if not isinstance(record, dict):
        return {}, f"is no JSON object, but {_short(record)}"
    return record, ""


def _fault(value: Any, kind: Kind) -> str:
    """Say what is wrong with a value, in words that follow the name of the field."""
    if kind is str:
        return "" if isinstance(value, str) else f"is {_short(value)}, no text"
    if kind is int:
        if type(value) is not int:
            return f"is {_short(value)}, no integer"
        fits = -(2**63) <= value < 2**63
        return "" if fits else f"is {value}, more than 64 bits hold: write it as text"
    if kind is float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return f"is {_short(value)}, no number"
        return "" if math.isfinite(value) else f"is {_short(value)}, not finite"
    if not isinstance(value, list):
        return f"is {_short(value)}, no list of {kind} numbers"
    if len(value) != kind:
        return f"has {len(value)} values, not {kind}"
    if None in value:  # what pandas writes for both
        return "holds null: it was NaN or infinite when it was written"
    return next((f"has a value that {f}" for v in value if (f := _fault(v, float))), "")


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:37]}..."
