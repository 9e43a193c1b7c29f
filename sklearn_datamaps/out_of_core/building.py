"""A matrix on disk while it grows, shard by shard; it survives a kill at any moment."""

import os
import shutil
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.atomic import remove_unfinished, sync_folder
from sklearn_datamaps.out_of_core.finish import finish_files
from sklearn_datamaps.out_of_core.journal import Entry, Journal
from sklearn_datamaps.out_of_core.matrix import (
    BUILDING,
    CHECKSUMS,
    DATA,
    HEADER_BYTES,
    INDICES,
    INDPTR,
    JOURNAL,
    LABELS,
    LABELS_SO_FAR,
    LOCK,
    MANIFEST,
    ROW_ENDS,
    npy_header,
    read_manifest,
    write_manifest,
)
from sklearn_datamaps.out_of_core.shards import (
    ENDING,
    Shard,
    is_whole,
    read_shard,
    shard_name,
)

OURS = (DATA, INDICES, INDPTR, LABELS, CHECKSUMS)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other processes out of a folder, which is made if it is not there."""
    _refuse_foreign(path)
    path.mkdir(parents=True, exist_ok=True)
    with (path / LOCK).open("w") as file:
        try:
            import fcntl
        except ImportError:  # not on Windows
            fcntl = None  # type: ignore[assignment] # a module elsewhere
        if fcntl is not None:
            try:
                # Ends with the process, however that ends.
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RuntimeError(
                    f"Another process is writing to {path}. Wait for it to end, or "
                    f"choose another path."
                ) from None
        yield


def _refuse_foreign(path: Path) -> None:
    if path.exists() and not path.is_dir():
        raise FileExistsError(
            f"{path} is a file. Choose a folder that is new or empty."
        )
    if not path.is_dir() or (path / MANIFEST).exists():
        return
    names = sorted(
        entry.name
        for entry in path.iterdir()
        if entry.name != LOCK and not entry.name.startswith(MANIFEST)
    )
    if names:
        raise FileExistsError(
            f"{path} holds something else ({', '.join(names[:5])}), which is never "
            f"overwritten. Choose a folder that is new or empty."
        )


class Building:
    """A folder that a matrix is built in; to be used when it is locked.

    Parameters
    ----------
    path : path
        The folder.
    arguments : dict
        What the matrix is made of, in plain values: to go on with others is refused.
    n_columns : int
        Columns of the matrix.
    dtype : dtype
        Of its values.
    overwrite : bool
        Whether to begin anew in any case.

    Attributes
    ----------
    finished : bool
        Whether all is done; the others are there only if not.
    journal : Journal
        What the files of the matrix hold so far.
    folder : path
        Where shards are to be written.
    shards : set of int
        Shards in that folder, not yet in the files of the matrix.
    """

    def __init__(
        self,
        path: Path,
        arguments: dict[str, Any],
        *,
        n_columns: int,
        dtype: np.dtype[Any],
        overwrite: bool,
    ) -> None:
        self.path, self.arguments = path, arguments
        self.n_columns, self.dtype = n_columns, dtype
        self.finished = False
        remove_unfinished(path)
        if (path / MANIFEST).exists():
            manifest = read_manifest(path)
            if overwrite:
                # The manifest stays to the last, as the mark that the folder is ours.
                shutil.rmtree(path / BUILDING, ignore_errors=True)
                for name in OURS:
                    (path / name).unlink(missing_ok=True)
            else:
                _check_same(path, manifest["arguments"], arguments)
                self.finished = manifest["finished"]
        if self.finished:
            shutil.rmtree(path / BUILDING, ignore_errors=True)
            return
        self._write_manifest(n_rows=0, finished=False)
        (path / BUILDING).mkdir(exist_ok=True)
        self.journal = Journal(path / JOURNAL)
        self._cut_to_journal()
        self.folder = path / BUILDING / f"shards-{uuid4().hex[:12]}"
        self.shards = self._adopt_shards()

    @property
    def ended(self) -> bool:
        """Whether the last shard is short, so that there are no more rows."""
        entries = self.journal.entries
        return bool(entries) and entries[-1].rows < self.arguments["shard_size"]

    def _write_manifest(self, *, n_rows: int, **more: Any) -> None:
        shape = [n_rows, self.n_columns]
        about = {"arguments": self.arguments, "shape": shape, "dtype": self.dtype.str}
        write_manifest(self.path, about | more)

    def _sizes(self) -> dict[str, int]:
        """Bytes of the files according to the journal."""
        journal = self.journal
        sizes = {
            DATA: HEADER_BYTES + journal.n_values * self.dtype.itemsize,
            INDICES: HEADER_BYTES + journal.n_values * np.dtype(np.int32).itemsize,
            ROW_ENDS: journal.n_rows * np.dtype(np.int64).itemsize,
        }
        if self.arguments["label"] is not None:
            sizes[LABELS_SO_FAR] = journal.label_bytes
        return sizes

    def _cut_to_journal(self) -> None:
        """Cut off what was written of a shard that the journal does not know."""
        for name, size in self._sizes().items():
            file = self.path / name
            if not self.journal:
                # What the header says is known when all is finished.
                header = npy_header(self.dtype, [0]) if name in OURS else b""
                file.write_bytes(header)
            elif not file.exists() or file.stat().st_size < size:
                raise ValueError(
                    f"{file} is shorter than {JOURNAL} says. Begin anew: "
                    f"vectorize_to_disk(..., overwrite=True)."
                )
            else:
                os.truncate(file, size)

    def _adopt_shards(self) -> set[int]:
        """Move the shards of former runs to the folder of this run.

        A process of a former run that is still at work has nowhere to write to then.
        """
        self.folder.mkdir()
        for folder in (self.path / BUILDING).glob("shards-*"):
            if folder == self.folder:
                continue
            for file in folder.glob(f"*{ENDING}"):
                if int(file.stem) >= len(self.journal) and is_whole(file):
                    file.replace(self.folder / file.name)
            shutil.rmtree(folder, ignore_errors=True)
        return {int(file.stem) for file in self.folder.glob(f"*{ENDING}")}

    def append(self, number: int) -> int:
        """Append the next shard to the files; return how many rows it has."""
        assert number == len(self.journal)
        if self.ended:
            raise ValueError(
                f"The source ended at row {self.journal.n_rows:,} now, but went on "
                f"in a former run. Begin anew with overwrite=True."
            )
        file = self.folder / shard_name(number)
        shard = read_shard(file)
        labels, new = self._in_our_codes(shard)
        row_ends = self.journal.n_values + shard.lengths.cumsum()
        parts = {
            DATA: shard.data.tobytes(),
            INDICES: shard.indices.tobytes(),
            ROW_ENDS: row_ends.tobytes(),
            LABELS_SO_FAR: labels.tobytes(),
        }
        sizes = self._sizes()
        for name, size in sizes.items():
            with (self.path / name).open("r+b") as opened:
                opened.seek(size)
                opened.write(parts[name])
                opened.flush()
                os.fsync(opened.fileno())
        entry = Entry(
            rows=len(shard.lengths),
            values=len(shard.data),
            kind=shard.kind,
            names=new,
            label_bytes=labels.nbytes,
            crc32={name: zlib.crc32(parts[name]) for name in sizes},
        )
        self.journal.append(entry)
        file.unlink()
        self.shards.discard(number)
        return entry.rows

    def _in_our_codes(self, shard: Shard) -> tuple[Array, list[str]]:
        """Labels of a shard, and those of their names that are new."""
        journal = self.journal
        if journal.kind not in (None, shard.kind):
            raise ValueError(
                f"Labels are {journal.kind} in rows 0 to {journal.n_rows - 1:,}, but "
                f"{shard.kind} in the {len(shard.lengths):,} rows after them. Make "
                f"all of one type."
            )
        if shard.kind != "texts":
            return shard.labels, []
        new = [name for name in shard.names if name not in journal.names]
        first = len(journal.names)
        codes = {name: code for code, name in enumerate(new, first)}
        ours = [codes.get(name, journal.names.get(name)) for name in shard.names]
        return np.array(ours, dtype=shard.labels.dtype)[shard.labels], new

    def finish(self, classes: list[Any] | None) -> None:
        """Write what is known only now, and mark the folder as finished."""
        about = finish_files(self.path, self.journal, self.dtype, classes)
        self._write_manifest(n_rows=self.journal.n_rows, finished=True, **about)
        self.finished = True
        shutil.rmtree(self.path / BUILDING, ignore_errors=True)
        sync_folder(self.path)


def _check_same(path: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    differ = [
        f"{name} was {_short(before.get(name))} and is {_short(now.get(name))}"
        for name in {**before, **now}
        if before.get(name) != now.get(name)
    ]
    if differ:
        raise ValueError(
            f"{path} holds a matrix made of something else: {'; '.join(differ)}. "
            f"Choose another path, or begin anew with overwrite=True."
        )


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
