"""How far a map can be trusted to find wrong labels, and which map is best for it."""

from dataclasses import replace
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state

from sklearn_datamaps._core import quality as quality_module
from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.labels import EncodedLabels, encode_labels, index_of
from sklearn_datamaps._curation.audit import LabelAudit
from sklearn_datamaps._curation.candidates import (
    AS_GIVEN,
    AVERAGED,
    Run,
    Runner,
    candidate_probas,
    judge,
    score_of,
)
from sklearn_datamaps._curation.estimate import (
    best_threshold,
    chance_wrong,
    count_wrong,
)
from sklearn_datamaps._curation.flips import Flips, plant_flips
from sklearn_datamaps._data_map import DataMap
from sklearn_datamaps._learners import registry
from sklearn_datamaps._training.classifier import DataMapClassifier

FEWEST_FLIPS = 10
# Labels below this mean margin are suspected: with a milder cut, what is merely hard
# for a weak learner would be taken for wrong, and its doubles decide.
SURELY = -0.5


def audit_labels(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    flip_fraction: float = 0.05,
    n_repeats: int = 3,
    n_jobs: int | None = None,
    random_state: Any = None,
    verbose: int = 0,
    **fit_params: Any,
) -> LabelAudit:
    """Find out how well maps find wrong labels in this data set, and use the best.

    Candidate maps are recorded: in-sample, out-of-fold, the average of both, and both
    side by side; with and without balanced class weights, and the average of these.
    Suspicious labels are then replaced, and as many known wrong ones planted that are
    like them: between the same classes, as near the boundary. They tell how well each
    candidate finds wrong labels. The one that is best for the kind of label in doubt
    (see Notes) ranks the labels as they were given. No label is changed.

    Parameters
    ----------
    estimator : estimator
        A classifier as for :class:`~sklearn_datamaps.DataMapClassifier`, one of those
        (its parameters are used, ``cv`` too), or a Pipeline that ends in either; its
        transformers are fitted once, on all rows as they are. Nothing is modified.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The features; for a Pipeline, what it takes. Texts are carried along.
    y : array-like of shape (n_samples,), or (n_samples, n_labels)
        Labels of any kind, or a 0/1 indicator for multilabel.
    flip_fraction : float in (0, 0.3), default=0.05
        Least share of the labels that get a known wrong double; half as many wrong
        labels are added at random.
    n_repeats : int, default=3
        How often, with other seeds. Scores are averages over the repeats, which are
        much better than one run.
    n_jobs : int, default=None
        Processes over the runs; the result is the same for every number.
    random_state : int, RandomState instance or None, default=None
        Seeds flips, folds and training. Pass an int for the same audit bit for bit.
    verbose : int, default=0
        1: a progress bar over the runs.
    **fit_params : dict
        Further arguments of ``DataMapClassifier.fit``, such as ``sample_weight``.

    Returns
    -------
    LabelAudit

    Raises
    ------
    TypeError
        If the estimator cannot be mapped.
    ValueError
        If a parameter is out of range, data are bad, or too few rows can be flipped.

    See Also
    --------
    DataMap.review : Lists rows to decide on, without an audit.

    Notes
    -----
    With two folds (the default) an audit costs about ``5 * n_repeats`` times a fit, and
    twice that where there are class weights to compare (three times if the learner's
    own are neither balanced nor none). The mean probabilities of all runs are kept
    until the end: memory grows as ``n_samples * n_classes`` times the runs.

    Of more than two classes, labels are ranked by the measure ``"label_trust"`` of the
    learner as given, which depends on whether the labels in doubt are near misses: a
    person takes a label for its neighbour, a slip gives any. Of two classes, and in
    multilabel targets, all maps are averaged and ranked by plausibility. Another
    candidate is chosen if its average precision is better by more than 0.1 both on
    wrong labels like the suspicious ones and on random ones, but not where labels are
    near misses, which nothing planted is like. In trials the planted labels were a
    poor guide to the best candidate; what is preferred was chosen on one seed of the
    data sets of ``benchmarks/detection``.

    All figures hold if wrong labels are like the suspicious ones, and the average
    precision is too good where many rows are hard, not wrong. No one can know before
    reading some; :meth:`LabelAudit.update` then takes the decisions in.

    References
    ----------
    Swayamdipta et al., Dataset Cartography, EMNLP 2020, arXiv:2009.10795, section 5.
    Garg et al., Mixture Proportion Estimation and PU Learning, NeurIPS 2021,
    arXiv:2111.00980, for the lower end of the estimate.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import SGDClassifier
    >>> from sklearn.preprocessing import scale
    >>> from sklearn_datamaps import audit_labels
    >>> X, y = load_iris(return_X_y=True)
    >>> y = np.where(np.arange(150) % 30 == 0, (y + 1) % 3, y)  # five wrong labels
    >>> sgd = SGDClassifier(loss="log_loss")
    >>> audit = audit_labels(sgd, scale(X), y, flip_fraction=0.1, random_state=0)
    >>> audit.can_tell
    True
    >>> found = audit.to_frame(n=5)
    >>> bool((found["position"] % 30 == 0).sum() >= 4)
    True
    """
    _check_parameters(flip_fraction, n_repeats)
    classifier, X, text = _unwrapped(estimator, X, y)
    labels = encode_labels(y)
    seeds = check_random_state(random_state).randint(2**31 - 1, size=n_repeats)
    runner = Runner(
        classifier,
        labels,
        seeds.tolist(),
        fit_params,
        n_jobs=n_jobs,
        verbose=verbose,
    )
    given = runner.run(X, [y] * n_repeats, keep=True, what="labels as given")
    flips = _plant(given, labels, flip_fraction, seeds)
    planted = runner.run(
        X, [_values(labels, of_repeat) for of_repeat in flips], keep=False, what="flips"
    )
    flipped_probas = candidate_probas(planted)
    given_probas = candidate_probas(given)
    near_misses = quality_module.are_near_misses(
        np.mean(given_probas[AS_GIVEN, "out-of-fold"], axis=0), labels.codes
    )
    candidates = judge(flipped_probas, flips, near_misses=near_misses)
    weights = str(candidates["weights"].iloc[0])
    map_weights = AS_GIVEN if weights == AVERAGED else weights
    data_map = DataMap.average(
        run.data_map for run in given[map_weights] if run.data_map
    )
    data_map = replace(data_map, index=index_of(data_map.n_samples, y, X))
    if text is not None:
        data_map = data_map.with_columns(text=text)
    return _audit(
        candidates,
        data_map,
        labels.codes,
        given_probas,
        flipped_probas,
        flips,
        np.random.default_rng(seeds),
        near_misses=near_misses,
    )


