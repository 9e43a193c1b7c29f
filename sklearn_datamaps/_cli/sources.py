"""The file, or the files, that the options of a subcommand name."""

import argparse
from collections.abc import Sequence
from itertools import chain, count
from pathlib import Path

from sklearn_datamaps._io.files import endings
from sklearn_datamaps._io.reading import Reading, Table
from sklearn_datamaps._io.tables import files_of, read_tables


def listed(given: str | Sequence[str] | None) -> list[str]:
    """Values of an option that may be given again."""
    return [given] if isinstance(given, str) else list(given or ())


def files_given(args: argparse.Namespace) -> list[Path]:
    """Files and folders that were given as FILE."""
    return args.file if isinstance(args.file, list) else [args.file]


def files_read(args: argparse.Namespace) -> list[Path]:
    """Files that were given, and those of the folders that were."""
    return [file for path in files_given(args) for file in files_of(path)]


def free_name(name: str) -> str:
    """Name of a file for hints: with a number where there is such a file already."""
    ending = "".join(endings(Path(name)))
    stem = name.removesuffix(ending)
    names = chain([name], (f"{stem}-{number}{ending}" for number in count(2)))
    return next(name for name in names if not Path(name).exists())


def read_given(args: argparse.Namespace, named: Sequence[str]) -> Table:
    """Read them as the options say.

    Parameters
    ----------
    args : argparse.Namespace
        The options.
    named : sequence of str
        The columns that are needed.

    Returns
    -------
    Table
    """
    reading = Reading(
        named,
        args.delimiter,
        args.encoding,
        args.quoting or "auto",
        args.quotechar or '"',
    )
    return read_tables(files_given(args), reading, args.format)
