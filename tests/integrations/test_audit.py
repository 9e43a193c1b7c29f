"""Audits of labels with learners of other libraries."""

import importlib

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.preprocessing import scale

from sklearn_datamaps import audit_labels


def xgboost():
    return importlib.import_module("xgboost").XGBClassifier(n_estimators=8, n_jobs=1)


def lightgbm():
    kind = importlib.import_module("lightgbm").LGBMClassifier
    return kind(n_estimators=8, min_child_samples=3, n_jobs=1, verbose=-1)


def skorch():
    torch = importlib.import_module("torch")
    nets = importlib.import_module("skorch")
    return nets.NeuralNetClassifier(
        torch.nn.Linear,
        module__in_features=4,
        module__out_features=3,
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        optimizer__lr=0.1,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    )


@pytest.mark.parametrize("learner", [xgboost, lightgbm, skorch])
def test_planted_labels_are_found(learner):
    library = "torch" if learner is skorch else learner.__name__
    pytest.importorskip(library, reason=f"needs {library}")
    X, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])
    wrong = np.arange(150) % 25 == 0
    given = names[np.where(wrong, (y + 1) % 3, y)]
    audit = audit_labels(learner(), scale(X), given, n_repeats=2, random_state=0)
    first = audit.to_frame(n=10)
    assert wrong[first["position"]].sum() >= 4
    found = first[wrong[first["position"]]]
    assert (found["suggested"] == names[y[found["position"]]]).mean() > 0.5
