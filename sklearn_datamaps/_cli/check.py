"""The subcommand check: whether a new file has more wrong labels than a release."""

import argparse
import json
import shlex
from typing import Any

import numpy as np
import pandas as pd

from sklearn_datamaps._cli.commands import note, read
from sklearn_datamaps._cli.corrections import MADE_FROM, with_made_from
from sklearn_datamaps._cli.features import (
    carried_name,
    read_features,
    table_features,
    text_features,
)
from sklearn_datamaps._cli.learners import learner
from sklearn_datamaps._cli.numbers import Column
from sklearn_datamaps._cli.options import CANNOT_TELL, OK, TOO_MANY
from sklearn_datamaps._cli.parser import program
from sklearn_datamaps._cli.rows import LabelledRows, select_rows
from sklearn_datamaps._cli.sources import listed
from sklearn_datamaps._cli.summaries import as_json
from sklearn_datamaps._cli.terminal import plain
from sklearn_datamaps._core.messages import quoted
from sklearn_datamaps._curation import release_check
from sklearn_datamaps._curation.release_check import ReleaseCheck, check_release
from sklearn_datamaps._curation.stored_audit import counted
from sklearn_datamaps._data_map import DataMap
from sklearn_datamaps._io.reading import Table

EXIT_CODES = {
    release_check.OK: OK,
    release_check.TOO_MANY: TOO_MANY,
    release_check.CANNOT_TELL: CANNOT_TELL,
}
N_CONFUSIONS = 10


def check_file(args: argparse.Namespace) -> list[str]:
    """Run the subcommand ``check``.

    Parameters
    ----------
    args : argparse.Namespace
        The options of the subcommand; the exit code is set in it.

    Returns
    -------
    list of str
        What to print.

    Raises
    ------
    ValueError
        If the map is none that ``map`` wrote, or the file lacks its columns.
    OSError
        If a file cannot be read.
    """
    release = DataMap.from_parquet(args.against)
    made_by = _made_by(args, release)
    columns = args.features or listed(args.text)
    table = read(args, [args.label, *columns])
    rows = select_rows(table, args.label, args.text, None, args.na or (), classes=1)
    new = sorted(set(rows.labels) - set(release.classes.tolist()))
    if new:
        note(f"labels that the release does not have: {quoted(new)}.")
    found = check_release(
        learner(made_by["learner"]),
        _features(args, made_by, release, table, rows),
        np.concatenate([release.label, rows.labels]),
        release.n_samples,
        limit=args.max_wrong,
        n_epochs="auto" if made_by["learner"] == "logistic" else made_by["epochs"],
        random_state=args.seed,
    )
    args.exit_code = EXIT_CODES[found.verdict]
    if args.json:
        return [as_json(_summary(args, release, found))]
    return [
        _head(args, release, found),
        *_tables(found),
        f"The release itself: {counted(release)}",
        *([] if args.exit_code == OK else [f"To find them: {_map_again(args)}"]),
    ]


def _made_by(args: argparse.Namespace, release: DataMap) -> dict[str, Any]:
    """Set the columns to those of the release; return how its rows were learned."""
    made_from, made_by = (release.meta.get(name) for name in ("made_from", "made_by"))
    if release.multilabel:
        raise ValueError(
            f"{str(args.against)!r} has several labels a row; check compares files of "
            f"one label a row."
        )
    if made_from is None or made_by is None:
        raise ValueError(
            f"{str(args.against)!r} does not say which columns it was made of: give "
            f"the data_map.parquet that the command map wrote."
        )
    with_made_from(args, pd.DataFrame({"made_from": [made_from]}))
    options: dict[str, Any] = json.loads(made_by)
    return options


def _features(
    args: argparse.Namespace,
    made_by: dict[str, Any],
    release: DataMap,
    table: Table,
    rows: LabelledRows,
) -> Any:
    """Features of the release, then of the new rows, made alike."""
    if args.text is not None:
        texts: Any = rows.texts
        both = [*release.columns["text"].tolist(), *texts.tolist()]
        X, _ = text_features(both, made_by["ngrams"], made_by["max_features"])
        return X
    new = read_features(
        table,
        args.features,
        rows.positions,
        made_by["decimal"],
        made_by["thousands"],
    )
    columns = {}
    for name in map(carried_name, args.features):
        before, now = release.columns[name], new[name]
        if (before.dtype.kind == "f") != now.is_number:
            kinds = ("numbers", "categories")[:: -1 if now.is_number else 1]
            raise ValueError(
                f"Column {name!r} holds {kinds[0]} in the release and {kinds[1]} in "
                f"{str(args.file)!r}."
            )
        columns[name] = Column(np.concatenate([before, now.cells]), now.is_number, "")
    return table_features(columns, coded=made_by["learner"] == "boosting")


def _head(args: argparse.Namespace, release: DataMap, found: ReleaseCheck) -> str:
    low, high = found.interval
    answer = {
        release_check.OK: "OK: no more than allowed",
        release_check.TOO_MANY: "Too many",
        release_check.CANNOT_TELL: "It cannot be told",
    }[found.verdict]
    lines = [
        f"{found.n_new:,} new rows against {release.n_samples:,} of the release "
        f"({found.n_same:,} more are in both; {found.n_unknown:,} have labels that it "
        f"does not have)"
    ]
    if np.isfinite(found.surplus):
        lines.append(
            f"wrong labels above those of the release: {found.surplus:.1%} of the new "
            f"rows (90 % interval {low:.1%} to {high:.1%}); allowed are "
            f"{found.limit:.1%}"
        )
    return "\n".join([*lines, answer + (f": {found.reason}" if found.reason else "")])


def _tables(found: ReleaseCheck) -> list[str]:
    if not len(found.regions):
        return []
    shares = found.regions[["release", "new"]].map("{:.1%}".format)
    moved = found.regions["difference"].abs() > 3 * found.regions["error"]
    shares["moved"] = np.where(moved, "yes", "")
    tables = ["Regions, by the same models\n" + shares.to_string()]
    if len(found.confusions):
        shown = found.confusions.head(N_CONFUSIONS)
        texts = {name: shown[name].map(plain) for name in ("label", "foretold")}
        pairs = shown.assign(**texts).to_string(index=False)
        tables.append(f"More confused than in the release\n{pairs}")
    return tables


def _map_again(args: argparse.Namespace) -> str:
    words = ["map", str(args.file)]
    for option in MADE_FROM:
        value = getattr(args, option, None)
        if option == "features" and value:
            value = ",".join(value)
        for word in [] if not value else np.atleast_1d(value).tolist():
            words += [f"--{option.replace('_', '-')}", word]
    return f"{program()} {shlex.join([*words, '--audit'])}"


def _summary(
    args: argparse.Namespace, release: DataMap, found: ReleaseCheck
) -> dict[str, Any]:
    return {
        "verdict": found.verdict,
        "exit_code": args.exit_code,
        "reason": found.reason,
        "surplus": found.surplus,
        "interval": found.interval,
        "allowed": found.limit,
        "rule": found.rule,
        "rows": {
            "release": release.n_samples,
            "new": found.n_new,
            "in_both": found.n_same,
            "unknown_label": found.n_unknown,
        },
        "regions": found.regions.to_dict("index"),
        "confusions": found.confusions.to_dict("records"),
        "release": counted(release),
    }
