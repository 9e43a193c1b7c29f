"""Known wrong labels: doubles of the suspicious ones, and slips."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_datamaps._curation.flips import plant_flips


def make(n_samples=3000, n_classes=4, seed=0):
    """Labels, probabilities that mostly agree, and margins."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(n_classes, size=n_samples)
    logits = rng.normal(size=(n_samples, n_classes))
    logits[np.arange(n_samples), codes] += 2.5
    proba = np.exp(logits)
    proba /= proba.sum(axis=1, keepdims=True)
    return codes, proba, margins(codes, proba)


def margins(codes, proba):
    others = proba.copy()
    own = others[np.arange(len(codes)), codes].copy()
    others[np.arange(len(codes)), codes] = -1
    return own - others.max(axis=1)


def plant(codes, proba, margin, n=150, slips=0.0, seed=0):
    return plant_flips(codes, proba, margin, n, slips, np.random.default_rng(seed))


def test_every_suspicious_label_is_replaced_by_the_most_probable_other_one():
    codes, proba, margin = make()
    flips = plant(codes, proba, margin)
    suspicious = np.argsort(margin)[:150]
    others = proba.copy()
    others[np.arange(len(codes)), codes] = -1
    np.testing.assert_array_equal(
        flips.codes[suspicious], others[suspicious].argmax(axis=1)
    )
    assert not flips.doubles[suspicious].any()


def test_doubles_are_wrong_in_the_same_way_as_often():
    codes, proba, margin = make()
    flips = plant(codes, proba, margin)
    suspicious = np.argsort(margin)[:150]
    shape = (4, 4)
    of_suspicious = np.zeros(shape, dtype=int)
    np.add.at(of_suspicious, (flips.codes[suspicious], codes[suspicious]), 1)
    of_doubles = np.zeros(shape, dtype=int)
    doubles = flips.doubles
    np.add.at(of_doubles, (codes[doubles], flips.codes[doubles]), 1)
    np.testing.assert_array_equal(of_doubles, of_suspicious)


def test_doubles_lie_as_near_the_boundary_as_what_they_double():
    codes, proba, margin = make()
    flips = plant(codes, proba, margin)
    suspicious = np.argsort(margin)[:150]
    replaced = codes.copy()
    replaced[suspicious] = flips.codes[suspicious]
    sure = margins(replaced, proba)
    ours, theirs = np.sort(sure[flips.doubles]), np.sort(sure[suspicious])
    assert np.abs(ours - theirs).mean() < 0.05  # both sides are blurred by 0.03
    # Doubles drawn at random would be much surer.
    rest = np.setdiff1d(np.arange(len(codes)), suspicious)
    assert np.median(sure[rest]) - np.median(ours) > 0.15


def test_what_is_no_flip_and_was_not_suspicious_keeps_its_label():
    codes, proba, margin = make()
    before = codes.copy()
    flips = plant(codes, proba, margin, slips=0.02)
    suspicious = np.argsort(margin)[:150]
    kept = flips.unflipped.copy()
    kept[suspicious] = False
    np.testing.assert_array_equal(flips.codes[kept], codes[kept])
    changed = flips.doubles | flips.slips
    assert not (flips.codes[changed] == codes[changed])[
        ~np.isin(np.flatnonzero(changed), suspicious)
    ].any()
    assert not (flips.doubles & flips.slips).any()
    np.testing.assert_array_equal(codes, before)


def test_slips_are_a_share_of_every_class():
    codes, proba, margin = make(n_samples=20_000)
    flips = plant(codes, proba, margin, slips=0.05)
    share = [flips.slips[codes == code].mean() for code in range(4)]
    np.testing.assert_allclose(share, 0.05, atol=0.01)


def test_slips_do_not_drown_a_rare_class():
    rng = np.random.default_rng(0)
    codes = (rng.random(10_000) < 0.03).astype(int)
    proba = np.where(codes[:, None] == [0, 1], 0.9, 0.1)
    flips = plant(codes, proba, margins(codes, proba), n=10, slips=0.05)
    gained = flips.slips & (flips.codes == 1)
    assert gained.sum() <= 2 * 0.05 * (codes == 1).sum() + 2
    assert gained.sum() > 0


def test_seeds_give_other_flips_and_the_same_seed_the_same():
    codes, proba, margin = make()
    one, two = (plant(codes, proba, margin, slips=0.02, seed=s) for s in (0, 1))
    again = plant(codes, proba, margin, slips=0.02)
    np.testing.assert_array_equal(one.codes, again.codes)
    assert (one.doubles != two.doubles).any()
    assert (one.slips != two.slips).any()


def test_labels_of_a_multilabel_target_are_problems_of_their_own():
    rng = np.random.default_rng(0)
    codes = rng.random((2000, 3)) < [0.5, 0.2, 0.05]
    proba = np.clip(np.where(codes, 0.8, 0.2) + rng.normal(0, 0.2, codes.shape), 0, 1)
    margin = np.where(codes, 2 * proba - 1, 1 - 2 * proba)
    flips = plant(codes, proba, margin, n=120)
    assert flips.codes.dtype == bool
    suspicious = np.zeros(codes.size, dtype=bool)
    suspicious[np.argsort(margin, axis=None)[:120]] = True
    suspicious = suspicious.reshape(codes.shape)
    np.testing.assert_array_equal(flips.codes[suspicious], ~codes[suspicious])
    for column in range(3):
        set_wrongly = suspicious[:, column] & codes[:, column]
        doubles = flips.doubles[:, column] & flips.codes[:, column]
        assert doubles.sum() == min(
            set_wrongly.sum(), (~codes[:, column] & ~suspicious[:, column]).sum() // 2
        )


@settings(max_examples=60, deadline=None)
@given(
    n_samples=st.integers(5, 120),
    n_classes=st.integers(2, 6),
    n=st.integers(1, 60),
    slips=st.floats(0, 0.3),
    seed=st.integers(0, 10),
)
def test_any_labels_can_be_planted_and_half_of_a_class_stays(
    n_samples, n_classes, n, slips, seed
):
    codes, proba, margin = make(n_samples, n_classes, seed)
    flips = plant(codes, proba, margin, n=n, slips=slips, seed=seed)
    assert flips.codes.shape == codes.shape
    assert flips.codes.min() >= 0
    assert flips.codes.max() < n_classes
    suspicious = np.argsort(margin, kind="stable")[: min(n, int(0.3 * n_samples))]
    replaced = codes.copy()
    replaced[suspicious] = flips.codes[suspicious]
    flipped = ~flips.unflipped
    for code in np.unique(codes):
        of_code = codes == code
        trusted = of_code & ~np.isin(np.arange(n_samples), suspicious)
        if trusted.sum() > 2:
            assert (flipped & trusted).sum() <= of_code.sum()


@pytest.mark.parametrize("n", [0, 1])
def test_few_suspicious_labels_give_few_doubles(n):
    codes, proba, margin = make(200)
    assert plant(codes, proba, margin, n=n).doubles.sum() == n


@pytest.mark.parametrize("value", [False, True])
def test_a_label_set_in_no_row_or_in_all_gets_no_flips(value):
    codes = np.random.default_rng(0).random((200, 2)) < 0.5
    codes[:, 1] = value
    proba = np.where(codes, 0.8, 0.2)
    flips = plant(codes, proba, np.full(codes.shape, 0.6), n=0, slips=0.1)
    assert flips.slips[:, 0].any()
    np.testing.assert_array_equal(flips.codes[:, 1], codes[:, 1])
    assert flips.unflipped[:, 1].all()
