"""The rows of a user's file made into what a learner takes, and the map's answer."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_datamaps._core.base_map import FRAME_COLUMNS
from sklearn_datamaps._core.messages import quoted
from sklearn_datamaps._core.registry import ATTRIBUTES, MEASURES
from sklearn_datamaps._data_map import DataMap
from sklearn_datamaps._io.tables import Table, is_empty
from sklearn_datamaps._views.review import OWN

FORMULA = re.compile(r"[=+\-@\t\r\n]")  # what begins one in a spreadsheet
# A label with more values than this is looked at for being a number or a name.
FEW_CLASSES = 20
# Of a column of numbers, written where there is none.
NO_NUMBER = {"", "na", "n/a", "nan", "null", "none", "?"}
ADDED = ("predicted", *ATTRIBUTES, "region")
OF_AUDIT = ("suggested", "chance_wrong")


@dataclass(frozen=True)
class LabelledRows:
    """The rows that can be mapped."""

    positions: NDArray[np.intp]
    labels: NDArray[Any]
    index: pd.Index
    left_out: dict[str, int]  # number of rows by what they lack


def select_rows(
    table: Table, label: str, text: str | None = None, name: str | None = None
) -> LabelledRows:
    """Select the rows that can be mapped: those with a label and a text.

    Parameters
    ----------
    table : Table
        The file.
    label, text, name : str
        Columns of the labels, the texts (None: no texts) and the names of the rows
        (None: their number, from 0).

    Returns
    -------
    LabelledRows

    Raises
    ------
    ValueError
        If a column is missing, the names repeat, there are not two classes, or the
        label is rather a number or a name.
    """
    labels = table.column(label)
    names = row_names(table, name)
    unlabelled = is_empty(labels)
    textless = np.zeros(len(table), dtype=bool)
    if text is not None:
        textless = is_empty(table.column(text)) & ~unlabelled
    positions = np.flatnonzero(~(unlabelled | textless))
    left_out = {"label": int(unlabelled.sum()), "text": int(textless.sum())}
    labels = labels[positions]
    _check_labels(label, labels)
    return LabelledRows(positions, labels, names[positions], left_out)


def row_names(table: Table, name: str | None) -> pd.Index:
    if name is None:
        return pd.RangeIndex(len(table), name="row")
    index = pd.Index(table.column(name), dtype=object, name=name)
    doubtful = index.duplicated() | is_empty(index.to_numpy())
    if doubtful.any():
        raise ValueError(
            f"--id: column {name!r} holds {index[doubtful][0]!r} more than once or "
            f"empty cells. Leave --id out to name the rows by their number."
        )
    return index


def _check_labels(name: str, labels: NDArray[Any]) -> None:
    classes = pd.unique(labels)
    if len(classes) < 2:
        raise ValueError(
            f"Column {name!r} holds one class only ({quoted(classes)}) in the "
            f"{len(labels):,} rows that can be mapped; a map needs at least two."
        )
    numbers = pd.to_numeric(pd.Series(classes), errors="coerce")
    is_real = bool(numbers.notna().all() and (numbers % 1 != 0).any())
    if len(classes) > FEW_CLASSES and (is_real or len(classes) > len(labels) / 2):
        kind = "numbers (it looks continuous)" if is_real else "values"
        raise ValueError(
            f"Column {name!r} holds {len(classes):,} different {kind} in "
            f"{len(labels):,} rows, such as {quoted(classes[:3])}; a label has few. "
            f"Name another column, or put the values in groups first."
        )


def text_features(texts: Sequence[str]) -> Any:
    """TF-IDF of words and pairs of words, as a sparse matrix.

    Parameters
    ----------
    texts : sequence of str
        The texts.

    Returns
    -------
    scipy.sparse matrix of shape (n_samples, n_features)

    Raises
    ------
    ValueError
        If there is no word in them.
    """
    vectorizer = TfidfVectorizer(ngram_range=(1, 2))
    try:
        return vectorizer.fit_transform(texts)
    except ValueError as error:
        raise ValueError(
            f"The {len(texts):,} texts hold no word of two letters or more: nothing to "
            f"learn from. The first is {str(texts[0])[:40]!r}. For columns of numbers "
            f"or categories use --features."
        ) from error


def table_features(
    table: Table, names: Sequence[str], positions: NDArray[np.intp]
) -> tuple[Any, dict[str, NDArray[Any]]]:
    """Scaled numbers and one-hot categories.

    A column is one of numbers when all its cells are, but for empty ones and the like
    (``NA``, ``null``, ``?``), which take the median. In the other columns, empty is a
    category like any other.

    Parameters
    ----------
    table : Table
        The file.
    names : sequence of str
        Columns of the features.
    positions : ndarray of int
        The rows.

    Returns
    -------
    X : sparse matrix of shape (n_samples, n_features)
    columns : dict of str to ndarray
        The features as they are read, by names that a map can carry.

    Raises
    ------
    ValueError
        If a column is missing, or of numbers but for a few cells.
    """
    blocks, columns = [], {}
    for name in names:
        cells = table.column(name)[positions]
        values = _numbers(name, cells)
        if values is None:
            blocks.append(OneHotEncoder().fit_transform(cells[:, None]))
        else:
            scale = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
            scaled = scale.fit_transform(values.astype(np.float64)[:, None])
            blocks.append(sparse.csr_matrix(scaled))  # SciPy stacks no dense ones alone
        carried = f"feature_{name}" if name in reserved() else name
        columns[carried] = cells if values is None else values
    return sparse.hstack(blocks, format="csr"), columns


def reserved() -> set[str]:
    """Names that no carried column can have."""
    return {*FRAME_COLUMNS, *MEASURES, *OWN, *OF_AUDIT, "self", "text"}


def _numbers(name: str, cells: NDArray[Any]) -> NDArray[Any] | None:
    """Cells as numbers, or None where they are categories."""
    known = np.array([c.strip().lower() not in NO_NUMBER for c in cells.tolist()])
    values = pd.to_numeric(pd.Series(cells).where(known), errors="coerce").to_numpy()
    bad = known & ~np.isfinite(values.astype(np.float64))
    n_categories = len(pd.unique(cells[known]))
    few = bad.sum() <= 0.1 * known.sum() and n_categories > FEW_CLASSES
    if bad.any() and few:
        raise ValueError(
            f"Column {name!r} holds numbers, but for {bad.sum():,} cells, such as "
            f"{cells[bad][0]!r}. Empty them or write a number, or leave the column out."
        )
    return None if bad.any() or not known.any() else values


def learner() -> SGDClassifier:
    """Return the learner behind the map: logistic regression, balanced classes."""
    return SGDClassifier(loss="log_loss", class_weight="balanced")


def annotated(table: Table, rows: LabelledRows, data_map: DataMap) -> pd.DataFrame:
    """Return the whole file with what the map says of each row.

    Parameters
    ----------
    table : Table
        The file.
    rows : LabelledRows
        The rows that were mapped.
    data_map : DataMap
        Their map.

    Returns
    -------
    pandas.DataFrame
        Every row and column of the file, then predicted label, measures and region,
        empty where a row was left out. One whose name the file has already begins
        with ``datamap_``.
    """
    frame = data_map.to_frame()
    # What is made of mean probabilities is a step on the way to label_quality.
    extra = data_map.extra_measures().items()
    shown = {*OF_AUDIT, *(name for name, measure in extra if not measure.needs)}
    added = [*ADDED, *(name for name in frame if name in shown)]
    frame = frame[added].set_axis(rows.positions).reindex(range(len(table)))
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

    return frame.rename(columns=guard).apply(lambda column: column.map(guard))
