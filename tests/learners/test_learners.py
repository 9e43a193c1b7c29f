"""Every learner that must work is fitted here, and every bad input refused."""

import inspect
import tracemalloc
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.linear_model import (
    Perceptron,
    SGDClassifier,
    SGDRegressor,
)
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import (
    BernoulliNB,
    CategoricalNB,
    ComplementNB,
    GaussianNB,
    MultinomialNB,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler
from sklearn.utils import all_estimators
from sklearn.utils.fixes import parse_version

from sklearn_datamaps import DataMapClassifier
from sklearn_datamaps._core.labels import EncodedLabels
from sklearn_datamaps._learners import responses
from sklearn_datamaps._learners.learner import Training

SMALL_STEP = {"alpha": 0.01}
LEARNERS = {
    "sgd-log-loss": SGDClassifier(loss="log_loss", **SMALL_STEP),
    "sgd-modified-huber": SGDClassifier(loss="modified_huber", **SMALL_STEP),
    "sgd-hinge": SGDClassifier(loss="hinge", **SMALL_STEP),
    "sgd-constant": SGDClassifier(loss="log_loss", learning_rate="constant", eta0=0.01),
    "sgd-averaged": SGDClassifier(loss="log_loss", average=True, **SMALL_STEP),
    "perceptron": Perceptron(),
    "mlp": MLPClassifier(hidden_layer_sizes=(20,), learning_rate_init=0.01),
    "ovr": OneVsRestClassifier(SGDClassifier(loss="log_loss", **SMALL_STEP)),
    "ovo": OneVsOneClassifier(SGDClassifier(loss="log_loss", **SMALL_STEP)),
}
BAYES = {
    "bernoulli": BernoulliNB(),
    "multinomial": MultinomialNB(),
    "complement": ComplementNB(),
    "gaussian": GaussianNB(var_smoothing=1e-3),
    "categorical": CategoricalNB(),
}


@pytest.mark.parametrize("n_classes", [2, 10])
@pytest.mark.parametrize("batch_size", [None, 100])
@pytest.mark.parametrize("name", LEARNERS)
def test_learner_is_trained_and_mapped(digits, name, n_classes, batch_size):
    X, y = digits
    y = y % n_classes
    clf = DataMapClassifier(
        LEARNERS[name], n_epochs=6, batch_size=batch_size, random_state=0
    )
    clf.fit(X, y)
    assert clf.score(X, y) > 0.8
    assert clf.confidence_.shape == (500,)
    assert ((clf.confidence_ >= 0) & (clf.confidence_ <= 1)).all()
    assert clf.variability_.max() > 0.01
    np.testing.assert_allclose(clf.correctness_ * 6, np.rint(clf.correctness_ * 6))
    np.testing.assert_array_equal(clf.data_map_.predicted, clf.predict(X))
    again = DataMapClassifier(
        LEARNERS[name], n_epochs=6, batch_size=batch_size, random_state=0
    ).fit(X, y)
    np.testing.assert_array_equal(clf.confidence_, again.confidence_)


@pytest.mark.skipif(
    parse_version(sklearn.__version__) < parse_version("1.8"),
    reason="this scikit-learn has no learning_rate='pa1' yet (1.8 has)",
)
def test_passive_aggressive_steps(digits):
    learner = SGDClassifier(loss="hinge", penalty=None, learning_rate="pa1", eta0=1.0)
    clf = DataMapClassifier(learner, random_state=0).fit(*digits)
    assert clf.score(*digits) > 0.8
    assert clf.variability_.max() > 0.01


@pytest.mark.parametrize("batch_size", [None, 100])
@pytest.mark.parametrize("name", BAYES)
def test_naive_bayes_warns_that_it_has_no_dynamics(digits, name, batch_size):
    X, y = digits
    X = np.rint(X * 4).astype(int)
    learner = BAYES[name]
    clf = DataMapClassifier(learner, n_epochs=3, batch_size=batch_size, random_state=0)
    with pytest.warns(UserWarning, match="no training dynamics: naive Bayes") as caught:
        clf.fit(X, y)
    assert caught[0].filename == __file__
    assert len(caught) == 1
    assert np.median(clf.variability_) < 1e-3


@pytest.mark.filterwarnings("ignore:.*no training dynamics")  # tested above
@pytest.mark.parametrize(
    ("name", "batch_size"),
    # Not GaussianNB in batches: it smooths with the variance of each batch.
    [(name, None) for name in BAYES]
    + [(name, 100) for name in BAYES if name != "gaussian"],
)
def test_naive_bayes_gives_its_probabilities_after_one_pass(digits, name, batch_size):
    X, y = digits
    X = np.rint(X * 4).astype(int)
    clf = DataMapClassifier(BAYES[name], n_epochs=1, batch_size=batch_size).fit(X, y)
    expected = clone(BAYES[name]).fit(X, y).predict_proba(X)[np.arange(len(y)), y]
    np.testing.assert_allclose(clf.confidence_, expected, atol=1e-3)


@pytest.mark.filterwarnings("ignore:.*no training dynamics")  # tested above
def test_categorical_nb_knows_all_categories_before_the_first_batch():
    X = np.arange(12)[:, None] % 6
    y = np.arange(12) % 2
    clf = DataMapClassifier(CategoricalNB(), batch_size=1, random_state=0).fit(X, y)
    assert clf.estimator_.n_categories_.tolist() == [6]
    wider = DataMapClassifier(CategoricalNB(min_categories=9), batch_size=1).fit(X, y)
    assert wider.estimator_.n_categories_.tolist() == [9]


def test_adaptive_learning_rate_warns_that_it_does_nothing(binary):
    learner = SGDClassifier(loss="log_loss", learning_rate="adaptive", eta0=0.01)
    with pytest.warns(UserWarning, match="'adaptive' .* does nothing") as caught:
        clf = DataMapClassifier(learner, random_state=0).fit(*binary)
    assert caught[0].filename == __file__
    constant = SGDClassifier(loss="log_loss", learning_rate="constant", eta0=0.01)
    expected = DataMapClassifier(constant, random_state=0).fit(*binary)
    np.testing.assert_array_equal(clf.confidence_, expected.confidence_)


@pytest.mark.parametrize("learner", [SGDClassifier(loss="log_loss"), Perceptron()])
def test_indicator_with_a_wrapper_or_alone(multilabel, learner):
    X, Y = multilabel
    alone = DataMapClassifier(learner, random_state=0).fit(X, Y)
    wrapped = DataMapClassifier(MultiOutputClassifier(learner), random_state=0)
    np.testing.assert_array_equal(alone.confidence_, wrapped.fit(X, Y).confidence_)


def small_data(n_samples=20):
    return np.random.default_rng(0).normal(size=(n_samples, 3)), np.arange(
        n_samples
    ) % 2


SGD = SGDClassifier(loss="log_loss")
BAD_LEARNERS = {
    "no partial_fit": (
        KNeighborsClassifier(),
        "KNeighborsClassifier has no partial_fit.*SGDClassifier",
    ),
    "pipeline": (
        make_pipeline(MaxAbsScaler(), SGD),
        "Pipeline, which has no partial_fit. Put DataMapClassifier last, after the",
    ),
    "no probabilities": (
        SGDRegressor(),
        "SGDRegressor has no predict_proba and no decision_function",
    ),
    "lbfgs": (MLPClassifier(solver="lbfgs"), "lbfgs.* has no epochs.*'adam'"),
    "early stopping": (
        SGDClassifier(early_stopping=True),
        "early_stopping=True of SGDClassifier is not supported",
    ),
    "early stopping of the inner one": (
        OneVsRestClassifier(SGDClassifier(early_stopping=True)),
        "estimator__early_stopping=True",
    ),
    "class": (SGDClassifier, r"got the class SGDClassifier. Write SGDClassifier\(\)"),
    "nested balanced weights": (
        OneVsRestClassifier(SGDClassifier(class_weight="balanced")),
        "estimator__class_weight inside OneVsRestClassifier cannot be right",
    ),
    "nested weights": (
        OneVsOneClassifier(SGDClassifier(class_weight={0: 1, 1: 2})),
        "SGDClassifier is one-vs-rest already",
    ),
    "not an estimator": ("sgd", "str has no partial_fit"),
}


REFUSED = {
    "LogisticRegressionCV()": r"every C\. Use LogisticRegression\(C=",
    "SVC(probability=False)": r"Use SGDClassifier.* after Nystroem",
    "MultiOutputClassifier(SVC())": r"^SVC .*Use SGDClassifier.* after Nystroem",
    "LinearSVC()": r"Use SGDClassifier\(loss='hinge'\)",
    "RandomForestClassifier()": "Use HistGradientBoostingClassifier",
    "ExtraTreesClassifier()": "Use HistGradientBoostingClassifier",
    "BaggingClassifier()": "Use HistGradientBoostingClassifier",
    "DecisionTreeClassifier()": "Use HistGradientBoostingClassifier",
    "KNeighborsClassifier()": "keeps the rows .*Use LogisticRegression",
    "RidgeClassifier()": "Use LogisticRegression",
    "LinearDiscriminantAnalysis()": "Use LogisticRegression",
    "GaussianProcessClassifier()": "Use MLPClassifier",
    "GridSearchCV(SGDClassifier(), {})": r"Use the search outside: GridSearchCV\(Data",
    "VotingClassifier([('a', SGDClassifier())])": "Use one of those inside it",
    "CalibratedClassifierCV(SGDClassifier())": "Use one of those inside it",
    "OneVsRestClassifier(SVC())": "inside it has no partial_fit.*LogisticRegression",
}


@pytest.mark.parametrize("learner", REFUSED)
def test_classifier_without_steps_is_refused_with_what_does_instead(learner):
    known = dict(all_estimators(type_filter="classifier"))
    known |= {"GridSearchCV": GridSearchCV}
    with pytest.raises(TypeError, match=REFUSED[learner]):
        DataMapClassifier(eval(learner, known)).fit(*small_data())


@pytest.mark.parametrize("case", BAD_LEARNERS)
def test_bad_learner_is_refused_with_advice(case):
    learner, message = BAD_LEARNERS[case]
    with pytest.raises((TypeError, ValueError), match=message):
        DataMapClassifier(learner).fit(*small_data())


X, y = small_data()
BAD_DATA = {
    "one class": (X, np.zeros(20), "y holds one class only"),
    "continuous y": (X, X[:, 0], "Unknown label type: continuous"),
    "multioutput y": (X, np.column_stack([y, y + 1, y]), "multiclass-multioutput"),
    "NaN in y": (X, np.where(y, np.nan, 0.0), "Input y contains NaN. 10 of 20 rows"),
    "None in y": (X, [None, "a"] * 10, "10 of 20 rows have no label"),
    "NA in y": (X, pd.array([1, None] * 10, dtype="Int64"), "10 of 20 rows"),
    "bytes": (X, np.where(y, b"a", b"b"), "Unknown label type"),
    "mixed y": (X, np.array([1, "a"] * 10, dtype=object), r"y mixes \['int', 'str'\]"),
    "no y": (X, None, "requires y to be passed, but the target y is None"),
    "lengths": (X, y[:-1], "inconsistent numbers of samples"),
    "NaN in X": (np.where(X > 1, np.nan, X), y, "Input X contains NaN"),
    "inf in X": (np.where(X > 1, np.inf, X), y, "Input X contains infinity"),
    "complex X": (X + 1j, y, "Complex data not supported"),
    "empty X": (X[:0], y[:0], r"0 sample\(s\)"),
    "no features": (X[:, :0], y, r"0 feature\(s\)"),
    "1-d X": (X[:, 0], y, "Expected 2D array"),
    "text X": (np.array([["a", "b"]] * 20), y, "The columns 0, 1 of X .* no numbers"),
}


@pytest.mark.parametrize("case", BAD_DATA)
def test_bad_data_is_refused_before_training(case, recording_sgd):
    bad_X, bad_y, message = BAD_DATA[case]
    with pytest.raises(ValueError, match=message):
        DataMapClassifier(recording_sgd(loss="log_loss")).fit(bad_X, bad_y)
    assert recording_sgd.calls == []


BAD_PARAMETERS = {
    "n_epochs-0": ({"n_epochs": 0}, r"'n_epochs' .* range \[1, inf\) .* Got 0"),
    "n_epochs-negative": ({"n_epochs": -3}, "Got -3"),
    "n_epochs-float": ({"n_epochs": 2.5}, "Got 2.5"),
    "batch_size-0": ({"batch_size": 0}, r"'batch_size' .* Got 0"),
    "batch_size-float": ({"batch_size": 10.0}, "Got 10.0"),
    "batch_order": ({"batch_order": "random"}, "'batch_order' .* Got 'random'"),
    "response": ({"response_method": "predict"}, "'response_method' .* Got 'predict'"),
    "measure": ({"measures": ["los"]}, r"measures must list names .*\['los'\]"),
    "measures-str": ({"measures": "loss"}, "measures must list names"),
    "random_state": ({"random_state": "a"}, "'random_state'"),
    "verbose": ({"verbose": -1}, "'verbose'"),
}


@pytest.mark.parametrize("case", BAD_PARAMETERS)
def test_bad_parameter_is_refused_before_training(case, recording_sgd):
    params, message = BAD_PARAMETERS[case]
    with pytest.raises(ValueError, match=message):
        DataMapClassifier(recording_sgd(loss="log_loss"), **params).fit(X, y)
    assert recording_sgd.calls == []


def test_response_that_the_learner_lacks_is_refused():
    clf = DataMapClassifier(SGDClassifier(), response_method="predict_proba")
    with pytest.raises(
        TypeError, match=r"no predict_proba\. Use response_method='auto'"
    ):
        clf.fit(X, y)


class Unweighted(SGDClassifier):
    def partial_fit(self, X, y, classes=None):
        return super().partial_fit(X, y, classes=classes)


@pytest.mark.parametrize(
    "learner", [Unweighted(), OneVsRestClassifier(SGDClassifier())], ids=repr
)
def test_sample_weight_that_the_learner_cannot_take_is_refused(learner):
    assert "sample_weight" not in inspect.signature(learner.partial_fit).parameters
    with pytest.raises(TypeError, match="partial_fit takes no 'sample_weight'"):
        DataMapClassifier(learner).fit(X, y, sample_weight=np.ones(20))
    DataMapClassifier(learner).fit(X, y)


def test_unknown_fit_parameter_is_refused():
    with pytest.raises(TypeError, match="partial_fit takes no 'colour'"):
        DataMapClassifier(SGD).fit(X, y, colour=1)


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.ones(19), "sample_weight.shape"),
        (np.where(y, 0.0, 1.0), "sample_weight leaves one class only"),
        (np.full(20, np.nan), "sample_weight contains NaN"),
    ],
)
def test_bad_sample_weight_is_refused(weight, message, recording_sgd):
    with pytest.raises(ValueError, match=message):
        DataMapClassifier(recording_sgd()).fit(X, y, sample_weight=weight)
    assert recording_sgd.calls == []


