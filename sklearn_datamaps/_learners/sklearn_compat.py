"""The only file that touches private or version-dependent parts of scikit-learn."""

import contextlib
import copy
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.base import _fit_context as fit_context
from sklearn.linear_model._stochastic_gradient import BaseSGD
from sklearn.naive_bayes import CategoricalNB, GaussianNB, _BaseDiscreteNB
from sklearn.neural_network._multilayer_perceptron import BaseMultilayerPerceptron
from sklearn.utils import Tags, get_tags
from sklearn.utils import _safe_indexing as take_rows
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metadata_routing import _routing_enabled as routing_enabled
from sklearn.utils.validation import _check_method_params as index_fit_params
from sklearn.utils.validation import _check_sample_weight as check_sample_weight

try:  # experimental, since version 1.9
    from sklearn.callback import AutoPropagatedCallback
    from sklearn.callback import CallbackSupportMixin as CallbackSupport
except ImportError:
    AutoPropagatedCallback = None

    class CallbackSupport:  # type: ignore[no-redef] # stands in for the one above
        """Nothing that could be called back."""


class LinkedInDiagrams:
    """Mixin: scikit-learn's diagram of an estimator links its page in our reference.

    It links those classes only whose ``__module__`` begins with that of the link: the
    estimators of scikit-learn inside, and classes that users derive, keep their own.
    """

    _doc_link_module = "sklearn_datamaps"
    _doc_link_template = (
        "https://sklearn-datamaps.readthedocs.io/en/latest/generated/"
        "{estimator_module}.{estimator_name}.html"
    )


# What scikit-learn leaves on an estimator while its callbacks are called.
OF_CALLBACKS = ("_skl_callbacks", "_skl_callbacks_to_teardown", "_callback_fit_ctx")

__all__ = [
    "CallbackSupport",
    "FitTasks",
    "Interval",
    "LinkedInDiagrams",
    "StrOptions",
    "calls_back",
    "categorical_columns",
    "check_block_weight",
    "check_sample_weight",
    "class_weight_dict",
    "fit_context",
    "handing_out",
    "has_no_dynamics",
    "ignores_adaptive_rate",
    "index_fit_params",
    "input_dtype",
    "is_of_scikit_learn",
    "learner_tags",
    "members_of",
    "min_categories",
    "needs_codes",
    "needs_rows_of_every_class",
    "propagating_callbacks",
    "routing_enabled",
    "swallowed_interrupt",
    "take_rows",
    "with_inner",
]


def with_inner(estimator: Any) -> Iterator[Any]:
    """Yield an estimator and, for wrappers, the estimators inside (``estimator``)."""
    while estimator is not None:
        yield estimator
        estimator = getattr(estimator, "estimator", None)


def members_of(estimator: Any) -> list[Any]:
    """Fitted members of a wrapper (``estimators_``), or an empty list."""
    found = getattr(estimator, "estimators_", None)
    if found is None:
        return []
    members = np.ravel(np.asarray(found, dtype=object))
    return [member for member in members if isinstance(member, BaseEstimator)]


def input_dtype(estimator: Any) -> Any:
    """Dtype of X that the learner can read as it is, epoch after epoch.

    Anything else is converted once at the boundary instead of in every call.
    """
    for inner in with_inner(estimator):
        if isinstance(inner, BaseSGD | BaseMultilayerPerceptron):
            return [np.float64, np.float32]
        if isinstance(inner, CategoricalNB):
            return np.intp
    return "numeric"


def is_of_scikit_learn(estimator: Any) -> bool:
    """Whether the learner is boosting of scikit-learn, or derived from it."""
    return any(
        base.__module__.startswith("sklearn.ensemble")
        for base in type(estimator).__mro__
    )


