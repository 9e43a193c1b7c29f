"""What learners answer, as probabilities in the order of the classes."""

from typing import Any

import numpy as np
from scipy.special import expit, softmax

from sklearn_datamaps._core.arrays import Array


def class_probabilities(response: Any, response_method: str) -> Array:
    """Probabilities as they are, or a decision through the logistic or softmax.

    Parameters
    ----------
    response : array-like of shape (n_rows, n_classes) or (n_rows,)
        What a learner of one label a row answered.
    response_method : {"predict_proba", "decision_function"}
        What it was asked.

    Returns
    -------
    ndarray of shape (n_rows, n_classes)
        In the order of the learner's ``classes_``.
    """
    response = np.asarray(response)
    if response_method == "predict_proba":
        return response
    if response.ndim == 1:
        # Both sides on their own: 1 - expit(40) is 0, expit(-40) is not.
        return np.column_stack([expit(-response), expit(response)])
    return np.asarray(softmax(response, axis=1))


def label_probabilities(response: Any, response_method: str) -> Array:
    """Probability that each label is set, of a learner that takes an indicator itself.

    Parameters
    ----------
    response : ndarray of shape (n_rows, n_labels), or list of (n_rows, 2) by label
        What the learner answered.
    response_method : {"predict_proba", "decision_function"}
        What it was asked.

    Returns
    -------
    ndarray of shape (n_rows, n_labels)
    """
    if isinstance(response, list):
        response = np.column_stack([proba[:, 1] for proba in response])
    if response_method == "decision_function":
        response = expit(response)
    return np.asarray(response)


def in_order(proba: Array, member: Any, classes: Array) -> Array:
    """Columns in the order of classes, looked up by value in the learner's own.

    Parameters
    ----------
    proba : ndarray of shape (n_rows, n_classes)
        Probabilities in the order of the learner's ``classes_``.
    member : estimator
        The learner.
    classes : ndarray of shape (n_classes,)
        The order to bring them in.

    Returns
    -------
    ndarray of shape (n_rows, n_classes)

    Raises
    ------
    ValueError
        If the learner does not know one of the classes.
    """
    known = np.asarray(getattr(member, "classes_", classes))
    if np.array_equal(known, classes) or proba.shape[1:] != known.shape:
        return proba  # a wrong number of columns is refused where it is recorded
    positions = {label: column for column, label in enumerate(known.tolist())}
    missing = [label for label in classes.tolist() if label not in positions]
    if missing:
        raise ValueError(
            f"{type(member).__name__} gave no probability for the classes {missing}: "
            f"its classes_ are {known.tolist()}."
        )
    return proba[:, [positions[label] for label in classes.tolist()]]
