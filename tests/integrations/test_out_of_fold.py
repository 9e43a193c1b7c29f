"""Out-of-fold maps of boosting libraries and networks."""

import numpy as np
import pytest
from sklearn.base import clone

from sklearn_datamaps import DataMapClassifier

xgboost = pytest.importorskip("xgboost", reason="needs the extra integrations")
lightgbm = pytest.importorskip("lightgbm", reason="needs the extra integrations")
torch = pytest.importorskip("torch", reason="needs the extra integrations")
skorch = pytest.importorskip("skorch", reason="needs the extra integrations")

NAMES = np.array(["ant", "bee", "cow", "dog"])


class Net(torch.nn.Module):
    """One hidden layer, with dropout."""

    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(64, 16),
            torch.nn.Tanh(),
            torch.nn.Dropout(0.2),
            torch.nn.Linear(16, 4),
        )

    def forward(self, X):
        return self.layers(X)


LEARNERS = {
    "xgboost": xgboost.XGBClassifier(n_estimators=6, n_jobs=1, max_depth=3),
    "lightgbm": lightgbm.LGBMClassifier(
        n_estimators=6, n_jobs=1, verbose=-1, min_child_samples=5
    ),
    "lightgbm weights": lightgbm.LGBMClassifier(
        n_estimators=6,
        n_jobs=1,
        verbose=-1,
        min_child_samples=5,
        class_weight={"ant": 1.0, "dog": 3.0},
    ),
    "skorch": skorch.NeuralNetClassifier(
        Net,
        criterion=torch.nn.CrossEntropyLoss,
        lr=0.5,
        batch_size=32,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    ),
}


@pytest.fixture
def lacking(digits):
    """Four named classes; no dog to train on in the second fold."""
    X, y = digits[0][:300], np.minimum(digits[1][:300], 3)
    even = np.arange(300) % 2 == 0
    kept = (y != 3) | even
    X, y, even = X[kept], y[kept], even[kept]
    train, test = np.flatnonzero(even), np.flatnonzero(~even)
    return X, NAMES[y], [(train, test), (test, train)]


@pytest.mark.parametrize("name", LEARNERS)
def test_a_fold_without_a_class_keeps_the_columns_right(lacking, name):
    X, y, splits = lacking
    clf = DataMapClassifier(
        LEARNERS[name],
        n_epochs=6,
        cv=splits,
        measures=["mean_proba"],
        random_state=0,
    )
    data_map = clf.fit(X, y).data_map_
    held_out = splits[1][1]
    dogs, others = held_out[y[held_out] == "dog"], held_out[y[held_out] != "dog"]
    mean_proba = data_map.measures["mean_proba"]
    np.testing.assert_allclose(mean_proba.sum(axis=1), 1, rtol=1e-5)
    assert data_map.classes.tolist() == NAMES.tolist()
    assert (data_map.predicted[others] == y[others]).mean() > 0.7
    assert data_map.correctness[dogs].max() == 0
    if name != "skorch":  # a network has an output for every class
        assert (data_map.confidence[dogs] == 0).all()
    assert np.isfinite(data_map.measure("memorization")).all()
    assert set(clf.predict(X)) == set(NAMES)


@pytest.mark.parametrize("name", LEARNERS)
def test_estimator_and_in_sample_map_are_those_without_cv(lacking, name):
    X, y, splits = lacking
    plain = DataMapClassifier(LEARNERS[name], n_epochs=3, random_state=0)
    folds = clone(plain).set_params(cv=splits).fit(X, y)
    plain.fit(X, y)
    np.testing.assert_array_equal(folds.in_sample_map_.confidence, plain.confidence_)
    np.testing.assert_array_equal(folds.predict_proba(X), plain.predict_proba(X))


def test_xgboost_out_of_fold_is_the_model_of_the_other_fold_cut_off(digits):
    X, y = digits[0][:300], digits[1][:300]
    learner = xgboost.XGBClassifier(n_estimators=4, n_jobs=1, random_state=0)
    rows = np.arange(300)
    halves = [rows[:150], rows[150:]]
    cv = [(halves[0], halves[1]), (halves[1], halves[0])]
    clf = DataMapClassifier(learner, n_epochs=2, cv=cv).fit(X, NAMES[y % 4])
    own = np.empty((2, 300))
    for train, test in cv:
        model = clone(learner).fit(X[train], y[train] % 4)
        for epoch, stage in enumerate((2, 4)):
            proba = model.predict_proba(X[test], iteration_range=(0, stage))
            own[epoch, test] = proba[np.arange(150), y[test] % 4]
    np.testing.assert_allclose(clf.confidence_, own.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(clf.variability_, own.std(axis=0), atol=1e-6)


def test_networks_of_folds_begin_with_weights_of_their_own(digits):
    X, y = digits[0][:200], digits[1][:200] % 4
    seen = []

    class Noted(Net):
        def __init__(self):
            super().__init__()
            seen.append(self.layers[0].weight.detach().clone())

    learner = clone(LEARNERS["skorch"]).set_params(module=Noted)
    clf = DataMapClassifier(learner, n_epochs=1, cv=2, random_state=0).fit(X, y)
    again = DataMapClassifier(learner, n_epochs=1, cv=2, random_state=0).fit(X, y)
    np.testing.assert_array_equal(clf.confidence_, again.confidence_)
    first = {weights.numpy().tobytes() for weights in seen}
    assert len(first) >= 3


@pytest.mark.parametrize("name", ["xgboost", "skorch"])
def test_map_is_bit_identical_with_two_processes(lacking, name):
    X, y, splits = lacking
    clf = DataMapClassifier(LEARNERS[name], n_epochs=2, cv=splits, random_state=0)
    one = clone(clf).fit(X, y)
    two = clone(clf).set_params(n_jobs=2).fit(X, y)
    np.testing.assert_array_equal(one.confidence_, two.confidence_)
    np.testing.assert_array_equal(
        one.in_sample_map_.confidence, two.in_sample_map_.confidence
    )
