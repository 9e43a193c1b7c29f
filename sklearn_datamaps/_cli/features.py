"""The rows of a user's file made into what a learner takes, and the map's answer."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from sklearn.impute import SimpleImputer
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_datamaps._cli.labels import LabelCells, read_labels
from sklearn_datamaps._cli.numbers import FEW_CLASSES, read_columns
from sklearn_datamaps._cli.sources import listed
from sklearn_datamaps._cli.terminal import cut, plain
from sklearn_datamaps._core.base_map import FRAME_COLUMNS, table_of
from sklearn_datamaps._core.labels import looks_like_none
from sklearn_datamaps._core.messages import quoted
from sklearn_datamaps._core.registry import ATTRIBUTES, MEASURES
from sklearn_datamaps._data_map import DataMap
from sklearn_datamaps._io.ngrams import NgramTfidfVectorizer
from sklearn_datamaps._io.reading import Table, escaped
from sklearn_datamaps._views.review import FORMULA, OWN

ADDED = ("predicted", *ATTRIBUTES, "region")
OF_AUDIT = ("suggested", "chance_wrong")


@dataclass(frozen=True)
class LabelledRows:
    """The rows that can be mapped.

    Attributes
    ----------
    positions : ndarray of int of shape (n_rows,)
        Where they stand in the file.
    y : Series, or DataFrame of bool with a column a label
        Their labels, by the names of the rows.
    texts : ndarray of str, or None
        Their texts.
    left_out : dict of str to int
        Number of rows by what they lack.
    cells : LabelCells
        The labels of all rows of the file.
    """

    positions: NDArray[np.intp]
    y: pd.Series | pd.DataFrame
    texts: NDArray[Any] | None
    left_out: dict[str, int]
    cells: LabelCells

    @property
    def labels(self) -> NDArray[Any]:
        """Their labels."""
        return self.y.to_numpy()

    @property
    def index(self) -> pd.Index:
        """Their names."""
        return self.y.index


def select_rows(
    table: Table,
    label: str | Sequence[str],
    text: str | Sequence[str] | None = None,
    name: str | None = None,
    na: Sequence[str] = (),
    sep: str | None = None,
) -> LabelledRows:
    """Select the rows that can be mapped: those with a label and a text.

    Parameters
    ----------
    table : Table
        The file.
    label, text, name : str
        Columns of the labels, the texts (None: no texts) and the names of the rows
        (None: their number, from 0). Of several texts, a row needs one; they are put
        together, a line end between them. Of several labels, each is a column that
        says whether the row has it.
    na : sequence of str, default=()
        Labels that say that there is none.
    sep : str, default=None
        What stands between the labels of a cell. None: a cell holds one, or a list.

    Returns
    -------
    LabelledRows

    Raises
    ------
    ValueError
        If a column is missing, the names repeat, there are not two classes, or the
        label is rather a number or a name.
    """
    cells = read_labels(table, listed(label), sep, na)
    names = row_names(table, name)
    texts = _texts(table, listed(text)) if text else None
    textless = np.zeros(len(table), dtype=bool)
    if texts is not None:
        textless = is_blank(texts) & ~cells.missing
    positions = np.flatnonzero(~(cells.missing | textless))
    left_out = {"label": int(cells.missing.sum()), "text": int(textless.sum())}
    values, index = cells.codes[positions], names[positions]
    y: pd.Series | pd.DataFrame
    if cells.classes is None:
        _check_labels(str(label), values)
        y = pd.Series(values, index=index, dtype=object)
    else:
        _check_sets(cells.classes, values)
        y = pd.DataFrame(values, index=index, columns=cells.classes)
    texts = None if texts is None else texts[positions]
    return LabelledRows(positions, y, texts, left_out, cells)


def _texts(table: Table, names: Sequence[str]) -> NDArray[Any]:
    columns = [table.column(name).tolist() for name in names]
    if len(columns) == 1:
        return np.array(columns[0], dtype=object)
    rows = zip(*columns, strict=True)
    joined = ["\n".join(cell for cell in row if cell.strip()) for row in rows]
    return np.array(joined, dtype=object)


def _check_sets(classes: Sequence[str], values: NDArray[np.bool_]) -> None:
    if len(classes) < 2 or not len(values):
        raise ValueError(
            f"The {len(values):,} rows that can be mapped have the labels "
            f"{quoted(classes) or 'none'}; a map of several labels a row needs two at "
            f"least."
        )


def row_names(table: Table, name: str | None) -> pd.Index:
    if name is None:
        return pd.RangeIndex(len(table), name="row")
    # A name that the map has for something else would hide it.
    called = f"id_{name}" if name in reserved() else name
    cells = [escaped(cell) for cell in table.column(name)]
    index = pd.Index(cells, dtype=object, name=called)
    doubtful = index.duplicated() | is_blank(index.to_numpy())
    if doubtful.any():
        raise ValueError(
            f"--id: column {name!r} holds {index[doubtful][0]!r} more than once or "
            f"empty cells. Leave --id out to name the rows by their number."
        )
    return index


def reserved() -> set[str]:
    """Names that no carried column can have."""
    return {*FRAME_COLUMNS, *MEASURES, *OWN, *OF_AUDIT, "self", "text"}


def is_blank(cells: NDArray[Any]) -> NDArray[np.bool_]:
    return np.array([not cell.strip() for cell in cells.tolist()], dtype=bool)


def label_notes(y: pd.Series | pd.DataFrame) -> list[str]:
    """Say what classes there are, and which look like none.

    Parameters
    ----------
    y : Series of str, or DataFrame of bool
        The labels of the rows that are mapped.

    Returns
    -------
    list of str
        Lines to print.
    """
    counts = Counter(y.sum().to_dict() if isinstance(y, pd.DataFrame) else y.tolist())

    def told(classes: Sequence[str]) -> str:
        return ", ".join(f"{cut(name, 40)!r} {counts[name]:,}" for name in classes)

    listed = sorted(counts, key=lambda name: -counts[name])
    more = f" and {len(listed) - 20:,} more" if len(listed) > 20 else ""
    notes = [f"Classes: {told(listed[:20])}{more}"]
    none = next(filter(looks_like_none, counts), None)
    if none is not None:
        notes.append(
            f"To leave rows out whose label says that there is none, add --na {none!r}."
        )
    return notes


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


def vectorizer() -> NgramTfidfVectorizer:
    """Return what makes texts into features: words and pairs of words."""
    return NgramTfidfVectorizer(ngram_range=(1, 2))


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
    try:
        return vectorizer().fit_transform(texts)
    except ValueError as error:
        raise ValueError(
            f"The {len(texts):,} texts hold no word of two letters or more: nothing to "
            f"learn from. The first is {str(texts[0])[:40]!r}. For columns of numbers "
            f"or categories use --features."
        ) from error


@dataclass(frozen=True)
class Features:
    """What the learner takes, and what it was made of.

    Attributes
    ----------
    X : ndarray or sparse matrix of shape (n_samples, n_features)
        TF-IDF, or scaled numbers and one-hot categories.
    columns : dict of str to ndarray
        The features as they are read, by names that a map can carry; of texts "text".
    told : list of str
        How each column was read, a line each.
    names : ndarray of str of shape (n_features,) or None
        Names of the columns of X; None: words, see ``explain_listed``.
    """

    X: Any
    columns: dict[str, NDArray[Any]]
    told: list[str]
    names: NDArray[Any] | None = None


def table_features(
    table: Table,
    names: Sequence[str],
    positions: NDArray[np.intp],
    decimal: str | None = None,
    thousands: str | None = None,
) -> Features:
    """Scaled numbers and one-hot categories.

    Numbers that are missing take the median. Among categories, empty is one like any
    other.

    Parameters
    ----------
    table : Table
        The file.
    names : sequence of str
        Columns of the features.
    positions : ndarray of int
        The rows.
    decimal, thousands : str, default=None
        How numbers are written. None: as found.

    Returns
    -------
    Features

    Raises
    ------
    ValueError
        If a column is missing, of numbers but for a few cells, or can be read in two
        ways.
    """
    cells = {name: table.column(name)[positions] for name in names}
    read = read_columns(cells, decimal, thousands)
    blocks: list[Any] = []
    of_columns: list[str] = []
    for name, column in read.items():
        values = column.cells[:, None]
        if column.is_number:
            scale = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
            blocks.append(scale.fit_transform(values))
            of_columns.append(name)
        else:
            encoder = OneHotEncoder()
            blocks.append(encoder.fit_transform(values))
            of_columns += [f"{name} = {value}" for value in encoder.categories_[0]]
    if all(column.is_number for column in read.values()):
        X: Any = np.hstack(blocks)
    else:
        X = sparse.hstack([sparse.csr_matrix(block) for block in blocks], format="csr")
    columns = {
        f"feature_{name}" if name in reserved() else name: column.cells
        for name, column in read.items()
    }
    told = [f"{plain(name)}: {c.told}" for name, c in read.items()]
    return Features(X, columns, told, np.array(of_columns, dtype=object))


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
        empty where a row was left out; of several labels a row, of the one with the
        lowest confidence. One whose name the file has already begins with
        ``datamap_``.
    """
    frame = data_map.to_frame()
    # What is made of mean probabilities is a step on the way to label_quality.
    extra = data_map.extra_measures().items()
    measured = (n for n, measure in extra if not measure.needs or measure.held_out)
    shown = {*OF_AUDIT, *measured}
    added = [*ADDED, *(name for name in frame if name in shown)]
    if data_map.multilabel:  # the label that is believed least stands for the row
        added = ["label_name", *added]
        least = data_map.confidence.argmin(axis=1)
        frame = frame.iloc[np.arange(len(least)) * data_map.confidence.shape[1] + least]
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

    columns = {}
    for name in frame:
        values = frame[name].to_numpy()
        if values.dtype.kind not in "iufb":
            values = np.array([guard(value) for value in values.tolist()], dtype=object)
        columns[guard(name)] = values
    return table_of(columns)
