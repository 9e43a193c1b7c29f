"""Splits of cv: every row is held out once, and never beside what it was trained on."""

from collections import defaultdict

import numpy as np
import pytest
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    LeaveOneGroupOut,
    PredefinedSplit,
    RepeatedStratifiedKFold,
    ShuffleSplit,
    StratifiedKFold,
    TimeSeriesSplit,
)

from sklearn_datamaps import DataMapClassifier
from sklearn_datamaps._core.labels import encode_labels
from sklearn_datamaps._training.folds import duplicate_rows, make_splits

LOG_LOSS = {"loss": "log_loss", "alpha": 0.01}


def splits_of(cv, X, y, *, seed=0, **params):
    return make_splits(cv, X, encode_labels(y), seed, params)


def fold_of(splits, n_samples):
    fold = np.full(n_samples, -1)
    for number, (train, test) in enumerate(splits):
        assert (fold[test] == -1).all()
        fold[test] = number
        assert sorted([*train, *test]) == list(range(n_samples))
    assert (fold >= 0).all()
    return fold


def as_dicts(X):
    """Every row as its columns and values other than 0, in plain Python."""
    X = X.tocsr()
    rows = []
    for row in range(X.shape[0]):
        entries = slice(X.indptr[row], X.indptr[row + 1])
        pairs = zip(X.indices[entries].tolist(), X.data[entries].tolist(), strict=True)
        rows.append(tuple(sorted((at, float(v)) for at, v in pairs if v != 0)))
    return rows


def numbered(rows):
    """Position of the first equal row; rows without a value are all different."""
    first, numbers = {}, []
    for row, key in enumerate(rows):
        key = key or ("empty", row)
        numbers.append(first.setdefault(key, len(first)))
    return numbers


@pytest.mark.parametrize("cv", [2, 3, 5])
@pytest.mark.parametrize("as_sparse", [False, True])
def test_every_row_is_held_out_once_and_folds_are_stratified(digits, cv, as_sparse):
    X, y = digits
    splits = splits_of(cv, sparse.csr_matrix(X) if as_sparse else X, y)
    fold = fold_of(splits, len(y))
    for label in np.unique(y):
        counts = np.bincount(fold[y == label], minlength=cv)
        assert np.ptp(counts) <= 1


def test_folds_of_an_int_follow_the_seed(digits):
    X, y = digits
    one, again, other = (fold_of(splits_of(2, X, y, seed=s), len(y)) for s in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert 0.3 < (one != other).mean() < 0.7


def test_multilabel_folds_are_stratified_by_the_rarest_label():
    y = np.zeros((60, 3), dtype=int)
    y[:, 0] = 1
    y[:20, 1] = 1
    y[:6, 2] = 1
    X = np.zeros((60, 1))
    for seed in range(5):
        fold = fold_of(splits_of(3, X, y, seed=seed), 60)
        assert np.bincount(fold[y[:, 2] == 1]).tolist() == [2, 2, 2]
        assert np.ptp(np.bincount(fold[y[:, 1] == 1])) <= 2


@pytest.mark.parametrize("without_label", [0, 1, 2, 5])
def test_multilabel_folds_take_labels_set_once_without_a_warning(without_label):
    y = np.zeros((40, 4), dtype=int)
    y[:20, 0] = y[20:, 1] = 1
    y[7, 2] = y[33, 3] = 1
    y[40 - without_label :] = 0
    fold = fold_of(splits_of(3, np.zeros((40, 1)), y), 40)
    assert np.ptp(np.bincount(fold)) <= 2


def test_class_of_fewer_rows_than_folds_is_warned_of(binary):
    X, y = binary[0], binary[1].copy()
    y[5] = 2
    with pytest.warns(UserWarning, match="The least populated class in y has only 1"):
        fold_of(splits_of(3, X, y), len(y))


# ---- equal rows


@settings(max_examples=60, deadline=None)
@given(
    values=hnp.arrays(
        np.float64,
        st.tuples(st.integers(1, 12), st.integers(1, 4)),
        elements=st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.1, 2.0]),
    ),
    dtype=st.sampled_from([np.float64, np.float32, np.int64, np.int8]),
    seed=st.integers(0, 1000),
)
def test_equal_rows_are_those_of_a_dict_whatever_their_order(values, dtype, seed):
    random = np.random.default_rng(seed)
    rows = values.astype(dtype)
    n_features = rows.shape[1]
    # Stored: everything but some of the zeros, in an order of its own in every row.
    stored = [
        random.permutation(
            np.flatnonzero((row != 0) | (random.random(n_features) < 0.5))
        )
        for row in rows
    ]
    indptr = np.cumsum([0, *map(len, stored)])
    indices = np.concatenate(stored).astype(np.int32)
    data = np.concatenate([row[at] for row, at in zip(rows, stored, strict=True)])
    X = sparse.csr_matrix((data, indices, indptr), shape=rows.shape)
    np.testing.assert_array_equal(duplicate_rows(X), numbered(as_dicts(X)))
    np.testing.assert_array_equal(X.toarray(), rows)


