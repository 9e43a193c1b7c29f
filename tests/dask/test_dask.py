"""Data maps on a Dask cluster: the same bits as on one machine, whatever happens."""

import asyncio
import contextlib
import itertools
import os
import pickle
import signal
import sys
import threading
import time
from concurrent.futures import CancelledError
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import (
    CountVectorizer,
    HashingVectorizer,
    TfidfVectorizer,
)
from sklearn.linear_model import Perceptron, SGDClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import BernoulliNB, CategoricalNB, GaussianNB, MultinomialNB
from sklearn.neural_network import MLPClassifier

from sklearn_datamaps import DataMap, DataMapSampler, audit_labels
from sklearn_datamaps import DataMapClassifier as OneMachine

NEEDED = "the extra dask is not installed"
dask = pytest.importorskip("dask", reason=NEEDED)
distributed = pytest.importorskip("distributed", reason=NEEDED)
da = pytest.importorskip("dask.array", reason=NEEDED)

from dask import bag  # noqa: E402 (after the skip)

from sklearn_datamaps._core.labels import encode_labels  # noqa: E402 (likewise)
from sklearn_datamaps.dask import (  # noqa: E402 (likewise)
    DataMapClassifier,
    tasks,
    vectorize,
)
from sklearn_datamaps.dask.cluster import gather  # noqa: E402 (likewise)

PATIENCE = 300  # seconds; a limit, never a measurement
SIZE = 170  # three blocks of the 500 digits
LOG_LOSS = {"loss": "log_loss"}
COMMON = {"n_epochs": 2, "random_state": 0}
MEASURES = ("loss", "el2n", "forgetting", "first_learned", "mean_proba")
FIELDS = (
    *("confidence", "variability", "correctness", "margin", "margin_std", "label"),
    *("predicted", "classes", "trajectories"),
)

no_dynamics = pytest.mark.filterwarnings(
    "ignore:.*fixed point:UserWarning"  # what naive Bayes warns of, tested elsewhere
)


def start(n_workers=2, **params):
    params = {"threads_per_worker": 1, "dashboard_address": ":0", **params}
    # The profiler asks for the frames of all threads, at which Python 3.11 can
    # deadlock when a collection of garbage falls together with it (gh-106883).
    with dask.config.set({"distributed.worker.profile.enabled": False}):
        return distributed.LocalCluster(n_workers=n_workers, **params)


@pytest.fixture(scope="module")
def cluster():
    """Two workers in threads of this process: they start in an instant.

    They share objects instead of copies, so tasks that change something show.
    """
    with start(processes=False) as running:
        yield running


@pytest.fixture(scope="module")
def processes():
    with start() as running:
        yield running


@pytest.fixture
def client(cluster):
    with distributed.Client(cluster) as connected:
        yield connected


@pytest.fixture
def of_processes(processes):
    with distributed.Client(processes) as connected:
        yield connected


def rows_of(data, start, stop):
    return getattr(data, "iloc", data)[start:stop]


def cut(data, size=SIZE, kind=None):
    """Rows in blocks, as a list of delayed."""
    n_rows = data.shape[0] if hasattr(data, "shape") else len(data)
    blocks = [rows_of(data, i, i + size) for i in range(0, n_rows, size)]
    return [dask.delayed(block if kind is None else kind(block)) for block in blocks]


def unknown_sizes(data, size=SIZE):
    """Rows in blocks, as a dask array that does not know their numbers."""
    shape = (np.nan, *data.shape[1:])
    meta = data[:0]
    arrays = [da.from_delayed(b, shape, meta=meta) for b in cut(data, size)]
    return da.concatenate(arrays, allow_unknown_chunksizes=True)


def assert_same_map(actual, expected):
    for name in FIELDS:
        left, right = (getattr(m, name) for m in (actual, expected))
        assert (left is None) == (right is None)
        if right is not None:
            assert left.dtype == right.dtype
            np.testing.assert_array_equal(left, right)
    assert actual.measures.keys() == expected.measures.keys()
    for name, values in expected.measures.items():
        np.testing.assert_array_equal(actual.measures[name], values)
    assert actual.n_epochs == expected.n_epochs
    # Nobody looks at the scales of columns on the workers.
    changing = {"time", "batch_size", "scale_ratio", "n_asked"}  # after an interrupt
    assert {k: v for k, v in actual.meta.items() if k not in changing} == {
        k: v for k, v in expected.meta.items() if k not in changing
    }


def weights_of(estimator):
    """Every fitted array in an estimator, nested ones too."""
    found = []
    for name, value in sorted(vars(estimator).items()):
        if not name.endswith("_") or name.startswith("_"):
            continue
        for item in value if isinstance(value, list) else [value]:
            found += weights_of(item) if hasattr(item, "get_params") else [item]
    return found


def assert_same(actual, expected):
    assert_same_map(actual.data_map_, expected.data_map_)
    pd.testing.assert_frame_equal(actual.history_, expected.history_, check_exact=True)
    np.testing.assert_array_equal(actual.classes_, expected.classes_)
    assert actual.n_features_in_ == expected.n_features_in_
    assert repr(actual.estimator_) == repr(expected.estimator_)
    for left, right in zip(
        weights_of(actual.estimator_), weights_of(expected.estimator_), strict=True
    ):
        if isinstance(right, np.ndarray) and right.dtype != object:
            np.testing.assert_array_equal(left, right)


def on_one_machine(estimator, X, y, sample_weight=None, *, size=SIZE, **params):
    clf = OneMachine(
        *(estimator,), batch_order="blocks", batch_size=size, **(COMMON | params)
    )
    return clf.fit(X, y, sample_weight)


def on_cluster(estimator, X, y, sample_weight=None, **params):
    clf = DataMapClassifier(estimator, **(COMMON | params))
    return clf.fit(X, y, sample_weight)


def assert_equal_to_one_machine(estimator, X, y, **params):
    actual = on_cluster(estimator, cut(X), cut(y), **params)
    assert_same(actual, on_one_machine(estimator, X, y, **params))
    return actual


def small_mlp():
    return MLPClassifier((8,))


