"""Reading the reference code's logits: ours against a loop over lines.

Five epochs of 500,000 rows and 3 logits. *loop* is what the files invite one to write:
``json.loads`` a line, NumPy calls a row; it is timed on a share of the rows and scaled,
since its time is one of the number of lines.
"""

import argparse
import json
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import _harness
from sklearn_datamaps import read_training_dynamics

SHARE = 20  # the loop reads one row in so many


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rows", type=int, default=500_000, help="default: 500,000")
    parser.add_argument("--rounds", type=int, default=3, help="counted (default: 3)")


def write(folder: Path, n_samples: int, n_epochs: int = 5) -> None:
    rng = np.random.default_rng(0)
    gold = rng.integers(3, size=n_samples).tolist()
    for epoch in range(n_epochs):
        logits = rng.normal(0, 3, (n_samples, 3)).round(6).tolist()
        with (folder / f"dynamics_epoch_{epoch}.jsonl").open("w") as file:
            file.writelines(
                f'{{"guid": "row{i}", "logits_epoch_{epoch}": {values}, '
                f'"gold": {label}}}\n'
                for i, (values, label) in enumerate(zip(logits, gold, strict=True))
            )


def loop(folder: Path) -> dict[str, tuple[float, float, int]]:
    """Confidence, variability and correctness, a line and a row at a time."""
    own: dict[str, list[float]] = {}
    right: dict[str, int] = {}
    for path in sorted(folder.glob("*.jsonl")):
        key = "logits_epoch_" + path.stem.rpartition("_")[2]
        for line in path.open():
            record = json.loads(line)
            logits = np.array(record[key])
            odds = np.exp(logits - logits.max())
            guid, gold = record["guid"], record["gold"]
            own.setdefault(guid, []).append(float((odds / odds.sum())[gold]))
            right[guid] = right.get(guid, 0) + int(logits.argmax() == gold)
    return {g: (np.mean(p), np.std(p), right[g]) for g, p in own.items()}


def run(arguments: argparse.Namespace) -> None:
    n_samples, n_rounds = arguments.rows, arguments.rounds
    if arguments.quick:
        n_samples, n_rounds = 2_000, 2
    print(_harness.environment())
    with tempfile.TemporaryDirectory() as made:
        whole, part = Path(made) / "whole", Path(made) / "part"
        for folder, size in ((whole, n_samples), (part, n_samples // SHARE)):
            folder.mkdir()
            write(folder, size)
        check_same(part)
        contestants = {"ours": partial(read, whole), "loop": partial(loop, part)}
        timed = _harness.interleave(contestants, n_rounds)
        peak, _ = _harness.traced_peak(partial(read, whole))
        size = (whole / "dynamics_epoch_0.jsonl").stat().st_size
    timed.loc[timed["contestant"] == "loop", ["wall", "cpu"]] *= SHARE
    ratio = _harness.ratios_to(timed, "ours")
    summary = _harness.summarize(ratio, ["contestant"]).reset_index()
    print(f"\nTime of the loop : ours, 5 epochs of {n_samples:,} rows")
    print(summary.round(1).to_string(index=False))
    print(
        f"Traced peak of ours: {peak / 1e6:.0f} MB ({peak / n_samples:.0f} bytes a "
        f"row); one file has {size / 1e6:.0f} MB"
    )
    _harness.save("reading", summary=summary, rounds=timed)
    _harness.save_plot("reading", partial(draw, ratio), "Reading logits: the loop")


def read(folder: Path):
    return read_training_dynamics(folder)


def check_same(folder: Path) -> None:
    """Raise unless both give the same map."""
    data_map = read(folder)
    by_hand = pd.DataFrame(loop(folder), index=["c", "v", "right"]).T
    by_hand = by_hand.loc[data_map.index]
    np.testing.assert_allclose(data_map.confidence, by_hand["c"], atol=1e-12)
    np.testing.assert_allclose(data_map.variability, by_hand["v"], atol=1e-12)
    np.testing.assert_allclose(data_map.correctness, by_hand["right"] / 5)


def draw(ratio: pd.DataFrame, axes) -> None:
    import seaborn as sns

    sns.stripplot(ratio, x="wall", y="contestant", ax=axes)
    axes.axvline(10, color="0.5", linewidth=1, linestyle="--")
    axes.set(xlabel="time : ours, one point per round", ylabel="", xlim=(0, None))