def test_equal_rows_are_found_across_blocks_of_values(monkeypatch):
    monkeypatch.setattr("sklearn_datamaps._training.folds.HASHED_VALUES", 7)
    dense = np.random.default_rng(0).integers(0, 2, (200, 5))
    dense[50:60] = 0
    X = sparse.csr_array(dense)
    np.testing.assert_array_equal(duplicate_rows(X), numbered(as_dicts(X)))


def test_the_same_values_in_other_columns_are_another_row():
    X = sparse.csr_matrix([[1.0, 2.0, 0], [2.0, 1.0, 0], [0, 1.0, 2.0], [1.0, 2.0, 0]])
    assert duplicate_rows(X).tolist() == [0, 1, 2, 0]


@pytest.mark.parametrize("index_dtype", [np.int32, np.int64])
def test_equal_rows_are_the_same_for_every_index_type(index_dtype):
    X = sparse.random(100, 3, density=0.4, format="csr", random_state=0)
    X.data = np.round(X.data, 1)
    expected = numbered(as_dicts(X))
    X.indices, X.indptr = X.indices.astype(index_dtype), X.indptr.astype(index_dtype)
    np.testing.assert_array_equal(duplicate_rows(X), expected)


def test_equal_rows_of_a_sparse_matrix_are_held_out_together():
    random = np.random.default_rng(0)
    texts = random.integers(0, 3, (40, 6))
    X = sparse.csr_matrix(texts[random.integers(0, 40, 300)], dtype=float)
    y = random.integers(0, 2, 300)
    for seed in range(3):
        folds_of_text = defaultdict(set)
        fold = fold_of(splits_of(2, X, y, seed=seed), 300)
        for key, number in zip(as_dicts(X), fold, strict=True):
            folds_of_text[key].add(number)
        assert {len(folds) for key, folds in folds_of_text.items() if key} == {1}


def test_rows_without_a_value_are_spread_over_the_folds():
    X = sparse.csr_matrix((100, 4))
    fold = fold_of(splits_of(2, X, np.arange(100) % 2), 100)
    assert np.bincount(fold).tolist() == [50, 50]


def test_equal_rows_of_a_dense_table_are_not_kept_together():
    X = np.zeros((100, 2))
    fold = fold_of(splits_of(2, X, np.arange(100) % 2), 100)
    assert np.bincount(fold).tolist() == [50, 50]


# ---- groups


@pytest.mark.parametrize("kind", ["classes", "multilabel"])
def test_groups_are_held_out_together(digits, multilabel, kind):
    X, y = digits if kind == "classes" else multilabel
    groups = np.random.default_rng(0).integers(0, 60, len(X)).astype(str)
    fold = fold_of(splits_of(3, X, y, groups=groups), len(X))
    assert all(len(set(fold[groups == group])) == 1 for group in set(groups))
    assert np.ptp(np.bincount(fold)) < 60


