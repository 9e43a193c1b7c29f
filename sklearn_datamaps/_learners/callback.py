"""Learners that scikit-learn itself calls back at every iteration of their solver."""

from collections.abc import Callable
from typing import Any

import numpy as np
import sklearn
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV

from sklearn_datamaps._learners import sklearn_compat
from sklearn_datamaps._learners.learner import Training
from sklearn_datamaps._learners.push import PushLearner

# Which learners, and what they must be set to: searches, pipelines and scalers can be
# given callbacks, too, and hand out nothing that is a step of learning.
NEEDED: list[tuple[type, dict[str, Any]]] = [(LogisticRegression, {"solver": "lbfgs"})]
# Derived from one of them, and fitted in another way.
NOT_THESE = (LogisticRegressionCV,)


class CallbackLearner(PushLearner):
    """``LogisticRegression``: an epoch is an iteration of its solver.

    The states handed out are copies, so the fit is the one that it would be without
    them, bit for bit. The solver decides when it has converged.
    """

    ends_itself = True
    recorded_at = (
        "recorded at every iteration of its solver. For more of them raise its "
        "max_iter, and lower its tol."
    )

    @classmethod
    def handles(cls, inner: Any) -> bool:
        """Whether it is one of those listed, set to what is needed or not."""
        classes = tuple(kind for kind, _ in NEEDED)
        return isinstance(inner, classes) and not isinstance(inner, NOT_THESE)

    def check(self) -> None:
        """Refuse other solvers, an older scikit-learn, and callbacks out of place."""
        inner, name = self.inner, type(self.inner).__name__
        of_kind = (params for kind, params in NEEDED if isinstance(inner, kind))
        for param, needed in next(of_kind).items():
            value = getattr(inner, param)
            if value != needed:
                raise ValueError(
                    f"{name}({param}={value!r}) hands out no model until it is "
                    f"converged, so it has no epochs to record. Set "
                    f"{param}={needed!r}, or use SGDClassifier(loss='log_loss'), which "
                    f"also takes penalty='l1' and 'elasticnet'."
                )
        if not sklearn_compat.calls_back():
            raise TypeError(
                f"{name} cannot be recorded with scikit-learn {sklearn.__version__}: "
                f"it calls back at every iteration from version 1.9 on. Use "
                f"SGDClassifier(loss='log_loss'), the same model trained by stochastic "
                f"gradients, or update scikit-learn."
            )
        propagating = sklearn_compat.propagating_callbacks(inner)
        if propagating:
            raise TypeError(
                f"The callback {propagating[0]} is set on {name}, but it belongs on "
                f"the outermost estimator, from where scikit-learn hands it on: call "
                f"set_callbacks of the DataMapClassifier, or of the Pipeline or search "
                f"around it."
            )

    def epochs_wanted(self, n_epochs: int | str) -> int:
        """Return the most iterations there can be; a number would not be obeyed."""
        if isinstance(n_epochs, str):
            return max(1, int(self.inner.max_iter))
        name = type(self.inner).__name__
        raise ValueError(
            f"n_epochs={n_epochs} cannot be set for {name}: its solver decides when it "
            f"has converged, and every iteration is recorded (n_epochs_ says how many "
            f"there were). Leave n_epochs='auto'; {name}(max_iter=...) sets the most."
        )

    @property
    def input_dtype(self) -> Any:
        """Floating point of either precision."""
        return [np.float64, np.float32]

    def fit_member(
        self,
        training: Training,
        i: int,
        n_epochs: int,
        hand_out: Callable[[Any], None],
    ) -> Any:
        """Fit one member; see :meth:`PushLearner.fit_member`."""
        member, n_iterations = training.members[i], 0

        def count(state: Any) -> None:
            nonlocal n_iterations
            n_iterations += 1
            state.n_iter_ = np.array([n_iterations], dtype=np.int32)
            hand_out(state)

        with sklearn_compat.handing_out(member, count):
            member.fit(
                training.X, training.targets(i, slice(None)), **training.fit_params
            )
        if not n_iterations:
            hand_out(member)  # it began where it would have ended
        return member
