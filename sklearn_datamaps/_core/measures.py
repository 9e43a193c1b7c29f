"""The measures of a data map: pure functions, one each, with formula and source.

Notation: ``p`` is the probability a model gives to a row's own label after one
epoch, ``E`` the number of recorded epochs. The per-epoch functions take one
epoch (or one block of its rows) and return one value per row, which
:class:`~sklearn_datamaps.TrainingDynamics` accumulates; the others turn
accumulated values into a measure.
"""

import numpy as np

from sklearn_datamaps._core.arrays import Array

PROBABILITY_FLOOR = 1e-12


def own_probability(proba: Array, codes: Array) -> Array:
    """Probability of each row's own label, ``p``.

    Parameters
    ----------
    proba : ndarray of shape (n_samples, n_classes)
        Predicted probabilities; multilabel: (n_samples, n_labels), the
        probability that each label is set.
    codes : ndarray of shape (n_samples,), or (n_samples, n_labels) of bool
        Column of each row's own label; multilabel: whether each label is set.

    Returns
    -------
    ndarray of float64, shape of codes
        Multilabel: ``q`` where the label is set, else ``1 - q``.

    References
    ----------
    Swayamdipta et al., Dataset Cartography, EMNLP 2020, arXiv:2009.10795.
    """
    if codes.ndim == 2:
        # In float64 before the complement: 1 - 1e-9 is 1 in float32.
        proba = proba.astype(np.float64, copy=False)
        return np.where(codes, proba, 1.0 - proba)
    return proba[np.arange(len(codes)), codes].astype(np.float64, copy=False)


def epoch_margin(proba: Array, codes: Array, own: Array) -> Array:
    """Own probability less the largest other probability, at one epoch.

    The probability form of the "area under the margin" when averaged.

    Parameters
    ----------
    proba : ndarray of shape (n_samples, n_classes)
        Predicted probabilities.
    codes : ndarray of shape (n_samples,)
        Column of each row's own label.
    own : ndarray of shape (n_samples,)
        ``own_probability(proba, codes)``.

    Returns
    -------
    ndarray of float64 of shape (n_samples,), in [-1, 1]

    References
    ----------
    Pleiss et al., Identifying Mislabeled Data using the Area Under the Margin
    Ranking, NeurIPS 2020, arXiv:2001.10528.
    """
    # Class by class: a maximum over rows of a few classes is several times slower.
    others = np.array(proba.T, dtype=np.float64, order="C")
    others[codes, np.arange(len(codes))] = -np.inf
    margin: Array = own - others.max(axis=0)
    return margin


def epoch_loss(own: Array) -> Array:
    """Cross-entropy of the own label at one epoch, ``-log max(p, 1e-12)``, in nats.

    Parameters
    ----------
    own : ndarray
        Probability of the own label.

    Returns
    -------
    ndarray of float64, shape of own

    References
    ----------
    The small-loss criterion, for example Han et al., Co-teaching, NeurIPS 2018,
    arXiv:1804.06872.
    """
    loss: Array = -np.log(np.maximum(own, PROBABILITY_FLOOR))
    return loss


def epoch_el2n(proba: Array, codes: Array) -> Array:
    """L2 norm of the error vector, probabilities less one-hot label, at one epoch.

    Parameters
    ----------
    proba : ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
        Predicted probabilities.
    codes : ndarray of shape (n_samples,), or (n_samples, n_labels) of bool
        Column of the own label; multilabel: whether each label is set.

    Returns
    -------
    ndarray of float64, shape of codes
        In [0, sqrt(2)]; multilabel: ``sqrt(2) (1 - p)`` of every (row, label),
        the same norm over the two outcomes of one label.

    References
    ----------
    Paul et al., Deep Learning on a Data Diet, NeurIPS 2021, arXiv:2107.07075.
    """
    own = own_probability(proba, codes)
    if codes.ndim == 2:
        over_outcomes: Array = np.sqrt(2.0) * np.abs(1.0 - own)
        return over_outcomes
    # The error vector is (1 - p) at the own label and the bare probability elsewhere;
    # summing the other squares directly keeps small norms exact.
    error = np.array(proba, dtype=np.float64)
    error[np.arange(len(codes)), codes] -= 1.0
    norm: Array = np.sqrt(np.einsum("ij,ij->i", error, error))
    return norm


def aleatoric(confidence: Array, variability: Array) -> Array:
    """Mean over epochs of ``p (1 - p)``: uncertainty that lies in the data.

    Equal to ``c (1 - c) - v^2`` exactly, so it is derived and never stored.

    Parameters
    ----------
    confidence, variability : ndarray
        Mean and population standard deviation of ``p``.

    Returns
    -------
    ndarray of float64, shape of confidence, in [0, 0.25]

    References
    ----------
    Seedat et al., Data-IQ, NeurIPS 2022, arXiv:2210.13043.
    """
    uncertainty: Array = confidence * (1.0 - confidence) - variability**2
    return np.maximum(uncertainty, 0.0)


