"""Wrong labels found: data maps, cleanlab, doubtlab, on six sets and three kinds.

An exact number of labels is flipped, and every method ranks the rows. The comments of
GoEmotions have wrong labels of their own; those count as right here, for all methods,
so nobody reaches an average precision of 1 on them. A run that was stopped goes on
where it was; delete ``results/detection_rounds.csv`` to begin anew.
"""

import argparse
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats
from sklearn.metrics import average_precision_score, roc_auc_score

from benchmarks import _harness
from benchmarks._label_sets import LABEL_SETS, LabelSet
from benchmarks._noise import KINDS, flip_labels

Array = NDArray[Any]
SHARES = (0.02, 0.05, 0.1, 0.2, 0.4)
CELL = ["dataset", "kind", "share"]
METHOD = ["recorder", "score"]
FIGURES = ["auroc", "ap", "precision_at_k", "found_of_100"]
TOLERANCE = 0.01
NEAR_BEST = 0.02
# Lines of the second plot: what is recommended, what it is made of, and the others.
PARTS = {
    "maps": "all that is compared with cleanlab",
    "audit": "the choice of audit_labels, and all that it chose from",
    "recommended": "what the README recommends and cleanlab, a third of the time",
}
CURVES = {
    "in-sample, plausibility": ("#E69F00", "--"),
    "2 folds, plausibility": ("#56B4E9", "--"),
    "5 x 2 folds, plausibility": ("#56B4E9", "-"),
    "5 x 2 folds, label_trust": ("#0072B2", "-"),
    "cleanlab, self_confidence": ("#D55E00", "-"),
    "cleanlab, normalized_margin": ("#CC79A7", "-"),
    "doubtlab, reasons": ("#999999", ":"),
    "random, random": ("#000000", ":"),
}
QUICK_ROWS = 600


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seeds", type=int, default=10, help="default: 10")
    parser.add_argument(
        "--datasets", nargs="+", choices=LABEL_SETS, default=list(LABEL_SETS)
    )
    parser.add_argument(
        "--parts",
        nargs="+",
        choices=PARTS,
        default=["maps", "audit"],
        help="; ".join(f"{name}: {what}" for name, what in PARTS.items())
        + "; default: maps audit",
    )


def run(arguments: argparse.Namespace) -> None:
    name = "detection_quick" if arguments.quick else "detection"
    seeds = range(1 if arguments.quick else arguments.seeds)
    shares = (0.1,) if arguments.quick else SHARES
    at_most = QUICK_ROWS if arguments.quick else None
    path = _harness.RESULTS / f"{name}_rounds.csv"
    if arguments.quick:
        path.unlink(missing_ok=True)
    print(_harness.environment())
    sets = {name: LABEL_SETS[name]() for name in arguments.datasets}
    record_cells(path, sets, seeds, shares, at_most, arguments.parts)
    rounds = pd.read_csv(path)
    rounds = rounds[rounds["dataset"].isin(sets) & rounds["seed"].isin(seeds)]
    of_part = {part: rounds[rounds["part"] == part] for part in arguments.parts}
    if "recommended" in of_part:
        compare_recommended(f"{name}_recommended", of_part["recommended"])
    if "audit" in of_part:
        judge_choice(f"{name}_choice", of_part["audit"])
    if "maps" in of_part:
        compare_all(name, of_part["maps"], sets, at_most, quick=arguments.quick)


def compare_recommended(name: str, rounds: pd.DataFrame) -> None:
    """Print and save what is recommended against cleanlab."""
    pairs = against_cleanlab(rounds)
    counted = count(pairs, METHOD)
    n_seeds = rounds["seed"].nunique()
    print(f"\nCells against cleanlab's better score, {n_seeds} seed(s)")
    print(counted.round(3).to_string())
    _harness.save(
        name,
        pairs=pairs.round(4),
        counts=counted.round(4).reset_index(),
        counts_by_kind=count(pairs, [*METHOD, "kind"]).round(4).reset_index(),
    )


def judge_choice(name: str, rounds: pd.DataFrame) -> None:
    """Print and save how far the audit's choice is from its best candidate."""
    is_choice = rounds["recorder"] == "audit"
    keys = [*CELL, "seed"]
    chosen = rounds[is_choice].set_index(keys)["ap"]
    best = rounds[~is_choice].groupby(keys, sort=False)["ap"].max()
    table = pd.DataFrame({"choice": chosen, "best": best}).groupby(CELL, sort=False)
    cells = table.mean()
    cells["lost"] = cells["best"] - cells["choice"]
    cells["within"] = cells["lost"] <= NEAR_BEST
    by_set = cells.groupby(level="dataset", sort=False).agg(
        cells=("within", "size"), within=("within", "sum"), lost=("lost", "mean")
    )
    print(f"\nAudit's choice within {NEAR_BEST} of its best candidate")
    print(by_set.round(3).to_string())
    print(f"{cells['within'].sum()} of {len(cells)}, mean {cells['lost'].mean():.3f}")
    _harness.save(name, summary=cells.round(4).reset_index())


