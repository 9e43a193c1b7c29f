"""Where users find a class: what pickles and reprs say instead of its file."""

from collections.abc import Callable
from typing import TypeVar

C = TypeVar("C", bound=type)


def found_in(module: str) -> Callable[[C], C]:
    """Have a class name the module that users import it from as its home.

    A pickle then outlives a move of the file, and a traceback or ``repr`` shows the
    name that can be imported. NumPy and pandas do the same. The price: doctest and
    ``inspect.getsource`` look for the class in that module. The tests collect the
    examples of these classes themselves; the source of each method is still found.

    Parameters
    ----------
    module : str
        ``"sklearn_datamaps"`` or a public module in it, which has the class.

    Returns
    -------
    callable
        Decorator of the class.
    """

    def decorate(cls: C) -> C:
        cls.__module__ = module
        return cls

    return decorate
