"""How many threads the libraries below a learner use."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController

from sklearn_datamaps._learners import skorch


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
    def here(cls, learner: Any) -> "Threads":
        """Return the threads that this process uses for a learner."""
        pools = _libraries().info()
        blas = max((pool["num_threads"] for pool in pools), default=None)
        return cls(blas, skorch.n_threads(learner))

    @contextlib.contextmanager
    def use(self) -> Iterator[None]:
        """Use as many, for a while."""
        with (
            _libraries().limit(limits=self.blas),
            skorch.threads(self.torch),
        ):
            yield
