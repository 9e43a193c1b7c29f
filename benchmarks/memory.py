"""Peak memory of a fit above the floor's, as n_epochs goes 5, 20, 80.

Peaks are traced allocations (tracemalloc, which NumPy reports to) of one call, above
what was there before it, in a fresh process per configuration; X and y are therefore
not in them. Subtracted is the peak of the *floor*, a bare loop of ``partial_fit`` and
``predict_proba`` of all rows, thrown away: the learner's weights, its working copies
and its probabilities of all rows cancel out.

The budget is 128 bytes per row plus one block of probabilities: at most
``_blocks.BLOCK_CELLS`` cells of 8 bytes, in whole rows, and never more than the data.
Trajectories are not kept here: by default they take 4 bytes a row and epoch, 20 MB at
the most.
"""

import argparse
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import pandas as pd

from benchmarks import _harness, _loops
from sklearn_datamaps._learners.blocks import BLOCK_CELLS

TASKS = ("gratitude", "emotions", "synthetic", "logistic")
BYTES_PER_ROW = 128


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=TASKS)
    parser.add_argument(
        "--epochs", nargs="+", type=int, default=(5, 20, 80), help="default: 5 20 80"
    )


def run(arguments: argparse.Namespace) -> None:
    print(_harness.environment())
    print(__doc__.partition("\n\n")[2])
    epochs = (2, 4) if arguments.quick else arguments.epochs
    spawn = multiprocessing.get_context("spawn")
    measured = []
    with ProcessPoolExecutor(1, mp_context=spawn, max_tasks_per_child=1) as pool:
        for name in arguments.tasks:
            print(f"{name}: {_loops.TASKS[name].__doc__}", flush=True)
            for n_epochs in epochs:
                job = pool.submit(measure, name, n_epochs, arguments.quick)
                measured.append(job.result())
    table = pd.DataFrame(measured)
    print("\nBytes. B/row: bytes per row of the data.")
    print(table.to_string(index=False, formatters=_formats(table)))
    _harness.save("memory", summary=table)
    _harness.save_plot("memory", partial(draw, table), "Peak memory above the floor")


def measure(name: str, n_epochs: int, quick: bool) -> dict[str, object]:
    """Peaks of one configuration; runs in a process of its own.

    Parameters
    ----------
    name : str
        Name of the task.
    n_epochs : int
        Number of epochs.
    quick : bool
        Few rows.

    Returns
    -------
    dict
        One row of the table.
    """
    task = _loops.TASKS[name](quick)
    _loops.ours(task, 1)  # imports and caches are not the fit's
    floor, floor_kept = _harness.traced_peak(partial(_loops.floor, task, n_epochs))
    without = partial(_loops.ours, task, n_epochs, store_trajectories=False)
    ours, ours_kept = _harness.traced_peak(without)
    n_samples, n_classes = len(task.y), len(task.classes)
    block = 8 * n_classes * min(n_samples, max(1, BLOCK_CELLS // n_classes))
    budget = BYTES_PER_ROW * n_samples + block
    return {
        "task": name,
        "rows": n_samples,
        "epochs": n_epochs,
        "block": block,
        "budget": budget,
        "floor_peak": floor,
        "ours_peak": ours,
        "above_floor": ours - floor,
        "above_floor_B/row": (ours - floor) / n_samples,
        "within": ours - floor <= budget,
        "kept_B/row": (ours_kept - floor_kept) / n_samples,
    }


def _formats(table: pd.DataFrame) -> dict[str, str]:
    per_row = {name: "{:.1f}".format for name in table if name.endswith("B/row")}
    sizes = table.select_dtypes("integer").columns
    return per_row | dict.fromkeys(sizes, "{:,}".format)


def draw(table: pd.DataFrame, axes) -> None:
    import seaborn as sns

    sns.lineplot(
        table, x="epochs", y="above_floor_B/row", hue="task", marker="o", ax=axes
    )
    axes.axhline(BYTES_PER_ROW, color="0.5", linewidth=1, linestyle="--")
    axes.set(
        xscale="log",
        xticks=sorted(set(table["epochs"])),
        xticklabels=sorted(set(table["epochs"])),
        ylabel="bytes per row (dashed: budget less a block)",
    )
