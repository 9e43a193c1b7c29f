"""The last step of building a matrix: what is known only when all rows are there."""

import json
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.atomic import commit
from sklearn_datamaps.out_of_core.journal import Journal
from sklearn_datamaps.out_of_core.matrix import (
    CHECKSUMS,
    DATA,
    INDICES,
    INDPTR,
    LABELS,
    LABELS_SO_FAR,
    ROW_ENDS,
    npy_header,
)
from sklearn_datamaps.out_of_core.shards import BUILDING_DTYPES, final_labels

# Any estimator takes index pointers of 32 bits, few take others.
LARGEST_NARROW = np.iinfo(np.int32).max


def finish_files(
    path: Path, journal: Journal, dtype: np.dtype[Any], classes: list[Any] | None
) -> dict[str, Any]:
    """Write headers, index pointers, labels and checksums.

    Killed at any moment, it can be done again.

    Parameters
    ----------
    path : path
        The folder.
    journal : Journal
        What is in its files.
    dtype : dtype
        Of the values of the matrix.
    classes : list or None
        All labels, where they were known beforehand.

    Returns
    -------
    dict
        For the manifest: ``files``, ``labels`` and ``checksums``.
    """
    lines = [
        {
            "rows": e.rows,
            "values": e.values,
            DATA: e.crc32[DATA],
            INDICES: e.crc32[INDICES],
        }
        for e in journal.entries
    ]
    files = {}
    for name, of_values in ((DATA, dtype), (INDICES, np.dtype(np.int32))):
        header, files[name] = _header(of_values, [journal.n_values])
        with (path / name).open("r+b") as file:
            file.write(header)
            file.flush()
            os.fsync(file.fileno())

    narrow = journal.n_values <= LARGEST_NARROW
    pointer = np.dtype(np.int32 if narrow else np.int64)
    header, files[INDPTR] = _header(pointer, [journal.n_rows + 1])
    ends = _parts(path, journal, ROW_ENDS)
    pointers = (np.r_[0, part] if i == 0 else part for i, part in enumerate(ends))
    _write(path, INDPTR, header, (p.astype(pointer) for p in pointers), lines)

    labels = None
    if journal.kind not in (None, "none"):
        of_labels, names, convert = final_labels(
            journal.kind, list(journal.names), classes
        )
        columns = [len(names)] if journal.kind == "sets" else []
        header, files[LABELS] = _header(of_labels, [journal.n_rows, *columns])
        _write(
            path,
            LABELS,
            header,
            map(convert, _parts(path, journal, LABELS_SO_FAR)),
            lines,
        )
        labels = {"kind": journal.kind, "classes": names}

    text = "".join(json.dumps(line) + "\n" for line in lines).encode()
    commit(path / CHECKSUMS, lambda file: file.write(text))
    checksums = {"bytes": len(text), "crc32": zlib.crc32(text)}
    return {"files": files, "labels": labels, "checksums": checksums}


def _header(dtype: np.dtype[Any], shape: list[int]) -> tuple[bytes, dict[str, Any]]:
    header = npy_header(dtype, shape)
    about = {"dtype": dtype.str, "shape": shape, "header_crc32": zlib.crc32(header)}
    return header, about


def _parts(path: Path, journal: Journal, name: str) -> Iterator[Array]:
    """Shards of a file as it was written so far, compared with their checksums."""
    with (path / name).open("rb") as file:
        for number, entry in enumerate(journal.entries):
            of_ends = name == ROW_ENDS
            n_bytes = entry.rows * 8 if of_ends else entry.label_bytes
            part = file.read(n_bytes)
            if zlib.crc32(part) != entry.crc32[name]:
                raise ValueError(
                    f"{path / name} is corrupted in shard {number:,}. Begin anew: "
                    f"vectorize_to_disk(..., overwrite=True)."
                )
            dtype = np.dtype(np.int64) if of_ends else BUILDING_DTYPES[entry.kind]
            yield np.frombuffer(part, dtype=dtype)


def _write(
    path: Path,
    name: str,
    header: bytes,
    parts: Iterator[Array],
    lines: list[dict[str, int]],
) -> None:
    """Write a file from its shards, and add their checksums to the lines."""

    def write(file: BinaryIO) -> None:
        file.write(header)
        for line, values in zip(lines, parts, strict=True):
            part = values.tobytes()
            line[name] = zlib.crc32(part)
            file.write(part)

    commit(path / name, write)
