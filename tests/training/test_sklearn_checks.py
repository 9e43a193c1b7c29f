"""scikit-learn's own checks, on the meta-estimator around learners of every kind."""

import re
from collections import Counter
from unittest import SkipTest

import pytest
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
)
from sklearn.linear_model import LogisticRegression, Perceptron, SGDClassifier
from sklearn.naive_bayes import BernoulliNB, GaussianNB, MultinomialNB
from sklearn.neural_network import MLPClassifier
from sklearn.utils.estimator_checks import (
    estimator_checks_generator,
    parametrize_with_checks,
)

from sklearn_datamaps import DataMapClassifier
from sklearn_datamaps._learners import sklearn_compat

# Of scikit-learn 1.7, for a classifier; newer versions have more.
FEWEST_CHECKS = 50

ALL_MEASURES = ("loss", "el2n", "forgetting", "first_learned", "mean_proba")

# A kind of learner or of recording each.
ESTIMATORS = {
    "sgd-everything-recorded": DataMapClassifier(
        SGDClassifier(loss="log_loss"), store_trajectories=True, measures=ALL_MEASURES
    ),
    "sgd-mini-batches": DataMapClassifier(
        SGDClassifier(loss="log_loss"), batch_size=25
    ),
    "sgd-out-of-fold": DataMapClassifier(SGDClassifier(loss="log_loss"), cv=2),
    # Few and large steps, which are enough for what the checks want to be learned.
    "mlp": DataMapClassifier(
        MLPClassifier(hidden_layer_sizes=(20,), learning_rate_init=0.05)
    ),
    "gradient-boosting": DataMapClassifier(
        GradientBoostingClassifier(n_estimators=5), n_epochs=3
    ),
}
# What these have of their own is tested on every run, too, by tests that take less.
MORE_ESTIMATORS = {
    "sgd-log-loss": DataMapClassifier(SGDClassifier(loss="log_loss")),
    "sgd-batches-of-seven": DataMapClassifier(
        SGDClassifier(loss="log_loss"), batch_size=7
    ),
    "sgd-hinge": DataMapClassifier(SGDClassifier(loss="hinge")),
    "perceptron": DataMapClassifier(Perceptron()),
    "mlp-many-epochs": DataMapClassifier(MLPClassifier(), n_epochs=100),
    "bernoulli-nb": DataMapClassifier(BernoulliNB()),
    "multinomial-nb": DataMapClassifier(MultinomialNB()),
    "hist-gradient-boosting": DataMapClassifier(
        HistGradientBoostingClassifier(max_iter=5), n_epochs=3
    ),
    "gradient-boosting-out-of-fold": DataMapClassifier(
        GradientBoostingClassifier(n_estimators=5), n_epochs=3, cv=2
    ),
    "gaussian-nb-mini-batches": DataMapClassifier(GaussianNB(), batch_size=7),
}
if sklearn_compat.calls_back():
    ESTIMATORS["logistic-regression"] = DataMapClassifier(LogisticRegression())
    MORE_ESTIMATORS["logistic-regression-out-of-fold"] = DataMapClassifier(
        LogisticRegression(class_weight="balanced"), cv=2
    )
ALL_ESTIMATORS = ESTIMATORS | MORE_ESTIMATORS

RANDOM_STEPS = (
    "scikit-learn expects the same of the bare learner: its steps are random, so a "
    "weight of 2 is not the same as the row twice"
)
SGD_WEIGHTS = {
    "check_sample_weight_equivalence_on_dense_data": RANDOM_STEPS,
    "check_sample_weight_equivalence_on_sparse_data": RANDOM_STEPS,
}
EXPECTED_FAILURES = {
    name: SGD_WEIGHTS
    for name in ALL_ESTIMATORS
    if name.startswith(("sgd", "perceptron"))
}
OF_THE_LEARNER = (
    "of HistGradientBoostingClassifier itself, which scikit-learn does not expect to "
    "pass: a weight of 2 is one row in a leaf"
)
EXPECTED_FAILURES["hist-gradient-boosting"] = {
    "check_sample_weight_equivalence_on_dense_data": OF_THE_LEARNER
}


def _name(estimator):
    """Name in ALL_ESTIMATORS of an estimator that the checks have cloned."""
    shown = repr(estimator)
    return next(name for name, known in ALL_ESTIMATORS.items() if repr(known) == shown)


def parametrize(estimators):
    return parametrize_with_checks(
        list(estimators.values()),
        expected_failed_checks=lambda estimator: EXPECTED_FAILURES.get(
            _name(estimator), {}
        ),
    )


def run_check(estimator, check):
    try:
        check(estimator)
    except SkipTest as skip:
        # Only of a method that the learner, and so the classifier, does not have.
        method = re.fullmatch(
            r"DataMapClassifier does not have a (\w+) method\.", str(skip)
        )
        if method is None or hasattr(estimator, method[1]):
            pytest.fail(f"scikit-learn skipped it: {skip}")
        raise


warnings_that_must_be = pytest.mark.filterwarnings(
    "ignore:.* has no training dynamics:UserWarning",  # see test_learners
    "ignore:X is a memory map, and :UserWarning",  # see test_blocks
)


@warnings_that_must_be
@parametrize(ESTIMATORS)
def test_scikit_learn_check(estimator, check):
    run_check(estimator, check)


# Nightly: twice as many checks again, which take the time of all the rest together.
@pytest.mark.nightly
@warnings_that_must_be
@parametrize(MORE_ESTIMATORS)
def test_scikit_learn_check_of_more_estimators(estimator, check):
    run_check(estimator, check)


@pytest.mark.parametrize(
    ("function", "estimators"),
    [
        ("test_scikit_learn_check", ESTIMATORS),
        pytest.param(
            "test_scikit_learn_check_of_more_estimators",
            MORE_ESTIMATORS,
            marks=pytest.mark.nightly,
        ),
    ],
    ids=["every run", "nightly"],
)
def test_every_check_that_scikit_learn_has_is_collected(function, estimators, request):
    collected = Counter(
        (
            _name(item.callspec.params["estimator"]),
            _title(item.callspec.params["check"]),
        )
        for item in request.session.items
        if item.path == request.path and item.originalname == function
    )
    # A process of pytest-xdist has all tests of the session, not only its own.
    if len(collected) < len(estimators) * FEWEST_CHECKS:
        pytest.skip("a part of the checks was selected by hand")
    assert collected == Counter(
        (name, _title(check))
        for name, estimator in estimators.items()
        for _, check in estimator_checks_generator(estimator, legacy=True)
    )
    n_checks = Counter(name for name, _ in collected.elements())
    assert set(n_checks) == set(estimators)
    assert min(n_checks.values()) >= FEWEST_CHECKS


def _title(check):
    """Name and arguments of a check, as scikit-learn writes them."""
    arguments = ",".join(f"{k}={v}" for k, v in check.keywords.items() if k != "name")
    return f"{check.func.__name__}({arguments})"
