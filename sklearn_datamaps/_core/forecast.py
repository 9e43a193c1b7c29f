"""Shares of wrong labels by rank, as decisions move them: in Python and in the page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from sklearn_datamaps._core.arrays import Array

N_NEXT, WORTH = 100, 0.05  # labels that would be read next; share worth reading them
FIRST_BIN, N_BINS = 20, 12  # ranks in the first bin; edges, by their logarithm
WORTH_ROWS = 4.0  # labels that the opinion before any decision counts for, in a bin
# Found for every one expected: how many of each are added, and by how much it may move
# the odds of what is not read yet.
PSEUDO, MOST_MOVED = 3.0, 20.0
N_DRAWS = 2000


def edges_of(n_labels: int) -> Array:
    """Last ranks of the bins: narrow ones first, where chances differ most."""
    edges: Array = np.unique(np.geomspace(FIRST_BIN, max(n_labels, 2), N_BINS))
    return edges


@dataclass(frozen=True)
class Stratum:
    """Labels of which some were drawn at random, and what was decided on these.

    Attributes
    ----------
    unread : ndarray of int
        Ranks of those not decided on.
    size : int
        How many labels it has.
    n_read, n_found : int
        Of those drawn: decided on, and wrong. At least one is decided on.
    n_known : int
        Wrong ones of all that are decided on, drawn or not.
    """

    unread: Array
    size: int
    n_read: int
    n_found: int
    n_known: int

    def left(self, share: Any) -> Any:
        """Wrong labels among the unread, if this share of all are wrong."""
        return np.clip(share * self.size - self.n_known, 0, len(self.unread))

    def unseen(self, share: Any, expected: float) -> Any:
        """Share of the unread labels held for right that are wrong nevertheless."""
        held = max(len(self.unread) - expected, 1e-9)
        return np.clip((self.left(share) - expected) / held, 0, 1)


class Posterior:
    """Shares of wrong labels in bins of the ranks, given decisions.

    In each bin the share has a beta distribution: before any decision its mean is that
    of the chances, moved by how many wrong labels were found for every one expected so
    far, and it is worth few labels; the decisions are then added. The page works out
    the same means (``progress.js``).

    Errors that follow a rule are not in these chances. Where rows at random show more
    wrong labels in their stratum than expected, so many of the labels held for right
    are taken for wrong, whatever their rank.

    Parameters
    ----------
    chance : ndarray of shape (n_labels,)
        Chance that each label is wrong, by rank, the most suspicious first.
    read, found : ndarray of bool of shape (n_labels,)
        Which labels were decided on, and which of them are wrong.
    strata : sequence of Stratum, default=()
        All labels by stratum, of a review with rows at random.
    """

    def __init__(
        self,
        chance: Array,
        read: Array,
        found: Array,
        strata: Sequence[Stratum] = (),
    ) -> None:
        ranks = np.arange(1, len(chance) + 1)
        places = np.searchsorted(edges_of(len(chance)), ranks)
        self.bin = np.unique(places, return_inverse=True)[1]
        self.size = self._sums(np.ones(len(chance)))
        n_read, n_found = self._sums(read), self._sums(found)
        expected = chance[read].sum()
        ratio = (n_found.sum() + PSEUDO) / (expected + PSEUDO)
        odds = np.log(np.clip(ratio, 1 / MOST_MOVED, MOST_MOVED))
        limits = 0.1 / len(chance), 0.99
        self.moved = special.expit(special.logit(np.clip(chance, *limits)) + odds)
        mean = self._sums(self.moved) / self.size
        self.a = WORTH_ROWS * mean + n_found
        self.b = WORTH_ROWS * (1 - mean) + n_read - n_found
        self.share = self.a / (self.a + self.b)
        self.strata = strata
        self.unseen = np.zeros(len(chance))
        for one in strata:
            share = one.n_found / one.n_read
            self.unseen[one.unread] = one.unseen(share, self._expected(one.unread))

    def _sums(self, values: Array) -> Array:
        sums: Array = np.bincount(self.bin, weights=values)
        return sums

    def _expected(self, rows: Array) -> float:
        return float(self.share[self.bin[rows]].sum())

    def chance(self) -> Array:
        """Probability that each label is wrong."""
        mean = self.share[self.bin]
        of_bin = (self._sums(self.moved) / self.size)[self.bin]
        chance: Array = np.minimum(self.moved * mean / of_bin, 1.0)
        chance += self.unseen * (1 - chance)
        return chance

    def total(
        self, rows: Array, rng: np.random.Generator
    ) -> tuple[float, tuple[float, float]]:
        """Mean number of wrong labels among some, and its 90 % interval."""
        if not len(rows):
            return 0.0, (0.0, 0.0)
        n_labels = np.bincount(self.bin[rows], minlength=len(self.size))
        shares = rng.beta(self.a, self.b, size=(N_DRAWS, len(self.size)))
        totals = rng.binomial(n_labels, shares).sum(axis=1)
        mean = (n_labels * self.a / (self.a + self.b)).sum()
        mean += (self.unseen[rows] * (1 - self.share[self.bin[rows]])).sum()
        for one in self.strata:
            among = np.intersect1d(rows, one.unread)
            held = round(len(among) - self._expected(among))
            share = rng.beta(
                one.n_found + 0.5, one.n_read - one.n_found + 0.5, size=N_DRAWS
            )
            unseen = one.unseen(share, self._expected(one.unread))
            totals = totals + rng.binomial(held, unseen)
        # What is held for right is a mean: one draw may count a label twice.
        totals = np.minimum(totals, len(rows))
        low, high = np.quantile(totals, [0.05, 0.95])
        return float(mean), (float(low), float(high))
