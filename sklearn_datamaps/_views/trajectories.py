"""Draw how the probability of the own label went over the epochs, row by row."""

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any, Self

import numpy as np
import pandas as pd

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.base_map import BaseDataMap, label_position
from sklearn_datamaps._core.holders import map_of
from sklearn_datamaps._core.public import found_in
from sklearn_datamaps._views import colors, drawing

Style = Mapping[str, Any] | None

MAX_ROWS = 12  # more lines cannot be told apart in one picture
# Okabe and Ito's colours for all kinds of colour vision, without their pale yellow.
# The black one is that of the text, and all are moved where they could not be seen.
COLORS = ("#0072B2", "#D55E00", "#009E73", "text", "#CC79A7", "#E69F00", "#56B4E9")
DASHES = ("-", (0, (5, 1.5)), (0, (5, 1.5, 1.2, 1.5)), (0, (1.5, 1)))
MARKERS = ("o", "s", "^", "D", "v", "X", "P", "<", ">", "p", "h", "d")
EDGE_WIDTH = 0.5
MAX_LINES = 2  # of the legend, for each row
MEAN_GAP = 0.045  # means that are closer than this are drawn side by side


@found_in("sklearn_datamaps")
class TrajectoryDisplay:
    """Trajectory visualization: probability of the own label over the epochs.

    Use :meth:`from_estimator` or :meth:`from_data_map` to create one. The map must
    have stored trajectories, as :class:`DataMapClassifier` does by itself of up to
    5 million values; else ask for them with ``store_trajectories=True``.

    .. versionadded:: 0.1

    Parameters
    ----------
    data_map : DataMap
        A map with trajectories.
    rows : array-like of shape (n_rows,) or (n_rows, 2)
        The rows to draw, at most 12: positions, as :meth:`DataMap.rank` returns them.
        Multilabel, without ``label``: pairs of a row and a label position, as
        :meth:`DataMap.rank` returns them too. A row given twice is drawn once.
    by : {"position", "index"}, default="position"
        What ``rows`` holds: positions (0, 1, ...), or names of the map's index.
    label : label name, default=None
        Multilabel: the label of which the rows are drawn.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the lines.
    figure_ : matplotlib Figure
        Figure that holds them.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn_datamaps import DataMap, TrajectoryDisplay
    >>> proba = [[[0.9, 0.1], [0.8, 0.2]], [[0.7, 0.3], [0.6, 0.4]]]
    >>> data_map = DataMap.from_probabilities(
    ...     proba, ["ham", "spam"], store_trajectories=True
    ... )
    >>> rows = data_map.rank("confidence", n_samples=1)
    >>> display = TrajectoryDisplay.from_data_map(data_map, rows)
    >>> display.frame()[["position", "label", "epoch", "probability"]]
       position label  epoch  probability
    0         1  spam      1          0.2
    1         1  spam      2          0.4
    >>> plt.close(display.figure_)
    """

    def __init__(
        self,
        data_map: BaseDataMap,
        rows: Any,
        *,
        by: str = "position",
        label: Any = None,
    ) -> None:
        self.data_map = data_map
        self.rows = rows
        self.by = by
        self.label = label

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        rows: Any,
        *,
        by: str = "position",
        label: Any = None,
        **plot_kwargs: Any,
    ) -> Self:
        """Draw rows of the map of a fitted classifier, Pipeline or search.

        Parameters
        ----------
        estimator : estimator
            As in :meth:`DataMap.from_estimator`.
        rows, by, label
            Which rows, see :class:`TrajectoryDisplay`.
        **plot_kwargs
            Arguments of :meth:`plot`.

        Returns
        -------
        TrajectoryDisplay

        Raises
        ------
        ValueError
            If there is no fitted map in the estimator, or as in :meth:`plot`.
        """
        data_map = map_of(BaseDataMap, estimator)
        return cls.from_data_map(data_map, rows, by=by, label=label, **plot_kwargs)

    @classmethod
    def from_data_map(
        cls,
        data_map: BaseDataMap,
        rows: Any,
        *,
        by: str = "position",
        label: Any = None,
        **plot_kwargs: Any,
    ) -> Self:
        """Draw rows of a map.

        Parameters
        ----------
        data_map : DataMap
            The map.
        rows, by, label
            Which rows, see :class:`TrajectoryDisplay`.
        **plot_kwargs
            Arguments of :meth:`plot`.

        Returns
        -------
        TrajectoryDisplay

        Raises
        ------
        TypeError
            If data_map is no DataMap.
        ValueError
            As in :meth:`plot`.
        """
        return cls(data_map, rows, by=by, label=label).plot(**plot_kwargs)

    def frame(self, *, text: str | None = "text") -> pd.DataFrame:
        """Table of the points that :meth:`plot` draws, one for every row and epoch.

        Parameters
        ----------
        text : str, default="text"
            Name of the carried column (:meth:`DataMap.with_columns`) with the rows'
            text. ``"text"`` may be missing from the map. None: no text.

        Returns
        -------
        pandas.DataFrame
            ``position``, ``id`` (its name in the index of the map), ``label``
            (multilabel: ``label_name``, and whether it is set in ``label``), ``epoch``
            (from 1), ``probability`` of the own label, and ``text`` if there is one.
            Epochs of which nothing was recorded for a row are left out.

        Raises
        ------
        TypeError
            If the display holds no DataMap.
        ValueError
            If the map has no trajectories or no such column, or the rows cannot be
            found in it or are more than 12.
        """
        data_map = self.data_map
        rows, labels = self._cells()
        column = _check_text(data_map, text)
        cells = (rows,) if labels is None else (rows, labels)
        own = np.asarray(data_map.trajectories)[(slice(None), *cells)].T
        unseen = np.isnan(own).all(axis=1)
        if unseen.any():
            raise ValueError(
                f"Row {rows[unseen][0]} was never recorded: it has no trajectory."
            )
        n_epochs = own.shape[1]
        data = {"position": rows, "id": data_map.index.to_numpy()[rows]}
        if labels is not None:
            data["label_name"] = data_map.classes[labels]
        data["label"] = data_map.label[cells]
        data = {name: np.repeat(values, n_epochs) for name, values in data.items()}
        data["epoch"] = np.tile(np.arange(1, n_epochs + 1), len(rows))
        data["probability"] = own.ravel()
        if column is not None:
            data["text"] = np.repeat(column[rows], n_epochs)
        frame = pd.DataFrame(data)
        return frame[frame["probability"].notna()].reset_index(drop=True)

    def _cells(self) -> tuple[Array, Array | None]:
        """Positions of the rows and, of a multilabel map, of the labels."""
        data_map = self.data_map
        if not isinstance(data_map, BaseDataMap):
            raise TypeError(
                f"TrajectoryDisplay draws a DataMap; got {type(data_map).__name__}. "
                f"For a fitted estimator use TrajectoryDisplay.from_estimator."
            )
        if data_map.trajectories is None:
            raise ValueError(
                "This map has no trajectories: only their mean and deviation were "
                "kept. Fit with store_trajectories=True."
            )
        if self.by not in ("position", "index"):
            raise ValueError(f"by must be 'position' or 'index'; got {self.by!r}.")
        if self.label is not None and not data_map.multilabel:
            raise ValueError("label applies to multilabel maps only.")
        pairs = data_map.multilabel and self.label is None
        if self.by == "position":
            found = _check_positions(data_map, self.rows, pairs)
        elif pairs:
            raise ValueError(
                "by='index' needs the name of a label for a multilabel map: pass "
                f"label=, one of {data_map.classes.tolist()}."
            )
        else:
            found = _find(data_map.index, self.rows)
        found = np.array(
            list(dict.fromkeys(map(tuple, found.reshape(len(found), 1 + pairs))))
        )
        if not 0 < len(found) <= MAX_ROWS:
            raise ValueError(
                f"TrajectoryDisplay draws 1 to {MAX_ROWS} rows, to be told apart; got "
                f"{len(found)}. Choose some, as with rank(..., n_samples={MAX_ROWS})."
            )
        if not data_map.multilabel:
            return found[:, 0], None
        if pairs:
            return found[:, 0], found[:, 1]
        position = label_position(data_map, self.label)
        return found[:, 0], np.full(len(found), position)

    def plot(
        self,
        *,
        ax: Any = None,
        text: str | None = "text",
        title: str | None = None,
        palette: str | Sequence[Any] | None = None,
        line_kwargs: Style = None,
        legend_kwargs: Style = None,
    ) -> Self:
        """Draw the trajectories, with their means at the right and the rows' texts.

        A row above the line at 0.5 is, with two classes, predicted right. Read the
        stories: a line that rises late was learned late, one that falls was
        forgotten, one that crosses 0.5 again and again is undecided, and one that
        stays below was never accepted.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; the legend lies below it. None: a new figure, which is as
            high as the legend needs.
        text : str, default="text"
            Name of the carried column with the rows' text, shown in the legend and
            cut to two lines. ``"text"`` may be missing from the map. None: no text.
        title : str, default=None
            None: learner, number of rows and of epochs.
        palette : str or list of colours, default=None
            A seaborn palette, or a list of colours. None: seven colours that all kinds
            of colour vision tell apart; markers and dashes differ too.
        line_kwargs : dict, default=None
            Arguments of :meth:`matplotlib.axes.Axes.plot`.
        legend_kwargs : dict, default=None
            Arguments of :meth:`matplotlib.axes.Axes.legend`.

        Returns
        -------
        self : TrajectoryDisplay

        Raises
        ------
        TypeError, ValueError
            As in :meth:`frame`.
        """
        from matplotlib.cbook import normalize_kwargs
        from matplotlib.lines import Line2D

        frame = self.frame(text=text)
        keys = [name for name in ("position", "label_name") if name in frame]
        lines_of = frame.groupby(keys, sort=False)
        rows = lines_of.head(1)
        names = _names(rows, self.data_map)

        new = ax is None
        if new:
            import matplotlib.pyplot as plt

            ax = plt.figure(figsize=(7.5, 4), layout="constrained").add_subplot()
        self.ax_, self.figure_ = ax, ax.figure
        of_rows = _colors(ax, palette, len(rows))
        size = drawing.font_size(ax)
        n_markers = min(20, 4 * ax.bbox.width / ax.figure.dpi)
        style = {
            "linewidth": 0.16 * size,
            "markersize": 0.6 * size,
            "markevery": max(1, round(self.data_map.n_epochs / n_markers)),
            **_edge(ax),
            **normalize_kwargs(dict(line_kwargs or {}), Line2D),
        }
        lines = []
        for i, (_, points) in enumerate(lines_of):
            dashes = DASHES[i % len(DASHES)]
            own = {"color": of_rows[i], "marker": MARKERS[i], "linestyle": dashes}
            x_and_y = points["epoch"], points["probability"]
            lines += ax.plot(*x_and_y, **(own | style))
        means = lines_of["probability"].mean().to_numpy()
        _draw_means(ax, means, of_rows, self.data_map.n_epochs, 0.8 * size)
        faint = colors.ink(ax, colors.FAINT)
        ax.axhline(0.5, color=faint, linewidth=0.9, linestyle=":", zorder=1.5)
        ax.set(ylim=(-0.03, 1.03))
        ax.set(xlabel="epoch", ylabel="probability of the own label")
        drawing.despine(ax)

        size = drawing.settle(ax)  # the legend is fitted to the final width
        title = drawing.default_title(self.data_map) if title is None else title
        drawing.draw_title(ax, title, size)
        legend = _draw_legend(ax, lines, names, 0.9 * size, dict(legend_kwargs or {}))
        if new:
            inches = legend.get_window_extent().height / self.figure_.dpi
            self.figure_.set_figheight(self.figure_.get_figheight() + inches)
        return self


