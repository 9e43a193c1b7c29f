"""The record of a run: what is known of it, and what it takes to continue it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from sklearn_datamaps._core.arrays import Array, Rows
from sklearn_datamaps._core.labels import EncodedLabels
from sklearn_datamaps._core.public import found_in
from sklearn_datamaps._core.recorder import Recorder
from sklearn_datamaps._learners.learner import (
    Block,
)
from sklearn_datamaps._training.recipe import Recipe, Validation


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
