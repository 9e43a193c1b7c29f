"""imbalanced-learn: its checks of samplers, and its pipelines."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

from sklearn_datamaps import DataMapClassifier, DataMapSampler

pytest.importorskip("imblearn", reason="needs imbalanced-learn")

from imblearn.base import is_sampler
from imblearn.pipeline import make_pipeline
from imblearn.under_sampling import RandomUnderSampler
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


@pytest.fixture
def pipeline():
    learner = SGDClassifier(loss="log_loss", random_state=0)
    sampler = DataMapSampler(learner, drop="confidence", fraction=0.1, random_state=0)
    return make_pipeline(StandardScaler(), sampler, learner)


def test_pipeline_trains_on_the_rows_kept_and_predicts_all(binary, pipeline):
    X, y = binary
    pipeline.fit(X, y)
    scaler, sampler, learner = (step for _, step in pipeline.steps)
    X = scaler.transform(X)
    rows = sampler.sample_indices_
    assert len(rows) == 270
    expected = clone(learner).fit(X[rows], y[rows])
    assert_array_equal(learner.coef_, expected.coef_)
    assert len(pipeline.predict(binary[0])) == 300
    assert_array_equal(pipeline[:-1].fit_resample(*binary)[1], y[rows])


def test_pipeline_with_memory_and_caching(binary, pipeline, tmp_path):
    X, y = binary
    expected = clone(pipeline).fit(X, y).predict(X)
    pipeline.set_params(memory=str(tmp_path))
    for _ in range(2):
        assert_array_equal(pipeline.fit(X, y).predict(X), expected)


def test_pipeline_routes_weights_to_the_training_of_the_map(binary):
    X, y = binary
    weights = np.random.default_rng(0).random(len(y))
    learner = SGDClassifier(loss="log_loss")
    with config_context(enable_metadata_routing=True):
        learner.set_partial_fit_request(sample_weight=True)
        clf = DataMapClassifier(learner, random_state=0)
        last = SGDClassifier().set_fit_request(sample_weight=False)
        pipe = make_pipeline(DataMapSampler(clf), last)
        pipe.fit(X, y, sample_weight=weights)
        expected = clone(clf).fit(X, y, sample_weight=weights)
    assert_array_equal(pipe[0].data_map_.confidence, expected.confidence_)
    unweighted = clone(clf).fit(X, y).confidence_
    assert (pipe[0].data_map_.confidence != unweighted).any()


def test_search_maps_the_training_rows_of_every_split(binary, pipeline):
    search = GridSearchCV(
        pipeline, {"datamapsampler__fraction": [0.02, 0.2]}, cv=3, error_score="raise"
    )
    search.fit(*binary)
    sampler = search.best_estimator_[1]
    assert sampler.data_map_.n_samples == 300
    assert search.cv_results_["mean_test_score"].shape == (2,)


def test_search_with_a_ready_map_says_what_to_give(binary, pipeline):
    data_map = DataMapClassifier(random_state=0).fit(*binary).data_map_
    pipeline.set_params(datamapsampler__estimator=data_map)
    search = GridSearchCV(
        pipeline, {"datamapsampler__fraction": [0.02]}, cv=3, error_score="raise"
    )
    with pytest.raises(
        ValueError, match=r"map has 300 rows, X and y have 200.* search"
    ):
        search.fit(*binary)


def test_chosen_rows_are_what_a_sampler_of_theirs_then_sees(binary):
    X, y = binary
    pipe = make_pipeline(
        DataMapSampler(drop="hard", random_state=0), RandomUnderSampler(random_state=0)
    )
    _, y_kept = pipe.fit_resample(X, y)
    assert is_sampler(pipe[0])
    assert len(set(np.bincount(y_kept))) == 1
