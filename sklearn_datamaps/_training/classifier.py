"""DataMapClassifier: a data map from any estimator that learns in steps."""

import contextlib
import hashlib
from collections.abc import Generator, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from numbers import Integral
from typing import Any, Self

import numpy as np
import pandas as pd
import scipy
import sklearn
from joblib import effective_n_jobs
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin, MetaEstimatorMixin, clone
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.multioutput import MultiOutputClassifier
from sklearn.utils import check_consistent_length, check_random_state, column_or_1d
from sklearn.utils.metadata_routing import (
    UNUSED,
    MetadataRouter,
    MethodMapping,
    process_routing,
)
from sklearn.utils.metaestimators import available_if
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import check_is_fitted, validate_data

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.labels import (
    EncodedLabels,
    encode_labels,
    index_of,
    warn_other_index,
)
from sklearn_datamaps._core.measures import memorization
from sklearn_datamaps._core.messages import warn_caller
from sklearn_datamaps._core.public import found_in
from sklearn_datamaps._core.recorder import check_measures
from sklearn_datamaps._core.regions import BAND, N_STD
from sklearn_datamaps._data_map import DataMap
from sklearn_datamaps._learners import registry, sklearn_compat, skorch
from sklearn_datamaps._learners.blocks import (
    check_single_rows,
    in_row_blocks,
    warn_sorted_blocks,
    with_short_indices,
)
from sklearn_datamaps._learners.seeds import derive_seed
from sklearn_datamaps._learners.threads import Threads
from sklearn_datamaps._training.folds import Split, check_trainable, make_splits
from sklearn_datamaps._training.recipe import Data, Recipe
from sklearn_datamaps._training.record import (
    Progress,
    Record,
    continue_record,
    new_record,
    record_all_rows,
    record_fold,
    silent,
)

FITTED = (
    *("estimator_", "classes_", "n_epochs_", "data_map_", "history_", "_record"),
    "in_sample_map_",
)
FOLD = 2  # sets the seeds of folds apart from those of epochs and members


def learner_has(method: str) -> Any:
    """Check that the (fitted) learner has a method; AttributeError otherwise.

    Parameters
    ----------
    method : str
        Name of the method.

    Returns
    -------
    callable
        For ``available_if``.
    """

    def check(self: "DataMapClassifier") -> bool:
        learner = getattr(self, "estimator_", None) or self._estimator()
        getattr(registry.base_learner(learner), method)
        return True

    return check


