"""Decisions of an earlier review brought along into the review of a new map."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sklearn_datamaps._core.arrays import Rows
from sklearn_datamaps._core.labels import plain
from sklearn_datamaps._curation.decided_rows import (
    MappedRows,
    readings,
    rows_without_hash,
    same_label,
)
from sklearn_datamaps._data_map import DataMap
from sklearn_datamaps._views.review import (
    hash_of,
    label_texts,
    review_of,
    row_hashes,
    text_of,
)

TRUE = ("true", "1", "1.0")
WRITTEN = ("decision", "new_label", "note", "annotator", "time")


@dataclass(frozen=True)
class Brought:
    """Decisions found again on a map.

    Attributes
    ----------
    cells : list of tuple of int
        Position of each row; multilabel: and of its label.
    written : list of dict of str to str
        What stood in the review: decision, new label, notes.
    n_applied : int
        Of them, labels that were corrected since: they are decisions to keep now.
    n_lost : int
        Decisions on rows that the map has not, or has with another label.
    """

    cells: list[tuple[int, ...]]
    written: list[dict[str, str]]
    n_applied: int
    n_lost: int

    def summary(self) -> str:
        """Say it in plain words.

        Returns
        -------
        str
        """
        lines = [f"Decisions brought along: {len(self.cells):,}"]
        if self.n_applied:
            lines.append(f"of these applied since, now to keep: {self.n_applied:,}")
        if self.n_lost:
            lines.append(
                f"decisions on rows that are not mapped, or have another label or text "
                f"by now: {self.n_lost:,}"
            )
        return "\n".join(lines)


def bring_along(data_map: DataMap, decided: pd.DataFrame) -> Brought:
    """Find the rows of decisions on another map, after a new fit or corrected labels.

    A row is found by its hash, and of several with one hash by its name, else by its
    position; without a hash as `apply_review` does. A relabelled row that has its new
    label by now is one to keep.

    Parameters
    ----------
    data_map : DataMap
        The new map.
    decided : DataFrame
        From :func:`~sklearn_datamaps._curation.apply_review.decided_rows`.
    """
    names = data_map.index.tolist()
    label_names = [plain(name) for name in data_map.classes.tolist()]
    records = [
        {str(name): value for name, value in record.items()}
        for record in decided.to_dict("records")
    ]
    lacking = decided[decided["row_hash"] == ""]
    without: Iterator[Any] = iter(())
    if len(lacking):
        texts = data_map.columns.get("text")
        mapped = MappedRows.of(data_map.label, None, None, data_map.index, texts)
        without = iter(rows_without_hash(lacking, mapped))
    applied: dict[tuple[str, str], int] = {}
    # Of each that is relabelled, with its new label.
    hashes_now = [""] * len(records)
    if data_map.multilabel:
        applied = _applied_sets(data_map, records, names)
    else:
        is_new = [record["decision"] == "relabel" for record in records]
        pairs = zip(records, is_new, strict=True)
        hashes_now = [_applied(data_map, one) if new else "" for one, new in pairs]
    wanted = [*(record["row_hash"] for record in records), *hashes_now]
    by_hash = _rows_of(row_hashes(data_map), wanted)
    cells: dict[tuple[int, ...], dict[str, str]] = {}
    n_applied = n_lost = 0
    for record, hash_now in zip(records, hashes_now, strict=True):
        written = {name: text_of(record.get(name, "")) for name in WRITTEN}
        at = _row_of(record, by_hash[record["row_hash"]], names)
        is_applied = False
        if not record["row_hash"]:
            at = next(without)
        elif at is None:
            at = applied.get((record["row_hash"], record["id"]))
            if hash_now:
                at = _row_of(record, by_hash[hash_now], names)
            is_applied = at is not None and record["decision"] == "relabel"
        cell: tuple[int, ...] = () if at is None else (at,)
        if cell and data_map.multilabel:
            column = _label_of(record, label_names)
            cell = () if column is None else (*cell, column)
        if cell and not record["row_hash"]:
            now, said = data_map.label[cell], text_of(record.get("label", ""))
            new = record["decision"] == "relabel" and text_of(record["new_label"])
            is_applied = bool(new) and same_label(now, new)
            if said.strip() and not (is_applied or same_label(now, said)):
                cell = ()
        if is_applied:
            written |= {"decision": "keep", "new_label": ""}
            n_applied += 1
        if not cell or cell in cells:
            n_lost += record["decision"] != "drop"
        else:
            cells[cell] = written
    return Brought(list(cells), list(cells.values()), n_applied, n_lost)


def _applied(data_map: DataMap, record: dict[str, Any]) -> str:
    """Hash of a relabelled row once it has its new label."""
    label = readings(text_of(record["new_label"]))[-1]
    if "text" in data_map.columns:
        return hash_of(label, text=readings(text_of(record.get("text", "")))[-1])
    return hash_of(label, name=readings(record["id"])[-1])


def _rows_of(values: Any, wanted: list[str]) -> dict[str, list[int]]:
    """Rows of each of some values, in order; of all other values none."""
    series, rows = pd.Series(values, dtype=object), defaultdict[str, list[int]](list)
    for row, value in series[series.isin(wanted)].items():
        rows[value].append(int(str(row)))
    return rows


def _applied_sets(
    data_map: DataMap, records: list[dict[str, Any]], names: list[Any]
) -> dict[tuple[str, str], int]:
    """Rows of several labels with all their new ones, by hash and name in the review.

    A hash is of all labels of a row, so with one of them the others are found again.
    """
    texts = data_map.columns.get("text")
    if texts is None:
        contents, held, which = [plain(n) for n in names], "id", "name"
    else:
        contents, held, which = [text_of(t) for t in texts.tolist()], "text", "text"
    label_names = [plain(name) for name in data_map.classes.tolist()]
    by_row: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for record in records:
        by_row[record["row_hash"], record["id"]].append(record)
    said = {k: readings(text_of(r[0].get(held, "")))[-1] for k, r in by_row.items()}
    by_content = _rows_of(contents, list(said.values()))
    found = {}
    for key, of_row in by_row.items():
        before = {}
        for record in of_row:
            column = _label_of(record, label_names)
            if record["decision"] == "relabel" and column is not None:
                new = readings(text_of(record["new_label"]))[-1].strip().lower()
                before[column] = new not in TRUE
        rows = by_content[said[key]]
        labels = data_map.label[rows]
        labels[:, list(before)] = list(before.values())
        fitting = [
            row
            for row, label in zip(rows, label_texts(labels), strict=True)
            if hash_of(label, **{which: contents[row]}) == key[0]
        ]
        if (at := _row_of(of_row[0], fitting, names)) is not None:
            found[key] = at
    return found


def _label_of(record: dict[str, Any], label_names: list[str]) -> int | None:
    said = readings(plain(record.get("label_name", "")))
    known = next((name for name in said if name in label_names), None)
    return None if known is None else label_names.index(known)


def _row_of(record: dict[str, Any], rows: list[int], names: list[Any]) -> int | None:
    """One of some rows of one hash."""
    if len(rows) < 2:
        return rows[0] if rows else None
    said = readings(record["id"])
    named = [row for row in rows if plain(names[row]) in said]
    position = text_of(record.get("position", "")).partition(".")[0]
    at = [row for row in rows if str(row) == position]
    return next(iter([*named, *at]), None)


def with_decisions(
    data_map: DataMap, listed: pd.DataFrame, brought: Brought, n: int
) -> pd.DataFrame:
    """Put decisions below the rows of a review that are to be decided.

    Parameters
    ----------
    data_map : DataMap
        The map.
    listed : DataFrame
        A review of it, in its order; decided rows may be among its own.
    brought : Brought
        The decisions.
    n : int
        How many undecided rows to list.

    Returns
    -------
    DataFrame
        As listed, with the decided rows last.
    """
    if not brought.cells:
        return listed.iloc[:n]
    cells: tuple[Rows, ...] = tuple(np.array(brought.cells, dtype=np.intp).T)
    by = "label_quality" if "label_quality" in listed else "confidence"
    decided = review_of(data_map, cells, by)
    for name in WRITTEN:
        values = [written[name] for written in brought.written]
        if name in decided or any(values):
            decided[name] = np.array(values, dtype=object)
    if "drawn" in listed:
        decided["drawn"] = listed["drawn"].iloc[0]
    keys = ["position", *(["label_name"] if data_map.multilabel else [])]
    known = pd.MultiIndex.from_frame(decided[keys])
    is_open = ~pd.MultiIndex.from_frame(listed[keys]).isin(known)
    columns = [*listed, *(n for n in WRITTEN if n in decided and n not in listed)]
    both = [listed[is_open].iloc[:n], decided.reindex(columns=columns)]
    joined = pd.concat(both, ignore_index=True)
    texts = [name for name in WRITTEN if name in joined]
    return joined.astype(dict.fromkeys(texts, object)).fillna(dict.fromkeys(texts, ""))
