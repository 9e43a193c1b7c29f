"""Reasons for 100 labels of 43,410 comments : the sparse product that they need.

The learner is fitted and the features are ready; what is left is to compare the rows
with all others, and to say what was found.
"""

import argparse
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import SGDClassifier
from sklearn.multiclass import OneVsRestClassifier

from benchmarks import _harness
from benchmarks._label_sets import comments
from sklearn_datamaps import explain_rows
from sklearn_datamaps.datasets import EMOTIONS

N_EXPLAINED = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=15, help="default: 15")


def run(arguments: argparse.Namespace) -> None:
    X, indicator = comments()
    if arguments.quick:
        X, indicator = X[:2000], indicator[:2000]
    print(_harness.environment())
    rng = np.random.default_rng(0)
    rows = rng.choice(X.shape[0], N_EXPLAINED, replace=False)
    targets = {
        "two classes": indicator[:, EMOTIONS.index("gratitude")],
        "28 classes": np.array(EMOTIONS)[indicator.argmax(axis=1)],
        "multilabel": indicator,
    }
    n_rounds = 2 if arguments.quick else arguments.rounds
    tables = [measure(name, X, y, rows, n_rounds) for name, y in targets.items()]
    table = pd.concat(tables)
    print("\nTime of explain_rows over that of the product")
    print(table.round(2).to_string(index=False))
    _harness.save("reasons_quick" if arguments.quick else "reasons", summary=table)


def measure(
    name: str, X: Any, y: NDArray[Any], rows: NDArray[Any], n_rounds: int
) -> pd.DataFrame:
    """Ratios for labels of one kind."""
    learner = SGDClassifier(loss="log_loss", max_iter=5, tol=None, random_state=0)
    wanted = rows
    if y.ndim == 2:
        learner = OneVsRestClassifier(learner)
        wanted = np.column_stack([rows, y[rows].argmax(axis=1)])
    learner.fit(X, y)
    contestants = {
        "product": lambda: X @ X[rows].T,
        "explain_rows": lambda: explain_rows(learner, X, y, wanted),
    }
    timings = _harness.interleave(contestants, n_rounds)
    ratios = _harness.ratios_to(timings, "product")
    table = _harness.summarize(ratios, ["contestant"]).reset_index()
    return table.assign(labels=name, n=X.shape[0])
