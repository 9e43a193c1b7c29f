"""Runs what writes files in processes that are killed; run by the tests.

A process forks children, so that each need not import everything anew.
"""

import contextlib
import io
import json
import os
import random
import resource
import shutil
import signal
import sys
import time
from datetime import datetime
from pathlib import Path

import numpy as np

from sklearn_datamaps import DataMap
from sklearn_datamaps._cli import commands
from sklearn_datamaps._cli.parser import main
from sklearn_datamaps._core import atomic
from sklearn_datamaps._training import fitted

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
RENAMES = {"os.rename", "os.mkdir", "os.remove", "os.rmdir"}
HIDDEN = {".lock"}  # may stay


def write_plot(data_map, folder):
    """Seconds of drawing would tell nothing more about files."""
    content = repr(data_map.confidence.tolist()).encode()
    atomic.commit(folder / "data_map.png", lambda file: file.write(content))


class Clock:
    """Stands still: the time of a fit is in its map, and files are compared."""

    @staticmethod
    def now(zone):
        return datetime(2026, 1, 1, tzinfo=zone)


def map_of(seed):
    proba = np.random.default_rng(seed).dirichlet([1, 1], size=(4, 300))
    return DataMap.from_probabilities(proba, np.arange(300) % 2)


def run_map(seed):
    columns = ["--text", "words", "--label", "tag", "--epochs", "2", "--quiet"]
    return main(["map", "mine.csv", *columns, "--seed", str(seed), "--out", "out"])


def run_apply(seed):
    # Another file for each seed, and its review.
    files = [f"{seed}.csv", f"review-{seed}.csv"]
    return main(["apply", *files, "--out", "out/fixed.csv", "--force"])


def run_explore(seed):
    map_of(seed).explore("out/page.html", title="map")
    return 0


def run_to_parquet(seed):
    map_of(seed).to_parquet("out/map.parquet")
    return 0


RUNS = {
    "map": run_map,
    "apply": run_apply,
    "explore": run_explore,
    "to_parquet": run_to_parquet,
}


def run(what, seed):
    """Run it silently; return its exit code and what it said."""
    said = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(said):
        return RUNS[what](seed), said.getvalue()


def shown(folder):
    return {p.name: p.read_bytes() for p in folder.glob("[!.]*") if p.is_file()}


def hidden(folder):
    return sorted(p.name for p in folder.rglob(".*") if p.name not in HIDDEN)


class Shim:
    """An open file each of whose writes is two, with a moment between them."""

    def __init__(self, file, moment):
        self._file, self._moment = file, moment

    def __getattr__(self, name):
        return getattr(self._file, name)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._file.close()

    def write(self, content):
        half = len(content) // 2
        self._file.write(content[:half])
        self._file.flush()
        self._moment()
        self._file.write(content[half:])
        return len(content)

    def writelines(self, contents):
        for content in contents:
            self.write(content)


def at_every_moment(act):
    """Call before every rename and fsync, and in the middle of every write."""
    unfinished = atomic._unfinished
    atomic._unfinished = lambda path: Shim(unfinished(path), act)
    os.fsync = lambda file: act()
    sys.addaudithook(lambda event, args: act() if event in RENAMES else None)


class Count:
    """Acts at one moment."""

    def __init__(self, at, act):
        self.count, self.at, self.act = 0, at, act

    def __call__(self):
        self.count += 1
        if self.count == self.at:
            self.act()


def child(what, prepare):
    """Fork a process that runs it, and tells what it said and counted."""
    told, telling = os.pipe()
    pid = os.fork()
    if pid:
        os.close(telling)
        return pid, told
    count, code, said = None, 99, ""
    try:
        count = prepare()
        code, said = run(what, 1)
    except KeyboardInterrupt:
        code = 130
    except OSError as error:
        code, said = 2, f"{error}: {error.filename}"
    except BaseException as error:
        said = repr(error)
    finally:
        counted = None if count is None else count.count
        os.write(telling, json.dumps({"said": said, "counted": counted}).encode())
        os._exit(code)


def end_of(started):
    """Wait for a child; its exit code and what it told."""
    pid, told = started
    with open(told, "rb") as file:
        told = json.loads(file.read() or "{}")
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), told