def _check_text(data_map: BaseDataMap, text: str | None) -> Array | None:
    if text is None or (text == "text" and text not in data_map.columns):
        return None
    columns = data_map.listed_columns
    if text not in columns:
        raise ValueError(
            f"The map carries no column {text!r}; it has {list(columns)}. Add "
            f"it with data_map.with_columns({text}=...)."
        )
    return columns[text]


def _check_positions(data_map: BaseDataMap, rows: Any, pairs: bool) -> Array:
    found = np.asarray(rows)
    if found.size and found.dtype.kind not in "iu":
        raise ValueError(
            f"rows must be integer positions; got {found.dtype}. For names of the "
            f"index pass by='index'; for a mask pass np.flatnonzero(mask)."
        )
    if found.size and found.shape != ((len(found), 2) if pairs else (found.size,)):
        wanted = "(n_rows, 2), pairs of a row and a label position, or pass label="
        raise ValueError(
            f"rows must have shape {wanted if pairs else '(n_rows,)'}; got an array of "
            f"shape {found.shape}."
        )
    sizes = data_map.confidence.shape if pairs else [data_map.n_samples]
    for values, size, what in zip(
        np.atleast_2d(found.T), sizes, ("Row", "Label"), strict=False
    ):
        outside = values[(values < 0) | (values >= size)]
        if outside.size:
            raise ValueError(
                f"{what} {outside[0]} is out of range: the positions are 0 to "
                f"{size - 1}. For names of the index pass by='index'."
            )
    return found


