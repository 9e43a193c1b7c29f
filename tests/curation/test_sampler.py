"""DataMapSampler: which rows are kept, in what form, and what is refused."""

import pickle
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_datamaps import (
    DataMap,
    DataMapClassifier,
    DataMapSampler,
    TrainingDynamics,
)

# Rows 0 ... 7 of two classes, and the probabilities of their own labels in two epochs:
# confidence .9 .8 .5 .3 | .85 .55 .4 .1, variability .05 .1 .3 .2 | 0 .25 .35 .05.
Y = np.array(["a", "a", "a", "a", "b", "b", "b", "b"])
OWN = np.array(
    [
        [0.95, 0.9, 0.8, 0.5, 0.85, 0.8, 0.75, 0.15],
        [0.85, 0.7, 0.2, 0.1, 0.85, 0.3, 0.05, 0.05],
    ]
)
X = np.arange(16.0).reshape(8, 2)


def map_of(own, y, **kwargs):
    """Map of two classes from the probabilities of the own label."""
    classes = np.unique(y)
    second = np.where(y == classes[1], own, 1 - np.asarray(own))
    proba = np.stack([1 - second, second], axis=-1)
    return DataMap.from_probabilities(proba, y, **kwargs)


@pytest.fixture(scope="module")
def data_map():
    return map_of(OWN, Y, measures=["loss"])


def kept(*args, X=X, y=Y, **kwargs):
    sampler = DataMapSampler(*args, **kwargs)
    sampler.fit_resample(X, y)
    return sampler.sample_indices_.tolist()


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        # Variability, highest first: 6 2 5 3 1 (0 7) 4.
        ({}, [2, 5, 6]),
        ({"keep": "variability", "fraction": 0.5}, [2, 3, 5, 6]),
        ({"keep": "variability", "fraction": 0.25, "ascending": True}, [0, 4]),
        ({"drop": "variability", "fraction": 0.5}, [0, 1, 4, 7]),
        # Confidence, lowest first: 7 3 6 2 5 1 4 0.
        ({"keep": "confidence", "fraction": 0.25}, [3, 7]),
        ({"drop": "confidence", "fraction": 0.25}, [0, 1, 2, 4, 5, 6]),
        (
            {"drop": "confidence", "fraction": 0.25, "ascending": False},
            [*range(1, 4), *range(5, 8)],
        ),
        ({"keep": "confidence", "fraction": 1.0}, [*range(8)]),
        # Two most variable ones, and the two surest of the others.
        ({"keep": "variability", "fraction": 0.5, "easy_fraction": 0.5}, [0, 2, 4, 6]),
        # The surest are among the least variable already: the next ones then.
        (
            {
                "keep": "variability",
                "ascending": True,
                "fraction": 0.5,
                "easy_fraction": 0.25,
            },
            [0, 1, 4, 7],
        ),
        # Ambiguous: 2 c - 1 within max(.2, 2 v), which is so for 2 3 5 6.
        ({"keep": "easy"}, [0, 1, 4]),
        ({"keep": "ambiguous"}, [2, 3, 5, 6]),
        ({"keep": ["easy", "hard-to-learn"]}, [0, 1, 4, 7]),
        ({"drop": "hard"}, [*range(7)]),
        ({"drop": ["easy-to-learn", "hard"]}, [2, 3, 5, 6]),
        # No row of "a" is hard: the one nearest to it is added, or none.
        ({"keep": "hard"}, [3, 7]),
        ({"keep": "hard", "min_per_class": 2}, [2, 3, 6, 7]),
        # The least sure of the others are nearest to ambiguous; of these the surest,
        # right or wrong, to the rest.
        ({"keep": "ambiguous", "min_per_class": 3}, [1, 2, 3, 4, 5, 6]),
        ({"drop": "ambiguous", "min_per_class": 3}, [0, 1, 3, 4, 6, 7]),
    ],
)
def test_rows_of_a_map_worked_out_by_hand(data_map, parameters, expected):
    assert kept(data_map, **parameters) == sorted(expected)


