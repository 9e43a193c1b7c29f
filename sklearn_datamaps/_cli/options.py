"""Options that subcommands share, status and check; help needs no scikit-learn."""

import argparse
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

STATUS, CHECK = "status.status", "check.check_file"
QUOTING = ("auto", "csv", "none")
KINDS = ("csv", "tsv", "json", "jsonl", "parquet", "feather", "xlsx")
LEARNERS = ("sgd", "logistic", "boosting")
MAP_FILE = "data_map.parquet"
AUTO = "auto"
OK, TOO_MANY, CANNOT_TELL = 0, 3, 4


class Ngrams(NamedTuple):
    """Numbers of words that make a feature of a text, from and to."""

    least: int
    most: int

    def __str__(self) -> str:
        return f"{self.least}-{self.most}"


def at_least(minimum: int, also: str = "") -> Callable[[str], int]:
    """Return a parser of integers from a minimum on.

    Parameters
    ----------
    minimum : int
        The least that is right.
    also : str, default=""
        Said before it, of what else is right.

    Returns
    -------
    callable
    """

    def parse(text: str) -> int:
        message = f"must be {also}an integer >= {minimum}; got {text!r}"
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(message) from None
        if value < minimum:
            raise argparse.ArgumentTypeError(message)
        return value

    return parse


def _folds(text: str) -> int | str | None:
    if text == AUTO:  # argparse reads the default like what is typed
        return text
    return None if text.strip() == "0" else at_least(2, "0, or ")(text)


def _ngrams(text: str) -> Ngrams:
    found = re.fullmatch(r"([1-9]\d?)(?:-([1-9]\d?))?", text.strip(), re.ASCII)
    if found is None or int(found[1]) > int(found[2] or found[1]):
        raise argparse.ArgumentTypeError(f"must be as in 1-2; got {text!r}")
    return Ngrams(int(found[1]), int(found[2] or found[1]))


def _share(text: str) -> float:
    """Read a share such as 2% or 0.02; a bare number above 1 could be either."""
    found = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)\s*(%?)", text.strip(), re.ASCII)
    value = float(found[1]) / (100 if found[2] else 1) if found else -1.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(
            f"must be a share such as 2% or 0.02, above 0 and below 1; got {text!r}"
        )
    return value


