"""Reasons for labels: neighbours, copies, features and curves, by hand and as found."""

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.datasets import make_classification, make_multilabel_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sklearn_datamaps import (
    DataMapClassifier,
    Explanation,
    audit_labels,
    explain_rows,
)
from sklearn_datamaps.datasets import fetch_go_emotions

SGD = SGDClassifier(loss="log_loss", random_state=0)
SIX = ["amusement", "anger", "curiosity", "gratitude", "love", "sadness"]
TEN = [*SIX, "admiration", "fear", "joy", "surprise"]
WORDS = {
    "thanks": ["thank", "you", "mate", "grateful", "kind"],
    "anger": ["angry", "hate", "awful", "stupid", "rude"],
    "joy": ["happy", "glad", "fun", "great", "party"],
}


@pytest.fixture(scope="module")
def comments():
    """Texts, labels of which some are wrong, and which."""
    rng = np.random.default_rng(0)
    y = rng.choice(list(WORDS), 300)
    noise = [f"word{i}" for i in range(60)]
    texts = [
        " ".join([*rng.choice(WORDS[label], 2), *rng.choice(noise, 4)]) for label in y
    ]
    wrong = rng.random(300) < 0.1
    other = {"thanks": "anger", "anger": "joy", "joy": "thanks"}
    given = np.where(wrong, [other[label] for label in y], y)
    return texts, given, wrong, y


@pytest.fixture(scope="module")
def pipe(comments):
    return make_pipeline(TfidfVectorizer(), clone(SGD)).fit(comments[0], comments[1])


def test_neighbours_are_the_nearest_of_each_kind(comments, pipe):
    texts, given, *_ = comments
    table = explain_rows(pipe, texts, given, [5], n_reasons=4).to_frame()
    cosine = cosine_similarity(pipe[0].transform(texts))[5]
    cosine[5] = -1
    for kind, among in (
        ("same label", given == given[5]),
        ("another label", given != given[5]),
    ):
        found = table[table["kind"] == kind]
        expected = np.argsort(-np.where(among, cosine, -1), kind="stable")[:4]
        np.testing.assert_array_equal(found["neighbour"], expected)
        np.testing.assert_allclose(found["weight"], cosine[expected])
        assert found["label"].tolist() == given[expected].tolist()
        told = [f"{given[at]}: {texts[at][:80]}" for at in expected]
        assert found["reason"].tolist() == told


def test_features_weigh_own_less_rival_coefficient(comments, pipe):
    texts, given, wrong, _ = comments
    row = np.flatnonzero(wrong)[0]
    explained = explain_rows(pipe, texts, given, [row])
    table = explained.to_frame()
    table = table[table["kind"] == "feature"].set_index("reason")["weight"]
    rival = explained.sentences[0].split("'")[1]
    classes = pipe.classes_.tolist()
    coef = pipe[-1].coef_[classes.index(given[row])]
    coef = coef - pipe[-1].coef_[classes.index(rival)]
    whole = pipe[0].transform([texts[row]]).toarray()[0] * coef
    by_hand = pd.Series(whole, pipe[0].get_feature_names_out())
    assert len(table) == 6
    np.testing.assert_allclose(table, by_hand[table.index])
    assert table.abs().min() >= by_hand.drop(table.index).abs().max()


def test_wrong_labels_have_neighbours_of_the_true_one(comments, pipe):
    texts, given, wrong, y = comments
    rows = np.flatnonzero(wrong)
    explained = explain_rows(pipe, texts, given, rows)
    rivals = [sentence.split("'")[1] for sentence in explained.sentences]
    assert np.mean(np.array(rivals) == y[rows]) >= 0.8


def test_copies_with_another_label_are_told(comments, pipe):
    texts, given = list(comments[0]), comments[1].copy()
    texts[7], given[7] = texts[3], "joy" if given[3] != "joy" else "anger"
    explained = explain_rows(pipe, texts, given, [3])
    assert "a copy has another label" in explained.sentences[0]
    table = explained.to_frame()
    assert table[table["kind"] == "copy"]["neighbour"].tolist() == [7]


@pytest.mark.skipif(
    not hasattr(sparse, "random_array"), reason="SciPy before 1.12 has no random_array"
)
@pytest.mark.parametrize("n_words", [5, 3000])
def test_copies_are_told_in_single_precision(n_words):
    rng = np.random.default_rng(0)
    X = sparse.random_array((60, 9000), density=n_words / 9000, rng=rng, format="csr")
    X = sparse.vstack([X, X, X * 1.5]).tocsr().astype(np.float32)
    X.data[0] *= 1.01  # row 0 is no longer a copy
    y = np.repeat(["a", "b", "c"], 60)
    explained = explain_rows(clone(SGD), X, y, range(60))
    table = explained.to_frame()
    copies = table[table["kind"] == "copy"].groupby("position")["neighbour"].agg(set)
    assert copies.to_dict() == {row: {row + 60, row + 120} for row in range(1, 60)}