def test_without_quotas_the_rows_are_those_of_rank(binary):
    X, y = binary
    sampler = DataMapSampler(keep="confidence", fraction=0.3, random_state=0)
    sampler.fit_resample(X, y)
    expected = np.sort(sampler.data_map_.rank("confidence", fraction=0.3))
    assert_array_equal(sampler.sample_indices_, expected)


def test_ties_keep_the_order_of_the_rows():
    flat = map_of(np.full((1, 6), 0.7), np.array([0, 1, 0, 1, 0, 1]))
    rows = {"X": np.zeros((6, 1)), "y": flat.label}
    assert kept(flat, keep="confidence", fraction=0.5, **rows) == [0, 1, 2]
    assert kept(flat, drop="confidence", fraction=0.5, **rows) == [3, 4, 5]


def shares_by_hand(sizes, total, minimum):
    """Largest remainder with a lower bound, in exact fractions."""
    least = [min(size, minimum) for size in sizes]
    bound = [False] * len(sizes)
    while True:
        left = total - sum(n for n, b in zip(least, bound, strict=True) if b)
        free = sum(size for size, b in zip(sizes, bound, strict=True) if not b)
        exact = [
            Fraction(n) if b else Fraction(left * size, free)
            for n, size, b in zip(least, sizes, bound, strict=True)
        ]
        below = [e < n for e, n in zip(exact, least, strict=True)]
        if not any(below):
            break
        bound = [b or s for b, s in zip(bound, below, strict=True)]
    shares = [int(e) for e in exact]
    by_remainder = sorted(
        range(len(sizes)), key=lambda k: (int(exact[k]) - exact[k], k)
    )
    for k in by_remainder[: total - sum(shares)]:
        shares[k] += 1
    return shares


@st.composite
def maps(draw):
    """Map of random probabilities (with ties), of two to five classes."""
    sizes = draw(st.lists(st.integers(1, 30), min_size=2, max_size=5))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    y = random.permutation(np.repeat(np.arange(len(sizes)), sizes))
    proba = random.dirichlet(np.ones(len(sizes)), size=(3, len(y))).round(1) + 1e-3
    return DataMap.from_probabilities(proba / proba.sum(-1, keepdims=True), y), sizes


choices = {
    "fraction": st.floats(0.01, 1.0),
    "minimum": st.integers(0, 4),
    "easy": st.floats(0.0, 1.0),
    "drop": st.booleans(),
    "by": st.sampled_from(["confidence", "variability", "aleatoric"]),
}


@pytest.mark.parametrize("stratify", [False, True])
@settings(deadline=None, max_examples=100)
@given(maps(), st.fixed_dictionaries(choices))
def test_counts_are_exact_and_no_class_falls_below_the_minimum(stratify, made, choice):
    data_map, sizes = made
    n_samples = sum(sizes)
    n_chosen = max(1, round(choice["fraction"] * n_samples))
    size = n_samples - n_chosen if choice["drop"] else n_chosen
    least = [min(n, choice["minimum"]) for n in sizes]
    sampler = DataMapSampler(
        data_map,
        **{"drop" if choice["drop"] else "keep": choice["by"]},
        fraction=choice["fraction"],
        easy_fraction=0.0 if choice["drop"] else choice["easy"],
        stratify=stratify,
        min_per_class=choice["minimum"],
    )
    X, y = np.arange(n_samples)[:, np.newaxis], data_map.label
    if size == 0 or size < sum(least):
        with pytest.raises(ValueError, match=r"leaves no row|min_per_class"):
            sampler.fit_resample(X, y)
        return
    try:
        X_kept, y_kept = sampler.fit_resample(X, y)
    except ValueError as error:
        assert "would be kept, of 1 class" in str(error)  # noqa: PT017 (one of two ends)
        assert choice["minimum"] == 0 or size == 1
        return
    rows = sampler.sample_indices_
    assert len(rows) == size
    assert (np.diff(rows) > 0).all()
    assert_array_equal(X_kept[:, 0], rows)
    assert_array_equal(y_kept, y[rows])
    of_class = np.bincount(y_kept, minlength=len(sizes))
    assert (of_class >= least).all()
    assert sampler.sampling_strategy_ == dict(enumerate(of_class))
    if stratify:
        assert of_class.tolist() == shares_by_hand(sizes, size, choice["minimum"])


