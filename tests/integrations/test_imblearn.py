"""imbalanced-learn: its checks of samplers, and its pipelines."""

import numpy as np
import pytest
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

from sklearn_datamaps import DataMap, DataMapClassifier, DataMapSampler

pytest.importorskip("imblearn", reason="needs imbalanced-learn")

from imblearn.pipeline import Pipeline, make_pipeline
from imblearn.utils import estimator_checks as of_samplers
from imblearn.utils._test_common.instance_generator import _get_check_estimator_ids

SAMPLERS = {
    "paper": DataMapSampler(random_state=0),
    "stratified": DataMapSampler(
        easy_fraction=0.3, stratify=True, min_per_class=2, random_state=0
    ),
    "drop-region": DataMapSampler(
        DataMapClassifier(n_epochs=3, random_state=0), drop="hard"
    ),
    "drop-suspicious": DataMapSampler(
        DataMapClassifier(n_epochs=3, cv=2, random_state=0),
        drop="confidence",
        fraction=0.05,
    ),
    "network": DataMapSampler(
        DataMapClassifier(MLPClassifier((5,)), n_epochs=3, random_state=0)
    ),
}

ANOTHER_MAP = (
    "SGDClassifier takes other steps of the intercept on a sparse X, so the map is "
    "another one; with MLPClassifier, which takes the same, the check passes"
)
EXPECTED_FAILURES = {
    name: {
        "check_samplers_multiclass_ova": (
            "an indicator is a multilabel target in this package, never the columns of "
            "a multiclass one, and is refused"
        ),
    }
    | (
        {}
        if name == "network"
        else {
            "check_samplers_sparse": ANOTHER_MAP,
            "check_samplers_pandas_sparse": ANOTHER_MAP,
        }
    )
    for name in SAMPLERS
}
# Not its parametrize_with_checks: that hands pytest a generator.
CHECKS = [
    check
    for name, sampler in SAMPLERS.items()
    for check in of_samplers.estimator_checks_generator(
        sampler, expected_failed_checks=EXPECTED_FAILURES[name], mark="xfail"
    )
]


@pytest.mark.parametrize(("estimator", "check"), CHECKS, ids=_get_check_estimator_ids)
def test_imbalanced_learn_check(estimator, check):
    check(estimator)
