"""Text to features on the workers of a cluster."""

from typing import Any

import numpy as np
from scipy import sparse
from sklearn.exceptions import NotFittedError

from sklearn_datamaps.dask.cluster import blocks_of, is_on_cluster, require_dask


def vectorize(texts: Any, vectorizer: Any) -> Any:
    """Text to a dask array of sparse features, vectorized on the workers.

    .. versionadded:: 0.1

    Parameters
    ----------
    texts : dask bag, Series or array, or list of Delayed or Future
        Texts, in blocks: each an iterable of str.
    vectorizer : HashingVectorizer or a fitted vectorizer
        Anything with ``transform``. One that learns a vocabulary must have learned
        it, for example from a sample.

    Returns
    -------
    dask.array.Array of shape (nan, n_features)
        One CSR block for each block of texts. Nothing is computed yet, and the
        number of rows is not known before; :class:`DataMapClassifier` needs neither.

    Raises
    ------
    ImportError
        If Dask is not installed.
    TypeError
        If texts are not in blocks.
    ValueError
        If the vectorizer is not fitted, or has no sparse result.

    Examples
    --------
    >>> from dask import bag
    >>> from sklearn.feature_extraction.text import HashingVectorizer
    >>> from sklearn_datamaps.dask import vectorize
    >>> texts = bag.from_sequence(["so kind", "thank you", "no"], npartitions=2)
    >>> X = vectorize(texts, HashingVectorizer(n_features=2**10))
    >>> X.shape
    (nan, 1024)
    >>> X.compute(scheduler="threads").shape
    (3, 1024)
    """
    require_dask("sklearn_datamaps.dask.vectorize")
    import dask
    import dask.array as da

    if not is_on_cluster(texts):
        raise TypeError(
            f"texts is {type(texts).__name__}; expected a dask bag, Series or array, "
            f"or a list of delayed objects or futures, each a block of texts."
        )
    try:
        example = vectorizer.transform(["example"])
    except NotFittedError as error:
        raise ValueError(
            f"{type(vectorizer).__name__} is not fitted. Fit it on a sample of the "
            f"texts first, or use HashingVectorizer, which needs no fit."
        ) from error
    if not sparse.issparse(example):
        raise ValueError(
            f"{type(vectorizer).__name__} gives {type(example).__name__}, not a sparse "
            f"matrix. Use HashingVectorizer, TfidfVectorizer or CountVectorizer."
        )
    transform = dask.delayed(_transform, pure=False)
    once = dask.delayed(vectorizer, pure=False)
    meta, shape = example[:0], (np.nan, example.shape[1])
    arrays = [
        da.from_delayed(transform(once, block), shape, meta=meta)
        for block in blocks_of(texts)
    ]
    return da.concatenate(arrays, allow_unknown_chunksizes=True)


def _transform(vectorizer: Any, texts: Any) -> Any:
    return vectorizer.transform(texts)
