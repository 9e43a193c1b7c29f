"""What a command found, as one JSON object for a script."""

import argparse
import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from sklearn_datamaps._cli.rows import LabelledRows, label_notes
from sklearn_datamaps._cli.sources import files_given
from sklearn_datamaps._cli.terminal import NOTES
from sklearn_datamaps._curation.audit import LabelAudit
from sklearn_datamaps._curation.review_progress import ReviewProgress
from sklearn_datamaps._data_map import DataMap
from sklearn_datamaps._views.notes import notes_of

# Options of map that say how rows were learned; check learns new ones so.
MADE_BY = ("learner", "ngrams", "max_features", "epochs", "decimal", "thousands")


def as_json(said: dict[str, Any]) -> str:
    """Write an object as JSON, numbers that are none as null.

    Parameters
    ----------
    said : dict
        The object. What people are told as notes is added to its ``notes``.

    Returns
    -------
    str
        In ASCII, so that no terminal is commanded by it.
    """
    notes = dict.fromkeys([*NOTES, *said.get("notes", [])])
    return json.dumps(_plain({**said, "notes": [*notes]}), indent=2)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _plain(of_name) for name, of_name in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def made_by(args: argparse.Namespace) -> str:
    """Options of ``map`` that say how its rows were learned, as JSON.

    Parameters
    ----------
    args : argparse.Namespace
        The options.

    Returns
    -------
    str
    """
    return json.dumps({name: getattr(args, name) for name in MADE_BY})


def map_summary(
    args: argparse.Namespace,
    rows: LabelledRows,
    data_map: DataMap,
    audit: LabelAudit | None,
    listed: pd.DataFrame,
    told: Sequence[str] = (),
) -> dict[str, Any]:
    """What ``map`` found.

    Parameters
    ----------
    args : argparse.Namespace
        Its options.
    rows : LabelledRows
        The rows that were mapped.
    data_map, audit, listed : DataMap, LabelAudit or None, DataFrame
        Their map, audit and review.
    told : sequence of str, default=()
        What else people are told of the rows.

    Returns
    -------
    dict
    """
    regions = np.unique(data_map.regions(), return_counts=True)
    said: dict[str, Any] = {
        "files_read": [str(file) for file in files_given(args)],
        "rows": data_map.n_samples,
        "left_out": rows.left_out,
        "classes": dict(zip(data_map.classes, data_map.counts(), strict=True)),
        "regions": dict(zip(*regions, strict=True)),
        "accuracy": (data_map.predicted == data_map.label).mean(),
        "epochs": data_map.n_epochs,
        "folds": data_map.meta.get("n_folds", 0),
        "learner": data_map.meta.get("learner"),
        "seed": args.seed,
        "review": {
            "rows": len(listed),
            "decided": int((listed["decision"] != "").sum()),
        },
        "notes": [*told, *label_notes(rows.y)[1:], *notes_of(data_map)],
    }
    if audit is not None:
        said["audit"] = {
            "n_wrong": audit.n_wrong,
            "interval": audit.n_wrong_interval,
            "reason": audit.reason,
            "look_wrong": int(audit.suspicious.sum()),
        }
    return said


def progress_summary(progress: ReviewProgress) -> dict[str, Any]:
    """Where a review stands.

    Parameters
    ----------
    progress : ReviewProgress
        From the decisions.

    Returns
    -------
    dict
    """
    return {
        "reviewed": progress.n_reviewed,
        "found": progress.n_found,
        "left": progress.remaining,
        "left_interval": progress.remaining_interval,
        "next_rows": progress.n_next,
        "next_found": progress.next_found,
        "next_interval": progress.next_interval,
        "stop": bool(progress.stop),
        "measured": progress.measured,
        "measured_interval": progress.measured_interval,
    }
