"""From a CSV to all files of ``map``, against vectorizing and fitting alone.

Each run is a process of its own, as a user starts it, from its start to its end: the
imports count on both sides, and both train the same: all rows, and two folds. Time is
the processor time of the process.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import _harness
from sklearn_datamaps.datasets import fetch_go_emotions

BASE = "vectorize and fit"
FIT = """
import pandas as pd
from sklearn_datamaps import DataMapClassifier
from sklearn_datamaps._cli.features import text_features
from sklearn_datamaps._cli.learners import learner
cells = pd.read_csv({file!r}, dtype=str, na_filter=False)
X, _ = text_features(cells["text"].to_numpy(dtype=object))
unfitted = DataMapClassifier(learner(), cv=2, measures=("mean_proba",), random_state=0)
unfitted.fit(X, cells["label"])
"""
MAP = ("-m", "sklearn_datamaps", "map", "--text", "text", "--label", "label", "--quiet")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, default=7, help="counted (default: 7)")
    parser.add_argument(
        "--copies", type=int, nargs="+", default=[1, 5], help="of the 43,410 comments"
    )


def run(arguments: argparse.Namespace) -> None:
    n_rounds = 2 if arguments.quick else arguments.rounds
    copies = arguments.copies[:1] if arguments.quick else arguments.copies
    data = fetch_go_emotions()
    label = np.where(np.asarray(data.target) == 1, "gratitude", "other")
    print(_harness.environment())
    rounds = []
    for n_copies in copies:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "comments.csv"
            frame = pd.DataFrame({"text": data.data, "label": label})
            frame = pd.concat([frame] * n_copies)
            frame = frame[:3000] if arguments.quick else frame
            frame.to_csv(file, index=False)
            timed = measure(file, Path(folder) / "out", n_rounds)
        rounds.append(timed.assign(rows=len(frame)))
    every = pd.concat(rounds)
    base = every[every["contestant"] == BASE].set_index(["rows", "round"])
    ours = every[every["contestant"] != BASE].set_index(["rows", "round"])
    ratio = (ours[["cpu", "peak_mb"]] / base[["cpu", "peak_mb"]]).groupby("rows")
    summary = ratio["cpu"].agg(["median", "min", "max", "size"])
    summary["memory"] = ratio["peak_mb"].median()
    for name, side in ((BASE, base), ("map", ours)):
        summary[f"cpu, {name}"] = side.groupby("rows")["cpu"].median()
    print("Processor time, map : vectorize and fit")
    print(summary.round(2).to_string())
    _harness.save("command_line", summary=summary.reset_index(), rounds=every)


def measure(file: Path, out: Path, n_rounds: int) -> pd.DataFrame:
    """Both contestants in turn, after a round that is not counted."""
    contestants = {
        BASE: ("-c", FIT.format(file=str(file))),
        "map": (*MAP, "--out", str(out), str(file)),
    }
    timed = []
    for number in range(n_rounds + 1):
        for name, arguments in contestants.items():
            cost = _harness.measured(*arguments)
            if number:
                timed.append({"round": number, "contestant": name, **cost})
    return pd.DataFrame(timed)
