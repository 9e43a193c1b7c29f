"""The subcommand check: whether a new file has more wrong labels than a release."""

import argparse
import json
import shlex
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

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
from sklearn_datamaps._curation.release_check import (
    LabelChecks,
    ReleaseCheck,
    check_labels,
    check_release,
)
from sklearn_datamaps._curation.stored_audit import counted
from sklearn_datamaps._data_map import DataMap
from sklearn_datamaps._io.reading import Table

EXIT_CODES = {
    release_check.OK: OK,
    release_check.TOO_MANY: TOO_MANY,
    release_check.CANNOT_TELL: CANNOT_TELL,
}
ANSWERS = {
    release_check.OK: "OK: no more than allowed",
    release_check.TOO_MANY: "Too many",
    release_check.CANNOT_TELL: "It cannot be told",
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
    table = read(args, [*listed(args.label), *columns])
    rows = select_rows(
        table,
        args.label,
        args.text,
        None,
        args.na or (),
        args.label_sep,
        classes=1,
        several=release.multilabel,
    )
    new_labels, n_unknown = _labels(args, release, rows)
    y = np.concatenate([release.label, new_labels])
    data = (learner(made_by["learner"]), _features(args, made_by, release, table, rows))
    options = {
        "limit": args.max_wrong,
        "n_epochs": "auto" if made_by["learner"] == "logistic" else made_by["epochs"],
        "random_state": args.seed,
    }
    found: ReleaseCheck | LabelChecks
    if release.multilabel:
        names = [str(name) for name in release.classes]
        options["n_unknown"] = n_unknown
        found = check_labels(*data, y, names, release.n_samples, **options)
    else:
        found = check_release(*data, y, release.n_samples, **options)
    args.exit_code = EXIT_CODES[found.verdict]
    if args.json:
        return [as_json(_summary(args, release, found))]
    shown = (
        _of_labels(found, release, len(rows.labels))
        if isinstance(found, LabelChecks)
        else [_head(found, release), *_tables(found)]
    )
    return [
        *shown,
        f"The release itself: {counted(release)}",
        *([] if args.exit_code == OK else [f"To find them: {_map_again(args)}"]),
    ]


def _made_by(args: argparse.Namespace, release: DataMap) -> dict[str, Any]:
    """Set the columns to those of the release; return how its rows were learned."""
    made_from, made_by = (release.meta.get(name) for name in ("made_from", "made_by"))
    if made_from is None or made_by is None:
        raise ValueError(
            f"{str(args.against)!r} does not say which columns it was made of: give "
            f"the data_map.parquet that the command map wrote."
        )
    with_made_from(args, pd.DataFrame({"made_from": [made_from]}))
    options: dict[str, Any] = json.loads(made_by)
    return options


def _labels(
    args: argparse.Namespace, release: DataMap, rows: LabelledRows
) -> tuple[NDArray[Any], int]:
    """Labels of the new rows, as the release has them; how many rows have others."""
    y = rows.y
    is_frame = isinstance(y, pd.DataFrame)
    if is_frame != release.multilabel:
        how = ("one label", "several labels")[:: 1 if is_frame else -1]
        raise ValueError(
            f"The rows of {str(args.against)!r} have {how[0]} each, those of "
            f"{str(args.file)!r} {how[1]}."
        )
    known = release.classes.tolist()
    new = sorted(set(y if isinstance(y, pd.DataFrame) else rows.labels) - set(known))
    if new:
        note(f"labels that the release does not have: {quoted(new)}.")
    if isinstance(y, pd.DataFrame):
        labels = y.reindex(columns=known, fill_value=False).to_numpy(dtype=bool)
        return labels, int(y[new].any(axis=1).sum())
    return rows.labels, int(np.isin(rows.labels, new).sum())


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


def _answer(found: ReleaseCheck | LabelChecks) -> str:
    return ANSWERS[found.verdict] + (f": {found.reason}" if found.reason else "")


def _of_labels(found: LabelChecks, release: DataMap, n_new: int) -> list[str]:
    """What is said of several labels: those that matter most first."""
    order = [release_check.TOO_MANY, release_check.CANNOT_TELL, release_check.OK]
    each = sorted(
        found.each.items(),
        key=lambda of: (order.index(of[1].verdict), -np.nan_to_num(of[1].surplus)),
    )
    table = pd.DataFrame(
        {
            "label": plain(name),
            "answer": one.verdict,
            "surplus": f"{one.surplus:.1%}",
            "interval": " to ".join(f"{end:.1%}" for end in one.interval),
            "new": one.n_new,
            "in both": one.n_same,
        }
        for name, one in each
    )
    return [
        f"{n_new:,} new rows against {release.n_samples:,} of the release, label by "
        f"label\nallowed are {found.limit:.1%} of the new rows, of each label\n"
        + _answer(found),
        "Wrong labels above those of the release, as a share of the new rows (90 % "
        "interval, of all labels at once)\n" + table.to_string(index=False),
    ]


def _head(found: ReleaseCheck, release: DataMap) -> str:
    low, high = found.interval
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
    return "\n".join([*lines, _answer(found)])


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
    args: argparse.Namespace, release: DataMap, found: ReleaseCheck | LabelChecks
) -> dict[str, Any]:
    said = {
        "verdict": found.verdict,
        "exit_code": args.exit_code,
        "reason": found.reason,
        "allowed": found.limit,
        "release": counted(release),
    }
    if isinstance(found, ReleaseCheck):
        return said | _found(found, release)
    each = {name: _found(one, release) for name, one in found.each.items()}
    for name, one in found.each.items():
        each[name] |= {"verdict": one.verdict, "reason": one.reason}
    return said | {"labels": each}


def _found(found: ReleaseCheck, release: DataMap) -> dict[str, Any]:
    return {
        "surplus": found.surplus,
        "interval": found.interval,
        "rule": found.rule,
        "rows": {
            "release": release.n_samples,
            "new": found.n_new,
            "in_both": found.n_same,
            "unknown_label": found.n_unknown,
        },
        "regions": found.regions.to_dict("index"),
        "confusions": found.confusions.to_dict("records"),
    }
