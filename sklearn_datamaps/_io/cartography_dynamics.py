"""The training dynamics that the reference code of Dataset Cartography writes."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice, pairwise
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import softmax

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.messages import quoted
from sklearn_datamaps._core.recorder import check_measures
from sklearn_datamaps._data_map import DataMap, TrainingDynamics
from sklearn_datamaps._io.json_lines import Kind, first_record, read_json_lines

NAME = re.compile(r"dynamics_epoch_(\d+)\.jsonl", flags=re.ASCII)
SUBFOLDER = "training_dynamics"
N_NAMED = 5  # guids in a message


def read_training_dynamics(
    folder: str | PathLike[str],
    burn_out: int | None = None,
    *,
    measures: Iterable[str] = (),
    store_trajectories: bool = False,
) -> DataMap:
    """Map from the training dynamics that the reference code logged, file by file.

    The reference code of Dataset Cartography (``allenai/cartography``) writes one
    file an epoch, ``dynamics_epoch_0.jsonl``, ``dynamics_epoch_1.jsonl``, ..., with
    one JSON object a line: ``{"guid": 17, "logits_epoch_0": [0.3, -1.2, 0.9],
    "gold": 2}``. The files are read in chunks of a few megabytes, one after another;
    memory grows with the number of rows alone.

    .. versionadded:: 0.1

    Parameters
    ----------
    folder : str or path
        The folder with the files, or the one whose sub-folder ``training_dynamics``
        holds them (the output folder of the reference code).
    burn_out : int, default=None
        Read the first ``burn_out`` epochs only, as the reference code does; as there,
        a number above that of the epochs means all. None: all.
    measures : iterable of str, default=()
        Extra measures, as in :class:`~sklearn_datamaps.TrainingDynamics`.
    store_trajectories : bool, default=False
        Keep the probability of the own label at every epoch, as float32.

    Returns
    -------
    DataMap
        Its rows have the order of the first epoch's file (in the others any order
        will do) and its ``index`` the guids, integers or texts as in the files. The
        labels are the integers 0 ... C - 1, the columns of the logits.

    Raises
    ------
    FileNotFoundError
        If there is no such folder, or no such file in it.
    ValueError
        If a number is missing between the first and the last epoch's; if a line is no
        JSON object with ``guid``, ``logits_epoch_N`` and ``gold``, or has not as many
        logits as the first, at least two and all finite; if a gold label is no column
        of the logits, or differs from the first epoch's; if guids repeat in a file, or
        are not those of the first one. The message names the file, and the line or
        the guids. Also if burn_out is no integer >= 1, or a measure is unknown.

    See Also
    --------
    read_coordinates : Map from the measures that the reference code computed.

    Notes
    -----
    Probabilities are the softmax of the logits in float64 (float32 in the reference
    code), predictions the largest logit, the first of equal ones. The epochs may be
    numbered from any number on. The reference code logs while it trains, with dropout,
    so that a row is seen by the model of a moment of its epoch; compare such a map
    with care to one recorded after each epoch.

    References
    ----------
    Swayamdipta et al., Dataset Cartography: Mapping and Diagnosing Datasets with
    Training Dynamics, EMNLP 2020, arXiv:2009.10795;
    https://github.com/allenai/cartography.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import pandas as pd
    >>> from sklearn_datamaps import read_training_dynamics
    >>> tables = [
    ...     {"guid": ["a", "b"], "logits_epoch_0": [[0, 0], [2, 0]], "gold": [1, 0]},
    ...     {"guid": ["b", "a"], "logits_epoch_1": [[4, 0], [9, 0]], "gold": [0, 1]},
    ... ]
    >>> with TemporaryDirectory() as folder:
    ...     for n, table in enumerate(tables):
    ...         path = Path(folder) / f"dynamics_epoch_{n}.jsonl"
    ...         pd.DataFrame(table).to_json(path, orient="records", lines=True)
    ...     data_map = read_training_dynamics(folder)
    >>> data_map.to_frame()[["label", "confidence", "correctness"]].round(2)
          label  confidence  correctness
    guid
    a         1        0.25          0.0
    b         0        0.93          1.0
    """
    measures = check_measures(measures)
    _check_burn_out(burn_out)
    files = _epoch_files(Path(folder))
    epochs = sorted(files)[:burn_out]
    rows = _read_rows(files[epochs[0]], epochs[0])
    dynamics = TrainingDynamics(
        rows.gold,
        classes=np.arange(rows.n_classes),
        measures=measures,
        store_trajectories=store_trajectories,
        index=rows.guids,
    )
    for epoch in epochs:
        _record(dynamics, rows, files[epoch], epoch)
    return dynamics.to_data_map(meta={"source": str(folder)})


def _check_burn_out(burn_out: Any) -> None:
    whole = isinstance(burn_out, int | np.integer) and not isinstance(burn_out, bool)
    if burn_out is not None and not (whole and burn_out >= 1):
        raise ValueError(
            f"burn_out must be an integer >= 1, the number of epochs to read, or None "
            f"for all; got {burn_out!r}."
        )


def _epoch_files(folder: Path) -> dict[int, Path]:
    """Files by the number of their epoch, which run without a gap."""
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {str(folder)!r}.")
    files = _numbered_files(folder) or _numbered_files(folder / SUBFOLDER)
    if not files:
        raise FileNotFoundError(
            f"There is no dynamics_epoch_N.jsonl (N = 0, 1, ...) in {str(folder)!r}, "
            f"nor in its sub-folder {SUBFOLDER!r}."
        )
    # Counted, not listed: a number in a name may be huge.
    n_missing = max(files) - min(files) + 1 - len(files)
    if n_missing:
        gaps = (n for a, b in pairwise(sorted(files)) for n in range(a + 1, b))
        first = list(islice(gaps, N_NAMED))
        more = f" and {n_missing - N_NAMED:,} more" if n_missing > N_NAMED else ""
        raise ValueError(
            f"{files[max(files)].parent} holds the epochs {min(files)} to {max(files)} "
            f"without {quoted(first)}{more}: every epoch between needs its file."
        )
    return files


def _numbered_files(folder: Path) -> dict[int, Path]:
    files: dict[int, Path] = {}
    for path in sorted(folder.glob("dynamics_epoch_*.jsonl")):
        match = NAME.fullmatch(path.name)
        if match is None:
            continue
        epoch = int(match[1])
        if epoch in files:
            raise ValueError(
                f"{files[epoch]} and {path.name} are both of epoch {epoch}: remove one."
            )
        files[epoch] = path
    return files


@dataclass(frozen=True)
class _EpochRows:
    """What the first epoch's file says of the rows."""

    path: Path
    guids: pd.Index
    gold: Array
    n_classes: int
    guid_kind: Kind


