"""Rows without end: from disk, on Dask, text to disk; time and memory as rows grow.

The data are rows of hashed words (2**20 features, some 35 values each) in memory maps,
written once to ``--folder``. The *block loop* is a bare loop of ``partial_fit`` and
``predict_proba`` over the same blocks in the same order, its probabilities thrown
away; it must train the same model.

- ``growth``: ours and the block loop, from disk, in a fresh process for each number of
  rows. Memory is the highest anonymous resident size of a process that fits once: all
  but the pages of the files (Linux only).
- ``ways``: from disk, in memory, on Dask with one and two workers : the block loop.
- ``loss``: Dask with two workers, one of them killed at a random moment : undisturbed.
- ``text``: text to disk with one and two processes : the vectorizer alone; and text to
  map on two Dask workers : in one process.
"""

import argparse
import multiprocessing
import os
import random
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import SGDClassifier

from benchmarks import _harness, _scale_data
from sklearn_datamaps import DataMapClassifier
from sklearn_datamaps._learners.blocks import block_order, row_block
from sklearn_datamaps._learners.seeds import derive_seed

PARTS = ("growth", "ways", "loss", "text")
SIZES = (10**5, 10**6, 4 * 10**6, 10**7)
BLOCK = 250_000
SEED = 0
FLOOR, DISK, MEMORY = "block loop", "from disk", "in memory"
ONE, TWO = "Dask, 1 worker", "Dask, 2 workers"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES)
    parser.add_argument("--rows", type=int, default=10**6, help="of ways and loss")
    parser.add_argument("--texts", type=int, default=400_000, help="rows of text")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--losses", type=int, default=5, help="workers killed")
    parser.add_argument(
        "--folder", type=Path, default=Path(tempfile.gettempdir()) / "datamaps-scale"
    )


def run(arguments: argparse.Namespace) -> None:
    if arguments.quick:
        arguments.sizes, arguments.rows, arguments.texts = (2000, 4000), 4000, 2000
        arguments.rounds, arguments.losses, arguments.epochs = 1, 1, 2
    print(_harness.environment())
    largest = max(*arguments.sizes, arguments.rows)
    _scale_data.write_rows(arguments.folder, largest)
    for part in arguments.parts:
        print(f"\n{part}", flush=True)
        {"growth": growth, "ways": ways, "loss": loss, "text": text}[part](arguments)
    print(_harness.environment())


def learner() -> SGDClassifier:
    return SGDClassifier(loss="log_loss")


def block_loop(X: Any, y: Any, n_epochs: int) -> SGDClassifier:
    """Train and predict block by block, and keep nothing."""
    model, n_rows = learner(), X.shape[0]
    blocks = [(start, min(start + BLOCK, n_rows)) for start in range(0, n_rows, BLOCK)]
    for epoch in range(n_epochs):
        for number, i in enumerate(block_order(SEED, epoch, len(blocks)).tolist()):
            start, stop = blocks[i]
            model.set_params(random_state=derive_seed(SEED, epoch, number, 0))
            block = row_block(X, start, stop)
            model.partial_fit(block, y[start:stop], classes=np.array([0, 1]))
        for start, stop in blocks:
            model.predict_proba(row_block(X, start, stop))
    return model


def ours(X: Any, y: Any, n_epochs: int) -> DataMapClassifier:
    return DataMapClassifier(
        learner(),
        n_epochs=n_epochs,
        batch_order="blocks",
        batch_size=BLOCK,
        random_state=SEED,
    ).fit(X, y)


