"""The rows of a user's file made into what a learner takes, and the map's answer."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
import sklearn
from numpy.typing import NDArray
from scipy import sparse
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from sklearn_datamaps._cli.labels import LabelCells, read_labels
from sklearn_datamaps._cli.numbers import FEW_CLASSES, Column, read_columns
from sklearn_datamaps._cli.sources import listed
from sklearn_datamaps._cli.terminal import cut
from sklearn_datamaps._core.base_map import FRAME_COLUMNS, table_of
from sklearn_datamaps._core.labels import looks_like_none
from sklearn_datamaps._core.messages import quoted
from sklearn_datamaps._core.registry import ATTRIBUTES, MEASURES
from sklearn_datamaps._data_map import DataMap
from sklearn_datamaps._io.ngrams import NgramTfidfVectorizer
from sklearn_datamaps._io.reading import Table, escaped
from sklearn_datamaps._learners.sklearn_compat import calls_back
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
        Number of rows by why.
    cells : LabelCells
        The labels of all rows of the file.
    told : list of str
        What was done with their names.
    """

    positions: NDArray[np.intp]
    y: pd.Series | pd.DataFrame
    texts: NDArray[Any] | None
    left_out: dict[str, int]
    cells: LabelCells
    told: list[str] = field(default_factory=list)

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
    *,
    classes: int = 2,
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
    classes : int, default=2
        How many classes there must be. 1: nothing is asked of the labels.

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
    names, told = row_names(table, name)
    texts = _texts(table, listed(text)) if text else None
    textless = np.zeros(len(table), dtype=bool)
    if texts is not None:
        textless = is_blank(texts) & ~cells.missing
    positions = np.flatnonzero(~(cells.missing | textless))
    left_out = {
        "without a label": int(cells.missing.sum()),
        "without a text": int(textless.sum()),
    }
    values, index = cells.codes[positions], names[positions]
    y: pd.Series | pd.DataFrame
    if cells.classes is None:
        if classes > 1:
            _check_labels(str(label), values)
        y = pd.Series(values, index=index, dtype=object)
    else:
        _check_sets(cells.classes, values)
        y = pd.DataFrame(values, index=index, columns=cells.classes)
    texts = None if texts is None else texts[positions]
    return LabelledRows(positions, y, texts, left_out, cells, told)


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


def sampled(rows: LabelledRows, n: int | None, seed: int) -> LabelledRows:
    """Draw some of the rows at random, in their order.

    Parameters
    ----------
    rows : LabelledRows
        The rows that can be mapped.
    n : int or None
        How many. None, or as many as there are: all.
    seed : int
        Of the draw.

    Returns
    -------
    LabelledRows

    Raises
    ------
    ValueError
        If those drawn are of one class.
    """
    total = len(rows.labels)
    if n is None or n >= total:
        return rows
    drawn = np.sort(np.random.default_rng((seed, n)).choice(total, n, replace=False))
    y = rows.y.iloc[drawn]
    labels = rows.labels[drawn]
    if labels.ndim == 1 and len(pd.unique(labels)) < 2:
        raise ValueError(
            f"--sample {n} drew rows of one class only ({quoted(pd.unique(labels))}); "
            f"a map needs at least two. Draw more, or give another --seed."
        )
    left_out = {**rows.left_out, "not drawn by --sample": total - n}
    return replace(
        rows,
        positions=rows.positions[drawn],
        y=y,
        texts=None if rows.texts is None else rows.texts[drawn],
        left_out=left_out,
    )


def row_names(table: Table, name: str | None) -> tuple[pd.Index, list[str]]:
    """Names of the rows of a file, all different.

    Parameters
    ----------
    table : Table
        The file.
    name : str or None
        The column of names. None: their number, from 0.

    Returns
    -------
    names : pandas.Index
        The second row named X is X#2, the next one X#3.
    told : list of str
        Which were named so.

    Raises
    ------
    ValueError
        If a cell is empty.
    """
    if name is None:
        return pd.RangeIndex(len(table), name="row"), []
    # A name that the map has for something else would hide it.
    called = f"id_{name}" if name in reserved() else name
    cells = [escaped(cell) for cell in table.column(name)]
    empty = is_blank(np.array(cells, dtype=object))
    if empty.any():
        raise ValueError(
            f"--id: column {name!r} holds {int(empty.sum()):,} empty cells. Leave --id "
            f"out to name the rows by their number."
        )
    times: Counter[str] = Counter()
    taken, renamed = set(cells), []
    for row, cell in enumerate(cells):
        times[cell] += 1
        if times[cell] == 1:
            continue
        while (new := f"{cell}#{times[cell]}") in taken:
            times[cell] += 1
        taken.add(new)
        renamed.append(new)
        cells[row] = new
    told = [
        f"--id: column {name!r} has names that stand for more than one row: "
        f"{len(renamed):,} were named {quoted(renamed)}."
    ]
    return pd.Index(cells, dtype=object, name=called), told if renamed else []


def n_classes(y: pd.Series | pd.DataFrame) -> int:
    """Number of the labels that rows have."""
    return y.shape[1] if isinstance(y, pd.DataFrame) else int(y.nunique())


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


