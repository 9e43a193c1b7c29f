"""Wrong labels of several kinds, from a seed: at random, by a rule, one way only."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import expit

Array = NDArray[Any]
KINDS = ("uniform", "class", "margin")
# At a margin of 0 a row is 28 times as likely to be flipped as at a margin of 1.
STEEPNESS = 4.0
LAST_RESORT = 1e-9
# Rows that one rule speaks of, as a share of all.
REACH = (0.005, 0.06)
LOST = 0.2


def flip_labels(
    y: Array, kind: str, share: float, seed: int, reference: Array
) -> tuple[Array, Array]:
    """Replace a share of the labels by wrong ones.

    Parameters
    ----------
    y : ndarray of int of shape (n_samples,)
        Labels 0 ... n_classes - 1.
    kind : {"uniform", "class", "margin"}
        ``"uniform"``: every row as likely, every other class as likely. ``"class"``:
        classes as they are confused, more flips where a class is confused more, to
        the classes it is confused with. ``"margin"``: rows as a person errs, the less
        clear the more likely, to the class that seems next best; rows that the
        reference gets wrong come last, when no others are left.
    share : float
        Wrong labels, as a share of the rows; exact but for rounding.
    seed : int
        The same seed, the same flips.
    reference : ndarray of shape (n_samples, n_classes)
        Out-of-fold probabilities of a model of the labels before they are flipped.
        ``"class"`` and ``"margin"`` know from it what is confused with what.

    Returns
    -------
    given : ndarray of int of shape (n_samples,)
        The labels with the wrong ones.
    is_wrong : ndarray of bool of shape (n_samples,)
        Which were flipped.

    Notes
    -----
    At most half of the rows of a class are flipped, so that most of them keep the
    name they had: otherwise the names would be exchanged and nobody could tell.
    """
    rng = np.random.default_rng((seed, 1))
    n_classes = reference.shape[1]
    rows = np.arange(len(y))
    others = np.array(reference, dtype=np.float64)
    others[rows, y] = 0.0
    if kind == "uniform":
        chosen = _draw(np.ones(len(y)), y, share, rng)
        new = (y[chosen] + rng.integers(1, n_classes, len(chosen))) % n_classes
    elif kind == "class":
        confused = np.zeros((n_classes, n_classes))
        np.add.at(confused, y, others)
        confused /= np.bincount(y, minlength=n_classes)[:, np.newaxis]
        chosen = _draw(confused.sum(axis=1)[y], y, share, rng)
        cumulative = np.cumsum(confused[y[chosen]], axis=1)
        cumulative /= cumulative[:, -1:]
        new = (cumulative < rng.random(len(chosen))[:, np.newaxis]).sum(axis=1)
    elif kind == "margin":
        margin = reference[rows, y] - others.max(axis=1)
        # Where the model itself prefers another label, that one would be no error.
        weight = np.where(margin > 0, expit(-STEEPNESS * margin), LAST_RESORT)
        chosen = _draw(weight, y, share, rng)
        new = others[chosen].argmax(axis=1)
    else:
        raise ValueError(f"There are no flips of kind {kind!r}, only {KINDS}.")
    given, is_wrong = y.copy(), np.zeros(len(y), dtype=bool)
    given[chosen], is_wrong[chosen] = new, True
    return given, is_wrong


def rule_labels(X: Any, y: Array, share: float, seed: int) -> tuple[Array, Array]:
    """Relabel rows by rules on single features, until a share of the labels is wrong.

    A rule gives one class to every row that has a word, or a value beyond a threshold,
    as weak supervision does. A model of the features can learn such labels.

    Parameters
    ----------
    X : {ndarray, csr} of shape (n_samples, n_features)
        The features.
    y : ndarray of int of shape (n_samples,)
        Labels 0 ... n_classes - 1.
    share : float
        Wrong labels, as a share of the rows; up to the reach of one rule.
    seed : int
        The same seed, the same rules.

    Returns
    -------
    given, is_wrong : ndarray of shape (n_samples,)
    """
    rng = np.random.default_rng((seed, 4))
    given = y.copy()
    n, n_classes = len(y), y.max() + 1
    columns = sparse.csc_matrix(X) if sparse.issparse(X) else X
    for feature in rng.permutation(np.repeat(np.arange(X.shape[1]), 20)):
        if sparse.issparse(X):
            rows = columns[:, [feature]].nonzero()[0]
        else:
            edge = np.quantile(columns[:, feature], 1 - rng.uniform(*REACH))
            rows = np.flatnonzero(columns[:, feature] > edge)
        if not REACH[0] * n <= len(rows) <= REACH[1] * n:
            continue
        given[rows] = rng.integers(n_classes)
        if (given != y).mean() >= share:
            break
    return given, given != y


def one_way(y: Array, seed: int) -> tuple[Array, Array]:
    """Take a fifth of the labels of one class away, and give others instead.

    Parameters
    ----------
    y : ndarray of int of shape (n_samples,)
        Labels 0 ... n_classes - 1.
    seed : int
        The same seed, the same class and rows.

    Returns
    -------
    given, is_wrong : ndarray of shape (n_samples,)
    """
    rng = np.random.default_rng((seed, 5))
    sizes = np.bincount(y)
    large = np.flatnonzero(sizes >= np.median(sizes) / 2)
    # Of two classes the rarer one: what is overlooked, not what is imagined.
    loser = sizes.argmin() if len(sizes) == 2 else rng.choice(large)
    rows = rng.permutation(np.flatnonzero(y == loser))
    rows = rows[: round(LOST * len(rows))]
    given = y.copy()
    given[rows] = (loser + rng.integers(1, len(sizes), len(rows))) % len(sizes)
    return given, given != y


def mixture(
    X: Any, y: Array, share: float, seed: int, reference: Array
) -> tuple[Array, Array]:
    """Half of a share by rules, the other half at random; see the functions above.

    Parameters
    ----------
    X, y, share, seed, reference
        As above.

    Returns
    -------
    given, is_wrong : ndarray of shape (n_samples,)
    """
    ruled, _ = rule_labels(X, y, share / 2, seed)
    given, at_random = flip_labels(y, "uniform", share / 2, seed, reference)
    given = np.where(at_random, given, ruled)
    return given, given != y


NOISE = (
    *(("uniform", share) for share in (0.05, 0.2, 0.4)),
    *(("class", 0.1), ("margin", 0.1)),
    *(("rule", share) for share in (0.1, 0.2, 0.33, 0.5)),
    *(("one way", LOST), ("mixture", 0.2), ("none", 0.0)),
)
AT_RANDOM = ("uniform", "class", "margin", "one way")


def noisy(data: Any, kind: str, share: float, seed: int) -> tuple[Array, Array]:
    """Labels of a :class:`LabelSet` with wrong ones of a kind of ``NOISE``.

    Parameters
    ----------
    data : LabelSet
        The rows.
    kind, share, seed
        As above.

    Returns
    -------
    given, is_wrong : ndarray of shape (n_samples,)
    """
    if kind == "none":
        return data.y, np.zeros(len(data.y), dtype=bool)
    if kind == "one way":
        return one_way(data.y, seed)
    if kind == "rule":
        return rule_labels(data.X, data.y, share, seed)
    if kind == "mixture":
        return mixture(data.X, data.y, share, seed, data.reference)
    return flip_labels(data.y, kind, share, seed, data.reference)


def _draw(weight: Array, y: Array, share: float, rng: np.random.Generator) -> Array:
    """Rows drawn without replacement by weight, at most half of each class."""
    # The largest of log(weight) + Gumbel noise are such a draw (Efraimidis, Spirakis).
    order = np.argsort(-(np.log(weight) + rng.gumbel(size=len(y))), kind="stable")
    labels = pd.Series(y[order])
    drawn_before = labels.groupby(labels).cumcount().to_numpy()
    allowed = drawn_before < np.bincount(y)[y[order]] // 2
    return order[allowed][: round(share * len(y))]
