"""Networks of skorch, driven one epoch at a time."""

import pickle
import warnings
from functools import partial

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_datamaps import DataMap, DataMapClassifier

torch = pytest.importorskip("torch", reason="needs the extra integrations")
skorch = pytest.importorskip("skorch", reason="needs the extra integrations")

from skorch import NeuralNetBinaryClassifier, NeuralNetClassifier  # noqa: E402
from skorch.callbacks import (  # noqa: E402
    Callback,
    Checkpoint,
    EarlyStopping,
    LRScheduler,
)
from skorch.dataset import Dataset, ValidSplit  # noqa: E402
from skorch.helper import predefined_split  # noqa: E402

N_SAMPLES, N_FEATURES = 150, 64


class Logits(torch.nn.Module):
    """One hidden layer, with dropout: training and evaluation differ."""

    def __init__(self, n_outputs=10, n_hidden=8):
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(N_FEATURES, n_hidden),
            torch.nn.Tanh(),
            torch.nn.Dropout(0.2),
            torch.nn.Linear(n_hidden, n_outputs),
        )

    def forward(self, X):
        return self.layers(X)


class Probabilities(Logits):
    def forward(self, X):
        return self.layers(X).softmax(dim=-1)


class LogProbabilities(Logits):
    def forward(self, X):
        return self.layers(X).log_softmax(dim=-1)


class PositiveLogits(Logits):
    def forward(self, X):
        return self.layers(X).exp()


class Convolution(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Conv2d(1, 2, 3), torch.nn.Flatten(), torch.nn.Linear(72, 10)
        )

    def forward(self, X):
        return self.layers(X)


