"""What a vectorizer makes, and what tells it from another."""

import warnings
from collections.abc import Mapping
from typing import Any

import joblib
import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError


def probe(vectorizer: Any) -> tuple[int, np.dtype[Any]]:
    """Columns and dtype of what a vectorizer makes, found out with an empty text."""
    name = type(vectorizer).__name__
    if isinstance(vectorizer, type) or not hasattr(vectorizer, "transform"):
        raise TypeError(
            f"The vectorizer must have the method transform; got {vectorizer!r}. Pass "
            f"HashingVectorizer(), or one that is fitted."
        )
    try:
        with warnings.catch_warnings():
            # That a pipeline is not fitted: refused below, where it matters.
            warnings.simplefilter("ignore", FutureWarning)
            X = vectorizer.transform([""])
    except NotFittedError as error:
        raise NotFittedError(
            f"This {name} is not fitted, and texts that do not fit into memory cannot "
            f"fit it. Pass a stateless HashingVectorizer, or fit it on a sample "
            f"before: vectorizer.fit(texts)."
        ) from error
    if not sparse.issparse(X):
        raise ValueError(
            f"{name} makes a dense {type(X).__name__}; a matrix on disk is sparse. End "
            f"with a step that gives a sparse matrix, such as HashingVectorizer."
        )
    if X.shape[1] > np.iinfo(np.int32).max:
        raise ValueError(f"{name} makes {X.shape[1]:,} columns; there may be 2^31 - 1.")
    return int(X.shape[1]), X.dtype


def hash_of(vectorizer: Any) -> str:
    """Hash of what a vectorizer does, the same in every process."""
    try:
        return str(joblib.hash(_state(vectorizer)))
    except Exception as error:  # of whatever pickle comes upon
        raise TypeError(
            f"{type(vectorizer).__name__} cannot be pickled ({error}). Define its "
            f"functions with def, in a module that can be imported."
        ) from error


def _state(value: Any) -> Any:
    """What an estimator is, without what differs from process to process."""
    if isinstance(value, BaseEstimator):
        state = {k: v for k, v in vars(value).items() if k != "_stop_words_id"}
        return [f"{type(value).__module__}.{type(value).__qualname__}", _state(state)]
    if isinstance(value, Mapping) and any(
        isinstance(v, BaseEstimator | list) for v in value.values()
    ):
        return {key: _state(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_state(item) for item in value]
    return value
