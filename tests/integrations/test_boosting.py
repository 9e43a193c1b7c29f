"""XGBoost and LightGBM, by their scikit-learn classes."""

import inspect

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone

from sklearn_datamaps import DataMap, DataMapClassifier, stages_of

xgboost = pytest.importorskip("xgboost", reason="needs the extra integrations")
lightgbm = pytest.importorskip("lightgbm", reason="needs the extra integrations")

N_STAGES = 12
LEARNERS = {
    "xgboost": xgboost.XGBClassifier(n_estimators=N_STAGES, n_jobs=1, max_depth=3),
    "xgboost-forests": xgboost.XGBClassifier(
        n_estimators=N_STAGES, n_jobs=1, max_depth=3, num_parallel_tree=2, subsample=0.7
    ),
    "xgboost-dart": xgboost.XGBClassifier(
        n_estimators=N_STAGES, n_jobs=1, max_depth=3, booster="dart", rate_drop=0.5
    ),
    "lightgbm": lightgbm.LGBMClassifier(n_estimators=N_STAGES, n_jobs=1, verbose=-1),
    "lightgbm-dart": lightgbm.LGBMClassifier(
        n_estimators=N_STAGES, n_jobs=1, verbose=-1, boosting_type="dart"
    ),
    "lightgbm-averaged": lightgbm.LGBMClassifier(
        n_estimators=N_STAGES,
        n_jobs=1,
        verbose=-1,
        boosting_type="rf",
        subsample=0.7,
        subsample_freq=1,
    ),
}
PLAIN = ("xgboost", "lightgbm")


def exact(learner, X, n):
    """Probabilities after n rounds, by the library's own argument."""
    if isinstance(learner, xgboost.XGBClassifier):
        return learner.predict_proba(X, iteration_range=(0, n))
    return learner.predict_proba(X, num_iteration=n)


@pytest.fixture
def rows(digits):
    X, y = digits
    return X[:400], y[:400]


@pytest.mark.parametrize("n_classes", [2, 10])
@pytest.mark.parametrize("name", LEARNERS)
def test_map_is_that_of_the_model_cut_off(rows, name, n_classes):
    X, y = rows[0], rows[1] % n_classes
    clf = DataMapClassifier(LEARNERS[name], n_epochs=N_STAGES, random_state=0)
    clf.fit(X, y)
    proba = [exact(clf.estimator_, X, n) for n in range(1, N_STAGES + 1)]
    expected = DataMap.from_probabilities(np.array(proba, dtype=np.float64), y)
    assert clf.n_epochs_ == N_STAGES
    for measure in ("confidence", "variability", "margin"):
        np.testing.assert_allclose(
            getattr(clf.data_map_, measure), getattr(expected, measure), atol=1e-5
        )


@pytest.mark.parametrize("name", PLAIN)
def test_stages_are_evenly_spaced(rows, name):
    X, y = rows
    clf = DataMapClassifier(LEARNERS[name], n_epochs=4, store_trajectories=True)
    clf.fit(X, y)
    own = [exact(clf.estimator_, X, n)[np.arange(400), y] for n in (3, 6, 9, 12)]
    np.testing.assert_allclose(clf.data_map_.trajectories, own, atol=1e-5)
    assert clf.data_map_.meta["stages"] == [3, 6, 9, 12]


@pytest.mark.parametrize("name", PLAIN)
def test_labels_of_any_kind(rows, name):
    X, y = rows
    words = np.array(["zero", "one", *"23456789"])[y]
    clf = DataMapClassifier(LEARNERS[name], n_epochs=3, random_state=0).fit(X, words)
    assert clf.score(X, words) > 0.95
    proba = clf.predict_proba(X)
    assert (clf.classes_[proba.argmax(axis=1)] == clf.predict(X)).all()
    np.testing.assert_array_equal(clf.data_map_.label, words)
    gaps = DataMapClassifier(LEARNERS[name], n_epochs=3, random_state=0)
    np.testing.assert_array_equal(
        gaps.fit(X, 10 * y - 5).confidence_,
        DataMapClassifier(LEARNERS[name], n_epochs=3, random_state=0)
        .fit(X, y)
        .confidence_,
    )


@pytest.mark.parametrize("name", PLAIN)
def test_sparse_features_weights_and_missing_values(rows, name):
    X, y = rows
    weight = np.where(y < 5, 3.0, 1.0)
    learner = LEARNERS[name]
    for given in (X, sparse.csr_matrix(X), np.where(X == 0, np.nan, X)):
        clf = DataMapClassifier(learner, n_epochs=3).fit(given, y, sample_weight=weight)
        bare = clone(learner).fit(given, y, sample_weight=weight)
        np.testing.assert_allclose(
            clf.predict_proba(given), bare.predict_proba(given), atol=1e-5
        )


