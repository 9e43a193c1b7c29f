"""What a data map holds, and everything that is computed from it alone.

:class:`~sklearn_datamaps.DataMap` adds the ways to look at a map and to keep it. They
lie above this file, so that a view can take a map without an import that runs back up.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from numbers import Real
from types import MappingProxyType
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.frozen import frozen, owned, owned_index
from sklearn_datamaps._core.labels import EncodedLabels, is_default, is_whole
from sklearn_datamaps._core.pictures import IMAGE, pictures_of
from sklearn_datamaps._core.regions import (
    BAND,
    N_STD,
    REGIONS,
    check_region,
    region_codes,
    region_names,
)
from sklearn_datamaps._core.registry import ATTRIBUTES, MEASURES, Measure, ranking

_MAPPINGS = ("measures", "meta", "columns")
SUGGESTED_ROWS = 5  # of a label with fewer, nobody can say what it looks like
FRAME_COLUMNS = ("position", "label", "label_name", "predicted", "region", "suggested")


@dataclass(frozen=True, eq=False, repr=False)
class BaseDataMap:
    """Frozen arrays of a map, its measures, ranks, regions and table.

    The attributes are those of :class:`~sklearn_datamaps.DataMap`.
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
            object.__setattr__(self, name, owned(getattr(self, name)))
        for name in ("measures", "columns"):
            arrays = {k: owned(v) for k, v in getattr(self, name).items()}
            object.__setattr__(self, name, MappingProxyType(arrays))
        object.__setattr__(self, "index", owned_index(self.index))
        object.__setattr__(self, "meta", MappingProxyType(dict(self.meta)))

    def __getstate__(self) -> dict[str, Any]:
        state = {f.name: getattr(self, f.name) for f in fields(self)}
        return state | {name: dict(state[name]) for name in _MAPPINGS}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            object.__setattr__(self, name, value)
        self.__post_init__()

    @cached_property
    def _derived(self) -> dict[str, Array]:
        """Measures that were dear to derive; no field: neither saved nor replaced."""
        return {}

    @cached_property
    def _codes(self) -> Array:
        # Of texts, pandas would make an array of Arrow first.
        dtype = object if self.classes.dtype.kind in "OU" else None
        classes = pd.Index(self.classes, dtype=dtype)
        return frozen(classes.get_indexer(pd.Index(self.label, dtype=dtype)))

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
    def records_margin(self) -> bool:
        """Whether the margin has a record of its own, as of three or more classes."""
        return self._margin is not None

    @property
    def margin_follows_confidence(self) -> bool:
        """Whether margin = 2 confidence - 1, so that the rule is a curve in the map."""
        pairs = [
            (self.margin, 2 * self.confidence - 1),
            (self.margin_std, 2 * self.variability),
        ]
        return all(np.allclose(a, b, equal_nan=True) for a, b in pairs)

    @property
    def suggested(self) -> Array:
        """Label with the largest mean probability; needs ``measures=["mean_proba"]``.

        Multilabel: whether the mean probability is above 0.5. A label that fewer than
        five rows have is suggested for no other row.
        """
        if "mean_proba" not in self.measures:
            raise MEASURES["mean_proba"].missing()
        proba, may = self.measures["mean_proba"], self.may_suggest()
        if self.multilabel:
            columns = np.arange(len(self.classes))
            likely = proba > 0.5
            return np.where(may[columns, likely.astype(np.intp)], likely, self.label)
        if not may.all():
            own = self.label_codes()[:, None] == np.arange(len(may))
            proba = np.where(may | own, proba, -1)
        largest: Array = self.classes[proba.argmax(axis=1)]
        return largest

    def suggested_other(self) -> Array:
        """Most probable other label of every row; multilabel: the opposite.

        The label itself, where no other that could be has five rows.
        """
        codes, may = self.label_codes(), self.may_suggest()
        if self.multilabel:
            columns = np.arange(len(self.classes))
            return codes ^ may[columns, 1 - codes.astype(np.intp)]
        own = codes[:, None] == np.arange(len(may))
        proba = np.where(may & ~own, self.measures["mean_proba"], -1)
        best = np.where(proba.max(axis=1) < 0, codes, proba.argmax(axis=1))
        other: Array = self.classes[best]
        return other

    def may_suggest(self) -> NDArray[np.bool_]:
        """Which labels at least five rows have, so that they can be suggested.

        Returns
        -------
        ndarray of bool of shape (n_classes,)
            Multilabel: (n_labels, 2), not set and set.
        """
        n_set = self.counts()
        if self.multilabel:
            n_set = np.column_stack([self.n_samples - n_set, n_set])
        return np.asarray(n_set >= SUGGESTED_ROWS)

    def counts(self) -> Array:
        """Rows of each class; multilabel: rows in which each label is set."""
        return EncodedLabels(self.label_codes(), self.classes).counts()

    def label_codes(self) -> Array:
        """Position in ``classes`` of each row's label (multilabel: the indicator)."""
        return self.label if self.multilabel else self._codes

    def measure(self, name: str) -> Array:
        """One measure by name, streamed or derived.

        Parameters
        ----------
        name : str
            Always there are

            - ``"confidence"``, ``"variability"``, ``"correctness"``, ``"margin"`` and
              ``"margin_std"``, see the class;
            - ``"aleatoric"``: mean over epochs of p (1 - p), of the probability p of
              the own label, in [0, 0.25];
            - ``"threshold_closeness"``: c (1 - c), of the confidence c, in [0, 0.25].

            Where they were asked for with ``measures=``, of E epochs:

            - ``"loss"``: mean of -log p, in nats;
            - ``"el2n"``: mean length of the probabilities less the one-hot label, in
              [0, sqrt(2)];
            - ``"forgetting"``: how often a right prediction became wrong; E + 1 if
              none was right;
            - ``"first_learned"``: epoch, from 1, since which all predictions are
              right; E + 1 if the last one is wrong;
            - ``"logit_margin"``, from ``"mean_proba"``: log of the mean probability of
              the own label less that of the largest other one, in nats.

            With ``cv=``:

            - ``"memorization"``: confidence in-sample less out-of-fold, in [-1, 1];
            - ``"label_quality"``, from ``"mean_proba"``: one minus the chance that the
              label is wrong, in [0, 1].

        Returns
        -------
        ndarray of float64, shape of confidence

        Raises
        ------
        ValueError
            If there is no such measure, or it was not recorded.
        """
        if name not in ranking():
            raise ValueError(
                f"There is no measure {name!r}. Choose one of {ranking()}."
            )
        for kept in (self.measures, self._derived):
            if name in kept:
                return kept[name]
        entry = MEASURES[name]
        if not entry.is_on(self):
            raise entry.missing()
        if entry.formula is None:
            attribute: Array = getattr(self, name)
            return attribute
        derived = entry.formula(*map(self.values, entry.of))
        if entry.dear:
            derived = self._derived.setdefault(name, frozen(derived))
        return derived

    def measure_names(self) -> list[str]:
        """Names of all measures this map can rank by."""
        return [name for name in ranking() if MEASURES[name].is_on(self)]

    def extra_measures(self) -> dict[str, Measure]:
        """What the map has beside its attributes, a user's own values included."""
        derived = [name for name in self.measure_names() if name not in ATTRIBUTES]
        names = dict.fromkeys([*self.measures, *derived])
        return {name: MEASURES.get(name, Measure(name, None)) for name in names}

    def values(self, name: str) -> Array:
        """Measure, what else of that name is in ``measures``, or the ``codes``."""
        if name == "codes":
            return self.label_codes()
        return self.measures[name] if name in self.measures else self.measure(name)

    def regions(self, *, band: float = BAND, n_std: float = N_STD) -> NDArray[np.str_]:
        """Region of every row: ``"easy"``, ``"ambiguous"`` or ``"hard"``.

        A row is ambiguous where ``|margin| <= max(2 * band, n_std * margin_std)``: its
        mean margin is that near to the decision boundary, 0. Otherwise it is easy above
        and hard below. Hard is not the same as wrong: a hard row may be mislabelled,
        rare, or simply beyond this learner.

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

        Raises
        ------
        ValueError
            If band or n_std is no number >= 0.
        """
        return region_names(self.region_codes(band=band, n_std=n_std))

    def region_codes(
        self, *, band: float = BAND, n_std: float = N_STD
    ) -> NDArray[np.int8]:
        """Regions as 0 easy, 1 ambiguous, 2 hard, 3 unseen; see :meth:`regions`."""
        return region_codes(self.margin, self.margin_std, band=band, n_std=n_std)

    def region_mask(
        self, region: str, *, band: float = BAND, n_std: float = N_STD
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
            If there is no such region, or band or n_std is no number >= 0.
        """
        code = REGIONS.index(check_region(region))
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
            If both n_samples and fraction are given, or one is out of range (n_samples:
            1 to the size of the map), the measure or label is unknown, or label or
            per_row is given for a map that is not multilabel.
        """
        values = self.measure(by)
        up = MEASURES[by].ascending if ascending is None else ascending
        keys = values if up else -values
        if not self.multilabel and (label is not None or per_row is not None):
            raise ValueError("label and per_row apply to multilabel maps only.")
        if label is not None and per_row is not None:
            raise ValueError("Give either label or per_row, not both.")
        if label is not None:
            keys = keys[:, label_position(self, label)]
        elif per_row is not None:
            if per_row != "worst":
                raise ValueError(f"per_row must be 'worst' or None; got {per_row!r}.")
            keys = keys.min(axis=1)
        size = selection_size(keys.size, n_samples, fraction)
        order = np.argsort(keys, axis=None, kind="stable")[:size]
        if keys.ndim == 1:
            return order
        return np.stack(np.unravel_index(order, keys.shape), axis=1)

    def with_columns(self, **columns: Any) -> Self:
        """Attach columns to the rows; every table and view then carries them.

        Parameters
        ----------
        **columns : array-like of shape (n_samples,)
            For example ``text=comments``. A pandas object with an index of its own
            must have the index of the map.

            ``image`` are pictures, which the page of :meth:`explore` shows: an array
            of shape (n_samples, height, width), with 3 or 4 colours last or without,
            or the paths of image files, None where there is none. Arrays are kept as
            bytes, at most 96 pixels on the longest side: 0 to 1 become 0 to 255, what
            has other limits is stretched from its least to its greatest value. They go
            along in files and pickles; tables, which have one value a row, leave them
            out. Paths are texts like any other, and files are read by the page alone.

        Returns
        -------
        DataMap
            A copy with the columns; this map is unchanged.

        Raises
        ------
        ImportError
            If pictures have to be made smaller, and pillow is not installed.
        ValueError
            If a column has another length or index, or the name of a measure or one
            with half of a character, or ``image`` is neither pictures nor paths.

        Examples
        --------
        >>> from sklearn.datasets import load_digits
        >>> from sklearn_datamaps import DataMap
        >>> digits = load_digits()
        >>> data_map = DataMap.from_probabilities([[[0.9, 0.1], [0.3, 0.7]]], [0, 1])
        >>> pictured = data_map.with_columns(image=digits.images[:2])
        >>> pictured.columns["image"].shape
        (2, 8, 8)
        """
        taken = {*FRAME_COLUMNS, *MEASURES}
        checked = dict(self.columns)
        for name, column in columns.items():
            if name in taken:
                raise ValueError(
                    f"{name!r} is a column of the map itself; choose another name."
                )
            if not is_whole(name):
                raise ValueError(
                    f"The name of the column {name!a} holds half of a character (a "
                    f"lone surrogate), which no table can hold: rename it."
                )
            # NumPy would pad a list of texts to the longest and write "nan" for NaN.
            listed = isinstance(column, list | tuple)
            texts = listed and any(isinstance(value, str) for value in column)
            if name == IMAGE:
                values = pictures_of(column)
            else:
                values = np.asarray(column, dtype=object if texts else None)
            wrong = values.ndim != 1 and name != IMAGE
            if wrong or len(values) != self.n_samples:
                raise ValueError(
                    f"Column {name!r} has shape {values.shape}; the map has "
                    f"{self.n_samples} rows and needs one value for each."
                )
            if isinstance(column, pd.Series) and not (
                column.index.equals(self.index)
                or is_default(column.index)
                or is_default(self.index)
            ):
                raise ValueError(
                    f"Column {name!r} has another index than the map. Align it with "
                    f".loc[data_map.index], or pass its values as an array."
                )
            checked[name] = values
        copy = replace(self, columns=checked)
        # Neither measures nor codes are made of columns.
        vars(copy)["_derived"] = self._derived
        if "_codes" in vars(self):
            vars(copy)["_codes"] = self._codes
        return copy

    @property
    def listed_columns(self) -> dict[str, Array]:
        """Carried columns with one value a row: all but pictures given as arrays."""
        return {name: v for name, v in self.columns.items() if v.ndim == 1}

    def to_frame(self, **columns: Any) -> pd.DataFrame:
        """Table of the map with the index of the rows, one row each.

        Parameters
        ----------
        **columns : array-like of shape (n_samples,)
            More columns to carry, as in :meth:`with_columns`.

        Returns
        -------
        pandas.DataFrame
            ``position``, ``label``, ``predicted``, ``confidence``, ``variability``,
            ``correctness``, ``margin``, ``margin_std``, ``region``, the measures that
            were recorded or are derived from those, ``suggested`` when mean
            probabilities were recorded, then the carried columns (of pictures, the
            paths alone).
            Multilabel: long, one row per (row, label), with ``label_name``.

        Raises
        ------
        ImportError, ValueError
            As :meth:`with_columns`.
        """
        carrying = self.with_columns(**columns) if columns else self
        n_labels = len(self.classes) if self.multilabel else 1
        position = np.repeat(np.arange(self.n_samples), n_labels)
        data: dict[str, Array] = {"position": position}
        if self.multilabel:
            data["label_name"] = np.tile(self.classes, self.n_samples)
        names = ("label", "predicted", *ATTRIBUTES)
        data |= {name: getattr(self, name).ravel() for name in names}
        data["region"] = self.regions().ravel()
        for name, measure in self.extra_measures().items():
            if measure.in_tables:
                data[name] = self.values(name).ravel()
        if "mean_proba" in self.measures:
            data["suggested"] = self.suggested.ravel()
        carried = carrying.listed_columns.items()
        data |= {name: values[position] for name, values in carried}
        return table_of(data, self.index[position])


def _array_fields(data_map: BaseDataMap) -> list[str]:
    return [
        f.name
        for f in fields(data_map)
        if isinstance(getattr(data_map, f.name), np.ndarray)
    ]


def table_of(data: Mapping[str, Any], index: pd.Index | None = None) -> pd.DataFrame:
    """Table of columns; a text that pandas' strings cannot hold stays an object.

    Such are lone surrogates, as a text has when an emoji was cut in two.
    """
    try:
        return pd.DataFrame(data, index=index)
    except UnicodeEncodeError:
        columns = {name: _series(values, index) for name, values in data.items()}
        return pd.DataFrame(columns, index=index)


def _series(values: Any, index: pd.Index | None) -> Any:
    if np.ndim(values) == 0:  # one value for all rows
        return values
    try:
        return pd.Series(values, index=index)
    except UnicodeEncodeError:
        return pd.Series(values, index=index, dtype=object)


def label_position(data_map: BaseDataMap, label: Any) -> int:
    """Column of a label of a multilabel map; ValueError if there is none such."""
    at = np.flatnonzero(data_map.classes == label)
    if len(at) != 1:
        raise ValueError(
            f"There is no label {label!r}; the map has {data_map.classes.tolist()}."
        )
    return int(at[0])


def require_labels(data_map: BaseDataMap, what: str) -> None:
    """Raise ValueError, naming what needs them, if the labels are not known."""
    if not data_map.has_labels:
        raise ValueError(
            f"{what} needs the labels of the rows, which this map does not know. Give "
            f"them when you read it: read_coordinates(path, y=labels)."
        )


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
