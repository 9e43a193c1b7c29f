"""DataMapClassifier among the rest of scikit-learn."""

import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy import sparse
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import StackingClassifier
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401 (enables it)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    cross_val_predict,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_datamaps import DataMap, DataMapClassifier

THANKS = ["thank you", "thanks a lot", "many thanks friend", "so grateful thanks"]
OTHER = ["what a day", "no way", "that is wrong", "i like cats", "who knows"]


@pytest.fixture(scope="module")
def comments():
    texts = [t + f" {i % 7}x" for i in range(20) for t in THANKS + OTHER]
    labels = ["gratitude" if t in THANKS else "other" for t in THANKS + OTHER] * 20
    index = pd.Index([f"c{i}" for i in range(len(texts))], name="id")
    return pd.Series(texts, index=index), pd.Series(labels, index=index)


def text_pipeline(**params):
    learner = SGDClassifier(loss="log_loss", class_weight="balanced")
    return make_pipeline(
        TfidfVectorizer(), DataMapClassifier(learner, random_state=0, **params)
    )


def test_last_in_a_text_pipeline(comments):
    pipe = text_pipeline().fit(*comments)
    data_map = DataMap.from_estimator(pipe)
    assert data_map is pipe[-1].data_map_
    assert data_map.to_frame(text=comments[0]).index.equals(comments[0].index)
    assert pipe.score(*comments) == 1.0
    assert pipe.predict_proba(comments[0]).shape == (180, 2)


def test_behind_a_column_transformer():
    frame = pd.DataFrame(
        {
            "age": np.arange(60.0),
            "city": pd.Categorical(["Rome", "Oslo", "Lima"] * 20),
        },
        index=pd.RangeIndex(1000, 1060),
    )
    y = pd.Series(np.where(frame["age"] > 30, "old", "young"), index=frame.index)
    columns = make_column_transformer(
        (StandardScaler(), ["age"]), (OneHotEncoder(), ["city"])
    )
    pipe = make_pipeline(columns, DataMapClassifier(random_state=0)).fit(frame, y)
    assert pipe.score(frame, y) > 0.9
    assert pipe[-1].data_map_.index.equals(frame.index)


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_grid_search_over_learner_epochs_and_vectorizer_at_once(comments, n_jobs):
    grid = {
        "tfidfvectorizer__ngram_range": [(1, 1), (1, 2)],
        "datamapclassifier__n_epochs": [2, 3],
        "datamapclassifier__estimator__alpha": [1e-4, 1e-2],
    }
    search = GridSearchCV(text_pipeline(), grid, cv=2, n_jobs=n_jobs)
    search.fit(*comments)
    data_map = DataMap.from_estimator(search)
    assert data_map.n_epochs == search.best_params_["datamapclassifier__n_epochs"]
    assert len(search.cv_results_["params"]) == 8
    assert not np.isnan(search.cv_results_["mean_test_score"]).any()


def test_halving_search_with_epochs_as_the_resource(digits):
    search = HalvingGridSearchCV(
        DataMapClassifier(SGDClassifier(loss="log_loss"), random_state=0),
        {"estimator__alpha": [1e-4, 1e-3, 1e-2, 1e-1]},
        resource="n_epochs",
        max_resources=8,
        min_resources=2,
        factor=2,
        cv=2,
    )
    search.fit(*digits)
    assert DataMap.from_estimator(search).n_epochs == search.n_resources_[-1]


def test_cross_val_predict(digits):
    X, y = digits
    clf = DataMapClassifier(SGDClassifier(loss="log_loss", alpha=0.01), random_state=0)
    proba = cross_val_predict(clf, X, y, cv=3, method="predict_proba")
    assert proba.shape == (500, 10)
    assert (proba.argmax(axis=1) == y).mean() > 0.8


@pytest.mark.parametrize("loss", ["log_loss", "hinge"])
def test_inside_calibration(digits, loss):
    X, y = digits
    clf = DataMapClassifier(SGDClassifier(loss=loss, alpha=0.01), random_state=0)
    calibrated = CalibratedClassifierCV(clf, cv=2).fit(X, y)
    assert calibrated.score(X, y) > 0.8


def test_inside_stacking(binary):
    stack = StackingClassifier(
        [("map", DataMapClassifier(random_state=0))], LogisticRegression(), cv=2
    )
    assert stack.fit(*binary).score(*binary) > 0.6


def test_clone_has_the_parameters_and_nothing_fitted(binary):
    clf = DataMapClassifier(n_epochs=3, measures=["loss"], random_state=4).fit(*binary)
    copy = clone(clf)
    assert copy.get_params(deep=False)["measures"] == ["loss"]
    assert not hasattr(copy, "data_map_")


def test_nested_parameters_can_be_set():
    clf = DataMapClassifier(SGDClassifier()).set_params(estimator__alpha=0.5)
    assert clf.estimator.alpha == 0.5


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@pytest.mark.usefixtures("routing")
def test_routing_sends_requested_weights_to_the_learner(recording_sgd, binary):
    X, y = binary
    weight = np.linspace(1, 2, len(y))
    learner = recording_sgd(loss="log_loss").set_partial_fit_request(sample_weight=True)
    DataMapClassifier(learner, n_epochs=1).fit(X, y, sample_weight=weight)
    np.testing.assert_array_equal(recording_sgd.calls[0][4], weight)