def test_batch_of_weight_zero_is_left_out():
    weight = np.where(np.arange(20) < 15, 0.0, 1.0)
    clf = DataMapClassifier(SGD, batch_size=2, random_state=0)
    assert clf.fit(X, y, sample_weight=weight).confidence_.shape == (20,)


def test_multi_output_classifier_needs_an_indicator():
    with pytest.raises(ValueError, match="needs an indicator y"):
        DataMapClassifier(MultiOutputClassifier(SGD)).fit(X, y)


def test_indicator_of_constant_labels_is_refused():
    with pytest.raises(ValueError, match="Every column of y holds one class only"):
        DataMapClassifier(SGD).fit(X, np.tile([0, 1], (20, 1)))


class Diverging(SGDClassifier):
    def predict_proba(self, X):
        proba = super().predict_proba(X)
        if self.t_ > 50:
            proba[:4] = np.nan
        return proba


def test_probabilities_that_become_nan_stop_the_fit_and_keep_the_epochs_before():
    clf = DataMapClassifier(Diverging(loss="log_loss"))
    message = "Epoch 3: .* NaN or infinite probabilities for 4 of 20 rows.*scale"
    with pytest.raises(ValueError, match=message):
        clf.fit(X, y)
    assert clf.n_epochs_ == 2