@settings(deadline=None, max_examples=50)
@given(maps(), st.floats(0.1, 1.0), st.floats(0.0, 1.0))
def test_stratified_rows_are_the_first_of_each_class_and_then_its_easiest(
    made, fraction, easy_fraction
):
    data_map, sizes = made
    size = max(1, round(fraction * sum(sizes)))
    if size < 2 * len(sizes):
        return
    sampler = DataMapSampler(
        data_map,
        keep="variability",
        fraction=fraction,
        easy_fraction=easy_fraction,
        stratify=True,
    )
    sampler.fit_resample(np.zeros((sum(sizes), 1)), data_map.label)
    of_class = shares_by_hand(sizes, size, 1)
    of_easy = shares_by_hand(of_class, round(easy_fraction * size), 0)
    expected = []
    for k in range(len(sizes)):
        rows = np.flatnonzero(data_map.label == k)
        by_variability = sorted(rows, key=lambda i: (-data_map.variability[i], i))
        first = by_variability[: of_class[k] - of_easy[k]]
        others = sorted({*rows} - {*first}, key=lambda i: (-data_map.confidence[i], i))
        expected += [*first, *others[: of_easy[k]]]
    assert sampler.sample_indices_.tolist() == sorted(expected)


def test_plain_subset_may_lose_a_class_only_without_a_minimum(digits):
    X, y = digits
    rare = np.flatnonzero(y == 0)[3:]
    X, y = np.delete(X, rare, axis=0), np.delete(y, rare)
    easy = {"keep": "variability", "ascending": True, "fraction": 0.04}
    lost = DataMapSampler(**easy, min_per_class=0, random_state=0)
    whole = DataMapSampler(**easy, random_state=0)
    n_classes = [len(set(s.fit_resample(X, y)[1])) for s in (lost, whole)]
    assert n_classes[0] < n_classes[1] == 10
    assert (
        len(lost.sample_indices_) == len(whole.sample_indices_) == round(0.04 * len(y))
    )


def test_rows_never_recorded_are_neither_kept_nor_dropped():
    dynamics = TrainingDynamics(Y)
    proba = np.stack([0.3 + 0.05 * np.arange(6), 0.7 - 0.05 * np.arange(6)], axis=1)
    dynamics.update(proba, rows=np.arange(2, 8))
    partial = dynamics.to_data_map(allow_incomplete=True)
    assert {0, 1}.isdisjoint(kept(partial, keep="confidence", fraction=0.75))
    assert kept(partial, keep="variability", fraction=0.75, min_per_class=3) == [
        *range(2, 8)
    ]
    assert {0, 1} <= set(kept(partial, drop="confidence", fraction=0.5))
    assert {0, 1} <= set(kept(partial, drop="confidence", fraction=0.125))
    assert {0, 1}.isdisjoint(kept(partial, keep=["easy", "ambiguous", "hard"]))
    assert {0, 1}.isdisjoint(kept(partial, keep="hard", min_per_class=4))
    assert {0, 1} <= set(kept(partial, drop="hard"))
    with pytest.raises(ValueError, match=r"7 rows are to be kept, but .* recorded 6"):
        kept(partial, keep="confidence", fraction=0.9)


# What goes in and what comes out


def test_frames_and_series_keep_type_names_and_index(data_map):
    index = pd.Index(list("stuvwxyz"), name="id")
    frame = pd.DataFrame({"one": X[:, 0], "two": list("abcdefgh")}, index=index)
    series = pd.Series(pd.Categorical(Y), index=index, name="label")
    X_kept, y_kept = DataMapSampler(data_map).fit_resample(frame, series)
    pd.testing.assert_frame_equal(X_kept, frame.iloc[[2, 5, 6]])
    pd.testing.assert_series_equal(y_kept, series.iloc[[2, 5, 6]])


