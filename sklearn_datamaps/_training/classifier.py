"""DataMapClassifier: a data map from any estimator that learns in steps."""

import contextlib
from collections.abc import Callable, Generator
from dataclasses import replace
from functools import partial
from numbers import Integral
from typing import Any, Self

import numpy as np
import pandas as pd
from joblib import effective_n_jobs
from scipy import sparse
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.utils import check_consistent_length, column_or_1d
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    process_routing,
)
from sklearn.utils.parallel import Parallel, delayed

from sklearn_datamaps._core.arrays import Array, detached
from sklearn_datamaps._core.labels import (
    EncodedLabels,
    encode_labels,
    index_of,
    warn_other_index,
)
from sklearn_datamaps._core.public import found_in
from sklearn_datamaps._core.registry import of_folds
from sklearn_datamaps._data_map import DataMap
from sklearn_datamaps._learners import registry, sklearn_compat
from sklearn_datamaps._learners.blocks import warn_sorted_blocks
from sklearn_datamaps._learners.features import (
    check_single_rows,
    identity_of,
    refuse_dask,
    scale_ratio,
    validate_features,
)
from sklearn_datamaps._learners.learner import Learner
from sklearn_datamaps._learners.seeds import derive_seed
from sklearn_datamaps._learners.threads import Threads
from sklearn_datamaps._training.base import (
    BaseDataMapClassifier,
    with_shared_text,
)
from sklearn_datamaps._training.continuing import check_continues, continuation_key
from sklearn_datamaps._training.fitted import finish, meta_of
from sklearn_datamaps._training.folds import Split, check_trainable, make_splits
from sklearn_datamaps._training.loop import (
    Progress,
    continue_record,
    record_all_rows,
    record_fold,
    repeat_last,
    silent,
)
from sklearn_datamaps._training.recipe import Data, Recipe
from sklearn_datamaps._training.record import Record, new_record
from sklearn_datamaps._training.validation import check_validation

FOLD = 2  # sets the seeds of folds apart from those of epochs and members


