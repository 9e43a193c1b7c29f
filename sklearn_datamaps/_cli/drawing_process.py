"""The picture of a large map drawn by a second process, beside the other files."""

import signal
from collections.abc import Callable, Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from joblib import cpu_count
from joblib.externals.loky import ProcessPoolExecutor

from sklearn_datamaps._cli.demo import write_plot
from sklearn_datamaps._data_map import DataMap

# Rows from which reading and training take longer than a process takes to start.
MANY_ROWS = 20_000

Finish = Callable[[], Path]


@contextmanager
def drawing(n_rows: int) -> Iterator[Callable[[DataMap, Path], Finish]]:
    """Start what draws the picture, to load seaborn while the map is being made.

    Parameters
    ----------
    n_rows : int
        Rows of the map. With few, or one processor, the picture is drawn here.

    Yields
    ------
    callable
        From the map and the folder to write to, to a function that waits for the
        picture and returns its path.
    """
    if n_rows < MANY_ROWS or cpu_count() < 2:
        yield _draw_here
        return
    # An interrupt is answered here; there it would only print a traceback.
    ignore = (signal.SIGINT, signal.SIG_IGN)
    pool = ProcessPoolExecutor(1, initializer=signal.signal, initargs=ignore)
    try:
        pool.submit(_load)

        def draw(data_map: DataMap, folder: Path) -> Finish:
            # Carried texts are not drawn: they need not be sent.
            try:
                bare = replace(data_map, columns={})
                picture = pool.submit(write_plot, bare, folder)
            except BrokenProcessPool:
                return _draw_here(data_map, folder)

            def finish() -> Path:
                try:
                    path: Path = picture.result()
                except BrokenProcessPool:
                    path = write_plot(data_map, folder)
                return path

            return finish

        yield draw
    finally:
        pool.shutdown(wait=False, kill_workers=True)


def _draw_here(data_map: DataMap, folder: Path) -> Finish:
    path = write_plot(data_map, folder)
    return lambda: path


def _load() -> None:
    import seaborn  # noqa: F401 (loaded for what comes)
