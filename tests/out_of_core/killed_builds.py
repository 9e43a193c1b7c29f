"""Builds a matrix in processes that are killed; run by the tests.

A process forks children, so that each need not import everything anew.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

from sklearn.feature_extraction.text import HashingVectorizer

from sklearn_datamaps.out_of_core import vectorize_to_disk

# Environment variables, so that they do not count as another vectorizer: the file
# that transform writes to, and one that says before which row it waits.
LOG, GATE = "TRANSFORM_LOG", "TRANSFORM_GATE"
SHARD_SIZE = 10
N_ROWS = 45
# What a process asks the system to do to files, as Python tells it.
EVENTS = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate"}


class LoggingVectorizer(HashingVectorizer):
    """Notes the first row of each call; waits until it may go on, if so wished."""

    def __init__(self):
        super().__init__(n_features=2**8)

    def transform(self, X):
        if X != [""]:
            row = X[0].split()[1]
            if LOG in os.environ:
                with open(os.environ[LOG], "a") as log:
                    log.write(f"{row}\n")
            if GATE in os.environ:
                gate = Path(os.environ[GATE])
                while int(row) >= int(gate.read_text() or 0):  # empty in between
                    time.sleep(0.001)
        return super().transform(X)


def batches(n_rows=N_ROWS):
    """Pairs of texts and labels, whose texts tell the number of the row."""
    rows = [(f"row {row} of the text", f"label {row % 3}") for row in range(n_rows)]
    for start in range(0, n_rows, 7):
        yield tuple(zip(*rows[start : start + 7], strict=True))


def build(path, n_rows=N_ROWS, **params):
    """Build the matrix, or go on with it."""
    vectorizer = LoggingVectorizer()
    params = {"shard_size": SHARD_SIZE, "verbose": 0} | params
    return vectorize_to_disk(list(batches(n_rows)), vectorizer, path, **params)


def finished_shards(path):
    """First rows of the shards that are finished."""
    return sorted(int(f.stem) * SHARD_SIZE for f in path.glob("building-*/*.npz"))


def child(path, log, die_at=None):
    """Fork a process that builds, and kills itself at its nth event with files."""
    pid = os.fork()
    if pid:
        return pid
    try:
        os.environ[LOG] = str(log)
        count = 0

        def hook(event, args):
            nonlocal count
            if event in EVENTS:
                count += 1
                if count == die_at:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        build(path)
    finally:
        os._exit(0)


def killed(pid):
    return os.waitpid(pid, 0)[1] == signal.SIGKILL


def at_events(folder, first, step):
    """Kill at every event; report what was finished, then computed, for each."""
    reports = []
    die_at = first
    while True:
        path, log = folder / f"event-{die_at}", folder / f"event-{die_at}.log"
        if not killed(child(path, log, die_at)):
            return reports
        before = len(log.read_text().split()) if log.exists() else 0
        finished = finished_shards(path)
        killed(child(path, log))
        after = log.read_text().split()[before:] if log.exists() else []
        reports.append({"path": path.name, "finished": finished, "after": after})
        die_at += step


def at_moments(folder, n_moments, seed):
    """Kill builds at random moments of each shard, and of what comes after the last."""
    rng = random.Random(seed)
    reports = []
    build(folder / "whole")  # what children need is imported now
    gate = folder / "gate"
    n_shards = -(-N_ROWS // SHARD_SIZE)
    for number in range(n_moments):
        path, log = folder / f"moment-{number}", folder / f"moment-{number}.log"
        n_begun = number % (n_shards + 1)  # or one more, which is not finished
        gate.write_text(f"{n_begun * SHARD_SIZE}")
        os.environ[GATE] = str(gate)
        pid = child(path, log)
        del os.environ[GATE]
        ended = False
        while n_begun and (not log.exists() or log.read_text().count("\n") < n_begun):
            assert not ended, "the build ended by itself"
            # What it has noted is looked at once more: the last ones may have ended.
            ended = os.waitpid(pid, os.WNOHANG) != (0, 0)
            time.sleep(0.001)
        if not ended:
            time.sleep(rng.uniform(0, 0.01))
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        before = len(log.read_text().split()) if log.exists() else 0
        finished = finished_shards(path)
        killed(child(path, log))
        after = log.read_text().split()[before:] if log.exists() else []
        reports.append({"path": path.name, "finished": finished, "after": after})
    return reports


def main(mode, folder, *numbers):
    os.fsync = lambda file: None  # slow, and of no use against kills
    run = {"events": at_events, "moments": at_moments}[mode]
    reports = run(Path(folder), *map(int, numbers))
    (Path(folder) / "reports.json").write_text(json.dumps(reports))
