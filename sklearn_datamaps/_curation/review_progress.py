"""What the decisions of a review say about the labels that nobody has read yet."""

from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize, special

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._curation.apply_review import decided_cells
from sklearn_datamaps._data_map import DataMap

N_DRAWS = 2000
N_BINS = 64  # of labels, by the logarithm of their rank
# How far the audit's log-odds may be off: everywhere by as much as its interval says,
# but never less than this; and from rank to rank, where ranks that differ by a factor
# of e ** LENGTH have little to do with each other.
LEAST_SPREAD = 0.5
LOCAL_SPREAD = 1.5
LENGTH = 2.0
Z_90 = 1.6448536269514722  # half-width of a 90 % interval, in standard deviations


@dataclass(frozen=True)
class ReviewProgress:
    """Where a review stands; see :meth:`LabelAudit.update`.

    Attributes
    ----------
    n_reviewed, n_found : int
        Labels decided on, and how many of them were wrong.
    remaining : float
        Wrong labels estimated to be among those not read.
    remaining_interval : tuple of float
        90 % interval of it.
    n_next : int
        How many labels would be read next, in order of their quality.
    next_found : float
        Wrong ones to expect among them.
    next_interval : tuple of float
        90 % interval of it.
    stop : bool
        Whether fewer than the share ``worth`` of the next labels should be wrong.
    worth : float
        That share.
    chance : ndarray, shape of the labels
        Updated probability that each label is wrong; 0 or 1 where decided.
    """

    n_reviewed: int
    n_found: int
    remaining: float
    remaining_interval: tuple[float, float]
    n_next: int
    next_found: float
    next_interval: tuple[float, float]
    stop: bool
    worth: float
    chance: NDArray[np.float64]

    def summary(self) -> str:
        """Say it in plain words.

        Returns
        -------
        str
        """
        left, next_ = self.remaining_interval, self.next_interval
        lines = [
            f"Reviewed {self.n_reviewed:,}, wrong {self.n_found:,} "
            f"({self.n_found / self.n_reviewed:.0%})",
            f"estimated left: {self.remaining:,.0f} wrong labels (90 % interval "
            f"{left[0]:,.0f} to {left[1]:,.0f})",
        ]
        if not self.n_next:
            return "\n".join([*lines, "Every label has been read."])
        lines.append(
            f"the next {self.n_next:,} should hold {self.next_found:,.0f} "
            f"({next_[0]:,.0f} to {next_[1]:,.0f})"
        )
        advice = (
            f"Stop: fewer than {self.worth:.0%} of the next ones should be wrong."
            if self.stop
            else f"Go on: {self.worth:.0%} or more of the next ones should be wrong."
        )
        return "\n".join([*lines, advice])

    def __str__(self) -> str:
        return self.summary()


def review_progress(
    data_map: DataMap,
    chance: Array,
    n_wrong_interval: tuple[float, float],
    review: Any,
    *,
    n_next: int = 100,
    worth: float = 0.05,
) -> ReviewProgress:
    """Update the audit's probabilities by decisions; see :meth:`LabelAudit.update`.

    The audit's log-odds that a label is wrong are corrected by a Gaussian process over
    the logarithm of the rank: near the decisions they follow these, far from them they
    return to the audit's. Intervals are from draws of the posterior (Laplace's
    approximation) and of the labels given it.

    Parameters
    ----------
    data_map : DataMap
        The map with its label quality.
    chance : ndarray, shape of the map's arrays
        Probability that each label is wrong, as the audit estimated it.
    n_wrong_interval : (float, float)
        The audit's 90 % interval of their number.
    review : DataFrame, str or path
        The review with its decisions.
    n_next : int, default=100
        How many labels would be read next.
    worth : float, default=0.05
        Share of wrong ones among them below which reading is not worth it.

    Returns
    -------
    ReviewProgress

    Raises
    ------
    ValueError
        If the review is of other data or has no decision, or n_next or worth is out
        of range.

    References
    ----------
    Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006, chapter 3.
    """
    _check(n_next, worth)
    decided, wrong = _decisions(data_map, review)
    shape, chance = chance.shape, chance.ravel()
    quality = data_map.measure("label_quality").ravel()
    read = np.zeros(len(chance), dtype=bool)
    read[decided] = True
    found = np.zeros(len(chance), dtype=bool)
    found[decided] = wrong
    order = np.argsort(quality, kind="stable")
    posterior = _Posterior(
        chance[order], read[order], found[order], _prior_spread(n_wrong_interval)
    )
    unread = np.flatnonzero(~read[order])
    rng = np.random.default_rng(len(decided))
    remaining, of_remaining = posterior.total(unread, rng)
    upcoming, of_upcoming = posterior.total(unread[:n_next], rng)
    updated = np.empty(len(chance))
    updated[order] = posterior.chance()
    updated[read] = found[read]
    n_next = min(int(n_next), len(unread))
    return ReviewProgress(
        n_reviewed=len(decided),
        n_found=int(found.sum()),
        remaining=remaining,
        remaining_interval=of_remaining,
        n_next=n_next,
        next_found=upcoming,
        next_interval=of_upcoming,
        stop=upcoming < worth * n_next or not n_next,
        worth=float(worth),
        chance=updated.reshape(shape),
    )


