"""Labels of any kind to column codes, at the speed of one hash pass."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from sklearn_datamaps._core.arrays import Array, as_array, native
from sklearn_datamaps._core.messages import quoted, warn_caller
from sklearn_datamaps._core.public import found_in

N_ROWS_NAMED = 5
NUMBER = "row"  # name of the rows of a file that are named by their number
WIDEST = 48  # bytes of a label, 12 characters: memory that each row takes
NUMPY_TEXT_OF_FLOATS = 32  # characters of the texts that NumPy makes of numbers
NO_LABEL = {"", "na", "n/a", "nan", "<na>", "nat", "null", "none", "?", "[]"}
UNSEEN = {"Cc", "Cf"}  # categories of control and format characters
LISTS = (
    "y holds {}, not one label in each row. Make an indicator of lists of labels with "
    "sklearn.preprocessing.MultiLabelBinarizer().fit_transform(y)."
)


@found_in("sklearn_datamaps")
@dataclass(frozen=True)
class EncodedLabels:
    """What the rest of the package knows about ``y``.

    Attributes
    ----------
    codes : ndarray of shape (n_samples,), or (n_samples, n_labels) of bool
        Position in classes of each row's label, in the smallest integer type;
        multilabel: whether each label is set.
    classes : ndarray of shape (n_classes,) or (n_labels,)
        Sorted labels; multilabel: the names of the labels (column names of a
        DataFrame, else 0, 1, ...).
    """

    codes: Array
    classes: Array

    @property
    def multilabel(self) -> bool:
        """Whether the labels are an indicator matrix."""
        return self.codes.ndim == 2

    def counts(self) -> Array:
        """Rows of each class; multilabel: rows in which each label is set."""
        if self.multilabel:
            return np.asarray(self.codes.sum(axis=0))
        return np.bincount(self.codes, minlength=len(self.classes))

    def values(self) -> Array:
        """Labels themselves: of shape (n_samples,), or the indicator of bool."""
        return self.codes if self.multilabel else self.classes[self.codes]

    def sortable_values(self) -> Array:
        """The same, but short texts as NumPy's, which it finds and sorts far quicker.

        scikit-learn looks for the distinct labels in every call of ``partial_fit``. Of
        Python's texts that takes as long as half of an epoch of SGD.
        """
        names = self.classes.tolist()
        if self.classes.dtype == object and {str}.issuperset(map(type, names)):
            texts = np.array(names)
            # NumPy cuts characters of code 0 off the end of a text.
            if texts.itemsize <= WIDEST and texts.tolist() == names:
                return texts[self.codes]
        return self.values()


def index_of(n_samples: int, *candidates: Any) -> pd.Index:
    """Index of the first pandas object among some, else a RangeIndex.

    Parameters
    ----------
    n_samples : int
        Number of rows.
    *candidates : array-like
        ``y`` and ``X``, in the order in which they are asked.
    """
    for data in candidates:
        if isinstance(data, pd.Series | pd.DataFrame):
            return data.index
    return pd.RangeIndex(n_samples)


def is_default(index: pd.Index) -> bool:
    """Whether an index only counts the rows, as pandas makes one unasked."""
    return isinstance(index, pd.RangeIndex) and index.start == 0 and index.step == 1


def only_counts(index: pd.Index) -> bool:
    """The same, also of some of these rows, as the command line names them."""
    is_number = index.name == NUMBER and index.dtype.kind in "iu"
    return is_default(index) or is_number


def warn_other_index(**data: Any) -> None:
    """Warn where several of the data name the rows, and differently.

    scikit-learn matches rows by their position, and so does the map.

    Parameters
    ----------
    **data : object
        X, y, weights, groups and the like, by the name users know.

    Warns
    -----
    UserWarning
        For each that has another index than the first that names rows.
    """
    indexes = {
        name: values.index
        for name, values in data.items()
        if isinstance(values, pd.Series | pd.DataFrame) and not is_default(values.index)
    }
    first = next(iter(indexes), "")
    for name, index in indexes.items():
        if len(index) != len(indexes[first]) or index.equals(indexes[first]):
            continue
        warn_caller(
            f"{first} and {name} have different indexes. Rows are matched by their "
            f"position, and named by the labels. If that is not meant, bring them into "
            f"one order: {name} = {name}.loc[{first}.index]."
        )


def encode_labels(
    y: Any, *, classes: Any = None, multilabel: bool | None = None
) -> EncodedLabels:
    """Encode labels, refusing with a clear error what is not a class label.

    Parameters
    ----------
    y : array-like of shape (n_samples,), or {array-like, sparse} of shape \
            (n_samples, n_labels)
        Labels, or a 0/1 indicator.
    classes : array-like, default=None
        All labels, in the order of the probability columns; multilabel: names.
        None: the sorted labels of y.
    multilabel : bool or None, default=None
        Whether y is an indicator. None: it is when it has several columns.

    Raises
    ------
    TypeError
        If y is a tensor that NumPy cannot read: on another device, or sparse.
    ValueError
        If y is None, empty, is continuous, mixes types that have no order, holds lists
        of labels, has several columns that are no 0/1 indicator, or holds a label that
        is not among the classes given. If a label is missing (None, NaN, NaT, pandas'
        NA, a masked value), in whatever container: the message has the number of rows
        and the first ones. If two labels are alike as text.
    """
    if y is None:
        raise ValueError("y is None: labels are required, one per row.")
    if isinstance(getattr(y, "dtype", None), pd.CategoricalDtype) and not multilabel:
        return _encode_column(pd.Categorical(y), classes)  # its codes, no labels
    names = y.columns.to_numpy() if isinstance(y, pd.DataFrame) else None
    # CSR has summed duplicates and one value per stored entry, unlike COO, LIL, DOK.
    values: Any = y.tocsr() if sparse.issparse(y) else _as_labels(y)
    if values.ndim == 2 and values.shape[1] == 1 and not multilabel:
        dense: Any = values.toarray() if sparse.issparse(values) else values
        values = dense[:, 0]
    if values.ndim not in (1, 2):
        raise ValueError(
            f"y must have one dimension, or two for multilabel; got shape "
            f"{values.shape}."
        )
    if values.ndim == 2:
        if multilabel is False:
            raise ValueError(
                f"y has {values.shape[1]} columns; pass multilabel=True for an "
                f"indicator matrix, or one label per row."
            )
        return _encode_indicator(values, names if classes is None else classes)
    if multilabel:
        raise ValueError(
            f"multilabel=True needs an indicator y of shape (n_samples, n_labels); "
            f"got shape {values.shape}."
        )
    return _encode_column(values, classes)


def known_of_all(blocks: Sequence[EncodedLabels]) -> EncodedLabels:
    """All labels of blocks of rows that were encoded one by one; without codes.

    Parameters
    ----------
    blocks : sequence of EncodedLabels
        At least one.

    Returns
    -------
    EncodedLabels
        Of no row.

    Raises
    ------
    ValueError
        If blocks differ in kind or, multilabel, in the names of the labels.
    """
    if len({block.multilabel for block in blocks}) > 1:
        raise ValueError("y has one column in some blocks and several in others.")
    found = [block.classes for block in blocks]
    if blocks[0].multilabel:
        for i, names in enumerate(found):
            if not np.array_equal(names, found[0]):
                raise ValueError(
                    f"Blocks 0 and {i} of y have different labels: "
                    f"{found[0].tolist()} and {names.tolist()}."
                )
        return blocks[0]
    if len({classes.dtype.kind for classes in found}) > 1:  # NumPy would mix them
        found = [classes.astype(object) for classes in found]
    return EncodedLabels(
        np.empty(0, dtype=np.intp), encode_labels(np.concatenate(found)).classes
    )


def plain(value: Any) -> str:
    """Text of a label or id, the same for 1, 1.0 and the "1" of a file."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def look_alikes(labels: Iterable[Any]) -> list[list[Any]]:
    """Groups of labels that differ only in case, space or the form of letters.

    Characters that nobody sees, as a zero-width space, count as space does; and
    "1.0" is a form of "1".

    Parameters
    ----------
    labels : iterable
        The classes; those that are no text are like no other.

    Returns
    -------
    list of list
        Groups of two or more, in the order of their first label.

    Examples
    --------
    >>> from sklearn_datamaps._core.labels import look_alikes
    >>> look_alikes(["joy", "fear", "Joy", "joy "])
    [['joy', 'Joy', 'joy ']]
    >>> look_alikes(["1", "1.0", "1.5", "10"])
    [['1', '1.0']]
    """
    groups: dict[str, list[Any]] = {}
    for label in labels:
        if isinstance(label, str):
            groups.setdefault(_shape_of(label), []).append(label)
    return [group for group in groups.values() if len(group) > 1]


