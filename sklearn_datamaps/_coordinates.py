"""Reads the coordinates that the reference code of Dataset Cartography writes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_datamaps._data_map import DataMap
from sklearn_datamaps._dynamics_files import named

Array = NDArray[Any]

# Of a squared variability, which files hold rounded.
ROUNDING = 1e-6
LARGEST = {"confidence": 1, "variability": 0.5, "correctness": 1e9}
DERIVED = ("index", "threshold_closeness")  # of the file, not carried along


def read_coordinates(path: str | Path, n_epochs: int | None = None) -> DataMap:
    """Map from the coordinates that the reference code writes.

    Such a file has ``guid``, ``index``, ``confidence``, ``variability`` and
    ``correctness``, where correctness is a *count* of epochs. It tells neither labels
    nor predictions: in the map they are None. Margins are those of two classes, ``2 c
    - 1`` and ``2 v``.

    Parameters
    ----------
    path : str or path
        File of JSON lines, or ``.csv`` or ``.tsv``.
    n_epochs : int, default=None
        Number of epochs. None: the largest count in the file, which is right if some
        row was predicted right in every epoch. An error tells where it cannot be.

    Returns
    -------
    DataMap
        Rows in the order of the file, named by their guids. Further columns are
        carried along.

    Raises
    ------
    ValueError
        If a column is missing, a guid is there twice, a value is missing or out of
        its range, correctness is not a count, or rows vary more than values in
        [0, 1] can in so few epochs.

    References
    ----------
    Swayamdipta et al., Dataset Cartography, EMNLP 2020, arXiv:2009.10795.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_datamaps import read_coordinates
    >>> lines = '''
    ... {"guid":"a","index":0,"confidence":0.9,"variability":0.1,"correctness":4}
    ... {"guid":"b","index":1,"confidence":0.2,"variability":0.1,"correctness":1}'''
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "td_metrics.jsonl"
    ...     _ = path.write_text(lines)
    ...     data_map = read_coordinates(path)
    >>> data_map.n_epochs, data_map.correctness
    (4, array([1.  , 0.25]))
    """
    path = Path(path)
    frame = _read_frame(path)
    absent = [name for name in ("guid", *LARGEST) if name not in frame.columns]
    if absent:
        raise ValueError(
            f"{path.name} has no column {absent[0]!r}; it has {list(frame.columns)}."
        )
    guids = frame["guid"]
    _refuse(guids, guids.isna(), path, "has no guid in")
    _refuse(guids, guids.duplicated(), path, "has guids more than once, in")
    values = {}
    for name, largest in (
        ("confidence", 1),
        ("variability", 0.5),
        ("correctness", 1e9),
    ):
        value = pd.to_numeric(frame[name], errors="coerce").to_numpy(np.float64)
        beyond = ~((value >= -ROUNDING) & (value <= largest + ROUNDING))
        what = f"has {name} that is no number from 0 to {largest:g}, in"
        _refuse(guids, beyond, path, what)
        values[name] = value
    count = values["correctness"]
    if (count % 1).any():
        raise ValueError(
            f"{path.name}: correctness must be a count of epochs, as the reference "
            f"code writes it; no whole number in {named(guids, count % 1 != 0)}. If it "
            f"is a share, multiply it by the number of epochs first."
        )
    n_epochs = _checked_epochs(values, n_epochs, guids, path)
    unknown = np.full(len(frame), None, dtype=object)
    data_map = DataMap(
        confidence=np.clip(values["confidence"], 0, 1),
        variability=np.clip(values["variability"], 0, 0.5),
        correctness=count / n_epochs,
        label=unknown,
        predicted=unknown.copy(),
        classes=np.empty(0, dtype=object),
        n_epochs=n_epochs,
        index=pd.Index(guids.to_numpy()),
        meta={"recording": "in-sample", "files": path.name},
    )
    known = ("guid", *LARGEST, *DERIVED)
    others = [name for name in frame.columns if name not in known]
    return data_map.with_columns(**{str(n): frame[n].to_numpy() for n in others})


def _read_frame(path: Path) -> pd.DataFrame:
    if path.suffix not in (".csv", ".tsv"):
        lines = path.read_text(encoding="utf-8").splitlines()
        try:
            records = [json.loads(line) for line in lines if line.strip()]
        except ValueError as error:
            message = f"{path.name} is no file of JSON lines: {error}"
            raise ValueError(message) from error
        return pd.DataFrame(records)
    separator = "\t" if path.suffix == ".tsv" else ","
    frame = pd.read_csv(path, sep=separator, dtype={"guid": str}, keep_default_na=False)
    if "guid" in frame:
        as_integer = frame["guid"].str.fullmatch(r"0|-?[1-9]\d{0,17}")
        if as_integer.all():
            frame["guid"] = frame["guid"].astype(np.int64)
    return frame


def _checked_epochs(
    values: dict[str, Array], n_epochs: int | None, guids: Any, path: Path
) -> int:
    """Return the number of epochs that the coordinates are compatible with."""
    largest = int(values["correctness"].max(initial=0))
    if n_epochs is None and not largest:
        raise ValueError(
            f"{path.name}: no row was right in any epoch, so their number cannot be "
            f"told. Pass n_epochs."
        )
    given = largest if n_epochs is None else n_epochs
    integer = isinstance(given, int | np.integer) and given is not True
    if not (integer and given >= max(1, largest)):
        raise ValueError(
            f"n_epochs must be an integer >= {max(1, largest)}, the largest count in "
            f"{path.name}; got {given!r}."
        )
    beyond = values["variability"] ** 2 > (
        _largest_variance(values["confidence"], given) + ROUNDING
    )
    if beyond.any():
        told = "the largest count" if n_epochs is None else "n_epochs"
        raise ValueError(
            f"{path.name}: in {given} epochs ({told}) no row can vary as much as "
            f"{named(guids, beyond)}: there were more epochs. Pass n_epochs."
        )
    return int(given)


def _largest_variance(mean: Array, n_epochs: int) -> Array:
    """Of n_epochs values in [0, 1] of this mean: all but one of them are 0 or 1."""
    whole = np.floor(n_epochs * mean)
    rest = n_epochs * mean - whole
    largest: Array = (whole + rest**2) / n_epochs - mean**2
    return largest


def _refuse(guids: Any, wrong: Any, path: Path, what: str) -> None:
    if np.any(wrong):
        raise ValueError(f"{path.name} {what} {named(guids, wrong)}.")
