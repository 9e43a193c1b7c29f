"""Files that are there as a whole or not at all, also after a kill or a power cut."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, BinaryIO

UNFINISHED = ".tmp"


def commit(path: Path, write: Callable[[BinaryIO], Any]) -> None:
    """Write a file so that it is there as a whole, or not at all.

    Parameters
    ----------
    path : path
        Where. What is no plain file, such as ``/dev/stdout``, is written to directly.
    write : callable
        Given the open file, writes it.
    """
    if path.exists() and not path.is_file():
        with path.open("wb") as file:
            write(file)
        return
    path = path.resolve()  # a link stays one
    unfinished = path.with_name(f"{path.name}.{os.getpid()}{UNFINISHED}")
    try:
        with unfinished.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def remove_unfinished(folder: Path, names: Iterable[str]) -> None:
    """Remove what is left of files of these names that were being written."""
    for name in names:
        for file in folder.glob(f"{name}.*{UNFINISHED}"):
            file.unlink()


def sync_folder(path: Path) -> None:
    """Have the names in a folder written to the disk, where the system can."""
    if os.name == "posix":
        folder = os.open(path, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