class TestSameBits:
    """Of every kind of learner, of data, of labels, and of cluster."""

    @pytest.mark.parametrize(
        "estimator",
        [
            pytest.param(None, id="default, balanced"),
            SGDClassifier(**LOG_LOSS),
            SGDClassifier(loss="hinge"),
            Perceptron(),
            small_mlp(),
            SGDClassifier(**LOG_LOSS, random_state=3, average=True),
        ],
        ids=str,
    )
    @pytest.mark.parametrize("n_classes", [2, 10])
    def test_learners(self, client, digits, estimator, n_classes):
        X, y = digits
        random_state = None if getattr(estimator, "random_state", None) else 0
        assert_equal_to_one_machine(
            *(estimator, X, y % n_classes), random_state=random_state
        )

    @pytest.mark.parametrize("estimator", [None, small_mlp()], ids=str)
    def test_on_processes(self, of_processes, digits, estimator):
        X, y = digits
        assert_equal_to_one_machine(estimator, X, y, measures=MEASURES)

    @no_dynamics
    @pytest.mark.parametrize(
        "estimator", [GaussianNB(), BernoulliNB(), MultinomialNB(), CategoricalNB()]
    )
    def test_naive_bayes(self, client, digits, estimator):
        X, y = digits
        X = np.rint(X * 16).astype(int)
        X[-1, 7] = 40  # a category that only the last block has
        assert_equal_to_one_machine(estimator, X, y)

    @pytest.mark.parametrize(
        "estimator",
        [
            pytest.param(None, id="one clone a label"),
            small_mlp(),
            MultiOutputClassifier(SGDClassifier(**LOG_LOSS, class_weight="balanced")),
        ],
        ids=str,
    )
    def test_multilabel(self, client, multilabel, estimator):
        X, y = multilabel
        y = pd.DataFrame(y, columns=["odd", "large", "round"])
        clf = assert_equal_to_one_machine(estimator, X, y, measures=MEASURES[:3])
        assert clf.classes_.tolist() == ["odd", "large", "round"]

    def test_sparse_indicator(self, client, multilabel):
        X, y = multilabel
        assert_equal_to_one_machine(None, X, sparse.csr_matrix(y))

    @pytest.mark.parametrize("which", ["local", "blocks"])
    def test_weights_also_of_a_block_without_any(self, client, digits, which):
        X, y = digits
        weights = np.random.default_rng(0).uniform(size=len(y))
        weights[SIZE : 2 * SIZE] = 0
        given = weights if which == "local" else cut(weights)
        actual = on_cluster(None, cut(X), cut(y), given)
        assert_same(actual, on_one_machine(None, X, y, weights))

    def test_measures_and_trajectories(self, client, digits):
        X, y = digits
        assert_equal_to_one_machine(
            *(None, X, y), measures=MEASURES, store_trajectories=True, n_epochs=3
        )

    def test_trajectories_by_the_size_of_the_whole(self, client, digits, monkeypatch):
        X, y = digits
        for most, kept in ((3 * len(y), True), (3 * len(y) - 1, False)):
            monkeypatch.setattr("sklearn_datamaps._training.recipe.MOST_STORED", most)
            clf = assert_equal_to_one_machine(None, X, y, n_epochs=3)
            assert (clf.data_map_.trajectories is not None) == kept

    @pytest.mark.parametrize(
        "kind",
        [
            sparse.csr_matrix,
            sparse.csr_array,
            sparse.csc_matrix,
            sparse.coo_array,
            np.asfortranarray,
            lambda X: X.astype(np.float32),
            lambda X: sparse.csr_array(X.astype(np.float32)),
            lambda X: pd.DataFrame(X).add_prefix("pixel"),
        ],
        ids=["csr", "csr_array", "csc", "coo", "fortran", "float32", "csr32", "frame"],
    )
    def test_blocks_of_features(self, client, digits, kind):
        X, y = digits
        y = y > 4
        expected = on_one_machine(None, kind(X), y)
        actual = on_cluster(None, cut(X, kind=kind), cut(y))
        assert_same(actual, expected)
        names = getattr(expected, "feature_names_in_", None)
        np.testing.assert_array_equal(getattr(actual, "feature_names_in_", None), names)

    def test_64_bit_indices_and_unsorted_ones(self, client, digits):
        X, y = digits

        def wide(block):
            block = sparse.csr_matrix(block[:, ::-1])[:, ::-1]
            block.indices = block.indices.astype(np.int64)
            block.indptr = block.indptr.astype(np.int64)
            return block

        actual = on_cluster(None, cut(X, kind=wide), cut(y))
        assert_same(actual, on_one_machine(None, wide(X), y))

    def test_blocks_of_pydata_sparse(self, client, digits):
        X, y = digits
        actual = on_cluster(None, cut(X, kind=Pydata), cut(y))
        assert_same(actual, on_one_machine(None, sparse.csr_matrix(X), y))

    @pytest.mark.parametrize(
        "name_of",
        [
            lambda y: np.array(["no", "yes", "maybe so"])[y % 3],
            lambda y: np.array(["no", "yes", "maybe so"], dtype=object)[y % 3],
            lambda y: y % 2 == 0,
            lambda y: np.array([30, -1, 7])[y % 3],
            lambda y: (y % 3).astype(float),
            lambda y: pd.Series(y % 3).map({0: "b", 1: "a", 2: "c"}),
            lambda y: pd.Series(y % 3).map({0: "b", 1: "a", 2: "c"}).astype("category"),
            lambda y: (y % 3).reshape(-1, 1),
        ],
        ids=[
            *("str", "object", "bool", "ints", "floats", "series", "categorical"),
            "column",
        ],
    )
    @pytest.mark.parametrize("where", ["local", "blocks"])
    def test_labels(self, client, digits, name_of, where):
        X, y = digits
        y = name_of(y)
        flat = np.ravel(y) if isinstance(y, np.ndarray) else y
        actual = on_cluster(None, cut(X), y if where == "local" else cut(y))
        assert_same(actual, on_one_machine(None, X, flat))

    def test_a_class_that_only_one_block_has(self, client, digits):
        X, y = digits
        y = np.where(y > 4, "high", "low").astype(object)
        y[450] = "somewhere between"
        assert_equal_to_one_machine(None, X, y)

    def test_dask_arrays(self, client, digits):
        X, y = digits
        expected = on_one_machine(None, X, y)
        known = da.from_array(X, (SIZE, 64)), da.from_array(y, SIZE)
        assert_same(on_cluster(None, *known), expected)
        assert_same(on_cluster(None, unknown_sizes(X), unknown_sizes(y)), expected)
        assert_same(on_cluster(None, unknown_sizes(X), y.tolist()), expected)

    def test_futures_and_temporaries_that_are_persisted(self, client, digits):
        X, y = digits
        expected = on_one_machine(None, X, y)
        futures = client.compute(cut(X)), client.scatter(cut_here(y))
        assert_same(on_cluster(None, *futures), expected)
        X = da.from_array(X, (SIZE, 64))
        assert_same(on_cluster(None, X.persist(), unknown_sizes(y).persist()), expected)
        held = X.persist()
        assert_same(on_cluster(None, list(held.to_delayed().flat), y), expected)

    def test_mixed_lists(self, client, digits):
        X, y = digits
        blocks = cut(X)
        blocks[1] = client.compute(blocks[1])
        assert_same(on_cluster(None, blocks, y), on_one_machine(None, X, y))

    def test_one_block(self, client, digits):
        X, y = digits
        actual = on_cluster(None, cut(X, 500), cut(y, 500))
        assert_same(actual, on_one_machine(None, X, y, size=500))

    def test_more_probabilities_than_are_predicted_at_once(self, client, digits):
        X, y = digits
        X, y = np.tile(X, (6, 1)), np.arange(3000) % 400
        size = 2900  # x 400 classes > 2**20
        actual = on_cluster(GaussianLike(), cut(X, size), cut(y, size), n_epochs=1)
        expected = on_one_machine(GaussianLike(), X, y, size=size, n_epochs=1)
        assert_same(actual, expected)

    @pytest.mark.parametrize(("n_workers", "n_threads"), [(1, 1), (1, 2), (2, 2)])
    def test_any_number_of_workers_and_threads(self, digits, n_workers, n_threads):
        X, y = digits
        few = start(n_workers, threads_per_worker=n_threads, processes=False)
        with few, distributed.Client(few):
            assert_equal_to_one_machine(small_mlp(), X, y, n_epochs=3)


