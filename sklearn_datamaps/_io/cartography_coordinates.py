"""The coordinates of a data map that the reference code of the paper writes."""

from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.labels import encode_labels
from sklearn_datamaps._data_map import DataMap
from sklearn_datamaps._io.files import endings
from sklearn_datamaps._io.json_lines import Kind, first_record, read_json_lines
from sklearn_datamaps._io.reading import Reading, warn_of
from sklearn_datamaps._io.tables import read_table

MEASURES = ("confidence", "variability", "correctness")
CARRIED = "forgetfulness"
JSON_LINES = (".jsonl", ".json", ".ndjson")
TABLES = (".csv", ".tsv")
# Measures may be written with three decimals.
ROUNDING = 5e-4


def read_coordinates(
    path: str | PathLike[str], n_epochs: int | None = None, *, y: Any = None
) -> DataMap:
    """Map from the coordinates file of the reference code, ``td_metrics.jsonl``.

    The reference code of Dataset Cartography (``allenai/cartography``) writes, for
    every row, ``guid``, ``confidence``, ``variability`` and ``correctness``, the
    *number* of epochs with the right prediction. It is made a share here.

    .. versionadded:: 0.1

    Parameters
    ----------
    path : str or path
        The file: JSON lines (``.jsonl``, ``.json``, ``.ndjson``), or a table with a
        header, ``.csv`` or ``.tsv``, whose delimiter and encoding are found.
    n_epochs : int, default=None
        Number of epochs that were recorded (at most ``burn_out``). None: the largest
        correctness, which is too small if no row was right in every epoch.
    y : array-like of shape (n_samples,), default=None
        The labels, which the file does not hold: in the order of its rows, or a Series
        whose index holds the guids. None: they are not known.

    Returns
    -------
    DataMap
        Its rows have the order of the file and its ``index`` the guids. Without y,
        ``label`` is None in every row and ``classes`` is empty: what needs labels
        (``summary(by="label")``, ``plot(by="label")``, ``review``, ``explore``) says
        so. ``predicted`` always is None. The margin is taken for that of two classes,
        ``2 c - 1``, and its standard deviation for ``2 v``. A column
        ``forgetfulness`` is carried as it is (never right is 1000); all others are
        ignored. ``meta["n_epochs_inferred"]`` says whether the file told the number of
        epochs.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it lacks a column, has no rows, repeats a guid, or a value is no number or
        out of range; if correctness is a share already; if the measures of a row
        cannot be those of so many epochs (see Notes); if n_epochs is no integer >= 1,
        or y does not fit the rows.

    See Also
    --------
    read_training_dynamics : Map from the logits themselves, with labels and margins.

    Notes
    -----
    Two bounds on E values of p in [0, 1] with mean c tell a wrong number of epochs.
    With ``m = floor(E c)`` and ``f = E c - m``, ``v^2 <= (m + f^2) / E - c^2``. And
    since p is at most one half where the prediction is another label, k right
    predictions leave ``c <= (E + k) / (2 E)``. Rows that break one by more than
    rounding to three decimals explains are an error. Not every wrong number breaks
    one: give n_epochs if you know it. The ``--include_ci`` of the reference code
    writes more than the standard deviation, and may break the first.

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
    >>> from sklearn_datamaps import read_coordinates
    >>> table = pd.DataFrame(
    ...     {
    ...         "guid": [7, 4],
    ...         "confidence": [0.9, 0.3],
    ...         "variability": [0.1, 0.2],
    ...         "correctness": [6, 3],
    ...     }
    ... )
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "td_metrics.jsonl"
    ...     table.to_json(path, orient="records", lines=True)
    ...     data_map = read_coordinates(path)
    >>> data_map.n_epochs
    6
    >>> data_map.to_frame()[["confidence", "correctness", "region"]]
          confidence  correctness region
    guid
    7            0.9          1.0   easy
    4            0.3          0.5   ambiguous
    """
    path = Path(path)
    _check_n_epochs(n_epochs)
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {str(path)!r}.")
    suffix, _ = endings(path)
    if suffix in JSON_LINES:
        guids, columns = _read_lines(path)
    elif suffix in TABLES:
        guids, columns = _read_delimited(path)
    else:
        raise ValueError(
            f"{path} must be JSON lines or a table, with one of the suffixes "
            f"{', '.join((*JSON_LINES, *TABLES))}."
        )
    _check_values(path, guids, columns)
    count = columns["correctness"]
    inferred = n_epochs is None
    n_epochs = int(count.max()) if n_epochs is None else int(n_epochs)
    _check_epochs(path, guids, columns, n_epochs, inferred=inferred)
    label, classes = _labels(y, guids)
    data_map = DataMap(
        confidence=columns["confidence"],
        variability=columns["variability"],
        correctness=count / n_epochs,
        label=label,
        predicted=np.full(len(guids), None),
        classes=classes,
        n_epochs=n_epochs,
        index=guids,
        meta={
            "recording": "in-sample",
            "source": str(path),
            "n_epochs_inferred": inferred,
        },
    )
    if CARRIED in columns:
        return data_map.with_columns(**{CARRIED: columns[CARRIED]})
    return data_map


def _check_n_epochs(n_epochs: Any) -> None:
    whole = isinstance(n_epochs, int | np.integer) and not isinstance(n_epochs, bool)
    if n_epochs is not None and not (whole and n_epochs >= 1):
        raise ValueError(
            f"n_epochs must be an integer >= 1, or None to take the largest "
            f"correctness; got {n_epochs!r}."
        )


