"""What of a map the explorer page holds, as named blocks of bytes.

Columns and texts are JSON, measures and codes binary arrays, all of it gzip'd.
"""

import gzip
import json
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import numpy as np
import pandas as pd

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.base_map import BaseDataMap
from sklearn_datamaps._core.forecast import (
    MOST_MOVED,
    N_NEXT,
    PSEUDO,
    WORTH,
    WORTH_ROWS,
    edges_of,
)
from sklearn_datamaps._core.pictures import IMAGE, pictures_of
from sklearn_datamaps._core.regions import BAND, N_STD, REGIONS, boundary_lines
from sklearn_datamaps._core.registry import ATTRIBUTES, MEASURES, PAPER
from sklearn_datamaps._views.drawing import correctness_bins
from sklearn_datamaps._views.review import row_hashes
from sklearn_datamaps._views.sprites import per_sheet, sheets

N_SUSPECTS = 100
N_LIKELY = 5  # other labels of a row, with their probabilities
MOST_EXACT = 2_000_000  # probabilities of two bytes each in a page; of more one
SAME_PLACE = 1e-3  # from the end of the trajectories to the point of the map
BLOCK = 20_000  # rows whose probabilities are sorted at a time
LEVEL = 4  # of gzip: a page 2 % larger than at 5, in two thirds of the time
LARGEST_EXACT = 2**53  # beyond it, a browser's numbers skip integers


def map_hash(data_map: BaseDataMap) -> str:
    """Name of a map by its labels, confidences and index, as a hex digest.

    Parameters
    ----------
    data_map : DataMap
        The map.

    Returns
    -------
    str
        SHA-256; other rows, another order, a changed label or fit give another one.
    """
    digest = sha256()
    try:
        names = pd.util.hash_pandas_object(data_map.index, index=False)
    except UnicodeEncodeError:  # a name with half of a character
        escaped = pd.Index([f"{name!a}" for name in data_map.index])
        names = pd.util.hash_pandas_object(escaped, index=False)
    for values in (data_map.label_codes(), data_map.confidence, np.asarray(names)):
        digest.update(np.ascontiguousarray(values).tobytes())
    digest.update("\0".join(map(str, data_map.classes)).encode())
    return digest.hexdigest()


@dataclass
class Content:
    """What the page holds: a header, and named blocks of bytes, already gzip'd."""

    header: dict[str, Any] = field(default_factory=dict)
    blocks: dict[str, bytes] = field(default_factory=dict)

    def add_array(self, name: str, values: Array, dtype: str) -> None:
        """Add a binary array; dtype is little-endian, as in every browser."""
        packed = np.ascontiguousarray(values).astype(f"<{dtype}").tobytes()
        # A higher level takes up to ten times as long, and numbers hardly shrink.
        self.blocks[name] = gzip.compress(packed, 1, mtime=0)
        self.header.setdefault("arrays", {})[name] = dtype

    def add_json(self, name: str, values: list[Any]) -> None:
        """Add a list of texts, numbers and None."""
        packed = json.dumps(values, separators=(",", ":")).encode()
        self.blocks[name] = gzip.compress(packed, LEVEL, mtime=0)