@pytest.mark.parametrize("cv", [2, GroupKFold(2)])
@pytest.mark.parametrize("missing", [None, np.nan])
def test_rows_without_a_group_are_refused_by_position(binary, cv, missing):
    X, y = binary
    groups = [*"ab" * (len(y) // 2 + 1)][: len(y)]
    groups[3] = missing
    with pytest.raises(ValueError, match=r"missing for 1 of .* at position 3"):
        DataMapClassifier(cv=cv).fit(X, y, groups=groups)


def test_groups_given_to_fit_reach_the_splitter_without_routing(binary):
    X, y = binary
    groups = np.arange(len(y)) // 30
    clf = DataMapClassifier(
        SGDClassifier(**LOG_LOSS), cv=GroupKFold(5), n_epochs=2, random_state=0
    )
    by_groups = clf.fit(X, y, groups=groups).data_map_
    splits = list(GroupKFold(5).split(X, y, groups))
    by_splits = clf.set_params(cv=splits).fit(X, y).data_map_
    np.testing.assert_array_equal(by_groups.confidence, by_splits.confidence)


def test_groups_are_routed_to_the_splitter_and_weights_to_the_learner(binary):
    X, y = binary
    groups, weights = np.arange(len(y)) // 30, np.linspace(0.1, 2, len(y))
    plain = DataMapClassifier(
        SGDClassifier(**LOG_LOSS), cv=GroupKFold(5), n_epochs=2, random_state=0
    )
    plain.fit(X, y, sample_weight=weights, groups=groups)
    with sklearn.config_context(enable_metadata_routing=True):
        routed = DataMapClassifier(
            SGDClassifier(**LOG_LOSS).set_partial_fit_request(sample_weight=True),
            cv=GroupKFold().set_split_request(groups=True),
            n_epochs=2,
            random_state=0,
        )
        routed.fit(X, y, sample_weight=weights, groups=groups)
    np.testing.assert_array_equal(plain.confidence_, routed.confidence_)


def test_groups_are_routed_to_folds_of_an_int(binary):
    X, y = binary
    groups = np.arange(len(y)) // 10
    clf = DataMapClassifier(SGDClassifier(**LOG_LOSS), cv=2, n_epochs=2, random_state=0)
    plain = clf.fit(X, y, groups=groups).confidence_
    with sklearn.config_context(enable_metadata_routing=True):
        routed = clf.fit(X, y, groups=groups).confidence_
    np.testing.assert_array_equal(plain, routed)


def test_routing_without_anything_to_route(binary):
    X, y = binary
    clf = DataMapClassifier(SGDClassifier(**LOG_LOSS), cv=2, n_epochs=2, random_state=0)
    plain = clf.fit(X, y).confidence_
    with sklearn.config_context(enable_metadata_routing=True):
        routed = clf.fit(X, y).confidence_
    np.testing.assert_array_equal(plain, routed)


# ---- what cv can be


def test_splitters_splits_generators_and_masks_give_one_map(binary):
    X, y = binary
    splits = list(StratifiedKFold(3).split(X, y))
    masks = [
        (np.isin(np.arange(len(y)), train), np.isin(np.arange(len(y)), test).tolist())
        for train, test in splits
    ]
    kinds = [StratifiedKFold(3), splits, (split for split in splits), masks]
    kinds.append(PredefinedSplit(fold_of(splits, len(y))))
    maps = [
        DataMapClassifier(
            SGDClassifier(**LOG_LOSS), cv=cv, n_epochs=2, random_state=0
        ).fit(X, y)
        for cv in kinds
    ]
    for clf in maps[1:]:
        np.testing.assert_array_equal(clf.confidence_, maps[0].confidence_)
        assert clf.data_map_.meta["n_folds"] == 3


def test_leave_one_group_out_is_a_splitter_like_others(binary):
    X, y = binary
    groups = np.arange(len(y)) % 4
    clf = DataMapClassifier(SGDClassifier(**LOG_LOSS), cv=LeaveOneGroupOut())
    assert clf.fit(X, y, groups=groups).data_map_.meta["n_folds"] == 4


HALVES = [(range(150), range(150, 300)), (range(150, 300), range(150))]
SPLITS = {
    "repeated": (
        RepeatedStratifiedKFold(n_splits=2, n_repeats=2),
        "300 more than once",
    ),
    "incomplete": (TimeSeriesSplit(2), "100 of 300 rows are never held out"),
    "random": (ShuffleSplit(2, test_size=0.2, random_state=0), "rows are never held"),
    "one of two": (HALVES[:1], "150 of 300 rows are never held out"),
    "none": ([], "cv gave no split"),
    "overlap": (
        [HALVES[0], (range(100, 300), range(150))],
        "Split 1 of cv trains on rows that it holds out",
    ),
    "beyond": (
        [HALVES[0], (range(150, 301), range(150))],
        r"rows outside 0 \.\.\. 299: X has 300 rows",
    ),
    "negative": (
        [HALVES[0], (range(-150, 0), range(150))],
        r"rows outside 0 \.\.\. 299: X has 300 rows",
    ),
    "nothing to train on": (
        [([], range(300))],
        "Split 0 of cv has no row to train on",
    ),
    "nothing held out": (
        [*HALVES, (range(300), [])],
        "Split 2 of cv has no row to hold out",
    ),
    "short mask": (
        [(np.ones(299, bool), np.ones(299, bool))],
        "mask of 299 rows, but X has 300",
    ),
    "fractions": (
        [(np.arange(150) + 0.5, range(150, 300)), HALVES[1]],
        "must name rows by integers or a boolean mask; got .* float64",
    ),
    "names": (
        [(["a", "b"], range(150, 300)), HALVES[1]],
        "must name rows by integers or a boolean mask",
    ),
    "no pairs": ([range(150), range(150, 300)], r"pairs \(train, test\)"),
    "class by class": (KFold(2), "Split 0 of cv leaves rows of one class only"),
    "too many folds": (
        200,
        "cv=200 is more than the number of different rows of every",
    ),
}


@pytest.mark.parametrize("what", SPLITS)
def test_splits_that_cannot_give_a_map_are_refused_before_training(
    recording_sgd, binary, what
):
    X, y = binary[0], np.sort(binary[1])
    if what == "class by class":
        y = (np.arange(300) < 150).astype(int)
    cv, message = SPLITS[what]
    clf = DataMapClassifier(recording_sgd(**LOG_LOSS), cv=cv)
    with pytest.raises(ValueError, match=message):
        clf.fit(X, y)
    assert recording_sgd.calls == []
    assert not hasattr(clf, "data_map_")


@pytest.mark.parametrize("cv", [2, GroupKFold(2)])
def test_groups_of_another_length_are_refused_before_training(
    recording_sgd, binary, cv
):
    clf = DataMapClassifier(recording_sgd(**LOG_LOSS), cv=cv)
    with pytest.raises(
        ValueError, match=r"inconsistent numbers of samples: \[300, 7\]"
    ):
        clf.fit(*binary, groups=np.arange(7))
    assert recording_sgd.calls == []


@pytest.mark.parametrize("kind", ["classes", "multilabel"])
def test_fewer_groups_than_folds_are_refused_before_training(
    recording_sgd, digits, multilabel, kind
):
    X, y = digits if kind == "classes" else multilabel
    clf = DataMapClassifier(recording_sgd(**LOG_LOSS), cv=3)
    with pytest.raises(ValueError, match="cv=3 is more than the number of groups: 2"):
        clf.fit(X, y, groups=np.arange(len(X)) % 2)
    assert recording_sgd.calls == []


def test_as_many_folds_as_groups_hold_out_one_group_each(binary):
    X, y = binary
    groups = np.arange(len(X)) % 3
    splits = make_splits(3, X, encode_labels(y), 0, {"groups": groups})
    held_out = [set(groups[test].tolist()) for _, test in splits]
    assert sorted(map(sorted, held_out)) == [[0], [1], [2]]


def test_folds_of_groups_are_stratified_and_shuffled():
    # 200 groups of three rows, each of one class, one in ten of the rare one.
    groups = np.repeat(np.arange(200), 3)
    y = (groups % 10 == 0).astype(int)
    X = np.zeros((len(y), 1))
    dealt = set()
    for seed in range(10):
        splits = make_splits(4, X, encode_labels(y), seed, {"groups": groups})
        assert [int(y[test].sum()) for _, test in splits] == [15] * 4
        dealt.add(tuple(splits[0][1].tolist()))
    assert len(dealt) == 10


def test_groups_without_cv_are_refused(binary):
    clf = DataMapClassifier(SGDClassifier(**LOG_LOSS))
    with pytest.raises(TypeError, match="takes no 'groups'"):
        clf.fit(*binary, groups=np.arange(300))


def test_equal_rows_only_are_refused(recording_sgd):
    X = sparse.csr_matrix(np.ones((20, 3)))
    clf = DataMapClassifier(recording_sgd(**LOG_LOSS), cv=2)
    with pytest.raises(ValueError, match="1 different rows in all"):
        clf.fit(X, np.arange(20) % 2)
    assert recording_sgd.calls == []


@pytest.mark.parametrize("cv", [1, 0, -2, 2.5, "two"])
def test_cv_that_is_no_number_of_folds_is_refused(binary, cv):
    with pytest.raises(ValueError, match="The 'cv' parameter of DataMapClassifier"):
        DataMapClassifier(cv=cv).fit(*binary)


def test_weights_that_leave_a_fold_one_class_are_refused(recording_sgd, binary):
    X, y = binary
    weights = (y == 0).astype(float)
    first, second = splits_of(2, X, y)
    weights[first[0]] = 1  # both classes in the training rows of the first fold
    clf = DataMapClassifier(recording_sgd(**LOG_LOSS), cv=[first, second])
    with pytest.raises(ValueError, match="Split 1 of cv leaves rows of one class only"):
        clf.fit(X, y, sample_weight=weights)
    assert recording_sgd.calls == []
