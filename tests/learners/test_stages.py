"""Learners that are built in stages: each recorded stage is the model cut off there."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import (
    AdaBoostClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_datamaps import DataMap, DataMapClassifier, Stages, stages_of
from sklearn_datamaps._learners.stages import spread

GRADIENT = GradientBoostingClassifier(n_estimators=12, max_depth=2, random_state=3)
LEARNERS = {
    "gradient": GRADIENT,
    "hist": HistGradientBoostingClassifier(max_iter=12, max_depth=3, random_state=3),
    "ada": AdaBoostClassifier(n_estimators=12, random_state=3),
}
N_STAGES = 12


@pytest.fixture
def rows(digits):
    X, y = digits
    return X[:300], y[:300]


@pytest.mark.parametrize("n_classes", [2, 10])
@pytest.mark.parametrize("name", LEARNERS)
def test_map_is_that_of_the_staged_probabilities(rows, name, n_classes):
    X, y = rows[0], rows[1] % n_classes
    clf = DataMapClassifier(LEARNERS[name], n_epochs=N_STAGES).fit(X, y)
    staged = list(clone(LEARNERS[name]).fit(X, y).staged_predict_proba(X))
    expected = DataMap.from_probabilities(np.array(staged), y)
    for measure in ("confidence", "variability", "margin", "correctness"):
        np.testing.assert_allclose(
            getattr(clf.data_map_, measure), getattr(expected, measure), atol=1e-12
        )
    assert clf.n_epochs_ == len(clf.history_) == N_STAGES


@pytest.mark.parametrize("name", LEARNERS)
def test_stages_are_evenly_spaced_and_end_with_the_last(rows, name):
    clf = DataMapClassifier(LEARNERS[name], n_epochs=4, store_trajectories=True)
    X, y = rows
    clf.fit(X, y)
    staged = list(clf.estimator_.staged_predict_proba(X))
    own = np.array(
        [staged[number - 1][np.arange(len(y)), y] for number in (3, 6, 9, 12)]
    )
    np.testing.assert_allclose(clf.data_map_.trajectories, own, atol=1e-6)
    assert clf.data_map_.meta["stages"] == [3, 6, 9, 12]


@pytest.mark.parametrize("n_stages", range(1, 30))
def test_spread_is_even_and_ascending(n_stages):
    for n_epochs in range(1, n_stages + 1):
        numbers = spread(n_stages, n_epochs)
        steps = np.diff([0, *numbers])
        assert numbers[-1] == n_stages
        assert len(numbers) == n_epochs
        assert steps.min() >= 1
        assert steps.max() - steps.min() <= 1


def test_fewer_stages_than_epochs_are_all_recorded(rows):
    clf = DataMapClassifier(GRADIENT, n_epochs=100).fit(*rows)
    assert clf.n_epochs_ == clf.data_map_.n_epochs == N_STAGES
    stopped = HistGradientBoostingClassifier(
        max_iter=200, early_stopping=True, n_iter_no_change=2, random_state=0
    )
    with pytest.warns(UserWarning, match="holds 10% of the rows out"):
        clf = DataMapClassifier(stopped, n_epochs=200).fit(*rows)
    assert clf.n_epochs_ == clf.estimator_.n_iter_ < 200


@pytest.mark.parametrize("name", LEARNERS)
def test_labels_of_any_kind(rows, name):
    X, y = rows
    expected = DataMapClassifier(LEARNERS[name], n_epochs=3).fit(X, y)
    words = pd.Series(np.array([f"d{d}" for d in range(10)])[y], index=X[:, 0] * 0 + 7)
    clf = DataMapClassifier(LEARNERS[name], n_epochs=3).fit(X, words)
    np.testing.assert_array_equal(clf.confidence_, expected.confidence_)
    assert set(clf.predict(X)) <= set(words)
    assert clf.data_map_.index.equals(words.index)


@pytest.mark.parametrize(
    "kind", [sparse.csr_matrix, sparse.csr_array, sparse.coo_array]
)
@pytest.mark.parametrize("name", ["gradient", "ada"])
def test_sparse_features_give_the_same_map(rows, name, kind):
    X, y = rows
    dense = DataMapClassifier(LEARNERS[name], n_epochs=3).fit(X, y)
    clf = DataMapClassifier(LEARNERS[name], n_epochs=3).fit(kind(X), y)
    np.testing.assert_allclose(clf.confidence_, dense.confidence_, atol=1e-12)


def test_balanced_classes_are_those_of_the_learner(rows):
    X, y = rows[0], (rows[1] == 3).astype(int)
    learner = HistGradientBoostingClassifier(
        max_iter=5, class_weight="balanced", random_state=0
    )
    clf = DataMapClassifier(learner, n_epochs=5).fit(X, y)
    expected = clone(learner).fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(clf.predict_proba(X), expected)
    assert clf.estimator_.class_weight == "balanced"


@pytest.mark.parametrize("name", LEARNERS)
def test_weights_reach_the_learner(rows, name):
    X, y = rows
    weight = np.where(y < 5, 3.0, 1.0)
    clf = DataMapClassifier(LEARNERS[name], n_epochs=3).fit(X, y, sample_weight=weight)
    expected = clone(LEARNERS[name]).fit(X, y, sample_weight=weight)
    np.testing.assert_array_equal(clf.predict_proba(X), expected.predict_proba(X))


def test_weights_are_routed_to_fit(rows):
    X, y = rows
    weight = np.where(y < 5, 3.0, 1.0)
    expected = DataMapClassifier(GRADIENT, n_epochs=3).fit(X, y, sample_weight=weight)
    with sklearn.config_context(enable_metadata_routing=True):
        learner = clone(GRADIENT).set_fit_request(sample_weight=True)
        clf = DataMapClassifier(learner, n_epochs=3).fit(X, y, sample_weight=weight)
    np.testing.assert_array_equal(clf.confidence_, expected.confidence_)


def test_missing_values_go_where_the_learner_takes_them(rows):
    X, y = rows
    X = np.where(np.arange(X.size).reshape(X.shape) % 7 == 0, np.nan, X)
    clf = DataMapClassifier(LEARNERS["hist"], n_epochs=3).fit(X, y)
    assert clf.score(X, y) > 0.9
    with pytest.raises(ValueError, match="NaN"):
        DataMapClassifier(GRADIENT, n_epochs=3).fit(X, y)


def test_multilabel_trains_one_learner_per_label(rows):
    X, y = rows
    Y = np.column_stack([y % 2, y > 4, y == 3]).astype(int)
    clf = DataMapClassifier(GRADIENT, n_epochs=4, store_trajectories=True).fit(X, Y)
    assert isinstance(clf.estimator_, MultiOutputClassifier)
    for label in range(3):
        staged = list(clone(GRADIENT).fit(X, Y[:, label]).staged_predict_proba(X))
        own = [staged[k][np.arange(300), Y[:, label]] for k in (2, 5, 8, 11)]
        np.testing.assert_allclose(
            clf.data_map_.trajectories[:, :, label], own, atol=1e-6
        )
    wrapped = DataMapClassifier(MultiOutputClassifier(GRADIENT), n_epochs=4).fit(X, Y)
    np.testing.assert_array_equal(wrapped.confidence_, clf.confidence_)


def test_own_seed_is_kept_and_ours_replaces_it(rows):
    X, y = rows
    learner = clone(GRADIENT).set_params(subsample=0.5)
    clf = DataMapClassifier(learner, n_epochs=3).fit(X, y)
    bare = clone(learner).fit(X, y)
    np.testing.assert_array_equal(clf.predict_proba(X), bare.predict_proba(X))
    ours = DataMapClassifier(learner, n_epochs=3, random_state=0)
    first, second = (clone(ours).fit(X, y) for _ in range(2))
    np.testing.assert_array_equal(first.confidence_, second.confidence_)
    assert (first.confidence_ != clf.confidence_).any()
    assert first.estimator_.random_state == 3


def test_pipeline_and_search(rows):
    X, y = rows
    pipeline = make_pipeline(
        StandardScaler(), DataMapClassifier(GRADIENT, n_epochs=3, random_state=0)
    )
    grid = {"datamapclassifier__estimator__max_depth": [1, 2]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(X, y)
    assert DataMap.from_estimator(search).n_samples == 300


class Halves(ClassifierMixin, BaseEstimator):
    """Knows after n steps the first n / n_steps of the classes; no staged method."""

    def __init__(self, n_steps=4):
        self.n_steps = n_steps

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.share_ = np.mean(y == self.classes_[1])
        return self

    def predict_proba(self, X, n=None):
        share = self.share_ * (n or self.n_steps) / self.n_steps
        return np.full((len(X), 2), [1 - share, share])

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def test_learner_of_ones_own_takes_one_registration(rows):
    X, y = rows[0], rows[1] % 2

    class Mine(Halves):
        pass

    with pytest.raises(TypeError, match="Mine has no partial_fit and no stages"):
        DataMapClassifier(Mine()).fit(X, y)

    @stages_of.register
    def _(estimator: Mine):
        staged = lambda X, at: (estimator.predict_proba(X, n) for n in at)  # noqa: E731
        return Stages(estimator.n_steps, staged)

    clf = DataMapClassifier(Mine(), n_epochs=2).fit(X, y)
    share = y.mean()
    expected = np.where(y == 1, share * 0.75, 1 - share * 0.75)
    np.testing.assert_allclose(clf.confidence_, expected)


@pytest.mark.parametrize(
    ("n_stages", "n_given", "match"),
    [
        (0, 0, "Few has no stages after fit"),
        (-1, 0, "Few has no stages after fit"),
        (4, 1, "of 4 stages were asked for, and those of 1 came"),
        (4, 0, "of 4 stages were asked for, and those of 0 came"),
    ],
)
def test_registration_that_gives_too_few_stages_is_refused(
    rows, n_stages, n_given, match
):
    class Few(Halves):
        pass

    @stages_of.register
    def _(estimator: Few):
        def staged(X, at):
            return (estimator.predict_proba(X, n) for n in at[:n_given])

        return Stages(n_stages, staged)

    X, y = rows[0], rows[1] % 2
    with pytest.raises(ValueError, match=match):
        DataMapClassifier(Few()).fit(X, y)


def test_registration_comes_before_partial_fit(rows):
    class Both(SGDClassifier):
        pass

    assert (
        DataMapClassifier(Both(loss="log_loss"), n_epochs=2).fit(*rows).n_epochs_ == 2
    )

    @stages_of.register
    def _(estimator: Both):
        return Stages(1, lambda X, at: (estimator.predict_proba(X) for _ in at))

    clf = DataMapClassifier(Both(loss="log_loss"), n_epochs=2).fit(*rows)
    assert clf.n_epochs_ == 1


@pytest.mark.parametrize(
    ("params", "match"),
    [
        ({"batch_size": 10}, "batch_size cannot be set for Untrained"),
        ({"batch_order": "blocks"}, "batch_order cannot be set"),
        ({"warm_start": True}, "warm_start cannot be set .* number of them"),
        (
            {"response_method": "decision_function"},
            "response_method='decision_function'",
        ),
    ],
)
def test_what_means_nothing_for_stages_is_refused_before_training(rows, params, match):
    class Untrained(GradientBoostingClassifier):
        def fit(self, *args):
            raise AssertionError("trained")

    with pytest.raises(ValueError, match=match):
        DataMapClassifier(Untrained(), **params).fit(*rows)


def test_learner_without_stages_is_refused_with_what_works(rows):
    with pytest.raises(
        TypeError, match=r"RandomForest.* no stages.*Use HistGradientBoosting"
    ):
        DataMapClassifier(RandomForestClassifier()).fit(*rows)


def test_argument_that_fit_does_not_take_is_refused(rows):
    class Plain(GradientBoostingClassifier):
        def fit(self, X, y):
            return super().fit(X, y)

    with pytest.raises(TypeError, match=r"Plain\.fit takes no 'sample_weight'"):
        DataMapClassifier(Plain()).fit(*rows, sample_weight=np.ones(300))


def test_interrupted_recording_keeps_its_epochs(rows):
    class Interrupted(GradientBoostingClassifier):
        def staged_predict_proba(self, X):
            for number, proba in enumerate(super().staged_predict_proba(X)):
                if len(X) > 1 and number == 5:
                    raise KeyboardInterrupt
                yield proba

    learner = Interrupted(**GRADIENT.get_params())
    clf = DataMapClassifier(learner, n_epochs=N_STAGES)
    with pytest.raises(KeyboardInterrupt):
        clf.fit(*rows)
    expected = DataMap.from_probabilities(
        np.array(list(clone(GRADIENT).fit(*rows).staged_predict_proba(rows[0])))[:5],
        rows[1],
    )
    np.testing.assert_allclose(clf.confidence_, expected.confidence, atol=1e-12)
    assert clf.n_epochs_ == 5
    assert clf.predict(rows[0]).shape == (300,)


def test_rows_in_several_blocks_give_the_same_map(rows, monkeypatch):
    whole = DataMapClassifier(GRADIENT, n_epochs=3).fit(*rows)
    monkeypatch.setattr("sklearn_datamaps._learners.blocks.BLOCK_CELLS", 700)
    blocks = DataMapClassifier(GRADIENT, n_epochs=3).fit(*rows)
    np.testing.assert_allclose(blocks.confidence_, whole.confidence_, atol=1e-12)
    np.testing.assert_allclose(blocks.variability_, whole.variability_, atol=1e-12)
    pd.testing.assert_frame_equal(blocks.history_, whole.history_)


CONSTANT_LABELS = {
    "gradient boosting": GradientBoostingClassifier(n_estimators=4, random_state=0),
    "hist": HistGradientBoostingClassifier(max_iter=4, random_state=0),
    "ada": AdaBoostClassifier(n_estimators=4, random_state=0),
}


@pytest.mark.parametrize("learner", CONSTANT_LABELS.values(), ids=list(CONSTANT_LABELS))
@pytest.mark.parametrize("value", [0, 1])
def test_a_constant_label_is_certain_at_every_stage(learner, value):
    random = np.random.default_rng(0)
    X = random.normal(size=(200, 3))
    varied = (X[:, 0] + random.normal(size=200) > 0).astype(int)
    Y = np.column_stack([np.full(200, value), varied])
    clf = DataMapClassifier(learner, n_epochs=4).fit(X, Y)
    alone = clone(learner).fit(X, varied)
    own = np.array(list(alone.staged_predict_proba(X)))[:, np.arange(200), varied]
    assert clf.n_epochs_ == 4
    assert (clf.confidence_[:, 0] == 1).all()
    assert not clf.variability_[:, 0].any()
    np.testing.assert_allclose(clf.confidence_[:, 1], own.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(clf.variability_[:, 1], own.std(axis=0), atol=1e-12)
    assert clf.estimator_.n_features_in_ == 3
    decision = clf.decision_function(X)
    assert (np.sign(decision[:, 0]) == 2 * value - 1).all()
    np.testing.assert_allclose(decision[:, 1], alone.decision_function(X))


def test_a_label_set_in_rows_of_weight_0_alone_is_constant():
    random = np.random.default_rng(0)
    X = random.normal(size=(100, 2))
    rare = np.arange(100) < 10
    Y = np.column_stack([rare, X[:, 0] > 0]).astype(int)
    learner = GradientBoostingClassifier(n_estimators=3)
    weights = np.where(rare, 0.0, 1.0)
    clf = DataMapClassifier(learner, n_epochs=3).fit(X, Y, sample_weight=weights)
    np.testing.assert_array_equal(clf.confidence_[:, 0], np.where(rare, 0.0, 1.0))


def test_a_label_whose_learner_ends_at_once_keeps_its_last_stage():
    random = np.random.default_rng(0)
    X = random.normal(size=(200, 3))
    # One stump tells the first label without an error, so that AdaBoost ends.
    first = (X[:, 0] > 0).astype(int)
    second = (X[:, 1] + random.normal(size=200) > 0).astype(int)
    learner = AdaBoostClassifier(n_estimators=6, random_state=0)
    clf = DataMapClassifier(learner, n_epochs=6, store_trajectories=True)
    clf.fit(X, np.column_stack([first, second]))
    assert [len(member.estimators_) for member in clf.estimator_.estimators_] == [1, 6]
    assert clf.n_epochs_ == 6
    own = clf.data_map_.trajectories
    only = clf.estimator_.estimators_[0].predict_proba(X)[np.arange(200), first]
    np.testing.assert_allclose(own[:, :, 0], np.tile(only, (6, 1)), rtol=1e-6)
    staged = clf.estimator_.estimators_[1].staged_predict_proba(X)
    expected = np.array(list(staged))[:, np.arange(200), second]
    np.testing.assert_allclose(own[:, :, 1], expected, rtol=1e-6)
