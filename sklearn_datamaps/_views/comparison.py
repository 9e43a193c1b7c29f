"""Two maps of the same rows: what moved between them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from sklearn_datamaps._core.arrays import Array, Rows
from sklearn_datamaps._core.base_map import BaseDataMap, table_of
from sklearn_datamaps._core.messages import check_whole, warn_caller
from sklearn_datamaps._core.public import found_in
from sklearn_datamaps._core.regions import (
    BAND,
    N_STD,
    REGIONS,
    UNSEEN,
    boundary_lines,
    region_names,
)
from sklearn_datamaps._core.repeats import check_same_rows
from sklearn_datamaps._views import colors, drawing, html

MOST_ARROWS = 25  # more hide each other

# Sorting would take most of the time of larger maps; a correlation of so many has an
# error of a thousandth.
N_RANKED = 1_000_000
# Of two classes the margin is 2 confidence - 1, its deviation twice the variability.
SAME_RANKS = {"margin": "confidence", "margin_std": "variability"}


@found_in("sklearn_datamaps")
@dataclass(frozen=True, eq=False, repr=False)
class DataMapComparison:
    """What moved between two maps of the same rows; made by ``before.compare(after)``.

    .. versionadded:: 0.1

    Attributes
    ----------
    before, after : DataMap
        The two maps.
    transitions : pandas.DataFrame of shape (n_regions, n_regions)
        Rows by their region before (index) and after (columns).
    movers : pandas.DataFrame
        The rows that moved farthest on the map: position, label, region,
        confidence and variability before and after, ``distance``, carried columns
        (with ``_carried`` behind a name that is taken).
    changed_labels : pandas.DataFrame
        The rows whose label differs, with their measures before and after; none if
        a map does not know the labels.
    spearman : pandas.Series
        Rank correlation of each measure that both maps have; NaN where a measure is
        constant. Of more than a million values by a million drawn at random.

    Examples
    --------
    >>> from sklearn_datamaps import DataMap
    >>> before = DataMap.from_probabilities([[[0.9, 0.1], [0.8, 0.2]]], [0, 1])
    >>> after = DataMap.from_probabilities([[[0.9, 0.1], [0.3, 0.7]]], [0, 1])
    >>> int(before.compare(after).transitions.loc["hard", "easy"])
    1
    """

    before: BaseDataMap
    after: BaseDataMap
    transitions: pd.DataFrame
    movers: pd.DataFrame
    changed_labels: pd.DataFrame
    spearman: pd.Series

    def plot(
        self, *, ax: Any = None, n_movers: int | None = None, title: str | None = None
    ) -> Any:
        """Draw what moved: an arrow for each row if they are few, else a table.

        Arrows lead from before to after on the map, with the regions and their sizes.
        The table has one cell for each region before and after: how many rows went
        that way, the more the stronger its colour.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw. None: a new figure.
        n_movers : int, default=None
            Draw arrows for so many of ``movers``, the largest. None: for all of them
            if at most 25 rows went to another region, else the table.
        title : str, default=None
            Title of the axes. None: says what moved.

        Returns
        -------
        matplotlib Axes

        Raises
        ------
        ValueError
            If n_movers is no integer >= 0.
        """
        import matplotlib.pyplot as plt

        if n_movers is not None:
            check_whole("n_movers", n_movers, least=0)
        if ax is None:
            ax = plt.figure(figsize=(7.5, 5.6), layout="constrained").add_subplot()
        if n_movers is None and sum(n_moved(self.transitions)) > MOST_ARROWS:
            _draw_flow(ax, self, title)
        else:
            _draw_arrows(ax, self, n_movers, title)
        return ax

    def __repr__(self) -> str:
        """Show the transitions, the correlations and the number of changed labels."""
        return (
            f"DataMapComparison: {self.before.n_samples:,} rows, "
            f"{len(self.changed_labels):,} changed labels\n"
            f"regions before (rows) and after (columns):\n{self.transitions}\n"
            f"Spearman correlation of the measures:\n"
            f"{self.spearman.round(3).to_string()}"
        )

    def _repr_html_(self) -> str:
        return html.comparison_html(self, n_moved(self.transitions))


def compare(
    before: BaseDataMap, after: BaseDataMap, *, n_movers: int = 20
) -> DataMapComparison:
    """Compare maps of the same rows; see :meth:`sklearn_datamaps.DataMap.compare`."""
    check_same_rows(before, after)
    check_whole("n_movers", n_movers, least=0)
    _warn_unlike(before, after)
    distance = np.hypot(
        (after.confidence - before.confidence).ravel(),
        (after.variability - before.variability).ravel(),
    )
    movers, changed = _farthest(distance, n_movers), _changed(before, after)
    return DataMapComparison(
        before=before,
        after=after,
        transitions=_transitions(before, after),
        movers=_pairs(before, after, distance, movers),
        changed_labels=_pairs(before, after, distance, changed),
        spearman=_spearman(before, after),
    )


def compare_labels(one: BaseDataMap, other: BaseDataMap, by: str) -> pd.DataFrame:
    """Compare two maps label by label; see :meth:`sklearn_datamaps.DataMap.compare`."""
    if by != "label":
        raise ValueError(f"by must be None or 'label'; got {by!r}.")
    if not isinstance(other, BaseDataMap):
        raise TypeError(f"compare needs a DataMap; got {type(other).__name__}.")
    if not (one.has_labels and other.has_labels):
        raise ValueError("by='label' needs two maps that know the labels of the rows.")
    if one.multilabel != other.multilabel:
        raise ValueError("One map is multilabel, the other is not.")
    of_other = _means_by_label(other).add_suffix("_other")
    table = _means_by_label(one).join(of_other, how="outer")
    counts = ["n_samples", "n_samples_other"]
    table[counts] = table[counts].fillna(0).astype(np.int64)
    table["difference"] = table["confidence"] - table["confidence_other"]
    return table


def _means_by_label(data_map: BaseDataMap) -> pd.DataFrame:
    rows = data_map.to_frame()
    keys = ["label_name", "label"] if data_map.multilabel else ["label"]
    names = ["confidence", "variability", "correctness", "hard"]
    rows["hard"] = rows["region"] == "hard"
    groups = rows.groupby(keys, observed=True)
    means = groups[names].mean()
    means.insert(0, "n_samples", groups.size())
    return means


def label_changed(pairs: pd.DataFrame) -> NDArray[np.bool_]:
    """Which rows have another label after; where one is not known, it is the same."""
    labels = pairs[["label_before", "label_after"]]
    differ = pairs["label_before"] != pairs["label_after"]
    changed: NDArray[np.bool_] = (differ & labels.notna().all(axis=1)).to_numpy()
    return changed


def _warn_unlike(before: BaseDataMap, after: BaseDataMap) -> None:
    pairs = {"n_epochs": (before.n_epochs, after.n_epochs)} | {
        key: (before.meta.get(key), after.meta.get(key))
        for key in ("recording", "n_folds", "learner", "batch_size")
    }
    unlike = [f"{k} ({a!r} and {b!r})" for k, (a, b) in pairs.items() if a != b]
    if unlike:
        warn_caller(
            f"The maps differ in {', '.join(unlike)}: variability depends on it, so "
            f"part of what moved is not the data's doing.",
        )


def _transitions(before: BaseDataMap, after: BaseDataMap) -> pd.DataFrame:
    names = [*REGIONS, UNSEEN]
    one, two = before.region_codes().ravel(), after.region_codes().ravel()
    size = len(names)
    counts = np.bincount(one.astype(np.intp) * size + two, minlength=size * size)
    keep = slice(None) if 3 in one or 3 in two else slice(len(REGIONS))
    return pd.DataFrame(
        counts.reshape(size, size)[keep, keep],
        index=pd.Index(names[keep], name="before"),
        columns=pd.Index(names[keep], name="after"),
    )


def _farthest(distance: Array, n: int) -> Rows:
    """First rows of a stable sort, the farthest first, without sorting all."""
    reached = np.nan_to_num(distance, nan=-1.0)
    n = min(n, len(reached))
    if n < 1:
        return np.empty(0, dtype=np.intp)
    least = np.partition(reached, len(reached) - n)[len(reached) - n]
    rows = np.flatnonzero(reached >= least)
    farthest: Rows = rows[np.argsort(-reached[rows], kind="stable")][:n]
    return farthest


def _changed(before: BaseDataMap, after: BaseDataMap) -> Rows:
    """Rows with another label after; where one is not known, it is the same."""
    one, two = before.label.ravel(), after.label.ravel()
    if one.dtype.kind == two.dtype.kind != "O":
        differ = one != two
    else:
        as_given = [pd.Series(labels, dtype=object) for labels in (one, two)]
        differ = (as_given[0] != as_given[1]).to_numpy(dtype=bool)
    rows = np.flatnonzero(differ)
    known = ~(pd.isna(one[rows]) | pd.isna(two[rows]))
    return rows[known]


def _pairs(
    before: BaseDataMap, after: BaseDataMap, distance: Array, cells: Rows
) -> pd.DataFrame:
    """Both maps side by side, of some cells alone: of millions few are shown."""
    n_labels = len(before.classes) if before.multilabel else 1
    rows = cells // n_labels
    data: dict[str, Any] = {"position": rows}
    if before.multilabel:
        data["label_name"] = before.classes[cells % n_labels]
    maps = {"before": before, "after": after}
    regions = {when: one.region_codes().ravel()[cells] for when, one in maps.items()}
    for name in ("label", "region", "confidence", "variability"):
        for when, one in maps.items():
            shown = region_names(regions[when])
            values = shown if name == "region" else getattr(one, name).ravel()[cells]
            data[f"{name}_{when}"] = values
    data["distance"] = distance[cells]
    carried = {**after.listed_columns, **before.listed_columns}
    for name in {**before.listed_columns, **carried}:  # those of before come first
        values = carried[name]
        data[f"{name}_carried" if name in data else name] = values[rows]
    return table_of(data, before.index[rows])


def _spearman(before: BaseDataMap, after: BaseDataMap) -> pd.Series:
    common = [n for n in before.measure_names() if n in after.measure_names()]
    n_values = before.confidence.size
    drawn: Any = slice(None)
    if n_values > N_RANKED:
        drawn = np.random.default_rng(0).choice(n_values, N_RANKED, replace=False)
    result: dict[str, float] = {}
    for name in common:
        same = SAME_RANKS.get(name)
        if same in result and not (before.records_margin or after.records_margin):
            result[name] = result[str(same)]
            continue
        one = before.measure(name).ravel()[drawn]
        two = after.measure(name).ravel()[drawn]
        seen = ~(np.isnan(one) | np.isnan(two))
        one, two = one[seen], two[seen]
        varied = len(one) > 1 and np.ptp(one) > 0 and np.ptp(two) > 0
        result[name] = stats.spearmanr(one, two).statistic if varied else np.nan
    return pd.Series(result, name="spearman", dtype=np.float64)


def n_moved(transitions: pd.DataFrame) -> tuple[int, int]:
    """Rows that went to another region, towards easy and towards hard."""
    seen = transitions.reindex(index=REGIONS, columns=REGIONS).to_numpy()
    return int(np.tril(seen, -1).sum()), int(np.triu(seen, 1).sum())


def _draw_arrows(
    ax: Any,
    comparison: DataMapComparison,
    n_movers: int | None,
    title: str | None,
) -> None:
    from matplotlib.lines import Line2D

    movers, after = comparison.movers.iloc[:n_movers], comparison.after
    changed = label_changed(movers)
    start = movers[["variability_before", "confidence_before"]].to_numpy()
    end = movers[["variability_after", "confidence_after"]].to_numpy()
    points = pd.DataFrame(
        {
            "variability": after.variability.ravel(),
            "confidence": after.confidence.ravel(),
            "region": after.regions().ravel(),
        }
    )
    points = points[points["confidence"].notna()]
    # Rows that are learned at once move at the left end: the axis ends with the movers.
    widest = 1.2 * max(0.01, start[:, 0].max(initial=0), end[:, 0].max(initial=0))
    beyond = int((points["variability"] > widest).sum())
    points = points[points["variability"] <= widest]
    size, faint = drawing.font_size(ax), colors.ink(ax, colors.FAINT)
    ax.scatter(
        *points[["variability", "confidence"]].to_numpy().T,
        s=0.4 * size,
        color=faint,
        alpha=np.clip(10 / np.sqrt(len(points)), 0.15, 0.6),
        linewidths=0,
        rasterized=True,
    )
    is_curve = after.margin_follows_confidence
    boundary = boundary_lines(BAND, N_STD) if is_curve else np.empty((0, 2, 2))
    drawing.draw_boundary(ax, boundary, {"linewidth": 0.8})
    dot = Line2D([], [], ls="", marker="o", ms=0.4 * size, color=faint)
    handles, labels = [dot], ["all rows, after"]
    for chosen, color, name in zip(
        (~changed, changed),
        colors.accents(ax, 2),
        ("label kept", "label changed"),
        strict=True,
    ):
        if chosen.any():
            label = f"{name} ({int(chosen.sum()):,} of the movers)"
            ax.quiver(
                *start[chosen].T,
                *(end - start)[chosen].T,
                angles="xy",
                scale_units="xy",
                scale=1,
                units="inches",
                width=0.0012 * size,
                headwidth=6,
                headlength=8,
                headaxislength=7,
                color=color,
                label=label,
                zorder=3,
            )
            handles.append(Line2D([], [], color=color, lw=0.12 * size))
            labels.append(label)
    ax.set(
        xlim=(-0.02 * widest, widest),
        ylim=(-0.03, 1.03),
        xlabel="variability",
        ylabel="confidence",
    )
    drawing.despine(ax)
    size = drawing.settle(ax)
    default = f"The {len(movers):,} largest movers, from before to after"
    note = f"{beyond:,} rows with more variability are not shown" if beyond else ""
    title = default if title is None else title
    entries = {"handles": handles, "labels": labels}
    drawing.draw_legend(ax, title, size, note, entries)
    sums = comparison.transitions.sum(axis=1), comparison.transitions.sum(axis=0)
    counts = {name: f"{sums[0][name]:,} \u2192 {sums[1][name]:,}" for name in REGIONS}
    drawing.name_regions(ax, points[:0], boundary, size, counts)


def _draw_flow(ax: Any, comparison: DataMapComparison, title: str | None) -> None:
    """Regions before (rows) and after (columns), the number of rows in each cell."""
    from matplotlib.patches import Rectangle

    table = comparison.transitions
    n = len(table)
    names = [
        [f"{name}\n{total:,}" for name, total in table.sum(axis=axis).items()]
        for axis in (0, 1)
    ]
    ax.set_xticks(np.arange(n) + 0.5, names[0])
    ax.set_yticks(np.arange(n) + 0.5, names[1])
    ax.set(xlim=(0, n), ylim=(n, 0), xlabel="region after", ylabel="region before")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    size = drawing.settle(ax)
    counts = table.to_numpy()
    moved = counts * (1 - np.eye(n, dtype=int))
    better, worse = colors.accents(ax, 2)
    behind = colors.background(ax)
    for (row, column), count in np.ndenumerate(counts):
        color = better if column < row else worse
        share = 0.0 if row == column else np.sqrt(count / max(moved.max(), 1))
        if UNSEEN in (table.index[row], table.columns[column]):
            color = colors.ink(ax, colors.FAINT)
        face = colors.mix(color, behind, 0.9 * share)
        edge = colors.ink(ax, colors.FAINT)
        place = (column + 0.03, row + 0.03)
        cell = Rectangle(place, 0.94, 0.94, facecolor=face, edgecolor=edge, lw=0.5)
        ax.add_patch(cell)
        on = max(("black", "white"), key=lambda ink: colors.contrast(ink, face))
        ax.text(
            column + 0.5,
            row + 0.5,
            f"{count:,}" + ("\nstayed" if row == column else ""),
            ha="center",
            va="center",
            fontsize=1.1 * size,
            color=on,
        )
    up, down = n_moved(table)
    unit = "cells" if comparison.after.multilabel else "rows"
    default = (
        f"{up + down:,} of {counts.sum():,} {unit} are in another region:\n"
        f"{up:,} moved towards easy, {down:,} towards hard"
    )
    if len(comparison.changed_labels):
        default += f"; {len(comparison.changed_labels):,} relabelled"
    drawing.draw_title(ax, default if title is None else title, size)
