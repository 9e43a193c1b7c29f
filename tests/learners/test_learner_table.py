"""Every row of the guide's table of learners: the learner is mapped, its trap met."""

import re
from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import (
    AdaBoostClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
)
from sklearn.linear_model import LogisticRegression, Perceptron, SGDClassifier
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import MultinomialNB
from sklearn.neural_network import MLPClassifier

from sklearn_datamaps import DataMapClassifier
from sklearn_datamaps._learners import sklearn_compat

PAGE = Path(__file__).parents[2] / "docs" / "guide" / "learners.md"
TABLE = PAGE.read_text(encoding="utf-8").split("What an epoch is depends")[1]
NAMES = re.findall(r"^\| (`\w+`(?:, `\w+`)*)", TABLE, flags=re.MULTILINE)
OF_EXTRAS = {"XGBClassifier", "LGBMClassifier", "NeuralNetClassifier"}


@pytest.fixture
def rows(digits):
    X, y = digits
    return X[:300], y[:300]


def fit(learner, X, y, **params):
    clf = DataMapClassifier(learner, n_epochs=4, random_state=0, **params).fit(X, y)
    assert clf.n_epochs_ == 4
    return clf


def sgd_and_perceptron(rows):
    assert fit(SGDClassifier(loss="log_loss"), *rows).score(*rows) > 0.8
    clf = fit(Perceptron(), *rows)
    assert not hasattr(clf, "predict_proba")
    assert np.isfinite(clf.confidence_).all()


def logistic_regression(rows):
    if not sklearn_compat.calls_back():
        with pytest.raises(TypeError, match=r"SGDClassifier\(loss='log_loss'\)"):
            DataMapClassifier(LogisticRegression()).fit(*rows)
        return
    clf = DataMapClassifier(LogisticRegression()).fit(*rows)
    assert clf.n_epochs_ == clf.estimator_.n_iter_[0]
    plain = LogisticRegression().fit(*rows)
    np.testing.assert_array_equal(clf.estimator_.coef_, plain.coef_)
    for refused in ({"n_epochs": 4}, {"warm_start": True}):
        with pytest.raises(ValueError, match=next(iter(refused))):
            DataMapClassifier(LogisticRegression(), **refused).fit(*rows)


def mlp(rows):
    fit(MLPClassifier(random_state=0), *rows)
    for refused in ({"solver": "lbfgs"}, {"early_stopping": True}):
        with pytest.raises(ValueError, match=next(iter(refused))):
            fit(MLPClassifier(**refused), *rows)


def naive_bayes(rows):
    with pytest.warns(UserWarning, match="no training dynamics"):
        fit(MultinomialNB(), *rows)


def wrappers(rows):
    X, y = rows
    for wrapper in (OneVsRestClassifier, OneVsOneClassifier):
        fit(wrapper(SGDClassifier(loss="log_loss")), X, y)
        with pytest.raises(ValueError, match="class_weight"):
            fit(wrapper(SGDClassifier(class_weight="balanced")), X, y)
    labels = np.column_stack([y > 4, y % 2]).astype(int)
    clf = fit(MultiOutputClassifier(SGDClassifier(loss="log_loss")), X, labels)
    assert clf.confidence_.shape == (300, 2)


def gradient_boosting(rows):
    learner = GradientBoostingClassifier(n_estimators=8)
    assert fit(learner, *rows).data_map_.meta["stages"] == [2, 4, 6, 8]
    with pytest.warns(UserWarning, match="holds 10% of the rows out"):
        fit(learner.set_params(n_iter_no_change=50), *rows)


def hist_gradient_boosting(rows):
    X, y = rows
    learner = HistGradientBoostingClassifier(max_iter=4, max_leaf_nodes=4)
    fit(learner, X, y)
    X, y = np.tile(X[:, 20:24], (34, 1)), np.tile(y, 34)
    assert len(y) > 10_000
    with pytest.warns(UserWarning, match="holds 10% of the rows out"):
        clf = fit(learner, X, y)
    assert clf.estimator_.do_early_stopping_
    clf = fit(learner.set_params(early_stopping=False), X, y)
    assert not clf.estimator_.do_early_stopping_


def ada_boost(rows):
    clf = fit(AdaBoostClassifier(n_estimators=40, random_state=0), *rows)
    assert clf.estimator_.predict_proba(rows[0]).max() < 0.2


CHECKS = {
    "SGDClassifier, Perceptron": sgd_and_perceptron,
    "LogisticRegression": logistic_regression,
    "MLPClassifier": mlp,
    "MultinomialNB": naive_bayes,
    "OneVsRestClassifier, OneVsOneClassifier, MultiOutputClassifier": wrappers,
    "GradientBoostingClassifier": gradient_boosting,
    "HistGradientBoostingClassifier": hist_gradient_boosting,
    "AdaBoostClassifier": ada_boost,
}


@pytest.mark.parametrize("names", CHECKS)
def test_row_of_the_table(names, rows):
    CHECKS[names](rows)


def test_table_has_these_rows_and_no_others():
    shown = {names.replace("`", "") for names in NAMES}
    assert shown - OF_EXTRAS == set(CHECKS)