def growth(arguments: argparse.Namespace) -> None:
    spawn = multiprocessing.get_context("spawn")
    timed, peaks = [], []
    with ProcessPoolExecutor(1, mp_context=spawn, max_tasks_per_child=1) as pool:
        for n_rows in arguments.sizes:
            of_data = (arguments.folder, n_rows, arguments.epochs)
            peaks.append(pool.submit(peak_of_fit, *of_data).result())
            job = pool.submit(time_pairs, *of_data, arguments.rounds)
            timed.append(job.result().assign(rows=n_rows))
            print(peaks[-1], flush=True)
    timings = pd.concat(timed, ignore_index=True)
    timings["us_per_row_epoch"] = (
        1e6 * timings["wall"] / timings["rows"] / arguments.epochs
    )
    of_rows = [
        _harness.ratios_to(rows, FLOOR).assign(rows=n)
        for n, rows in timings.groupby("rows")
    ]
    summary = _harness.summarize(pd.concat(of_rows), ["rows"]).reset_index(names="n")
    summary = summary.rename(columns={"n": "rows_of_data"})
    costs = timings[timings["contestant"] == DISK].groupby("rows")["us_per_row_epoch"]
    summary["us_per_row_epoch"] = costs.median().to_numpy()
    summary["rows_per_second_epoch"] = 1e6 / summary["us_per_row_epoch"]
    memory = pd.DataFrame(peaks)
    summary["peak_anonymous_MB"] = memory["peak"].to_numpy() / 1e6
    above = memory["peak"] - memory["before"]
    summary["above_imports_bytes_per_row"] = (above / memory["rows"]).to_numpy()
    print(f"\nOurs : {FLOOR}, {arguments.epochs} epochs")
    print(summary.round(3).to_string(index=False))
    _harness.save("scale", summary=summary)
    _harness.save_plot(
        "scale",
        partial(draw, summary),
        "Maps from disk, as rows grow",
        figsize=(11, 3.6),
        ncols=3,
    )


def time_pairs(folder: Path, n_rows: int, n_epochs: int, n_rounds: int) -> Any:
    """Time ours and the block loop in turn; runs in a process of its own."""
    X, y = _scale_data.open_rows(folder, n_rows)
    check_same_model(block_loop(X, y, 1), ours(X, y, 1))
    return _harness.interleave(
        {
            FLOOR: partial(block_loop, X, y, n_epochs),
            DISK: partial(ours, X, y, n_epochs),
        },
        n_rounds,
    )


def check_same_model(model: SGDClassifier, clf: DataMapClassifier) -> None:
    """Raise unless both trained the same."""
    if (model.coef_ != clf.estimator_.coef_).any():
        raise AssertionError("The block loop and ours trained different models.")


def peak_of_fit(folder: Path, n_rows: int, n_epochs: int) -> dict[str, int]:
    """Highest anonymous memory of one fit; runs in a process of its own."""
    X, y = _scale_data.open_rows(folder, n_rows)
    before = anonymous_bytes()
    with watched() as peak:
        ours(X, y, n_epochs)
    return {"rows": n_rows, "before": before, "peak": peak()}