class Logits(SGDClassifier):
    def predict_proba(self, X):
        return np.column_stack([-self.decision_function(X), self.decision_function(X)])


def test_logits_in_place_of_probabilities_warn_once():
    with pytest.warns(
        UserWarning, match=r"do not sum to 1\. Are they logits"
    ) as caught:
        DataMapClassifier(Logits(loss="log_loss")).fit(X, y)
    assert len(caught) == 1


class TooFewColumns(SGDClassifier):
    def predict_proba(self, X):
        return super().predict_proba(X)[:, :1]


def test_probabilities_of_the_wrong_shape_are_refused():
    with pytest.raises(
        ValueError, match=r"proba has shape \(20, 1\); expected \(20, 2"
    ):
        DataMapClassifier(TooFewColumns(loss="log_loss")).fit(X, y)


@pytest.mark.parametrize("names", [("-1", "1"), ("no", "yes"), (False, True), (3, 40)])
def test_balanced_weights_of_labels_of_any_kind(names):
    labels = np.array(names)[(np.arange(20) < 5).astype(int)]
    learner = SGDClassifier(loss="log_loss", class_weight="balanced")
    clf = DataMapClassifier(learner, random_state=0).fit(X, labels)
    expected = DataMapClassifier(learner, random_state=0).fit(X, np.arange(20) < 5)
    np.testing.assert_array_equal(clf.confidence_, expected.confidence_)


