"""Which labels look wrong, and how many: four maps with folds and a witness."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state
from sklearn.utils.parallel import Parallel, delayed

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.labels import encode_labels, index_of
from sklearn_datamaps._core.messages import check_whole
from sklearn_datamaps._core.quality import chance_wrong, opinion
from sklearn_datamaps._curation.audit import LabelAudit
from sklearn_datamaps._curation.counting import count_wrong, scaled
from sklearn_datamaps._curation.witness import witness_proba
from sklearn_datamaps._data_map import DataMap
from sklearn_datamaps._learners import registry
from sklearn_datamaps._learners.threads import Threads
from sklearn_datamaps._training.classifier import DataMapClassifier

N_EPOCHS = 5
# Without the witness 0 is better, as in the label_quality of a map.
ACROSS = 0.7


def audit_labels(
    estimator: Any,
    X: Any,
    y: Any,
    *,
    n_repeats: int = 4,
    n_jobs: int | None = None,
    random_state: Any = None,
    verbose: int = 0,
    **fit_params: Any,
) -> LabelAudit:
    """Rank labels by the chance that they are wrong, and count those that are.

    Four maps are recorded out-of-fold, and a witness of another kind is asked, which
    has not seen a row's own label either: naive Bayes for sparse counts or TF-IDF, the
    15 nearest rows for tables. Both are pooled by how well they foretell the labels as
    given; see the notes. No label is changed.

    .. versionadded:: 0.1

    Parameters
    ----------
    estimator : estimator
        A classifier as for :class:`~sklearn_datamaps.DataMapClassifier`, which is then
        trained for 5 epochs (``LogisticRegression``: until it has converged), or one of
        those (its parameters are used, ``n_epochs`` and ``cv`` too), or a Pipeline that
        ends in either; its transformers are fitted once, on all rows as they are.
        Nothing is modified.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The features; for a Pipeline, what it takes. Texts are carried along.
    y : array-like of shape (n_samples,), or (n_samples, n_labels)
        Labels of any kind, or a 0/1 indicator for multilabel.
    n_repeats : int, default=4
        Maps with other seeds, whose probabilities are averaged. More cost more and
        find a little more.
    n_jobs : int, default=None
        Processes over the maps; the result is the same for every number.
    random_state : int, RandomState instance or None, default=None
        Seeds folds, training and the choice of control rows. Pass an int for the same
        audit bit for bit.
    verbose : int, default=0
        1: a progress bar over the maps.
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
        If n_repeats is no integer >= 1, or data are bad.

    See Also
    --------
    DataMap.review : Lists rows to decide on, without an audit.

    Notes
    -----
    ``label_quality`` is one minus the chance of being wrong. Rows are ordered by the
    pooled evidence; how the lists of the labels are merged follows, for a part, from
    how often the surest rows of each class are given another label. The maps cost about
    one fit of five epochs each, on two halves of the rows; no model is trained on all
    rows, so the map has no ``"memorization"``. The witness costs less than a fit on
    text, and one comparison of all rows with up to 20,000 on tables.
    :attr:`LabelAudit.seconds` says what it took.

    Errors that follow a rule on the features, such as labels by keywords, are learned,
    and cannot be told from labels that are right. Where the labels may be such, no
    number is given; the control rows of :meth:`LabelAudit.review` hold there, too.

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
    >>> audit = audit_labels(sgd, scale(X), y, random_state=0)
    >>> found = audit.to_frame(n=8)
    >>> bool((found["position"] % 30 == 0).sum() >= 4)
    True
    """
    check_whole("n_repeats", n_repeats)
    started = perf_counter()
    data = (estimator, X, y)
    classifier, X, text = _unwrapped(estimator, X, y)
    labels = encode_labels(y)
    seeds = check_random_state(random_state).randint(2**31 - 1, size=n_repeats + 1)
    maps = _recorded(classifier, X, y, seeds[1:].tolist(), fit_params, n_jobs, verbose)
    recorded = perf_counter()
    model = np.mean([one.measures["mean_proba"] for one in maps], axis=0)
    witness, name = witness_proba(X, labels.codes, len(labels.classes))
    asked = perf_counter()
    pool = opinion([model, witness], labels.codes)
    count = count_wrong(model, witness, pool, labels.codes)
    chance = chance_wrong([model, witness], pool, labels.codes, ACROSS)
    quality = 1.0 - scaled(chance, count.estimate)
    pooled = pool.astype(np.float32)
    judged: dict[str, Array] = {"mean_proba": pooled, "label_quality": quality}
    # A learner that ends by itself, sooner here than there, stays at its last state.
    n_epochs = max(one.n_epochs for one in maps)
    data_map = DataMap.average(
        replace(one, n_epochs=n_epochs, measures={**one.measures, **judged})
        for one in maps
    )
    data_map = replace(data_map, index=index_of(data_map.n_samples, y, X))
    if text is not None:
        data_map = data_map.with_columns(text=text)
    return LabelAudit(
        data_map=data_map,
        chance=1.0 - quality,
        n_wrong=count.estimate,
        n_wrong_interval=count.interval,
        reason=count.reason,
        witness=name,
        seconds={
            "maps": recorded - started,
            "witness": asked - recorded,
            "count": perf_counter() - asked,
        },
        seed=int(seeds[0]),
        data=data,
    )


def _recorded(
    classifier: DataMapClassifier,
    X: Any,
    y: Any,
    seeds: list[int],
    fit_params: Mapping[str, Any],
    n_jobs: int | None,
    verbose: int,
) -> list[DataMap]:
    """Out-of-fold maps, one for each seed."""
    needed = {
        "cv": 2 if classifier.cv is None else classifier.cv,
        "measures": ("mean_proba",),
        "store_trajectories": False,
        "warm_start": False,
        "n_jobs": None,
        "verbose": 0,
    }
    if isinstance(needed["cv"], Iterable) and not hasattr(needed["cv"], "split"):
        needed["cv"] = list(needed["cv"])  # a generator would be empty after one run
    prepared = type(classifier)(**(classifier.get_params(deep=False) | needed))
    threads = Threads.here(registry.learner_of(classifier.estimator))
    jobs = [
        delayed(_map_of)(
            clone(prepared).set_params(random_state=seed), X, y, fit_params, threads
        )
        for seed in seeds
    ]
    maps: Iterable[DataMap] = Parallel(n_jobs=n_jobs, return_as="generator")(jobs)
    if verbose:
        from tqdm import tqdm

        maps = tqdm(maps, total=len(jobs), unit="map", desc="out-of-fold maps")
    return list(maps)


def _map_of(
    classifier: DataMapClassifier,
    X: Any,
    y: Any,
    fit_params: Mapping[str, Any],
    threads: Threads,
) -> DataMap:
    classifier.folds_alone = True
    with threads.use():
        data_map: DataMap = classifier.fit(X, y, **fit_params).data_map_
    return data_map


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
        ends_itself = registry.learner_of(estimator).ends_itself
        n_epochs = "auto" if ends_itself else N_EPOCHS
        estimator = DataMapClassifier(estimator, n_epochs=n_epochs)
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
