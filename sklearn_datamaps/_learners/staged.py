"""Trains a staged learner once, then yields its probabilities stage by stage."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.utils.parallel import Parallel, delayed

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.labels import EncodedLabels
from sklearn_datamaps._learners.blocks import row_blocks
from sklearn_datamaps._learners.partial_fit import Block, in_order
from sklearn_datamaps._learners.seeds import Seeds
from sklearn_datamaps._learners.stages import Stages, spread, stages_of


@dataclass
class StagedRun:
    """Learners that are fitted once and recorded at some of their stages.

    The probabilities of one stage are all that is held beside the record, and what
    the learner itself keeps from stage to stage: one margin a row and class.

    Parameters
    ----------
    members : list of estimators
        The learners; several: one per label of an indicator.
    X : {ndarray, csr} of shape (n_samples, n_features)
        Validated features.
    y : ndarray of shape (n_samples,), or None
        Labels as the learner wants them; None: each member has a label of its own.
    labels : EncodedLabels
        The labels as codes.
    classes : ndarray of shape (n_classes,)
        The classes as the learner is given them: labels, or codes from 0.
    seed : int
        Base of all seeds.
    reseed : bool
        Whether to set the seeds; False: the learner has its own.
    fit_params : mapping
        Further arguments of ``fit``.
    n_jobs : int or None
        Threads over the members.
    held_out : {ndarray, csr} of shape (n_held_out, n_features) or None
        Rows to record instead of those of X.
    """

    members: list[Any]
    X: Any
    y: Array | None
    labels: EncodedLabels
    classes: Array
    seed: int
    reseed: bool = True
    fit_params: Mapping[str, Any] = field(default_factory=dict)
    n_jobs: int | None = None
    held_out: Any = None

    def __post_init__(self) -> None:
        self.seeds = [Seeds(m, self.seed, i) for i, m in enumerate(self.members)]
        self.stages: list[Array] = []

    def start(self, n_epochs: int) -> int:
        """Fit, and choose the stages to record.

        Parameters
        ----------
        n_epochs : int
            How many stages to record.

        Returns
        -------
        int
            How many there are to record: all, where there are fewer.

        Raises
        ------
        ValueError
            If the fitted learner has no stage.
        """
        Parallel(n_jobs=self.n_jobs, require="sharedmem")(
            delayed(self._fit)(i) for i in range(len(self.members))
        )
        known = [stages_of(member) for member in self.members]
        found = [stages for stages in known if stages is not None and stages.n_stages]
        if len(found) < len(self.members):
            raise ValueError(
                f"{type(self.members[0]).__name__} has no stages after fit: nothing "
                f"to record."
            )
        n_epochs = min(n_epochs, *(stages.n_stages for stages in found))
        self.stages = [spread(stages.n_stages, n_epochs) for stages in found]
        self._blocks = list(self._staged_blocks(found))
        return n_epochs

    def _fit(self, i: int) -> None:
        if self.reseed:
            self.seeds[i].set(self.members[i], 0, 0)
        y = self.labels.codes[:, i].astype(np.int64) if self.y is None else self.y
        self.members[i].fit(self.X, y, **self.fit_params)

    def _staged_blocks(
        self, found: list[Stages]
    ) -> Iterator[tuple[slice, list[Iterator[Array]]]]:
        X = self.X if self.held_out is None else self.held_out
        for rows, block in row_blocks(X, len(self.labels.classes)):
            yield (
                rows,
                [
                    stages.probabilities(block, numbers.tolist())
                    for stages, numbers in zip(found, self.stages, strict=True)
                ],
            )

    def train(self, epoch: int) -> None:
        """Do nothing: all stages were trained at the start."""

    def blocks(self) -> Iterator[Block]:
        """Yield rows and their probabilities at the next stage.

        Yields
        ------
        rows : slice
            Which rows.
        proba : ndarray of shape (n_rows, n_classes) or (n_rows, n_labels)
            Probabilities in the order of ``labels.classes``.
        None
            Of a shared maximum the first class is the prediction.
        """
        for rows, staged in self._blocks:
            probas = [np.asarray(next(iterator)) for iterator in staged]
            if self.y is not None:
                yield rows, in_order(probas[0], self.members[0], self.classes), None
                continue
            columns = [
                in_order(proba, member, np.array([0, 1]))[:, 1]
                for proba, member in zip(probas, self.members, strict=True)
            ]
            yield rows, np.column_stack(columns), None

    def restore_seeds(self) -> None:
        """Give every learner the random states back that the user set."""
        for member, seeds in zip(self.members, self.seeds, strict=True):
            seeds.restore(member)
