"""DataMapClassifier: what is recorded, how it trains, and what it keeps."""

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.stats import spearmanr
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import SGDClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.utils import get_tags
from sklearn.utils.class_weight import compute_sample_weight

from sklearn_datamaps import DataMap, DataMapClassifier

LOG_LOSS = {"loss": "log_loss", "alpha": 0.01}
MEASURES = ("loss", "el2n", "forgetting", "first_learned", "mean_proba")


def recorded(calls):
    return np.stack([call[2] for call in calls if call[0] == "proba"])


def assert_same_map(one, two):
    for name in ("confidence", "variability", "correctness", "predicted", "label"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))


def test_map_is_that_of_the_probabilities_after_each_epoch(recording_sgd, digits):
    X, y = digits
    clf = DataMapClassifier(recording_sgd(**LOG_LOSS), n_epochs=4, random_state=0)
    clf.fit(X, y)
    proba = recorded(recording_sgd.calls)
    own = proba[:, np.arange(len(y)), y]
    assert proba.shape == (4, 500, 10)
    np.testing.assert_allclose(clf.confidence_, own.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(clf.variability_, own.std(axis=0), atol=1e-12)
    right = (proba.argmax(axis=2) == y).mean(axis=0)
    np.testing.assert_allclose(clf.correctness_, right, atol=1e-12)


def test_training_comes_before_recording_in_every_epoch(recording_sgd, binary):
    DataMapClassifier(recording_sgd(**LOG_LOSS), n_epochs=3).fit(*binary)
    assert [call[0] for call in recording_sgd.calls] == ["fit", "proba"] * 3


def test_history_has_mean_confidence_and_accuracy_of_each_epoch(recording_sgd, binary):
    X, y = binary
    clf = DataMapClassifier(recording_sgd(**LOG_LOSS), n_epochs=3, random_state=0)
    clf.fit(X, y)
    own = recorded(recording_sgd.calls)[:, np.arange(len(y)), y]
    assert clf.history_.index.tolist() == [1, 2, 3]
    np.testing.assert_allclose(clf.history_["mean_confidence"], own.mean(axis=1))
    np.testing.assert_allclose(clf.history_["accuracy"], (own > 0.5).mean(axis=1))


def test_every_epoch_and_batch_has_a_seed_of_its_own(recording_sgd, binary):
    clf = DataMapClassifier(
        recording_sgd(random_state=7, **LOG_LOSS), n_epochs=3, batch_size=100
    )
    clf.fit(*binary)
    seeds = [call[3] for call in recording_sgd.calls if call[0] == "fit"]
    assert len(set(seeds)) == len(seeds) == 9


def test_fixed_seed_of_the_learner_does_not_freeze_the_row_order(digits):
    # The trap: an integer random_state replays one order, variability is too small.
    X, y = digits
    y = (y % 2).astype(int)
    learner = SGDClassifier(loss="log_loss", learning_rate="constant", eta0=0.5)
    learner.set_params(random_state=0)
    replayed = clone(learner)
    frozen = []
    for _ in range(20):
        replayed.partial_fit(X, y, classes=[0, 1])
        frozen.append(replayed.predict_proba(X)[np.arange(len(y)), y])
    clf = DataMapClassifier(learner, n_epochs=20).fit(X, y)
    late = np.stack(frozen)[10:].std(axis=0).mean()
    ours = DataMapClassifier(learner, n_epochs=20, store_trajectories=True).fit(X, y)
    assert ours.data_map_.trajectories[10:].std(axis=0).mean() > 1.5 * late
    assert_same_map(clf.data_map_, ours.data_map_)


def test_seeds_of_the_user_are_restored_in_the_fitted_estimator(digits):
    X, y = digits
    inner = SGDClassifier(loss="log_loss", random_state=11)
    plain = DataMapClassifier(inner, n_epochs=2).fit(X, y)
    wrapped = DataMapClassifier(OneVsRestClassifier(inner), n_epochs=2).fit(X, y)
    assert plain.estimator_.random_state == 11
    assert wrapped.estimator_.estimator.random_state == 11
    assert {e.random_state for e in wrapped.estimator_.estimators_} == {11}
    assert inner.random_state == 11


def test_members_of_a_wrapper_see_orders_of_their_own(recording_sgd, digits):
    X, y = digits
    clf = DataMapClassifier(
        OneVsRestClassifier(recording_sgd(**LOG_LOSS)), n_epochs=3, random_state=0
    )
    clf.fit(X, y)
    seeds = [call[3] for call in recording_sgd.calls if call[0] == "fit"]
    after_the_first_epoch = seeds[10:]
    assert len(set(after_the_first_epoch)) == 20
    assert not set(after_the_first_epoch) & set(seeds[:10])


@pytest.mark.parametrize("batch_size", [None, 64])
def test_one_seed_gives_one_map_and_another_a_similar_one(digits, batch_size):
    X, y = digits

    def fit(seed):
        clf = DataMapClassifier(
            SGDClassifier(**LOG_LOSS), batch_size=batch_size, random_state=seed
        )
        return clf.fit(X, y)

    one, again, other = fit(0), fit(0), fit(1)
    assert_same_map(one.data_map_, again.data_map_)
    np.testing.assert_array_equal(one.estimator_.coef_, again.estimator_.coef_)
    assert not np.array_equal(one.confidence_, other.confidence_)
    assert spearmanr(one.confidence_, other.confidence_).statistic > 0.8


def test_a_seed_that_was_drawn_is_noted_and_repeats_the_map(binary):
    drawn = DataMapClassifier(SGDClassifier(**LOG_LOSS)).fit(*binary)
    seed = drawn.data_map_.meta["seed"]
    again = DataMapClassifier(SGDClassifier(**LOG_LOSS), random_state=seed).fit(*binary)
    assert_same_map(drawn.data_map_, again.data_map_)


def test_random_state_instance_is_drawn_from(binary):
    def fit(random_state):
        return DataMapClassifier(random_state=random_state).fit(*binary).data_map_

    assert_same_map(fit(np.random.RandomState(3)), fit(np.random.RandomState(3)))


def test_a_generator_of_the_learner_gives_the_seed_and_stays_as_it_was(binary):
    generator, like_it = np.random.RandomState(3), np.random.RandomState(3)
    learner = SGDClassifier(**LOG_LOSS, random_state=generator)
    seed = DataMapClassifier(learner, n_epochs=1).fit(*binary).data_map_.meta["seed"]
    assert generator.randint(10**6) == like_it.randint(10**6)
    assert seed == np.random.RandomState(3).randint(np.iinfo(np.int32).max)


def test_batches_shuffle_all_rows_anew_each_epoch(recording_sgd, binary):
    X, y = binary
    X = np.column_stack([np.arange(len(y)), X])
    clf = DataMapClassifier(recording_sgd(**LOG_LOSS), n_epochs=2, batch_size=128)
    clf.fit(X, y)
    fits = [call[1][:, 0] for call in recording_sgd.calls if call[0] == "fit"]
    assert [len(rows) for rows in fits] == [128, 128, 44] * 2
    first, second = np.concatenate(fits[:3]), np.concatenate(fits[3:])
    np.testing.assert_array_equal(np.sort(first), np.arange(300))
    np.testing.assert_array_equal(np.sort(second), np.arange(300))
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, np.arange(300))


