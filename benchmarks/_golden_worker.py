"""The configurations of ``golden``, fitted by the package on the path.

Run by :mod:`benchmarks.golden`, once for each revision: public names only, so that
any revision can be run, however its modules are laid out; files are written to the
current folder.
"""

import json
import pickle
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.datasets import load_digits
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.linear_model import Perceptron, SGDClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB, MultinomialNB
from sklearn.neural_network import MLPClassifier

import sklearn_datamaps
from sklearn_datamaps import DataMap, DataMapClassifier, TrainingDynamics

MEASURES = ("loss", "el2n", "forgetting", "first_learned", "mean_proba")
MAP_ATTRIBUTES = (
    *("confidence", "variability", "correctness", "margin", "margin_std", "label"),
    *("predicted", "classes", "n_epochs", "index", "trajectories", "measures"),
    "columns",
)
PIXELS, CODES = (values[:500] for values in load_digits(return_X_y=True))
DIGITS = PIXELS / 16
LETTERS = np.array([*"abcdefghij"])[CODES]
LABELS = np.column_stack([CODES % 2, CODES > 4, CODES % 3 == 0]).astype(int)
SGD = SGDClassifier(loss="log_loss")
BALANCED_SGD = SGDClassifier(loss="log_loss", class_weight="balanced")
Parts = Iterator[tuple[str, Any]]


def sparse_sgd() -> Parts:
    texts, X, y = comments()
    named = pd.Series(y, index=[f"row {i}" for i in range(len(y))])
    clf = recorder(BALANCED_SGD, store_trajectories=True).fit(X, named)
    yield "fit", (clf, X)
    yield "with_text", clf.data_map_.with_columns(text=texts)


def weighted_sgd() -> Parts:
    weight = 1 + np.arange(len(CODES)) % 3
    batches = recorder(BALANCED_SGD, batch_size=64)
    yield "fit", (batches.fit(DIGITS, LETTERS, sample_weight=weight), DIGITS)


def networks() -> Parts:
    net = MLPClassifier((16,), batch_size=50)
    yield "mini_batches", fit(net, CODES)
    yield "multilabel", fit(net, LABELS)


def members() -> Parts:
    yield "one_vs_rest", fit(OneVsRestClassifier(SGD), CODES)
    yield "multilabel", fit(BALANCED_SGD, LABELS, n_jobs=2)


def other_learners() -> Parts:
    yield "multinomial_nb", fit(MultinomialNB(), LETTERS)
    yield "gaussian_nb", fit(GaussianNB(), CODES > 4)
    yield "perceptron", fit(Perceptron(), CODES)
    yield "hinge", fit(SGDClassifier(), CODES > 4)


def boosting() -> Parts:
    rounds = HistGradientBoostingClassifier(max_iter=8, max_leaf_nodes=6)
    yield "histograms", fit(rounds, CODES % 3)
    trees = GradientBoostingClassifier(n_estimators=12, subsample=0.5)
    yield "trees", fit(trees, CODES > 4)


def held_out() -> Parts:
    fits = [fit(SGD, CODES, cv=2, random_state=seed) for seed in range(3)]
    yield "fit", fits[0]
    maps = [clf.data_map_ for clf, _ in fits]
    yield "average", DataMap.average(maps)
    # Transposed, so that a measure that a revision lacks is one missing column.
    yield "stability", sklearn_datamaps.stability(maps).T
    moved = maps[0].compare(maps[1])
    yield "transitions", moved.transitions
    yield "movers", moved.movers
    yield "spearman", dict(moved.spearman)
    _, X, y = comments()  # some of them twice
    yield "comments", (recorder(SGD, cv=3, n_epochs=3).fit(X, y), X)


