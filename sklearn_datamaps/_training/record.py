"""The record of a run, and the loop that trains, asks and records."""

import contextlib
import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import sklearn

from sklearn_datamaps._core.arrays import Array, Rows
from sklearn_datamaps._core.labels import EncodedLabels
from sklearn_datamaps._core.public import found_in
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
from sklearn_datamaps._training.recipe import Data, Recipe, Validation

# From epochs done and epochs wanted to what is told of every epoch: its totals, and
# how many epochs there will be.
Progress = Callable[[int, int], AbstractContextManager[Callable[[Array, int], object]]]


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
    key : mapping
        What must not change between the calls that continue the record, by name.
    totals : list of ndarray of shape (3,)
        Of every epoch the cells recorded, the sum of their own probabilities, and
        how many were predicted right.
    members : list of estimators
        The learners, once they were trained.
    n_trained : int
        Epochs that the members are trained for. 0 beside recorded epochs: they were
        caught in the middle of one, and have to start again.
    facts : dict
        What the learner had to say of the run.
    last : list of blocks
        Of a fold, the last state of a learner that ended before the epochs wanted;
        else empty.
    validation : Record or None
        Of the rows that are not trained on: measures, totals and last state.
    """

    dynamics: Recorder
    seed: int
    key: Mapping[str, Any] = field(default_factory=dict)
    totals: list[Array] = field(default_factory=list)
    members: list[Any] = field(default_factory=list)
    n_trained: int = 0
    facts: dict[str, Any] = field(default_factory=dict)
    last: list[Block] = field(default_factory=list)
    validation: "Record | None" = None

    @property
    def n_epochs(self) -> int:
        """Number of complete epochs."""
        return len(self.totals)

    @property
    def accuracy(self) -> list[float]:
        """Share of the cells that were predicted right, epoch by epoch."""
        return [float(right / cells) for cells, _, right in self.totals]

    @property
    def interrupted(self) -> bool:
        """Whether the last run did not reach the end it was meant to."""
        return self.n_trained != self.n_epochs

    @property
    def parts(self) -> list["Record"]:
        """Itself, and the record of the rows that are not trained on, if any."""
        return [self] if self.validation is None else [self, self.validation]

    def add_epoch(self, parts: list[Iterable[Block]]) -> None:
        """Record one epoch, all or nothing: until the end, a rollback undoes it.

        Parameters
        ----------
        parts : list of iterables of blocks
            For each of the parts of the record.
        """
        for part in self.parts:
            part.dynamics.checkpoint()
        for part, blocks in zip(self.parts, parts, strict=True):
            part.add_totals(record_step(part.dynamics, blocks))
        for part in self.parts:
            part.dynamics.commit()

    def rollback(self) -> None:
        """Return to the last epoch that was complete."""
        for part in self.parts:
            part.dynamics.rollback()
            del part.totals[part.dynamics.n_epochs :]

    def forget_trajectories(self) -> None:
        """Keep the probabilities of no epoch, whether it is recorded or not."""
        for part in self.parts:
            part.dynamics.forget_trajectories()

    def release(self) -> None:
        """Free the memory that is there for the next epoch alone."""
        for part in self.parts:
            part.dynamics.release()

    def add_totals(self, parts: Iterable[Array]) -> None:
        """Add the totals of one epoch up, part by part, as they do everywhere."""
        before = whole = self.dynamics.totals
        for part in parts:
            whole = whole + part
        self.dynamics.totals = whole
        self.totals.append(whole - before)

    def repeat_last(self, n_epochs: int) -> None:
        """Stay at the last state up to a number of epochs: the learner ended early."""
        while self.n_epochs < n_epochs:
            self.add_epoch([part.last for part in self.parts])
        for part in self.parts:
            part.last = []
        self.release()

    def absorb(self, other: "Record", rows: Rows) -> None:
        """Take in the record of some rows, in their order, that are not here yet.

        Parameters
        ----------
        other : Record
            With as many epochs as all that are taken in.
        rows : ndarray of int
            Where its rows are here.
        """
        self.dynamics.absorb(other.dynamics, rows)
        if len(other.facts.get("stages", ())) >= len(self.facts.get("stages", ())):
            self.facts |= other.facts
        if not self.totals:
            self.totals = [np.zeros(3) for _ in other.totals]
        for total, theirs in zip(self.totals, other.totals, strict=True):
            total += theirs


def new_record(
    recipe: Recipe,
    labels: EncodedLabels,
    seed: int,
    *,
    index: pd.Index | None = None,
    key: Mapping[str, Any] | None = None,
    validation: Validation | None = None,
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
    key : mapping, default=None
        What must not change if the record is continued.
    validation : Validation, default=None
        Rows to record beside them.

    Returns
    -------
    Record
    """
    recorder = Recorder(
        labels,
        measures=recipe.measures,
        store_trajectories=bool(recipe.store_trajectories),
        index=index,
    )
    record = Record(recorder, seed, {} if key is None else key)
    if validation is not None:
        record.validation = new_record(
            recipe, validation.labels, seed, index=validation.index
        )
    return record


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

    Returns
    -------
    Training
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
    return labels.values() if data.raw_y is None else data.raw_y


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
            record.add_epoch([part.last for part in record.parts])
        else:
            record.add_epoch(widened(parts))
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