def cut_here(data, size=SIZE):
    return [rows_of(data, i, i + size) for i in range(0, data.shape[0], size)]


class Pydata:
    """As a block of the library sparse: scikit-learn refuses it as it is."""

    def __init__(self, X):
        self.X = X
        self.shape = X.shape

    def to_scipy_sparse(self):
        return sparse.coo_matrix(self.X)


class GaussianLike(SGDClassifier):
    """Probabilities in an instant, from few of the features."""

    def __init__(self):
        super().__init__(loss="hinge")

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        self.classes_ = classes
        self.n_features_in_ = X.shape[1]
        self.total_ = getattr(self, "total_", 0) + np.bincount(y, minlength=400)
        return self

    def decision_function(self, X):
        return np.outer(X.sum(axis=1), 1 / (1 + self.total_))

    def predict(self, X):
        return self.classes_[self.decision_function(X).argmax(axis=1)]


def test_blocks_of_unequal_size_against_a_plain_loop(client, digits):
    X, y = digits
    bounds = [0, 7, 200, 201, 500]
    blocks = [slice(a, b) for a, b in itertools.pairwise(bounds)]
    clf = DataMapClassifier(GaussianLoop(), n_epochs=3, random_state=5)
    clf.fit([dask.delayed(X[b]) for b in blocks], [dask.delayed(y[b]) for b in blocks])

    learner = GaussianLoop()
    own = []
    for epoch in range(3):
        random = np.random.default_rng(np.random.SeedSequence([5, epoch]))
        for i in random.permutation(4):
            learner.partial_fit(X[blocks[i]], y[blocks[i]], classes=np.arange(10))
        own.append(learner.predict_proba(X)[np.arange(500), y])
    np.testing.assert_allclose(clf.confidence_, np.mean(own, axis=0), rtol=1e-12)
    np.testing.assert_allclose(clf.variability_, np.std(own, axis=0), atol=1e-12)
    np.testing.assert_array_equal(clf.estimator_.means_, learner.means_)
    np.testing.assert_allclose(clf.history_["mean_confidence"], np.mean(own, axis=1))


class GaussianLoop(SGDClassifier):
    """Running means, where the last block counts most, and softmax of distances."""

    def __init__(self):
        super().__init__(loss="log_loss")

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        self.classes_ = classes
        if not hasattr(self, "means_"):
            self.means_ = np.zeros((len(classes), X.shape[1]))
        for label in np.unique(y):
            mean = X[y == label].mean(axis=0)
            self.means_[label] += 0.3 * (mean - self.means_[label])
        return self

    def predict_proba(self, X):
        d = np.exp(-((X[:, None] - self.means_) ** 2).sum(axis=2))
        return d / d.sum(axis=1, keepdims=True)

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


