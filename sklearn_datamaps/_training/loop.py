"""The loop that trains, asks and records: all rows, a fold, or a step of a cluster."""

import contextlib
import copy
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import pandas as pd
import sklearn

from sklearn_datamaps._core.arrays import Array, Rows
from sklearn_datamaps._core.labels import EncodedLabels
from sklearn_datamaps._core.recorder import Recorder
from sklearn_datamaps._learners import sklearn_compat
from sklearn_datamaps._learners.constant import ConstantLabel, constant_labels
from sklearn_datamaps._learners.learner import (
    Block,
    Learner,
    Step,
    StepwiseLearner,
    Training,
)
from sklearn_datamaps._training.recipe import Data, Recipe
from sklearn_datamaps._training.record import Record, new_record

# From epochs done and epochs wanted to what is told of every epoch: its totals, and
# how many epochs there will be.
Progress = Callable[[int, int], AbstractContextManager[Callable[[Array, int], object]]]


def set_up(
    recipe: Recipe,
    data: Data,
    seed: int,
    *,
    members: list[Any] | None = None,
    all_rows: Any = None,
    held_out: Any = None,
    added: Any = None,
) -> Training:
    """Set a learner up to be trained and recorded.

    Parameters
    ----------
    recipe : Recipe
        How to train; has the learner.
    data : Data
        What it learns from.
    seed : int
        Base of all seeds.
    members : list of estimators, default=None
        Learners to go on with. None: new ones.
    all_rows : {ndarray, csr}, default=None
        The features of every row that will be seen. None: those of data.
    held_out : {ndarray, csr}, default=None
        Features of the rows to record. None: those of data.
    added : {ndarray, csr}, default=None
        Features of the rows to record beside them.
    """
    learner, labels = recipe.learner, data.labels
    if members is None:
        seen = [data.X if all_rows is None else all_rows]
        seen += [] if added is None else [added]
        members = learner.make_members(
            labels,
            len(labels.codes),
            labels.counts(),
            learner.params_of_values(*seen),
        )
        if learner.knows_its_rows_only and learner.trains_per_label(labels):
            weights = data.params.get("sample_weight")
            for i, is_set in constant_labels(labels, weights).items():
                members[i] = ConstantLabel(is_set)
    codes = learner.wants_codes
    return Training(
        members,
        data.X,
        _targets(learner, data),
        labels,
        np.arange(len(labels.classes)) if codes else labels.classes,
        recipe.response_method,
        seed,
        batch_size=recipe.batch_size,
        in_blocks=recipe.batch_order == "blocks",
        reseed=not recipe.own_seeds,
        fit_params=data.params,
        n_jobs=recipe.n_jobs if learner.threads_over_members else None,
        held_out=held_out,
        added=added,
    )


def _targets(learner: Learner, data: Data) -> Array | None:
    """Labels as the learner wants them; None: each clone has its own column."""
    labels = data.labels
    if learner.trains_per_label(labels):
        return None
    if labels.multilabel or learner.wants_codes:
        return labels.codes.astype(np.int64)
    if data.raw_y is not None:
        return data.raw_y
    # Told of the classes, it does not make them of the labels of its rows.
    return labels.sortable_values() if learner.takes("classes") else labels.values()


def record_step(dynamics: Recorder, blocks: Iterable[Block]) -> list[Array]:
    """Record the blocks of one epoch.

    Parameters
    ----------
    dynamics : Recorder
        Is updated, but for its totals.
    blocks : iterable of blocks
        Rows, their probabilities, and how ties are settled.

    Returns
    -------
    list of ndarray of shape (3,)
        Totals of every block, in the order they add up in.
    """
    totals = []
    before = dynamics.totals
    for rows, proba, resolve_ties in blocks:
        dynamics.totals = np.zeros(3)
        dynamics.update(proba, rows, resolve_ties=resolve_ties)
        totals.append(dynamics.totals)
    dynamics.totals = before
    return totals


def add_epoch(record: Record, parts: list[Iterable[Block]]) -> None:
    """Record one epoch, all or nothing: until the end, a rollback undoes it.

    Parameters
    ----------
    record : Record
        Is updated.
    parts : list of iterables of blocks
        For each of the parts of the record.
    """
    for part in record.parts:
        part.dynamics.checkpoint()
    for part, blocks in zip(record.parts, parts, strict=True):
        part.add_totals(record_step(part.dynamics, blocks))
    for part in record.parts:
        part.dynamics.commit()


def repeat_last(record: Record, n_epochs: int) -> None:
    """Stay at the last state up to a number of epochs: the learner ended early."""
    while record.n_epochs < n_epochs:
        add_epoch(record, [part.last for part in record.parts])
    for part in record.parts:
        part.last = []
    record.release()


def train_step(
    recipe: Recipe,
    data: Data,
    members: list[Any],
    seed: int,
    epoch: int,
    number: int,
) -> list[Any]:
    """Train copies of the members by one call on all rows of some data.

    Parameters
    ----------
    recipe : Recipe
        How to train; its learner goes step by step.
    data : Data
        The rows.
    members : list of estimators
        As the call before left them; they are not changed.
    seed : int
        Base of all seeds.
    epoch, number : int
        Epoch, and position of the call in it.

    Returns
    -------
    list of estimators
        The copies, trained.
    """
    learner = recipe.learner
    assert isinstance(learner, StepwiseLearner)  # others were refused before
    training = set_up(recipe, data, seed, members=copy.deepcopy(members))
    with sklearn.config_context(assume_finite=True):
        learner.train(training, Step(epoch, number, slice(0, data.X.shape[0])))
    return training.members


