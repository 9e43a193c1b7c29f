"""One rule for labels, whichever door they come in by."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_iris
from sklearn.linear_model import SGDClassifier

from sklearn_datamaps import (
    DataMap,
    DataMapClassifier,
    DataMapSampler,
    TrainingDynamics,
    apply_review,
    audit_labels,
)

X, Y = load_iris(return_X_y=True)
TEXTS = np.array(["b", "a", "c"])[Y]


def fit(y, **params):
    return DataMapClassifier(n_epochs=2, random_state=0, **params).fit(X, y)


DOORS = {
    "fit": fit,
    "fit with cv": lambda y: fit(y, cv=2),
    "audit": lambda y: audit_labels(DataMapClassifier(n_epochs=2), X, y),
    "sampler": lambda y: DataMapSampler(random_state=0).fit_resample(X, y),
    "dynamics": TrainingDynamics,
    "from_probabilities": lambda y: DataMap.from_probabilities([], y),
}


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
def test_missing_label_in_a_list_is_refused_at_every_door(door):
    y = TEXTS.astype(object)
    y[[3, 149]] = np.nan
    with pytest.raises(ValueError, match=r"2 of 150 rows have no label.* 3, 149\."):
        door(y.tolist())


def test_missing_label_is_refused_where_a_review_is_applied():
    review = DataMap.from_probabilities([[[0.9, 0.1]] * 2], ["a", "b"]).review()
    with pytest.raises(ValueError, match=r"1 of 2 rows have no label"):
        apply_review(["a", float("nan")], review)


@pytest.mark.parametrize("door", list(DOORS.values())[:4], ids=list(DOORS)[:4])
def test_label_names_alike_as_text_are_refused_at_every_door(door):
    y = pd.DataFrame(np.eye(3, dtype=int)[Y], columns=["a", "b", "a"])
    with pytest.raises(ValueError, match="distinct labels, also as text"):
        door(y)


@pytest.mark.parametrize(
    "convert",
    [
        lambda y: y.astype(">i4"),
        lambda y: y.astype(">f8"),
        lambda y: y.astype(np.float16),
        lambda y: y.astype(np.longdouble),
        lambda y: np.ma.masked_array(y, mask=False),
        lambda y: y.astype(object),
        lambda y: pd.Series(y, dtype="Int64"),
        lambda y: TEXTS.astype(">U1"),
    ],
)
@pytest.mark.parametrize("params", [{}, {"cv": 2}])
def test_labels_of_unusual_types_give_the_same_map(convert, params):
    y = convert(Y)
    plain = fit(TEXTS if isinstance(y[0], str) else Y, **params)
    fitted = fit(y, **params)
    np.testing.assert_array_equal(fitted.confidence_, plain.confidence_)
    np.testing.assert_array_equal(fitted.predict(X), plain.predict(X))


def test_object_bools_are_bools():
    y = Y == 1
    fitted, plain = fit(y.astype(object)), fit(y)
    np.testing.assert_array_equal(fitted.confidence_, plain.confidence_)
    assert fitted.classes_.dtype == bool


class Telling(SGDClassifier):
    """Keeps the kind of labels that it was given."""

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        self.kind_ = y.dtype.kind
        return super().partial_fit(X, y, classes, sample_weight)


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (["other", "Καλά", "thanks"], "U"),  # quick for NumPy to sort
        (["z", "a label so long that rows would take much", "m"], "O"),
    ],
    ids=["short", "long"],
)
@pytest.mark.parametrize("params", [{}, {"cv": 2}, {"batch_size": 40}], ids=str)
def test_texts_reach_the_learner_as_texts_and_train_as_numbers_do(names, kind, params):
    y = np.array(names, dtype=object)[Y]
    learner = Telling(loss="log_loss", class_weight="balanced")
    fitted = DataMapClassifier(learner, n_epochs=2, random_state=0, **params).fit(X, y)
    assert fitted.estimator_.kind_ == kind
    assert fitted.estimator_.classes_.tolist() == sorted(names)
    assert fitted.data_map_.label.tolist() == y.tolist()
    numbered = np.argsort(np.argsort(names))[Y]
    as_numbers = DataMapClassifier(learner, n_epochs=2, random_state=0, **params)
    expected = as_numbers.fit(X, numbered).confidence_
    np.testing.assert_array_equal(fitted.confidence_, expected)


class Listening(ClassifierMixin, BaseEstimator):
    """Learns what labels there are."""

    def partial_fit(self, X, y, classes):
        self.classes_, self.seen_ = classes, sorted(set(y.tolist()))
        return self

    def predict_proba(self, X):
        return np.full((len(X), 3), 1 / 3)

    def predict(self, X):
        return self.classes_[np.zeros(len(X), dtype=int)]


@pytest.mark.skipif(
    len(pd.factorize(np.array(["a", "a\0"], dtype=object))[1]) < 2,
    reason="pandas before 3 takes these for one label",
)
def test_characters_that_numpy_cuts_off_reach_the_learner():
    names = ["a", "a\0", "b"]  # the same two to an array of texts
    y = np.array(names, dtype=object)[Y]
    fitted = DataMapClassifier(Listening(), n_epochs=1, random_state=0).fit(X, y)
    assert fitted.estimator_.seen_ == names
