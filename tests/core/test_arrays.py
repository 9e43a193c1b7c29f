"""Logits, and tensors of other libraries, as probabilities, rows and labels."""

import tracemalloc
import warnings

import numpy as np
import pytest
from scipy import sparse

from sklearn_datamaps import DataMap, DataMapClassifier, TrainingDynamics
from sklearn_datamaps._core import epoch_input, recorder
from sklearn_datamaps._core.arrays import row_maxima, row_sums

N_EPOCHS, N_SAMPLES = 4, 30


def softmax_by_log_sum_exp(logits):
    """Probabilities as exp(z - log sum exp z), in extended precision."""
    z = np.asarray(logits, dtype=np.longdouble)
    below = z - z.max(axis=-1, keepdims=True)
    return np.exp(below - np.log(np.exp(below).sum(axis=-1, keepdims=True)))


def logistic_by_tanh(logits):
    return (1 + np.tanh(np.asarray(logits, dtype=np.longdouble) / 2)) / 2


def random_logits(n_columns, *, scale=3.0, seed=0):
    rng = np.random.default_rng(seed)
    return scale * rng.normal(size=(N_EPOCHS, N_SAMPLES, n_columns))


def labels_for(n_columns):
    return np.arange(N_SAMPLES) % n_columns


def assert_moments(data_map, own, margin):
    """Compare with the moments of the own probabilities, in extended precision."""
    for name, values in [("confidence", own), ("margin", margin)]:
        expected = values.mean(axis=0).astype(np.float64)
        np.testing.assert_allclose(getattr(data_map, name), expected, atol=1e-13)
    for name, values in [("variability", own), ("margin_std", margin)]:
        expected = values.std(axis=0).astype(np.float64)
        np.testing.assert_allclose(getattr(data_map, name), expected, atol=1e-13)


def moments(proba, y):
    own_column = np.eye(proba.shape[2], dtype=bool)[y]
    own = proba[:, own_column]
    return own, own - np.where(own_column, -1, proba).max(axis=2)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
@pytest.mark.parametrize("n_columns", [2, 3, 20])
def test_logits_are_recorded_as_their_softmax(n_columns, dtype):
    logits = random_logits(n_columns).astype(dtype)
    y = labels_for(n_columns)
    data_map = DataMap.from_probabilities(logits, y, logits=True)
    assert_moments(data_map, *moments(softmax_by_log_sum_exp(logits), y))


def test_integer_logits_are_logits():
    logits = random_logits(3).round().astype(np.int8)
    data_map = DataMap.from_probabilities(logits, labels_for(3), logits=True)
    assert_moments(data_map, *moments(softmax_by_log_sum_exp(logits), labels_for(3)))


@pytest.mark.parametrize("scale", [1e2, 1e4, 1.7e308])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_extreme_logits_neither_overflow_nor_become_nan(scale, dtype):
    rng = np.random.default_rng(0)
    if scale > float(np.finfo(dtype).max):
        scale = float(np.finfo(dtype).max)
    signs = rng.choice([-1, 1], size=(N_EPOCHS, N_SAMPLES, 4))
    logits = (signs * np.longdouble(scale)).astype(dtype)
    data_map = DataMap.from_probabilities(logits, labels_for(4), logits=True)
    assert_moments(data_map, *moments(softmax_by_log_sum_exp(logits), labels_for(4)))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_multilabel_logits_are_recorded_as_their_logistic(dtype):
    logits = random_logits(3, scale=20.0).astype(dtype)
    Y = np.random.default_rng(1).random((N_SAMPLES, 3)) < 0.4
    data_map = DataMap.from_probabilities(logits, Y, multilabel=True, logits=True)
    proba = logistic_by_tanh(logits)
    own = np.where(Y, proba, 1 - proba)
    assert_moments(data_map, own, 2 * own - 1)
    np.testing.assert_array_equal(data_map.predicted, logits[-1] > 0)


@pytest.mark.parametrize("shape", [(N_SAMPLES,), (N_SAMPLES, 1)])
def test_one_logit_of_two_classes_is_that_of_the_second(shape):
    logits = random_logits(1)
    y = np.where(labels_for(2), "yes", "no")
    dynamics = TrainingDynamics(y)
    for epoch in logits:
        dynamics.update(epoch.reshape(shape), logits=True)
    two_columns = np.concatenate([np.zeros_like(logits), logits], axis=2)
    own, margin = moments(softmax_by_log_sum_exp(two_columns), labels_for(2))
    assert_moments(dynamics.to_data_map(), own, margin)


