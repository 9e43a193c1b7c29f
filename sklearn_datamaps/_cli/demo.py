"""The example data sets, and how a map is told on a terminal and in files."""

import argparse
import sys
import textwrap
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import SGDClassifier

from sklearn_datamaps._cli.answers import guarded
from sklearn_datamaps._cli.learners import classifier
from sklearn_datamaps._cli.parser import NAME, one_line
from sklearn_datamaps._cli.terminal import MOST, NOTES, plain, say, width
from sklearn_datamaps._core.atomic import (
    check_room,
    commit,
    locked,
    placed_together,
)
from sklearn_datamaps._curation.explain import Explanation
from sklearn_datamaps._data_map import DataMap
from sklearn_datamaps._io.ngrams import NgramTfidfVectorizer
from sklearn_datamaps._io.reading import Reading
from sklearn_datamaps._io.tables import read_table, write_csv
from sklearn_datamaps._views.colors import luminance
from sklearn_datamaps._views.explorer import explore
from sklearn_datamaps.datasets import fetch_go_emotions

HARDEST, N_HARDEST = "hardest_digits.png", 20  # digits in the picture
DPI = 150
# What results take at the least: pictures, and a row of a table.
MIN_BYTES, MIN_BYTES_OF_ROW = 2**16, 40
FILES = ("data_map.csv", "data_map.png", "review.csv", "data_map.html")
CAVEAT = "Hard is not the same as wrong: look at the rows before you change a label."
# Region, the measure that orders it, whether the lowest come first, in words.
SAMPLES = (
    ("hard", "confidence", True, "lowest confidence"),
    ("ambiguous", "variability", False, "highest variability"),
    ("easy", "confidence", False, "highest confidence"),
)


def demo(args: argparse.Namespace) -> list[str]:
    """Run the subcommand ``demo``.

    Parameters
    ----------
    args : argparse.Namespace
        The options of the subcommand.

    Returns
    -------
    list of str
        What to print; all files are written by then, also if the reader of the
        output, a pager, goes away.

    Raises
    ------
    ValueError
        If an option does not apply to the data set, or there is no such emotion.
    OSError
        If the data cannot be read or the results not be written.
    """
    if args.dataset == "go_emotions":
        return _demo_go_emotions(args)
    for option, value in (("--label", args.label), ("--data-home", args.data_home)):
        if value is not None:
            raise ValueError(
                f"{option} {value} does not apply to the digits. Add --dataset "
                f"go_emotions, or leave {option} out."
            )
    return _demo_digits(args)


def _demo_digits(args: argparse.Namespace) -> list[str]:
    # Not for the other subcommands, which import from here: it loads SciPy's formats.
    from sklearn.datasets import load_digits
    from sklearn.neural_network import MLPClassifier

    digits = load_digits()
    files = (*FILES, HARDEST)
    n_rows = len(digits.target)
    with results(args.out, files, n_rows, lambda: filled_in(args.out)) as folder:
        tell(args, f"training on {len(digits.target):,} digits")
        # Steps large enough that a map of 10 epochs shows all of its arc, from rows
        # learned in the first epoch to rows learned in none.
        learner = MLPClassifier(solver="sgd", learning_rate_init=0.05, batch_size=64)
        fitted = classifier(learner, args).fit(digits.data / 16, digits.target)
        data_map = fitted.data_map_.with_columns(image=digits.images)

        tell(args, "drawing")
        frame = data_map.to_frame()
        _write_table(frame, folder)
        write_plot(data_map, folder)
        _write_hardest(data_map, digits.images, folder)
        written = ["data_map.csv", "data_map.png", HARDEST]
        written += write_review(data_map, data_map.review(), folder)
    return [
        repr(data_map),
        "Most suspicious rows, lowest confidence first\n"
        + _listing(frame.iloc[data_map.rank("confidence")[: args.top]]),
        CAVEAT,
        list_files(args.out / name for name in written),
    ]


def _demo_go_emotions(args: argparse.Namespace) -> list[str]:
    label = "gratitude" if args.label is None else args.label
    tell(args, "loading GoEmotions")
    comments: Any = fetch_go_emotions(label, data_home=args.data_home, as_names=True)
    target = comments.target
    with results(args.out, FILES, len(target), lambda: filled_in(args.out)) as folder:
        tell(args, f"vectorizing {len(target):,} comments: 1-3-gram TF-IDF")
        features = NgramTfidfVectorizer(ngram_range=(1, 3)).fit_transform(comments.data)

        tell(args, f"training on {features.shape[1]:,} features: {label} or not?")
        learner = SGDClassifier(loss="log_loss", class_weight="balanced")
        fitted = classifier(learner, args).fit(features, target)
        data_map = fitted.data_map_.with_columns(text=comments.data)

        tell(args, "drawing")
        frame = data_map.to_frame()
        _write_table(frame, folder)
        write_plot(data_map, folder)
        written = ["data_map.csv", "data_map.png"]
        written += write_review(data_map, data_map.review(), folder)
    return [
        *describe(data_map, frame, args.top),
        list_files(args.out / name for name in written),
    ]


