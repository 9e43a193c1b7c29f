"""The rows of a map most worth a look."""

import re
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.base_map import BaseDataMap, require_labels, table_of
from sklearn_datamaps._core.labels import plain
from sklearn_datamaps._core.registry import PAPER

# What begins a formula in a spreadsheet, also in the wide form of East Asian keyboards.
FORMULA = re.compile("[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
OWN = (
    *("id", "conflicting_duplicates", "decision", "new_label", "row_hash"),
    "drawn",
)


def row_hashes(data_map: BaseDataMap) -> NDArray[np.str_]:
    """Hash of every row's label and text, the same on every machine.

    Without a carried column ``text``, of its label and name in the index. Line ends
    count as one, since spreadsheets change them.

    Parameters
    ----------
    data_map : DataMap
        The map; multilabel: the label of a row is all its labels together.

    Returns
    -------
    ndarray of str of shape (n_samples,)
        16 hexadecimal digits each. The first is a letter, so that no spreadsheet
        takes a hash for a number.

    Examples
    --------
    >>> from sklearn_datamaps import DataMap
    >>> from sklearn_datamaps._views.review import row_hashes
    >>> data_map = DataMap.from_probabilities([[[0.9, 0.1], [0.8, 0.2]]], [0, 1])
    >>> row_hashes(data_map.with_columns(text=["thanks", "thanks"]))
    array(['eb13ad7ab3d48816', 'c703ffb276427729'], dtype='<U16')
    """
    return _hashes_of(data_map, np.arange(data_map.n_samples))


def conflicting_duplicates(data_map: BaseDataMap) -> NDArray[np.int64]:
    """Count the other rows with the same text and another label, for every row.

    Texts are the same when they differ in nothing but case and surrounding white
    space; a missing text is the same as no other.

    Parameters
    ----------
    data_map : DataMap
        A map that carries the column ``text``.

    Returns
    -------
    ndarray of int, shape of confidence
        Multilabel: rows that differ in this label.

    Examples
    --------
    >>> from sklearn_datamaps import DataMap
    >>> from sklearn_datamaps._views.review import conflicting_duplicates
    >>> data_map = DataMap.from_probabilities([[[0.5, 0.5]] * 3], [0, 1, 1])
    >>> conflicting_duplicates(data_map.with_columns(text=["Hi", "hi ", "bye"]))
    array([1, 1, 0])
    """
    texts = [_folded(value) for value in data_map.columns["text"].tolist()]
    same_text = pd.factorize(np.array(texts, dtype=object))[0]
    known = same_text >= 0
    known[known] = np.bincount(same_text[known])[same_text[known]] > 1
    counts = np.zeros(data_map.confidence.shape, dtype=np.int64)
    labels = data_map.label_codes()
    for column, label in zip(_columns(counts), _columns(labels), strict=True):
        pairs = pd.DataFrame({"text": same_text[known], "label": label[known]})
        alike = pairs.groupby(["text", "label"])["label"].transform("size")
        column[known] = pairs.groupby("text")["label"].transform("size") - alike
    return counts


def _folded(value: Any) -> str | None:
    if isinstance(value, str):
        return value.strip().casefold()
    return None if pd.isna(value) else str(value).strip().casefold()


def review(
    data_map: BaseDataMap, n: int | None = 100, by: str = "confidence"
) -> pd.DataFrame:
    """Rows most worth a look; see :meth:`sklearn_datamaps.DataMap.review`."""
    whole = isinstance(n, int | np.integer) and not isinstance(n, bool)
    if n is not None and not (whole and n > 0):
        raise ValueError(
            f"n must be an integer >= 1, or None for the whole map; got {n!r}."
        )
    require_labels(data_map, "review")
    n = None if n is None else min(int(n), data_map.confidence.size)
    return review_of(
        data_map, tuple(np.atleast_2d(data_map.rank(by, n_samples=n).T)), by
    )


def refuse_own_columns(data_map: BaseDataMap) -> None:
    """Raise ValueError if the map carries columns that a review has of its own."""
    taken = [name for name in OWN if name in data_map.columns]
    if taken:
        raise ValueError(
            f"The map carries {taken}, which the review has columns of its own for. "
            f"Attach them under other names."
        )


def review_of(data_map: BaseDataMap, cells: tuple[Array, ...], by: str) -> pd.DataFrame:
    """List some rows to decide on, in their order; see :func:`review`.

    Parameters
    ----------
    data_map : DataMap
        The map.
    cells : tuple of ndarray of int
        Positions of the rows; multilabel: and of the labels.
    by : str
        Name of the measure to show.
    """
    refuse_own_columns(data_map)
    rows = cells[0]
    data: dict[str, Any] = {"id": _ids(data_map.index[rows]), "position": rows}
    if data_map.multilabel:
        data["label_name"] = data_map.classes[cells[1]]
    columns = data_map.listed_columns
    carried = sorted(columns, key=lambda name: name != "text")
    data |= {name: columns[name][rows] for name in carried}
    names = ("label", "predicted", *PAPER)
    data |= {name: getattr(data_map, name)[cells] for name in names}
    data.setdefault(by, data_map.measure(by)[cells])
    data["region"] = data_map.regions()[cells]
    if "text" in data_map.columns:
        data["conflicting_duplicates"] = conflicting_duplicates(data_map)[cells]
    data |= {"decision": "", "new_label": "", "row_hash": _hashes_of(data_map, rows)}
    if "made_from" in data_map.meta:  # the options of the command line
        data["made_from"] = data_map.meta["made_from"]
    # Objects, so that labels of any type can be written in.
    return table_of(data).astype({"decision": object, "new_label": object})


def _hashes_of(data_map: BaseDataMap, rows: Array) -> NDArray[np.str_]:
    labels = label_texts(data_map.label[rows])
    if "text" in data_map.columns:
        texts = map(text_of, data_map.columns["text"][rows].tolist())
        pairs = zip(labels, texts, strict=True)
        return np.array([hash_of(label, text=text) for label, text in pairs])
    pairs = zip(labels, map(plain, data_map.index[rows]), strict=True)
    return np.array([hash_of(label, name=name) for label, name in pairs])


def _ids(index: pd.Index) -> Array:
    if index.dtype.kind in "iu":
        return index.to_numpy()
    return np.array([plain(name) for name in index], dtype=object)


def _columns(values: Array) -> Iterator[Array]:
    """Views of the columns; an array of one dimension is its only one."""
    yield from values.T if values.ndim == 2 else [values]


def hash_of(label: str, *, text: str | None = None, name: str = "") -> str:
    kind, content = ("id", name) if text is None else ("text", text)
    payload = "\0".join((label, kind, content)).encode("utf-8", "surrogatepass")
    digits = blake2b(payload, digest_size=8).hexdigest()
    return "abcdefabcdefabcd"[int(digits[0], 16)] + digits[1:]


def text_of(value: Any) -> str:
    text = value if isinstance(value, str) else "" if pd.isna(value) else str(value)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def label_texts(labels: Array) -> list[str]:
    if labels.ndim == 1:
        return [plain(label) for label in labels.tolist()]
    digits = np.where(labels, "1", "0")
    return ["".join(row) for row in digits.tolist()]
