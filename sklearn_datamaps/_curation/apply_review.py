"""The decisions of a review applied to labels."""

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.labels import encode_labels, plain
from sklearn_datamaps._core.messages import quoted, warn_caller
from sklearn_datamaps._curation.decided_rows import (
    STALE,
    MappedRows,
    find_rows,
    readings,
    refuse,
    same_label,
)
from sklearn_datamaps._io.reading import Reading, warn_of
from sklearn_datamaps._io.tables import read_table
from sklearn_datamaps._views.review import text_of

DECISIONS = ("keep", "relabel", "drop")
OPEN = ("", "unsure")  # no decision
NEEDED = ("id", "decision", "new_label")
HASH = "row_hash"


def apply_review(
    y: Any,
    review: Any,
    X: Any = None,
    *,
    index: Any = None,
    new_labels: bool = False,
) -> tuple[Any, NDArray[np.bool_]]:
    """Correct the labels as a review says.

    A row is found by its ``row_hash`` together with its id or its position, so that a
    review of other data, or one older than the labels, changes nothing. Where y has
    names (it is a pandas object, or ``index`` is given) they are compared with the
    ids; where it has none the positions decide, whatever the index of X says. A review
    whose ids are its positions is of a map without names: a name of y that says
    otherwise is refused, unless the texts tell which row was meant. Rows without a
    decision, or with ``unsure``, are passed over; ``keep`` changes nothing, nor does
    ``relabel`` with the label that the row has.

    A review that was written by hand may lack the hashes. Its rows are found by their
    ids; where these only count the rows, a column ``label`` (that before the decision)
    or ``text`` has to confirm them. These columns are compared, and a warning says
    what could not be.

    .. versionadded:: 0.1

    Parameters
    ----------
    y : array-like of shape (n_samples,), or {array-like, sparse} of shape \
            (n_samples, n_labels)
        The labels that were mapped.
    review : DataFrame, str or path
        The frame of :meth:`sklearn_datamaps.DataMap.review` with its decisions, or a
        file of it as a spreadsheet saves it, as CSV (delimiter and encoding are found)
        or as .xlsx (extra ``excel``). The apostrophe that protects a cell such as
        ``'=1`` from being run as a formula is taken off.
    X : array-like of shape (n_samples,), default=None
        The texts that the map carried. With them, a row whose text has changed is
        refused. Without, the label is checked against the text that stands in the
        review. When the map carried no text, the hash is of label and id.
    index : array-like of shape (n_samples,), default=None
        Names of the rows, such as ``data_map.index``. None: the index of y when it is
        a pandas object; else the rows have no names.
    new_labels : bool, default=False
        Whether a label that no row of y has is taken, as ``explore(new_labels=True)``
        lets it be typed; a number where the labels are numbers. False: it is refused,
        as a slip of the pen would be. Not for multilabel y.

    Returns
    -------
    y_corrected : ndarray, Series, DataFrame or sparse
        Copy of y, of its type (a list becomes an array) and length.
    kept : ndarray of bool of shape (n_samples,)
        False where the decision was ``drop``: go on with ``X[kept]`` and
        ``y_corrected[kept]``.

    Raises
    ------
    ValueError
        With the rows named, if a decision is unknown, an id is not among those of y,
        fits two rows or is decided twice, the label or text is another one than in the
        review (as after the review was applied), or a new label is missing, not among
        the labels of y (unless ``new_labels``), or given without ``relabel``. Also if
        columns are missing.
    TypeError
        If the review is neither a frame nor the path of a file.
    FileNotFoundError
        If there is no such file.

    Warns
    -----
    UserWarning
        If rows have no ``row_hash``: what of them was not compared.

    Examples
    --------
    >>> from sklearn_datamaps import DataMap, apply_review
    >>> y = ["ham", "spam", "spam"]
    >>> proba = [[[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]]]
    >>> review = DataMap.from_probabilities(proba, y).review(n=2)
    >>> review["decision"] = ["relabel", "drop"]
    >>> review.loc[0, "new_label"] = "ham"
    >>> y_corrected, kept = apply_review(y, review)
    >>> y_corrected
    array(['ham', 'ham', 'spam'], dtype='<U4')
    >>> kept
    array([ True,  True, False])
    """
    decided = decided_cells(y, review, X, index=index, new_labels=new_labels)
    decision = decided.frame["decision"].to_numpy()
    kept = np.ones(np.shape(y)[0], dtype=bool)
    kept[[decided.cells[at][0] for at in np.flatnonzero(decision == "drop")]] = False
    changed = [decided.cells[at] for at in np.flatnonzero(decision == "relabel")]
    room = _with_room(y, decided.added)
    return _corrected(room, changed, decided.values), kept


