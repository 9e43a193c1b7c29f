"""What a sampler keeps or drops: some regions, or a fraction along a measure."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sklearn_datamaps._core import regions as regions_module
from sklearn_datamaps._core.arrays import Rows
from sklearn_datamaps._core.base_map import selection_size
from sklearn_datamaps._core.quotas import choose, fill_up
from sklearn_datamaps._core.registry import ranking
from sklearn_datamaps._data_map import DataMap

# The subset of the paper, where nothing else is asked for.
MEASURE, FRACTION = "variability", 1 / 3
OF_A_MEASURE = {
    "fraction": None,
    "ascending": None,
    "easy_fraction": 0,
    "stratify": False,
}


@dataclass(frozen=True)
class Rule:
    """What to keep or drop, and how; see :class:`~sklearn_datamaps.DataMapSampler`.

    Attributes
    ----------
    drop : bool
        Whether the regions or the fraction are dropped, not kept.
    min_per_class : int
        Fewest rows to keep of a class.
    regions : frozenset of str
        Their own names, not aliases; empty with a measure.
    measure : str or None
        None with regions.
    fraction, ascending, easy_fraction, stratify
        As in the sampler, for a measure.
    """

    drop: bool
    min_per_class: int
    regions: frozenset[str] = frozenset()
    measure: str | None = None
    fraction: float | None = None
    ascending: bool | None = None
    easy_fraction: float = 0.0
    stratify: bool = False

    @classmethod
    def of(cls, keep: Any, drop: Any, *, min_per_class: int, **how: Any) -> Self:
        """Rule of the sampler's parameters.

        Parameters
        ----------
        keep, drop : str or sequence of str, or None
            Regions or a measure.
        min_per_class : int
            Fewest rows to keep of a class.
        **how
            The parameters of a measure.

        Returns
        -------
        Rule

        Raises
        ------
        ValueError
            If they do not go together, or there is no such region or measure.
        """
        if keep is not None and drop is not None:
            raise ValueError(
                f"Give either keep or drop, not both; got keep={keep!r} and "
                f"drop={drop!r}."
            )
        dropped = drop is not None
        name, given = ("drop", drop) if dropped else ("keep", keep)
        if given is None:
            given = MEASURE
            how["fraction"] = FRACTION if how["fraction"] is None else how["fraction"]
        if not (isinstance(given, str) and given in ranking()):
            regions = _region_names(name, given)
            for parameter, unset in OF_A_MEASURE.items():
                if how[parameter] != unset:
                    raise ValueError(
                        f"{parameter} goes with a measure; got "
                        f"{parameter}={how[parameter]!r} with {name}={given!r}. For a "
                        f'part of the rows, set {name}="variability", say.'
                    )
            return cls(dropped, min_per_class, regions=regions)
        if how["fraction"] is None:
            raise ValueError(
                f"{name}={given!r} is a measure and needs the share of the rows to "
                f"{name}: set fraction, such as fraction=0.1."
            )
        if dropped and how["easy_fraction"]:
            raise ValueError(
                f"easy_fraction is a share of rows to keep along a measure; got "
                f"easy_fraction={how['easy_fraction']!r} with drop={given!r}."
            )
        return cls(dropped, min_per_class, measure=given, **how)

    def check_size(
        self, codes: NDArray[Any], eligible: NDArray[np.bool_] | None = None
    ) -> int | None:
        """Count the rows to keep along a measure; refuse what cannot be had.

        Parameters
        ----------
        codes : ndarray of int of shape (n_samples,)
            Class of every row.
        eligible : ndarray of bool of shape (n_samples,), default=None
            Rows that may be kept. None: all.

        Returns
        -------
        int
            None for regions, whose rows the map alone knows.

        Raises
        ------
        ValueError
            If no row is left, or there are too few rows.
        """
        if self.measure is None:
            return None
        n_samples = len(codes)
        eligible = np.ones(n_samples, dtype=bool) if eligible is None else eligible
        size = selection_size(n_samples, None, self.fraction)
        size = n_samples - size if self.drop else size
        if size == 0:
            raise ValueError(
                f"drop with fraction={self.fraction!r} leaves no row of "
                f"n_samples={n_samples}. Choose a smaller one."
            )
        if size > eligible.sum():
            raise ValueError(
                f"{size:,} rows are to be kept, but the map has recorded "
                f"{eligible.sum():,} of {n_samples:,}. Choose a smaller fraction."
            )
        least = np.minimum(np.bincount(codes[eligible]), self.min_per_class)
        if size < least.sum():
            raise ValueError(
                f"{size:,} rows are to be kept, but min_per_class={self.min_per_class} "
                f"needs {least.sum():,} for {np.count_nonzero(least)} classes. Keep "
                f"more rows, or set a smaller min_per_class."
            )
        return size

    def rows(self, data_map: DataMap, codes: NDArray[Any]) -> Rows:
        """Choose the rows to keep.

        Parameters
        ----------
        data_map : DataMap
            The map of all rows, one value each.
        codes : ndarray of int of shape (n_samples,)
            Class of every row.

        Returns
        -------
        ndarray of int
            Positions, ascending.

        Raises
        ------
        ValueError
            As :meth:`check_size`, of the rows that the map has recorded.
        """
        seen = ~np.isnan(data_map.confidence)
        # What was never recorded may stay where rows are dropped, else it may not.
        eligible = seen | self.drop
        size = self.check_size(codes, eligible)
        if self.measure is None or size is None:
            mask = np.isin(data_map.regions(), list(self.regions)) != self.drop
            nearest = self._nearest(data_map)
            return fill_up(mask, nearest[seen[nearest]], codes, self.min_per_class)
        order = data_map.rank(self.measure, ascending=self.ascending)
        easiest = data_map.rank("confidence", ascending=False)
        # A rank ends with the rows never recorded: backwards they are kept first.
        order = order[::-1] if self.drop else order[seen[order]]
        return choose(
            order,
            easiest[eligible[easiest]],
            codes,
            size,
            round(self.easy_fraction * size),
            minimum=self.min_per_class,
            stratify=self.stratify,
        )

    def _nearest(self, data_map: DataMap) -> Rows:
        """Rows by how near their margin is to the regions that are kept."""
        kept = self.regions ^ set(regions_module.REGIONS) if self.drop else self.regions
        toward = int("easy" in kept) - int("hard" in kept)
        if toward:
            return data_map.rank("margin", ascending=toward < 0)
        away = np.abs(data_map.margin)
        return np.argsort(-away if "easy" in kept else away, kind="stable")


def _region_names(name: str, given: Any) -> frozenset[str]:
    listed = [given] if isinstance(given, str) else given
    known = (*regions_module.REGIONS, *regions_module.ALIASES)
    try:
        regions = frozenset(regions_module.check_region(region) for region in listed)
    except (TypeError, ValueError):
        raise ValueError(
            f"{name} must be one region or several of {known}, or one measure of "
            f"{tuple(ranking())}; got {given!r}."
        ) from None
    if regions == (set(regions_module.REGIONS) if name == "drop" else set()):
        raise ValueError(f"{name}={given!r} leaves no row.")
    return regions
