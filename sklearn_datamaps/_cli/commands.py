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
import pandas as pd
from sklearn.base import clone

from sklearn_datamaps._cli.answers import annotated
from sklearn_datamaps._cli.corrections import (
    MADE_FROM,
    apply_to_table,
    made_from,
    of_one_file,
    with_made_from,
)
from sklearn_datamaps._cli.demo import (
    describe,
    filled_in,
    list_files,
    note,
    noted,
    results,
    tell,
    write_figure,
    write_plot,
    write_review,
)
from sklearn_datamaps._cli.evidence import explain_listed
from sklearn_datamaps._cli.features import (
    Features,
    names_of_features,
    read_features,
    table_features,
    text_features,
)
from sklearn_datamaps._cli.learners import classifier, learner
from sklearn_datamaps._cli.options import AUTO, MAP_FILE
from sklearn_datamaps._cli.parser import program
from sklearn_datamaps._cli.rows import (
    LabelledRows,
    label_notes,
    n_classes,
    sampled,
    select_rows,
)
from sklearn_datamaps._cli.sources import (
    files_given,
    files_read,
    free_name,
    listed,
    read_given,
)
from sklearn_datamaps._cli.summaries import (
    as_json,
    made_by,
    map_summary,
    progress_summary,
)
from sklearn_datamaps._cli.terminal import plain
from sklearn_datamaps._core.atomic import finish_placing, is_half_placed, locked
from sklearn_datamaps._core.messages import quoted
from sklearn_datamaps._curation.apply_review import decided_rows
from sklearn_datamaps._curation.audit import LabelAudit
from sklearn_datamaps._curation.audit_labels import audit_labels
from sklearn_datamaps._curation.brought_along import (
    Brought,
    bring_along,
    with_decisions,
)
from sklearn_datamaps._curation.control_rows import drawn_by
from sklearn_datamaps._curation.explain import Explanation
from sklearn_datamaps._curation.review_progress import ReviewProgress
from sklearn_datamaps._curation.stored_audit import ranked_by, stored
from sklearn_datamaps._data_map import DataMap
from sklearn_datamaps._io.files import STREAM, endings
from sklearn_datamaps._io.reading import Reading, Table
from sklearn_datamaps._io.tables import (
    PLACE,
    read_table,
    write_corrected,
    write_csv,
)
from sklearn_datamaps._training.classifier import DataMapClassifier
from sklearn_datamaps._training.folds import TooFewRowsError