def vectorizer(
    ngrams: tuple[int, int] = (1, 2), max_features: int | None = None
) -> NgramTfidfVectorizer:
    """Return what makes texts into features: words and groups of words.

    Parameters
    ----------
    ngrams : tuple of int, default=(1, 2)
        Fewest and most words of a group.
    max_features : int, default=None
        How many of the most frequent to keep. None: all.

    Returns
    -------
    NgramTfidfVectorizer
        Not fitted.
    """
    return NgramTfidfVectorizer(ngram_range=tuple(ngrams), max_features=max_features)


def text_features(
    texts: Sequence[str],
    ngrams: tuple[int, int] = (1, 2),
    max_features: int | None = None,
) -> tuple[Any, NDArray[Any] | None]:
    """TF-IDF of words and groups of words, as a sparse matrix.

    Parameters
    ----------
    texts : sequence of str
        The texts.
    ngrams : (int, int), default=(1, 2)
        Numbers of words in a feature, from and to.
    max_features : int, default=None
        How many features, the most frequent ones. None: all.

    Returns
    -------
    X : scipy.sparse matrix of shape (n_samples, n_features)
    names : ndarray of str of shape (n_features,) or None
        None: every word is a feature, so the texts themselves tell their names.

    Raises
    ------
    ValueError
        If there is no word in them.
    """
    made = vectorizer(ngrams, max_features)
    try:
        X = made.fit_transform(texts)
    except ValueError as error:
        raise ValueError(
            f"The {len(texts):,} texts hold no word of two letters or more: nothing to "
            f"learn from. The first is {str(texts[0])[:40]!r}. For columns of numbers "
            f"or categories use --features."
        ) from error
    return X, None if max_features is None else made.get_feature_names_out()


@dataclass(frozen=True)
class Features:
    """What the learner takes, and what it was made of.

    Attributes
    ----------
    X : ndarray or sparse matrix of shape (n_samples, n_features)
        TF-IDF, or numbers and categories as the learner takes them.
    columns : dict of str to ndarray
        The features as they are read, by names that a map can carry; of texts "text".
    told : list of str
        How each column was read, a line each.
    names : ndarray of str of shape (n_features,) or None
        Names of the columns of X; None: words, see ``explain_listed``.
    ngrams : tuple of int, default=(1, 2)
        Fewest and most words of a group, of texts.
    """

    X: Any
    columns: dict[str, NDArray[Any]]
    told: list[str]
    names: NDArray[Any] | None = None
    ngrams: tuple[int, int] = (1, 2)


def read_features(
    table: Table,
    names: Sequence[str],
    positions: NDArray[np.intp],
    decimal: str | None = None,
    thousands: str | None = None,
) -> dict[str, Column]:
    """Columns of features as they are read, by names that a map can carry.

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
    dict of str to Column

    Raises
    ------
    ValueError
        If a column is missing, of numbers but for a few cells, or can be read in two
        ways.
    """
    cells = {name: table.column(name)[positions] for name in names}
    read = read_columns(cells, decimal, thousands)
    return {carried_name(name): column for name, column in read.items()}


def carried_name(name: str) -> str:
    """Name of a column of features on a map, where some names mean something else."""
    return f"feature_{name}" if name in reserved() else name


def table_features(columns: dict[str, Column], *, coded: bool = False) -> Any:
    """Scaled numbers and one-hot categories.

    Numbers that are missing take the median. Among categories, empty is one like any
    other.

    Parameters
    ----------
    columns : dict of str to Column
        The columns.
    coded : bool, default=False
        As trees take them: numbers as they are, categories as integers.

    Returns
    -------
    ndarray or sparse matrix of shape (n_samples, n_features)
    """
    blocks: list[Any] = []
    for column in columns.values():
        values = column.cells[:, None]
        if column.is_number:
            scale = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
            blocks.append(values if coded else scale.fit_transform(values))
        else:
            encoder = OrdinalEncoder() if coded else OneHotEncoder()
            blocks.append(encoder.fit_transform(values))
    if coded or all(column.is_number for column in columns.values()):
        X: Any = np.hstack(blocks)
    else:
        X = sparse.hstack([sparse.csr_matrix(block) for block in blocks], format="csr")
    return X


def names_of_features(
    columns: dict[str, Column], *, coded: bool = False
) -> NDArray[Any]:
    """Names of the columns that ``table_features`` makes.

    Parameters
    ----------
    columns : dict of str to Column
        The columns.
    coded : bool, default=False
        As in ``table_features``.

    Returns
    -------
    ndarray of str of shape (n_features,)
    """
    names: list[str] = []
    for name, column in columns.items():
        if coded or column.is_number:
            names.append(name)
        else:
            names += [f"{name} = {value}" for value in np.unique(column.cells)]
    return np.array(names, dtype=object)


def learner(kind: str = "sgd") -> Any:
    """Return the learner behind the map, with balanced classes.

    Parameters
    ----------
    kind : {"sgd", "logistic", "boosting"}, default="sgd"
        Logistic regression by stochastic gradient descent or until it has converged, or
        trees.

    Returns
    -------
    estimator
        Not fitted.

    Raises
    ------
    ValueError
        If this version of scikit-learn cannot record it.
    """
    if kind == "logistic":
        if not calls_back():
            raise ValueError(
                f"--learner logistic needs scikit-learn 1.9 or newer, which tells of "
                f"every iteration; this is {sklearn.__version__}. Use --learner sgd, "
                f"or install a newer version."
            )
        return LogisticRegression(class_weight="balanced")
    if kind == "boosting":
        return HistGradientBoostingClassifier(
            class_weight="balanced", early_stopping=False
        )
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