def test_unfitted_estimators_are_fitted_on_a_clone(comments):
    texts, given, *_ = comments
    unfitted = make_pipeline(CountVectorizer(), SGD)
    explained = explain_rows(unfitted, texts, given, [0, 1])
    assert len(explained.sentences) == 2
    assert not hasattr(unfitted[-1], "coef_")


def test_tables_are_standardised_and_columns_named():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(80, 3)) * [1, 1000, 1], columns=list("abc"))
    y = (X["a"] > 0).to_numpy() * 1
    table = explain_rows(SGD, X, y, [0]).to_frame()
    unit = cosine_similarity((X - X.mean()) / X.std(ddof=0))[0]
    unit[0] = -1
    same = table[table["kind"] == "same label"]["neighbour"].iloc[0]
    assert same == np.where(y == y[0], unit, -1).argmax()
    assert set(table[table["kind"] == "feature"]["reason"]) <= set("abc")


@pytest.mark.parametrize("learner", [RandomForestClassifier(), SVC(kernel="linear")])
def test_learners_without_a_coefficient_a_feature_list_neighbours_alone(learner):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 3)), np.arange(60) % 3
    table = explain_rows(learner, X, y, [0]).to_frame()
    assert set(table["kind"]) == {"same label", "another label"}


def test_a_sentence_has_three_facts_and_the_label_first():
    texts = ["thank you kindly", *["thank you all"] * 6, *["a bad day today"] * 9]
    y = ["other", *["thanks"] * 6, *["other"] * 9]
    clf = DataMapClassifier(SGD, n_epochs=4, random_state=0)
    pipe = make_pipeline(CountVectorizer(), clf).fit(texts, y)
    explained = explain_rows(pipe, texts, y, [0, 15])
    votes, words, learned = explained.sentences[0].split("; ")
    assert votes == "6 of 6 nearest say 'thanks'"
    features = explained.to_frame().query("number == 0 and kind == 'feature'")
    first, second = features[features["weight"] < 0]["reason"].tolist()[:2]
    assert words == f"{first!r} and {second!r} pull there"
    right = round(pipe[-1].correctness_[0] * 4)
    ends = {0: "never right in 4 epochs", 4: "right in all 4 epochs"}
    assert learned == ends.get(right, f"right in {right} of 4 epochs")
    # Eight copies, and no other row with a word of it.
    assert explained.sentences[1].endswith("right in all 4 epochs")


def test_a_word_is_not_told_twice(comments):
    texts, given, wrong, _ = comments
    pipe = make_pipeline(CountVectorizer(ngram_range=(1, 2)), clone(SGD))
    pipe.fit(texts, given)
    sentences = explain_rows(pipe, texts, given, np.flatnonzero(wrong)).sentences
    pulls = [f for said in sentences for f in said.split("; ") if " pull " in f]
    assert pulls
    for fact in pulls:
        one, two = fact.split(" pull ")[0].split(" and ")
        assert not set(one.strip("'").split()) & set(two.strip("'").split())


@pytest.mark.parametrize("learner", [SGD, RandomForestClassifier(20), SVC()])
def test_likely_labels_are_those_of_the_estimator(learner):
    X, y = make_classification(
        120, n_classes=4, n_informative=5, class_sep=2.0, random_state=0
    )
    names = np.array(["d", "a", "c", "b"])[y]
    fitted = clone(learner).fit(X, names)
    explained = explain_rows(fitted, X, names, [3, 50])
    for row, likely in zip([3, 50], explained.likely, strict=True):
        if hasattr(fitted, "predict_proba"):
            p = fitted.predict_proba(X[[row]])[0]
        else:
            p = softmax(fitted.decision_function(X[[row]])[0])
        order = np.argsort(-p, kind="stable")[:3]
        assert [name for name, _ in likely] == fitted.classes_[order].tolist()
        np.testing.assert_allclose([share for _, share in likely], p[order])


