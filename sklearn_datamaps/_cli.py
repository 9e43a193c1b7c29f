"""Command line: ``python -m sklearn_datamaps``, one function for each subcommand."""

import argparse
import csv
import os
import shlex
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import pandas as pd

from sklearn_datamaps import DataMap, __version__
from sklearn_datamaps._demo import (
    classifier,
    demo,
    describe,
    list_files,
    make_folder,
    tell,
    write_plot,
)
from sklearn_datamaps._explorer import explore
from sklearn_datamaps._review import review
from sklearn_datamaps._tables import (
    Rows,
    Table,
    annotated,
    apply_to_table,
    guarded,
    learner,
    read_table,
    select_rows,
    table_features,
    text_features,
    write_corrected,
    write_csv,
)

NAME = "sklearn-datamaps"
PROG = "python -m sklearn_datamaps"
DONE, FAILED, INTERRUPTED, BROKEN_PIPE = 0, 2, 130, 141  # the last two: 128 + signal

EXIT_CODES = (
    "Exit codes: 0 done, 2 wrong argument or bad data, 130 interrupted, 141 output "
    "closed."
)
N_REVIEW = 100
FILES = ("data_map.csv", "review.csv", "data_map.png", "data_map.html")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Results go to the standard output, progress and errors to the standard error. What
    a user can cause (a wrong argument, missing or bad data, a full disk) is one line;
    anything else is a bug and keeps its traceback.

    Parameters
    ----------
    argv : sequence of str, default=None
        The arguments. None: those of the process.

    Returns
    -------
    int
        Exit code: 0 done, 2 a wrong argument or bad data, 130 interrupted, 141 the
        reader of the output went away.

    Raises
    ------
    SystemExit
        With code 0, after ``--help`` and ``--version``.
    """
    try:
        args = _parser().parse_args(argv)
        _print("\n\n".join(args.run(args)))
    except BrokenPipeError:
        _drop_unwritten()
        return BROKEN_PIPE
    except KeyboardInterrupt:
        print(f"{NAME}: interrupted", file=sys.stderr)
        return INTERRUPTED
    except (OSError, ValueError, ImportError) as error:
        print(f"{NAME}: error: {_one_line(error)}", file=sys.stderr)
        return FAILED
    return DONE


class _Parser(argparse.ArgumentParser):
    """Leaves errors of usage, and a closed pipe, to ``main``."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(f"{message} (see {self.prog} --help)")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        # A closed pipe is to be noticed here, not when the interpreter ends.
        print(end="", flush=True)
        super().exit(status, message)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog=PROG,
        description="Data maps: which rows a model learns at once (easy), keeps "
        "changing its mind about (ambiguous), or never accepts (hard).",
    )
    parser.add_argument("--version", action="version", version=f"{NAME} {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_map(commands)
    _add_apply(commands)
    _add_demo(commands)
    return parser


def _add_demo(commands: Any) -> None:
    parser = commands.add_parser(
        "demo",
        help="map an example data set",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=textwrap.dedent("""\
            Map an example data set, print the summary and the rows to look at first,
            and write data_map.csv (one line a row) and data_map.png.

            digits       1,797 images of handwritten digits; no network needed. Also
                         writes hardest_digits.png, the images of lowest confidence.
            go_emotions  43,410 comments, is this gratitude? 1-3-gram TF-IDF and
                         logistic regression with balanced classes. Read from
                         --data-home, else from the folder in the environment variable
                         SKLEARN_DATAMAPS_DATA, else from the Hugging Face hub."""),
        epilog=EXIT_CODES,
    )
    parser.add_argument(
        "--dataset",
        choices=("digits", "go_emotions"),
        default="digits",
        help="what to map (default: %(default)s)",
    )
    parser.add_argument(
        "--label",
        metavar="EMOTION",
        help="go_emotions: the emotion to tell from the others (default: gratitude)",
    )
    parser.add_argument(
        "--data-home",
        metavar="DIR",
        help="go_emotions: folder that holds go_emotions/train.parquet",
    )
    _add_run_options(parser, out="datamap-demo", top="go_emotions: of each region")
    parser.set_defaults(run=demo)


def _add_run_options(parser: argparse.ArgumentParser, *, out: str, top: str) -> None:
    parser.add_argument(
        "--out",
        metavar="DIR",
        type=Path,
        default=Path(out),
        help="folder to write to; made if missing, files of an earlier run are "
        "replaced (default: %(default)s)",
    )
    parser.add_argument(
        "--epochs",
        metavar="N",
        type=_at_least(1),
        default=10,
        help="epochs to train and record (default: %(default)s)",
    )
    parser.add_argument(
        "--seed",
        metavar="N",
        type=_at_least(0),
        default=0,
        help="the same seed gives the same map (default: %(default)s)",
    )
    parser.add_argument(
        "--top",
        metavar="N",
        type=_at_least(1),
        default=10,
        help=f"rows to print; {top} (default: %(default)s)",
    )
    parser.add_argument(
        "--quiet", action="store_true", help="show no progress on the standard error"
    )


def _add_map(commands: Any) -> None:
    parser = commands.add_parser(
        "map",
        help="map your own file",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=textwrap.dedent("""\
            Map the rows of a CSV, TSV, JSON lines (.jsonl) or Parquet (.parquet) file
            and print the summary and the rows to look at first. Writes

            data_map.csv   every row of the file, in order, with predicted label,
                           measures and region; cells are as in the file
            review.csv     the rows of lowest confidence, to decide about; for
                           spreadsheets, a text that could be run as a formula has an
                           apostrophe before it, which apply takes off
            data_map.png   the map
            data_map.html  the map to explore and decide in (needs the extra explore)

            Texts become TF-IDF of words and pairs of words; numbers are scaled, other
            columns one-hot. The learner is logistic regression with balanced classes.
            Rows without a label or text are not mapped, but stay in data_map.csv."""),
        epilog=EXIT_CODES,
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="the file to map")
    parser.add_argument(
        "--label", metavar="COL", required=True, help="column of the labels"
    )
    features = parser.add_mutually_exclusive_group(required=True)
    features.add_argument("--text", metavar="COL", help="column of the texts")
    features.add_argument(
        "--features",
        metavar="COL,COL,...",
        type=_columns,
        help="columns of numbers and categories",
    )
    parser.add_argument(
        "--id",
        metavar="COL",
        help="column that names the rows (default: their number, from 0)",
    )
    _add_reading_options(parser)
    _add_run_options(parser, out="datamap", top="of each region")
    parser.set_defaults(run=map_file)


def _add_apply(commands: Any) -> None:
    parser = commands.add_parser(
        "apply",
        help="correct the labels of a file as a review says",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=textwrap.dedent("""\
            Write FILE again with the decisions of a review: relabelled rows have their
            new label, dropped rows are left out, every other cell is as it was. A
            review that was made for other labels or texts changes nothing."""),
        epilog=EXIT_CODES,
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="the mapped file")
    parser.add_argument(
        "review", metavar="REVIEW", type=Path, help="the review.csv with decisions"
    )
    parser.add_argument(
        "--out",
        metavar="FILE",
        type=Path,
        required=True,
        help="file to write: CSV, or of the kind of the mapped file",
    )
    for name, what in (("label", "labels"), ("text", "texts"), ("id", "names")):
        parser.add_argument(
            f"--{name}",
            metavar="COL",
            help=f"column of the {what} (default: the one the review fits)",
        )
    _add_reading_options(parser)
    parser.set_defaults(run=apply_file)


def _add_reading_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--delimiter", metavar="CHAR", help="between the cells of FILE (default: found)"
    )
    parser.add_argument(
        "--encoding",
        metavar="NAME",
        help="of FILE (default: UTF-8 or UTF-16 as found, else cp1252)",
    )


