"""The subcommand inspect: how a file is read, and what is doubtful about it.

It has to be quick: nothing of scikit-learn is loaded.
"""

import argparse
import json
import re
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain
from typing import Any

import numpy as np

from sklearn_datamaps._cli.labels import lists_of, read_labels
from sklearn_datamaps._cli.numbers import FEW_CLASSES, read_columns
from sklearn_datamaps._cli.parser import program
from sklearn_datamaps._cli.sources import listed, read_given
from sklearn_datamaps._cli.terminal import cut, plain
from sklearn_datamaps._core.labels import look_alikes, looks_like_none
from sklearn_datamaps._core.messages import quoted
from sklearn_datamaps._io.reading import Pieces, Table, is_missing, nested
from sklearn_datamaps._io.tables import PLACE, format_of

# A text has so many words on average, and a class so many rows.
WORDS_OF_TEXT, ROWS_OF_CLASS = 3, 5
LABEL_NAME = re.compile(r"label|class|target|categor|tag|topic|intent|sentiment", re.I)
ID_NAME = re.compile(r"(?:.*[^a-z])?(?:id|ids|guid|uuid|key|index|number|nr|no)", re.I)
MOST_CLASSES = 20  # shown
# Options that map needs, too.
AS_GIVEN = (
    "label_sep",
    "na",
    "format",
    "delimiter",
    "encoding",
    "quoting",
    "quotechar",
)


@dataclass(frozen=True)
class Look:
    """A column, and how it would be taken.

    Attributes
    ----------
    name : str
        The column.
    taken_as : str
        "text", "label", "labels" (several a row), "number", "category", "id",
        "constant" or "empty".
    told : str
        The same, in words.
    n_values, n_missing : int
        Different values, and empty cells.
    """

    name: str
    taken_as: str
    told: str
    n_values: int
    n_missing: int


def inspect_file(args: argparse.Namespace) -> list[str]:
    """Run the subcommand ``inspect``.

    Parameters
    ----------
    args : argparse.Namespace
        The options of the subcommand.

    Returns
    -------
    list of str
        What to print.

    Raises
    ------
    ValueError
        If the file is not what its ending says.
    OSError
        If it cannot be read.
    """
    table = read_given(args, listed(args.label))
    several = args.file.is_dir() and PLACE in table.cells
    if several:
        table = replace(table, cells=table.cells.drop(columns=PLACE))
    table = _with_fields(table)
    columns = list(table.cells.columns)
    if args.label is not None:
        table.place(args.label)
    doubts = [*table.notes, *_line_ends(table)]
    repeated = {name for name, times in Counter(columns).items() if times > 1}
    if repeated:
        doubts.append(f"Several columns have the name {quoted(repeated)}.")
    looks = [_look(table, at, doubts) for at in range(len(columns))]
    named = [look for look in looks if look.name not in repeated]
    label = args.label or _label_among(named)
    looks = [_as_label(look, label) for look in looks]
    classes, of_label = _classes(table, label, args)
    texts = [look.name for look in named if look.taken_as == "text"]
    for text in texts:
        doubts += _conflicts(table, text, label)
    doubts += of_label
    summary = {
        "file": str(args.file if several else table.file),
        "format": format_of(table.file.suffix).name,
        "compression": table.file.compression.removeprefix(".") or None,
        **_how(table),
        "rows": len(table),
        "columns": [asdict(look) for look in looks],
        "label": label,
        "classes": classes,
        "doubtful": doubts,
        "next": _next_step(args, named, texts, label),
    }
    return [json.dumps(summary, indent=2)] if args.json else _in_words(summary)


def _with_fields(table: Table) -> Table:
    """Fields within fields as columns, by the names under which map takes them."""
    names = map(str, table.cells)
    columns = dict(zip(names, table.typed or (), strict=False))
    inner = [_fields_of(name, values) for name, values in columns.items()]
    found = nested(columns, list(chain.from_iterable(inner)))
    if not found:
        return table
    opened = {keys[0] for keys in found}
    columns = {name: values for name, values in columns.items() if name not in opened}
    columns |= {".".join(keys): values for keys, values in found.items()}
    return Table.of_values(
        table.file,
        columns,
        list(columns.values()),
        source=table.source,
        notes=table.notes,
        lines=table.lines,
        reading=table.reading,
    )


