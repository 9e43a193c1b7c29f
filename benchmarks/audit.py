"""Wrong labels counted: audit_labels, cleanlab and control rows against the truth.

The cells are those of ``detection``, clean labels among them. Where errors follow a
rule, or there are none, no number is the right answer. Then a review with 30 control
rows is decided by somebody who knows, many times over.
"""

import argparse
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import _harness
from benchmarks._cells import Cell, cells, converged, recorded
from benchmarks._label_sets import LABEL_SETS
from benchmarks._noise import AT_RANDOM
from sklearn_datamaps import LabelAudit, audit_labels

FACTOR = 1.5
N_REVIEWS = 10
N_CONTROL = 30


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seeds", type=int, default=3, help="default: 3")
    names = [*LABEL_SETS, "headlines"]
    parser.add_argument("--datasets", nargs="+", choices=names, default=names)


def run(arguments: argparse.Namespace) -> None:
    name = "audit_quick" if arguments.quick else "audit"
    seeds = range(1 if arguments.quick else arguments.seeds)
    print(_harness.environment())
    chosen = cells(arguments.datasets, seeds, quick=arguments.quick)
    path = _harness.RESULTS / f"{name}_rounds.csv"
    if arguments.quick:
        path.unlink(missing_ok=True)
    runs = recorded(path, chosen, lambda cell: [count(cell)])
    summary = runs.groupby(["split", "kind"], sort=False).apply(figures)
    print("\nShare with a number; of those within 1.5, covered, nearer than cleanlab's")
    print(summary.round(2).to_string())
    _harness.save(name, summary=summary.round(3).reset_index())
    title = "Wrong labels: estimate divided by the truth, where one is given"
    _harness.save_plot(name, lambda ax: draw(runs, ax), title)


def count(cell: Cell) -> dict[str, Any]:
    """Counts of one cell."""
    data, given, seed = cell.data, cell.given, cell.seed
    audit = audit_labels(data.learner(), data.X, given, random_state=seed)
    low, high = audit.n_wrong_interval or (np.nan, np.nan)
    estimate = np.nan if audit.n_wrong is None else audit.n_wrong
    return (
        {"estimate": estimate, "low": low, "high": high}
        | of_cleanlab(cell)
        | of_control_rows(audit, cell)
    )


def of_cleanlab(cell: Cell) -> dict[str, float]:
    """Numbers by confident learning."""
    from cleanlab.count import num_label_issues

    present, codes = np.unique(cell.given, return_inverse=True)
    proba = converged(cell.data, cell.given, cell.seed)[:, present]
    methods = ("off_diagonal", "off_diagonal_calibrated")
    return {
        f"cleanlab_{method}": num_label_issues(
            codes, proba, estimation_method=method, multi_label=False
        )
        for method in methods
    }


def of_control_rows(audit: LabelAudit, cell: Cell) -> dict[str, float]:
    """How often the interval of control rows covers the truth, and its width."""
    truth, found = cell.is_wrong.sum(), []
    for seed in range(N_REVIEWS):
        drawn = replace(audit, seed=seed)
        review = drawn.review(n=100, n_random=N_CONTROL)
        wrong = cell.is_wrong[review["position"]]
        decided = review.assign(decision=np.where(wrong, "drop", "keep"))
        found.append(drawn.update(decided).measured_interval or (np.nan, np.nan))
    low, high = np.array(found).T
    return {
        "control_covered": ((low <= truth) & (truth <= high)).mean(),
        "control_width": (high - low).mean() / len(cell.given),
    }


def figures(runs: pd.DataFrame) -> pd.Series:
    """Figures of one kind of errors."""
    given = runs[runs["estimate"].notna()]
    truth = given["wrong"]

    def off(values: Any) -> Any:
        return np.abs(np.log(np.maximum(values, 0.5) / np.maximum(truth, 0.5)))

    ours = off(given["estimate"])
    rivals = [off(given[name]) for name in runs if name.startswith("cleanlab")]
    covered = (given["low"] <= truth) & (truth <= given["high"])
    return pd.Series(
        {
            "runs": len(runs),
            "given": len(given) / len(runs),
            "within": (ours <= np.log(FACTOR)).mean(),
            "covered": covered.mean(),
            "nearer_than_each": min((ours < rival).mean() for rival in rivals),
            "high_by_low": (given["high"] / given["low"]).median(),
            "control_covered": runs["control_covered"].mean(),
            "control_width": runs["control_width"].mean(),
        }
    )


def draw(runs: pd.DataFrame, ax: Any) -> None:
    import seaborn as sns

    given = runs[runs["estimate"].notna() & (runs["wrong"] > 0)]
    at_random = given["kind"].isin(AT_RANDOM)
    sns.stripplot(
        data=given.assign(
            ratio=given["estimate"] / given["wrong"],
            errors=np.where(at_random, "at random", "by a rule, in part or all"),
        ),
        x="kind",
        y="ratio",
        hue="errors",
        palette="colorblind",
        ax=ax,
    )
    ax.axhspan(1 / FACTOR, FACTOR, color="0.92", zorder=0)
    ax.axhline(1, color="0.5", lw=0.8)
    ax.set(xlabel="errors", ylabel="estimate : truth", yscale="log")
