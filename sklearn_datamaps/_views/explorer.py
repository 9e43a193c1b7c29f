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

    Parameters
    ----------
    data_map : DataMap
        The map.
    text, by, new_labels, review, evidence, max_points, random_state, title
        As in :meth:`DataMap.explore`.

    Returns
    -------
    iterator of str
        The page, in parts: with many pictures it is large.

    Raises
    ------
    ImportError, OSError, TypeError, ValueError
        As there.
    """
    if not isinstance(title, str | None):
        raise TypeError(f"title must be a text or None; got {type(title).__name__}.")
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