class TestCluster:
    """Which cluster: a given client, an address, the current one."""

    def test_client_address_and_current(self, cluster, client, digits):
        X, y = digits
        expected = on_one_machine(None, X, y)
        address = cluster.scheduler_address
        assert_same(on_cluster(None, cut(X), y, client=address), expected)
        with distributed.Client(address, set_as_default=False) as other:
            assert_same(on_cluster(None, cut(X), y, client=other), expected)
        assert distributed.get_client() is client

    def test_none_at_all(self, digits):
        X, y = digits
        with pytest.raises(ValueError, match=r"no Dask client.*distributed\.Client\("):
            on_cluster(None, cut(X), y)

    @pytest.mark.parametrize("client", [7, object()])
    def test_something_else(self, digits, client):
        X, y = digits
        with pytest.raises(TypeError, match=r"client must be a distributed\.Client"):
            on_cluster(None, cut(X), y, client=client)

    def test_asynchronous(self, cluster, digits):
        X, y = digits

        async def fit():
            address = cluster.scheduler_address
            async with distributed.Client(address, asynchronous=True) as client:
                on_cluster(None, cut(X), y, client=client)

        with pytest.raises(TypeError, match="got an asynchronous Client"):
            asyncio.run(fit())

    def test_closed(self, cluster, digits):
        X, y = digits
        client = distributed.Client(cluster)
        client.close()
        with pytest.raises(ValueError, match=r"client is closed. Make a new one"):
            on_cluster(None, cut(X), y, client=client)

    def test_no_workers_yet_warns_and_waits(self, digits):
        X, y = digits
        with start(0, processes=False) as empty, distributed.Client(empty):

            def join_when_there_is_work():
                wait_until(lambda: empty.scheduler.tasks)
                empty.scale(1)

            joins = threading.Thread(target=join_when_there_is_work)
            joins.start()
            with pytest.warns(UserWarning, match="no workers.*cluster.scale"):
                clf = on_cluster(None, cut(X), y)
            joins.join()
        assert_same(clf, on_one_machine(None, X, y))

    def test_inside_a_task_that_holds_the_only_thread(self, digits):
        X, y = digits
        with start(1, processes=False) as one, distributed.Client(one) as client:
            clf = client.submit(on_cluster, None, cut(X), y).result(timeout=PATIENCE)
        assert_same(clf, on_one_machine(None, X, y))

    @pytest.mark.parametrize("copy", [clone, lambda clf: clf.set_params(n_epochs=2)])
    def test_copies_share_the_client(self, client, digits, copy):
        X, y = digits
        clf = copy(DataMapClassifier(None, client=client, gather=False, **COMMON))
        assert clf.get_params()["client"] is client
        assert "client=<Client" in repr(clf)
        assert clf.fit(cut(X), y).n_epochs_ == 2

    def test_progress_is_shown(self, client, digits, capsys):
        X, y = digits
        on_cluster(None, cut(X), y, verbose=1)
        assert "2/2" in capsys.readouterr().err


class TestMapOnTheWorkers:
    """gather=False."""

    def test_dask_arrays_until_the_map_is_asked_for(self, client, digits):
        X, y = digits
        clf = on_cluster(None, cut(X), cut(y), gather=False, measures=["loss"])
        expected = on_one_machine(None, X, y, measures=["loss"])
        for name in ("confidence_", "variability_", "correctness_"):
            actual = getattr(clf, name)
            assert isinstance(actual, da.Array)
            assert actual.chunks == ((SIZE, SIZE, 160),)
            assert actual.dtype == np.float64
            np.testing.assert_array_equal(actual.compute(), getattr(expected, name))
        mask = clf.region_mask("hard", band=0.05)
        assert isinstance(mask, da.Array)
        assert mask.dtype == bool
        np.testing.assert_array_equal(
            mask.compute(), expected.region_mask("hard", band=0.05)
        )
        assert "_map" not in vars(clf)
        assert_same(clf, expected)
        assert clf.data_map_ is clf.data_map_

    def test_multilabel(self, client, multilabel):
        X, y = multilabel
        clf = on_cluster(None, cut(X), cut(y), gather=False)
        assert clf.confidence_.shape == (500, 3)
        expected = on_one_machine(None, X, y)
        np.testing.assert_array_equal(clf.confidence_.compute(), expected.confidence_)
        np.testing.assert_array_equal(
            clf.region_mask("easy").compute(), expected.region_mask("easy")
        )

    def test_unknown_region_is_refused_at_once(self, client, digits):
        X, y = digits
        clf = on_cluster(None, cut(X), y, gather=False)
        with pytest.raises(ValueError, match="mislabeled"):
            clf.region_mask("mislabeled")

    @pytest.mark.parametrize("gather", [True, False])
    def test_pickle_takes_the_map_and_no_client(self, client, digits, gather):
        X, y = digits
        clf = on_cluster(None, cut(X), y, gather=gather, client=client)
        loaded = pickle.loads(pickle.dumps(clf))
        assert clf.client is client
        assert loaded.client is None
        client.close()
        assert_same(loaded, on_one_machine(None, X, y))
        assert isinstance(loaded.confidence_, np.ndarray)
        assert loaded.region_mask("easy").shape == (500,)
        assert loaded.predict(X).shape == (500,)

    @pytest.mark.parametrize("gather", [True, False])
    def test_map_from_the_estimator(self, client, digits, gather):
        X, y = digits
        clf = on_cluster(None, cut(X), y, gather=gather)
        assert_same_map(
            DataMap.from_estimator(clf), on_one_machine(None, X, y).data_map_
        )

    def test_an_address_has_no_client_to_keep_it(self, cluster, digits):
        X, y = digits
        address = cluster.scheduler_address
        with pytest.raises(ValueError, match=r"gather=False needs a client.*address"):
            on_cluster(None, cut(X), y, gather=False, client=address)

    def test_rows_to_validate_are_for_one_machine(self):
        X = np.zeros((2, 1))
        with pytest.raises(TypeError, match=r"X_val .*use sklearn_datamaps\.DataMapCl"):
            DataMapClassifier().fit([X], [[0, 1]], X_val=X, y_val=[0, 1])

    def test_before_fit(self):
        clf = DataMapClassifier()
        with pytest.raises(NotFittedError):
            _ = clf.confidence_
        with pytest.raises(NotFittedError):
            clf.region_mask("easy")
        assert not hasattr(clf, "data_map_")


class TestPredict:
    """Dask arrays are predicted where they are."""

    @pytest.mark.parametrize("n_classes", [2, 3])
    def test_as_on_one_machine(self, client, digits, n_classes):
        X, y = digits
        y = np.array(["a", "bb", "ccc"])[y % n_classes]
        clf = on_cluster(None, cut(X), y)
        local = on_one_machine(None, X, y)
        for method in ("predict", "predict_proba", "decision_function"):
            # Block by block: sums of other sizes may round otherwise.
            expected = np.concatenate([getattr(local, method)(b) for b in cut_here(X)])
            for given in (da.from_array(X, (SIZE, 64)), unknown_sizes(X)):
                lazy = getattr(clf, method)(given)
                assert isinstance(lazy, da.Array)
                assert lazy.dtype == expected.dtype
                assert lazy.ndim == expected.ndim
                np.testing.assert_array_equal(lazy.compute(), expected)
            np.testing.assert_array_equal(
                getattr(clf, method)(X), getattr(local, method)(X)
            )

    def test_multilabel_and_sparse(self, client, multilabel):
        X, y = multilabel
        X = sparse.csr_matrix(X)
        clf = on_cluster(None, cut(X), cut(y))
        expected = on_one_machine(None, X, y)
        for method in ("predict", "predict_proba", "decision_function"):
            np.testing.assert_array_equal(
                getattr(clf, method)(unknown_sizes(X)).compute(),
                getattr(expected, method)(X),
            )

    def test_hidden_where_the_learner_has_none(self, client, digits):
        X, y = digits
        clf = on_cluster(SGDClassifier(), cut(X), y)
        assert not hasattr(clf, "predict_proba")
        assert hasattr(clf, "decision_function")

    def test_lists_of_blocks_are_refused(self, client, digits):
        X, y = digits
        clf = on_cluster(None, cut(X), y)
        with pytest.raises(TypeError, match=r"X is list; to predict, pass a dask"):
            clf.predict(cut(X))