def _columns(text: str) -> list[str]:
    """Names between commas; one with a comma stands in quotes, as in CSV."""
    return list(dict.fromkeys(next(csv.reader([text], skipinitialspace=True))))


def _at_least(minimum: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        message = f"must be an integer >= {minimum}; got {text!r}"
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(message) from None
        if value < minimum:
            raise argparse.ArgumentTypeError(message)
        return value

    return parse


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
    rows = select_rows(table, args.label, args.text, args.id)
    _check_folder(args)

    carried: dict[str, Any]
    if args.text is not None:
        carried = {"text": table.column(args.text)[rows.positions]}
        tell(args, f"vectorizing {len(rows.labels):,} texts: 1-2-gram TF-IDF")
        X = text_features(carried["text"])
    else:
        X, carried = table_features(table, features, rows.positions)
    make_folder(args.out)
    tell(args, f"training on {X.shape[1]:,} features")
    labels = pd.Series(rows.labels, index=rows.index)
    fitted = classifier(learner(), args).fit(X, labels)
    data_map = fitted.data_map_.with_columns(**carried)

    tell(args, "writing")
    written = _write_map(args, table, rows, data_map)
    return [
        *describe(data_map, data_map.to_frame(), args.top),
        *_left_out(rows),
        list_files(written),
        _next_step(args, written[1]),
    ]


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
    table = _read(args, [n for n in (args.label, args.text, args.id) if n is not None])
    review = read_table(args.review, named=["id", "decision"]).cells
    label, labels, kept = apply_to_table(table, review, args.label, args.text, args.id)
    relabelled = int((labels != table.column(label)).sum())
    write_corrected(table, args.out, label, labels, kept)
    return [
        f"column {label!r}: {relabelled:,} relabelled\n"
        f"rows: {int(kept.sum()):,} kept, {int((~kept).sum()):,} dropped",
        list_files([args.out]),
    ]


def _read(args: argparse.Namespace, named: list[str]) -> Table:
    table = read_table(
        args.file, named=named, delimiter=args.delimiter, encoding=args.encoding
    )
    if table.note:
        print(f"{NAME}: note: {table.note}", file=sys.stderr)
    return table


def _check_folder(args: argparse.Namespace) -> None:
    """Refuse to write over the file, or over decisions that are not applied yet."""
    for name in FILES:
        path = args.out / name
        if path.exists() and path.samefile(args.file):
            raise ValueError(f"--out {args.out}: {name} would replace the file itself.")
    path = args.out / "review.csv"
    if path.is_file():
        decisions = read_table(path, named=["decision"]).column("decision")
        if any(decision.strip() for decision in decisions):
            raise ValueError(
                f"{path} holds decisions, which would be lost. Move it, or name "
                f"another folder with --out."
            )


def _write_map(
    args: argparse.Namespace, table: Table, rows: Rows, data_map: DataMap
) -> list[Path]:
    listed = review(data_map, n=min(N_REVIEW, data_map.n_samples))
    written = [
        write_csv(annotated(table, rows, data_map), args.out / "data_map.csv"),
        write_csv(guarded(listed), args.out / "review.csv"),
        write_plot(data_map, args.out),
    ]
    try:
        written.append(explore(data_map, args.out / "data_map.html"))
    except ImportError as error:
        print(
            f"{NAME}: note: data_map.html left out: {_one_line(error)}", file=sys.stderr
        )
    return written


def _left_out(rows: Rows) -> list[str]:
    lacks = [f"{n:,} without a {what}" for what, n in rows.left_out.items() if n]
    if not lacks:
        return []
    return [f"Rows not mapped, but kept in data_map.csv: {', '.join(lacks)}"]


def _next_step(args: argparse.Namespace, review_path: Path) -> str:
    words = ["apply", str(args.file), str(review_path), "--out", "corrected.csv"]
    options = {"label": args.label, "text": args.text, "id": args.id}
    options |= {"delimiter": args.delimiter, "encoding": args.encoding}
    for option, value in options.items():
        if value is not None:
            words += [f"--{option}", value]
    return f"Fill in the decisions, then: {PROG} {shlex.join(words)}"


def _print(text: str) -> None:
    """Print any Unicode to any terminal: what it cannot show becomes '?'."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    print(text.encode(encoding, errors="replace").decode(encoding), flush=True)


def _one_line(error: Exception) -> str:
    text = str(error)
    if isinstance(error, OSError) and error.strerror:
        where = "" if error.filename is None else f": {str(error.filename)!r}"
        text = f"{error.strerror}{where}"
    return " ".join(text.split()) or type(error).__name__


def _drop_unwritten() -> None:
    """Send what a closed pipe did not take to nowhere, so that exit is silent."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        try:
            stream.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
