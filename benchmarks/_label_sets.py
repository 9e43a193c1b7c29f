"""Labelled data into which ``detection`` and ``audit`` plant wrong labels."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.datasets import (
    load_breast_cancer,
    load_digits,
    load_wine,
    make_classification,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.preprocessing import scale

from sklearn_datamaps.datasets import EMOTIONS, fetch_go_emotions

Array = NDArray[Any]
FEWEST = 10
EKMAN = ("anger", "disgust", "fear", "joy", "sadness", "surprise")


@dataclass
class LabelSet:
    """Features, labels and the learner that looks for wrong ones.

    Attributes
    ----------
    X : {ndarray, csr} of shape (n_samples, n_features)
        The features.
    y : ndarray of int of shape (n_samples,)
        Labels 0 ... n_classes - 1, before any is flipped.
    reference : ndarray of shape (n_samples, n_classes)
        Out-of-fold probabilities of a model of these labels.
    class_weight : {None, "balanced"}
        Weights of the classes while looking.
    n_rows : int or None
        Rows taken at random, others for every seed. None: all.
    """

    X: Any
    y: Array
    reference: Array
    class_weight: str | None = None
    n_rows: int | None = None

    def sample(self, seed: int, at_most: int | None = None) -> "LabelSet":
        """Rows of one seed, in their order; ten of every class are among them."""
        sizes = [n for n in (self.n_rows, at_most, len(self.y)) if n is not None]
        shuffled = np.random.default_rng(seed).permutation(len(self.y))
        labels = pd.Series(self.y[shuffled])
        is_later = labels.groupby(labels).cumcount().to_numpy() >= FEWEST
        first = shuffled[np.argsort(is_later, kind="stable")]
        rows = np.sort(first[: min(sizes)])
        return LabelSet(
            self.X[rows], self.y[rows], self.reference[rows], self.class_weight
        )

    def learner(self, **params: Any) -> SGDClassifier:
        """Return the learner, unfitted."""
        return SGDClassifier(loss="log_loss", class_weight=self.class_weight, **params)


def reference_proba(X: Any, y: Array) -> Array:
    """Out-of-fold probabilities of unweighted SGD, five folds."""
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    model = SGDClassifier(loss="log_loss", random_state=0)
    return cross_val_predict(model, X, y, cv=folds, method="predict_proba")


@cache
def comments() -> tuple[Any, Array]:
    text, target = fetch_go_emotions(None, return_X_y=True)
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), min_df=2)
    return vectorizer.fit_transform(text), target.to_numpy()


@cache
def _gratitude() -> tuple[Any, Array, Array]:
    X, indicator = comments()
    y = indicator[:, EMOTIONS.index("gratitude")]
    return X, y, reference_proba(X, y)


def gratitude() -> LabelSet:
    """Gratitude or not, 6 % of the comments: 8,000 of 43,410."""
    return LabelSet(*_gratitude(), n_rows=8_000)


def gratitude_balanced() -> LabelSet:
    """Gratitude with balanced class weights."""
    return LabelSet(*_gratitude(), class_weight="balanced", n_rows=8_000)


def six() -> LabelSet:
    """Comments with one of the six basic emotions alone, balanced weights: 4,121."""
    X, indicator = comments()
    names = [EMOTIONS.index(name) for name in EKMAN]
    rows = (indicator.sum(axis=1) == 1) & indicator[:, names].any(axis=1)
    y = indicator[rows][:, names].argmax(axis=1)
    return LabelSet(X[rows], y, reference_proba(X[rows], y), class_weight="balanced")


def emotions() -> LabelSet:
    """Comments with one label, 28 classes, balanced weights: 4,000 of 36,308."""
    X, indicator = comments()
    rows = indicator.sum(axis=1) == 1
    y = indicator[rows].argmax(axis=1)
    reference = reference_proba(X[rows], y)
    return LabelSet(X[rows], y, reference, class_weight="balanced", n_rows=4_000)


def digits() -> LabelSet:
    """Digits of scikit-learn: 1,797 rows, ten classes."""
    X, y = load_digits(return_X_y=True)
    return LabelSet(X / 16, y, reference_proba(X / 16, y))


def cancer() -> LabelSet:
    """Breast cancer of scikit-learn, scaled: 569 rows, 30 columns, two classes."""
    X, y = load_breast_cancer(return_X_y=True)
    X = scale(X)
    return LabelSet(X, y, reference_proba(X, y))


def sentiment() -> LabelSet:
    """Comments of praise or of anger, in two classes of several emotions: 4,000."""
    X, indicator = comments()
    good = [EMOTIONS.index(name) for name in ("admiration", "approval", "joy", "love")]
    bad = [EMOTIONS.index(name) for name in ("annoyance", "disapproval", "anger")]
    is_good, is_bad = indicator[:, good].any(axis=1), indicator[:, bad].any(axis=1)
    rows = is_good != is_bad
    y = is_bad[rows] * 1
    return LabelSet(X[rows], y, reference_proba(X[rows], y), n_rows=4_000)


def wine() -> LabelSet:
    """Wine of scikit-learn, scaled: 178 rows, three classes."""
    X, y = load_wine(return_X_y=True)
    X = scale(X)
    return LabelSet(X, y, reference_proba(X, y))


def _drawn(n_classes: int, weights: list[float] | None, separation: float) -> LabelSet:
    X, y = make_classification(
        5000,
        20,
        n_informative=12,
        n_redundant=0,
        n_classes=n_classes,
        n_clusters_per_class=1,
        weights=weights,
        class_sep=separation,
        flip_y=0,
        random_state=0,
    )
    X = scale(X)
    return LabelSet(X, y, reference_proba(X, y))


def synthetic() -> LabelSet:
    """Four separate classes of one cluster each: 5,000 rows, 20 columns."""
    return _drawn(4, None, 1.8)


def rare() -> LabelSet:
    """Two classes, one of them a tenth of 5,000 rows, 20 columns."""
    return _drawn(2, [0.9, 0.1], 1.2)


LABEL_SETS: dict[str, Callable[[], LabelSet]] = {
    "gratitude": gratitude,
    "six": six,
    "digits": digits,
    "cancer": cancer,
    "wine": wine,
    "synthetic": synthetic,
    "rare": rare,
    "sentiment": sentiment,
    "emotions": emotions,
    "gratitude_balanced": gratitude_balanced,
}
# Formulas and bounds were chosen on the first four and the real errors alone.
CHOSEN_ON = ("gratitude", "six", "digits", "cancer", "headlines")


def headlines() -> tuple[LabelSet, Array, Array] | None:
    """Headlines in Hausa whose labels are by keyword rules, and the true ones.

    Hedderich et al., EMNLP 2020: 2,045 rows, half of the labels wrong. Read from
    ``real_noise`` in the folder of the data, if it is there.

    Returns
    -------
    (LabelSet, ndarray, ndarray) or None
        With the true labels; those given, and which of them are wrong.
    """
    path = Path(os.environ.get("SKLEARN_DATAMAPS_DATA", "."), "real_noise")
    files = sorted(path.glob("hausa*.parquet"))
    if not files:
        return None
    table = pd.read_parquet(files[0])
    X = TfidfVectorizer(ngram_range=(1, 2), min_df=2).fit_transform(table["text"])
    classes, y = np.unique(table["true_label"], return_inverse=True)
    given = np.searchsorted(classes, table["label"])
    return LabelSet(X, y, reference_proba(X, y)), given, given != y
