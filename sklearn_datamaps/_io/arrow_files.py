"""Parquet and Feather files of other people, read as text or as plain values."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_datamaps._core.messages import quoted
from sklearn_datamaps._io.files import File
from sklearn_datamaps._io.reading import (
    Batches,
    NewCells,
    Reading,
    Table,
    escaped,
    nested,
    new_values,
)

FEATHER = (".feather", ".arrow")


def open_parquet(file: File) -> Any:
    """Open a Parquet file, or say that it is none.

    Parameters
    ----------
    file : File
        The file.

    Returns
    -------
    pyarrow.parquet.ParquetFile
    """
    import pyarrow.parquet as pq

    return _opened(file, "Parquet", pq.ParquetFile)


def _open_feather(file: File) -> Any:
    """Reader of a file of Arrow's, or of a stream of its batches."""
    import pyarrow as pa

    is_file = file.head(6) == b"ARROW1"
    reader = pa.ipc.open_file if is_file else pa.ipc.open_stream
    return _opened(file, "Feather", reader)


def _opened(file: File, kind: str, reader: Callable[[Any], Any]) -> Any:
    import pyarrow as pa

    try:
        return reader(file.plain())
    except pa.ArrowException as error:
        raise ValueError(f"{file} cannot be read as {kind}: {error}") from error


def read(file: File, reading: Reading) -> Table:
    """Read a whole file; see :func:`sklearn_datamaps._io.tables.read_table`."""
    if file.suffix in FEATHER:
        return _table(file, _open_feather(file).read_all(), reading)
    with open_parquet(file) as opened:
        return _table(file, opened.read(), reading)


def schema_of(file: File) -> Any:
    """Arrow schema of a file."""
    if file.suffix in FEATHER:
        return _open_feather(file).schema
    with open_parquet(file) as opened:
        return opened.schema_arrow


def _table(file: File, source: Any, reading: Reading) -> Table:
    names = source.column_names
    values = [
        [_named(value, classes) for value in column.to_pylist()]
        if (classes := class_names(source.schema, name))
        else column.to_pylist()
        for name, column in zip(names, source.columns, strict=True)
    ]
    inner = nested(dict(zip(names, values, strict=True)), reading.named)
    names, values = [*names, *map(".".join, inner)], [*values, *inner.values()]
    return Table.of_values(file, names, values, source=source)


def class_names(schema: Any, column: str) -> list[str] | None:
    """Names behind the integers of a column, as Hugging Face's datasets writes them.

    Parameters
    ----------
    schema : pyarrow.Schema
        That of the file.
    column : str
        The column: of such integers, or of lists of them.

    Returns
    -------
    list of str or None
        None if it has none.
    """
    written = (schema.metadata or {}).get(b"huggingface", b"{}")
    try:
        feature = json.loads(written)["info"]["features"][column]
        feature = feature[0] if isinstance(feature, list) else feature
        feature = feature.get("feature", feature)  # of what a list holds
        return list(map(str, feature["names"]))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        return None


def _named(value: Any, classes: Sequence[str]) -> Any:
    """Name of a class; -1 stands for none."""
    if isinstance(value, list):
        return [_named(entry, classes) for entry in value]
    if value is None or value == -1:
        return None
    return classes[value] if 0 <= value < len(classes) else value


def _numbered(value: Any, classes: Sequence[str]) -> Any:
    if isinstance(value, list):
        return [_numbered(entry, classes) for entry in value]
    return classes.index(value) if value in classes else value


def patch(table: Table, columns: NewCells, kept: NDArray[np.bool_]) -> bytes:
    """Bytes of a file with other cells and without some rows, in the same types.

    Parameters
    ----------
    table, columns, kept
        As in :func:`sklearn_datamaps._io.delimited.patch`.

    Returns
    -------
    bytes
    """
    import pyarrow as pa

    source = table.source
    for place, cells in columns.items():
        before, keys, at = table.cells.iloc[:, place].tolist(), [], place
        if place >= source.num_columns:  # a field of another column
            name, *keys = table.cells.columns[place].split(".")
            at = source.column_names.index(name)
        column = source.column(at)
        values = column.to_pylist()
        old = table.listed()[place] if keys else values
        new = new_values(old, before, cells)
        values = [_with(v, keys, n) for v, n in zip(values, new, strict=True)]
        if classes := class_names(source.schema, source.column_names[at]):
            values = [_numbered(value, classes) for value in values]
        try:
            corrected = pa.chunked_array([pa.array(values, type=column.type)])
        except (pa.ArrowException, TypeError) as error:
            new = sorted(set(map(str, cells)) - set(before))
            raise ValueError(
                f"The column {source.column_names[at]!r} is of type {column.type}, "
                f"which cannot hold {quoted(new)}. Write to a CSV."
            ) from error
        source = source.set_column(at, source.schema.field(at), corrected)
    return _bytes_of(source.filter(pa.array(kept)), table.file.suffix)


def _with(value: Any, keys: Sequence[str], new: Any) -> Any:
    """Value whose field is another one; without keys the new one itself."""
    if not keys:
        return new
    if not isinstance(value, dict):
        return value
    return value | {keys[0]: _with(value.get(keys[0]), keys[1:], new)}


def written(table: Table, suffix: str) -> bytes:
    """Bytes of any table as Parquet or Feather, as the suffix says."""
    return _bytes_of(_arrow_of(table), suffix)


def _bytes_of(table: Any, suffix: str) -> bytes:
    import pyarrow as pa
    from pyarrow import feather, parquet

    sink = pa.BufferOutputStream()
    write = feather.write_feather if suffix in FEATHER else parquet.write_table
    write(table, sink)
    return bytes(sink.getvalue().to_pybytes())


def _arrow_of(table: Table) -> Any:
    """Arrow table of any table; a column whose values differ in type becomes text."""
    import pyarrow as pa

    if isinstance(table.source, pa.Table):
        return table.source
    arrays = []
    for at, values in enumerate(table.listed()):
        try:
            arrays.append(pa.array(values))
        except (pa.ArrowException, UnicodeEncodeError, OverflowError, TypeError):
            arrays.append(pa.array(table.cells.iloc[:, at].map(escaped)))
    return pa.Table.from_arrays(arrays, [escaped(name) for name in table.cells])


def batches(
    file: File, reading: Reading, columns: Sequence[str] | None, size: int, needed: Any
) -> Batches:
    """Yield some rows after another as Arrow tables.

    Parameters
    ----------
    file, reading, columns, size, needed
        As in :func:`sklearn_datamaps._io.typed_rows.batches`.

    Yields
    ------
    batch : pyarrow.RecordBatch, or None if no row of its group is needed
    n_rows : int
    """
    if file.suffix in FEATHER:
        for batch in _open_feather(file).read_all().to_batches(max_chunksize=size):
            yield batch, len(batch)
        return
    with open_parquet(file) as opened:
        names = opened.schema_arrow.names
        # What is missing is named, among those that are there, when it is asked for.
        known = columns if columns and set(columns) <= set(names) else None
        first = 0
        for group in range(opened.num_row_groups):
            n_rows = opened.metadata.row_group(group).num_rows
            if not needed(first, first + n_rows):
                yield None, n_rows
            else:
                for batch in opened.iter_batches(size, [group], known):
                    yield batch, len(batch)
            first += n_rows
