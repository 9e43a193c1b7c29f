"""What decisions say about the labels that nobody has read yet."""

import numpy as np
import pytest
from sklearn.datasets import make_multilabel_classification
from sklearn.linear_model import SGDClassifier
from sklearn.preprocessing import scale

from sklearn_datamaps import DataMapClassifier, apply_review, audit_labels

SGD = SGDClassifier(loss="log_loss")


@pytest.fixture
def audited(audited_digits):
    _, y, wrong, audit = audited_digits
    return audit, y, wrong


def decided(audit, wrong, n):
    """Review of the first n labels by somebody who knows."""
    review = audit.review(n=n)
    is_wrong = wrong[review["position"]]
    review["decision"] = np.where(is_wrong, "drop", "keep")
    return review


def test_decisions_are_counted(audited):
    audit, y, wrong = audited
    review = decided(audit, wrong, 60)
    review.loc[50:, "decision"] = ""
    review.loc[0, "decision"] = "relabel"
    review.loc[0, "new_label"] = (y[review.loc[0, "position"]] + 1) % 10
    progress = audit.update(review)
    assert progress.n_reviewed == 50
    assert progress.n_found == (review["decision"].isin(["drop", "relabel"])).sum()


def test_intervals_cover_what_is_left_and_what_comes_next(audited):
    audit, _, wrong = audited
    order = audit.data_map.rank("label_quality")
    covered = []
    for n in range(20, 420, 20):
        progress = audit.update(decided(audit, wrong, n))
        left, next_ = progress.remaining_interval, progress.next_interval
        of_left, of_next = wrong[order[n:]].sum(), wrong[order[n : n + 100]].sum()
        covered.append((left[0] <= of_left <= left[1], next_[0] <= of_next <= next_[1]))
    # Intervals of 90 %, at sizes that are not independent.
    assert (np.mean(covered, axis=0) >= 0.8).all()


def test_more_reading_narrows_the_interval(audited):
    audit, _, wrong = audited
    widths = []
    for n in (40, 150, 600):
        low, high = audit.update(decided(audit, wrong, n)).remaining_interval
        widths.append(high - low)
    assert widths[0] > widths[1] > widths[2]


def test_it_says_go_on_at_first_and_stop_in_the_end(audited):
    audit, _, wrong = audited
    early = audit.update(decided(audit, wrong, 30))
    late = audit.update(decided(audit, wrong, 700))
    assert not early.stop
    assert late.stop
    assert "Go on" in early.summary()
    assert "Stop" in str(late)
    # The same evidence, with less asked of the next ones.
    assert not audit.update(decided(audit, wrong, 30), worth=0.01).stop
    assert audit.update(decided(audit, wrong, 200), worth=0.99).stop


@pytest.mark.parametrize(("worth", "said"), [(0.001, "0.1%"), (np.float32(0.05), "5%")])
def test_the_share_worth_reading_is_said_as_given(audited, worth, said):
    audit, _, wrong = audited
    progress = audit.update(decided(audit, wrong, 600), worth=worth)
    assert f" {said} " in progress.summary().splitlines()[-1]


def test_progress_is_shown_in_words_and_compared_by_identity(audited):
    audit, _, wrong = audited
    one, two = (audit.update(decided(audit, wrong, 20)) for _ in range(2))
    assert repr(one) == str(one) == one.summary()
    assert one == one
    assert one != two
    assert {one: "a key"}[one]


def test_nothing_wrong_among_the_first_lowers_the_estimate(audited):
    audit, _, wrong = audited
    all_right = audit.update(decided(audit, np.zeros_like(wrong), 60))
    all_wrong = audit.update(decided(audit, np.ones_like(wrong), 60))
    assert all_right.n_found == 0
    assert all_right.remaining < 0.5 * all_wrong.remaining
    assert all_right.remaining < audit.n_wrong


def test_chances_become_certain_where_decided(audited):
    audit, _, wrong = audited
    review = decided(audit, wrong, 50)
    chance = audit.update(review).chance
    rows = review["position"].to_numpy()
    np.testing.assert_array_equal(chance[rows], wrong[rows])
    others = np.delete(chance, rows)
    assert ((others >= 0) & (others < 1)).all()


def test_reading_everything_leaves_nothing(audited):
    audit, _, wrong = audited
    progress = audit.update(decided(audit, wrong, None))
    assert progress.n_found == wrong.sum() == 90
    assert progress.remaining == 0
    assert progress.remaining_interval == (0, 0)
    assert progress.stop
    assert progress.n_next == 0
    assert "Every label has been read" in progress.summary()


