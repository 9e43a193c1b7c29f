"""Some rows of a source, wherever they are, without the others."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from sklearn_datamaps._io.text_sources import Source, open_source


def read_rows(
    source: Any, rows: Any, *, columns: Sequence[str] | None = None
) -> pd.DataFrame:
    """Read some rows of a source: the texts of the hardest rows of a map, say.

    The source is read in a stream, as far as the last of the rows; what need not be
    read is left out where the source allows it (any row of a ``Dataset``, row groups
    of Parquet files).

    .. versionadded:: 0.1

    Parameters
    ----------
    source : Dataset, IterableDataset, str, path, DataFrame or iterable of batches
        As for :func:`vectorize_to_disk`; pairs have the columns "text" and "label".
    rows : array-like of int of shape (n_rows,)
        Positions of the rows, in any order, as ``DataMap.rank`` gives them.
    columns : sequence of str, default=None
        Columns to read. None: all.

    Returns
    -------
    DataFrame
        The rows in the order asked for, which its index repeats.

    Raises
    ------
    TypeError
        If the source is none of these.
    ValueError
        If rows are no whole numbers, a position is negative or beyond the last row, or
        there is no such column.
    FileNotFoundError
        If there is no such source.

    Examples
    --------
    >>> from sklearn_datamaps.out_of_core import read_rows
    >>> batches = [(["a", "b"], [0, 1]), (["c", "d"], [1, 1])]
    >>> read_rows(batches, [2, 0])
      text  label
    2    c      1
    0    a      0
    """
    if isinstance(columns, str):
        raise TypeError(f"columns must be a list of names; got the text {columns!r}.")
    asked = np.asarray(rows)
    if asked.size == 0:
        asked = asked.astype(np.intp)
    if asked.ndim != 1 or asked.dtype.kind not in "iu":
        raise ValueError(
            f"rows must be positions, whole numbers in one dimension; got "
            f"{asked.dtype} of shape {asked.shape}."
        )
    if (asked < 0).any():
        raise ValueError(f"rows must be >= 0; got {asked.min()}.")
    wanted = np.unique(asked)
    found = _take(open_source(source, "text", None), wanted, columns)
    table = pd.DataFrame(found, index=wanted)
    return table.loc[asked]


def _take(
    source: Source, wanted: Any, columns: Sequence[str] | None
) -> dict[str, list[Any]]:
    def needed(start: int, stop: int) -> bool:
        first, last = np.searchsorted(wanted, [start, stop])
        return bool(first < last)

    found: dict[str, list[Any]] = {name: [] for name in columns or ()}
    n_found = n_rows = 0
    for batch in source.batches(columns, needed):
        n_rows = batch.start + batch.n_rows
        first, last = np.searchsorted(wanted, [batch.start, n_rows])
        if batch.table is not None and first < last:
            inside = (wanted[first:last] - batch.start).tolist()
            for name in batch.names if columns is None else columns:
                # A column may be missing in some batches of JSON lines.
                values = found.setdefault(name, [None] * n_found)
                values.extend(batch.column(name, inside))
            n_found = int(last)
            for values in found.values():
                values.extend([None] * (n_found - len(values)))
        if n_found == len(wanted):
            return found
    if n_found < len(wanted):
        raise ValueError(
            f"rows has {wanted[-1]:,}, but the source has {n_rows:,} rows, 0 to "
            f"{n_rows - 1:,}."
        )
    return found