def _find(index: pd.Index, rows: Any) -> Array:
    if isinstance(rows, str) or not np.iterable(rows):
        raise ValueError(f"rows must be a list of names of the index; got {rows!r}.")
    found = []
    for name in rows:
        try:
            at = np.atleast_1d(np.arange(len(index))[index.get_loc(name)])
        except (KeyError, TypeError, pd.errors.InvalidIndexError):
            raise ValueError(f"There is no row {name!r} in the index.") from None
        if len(at) > 1:
            raise ValueError(
                f"{len(at)} rows of the index are named {name!r}: pass positions, such "
                f"as {at[:3].tolist()}, with by='position'."
            )
        found.append(at[0])
    return np.array(found, dtype=np.intp)


def _names(rows: pd.DataFrame, data_map: BaseDataMap) -> list[str]:
    """What the legend says of each row: name, label and text, on one line."""
    numbered = data_map.index.equals(pd.RangeIndex(data_map.n_samples))
    names = []
    for row in rows.to_dict("records"):
        name = f"row {row['position']}" if numbered else str(row["id"])
        label = row["label"]
        if data_map.multilabel:
            label = row["label_name"] if label else f"not {row['label_name']}"
        text = "" if pd.isna(row.get("text")) else f": {row['text']}"
        characters = [c if c.isprintable() else " " for c in f"{name} ({label}){text}"]
        names.append(" ".join("".join(characters).split()))
    return names