class Folders:
    """What is there before, and what would be there after all has been done."""

    def __init__(self, folder, what):
        self.folder, self.what = folder, what
        self.before, self.work = folder / f"{what}-before", folder / what
        (self.before / "out").mkdir(parents=True)
        os.chdir(self.before)
        rows = "".join(f"some words {i % 3},{'ab'[i % 2]}\n" for i in range(20))
        Path("mine.csv").write_text(f"words,tag\n{rows}", encoding="utf-8")
        if what == "apply":
            run("map", 0)
            for seed in (0, 1):
                lines = f"words,tag\n{rows}".splitlines(keepends=True)
                mine = lines if seed == 0 else lines[:-2]
                Path(f"{seed}.csv").write_text("".join(mine), encoding="utf-8")
                shutil.copy("out/review.csv", f"review-{seed}.csv")
            shutil.rmtree("out")
            Path("out").mkdir()
        run(what, 0)
        self.old = shown(self.before / "out")
        self.begin()
        code, said = run(what, 1)
        assert code == 0, said
        self.new = shown(self.work / "out")
        assert self.old.keys() == self.new.keys()
        assert self.old != self.new

    def begin(self):
        os.chdir(self.folder)
        shutil.rmtree(self.work, ignore_errors=True)
        shutil.copytree(self.before, self.work)
        os.chdir(self.work)

    def report(self, ended, **more):
        """Say what is there; "half" is what the next command makes whole."""
        out = self.work / "out"
        left = hidden(out)
        half = atomic.is_half_placed(out)
        if half:
            words = ["apply", "mine.csv", str(out / "review.csv"), "--out", "fixed.csv"]
            with contextlib.redirect_stdout(io.StringIO()):
                assert main(words) == 0
        now = shown(out)
        states = {"old": self.old, "new": self.new}
        state = next((name for name, s in states.items() if s == now), "mixed")
        about = {"what": self.what, "code": ended[0], "state": state, "half": half}
        return about | {"left": left, "said": ended[1].get("said", "")} | more

    def count(self):
        """Count the moments of a run that nobody kills."""

        def prepare():
            count = Count(0, None)
            at_every_moment(count)
            return count

        self.begin()
        return end_of(child(self.what, prepare))[1]["counted"]


def at_moments(folders, first, step, shift):
    """Kill at every moment, by one signal after the other."""
    for number, at in enumerate(range(first, folders.count() + 1, step)):
        how = SIGNALS[(number + shift) % len(SIGNALS)]
        kill = Count(at, lambda how=how: os.kill(os.getpid(), how))
        folders.begin()
        ended = end_of(child(folders.what, lambda kill=kill: at_every_moment(kill)))
        yield folders.report(ended, how=how.name, at=at)


def decided_at_moments(folders, first, step):
    """Have somebody decide at every moment until the files take their places."""
    if folders.what != "map":
        return
    review = Path("out/review.csv")

    def decide():
        # As another program does it, which is not counted.
        text = review.read_text("utf-8-sig").replace('"",""', '"drop",""', 1)
        assert "drop" in text
        review.write_text(text, "utf-8")

    # Placing: the folder, then each file, then the folder is synced and removed.
    for at in range(first, folders.count() - len(folders.new) - 3, step):
        decided = Count(at, decide)
        folders.begin()
        ended = end_of(child("map", lambda decided=decided: at_every_moment(decided)))
        kept = "drop" in review.read_text("utf-8")
        others = shown(folders.work / "out").items() >= {
            (k, v) for k, v in folders.old.items() if k != "review.csv"
        }
        yield folders.report(ended, at=at, kept=kept, others=others)


def at_random(folders, n, seed):
    """Kill at random moments of as long as it takes."""
    rng = random.Random(seed)
    folders.begin()
    began = time.perf_counter()
    end_of(child(folders.what, lambda: None))
    takes = time.perf_counter() - began
    for number in range(n):
        how = SIGNALS[number % len(SIGNALS)]
        folders.begin()
        started = child(folders.what, lambda: None)
        time.sleep(rng.uniform(0, takes))
        os.kill(started[0], how)
        yield folders.report(end_of(started), how=how.name)


def on_full_disks(folders, n):
    """Run with a limit to the size of files, from nothing to nearly enough."""
    largest = max(map(len, folders.new.values()))
    for number in range(n):
        limit = largest * number // n
        limits = (resource.RLIMIT_FSIZE, (limit, limit))
        folders.begin()
        ended = end_of(
            child(folders.what, lambda limits=limits: resource.setrlimit(*limits))
        )
        yield folders.report(ended, limit=limit)


MODES = {
    "moments": at_moments,
    "decided": decided_at_moments,
    "random": at_random,
    "full": on_full_disks,
}


def main_of(folder, *modes):
    """Run modes, each with its numbers: moments:1:5, say."""
    commands.write_plot = write_plot
    fitted.datetime = Clock
    reports = {mode: [] for mode in modes}
    for what in RUNS:
        folders = Folders(Path(folder).absolute(), what)
        for mode in modes:
            name, *numbers = mode.split(":")
            reports[mode] += MODES[name](folders, *map(int, numbers))
    (Path(folder) / "reports.json").write_text(json.dumps(reports))
