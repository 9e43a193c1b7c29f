"""Warnings point at the line of the user, and say what differs."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest

from sklearn_datamaps import DataMap, DataMapClassifier, TrainingDynamics

Y = np.array([0, 1] * 10)
X = np.random.default_rng(0).normal(size=(20, 2)) + Y[:, None]


def named(order=range(20)):
    frame = pd.DataFrame(X, columns=["a", "b"], index=[f"r{i}" for i in range(20)])
    y = pd.Series(Y, index=[f"r{i}" for i in order])
    return frame, y


def off_simplex():
    TrainingDynamics([0, 1]).update([[3.0, 1.0], [0.2, 0.7]])


def no_logits():
    TrainingDynamics([0, 1]).update([[0.9, 0.1], [0.2, 0.8]], logits=True)


def other_epochs():
    one, two = ([[[0.9, 0.1], [0.2, 0.8]]] * n for n in (1, 2))
    one, two = (DataMap.from_probabilities(p, [0, 1]) for p in (one, two))
    one.compare(two)


def all_recorded():
    classifier = DataMapClassifier(n_epochs=2, warm_start=True, random_state=0)
    classifier.fit(X, Y).fit(X, Y)


def other_index():
    DataMapClassifier(n_epochs=2).fit(*named(range(19, -1, -1)))


def other_index_of_weights():
    frame, y = named()
    weights = pd.Series(np.ones(20), index=frame.index[::-1])
    DataMapClassifier(n_epochs=2).fit(frame, Y, sample_weight=weights)
    DataMapClassifier(n_epochs=2).fit(X, y, sample_weight=weights)


def other_index_of_groups():
    frame, y = named()
    groups = pd.Series(np.arange(20), index=frame.index[::-1])
    DataMapClassifier(n_epochs=2, cv=2).fit(frame, y, groups=groups)


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (off_simplex, "do not sum to 1"),
        (lambda: DataMap.from_probabilities([[[3.0, 1.0]] * 2], [0, 1]), "sum to 1"),
        (no_logits, "probabilities already"),
        (other_epochs, "variability depends on it"),
        (all_recorded, "nothing was trained"),
        (other_index, "X and y have different indexes"),
        (other_index_of_weights, "(X|y) and sample_weight have different indexes"),
        (other_index_of_groups, "X and groups have different indexes"),
    ],
)
def test_warning_points_at_the_line_of_the_caller(act, message):
    with pytest.warns(UserWarning, match=message) as caught:
        act()
    assert {one.filename for one in caught} == {__file__}
    assert all(re.search(message, str(one.message)) for one in caught)


def test_same_or_no_names_are_not_warned_of():
    frame, y = named()
    shuffled = y.sample(frac=1, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for features, labels in [(frame, y), (X, shuffled), (frame, Y)]:
            DataMapClassifier(n_epochs=2).fit(features, labels)
        DataMapClassifier(n_epochs=2).fit(frame.reset_index(drop=True), shuffled)
        DataMapClassifier(n_epochs=2).fit(frame, y, sample_weight=y + 1)
