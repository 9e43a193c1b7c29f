"""Trust in labels: which kind of doubt there is, and both kinds of evidence."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import roc_auc_score

from sklearn_datamaps import DataMap, DataMapClassifier
from sklearn_datamaps._core.quality import are_near_misses, label_trust
from sklearn_datamaps._curation.candidates import judge
from sklearn_datamaps._curation.flips import Flips


@pytest.fixture
def drawn():
    """Probabilities of six classes, and labels drawn from them."""
    rng = np.random.default_rng(0)
    proba = rng.dirichlet(np.full(6, 0.3), size=4000)
    below = proba.cumsum(axis=1) < rng.random((len(proba), 1))
    return proba, np.minimum(below.sum(axis=1), 5)


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


PROBA = np.array([[0.5, 0.3, 0.2], [0.1, 0.6, 0.3], [0.2, 0.2, 0.6], [0.7, 0.2, 0.1]])
CODES = np.array([0, 1, 1, 0])
IN_SAMPLE = np.array([2.0, 1.0, -3.0, 4.0])


def test_trust_of_near_misses_is_both_logit_margins_in_sample_three_times():
    trust = label_trust(PROBA, IN_SAMPLE, CODES, near_misses=True)
    held_out = np.log([0.5 / 0.3, 0.6 / 0.3, 0.2 / 0.6, 0.7 / 0.2])
    np.testing.assert_allclose(trust, held_out + 3 * IN_SAMPLE, rtol=1e-12)


def test_trust_otherwise_is_plausibility_and_a_quarter_of_what_is_not_the_class():
    trust = label_trust(PROBA, IN_SAMPLE, CODES, near_misses=False)
    plausible = np.log([0.5 * 0.7**2, 0.6 * 0.7**2, 0.2 * 0.4**2, 0.7 * 0.8**2])
    np.testing.assert_allclose(
        trust, [*plausible] + np.array([-1, 2, -2, 1]) / 4, rtol=1e-12
    )


def test_trust_of_a_multilabel_cell_is_compared_with_equal_cells():
    is_set = np.array([[True, False], [True, True], [False, False]])
    proba = np.array([[0.8, 0.4], [0.6, 0.9], [0.3, 0.2]])
    margin = np.array([[1.0, 2.0], [3.0, 5.0], [7.0, 4.0]])
    trust = label_trust(proba, margin, is_set, near_misses=False)
    own = np.where(is_set, proba, 1 - proba)
    within = np.array([[-1.0, -1.0], [1.0, 0.0], [0.0, 1.0]])
    np.testing.assert_allclose(trust, 3 * np.log(own) + within / 4, rtol=1e-12)


def test_certain_probabilities_give_finite_trust():
    proba = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    for near_misses in (True, False):
        trust = label_trust(
            proba, np.zeros(2), np.array([0, 0]), near_misses=near_misses
        )
        assert np.isfinite(trust).all()
        assert trust[0] < trust[1]


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


def test_map_of_folds_has_the_in_sample_logit_margin_and_trust(digits):
    [clf, _], _ = digits
    data_map = clf.data_map_
    margin = clf.in_sample_map_.measure("logit_margin")
    np.testing.assert_array_equal(data_map.measure("in_sample_logit_margin"), margin)
    mean_proba, codes = data_map.measures["mean_proba"], data_map.label_codes()
    expected = label_trust(
        mean_proba, margin, codes, near_misses=are_near_misses(mean_proba, codes)
    )
    np.testing.assert_array_equal(data_map.measure("label_trust"), expected)
    assert data_map.rank("label_trust")[0] == expected.argmin()
    assert {"label_trust", "in_sample_logit_margin"} <= set(data_map.measure_names())
    np.testing.assert_array_equal(data_map.to_frame()["label_trust"], expected)


def test_trust_of_averaged_maps_finds_wrong_labels(digits):
    fitted, wrong = digits
    average = DataMap.average(clf.data_map_ for clf in fitted)
    of_runs = [clf.data_map_.measure("label_trust") for clf in fitted]
    trust = average.measure("label_trust")
    np.testing.assert_allclose(trust, np.mean(of_runs, axis=0), rtol=1e-12)
    assert roc_auc_score(wrong, -trust) > 0.99


def test_map_without_folds_says_what_trust_takes(digits):
    [clf, _], _ = digits
    for name in ("label_trust", "in_sample_logit_margin"):
        with pytest.raises(ValueError, match=rf"no {name}: .*cv=2, measures="):
            clf.in_sample_map_.rank(name)


def test_trust_survives_a_parquet_file(digits, tmp_path):
    [clf, _], _ = digits
    clf.data_map_.to_parquet(tmp_path / "map.parquet")
    again = DataMap.from_parquet(tmp_path / "map.parquet")
    np.testing.assert_array_equal(
        again.measure("label_trust"), clf.data_map_.measure("label_trust")
    )


def candidates(*, helpful, n_classes=3):
    """Two recorders: in-sample finds the planted labels or not, the other never."""
    rng = np.random.default_rng(0)
    codes = np.arange(300) % n_classes
    planted = np.zeros((2, 300), dtype=bool)
    planted[0, :20] = planted[1, 20:40] = True
    flips = [Flips(codes, *planted)] * 2
    own = np.full(300, 0.8)
    own[planted.any(axis=0)] = 0.1
    rest = (1 - own) / (n_classes - 1)
    finds = np.repeat(rest[:, None], n_classes, axis=1)
    finds[np.arange(300), codes] = own
    blind = rng.dirichlet(np.ones(n_classes), size=300)
    best = finds if helpful else blind
    probas = {"in-sample": best, "out-of-fold": blind, "average": blind}
    listed = {("as given", name): [proba] * 2 for name, proba in probas.items()}
    listed["as given", "both"] = [(blind, blind)] * 2
    return listed, flips


def chosen(**given):
    near_misses = given.pop("near_misses", False)
    table = judge(*candidates(**given), near_misses=near_misses)
    return tuple(table.loc[0, ["recorder", "score"]])


def test_preferred_candidate_is_chosen_where_none_is_clearly_better():
    assert chosen(helpful=False) == ("both", "label_trust")
    assert chosen(helpful=False, n_classes=2) == ("average", "plausibility")


def test_candidate_that_finds_far_more_of_both_kinds_is_chosen():
    assert chosen(helpful=True)[0] == "in-sample"
    assert chosen(helpful=True, n_classes=2) == ("in-sample", "plausibility")


def test_planted_labels_do_not_decide_where_labels_are_near_misses():
    assert chosen(helpful=True, near_misses=True) == ("both", "label_trust")