class TestLoss:
    """Worker processes that die; only such that the test has started."""

    @staticmethod
    def kill_one(client, seed):
        pids = sorted(client.run(os.getpid).values())
        os.kill(pids[seed % len(pids)], signal.SIGKILL)

    @pytest.mark.parametrize(
        "seed",
        # Nightly: other workers and moments, each of which takes a worker that starts.
        [1, *(pytest.param(seed, marks=pytest.mark.nightly) for seed in (0, 2, 3))],
    )
    def test_in_the_middle_of_fit(self, of_processes, digits, seed):
        X, y = digits
        killed_at = []

        def at_epoch(epoch):
            # The next epochs are on the workers already, and fit cannot end before.
            if epoch == 2:
                self.kill_one(of_processes, seed)
                killed_at.append(epoch)

        of_processes.wait_for_workers(2)
        clf = Watched(None, n_epochs=12, random_state=0)
        clf.at_epoch = at_epoch
        clf.fit(cut(X), y if seed else cut(y))
        assert killed_at == [2]
        assert_same(clf, on_one_machine(None, X, y, n_epochs=12))

    def test_before_the_map_is_gathered(self, of_processes, digits):
        X, y = digits
        of_processes.wait_for_workers(2)
        clf = on_cluster(None, cut(X), cut(y), gather=False)
        self.kill_one(of_processes, 0)
        expected = on_one_machine(None, X, y)
        np.testing.assert_array_equal(clf.confidence_.compute(), expected.confidence_)
        assert_same(clf, expected)

    def test_blocks_that_cannot_be_computed_again(self, cluster, client, digits):
        X, y = digits
        blocks = client.scatter(cut_here(X))
        blocks[2].release()
        with pytest.raises(RuntimeError, match=r"Blocks are gone.*scattered"):
            on_cluster(None, blocks, y)

    def test_sizes_are_right_also_on_a_worker_that_joins_later(
        self, of_processes, digits
    ):
        X, y = digits
        of_processes.wait_for_workers(2)
        on_cluster(None, cut(X), y, n_epochs=1)
        before = of_processes.run_on_scheduler(ids_of_workers)
        self.kill_one(of_processes, 1)

        def another_is_there():
            now = of_processes.run_on_scheduler(ids_of_workers)
            return len(now) == 2 and now != before

        wait_until(another_is_there)

        def all_know():
            sizes = of_processes.run(size_of_csr_array)
            return set(sizes.values()) == {12_000 + 404}

        # The scheduler lists a worker before it has set its plugins up.
        wait_until(all_know)


def ids_of_workers(dask_scheduler):
    return {worker.server_id for worker in dask_scheduler.workers.values()}


def size_of_csr_array():
    X = sparse.csr_array(np.ones((100, 10)))
    X.indices, X.indptr = X.indices.astype(np.int32), X.indptr.astype(np.int32)
    return dask.sizeof.sizeof(X)


class Watched(DataMapClassifier):
    """Calls at_epoch when an epoch is complete."""

    @contextlib.contextmanager
    def _progress(self, what, done, n_epochs):
        epochs = itertools.count(1)
        yield lambda totals, n_epochs: self.at_epoch(next(epochs))