def test_learners_without_words_say_what_the_model_says():
    X = np.r_[np.zeros((30, 2)), np.ones((30, 2)), [[0.0, 1.0]]]
    X += np.random.default_rng(0).normal(size=X.shape) / 50
    y = np.r_[np.zeros(30), np.ones(30), 2].astype(int)
    forest = RandomForestClassifier(random_state=0).fit(X, y)
    (sentence,) = explain_rows(forest, X, y, [60]).sentences
    (likely,) = explain_rows(forest, X, y, [60]).likely
    rival = next(name for name, _ in likely if name != "2")
    assert f"{rival!r}" in sentence.split("; ")[0]


class Fixed(ClassifierMixin, BaseEstimator):
    """Of every row the same probabilities, of the labels in alphabetical order."""

    def __init__(self, proba=()):
        self.proba = proba

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        return np.tile(self.proba, (X.shape[0], 1))


@pytest.mark.parametrize(
    ("near", "proba", "facts"),
    [
        ("aaaaabbbbo", [0.3, 0.3, 0.3, 0.1], ["5 of 10 nearest say 'a', 4 'b', 1 'o'"]),
        # The model likes the other one better; votes are told in their order.
        ("aaaabbbooo", [0.1, 0.2, 0.2, 0.5], ["4 of 10 nearest say 'a', 3 'b', 3 'o'"]),
        # One is clear.
        ("aaaaaaabbo", [0.3, 0.3, 0.3, 0.1], ["7 of 10 nearest say 'a', 1 'o'"]),
        ("aaaaabbbbo", [0.7, 0.1, 0.1, 0.1], ["5 of 10 nearest say 'a', 1 'o'"]),
        # Nearest rows say nothing of one that the model knows.
        (
            "aooooooooo",
            [0.31, 0.1, 0.45, 0.14],
            ["the model gives 'a' 31%, 'c' 45%", "1 of 10 nearest say 'a', 9 'o'"],
        ),
        # It is half as likely as the first, and not worth a word.
        ("oooooooooo", [0.12, 0.08, 0.05, 0.75], ["the model gives 'a' 12%"]),
    ],
)
def test_two_labels_are_named_where_they_are_near_each_other(near, proba, facts):
    angles = [0.0, *np.linspace(0.1, 0.11, 10), *[1.5] * 4]
    X = sparse.csr_array(np.c_[np.cos(angles), np.sin(angles)])
    y = np.array(["o", *near, *"abco"])
    (sentence,) = explain_rows(Fixed(proba).fit(X, y), X, y, [0]).sentences
    assert sentence.split("; ")[: len(facts)] == facts


@pytest.mark.usefixtures("go_emotions")
@pytest.mark.parametrize("labels", [SIX, TEN])
def test_planted_errors_on_text_are_named_first(labels):
    """As `python -m benchmarks evidence` measures on more rows and sets."""
    comments = fetch_go_emotions(None)
    target = comments.target[labels].to_numpy()
    among = (comments.target.sum(axis=1) == 1).to_numpy() & (target.sum(axis=1) == 1)
    rows = np.random.default_rng(0).permutation(np.flatnonzero(among))[:4000]
    texts = comments.data.to_numpy(dtype=object)[rows]
    codes = target[rows].argmax(axis=1)
    rng = np.random.default_rng(1)
    planted = np.flatnonzero(rng.random(len(codes)) < 0.08)
    given = codes.copy()
    given[planted] += rng.integers(1, len(labels), len(planted))
    given %= len(labels)
    clf = DataMapClassifier(
        SGDClassifier(loss="log_loss", class_weight="balanced"), random_state=0
    )
    pipe = make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), clf)
    y = np.array(labels)[given]
    sentences = explain_rows(pipe.fit(texts, y), texts, y, planted).sentences
    pairs = zip(codes[planted], sentences, strict=True)
    named = [repr(labels[code]) in said.split("; ")[0] for code, said in pairs]
    assert len(planted) > 250
    assert np.mean(named) >= 0.8


def test_multilabel_cells_are_explained():
    X, y = make_multilabel_classification(200, n_classes=3, random_state=0)
    explained = explain_rows(DataMapClassifier(SGD), X, y, [[3, 0], [3, 2]])
    table = explained.to_frame()
    assert table["label_name"].unique().tolist() == [0, 2]
    names = {"0", "not 0"}
    near = table[(table["label_name"] == 0) & (table["neighbour"] >= 0)]
    assert set(near["label"]) <= names
    is_set = y[near["neighbour"], 0] == 1
    assert (near["label"] == np.where(is_set, "0", "not 0")).all()
    assert (table["kind"] == "feature").any()
    with pytest.raises(ValueError, match="pairs of row and label"):
        explain_rows(DataMapClassifier(SGD), X, y, [3])
    with pytest.raises(ValueError, match="pairs of row and label"):
        explain_rows(DataMapClassifier(SGD), X, y, [[3, 0, 1]])
    with pytest.raises(ValueError, match=r"labels of rows must be in 0 \.\.\. 2; got"):
        explain_rows(DataMapClassifier(SGD), X, y, [[3, -1]])
    with pytest.raises(ValueError, match=r"pass np\.argwhere\(mask\)"):
        explain_rows(DataMapClassifier(SGD), X, y, y == 1)


