"""Control rows: unmarked, and a count that holds on any kind of errors."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits, make_multilabel_classification
from sklearn.linear_model import SGDClassifier

from sklearn_datamaps import audit_labels
from sklearn_datamaps._curation.control_rows import Draw

SGD = SGDClassifier(loss="log_loss")
N_REVIEWS = 200


@pytest.fixture
def audited(audited_digits):
    _, _, wrong, audit = audited_digits
    return audit, wrong


def decided(review, wrong):
    is_wrong = wrong[review["position"]]
    return review.assign(decision=np.where(is_wrong, "drop", "keep"))


def estimated(draw, rows, wrong):
    return draw.estimate(draw.strata(rows, wrong[rows], np.arange(len(wrong))))


def at_random(X, y, rng):
    wrong = rng.random(len(y)) < 0.1
    return np.where(wrong, (y + rng.integers(1, 10, len(y))) % 10, y)


def by_a_rule(X, y, rng):
    given = y.copy()
    for number in range(6):
        values = X @ rng.normal(size=X.shape[1])
        given[values > np.quantile(values, 0.95)] = number
    return given


def one_way(X, y, rng):
    return np.where((y == 3) & (rng.random(len(y)) < 0.3), 8, y)


def both(X, y, rng):
    return at_random(X, by_a_rule(X, y, rng), rng)


def none(X, y, rng):
    return y


@pytest.mark.parametrize("n_random", [30, 100])
@pytest.mark.parametrize("errors", [at_random, by_a_rule, one_way, both, none])
def test_interval_covers_the_truth_on_every_kind_of_errors(errors, n_random):
    X, y = load_digits(return_X_y=True)
    given = errors(X, y, np.random.default_rng(0))
    wrong = given != y
    chance = audit_labels(SGD, X / 16, given, random_state=0).chance
    covered, estimates = [], []
    for seed in range(N_REVIEWS):
        draw = Draw.of(chance, 100, n_random, seed)
        rows = draw.shuffled(seed)
        estimate, (low, high) = estimated(draw, rows, wrong)
        estimates.append(estimate)
        covered.append(low <= wrong.sum() <= high)
    assert np.mean(covered) >= 0.9
    error = np.std(estimates) / np.sqrt(N_REVIEWS)
    assert abs(np.mean(estimates) - wrong.sum()) <= 4 * error


def test_review_and_update_measure_as_the_draw_does(audited):
    audit, wrong = audited
    progress = audit.update(decided(audit.review(n=60, n_random=30), wrong))
    draw = Draw.of(audit.chance, 60, 30, audit.seed)
    rows = np.concatenate(draw.sample)
    measured, interval = estimated(draw, rows, wrong)
    assert progress.measured == measured
    assert progress.measured_interval == interval
    assert interval[0] <= wrong.sum() <= interval[1]
    assert f"{measured:.0f} wrong labels in all" in progress.summary()
    assert progress.n_reviewed == 90


@pytest.mark.parametrize("errors", [at_random, by_a_rule, both])
def test_what_is_left_and_comes_next_is_what_the_control_rows_say(errors):
    X, y = load_digits(return_X_y=True)
    given = errors(X, y, np.random.default_rng(0))
    wrong = given != y
    audit = audit_labels(SGD, X / 16, given, random_state=0)
    order, covered = audit.data_map.rank("label_quality"), []
    for seed in range(40):
        drawn = replace(audit, seed=seed)
        review = decided(drawn.review(n=100, n_random=30), wrong)
        progress = drawn.update(review)
        unread = order[~np.isin(order, review["position"])]
        ends = progress.remaining_interval, progress.next_interval
        truth = wrong[unread].sum(), wrong[unread[:100]].sum()
        covered.append(
            [a <= true <= b for (a, b), true in zip(ends, truth, strict=True)]
        )
        assert not progress.stop
        left = progress.measured - wrong_of(review)
        assert progress.remaining == pytest.approx(max(left, progress.next_found))
        assert progress.chance.sum() >= 0.9 * progress.measured
    assert (np.mean(covered, axis=0) >= 0.8).all()


def wrong_of(review):
    return (review["decision"] == "drop").sum()


def test_few_wrong_ones_next_are_no_reason_to_stop_where_many_are_left(audited):
    audit, _ = audited
    review = audit.review(n=100, n_random=100)
    draw = Draw.of(audit.chance, 100, 100, audit.seed)
    last = np.isin(review["position"], draw.members[-1])
    progress = audit.update(review.assign(decision="keep"))
    assert progress.stop
    assert progress.remaining == progress.next_found < 1
    # A rule that only the least suspicious half follows.
    review["decision"] = np.where(last, "drop", "keep")
    progress = audit.update(review)
    assert progress.remaining == len(draw.members[-1]) - last.sum()
    assert progress.next_found < 0.05 * progress.n_next
    assert not progress.stop
    assert progress.summary().splitlines()[-1] == (
        "Go on: by the rows at random 5% or more of the labels not read are wrong, "
        "only not of the next ones."
    )


def test_wrong_labels_found_beyond_the_review_are_no_longer_left(audited):
    audit, wrong = audited
    review = decided(audit.review(n=40, n_random=30), wrong)
    before = audit.update(review, n_next=1)
    more = decided(audit.review(n=None), wrong).iloc[:60]
    more = more[~more["position"].isin(review["position"])]
    more = more.assign(drawn=review["drawn"].iloc[0])[review.columns]
    progress = audit.update(pd.concat([review, more]), n_next=1)
    assert progress.measured == before.measured
    read = np.r_[review["position"], more["position"]]
    draw = Draw.of(audit.chance, 40, 30, audit.seed)
    left = 0.0
    for members, sample in zip(draw.members, draw.sample, strict=True):
        known = wrong[np.intersect1d(members, read)].sum()
        unread = len(np.setdiff1d(members, read))
        left += np.clip(len(members) * wrong[sample].mean() - known, 0, unread)
    assert progress.remaining == pytest.approx(left)
    assert progress.remaining < before.remaining
    low, high = progress.remaining_interval
    assert 0 <= low <= progress.remaining <= high


@pytest.mark.parametrize("n_random", [1, 2, 9, 30])
@pytest.mark.parametrize("n_next", [10, 100, 5000])
def test_no_more_wrong_labels_come_next_than_are_left(audited, n_random, n_next):
    audit, wrong = audited
    review = audit.review(n=20, n_random=n_random)
    first = review["position"].isin(audit.data_map.rank("label_quality", n_samples=20))
    # Nobody who was drawn at random is wrong, many others are.
    review["decision"] = np.where(first, "drop", "keep")
    progress = audit.update(review, n_next=n_next)
    assert progress.measured == 20
    assert 1 < progress.next_found <= progress.remaining
    assert progress.next_interval[1] <= progress.remaining_interval[1]
    low, high = progress.remaining_interval
    assert 0 <= low <= progress.remaining <= high <= len(wrong) - len(review)


def test_no_more_wrong_labels_come_next_than_labels(audited):
    audit, _ = audited
    review = audit.review(n=20, n_random=30).assign(decision="drop")
    progress = audit.update(review, n_next=200)
    assert progress.next_interval[0] <= progress.next_interval[1] <= 200


def test_other_seeds_draw_other_rows_and_the_same_seed_the_same(audited):
    audit, _ = audited
    one, again = audit.review(50, n_random=40), audit.review(50, n_random=40)
    pd.testing.assert_frame_equal(one, again)
    other = replace(audit, seed=audit.seed + 1).review(50, n_random=40)
    assert set(one["position"]) != set(other["position"])


def test_control_rows_are_not_marked(audited):
    audit, _ = audited
    review = audit.review(n=50, n_random=40)
    assert len(review) == 90
    (drawn,) = set(review["drawn"])
    assert drawn.startswith(f"50+40 seed {audit.seed} rows ")
    first = set(audit.data_map.rank("label_quality", n_samples=50))
    assert first < set(review["position"])
    is_first = review["position"].isin(first).to_numpy()
    assert 0.3 < is_first[:45].mean() < 0.8  # not the suspicious ones before the others
    hidden = {"predicted", "confidence", "label_quality", "region", "suggested"}
    assert not hidden & set(review.columns)
    others = audit.with_columns(chance_wrong=audit.chance)
    assert "chance_wrong" not in others.review(5, n_random=5)
    assert "predicted" in audit.review(n=5)
    assert "drawn" not in audit.review(n=5)


def test_decisions_taken_so_far_measure_too(audited):
    audit, wrong = audited
    review = decided(audit.review(n=100, n_random=100), wrong)
    review.loc[100:, "decision"] = ""
    low, high = audit.update(review).measured_interval
    assert low <= wrong.sum() <= high
    review.loc[1:, "decision"] = ""
    progress = audit.update(review)
    assert progress.measured is None
    assert "measured" not in progress.summary()


def test_everything_read_is_known_for_certain(audited):
    audit, wrong = audited
    progress = audit.update(decided(audit.review(n=700, n_random=5000), wrong))
    assert progress.measured == wrong.sum()
    assert progress.measured_interval == (wrong.sum(), wrong.sum())


def test_it_is_said_how_many_labels_came_out_as_suggested(audited):
    audit, wrong = audited
    review = decided(audit.review(n=30, n_random=10), wrong)
    at = np.flatnonzero(wrong[review["position"]])[:6]
    suggested = audit.suggested_labels()[review["position"].to_numpy()[at]]
    new = suggested.copy()
    new[4:] = (suggested[4:] + 1) % 10
    review.loc[at, "decision"] = "relabel"
    review["new_label"] = review["new_label"].astype(object)
    review.loc[at, "new_label"] = new
    progress = audit.update(review)
    assert (progress.n_relabelled, progress.n_as_suggested) == (6, 4)
    assert "suggestion: 6, of these as the audit suggests 4" in progress.summary()


def test_a_file_of_a_spreadsheet_measures_the_same(audited, tmp_path):
    audit, wrong = audited
    review = decided(audit.review(n=40, n_random=30), wrong)
    review.to_csv(tmp_path / "review.csv", index=False)
    one, other = audit.update(review), audit.update(tmp_path / "review.csv")
    assert one.measured_interval == other.measured_interval


def test_cells_of_multilabel_targets_are_drawn():
    X, y = make_multilabel_classification(300, n_classes=3, random_state=0)
    audit = audit_labels(SGD, X / 10, y, random_state=0)
    review = audit.review(n=20, n_random=30).assign(decision="keep")
    assert len(review) == 50
    assert "label_name" in review
    progress = audit.update(review)
    assert progress.measured == 0
    assert progress.measured_interval[0] == 0
    assert progress.measured_interval[1] > 20


def test_reviews_of_other_draws_are_refused(audited):
    audit, wrong = audited
    review = decided(audit.review(n=20, n_random=10), wrong)
    other = replace(audit, seed=audit.seed + 1)
    match = r"drawn by another audit.* the same estimator, data and random_state"
    with pytest.raises(ValueError, match=match):
        other.update(review)
    review.loc[3, "drawn"] = "20+11 seed 5"
    with pytest.raises(ValueError, match="column drawn must say the same of every row"):
        audit.update(review)


def test_an_audit_of_the_same_seed_by_another_learner_drew_other_rows(audited_digits):
    X, y, wrong, audit = audited_digits
    other = audit_labels(SGDClassifier(loss="hinge"), X, y, random_state=0)
    assert other.seed == audit.seed
    review = decided(audit.review(n=20, n_random=10), wrong)
    with pytest.raises(ValueError, match="drawn by another audit"):
        other.update(review)
    assert other.update(review.drop(columns="drawn")).measured is None
    # So is a draw of other numbers of rows, as where the column was edited.
    for said in ("3+10", "20+11", "99999+10"):
        edited = review["drawn"].str.replace("20+10", said, regex=False)
        with pytest.raises(ValueError, match="drawn by another audit"):
            audit.update(review.assign(drawn=edited))


@pytest.mark.parametrize("n_random", [-1, 2.5, True])
def test_bad_numbers_of_control_rows(audited, n_random):
    with pytest.raises(ValueError, match="n_random must be an integer >= 0; got"):
        audited[0].review(n_random=n_random)


def test_small_data_give_what_there_is():
    chance = np.linspace(1, 0, 12)
    draw = Draw.of(chance, 10, 30, 0)
    assert sorted(draw.shuffled(0)) == list(range(12))
    assert [len(part) for part in draw.members] == [10, 2]
    nothing = Draw.of(chance, 12, 30, 0)
    assert estimated(nothing, np.arange(12), chance > 0.5) == (6, (6, 6))


def test_what_was_relabelled_beyond_the_review_was_not_relabelled_blind(audited):
    audit, wrong = audited
    review = decided(audit.review(n=30, n_random=10), wrong)
    beyond = audit.review(n=None).tail(1).assign(drawn=review["drawn"].iloc[0])
    position = int(beyond["position"].iloc[0])
    assert position not in set(review["position"])
    beyond["decision"] = "relabel"
    beyond["new_label"] = audit.suggested_labels()[position]
    progress = audit.update(pd.concat([review, beyond[review.columns]]))
    assert progress.n_reviewed == 41
    assert (progress.n_relabelled, progress.n_as_suggested) == (0, 0)
    assert progress.measured == audit.update(review).measured