def test_block_order_keeps_rows_together_and_shares_memory(recording_sgd, binary):
    X, y = binary
    X = sparse.csr_matrix(np.column_stack([np.arange(1, len(y) + 1), X]))
    clf = DataMapClassifier(
        recording_sgd(**LOG_LOSS),
        n_epochs=6,
        batch_size=50,
        batch_order="blocks",
        random_state=0,
    )
    clf.fit(X, y)
    fits = [call[1] for call in recording_sgd.calls if call[0] == "fit"]
    for block in fits:
        rows = block[:, [0]].toarray().ravel()
        np.testing.assert_array_equal(np.diff(rows), 1)
        assert np.shares_memory(block.data, X.data)
        assert np.shares_memory(block.indices, X.indices)
    starts = [block[0, 0] for block in fits]
    orders = {tuple(starts[i : i + 6]) for i in range(0, 36, 6)}
    assert len(orders) > 1


@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.csr_array])
def test_csr_is_trained_on_without_a_copy(recording_sgd, binary, container):
    X, y = binary
    X = container(X)
    DataMapClassifier(recording_sgd(**LOG_LOSS), n_epochs=2).fit(X, y)
    for call in recording_sgd.calls:
        assert np.shares_memory(call[1].data, X.data)
        assert np.shares_memory(call[1].indices, X.indices)