def content_of(data_map: BaseDataMap, points: Array, text: str | None) -> Content:
    """What every page holds, of the (row, label) cells at some flat positions."""
    is_curve = data_map.margin_follows_confidence
    n_labels = len(data_map.classes) if data_map.multilabel else 1
    rows, row_of_point = np.unique(points // n_labels, return_inverse=True)
    content = Content()
    measures = _measures(data_map, with_margin=not is_curve)
    for name, values in measures.items():
        content.add_array(name, values.ravel()[points], "f4")
    right = data_map.correctness.ravel()[points]
    bins, bin_names = correctness_bins(right, data_map.n_epochs)
    content.add_array("bin", bins, "u1")
    content.add_array("region", data_map.region_codes().ravel()[points], "u1")
    content.add_array("position", rows, "i4")
    labels, is_number = _add_labels(content, data_map, points)
    if data_map.multilabel:
        content.add_array("row", row_of_point, "i4")
        content.add_array("name", points % n_labels, "i4")
    if data_map.trajectories is not None:
        own = data_map.trajectories.reshape(data_map.n_epochs, -1)[:, points]
        _add_trajectories(content, own.T)
    digests = bytes.fromhex("".join(row_hashes(data_map)[rows]))
    content.add_array("hashes", np.frombuffer(digests, np.uint8), "u1")
    if text is not None:
        content.add_json("text", _json_values(data_map.columns[text][rows])[0])
    id_is_number = _add_column(content, "id", data_map.index[rows])
    columns = [name for name in data_map.listed_columns if name != text]
    kinds = [
        _add_column(content, f"column:{k}", data_map.columns[name][rows])
        for k, name in enumerate(columns)
    ]
    plays, no_play = _why_not_played(data_map, points)
    content.header |= {
        "n_points": len(points),
        "plays": plays,
        "no_play": no_play,
        "n_suspects": min(N_SUSPECTS, len(points)),
        "n_likely": _add_likely(content, data_map, points),
        "descending": [n for n, m in MEASURES.items() if m.ascending is False],
        "decision_columns": _decision_columns(data_map),
        "n_epochs": data_map.n_epochs,
        "hash": map_hash(data_map),
        "measures": list(measures),
        "regions": list(REGIONS),
        "bins": bin_names,
        "labels": labels,
        "label_is_number": is_number,
        "may_suggest": data_map.may_suggest().tolist(),
        "names": [str(c) for c in data_map.classes] if data_map.multilabel else None,
        "text": text,
        "made_from": data_map.meta.get("made_from"),
        "id_is_number": id_is_number,
        "columns": [
            {"name": name, "is_number": kind}
            for name, kind in zip(columns, kinds, strict=True)
        ],
        "boundary": boundary_lines(BAND, N_STD).tolist() if is_curve else [],
    }
    return content


def _add_trajectories(content: Content, own: Array) -> None:
    """Add probabilities as whole steps; one number more: not recorded. See play.js."""
    dtype, steps = ("u2", 65534) if own.size <= MOST_EXACT else ("u1", 254)
    stored = np.where(np.isnan(own), steps + 1, np.rint(own * steps))
    content.add_array("trajectories", stored, dtype)


def _why_not_played(
    data_map: BaseDataMap, points: Array
) -> tuple[bool, list[str] | None]:
    """Whether the training can be played; else what is said, and the Python line."""
    if data_map.n_epochs == 1:
        return False, None
    if data_map.trajectories is None:
        line = "DataMapClassifier(store_trajectories=True)"
        return False, ["To play the training, keep every epoch:", line]
    own = data_map.trajectories.reshape(data_map.n_epochs, -1)[:, points]
    moments = (np.nanmean(own, axis=0), np.nanstd(own, axis=0))
    final = (data_map.confidence, data_map.variability)
    gaps = [
        np.abs(at_end - value.ravel()[points]).max()
        for at_end, value in zip(moments, final, strict=True)
    ]
    if max(gaps) > SAME_PLACE:
        return False, ["An average of several runs has no one training to play."]
    return True, None


def _measures(data_map: BaseDataMap, *, with_margin: bool) -> dict[str, Array]:
    """What tables show, and averages of runs, which the page cannot work out."""
    names = [*(ATTRIBUTES if with_margin else PAPER)]
    for name, measure in data_map.extra_measures().items():
        if name in data_map.measures or measure.in_tables:
            names += [] if measure.ascending is None else [name]
    return {name: data_map.measure(name) for name in names}


def _add_labels(
    content: Content, data_map: BaseDataMap, points: Array
) -> tuple[list[str], bool]:
    """Add codes of labels and predictions; return the labels, and if numbers."""
    if data_map.multilabel:
        content.add_array("label", data_map.label.ravel()[points] != 0, "i4")
        content.add_array("predicted", data_map.predicted.ravel()[points] != 0, "i4")
        return ["False", "True"], False
    predicted = pd.Index(data_map.classes).get_indexer(pd.Index(data_map.predicted))
    content.add_array("label", data_map.label_codes()[points], "i4")
    content.add_array("predicted", predicted[points], "i4")
    classes = data_map.classes
    return [str(label) for label in classes.tolist()], classes.dtype.kind in "iuf"


def _add_likely(content: Content, data_map: BaseDataMap, points: Array) -> int:
    """Add the most probable other labels of every row; return how many."""
    n_likely = min(N_LIKELY, len(data_map.classes) - 1)
    if data_map.multilabel or "mean_proba" not in data_map.measures or not n_likely:
        return 0
    codes, shares = [], []
    for first in range(0, len(points), BLOCK):
        rows = points[first : first + BLOCK]
        proba = np.array(data_map.measures["mean_proba"][rows])
        np.put_along_axis(proba, data_map.label_codes()[rows, None], -1, axis=1)
        order = np.argsort(-proba, axis=1, kind="stable")[:, :n_likely]
        codes.append(order)
        shares.append(np.take_along_axis(proba, order, axis=1))
    content.add_array("likely", np.concatenate(codes), "i4")
    content.add_array("likely_p", np.rint(255 * np.concatenate(shares)), "u1")
    return n_likely


def add_pictures(
    content: Content, data_map: BaseDataMap, points: Array, by: str
) -> str:
    """Add the pictures of the rows, and where each is; return what they take."""
    images = pictures_of(data_map.columns[IMAGE])
    n_labels = len(data_map.classes) if data_map.multilabel else 1
    rows = np.unique(points // n_labels)
    # What is read one after the other stands in the same sheet.
    order = data_map.rank(by, per_row="worst" if data_map.multilabel else None)
    order = order[np.isin(order, rows)]
    if images.ndim == 1:
        order = order[[images[row] is not None for row in order]]
    places = np.full(data_map.n_samples, -1)
    places[order] = np.arange(len(order))
    content.add_array("picture", places[rows], "i4")
    sizes = []
    for k, (sheet, *size) in enumerate(sheets(images, order)):
        content.blocks[f"sheet:{k}"] = sheet
        sizes.append(size)
    content.header["pictures"] = {"per_sheet": per_sheet(images), "sizes": sizes}
    n_bytes = sum(len(content.blocks[f"sheet:{k}"]) for k in range(len(sizes)))
    return f"{len(order):,} pictures take {n_bytes * 4 / 3 / 1e6:,.1f} MB of this file."


def add_forecast(
    content: Content, data_map: BaseDataMap, points: Array
) -> dict[str, Any] | None:
    """Add what the page forecasts by: the chances of all labels, and ranks of points.

    In full precision and of the whole map, so that the page says what
    :meth:`~sklearn_datamaps.LabelAudit.update` says.
    """
    if "label_quality" not in data_map.measure_names():
        return None
    quality = data_map.measure("label_quality").ravel()
    order = np.argsort(quality, kind="stable")
    rank = np.empty(len(order), dtype=np.intp)
    rank[order] = np.arange(len(order))
    content.add_array("chance", np.nan_to_num(1 - quality[order]), "f8")
    content.add_array("rank", rank[points], "i4")
    constants = {"most_moved": MOST_MOVED, "pseudo": PSEUDO, "worth_rows": WORTH_ROWS}
    asked = {"n_next": N_NEXT, "worth": WORTH}
    return {"edges": edges_of(len(order)).tolist(), **constants, **asked}


def _decision_columns(data_map: BaseDataMap) -> dict[str, str]:
    """Names that time, note and annotator of a decision have beside those carried."""
    names = ("time", "note", "annotator")
    return {n: f"decision_{n}" if n in data_map.columns else n for n in names}


def _add_column(content: Content, name: str, values: Any) -> bool:
    """Add one value a row; return whether they are numbers."""
    packed, is_number = _json_values(values)
    content.add_json(name, packed)
    return is_number


def _json_values(values: Any) -> tuple[list[Any], bool]:
    """Return values as JSON can hold them, missing ones as None; if all are numbers."""
    if values.dtype.kind in "iu":
        packed = values.tolist()
        if packed and max(map(abs, (min(packed), max(packed)))) > LARGEST_EXACT:
            packed = [str(value) for value in packed]
        return packed, True
    if values.dtype.kind == "f":
        finite = np.isfinite(values)
        pairs = zip(values.tolist(), finite.tolist(), strict=True)
        return [value if keep else None for value, keep in pairs], True
    missing = pd.isna(values).tolist()
    pairs = zip(values.tolist(), missing, strict=True)
    return [None if gone else str(value) for value, gone in pairs], False


def sampled_points(data_map: BaseDataMap, max_points: int, random_state: Any) -> Array:
    """Flat positions of the recorded (row, label) cells, or of a sample of them."""
    codes = data_map.region_codes().ravel()
    taken = np.empty(0, dtype=np.intp)
    for code in (2, 1, 0):  # hard, ambiguous, easy
        of_region = np.flatnonzero(codes == code)
        room = max_points - len(taken)
        if len(of_region) > room:
            series = pd.Series(of_region)
            of_region = series.sample(room, random_state=random_state).to_numpy()
        taken = np.concatenate([taken, of_region])
    if not len(taken):
        raise ValueError("No row of the map was recorded: there is nothing to explore.")
    return np.sort(taken)


def notes_of_sample(data_map: BaseDataMap, n_points: int) -> list[str]:
    """Say what of the map is not in the page."""
    recorded = int(np.isfinite(data_map.confidence).sum())
    unit = "(row, label) cells" if data_map.multilabel else "rows"
    notes = []
    if n_points < recorded:
        notes.append(
            f"A sample of {n_points:,} of {recorded:,} {unit}: hard ones first, then "
            f"ambiguous ones, then easy ones."
        )
    if recorded < data_map.confidence.size:
        unseen = data_map.confidence.size - recorded
        notes.append(f"{unseen:,} {unit} were never recorded and are not shown.")
    return notes