def _write_hardest(data_map: DataMap, images: NDArray[Any], folder: Path) -> None:
    from matplotlib import rcParams
    from matplotlib.figure import Figure

    # Strokes are as light or dark as the words, also in a dark style.
    ink_on_paper = "gray_r" if luminance(rcParams["text.color"]) < 0.4 else "gray"
    rows = data_map.rank("confidence", n_samples=N_HARDEST)
    figure = Figure(figsize=(9, 8.5))
    figure.set_layout_engine("constrained", w_pad=0.1, h_pad=0.1)
    figure.suptitle(f"The {len(rows)} digits with the lowest confidence in their label")
    for ax, row in zip(figure.subplots(4, N_HARDEST // 4).flat, rows, strict=True):
        # Smoothed: as blocks of 8 x 8 pixels, many are hard to read for people, too.
        ax.imshow(images[row], cmap=ink_on_paper, interpolation="bicubic")
        ax.set_title(
            f"given {data_map.label[row]}, predicted {data_map.predicted[row]}\n"
            f"confidence {data_map.confidence[row]:.2f}, row {row}",
            fontsize="small",
        )
        ax.set(xticks=[], yticks=[])
    write_figure(figure, folder / HARDEST)


def describe(data_map: DataMap, frame: pd.DataFrame, top: int) -> list[str]:
    """Describe a map: its summary, and the most typical rows of each region.

    Parameters
    ----------
    data_map : DataMap
        The map.
    frame : pandas.DataFrame
        Its table; a column ``text`` is shown below each row.
    top : int
        Rows of each region.

    Returns
    -------
    list of str
        The paragraphs.
    """
    samples = [
        _sample(data_map, frame, region, by, ascending, order, top)
        for region, by, ascending, order in SAMPLES
    ]
    return [repr(data_map), *samples, CAVEAT]


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
    if data_map.multilabel:  # where row and label stand in the table
        ranked = ranked[:, 0] * len(data_map.classes) + ranked[:, 1]
    inside = ranked[data_map.region_mask(region).ravel()[ranked]]
    if not len(inside):
        return f"{region.capitalize()}: no rows"
    what = "labels of rows" if data_map.multilabel else "rows"
    head = f"{region.capitalize()}: {len(inside):,} {what}, {order} first"
    return f"{head}\n{_listing(frame.iloc[inside[:top]])}"


def _listing(rows: pd.DataFrame) -> str:
    """Table of some rows of a map; the text of each row, if any, below it."""
    name = rows.index.name
    # Three or four cells and two numbers have to find room in a line.
    most = max(12, (width() - 26) // (4 if "label_name" in rows else 3))

    def shown(values: Any) -> list[Any]:
        return [plain(v, most) if isinstance(v, str) else v for v in values]

    key = rows["position"] if name is None else rows.index
    columns = {plain(str(name or "position"), most): shown(key)}
    told = [c for c in ("label_name", "label", "predicted") if c in rows]
    columns |= {c: shown(rows[c]) for c in told}
    columns |= {c: rows[c].tolist() for c in ("confidence", "variability")}
    cells = pd.DataFrame(columns)
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
        plain(text),
        width=width(),
        initial_indent="    ",
        subsequent_indent="    ",
        max_lines=2,
        placeholder=" ...",
    )


@contextmanager
def results(
    folder: Path,
    names: Sequence[str],
    n_rows: int,
    check: Callable[[], str | None] = lambda: None,
) -> Iterator[Path]:
    """Have results take their places in ``--out`` all together, at the end.

    What would keep them from it is found out before: that another process writes to
    the folder, that it is read-only, or full.

    Parameters
    ----------
    folder : path
        The folder ``--out``, made if missing.
    names : sequence of str
        The files.
    n_rows : int
        Rows of the map.
    check : callable, default=None
        Says why nothing may be replaced; None if all may.

    Yields
    ------
    pathlib.Path
        Folder to write the files to.

    Raises
    ------
    OSError
        If the files cannot be written.
    ValueError
        If the check says no.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(
            f"cannot make the folder --out {str(folder)!r} ({error.strerror}). Name "
            f"another one."
        ) from error
    with locked(folder), placed_together(folder, names, check) as staged:
        check_room(staged, MIN_BYTES + n_rows * MIN_BYTES_OF_ROW)
        yield staged


def _write_table(frame: pd.DataFrame, folder: Path) -> None:
    # Rows without names of their own have their position as the first column.
    named = frame.index.name is not None
    write_csv(frame.reset_index() if named else frame, folder / "data_map.csv")


def write_plot(data_map: DataMap, folder: Path) -> Path:
    """Write data_map.png.

    Parameters
    ----------
    data_map : DataMap
        The map.
    folder : path
        Folder to write to.

    Returns
    -------
    pathlib.Path
        The file.
    """
    # A figure without pyplot needs no display and leaves nothing open.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5.6), layout="constrained")
    data_map.plot(ax=figure.add_subplot(), histograms=True)
    return write_figure(figure, folder / "data_map.png")


def write_review(
    data_map: DataMap,
    listed: pd.DataFrame,
    folder: Path,
    evidence: Callable[[], Explanation] | None = None,
) -> list[str]:
    """Write review.csv, and the page to decide in where plotly is there.

    Parameters
    ----------
    data_map : DataMap
        The map.
    listed : pandas.DataFrame
        The rows to decide on.
    folder : path
        Folder to write to.
    evidence : callable, default=None
        Makes the reasons for and against the labels of these rows, for the page.

    Returns
    -------
    list of str
        Names of the files.
    """
    write_csv(guarded(listed), folder / "review.csv", mark=True)
    try:
        # Control rows are to be judged in the page as in the table.
        given: dict[str, Any] = {"review": listed} if "drawn" in listed else {}
        if evidence is not None:
            given["evidence"] = evidence()
        explore(data_map, folder / "data_map.html", **given)
    except ImportError as error:
        note(f"data_map.html left out: {one_line(error)}")
        return ["review.csv"]
    return ["review.csv", "data_map.html"]


def filled_in(folder: Path) -> str | None:
    """Say why a review must not be replaced: it holds what somebody has filled in.

    Parameters
    ----------
    folder : path
        Where ``review.csv`` would be written.

    Returns
    -------
    str or None
        None: it may.
    """
    path = folder / "review.csv"
    if not path.is_file():
        return None
    cure = (
        f"Move it, or name another folder with --out; --decided {path} brings its "
        f"decisions along there."
    )
    try:
        table = read_table(path, Reading(named=["decision"]))
        filled = [table.column("decision")]
        if "new_label" in table.cells:
            filled.append(table.column("new_label"))
    except (OSError, ValueError) as error:
        return f"{path} cannot be read as a review ({one_line(error)}). {cure}"
    if any(cell.strip() for cells in filled for cell in cells):
        return f"{path} holds decisions, which would be lost. {cure}"
    return None


def write_figure(figure: Any, path: Path) -> Path:
    """Write a picture, whole or not at all.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The picture.
    path : path
        The file.

    Returns
    -------
    pathlib.Path
        The file.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    # Figure.savefig draws everything twice, the first time to lay it out.
    figure.set_dpi(DPI)
    # 3 % larger than as compressed by default, in two thirds of the time.
    written = {"pil_kwargs": {"compress_level": 3}}
    commit(path, partial(FigureCanvasAgg(figure).print_png, **written))
    return path


def list_files(written: Iterable[Path]) -> str:
    """Name the written files, one a line.

    Parameters
    ----------
    written : iterable of path
        The files.

    Returns
    -------
    str
    """
    return "\n".join(f"wrote {plain(str(path))}" for path in written)


def note(*notes: str) -> None:
    """Say something on the standard error that a user should know, once each.

    Parameters
    ----------
    *notes : str
        The notes.
    """
    for text in dict.fromkeys(notes):
        NOTES.append(plain(text, MOST))
        say(f"{NAME}: note: {plain(text, MOST)}", sys.stderr)


@contextmanager
def noted() -> Iterator[None]:
    """Say what is warned of inside as notes."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        yield
    note(*(str(warning.message) for warning in caught))


def tell(args: argparse.Namespace, stage: str) -> None:
    """Say on the standard error what begins, unless ``--quiet``.

    Parameters
    ----------
    args : argparse.Namespace
        Option ``quiet``.
    stage : str
        What begins.
    """
    if not args.quiet:
        say(f"{plain(stage)} ...", sys.stderr)
