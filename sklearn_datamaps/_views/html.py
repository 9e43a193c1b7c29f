"""What notebooks show of maps, comparisons, audits and reasons: small HTML.

No script, no style sheet and no background of its own: texts have the colour of the
page around them, so that they can be read in light and dark notebooks, in their exports
and in any other page; the colours of marks stand out from white and from black.
"""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.base_map import BaseDataMap
from sklearn_datamaps._core.regions import REGIONS, UNSEEN
from sklearn_datamaps._views import summary

# Each at least 3 to 1 against white and against the #1e1e1e of dark editors.
BLUE, GREY, ORANGE = "#3a86c8", "#808080", "#cc6a1c"
COLORS = dict(zip((*REGIONS, UNSEEN), (BLUE, GREY, ORANGE, GREY), strict=True))
CELLS, CELL = (36, 24), 5  # of the picture of a map, and pixels of each
LEVELS = (0.35, 0.55, 0.75, 1.0)  # of opacity: how crowded a cell is
MOST_BARS, MOST_ROWS = 6, 10
# A label may hold "$", which notebooks would typeset as a formula.
OUTER = (
    '<div class="tex2jax_ignore mathjax_ignore" style="color:var(--jp-content-font-'
    'color1,inherit);font-size:13px;line-height:1.45;max-width:52em">'
)


class Bar(NamedTuple):
    """One bar: its name, its length from 0 to 1, what is written, its colour."""

    name: str
    share: float
    told: str
    color: str


def map_html(data_map: BaseDataMap) -> str:
    """Describe a map: picture, regions, labels of the hard rows, what to do next.

    Parameters
    ----------
    data_map : DataMap
        The map.

    Returns
    -------
    str
        HTML.
    """
    table: Any = summary.summary(data_map)
    parts = {"": table}
    if data_map.multilabel:
        parts = {f" where the label is {name}": table.loc[name] for name in SET}
    bars = [
        _bars(
            f"regions{where}",
            [
                Bar(str(name), row["share"], _counted(row), COLORS[str(name)])
                for name, row in part.iterrows()
            ],
        )
        for where, part in parts.items()
    ]
    bars.append(_hard_labels(data_map))
    head, notes = summary.head_and_notes(data_map)
    steps = {"": "data_map.plot()"}
    if data_map.has_labels:
        steps = {
            "read the hard rows and decide": 'data_map.explore("map.html")',
            "or in a table": "data_map.review()",
        }
    return _page(head, _map_picture(data_map), bars, notes, steps)


def comparison_html(comparison: Any, n_moved: tuple[int, int]) -> str:
    """Describe a comparison: which rows went where, and how far the measures agree.

    Parameters
    ----------
    comparison : DataMapComparison
        The comparison.
    n_moved : tuple of two int
        Rows that went to another region, towards easy and towards hard.

    Returns
    -------
    str
        HTML.
    """
    n, (up, down) = comparison.before.n_samples, n_moved
    unit = "cells" if comparison.before.multilabel else "rows"
    head = (
        f"DataMapComparison: {n:,} rows, {len(comparison.changed_labels):,} changed "
        f"labels; {up + down:,} {unit} are in another region, {up:,} towards easy, "
        f"{down:,} towards hard"
    )
    known = comparison.spearman.dropna()
    bars = [
        Bar(str(name), max(value, 0), f"{value:.2f}", BLUE if value >= 0 else ORANGE)
        for name, value in known.head(MOST_BARS).items()
    ]
    steps = {
        "look at what moved": "comparison.plot()",
        "and at the rows": "comparison.movers",
    }
    parts = [_bars("rank correlation of before and after", bars)]
    return _page(head, _flow_picture(comparison.transitions), parts, [], steps)