def _colors(ax: Any, palette: str | Sequence[Any] | None, n: int) -> list[Any]:
    """Colours of n rows, over again if there are not so many."""
    if palette is not None:
        import seaborn as sns

        return list(sns.color_palette(palette, n))
    ink = colors.ink(ax)
    chosen = [ink if c == "text" else colors.visible(c, ax) for c in COLORS]
    return [chosen[i % len(chosen)] for i in range(n)]


def _edge(ax: Any) -> dict[str, Any]:
    return {
        "markeredgecolor": colors.background(ax),
        "markeredgewidth": EDGE_WIDTH,
    }


def _draw_means(
    ax: Any, means: Array, of_rows: Sequence[Any], n_epochs: int, size: float
) -> None:
    """Mark the means right of the last epoch, close ones side by side."""
    from matplotlib.ticker import MaxNLocator

    columns = np.zeros(len(means))
    lowest_free = np.full(len(means), -np.inf)
    for row in np.argsort(means, kind="stable"):
        columns[row] = column = np.argmax(lowest_free <= means[row])
        lowest_free[column] = means[row] + MEAN_GAP
    step = max(n_epochs - 1, 1) / 100
    x = n_epochs + step * (9 + 3 * columns)
    style = {"linestyle": "", "markersize": size} | _edge(ax)
    for i, mean in enumerate(means):
        ax.plot(x[i], mean, color=of_rows[i], marker=MARKERS[i], **style)
    faint = colors.ink(ax, colors.FAINT)
    ax.axvline(n_epochs + 4.5 * step, color=faint, linewidth=0.5, zorder=1)
    epochs = np.array(MaxNLocator(10, integer=True).tick_values(1, n_epochs), dtype=int)
    epochs = np.unique([1, *epochs[(epochs > 1) & (epochs <= n_epochs)]])
    ax.set_xticks([*epochs, (x.min() + x.max()) / 2], [*map(str, epochs), "mean"])
    ax.set_xlim(1 - 3 * step, x.max() + 4 * step)


def _draw_legend(
    ax: Any, lines: list[Any], names: list[str], size: float, kwargs: dict[str, Any]
) -> Any:
    """Legend below the axes, its texts as they are and wrapped to the axes' width."""
    from matplotlib.transforms import ScaledTranslation

    dpi = ax.figure.dpi
    below = (ax.bbox.y0 - ax.xaxis.get_tightbbox().y0) / dpi + 0.08
    place = ax.transAxes + ScaledTranslation(0, -below, ax.figure.dpi_scale_trans)
    defaults = {
        "loc": "upper left",
        "bbox_to_anchor": (0, 0),
        "bbox_transform": place,
        "fontsize": size,
        "frameon": False,
        "borderaxespad": 0,
        "borderpad": 0,
        "handlelength": 3,
    }
    # Matplotlib leaves out labels that begin with "_" and reads what is between two
    # "$" as a formula: the texts are set afterwards, literally.
    numbers = [str(i) for i in range(len(names))]
    legend = ax.legend(lines, numbers, **(defaults | kwargs))
    widest = max(30, int(2.4 * ax.bbox.width * 72 / dpi / size))
    for n_characters in range(widest, 20, -2):
        for text, name in zip(legend.get_texts(), names, strict=True):
            parts = wrap(name, n_characters)
            if len(parts) > MAX_LINES:
                parts = parts[:MAX_LINES]
                parts[-1] = parts[-1][: n_characters - 1] + "\u2026"
            text.set(text="\n".join(parts), parse_math=False)
        if legend.get_window_extent().width <= ax.bbox.width:
            break
    return legend
