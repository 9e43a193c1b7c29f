"""What a loop hands over for one epoch, checked: rows, and probabilities or logits."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_datamaps._core.arrays import Array, Rows, as_array
from sklearn_datamaps._core.labels import EncodedLabels, is_default

# Cells of probability per inner step: the temporaries stay in cache and small.
CHUNK_CELLS = 2**16
SIMPLEX_TOLERANCE = 1e-2
N_ROWS_LOOKED_AT = 1000
NO_LOGITS = (
    "logits=True, but the values are not negative and sum to 1 in every row. Are they "
    "probabilities already? Then leave logits=True out: a softmax of them brings every "
    "row close to even odds."
)


def check_rows(rows: Any, n_samples: int) -> slice | Rows:
    """Positions of the rows of one epoch; see ``TrainingDynamics.update``."""
    if rows is None:
        return slice(0, n_samples)
    if isinstance(rows, slice) and rows.step in (None, 1):
        start, stop, _ = rows.indices(n_samples)
        if (rows.stop or 0) > n_samples:
            raise ValueError(f"rows ends at {rows.stop}, y has only {n_samples} rows.")
        return slice(start, max(start, stop))
    if isinstance(rows, slice):
        rows = np.arange(n_samples)[rows]
    at = as_array(rows, "rows")
    if at.dtype == bool and at.shape == (n_samples,):
        at = np.flatnonzero(at)
    if at.ndim != 1 or (at.size and at.dtype.kind not in "iu"):
        raise ValueError(
            f"rows must be a slice, one-dimensional positions or a mask of length "
            f"{n_samples}; got {at.dtype} of shape {at.shape}."
        )
    if at.size and (at.min() < 0 or at.max() >= n_samples):
        raise ValueError(
            f"rows must lie in 0 ... {n_samples - 1}; got {at.min()} ... {at.max()}."
        )
    at = at.astype(np.intp, copy=False)
    seen, times = np.unique(at, return_counts=True)
    if len(seen) < len(at):
        raise ValueError(
            f"rows names {int((times > 1).sum())} row(s) more than once, for "
            f"example {int(seen[times.argmax()])}. Record each row once per call."
        )
    return at


def read_proba(
    proba: Any,
    where: slice | Rows,
    labels: EncodedLabels,
    index: pd.Index,
    logits: bool,
) -> Array:
    """Probabilities or logits of some rows as an array of the right shape.

    Parameters
    ----------
    proba, logits
        As in ``TrainingDynamics.update``.
    where : slice or ndarray of int
        The rows, as :func:`check_rows` returns them.
    labels : EncodedLabels
        Of all rows.
    index : pandas.Index
        Names of all rows.

    Returns
    -------
    ndarray of shape (n_rows, n_classes) or (n_rows, n_labels)
        Probabilities are floats of 32 bits or more. Of two classes there may be one
        logit a row, of shape (n_rows, 1).
    """
    if isinstance(proba, pd.DataFrame):
        proba = _aligned(proba, labels.classes, index, index[where])
    _refuse_outputs(proba)
    block = as_array(proba, "proba")
    if block.dtype.kind not in "fiub":
        raise ValueError(f"proba must be real numbers; got {block.dtype}.")
    n_rows, n_classes = len(labels.codes[where]), len(labels.classes)
    one_logit = logits and not labels.multilabel and n_classes == 2
    if one_logit and block.shape == (n_rows,):
        block = block[:, np.newaxis]
    shapes = [(n_rows, n_classes), *([(n_rows, 1)] if one_logit else [])]
    if block.shape not in shapes:
        raise ValueError(
            f"proba has shape {block.shape}; expected {shapes[0]}: one row per "
            f"recorded row, one column for each of {labels.classes.tolist()[:10]}."
        )
    if not logits and (block.dtype.kind != "f" or block.dtype.itemsize < 4):
        block = block.astype(np.float64)
    return block


def doubts_of_probabilities(
    block: Array, *, multilabel: bool
) -> tuple[NDArray[np.bool_] | None, str]:
    """Which rows are finite (None: all), and what suggests that they are others.

    Parameters
    ----------
    block : ndarray of float of shape (n_rows, n_classes) or (n_rows, n_labels)
        As :func:`read_proba` returns it.
    multilabel : bool
        Whether each column is a label of its own.

    Returns
    -------
    finite : ndarray of bool of shape (n_rows,), or None
    doubt : str
        To warn of; empty, where there is nothing or not all are finite.
    """
    with np.errstate(invalid="ignore", over="ignore"):  # inf - inf: told of below
        sums = block @ np.ones(block.shape[1], dtype=block.dtype)
    if not multilabel and len(block):
        near = np.abs(sums - 1).max() <= SIMPLEX_TOLERANCE
        if near and block.min() >= 0:  # then all are finite, and none is above 1
            return None, ""
    finite = np.isfinite(sums)
    if not finite.all():
        return finite, ""
    low, high = -SIMPLEX_TOLERANCE, 1 + SIMPLEX_TOLERANCE
    n_off, what = 0, "do not sum to 1"
    if not multilabel:
        n_off = int((np.abs(sums - 1) > SIMPLEX_TOLERANCE).sum())
    if not n_off and block.size and (block.min() < low or block.max() > high):
        n_off = int(((block < low) | (block > high)).any(axis=1).sum())
        what = "have values outside [0, 1]"
    if not n_off:
        return None, ""
    return None, (
        f"The probabilities of {n_off:,} of {len(block):,} rows {what}. Are "
        f"they logits? Then say so with TrainingDynamics.update(..., "
        f"logits=True), or end the model in a softmax (for multilabel, a "
        f"sigmoid); with skorch, criterion=torch.nn.CrossEntropyLoss does so. "
        f"The map of anything but probabilities is meaningless."
    )


def doubts_of_logits(
    block: Array, *, multilabel: bool
) -> tuple[NDArray[np.bool_] | None, str]:
    """As :func:`doubts_of_probabilities`: of a softmax that would be taken twice."""
    finite = np.empty(len(block), dtype=bool)
    step = max(1, CHUNK_CELLS // block.shape[1])  # the memory of a few rows
    for start in range(0, len(block), step):
        part = slice(start, start + step)
        finite[part] = np.isfinite(block[part]).all(axis=1)
    if not finite.all():
        return finite, ""
    first = block[:N_ROWS_LOOKED_AT].astype(np.float64)
    alike = first.size and first.min() >= 0 and not multilabel
    is_proba = alike and np.allclose(first.sum(axis=1), 1, atol=1e-3)
    return None, NO_LOGITS if is_proba else ""


def _aligned(
    proba: pd.DataFrame, classes: Array, index: pd.Index, names: pd.Index
) -> pd.DataFrame:
    """Frame of probabilities in the order of the classes, and of the rows recorded."""
    expected, columns = pd.Index(classes), proba.columns
    if not is_default(columns) and len(columns) == len(expected):
        order = columns.get_indexer(expected) if columns.is_unique else [-1]
        if min(order) < 0:
            raise ValueError(
                f"The columns of proba are {columns.tolist()[:10]}, the classes "
                f"{expected.tolist()[:10]}. Name the columns by the classes, or "
                f"pass proba.to_numpy() in the order of classes."
            )
        proba = proba.iloc[:, order]
    given = proba.index
    if len(given) != len(names) or is_default(given) or given.equals(names):
        return proba
    order = [-1]
    if given.is_unique and names.is_unique:
        order = given.get_indexer(names)
    if min(order) >= 0:
        return proba.iloc[order]
    if is_default(index) and not given.isin(names).any():
        return proba  # names of rows that have none here
    raise ValueError(
        f"The index of proba ({given.tolist()[:5]}, ...) is not that of the rows "
        f"recorded ({names.tolist()[:5]}, ...). Give it the names of these rows, "
        f"or pass proba.to_numpy() in their order."
    )


def _refuse_outputs(proba: Any) -> None:
    """Raise ValueError for the tuple that a Trainer or a model may return."""
    if not isinstance(proba, tuple):
        return
    shapes = [np.shape(part) for part in proba if hasattr(part, "shape")]
    if any(len(shape) > 1 for shape in shapes):
        cure = "its .predictions" if hasattr(proba, "predictions") else "proba[0]"
        raise ValueError(
            f"proba is a tuple that holds arrays of shapes {shapes}, as a Trainer "
            f"returns them. Pass the logits or probabilities alone: {cure}."
        )