def _read_lines(path: Path) -> tuple[pd.Index, dict[str, Array]]:
    first = first_record(path)
    fields: dict[str, Kind] = {"guid": int, **dict.fromkeys(MEASURES, float)}
    if isinstance(first.get("guid"), str):
        fields["guid"] = str
    if CARRIED in first:
        fields[CARRIED] = int
    chunks = list(read_json_lines(path, fields))
    guids = pd.concat([pd.Series(chunk.pop("guid")) for chunk in chunks])
    columns = {name: np.concatenate([c[name] for c in chunks]) for name in chunks[0]}
    return pd.Index(guids, name="guid"), columns


def _read_delimited(path: Path) -> tuple[pd.Index, dict[str, Array]]:
    table = read_table(path, Reading(named=["guid", *MEASURES]))
    warn_of(table.notes)
    cells = table.cells
    missing = [name for name in ("guid", *MEASURES) if name not in cells]
    if missing:
        raise ValueError(
            f"{path} lacks the columns {missing}; it has {list(cells.columns)}."
        )
    texts = cells["guid"]
    if texts.str.fullmatch(r"0|-?[1-9][0-9]{0,17}").all():
        texts = texts.astype(np.int64)
    guids = pd.Index(texts, name="guid")
    columns = {}
    for name in (*MEASURES, CARRIED):
        if name in cells:
            numbers = pd.to_numeric(cells[name], errors="coerce").to_numpy(np.float64)
            bad = ~np.isfinite(numbers)
            _refuse(path, guids, bad, f"{name} is no finite number")
            columns[name] = numbers
    return guids, columns


def _refuse(path: Path, guids: pd.Index, bad: Array, problem: str) -> None:
    """Raise an error that names the rows, if there are any."""
    if bad.any():
        named = ", ".join(map(repr, guids[bad][:5].tolist()))
        more = ", ..." if bad.sum() > 5 else ""
        raise ValueError(
            f"{path}: {problem}, in {int(bad.sum()):,} of {len(guids):,} rows: guid "
            f"{named}{more}."
        )


def _check_values(path: Path, guids: pd.Index, columns: dict[str, Array]) -> None:
    _refuse(path, guids, guids.duplicated(), "the guid is that of a row before")
    for name, largest in (("confidence", 1), ("variability", 0.5)):
        outside = (columns[name] < 0) | (columns[name] > largest)
        _refuse(path, guids, outside, f"{name} is not in [0, {largest}]")
    count = columns["correctness"]
    shares = count != np.floor(count)
    if shares.any() and (count <= 1).all() and (count >= 0).all():
        _refuse(
            path,
            guids,
            shares,
            "correctness is a share already; it must be the number of epochs predicted "
            "right, as the reference code writes it (a share times the epochs)",
        )
    _refuse(path, guids, shares | (count < 0), "correctness is no count of epochs")


def _check_epochs(
    path: Path,
    guids: pd.Index,
    columns: dict[str, Array],
    n_epochs: int,
    *,
    inferred: bool,
) -> None:
    confidence, variability, count = (columns[name] for name in MEASURES)
    if n_epochs == 0:
        raise ValueError(
            f"{path}: correctness is 0 in every row, which does not tell the number of "
            f"epochs. Pass n_epochs."
        )
    more = f"correctness is more than n_epochs={n_epochs}"
    _refuse(path, guids, count > n_epochs, more)
    told, cure = f"n_epochs={n_epochs}", "Is n_epochs right"
    if inferred:
        told = f"the {n_epochs} epochs of the largest correctness"
        cure = "No row may have been right in every epoch: pass n_epochs"
    whole = np.floor(n_epochs * confidence)
    part = n_epochs * confidence - whole
    largest = (whole + part**2) / n_epochs - confidence**2
    # Rounding v moves its square by 1 of these, rounding c the bound by 2, at most.
    _refuse(
        path,
        guids,
        variability**2 > largest + 4 * ROUNDING,
        f"{told} cannot give so large a variability at this confidence. {cure} (or "
        f"written with --include_ci, which is no standard deviation)?",
    )
    largest = (n_epochs + count) / (2 * n_epochs)
    _refuse(
        path,
        guids,
        confidence > largest + ROUNDING,
        f"{told} cannot give so large a confidence with so small a correctness",
    )


def _labels(y: Any, guids: pd.Index) -> tuple[Array, Array]:
    """Label of every row, and the classes; None and no classes if not known."""
    if y is None:
        return np.full(len(guids), None), np.empty(0, dtype=object)
    if np.ndim(y) != 1:
        raise ValueError(f"y must have one dimension; got shape {np.shape(y)}.")
    if isinstance(y, pd.Series):
        if not y.index.is_unique:
            raise ValueError("y is a Series whose index repeats guids.")
        at = y.index.get_indexer(guids)
        if (at < 0).any():
            raise ValueError(
                f"y is a Series without {int((at < 0).sum()):,} of the {len(guids):,} "
                f"guids in its index, such as {guids[at < 0][:5].tolist()}. Set its "
                f"index to the guids, or pass an array in the order of the file."
            )
        y = y.iloc[at]
    elif len(y) != len(guids):
        raise ValueError(f"y has {len(y):,} labels, the file {len(guids):,} rows.")
    encoded = encode_labels(y)
    return encoded.values(), encoded.classes
