"""A fresh seed for every epoch, batch and member, set in every random part."""

from typing import Any

import numpy as np

from sklearn_datamaps._learners import sklearn_compat


def derive_seed(*entropy: int) -> int:
    """One seed in [0, 2**32) from a base seed and counters (epoch, batch, member)."""
    return int(np.random.SeedSequence(entropy).generate_state(1)[0])


class Seeds:
    """Sets a fresh seed in every random part of a learner before every call.

    With an integer ``random_state``, SGD and MLP replay one and the same row order
    at every ``partial_fit``; then variability measures almost nothing.

    Parameters
    ----------
    member : estimator
        The learner, untrained.
    base : int
        The base seed.
    number : int
        Position of the learner among its siblings.
    """

    def __init__(self, member: Any, base: int, number: int) -> None:
        self.base, self.number = base, number
        self.original = _random_states(member)
        # Looking for nested parameters takes a tenth of a millisecond, in every call.
        self.is_flat = not any("__" in key for key in self.original)

    def set(self, member: Any, epoch: int, batch: int) -> int:
        """Seed the learner for one call; fitted members get seeds of their own.

        Parameters
        ----------
        member : estimator
            The learner.
        epoch, batch : int
            Which call.

        Returns
        -------
        int
            The seed it was given.
        """
        fitted = sklearn_compat.members_of(member)
        seed = derive_seed(self.base, epoch, batch, self.number)
        if self.is_flat and not fitted:
            for name in self.original:
                setattr(member, name, seed)
            return seed
        for key, (owner, name) in _random_state_owners(member).items():
            # Nested parameters of a fitted wrapper are those of the next clone.
            if not (fitted and "__" in key):
                setattr(owner, name, seed)
        for position, inner in enumerate(fitted):
            own = derive_seed(self.base, epoch, batch, self.number, position)
            for owner, name in _random_state_owners(inner).values():
                setattr(owner, name, own)
        return seed

    def restore(self, member: Any) -> None:
        """Give the learner and its fitted members the user's values back."""
        fitted = sklearn_compat.members_of(member)
        if self.is_flat and not fitted:
            for name, value in self.original.items():
                setattr(member, name, value)
            return
        for key, (owner, name) in _random_state_owners(member).items():
            setattr(owner, name, self.original.get(key))
        for inner in fitted:
            for key, (owner, name) in _random_state_owners(inner).items():
                nested = (v for k, v in self.original.items() if k.endswith(f"__{key}"))
                setattr(owner, name, next(nested, None))


def _random_state_owners(member: Any) -> dict[str, tuple[Any, str]]:
    """Every nested parameter that ends in random_state, with the object it is on."""
    if not hasattr(member, "get_params"):
        return {}
    params = member.get_params(deep=True)
    owners = {}
    for key in params:
        prefix, _, name = key.rpartition("__")
        owner = params[prefix] if prefix else member
        # skorch names parameters of its module, which is no estimator yet.
        if name.endswith("random_state") and hasattr(owner, name):
            owners[key] = (owner, name)
    return owners


def _random_states(member: Any) -> dict[str, Any]:
    return {
        key: getattr(owner, name)
        for key, (owner, name) in _random_state_owners(member).items()
    }