def test_dense_float_data_is_trained_on_without_a_copy(recording_sgd, binary):
    X, y = binary
    DataMapClassifier(recording_sgd(**LOG_LOSS), n_epochs=2).fit(X, y)
    assert all(np.shares_memory(call[1], X) for call in recording_sgd.calls)


@pytest.mark.parametrize("given", ["csc", "coo", "lil", "dok", "bsr", "csr-int64"])
@pytest.mark.parametrize("kind", ["matrix", "array"])
def test_every_sparse_format_gives_the_map_of_csr(binary, given, kind):
    X, y = binary
    csr = sparse.csr_matrix(X) if kind == "matrix" else sparse.csr_array(X)
    if given == "csr-int64":
        other = csr.copy()
        other.indices = other.indices.astype(np.int64)
        other.indptr = other.indptr.astype(np.int64)
    else:
        other = csr.asformat(given)
    expected = DataMapClassifier(random_state=0).fit(csr, y)
    actual = DataMapClassifier(random_state=0).fit(other, y)
    assert_same_map(expected.data_map_, actual.data_map_)
    np.testing.assert_array_equal(actual.predict(other), expected.predict(csr))


def test_integers_are_converted_once_not_in_every_epoch(recording_sgd, digits):
    X, y = digits
    DataMapClassifier(recording_sgd(**LOG_LOSS), n_epochs=3).fit(
        (X * 16).astype(np.int32), y
    )
    seen = [call[1] for call in recording_sgd.calls]
    assert {x.dtype for x in seen} == {np.dtype(np.float64)}
    assert all(np.shares_memory(x, seen[0]) for x in seen)


def test_read_only_memory_map_stays_one(recording_sgd, binary, tmp_path):
    X, y = binary
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    clf = DataMapClassifier(recording_sgd(**LOG_LOSS), n_epochs=2, random_state=0)
    with pytest.warns(UserWarning, match="memory map.*Set batch_order='blocks'"):
        clf.fit(mapped, y)
    assert all(np.shares_memory(call[1], mapped) for call in recording_sgd.calls)
    expected = DataMapClassifier(SGDClassifier(**LOG_LOSS), n_epochs=2, random_state=0)
    assert_same_map(clf.data_map_, expected.fit(X, y).data_map_)


def test_large_data_is_predicted_in_blocks(recording_sgd, digits, monkeypatch):
    X, y = digits
    whole = DataMapClassifier(SGDClassifier(**LOG_LOSS), random_state=0).fit(X, y)
    monkeypatch.setattr("sklearn_datamaps._learners.blocks.BLOCK_CELLS", 10 * 64)
    blocks = DataMapClassifier(recording_sgd(**LOG_LOSS), random_state=0).fit(X, y)
    sizes = [len(call[2]) for call in recording_sgd.calls if call[0] == "proba"]
    assert max(sizes) == 64
    np.testing.assert_allclose(blocks.confidence_, whole.confidence_, atol=1e-12)
    np.testing.assert_array_equal(blocks.correctness_, whole.correctness_)


NAMES = np.array(["zebra", "ant", "moth"])


