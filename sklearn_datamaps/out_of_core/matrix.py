"""A finished matrix on disk: its files, how they are opened and verified."""

import io
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
from scipy import sparse

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.atomic import commit

KIND = "sklearn-datamaps matrix"
FORMAT = 1
MANIFEST = "manifest.json"
CHECKSUMS = "checksums.jsonl"  # a line for each shard
BUILDING = "building"  # a folder, there until all is finished
LOCK = ".lock"
JOURNAL = f"{BUILDING}/journal.jsonl"
ROW_ENDS = f"{BUILDING}/row_ends.bin"
LABELS_SO_FAR = f"{BUILDING}/labels.bin"
DATA, INDICES, INDPTR, LABELS = "data.npy", "indices.npy", "indptr.npy", "labels.npy"

# NumPy leaves room in the header for the number of rows to grow.
HEADER_BYTES = 128
CHUNK_BYTES = 2**24


def npy_header(dtype: Any, shape: Sequence[int]) -> bytes:
    """Return the header of a .npy file of an array in C order."""
    buffer = io.BytesIO()
    description = {
        "descr": np.lib.format.dtype_to_descr(np.dtype(dtype)),
        "fortran_order": False,
        "shape": tuple(shape),
    }
    np.lib.format.write_array_header_1_0(buffer, description)
    header = buffer.getvalue()
    assert len(header) == HEADER_BYTES
    return header


def write_manifest(path: Path, manifest: Mapping[str, Any]) -> None:
    """Write the manifest of a folder, with a checksum of its own."""
    content = {"kind": KIND, "format": FORMAT, **manifest}
    content["crc32"] = _checksum(content)
    text = json.dumps(content, indent=1, sort_keys=True)
    commit(path / MANIFEST, lambda file: file.write(text.encode()))


def _checksum(content: Mapping[str, Any]) -> int:
    return zlib.crc32(json.dumps(content, sort_keys=True).encode())


def read_manifest(path: Path) -> dict[str, Any]:
    """Read the manifest of a folder.

    Parameters
    ----------
    path : path
        The folder.

    Returns
    -------
    dict

    Raises
    ------
    FileNotFoundError
        If there is none.
    ValueError
        If it is of something else, of a later format, or corrupted.
    """
    file = path / MANIFEST
    if not file.is_file():
        raise FileNotFoundError(
            f"There is no {file}: {path} is not a folder that vectorize_to_disk wrote."
        )
    try:
        content = json.loads(file.read_bytes())
        stored = content.pop("crc32")
    except (ValueError, AttributeError, KeyError):
        raise ValueError(_corrupted(file)) from None
    if content.get("kind") != KIND or stored != _checksum(content):
        raise ValueError(_corrupted(file))
    if content["format"] > FORMAT:
        raise ValueError(
            f"{path} was written in format {content['format']}; this version reads up "
            f"to {FORMAT}. Upgrade sklearn-datamaps."
        )
    return dict(content)


def _corrupted(file: Path) -> str:
    return (
        f"{file} is corrupted, or of something else. If the folder is of "
        f"vectorize_to_disk, delete it and build it again."
    )


def open_files(path: Path, *, verify: bool) -> tuple[Any, Any]:
    """Open the matrix and the labels of a folder; see ``open_matrix``."""
    manifest = read_manifest(path)
    if not manifest["finished"]:
        raise ValueError(f"{path} is not finished: {_progress(path, manifest)}")
    for name, file in manifest["files"].items():
        expected = HEADER_BYTES + _n_bytes(file["dtype"], file["shape"])
        _check_size(path / name, expected)
    _check_size(path / CHECKSUMS, manifest["checksums"]["bytes"])
    if verify:
        faults = list(_faults(path, manifest))
        if faults:
            more = f", and {len(faults) - 5} more" if len(faults) > 5 else ""
            raise ValueError(
                f"{len(faults)} checksum(s) differ: {'; '.join(faults[:5])}{more}. "
                f"Build the matrix again: vectorize_to_disk(..., overwrite=True)."
            )
    X = sparse.csr_matrix(tuple(manifest["shape"]), dtype=manifest["dtype"])
    # The constructor would copy indices next to index pointers of 64 bits.
    X.data = _mapped(path, manifest, DATA)
    X.indices = _mapped(path, manifest, INDICES)
    X.indptr = _mapped(path, manifest, INDPTR)
    # SciPy would read all indices to find it out.
    X.has_sorted_indices = X.has_canonical_format = True
    return X, _labels(path, manifest)