def test_one_column_of_labels_stays_one_column(data_map):
    sampler = DataMapSampler(data_map)
    assert sampler.fit_resample(X, Y.reshape(-1, 1))[1].shape == (3, 1)
    assert sampler.fit_resample(X, pd.DataFrame({"y": Y}))[1].columns.tolist() == ["y"]


@pytest.mark.parametrize("kind", [np.ndarray, pd.DataFrame])
def test_one_column_of_labels_trains_as_a_vector_does(binary, kind):
    X, y = binary
    column = y.reshape(-1, 1) if kind is np.ndarray else pd.DataFrame({"y": y})
    assert kept(X=X, y=column, random_state=0) == kept(X=X, y=y, random_state=0)


@pytest.mark.parametrize("layout", ["csr", "csc", "coo"])
def test_sparse_stays_sparse(data_map, layout):
    given = sparse.coo_array(X).asformat(layout)
    X_kept, _ = DataMapSampler(data_map).fit_resample(given, Y)
    assert X_kept.format == ("csr" if layout == "coo" else layout)
    assert_array_equal(X_kept.toarray(), X[[2, 5, 6]])


def test_lists_stay_lists_and_a_ready_map_takes_texts(data_map):
    texts = [f"comment {row}" for row in range(8)]
    X_kept, y_kept = DataMapSampler(data_map).fit_resample(texts, Y.tolist())
    assert X_kept == ["comment 2", "comment 5", "comment 6"]
    assert y_kept == ["a", "b", "b"]


def test_number_and_names_of_features_are_noted(binary):
    X, y = binary
    names = [f"x{i}" for i in range(X.shape[1])]
    sampler = DataMapSampler(random_state=0)
    sampler.fit_resample(pd.DataFrame(X, columns=names), y)
    assert sampler.n_features_in_ == X.shape[1]
    assert sampler.feature_names_in_.tolist() == names
    assert sampler.get_feature_names_out().tolist() == names


def test_fit_checks_and_trains_nothing(binary, recording_sgd):
    sampler = DataMapSampler(recording_sgd(loss="log_loss"))
    assert sampler.fit(*binary) is sampler
    assert not recording_sgd.calls
    assert sampler.n_features_in_ == binary[0].shape[1]


def test_fit_with_a_ready_map_takes_texts(data_map):
    sampler = DataMapSampler(data_map).fit([f"comment {row}" for row in range(8)], Y)
    assert not hasattr(sampler, "sample_indices_")


# What records the map


def test_learner_is_wrapped_and_a_classifier_is_fitted_as_it_is(binary):
    X, y = binary
    sgd = SGDClassifier(loss="log_loss", alpha=0.01)
    of_learner = DataMapSampler(sgd, random_state=3)
    of_learner.fit_resample(X, y)
    clf = DataMapClassifier(sgd, random_state=3)
    of_classifier = DataMapSampler(clf)
    of_classifier.fit_resample(X, y)
    expected = clone(clf).fit(X, y).confidence_
    assert_array_equal(of_learner.data_map_.confidence, expected)
    assert_array_equal(of_classifier.data_map_.confidence, expected)
    assert not hasattr(clf, "data_map_")
    assert not hasattr(sgd, "coef_")


def test_seed_is_that_of_the_classifier_unless_given(binary):
    X, y = binary
    clf = DataMapClassifier(random_state=1)
    rows = [kept(clf, X=X, y=y, random_state=seed) for seed in (None, 1, 2)]
    assert rows[0] == rows[1] != rows[2]
    assert clf.random_state == 1


def test_out_of_fold_map_chooses_by_it(binary):
    X, y = binary
    clf = DataMapClassifier(cv=2, random_state=0)
    sampler = DataMapSampler(clf, drop="confidence", fraction=0.1)
    sampler.fit_resample(X, y)
    dropped = clone(clf).fit(X, y).data_map_.rank("confidence", fraction=0.1)
    assert sampler.data_map_.meta["recording"] == "out-of-fold"
    assert_array_equal(
        np.setdiff1d(np.arange(len(y)), dropped), sampler.sample_indices_
    )


