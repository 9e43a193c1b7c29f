"""Out-of-fold maps: what is recorded, by whom, and what an interruption leaves."""

import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.ensemble import (
    AdaBoostClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
)
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Perceptron, SGDClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import CategoricalNB, GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_class_weight

from sklearn_datamaps import DataMap, DataMapClassifier

LOG_LOSS = {"loss": "log_loss", "alpha": 0.01}
MEASURES = ("loss", "el2n", "forgetting", "first_learned", "mean_proba")
ALWAYS = ("confidence", "variability", "correctness", "margin", "margin_std")
NO_DYNAMICS = pytest.mark.filterwarnings(
    "ignore:.* has no training dynamics:UserWarning"  # as it must
)


def derived(*entropy):
    return int(np.random.SeedSequence(entropy).generate_state(1)[0])


def assert_same_map(one, two):
    for name in (*ALWAYS, "predicted", "label", "classes"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    assert one.measures.keys() == two.measures.keys()
    for name, values in one.measures.items():
        np.testing.assert_array_equal(values, two.measures[name])
    if one.trajectories is not None:
        np.testing.assert_array_equal(one.trajectories, two.trajectories)


def same_estimator(one, two, X):
    method = "predict_proba" if hasattr(one, "predict_proba") else "decision_function"
    np.testing.assert_array_equal(getattr(one, method)(X), getattr(two, method)(X))


# ---- by hand


def test_map_is_that_of_a_loop_over_folds_and_epochs(digits):
    X, y = digits
    splits = list(StratifiedKFold(3, shuffle=True, random_state=5).split(X, y))
    learner = SGDClassifier(**LOG_LOSS)
    clf = DataMapClassifier(learner, n_epochs=4, cv=splits, random_state=7).fit(X, y)
    own = np.empty((4, len(y)))
    right = np.empty((4, len(y)), dtype=bool)
    for fold, (train, test) in enumerate(splits):
        model, base = clone(learner), derived(7, fold, 2)
        for epoch in range(4):
            model.set_params(random_state=derived(base, epoch, 0, 0))
            model.partial_fit(X[train], y[train], classes=np.unique(y))
            own[epoch, test] = model.predict_proba(X[test])[
                np.arange(len(test)), y[test]
            ]
            right[epoch, test] = model.predict(X[test]) == y[test]
    np.testing.assert_allclose(clf.confidence_, own.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(clf.variability_, own.std(axis=0), atol=1e-12)
    np.testing.assert_allclose(clf.correctness_, right.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(clf.history_["mean_confidence"], own.mean(axis=1))
    np.testing.assert_allclose(clf.history_["accuracy"], right.mean(axis=1))


@pytest.mark.parametrize("class_weight", [None, "balanced", {0: 3.0, 1: 0.5}])
def test_map_of_a_learner_without_random_steps_needs_no_seeds(binary, class_weight):
    X, y = binary
    y = np.where(np.arange(len(y)) < 60, y, 0)  # unbalanced
    weights = np.linspace(0.1, 2, len(y))
    learner = SGDClassifier(shuffle=False, class_weight=class_weight, **LOG_LOSS)
    splits = list(StratifiedKFold(2).split(X, y))
    clf = DataMapClassifier(learner, n_epochs=3, cv=splits)
    clf.fit(X, y, sample_weight=weights)
    expected = np.empty((3, len(y)))
    for train, test in splits:
        model = clone(learner)
        if class_weight == "balanced":  # of the rows trained on
            found = compute_class_weight(
                "balanced", classes=np.array([0, 1]), y=y[train]
            )
            model.set_params(class_weight=dict(enumerate(found)))
        for epoch in range(3):
            model.partial_fit(
                X[train], y[train], classes=[0, 1], sample_weight=weights[train]
            )
            proba = model.predict_proba(X[test])
            expected[epoch, test] = proba[np.arange(len(test)), y[test]]
    np.testing.assert_allclose(clf.confidence_, expected.mean(axis=0), rtol=1e-10)
    np.testing.assert_allclose(clf.variability_, expected.std(axis=0), atol=1e-10)


def test_map_of_boosting_is_that_of_staged_probabilities_of_other_folds(digits):
    X, y = digits
    learner = GradientBoostingClassifier(n_estimators=4, max_depth=2, random_state=0)
    splits = list(StratifiedKFold(2).split(X, y))
    clf = DataMapClassifier(learner, n_epochs=2, cv=splits).fit(X, y)
    own = np.empty((2, len(y)))
    for train, test in splits:
        model = clone(learner).fit(X[train], y[train])
        staged = list(model.staged_predict_proba(X[test]))
        for epoch, stage in enumerate((1, 3)):
            own[epoch, test] = staged[stage][np.arange(len(test)), y[test]]
    assert clf.data_map_.meta["stages"] == [2, 4]
    np.testing.assert_allclose(clf.confidence_, own.mean(axis=0), rtol=1e-12)


def test_no_model_of_the_map_trained_on_the_rows_it_judges(recording_sgd, binary):
    X, y = binary
    clf = DataMapClassifier(recording_sgd(**LOG_LOSS), n_epochs=2, cv=3)
    clf.fit(X, y)
    calls = recording_sgd.calls
    assert [call[0] for call in calls] == ["fit", "proba"] * 8
    row_of = {row.tobytes(): position for position, row in enumerate(X)}
    seen = []
    for trained, judged in zip(calls[4::2], calls[5::2], strict=True):
        train = {row_of[row.tobytes()] for row in trained[1]}
        test = {row_of[row.tobytes()] for row in judged[1]}
        assert not train & test
        assert train | test == set(range(len(y)))
        seen.append(test)
    assert seen[0] == seen[1]
    assert sum(map(len, seen[::2])) == len(y)


def test_folds_train_with_seeds_of_their_own(recording_sgd, binary):
    DataMapClassifier(
        recording_sgd(**LOG_LOSS), n_epochs=3, cv=2, batch_size=50, random_state=0
    ).fit(*binary)
    seeds = [call[3] for call in recording_sgd.calls if call[0] == "fit"]
    assert len(set(seeds)) == len(seeds) == 3 * (6 + 3 + 3)


# ---- estimator_ and the in-sample map

LEARNERS = {
    "sgd": SGDClassifier(class_weight="balanced", **LOG_LOSS),
    "mlp": MLPClassifier((8,)),
    "perceptron": Perceptron(),
    "hist gradient boosting": HistGradientBoostingClassifier(max_iter=3),
}


@pytest.mark.parametrize("name", LEARNERS)
def test_estimator_and_in_sample_map_are_those_without_cv(digits, name):
    X, y = digits
    plain = DataMapClassifier(
        LEARNERS[name], n_epochs=3, measures=MEASURES, random_state=0
    )
    folds = clone(plain).set_params(cv=2).fit(X, y)
    plain.fit(X, y)
    assert_same_map(folds.in_sample_map_, plain.data_map_)
    same_estimator(folds.estimator_, plain.estimator_, X)
    assert folds.in_sample_map_.meta["recording"] == "in-sample"
    assert folds.data_map_.meta["recording"] == "out-of-fold"
    assert folds.data_map_.meta["n_folds"] == 2
    assert not hasattr(plain, "in_sample_map_")
    assert (folds.confidence_ != plain.confidence_).mean() > 0.9


def test_a_fit_without_cv_forgets_the_in_sample_map(binary):
    clf = DataMapClassifier(cv=2, random_state=0).fit(*binary)
    clf.set_params(cv=None).fit(*binary)
    assert not hasattr(clf, "in_sample_map_")
    assert "memorization" not in clf.data_map_.measures


JOBS = {
    **LEARNERS,
    "balanced boosting": HistGradientBoostingClassifier(
        max_iter=3, class_weight="balanced"
    ),
}


@pytest.mark.parametrize("name", [*JOBS, "multilabel"])
def test_map_is_bit_identical_for_every_number_of_jobs(digits, multilabel, name):
    X, y = multilabel if name == "multilabel" else digits
    clf = DataMapClassifier(
        JOBS.get(name, SGDClassifier(**LOG_LOSS)),
        n_epochs=2,
        cv=3,
        measures=MEASURES,
        store_trajectories=True,
        random_state=0,
    )
    one = clone(clf).fit(X, y)
    fits = [clone(clf).set_params(n_jobs=n_jobs).fit(X, y) for n_jobs in (2, -1)]
    for backend in ("threading", "loky"):
        with joblib.parallel_config(backend, n_jobs=2):
            fits.append(clone(clf).fit(X, y))
    for other in fits:
        assert_same_map(other.data_map_, one.data_map_)
        assert_same_map(other.in_sample_map_, one.in_sample_map_)
        same_estimator(other.estimator_, one.estimator_, X)
        pd.testing.assert_frame_equal(other.history_, one.history_)


# ---- memorization


@pytest.mark.parametrize("kind", ["classes", "multilabel"])
def test_memorization_is_what_in_sample_confidence_exceeds(digits, multilabel, kind):
    X, y = digits if kind == "classes" else multilabel
    clf = DataMapClassifier(SGDClassifier(**LOG_LOSS), cv=2, random_state=0).fit(X, y)
    expected = clf.in_sample_map_.confidence - clf.data_map_.confidence
    memorization = clf.data_map_.measure("memorization")
    assert memorization.shape == clf.confidence_.shape
    np.testing.assert_array_equal(memorization, expected)
    assert 0 < memorization.mean() < 1
    assert np.abs(memorization).max() <= 1


def test_wrong_labels_are_memorized(digits):
    X, y = digits
    random = np.random.default_rng(0)
    wrong = random.choice(len(y), 25, replace=False)
    y = y.copy()
    y[wrong] = (y[wrong] + random.integers(1, 10, 25)) % 10
    clf = DataMapClassifier(
        MLPClassifier((64,), learning_rate_init=0.01, batch_size=32),
        n_epochs=40,
        cv=2,
        random_state=0,
    )
    data_map = clf.fit(X, y).data_map_
    is_wrong = np.isin(np.arange(len(y)), wrong)
    memorization = data_map.measure("memorization")
    assert roc_auc_score(is_wrong, memorization) > 0.9
    usual = np.quantile(memorization[~is_wrong], 0.9)
    assert np.median(memorization[wrong]) > usual
    assert np.median(data_map.confidence[wrong]) < 0.05
    assert np.median(clf.in_sample_map_.confidence[wrong]) > 0.3


# ---- folds that miss a class


@pytest.fixture
def lacking(digits):
    """Four classes; none of the last to train on in the second fold."""
    X, y = digits[0][:300], np.minimum(digits[1][:300], 3)
    even = np.arange(300) % 2 == 0
    kept = (y != 3) | even
    X, y, even = X[kept], y[kept], even[kept]
    train, test = np.flatnonzero(even), np.flatnonzero(~even)
    return X, y, [(train, test), (test, train)]


ABSENT = {
    "sgd": SGDClassifier(**LOG_LOSS),
    "sgd balanced": SGDClassifier(class_weight="balanced", **LOG_LOSS),
    "sgd weights": SGDClassifier(class_weight={0: 1.0, 3: 5.0}, **LOG_LOSS),
    "hinge": SGDClassifier(),
    "mlp": MLPClassifier((16,), learning_rate_init=0.05),
    "one-vs-rest": OneVsRestClassifier(SGDClassifier()),
    "gaussian": GaussianNB(),
    "gradient boosting": GradientBoostingClassifier(n_estimators=3, max_depth=2),
    "hist gradient boosting": HistGradientBoostingClassifier(
        max_iter=10, min_samples_leaf=5
    ),
    "hist balanced": HistGradientBoostingClassifier(
        max_iter=10, min_samples_leaf=5, class_weight="balanced"
    ),
    "hist weights": HistGradientBoostingClassifier(
        max_iter=10, min_samples_leaf=5, class_weight={0: 2.0, 3: 5.0}
    ),
    "adaboost": AdaBoostClassifier(n_estimators=3),
}


@NO_DYNAMICS
@pytest.mark.parametrize("name", ABSENT)
def test_a_fold_without_a_class_keeps_the_columns_right(lacking, name):
    X, y, splits = lacking
    clf = DataMapClassifier(
        ABSENT[name], n_epochs=20, cv=splits, random_state=0, measures=["mean_proba"]
    )
    data_map = clf.fit(X, y).data_map_
    held_out = splits[1][1]
    mean_proba = data_map.measures["mean_proba"]
    assert mean_proba.shape == (len(y), 4)
    np.testing.assert_allclose(mean_proba.sum(axis=1), 1, rtol=1e-5)
    assert data_map.correctness[held_out[y[held_out] == 3]].max() == 0
    others = held_out[y[held_out] != 3]
    assert (data_map.predicted[others] == y[others]).mean() > 0.6
    np.testing.assert_allclose(
        data_map.confidence, mean_proba[np.arange(len(y)), y], rtol=1e-5, atol=1e-7
    )


@NO_DYNAMICS
@pytest.mark.parametrize("name", ["gaussian", "gradient boosting", "hist balanced"])
def test_a_class_that_a_fold_lacks_has_probability_0(lacking, name):
    X, y, splits = lacking
    clf = DataMapClassifier(ABSENT[name], n_epochs=3, cv=splits, random_state=0)
    held_out = splits[1][1]
    unknown = held_out[y[held_out] == 3]
    assert (clf.fit(X, y).confidence_[unknown] == 0).all()


def test_weights_of_a_class_that_a_fold_lacks_are_those_of_the_others(lacking):
    X, y, splits = lacking
    weights = {0: 2.0, 1: 0.5, 3: 5.0}
    learner = HistGradientBoostingClassifier(max_iter=3, random_state=0)
    clf = DataMapClassifier(
        clone(learner).set_params(class_weight=weights), n_epochs=1, cv=splits
    ).fit(X, y)
    train, test = splits[1]
    sample_weight = [weights.get(label, 1.0) for label in y[train]]
    model = clone(learner).fit(X[train], y[train], sample_weight=sample_weight)
    known = test[y[test] < 3]
    expected = model.predict_proba(X[known])[np.arange(len(known)), y[known]]
    np.testing.assert_allclose(clf.confidence_[known], expected, rtol=1e-9)
    assert clf.estimator.class_weight == weights
    assert clf.estimator_.class_weight == weights


@NO_DYNAMICS
def test_categories_that_a_fold_lacks_are_known_to_it(lacking):
    X, y, splits = lacking
    X = (X[:, :5] * 16).astype(int)
    X[splits[0][0], 0] += 20
    clf = DataMapClassifier(CategoricalNB(), n_epochs=1, cv=splits).fit(X, y)
    assert np.isfinite(clf.confidence_).all()


@pytest.mark.parametrize(
    "learner",
    [
        SGDClassifier(**LOG_LOSS),
        SGDClassifier(class_weight="balanced", **LOG_LOSS),
        MultiOutputClassifier(SGDClassifier(**LOG_LOSS)),
        MLPClassifier((8,)),
    ],
)
def test_a_label_that_a_fold_never_sets_is_learned_as_unset(lacking, learner):
    X, y, splits = lacking
    Y = np.column_stack([y % 2, y == 3, y > 0])
    clf = DataMapClassifier(learner, n_epochs=30, cv=splits, random_state=0)
    data_map = clf.fit(X, Y).data_map_
    held_out = splits[1][1]
    assert data_map.confidence.shape == Y.shape
    assert not data_map.predicted[held_out, 1].any()


@pytest.mark.parametrize(
    "learner", [GradientBoostingClassifier(n_estimators=2), GaussianNB()]
)
@NO_DYNAMICS
def test_a_label_that_a_fold_never_sets_is_never_predicted_by_what_learns_at_once(
    lacking, learner
):
    X, y, splits = lacking
    Y = np.column_stack([y % 2, y == 3])
    clf = DataMapClassifier(learner, n_epochs=2, cv=splits, random_state=0).fit(X, Y)
    held_out = splits[1][1]
    own = np.where(Y[held_out, 1], 0.0, 1.0)
    np.testing.assert_array_equal(clf.confidence_[held_out, 1], own)
    # The other label, and the model of all rows, are as if it was not there.
    alone = DataMapClassifier(learner, n_epochs=2, cv=splits, random_state=0)
    both = alone.fit(X, np.column_stack([y % 2, y % 2])).data_map_
    np.testing.assert_array_equal(clf.confidence_[:, 0], both.confidence[:, 0])
    assert clf.estimator_.predict(X)[:, 1].any()


def test_a_fold_in_which_every_label_is_constant_is_refused(lacking):
    X, y, splits = lacking
    Y = np.column_stack([y == 3, y == 3])
    clf = DataMapClassifier(GradientBoostingClassifier(n_estimators=2), cv=splits)
    with pytest.raises(ValueError, match="Split 1 of cv leaves every label set in all"):
        clf.fit(X, Y)
    assert not hasattr(clf, "estimator_")


@pytest.mark.parametrize("name", ["sgd balanced", "hist balanced", "mlp"])
def test_a_class_of_weight_0_in_a_fold_is_not_learned_there(lacking, name):
    X, y, splits = lacking
    weights = np.ones(len(y))
    weights[splits[0][0][y[splits[0][0]] == 2]] = 0
    clf = DataMapClassifier(ABSENT[name], n_epochs=20, cv=splits, random_state=0)
    data_map = clf.fit(X, y, sample_weight=weights).data_map_
    held_out = splits[0][1]
    assert (data_map.predicted[held_out] != 2).all()


# ---- labels and index


@pytest.mark.parametrize("learner", [SGDClassifier(**LOG_LOSS), ABSENT["hist weights"]])
@pytest.mark.parametrize("kind", ["str", "object", "categorical", "unsorted"])
def test_labels_of_any_kind_give_the_same_map(lacking, learner, kind):
    X, y, splits = lacking
    learner = clone(learner).set_params(class_weight=None)
    names = np.array([-3, 0, 7, 20] if kind == "unsorted" else list("abcd"))
    labels = names[y]
    if kind == "object":
        labels = labels.astype(object)
    if kind == "categorical":
        labels = pd.Series(pd.Categorical(labels, categories=list("dbca")))
    clf = DataMapClassifier(learner, n_epochs=2, cv=splits, random_state=0)
    expected = clone(clf).fit(X, y).data_map_
    data_map = clf.fit(X, labels).data_map_
    assert data_map.label.tolist() == list(labels)
    np.testing.assert_array_equal(data_map.confidence, expected.confidence)
    np.testing.assert_array_equal(data_map.predicted, names[expected.predicted])


@pytest.mark.parametrize("learner", [SGDClassifier(**LOG_LOSS), ABSENT["adaboost"]])
def test_boolean_labels_give_a_map(binary, learner):
    X, y = binary
    clf = DataMapClassifier(learner, n_epochs=2, cv=2, random_state=0)
    data_map = clf.fit(X, y.astype(bool)).data_map_
    assert data_map.label.dtype == bool
    np.testing.assert_array_equal(data_map.confidence, clf.fit(X, y).confidence_)


def test_index_of_the_labels_is_kept(binary):
    X, y = binary
    index = pd.Index([f"row {i}" for i in range(300)], name="id")
    clf = DataMapClassifier(cv=2, random_state=0).fit(X, pd.Series(y, index=index))
    pd.testing.assert_index_equal(clf.data_map_.index, index)
    pd.testing.assert_index_equal(clf.in_sample_map_.index, index)


# ---- everything that a map has


def test_all_measures_and_trajectories_are_of_the_rows_held_out(digits):
    X, y = digits
    clf = DataMapClassifier(
        SGDClassifier(**LOG_LOSS),
        n_epochs=4,
        cv=2,
        measures=MEASURES,
        store_trajectories=True,
        random_state=0,
    )
    data_map = clf.fit(X, y).data_map_
    p = data_map.trajectories.astype(np.float64)
    assert p.shape == (4, len(y))
    np.testing.assert_allclose(p.mean(axis=0), data_map.confidence, atol=1e-6)
    np.testing.assert_allclose(p.std(axis=0), data_map.variability, atol=1e-6)
    np.testing.assert_allclose(
        -np.log(p).mean(axis=0), data_map.measure("loss"), rtol=1e-4, atol=1e-6
    )
    never = data_map.correctness == 0
    assert (data_map.measure("forgetting")[never] == 5).all()
    assert (data_map.measure("first_learned")[never] == 5).all()
    names = {*data_map.measure_names()}
    assert {"loss", "el2n", "forgetting", "logit_margin", "memorization"} <= names
    assert all(np.isfinite(data_map.measure(name)).all() for name in names)
    assert clf.history_.index.tolist() == [1, 2, 3, 4]


# ---- interruption


class Interrupted(SGDClassifier):
    """SGDClassifier that is interrupted in its n-th call of partial_fit."""

    left = 0

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        Interrupted.left -= 1
        if Interrupted.left == 0:
            raise KeyboardInterrupt
        return super().partial_fit(X, y, classes=classes, sample_weight=sample_weight)


@pytest.fixture
def interrupted_at(binary):
    def fit(call, **params):
        clf = DataMapClassifier(
            Interrupted(**LOG_LOSS), n_epochs=3, cv=3, random_state=0, **params
        )
        Interrupted.left = call
        with pytest.raises(KeyboardInterrupt):
            clf.fit(*binary)
        return clf

    yield fit
    Interrupted.left = 0


def test_interrupted_before_a_fold_is_done_it_has_the_in_sample_map(
    interrupted_at, binary
):
    clf = interrupted_at(5)  # the second epoch of the first fold
    assert not hasattr(clf, "data_map_")
    with pytest.raises(NotFittedError, match="in_sample_map_ has the map of the model"):
        _ = clf.confidence_
    assert clf.in_sample_map_.meta["recording"] == "in-sample"
    assert clf.n_epochs_ == 3
    assert clf.predict(binary[0]).shape == (300,)


def test_interrupted_in_sample_it_has_the_epochs_that_were_complete(interrupted_at):
    clf = interrupted_at(3)
    assert clf.in_sample_map_.n_epochs == 2
    assert clf.n_epochs_ == 2
    assert len(clf.history_) == 2


def test_interrupted_in_a_fold_it_has_the_folds_that_were_complete(
    interrupted_at, binary
):
    clf = interrupted_at(3 + 3 + 3 + 2, store_trajectories=True, measures=MEASURES)
    whole = DataMapClassifier(
        SGDClassifier(**LOG_LOSS), n_epochs=3, cv=3, random_state=0
    ).fit(*binary)
    data_map = clf.data_map_
    unseen = data_map.regions() == "unseen"
    assert unseen.sum() == 100
    assert data_map.meta["recording"] == "out-of-fold"
    for name in ("confidence", "variability", "correctness", "memorization"):
        ours, theirs = data_map.measure(name), whole.data_map_.measure(name)
        np.testing.assert_array_equal(ours[~unseen], theirs[~unseen])
        assert np.isnan(ours[unseen]).all()
    assert not np.isin(
        data_map.rank("memorization")[:200], np.flatnonzero(unseen)
    ).any()
    assert "100 never recorded" in repr(data_map)
    assert np.isfinite(clf.history_).all(axis=None)
    same_estimator(clf.estimator_, whole.estimator_, binary[0])


def test_interrupted_with_threads_it_can_be_fitted_again(interrupted_at, binary):
    with joblib.parallel_config("threading", n_jobs=2):
        clf = interrupted_at(5)
        Interrupted.left = 0
        clf.fit(*binary)
    assert not np.isnan(clf.confidence_).any()


class Failing(SGDClassifier):
    """SGDClassifier that gives NaN once it has seen fewer than all rows."""

    def predict_proba(self, X):
        proba = super().predict_proba(X)
        return proba if len(X) == 300 else proba * np.nan


def test_nan_in_a_fold_is_an_error_and_the_in_sample_map_stays(binary):
    clf = DataMapClassifier(Failing(**LOG_LOSS), cv=2)
    with pytest.raises(ValueError, match="NaN"):
        clf.fit(*binary)
    assert not hasattr(clf, "data_map_")
    assert clf.in_sample_map_.n_epochs == 10


@pytest.mark.filterwarnings(
    "ignore:.* tasks .* have been cancelled:UserWarning"  # joblib's, of the others
)
def test_nan_in_a_fold_is_the_error_that_several_jobs_raise(binary):
    with (
        joblib.parallel_config("threading", n_jobs=2),
        pytest.raises(ValueError, match="NaN"),
    ):
        DataMapClassifier(Failing(**LOG_LOSS), cv=2).fit(*binary)


# ---- as an estimator


def test_warm_start_is_refused_with_cv(binary):
    clf = DataMapClassifier(cv=2, warm_start=True)
    with pytest.raises(ValueError, match="warm_start=True cannot be used with cv"):
        clf.fit(*binary)


def test_warm_start_is_refused_of_a_map_that_was_out_of_fold(binary):
    clf = DataMapClassifier(cv=2, random_state=0).fit(*binary)
    clf.set_params(cv=None, warm_start=True).fit(*binary)  # begins anew
    assert clf.data_map_.meta["recording"] == "in-sample"


def test_pickle_keeps_both_maps(digits):
    clf = DataMapClassifier(SGDClassifier(**LOG_LOSS), cv=2, random_state=0)
    again = pickle.loads(pickle.dumps(clf.fit(*digits)))
    assert_same_map(again.data_map_, clf.data_map_)
    assert_same_map(again.in_sample_map_, clf.in_sample_map_)


def test_clone_keeps_the_splitter_and_no_map(binary):
    cv = StratifiedKFold(2)
    clf = clone(DataMapClassifier(cv=cv).fit(*binary))
    assert clf.get_params()["cv"].n_splits == 2
    assert not hasattr(clf, "data_map_")


def test_pipeline_and_search_end_in_an_out_of_fold_map(binary):
    X, y = binary
    pipe = make_pipeline(
        StandardScaler(), DataMapClassifier(SGDClassifier(**LOG_LOSS), random_state=0)
    )
    search = GridSearchCV(pipe, {"datamapclassifier__cv": [None, 2]}, cv=2).fit(X, y)
    pipe.set_params(datamapclassifier__cv=2).fit(X, y)
    data_map = DataMap.from_estimator(pipe)
    assert data_map.meta["recording"] == "out-of-fold"
    scores = search.cv_results_["mean_test_score"]
    assert scores[0] == scores[1]  # estimator_ is the same


def test_bars_name_the_folds(binary, capsys):
    DataMapClassifier(cv=2, n_epochs=2, verbose=1, random_state=0).fit(*binary)
    shown = capsys.readouterr().err
    for what in ("all rows", "fold 1 of 2", "fold 2 of 2"):
        assert f"{what}: 100%" in shown
    assert "accuracy=" in shown


def test_bar_counts_models_with_several_jobs(binary, capsys):
    with joblib.parallel_config("threading", n_jobs=2):
        DataMapClassifier(cv=2, n_epochs=2, verbose=1, random_state=0).fit(*binary)
    assert "3/3" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore:.* holds 10% of the rows out:UserWarning")
def test_folds_that_stop_early_stay_at_their_last_stage(digits):
    learner = GradientBoostingClassifier(
        n_iter_no_change=1, tol=0.01, n_estimators=100, max_depth=1
    )
    clf = DataMapClassifier(
        learner, n_epochs=200, cv=3, random_state=0, store_trajectories=True
    )
    data_map = clf.fit(*digits).data_map_
    of_folds = data_map.meta["epochs_of_folds"]
    assert len(set(of_folds)) > 1
    assert data_map.n_epochs >= max(of_folds)
    assert clf.in_sample_map_.n_epochs == data_map.n_epochs
    # As many rows as the first to stop held out do not move after its last stage.
    still = (
        data_map.trajectories[min(of_folds) - 1 :] == data_map.trajectories[-1]
    ).all(axis=0)
    assert still.sum() >= len(digits[1]) // 3
    assert data_map.measure("memorization").shape == digits[1].shape


@pytest.mark.filterwarnings("ignore:.* holds 10% of the rows out:UserWarning")
def test_folds_that_stop_before_the_model_of_all_rows_stay_at_their_last_stage(binary):
    X, y = binary

    class Stops(GradientBoostingClassifier):
        def fit(self, X, y, sample_weight=None):
            self.n_estimators = 5 if len(y) == 300 else 3
            return super().fit(X, y, sample_weight)

    clf = DataMapClassifier(
        Stops(), n_epochs=5, cv=2, random_state=0, store_trajectories=True
    )
    data_map = clf.fit(X, y).data_map_
    assert data_map.meta["epochs_of_folds"] == [3, 3]
    assert data_map.n_epochs == clf.in_sample_map_.n_epochs == clf.n_epochs_ == 5
    even = clone(clf).set_params(n_epochs=3).fit(X, y).data_map_
    assert "epochs_of_folds" not in even.meta
    of_three = even.trajectories
    np.testing.assert_array_equal(data_map.trajectories[:3], of_three)
    np.testing.assert_array_equal(data_map.trajectories[3:], of_three[[2, 2]])
    np.testing.assert_allclose(
        data_map.confidence, of_three[[0, 1, 2, 2, 2]].mean(axis=0), rtol=1e-6
    )


def test_processes_round_sums_as_this_one_does():
    from threadpoolctl import threadpool_limits

    rng = np.random.default_rng(0)
    X = rng.normal(size=(3000, 400))
    y = (X[:, :5].sum(axis=1) > 0).astype(int)
    mlp = MLPClassifier((256,), batch_size=500)
    clf = DataMapClassifier(mlp, n_epochs=2, cv=2, random_state=0)
    # Processes would have one thread each, and other sums in the last bit.
    with threadpool_limits(2, user_api="blas"):
        one = clone(clf).fit(X, y)
        two = clone(clf).set_params(n_jobs=2).fit(X, y)
    np.testing.assert_array_equal(one.confidence_, two.confidence_)