def threshold_closeness(confidence: Array) -> Array:
    """Closeness of the mean probability to one half, ``c (1 - c)``.

    Parameters
    ----------
    confidence : ndarray
        Mean of ``p``.

    Returns
    -------
    ndarray of float64, shape of confidence, in [0, 0.25]

    References
    ----------
    Chang et al., Active Bias, NeurIPS 2017, arXiv:1704.07433.
    """
    closeness: Array = confidence * (1.0 - confidence)
    return closeness


def variability(sum_of_squares: Array, count: Array) -> Array:
    """Population standard deviation of ``p`` over epochs.

    ``sqrt(mean (p - confidence)^2)``. The tutorial's ``torch.std`` divides by
    ``E - 1`` instead and is larger by ``sqrt(E / (E - 1))``.

    Parameters
    ----------
    sum_of_squares : ndarray
        Sum over epochs of the squared deviations from the mean.
    count : ndarray of int
        Epochs recorded of each row; 0 gives NaN.

    Returns
    -------
    ndarray of float64, shape of sum_of_squares, in [0, 0.5] for probabilities

    References
    ----------
    Swayamdipta et al., Dataset Cartography, EMNLP 2020, arXiv:2009.10795.
    """
    result = share(sum_of_squares, count)
    np.sqrt(result, out=result)
    return result


def share(total: Array, count: Array) -> Array:
    """Total divided by the epochs recorded; a row never recorded is NaN.

    Gives *correctness* from the number of epochs in which the prediction was the
    own label, and the mean loss and EL2N from their sums.

    Parameters
    ----------
    total : ndarray
        Sum over the recorded epochs.
    count : ndarray of int
        Epochs recorded of each row, of a shape that broadcasts to total's.

    Returns
    -------
    ndarray of float64, shape of total
    """
    result = np.full(total.shape, np.nan)
    np.divide(total, count, out=result, where=count > 0)
    return result


def forgetting(transitions: Array, n_right: Array, count: Array) -> Array:
    """Number of forgetting events: right at one epoch, wrong at the next.

    A row that was never right has ``E + 1``, above every other row: 0 would rank
    it with the rows that are never forgotten.

    Parameters
    ----------
    transitions : ndarray of int
        Right-to-wrong transitions.
    n_right : ndarray of int
        Epochs in which the row was predicted right.
    count : ndarray of int
        Epochs recorded, ``E``.

    Returns
    -------
    ndarray of float64, shape of transitions
        NaN for rows never recorded.

    References
    ----------
    Toneva et al., An Empirical Study of Example Forgetting during Deep Neural
    Network Learning, ICLR 2019, arXiv:1812.05159.
    """
    events = np.where(n_right == 0, count + 1.0, transitions)
    return np.where(count > 0, events, np.nan)


def first_learned(right_since: Array, count: Array) -> Array:
    """First epoch (1-based) from which the row stays right to the end.

    A row that is wrong at the last epoch has ``E + 1``.

    Parameters
    ----------
    right_since : ndarray of int
        Epoch at which the current run of right predictions began; 0: wrong now.
    count : ndarray of int
        Epochs recorded, ``E``.

    Returns
    -------
    ndarray of float64, shape of right_since
        NaN for rows never recorded.

    References
    ----------
    Maini et al., Characterizing Datapoints via Second-Split Forgetting, NeurIPS
    2022, arXiv:2210.15031.
    """
    epoch = np.where(right_since == 0, count + 1.0, right_since)
    return np.where(count > 0, epoch, np.nan)


def logit_margin(mean_proba: Array, codes: Array) -> Array:
    """Log of the mean own probability less log of the largest mean other one.

    Parameters
    ----------
    mean_proba : ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
        Mean of the probabilities over epochs.
    codes : ndarray of shape (n_samples,), or (n_samples, n_labels) of bool
        Column of the own label; multilabel: whether each label is set.

    Returns
    -------
    ndarray of float64, shape of codes
        In nats; probabilities below 1e-12 count as 1e-12.

    References
    ----------
    arXiv:2510.16211.
    """
    proba = np.maximum(np.asarray(mean_proba, dtype=np.float64), PROBABILITY_FLOOR)
    if codes.ndim == 2:
        odds = np.log(proba) - np.log(np.maximum(1.0 - proba, PROBABILITY_FLOOR))
        return np.where(codes, odds, -odds)
    rows = np.arange(len(codes))
    own = proba[rows, codes]
    proba[rows, codes] = 0.0
    ratio: Array = np.log(own) - np.log(proba.max(axis=1))
    return ratio


def memorization(in_sample: Array, out_of_fold: Array) -> Array:
    """In-sample confidence less out-of-fold confidence.

    How much of a row's confidence is owed to having trained on the row itself.

    Parameters
    ----------
    in_sample, out_of_fold : ndarray
        Confidence recorded by the model that trained on the row, and by models that
        did not.

    Returns
    -------
    ndarray of float64, shape of in_sample, in [-1, 1]

    References
    ----------
    Feldman and Zhang, What Neural Networks Memorize and Why, NeurIPS 2020,
    arXiv:2008.03703.
    """
    owed: Array = in_sample - out_of_fold
    return owed