def _progress(path: Path, manifest: Mapping[str, Any]) -> str:
    journal = path / JOURNAL
    lines = journal.read_bytes().count(b"\n") if journal.is_file() else 0
    size = manifest["arguments"]["shard_size"]
    return (
        f"{lines:,} shards of up to {size:,} rows are there. Call vectorize_to_disk "
        f"again with the same arguments; it goes on from there."
    )


def _n_bytes(dtype: str, shape: Sequence[int]) -> int:
    return int(np.dtype(dtype).itemsize * np.prod(shape, dtype=np.int64))


def _check_size(file: Path, expected: int) -> None:
    if not file.is_file():
        raise FileNotFoundError(
            f"{file} is missing. Build the matrix again: vectorize_to_disk(..., "
            f"overwrite=True)."
        )
    if file.stat().st_size != expected:
        raise ValueError(
            f"{file} has {file.stat().st_size:,} bytes instead of {expected:,}: it is "
            f"truncated or corrupted. Build the matrix again: vectorize_to_disk(..., "
            f"overwrite=True)."
        )


def _mapped(path: Path, manifest: Mapping[str, Any], name: str) -> Array:
    file = manifest["files"][name]
    if 0 in file["shape"]:  # nothing to map
        empty = np.empty(file["shape"], dtype=file["dtype"])
        empty.flags.writeable = False
        return empty
    return np.memmap(
        path / name,
        dtype=file["dtype"],
        mode="r",
        offset=HEADER_BYTES,
        shape=tuple(file["shape"]),
    )


def _labels(path: Path, manifest: Mapping[str, Any]) -> Any:
    labels = manifest["labels"]
    if labels is None:
        return None
    values = _mapped(path, manifest, LABELS)
    if labels["kind"] == "sets":
        return pd.DataFrame(values, columns=labels["classes"], copy=False)
    if labels["classes"]:
        dtype = pd.CategoricalDtype(labels["classes"])
        return pd.Categorical.from_codes(values, dtype=dtype, validate=False)
    return values


def _faults(path: Path, manifest: Mapping[str, Any]) -> Iterator[str]:
    """What differs from its checksum, reading every file once."""
    checksums = (path / CHECKSUMS).read_bytes()
    if zlib.crc32(checksums) != manifest["checksums"]["crc32"]:
        yield str(path / CHECKSUMS)
        return
    shards = [json.loads(line) for line in checksums.splitlines()]
    for name, about in manifest["files"].items():
        with (path / name).open("rb") as file:
            if zlib.crc32(file.read(HEADER_BYTES)) != about["header_crc32"]:
                yield f"{path / name} (header)"
            first = 0
            for number, shard in enumerate(shards):
                stop = first + shard["rows"]
                by_value = name in (DATA, INDICES)
                n_items = shard["values" if by_value else "rows"]
                n_items += name == INDPTR and number == 0  # they begin with 0
                n_bytes = _n_bytes(about["dtype"], [n_items, *about["shape"][1:]])
                if _crc32_of(file, n_bytes) != shard[name]:
                    yield (
                        f"{path / name} in shard {number:,} (rows {first:,} to "
                        f"{stop - 1:,})"
                    )
                first = stop


def _crc32_of(file: BinaryIO, n_bytes: int) -> int:
    """CRC-32 of the next bytes of a file, a few megabytes at a time."""
    crc = 0
    while n_bytes > 0:
        chunk = file.read(min(n_bytes, CHUNK_BYTES))
        if not chunk:
            break
        crc = zlib.crc32(chunk, crc)
        n_bytes -= len(chunk)
    return crc
