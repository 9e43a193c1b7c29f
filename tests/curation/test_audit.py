"""The audit of labels: choice of a map, suspicious labels, their number."""

import copy
import json
import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris, make_multilabel_classification
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import scale

from sklearn_datamaps import DataMap, DataMapClassifier, LabelAudit, audit_labels
from sklearn_datamaps._learners import sklearn_compat

SGD = SGDClassifier(loss="log_loss")
BRIEF = DataMapClassifier(SGD, n_epochs=3)


def flipped(y, share, seed=0):
    """Labels with a share flipped uniformly, and which."""
    rng = np.random.default_rng(seed)
    classes, codes = np.unique(y, return_inverse=True)
    wrong = np.zeros(len(y), dtype=bool)
    wrong[rng.choice(len(y), round(share * len(y)), replace=False)] = True
    step = rng.integers(1, len(classes), size=len(y))
    return classes[np.where(wrong, (codes + step) % len(classes), codes)], wrong


@pytest.fixture
def digits(audited_digits):
    return audited_digits


@pytest.fixture(scope="module")
def iris():
    X, y = load_iris(return_X_y=True)
    return scale(X), flipped(y, 0.06)[0]


def test_wrong_labels_of_digits_come_first(digits):
    _, _, wrong, audit = digits
    first = audit.to_frame(n=90)["position"]
    assert wrong[first].mean() > 0.85
    quality = audit.data_map.measure("label_quality")
    assert average_precision_score(wrong, -quality) > 0.93


def test_the_choice_is_better_than_one_in_sample_map(digits):
    X, y, wrong, audit = digits
    one = DataMapClassifier(SGD, random_state=0).fit(X, y)
    ours = average_precision_score(wrong, -audit.data_map.measure("label_quality"))
    assert ours > average_precision_score(wrong, -one.confidence_)


def test_estimate_is_near_and_interval_covers(digits):
    _, _, wrong, audit = digits
    low, high = audit.n_wrong_interval
    assert wrong.sum() / 1.5 <= audit.n_wrong <= 1.5 * wrong.sum()
    assert low <= wrong.sum() <= high


def test_suggested_labels_are_mostly_the_true_ones(digits):
    _, _, wrong, audit = digits
    found = audit.to_frame()
    found = found[wrong[found["position"]]]
    truth = load_digits(return_X_y=True)[1][found["position"]]
    assert (found["suggested"] == truth).mean() > 0.9


def test_frame_lists_what_looks_wrong_and_nothing_else(digits):
    _, y, _, audit = digits
    found = audit.to_frame()
    assert found["looks_wrong"].all()
    assert len(found) == audit.suspicious.sum()
    assert found["label_quality"].is_monotonic_increasing
    assert found["label_quality"].max() < 0.5
    np.testing.assert_array_equal(found["label"], y[found["position"]])
    assert (found["label"] != found["suggested"]).all()
    assert audit.to_frame(n=0).empty
    assert len(audit.to_frame(n=len(y))) == len(y)


def test_map_is_out_of_fold_and_is_explored_by_label_quality(digits, tmp_path):
    audit = digits[3]
    data_map = audit.data_map
    assert isinstance(data_map, DataMap)
    assert data_map.meta["recording"] == "out-of-fold"
    assert data_map.meta["n_runs"] == 4
    assert "label_quality" in data_map.measure_names()
    ranked = data_map.rank("label_quality", n_samples=20)
    np.testing.assert_array_equal(ranked, audit.to_frame(n=20)["position"])
    data_map.to_parquet(tmp_path / "map.parquet")
    again = DataMap.from_parquet(tmp_path / "map.parquet")
    np.testing.assert_array_equal(
        again.measure("label_quality"), data_map.measure("label_quality")
    )


class Counting(SGDClassifier):
    """Counts the rows that it is trained on, all copies together."""

    n_rows = 0

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        Counting.n_rows += X.shape[0]
        return super().partial_fit(X, y, classes, sample_weight)


def test_no_model_is_trained_on_all_rows(iris, monkeypatch):
    monkeypatch.setattr(Counting, "n_rows", 0)
    X, y = iris
    learner = Counting(loss="log_loss")
    audit = audit_labels(learner, X, y, n_repeats=3, random_state=0)
    # Every row is in one half of each map, for five epochs.
    assert Counting.n_rows == 3 * 5 * len(y)
    assert "memorization" not in audit.data_map.measure_names()