def audit_html(audit: Any, order: Array, labels: pd.DataFrame) -> str:
    """Describe an audit: what it found, the order of reading, label by label.

    Parameters
    ----------
    audit : LabelAudit
        The audit.
    order : ndarray of shape (n_shown,)
        Chance that each label is wrong, the most suspicious first.
    labels : pandas.DataFrame
        ``label``, ``share``, ``n_wrong`` and ``n``.

    Returns
    -------
    str
        HTML.
    """
    head, *lines = str(audit.summary()).split("\n")
    length = labels["share"] / max(labels["share"].max(), 1e-12)
    columns = (labels["label"], length, labels["n_wrong"], labels["n"])
    bars = [
        Bar(str(name), share, f"{wrong:,.0f} of {n:,}", ORANGE)
        for name, share, wrong, n in zip(*columns, strict=True)
    ][:MOST_BARS]
    what = "wrong, as estimated" if audit.n_wrong is not None else "looks wrong"
    parts = [_bars(f"{what}, largest share first{_more(len(labels))}", bars)]
    steps = {
        "read": "review = audit.review(n=100, n_random=30)",
        "then": "audit.update(review)",
    }
    picture = _order_picture(order, audit.n_wrong is not None)
    # The last line says in words what the steps say.
    return _page(head, picture, parts, lines[:-1], steps)


def explanation_html(explanation: Any) -> str:
    """List the reasons of each row explained, as bars for and against its label.

    Parameters
    ----------
    explanation : Explanation
        The reasons.

    Returns
    -------
    str
        HTML.
    """
    parts = []
    for number, sentence in enumerate(explanation.sentences[:MOST_ROWS]):
        found = explanation.frame[explanation.frame["number"] == number]
        title = f"row {explanation.rows[number]}: {sentence}"
        bars = "".join(
            _bars(name, list(_reasons(found[found["neighbour"].lt(0) == is_word])))
            for name, is_word in (("nearest rows", False), ("features", True))
        )
        curve = ""
        if explanation.curves is not None:
            curve = _curve_picture(explanation.curves[:, number])
        parts.append(_titled(title, curve, bars))
    left = len(explanation.sentences) - len(parts)
    if left > 0:
        parts.append(f"<p>{left:,} more rows: <code>.sentences</code></p>")
    notes = [
        "blue: for the label; orange: against it. Evidence of a model, no proof: read "
        "the row, then decide."
    ]
    steps = {"as a picture": "explanation.plot(0)", "all": "explanation.to_frame()"}
    return OUTER + "".join(parts) + _foot(notes, steps) + "</div>"


SET = ("set", "unset")


def _counted(row: Any) -> str:
    return f"{int(row['n_samples']):,} ({100 * row['share']:.1f} %)"


def _hard_labels(data_map: BaseDataMap) -> str:
    """Bars of the labels with the most hard rows."""
    if not data_map.has_labels or len(data_map.classes) < 2:
        return ""
    counts = summary.summary(data_map, by="label")
    hard, sizes = counts["hard"], counts.sum(axis=1)
    hard = hard[hard > 0].sort_values(ascending=False, kind="stable")
    most = hard.head(MOST_BARS)
    bars = [
        Bar(str(name), n / hard.iloc[0], f"{n:,} of {size:,}", ORANGE)
        for name, n, size in zip(
            most.index, most, sizes.reindex(most.index), strict=True
        )
    ]
    unit = "cells" if data_map.multilabel else "rows"
    return _bars(f"hard {unit} by label, most first{_more(len(hard))}", bars)


def _more(n: int) -> str:
    return f"; {n - MOST_BARS:,} more labels are not shown" if n > MOST_BARS else ""


def _reasons(found: pd.DataFrame) -> Iterable[Bar]:
    largest = max(found["weight"].abs().max(), 1e-12)
    for kind, reason, weight in found[["kind", "reason", "weight"]].to_numpy():
        is_for = kind == "same label" or (kind == "feature" and weight > 0)
        color = BLUE if is_for else ORANGE
        yield Bar(str(reason), abs(weight) / largest, f"{weight:.2f}", color)


def _page(
    head: str,
    picture: str,
    parts: Iterable[str],
    notes: Iterable[str],
    steps: dict[str, str],
) -> str:
    return (
        OUTER + _titled(head, picture, "".join(parts)) + _foot(notes, steps) + "</div>"
    )