@contextlib.contextmanager
def silent(done: int, n_epochs: int) -> Iterator[Callable[[Array, int], object]]:
    """No progress is shown."""
    yield lambda totals, n_epochs: None


def continue_record(
    recipe: Recipe,
    data: Data,
    record: Record,
    *,
    all_rows: Any = None,
    held_out: Any = None,
    columns: Array | None = None,
    keep_last: bool = False,
    progress: Progress = silent,
    after_epoch: Callable[[Callable[[], list[Any] | None]], bool] | None = None,
) -> None:
    """Train, and record the epochs that are not recorded yet.

    Parameters
    ----------
    recipe : Recipe
        How to train, and for how many epochs.
    data : Data
        What to learn.
    record : Record
        Is continued. After an exception it holds the epochs that were complete.
    all_rows, held_out
        As in :func:`set_up`.
    columns : ndarray of int of shape (n_present,), default=None
        Classes of the record that the learner knows, where it does not know all.
    keep_last : bool, default=False
        Whether to keep the last state of a learner that ends early, to be repeated.
    progress : callable
        Shows how far it is.
    after_epoch : callable, default=None
        Called after every epoch with what makes the states of the learners, see
        :meth:`Learner.states`; returns whether to end the run.
    """
    dynamics = record.dynamics
    done = dynamics.n_epochs
    # Members that were caught in mid-epoch are trained again from the start, with the
    # same seeds; what was recorded stands.
    first = record.n_trained
    training = set_up(
        recipe,
        data,
        record.seed,
        members=record.members if first else None,
        all_rows=all_rows,
        held_out=held_out,
        added=data.validation.X if record.validation and data.validation else None,
    )
    record.members, record.n_trained = training.members, 0
    n_handed_out = first

    def widened(parts: list[Iterator[Block]]) -> list[Iterable[Block]]:
        if columns is None:
            return [*parts]
        n_classes = len(dynamics.classes)
        return [_widened(blocks, n_classes, columns) for blocks in parts]

    def keep(parts: list[Iterator[Block]]) -> None:
        for part, blocks in zip(record.parts, widened(parts), strict=True):
            part.last = list(blocks)

    def states() -> list[Any] | None:
        return recipe.learner.states(training)

    def on_epoch(parts: list[Iterator[Block]], n_epochs: int) -> bool:
        nonlocal n_handed_out
        n_handed_out += 1
        if n_handed_out <= done:
            return False
        if keep_last and n_handed_out == n_epochs < recipe.n_epochs:
            keep(parts)
            add_epoch(record, [part.last for part in record.parts])
        else:
            add_epoch(record, widened(parts))
        advance(record.totals[-1], n_epochs)
        stop = after_epoch is not None and after_epoch(states)
        return stop or n_handed_out == recipe.until

    try:
        with (
            sklearn.config_context(assume_finite=True),
            progress(done, recipe.n_epochs) as advance,
        ):
            recipe.learner.run(training, recipe.n_epochs, on_epoch, first=first)
            ended_early = record.n_epochs < (recipe.until or recipe.n_epochs)
            if keep_last and ended_early and not record.last:
                # It did not know, when it handed its last state out, that it was that.
                keep(recipe.learner.parts(training))
    except BaseException:
        record.rollback()
        raise
    finally:
        record.members = training.members
        if dynamics.n_epochs:
            recipe.learner.end(training)
            record.release()
        record.facts = training.facts
    record.n_trained = dynamics.n_epochs


def _widened(
    blocks: Iterator[Block], n_classes: int, columns: Array
) -> Iterator[Block]:
    """Blocks of a run; a class that it has never seen has probability 0."""
    for rows, proba, resolve_ties in blocks:
        wide = np.zeros((len(proba), n_classes), dtype=proba.dtype)
        wide[:, columns] = proba
        yield rows, wide, resolve_ties


def record_all_rows(recipe: Recipe, data: Data, seed: int, index: pd.Index) -> Record:
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
    Record
        The in-sample record, with the trained learners.
    """
    record = new_record(
        recipe, data.labels, seed, index=index, validation=data.validation
    )
    with recipe.threads.use():
        continue_record(recipe, data, record, keep_last=True)
    return record


def record_fold(
    recipe: Recipe,
    data: Data,
    train: Rows,
    test: Rows,
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
    if recipe.learner.knows_its_rows_only and not data.labels.multilabel:
        learned, present = learned.of_present_classes()
        if len(present) < len(data.labels.classes):
            columns = present
            recipe = recipe.for_classes(learned.labels.classes)
    labels = EncodedLabels(data.labels.codes[test], data.labels.classes)
    record = new_record(recipe, labels, seed)
    with recipe.threads.use():
        continue_record(
            recipe,
            learned,
            record,
            all_rows=data.X,
            held_out=sklearn_compat.take_rows(data.X, test),
            columns=columns,
            keep_last=True,
            progress=progress,
        )
    record.members = []  # nobody needs the model of one fold
    return record