def blocks_and_warm_start() -> Parts:
    from sklearn_datamaps import out_of_core  # which old revisions lack

    texts, _, y = comments()
    pd.DataFrame({"text": texts, "label": y}).to_csv("comments.csv", index=False)
    vectorizer = HashingVectorizer(n_features=2**10)
    out_of_core.vectorize_to_disk(
        "comments.csv", vectorizer, "matrix", shard_size=100, verbose=0
    )
    X, labels = out_of_core.open_matrix("matrix")
    clf = recorder(SGD, batch_order="blocks", batch_size=70).fit(X, labels)
    yield "fit", (clf, X)
    yield "matrix", {"data": X.data, "indices": X.indices, "indptr": X.indptr}
    hardest = clf.data_map_.rank("confidence", n_samples=9)
    yield "rows", out_of_core.read_rows("comments.csv", hardest)
    clf, _ = fit(SGD, CODES, n_epochs=3, warm_start=True)
    yield "continued", (clf.set_params(n_epochs=6).fit(DIGITS, CODES), DIGITS)


def records() -> Parts:
    rng = np.random.default_rng(0)
    y = np.arange(90) % 3
    logits = rng.normal(size=(6, 90, 3)) + 2 * np.eye(3)[y]
    odds = np.exp(logits)
    proba = odds / odds.sum(axis=2, keepdims=True)
    options = {"measures": MEASURES, "store_trajectories": True}
    letters = np.array([*"abc"])[y]
    yield "probabilities", DataMap.from_probabilities(proba, letters, **options)
    yield "single", DataMap.from_probabilities(proba.astype(np.float32), y, **options)
    labels = {"multilabel": True, **options}
    yield "labels", DataMap.from_probabilities(proba, np.eye(3)[y], **labels)
    dynamics = TrainingDynamics(y, **options)
    for epoch in logits:
        for rows in np.split(rng.permutation(90), 5):
            dynamics.update(epoch[rows], rows, logits=True)
    data_map = dynamics.to_data_map()
    yield "batches", data_map
    data_map.to_parquet("map.parquet")
    yield "parquet", DataMap.from_parquet("map.parquet")
    table = data_map.to_frame()[["confidence", "variability"]]
    right = (6 * data_map.correctness).round().astype(int)
    table = table.assign(guid=range(90), correctness=right)
    table.to_json("td.jsonl", orient="records", lines=True)
    yield "coordinates", sklearn_datamaps.read_coordinates("td.jsonl", 6)
    yield "coordinates_y", sklearn_datamaps.read_coordinates("td.jsonl", 6, y=y)
    for at, epoch in enumerate(logits):
        lines = {"guid": range(90), f"logits_epoch_{at}": [*epoch], "gold": y}
        file = f"dynamics_epoch_{at}.jsonl"
        pd.DataFrame(lines).to_json(file, orient="records", lines=True)
    yield "logged", sklearn_datamaps.read_training_dynamics(".")


def audit() -> Parts:
    y, options = CODES, {"n_repeats": 2, "random_state": 0}
    wrong = np.where(np.arange(len(y)) % 25 == 0, (y + 1) % 10, y)
    found = sklearn_datamaps.audit_labels(SGD, DIGITS, wrong, **options)
    yield "map", found.data_map
    scalars = ("n_wrong", "n_wrong_interval")
    yield "figures", {name: getattr(found, name) for name in scalars}
    yield "chance", {"wrong": found.chance, "looks": found.suspicious}
    yield "found", found.to_frame(n=60)
    review = found.review(n=60)
    yield "review", review
    is_wrong = wrong[review["position"]] != y[review["position"]]
    review["decision"] = np.where(is_wrong, "relabel", "keep")
    review["new_label"] = np.where(is_wrong, y[review["position"]].astype(str), "")
    y_corrected, kept = sklearn_datamaps.apply_review(wrong, review)
    yield "applied", {"y": y_corrected, "kept": kept}
    progress = found.update(review)
    figures = ("n_found", "remaining", "remaining_interval", "next_found", "chance")
    yield "progress", {name: getattr(progress, name) for name in figures}
    sampler = sklearn_datamaps.DataMapSampler(
        found.data_map, keep="variability", fraction=0.3, stratify=True
    )
    yield "sampled", dict(enumerate(sampler.fit_resample(DIGITS, wrong)))


def dask() -> Parts:
    if find_spec("distributed") is None:
        return
    import dask.array as da
    from distributed import Client

    from sklearn_datamaps.dask import DataMapClassifier as OnDask

    blocks = da.from_array(DIGITS, chunks=(170, 64)), da.from_array(CODES, chunks=170)
    # Any free port: that of others is warned of, and warnings are compared.
    with Client(processes=False, n_workers=2, dashboard_address=":0"):
        clf = OnDask(SGD, n_epochs=3, measures=MEASURES, random_state=0).fit(*blocks)
        yield "fit", (clf, DIGITS)


