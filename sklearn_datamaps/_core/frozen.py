"""Arrays that nobody can write to, so that what maps share stays as it is."""

from typing import Any

import numpy as np
import pandas as pd

from sklearn_datamaps._core.arrays import Array


def frozen(values: Array) -> Array:
    """Array that nobody else holds, set read-only, so that a map need not copy it."""
    values.flags.writeable = False
    return values


def owned(values: Any) -> Array:
    """Read-only array of the map's own: a copy, unless nobody can write to it."""
    array = np.asarray(values)
    if not _is_frozen(array):
        array = frozen(np.array(array))
    return array.view()


def _is_frozen(array: Any) -> bool:
    """Whether an array and all that it is a view of are read-only."""
    while isinstance(array, np.ndarray):
        if array.flags.writeable:
            return False
        array = array.base
    return array is None


def owned_index(index: pd.Index) -> pd.Index:
    """Index of the map's own: a copy, unless nobody can write to it."""
    if isinstance(index, pd.RangeIndex | pd.MultiIndex) or _is_frozen(index.array):
        return index
    return index.copy(deep=True)