@pytest.mark.parametrize(
    "labels",
    [
        NAMES,
        NAMES.astype(object),
        np.array([30, -5, 7]),
        np.array([2.0, 0.0, 1.0]),
    ],
    ids=["str", "object", "unsorted-int", "float"],
)
@pytest.mark.parametrize("as_type", [np.asarray, pd.Series, list, pd.Categorical])
def test_labels_of_any_kind_give_the_same_map(digits, labels, as_type):
    X, y = digits
    y = y % 3
    order = np.argsort(np.argsort(labels))  # the code that each label sorts to
    expected = DataMapClassifier(SGDClassifier(**LOG_LOSS), random_state=0)
    expected.fit(X, order[y])
    clf = DataMapClassifier(SGDClassifier(**LOG_LOSS), random_state=0)
    clf.fit(X, as_type(labels[y]))
    np.testing.assert_array_equal(clf.confidence_, expected.confidence_)
    np.testing.assert_array_equal(clf.classes_, np.sort(labels))
    np.testing.assert_array_equal(clf.predict(X), np.sort(labels)[expected.predict(X)])
    np.testing.assert_array_equal(clf.data_map_.label, labels[y])


def test_bool_labels(binary):
    X, y = binary
    clf = DataMapClassifier(random_state=0).fit(X, y.astype(bool))
    expected = DataMapClassifier(random_state=0).fit(X, y)
    np.testing.assert_array_equal(clf.confidence_, expected.confidence_)
    assert clf.classes_.dtype == bool


class ReversedColumns(SGDClassifier):
    """A learner whose classes_ are not sorted."""

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        self.__dict__.pop("reversed_", None)
        if hasattr(self, "_sorted"):
            self.classes_ = self._sorted
        super().partial_fit(X, y, classes=classes, sample_weight=sample_weight)
        self._sorted = self.classes_
        self.classes_ = self._sorted[::-1]
        return self

    def predict_proba(self, X):
        return super().predict_proba(X)[:, ::-1]


def test_probability_columns_are_looked_up_by_the_fitted_classes(digits):
    X, y = digits
    clf = DataMapClassifier(ReversedColumns(**LOG_LOSS), random_state=0).fit(X, y)
    expected = DataMapClassifier(SGDClassifier(**LOG_LOSS), random_state=0).fit(X, y)
    np.testing.assert_allclose(clf.confidence_, expected.confidence_, atol=1e-12)


def test_tied_probabilities_are_settled_by_predict(digits):
    X, y = digits
    clf = DataMapClassifier(
        SGDClassifier(loss="modified_huber"), n_epochs=1, random_state=0
    )
    clf.fit(X * 100, y)
    proba = clf.predict_proba(X * 100)
    tied = (proba == proba.max(axis=1, keepdims=True)).sum(axis=1) > 1
    assert tied.sum() > 5  # clipped probabilities do tie
    np.testing.assert_array_equal(clf.data_map_.predicted, clf.predict(X * 100))
    np.testing.assert_array_equal(clf.correctness_, clf.predict(X * 100) == y)


def test_balanced_weights_are_those_of_the_whole_y(recording_sgd, binary):
    X, y = binary
    rare = y.copy()
    rare[50:] = 0
    weighted = DataMapClassifier(
        SGDClassifier(loss="log_loss", class_weight="balanced"),
        batch_size=64,
        random_state=0,
    ).fit(X, rare)
    explicit = DataMapClassifier(
        SGDClassifier(loss="log_loss"), batch_size=64, random_state=0
    ).fit(X, rare, sample_weight=compute_sample_weight("balanced", rare))
    np.testing.assert_allclose(weighted.confidence_, explicit.confidence_, atol=1e-10)


def test_estimator_of_the_user_is_never_modified(binary):
    estimator = SGDClassifier(loss="log_loss", class_weight="balanced", random_state=1)
    before = estimator.get_params()
    DataMapClassifier(estimator).fit(*binary)
    assert estimator.get_params() == before
    assert not hasattr(estimator, "coef_")


