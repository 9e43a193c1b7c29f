"""The audit of labels: choice of a map, suspicious labels, their number."""

import json
import warnings
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
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import scale

from sklearn_datamaps import DataMap, DataMapClassifier, LabelAudit, audit_labels
from sklearn_datamaps._core.labels import encode_labels
from sklearn_datamaps._curation.candidates import Runner
from sklearn_datamaps._curation.estimate import (
    best_threshold,
    chance_wrong,
    count_wrong,
)

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


def test_forecast_of_average_precision_is_near_the_truth(digits):
    _, _, wrong, audit = digits
    quality = audit.data_map.measure("label_quality")
    truth = average_precision_score(wrong, -quality)
    assert abs(audit.best["average_precision"] - truth) < 0.1
    assert abs(audit.best["auroc"] - roc_auc_score(wrong, -quality)) < 0.05


def test_estimate_is_near_and_interval_covers(digits):
    _, _, wrong, audit = digits
    low, high = audit.n_wrong_interval
    assert wrong.sum() / 1.5 <= audit.n_wrong <= 1.5 * wrong.sum()
    assert low <= wrong.sum() <= high


@pytest.mark.parametrize("share", [0.0, 0.15])
def test_estimate_follows_the_number_of_wrong_labels(share):
    X, y = load_digits(return_X_y=True)
    y, wrong = flipped(y, share, seed=1)
    audit = audit_labels(SGD, X / 16, y, random_state=0, n_repeats=2)
    low, high = audit.n_wrong_interval
    assert low <= max(wrong.sum(), 10) <= high
    assert audit.n_wrong <= max(1.5 * wrong.sum(), 0.05 * len(y))


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
    assert found["label_quality"].max() <= audit.threshold
    np.testing.assert_array_equal(found["label"], y[found["position"]])
    assert (found["label"] != found["suggested"]).all()
    assert audit.to_frame(n=0).empty
    assert len(audit.to_frame(n=len(y))) == len(y)


def test_chances_add_up_to_the_estimate_and_fall_with_quality(digits):
    audit = digits[3]
    assert audit.chance.sum() == pytest.approx(audit.n_wrong, rel=0.02)
    order = np.argsort(audit.data_map.measure("label_quality"))
    assert (np.diff(audit.chance[order]) <= 1e-12).all()


def test_map_is_out_of_fold_and_is_explored_by_label_quality(digits, tmp_path):
    audit = digits[3]
    data_map = audit.data_map
    assert isinstance(data_map, DataMap)
    assert data_map.meta["recording"] == "out-of-fold"
    assert data_map.meta["n_runs"] == 3
    assert "label_quality" in data_map.measure_names()
    ranked = data_map.rank("label_quality", n_samples=20)
    np.testing.assert_array_equal(ranked, audit.to_frame(n=20)["position"])
    data_map.to_parquet(tmp_path / "map.parquet")
    again = DataMap.from_parquet(tmp_path / "map.parquet")
    np.testing.assert_array_equal(
        again.measure("label_quality"), data_map.measure("label_quality")
    )


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
    audit_labels(classifier, X, y, flip_fraction=0.1, random_state=0)
    np.testing.assert_array_equal(X, X_before)
    np.testing.assert_array_equal(y, y_before)
    assert str(classifier.get_params()) == before
    assert not hasattr(classifier, "estimator_")
    assert not hasattr(SGD, "coef_")


def test_parameters_of_a_classifier_are_used(iris):
    X, y = iris
    classifier = DataMapClassifier(SGD, n_epochs=3, cv=4)
    audit = audit_labels(classifier, X, y, flip_fraction=0.1, random_state=0)
    assert audit.data_map.n_epochs == 3
    assert audit.data_map.meta["n_folds"] == 4


def test_a_generator_of_splits_lasts_for_all_runs(iris):
    X, y = iris
    even = np.arange(len(y)) % 2 == 0
    splits = ((train, ~train) for train in (even, ~even))
    audit = audit_labels(
        DataMapClassifier(SGD, cv=splits), X, y, flip_fraction=0.1, random_state=0
    )
    assert audit.data_map.meta["n_folds"] == 2


@pytest.mark.parametrize("n_jobs", [2])
def test_same_seed_same_audit_for_every_n_jobs(iris, n_jobs):
    X, y = iris
    given = {"flip_fraction": 0.1, "random_state": 3, "n_repeats": 2}
    one = audit_labels(BRIEF, X, y, **given)
    other = audit_labels(BRIEF, X, y, n_jobs=n_jobs, **given)
    np.testing.assert_array_equal(one.chance, other.chance)
    pd.testing.assert_frame_equal(one.candidates, other.candidates)
    assert one.n_wrong_interval == other.n_wrong_interval


