"""TF-IDF of word n-grams, counted as integers."""

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import TfidfTransformer, TfidfVectorizer

# What the integers know nothing of must be at its default.
HANDLED = {"ngram_range", "norm", "use_idf", "smooth_idf", "sublinear_tf"}
# As scikit-learn's default: greedy, so that there is an edge of a word at both ends.
WORD = re.compile(r"\w\w+")


class NgramTfidfVectorizer(TfidfVectorizer):  # type: ignore[misc] # untyped parent
    """``TfidfVectorizer`` in a fraction of the time, for the command line.

    Vectorizing is most of the work from a file of texts to its map, and most of that
    goes into strings for n-grams of which nobody reads the name. Here an n-gram is one
    integer, made of the ranks of its words, and `pandas.factorize` counts them all: the
    columns are those of scikit-learn, in its order, the values within 1e-15. On 43,410
    comments that takes 0.12 of its time for words, pairs and triples of words, 0.23 for
    words and pairs. That is why this is not left to the library. Names are made when
    they are asked for.

    scikit-learn's own code runs wherever that is not known to be the same: where an
    option is set that the integers know nothing of, where a document is no text, or
    where there are so many words that the integers would overflow.

    Parameters
    ----------
    **options
        Those of `sklearn.feature_extraction.text.TfidfVectorizer`.

    Attributes
    ----------
    vocabulary_ : dict of str to int
        Columns of the n-grams.

    Examples
    --------
    >>> from sklearn_datamaps._io.ngrams import NgramTfidfVectorizer
    >>> vectorizer = NgramTfidfVectorizer(ngram_range=(1, 2))
    >>> vectorizer.fit_transform(["thank you", "you thank"]).shape
    (2, 4)
    >>> vectorizer.get_feature_names_out().tolist()
    ['thank', 'thank you', 'you', 'you thank']
    """

    def fit_transform(self, raw_documents: Iterable[str], y: Any = None) -> Any:
        """Learn the n-grams and return their TF-IDF.

        Parameters
        ----------
        raw_documents : iterable of str
            The texts.
        y : ignored

        Returns
        -------
        scipy.sparse.csr_matrix of shape (n_samples, n_features)

        Raises
        ------
        ValueError
            If an option is not valid, or there is no word in the texts.
        """
        if isinstance(raw_documents, str) or not self._only_handled():
            return super().fit_transform(raw_documents, y)
        documents = list(raw_documents)
        self._validate_params()
        self._validate_ngram_range()
        counted = self._count(documents)
        if counted is None:
            return super().fit_transform(documents, y)
        counts, self._ngrams = counted
        self._vocabulary: dict[str, int] | None = None
        self.fixed_vocabulary_ = False
        names = ("norm", "use_idf", "smooth_idf", "sublinear_tf")
        self._tfidf = TfidfTransformer(**{name: getattr(self, name) for name in names})
        return self._tfidf.fit(counts).transform(counts, copy=False)

    @property
    def vocabulary_(self) -> dict[str, int]:
        """Columns of the n-grams, by name."""
        if not hasattr(self, "_ngrams"):
            raise AttributeError("vocabulary_: the vectorizer is not fitted yet")
        if self._vocabulary is None:
            self._vocabulary = {name: i for i, name in enumerate(self._ngrams.names())}
        return self._vocabulary

    @vocabulary_.setter
    def vocabulary_(self, vocabulary: dict[str, int]) -> None:
        self._ngrams, self._vocabulary = NONE, vocabulary

    def _only_handled(self) -> bool:
        defaults = TfidfVectorizer().get_params()
        return all(
            value is defaults[name] or value == defaults[name]
            for name, value in self.get_params().items()
            if name not in HANDLED
        )

    def _count(self, documents: list[str]) -> "tuple[Any, _Ngrams] | None":
        """Count the n-grams; None where the integers cannot."""
        if not {str}.issuperset(map(type, documents)):
            return None
        tokens: list[str] = []
        ends = [0]
        for text in map(str.lower, documents):
            tokens += WORD.findall(text)
            ends.append(len(tokens))
        met, found = pd.factorize(np.array(tokens, dtype=object))
        words = sorted(found)
        low, high = self.ngram_range
        base = len(words) + 1  # 0 stands for "no further word"
        if not words or base**high >= 2**63:
            return None
        place = {word: rank for rank, word in enumerate(words, 1)}
        ranks = np.array([place[word] for word in found], np.int64)
        keys, rows = _packed(ranks[met], np.diff(ends), (low, high), base)
        if not len(keys):
            return None
        # By their hashes: a third of what sorting all of them takes.
        columns, features = pd.factorize(keys, sort=True)
        shape = len(documents), len(features)
        cells = np.ones(len(columns)), (rows, columns)
        counts = sparse.coo_matrix(cells, shape=shape).tocsr()
        counts.sort_indices()
        return counts, _Ngrams(features, words, high)


class _Ngrams(NamedTuple):
    """All that the names are made of."""

    features: NDArray[np.int64]  # sorted, as the names are
    words: list[str]
    longest: int

    def names(self) -> list[str]:
        words = ["", *(f" {word}" for word in self.words)]
        places = [len(words) ** place for place in reversed(range(self.longest))]
        digits = [(self.features // place % len(words)).tolist() for place in places]
        parts = zip(*digits, strict=True)
        return ["".join([words[digit] for digit in part])[1:] for part in parts]


NONE = _Ngrams(np.empty(0, np.int64), [], 0)


def _packed(
    ranks: NDArray[np.int64],
    n_tokens: NDArray[np.int64],
    ngram_range: tuple[int, int],
    base: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return each n-gram of each document as an integer, and its document.

    The integers are sorted as the n-grams are as strings: words are digits, the first
    the most significant, and an n-gram that is shorter ends in zeros.
    """
    low, high = ngram_range
    document = np.repeat(np.arange(len(n_tokens)), n_tokens)
    left = np.repeat(np.cumsum(n_tokens), n_tokens) - np.arange(len(ranks))
    keys, rows = [], []
    start = np.arange(len(ranks))
    key = np.zeros(len(ranks), np.int64)
    for n in range(1, high + 1):
        going_on = left[start] >= n
        start = start[going_on]
        key = key[going_on] + ranks[start + n - 1] * base ** (high - n)
        if n >= low:
            keys.append(key)
            rows.append(document[start])
    return np.concatenate(keys), np.concatenate(rows)