def test_sample_weight_is_sliced_with_the_batches(recording_sgd, binary):
    X, y = binary
    X = np.column_stack([np.arange(len(y)), X])
    weight = np.arange(len(y)) + 1.0
    clf = DataMapClassifier(recording_sgd(**LOG_LOSS), n_epochs=1, batch_size=90)
    clf.fit(X, y, sample_weight=weight)
    for call in recording_sgd.calls:
        if call[0] == "fit":
            np.testing.assert_array_equal(call[4], weight[call[1][:, 0].astype(int)])


def test_negative_weights_are_the_business_of_the_learner(binary):
    X, y = binary
    weight = np.where(np.arange(len(y)) % 10 == 0, -0.5, 1.0)
    clf = DataMapClassifier(
        SGDClassifier(**LOG_LOSS, random_state=0), n_epochs=1, random_state=0
    ).fit(X, y, sample_weight=weight)
    zero = clone(clf).fit(X, y, sample_weight=np.maximum(weight, 0))
    assert np.isfinite(clf.confidence_).all()
    assert not np.array_equal(clf.confidence_, zero.confidence_)


def test_decision_function_goes_through_the_logistic_on_both_sides(binary):
    X, y = binary
    clf = DataMapClassifier(SGDClassifier(), n_epochs=1, random_state=0).fit(X, y)
    decision = clf.decision_function(X)
    assert (np.abs(decision) > 40).any()
    own = np.where(y == 1, decision, -decision)
    np.testing.assert_allclose(
        clf.confidence_, np.exp(-np.logaddexp(0.0, -own)), rtol=1e-9
    )
    assert 0 < clf.confidence_.min() < 1e-16
    assert not hasattr(clf, "predict_proba")


def test_decision_function_of_many_classes_goes_through_softmax(digits):
    X, y = digits
    clf = DataMapClassifier(SGDClassifier(), n_epochs=1, random_state=0).fit(X, y)
    decision = clf.decision_function(X)
    shifted = np.exp(decision - decision.max(axis=1, keepdims=True))
    expected = (shifted / shifted.sum(axis=1, keepdims=True))[np.arange(len(y)), y]
    np.testing.assert_allclose(clf.confidence_, expected, rtol=1e-10)


def test_response_method_can_be_chosen(binary):
    clf = DataMapClassifier(
        SGDClassifier(loss="modified_huber"), response_method="decision_function"
    )
    auto = DataMapClassifier(SGDClassifier(loss="modified_huber"))
    clf.set_params(random_state=0).fit(*binary)
    auto.set_params(random_state=0).fit(*binary)
    assert clf.data_map_.meta["response_method"] == "decision_function"
    assert auto.data_map_.meta["response_method"] == "predict_proba"
    assert not np.allclose(clf.confidence_, auto.confidence_)


def test_extra_measures_and_trajectories_are_recorded(recording_sgd, digits):
    X, y = digits
    clf = DataMapClassifier(
        recording_sgd(**LOG_LOSS), measures=MEASURES, store_trajectories=True
    )
    clf.fit(X, y)
    proba = recorded(recording_sgd.calls)
    own = proba[:, np.arange(len(y)), y]
    data_map = clf.data_map_
    assert tuple(data_map.measures) == MEASURES
    np.testing.assert_array_equal(data_map.trajectories, own.astype(np.float32))
    np.testing.assert_allclose(
        data_map.measures["loss"], -np.log(np.maximum(own, 1e-12)).mean(axis=0)
    )
    np.testing.assert_allclose(
        data_map.measures["mean_proba"], proba.mean(axis=0), atol=1e-7
    )


@pytest.mark.parametrize("given", ["array", "frame", "sparse"])
def test_indicator_trains_one_balanced_clone_per_label(multilabel, given):
    X, Y = multilabel
    names = ["odd", "large", "loopy"]
    y = {
        "array": Y,
        "frame": pd.DataFrame(Y, columns=names),
        "sparse": sparse.csr_matrix(Y),
    }[given]
    learner = SGDClassifier(loss="log_loss", class_weight="balanced")
    clf = DataMapClassifier(learner, random_state=0).fit(X, y)
    assert clf.confidence_.shape == (500, 3)
    assert isinstance(clf.estimator_, MultiOutputClassifier)
    for j, member in enumerate(clf.estimator_.estimators_):
        n_set = Y[:, j].sum()
        assert member.class_weight[1] == pytest.approx(500 / (2 * n_set))
    proba = clf.predict_proba(X)
    np.testing.assert_array_equal(proba > 0.5, clf.predict(X) == 1)
    np.testing.assert_array_equal(clf.data_map_.predicted, proba > 0.5)
    assert clf.data_map_.label.dtype == bool
    assert clf.score(X, Y) > 0.5
    assert clf.classes_.tolist() == (names if given == "frame" else [0, 1, 2])


