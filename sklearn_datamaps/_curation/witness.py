"""A second opinion on every label, by a model of another kind that left the row out."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils import check_array

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.neighbours import N_VALUES, blocks, nearest_rows, scaler_of

BAYES, NEAREST = "naive Bayes", "nearest rows"
SMOOTHING = 0.3  # added to the count of every feature in every class
N_NEIGHBORS = 15
# Neighbours are looked for among so many rows: the time grows with n, not n squared.
MOST_CANDIDATES = 20_000


def witness_proba(X: Any, codes: Array, n_classes: int) -> tuple[NDArray[Any], str]:
    """Probabilities by what a row says without its label.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The features.
    codes : ndarray of int of shape (n_samples,), or of bool (n_samples, n_labels)
        Column of each row's own label; multilabel: whether each label is set.
    n_classes : int
        How many classes; multilabel: labels.

    Returns
    -------
    proba : ndarray of float64 of shape (n_samples, n_classes)
        Multilabel: that each label is set.
    name : {"naive Bayes", "nearest rows"}
        Naive Bayes for sparse features without negative values (counts, TF-IDF),
        nearest rows for all others.
    """
    X = table_of(X)
    if sparse.issparse(X) and (not X.nnz or X.data.min() >= 0):
        return leave_one_out_bayes(X, codes, n_classes), BAYES
    return neighbour_votes(X, codes, n_classes), NEAREST


def table_of(X: Any) -> Any:
    """Features as a CSR matrix or an array; categories become columns of 0 and 1.

    Parameters
    ----------
    X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
        The features.
    """
    is_object = not sparse.issparse(X) and np.asarray(X[:1]).dtype.kind == "O"
    if isinstance(X, pd.DataFrame) or is_object:
        frame = pd.DataFrame(X).infer_objects()
        numbers = frame.select_dtypes(["number", "bool"])
        others = frame.drop(columns=numbers.columns)
        if others.shape[1]:
            X = pd.concat([numbers, pd.get_dummies(others.astype(str))], axis=1)
    given = {"allow_nd": True, "ensure_all_finite": False, "dtype": "numeric"}
    return check_array(X, accept_sparse="csr", **given)


def leave_one_out_bayes(X: Any, codes: Array, n_classes: int) -> NDArray[Any]:
    """Multinomial naive Bayes that has not seen the row it judges.

    The counts of a row are taken out of its own class before it is judged: what a fit
    for every row without it would say, in closed form, at the cost of one fit.

    Parameters
    ----------
    X : csr of shape (n_samples, n_features)
        Counts or TF-IDF, none negative.
    codes, n_classes
        As in :func:`witness_proba`; every label of a multilabel target is a question
        of two classes.

    Returns
    -------
    ndarray of float64 of shape (n_samples, n_classes)

    References
    ----------
    Manning et al., Introduction to Information Retrieval, 2008, chapter 13.
    """
    if codes.ndim == 2:
        of_labels = [leave_one_out_bayes(X, is_set * 1, 2)[:, 1] for is_set in codes.T]
        return np.column_stack(of_labels)
    n, n_features = X.shape
    members = sparse.csr_matrix(
        (np.ones(n), (codes, np.arange(n))), shape=(n_classes, n)
    )
    counts = (members @ X).toarray().astype(np.float64)
    totals = counts.sum(axis=1) + SMOOTHING * n_features
    sizes = np.bincount(codes, minlength=n_classes)
    logs = np.ascontiguousarray(np.log(counts + SMOOTHING).T)
    proba = np.empty((n, n_classes))
    for block in blocks(n, N_VALUES // max(n_classes, X.nnz // n + 1)):
        part, own = X[block], codes[block]
        rows = np.arange(len(own))
        of_value = np.repeat(rows, np.diff(part.indptr))
        length = np.bincount(of_value, part.data, minlength=len(own))
        scores = part @ logs - np.outer(length, np.log(totals)) + np.log(sizes + 1)
        without = np.maximum(counts[own[of_value], part.indices] - part.data, 0)
        terms = part.data * np.log(without + SMOOTHING)
        scores[rows, own] = (
            np.bincount(of_value, terms, minlength=len(own))
            - length * np.log(totals[own] - length)
            + np.log(sizes[own])
        )
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        proba[block] = scores / scores.sum(axis=1, keepdims=True)
    return proba


def neighbour_votes(X: Any, codes: Array, n_classes: int) -> NDArray[Any]:
    """Votes of the 15 nearest other rows, weighted by their squared cosine.

    Parameters
    ----------
    X : {ndarray, csr} of shape (n_samples, n_features)
        The features; columns of an array are standardised. Of more than 20,000 rows,
        so many, evenly spaced, may be neighbours.
    codes, n_classes
        As in :func:`witness_proba`.

    Returns
    -------
    ndarray of float64 of shape (n_samples, n_classes)
    """
    n = X.shape[0]
    among = np.linspace(0, n - 1, min(n, MOST_CANDIDATES)).astype(np.intp)
    scaler = None if sparse.issparse(X) else scaler_of(X)
    found, cosine = nearest_rows(X, N_NEIGHBORS, candidates=among, scaler=scaler)
    weight = np.maximum(cosine, 0.0) ** 2
    if codes.ndim == 2:
        votes = np.einsum("nk,nkl->nl", weight, codes[found].astype(np.float64))
        common, total = codes.mean(axis=0), weight.sum(axis=1, keepdims=True)
    else:
        votes = np.zeros((n, n_classes))
        for neighbour, of_neighbour in zip(found.T, weight.T, strict=True):
            votes[np.arange(n), codes[neighbour]] += of_neighbour
        common = np.bincount(codes, minlength=n_classes) / n
        total = votes.sum(axis=1, keepdims=True)
    # Where there is no neighbour to speak of: what is common.
    smoothed: NDArray[Any] = (votes + 1e-3 * common) / (total + 1e-3)
    return smoothed
