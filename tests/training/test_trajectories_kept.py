"""store_trajectories="auto": kept where the whole record is small enough."""

import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_classification, make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import GridSearchCV

from sklearn_datamaps import DataMap, DataMapClassifier
from sklearn_datamaps._learners.sklearn_compat import calls_back
from sklearn_datamaps._training import recipe

SGD = SGDClassifier(loss="log_loss")
N = 60
X, y = make_classification(N, random_state=0)


def fitted(learner=SGD, X=X, y=y, *, X_val=None, y_val=None, **params):
    params = {"n_epochs": 4, "random_state": 0} | params
    return DataMapClassifier(learner, **params).fit(X, y, X_val=X_val, y_val=y_val)


@pytest.fixture
def most(monkeypatch):
    """Set how many values are kept."""
    return lambda n: monkeypatch.setattr(recipe, "MOST_STORED", n)


def test_kept_by_default_and_as_when_asked_for():
    assert recipe.MOST_STORED == 5_000_000
    found = fitted().data_map_
    assert found.trajectories.shape == (4, N)
    assert found.trajectories.dtype == np.float32
    asked = fitted(store_trajectories=True).data_map_
    np.testing.assert_array_equal(found.trajectories, asked.trajectories)
    np.testing.assert_allclose(found.trajectories.mean(axis=0), found.confidence, 1e-5)
    without = fitted(store_trajectories=False).data_map_
    assert without.trajectories is None
    np.testing.assert_array_equal(without.confidence, found.confidence)


def test_kept_up_to_the_limit_and_not_beyond(most):
    most(4 * N)
    assert fitted().data_map_.trajectories is not None
    most(4 * N - 1)
    assert fitted().data_map_.trajectories is None
    assert fitted(store_trajectories=True).data_map_.trajectories is not None


def test_every_label_of_a_row_counts(most):
    X, Y = make_multilabel_classification(N, n_classes=3, random_state=0)
    most(4 * 3 * N)
    assert fitted(X=X, y=Y).data_map_.trajectories.shape == (4, N, 3)
    most(4 * 3 * N - 1)
    assert fitted(X=X, y=Y).data_map_.trajectories is None


def test_rows_of_x_val_count(most):
    most(4 * (N + 10))
    clf = fitted(X_val=X[:10], y_val=y[:10])
    assert clf.validation_map_.trajectories.shape == (4, 10)
    most(4 * (N + 10) - 1)
    clf = fitted(X_val=X[:10], y_val=y[:10])
    assert clf.validation_map_.trajectories is None
    assert clf.data_map_.trajectories is None


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_folds_do_not_decide_for_themselves(most, n_jobs):
    most(4 * N - 1)  # each of the folds has less
    clf = fitted(cv=2, n_jobs=n_jobs)
    assert clf.data_map_.trajectories is None
    assert clf.in_sample_map_.trajectories is None
    most(4 * N)
    clf = fitted(cv=2, n_jobs=n_jobs)
    assert np.isfinite(clf.data_map_.trajectories).all()
    assert clf.in_sample_map_.trajectories is not None


@pytest.mark.skipif(not calls_back(), reason="scikit-learn 1.9 calls back")
def test_the_most_iterations_count_however_few_there_are(most):
    learner = LogisticRegression(max_iter=5)
    most(5 * N)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # as was wanted
        assert fitted(learner, n_epochs="auto").data_map_.trajectories is not None
    most(100 * N - 1)
    clf = fitted(LogisticRegression(max_iter=100, tol=1), n_epochs="auto")
    assert clf.n_epochs_ < 10
    assert clf.data_map_.trajectories is None


def test_a_record_that_grows_ends_as_one_made_in_one_go(most):
    most(5 * N)
    clf = DataMapClassifier(SGD, n_epochs=2, warm_start=True, random_state=0)
    first = clf.fit(X, y).data_map_
    for n_epochs in (5, 6):
        clf.set_params(n_epochs=n_epochs).fit(X, y)
        whole = fitted(n_epochs=n_epochs).data_map_
        np.testing.assert_array_equal(clf.data_map_.confidence, whole.confidence)
        if n_epochs == 5:
            np.testing.assert_array_equal(
                clf.data_map_.trajectories, whole.trajectories
            )
    assert clf.data_map_.trajectories is None
    assert whole.trajectories is None
    assert first.trajectories.shape == (2, N)  # a map that was made stays as it was
    clf.set_params(n_epochs=7, store_trajectories=True)
    with pytest.raises(ValueError, match="store_trajectories changed"):
        clf.fit(X, y)


def test_interrupted_record_keeps_what_it_has():
    class StopError(Exception):
        pass

    class Stopping(SGDClassifier):
        def partial_fit(self, *args, **kwargs):
            if getattr(self, "t_", 0) > 2 * N:
                raise StopError
            return super().partial_fit(*args, **kwargs)

    clf = DataMapClassifier(Stopping(loss="log_loss"), n_epochs=4, random_state=0)
    with pytest.raises(StopError):
        clf.fit(X, y)
    assert clf.n_epochs_ == 2
    assert clf.data_map_.trajectories.shape == (2, N)


def test_clone_and_search_carry_it():
    clf = DataMapClassifier(SGD, random_state=0)
    assert clone(clf).store_trajectories == "auto"
    search = GridSearchCV(clf, {"n_epochs": [2, 3], "store_trajectories": ["auto"]})
    best = search.fit(X, y).best_estimator_
    assert len(best.data_map_.trajectories) == best.n_epochs_


def test_average_has_them_where_every_map_does():
    maps = [fitted(random_state=seed).data_map_ for seed in (0, 1)]
    found = DataMap.average(maps).trajectories
    expected = np.mean([one.trajectories for one in maps], axis=0)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    without = fitted(random_state=2, store_trajectories=False).data_map_
    assert DataMap.average([*maps, without]).trajectories is None


@pytest.mark.parametrize("value", ["sometimes", None, 3])
def test_other_values_are_refused(value):
    with pytest.raises(ValueError, match=r"'store_trajectories'.*'auto'"):
        fitted(store_trajectories=value)