CONFIGURATIONS: dict[str, Callable[[], Parts]] = {
    made.__name__: made
    for made in (
        *(sparse_sgd, weighted_sgd, networks, members, other_learners, boosting),
        *(held_out, blocks_and_warm_start, records, audit, dask),
    )
}


def comments() -> tuple[list[str], Any, np.ndarray]:
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=240)
    words = rng.zipf(1.5, size=(240, 12)) % 97 + 5 * y[:, np.newaxis]
    texts = [" ".join(f"word{word}" for word in row) for row in words]
    texts[200:], y[200:] = texts[:40], y[:40]
    return texts, TfidfVectorizer().fit_transform(texts), y


def recorder(learner: Any, **params: Any) -> DataMapClassifier:
    params = {"n_epochs": 5, "measures": MEASURES, "random_state": 0, **params}
    return DataMapClassifier(learner, **params)


def fit(learner: Any, y: np.ndarray, **params: Any) -> tuple[DataMapClassifier, Any]:
    return recorder(learner, **params).fit(DIGITS, y), DIGITS


def arrays_of(name: str, value: Any) -> Iterator[tuple[str, np.ndarray]]:
    """Yield every array that can be had of a value, with its path."""
    parts: Any = None
    if isinstance(value, DataMap):
        parts = of_map(value)
    elif isinstance(value, tuple) and isinstance(value[0], BaseEstimator):
        parts = of_fit(*value)
    elif isinstance(value, pd.DataFrame):
        parts = [("index", value.index), *value.items()]
    elif isinstance(value, Mapping):
        parts = value.items()
    if parts is None:
        yield name, np.asarray(value)
        return
    for part, values in parts:
        if values is not None:
            yield from arrays_of(f"{name}/{part}", values)


def of_map(data_map: DataMap) -> Parts:
    for attribute in MAP_ATTRIBUTES:
        yield attribute, getattr(data_map, attribute, None)
    names = data_map.measure_names()
    yield "measure", {name: data_map.measure(name) for name in names}
    yield "rank", {name: data_map.rank(name) for name in names}
    yield "regions", data_map.regions()
    yield "wide", data_map.region_codes(band=0.2, n_std=2.0)
    yield "hard", data_map.region_mask("hard")
    yield "frame", data_map.to_frame()
    yield "summary", data_map.summary()
    yield "text", repr(data_map)
    if data_map.has_labels:
        yield "by_label", data_map.summary("label")
        yield "review", data_map.review(n=20)
    facts = {k: v for k, v in data_map.meta.items() if k not in ("time", "versions")}
    yield "meta", json.dumps(facts, default=repr, sort_keys=True)


def of_fit(clf: Any, X: Any) -> Parts:
    yield "map", clf.data_map_
    yield "in_sample", getattr(clf, "in_sample_map_", None)
    yield "history", clf.history_
    for method in ("predict", "predict_proba", "decision_function"):
        if hasattr(clf, method):
            yield method, getattr(clf, method)(X)


def run(name: str) -> dict[str, Any]:
    """Fit one configuration: its arrays, the seconds it took, and what went wrong."""
    found: dict[str, np.ndarray] = {}
    error, start = None, time.perf_counter()
    # What users are warned of is part of a result, too.
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            for part, value in CONFIGURATIONS[name]():
                found.update(arrays_of(part, value))
        except Exception as problem:  # reported by the one who reads the file
            error = f"{type(problem).__name__}: {problem}"
    told = {str(w.message) for w in caught if issubclass(w.category, UserWarning)}
    found["warnings"] = np.array(sorted(told), dtype=str)
    return {"arrays": found, "seconds": time.perf_counter() - start, "error": error}


if __name__ == "__main__":
    path, *chosen = sys.argv[1:]
    runs = {name: run(name) for name in chosen}
    Path(path).write_bytes(
        pickle.dumps({"package": sklearn_datamaps.__file__, "runs": runs})
    )
