"""What is checked and set up of a learner before any training."""

import inspect
from collections.abc import Mapping
from typing import Any
from warnings import warn

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import SGDClassifier
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import Pipeline

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.labels import EncodedLabels
from sklearn_datamaps._learners import sklearn_compat, skorch
from sklearn_datamaps._learners.stages import has_stages, is_registered

# Of HistGradientBoostingClassifier(early_stopping="auto").
AUTO_STOPPING_ABOVE = 10_000

WHAT_WORKS = (
    "SGDClassifier, Perceptron, MLPClassifier, the naive Bayes classifiers, "
    "OneVsRestClassifier, OneVsOneClassifier or MultiOutputClassifier around them, "
    "any classifier with partial_fit and predict_proba or decision_function, or one "
    "that is built in stages: GradientBoostingClassifier, "
    "HistGradientBoostingClassifier, AdaBoostClassifier, XGBClassifier (booster "
    "'gbtree' or 'dart'), LGBMClassifier, anything with staged_predict_proba"
)


def default_learner() -> SGDClassifier:
    """Learner of the tutorial, a logistic regression by stochastic gradients."""
    return SGDClassifier(loss="log_loss", class_weight="balanced")


def base_learner(estimator: Any) -> Any:
    """Return what is trained: the estimator, or what a MultiOutputClassifier wraps."""
    if isinstance(estimator, MultiOutputClassifier):
        return estimator.estimator
    return estimator


def is_staged(estimator: Any) -> bool:
    """Whether a learner is fitted once and recorded stage by stage.

    A user's registration comes first, then ``partial_fit``, then stages.
    """
    learner = base_learner(estimator)
    if is_registered(learner):
        return True
    return not hasattr(learner, "partial_fit") and has_stages(learner)


def training_method(estimator: Any) -> str:
    """Name of the method that trains the learner: fit or partial_fit."""
    return "fit" if is_staged(estimator) else "partial_fit"


def check_learner(estimator: Any, response_method: str) -> str:
    """Refuse what cannot be recorded; return the response method to use.

    Parameters
    ----------
    estimator : estimator
        What the user gave.
    response_method : {"auto", "predict_proba", "decision_function"}
        What the user asked for.

    Returns
    -------
    {"predict_proba", "decision_function"}

    Raises
    ------
    TypeError
        If estimator is a class, a Pipeline, or lacks ``partial_fit`` or a response.
    ValueError
        If a parameter of it contradicts ``partial_fit``.
    """
    name = type(estimator).__name__
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
    learner = base_learner(estimator)
    if is_staged(estimator):
        return _check_staged(learner, response_method)
    of_other_solvers = hasattr(type(learner), "partial_fit")
    if of_other_solvers and getattr(learner, "solver", None) == "lbfgs":
        raise ValueError(
            f"{name} with solver='lbfgs' has no epochs: it sees all rows at once. Use "
            f"solver='adam' or 'sgd'."
        )
    if not hasattr(learner, "partial_fit"):
        raise TypeError(
            f"{name} has no partial_fit and no stages, so it has no epochs to record. "
            f"Use {WHAT_WORKS}."
        )
    if skorch.is_net(learner):
        skorch.check_net(learner)
    _check_parameters(learner)
    return _check_response(learner, response_method)


def _check_staged(learner: Any, response_method: str) -> str:
    if response_method == "decision_function":
        raise ValueError(
            f"response_method='decision_function' is not for {type(learner).__name__}, "
            f"whose stages are recorded by their probabilities. Use 'auto'."
        )
    return "predict_proba"


def check_not_for_stages(
    learner: Any, *, batch_size: int | None, batch_order: str, warm_start: bool
) -> None:
    """Refuse parameters that mean nothing for a learner that is fitted once.

    Parameters
    ----------
    learner : estimator
        What is trained.
    batch_size, batch_order, warm_start
        Parameters of DataMapClassifier.

    Raises
    ------
    ValueError
        Naming the parameter.
    """
    given = {
        "batch_size": batch_size is not None,
        "batch_order": batch_order != "rows",
        "warm_start": warm_start,
    }
    wrong = [name for name, is_set in given.items() if is_set]
    if wrong:
        raise ValueError(
            f"{' and '.join(wrong)} cannot be set for {type(learner).__name__}: it is "
            f"fitted once, on all rows, and recorded at n_epochs of its stages. For "
            f"more stages set its own number of them (n_estimators, max_iter) and "
            f"n_epochs."
        )


