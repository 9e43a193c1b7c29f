"""Interrupting a fit at any moment, and continuing it."""

import pickle

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import SGDClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neural_network import MLPClassifier

from sklearn_datamaps import DataMapClassifier
from sklearn_datamaps._learners import features

MEASURES = ("loss", "el2n", "forgetting", "first_learned", "mean_proba")


class Interruptible:
    """Mixin: raises KeyboardInterrupt at the n-th call of a method, once."""

    countdown = None

    @classmethod
    def interrupt_at(cls, method, n):
        cls.countdown = [method, n]

    @classmethod
    def tick(cls, method):
        if cls.countdown is None or cls.countdown[0] != method:
            return
        cls.countdown[1] -= 1
        if cls.countdown[1] == 0:
            cls.countdown = None
            raise KeyboardInterrupt


class SGD(Interruptible, SGDClassifier):
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        self.tick("before")
        super().partial_fit(X, y, classes=classes, sample_weight=sample_weight)
        self.tick("after")
        return self

    def predict_proba(self, X):
        self.tick("proba")
        return super().predict_proba(X)


class MLP(Interruptible, MLPClassifier):
    """Interrupted in the middle of an epoch, where scikit-learn's MLP swallows it."""

    def _backprop(self, *args):
        self.tick("before")
        result = super()._backprop(*args)
        self.tick("after")
        return result

    def predict_proba(self, X):
        self.tick("proba")
        return super().predict_proba(X)


@pytest.fixture(autouse=True)
def _no_interrupt_left():
    yield
    SGD.countdown = MLP.countdown = None


LEARNERS = {
    "sgd": SGD(loss="log_loss", alpha=0.01),
    "ovr": OneVsRestClassifier(SGD(loss="log_loss", alpha=0.01)),
    "mlp": MLP(hidden_layer_sizes=(10,)),
}


def make(name, n_epochs=6, **params):
    return DataMapClassifier(
        LEARNERS[name],
        n_epochs=n_epochs,
        random_state=0,
        measures=MEASURES,
        store_trajectories=True,
        **params,
    )


def assert_identical(one, two):
    for name in ("confidence", "variability", "correctness", "predicted"):
        np.testing.assert_array_equal(
            getattr(one.data_map_, name), getattr(two.data_map_, name)
        )
    for name in MEASURES:
        np.testing.assert_array_equal(
            one.data_map_.measures[name], two.data_map_.measures[name]
        )
    np.testing.assert_array_equal(
        one.data_map_.trajectories, two.data_map_.trajectories
    )
    assert one.history_.equals(two.history_)


