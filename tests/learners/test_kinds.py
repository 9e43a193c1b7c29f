"""Every kind of learner, the known ones and two that are added here, in one suite."""

import pickle

import numpy as np
import pytest
from scipy import sparse
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier

from sklearn_datamaps import DataMapClassifier, TrainingDynamics
from sklearn_datamaps._learners import registry, sklearn_compat
from sklearn_datamaps._learners.learner import StepwiseLearner
from sklearn_datamaps._learners.push import PushLearner


class Softmax(ClassifierMixin, BaseEstimator):
    """Softmax regression by gradient descent, with neither partial_fit nor stages."""

    def __init__(self, step=1.0, max_iter=100):
        self.step = step
        self.max_iter = max_iter

    def climb(self, X, y, classes, sample_weight=None):
        """One step."""
        if not hasattr(self, "coef_"):
            self.classes_ = classes
            self.n_features_in_ = X.shape[1]
            self.coef_ = np.zeros((X.shape[1], len(classes)))
        weights = np.ones(len(y)) if sample_weight is None else sample_weight
        error = (y[:, None] == self.classes_) - self.predict_proba(X)
        self.coef_ = self.coef_ + self.step * (X.T @ (weights[:, None] * error)) / len(
            y
        )

    def predict_proba(self, X):
        return softmax(X @ self.coef_, axis=1)

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class Climbing(Softmax):
    """To be trained in steps."""


class Pushing(Softmax):
    """Fitted at once; calls back after every step, and stops once it is sure enough."""

    def __init__(self, step=1.0, max_iter=100, sure_at=1.0):
        super().__init__(step, max_iter)
        self.sure_at = sure_at

    def fit(self, X, y, sample_weight=None, callback=None):
        classes = np.unique(y)
        for _ in range(self.max_iter):
            self.climb(X, y, classes, sample_weight)
            if callback is not None:
                callback(self)
            own = self.predict_proba(X)[np.arange(len(y)), np.searchsorted(classes, y)]
            if own.mean() > self.sure_at:
                break
        return self


class ClimbingLearner(StepwiseLearner):
    training_method = "climb"

    @classmethod
    def handles(cls, inner):
        return isinstance(inner, Climbing)

    def train_member(self, member, X, y, *, classes, params, seed):
        member.climb(X, y, classes, **params)


class PushingLearner(PushLearner):
    @classmethod
    def handles(cls, inner):
        return isinstance(inner, Pushing)

    def fit_member(self, training, i, n_epochs, hand_out):
        member = training.members[i].set_params(max_iter=n_epochs)
        y = training.targets(i, slice(None))
        return member.fit(training.X, y, callback=hand_out, **training.fit_params)


@pytest.fixture(autouse=True)
def two_more_kinds(monkeypatch):
    kinds = [ClimbingLearner, PushingLearner, *registry.KINDS]
    monkeypatch.setattr(registry, "KINDS", kinds)


KINDS = {
    "partial_fit": SGDClassifier(loss="log_loss"),
    "staged": GradientBoostingClassifier(n_estimators=12, max_depth=2),
    "stepwise, added": Climbing(),
    "push, added": Pushing(),
}
if sklearn_compat.calls_back():
    KINDS["callback"] = LogisticRegression()
every_kind = pytest.mark.parametrize("learner", KINDS.values(), ids=KINDS)
N_EPOCHS = 6


def fit(learner, X, y, **params):
    sample_weight = params.pop("sample_weight", None)
    ends_itself = isinstance(learner, LogisticRegression)
    n_epochs = "auto" if ends_itself else N_EPOCHS
    clf = DataMapClassifier(learner, n_epochs=n_epochs, random_state=0, **params)
    return clf.fit(X, y, sample_weight=sample_weight)


@pytest.fixture(scope="module")
def rows(digits):
    X, y = digits
    return X[:200], y[:200] % 3


@every_kind
@pytest.mark.parametrize("names", [[0, 1], ["a", "b", "c"]], ids=["binary", "texts"])
@pytest.mark.parametrize("is_sparse", [False, True], ids=["dense", "sparse"])
def test_it_learns_is_recorded_and_repeats_itself(rows, learner, names, is_sparse):
    X = sparse.csr_matrix(rows[0]) if is_sparse else rows[0]
    y = np.array(names)[rows[1] % len(names)]
    clf = fit(learner, X, y, store_trajectories=True)
    ends_itself = isinstance(learner, LogisticRegression)
    assert clf.n_epochs_ == (clf.estimator_.n_iter_[0] if ends_itself else N_EPOCHS)
    assert clf.score(X, y) > 0.6
    assert (clf.classes_ == np.unique(y)).all()
    own = clf.data_map_.trajectories
    assert (np.diff(own, axis=0) != 0).any(axis=1).all()  # every epoch is another one
    again = fit(learner, X, y, store_trajectories=True).data_map_.trajectories
    np.testing.assert_array_equal(own, again)
    proba = clf.predict_proba(X)
    at = np.searchsorted(clf.classes_, y)
    np.testing.assert_allclose(own[-1], proba[np.arange(len(y)), at], rtol=1e-5)


@every_kind
def test_the_users_estimator_is_not_touched(rows, learner):
    before = learner.get_params()
    clf = fit(learner, *rows)
    assert learner.get_params() == before
    assert not hasattr(learner, "classes_")
    assert type(clf.estimator_) is type(learner)


