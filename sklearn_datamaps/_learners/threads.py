"""How many threads the libraries below a learner use."""

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from threadpoolctl import ThreadpoolController

from sklearn_datamaps._learners.learner import Learner


@cache
def _libraries() -> ThreadpoolController:
    """Libraries of linear algebra in this process; finding them takes milliseconds."""
    return ThreadpoolController().select(user_api="blas")


@dataclass(frozen=True)
class Threads:
    """Numbers of threads; with another number sums round otherwise.

    Attributes
    ----------
    blas, torch : int or None
        Of linear algebra, and of torch. None: as they are.
    """

    blas: int | None = None
    torch: int | None = None

    @classmethod
    def here(cls, learner: Learner) -> "Threads":
        """Return the threads that this process uses for a learner."""
        pools = _libraries().info()
        blas = max((pool["num_threads"] for pool in pools), default=None)
        return cls(blas, learner.torch_threads)

    @contextlib.contextmanager
    def use(self) -> Iterator[None]:
        """Use as many, for a while."""
        with _libraries().limit(limits=self.blas), _torch_threads(self.torch):
            yield


@contextlib.contextmanager
def _torch_threads(number: int | None) -> Iterator[None]:
    """Have torch use a number of threads, then as many as before; None: no torch."""
    if number is None:
        yield
        return
    torch = sys.modules["torch"]
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