def compare_all(
    name: str,
    rounds: pd.DataFrame,
    sets: dict[str, LabelSet],
    at_most: int | None,
    *,
    quick: bool,
) -> None:
    """Print, draw and save all methods against cleanlab, and what they cost."""
    summary = rounds.groupby([*CELL, *METHOD], sort=False)[FIGURES].mean()
    pairs = against_cleanlab(rounds)
    counted, by_kind = count(pairs, METHOD), count(pairs, [*METHOD, "kind"])
    cost = measure_cost(sets, at_most, 1 if quick else 5)
    by_set = pairs.pivot_table("ap", METHOD, "dataset", sort=False)
    n_seeds = rounds["seed"].nunique()
    print(f"\nMean average precision over kinds and shares, {n_seeds} seed(s)")
    print(by_set.round(3).to_string())
    print(f"\nCells against cleanlab's better score, of {counted['cells'].max()}")
    print(counted.round(3).to_string())
    print("\nCost: time and rows trained on, as a ratio to one plain fit")
    print(cost.round(1).to_string(index=False))
    _harness.save(
        name,
        summary=summary.round(4).reset_index(),
        pairs=pairs.round(4),
        counts=counted.round(4).reset_index(),
        counts_by_kind=by_kind.round(4).reset_index(),
        cost=cost.round(2),
    )
    title = "Average precision less that of cleanlab's better score"
    _harness.save_plot(name, partial(draw, pairs), title, figsize=(11, 9))
    _harness.save_plot(
        f"{name}_curves",
        partial(draw_curves, pairs),
        "Average precision by the share of labels that are wrong",
        figsize=(13, 7),
        nrows=len(KINDS),
        ncols=len(sets),
        sharex=True,
        sharey=True,
        squeeze=False,
    )


def record_cells(
    path: Path,
    sets: dict[str, LabelSet],
    seeds: range,
    shares: tuple[float, ...],
    at_most: int | None,
    parts: list[str],
) -> None:
    """Append the figures of the cells that are not in the file yet."""
    from benchmarks._detectors import PARTS as DETECTORS

    done = set()
    if path.exists():
        keys = ["dataset", "kind", "share", "seed", "part"]
        done = set(pd.read_csv(path)[keys].itertuples(index=False, name=None))
    path.parent.mkdir(exist_ok=True)
    for seed in seeds:
        for name, whole in sets.items():
            data = whole.sample(seed, at_most)
            for kind in KINDS:
                for share in shares:
                    given, is_wrong = flip_labels(
                        data.y, kind, share, seed, data.reference
                    )
                    for part in parts:
                        cell = (name, kind, share, seed, part)
                        if cell in done:
                            continue
                        rows = [
                            (*cell, recorder, score, *judge(values, is_wrong, seed))
                            for recorder, score, values in DETECTORS[part](
                                data, given, seed
                            )
                        ]
                        columns = [*CELL, "seed", "part", *METHOD, *FIGURES]
                        table = pd.DataFrame(rows, columns=columns).round(5)
                        # One write a cell: what is there is complete.
                        table.to_csv(
                            path, mode="a", index=False, header=not path.exists()
                        )
            print(f"seed {seed}, {name}: done", flush=True)


def judge(values: Array, is_wrong: Array, seed: int) -> Iterator[float]:
    """Figures of one ranking; among equal values chance decides who is read first."""
    yield roc_auc_score(is_wrong, -values)
    yield average_precision_score(is_wrong, -values)
    chance = np.random.default_rng((seed, 3)).random(len(values))
    found = is_wrong[np.lexsort((chance, values))]
    yield found[: is_wrong.sum()].mean()
    yield 100 * found[:100].mean()


def against_cleanlab(rounds: pd.DataFrame) -> pd.DataFrame:
    """Difference in AP to cleanlab's better score, paired by seed.

    Better is the score whose mean over the seeds is higher, cell by cell: a choice in
    hindsight, which its user cannot make.

    Parameters
    ----------
    rounds : DataFrame
        One row for each cell, seed and method.

    Returns
    -------
    DataFrame
        One row for each cell and method: mean ``ap``, mean ``difference``, and half of
        its 95 % t interval.
    """
    ap = rounds.pivot_table(index=[*CELL, "seed"], columns=METHOD, values="ap")
    rivals = ap["cleanlab"]
    better = rivals.groupby(level=CELL).transform("mean").idxmax(axis=1)
    best = rivals.to_numpy()[np.arange(len(ap)), rivals.columns.get_indexer(better)]
    grouped = ap.sub(best, axis=0).groupby(level=CELL)
    n_seeds = grouped.count()
    half = grouped.sem() * stats.t.ppf(0.975, (n_seeds - 1).where(n_seeds > 1))
    tables = {
        "ap": ap.groupby(level=CELL).mean(),
        "difference": grouped.mean(),
        "half_width": half,
    }
    long = [
        table.melt(ignore_index=False, value_name=key).set_index(METHOD, append=True)
        for key, table in tables.items()
    ]
    pairs = pd.concat(long, axis=1).reset_index()
    return in_order(pairs, rounds)