def categorical_columns(estimator: Any, X: pd.DataFrame) -> list[Any]:
    """Names of the columns that HistGradientBoosting encodes itself."""
    wanted = getattr(estimator, "categorical_features", None)
    if wanted is None:
        return []
    if isinstance(wanted, str) and wanted == "from_dtype":
        return [
            name
            for name, dtype in X.dtypes.items()
            if isinstance(dtype, pd.CategoricalDtype)
        ]
    named = np.asarray(wanted)
    if named.dtype.kind in "bui" and named.size:
        return list(X.columns[named])
    known = set(named.tolist())
    return [name for name in X.columns if name in known]


def learner_tags(estimator: Any) -> Tags | None:
    """scikit-learn tags of the estimator; None when it does not define any."""
    return get_tags(estimator) if hasattr(estimator, "__sklearn_tags__") else None


def needs_codes(estimator: Any) -> bool:
    """Whether the learner takes no labels but the integers from 0."""
    bases = type(estimator).__mro__
    return any(base.__module__.split(".")[0] in ("xgboost", "skorch") for base in bases)


def has_no_dynamics(estimator: Any) -> bool:
    """Whether one pass brings the learner to its fixed point: naive Bayes."""
    return any(
        isinstance(inner, GaussianNB | _BaseDiscreteNB)
        for inner in with_inner(estimator)
    )


def needs_rows_of_every_class(estimator: Any) -> bool:
    """Whether the learner cannot be told of a class that has no rows.

    GaussianNB takes the logarithm of each class's share of the rows.
    """
    return any(isinstance(inner, GaussianNB) for inner in with_inner(estimator))


def ignores_adaptive_rate(estimator: Any) -> bool:
    """Whether ``learning_rate="adaptive"`` does nothing under ``partial_fit``."""
    return any(
        isinstance(inner, BaseSGD)
        and getattr(inner, "learning_rate", None) == "adaptive"
        for inner in with_inner(estimator)
    )


def check_block_weight(sample_weight: Any, X: Any) -> Any:
    """Weights of the rows of one block, validated; all of them may be 0.

    Version 1.9 refuses weights that are all 0 unless told otherwise.
    """
    known = inspect.signature(check_sample_weight).parameters
    allowed = {"allow_all_zero_weights": True}
    return check_sample_weight(
        sample_weight, X, **{k: v for k, v in allowed.items() if k in known}
    )


def min_categories(estimator: Any) -> tuple[str, Any] | None:
    """Name and value of what tells CategoricalNB how many categories there are."""
    prefix = ""
    for inner in with_inner(estimator):
        if isinstance(inner, CategoricalNB):
            given = 0 if inner.min_categories is None else inner.min_categories
            return f"{prefix}min_categories", given
        prefix += "estimator__"
    return None


def class_weight_dict(classes: np.ndarray, weights: np.ndarray) -> dict[Any, float]:
    """Class weights by label, as every scikit-learn finds them.

    Version 1.9 looks the label ``"1"`` up as the number 1, others as it is.
    """
    by_class: dict[Any, float] = {}
    for label, weight in zip(classes.tolist(), weights.tolist(), strict=True):
        by_class[label] = weight
        with contextlib.suppress(ValueError):  # no number
            by_class[int(label)] = weight
    return by_class


def swallowed_interrupt(estimator: Any) -> bool:
    """Whether an MLP caught a KeyboardInterrupt inside its last ``partial_fit``.

    It warns and returns as if nothing had happened, but its count of finished
    passes is then 0 instead of 1.
    """
    if isinstance(estimator, BaseMultilayerPerceptron):
        return bool(getattr(estimator, "n_iter_", 1) == 0)
    return any(swallowed_interrupt(member) for member in members_of(estimator))


def calls_back() -> bool:
    """Whether learners of this scikit-learn can call back while they are fitted."""
    return AutoPropagatedCallback is not None


def propagating_callbacks(estimator: Any) -> list[str]:
    """Names of an estimator's callbacks that belong on the outermost estimator."""
    return [
        type(callback).__name__
        for callback in getattr(estimator, "_skl_callbacks", ())
        if isinstance(callback, AutoPropagatedCallback)
    ]