@pytest.mark.filterwarnings("ignore:Training interrupted by user")  # MLP's own
@pytest.mark.parametrize("batch_size", [None, 200])
@pytest.mark.parametrize("moment", ["before", "after", "proba"])
@pytest.mark.parametrize("name", LEARNERS)
def test_interrupted_fit_keeps_its_epochs_and_can_be_continued(
    digits, name, moment, batch_size, monkeypatch
):
    X, y = digits
    monkeypatch.setattr("sklearn_datamaps._learners.blocks.BLOCK_CELLS", 10 * 200)
    whole = make(name, batch_size=batch_size).fit(X, y)
    n_blocks = 3
    calls = {"sgd": 1, "ovr": 10, "mlp": 3}[name]
    if batch_size and (moment != "proba") and name != "mlp":
        calls *= 3
    if moment == "proba":
        calls = n_blocks * (10 if name == "ovr" else 1)
    # In the middle of the fourth epoch, whatever a call is to this learner.
    kind = MLP if name == "mlp" else SGD
    kind.interrupt_at(moment, 3 * calls + (calls + 1) // 2)
    clf = make(name, batch_size=batch_size)
    with pytest.raises(KeyboardInterrupt):
        clf.fit(X, y)
    assert clf.n_epochs_ == 3
    three = make(name, n_epochs=3, batch_size=batch_size).fit(X, y)
    assert_identical(clf, three)
    assert clf.predict(X).shape == y.shape
    clf.set_params(warm_start=True).fit(X, y)
    assert clf.n_epochs_ == 6
    assert_identical(clf, whole)
    np.testing.assert_array_equal(clf.predict_proba(X), whole.predict_proba(X))


def test_interrupt_before_the_first_epoch_ends_leaves_the_classifier_unfitted(digits):
    SGD.interrupt_at("before", 1)
    clf = make("sgd")
    with pytest.raises(KeyboardInterrupt):
        clf.fit(*digits)
    assert not hasattr(clf, "data_map_")
    assert_identical(clf.fit(*digits), make("sgd").fit(*digits))


@pytest.mark.parametrize("at", range(1, 60, 3))
def test_interrupt_at_any_point_of_the_recording_rolls_the_epoch_back(
    digits, at, monkeypatch
):
    # np functions are called all over the update: raise in the n-th of them.
    from sklearn_datamaps._core import recorder

    X, y = digits
    monkeypatch.setattr(recorder, "CHUNK_CELLS", 10 * 200)
    clf = make("sgd", n_epochs=2).fit(X, y)
    calls = [0]
    real = recorder._add_moment

    def counted(*args):
        calls[0] += 1
        if calls[0] == at % 7 + 1:
            if at % 2:
                real(*args)
            raise KeyboardInterrupt
        real(*args)

    monkeypatch.setattr(recorder, "_add_moment", counted)
    clf.set_params(warm_start=True, n_epochs=4)
    calls_per_epoch = 6
    with pytest.raises(KeyboardInterrupt):
        clf.fit(X, y)
    monkeypatch.setattr(recorder, "_add_moment", real)
    n_done = 2 + (at % 7) // calls_per_epoch
    assert clf.n_epochs_ == n_done
    assert_identical(clf, make("sgd", n_epochs=n_done).fit(X, y))
    assert_identical(clf.fit(X, y), make("sgd", n_epochs=4).fit(X, y))


@pytest.mark.parametrize("committed", [False, True])
def test_history_and_map_agree_after_an_interrupt_at_the_end_of_an_epoch(
    digits, committed, monkeypatch
):
    from sklearn_datamaps._core.recorder import Recorder

    X, y = digits
    calls = [0]
    real = Recorder.commit

    def interrupted(self):
        calls[0] += 1
        # The totals of the third epoch are in the history, the map has it or not.
        if calls[0] == 3 and not committed:
            raise KeyboardInterrupt
        real(self)
        if calls[0] == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(Recorder, "commit", interrupted)
    clf = make("sgd", n_epochs=5)
    with pytest.raises(KeyboardInterrupt):
        clf.fit(X, y)
    n_done = 2 + committed
    assert len(clf.history_) == clf.data_map_.n_epochs == n_done
    assert_identical(clf, make("sgd", n_epochs=n_done).fit(X, y))
    clf.set_params(warm_start=True).fit(X, y)
    whole = make("sgd", n_epochs=5).fit(X, y)
    assert_identical(clf, whole)
    np.testing.assert_array_equal(clf.predict_proba(X), whole.predict_proba(X))


@pytest.mark.parametrize("name", LEARNERS)
def test_warm_start_continues_to_the_map_of_one_long_fit(digits, name):
    X, y = digits
    clf = make(name, n_epochs=2, warm_start=True).fit(X, y)
    members = clf.estimator_
    clf.set_params(n_epochs=6).fit(X, y)
    assert clf.estimator_ is members
    assert_identical(clf, make(name).fit(X, y))


def test_warm_start_continues_a_fit_without_an_integer_seed(digits):
    clf = DataMapClassifier(SGD(loss="log_loss"), n_epochs=2, warm_start=True)
    clf.fit(*digits)
    seed = clf.data_map_.meta["seed"]
    clf.set_params(n_epochs=4).fit(*digits)
    whole = DataMapClassifier(SGD(loss="log_loss"), n_epochs=4, random_state=seed)
    np.testing.assert_array_equal(clf.confidence_, whole.fit(*digits).confidence_)


def test_warm_start_of_a_multilabel_fit(multilabel):
    X, Y = multilabel
    clf = DataMapClassifier(n_epochs=2, warm_start=True, random_state=0).fit(X, Y)
    clf.set_params(n_epochs=5).fit(X, Y)
    whole = DataMapClassifier(n_epochs=5, random_state=0).fit(X, Y)
    np.testing.assert_array_equal(clf.confidence_, whole.confidence_)


def test_without_warm_start_a_second_fit_starts_anew(digits):
    clf = make("sgd", n_epochs=3).fit(*digits)
    assert_identical(clf.fit(*digits), make("sgd", n_epochs=3).fit(*digits))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X, y, clf: (X[:, :10], y), "features"),
        (lambda X, y, clf: (X[:400], y[:400]), "the shape of X and the labels changed"),
        (lambda X, y, clf: (X, y[::-1]), "the labels changed"),
        (
            lambda X, y, clf: (clf.set_params(measures=()), (X, y))[1],
            "measures changed",
        ),
        (
            lambda X, y, clf: (clf.set_params(random_state=1), (X, y))[1],
            "made with seed 0; got random_state=1",
        ),
        (
            lambda X, y, clf: (clf.set_params(n_epochs=1), (X, y))[1],
            "continues 2 recorded epochs; n_epochs=1 must not be smaller",
        ),
    ],
)
def test_warm_start_refuses_other_data(digits, change, message):
    clf = make("sgd", n_epochs=2, warm_start=True).fit(*digits)
    clf.set_params(n_epochs=4)
    X, y = change(*digits, clf)
    with pytest.raises(ValueError, match=message):
        clf.fit(X, y)
    assert clf.n_epochs_ == 2