def _check_parameters(flip_fraction: Any, n_repeats: Any) -> None:
    number = isinstance(flip_fraction, Real) and not isinstance(flip_fraction, bool)
    if not (number and 0 < flip_fraction < 0.3):
        raise ValueError(
            f"flip_fraction must be a number between 0 and 0.3; got {flip_fraction!r}."
        )
    whole = isinstance(n_repeats, Integral) and not isinstance(n_repeats, bool)
    if not (whole and n_repeats >= 1):
        raise ValueError(f"n_repeats must be an integer >= 1; got {n_repeats!r}.")


def _unwrapped(estimator: Any, X: Any, y: Any) -> tuple[DataMapClassifier, Any, Any]:
    """Classifier, features, and the texts they were made of, if they were."""
    text = None
    if isinstance(estimator, Pipeline):
        steps = estimator[:-1]
        estimator = estimator[-1]
        if len(steps):
            _refuse_unmappable(estimator)
            text = X if _is_text(X) else None
            X = clone(steps).fit_transform(X, y)
    if not isinstance(estimator, DataMapClassifier):
        estimator = DataMapClassifier(estimator)
    _refuse_unmappable(estimator)
    return estimator, X, text


def _refuse_unmappable(estimator: Any) -> None:
    """Raise before any work what a fit would raise."""
    method = "auto"
    if isinstance(estimator, DataMapClassifier):
        method, estimator = estimator.response_method, estimator.estimator
    registry.checked_learner(estimator).check_response(method)


