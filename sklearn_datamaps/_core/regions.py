"""The region rule: which rows are easy, ambiguous, hard.

A row is *ambiguous* when its mean margin is within one standard deviation (and at
least 0.2) of the decision boundary; otherwise it is *easy* above it and *hard* below.
"""

from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sklearn_datamaps._core.arrays import Array

REGIONS = ("easy", "ambiguous", "hard")
UNSEEN = "unseen"
BAND = 0.1  # least half-width of the ambiguous band, in units of confidence
N_STD = 1.0  # standard deviations of the margin that are ambiguous, too
# A row on the boundary is ambiguous in whatever order its epochs came: sums of the same
# numbers in another order differ by a few units in the last place.
ROUNDING = 16 * np.finfo(np.float64).eps
ALIASES = {"easy-to-learn": "easy", "hard-to-learn": "hard"}


def check_region(region: str) -> str:
    """Return the region's own name, from it or an alias.

    Parameters
    ----------
    region : str
        ``"easy"``, ``"ambiguous"``, ``"hard"``, ``"easy-to-learn"`` or
        ``"hard-to-learn"``.

    Returns
    -------
    str
        One of ``REGIONS``.

    Raises
    ------
    ValueError
        If there is no such region.
    """
    name = ALIASES.get(region, region) if isinstance(region, str) else region
    if name not in REGIONS:
        raise ValueError(
            f"There is no region {region!r}. Choose one of "
            f"{', '.join(map(repr, (*REGIONS, *ALIASES)))}."
        )
    return name


def check_rule(band: float, n_std: float) -> None:
    """Raise ValueError unless both parameters of the rule are finite and >= 0."""
    for name, value in (("band", band), ("n_std", n_std)):
        if not (isinstance(value, Real) and np.isfinite(value) and value >= 0):
            raise ValueError(f"{name} must be a number >= 0; got {value!r}.")


def region_codes(
    margin: NDArray[Any],
    margin_std: NDArray[Any],
    *,
    band: float = BAND,
    n_std: float = N_STD,
) -> NDArray[np.int8]:
    """Region of every row.

    With two classes the margin is ``2 p - 1`` and the rule reads
    ``|confidence - 0.5| <= max(band, n_std * variability)``.

    Parameters
    ----------
    margin, margin_std : ndarray
        Mean and standard deviation over epochs of the own probability less the
        largest other one.
    band : float, default=0.1
        Half-width of the ambiguous band in units of confidence (0.2 of margin).
    n_std : float, default=1.0
        How many standard deviations of the margin are ambiguous, too.

    Returns
    -------
    ndarray of int8, shape of margin
        Positions in ``REGIONS``; 3 where the margin is NaN (row never recorded). A
        row on the boundary, up to 3.6e-15 of margin, is ambiguous.

    Raises
    ------
    ValueError
        If band or n_std is negative or not finite.
    """
    check_rule(band, n_std)
    codes = np.full(margin.shape, len(REGIONS), dtype=np.int8)
    codes[margin > 0] = 0
    codes[margin < 0] = 2
    reach = np.maximum(2 * band, n_std * margin_std) + ROUNDING
    codes[np.abs(margin) <= reach] = 1
    # band = n_std = 0 and a margin of exactly 0: on the boundary, hence ambiguous,
    # which the comparison above already says.
    return codes


def region_names(codes: NDArray[np.int8]) -> NDArray[np.str_]:
    """Names of region codes, as an array of str of the same shape."""
    return np.array((*REGIONS, UNSEEN))[codes]


def boundary_lines(band: float, n_std: float) -> Array:
    """Corners (v, c) of the upper and lower boundary, of shape (n_lines, n, 2).

    They end on ``v = sqrt(c (1 - c))``, the circle of radius 0.5 round (0, 0.5).
    """
    if band >= 0.5:
        return np.empty((0, 2, 2))
    end = 0.5 / np.hypot(1, n_std)
    if n_std * end > band:
        v = np.unique([0, band / n_std, end])
    else:
        v = np.array([0, np.sqrt(0.25 - band**2)])
    half_width = np.maximum(band, n_std * v)
    return np.stack([np.stack([v, 0.5 + s * half_width], axis=1) for s in (1, -1)])
