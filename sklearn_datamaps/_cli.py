"""Command line: ``python -m sklearn_datamaps``, one function for each subcommand."""

import argparse
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import pandas as pd
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.neural_network import MLPClassifier

from sklearn_datamaps import DataMap, DataMapClassifier, __version__
from sklearn_datamaps.datasets import fetch_go_emotions

NAME = "sklearn-datamaps"
PROG = "python -m sklearn_datamaps"
DONE, FAILED, INTERRUPTED, BROKEN_PIPE = 0, 2, 130, 141  # the last two: 128 + signal

N_HARDEST = 20  # digits in the picture
DPI = 150
CAVEAT = "Hard is not the same as wrong: look at the rows before you change a label."
# Region, the measure that orders it, whether the lowest come first, in words.
SAMPLES = (
    ("easy", "confidence", False, "highest confidence"),
    ("ambiguous", "variability", False, "highest variability"),
    ("hard", "confidence", True, "lowest confidence"),
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
        Exit code: 0 done, 2 a wrong argument or bad data, 130 interrupted, 141 the
        reader of the output went away.

    Raises
    ------
    SystemExit
        With code 0, after ``--help`` and ``--version``.
    """
    try:
        args = _parser().parse_args(argv)
        args.run(args)
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
        epilog="Exit codes: 0 done, 2 wrong argument or bad data, 130 interrupted, "
        "141 output closed.",
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
    parser.add_argument(
        "--out",
        metavar="DIR",
        type=Path,
        default=Path("datamap-demo"),
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
        help="rows to print; go_emotions: of each region (default: %(default)s)",
    )
    parser.add_argument(
        "--quiet", action="store_true", help="show no progress on the standard error"
    )
    parser.set_defaults(run=demo)


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


def demo(args: argparse.Namespace) -> None:
    """Run the subcommand ``demo``.

    Parameters
    ----------
    args : argparse.Namespace
        The options of the subcommand.

    Raises
    ------
    ValueError
        If an option does not apply to the data set, or there is no such emotion.
    OSError
        If the data cannot be read or the results not be written.
    """
    if args.dataset == "go_emotions":
        sections = _demo_go_emotions(args)
    else:
        for option, value in (("--label", args.label), ("--data-home", args.data_home)):
            if value is not None:
                raise ValueError(
                    f"{option} {value} does not apply to the digits. Add --dataset "
                    f"go_emotions, or leave {option} out."
                )
        sections = _demo_digits(args)
    # All files are written by now, also if the reader of this, a pager, goes away.
    _print("\n\n".join(sections))


def _demo_digits(args: argparse.Namespace) -> list[str]:
    digits = load_digits()
    _make_folder(args.out)

    _tell(args, f"training on {len(digits.target):,} digits")
    # Steps large enough that a map of 10 epochs shows all of its arc, from rows
    # learned in the first epoch to rows learned in none.
    learner = MLPClassifier(solver="sgd", learning_rate_init=0.05, batch_size=64)
    classifier = _classifier(learner, args).fit(digits.data / 16, digits.target)
    data_map = classifier.data_map_

    _tell(args, "drawing")
    frame = data_map.to_frame()
    written = [
        _write_table(frame, args.out),
        _write_plot(data_map, args.out),
        _write_hardest(data_map, digits.images, args.out),
    ]
    return [
        repr(data_map),
        "Most suspicious rows, lowest confidence first\n"
        + _listing(frame.iloc[data_map.rank("confidence")[: args.top]]),
        CAVEAT,
        _list_files(written),
    ]


def _demo_go_emotions(args: argparse.Namespace) -> list[str]:
    label = "gratitude" if args.label is None else args.label
    _tell(args, "loading GoEmotions")
    comments: Any = fetch_go_emotions(label, data_home=args.data_home)
    target = comments.target.map(dict(enumerate(comments.target_names)))
    _make_folder(args.out)

    _tell(args, f"vectorizing {len(target):,} comments: 1-3-gram TF-IDF")
    features = TfidfVectorizer(ngram_range=(1, 3)).fit_transform(comments.data)

    _tell(args, f"training on {features.shape[1]:,} features: {label} or other?")
    learner = SGDClassifier(loss="log_loss", class_weight="balanced")
    classifier = _classifier(learner, args).fit(features, target)
    data_map = classifier.data_map_.with_columns(text=comments.data)

    _tell(args, "drawing")
    frame = data_map.to_frame()
    written = [_write_table(frame, args.out), _write_plot(data_map, args.out)]
    return [
        repr(data_map),
        *(_sample(data_map, frame, *sample, args.top) for sample in SAMPLES),
        CAVEAT,
        _list_files(written),
    ]


def _classifier(learner: Any, args: argparse.Namespace) -> DataMapClassifier:
    return DataMapClassifier(
        learner,
        n_epochs=args.epochs,
        random_state=args.seed,
        verbose=int(not args.quiet),
    )


def _sample(
    data_map: DataMap,
    frame: pd.DataFrame,
    region: str,
    by: str,
    ascending: bool,
    order: str,
    top: int,
) -> str:
    """Describe a region and its most typical rows."""
    ranked = data_map.rank(by, ascending=ascending)
    inside = ranked[data_map.region_mask(region)[ranked]]
    if not len(inside):
        return f"{region.capitalize()}: no rows"
    head = f"{region.capitalize()}: {len(inside):,} rows, {order} first"
    return f"{head}\n{_listing(frame.iloc[inside[:top]])}"


def _listing(rows: pd.DataFrame) -> str:
    """Table of some rows of a map; the text of each row, if any, below it."""
    name = rows.index.name
    key = rows["position"] if name is None else rows.index.to_series()
    cells = pd.DataFrame({name or "position": key})
    cells = cells.join(rows[["label", "predicted", "confidence", "variability"]])
    head, *lines = cells.to_string(index=False, float_format="{:.3f}".format).split(
        "\n"
    )
    if "text" not in rows:
        return "\n".join([head, *lines])
    texts = [_wrap(text) for text in rows["text"]]
    return "\n".join([head, *(f"{a}\n{b}" for a, b in zip(lines, texts, strict=True))])


def _wrap(text: str) -> str:
    """At most two lines of a text, indented, without control characters."""
    return textwrap.fill(
        re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", text).strip(),
        width=max(20, shutil.get_terminal_size().columns),
        initial_indent="    ",
        subsequent_indent="    ",
        max_lines=2,
        placeholder=" ...",
    )


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(
            f"cannot make the folder --out {str(folder)!r} ({error.strerror}). Name "
            f"another one."
        ) from error


def _write_table(frame: pd.DataFrame, folder: Path) -> Path:
    path = folder / "data_map.csv"
    # Rows without names of their own have their position as the first column.
    named = frame.index.name is not None
    frame.to_csv(path, index=named, encoding="utf-8", lineterminator="\n")
    return path


def _write_plot(data_map: DataMap, folder: Path) -> Path:
    # A figure without pyplot needs no display and leaves nothing open.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5.6), layout="constrained")
    data_map.plot(ax=figure.add_subplot(), histograms=True)
    path = folder / "data_map.png"
    figure.savefig(path, dpi=DPI)
    return path


def _write_hardest(data_map: DataMap, images: NDArray[Any], folder: Path) -> Path:
    from matplotlib.figure import Figure

    rows = data_map.rank("confidence", n_samples=N_HARDEST)
    figure = Figure(figsize=(9, 8.5))
    figure.set_layout_engine("constrained", w_pad=0.1, h_pad=0.1)
    figure.suptitle(f"The {len(rows)} digits with the lowest confidence in their label")
    for ax, row in zip(figure.subplots(4, N_HARDEST // 4).flat, rows, strict=True):
        # Smoothed: as blocks of 8 x 8 pixels, many are hard to read for people, too.
        ax.imshow(images[row], cmap="gray_r", interpolation="bicubic")
        ax.set_title(
            f"given {data_map.label[row]}, predicted {data_map.predicted[row]}\n"
            f"confidence {data_map.confidence[row]:.2f}, row {row}",
            fontsize="small",
        )
        ax.set(xticks=[], yticks=[])
    path = folder / "hardest_digits.png"
    figure.savefig(path, dpi=DPI)
    return path


def _list_files(written: list[Path]) -> str:
    return "\n".join(f"wrote {path}" for path in written)


def _tell(args: argparse.Namespace, stage: str) -> None:
    if not args.quiet:
        print(f"{stage} ...", file=sys.stderr, flush=True)


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