class TestInterrupted:
    @pytest.mark.parametrize("gather", [True, False])
    def test_complete_epochs_are_kept_and_the_rest_is_cancelled(
        self, client, digits, gather
    ):
        X, y = digits

        def interrupt(epoch):
            if epoch == 2:
                raise KeyboardInterrupt

        clf = Watched(None, n_epochs=50, random_state=0, gather=gather)
        clf.at_epoch = interrupt
        with pytest.raises(KeyboardInterrupt) as stopped:
            clf.fit(cut(X), cut(y))
        assert_same(clf, on_one_machine(None, X, y, n_epochs=2))
        del clf
        # Also while the traceback, as in a notebook, has what fit was doing: the three
        # records of the last complete epoch, and no later ones.
        wait_until(lambda: len(client.run_on_scheduler(names_of_records)) <= 3)
        del stopped
        wait_until(lambda: not client.run_on_scheduler(names_of_tasks))

    def test_signal_while_it_waits_for_the_workers(self, client, digits, monkeypatch):
        X, y = digits
        stopped = threading.Event()

        def interrupt():
            """On a worker, which makes nothing else until fit has stopped."""
            wait_until(main_thread_waits_for_tasks)
            os.kill(os.getpid(), signal.SIGINT)
            assert stopped.wait(PATIENCE)

        monkeypatch.setattr(AtThirdEpoch, "call", staticmethod(interrupt))
        clf = DataMapClassifier(AtThirdEpoch(), n_epochs=20, random_state=0)
        try:
            with pytest.raises(KeyboardInterrupt):
                clf.fit(cut(X), cut(y))
        finally:
            stopped.set()
        # The second may wait for that worker.
        assert clf.n_epochs_ in (1, 2)
        expected = on_one_machine(AtThirdEpoch(), X, y, n_epochs=clf.n_epochs_)
        assert_same(clf, expected)

    @pytest.mark.parametrize("epoch", [2, 3])
    def test_signal_that_python_ignores_in_a_finalizer(
        self, client, digits, monkeypatch, epoch
    ):
        X, y = digits
        ignored = []
        monkeypatch.setattr(sys, "unraisablehook", lambda u: ignored.append(u.exc_type))
        clf = Watched(None, n_epochs=3, random_state=0)
        clf.at_epoch = lambda done: InterruptedAtItsEnd() if done == epoch else None
        with pytest.raises(KeyboardInterrupt):
            clf.fit(cut(X), cut(y))
        assert ignored == [KeyboardInterrupt]
        assert_same(clf, on_one_machine(None, X, y, n_epochs=epoch))

    def test_probabilities_that_become_nan_keep_the_epochs_before(self, client, digits):
        X, y = digits
        clf = DataMapClassifier(Diverges(), n_epochs=4, random_state=0)
        with pytest.raises(ValueError, match=r"Epoch 2.*NaN.*scale the features"):
            clf.fit(cut(X), cut(y))
        expected = on_one_machine(Diverges(), X, y, n_epochs=1)
        np.testing.assert_array_equal(clf.confidence_, expected.confidence_)
        assert clf.n_epochs_ == len(clf.history_) == 1

    def test_a_client_that_is_closed_on_the_way(self, cluster, digits):
        X, y = digits
        client = distributed.Client(cluster)
        clf = Watched(None, n_epochs=50, client=client)
        clf.at_epoch = lambda epoch: client.close() if epoch == 2 else None
        with pytest.raises(Exception, match=r"(?i)closed"):
            clf.fit(cut(X), cut(y))

    def test_a_client_that_is_closed_while_fit_waits(
        self, cluster, digits, monkeypatch
    ):
        X, y = digits
        trains, stopped, errors = threading.Event(), threading.Event(), []

        def block():
            """On a worker, which makes nothing else until fit has stopped."""
            trains.set()
            assert stopped.wait(PATIENCE)

        def fit():
            try:
                clf.fit(cut(X), cut(y))
            except Exception as error:
                errors.append(error)

        monkeypatch.setattr(AtThirdEpoch, "call", staticmethod(block))
        # With an event loop of its own, which ends with it.
        address = cluster.scheduler_address
        client = distributed.Client(address, set_as_default=False)
        clf = DataMapClassifier(AtThirdEpoch(), n_epochs=20, client=client)
        fitting = threading.Thread(target=fit, daemon=True)
        try:
            fitting.start()
            assert trains.wait(PATIENCE)
            client.close()
            fitting.join(PATIENCE)
            assert not fitting.is_alive()
        finally:
            stopped.set()
        assert "closed" in str(errors[0])

    def test_a_client_whose_event_loop_answers_no_more(self):
        class Gone:
            status = "closed"
            loop = SimpleNamespace(add_callback=lambda callback: None)

        with pytest.raises(CancelledError, match="The client was closed"):
            gather(Gone(), [])


def names_of_tasks(dask_scheduler):
    return list(dask_scheduler.tasks)


def names_of_records(dask_scheduler):
    return [
        name
        for name, task in dask_scheduler.tasks.items()
        if "record_block" in str(name) and task.state != "released"
    ]


def wait_until(is_so):
    end = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.05)


def main_thread_waits_for_tasks():
    frame = sys._current_frames()[threading.main_thread().ident]
    names = []
    while frame is not None:
        names.append(frame.f_code.co_name)
        frame = frame.f_back
    return names[:2] == ["wait", "wait"] and "gather" in names  # for an Event


class AtThirdEpoch(SGDClassifier):
    """Calls something before its third epoch of 500 rows."""

    call = None

    def __init__(self, random_state=None):
        super().__init__(loss="log_loss", random_state=random_state)

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        if getattr(self, "t_", 0) == 1001:
            self.call()
        return super().partial_fit(X, y, classes=classes, sample_weight=sample_weight)


class InterruptedAtItsEnd:
    """Gets Ctrl-C where Python ignores what is raised."""

    def __del__(self):
        signal.raise_signal(signal.SIGINT)


class Diverges(SGDClassifier):
    """Probabilities that are NaN from the second epoch on, of blocks of 100 rows."""

    def __init__(self, random_state=None):
        super().__init__(loss="log_loss", random_state=random_state)

    def predict_proba(self, X):
        proba = super().predict_proba(X)
        return proba * np.nan if self.t_ > 501 else proba