def _titled(title: str, picture: str, parts: str) -> str:
    """Heading, and below it a picture and bars side by side where there is room."""
    return (
        f'<p style="margin:0.4em 0"><b>{escape(title)}</b></p>'
        f'<div style="display:flex;flex-wrap:wrap;gap:0.5em 2em">'
        f'{picture}<div style="flex:1 1 22em;max-width:36em">{parts}</div></div>'
    )


def _foot(notes: Iterable[str], steps: dict[str, str]) -> str:
    told = "".join(f'<p style="margin:0.3em 0">{escape(note)}</p>' for note in notes)
    parts = [f"{escape(why)} {_code(code)}" for why, code in steps.items()]
    return f'{told}<p style="margin:0.5em 0">Next: {"; ".join(parts)}</p>'


def _code(code: str) -> str:
    style = "background:rgba(128,128,128,0.15);color:inherit;padding:0.1em 0.3em"
    return f'<code style="{style}">{escape(code)}</code>'


def _bars(title: str, bars: Sequence[Bar]) -> str:
    """Bars below each other, with names at the left and numbers at the right."""
    if not bars:
        return ""
    clip = "overflow:hidden;text-overflow:ellipsis;white-space:nowrap"
    rows = "".join(
        f'<span style="{clip};unicode-bidi:isolate" title="{escape(name)}">'
        f"{escape(name)}</span>"
        f'<span style="align-self:center;height:0.7em;min-width:1px;'
        f'width:{100 * share:.1f}%;background:{color}"></span>'
        f'<span style="text-align:right;white-space:nowrap">{escape(told)}</span>'
        for name, share, told, color in bars
    )
    columns = "fit-content(20em) minmax(5em,1fr) auto"
    grid = f"display:grid;grid-template-columns:{columns};gap:0 0.6em"
    return (
        f'<div style="opacity:0.8;margin-top:0.3em">{escape(title)}</div>'
        f'<div style="{grid}">{rows}</div>'
    )


def _svg(width: int, height: int, told: str, body: str) -> str:
    return (
        f'<svg width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'role="img" aria-label="{escape(told)}" style="flex:none;max-width:100%" '
        f'font-size="11" fill="currentColor">{body}</svg>'
    )


def _text(x: float, y: float, told: str, anchor: str = "middle") -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(told)}</text>'


def _axes(left: int, width: int, height: int, names: Sequence[str]) -> str:
    """Two thin axes from the corner at the bottom left, with what they show."""
    x_name, y_name, low, high, end = names
    middle = height / 2
    return (
        f'<path d="M{left} 4V{height}H{left + width}" fill="none" '
        f'stroke="currentColor" stroke-opacity="0.6"/>'
        + _text(left - 3, height, low, "end")
        + _text(left - 3, 12, high, "end")
        + _text(left + width / 2, height + 13, x_name)
        + _text(left + width, height + 13, end, "end")
        + f'<g transform="rotate(-90 10 {middle:g})">{_text(10, middle, y_name)}</g>'
    )