def _fields_of(name: str, values: Sequence[Any]) -> list[str]:
    """Names of what the records of a column hold, in the order they are met."""
    records = [value for value in values if isinstance(value, dict)]
    inner: list[str] = []
    for key in dict.fromkeys(key for record in records for key in record):
        within = f"{name}.{key}"
        inner += _fields_of(within, [one.get(key) for one in records]) or [within]
    return inner


def _how(table: Table) -> dict[str, Any]:
    """Encoding and delimiter, where a file has them."""
    how: dict[str, Any] = {"encoding": None, "delimiter": None}
    if isinstance(table.source, tuple):
        pieces, dialect = table.source
        how["encoding"] = pieces.encoding.name
        how["delimiter"] = getattr(dialect, "delimiter", None)
    return how


def _line_ends(table: Table) -> list[str]:
    if not isinstance(table.source, tuple):
        return []
    pieces: Pieces = table.source[0]
    ends = Counter(
        "CR LF" if text.endswith("\r\n") else {"\n": "LF", "\r": "CR"}[text[-1]]
        for text in pieces.texts
        if text[-1:] in ("\n", "\r")
    )
    if len(ends) < 2:
        return []
    told = ", ".join(f"{end} {n:,}" for end, n in ends.most_common())
    return [f"The line ends are mixed: {told}. They are kept as they are."]


def _look(table: Table, at: int, doubts: list[str]) -> Look:
    name, cells = str(table.cells.columns[at]), table.cells.iloc[:, at].to_numpy(object)
    missing = is_missing(cells)
    known = cells[~missing]
    counts = Counter(known.tolist())

    def look(taken_as: str, told: str) -> Look:
        return Look(name, taken_as, told, len(counts), int(missing.sum()))

    if len(counts) < 2:
        doubts.append(f"Column {name!r} {'is empty' if not counts else 'is constant'}.")
        return look("constant" if counts else "empty", quoted(counts) or "no value")
    if lists_of(cells, None) is not None:
        return look("labels", f"lists, {len(counts):,} different ones")
    n_words = float(np.mean([len(cell.split()) for cell in known[:10_000].tolist()]))
    if n_words >= WORDS_OF_TEXT and len(counts) > FEW_CLASSES:
        return look("text", f"{len(counts):,} texts of {n_words:.0f} words on average")
    unique = len(counts) == len(known)
    if ID_NAME.fullmatch(name) and (unique or len(counts) > len(known) / 2):
        if not unique or missing.any():
            twice = [cell for cell, times in counts.items() if times > 1]
            lacks = [f"{missing.sum():,} are empty"] if missing.any() else []
            if twice:
                lacks.append(
                    f"{len(twice):,} values repeat, such as {quoted(twice, 3)}"
                )
            doubts.append(
                f"Column {name!r} looks like an id, but does not name each row: "
                f"{'; '.join(lacks)}."
            )
        return look("id", f"{len(counts):,} names in {len(known):,} rows")
    try:
        column = read_columns({name: cells}, None, None)[name]
    except ValueError as error:  # its message says what to do
        doubts.append(str(error))
        return look("category", f"{len(counts):,} categories, or numbers?")
    if column.is_number:
        return look("number", column.told)
    if unique and len(counts) > FEW_CLASSES:
        return look(
            "id" if n_words < 2 else "text", f"{len(counts):,} different values"
        )
    return look("category", column.told)


def _label_among(looks: Sequence[Look]) -> str | None:
    """Column that is most likely that of the labels: by its name, else the last one."""
    rows_of_class = [
        look
        for look in looks
        if look.taken_as == "labels"
        or (look.taken_as in ("category", "number") and look.n_values <= FEW_CLASSES)
    ]
    named = [look for look in rows_of_class if LABEL_NAME.search(look.name)]
    sure = [look for look in rows_of_class if look.taken_as != "number"]
    found = [*named[:1], *sure[-1:]]
    return found[0].name if found else None


def _as_label(look: Look, label: str | None) -> Look:
    if look.name != label or look.taken_as == "labels":
        return look
    return replace(look, taken_as="label", told=f"{look.n_values:,} classes")


