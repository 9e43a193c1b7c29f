"""Write a map as one HTML file to look at, search, and decide in, without a network.

The page holds plotly, the script and style of ``page``, and the map: columns
and texts as JSON, measures and codes as binary arrays, all of it gzip'd. Nothing of the
map is ever parsed as HTML, and the page's policy forbids every request.
"""

import gzip
import json
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
import pandas as pd

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.atomic import commit
from sklearn_datamaps._core.base_map import BaseDataMap, require_labels
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
from sklearn_datamaps._views.drawing import (
    check_max_points,
    correctness_bins,
    default_title,
)
from sklearn_datamaps._views.evidence import Evidence, evidence_of_points
from sklearn_datamaps._views.notes import notes_of
from sklearn_datamaps._views.review import OWN, row_hashes
from sklearn_datamaps._views.sprites import per_sheet, sheets

MAX_POINTS = 250_000
# Of the page's own script, in their order.
# Need no browser, or only in functions that draw.
PLAIN_SCRIPTS = (
    *("format.js", "filters.js", "log.js", "keys.js", "play.js", "evidence.js"),
    *("progress.js", "agree.js"),
)
SCRIPTS = (
    *PLAIN_SCRIPTS,
    *("save.js", "data.js", "store.js", "decisions.js", "others.js", "plot.js"),
    *("dots.js", "select.js", "find.js", "pictures.js", "queue.js", "row.js"),
    *("relabel.js", "page.js"),
)
N_SUSPECTS = 100
N_LIKELY = 5  # other labels of a row, with their probabilities
MOST_EXACT = 2_000_000  # probabilities of two bytes each in a page; of more one
SAME_PLACE = 1e-3  # from the end of the trajectories to the point of the map
BLOCK = 20_000  # rows whose probabilities are sorted at a time
LARGEST_EXACT = 2**53  # beyond it, a browser's numbers skip integers
# The hash admits our script alone: no inline handler runs. Plotly's WebGL compiles
# its drawing commands, hence unsafe-eval, which no text of the map can reach.
POLICY = (
    "default-src 'none'; script-src 'sha256-{script}' 'unsafe-eval'; "
    "style-src 'unsafe-inline'; img-src data:; connect-src 'none'; "
    "base-uri 'none'; form-action 'none'"
)


def explore(data_map: BaseDataMap, path: str | Path, **kwargs: Any) -> Path:
    """Write the page of ``explorer_parts``, whole or not at all; return its path."""
    parts = explorer_parts(data_map, **kwargs)
    path = Path(path)
    commit(path, lambda file: file.writelines(part.encode() for part in parts))
    return path


