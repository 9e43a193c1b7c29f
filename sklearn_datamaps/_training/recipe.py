"""How to train and record: the same for all rows, every fold and every worker."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from sklearn.base import clone

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.labels import EncodedLabels
from sklearn_datamaps._learners import sklearn_compat
from sklearn_datamaps._learners.learner import Learner
from sklearn_datamaps._learners.threads import Threads
from sklearn_datamaps._training.validation import Validation


@dataclass(frozen=True)
class Data:
    """What is learned and recorded.

    Attributes
    ----------
    X : {ndarray, csr} of shape (n_samples, n_features)
        Validated features.
    labels : EncodedLabels
        The labels as codes.
    raw_y : ndarray of shape (n_samples,) or None
        Labels as the user gave them, where a learner can read those.
    params : mapping
        Further arguments of training, with one value a row or not.
    validation : Validation or None
        Rows to record beside these, with the model of all of these.
    """

    X: Any
    labels: EncodedLabels
    raw_y: Array | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    validation: Validation | None = None

    def take(self, rows: Array) -> "Data":
        """Some of the rows, copied once."""
        params = sklearn_compat.index_fit_params(
            self.X, params=dict(self.params), indices=rows
        )
        return Data(
            sklearn_compat.take_rows(self.X, rows),
            EncodedLabels(self.labels.codes[rows], self.labels.classes),
            None if self.raw_y is None else self.raw_y[rows],
            params,
        )

    def of_present_classes(self) -> tuple["Data", Array]:
        """Leave out classes without a row; return their columns, too."""
        present, codes = np.unique(self.labels.codes, return_inverse=True)
        labels = EncodedLabels(codes.reshape(-1), self.labels.classes[present])
        return Data(self.X, labels, self.raw_y, self.params), present


# Of own-label probabilities, 4 bytes each: what "auto" keeps takes 20 MB at the most.
MOST_STORED = 5_000_000


@dataclass(frozen=True)
class Recipe:
    """How to train and record, the same for all rows and for every fold.

    Attributes
    ----------
    learner : Learner
        The kind, with the estimator that the user gave; it is cloned.
    n_epochs : int
        Epochs to train, or stages to record.
    response_method : {"predict_proba", "decision_function"}
        Where probabilities come from.
    batch_size, batch_order
        As in ``DataMapClassifier``.
    own_seeds : bool
        Whether a learner with stages keeps the seeds that the user set in it.
    measures : tuple of str
        As in ``TrainingDynamics``.
    store_trajectories : bool or "auto"
        As in ``DataMapClassifier``; "auto" until the size of the record is known.
    n_jobs : int or None
        Threads over the labels of a multilabel target.
    threads : Threads
        Of the process that made the recipe, for others to use as many.
    until : int or None
        Epochs after which a callback ended the run on all rows: folds end there, too.
    """

    learner: Learner
    n_epochs: int
    response_method: str
    batch_size: int | None = None
    batch_order: str = "rows"
    own_seeds: bool = False
    measures: tuple[str, ...] = ()
    store_trajectories: bool | str = False
    n_jobs: int | None = None
    threads: Threads = field(default_factory=Threads)
    until: int | None = None

    def for_cells(self, n_cells: int) -> "Recipe":
        """Decide whether trajectories are kept, for all parts of the record alike.

        Parameters
        ----------
        n_cells : int
            Rows, or (row, label) cells, of the whole record.

        Returns
        -------
        Recipe
            The epochs are the most there can be, so no end that comes early matters.
        """
        kept = self.store_trajectories
        if kept == "auto":
            kept = n_cells * self.n_epochs <= MOST_STORED
        return replace(self, store_trajectories=bool(kept))

    def for_classes(self, classes: Array) -> "Recipe":
        """Leave out the weights of classes that are not there; learners refuse them."""
        estimator = self.learner.estimator
        weights = getattr(estimator, "class_weight", None)
        if not isinstance(weights, Mapping):
            return self
        known = set(classes.tolist())
        weights = {k: weight for k, weight in weights.items() if k in known}
        estimator = clone(estimator).set_params(class_weight=weights)
        return replace(self, learner=type(self.learner)(estimator))
