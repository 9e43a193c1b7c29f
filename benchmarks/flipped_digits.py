"""Wrong labels found by low confidence: digits with 5 % of the labels flipped.

First LogisticRegression, recorded at every iteration of its solver: digits, breast
cancer and wine, scaled, 8 % of the labels flipped at random. The average precision of
ranking rows by low confidence, in-sample and out-of-fold.

Then, for every kind of learner, 20 epochs or stages, five seeds: the area under the ROC
curve of ranking rows by low confidence. One in a hundred rows of digits is hard to
read, so not even a perfect map reaches 1.
"""

import argparse
import warnings
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.ensemble import (
    AdaBoostClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
)
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import scale

from benchmarks import _harness
from sklearn_datamaps import DataMapClassifier

SHARE = 0.05
SHARE_OF_ITERATIONS = 0.08
# Average precision in-sample that is to be reached in the mean of five seeds.
BARS = {"digits": 0.96, "breast cancer": 0.93, "wine": 0.98}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seeds", type=int, default=5, help="default: 5")
    parser.add_argument("--epochs", type=int, default=20, help="default: 20")


def learners(n_epochs: int) -> Iterator[tuple[str, Any]]:
    """Names and learners; those of libraries that are not installed are left out."""
    yield "SGDClassifier", SGDClassifier(loss="log_loss")
    yield "MLPClassifier", MLPClassifier()
    yield (
        "GradientBoostingClassifier",
        GradientBoostingClassifier(n_estimators=n_epochs),
    )
    yield (
        "HistGradientBoostingClassifier",
        HistGradientBoostingClassifier(max_iter=n_epochs),
    )
    yield "AdaBoostClassifier", AdaBoostClassifier(n_estimators=n_epochs)
    of_libraries = [("lightgbm", "LGBMClassifier", {"verbose": -1})]
    of_libraries.append(("xgboost", "XGBClassifier", {}))
    for library, name, params in of_libraries:
        try:
            kind = getattr(import_module(library), name)
        except ImportError:
            print(f"{library} is not installed")
            continue
        yield name, kind(n_estimators=n_epochs, n_jobs=2, **params)


def flipped(
    y: np.ndarray, seed: int, share: float = SHARE
) -> tuple[np.ndarray, np.ndarray]:
    """Labels with a share of them replaced by another class, and which ones."""
    rng = np.random.default_rng(seed)
    is_wrong = np.zeros(len(y), dtype=bool)
    is_wrong[rng.choice(len(y), round(share * len(y)), replace=False)] = True
    n_classes = y.max() + 1
    others = (y + rng.integers(1, n_classes, len(y))) % n_classes
    return np.where(is_wrong, others, y), is_wrong


def of_iterations(n_seeds: int) -> pd.DataFrame:
    """Average precision of low confidence of LogisticRegression, run by run."""
    X, y = load_digits(return_X_y=True)
    sets = {"digits": (X / 16, y)}
    for name, load in (("breast cancer", load_breast_cancer), ("wine", load_wine)):
        X, y = load(return_X_y=True)
        sets[name] = scale(X), y
    results = []
    for name, (X, y) in sets.items():
        for seed in range(n_seeds):
            given, is_wrong = flipped(y, seed, SHARE_OF_ITERATIONS)
            clf = DataMapClassifier(LogisticRegression(), cv=2, random_state=seed)
            clf.fit(X, given)
            for data_map in (clf.in_sample_map_, clf.data_map_):
                found = average_precision_score(is_wrong, -data_map.confidence)
                recording = data_map.meta["recording"]
                results.append((name, recording, seed, found, data_map.n_epochs))
    columns = ["data", "recording", "seed", "average_precision", "iterations"]
    return pd.DataFrame(results, columns=columns)


def run(arguments: argparse.Namespace) -> None:
    n_seeds = 1 if arguments.quick else arguments.seeds
    n_epochs = 3 if arguments.quick else arguments.epochs
    X, y = load_digits(return_X_y=True)
    X = X / 16
    print(_harness.environment())
    rounds = of_iterations(n_seeds)
    kept = rounds.groupby(["data", "recording"], sort=False)["average_precision"]
    precision = kept.agg(["mean", "min", "max"]).reset_index()
    precision["bar"] = precision["data"].map(BARS)
    print(f"\nAverage precision, LogisticRegression, 8 % flipped, {n_seeds} seed(s)")
    print(precision.round(3).to_string(index=False))
    _harness.save("flipped_digits_iterations", summary=precision, rounds=rounds)
    results = []
    for name, learner in learners(n_epochs):
        for seed in range(n_seeds):
            given, is_wrong = flipped(y, seed)
            clf = DataMapClassifier(learner, n_epochs=n_epochs, random_state=seed)
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                clf.fit(X, given)
            auc = roc_auc_score(is_wrong, -clf.confidence_)
            results.append((name, seed, auc))
    table = pd.DataFrame(results, columns=["learner", "seed", "auc"])
    summary = table.groupby("learner", sort=False)["auc"].agg(["mean", "min", "max"])
    print(f"\nArea under the ROC curve, {n_epochs} epochs, {n_seeds} seed(s)")
    print(summary.round(3).to_string())
    _harness.save("flipped_digits", summary=summary.reset_index(), rounds=table)
    title = "Wrong labels of digits found by low confidence"
    _harness.save_plot("flipped_digits", partial(draw, table), title)


def draw(table: pd.DataFrame, axes) -> None:
    import seaborn as sns

    sns.stripplot(table, x="auc", y="learner", ax=axes)
    axes.axvline(0.98, color="0.5", linewidth=1, linestyle="--")
    axes.set(xlabel="area under the ROC curve, one point per seed", ylabel="")