N_REVIEW = 100
FILES = (
    *("data_map.csv", "review.csv", "data_map.png", "data_map.html", MAP_FILE),
    "audit.png",
)
# Of so many classes each epoch trains as many models, and every row has as many
# probabilities.
MANY_CLASSES, MANY_FEATURES = 200, 20_000
RARE = "least populated class"  # of scikit-learn's warning


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
    if args.control and not args.audit:
        raise ValueError("--control is for --audit: add it.")
    if texts and args.learner == "boosting":
        raise ValueError(
            "--learner boosting is for --features: trees need few columns, and texts "
            "make many. Use sgd or logistic."
        )
    learner(args.learner)  # refused, if it is, before anything is read
    tell(args, f"reading {', '.join(map(str, files_given(args)))}")
    table = read(args, [*labels, *texts, *features, *listed(args.id)])
    if PLACE in table.cells:
        if args.id is not None:
            raise ValueError(
                "--id is for one file: rows of several are named by file and line."
            )
        args.id = PLACE
    rows = select_rows(
        table, args.label, args.text, args.id, args.na or (), args.label_sep
    )
    rows = sampled(rows, args.sample, args.seed)
    note(*rows.told)
    _check_inputs(args)
    if (why := filled_in(args.out)) is not None:
        raise ValueError(why)
    earlier = None if args.decided is None else decided_rows(args.decided)
    _prepare_for_many(args, n_classes(rows.y))
    features = _features(args, table, rows)
    # Decisions may be made while this runs, half an hour with --audit.
    with results(args.out, FILES, len(table), lambda: filled_in(args.out)) as folder:
        data_map, audit, fitted = _map_rows(args, rows, features)
        meta = {"made_from": made_from(args), "made_by": made_by(args)}
        data_map = replace(data_map, meta={**data_map.meta, **meta})
        audit = None if audit is None else replace(audit, data_map=data_map)
        tell(args, "writing")
        queue, brought = _review(args, data_map, audit, earlier)
        progress = _progress(args, audit, queue, brought, earlier)
        explain = partial(explain_listed, fitted, features, rows.y)
        frame = data_map.to_frame()
        answers = annotated(table, rows.positions, data_map, frame)
        written = _write_map(answers, data_map, queue, folder, explain)
        stored(data_map, audit).to_parquet(folder / MAP_FILE)
        written.append(MAP_FILE)
        if audit is not None:
            written.append(_write_audit(audit, folder))
    old = [name for name in FILES if name not in written and (args.out / name).exists()]
    if old:
        note(
            f"{quoted(old)} in {args.out} is of an earlier run: this one made no such "
            f"file."
        )
    paths = [args.out / name for name in written]
    next_step = _next_step(args, args.out / "review.csv")
    if args.json:
        told = [*features.told, *([] if brought is None else [brought.summary()])]
        said = map_summary(args, rows, data_map, audit, queue, told)
        if progress is not None:
            said["progress"] = progress_summary(progress)
        said |= {"files": [str(path) for path in paths], "next": next_step}
        return [as_json(said)]
    one = str(files_given(args)[0]) if is_one_file(args) else "FILE"
    how_far = shlex.join(["status", one, str(args.out / "review.csv")])
    how_far = f"How far you are, while you decide: {program()} {how_far}\n"
    can_tell = "label_quality" in data_map.measure_names()
    return [
        *features.told,
        "\n".join(label_notes(rows.y)),
        *describe(data_map, frame, args.top),
        *([] if audit is None else [audit.summary()]),
        *([] if brought is None else [brought.summary()]),
        *([] if progress is None else [str(progress)]),
        *_left_out(rows),
        list_files(paths),
        f"{how_far * can_tell}Fill in the decisions, then: {next_step}",
    ]


def _prepare_for_many(args: argparse.Namespace, n: int) -> None:
    """Say that many classes take long, before they do, and keep fewer features."""
    if n <= MANY_CLASSES:
        return
    kept = ""
    if args.text is not None and args.max_features is None:
        args.max_features = MANY_FEATURES
        kept = f" The {MANY_FEATURES:,} most frequent features are kept."
    note(
        f"{n:,} classes: {args.learner} trains one model for each, so this "
        f"takes about {n:,} times as long as two classes.{kept} To be quicker: "
        f"--epochs 3, --cv 0 or --sample; or put rare labels together first."
    )


def _features(args: argparse.Namespace, table: Table, rows: LabelledRows) -> Features:
    """What is learned from, the columns that the map carries, how they were read."""
    if args.text is not None:
        texts: Any = rows.texts
        tell(args, f"vectorizing {len(texts):,} texts: {args.ngrams}-gram TF-IDF")
        X, names = text_features(texts, args.ngrams, args.max_features)
        return Features(X, {"text": texts}, [], names, args.ngrams)
    columns = read_features(
        table, args.features, rows.positions, args.decimal, args.thousands
    )
    by_name = dict(zip(args.features, columns.values(), strict=True))
    told = [f"{plain(name)}: {column.told}" for name, column in by_name.items()]
    coded = args.learner == "boosting"
    return Features(
        table_features(columns, coded=coded),
        {name: column.cells for name, column in columns.items()},
        ["\n".join(["Columns as they were read", *told])],
        names_of_features(by_name, coded=coded),
    )


