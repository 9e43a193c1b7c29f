"""Wrong labels found: label_quality, one plain fit, cleanlab, reading at random.

Errors of many kinds are planted, those that follow a rule and can be learned among
them, and every method ranks the rows. Some sets were used to choose the formula
(``chosen on``), the others were not (``reported on``). The comments of GoEmotions have
wrong labels of their own, which count as right here, for all methods. A run that was
stopped goes on; delete ``results/detection_rounds.csv`` to begin anew.
"""

import argparse
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score

from benchmarks import _harness
from benchmarks._cells import Cell, cells, converged, recorded
from benchmarks._label_sets import LABEL_SETS, LabelSet
from sklearn_datamaps import DataMapClassifier, audit_labels

Array = NDArray[Any]
CLEANLAB = ("self_confidence", "normalized_margin")
OURS = ("audit", "one map")
NEAR = 0.005


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seeds", type=int, default=3, help="default: 3")
    names = [*LABEL_SETS, "headlines"]
    parser.add_argument("--datasets", nargs="+", choices=names, default=names)


def run(arguments: argparse.Namespace) -> None:
    name = "detection_quick" if arguments.quick else "detection"
    seeds = range(1 if arguments.quick else arguments.seeds)
    print(_harness.environment())
    path = _harness.RESULTS / f"{name}_rounds.csv"
    if arguments.quick:
        path.unlink(missing_ok=True)
    every = cells(arguments.datasets, seeds, quick=arguments.quick)
    rounds = recorded(path, (cell for cell in every if cell.is_wrong.any()), figures_of)
    keys = ["split", "dataset", "kind", "share"]
    figures = ["ap", "found_of_100", "missed"]
    summary = rounds.groupby([*keys, "method"], sort=False)[figures].mean()
    shown = {"columns": "method", "sort": False}
    against = compare(rounds.pivot_table("ap", keys, **shown))
    means = rounds.pivot_table(figures, ["split", "kind"], **shown)
    print("\nMeans: average precision, wrong among the first 100, share missed")
    print(means.round(2).to_string())
    print("\nCells against the better of cleanlab's scores, in hindsight")
    print(against.round(3).to_string(index=False))
    cost = measure_cost(arguments.datasets, 1 if arguments.quick else 7)
    print("\nCPU time over that of cleanlab's five folds of the same learner")
    print(cost.round(2).to_string(index=False))
    _harness.save(
        name,
        summary=summary.round(4).reset_index(),
        against=against.round(4),
        cost=cost.round(3),
    )


def figures_of(cell: Cell) -> list[dict[str, Any]]:
    """Figures of every method."""
    each = scored(cell)
    return [{"method": method} | judge(values, cell) for method, values in each]


def scored(cell: Cell) -> Iterator[tuple[str, Array]]:
    """Scores of all rows by every method; low is suspicious."""
    from cleanlab.rank import get_label_quality_scores

    data, given, seed = cell.data, cell.given, cell.seed
    audit = audit_labels(data.learner(), data.X, given, random_state=seed)
    yield "audit", audit.data_map.measure("label_quality")
    clf = DataMapClassifier(
        data.learner(), cv=2, measures=["mean_proba"], random_state=seed
    )
    yield "one map", clf.fit(data.X, given).data_map_.measure("label_quality")
    fitted = data.learner(max_iter=1000, random_state=seed).fit(data.X, given)
    proba = fitted.predict_proba(data.X)
    own = np.searchsorted(fitted.classes_, given)
    yield "plain fit", proba[np.arange(len(given)), own]
    # cleanlab takes labels without gaps.
    present, codes = np.unique(given, return_inverse=True)
    folds = converged(data, given, seed)[:, present]
    for method in CLEANLAB:
        scores = get_label_quality_scores(codes, folds, method=method)
        yield f"cleanlab {method}", scores
    yield "random", np.random.default_rng((seed, 2)).random(len(given))


def judge(values: Array, cell: Cell) -> dict[str, float]:
    """Figures of one ranking; among equal values chance decides who is read first."""
    chance = np.random.default_rng((cell.seed, 3)).random(len(values))
    found = cell.is_wrong[np.lexsort((chance, values))]
    return {
        "ap": average_precision_score(cell.is_wrong, -values),
        "found_of_100": found[:100].sum(),
        # Protocol of arXiv:2510.16211: the budget is the number of wrong labels.
        "missed": 1 - found[: cell.is_wrong.sum()].mean(),
    }


def compare(ap: pd.DataFrame) -> pd.DataFrame:
    """Cells in which a method is near, above or far below cleanlab's better score."""
    rivals = ap[[f"cleanlab {method}" for method in CLEANLAB]]
    rows = []
    for split in ap.index.unique("split"):
        for without_rules in (False, True):
            kinds = ap.index.get_level_values("kind")
            chosen = ap.index.get_level_values("split") == split
            if without_rules:
                chosen &= ~np.isin(kinds, ["rule", "mixture", "real"])
            best = rivals[chosen].max(axis=1)
            for method in (*OURS, "plain fit"):
                difference = ap.loc[chosen, method] - best
                each = [
                    (ap.loc[chosen, method] > rivals.loc[chosen, one] - NEAR).mean()
                    for one in rivals
                ]
                rows.append(
                    {
                        "split": split,
                        "cells": "at random" if without_rules else "all",
                        "method": method,
                        "n": len(difference),
                        "within": (difference > -NEAR).mean(),
                        "won": (difference > 0).mean(),
                        "mean": difference.mean(),
                        "worst": difference.min(),
                        "within_self_confidence": each[0],
                        "within_normalized_margin": each[1],
                    }
                )
    return pd.DataFrame(rows)


def measure_cost(datasets: list[str], n_rounds: int) -> pd.DataFrame:
    """CPU time of audit and score by cleanlab's folds, in turn (A B A B ...)."""
    tables = []
    for name in [name for name in datasets if name in ("six", "synthetic", "digits")]:
        data: LabelSet = LABEL_SETS[name]()
        given = data.y

        def audited(data: LabelSet = data, given: Array = given) -> Any:
            return audit_labels(data.learner(), data.X, given, random_state=0)

        def folds(data: LabelSet = data, given: Array = given) -> Any:
            return converged(data, given, 0)

        def plain(data: LabelSet = data, given: Array = given) -> Any:
            return data.learner(max_iter=1000, random_state=0).fit(data.X, given)

        contestants = {"folds": folds, "audit": audited, "plain fit": plain}
        timings = _harness.interleave(contestants, n_rounds)
        ratio = _harness.ratios_to(timings, "folds")
        table = _harness.summarize(ratio, ["contestant"]).reset_index()
        tables.append(table.assign(dataset=name, n=len(given)))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
