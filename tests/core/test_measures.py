"""Every measure against numbers worked out by hand, or a formula written otherwise."""

import math

import numpy as np
import pytest

from sklearn_datamaps._core import measures

PROBA = np.array([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4], [0.25, 0.5, 0.25]])
CODES = np.array([0, 1, 1], dtype=np.int8)
SET = np.array([[True, False], [False, True]])
SET_PROBA = np.array([[0.9, 0.4], [0.2, 0.5]])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_own_probability_is_the_column_of_the_own_label_in_float64(dtype):
    proba = PROBA.astype(dtype)
    own = measures.own_probability(proba, CODES)
    assert own.dtype == np.float64
    assert own.tolist() == [float(proba[0, 0]), float(proba[1, 1]), float(proba[2, 1])]


def test_own_probability_of_an_unset_label_is_the_complement():
    own = measures.own_probability(SET_PROBA, SET)
    np.testing.assert_allclose(own, [[0.9, 0.6], [0.8, 0.5]], rtol=0, atol=1e-15)


def test_own_probability_of_an_unset_label_keeps_a_small_float32():
    # 1 - 1e-9 is 1 in float32; the complement must be taken in float64.
    tiny = np.float32(1e-9)
    own = measures.own_probability(np.array([[tiny]]), np.array([[False]]))
    assert own.dtype == np.float64
    assert own[0, 0] == 1.0 - float(tiny) < 1.0


def test_own_probability_does_not_change_its_input():
    proba = PROBA.copy()
    own = measures.own_probability(proba, CODES)
    own[:] = -1
    np.testing.assert_array_equal(proba, PROBA)


def test_epoch_margin_is_own_less_largest_other():
    own = np.array([0.7, 0.3, 0.5])
    margin = measures.epoch_margin(PROBA, CODES, own)
    np.testing.assert_allclose(margin, [0.5, -0.1, 0.25], rtol=0, atol=1e-15)


def test_epoch_margin_reaches_both_ends_and_keeps_its_input():
    proba = np.eye(3)
    margin = measures.epoch_margin(proba, np.array([0, 2, 0]), np.array([1.0, 0, 0]))
    assert margin.tolist() == [1.0, -1.0, -1.0]
    np.testing.assert_array_equal(proba, np.eye(3))


def test_epoch_loss_is_the_negative_logarithm_in_nats():
    loss = measures.epoch_loss(np.array([1.0, 0.5, math.exp(-3)]))
    np.testing.assert_allclose(loss, [0.0, math.log(2), 3.0], rtol=0, atol=1e-14)


def test_epoch_loss_of_an_impossible_label_is_finite():
    loss = measures.epoch_loss(np.array([0.0, 1e-12, 1e-300]))
    np.testing.assert_allclose(loss, 12 * math.log(10), rtol=1e-15)


def test_epoch_el2n_is_the_norm_of_the_error_vector():
    norm = measures.epoch_el2n(PROBA, CODES)
    by_hand = [math.sqrt(0.14), math.sqrt(0.74), math.sqrt(0.375)]
    np.testing.assert_allclose(norm, by_hand, rtol=0, atol=1e-15)


def test_epoch_el2n_ends_at_the_square_root_of_two():
    norm = measures.epoch_el2n(np.eye(3), np.array([0, 2, 2]))
    np.testing.assert_allclose(norm, [0, math.sqrt(2), 0], rtol=0, atol=1e-15)


def test_epoch_el2n_of_one_label_is_the_norm_over_its_two_outcomes():
    norm = measures.epoch_el2n(SET_PROBA, SET)
    outcomes = np.stack([SET_PROBA - SET, (1 - SET_PROBA) - ~SET])
    by_outcomes = np.linalg.norm(outcomes, axis=0)
    np.testing.assert_allclose(norm, by_outcomes, rtol=0, atol=1e-15)


def test_aleatoric_is_the_mean_of_p_times_one_minus_p():
    p = np.array([[0.1, 0.9, 1.0], [0.7, 0.8, 1.0], [0.4, 0.99, 1.0]])
    derived = measures.aleatoric(p.mean(axis=0), p.std(axis=0))
    np.testing.assert_allclose(derived, (p * (1 - p)).mean(axis=0), rtol=0, atol=1e-15)


def test_aleatoric_never_falls_below_zero_by_rounding():
    p = np.array([0.0, 0.0, 1.0])
    c, v = np.array([p.mean()]), np.array([p.std() + 1e-16])
    assert c[0] * (1 - c[0]) - v[0] ** 2 < 0
    assert measures.aleatoric(c, v)[0] == 0.0


def test_threshold_closeness_is_largest_at_one_half():
    closeness = measures.threshold_closeness(np.array([0.0, 0.5, 0.9, 1.0]))
    np.testing.assert_allclose(closeness, [0, 0.25, 0.09, 0], rtol=0, atol=1e-15)


def test_variability_divides_by_the_number_of_epochs():
    # Deviations -0.3, 0, 0.3 from the mean.
    result = measures.variability(np.array([0.18]), np.array([3]))
    np.testing.assert_allclose(result, [math.sqrt(0.06)], rtol=0, atol=1e-15)


def test_share_of_a_row_never_recorded_is_nan_without_a_warning():
    result = measures.share(np.array([3, 0]), np.array([4, 0]))
    np.testing.assert_array_equal(result, [0.75, np.nan])


def test_share_of_cells_divides_by_the_epochs_of_their_row():
    result = measures.share(np.array([[1, 2], [0, 0]]), np.array([[4], [0]]))
    np.testing.assert_array_equal(result, [[0.25, 0.5], [np.nan, np.nan]])


def test_forgetting_of_a_row_never_right_is_above_every_other():
    # 5 epochs: never right; right to the end; forgotten twice; never recorded.
    events = measures.forgetting(
        np.array([0, 0, 2, 0]), np.array([0, 5, 3, 0]), np.array([5, 5, 5, 0])
    )
    np.testing.assert_array_equal(events, [6, 0, 2, np.nan])


def test_first_learned_of_a_row_wrong_at_the_end_is_one_past_the_last_epoch():
    epoch = measures.first_learned(np.array([0, 1, 4, 0]), np.array([5, 5, 5, 0]))
    np.testing.assert_array_equal(epoch, [6, 1, 4, np.nan])


def test_logit_margin_is_the_log_ratio_to_the_largest_other():
    margin = measures.logit_margin(PROBA, CODES)
    by_hand = [math.log(3.5), math.log(0.75), math.log(2)]
    np.testing.assert_allclose(margin, by_hand, rtol=0, atol=1e-14)


def test_logit_margin_counts_zero_as_the_floor():
    certain = np.array([[1.0, 0.0], [1.0, 0.0]])
    margin = measures.logit_margin(certain, np.array([0, 1]))
    by_hand = np.array([1, -1]) * 12 * math.log(10)
    np.testing.assert_allclose(margin, by_hand, rtol=1e-15)


def test_logit_margin_of_one_label_is_its_log_odds():
    margin = measures.logit_margin(SET_PROBA, SET)
    by_hand = [[math.log(9), math.log(0.6 / 0.4)], [math.log(4), 0.0]]
    np.testing.assert_allclose(margin, by_hand, rtol=0, atol=1e-14)


def test_logit_margin_does_not_change_its_input():
    proba = PROBA.copy()
    measures.logit_margin(proba, CODES)
    np.testing.assert_array_equal(proba, PROBA)
