"""How many threads the libraries below a learner use."""

import contextlib
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from threadpoolctl import ThreadpoolController

from sklearn_datamaps._learners.learner import Learner

# Of this process: who uses the limits, and what takes them back.
_lock, _limits = threading.Lock(), contextlib.ExitStack()
_n_users = 0


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
        """Use as many, while this or another thread of the process asks for it.

        The limits are those of the whole process: the first sets them, the last to
        leave takes them back.
        """
        global _n_users
        with _lock:
            if _n_users == 0:
                _limits.enter_context(_libraries().limit(limits=self.blas))
                _limits.enter_context(_torch_threads(self.torch))
            _n_users += 1
        try:
            yield
        finally:
            with _lock:
                _n_users -= 1
                if _n_users == 0:
                    _limits.close()


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
