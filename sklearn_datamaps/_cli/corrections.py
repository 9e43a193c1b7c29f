"""The decisions of a review applied to a user's file: which columns it speaks of."""

import re
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_datamaps._cli.features import FORMULA, NO_NUMBER, reserved, row_names
from sklearn_datamaps._core.messages import quoted
from sklearn_datamaps._curation.apply_review import apply_review
from sklearn_datamaps._io.tables import Table, is_empty


def apply_to_table(
    table: Table,
    review: pd.DataFrame,
    label: str | None = None,
    text: str | None = None,
    name: str | None = None,
) -> tuple[str, NDArray[Any], NDArray[np.bool_]]:
    """Labels of a file as a review says.

    Parameters
    ----------
    table : Table
        The file that was mapped.
    review : pandas.DataFrame
        Its review, as text.
    label, text, name : str, default=None
        Columns of the labels, texts and names of the rows. None: those that hold what
        the review says of its rows.

    Returns
    -------
    label : str
        Column of the labels.
    labels : ndarray of str of shape (n_samples,)
        The corrected labels.
    kept : ndarray of bool of shape (n_samples,)
        False where a row is to be dropped.

    Raises
    ------
    ValueError
        If the review is stale, of other data or not valid, or two columns fit.
    """
    missing = [c for c in ("id", "label", "decision") if c not in review]
    if missing:
        raise ValueError(f"The review lacks the columns {missing}.")
    if not len(review):
        raise ValueError("The review has no rows.")
    names, rows = _find_names(table, review, name)
    label = label or _find_label(table, review, rows)
    if text is None and "text" in review:
        fitting = [c for c in _fitting(table, review["text"], rows) if c != label]
        if not fitting:
            raise _stale("No column holds the texts of the review", "--text")
        text = fitting[0]
    _check_features(table, review, rows)
    labels = table.column(label)
    labelled = ~is_empty(labels)
    kept = np.ones(len(table), dtype=bool)
    texts = None if text is None else table.column(text)[labelled]
    corrected, kept[labelled] = apply_review(
        labels[labelled], review, texts, index=names[labelled]
    )
    labels = labels.copy()
    labels[labelled] = corrected
    return label, labels, kept


def _find_names(
    table: Table, review: pd.DataFrame, name: str | None
) -> tuple[pd.Index, NDArray[np.intp]]:
    """Names of the rows of the file, and the rows of the review in it."""
    options = (
        [name]
        if name is not None
        else [None, *dict.fromkeys(table.cells.columns.tolist())]
    )
    found: dict[bytes, tuple[pd.Index, NDArray[np.intp]]] = {}
    for option in options:
        try:
            names = row_names(table, option)
        except ValueError:
            if name is not None:
                raise
            continue
        index = pd.Index(names.astype(str))
        rows = index.get_indexer(review["id"])
        rows = np.where(rows < 0, index.get_indexer(review["id"].map(_bare)), rows)
        if (rows >= 0).all():
            found.setdefault(rows.tobytes(), (names, rows))
    if not found:
        raise _stale(f"The review has rows that {table.path} has not", "--id")
    telling = review["text" if "text" in review else "label"]
    fitting = [f for f in found.values() if _fitting(table, telling, f[1])]
    fitting = fitting or list(found.values())
    if len(fitting) > 1:
        raise ValueError(
            "More than one column could name the rows; say which one with --id."
        )
    return fitting[0]


def _find_label(table: Table, review: pd.DataFrame, rows: NDArray[np.intp]) -> str:
    fitting = _fitting(table, review["label"], rows)
    if not fitting:
        raise _stale("No column holds the labels of the review", "--label")
    if len(fitting) > 1:
        raise ValueError(
            f"The columns {quoted(fitting)} all hold the labels of the review; say "
            f"which one to correct with --label."
        )
    return fitting[0]


def _stale(problem: str, option: str) -> ValueError:
    return ValueError(
        f"{problem}: it is stale or of other data (was it applied before?). If not, "
        f"name the column with {option}."
    )


def _fitting(table: Table, said: pd.Series, rows: NDArray[np.intp]) -> list[str]:
    """Columns of the file that hold in these rows what the review says."""
    columns = list(table.cells.columns)
    return [
        name
        for name in columns
        if columns.count(name) == 1
        and all(map(_same, table.column(name)[rows].tolist(), said.tolist()))
    ]


def _same(cell: str, said: str) -> bool:
    """Whether a review says what a cell holds, up to line ends and the guard."""
    cell, said = ("\n".join(re.split("\r\n?", text)) for text in (cell, said))
    return cell in (said, _bare(said))


def _bare(text: str) -> str:
    return text[1:] if text[:1] == "'" and FORMULA.match(text[1:]) else text


def _check_features(table: Table, review: pd.DataFrame, rows: NDArray[np.intp]) -> None:
    """Refuse a review whose features are not those of the file."""
    for name in review.columns.difference(list(reserved())):
        column = _bare(name)
        if column not in table.cells:
            column = column.removeprefix("feature_")
        if column not in table.cells:
            continue
        cells = table.column(column)[rows].tolist()
        for cell, said, at in zip(cells, review[name], review["id"], strict=True):
            if not (_same(cell, said) or _same_number(cell, said)):
                raise _stale(
                    f"Column {column!r} of row {at} holds {cell!r}, but the review "
                    f"says {said!r}",
                    "--id",
                )


def _same_number(cell: str, said: str) -> bool:
    try:
        return bool(np.isclose(float(cell), float(said), rtol=1e-9, atol=0))
    except ValueError:
        return cell.strip().lower() in NO_NUMBER and not said