def _map_picture(data_map: BaseDataMap) -> str:
    """Confidence against variability; a cell has the colour of most of its points."""
    confidence = data_map.confidence.ravel()
    codes = data_map.region_codes().ravel().astype(np.intp)
    variability = data_map.variability.ravel()
    seen = ~np.isnan(confidence)
    largest = max(float(variability[seen].max(initial=0)), 0.01)
    columns = np.minimum(variability[seen] / largest * CELLS[0], CELLS[0] - 1)
    rows = np.minimum((1 - confidence[seen]) * CELLS[1], CELLS[1] - 1)
    cells = rows.astype(np.intp) * CELLS[0] + columns.astype(np.intp)
    size = CELLS[0] * CELLS[1]
    flat = np.bincount(codes[seen] * size + cells, minlength=len(REGIONS) * size)
    counts = flat.reshape(len(REGIONS), size)
    total, region = counts.sum(axis=0), counts.argmax(axis=0)
    crowd = np.log1p(total) / max(np.log1p(total.max(initial=0)), 1e-12)
    level = np.minimum((crowd * len(LEVELS)).astype(int), len(LEVELS) - 1)
    left, body = 34, ""
    for code, name in enumerate(REGIONS):
        for step, opacity in enumerate(LEVELS):
            at = np.flatnonzero((total > 0) & (region == code) & (level == step))
            path = "".join(
                f"M{left + 1 + x * CELL} {4 + y * CELL}h{CELL}v{CELL}h-{CELL}z"
                for y, x in zip(*np.divmod(at, CELLS[0]), strict=True)
            )
            if path:
                body += (
                    f'<path d="{path}" fill="{COLORS[name]}" fill-opacity="{opacity}"/>'
                )
    width, height = CELLS[0] * CELL + 2, CELLS[1] * CELL + 4
    names = ("variability", "confidence", "0", "1", f"{largest:.2f}")
    body += _axes(left, width, height, names)
    told = "data map: confidence against variability, coloured by region"
    return _svg(left + width + 4, height + 18, told, body)


def _flow_picture(transitions: pd.DataFrame) -> str:
    """Regions before (rows) and after (columns); what moved is coloured."""
    counts, n = transitions.to_numpy(), len(transitions)
    width, height, left, top = 62, 32, 88, 32
    moved = max((counts * (1 - np.eye(n, dtype=int))).max(), 1)
    body = _text(left + n * width / 2, 11, "after")
    for at, name in enumerate(transitions.index):
        body += _text(left + (at + 0.5) * width, 26, str(name))
        body += _text(left - 6, top + (at + 0.6) * height, str(name), "end")
    for (row, column), count in np.ndenumerate(counts):
        # Pale enough for texts of any colour to be read on it.
        share = 0 if row == column else 0.45 * float(np.sqrt(count / moved))
        color = BLUE if column < row else ORANGE
        x, y = left + column * width, top + row * height
        body += (
            f'<rect x="{x + 1}" y="{y + 1}" width="{width - 2}" height="{height - 2}" '
            f'fill="{color}" fill-opacity="{share:.2f}" stroke="currentColor" '
            f'stroke-opacity="0.3"/>'
        )
        body += _text(x + width / 2, y + 0.6 * height, f"{count:,}")
    middle = top + n * height / 2
    body += (
        f'<g transform="rotate(-90 10 {middle:g})">{_text(10, middle, "before")}</g>'
    )
    told = "rows by their region before and after"
    return _svg(left + n * width + 2, top + n * height + 2, told, body)


def _order_picture(order: Array, counted: bool) -> str:
    """Chance that a label is wrong, in the order in which one would read them."""
    left, width, height = 34, 182, 124
    n = max(len(order), 1)
    x = left + np.arange(len(order) + 1) / n * width
    y = height - np.clip(order, 0, 1) * (height - 4)
    steps = "".join(f"V{b:.1f}H{a:.1f}" for a, b in zip(x[1:], y, strict=True))
    body = (
        f'<path d="M{left} {height}{steps}V{height}z" fill="{ORANGE}" '
        f'fill-opacity="0.6" stroke="{ORANGE}"/>'
    )
    what = "chance wrong" if counted else "suspicion (a rank)"
    names = ("read, most suspicious first", what, "0", "1", "")
    body += _axes(left, width, height, names)
    told = f"{what} of the first {len(order):,} labels in the order of reading"
    return _svg(left + width + 4, height + 18, told, body)


def _curve_picture(curve: Array) -> str:
    """Probability of the own label over the epochs."""
    left, width, height = 34, 120, 64
    x = left + np.linspace(0, 1, len(curve)) * width
    y = height - np.nan_to_num(curve) * (height - 4)
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    body = f'<polyline points="{points}" fill="none" stroke="{BLUE}" stroke-width="2"/>'
    names = ("epoch", "own label", "0", "1", str(len(curve)))
    body += _axes(left, width, height, names)
    told = "probability of the own label, epoch by epoch"
    return _svg(left + width + 4, height + 18, told, body)
