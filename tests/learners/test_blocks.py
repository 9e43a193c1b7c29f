"""Data on disk, read in blocks: views, order, 64-bit indices, warnings."""

import tracemalloc

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import SGDClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.utils.parallel import Parallel, delayed

from sklearn_datamaps import DataMapClassifier
from sklearn_datamaps._learners import blocks as blocks_module
from sklearn_datamaps._learners import features as features_module
from sklearn_datamaps._learners import learner, partial_fit

LOG_LOSS = {"loss": "log_loss"}
BLOCKS = {"batch_order": "blocks", "batch_size": 64, "n_epochs": 3, "random_state": 0}


@pytest.fixture
def csr(digits):
    X, y = digits
    return sparse.csr_matrix(X), y


def assert_same(actual, expected):
    for name in ("confidence", "variability", "correctness", "margin", "predicted"):
        left, right = (getattr(c.data_map_, name) for c in (actual, expected))
        np.testing.assert_array_equal(left, right)
    pd.testing.assert_frame_equal(actual.history_, expected.history_, check_exact=True)


def on_disk(X, folder, index_dtype=np.int32):
    """Memory map of a CSR matrix, its row pointers in 64 bits."""
    mapped = sparse.csr_matrix(X.shape, dtype=X.dtype)
    for name, values in {
        "data": X.data,
        "indices": X.indices.astype(index_dtype),
        "indptr": X.indptr.astype(np.int64),
    }.items():
        np.save(folder / f"{name}.npy", values)
        setattr(mapped, name, np.load(folder / f"{name}.npy", mmap_mode="r"))
    return mapped


def test_blocks_of_a_joblib_memory_map_are_views_of_it(recording_sgd, csr, tmp_path):
    X, y = csr
    joblib.dump(X, tmp_path / "X.joblib")
    mapped = joblib.load(tmp_path / "X.joblib", mmap_mode="r")
    clf = DataMapClassifier(recording_sgd(**LOG_LOSS), **BLOCKS).fit(mapped, y)
    seen = [call[1] for call in recording_sgd.calls]
    assert len(seen) == 3 * 2 * 8
    assert all(np.shares_memory(x.data, mapped.data) for x in seen)
    assert all(np.shares_memory(x.indices, mapped.indices) for x in seen)
    assert_same(clf, DataMapClassifier(SGDClassifier(**LOG_LOSS), **BLOCKS).fit(X, y))


