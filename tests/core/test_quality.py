"""Quality of labels: a chance for each label, comparable between labels."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import average_precision_score, roc_auc_score

from sklearn_datamaps import DataMap, DataMapClassifier
from sklearn_datamaps._core.quality import (
    are_near_misses,
    label_quality,
    opinion,
    pooled,
    wrong_rates,
)
from sklearn_datamaps._core.quality import chance_wrong as chance_by


def chance_wrong(probas, codes):
    return chance_by(probas, opinion(probas, codes), codes)


def draw(seed, n_samples):
    """Probabilities of six classes, and labels drawn from them."""
    rng = np.random.default_rng(seed)
    proba = rng.dirichlet(np.full(6, 0.3), size=n_samples)
    below = proba.cumsum(axis=1) < rng.random((len(proba), 1))
    return proba, np.minimum(below.sum(axis=1), 5)


@pytest.fixture
def drawn():
    return draw(0, 4000)


def flipped(proba, codes, kind, *, share=0.1, seed=1):
    rng = np.random.default_rng(seed)
    rows = rng.choice(len(codes), round(share * len(codes)), replace=False)
    wrong = codes.copy()
    if kind == "next best":
        wrong[rows] = np.argsort(-proba[rows], axis=1)[:, 1]
    else:
        wrong[rows] = (codes[rows] + rng.integers(1, 6, len(rows))) % 6
    return wrong


@pytest.mark.parametrize("seed", range(3))
def test_labels_taken_for_their_neighbours_are_near_misses(drawn, seed):
    proba, codes = drawn
    assert are_near_misses(proba, flipped(proba, codes, "next best", seed=seed))


@pytest.mark.parametrize("seed", range(3))
def test_slips_at_random_are_none(drawn, seed):
    proba, codes = drawn
    assert not are_near_misses(proba, flipped(proba, codes, "any", seed=seed))


def test_labels_as_the_model_expects_them_are_near_misses_by_chance_alone():
    # Beyond a standard error on one side lie 16 % of the means, not beyond it 84 %.
    found = [are_near_misses(*draw(seed, 500)) for seed in range(40)]
    assert 1 <= sum(found) <= 14


@pytest.mark.parametrize("power", [0.4, 3.0])
@pytest.mark.parametrize("kind", ["next best", "any"])
def test_it_does_not_matter_how_sure_the_model_is_of_itself(drawn, power, kind):
    proba, codes = drawn
    given = flipped(proba, codes, kind)
    other = proba**power
    other /= other.sum(axis=1, keepdims=True)
    assert are_near_misses(other, given) == (kind == "next best")


def test_rows_that_no_fold_has_seen_are_left_out(drawn):
    proba, codes = drawn
    given = flipped(proba, codes, "next best")
    proba[::3] = np.nan
    assert are_near_misses(proba, given)


def test_two_classes_multilabel_and_no_doubt_have_no_near_misses():
    proba = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    assert not are_near_misses(proba, np.array([1, 1, 0]))
    assert not are_near_misses(proba, np.array([[True, False]] * 3))
    assert not are_near_misses(np.eye(3), np.arange(3))


def test_pool_of_one_opinion_is_calibrated_to_the_labels_as_given(drawn):
    proba, codes = drawn
    # Odds that are too large, and weights that favour two of the classes.
    skewed = proba**2 * np.array([8, 1, 1, 5, 1, 1.0])
    skewed /= skewed.sum(axis=1, keepdims=True)
    pool = pooled([skewed], codes)
    np.testing.assert_allclose(pool.mean(axis=0), np.bincount(codes) / 4000, atol=0.003)
    assert np.abs(pool - proba).mean() < 0.02


def test_opinion_that_knows_nothing_is_not_listened_to(drawn):
    proba, codes = drawn
    noise = np.random.default_rng(1).dirichlet(np.ones(6), size=len(codes))
    both, alone = pooled([proba, noise], codes), pooled([proba], codes)
    assert np.abs(both - alone).mean() < 0.01


def test_rates_are_those_at_the_surest_rows():
    rng = np.random.default_rng(0)
    truth = rng.integers(3, size=6000)
    proba = np.full((6000, 3), 0.01)
    proba[np.arange(6000), truth] = 0.98
    rates = np.array([[0.8, 0.2, 0.0], [0.0, 1.0, 0.0], [0.1, 0.0, 0.9]])
    codes = (rates[truth].cumsum(axis=1) < rng.random((6000, 1))).sum(axis=1)
    found = wrong_rates(proba, codes)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    np.testing.assert_allclose(found, rates, atol=0.04)


def test_chance_is_calibrated_where_errors_are_at_random(drawn):
    proba, truth = drawn
    sure = np.sort(proba, axis=1)[:, -1] > 0.9  # where truth is what is most probable
    codes = np.where(sure, truth, proba.argmax(axis=1))
    given = flipped(proba, codes, "any", share=0.2)
    chance = chance_wrong([proba], given)
    wrong = given != codes
    assert chance.sum() == pytest.approx(wrong.sum(), rel=0.25)
    assert average_precision_score(wrong, chance) > 0.9


@pytest.fixture(scope="module")
def evidence():
    """Two opinions on labels of which one class lost some."""
    rng = np.random.default_rng(2)
    proba = rng.dirichlet(np.full(4, 0.25), size=1500)
    codes = (proba.cumsum(axis=1) < rng.random((1500, 1))).sum(axis=1).clip(max=3)
    codes[(codes == 1) & (rng.random(1500) < 0.2)] = 3
    return [proba, rng.dirichlet(1 + 6 * proba.mean(axis=0), size=1500)], codes


def test_labels_are_merged_by_how_often_each_is_wrong(evidence):
    probas, codes = evidence
    chance = chance_wrong(probas, codes)
    # Some of class 1 were given label 3, and no other label was given wrongly.
    of_label = np.bincount(codes, weights=chance)
    assert of_label.argmax() == 3
    assert of_label[3] > 2 * of_label[:3].max()


def test_within_a_label_the_pooled_evidence_decides(evidence):
    probas, codes = evidence
    chance, pool = chance_wrong(probas, codes), opinion(probas, codes)
    for code in range(4):
        rows = np.flatnonzero(codes == code)
        by_support = rows[np.argsort(pool[rows, code], kind="stable")]
        assert (np.diff(chance[by_support]) <= 0).all()


def test_names_of_the_labels_make_no_difference(evidence):
    probas, codes = evidence
    renamed = np.array([2, 0, 3, 1])
    others = [proba[:, np.argsort(renamed)] for proba in probas]
    np.testing.assert_allclose(
        chance_wrong(others, renamed[codes]), chance_wrong(probas, codes), atol=2e-3
    )


def test_order_of_the_rows_makes_no_difference(evidence):
    probas, codes = evidence
    order = np.random.default_rng(0).permutation(len(codes))
    moved = chance_wrong([proba[order] for proba in probas], codes[order])
    np.testing.assert_allclose(moved, chance_wrong(probas, codes)[order], atol=2e-3)


def test_class_weights_hardly_matter_within_a_label_and_between(evidence):
    [proba, other], codes = evidence
    weighted = proba * np.array([1.0, 9.0, 3.0, 0.5])
    weighted /= weighted.sum(axis=1, keepdims=True)
    one, two = (
        chance_wrong([proba, other], codes),
        chance_wrong([weighted, other], codes),
    )
    for code in range(4):
        rows = codes == code
        assert np.corrcoef(one[rows], two[rows])[0, 1] > 0.98
    assert np.corrcoef(one, two)[0, 1] > 0.98


def test_rows_that_no_fold_has_seen_have_no_chance(evidence):
    probas, codes = evidence
    hollow = probas[0].copy()
    hollow[::7] = np.nan
    chance = chance_wrong([hollow, probas[1]], codes)
    assert np.isnan(chance[::7]).all()
    assert np.isfinite(np.delete(chance, np.arange(0, 1500, 7))).all()
    assert np.isnan(chance_wrong([np.full((3, 2), np.nan)], np.array([0, 1, 0]))).all()


def test_certain_probabilities_and_absent_classes_give_chances():
    proba = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    chance = chance_wrong([proba], np.array([0, 0, 1]))
    assert np.isfinite(chance).all()
    assert chance[0] > chance[1]
    assert (chance_wrong([np.ones((4, 1))], np.zeros(4, dtype=int)) == 0).all()


def test_every_label_of_a_multilabel_map_is_a_question_of_two(evidence):
    probas, codes = evidence
    is_set, of_label = codes[:, None] == np.arange(4), probas[0]
    chance = 1 - label_quality(of_label, is_set)
    assert chance.shape == is_set.shape
    two = np.column_stack([1 - of_label[:, 2], of_label[:, 2]])
    np.testing.assert_allclose(
        chance[:, 2], chance_wrong([two], is_set[:, 2] * 1), rtol=1e-6
    )


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    wrong = np.zeros(len(y), dtype=bool)
    wrong[rng.choice(len(y), 90, replace=False)] = True
    given = np.where(wrong, (y + rng.integers(1, 10, len(y))) % 10, y)
    sgd = SGDClassifier(loss="log_loss")
    fitted = [
        DataMapClassifier(sgd, cv=2, measures=["mean_proba"], random_state=seed).fit(
            X / 16, given
        )
        for seed in range(2)
    ]
    return fitted, wrong


def test_map_of_folds_has_label_quality(digits):
    [clf, _], wrong = digits
    data_map = clf.data_map_
    expected = label_quality(data_map.measures["mean_proba"], data_map.label_codes())
    found = data_map.measure("label_quality")
    np.testing.assert_array_equal(found, expected)
    assert ((found >= 0) & (found <= 1)).all()
    assert data_map.rank("label_quality")[0] == expected.argmin()
    assert "label_quality" in data_map.measure_names()
    np.testing.assert_array_equal(data_map.to_frame()["label_quality"], expected)
    assert roc_auc_score(wrong, -found) > 0.97


def test_quality_of_averaged_maps_is_the_mean_of_the_runs(digits):
    fitted, wrong = digits
    average = DataMap.average(clf.data_map_ for clf in fitted)
    of_runs = [clf.data_map_.measure("label_quality") for clf in fitted]
    quality = average.measure("label_quality")
    np.testing.assert_allclose(quality, np.mean(of_runs, axis=0), rtol=1e-12)
    assert roc_auc_score(wrong, -quality) > 0.97


def test_map_without_folds_or_mean_probabilities_says_what_quality_takes(digits):
    [clf, _], _ = digits
    bare = DataMapClassifier(cv=2, random_state=0).fit([[0.0], [1.0]] * 8, [0, 1] * 8)
    for data_map in (clf.in_sample_map_, bare.data_map_):
        assert "label_quality" not in data_map.measure_names()
        with pytest.raises(ValueError, match=r"no label_quality: .*cv=2, measures="):
            data_map.rank("label_quality")


def test_quality_survives_a_parquet_file(digits, tmp_path):
    [clf, _], _ = digits
    clf.data_map_.to_parquet(tmp_path / "map.parquet")
    again = DataMap.from_parquet(tmp_path / "map.parquet")
    np.testing.assert_array_equal(
        again.measure("label_quality"), clf.data_map_.measure("label_quality")
    )


def test_order_across_labels_keeps_that_of_each_label():
    rng = np.random.default_rng(0)
    proba = rng.dirichlet([0.4, 0.8], 600)
    codes = (rng.random(600) < proba[:, 1]) * 1
    pool = opinion([proba], codes)
    own = pool[np.arange(600), codes]
    by_label, both, over_all = (
        chance_by([proba], pool, codes, across) for across in (0, 0.7, 1)
    )
    assert (np.diff(over_all[np.argsort(own)]) <= 0).all()
    assert (np.diff(by_label[np.argsort(own)]) > 0).any()
    for code in (0, 1):
        rows = np.flatnonzero(codes == code)
        rows = rows[np.argsort(own[rows])]
        assert (np.diff(both[rows]) <= 0).all()
    low, high = np.minimum(by_label, over_all), np.maximum(by_label, over_all)
    assert ((low - 1e-6 <= both) & (both <= high + 1e-6)).all()