def _classes(
    table: Table, label: str | None, args: argparse.Namespace
) -> tuple[dict[str, int], list[str]]:
    """Rows of each class, the most frequent first, and what is doubtful about them."""
    if label is None:
        return {}, ["No column looks like labels: name one with --label."]
    cells = read_labels(table, [label], args.label_sep, args.na or ())
    known = cells.codes[~cells.missing]
    if cells.classes is None:
        counts = Counter(known.tolist())
    else:
        totals = known.sum(axis=0).tolist()
        counts = Counter(dict(zip(cells.classes, totals, strict=True)))
    doubts = [
        f"These labels look alike: are they one? {quoted(group)}."
        for group in look_alikes(counts)
    ]
    none = [name for name in counts if looks_like_none(name)]
    if none:
        doubts.append(
            f"These labels look as if there were none: {quoted(none)}. To leave such "
            f"rows out, add --na {shlex.quote(none[0])}."
        )
    if cells.missing.any():
        doubts.append(f"{cells.missing.sum():,} rows have no label.")
    if rare := [name for name, n in counts.items() if n < ROWS_OF_CLASS]:
        doubts.append(
            f"{len(rare):,} classes have fewer than {ROWS_OF_CLASS} rows: "
            f"{quoted(rare, 5)}."
        )
    return dict(counts.most_common()), doubts


def _conflicts(table: Table, text: str, label: str | None) -> list[str]:
    """Texts that stand in several rows, and whether their labels differ."""
    labels: dict[str, list[str]] = {}
    given = table.column(text if label is None else label)
    for cell, of_row in zip(table.column(text), given, strict=True):
        if cell.strip():
            labels.setdefault(cell.strip(), []).append(of_row)
    n_repeated = sum(len(found) - 1 for found in labels.values())
    if not n_repeated:
        return []
    n_other = sum(label is not None and len(set(f)) > 1 for f in labels.values())
    other = f"; {n_other:,} texts have several labels" if n_other else ""
    return [f"{n_repeated:,} rows repeat the {text!r} of another one{other}."]


def _next_step(
    args: argparse.Namespace,
    looks: Sequence[Look],
    texts: Sequence[str],
    label: str | None,
) -> str | None:
    """Command that would map the file."""
    words = [str(args.file)]
    for text in texts:
        words += ["--text", text]
    if not texts:
        kinds = ("number", "category")
        features = [look.name for look in looks if look.taken_as in kinds]
        features = [name for name in features if name != label]
        if not features:
            return None
        quoted_names = [f'"{n}"' if "," in n or '"' in n else n for n in features]
        words += ["--features", ",".join(quoted_names)]
    words += ["--label", label or "COL"]
    for option in AS_GIVEN:
        for value in listed(getattr(args, option)):
            words += [f"--{option.replace('_', '-')}", value]
    return f"{program()} map {shlex.join(words)}"


def _in_words(summary: dict[str, Any]) -> list[str]:
    how = [summary["format"]]
    how += [summary["compression"]] if summary["compression"] else []
    how += [summary["encoding"]] if summary["encoding"] else []
    if summary["delimiter"]:
        how.append(f"delimiter {summary['delimiter']!r}")
    columns = summary["columns"]
    lines = [
        f"  {plain(c['name'], 40)}: {c['taken_as']}, {plain(c['told'], 200)}"
        + (f", {c['n_missing']:,} empty" if c["n_missing"] else "")
        for c in columns
    ]
    told = [
        f"{plain(summary['file'])}: {', '.join(how)}; {summary['rows']:,} rows, "
        f"{len(columns):,} columns",
        "\n".join(["Columns, and how they would be taken", *lines]),
    ]
    if summary["classes"]:
        listed_classes = list(summary["classes"].items())
        shown = [
            f"{cut(name, 40)!r} {n:,}" for name, n in listed_classes[:MOST_CLASSES]
        ]
        more = len(listed_classes) - len(shown)
        told.append(
            f"Classes of {summary['label']!r}: {', '.join(shown)}"
            + (f" and {more:,} more" if more else "")
        )
    if summary["doubtful"]:
        doubts = [f"  {plain(doubt)}" for doubt in summary["doubtful"]]
        told.append("\n".join(["Doubtful", *doubts]))
    if summary["next"]:
        told.append(f"To map it: {summary['next']}")
    return told