def test_one_confident_logit_keeps_both_tails():
    dynamics = TrainingDynamics([0, 1], measures=["loss"])
    dynamics.update([25.0, -25.0], logits=True)
    loss = dynamics.to_data_map().measures["loss"]
    np.testing.assert_allclose(loss, 25 + np.log1p(np.exp(-25)), rtol=1e-12)


@pytest.mark.parametrize(
    ("classes", "shape"), [(2, (6,)), (3, (6,)), (3, (6, 1)), (2, (6, 3))]
)
def test_logits_of_another_shape_are_refused(classes, shape):
    dynamics = TrainingDynamics(np.arange(6) % classes)
    # One column means logits, and only of two classes.
    logits = classes != 2 or shape != (6,)
    with pytest.raises(ValueError, match=rf"has shape .*; expected \(6, {classes}\)"):
        dynamics.update(np.zeros(shape), logits=logits)
    assert dynamics.n_epochs == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_logits_that_are_not_finite_name_epoch_and_rows(bad, dtype, monkeypatch):
    monkeypatch.setattr(epoch_input, "CHUNK_CELLS", 9)
    logits = random_logits(3).astype(dtype)
    dynamics = TrainingDynamics(labels_for(3))
    dynamics.update(logits[0], logits=True)
    logits[1, [3, 28], 1] = bad
    message = "^Epoch 2: .* NaN or infinite logits for 2 of 30 rows"
    with pytest.raises(ValueError, match=message):
        dynamics.update(logits[1], logits=True)
    assert (dynamics.n_updates == 1).all()


def test_logits_in_batches_make_the_same_map(monkeypatch):
    logits, y = random_logits(5), labels_for(5)
    whole = DataMap.from_probabilities(logits, y, logits=True)
    monkeypatch.setattr(recorder, "CHUNK_CELLS", 20)
    dynamics = TrainingDynamics(y)
    order = np.random.default_rng(0).permutation(N_SAMPLES)
    for epoch in logits:
        for rows in np.array_split(order, 4):
            dynamics.update(epoch[rows], rows, logits=True)
    data_map = dynamics.to_data_map()
    np.testing.assert_allclose(data_map.confidence, whole.confidence, atol=1e-15)
    np.testing.assert_array_equal(data_map.predicted, whole.predicted)


def test_logits_warn_neither_of_their_sums_nor_of_their_range():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        TrainingDynamics([0, 1]).update([[30.0, -2.0], [0.0, 0.0]], logits=True)
        TrainingDynamics([0, 1]).update([[2.0, -1.0], [-3.0, 4.0]], logits=True)


def test_probabilities_said_to_be_logits_warn_once_at_the_line_that_records_them():
    dynamics = TrainingDynamics([0, 1])
    proba = np.array([[0.9, 0.1], [0.4, 0.6]])
    with pytest.warns(UserWarning, match="leave logits=True out") as caught:
        dynamics.update(proba, logits=True)
    assert [warning.filename for warning in caught] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dynamics.update(proba, logits=True)


def test_logits_of_half_precision_are_not_copied_as_a_whole():
    block = np.zeros((200_000, 20), dtype=np.float16)
    dynamics = TrainingDynamics(np.arange(200_000) % 20)
    tracemalloc.start()
    dynamics.update(block, logits=True)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < block.nbytes * 1.5  # in float64 the block alone were four times it


class WithArray:
    """What NumPy reads by ``__array__``."""

    def __init__(self, values):
        self.values = np.asarray(values)

    def __array__(self, dtype=None, copy=None):
        return self.values if dtype is None else self.values.astype(dtype)


class WithDLPack:
    """What NumPy reads by DLPack only."""

    def __init__(self, values):
        self.values = np.array(values)

    def __dlpack__(self, **kwargs):
        return self.values.__dlpack__(**kwargs)

    def __dlpack_device__(self):
        return self.values.__dlpack_device__()


class Unreadable(WithArray):
    """Refuses to be read, as tensors do, and says what it is."""

    def __init__(self, error=TypeError("no implicit copies"), **facts):  # noqa: B008
        self.error = error
        self.__dict__ |= facts

    def __array__(self, dtype=None, copy=None):
        raise self.error