def test_order_of_the_rows_and_the_file_make_no_difference(audited, tmp_path):
    audit, _, wrong = audited
    review = decided(audit, wrong, 50)
    review.sample(frac=1, random_state=0).to_csv(tmp_path / "r.csv", index=False)
    one, two = audit.update(review), audit.update(tmp_path / "r.csv")
    assert one.remaining == two.remaining
    assert one.next_interval == two.next_interval


def test_multilabel_reviews_are_of_cells():
    X, y = make_multilabel_classification(400, n_classes=3, random_state=0)
    classifier = DataMapClassifier(SGD, n_epochs=3)
    audit = audit_labels(classifier, scale(X), y, random_state=0, n_repeats=1)
    review = audit.review(n=20)
    review["decision"] = "keep"
    review.loc[:4, "decision"] = "drop"
    progress = audit.update(review)
    assert (progress.n_reviewed, progress.n_found) == (20, 5)
    assert progress.chance.shape == y.shape


def test_text_is_checked(audited):
    audit, _, wrong = audited
    with_text = audit.with_columns(text=[f"digit {i}" for i in range(len(wrong))])
    review = decided(with_text, wrong, 10)
    assert with_text.update(review).n_reviewed == 10
    review.loc[3, "text"] = "another"
    review.loc[3, "row_hash"] = "f" * 16
    with pytest.raises(ValueError, match="stale or of other data"):
        with_text.update(review)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"n_next": 0}, "n_next must be an integer >= 1; got 0"),
        ({"worth": 0}, "worth must be a number between 0 and 1; got 0"),
        ({"worth": "much"}, "worth must be a number between 0 and 1"),
    ],
)
def test_bad_parameters(audited, given, message):
    audit, _, wrong = audited
    with pytest.raises(ValueError, match=message):
        audit.update(decided(audit, wrong, 10), **given)


def test_reviews_without_decisions_or_of_other_data(audited):
    audit, _, wrong = audited
    with pytest.raises(ValueError, match="no decision yet"):
        audit.update(audit.review(n=10))
    foreign = decided(audit, wrong, 10).assign(row_hash="a" * 16)
    with pytest.raises(ValueError, match="stale or of other data"):
        audit.update(foreign)
    with pytest.raises(ValueError, match="Unknown decisions"):
        audit.update(decided(audit, wrong, 10).assign(decision="perhaps"))


def test_to_relabel_to_the_label_that_a_row_has_is_to_keep_it(audited):
    audit, _, _ = audited
    review = audit.review(n=6)
    review["decision"] = ["relabel", "keep"] * 3
    own = review["label"].astype(str)
    # As a person, a spreadsheet and a hurried person write it.
    review["new_label"] = [own[0], "", f"{own[2]}.0", "", f" {own[4]} ", ""]
    progress = audit.update(review)
    assert (progress.n_reviewed, progress.n_found) == (6, 0)
    np.testing.assert_array_equal(progress.chance[review["position"]], 0)
    kept = audit.update(review.assign(decision="keep", new_label=""))
    assert progress.summary() == kept.summary()
    corrected, _ = apply_review(audit.data_map.label, review)
    np.testing.assert_array_equal(corrected, audit.data_map.label)


@pytest.mark.parametrize(
    ("new_label", "message"),
    [
        ("", "relabel needs a new_label: id"),
        ("11", r"\['11'\] are not among the labels"),
    ],
)
def test_what_apply_review_refuses_counts_for_nothing(audited, new_label, message):
    audit, _, _ = audited
    review = audit.review(n=2).assign(decision="relabel", new_label=["3", new_label])
    with pytest.raises(ValueError, match=message):
        apply_review(audit.data_map.label, review)
    with pytest.raises(ValueError, match=message):
        audit.update(review)


def test_labels_that_no_row_has_count_where_they_are_meant(audited):
    audit, _, _ = audited
    review = audit.review(n=3).assign(decision="relabel", new_label="11")
    assert audit.update(review, new_labels=True).n_found == 3


def test_cells_that_are_set_to_what_they_are_were_right():
    X, y = make_multilabel_classification(300, n_classes=3, random_state=0)
    audit = audit_labels(SGD, scale(X), y, random_state=0, n_repeats=1)
    review = audit.review(n=8).assign(decision="relabel")
    own = review["label"].astype(bool).to_numpy()
    review["new_label"] = np.where(np.arange(8) < 5, own, ~own).astype(str)
    assert audit.update(review).n_found == 3
