"""Features of every type and container: the same map, or one clear sentence."""

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier
from sklearn.linear_model import SGDClassifier

from sklearn_datamaps import DataMapClassifier

SGD = SGDClassifier(loss="log_loss")
LEARNERS = {
    "sgd": SGD,
    "gradient": GradientBoostingClassifier(n_estimators=3),
    "hist": HistGradientBoostingClassifier(max_iter=3),
}


@pytest.fixture
def rows():
    # Halves, which every type of floats holds exactly.
    X = np.random.default_rng(0).integers(-9, 9, (80, 3)) / 2
    return X, (X[:, 0] > 0).astype(int)


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.parametrize("cv", [None, 2])
@pytest.mark.parametrize("dtype", [">f8", ">f4", "f2", "longdouble"])
@pytest.mark.parametrize("container", [np.asarray, pd.DataFrame])
def test_numbers_of_any_kind_are_read(rows, name, cv, dtype, container):
    X, y = rows
    clf = DataMapClassifier(LEARNERS[name], n_epochs=3, cv=cv, random_state=0)
    expected = clf.fit(container(X), y).confidence_
    other = container(X.astype(dtype))
    np.testing.assert_allclose(clf.fit(other, y).confidence_, expected, rtol=1e-5)
    assert clf.predict(other).shape == y.shape


def test_a_mask_is_not_looked_through(rows):
    X, y = rows
    masked = np.ma.masked_array(X, mask=X > 3)
    match = rf"X is a masked array in which {(X > 3).sum()} values are masked.*filled"
    for name in LEARNERS:
        clf = DataMapClassifier(LEARNERS[name], n_epochs=3, random_state=0)
        with pytest.raises(ValueError, match=match):
            clf.fit(masked, y)
        expected = clf.fit(X, y).confidence_
        with pytest.raises(ValueError, match=match):
            clf.predict(masked)
        whole = np.ma.masked_array(X, mask=False)
        np.testing.assert_array_equal(clf.fit(whole, y).confidence_, expected)
