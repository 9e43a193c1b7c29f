"""The map in a fitted classifier, or in what holds one."""

from typing import Any, TypeVar

import numpy as np

from sklearn_datamaps._core.base_map import BaseDataMap

M = TypeVar("M", bound=BaseDataMap)

# Where meta-estimators keep what they fitted: one, or several.
_ONE_INSIDE = ("best_estimator_", "estimator_", "final_estimator_")
_LISTS = "estimators_ or calibrated_classifiers_"


def map_of(kind: type[M], estimator: Any) -> M:
    """Find the map in a fitted estimator; see :meth:`DataMap.from_estimator`."""
    found = _maps_in(kind, estimator)
    if len(found) > 1:
        raise ValueError(
            f"There are {len(found)} data maps in {type(estimator).__name__}, which "
            f"fitted as many classifiers. Pass the one that you mean, out of its "
            f"{_LISTS} (a CalibratedClassifierCV fits one alone with ensemble=False)."
        )
    if not found:
        raise ValueError(
            f"There is no data map in {type(estimator).__name__}. Pass a fitted "
            f"DataMapClassifier, or a fitted Pipeline or search with one as its last "
            f"step (a search needs refit=True). What other libraries wrapped, take "
            f"out first."
        )
    return found[0]


def _maps_in(kind: type[M], estimator: Any) -> list[M]:
    """Different maps of an estimator, or of the fitted estimators inside it."""
    found = getattr(estimator, "data_map_", None)
    if isinstance(found, kind):
        return [found]
    for _, step in reversed(getattr(estimator, "steps", None) or []):
        of_step = _maps_in(kind, step)
        if of_step:  # the last one counts: a sampler before it has a map, too
            return of_step
    inside = [getattr(estimator, name, None) for name in _ONE_INSIDE]
    calibrated = getattr(estimator, "calibrated_classifiers_", ())
    inside.extend(fitted.estimator for fitted in calibrated)
    members = np.asarray(getattr(estimator, "estimators_", ()), dtype=object)
    inside.extend(members.ravel().tolist())
    maps = [m for inner in inside if inner is not None for m in _maps_in(kind, inner)]
    return list({id(m): m for m in maps}.values())
