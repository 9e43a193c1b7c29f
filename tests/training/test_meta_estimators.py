"""What scikit-learn's other meta-estimators ask of DataMapClassifier, and hold."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    AdaBoostClassifier,
    GradientBoostingClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_selection import RFE, SelectFromModel
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Perceptron, SGDClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_datamaps import DataMap, DataMapClassifier, audit_labels

SGD = SGDClassifier(loss="log_loss")
BOOSTING = GradientBoostingClassifier(n_estimators=6, random_state=0)


def recorder(learner=SGD, **params):
    return DataMapClassifier(learner, n_epochs=3, random_state=0, **params)


@pytest.fixture
def rows(digits):
    X, y = digits
    return X[:300], y[:300]


@pytest.mark.parametrize("learner", [SGD, MLPClassifier((4,), alpha=1.0)])
def test_log_probabilities_are_those_of_the_learner(rows, learner):
    X, y = rows
    clf = recorder(learner).fit(X / 10, y)
    expected = clf.estimator_.predict_log_proba(X / 10)
    np.testing.assert_array_equal(clf.predict_log_proba(X / 10), expected)


def test_log_probabilities_of_labels(rows):
    X, y = rows
    Y = np.column_stack([y % 2, y > 4])
    clf = recorder(BOOSTING).fit(X, Y)
    np.testing.assert_allclose(clf.predict_log_proba(X), np.log(clf.predict_proba(X)))
    constant = recorder(BOOSTING).fit(X, np.column_stack([y % 2, y < 0]))
    assert (constant.predict_log_proba(X)[:, 1] == -np.inf).all()


@pytest.mark.parametrize("fitted", [False, True])
def test_log_probabilities_are_hidden_where_the_learner_has_none(rows, fitted):
    clf = recorder(Perceptron())
    if fitted:
        clf.fit(*rows)
    assert not hasattr(clf, "predict_log_proba")


def test_coefficients_and_importances_are_those_of_the_learner(rows):
    X, y = rows
    linear, boosted = recorder().fit(X, y), recorder(BOOSTING).fit(X, y)
    assert linear.coef_ is linear.estimator_.coef_
    assert linear.intercept_ is linear.estimator_.intercept_
    importances = boosted.estimator_.feature_importances_
    np.testing.assert_array_equal(boosted.feature_importances_, importances)
    assert not hasattr(linear, "feature_importances_")
    assert not hasattr(boosted, "coef_")
    assert not hasattr(recorder(), "coef_")


def test_learners_one_a_label_have_no_coefficients_and_say_where_they_are(rows):
    X, y = rows
    clf = recorder().fit(X, np.column_stack([y % 2, y > 4]))
    with pytest.raises(
        AttributeError, match=r"no coef_, but one a label: .*estimators_"
    ):
        _ = clf.coef_
    assert [m.coef_.shape for m in clf.estimator_.estimators_] == [(1, 64)] * 2


@pytest.mark.parametrize("learner", [SGD, BOOSTING])
def test_features_are_selected_as_by_the_learner(rows, learner):
    X, y = rows
    expected = recorder(learner).fit(X, y)
    alone = SelectFromModel(expected.estimator_, prefit=True).fit(X)
    for selector in (
        SelectFromModel(recorder(learner)).fit(X, y),
        SelectFromModel(expected, prefit=True).fit(X),
    ):
        np.testing.assert_array_equal(selector.get_support(), alone.get_support())
    assert 0 < alone.get_support().sum() < 64
    eliminated = RFE(recorder(learner), n_features_to_select=10, step=30).fit(X, y)
    assert eliminated.transform(X).shape == (300, 10)
    assert DataMap.from_estimator(eliminated) is eliminated.estimator_.data_map_


def test_the_one_map_in_a_meta_estimator_is_found(rows):
    X, y = rows
    fitted = recorder().fit(X, y)
    of_pipeline = make_pipeline(StandardScaler(), recorder()).fit(X, y)
    frozen = FrozenEstimator(fitted)
    assert DataMap.from_estimator(frozen) is fitted.data_map_
    in_frozen = DataMap.from_estimator(FrozenEstimator(of_pipeline))
    assert in_frozen is of_pipeline[-1].data_map_
    of_frozen = CalibratedClassifierCV(frozen).fit(X, y)
    assert DataMap.from_estimator(of_frozen) is fitted.data_map_
    alone = CalibratedClassifierCV(recorder(), ensemble=False, cv=2).fit(X, y)
    assert DataMap.from_estimator(alone).n_samples == 300
    other = LogisticRegression(max_iter=2000)
    for meta in (VotingClassifier, StackingClassifier):
        members = [("other", other), ("map", recorder())]
        both = meta(members).fit(X, y)
        assert DataMap.from_estimator(both) is both.named_estimators_["map"].data_map_


def test_several_maps_in_a_meta_estimator_are_refused_and_none_too(rows):
    X, y = rows
    calibrated = CalibratedClassifierCV(recorder(), cv=2).fit(X, y)
    match = r"There are 2 data maps in CalibratedClassifierCV.*ensemble=False"
    with pytest.raises(ValueError, match=match):
        DataMap.from_estimator(calibrated)
    one = calibrated.calibrated_classifiers_[1].estimator
    assert DataMap.from_estimator(one) is one.data_map_
    with pytest.raises(ValueError, match="There is no data map in VotingClassifier"):
        DataMap.from_estimator(VotingClassifier([("a", BOOSTING)]).fit(X, y))


@pytest.mark.parametrize(
    "wrap",
    [
        lambda frozen: frozen,
        OneVsRestClassifier,
        MultiOutputClassifier,
        AdaBoostClassifier,
        FrozenEstimator,
    ],
    ids=["alone", "one vs rest", "multi-output", "boosted", "twice"],
)
@pytest.mark.parametrize("learner", [SGD, BOOSTING])
def test_frozen_estimators_are_refused_as_such(rows, wrap, learner):
    X, y = rows
    learner = clone(learner).fit(X, y)
    match = "holds a FrozenEstimator, which is fitted already.* never trains again"
    frozen = wrap(FrozenEstimator(learner))
    with pytest.raises(TypeError, match=match):
        recorder(frozen).fit(X, y)
    with pytest.raises(TypeError, match=match):
        make_pipeline(StandardScaler(), recorder(frozen)).fit(X, y)
    with pytest.raises(TypeError, match=match):
        audit_labels(make_pipeline(StandardScaler(), frozen), X, y)