class HandsOn(SGDClassifier):
    """Takes what it hands on by any name, as wrappers do."""

    def partial_fit(self, X, y, **kwargs):
        return super().partial_fit(X, y, **kwargs)


def test_learner_that_hands_on_any_argument_is_told_classes_and_weights(digits):
    X, y = digits
    weight = np.linspace(0.5, 1.5, len(y))
    # The first batches lack some classes, so that a learner must be told of them.
    fits = [
        DataMapClassifier(kind(**SMALL_STEP), n_epochs=2, batch_size=20, random_state=0)
        .fit(X, y, sample_weight=weight)
        .confidence_
        for kind in (HandsOn, SGDClassifier)
    ]
    np.testing.assert_array_equal(*fits)


def test_weights_of_a_block_cost_what_its_rows_cost():
    # 2 million rows in blocks of 1,000: positions of all rows would take 16 MB a block.
    n_samples = 2_000_000
    X = np.zeros((n_samples, 1), dtype=np.float32)
    training = Training(
        [SGDClassifier()],
        X,
        np.zeros(n_samples, dtype=np.int8),
        EncodedLabels(np.zeros(n_samples, dtype=np.int8), np.array([0, 1])),
        np.array([0, 1]),
        "predict_proba",
        seed=0,
        fit_params={"sample_weight": np.ones(n_samples, dtype=np.float32)},
    )
    training.params(slice(0, 1_000))  # what the first call loads does not count
    tracemalloc.start()
    try:
        weights = training.params(slice(5_000, 6_000))["sample_weight"]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert weights.shape == (1_000,)
    assert peak < 100_000


def test_probabilities_without_a_class_are_refused_and_others_brought_in_order():
    proba = np.array([[0.2, 0.8]])
    member = SimpleNamespace(classes_=np.array(["b", "a"]))
    found = responses.in_order(proba, member, np.array(["a", "b"]))
    assert found.tolist() == [[0.8, 0.2]]
    with pytest.raises(ValueError, match=r"no probability for the classes \['c'\]"):
        responses.in_order(proba, member, np.array(["a", "c"]))
