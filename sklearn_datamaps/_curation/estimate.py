"""How many labels are wrong, and how likely each one is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize
from sklearn.isotonic import IsotonicRegression

from sklearn_datamaps._core.arrays import Array

# The boundary of the hard region where rows hardly vary: confidence 0.4 of two classes.
FIRMLY = -0.2
N_RESAMPLES = 500
N_THRESHOLDS = 200
FEWEST_SLIPS = 10  # below a threshold, for a share of them to mean something
SUREST = 0.99
LEAST_RECALL = 0.5  # a map that finds fewer is no measure of how many there are


@dataclass(frozen=True)
class Count:
    """Number of wrong labels.

    Attributes
    ----------
    estimate : float
        Of the labels.
    low, high : float
        Ends of the 90 % interval.
    """

    estimate: float
    low: float
    high: float


def count_wrong(
    margin: Array,
    *,
    single: Array,
    slips: Array,
    doubles: Array,
    rng: np.random.Generator,
) -> Count:
    """Estimate how many labels are wrong, between a least and a most.

    The *estimate* is the number of labels that the map firmly contradicts (mean margin
    below -0.2, the edge of the hard region): there, wrong labels that are missed and
    right ones that are merely hard were found to be about equally many. *Least* are
    the wrong labels that stand out as random slips do: the share of all labels below a
    threshold cannot be less than the share of wrong ones times that of slips below it.
    *Most* is every label that the map contradicts at all, divided by the share of
    planted doubles that it contradicts. What lies between, the labels alone cannot
    tell: an ambiguous row and one that a person mistook look the same.

    Parameters
    ----------
    margin : ndarray of shape (n,)
        Mean margin of every label, over all runs.
    single : ndarray of shape (n_runs * n,)
        The same of every run by itself.
    slips, doubles : ndarray
        The same of planted flips, of all runs that have some.
    rng : numpy.random.Generator
        Draws the resamples.

    Returns
    -------
    Count
        The interval is from the 5th percentile of the least to the 95th of the most
        over bootstrap resamples of labels and flips.

    References
    ----------
    Garg et al., Mixture Proportion Estimation and PU Learning, NeurIPS 2021,
    arXiv:2111.00980, for the least.
    """
    n_labels = len(margin)
    least = n_labels * _share_like(slips, single, rng)
    contradicted = (margin < 0).mean()
    found = (doubles < 0).mean() if len(doubles) else 1.0
    resampled = rng.binomial(n_labels, contradicted, size=N_RESAMPLES)
    n_doubles = max(len(doubles), 1)
    recall = rng.binomial(n_doubles, found, size=N_RESAMPLES) / n_doubles
    most = resampled / np.maximum(recall, LEAST_RECALL)
    firmly = float((margin < FIRMLY).sum())
    low = min(float(np.quantile(least, 0.05)), firmly)
    high = max(min(float(np.quantile(most, 0.95)), n_labels), firmly)
    return Count(firmly, low, high)


def _share_like(slips: Array, scores: Array, rng: np.random.Generator) -> Array:
    """Least share of labels that are wrong like slips, of every resample."""
    if len(slips) < FEWEST_SLIPS:
        return np.zeros(1)
    start = FEWEST_SLIPS / len(slips)
    thresholds = np.unique(np.quantile(slips, np.linspace(start, 1, N_THRESHOLDS)))
    below_slips = _resampled_below(slips, thresholds, rng)
    below = _resampled_below(scores, thresholds, rng)
    share = (below / len(scores)) / np.maximum(below_slips / len(slips), 1e-12)
    # The threshold at which the share is smallest for certain, not by chance.
    error = np.sqrt(1 / np.maximum(below, 1) + 1 / np.maximum(below_slips, 1))
    best = (share * (1 + error)).argmin(axis=1)
    least = share[np.arange(N_RESAMPLES), best]
    of_all: Array = np.minimum(least, 1.0)
    return of_all


def _resampled_below(
    scores: Array, thresholds: Array, rng: np.random.Generator
) -> Array:
    """Bootstrap counts of scores at or below every threshold."""
    below = np.searchsorted(np.sort(scores), thresholds, side="right")
    between = np.diff(below, prepend=0, append=len(scores))
    drawn = rng.multinomial(len(scores), between / len(scores), size=N_RESAMPLES)
    counts: Array = drawn[:, :-1].cumsum(axis=1)
    return counts


def chance_wrong(
    score: Array, *, unflipped: Array, flipped: Array, n_wrong: float
) -> NDArray[np.float64]:
    """Probability that each label is wrong, from the scores of known flips.

    How much commoner flips are than labels that are left as they are at a score, as an
    isotonic function of it, times the odds of a wrong label.

    Parameters
    ----------
    score : ndarray of shape (n,)
        The lower, the more suspicious.
    unflipped, flipped : ndarray
        Scores in the runs with planted flips.
    n_wrong : float
        What the probabilities add up to.

    Returns
    -------
    ndarray of float64 of shape (n,), in [0, 0.99]
        Falls with the score.
    """
    if n_wrong <= 0 or not len(flipped):
        return np.zeros(len(score))
    known = np.concatenate([flipped, unflipped])
    is_flip = np.repeat([1.0, 0.0], [len(flipped), len(unflipped)])
    isotonic = IsotonicRegression(increasing=False, out_of_bounds="clip")
    fitted = isotonic.fit(known, is_flip).predict(score)
    # Bayes' rule: the odds of a flip, from their share in the runs to the one here.
    odds = fitted / np.maximum(1 - fitted, 1e-12) * len(unflipped) / len(flipped)
    # One more flip, that may be anywhere: that none was seen up there proves little.
    odds = (odds * len(flipped) + 1) / (len(flipped) + 1)

    def proba(log_scale: float) -> NDArray[np.float64]:
        scaled = odds * np.exp(log_scale)
        return np.minimum(scaled / (1 + scaled), SUREST)

    wanted = min(n_wrong, 0.5 * len(score))
    solution = optimize.brentq(lambda at: proba(at).sum() - wanted, -50.0, 50.0)
    return proba(solution)


def best_threshold(score: Array, chance: Array) -> float:
    """Score that separates best: the F1 expected of the labels up to it is largest.

    The noise detector of the paper is a linear classifier of one number, which is a
    threshold; where classes are of very different size, F1 is what it should reach.

    Parameters
    ----------
    score, chance : ndarray of shape (n,)
        From :func:`chance_wrong`.

    Returns
    -------
    float
        Labels at or below it look wrong; -inf if none does.

    References
    ----------
    Swayamdipta et al., Dataset Cartography, EMNLP 2020, arXiv:2009.10795, section 5.
    """
    if not chance.any():
        return -np.inf
    order = np.argsort(score, kind="stable")
    found = chance[order].cumsum()
    read = np.arange(1, len(score) + 1)
    f1 = 2 * found / (read + chance.sum())
    return float(score[order[f1.argmax()]])