class Embedding(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.EmbeddingBag(20, 4)
        self.out = torch.nn.Linear(4, 2)

    def forward(self, X):
        return self.out(self.embedding(X))


class Snapshots(Callback):
    """Keeps the weights after every epoch."""

    def __init__(self):
        self.weights = []

    def on_epoch_end(self, net, **kwargs):
        weights = net.module_.state_dict()
        self.weights.append({name: w.clone() for name, w in weights.items()})


class InterruptOnce(Callback):
    """Raises KeyboardInterrupt in the middle of an epoch, once."""

    countdown = None

    def on_batch_end(self, net, **kwargs):
        if InterruptOnce.countdown is None:
            return
        InterruptOnce.countdown -= 1
        if InterruptOnce.countdown == 0:
            InterruptOnce.countdown = None
            raise KeyboardInterrupt


def make_net(module=Logits, kind=None, **params):
    defaults = {
        "criterion": torch.nn.CrossEntropyLoss,
        "train_split": None,
        "lr": 0.1,
        "batch_size": 32,
        "iterator_train__shuffle": True,
        "verbose": 0,
    }
    return (kind or NeuralNetClassifier)(module, **(defaults | params))


def make_binary_net(**params):
    return NeuralNetBinaryClassifier(
        Logits,
        module__n_outputs=1,
        train_split=None,
        lr=0.5,
        batch_size=16,
        verbose=0,
        **params,
    )


@pytest.fixture(scope="module")
def rows(digits):
    X, y = digits
    return X[:N_SAMPLES], y[:N_SAMPLES]


@pytest.mark.parametrize(
    ("module", "criterion"),
    [
        (Logits, torch.nn.CrossEntropyLoss),
        (Probabilities, torch.nn.NLLLoss),
    ],
)
@pytest.mark.parametrize("n_classes", [2, 10])
def test_map_is_that_of_the_weights_after_every_epoch(
    rows, module, criterion, n_classes
):
    X, y = rows[0], rows[1] % n_classes
    net = make_net(
        module,
        criterion=criterion,
        module__n_outputs=n_classes,
        callbacks=[("snapshots", Snapshots)],
    )
    clf = DataMapClassifier(net, n_epochs=4, random_state=0).fit(X, y)
    weights = dict(clf.estimator_.callbacks_)["snapshots"].weights
    assert len(weights) == 4
    assert not torch.equal(weights[0]["layers.0.weight"], weights[3]["layers.0.weight"])
    linear = torch.nn.functional.linear
    proba = []
    for w in weights:
        w = {name: values.double() for name, values in w.items()}
        hidden = linear(torch.from_numpy(X), w["layers.0.weight"], w["layers.0.bias"])
        logits = linear(hidden.tanh(), w["layers.3.weight"], w["layers.3.bias"])
        odds = np.exp(logits.numpy())
        proba.append(odds / odds.sum(axis=1, keepdims=True))
    expected = DataMap.from_probabilities(proba, y)
    for measure in ("confidence", "variability", "margin"):
        np.testing.assert_allclose(
            getattr(clf.data_map_, measure), getattr(expected, measure), atol=1e-5
        )
    np.testing.assert_array_equal(clf.data_map_.predicted, expected.predicted)


SCHEDULES = {
    "none": [],
    "step": [("rate", LRScheduler("StepLR", step_size=1, gamma=0.5))],
    "plateau": [("rate", LRScheduler("ReduceLROnPlateau", monitor="train_loss"))],
}


@pytest.mark.parametrize("max_epochs", [1, 10])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_weights_are_those_of_one_fit_of_as_many_epochs(rows, schedule, max_epochs):
    X, y = rows[0].astype(np.float32), rows[1]
    module = Logits()
    module.layers[2].p = 0.0  # nothing random after the weights are drawn
    net = make_net(
        module,
        callbacks=SCHEDULES[schedule],
        max_epochs=max_epochs,
        iterator_train__shuffle=False,
    )
    clf = DataMapClassifier(net, n_epochs=4).fit(X, y)
    alone = clone(net).set_params(max_epochs=4).fit(X, y)
    np.testing.assert_allclose(
        clf.predict_proba(X), alone.predict_proba(X), atol=1e-6, rtol=0
    )
    assert len(clf.estimator_.history) == 4
    assert not net.initialized_
    assert clf.estimator_.max_epochs == max_epochs


def test_labels_are_codes_for_the_network_and_strings_for_the_user(rows):
    X, y = rows
    words = np.array(["zero", "one", *"23456789"])[y]
    clf = DataMapClassifier(make_net(), n_epochs=30, random_state=0).fit(X, words)
    assert clf.score(X, words) > 0.9
    assert set(clf.predict(X)) <= set(words)
    np.testing.assert_array_equal(clf.data_map_.label, words)
    proba = clf.predict_proba(X)
    np.testing.assert_array_equal(clf.classes_[proba.argmax(axis=1)], clf.predict(X))
    np.testing.assert_array_equal(
        clf.predict(X), clf.classes_[clf.estimator_.predict(X.astype(np.float32))]
    )


class Undecided(torch.nn.Module):
    """The same logit for every class."""

    def __init__(self, n_outputs=3):
        super().__init__()
        self.layer = torch.nn.Linear(N_FEATURES, n_outputs)
        torch.nn.init.zeros_(self.layer.weight)
        torch.nn.init.zeros_(self.layer.bias)

    def forward(self, X):
        return self.layer(X)


class LastOfTied(NeuralNetClassifier):
    """Of classes as probable as each other it predicts the last."""

    def predict(self, X):
        proba = self.predict_proba(X)
        return proba.shape[1] - 1 - proba[:, ::-1].argmax(axis=1)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_tie_of_a_learner_of_codes_is_settled_by_its_predict(rows, n_classes):
    X, y = rows
    words = np.array(["low", "middle", "high"])[y % n_classes]
    net = make_net(Undecided, LastOfTied, lr=0.0, module__n_outputs=n_classes)
    clf = DataMapClassifier(net, n_epochs=2, random_state=0).fit(X, words)
    np.testing.assert_allclose(clf.confidence_, 1 / n_classes, rtol=1e-6)
    assert set(clf.data_map_.predicted) == {clf.classes_[-1]}
    np.testing.assert_array_equal(clf.correctness_, words == clf.classes_[-1])


def test_classes_are_all_known_although_the_last_batch_lacks_some(rows):
    X, y = rows
    clf = DataMapClassifier(make_net(), n_epochs=2, batch_size=49, random_state=0)
    clf.fit(X, y)
    np.testing.assert_array_equal(clf.estimator_.classes_, np.arange(10))
    assert clf.n_epochs_ == 2


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_features_become_what_the_weights_are(rows, dtype):
    X, y = rows[0].astype(dtype), rows[1]
    clf = DataMapClassifier(make_net(), n_epochs=1, random_state=0).fit(X, y)
    double = DataMapClassifier(make_net(Logits().double()), n_epochs=1).fit(X, y)
    assert clf.predict_proba(X).dtype == np.float32
    assert double.predict_proba(X).dtype == np.float64
    assert make_pipeline(StandardScaler(), clf).fit(X, y).score(X, y) >= 0


def test_images_and_words_keep_their_shape_and_type(rows):
    X, y = rows
    clf = DataMapClassifier(make_net(Convolution), n_epochs=2, random_state=0)
    clf.fit(X.reshape(-1, 1, 8, 8), y)
    assert clf.predict(X.reshape(-1, 1, 8, 8)).shape == y.shape
    words = np.random.default_rng(0).integers(20, size=(60, 5))
    spam = (words == 3).any(axis=1)
    clf = DataMapClassifier(make_net(Embedding), n_epochs=2, random_state=0)
    assert clf.fit(words, spam).confidence_.shape == (60,)


def test_binary_network_of_one_logit(rows):
    X, y = rows[0], np.where(rows[1] == 3, "three", "other")
    clf = DataMapClassifier(make_binary_net(), n_epochs=20, random_state=0).fit(X, y)
    assert clf.score(X, y) > 0.97
    assert set(clf.predict(X)) == {"three", "other"}
    recorded = clf.set_params(n_epochs=1).fit(X, y)
    own = recorded.predict_proba(X)[np.arange(len(y)), (y == "three").astype(int)]
    np.testing.assert_allclose(recorded.confidence_, own, atol=1e-6)


@pytest.mark.parametrize("wrapped", [False, True])
def test_one_network_per_label(rows, wrapped):
    X, y = rows
    Y = np.column_stack([y % 2, y > 4, y < 3])
    net = make_net(module__n_outputs=2)
    learner = MultiOutputClassifier(net) if wrapped else net
    clf = DataMapClassifier(learner, n_epochs=20, random_state=0, n_jobs=2).fit(X, Y)
    assert clf.confidence_.shape == Y.shape
    assert (clf.predict(X) == Y).mean() > 0.8
    # A label is set or not, however many there are.
    for member in clf.estimator_.estimators_:
        np.testing.assert_array_equal(member.classes_, [0, 1])
    again = clone(clf).set_params(n_jobs=None).fit(X, Y)
    np.testing.assert_array_equal(again.confidence_, clf.confidence_)


def test_same_seed_same_map_whatever_the_state_of_torch_which_is_kept(rows):
    clf = DataMapClassifier(make_net(), n_epochs=2, random_state=0)
    maps, states = [], []
    for seed in (5, 6):
        torch.manual_seed(seed)
        maps.append(clf.fit(*rows).confidence_)
        states.append(torch.get_rng_state())
    np.testing.assert_array_equal(*maps)
    assert not torch.equal(*states)
    other = clone(clf).set_params(random_state=1).fit(*rows).confidence_
    assert (other != maps[0]).any()


def test_epochs_shuffle_the_rows_anew(rows):
    seen = []

    class Seen(Callback):
        def on_batch_begin(self, net, batch, training, **kwargs):
            if training:
                seen.append(batch[1].tolist())

    net = make_net(callbacks=[("seen", Seen)], batch_size=N_SAMPLES)
    DataMapClassifier(net, n_epochs=3, random_state=0).fit(*rows)
    assert len(seen) == 3
    assert len({tuple(order) for order in seen}) == 3


def test_random_state_of_a_module_is_its_own(rows):
    class Seeded(Logits):
        def __init__(self, random_state):
            super().__init__()
            self.seed = random_state

    net = make_net(Seeded, module__random_state=3)
    clf = DataMapClassifier(net, n_epochs=1, random_state=0).fit(*rows)
    assert clf.estimator_.module_.seed == 3


def test_copies(rows):
    clf = DataMapClassifier(make_net(), n_epochs=2, random_state=0).fit(*rows)
    for copy in (pickle.loads(pickle.dumps(clf)), clone(clf).fit(*rows)):
        np.testing.assert_array_equal(copy.confidence_, clf.confidence_)
        np.testing.assert_array_equal(copy.predict(rows[0]), clf.predict(rows[0]))


def test_search_over_a_parameter_of_the_network(rows):
    clf = DataMapClassifier(make_net(), n_epochs=8, random_state=0)
    search = GridSearchCV(clf, {"estimator__lr": [1e-6, 0.3]}, cv=2).fit(*rows)
    assert search.best_params_ == {"estimator__lr": 0.3}
    assert DataMap.from_estimator(search).n_epochs == 8


def test_warm_start_goes_on_where_it_stopped(rows):
    whole = DataMapClassifier(make_net(), n_epochs=5, random_state=0).fit(*rows)
    parts = clone(whole).set_params(n_epochs=2, warm_start=True).fit(*rows)
    parts = pickle.loads(pickle.dumps(parts)).set_params(n_epochs=5).fit(*rows)
    np.testing.assert_array_equal(parts.confidence_, whole.confidence_)
    np.testing.assert_array_equal(parts.variability_, whole.variability_)


def test_interruption_keeps_whole_epochs_and_continues_bit_for_bit(rows):
    n_batches = -(-N_SAMPLES // 32)
    net = make_net(callbacks=[("interrupt", InterruptOnce)])
    whole = DataMapClassifier(net, n_epochs=5, random_state=0).fit(*rows)
    clf = clone(whole).set_params(warm_start=True)
    InterruptOnce.countdown = 2 * n_batches + 2
    with pytest.raises(KeyboardInterrupt):
        clf.fit(*rows)
    assert clf.n_epochs_ == 2
    assert clf.predict(rows[0]).shape == rows[1].shape
    clf.fit(*rows)
    np.testing.assert_array_equal(clf.variability_, whole.variability_)
    np.testing.assert_array_equal(
        clf.predict_proba(rows[0]), whole.predict_proba(rows[0])
    )


def test_callbacks_are_told_once_that_training_begins_and_ends(rows):
    told = []

    class Told(Callback):
        def on_train_begin(self, net, X, y, **kwargs):
            told.append("begin")

        def on_epoch_end(self, net, **kwargs):
            told.append("epoch")

        def on_train_end(self, net, **kwargs):
            told.append("end")

    net = make_net(callbacks=[("told", Told)])
    DataMapClassifier(net, n_epochs=3).fit(*rows)
    assert told == ["begin", "epoch", "epoch", "epoch", "end"]


def test_other_data_may_be_held_for_validation(rows):
    X, y = rows[0].astype(np.float32), rows[1]
    net = make_net(train_split=predefined_split(Dataset(X[:20], y[:20])))
    clf = DataMapClassifier(net, n_epochs=2, random_state=0).fit(X, y)
    assert len(clf.estimator_.history[:, "valid_loss"]) == 2
    assert len(clf.confidence_) == N_SAMPLES


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"train_split": ValidSplit(5, stratified=True)}, r"ValidSplit\(5\) of Neural"),
        ({"train_split": ValidSplit(0.1)}, r"ValidSplit\(0.1\).* Set train_split=None"),
        ({"callbacks": [EarlyStopping]}, "EarlyStopping of NeuralNetClassifier"),
        ({"callbacks": [EarlyStopping(patience=3)]}, "choose n_epochs"),
        ({"callbacks": [("stop", EarlyStopping())]}, "EarlyStopping of Neural"),
    ],
)
def test_what_contradicts_a_map_is_refused_before_training(rows, params, message):
    net = make_net(**params)
    with pytest.raises(ValueError, match=message):
        DataMapClassifier(net).fit(*rows)


