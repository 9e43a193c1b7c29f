"""Parquet and Feather files of other people, read as text or as plain values."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_datamaps._io.delimited import Batches
from sklearn_datamaps._io.files import File
from sklearn_datamaps._io.reading import (
    NewCells,
    Reading,
    Table,
    escaped,
    new_values,
    text_of,
)


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


def open_feather(file: File) -> Any:
    """Open a Feather file, or say that it is none.

    Parameters
    ----------
    file : File
        The file: one of Arrow's, or a stream of its batches.

    Returns
    -------
    pyarrow.RecordBatchFileReader or pyarrow.RecordBatchStreamReader
    """
    import pyarrow as pa

    is_file = file.head(6) == b"ARROW1"
    reader = pa.ipc.open_file if is_file else pa.ipc.open_stream
    return _opened(file, "Feather", lambda data: reader(pa.BufferReader(data)))


def _opened(file: File, kind: str, reader: Callable[[Any], Any]) -> Any:
    import pyarrow as pa

    try:
        return reader(file.read() if kind == "Feather" else file.plain())
    except pa.ArrowException as error:
        raise ValueError(f"{file} cannot be read as {kind}: {error}") from error


def read_parquet(file: File, reading: Reading) -> Table:
    """Read a whole file; see :func:`sklearn_datamaps._io.tables.read_table`."""
    with open_parquet(file) as opened:
        return _table(file, opened.read())


def read_feather(file: File, reading: Reading) -> Table:
    """Read a whole file; see :func:`sklearn_datamaps._io.tables.read_table`."""
    return _table(file, open_feather(file).read_all())


def _table(file: File, source: Any) -> Table:
    names = source.column_names
    values = [
        [_named(value, classes) for value in column.to_pylist()]
        if (classes := class_names(source.schema, name))
        else column.to_pylist()
        for name, column in zip(names, source.columns, strict=True)
    ]
    cells = {at: [text_of(v) for v in column] for at, column in enumerate(values)}
    frame = pd.DataFrame(cells, dtype=object).set_axis(names, axis=1)
    return Table(file, frame, source, typed=values)


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


def patch(table: Table, columns: NewCells, kept: NDArray[np.bool_]) -> Any:
    """Arrow table with other cells and without some rows, in the same types.

    Parameters
    ----------
    table, columns, kept
        As in :func:`sklearn_datamaps._io.delimited.patch`.

    Returns
    -------
    pyarrow.Table
    """
    import pyarrow as pa

    source = table.source
    for at, cells in columns.items():
        column, before = source.column(at), table.cells.iloc[:, at].tolist()
        values = new_values(column.to_pylist(), before, cells)
        if classes := class_names(source.schema, source.column_names[at]):
            values = [_numbered(value, classes) for value in values]
        corrected = pa.chunked_array([pa.array(values, type=column.type)])
        source = source.set_column(at, source.schema.field(at), corrected)
    return source.filter(pa.array(kept))


def patch_parquet(table: Table, columns: NewCells, kept: NDArray[np.bool_]) -> bytes:
    """Bytes of a Parquet file with other cells, without some rows."""
    return _as_parquet(patch(table, columns, kept))


def patch_feather(table: Table, columns: NewCells, kept: NDArray[np.bool_]) -> bytes:
    """Bytes of a Feather file with other cells, without some rows."""
    return _as_feather(patch(table, columns, kept))


def as_parquet(table: Table) -> bytes:
    """Bytes of any table as Parquet."""
    return _as_parquet(arrow_of(table))


def as_feather(table: Table) -> bytes:
    """Bytes of any table as Feather."""
    return _as_feather(arrow_of(table))


def _as_parquet(table: Any) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    sink = pa.BufferOutputStream()
    parquet.write_table(table, sink)
    return bytes(sink.getvalue().to_pybytes())


def _as_feather(table: Any) -> bytes:
    import pyarrow as pa
    from pyarrow import feather

    sink = pa.BufferOutputStream()
    feather.write_feather(table, sink)
    return bytes(sink.getvalue().to_pybytes())


def arrow_of(table: Table) -> Any:
    """Arrow table of any table: of its values if a column's are of one type, else text.

    Parameters
    ----------
    table : Table
        The table.

    Returns
    -------
    pyarrow.Table
    """
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


def batches_of_parquet(
    file: File, reading: Reading, columns: Sequence[str] | None, size: int, needed: Any
) -> Batches:
    """Yield some rows after another as Arrow tables.

    Parameters
    ----------
    file, reading, columns, size, needed
        As in :func:`sklearn_datamaps._io.delimited.batches`.

    Yields
    ------
    batch : pyarrow.RecordBatch, or None if no row of its group is needed
    n_rows : int
    """
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


def batches_of_feather(
    file: File, reading: Reading, columns: Sequence[str] | None, size: int, needed: Any
) -> Batches:
    """Yield some rows after another as Arrow tables; see `batches_of_parquet`."""
    for batch in open_feather(file).read_all().to_batches(max_chunksize=size):
        yield batch, len(batch)
