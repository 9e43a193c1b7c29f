"""Labels of a matrix on disk: encoded shard by shard, and all together at the end."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.messages import quoted

# What labels are stored as in a shard, by their kind.
SHARD_DTYPES = {
    "integers": np.dtype(np.int64),
    "booleans": np.dtype(np.bool_),
    "texts": np.dtype(np.int32),  # positions among the texts in order of appearance
    "codes": np.dtype(np.int32),  # positions in the classes given
    "sets": np.dtype(np.uint8),  # a 0/1 column for each of the classes given
}


def check_classes(classes: Sequence[Any]) -> list[Any]:
    """All labels as a list of plain values, or a clear error."""
    values: list[Any] = np.asarray(list(classes), dtype=object).tolist()
    values = [v.item() if isinstance(v, np.generic) else v for v in values]
    if len({type(value) for value in values}) > 1 or not all(
        isinstance(value, str | int) for value in values
    ):
        raise ValueError(
            f"classes must be all texts, or all whole numbers; got {classes!r}."
        )
    if len(set(values)) < len(values) or not values:
        raise ValueError(f"classes must be distinct labels; got {classes!r}.")
    return values


def encode_shard(
    labels: Sequence[Any], classes: Sequence[Any] | None, where: Callable[[int], str]
) -> tuple[str, Array, list[str]]:
    """Encode labels, refusing with a clear error what is not a class label.

    Parameters
    ----------
    labels : sequence
        One a row: str, int, bool, or a list of these (multilabel).
    classes : sequence or None
        All labels, if they are known beforehand.
    where : callable
        Position among the labels -> words that name the row.

    Returns
    -------
    kind : str
        A key of ``SHARD_DTYPES``.
    values : ndarray of shape (n_rows,) or (n_rows, n_classes)
        The labels, in the dtype of the kind.
    names : list of str
        What the numbers of the kind "texts" stand for.

    Raises
    ------
    ValueError
        If a label is missing, continuous or not among the classes, or if labels are
        of several types, or lists whose classes are not known.
    """
    kinds = _kinds(labels)
    if "missing" in kinds:
        row = next(i for i, label in enumerate(labels) if _kind(label) == "missing")
        raise ValueError(
            f"{where(row)} has no label ({labels[row]!r}). Drop such rows first, or "
            f"label them."
        )
    if len(kinds) > 1:
        raise ValueError(
            f"Labels mix {' and '.join(sorted(kinds))}, from {where(0)} on. Make all "
            f"of one type."
        )
    kind = kinds.pop() if kinds else "integers"
    if kind == "lists":
        return "sets", _indicator(labels, classes, where), []
    if kind not in ("texts", "integers", "booleans"):
        raise ValueError(
            f"{where(0)} has the label {labels[0]!r} ({type(labels[0]).__name__}). "
            f"Labels must be texts, whole numbers or booleans, or lists of them."
        )
    if classes is not None:
        positions = _positions(labels, classes, where)
        if any(isinstance(name, str) for name in classes):
            return "codes", positions, []
    elif kind == "texts":
        codes, names = pd.factorize(np.array(labels, dtype=object))
        return kind, codes.astype(np.int32), [str(name) for name in names]
    return kind, np.array(labels, dtype=SHARD_DTYPES[kind]), []


def _kinds(labels: Sequence[Any]) -> set[str]:
    types = set(map(type, labels))
    # One look at each label costs as much as a good part of its text.
    if types == {int} and min(labels) >= -(2**63) and max(labels) < 2**63:
        return {"integers"}
    if len(types) == 1 and types <= {str, bool, list}:
        return {_kind(labels[0])}
    return {_kind(label) for label in labels}


def _kind(label: Any) -> str:
    if isinstance(label, str):
        return "texts"
    if isinstance(label, bool | np.bool_):
        return "booleans"
    if isinstance(label, int | np.integer):
        fits = -(2**63) <= label < 2**63
        return "integers" if fits else "integers of more than 64 bits"
    if isinstance(label, list | tuple | set | frozenset | np.ndarray):
        return "lists"
    if label is None or label is pd.NA or label != label:
        return "missing"
    if isinstance(label, float | np.floating):
        return "integers" if float(label).is_integer() else "fractions"
    return type(label).__name__


def _positions(
    labels: Sequence[Any], classes: Sequence[Any], where: Callable[[int], str]
) -> Array:
    """Position of each label among the classes."""
    named = all(isinstance(name, str) for name in classes)
    flat = np.empty(len(labels), dtype=object)
    flat[:] = labels
    if named and not any(isinstance(label, str) for label in labels):
        # Integers that stand for names, as a ClassLabel of Hugging Face has them.
        positions = flat.astype(np.int64)
        positions[(positions < 0) | (positions >= len(classes))] = -1
    else:
        positions = pd.Index(classes, dtype=object).get_indexer(pd.Index(flat))
    if (positions < 0).any():
        row = int((positions < 0).argmax())
        raise ValueError(
            f"{where(row)} has the label {labels[row]!r}, which is not among the "
            f"{len(classes)} classes ({quoted(classes, 8)}). Drop such rows, or name "
            f"all classes."
        )
    return positions.astype(np.int32)


def _indicator(
    labels: Sequence[Any], classes: Sequence[Any] | None, where: Callable[[int], str]
) -> Array:
    if classes is None:
        raise ValueError(
            f"{where(0)} has a list of labels, {labels[0]!r}. Pass classes=, all "
            f"labels that there are, to get one 0/1 column for each."
        )
    lengths = [len(row) for row in labels]
    flat = [label for row in labels for label in row]
    rows = np.repeat(np.arange(len(labels)), lengths)
    kinds = _kinds(flat)
    if len(kinds - {"integers", "texts", "booleans"}) or len(kinds) > 1:
        odd = next(
            i
            for i, v in enumerate(flat)
            if _kind(v) != _kind(flat[0]) or _kind(v) not in SHARD_DTYPES
        )
        raise ValueError(
            f"{where(int(rows[odd]))} has the labels {labels[rows[odd]]!r}; they must "
            f"all be texts, or all whole numbers, and none may be missing."
        )
    values = np.zeros((len(labels), len(classes)), dtype=np.uint8)
    positions = _positions(flat, classes, lambda position: where(int(rows[position])))
    values[rows, positions] = 1
    return values


def final_labels(
    kind: str, names: Sequence[str], classes: Sequence[Any] | None
) -> tuple[np.dtype[Any], list[Any], Callable[[Array], Array]]:
    """How labels are stored in the end.

    Parameters
    ----------
    kind : str
        A key of ``SHARD_DTYPES``.
    names : sequence of str
        The texts, in order of appearance.
    classes : sequence or None
        The classes given.

    Returns
    -------
    dtype : dtype
        Codes of classes are as narrow as pandas wants them: it would convert others,
        and so read them.
    classes : list
        What codes or columns stand for; empty if labels stand for themselves.
    convert : callable
        Labels as stored while building -> as stored in the end.
    """
    if kind in ("integers", "booleans"):
        dtype = SHARD_DTYPES[kind]
        return dtype, [], lambda values: values
    if kind == "sets":
        assert classes is not None
        return SHARD_DTYPES[kind], list(classes), lambda values: values
    order = sorted(range(len(names)), key=names.__getitem__)
    final = [names[i] for i in order] if kind == "texts" else list(classes or ())
    dtype = pd.Categorical([], categories=final).codes.dtype
    if kind == "codes":
        return dtype, final, lambda values: values.astype(dtype)
    ranks = np.empty(len(order), dtype=dtype)
    ranks[order] = np.arange(len(order), dtype=dtype)
    return dtype, final, lambda values: ranks[values]