def in_order(table: pd.DataFrame, rounds: pd.DataFrame) -> pd.DataFrame:
    """Sort as the rounds were run, not by the alphabet."""
    keys = [*CELL[:2], *METHOD]
    for key in keys:
        table[key] = pd.Categorical(table[key], rounds[key].unique())
    table = table.sort_values([*METHOD, *CELL], ignore_index=True)
    return table.astype(dict.fromkeys(keys, str))


def count(pairs: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Cells that a method wins and loses against cleanlab's better score.

    Parameters
    ----------
    pairs : DataFrame
        From :func:`against_cleanlab`.
    by : list of str
        One row for each value of these columns.

    Returns
    -------
    DataFrame
        ``wins`` and ``losses``: the interval leaves out 0; ``loses_much``: all of it
        lies below -0.01; ``mean`` and ``worst`` difference.
    """
    low = pairs["difference"] - pairs["half_width"]
    high = pairs["difference"] + pairs["half_width"]
    marked = pairs.assign(
        wins=low > 0, losses=high < 0, loses_much=high < -TOLERANCE
    ).groupby(by, sort=False)
    return marked.agg(
        cells=("wins", "size"),
        wins=("wins", "sum"),
        losses=("losses", "sum"),
        loses_much=("loses_much", "sum"),
        mean=("difference", "mean"),
        worst=("difference", "min"),
    )


def measure_cost(
    sets: dict[str, LabelSet], at_most: int | None, n_rounds: int
) -> pd.DataFrame:
    """Time of the fits and rows trained on, 5 % uniform flips, seed 0."""
    from benchmarks._detectors import epochs_trained, timed

    tables = []
    for name, whole in sets.items():
        data = whole.sample(0, at_most)
        given, _ = flip_labels(data.y, "uniform", 0.05, 0, data.reference)
        timings = _harness.interleave(timed(data, given), n_rounds)
        ratio = _harness.ratios_to(timings, "plain fit")
        table = _harness.summarize(ratio, ["contestant"]).reset_index()
        epochs = epochs_trained(data, given)
        table["epochs"] = table["contestant"].map(epochs)
        table["rows_trained"] = table["epochs"] / epochs["plain fit"]
        tables.append(table.assign(dataset=name))
    return pd.concat(tables, ignore_index=True)


def draw(pairs: pd.DataFrame, axes: Any) -> None:
    """Heat map: methods by set and kind, means over the shares."""
    import seaborn as sns

    shown = pairs[pairs["recorder"] != "random"]
    method = shown["recorder"] + ", " + shown["score"]
    place = shown["dataset"] + ", " + shown["kind"]
    table = shown.assign(method=method, place=place).pivot_table(
        index="method", columns="place", values="difference", sort=False
    )
    sns.heatmap(
        table,
        cmap="PuOr",
        center=0,
        vmin=-0.3,
        vmax=0.3,
        annot=100 * table,
        fmt=".0f",
        annot_kws={"fontsize": 7},
        cbar_kws={"label": "difference in average precision (numbers: x 100)"},
        ax=axes,
    )
    axes.set(xlabel="", ylabel="")
    axes.tick_params(axis="x", rotation=60)
    for label in axes.get_xticklabels():
        label.set_horizontalalignment("right")


def draw_curves(pairs: pd.DataFrame, axes: Any) -> None:
    """Lines over the shares, one panel for each set and kind."""
    methods = pairs["recorder"] + ", " + pairs["score"]
    for column, name in enumerate(pairs["dataset"].unique()):
        for row, kind in enumerate(KINDS):
            panel = axes[row, column]
            cells = (pairs["dataset"] == name) & (pairs["kind"] == kind)
            for method, (color, style) in CURVES.items():
                line = pairs[cells & (methods == method)]
                percent = [f"{100 * share:g}" for share in line["share"]]
                panel.plot(percent, line["ap"], style, color=color, label=method)
            panel.set_title(f"{name}, {kind}", fontsize=9)
    for panel in axes[-1]:
        panel.set_xlabel("wrong labels (%)")
    for panel in axes[:, 0]:
        panel.set_ylabel("average precision")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure = axes[0, 0].figure
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
