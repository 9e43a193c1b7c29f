"""From a CSV to all four files of ``map``, against vectorizing and fitting alone.

Each run is a process of its own, as a user starts it: nothing is loaded before. Two
clocks: the work (all that follows the import of the package) and the whole process.
"""

import argparse
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import _harness
from sklearn_datamaps.datasets import fetch_go_emotions

FIT = (
    "import pandas as pd\n"
    "from sklearn_datamaps import DataMapClassifier\n"
    "from sklearn_datamaps._cli.features import text_features\n"
    "from sklearn_datamaps._cli.learners import learner\n"
    "cells = pd.read_csv({file!r}, dtype=str, na_filter=False)\n"
    "import time; t = time.perf_counter()\n"
    "X, _ = text_features(cells['text'].to_numpy(dtype=object))\n"
    "DataMapClassifier(learner(), random_state=0).fit(X, cells['label'])\n"
    "print(time.perf_counter() - t)"
)
MAP = (
    "from sklearn_datamaps._cli.parser import main\n"
    "import time; t = time.perf_counter()\n"
    "main(['map', {file!r}, '--text', 'text', '--label', 'label', '--quiet',"
    " '--out', {folder!r}])\n"
    "print(time.perf_counter() - t)"
)


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
    tables, rounds = [], []
    for n_copies in copies:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "comments.csv"
            frame = pd.DataFrame({"text": data.data, "label": label})
            frame = pd.concat([frame] * n_copies)
            (frame[:3000] if arguments.quick else frame).to_csv(file, index=False)
            timed = measure(file, Path(folder) / "out", n_rounds)
        for clock, of_clock in timed.groupby("clock", sort=False):
            ratio = _harness.ratios_to(of_clock, "vectorize and fit")
            table = _harness.summarize(ratio, ["contestant"])
            # The processor time is that of this process, which only waits.
            table = table.drop(columns="cpu_median").assign(clock=clock)
            tables.append(table.assign(rows=len(frame)))
        rounds.append(timed.assign(rows=len(frame)))
    summary = pd.concat(tables).reset_index()
    print("Time, map : vectorize and fit")
    print(summary.round(2).to_string(index=False))
    _harness.save("command_line", summary=summary, rounds=pd.concat(rounds))


def measure(file: Path, out: Path, n_rounds: int) -> pd.DataFrame:
    """Both clocks of both contestants, in turn."""
    named = {"file": str(file), "folder": str(out)}
    work: dict[str, list[float]] = {"vectorize and fit": [], "map": []}
    scripts = {"vectorize and fit": FIT.format(**named), "map": MAP.format(**named)}
    contestants = {
        name: partial(_run, script, work[name]) for name, script in scripts.items()
    }
    timed = _harness.interleave(contestants, n_rounds).assign(clock="process")
    inside = timed.assign(clock="work")
    for name, seconds in work.items():
        inside.loc[inside["contestant"] == name, "wall"] = seconds[1:]
    return pd.concat([inside, timed], ignore_index=True)


def _run(script: str, seconds: list[float]) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    seconds.append(float(ended.stdout.split()[-1]))