@with_shared_text
@found_in("sklearn_datamaps")
class DataMapClassifier(sklearn_compat.CallbackSupport, BaseDataMapClassifier):
    """Train a classifier epoch by epoch and record the map of its training data.

    After every epoch the probability the model gives to each row's own label is
    noted. Its mean over the epochs is the row's *confidence*, its standard deviation
    the *variability*, and the share of epochs in which the row was predicted right
    the *correctness*. Otherwise the estimator behaves like the one it wraps.

    .. versionadded:: 0.1

    Parameters
    ----------
    estimator : estimator, default=None
        A classifier with ``partial_fit`` and ``predict_proba`` or
        ``decision_function``, one that is built in stages, or
        ``LogisticRegression(solver="lbfgs")`` (see Notes). It is
        cloned, never modified. None:
        ``SGDClassifier(loss="log_loss", class_weight="balanced")``.
    n_epochs : int or "auto", default="auto"
        Passes over the data to train and record. Learners built in stages train
        their own number of stages; this many of them, evenly spaced, the last always
        among them, are recorded (if there are fewer: all). ``"auto"``: 10, or, of
        ``LogisticRegression``, every iteration until it has converged, which no number
        can change.
    batch_size : int, default=None
        Rows per ``partial_fit`` call, shuffled anew in every epoch. None: all rows
        in one call; of ``"blocks"`` as many as hold about 2**24 values (some 200 MB).
        Not for learners that are fitted once.
    batch_order : {"rows", "blocks"}, default="rows"
        ``"rows"`` shuffles rows; ``"blocks"`` takes contiguous blocks of rows in
        shuffled order, for data on disk: a memory map is read from front to back of
        each block and never copied. The rows must not be sorted by class.
    :shared: response_method
    :shared: measures
    :shared: store_trajectories
    cv : int, splitter or iterable of (train, test), default=None
        Record every row out-of-fold: epoch by epoch, by models that never trained on
        it; ``cv=2`` is recommended. An int: that many stratified folds, shuffled
        with ``random_state``, in which equal rows of a sparse X, or the ``groups``
        given to ``fit``, stay together. None: in-sample, by the model trained on all
        rows.
    warm_start : bool, default=False
        Continue the record of the last ``fit`` up to a larger ``n_epochs``, also
        after an interruption. Refused, by name, where anything changed that the map
        tells of: X, y, weights, the estimator or a parameter of it, batches, response
        method, measures, seed. ``n_jobs`` and ``verbose`` may change. X is compared
        by a checksum that every ``fit`` takes in one pass over its values (of a
        memory map: half a million values, evenly spaced). Not with ``cv``. Pickles and
        copies take along what is needed to continue only if this is True when they
        are made, or ``fit`` was interrupted: it is as large as the map.
    n_jobs : int, default=None
        With ``cv``: processes over the folds (or what the joblib backend chosen has
        instead); the result is the same for every number. Else: threads over the
        labels of a multilabel target.
    :shared: random_state
    :shared: verbose

    Attributes
    ----------
    estimator_ : estimator
        The trained estimator; it works without the map. For a multilabel target and
        a learner of single labels: a fitted ``MultiOutputClassifier``.
    :shared: fitted
    data_map_ : DataMap
        The map, with regions, ranks, tables and plots. With ``cv`` it is out-of-fold
        and has the measures ``"memorization"`` and, with ``"mean_proba"`` among
        ``measures``, ``"label_quality"``.
    in_sample_map_ : DataMap
        With ``cv`` only: the in-sample map of ``estimator_``.
    validation_map_ : DataMap
        With ``X_val`` only: the map of these rows, by ``estimator_``, which was not
        trained on them.
    confidence_, variability_, correctness_ : ndarray of float64
        Arrays of the map, of shape (n_samples,) or (n_samples, n_labels).
    coef_, intercept_, feature_importances_ : ndarray
        Those of ``estimator_``, where it has them, for ``SelectFromModel`` and ``RFE``;
        not with one learner a label, which ``estimator_.estimators_`` lists.

    Raises
    ------
    TypeError
        In ``fit``: the estimator has neither ``partial_fit`` nor stages, or no
        probabilities, or it cannot take an argument of fit.
    ValueError
        In ``fit``: bad data or a bad parameter, before any training; or
        probabilities that became NaN, naming the epoch. In ``predict`` and the like:
        other features than in ``fit``.
    NotFittedError
        Before ``fit``, in ``predict`` and the like, ``region_mask``, ``history_``, and
        the arrays of map and learner.

    See Also
    --------
    TrainingDynamics : Record any other training loop.

    Notes
    -----
    Probabilities are recorded after each epoch, on the rows the model was trained on
    (in-sample). The reference code of the paper logs them in the middle of an epoch,
    with dropout switched on.

    Rows that are not trained on, ``fit(X, y, X_val=..., y_val=...)``, have a map of
    their own, recorded in the same run by the same model after the same epochs:
    ``clf.data_map_.compare(clf.validation_map_, by="label")`` tells by class what of
    the confidence holds for new rows. Arguments called so by a learner, such as those
    of ``HistGradientBoostingClassifier.fit``, are not handed on to it.

    A model remembers rows, wrong labels too. With ``cv`` each fold is recorded by a
    clone trained on a copy of the others, and ``estimator_`` is still trained on all
    rows, as without ``cv``, and recorded in ``in_sample_map_``. What its confidence
    exceeds the one out-of-fold by is the row's ``"memorization"``. Equal rows of a
    dense X are not kept together: in a table of few columns they are seldom copies. A
    row whose class is in no other fold has a confidence near 0. An interrupted ``fit``
    has the rows of the folds that were complete (others are ``"unseen"``); before the
    first one it has ``in_sample_map_`` alone. A learner that ends early on the rows of
    one fold stays at its last state, as do labels of a multilabel target.

    Built in stages are all learners with ``staged_predict_proba`` (gradient boosting
    and AdaBoost of scikit-learn, CatBoost), ``XGBClassifier`` and ``LGBMClassifier``,
    and those registered with :func:`stages_of`. They are fitted once; an epoch is the
    model cut off after so many trees. Their own integer seed is kept unless
    ``random_state`` is given. ``XGBClassifier`` and skorch's networks take no labels
    but the integers from 0, so ``estimator_`` is trained on the positions in
    ``classes_``; ``predict`` of this class gives the labels.

    ``LogisticRegression(solver="lbfgs")`` is fitted once, too; an epoch is an iteration
    of its solver, which calls back with the model as it would be if ``fit`` ended there
    (scikit-learn 1.9 or newer). ``coef_`` is bit for bit that of a plain ``fit``.
    Callbacks that are set on the learner keep working; those that scikit-learn hands on
    to inner estimators, as ``ProgressBar``, belong on the outermost one.

    Callbacks of scikit-learn (1.9 or newer) that are set on this class, or handed on to
    it by a Pipeline or search around it, are told of the tasks ``"fit"`` and, in it,
    ``"epoch"``, with the model as it is then (of learners built in stages: none before
    the end), so ``ProgressBar`` and ``ScoringMonitor`` work. A callback that returns
    True ends the epochs. With ``cv`` they are those of the model of all rows, which is
    then trained in this process; folds end where it was ended.

    Networks of skorch (``NeuralNetClassifier``, ``NeuralNetBinaryClassifier``) are
    trained like one ``fit`` of ``n_epochs``; their own ``max_epochs`` is ignored. Set
    their ``batch_size`` and ``iterator_train__shuffle=True`` rather than our
    ``batch_size``, and ``train_split=None``: skorch holds rows out otherwise, which is
    refused, as is the callback ``EarlyStopping``. X may have more than two dimensions
    and is converted to float32 (unless the module given is in double precision);
    integers stay integers. During training ``random_state`` seeds torch, too. Other
    networks: :class:`TrainingDynamics` records any loop.

    References
    ----------
    Swayamdipta et al., Dataset Cartography: Mapping and Diagnosing Datasets with
    Training Dynamics, EMNLP 2020, arXiv:2009.10795.
    Feldman and Zhang, What Neural Networks Memorize and Why, NeurIPS 2020,
    arXiv:2008.03703.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import SGDClassifier
    >>> from sklearn.preprocessing import scale
    >>> from sklearn_datamaps import DataMapClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = DataMapClassifier(SGDClassifier(loss="log_loss"), random_state=0)
    >>> clf.fit(scale(X), y).confidence_.shape
    (150,)
    >>> bool(clf.region_mask("easy").sum() > 75)
    True

    By models that never trained on the row they judge:

    >>> clf.set_params(cv=2).fit(scale(X), y).data_map_.meta["recording"]
    'out-of-fold'
    >>> clf.data_map_.rank("memorization", n_samples=3).shape
    (3,)
    """

    _parameter_constraints: dict[str, Any] = {  # noqa: RUF012 (scikit-learn's)
        **BaseDataMapClassifier._parameter_constraints,  # noqa: SLF001 (scikit-learn's)
        "batch_size": [sklearn_compat.Interval(Integral, 1, None, closed="left"), None],
        "batch_order": [sklearn_compat.StrOptions({"rows", "blocks"})],
        "cv": ["cv_object"],
        "warm_start": ["boolean"],
        "n_jobs": [Integral, None],
    }
    # No parameter: an audit needs neither model nor map of all rows, half of the time.
    folds_alone = False

    def __init__(
        self,
        estimator: Any = None,
        *,
        n_epochs: int | str = "auto",
        batch_size: int | None = None,
        batch_order: str = "rows",
        response_method: str = "auto",
        measures: Any = (),
        store_trajectories: bool | str = "auto",
        cv: Any = None,
        warm_start: bool = False,
        n_jobs: int | None = None,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.n_epochs = n_epochs
        self.batch_size = batch_size
        self.batch_order = batch_order
        self.response_method = response_method
        self.measures = measures
        self.store_trajectories = store_trajectories
        self.cv = cv
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the record if nobody will continue it: it is as large as the map.

        It stays where ``warm_start=True`` says so, and after an interruption.
        """
        state = dict(super().__getstate__())
        record = state.get("_record")
        if record is not None and not (self.warm_start or record.interrupted):
            del state["_record"]
        return state

    def get_metadata_routing(self) -> MetadataRouter:
        """Tell how ``fit`` routes its arguments: to the estimator and the splitter.

        Returns
        -------
        MetadataRouter
        """
        router = super().get_metadata_routing()
        splitter = self._splitter()
        if splitter is None:
            return router
        return router.add(
            splitter=splitter,
            method_mapping=MethodMapping().add(caller="fit", callee="split"),
        )

    def _splitter(self) -> Any:
        """Return what arguments of fit are routed to, or None."""
        if isinstance(self.cv, Integral):
            return StratifiedGroupKFold()  # what an int becomes where there are groups
        return self.cv if hasattr(self.cv, "split") else None

    @sklearn_compat.fit_context(prefer_skip_nested_validation=False)
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        **fit_params: Any,
    ) -> Self:
        """Train for ``n_epochs`` epochs and record the map.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The features. CSR is used as it is; other sparse formats are converted
            once. A DataFrame reaches learners built in stages, and those whose tags
            ask for categories or strings, as it is; for others it becomes an array,
            and columns that hold no numbers are refused.
        y : array-like of shape (n_samples,), or (n_samples, n_labels)
            Labels of any kind, or a 0/1 indicator for multilabel.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights for training; measures are of unweighted rows. Negative ones are
            handed on, as scikit-learn does: what they mean is up to the learner.
        X_val : {array-like, sparse matrix} of shape (n_validation, n_features), \
                default=None
            Features of rows that are recorded in the same run, by the model of all
            rows of X, and not trained on: their map is ``validation_map_``. In a
            ``Pipeline(transform_input=["X_val"])`` the steps before transform them,
            with metadata routing enabled. Several sets go in as one, and are told
            apart by a column: ``validation_map_.with_columns(split=...)``.
        y_val : array-like of shape (n_validation,), or (n_validation, n_labels), \
                default=None
            Their labels, all of them among those of y.
        **fit_params : dict
            Further arguments of ``estimator.partial_fit``, and with ``cv`` the
            ``groups`` of its splitter; routed when metadata routing is enabled.

        Returns
        -------
        self : DataMapClassifier

        Raises
        ------
        TypeError, ValueError
            See the class.
        KeyboardInterrupt
            When interrupted; the completed epochs are kept and ``warm_start=True``
            continues them.
        """
        recipe = self._recipe()
        learner = recipe.learner
        resume = self.warm_start and hasattr(self, "_record")
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but "
                f"the target y is None."
            )
        refuse_dask(X, y)
        y = detached(y)
        given = X
        table = X if isinstance(X, pd.DataFrame) else None  # it names its rows
        in_blocks = self.batch_order == "blocks" and self.cv is None
        X = validate_features(self, learner, X, reset=not resume, in_blocks=in_blocks)
        warn_other_index(X=table, y=y, sample_weight=sample_weight, **fit_params)
        index = index_of(X.shape[0], y, table)
        labels = self._encode(learner, X, y)
        params, of_splitter = self._fit_params(
            learner, X, labels, sample_weight, fit_params
        )
        validation = None
        if X_val is not None or y_val is not None:
            validation = check_validation(
                self, learner, X_val, y_val, y, labels, in_blocks=in_blocks
            )
        data = Data(X, labels, _readable(y, labels), params, validation)
        learner.warn(X.shape[0])
        if in_blocks:
            warn_sorted_blocks(X, labels, self.batch_size)
        else:
            check_single_rows(X, copied=self.cv is not None)

        key = identity_of(X)
        y_val, n_cells = None, labels.codes.size
        if validation is not None:
            y_val = validation.labels
            n_cells += y_val.codes.size
            key["X_val"] = identity_of(validation.X)
        key |= continuation_key(recipe, labels, params, y_val)
        recipe = recipe.for_cells(n_cells)
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        tell = partial(
            sklearn_compat.FitTasks,
            self,
            X=lambda: given,
            y=lambda: y,
            metadata=weights or None,
        )
        if resume:
            check_continues(self._record, key, self.random_state, recipe.n_epochs)
            if not recipe.store_trajectories:
                self._record.forget_trajectories()  # too many, with the new epochs
            tasks = tell(recipe.n_epochs - self._record.n_epochs)
            self._train(recipe, data, self._record, tasks)
            tasks.end()
            return self
        seed = self._base_seed(learner)
        splits = self._splits(data, seed, of_splitter)
        self._forget("data_map_", "in_sample_map_", "validation_map_", "_record")
        tasks = tell(recipe.n_epochs)
        if splits is None:
            record = new_record(
                recipe, labels, seed, index=index, key=key, validation=validation
            )
            self._train(recipe, data, record, tasks)
        else:
            self._train_folds(recipe, data, seed, index, splits, tasks)
        tasks.end()
        return self

    def _recipe(self) -> Recipe:
        learner = registry.checked_learner(self.estimator)
        learner.check_settings(
            batch_size=self.batch_size,
            batch_order=self.batch_order,
            warm_start=self.warm_start,
        )
        if self.cv is not None and self.warm_start:
            raise ValueError(
                "warm_start=True cannot be used with cv: the models of the folds are "
                "not kept. Set warm_start=False, or cv=None."
            )
        has_seeds = self.random_state is None and bool(learner.own_seeds)
        return self._recipe_for(
            learner,
            batch_size=self.batch_size,
            batch_order=self.batch_order,
            own_seeds=has_seeds,
            n_jobs=self.n_jobs if self.cv is None else None,
            threads=Threads() if self.cv is None else Threads.here(learner),
        )

    def _splits(
        self, data: Data, seed: int, params: dict[str, Any]
    ) -> list[Split] | None:
        if self.cv is None:
            return None
        weights = data.params.get("sample_weight")
        splits = make_splits(self.cv, data.X, data.labels, seed, params)
        check_trainable(splits, data.labels, weights)
        return splits

    def _encode(self, learner: Learner, X: Any, y: Any) -> EncodedLabels:
        check_consistent_length(X, y)
        if getattr(y, "ndim", 1) == 2 and y.shape[1] == 1 and not sparse.issparse(y):
            y = column_or_1d(y, warn=True)
        labels = encode_labels(y)
        n_set = labels.counts()
        varied = (n_set > 0) & (n_set < len(labels.codes))
        registry.check_targets(learner.estimator, labels, varied)
        return labels

    def _fit_params(
        self,
        learner: Learner,
        X: Any,
        labels: EncodedLabels,
        sample_weight: Any,
        fit_params: dict[str, Any],
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Arguments of fit for the learner, and those for the splitter."""
        params = {k: v for k, v in fit_params.items() if v is not None}
        if sample_weight is not None:
            weights = sklearn_compat.check_sample_weight(sample_weight, X)
            registry.check_weighted(len(np.unique(labels.codes[weights != 0], axis=0)))
            params["sample_weight"] = weights
        # Without arguments, what process_routing returns has every name, without end.
        if params and sklearn_compat.routing_enabled():
            routed = process_routing(self, "fit", **params)
            of_splitter = {} if self._splitter() is None else routed.splitter.split
            return dict(routed.estimator[learner.training_method]), dict(of_splitter)
        of_splitter = {}
        if self.cv is not None and "groups" in params:
            of_splitter["groups"] = params.pop("groups")
        learner.check_fit_params(params)
        return params, of_splitter

    def _train(
        self,
        recipe: Recipe,
        data: Data,
        record: Record,
        tasks: sklearn_compat.FitTasks,
    ) -> None:
        """Train on all rows and record them, as far as it gets."""

        def after_epoch(states: Callable[[], list[Any] | None]) -> bool:
            return tasks.end_epoch(lambda: _fitted(recipe, data.labels, states()))

        progress = partial(self._progress, None if self.cv is None else "all rows")
        try:
            continue_record(
                recipe,
                data,
                record,
                keep_last=self.cv is not None,
                progress=progress,
                after_epoch=after_epoch,
            )
        finally:
            if record.n_epochs:
                self._publish_all_rows(recipe, data, record)

    def _train_folds(
        self,
        recipe: Recipe,
        data: Data,
        seed: int,
        index: pd.Index,
        splits: list[Split],
        tasks: sklearn_compat.FitTasks,
    ) -> None:
        """Train on all rows and on every fold; the map is that of the rows held out."""
        n_workers = effective_n_jobs(self.n_jobs)
        progress: Progress = silent
        jobs = []
        of_all: Record | None = None
        # Callbacks are told of the model of all rows, which they cannot be elsewhere.
        here = n_workers == 1 or tasks.watched
        if self.folds_alone:
            here = True
        elif here:
            of_all = new_record(
                recipe, data.labels, seed, index=index, validation=data.validation
            )
            self._train(recipe, data, of_all, tasks)
            recipe = replace(recipe, until=of_all.n_epochs if tasks.stopped else None)
        else:
            jobs.append(delayed(record_all_rows)(recipe, data, seed, index))
        data = replace(data, validation=None)  # for the model of all rows alone
        for number, (train, test) in enumerate(splits):
            if n_workers == 1:
                fold = f"fold {number + 1} of {len(splits)}"
                progress = partial(self._progress, fold)
            of_fold = derive_seed(seed, number, FOLD)
            jobs.append(
                delayed(record_fold)(recipe, data, train, test, of_fold, progress)
            )
        done: list[tuple[Record, Array]] = []
        try:
            with contextlib.closing(self._results(jobs, n_workers)) as results:
                if not here:
                    of_all = next(results)
                    self._publish_all_rows(recipe, data, of_all)
                # One by one: after an interruption those that came are kept.
                for record, (_, test) in zip(results, splits, strict=True):
                    done.append((record, test))
        finally:
            if done:
                n_epochs = [record.n_epochs for record, _ in done]
                longest = max(0 if of_all is None else of_all.n_epochs, *n_epochs)
                if of_all is not None and of_all.n_epochs < longest:
                    repeat_last(of_all, longest)
                    self._publish_all_rows(recipe, data, of_all)
                whole = new_record(recipe, data.labels, seed, index=index)
                for record, test in done:
                    repeat_last(record, longest)
                    whole.absorb(record, test)
                if min(n_epochs) < longest:
                    whole.facts["epochs_of_folds"] = n_epochs
                self._publish_folds(recipe, data, whole, len(splits))

    def _results(self, jobs: list[Any], n_workers: int) -> Generator[Any, None, None]:
        """Results of the jobs in their order, with a bar of the models if wanted."""
        parallel = Parallel(n_jobs=self.n_jobs, return_as="generator")
        with contextlib.closing(parallel(jobs)) as results:
            if not self.verbose or n_workers == 1:
                yield from results
                return
            from tqdm import tqdm

            yield from tqdm(results, total=len(jobs), unit="model")

    def _publish_all_rows(self, recipe: Recipe, data: Data, record: Record) -> None:
        """Set the fitted attributes from what is recorded of all rows."""
        fitted = finish(recipe, data.labels, record, record.members)
        self._publish(fitted)
        fitted.meta["scale_ratio"] = scale_ratio(recipe.learner, data.X)
        # What is said of the map depends on whether there is one of rows held out.
        also = {} if self.cv is None else {"out_of_fold": "data_map_"}
        in_sample = record.dynamics.to_map(DataMap, meta={**fitted.meta, **also})
        if record.validation is not None:
            accuracy = {"accuracy": record.validation.accuracy}
            meta = fitted.meta | {"recording": "validation", **accuracy}
            self.validation_map_ = record.validation.dynamics.to_map(DataMap, meta=meta)
        if self.cv is None:
            self.data_map_ = in_sample
            self._record = record
        else:
            self.in_sample_map_ = in_sample

    def _publish_folds(
        self, recipe: Recipe, data: Data, record: Record, n_folds: int
    ) -> None:
        """Set the map of the rows held out, and compare it with the in-sample one."""
        meta = meta_of(recipe, record)
        meta |= {"recording": "out-of-fold", "n_folds": n_folds}
        alone = self.folds_alone
        meta["scale_ratio"] = (
            scale_ratio(recipe.learner, data.X)
            if alone
            else self.in_sample_map_.meta["scale_ratio"]
        )
        # After an interruption some folds are missing.
        out_of_fold = record.dynamics.to_map(DataMap, allow_incomplete=True, meta=meta)
        compared = {} if alone else of_folds(self.in_sample_map_, out_of_fold)
        measures = {**out_of_fold.measures, **compared}
        self.data_map_ = replace(out_of_fold, measures=measures)
        self._totals = np.array(record.totals)
        self.n_epochs_ = self.data_map_.n_epochs


def _fitted(
    recipe: Recipe, labels: EncodedLabels, states: list[Any] | None
) -> dict[str, Any] | None:
    """Attributes with which a classifier predicts as the learners in these states."""
    if states is None:
        return None
    estimator = recipe.learner.assemble(states, labels)
    return {"estimator_": estimator, "classes_": labels.classes}


def _readable(y: Any, labels: EncodedLabels) -> Array | None:
    """Labels as given, where a learner can read those."""
    if labels.multilabel:
        return None
    given = np.asarray(y)
    return given if given.ndim == 1 and given.dtype != object else None
