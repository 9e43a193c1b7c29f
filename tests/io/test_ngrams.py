"""N-grams counted as integers against scikit-learn's, counted as strings."""

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer

from sklearn_datamaps._io.ngrams import NgramTfidfVectorizer

TEXTS = ["Thank you, thank you!", "you THANK me", "a", "", "no 1 knows; no1 knows"]
# Few letters make words that repeat and are beginnings of each other; the others are
# composed in several ways, change when lowercased, or sort beyond 16 bits.
LETTERS = "aab _1é\u0301İßΣς\u00a0\u2003\n漢\U0001d552\U0001f600-'"


def assert_same(texts: list[Any], **options: Any) -> None:
    ours, theirs = NgramTfidfVectorizer(**options), TfidfVectorizer(**options)
    expected = theirs.fit_transform(texts)
    expected.sort_indices()
    X = ours.fit_transform(texts)
    X.sort_indices()
    assert X.dtype == expected.dtype
    assert X.shape == expected.shape
    np.testing.assert_array_equal(X.indptr, expected.indptr)
    np.testing.assert_array_equal(X.indices, expected.indices)
    np.testing.assert_allclose(X.data, expected.data, rtol=0, atol=1e-15)
    names = ours.get_feature_names_out().tolist()
    assert names == theirs.get_feature_names_out().tolist()
    again = pickle.loads(pickle.dumps(ours)).transform(texts)
    again.sort_indices()
    np.testing.assert_array_equal(again.indices, expected.indices)
    np.testing.assert_allclose(again.data, expected.data, rtol=0, atol=1e-15)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.text(LETTERS, max_size=25) | st.text(max_size=25), min_size=1),
    st.sampled_from([(1, 1), (1, 2), (1, 3), (2, 2), (2, 4)]),
    st.fixed_dictionaries(
        {},
        optional={
            "lowercase": st.booleans(),
            "strip_accents": st.sampled_from(["ascii", "unicode"]),
            "token_pattern": st.sampled_from([r"\w", r"(?u)\b\w+\b", r"[^,]+", r"\w*"]),
            "norm": st.sampled_from(["l1", None]),
            "use_idf": st.booleans(),
            "smooth_idf": st.just(True),
            "sublinear_tf": st.booleans(),
        },
    ),
)
def test_random_texts_give_scikit_learns_columns_names_and_values(
    texts: list[str], ngram_range: tuple[int, int], options: dict[str, Any]
) -> None:
    options["ngram_range"] = ngram_range
    message = refusal(TfidfVectorizer(**options), texts)
    if message is None:
        assert_same(texts, **options)
    else:
        assert refusal(NgramTfidfVectorizer(**options), texts) == message


def refusal(vectorizer: TfidfVectorizer, texts: list[Any]) -> str | None:
    try:
        vectorizer.fit_transform(texts)
    except ValueError as error:
        return str(error)
    return None


@pytest.mark.parametrize(
    "options",
    [
        {"ngram_range": (1, 60)},  # more n-grams than 64 bits can tell apart
        {"stop_words": "english"},
        {"min_df": 2},
        {"max_features": 3},
        {"analyzer": "char", "ngram_range": (2, 3)},
        {"vocabulary": ["thank", "you"]},
        {"dtype": np.float32},
        {"binary": True},
    ],
    ids=lambda options: next(iter(options)),
)
def test_what_the_integers_know_nothing_of(options: dict[str, Any]) -> None:
    assert_same(TEXTS, **options)


def test_a_generator_is_read_once() -> None:
    texts = [*TEXTS, "a b"]
    pattern = r"[^,]+"  # found to be beyond the integers after the texts were read
    X = NgramTfidfVectorizer(token_pattern=pattern).fit_transform(t for t in texts)
    expected = TfidfVectorizer(token_pattern=pattern).fit_transform(texts)
    assert (expected != X).nnz == 0


def test_no_names_before_a_fit_and_those_of_the_last_one_after() -> None:
    vectorizer = NgramTfidfVectorizer()
    with pytest.raises(NotFittedError):
        vectorizer.transform(TEXTS)
    vectorizer.fit_transform(TEXTS)
    assert sorted(vectorizer.vocabulary_) == sorted(
        vectorizer.get_feature_names_out().tolist()
    )
    vectorizer.fit(["another word"])
    assert vectorizer.get_feature_names_out().tolist() == ["another", "word"]
    assert vectorizer.fit_transform(["third text"]).shape == (1, 2)
    assert vectorizer.get_feature_names_out().tolist() == ["text", "third"]
    assert not hasattr(clone(vectorizer), "vocabulary_")


def test_documents_that_are_no_texts_are_scikit_learns() -> None:
    assert_same([b"Thank you", "thank YOU", np.str_("you")])
    missing = ["thank you", np.nan]
    message = refusal(TfidfVectorizer(), missing)
    assert refusal(NgramTfidfVectorizer(), missing) == message is not None