class Decisions(NamedTuple):
    """What a review decides.

    Attributes
    ----------
    frame : DataFrame
        The rows with a decision. To relabel a row to the label that it has is to keep
        it, and stands as such here.
    cells : list of tuple of int
        The position of each; multilabel: position and column.
    values : list
        The new label of each row that is to be relabelled, in their order.
    added : list
        Those of them that no row of y has.
    """

    frame: pd.DataFrame
    cells: list[tuple[int, ...]]
    values: list[Any]
    added: list[Any]


def decided_cells(
    y: Any,
    review: Any,
    X: Any = None,
    *,
    index: Any = None,
    new_labels: bool = False,
) -> Decisions:
    """Find the rows that a review decides, and what its decisions mean.

    Parameters
    ----------
    y, review, X, index, new_labels
        As in :func:`apply_review`.

    Returns
    -------
    Decisions

    Raises
    ------
    TypeError, ValueError
        As :func:`apply_review`.
    """
    whole = _read(review)
    frame = _decided(whole)
    labels, label_names, known = _labels_of(y, multilabel="label_name" in frame)
    mapped = MappedRows.of(labels, y, X, index, _texts_of(frame, X))
    cells = _cells_of(frame, find_rows(frame, whole, mapped), label_names)
    _check_without_hash(frame, cells, mapped)
    decision = frame["decision"].to_numpy(copy=True)
    at = np.flatnonzero(decision == "relabel")
    among = set(known.values())
    if new_labels:
        known |= _unknown_labels(frame.iloc[at], known)
    values = _new_labels(frame.iloc[at], known)
    pairs = zip(at, values, strict=True)
    other = np.array([labels[cells[k]] != value for k, value in pairs], dtype=bool)
    decision[at[~other]] = "keep"
    values = [value for value, is_other in zip(values, other, strict=True) if is_other]
    added = [value for value in dict.fromkeys(values) if value not in among]
    return Decisions(frame.assign(decision=decision), cells, values, added)


def decided_rows(review: Any) -> pd.DataFrame:
    """Rows of a review with a decision, as text; whose rows they are is not looked at.

    Parameters
    ----------
    review : DataFrame, str or path
        As in :func:`apply_review`.

    Returns
    -------
    DataFrame

    Raises
    ------
    TypeError, ValueError
        If it is no review, or a decision is unknown.
    """
    return _decided(_read(review))


def _read(review: Any) -> pd.DataFrame:
    if isinstance(review, str | os.PathLike):
        table = read_table(Path(review), Reading(named=["id", "decision"]))
        warn_of(table.notes)
        review = table.cells
    if not isinstance(review, pd.DataFrame):
        raise TypeError(
            f"review must be the frame of DataMap.review or the path of its file; "
            f"got {type(review).__name__}."
        )
    # A spreadsheet may write the names of columns with a capital letter.
    lower = {name: str(name).strip().lower() for name in review}
    absent = [name for name in (*NEEDED, HASH) if name not in review]
    review = review.rename(
        columns={n: low for n, low in lower.items() if low in absent}
    )
    twice = [name for name in (*NEEDED, HASH) if list(review.columns).count(name) > 1]
    if twice:
        raise ValueError(
            f"The review has more than one column {quoted(twice)}: which one counts? "
            f"Delete the others."
        )
    missing = [name for name in NEEDED if name not in review]
    if missing:
        raise ValueError(
            f"The review lacks the columns {missing}; it has {list(review.columns)}. "
            f"Start from the frame that DataMap.review returns."
        )
    return review if HASH in review else review.assign(**{HASH: ""})


def _decided(review: pd.DataFrame) -> pd.DataFrame:
    """Rows with a decision, as text, after a look at all."""
    words = ("decision", "new_label", HASH)
    text = {name: [text_of(v).strip() for v in review[name]] for name in words}
    text["decision"] = [decision.lower() for decision in text["decision"]]
    text["id"] = [plain(name) for name in review["id"]]
    # Labels as they stand, since white space may be part of them.
    text["new_label"] = [
        "" if new == "" else plain(given)
        for new, given in zip(text["new_label"], review["new_label"], strict=True)
    ]
    # Objects, which hold any text.
    columns = {
        name: pd.Series(values, review.index, dtype=object)
        for name, values in text.items()
    }
    frame = review.assign(**columns)
    unknown = ~frame["decision"].isin([*OPEN, *DECISIONS])
    refuse(
        frame[unknown],
        f"Unknown decisions {sorted(set(frame['decision'][unknown]))}; use "
        f"{', '.join(DECISIONS)} or leave the cell empty",
    )
    refuse(
        frame[(frame["new_label"] != "") & (frame["decision"] != "relabel")],
        "A new_label needs the decision relabel",
    )
    refuse(
        frame[(frame["new_label"] == "") & (frame["decision"] == "relabel")],
        "The decision relabel needs a new_label",
    )
    return frame[~frame["decision"].isin(OPEN)]


