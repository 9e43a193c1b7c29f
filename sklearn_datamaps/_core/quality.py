"""How far the evidence supports each given label: its chance of being wrong."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from sklearn_datamaps._core.arrays import Array, row_maxima, row_sums

FLOOR = 1e-6  # probabilities below it say the same
SHARPNESS = (0.05, 10.0)  # powers of the probabilities to look for the best in
# Below it, in the pool: a witness that is sure of itself and wrong must not decide all.
DOUBT = 1e-4
RIDGE = 1e-3  # keeps the offset of a class of few rows finite
POWERS = (0.0, 5.0)
N_FITTED = 20_000  # rows, evenly spaced, that the few parameters are fitted on
SUREST_SHARE, FEWEST = 0.5, 20  # of the rows predicted as a class: its anchor
PRIOR_ROWS = 100.0  # by which the rates of a pair of classes lean on the overall rate


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


def pooled(
    probas: Sequence[Array], codes: Array, rates: Array | None = None
) -> NDArray[np.float64]:
    """One opinion of several, weighed by how well they foretell the labels as given.

    Their logarithms are added up, each times a power, plus an offset for each class:
    both make the labels as given most likely, so that class weights of a learner and
    opinions that are too sure of themselves are set right.

    Parameters
    ----------
    probas : sequence of ndarray of shape (n_samples, n_classes)
        Probabilities by models that have not seen the row's label.
    codes : ndarray of int of shape (n_samples,)
        Column of each row's own label.
    rates : ndarray of shape (n_classes, n_classes), default=None
        From :func:`wrong_rates`: the opinion is then one of the true labels. None: of
        the labels as given.

    Returns
    -------
    ndarray of float64 of shape (n_samples, n_classes)

    References
    ----------
    Alexandari et al., Maximum Likelihood with Bias-Corrected Calibration, ICML 2020,
    arXiv:1901.06852, for the offsets. Patrini et al., Making Deep Neural Networks
    Robust to Label Noise, CVPR 2017, arXiv:1609.03683, for the rates.
    """
    n, n_classes = probas[0].shape
    logs = [np.log(np.maximum(proba, DOUBT, dtype=np.float64)) for proba in probas]
    fitted = np.linspace(0, n - 1, min(n, N_FITTED)).astype(np.intp)
    rates = np.eye(n_classes) if rates is None else rates
    part, given = [log[fitted] for log in logs], rates[:, codes[fitted]].T
    n_logs = len(logs)

    def loss(parameters: Array) -> tuple[float, Array]:
        proba = _softmax(part, parameters)
        joint = proba * given
        likelihood = np.maximum(row_sums(joint)[:, np.newaxis], FLOOR**2)
        offset = parameters[n_logs:]
        value = -np.log(likelihood).mean() + RIDGE / 2 * offset @ offset
        off = (proba - joint / likelihood) / len(fitted)
        powers = [np.vdot(off, log) for log in part]
        return float(value), np.array([*powers, *(off.sum(axis=0) + RIDGE * offset)])

    start = np.array([1 / n_logs] * n_logs + [0.0] * n_classes)
    bounds = [POWERS] * n_logs + [(None, None)] * n_classes
    best = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return _softmax(logs, best.x)


def _softmax(logs: Sequence[Array], parameters: Array) -> NDArray[np.float64]:
    powers = parameters[: len(logs)]
    scores = sum(power * log for power, log in zip(powers, logs, strict=True))
    scores = scores + parameters[len(logs) :]
    odds = np.exp(scores - row_maxima(scores)[:, np.newaxis])
    proba: NDArray[np.float64] = odds / row_sums(odds)[:, np.newaxis]
    return proba


def anchored(proba: Array, codes: Array, share: float) -> NDArray[np.float64]:
    """Labels given to the rows that are most surely of each class.

    Parameters
    ----------
    proba : ndarray of shape (n_samples, n_classes)
        One opinion of the labels.
    codes : ndarray of int of shape (n_samples,)
        Column of each row's own label.
    share : float
        Of the rows predicted as a class, the surest are looked at: this share, and 20
        rows if there are as many.

    Returns
    -------
    ndarray of float64 of shape (n_classes, n_classes)
        Number of rows, by the class predicted and by the label given.
    """
    counts = np.zeros((proba.shape[1],) * 2)
    predicted, sureness = proba.argmax(axis=1), row_maxima(proba)
    for code in np.unique(predicted):
        rows = np.flatnonzero(predicted == code)
        n_surest = max(int(np.ceil(share * len(rows))), min(FEWEST, len(rows)))
        surest = rows[np.argsort(-sureness[rows], kind="stable")[:n_surest]]
        counts[code] = np.bincount(codes[surest], minlength=len(counts))
    return counts


def wrong_rates(proba: Array, codes: Array) -> NDArray[np.float64]:
    """How often each class is given each label, by the rows most surely of the class.

    Parameters
    ----------
    proba, codes
        As in :func:`anchored`.

    Returns
    -------
    ndarray of float64 of shape (n_classes, n_classes)
        Rows add up to 1. With few rows to go by they lean on the rate of all classes.
    """
    counts = anchored(proba, codes, SUREST_SHARE)
    n, n_classes = counts.sum(), len(counts)
    wrong = (n - np.trace(counts) + 1) / (n + 2)
    prior = np.full(counts.shape, wrong / max(n_classes - 1, 1))
    np.fill_diagonal(prior, 1 - wrong)
    total = counts.sum(axis=1, keepdims=True) + PRIOR_ROWS
    rates: NDArray[np.float64] = (counts + PRIOR_ROWS * prior) / total
    return rates


def opinion(probas: Sequence[Array], codes: Array) -> NDArray[np.float64]:
    """:func:`pooled` probabilities, also of multilabel targets and with unseen rows.

    Parameters
    ----------
    probas : sequence of ndarray
        Probabilities by models that have not seen the row's label, of shape
        (n_samples, n_classes) or (n_samples, n_labels).
    codes : ndarray of int of shape (n_samples,), or of bool (n_samples, n_labels)
        Column of each row's own label; multilabel: whether each label is set.

    Returns
    -------
    ndarray of float64, shape of the probabilities
        NaN for rows of NaN.
    """
    if codes.ndim == 2:
        asked = [opinion(of_two, own)[:, 1] for of_two, own in questions(probas, codes)]
        return np.stack(asked, axis=1)
    pool = np.full(probas[0].shape, np.nan)
    seen = _seen(probas)
    if seen.any():
        pool[seen] = pooled([proba[seen] for proba in probas], codes[seen])
    return pool


def questions(
    probas: Sequence[Array], codes: Array
) -> Iterator[tuple[list[Array], Array]]:
    """Every label of a multilabel target as a question of two classes.

    Parameters
    ----------
    probas : sequence of ndarray of shape (n_samples, n_labels)
        Probabilities that each label is set.
    codes : ndarray of bool of shape (n_samples, n_labels)
        Whether each is.

    Yields
    ------
    probas : list of ndarray of shape (n_samples, 2)
    codes : ndarray of int of shape (n_samples,)
    """
    for at, is_set in enumerate(codes.T):
        yield [np.stack([1 - p[:, at], p[:, at]], axis=1) for p in probas], is_set * 1


def chance_wrong(
    probas: Sequence[Array], pool: Array, codes: Array, across: float = 0.0
) -> NDArray[np.float64]:
    """Chance that each label is wrong, by models that have not seen it.

    The surest rows of each class tell how often it is given which other label, and
    with that Bayes' rule tells the chance of every row. These chances are handed out in
    another order, by the pooled probability of the label, or by its margin over the
    next one where labels in doubt are near misses (:func:`are_near_misses`): once among
    the rows of each label, which finds errors that go one way, and once among all. Of
    both the weighted mean is taken, in logits. The order within a label is the same in
    both, and hardly depends on class weights.

    Parameters
    ----------
    probas : sequence of ndarray
        Probabilities by models that have not seen the row's label, of shape
        (n_samples, n_classes) or (n_samples, n_labels).
    pool : ndarray of the same shape
        From :func:`opinion`.
    codes : ndarray of int of shape (n_samples,), or of bool (n_samples, n_labels)
        Column of each row's own label; multilabel: whether each label is set.
    across : float, default=0.0
        Weight of the order of all rows beside that of the rows of each label.

    Returns
    -------
    ndarray of float64, shape of codes, in [0, 1]
        NaN for rows of NaN.

    Notes
    -----
    The merging is ours, chosen on one or two seeds of digits, breast cancer, six
    emotions, gratitude, a set of headlines with real errors, and eight sets more that
    no benchmark reports: comments and tables drawn at random. Errors that follow a rule
    on the features are not seen as such by any model that learned the rule.
    """
    if codes.ndim == 2:
        asked = questions([*probas, pool], codes)
        each = [chance_wrong(of[:-1], of[-1], is_set, across) for of, is_set in asked]
        return np.stack(each, axis=1)
    chance = np.full(len(codes), np.nan)
    seen = _seen(probas)
    if seen.any():
        of_seen = [proba[seen] for proba in probas]
        chance[seen] = _chance_of_seen(of_seen, pool[seen], codes[seen], across)
    return chance


def _seen(probas: Sequence[Array]) -> NDArray[np.bool_]:
    sums = np.stack([row_sums(proba) for proba in probas])
    seen: NDArray[np.bool_] = np.isfinite(sums).all(axis=0)
    return seen


def _chance_of_seen(
    probas: Sequence[Array], pool: Array, codes: Array, across: float
) -> NDArray[np.float64]:
    rows = np.arange(len(codes))
    rates = wrong_rates(pool, codes)
    joint = pooled(probas, codes, rates) * rates[:, codes].T
    right = joint[rows, codes]
    joint[rows, codes] = 0.0
    wrong = row_sums(joint)
    bayes = wrong / (wrong + right)
    support = pool[rows, codes]
    if are_near_misses(pool, codes):
        others = pool.copy()
        others[rows, codes] = -np.inf
        support = support - others.max(axis=1)
    of_label, of_all = np.empty(len(codes)), np.empty(len(codes))
    # Rows by label, then by support; and by label, then by chance: those of one label
    # stand in the same places.
    of_label[np.lexsort((support, codes))] = bayes[np.lexsort((-bayes, codes))]
    if not across:
        return of_label
    of_all[np.argsort(support, kind="stable")] = -np.sort(-bayes)
    odds = special.logit(np.clip([of_label, of_all], FLOOR, 1 - FLOOR))
    chance: NDArray[np.float64] = special.expit([1 - across, across] @ odds)
    return chance


def label_quality(mean_proba: Array, codes: Array) -> NDArray[np.float64]:
    """One minus the chance that each label is wrong, by one map with folds.

    Parameters
    ----------
    mean_proba : ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
        Out-of-fold mean probabilities.
    codes : ndarray of int of shape (n_samples,), or of bool (n_samples, n_labels)
        Column of each row's own label; multilabel: whether each label is set.

    Returns
    -------
    ndarray of float64, shape of codes, in [0, 1]
    """
    pool = opinion([mean_proba], codes)
    return 1.0 - chance_wrong([mean_proba], pool, codes)
