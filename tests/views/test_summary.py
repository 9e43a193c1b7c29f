"""What the summary of a map says of maps that tell little."""

import pytest
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import scale

from sklearn_datamaps import DataMapClassifier


# Of scikit-learn before 1.8, on the way to NaN.
@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
@pytest.mark.parametrize("load", [load_breast_cancer, load_wine])
def test_features_that_want_scaling_are_told(load):
    X, y = load(return_X_y=True)
    told = "scale the features"
    clf = DataMapClassifier(random_state=0)
    try:
        shown = repr(clf.fit(X, y).data_map_)
    except ValueError as error:  # before scikit-learn 1.8, wine ends in NaN
        shown = str(error)
    assert told in shown
    assert told not in repr(clf.fit(scale(X), y).data_map_)


def test_epochs_that_are_too_few_are_told_with_the_rows_never_right(digits):
    X, y = digits
    clf = DataMapClassifier(MLPClassifier(), cv=2, n_epochs=4, random_state=0)
    data_map = clf.fit(X, y).data_map_
    ambiguous = data_map.region_mask("ambiguous")
    never = int((ambiguous & (data_map.correctness == 0)).sum())
    assert never > 50
    told = f"{never:,} of them were never predicted right"
    assert told in repr(data_map)
    assert "raise n_epochs (4)" in repr(data_map)
    assert "raise n_epochs" in data_map._repr_html_()


def test_map_of_a_learner_that_has_learned_says_nothing_of_it(digits):
    told = repr(DataMapClassifier(random_state=0).fit(*digits).data_map_)
    assert "raise n_epochs" not in told
    assert "scale the features" not in told
