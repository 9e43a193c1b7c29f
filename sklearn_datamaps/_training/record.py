"""Trains a learner and records the dynamics of the rows: those of X, or held out."""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import sklearn

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.labels import EncodedLabels
from sklearn_datamaps._core.public import found_in
from sklearn_datamaps._core.recorder import Recorder
from sklearn_datamaps._learners.partial_fit import Block
from sklearn_datamaps._learners.staged import StagedRun
from sklearn_datamaps._training.recipe import Data, Recipe, Run

# From epochs done and epochs wanted to what is told of every epoch.
Progress = Callable[[int, int], AbstractContextManager[Callable[[Array], object]]]


@found_in("sklearn_datamaps")
@dataclass
class Record:
    """What is known of a run, and what a later one needs to continue it.

    Attributes
    ----------
    dynamics : Recorder
        The measures, epoch by epoch.
    seed : int
        Base of all seeds.
    key : tuple
        What must not change between the calls that continue the record.
    totals : list of ndarray of shape (3,)
        Of every epoch the cells recorded, the sum of their own probabilities, and
        how many were predicted right.
    members : list of estimators or None
        The learners, trained to the last epoch; None: caught in the middle of one.
    stages : list of int or None
        Stages recorded of a learner that has them.
    """

    dynamics: Recorder
    seed: int
    key: tuple[Any, ...] = ()
    totals: list[Array] = field(default_factory=list)
    members: list[Any] | None = None
    stages: list[int] | None = None

    def absorb(self, other: "Record", rows: Array, n_epochs: int) -> None:
        """Take in the record of some rows, in their order, that are not here yet.

        Raises
        ------
        ValueError
            If it has another number of epochs than the one raw_y, which all have.
        """
        if len(other.totals) != n_epochs:
            fewest, most = sorted([len(other.totals), n_epochs])
            raise ValueError(
                f"The learner stopped after {fewest} stages on the rows of one fold, "
                f"after {most} or more on all rows or those of another, so their maps "
                f"are not comparable. Set n_epochs={fewest} or less, or switch early "
                f"stopping off."
            )
        self.dynamics.absorb(other.dynamics, rows)
        self.stages = other.stages
        if not self.totals:
            self.totals = [np.zeros(3) for _ in other.totals]
        for total, theirs in zip(self.totals, other.totals, strict=True):
            total += theirs

    def history(self) -> pd.DataFrame:
        """Mean confidence and accuracy, one row an epoch."""
        cells, confidence, right = np.array(self.totals).T
        return pd.DataFrame(
            {"mean_confidence": confidence / cells, "accuracy": right / cells},
            index=pd.RangeIndex(1, len(self.totals) + 1, name="epoch"),
        )


@contextlib.contextmanager
def silent(done: int, n_epochs: int) -> Iterator[Callable[[Array], object]]:
    """No progress is shown."""
    yield lambda totals: None


def continue_record(
    run: Run,
    record: Record,
    n_epochs: int,
    *,
    columns: Array | None = None,
    progress: Progress = silent,
) -> None:
    """Train up to a number of epochs and record those that are not recorded yet.

    Parameters
    ----------
    run : PartialFitRun or StagedRun
        The learner.
    record : Record
        Is continued. After an exception it holds the epochs that were complete.
    n_epochs : int
        Epochs to train, or stages to record.
    columns : ndarray of int of shape (n_present,), default=None
        Classes of the record that the run knows, where it does not know all.
    progress : callable
        Shows how far it is.
    """
    dynamics = record.dynamics
    done = dynamics.n_epochs
    # A learner that was caught in mid-epoch is trained again from the start, with the
    # same seeds; what was recorded stands.
    first = done if record.members else 0
    record.members = None
    try:
        with sklearn.config_context(assume_finite=True):
            n_epochs = run.start(n_epochs)
            if isinstance(run, StagedRun):
                record.stages = run.stages[0].tolist()
            with progress(done, n_epochs) as advance:
                for epoch in range(first, n_epochs):
                    run.train(epoch)
                    if epoch >= done:
                        _record_epoch(record, _widened(run, dynamics, columns))
                        advance(record.totals[-1])
    except BaseException:
        dynamics.rollback()
        del record.totals[dynamics.n_epochs :]
        raise
    finally:
        if dynamics.n_epochs:
            run.restore_seeds()
            dynamics.release()
    record.members = run.members