def test_multilabel_map_is_the_maps_of_its_labels(recording_sgd, multilabel):
    X, Y = multilabel
    clf = DataMapClassifier(recording_sgd(**LOG_LOSS), n_epochs=3, random_state=0)
    clf.fit(X, Y)
    proba = recorded(recording_sgd.calls)[:, :, 1].reshape(3, 3, 500)
    own = np.where(Y.T, proba, 1 - proba)
    np.testing.assert_allclose(clf.confidence_, own.mean(axis=0).T, atol=1e-12)
    np.testing.assert_allclose(clf.variability_, own.std(axis=0).T, atol=1e-12)
    right = ((proba > 0.5) == Y.T).mean(axis=0).T
    np.testing.assert_allclose(clf.correctness_, right, atol=1e-12)


def test_multi_output_classifier_is_driven_through_its_inner_learner(multilabel):
    X, Y = multilabel
    inner = SGDClassifier(loss="log_loss", class_weight="balanced")
    plain = DataMapClassifier(inner, random_state=0).fit(X, Y)
    wrapped = DataMapClassifier(MultiOutputClassifier(inner), random_state=0).fit(X, Y)
    assert_same_map(plain.data_map_, wrapped.data_map_)
    assert isinstance(wrapped.estimator_, MultiOutputClassifier)


def test_threads_over_labels_change_nothing(multilabel):
    X, Y = multilabel
    one = DataMapClassifier(random_state=0).fit(X, Y)
    two = DataMapClassifier(random_state=0, n_jobs=2).fit(X, Y)
    assert_same_map(one.data_map_, two.data_map_)


def test_label_that_is_never_set_is_learned_as_never_set(multilabel):
    X, Y = multilabel
    Y = np.column_stack([Y, np.zeros(len(Y), dtype=int)])
    clf = DataMapClassifier(random_state=0).fit(X, Y)
    assert (clf.predict(X)[:, 3] == 0).all()
    assert clf.confidence_[:, 3].min() > 0.5


def test_mlp_takes_an_indicator_natively(multilabel):
    X, Y = multilabel
    clf = DataMapClassifier(
        MLPClassifier(learning_rate_init=0.01), n_epochs=15, random_state=0
    )
    clf.fit(X, Y)
    assert isinstance(clf.estimator_, MLPClassifier)
    assert clf.predict_proba(X).shape == (500, 3)
    np.testing.assert_array_equal(clf.data_map_.predicted, clf.predict_proba(X) > 0.5)
    assert clf.correctness_.mean() > 0.8


@pytest.mark.parametrize("hinge", [False, True])
def test_decision_function_of_an_indicator_has_one_column_per_label(multilabel, hinge):
    X, Y = multilabel
    clf = DataMapClassifier(SGDClassifier(loss="hinge" if hinge else "log_loss"))
    decision = clf.fit(X, Y).decision_function(X)
    np.testing.assert_array_equal(decision > 0, clf.predict(X) == 1)
    assert hasattr(clf, "predict_proba") is not hinge


def test_index_of_y_or_else_of_the_features_is_carried(binary):
    X, y = binary
    names = pd.Index([f"row-{i}" for i in range(len(y))], name="id")
    by_y = DataMapClassifier(n_epochs=1).fit(X, pd.Series(y, index=names))
    by_X = DataMapClassifier(n_epochs=1).fit(
        pd.DataFrame(X, index=names).rename(columns=str), y
    )
    for clf in (by_y, by_X):
        assert clf.data_map_.to_frame().index.equals(names)
        assert clf.data_map_.to_frame()["position"].tolist() == list(range(len(y)))


