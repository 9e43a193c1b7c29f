"""Cells as numbers, however people write them, and words for how they were read."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

# A column with more values than this is looked at for being one of numbers.
FEW_CLASSES = 20
# Of a column of numbers, written where there is none.
NO_NUMBER = {"", "na", "n/a", "nan", "<na>", "null", "none", "?"}
SPACES = " \u00a0\u202f\u2009"
UNIT = re.compile(rf"[$€£¥%{SPACES}]")
CODE = re.compile(r"0\d")
THOUSANDS = ("", ",", ".", " ", "'")  # any space, and both apostrophes
PLAIN = (".", "")
NAMES = {",": "comma", ".": "point", " ": "space", "'": "apostrophe"}

Style = tuple[str, str]  # what stands before the decimals, and between thousands


@dataclass(frozen=True)
class Column:
    """A column of features as it was read.

    Attributes
    ----------
    cells : ndarray of shape (n_samples,)
        Numbers, with NaN for none, or texts, which are categories.
    is_number : bool
        Which of the two.
    told : str
        How it was read, in words.
    """

    cells: NDArray[Any]
    is_number: bool
    told: str


def read_columns(
    cells: dict[str, NDArray[Any]], decimal: str | None, thousands: str | None
) -> dict[str, Column]:
    """Read columns of features as numbers or categories.

    A column is one of numbers when all its cells are, but for empty ones and the like
    (``NA``, ``null``, ``?``). What can be read in two ways is read as the other
    columns of the file.

    Parameters
    ----------
    cells : dict of str to ndarray of str
        The columns.
    decimal, thousands : str or None
        What stands before decimals and between thousands. None: as found.

    Returns
    -------
    dict of str to Column

    Raises
    ------
    ValueError
        If a column is of numbers but for a few cells, or if nothing tells whether a
        comma stands before decimals or between thousands.
    """
    styles: list[Style] = [
        style
        for style in product([decimal] if decimal else [".", ","], THOUSANDS)
        if style[0] not in (style[1], thousands)
        and (thousands is None or style[1] in ("", thousands))
    ]
    fitting = {name: _fitting(name, column, styles) for name, column in cells.items()}
    # The decimals of the columns that leave no choice.
    sure = {
        style[0]
        for found in fitting.values()
        if len(found) == 1
        for style, values in found.items()
        if (np.nan_to_num(values) % 1 != 0).any()
    }
    return {
        name: _column(name, cells[name], found, sure) for name, found in fitting.items()
    }


def _fitting(
    name: str, cells: NDArray[Any], styles: list[Style]
) -> dict[Style, NDArray[np.float64]]:
    """Numbers of a column by the styles that all its cells fit, if they differ."""
    known = np.array([c.strip().lower() not in NO_NUMBER for c in cells.tolist()])
    if not known.any():
        return {}
    n_percent = sum("%" in cell for cell in cells[known].tolist())
    if n_percent not in (0, known.sum()):  # 5% and 0.05 are no two numbers
        return {}
    bare = [
        UNIT.sub(" ", cell).strip().replace("\u2212", "-").replace("\u2019", "'")
        for cell in cells.tolist()
    ]
    bare = [re.sub(r"^([+-]) +", r"\1", cell) for cell in bare]
    there = [cell for cell, is_known in zip(bare, known, strict=True) if is_known]
    found: dict[Style, NDArray[np.float64]] = {}
    for style in styles:
        # Most styles fail at the first cell.
        if all(map(_matcher(style), there)):
            values = np.full(len(cells), np.nan)
            values[known] = [_number(cell, style) for cell in there]
            same = (np.array_equal(values, v, equal_nan=True) for v in found.values())
            if not any(same):
                found[style] = values
    if not found and len(set(there)) > FEW_CLASSES:
        bad = [[not _matcher(style)(cell) for cell in there] for style in styles]
        fewest = min(bad, key=sum)
        if sum(fewest) <= 0.1 * len(there):
            raise ValueError(
                f"Column {name!r} holds numbers, but for {sum(fewest):,} cells, such "
                f"as {cells[known][fewest.index(True)]!r}. Empty them or write a "
                f"number, or leave the column out."
            )
    return found


@lru_cache
def _matcher(style: Style) -> Callable[[str], Any]:
    """Tell whether a cell is a number of a style."""
    decimal, between = map(re.escape, style)
    grouped = rf"[1-9]\d{{0,2}}(?:{between}\d{{3}})+|" if style[1] else ""
    whole = rf"(?:{grouped}\d+)(?:{decimal}\d*)?|{decimal}\d+"
    # Not so large that it were infinite.
    exponent = r"[eE](?:-\d{1,3}|\+?[0-2]?\d{1,2})"
    return re.compile(rf"[+-]?(?:{whole})(?:{exponent})?", re.ASCII).fullmatch


def _number(cell: str, style: Style) -> float:
    return float(cell.replace(style[1], "").replace(style[0], "."))


def _column(
    name: str,
    cells: NDArray[Any],
    found: dict[Style, NDArray[np.float64]],
    sure: set[str],
) -> Column:
    if not found:
        n_values = len(pd.unique(cells))
        told = f"{n_values:,} categories in {len(cells):,} rows"
        doubt = ": is it a number?" if n_values > max(len(cells) / 2, 2) else ""
        return Column(cells, False, told + doubt)
    style = next(iter(found))
    if len(found) > 1:
        alike = [s for s in found if {s[0]} == sure] or [s for s in found if s == PLAIN]
        if not alike:
            example = next((c for c in cells.tolist() if "," in c), cells[0])
            raise ValueError(
                f"Column {name!r} holds cells such as {example!r}, which can be read "
                f"in two ways: add --decimal , or --thousands , to say which."
            )
        style = alike[0]
    values = found[style]
    told = f"numbers from {np.nanmin(values):g} to {np.nanmax(values):g}"
    marks = [f"decimal {NAMES.get(style[0], style[0])}"] if style[0] != "." else []
    if style[1]:
        marks.append(f"thousands {NAMES.get(style[1], style[1])}")
    if any(map(CODE.match, cells.tolist())):
        marks.append("some with leading zeros: are they codes, not numbers?")
    n_missing = int(np.isnan(values).sum())
    marks += [f"{n_missing:,} missing"] if n_missing else []
    return Column(values, True, ", ".join([told, *marks]))
