"""Pairs of labels that overlap, and groups of rows with more wrong labels."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.datasets import load_digits, make_multilabel_classification
from sklearn.linear_model import SGDClassifier

from sklearn_datamaps import DataMap, DataMapClassifier, audit_labels

SGD = SGDClassifier(loss="log_loss")


@pytest.fixture
def crafted():
    """Five rows, five times, with label quality: a rare label is not suggested."""
    proba = [[0.1, 0.7, 0.2], [0.6, 0.1, 0.3], [0.2, 0.3, 0.5], [0.3, 0.2, 0.5]]
    proba = np.tile([*proba, [0.1, 0.0, 0.9]], (1, 5, 1))
    labels = np.tile(["a", "a", "b", "b", "c"], 5)
    data_map = DataMap.from_probabilities(proba, labels, measures=["mean_proba"])
    quality = {"label_quality": np.tile([0.2, 0.9, 0.4, 0.5, 1.0], 5)}
    return replace(data_map, measures={**data_map.measures, **quality})


def test_expected_errors_are_added_up_by_given_and_suggested_label(crafted):
    found = crafted.overlapping_classes()
    expected = {
        "label": ["b", "a", "a"],
        "suggested": ["c", "b", "c"],
        "n_expected": [5.5, 4.0, 0.5],
        "share": [0.55, 0.4, 0.05],
    }
    pd.testing.assert_frame_equal(found, pd.DataFrame(expected))


def of_a_kind(kind, y, rng):
    wrong = rng.random(len(y)) < 0.12
    if kind == "at random":
        other = (y + rng.integers(1, 10, len(y))) % 10
    elif kind == "some pairs":
        other, pairs = y.copy(), {3: 8, 8: 3, 1: 7, 9: 5}
        wrong = rng.random(len(y)) < 0.25
        for given, label in pairs.items():
            other[y == given] = label
    else:
        wrong &= y == 4
        other = np.full(len(y), 9)
    return np.where(wrong, other, y)


@pytest.mark.parametrize("kind", ["some pairs", "one way"])
def test_pairs_are_the_true_ones(kind):
    X, y = load_digits(return_X_y=True)
    given = of_a_kind(kind, y, np.random.default_rng(0))
    audit = audit_labels(SGD, X / 16, given, random_state=0)
    pairs = audit.overlapping_classes()
    found, truth = np.zeros((10, 10)), np.zeros((10, 10))
    found[pairs["label"], pairs["suggested"]] = pairs["n_expected"]
    np.add.at(truth, (given[given != y], y[given != y]), 1)
    apart = ~np.eye(10, dtype=bool)
    assert np.corrcoef(found[apart], truth[apart])[0, 1] > 0.9


def test_label_set_wrongly_where_another_is_missing():
    X, y = make_multilabel_classification(400, n_classes=3, random_state=0)
    clf = DataMapClassifier(SGD, cv=2, measures=["mean_proba"], random_state=0)
    data_map = clf.fit(X / 10, y).data_map_
    found = data_map.overlapping_classes()
    chance = 1 - data_map.measure("label_quality")
    one = found[(found["label"] == 0) & (found["suggested"] == 2)]
    rows = (y[:, 0] == 1) & (y[:, 2] == 0)
    by_hand = (chance[rows, 0] * chance[rows, 2]).sum()
    assert one["n_expected"].item() == pytest.approx(by_hand)


def test_map_without_quality_says_what_it_takes():
    clf = DataMapClassifier(SGD, random_state=0).fit([[0.0], [1.0]] * 8, [0, 1] * 8)
    with pytest.raises(ValueError, match="no label_quality"):
        clf.data_map_.overlapping_classes()


def test_groups_are_compared_by_hand(crafted):
    who = np.tile(["x", "y", "x", "y", "y"], 5)
    table = crafted.with_columns(who=who).summary(by="who")
    assert table.index.tolist() == ["x", "y"]
    assert table["n_samples"].tolist() == [10, 15]
    assert table["expected_wrong"].tolist() == pytest.approx([7.0, 3.0])
    assert table["lift"].tolist() == pytest.approx([0.7 / 0.4, 0.2 / 0.4])
    assert (table["low"] < table["expected_wrong"]).all()
    assert (table["expected_wrong"] < table["high"]).all()
    assert "chance" not in table


@pytest.mark.parametrize("shape", [0.1, 1.0])
def test_excess_is_as_rare_as_among_rows_drawn_at_random(crafted, shape):
    rng = np.random.default_rng(0)
    chance = rng.beta(shape, 4, 500)
    who = np.repeat(["x", "y", "z"], [60, 140, 300])
    chance[who == "x"] *= 1.2
    proba = np.stack([chance, 1 - chance], axis=1)[np.newaxis]
    data_map = DataMap.from_probabilities(proba, np.arange(500) % 2)
    data_map = replace(
        data_map, measures={**data_map.measures, "label_quality": 1 - chance}
    )
    table = data_map.with_columns(who=who).summary(by="who")
    drawn = np.array([rng.permutation(chance) for _ in range(20_000)])
    for name in table.index:
        excess = drawn[:, who == name].sum(axis=1) >= chance[who == name].sum()
        assert table.loc[name, "p_value"] == pytest.approx(excess.mean(), abs=0.012)


def test_no_group_has_more_where_all_rows_are_alike(crafted):
    quality = {"label_quality": np.full(25, 0.5)}
    alike = replace(crafted, measures={**crafted.measures, **quality})
    who = np.tile(["x", "y", "x", "y", "y"], 5)
    assert alike.with_columns(who=who).summary(by="who")["p_value"].tolist() == [1, 1]
    one = crafted.with_columns(who=["x"] * 25).summary(by="who")
    assert one["p_value"].tolist() == [1]


def test_map_without_quality_compares_hard_rows():
    proba = [[[0.1, 0.9], [0.9, 0.1]] * 3]
    data_map = DataMap.from_probabilities(proba, [0] * 6, classes=[0, 1])
    who = ["x", "y", "x", None, "x", "y"]
    table = data_map.with_columns(who=who).summary(by="who")
    assert table.loc["x", "share_hard"] == 1
    assert table.loc["x", "lift"] == 2
    assert "expected_wrong" not in table
    assert len(table) == 3  # a missing value is a group, too
    # Three of six are hard, all of them in x.
    one_sided = stats.fisher_exact([[3, 0], [0, 3]], alternative="greater").pvalue
    assert table.loc["x", "p_value"] == pytest.approx(one_sided)
    assert table.loc["x", "p_holm"] == pytest.approx(3 * one_sided)


def annotated(seed, rate):
    X, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(seed)
    who = rng.integers(12, size=len(y))
    wrong = rng.random(len(y)) < np.where(who == 5, rate, 0.03)
    given = np.where(wrong, (y + rng.integers(1, 10, len(y))) % 10, y)
    audit = audit_labels(SGD, X / 16, given, random_state=seed)
    return audit.with_columns(who=who).summary(by="who")


def test_the_careless_annotator_is_found():
    found = [annotated(seed, 0.12)["p_holm"] for seed in range(6)]
    assert sum(p.index[0] == 5 and p.iloc[0] < 0.05 for p in found) >= 5


def test_equally_careful_annotators_are_rarely_blamed():
    blamed = [annotated(seed, 0.03)["p_holm"].min() < 0.05 for seed in range(6)]
    assert sum(blamed) <= 1


def test_columns_that_cannot_be_compared_are_refused(crafted):
    with pytest.raises(ValueError, match=r"one of \['who'\]; got 'when'"):
        crafted.with_columns(who=["x"] * 25).summary(by="when")
    with pytest.raises(ValueError, match=r"one of \['who'\]; got \['who'\]"):
        crafted.with_columns(who=["x"] * 25).summary(by=["who"])
    with pytest.raises(ValueError, match=r"'who' cannot be told apart .*unhashable"):
        crafted.with_columns(who=[{"a", "b"}] * 25).summary(by="who")
    with pytest.raises(ValueError, match=r"25 values in 25 rows.*Make groups"):
        crafted.with_columns(who=range(25)).summary(by="who")


def test_audit_summarises_by_label_and_by_column(audited_digits):
    audit = audited_digits[3].with_columns(half=np.arange(1797) % 2)
    pd.testing.assert_frame_equal(audit.summary(by="label"), audit.by_label())
    expected = audit.data_map.summary(by="half")
    pd.testing.assert_frame_equal(audit.summary(by="half"), expected)
