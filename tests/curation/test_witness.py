"""The second witness has not seen the row's own label: tested by refits without it."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from sklearn_datamaps._core import neighbours
from sklearn_datamaps._curation import witness
from sklearn_datamaps._curation.witness import (
    BAYES,
    NEAREST,
    SMOOTHING,
    leave_one_out_bayes,
    neighbour_votes,
    table_of,
    witness_proba,
)


@pytest.fixture
def counts():
    rng = np.random.default_rng(0)
    X = rng.poisson(0.7, size=(40, 12)) * rng.random((40, 12))
    X[5] = 0
    return X, rng.integers(3, size=40)


def refitted(X, codes, n_classes):
    """Multinomial naive Bayes, fitted anew without each row."""
    proba = []
    for left_out in range(len(X)):
        rest = np.arange(len(X)) != left_out
        logs = []
        for code in range(n_classes):
            rows = rest & (codes == code)
            seen = X[rows].sum(axis=0) + SMOOTHING
            prior = np.log(rows.sum() + 1)
            logs.append(X[left_out] @ np.log(seen / seen.sum()) + prior)
        odds = np.exp(np.array(logs) - max(logs))
        proba.append(odds / odds.sum())
    return np.array(proba)


@pytest.mark.parametrize("size", [5, 2**22])
@pytest.mark.parametrize("kind", [sparse.csr_array, sparse.csr_matrix])
def test_naive_bayes_is_that_of_refits_without_the_row(counts, size, kind, monkeypatch):
    monkeypatch.setattr(witness, "N_VALUES", size)
    X, codes = counts
    found = leave_one_out_bayes(kind(X), codes, 3)
    np.testing.assert_allclose(found, refitted(X, codes, 3), rtol=1e-9)


def test_every_label_of_a_multilabel_target_is_asked_for_by_itself(counts):
    X, codes = counts
    is_set = np.column_stack([codes == 0, codes < 2])
    found = leave_one_out_bayes(sparse.csr_array(X), is_set, 2)
    for column, label in zip(found.T, is_set.T, strict=True):
        np.testing.assert_allclose(column, refitted(X, label * 1, 2)[:, 1], rtol=1e-9)


@pytest.mark.parametrize("multilabel", [False, True])
@pytest.mark.parametrize("sparsely", [False, True])
def test_own_label_says_nothing_of_the_row_itself(counts, multilabel, sparsely):
    X, codes = counts
    targets = np.column_stack([codes == 0, codes < 2]) if multilabel else codes
    features = sparse.csr_array(X) if sparsely else X
    before, name = witness_proba(features, targets, 3 - multilabel)
    assert name == (BAYES if sparsely else NEAREST)
    for row in range(0, 40, 7):
        other = targets.copy()
        other[row] = ~other[row] if multilabel else (other[row] + 1) % 3
        after = witness_proba(features, other, 3 - multilabel)[0]
        if sparsely:
            np.testing.assert_allclose(after[row], before[row], rtol=1e-9)
        else:  # but for what is common, where nobody is near
            np.testing.assert_allclose(after[row], before[row], atol=1e-3)


def test_votes_are_those_of_the_nearest_rows_by_squared_cosine(monkeypatch):
    monkeypatch.setattr(witness, "N_NEIGHBORS", 2)
    X = np.array([[1.0, 0.0], [1.0, 0.1], [0.8, 0.6], [-1.0, 0.0], [-1.0, -0.7]])
    codes = np.array([0, 1, 1, 0, 0])
    unit = (X - X.mean(axis=0)) / X.std(axis=0)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    cosine = unit @ unit.T
    np.fill_diagonal(cosine, -1)
    votes = neighbour_votes(X, codes, 2)
    for row in range(5):
        near = np.argsort(-cosine[row])[:2]
        weight = np.maximum(cosine[row, near], 0) ** 2
        share = (weight @ codes[near] + 1e-3 * 0.4) / (weight.sum() + 1e-3)
        np.testing.assert_allclose(votes[row], [1 - share, share], rtol=1e-9)


def test_large_tables_are_compared_with_evenly_spaced_rows(monkeypatch):
    rng = np.random.default_rng(0)
    X, codes = rng.normal(size=(400, 4)), np.arange(400) % 2
    monkeypatch.setattr(witness, "MOST_CANDIDATES", 200)
    asked = []
    found = neighbours.nearest_rows

    def noted(X, n, **given):
        asked.append(given["candidates"])
        return found(X, n, **given)

    monkeypatch.setattr(witness, "nearest_rows", noted)
    votes = neighbour_votes(X, codes, 2)
    assert len(asked[0]) == 200
    assert np.diff(asked[0]).max() <= 3
    np.testing.assert_allclose(votes.sum(axis=1), 1)


@pytest.mark.parametrize(
    ("X", "name"),
    [
        (sparse.csc_array([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]]), BAYES),
        (sparse.csr_array([[-1.0, 0.0], [0.0, 2.0], [1.0, 1.0]]), NEAREST),
        ([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]], NEAREST),
        (np.ones((3, 2, 2)), NEAREST),
    ],
)
def test_counts_are_asked_of_naive_bayes_and_tables_of_their_neighbours(X, name):
    proba, asked = witness_proba(X, np.array([0, 1, 1]), 2)
    assert asked == name
    np.testing.assert_allclose(proba.sum(axis=1), 1)


def test_categories_become_columns_of_their_own():
    frame = pd.DataFrame(
        {"city": pd.Categorical(["Bern", "Rome", "Bern"]), "size": [1, 2, 3]}
    )
    expected = [[1, 1, 0], [2, 0, 1], [3, 1, 0]]
    np.testing.assert_array_equal(table_of(frame), expected)
    mixed = np.array([[1, "Bern"], [2, "Rome"], [3, "Bern"]], dtype=object)
    np.testing.assert_array_equal(table_of(mixed), expected)
    hollow = pd.DataFrame({"a": pd.arrays.SparseArray([0.0, 1.0], fill_value=0.0)})
    assert sparse.issparse(table_of(hollow))
