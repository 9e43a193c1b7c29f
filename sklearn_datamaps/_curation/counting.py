"""How many labels are wrong, or why that cannot be said."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special, stats

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.quality import anchored, questions

# Chosen on four sets, and tried on others: see count_wrong.
LEARNS, RIGHT = 0.55, 0.5
FIRMLY = -0.2  # the boundary of the hard region where rows hardly vary
SUREST, SURER = 0.15, 0.5  # shares of the rows predicted as each class
FLAT, CONTRADICTED = 0.8, 0.2
LOW, HIGH = 0.7, 1.5
LEAST_CHANCE = 1e-9


@dataclass(frozen=True)
class Count:
    """Number of labels that contradict the rest of the data, or none.

    Attributes
    ----------
    estimate : float or None
        Of the labels.
    interval : (float, float) or None
        Where the truth should lie.
    reason : str
        Why there is no number; empty where there is one.
    """

    estimate: float | None
    interval: tuple[float, float] | None
    reason: str = ""


@dataclass
class _Facts:
    """What is added up over the labels of a multilabel target."""

    auroc: float
    right: float
    against: float  # labels with a negative margin
    both: float  # firmly contradicted by both witnesses, who agree on another label
    surest: float  # contradicted among the surest rows, scaled up to all
    surer: float  # and among the surer half


def count_wrong(model: Array, witness: Array, pool: Array, codes: Array) -> Count:
    """Estimate how many labels contradict the rest of the data.

    Random errors are contradicted where models are surest about as often as where they
    are less sure. Errors that follow a rule on the features are learned, and the surest
    rows then agree with their labels, as they do where none is wrong: those two cannot
    be told apart, and no number is given. Nor is one where classes are not learned.
    Otherwise it is the geometric mean of two: the labels that model and witness firmly
    contradict with the same other label, and those that the surest 15 % of the rows
    predicted as each class contradict, scaled up to all.

    Parameters
    ----------
    model, witness : ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
        Probabilities by a model and by a witness that have not seen the row's label.
    pool : ndarray of the same shape
        Of both, from :func:`sklearn_datamaps._core.quality.opinion`.
    codes : ndarray of int of shape (n_samples,), or of bool (n_samples, n_labels)
        Column of each row's own label; multilabel: whether each label is set.

    Notes
    -----
    The rule is ours. Its bounds were chosen on twelve data sets with planted errors and
    one with real ones; ``benchmarks/audit`` tries it on others.
    """
    seen = np.isfinite(model).all(axis=1)
    probas, codes = [p[seen] for p in (model, witness, pool)], codes[seen]
    each = questions(probas, codes) if codes.ndim == 2 else [(probas, codes)]
    facts = [_facts_of(of_label, own) for of_label, own in each]
    learned = [one.auroc for one in facts if np.isfinite(one.auroc)]
    auroc = float(np.mean(learned)) if learned else 0.5
    right = float(np.mean([one.right for one in facts]))
    against, both, surest, surer = (
        sum(getattr(one, name) for one in facts)
        for name in ("against", "both", "surest", "surer")
    )
    if auroc < LEARNS:
        return _none(
            f"on rows it has not seen the learner tells the classes with an area under "
            f"the ROC curve of {auroc:.2f} (0.5 is chance); try another learner or "
            f"other features"
        )
    if right < RIGHT:
        return _none(
            f"the learner is right on {right:.0%} of the rows it has not seen, too few "
            f"to tell wrong labels from hard ones"
        )
    at_most = surest + np.sqrt(surest / SUREST)  # one standard error more
    if not surer or at_most < FLAT * surer or surest < CONTRADICTED * against:
        return _none(
            "where the models are surest they hardly contradict a label: few are "
            "wrong, or the errors follow a rule that models learn, and these two look "
            "the same"
        )
    estimate = float(np.sqrt(both * surest))
    return Count(estimate, (LOW * estimate, max(float(against), HIGH * estimate)))


def _none(reason: str) -> Count:
    return Count(None, None, reason)


def _facts_of(probas: list[Array], codes: Array) -> _Facts:
    model, witness, pool = probas
    rows = np.arange(len(codes))
    others = np.array(model, dtype=np.float64)
    others[rows, codes] = -np.inf
    margin = model[rows, codes] - others.max(axis=1)
    predicted = model.argmax(axis=1)
    agreed = predicted == witness.argmax(axis=1)
    size = np.bincount(pool.argmax(axis=1), minlength=pool.shape[1])

    def contradicted(share: float) -> float:
        counts = anchored(pool, codes, share)
        n_surest = np.maximum(counts.sum(axis=1), 1)
        return float(size @ (1 - np.diag(counts) / n_surest))

    return _Facts(
        auroc=_auroc(pool, codes),
        right=float((predicted == codes).mean()),
        against=float((margin < 0).sum()),
        both=float(((margin < FIRMLY) & agreed).sum()),
        surest=contradicted(SUREST),
        surer=contradicted(SURER),
    )


def _auroc(proba: Array, codes: Array) -> float:
    """Mean area under the ROC curve of one class against the others."""
    present = np.unique(codes)
    if len(present) < 2:
        return float("nan")
    areas = []
    for k in present:
        is_k = codes == k
        n_k, n_others = is_k.sum(), (~is_k).sum()
        ranks = stats.rankdata(proba[:, k])[is_k].sum()
        areas.append((ranks - n_k * (n_k + 1) / 2) / (n_k * n_others))
    return float(np.mean(areas))


def scaled(chance: NDArray[np.float64], total: float | None) -> NDArray[np.float64]:
    """Chances with the odds of all multiplied alike, so that they add up to a number.

    Parameters
    ----------
    chance : ndarray
        Chance that each label is wrong; NaN: unknown.
    total : float or None
        What they shall add up to. None: they are left as they are.

    Returns
    -------
    ndarray of float64, shape of chance
    """
    if total is None:
        return chance
    known = np.isfinite(chance)
    logits = special.logit(np.clip(chance[known], LEAST_CHANCE, 1 - LEAST_CHANCE))
    wanted = min(max(total, LEAST_CHANCE), 0.99 * len(logits))
    shift = optimize.brentq(
        lambda at: special.expit(logits + at).sum() - wanted, -60.0, 60.0
    )
    shifted = chance.copy()
    shifted[known] = special.expit(logits + shift)
    return shifted
