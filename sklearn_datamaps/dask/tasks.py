"""What the workers of a cluster do with one block of rows.

Every task is a pure function: it never changes what it is given, so that a task that
is run again, after the loss of a worker, gives the same result and trains nothing
twice.
"""

import contextlib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import sklearn
from scipy import sparse
from sklearn.utils import check_array

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.labels import EncodedLabels, encode_labels
from sklearn_datamaps._core.recorder import Recorder
from sklearn_datamaps._learners import registry, sklearn_compat
from sklearn_datamaps._learners.features import with_short_indices
from sklearn_datamaps._learners.learner import Learner
from sklearn_datamaps._learners.threads import Threads
from sklearn_datamaps._training.recipe import Data, Recipe
from sklearn_datamaps._training.record import (
    new_record,
    record_step,
    set_up,
    train_step,
)


@dataclass(frozen=True)
class Features:
    """What is told of the features of one block.

    Attributes
    ----------
    n_rows, n_features : int
        Its shape.
    names : ndarray of str or None
        Of the columns of a DataFrame.
    params : mapping
        Parameters that the learner needs to know before the first block.
    """

    n_rows: int
    n_features: int
    names: Array | None
    params: Mapping[str, Array]


@dataclass(frozen=True)
class Labels:
    """What is told of the labels of one block.

    Attributes
    ----------
    classes : ndarray of shape (n_present,) or (n_labels,)
        Labels that are there; multilabel: names of the labels.
    n_set : ndarray of int of shape (n_present,) or (n_labels,)
        Rows of each.
    n_rows : int
        Number of rows.
    multilabel : bool
        Whether they are an indicator.
    weighted : ndarray of bool of shape (n_present,) or (n_labels,)
        Which of them have a row with a weight other than 0.
    """

    classes: Array
    n_set: Array
    n_rows: int
    multilabel: bool
    weighted: Array


@contextlib.contextmanager
def of_block(number: int) -> Iterator[None]:
    """Say in an error which block it is about."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise type(error)(f"Block {number}: {error}") from error


def check_features(X: Any, number: int, reads: Mapping[str, Any]) -> Any:
    """Features of a block, validated.

    Parameters
    ----------
    X : {array-like, sparse} of shape (n_rows, n_features)
        A block of any kind; blocks of the library ``sparse`` become CSR.
    number : int
        Which block.
    reads : mapping
        Arguments of ``check_array`` for the learner.

    Returns
    -------
    {ndarray, csr} of shape (n_rows, n_features)
        It shares its memory with X where it can.
    """
    if hasattr(X, "to_scipy_sparse"):
        X = X.to_scipy_sparse()
    with of_block(number):
        dense_order = None if sparse.issparse(X) else "C"
        # A block may be empty: what a filter left of it.
        X = check_array(
            X,
            accept_sparse="csr",
            order=dense_order,
            ensure_min_samples=0,
            input_name="X",
            **reads,
        )
    return with_short_indices(X)


def identity(value: Any) -> Any:
    """Return what was sent to the cluster, which then has it as a task of its own."""
    return value


def describe_features(X: Any, raw: Any, learner: Learner) -> Features:
    """Tell the size of a block, and what the learner must know of its values."""
    columns = getattr(raw, "columns", None)
    names = None
    if columns is not None and all(isinstance(name, str) for name in columns):
        names = np.asarray(columns, dtype=object)
    n_rows, n_features = X.shape[:2]
    params = learner.params_of_values(X) if n_rows else {}
    return Features(n_rows, n_features, names, params)


def describe_labels(y: Any, weights: Any, number: int, n_rows: int) -> Labels:
    """Tell which labels a block has, and how often; bad ones raise.

    Parameters
    ----------
    y : array-like of shape (n_rows,) or (n_rows, n_labels), or EncodedLabels
        Labels as they were given, or as codes already.
    weights : array-like of shape (n_rows,) or None
        Weights of the rows.
    number : int
        Which block.
    n_rows : int
        Rows of its features.

    Returns
    -------
    Labels
    """
    with of_block(number):
        check_rows("y", y.codes if isinstance(y, EncodedLabels) else y, n_rows)
        if weights is not None:
            check_rows("sample_weight", weights, n_rows)
        if n_rows == 0:
            nothing = np.zeros(0, dtype=np.intp)
            return Labels(nothing, nothing, 0, False, nothing != 0)
        labels = y if isinstance(y, EncodedLabels) else encode_labels(y)
        weighted = labels
        if weights is not None:
            rows = check_weights(weights, n_rows) != 0
            weighted = EncodedLabels(labels.codes[rows], labels.classes)
    return Labels(
        labels.classes,
        labels.counts(),
        n_rows,
        labels.multilabel,
        weighted.counts() > 0,
    )


def check_rows(name: str, data: Any, n_rows: int) -> None:
    """Raise ValueError unless there are as many as features have."""
    found = int(data.shape[0] if hasattr(data, "shape") else len(data))
    if found != n_rows:
        raise ValueError(
            f"{name} has {found:,} rows, X has {n_rows:,}. Cut both at the same rows."
        )


def check_weights(weights: Any, n_rows: int) -> Array:
    """Weights of the rows of a block as an array, validated."""
    rows = np.empty((n_rows, 1))  # all that is looked at is their number
    return np.asarray(sklearn_compat.check_block_weight(weights, rows))


def encode_block(y: Any, known: EncodedLabels) -> EncodedLabels:
    """Labels of a block as codes among the labels of all blocks."""
    if isinstance(y, EncodedLabels):
        return y  # of all labels, before they were cut into blocks
    return encode_labels(y, classes=known.classes, multilabel=known.multilabel)


def train_block(
    members: list[Any],
    X: Any,
    labels: EncodedLabels,
    weights: Any,
    recipe: Recipe,
    seed: int,
    epoch: int,
    number: int,
) -> list[Any]:
    """Train copies of the learners on one block.

    Parameters
    ----------
    members : list of estimators
        The learners as the block before left them.
    X : {ndarray, csr} of shape (n_rows, n_features)
        Features of the block.
    labels : EncodedLabels
        Its labels.
    weights : array-like of shape (n_rows,) or None
        Weights of its rows.
    recipe : Recipe
        How to train.
    seed : int
        Base of all seeds.
    epoch, number : int
        Epoch, and position of the block in it.

    Returns
    -------
    list of estimators
        The copies, trained.
    """
    params = {}
    if weights is not None:
        params["sample_weight"] = check_weights(weights, X.shape[0])
    data = Data(X, labels, params=params)
    with shared_threads(recipe.threads):
        return train_step(recipe, data, members, seed, epoch, number)


def record_block(
    before: tuple[Recorder, Any] | None,
    members: list[Any],
    X: Any,
    labels: EncodedLabels,
    recipe: Recipe,
    seed: int,
) -> tuple[Recorder, list[Array]]:
    """Record one epoch of the rows of one block.

    Parameters
    ----------
    before : (Recorder, object) or None
        What this gave for the epoch before; None: it is the first.
    members : list of estimators
        The learners at the end of the epoch.
    X, labels, recipe, seed
        As in :func:`train_block`.

    Returns
    -------
    dynamics : Recorder
        The record of these rows, a new one.
    totals : list of ndarray of shape (3,)
        As in ``Record``, part by part in the order they add up in.
    """
    dynamics = (
        new_record(recipe, labels, seed).dynamics
        if before is None
        else before[0].fork()
    )
    with sklearn.config_context(assume_finite=True), shared_threads(recipe.threads):
        training = set_up(recipe, Data(X, labels), seed, members=members)
        totals = record_step(dynamics, recipe.learner.blocks(training))
    return dynamics, totals


class _SharedThreads:
    """Limits the threads of a process while any of its tasks wants them limited."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._n_users = 0
        self._limits = contextlib.ExitStack()

    @contextlib.contextmanager
    def __call__(self, threads: Threads) -> Iterator[None]:
        with self._lock:
            if self._n_users == 0:
                self._limits.enter_context(threads.use())
            self._n_users += 1
        try:
            yield
        finally:
            with self._lock:
                self._n_users -= 1
                if self._n_users == 0:
                    self._limits.close()