def test_review_starts_with_the_most_suspicious(digits):
    audit = digits[3]
    review = audit.review(n=30)
    np.testing.assert_array_equal(review["position"], audit.to_frame(n=30)["position"])
    assert (review["decision"] == "").all()


def test_data_and_estimator_are_left_alone(iris):
    X, y = iris
    X_before, y_before = X.copy(), y.copy()
    classifier = DataMapClassifier(SGD, n_epochs=4, warm_start=True)
    before = str(classifier.get_params())
    audit_labels(classifier, X, y, random_state=0)
    np.testing.assert_array_equal(X, X_before)
    np.testing.assert_array_equal(y, y_before)
    assert str(classifier.get_params()) == before
    assert not hasattr(classifier, "estimator_")
    assert not hasattr(SGD, "coef_")


def test_parameters_of_a_classifier_are_used(iris):
    X, y = iris
    classifier = DataMapClassifier(SGD, n_epochs=3, cv=4)
    audit = audit_labels(classifier, X, y, random_state=0)
    assert audit.data_map.n_epochs == 3
    assert audit.data_map.meta["n_folds"] == 4


def test_a_generator_of_splits_lasts_for_all_runs(iris):
    X, y = iris
    even = np.arange(len(y)) % 2 == 0
    splits = ((train, ~train) for train in (even, ~even))
    audit = audit_labels(DataMapClassifier(SGD, cv=splits), X, y, random_state=0)
    assert audit.data_map.meta["n_folds"] == 2


@pytest.mark.parametrize("n_jobs", [2])
def test_same_seed_same_audit_for_every_n_jobs(iris, n_jobs):
    X, y = iris
    given = {"random_state": 3, "n_repeats": 2}
    one = audit_labels(BRIEF, X, y, **given)
    other = audit_labels(BRIEF, X, y, n_jobs=n_jobs, **given)
    np.testing.assert_array_equal(one.chance, other.chance)
    assert one.n_wrong_interval == other.n_wrong_interval


def test_another_seed_is_another_audit(iris):
    X, y = iris
    one, two = (audit_labels(BRIEF, X, y, random_state=seed) for seed in (0, 1))
    assert (one.data_map.confidence != two.data_map.confidence).any()


def test_pipeline_with_text_carries_the_text_and_the_index():
    words = {"good": "great nice lovely fine", "bad": "awful poor nasty dull"}
    rng = np.random.default_rng(0)
    y = pd.Series(rng.choice(["good", "bad"], 300), index=[f"r{i}" for i in range(300)])
    texts = [" ".join(rng.choice(words[label].split(), 4)) for label in y]
    y.iloc[:10] = np.where(y.iloc[:10] == "good", "bad", "good")
    pipe = make_pipeline(CountVectorizer(), SGD)
    audit = audit_labels(pipe, texts, y, random_state=0)
    found = audit.to_frame(n=10)
    assert sorted(found["position"]) == list(range(10))
    assert found.index.tolist() == [f"r{i}" for i in found["position"]]
    assert found["text"].tolist() == [texts[i] for i in found["position"]]
    assert not hasattr(pipe[0], "vocabulary_")
    in_map = make_pipeline(CountVectorizer(), DataMapClassifier(SGD, n_epochs=5))
    again = audit_labels(in_map, texts, y, random_state=0)
    np.testing.assert_array_equal(again.chance, audit.chance)


def test_sparse_features_and_sample_weights(digits):
    X, y, _, _ = digits
    weight = np.where(np.arange(len(y)) % 3 == 0, 2.0, 1.0)
    given = {"sample_weight": weight, "random_state": 0, "n_repeats": 1}
    dense = audit_labels(SGD, X, y, **given)
    # Equal sparse rows are kept together, and counts are asked of naive Bayes.
    on_sparse = audit_labels(SGD, sparse.csr_array(X), y, **given)
    assert (dense.witness, on_sparse.witness) == ("nearest rows", "naive Bayes")
    assert on_sparse.n_wrong == pytest.approx(dense.n_wrong, rel=0.3)


def test_staged_learners(iris):
    X, y = iris
    learner = HistGradientBoostingClassifier(max_iter=10, min_samples_leaf=3)
    audit = audit_labels(learner, X, y, random_state=0, n_repeats=2)
    assert audit.n_wrong is not None


