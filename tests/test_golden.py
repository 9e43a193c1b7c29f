"""Values as they were recorded in golden.json: nothing changes by accident.

Other tests say what is right; this one, that it is what it was, to 1e-9. (``python -m
benchmarks golden`` compares two revisions bit for bit.) Where a change is meant, write
the file anew with ``python tests/test_golden.py`` and read its difference. What is in
it hardly depends on the versions of NumPy and scikit-learn, lowest to newest: by 1e-14.
"""

import json
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import SGDClassifier

import sklearn_datamaps
from sklearn_datamaps import DataMap, DataMapClassifier, TrainingDynamics

FILE = Path(__file__).with_name("golden.json")
MEASURES = ("loss", "el2n", "forgetting", "first_learned", "mean_proba")
N_EPOCHS, N_SAMPLES = 6, 60


def waves(n_columns, shift=0.0):
    """Numbers of every epoch, row and column; no generator, whose stream may change."""
    at = np.arange(N_EPOCHS * N_SAMPLES * n_columns)
    values = 3 * np.sin(shift + at * 1.2345) * np.cos(at * 0.678)
    return values.reshape(N_EPOCHS, N_SAMPLES, n_columns)


def map_of_waves(n_classes, shift=0.0):
    y = np.arange(N_SAMPLES) % n_classes
    logits = waves(n_classes, shift) + np.eye(n_classes)[y]
    options = {"measures": MEASURES, "store_trajectories": True, "logits": True}
    return DataMap.from_probabilities(logits, np.array([*"abcd"])[y], **options)


def binary():
    return of_map(map_of_waves(2))


def with_label_quality():
    data_map = map_of_waves(4)
    meta = {**data_map.meta, "recording": "out-of-fold"}
    return of_map(replace(data_map, meta=meta))


def multilabel():
    proba, y = 1 / (1 + np.exp(-waves(3))), waves(3, shift=1.0)[0] > 0
    options = {"measures": MEASURES, "multilabel": True}
    return of_map(DataMap.from_probabilities(proba, y, **options))


def logits():
    dynamics = TrainingDynamics(np.arange(N_SAMPLES) % 3, measures=MEASURES)
    for epoch in waves(3):
        for start in range(7):
            rows = np.arange(start, N_SAMPLES, 7)[::-1]
            dynamics.update(epoch[rows], rows, logits=True)
    return of_map(dynamics.to_data_map())


def repeats():
    maps = [map_of_waves(3, shift) for shift in (0.0, 0.3, 0.5)]
    moved = maps[0].compare(maps[1])
    found = of_map(DataMap.average(maps))
    found |= {"transitions": moved.transitions, "spearman": moved.spearman}
    found["movers"] = moved.movers["distance"]
    return found | {"stability": sklearn_datamaps.stability(maps)}


def files():
    data_map = map_of_waves(3)
    right = (N_EPOCHS * data_map.correctness).round().astype(int)
    table = data_map.to_frame()[["confidence", "variability"]]
    table = table.assign(guid=[f"g{i}" for i in range(N_SAMPLES)], correctness=right)
    exact = {"orient": "records", "lines": True, "double_precision": 15}
    with TemporaryDirectory() as folder:
        path = Path(folder, "td_metrics.jsonl")
        table.to_json(path, **exact)
        found = of_map(sklearn_datamaps.read_coordinates(path, N_EPOCHS))
        for at, epoch in enumerate(waves(3)):
            lines = table[["guid"]].assign(gold=data_map.label_codes())
            lines[f"logits_epoch_{at}"] = [*epoch]
            lines.to_json(Path(folder, f"dynamics_epoch_{at}.jsonl"), **exact)
        logged = of_map(sklearn_datamaps.read_training_dynamics(folder))
    return found | prefixed("logged", logged)


def sgd_out_of_fold():
    y = np.array(["no", "perhaps", "yes"])[np.arange(N_SAMPLES) % 3]
    X = waves(5)[0] + (y == "yes")[:, np.newaxis]
    sgd = SGDClassifier(loss="log_loss", class_weight="balanced")
    options = {"n_epochs": 4, "batch_size": 9, "measures": MEASURES, "random_state": 0}
    clf = DataMapClassifier(sgd, cv=2, **options).fit(X, y)
    found = of_map(clf.data_map_) | {"history": clf.history_}
    return found | prefixed("in-sample", of_map(clf.in_sample_map_))


def prefixed(word, found):
    return {f"{word} {key}": values for key, values in found.items()}


def of_map(data_map):
    names = data_map.measure_names()
    found = {name: data_map.measure(name) for name in names}
    found |= {f"rank {name}": data_map.rank(name) for name in names}
    found["regions"] = data_map.region_codes()
    found["regions by band"] = data_map.region_codes(n_std=0.05)
    found["summary"] = data_map.summary().select_dtypes("number")
    if "mean_proba" in data_map.measures:
        found["mean_proba"] = data_map.measures["mean_proba"]
        found["suggested"] = pd.factorize(data_map.suggested.ravel(), sort=True)[0]
    if data_map.trajectories is not None:
        found["trajectories"] = data_map.trajectories
    return found


def figures(values):
    """Sizes, three sums that tell a change of one entry or of the order, entries."""
    flat = np.asarray(values, dtype=np.float64).ravel()
    flat = flat[np.isfinite(flat)]
    sums = flat.mean(), flat.std(), flat @ np.linspace(0, 1, len(flat))
    return [np.size(values), len(flat), *sums, *flat[:: max(1, len(flat) // 3)][:3]]


CASES = (
    binary,
    with_label_quality,
    multilabel,
    logits,
    repeats,
    files,
    sgd_out_of_fold,
)


def recorded(case):
    return {f"{case.__name__} {key}": figures(of) for key, of in case().items()}


@pytest.mark.parametrize("case", CASES)
def test_values_are_as_recorded(case):
    expected = json.loads(FILE.read_text())
    found, of_case = recorded(case), f"{case.__name__} "
    assert [*found] == [key for key in expected if key.startswith(of_case)]
    near = {key: pytest.approx(expected[key], rel=1e-9, abs=1e-12) for key in found}
    assert [key for key in found if found[key] != near[key]] == []


if __name__ == "__main__":
    everything = {key: of for case in CASES for key, of in recorded(case).items()}
    lines = (f'"{key}": {[*map(float, of)]}' for key, of in everything.items())
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n")