def _labels_of(
    y: Any, *, multilabel: bool
) -> tuple[Array, list[str] | None, dict[str, Any]]:
    """Labels, names of their columns (multilabel), and new labels by their text."""
    shape = np.shape(y)
    if multilabel and len(shape) == 1:
        raise ValueError(
            "The review is of a multilabel map (it has the column 'label_name'), but y "
            "has one label a row."
        )
    if not multilabel and len(shape) > 1 and shape[1] > 1:
        raise ValueError(
            f"y has {shape[1]} columns, but the review is not of a multilabel map: it "
            f"lacks the column 'label_name'."
        )
    encoded = encode_labels(y, multilabel=multilabel or None)
    if multilabel:
        label_names = [plain(name) for name in encoded.classes.tolist()]
        return encoded.values(), label_names, _by_text([False, True])
    dtype = getattr(y, "dtype", None)
    # A category without rows is a label too.
    named = dtype.categories if isinstance(dtype, pd.CategoricalDtype) else None
    classes = encoded.classes if named is None else named
    return encoded.values(), None, _by_text(classes.tolist())


def _by_text(labels: Sequence[Any]) -> dict[str, Any]:
    known = {plain(label): label for label in labels}
    for label in labels:
        if isinstance(label, bool):
            known |= {str(label).upper(): label, str(label).lower(): label}
            known[str(int(label))] = label
    return known


def _texts_of(frame: pd.DataFrame, X: Any) -> Any:
    """X, where it can be the texts that the map carried."""
    return X if X is not None and ("text" in frame or np.ndim(X) == 1) else None


def _cells_of(
    frame: pd.DataFrame, rows: Array, label_names: list[str] | None
) -> list[tuple[int, ...]]:
    cells: list[tuple[int, ...]] = [(int(row),) for row in rows]
    if label_names is not None:
        columns = [
            next((label_names.index(n) for n in readings(name) if n in label_names), -1)
            for name in map(plain, frame["label_name"])
        ]
        refuse(
            frame[np.array(columns, dtype=int) < 0],
            f"y has no such column (it has {label_names[:5]}; names are those of a "
            f"DataFrame)",
        )
        cells = [(*cell, column) for cell, column in zip(cells, columns, strict=True)]
    repeated = pd.Series(cells, dtype=object).duplicated().to_numpy()
    refuse(frame[repeated], "The review decides rows twice")
    return cells


def _check_without_hash(
    frame: pd.DataFrame, cells: list[tuple[int, ...]], rows: MappedRows
) -> None:
    """Compare the labels that a hash would, and say what was not compared."""
    bare = (frame[HASH] == "").to_numpy(dtype=bool)
    if not bare.any():
        return
    labels = _cells(frame, "label")
    other = [
        bool(is_bare and label.strip() and not same_label(rows.labels[cell], label))
        for is_bare, label, cell in zip(bare, labels, cells, strict=True)
    ]
    refuse(frame[other], STALE)
    # Of a map without texts there is nothing more.
    with_texts = rows.texts is not None or "text" in frame
    texts = [""] if rows.texts is None else _cells(frame, "text")[bare]
    compared = {"labels": all(labels[bare]), "texts": all(texts) or not with_texts}
    lacks = [name for name, was in compared.items() if not was]
    told = f"not compared: {' and '.join(lacks)}" if lacks else "all that it says fits"
    warn_caller(
        f"Decisions without a row_hash: {bare.sum():,}. Their rows were found by id or "
        f"position; {told}."
    )


def _cells(frame: pd.DataFrame, name: str) -> Array:
    cells = frame[name] if name in frame else [""] * len(frame)
    return np.array([text_of(cell) for cell in cells], dtype=object)


def _new_labels(frame: pd.DataFrame, known: dict[str, Any]) -> list[Any]:
    texts = [
        next((text for text in _forms(new, known) if text in known), None)
        for new in frame["new_label"]
    ]
    texts = _seen_through(frame["new_label"].tolist(), texts, known)
    unknown = np.array([text is None for text in texts], dtype=bool)
    hint = "; if they are meant, pass new_labels=True (command line: --new-labels)"
    if all(isinstance(label, bool) for label in known.values()):
        hint = ""
    refuse(
        frame[unknown],
        f"New labels {sorted(set(frame['new_label'][unknown]))} are not among the "
        f"labels of y ({list(dict.fromkeys(known.values()))[:10]}){hint}",
    )
    return [known[text] for text in texts if text is not None]