@pytest.mark.parametrize(
    "learner", [SGD, MultiOutputClassifier(SGDClassifier(loss="log_loss"))]
)
def test_multilabel_audits_every_label_of_a_row(learner):
    X, y = make_multilabel_classification(500, n_classes=3, random_state=1)
    rng = np.random.default_rng(1)
    wrong = rng.random(y.shape) < 0.1
    frame = pd.DataFrame(np.where(wrong, 1 - y, y), columns=["a", "b", "c"])
    audit = audit_labels(learner, scale(X), frame, random_state=0, n_repeats=1)
    assert audit.chance.shape == y.shape
    found = audit.to_frame(n=5)
    assert set(found["label_name"]) <= {"a", "b", "c"}
    assert (found["label"] != found["suggested"]).all()
    quality = audit.data_map.measure("label_quality")
    assert roc_auc_score(wrong.ravel(), -quality.ravel()) > 0.75
    assert "Audit of 1,500 labels" in audit.summary()
    table = audit.by_label()
    assert table.index.tolist() == ["a", "b", "c"]
    assert (table["n"] == 500).all()
    assert table["n_wrong"].sum() == pytest.approx(audit.n_wrong, rel=1e-6)


@pytest.mark.filterwarnings("ignore:The least populated class:UserWarning")
# scikit-learn 1.7 says it of mini-batches.
@pytest.mark.filterwarnings("ignore:The number of unique classes:UserWarning")
def test_many_classes_of_one_row():
    X, y = load_digits(return_X_y=True)
    X, y = X[:300] / 16, y[:300]
    y[::8] = np.arange(10, 48)
    audit = audit_labels(BRIEF, X, y, random_state=0, n_repeats=1)
    assert len(audit.data_map.classes) == 48
    assert np.isfinite(audit.data_map.measure("label_quality")).all()


@pytest.mark.parametrize("value", [0, 1])
def test_multilabel_with_a_label_set_in_no_row_or_in_all(value):
    X, y = make_multilabel_classification(400, n_classes=3, random_state=0)
    y[:, 1] = value
    audit = audit_labels(BRIEF, scale(X), y, random_state=0, n_repeats=1)
    assert audit.chance.shape == y.shape
    assert np.isfinite(audit.data_map.measure("label_quality")).all()


@pytest.mark.skipif(
    not sklearn_compat.calls_back(), reason="scikit-learn before 1.9 has no callbacks"
)
def test_learner_that_ends_by_itself_is_audited(iris):
    X, y = iris
    audit = audit_labels(LogisticRegression(), scale(X), y, random_state=0)
    assert audit.data_map.meta["learner"] == "LogisticRegression"
    assert audit.data_map.n_epochs > 10


def test_estimators_that_cannot_be_mapped_are_refused_before_any_work():
    class Loud(CountVectorizer):
        def fit_transform(self, X, y=None):
            raise AssertionError("worked before the check")

    with pytest.raises(TypeError, match="KNeighborsClassifier has no partial_fit"):
        audit_labels(make_pipeline(Loud(), KNeighborsClassifier()), ["a", "b"], [0, 1])
    with pytest.raises(TypeError, match="has no partial_fit"):
        audit_labels(KNeighborsClassifier(), [[0.0], [1.0]], [0, 1])


def test_bad_data_are_told_as_by_a_fit(iris):
    X, y = iris
    with pytest.raises(ValueError, match="one class only"):
        audit_labels(SGD, X, np.zeros(len(y)))
    with pytest.raises(ValueError, match="NaN"):
        audit_labels(SGD, np.full_like(X, np.nan), y)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        audit_labels(SGD, X, y[:-1])
    audit = audit_labels(SGD, X, y, random_state=0)
    with pytest.raises(ValueError, match=r"n must be in 0 \.\.\. 150"):
        audit.to_frame(n=151)
    for n in (-1, 2.5, "3"):
        with pytest.raises(ValueError, match=f"n must be an integer >= 0; got {n!r}"):
            audit.to_frame(n=n)


def text_audit():
    """Of texts, in a pipeline: the texts are carried, and are the data."""
    texts = np.array([f"{'thanks' if i % 2 else 'bye'} {i}" for i in range(120)])
    pipe = make_pipeline(CountVectorizer(), SGD)
    return audit_labels(pipe, texts, (np.arange(120) + (np.arange(120) % 9 == 0)) % 2)


