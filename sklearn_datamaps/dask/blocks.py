"""Data of the user to validated and encoded blocks on the workers of a cluster."""

import copy
import itertools
from typing import Any, NamedTuple

import numpy as np

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.labels import EncodedLabels, encode_labels
from sklearn_datamaps._learners.learner import Learner
from sklearn_datamaps._learners.registry import check_weighted
from sklearn_datamaps.dask import tasks
from sklearn_datamaps.dask.cluster import block_futures, gather, is_on_cluster
from sklearn_datamaps.dask.tasks import Features, Labels


class Blocks(NamedTuple):
    """The data, block by block, on the workers: lists are of futures."""

    X: list[Any]  # validated features
    y: list[Any]  # encoded labels
    weights: list[Any]  # as given; of None where there are none
    known: EncodedLabels  # all labels; of codes there are none
    n_rows: Array  # of each block
    n_set: Array  # rows of each label in each block
    features: Features  # of the first block, with what the learner must know of all


def prepare_blocks(
    client: Any, learner: Learner, X: Any, y: Any, sample_weight: Any
) -> Blocks:
    """Validate and encode the data on the workers; empty blocks are left out.

    Raises
    ------
    TypeError, ValueError
        If the data are bad, or no map can be made of them; it names the block.
    """

    def submit(task: Any, *blocks: Any, **options: Any) -> list[Any]:
        return list(client.map(task, *blocks, pure=False, **options))

    raw = block_futures(client, X, "X")
    numbers = range(len(raw))
    checked = submit(tasks.check_features, raw, numbers, learner=learner)
    told = submit(tasks.describe_features, checked, raw, learner=learner)
    described: list[Features] = gather(client, told)
    _check_alike(described)
    n_rows = np.array([block.n_rows for block in described])
    labels = _of_blocks(client, y, n_rows, "y")
    weights = [None] * len(n_rows)
    if sample_weight is not None:
        learner.check_fit_params({"sample_weight": sample_weight})
        weights = _of_blocks(client, sample_weight, n_rows, "sample_weight")
    sizes = n_rows.tolist()
    told = submit(tasks.describe_labels, labels, weights, numbers, sizes)
    of_labels: list[Labels] = gather(client, told)
    filled = np.flatnonzero(n_rows).tolist()
    if not filled:
        raise ValueError(f"All {len(n_rows)} blocks of X are empty (0 rows).")
    checked, labels, weights = (
        [blocks[i] for i in filled] for blocks in (checked, labels, weights)
    )
    described = [described[i] for i in filled]
    of_labels = [of_labels[i] for i in filled]
    known, n_set = tasks.unite(of_labels, learner.estimator)
    if not known.multilabel:
        weighted = [found.known.classes[found.weighted] for found in of_labels]
        check_weighted(len(np.unique(np.concatenate(weighted))))
    codes = submit(tasks.encode_block, labels, known=known)
    params: dict[str, Any] = {}
    for block in described:
        for name, values in block.params.items():
            params[name] = np.maximum(params.get(name, 0), values)
    first = described[0]._replace(params=params)
    return Blocks(checked, codes, weights, known, n_rows[filled], n_set, first)


def _of_blocks(client: Any, data: Any, n_rows: Array, name: str) -> list[Any]:
    import dask

    if not is_on_cluster(data):  # of this process: cut into the blocks of X
        known = encode_labels(data) if name == "y" else None
        rows = getattr(data, "iloc", data) if known is None else known.codes
        tasks.check_rows(name, rows, int(n_rows.sum()))
        bounds = itertools.pairwise([0, *np.cumsum(n_rows).tolist()])
        parts = [rows[start:stop] for start, stop in bounds]
        if known is not None:  # codes take a fraction of the memory of labels
            parts = [EncodedLabels(codes, known.classes) for codes in parts]
        # The data have to be in the tasks, so no warning that they are large.
        with dask.config.set(
            {"distributed.admin.large-graph-warning-threshold": "1 TiB"}
        ):
            return list(client.map(copy.copy, parts, pure=False))
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
        if block.names == first.names:
            continue
        if block.names is None or first.names is None:
            what = f"{'some' if first.names is None else 'none'} of them are text"
        else:
            pairs = zip(block.names, first.names, strict=True)
            what = next(f"{a!r} in place of {b!r}" for a, b in pairs if a != b)
        raise ValueError(
            f"Block {i} of X has other names of features than block 0: {what}. Bring "
            f"the columns of all blocks into one order."
        )
