"""The learner of a label of which there is nothing to learn."""

from collections.abc import Iterator
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import validate_data

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.labels import EncodedLabels


class ConstantLabel(ClassifierMixin, BaseEstimator):
    """Predicts that a label is set in every row, or in none; fitted like any learner.

    Learners that look for their classes themselves fail at such a label, or know one
    class only.

    Parameters
    ----------
    is_set : bool, default=False
        Which of the two.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_datamaps._learners.constant import ConstantLabel
    >>> ConstantLabel(is_set=True).fit(np.zeros((2, 3))).predict_proba(np.zeros((1, 3)))
    array([[0., 1.]])
    """

    def __init__(self, is_set: bool = False) -> None:
        self.is_set = is_set

    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        """Note the features, and that both classes are known."""
        validate_data(self, X, skip_check_array=True)
        self.classes_ = np.array([0, 1])
        return self

    # One stage, or one pass, is as good as many.
    partial_fit = fit

    def predict_proba(self, X: Any) -> Array:
        """Zeros and ones, of shape (n_samples, 2)."""
        return np.tile([1.0 - self.is_set, float(self.is_set)], (X.shape[0], 1))

    def predict_log_proba(self, X: Any) -> Array:
        """0 and minus infinity, of shape (n_samples, 2)."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def staged_predict_proba(self, X: Any) -> Iterator[Array]:
        """Yield the only stage."""
        yield self.predict_proba(X)

    def decision_function(self, X: Any) -> Array:
        """1 or -1: there is a side, but no distance to the other."""
        return np.full(X.shape[0], 2.0 * self.is_set - 1)

    def predict(self, X: Any) -> Array:
        """0 or 1, of shape (n_samples,)."""
        return np.full(X.shape[0], int(self.is_set))


def constant_labels(labels: EncodedLabels, weights: Array | None) -> dict[int, bool]:
    """Labels that are set in all rows, or in none.

    Parameters
    ----------
    labels : EncodedLabels
        An indicator.
    weights : ndarray of shape (n_samples,) or None
        Weights of the rows; those of weight 0 count as absent.

    Returns
    -------
    dict of int to bool
        From positions of labels to whether they are set.
    """
    codes = labels.codes if weights is None else labels.codes[weights != 0]
    if not len(codes):  # of a cluster, whose rows are elsewhere
        return {}
    constant = (codes == codes[:1]).all(axis=0)
    return {i: bool(codes[0, i]) for i in np.flatnonzero(constant).tolist()}