@pytest.mark.parametrize(
    "again",
    [copy.copy, copy.deepcopy, lambda audit: pickle.loads(pickle.dumps(audit))],
)
def test_copies_and_pickles_show_what_the_audit_does(again):
    audit = text_audit()
    other = again(audit)
    assert type(other) is LabelAudit
    assert other is not audit
    assert other.summary() == audit.summary()
    assert json.dumps(other.n_wrong_interval)
    for n_random in (0, 20):
        review = audit.review(10, n_random=n_random)
        pd.testing.assert_frame_equal(other.review(10, n_random=n_random), review)
        review = review.assign(decision="keep")
        assert other.update(review).summary() == audit.update(review).summary()
    pd.testing.assert_frame_equal(other.to_frame(5), audit.to_frame(5))


def test_nobody_changes_the_chances_of_an_audit(digits):
    with pytest.raises(ValueError, match="read-only"):
        digits[3].chance[0] = 1.0
    mine = digits[3].chance.copy()
    again = replace(digits[3], chance=mine)
    mine[0] += 1.0
    assert again.chance[0] == digits[3].chance[0]


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy])
def test_copies_explain_and_keep_the_data(again):
    audit = text_audit()
    other = again(audit)
    assert other.explain([3]).sentences == audit.explain([3]).sentences
    is_shared = [a is b for a, b in zip(other.data[1:], audit.data[1:], strict=True)]
    assert is_shared == [again is copy.copy] * 2


def test_chances_add_up_to_the_estimate_and_are_what_quality_lacks(digits):
    audit = digits[3]
    assert audit.chance.sum() == pytest.approx(audit.n_wrong, rel=1e-6)
    quality = audit.data_map.measure("label_quality")
    np.testing.assert_allclose(quality, 1 - audit.chance, rtol=0, atol=1e-15)
    assert ((quality >= 0) & (quality <= 1)).all()


@pytest.mark.parametrize("share", [0.1, 0.2])
def test_count_of_random_errors_is_within_a_factor_of_one_and_a_half(share):
    X, y = load_digits(return_X_y=True)
    y, wrong = flipped(y, share, seed=1)
    audit = audit_labels(SGD, X / 16, y, random_state=0)
    low, high = audit.n_wrong_interval
    assert low <= wrong.sum() <= high
    assert wrong.sum() / 1.5 <= audit.n_wrong <= 1.5 * wrong.sum()
    assert audit.reason == ""


def by_rules(X, y, n_rules=6):
    """Labels of which some are given by a threshold on a sum of columns."""
    given, rng = y.copy(), np.random.default_rng(0)
    for number in range(n_rules):
        values = X @ rng.normal(size=X.shape[1])
        given[values > np.quantile(values, 0.95)] = number
    return given


def test_no_number_of_errors_that_follow_a_rule():
    X, y = load_digits(return_X_y=True)
    given = by_rules(X, y)
    assert (given != y).mean() > 0.15
    audit = audit_labels(SGD, X / 16, given, random_state=0)
    assert audit.n_wrong is None
    assert audit.n_wrong_interval is None
    assert "the errors follow a rule" in audit.reason
    assert audit.by_label()[["n_wrong", "low", "high"]].isna().all(axis=None)
    text = audit.summary()
    assert f"no number of wrong labels: {audit.reason}" in text
    assert "label_quality is a rank here" in text
    assert "interval" not in text


def test_no_number_of_clean_labels():
    X, y = load_digits(return_X_y=True)
    audit = audit_labels(SGD, X / 16, y, random_state=0)
    assert audit.n_wrong is None
    assert "few are wrong" in audit.reason


@pytest.mark.parametrize(
    ("n_classes", "says"), [(2, "area under the ROC curve"), (3, "is right on")]
)
def test_no_number_where_nothing_is_learned(n_classes, says):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(900, 10)), np.arange(900) % n_classes
    audit = audit_labels(SGD, X, y, random_state=0)
    assert audit.n_wrong is None
    assert says in audit.reason or "area under the ROC curve" in audit.reason


def test_summary_says_what_was_found_and_what_it_cost(digits):
    audit = digits[3]
    low, high = audit.n_wrong_interval
    text = audit.summary()
    assert repr(audit) == text
    assert "1,797 rows" in text
    assert f"look wrong: {audit.suspicious.sum()} rows" in text
    assert (
        f"labels that contradict the rest of the data: {audit.n_wrong:.0f} "
        f"(interval {low:.0f} to {high:.0f}); errors that follow a rule are not counted"
    ) in text
    assert "4 out-of-fold maps of 5 epochs and the witness (nearest rows)" in text
    assert "Nothing was changed" in text
    assert set(audit.seconds) == {"maps", "witness", "count"}
    assert min(audit.seconds.values()) > 0


