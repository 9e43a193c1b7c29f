"""Nearest rows by cosine: the same as by comparing all with all, in bounded memory."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.preprocessing import scale

from sklearn_datamaps._core import neighbours
from sklearn_datamaps._core.neighbours import nearest_rows, scaler_of


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 8)) * (rng.random((60, 8)) < 0.6)
    X[7] = 0
    return X


def by_hand(X, rows, candidates, k):
    cosine = cosine_similarity(X)
    np.fill_diagonal(cosine, -np.inf)
    others = np.setdiff1d(np.arange(len(X)), candidates)
    cosine[:, others] = -np.inf
    order = np.argsort(-cosine, axis=1, kind="stable")[rows, :k]
    return order, np.take_along_axis(cosine[rows], order, axis=1)


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array, sparse.csr_matrix])
@pytest.mark.parametrize("n_values", [1, 130, 2**22])
def test_neighbours_are_those_of_all_with_all(table, kind, n_values, monkeypatch):
    X = table
    monkeypatch.setattr(neighbours, "N_VALUES", n_values)
    rows = np.setdiff1d(np.arange(0, 60, 2), [7])
    for candidates in (np.arange(60), np.array([1, 2, 4, 5, 9, 33])):
        for k in (1, 5):
            found, cosine = nearest_rows(kind(X), k, rows=rows, candidates=candidates)
            expected, values = by_hand(X, rows, candidates, k)
            np.testing.assert_array_equal(found, expected)
            np.testing.assert_allclose(cosine, values, atol=1e-12)


def test_no_row_is_its_own_neighbour_even_among_copies(table):
    X = table
    X[[1, 2]] = X[0]
    found, cosine = nearest_rows(X, 3)
    assert (found != np.arange(60)[:, None]).all()
    assert found[:3, :2].tolist() == [[1, 2], [0, 2], [0, 1]]
    np.testing.assert_allclose(cosine[:3, :2], 1)


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
def test_of_equally_near_rows_the_first_come_first(kind):
    X = kind(np.repeat(np.eye(3), 8, axis=0))
    found, cosine = nearest_rows(X, 4, rows=np.array([0, 2, 23]))
    assert found.tolist() == [[1, 2, 3, 4], [0, 1, 3, 4], [16, 17, 18, 19]]
    np.testing.assert_allclose(cosine, 1)
    # Seven others are alike; for the rest there are only rows with nothing in common.
    found, cosine = nearest_rows(X, 9, rows=np.array([9]))
    assert found.tolist() == [[8, *range(10, 16), 0, 1]]
    np.testing.assert_allclose(cosine, [[1] * 7 + [0, 0]])
    found, cosine = nearest_rows(X, 8, rows=np.array([9]))
    assert found.tolist() == [[8, *range(10, 16), 0]]
    np.testing.assert_allclose(cosine, [[1] * 7 + [0]])


def test_standardised_columns_are_those_of_the_whole_table(table, monkeypatch):
    X = table
    monkeypatch.setattr(neighbours, "N_VALUES", 100)
    found, _ = nearest_rows(X, 4, scaler=scaler_of(X))
    np.testing.assert_array_equal(found, nearest_rows(scale(X), 4)[0])


def test_a_missing_value_counts_as_the_mean_of_its_column(table):
    X = table
    missing = X.copy()
    missing[3, 2] = np.nan
    filled = X.copy()
    filled[3, 2] = np.delete(X[:, 2], 3).mean()
    scaler = scaler_of(missing)
    found, _ = nearest_rows(missing, 4, scaler=scaler)
    np.testing.assert_array_equal(found, nearest_rows(filled, 4, scaler=scaler)[0])


def test_a_missing_value_of_a_sparse_matrix_counts_as_0(table):
    X, missing = sparse.csr_array(table), sparse.csr_array(table)
    X.data[::9], missing.data[::9] = 0, np.nan
    for found, expected in zip(
        nearest_rows(missing, 4), nearest_rows(X, 4), strict=True
    ):
        np.testing.assert_array_equal(found, expected)
    assert np.isnan(missing.data).any()


def test_there_are_no_more_neighbours_than_other_rows(table):
    X = table
    assert nearest_rows(X[:3], 15)[0].shape == (3, 2)
    assert nearest_rows(X[:1], 15)[0].shape == (1, 0)
