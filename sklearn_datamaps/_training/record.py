"""Trains a learner and records the dynamics of the rows: those of X, or held out."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import sklearn
from sklearn.base import clone
from threadpoolctl import ThreadpoolController

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.labels import EncodedLabels
from sklearn_datamaps._core.public import found_in
from sklearn_datamaps._core.recorder import Recorder
from sklearn_datamaps._learners import registry, sklearn_compat, skorch
from sklearn_datamaps._learners.partial_fit import Block, PartialFitRun
from sklearn_datamaps._learners.staged import StagedRun

Run = PartialFitRun | StagedRun
# From epochs done and epochs wanted to what is told of every epoch.
Progress = Callable[[int, int], AbstractContextManager[Callable[[Array], object]]]


@dataclass(frozen=True)
class Data:
    """What is learned and recorded.

    Attributes
    ----------
    X : {ndarray, csr} of shape (n_samples, n_features)
        Validated features.
    labels : EncodedLabels
        The labels as codes.
    raw_y : ndarray of shape (n_samples,) or None
        Labels as the user gave them, where a learner can read those.
    params : mapping
        Further arguments of training, with one value a row or not.
    """

    X: Any
    labels: EncodedLabels
    raw_y: Array | None = None
    params: Mapping[str, Any] = field(default_factory=dict)

    def take(self, rows: Array) -> "Data":
        """Some of the rows, copied once."""
        params = sklearn_compat.index_fit_params(
            self.X, params=dict(self.params), indices=rows
        )
        return Data(
            self.X[rows],
            EncodedLabels(self.labels.codes[rows], self.labels.classes),
            None if self.raw_y is None else self.raw_y[rows],
            params,
        )

    def of_present_classes(self) -> tuple["Data", Array]:
        """Leave out classes without a row; return their columns, too."""
        present, codes = np.unique(self.labels.codes, return_inverse=True)
        labels = EncodedLabels(codes.reshape(-1), self.labels.classes[present])
        return Data(self.X, labels, self.raw_y, self.params), present


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


@cache
def _libraries() -> ThreadpoolController:
    """Libraries of linear algebra in this process; finding them takes milliseconds."""
    return ThreadpoolController().select(user_api="blas")


@dataclass(frozen=True)
class Threads:
    """Numbers of threads; with another number sums round otherwise.

    Attributes
    ----------
    blas, torch : int or None
        Of linear algebra, and of torch. None: as they are.
    """

    blas: int | None = None
    torch: int | None = None

    @classmethod
    def here(cls, learner: Any) -> "Threads":
        """Return the threads that this process uses for a learner."""
        pools = _libraries().info()
        blas = max((pool["num_threads"] for pool in pools), default=None)
        return cls(blas, skorch.n_threads(learner))

    @contextlib.contextmanager
    def use(self) -> Iterator[None]:
        """Use as many, for a while."""
        with (
            _libraries().limit(limits=self.blas),
            skorch.threads(self.torch),
        ):
            yield


@dataclass(frozen=True)
class Recipe:
    """How to train and record, the same for all rows and for every fold.

    Attributes
    ----------
    estimator : estimator
        What the user gave; it is cloned.
    n_epochs : int
        Epochs to train, or stages to record.
    response_method : {"predict_proba", "decision_function"}
        Where probabilities come from.
    batch_size, batch_order
        As in ``DataMapClassifier``.
    own_seeds : bool
        Whether a learner with stages keeps the seeds that the user set in it.
    measures, store_trajectories
        As in ``TrainingDynamics``.
    n_jobs : int or None
        Threads over the labels of a multilabel target.
    threads : Threads
        Of the process that made the recipe, for others to use as many.
    """

    estimator: Any
    n_epochs: int
    response_method: str
    batch_size: int | None = None
    batch_order: str = "rows"
    own_seeds: bool = False
    measures: tuple[str, ...] = ()
    store_trajectories: bool = False
    n_jobs: int | None = None
    threads: Threads = field(default_factory=Threads)

    def new_record(
        self,
        labels: EncodedLabels,
        seed: int,
        *,
        index: pd.Index | None = None,
        key: tuple[Any, ...] = (),
    ) -> Record:
        """Begin a record of these labels."""
        dynamics = Recorder(
            labels,
            measures=self.measures,
            store_trajectories=self.store_trajectories,
            index=index,
        )
        return Record(dynamics, seed, key)

    def run(
        self,
        data: Data,
        seed: int,
        *,
        members: list[Any] | None = None,
        all_rows: Any = None,
        held_out: Any = None,
    ) -> Run:
        """Set the learner up to be trained and recorded.

        Parameters
        ----------
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

        Returns
        -------
        PartialFitRun or StagedRun
        """
        learner = registry.base_learner(self.estimator)
        labels = data.labels
        codes = sklearn_compat.needs_codes(learner)
        common: dict[str, Any] = {
            "members": members
            or registry.make_members(
                self.estimator, labels, data.X if all_rows is None else all_rows
            ),
            "X": data.X,
            "y": self._targets(data, codes=codes),
            "labels": labels,
            "classes": np.arange(len(labels.classes)) if codes else labels.classes,
            "seed": seed,
            "fit_params": data.params,
            # Threads would share torch's one random state.
            "n_jobs": None if skorch.is_net(learner) else self.n_jobs,
            "held_out": held_out,
        }
        if self.staged:
            return StagedRun(**common, reseed=not self.own_seeds)
        return PartialFitRun(
            **common,
            response_method=self.response_method,
            batch_size=self.batch_size,
            batch_order=self.batch_order,
        )

    @property
    def staged(self) -> bool:
        """Whether the learner is fitted once and recorded stage by stage."""
        return registry.is_staged(self.estimator)

    @property
    def sees_every_class(self) -> bool:
        """Whether the learner can be told of no class but those of its rows."""
        learner = registry.base_learner(self.estimator)
        return self.staged or sklearn_compat.needs_rows_of_every_class(learner)

    def for_classes(self, classes: Array) -> "Recipe":
        """Leave out the weights of classes that are not there; learners refuse them."""
        weights = getattr(self.estimator, "class_weight", None)
        if not isinstance(weights, Mapping):
            return self
        known = set(classes.tolist())
        weights = {k: weight for k, weight in weights.items() if k in known}
        estimator = clone(self.estimator).set_params(class_weight=weights)
        return replace(self, estimator=estimator)

    def _targets(self, data: Data, *, codes: bool) -> Array | None:
        """Labels as the learner wants them; None: each clone has its own column."""
        labels = data.labels
        if registry.trains_per_label(self.estimator, labels):
            return None
        if labels.multilabel or codes:
            return labels.codes.astype(np.int64)
        return labels.values() if data.raw_y is None else data.raw_y


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
    record = recipe.new_record(data.labels, seed, index=index)
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
    record = recipe.new_record(labels, seed)
    with recipe.threads.use():
        run = recipe.run(learned, seed, all_rows=data.X, held_out=data.X[test])
        continue_record(
            run, record, recipe.n_epochs, columns=columns, progress=progress
        )
    record.members = None  # nobody needs the model of one fold
    return record