def _map_rows(
    args: argparse.Namespace, rows: LabelledRows, features: Features
) -> tuple[DataMap, LabelAudit | None, Any]:
    """Map, audit if it is wished, and a classifier that can be asked why."""
    X, carried, labels = features.X, features.columns, rows.y
    tell(args, f"training on {X.shape[1]:,} features")
    unfitted = classifier(learner(args.learner), args)
    if args.learner == "logistic":
        unfitted.set_params(n_epochs="auto")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        if args.audit:
            audit = audit_labels(
                unfitted, X, labels, random_state=args.seed, verbose=unfitted.verbose
            )
            if labels.ndim == 1:  # of several labels, a column has no room
                carried = {**carried, "chance_wrong": audit.chance}
            data_map = audit.data_map
            fitted = None
            if not args.control:  # whose rows are judged without a reason
                # Its epochs are not those of the map, so they are not told.
                asked = clone(unfitted).set_params(cv=None, verbose=0)
                fitted = asked.fit(X, labels).estimator_
        else:
            audit, fitted = None, _fitted(args, unfitted, X, labels)
            data_map = fitted.data_map_
    note(*(_plainly(str(w.message), labels, unfitted.cv) for w in caught))
    return data_map.with_columns(**carried), audit, fitted


def _fitted(
    args: argparse.Namespace, unfitted: DataMapClassifier, X: Any, labels: Any
) -> DataMapClassifier:
    """Map by folds, in-sample if the rows are too few for them and none were given."""
    held_out = unfitted.cv is not None and n_classes(labels) <= MANY_CLASSES
    # What label_quality is made of.
    unfitted.set_params(measures=("mean_proba",) if held_out else ())
    try:
        return unfitted.fit(X, labels)
    except TooFewRowsError:
        if args.cv != AUTO:
            raise
    note(
        "too few different rows for folds: the map is in-sample, where wrong labels "
        "are learned by heart."
    )
    return unfitted.set_params(cv=None, measures=()).fit(X, labels)


def _plainly(warning: str, labels: Any, cv: int | None) -> str:
    """A warning as one who typed a command understands it."""
    if RARE not in warning or cv is None or labels.ndim > 1:
        return warning
    counts = labels.value_counts()
    rare = counts.index[counts < cv]
    return (
        f"labels with fewer rows than folds ({quoted(rare)}): no model that has not "
        f"seen a row can know its label there, so such rows look wrong."
    )


def _review(
    args: argparse.Namespace,
    data_map: DataMap,
    audit: LabelAudit | None,
    earlier: pd.DataFrame | None,
) -> tuple[pd.DataFrame, Brought | None]:
    """The rows to decide on, and below them those that are decided."""
    expected = 0 if audit is None or audit.n_wrong is None else int(audit.n_wrong)
    n = args.review or max(N_REVIEW, expected)
    brought = None if earlier is None else bring_along(data_map, earlier)
    if args.control and audit is not None:
        queue = audit.review(n=n, n_random=args.control)
    else:
        n_decided = 0 if brought is None else len(brought.cells)
        n_listed = min(n + n_decided, data_map.confidence.size)
        queue = data_map.review(n=n_listed, by=ranked_by(data_map))
    if brought is None:
        return queue, None
    return with_decisions(data_map, queue, brought, n + (args.control or 0)), brought