def test_split_that_is_skorchs_default_is_refused(rows):
    with pytest.raises(ValueError, match="holds rows out of training"):
        DataMapClassifier(NeuralNetClassifier(Logits)).fit(*rows)


def test_other_callbacks_are_none_of_our_business(rows, tmp_path):
    kept = Checkpoint(monitor=None, dirname=tmp_path)
    clf = DataMapClassifier(make_net(callbacks=[kept, Snapshots]), n_epochs=1)
    assert clf.fit(*rows).n_epochs_ == 1
    assert (tmp_path / "params.pt").exists()
    net = make_net(callbacks="disable")
    assert DataMapClassifier(net, n_epochs=1).fit(*rows).n_epochs_ == 1


def test_network_that_is_no_classifier_is_refused(rows):
    net = skorch.NeuralNetRegressor(Logits, train_split=None)
    with pytest.raises(TypeError, match="NeuralNetRegressor is no classifier"):
        DataMapClassifier(net).fit(*rows)


@pytest.mark.parametrize("module", [Logits, LogProbabilities, PositiveLogits])
def test_logits_given_to_a_loss_of_probabilities_are_refused(rows, module):
    net = make_net(module, criterion=torch.nn.NLLLoss)
    message = "NLLLoss.* takes the logarithm.* criterion=torch.nn.CrossEntropyLoss"
    with pytest.raises(ValueError, match=message):
        DataMapClassifier(net).fit(*rows)


