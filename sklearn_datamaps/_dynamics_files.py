"""Reads the logits that the reference code of Dataset Cartography writes."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_datamaps._data_map import DataMap
from sklearn_datamaps._dynamics import TrainingDynamics

Array = NDArray[Any]

CHUNK_BYTES = 2**24  # of a file, parsed at once
BLOCK_BYTES = 2**20
N_NAMED = 5  # guids that an error names


def read_training_dynamics(
    folder: str | Path,
    burn_out: int | None = None,
    *,
    measures: Iterable[str] = (),
    store_trajectories: bool = False,
) -> DataMap:
    """Map from the logits that the reference code logs, one file an epoch.

    Reads ``dynamics_epoch_0.jsonl``, ``dynamics_epoch_1.jsonl``, ... (in the order of
    their numbers), whose lines are ``{"guid": ..., "logits_epoch_N": [...], "gold":
    ...}``, in any order of rows. A chunk of one file is in memory at a time.

    Parameters
    ----------
    folder : str or path
        Folder that holds the files, or holds a folder ``training_dynamics`` that does.
    burn_out : int, default=None
        Keep the first ``burn_out`` epochs only, as the reference code does. None:
        all of them.
    measures : iterable of str, default=()
        Extra measures, as in :class:`TrainingDynamics`.
    store_trajectories : bool, default=False
        Keep the probability of the own label at every epoch.

    Returns
    -------
    DataMap
        Rows in the order of the first file, named by their guids; classes are the
        positions of the logits, 0, 1, ...

    Raises
    ------
    FileNotFoundError
        If there is no such file in the folder.
    ValueError
        If an epoch is missing between others, a guid is missing, unknown or twice in
        a file, a line is no such record, or ``gold`` differs between epochs; the
        message names file, line or guids. If burn_out is not an integer from 1 to
        the number of files.

    References
    ----------
    Swayamdipta et al., Dataset Cartography, EMNLP 2020, arXiv:2009.10795.

    Examples
    --------
    >>> import json, tempfile
    >>> from pathlib import Path
    >>> from sklearn_datamaps import read_training_dynamics
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for epoch, logit in enumerate([0.0, 2.0]):
    ...         record = {"guid": "a", f"logits_epoch_{epoch}": [0, logit], "gold": 1}
    ...         path = Path(folder) / f"dynamics_epoch_{epoch}.jsonl"
    ...         _ = path.write_text(json.dumps(record))
    ...     data_map = read_training_dynamics(folder)
    >>> data_map.to_frame()["confidence"].round(3)
    a    0.69
    Name: confidence, dtype: float64
    """
    epochs = _epoch_files(Path(folder))
    if burn_out is not None:
        integer = isinstance(burn_out, int | np.integer) and burn_out is not True
        if not (integer and 1 <= burn_out <= len(epochs)):
            raise ValueError(
                f"burn_out must be an integer from 1 to the number of epochs, "
                f"{len(epochs)}; got {burn_out!r}."
            )
        epochs = epochs[:burn_out]
    rows = _first_rows(epochs[0])
    dynamics = TrainingDynamics(
        rows.gold,
        classes=np.arange(rows.n_classes),
        measures=measures,
        store_trajectories=store_trajectories,
        index=rows.index,
    )
    for epoch in epochs:
        _record(dynamics, epoch, rows)
    return dynamics.to_data_map(meta={"files": "dynamics_epoch_*.jsonl"})


class _Epoch(NamedTuple):
    """One file."""

    number: int
    path: Path

    @property
    def key(self) -> str:
        return f"logits_epoch_{self.number}"


@dataclass
class _Rows:
    """What the first file says of the rows, and all others must repeat."""

    index: pd.Index
    gold: Array
    n_classes: int
    guids: Any  # Arrow array


def _epoch_files(folder: Path) -> list[_Epoch]:
    """Return the files of all epochs, in the order of their numbers."""
    found: list[_Epoch] = []
    for place in (folder, folder / "training_dynamics"):
        for path in place.glob("dynamics_epoch_*.jsonl") if not found else ():
            number = re.fullmatch(r"dynamics_epoch_(\d+)\.jsonl", path.name)
            if number:
                found.append(_Epoch(int(number[1]), path))
    if not found:
        raise FileNotFoundError(
            f"No dynamics_epoch_0.jsonl, dynamics_epoch_1.jsonl, ... in {folder}, nor "
            f"in {folder / 'training_dynamics'}."
        )
    found.sort()
    numbers = [epoch.number for epoch in found]
    gaps = sorted(set(range(numbers[0], numbers[-1])) - set(numbers))
    if gaps or len(set(numbers)) < len(numbers):
        what = f"epochs {gaps} are missing" if gaps else "an epoch has two files"
        raise ValueError(f"{found[0].path.parent} holds epochs {numbers}: {what}.")
    return found


def _first_rows(epoch: _Epoch) -> _Rows:
    import pyarrow as pa

    guids, golds = [], []
    for _, table in _tables(epoch, with_logits=False):
        guids.append(table["guid"].combine_chunks())
        golds.append(table["gold"].to_numpy())
    first = _first_record(epoch)
    n_classes = len(first[epoch.key])
    index = pd.Index(pa.concat_arrays(guids).to_numpy(zero_copy_only=False))
    twice = index.duplicated()
    if twice.any():
        raise ValueError(
            f"{epoch.path.name} has guids more than once: {named(index, twice)}."
        )
    gold = np.concatenate(golds)
    beyond = (gold < 0) | (gold >= n_classes)
    if beyond.any():
        raise ValueError(
            f"{epoch.path.name}: gold must be a position in the {n_classes} logits, "
            f"0 ... {n_classes - 1}; it is {gold[beyond][0]} in "
            f"{named(index, beyond)}."
        )
    return _Rows(index, gold, n_classes, pa.concat_arrays(guids))


def _record(dynamics: TrainingDynamics, epoch: _Epoch, rows: _Rows) -> None:
    """Add one epoch to the record, chunk by chunk."""
    name = epoch.path.name
    seen = np.zeros(len(rows.index), dtype=bool)
    done = 0
    for first_record, table in _tables(epoch):
        guids = table["guid"].combine_chunks()
        logits = _logits(table[epoch.key].combine_chunks(), epoch, rows, first_record)
        at: Any = slice(done, done + len(guids))
        if not guids.equals(rows.guids.slice(done, len(guids))):
            read = pd.Index(guids.to_numpy(zero_copy_only=False))
            at = rows.index.get_indexer(read)
            if (at < 0).any():
                raise ValueError(
                    f"{name} has guids that are not in the first file: "
                    f"{named(read, at < 0)}."
                )
            twice = seen[at] | pd.Index(at).duplicated()
            if twice.any():
                raise ValueError(
                    f"{name} has guids more than once: {named(read, twice)}."
                )
        elif seen[at].any():
            again = rows.index[at]
            raise ValueError(
                f"{name} has guids more than once: {named(again, seen[at])}."
            )
        seen[at] = True
        done += len(guids)
        changed = table["gold"].to_numpy() != rows.gold[at]
        if changed.any():
            raise ValueError(
                f"{name}: gold is not that of the first file in "
                f"{named(rows.index[at], changed)}."
            )
        dynamics.update(logits, rows=at, logits=True)
    if not seen.all():
        raise ValueError(
            f"{name} lacks guids of the first file: {named(rows.index, ~seen)}."
        )


def _logits(column: Any, epoch: _Epoch, rows: _Rows, first_record: int) -> Array:
    lengths = np.diff(column.offsets.to_numpy())
    bad = lengths != rows.n_classes
    if not bad.any():
        flat = column.flatten().to_numpy(zero_copy_only=False)  # null becomes NaN
        values: Array = flat.reshape(-1, rows.n_classes)
        bad = ~np.isfinite(values).all(axis=1)
    if bad.any():
        raise ValueError(
            f"{epoch.path.name}, record {first_record + int(bad.argmax())}: "
            f"{epoch.key} must be a list of {rows.n_classes} finite numbers."
        )
    return values


def _tables(epoch: _Epoch, *, with_logits: bool = True) -> Iterator[tuple[int, Any]]:
    """Yield the number of the first record, from 1, and the records of each chunk."""
    import pyarrow as pa
    import pyarrow.json

    kind = pa.string() if isinstance(_first_record(epoch)["guid"], str) else pa.int64()
    fields = [("guid", kind), ("gold", pa.int64())]
    if with_logits:
        fields.append((epoch.key, pa.list_(pa.float64())))
    parse = pa.json.ParseOptions(
        explicit_schema=pa.schema(fields), unexpected_field_behavior="ignore"
    )
    n_read = 1
    for chunk in _chunks(epoch.path):
        try:
            table = _parsed(chunk, parse)
        except pa.ArrowInvalid as error:
            _explain(chunk, n_read, epoch)
            raise ValueError(f"{epoch.path.name} cannot be read: {error}") from error
        if any(table[name].null_count for name in table.column_names):
            _explain(chunk, n_read, epoch)
        yield n_read, table
        n_read += len(table)


def _parsed(chunk: bytes, parse: Any) -> Any:
    import pyarrow as pa
    import pyarrow.json

    try:  # blocks are parsed in parallel, but a line must not be longer than one
        read = pa.json.ReadOptions(block_size=BLOCK_BYTES)
        return pa.json.read_json(pa.BufferReader(chunk), read, parse)
    except pa.ArrowInvalid:
        read = pa.json.ReadOptions(block_size=len(chunk))
        return pa.json.read_json(pa.BufferReader(chunk), read, parse)


def _chunks(path: Path) -> Iterator[bytes]:
    """Yield a file in pieces that end with a line."""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            chunk += file.readline()
            if not chunk.isspace():
                yield chunk


def _first_record(epoch: _Epoch) -> dict[str, Any]:
    with epoch.path.open("rb") as file:
        for line in file:
            if line.strip():
                return _checked_record(line, 1, epoch)
    raise ValueError(f"{epoch.path.name} is empty.")


def _explain(chunk: bytes, n_read: int, epoch: _Epoch) -> None:
    """Raise the error of the first bad record in a chunk, if one is found."""
    lines = [line for line in chunk.splitlines() if line.strip()]
    for number, line in enumerate(lines, start=n_read):
        _checked_record(line, number, epoch)


def _checked_record(line: bytes, number: int, epoch: _Epoch) -> dict[str, Any]:
    where = f"{epoch.path.name}, record {number}"
    try:
        record = json.loads(line)
    except ValueError as error:
        raise ValueError(f"{where} is no JSON: {error}") from error
    wanted = ("guid", epoch.key, "gold")
    if not (isinstance(record, dict) and all(key in record for key in wanted)):
        shown = list(record) if isinstance(record, dict) else type(record).__name__
        raise ValueError(f"{where} must hold {', '.join(wanted)}; it holds {shown}.")
    guid, logits, gold = (record[key] for key in wanted)
    if not isinstance(guid, str | int) or isinstance(guid, bool):
        raise ValueError(f"{where}: guid must be a text or an integer; got {guid!r}.")
    if not isinstance(gold, int) or isinstance(gold, bool):
        raise ValueError(
            f"{where} (guid {guid!r}): gold must be an integer, the position of the "
            f"label in the logits; got {gold!r}."
        )
    numbers = isinstance(logits, list) and all(
        isinstance(x, int | float) and np.isfinite(x) for x in logits
    )
    if not numbers or len(logits) < 2:
        raise ValueError(
            f"{where} (guid {guid!r}): {epoch.key} must be a list of two or more "
            f"finite numbers; got {str(logits)[:60]}."
        )
    return record


def named(guids: Any, which: Any) -> str:
    """Name some guids, and how many more they are.

    Parameters
    ----------
    guids : array-like of shape (n_rows,)
        The guids.
    which : array-like of bool, shape (n_rows,)
        Which of them.

    Returns
    -------
    str
        For an error message.
    """
    which = np.asarray(which)
    found = pd.Index(guids)[which].tolist()
    more = f" and {len(found) - N_NAMED:,} more" if len(found) > N_NAMED else ""
    return f"{', '.join(map(repr, found[:N_NAMED]))}{more}"
