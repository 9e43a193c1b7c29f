"""A finished matrix on disk: its files, how they are opened and verified."""

import io
import json
import os
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.atomic import commit

KIND = "sklearn-datamaps matrix"
FORMAT = 2
MANIFEST = "manifest.json"
DATA, INDICES, INDPTR, LABELS = "data.npy", "indices.npy", "indptr.npy", "labels.npy"
FILES = (DATA, INDICES, INDPTR, LABELS)
CHUNK_BYTES = 2**24
AGAIN = "Build the matrix again: vectorize_to_disk(..., overwrite=True)."


def _dtypes(codes: Iterable[str]) -> frozenset[str]:
    return frozenset(np.dtype(code).str for code in codes)


# Nothing else is mapped: of objects, NumPy would read pointers from the file.
DTYPES = {
    DATA: _dtypes("?bBhHiIqQefd"),
    INDICES: _dtypes("i"),
    INDPTR: _dtypes("iq"),
    LABELS: _dtypes("?bBhiq"),
}


def npy_header(dtype: np.dtype[Any], shape: Sequence[int]) -> bytes:
    """Return the header of a .npy file of an array in C order."""
    buffer = io.BytesIO()
    description = {
        "descr": np.lib.format.dtype_to_descr(dtype),
        "fortran_order": False,
        "shape": tuple(shape),
    }
    np.lib.format.write_array_header_1_0(buffer, description)
    return buffer.getvalue()


def write_manifest(path: Path, manifest: Mapping[str, Any]) -> None:
    """Write the manifest of a folder, with a checksum of its own."""
    content = {"kind": KIND, "format": FORMAT, **manifest}
    content["crc32"] = _checksum(content)
    text = json.dumps(content, indent=1, sort_keys=True)
    commit(path / MANIFEST, lambda file: file.write(text.encode()))


def _checksum(content: Mapping[str, Any]) -> int:
    return zlib.crc32(json.dumps(content, sort_keys=True).encode())


def read_manifest(path: Path, *, any_format: bool = False) -> dict[str, Any]:
    """Read the manifest of a folder.

    Parameters
    ----------
    path : path
        The folder.
    any_format : bool, default=False
        Whether it may be of another version.

    Raises
    ------
    FileNotFoundError
        If there is none.
    ValueError
        If it is of something else, of another format, or corrupted.
    """
    file = path / MANIFEST
    if not file.is_file():
        raise FileNotFoundError(
            f"There is no {file}: {path} is not a folder that vectorize_to_disk wrote."
        )
    try:
        content = json.loads(file.read_bytes())
        stored = content.pop("crc32")
        whole = content["kind"] == KIND and stored == _checksum(content)
        ours = whole and (any_format or content["format"] == FORMAT)
        if not whole or (ours and not any_format and not _is_sound(content)):
            raise ValueError
    except (ValueError, AttributeError, LookupError, TypeError, RecursionError):
        raise ValueError(
            f"{file} is corrupted, or of something else. If the folder is of "
            f"vectorize_to_disk, delete it and build it again."
        ) from None
    if not ours:
        raise ValueError(
            f"{path} was written by another version (format {content['format']}, not "
            f"{FORMAT}). {AGAIN}"
        )
    return dict(content)


def _is_sound(content: Mapping[str, Any]) -> bool:
    """Whether a manifest says nothing that vectorize_to_disk would not."""
    if not content["finished"]:
        run = content["run"]
        return isinstance(content["arguments"], dict) and run.isalnum()
    n_rows, n_columns = content["shape"]
    files, labels = content["files"], content["labels"]
    names = FILES if labels is not None else FILES[:-1]
    if set(files) != set(names) or n_columns > np.iinfo(np.int32).max:
        return False
    (n_values,) = files[DATA]["shape"]
    shapes = {DATA: [n_values], INDICES: [n_values], INDPTR: [n_rows + 1]}
    if labels is not None:
        classes = labels["classes"]
        shapes[LABELS] = [n_rows] + [len(classes)] * (labels["kind"] == "sets")
        if len(set(classes)) < len(classes):
            return False
    return all(
        type(size) is int and size >= 0 for size in (n_rows, n_columns, n_values)
    ) and all(
        files[name]["shape"] == shapes[name] and files[name]["dtype"] in DTYPES[name]
        for name in names
    )


