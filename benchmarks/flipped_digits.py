"""Wrong labels found by low confidence: digits with 5 % of the labels flipped.

For every kind of learner, 20 epochs or stages, five seeds: the area under the ROC
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
from sklearn.datasets import load_digits
from sklearn.ensemble import (
    AdaBoostClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
)
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import roc_auc_score
from sklearn.neural_network import MLPClassifier

from benchmarks import _harness
from sklearn_datamaps import DataMapClassifier

SHARE = 0.05


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


def flipped(y: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels with a share of them replaced by another class, and which ones."""
    rng = np.random.default_rng(seed)
    is_wrong = np.zeros(len(y), dtype=bool)
    is_wrong[rng.choice(len(y), round(SHARE * len(y)), replace=False)] = True
    others = (y + rng.integers(1, 10, len(y))) % 10
    return np.where(is_wrong, others, y), is_wrong


def run(arguments: argparse.Namespace) -> None:
    n_seeds = 1 if arguments.quick else arguments.seeds
    n_epochs = 3 if arguments.quick else arguments.epochs
    X, y = load_digits(return_X_y=True)
    X = X / 16
    print(_harness.environment())
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