def _unknown_labels(frame: pd.DataFrame, known: dict[str, Any]) -> dict[str, Any]:
    """Labels that y does not have, by their text, in the type of those it has."""
    texts = dict.fromkeys(frame["new_label"])
    # What spells a known one in another way is no new one.
    folded = {text.strip().casefold() for text in known}
    unknown = [
        text
        for text in texts
        if not any(form in known for form in _forms(text, known))
        and text.strip().casefold() not in folded
    ]
    kinds = {type(label) for label in known.values()}
    if not unknown or str in kinds:
        return {text: text.strip() for text in unknown}
    if not kinds <= {int, float}:
        raise ValueError(
            f"New labels {unknown} cannot be added to those of y, which are of the "
            f"type {', '.join(sorted(kind.__name__ for kind in kinds))}: only texts "
            f"and numbers can."
        )
    kind = float if float in kinds else int
    found = {}
    for text in unknown:
        for form in _forms(text, known):
            try:
                found[text] = kind(form)
            except ValueError:
                continue
    refuse(
        frame[[new in unknown and new not in found for new in frame["new_label"]]],
        f"The labels of y are of the type {kind.__name__} "
        f"({list(dict.fromkeys(known.values()))[:10]}), which "
        f"{sorted(set(unknown) - set(found))} are not",
    )
    return found


def _with_room(y: Any, added: list[Any]) -> Any:
    """Labels in a type that holds the added ones, too."""
    if not added:
        return y
    if isinstance(y, pd.Categorical):
        return y.add_categories(added)
    if isinstance(getattr(y, "dtype", None), pd.CategoricalDtype):
        return y.cat.add_categories(added)
    if isinstance(y, pd.Series | pd.DataFrame | pd.api.extensions.ExtensionArray):
        dtype = y.dtypes.iloc[0] if isinstance(y, pd.DataFrame) else y.dtype
        if not isinstance(dtype, np.dtype):
            return y
    else:
        y = np.asarray(y)
        dtype = y.dtype
    return y.astype(np.result_type(dtype, *map(np.min_scalar_type, added)))


def _forms(new_label: str, known: dict[str, Any]) -> Iterable[str]:
    yield new_label
    yield from readings(new_label.strip())
    # A column of integers with gaps is one of floats, and a file has them as 1.0.
    if not any(isinstance(label, str) for label in known.values()):
        yield re.sub(r"\.0+\Z", "", new_label.strip())


def _corrected(y: Any, cells: list[tuple[int, ...]], values: list[Any]) -> Any:
    """Copy of y, in its type, with the values in the cells."""
    gaps = {}
    if sparse.issparse(y):
        changed = y.tolil(copy=True)
    elif isinstance(y, pd.DataFrame):
        # pandas sets no value in a sparse column, as of get_dummies(sparse=True).
        gaps = {n: of for n, of in y.dtypes.items() if isinstance(of, pd.SparseDtype)}
        changed = y.astype({name: of.subtype for name, of in gaps.items()})
    elif isinstance(y, pd.Series | pd.api.extensions.ExtensionArray):
        changed = y.copy()
    else:
        changed = np.array(y)
    target = changed.iloc if isinstance(y, pd.Series | pd.DataFrame) else changed
    for cell, value in zip(cells, values, strict=True):
        # A column of labels may come as a matrix of one column.
        at = (*cell, 0)[: len(changed.shape)]
        # Unlike NumPy, pandas takes no True into a column of numbers.
        if isinstance(y, pd.DataFrame) and y.dtypes.iloc[at[1]].kind in "iuf":
            target[at] = int(value)
        else:
            target[at if len(at) > 1 else at[0]] = value
    if gaps:
        return changed.astype(gaps)
    return changed.asformat(y.format) if sparse.issparse(y) else changed


def _seen_through(
    new_labels: list[str], texts: list[str | None], known: dict[str, Any]
) -> list[str | None]:
    """Read what differs in case or space only, as a spreadsheet's FALSE from False."""
    read = list(texts)
    for at, new in enumerate(new_labels):
        wanted = new.strip().casefold()
        alike = [text for text in known if text.strip().casefold() == wanted]
        if read[at] is None and len(alike) == 1:
            read[at] = alike[0]
    pairs = zip(new_labels, texts, read, strict=True)
    changed = {new: text for new, before, text in pairs if text != before}
    if changed:
        told = ", ".join(
            f"{new!r} was read as {text!r}" for new, text in changed.items()
        )
        warn_caller(f"In new_label, {told}.")
    return read
