"""Words that several error messages share."""

import inspect
from collections.abc import Iterable
from numbers import Integral
from typing import Any
from warnings import warn

# What stands between the line of a user and ours: fit is wrapped by scikit-learn.
INNER = ("sklearn_datamaps", "sklearn", "joblib")


def quoted(values: Iterable[Any], most: int = 10) -> str:
    """Name the first of some values, and say how many more there are.

    Parameters
    ----------
    values : iterable
        Labels, names of columns, ids; numbers of NumPy are shown as plain ones.
    most : int, default=10
        How many to name.

    Examples
    --------
    >>> from sklearn_datamaps._core.messages import quoted
    >>> quoted(["joy", "grief", "pride"], most=2)
    "'joy', 'grief' and 1 more"
    """
    plain = [value.item() if hasattr(value, "item") else value for value in values]
    more = f" and {len(plain) - most:,} more" if len(plain) > most else ""
    return ", ".join(map(repr, plain[:most])) + more


def check_whole(name: str, value: Any, least: int = 1) -> None:
    """Refuse what is no whole number, or too small.

    Parameters
    ----------
    name : str
        Of the argument.
    value : Any
        What the user gave.
    least : int, default=1
        The least value allowed.

    Raises
    ------
    ValueError
        Naming the value. True and False are no numbers.
    """
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    if not (whole and value >= least):
        raise ValueError(f"{name} must be an integer >= {least}; got {value!r}.")


def warn_caller(message: str) -> None:
    """Warn at the line outside the library that called it, however deep this is."""
    level, frame = 1, inspect.currentframe()
    while frame is not None and (frame := frame.f_back) is not None:
        level += 1
        if frame.f_globals.get("__name__", "").split(".")[0] not in INNER:
            break
    warn(message, stacklevel=level)