def looks_like_none(label: Any) -> bool:
    """Whether a label is a text that people write where there is none."""
    return isinstance(label, str) and label.strip().lower() in NO_LABEL


def _shape_of(label: str) -> str:
    seen = (" " if unicodedata.category(c) in UNSEEN else c for c in label)
    text = "".join(seen)
    for _ in range(2):  # the small form of a letter may have another form
        text = unicodedata.normalize("NFKC", text).casefold()
    # What becomes of 1 where a column with an empty cell is read as numbers.
    return re.sub(r"^([+-]?\d+)\.0+$", r"\1", "".join(text.split()))


def _as_labels(y: Any) -> Array:
    """Labels as an array in which a missing one is still missing."""
    if isinstance(y, np.ma.MaskedArray):
        masked = np.ma.getmaskarray(y)
        _check_complete(masked)
        y = y.data
    if not isinstance(y, list | tuple):
        return as_array(y, "y")
    listed = [v for v in y if isinstance(v, list | tuple | set | frozenset)]
    try:
        array = as_array(y, "y")
    except ValueError:
        if not listed:
            raise
        raise ValueError(LISTS.format("lists of several lengths")) from None
    # NumPy would write "nan" for a missing label and "1" for a number among texts.
    made_text = array.ndim == 1 and array.dtype.kind == "U"
    if made_text and not all(isinstance(label, str) for label in y):
        array = np.empty(len(y), dtype=object)
        array[:] = y
    return array