def test_another_seed_is_another_audit(iris):
    X, y = iris
    one, two = (
        audit_labels(BRIEF, X, y, flip_fraction=0.1, random_state=seed)
        for seed in (0, 1)
    )
    assert (one.data_map.confidence != two.data_map.confidence).any()


def weightings(audit):
    return sorted(audit.candidates["weights"].unique())


def briefly(learner, X, y):
    classifier = DataMapClassifier(learner, n_epochs=2)
    return audit_labels(
        classifier, X, y, flip_fraction=0.2, random_state=0, n_repeats=1
    )


@pytest.mark.parametrize(
    ("weight", "names"),
    [
        (None, ["as given", "averaged", "balanced"]),
        ("balanced", ["as given", "averaged", "none"]),
        ({0: 2.0, 1: 1.0, 2: 1.0}, ["as given", "averaged", "balanced", "none"]),
    ],
)
def test_balanced_weights_are_a_candidate_where_classes_differ_in_size(
    iris, weight, names
):
    X, y = iris
    rare = np.r_[0:60, 100:150]
    learner = clone(SGD).set_params(class_weight=weight)
    audit = briefly(learner, X[rare], y[rare])
    assert weightings(audit) == names
    assert len(audit.candidates) == 13 * len(names)


def test_balanced_weights_are_no_candidate_where_classes_are_alike(iris):
    assert weightings(briefly(SGD, *iris)) == ["as given"]


def test_weighted_learners_are_tried_without_weights_even_so(iris):
    balanced = clone(SGD).set_params(class_weight="balanced")
    assert weightings(briefly(balanced, *iris)) == ["as given", "averaged", "none"]


def test_learners_without_class_weights_have_fewer_candidates(iris):
    X, y = iris
    rare = np.r_[0:60, 100:150]
    for learner in (MultinomialNB(), OneVsRestClassifier(SGD)):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*no training dynamics")
            audit = briefly(learner, X[rare] - X.min(), y[rare])
        assert weightings(audit) == ["as given"]
        assert len(audit.candidates) == 13


def test_random_labels_are_said_to_tell_nothing():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(600, 10)), rng.integers(3, size=600)
    audit = audit_labels(SGD, X, y, random_state=0)
    assert not audit.can_tell
    assert "cannot tell" in audit.summary()
    assert audit.learner_auroc < 0.6


def test_summary_says_what_was_found(digits):
    audit = digits[3]
    text = audit.summary()
    assert repr(audit) == text
    assert "1,797 rows" in text
    assert f"look wrong: {audit.suspicious.sum()} rows" in text
    assert f"estimated wrong: {audit.n_wrong:.0f} (90 % interval" in text
    assert "Nothing was changed" in text
    assert "well" in text


def test_summary_says_when_labels_are_mistaken_for_their_neighbours(digits):
    audit = digits[3]
    assert not audit.near_misses
    assert "near misses" not in audit.summary()
    assert "near misses" in replace(audit, near_misses=True).summary()


def test_labels_mistaken_near_the_boundary_are_near_misses():
    X, y = load_digits(return_X_y=True)
    clf = DataMapClassifier(SGD, cv=2, measures=["mean_proba"], random_state=0)
    clean = clf.fit(X / 16, y).data_map_
    rival = np.argsort(-clean.measures["mean_proba"], axis=1, kind="stable")[:, 1]
    right = clean.margin > 0
    unsure = np.argsort(np.where(right, clean.margin, np.inf), kind="stable")[:1100]
    given = y.copy()
    given[unsure[::2]] = rival[unsure[::2]]
    audit = audit_labels(SGD, X / 16, given, random_state=0)
    assert audit.near_misses
    assert audit.best["score"] == "label_trust"


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
    in_map = make_pipeline(CountVectorizer(), DataMapClassifier(SGD))
    again = audit_labels(in_map, texts, y, random_state=0)
    np.testing.assert_array_equal(again.chance, audit.chance)


