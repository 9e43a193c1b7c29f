"""Wrong labels counted by audit_labels: estimate and interval against the truth.

On sets taken as clean, 5 to 20 percent of the labels are flipped in three ways, and
the estimate is divided by their number. Then the most suspicious labels are read, a
share of the rows at a time, and what ``update`` says of the others is compared with
the truth. On comments of GoEmotions, which have wrong labels of their own, the rise of
the estimate over that of the labels as they are is divided by the number planted.
"""

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.datasets import load_wine, make_classification
from sklearn.preprocessing import scale

from benchmarks import _harness
from benchmarks._label_sets import (
    LabelSet,
    cancer,
    digits,
    emotions,
    gratitude,
    reference_proba,
)
from benchmarks._noise import KINDS, flip_labels
from sklearn_datamaps import LabelAudit, audit_labels

SHARES = (0.05, 0.1, 0.2)
SHARES_READ = (0.03, 0.06, 0.12, 0.25)
FACTOR = 1.5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seeds", type=int, default=3, help="default: 3")


def wine() -> LabelSet:
    """Wine of scikit-learn, scaled: 178 rows, three classes."""
    X, y = load_wine(return_X_y=True)
    X = scale(X)
    return LabelSet(X, y, reference_proba(X, y))


def synthetic() -> LabelSet:
    """Four separate classes of one cluster each: 5,000 rows, 20 columns."""
    X, y = make_classification(
        5000,
        20,
        n_informative=12,
        n_redundant=0,
        n_classes=4,
        n_clusters_per_class=1,
        class_sep=1.8,
        flip_y=0,
        random_state=0,
    )
    X = scale(X)
    return LabelSet(X, y, reference_proba(X, y))


CLEAN: dict[str, Callable[[], LabelSet]] = {
    "digits": digits,
    "cancer": cancer,
    "wine": wine,
    "synthetic": synthetic,
}
NOISY: dict[str, Callable[[], LabelSet]] = {
    "gratitude": gratitude,
    "emotions": emotions,
}


def run(arguments: argparse.Namespace) -> None:
    name = "audit_quick" if arguments.quick else "audit"
    seeds = range(1 if arguments.quick else arguments.seeds)
    print(_harness.environment())
    counts, readings = count_clean(
        seeds, CLEAN if not arguments.quick else {"wine": wine}
    )
    cells = counts.groupby(["dataset", "kind", "share"], sort=False)
    summary = cells.agg(ratio=("ratio", "mean"), covered=("covered", "mean"))
    within = summary["ratio"].between(1 / FACTOR, FACTOR)
    print("\nEstimate : number of wrong labels, and how often the interval covers it")
    print(summary.round(2).to_string())
    print(f"Within a factor of {FACTOR}: {within.sum()} of {len(within)} cells")
    print(f"Covered: {counts['covered'].sum()} of {len(counts)} runs")
    read = readings.groupby("read")[["left_covered", "next_covered"]].mean()
    print("\nIntervals of 90 % after reading a share of the rows")
    print(read.round(2).to_string())
    tables = {"summary": summary.reset_index(), "reading": read.reset_index()}
    if not arguments.quick:
        tables["rise"] = rise()
        print("\nRise of the estimate : number planted, 10 % of the labels")
        print(tables["rise"].round(2).to_string(index=False))
    _harness.save(name, **tables)
    title = "Wrong labels: estimate divided by the truth"
    _harness.save_plot(name, lambda ax: draw(counts, ax), title)


def audited(data: LabelSet, given: Any, seed: int) -> LabelAudit:
    return audit_labels(data.learner(), data.X, given, random_state=seed)


def count_clean(
    seeds: range, sets: dict[str, Callable[[], LabelSet]]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Estimates of every run, and what decisions said of the labels not read."""
    counts: list[dict[str, Any]] = []
    readings: list[dict[str, Any]] = []
    for name, load in sets.items():
        data = load()
        for seed in seeds:
            for kind in KINDS:
                for share in SHARES:
                    cell = {"dataset": name, "kind": kind, "share": share}
                    given, wrong = flip_labels(
                        data.y, kind, share, seed, data.reference
                    )
                    audit = audited(data, given, seed)
                    low, high = audit.n_wrong_interval
                    counts.append(
                        cell
                        | {
                            "ratio": audit.n_wrong / wrong.sum(),
                            "covered": low <= wrong.sum() <= high,
                        }
                    )
                    readings += [cell | row for row in read_on(audit, wrong)]
        print(f"{name}: done", flush=True)
    return pd.DataFrame(counts), pd.DataFrame(readings)


def read_on(audit: LabelAudit, wrong: Any) -> list[dict[str, Any]]:
    """Read the most suspicious labels, by somebody who knows."""
    whole = audit.review(n=None)
    is_wrong = wrong[whole["position"]]
    rows = []
    for share in SHARES_READ:
        n_read = round(share * len(whole))
        review = whole.iloc[:n_read].assign(
            decision=np.where(is_wrong[:n_read], "drop", "keep")
        )
        progress = audit.update(review)
        left, upcoming = is_wrong[n_read:], is_wrong[n_read : n_read + 100]
        rows.append(
            {
                "read": share,
                "left_covered": covers(progress.remaining_interval, left.sum()),
                "next_covered": covers(progress.next_interval, upcoming.sum()),
            }
        )
    return rows


def covers(interval: tuple[float, float], truth: float) -> bool:
    return bool(interval[0] <= truth <= interval[1])


def rise() -> pd.DataFrame:
    """Estimates with planted errors less those without, of labels that have some."""
    rows = []
    for name, load in NOISY.items():
        data = load().sample(0)
        before = audited(data, data.y, 0).n_wrong
        for kind in KINDS:
            given, wrong = flip_labels(data.y, kind, 0.1, 0, data.reference)
            after = audited(data, given, 0).n_wrong
            rows.append(
                {
                    "dataset": name,
                    "kind": kind,
                    "before": before,
                    "after": after,
                    "rise": (after - before) / wrong.sum(),
                }
            )
    return pd.DataFrame(rows)


def draw(counts: pd.DataFrame, ax: Any) -> None:
    import seaborn as sns

    sns.stripplot(
        data=counts.assign(percent=(100 * counts["share"]).round().astype(int)),
        x="percent",
        y="ratio",
        hue="kind",
        dodge=True,
        palette="colorblind",
        ax=ax,
    )
    ax.axhspan(1 / FACTOR, FACTOR, color="0.92", zorder=0)
    ax.axhline(1, color="0.5", lw=0.8)
    ax.set(xlabel="wrong labels (%)", ylabel="estimate : truth")