def _check_complete(missing: NDArray[np.bool_]) -> None:
    """Raise ValueError, naming the first rows, where a row lacks a label."""
    rows = np.flatnonzero(missing if missing.ndim == 1 else missing.any(axis=1))
    if len(rows):
        raise ValueError(
            f"Input y contains NaN. {len(rows):,} of {len(missing):,} rows have no "
            f"label: drop or label them first. They are at the positions "
            f"{quoted(rows, N_ROWS_NAMED)}."
        )


def _check_whole_characters(classes: Array) -> None:
    """Raise ValueError for a label that no file and no table could hold."""
    for label in classes.tolist():
        if not is_whole(label):
            raise ValueError(
                f"The label {label!a} holds half of a character (a lone "
                f"surrogate, as of an emoji that was cut). Write it out or replace it."
            )


def is_whole(value: Any) -> bool:
    """Whether UTF-8 can hold the text of a value: no emoji in it was cut in two."""
    try:
        str(value).encode()
    except UnicodeEncodeError:
        return False
    return True


def _check_names(names: Array, what: str) -> None:
    """Raise ValueError unless labels can be told apart, in files and tables too."""
    texts = [plain(name) for name in names.tolist()]
    alike = [text for text, times in Counter(texts).items() if times > 1]
    if alike or pd.isna(names).any():
        raise ValueError(
            f"{what} must be distinct labels, also as text; got {names.tolist()[:10]}"
            + (f", of which {quoted(alike)} stands for several." if alike else ".")
        )


def _encode_indicator(values: Any, names: Any) -> EncodedLabels:
    _check_not_empty(values)
    entries = values.data if sparse.issparse(values) else values
    if entries.dtype.kind not in "iubf":
        if not sparse.issparse(values):
            _check_complete(pd.isna(entries))
        try:
            entries = entries.astype(np.float64)
        except (TypeError, ValueError):
            entries = np.array([np.inf])  # text: refused below
    if entries.dtype.kind == "f" and np.isnan(entries).any():
        missing = np.isnan(entries)
        if sparse.issparse(values):
            rows = np.repeat(np.arange(values.shape[0]), np.diff(values.indptr))
            missing = np.isin(np.arange(values.shape[0]), rows[missing])
        _check_complete(missing)
    if not ((entries == 0) | (entries == 1)).all():
        raise ValueError(
            f"y of shape {values.shape} is not an indicator of 0 and 1 "
            f"(multiclass-multioutput or continuous targets are not supported). Fit "
            f"one DataMapClassifier per column, or binarize the labels: "
            f"MultiLabelBinarizer().fit_transform(y) makes an indicator of lists of "
            f"labels."
        )
    codes = values.toarray() != 0 if sparse.issparse(values) else entries != 0
    classes = (
        np.arange(codes.shape[1]) if names is None else np.array(_as_labels(names))
    )
    if classes.shape != (codes.shape[1],):
        raise ValueError(
            f"classes names the {codes.shape[1]} labels of y; got shape "
            f"{classes.shape}."
        )
    _check_names(classes, "The names of the labels of y")
    _check_whole_characters(classes)
    return EncodedLabels(codes, classes)


