"""The subcommands map and apply: a user's file mapped, and its labels corrected."""

import argparse
import shlex
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from sklearn_datamaps._cli.corrections import (
    MADE_FROM,
    apply_to_table,
    made_from,
    of_one_file,
    with_made_from,
)
from sklearn_datamaps._cli.demo import (
    classifier,
    describe,
    filled_in,
    list_files,
    note,
    results,
    tell,
    write_figure,
    write_plot,
    write_review,
)
from sklearn_datamaps._cli.evidence import explain_listed
from sklearn_datamaps._cli.features import (
    Features,
    LabelledRows,
    annotated,
    label_notes,
    learner,
    select_rows,
    table_features,
    text_features,
)
from sklearn_datamaps._cli.parser import program
from sklearn_datamaps._cli.sources import files_given, listed, read_given
from sklearn_datamaps._core.atomic import finish_placing, is_half_placed, locked
from sklearn_datamaps._curation.audit import LabelAudit
from sklearn_datamaps._curation.audit_labels import audit_labels
from sklearn_datamaps._curation.explain import Explanation
from sklearn_datamaps._data_map import DataMap
from sklearn_datamaps._io.files import STREAM, endings
from sklearn_datamaps._io.reading import Reading, Table
from sklearn_datamaps._io.tables import (
    PLACE,
    files_of,
    read_table,
    write_corrected,
    write_csv,
)
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
    labels, texts = listed(args.label), listed(args.text)
    if both := set(labels) & {*texts, *features}:
        raise ValueError(
            f"--label {', '.join(sorted(both))} is also what the map would learn from."
        )
    tell(args, f"reading {', '.join(map(str, files_given(args)))}")
    table = _read(args, [*labels, *texts, *features, *listed(args.id)])
    if PLACE in table.cells:
        if args.id is not None:
            raise ValueError(
                "--id is for one file: rows of several are named by file and line."
            )
        args.id = PLACE
    rows = select_rows(
        table, args.label, args.text, args.id, args.na or (), args.label_sep
    )
    if not args.audit and (args.control or args.decided):
        raise ValueError("--control and --decided are for --audit: add it.")
    _check_inputs(args)
    if (why := filled_in(args.out)) is not None:
        raise ValueError(why)
    features = _features(args, table, rows)
    # Decisions may be made while this runs, half an hour with --audit.
    with results(args.out, FILES, len(table), lambda: filled_in(args.out)) as folder:
        data_map, audit, fitted = _map_rows(args, rows, features)
        decided = audit and args.decided and audit.update(args.decided)
        meta = {**data_map.meta, "made_from": made_from(args)}
        data_map = replace(data_map, meta=meta)
        tell(args, "writing")
        audit = None if audit is None else replace(audit, data_map=data_map)
        explain = partial(explain_listed, fitted, features, rows.y)
        written = _write_map(args, table, rows, data_map, audit, folder, explain)
        if audit is not None:
            written.append(_write_audit(audit, folder))
    return [
        *features.told,
        "\n".join(label_notes(rows.y)),
        *describe(data_map, data_map.to_frame(), args.top),
        *([] if audit is None else [audit.summary()]),
        *([] if decided is None else [str(decided)]),
        *_left_out(rows),
        list_files(args.out / name for name in written),
        _next_step(args, args.out / "review.csv"),
    ]


def _features(args: argparse.Namespace, table: Table, rows: LabelledRows) -> Features:
    """What is learned from, the columns that the map carries, how they were read."""
    if args.text is not None:
        texts: Any = rows.texts
        tell(args, f"vectorizing {len(rows.labels):,} texts: 1-2-gram TF-IDF")
        return Features(text_features(texts), {"text": texts}, [])
    features = table_features(
        table, args.features, rows.positions, args.decimal, args.thousands
    )
    told = ["\n".join(["Columns as they were read", *features.told])]
    return replace(features, told=told)