@pytest.mark.usefixtures("routing")
def test_routing_refuses_weights_that_nobody_requested(recording_sgd, binary):
    X, y = binary
    with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
        DataMapClassifier(recording_sgd()).fit(X, y, sample_weight=np.ones(len(y)))
    assert recording_sgd.calls == []


@pytest.mark.usefixtures("routing")
def test_routing_leaves_weights_out_that_were_refused(recording_sgd, binary):
    X, y = binary
    learner = recording_sgd().set_partial_fit_request(sample_weight=False)
    search = GridSearchCV(
        DataMapClassifier(learner, n_epochs=1, response_method="decision_function"),
        {"estimator__alpha": [1e-3]},
        cv=2,
    )
    search.fit(X, y)
    assert all(c[4] is None for c in recording_sgd.calls if c[0] == "fit")


@pytest.mark.usefixtures("routing")
def test_routing_through_a_search(binary, recording_sgd):
    X, y = binary
    weight = np.linspace(1, 2, len(y))
    learner = recording_sgd(loss="log_loss").set_partial_fit_request(sample_weight=True)
    clf = DataMapClassifier(learner, n_epochs=1).set_score_request(sample_weight=True)
    search = GridSearchCV(clf, {"batch_size": [None]}, cv=2)
    search.fit(X, y, sample_weight=weight)
    lengths = [len(c[4]) for c in recording_sgd.calls if c[0] == "fit"]
    assert lengths == [150, 150, 300]


@pytest.mark.usefixtures("routing")
def test_routing_through_a_pipeline(binary, recording_sgd):
    X, y = binary
    weight = np.linspace(1, 2, len(y))
    learner = recording_sgd(loss="log_loss").set_partial_fit_request(sample_weight=True)
    pipe = make_pipeline(
        StandardScaler().set_fit_request(sample_weight=False),
        DataMapClassifier(learner, n_epochs=1),
    )
    pipe.fit(X, y, sample_weight=weight)
    np.testing.assert_array_equal(recording_sgd.calls[0][4], weight)


def test_without_routing_weights_go_to_the_learner(recording_sgd, binary):
    X, y = binary
    weight = np.linspace(1, 2, len(y))
    pipe = make_pipeline(
        StandardScaler(), DataMapClassifier(recording_sgd(loss="log_loss"), n_epochs=1)
    )
    pipe.fit(X, y, datamapclassifier__sample_weight=weight)
    np.testing.assert_array_equal(recording_sgd.calls[0][4], weight)


def test_feature_names_are_kept_without_spurious_warnings(binary):
    X, y = binary
    names = [f"f{i}" for i in range(X.shape[1])]
    frame = pd.DataFrame(X, columns=names)
    clf = DataMapClassifier(random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clf.fit(frame, y)
        clf.predict(frame)
        clf.predict_proba(frame)
        clf.decision_function(frame)
    assert clf.feature_names_in_.tolist() == names
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        clf.predict(X)
    with pytest.raises(ValueError, match="feature names"):
        clf.predict(frame[names[::-1]])


@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function"])
def test_every_method_validates_its_input(binary, method):
    clf = DataMapClassifier().fit(*binary)
    with pytest.raises(ValueError, match=r"X has 3 features, but .* expecting 12"):
        getattr(clf, method)(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="contains NaN"):
        getattr(clf, method)(np.full((2, 12), np.nan))


@pytest.mark.parametrize("dtype", ["str", "string", "category", object])
def test_pandas_labels_of_every_text_type(binary, dtype):
    X, y = binary
    labels = pd.Series(np.where(y, "yes", "no")).astype(dtype)
    clf = DataMapClassifier(random_state=0).fit(X, labels)
    expected = DataMapClassifier(random_state=0).fit(X, y)
    np.testing.assert_array_equal(clf.confidence_, expected.confidence_)
    assert clf.classes_.tolist() == ["no", "yes"]
    assert clf.score(X, labels) == expected.score(X, y)


def test_pandas_output_of_a_transformer(binary):
    X, y = binary
    scaler = StandardScaler().set_output(transform="pandas")
    pipe = make_pipeline(scaler, DataMapClassifier(random_state=0)).fit(X, y)
    assert pipe[-1].feature_names_in_[0] == "x0"
    assert pipe.predict(X).shape == y.shape


def test_default_learner_is_that_of_the_tutorial(binary):
    clf = DataMapClassifier(n_epochs=1).fit(*binary)
    assert isinstance(clf.estimator_, SGDClassifier)
    assert clf.estimator_.loss == "log_loss"
    assert clf.estimator is None


def test_sparse_indicator_and_sparse_features(multilabel):
    X, Y = multilabel
    clf = DataMapClassifier(random_state=0).fit(
        sparse.csr_array(X), sparse.csr_array(Y)
    )
    expected = DataMapClassifier(random_state=0).fit(sparse.csr_array(X), Y)
    np.testing.assert_array_equal(clf.confidence_, expected.confidence_)
