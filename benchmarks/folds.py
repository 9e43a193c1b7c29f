"""Out-of-fold maps: cv=2 to the in-sample map, and two processes to one.

*folds* is the out-of-fold map alone: splits, two models each trained on half of the
rows and recorded on the other half, without the one on all rows. *cv=2* is all of
``DataMapClassifier(cv=2).fit``: folds, ``estimator_`` and memorization. *2 processes*
is the same with ``n_jobs=2``; its workers stay alive from round to round, as they do
from fit to fit.
"""

import argparse
from functools import partial
from typing import Any

import pandas as pd
from threadpoolctl import threadpool_limits

from benchmarks import _harness, _loops
from sklearn_datamaps import DataMap, DataMapClassifier
from sklearn_datamaps._core.labels import encode_labels
from sklearn_datamaps._learners.features import validate_features
from sklearn_datamaps._learners.seeds import derive_seed
from sklearn_datamaps._training.classifier import FOLD
from sklearn_datamaps._training.folds import make_splits
from sklearn_datamaps._training.loop import record_fold
from sklearn_datamaps._training.recipe import Data
from sklearn_datamaps._training.record import new_record

# Of logistic a fold may need another number of epochs; of wide, 200 models are trained
# five times in every round.
TASKS = ("gratitude", "emotions", "dense")
IN_SAMPLE, CV, PROCESSES = "in-sample", "cv=2", "2 processes"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=TASKS)
    parser.add_argument("--rounds", type=int, default=9, help="counted (default: 9)")
    parser.add_argument("--epochs", type=int, default=10, help="default: 10")


def classifier(task: _loops.Task, n_epochs: int, **params: Any) -> DataMapClassifier:
    return DataMapClassifier(
        task.learner, n_epochs=n_epochs, cv=2, random_state=_loops.SEED, **params
    )


def fitted(task: _loops.Task, n_epochs: int, **params: Any) -> DataMapClassifier:
    return classifier(task, n_epochs, **params).fit(task.X, task.y)


def folds_alone(task: _loops.Task, n_epochs: int) -> DataMap:
    """Map of ``cv=2`` without the model of all rows, by internal functions."""
    clf = classifier(task, n_epochs)
    recipe = clf._recipe().for_cells(len(task.y))
    X = validate_features(clf, recipe.learner, task.X, reset=True)
    data = Data(X, encode_labels(task.y), task.y)
    whole = new_record(recipe, data.labels, _loops.SEED)
    splits = make_splits(2, X, data.labels, _loops.SEED, {})
    for number, (train, test) in enumerate(splits):
        seed = derive_seed(_loops.SEED, number, FOLD)
        whole.absorb(record_fold(recipe, data, train, test, seed), test)
    return whole.dynamics.to_map(DataMap)


def run(arguments: argparse.Namespace) -> None:
    n_rounds, n_epochs = arguments.rounds, arguments.epochs
    if arguments.quick:
        n_rounds, n_epochs = 2, 3
    print(_harness.environment(), "; one BLAS thread")
    contestants = {
        IN_SAMPLE: _loops.ours,
        "folds": folds_alone,
        CV: fitted,
        PROCESSES: partial(fitted, n_jobs=2),
    }
    ratios, timings = [], []
    for name in arguments.tasks:
        print(f"{name}: {_loops.TASKS[name].__doc__}", flush=True)
        task = _loops.TASKS[name](arguments.quick)
        with threadpool_limits(limits=1):
            check_same_map(task, n_epochs)
            timed = _harness.interleave(
                {key: partial(f, task, n_epochs) for key, f in contestants.items()},
                n_rounds,
            )
        timings.append(timed.assign(task=name))
        of_one = timed["contestant"] != PROCESSES
        of_two = timed["contestant"].isin([CV, PROCESSES])
        ratios += [
            _harness.ratios_to(timed[rows], base).assign(task=name, base=base)
            for rows, base in ((of_one, IN_SAMPLE), (of_two, CV))
        ]
    ratio = pd.concat(ratios, ignore_index=True)
    # The processor time of the workers is not seen.
    ratio.loc[ratio["contestant"] == PROCESSES, "cpu"] = float("nan")
    summary = _harness.summarize(ratio, ["task", "contestant", "base"]).reset_index()
    print(f"\nRatio of times, {n_epochs} epochs, contestant : base of the same round")
    print(summary.round(3).to_string(index=False))
    _harness.save("folds", summary=summary, rounds=pd.concat(timings))
    _harness.save_plot(
        "folds", partial(draw, ratio), f"Fit time of cv=2, {n_epochs} epochs"
    )
    print(_harness.environment())


def check_same_map(task: _loops.Task, n_epochs: int) -> None:
    """Raise unless the contestants record the same map."""
    alone = folds_alone(task, n_epochs).confidence
    for n_jobs in (1, 2):
        if (fitted(task, n_epochs, n_jobs=n_jobs).confidence_ != alone).any():
            raise AssertionError("The folds alone and cv=2 recorded different maps.")


def draw(ratio: pd.DataFrame, axes: Any) -> None:
    import seaborn as sns

    shown = ratio.assign(pair=ratio["contestant"] + " : " + ratio["base"])
    sns.stripplot(shown, x="wall", y="task", hue="pair", dodge=True, ax=axes)
    axes.axvline(1.0, color="0.5", linewidth=1)
    axes.set(xlabel="time : base, one point per round", ylabel="")
