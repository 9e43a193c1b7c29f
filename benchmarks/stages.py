"""Boosting with every stage recorded, as a ratio to the fit alone.

100 rounds on 50,000 rows of 50 features in 3 classes; each library as its scikit-learn
class. What is not installed is left out, and said.
"""

import argparse
from functools import partial
from importlib import import_module

import pandas as pd
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier

from benchmarks import _harness
from sklearn_datamaps import DataMapClassifier

LIBRARIES = ("hist_gradient_boosting", "lightgbm", "xgboost")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--learners", nargs="+", choices=LIBRARIES, default=LIBRARIES)
    parser.add_argument("--rounds", type=int, default=5, help="counted (default: 5)")
    parser.add_argument("--n-jobs", type=int, default=2, help="threads (default: 2)")


def learner(name: str, n_rounds: int, n_jobs: int):
    """Return the learner, or None if its library is not installed."""
    if name == "hist_gradient_boosting":
        return HistGradientBoostingClassifier(
            max_iter=n_rounds, early_stopping=False, random_state=0
        )
    try:
        library = import_module(name)
    except ImportError:
        return None
    shared = {"n_estimators": n_rounds, "n_jobs": n_jobs, "random_state": 0}
    if name == "lightgbm":
        return library.LGBMClassifier(**shared, verbose=-1)
    return library.XGBClassifier(**shared)


def run(arguments: argparse.Namespace) -> None:
    n_samples, n_stages, n_rounds = 50_000, 100, arguments.rounds
    if arguments.quick:
        n_samples, n_stages, n_rounds = 2_000, 10, 2
    X, y = make_classification(
        n_samples, 50, n_informative=20, n_classes=3, random_state=0
    )
    print(_harness.environment())
    ratios = []
    for name in arguments.learners:
        bare = learner(name, n_stages, arguments.n_jobs)
        if bare is None:
            print(f"{name} is not installed")
            continue
        recorded = DataMapClassifier(bare, n_epochs=n_stages, random_state=0)
        contestants = {
            "fit": partial(lambda made: clone(made).fit(X, y), bare),
            "recorded": partial(lambda made: clone(made).fit(X, y), recorded),
        }
        timed = _harness.interleave(contestants, n_rounds)
        ratios.append(_harness.ratios_to(timed, "fit").assign(learner=name))
    ratio = pd.concat(ratios, ignore_index=True)
    summary = _harness.summarize(ratio, ["learner"]).reset_index()
    print(f"\nFit with all {n_stages} stages recorded : fit alone")
    print(summary.round(2).to_string(index=False))
    _harness.save("stages", summary=summary)
    title = f"Fit with all {n_stages} stages recorded, over the fit alone"
    _harness.save_plot("stages", partial(draw, ratio), title)


def draw(ratio: pd.DataFrame, axes) -> None:
    import seaborn as sns

    sns.stripplot(ratio, x="wall", y="learner", ax=axes)
    axes.axvline(1.5, color="0.5", linewidth=1, linestyle="--")
    axes.set(xlabel="time : fit alone, one point per round", ylabel="", xlim=(1, None))
