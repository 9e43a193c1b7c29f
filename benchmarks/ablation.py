"""Do dynamics add anything? Last epoch or mean, in-sample or not, and which margin.

The ablation that the literature asks for, by the protocol of Wielopolski and others
(arXiv:2510.16211): as many rows are read as there are wrong labels, the lowest of a
score, and what counts is the share of wrong labels that is missed (false negatives).
Every combination of {last epoch, mean over epochs} x {in-sample, out-of-fold, two
folds} x {confidence, margin, logit margin} for four learners on three data sets, with
labels wrong at random, as a person errs (near the boundary, to the next best class), or
by a rule on the features, which models can learn.
"""

import argparse
import warnings
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import cross_val_predict
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import scale

from benchmarks import _harness
from benchmarks._noise import flip_labels
from sklearn_datamaps import DataMap, DataMapClassifier
from sklearn_datamaps._core.measures import epoch_margin
from sklearn_datamaps._core.registry import Epoch, Measure, Stream, registered, summed

SHARE = 0.08
KINDS = ("uniform", "margin", "rule")
LOADERS = {"digits": load_digits, "cancer": load_breast_cancer, "wine": load_wine}
FLOOR = 1e-12  # of a probability whose logarithm is taken
BUDGET = "false_negatives"
CELL = ["learner", "recording", "over", "score"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seeds", type=int, default=6, help="default: 6")


def learners() -> dict[str, tuple[Any, dict[str, Any]]]:
    """Learners, and how many epochs they are recorded for."""
    return {
        "SGD": (SGDClassifier(loss="log_loss"), {"n_epochs": 10}),
        "LogisticRegression": (LogisticRegression(), {}),
        "MLP": (MLPClassifier((50,), learning_rate_init=0.005), {"n_epochs": 20}),
        "boosting": (
            HistGradientBoostingClassifier(max_iter=20, max_leaf_nodes=8),
            {"n_epochs": 10},
        ),
    }


def confidence(epoch: Epoch) -> Any:
    return epoch.own


def margin(epoch: Epoch) -> Any:
    return epoch_margin(epoch.proba, epoch.codes, epoch.own)


def logit_margin(epoch: Epoch) -> Any:
    other = epoch.own - margin(epoch)
    return np.log(np.maximum(epoch.own, FLOOR)) - np.log(np.maximum(other, FLOOR))


SCORES = {"confidence": confidence, "margin": margin, "logit margin": logit_margin}


def last(name: str, of_epoch: Any) -> Stream:
    """Value of the last epoch."""

    def update(state: Any, at: Any, epoch: Epoch) -> None:
        state[name][at] = of_epoch(epoch)

    return Stream(
        init=lambda shape, n_classes: {name: np.zeros(shape)},
        update=update,
        finish=lambda state, count: state[name].copy(),
    )


OVER = {"last epoch": last, "mean over epochs": summed}
# Each score under a name of its own, recorded in one run.
NAMES = {
    (over, score): f"{over}_{score}".replace(" ", "_")
    for over in OVER
    for score in SCORES
}


def entries() -> list[Measure]:
    """Measures of every score, at the last epoch and in the mean."""
    return [
        Measure(name, ascending=True, stream=OVER[over](name, SCORES[score]))
        for (over, score), name in NAMES.items()
    ]


def wrong_labels(
    X: np.ndarray, y: np.ndarray, kind: str, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Labels with a share of them wrong, and which."""
    if kind == "rule":
        rng = np.random.default_rng(seed)
        along = X @ rng.normal(size=X.shape[1])
        is_wrong = np.zeros(len(y), dtype=bool)
        is_wrong[np.argsort(-along)[: round(SHARE * len(y))]] = True
        return np.where(is_wrong, (y + 1) % (y.max() + 1), y), is_wrong
    model = LogisticRegression(max_iter=1000)
    reference = cross_val_predict(model, X, y, cv=5, method="predict_proba")
    return flip_labels(y, kind, SHARE, seed, reference)


def runs(name: str, kind: str, seed: int) -> Iterator[dict[str, Any]]:
    """False negatives of every cell, on one data set with one set of wrong labels."""
    X, y = LOADERS[name](return_X_y=True)
    X = X / 16 if name == "digits" else scale(X)
    given, is_wrong = wrong_labels(X, y, kind, seed)
    budget = int(is_wrong.sum())
    for learner, (estimator, params) in learners().items():
        clf = DataMapClassifier(
            estimator, cv=2, measures=list(NAMES.values()), random_state=seed, **params
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            clf.fit(X, given)
        for data_map in (clf.in_sample_map_, clf.data_map_):
            for (over, score), measure in NAMES.items():
                yield {
                    "data": name,
                    "noise": kind,
                    "seed": seed,
                    "learner": learner,
                    "recording": data_map.meta["recording"],
                    "over": over,
                    "score": score,
                    BUDGET: missed(data_map, measure, is_wrong, budget),
                }


def missed(data_map: DataMap, measure: str, is_wrong: np.ndarray, budget: int) -> float:
    """Share of the wrong labels that are not among the lowest rows."""
    read = np.argsort(data_map.measure(measure), kind="stable")[:budget]
    return 1 - is_wrong[read].sum() / budget


def contrasts(table: pd.DataFrame) -> pd.DataFrame:
    """Mean difference of each choice to its alternative, with a 95 % interval.

    The pairs agree in all but that choice. Negative: fewer are missed.
    """
    sides = {
        "over": ("mean over epochs", "last epoch"),
        "recording": ("out-of-fold", "in-sample"),
        "score": ("logit margin", "confidence"),
        "score ": ("margin", "confidence"),
    }
    found = []
    for noise, of_noise in table.groupby("noise", sort=False):
        for choice, (one, other) in sides.items():
            column = choice.strip()
            keys = ["data", "seed", *(c for c in CELL if c != column)]
            wide = of_noise.pivot_table(BUDGET, keys, column)
            difference = (wide[one] - wide[other]).rename("difference").reset_index()
            for learner, pairs in difference.groupby("learner", sort=False):
                # Cells of one set of wrong labels are no independent trials.
                trials = pairs.groupby(["data", "seed"])["difference"].mean()
                half = stats.t.ppf(0.975, len(trials) - 1) * stats.sem(trials)
                found.append(
                    {
                        "noise": noise,
                        "learner": learner,
                        "choice": f"{one} - {other}",
                        "difference": trials.mean(),
                        "low": trials.mean() - half,
                        "high": trials.mean() + half,
                        "trials": len(trials),
                    }
                )
    return pd.DataFrame(found)


def run(arguments: argparse.Namespace) -> None:
    n_seeds = 2 if arguments.quick else arguments.seeds
    names = ["wine"] if arguments.quick else list(LOADERS)
    print(_harness.environment())
    with registered(*entries()):
        table = pd.DataFrame(
            found
            for name in names
            for kind in KINDS
            for seed in range(n_seeds)
            for found in runs(name, kind, seed)
        )
    cells = table.groupby(["noise", *CELL], sort=False)[BUDGET].mean().reset_index()
    shown = cells.pivot_table(BUDGET, ["learner", "recording", "over"],
                              ["noise", "score"], sort=False)  # fmt: skip
    print(f"\nShare of wrong labels missed, {SHARE:.0%} wrong, {n_seeds} seeds")
    print(shown.round(3).to_string())
    contrast = contrasts(table)
    print("\nDifference in that share, 95 % interval over data sets and seeds")
    print(contrast.round(3).to_string(index=False))
    _harness.save("ablation", summary=cells, contrasts=contrast, rounds=table)
    title = "Wrong labels missed: mean over epochs less last epoch, 95 % interval"
    _harness.save_plot("ablation", partial(draw, contrast), title)


def draw(contrast: pd.DataFrame, axes: Any) -> None:
    chosen = contrast[contrast["choice"] == "mean over epochs - last epoch"]
    names = list(chosen["learner"].unique())
    for shift, (noise, rows) in enumerate(chosen.groupby("noise", sort=False)):
        y = [names.index(name) + 0.2 * (shift - 1) for name in rows["learner"]]
        half = rows["high"] - rows["difference"]
        axes.errorbar(rows["difference"], y, xerr=half, fmt="o", label=noise)
    axes.axvline(0, color="0.5", linewidth=1)
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="difference in the share missed (below 0: dynamics help)")
    axes.legend(title="labels wrong", loc="lower left")
