"""DataMapSampler: a subset of the rows, chosen by their data map."""

import contextlib
from dataclasses import dataclass, fields
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import (
    BaseEstimator,
    MetaEstimatorMixin,
    OneToOneFeatureMixin,
    clone,
)
from sklearn.frozen import FrozenEstimator
from sklearn.utils import InputTags, Tags, check_consistent_length
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping
from sklearn.utils.validation import validate_data

from sklearn_datamaps._core import registry
from sklearn_datamaps._core.labels import EncodedLabels, encode_labels, index_of
from sklearn_datamaps._core.public import found_in
from sklearn_datamaps._curation.sampling_rule import Rule
from sklearn_datamaps._data_map import DataMap
from sklearn_datamaps._learners import sklearn_compat
from sklearn_datamaps._learners.features import validate_features
from sklearn_datamaps._learners.registry import learner_of
from sklearn_datamaps._training.classifier import DataMapClassifier


@dataclass(slots=True)
class SamplerInputTags(InputTags):
    """Tags of X, with one that imbalanced-learn adds."""

    dataframe: bool = True


@dataclass(slots=True)
class SamplerTags:
    """Tags of a sampler, under the names of imbalanced-learn."""

    sample_indices: bool = True


@dataclass(slots=True)
class TagsOfSampler(Tags):
    """Tags with those of samplers, under the names of imbalanced-learn."""

    sampler_tags: SamplerTags | None = None


def with_sampler_tags(tags: Tags) -> TagsOfSampler:
    """Add to the tags of an estimator what imbalanced-learn asks of a sampler.

    Parameters
    ----------
    tags : Tags
        Of scikit-learn.
    """

    def values(of: Any) -> dict[str, Any]:
        return {field.name: getattr(of, field.name) for field in fields(of)}

    given = values(tags) | {"input_tags": SamplerInputTags(**values(tags.input_tags))}
    return TagsOfSampler(**given, sampler_tags=SamplerTags())


