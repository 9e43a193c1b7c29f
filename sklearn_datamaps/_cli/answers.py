"""The map's answer as tables that people open: the file with its map, and a review."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_datamaps._core.base_map import FRAME_COLUMNS, table_of
from sklearn_datamaps._core.registry import ATTRIBUTES, MEASURES
from sklearn_datamaps._data_map import DataMap
from sklearn_datamaps._io.reading import Table
from sklearn_datamaps._views.review import FORMULA, OWN

ADDED = ("predicted", *ATTRIBUTES, "region")
OF_AUDIT = ("suggested", "chance_wrong")


def reserved() -> set[str]:
    """Names that no carried column can have."""
    return {*FRAME_COLUMNS, *MEASURES, *OWN, *OF_AUDIT, "self", "text"}


def annotated(
    table: Table, positions: NDArray[np.intp], data_map: DataMap, frame: pd.DataFrame
) -> pd.DataFrame:
    """Return the whole file with what the map says of each row.

    Parameters
    ----------
    table : Table
        The file.
    positions : ndarray of int of shape (n_rows,)
        Where the rows that were mapped stand in it.
    data_map : DataMap
        Their map.
    frame : pandas.DataFrame
        Its table.

    Returns
    -------
    pandas.DataFrame
        Every row and column of the file, then predicted label, measures and region,
        empty where a row was left out; of several labels a row, of the one with the
        lowest confidence. One whose name the file has already begins with
        ``datamap_``.
    """
    # What is made of mean probabilities is a step on the way to label_quality.
    extra = data_map.extra_measures().items()
    measured = (n for n, measure in extra if not measure.needs or measure.held_out)
    shown = {*OF_AUDIT, *measured}
    added = [*ADDED, *(name for name in frame if name in shown)]
    if data_map.multilabel:  # the label that is believed least stands for the row
        added = ["label_name", *added]
        least = data_map.confidence.argmin(axis=1)
        frame = frame.iloc[np.arange(len(least)) * data_map.confidence.shape[1] + least]
    frame = frame[added].set_axis(positions).reindex(range(len(table)))
    taken = set(table.cells.columns)
    names = [f"datamap_{name}" if name in taken else name for name in added]
    return pd.concat([table.cells, frame.set_axis(names, axis=1)], axis=1)


def guarded(frame: pd.DataFrame) -> pd.DataFrame:
    """Put an apostrophe before the texts that a spreadsheet could run as a formula.

    Parameters
    ----------
    frame : pandas.DataFrame
        A review.

    Returns
    -------
    pandas.DataFrame
        A copy; numbers stay as they are, ``apply_review`` takes the apostrophe off.
    """

    def guard(value: Any) -> Any:
        return f"'{value}" if isinstance(value, str) and FORMULA.match(value) else value

    columns = {}
    for name in frame:
        values = frame[name].to_numpy()
        if values.dtype.kind not in "iufb":
            values = np.array([guard(value) for value in values.tolist()], dtype=object)
        columns[guard(name)] = values
    return table_of(columns)