def explorer_parts(
    data_map: BaseDataMap,
    *,
    text: str | None = "text",
    by: str | None = None,
    new_labels: bool = False,
    review: pd.DataFrame | str | Path | None = None,
    evidence: Evidence | None = None,
    max_points: int = MAX_POINTS,
    random_state: Any = 0,
    title: str | None = None,
) -> Iterator[str]:
    """Make the explorer: one self-contained HTML page that works offline.

    The page opens at the top suspect. Read it, decide with one key (K keep, R or a
    digit relabel, S unsure, D drop, U undo), and the next one is there; search,
    filters, the map and its lasso find others. The decisions stay in the browser, under
    the hash of the map, until they are saved as ``review.csv``.

    In the CSV files a text that begins with ``=``, ``+``, ``-``, ``@``, a tab or a line
    end has an apostrophe put before it, so that no spreadsheet takes it for a formula;
    numbers stay as they are. To undo: take the apostrophe off where one of these
    follows it. :func:`~sklearn_datamaps.apply_review` does so, and tells a text that
    began with an apostrophe already by its hash.

    "Save page with decisions" writes the page again with decisions, annotator, filters
    and place in it. Where it is opened they lie below the decisions that the browser
    has for this map: these stand, but for those that the same person, by name, made
    later in the file. The decisions of somebody else, in such a page or a review.csv,
    are compared when the file is dropped onto the page, and change none there before
    one takes theirs.

    Parameters
    ----------
    data_map : DataMap
        The map. Its columns are shown and exported; trajectories are drawn if stored.
        The pictures of a column ``image`` stand beside the rows. They are at most 96
        pixels on the longest side and in the file, WebP, some 2 or 3 kB each: without
        loss up to 32 pixels.
    text : str or None, default="text"
        Column of :meth:`DataMap.with_columns` with the texts of the rows. None, or
        the default without such a column: no texts.
    by : str, default=None
        Measure whose 100 most telling rows are the suspects. None: the one the map was
        made to rank labels by, or else ``"confidence"``.
    new_labels : bool, default=False
        Whether a label that the map does not have can be typed in. Then pass the same
        to :func:`~sklearn_datamaps.apply_review`; on the command line, ``apply
        --new-labels``.
    review : DataFrame, str or path, default=None
        An earlier review: its decisions are in the page from the start, so that after
        :func:`~sklearn_datamaps.apply_review` and another fit nobody reads a row twice.
        A row is found by its hash; a label that was corrected since counts as kept. Of
        a review with control rows (``drawn``, see :meth:`LabelAudit.review`) the page
        lists the rows in its order, shows nothing of them that suggests a decision, and
        hands ``drawn`` on.
    evidence : Explanation, default=None
        Reasons for and against labels, made by :func:`~sklearn_datamaps.explain_rows`
        or ``audit.explain`` with the X and y of the map: beside each of its rows one
        sentence, and behind the key E neighbours, copies, words and probabilities.
    max_points : int, default=250_000
        Points in the page. Of a larger map the page holds a sample: hard rows first,
        then ambiguous ones, then easy ones, at random within the last that fits.
    random_state : int, RandomState, Generator or None, default=0
        Seed of that sample.
    title : str, default=None
        Heading of the page. None: learner, number of rows and of epochs.

    Returns
    -------
    iterator of str
        The page, in parts: with many pictures it is large.

    Raises
    ------
    ImportError
        If plotly is not installed, or pillow, where there are pictures.
    OSError
        If the file cannot be written: what was there before stays as it was. A
        symbolic link is a FileExistsError, neither replaced nor followed. A picture
        that is not there is a FileNotFoundError.
    ValueError
        If a picture cannot be read or has far too many pixels, there is no column
        ``text`` or measure ``by``, a carried column has the name of one of the review,
        evidence is of other rows or labels, max_points is not an integer >= 1, no row
        was recorded, or the map does not know the labels.
    """
    plotly = _plotly()
    require_labels(data_map, "explore")
    check_max_points(max_points)
    if text is not None and text not in data_map.listed_columns:
        if text != "text":
            names = list(data_map.listed_columns)
            raise ValueError(
                f"There is no column {text!r}; the map has {names}. "
                f"Attach it first: data_map.with_columns({text}=...)."
            )
        text = None
    _check_columns(data_map)
    points = _sampled_points(data_map, max_points, random_state)
    content = _content(data_map, points, text)
    by = _made_to_rank_by(data_map) if by is None else by
    if by not in content.header["measures"]:
        content.add_array(by, data_map.measure(by).ravel()[points], "f4")
        content.header["measures"].append(by)
    content.header |= {"by": by, "new_labels": new_labels}
    content.header["has_review"] = review is not None
    content.header["has_evidence"] = evidence is not None
    if evidence is not None:
        content.add_json("evidence", evidence_of_points(data_map, evidence, points))
    if review is not None:
        content.blocks["review"] = gzip.compress(_review_bytes(review), 6, mtime=0)
    content.header["forecast"] = _add_forecast(content, data_map, points)
    notes = [*_notes(data_map, len(points)), *notes_of(data_map)]
    if IMAGE in data_map.columns:
        notes.append(_add_pictures(content, data_map, points, by))
    content.header["notes"] = notes
    return _page(data_map, title, content, plotly)


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
class _Content:
    """What the page holds: a header, and named blocks of bytes, already gzip'd."""

    header: dict[str, Any] = field(default_factory=dict)
    blocks: dict[str, bytes] = field(default_factory=dict)

    def add_array(self, name: str, values: Array, dtype: str) -> None:
        """Add a binary array; dtype is little-endian, as in every browser."""
        packed = np.ascontiguousarray(values).astype(f"<{dtype}").tobytes()
        self.blocks[name] = gzip.compress(packed, 1 if dtype[0] == "f" else 6, mtime=0)
        self.header.setdefault("arrays", {})[name] = dtype

    def add_json(self, name: str, values: list[Any]) -> None:
        """Add a list of texts, numbers and None."""
        packed = json.dumps(values, separators=(",", ":")).encode()
        self.blocks[name] = gzip.compress(packed, 6, mtime=0)


