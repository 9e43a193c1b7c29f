"""Candidate maps of one data set: recorded from shared runs, judged by known flips."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.utils.parallel import Parallel, delayed

from sklearn_datamaps._core import measures, quality
from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.labels import EncodedLabels
from sklearn_datamaps._curation.flips import Flips
from sklearn_datamaps._data_map import DataMap
from sklearn_datamaps._learners import registry
from sklearn_datamaps._learners.threads import Threads
from sklearn_datamaps._training.classifier import DataMapClassifier

SCORES = ("confidence", "margin", "logit_margin", "plausibility")
RECORDERS = ("in-sample", "out-of-fold", "average")
AS_GIVEN, AVERAGED = "as given", "averaged"
# Out-of-fold and in-sample side by side, where there are more than two classes.
BOTH, TRUST = "both", "label_trust"
NAMES = {name: name.replace("_", " ") for name in (*SCORES, TRUST)}
# In trials these were best or near it most often; flips that are planted tell less
# than that, and only another candidate that finds many more of both kinds is chosen.
PREFERRED_OF_TWO = ("average", "plausibility")
CLEARLY_BETTER = 0.1
WANTED = ["average_precision", "ap_slips"]
BALANCED_ENOUGH = 1.5  # largest class over smallest: balanced weights change little


@dataclass(frozen=True)
class Run:
    """What is kept of one run.

    Attributes
    ----------
    proba : mapping of str to ndarray
        Mean probabilities of all classes, by recorder.
    data_map : DataMap or None
        The out-of-fold map, if it was to be kept.
    """

    proba: Mapping[str, Array]
    data_map: DataMap | None


class Runner:
    """Fits the same classifier with several weights and seeds.

    Parameters
    ----------
    classifier : DataMapClassifier
        What the user gave.
    labels : EncodedLabels
        The labels as given; their classes are the columns of every run.
    seeds : list of int
        One for each repeat.
    fit_params : mapping
        Arguments of ``fit``.
    n_jobs, verbose
        As in :func:`~sklearn_datamaps.audit_labels`.
    """

    def __init__(
        self,
        classifier: DataMapClassifier,
        labels: EncodedLabels,
        seeds: list[int],
        fit_params: Mapping[str, Any],
        *,
        n_jobs: int | None,
        verbose: int,
    ) -> None:
        self.classifier = _prepared(classifier)
        self.learners = dict(_weightings(self.classifier, labels.codes))
        self.classes = None if labels.multilabel else labels.classes
        self.seeds = seeds
        self.fit_params = fit_params
        self.n_jobs = n_jobs
        self.verbose = verbose

    def run(
        self, X: Any, labels: list[Any], *, keep: bool, what: str
    ) -> dict[str, list[Run]]:
        """Record maps of labels, one set of labels for each seed.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The features.
        labels : list of array-like
            As many as seeds.
        keep : bool
            Whether to keep the maps.
        what : str
            Shown beside the progress bar.

        Returns
        -------
        dict of str to list of Run
            By weights, in the order of the seeds.
        """
        threads = Threads.here(registry.learner_of(self.learners[AS_GIVEN]))
        jobs = [
            delayed(_run)(
                self._classifier(weights, seed),
                X,
                y,
                self.fit_params,
                classes=self.classes,
                keep=keep,
                threads=threads,
            )
            for weights in self.learners
            for seed, y in zip(self.seeds, labels, strict=True)
        ]
        results: Iterator[Run] = Parallel(n_jobs=self.n_jobs, return_as="generator")(
            jobs
        )
        if self.verbose:
            from tqdm import tqdm

            results = iter(tqdm(results, total=len(jobs), unit="map", desc=what))
        return {weights: [next(results) for _ in labels] for weights in self.learners}

    def _classifier(self, weights: str, seed: int) -> DataMapClassifier:
        classifier: DataMapClassifier = clone(self.classifier)
        return classifier.set_params(
            estimator=self.learners[weights], random_state=seed
        )


def _prepared(classifier: DataMapClassifier) -> DataMapClassifier:
    """Classifier that records what an audit needs, and nothing else."""
    cv = 2 if classifier.cv is None else classifier.cv
    if isinstance(cv, Iterable) and not hasattr(cv, "split"):
        cv = list(cv)  # a generator of splits would be empty after the first run
    needed = {
        "cv": cv,
        "measures": ("mean_proba",),
        "store_trajectories": False,
        "warm_start": False,
        "n_jobs": None,
        "verbose": 0,
    }
    return type(classifier)(**(classifier.get_params(deep=False) | needed))


def _weightings(
    classifier: DataMapClassifier, codes: Array
) -> Iterator[tuple[str, Any]]:
    """Learners as given, and with and without balanced weights where they have them."""
    kind = registry.learner_of(classifier.estimator)
    learner, base = kind.estimator, kind.inner
    yield AS_GIVEN, learner
    params = base.get_params(deep=False) if hasattr(base, "get_params") else {}
    if "class_weight" not in params:
        return
    given = params["class_weight"]
    name = "class_weight" if base is learner else "estimator__class_weight"
    if given is not None:
        # Also where classes are alike: many flips make them so, and then small weights
        # decide which class every doubtful row is in.
        yield "none", clone(learner).set_params(**{name: None})
    if codes.ndim == 1:
        n_rows = np.unique(codes, return_counts=True)[1]
        if n_rows.max() <= BALANCED_ENOUGH * n_rows.min():
            return
    if not (isinstance(given, str) and given == "balanced"):
        yield "balanced", clone(learner).set_params(**{name: "balanced"})


def _run(
    classifier: DataMapClassifier,
    X: Any,
    y: Any,
    fit_params: Mapping[str, Any],
    *,
    classes: Array | None,
    keep: bool,
    threads: Threads,
) -> Run:
    with threads.use():
        classifier.fit(X, y, **fit_params)
    maps = (classifier.in_sample_map_, classifier.data_map_)
    in_sample, out_of_fold = (_of_classes(one, classes) for one in maps)
    proba = {
        "in-sample": in_sample,
        "out-of-fold": out_of_fold,
        "average": (in_sample + out_of_fold) / 2,
    }
    return Run(proba, classifier.data_map_ if keep else None)


def _of_classes(data_map: DataMap, classes: Array | None) -> Array:
    """Mean probabilities of all classes: 0 for one whose every row was flipped."""
    proba: Array = data_map.measures["mean_proba"]
    if classes is None or len(data_map.classes) == len(classes):
        return proba
    wide = np.zeros((len(proba), len(classes)), dtype=proba.dtype)
    wide[:, np.searchsorted(classes, data_map.classes)] = proba
    return wide


def candidate_probas(
    runs: Mapping[str, list[Run]],
) -> dict[tuple[str, str], list[Any]]:
    """Mean probabilities of every candidate map, one array a repeat.

    Parameters
    ----------
    runs : mapping of str to list of Run
        By weights.

    Returns
    -------
    dict of (str, str) to list of ndarray
        By weights and recorder; with several weights, also those averaged over them.
        Of the recorder ``"both"`` an element is a pair, out-of-fold and in-sample.
    """
    probas: dict[tuple[str, str], list[Any]] = {
        (weights, recorder): [run.proba[recorder] for run in repeats]
        for weights, repeats in runs.items()
        for recorder in RECORDERS
    }
    for weights, repeats in runs.items():
        probas[weights, BOTH] = [
            (run.proba["out-of-fold"], run.proba["in-sample"]) for run in repeats
        ]
    if len(runs) > 1:
        for recorder in (*RECORDERS, BOTH):
            of_weights = [probas[weights, recorder] for weights in runs]
            probas[AVERAGED, recorder] = [
                np.mean(same_repeat, axis=0)
                for same_repeat in zip(*of_weights, strict=True)
            ]
    return probas


def is_binary(codes: Array, n_classes: int) -> bool:
    """Whether a label has one rival only, so that all scores of a map rank alike."""
    return codes.ndim == 2 or n_classes == 2


def scores_of(recorder: str, *, binary: bool) -> tuple[str, ...]:
    """Names of the scores that are tried with a recorder."""
    if binary:
        return () if recorder == BOTH else PREFERRED_OF_TWO[1:]
    return (TRUST,) if recorder == BOTH else SCORES


def score_of(
    name: str, proba: Any, codes: Array, *, near_misses: bool = False
) -> Array:
    """Score of every label by mean probabilities; the lower, the more suspicious.

    Parameters
    ----------
    name : {"confidence", "margin", "logit_margin", "plausibility", "label_trust"}
        Which one.
    proba : ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
        Mean probabilities; of ``"label_trust"`` two, out-of-fold and in-sample.
    codes : ndarray of shape (n_samples,), or of bool (n_samples, n_labels)
        The labels.
    near_misses : bool, default=False
        For ``"label_trust"``; see there.

    Returns
    -------
    ndarray of float64, shape of codes
    """
    if name == TRUST:
        out_of_fold, in_sample = proba
        margin = measures.logit_margin(in_sample, codes)
        return quality.label_trust(out_of_fold, margin, codes, near_misses=near_misses)
    if name == "logit_margin":
        return measures.logit_margin(proba, codes)
    if name == "plausibility":
        return measures.plausibility(proba, codes)
    own = measures.own_probability(proba, codes)
    if name == "confidence":
        return own
    return 2 * own - 1 if codes.ndim == 2 else measures.epoch_margin(proba, codes, own)


def judge(
    probas: Mapping[tuple[str, str], list[Any]],
    flips: list[Flips],
    *,
    near_misses: bool,
) -> pd.DataFrame:
    """Tell how well each candidate finds the flips.

    Parameters
    ----------
    probas : mapping of (str, str) to list of ndarray
        From :func:`candidate_probas`, one array for each element of flips.
    flips : list of Flips
        What was planted.
    near_misses : bool
        Whether the labels in doubt are near misses. None of what is planted is like
        them: then nothing but what is preferred is chosen.

    Returns
    -------
    pandas.DataFrame
        One row a candidate, the chosen one first, then by the geometric mean of the
        average precisions on doubles and on slips. What doubles are like depends on
        what was suspected, slips depend on nothing: a candidate should find both.
    """
    rows = []
    binary = is_binary(flips[0].codes, probas[AS_GIVEN, "average"][0].shape[1])
    for (weights, recorder), repeats in probas.items():
        for score in scores_of(recorder, binary=binary):
            pairs = zip(repeats, flips, strict=True)
            figures = pd.DataFrame(
                [
                    _figures(
                        score_of(score, proba, planted.codes, near_misses=near_misses),
                        planted,
                    )
                    for proba, planted in pairs
                ]
            )
            both = figures[WANTED].fillna(1.0)
            found = float(np.sqrt(both.prod(axis=1)).mean())
            name = {"weights": weights, "recorder": recorder, "score": score}
            rows.append(name | dict(figures.mean()) | {"found": found})
    table = pd.DataFrame(rows)
    name = _preferred(several=(AVERAGED, "average") in probas, binary=binary)
    is_preferred = (table[list(name)] == pd.Series(name)).all(axis=1)
    chosen = int(is_preferred.to_numpy().argmax())
    precisions = table[WANTED].fillna(1.0).to_numpy()
    better = (precisions - precisions[chosen]).min(axis=1) > CLEARLY_BETTER
    if better.any() and not near_misses:
        chosen = int(np.where(better, table["found"], -1.0).argmax())
    table["chosen"] = table.index == chosen
    order = ["chosen", "found"]
    table = table.sort_values(order, ascending=False, kind="stable", ignore_index=True)
    return table.drop(columns=order)


def _preferred(*, several: bool, binary: bool) -> dict[str, str]:
    """Candidate that is chosen where no other is clearly better."""
    weights, recorder, score = AS_GIVEN, BOTH, TRUST
    if binary:
        recorder, score = PREFERRED_OF_TWO
        weights = AVERAGED if several else AS_GIVEN
    return {"weights": weights, "recorder": recorder, "score": score}


def _figures(score: Array, planted: Flips) -> dict[str, float]:
    suspicion = -score.ravel()
    doubles, slips = planted.doubles.ravel(), planted.slips.ravel()
    ranked, is_double = suspicion[~slips], doubles[~slips]
    first = np.argsort(-ranked, kind="stable")[: int(doubles.sum())]
    at_random = np.nan
    if slips.any():
        at_random = average_precision_score(slips[~doubles], suspicion[~doubles])
    return {
        "auroc": roc_auc_score(is_double, ranked),
        "average_precision": average_precision_score(is_double, ranked),
        "precision_at_k": is_double[first].mean(),
        "ap_slips": at_random,
    }
