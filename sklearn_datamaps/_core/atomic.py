"""Files that are there as a whole or not at all, also after a kill or a power cut."""

import errno
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from secrets import token_hex
from typing import Any, BinaryIO

from sklearn_datamaps._core.interrupts import interrupts_wait

UNFINISHED = ".tmp"
LOCK = ".lock"
# Files that take their places together: those being written, and those all written.
STAGED, READY = ".datamaps-staged", ".datamaps-ready"
# Seconds that an unfinished file is not written to, after which its writer is dead.
ABANDONED = 3600.0
# No space, beyond a quota, beyond the largest file that is allowed.
FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EFBIG}


def commit(
    path: Path, write: Callable[[BinaryIO], Any], *, follow: bool = False
) -> None:
    """Write a file so that it is there as a whole, or not at all.

    A file that is replaced hands its mode and, where the system allows it, its owner
    on. Another hard link to it keeps the old content.

    Parameters
    ----------
    path : path
        Where. What is no plain file, such as a pipe, is written to directly.
    write : callable
        Given the open file, writes it.
    follow : bool, default=False
        Whether to write to the file that a symbolic link points to.

    Raises
    ------
    OSError
        If the file cannot be written: the message names it, and it is as it was. A
        symbolic link is a FileExistsError unless it is to be followed.
    """
    if path.exists() and not path.is_file():
        with path.open("wb") as file:
            write(file)
        return
    if path.is_symlink():
        if not follow:
            refuse_link(path)
        path = path.resolve()
    with _naming(path):
        if path.exists() and not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        unfinished = _new_name_beside(path)
        try:
            with _unfinished(unfinished) as file:
                _take_after(unfinished, path)
                write(file)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
        except BaseException:
            # Nobody else has this name: it is ours also where an interrupt came
            # between the making of the file and the next line.
            unfinished.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def refuse_link(path: Path) -> None:
    """Say that a symbolic link is not written through, nor replaced."""
    raise FileExistsError(
        f"{path} is a symbolic link to {os.readlink(path)}, which is not written "
        f"through. Name that file itself, or remove the link."
    )


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Have errors of the system name the file, and say what to do."""
    try:
        yield
    except OSError as error:
        of_another = error.filename is not None and Path(error.filename).parent not in (
            path.parent,
            path,
        )
        if error.errno is None or of_another:
            raise
        what = os.strerror(error.errno)
        if error.errno in FULL:
            what += " (what was there before is as it was: make room, or write "
            what += "elsewhere)"
        raise OSError(error.errno, what, str(path)) from error


def _unfinished(name: Path) -> BinaryIO:
    return name.open("xb")


def _new_name_beside(path: Path) -> Path:
    """Name a new file beside another one, and remove what kills have left of it."""
    for left in path.parent.glob(f".{escape(path.name)}.*{UNFINISHED}"):
        with suppress(FileNotFoundError):
            if time.time() - left.stat().st_mtime > ABANDONED:
                left.unlink()
    return path.with_name(f".{path.name}.{token_hex(4)}{UNFINISHED}")


def _take_after(file: Path, old: Path) -> None:
    """Give a file the mode and the owner of the one that it replaces."""
    if os.name != "posix" or not old.exists():
        return
    was, now = old.stat(), file.stat()
    if (was.st_uid, was.st_gid) != (now.st_uid, now.st_gid):
        for owner in ((-1, was.st_gid), (was.st_uid, -1)):
            with suppress(PermissionError):
                os.chown(file, *owner)
    file.chmod(stat.S_IMODE(was.st_mode))


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes that write to a folder out, as long as this one lives.

    Parameters
    ----------
    folder : path
        The folder, which is there.

    Raises
    ------
    BlockingIOError
        If another process is at work.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise BlockingIOError(
            f"Another process is writing to {folder}. Wait for it to end, or choose "
            f"another path."
        ) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def placed_together(
    folder: Path, names: Iterable[str], check: Callable[[], str | None] = lambda: None
) -> Iterator[Path]:
    """Have files take their places in a folder all together, at the end, or none.

    Killed before, the folder is as it was. Killed while they take their places, the
    others do when the folder is written to, or its review applied, the next time.

    Parameters
    ----------
    folder : path
        The folder, locked.
    names : iterable of str
        Files that may be written.
    check : callable, default=None
        Says, before and just before the end, why nothing may be replaced; None if all
        may.

    Yields
    ------
    pathlib.Path
        Folder to write the files to.

    Raises
    ------
    ValueError
        If the check says no. At the end, the message says where the files are now.
    OSError
        If a file cannot be written.
    """
    finish_placing(folder)
    if (why := check()) is not None:
        raise ValueError(why)
    for path in (folder / name for name in names):
        if path.is_symlink():
            refuse_link(path)
        if path.exists() and not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "This is a folder", str(path))
    staged = folder / STAGED
    shutil.rmtree(staged, ignore_errors=True)
    with _naming(folder):
        staged.mkdir()
    try:
        yield staged
        why = check()
        if why is None:
            with interrupts_wait():
                staged.replace(folder / READY)
                finish_placing(folder)
        else:
            aside = _free_name(folder)
            staged.replace(aside)
            raise ValueError(f"{why} The new files are in {aside}.")
    except OSError as error:
        # The name that the user knows.
        if error.filename is None or Path(error.filename).parent != staged:
            raise
        named = str(folder / Path(error.filename).name)
        raise OSError(error.errno, error.strerror, named) from error
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def finish_placing(folder: Path) -> None:
    """Put files in their places that a kill has kept from them.

    Parameters
    ----------
    folder : path
        The folder, locked.
    """
    ready = folder / READY
    if not ready.is_dir():
        return
    with _naming(folder):
        for file in sorted(ready.iterdir()):
            _take_after(file, folder / file.name)
            file.replace(folder / file.name)
        sync_folder(folder)
        ready.rmdir()
        sync_folder(folder)


def is_half_placed(folder: Path) -> bool:
    """Whether a kill has kept files of a folder from their places."""
    return (folder / READY).is_dir()


def _free_name(folder: Path) -> Path:
    number = 1
    while (path := folder / f"not-placed-{number}").exists():
        number += 1
    return path


def check_room(staged: Path, n_bytes: int) -> None:
    """Refuse early what a disk has no room for.

    Parameters
    ----------
    staged : path
        The folder of files that will take their places.
    n_bytes : int
        How much, at the least.

    Raises
    ------
    OSError
        If there is no room.
    """
    probe = staged / "room"
    with _naming(staged.parent):
        try:
            with probe.open("wb") as file:
                if hasattr(os, "posix_fallocate"):  # not on Windows, nor on a Mac
                    os.posix_fallocate(file.fileno(), 0, n_bytes)
        except OSError as error:
            if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
                raise
        finally:
            probe.unlink(missing_ok=True)


def remove_unfinished(folder: Path) -> None:
    """Remove what is left of files that were being written to a locked folder."""
    for file in folder.glob(f".*{UNFINISHED}"):
        file.unlink(missing_ok=True)


def sync_folder(path: Path) -> None:
    """Have the names in a folder written to the disk, where the system can."""
    if os.name == "posix":
        folder = os.open(path, os.O_RDONLY)
        try:
            with suppress(OSError):  # some network folders cannot
                os.fsync(folder)
        finally:
            os.close(folder)
