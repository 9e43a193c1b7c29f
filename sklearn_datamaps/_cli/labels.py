"""Labels as a file has them: one a row, several in a cell, or a column each."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_datamaps._core.labels import plain
from sklearn_datamaps._core.messages import quoted
from sklearn_datamaps._io.reading import Table, escaped, is_missing, text_of

# What a column that is one label says, in small letters.
SET = ("1", "1.0", "true", "yes", "y", "t", "x")
UNSET = ("0", "0.0", "false", "no", "n", "f", "-")


@dataclass(frozen=True)
class LabelCells:
    """The labels of a file.

    Attributes
    ----------
    codes : ndarray of str of shape (n_samples,), or of bool (n_samples, n_labels)
        The label of each row; several a row: which it has.
    classes : list of str or None
        Names of the labels, if a row can have several.
    missing : ndarray of bool of shape (n_samples,)
        Rows that are not labelled.
    """

    codes: NDArray[Any]
    classes: list[str] | None
    missing: NDArray[np.bool_]


def read_labels(
    table: Table,
    names: Sequence[str],
    sep: str | None,
    na: Sequence[str],
    *,
    several: bool = False,
) -> LabelCells:
    """Read the labels of a file.

    Parameters
    ----------
    table : Table
        The file.
    names : sequence of str
        The column of the labels; of several, each is a label that a row has or not.
    sep : str or None
        What stands between labels in a cell. None: each cell is one label, unless all
        hold lists, some of several labels.
    na : sequence of str
        Labels that say that there is none.
    several : bool, default=False
        Whether lists are of several labels even if none holds more than one.

    Returns
    -------
    LabelCells

    Raises
    ------
    ValueError
        If a column is missing, or one of several says neither yes nor no.
    """
    if len(names) > 1:
        return _of_columns(table, names, na)
    cells = table.column(names[0])
    lists = lists_of(cells, sep, several=several)
    if lists is None:
        values = np.array([escaped(cell) for cell in cells], dtype=object)
        return LabelCells(values, None, is_missing(cells, na))
    texts = [
        [escaped(plain(entry)) for entry in entries or () if entry is not None]
        for entries in lists
    ]
    classes = sorted({text for row in texts for text in row} - set(na))
    column = {name: at for at, name in enumerate(classes)}
    values = np.zeros((len(cells), len(classes)), dtype=bool)
    for row, found in enumerate(texts):
        values[row, [column[text] for text in found if text in column]] = True
    # An empty list is an answer, an empty cell is none.
    missing = [
        entries is None or (bool(entries) and not set(found) & set(classes))
        for entries, found in zip(lists, texts, strict=True)
    ]
    return LabelCells(values, classes, np.array(missing, dtype=bool))


def lists_of(
    cells: NDArray[Any], sep: str | None, *, several: bool = False
) -> list[list[Any] | None] | None:
    """Labels of each row, None where there is no cell; None if these are no lists.

    Parameters
    ----------
    cells : ndarray of str
        Cells of a column.
    sep : str or None
        What stands between labels. None: lists are written as JSON.
    several : bool, default=False
        As in :func:`read_labels`.

    Returns
    -------
    list of list, or None
    """
    bare = [cell.strip() for cell in cells.tolist()]
    if sep == "":
        raise ValueError("--label-sep must hold a character; got ''.")
    if sep is not None:
        parts = [[part.strip() for part in cell.split(sep)] for cell in bare]
        return [[p for p in row if p] or None for row in parts]
    if not all(cell[:1] == "[" for cell in bare if cell):
        return None
    if not several and set(bare) <= {"", "[]"}:
        return None
    try:
        lists = [json.loads(cell) if cell else None for cell in bare]
    except ValueError:
        return None
    # Of lists of one label, each is a label like any other, and an empty one is none.
    more = several or any(len(entries or ()) > 1 for entries in lists)
    return lists if more else None


def _of_columns(table: Table, names: Sequence[str], na: Sequence[str]) -> LabelCells:
    columns = [table.column(name) for name in names]
    missing = np.any([is_missing(cells, na) for cells in columns], axis=0)
    values = np.zeros((len(table), len(names)), dtype=bool)
    for at, cells in enumerate(columns):
        words = [cell.strip().lower() for cell in cells.tolist()]
        values[:, at] = [word in SET for word in words]
        bad = ~missing & np.array([word not in SET + UNSET for word in words])
        if bad.any():
            raise ValueError(
                f"Of several columns --label, each says of a row whether it has the "
                f"label (1 or 0, true or false, yes or no); column {names[at]!r} holds "
                f"{quoted(pd.unique(cells[bad]), 3)}."
            )
    return LabelCells(values, list(names), missing)


def corrected_cells(
    table: Table,
    names: Sequence[str],
    sep: str | None,
    before: LabelCells,
    after: NDArray[Any],
) -> dict[str, NDArray[Any]]:
    """Cells of the columns of labels that say other labels.

    Parameters
    ----------
    table : Table
        The file.
    names, sep
        As in :func:`read_labels`.
    before : LabelCells
        What that returned.
    after : ndarray of the shape of ``before.codes``
        The labels that are to be.

    Returns
    -------
    dict of str to ndarray of str of shape (n_samples,)
        By the name of the column; cells of other rows are as they were.
    """
    if before.classes is None:
        cells = table.column(names[0]).copy()
        # As they stand in the file, where a label of the map may be escaped.
        of_file = dict(zip(before.codes, cells, strict=True))
        changed = np.flatnonzero(before.codes != after)
        cells[changed] = [of_file.get(label, label) for label in after[changed]]
        return {names[0]: cells}
    if len(names) > 1:
        return {
            name: _flipped(table.column(name), before.codes[:, at], after[:, at])
            for at, name in enumerate(names)
        }
    cells = table.column(names[0]).copy()
    lists = lists_of(cells, sep) or []
    known = {escaped(plain(e)): e for entries in lists for e in entries or ()}
    spaced = f"{sep} " if any(f"{sep} " in cell for cell in cells.tolist()) else sep
    for row in np.flatnonzero((before.codes != after).any(axis=1)):
        wanted = dict(zip(before.classes, after[row], strict=True))
        names_of = {escaped(plain(e)): e for e in lists[row] or ()}
        entries = [e for name, e in names_of.items() if wanted.pop(name, True)]
        entries += [known[name] for name, is_set in wanted.items() if is_set]
        cells[row] = text_of(entries) if spaced is None else spaced.join(entries)
    return {names[0]: cells}


def _flipped(
    cells: NDArray[Any], before: NDArray[Any], after: NDArray[Any]
) -> NDArray[Any]:
    """Cells that say yes or no as another row of the column does."""
    cells = cells.copy()
    # Not the words of --na, which say that nothing is known.
    words = {
        cell.strip().lower() in SET: cell
        for cell in cells.tolist()
        if cell.strip().lower() in SET + UNSET
    }
    for row in np.flatnonzero(before != after):
        cells[row] = words.get(after[row]) or _opposite(cells[row].strip())
    return cells


def _opposite(word: str) -> str:
    """Yes for no, for where no row of a column says yes."""
    other = dict(zip(SET + UNSET, UNSET + SET, strict=True))[word.lower()]
    return other.capitalize() if word[0].isupper() else other