def _encode_column(values: Array | pd.Categorical, classes: Any) -> EncodedLabels:
    if values.dtype.kind == "c":
        raise ValueError("Complex data not supported: y must hold class labels.")
    _check_not_empty(values)
    if isinstance(values, pd.Categorical):
        _check_codes(values)
    try:
        codes, found = pd.factorize(values)  # of categories, those that are there
    except TypeError as error:
        kinds = {type(label).__name__ for label in values if not _hashable(label)}
        raise ValueError(LISTS.format(f"values of {quoted(sorted(kinds))}")) from error
    _check_complete(codes < 0)
    found = _sorted_classes(native(np.asarray(found)))
    _check_no_text_of_nan(found, codes)
    if classes is None:
        order = found.argsort(kind="stable")
        ranks = np.empty(len(order), dtype=np.intp)
        ranks[order] = np.arange(len(order))
        codes, known = ranks[codes], found[order]
    else:
        known = np.array(classes if np.ndim(classes) != 1 else _as_labels(classes))
        if known.ndim != 1:
            raise ValueError(f"classes must be distinct labels; got {classes!r}.")
        _check_names(known, "classes")
        lookup = pd.Index(known).get_indexer(pd.Index(found))
        if (lookup < 0).any():
            raise ValueError(
                f"y holds labels that are not in classes: "
                f"{found[lookup < 0][:5].tolist()}. classes is {known.tolist()}."
            )
        codes = lookup[codes]
    _check_whole_characters(known)
    smallest = np.min_scalar_type(-len(known))
    return EncodedLabels(codes.astype(smallest, copy=False), known)


def _check_codes(values: pd.Categorical) -> None:
    # pandas looks up what they stand for without looking: a damaged file would crash.
    n_categories = len(values.categories)
    if int(values.codes.max()) >= n_categories or int(values.codes.min()) < -1:
        raise ValueError(
            f"y is a Categorical with codes beyond its {n_categories} categories: the "
            f"file that it lies in is damaged. Write it again."
        )


def _check_not_empty(values: Any) -> None:
    if values.shape[0] == 0:
        raise ValueError("y is empty (0 rows): there is nothing to map.")


def _hashable(label: Any) -> bool:
    try:
        hash(label)
    except TypeError:
        return False
    return True


def _check_no_text_of_nan(found: Array, codes: Array) -> None:
    """Raise ValueError for the "nan" that NumPy writes for NaN among texts.

    An array that was made of texts alone is as wide as the longest of them.
    """
    width = found.dtype.itemsize // np.dtype("U1").itemsize
    if found.dtype.kind != "U" or width != NUMPY_TEXT_OF_FLOATS:
        return
    if "nan" in found and np.char.str_len(found).max() < width:
        _check_complete(codes == np.flatnonzero(found == "nan")[0])


def _sorted_classes(found: Array) -> Array:
    """Distinct labels as a typed array that can be sorted, or a clear error."""
    if found.dtype == object:
        kinds = {type(label) for label in found}
        if all(issubclass(kind, str) for kind in kinds):
            return found
        if any(issubclass(kind, str) for kind in kinds):
            raise ValueError(
                f"Unknown label type: y mixes {sorted(k.__name__ for k in kinds)}. "
                f"Make all labels strings, or all numbers."
            )
        found = np.array(found.tolist())
    if found.dtype in (np.float16, np.longdouble):  # which few libraries know
        found = found.astype(np.float64)
    if found.dtype.kind == "f" and np.isinf(found).any():
        raise ValueError(
            "Input y contains infinity or a value too large for dtype('float64')."
        )
    if found.dtype.kind == "f" and (found != np.floor(found)).any():
        raise ValueError(
            f"Unknown label type: continuous. y holds {len(found)} distinct numbers "
            f"such as {found[found != np.floor(found)][0]!r}; a data map needs class "
            f"labels. Bin a continuous target first."
        )
    if found.dtype.kind not in "iubfU" or found.ndim != 1:
        raise ValueError(
            f"Unknown label type: {found.dtype}. Use strings, integers or booleans."
        )
    return found