def anonymous_bytes() -> int:
    """Resident memory of this process that is no page of a file (Linux only)."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return 1024 * int(fields["RssAnon"].split()[0])


@contextmanager
def watched() -> Iterator[Callable[[], int]]:
    """Look at the memory a hundred times a second; yields the highest."""
    highest, stop = [anonymous_bytes()], threading.Event()

    def look() -> None:
        while not stop.wait(0.01):
            highest[0] = max(highest[0], anonymous_bytes())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield lambda: highest[0]
    finally:
        stop.set()
        thread.join()


def draw(summary: pd.DataFrame, axes: Any) -> None:
    from matplotlib.ticker import NullFormatter, StrMethodFormatter

    rows, ratio = summary["rows_of_data"], summary["median"]
    spread = [ratio - summary["min"], summary["max"] - ratio]
    axes[0].errorbar(rows, ratio, yerr=spread, marker="o", capsize=3)
    axes[0].axhline(1.1, color="0.5", linewidth=1, linestyle="--")
    axes[0].set(ylabel=f"time : {FLOOR} (dashed: 1.1)", ylim=(0, None))
    axes[1].plot(rows, summary["us_per_row_epoch"], marker="o")
    axes[1].set(ylabel="microseconds a row and epoch", ylim=(0.1, 10), yscale="log")
    axes[2].plot(rows, summary["peak_anonymous_MB"], marker="o")
    axes[2].axhline(1500, color="0.5", linewidth=1, linestyle="--")
    axes[2].set(ylabel="peak memory, MB (dashed: 1,500)", yscale="log", ylim=(50, 3000))
    axes[2].set_yticks([100, 300, 1000])
    for panel in axes[1:]:
        panel.yaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
        panel.yaxis.set_minor_formatter(NullFormatter())
    for panel in axes:
        panel.set(xscale="log", xlabel="rows")


def dask_blocks(folder: Path, n_rows: int) -> tuple[list[Any], list[Any]]:
    """Blocks that the workers read from disk."""
    import dask

    starts = range(0, n_rows, BLOCK)
    load = dask.delayed(load_block, pure=False)
    parts = [load(folder, n_rows, start) for start in starts]
    return [part[0] for part in parts], [part[1] for part in parts]


def load_block(folder: Path, n_rows: int, start: int) -> tuple[Any, Any]:
    X, y = _scale_data.open_rows(folder, n_rows)
    stop = min(start + BLOCK, n_rows)
    block = row_block(X, start, stop)
    block.data, block.indices = np.array(block.data), np.array(block.indices)
    return block, np.array(y[start:stop])


@contextmanager
def cluster(n_workers: int) -> Iterator[Any]:
    """Client of a fresh cluster of processes with one thread each."""
    import dask
    from distributed import Client, LocalCluster

    # The profiler can stall a worker for minutes on some releases of CPython 3.11.
    dask.config.set({"distributed.worker.profile.enabled": False})
    with (
        LocalCluster(
            n_workers=n_workers, threads_per_worker=1, dashboard_address=":0"
        ) as workers,
        Client(workers, set_as_default=False) as client,
    ):
        yield client


def on_dask(client: Any, blocks: tuple[list[Any], list[Any]], n_epochs: int) -> Any:
    from sklearn_datamaps.dask import DataMapClassifier as OnDask

    clf = OnDask(learner(), n_epochs=n_epochs, client=client, random_state=SEED)
    return clf.fit(*blocks)


def persisted(client: Any, blocks: tuple[list[Any], list[Any]]) -> Any:
    """Blocks loaded into the memory of the workers, as those of the loop are cached."""
    from distributed import wait

    loaded = tuple(client.compute(part) for part in blocks)
    with client.as_current():
        wait([future for part in loaded for future in part])
    return loaded


def ways(arguments: argparse.Namespace) -> None:
    n_rows, n_epochs = arguments.rows, arguments.epochs
    X, y = _scale_data.open_rows(arguments.folder, n_rows)
    in_memory, labels = X.copy(), np.array(y)
    blocks = dask_blocks(arguments.folder, n_rows)
    with cluster(1) as one, cluster(2) as two:
        of_one, of_two = persisted(one, blocks), persisted(two, blocks)
        expected = ours(X, y, n_epochs)
        check_same_model(block_loop(X, y, n_epochs), expected)
        check_same_map(on_dask(two, of_two, n_epochs), expected)
        timings = _harness.interleave(
            {
                FLOOR: partial(block_loop, X, y, n_epochs),
                DISK: partial(ours, X, y, n_epochs),
                MEMORY: partial(ours, in_memory, labels, n_epochs),
                ONE: partial(on_dask, one, of_one, n_epochs),
                TWO: partial(on_dask, two, of_two, n_epochs),
            },
            arguments.rounds,
        )
    ratio = _harness.ratios_to(timings, FLOOR)
    ratio.loc[ratio["contestant"].isin([ONE, TWO]), "cpu"] = float("nan")
    summary = _harness.summarize(ratio, ["contestant"]).reset_index()
    print(f"Time : {FLOOR}, {n_rows:,} rows, {n_epochs} epochs")
    print(summary.round(3).to_string(index=False))
    _harness.save("scale", ways=summary)


def check_same_map(actual: Any, expected: Any) -> None:
    """Raise unless both recorded the same, bit for bit."""
    for name in ("confidence_", "variability_", "correctness_"):
        if not np.array_equal(getattr(actual, name), getattr(expected, name)):
            raise AssertionError(f"{name} differs.")


def loss(arguments: argparse.Namespace) -> None:
    n_rows, n_epochs = arguments.rows, arguments.epochs
    blocks = dask_blocks(arguments.folder, n_rows)
    X, y = _scale_data.open_rows(arguments.folder, n_rows)
    expected = ours(X, y, n_epochs)
    runs = []
    for number in range(arguments.losses):
        with cluster(2) as client:
            on_dask(client, blocks, 1)
            start = time.perf_counter()
            on_dask(client, blocks, n_epochs)
            undisturbed = time.perf_counter() - start
            share = random.Random(number).uniform(0.1, 0.9)
            pids = list(client.run(os.getpid).values())
            killer = threading.Timer(
                share * undisturbed, os.kill, (pids[number % 2], signal.SIGKILL)
            )
            killer.start()
            start = time.perf_counter()
            actual = on_dask(client, blocks, n_epochs)
            taken = time.perf_counter() - start
            killer.join()
        check_same_map(actual, expected)
        runs.append({"killed_at": share, "ratio": taken / undisturbed, "same": True})
    table = pd.DataFrame(runs)
    print(f"One of two workers killed, {n_rows:,} rows: time : undisturbed")
    print(table.round(3).to_string(index=False))
    _harness.save("scale", loss=table)


def text(arguments: argparse.Namespace) -> None:
    from sklearn_datamaps.out_of_core import vectorize_to_disk

    vectorizer, n_files = HashingVectorizer(), 8
    lines = _scale_data.texts(arguments.texts)
    table = pd.DataFrame({"text": lines})
    table["label"] = np.random.default_rng(SEED).integers(0, 2, len(lines))
    with tempfile.TemporaryDirectory() as scratch, cluster(2) as client:
        source = Path(scratch) / "texts"
        source.mkdir()
        files = [source / f"{i:02}.parquet" for i in range(n_files)]
        for file, rows in zip(files, np.array_split(table.index, n_files), strict=True):
            table.loc[rows].to_parquet(file)

        def to_disk(n_jobs: int) -> None:
            with tempfile.TemporaryDirectory(dir=scratch) as folder:
                path = Path(folder) / "matrix"
                vectorize_to_disk(source, vectorizer, path, n_jobs=n_jobs, verbose=0)

        alone, one = "vectorizer alone", "text to map, 1 process"
        fit = (files, vectorizer, arguments.epochs)
        timings = _harness.interleave(
            {
                alone: lambda: vectorizer.transform(lines),
                "to disk, 1 process": partial(to_disk, 1),
                "to disk, 2 processes": partial(to_disk, 2),
                one: partial(map_of_text, *fit),
                "text to map, Dask, 2 workers": partial(
                    map_of_text_on_dask, client, *fit
                ),
            },
            arguments.rounds,
        )
    seconds = timings.groupby("contestant", sort=False)["wall"].median()
    print("rows per second\n" + (len(lines) / seconds).round(0).to_string())
    of_text = timings["contestant"].str.startswith("text to map")
    ratio = pd.concat(
        [
            _harness.ratios_to(timings[~of_text], alone).assign(base=alone),
            _harness.ratios_to(timings[of_text], one).assign(base=one),
        ]
    ).assign(cpu=float("nan"))  # that of the workers is not seen
    summary = _harness.summarize(ratio, ["contestant", "base"]).reset_index()
    print(summary.round(3).to_string(index=False))
    _harness.save("scale", text=summary)


def map_of_text(files: list[Path], vectorizer: Any, n_epochs: int) -> Any:
    table = pd.concat([pd.read_parquet(file) for file in files])
    return ours(vectorizer.transform(table["text"]), table["label"], n_epochs)


def map_of_text_on_dask(
    client: Any, files: list[Path], vectorizer: Any, n_epochs: int
) -> Any:
    import dask

    from sklearn_datamaps.dask import vectorize

    tables = [dask.delayed(pd.read_parquet)(file) for file in files]
    X = vectorize([table["text"] for table in tables], vectorizer)
    return on_dask(client, (X, [table["label"] for table in tables]), n_epochs)
