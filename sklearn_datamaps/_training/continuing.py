"""What must not change between the calls of ``fit`` that continue one record."""

import hashlib
import zlib
from collections.abc import Mapping
from typing import Any

import joblib
import numpy as np
import pandas as pd
from scipy import sparse

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.labels import EncodedLabels
from sklearn_datamaps._learners.blocks import is_memory_mapped
from sklearn_datamaps._training.recipe import Data, Recipe

# Parameters of a learner that change how fast or how loudly it works, not what it is.
OF_NO_CONSEQUENCE = {"n_jobs", "verbose", "verbosity", "thread_count", "nthread"}
CHUNK_ROWS = 2**14  # rows of a table that are hashed at once
# Of a file that is mapped: so many stretches of so many values, evenly spaced.
STRETCHES, STRETCH_VALUES = 64, 2**13


def continuation_key(recipe: Recipe, data: Data) -> dict[str, Any]:
    """Everything that a later call has to find as it is, by the name users know.

    Parameters
    ----------
    recipe : Recipe
        How it is trained.
    data : Data
        What it is trained on.

    Returns
    -------
    dict of str to object
        Small values that are equal if nothing changed; no data.
    """
    learner = recipe.learner.estimator
    return {
        "the shape of X": data.X.shape,
        "X": digest_of_features(data.X),
        "the labels": _of_labels(data.labels),
        "the class of the estimator": _class_name(learner),
        **{f"the estimator's {k}": v for k, v in _of_params(learner).items()},
        "batch_size": recipe.batch_size,
        "batch_order": recipe.batch_order,
        "response_method": recipe.response_method,
        "measures": recipe.measures,
        "store_trajectories": recipe.store_trajectories,
        **{name: _of_value(value) for name, value in data.params.items()},
    }


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Names of what changed; of another class or number of rows nothing further.

    Parameters
    ----------
    old, new : mapping of str to object
        Made by :func:`continuation_key`.

    Returns
    -------
    list of str
    """
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


def digest_of_features(X: Any) -> int:
    """Checksum of the values of X, in one pass that copies nothing.

    A pass runs at one to three gigabytes a second, a small part of one epoch. Of a
    memory map only some half a million values are read, evenly spaced: a file need
    not fit in memory, and may be slow.

    Parameters
    ----------
    X : {ndarray, csr, DataFrame} of shape (n_samples, n_features)
        Validated features.

    Returns
    -------
    int
    """
    digest = zlib.crc32(type(X).__name__.encode())
    if isinstance(X, pd.DataFrame):
        for start in range(0, len(X), CHUNK_ROWS):
            rows = X.iloc[start : start + CHUNK_ROWS]
            hashes = pd.util.hash_pandas_object(rows, index=False)
            digest = zlib.crc32(hashes.to_numpy().data, digest)
        return zlib.crc32(repr(X.dtypes.tolist()).encode(), digest)
    mapped = is_memory_mapped(X)
    parts = (X.data, X.indices, X.indptr) if sparse.issparse(X) else (X,)
    for part in parts:
        digest = _add(digest, np.asarray(part), sampled=mapped)
    return digest


def _add(digest: int, values: Array, *, sampled: bool) -> int:
    digest = zlib.crc32(f"{values.dtype.str}{values.shape}".encode(), digest)
    if values.dtype == object:
        return zlib.crc32(joblib.hash(values).encode(), digest)
    if not values.flags.c_contiguous:
        for start in range(0, len(values), CHUNK_ROWS):
            rows = np.ascontiguousarray(values[start : start + CHUNK_ROWS])
            digest = zlib.crc32(rows.data, digest)
        return digest
    flat = values.reshape(-1)
    if not sampled or flat.size <= STRETCHES * STRETCH_VALUES:
        return zlib.crc32(flat.data, digest)
    last = flat.size - STRETCH_VALUES
    for start in np.linspace(0, last, STRETCHES).astype(np.intp).tolist():
        digest = zlib.crc32(flat[start : start + STRETCH_VALUES].data, digest)
    return digest


def _of_labels(labels: EncodedLabels) -> str:
    digest = hashlib.sha256(np.ascontiguousarray(labels.codes).data)
    digest.update(repr(labels.classes.tolist()).encode())
    return digest.hexdigest()


def _class_name(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _of_params(estimator: Any) -> dict[str, Any]:
    """Nested parameters of a learner, but for those of no consequence."""
    if not hasattr(estimator, "get_params"):
        return {}
    return {
        key: _of_value(value)
        for key, value in estimator.get_params(deep=True).items()
        if key.rpartition("__")[2] not in OF_NO_CONSEQUENCE
    }


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
