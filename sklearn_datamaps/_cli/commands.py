"""The subcommands map and apply: a user's file mapped, and its labels corrected."""

import argparse
import shlex
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sklearn_datamaps._cli.corrections import (
    MADE_FROM,
    apply_to_table,
    made_from,
    with_made_from,
)
from sklearn_datamaps._cli.demo import (
    classifier,
    describe,
    list_files,
    make_folder,
    tell,
    write_figure,
)
from sklearn_datamaps._cli.drawing_process import Finish, drawing
from sklearn_datamaps._cli.features import (
    LabelledRows,
    annotated,
    guarded,
    label_notes,
    learner,
    select_rows,
    table_features,
    text_features,
)
from sklearn_datamaps._cli.parser import NAME, one_line, program
from sklearn_datamaps._curation.audit import LabelAudit
from sklearn_datamaps._curation.audit_labels import audit_labels
from sklearn_datamaps._data_map import DataMap
from sklearn_datamaps._io.reading import Reading, Table
from sklearn_datamaps._io.tables import read_table, write_corrected, write_csv
from sklearn_datamaps._views.explorer import explore
from sklearn_datamaps._views.review import review

N_REVIEW = 100
FILES = ("data_map.csv", "review.csv", "data_map.png", "data_map.html", "audit.png")


def map_file(args: argparse.Namespace) -> list[str]:
    """Run the subcommand ``map``.

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
        If the file cannot be mapped with these options.
    OSError
        If it cannot be read or the results not be written.
    """
    features = args.features or []
    if args.label in (args.text, *features):
        raise ValueError(f"--label {args.label} is also what the map would learn from.")
    tell(args, f"reading {args.file}")
    names = [args.label, args.id, args.text, *features]
    table = _read(args, [name for name in names if name is not None])
    rows = select_rows(table, args.label, args.text, args.id, args.na or ())
    if not args.audit and (args.control or args.decided):
        raise ValueError("--control and --decided are for --audit: add it.")
    _check_folder(args)
    with drawing(len(rows.labels)) as draw:
        data_map, audit, told = _map_rows(args, table, rows)
        decided = audit and args.decided and audit.update(args.decided)
        meta = {**data_map.meta, "made_from": made_from(args)}
        data_map = replace(data_map, meta=meta)
        tell(args, "writing")
        audit = None if audit is None else replace(audit, data_map=data_map)
        written = _write_map(args, table, rows, data_map, audit, draw)
        if audit is not None:
            written.append(_write_audit(audit, args.out))
    return [
        *told,
        "\n".join(label_notes(rows.labels)),
        *describe(data_map, data_map.to_frame(), args.top),
        *([] if audit is None else [audit.summary()]),
        *([] if decided is None else [str(decided)]),
        *_left_out(rows),
        list_files(written),
        _next_step(args, written[1]),
    ]


def _map_rows(
    args: argparse.Namespace, table: Table, rows: LabelledRows
) -> tuple[DataMap, LabelAudit | None, list[str]]:
    """Map, audit if it is wished, and how the columns of features were read."""
    carried: dict[str, Any]
    told = []
    if args.text is not None:
        carried = {"text": table.column(args.text)[rows.positions]}
        tell(args, f"vectorizing {len(rows.labels):,} texts: 1-2-gram TF-IDF")
        X = text_features(carried["text"])
    else:
        features = table_features(
            table, args.features, rows.positions, args.decimal, args.thousands
        )
        X, carried = features.X, features.columns
        told = ["\n".join(["Columns as they were read", *features.told])]
    make_folder(args.out)
    tell(args, f"training on {X.shape[1]:,} features")
    labels = pd.Series(rows.labels, index=rows.index)
    unfitted = classifier(learner(), args)
    if not args.audit:
        data_map = unfitted.fit(X, labels).data_map_.with_columns(**carried)
        return data_map, None, told
    verbose = unfitted.verbose
    audit = audit_labels(unfitted, X, labels, random_state=args.seed, verbose=verbose)
    audit = audit.with_columns(**carried, chance_wrong=audit.chance)
    return audit.data_map, audit, told