@pytest.mark.parametrize(
    ("measure", "streamed"),
    [
        ("loss", "loss"),
        ("forgetting", "forgetting"),
        ("logit_margin", "mean_proba"),
        ("label_quality", "mean_proba"),
        ("memorization", "memorization"),
    ],
)
def test_measure_that_is_recorded_on_request_is_requested(binary, measure, streamed):
    sampler = DataMapSampler(keep=measure, fraction=0.2, random_state=0)
    sampler.fit_resample(*binary)
    assert streamed in sampler.data_map_.measures


def test_requested_measures_of_a_classifier_stay(binary):
    clf = DataMapClassifier(measures=["el2n"], random_state=0)
    sampler = DataMapSampler(clf, keep="loss", fraction=0.2)
    sampler.fit_resample(*binary)
    assert {"loss", "el2n"} <= sampler.data_map_.measures.keys()
    assert clf.measures == ["el2n"]


def test_fitted_classifier_is_reused_when_frozen(binary, recording_sgd):
    X, y = binary
    clf = DataMapClassifier(recording_sgd(loss="log_loss"), random_state=0).fit(X, y)
    pipe = make_pipeline(StandardScaler(), clf).fit(X, y)
    recording_sgd.calls.clear()
    for fitted, of in ((clf, clf.data_map_), (pipe, DataMap.from_estimator(pipe))):
        sampler = DataMapSampler(FrozenEstimator(fitted))
        clone(sampler).fit_resample(X, y)
        sampler.fit_resample(X, y)
        assert sampler.data_map_ is of
    assert not recording_sgd.calls


def test_weights_train_the_map(binary):
    X, y = binary
    weights = np.random.default_rng(0).random(len(y))
    sampler = DataMapSampler(random_state=0)
    sampler.fit_resample(X, y, sample_weight=weights)
    clf = DataMapClassifier(random_state=0).fit(X, y, sample_weight=weights)
    assert_array_equal(sampler.data_map_.variability, clf.variability_)


def test_same_seed_same_rows_bit_for_bit(binary):
    X, y = binary
    first, second = (DataMapSampler(random_state=0) for _ in range(2))
    X_first, _ = first.fit_resample(X, y)
    X_second, _ = second.fit_resample(X, y)
    assert X_first.tobytes() == X_second.tobytes()
    assert (
        first.data_map_.variability.tobytes() == second.data_map_.variability.tobytes()
    )


@pytest.mark.parametrize("fitted", [False, True])
def test_pickle_keeps_parameters_and_rows(data_map, fitted):
    sampler = DataMapSampler(data_map, keep="easy")
    if fitted:
        sampler.fit_resample(X, Y)
    loaded = pickle.loads(pickle.dumps(sampler))
    if fitted:
        assert_array_equal(loaded.sample_indices_, sampler.sample_indices_)
    assert loaded.keep == "easy"
    assert_array_equal(loaded.fit_resample(X, Y)[0], X[[0, 1, 4]])


def test_clone_carries_a_ready_map(data_map):
    sampler = DataMapSampler(data_map, keep="easy")
    copy = clone(sampler)
    assert sampler.get_params()["estimator"] is data_map
    assert_array_equal(copy.estimator.confidence, data_map.confidence)
    assert_array_equal(copy.fit_resample(X, Y)[0], X[[0, 1, 4]])
    assert "DataMapSampler" in repr(copy)


def test_parameters_of_the_learner_are_reached_by_name():
    sampler = DataMapSampler(DataMapClassifier(SGDClassifier(loss="log_loss")))
    sampler.set_params(estimator__estimator__alpha=0.5)
    assert sampler.estimator.estimator.alpha == 0.5


# On what it is for


