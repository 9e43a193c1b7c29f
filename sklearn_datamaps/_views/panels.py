"""Draw a data map as small multiples: one small map for every label."""

from collections.abc import Callable, Mapping
from textwrap import wrap
from typing import Any

import numpy as np
import pandas as pd

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.base_map import BaseDataMap, require_labels
from sklearn_datamaps._views import colors, drawing

MAX_PANELS = 100  # more take minutes to draw, and no page holds them
PAGE_WIDTH = 11.7  # inches, of A4 landscape: 28 panels, 7 x 4, fill 11.7 x 8.3
SIZE = 7  # points, of the panels' texts
REGIONS = ("easy", "ambiguous", "hard")


def check(data_map: BaseDataMap, by: str, ax: Any, histograms: bool | None) -> None:
    """Refuse what small multiples cannot do, before a figure is made."""
    if by != "label":
        raise ValueError(f"by must be None or 'label'; got {by!r}.")
    if ax is not None:
        raise ValueError(
            "by='label' draws a figure of its own, with one panel for each label: "
            "leave out ax."
        )
    if histograms:
        raise ValueError("by='label' draws no histograms: leave out histograms=True.")
    require_labels(data_map, "by='label'")
    if len(data_map.classes) > MAX_PANELS:
        raise ValueError(
            f"by='label' draws one panel for each label, at most {MAX_PANELS}; the map "
            f"has {len(data_map.classes)}. data_map.summary(by='label') counts them."
        )


def keys_of(data_map: BaseDataMap) -> list[str]:
    """Columns of the points that make groups of which the frequent are thinned."""
    return ["label_name", "label"] if data_map.multilabel else ["label"]


def draw(
    data_map: BaseDataMap,
    points: pd.DataFrame,
    drawn: pd.DataFrame,
    styles_on: Callable[[Any], pd.DataFrame],
    boundary: Array,
    *,
    is_curve: bool,
    title: str | None,
    scatter_kwargs: Mapping[str, Any],
    boundary_kwargs: Mapping[str, Any],
    legend_kwargs: Mapping[str, Any],
) -> tuple[Any, Array]:
    """Draw the panels, those with the largest share of hard points first.

    Multilabel, the share is that of the cells where the label is set, which are what
    one looks at. Return the figure, and the axes in the order of the classes.
    """
    key = keys_of(data_map)[0]
    asked = points[points["label"]] if data_map.multilabel else points
    is_hard = asked["region"] == "hard"
    share = is_hard.groupby(asked[key]).mean().reindex(data_map.classes, fill_value=0)
    order = share.reset_index(drop=True).sort_values(ascending=False, kind="stable")
    figure, head, placed = _grid(len(share))
    axes = np.empty_like(placed)
    axes[order.index] = placed
    styles = styles_on(placed[0])
    panels = [
        pd.Index(data_map.classes).get_indexer(pd.Index(frame[key]))
        for frame in (points, drawn)
    ]
    for i, ax in enumerate(axes):
        here = points[panels[0] == i]
        _draw_panel(ax, drawn[panels[1] == i], styles, data_map, scatter_kwargs)
        drawing.draw_boundary(ax, boundary, boundary_kwargs)
        ax.set(xlabel="", ylabel="")
        _head_panel(ax, str(data_map.classes[i]), here, data_map.multilabel)
    largest = max(float(drawn["variability"].max()), 0.01) if len(drawn) else 0.5
    axes[0].set(xlim=(-0.02 * largest, 1.06 * largest), ylim=(-0.03, 1.03))
    axes[0].set(yticks=[0, 0.5, 1])
    figure.supxlabel("variability", fontsize=SIZE + 2)
    figure.supylabel("confidence", fontsize=SIZE + 2)
    figure.get_layout_engine().execute(figure)  # the head is fitted to the final width
    facts = [
        "above each panel: easy / ambiguous / hard; the largest share of hard first"
    ]
    if data_map.multilabel:
        facts[0] += " (where the label is set)"
        facts.append("outlined: label set")
    if not is_curve:
        facts.append("regions follow the margin, not shown here")
    facts.append(drawing.notes(data_map, points, drawn, is_curve=True))
    title = drawing.default_title(data_map) if title is None else title
    notes = "; ".join(fact for fact in facts if fact)
    size = drawing.font_size(head)
    drawing.draw_head(head, title, notes, styles, size, legend_kwargs)
    return figure, axes


def _grid(n_panels: int) -> tuple[Any, Any, Array]:
    """Figure, the place of its head, and the panels with common axes."""
    import matplotlib.pyplot as plt

    n_rows = -(-n_panels // int(np.ceil(np.sqrt(1.75 * n_panels))))
    n_columns = -(-n_panels // n_rows)
    width = float(np.clip(PAGE_WIDTH / n_columns, 1.6, 2.8))
    size = max(5.0, n_columns * width), 1.2 + 1.06 * width * n_rows
    figure = plt.figure(figsize=size, layout="constrained")
    grid = figure.add_gridspec(
        n_rows + 1, n_columns, height_ratios=[0.01] + [1] * n_rows
    )
    head = figure.add_subplot(grid[0, :])
    head.set_axis_off()
    axes: list[Any] = []
    for i in range(n_panels):
        first = axes[0] if axes else None
        place = grid[1 + i // n_columns, i % n_columns]
        ax = figure.add_subplot(place, sharex=first, sharey=first)
        ax.tick_params(
            labelsize=SIZE,
            labelleft=i % n_columns == 0,
            labelbottom=i + n_columns >= n_panels,
        )
        axes.append(ax)
    return figure, head, np.array(axes)


def _draw_panel(
    ax: Any,
    drawn: pd.DataFrame,
    styles: pd.DataFrame,
    data_map: BaseDataMap,
    kwargs: Mapping[str, Any],
) -> None:
    parts: list[tuple[pd.DataFrame, dict[str, Any]]] = [(drawn, {})]
    if data_map.multilabel:
        is_set = drawn["label"].to_numpy(dtype=bool)
        edge = colors.ink(ax, colors.STRONG)
        outline = {"linewidth": 0.3, "edgecolor": edge, "zorder": 2.5}
        parts = [(drawn[~is_set], {"s": 2, "alpha": 0.3}), (drawn[is_set], outline)]
    for part, style in parts:
        if len(part):
            drawing.draw_points(ax, part, styles, style | dict(kwargs))
    drawing.despine(ax)  # also where there was nothing to draw


def _head_panel(ax: Any, name: str, here: pd.DataFrame, multilabel: bool) -> None:
    """Name of the label and, in grey, the sizes of its regions, above the panel."""
    parts = {"": here}
    if multilabel:
        parts = {"set: ": here[here["label"]], "unset: ": here[~here["label"]]}
    counts = [
        part + " / ".join(f"{(rows['region'] == name).sum():,}" for name in REGIONS)
        for part, rows in parts.items()
    ]
    ax.annotate(
        "\n".join(counts),
        (0, 1),
        (0, 2),
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=SIZE,
        color=colors.ink(ax.figure, colors.MUTED),
    )
    n_characters = int(1.6 * ax.bbox.width * 72 / ax.figure.dpi / (SIZE + 1))
    lines = wrap(name, n_characters)
    if len(lines) > 2:
        lines = [lines[0], lines[1][: n_characters - 1] + "\u2026"]
    pad = 3 + 1.3 * SIZE * len(counts)
    title = ax.set_title("\n".join(lines), loc="left", fontsize=SIZE + 1, pad=pad)
    title.set_parse_math(False)  # a label may hold "$"
