"""The data map: the frozen result that every producer makes and every view reads."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from numbers import Real
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from sklearn_datamaps._core import measures as measures_module
from sklearn_datamaps._core import quality
from sklearn_datamaps._core import regions as regions_module
from sklearn_datamaps._core.arrays import as_array

if TYPE_CHECKING:
    from sklearn_datamaps._views.comparison import DataMapComparison
    from sklearn_datamaps._views.scatter import DataMapDisplay

Array = NDArray[Any]


@dataclass(frozen=True, eq=False, repr=False)
class DataMap:
    """Training dynamics of every row of a labelled dataset, summed up.

    Get one from :class:`~sklearn_datamaps.DataMapClassifier` (``data_map_``), from
    your own training loop with :class:`~sklearn_datamaps.TrainingDynamics`, or with
    :meth:`from_probabilities`. All arrays are read-only and have one entry per row;
    for multilabel targets they have shape (n_samples, n_labels).

    Attributes
    ----------
    confidence : ndarray of float64
        Mean over epochs of the probability of the own label, in [0, 1].
    variability : ndarray of float64
        Population standard deviation of it over epochs, in [0, 0.5].
    correctness : ndarray of float64
        Share of the epochs in which the own label was predicted, in [0, 1].
    margin, margin_std : ndarray of float64
        Mean and standard deviation over epochs of the own probability less the
        largest other one, in [-1, 1] and [0, 1].
    label, predicted : ndarray
        The given label, and the prediction at the last recorded epoch;
        multilabel: whether each label is set. None where not known.
    classes : ndarray of shape (n_classes,) or (n_labels,)
        The labels; multilabel: their names. Empty if the labels are not known, as in
        a map from :func:`~sklearn_datamaps.read_coordinates` without ``y``.
    n_epochs : int
        Number of recorded epochs.
    index : pandas.Index
        Names of the rows.
    measures : mapping of str to ndarray
        The extra measures that were streamed.
    trajectories : ndarray of shape (n_epochs, n_samples[, n_labels]) or None
        Probability of the own label at every epoch, float32, when stored.
    meta : mapping
        Learner, seed, recording, versions, time: how the map was made.
    columns : mapping of str to ndarray
        What :meth:`with_columns` attached to the rows, such as their text.

    References
    ----------
    Swayamdipta et al., Dataset Cartography: Mapping and Diagnosing Datasets with
    Training Dynamics, EMNLP 2020, arXiv:2009.10795.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_datamaps import DataMap
    >>> proba_of_spam = np.array([[0.6, 0.4, 0.2], [0.9, 0.6, 0.1]])
    >>> proba = np.stack([1 - proba_of_spam, proba_of_spam], axis=-1)
    >>> data_map = DataMap.from_probabilities(proba, ["spam", "spam", "spam"],
    ...                                       classes=["ham", "spam"])
    >>> data_map.confidence
    array([0.75, 0.5 , 0.15])
    >>> data_map.regions()
    array(['easy', 'ambiguous', 'hard'], dtype='<U9')
    >>> data_map.rank("confidence", n_samples=1)
    array([2])
    """

    confidence: Array
    variability: Array
    correctness: Array
    label: Array
    predicted: Array
    classes: Array
    n_epochs: int
    index: pd.Index
    measures: Mapping[str, Array] = field(default_factory=dict)
    trajectories: Array | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)
    columns: Mapping[str, Array] = field(default_factory=dict)
    _margin: Array | None = None
    _margin_std: Array | None = None

    def __post_init__(self) -> None:
        for name in _array_fields(self):
            object.__setattr__(self, name, _readonly(getattr(self, name)))
        for name in ("measures", "columns"):
            arrays = {k: _readonly(v) for k, v in getattr(self, name).items()}
            object.__setattr__(self, name, MappingProxyType(arrays))
        object.__setattr__(self, "meta", MappingProxyType(dict(self.meta)))

    def __getstate__(self) -> dict[str, Any]:
        state = {f.name: getattr(self, f.name) for f in fields(self)}
        return state | {name: dict(state[name]) for name in _MAPPINGS}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            object.__setattr__(self, name, value)
        self.__post_init__()

    @classmethod
    def from_probabilities(
        cls,
        proba: Any,
        y: Any,
        *,
        classes: ArrayLike | None = None,
        multilabel: bool = False,
        logits: bool = False,
        measures: Iterable[str] = (),
        store_trajectories: bool = False,
        index: pd.Index | None = None,
        meta: Mapping[str, Any] | None = None,
    ) -> "DataMap":
        """Map from all probabilities at once: ``proba[epoch, row, class]``.

        Parameters
        ----------
        proba : array-like of shape (n_epochs, n_samples, n_classes), or iterable
            Probabilities of every epoch, or an iterable of such matrices (a
            generator keeps memory at one epoch); arrays, or tensors on the CPU.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            The labels.
        classes, multilabel, measures, store_trajectories, index
            As in :class:`~sklearn_datamaps.TrainingDynamics`.
        logits : bool, default=False
            Whether proba holds logits; as in
            :meth:`~sklearn_datamaps.TrainingDynamics.update`.
        meta : mapping, default=None
            Facts about the run to carry along.

        Returns
        -------
        DataMap

        Raises
        ------
        TypeError
            If proba or y is a tensor that NumPy cannot read: on another device,
            sparse, or bfloat16.
        ValueError
            If shapes do not fit, or a probability is NaN or infinite.

        Examples
        --------
        >>> from sklearn_datamaps import DataMap
        >>> proba = [[[0.9, 0.1], [0.8, 0.2]], [[0.7, 0.3], [0.6, 0.4]]]
        >>> DataMap.from_probabilities(proba, [0, 1]).confidence
        array([0.8, 0.3])
        """
        from sklearn_datamaps._core.recorder import TrainingDynamics

        dynamics = TrainingDynamics(
            y,
            classes=classes,
            multilabel=multilabel,
            measures=measures,
            store_trajectories=store_trajectories,
            index=index,
        )
        epochs = proba if isinstance(proba, Iterable) else as_array(proba, "proba")
        for epoch in epochs:
            dynamics.update(epoch, logits=logits)
        return dynamics.to_data_map(meta=meta)

    @classmethod
    def average(cls, maps: "Iterable[DataMap]") -> "DataMap":
        """Average the maps of repeated runs: the same rows, other seeds.

        One run is noisy, its variability most of all. Measures are averaged over the
        runs, variability too: it is never the standard deviation of all runs' epochs
        together, which would add what lies between runs. Derived measures are those
        of each run, averaged; ``forgetting`` and ``first_learned``, whose largest
        value stands for never, become medians.

        Parameters
        ----------
        maps : iterable of DataMap
            The maps.

        Returns
        -------
        DataMap
            ``predicted`` is the prediction of most runs (of equally many, that of the
            earliest), ``columns`` are those of the first map; ``meta`` has ``n_runs``,
            ``seeds`` and ``variability_spearman``, the mean agreement of two runs.

        Raises
        ------
        ValueError
            If there is none, or they are of other rows, labels, epochs or measures.
        TypeError
            If one is no DataMap.

        See Also
        --------
        sklearn_datamaps.stability : How far the runs agree.

        Examples
        --------
        >>> from sklearn_datamaps import DataMap
        >>> one = DataMap.from_probabilities([[[0.9, 0.1]], [[0.7, 0.3]]], [0],
        ...                                  classes=[0, 1])
        >>> two = DataMap.from_probabilities([[[0.6, 0.4]], [[0.6, 0.4]]], [0],
        ...                                  classes=[0, 1])
        >>> both = DataMap.average([one, two])
        >>> both.confidence.round(3), both.variability.round(3)
        (array([0.7]), array([0.05]))
        """
        from sklearn_datamaps._core.repeats import average

        return average(maps)

    @classmethod
    def from_estimator(cls, estimator: Any) -> "DataMap":
        """Find the map in a fitted classifier, a Pipeline or a search.

        Parameters
        ----------
        estimator : estimator
            A fitted :class:`~sklearn_datamaps.DataMapClassifier`, or a ``Pipeline``
            or hyper-parameter search (``best_estimator_``) that holds one.

        Returns
        -------
        DataMap

        Raises
        ------
        ValueError
            If there is no fitted map in it.
        """
        for inner in _walk(estimator):
            found = getattr(inner, "data_map_", None)
            if isinstance(found, DataMap):
                return found
        raise ValueError(
            f"There is no data map in {type(estimator).__name__}. Pass a fitted "
            f"DataMapClassifier, or a fitted Pipeline or search with one as its last "
            f"step (a search needs refit=True)."
        )

    @property
    def n_samples(self) -> int:
        """Number of rows."""
        return len(self.confidence)

    @property
    def multilabel(self) -> bool:
        """Whether the map has one value for every (row, label)."""
        return self.confidence.ndim == 2

    @property
    def has_labels(self) -> bool:
        """Whether the labels of the rows are known."""
        return len(self.classes) > 0

    @property
    def margin(self) -> Array:
        """Mean over epochs of the own probability less the largest other one."""
        return 2 * self.confidence - 1 if self._margin is None else self._margin

    @property
    def margin_std(self) -> Array:
        """Standard deviation of the margin; twice the variability for two classes."""
        return 2 * self.variability if self._margin_std is None else self._margin_std

    @property
    def suggested(self) -> Array:
        """Label with the largest mean probability; needs ``measures=["mean_proba"]``.

        Multilabel: whether the mean probability is above 0.5.
        """
        mean_proba = self._mean_proba()
        if self.multilabel:
            return mean_proba > 0.5
        largest: Array = self.classes[mean_proba.argmax(axis=1)]
        return largest

    def _mean_proba(self) -> Array:
        if "mean_proba" not in self.measures:
            raise ValueError(
                "The mean probabilities were not recorded. Fit with "
                'measures=["mean_proba"].'
            )
        return self.measures["mean_proba"]

    def label_codes(self) -> Array:
        """Position in ``classes`` of each row's label (multilabel: the indicator)."""
        if self.multilabel:
            return self.label
        return pd.Index(self.classes).get_indexer(pd.Index(self.label))

    def measure(self, name: str) -> Array:
        """One measure by name, streamed or derived.

        Parameters
        ----------
        name : str
            ``"confidence"``, ``"variability"``, ``"correctness"``, ``"margin"``,
            ``"margin_std"``, ``"aleatoric"``, ``"threshold_closeness"``, or one that
            was asked for with ``measures=``: ``"loss"``, ``"el2n"``,
            ``"forgetting"``, ``"first_learned"`` and, from ``"mean_proba"``,
            ``"logit_margin"`` and ``"plausibility"``; with ``cv=``,
            ``"memorization"`` and, from ``"mean_proba"``, ``"label_trust"`` and the
            ``"in_sample_logit_margin"`` that it is made of; in the map of an audit,
            ``"label_quality"``.

        Returns
        -------
        ndarray of float64, shape of confidence

        Raises
        ------
        ValueError
            If there is no such measure, or it was not recorded.
        """
        if name in ("confidence", "variability", "correctness", "margin", "margin_std"):
            values: Array = getattr(self, name)
            return values
        if name in self.measures and name in measures_module.ASCENDING:
            return self.measures[name]
        if name == "aleatoric":
            return measures_module.aleatoric(self.confidence, self.variability)
        if name == "threshold_closeness":
            return measures_module.threshold_closeness(self.confidence)
        if name == "logit_margin":
            return measures_module.logit_margin(self._mean_proba(), self.label_codes())
        if name == "plausibility":
            return measures_module.plausibility(self._mean_proba(), self.label_codes())
        if name == "label_trust" and "in_sample_logit_margin" in self.measures:
            return self._label_trust()
        if name in ("label_trust", "in_sample_logit_margin"):
            raise ValueError(
                f"The map has no {name}: that takes rows held out and their mean "
                f'probabilities. Fit with cv=2, measures=["mean_proba"].'
            )
        if name == "memorization":
            raise ValueError(
                "The map has no memorization: that takes rows held out. Fit with cv=2."
            )
        if name == "label_quality":
            raise ValueError(
                "The map has no label_quality: that takes known flips. Use "
                "audit_labels(estimator, X, y).data_map."
            )
        if name in measures_module.ASCENDING:
            raise ValueError(
                f"The measure {name!r} was not recorded. Fit with measures=[{name!r}]."
            )
        raise ValueError(
            f"There is no measure {name!r}. Choose one of "
            f"{list(measures_module.ASCENDING)}."
        )

    def _label_trust(self) -> Array:
        mean_proba, codes = self._mean_proba(), self.label_codes()
        return quality.label_trust(
            mean_proba,
            self.measures["in_sample_logit_margin"],
            codes,
            near_misses=quality.are_near_misses(mean_proba, codes),
        )

    def measure_names(self) -> list[str]:
        """Names of all measures this map can rank by."""
        derived = {"aleatoric", "threshold_closeness", "margin", "margin_std"}
        always = {"confidence", "variability", "correctness"} | derived
        if "mean_proba" in self.measures:
            always |= {"logit_margin", "plausibility"}
        if {"mean_proba", "in_sample_logit_margin"} <= set(self.measures):
            always |= {"label_trust"}
        return [
            name
            for name in measures_module.ASCENDING
            if name in always or name in self.measures
        ]

    def regions(self, *, band: float = 0.1, n_std: float = 1.0) -> NDArray[np.str_]:
        """Region of every row: ``"easy"``, ``"ambiguous"`` or ``"hard"``.

        A row is ambiguous when its mean margin is within ``n_std`` standard deviations
        (and at least ``2 * band``) of the decision boundary; otherwise it is easy
        above it and hard below. Hard is not the same as wrong: a hard row may be
        mislabelled, rare, or simply beyond this learner.

        Parameters
        ----------
        band : float, default=0.1
            Least half-width of the ambiguous region, in units of confidence.
        n_std : float, default=1.0
            Standard deviations of the margin that count as ambiguous.

        Returns
        -------
        ndarray of str, shape of confidence
            Rows that were never recorded are ``"unseen"``.
        """
        return regions_module.region_names(self.region_codes(band=band, n_std=n_std))

    def region_codes(
        self, *, band: float = 0.1, n_std: float = 1.0
    ) -> NDArray[np.int8]:
        """Regions as 0 easy, 1 ambiguous, 2 hard, 3 unseen; see :meth:`regions`."""
        return regions_module.region_codes(
            self.margin, self.margin_std, band=band, n_std=n_std
        )

    def region_mask(
        self, region: str, *, band: float = 0.1, n_std: float = 1.0
    ) -> NDArray[np.bool_]:
        """Which rows lie in a region; equal to ``regions(...) == region``.

        Parameters
        ----------
        region : {"easy", "ambiguous", "hard", "easy-to-learn", "hard-to-learn"}
            Name of the region.
        band, n_std : float
            See :meth:`regions`.

        Returns
        -------
        ndarray of bool, shape of confidence

        Raises
        ------
        ValueError
            If there is no such region.
        """
        code = regions_module.REGIONS.index(regions_module.check_region(region))
        mask: NDArray[np.bool_] = self.region_codes(band=band, n_std=n_std) == code
        return mask

    def rank(
        self,
        by: str,
        *,
        n_samples: int | None = None,
        fraction: float | None = None,
        ascending: bool | None = None,
        label: Any = None,
        per_row: str | None = None,
    ) -> NDArray[np.intp]:
        """Row positions in the order of a measure, the most telling first.

        ``rank("variability", fraction=1/3)`` is the paper's 33 % most ambiguous,
        ``rank("confidence", ...)`` its hard-to-learn rows. Ties keep the order of the
        rows; rows never recorded come last.

        Parameters
        ----------
        by : str
            Name of a measure, see :meth:`measure`.
        n_samples : int, default=None
            How many rows to return.
        fraction : float, default=None
            Which share of the rows to return, in (0, 1]. None of both: all rows.
        ascending : bool, default=None
            Whether the lowest values come first. None: the measure's natural
            direction (lowest confidence, highest variability, ...).
        label : label name, default=None
            Multilabel: rank the rows by this label alone.
        per_row : {"worst"}, default=None
            Multilabel: rank the rows by their most telling label.

        Returns
        -------
        ndarray of int of shape (n_ranked,)
            Row positions; multilabel without label and per_row: (n_ranked, 2), row
            and label positions of the ranked cells.

        Raises
        ------
        ValueError
            If both n_samples and fraction are given, or one is out of range, or the
            measure or label is unknown.
        """
        values = self.measure(by)
        up = measures_module.ASCENDING[by] if ascending is None else ascending
        keys = values if up else -values
        if not self.multilabel and (label is not None or per_row is not None):
            raise ValueError("label and per_row apply to multilabel maps only.")
        if label is not None and per_row is not None:
            raise ValueError("Give either label or per_row, not both.")
        if label is not None:
            keys = keys[:, self._label_position(label)]
        elif per_row is not None:
            if per_row != "worst":
                raise ValueError(f"per_row must be 'worst' or None; got {per_row!r}.")
            keys = keys.min(axis=1)
        size = selection_size(keys.size, n_samples, fraction)
        order = np.argsort(keys, axis=None, kind="stable")[:size]
        if keys.ndim == 1:
            return order
        return np.stack(np.unravel_index(order, keys.shape), axis=1)

    def _label_position(self, label: Any) -> int:
        at = np.flatnonzero(self.classes == label)
        if len(at) != 1:
            raise ValueError(
                f"There is no label {label!r}; the map has {self.classes.tolist()}."
            )
        return int(at[0])

    def with_columns(self, **columns: Any) -> Self:
        """Attach columns to the rows; every table and view then carries them.

        Parameters
        ----------
        **columns : array-like of shape (n_samples,)
            For example ``text=comments``. A pandas object with an index of its own
            must have the index of the map.

        Returns
        -------
        DataMap
            A copy with the columns; this map is unchanged.

        Raises
        ------
        ValueError
            If a column has another length or index, or the name of a measure.
        """
        taken = {*FRAME_COLUMNS, *measures_module.ASCENDING, *measures_module.STREAMED}
        checked = dict(self.columns)
        for name, column in columns.items():
            if name in taken:
                raise ValueError(
                    f"{name!r} is a column of the map itself; choose another name."
                )
            # NumPy would pad a list of texts to the longest and write "nan" for NaN.
            listed = isinstance(column, list | tuple)
            texts = listed and any(isinstance(value, str) for value in column)
            values = np.asarray(column, dtype=object if texts else None)
            if values.shape != (self.n_samples,):
                raise ValueError(
                    f"Column {name!r} has shape {values.shape}; the map has "
                    f"{self.n_samples} rows and needs one value for each."
                )
            if isinstance(column, pd.Series) and not (
                column.index.equals(self.index)
                or _is_default(column.index)
                or _is_default(self.index)
            ):
                raise ValueError(
                    f"Column {name!r} has another index than the map. Align it with "
                    f".loc[data_map.index], or pass its values as an array."
                )
            checked[name] = values
        return replace(self, columns=checked)

    def to_frame(self, **columns: Any) -> pd.DataFrame:
        """Table of the map with the index of the rows, one row each.

        Parameters
        ----------
        **columns : array-like of shape (n_samples,)
            More columns to carry, as in :meth:`with_columns`.

        Returns
        -------
        pandas.DataFrame
            ``position``, ``label``, ``predicted``, ``confidence``,
            ``variability``, ``correctness``, ``margin``, ``margin_std``, ``region``,
            the streamed measures, ``logit_margin``, ``plausibility``, ``suggested``
            when mean probabilities were recorded (with ``cv=``, ``label_trust``, too),
            then the carried columns.
            Multilabel: long, one row per (row, label), with ``label_name``.
        """
        carried = self.with_columns(**columns).columns if columns else self.columns
        n_labels = len(self.classes) if self.multilabel else 1
        position = np.repeat(np.arange(self.n_samples), n_labels)
        data: dict[str, Array] = {"position": position}
        if self.multilabel:
            data["label_name"] = np.tile(self.classes, self.n_samples)
        names = ("label", "predicted", "confidence", "variability", "correctness")
        data |= {name: getattr(self, name).ravel() for name in names}
        data |= {"margin": self.margin.ravel(), "margin_std": self.margin_std.ravel()}
        data["region"] = self.regions().ravel()
        for name, values in self.measures.items():
            if name != "mean_proba":
                data[name] = values.ravel()
        if "mean_proba" in self.measures:
            for name in ("logit_margin", "plausibility", "label_trust"):
                if name in self.measure_names():
                    data[name] = self.measure(name).ravel()
            data["suggested"] = self.suggested.ravel()
        data |= {name: values[position] for name, values in carried.items()}
        return pd.DataFrame(data, index=self.index[position])

    def summary(self, by: str | None = None) -> pd.DataFrame:
        """Count the regions.

        Parameters
        ----------
        by : {None, "label"}, default=None
            None: one row a region with its size and mean measures. ``"label"``: rows
            of each label in each region.

        Returns
        -------
        pandas.DataFrame
            None: index ``region``; columns ``n_samples``, ``share`` and the means of
            ``confidence``, ``variability``, ``correctness``; multilabel: also split
            by ``label_set``, set and unset labels apart. ``"label"``: one row a
            label, one column a region.

        Raises
        ------
        ValueError
            If by is something else, or ``"label"`` without known labels.
        """
        from sklearn_datamaps._views import summary as summary_module

        return summary_module.summary(self, by)

    def __repr__(self) -> str:
        from sklearn_datamaps._views import summary as summary_module

        return summary_module.text(self)

    def _repr_html_(self) -> str:
        from sklearn_datamaps._views import summary as summary_module

        return summary_module.html(self)

    def compare(self, other: "DataMap", *, n_movers: int = 20) -> "DataMapComparison":
        """Compare with a later map of the same rows: what moved.

        Parameters
        ----------
        other : DataMap
            The map after a change (of labels, learner, seed, ...).
        n_movers : int, default=20
            Rows listed as the largest movers.

        Returns
        -------
        DataMapComparison
            With ``transitions``, ``movers``, ``changed_labels`` and ``spearman``.

        Raises
        ------
        ValueError
            If other is a map of other rows.

        Warns
        -----
        UserWarning
            If epochs or recording differ: variability depends on both.
        """
        from sklearn_datamaps._views.comparison import compare

        return compare(self, other, n_movers=n_movers)

    def plot(self, **kwargs: Any) -> "DataMapDisplay":
        """Draw the map with seaborn; see :class:`~sklearn_datamaps.DataMapDisplay`."""
        from sklearn_datamaps._views.scatter import DataMapDisplay

        return DataMapDisplay.from_data_map(self, **kwargs)

    def explore(self, path: str | Path, **kwargs: Any) -> Path:
        """Write the map as one interactive HTML page that works offline.

        Parameters
        ----------
        path : str or path
            File to write.
        **kwargs
            ``text``, ``max_points``, ``random_state`` and ``title``: the column with
            the texts of the rows, the most points in the page, the seed of the sample
            above that, and the heading.

        Returns
        -------
        pathlib.Path
            The file. Hover to read a row, draw a lasso to list rows, decide with the
            keys K, R, D and U, and save ``review.csv`` for
            :func:`~sklearn_datamaps.apply_review`.

        Raises
        ------
        ImportError
            Without plotly: install ``sklearn-datamaps[explore]``.
        ValueError
            If the map does not know the labels.
        """
        from sklearn_datamaps._views.explorer import explore

        return explore(self, path, **kwargs)

    def review(self, n: int | None = 100, by: str = "confidence") -> pd.DataFrame:
        """List the rows most worth a look, worst first, to decide on.

        Parameters
        ----------
        n : int, default=100
            How many rows (multilabel: cells); of a smaller map, all. None: all.
        by : str, default="confidence"
            Name of a measure, in its natural direction.

        Returns
        -------
        pandas.DataFrame
            Identification, text and carried columns, labels, measures, and the empty
            columns ``decision`` (keep, relabel, drop) and ``new_label``, to fill in and
            hand to :func:`~sklearn_datamaps.apply_review`.

        Raises
        ------
        ValueError
            If n is no integer >= 1, the measure is unknown, or the map does not know
            the labels.
        """
        from sklearn_datamaps._views.review import review

        return review(self, n=n, by=by)

    def to_parquet(self, path: str | Path) -> None:
        """Save the map, with all its arrays and metadata, as one Parquet file.

        Parameters
        ----------
        path : str or path
            File to write.
        """
        from sklearn_datamaps._core import parquet

        parquet.write(self, path)

    @classmethod
    def from_parquet(cls, path: str | Path) -> "DataMap":
        """Load a map written by :meth:`to_parquet`.

        Parameters
        ----------
        path : str or path
            File to read.

        Returns
        -------
        DataMap

        Raises
        ------
        ValueError
            If the file is not a data map, or was written by a newer version.
        """
        from sklearn_datamaps._core import parquet

        return parquet.read(path)


