"""The decisions of a review applied to a user's file."""

import argparse
import json
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_datamaps._cli.features import carried_name
from sklearn_datamaps._cli.labels import corrected_cells
from sklearn_datamaps._cli.numbers import read_columns
from sklearn_datamaps._cli.rows import LabelledRows, select_rows
from sklearn_datamaps._cli.sources import listed
from sklearn_datamaps._core.messages import quoted, warn_caller
from sklearn_datamaps._curation.apply_review import apply_review, decided_cells
from sklearn_datamaps._io.reading import Table
from sklearn_datamaps._io.tables import with_places
from sklearn_datamaps._views.review import FORMULA

# Options of map that apply needs, too; a review names them.
MADE_FROM = ["label", "text", "features", "id", "na"]
MADE_FROM += ["label_sep", "format", "delimiter", "encoding", "quoting", "quotechar"]


def made_from(args: argparse.Namespace) -> str:
    """Options of ``map`` that a review was made with, as one cell holds them.

    Parameters
    ----------
    args : argparse.Namespace
        The options.

    Returns
    -------
    str
        JSON, which no spreadsheet takes for something else.
    """
    given = {name: getattr(args, name) for name in MADE_FROM}
    return json.dumps({k: v for k, v in given.items() if v}, ensure_ascii=False)


def with_made_from(args: argparse.Namespace, review: pd.DataFrame) -> None:
    """Set the options of ``apply`` that are not given to those the review names.

    Parameters
    ----------
    args : argparse.Namespace
        The options, which are changed.
    review : pandas.DataFrame
        The review, as text.

    Raises
    ------
    ValueError
        If neither the user nor the review names the labels.
    """
    named: dict[str, Any] = {}
    for cell in dict.fromkeys(review.get("made_from", ())):
        with suppress(ValueError, RecursionError):  # a blank row, say
            found = json.loads(cell)
            named = found if isinstance(found, dict) else named
    for name in MADE_FROM:
        if not getattr(args, name, None):
            setattr(args, name, named.get(name))
    if args.label is None:
        raise ValueError(
            "The review does not name the columns it was made from: give --label, and "
            "--text and --id as they were for map."
        )


def apply_to_table(
    table: Table, review: pd.DataFrame, args: argparse.Namespace
) -> tuple[dict[str, NDArray[Any]], NDArray[np.bool_], int]:
    """Labels of a file as a review says.

    Parameters
    ----------
    table : Table
        The file that was mapped.
    review : pandas.DataFrame
        Its review, as text.
    args : argparse.Namespace
        Columns ``label``, ``text``, ``id`` and ``features``, what is ``na``, and
        whether ``new_labels`` are taken.

    Returns
    -------
    columns : dict of str to ndarray of str of shape (n_samples,)
        The cells of the columns of labels, corrected.
    kept : ndarray of bool of shape (n_samples,)
        False where a row is to be dropped.
    n_changed : int
        How many labels are others than before.

    Raises
    ------
    ValueError
        If the review is stale, of other data or not valid.
    """
    names = listed(args.label)
    rows = select_rows(table, names, args.text, args.id, args.na or (), args.label_sep)
    if args.features:
        _check_features(table, review, rows, args)
    kept = np.ones(len(table), dtype=bool)
    y, kept[rows.positions] = apply_review(
        rows.y, review, rows.texts, index=rows.index, new_labels=args.new_labels
    )
    after = rows.cells.codes.copy()
    after[rows.positions] = y.to_numpy()
    if args.label_sep is not None and len(names) == 1:
        emptied = kept & rows.cells.codes.any(axis=1) & ~after.any(axis=1)
        if emptied.any():
            warn_caller(
                f"{int(emptied.sum()):,} rows have no label left. An empty cell says "
                f"that nothing is known, so map will leave them out: write a label of "
                f"its own for none of them, or use lists (JSON)."
            )
    columns = corrected_cells(table, names, args.label_sep, rows.cells, after)
    return columns, kept, int((after != rows.cells.codes).sum())


def of_one_file(table: Table, review: pd.DataFrame) -> tuple[Table, pd.DataFrame]:
    """Rows of a file as a review of several files names them, and its part of that.

    Parameters
    ----------
    table : Table
        One of the files.
    review : pandas.DataFrame
        The review, as text.

    Returns
    -------
    table : Table
        With the names of the rows as a column.
    review : pandas.DataFrame
        Its rows that are of this file.

    Raises
    ------
    ValueError
        If there is none.
    """
    # A spreadsheet may write the name with a capital letter; none is told of later.
    name = next((n for n in review if str(n).strip().lower() == "id"), None)
    if name is None:
        return with_places(table), review
    files = review[name].str.rpartition(":")[0]
    mine = (files == str(table.file)).to_numpy()
    if not mine.any():
        raise ValueError(
            f"The review is of the files {quoted(sorted(set(files)), 5)}; apply "
            f"corrects one of them, named as it is there. Got {table.file}."
        )
    return with_places(table), review[mine]


def _check_features(
    table: Table,
    review: pd.DataFrame,
    rows: LabelledRows,
    args: argparse.Namespace,
) -> None:
    """Refuse a review that says of a decided row other features than the file."""
    decided, cells, *_ = decided_cells(
        rows.y, review, index=rows.index, new_labels=args.new_labels
    )
    at = rows.positions[np.array([cell[0] for cell in cells], dtype=np.intp)]
    for name in args.features:
        carried = carried_name(name)
        carried = f"'{carried}" if FORMULA.match(carried) else carried
        if carried not in decided:
            continue
        found = table.column(name)[at].tolist()
        for cell, said, row in zip(found, decided[carried], decided["id"], strict=True):
            if not _same(cell, str(said)):
                raise ValueError(
                    f"Column {name!r} of row {row} holds {cell!r}, but the review says "
                    f"{said!r}: it is stale or of other data (was it applied before?)."
                )


def _same(cell: str, said: str) -> bool:
    """Whether a cell of a review says what one of the file does, or the same number."""
    bare = said[1:] if said[:1] == "'" and FORMULA.match(said[1:]) else said
    if " ".join(bare.split()) == " ".join(cell.split()):
        return True
    numbers, of_review = _as_numbers(cell), _as_numbers(said)
    if not said.strip():
        return not numbers  # missing in both
    return any(np.isclose(a, b, rtol=1e-6) for a in numbers for b in of_review)


def _as_numbers(cell: str) -> list[float]:
    """What a cell can be read as; the spreadsheet may write another comma than we."""
    numbers: list[float] = []
    for decimal in (".", ","):
        (column,) = read_columns({"": np.array([cell], object)}, decimal, None).values()
        numbers += column.cells.tolist() if column.is_number else []
    return numbers