def test_curves_are_those_of_the_map(comments):
    texts, given, *_ = comments
    clf = DataMapClassifier(SGD, n_epochs=4, store_trajectories=True)
    pipe = make_pipeline(CountVectorizer(), clf).fit(texts, given)
    curves = explain_rows(pipe, texts, given, [2, 9]).curves
    recorded = pipe[-1].data_map_.trajectories[:, [2, 9]]
    np.testing.assert_array_equal(curves, recorded)


def test_shown_as_text_page_and_picture(comments, pipe):
    from matplotlib import pyplot as plt

    texts, given = list(comments[0]), comments[1]
    texts[4] = "<b>thank</b> you mate"
    explained = explain_rows(pipe, texts, given, [0, 4])
    assert isinstance(explained, Explanation)
    assert repr(explained).startswith("row 0: ")
    page = explain_rows(pipe, texts, given, range(40))._repr_html_()
    assert "<b>thank" not in page
    axes = explained.plot(1)
    assert (
        len(axes[0].patches)
        == (explained.frame.query("number == 1").neighbour >= 0).sum()
    )
    assert axes[0].get_title("left") == "Nearest rows of row 4"
    for at in (2, -1, 1.0, True, "0"):
        with pytest.raises(ValueError, match=rf"at must be in 0 \.\.\. 1; got {at!r}"):
            explained.plot(at)
    with pytest.raises(ValueError, match="nothing to draw: no row was explained"):
        explain_rows(pipe, texts, given, []).plot()
    plt.close("all")


def test_audit_explains_what_it_audited(audited_digits):
    *_, wrong, audit = audited_digits
    rows = np.flatnonzero(wrong)[:3]
    explained = audit.explain(rows)
    assert explained.rows.tolist() == rows.tolist()
    again = pickle.loads(pickle.dumps(audit))
    with pytest.raises(ValueError, match="does not hold the data"):
        again.explain(rows)


@pytest.mark.parametrize("in_pipeline", [False, True])
def test_audit_of_several_labels_explains_what_a_learner_of_one_was_asked(in_pipeline):
    X, y = make_multilabel_classification(200, n_classes=3, random_state=0)
    learner = SGDClassifier(loss="log_loss", random_state=0)
    learner = make_pipeline(StandardScaler(), learner) if in_pipeline else learner
    audit = audit_labels(learner, X, y, random_state=0)
    explained = audit.explain([[3, 1], [4, 0]])
    # As a fit of one learner for each label has it.
    alone = clone(learner).fit(X, y[:, 1])
    name, chance = explained.likely[0][0]
    assert name == ["not 1", "1"][int(alone.predict(X[[3]])[0])]
    assert chance == pytest.approx(alone.predict_proba(X[[3]]).max())
    assert (explained.frame["kind"] == "feature").sum() == 12


def test_rows_that_are_not_there_are_refused(comments, pipe):
    texts, given, *_ = comments
    with pytest.raises(ValueError, match=r"rows must be in 0 \.\.\. 299"):
        explain_rows(pipe, texts, given, [300])
    assert explain_rows(pipe, texts, given, []).to_frame().empty
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        explain_rows(pipe, texts[:200], given, [0])
    with pytest.raises(ValueError, match="n_reasons must be an integer >= 1; got -1"):
        explain_rows(pipe, texts, given, [0], n_reasons=-1)


@pytest.mark.parametrize("rows", [np.arange(300) < 2, [1.5], ["r1"], [None]])
def test_what_is_no_position_of_a_row_is_refused(comments, pipe, rows):
    texts, given, *_ = comments
    with pytest.raises(ValueError, match=r"rows must be integer positions; got .*mask"):
        explain_rows(pipe, texts, given, rows)


@pytest.mark.parametrize("as_format", ["tocoo", "tobsr", "todia", "tolil", "tocsc"])
def test_sparse_formats_whose_rows_cannot_be_taken_are_explained(as_format):
    X, y = make_classification(60, random_state=0)
    given = sparse.csr_array(X)
    expected = explain_rows(SGD, given, y, [0, 3])
    found = explain_rows(SGD, getattr(given, as_format)(), y, [0, 3])
    assert found.sentences == expected.sentences
    assert found.likely == expected.likely