@every_kind
def test_labels_of_an_indicator_are_learned_one_by_one(rows, learner):
    X, y = rows
    Y = np.column_stack([y == 0, y > 0]).astype(int)
    clf = fit(learner, X, Y)
    assert clf.confidence_.shape == Y.shape
    single = fit(learner, X, Y[:, 0])
    if not isinstance(learner, SGDClassifier):  # each label has seeds of its own
        np.testing.assert_allclose(
            clf.confidence_[:, 0], single.confidence_, rtol=1e-12
        )
    assert len(clf.estimator_.estimators_) == 2


@every_kind
@pytest.mark.parametrize("value", [0, 1])
def test_a_constant_label_leaves_the_map_of_the_others_as_it_is(rows, learner, value):
    X, y = rows
    constant = np.full(len(y), value)
    clf = fit(learner, X, np.column_stack([y == 0, constant, y == 2]).astype(int))
    # The first label again, which takes no learner longer than the first.
    other = fit(learner, X, np.column_stack([y == 0, y == 0, y == 2]).astype(int))
    assert clf.n_epochs_ == other.n_epochs_ >= N_EPOCHS
    for at in (0, 2):
        for name in ("confidence", "variability", "correctness"):
            actual, expected = (getattr(c.data_map_, name)[:, at] for c in (clf, other))
            np.testing.assert_array_equal(actual, expected)
    assert (clf.predict(X)[:, 1] == value).all()
    assert (np.abs(clf.predict_proba(X)[:, 1] - value) < 0.1).all()
    assert (clf.correctness_[:, 1] == 1).all()
    for classes in clf.estimator_.classes_:
        assert classes.tolist() == [0, 1]
    again = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(again.estimator_.predict(X), clf.predict(X))


@every_kind
def test_held_out_rows_are_recorded_by_models_that_never_saw_them(rows, learner):
    X, y = rows
    clf = fit(learner, X, y, cv=2)
    assert clf.data_map_.meta["recording"] == "out-of-fold"
    assert not (clf.confidence_ == clf.in_sample_map_.confidence).all()
    assert clf.data_map_.n_epochs == clf.in_sample_map_.n_epochs >= N_EPOCHS


@every_kind
def test_labels_of_rows_of_weight_zero_change_nothing(rows, learner):
    X, y = rows
    left_out = np.arange(len(y)) % 4 == 0
    weight = 1.0 - left_out
    clf = fit(learner, X, y, sample_weight=weight)
    other = fit(learner, X, np.where(left_out, (y + 1) % 3, y), sample_weight=weight)
    np.testing.assert_allclose(clf.predict_proba(X), other.predict_proba(X), rtol=1e-9)
    unweighted = fit(learner, X, y)
    assert not np.allclose(clf.predict_proba(X), unweighted.predict_proba(X))


def test_added_step_by_step_kind_is_what_its_loop_gives(rows):
    X, y = rows
    bare, dynamics = Climbing(), TrainingDynamics(y)
    for _ in range(N_EPOCHS):
        bare.climb(X, y, np.unique(y))
        dynamics.update(bare.predict_proba(X))
    clf = fit(Climbing(), X, y)
    np.testing.assert_array_equal(clf.confidence_, dynamics.to_data_map().confidence)


def test_added_step_by_step_kind_has_batches_and_warm_start(rows):
    clf = fit(Climbing(), *rows, batch_size=50)
    assert clf.n_epochs_ == N_EPOCHS
    first = DataMapClassifier(Climbing(), n_epochs=2, warm_start=True, batch_size=50)
    first.set_params(random_state=0).fit(*rows)
    first.set_params(n_epochs=N_EPOCHS).fit(*rows)
    np.testing.assert_array_equal(first.confidence_, clf.confidence_)


def test_pushed_labels_that_end_early_stay_at_their_last_state(rows):
    X, y = rows
    # The first label is learned at once, the second not at all.
    Y = np.column_stack([X[:, 21] > 0.2, np.arange(len(y)) % 2]).astype(int)
    learner = Pushing(step=20.0, sure_at=0.8)
    clf = fit(learner, X, Y, store_trajectories=True)
    own = clf.data_map_.trajectories
    alone = fit(learner, X, Y[:, 0], store_trajectories=True).data_map_
    ended = alone.n_epochs
    assert ended < N_EPOCHS == clf.n_epochs_
    np.testing.assert_allclose(own[:ended, :, 0], alone.trajectories, atol=1e-6)
    assert (own[ended:, :, 0] == own[ended - 1, :, 0]).all()
    assert (own[ended:, :, 1] != own[ended - 1, :, 1]).any()


class Fails(Pushing):
    """Raises in the third step of a label that is rare."""

    def climb(self, X, y, classes, sample_weight=None):
        super().climb(X, y, classes, sample_weight)
        self.n_steps_ = getattr(self, "n_steps_", 0) + 1
        if self.n_steps_ == 3 and y.mean() < 0.2:
            raise ValueError("a step that fails")


def test_error_of_one_pushed_label_ends_all_and_keeps_the_epochs_before(rows):
    X, y = rows
    Y = np.column_stack([y == 0, np.arange(len(y)) % 10 == 0]).astype(int)
    clf = DataMapClassifier(clone(Fails()), n_epochs=N_EPOCHS)
    with pytest.raises(ValueError, match="a step that fails"):
        clf.fit(X, Y)
    assert clf.n_epochs_ == 2