def open_matrix(
    path: str | os.PathLike[str], *, verify: bool = False
) -> tuple[Any, Any]:
    """Open a matrix that :func:`vectorize_to_disk` wrote, with nothing read.

    .. versionadded:: 0.1

    Parameters
    ----------
    path : str or path
        The folder.
    verify : bool, default=False
        Read all files once, a few megabytes at a time, and compare their checksums
        (CRC-32: it finds what disks and transfers do to files, and costs little more
        than the reading; it does not find forgery). Missing and truncated files are
        found in any case.

    Returns
    -------
    X : csr_matrix of shape (n_samples, n_features)
        Its arrays are read-only memory maps. Column indices have 32 bits; index
        pointers have 64 if there are more than 2^31 - 1 values, else 32.
    y : memmap, Categorical, DataFrame or None
        The labels: a memory map of int64 or bool; of labels that are texts a
        Categorical, and of lists of labels a DataFrame of 0 and 1 with a column for
        each class, both around a memory map. None if there are none.

    Raises
    ------
    FileNotFoundError
        If there is no such folder, or a file is missing in it.
    ValueError
        If the folder is not finished or of another version, or a file is truncated
        or corrupted: the message names the file.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from sklearn.feature_extraction.text import HashingVectorizer
    >>> from sklearn_datamaps.out_of_core import open_matrix, vectorize_to_disk
    >>> batches = [["Thanks", "Oh no"]]
    >>> with TemporaryDirectory() as folder:
    ...     _ = vectorize_to_disk(
    ...         batches, HashingVectorizer(), folder, label=None, verbose=0
    ...     )
    ...     X, y = open_matrix(folder, verify=True)
    ...     X.shape, X.nnz, y
    ((2, 1048576), 3, None)
    """
    path = Path(path).expanduser()
    manifest = read_manifest(path)
    if not manifest["finished"]:
        raise ValueError(f"{path} is not finished: {_progress(path, manifest)}")
    files = manifest["files"]
    arrays = {name: _mapped(path / name, about) for name, about in files.items()}
    if verify:
        faults = [
            str(path / name)
            for name, about in files.items()
            if _crc32_of(path / name) != about["crc32"]
        ]
        if faults:
            raise ValueError(f"Checksums differ: {', '.join(faults)}. {AGAIN}")
    X = sparse.csr_matrix(tuple(manifest["shape"]), dtype=arrays[DATA].dtype)
    # The constructor would copy indices next to index pointers of 64 bits.
    X.data, X.indices, X.indptr = (arrays[name] for name in (DATA, INDICES, INDPTR))
    # SciPy would read all indices to find it out.
    X.has_sorted_indices = X.has_canonical_format = True
    return X, _labels(arrays.get(LABELS), manifest["labels"])


def building(path: Path, manifest: Mapping[str, Any]) -> Path:
    """Folder of the shards of a run: another one when it is begun anew.

    A process of a former run that is still at work writes to the former one.
    """
    return path / f"building-{manifest['run']}"


def _progress(path: Path, manifest: Mapping[str, Any]) -> str:
    n_shards = len(list(building(path, manifest).glob("*.npz")))
    size = manifest["arguments"]["shard_size"]
    return (
        f"{n_shards:,} shards of up to {size:,} rows are there. Call vectorize_to_disk "
        f"again with the same arguments; it goes on from there."
    )


def _mapped(file: Path, about: Mapping[str, Any]) -> Array:
    if not file.is_file():
        raise FileNotFoundError(f"{file} is missing. {AGAIN}")
    dtype, shape = np.dtype(about["dtype"]), tuple(about["shape"])
    header = npy_header(dtype, shape)
    n_bytes = len(header) + dtype.itemsize * int(np.prod(shape, dtype=object))
    if file.stat().st_size != n_bytes:
        raise ValueError(
            f"{file} has {file.stat().st_size:,} bytes instead of {n_bytes:,}: it is "
            f"truncated or corrupted. {AGAIN}"
        )
    try:
        array: Array = np.lib.format.open_memmap(file, mode="r")
    except Exception as error:  # of whatever NumPy comes upon in a header
        raise ValueError(f"The header of {file} is corrupted. {AGAIN}") from error
    if (array.dtype, array.shape) != (dtype, shape) or not array.flags.c_contiguous:
        raise ValueError(f"The header of {file} is corrupted. {AGAIN}")
    return array


def _labels(values: Array | None, labels: Mapping[str, Any] | None) -> Any:
    if labels is None or values is None:
        return None
    if labels["kind"] == "sets":
        return pd.DataFrame(values, columns=labels["classes"], copy=False)
    if labels["classes"]:
        dtype = pd.CategoricalDtype(labels["classes"])
        return pd.Categorical.from_codes(values, dtype=dtype, validate=False)
    return values


def _crc32_of(path: Path) -> int:
    """CRC-32 of a file, a few megabytes at a time."""
    crc = 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            crc = zlib.crc32(chunk, crc)
    return crc
