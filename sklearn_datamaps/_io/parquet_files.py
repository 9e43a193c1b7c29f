"""Parquet files of other people, read as text or as plain values."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_datamaps._io.delimited import Batches
from sklearn_datamaps._io.reading import Reading, Table, text_of


def open_parquet(path: Path) -> Any:
    """Open a file, or say that it is none.

    Parameters
    ----------
    path : path
        The file.

    Returns
    -------
    pyarrow.parquet.ParquetFile
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path)
    except pa.ArrowException as error:
        raise ValueError(f"{path} cannot be read as Parquet: {error}") from error


def read(path: Path, reading: Reading) -> Table:
    """Read a whole file; see :func:`sklearn_datamaps._io.tables.read_table`."""
    with open_parquet(path) as file:
        source = file.read()
    listed = [[text_of(v) for v in column.to_pylist()] for column in source.columns]
    cells = pd.DataFrame(dict(enumerate(listed)), dtype=object)
    return Table(path, cells.set_axis(source.column_names, axis=1), source)


def patch(
    table: Table, at: int, labels: NDArray[Any], kept: NDArray[np.bool_]
) -> bytes:
    """Bytes of a file with other labels and without some rows, in the same types.

    Parameters
    ----------
    table, at, labels, kept
        As in :func:`sklearn_datamaps._io.delimited.patch`.

    Returns
    -------
    bytes
    """
    import pyarrow as pa
    from pyarrow import parquet

    column = table.source.column(at)
    values = column.to_pylist()
    by_text = {text_of(value): value for value in values}
    for row in np.flatnonzero(labels != table.cells.iloc[:, at]):
        values[row] = by_text[labels[row]]
    corrected = pa.array(values, type=column.type)
    source = table.source.set_column(at, table.source.schema.field(at), corrected)
    sink = pa.BufferOutputStream()
    parquet.write_table(source.filter(pa.array(kept)), sink)
    return bytes(sink.getvalue().to_pybytes())


def batches(
    path: Path, reading: Reading, columns: Sequence[str] | None, size: int, needed: Any
) -> Batches:
    """Yield some rows after another as Arrow tables.

    Parameters
    ----------
    path, reading, columns, size, needed
        As in :func:`sklearn_datamaps._io.delimited.batches`.

    Yields
    ------
    batch : pyarrow.RecordBatch, or None if no row of its group is needed
    n_rows : int
    """
    with open_parquet(path) as file:
        names = file.schema_arrow.names
        # What is missing is named, among those that are there, when it is asked for.
        known = columns if columns and set(columns) <= set(names) else None
        first = 0
        for group in range(file.num_row_groups):
            n_rows = file.metadata.row_group(group).num_rows
            if not needed(first, first + n_rows):
                yield None, n_rows
            else:
                for batch in file.iter_batches(size, [group], known):
                    yield batch, len(batch)
            first += n_rows