@pytest.mark.parametrize("index_dtype", [np.int32, np.int64])
def test_row_pointers_of_64_bits_are_rebased_block_by_block(
    recording_sgd, csr, tmp_path, index_dtype, monkeypatch
):
    X, y = csr
    mapped = on_disk(X, tmp_path, index_dtype)
    expected = DataMapClassifier(SGDClassifier(**LOG_LOSS), **BLOCKS).fit(X, y)
    # As if the matrix had more values than 32 bits can count, but no block had.
    monkeypatch.setattr(blocks_module, "MAX_STORED", X.nnz // 2)
    clf = DataMapClassifier(recording_sgd(**LOG_LOSS), **BLOCKS).fit(mapped, y)
    for call in recording_sgd.calls:
        assert call[1].indptr.dtype == call[1].indices.dtype == np.int32
        assert call[1].indptr[0] == 0
    assert_same(clf, expected)
    monkeypatch.setattr(blocks_module, "BLOCK_VALUES", X.nnz // 3)
    for method in ("predict", "predict_proba", "decision_function"):
        actual = getattr(clf, method)(mapped)
        np.testing.assert_array_equal(actual, getattr(expected, method)(X))


def test_more_values_than_32_bits_count_are_refused_row_by_row(
    csr, tmp_path, monkeypatch
):
    X, y = csr
    mapped = on_disk(X, tmp_path)
    monkeypatch.setattr(features_module, "MAX_STORED", X.nnz - 1)
    with pytest.raises(ValueError, match=r"stored values.*Set batch_order='blocks'"):
        DataMapClassifier().fit(mapped, y)
    with pytest.raises(ValueError, match=r"Set cv=None and batch_order='blocks'"):
        DataMapClassifier(cv=2, batch_order="blocks").fit(mapped, y)


def test_dense_memory_maps_too(recording_sgd, digits, tmp_path):
    X, y = digits
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    clf = DataMapClassifier(recording_sgd(**LOG_LOSS), **BLOCKS).fit(mapped, y)
    assert all(np.shares_memory(call[1], mapped) for call in recording_sgd.calls)
    assert_same(clf, DataMapClassifier(SGDClassifier(**LOG_LOSS), **BLOCKS).fit(X, y))


def test_without_a_size_a_block_holds_a_bounded_number_of_values(
    recording_sgd, csr, monkeypatch
):
    X, y = csr
    monkeypatch.setattr(blocks_module, "BLOCK_VALUES", -(-X.nnz // 4))
    clf = DataMapClassifier(recording_sgd(**LOG_LOSS), batch_order="blocks", n_epochs=2)
    clf.fit(X, y)
    trained = [call[1].shape[0] for call in recording_sgd.calls if call[0] == "fit"]
    assert sorted(trained) == [125] * 8


def test_small_data_without_a_size_are_one_block(csr):
    X, y = csr
    rows = DataMapClassifier(SGDClassifier(**LOG_LOSS), random_state=0).fit(X, y)
    blocks = DataMapClassifier(
        SGDClassifier(**LOG_LOSS), batch_order="blocks", random_state=0
    )
    np.testing.assert_array_equal(blocks.fit(X, y).confidence_, rows.confidence_)


def test_order_of_the_blocks_is_new_in_every_epoch(recording_sgd, csr):
    X, y = csr
    DataMapClassifier(recording_sgd(**LOG_LOSS), **BLOCKS).fit(X, y)
    first = [call[2][:5].tolist() for call in recording_sgd.calls if call[0] == "fit"]
    epochs = [first[i : i + 8] for i in (0, 8, 16)]
    assert epochs[0] != epochs[1] != epochs[2] != epochs[0]
    assert sorted(epochs[0]) == sorted(epochs[1]) == sorted(epochs[2])


def test_memory_beside_a_memory_map_does_not_grow_with_its_columns(tmp_path):
    random = np.random.default_rng(0)
    y = random.integers(0, 2, 4000)
    peaks = {}
    for n_stored in (5, 500):
        indices = random.integers(0, 1000, 4000 * n_stored).astype(np.int32)
        X = sparse.csr_matrix((4000, 1000))
        X.data, X.indices = np.ones(len(indices)), indices
        X.indptr = np.arange(0, len(indices) + 1, n_stored)
        folder = tmp_path / str(n_stored)
        folder.mkdir()
        mapped = on_disk(X, folder)
        clf = DataMapClassifier(SGDClassifier(**LOG_LOSS), **BLOCKS)
        clf.fit(mapped, y)  # what the first call loads does not count
        tracemalloc.start()
        clf.fit(mapped, y)
        peaks[n_stored] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    n_bytes = 4000 * 500 * 12
    assert peaks[500] - peaks[5] < n_bytes / 100


def test_weights_of_many_classes_lie_as_sparse_blocks_take_them_without_a_copy(
    digits, monkeypatch
):
    X, y = sparse.csr_matrix(digits[0]), digits[1]
    in_fortran_order = []

    class Watched(SGDClassifier):
        def decision_function(self, X):
            in_fortran_order.append(self.coef_.flags.f_contiguous)
            return super().decision_function(X)

    clf = DataMapClassifier(Watched(**LOG_LOSS), n_epochs=2, random_state=0)
    whole = clone(clf).fit(X, y)
    assert not any(in_fortran_order)
    in_fortran_order.clear()
    for module in (blocks_module, learner):
        monkeypatch.setattr(module, "BLOCK_CELLS", 10 * 100)
    monkeypatch.setattr(partial_fit, "TURNED_AT_ONCE", 20)
    clf.fit(X, y)
    assert len(in_fortran_order) >= 2 * len(y) / 100
    assert all(in_fortran_order)
    np.testing.assert_allclose(clf.confidence_, whole.confidence_, rtol=1e-12)
    np.testing.assert_array_equal(clf.estimator_.coef_, whole.estimator_.coef_)
    assert clf.estimator_.coef_.flags.c_contiguous


def test_memory_map_read_row_by_row_warns_of_the_alternative(csr, tmp_path):
    X, y = csr
    with pytest.warns(UserWarning, match="in random order.*Set batch_order='blocks'"):
        DataMapClassifier(n_epochs=1).fit(on_disk(X, tmp_path), y)
    with pytest.warns(UserWarning, match="cv copies.*Set cv=None and batch_order"):
        DataMapClassifier(n_epochs=1, cv=2).fit(on_disk(X, tmp_path), y)


def fit_in_process(X, y):
    return features_module.is_memory_mapped(X), DataMapClassifier(n_epochs=1).fit(X, y)


def test_arrays_that_joblib_shares_are_no_memory_maps_of_the_user(digits):
    X, y = digits
    # Warnings of workers are not seen here: ask for what they depend on.
    (mapped, _), *_ = Parallel(n_jobs=2, max_nbytes=1000)(
        delayed(fit_in_process)(X, y) for _ in range(2)
    )
    assert not mapped


@pytest.mark.parametrize("n_classes", [2, 5])
def test_blocks_sorted_by_class_warn(digits, n_classes):
    X, y = digits
    y = y % n_classes
    order = np.argsort(y, kind="stable")
    clf = DataMapClassifier(**BLOCKS)
    with pytest.warns(UserWarning, match="sorted by class.*Shuffle the rows"):
        clf.fit(X[order], y[order])
    clf.set_params(batch_order="rows").fit(X[order], y[order])
    clf.set_params(batch_order="blocks").fit(X, y)


def test_multilabel_blocks_sorted_by_label_warn(multilabel):
    X, y = multilabel
    order = np.lexsort(y.T)
    with pytest.warns(UserWarning, match="sorted by class"):
        DataMapClassifier(**BLOCKS).fit(X[order], y[order])


def test_a_rare_class_in_random_order_does_not_warn(binary):
    X, _ = binary
    for seed in range(20):
        y = np.zeros(300, dtype=int)
        y[np.random.default_rng(seed).choice(300, 4, replace=False)] = 1
        DataMapClassifier(**(BLOCKS | {"batch_size": 10, "n_epochs": 1})).fit(X, y)


def test_blocks_of_one_row_do_not_warn(binary):
    X, y = binary
    clf = DataMapClassifier(**(BLOCKS | {"batch_size": 1, "n_epochs": 1}))
    clf.fit(X[:60], y[:60])


def test_blocks_are_recorded_as_they_are_trained(csr, monkeypatch):
    # One at a time, so that the same sums come out wherever a block is recorded.
    X, y = csr
    sizes = []
    of_class = MLPClassifier.predict_proba
    monkeypatch.setattr(
        MLPClassifier,
        "predict_proba",
        lambda self, X: sizes.append(X.shape[0]) or of_class(self, X),
    )
    DataMapClassifier(MLPClassifier((8,)), **(BLOCKS | {"n_epochs": 1})).fit(X, y)
    assert sizes == [64] * 7 + [52]


class FakeCollection:
    """Anything with a graph of Dask; computing it is not wanted."""

    def __dask_graph__(self):
        raise AssertionError

    def __array__(self):
        raise AssertionError


@pytest.mark.parametrize("which", ["X", "y"])
def test_collections_of_dask_are_told_which_class_takes_them(digits, which):
    X, y = digits
    given = {"X": X, "y": y, which: FakeCollection()}
    with pytest.raises(TypeError, match=r"sklearn_datamaps\.dask\.DataMapClassifier"):
        DataMapClassifier().fit(given["X"], given["y"])


def test_collections_of_dask_are_not_predicted_either(digits):
    clf = DataMapClassifier(n_epochs=1).fit(*digits)
    with pytest.raises(TypeError, match="collection of Dask"):
        clf.predict(FakeCollection())


DAMAGES = {
    "a bit of a column index": (
        "indices",
        100,
        1 << 30,
        "column indices beyond the 64",
    ),
    "the sign of a column index": ("indices", 100, -(1 << 31), "column indices beyond"),
    "a bit of a row pointer": ("indptr", 100, 1 << 20, "row pointers that are out of"),
    "the last row pointer": ("indptr", -1, 1 << 25, "row pointers that are out of"),
    "the first row pointer": ("indptr", 0, 1 << 31, "row pointers that are out of"),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("use", ["blocks", "rows", "folds", "predict"])
@pytest.mark.filterwarnings("ignore:X is a memory map:UserWarning")  # as wanted here
def test_damaged_file_is_an_error_and_no_crash(csr, tmp_path, damage, use):
    X, y = csr
    whole = on_disk(X, tmp_path)
    name, at, bit, message = DAMAGES[damage]
    values = np.array(getattr(whole, name))
    values[at] ^= np.array(bit).astype(values.dtype)
    np.save(tmp_path / "damaged.npy", values)
    damaged = on_disk(X, tmp_path)
    setattr(damaged, name, np.load(tmp_path / "damaged.npy", mmap_mode="r"))
    clf = DataMapClassifier(SGDClassifier(**LOG_LOSS), **BLOCKS)
    if use == "predict":
        clf.fit(X, y)
    elif use != "blocks":
        clf.set_params(batch_order="rows", cv=2 if use == "folds" else None)
    act = clf.predict if use == "predict" else lambda X: clf.fit(X, y)
    with pytest.raises(ValueError, match=f"file that is damaged: there are {message}"):
        act(damaged)
