"""Batch: some rows of a source of text, as its library holds them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np
import pandas as pd

BATCH_ROWS = 4096

# Whether any row from one position to before another is asked for.
Needed = Callable[[int, int], bool]


@dataclass(frozen=True)
class Batch:
    """Some rows that follow each other.

    Attributes
    ----------
    table : Arrow table, DataFrame, mapping of lists, or None
        The columns; None if no row of the batch is needed.
    n_rows : int
        How many rows.
    start : int
        Position of the first row in the source.
    place : str
        The file, if it is one.
    offset : int
        Position of the first row in that file, else in the source.
    """

    table: Any
    n_rows: int
    start: int
    place: str = ""
    offset: int = 0

    @property
    def names(self) -> list[str]:
        """Names of the columns."""
        if isinstance(self.table, Mapping):
            return list(self.table)
        if hasattr(self.table, "schema"):
            return list(self.table.schema.names)
        return list(self.table.columns)

    def column(self, name: str, rows: Sequence[int] | None = None) -> list[Any]:
        """Values of a column as plain Python objects, all or those of some rows."""
        if name not in self.names:
            close = get_close_matches(str(name), map(str, self.names), 1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise ValueError(
                f"{self.place or 'The source'} has no column {name!r}; it has "
                f"{', '.join(map(repr, self.names))}.{hint}"
            )
        values = self.table[name]
        if rows is None:
            return as_list(values)
        if isinstance(values, pd.Series):
            return as_list(values.iloc[list(rows)])
        if hasattr(values, "to_pylist"):
            return as_list(values.take(np.asarray(rows)))
        return as_list(values[row] for row in rows)


def as_list(values: Any) -> list[Any]:
    """Plain Python objects of an Arrow or NumPy array, a Series, a tensor or a list."""
    if hasattr(values, "to_pylist"):
        return list(values.to_pylist())
    return list(values.tolist() if hasattr(values, "tolist") else values)
