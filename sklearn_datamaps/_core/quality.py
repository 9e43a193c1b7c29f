"""Trust in the labels given, by what a map saw out-of-fold and in-sample."""

import numpy as np
from scipy import optimize

from sklearn_datamaps._core import measures
from sklearn_datamaps._core.arrays import Array

# Chosen on one seed of benchmarks/detection, the standard error below on three; the
# other seven confirm them on the same label sets.
IN_SAMPLE_OF_NEAR_MISSES = 3.0
IN_SAMPLE_OTHERWISE = 0.25
FLOOR = 1e-6  # probabilities below it say the same
SHARPNESS = (0.05, 10.0)  # powers of the probabilities to look for the best in


def are_near_misses(mean_proba: Array, codes: Array) -> bool:
    """Whether the labels in doubt are nearer misses than the model itself expects.

    A label is in doubt where another one is more probable. Whoever takes a label for
    its neighbour gives the next best one; a slip of the pen, any. How near is near
    depends on the classes and on what the model knows, so the model is asked: raised
    to the power at which they fit the given labels best, its probabilities say how the
    labels in doubt would rank among the others if they were drawn from them. They are
    near misses if they rank before that in the mean, by more than a standard error.

    Parameters
    ----------
    mean_proba : ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
        Out-of-fold probabilities; rows of NaN are left out.
    codes : ndarray of int of shape (n_samples,), or of bool (n_samples, n_labels)
        Column of each row's own label; multilabel: whether each label is set.

    Returns
    -------
    bool
        False of two classes and of multilabel, where every miss is the nearest, and
        where no label is in doubt.

    Notes
    -----
    Noise in the probabilities looks like slips: by one map of few rows near misses may
    pass for slips. Average a few.

    References
    ----------
    Guo et al., On Calibration of Modern Neural Networks, ICML 2017, arXiv:1706.04599,
    for the power, which is one over their temperature. The test is ours.
    """
    if codes.ndim == 2 or mean_proba.shape[1] < 3:
        return False
    seen = np.isfinite(mean_proba).all(axis=1)
    logs = np.log(np.maximum(mean_proba[seen].astype(np.float64), FLOOR))
    rows, own = np.arange(len(logs)), codes[seen]

    def calibrated(power: float) -> Array:
        raised = np.exp(power * (logs - logs.max(axis=1, keepdims=True)))
        proba: Array = raised / raised.sum(axis=1, keepdims=True)
        return proba

    def loss(power: float) -> float:
        return -float(np.log(calibrated(power)[rows, own] + FLOOR**2).mean())

    best = optimize.minimize_scalar(loss, bounds=SHARPNESS, method="bounded")
    proba = calibrated(best.x)
    # Place among the others, the next best first; the first of all is not in doubt.
    place = (proba > proba[rows, own][:, np.newaxis]).sum(axis=1) - 1
    in_doubt = place >= 0
    if not in_doubt.any():
        return False
    others = -np.sort(-proba, axis=1)[:, 1:]
    expected = (others * np.arange(others.shape[1])).sum() / others.sum()
    observed = place[in_doubt]
    error = observed.std() / np.sqrt(len(observed))
    return bool(observed.mean() + error < expected)


def label_trust(
    mean_proba: Array,
    in_sample_logit_margin: Array,
    codes: Array,
    *,
    near_misses: bool,
) -> Array:
    """How far a label can be trusted, by held-out and in-sample evidence together.

    Where the labels in doubt are near misses, the wrong label is itself plausible to
    models that have not seen the row, and what gives it away is that a model that has
    trained on it still resists it: ``logit_margin`` plus three times that in-sample.
    Otherwise the log of ``plausibility`` plus a quarter of the in-sample logit margin
    less its mean over the rows of the same label: a rare class with a large weight is
    learned by heart, right or wrong, so only differences within a class tell.

    Parameters
    ----------
    mean_proba : ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
        Out-of-fold mean probabilities.
    in_sample_logit_margin : ndarray, shape of codes
        Logit margin of the in-sample map.
    codes : ndarray of int of shape (n_samples,), or of bool (n_samples, n_labels)
        Column of each row's own label; multilabel: whether each label is set.
    near_misses : bool
        From :func:`are_near_misses`.

    Returns
    -------
    ndarray of float64, shape of codes
        In nats; the lower, the more suspicious.

    Notes
    -----
    The formula is ours. Its weights were chosen on one seed of ``benchmarks/detection``
    and confirmed on others of the same data sets; those are no test on other data.
    """
    if near_misses:
        held_out = measures.logit_margin(mean_proba, codes)
        in_sample = IN_SAMPLE_OF_NEAR_MISSES * in_sample_logit_margin
    else:
        plausible = measures.plausibility(mean_proba, codes)
        held_out = np.log(np.maximum(plausible, measures.PROBABILITY_FLOOR**3))
        of_label = _mean_of_label(in_sample_logit_margin, codes)
        in_sample = IN_SAMPLE_OTHERWISE * (in_sample_logit_margin - of_label)
    trust: Array = held_out + in_sample
    return trust


def _mean_of_label(values: Array, codes: Array) -> Array:
    """Mean over the rows of the same label; multilabel: set or not apart."""
    group = codes.astype(np.intp)
    if codes.ndim == 2:
        group = group + 2 * np.arange(codes.shape[1])
    n_rows = np.bincount(group.ravel())
    total = np.bincount(group.ravel(), weights=values.ravel())
    mean: Array = total[group] / n_rows[group]
    return mean
