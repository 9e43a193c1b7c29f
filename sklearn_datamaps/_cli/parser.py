"""Command line: ``python -m sklearn_datamaps``, one function for each subcommand."""

import argparse
import csv
import difflib
import os
import re
import sys
import textwrap
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from sklearn_datamaps._cli.options import (
    add_check,
    add_json,
    add_learning,
    add_reading,
    add_review,
    add_run,
    add_status,
)
from sklearn_datamaps._cli.signals import signals_handled
from sklearn_datamaps._cli.terminal import MOST, NOTES, plain, say

NAME = "sklearn-datamaps"
STANDARD_OUTPUT = ("/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")
# Module and function of a subcommand, loaded when the arguments are right: help, and
# what is wrong with them, need no scikit-learn.
MAP, APPLY, DEMO = "commands.map_file", "commands.apply_file", "demo.demo"
INSPECT = "inspect.inspect_file"
DONE, FAILED, BROKEN_PIPE = 0, 2, 141  # the last: 128 + signal
EXIT_CODES = (
    "Exit codes: 0 done, 2 wrong argument or bad data, 130 interrupted, 141 output "
    "closed, 143 ended by SIGTERM."
)


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
        Exit code: 0 done, 2 a wrong argument or bad data, 3 and 4 answers of ``check``,
        130 interrupted, 141 the reader of the output went away, 143 ended by SIGTERM.

    Raises
    ------
    SystemExit
        With code 0, after ``--help`` and ``--version``.
    """
    NOTES.clear()
    with signals_handled() as signals:
        try:
            signals.loading = True
            args = _parser().parse_args(argv)
            module, function = args.run.split(".")
            run = getattr(import_module(f"{__package__}.{module}"), function)
            signals.loading = False
            told = "\n\n".join(run(args))
            # With --out -, the standard output is data.
            say(told, sys.stderr if str(getattr(args, "out", "")) == "-" else None)
        except BrokenPipeError:
            _drop_unwritten()
            return BROKEN_PIPE
        except KeyboardInterrupt:
            print(signals.told(), file=sys.stderr)
            return signals.exit_code
        except (OSError, ValueError, ImportError) as error:
            say(f"{NAME}: error: {one_line(error)}", sys.stderr)
            return FAILED
        except MemoryError as error:
            what = plain(str(error), MOST) or "for what was asked"
            say(f"{NAME}: error: out of memory ({what}).", sys.stderr)
            return FAILED
        # A subcommand may answer by its exit code, too.
        return int(getattr(args, "exit_code", DONE))


def program() -> str:
    """Return the command as it was typed, for hints that can be typed again."""
    typed = Path(sys.argv[0]).stem == NAME
    return NAME if typed else "python -m sklearn_datamaps"


def one_line(error: Exception) -> str:
    """Return what an error says, on one line.

    Parameters
    ----------
    error : Exception
        The error.

    Returns
    -------
    str
    """
    text = str(error)
    if isinstance(error, OSError) and error.strerror:
        where = "" if error.filename is None else f": {str(error.filename)!r}"
        text = f"{error.strerror}{where}"
    return plain(text, MOST) or type(error).__name__


class _Parser(argparse.ArgumentParser):
    """Leaves errors of usage, and a closed pipe, to ``main``."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        # Before argparse, which says first that the option meant is missing. The
        # parser of all commands knows the options of none.
        if self._subparsers is None:
            self._refuse_unknown_options(list(args))
        return super().parse_known_args(args, namespace)

    def _refuse_unknown_options(self, args: list[str]) -> None:
        known = [name for name in self._option_string_actions if name[:2] == "--"]
        before_end = args[: args.index("--")] if "--" in args else args
        for word in before_end:
            option = word.partition("=")[0]
            # argparse takes the beginning of an option, too.
            if option[:2] == "--" and not any(
                name.startswith(option) for name in known
            ):
                self.error(f"unknown option {option}{_did_you_mean(option, known)}")

    def error(self, message: str) -> NoReturn:
        choice = re.search(r"invalid choice: '(.*)' \(choose from (.*)\)", message)
        if choice is not None:
            message += _did_you_mean(choice[1], re.findall(r"[\w-]+", choice[2]))
        raise ValueError(f"{message} (see {self.prog} --help)")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        # A closed pipe is to be noticed here, not when the interpreter ends.
        print(end="", flush=True)
        super().exit(status, message)


def _did_you_mean(word: str, known: Sequence[str]) -> str:
    alike = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {alike[0]}?" if alike else ""


