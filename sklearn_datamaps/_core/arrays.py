"""Arrays of any library as NumPy arrays, and logits as probabilities.

Tensors are told by what they can do (``__array__``, ``__dlpack__``), never by their
class: no library of tensors is imported.
"""

from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax

Array = NDArray[Any]
Rows = NDArray[np.intp]  # positions of rows
FEW = 8  # columns, from which on NumPy adds up a row in another order


def as_array(values: Any, name: str) -> Array:
    """View or copy of an array, a tensor, or nested lists as a NumPy array.

    Parameters
    ----------
    values : array-like
        Anything NumPy can read, or with ``__array__`` or ``__dlpack__``. A tensor
        that records gradients is detached.
    name : str
        What to call it in an error.

    Returns
    -------
    ndarray
        It shares its memory with values where it can: not to be written to.

    Raises
    ------
    TypeError
        If the values cannot be read: they are on another device, sparse, or of a type
        of numbers that NumPy does not know. The message says what to do.
    ValueError
        If values of a masked array are masked, or lists have several lengths.

    Examples
    --------
    >>> from sklearn_datamaps._core.arrays import as_array
    >>> as_array([[0.9, 0.1]], "proba")
    array([[0.9, 0.1]])
    """
    values = complete(values, name)
    if isinstance(values, list | tuple) and any(map(_records, values)):
        values = [detached(value) for value in values]
    by_dlpack = hasattr(values, "__dlpack__") and not hasattr(values, "__array__")
    try:
        array: Array = np.from_dlpack(values) if by_dlpack else np.asarray(values)
    except (TypeError, RuntimeError, BufferError) as error:
        raise TypeError(
            f"{name} cannot be read as a NumPy array: {_description(values)}. "
            f"{_cure(values)} ({error})"
        ) from error
    # JAX gives its bfloat16 a type of NumPy that NumPy cannot calculate with; a
    # sparse matrix is one object to NumPy.
    if array.dtype.kind == "V" or (array.ndim == 0 and hasattr(values, "tocsr")):
        raise TypeError(
            f"{name} cannot be read as a NumPy array: {_description(values)}. "
            f"{_cure(values)}"
        )
    return native(array)


def complete(values: Any, name: str) -> Any:
    """Values of which NumPy reads all and no more: without gradients and masks.

    Parameters
    ----------
    values : array-like
        Anything; a tensor that records gradients is detached.
    name : str
        What to call it in an error.

    Raises
    ------
    ValueError
        If values of a masked array are masked; NumPy would read what is below.
    """
    if isinstance(values, np.ma.MaskedArray) and np.any(values.mask):
        raise ValueError(
            f"{name} is a masked array in which {np.sum(values.mask):,} values are "
            f"masked. Leave their rows out, or fill them: {name}.filled(...)."
        )
    return detached(values)


def native(array: Array) -> Array:
    """Array in the byte order of the machine, which pandas and learners ask for."""
    if array.dtype.isnative:
        return array
    return array.astype(array.dtype.newbyteorder("="))


def _records(values: Any) -> bool:
    return bool(getattr(values, "requires_grad", False)) and hasattr(values, "detach")


def detached(values: Any) -> Any:
    """Values, or of a tensor that records gradients one that does not."""
    return values.detach() if _records(values) else values


def _description(values: Any) -> str:
    """What was given: its class, and where it has them type of numbers and device."""
    kind = type(values)
    facts = [
        f"{attribute} {getattr(values, attribute)}"
        for attribute in ("dtype", "device", "layout")
        if getattr(values, attribute, None) is not None
    ]
    package = kind.__module__.split(".")[0]
    given = f"it is a {'' if package == 'builtins' else package + ' '}{kind.__name__}"
    return f"{given} ({', '.join(facts)})" if facts else given


def _cure(values: Any) -> str:
    dtype = str(getattr(values, "dtype", ""))
    if "cpu" not in str(getattr(values, "device", "cpu")).lower():
        return "Move it to the CPU first: .cpu() in PyTorch, .get() in CuPy."
    if hasattr(values, "tocsr"):
        return "Make it dense first: .toarray()."
    if "strided" not in str(getattr(values, "layout", "strided")):
        return "Make it dense first: .to_dense()."
    if "bfloat" in dtype or "float8" in dtype:
        return (
            "NumPy has no such numbers; convert it to float32 first: .float() in "
            "PyTorch, .astype('float32') elsewhere."
        )
    return "Pass one array or tensor, or lists of plain numbers."


def probabilities(logits: Array, *, multilabel: bool) -> Array:
    """Probabilities of logits, in float64.

    Parameters
    ----------
    logits : ndarray of shape (n_rows, n_classes), (n_rows, 1) or (n_rows, n_labels)
        Finite real numbers. One column: the logit of the second of two classes.
    multilabel : bool
        Whether each column is a label of its own.

    Returns
    -------
    ndarray of float64 of shape (n_rows, n_classes) or (n_rows, n_labels)
        Softmax over the columns; of one column the logistic function of both sides;
        multilabel: the logistic function.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_datamaps._core.arrays import probabilities
    >>> probabilities(np.array([[0.0, np.log(3)]]), multilabel=False)
    array([[0.25, 0.75]])
    >>> probabilities(np.array([[np.log(3)]]), multilabel=False)
    array([[0.25, 0.75]])
    """
    if multilabel:
        return np.asarray(expit(logits.astype(np.float64)))
    if logits.shape[1] == 1:
        logit = logits[:, 0].astype(np.float64)
        # Both sides on their own: 1 - expit(40) is 0, expit(-40) is not.
        return np.column_stack([expit(-logit), expit(logit)])
    # Along the first axis: NumPy is several times as fast over a few long rows.
    columns = np.ascontiguousarray(logits.T, dtype=np.float64)
    with np.errstate(over="ignore"):  # a difference beyond float64: its exp is 0
        return np.asarray(softmax(columns, axis=0).T)


def row_sums(values: Array) -> Array:
    """``values.sum(axis=1)``, the same bits: of few columns, a fortieth of the time."""
    if 1 < values.shape[1] < FEW:
        return np.asarray(reduce(np.add, values.T))
    return np.asarray(values.sum(axis=1))


def row_maxima(values: Array) -> Array:
    """``values.max(axis=1)``; of few columns, a fortieth of the time."""
    if 1 < values.shape[1] < FEW:
        return np.asarray(reduce(np.maximum, values.T))
    return np.asarray(values.max(axis=1))
