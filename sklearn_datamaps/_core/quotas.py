"""Which rows to keep: pure functions over orders of rows and their classes."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_datamaps._core.arrays import Rows


def quotas(sizes: NDArray[Any], total: int, minimum: int = 0) -> NDArray[np.int64]:
    """Share a number of rows out to classes in proportion to their sizes.

    By largest remainder (Hamilton), in whole numbers throughout; of equal remainders
    the earlier class has it. A class whose share is below the minimum gets the
    minimum (or all of its rows, if it has fewer), and the others share the rest.

    Parameters
    ----------
    sizes : ndarray of int of shape (n_classes,)
        Rows of each class.
    total : int
        Rows to share out: at most the sum of sizes, and at least that of the minima.
    minimum : int, default=0
        Fewest rows of a class.

    Returns
    -------
    ndarray of int64 of shape (n_classes,)
        Their sum is total, and none exceeds its size.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_datamaps._core.quotas import quotas
    >>> quotas(np.array([70, 27, 3]), 10)
    array([7, 3, 0])
    >>> quotas(np.array([70, 27, 3]), 10, minimum=1)
    array([6, 3, 1])
    """
    sizes = np.asarray(sizes, dtype=np.int64)
    least = np.minimum(sizes, minimum)
    shared: NDArray[np.int64] = least.copy()
    free = np.ones(len(sizes), dtype=bool)
    while True:
        left, of = total - least[~free].sum(), max(1, sizes[free].sum())
        short = free & (left * sizes < least * of)
        if not short.any():
            break
        free &= ~short
    shared[free], remainder = np.divmod(left * sizes[free], of)
    at = np.flatnonzero(free)[np.argsort(-remainder, kind="stable")]
    shared[at[: total - shared.sum()]] += 1
    return shared


def place_in_class(codes: NDArray[Any]) -> NDArray[np.int64]:
    """How many earlier entries have the same code, for every entry.

    Parameters
    ----------
    codes : ndarray of int of shape (n,)
        Classes of rows, in the order in which they are taken.

    Returns
    -------
    ndarray of int64 of shape (n,)
    """
    places = pd.Series(codes).groupby(codes).cumcount()
    return np.asarray(places, dtype=np.int64)


def choose(
    order: Rows,
    easiest: Rows,
    codes: NDArray[Any],
    size: int,
    n_easy: int = 0,
    *,
    minimum: int = 0,
    stratify: bool = False,
) -> Rows:
    """Take rows from the front of an order, and some from the easiest of the others.

    Parameters
    ----------
    order : ndarray of int of shape (n,)
        Rows that may be taken, the most wanted first.
    easiest : ndarray of int of shape (n,)
        The same rows, the easiest first.
    codes : ndarray of int of shape (n_samples,)
        Class of every row.
    size : int
        How many rows to take; enough for the minimum of every class.
    n_easy : int, default=0
        How many of them come from the easiest; fewer, without stratify, where the
        minimum of every class needs more than the others.
    minimum : int, default=0
        Fewest rows of a class; of a class with fewer, all.
    stratify : bool, default=False
        Whether the classes have quotas in proportion to their sizes in order.

    Returns
    -------
    ndarray of int of shape (size,)
        Different rows, sorted.
    """
    sizes = np.bincount(codes[order])
    place = place_in_class(codes[order])
    if stratify:
        of_class = quotas(sizes, size, minimum)
        of_easy = quotas(of_class, n_easy)
        taken = order[place < (of_class - of_easy)[codes[order]]]
    else:
        reserved = place < minimum
        first = order[np.argsort(~reserved, kind="stable")]
        taken = first[: max(size - n_easy, int(reserved.sum()))]
    others = np.ones(len(codes), dtype=bool)
    others[taken] = False
    rest = easiest[others[easiest]]
    if stratify:
        easy = rest[place_in_class(codes[rest]) < of_easy[codes[rest]]]
    else:
        easy = rest[: size - len(taken)]
    return np.sort(np.concatenate([taken, easy]))


def fill_up(
    mask: NDArray[np.bool_], nearest: Rows, codes: NDArray[Any], minimum: int
) -> Rows:
    """Rows of a mask, and for classes with too few in it their nearest others.

    Parameters
    ----------
    mask : ndarray of bool of shape (n_samples,)
        Rows that are taken in any case.
    nearest : ndarray of int of shape (n,)
        Rows that may be added, the best first.
    codes : ndarray of int of shape (n_samples,)
        Class of every row.
    minimum : int
        Fewest rows of a class; of a class with fewer, all.

    Returns
    -------
    ndarray of int
        Different rows, sorted.
    """
    rows = np.concatenate([np.flatnonzero(mask), nearest[~mask[nearest]]])
    return np.sort(rows[mask[rows] | (place_in_class(codes[rows]) < minimum)])