def test_gratitude_is_subset_with_exact_quotas(gratitude):
    X, y = gratitude
    sampler = DataMapSampler(
        DataMapClassifier(n_epochs=3, random_state=0), stratify=True, easy_fraction=0.1
    )
    X_kept, y_kept = sampler.fit_resample(X, y)
    assert X_kept.format == "csr"
    assert X_kept.shape[0] == round(len(y) / 3)
    counts = y.value_counts()
    quotas = shares_by_hand(counts.sort_index().tolist(), round(len(y) / 3), 1)
    assert y_kept.value_counts().sort_index().tolist() == quotas
    assert_array_equal(y_kept.index, y.index[sampler.sample_indices_])
    assert (X_kept != X[sampler.sample_indices_]).nnz == 0


# What is refused


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"keep": "easy", "drop": "hard"},
            "either keep or drop, not both; got keep='easy'",
        ),
        ({"keep": "simple"}, "keep must be one region or several .* got 'simple'"),
        (
            {"drop": ["hard", "loss"]},
            r"drop must be one region .* got \['hard', 'loss'\]",
        ),
        ({"keep": 3}, "keep must be one region or several .* got 3"),
        ({"keep": []}, r"keep=\[\] leaves no row"),
        ({"drop": ["easy", "ambiguous", "hard"]}, "drop=.* leaves no row"),
        (
            {"keep": "loss"},
            "keep='loss' is a measure and needs the share .* set fraction",
        ),
        (
            {"drop": "confidence"},
            "drop='confidence' is a measure .* to drop: set fraction",
        ),
        ({"fraction": 0.0}, r"'fraction' parameter of DataMapSampler must be .* \(0"),
        ({"fraction": 1.1}, "'fraction' parameter of DataMapSampler must be"),
        ({"fraction": "all"}, "'fraction' parameter of DataMapSampler must be"),
        (
            {"easy_fraction": -0.1},
            "'easy_fraction' parameter of DataMapSampler must be",
        ),
        ({"min_per_class": -1}, "'min_per_class' parameter of DataMapSampler must be"),
        ({"stratify": "yes"}, "'stratify' parameter of DataMapSampler must be"),
        (
            {"keep": "easy", "fraction": 0.5},
            "fraction goes with a measure; got fraction=0.5",
        ),
        ({"drop": "hard", "ascending": True}, "ascending goes with a measure"),
        ({"keep": "easy", "easy_fraction": 0.5}, "easy_fraction goes with a measure"),
        ({"keep": "easy", "stratify": True}, "stratify goes with a measure"),
        (
            {"drop": "confidence", "fraction": 0.1, "easy_fraction": 0.5},
            "easy_fraction is a share of rows to keep .* drop='confidence'",
        ),
        (
            {"drop": "confidence", "fraction": 1.0},
            "fraction=1.0 leaves no row of n_samples=300",
        ),
        (
            {"min_per_class": 60},
            "100 rows are to be kept, but min_per_class=60 needs 120",
        ),
        (
            {"fraction": 0.003},
            "1 rows are to be kept, but min_per_class=1 needs 2 for 2",
        ),
    ],
)
@pytest.mark.parametrize("method", ["fit", "fit_resample"])
def test_bad_parameters_are_refused_before_training(
    binary, recording_sgd, method, parameters, message
):
    sampler = DataMapSampler(recording_sgd(loss="log_loss"), **parameters)
    with pytest.raises(ValueError, match=message):
        getattr(sampler, method)(*binary)
    assert not recording_sgd.calls


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (
            np.eye(3, dtype=int)[np.arange(300) % 3],
            "Multilabel .* y has 3 columns.*rank",
        ),
        (np.zeros(300), "one class"),
        (np.linspace(0, 1, 300), "Unknown label type: continuous"),
        (np.zeros(10), "inconsistent numbers of samples"),
        (None, "requires y to be passed"),
    ],
)
def test_bad_labels_are_refused_before_training(binary, recording_sgd, y, message):
    sampler = DataMapSampler(recording_sgd(loss="log_loss"))
    with pytest.raises(ValueError, match=message):
        sampler.fit_resample(binary[0], y)
    assert not recording_sgd.calls


