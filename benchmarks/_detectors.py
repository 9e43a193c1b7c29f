"""Scores of all rows by which wrong labels are looked for; low is suspicious."""

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from cleanlab.rank import get_label_quality_scores
from doubtlab.ensemble import DoubtEnsemble
from doubtlab.reason import (
    CleanlabReason,
    ProbaReason,
    ShortConfidenceReason,
    WrongPredictionReason,
)
from numpy.typing import NDArray
from sklearn.model_selection import cross_val_predict
from sklearn.utils import check_random_state

from benchmarks._label_sets import LabelSet
from sklearn_datamaps import DataMap, DataMapClassifier, audit_labels
from sklearn_datamaps._core.labels import encode_labels
from sklearn_datamaps._curation.candidates import (
    Runner,
    candidate_probas,
    is_of_two,
    score_of,
    scores_of,
)

Array = NDArray[Any]
Scored = Iterator[tuple[str, str, Array]]
N_EPOCHS = 10
N_REPEATS = 5
MEASURES = ("confidence", "margin", "logit_margin", "plausibility")
CLEANLAB = ("self_confidence", "normalized_margin")


def record(
    data: LabelSet, given: Array, cv: int | None, seed: int, **params: Any
) -> DataMapClassifier:
    """Fit a data map."""
    clf = DataMapClassifier(
        data.learner(),
        n_epochs=N_EPOCHS,
        cv=cv,
        measures=["mean_proba"],
        random_state=seed,
        **params,
    )
    return clf.fit(data.X, given)


def converged(data: LabelSet, given: Array, seed: int) -> Array:
    """Probabilities that cleanlab wants: five folds, fitted to convergence."""
    model = data.learner(max_iter=1000, random_state=seed)
    with warnings.catch_warnings():
        # A class of fewer rows than folds is missing in one: its probability is 0.
        warnings.filterwarnings("ignore", "Number of classes in training fold")
        warnings.filterwarnings("ignore", "The least populated class in y")
        return cross_val_predict(model, data.X, given, cv=5, method="predict_proba")


def maps_and_others(data: LabelSet, given: Array, seed: int) -> Scored:
    """Score the rows in every way but that of the audit.

    Parameters
    ----------
    data : LabelSet
        The rows.
    given : ndarray of int of shape (n_samples,)
        Their labels, wrong ones among them.
    seed : int
        Of training, and of what is left to chance.

    Yields
    ------
    recorder : str
        What was trained.
    score : str
        How its probabilities become one number a row.
    values : ndarray of shape (n_samples,)
        Low values are suspicious.
    """
    repeats = [
        record(data, given, 2, seed + 1000 * run, store_trajectories=not run)
        for run in range(N_REPEATS)
    ]
    in_sample, out_of_fold = repeats[0].in_sample_map_, repeats[0].data_map_
    five_folds = record(data, given, 5, seed).data_map_
    repeated = [clf.data_map_ for clf in repeats]
    recorders = {
        "in-sample": [in_sample],
        "2 folds": [out_of_fold],
        "5 folds": [five_folds],
        "in-sample + 2 folds": [in_sample, out_of_fold],
        "5 x 2 folds": repeated,
        # Half of the weight to each kind.
        "5 x 2 + 5 folds": [*repeated, *[five_folds] * N_REPEATS],
    }
    for name, maps in recorders.items():
        for measure in MEASURES:
            yield name, measure, mean_of(maps, measure)
    yield from trusted(repeated)
    yield "last epoch", "confidence", in_sample.trajectories[-1]
    yield from cleanlab(data, given, seed)
    yield "doubtlab", "reasons", -n_reasons(data, given, seed)
    yield "random", "random", np.random.default_rng((seed, 2)).random(len(given))


def recommended(data: LabelSet, given: Array, seed: int) -> Scored:
    """Score the rows as the README recommends, and by cleanlab; all from the same runs.

    Parameters
    ----------
    data, given, seed
        As in :func:`maps_and_others`.

    Yields
    ------
    recorder, score, values
        As in :func:`maps_and_others`.
    """
    repeats = [record(data, given, 2, seed + 1000 * run) for run in range(N_REPEATS)]
    repeated = [clf.data_map_ for clf in repeats]
    for measure in MEASURES:
        yield "5 x 2 folds", measure, mean_of(repeated, measure)
    yield from trusted(repeated)
    yield from cleanlab(data, given, seed)