def _progress(
    args: argparse.Namespace,
    audit: LabelAudit | None,
    queue: pd.DataFrame,
    brought: Brought | None,
    earlier: pd.DataFrame | None,
) -> ReviewProgress | None:
    """What the decisions say; None without any, and without an audit."""
    if audit is None or brought is None or earlier is None or not brought.cells:
        return None
    # Control rows measure the labels that they were drawn from, and no others.
    whole = brought.n_applied + brought.n_lost == 0
    if whole:
        try:
            drawn_by(earlier, audit.chance, audit.seed)
        except ValueError:
            note(
                f"The control rows of {str(args.decided)!r} were drawn by another "
                f"audit: no count is measured."
            )
            whole = False
    undrawn = queue.drop(columns="drawn", errors="ignore")
    with noted():
        return audit.update(args.decided if whole else undrawn, new_labels=True)


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
    if len(files_read(args)) > 1:
        raise ValueError(
            f"{args.file} holds several files; apply corrects one of them: name it."
        )
    name = [] if args.id == PLACE else listed(args.id)
    table = rows = read(args, [*listed(args.label), *listed(args.text), *name])
    if args.id == PLACE:
        rows, review = of_one_file(table, review)
    with noted():
        columns, kept, relabelled = apply_to_table(rows, review, args)
    inputs = [args.review]
    note(*write_corrected(table, args.out, columns, kept, inputs, force=args.force))
    return [
        f"column {', '.join(map(repr, columns))}: {relabelled:,} relabelled\n"
        f"rows: {int(kept.sum()):,} kept, {int((~kept).sum()):,} dropped",
        *([] if args.out == STREAM else [list_files([args.out])]),
    ]


def read(args: argparse.Namespace, named: list[str]) -> Table:
    """Read the file of a subcommand, and say how.

    Parameters
    ----------
    args : argparse.Namespace
        Its options: ``file`` and how it is read.
    named : list of str
        Columns that it must have.

    Returns
    -------
    Table
    """
    table = read_given(args, named)
    note(*table.notes)
    return table


def _check_inputs(args: argparse.Namespace) -> None:
    """Refuse to write over what is read."""
    decided = [] if args.decided is None else [Path(args.decided)]
    read = [file for file in files_read(args) if file.exists()]
    for name in FILES:
        path = args.out / name
        if path.exists() and any(map(path.samefile, read)):
            raise ValueError(f"--out {args.out}: {name} would replace the file itself.")
        if path.exists() and any(d.exists() and path.samefile(d) for d in decided):
            raise ValueError(
                f"--out {args.out}: {name} would replace the --decided review."
            )


def _write_map(
    answers: pd.DataFrame,
    data_map: DataMap,
    queue: pd.DataFrame,
    folder: Path,
    explain: Callable[[Any], Explanation],
) -> list[str]:
    write_csv(answers, folder / "data_map.csv")
    write_plot(data_map, folder)
    # Rows of a review with control rows are judged as in the table: without a reason.
    evidence = None if "drawn" in queue else partial(explain, queue)
    written = write_review(data_map, queue, folder, evidence)
    return ["data_map.csv", "data_map.png", *written]


def _write_audit(audit: LabelAudit, folder: Path) -> str:
    import matplotlib.pyplot as plt

    figure = audit.plot()[0].figure
    write_figure(figure, folder / "audit.png")
    plt.close(figure)
    return "audit.png"


def is_one_file(args: argparse.Namespace) -> bool:
    """Whether one file was given, not several or a folder."""
    return not isinstance(args.file, list) and not args.file.is_dir()


def _left_out(rows: LabelledRows) -> list[str]:
    lacks = [f"{n:,} {what}" for what, n in rows.left_out.items() if n]
    if not lacks:
        return []
    return [f"Rows not mapped, but kept in data_map.csv: {', '.join(lacks)}"]


def _next_step(args: argparse.Namespace, review_path: Path) -> str:
    if is_one_file(args):
        ending = "".join(endings(args.file)) or ".csv"
        file, out = str(args.file), free_name(f"corrected{ending}")
    else:
        file, out = "FILE", "CORRECTED"
    words = ["apply", file, str(review_path), "--out", out]
    # The page saves decisions that do not name the columns.
    for option in MADE_FROM:
        value = None if option == "features" else getattr(args, option)
        for word in [] if value is None else np.atleast_1d(value).tolist():
            words += [f"--{option.replace('_', '-')}", word]
    return f"{program()} {shlex.join(words)}"