def test_inner_estimator_works_without_the_map(digits):
    X, y = digits
    clf = DataMapClassifier(SGDClassifier(**LOG_LOSS)).fit(X, NAMES[y % 3])
    np.testing.assert_array_equal(clf.estimator_.predict(X), clf.predict(X))
    clf.estimator_.partial_fit(X, NAMES[y % 3])


def test_pickle_gives_the_same_classifier_and_never_holds_the_data(binary, tmp_path):
    X, y = binary
    X = np.repeat(X, 40, axis=1)  # 1.1 MB: the pickle must be far smaller
    clf = DataMapClassifier(random_state=0, store_trajectories=True).fit(X, y)
    joblib.dump(clf, tmp_path / "clf.joblib")
    again = joblib.load(tmp_path / "clf.joblib")
    assert (tmp_path / "clf.joblib").stat().st_size < X.nbytes / 10
    np.testing.assert_array_equal(again.predict(X), clf.predict(X))
    assert_same_map(again.data_map_, clf.data_map_)
    assert isinstance(again.data_map_, DataMap)


def test_fitted_classifier_holds_no_reference_to_the_data(binary):
    X, y = (a.copy() for a in binary)
    clf = DataMapClassifier().fit(X, y)
    y[:] = 0
    assert clf.data_map_.label.sum() == binary[1].sum()


def test_new_fit_forgets_the_old_map(binary, digits):
    clf = DataMapClassifier(random_state=0).fit(*binary)
    clf.fit(*digits)
    assert len(clf.confidence_) == 500
    assert clf.n_features_in_ == 64


def test_before_fit_there_is_a_clear_error():
    clf = DataMapClassifier()
    with pytest.raises(NotFittedError, match="not fitted yet"):
        clf.region_mask("hard")
    with pytest.raises(NotFittedError):
        clf.predict([[1.0]])
    with pytest.raises(NotFittedError, match="not fitted yet"):
        clf.history_  # noqa: B018 (the look-up is what is tested)
    assert not hasattr(clf, "confidence_")
    assert not hasattr(clf, "history_")


def test_region_mask_is_that_of_the_map(digits):
    clf = DataMapClassifier(random_state=0).fit(*digits)
    for region in ("easy", "ambiguous", "hard"):
        np.testing.assert_array_equal(
            clf.region_mask(region, n_std=0.5),
            clf.data_map_.regions(n_std=0.5) == region,
        )


def test_verbose_shows_a_bar_with_confidence_and_accuracy(binary, capsys):
    DataMapClassifier(n_epochs=3, verbose=1, random_state=0).fit(*binary)
    shown = capsys.readouterr().err
    assert "3/3" in shown
    assert "confidence=0." in shown
    assert "accuracy=0." in shown


def test_silent_by_default(binary, capsys):
    DataMapClassifier(n_epochs=2).fit(*binary)
    assert capsys.readouterr() == ("", "")


def test_gratitude_is_learned_and_mapped(gratitude):
    X, y = gratitude
    clf = DataMapClassifier(random_state=0).fit(X, y)
    summary = clf.data_map_.summary()["n_samples"]
    assert summary.sum() == 3_000
    assert summary["easy"] > 2_900
    assert 1 < summary["hard"] < 70
    assert clf.score(X, y) > 0.98
    assert clf.data_map_.to_frame().index.equals(y.index)


class ReadsCategories(SGDClassifier):
    """Says that it reads categories, as naive Bayes does since scikit-learn 1.8."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.categorical = True
        return tags


@pytest.mark.parametrize(
    ("estimator", "categorical"), [(ReadsCategories(), True), (SGDClassifier(), False)]
)
def test_tag_of_categorical_input_is_that_of_the_learner(estimator, categorical):
    tags = get_tags(DataMapClassifier(estimator))
    assert tags.input_tags.categorical is categorical
