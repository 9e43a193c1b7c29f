"""Learners with ``partial_fit``: an epoch is a pass over the rows."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.messages import warn_caller
from sklearn_datamaps._learners import sklearn_compat
from sklearn_datamaps._learners.learner import WHAT_WORKS, StepwiseLearner
from sklearn_datamaps._learners.refused import instead_of

# Features of coef_ that are turned to Fortran order at a time, to stay in cache.
TURNED_AT_ONCE = 512


class PartialFitLearner(StepwiseLearner):
    """SGD, Perceptron, MLP, naive Bayes, meta-estimators of them, and all alike."""

    @classmethod
    def handles(cls, inner: Any) -> bool:
        """Whether it has ``partial_fit``."""
        return hasattr(inner, "partial_fit")

    @property
    def knows_its_rows_only(self) -> bool:
        """Whether it fails if told of a class that has no rows."""
        return sklearn_compat.needs_rows_of_every_class(self.inner)

    def check(self) -> None:
        """Refuse what has no epochs, stops early or cannot weigh classes."""
        name = type(self.inner).__name__
        of_other_solvers = hasattr(type(self.inner), "partial_fit")
        if of_other_solvers and getattr(self.inner, "solver", None) == "lbfgs":
            raise ValueError(
                f"{type(self.estimator).__name__} with solver='lbfgs' has no epochs: "
                f"it sees all rows at once. Use solver='adam' or 'sgd'."
            )
        if not hasattr(self.inner, "partial_fit"):
            why, use = instead_of(self.inner) or ("", WHAT_WORKS)
            raise TypeError(
                f"{name} has no partial_fit and no stages, so it has no epochs to "
                f"record{why and ': '}{why}. Use {use}."
            )
        params = self.inner_settings
        stopping = [
            k for k, v in params.items() if _ends(k, "early_stopping") and v is True
        ]
        if stopping:
            raise ValueError(
                f"{stopping[0]}=True of {name} is not supported: "
                f"partial_fit cannot hold rows out, and a map needs the same number of "
                f"epochs of every row. Set it to False and choose n_epochs."
            )
        nested = [
            k
            for k, v in params.items()
            if k.endswith("__class_weight") and v is not None
        ]
        if nested and isinstance(self.inner, OneVsRestClassifier | OneVsOneClassifier):
            raise ValueError(
                f"{nested[0]} inside {name} cannot be right: each member "
                f"sees the classes 0 and 1, not yours. SGDClassifier is one-vs-rest "
                f"already: pass it directly, with class_weight='balanced' or a dict, "
                f"or use sample_weight."
            )

    def warn(self, n_samples: int) -> None:
        """Warn of learners and settings whose map cannot mean what users expect."""
        name = type(self.inner).__name__
        if sklearn_compat.has_no_dynamics(self.inner):
            warn_caller(
                f"{name} has no training dynamics: naive Bayes is at its "
                f"fixed point after one pass, in mini-batches or not. What still moves "
                f"in later epochs is its smoothing, which fades as the counts grow, so "
                f"variability says nothing about the rows. Confidence is meaningful; "
                f"for a full map use SGDClassifier(loss='log_loss') or MLPClassifier."
            )
        if sklearn_compat.ignores_adaptive_rate(self.inner):
            warn_caller(
                f"learning_rate='adaptive' of {name} does nothing under "
                f"partial_fit: the step stays at eta0. Choose 'optimal', 'invscaling' "
                f"or 'constant' to say what you mean."
            )

    def balance(self, member: BaseEstimator, n_rows: Array, classes: Array) -> None:
        """Set balanced weights as numbers: a batch cannot tell them."""
        if getattr(member, "class_weight", None) != "balanced":
            return
        present = n_rows > 0
        weights = np.ones(len(classes))
        weights[present] = n_rows.sum() / (
            present.sum() * n_rows[present].astype(float)
        )
        by_class = sklearn_compat.class_weight_dict(classes, weights)
        member.set_params(class_weight=by_class)

    def train_member(
        self,
        member: Any,
        X: Any,
        y: Array,
        *,
        classes: Array,
        params: Mapping[str, Any],
        seed: int,
    ) -> None:
        """Train one member by one call of ``partial_fit``."""
        if self.takes("classes"):
            params = {"classes": classes, **params}
        member.partial_fit(X, y, **params)

    @contextmanager
    def asked_often(self, members: list[Any]) -> Iterator[None]:
        """Keep ``coef_`` of many classes in Fortran order, the same values.

        SciPy multiplies a sparse block by ``coef_.T`` in C order, so it would copy all
        of ``coef_`` for every block.
        """
        wide = [
            member
            for member in members
            if getattr(getattr(member, "coef_", None), "ndim", 0) == 2
            and len(member.coef_) > 1
            and member.coef_.flags.c_contiguous
        ]
        original = [member.coef_ for member in wide]
        for member, coef in zip(wide, original, strict=True):
            turned = np.empty_like(coef, order="F")
            for start in range(0, coef.shape[1], TURNED_AT_ONCE):
                part = slice(start, start + TURNED_AT_ONCE)
                turned[:, part] = coef[:, part]
            member.coef_ = turned
        try:
            yield
        finally:
            for member, coef in zip(wide, original, strict=True):
                member.coef_ = coef


def _ends(key: str, name: str) -> bool:
    return key == name or key.endswith("__" + name)
