"""Draw the reasons for and against the label of a row."""

from numbers import Integral
from textwrap import wrap
from typing import Any

import numpy as np
import pandas as pd

from sklearn_datamaps._views import colors, drawing

Explanation = Any  # it lies above this file


def plot(explained: Explanation, at: int = 0, *, axes: Any = None) -> Any:
    """Draw the reasons of one row; see :meth:`sklearn_datamaps.Explanation.plot`."""
    import matplotlib.pyplot as plt

    if not len(explained.rows):
        raise ValueError("There is nothing to draw: no row was explained.")
    whole = isinstance(at, Integral) and not isinstance(at, bool)
    if not (whole and 0 <= at < len(explained.rows)):
        raise ValueError(f"at must be in 0 ... {len(explained.rows) - 1}; got {at!r}.")
    if axes is None:
        _, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    axes = np.asarray(axes, dtype=object).ravel()
    if len(axes) != 2:
        raise ValueError(f"axes must be two Axes; got {len(axes)}.")
    found = explained.frame[explained.frame["number"] == at]
    near, features = (found[found["neighbour"] >= 0], found[found["neighbour"] < 0])
    _bars(axes[0], near, near["kind"] == "same label", "cosine")
    if explained.curves is not None and features.empty:
        epochs = np.arange(1, len(explained.curves) + 1)
        color = colors.accents(axes[1], 1)[0]
        axes[1].plot(epochs, explained.curves[:, at], "o-", color=color, ms=5)
        what = {"xlabel": "epoch", "ylabel": "probability of the label"}
        axes[1].set(**what, ylim=(-0.03, 1.03))
        axes[1].locator_params(axis="x", integer=True)
        title = "Epoch by epoch"
    else:
        _bars(axes[1], features, features["weight"] > 0, "own label less rival")
        title = "Features"
    size = drawing.settle(*axes)
    titles = (f"Nearest rows of row {explained.rows[at]}", title)
    for ax, title in zip(axes, titles, strict=True):
        drawing.draw_legend(ax, title, size)
    return axes


def _bars(ax: Any, shown: pd.DataFrame, is_for: Any, what: str) -> None:
    import seaborn as sns

    places, is_for = np.arange(len(shown)), np.asarray(is_for, dtype=bool)
    weights = shown["weight"].to_numpy()
    for of_kind, color, label in zip(
        (is_for, ~is_for),
        colors.accents(ax, 2),
        ("for the label", "against it"),
        strict=True,
    ):
        if of_kind.any():
            ax.barh(places[of_kind], weights[of_kind], color=color, label=label)
    ax.axvline(0, color=colors.ink(ax, colors.STRONG), lw=0.8)
    n_characters = max(12, int(6 * ax.bbox.width / ax.figure.dpi))
    reasons = [_two_lines(reason, n_characters) for reason in shown["reason"]]
    ax.set_yticks(places, reasons)
    for name in ax.get_yticklabels():
        name.set_parse_math(False)  # a text may hold "$"
    ax.set(xlabel=what)
    ax.invert_yaxis()
    sns.despine(ax=ax, left=True)


def _two_lines(text: str, n_characters: int) -> str:
    lines = wrap(text, n_characters) or [""]
    if len(lines) > 2:
        lines = [lines[0], f"{lines[1][: n_characters - 1]}\u2026"]
    return "\n".join(lines)