def add_learning(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``map`` that say what learns, from what and how.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        The parser of the subcommand.
    """
    parser.add_argument(
        "--cv",
        metavar="N",
        type=_folds,
        default=AUTO,
        help="folds, of which each is judged by models of the others; 0: in-sample, as "
        "in the paper, which hides wrong labels (default: 2, of very few rows 0)",
    )
    parser.add_argument(
        "--learner",
        choices=LEARNERS,
        default="sgd",
        help="sgd and logistic: logistic regression, by quick steps or converged, "
        "which ignores --epochs and needs scikit-learn 1.9; boosting: trees, for "
        "--features (default: "
        "%(default)s)",
    )
    parser.add_argument(
        "--ngrams",
        metavar="N-M",
        type=_ngrams,
        default=Ngrams(1, 2),
        help="numbers of words that make a feature of a text (default: %(default)s)",
    )
    parser.add_argument(
        "--max-features",
        metavar="N",
        type=at_least(1),
        help="keep the N most frequent features of the texts (default: all)",
    )
    parser.add_argument(
        "--sample",
        metavar="N",
        type=at_least(2),
        help="map N rows drawn at random (default: all)",
    )


def add_review(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``map`` that say what is to be read, and was.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        The parser of the subcommand.
    """
    parser.add_argument(
        "--review",
        metavar="N",
        type=at_least(1),
        help="rows of review.csv (default: 100, or as many as --audit says are wrong)",
    )
    parser.add_argument(
        "--audit",
        action="store_true",
        help="audit the labels; takes about three times as long as a map",
    )
    parser.add_argument(
        "--control",
        metavar="N",
        type=at_least(1),
        help="with --audit: N rows at random among those of review.csv, unmarked, so "
        "that their decisions measure how many labels are wrong, whatever the errors",
    )
    parser.add_argument(
        "--decided",
        metavar="REVIEW",
        type=Path,
        help="an earlier review: its decisions are brought along into review.csv, also "
        "once they were applied, so that nobody reads a row twice; with --audit they "
        "tell how many labels are wrong and whether to read on",
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add the option ``--json``.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        The parser of the subcommand.
    """
    parser.add_argument(
        "--json",
        action="store_true",
        help="print one JSON object instead of words on the standard output",
    )


def add_run(parser: argparse.ArgumentParser, *, out: str, top: str) -> None:
    """Add the options of what trains and writes.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        The parser of the subcommand.
    out : str
        The default folder.
    top : str
        Of what the rows are printed.
    """
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
        type=at_least(1),
        default=10,
        help="epochs to train and record (default: %(default)s)",
    )
    parser.add_argument(
        "--seed",
        metavar="N",
        type=at_least(0),
        default=0,
        help="the same seed gives the same map (default: %(default)s)",
    )
    parser.add_argument(
        "--top",
        metavar="N",
        type=at_least(1),
        default=10,
        help=f"rows to print; {top} (default: %(default)s)",
    )
    parser.add_argument(
        "--quiet", action="store_true", help="show no progress on the standard error"
    )


def add_reading(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how a file is read.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        The parser of the subcommand.
    """
    parser.add_argument(
        "--delimiter",
        metavar="CHAR",
        type=lambda text: "\t" if text in ("\\t", "tab") else text,
        help="between the cells of FILE; tab is one, too (default: found)",
    )
    parser.add_argument(
        "--encoding",
        metavar="NAME",
        help="of FILE (default: UTF-8 or UTF-16 as found, else cp1252)",
    )
    parser.add_argument(
        "--quoting",
        choices=QUOTING,
        help="none: quotes in FILE are characters like others; csv: they hold cells "
        "together; auto: the same, but refuse where they seem to swallow rows "
        "(default: auto)",
    )
    parser.add_argument(
        "--quotechar", metavar="CHAR", help='the quote in FILE (default: ")'
    )
    parser.add_argument(
        "--format",
        choices=KINDS,
        help="of FILE (default: as its ending says, else found)",
    )
    parser.add_argument(
        "--label-sep",
        metavar="TEXT",
        help="between the labels of a cell that holds several; lists of labels need "
        "none",
    )
    parser.add_argument(
        "--na",
        metavar="NAME",
        action="append",
        help="a label that says there is none; can be given again (blank cells and "
        "empty lists always say so)",
    )


def add_status(commands: Any, epilog: str) -> argparse.ArgumentParser:
    """Add the subcommand ``status``.

    Parameters
    ----------
    commands : object
        What ``add_subparsers`` returned.
    epilog : str
        What help ends with.

    Returns
    -------
    argparse.ArgumentParser
        Its parser.
    """
    parser: argparse.ArgumentParser = commands.add_parser(
        "status",
        help="how far a review is, what is left, and when to stop",
        description="Say how many labels of a review were wrong, how many wrong ones "
        "are left (with an interval of 90 %), what the next rows should hold, and "
        "whether to stop. Nothing is trained: it reads what map wrote.",
        epilog=epilog,
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="the mapped file")
    parser.add_argument(
        "review", metavar="REVIEW", type=Path, help="the review.csv with decisions"
    )
    parser.add_argument(
        "--map",
        metavar="MAP",
        type=Path,
        help=f"the {MAP_FILE} that map wrote (default: the one beside REVIEW)",
    )
    parser.add_argument(
        "--next",
        metavar="FILE",
        type=Path,
        help="write a new review: the next rows, and below them what was decided",
    )
    parser.add_argument(
        "--rows",
        metavar="N",
        type=at_least(1),
        default=100,
        help="rows that come next (default: %(default)s)",
    )
    parser.add_argument(
        "--worth",
        metavar="SHARE",
        type=_share,
        default=0.05,
        help="stop when fewer of the next rows should be wrong, such as 5%% "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--new-labels",
        action="store_true",
        help="take labels that no mapped row has, as apply does (default: refuse them)",
    )
    parser.add_argument(
        "--force", action="store_true", help="replace a file --next that exists"
    )
    add_json(parser)
    parser.set_defaults(run=STATUS)
    return parser


def add_check(commands: Any, epilog: str) -> argparse.ArgumentParser:
    """Add the subcommand ``check``.

    Parameters
    ----------
    commands : object
        What ``add_subparsers`` returned.
    epilog : str
        What help ends with.

    Returns
    -------
    argparse.ArgumentParser
        Its parser.
    """
    parser: argparse.ArgumentParser = commands.add_parser(
        "check",
        help="has a new file more wrong labels than the one that was mapped?",
        description="Compare the labels of new rows with those of a release that map "
        "has mapped, by models that were trained on the release alone. What counts is "
        "how many more labels contradict it than its own do. Errors that both share "
        "are not seen. Where the new labels contradict the release but agree among "
        "themselves (errors by a rule, or a new definition), it cannot be told. Of "
        "several labels a row, each is compared by itself.",
        epilog=f"{epilog} Of check: {TOO_MANY} too many wrong labels, {CANNOT_TELL} it "
        f"cannot be told.",
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="the new rows")
    parser.add_argument(
        "--against",
        metavar="MAP",
        type=Path,
        required=True,
        help=f"the {MAP_FILE} that map wrote for the release",
    )
    parser.add_argument(
        "--max-wrong",
        metavar="SHARE",
        type=_share,
        default=0.02,
        help="wrong labels that are allowed above those of the release, as a share of "
        "the new rows, such as 2%% (default: %(default)s)",
    )
    parser.add_argument(
        "--seed",
        metavar="N",
        type=at_least(0),
        default=0,
        help="the same seed gives the same answer (default: %(default)s)",
    )
    add_json(parser)
    parser.set_defaults(run=CHECK)
    return parser