def test_balanced_classes_of_lightgbm(rows):
    X, y = rows[0], np.where(rows[1] == 3, "three", "other")
    learner = lightgbm.LGBMClassifier(
        n_estimators=5, n_jobs=1, class_weight="balanced", verbose=-1
    )
    clf = DataMapClassifier(learner, n_epochs=3).fit(X, y)
    np.testing.assert_allclose(
        clf.predict_proba(X), clone(learner).fit(X, y).predict_proba(X), atol=1e-7
    )


@pytest.mark.parametrize("name", PLAIN)
def test_multilabel(rows, name):
    X, y = rows
    Y = np.column_stack([y % 2, y > 4])
    clf = DataMapClassifier(LEARNERS[name], n_epochs=3).fit(X, Y)
    assert clf.confidence_.shape == (400, 2)
    assert (clf.predict(X) == Y).mean() > 0.95


@pytest.mark.parametrize("name", PLAIN)
def test_margins_are_added_up_where_that_is_exact(rows, name, monkeypatch):
    X, y = rows
    learner = clone(LEARNERS[name]).fit(X, y)
    calls = []
    predict = type(learner).predict_proba

    def counted(self, X, **kwargs):
        calls.append(len(X))
        return predict(self, X, **kwargs)

    monkeypatch.setattr(type(learner), "predict_proba", counted)
    staged = list(stages_of(learner).probabilities(X, [1, 5, 12]))
    assert len(staged) == 3
    assert max(calls) < len(X)


@pytest.mark.parametrize("name", PLAIN)
def test_stages_of_a_learner_that_stopped_early_end_with_its_best(rows, name):
    X, y = rows
    learner = clone(LEARNERS[name]).set_params(n_estimators=200, learning_rate=1.0)
    held_out = {"eval_set": [(X[300:], y[300:])]}
    if name == "xgboost":
        learner.set_params(early_stopping_rounds=2)
        learner.fit(X[:300], y[:300], **held_out, verbose=False)
        best = learner.best_iteration + 1
    else:
        if "eval_X" in inspect.signature(learner.fit).parameters:  # since 4.7
            held_out = {"eval_X": X[300:], "eval_y": y[300:]}
        stop = lightgbm.early_stopping(2, verbose=False)
        learner.fit(X[:300], y[:300], **held_out, callbacks=[stop])
        best = learner.best_iteration_
    stages = stages_of(learner)
    assert stages.n_stages == best < 100
    (last,) = stages.probabilities(X, [best])
    np.testing.assert_allclose(last, learner.predict_proba(X), atol=1e-5)


def test_one_vs_all_of_lightgbm_is_no_distribution(rows):
    learner = clone(LEARNERS["lightgbm"]).set_params(objective="multiclassova")
    clf = DataMapClassifier(learner, n_epochs=2)
    with pytest.warns(UserWarning, match="do not sum to 1"):
        clf.fit(*rows)


def test_estimator_of_xgboost_knows_codes(rows):
    X, y = rows[0], np.where(rows[1] < 5, "small", "large")
    clf = DataMapClassifier(LEARNERS["xgboost"], n_epochs=2).fit(X, y)
    assert set(clf.predict(X)) == {"small", "large"}
    assert set(clf.estimator_.predict(X).tolist()) == {0, 1}


def test_linear_booster_is_refused(rows):
    with pytest.raises(TypeError, match="XGBClassifier has no partial_fit and no st"):
        DataMapClassifier(xgboost.XGBClassifier(booster="gblinear")).fit(*rows)


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("value", [0, 1])
def test_a_constant_label_leaves_the_others_as_they_are(rows, name, value):
    X, y = rows
    Y = np.column_stack([y % 2, np.full(len(y), value), y > 4]).astype(int)
    clf = DataMapClassifier(LEARNERS[name], n_epochs=4).fit(X, Y)
    assert clf.n_epochs_ == 4
    assert (clf.predict(X)[:, 1] == value).all()
    assert (clf.confidence_[:, 1] > 0.9).all()
    others = DataMapClassifier(LEARNERS[name], n_epochs=4).fit(X, Y[:, [0, 2]])
    np.testing.assert_allclose(
        clf.confidence_[:, [0, 2]], others.confidence_, rtol=1e-6
    )