class TestRefused:
    """Before any training: what was wrong, what was given, what to do."""

    def test_values_that_are_missing_or_no_numbers(self, client, digits):
        X, y = digits
        X = X.copy()
        X[SIZE + 3, 5] = np.nan
        with pytest.raises(ValueError, match=r"Block 1: Input X contains NaN"):
            on_cluster(None, cut(X), y)
        with pytest.raises(ValueError, match=r"Block \d: could not convert string"):
            on_cluster(None, cut(X.astype(str).astype(object) + "!"), y)

    def test_labels_that_are_missing(self, client, digits):
        X, y = digits
        labels = y.astype(object)
        labels[2 * SIZE] = None
        with pytest.raises(ValueError, match=r"Block 2: Input y contains NaN"):
            on_cluster(None, cut(X), cut(labels))
        with pytest.raises(ValueError, match=r"^Input y contains NaN"):
            on_cluster(None, cut(X), labels)
        with pytest.raises(ValueError, match="y is None"):
            on_cluster(None, cut(X), None)

    def test_labels_that_are_no_classes(self, client, digits):
        X, y = digits
        with pytest.raises(ValueError, match=r"Block \d: Unknown label.*continuous"):
            on_cluster(None, cut(X), cut(y + 0.5))
        with pytest.raises(ValueError, match=r"one class only.*at least two"):
            on_cluster(None, cut(X), cut(y * 0))

    def test_labels_of_two_kinds(self, client, digits):
        X, y = digits
        mixed = [*cut(y[:SIZE]), *cut(y[SIZE:].astype(str))]
        with pytest.raises(ValueError, match=r"y mixes.*Make all labels strings"):
            on_cluster(None, cut(X), mixed)
        mixed = [*cut(y[:SIZE]), *cut(np.eye(10)[y[SIZE:]])]
        with pytest.raises(ValueError, match="one column in some blocks and several"):
            on_cluster(None, cut(X), mixed)

    def test_indicators_of_other_labels(self, client, multilabel):
        X, y = multilabel
        frames = [pd.DataFrame(y[:SIZE]), *[pd.DataFrame(y[SIZE:]).add_prefix("x")]]
        blocks = [dask.delayed(frame) for frame in frames]
        with pytest.raises(ValueError, match=r"Blocks 0 and 1 of y.*different labels"):
            on_cluster(None, [*cut(X[:SIZE]), *cut(X[SIZE:], 500)], blocks)

    def test_features_that_differ(self, client, digits):
        X, y = digits
        blocks = [*cut(X[:SIZE]), *cut(X[SIZE:, 1:])]
        match = "Block 1 of X has 63 features, block 0 has 64.*Vectorize"
        with pytest.raises(ValueError, match=match):
            on_cluster(None, blocks, y)

    def test_columns_of_categories(self, client, digits):
        X, y = digits
        frame = pd.DataFrame({"a": X[:, 3], "city": pd.Categorical(y)})
        match = r"Block \d: The column 'city' of X \(category\) holds no numbers"
        with pytest.raises(ValueError, match=match):
            on_cluster(None, cut(frame), y)

    def test_names_of_features_that_differ(self, client, digits):
        X, y = digits
        frame = pd.DataFrame(X).add_prefix("pixel")
        other = frame.iloc[SIZE:, ::-1]
        blocks = [*cut(frame.iloc[:SIZE]), *cut(other)]
        with pytest.raises(
            ValueError, match=r"Block 1 of X.*names.*'pixel63' in place of"
        ):
            on_cluster(None, blocks, y)

    @pytest.mark.parametrize("name", ["y", "sample_weight"])
    def test_blocks_that_are_cut_elsewhere(self, client, digits, name):
        X, y = digits
        given = {"y": y, "sample_weight": np.ones(len(y))}
        given = given | {name: cut(given[name], 250)}
        with pytest.raises(ValueError, match=f"{name} has 2 blocks, X has 3"):
            DataMapClassifier().fit(cut(X), **given)
        given = given | {name: cut(given["y"] if name == "y" else np.ones(500), 180)}
        given["y"] = cut(y, 180) if name == "y" else y
        match = rf"Block \d: {name} has 1[48]0 rows, X has 1[67]0. Cut both"
        with pytest.raises(ValueError, match=match):
            DataMapClassifier().fit(cut(X), **given)

    def test_local_data_of_another_length(self, client, digits):
        X, y = digits
        with pytest.raises(ValueError, match="y has 499 rows, X has 500"):
            on_cluster(None, cut(X), y[1:])
        with pytest.raises(ValueError, match="sample_weight has 2 rows, X has 500"):
            on_cluster(None, cut(X), y, [1, 2])

    def test_blocks_of_columns(self, client, digits):
        X, y = digits
        match = r"X has 2 blocks of columns.*X\.rechunk"
        with pytest.raises(ValueError, match=match):
            on_cluster(None, da.from_array(X, (SIZE, 32)), y)

    @pytest.mark.parametrize("X", [np.eye(4), [], [1, 2], "text", None])
    def test_no_blocks(self, client, X):
        match = r"X is (ndarray|list|str|NoneType); expected a dask\.array"
        with pytest.raises(TypeError, match=match):
            on_cluster(None, X, [0, 1, 0, 1])

    def test_weights_that_leave_one_class(self, client, digits):
        X, y = digits
        with pytest.raises(ValueError, match="sample_weight leaves one class only"):
            on_cluster(None, cut(X), y, (y == 3).astype(float))
        with pytest.raises(ValueError, match=r"Block 1: .*contains NaN"):
            on_cluster(None, cut(X), y, np.where(np.arange(500) == 200, np.nan, 1))
        with pytest.raises(TypeError, match="sample_weight"):
            on_cluster(MLPClassifierWithoutWeights(), cut(X), y, np.ones(500))

    def test_learners_with_stages(self, client, digits):
        X, y = digits
        with pytest.raises(TypeError, match=r"GradientBoosting.*cannot be trained"):
            on_cluster(GradientBoostingClassifier(), cut(X), y)

    @pytest.mark.parametrize(
        "use",
        [
            lambda clf, X, y: audit_labels(clf, X, y),
            lambda clf, X, y: DataMapSampler(clf).fit_resample(X, y),
            lambda clf, X, y: OneMachine(clf).fit(X, y),
        ],
        ids=["audit_labels", "DataMapSampler", "DataMapClassifier"],
    )
    def test_what_works_on_one_machine_says_what_to_use(self, digits, use):
        told = (
            r"^sklearn_datamaps\.dask\.DataMapClassifier records .*: pass the .* inside"
        )
        with pytest.raises(TypeError, match=told):
            use(DataMapClassifier(), *digits)

    def test_parameters(self, client, digits):
        X, y = digits
        with pytest.raises(ValueError, match="n_epochs"):
            on_cluster(None, cut(X), y, n_epochs=0)
        with pytest.raises(ValueError, match="gather"):
            on_cluster(None, cut(X), y, gather="later")

    def test_blocks_sorted_by_class_warn(self, client, digits):
        X, y = digits
        y = y > 4
        order = np.argsort(y, kind="stable")
        with pytest.warns(UserWarning, match="sorted by class.*Shuffle"):
            on_cluster(None, cut(X[order]), y[order])


class MLPClassifierWithoutWeights(SGDClassifier):
    def __init__(self):
        super().__init__(loss="log_loss")

    def partial_fit(self, X, y, classes=None):
        return super().partial_fit(X, y, classes=classes)


