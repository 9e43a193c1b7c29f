"""The tasks, and the loops that are compared on them.

Every loop trains the same model from the same seeds, so that only what is done beside
training differs; ``overhead`` checks that the trained models are equal.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.utils.class_weight import compute_class_weight

from sklearn_datamaps import DataMapClassifier
from sklearn_datamaps.datasets import fetch_go_emotions

Array = NDArray[Any]
SEED = 0
QUICK_ROWS = 1500


@dataclass
class Task:
    """Features, integer labels and a learner.

    Attributes
    ----------
    X : {ndarray, csr} of shape (n_samples, n_features)
        The features.
    y : ndarray of int of shape (n_samples,)
        Labels 0 ... n_classes - 1.
    learner : estimator
        What ``DataMapClassifier`` gets.
    """

    X: Any
    y: Array
    learner: Any

    @cached_property
    def classes(self) -> Array:
        """Distinct labels."""
        return np.unique(self.y)

    def bare_learner(self) -> Any:
        """Learner for a loop of one's own: balanced weights already numbers."""
        learner = clone(self.learner)
        if getattr(learner, "class_weight", None) == "balanced":
            weights = compute_class_weight("balanced", classes=self.classes, y=self.y)
            by_class = dict(zip(self.classes.tolist(), weights.tolist(), strict=True))
            learner.set_params(class_weight=by_class)
        return learner


def gratitude(quick: bool = False) -> Task:
    """GoEmotions, gratitude or not: 43,410 rows, 1-3-gram TF-IDF, balanced SGD."""
    text, target = fetch_go_emotions("gratitude", return_X_y=True)
    rows = slice(QUICK_ROWS if quick else None)
    X = TfidfVectorizer(ngram_range=(1, 3)).fit_transform(text[rows])
    learner = SGDClassifier(loss="log_loss", class_weight="balanced")
    return Task(X, target[rows].to_numpy(), learner)


def emotions(quick: bool = False) -> Task:
    """GoEmotions, the 36,308 rows with one label: 28 classes, 1-3-gram TF-IDF, SGD."""
    text, target = fetch_go_emotions(None, return_X_y=True)
    indicator = target.to_numpy()
    rows = np.flatnonzero(indicator.sum(axis=1) == 1)[: QUICK_ROWS if quick else None]
    X = TfidfVectorizer(ngram_range=(1, 3)).fit_transform(text.iloc[rows])
    return Task(X, indicator[rows].argmax(axis=1), SGDClassifier(loss="log_loss"))


def dense(quick: bool = False) -> Task:
    """Synthetic, 5,000 x 64 dense, 10 classes, MLPClassifier(hidden 100)."""
    X, y = make_classification(
        n_samples=QUICK_ROWS if quick else 5000,
        n_features=64,
        n_informative=20,
        n_classes=10,
        flip_y=0.05,
        random_state=SEED,
    )
    return Task(X, y, MLPClassifier())


def synthetic_sparse(quick: bool = False) -> Task:
    """Synthetic, 500,000 rows of 20 values in 100,000 columns, 2 classes, SGD."""
    n_samples, n_features, n_values = QUICK_ROWS if quick else 500_000, 100_000, 20
    random = np.random.default_rng(SEED)
    indices = random.integers(n_features, size=n_samples * n_values, dtype=np.int32)
    data = random.random(n_samples * n_values)
    indptr = np.arange(0, n_samples * n_values + 1, n_values, dtype=np.int32)
    X = sparse.csr_matrix((data, indices, indptr), shape=(n_samples, n_features))
    y = (X @ random.standard_normal(n_features) > 0).astype(np.int64)
    return Task(X, y, SGDClassifier(loss="log_loss"))


def wide(quick: bool = False) -> Task:
    """Synthetic, 20,000 rows of 20 values in 131,072 columns, 200 classes, SGD."""
    n_samples, n_features, n_values = QUICK_ROWS if quick else 20_000, 2**17, 20
    random = np.random.default_rng(SEED)
    indices = random.integers(n_features, size=n_samples * n_values, dtype=np.int32)
    data = random.random(n_samples * n_values)
    indptr = np.arange(0, n_samples * n_values + 1, n_values, dtype=np.int32)
    X = sparse.csr_matrix((data, indices, indptr), shape=(n_samples, n_features))
    return Task(X, np.arange(n_samples) % 200, SGDClassifier(loss="log_loss"))


def epochs(task: Task, n_epochs: int) -> Iterator[Any]:
    """Bare loop: train one epoch in a fresh row order, yield the learner.

    Parameters
    ----------
    task : Task
        What to train on.
    n_epochs : int
        Number of epochs.

    Yields
    ------
    estimator
        The learner, the same object every time.
    """
    learner, classes = task.bare_learner(), task.classes
    for epoch in range(n_epochs):
        # The seeds of DataMapClassifier(random_state=SEED): the same work, row by row.
        entropy = np.random.SeedSequence((SEED, epoch, 0, 0))
        learner.random_state = int(entropy.generate_state(1)[0])
        learner.partial_fit(task.X, task.y, classes=classes)
        yield learner


def floor(task: Task, n_epochs: int) -> Any:
    """``partial_fit`` and ``predict_proba``, whose result is thrown away."""
    for learner in epochs(task, n_epochs):
        learner.predict_proba(task.X)
    return learner


def ours(task: Task, n_epochs: int) -> DataMapClassifier:
    """``DataMapClassifier.fit``: the whole map."""
    classifier = DataMapClassifier(task.learner, n_epochs=n_epochs, random_state=SEED)
    return classifier.fit(task.X, task.y)


def _tensor(task: Task, n_epochs: int) -> tuple[Array, Any]:
    collected = []
    for learner in epochs(task, n_epochs):
        collected.append(learner.predict_proba(task.X))
    return np.stack(collected), learner


def tutorial(task: Task, n_epochs: int) -> Any:
    """Tutorials' way: keep every tensor, at the end go through the rows to lists."""
    proba, learner = _tensor(task, n_epochs)
    confidence, variability, correctness = [], [], []
    for row, label in enumerate(task.y):
        own = proba[:, row, label]
        confidence.append(float(own.mean()))
        variability.append(float(own.std()))
        correctness.append(float((proba[:, row].argmax(axis=1) == label).mean()))
    return learner, confidence, variability, correctness


def vectorized(task: Task, n_epochs: int) -> Any:
    """Tutorials' way at its best: keep every tensor, then three NumPy formulas."""
    proba, learner = _tensor(task, n_epochs)
    own = proba[:, np.arange(len(task.y)), task.y]
    confidence, variability = own.mean(axis=0).tolist(), own.std(axis=0).tolist()
    correctness = (proba.argmax(axis=2) == task.y).mean(axis=0).tolist()
    return learner, confidence, variability, correctness


TASKS: dict[str, Callable[..., Task]] = {
    "gratitude": gratitude,
    "emotions": emotions,
    "dense": dense,
    "synthetic": synthetic_sparse,
    "wide": wide,
}
