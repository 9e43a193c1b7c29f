"""Interleaved timing, traced memory, and where the results go."""

import gc
import os
import platform
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sklearn

RESULTS = Path(__file__).parent / "results"


def interleave(
    contestants: Mapping[str, Callable[[], Any]], n_rounds: int
) -> pd.DataFrame:
    """Time contestants in turn (A B C A B C ...), after one round that is not counted.

    Parameters
    ----------
    contestants : mapping of str to callable
        What to time; called without arguments.
    n_rounds : int
        Rounds that count.

    Returns
    -------
    DataFrame of shape (n_rounds * n_contestants, 4)
        Columns ``round``, ``contestant``, ``wall`` and ``cpu`` (seconds; the second
        leaves out what other processes took).
    """
    timings = []
    for number in range(n_rounds + 1):
        for name, call in contestants.items():
            gc.collect()
            wall, cpu = time.perf_counter(), time.process_time()
            call()
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
            if number:
                timings.append((number, name, wall, cpu))
    return pd.DataFrame(timings, columns=["round", "contestant", "wall", "cpu"])


def ratios_to(timings: pd.DataFrame, base: str) -> pd.DataFrame:
    """Divide each time by that of ``base`` in the same round.

    Parameters
    ----------
    timings : DataFrame
        From :func:`interleave`.
    base : str
        The contestant to divide by.

    Returns
    -------
    DataFrame
        Columns ``round``, ``contestant``, ``wall`` and ``cpu``; without ``base``.
    """
    is_base = timings["contestant"] == base
    divisor = timings[is_base].set_index("round")
    ratio = timings[~is_base].copy()
    for clock in ("wall", "cpu"):
        ratio[clock] /= ratio["round"].map(divisor[clock])
    return ratio


def summarize(ratio: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Median and range over the rounds of :func:`ratios_to`, one row per group."""
    return ratio.groupby(by, sort=False).agg(
        median=("wall", "median"),
        min=("wall", "min"),
        max=("wall", "max"),
        cpu_median=("cpu", "median"),
        rounds=("wall", "size"),
    )


def traced_peak(call: Callable[[], Any]) -> tuple[int, int]:
    """Memory that a call allocates, NumPy's arrays included; exact and repeatable.

    Parameters
    ----------
    call : callable
        Called once without arguments. It should have run before: first calls also
        import modules and fill caches.

    Returns
    -------
    peak, kept : int
        Bytes at the highest point, and bytes still alive afterwards with the result,
        both above what was there before the call.
    """
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        result = call()
        _, peak = tracemalloc.get_traced_memory()
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
        del result
    finally:
        tracemalloc.stop()
    return peak - before, after - before


def measured(*arguments: str) -> dict[str, float]:
    """Run Python as a process of its own, as a user starts it.

    Parameters
    ----------
    *arguments : str
        Of Python. What it says is dropped.

    Returns
    -------
    dict of str to float
        ``cpu``, its processor seconds, and ``peak_mb``, its largest resident size.
    """
    # What is installed was compiled once, not at every start.
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, *arguments]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=env)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"A contestant ended with {process.returncode}.")
    return {"cpu": used.ru_utime + used.ru_stime, "peak_mb": used.ru_maxrss / 1024}


def environment() -> str:
    """Versions and machine, for the head of a table."""
    return (
        f"Python {platform.python_version()}, NumPy {np.__version__}, scikit-learn "
        f"{sklearn.__version__}, {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    )


def save(name: str, **tables: pd.DataFrame) -> None:
    """Write ``results/NAME.csv``, and ``results/NAME_KEY.csv`` for keywords.

    Parameters
    ----------
    name : str
        Name of the benchmark.
    **tables : DataFrame
        ``summary`` is the one without a suffix.
    """
    RESULTS.mkdir(exist_ok=True)
    for key, table in tables.items():
        suffix = "" if key == "summary" else f"_{key}"
        table.to_csv(RESULTS / f"{name}{suffix}.csv", index=False)
    print(f"Written to {os.path.relpath(RESULTS)}/{name}*.csv")


def save_plot(
    name: str,
    draw: Callable[[Any], None],
    title: str,
    *,
    figsize: tuple[float, float] = (8, 4),
    **subplots: Any,
) -> None:
    """Draw one set of axes, or a grid of them, and write ``results/NAME.png``.

    Parameters
    ----------
    name : str
        Name of the benchmark.
    draw : callable
        Draws on the axes it is given, one or an array of them.
    title : str
        Title of the plot.
    figsize : (float, float), default=(8, 4)
        Width and height in inches.
    **subplots
        How many, as for ``Figure.subplots``. None: one set of axes.
    """
    # Not pyplot: no window, no state, no display needed.
    from matplotlib.figure import Figure

    RESULTS.mkdir(exist_ok=True)
    figure = Figure(figsize=figsize, layout="constrained")
    axes = figure.subplots(**subplots)
    draw(axes)
    if subplots:
        figure.suptitle(title)
    else:
        axes.set_title(title)
    figure.savefig(RESULTS / f"{name}.png", dpi=120)
    print(f"Drawn in {os.path.relpath(RESULTS)}/{name}.png")
