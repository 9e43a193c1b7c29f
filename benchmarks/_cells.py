"""The fixed list of cells of ``detection`` and ``audit``: label sets and noise."""

import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import cross_val_predict

from benchmarks._label_sets import CHOSEN_ON, LABEL_SETS, LabelSet, headlines
from benchmarks._noise import NOISE, noisy

Array = NDArray[Any]
AT_MOST = 4_000


class Cell(NamedTuple):
    """One set of labels with known errors; ``split`` says what it was used for."""

    split: str
    dataset: str
    kind: str
    share: float
    seed: int
    data: LabelSet
    given: Array
    is_wrong: Array

    @property
    def key(self) -> dict[str, Any]:
        """Columns that name the cell in a table."""
        names = ("split", "dataset", "kind", "share", "seed")
        key = {name: getattr(self, name) for name in names}
        return key | {"n": len(self.given), "wrong": int(self.is_wrong.sum())}


def cells(datasets: list[str], seeds: range, *, quick: bool) -> Iterator[Cell]:
    """Plant the errors, set by set."""
    for name in datasets:
        split = "chosen on" if name in CHOSEN_ON else "reported on"
        if name == "headlines":
            real = headlines()
            if real is not None:
                yield Cell(split, name, "real", real[2].mean(), 0, *real)
            continue
        whole = LABEL_SETS[name]()
        for seed in seeds:
            data = whole.sample(seed, 600 if quick else AT_MOST)
            for kind, share in NOISE[:2] if quick else NOISE:
                given, is_wrong = noisy(data, kind, share, seed)
                yield Cell(split, name, kind, share, seed, data, given, is_wrong)


def recorded(
    path: Path, of: Iterable[Cell], rows_of: Callable[[Cell], list[dict[str, Any]]]
) -> pd.DataFrame:
    """Rows of all cells, from the file where they are in it; a run goes on there."""
    names = ["dataset", "kind", "share", "seed"]
    done = set()
    if path.exists():
        table = pd.read_csv(path)
        done = set(table[names].round(6).itertuples(index=False, name=None))
    path.parent.mkdir(exist_ok=True)
    for cell in of:
        if (cell.dataset, cell.kind, round(cell.share, 6), cell.seed) not in done:
            rows = pd.DataFrame([cell.key | row for row in rows_of(cell)]).round(6)
            # One write a cell: what is there is complete.
            rows.to_csv(path, mode="a", index=False, header=not path.exists())
    return pd.read_csv(path)


def converged(data: LabelSet, given: Array, seed: int) -> Array:
    """Probabilities that cleanlab wants: five folds, fitted to convergence."""
    model = data.learner(max_iter=1000, random_state=seed)
    with warnings.catch_warnings():
        # A class of fewer rows than folds is missing in one: its probability is 0.
        warnings.filterwarnings("ignore", "Number of classes in training fold")
        warnings.filterwarnings("ignore", "The least populated class in y")
        proba = cross_val_predict(model, data.X, given, cv=5, method="predict_proba")
    wide = np.zeros((len(given), max(given.max(), data.y.max()) + 1))
    wide[:, np.unique(given)] = proba
    return wide
