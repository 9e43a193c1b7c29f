"""Data of the user to validated and encoded blocks on the workers of a cluster."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.labels import EncodedLabels, encode_labels
from sklearn_datamaps._learners.learner import Learner
from sklearn_datamaps.dask import tasks
from sklearn_datamaps.dask.cluster import (
    block_futures,
    is_on_cluster,
    large_graphs_allowed,
    split_rows,
)
from sklearn_datamaps.dask.tasks import Features


@dataclass
class Blocks:
    """The data, block by block, on the workers.

    Attributes
    ----------
    X, y, weights : list of Future (weights: or None)
        Validated features, encoded labels, and weights as given.
    known : EncodedLabels
        All labels; of codes there are none.
    n_rows : ndarray of int of shape (n_blocks,)
        Rows of each block.
    n_set : ndarray of int of shape (n_blocks, n_classes)
        Rows of each label in each block.
    params : dict
        Parameters that the learner needs to know before the first block.
    features : Features
        What is told of the features of the first block: their number and names.
    """

    X: list[Any]
    y: list[Any]
    weights: list[Any]
    known: EncodedLabels
    n_rows: Array
    n_set: Array
    params: dict[str, Any]
    features: Features


def prepare_blocks(
    client: Any, learner: Learner, X: Any, y: Any, sample_weight: Any
) -> Blocks:
    """Validate and encode the data on the workers.

    Parameters
    ----------
    client : distributed.Client
        The cluster.
    learner : Learner
        Says what it reads and takes.
    X, y, sample_weight
        As in ``DataMapClassifier.fit``.

    Returns
    -------
    Blocks
        Without the empty ones.

    Raises
    ------
    TypeError, ValueError
        If the data are bad, or no map can be made of them; it names the block.
    """
    submit = client.submit
    reads = learner.input_checks()
    raw = block_futures(client, X, "X")
    features = [
        submit(tasks.check_features, block, i, reads, pure=False)
        for i, block in enumerate(raw)
    ]
    facts = [
        submit(tasks.describe_features, checked, block, learner, pure=False)
        for checked, block in zip(features, raw, strict=True)
    ]
    described = client.gather(facts)
    n_rows = np.array([block.n_rows for block in described])
    _check_alike(described)
    labels = _of_blocks(client, y, n_rows, "y")
    weights = [None] * len(n_rows)
    if sample_weight is not None:
        learner.check_fit_params({"sample_weight": sample_weight})
        weights = _of_blocks(client, sample_weight, n_rows, "sample_weight")
    of_labels = client.gather(
        [
            submit(tasks.describe_labels, labels[i], weights[i], i, size, pure=False)
            for i, size in enumerate(n_rows.tolist())
        ]
    )
    filled = np.flatnonzero(n_rows).tolist()
    if not filled:
        raise ValueError(f"All {len(n_rows)} blocks of X are empty (0 rows).")
    features, labels, weights = (
        [blocks[i] for i in filled] for blocks in (features, labels, weights)
    )
    described = [described[i] for i in filled]
    of_labels = [of_labels[i] for i in filled]
    n_rows = n_rows[filled]
    known, n_set = tasks.unite(of_labels, learner.estimator)
    weighted = {label for d in of_labels for label in d.classes[d.weighted].tolist()}
    if not known.multilabel and len(weighted) < 2:
        raise ValueError(
            "sample_weight leaves one class only: the rows of every other class "
            "have weight 0. A map needs at least two classes."
        )
    encoded = [submit(tasks.encode_block, block, known, pure=False) for block in labels]
    params: dict[str, Any] = {}
    for block in described:
        for name, values in block.params.items():
            params[name] = np.maximum(params.get(name, 0), values)
    return Blocks(
        features, encoded, weights, known, n_rows, n_set, params, described[0]
    )


def _of_blocks(client: Any, data: Any, n_rows: Array, name: str) -> list[Any]:
    if not is_on_cluster(data):
        parts: list[Any]
        if name == "y":  # their codes take a fraction of the memory
            known = encode_labels(data)
            codes = split_rows(known.codes, n_rows, name)
            parts = [EncodedLabels(rows, known.classes) for rows in codes]
        else:
            parts = split_rows(data, n_rows, name)
        with large_graphs_allowed():
            return [client.submit(tasks.identity, p, pure=False) for p in parts]
    futures = block_futures(client, data, name)
    if len(futures) != len(n_rows):
        raise ValueError(
            f"{name} has {len(futures)} blocks, X has {len(n_rows)}. Cut both at "
            f"the same rows."
        )
    return futures


def _check_alike(described: list[Features]) -> None:
    """Raise ValueError if blocks have other features than the first."""
    first = described[0]
    for i, block in enumerate(described):
        if block.n_features != first.n_features:
            raise ValueError(
                f"Block {i} of X has {block.n_features} features, block 0 has "
                f"{first.n_features}. Vectorize all of them alike."
            )
        if not _same_names(block.names, first.names):
            raise ValueError(
                f"Block {i} of X has other names of features than block 0: "
                f"{_first_difference(block.names, first.names)}. Bring the columns "
                f"of all blocks into one order."
            )


def _same_names(names: Array | None, others: Array | None) -> bool:
    if names is None or others is None:
        return names is others
    return np.array_equal(names, others)


def _first_difference(names: Array | None, expected: Array | None) -> str:
    if names is None or expected is None:
        return f"{'none' if names is None else 'some'} of them are text"
    at = int(np.flatnonzero(names != expected)[0])
    return f"{names[at]!r} in place of {expected[at]!r}"