class RecordsGradients(Unreadable):
    requires_grad = True

    def detach(self):
        return WithArray([[0.9, 0.1], [0.2, 0.8]])


@pytest.mark.parametrize("tensor", [WithArray, WithDLPack])
def test_labels_rows_and_probabilities_may_be_of_any_library(tensor):
    proba = np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]])
    dynamics = TrainingDynamics(tensor([0, 1, 1]))
    dynamics.update(tensor(proba[[2, 0]]), tensor([2, 0]))
    dynamics.update(tensor(proba[[1]]), tensor([False, True, False]))
    data_map = dynamics.to_data_map()
    np.testing.assert_array_equal(data_map.confidence, [0.9, 0.8, 0.3])
    whole = DataMap.from_probabilities(tensor(proba[None]), tensor([0, 1, 1]))
    np.testing.assert_array_equal(whole.confidence, data_map.confidence)


def test_labels_of_a_tensor_train_a_classifier(binary):
    X, y = binary
    clf = DataMapClassifier(n_epochs=2, random_state=0)
    expected = clf.fit(X, y).confidence_
    np.testing.assert_array_equal(clf.fit(X, WithArray(y)).confidence_, expected)


def test_list_of_rows_may_hold_arrays_of_no_dimension():
    dynamics = TrainingDynamics([0, 1])
    dynamics.update([[0.9, 0.1], [0.2, 0.8]], [np.array(1), np.array(0)])
    np.testing.assert_allclose(dynamics.to_data_map().confidence, [0.2, 0.1])


def test_tensor_that_records_gradients_is_detached():
    dynamics = TrainingDynamics([0, 1])
    dynamics.update(RecordsGradients())
    np.testing.assert_array_equal(dynamics.to_data_map().confidence, [0.9, 0.8])


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"device": "cuda:0"}, r"\(device cuda:0\)\. Move it .* \.cpu\(\)"),
        ({"device": "cpu", "dtype": "torch.bfloat16"}, r"bfloat16.*\.float\(\)"),
        ({"device": "cpu", "layout": "torch.sparse_coo"}, r"sparse.*\.to_dense\(\)"),
        ({"error": RuntimeError("negative bit")}, r"one array .*\(negative bit\)"),
        ({"error": BufferError("gradient")}, r"one array .*\(gradient\)"),
    ],
)
def test_tensor_that_cannot_be_read_says_why_and_what_to_do(facts, message):
    tensor = Unreadable(**facts)
    dynamics = TrainingDynamics([0, 1])
    start = "cannot be read as a NumPy array: it is a .* Unreadable"
    with pytest.raises(TypeError, match=f"^proba {start}.*{message}"):
        dynamics.update(tensor)
    with pytest.raises(TypeError, match=f"^rows {start}.*{message}"):
        dynamics.update([[0.9, 0.1]], tensor)
    with pytest.raises(TypeError, match=f"^y {start}.*{message}"):
        TrainingDynamics(tensor)
    assert dynamics.n_epochs == 0


def test_half_precision_that_numpy_does_not_know_is_refused():
    # JAX gives its bfloat16 as a type of NumPy of kind V.
    with pytest.raises(TypeError, match=r"proba cannot be read .* one array"):
        TrainingDynamics([0, 1]).update(np.zeros((2, 2), dtype="V2"))


def test_sparse_matrix_of_probabilities_is_refused():
    proba = sparse.csr_matrix([[0.9, 0.1], [0.2, 0.8]])
    with pytest.raises(TypeError, match=r"scipy csr_matrix .* dense .*\.toarray\(\)"):
        TrainingDynamics([0, 1]).update(proba)


@pytest.mark.parametrize("n_columns", [1, 2, 3, 7, 8, 9, 28])
def test_sums_and_maxima_of_rows_are_numpys_bit_for_bit(n_columns):
    values = np.random.default_rng(0).normal(size=(500, n_columns))
    values[3, -1] = np.nan
    before = values.copy()
    for ours, theirs in ((row_sums, np.sum), (row_maxima, np.max)):
        found = ours(values)
        np.testing.assert_array_equal(found, theirs(values, axis=1))
        found += 1  # an array of its own
    np.testing.assert_array_equal(values, before)
