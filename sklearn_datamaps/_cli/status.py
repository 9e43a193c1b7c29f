"""The subcommand status: how far a review is, and what to read next."""

import argparse
import os
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_datamaps._cli.answers import guarded
from sklearn_datamaps._cli.commands import read
from sklearn_datamaps._cli.corrections import with_made_from
from sklearn_datamaps._cli.demo import list_files, noted
from sklearn_datamaps._cli.options import MAP_FILE
from sklearn_datamaps._cli.parser import program
from sklearn_datamaps._cli.rows import select_rows
from sklearn_datamaps._cli.sources import free_name, listed
from sklearn_datamaps._cli.summaries import as_json, progress_summary
from sklearn_datamaps._core.atomic import finish_placing, is_half_placed, locked
from sklearn_datamaps._core.messages import quoted
from sklearn_datamaps._curation.apply_review import decided_rows
from sklearn_datamaps._curation.audit import LabelAudit
from sklearn_datamaps._curation.brought_along import (
    bring_along,
    with_decisions,
)
from sklearn_datamaps._curation.control_rows import HIDDEN
from sklearn_datamaps._curation.stored_audit import audit_of
from sklearn_datamaps._data_map import DataMap
from sklearn_datamaps._io.files import endings
from sklearn_datamaps._io.reading import Reading
from sklearn_datamaps._io.tables import PLACE, read_table, with_places, write_csv
from sklearn_datamaps._views.review import review_of


def status(args: argparse.Namespace) -> list[str]:
    """Run the subcommand ``status``.

    Parameters
    ----------
    args : argparse.Namespace
        The options of the subcommand.

    Returns
    -------
    list of str
        What to print; all files are written by then.

    Raises
    ------
    ValueError
        If map, review and file are not of one another, or nothing was decided.
    OSError
        If a file cannot be read or written.
    """
    if is_half_placed(folder := args.review.parent):
        with locked(folder):
            finish_placing(folder)
    _check_next(args)
    review = read_table(args.review, Reading(named=["id", "decision"])).cells
    data_map = _map_beside(args)
    # A review written by hand does not say what the map was made from.
    said = review.reindex(columns=["made_from"], fill_value="")
    by_map = pd.DataFrame({"made_from": [data_map.meta.get("made_from", "")]})
    with_made_from(args, pd.concat([by_map, said]))
    _check_file(args, data_map)
    if "label_quality" not in data_map.measure_names():
        raise ValueError(
            "The map is in-sample, or has too many classes to tell the chance of being "
            "wrong: what is left cannot be said. Map again with folds (--cv 2) or "
            "--audit."
        )
    audit = audit_of(data_map)
    if not len(decided_rows(review)):
        return _nothing_decided(args, len(review))
    with noted():
        progress = audit.update(
            review, n_next=args.rows, worth=args.worth, new_labels=args.new_labels
        )
    written = [] if args.next is None else _write_next(args, audit, review)
    if args.json:
        files = [str(path) for path in written]
        return [as_json({**progress_summary(progress), "files": files})]
    return [
        str(progress),
        *([list_files(written)] if written else []),
        _advice(args, stop=progress.stop),
    ]


def _nothing_decided(args: argparse.Namespace, n_rows: int) -> list[str]:
    if args.next is not None:
        raise ValueError(
            f"Nothing is decided yet in {str(args.review)!r}: read its rows before you "
            f"ask for the next ones."
        )
    if args.json:
        return [as_json({"reviewed": 0, "found": 0, "rows": n_rows, "stop": False})]
    return [
        f"Nothing is decided yet: {n_rows:,} rows wait. Write keep, relabel or drop "
        f"in the column decision."
    ]


def _map_beside(args: argparse.Namespace) -> DataMap:
    path = args.review.parent / MAP_FILE if args.map is None else args.map
    if not path.exists():
        raise ValueError(
            f"There is no map {str(path)!r}: give --map, the {MAP_FILE} that map wrote."
        )
    return DataMap.from_parquet(path)