def _map_rows(
    args: argparse.Namespace, rows: LabelledRows, features: Features
) -> tuple[DataMap, LabelAudit | None, Any]:
    """Map, audit if it is wished, and a classifier that can be asked why."""
    X, carried = features.X, features.columns
    tell(args, f"training on {X.shape[1]:,} features")
    labels = rows.y
    unfitted = classifier(learner(), args)
    if not args.audit:
        fitted = unfitted.fit(X, labels)
        return fitted.data_map_.with_columns(**carried), None, fitted
    verbose = unfitted.verbose
    audit = audit_labels(unfitted, X, labels, random_state=args.seed, verbose=verbose)
    # Of several labels a row, each has a chance: a column has room for one.
    chance = {} if labels.ndim > 1 else {"chance_wrong": audit.chance}
    audit = audit.with_columns(**carried, **chance)
    # Its epochs are not those of the map, so they are not told.
    asked = unfitted.set_params(cv=None, verbose=0).fit(X, labels).estimator_
    return audit.data_map, audit, asked


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
    if is_half_placed(folder := args.review.parent):
        with locked(folder):
            finish_placing(folder)
    if args.file == args.review == STREAM:
        raise ValueError("Only one of FILE and REVIEW can be the standard input.")
    review = read_table(args.review, Reading(named=["id", "decision"])).cells
    with_made_from(args, review)
    if len(files_of(args.file)) > 1:
        raise ValueError(
            f"{args.file} holds several files; apply corrects one of them: name it."
        )
    name = [] if args.id == PLACE else listed(args.id)
    table = rows = _read(args, [*listed(args.label), *listed(args.text), *name])
    if args.id == PLACE:
        rows, review = of_one_file(table, review)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        columns, kept, relabelled = apply_to_table(rows, review, args)
    note(*(str(warning.message) for warning in caught))
    inputs = [args.review]
    note(*write_corrected(table, args.out, columns, kept, inputs, force=args.force))
    return [
        f"column {', '.join(map(repr, columns))}: {relabelled:,} relabelled\n"
        f"rows: {int(kept.sum()):,} kept, {int((~kept).sum()):,} dropped",
        *([] if args.out == STREAM else [list_files([args.out])]),
    ]


def _read(args: argparse.Namespace, named: list[str]) -> Table:
    table = read_given(args, named)
    note(*table.notes)
    return table


def _check_inputs(args: argparse.Namespace) -> None:
    """Refuse to write over what is read."""
    decided = [] if args.decided is None else [Path(args.decided)]
    read = [file for given in files_given(args) for file in files_of(given)]
    read = [file for file in read if file.exists()]
    for name in FILES:
        path = args.out / name
        if path.exists() and any(map(path.samefile, read)):
            raise ValueError(f"--out {args.out}: {name} would replace the file itself.")
        if path.exists() and any(d.exists() and path.samefile(d) for d in decided):
            raise ValueError(
                f"--out {args.out}: {name} would replace the --decided review."
            )


def _write_map(
    args: argparse.Namespace,
    table: Table,
    rows: LabelledRows,
    data_map: DataMap,
    audit: LabelAudit | None,
    folder: Path,
    explain: Callable[[Any], Explanation],
) -> list[str]:
    if audit is None:
        listed = review(data_map, n=N_REVIEW)
    else:
        listed = audit.review(n=N_REVIEW, n_random=args.control or 0)
    write_csv(annotated(table, rows, data_map), folder / "data_map.csv")
    write_plot(data_map, folder)
    # Rows of a review with control rows are judged as in the table: without a reason.
    evidence = None if "drawn" in listed else partial(explain, listed)
    written = write_review(data_map, listed, folder, evidence)
    return ["data_map.csv", "data_map.png", *written]


def _write_audit(audit: LabelAudit, folder: Path) -> str:
    import matplotlib.pyplot as plt

    figure = audit.plot()[0].figure
    write_figure(figure, folder / "audit.png")
    plt.close(figure)
    return "audit.png"


def _left_out(rows: LabelledRows) -> list[str]:
    lacks = [f"{n:,} without a {what}" for what, n in rows.left_out.items() if n]
    if not lacks:
        return []
    return [f"Rows not mapped, but kept in data_map.csv: {', '.join(lacks)}"]


def _next_step(args: argparse.Namespace, review_path: Path) -> str:
    if isinstance(args.file, list) or args.file.is_dir():
        file, out = "FILE", "CORRECTED"
    else:
        file, out = str(args.file), f"corrected{''.join(endings(args.file)) or '.csv'}"
    words = ["apply", file, str(review_path), "--out", out]
    # The page saves decisions that do not name the columns.
    for option in MADE_FROM:
        value = None if option == "features" else getattr(args, option)
        for word in [] if value is None else np.atleast_1d(value).tolist():
            words += [f"--{option.replace('_', '-')}", word]
    return f"Fill in the decisions, then: {program()} {shlex.join(words)}"