def test_warm_start_with_nothing_left_to_do_warns(digits):
    clf = make("sgd", n_epochs=2, warm_start=True).fit(*digits)
    with pytest.warns(UserWarning, match="nothing was trained") as caught:
        clf.fit(*digits)
    assert caught[0].filename == __file__
    assert clf.n_epochs_ == 2


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"estimator": MLPClassifier()}, "the class of the estimator"),
        ({"estimator__alpha": 1.0}, "the estimator's alpha"),
        ({"batch_size": 100}, "batch_size"),
        ({"batch_size": 100, "batch_order": "blocks"}, "batch_size and batch_order"),
        ({"response_method": "decision_function"}, "response_method"),
    ],
)
def test_warm_start_refuses_another_way_to_train_by_name(digits, changed, named):
    clf = make("sgd", n_epochs=2, warm_start=True).fit(*digits)
    learner = type(clf.estimator_)
    clf.set_params(**{"estimator": clone(clf.estimator), "n_epochs": 4} | changed)
    with pytest.raises(ValueError, match=f"last fit, but {named} changed"):
        clf.fit(*digits)
    assert clf.n_epochs_ == 2
    assert type(clf.estimator_) is learner


def test_warm_start_refuses_a_change_deep_inside_the_estimator(digits):
    clf = make("ovr", n_epochs=2, warm_start=True).fit(*digits)
    clf.set_params(n_epochs=4, estimator=clone(clf.estimator))
    clf.set_params(estimator__estimator__alpha=1.0)
    with pytest.raises(ValueError, match="the estimator's estimator__alpha changed"):
        clf.fit(*digits)


@pytest.mark.parametrize("later", ["none", "other", "new"])
def test_warm_start_refuses_other_weights(digits, later):
    X, y = digits
    weights = np.linspace(1, 2, len(y))
    first = None if later == "new" else weights
    clf = make("sgd", n_epochs=2, warm_start=True).fit(X, y, sample_weight=first)
    clf.set_params(n_epochs=4)
    second = {"none": None, "other": weights[::-1], "new": weights}[later]
    with pytest.raises(ValueError, match="but sample_weight changed"):
        clf.fit(X, y, sample_weight=second)
    clf.fit(X, y, sample_weight=None if first is None else first.tolist())
    assert clf.n_epochs_ == 4