@found_in("sklearn_datamaps")
class DataMapClassifier(ClassifierMixin, MetaEstimatorMixin, BaseEstimator):
    """Train a classifier epoch by epoch and record the map of its training data.

    After every epoch the probability the model gives to each row's own label is
    noted. Its mean over the epochs is the row's *confidence*, its standard deviation
    the *variability*, and the share of epochs in which the row was predicted right
    the *correctness*. Otherwise the estimator behaves like the one it wraps.

    Parameters
    ----------
    estimator : estimator, default=None
        A classifier with ``partial_fit`` and ``predict_proba`` or
        ``decision_function``, or one that is built in stages (see Notes). It is
        cloned, never modified. None:
        ``SGDClassifier(loss="log_loss", class_weight="balanced")``.
    n_epochs : int, default=10
        Passes over the data to train and record. Learners built in stages train
        their own number of stages; this many of them, evenly spaced, the last always
        among them, are recorded (if there are fewer: all).
    batch_size : int, default=None
        Rows per ``partial_fit`` call, shuffled anew in every epoch. None: all rows
        in one call; of ``"blocks"`` as many as hold about 2**24 values (some 200 MB).
        Not for learners built in stages.
    batch_order : {"rows", "blocks"}, default="rows"
        ``"rows"`` shuffles rows; ``"blocks"`` takes contiguous blocks of rows in
        shuffled order, for data on disk: a memory map is read from front to back of
        each block and never copied. The rows must not be sorted by class.
    response_method : {"auto", "predict_proba", "decision_function"}, default="auto"
        Where probabilities come from. ``"auto"``: ``predict_proba``, else
        ``decision_function`` through the logistic function (binary, multilabel) or
        softmax (multiclass).
    measures : sequence of str, default=()
        Extra measures to stream: ``"loss"``, ``"el2n"``, ``"forgetting"``,
        ``"first_learned"``, ``"mean_proba"``.
    store_trajectories : bool, default=False
        Keep the probability of the own label at every epoch, as float32.
    cv : int, splitter or iterable of (train, test), default=None
        Record every row out-of-fold: epoch by epoch, by models that never trained on
        it; ``cv=2`` is recommended. An int: that many stratified folds, shuffled
        with ``random_state``, in which equal rows of a sparse X, or the ``groups``
        given to ``fit``, stay together. None: in-sample, by the model trained on all
        rows.
    warm_start : bool, default=False
        Continue the record of the last ``fit`` on the same data up to ``n_epochs``,
        also after an interruption. The parameters of ``estimator`` are then those of
        the first ``fit``. Not with ``cv``.
    n_jobs : int, default=None
        With ``cv``: processes over the folds (or what the joblib backend chosen has
        instead); the result is the same for every number. Else: threads over the
        labels of a multilabel target.
    random_state : int, RandomState instance or None, default=None
        Base of a fresh seed for every epoch, batch and member, so that rows are
        reshuffled every epoch. None: the estimator's own integer seed, else a random
        one (noted in ``data_map_.meta["seed"]``). Pass an int for the same map bit
        for bit.
    verbose : int, default=0
        1: a progress bar with epoch, mean confidence and accuracy.

    Attributes
    ----------
    estimator_ : estimator
        The trained estimator; it works without the map. For a multilabel target and
        a learner of single labels: a fitted ``MultiOutputClassifier``.
    classes_ : ndarray of shape (n_classes,) or (n_labels,)
        Labels; multilabel: names of the labels.
    n_features_in_ : int
        Number of features seen during fit.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if X had string names.
    n_epochs_ : int
        Number of epochs recorded.
    data_map_ : DataMap
        The map, with regions, ranks, tables and plots. With ``cv`` it is out-of-fold
        and has the measures ``"memorization"`` and, with ``"mean_proba"`` among
        ``measures``, ``"label_trust"``.
    in_sample_map_ : DataMap
        With ``cv`` only: the in-sample map of ``estimator_``.
    history_ : pandas.DataFrame
        One row an epoch: ``mean_confidence`` and ``accuracy`` on the recorded rows.
    confidence_, variability_, correctness_ : ndarray of float64
        Arrays of the map, of shape (n_samples,) or (n_samples, n_labels).

    Raises
    ------
    TypeError
        In ``fit``: the estimator has neither ``partial_fit`` nor stages, or no
        probabilities, or it cannot take an argument of fit.
    ValueError
        In ``fit``: bad data or a bad parameter, before any training; or
        probabilities that became NaN, naming the epoch.

    See Also
    --------
    TrainingDynamics : Record any other training loop.

    Notes
    -----
    Probabilities are recorded after each epoch, on the rows the model was trained on
    (in-sample). The reference code of the paper logs them in the middle of an epoch,
    with dropout switched on.

    A model remembers rows, wrong labels too. With ``cv`` each fold is recorded by a
    clone trained on a copy of the others, and ``estimator_`` is still trained on all
    rows, as without ``cv``, and recorded in ``in_sample_map_``. What its confidence
    exceeds the one out-of-fold by is the row's ``"memorization"``. Equal rows of a
    dense X are not kept together: in a table of few columns they are seldom copies. A
    row whose class is in no other fold has a confidence near 0. An interrupted ``fit``
    has the rows of the folds that were complete (others are ``"unseen"``), or before
    the first one the in-sample map.

    Built in stages are all learners with ``staged_predict_proba`` (gradient boosting
    and AdaBoost of scikit-learn, CatBoost), ``XGBClassifier`` and ``LGBMClassifier``,
    and those registered with :func:`stages_of`. They are fitted once; an epoch is the
    model cut off after so many trees. Their own integer seed is kept unless
    ``random_state`` is given. ``XGBClassifier`` and skorch's networks take no labels
    but the integers from 0, so ``estimator_`` is trained on the positions in
    ``classes_``; ``predict`` of this class gives the labels.

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
    >>> clf.region_mask("easy").sum() > 75
    np.True_

    By models that never trained on the row they judge:

    >>> clf.set_params(cv=2).fit(scale(X), y).data_map_.meta["recording"]
    'out-of-fold'
    >>> clf.data_map_.rank("memorization", n_samples=3).shape
    (3,)
    """

    _parameter_constraints: dict[str, Any] = {  # noqa: RUF012 (scikit-learn's)
        "estimator": "no_validation",  # checked in fit, with advice
        "n_epochs": [sklearn_compat.Interval(Integral, 1, None, closed="left")],
        "batch_size": [sklearn_compat.Interval(Integral, 1, None, closed="left"), None],
        "batch_order": [sklearn_compat.StrOptions({"rows", "blocks"})],
        "response_method": [
            sklearn_compat.StrOptions({"auto", "predict_proba", "decision_function"})
        ],
        "measures": "no_validation",
        "store_trajectories": ["boolean"],
        "cv": ["cv_object"],
        "warm_start": ["boolean"],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }

    # What fit is given is for the learner alone; score uses its own sample_weight.
    __metadata_request__fit = {"sample_weight": UNUSED}  # noqa: RUF012 (scikit-learn's)

    def __init__(
        self,
        estimator: Any = None,
        *,
        n_epochs: int = 10,
        batch_size: int | None = None,
        batch_order: str = "rows",
        response_method: str = "auto",
        measures: Any = (),
        store_trajectories: bool = False,
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

    def _estimator(self) -> Any:
        return registry.default_learner() if self.estimator is None else self.estimator

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        inner = sklearn_compat.learner_tags(registry.base_learner(self._estimator()))
        if inner is not None:
            tags.input_tags.sparse = inner.input_tags.sparse
            tags.input_tags.allow_nan = inner.input_tags.allow_nan
            tags.input_tags.positive_only = inner.input_tags.positive_only
            tags.input_tags.categorical = inner.input_tags.categorical
            if inner.classifier_tags is not None:
                tags.classifier_tags.multi_class = inner.classifier_tags.multi_class
                tags.classifier_tags.poor_score = inner.classifier_tags.poor_score
        tags.classifier_tags.multi_label = True
        return tags

    def get_metadata_routing(self) -> MetadataRouter:
        """Tell how ``fit`` routes its arguments: to what trains the estimator.

        Returns
        -------
        MetadataRouter
        """
        router = MetadataRouter(owner=self).add_self_request(self)
        splitter = self._splitter()
        if splitter is not None:
            router.add(
                splitter=splitter,
                method_mapping=MethodMapping().add(caller="fit", callee="split"),
            )
        return router.add(
            estimator=registry.base_learner(self._estimator()),
            method_mapping=MethodMapping().add(
                caller="fit", callee=registry.training_method(self._estimator())
            ),
        )

    def _splitter(self) -> Any:
        """Return what arguments of fit are routed to, or None."""
        if isinstance(self.cv, Integral):
            return StratifiedGroupKFold()  # what an int becomes where there are groups
        return self.cv if hasattr(self.cv, "split") else None

    @sklearn_compat.fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any, sample_weight: Any = None, **fit_params: Any) -> Self:
        """Train for ``n_epochs`` epochs and record the map.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The features. CSR is used as it is; other sparse formats are converted
            once.
        y : array-like of shape (n_samples,), or (n_samples, n_labels)
            Labels of any kind, or a 0/1 indicator for multilabel.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights for training; measures are of unweighted rows.
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
        estimator = self._estimator()
        recipe = self._recipe(estimator)
        resume = self.warm_start and hasattr(self, "_record")
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but "
                f"the target y is None."
            )
        features = X
        _refuse_dask(X, y)
        in_blocks = self.batch_order == "blocks" and self.cv is None
        X = self._validate(features, reset=not resume, in_blocks=in_blocks)
        warn_other_index(y, features)
        index = index_of(X.shape[0], y, features)
        labels = self._encode(X, y, estimator)
        params, of_splitter = self._fit_params(X, labels, sample_weight, fit_params)
        data = Data(X, labels, _readable(y, labels), params)
        registry.warn_no_dynamics(estimator)
        if recipe.staged:
            registry.warn_held_out(estimator, X.shape[0])
        if in_blocks:
            warn_sorted_blocks(X, labels, self.batch_size)
        else:
            check_single_rows(X, copied=self.cv is not None)

        key = (X.shape, _digest(labels), recipe.measures, self.store_trajectories)
        if resume:
            self._check_resumable(key)
            self._train(recipe, data, self._record)
            return self
        seed = self._base_seed(estimator)
        splits = self._splits(recipe, data, seed, of_splitter)
        for name in FITTED:
            self.__dict__.pop(name, None)
        if splits is None:
            record = new_record(recipe, labels, seed, index=index, key=key)
            self._train(recipe, data, record)
        else:
            self._train_folds(recipe, data, seed, index, splits)
        return self

    def _recipe(self, estimator: Any) -> Recipe:
        response_method = registry.check_learner(estimator, self.response_method)
        staged = registry.is_staged(estimator)
        if staged:
            registry.check_not_for_stages(
                registry.base_learner(estimator),
                batch_size=self.batch_size,
                batch_order=self.batch_order,
                warm_start=self.warm_start,
            )
        if self.cv is not None and self.warm_start:
            raise ValueError(
                "warm_start=True cannot be used with cv: the models of the folds are "
                "not kept. Set warm_start=False, or cv=None."
            )
        own_seeds = self.random_state is None and bool(self._own_seeds(estimator))
        threads = Threads()
        if self.cv is not None:
            threads = Threads.here(registry.base_learner(estimator))
        return Recipe(
            estimator,
            self.n_epochs,
            response_method,
            batch_size=self.batch_size,
            batch_order=self.batch_order,
            own_seeds=own_seeds,
            measures=check_measures(self.measures),
            store_trajectories=self.store_trajectories,
            n_jobs=self.n_jobs if self.cv is None else None,
            threads=threads,
        )

    def _splits(
        self, recipe: Recipe, data: Data, seed: int, params: dict[str, Any]
    ) -> list[Split] | None:
        if self.cv is None:
            return None
        weights = data.params.get("sample_weight")
        splits = make_splits(self.cv, data.X, data.labels, seed, params)
        check_trainable(splits, data.labels, weights, fitted=recipe.sees_every_class)
        return splits

    def _validate(self, X: Any, *, reset: bool, in_blocks: bool = False) -> Any:
        return validate_features(self, X, reset=reset, in_blocks=in_blocks)

    def _encode(self, X: Any, y: Any, estimator: Any) -> EncodedLabels:
        check_consistent_length(X, y)
        if getattr(y, "ndim", 1) == 2 and y.shape[1] == 1 and not sparse.issparse(y):
            y = column_or_1d(y, warn=True)
        labels = encode_labels(y)
        n_set = labels.counts()
        varied = (n_set > 0) & (n_set < len(labels.codes))
        registry.check_targets(estimator, labels, varied)
        return labels

    def _fit_params(
        self,
        X: Any,
        labels: EncodedLabels,
        sample_weight: Any,
        fit_params: dict[str, Any],
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Arguments of fit for the learner, and those for the splitter."""
        params = {k: v for k, v in fit_params.items() if v is not None}
        if sample_weight is not None:
            weights = sklearn_compat.check_sample_weight(sample_weight, X)
            if len(np.unique(labels.codes[weights != 0], axis=0)) < 2:
                raise ValueError(
                    "sample_weight leaves one class only: the rows of every other "
                    "class have weight 0. A map needs at least two classes."
                )
            params["sample_weight"] = weights
        # Without arguments, what process_routing returns has every name, without end.
        if params and sklearn_compat.routing_enabled():
            routed = process_routing(self, "fit", **params)
            of_splitter = {} if self._splitter() is None else routed.splitter.split
            training = registry.training_method(self._estimator())
            return dict(routed.estimator[training]), dict(of_splitter)
        of_splitter = {}
        if self.cv is not None and "groups" in params:
            of_splitter["groups"] = params.pop("groups")
        registry.check_fit_params(registry.base_learner(self._estimator()), params)
        return params, of_splitter

    def _base_seed(self, estimator: Any) -> int:
        random_state = self.random_state
        if random_state is None:
            random_state = next(iter(self._own_seeds(estimator)), None)
        if isinstance(random_state, Integral):
            return int(random_state)
        return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))

    @staticmethod
    def _own_seeds(estimator: Any) -> list[Any]:
        """Seeds that the user set in the learner."""
        if not hasattr(estimator, "get_params"):
            return []
        return [
            value
            for key, value in clone(estimator).get_params(deep=True).items()
            if key.endswith("random_state") and value is not None
        ]

    def _check_resumable(self, key: tuple[Any, ...]) -> None:
        names = ("the shape of X", "the labels", "measures", "store_trajectories")
        changed = [
            name
            for name, old, new in zip(names, self._record.key, key, strict=True)
            if old != new
        ]
        if changed:
            raise ValueError(
                f"warm_start=True continues the record of the last fit, but "
                f"{' and '.join(changed)} changed. Set warm_start=False to start anew."
            )
        seed = self.random_state
        if isinstance(seed, Integral) and seed != self._record.seed:
            raise ValueError(
                f"warm_start=True continues the record made with seed "
                f"{self._record.seed}; got random_state={seed}. Set "
                f"warm_start=False to start anew."
            )
        if self.n_epochs < self.n_epochs_:
            raise ValueError(
                f"warm_start=True continues {self.n_epochs_} recorded epochs; n_epochs="
                f"{self.n_epochs} must not be smaller."
            )
        if self.n_epochs == self.n_epochs_:
            warn_caller(
                f"warm_start=True with n_epochs={self.n_epochs}, all of which are "
                f"recorded: nothing was trained. Increase n_epochs to go on.",
            )

    def _train(self, recipe: Recipe, data: Data, record: Record) -> None:
        """Train on all rows and record them, as far as it gets."""
        run = recipe.run(data, record.seed, members=record.members)
        progress = partial(self._progress, None if self.cv is None else "all rows")
        try:
            continue_record(run, record, self.n_epochs, progress=progress)
        except BaseException:
            if record.dynamics.n_epochs:
                self._publish(recipe, data, record, run.members)
            raise
        self._publish(recipe, data, record, run.members)

    def _train_folds(
        self,
        recipe: Recipe,
        data: Data,
        seed: int,
        index: pd.Index,
        splits: list[Split],
    ) -> None:
        """Train on all rows and on every fold; the map is that of the rows held out."""
        n_workers = effective_n_jobs(self.n_jobs)
        progress: Progress = silent
        jobs = []
        if n_workers == 1:
            self._train(
                recipe, data, new_record(recipe, data.labels, seed, index=index)
            )
        else:
            jobs.append(delayed(record_all_rows)(recipe, data, seed, index))
        for number, (train, test) in enumerate(splits):
            if n_workers == 1:
                fold = f"fold {number + 1} of {len(splits)}"
                progress = partial(self._progress, fold)
            of_fold = derive_seed(seed, number, FOLD)
            jobs.append(
                delayed(record_fold)(recipe, data, train, test, of_fold, progress)
            )
        whole = new_record(recipe, data.labels, seed, index=index)
        try:
            with contextlib.closing(self._results(jobs, n_workers)) as results:
                if n_workers > 1:
                    record, members = next(results)
                    self._publish(recipe, data, record, members)
                for record, (_, test) in zip(results, splits, strict=True):
                    whole.absorb(record, test, self.in_sample_map_.n_epochs)
        finally:
            if whole.totals and hasattr(self, "data_map_"):
                self._publish_folds(recipe, whole, len(splits))

    def _results(self, jobs: list[Any], n_workers: int) -> Generator[Any, None, None]:
        """Results of the jobs in their order, with a bar of the models if wanted."""
        parallel = Parallel(n_jobs=self.n_jobs, return_as="generator")
        with contextlib.closing(parallel(jobs)) as results:
            if not self.verbose or n_workers == 1:
                yield from results
                return
            from tqdm import tqdm

            yield from tqdm(results, total=len(jobs), unit="model")

    @contextlib.contextmanager
    def _progress(self, what: str | None, done: int, n_epochs: int) -> Iterator[Any]:
        """A tqdm bar over the epochs, or nothing."""
        if not self.verbose:
            yield lambda _: None
            return
        from tqdm import tqdm

        with tqdm(total=n_epochs, initial=done, unit="epoch", desc=what) as bar:

            def advance(totals: Array) -> None:
                cells, confidence, right = totals
                bar.set_postfix(
                    confidence=f"{confidence / cells:.3f}",
                    accuracy=f"{right / cells:.3f}",
                    refresh=False,
                )
                bar.update()

            yield advance

    def _publish(
        self, recipe: Recipe, data: Data, record: Record, members: list[Any]
    ) -> None:
        """Set the fitted attributes from what is recorded of all rows."""
        meta = self._meta(recipe, record)
        self.data_map_ = record.dynamics.to_map(DataMap, meta=meta)
        self.history_ = record.history()
        self.classes_ = data.labels.classes
        self.n_epochs_ = self.data_map_.n_epochs
        self.estimator_ = registry.assemble(recipe.estimator, members, data.labels)
        if self.cv is None:
            self._record = record
        else:
            self.in_sample_map_ = self.data_map_

    def _publish_folds(self, recipe: Recipe, record: Record, n_folds: int) -> None:
        """Put the map of the rows held out in place of the in-sample one."""
        in_sample = self.in_sample_map_
        meta = self._meta(recipe, record)
        meta |= {"recording": "out-of-fold", "n_folds": n_folds}
        # After an interruption some folds are missing.
        out_of_fold = record.dynamics.to_map(DataMap, allow_incomplete=True, meta=meta)
        owed = memorization(in_sample.confidence, out_of_fold.confidence)
        measures = {**out_of_fold.measures, "memorization": owed}
        if "mean_proba" in in_sample.measures:
            # What is left of the in-sample probabilities, for label_trust.
            measures["in_sample_logit_margin"] = in_sample.measure("logit_margin")
        self.data_map_ = replace(out_of_fold, measures=measures)
        self.history_ = record.history()
        self.n_epochs_ = self.data_map_.n_epochs

    def _meta(self, recipe: Recipe, record: Record) -> dict[str, Any]:
        return {
            "learner": " of ".join(
                type(inner).__name__
                for inner in sklearn_compat.with_inner(recipe.estimator)
            ),
            "recording": "in-sample",
            "seed": record.seed,
            "batch_size": self.batch_size,
            "batch_order": self.batch_order,
            "response_method": recipe.response_method,
            "stages": record.stages,
            "versions": {
                module.__name__: module.__version__ for module in (sklearn, np, scipy)
            },
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
        }

    def _map_array(self, name: str) -> Array:
        check_is_fitted(self)
        values: Array = getattr(self.data_map_, name)
        return values

    @property
    def confidence_(self) -> Array:
        """Mean over epochs of the probability of the own label."""
        return self._map_array("confidence")

    @property
    def variability_(self) -> Array:
        """Population standard deviation over epochs of that probability."""
        return self._map_array("variability")

    @property
    def correctness_(self) -> Array:
        """Share of the epochs in which the own label was predicted."""
        return self._map_array("correctness")

    def region_mask(
        self, region: str, *, band: float = BAND, n_std: float = N_STD
    ) -> Array:
        """Which training rows lie in a region; see :meth:`DataMap.region_mask`.

        Parameters
        ----------
        region : {"easy", "ambiguous", "hard", "easy-to-learn", "hard-to-learn"}
            Name of the region.
        band : float, default=0.1
            Least half-width of the ambiguous region, in units of confidence.
        n_std : float, default=1.0
            Standard deviations of the margin that count as ambiguous.

        Returns
        -------
        ndarray of bool, shape of confidence_

        Raises
        ------
        NotFittedError
            Before ``fit``.
        ValueError
            If there is no such region.
        """
        check_is_fitted(self)
        return self.data_map_.region_mask(region, band=band, n_std=n_std)

    def _features(self, X: Any) -> Any:
        check_is_fitted(self)
        _refuse_dask(X)
        return self._validate(X, reset=False)

    @available_if(learner_has("predict"))
    def predict(self, X: Any) -> Array:
        """Predict labels.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The features.

        Returns
        -------
        ndarray of shape (n_samples,), or the indicator of shape (n_samples, n_labels)
        """
        X = self._features(X)
        predicted: Array = in_row_blocks(self.estimator_.predict, X)
        if sklearn_compat.needs_codes(self.estimator_) and predicted.ndim == 1:
            return np.asarray(self.classes_[predicted])
        return predicted

    @available_if(learner_has("predict_proba"))
    def predict_proba(self, X: Any) -> Array:
        """Predict probabilities; only where the learner has them.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The features.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Multilabel: (n_samples, n_labels), the probability that each label is set.
        """
        X = self._features(X)
        return in_row_blocks(self._predict_proba, X)

    def _predict_proba(self, X: Any) -> Array:
        proba: Any = self.estimator_.predict_proba(X)
        if isinstance(proba, list):
            return np.column_stack([columns[:, 1] for columns in proba])
        return np.asarray(proba)

    @available_if(learner_has("decision_function"))
    def decision_function(self, X: Any) -> Array:
        """Confidence scores; only where the learner has them.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The features.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            Multilabel: (n_samples, n_labels).
        """
        return in_row_blocks(self._decision_function, self._features(X))

    def _decision_function(self, X: Any) -> Array:
        if isinstance(self.estimator_, MultiOutputClassifier):
            return np.column_stack(
                [member.decision_function(X) for member in self.estimator_.estimators_]
            )
        decision: Array = self.estimator_.decision_function(X)
        return decision


