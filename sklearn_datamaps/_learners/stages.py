"""Learners that build up in stages: after one fit, their probabilities stage by stage.

Boosting adds its trees one by one, so a fitted model holds all its earlier selves. An
epoch is then a stage: the model cut off after so many trees.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial, singledispatch
from itertools import pairwise
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import expit, softmax

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.public import found_in
from sklearn_datamaps._learners.blocks import row_block

N_CHECKED = 50  # rows in which added margins are compared with predict_proba
CHECKED_TO = 1e-5  # libraries add their margins in single precision

# Where scikit-learn and CatBoost say how many stages there are. Others are asked for
# those of a row of zeros, which need not be a row that a learner of categories knows.
STAGE_COUNTS = ("n_estimators_", "n_iter_", "tree_count_")

Probabilities = Callable[[Any, Sequence[int]], Iterator[Array]]


@found_in("sklearn_datamaps")
class Stages(NamedTuple):
    """The stages of a fitted learner.

    .. versionadded:: 0.1

    Parameters
    ----------
    n_stages : int
        How many it has, at least one.
    probabilities : callable
        From X and the numbers of some stages (from 1, ascending) to an iterator of
        their probabilities, of shape (n_samples, n_classes) in the order of the
        learner's ``classes_``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_datamaps import Stages
    >>> even = np.array([[0.5, 0.5]])
    >>> stages = Stages(3, lambda X, numbers: (even for _ in numbers))
    >>> len(list(stages.probabilities(np.zeros((1, 4)), [1, 3])))
    2
    """

    n_stages: int
    probabilities: Probabilities


@singledispatch
def stages_of(estimator: Any) -> Stages | None:
    """Stages of a fitted learner; register a function here for a learner of your own.

    Known are all learners with ``staged_predict_proba`` (gradient boosting and
    AdaBoost of scikit-learn, CatBoost) and the scikit-learn classes of XGBoost and
    LightGBM.

    .. versionadded:: 0.1

    Parameters
    ----------
    estimator : estimator
        The fitted learner.

    Returns
    -------
    Stages, or None if it has none

    Examples
    --------
    Three lines for a learner whose ``predict_proba`` takes a number of trees:

    >>> from sklearn_datamaps import Stages, stages_of
    >>> class Boost:
    ...     n_trees_ = 20
    ...     def predict_proba(self, X, n_trees): ...
    >>> @stages_of.register
    ... def _(estimator: Boost):
    ...     staged = lambda X, at: (estimator.predict_proba(X, n) for n in at)
    ...     return Stages(estimator.n_trees_, staged)
    >>> stages_of(Boost()).n_stages
    20
    """
    if hasattr(estimator, "staged_predict_proba"):
        return _of_staged_predict_proba(estimator)
    library = _library_stages(estimator)
    return None if library is None else library(estimator)


def has_stages(estimator: Any) -> bool:
    """Whether a learner, fitted or not, has stages to record."""
    return bool(
        is_registered(estimator)
        or hasattr(estimator, "staged_predict_proba")
        or _library_stages(estimator) is not None
    )


def is_registered(estimator: Any) -> bool:
    """Whether a user registered a function for learners of this class."""
    return stages_of.dispatch(type(estimator)) is not stages_of.dispatch(object)


def spread(n_stages: int, n_epochs: int) -> Array:
    """Numbers of the stages to record: evenly spaced, the last always among them.

    Parameters
    ----------
    n_stages : int
        How many there are.
    n_epochs : int
        How many to record, at most ``n_stages``.

    Returns
    -------
    ndarray of int of shape (n_epochs,)
        From 1, ascending.

    Examples
    --------
    >>> from sklearn_datamaps._learners.stages import spread
    >>> spread(100, 10)
    array([ 10,  20,  30,  40,  50,  60,  70,  80,  90, 100])
    >>> spread(5, 3)
    array([2, 4, 5])
    """
    numbers = np.arange(1, n_epochs + 1)
    return np.asarray(-(-numbers * n_stages // n_epochs))


def _of_staged_predict_proba(estimator: Any) -> Stages:
    def probabilities(X: Any, stages: Sequence[int]) -> Iterator[Array]:
        wanted = set(stages)
        staged = estimator.staged_predict_proba(X)
        for number, proba in enumerate(staged, start=1):
            if number in wanted:
                yield proba

    return Stages(_count_stages(estimator), probabilities)


def _count_stages(estimator: Any) -> int:
    for name in STAGE_COUNTS:
        count = getattr(estimator, name, None)
        if isinstance(count, Integral):
            return int(count)
    one_row: Any = np.zeros((1, estimator.n_features_in_))
    if hasattr(estimator, "feature_names_in_"):
        one_row = pd.DataFrame(one_row, columns=estimator.feature_names_in_)
    return sum(1 for _ in estimator.staged_predict_proba(one_row))


def _library_stages(estimator: Any) -> Callable[[Any], Stages] | None:
    """Adapter of a library that the user has loaded, which we never load."""
    xgboost, lightgbm = sys.modules.get("xgboost"), sys.modules.get("lightgbm")
    if xgboost is not None and isinstance(estimator, xgboost.XGBClassifier):
        # A linear booster has no trees to cut off.
        return None if estimator.booster == "gblinear" else _of_xgboost
    if lightgbm is not None and isinstance(estimator, lightgbm.LGBMClassifier):
        return _of_lightgbm
    return None


def _of_xgboost(estimator: Any) -> Stages:
    booster = estimator.get_booster()
    rounds = booster.num_boosted_rounds()
    if getattr(estimator, "early_stopping_rounds", None):
        rounds = estimator.best_iteration + 1

    def margins(X: Any, stages: Sequence[int]) -> Iterator[Array]:
        margin = None
        for start, stop in pairwise([0, *stages]):
            margin = booster.inplace_predict(
                X,
                iteration_range=(start, stop),
                predict_type="margin",
                missing=estimator.missing,
                base_margin=margin,
            )
            yield margin

    def from_the_start(X: Any, stages: Sequence[int]) -> Iterator[Array]:
        for stop in stages:
            yield estimator.predict_proba(X, iteration_range=(0, stop))

    return Stages(rounds, partial(_fastest, margins, from_the_start))


def _of_lightgbm(estimator: Any) -> Stages:
    booster = estimator.booster_
    # Fewer than asked for, if no split was left to make or it stopped early.
    rounds = booster.current_iteration()
    if (estimator.best_iteration_ or 0) > 0:
        rounds = estimator.best_iteration_

    def margins(X: Any, stages: Sequence[int]) -> Iterator[Array]:
        margin = 0.0
        for start, stop in pairwise([0, *stages]):
            margin = margin + booster.predict(
                X, raw_score=True, start_iteration=start, num_iteration=stop - start
            )
            yield margin

    def from_the_start(X: Any, stages: Sequence[int]) -> Iterator[Array]:
        # A num_iteration of 0 would be all trees; the first stage is 1.
        for stop in stages:
            yield estimator.predict_proba(X, num_iteration=stop)

    return Stages(rounds, partial(_fastest, margins, from_the_start))


def _fastest(
    margins: Probabilities,
    from_the_start: Probabilities,
    X: Any,
    stages: Sequence[int],
) -> Iterator[Array]:
    """Add up margins where that gives what the library predicts, else predict.

    From the start, k stages cost k (k + 1) / 2 times the trees of one. Margins do not
    add up to probabilities for averaged trees or objectives of one's own.
    """
    few = row_block(X, 0, min(N_CHECKED, X.shape[0]))
    last = [stages[0], stages[-1]]
    added = [_of_margin(margin) for margin in margins(few, last)]
    exact = list(from_the_start(few, last))
    same = all(
        a.shape == b.shape and np.allclose(a, b, rtol=0, atol=CHECKED_TO)
        for a, b in zip(added, exact, strict=True)
    )
    if not same:
        yield from from_the_start(X, stages)
        return
    for margin in margins(X, stages):
        yield _of_margin(margin)


def _of_margin(margin: Array) -> Array:
    margin = np.asarray(margin, dtype=np.float64)
    if margin.ndim == 1:
        return np.column_stack([expit(-margin), expit(margin)])
    # Along the first axis: NumPy is several times as fast over a few long rows.
    return np.asarray(softmax(np.ascontiguousarray(margin.T), axis=0).T)