@found_in("sklearn_datamaps")
class DataMapSampler(
    sklearn_compat.LinkedInDiagrams,
    OneToOneFeatureMixin,
    MetaEstimatorMixin,
    BaseEstimator,
):
    """Keep the rows of the training data that their data map recommends.

    A map of the data is recorded, and regions of it, or a fraction of the rows along
    one measure, are kept or dropped. Without ``keep`` and ``drop`` it is the paper's
    subset: the third of the rows with the highest variability. The class follows the
    contract of imbalanced-learn, ``fit_resample`` and ``sample_indices_``, without
    needing it, and is a step of its ``Pipeline``.

    .. versionadded:: 0.1

    Parameters
    ----------
    estimator : estimator or DataMap, default=None
        What records the map. A :class:`DataMapClassifier` is cloned and fitted; so is
        any other classifier, in a ``DataMapClassifier`` of defaults. A
        :class:`DataMap` is used as it is; its rows must be those of X and y. To reuse
        a fitted classifier, give its ``data_map_`` or
        ``sklearn.frozen.FrozenEstimator(classifier)``. None: the default of
        ``DataMapClassifier``.
    keep : str or sequence of str, default=None
        Regions to keep (``"easy"``, ``"ambiguous"``, ``"hard"``, or their aliases
        ``"easy-to-learn"``, ``"hard-to-learn"``), or the measure along which
        ``fraction`` of the rows is kept, the most telling first, as in
        :meth:`DataMap.rank`.
    drop : str or sequence of str, default=None
        The same, to drop. Not together with ``keep``.
    fraction : float, default=None
        Share of the rows to keep or drop, in (0, 1]; needed with a measure. None
        without ``keep`` and ``drop``: 1/3.
    ascending : bool, default=None
        Whether the lowest values of the measure come first. None: its natural
        direction (lowest confidence, highest variability, ...).
    easy_fraction : float, default=0.0
        Share of the kept rows, in [0, 1], that is taken from the rows of highest
        confidence instead. In the paper a small subset of ambiguous rows alone is not
        enough to learn from. With a measure in ``keep`` only; fewer, without
        ``stratify``, where ``min_per_class`` needs the room.
    stratify : bool, default=False
        Whether every class keeps its share: quotas in proportion to the sizes of the
        classes, by largest remainder. With a measure only.
    min_per_class : int, default=1
        Fewest rows to keep of every class (of one with fewer, all), so that none
        disappears. With a measure they count in ``fraction``. With regions, the rows of
        the class whose margin is nearest to them are added.
    random_state : int, RandomState instance or None, default=None
        Seed of the map, in place of that of ``estimator``. None: that one. Pass an
        int for the same rows every time. The choice itself is not random.

    Attributes
    ----------
    sample_indices_ : ndarray of int of shape (n_samples_new,)
        Positions of the rows kept, ascending.
    sampling_strategy_ : dict
        How many rows of each class are kept, by label.
    data_map_ : DataMap
        The map of all rows.
    n_features_in_ : int
        Number of features, if X has two dimensions.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if X had string names.

    Raises
    ------
    ValueError
        In ``fit_resample``, before any training: parameters that do not go together, an
        unknown region or measure, a fraction that leaves no row or fewer than
        ``min_per_class`` of every class asks for, a multilabel y, or a map of other
        rows. After it: regions that leave no row, or rows of one class only.

    See Also
    --------
    DataMap.rank : Rows in the order of a measure, without classes.

    Notes
    -----
    As many rows are kept as are asked for, exactly: with ``keep``,
    ``round(fraction * n_samples)``, at least one; with ``drop`` as many are dropped,
    even where that takes rows of another class so that ``min_per_class`` stay. Ties
    keep the order of the rows. A row that the map has not recorded is neither kept by
    ``keep`` nor dropped by ``drop`` (only to reach the exact number, last of all).

    Without ``stratify`` the rows of a class that is hard to learn are kept more often;
    with it the classes keep their proportions.

    A suspicious row is best judged by models that never trained on it: give
    ``DataMapClassifier(learner, cv=2)``. Measures to be recorded on request are
    requested; ``"memorization"`` and ``"label_quality"`` take ``cv=2``, too.

    A subset is no shortcut by itself. On GoEmotions, with words as features and a
    linear model, most subsets were worse to train on than as many random rows; maps
    out-of-fold with quotas came nearest (``python -m benchmarks selection``). Compare
    on data held out.

    Rows of a test set must never be sampled; the ``Pipeline`` of imbalanced-learn calls
    ``fit_resample`` in ``fit`` alone. scikit-learn's own ``Pipeline`` takes no sampler.

    References
    ----------
    Swayamdipta et al., Dataset Cartography: Mapping and Diagnosing Datasets with
    Training Dynamics, EMNLP 2020, arXiv:2009.10795, sections 3 and 4.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.preprocessing import scale
    >>> from sklearn_datamaps import DataMapSampler
    >>> X, y = load_iris(return_X_y=True)
    >>> X = scale(X)
    >>> sampler = DataMapSampler(easy_fraction=0.2, stratify=True, random_state=0)
    >>> X_subset, y_subset = sampler.fit_resample(X, y)
    >>> X_subset.shape
    (50, 4)
    >>> sampler.sampling_strategy_
    {0: 17, 1: 17, 2: 16}

    The rows that look wrong, dropped:

    >>> sampler = DataMapSampler(drop="confidence", fraction=0.02, random_state=0)
    >>> len(sampler.fit_resample(X, y)[1])
    147
    """

    _estimator_type = "sampler"  # where imbalanced-learn asks

    _parameter_constraints: dict[str, Any] = {  # noqa: RUF012 (scikit-learn's)
        "estimator": "no_validation",  # checked by DataMapClassifier, with advice
        "keep": "no_validation",  # checked with drop, with advice
        "drop": "no_validation",
        "fraction": [sklearn_compat.Interval(Real, 0, 1, closed="right"), None],
        "ascending": ["boolean", None],
        "easy_fraction": [sklearn_compat.Interval(Real, 0, 1, closed="both")],
        "stratify": ["boolean"],
        "min_per_class": [sklearn_compat.Interval(Integral, 0, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: Any = None,
        *,
        keep: Any = None,
        drop: Any = None,
        fraction: float | None = None,
        ascending: bool | None = None,
        easy_fraction: float = 0.0,
        stratify: bool = False,
        min_per_class: int = 1,
        random_state: Any = None,
    ) -> None:
        self.estimator = estimator
        self.keep = keep
        self.drop = drop
        self.fraction = fraction
        self.ascending = ascending
        self.easy_fraction = easy_fraction
        self.stratify = stratify
        self.min_per_class = min_per_class
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.estimator_type = "sampler"
        tags.target_tags.required = True
        tags.input_tags.sparse = tags.input_tags.allow_nan = True
        if self._ready_map() is None:
            tags.input_tags = self._recorder(None).__sklearn_tags__().input_tags
        return with_sampler_tags(tags)

    def get_metadata_routing(self) -> MetadataRouter:
        """Tell how ``fit_resample`` routes its arguments: to what trains the map.

        Returns
        -------
        MetadataRouter
        """
        router = MetadataRouter(owner=self)
        if self._ready_map() is None:
            mapping = MethodMapping()
            # scikit-learn knows of this method once imbalanced-learn is imported;
            # before that there is nobody to route to it.
            with contextlib.suppress(ValueError):
                mapping.add(caller="fit_resample", callee="fit")
            router.add(estimator=self._recorder(None), method_mapping=mapping)
        return router

    @sklearn_compat.fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any) -> Self:
        """Check the parameters and the data; to sample, use ``fit_resample``.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The features.
        y : array-like of shape (n_samples,)
            The labels.

        Returns
        -------
        self : DataMapSampler

        Raises
        ------
        ValueError
            See the class.
        """
        rule = self._rule()
        if self._ready_map() is None:
            recorder = self._recorder(rule.measure)
            learner = learner_of(recorder.estimator)
            validate_features(recorder, learner, X, reset=True)
        self._check_data(rule, X, y)
        return self

    @sklearn_compat.fit_context(prefer_skip_nested_validation=False)
    def fit_resample(self, X: Any, y: Any, **fit_params: Any) -> tuple[Any, Any]:
        """Record the map of the rows and keep some of them.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The features. With a ready map anything that has rows, such as texts.
        y : array-like of shape (n_samples,)
            The labels.
        **fit_params : dict
            Arguments of ``DataMapClassifier.fit``, such as ``sample_weight``, for the
            training of the map alone; those of the rows kept are
            ``sample_weight[sampler.sample_indices_]``. The ``Pipeline`` of
            imbalanced-learn hands them on when metadata routing is enabled, and
            without it leaves them out.

        Returns
        -------
        X_resampled, y_resampled
            The rows kept, in their order, of the types given; pandas objects keep their
            index. Sparse formats other than CSR and CSC become CSR.

        Raises
        ------
        TypeError, ValueError
            See the class, and ``DataMapClassifier``.
        """
        rule = self._rule()
        labels = self._check_data(rule, X, y)
        self.data_map_ = self._map(rule, X, y, fit_params)
        rows = rule.rows(self.data_map_, labels.codes)
        kept = np.bincount(labels.codes[rows], minlength=len(labels.classes))
        if (kept > 0).sum() < min(2, len(kept)):
            raise ValueError(
                f"{len(rows):,} of {len(labels.codes):,} rows would be kept, of "
                f"{(kept > 0).sum()} class. Set min_per_class=1 to keep some rows of "
                f"every class, or keep more. data_map_.summary(by='label') counts the "
                f"regions."
            )
        self.sample_indices_ = rows
        self.sampling_strategy_ = dict(
            zip(labels.classes.tolist(), kept.tolist(), strict=True)
        )
        if sparse.issparse(X) and X.format != "csc":
            X = X.tocsr()
        return sklearn_compat.take_rows(X, rows), sklearn_compat.take_rows(y, rows)

    def _ready_map(self) -> DataMap | None:
        if isinstance(self.estimator, DataMap):
            return self.estimator
        if isinstance(self.estimator, FrozenEstimator):
            return DataMap.from_estimator(self.estimator)
        return None

    def _recorder(self, measure: str | None) -> DataMapClassifier:
        """Classifier that records the map, and the measure if it is an extra one."""
        ours = isinstance(self.estimator, DataMapClassifier)
        recorder = clone(self.estimator) if ours else DataMapClassifier(self.estimator)
        if self.random_state is not None:
            recorder.random_state = self.random_state
        streams, held_out = registry.required(measure) if measure else ((), False)
        if held_out and recorder.cv is None:
            if ours:
                raise ValueError(
                    f"The measure {measure!r} takes rows held out, but the "
                    f"DataMapClassifier given has cv=None. Set its cv=2."
                )
            recorder.cv = 2
        missing = [name for name in streams if name not in recorder.measures]
        recorder.measures = (*recorder.measures, *missing)
        return recorder

    def _rule(self) -> Rule:
        return Rule.of(
            self.keep,
            self.drop,
            fraction=self.fraction,
            ascending=self.ascending,
            easy_fraction=self.easy_fraction,
            stratify=self.stratify,
            min_per_class=self.min_per_class,
        )

    def _check_data(self, rule: Rule, X: Any, y: Any) -> EncodedLabels:
        """Encode the labels; refuse what cannot be sampled, before any training."""
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but "
                f"the target y is None."
            )
        validate_data(self, X, reset=True, skip_check_array=True)
        check_consistent_length(X, y)
        labels = encode_labels(y)
        if labels.multilabel:
            raise ValueError(
                f"Multilabel and multioutput targets are not supported; y has "
                f"{labels.codes.shape[1]} columns. Choose rows from the map of a "
                f"DataMapClassifier: data_map_.rank('variability', fraction=1/3, "
                f"per_row='worst')."
            )
        rule.check_size(labels.codes)
        ready = self._ready_map()
        if ready is not None:
            _check_same_rows(ready, X, y, labels)
        return labels

    def _map(self, rule: Rule, X: Any, y: Any, fit_params: dict[str, Any]) -> DataMap:
        ready = self._ready_map()
        if ready is None:
            recorder = self._recorder(rule.measure)
            return recorder.fit(X, _column(y), **fit_params).data_map_
        if fit_params:
            raise TypeError(
                f"A ready map is not trained and takes no {', '.join(fit_params)}."
            )
        return ready