def test_sparse_features_and_sample_weights(digits):
    X, y, _, _ = digits
    weight = np.where(np.arange(len(y)) % 3 == 0, 2.0, 1.0)
    given = {"sample_weight": weight, "random_state": 0, "n_repeats": 1}
    dense = audit_labels(SGD, X, y, **given)
    # Equal sparse rows are kept together, so folds differ; the findings do not.
    on_sparse = audit_labels(SGD, sparse.csr_array(X), y, **given)
    assert on_sparse.n_wrong == pytest.approx(dense.n_wrong, rel=0.3)


def test_staged_learners(iris):
    X, y = iris
    learner = HistGradientBoostingClassifier(max_iter=10, min_samples_leaf=3)
    audit = audit_labels(learner, X, y, flip_fraction=0.1, random_state=0, n_repeats=2)
    assert audit.can_tell


@pytest.mark.parametrize(
    "learner", [SGD, MultiOutputClassifier(SGDClassifier(loss="log_loss"))]
)
def test_multilabel_audits_every_label_of_a_row(learner):
    X, y = make_multilabel_classification(500, n_classes=3, random_state=0)
    rng = np.random.default_rng(0)
    wrong = rng.random(y.shape) < 0.03
    frame = pd.DataFrame(np.where(wrong, 1 - y, y), columns=["a", "b", "c"])
    audit = audit_labels(learner, scale(X), frame, random_state=0, n_repeats=1)
    assert audit.chance.shape == y.shape
    found = audit.to_frame(n=5)
    assert set(found["label_name"]) <= {"a", "b", "c"}
    assert (found["label"] != found["suggested"]).all()
    quality = audit.data_map.measure("label_quality")
    assert roc_auc_score(wrong.ravel(), -quality.ravel()) > 0.75
    assert "labels, with" in audit.summary()
    assert "balanced" in weightings(audit)


def test_a_class_whose_every_row_was_flipped_keeps_its_column(iris):
    X, y = iris
    runner = Runner(BRIEF, encode_labels(y), [0], {}, n_jobs=None, verbose=0)
    without = np.where(y == 1, 2, y)  # as flips may leave a class of few rows
    [run] = runner.run(X, [without], keep=False, what="flips")["as given"]
    clf = clone(BRIEF).set_params(cv=2, measures=["mean_proba"], random_state=0)
    expected = clf.fit(X, without).data_map_.measures["mean_proba"]
    found = run.proba["out-of-fold"]
    assert found.shape == (150, 3)
    assert (found[:, 1] == 0).all()
    np.testing.assert_array_equal(found[:, [0, 2]], expected)


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


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"flip_fraction": 0}, "flip_fraction must be a number between 0 and 0.3"),
        ({"flip_fraction": 0.5}, "flip_fraction must be a number between 0 and 0.3"),
        ({"flip_fraction": True}, "flip_fraction must be"),
        ({"n_repeats": 0}, "n_repeats must be an integer >= 1; got 0"),
        ({"n_repeats": 1.5}, "n_repeats must be an integer >= 1; got 1.5"),
    ],
)
def test_bad_parameters(iris, given, message):
    with pytest.raises(ValueError, match=message):
        audit_labels(SGD, *iris, random_state=0, **given)


def test_too_few_rows_to_flip_some():
    X, y = load_iris(return_X_y=True)
    few = np.r_[0:10, 60:70]
    with pytest.raises(ValueError, match="too few to judge a map by"):
        audit_labels(SGD, scale(X)[few], y[few], flip_fraction=0.1, random_state=0)


def test_estimators_that_cannot_be_mapped_are_refused_before_any_work():
    class Loud(CountVectorizer):
        def fit_transform(self, X, y=None):
            raise AssertionError("worked before the check")

    with pytest.raises(TypeError, match="LogisticRegression has no partial_fit"):
        audit_labels(make_pipeline(Loud(), LogisticRegression()), ["a", "b"], [0, 1])
    with pytest.raises(TypeError, match="has no partial_fit"):
        audit_labels(LogisticRegression(), [[0.0], [1.0]], [0, 1])


def test_bad_data_are_told_as_by_a_fit(iris):
    X, y = iris
    with pytest.raises(ValueError, match="one class only"):
        audit_labels(SGD, X, np.zeros(len(y)))
    with pytest.raises(ValueError, match="NaN"):
        audit_labels(SGD, np.full_like(X, np.nan), y)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        audit_labels(SGD, X, y[:-1])
    with pytest.raises(ValueError, match=r"n must be in 0 \.\.\. 150"):
        audit_labels(SGD, X, y, flip_fraction=0.1, random_state=0).to_frame(n=151)