_MAPPINGS = ("measures", "meta", "columns")
FRAME_COLUMNS = ("position", "label", "label_name", "predicted", "region", "suggested")


def _array_fields(data_map: DataMap) -> list[str]:
    return [
        f.name
        for f in fields(data_map)
        if isinstance(getattr(data_map, f.name), np.ndarray)
    ]


def _readonly(values: ArrayLike) -> Array:
    view = np.asarray(values).view()
    view.flags.writeable = False
    return view


def require_labels(data_map: DataMap, what: str) -> None:
    """Raise ValueError, naming what needs them, if the labels are not known."""
    if not data_map.has_labels:
        raise ValueError(
            f"{what} needs the labels of the rows, which this map does not know. Give "
            f"them when you read it: read_coordinates(path, y=labels)."
        )


def _is_default(index: pd.Index) -> bool:
    return isinstance(index, pd.RangeIndex) and index.start == 0 and index.step == 1


def _walk(estimator: Any) -> Iterable[Any]:
    """Yield the estimator and the fitted estimators inside it, outermost first."""
    yield estimator
    for _, step in reversed(getattr(estimator, "steps", None) or []):
        yield from _walk(step)
    for name in ("best_estimator_", "estimator_", "final_estimator_"):
        inner = getattr(estimator, name, None)
        if inner is not None:
            yield from _walk(inner)


def selection_size(size: int, n_samples: int | None, fraction: float | None) -> int:
    if n_samples is not None and fraction is not None:
        raise ValueError(
            f"Give either n_samples or fraction, not both; got n_samples={n_samples!r} "
            f"and fraction={fraction!r}."
        )
    if fraction is not None:
        number = isinstance(fraction, Real) and not isinstance(fraction, bool)
        if not (number and 0 < fraction <= 1):
            raise ValueError(f"fraction must be in (0, 1]; got {fraction!r}.")
        return max(1, round(fraction * size))
    if n_samples is None:
        return size
    if isinstance(n_samples, bool) or not isinstance(n_samples, int | np.integer):
        raise ValueError(f"n_samples must be an integer; got {n_samples!r}.")
    if not 0 < n_samples <= size:
        raise ValueError(
            f"n_samples must be in 1 ... {size}, the size of the map; got {n_samples}."
        )
    return int(n_samples)
