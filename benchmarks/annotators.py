"""One annotator of twelve errs in 12 % against 3 %: found, and who else is blamed.

``summary(by=)`` of an audit beside the same test by somebody who knows which labels are
wrong: what no audit can beat. The test was chosen on other seeds of digits and six.
"""

import argparse
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from benchmarks import _harness
from benchmarks._label_sets import LABEL_SETS, LabelSet
from sklearn_datamaps import audit_labels

N_ANNOTATORS, CARELESS = 12, 5
RATES = {"one is careless": 0.12, "none is": 0.03}
LEVEL = 0.05
SETS = ("digits", "six", "synthetic", "rare", "sentiment")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seeds", type=int, default=20, help="default: 20")
    parser.add_argument("--datasets", nargs="+", choices=list(LABEL_SETS), default=SETS)
    parser.add_argument(
        "--rows", type=int, default=1_800, help="of a set; default: 1800"
    )


def run(arguments: argparse.Namespace) -> None:
    print(_harness.environment())
    n_seeds = 2 if arguments.quick else arguments.seeds
    table = pd.DataFrame(
        one_run(LABEL_SETS[name]().sample(seed, arguments.rows), seed, rate)
        | {"dataset": name, "annotators": annotators}
        for name in arguments.datasets
        for seed in range(n_seeds)
        for annotators, rate in RATES.items()
    )
    keys = ["dataset", "annotators"]
    summary = table.groupby(keys, sort=False).mean().reset_index()
    summary = summary.assign(runs=n_seeds)
    print("\nShare of runs in which the careless one is found, and others are blamed")
    print(summary.round(2).to_string(index=False))
    name = "annotators_quick" if arguments.quick else "annotators"
    _harness.save(name, summary=summary.round(3))


def one_run(data: LabelSet, seed: int, rate: float) -> dict[str, Any]:
    """Verdicts of one audit."""
    rng = np.random.default_rng(seed)
    y, n, n_classes = data.y, len(data.y), data.y.max() + 1
    who = rng.integers(N_ANNOTATORS, size=n)
    wrong = rng.random(n) < np.where(who == CARELESS, rate, min(RATES.values()))
    given = np.where(wrong, (y + rng.integers(1, n_classes, n)) % n_classes, y)
    audit = audit_labels(data.learner(), data.X, given, random_state=seed)
    table = audit.with_columns(who=who).summary(by="who")
    return verdict("audit", table["p_holm"]) | verdict("truth", by_truth(who, wrong))


def by_truth(who: NDArray[Any], wrong: NDArray[Any]) -> pd.Series:
    """Fisher's exact test of each annotator against the others, by what is wrong."""
    n, n_wrong = np.bincount(who), np.bincount(who, weights=wrong)
    p = stats.hypergeom.sf(n_wrong - 1, len(who), wrong.sum(), n)
    return pd.Series(np.minimum(len(n) * p, 1.0))


def verdict(name: str, p: pd.Series) -> dict[str, bool]:
    blamed = set(p.index[p < LEVEL])
    return {
        f"{name}_found": p.idxmin() == CARELESS and CARELESS in blamed,
        f"{name}_blamed": bool(blamed - {CARELESS}),
    }