def _check_file(args: argparse.Namespace, data_map: DataMap) -> None:
    """Refuse a file of which a mapped row has another label by now."""
    several = args.id == PLACE  # files that were mapped together
    names = [] if several else listed(args.id)
    table = read(args, [*listed(args.label), *listed(args.text), *names])
    if several and PLACE not in table.cells:
        table = with_places(table)
    rows = select_rows(
        table,
        args.label,
        args.text,
        args.id,
        args.na or (),
        args.label_sep,
        classes=1 if several else 2,
    )
    mapped = _of_file(args, data_map)
    y = rows.y
    if isinstance(y, pd.DataFrame) and several:  # one file may lack a label of others
        classes = data_map.classes.tolist()
        others = [name for name in y if name not in classes]
        y = y.reindex(columns=[*classes, *others], fill_value=False)
    now = y.reindex(data_map.index[mapped]).to_numpy()
    before = data_map.label[mapped]
    if now.shape != before.shape:
        raise ValueError(
            f"{str(args.file)!r} has {now.shape[1:]} labels a row, but the map "
            f"{before.shape[1:]}: name the file that was mapped."
        )
    same = np.reshape(now == before, (len(before), -1))
    changed = int((~same.all(axis=1)).sum())
    if changed:
        raise ValueError(
            f"{changed:,} of the {len(before):,} mapped rows have another label "
            f"in {str(args.file)!r}, or are gone. If decisions were applied since, map "
            f"again: {program()} map {shlex.join([str(args.file)])} ... --decided "
            f"{shlex.join([str(args.review)])}"
        )


def _of_file(args: argparse.Namespace, data_map: DataMap) -> NDArray[np.bool_]:
    """The mapped rows that are of FILE: all, unless it is one of several files."""
    if args.id != PLACE or args.file.is_dir():
        return np.ones(data_map.n_samples, dtype=bool)
    files = [str(place).rpartition(":")[0] for place in data_map.index]
    mapped = np.array([file == str(args.file) for file in files])
    if not mapped.any():
        raise ValueError(
            f"{str(args.file)!r} is none of the files that were mapped: "
            f"{quoted(dict.fromkeys(files), 5)}. Name one of them as it is there, or "
            f"their folder."
        )
    return mapped


def _check_next(args: argparse.Namespace) -> None:
    """Refuse to write the next review over what is read, or what is there."""
    path: Path | None = args.next
    if path is None:
        return
    for taken in (args.file, args.review):
        if taken.exists() and path.exists() and path.samefile(taken):
            raise ValueError(f"--next {path} would replace {taken}, which is read.")
    if os.path.lexists(path) and not args.force:
        raise ValueError(f"--next {path} exists. Name another file, or add --force.")


def _write_next(
    args: argparse.Namespace, audit: LabelAudit, review: pd.DataFrame
) -> list[Path]:
    """Write the rows that come next, and below them all that was decided."""
    data_map = audit.data_map
    brought = bring_along(data_map, decided_rows(review))
    n = min(args.rows + len(brought.cells), data_map.confidence.size)
    ranked = data_map.rank("label_quality", n_samples=n)
    cells = tuple(np.atleast_2d(ranked.T))
    queue = review_of(data_map, cells, "label_quality")
    if "drawn" in review:  # whose rows are not to be told apart
        shown = [name for name in HIDDEN if name in queue]
        queue = queue.drop(columns=shown).assign(drawn=review["drawn"].iloc[0])
    write_csv(
        guarded(with_decisions(data_map, queue, brought, args.rows)),
        args.next,
        mark=True,
    )
    return [args.next]


def _advice(args: argparse.Namespace, *, stop: bool) -> str:
    file, review = str(args.file), args.next or args.review
    if stop:
        ending = "".join(endings(args.file)) or ".csv"
        out = free_name(f"corrected{ending}")
        words = ["apply", file, str(review), "--out", out]
        return f"To correct the labels: {program()} {shlex.join(words)}"
    if args.next is not None:
        words = ["status", file, str(args.next)]
        words += [] if args.map is None else ["--map", str(args.map)]
        return f"Fill in the decisions, then: {program()} {shlex.join(words)}"
    words = ["status", file, str(args.review), "--next", free_name("next.csv")]
    words += [] if args.map is None else ["--map", str(args.map)]
    return f"For the next rows: {program()} {shlex.join(words)}"
