"""scikit-learn's own checks, on the meta-estimator around learners of every kind."""

from collections import Counter

import pytest
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
)
from sklearn.linear_model import Perceptron, SGDClassifier
from sklearn.naive_bayes import BernoulliNB, GaussianNB, MultinomialNB
from sklearn.neural_network import MLPClassifier
from sklearn.utils.estimator_checks import (
    estimator_checks_generator,
    parametrize_with_checks,
)

from sklearn_datamaps import DataMapClassifier

# Of scikit-learn 1.7, for a classifier; newer versions have more.
FEWEST_CHECKS = 50

ALL_MEASURES = ("loss", "el2n", "forgetting", "first_learned", "mean_proba")

ESTIMATORS = {
    "sgd-log-loss": DataMapClassifier(SGDClassifier(loss="log_loss")),
    "sgd-mini-batches": DataMapClassifier(SGDClassifier(loss="log_loss"), batch_size=7),
    "sgd-everything-recorded": DataMapClassifier(
        SGDClassifier(loss="log_loss"), store_trajectories=True, measures=ALL_MEASURES
    ),
    "sgd-hinge": DataMapClassifier(SGDClassifier(loss="hinge")),
    "perceptron": DataMapClassifier(Perceptron()),
    "mlp": DataMapClassifier(MLPClassifier(), n_epochs=100),
    "bernoulli-nb": DataMapClassifier(BernoulliNB()),
    "multinomial-nb": DataMapClassifier(MultinomialNB()),
    "gradient-boosting": DataMapClassifier(
        GradientBoostingClassifier(n_estimators=5), n_epochs=3
    ),
    "hist-gradient-boosting": DataMapClassifier(
        HistGradientBoostingClassifier(max_iter=5), n_epochs=3
    ),
    "sgd-out-of-fold": DataMapClassifier(SGDClassifier(loss="log_loss"), cv=2),
    "gradient-boosting-out-of-fold": DataMapClassifier(
        GradientBoostingClassifier(n_estimators=5), n_epochs=3, cv=2
    ),
    "gaussian-nb-mini-batches": DataMapClassifier(GaussianNB(), batch_size=7),
}

RANDOM_STEPS = (
    "scikit-learn expects the same of the bare learner: its steps are random, so a "
    "weight of 2 is not the same as the row twice"
)
SGD_WEIGHTS = {
    "check_sample_weight_equivalence_on_dense_data": RANDOM_STEPS,
    "check_sample_weight_equivalence_on_sparse_data": RANDOM_STEPS,
}
EXPECTED_FAILURES = {
    name: SGD_WEIGHTS for name in ESTIMATORS if name.startswith(("sgd", "perceptron"))
}
OF_THE_LEARNER = (
    "of HistGradientBoostingClassifier itself, which scikit-learn does not expect to "
    "pass: a weight of 2 is one row in a leaf"
)
EXPECTED_FAILURES["hist-gradient-boosting"] = {
    "check_sample_weight_equivalence_on_dense_data": OF_THE_LEARNER
}
RAN = Counter()


def _name(estimator):
    """Name in ESTIMATORS of an estimator that the checks have cloned."""
    shown = repr(estimator)
    return next(name for name, known in ESTIMATORS.items() if repr(known) == shown)


@pytest.mark.filterwarnings(
    "ignore:.* has no training dynamics:UserWarning",  # as it must; see test_learners
    "ignore:X is a memory map, and :UserWarning",  # see test_blocks
)
@parametrize_with_checks(
    list(ESTIMATORS.values()),
    expected_failed_checks=lambda estimator: EXPECTED_FAILURES.get(
        _name(estimator), {}
    ),
)
def test_scikit_learn_check(estimator, check):
    name = _name(estimator)
    check(estimator)
    RAN[name] += 1


@pytest.mark.parametrize("name", ESTIMATORS)
def test_as_many_checks_ran_as_scikit_learn_has(name, request):
    function = "test_scikit_learn_check"
    names = [getattr(item, "originalname", None) for item in request.session.items]
    generated = {
        known: sum(1 for _ in estimator_checks_generator(estimator, legacy=True))
        for known, estimator in ESTIMATORS.items()
    }
    if names.count(function) < sum(generated.values()):
        pytest.skip("a part of the checks was selected by hand")
    assert generated[name] >= FEWEST_CHECKS
    expected = generated[name] - len(EXPECTED_FAILURES.get(name, {}))
    # scikit-learn skips the check of the multilabel output format of a method that the
    # learner, and so the classifier, does not have.
    methods = ("predict_proba", "decision_function")
    absent = [m for m in methods if not hasattr(ESTIMATORS[name], m)]
    assert RAN[name] == expected - len(absent)
