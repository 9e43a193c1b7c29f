"""Drives a learner epoch by epoch and yields blocks of rows and probabilities."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.special import expit, softmax
from sklearn.utils.parallel import Parallel, delayed

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.labels import EncodedLabels
from sklearn_datamaps._learners import sklearn_compat, skorch
from sklearn_datamaps._learners.blocks import (
    block_order,
    block_rows,
    epoch_random,
    row_block,
    row_blocks,
)
from sklearn_datamaps._learners.seeds import Seeds, derive_seed

Block = tuple[slice, Array, Callable[[Array], Array] | None]


@dataclass
class PartialFitRun:
    """Learners trained by ``partial_fit``: one, or one per label.

    Parameters
    ----------
    members : list of estimators
        The learners; several: one per label of an indicator.
    X : {ndarray, csr} of shape (n_samples, n_features)
        Validated features.
    y : ndarray of shape (n_samples,), or (n_samples, n_labels), or None
        Labels as the learner wants them; None: each member has a label of its own.
    labels : EncodedLabels
        The labels as codes.
    classes : ndarray of shape (n_classes,)
        The classes as the learner is given them: labels, or codes from 0.
    response_method : {"predict_proba", "decision_function"}
        Where probabilities come from.
    seed : int
        Base of all seeds.
    batch_size : int or None
        Rows per call; None: all, or of blocks as many as fit in memory.
    batch_order : {"rows", "blocks"}
        Shuffle rows, or contiguous blocks of rows.
    fit_params : mapping
        Further arguments of ``partial_fit``, sliced by row where they have rows.
    n_jobs : int or None
        Threads over the members.
    held_out : {ndarray, csr} of shape (n_held_out, n_features) or None
        Rows to record instead of those of X.
    """

    members: list[Any]
    X: Any
    y: Array | None
    labels: EncodedLabels
    classes: Array
    response_method: str
    seed: int
    batch_size: int | None = None
    batch_order: str = "rows"
    fit_params: Mapping[str, Any] = field(default_factory=dict)
    n_jobs: int | None = None
    held_out: Any = None

    def __post_init__(self) -> None:
        parameters = inspect.signature(self.members[0].partial_fit).parameters
        self.takes_classes = "classes" in parameters
        self.per_label = self.y is None
        self.seeds = [Seeds(m, self.seed, i) for i, m in enumerate(self.members)]

    def start(self, n_epochs: int) -> int:
        """Nothing to do; return the number of epochs to train."""
        return n_epochs

    def train(self, epoch: int) -> None:
        """Train one epoch: one call, or one per mini-batch in a fresh order.

        Parameters
        ----------
        epoch : int
            0-based; with the base seed it determines the order of the rows.

        Raises
        ------
        KeyboardInterrupt
            Also when the learner swallowed it.
        """
        for number, rows in enumerate(self._batches(epoch)):
            self.train_batch(epoch, number, rows)

    def train_batch(self, epoch: int, number: int, rows: slice | Array) -> None:
        """Train one call.

        Parameters
        ----------
        epoch, number : int
            Epoch and position of the batch in it, 0-based: they determine the seeds.
        rows : slice or ndarray of int
            Its rows.

        Raises
        ------
        KeyboardInterrupt
            Also when the learner swallowed it.
        """
        X = self._take(rows)
        params = self._params(rows)
        if "sample_weight" in params and not np.any(params["sample_weight"]):
            return  # nothing to learn from; learners refuse such a batch
        if len(self.members) == 1:
            self._call(0, X, rows, params, epoch, number)
        else:
            Parallel(n_jobs=self.n_jobs, require="sharedmem")(
                delayed(self._call)(i, X, rows, params, epoch, number)
                for i in range(len(self.members))
            )
        if any(sklearn_compat.swallowed_interrupt(member) for member in self.members):
            raise KeyboardInterrupt

    def _take(self, rows: slice | Array) -> Any:
        if isinstance(rows, slice):
            return row_block(self.X, rows.start, rows.stop)
        return self.X[rows]

    @property
    def _size(self) -> int:
        if self.batch_size is not None:
            return self.batch_size
        return block_rows(self.X) if self._in_blocks else self.X.shape[0]

    @property
    def _in_blocks(self) -> bool:
        return self.batch_order == "blocks"

    def _batches(self, epoch: int) -> Iterator[slice | Array]:
        n_samples, size = self.X.shape[0], self._size
        if size >= n_samples:
            yield slice(0, n_samples)
            return
        starts = np.arange(0, n_samples, size)
        if self._in_blocks:
            for number in block_order(self.seed, epoch, len(starts)).tolist():
                yield slice(number * size, min((number + 1) * size, n_samples))
            return
        order = epoch_random(self.seed, epoch).permutation(n_samples)
        for start in starts.tolist():
            yield order[start : start + size]

    def _params(self, rows: slice | Array) -> dict[str, Any]:
        n_samples = self.X.shape[0]
        if not self.fit_params:
            return {}
        at = np.arange(n_samples)[rows] if isinstance(rows, slice) else rows
        if len(at) == n_samples:
            return dict(self.fit_params)
        return dict(
            sklearn_compat.index_fit_params(
                self.X, params=dict(self.fit_params), indices=at
            )
        )

    def _call(
        self,
        i: int,
        X: Any,
        rows: slice | Array,
        params: Mapping[str, Any],
        epoch: int,
        batch: int,
    ) -> None:
        member = self.members[i]
        self.seeds[i].set(member, epoch, batch)
        if self.y is None:
            y, classes = self.labels.codes[rows, i].astype(np.int64), np.array([0, 1])
        else:
            y, classes = self.y[rows], self.classes
            if self.labels.multilabel:
                classes = np.arange(len(classes))
        if skorch.is_net(member):
            seed = derive_seed(self.seed, epoch, batch, i)
            skorch.train_net(member, X, y, seed, params)
            return
        if self.takes_classes:
            params = {"classes": classes, **params}
        member.partial_fit(X, y, **params)

    def blocks(self) -> Iterator[Block]:
        """Yield rows, their probabilities, and how their ties are settled.

        Yields
        ------
        rows : slice
            Which rows.
        proba : ndarray of shape (n_rows, n_classes) or (n_rows, n_labels)
            Probabilities in the order of ``labels.classes``.
        resolve_ties : callable
            From positions in the block to the labels the learner predicts.
        """
        X = self.X if self.held_out is None else self.held_out
        # In the blocks of training, so that one can be recorded without the others.
        size = self._size if self._in_blocks and self.held_out is None else None
        for rows, block in row_blocks(X, len(self.labels.classes), size):
            yield rows, self.respond(block), self._resolver(block)

    def _resolver(self, X: Any) -> Callable[[Array], Array]:
        def resolve_ties(positions: Array) -> Array:
            predicted = np.asarray(self.members[0].predict(X[positions]))
            if self.classes is self.labels.classes:
                return predicted
            return np.asarray(self.labels.classes[predicted])

        return resolve_ties

    def respond(self, X: Any) -> Array:
        """Probabilities of some rows, in the order of ``labels.classes``.

        Parameters
        ----------
        X : {ndarray, csr} of shape (n_rows, n_features)
            The features.

        Returns
        -------
        ndarray of shape (n_rows, n_classes) or (n_rows, n_labels)
        """
        if self.per_label:
            columns = Parallel(n_jobs=self.n_jobs, require="sharedmem")(
                delayed(self._set_probability)(member, X) for member in self.members
            )
            return np.column_stack(columns)
        member = self.members[0]
        if self.labels.multilabel:
            return _native_multilabel(member, X, self.response_method)
        proba = _class_probabilities(member, X, self.response_method)
        return in_order(proba, member, self.classes)

    def _set_probability(self, member: Any, X: Any) -> Array:
        proba = _class_probabilities(member, X, self.response_method)
        return in_order(proba, member, np.array([0, 1]))[:, 1]

    def restore_seeds(self) -> None:
        """Give the random states back that the user set, once training is over."""
        for member, seeds in zip(self.members, self.seeds, strict=True):
            seeds.restore(member)
            skorch.end_training(member)


def _class_probabilities(member: Any, X: Any, response_method: str) -> Array:
    """``predict_proba``, or the decision through the logistic or softmax."""
    response = np.asarray(getattr(member, response_method)(X))
    if response_method == "predict_proba":
        return response
    if response.ndim == 1:
        # Both sides on their own: 1 - expit(40) is 0, expit(-40) is not.
        return np.column_stack([expit(-response), expit(response)])
    return softmax(response, axis=1)


def _native_multilabel(member: Any, X: Any, response_method: str) -> Array:
    response = getattr(member, response_method)(X)
    if isinstance(response, list):
        response = np.column_stack([proba[:, 1] for proba in response])
    return expit(response) if response_method == "decision_function" else response


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
