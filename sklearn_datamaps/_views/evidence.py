"""Reasons for and against labels, as the explorer holds them."""

from collections import Counter, defaultdict
from typing import Any, Protocol

import numpy as np
import pandas as pd

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.base_map import BaseDataMap
from sklearn_datamaps._core.labels import plain

N_NEAR, N_WORDS = 3, 5  # of each kind; marked in the text


class Evidence(Protocol):
    """What :class:`~sklearn_datamaps.Explanation` has, which lies above this file."""

    rows: Array
    sentences: list[str]
    frame: pd.DataFrame
    likely: list[list[tuple[str, float]]]


def evidence_of_points(
    data_map: BaseDataMap, evidence: Evidence, points: Array
) -> list[dict[str, Any]]:
    """Evidence of those points of the page that have any.

    Parameters
    ----------
    data_map : BaseDataMap
        The map.
    evidence : Explanation
        Made of the same rows and labels.
    points : ndarray of int of shape (n_points,)
        Flat positions in the map of the points of the page, sorted.

    Returns
    -------
    list of dict
        ``point``, its place among the points; ``says``; ``near``: kind, row, label and
        words of neighbours; ``words``: name and weight; ``likely``: label, probability.

    Raises
    ------
    TypeError
        If it is no explanation.
    ValueError
        If it is of rows or labels that the map does not have.
    """
    for name in ("rows", "sentences", "frame", "likely"):
        if not hasattr(evidence, name):
            raise TypeError(
                f"evidence must be an Explanation, as explain_rows(estimator, X, y, "
                f"rows) makes it; got {type(evidence).__name__}."
            )
    cells = _flat(data_map, evidence)
    _check_labels(data_map, evidence.frame)
    at = np.searchsorted(points, cells)
    inside = (at < len(points)) & (points[np.minimum(at, len(points) - 1)] == cells)
    reason: Any
    of_number: dict[int, list[Any]] = defaultdict(list)
    for reason in evidence.frame.itertuples(index=False):
        of_number[reason.number].append(reason)
    return [
        {
            "point": int(at[number]),
            "says": evidence.sentences[number],
            **_reasons(of_number[number]),
            "likely": [[label, round(p, 4)] for label, p in evidence.likely[number]],
        }
        for number in np.flatnonzero(inside).tolist()
    ]


def _reasons(found: list[Any]) -> dict[str, Any]:
    met: Counter[str] = Counter()
    near, words = [], []
    for row in found:
        met[row.kind] += 1
        if row.neighbour >= 0 and met[row.kind] <= N_NEAR:
            near.append([row.kind, row.neighbour, row.label, row.reason])
        elif row.kind == "feature" and met[row.kind] <= N_WORDS:
            words.append([row.reason, round(row.weight, 4)])
    return {"near": near, "words": words}


def _flat(data_map: BaseDataMap, evidence: Evidence) -> Array:
    """Flat positions of the rows, or cells, explained; refused if there are none."""
    shape = data_map.confidence.shape
    rows = np.asarray(evidence.rows, dtype=np.intp)
    if not len(rows):
        return np.empty(0, dtype=np.intp)
    cells = rows.reshape(len(rows), -1)
    if cells.shape[1] != len(shape) or (cells >= shape).any():
        raise ValueError(
            f"evidence is of rows that the map, of shape {shape}, does not have: "
            f"{rows[:3].tolist()} ... Make it with the X and y of the map."
        )
    return np.asarray(np.ravel_multi_index(tuple(cells.T), shape))


def _check_labels(data_map: BaseDataMap, frame: pd.DataFrame) -> None:
    """Neighbours have the labels that they have in the map."""
    near = frame[frame["neighbour"] >= 0]
    rows = near["neighbour"].to_numpy(dtype=np.intp)
    n = len(data_map.confidence)
    if len(rows) and rows.max() >= n:
        raise ValueError(
            f"evidence has row {rows.max()} for a neighbour, and the map {n} rows. "
            f"Make it with the X and y of the map."
        )
    if data_map.multilabel:
        return
    for row, label in zip(rows.tolist(), near["label"], strict=True):
        if plain(data_map.label[row]) != label:
            raise ValueError(
                f"evidence is of other labels: row {row} is {label!r} there and "
                f"{plain(data_map.label[row])!r} in the map. Make it with the y of the "
                f"map."
            )
