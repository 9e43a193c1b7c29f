"""The rules for labels are the same at every door."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import SGDClassifier

from sklearn_datamaps import (
    DataMap,
    DataMapClassifier,
    DataMapSampler,
    TrainingDynamics,
    apply_review,
    audit_labels,
    read_coordinates,
)
from sklearn_datamaps.out_of_core import vectorize_to_disk

X = np.random.default_rng(0).normal(size=(6, 2))
PROBA = [np.full((6, 2), 0.5)]
MISSING = "Input y contains NaN. 1 of 6 rows have no label.* positions 1"


def from_coordinates(y, folder):
    rows = [
        {"guid": i, "confidence": 0.5, "variability": 0.1, "correctness": 1}
        for i in range(6)
    ]
    path = folder / "td_metrics.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return read_coordinates(path, y=y, n_epochs=2)


def reviewed(y, folder):
    indicator = getattr(y, "ndim", 1) == 2
    given = np.eye(6, 2) if indicator else list("abbaba")
    names = ["a", "b"] if indicator else None
    data_map = DataMap.from_probabilities(
        PROBA, given, classes=names, multilabel=indicator
    )
    return apply_review(y, data_map.review())


def indicator_of(y):
    return getattr(y, "ndim", 1) == 2


DOORS = {
    "DataMapClassifier": lambda y, _: DataMapClassifier(n_epochs=1).fit(X, y),
    "cv": lambda y, _: DataMapClassifier(n_epochs=1, cv=2).fit(X, y),
    "TrainingDynamics": lambda y, _: TrainingDynamics(y, multilabel=indicator_of(y)),
    "from_probabilities": lambda y, _: DataMap.from_probabilities(
        PROBA, y, multilabel=indicator_of(y)
    ),
    "audit_labels": lambda y, _: audit_labels(SGDClassifier(loss="log_loss"), X, y),
    "DataMapSampler": lambda y, _: DataMapSampler().fit_resample(X, y),
    "apply_review": reviewed,
}
ONE_LABEL_A_ROW = {"read_coordinates": from_coordinates}


@pytest.mark.parametrize("door", [*DOORS, *ONE_LABEL_A_ROW])
@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT])
@pytest.mark.parametrize("contain", [list, lambda y: pd.Series(y, dtype=object)])
def test_missing_label_is_refused(door, missing, contain, tmp_path):
    y = contain(["a", missing, "b", "a", "b", "a"])
    with pytest.raises(ValueError, match=MISSING):
        {**DOORS, **ONE_LABEL_A_ROW}[door](y, tmp_path)


@pytest.mark.parametrize("door", [*DOORS, *ONE_LABEL_A_ROW])
def test_nan_that_numpy_made_a_text_of_is_refused(door, tmp_path):
    y = np.array(["a", np.nan, "b", "a", "b", "a"])
    with pytest.raises(ValueError, match=MISSING):
        {**DOORS, **ONE_LABEL_A_ROW}[door](y, tmp_path)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("names", [["a", "a"], ["1", 1]])
def test_names_that_are_alike_as_text_are_refused(door, names, tmp_path):
    y = pd.DataFrame(np.eye(6, 2, dtype=int), columns=names)
    with pytest.raises(ValueError, match="distinct labels, also as text"):
        DOORS[door](y, tmp_path)


@pytest.mark.parametrize("missing", [None, np.nan])
def test_text_without_a_label_is_not_vectorized(missing, tmp_path):
    labels = ["a", missing, "b", "a"]
    batch = {"text": [f"word {i}" for i in range(4)], "label": labels}
    with pytest.raises(ValueError, match=r"label"):
        vectorize_to_disk([batch], HashingVectorizer(), tmp_path / "made", verbose=0)


def test_no_label_of_json_lines_is_not_vectorized(tmp_path):
    path = tmp_path / "rows.jsonl"
    lines = [json.dumps({"text": f"word {i}", "label": "ab"[i % 2]}) for i in range(4)]
    for nothing in ("null", "[]", '""', "NaN"):
        lines[2] = '{"text": "word 2", "label": ' + nothing + "}"
        path.write_text("\n".join(lines), encoding="utf-8")
        with pytest.raises(ValueError, match=r"label"):
            vectorize_to_disk(path, HashingVectorizer(), tmp_path / "made", verbose=0)