@pytest.mark.parametrize("measure", ["memorization", "label_quality"])
def test_what_takes_rows_held_out_needs_a_classifier_with_folds(binary, measure):
    sampler = DataMapSampler(DataMapClassifier(), keep=measure, fraction=0.1)
    with pytest.raises(ValueError, match=r"cv=None\. Set its cv=2"):
        sampler.fit_resample(*binary)


def test_measure_that_a_ready_map_lacks_is_refused(data_map):
    with pytest.raises(
        ValueError, match=r"'el2n' was not recorded\. Fit with measures="
    ):
        kept(data_map, keep="el2n", fraction=0.5)


def test_subset_of_one_class_is_refused_but_its_map_can_be_seen(data_map):
    sampler = DataMapSampler(data_map, keep="hard", min_per_class=0)
    with pytest.raises(ValueError, match="1 of 8 rows would be kept, of 1 class"):
        sampler.fit_resample(X, Y)
    assert sampler.data_map_ is data_map


def test_region_without_rows_is_refused():
    sure = map_of(np.full((2, 8), 0.99), Y)
    with pytest.raises(ValueError, match="0 of 8 rows would be kept, of 0 class"):
        kept(sure, keep="hard", min_per_class=0)


INDEX = pd.Index(list("abcdefgh"))
MAPS_OF_OTHER_ROWS = {
    "shorter": (lambda: map_of(OWN[:, 1:], Y[1:]), "map has 7 rows, X and y have 8"),
    "labels": (
        lambda: map_of(OWN, np.roll(Y, 1)),
        "labels of 2 of 8 rows are not those of the map; the first is row 0",
    ),
    "kind-of-labels": (
        lambda: map_of(OWN, (Y == "b").astype(int)),
        "labels of 8 of 8 rows are not those of the map",
    ),
    "index": (
        lambda: map_of(OWN, Y, index=INDEX[::-1]),
        "another index than the map",
    ),
    "multilabel": (
        lambda: DataMap.from_probabilities(
            np.full((1, 8, 2), 0.6), np.ones((8, 2), int), multilabel=True
        ),
        "The map is multilabel, y is not",
    ),
}


@pytest.mark.parametrize("name", MAPS_OF_OTHER_ROWS)
@pytest.mark.parametrize("method", ["fit", "fit_resample"])
def test_map_of_other_rows_is_refused(name, method):
    make, message = MAPS_OF_OTHER_ROWS[name]
    sampler = DataMapSampler(make())
    with pytest.raises(ValueError, match=f"{message}.*Give the map of exactly these"):
        getattr(sampler, method)(X, pd.Series(Y, index=INDEX))


@pytest.mark.parametrize("index", [INDEX, None])
def test_rows_without_names_are_matched_by_their_place(index):
    named = map_of(OWN, Y, index=INDEX)
    assert kept(named, y=Y) == [2, 5, 6]
    assert kept(map_of(OWN, Y), y=pd.Series(Y, index=index)) == [2, 5, 6]


def test_map_without_labels_is_matched_by_its_length(data_map):
    unlabelled = DataMap(
        **{
            name: getattr(data_map, name)
            for name in (
                "confidence",
                "variability",
                "correctness",
                "n_epochs",
                "index",
            )
        },
        label=np.full(8, None),
        predicted=np.full(8, None),
        classes=np.array([]),
    )
    assert kept(unlabelled) == [2, 5, 6]


def test_ready_map_asks_for_no_metadata(data_map):
    router = DataMapSampler(data_map).get_metadata_routing()
    assert not router.consumes("fit", ["sample_weight"])


def test_ready_map_takes_no_weights(data_map):
    with pytest.raises(TypeError, match="not trained and takes no sample_weight"):
        DataMapSampler(data_map).fit_resample(X, Y, sample_weight=np.ones(8))


@parametrize_with_checks(
    [
        DataMapSampler(random_state=0),
        DataMapSampler(DataMapClassifier(cv=2, random_state=0), drop="hard"),
    ]
)
def test_scikit_learn_check(estimator, check):
    check(estimator)