def _record_epoch(record: Record, blocks: Iterator[Block]) -> None:
    """Record one epoch, all or nothing: until the end, a rollback undoes it."""
    dynamics = record.dynamics
    dynamics.checkpoint()
    before = dynamics.totals.copy()
    for rows, proba, resolve_ties in blocks:
        dynamics.update(proba, rows, resolve_ties=resolve_ties)
    record.totals.append(dynamics.totals - before)
    dynamics.commit()


def _widened(run: Run, dynamics: Recorder, columns: Array | None) -> Iterator[Block]:
    """Blocks of a run; a class that it has never seen has probability 0."""
    if columns is None:
        yield from run.blocks()
        return
    for rows, proba, resolve_ties in run.blocks():
        wide = np.zeros((len(proba), len(dynamics.classes)), dtype=proba.dtype)
        wide[:, columns] = proba
        yield rows, wide, resolve_ties


def new_record(
    recipe: Recipe,
    labels: EncodedLabels,
    seed: int,
    *,
    index: pd.Index | None = None,
    key: tuple[Any, ...] = (),
) -> Record:
    """Begin a record of these labels.

    Parameters
    ----------
    recipe : Recipe
        Says what is recorded.
    labels : EncodedLabels
        The labels.
    seed : int
        Base of all seeds.
    index : pandas.Index, default=None
        Names of the rows. None: their numbers.
    key : tuple, default=()
        What must not change if the record is continued.

    Returns
    -------
    Record
    """
    recorder = Recorder(
        labels,
        measures=recipe.measures,
        store_trajectories=recipe.store_trajectories,
        index=index,
    )
    return Record(recorder, seed, key)


def record_all_rows(
    recipe: Recipe, data: Data, seed: int, index: pd.Index
) -> tuple[Record, list[Any]]:
    """Train on all rows and record them.

    Parameters
    ----------
    recipe : Recipe
        How to train.
    data : Data
        What to learn.
    seed : int
        Base of all seeds.
    index : pandas.Index of length n_samples
        Names of the rows.

    Returns
    -------
    record : Record
        The in-sample record.
    members : list of estimators
        The trained learners.
    """
    record = new_record(recipe, data.labels, seed, index=index)
    with recipe.threads.use():
        run = recipe.run(data, seed)
        continue_record(run, record, recipe.n_epochs)
    return record, run.members


def record_fold(
    recipe: Recipe,
    data: Data,
    train: Array,
    test: Array,
    seed: int,
    progress: Progress = silent,
) -> Record:
    """Train on some rows and record others.

    Parameters
    ----------
    recipe : Recipe
        How to train.
    data : Data
        All rows.
    train, test : ndarray of int
        Positions of the rows to train on, and of those to record.
    seed : int
        Base of the seeds of this fold.
    progress : callable
        Shows how far it is.

    Returns
    -------
    Record
        Of the rows of test alone, in their order.
    """
    learned, columns = data.take(train), None
    # partial_fit takes every class there is; fit knows what its rows have.
    if recipe.sees_every_class and not data.labels.multilabel:
        learned, present = learned.of_present_classes()
        if len(present) < len(data.labels.classes):
            columns = present
            recipe = recipe.for_classes(learned.labels.classes)
    labels = EncodedLabels(data.labels.codes[test], data.labels.classes)
    record = new_record(recipe, labels, seed)
    with recipe.threads.use():
        run = recipe.run(learned, seed, all_rows=data.X, held_out=data.X[test])
        continue_record(
            run, record, recipe.n_epochs, columns=columns, progress=progress
        )
    record.members = None  # nobody needs the model of one fold
    return record