def validate_features(
    classifier: DataMapClassifier, X: Any, *, reset: bool, in_blocks: bool = False
) -> Any:
    """Check X and convert it, once, to what the learner reads epoch after epoch.

    Parameters
    ----------
    classifier : DataMapClassifier
        Its learner says what it reads; errors name the class.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The features.
    reset : bool
        Whether to note the number of features and their names, or to compare them.
    in_blocks : bool, default=False
        Whether X will be read in blocks of rows alone.

    Returns
    -------
    {ndarray, csr} of shape (n_samples, n_features)

    Raises
    ------
    ValueError
        If X has missing or infinite values, or other features than before.
    """
    estimator = classifier.estimator
    learner = registry.base_learner(
        registry.default_learner() if estimator is None else estimator
    )
    tags = sklearn_compat.learner_tags(learner)
    net = skorch.is_net(learner)
    input_dtype = skorch.input_dtype if net else sklearn_compat.input_dtype
    X = validate_data(
        classifier,
        X,
        reset=reset,
        accept_sparse="csr",
        dtype=input_dtype(learner),
        order=None if sparse.issparse(X) else "C",
        allow_nd=net,
        ensure_all_finite=not (tags and tags.input_tags.allow_nan),
    )
    return with_short_indices(X, in_blocks=in_blocks)


def _readable(y: Any, labels: EncodedLabels) -> Array | None:
    """Labels as given, where a learner can read those."""
    if labels.multilabel:
        return None
    given = np.asarray(y)
    return given if given.ndim == 1 and given.dtype != object else None


def _refuse_dask(*data: Any) -> None:
    """Name the class for collections of Dask, before one of them is computed here."""
    given = [value for value in data if hasattr(type(value), "__dask_graph__")]
    if given:
        raise TypeError(
            f"The data are a collection of Dask ({type(given[0]).__name__}), which "
            f"would be gathered in this process. Use sklearn_datamaps.dask."
            f"DataMapClassifier, which works on its blocks, or call .compute() first."
        )


def _digest(labels: EncodedLabels) -> str:
    digest = hashlib.sha256(np.ascontiguousarray(labels.codes).data)
    digest.update(repr(labels.classes.tolist()).encode())
    return digest.hexdigest()
