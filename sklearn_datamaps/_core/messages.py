"""Words that several error messages share."""

from collections.abc import Iterable
from typing import Any


def quoted(values: Iterable[Any], most: int = 10) -> str:
    """Name the first of some values, and say how many more there are.

    Parameters
    ----------
    values : iterable
        Labels, names of columns, ids; numbers of NumPy are shown as plain ones.
    most : int, default=10
        How many to name.

    Returns
    -------
    str

    Examples
    --------
    >>> from sklearn_datamaps._core.messages import quoted
    >>> quoted(["joy", "grief", "pride"], most=2)
    "'joy', 'grief' and 1 more"
    """
    plain = [value.item() if hasattr(value, "item") else value for value in values]
    more = f" and {len(plain) - most:,} more" if len(plain) > most else ""
    return ", ".join(map(repr, plain[:most])) + more
