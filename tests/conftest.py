"""Data and learners that several test files share."""

import os
import signal
import sys

# A shell ignores Ctrl-C for what it starts in the background, and so would everything
# below it: tests that send one would wait for ever.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Before SciPy is imported: scikit-learn's array API checks need it.
os.environ.setdefault("SCIPY_ARRAY_API", "1")
os.environ.setdefault("MPLBACKEND", "agg")
# Before NumPy is: processes that share the cores would starve each other with threads.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from sklearn.datasets import load_digits, make_classification
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import SGDClassifier

# The same examples in every run, on a busy machine, too: a change is not to fail by an
# example that has nothing to do with it. Nightly looks for others.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("same_examples", patient, derandomize=True)
settings.register_profile("other_examples", patient, print_blob=True)
settings.load_profile("same_examples")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup():
    """Begin every test, and what it sets up, in the same state.

    Estimators without a seed draw from these generators. Tests and examples before may
    have left figures open, which others count.
    """
    np.random.seed(0)  # noqa: NPY002 (the one that is meant)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


class RecordingSGD(SGDClassifier):
    """SGDClassifier that notes what it is asked and what it answers."""

    calls: list = []  # noqa: RUF012 (shared by all clones on purpose)

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        note = ("fit", X, np.array(y), self.random_state, sample_weight)
        RecordingSGD.calls.append(note)
        return super().partial_fit(X, y, classes=classes, sample_weight=sample_weight)

    def predict_proba(self, X):
        proba = super().predict_proba(X)
        RecordingSGD.calls.append(("proba", X, proba))
        return proba


@pytest.fixture
def recording_sgd():
    RecordingSGD.calls.clear()
    yield RecordingSGD
    RecordingSGD.calls.clear()


@pytest.fixture(scope="session")
def binary():
    X, y = make_classification(300, 12, n_informative=5, flip_y=0.1, random_state=0)
    return X, y


@pytest.fixture(scope="session")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:500] / 16.0, y[:500]


@pytest.fixture(scope="session")
def audited_digits():
    """Features, labels of which 5 % are wrong, which are, and the audit of them."""
    from sklearn_datamaps import audit_labels

    X, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    wrong = np.zeros(len(y), dtype=bool)
    wrong[rng.choice(len(y), 90, replace=False)] = True
    y = np.where(wrong, (y + rng.integers(1, 10, size=len(y))) % 10, y)
    audit = audit_labels(SGDClassifier(loss="log_loss"), X / 16, y, random_state=0)
    return X / 16, y, wrong, audit


@pytest.fixture(scope="session")
def multilabel(digits):
    X, y = digits
    return X, np.column_stack([y % 2, y > 4, np.isin(y, (0, 6, 8, 9))]).astype(int)


@pytest.fixture(scope="session")
def go_emotions():
    if "SKLEARN_DATAMAPS_DATA" not in os.environ:
        pytest.skip("needs the GoEmotions parquet files: set SKLEARN_DATAMAPS_DATA")
    from sklearn_datamaps.datasets import fetch_go_emotions

    return fetch_go_emotions()


@pytest.fixture(scope="session")
def gratitude(go_emotions):
    """Features and target of 3,000 comments; the README's example maps them all."""
    texts, y = go_emotions.data[:3000], go_emotions.target[:3000]
    return TfidfVectorizer(ngram_range=(1, 3)).fit_transform(texts), y
