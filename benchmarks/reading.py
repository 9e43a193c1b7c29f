"""read_training_dynamics against a loop over lines, records and rows.

The loop does what the reference code does, with NumPy for torch: ``json.loads`` of
every line into lists under the row's guid, then row by row and epoch by epoch a
softmax, and ``np.mean``, ``np.std`` and a sum over the epochs. Both read the same
files, written to a temporary folder, in which every epoch has an order of its own.
Peaks are of the resident size of a fresh process, above what it was after the imports,
since Arrow's memory is not traced; Linux tells them.
"""

import argparse
import json
import multiprocessing
import re
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from benchmarks import _harness
from sklearn_datamaps import read_training_dynamics

LEAST_RATIO = 10
TOLERANCE = 1e-12


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=7, help="counted (default: 7)")
    parser.add_argument("--epochs", type=int, default=5, help="default: 5")
    parser.add_argument("--rows", type=int, default=500_000, help="default: 500000")
    parser.add_argument("--classes", type=int, default=3, help="default: 3")


def run(arguments: argparse.Namespace) -> None:
    n_rounds = 2 if arguments.quick else arguments.rounds
    shape = (arguments.epochs, arguments.rows, arguments.classes)
    if arguments.quick:
        shape = (3, 2000, 3)
    print(_harness.environment())
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        n_bytes = write(folder, shape)
        print(f"{shape[0]} epochs of {shape[1:]}, {n_bytes / 1e6:.0f} MB\n")
        ours, loops = read_training_dynamics(folder), loop(folder)
        difference = max(
            np.abs(getattr(ours, name) - loops[name]).max() for name in loops
        )
        timed = _harness.interleave(
            {
                "loop": partial(loop, folder),
                "ours": partial(read_training_dynamics, folder),
            },
            n_rounds,
        )
        peaks = measure_peaks(folder, shape[0])
    ratio = _harness.ratios_to(timed, "ours")
    summary = _harness.summarize(ratio, ["contestant"]).reset_index()
    summary["within"] = summary["median"] >= LEAST_RATIO
    print(f"Time, loop : ours; at least {LEAST_RATIO}")
    print(summary.round(3).to_string(index=False))
    print(f"\nLargest difference of a measure: {difference:.1e} (limit {TOLERANCE})")
    print("\nPeak of the resident size above that after the imports")
    print(peaks.round(1).to_string(index=False))
    _harness.save("reading", summary=summary, peaks=peaks, rounds=timed)
    _harness.save_plot("reading", partial(draw, peaks), "Peak memory of reading")


def write(folder: Path, shape: tuple[int, int, int]) -> int:
    """Write the files as the reference code does; return their size in bytes."""
    n_epochs, n_samples, n_classes = shape
    rng = np.random.default_rng(0)
    guids = 10**12 + rng.permutation(n_samples)
    gold = rng.integers(n_classes, size=n_samples)
    for epoch in range(n_epochs):
        logits = rng.standard_normal((n_samples, n_classes))
        logits[np.arange(n_samples), gold] += epoch
        order = rng.permutation(n_samples)
        table = pd.DataFrame({"guid": guids[order]})
        table[f"logits_epoch_{epoch}"] = [*logits[order]]
        table["gold"] = gold[order]
        path = folder / f"dynamics_epoch_{epoch}.jsonl"
        table.to_json(path, orient="records", lines=True)
    return sum(path.stat().st_size for path in folder.iterdir())


def loop(folder: Path, n_epochs: int | None = None) -> dict[str, np.ndarray]:
    """Read line by line and compute row by row."""
    records: dict[int, dict] = {}
    n_files = len([*folder.iterdir()]) if n_epochs is None else n_epochs
    for epoch in range(n_files):
        with (folder / f"dynamics_epoch_{epoch}.jsonl").open() as lines:
            for line in lines:
                record = json.loads(line)
                guid = record["guid"]
                if guid not in records:
                    records[guid] = {"gold": record["gold"], "logits": []}
                records[guid]["logits"].append(record[f"logits_epoch_{epoch}"])
    confidence, variability, correctness = [], [], []
    for record in records.values():
        own, right = [], []
        for logits in record["logits"]:
            values = np.array(logits)
            odds = np.exp(values - values.max())
            own.append(float((odds / odds.sum())[record["gold"]]))
            right.append(int(np.argmax(values)) == record["gold"])
        confidence.append(np.mean(own))
        variability.append(np.std(own))
        correctness.append(sum(right) / len(right))
    return {
        "confidence": np.array(confidence),
        "variability": np.array(variability),
        "correctness": np.array(correctness),
    }


def measure_peaks(folder: Path, n_epochs: int) -> pd.DataFrame:
    """Peaks in fresh processes, at the first two epochs and at all."""
    spawn = multiprocessing.get_context("spawn")
    measured = []
    with ProcessPoolExecutor(1, mp_context=spawn, max_tasks_per_child=1) as pool:
        for name in ("ours", "loop"):
            for epochs in (2, n_epochs):
                peak = pool.submit(resident_peak, name, folder, epochs).result()
                measured.append((name, epochs, peak / 1e6))
    return pd.DataFrame(measured, columns=["contestant", "epochs", "peak_MB"])


def resident_peak(name: str, folder: Path, n_epochs: int) -> int:
    """Bytes by which the largest resident size grows; in a process of its own."""
    with TemporaryDirectory() as small:  # loads what is imported at the point of use
        write(Path(small), (1, 10, 2))
        read_training_dynamics(small)
    before = _largest_resident()
    if name == "ours":
        read_training_dynamics(folder, burn_out=n_epochs)
    else:
        loop(folder, n_epochs)
    return _largest_resident() - before


def _largest_resident() -> int:
    # Not ru_maxrss, which a process inherits from the one that started it.
    status = Path("/proc/self/status").read_text()
    return 1024 * int(re.search(r"VmHWM:\s*(\d+) kB", status)[1])


def draw(peaks: pd.DataFrame, axes) -> None:
    import seaborn as sns

    shown = peaks.assign(epochs=peaks["epochs"].astype(str))
    sns.barplot(shown, x="peak_MB", y="epochs", hue="contestant", ax=axes)
    axes.set(xlabel="MB above the size after the imports")
