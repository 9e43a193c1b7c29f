"""From a source to the shards of a matrix, by one process or several."""

import pickle
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import joblib

from sklearn_datamaps._core.atomic import commit
from sklearn_datamaps._core.interrupts import no_interrupt_lost
from sklearn_datamaps._io.text_sources import Source
from sklearn_datamaps.out_of_core.building import Building
from sklearn_datamaps.out_of_core.shards import Cutting, ShardTexts, Vectorizing


def build(
    building: Building, source: Source, task: Vectorizing, n_jobs: Any, verbose: int
) -> None:
    """Make the shards that are missing, and append all in order.

    Parameters
    ----------
    building : Building
        The folder.
    source : Source
        The rows.
    task : Vectorizing
        What to do with them.
    n_jobs : int or None
        Number of processes.
    verbose : int
        A progress bar, unless 0.
    """
    if building.ended:
        return
    from tqdm import tqdm

    arguments = building.arguments
    text, label, size = (arguments[k] for k in ("text", "label", "shard_size"))
    cutting = Cutting(text, label, size, len(building.journal), building.shards)
    columns = [text] if label is None else [text, label]
    reading = _Reading(cutting.cut(source.batches(columns, cutting.needed)))
    with (
        no_interrupt_lost() as check_interrupt,
        tqdm(
            total=source.n_rows,
            initial=building.journal.n_rows,
            unit="row",
            unit_scale=True,
            desc="vectorizing",
            disable=not verbose,
        ) as bar,
    ):

        def append_ready() -> None:
            while (number := len(building.journal)) in building.shards:
                bar.update(building.append(number))

        append_ready()
        for number in _make_shards(building.folder, reading, task, n_jobs):
            building.shards.add(number)
            append_ready()
            check_interrupt()
        if reading.error is not None:
            raise reading.error
        append_ready()
    n_done = building.journal.n_rows
    if cutting.n_rows != n_done or not n_done:
        _refuse_source(cutting.n_rows, n_done)


def _refuse_source(n_rows: int, n_done: int) -> None:
    if not n_rows and not n_done:
        raise ValueError(
            "The source has no rows. A generator can be read once only: make it anew."
        )
    raise ValueError(
        f"The source has {n_rows:,} rows, but {n_done:,} are done already: it is not "
        f"the one that was begun with. A generator can be read once only: make it "
        f"anew. Or begin anew with overwrite=True."
    )


class _Reading:
    """Iterates shards of rows, and keeps an error of the source for the end.

    joblib reads in a thread of its own, where an error would go astray.
    """

    def __init__(self, shards: Iterator[ShardTexts]) -> None:
        self.shards = shards
        self.error: BaseException | None = None

    def __iter__(self) -> Iterator[ShardTexts]:
        try:
            yield from self.shards
        except Exception as error:
            self.error = error


def _make_shards(
    folder: Path, reading: Iterable[ShardTexts], task: Vectorizing, n_jobs: Any
) -> Iterator[int]:
    """Yield numbers of shards as they are made, in order."""
    if joblib.effective_n_jobs(n_jobs) == 1:
        for rows in reading:
            yield task.write(folder, rows)
        return
    # Once for all shards: a large vocabulary takes its time.
    file = folder / "vectorizer.pkl"
    # A class that is defined in a script or a notebook is pickled with it.
    pickled = pickle.dumps(joblib.wrap_non_picklable_objects(task.vectorizer))
    commit(file, lambda opened: opened.write(pickled))
    task = Vectorizing(file, task.n_columns, task.dtype, task.classes)
    parallel = joblib.Parallel(n_jobs=n_jobs, batch_size=1, return_as="generator")
    made = parallel(joblib.delayed(task.write)(folder, rows) for rows in reading)
    with closing(made):
        yield from made
