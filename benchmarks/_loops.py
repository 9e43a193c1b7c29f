"""The tasks, and the loops that are compared on them.

Every loop trains the same model from the same seeds, so that only what is done beside
training differs; ``overhead`` checks that the trained models are equal.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, SGDClassifier
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


def logistic(quick: bool = False) -> Task:
    """Rows of `dense`, LogisticRegression: an epoch is an iteration of lbfgs."""
    task = dense(quick)
    return Task(task.X, task.y, LogisticRegression())


def logistic_text(quick: bool = False) -> Task:
    """Rows of `gratitude`, LogisticRegression: an epoch is an iteration of lbfgs."""
    task = gratitude(quick)
    return Task(task.X, task.y, LogisticRegression())


class Visit:
    """Callback of scikit-learn that is told of the model after every iteration."""

    def __init__(self, visit: Callable[[Any], None]) -> None:
        self.visit = visit

    def setup(self, estimator, context) -> None: ...

    def teardown(self, estimator, context) -> None: ...

    def on_fit_task_begin(self, estimator, context) -> None: ...

    def on_fit_task_end(self, estimator, context, *, fitted_estimator) -> None:
        if context.parent is not None and fitted_estimator is not None:
            self.visit(fitted_estimator)


def of_iterations(task: Task, n_epochs: int) -> Any:
    """Learner of the task; of one that ends by itself so many iterations."""
    if isinstance(task.learner, LogisticRegression):
        return clone(task.learner).set_params(max_iter=n_epochs, tol=1e-12)
    return task.learner


def each_epoch(task: Task, n_epochs: int, visit: Callable[[Any], None]) -> Any:
    """Bare loop: train one epoch in a fresh row order, show the learner.

    Parameters
    ----------
    task : Task
        What to train on.
    n_epochs : int
        Number of epochs.
    visit : callable
        Called with the learner after every epoch.

    Returns
    -------
    estimator
        The trained learner.
    """
    if isinstance(task.learner, LogisticRegression):
        learner = of_iterations(task, n_epochs).set_callbacks(Visit(visit))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # as was wanted
            return learner.fit(task.X, task.y)
    learner, classes = task.bare_learner(), task.classes
    for epoch in range(n_epochs):
        # The seeds of DataMapClassifier(random_state=SEED): the same work, row by row.
        entropy = np.random.SeedSequence((SEED, epoch, 0, 0))
        learner.random_state = int(entropy.generate_state(1)[0])
        learner.partial_fit(task.X, task.y, classes=classes)
        visit(learner)
    return learner


def floor(task: Task, n_epochs: int) -> Any:
    """Train and ``predict_proba`` every epoch; what it says is thrown away."""

    def visit(learner: Any) -> None:
        learner.predict_proba(task.X)

    return each_epoch(task, n_epochs, visit)


def ours(task: Task, n_epochs: int, **params: Any) -> DataMapClassifier:
    """``DataMapClassifier.fit``: the whole map."""
    learner = of_iterations(task, n_epochs)
    params |= {"random_state": SEED}
    if isinstance(learner, LogisticRegression):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # as was wanted
            return DataMapClassifier(learner, **params).fit(task.X, task.y)
    return DataMapClassifier(learner, n_epochs=n_epochs, **params).fit(task.X, task.y)


def _tensor(task: Task, n_epochs: int) -> tuple[Array, Any]:
    collected: list[Array] = []

    def visit(learner: Any) -> None:
        collected.append(learner.predict_proba(task.X))

    learner = each_epoch(task, n_epochs, visit)
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
    "logistic": logistic,
    "logistic_text": logistic_text,
}
