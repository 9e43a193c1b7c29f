"""Write a map as one HTML file to look at, search, and decide in, without a network."""

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from sklearn_datamaps._core.atomic import commit
from sklearn_datamaps._core.base_map import BaseDataMap, require_labels
from sklearn_datamaps._core.pictures import IMAGE
from sklearn_datamaps._core.registry import PAPER
from sklearn_datamaps._views.drawing import (
    check_max_points,
)
from sklearn_datamaps._views.evidence import Evidence, evidence_of_points
from sklearn_datamaps._views.notes import notes_of
from sklearn_datamaps._views.page_content import (
    add_forecast,
    add_pictures,
    content_of,
    notes_of_sample,
    sampled_points,
)
from sklearn_datamaps._views.page_file import page_of, plotly_script
from sklearn_datamaps._views.review import refuse_own_columns

MAX_POINTS = 250_000


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
    plotly = plotly_script()
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
    refuse_own_columns(data_map)
    points = sampled_points(data_map, max_points, random_state)
    content = content_of(data_map, points, text)
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
    content.header["forecast"] = add_forecast(content, data_map, points)
    notes = [*notes_of_sample(data_map, len(points)), *notes_of(data_map)]
    if IMAGE in data_map.columns:
        notes.append(add_pictures(content, data_map, points, by))
    content.header["notes"] = notes
    return page_of(data_map, title, content, plotly)


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
