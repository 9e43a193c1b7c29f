"""One Parquet file for one data map: a column per array, the rest as metadata."""

import io
import json
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import numpy as np
import pandas as pd

from sklearn_datamaps._core.atomic import commit
from sklearn_datamaps._core.base_map import BaseDataMap

M = TypeVar("M", bound=BaseDataMap)
Escaped = dict[str, dict[int, str]]  # texts that Parquet cannot hold, by name and row

KEY = b"sklearn_datamaps"
MARK = b"datamaps"  # before the footer and the checksum of all else
TAIL, CHUNK = 8, 2**24  # bytes at the end: length of the footer, PAR1
FORMAT = 1
SCALARS = ("confidence", "variability", "correctness", "label", "predicted")
OPTIONAL = ("_margin", "_margin_std")
INDEX = "index"
# Bytes that may be claimed by any file, and times its size by a larger one: the
# measures of a map hardly pack at all.
LARGE, MOST_UNPACKED = 2**28, 1000
ROUNDING = 1e-6  # of float32


def write(data_map: BaseDataMap, path: str | Path) -> None:
    """Write a map; see :meth:`sklearn_datamaps.DataMap.to_parquet`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrays = {f"map:{name}": getattr(data_map, name) for name in SCALARS}
    for name in OPTIONAL:
        if getattr(data_map, name) is not None:
            arrays[f"map:{name}"] = getattr(data_map, name)
    if data_map.trajectories is not None:
        arrays["map:trajectories"] = np.moveaxis(data_map.trajectories, 0, -1)
    arrays |= {f"measure:{name}": v for name, v in data_map.measures.items()}
    arrays |= {f"column:{name}": v for name, v in data_map.columns.items()}

    # Text as type of the column names, or pandas takes "map:label" for a number.
    no_columns = pd.Index([], dtype=object)
    escaped: Escaped = {}

    def named(index: pd.Index) -> Any:
        try:
            return pa.Table.from_pandas(pd.DataFrame(index=index, columns=no_columns))
        except (pa.ArrowException, OverflowError) as error:
            raise _of_several_types(INDEX, index.to_numpy()) from error

    try:
        table = named(data_map.index)
    except UnicodeEncodeError:
        names = _escape(data_map.index.to_numpy(), INDEX, escaped)
        table = named(pd.Index(names, name=_written(data_map.index.name)))
    for name, values in arrays.items():
        table = table.append_column(name, _to_arrow(values, name, escaped))
    description = {
        "format": FORMAT,
        "n_epochs": data_map.n_epochs,
        "classes": data_map.classes.tolist(),
        "classes_dtype": data_map.classes.dtype.str,
        "meta": dict(data_map.meta),
        "shapes": {name: list(v.shape[1:]) for name, v in arrays.items()},
        "dtypes": {name: v.dtype.str for name, v in arrays.items()},
        # Lone surrogates, which Parquet cannot hold and JSON can: by name and row.
        "escaped": escaped,
    }
    ours = json.dumps(description, default=_plain).encode()
    metadata = {**(table.schema.metadata or {}), KEY: ours}
    table = table.replace_schema_metadata(metadata)
    sink = io.BytesIO()
    pq.write_table(table, sink, write_page_checksum=True)
    content = sink.getbuffer()
    # Parquet has checksums of pages, none of what says where and what they are; a bit
    # of that flipped can end the process in pyarrow. No reader looks before it.
    at = _footer(content[-TAIL:], len(content))
    parts = content[:at], content[at:]
    crc32 = zlib.crc32(parts[1], zlib.crc32(parts[0]))
    mark = MARK + crc32.to_bytes(4, "little")
    commit(Path(path), lambda file: file.writelines([parts[0], mark, parts[1]]))


def _footer(tail: Any, size: int) -> int:
    """Where the footer of a Parquet file begins, which tells its length at the end."""
    return size - TAIL - int.from_bytes(tail[:4], "little")


def _plain(value: Any) -> Any:
    """Turn what JSON does not know into a plain number or list, else into text."""
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else str(value)


def _escape(values: np.ndarray, name: str, escaped: Escaped) -> np.ndarray:
    """Texts with lone surrogates written out; what they were is noted by row."""
    values = values.astype(object)
    found = {}
    for row, text in enumerate(values):
        if isinstance(text, str) and (written := _written(text)) != text:
            found[row], values[row] = text, written
    escaped[name] = found
    return values


def _written(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    return text.encode("utf-8", "backslashreplace").decode()


def _to_arrow(values: np.ndarray, name: str, escaped: Escaped) -> Any:
    import pyarrow as pa

    # Among objects, NaN and pd.NA are missing values like None.
    def convert(values: np.ndarray) -> Any:
        try:
            return pa.array(values, from_pandas=values.dtype == object)
        except (pa.ArrowException, OverflowError) as error:
            raise _of_several_types(name, values) from error

    try:
        flat = convert(values.reshape(-1))
    except UnicodeEncodeError:
        flat = convert(_escape(values.reshape(-1), name, escaped))
    if values.ndim == 1:
        return flat
    return pa.FixedSizeListArray.from_arrays(flat, int(np.prod(values.shape[1:])))


def _of_several_types(name: str, values: np.ndarray) -> ValueError:
    """Return the error for values that no one type of Parquet holds."""
    known = values[~pd.isna(values)]
    kinds = ", ".join(sorted({type(value).__name__ for value in known}))
    what = "index" if name == INDEX else f"column {name.split(':', 1)[-1]!r}"
    return ValueError(
        f"The {what} of the map holds values of the types {kinds}, for which Parquet "
        f"has no common type. Make all of them text, say, and write again."
    )


def read(kind: type[M], path: str | Path) -> M:
    """Read a map; see :meth:`sklearn_datamaps.DataMap.from_parquet`."""
    with Path(path).open("rb") as file:
        with _refusing_damage(path):
            _check_crc32(file)
            table = _table(file)
        description = _description(table, path)
        with _refusing_damage(path):
            data_map = _map_of(kind, table, description)
            _check_values(data_map)
    return data_map


@contextmanager
def _refusing_damage(path: str | Path) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    # Whatever JSON, pyarrow, pandas and NumPy come upon in what was not checked.
    except (
        *(pa.ArrowException, OSError, ValueError, TypeError),
        *(LookupError, AttributeError, RecursionError),
    ) as error:
        raise ValueError(
            f"{path} is damaged, or no data map ({error}). Write the map again: "
            f"DataMap.to_parquet."
        ) from error


def _check_crc32(file: BinaryIO) -> None:
    """Compare the checksum of a file, unless another program has written it anew."""
    size = file.seek(0, os.SEEK_END)
    if size < TAIL:
        raise ValueError(f"it has {size} bytes")
    file.seek(-TAIL, os.SEEK_END)
    at = _footer(file.read(TAIL), size) - len(MARK) - 4
    file.seek(max(at, 0))
    mark = file.read(len(MARK) + 4)
    if not mark.startswith(MARK):
        return
    file.seek(0)
    crc32, left = 0, at
    while left and (chunk := file.read(min(left, CHUNK))):
        crc32, left = zlib.crc32(chunk, crc32), left - len(chunk)
    file.seek(at + len(mark))
    while chunk := file.read(CHUNK):
        crc32 = zlib.crc32(chunk, crc32)
    if mark != MARK + crc32.to_bytes(4, "little"):
        raise ValueError("its checksum differs")


def _table(file: BinaryIO) -> Any:
    """Read the table, unless it is far too large for what the file can hold."""
    import pyarrow.parquet as pq

    opened = pq.ParquetFile(file, page_checksum_verification=True)
    metadata = opened.metadata
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    columns = [group.column(i) for group in groups for i in range(group.num_columns)]
    claimed = sum(max(c.total_uncompressed_size, 8 * c.num_values) for c in columns)
    size = os.fstat(file.fileno()).st_size
    if claimed > max(LARGE, MOST_UNPACKED * size):
        raise ValueError(
            f"its {size:,} bytes claim to hold {claimed:,}, which no map packs so well"
        )
    return opened.read()


def _description(table: Any, path: str | Path) -> dict[str, Any]:
    metadata = table.schema.metadata or {}
    if KEY not in metadata:
        raise ValueError(
            f"{path} is a Parquet file, but no data map: it lacks the metadata that "
            f"DataMap.to_parquet writes."
        )
    with _refusing_damage(path):
        description: dict[str, Any] = json.loads(metadata[KEY])
        version = int(description["format"])
    if version > FORMAT:
        raise ValueError(
            f"{path} was written in format {version}; this version reads up to "
            f"{FORMAT}. Upgrade sklearn-datamaps."
        )
    return description


def _map_of(kind: type[M], table: Any, description: dict[str, Any]) -> M:
    arrays = {
        name: _to_numpy(table[name], shape, description["dtypes"][name])
        for name, shape in description["shapes"].items()
    }

    index = table.drop_columns(list(arrays)).to_pandas().index
    for name, rows in description.get("escaped", {}).items():
        values = index.to_numpy(dtype=object) if name == INDEX else arrays[name]
        values = np.array(values, dtype=object)
        for row, text in rows.items():
            values[int(row)] = text
        if name == INDEX:
            index = pd.Index(values, dtype=object, name=index.name)
        else:
            arrays[name] = values.astype(description["dtypes"][name])

    def part(prefix: str) -> dict[str, np.ndarray]:
        return {
            name.removeprefix(prefix): values
            for name, values in arrays.items()
            if name.startswith(prefix)
        }

    core = part("map:")
    if "trajectories" in core:
        core["trajectories"] = np.moveaxis(core["trajectories"], -1, 0)
    return kind(
        **core,
        classes=np.array(
            description["classes"], dtype=np.dtype(description["classes_dtype"])
        ),
        n_epochs=description["n_epochs"],
        index=index,
        measures=part("measure:"),
        columns=part("column:"),
        meta=description["meta"],
    )


def _check_values(data_map: BaseDataMap) -> None:
    """Refuse what no map can hold: measures out of their range, labels of no class."""
    n_epochs, shape = data_map.n_epochs, data_map.confidence.shape
    if type(n_epochs) is not int or n_epochs < 0:
        raise ValueError(f"n_epochs is {n_epochs!r}")
    for name, largest in (("confidence", 1), ("variability", 0.5), ("correctness", 1)):
        values = getattr(data_map, name)
        if values.dtype.kind != "f" or values.shape != shape:
            raise ValueError(f"{name} is {values.dtype} of shape {values.shape}")
        # Rounding may lead a little beyond; of rows never recorded there is nothing.
        if ((values < -ROUNDING) | (values > largest + ROUNDING)).any():
            raise ValueError(f"{name} is not between 0 and {largest}")
    for name in ("label", "predicted"):
        labels = getattr(data_map, name)
        if labels.shape != shape:
            raise ValueError(f"{name} is of shape {labels.shape}")
    if len(data_map.index) != len(data_map.confidence):
        raise ValueError(f"{len(data_map.index)} names for {shape[0]} rows")
    classes = data_map.classes
    if classes.ndim != 1 or (data_map.multilabel and len(classes) != shape[1]):
        raise ValueError(f"classes are of shape {classes.shape}")
    if len(classes) and not data_map.multilabel and (data_map.label_codes() < 0).any():
        raise ValueError("there are labels that are none of its classes")
    for name, values in {**data_map.measures, **data_map.columns}.items():
        if len(values) != shape[0]:
            raise ValueError(f"{name} is of shape {values.shape}")
    if data_map.trajectories is not None and data_map.trajectories.shape[1:] != shape:
        raise ValueError(f"trajectories are of shape {data_map.trajectories.shape}")


def _to_numpy(column: Any, shape: list[int], dtype: str) -> np.ndarray:
    import pyarrow as pa

    chunk = column.combine_chunks()
    if isinstance(chunk, pa.ChunkedArray):
        chunk = pa.concat_arrays(chunk.chunks)
    if shape:
        chunk = chunk.flatten()
    if np.dtype(dtype) == object:
        # to_numpy would make floats of integers beside None.
        values = np.fromiter(chunk.to_pylist(), dtype=object, count=len(chunk))
    else:
        values = chunk.to_numpy(zero_copy_only=False).astype(dtype, copy=False)
    return values.reshape(-1, *shape) if shape else values