def _check_same_rows(data_map: DataMap, X: Any, y: Any, labels: EncodedLabels) -> None:
    """Refuse a map of other rows than X and y."""
    n_samples = len(labels.codes)
    advice = (
        "Give the map of exactly these rows, or an estimator, which records one in "
        "every fit (as a search or cross-validation needs it)."
    )
    if data_map.multilabel:
        raise ValueError(f"The map is multilabel, y is not. {advice}")
    if data_map.n_samples != n_samples:
        raise ValueError(
            f"The map has {data_map.n_samples:,} rows, X and y have {n_samples:,}. "
            f"{advice}"
        )
    if data_map.has_labels:
        same = pd.Index(data_map.classes).get_indexer(pd.Index(labels.classes))
        differs = same[labels.codes] != data_map.label_codes()
        if differs.any():
            raise ValueError(
                f"The labels of {differs.sum():,} of {n_samples:,} rows are not those "
                f"of the map; the first is row {differs.argmax()}. {advice}"
            )
    index = index_of(n_samples, y, X)
    unnamed = pd.RangeIndex(n_samples)
    if not (
        index.equals(data_map.index)
        or index.equals(unnamed)
        or data_map.index.equals(unnamed)
    ):
        raise ValueError(f"X or y has another index than the map. {advice}")


def _column(y: Any) -> Any:
    """Labels in one dimension, if y is one column."""
    if getattr(y, "ndim", 1) == 1:
        return y
    return y.iloc[:, 0] if isinstance(y, pd.DataFrame) else np.asarray(y)[:, 0]
