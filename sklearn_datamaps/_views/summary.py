"""What a person wants to see of a data map first: counts of the regions, in words."""

from typing import Any

import numpy as np
import pandas as pd

from sklearn_datamaps._core.base_map import BaseDataMap, require_labels
from sklearn_datamaps._core.regions import REGIONS, UNSEEN
from sklearn_datamaps._core.registry import PAPER
from sklearn_datamaps._views.groups import by_column
from sklearn_datamaps._views.notes import notes_of

N_LABELS_SHOWN = 3


def summary(data_map: BaseDataMap, by: str | None = None) -> pd.DataFrame:
    """Count the regions; see :meth:`sklearn_datamaps.DataMap.summary`."""
    if by == "label":
        return _by_label(data_map)
    if by is not None:
        return by_column(data_map, by)
    if not data_map.multilabel:
        return _table(data_map, slice(None))
    parts = {
        name: _table(data_map, mask)
        for name, mask in (("set", data_map.label), ("unset", ~data_map.label))
    }
    return pd.concat(parts, names=["label_set", "region"])


def _table(data_map: BaseDataMap, cells: slice | np.ndarray) -> pd.DataFrame:
    codes = data_map.region_codes()[cells].ravel()
    names = _regions_of(data_map)
    n_samples = np.bincount(codes, minlength=len(names))
    table = pd.DataFrame(
        {"n_samples": n_samples, "share": n_samples / max(1, len(codes))},
        index=pd.Index(names, name="region"),
    )
    for name in PAPER:
        values = getattr(data_map, name)[cells].ravel()
        total = np.bincount(codes, weights=values, minlength=len(names))
        table[name] = np.divide(
            total, n_samples, out=np.full(len(names), np.nan), where=n_samples > 0
        )
    return table


def _regions_of(data_map: BaseDataMap) -> list[str]:
    unseen = bool(np.isnan(data_map.confidence).any())
    return [*REGIONS, UNSEEN] if unseen else list(REGIONS)


def _by_label(data_map: BaseDataMap) -> pd.DataFrame:
    require_labels(data_map, "summary(by='label')")
    names = _regions_of(data_map)
    codes = data_map.region_codes()
    if data_map.multilabel:
        counts = np.stack([(codes == code).sum(axis=0) for code in range(len(names))])
    else:
        labels = data_map.label_codes()
        n_classes = len(data_map.classes)
        flat = np.bincount(
            codes.astype(np.intp) * n_classes + labels,
            minlength=len(names) * n_classes,
        )
        counts = flat.reshape(len(names), n_classes)
    return pd.DataFrame(
        counts.T,
        index=pd.Index(data_map.classes, name="label"),
        columns=pd.Index(names, name="region"),
    )


def text(data_map: BaseDataMap) -> str:
    """Describe the map in a few lines of plain text, as ``repr`` shows it."""
    head, rows, notes = _parts(data_map)
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.ljust(width) if i in (0, len(row) - 1) else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join([head, *lines, *(f"! {note}" for note in notes)])


def head_and_notes(data_map: BaseDataMap) -> tuple[str, list[str]]:
    """Return the headline of a map, and what not to trust in it."""
    notes = notes_of(data_map)
    unseen = int(np.isnan(data_map.confidence).sum())
    return _headline(data_map), notes + (
        [f"{unseen:,} never recorded"] if unseen else []
    )


def _parts(data_map: BaseDataMap) -> tuple[str, list[list[str]], list[str]]:
    table = summary(data_map)
    if data_map.multilabel:
        rows = [["", "set", "", "unset", "", ""]]
        for region in _regions_of(data_map):
            cells = [
                cell
                for part in ("set", "unset")
                for cell in _count_cells(table.loc[(part, region)])
            ]
            rows.append([region, *cells, ""])
    else:
        rows = [
            [region, *_count_cells(table.loc[region]), _composition(data_map, region)]
            for region in table.index
        ]
    head, notes = head_and_notes(data_map)
    return head, rows, notes


def _count_cells(row: Any) -> list[str]:
    return [f"{int(row['n_samples']):,}", f"{100 * row['share']:.1f} %"]


def _headline(data_map: BaseDataMap) -> str:
    size = f"{data_map.n_samples:,} rows"
    if data_map.multilabel:
        size += f" x {len(data_map.classes)} labels"
    epochs = f"{data_map.n_epochs} epoch" + ("s" if data_map.n_epochs != 1 else "")
    recording = data_map.meta.get("recording")
    if data_map.meta.get("n_folds"):
        recording = f"{recording} ({data_map.meta['n_folds']} folds)"
    facts = [size, epochs, recording, data_map.meta.get("learner")]
    if data_map.meta.get("n_runs", 1) > 1:
        facts.append(f"{data_map.meta['n_runs']} runs averaged")
    if data_map.meta.get("seed") is not None:
        facts.append(f"seed {data_map.meta['seed']}")
    return "DataMap: " + ", ".join(str(fact) for fact in facts if fact)


def _composition(data_map: BaseDataMap, region: str) -> str:
    """Labels of the hard rows, most frequent first: where to look."""
    if region != "hard" or not data_map.has_labels:
        return ""
    counts = _by_label(data_map)["hard"].sort_values(ascending=False, kind="stable")
    counts = counts[counts > 0]
    if counts.empty:
        return ""
    shown = counts.iloc[: N_LABELS_SHOWN if len(counts) > N_LABELS_SHOWN + 1 else None]
    parts = [
        f"{label if isinstance(label, str) else f'class {label}:'} {count:,}"
        for label, count in shown.items()
    ]
    rest = counts.iloc[len(shown) :]
    others = f"; {rest.sum():,} in {len(rest)} other classes" if len(rest) else ""
    return f" ({', '.join(parts)}{others})"