def _check(n_next: Any, worth: Any) -> None:
    whole = isinstance(n_next, Integral) and not isinstance(n_next, bool)
    if not (whole and n_next >= 1):
        raise ValueError(f"n_next must be an integer >= 1; got {n_next!r}.")
    if not (isinstance(worth, float | int) and 0 < worth < 1):
        raise ValueError(f"worth must be a number between 0 and 1; got {worth!r}.")


def _decisions(data_map: DataMap, review: Any) -> tuple[Array, Array]:
    """Flat positions of the labels decided on, and whether they were wrong."""
    y: Any = data_map.label
    if data_map.multilabel:
        y = pd.DataFrame(y.astype(np.int8), columns=data_map.classes)
    text = data_map.columns.get("text")
    frame, cells, _ = decided_cells(y, review, text, index=data_map.index)
    if not cells:
        raise ValueError(
            "The review has no decision yet. Write keep, relabel or drop in its column "
            "decision."
        )
    at = np.ravel_multi_index(tuple(np.array(cells).T), data_map.confidence.shape)
    return at, (frame["decision"] != "keep").to_numpy(dtype=bool)


def _prior_spread(n_wrong_interval: tuple[float, float]) -> float:
    low, high = (max(end, 0.5) for end in n_wrong_interval)
    return max(float(np.log(high / low)) / (2 * Z_90), LEAST_SPREAD)


class _Posterior:
    """Log-odds of labels in the order of their ranks, given decisions.

    Labels of nearly the same log rank are one bin: what is solved and drawn is of the
    size of the bins, not of the labels.
    """

    def __init__(self, chance: Array, read: Array, found: Array, spread: float) -> None:
        self.logits = special.logit(np.clip(chance, 0.1 / len(chance), 0.99))
        at = np.log(np.arange(1, len(chance) + 1))
        edges = np.linspace(0, at[-1], N_BINS + 1)[1:-1]
        self.bin = np.unique(np.searchsorted(edges, at), return_inverse=True)[1]
        centers = self._sums(at) / self._sums(np.ones(len(at)))
        near = np.exp(-np.abs(centers[:, None] - centers) / LENGTH)
        covariance = LOCAL_SPREAD**2 * near + spread**2
        self._solve(np.linalg.inv(covariance), self._sums(read), self._sums(found))

    def _sums(self, values: Array) -> Array:
        sums: Array = np.bincount(self.bin, weights=values)
        return sums

    def _solve(self, precision: Array, n_read: Array, n_found: Array) -> None:
        offset = self._sums(self.logits) / self._sums(np.ones(len(self.bin)))

        def loss(shift: Array) -> tuple[float, Array]:
            logits = offset + shift
            value = n_read @ np.logaddexp(0, logits) - n_found @ logits
            pull = precision @ shift
            gradient = n_read * special.expit(logits) - n_found + pull
            return float(value + shift @ pull / 2), gradient

        def curvature(shift: Array) -> Array:
            p = special.expit(offset + shift)
            curved: Array = np.diag(n_read * p * (1 - p)) + precision
            return curved

        start = np.zeros(len(precision))
        solved = optimize.minimize(
            loss, start, jac=True, hess=curvature, method="trust-exact"
        )
        self.shift = solved.x
        self.covariance = np.linalg.inv(curvature(self.shift))

    def chance(self) -> Array:
        """Probability that each label is wrong."""
        chance: Array = special.expit(self.logits + self.shift[self.bin])
        return chance

    def total(
        self, rows: Array, rng: np.random.Generator
    ) -> tuple[float, tuple[float, float]]:
        """Mean number of wrong labels among some, and its 90 % interval."""
        if not len(rows):
            return 0.0, (0.0, 0.0)
        n_labels = np.bincount(self.bin[rows], minlength=len(self.shift))
        sums = np.bincount(
            self.bin[rows], weights=self.logits[rows], minlength=len(self.shift)
        )
        drawn = rng.multivariate_normal(self.shift, self.covariance, size=N_DRAWS)
        p = special.expit(sums / np.maximum(n_labels, 1) + drawn)
        totals = rng.binomial(n_labels, p).sum(axis=1)
        low, high = np.quantile(totals, [0.05, 0.95])
        return float((n_labels * p).sum(axis=1).mean()), (float(low), float(high))
