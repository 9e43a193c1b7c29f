"""Shares of wrong labels by rank, as decisions move them: in Python and in the page."""

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


class Posterior:
    """Shares of wrong labels in bins of the ranks, given decisions.

    In each bin the share has a beta distribution: before any decision its mean is that
    of the chances, moved by how many wrong labels were found for every one expected so
    far, and it is worth few labels; the decisions are then added. The page works out
    the same means (``progress.js``).

    Parameters
    ----------
    chance : ndarray of shape (n_labels,)
        Chance that each label is wrong, by rank, the most suspicious first.
    read, found : ndarray of bool of shape (n_labels,)
        Which labels were decided on, and which of them are wrong.
    """

    def __init__(self, chance: Array, read: Array, found: Array) -> None:
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

    def _sums(self, values: Array) -> Array:
        sums: Array = np.bincount(self.bin, weights=values)
        return sums

    def chance(self) -> Array:
        """Probability that each label is wrong."""
        mean = (self.a / (self.a + self.b))[self.bin]
        of_bin = (self._sums(self.moved) / self.size)[self.bin]
        chance: Array = np.minimum(self.moved * mean / of_bin, 1.0)
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
        low, high = np.quantile(totals, [0.05, 0.95])
        mean = (n_labels * self.a / (self.a + self.b)).sum()
        return float(mean), (float(low), float(high))