@pytest.mark.parametrize("kept", [[0, 1], [0, 2], [1, 2]])
def test_words_are_of_the_classes_of_y_whatever_else_the_learner_knows(kept):
    X, y = make_classification(
        200, n_classes=3, n_informative=4, n_clusters_per_class=1, random_state=0
    )
    learner = clone(SGD).fit(X, y)
    some = np.isin(y, kept)
    own, rival = y[some][0], next(one for one in kept if one != y[some][0])
    table = explain_rows(learner, X[some], y[some], [0]).to_frame()
    words = table[table["kind"] == "feature"].set_index("reason")["weight"]
    expected = X[some][0] * (learner.coef_[own] - learner.coef_[rival])
    assert len(words) == 6
    for name, weight in words.items():
        assert weight == pytest.approx(expected[int(name[1:])])


def test_a_learner_of_two_of_three_classes_explains_these_alone():
    X, y = make_classification(
        200, n_classes=3, n_informative=4, n_clusters_per_class=1, random_state=0
    )
    learner = clone(SGD).fit(X[y > 0], y[y > 0])
    rows = [int(np.flatnonzero(y == label)[0]) for label in (0, 1)]
    table = explain_rows(learner, X, y, rows).to_frame()
    words = table[table["kind"] == "feature"]
    assert set(words["number"]) <= {1}
    for name, weight in zip(words["reason"], words["weight"], strict=True):
        at = int(name[1:])
        assert weight == pytest.approx(-X[rows[1], at] * learner.coef_[0, at])


def test_epochs_are_told_of_the_rows_that_were_recorded_alone():
    X, y = make_classification(200, random_state=0)
    clf = DataMapClassifier(SGD, n_epochs=2, random_state=0).fit(X[:100], y[:100])
    for rows in (slice(100), slice(100, 200), slice(150)):
        explained = explain_rows(clf, X[rows], y[rows], [0])
        is_recorded = rows == slice(100)
        assert ("2 epochs" in explained.sentences[0]) == is_recorded
        assert (explained.curves is not None) == is_recorded


def test_rows_with_nothing_in_common_are_no_neighbours():
    texts = ["good day", "good day", "good night", "bad", "bad", ""]
    y = ["p", "p", "n", "n", "n", "p"]
    pipe = make_pipeline(TfidfVectorizer(), clone(SGD))
    table = explain_rows(pipe, texts, y, [0, 5]).to_frame().query("neighbour >= 0")
    assert table["number"].tolist() == [0, 0]
    assert sorted(table["neighbour"]) == [1, 2]
    says = explain_rows(pipe, texts, y, [0, 5]).sentences
    assert "1 of 2 nearest say 'n', 1 'p'" in says[0]
    assert "no other row has anything in common with it" in says[1]


def test_where_there_is_one_label_all_of_the_nearest_have_it():
    X = make_classification(60, random_state=0)[0]
    forest = RandomForestClassifier(2, random_state=0)
    explained = explain_rows(forest, X, ["a"] * 60, [0])
    assert explained.sentences == ["all of 10 nearest say 'a'"]


def test_an_explanation_of_no_rows_is_shown_on_a_page(tmp_path):
    X, y = make_classification(60, random_state=0)
    clf = DataMapClassifier(SGD, n_epochs=2, random_state=0).fit(X, y)
    nothing = explain_rows(clf, X, y, [])
    assert clf.data_map_.explore(tmp_path / "map.html", evidence=nothing).exists()


def test_texts_with_half_a_character_are_explained(comments):
    texts, given, *_ = comments
    halved = [f"{text} \ud83d" for text in texts]
    pipe = make_pipeline(CountVectorizer(), clone(SGD))
    explained = explain_rows(pipe, halved, given, [0])
    near = explained.to_frame().query("neighbour >= 0")
    assert near["reason"].iloc[0].endswith("\ud83d")


def test_a_label_that_nobody_says_is_no_reason():
    X = np.r_[np.zeros((30, 1)), np.ones((30, 1))]
    X += np.random.default_rng(0).normal(size=X.shape) / 50
    y = np.repeat(["a", "b"], 30)
    forest = RandomForestClassifier(random_state=0).fit(X, y)
    assert explain_rows(forest, X, y, [3]).sentences == ["all of 10 nearest say 'a'"]
