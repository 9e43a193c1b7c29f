"""The rows of a user's file that can be mapped: their labels, texts and names."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_datamaps._cli.answers import reserved
from sklearn_datamaps._cli.labels import LabelCells, read_labels
from sklearn_datamaps._cli.numbers import FEW_CLASSES
from sklearn_datamaps._cli.sources import listed
from sklearn_datamaps._cli.terminal import cut
from sklearn_datamaps._core.labels import NUMBER, looks_like_none
from sklearn_datamaps._core.messages import quoted
from sklearn_datamaps._io.reading import Table, escaped


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
    several: bool = False,
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
    several : bool, default=False
        Whether lists are of several labels even if none holds more than one.

    Returns
    -------
    LabelledRows

    Raises
    ------
    ValueError
        If a column is missing, the names repeat, there are not two classes, or the
        label is rather a number or a name.
    """
    cells = read_labels(table, listed(label), sep, na, several=several)
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
        if classes > 1:
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
        return pd.RangeIndex(len(table), name=NUMBER), []
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


def is_blank(cells: NDArray[Any]) -> NDArray[np.bool_]:
    return np.array([not cell.strip() for cell in cells.tolist()], dtype=bool)


def n_classes(y: pd.Series | pd.DataFrame) -> int:
    """Number of the labels that rows have."""
    return y.shape[1] if isinstance(y, pd.DataFrame) else int(y.nunique())


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