def _read_rows(path: Path, epoch: int) -> _EpochRows:
    """Read guids and gold labels; the logits are left for another pass."""
    first = first_record(path)
    guid_kind: Kind = str if isinstance(first.get("guid"), str) else int
    if isinstance(first.get("gold"), str):
        raise ValueError(
            f"{path}: gold is {first['gold']!r}, a text; it must be the position of "
            f"the label among the logits, 0, 1, ..."
        )
    logits = first.get(f"logits_epoch_{epoch}")
    # Anything else is a fault that the next pass finds, and says the line of.
    n_classes = len(logits) if isinstance(logits, list) else 2
    if n_classes < 2:
        raise ValueError(
            f"{path}: logits_epoch_{epoch} of the first row has {n_classes} values; a "
            f"map needs at least two classes. For one logit z of two classes, write "
            f"[0, z]."
        )
    fields = {"guid": guid_kind, "gold": int}
    chunks = [(c["guid"], c["gold"]) for c in read_json_lines(path, fields)]
    guids = pd.Index(pd.concat([pd.Series(guid) for guid, _ in chunks]), name="guid")
    gold = np.concatenate([labels for _, labels in chunks])
    if not guids.is_unique:
        repeated = guids[guids.duplicated()]
        raise ValueError(
            f"{path} (epoch {epoch}): {len(repeated):,} rows repeat a guid of a row "
            f"before, such as {quoted(repeated.unique(), N_NAMED)}. Name every row "
            f"once."
        )
    outside = (gold < 0) | (gold >= n_classes)
    if outside.any():
        raise ValueError(
            f"{path} (epoch {epoch}): gold must be a position among the {n_classes} "
            f"logits, 0 ... {n_classes - 1}; it is not in {int(outside.sum()):,} rows: "
            f"{gold[outside][0]} for guid {quoted(guids[outside][:1], N_NAMED)}."
        )
    return _EpochRows(path, guids, gold, n_classes, guid_kind)


def _record(
    dynamics: TrainingDynamics, rows: _EpochRows, path: Path, epoch: int
) -> None:
    """Record the file of one epoch, and refuse it at its end if rows do not fit."""
    key = f"logits_epoch_{epoch}"
    fields: dict[str, Kind] = {"guid": rows.guid_kind, "gold": int, key: rows.n_classes}
    seen = np.zeros(len(rows.guids), dtype=bool)
    faults = _Faults()
    start = 0
    for chunk in read_json_lines(path, fields):
        guids = pd.Index(chunk["guid"])
        # The files of a run often have one order: no need to look up every guid.
        at: Any = slice(start, start + len(guids))
        start += len(guids)
        labels = chunk["gold"]
        if guids.equals(rows.guids[at]):
            repeated = seen[at].copy()
        else:
            at = rows.guids.get_indexer(guids)
            known = at >= 0
            faults.add("are not in the first file", guids, ~known)
            guids, labels, at = guids[known], labels[known], at[known]
            repeated = seen[at] | pd.Index(at).duplicated()
        seen[at] = True
        faults.add("come twice", guids, repeated)
        faults.add("have another gold label", guids, labels != rows.gold[at])
        if not faults:
            logits: Array = chunk[key]
            dynamics.update(_softmax(logits), at, resolve_ties=_largest_of(logits))
    faults.add("are missing", rows.guids, ~seen)
    if faults:
        raise ValueError(
            f"{path} (epoch {epoch}) does not hold the rows of {rows.path.name}: "
            f"{faults}."
        )


class _Faults:
    """Rows of one file that do not fit: how many, and the first guids of each kind."""

    def __init__(self) -> None:
        self.found: dict[str, tuple[int, pd.Index]] = {}

    def add(self, what: str, guids: pd.Index, which: Array) -> None:
        if which.any():
            count, named = self.found.get(what, (0, guids[:0]))
            named = named.append(guids[which][:N_NAMED]).unique()[:N_NAMED]
            self.found[what] = count + int(which.sum()), named

    def __bool__(self) -> bool:
        return bool(self.found)

    def __str__(self) -> str:
        return "; ".join(
            f"{count:,} {what}, such as guid {quoted(named, N_NAMED)}"
            for what, (count, named) in self.found.items()
        )


def _softmax(logits: Array) -> Array:
    # By columns: a maximum and a sum over rows of a few classes are slow.
    probabilities: Array = softmax(np.ascontiguousarray(logits.T), axis=0).T
    return probabilities


def _largest_of(logits: Array) -> Callable[[NDArray[np.intp]], Array]:
    """Settle ties of rounded probabilities: logits may still differ."""
    return lambda rows: logits[rows].argmax(axis=1)
