"""What the workers of a cluster do with one block of rows.

Every task is a pure function: it never changes what it is given, so that a task that
is run again, after the loss of a worker, gives the same result and trains nothing
twice.
"""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import sklearn
from scipy import sparse
from sklearn.utils import check_array

from sklearn_datamaps._core.arrays import Array, complete
from sklearn_datamaps._core.labels import EncodedLabels, encode_labels, known_of_all
from sklearn_datamaps._core.recorder import Recorder
from sklearn_datamaps._learners import registry, sklearn_compat
from sklearn_datamaps._learners.features import with_short_indices
from sklearn_datamaps._learners.learner import Learner
from sklearn_datamaps._learners.threads import Threads
from sklearn_datamaps._training.loop import record_step, set_up, train_step
from sklearn_datamaps._training.recipe import Data, Recipe
from sklearn_datamaps._training.record import new_record


class Features(NamedTuple):
    """What is told of the features of one block."""

    n_rows: int
    n_features: int
    names: list[str] | None  # of the columns of a DataFrame
    params: Mapping[str, Array]  # what the learner must know before the first block


class Labels(NamedTuple):
    """What is told of the labels of one block."""

    known: EncodedLabels  # those that are there; of codes there are none
    n_set: Array  # rows of each
    n_rows: int
    weighted: Array  # which of them have a row with a weight other than 0


@contextlib.contextmanager
def of_block(number: int) -> Iterator[None]:
    """Say in an error which block it is about."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise type(error)(f"Block {number}: {error}") from error


def check_features(X: Any, number: int, learner: Learner) -> Any:
    """Features of a block of any kind as the learner reads them, validated.

    They share their memory with X where they can; the library ``sparse`` becomes CSR.
    """
    if hasattr(X, "to_scipy_sparse"):
        X = X.to_scipy_sparse()
    with of_block(number):
        X = complete(X, "X")
        if isinstance(X, pd.DataFrame):  # which becomes an array, whatever it takes
            learner.check_columns(X, as_array=True)
        X = check_array(
            X,
            accept_sparse="csr",
            order=None if sparse.issparse(X) else "C",
            ensure_min_samples=0,  # a filter may leave nothing of a block
            input_name="X",
            **learner.input_checks(),
        )
    return with_short_indices(X)


def describe_features(X: Any, raw: Any, learner: Learner) -> Features:
    """Tell the size of a block, and what the learner must know of its values."""
    columns = getattr(raw, "columns", [None])
    are_text = all(isinstance(name, str) for name in columns)
    names = list(columns) if are_text else None
    n_rows, n_features = X.shape[:2]
    params = learner.params_of_values(X) if n_rows else {}
    return Features(n_rows, n_features, names, params)


def describe_labels(y: Any, weights: Any, number: int, n_rows: int) -> Labels:
    """Tell which labels a block has, as given or as codes already; bad ones raise."""
    with of_block(number):
        check_rows("y", y.codes if isinstance(y, EncodedLabels) else y, n_rows)
        if weights is not None:
            check_rows("sample_weight", weights, n_rows)
        if n_rows == 0:
            nothing = np.zeros(0, dtype=np.intp)
            return Labels(EncodedLabels(nothing, nothing), nothing, 0, nothing != 0)
        labels = weighted = y if isinstance(y, EncodedLabels) else encode_labels(y)
        if weights is not None:
            rows = check_weights(weights, n_rows) != 0
            weighted = EncodedLabels(labels.codes[rows], labels.classes)
    known = EncodedLabels(labels.codes[:0], labels.classes)
    return Labels(known, labels.counts(), n_rows, weighted.counts() > 0)


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
    """Train copies of the learners on one block; see :func:`train_step`."""
    params = {}
    if weights is not None:
        params["sample_weight"] = check_weights(weights, X.shape[0])
    with recipe.threads.use():
        data = Data(X, labels, params=params)
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

    Returns a new record of these rows, which goes on where the one before ended, and
    its totals, part by part in the order they add up in.
    """
    dynamics = before[0].fork() if before else new_record(recipe, labels, seed).dynamics
    with sklearn.config_context(assume_finite=True), recipe.threads.use():
        training = set_up(recipe, Data(X, labels), seed, members=members)
        totals = record_step(dynamics, recipe.learner.blocks(training, X))
    return dynamics, totals


def worker_recipe(recipe: Recipe) -> Recipe:
    """Recipe for tasks: a block at a time, with as many threads as this process."""
    return replace(recipe, batch_order="rows", threads=Threads.here(recipe.learner))


def unite(described: list[Labels], estimator: Any) -> tuple[EncodedLabels, Array]:
    """Labels of all blocks, and how many rows of each block have them.

    Of codes there are none; the counts are of shape (n_blocks, n_classes). ValueError
    if blocks differ in kind, or no map can be made of them.
    """
    known = known_of_all([labels.known for labels in described])
    n_set = np.zeros((len(described), len(known.classes)), dtype=np.int64)
    for row, labels in zip(n_set, described, strict=True):
        found = pd.Index(labels.known.classes)
        row[pd.Index(known.classes).get_indexer(found)] = labels.n_set
    n_rows, n_set_of_all = sum(labels.n_rows for labels in described), n_set.sum(axis=0)
    varied = (n_set_of_all > 0) & (n_set_of_all < n_rows)
    registry.check_targets(estimator, known, varied)
    return known, n_set