def test_labels_are_counted_one_by_one(digits):
    _, y, wrong, audit = digits
    table = audit.by_label()
    assert table["n"].tolist() == np.bincount(y).tolist()
    assert table["n_wrong"].sum() == pytest.approx(audit.n_wrong, rel=1e-6)
    truth = np.bincount(y, weights=wrong)
    assert ((table["low"] <= truth) & (truth <= table["high"])).mean() >= 0.8
    assert (table["high"] <= table["n"]).all()


@pytest.mark.parametrize("weight", [None, "balanced"])
def test_one_class_that_lost_labels_is_found_with_and_without_weights(weight):
    X, y = load_digits(return_X_y=True)
    y = (y == 3).astype(int)
    lost = np.random.default_rng(0).choice(np.flatnonzero(y), 36, replace=False)
    given = y.copy()
    given[lost] = 0
    learner = clone(SGD).set_params(class_weight=weight)
    chance = audit_labels(learner, X / 16, given, random_state=0).chance
    assert average_precision_score(given != y, chance) > 0.7


def test_second_witness_finds_more_than_the_maps_alone(digits):
    X, y, wrong, audit = digits
    clf = DataMapClassifier(SGD, cv=2, measures=["mean_proba"], random_state=0)
    alone = clf.fit(X, y).data_map_.measure("label_quality")
    ours = average_precision_score(wrong, audit.chance)
    assert ours > average_precision_score(wrong, -alone) + 0.01


@pytest.mark.parametrize("n_repeats", [0, 1.5, True])
def test_bad_number_of_repeats(iris, n_repeats):
    with pytest.raises(ValueError, match="n_repeats must be an integer >= 1; got"):
        audit_labels(SGD, *iris, random_state=0, n_repeats=n_repeats)


def test_progress_is_shown_when_asked(iris, capsys):
    audit_labels(BRIEF, *iris, random_state=0, n_repeats=1, verbose=1)
    assert "out-of-fold maps" in capsys.readouterr().err


def test_picture_says_what_the_sentence_says(digits):
    from matplotlib import pyplot as plt

    audit = digits[3]
    axes = audit.plot()
    entries = [text.get_text() for text in axes[0].get_legend().get_texts()]
    assert any(f"{audit.suspicious.sum()} look wrong" in entry for entry in entries)
    number = f"contradict the rest: {audit.n_wrong:.0f}"
    assert any(number in entry for entry in entries)
    title = axes[0].get_title("left")
    assert title == "Errors that follow a rule are not counted"
    silent = replace(audit, n_wrong=None, n_wrong_interval=None, reason="who knows")
    axes = silent.plot()
    entries = [text.get_text() for text in axes[0].get_legend().get_texts()]
    assert not any("contradict" in entry for entry in entries)
    assert "cannot be said" in axes[0].get_title("left")
    assert "looks wrong" in axes[1].get_xlabel()
    _, given = plt.subplots(1, 2)
    assert audit.plot(axes=given)[0] is given[0]
    with pytest.raises(ValueError, match="two Axes; got 1"):
        audit.plot(axes=given[0])
    plt.close("all")


def test_picture_shows_the_chances_in_the_order_of_reading(digits):
    from matplotlib import pyplot as plt

    audit = digits[3]
    ax = audit.plot()[0]
    (steps,) = (line for line in ax.lines if line.get_drawstyle() == "steps-post")
    ranked = np.sort(audit.chance)[::-1]
    n_shown = len(steps.get_xdata()) - 1
    np.testing.assert_array_equal(steps.get_ydata()[:-1], ranked[:n_shown])
    assert ax.get_xlim() == (0, n_shown)
    # All that look wrong are seen, and where it ends, but not thousands of right ones.
    assert 2 * audit.suspicious.sum() <= n_shown < len(ranked)
    plt.close("all")


def test_picture_shows_the_labels_with_most_wrong_first(digits):
    from matplotlib import pyplot as plt

    audit = digits[3]
    axes = audit.plot()
    table = audit.by_label()
    share = (table["n_wrong"] / table["n"]).sort_values(ascending=False)
    names = [label.get_text() for label in axes[1].get_yticklabels()]
    assert names == [str(label) for label in share.index]
    np.testing.assert_allclose(axes[1].lines[0].get_xdata(), share)
    plt.close("all")
