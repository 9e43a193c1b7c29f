"""The kinds of learners that are known, and which one an estimator is."""

from typing import Any

from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import SGDClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import Pipeline

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.labels import EncodedLabels
from sklearn_datamaps._learners import sklearn_compat
from sklearn_datamaps._learners.callback import CallbackLearner
from sklearn_datamaps._learners.learner import Learner, inner_estimator
from sklearn_datamaps._learners.partial_fit import PartialFitLearner
from sklearn_datamaps._learners.skorch import SkorchLearner
from sklearn_datamaps._learners.staged import StagedLearner

# The first that handles an estimator is its kind.
KINDS: list[type[Learner]] = [
    StagedLearner,
    SkorchLearner,
    CallbackLearner,
    PartialFitLearner,
]


def default_estimator() -> SGDClassifier:
    """Learner of the tutorial, a logistic regression by stochastic gradients."""
    return SGDClassifier(loss="log_loss", class_weight="balanced")


def learner_of(estimator: Any) -> Learner:
    """Kind of an estimator; see :class:`Learner` for what it can be asked.

    Parameters
    ----------
    estimator : estimator or None
        What the user gave. None: the default.

    Returns
    -------
    Learner
        Of an estimator of no kind one whose check says so.
    """
    if estimator is None:
        estimator = default_estimator()
    inner = inner_estimator(estimator)
    for kind in KINDS:
        if kind.handles(inner):
            return kind(estimator)
    return PartialFitLearner(estimator)


def checked_learner(estimator: Any) -> Learner:
    """Kind of an estimator of which a map can be made.

    Parameters
    ----------
    estimator : estimator or None
        What the user gave. None: the default.

    Raises
    ------
    TypeError
        If estimator is a class, a Pipeline, frozen, or records maps itself, or has no
        epochs to record.
    ValueError
        If a parameter of it contradicts a record of epochs.
    """
    if isinstance(estimator, type):
        raise TypeError(
            f"estimator must be an instance; got the class {estimator.__name__}. Write "
            f"{estimator.__name__}()."
        )
    if isinstance(estimator, Pipeline):
        raise TypeError(
            "estimator is a Pipeline, which has no partial_fit. Put DataMapClassifier "
            "last, after the vectorizer: make_pipeline(TfidfVectorizer(), "
            "DataMapClassifier(SGDClassifier()))."
        )
    if hasattr(type(estimator), "region_mask"):
        kind = type(estimator)
        raise TypeError(
            f"{kind.__module__}.{kind.__name__} records a map itself: pass the "
            f"estimator inside it, or sklearn_datamaps.DataMapClassifier around that, "
            f"which works on one machine."
        )
    for inner in sklearn_compat.with_inner(estimator):
        if isinstance(inner, FrozenEstimator):
            raise TypeError(
                f"estimator holds a FrozenEstimator, which is fitted already and never "
                f"trains again, so it has no epochs to record. Pass the "
                f"{type(inner.estimator).__name__} inside, which is cloned and trained "
                f"anew; the map of a fitted DataMapClassifier is DataMap."
                f"from_estimator(it)."
            )
    learner = learner_of(estimator)
    learner.check()
    return learner


def check_targets(estimator: Any, labels: EncodedLabels, varied: Array) -> None:
    """Refuse labels of which no map can be made.

    Parameters
    ----------
    estimator : estimator
        What the user gave.
    labels : EncodedLabels
        The labels; of their codes only the number of dimensions is looked at.
    varied : ndarray of shape (n_classes,) or (n_labels,)
        Multilabel: which labels are set in some rows and unset in others.

    Raises
    ------
    ValueError
        If they have one class only, or the estimator cannot take their kind.
    """
    if labels.multilabel:
        if not varied.any():
            raise ValueError(
                "Every column of y holds one class only; a map needs at least one "
                "label that is set in some rows and unset in others."
            )
        return
    if isinstance(estimator, MultiOutputClassifier):
        raise ValueError(
            "MultiOutputClassifier needs an indicator y of shape (n_samples, "
            "n_labels). For one label per row, pass the estimator inside it."
        )
    if len(labels.classes) < 2:
        raise ValueError(
            f"y holds one class only ({labels.classes.tolist()}); "
            f"{type(estimator).__name__} and a map need at least two classes."
        )


def check_weighted(n_classes: int) -> None:
    """Raise ValueError unless rows of several classes have a weight other than 0."""
    if n_classes < 2:
        raise ValueError(
            "sample_weight leaves one class only: the rows of every other class "
            "have weight 0. A map needs at least two classes."
        )