class _HandOut:
    """Callback of scikit-learn that passes on the model of every iteration."""

    def __init__(self, take: Callable[[Any], object]) -> None:
        self.take = take

    def setup(self, estimator: Any, context: Any) -> None:
        """Nothing to set up."""

    def teardown(self, estimator: Any, context: Any) -> None:
        """Nothing to tear down."""

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Ask for no model: there was one when the iteration before ended."""

    def on_fit_task_end(
        self, estimator: Any, context: Any, *, fitted_estimator: Any = None
    ) -> None:
        """Take the model of an iteration; that of the whole fit is the last one."""
        if context.parent is not None and fitted_estimator is not None:
            self.take(fitted_estimator)


@contextlib.contextmanager
def handing_out(estimator: Any, hand_out: Callable[[Any], object]) -> Iterator[None]:
    """Have an estimator hand out, while it is fitted, its state at every iteration.

    A state is a copy that predicts as if the fit had ended there. Neither it nor the
    estimator keeps a trace of this, but the callbacks that the user had set.
    """
    own = list(getattr(estimator, "_skl_callbacks", ()))

    def take(fitted: Any) -> None:
        state = copy.copy(fitted)  # other callbacks are given the same one
        for name in OF_CALLBACKS:
            state.__dict__.pop(name, None)
        hand_out(state.set_callbacks(*own))

    estimator.set_callbacks(*own, _HandOut(take))
    try:
        yield
    finally:
        estimator.set_callbacks(*own)


class FitTasks:
    """Tells the callbacks of an estimator of its tasks: "fit", and each "epoch" in it.

    Parameters
    ----------
    estimator : estimator
        With ``CallbackSupport`` among its bases, in its ``fit``.
    n_epochs : int
        The most epochs there can be.
    **data
        ``X``, ``y`` and ``metadata`` as ``fit`` was given them; callables are called
        where a callback asks for what they return.
    """

    def __init__(self, estimator: Any, n_epochs: int, **data: Any) -> None:
        self.estimator, self.n_epochs, self.data = estimator, n_epochs, data
        self.stopped = False
        self._n_begun = 0
        self._fit: Any = None
        self._epoch: Any = None
        if calls_back():
            begin = estimator._init_callback_context  # noqa: SLF001 (scikit-learn's)
            self._fit = begin(max_subtasks=n_epochs)
            self._fit.call_on_fit_task_begin(estimator=estimator, **data)
            self._begin_epoch()

    @property
    def watched(self) -> bool:
        """Whether there is a callback to tell."""
        return bool(getattr(self.estimator, "_skl_callbacks", ()))

    def _begin_epoch(self) -> None:
        if self._fit is not None and self.watched and self._n_begun < self.n_epochs:
            self._n_begun += 1
            self._epoch = self._fit.subcontext(task_name="epoch")
            self._epoch.call_on_fit_task_begin(estimator=self.estimator, **self.data)

    def end_epoch(self, fitted: Callable[[], dict[str, Any] | None]) -> bool:
        """End an epoch and begin the next; return whether a callback wants to stop.

        Parameters
        ----------
        fitted : callable
            Called if a callback asks for it: the attributes that make a copy of the
            estimator predict as if fit had ended here, or None.

        Returns
        -------
        bool
        """
        if self._epoch is None:
            return False
        self.stopped = self._epoch.call_on_fit_task_end(
            estimator=self.estimator, **self.data, reconstruction_attributes=fitted
        )
        self._epoch = None
        if not self.stopped:
            self._begin_epoch()
        return self.stopped

    def end(self) -> None:
        """End the fit, and the epoch that was begun after the last one."""
        if self._epoch is not None:
            self._epoch.call_on_fit_task_end(estimator=self.estimator)
        if self._fit is not None:
            self._fit.call_on_fit_task_end(
                estimator=self.estimator, **self.data, reconstruction_attributes={}
            )