class _OneOrMore(argparse.Action):
    """An option that may be given again: what it is given, or all of it as a list."""

    def __call__(self, parser: Any, namespace: Any, values: Any, *_: Any) -> None:
        before = getattr(namespace, self.dest, None)
        if before is not None:
            values = [*(before if isinstance(before, list) else [before]), values]
        elif isinstance(values, list) and len(values) == 1:
            (values,) = values
        setattr(namespace, self.dest, values)


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        from importlib.metadata import version  # a third of what help loads in all

        print(f"{NAME} {version(NAME)}")
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog=program(),
        description="Data maps: which rows a model learns at once (easy), keeps "
        "changing its mind about (ambiguous), or never accepts (hard).",
    )
    parser.add_argument(
        "--version", action=_Version, nargs=0, help="show the version and exit"
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_map(commands)
    _add_inspect(commands)
    add_reading(add_status(commands, EXIT_CODES))
    _add_apply(commands)
    add_reading(add_check(commands, EXIT_CODES))
    _add_demo(commands)
    return parser


def _add_demo(commands: Any) -> None:
    parser = commands.add_parser(
        "demo",
        help="map an example data set",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=textwrap.dedent("""\
            Map an example data set, print the summary and the rows to look at first,
            and write data_map.csv (one line a row), data_map.png, review.csv (the 100
            rows most worth a look, to fill in) and data_map.html (the same to read and
            decide in a browser; needs the extra explore).

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
    add_run(parser, out="datamap-demo", top="go_emotions: of each region")
    parser.set_defaults(run=DEMO)


def _add_map(commands: Any) -> None:
    parser = commands.add_parser(
        "map",
        help="map your own file",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=textwrap.dedent("""\
            Map the rows of a file and print the summary and the rows to look at first.
            It may be CSV, TSV, JSON lines or an array (.jsonl, .json), .parquet,
            .feather or .xlsx (extra excel), each also as .gz, .bz2, .xz or .zst. Writes

            data_map.csv   every row of the file, in order, with predicted label,
                           measures and region; cells are as in the file
            review.csv     the most suspicious rows, to decide about; for
                           spreadsheets, a text that could be run as a formula has an
                           apostrophe before it, which apply takes off
            data_map.png   the map
            data_map.html  the map to explore and decide in (needs the extra explore)
            data_map.parquet  the map for status, check and Python
            audit.png      with --audit: label quality, and the labels most often wrong

            Each row is judged by models that never trained on it (--cv 2), since a
            wrong label is soon learned by heart; --cv 0 is the map of the paper. With
            --audit, four such maps and a second opinion rank the labels by the chance
            of being wrong, for review.csv, and count them, or say why that cannot be
            done.

            Texts become TF-IDF of words and pairs of words; numbers are scaled, other
            columns one-hot. The learner is logistic regression with balanced classes.
            Rows without a label or text are not mapped, but stay in data_map.csv."""),
        epilog=EXIT_CODES,
    )
    parser.add_argument(
        "file",
        metavar="FILE",
        type=Path,
        nargs="+",
        action=_OneOrMore,
        help="the file to map, or several, or a folder; - is the standard input",
    )
    parser.add_argument(
        "--label",
        metavar="COL",
        required=True,
        action=_OneOrMore,
        help="column of the labels; if given again, each is a column that says whether "
        "a row has this label",
    )
    features = parser.add_mutually_exclusive_group(required=True)
    features.add_argument(
        "--text",
        metavar="COL",
        action=_OneOrMore,
        help="column of the texts; if given again, they are put together; "
        "data.text is the field text of the field data",
    )
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
    add_learning(parser)
    add_review(parser)
    add_json(parser)
    for option, what in (
        ("decimal", "before the decimals of numbers in --features"),
        ("thousands", "between the thousands of such numbers"),
    ):
        parser.add_argument(
            f"--{option}", metavar="CHAR", help=f"{what} (default: found)"
        )
    add_reading(parser)
    add_run(parser, out="datamap", top="of each region")
    parser.set_defaults(run=MAP)


def _add_inspect(commands: Any) -> None:
    parser = commands.add_parser(
        "inspect",
        help="say how a file would be read, and what is doubtful about it",
        description="Say how a file is read, how its columns would be taken, which "
        "classes there are and what is doubtful; nothing is trained or written.",
        epilog=EXIT_CODES,
    )
    parser.add_argument(
        "file", metavar="FILE", type=Path, help="the file; - is the standard input"
    )
    parser.add_argument(
        "--label", metavar="COL", help="column of the labels (default: found)"
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object, for programs"
    )
    add_reading(parser)
    parser.set_defaults(run=INSPECT)


def _add_apply(commands: Any) -> None:
    parser = commands.add_parser(
        "apply",
        help="correct the labels of a file as a review says",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=textwrap.dedent("""\
            Write FILE again with the decisions of a review: relabelled rows have their
            new label, dropped rows are left out, every other byte is as it was (unless
            --out is of another kind; in .parquet, .feather and .xlsx, every value). A
            review that was made for other labels or texts changes nothing. Columns
            and options of map are read from the review; what is given here counts
            more."""),
        epilog=EXIT_CODES,
    )
    parser.add_argument(
        "file", metavar="FILE", type=Path, help="the mapped file; - is standard input"
    )
    parser.add_argument(
        "review", metavar="REVIEW", type=Path, help="the review.csv with decisions"
    )
    parser.add_argument(
        "--out",
        metavar="FILE",
        # Else what is said would be written between the rows.
        type=lambda text: Path("-" if text in STANDARD_OUTPUT else text),
        required=True,
        help="file to write, of the kind and compression that its ending says: .csv, "
        ".tsv, .json, .jsonl, .parquet, .feather, .xlsx, .csv.gz, ...; - is the "
        "standard output, of the kind of FILE",
    )
    parser.add_argument(
        "--force",
        action="store_true",
        help="replace a file --out that exists, also through a symbolic link; never "
        "FILE or REVIEW",
    )
    parser.add_argument(
        "--new-labels",
        action="store_true",
        help="take labels that no row of FILE has (default: refuse them as a slip)",
    )
    for name, what in (("label", "labels"), ("text", "texts"), ("id", "names")):
        parser.add_argument(
            f"--{name}",
            metavar="COL",
            action="store" if name == "id" else _OneOrMore,
            help=f"column of the {what} (default: the one the review names)",
        )
    add_reading(parser)
    parser.set_defaults(run=APPLY)


def _columns(text: str) -> list[str]:
    """Names between commas; one with a comma stands in quotes, as in CSV."""
    return list(dict.fromkeys(next(csv.reader([text], skipinitialspace=True))))


def _drop_unwritten() -> None:
    """Send what a closed pipe did not take to nowhere, so that exit is silent."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        try:
            stream.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