def test_map_without_an_audit_says_where_label_quality_comes_from(iris):
    data_map = DataMapClassifier(SGD, random_state=0).fit(*iris).data_map_
    with pytest.raises(ValueError, match="audit_labels"):
        data_map.rank("label_quality")


def test_progress_is_shown_when_asked(iris, capsys):
    audit_labels(BRIEF, *iris, random_state=0, n_repeats=1, verbose=1)
    shown = capsys.readouterr().err
    assert "labels as given" in shown
    assert "flips" in shown


def test_picture_shows_the_candidates_and_both_groups(digits):
    from matplotlib import pyplot as plt

    from sklearn_datamaps._curation.audit_plot import frame

    audit = digits[3]
    axes = audit.plot()
    shown = frame(audit.candidates)
    assert len(shown) == len(audit.candidates)
    names = [label.get_text() for label in axes[1].get_yticklabels()]
    assert names == shown["candidate"].tolist()
    entries = [text.get_text() for text in axes[0].get_legend().get_texts()]
    assert any(f"{audit.suspicious.sum()} look wrong" in entry for entry in entries)
    _, given = plt.subplots(1, 2)
    assert audit.plot(axes=given)[0] is given[0]
    with pytest.raises(ValueError, match="two Axes; got 1"):
        audit.plot(axes=given[0])
    plt.close("all")


def test_legend_of_the_candidates_hides_no_point(digits):
    from matplotlib import pyplot as plt

    ax = digits[-1].plot()[1]
    ax.figure.canvas.draw()
    below = ax.get_legend().get_window_extent().y0
    first_row = ax.transData.transform((0, 0))[1]
    assert first_row + 6 < below
    plt.close(ax.figure)


def test_audit_survives_pickling(digits):
    import pickle

    audit = digits[3]
    again = pickle.loads(pickle.dumps(audit))
    assert isinstance(again, LabelAudit)
    assert again.summary() == audit.summary()
    assert json.dumps(again.n_wrong_interval)


# The estimates, on mixtures whose truth is known.


def mixture(n=20_000, share=0.1, seed=0):
    """Scores of labels, which are wrong, and those of known flips."""
    rng = np.random.default_rng(seed)
    wrong = rng.random(n) < share
    score = np.clip(rng.normal(np.where(wrong, -0.5, 0.6), 0.3), -1, 1)
    known = np.clip(rng.normal(-0.5, 0.3, 2000), -1, 1)
    right = np.clip(rng.normal(0.6, 0.3, n), -1, 1)
    return score, wrong, known, right


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3])
def test_count_covers_the_truth_of_a_mixture(share):
    score, wrong, known, _ = mixture(share=share)
    count = count_wrong(
        score, single=score, slips=known, doubles=known, rng=np.random.default_rng(0)
    )
    assert count.low <= wrong.sum() <= count.high
    assert count.low <= count.estimate <= count.high


def test_least_count_is_the_share_that_looks_like_slips():
    score, wrong, known, _ = mixture(share=0.1)
    count = count_wrong(
        score, single=score, slips=known, doubles=known, rng=np.random.default_rng(0)
    )
    assert count.low == pytest.approx(wrong.sum(), rel=0.25)


def test_no_flips_say_nothing_about_the_least():
    score = np.linspace(-1, 1, 101)
    nothing = np.zeros(0)
    count = count_wrong(
        score,
        single=score,
        slips=nothing,
        doubles=nothing,
        rng=np.random.default_rng(0),
    )
    assert count.low == 0


def test_chances_of_a_mixture_are_calibrated():
    score, wrong, known, right = mixture(share=0.1)
    chance = chance_wrong(score, unflipped=right, flipped=known, n_wrong=wrong.sum())
    for low, high in [(0.05, 0.3), (0.3, 0.7), (0.7, 1.0)]:
        chosen = (chance > low) & (chance <= high)
        assert chosen.sum() > 50
        assert wrong[chosen].mean() == pytest.approx(chance[chosen].mean(), abs=0.1)


def test_threshold_has_the_largest_expected_f1():
    rng = np.random.default_rng(0)
    score = rng.random(60)
    chance = np.sort(rng.random(60))[::-1][np.argsort(np.argsort(score))]

    def f1(threshold):
        flagged = score <= threshold
        return 2 * chance[flagged].sum() / (flagged.sum() + chance.sum())

    best = max(score, key=f1)
    assert best_threshold(score, chance) == best
    assert best_threshold(score, np.zeros(60)) == -np.inf
