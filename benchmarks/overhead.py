"""Fit time: ours, the floor, and the loop of the tutorials, as ratios to the floor.

The *floor* is a bare loop of ``partial_fit`` and ``predict_proba`` whose result is
thrown away; it validates X in every call, as any loop does. *tutorial* keeps every
probability tensor and fills three lists row by row at the end; *vectorized* does the
same with NumPy formulas. All train from the same seeds, to equal models. Of
``LogisticRegression`` the loop is a callback of scikit-learn.
"""

import argparse
from functools import partial

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from benchmarks import _harness, _loops

TASKS = ("gratitude", "emotions", "dense", "wide", "logistic", "logistic_text")
CONTESTANTS = {
    "floor": _loops.floor,
    "ours": _loops.ours,
    "tutorial": _loops.tutorial,
    "vectorized": _loops.vectorized,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=TASKS)
    parser.add_argument("--rounds", type=int, default=9, help="counted (default: 9)")
    parser.add_argument("--epochs", type=int, default=10, help="default: 10")


def run(arguments: argparse.Namespace) -> None:
    n_rounds, n_epochs = arguments.rounds, arguments.epochs
    if arguments.quick:
        n_rounds, n_epochs = 2, 3
    print(_harness.environment(), "; one BLAS thread")
    ratios, timings = [], []
    for name in arguments.tasks:
        print(f"{name}: {_loops.TASKS[name].__doc__}", flush=True)
        task = _loops.TASKS[name](arguments.quick)
        with threadpool_limits(limits=1):
            check_same_model(task, n_epochs)
            timed = _harness.interleave(
                {key: partial(f, task, n_epochs) for key, f in CONTESTANTS.items()},
                n_rounds,
            )
        timings.append(timed.assign(task=name))
        ratios += [
            _harness.ratios_to(timed, "floor").assign(task=name, base="floor"),
            _harness.ratios_to(
                timed[timed["contestant"].isin(["ours", "tutorial"])], "tutorial"
            ).assign(task=name, base="tutorial"),
        ]
    ratio = pd.concat(ratios, ignore_index=True)
    summary = _harness.summarize(ratio, ["task", "contestant", "base"]).reset_index()
    print(f"\nRatio of times, {n_epochs} epochs, contestant : base of the same round")
    print(summary.round(3).to_string(index=False))
    _harness.save("overhead", summary=summary, rounds=pd.concat(timings))
    _harness.save_plot(
        "overhead", partial(draw, ratio), f"Fit time over the floor, {n_epochs} epochs"
    )


def check_same_model(task: _loops.Task, n_epochs: int) -> None:
    """Raise unless the floor and ours train the same model, weight by weight."""
    by_hand = _loops.floor(task, n_epochs)
    recorded = _loops.ours(task, n_epochs).estimator_
    name = "coefs_" if hasattr(by_hand, "coefs_") else "coef_"
    pairs = zip(getattr(by_hand, name), getattr(recorded, name), strict=True)
    if not all(np.array_equal(one, other) for one, other in pairs):
        raise AssertionError("The floor and ours trained different models.")


def draw(ratio: pd.DataFrame, axes) -> None:
    import seaborn as sns

    sns.stripplot(
        ratio[ratio["base"] == "floor"],
        x="wall",
        y="task",
        hue="contestant",
        dodge=True,
        ax=axes,
    )
    axes.axvline(1.0, color="0.5", linewidth=1)
    axes.set(xlabel="time : floor, one point per round", ylabel="", xscale="log")
