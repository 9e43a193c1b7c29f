"""What a run leaves behind, and what is told of it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import scipy
import sklearn

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.labels import EncodedLabels
from sklearn_datamaps._learners import sklearn_compat
from sklearn_datamaps._training.recipe import Recipe
from sklearn_datamaps._training.record import Record


@dataclass(frozen=True)
class Fitted:
    """What a run leaves behind, wherever it ran.

    Attributes
    ----------
    estimator : estimator
        The trained estimator; it works without the map.
    classes : ndarray of shape (n_classes,) or (n_labels,)
        The labels; multilabel: their names.
    totals : ndarray of shape (n_epochs, 3)
        As in ``Record``.
    meta : dict
        Facts about the run, for the map.
    """

    estimator: Any
    classes: Array
    totals: Array
    meta: dict[str, Any]


def finish(
    recipe: Recipe, labels: EncodedLabels, record: Record, members: list[Any]
) -> Fitted:
    """Sum up a run over all rows.

    Parameters
    ----------
    recipe : Recipe
        How it was trained.
    labels : EncodedLabels
        The labels; of their codes only the number of dimensions is looked at.
    record : Record
        What was recorded.
    members : list of estimators
        The trained learners.
    """
    return Fitted(
        recipe.learner.assemble(members, labels),
        labels.classes,
        np.array(record.totals),
        meta_of(recipe, record),
    )


def meta_of(recipe: Recipe, record: Record) -> dict[str, Any]:
    """Facts about a run, for the ``meta`` of its map."""
    names = sklearn_compat.with_inner(recipe.learner.estimator)
    return {
        "learner": " of ".join(type(inner).__name__ for inner in names),
        "recording": "in-sample",
        "seed": record.seed,
        "batch_size": recipe.batch_size,
        "batch_order": recipe.batch_order,
        "response_method": recipe.response_method,
        "stages": None,
        "n_asked": None if recipe.learner.ends_itself else recipe.n_epochs,
        "accuracy": record.accuracy,
        **record.facts,
        "versions": {
            module.__name__: module.__version__ for module in (sklearn, np, scipy)
        },
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }
