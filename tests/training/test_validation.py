"""Rows that are recorded in the same run and not trained on: fit(..., X_val, y_val)."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy import sparse
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, Perceptron, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import CategoricalNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_datamaps import DataMap, DataMapClassifier, TrainingDynamics
from sklearn_datamaps._learners import sklearn_compat

LEARNERS = {
    "SGD": SGDClassifier(loss="log_loss"),
    "Perceptron": Perceptron(),
    "MLP": MLPClassifier(hidden_layer_sizes=8),
    "boosting": GradientBoostingClassifier(n_estimators=6, max_depth=2),
    "histograms": HistGradientBoostingClassifier(max_iter=5, max_leaf_nodes=4),
}
if sklearn_compat.calls_back():
    LEARNERS["LogisticRegression"] = LogisticRegression()
every_learner = pytest.mark.parametrize("learner", LEARNERS.values(), ids=LEARNERS)
MEASURES = ("confidence", "variability", "correctness", "margin")


@pytest.fixture(scope="module")
def rows(digits):
    X, y = digits
    names = np.array(["a", "b", "c"])[y % 3]
    return X[:200], names[:200], X[200:290], names[200:290]


def fit(learner, X, y, X_val, y_val, sample_weight=None, **params):
    params = {"random_state": 0, "store_trajectories": True} | params
    clf = DataMapClassifier(learner, **params)
    return clf.fit(X, y, sample_weight, X_val=X_val, y_val=y_val)


def assert_same(one, other):
    for name in MEASURES:
        np.testing.assert_array_equal(one.measure(name), other.measure(name))
    np.testing.assert_array_equal(one.trajectories, other.trajectories)


@every_learner
def test_rows_of_the_training_set_have_the_same_map_there(rows, learner):
    X, y, _, _ = rows
    at = np.arange(150, 20, -1)
    clf = fit(learner, X, y, X[at], y[at])
    alone = fit(learner, X, y, None, None)
    assert_same(clf.data_map_, alone.data_map_)
    assert not hasattr(alone, "validation_map_")
    own = clf.data_map_.trajectories[:, at]
    # Products of other numbers of rows may round otherwise.
    np.testing.assert_allclose(clf.validation_map_.trajectories, own, rtol=1e-5)
    assert clf.validation_map_.n_epochs == clf.n_epochs_


@every_learner
def test_last_epoch_is_what_the_estimator_says_of_rows_it_did_not_see(rows, learner):
    X, y, X_val, y_val = rows
    clf = fit(learner, X, y, X_val, y_val)
    data_map = clf.validation_map_
    assert data_map.meta["recording"] == "validation"
    hits = data_map.meta["accuracy"]
    np.testing.assert_allclose(np.mean(hits), data_map.correctness.mean())
    assert data_map.confidence.shape == y_val.shape
    assert (data_map.to_frame()["label"] == y_val).all()
    if hasattr(clf, "predict_proba"):
        at = np.arange(len(y_val)), np.searchsorted(clf.classes_, y_val)
        proba = clf.predict_proba(X_val)[at]
        np.testing.assert_allclose(data_map.trajectories[-1], proba, rtol=1e-5)
    assert len(clf.history_) == clf.n_epochs_
    assert clf.history_["mean_confidence"].iloc[-1] == pytest.approx(
        clf.data_map_.trajectories[-1].mean(), rel=1e-5
    )


def test_it_is_the_second_record_of_a_loop_of_ones_own(rows):
    X, y, X_val, y_val = rows
    bare, of_train, of_val = MLPClassifier(8), TrainingDynamics(y), None
    of_val = TrainingDynamics(y_val, classes=of_train.classes)
    for _ in range(4):
        bare.partial_fit(X, y, classes=of_train.classes)
        of_train.update(bare.predict_proba(X))
        of_val.update(bare.predict_proba(X_val))
    table = of_train.to_data_map().compare(of_val.to_data_map(), by="label")
    assert table["n_samples_other"].sum() == len(y_val)


@pytest.mark.parametrize("cv", [None, 2])
@pytest.mark.parametrize("batch_order", ["rows", "blocks"])
def test_indicator_weights_sparse_rows_and_batches(multilabel, batch_order, cv):
    X, Y = sparse.csr_matrix(multilabel[0]), multilabel[1]
    weight = np.where(np.arange(200) % 4, 1.0, 0.0)
    params = {"batch_size": 30, "cv": cv}
    if cv is None:
        params["batch_order"] = batch_order
    learner = SGDClassifier(loss="log_loss", class_weight="balanced")
    clf = fit(learner, X[:200], Y[:200], X[200:], Y[200:], weight, **params)
    data_map = clf.validation_map_
    assert data_map.confidence.shape == (300, 3)
    proba = clf.predict_proba(X[200:])
    own = np.where(Y[200:] == 1, proba, 1 - proba)
    np.testing.assert_allclose(data_map.trajectories[-1], own, rtol=1e-5, atol=1e-7)
    # A dense X_val of the same rows is the same.
    dense = fit(learner, X[:200], Y[:200], X[200:].toarray(), Y[200:], weight, **params)
    np.testing.assert_allclose(
        dense.validation_map_.confidence, data_map.confidence, rtol=1e-9
    )


@every_learner
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_with_folds_it_is_the_model_of_all_rows_that_is_asked(rows, learner, n_jobs):
    if n_jobs == 2 and not isinstance(learner, LogisticRegression | SGDClassifier):
        pytest.skip("two kinds are enough for processes")
    plain = fit(learner, *rows)
    folds = fit(learner, *rows, cv=2, n_jobs=n_jobs)
    assert folds.data_map_.meta["recording"] == "out-of-fold"
    longest = folds.n_epochs_
    assert folds.validation_map_.n_epochs == folds.in_sample_map_.n_epochs == longest
    own = folds.validation_map_.trajectories
    before = plain.validation_map_.trajectories
    np.testing.assert_array_equal(own[: len(before)], before)
    assert (own[len(before) :] == before[-1]).all()


def test_categories_that_only_new_rows_have_are_told_to_the_learner():
    X, y = np.array([[0, 1], [1, 0], [0, 0], [1, 1]]), np.array([0, 1, 0, 1])
    with pytest.warns(UserWarning, match="no training dynamics"):
        clf = fit(CategoricalNB(), X, y, np.array([[4, 2]]), np.array([1]))
    assert clf.validation_map_.n_samples == 1


def test_pipeline_transforms_them_as_it_does_the_others(rows):
    X, y, X_val, y_val = rows
    pipe = make_pipeline(
        StandardScaler(),
        DataMapClassifier(SGDClassifier(loss="log_loss"), random_state=0),
        transform_input=["X_val"],
    )
    with sklearn.config_context(enable_metadata_routing=True):
        pipe.fit(X, y, X_val=X_val, y_val=y_val)
    scaler = StandardScaler().fit(X)
    by_hand = fit(
        SGDClassifier(loss="log_loss"), scaler.transform(X), y, scaler.transform(X_val),
        y_val,
    )  # fmt: skip
    np.testing.assert_array_equal(
        pipe[-1].validation_map_.confidence, by_hand.validation_map_.confidence
    )


@pytest.mark.parametrize("routing", [False, True])
def test_search_hands_them_on(rows, routing):
    X, y, X_val, y_val = rows
    clf = DataMapClassifier(SGDClassifier(loss="log_loss"), random_state=0)
    search = GridSearchCV(clf, {"n_epochs": [2, 3]}, cv=2)
    with sklearn.config_context(enable_metadata_routing=routing):
        search.fit(X, y, X_val=X_val, y_val=y_val)
    assert search.best_estimator_.validation_map_.n_samples == len(y_val)


def test_routing_has_weights_go_to_the_learner_and_these_to_us(rows):
    X, y, X_val, y_val = rows
    weight = np.linspace(0, 2, len(y))
    learner = SGDClassifier(loss="log_loss")
    plain = fit(learner, X, y, X_val, y_val, weight)
    with sklearn.config_context(enable_metadata_routing=True):
        learner.set_partial_fit_request(sample_weight=True)
        routed = fit(learner, X, y, X_val, y_val, weight)
    assert_same(routed.validation_map_, plain.validation_map_)


def test_record_of_them_is_continued_and_must_be_the_same_one(rows):
    X, y, X_val, y_val = rows
    learner = SGDClassifier(loss="log_loss")
    whole = fit(learner, *rows, n_epochs=5)
    clf = fit(learner, *rows, n_epochs=2, warm_start=True)
    clf.set_params(n_epochs=5).fit(X, y, X_val=X_val, y_val=y_val)
    assert_same(clf.validation_map_, whole.validation_map_)
    clf.set_params(n_epochs=6)
    with pytest.raises(ValueError, match="but X_val changed"):
        clf.fit(X, y, X_val=X_val + 1, y_val=y_val)
    with pytest.raises(ValueError, match="but y_val changed"):
        clf.fit(X, y, X_val=X_val, y_val=y_val[::-1])
    with pytest.raises(ValueError, match="but X_val and y_val changed"):
        clf.fit(X, y)
    clf.set_params(warm_start=False).fit(X, y)
    assert not hasattr(clf, "validation_map_")


class Stops(SGDClassifier):
    """Interrupted while it predicts the new rows for the third time."""

    def predict_proba(self, X):
        if len(X) == 90 and self.t_ > 3 * 200:
            raise KeyboardInterrupt
        return super().predict_proba(X)


def test_interruption_leaves_as_many_epochs_of_both(rows):
    clf = DataMapClassifier(Stops(loss="log_loss"), random_state=0)
    with pytest.raises(KeyboardInterrupt):
        clf.fit(*rows[:2], X_val=rows[2], y_val=rows[3])
    assert clf.data_map_.n_epochs == clf.validation_map_.n_epochs == 2


def test_names_of_the_rows_and_a_column_that_tells_sets_apart(rows):
    X, y, X_val, y_val = rows
    index = [f"new {i}" for i in range(len(y_val))]
    clf = fit(SGDClassifier(loss="log_loss"), X, y, X_val, pd.Series(y_val, index))
    split = np.repeat(["validation", "test"], 45)
    data_map = clf.validation_map_.with_columns(split=split)
    frame = data_map.to_frame()
    assert frame.index.tolist() == index
    assert (frame["split"] == split).all()


def test_maps_of_other_rows_are_compared_label_by_label():
    one = DataMap.from_probabilities(
        [[[0.9, 0.1], [0.1, 0.9], [0.7, 0.3]]] * 2, ["a", "a", "b"]
    )
    other = DataMap.from_probabilities(
        [[[0.6, 0.4]], [[0.8, 0.2]]], ["b"], classes=["a", "b"]
    )
    table = one.compare(other, by="label")
    assert table.index.tolist() == ["a", "b"]
    assert table["n_samples"].tolist() == [2, 1]
    assert table["n_samples_other"].tolist() == [0, 1]
    np.testing.assert_allclose(table["confidence"], [0.5, 0.3])
    np.testing.assert_allclose(table["confidence_other"], [np.nan, 0.3])
    np.testing.assert_allclose(table["variability_other"], [np.nan, 0.1])
    np.testing.assert_allclose(table["difference"], [np.nan, 0.0], atol=1e-12)
    np.testing.assert_allclose(table["hard"], [0.5, 1.0])
    with pytest.raises(ValueError, match=r"compare\(other, by='label'\)"):
        one.compare(other)
    with pytest.raises(ValueError, match="by must be None or 'label'; got 'class'"):
        one.compare(other, by="class")
    with pytest.raises(TypeError, match="compare needs a DataMap; got int"):
        one.compare(3, by="label")


def test_labels_of_an_indicator_are_compared_one_by_one(multilabel):
    X, Y = multilabel
    learner = SGDClassifier(loss="log_loss")
    clf = fit(learner, X[:200], Y[:200], X[200:], Y[200:])
    table = clf.data_map_.compare(clf.validation_map_, by="label")
    assert table.loc[(1, True), "n_samples"] == Y[:200, 1].sum()
    assert table.loc[(1, True), "n_samples_other"] == Y[200:, 1].sum()
    single = DataMap.from_probabilities([[[0.9, 0.1], [0.8, 0.2]]], [0, 1])
    with pytest.raises(ValueError, match="One map is multilabel"):
        clf.data_map_.compare(single, by="label")


BAD = {
    "no y_val": ({"y_val": None}, "X_val was given without y_val"),
    "no X_val": ({"X_val": None}, "y_val was given without X_val"),
    "columns": (
        {"X_val": np.zeros((90, 5))},
        r"X_val does not fit X: .*5 features.*64.*transform_input=\['X_val'\]",
    ),
    "one dimension": ({"X_val": np.zeros(90)}, "X_val does not fit X: Expected 2D"),
    "NaN": ({"X_val": np.full((90, 64), np.nan)}, "X_val does not fit X: .*NaN"),
    "unknown label": (
        {"y_val": ["z"] * 90},
        r"y_val does not fit y: .*not in classes: \['z'\]",
    ),
    "numbers": ({"y_val": np.arange(90)}, r"y_val does not fit y: .*not in classes"),
    "missing label": ({"y_val": [None] + ["a"] * 89}, "y_val does not fit y: .*label"),
    "rows": ({"y_val": ["a"] * 7}, "X_val has 90 rows and y_val 7"),
    "indicator": ({"y_val": np.eye(90, 3)}, "y_val does not fit y: .*3 columns"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_does_not_fit_is_refused_before_training(rows, case, recording_sgd):
    X, y, X_val, y_val = rows
    given, message = BAD[case]
    clf = DataMapClassifier(recording_sgd(loss="log_loss"))
    with pytest.raises(ValueError, match=message):
        clf.fit(X, y, **({"X_val": X_val, "y_val": y_val} | given))
    assert not recording_sgd.calls


def test_indicator_with_other_columns_is_refused(multilabel):
    X, Y = multilabel
    one = pd.DataFrame(Y[:200], columns=["odd", "large", "round"])
    other = pd.DataFrame(Y[200:], columns=["large", "odd", "round"])
    clf = DataMapClassifier(SGDClassifier(loss="log_loss"))
    with pytest.raises(ValueError, match=r"its columns are \['large', 'odd', 'round'"):
        clf.fit(X[:200], one, X_val=X[200:], y_val=other)
    with pytest.raises(ValueError, match="y_val does not fit y"):
        clf.fit(X[:200], one, X_val=X[200:], y_val=Y[200:, 0])