class TestEmptyBlocks:
    """What a filter leaves of a block may be nothing."""

    @pytest.mark.parametrize("where", ["local", "blocks"])
    def test_are_left_out(self, client, digits, where):
        X, y = digits
        cuts = [slice(0, 0), slice(0, 170), slice(170, 170), slice(170, 500)]
        blocks = [dask.delayed(X[rows]) for rows in cuts]
        labels = y if where == "local" else [dask.delayed(y[rows]) for rows in cuts]
        full = [blocks[1], blocks[3]]
        expected = on_cluster(None, full, y)
        assert_same(on_cluster(None, blocks, labels), expected)
        weights = [dask.delayed(np.ones(rows.stop - rows.start)) for rows in cuts]
        assert_same(on_cluster(None, blocks, labels, weights), expected)
        lazy = on_cluster(None, blocks, labels, gather=False).confidence_
        np.testing.assert_array_equal(lazy.compute(), expected.confidence_)

    def test_of_an_array_that_was_filtered(self, client, digits):
        X, y = digits
        X, y = da.from_array(X, (SIZE, 64)), da.from_array(y, SIZE)
        keep = np.arange(500) >= SIZE
        lazy = da.from_array(keep, SIZE)
        clf = on_cluster(None, X[lazy], y[lazy])
        assert clf.confidence_.shape == (330,)
        assert clf.predict(X[lazy]).compute().shape == (330,)

    def test_rows_without_labels_are_refused(self, client, digits):
        X, y = digits
        blocks = [dask.delayed(X[:0]), *cut(X)]
        with pytest.raises(ValueError, match="Block 0: y has 10 rows, X has 0"):
            on_cluster(None, blocks, [dask.delayed(y[:10]), *cut(y)])
        with pytest.raises(ValueError, match="All 2 blocks of X are empty"):
            on_cluster(None, [blocks[0]] * 2, [dask.delayed(y[:0])] * 2)


class TestVectorize:
    TEXTS = ("so kind of you", "thanks a lot", "no way", "thank you so much") * 25
    LABELS = np.array([1, 1, 0, 1] * 25)

    @pytest.mark.parametrize(
        "blocks",
        [
            lambda texts: bag.from_sequence(texts, npartitions=3).map(str.upper),
            lambda texts: [dask.delayed(texts[i : i + 30]) for i in range(0, 100, 30)],
            lambda texts: da.from_array(np.array(texts), 40),
            lambda texts: da.from_array(np.array(texts, dtype=object), 40),
            lambda texts: [dask.delayed(pd.Series(texts, index=range(100, 200)))],
        ],
        ids=["bag", "delayed", "array of str", "array of object", "series"],
    )
    def test_as_the_vectorizer_does(self, client, blocks):
        vectorizer = HashingVectorizer(n_features=2**10)
        X = vectorize(blocks(list(self.TEXTS)), vectorizer)
        assert X.shape[1] == 2**10
        assert np.isnan(X.shape[0])
        assert sparse.issparse(X._meta)
        expected = vectorizer.transform(self.TEXTS)
        assert (abs(X.compute() - expected)).max() == 0

    def test_a_fitted_one(self, client):
        vectorizer = TfidfVectorizer().fit(self.TEXTS)
        X = vectorize(bag.from_sequence(self.TEXTS, npartitions=2), vectorizer)
        assert abs(X.compute() - vectorizer.transform(self.TEXTS)).max() == 0

    def test_from_text_to_map(self, client):
        vectorizer = HashingVectorizer(n_features=2**10)
        X = vectorize(cut(list(self.TEXTS), 40), vectorizer)
        clf = on_cluster(None, X, self.LABELS)
        local = vectorizer.transform(self.TEXTS)
        assert_same(clf, on_one_machine(None, local, self.LABELS, size=40))
        np.testing.assert_array_equal(clf.predict(X).compute(), clf.predict(local))

    def test_refused(self, client):
        texts = cut(list(self.TEXTS))
        with pytest.raises(ValueError, match=r"CountVectorizer is not fitted.*Hashing"):
            vectorize(texts, CountVectorizer())
        with pytest.raises(TypeError, match="texts is tuple; expected a dask bag"):
            vectorize(self.TEXTS, HashingVectorizer())
        with pytest.raises(ValueError, match="gives ndarray, not a sparse"):
            vectorize(texts, Dense())


class Dense:
    def transform(self, texts):
        return np.ones((len(texts), 2))


class TestTasks:
    """Pure functions: a task that is run again trains nothing twice."""

    @pytest.mark.parametrize("estimator", [SGDClassifier(**LOG_LOSS), small_mlp()])
    @pytest.mark.parametrize("multi", [False, True])
    def test_train_and_record_change_nothing_that_they_are_given(
        self, digits, multilabel, estimator, multi
    ):
        X, y = multilabel if multi else digits
        clf = DataMapClassifier(estimator, **COMMON, store_trajectories=True)
        recipe = tasks.worker_recipe(clf._recipe_for(clf._learner()))
        labels = encode_labels(y)
        members = recipe.learner.make_members(labels, len(y), labels.counts(), {})
        args = (X, labels, np.ones(len(y)), recipe, 0)
        members = tasks.train_block(members, *args, 0, 0)
        before = pickle.dumps(members)
        first, second = (tasks.train_block(members, *args, 0, 1) for _ in range(2))
        assert pickle.dumps(members) == before
        assert pickle.dumps(first) == pickle.dumps(second) != before

        once = tasks.record_block(None, members, X, labels, recipe, 0)
        of_once = pickle.dumps(once)
        again = [
            tasks.record_block(once, first, X, labels, recipe, 0) for _ in range(2)
        ]
        assert pickle.dumps(once) == of_once
        assert pickle.dumps(first) == pickle.dumps(second)
        maps = [dynamics.to_map(DataMap) for dynamics, _ in again]
        assert maps[0].n_epochs == 2
        assert_same_map(*maps)
        np.testing.assert_array_equal(again[0][1], again[1][1])

    def test_indices_of_the_users_blocks_are_not_sorted_in_place(self):
        X = sparse.csr_matrix(np.eye(3))
        X.indices = X.indices.astype(np.int64)
        checked = tasks.check_features(X, 0, DataMapClassifier()._learner())
        assert checked.indices.dtype == np.int32
        assert X.indices.dtype == np.int64

    def test_local_labels_are_sent_without_a_warning(self, client, digits):
        X, y = digits
        X, y = np.tile(X, (40, 1)), np.tile(y, 40)
        # Dask warns from 10 MB; the 160 kB of weights are over the limit here.
        with dask.config.set(
            {"distributed.admin.large-graph-warning-threshold": "80 kB"}
        ):
            blocks = client.scatter([X])
            clf = on_cluster(Constant(), blocks, y > 4, np.ones(len(y)), n_epochs=1)
        assert clf.confidence_.shape == (20_000,)


class Constant(SGDClassifier):
    def __init__(self):
        super().__init__(loss="log_loss")

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        self.classes_ = classes
        return self

    def predict_proba(self, X):
        return np.column_stack([np.full(len(X), 0.25), np.full(len(X), 0.75)])