def test_logits_of_any_other_loss_warn_once(rows):
    net = make_net(criterion=torch.nn.MultiMarginLoss)
    with pytest.warns(UserWarning, match=r"do not sum to 1\. .* softmax") as caught:
        DataMapClassifier(net, n_epochs=3).fit(*rows)
    assert len(caught) == 1
    cured = net.set_params(predict_nonlinearity=partial(torch.softmax, dim=-1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        DataMapClassifier(cured, n_epochs=3).fit(*rows)


def test_sample_weight_is_refused_before_training(rows):
    message = r"NeuralNetClassifier\.partial_fit takes no 'sample_weight'"
    with pytest.raises(TypeError, match=message):
        DataMapClassifier(make_net()).fit(*rows, sample_weight=np.ones(N_SAMPLES))


def test_number_of_outputs_that_is_not_that_of_the_classes_is_refused(rows):
    net = make_net(module__n_outputs=12)
    with pytest.raises(ValueError, match=r"proba has shape \(150, 12\); expected"):
        DataMapClassifier(net).fit(*rows)


def test_routing_of_metadata_may_be_enabled(rows):
    import sklearn

    with sklearn.config_context(enable_metadata_routing=True):
        clf = DataMapClassifier(make_net(), n_epochs=1, random_state=0).fit(*rows)
    assert clf.n_epochs_ == 1
