"""What must not change between the calls of ``fit`` that continue one record."""

import hashlib
from collections.abc import Mapping
from numbers import Integral
from typing import Any

import joblib
import numpy as np

from sklearn_datamaps._core.labels import EncodedLabels
from sklearn_datamaps._core.messages import warn_caller
from sklearn_datamaps._training.recipe import Recipe
from sklearn_datamaps._training.record import Record

# Parameters of a learner that change how fast or how loudly it works, not what it is.
OF_NO_CONSEQUENCE = {"n_jobs", "verbose", "verbosity", "thread_count", "nthread"}


def continuation_key(
    recipe: Recipe,
    labels: EncodedLabels,
    params: Mapping[str, Any],
    y_val: EncodedLabels | None = None,
) -> dict[str, Any]:
    """All but the features that a later call has to find as it is, as users name it.

    Parameters
    ----------
    recipe : Recipe
        How it is trained.
    labels : EncodedLabels
        The labels.
    params : mapping
        Further arguments of training.
    y_val : EncodedLabels, default=None
        Labels of the rows that are recorded and not trained on.

    Returns
    -------
    dict of str to object
        Small values that are equal if nothing changed; no data.
    """
    learner = recipe.learner.estimator
    added = {} if y_val is None else {"y_val": _of_labels(y_val)}
    return {
        "the labels": _of_labels(labels),
        "the class of the estimator": _class_name(learner),
        **{
            f"the estimator's {name}": _of_value(value)
            for name, value in recipe.learner.settings.items()
            if name.rpartition("__")[2] not in OF_NO_CONSEQUENCE
        },
        "batch_size": recipe.batch_size,
        "batch_order": recipe.batch_order,
        "response_method": recipe.response_method,
        "measures": recipe.measures,
        "store_trajectories": recipe.store_trajectories,
        **{name: _of_value(value) for name, value in params.items()},
        **added,
    }


def check_continues(
    record: Record, key: Mapping[str, Any], random_state: Any, n_epochs: int
) -> None:
    """Refuse to continue a record with anything but more epochs of the same.

    Parameters
    ----------
    record : Record
        With the key that it was made with.
    key : mapping of str to object
        Made by :func:`continuation_key`, and of the features.
    random_state : object
        That of the classifier.
    n_epochs : int
        Epochs that are wanted in all.

    Raises
    ------
    ValueError
        Naming what changed.

    Warns
    -----
    UserWarning
        If all of the epochs are recorded.
    """
    changed = _changes(record.key, key)
    if changed:
        raise ValueError(
            f"warm_start=True continues the record of the last fit, but "
            f"{' and '.join(changed)} changed. Set warm_start=False to start anew."
        )
    if isinstance(random_state, Integral) and random_state != record.seed:
        raise ValueError(
            f"warm_start=True continues the record made with seed {record.seed}; got "
            f"random_state={random_state}. Set warm_start=False to start anew."
        )
    if n_epochs < record.n_epochs:
        raise ValueError(
            f"warm_start=True continues {record.n_epochs} recorded epochs; "
            f"n_epochs={n_epochs} must not be smaller."
        )
    if n_epochs == record.n_epochs:
        warn_caller(
            f"warm_start=True with n_epochs={n_epochs}, all of which are recorded: "
            f"nothing was trained. Increase n_epochs to go on.",
        )


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Names of what changed; of another class or number of rows nothing further."""
    missing = object()
    names = [
        name
        for name in [*new, *(name for name in old if name not in new)]
        if old.get(name, missing) != new.get(name, missing)
    ]
    if "the shape of X" in names:
        names = [name for name in names if name != "X"]
    if "the class of the estimator" in names:
        names = [name for name in names if not name.startswith("the estimator's ")]
    return names


def _of_labels(labels: EncodedLabels) -> str:
    digest = hashlib.sha256(np.ascontiguousarray(labels.codes).data)
    digest.update(repr(labels.classes.tolist()).encode())
    return digest.hexdigest()


def _class_name(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _of_value(value: Any) -> Any:
    """Return something small that is equal for equal values, also in another process.

    An estimator is its class: its parameters are listed beside it.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return repr(value)  # nan is not equal to itself
    if hasattr(value, "get_params") and not isinstance(value, type):
        return _class_name(value)
    try:
        return joblib.hash(value)
    except Exception:  # what cannot be pickled raises whatever it likes
        return id(value)