def _content(data_map: BaseDataMap, points: Array, text: str | None) -> _Content:
    is_curve = data_map.margin_follows_confidence
    n_labels = len(data_map.classes) if data_map.multilabel else 1
    rows, row_of_point = np.unique(points // n_labels, return_inverse=True)
    content = _Content()
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


def _add_trajectories(content: _Content, own: Array) -> None:
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
    content: _Content, data_map: BaseDataMap, points: Array
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


def _review_bytes(review: pd.DataFrame | str | Path) -> bytes:
    """Return the file as it is, which the page reads as it reads one that is loaded."""
    if isinstance(review, pd.DataFrame):
        written: str = review.to_csv(index=False)
        return written.encode("utf-8", "replace")
    return Path(review).read_bytes()


def _made_to_rank_by(data_map: BaseDataMap) -> str:
    """Return the measure of rows held out, which is no by-product of a fit."""
    extra = data_map.extra_measures().items()
    return next((name for name, measure in extra if measure.held_out), PAPER[0])


def _add_likely(content: _Content, data_map: BaseDataMap, points: Array) -> int:
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


def _add_pictures(
    content: _Content, data_map: BaseDataMap, points: Array, by: str
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


def _add_forecast(
    content: _Content, data_map: BaseDataMap, points: Array
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


def _add_column(content: _Content, name: str, values: Any) -> bool:
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


def _sampled_points(data_map: BaseDataMap, max_points: int, random_state: Any) -> Array:
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


def _notes(data_map: BaseDataMap, n_points: int) -> list[str]:
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


def _check_columns(data_map: BaseDataMap) -> None:
    taken = [name for name in OWN if name in data_map.columns]
    if taken:
        raise ValueError(
            f"The map carries {taken}, which the review has columns of its own for. "
            f"Attach them under other names."
        )


@lru_cache(maxsize=1)
def _plotly() -> str:
    """Return plotly's JavaScript, gzip'd, in base64."""
    try:
        from plotly.offline import get_plotlyjs
    except ImportError as error:
        raise ImportError(
            "DataMap.explore needs plotly. Install it with the extra explore: "
            'pip install "sklearn-datamaps[explore]"'
        ) from error
    return b64encode(gzip.compress(get_plotlyjs().encode(), 6, mtime=0)).decode()


def _page(
    data_map: BaseDataMap, title: str | None, content: _Content, plotly: str
) -> Iterator[str]:
    parts = [_part(name) for name in SCRIPTS]
    script = "\n".join(['"use strict";', "(() => {", "", *parts, "})();", ""])
    head, tail = map(Template, _part("page.html").split("$blocks\n"))
    digest = b64encode(sha256(script.encode()).digest()).decode()
    yield head.substitute(
        policy=POLICY.format(script=digest),
        # A file of UTF-8 can hold no half of a character.
        title=escape(default_title(data_map) if title is None else title)
        .encode("utf-8", "replace")
        .decode(),
        style=_part("style.css"),
        # No "<" in it: the text of a script element ends at the first "</script".
        header=json.dumps(content.header).replace("<", "\\u003c"),
    )
    for name, block in content.blocks.items():
        yield _block(name, b64encode(block).decode())
    yield _block("plotly", plotly)
    yield tail.substitute(script=script)


def _block(name: str, text: str) -> str:
    return f'<script type="text/plain" data-block="{escape(name)}">{text}</script>\n'


def _part(name: str) -> str:
    part = files("sklearn_datamaps._views").joinpath("page", name)
    return part.read_text(encoding="utf-8")