def apply_file(args: argparse.Namespace) -> list[str]:
    """Run the subcommand ``apply``.

    Parameters
    ----------
    args : argparse.Namespace
        The options of the subcommand.

    Returns
    -------
    list of str
        What to print; the file is written by then.

    Raises
    ------
    ValueError
        If the review does not fit the file, or is not valid.
    OSError
        If a file cannot be read or written.
    """
    review = read_table(args.review, Reading(named=["id", "decision"])).cells
    with_made_from(args, review)
    table = _read(args, [n for n in (args.label, args.text, args.id) if n is not None])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        labels, kept = apply_to_table(table, review, args)
    _note(*(str(warning.message) for warning in caught))
    label = args.label
    relabelled = int((labels != table.column(label)).sum())
    write_corrected(table, args.out, label, labels, kept, [args.review])
    return [
        f"column {label!r}: {relabelled:,} relabelled\n"
        f"rows: {int(kept.sum()):,} kept, {int((~kept).sum()):,} dropped",
        list_files([args.out]),
    ]


def _read(args: argparse.Namespace, named: list[str]) -> Table:
    reading = Reading(
        named,
        args.delimiter,
        args.encoding,
        args.quoting or "auto",
        args.quotechar or '"',
    )
    table = read_table(args.file, reading)
    _note(*table.notes)
    return table


def _note(*notes: str) -> None:
    for note in notes:
        print(f"{NAME}: note: {note}", file=sys.stderr)


def _check_folder(args: argparse.Namespace) -> None:
    """Refuse to write over the file, or over decisions that are not applied yet."""
    for name in FILES:
        path = args.out / name
        if path.exists() and path.samefile(args.file):
            raise ValueError(f"--out {args.out}: {name} would replace the file itself.")
    path = args.out / "review.csv"
    if path.is_file():
        decisions = read_table(path, Reading(named=["decision"])).column("decision")
        if any(decision.strip() for decision in decisions):
            raise ValueError(
                f"{path} holds decisions, which would be lost. Move it, or name "
                f"another folder with --out."
            )


def _write_map(
    args: argparse.Namespace,
    table: Table,
    rows: LabelledRows,
    data_map: DataMap,
    audit: LabelAudit | None,
    draw: Callable[[DataMap, Path], Finish],
) -> list[Path]:
    picture = draw(data_map, args.out)
    if audit is None:
        listed = review(data_map, n=N_REVIEW)
    else:
        listed = audit.review(n=N_REVIEW, n_random=args.control or 0)
    written = [
        write_csv(annotated(table, rows, data_map), args.out / "data_map.csv"),
        write_csv(guarded(listed), args.out / "review.csv", mark=True),
    ]
    pages = []
    try:
        pages.append(explore(data_map, args.out / "data_map.html"))
    except ImportError as error:
        _note(f"data_map.html left out: {one_line(error)}")
    return [*written, picture(), *pages]


def _write_audit(audit: LabelAudit, folder: Path) -> Path:
    import matplotlib.pyplot as plt

    figure = audit.plot()[0].figure
    path = write_figure(figure, folder / "audit.png")
    plt.close(figure)
    return path


def _left_out(rows: LabelledRows) -> list[str]:
    lacks = [f"{n:,} without a {what}" for what, n in rows.left_out.items() if n]
    if not lacks:
        return []
    return [f"Rows not mapped, but kept in data_map.csv: {', '.join(lacks)}"]


def _next_step(args: argparse.Namespace, review_path: Path) -> str:
    words = ["apply", str(args.file), str(review_path), "--out", "corrected.csv"]
    # The page saves decisions that do not name the columns.
    for option in MADE_FROM:
        value = None if option == "features" else getattr(args, option)
        for word in [] if value is None else np.atleast_1d(value).tolist():
            words += [f"--{option}", word]
    return f"Fill in the decisions, then: {program()} {shlex.join(words)}"