shared_threads = _SharedThreads()


def worker_recipe(recipe: Recipe) -> Recipe:
    """Recipe for tasks: a block at a time, with as many threads as this process."""
    return replace(recipe, batch_order="rows", threads=Threads.here(recipe.learner))


def unite(described: list[Labels], estimator: Any) -> tuple[EncodedLabels, Array]:
    """Labels of all blocks, and how many rows of each block have them.

    Parameters
    ----------
    described : list of Labels
        One for each block.
    estimator : estimator
        What the user gave.

    Returns
    -------
    known : EncodedLabels
        All classes; of codes there are none.
    n_set : ndarray of int of shape (n_blocks, n_classes) or (n_blocks, n_labels)
        Rows of each.

    Raises
    ------
    ValueError
        If blocks differ in kind, or no map can be made of them.
    """
    kinds = {labels.multilabel for labels in described}
    if len(kinds) > 1:
        raise ValueError("y has one column in some blocks and several in others.")
    if kinds == {True}:
        names = described[0].classes
        other = [
            i for i, d in enumerate(described) if not np.array_equal(d.classes, names)
        ]
        if other:
            raise ValueError(
                f"Blocks 0 and {other[0]} of y have different labels: "
                f"{names.tolist()} and {described[other[0]].classes.tolist()}."
            )
        known = EncodedLabels(np.empty((0, len(names)), dtype=bool), names)
        n_set = np.array([labels.n_set for labels in described])
        n_rows = sum(labels.n_rows for labels in described)
        varied = (n_set.sum(axis=0) > 0) & (n_set.sum(axis=0) < n_rows)
    else:
        classes = encode_labels(_joined([d.classes for d in described])).classes
        known = EncodedLabels(np.empty(0, dtype=np.intp), classes)
        n_set = np.zeros((len(described), len(classes)), dtype=np.int64)
        for row, labels in zip(n_set, described, strict=True):
            row[pd.Index(classes).get_indexer(pd.Index(labels.classes))] = labels.n_set
        varied = n_set.sum(axis=0) > 0
    registry.check_targets(estimator, known, varied)
    return known, n_set


def _joined(found: list[Array]) -> Array:
    """Labels of all blocks; of kinds that NumPy would mix as they are."""
    if len({labels.dtype.kind for labels in found}) > 1:
        found = [labels.astype(object) for labels in found]
    return np.concatenate(found)