def _check_parameters(learner: Any) -> None:
    params = learner.get_params(deep=True) if hasattr(learner, "get_params") else {}
    stopping = [
        k for k, v in params.items() if _ends(k, "early_stopping") and v is True
    ]
    if stopping:
        raise ValueError(
            f"{stopping[0]}=True of {type(learner).__name__} is not supported: "
            f"partial_fit cannot hold rows out, and a map needs the same number of "
            f"epochs of every row. Set it to False and choose n_epochs."
        )
    nested = [
        k for k, v in params.items() if k.endswith("__class_weight") and v is not None
    ]
    if nested and isinstance(learner, OneVsRestClassifier | OneVsOneClassifier):
        raise ValueError(
            f"{nested[0]} inside {type(learner).__name__} cannot be right: each member "
            f"sees the classes 0 and 1, not yours. SGDClassifier is one-vs-rest "
            f"already: pass it directly, with class_weight='balanced' or a dict, or "
            f"use sample_weight."
        )


def _check_response(learner: Any, response_method: str) -> str:
    choices = ("predict_proba", "decision_function")
    wanted = choices if response_method == "auto" else (response_method,)
    for method in wanted:
        if hasattr(learner, method):
            return method
    raise TypeError(
        f"{type(learner).__name__} has no {' and no '.join(wanted)}. "
        + (
            f"A data map needs the probability of the label. Use {WHAT_WORKS}."
            if len(wanted) == 2
            else "Use response_method='auto'."
        )
    )


def _ends(key: str, name: str) -> bool:
    return key == name or key.endswith("__" + name)


def accepts(learner: Any, parameter: str) -> bool:
    """Whether training takes a parameter of this name."""
    method = getattr(learner, training_method(learner))
    return parameter in inspect.signature(method).parameters


def check_fit_params(learner: Any, params: Mapping[str, Any]) -> None:
    """Raise TypeError if training cannot take one of the arguments of fit.

    Parameters
    ----------
    learner : estimator
        What is trained.
    params : mapping
        ``sample_weight`` and further arguments, without the None ones.

    Raises
    ------
    TypeError
        Naming the argument.
    """
    for name in params:
        if not accepts(learner, name):
            raise TypeError(
                f"{type(learner).__name__}.{training_method(learner)} takes no "
                f"{name!r}. "
                + (
                    "Use a learner that does (SGDClassifier, MLPClassifier, naive "
                    "Bayes), or leave sample_weight out."
                    if name == "sample_weight"
                    else "Leave it out."
                )
            )


def warn_no_dynamics(estimator: Any) -> None:
    """Warn of learners and settings whose map cannot mean what users expect."""
    learner = base_learner(estimator)
    if sklearn_compat.has_no_dynamics(learner):
        warn(
            f"{type(learner).__name__} has no training dynamics: naive Bayes is at its "
            f"fixed point after one pass, in mini-batches or not. What still moves in "
            f"later epochs is its smoothing, which fades as the counts grow, so "
            f"variability says nothing about the rows. Confidence is meaningful; for a "
            f"full map use SGDClassifier(loss='log_loss') or MLPClassifier.",
            stacklevel=4,
        )
    if sklearn_compat.ignores_adaptive_rate(learner):
        warn(
            f"learning_rate='adaptive' of {type(learner).__name__} does nothing under "
            f"partial_fit: the step stays at eta0. Choose 'optimal', 'invscaling' or "
            f"'constant' to say what you mean.",
            stacklevel=4,
        )


def warn_held_out(estimator: Any, n_samples: int) -> None:
    """Warn of a staged learner that will not train on all the rows it is given.

    Parameters
    ----------
    estimator : estimator
        What the user gave.
    n_samples : int
        Number of rows.
    """
    learner = base_learner(estimator)
    stopping = getattr(learner, "early_stopping", False)
    stops = stopping is True or (stopping == "auto" and n_samples > AUTO_STOPPING_ABOVE)
    if not stops and not hasattr(learner, "early_stopping"):
        stops = getattr(learner, "n_iter_no_change", None) is not None
    share = getattr(learner, "validation_fraction", None)
    if not stops or share is None:
        return
    cure = (
        "early_stopping=False"
        if hasattr(learner, "early_stopping")
        else "n_iter_no_change=None"
    )
    what = f"{share:.0%} of the" if isinstance(share, float) else f"{share:,}"
    warn(
        f"{type(learner).__name__} holds {what} rows out to decide when to stop, so "
        f"the map mixes rows that it trained on with rows that it did not. For a map "
        f"of one kind set {cure}.",
        stacklevel=4,
    )


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


