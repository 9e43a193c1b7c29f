"""Learners that are fitted once and recorded at some of their stages."""

from collections.abc import Iterator
from itertools import repeat
from typing import Any

import numpy as np
import pandas as pd

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.messages import warn_caller
from sklearn_datamaps._learners import sklearn_compat
from sklearn_datamaps._learners.blocks import row_blocks
from sklearn_datamaps._learners.frames import columns_without_numbers, refuse_columns
from sklearn_datamaps._learners.learner import (
    Block,
    Learner,
    OnEpoch,
    Training,
)
from sklearn_datamaps._learners.responses import in_order
from sklearn_datamaps._learners.stages import (
    Stages,
    has_stages,
    is_registered,
    spread,
    stages_of,
)

# Of HistGradientBoostingClassifier(early_stopping="auto").
AUTO_STOPPING_ABOVE = 10_000


class StagedLearner(Learner):
    """Boosting of scikit-learn, XGBoost, LightGBM, CatBoost, and what is registered.

    The probabilities of one stage are all that is held beside the record, and what
    the learner itself keeps from stage to stage: one margin a row and class.
    """

    training_method = "fit"
    takes_blocks = False
    recorded_at = (
        "recorded at n_epochs of its stages. For more stages set its own number of "
        "them (n_estimators, max_iter) and n_epochs."
    )

    @classmethod
    def handles(cls, inner: Any) -> bool:
        """Whether it is registered, or has stages and no ``partial_fit``."""
        if is_registered(inner):
            return True
        return not hasattr(inner, "partial_fit") and has_stages(inner)

    @property
    def knows_its_rows_only(self) -> bool:
        """Yes: ``fit`` looks for the classes itself."""
        return True

    @property
    def takes_frames(self) -> bool:
        """Yes: ``fit`` is called once, so that nothing is gained by an array."""
        return True

    def check_columns(self, X: pd.DataFrame, *, as_array: bool = False) -> None:
        """Refuse columns that boosting of scikit-learn would take for numbers.

        Other libraries name the columns themselves that they cannot read.
        """
        if not sklearn_compat.is_of_scikit_learn(self.inner):
            return
        own = sklearn_compat.categorical_columns(self.inner, X)
        odd = columns_without_numbers(X).items()
        others = {name: dtype for name, dtype in odd if name not in own}
        refuse_columns(others, type(self.inner).__name__)

    def check_response(self, wanted: str) -> str:
        """Return ``"predict_proba"``; a decision function has no stages."""
        if wanted == "decision_function":
            raise ValueError(
                f"response_method='decision_function' is not for "
                f"{type(self.inner).__name__}, whose stages are recorded by their "
                f"probabilities. Use 'auto'."
            )
        return "predict_proba"

    def warn(self, n_samples: int) -> None:
        """Warn of a learner that will not train on all the rows it is given."""
        inner = self.inner
        stopping = getattr(inner, "early_stopping", False)
        stops = stopping is True or (
            stopping == "auto" and n_samples > AUTO_STOPPING_ABOVE
        )
        if not stops and not hasattr(inner, "early_stopping"):
            stops = getattr(inner, "n_iter_no_change", None) is not None
        share = getattr(inner, "validation_fraction", None)
        if not stops or share is None:
            return
        cure = (
            "early_stopping=False"
            if hasattr(inner, "early_stopping")
            else "n_iter_no_change=None"
        )
        what = f"{share:.0%} of the" if isinstance(share, float) else f"{share:,}"
        warn_caller(
            f"{type(inner).__name__} holds {what} rows out to decide when to stop, so "
            f"the map mixes rows that it trained on with rows that it did not. For a "
            f"map of one kind set {cure}."
        )

    def run(
        self, training: Training, n_epochs: int, on_epoch: OnEpoch, *, first: int = 0
    ) -> None:
        """Fit, then hand out evenly spaced stages; all, where there are fewer.

        Raises
        ------
        ValueError
            If a fitted learner has no stage.
        """

        def fit(i: int) -> None:
            if training.reseed:
                training.seeds[i].set(training.members[i], 0, 0)
            y = training.targets(i, slice(None))
            training.members[i].fit(training.X, y, **training.fit_params)

        training.map_members(fit)
        found = [stages_of(member) for member in training.members]
        known = [s for s in found if s is not None and s.n_stages > 0]
        if len(known) < len(training.members):
            raise ValueError(
                f"{type(training.members[0]).__name__} has no stages after fit: "
                f"nothing to record."
            )
        # A label whose learner stopped early stays at its last stage.
        n_epochs = min(n_epochs, max(stages.n_stages for stages in known))
        numbers = [spread(s.n_stages, min(n_epochs, s.n_stages)) for s in known]
        training.facts["stages"] = max(numbers, key=len).tolist()
        training.facts["n_asked"] = _stages_asked(training.members[0])
        parts = [
            list(_staged_blocks(training, X, known, numbers)) for X in training.recorded
        ]
        for _ in range(n_epochs):
            if on_epoch([_blocks(training, part) for part in parts], n_epochs):
                return

    def states(self, training: Training) -> None:
        """None: a stage is an answer, not an estimator."""
        return


def _stages_asked(member: Any) -> int | None:
    """How many stages the learner would make if nothing ended it early."""
    params = member.get_params(deep=False) if hasattr(member, "get_params") else {}
    known = (params.get(name) for name in ("n_estimators", "max_iter", "iterations"))
    return next((int(n) for n in known if n is not None), None)


Staged = list[tuple[slice, list[Iterator[Array]]]]


def _staged_blocks(
    training: Training, X: Any, known: list[Stages], numbers: list[Array]
) -> Iterator[tuple[slice, list[Iterator[Array]]]]:
    """Of every block of rows, the probabilities of each member stage by stage."""
    for rows, block in row_blocks(X, len(training.labels.classes)):
        yield (
            rows,
            [
                _stay_at_last(stages.probabilities(block, at.tolist()), len(at))
                for stages, at in zip(known, numbers, strict=True)
            ],
        )


def _stay_at_last(probas: Iterator[Array], n_stages: int) -> Iterator[Array]:
    """Yield those of all stages, then of the last one again and again."""
    n_given = 0
    for proba in probas:
        last = np.asarray(proba)
        n_given += 1
        yield last
    if n_given < n_stages:
        raise ValueError(
            f"Probabilities of {n_stages} stages were asked for, and those of "
            f"{n_given} came. What is registered with stages_of must give one for each "
            f"number."
        )
    yield from repeat(last)


def _blocks(training: Training, staged: Staged) -> Iterator[Block]:
    """Rows and their probabilities at the next stage; the first class settles ties."""
    for rows, of_members in staged:
        probas = [next(iterator) for iterator in of_members]
        if training.y is not None:
            member, classes = training.members[0], training.classes
            yield rows, in_order(probas[0], member, classes), None
            continue
        columns = [
            in_order(proba, member, np.array([0, 1]))[:, 1]
            for proba, member in zip(probas, training.members, strict=True)
        ]
        yield rows, np.column_stack(columns), None