@pytest.mark.parametrize("kind", ["dense", "sparse", "fortran"])
def test_warm_start_refuses_an_x_of_one_other_value(digits, kind):
    X, y = digits
    to = {"dense": np.copy, "sparse": sparse.csr_matrix, "fortran": np.asfortranarray}
    clf = make("sgd", n_epochs=2, warm_start=True).fit(to[kind](X), y)
    other = X.copy()
    other[len(X) // 3, 20] += 1e-3
    clf.set_params(n_epochs=4)
    with pytest.raises(ValueError, match="but X changed"):
        clf.fit(to[kind](other), y)
    clf.fit(to[kind](X), y)
    assert clf.n_epochs_ == 4


def test_warm_start_refuses_the_same_rows_in_another_order(digits):
    X, y = digits
    order = np.argsort(y, kind="stable")
    X, y = X[order], y[order]
    clf = make("sgd", n_epochs=2, warm_start=True).fit(X, y)
    n_first = np.bincount(y)[0]
    swapped = np.r_[X[:n_first][::-1], X[n_first:]]  # the labels stay the same
    with pytest.raises(ValueError, match="but X changed"):
        clf.set_params(n_epochs=4).fit(swapped, y)


def test_warm_start_of_a_memory_map_sees_another_file(digits, tmp_path, monkeypatch):
    # Stretches of the file are read, as of one that fits in no memory.
    monkeypatch.setattr(features, "STRETCH_VALUES", 2**4)
    X, y = np.repeat(digits[0], 12, axis=1), digits[1]
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "other.npy", X * 1.001)
    same, other = (
        np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in ("X", "other")
    )
    settings = {"batch_order": "blocks", "batch_size": 300, "warm_start": True}
    clf = make("sgd", n_epochs=2, **settings).fit(same, y)
    clf.set_params(n_epochs=4)
    with pytest.raises(ValueError, match="but X changed"):
        clf.fit(other, y)
    assert_identical(clf.fit(same, y), make("sgd", n_epochs=4, **settings).fit(same, y))


def test_warm_start_allows_what_the_map_does_not_tell_of(digits):
    X, y = digits
    clf = make("sgd", n_epochs=2, warm_start=True).fit(X, y)
    clf.set_params(n_epochs=6, n_jobs=2, estimator=clone(clf.estimator))
    clf.set_params(estimator__n_jobs=2)
    assert_identical(clf.fit(X, y), make("sgd").fit(X, y))


def test_warm_start_continues_a_learner_with_arrays_and_a_generator(digits):
    X, y = digits
    estimator = OneVsRestClassifier(
        SGDClassifier(loss="log_loss", random_state=np.random.RandomState(3))
    )
    clf = DataMapClassifier(estimator, n_epochs=2, warm_start=True, random_state=0)
    again = pickle.loads(pickle.dumps(clf.fit(X, y)))
    assert again.set_params(n_epochs=4).fit(X, y).n_epochs_ == 4


def test_pickle_has_the_record_only_where_somebody_will_continue_it(digits):
    X, y = digits
    clf = make("sgd", n_epochs=2).fit(X, y)
    map_alone = len(pickle.dumps(clf.data_map_))
    lean, full = pickle.dumps(clf), pickle.dumps(clf.set_params(warm_start=True))
    record = len(full) - len(lean)
    assert record > 0.8 * map_alone
    # Once: what an epoch is rolled back to is given up when all are recorded.
    assert record < 1.4 * map_alone
    whole = make("sgd", n_epochs=4).fit(X, y)
    assert_identical(pickle.loads(full).set_params(n_epochs=4).fit(X, y), whole)
    loaded = pickle.loads(lean)
    np.testing.assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))
    # Without a record a fit begins anew, to the same end.
    assert_identical(loaded.set_params(n_epochs=4, warm_start=True).fit(X, y), whole)


def test_pickle_of_an_interrupted_fit_can_be_continued(digits):
    X, y = digits
    SGD.interrupt_at("before", 4)
    clf = make("sgd")
    with pytest.raises(KeyboardInterrupt):
        clf.fit(X, y)
    again = pickle.loads(pickle.dumps(clf))
    assert again.n_epochs_ == 3
    again.set_params(warm_start=True, n_epochs=2)
    with pytest.raises(ValueError, match="continues 3 recorded epochs"):
        again.fit(X, y)
    again.set_params(n_epochs=6)
    assert_identical(again.fit(X, y), make("sgd").fit(X, y))
