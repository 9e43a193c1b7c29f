"""Three ratios of the working tree beside those of its base: for a pull request.

Fit time over a bare loop of ``partial_fit`` and ``predict_proba``; peak memory above
that of the loop, in bytes a row; vectorizing over that of scikit-learn. Made-up data,
processor time, both contestants of a ratio in turn in one process, the processes of
the two revisions in turn. It ends with status 1 where a ratio got worse by more than
its tolerance. Minutes, no network.
"""

import argparse
import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from threadpoolctl import threadpool_limits

import sklearn_datamaps
from benchmarks import _harness, _loops, golden

# How much larger a ratio may be than at the base: what two runs of the same code differ
# by on a busy machine. Memory is traced, and the same in every run.
TOLERANCES = {"fit : bare loop": 1.1, "bytes a row": 1.02, "vectorizing : theirs": 1.1}
N_TEXTS, N_WORDS, N_EPOCHS = 10_000, 20_000, 5
WORKER = "from benchmarks.ratios import print_ratios; print_ratios({})"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("base", metavar="BASE", help="git revision, such as main")
    parser.add_argument("--rounds", type=int, default=9, help="counted (default: 9)")


def run(arguments: argparse.Namespace) -> None:
    n_rounds = 1 if arguments.quick else arguments.rounds
    print(_harness.environment())
    with TemporaryDirectory() as folder:
        base = golden.check_out(arguments.base, Path(folder))
        trees = {"base": base, "here": golden.ROOT}
        runs = [
            {"tree": name, **ratios_of(tree, n_rounds)}
            for _ in range(1 if arguments.quick else 2)
            for name, tree in trees.items()
        ]
    table = pd.DataFrame(runs).groupby("tree").median().T[[*trees]]
    table["here : base"] = table["here"] / table["base"]
    table["at most"] = pd.Series(TOLERANCES)
    print(table.round(3).to_string())
    worse = table.index[table["here : base"] > table["at most"]]
    if len(worse) and not arguments.quick:
        print("Worse than at the base:", ", ".join(worse))
        raise SystemExit(1)


def ratios_of(tree: Path, n_rounds: int) -> dict[str, float]:
    """Measure with the package of one tree, in a process of its own."""
    path = os.pathsep.join([str(tree), str(golden.ROOT)])
    done = subprocess.run(
        [sys.executable, "-P", "-c", WORKER.format(n_rounds)],
        env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    package, ratios = json.loads(done.stdout)
    if not Path(package).is_relative_to(tree):
        raise SystemExit(f"Python took {package}, not what is in {tree}.")
    return ratios


def print_ratios(n_rounds: int) -> None:
    """Measure with the package on the path, and print it as JSON."""
    task = _loops.wide()
    row_sums = np.asarray(task.X.sum(axis=1)).ravel()
    task.y = (row_sums > np.median(row_sums)).astype(int)  # two classes, not 200
    with threadpool_limits(limits=1):
        values = (
            time_ratio(
                partial(_loops.ours, task, N_EPOCHS),
                partial(_loops.floor, task, N_EPOCHS),
                n_rounds,
            ),
            bytes_a_row(task),
            vectorizing(n_rounds),
        )
    ratios = dict(zip(TOLERANCES, values, strict=True))
    print(json.dumps([sklearn_datamaps.__file__, ratios]))


def time_ratio(ours, theirs, n_rounds: int) -> float:
    """Ratio of the least processor times, which other programs disturb least."""
    timed = _harness.interleave({"ours": ours, "theirs": theirs}, n_rounds)
    least = timed.groupby("contestant")["cpu"].min()
    return float(least["ours"] / least["theirs"])


def bytes_a_row(task: _loops.Task) -> float:
    """Peak of a fit above that of the bare loop."""
    ours, _ = _harness.traced_peak(partial(_loops.ours, task, N_EPOCHS))
    floor, _ = _harness.traced_peak(partial(_loops.floor, task, N_EPOCHS))
    return (ours - floor) / len(task.y)


def vectorizing(n_rounds: int) -> float:
    """Words and pairs of words of made-up comments, on the command line's way."""
    from sklearn_datamaps._io.ngrams import NgramTfidfVectorizer

    rng = np.random.default_rng(_loops.SEED)
    words = np.array([f"w{i}" for i in range(N_WORDS)])
    drawn = np.minimum(rng.zipf(1.3, size=(N_TEXTS, 13)), N_WORDS) - 1
    texts = [" ".join(row) for row in words[drawn]]

    def with_vectorizer(kind: type[TfidfVectorizer]):
        return kind(ngram_range=(1, 2)).fit_transform(texts)

    return time_ratio(
        partial(with_vectorizer, NgramTfidfVectorizer),
        partial(with_vectorizer, TfidfVectorizer),
        n_rounds,
    )