def make_members(estimator: Any, labels: EncodedLabels, X: Any) -> list[Any]:
    """Clone and set up the learners to train: one, or one per label.

    Parameters
    ----------
    estimator : estimator
        What the user gave; it is not modified.
    labels : EncodedLabels
        The labels.
    X : {ndarray, csr} of shape (n_samples, n_features)
        The validated features.

    Returns
    -------
    list of estimators
        See :func:`make_members_for`.
    """
    extra = sklearn_compat.min_categories(base_learner(estimator), X)
    return make_members_for(
        estimator, labels, len(labels.codes), labels.counts(), extra
    )


def make_members_for(
    estimator: Any,
    labels: EncodedLabels,
    n_samples: int,
    n_set: Array,
    params: Mapping[str, Any],
) -> list[Any]:
    """Clone and set up the learners for rows that were counted elsewhere.

    Balanced class weights become numbers, since ``partial_fit`` cannot compute them
    from a batch; learners with stages compute them in their ``fit``.

    Parameters
    ----------
    estimator : estimator
        What the user gave; it is not modified.
    labels : EncodedLabels
        The labels; of their codes only the number of dimensions is looked at.
    n_samples : int
        Number of rows.
    n_set : ndarray of int of shape (n_classes,) or (n_labels,)
        Rows of each class; multilabel: rows in which each label is set.
    params : mapping
        Further parameters of the learner.

    Returns
    -------
    list of estimators
        One, or one per label where the learner cannot take an indicator itself.
    """
    learner = base_learner(estimator)
    per_label = trains_per_label(estimator, labels)
    n_classes = 2 if per_label else len(labels.classes)
    extra = {**params, **skorch.net_params(learner, n_classes)}
    if not per_label:
        member = clone(learner).set_params(**extra)
        if not labels.multilabel:
            _set_balanced(member, n_set, labels.classes)
        return [member]
    members = [clone(learner).set_params(**extra) for _ in labels.classes]
    for member, n in zip(members, n_set.tolist(), strict=True):
        _set_balanced(member, np.array([n_samples - n, n]), np.array([0, 1]))
    return members


def trains_per_label(estimator: Any, labels: EncodedLabels) -> bool:
    """Whether an indicator is learned by one clone per label."""
    if not labels.multilabel:
        return False
    if isinstance(estimator, MultiOutputClassifier):
        return True
    tags = sklearn_compat.learner_tags(estimator)
    native = tags and tags.classifier_tags and tags.classifier_tags.multi_label
    return not native


def _set_balanced(member: BaseEstimator, n_rows: Array, classes: Array) -> None:
    """Set the weights that scikit-learn calls balanced, from the rows of each class."""
    if getattr(member, "class_weight", None) != "balanced" or is_staged(member):
        return
    present = n_rows > 0
    weights = np.ones(len(classes))
    weights[present] = n_rows.sum() / (present.sum() * n_rows[present].astype(float))
    by_class = sklearn_compat.class_weight_dict(classes, weights)
    member.set_params(class_weight=by_class)


def assemble(estimator: Any, members: list[Any], labels: EncodedLabels) -> Any:
    """Turn the trained members into one fitted estimator that works without us.

    Parameters
    ----------
    estimator : estimator
        What the user gave.
    members : list of estimators
        As made by :func:`make_members`, trained.
    labels : EncodedLabels
        The labels.

    Returns
    -------
    estimator
        The single member, or a fitted ``MultiOutputClassifier`` over them.
    """
    if not trains_per_label(estimator, labels):
        return members[0]
    wrapper = (
        clone(estimator)
        if isinstance(estimator, MultiOutputClassifier)
        else MultiOutputClassifier(clone(estimator))
    )
    wrapper.estimators_ = members
    wrapper.classes_ = [member.classes_ for member in members]
    if hasattr(members[0], "n_features_in_"):
        wrapper.n_features_in_ = members[0].n_features_in_
    return wrapper
