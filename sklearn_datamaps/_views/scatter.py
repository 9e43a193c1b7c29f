"""Draw a data map as in Figure 1 of Dataset Cartography."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import pandas as pd

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.base_map import BaseDataMap
from sklearn_datamaps._core.holders import map_of
from sklearn_datamaps._core.public import found_in
from sklearn_datamaps._core.regions import BAND, N_STD, boundary_lines
from sklearn_datamaps._views import colors, drawing, panels

Style = Mapping[str, Any] | None


@found_in("sklearn_datamaps")
class DataMapDisplay:
    """Data map visualization: confidence against variability, by correctness.

    Use :meth:`from_estimator`, :meth:`from_data_map` or
    :meth:`DataMap.plot() <sklearn_datamaps.DataMap.plot>` to create one.

    .. versionadded:: 0.1

    Parameters
    ----------
    data_map : DataMap
        The map to draw.

    Attributes
    ----------
    ax_ : matplotlib Axes, or None
        Axes with the scatter; None if drawn by label.
    axes_ : ndarray of matplotlib Axes, or None
        One small map for each label, in the order of the classes, if drawn by label
        (on the page they stand in the order of their share of hard rows).
    figure_ : matplotlib Figure
        Figure that holds it.
    histogram_axes_ : ndarray of 3 matplotlib Axes, or None
        Histograms of confidence, variability and correctness, if drawn.

    References
    ----------
    Swayamdipta et al., Dataset Cartography: Mapping and Diagnosing Datasets with
    Training Dynamics, EMNLP 2020, Figure 1, arXiv:2009.10795.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn_datamaps import DataMap, DataMapDisplay
    >>> proba = [[[0.9, 0.1], [0.8, 0.2]], [[0.7, 0.3], [0.6, 0.4]]]
    >>> data_map = DataMap.from_probabilities(proba, [0, 1])
    >>> display = DataMapDisplay.from_data_map(data_map)
    >>> display.ax_.get_xlabel()
    'variability'
    >>> display.frame()["region"].tolist()
    ['easy', 'hard']
    >>> plt.close(display.figure_)
    """

    def __init__(self, data_map: BaseDataMap) -> None:
        self.data_map = data_map

    @classmethod
    def from_estimator(cls, estimator: Any, **plot_kwargs: Any) -> Self:
        """Draw the map of a fitted classifier, Pipeline or search.

        Parameters
        ----------
        estimator : estimator
            As in :meth:`DataMap.from_estimator`.
        **plot_kwargs
            Arguments of :meth:`plot`.

        Returns
        -------
        DataMapDisplay

        Raises
        ------
        ValueError
            If there is no fitted map in the estimator.
        """
        return cls.from_data_map(map_of(BaseDataMap, estimator), **plot_kwargs)

    @classmethod
    def from_data_map(cls, data_map: BaseDataMap, **plot_kwargs: Any) -> Self:
        """Draw a map.

        Parameters
        ----------
        data_map : DataMap
            The map.
        **plot_kwargs
            Arguments of :meth:`plot`.

        Returns
        -------
        DataMapDisplay

        Raises
        ------
        TypeError
            If data_map is no DataMap.
        """
        return cls(data_map).plot(**plot_kwargs)

    def frame(
        self,
        *,
        max_points: int | None = None,
        random_state: Any = 0,
        band: float = BAND,
        n_std: float = N_STD,
    ) -> pd.DataFrame:
        """Table of the points that :meth:`plot` draws.

        Parameters
        ----------
        max_points : int, default=None
            Keep so many points, in the order of the rows: all hard and ambiguous ones,
            and of the easy ones a random sample. None: keep all.
        random_state : int, RandomState, Generator or None, default=0
            Seed of the sample.
        band, n_std : float
            The region rule, see :meth:`DataMap.regions`.

        Returns
        -------
        pandas.DataFrame
            :meth:`DataMap.to_frame` without the rows that were never recorded, and
            with ``correctness_bin``, an ordered categorical from right in all epochs
            to right in none: what colour and marker show. Multilabel: one point for
            every (row, label).

        Raises
        ------
        TypeError
            If the display holds no DataMap.
        ValueError
            If max_points is not None or an integer >= 1.
        """
        if not isinstance(self.data_map, BaseDataMap):
            raise TypeError(
                f"DataMapDisplay draws a DataMap; got {type(self.data_map).__name__}. "
                f"For a fitted estimator use DataMapDisplay.from_estimator."
            )
        drawing.check_max_points(max_points, none=", or None to draw all points")
        frame = self.data_map.to_frame()
        frame["region"] = self.data_map.regions(band=band, n_std=n_std).ravel()
        frame = frame[frame["confidence"].notna()]
        codes, names = drawing.correctness_bins(
            frame["correctness"].to_numpy(), self.data_map.n_epochs
        )
        bins = pd.Categorical.from_codes(codes, pd.Index(names), ordered=True)
        return drawing.sample(
            frame.assign(correctness_bin=bins), max_points, random_state
        )

    def plot(
        self,
        *,
        by: str | None = None,
        ax: Any = None,
        histograms: bool | None = None,
        max_points: int | None = 25_000,
        random_state: Any = 0,
        title: str | None = None,
        band: float = BAND,
        n_std: float = N_STD,
        palette: str | Sequence[Any] | None = None,
        scatter_kwargs: Style = None,
        histogram_kwargs: Style = None,
        boundary_kwargs: Style = None,
        legend_kwargs: Style = None,
    ) -> Self:
        """Draw the map.

        With two classes (and for multilabel maps) the boundary of the regions is the
        curve ``|confidence - 0.5| = max(band, n_std * variability)``, drawn up to the
        largest variability that a confidence c allows, sqrt(c (1 - c)) (dotted). With
        more classes the rule lives in the margin, which the picture does not show: no
        boundary is drawn then, and each region's name leads to its median (a ring).
        The names stand right of all points. Colours are those of Matplotlib's current
        style (``rcParams``), moved where needed until they can be told from the
        background.

        Parameters
        ----------
        by : {None, "label"}, default=None
            ``"label"``: small multiples, one map for the rows of each label, titled
            with the sizes of its regions (multilabel: one for the cells of each
            label, those where it is set outlined), in a figure of its own, those with
            the largest share of hard rows (multilabel: where the label is set) first.
        ax : matplotlib Axes, default=None
            Where to draw. None: a new figure.
        histograms : bool, default=None
            Whether to draw the histograms of confidence, variability and correctness
            at the right; a given ax is divided for them. None: only without ax and by.
        max_points : int, default=25_000
            Draw so many points in the scatter if there are more: easy ones are left out
            first, at random, hard ones last, and the picture says so; counts and
            histograms always are of all points. By label, frequent labels are thinned
            first. None: draw all.
        random_state : int, RandomState, Generator or None, default=0
            Seed of that sample.
        title : str, default=None
            None: learner, number of rows and of epochs.
        band, n_std : float
            The region rule, see :meth:`DataMap.regions`.
        palette : str or list of colours, default=None
            Colours from never right to always right: a seaborn palette, or a list with
            one colour for each bin. None: the part of "plasma" that can be seen on the
            background; rows that were never right stand out most.
        scatter_kwargs, histogram_kwargs : dict, default=None
            Arguments of :meth:`matplotlib.axes.Axes.scatter` and
            :meth:`matplotlib.axes.Axes.hist`.
        boundary_kwargs : dict, default=None
            Arguments of :meth:`matplotlib.axes.Axes.plot` for the boundary.
        legend_kwargs : dict, default=None
            Arguments of :meth:`matplotlib.axes.Axes.legend`.

        Returns
        -------
        self : DataMapDisplay

        Raises
        ------
        ValueError
            If max_points is not None or an integer >= 1, or histograms are asked for
            beside an ax that belongs to no grid of subplots, or by is unknown, or
            given together with ax or histograms or for more than 100 labels.
        """
        drawing.check_max_points(max_points, none=", or None to draw all points")
        points = self.frame(band=band, n_std=n_std)
        if by is not None:
            panels.check(self.data_map, by, ax, histograms)
        keys = () if by is None else panels.keys_of(self.data_map)
        drawn = drawing.sample(points, max_points, random_state, keys)
        is_curve = self.data_map.margin_follows_confidence
        boundary = boundary_lines(band, n_std) if is_curve else np.empty((0, 2, 2))
        names = points["correctness_bin"].cat.categories
        self.axes_: Array | None = None
        if by is not None:
            self.ax_ = self.histogram_axes_ = None
            self.figure_, self.axes_ = panels.draw(
                self.data_map,
                points,
                drawn,
                lambda ax: _styles(ax, names, palette),
                boundary,
                is_curve=is_curve,
                title=title,
                scatter_kwargs=scatter_kwargs or {},
                boundary_kwargs=boundary_kwargs or {},
                legend_kwargs=legend_kwargs or {},
            )
            return self
        new = ax is None
        histograms = new if histograms is None else histograms
        self.ax_, self.histogram_axes_ = _axes(ax, histograms)
        self.figure_ = self.ax_.figure
        styles = _styles(self.ax_, names, palette)
        drawing.draw_points(self.ax_, drawn, styles, scatter_kwargs or {})
        drawing.draw_boundary(self.ax_, boundary, boundary_kwargs or {})
        if self.histogram_axes_ is not None:
            drawing.draw_histograms(
                self.histogram_axes_,
                points,
                styles,
                self.data_map.n_epochs,
                "cells" if self.data_map.multilabel else "rows",
                histogram_kwargs or {},
            )
        size = drawing.settle(self.ax_)
        for beside in () if self.histogram_axes_ is None else self.histogram_axes_:
            drawing.set_font_size(beside, size)
        title = drawing.default_title(self.data_map) if title is None else title
        notes = drawing.notes(self.data_map, points, drawn, is_curve)
        drawing.draw_head(self.ax_, title, notes, styles, size, legend_kwargs or {})
        drawing.name_regions(self.ax_, points, boundary, size)
        return self


def _styles(
    ax: Any, names: pd.Index, palette: str | Sequence[Any] | None
) -> pd.DataFrame:
    """Colour and marker of each bin, from right in all epochs to right in none."""
    n_markers = len(drawing.MARKERS)
    steps = np.linspace(n_markers - 1, 0, len(names)).round().astype(int)
    if palette is None:
        every = colors.sequence(ax, n_markers)
    else:
        import seaborn as sns

        n_colors = n_markers if isinstance(palette, str) else len(names)
        every = sns.color_palette(palette, n_colors)
    whole = len(every) == n_markers
    chosen = [every[step] for step in steps] if whole else every[::-1]
    markers = [drawing.MARKERS[step] for step in steps]
    return pd.DataFrame({"color": chosen, "marker": markers}, index=names)


def _axes(ax: Any, histograms: bool) -> tuple[Any, Array | None]:
    if ax is None:
        import matplotlib.pyplot as plt

        size = (9, 5.6) if histograms else (6.4, 5.6)
        ax = plt.figure(figsize=size, layout="constrained").add_subplot()
    if not histograms:
        return ax, None
    spec = ax.get_subplotspec()
    if spec is None:
        raise ValueError(
            "histograms=True needs an ax from plt.subplots or Figure.add_subplot, to "
            "divide its place; this one was placed freely. Pass histograms=False."
        )
    grid = spec.subgridspec(3, 2, width_ratios=[3, 1])
    ax.set_subplotspec(grid[:, 0])
    return ax, np.array([ax.figure.add_subplot(grid[row, 1]) for row in range(3)])