def _is_text(X: Any) -> bool:
    values = np.asarray(X, dtype=object) if not hasattr(X, "shape") else X
    if getattr(values, "ndim", 0) != 1 or not len(values):
        return False
    return isinstance(next(iter(values)), str)


def _plant(
    given: dict[str, list[Run]],
    labels: EncodedLabels,
    flip_fraction: float,
    seeds: Array,
) -> list[Flips]:
    """Known wrong labels like the suspicious ones, anew for every repeat."""
    runs = [run for repeats in given.values() for run in repeats]
    average = np.mean([run.proba["average"] for run in runs], axis=0)
    margin = score_of("margin", average, labels.codes)
    mean_proba = np.mean([run.proba["out-of-fold"] for run in runs], axis=0)
    fewest = round(flip_fraction * margin.size)
    n_suspicious = max(fewest, int((margin < SURELY).sum()))
    flips = [
        plant_flips(
            labels.codes,
            mean_proba,
            margin,
            n_suspicious,
            flip_fraction / 2,
            np.random.default_rng(seed),
        )
        for seed in seeds
    ]
    n_doubles = [int(planted.doubles.sum()) for planted in flips]
    if sum(n_doubles) < FEWEST_FLIPS or min(n_doubles) == 0:
        raise ValueError(
            f"flip_fraction={flip_fraction} of {margin.size:,} labels gives "
            f"{sum(n_doubles)} known wrong ones in {len(flips)} repeats, too few to "
            f"judge a map by. Raise flip_fraction or n_repeats."
        )
    return flips


def _values(labels: EncodedLabels, flips: Flips) -> Array:
    """Labels with the flips in them, as a fit takes them."""
    values = replace(labels, codes=flips.codes).values()
    return values.astype(np.int8) if labels.multilabel else values


def _audit(
    candidates: pd.DataFrame,
    data_map: DataMap,
    codes: Array,
    given: dict[tuple[str, str], list[Any]],
    planted: dict[tuple[str, str], list[Any]],
    flips: list[Flips],
    rng: np.random.Generator,
    *,
    near_misses: bool,
) -> LabelAudit:
    name = candidates[["weights", "recorder", "score"]].iloc[0]
    weights, recorder, score = name.astype(str)

    def of_flips(score: str, recorder: str, kind: str) -> Array:
        pairs = zip(planted[weights, recorder], flips, strict=True)
        return np.concatenate(
            [
                score_of(score, p, at.codes, near_misses=near_misses)[getattr(at, kind)]
                for p, at in pairs
            ]
        )

    average = given[weights, "average"]
    single = [score_of("margin", proba, codes).ravel() for proba in average]
    count = count_wrong(
        score_of("margin", np.mean(average, axis=0), codes).ravel(),
        single=np.concatenate(single),
        slips=of_flips("margin", "average", "slips"),
        doubles=of_flips("margin", "average", "doubles"),
        rng=rng,
    )
    proba = np.mean(given[weights, recorder], axis=0)
    quality = score_of(score, proba, codes, near_misses=near_misses)
    chance = chance_wrong(
        quality.ravel(),
        unflipped=of_flips(score, recorder, "unflipped"),
        flipped=of_flips(score, recorder, "doubles"),
        n_wrong=count.estimate,
    )
    return LabelAudit(
        candidates=candidates,
        data_map=replace(
            data_map, measures={**data_map.measures, "label_quality": quality}
        ),
        threshold=best_threshold(quality.ravel(), chance),
        chance=chance.reshape(quality.shape),
        n_wrong=count.estimate,
        n_wrong_interval=(count.low, count.high),
        n_flips=sum(int(of_repeat.doubles.sum()) for of_repeat in flips),
        n_repeats=len(flips),
        learner_auroc=_learner_auroc(data_map),
        near_misses=near_misses,
    )


def _learner_auroc(data_map: DataMap) -> float:
    proba = data_map.measures["mean_proba"]
    codes = data_map.label_codes()
    if not data_map.multilabel:
        codes = codes[:, None] == np.arange(proba.shape[1])
    areas = [
        roc_auc_score(is_set, of_class)
        for is_set, of_class in zip(codes.T, proba.T, strict=True)
        if is_set.any() and not is_set.all()
    ]
    return float(np.mean(areas))
