"""Known wrong labels like those that a data set seems to have."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sklearn_datamaps._core.arrays import Array

# Rows are matched by margin up to this (a standard deviation), so that repeats differ.
BLUR = 0.03
MOST = 0.3  # share of all labels that may count as suspicious
MOST_OF_CLASS = 0.5  # share of a class that may be flipped


@dataclass(frozen=True)
class Flips:
    """Labels of which some are wrong, and are known to be.

    Attributes
    ----------
    codes : ndarray, shape and dtype of the codes that were given
        The labels with the flips in them.
    doubles, slips : ndarray of bool, shape of codes
        Which were flipped, and how.
    """

    codes: Array
    doubles: NDArray[np.bool_]
    slips: NDArray[np.bool_]

    @property
    def unflipped(self) -> NDArray[np.bool_]:
        """What was not flipped."""
        return ~(self.doubles | self.slips)


def plant_flips(
    codes: Array,
    mean_proba: Array,
    margin: Array,
    n_suspicious: int,
    slip_fraction: float,
    rng: np.random.Generator,
) -> Flips:
    """Give every suspicious label a double that is known to be wrong.

    The labels of lowest margin are taken to be wrong, and are replaced by their most
    probable other label. Each then gets a *double*: a row of the replaced label, about
    as sure, that is flipped to the label that was suspicious. The labels now have about
    as many wrong ones as before, between the same classes and as near the boundary,
    but known. *Slips* come on top: a small share of every class at random, every other
    label as likely; no class gains more than twice the share it loses.

    Parameters
    ----------
    codes : ndarray of int of shape (n_samples,), or of bool (n_samples, n_labels)
        The labels; in a multilabel target every label is a problem of its own.
    mean_proba : ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
        Out-of-fold probabilities.
    margin : ndarray, shape of codes
        By which labels are suspected.
    n_suspicious : int
        How many to suspect; at most 30 % of all are.
    slip_fraction : float in [0, 0.5)
        Share of the rows of every class that become slips.
    rng : numpy.random.Generator
        Draws the flips.

    Returns
    -------
    Flips

    References
    ----------
    A resampling of the noise itself, in the spirit of the bootstrap (Efron, 1979);
    planted flips are those of Swayamdipta et al., arXiv:2009.10795, section 5.
    """
    n_suspicious = min(n_suspicious, int(MOST * codes.size))
    flat = np.zeros(codes.size, dtype=bool)
    flat[np.argsort(margin, axis=None, kind="stable")[:n_suspicious]] = True
    suspicious = flat.reshape(codes.shape)
    if codes.ndim == 1:
        return _plant(codes, mean_proba, suspicious, slip_fraction, rng)
    columns = []
    for column, proba, of_column in zip(
        codes.T, mean_proba.T, suspicious.T, strict=True
    ):
        both = np.column_stack([1.0 - proba, proba])
        in_column = column.astype(np.intp)
        columns.append(_plant(in_column, both, of_column, slip_fraction, rng))
    return Flips(
        np.column_stack([flips.codes for flips in columns]).astype(codes.dtype),
        np.column_stack([flips.doubles for flips in columns]),
        np.column_stack([flips.slips for flips in columns]),
    )


def _plant(
    codes: Array,
    proba: Array,
    suspicious: NDArray[np.bool_],
    slip_fraction: float,
    rng: np.random.Generator,
) -> Flips:
    replaced = np.where(suspicious, largest_other(proba, codes)[0], codes)
    flipped = replaced.copy()
    rival = largest_other(proba, replaced)[1]
    margin = proba[np.arange(len(codes)), replaced] - rival
    doubles = np.zeros(len(codes), dtype=bool)
    for code in np.unique(replaced[suspicious]).tolist():
        of_code = replaced == code
        originals = np.flatnonzero(of_code & suspicious)
        pool = np.flatnonzero(of_code & ~suspicious & (margin > 0))
        originals, chosen = _matched(margin, originals, pool, rng)
        flipped[chosen] = codes[originals]
        doubles[chosen] = True
    slips = _draw_slips(flipped, replaced, doubles, slip_fraction, rng)
    return Flips(flipped, doubles, slips)


def largest_other(proba: Array, codes: Array) -> tuple[Array, Array]:
    """Most probable class but the own for every row, and its probability.

    Parameters
    ----------
    proba : ndarray of shape (n_samples, n_classes)
        Probabilities.
    codes : ndarray of int of shape (n_samples,)
        Column of each row's own label.

    Returns
    -------
    largest, probability : ndarray of shape (n_samples,)
    """
    rows = np.arange(len(codes))
    others = np.array(proba, dtype=np.float64)
    others[rows, codes] = -np.inf
    largest = others.argmax(axis=1)
    return largest, others[rows, largest]


def _matched(
    margin: Array, originals: Array, pool: Array, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Pair rows with different ones of a pool that have about the same margin."""
    most = int(MOST_OF_CLASS * len(pool))
    if len(originals) > most:
        originals = rng.choice(originals, most, replace=False)
    wanted = margin[originals] + rng.normal(0, BLUR, len(originals))
    originals = originals[np.argsort(wanted)]
    pool = pool[np.argsort(margin[pool] + rng.normal(0, BLUR, len(pool)))]
    number = np.arange(len(originals))
    place = np.searchsorted(margin[pool], np.sort(wanted))
    # The next place that is free, and as far from the end as all that follow need.
    place = np.maximum.accumulate(place - number) + number
    place = np.minimum(place, len(pool) - len(originals) + number)
    return originals, pool[place]


def _draw_slips(
    flipped: Array,
    replaced: Array,
    doubles: NDArray[np.bool_],
    fraction: float,
    rng: np.random.Generator,
) -> NDArray[np.bool_]:
    """Flip some rows at random, in place; return which."""
    n_rows = np.bincount(replaced)
    present = np.flatnonzero(n_rows)
    slips = np.zeros(len(replaced), dtype=bool)
    if len(present) < 2:  # a label that is set in no row, or in all
        return slips
    step = rng.integers(1, len(present), size=len(replaced))
    place = np.searchsorted(present, replaced)
    other = present[(place + step) % len(present)]
    gained = np.zeros(len(n_rows), dtype=np.intp)
    lost = _rounded(fraction * n_rows, rng)
    may_gain = np.maximum(_rounded(2 * fraction * n_rows, rng), 1)
    for code in rng.permutation(present).tolist():
        rows = rng.permutation(np.flatnonzero((replaced == code) & ~doubles))
        # Half of the class stays, doubles counted.
        left = int(MOST_OF_CLASS * n_rows[code]) - int(doubles[replaced == code].sum())
        rows = rows[: max(min(lost[code], left), 0)]
        for new in np.unique(other[rows]).tolist():
            taken = rows[other[rows] == new][: max(may_gain[new] - gained[new], 0)]
            gained[new] += len(taken)
            flipped[taken] = new
            slips[taken] = True
    return slips


def _rounded(numbers: Array, rng: np.random.Generator) -> Array:
    """Round up with the chance of what is behind the point: right in the mean."""
    return np.floor(numbers + rng.random(len(numbers))).astype(np.intp)