def trusted(maps: list[DataMap]) -> Scored:
    """Score the rows by the trust of averaged maps."""
    yield "5 x 2 folds", "label_trust", DataMap.average(maps).measure("label_trust")


def cleanlab(data: LabelSet, given: Array, seed: int) -> Scored:
    """Score the rows in the two ways of cleanlab."""
    proba = converged(data, given, seed)
    for method in CLEANLAB:
        yield "cleanlab", method, get_label_quality_scores(given, proba, method=method)


def mean_of(maps: list[DataMap], measure: str) -> Array:
    """Mean of a measure over maps, as in ``DataMap.average``.

    That one refuses to mix in-sample and out-of-fold maps, which have other measures.
    """
    return np.mean([one.measure(measure) for one in maps], axis=0)


def n_reasons(data: LabelSet, given: Array, seed: int) -> Array:
    """How many of doubtlab's reasons speak against a row, by a model of all rows."""
    model = data.learner(random_state=seed).fit(data.X, given)
    ensemble = DoubtEnsemble(
        proba=ProbaReason(model),
        wrong_prediction=WrongPredictionReason(model),
        short_confidence=ShortConfidenceReason(model),
        cleanlab=CleanlabReason(model),
    )
    return ensemble.get_predicates(data.X, given).sum(axis=1).sort_index().to_numpy()


def audited(data: LabelSet, given: Array, seed: int) -> Scored:
    """Score the rows as ``audit_labels`` chooses, and by all that it chose from.

    Parameters
    ----------
    data, given, seed
        As in :func:`maps_and_others`.

    Yields
    ------
    recorder, score, values
        As in :func:`maps_and_others`.
    """
    audit = audit_labels(data.learner(), data.X, given, random_state=seed)
    yield "audit", "choice", audit.data_map.measure("label_quality")
    # The same runs again, to know in hindsight which candidate was best.
    labels = encode_labels(given)
    seeds = check_random_state(seed).randint(2**31 - 1, size=audit.n_repeats)
    runner = Runner(
        DataMapClassifier(data.learner()),
        labels,
        seeds.tolist(),
        {},
        n_jobs=None,
        verbose=0,
    )
    runs = runner.run(data.X, [given] * len(seeds), keep=False, what="")
    of_two = is_of_two(labels.codes, len(labels.classes))
    for (weights, recorder), probas in candidate_probas(runs).items():
        proba = np.mean(probas, axis=0)
        for score in scores_of(recorder, of_two=of_two):
            values = score_of(score, proba, labels.codes, near_misses=audit.near_misses)
            yield f"audit: {recorder}, weights {weights}", score, values


PARTS: dict[str, Callable[[LabelSet, Array, int], Scored]] = {
    "maps": maps_and_others,
    "audit": audited,
    "recommended": recommended,
}


def timed(data: LabelSet, given: Array) -> dict[str, Callable[[], Any]]:
    """Fits to compare in time; the first is what the others are divided by."""

    def plain() -> Any:
        return data.learner(random_state=0).fit(data.X, given)

    return {
        "plain fit": plain,
        "in-sample": lambda: record(data, given, None, 0),
        "2 folds": lambda: record(data, given, 2, 0),
        "5 folds": lambda: record(data, given, 5, 0),
        "5 x 2 folds": lambda: [record(data, given, 2, s) for s in range(N_REPEATS)],
        "cleanlab": lambda: converged(data, given, 0),
    }


def epochs_trained(data: LabelSet, given: Array) -> dict[str, float]:
    """Rows trained on for every row there is.

    ``DataMapClassifier(cv=...)`` trains ``estimator_``, too; it is counted.
    """
    n_plain = data.learner(random_state=0).fit(data.X, given).n_iter_
    return {
        "plain fit": n_plain,
        "in-sample": N_EPOCHS,
        "2 folds": 2 * N_EPOCHS,
        "5 folds": 5 * N_EPOCHS,
        "5 x 2 folds": 2 * N_EPOCHS * N_REPEATS,
        # Each of five folds is as many epochs as the plain fit, about.
        "cleanlab": 4 * n_plain,
    }
