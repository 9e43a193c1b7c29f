"""Which row of y a decision is about: its hash, and its name or its position."""

import re
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.labels import is_default, only_counts, plain
from sklearn_datamaps._views.review import FORMULA, hash_of, label_texts, text_of

ABSENT = (
    "The review has rows that y has not (it is of other data, rows were dropped "
    "since, or y lost its index: pass index=data_map.index)"
)
STALE = (
    "The review is stale or of other data: the label or text is not the one it was "
    "written for (was it applied before?)"
)
AMBIGUOUS = (
    "One row of y has the name and another the position, and it cannot be told which "
    "was meant. Pass the texts as X, or index=data_map.index if y is in the order of "
    "the map"
)
REFORMATTED = (
    "Several rows of y fit: the id is not among their names, but may be more than one "
    "of them in another form (such as 1 for 00001)"
)
UNCONFIRMED = (
    "Only a count tells these rows of a review without row_hash, and nothing confirms "
    "it: give it a column 'label' (the label before the decision) or 'text', or name "
    "the rows (pass index=, command line: --id)"
)
PROBLEMS = (ABSENT, AMBIGUOUS, REFORMATTED, STALE, UNCONFIRMED)
TRUE = ("true", "1", "1.0")
NOTHING, LABEL, NAME, TEXT = range(4)  # what a fitting hash confirms of a row


PANDAS = (pd.Series, pd.DataFrame)


@dataclass(frozen=True)
class MappedRows:
    """Labels as they are now, and what tells their rows apart.

    Names are those of y or of ``index``. Those of X are none of a y without names:
    they confirm a position, but never find a row.
    """

    labels: Array
    names: list[str] | None
    named: bool  # whether the names are more than a count of the rows
    counted: bool  # whether they, or an index that was given, only count the rows
    x_names: list[str] | None
    texts: Array | None
    places: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def of(cls, labels: Array, y: Any, X: Any, index: Any, texts: Any) -> "MappedRows":
        """Collect them; ValueError if an index or the texts have another length."""
        n_samples = len(labels)
        of_y = getattr(y, "index", None) if isinstance(y, PANDAS) else None
        found = of_y if index is None else pd.Index(index)
        named = index is not None or (of_y is not None and not is_default(of_y))
        names = _names(found, n_samples, "index")
        of_x = X.index if isinstance(X, PANDAS) else None
        if texts is not None:
            texts = np.asarray(texts, dtype=object)
            if texts.shape != (n_samples,):
                raise ValueError(
                    f"X must be the {n_samples} texts of the rows; got "
                    f"{type(X).__name__} of shape {np.shape(X)}."
                )
        counted = found is None or only_counts(found)
        x_names = _names(of_x, n_samples, "X")
        rows = cls(labels, names, named, counted, x_names, texts)
        for place, name in enumerate(names or []):
            rows.places[name].append(place)
        return rows

    def names_of(self, row: int) -> list[str]:
        """All that the row at a position may be called."""
        lists = [names for names in (self.names, self.x_names) if names is not None]
        return [*(names[row] for names in lists), str(row)]


def _names(index: pd.Index | None, n_samples: int, what: str) -> list[str] | None:
    if index is None:
        return None
    if len(index) != n_samples:
        raise ValueError(
            f"y has {n_samples} rows, but the {what} given has {len(index)}."
        )
    return [plain(name) for name in index]


def find_rows(
    frame: pd.DataFrame, review: pd.DataFrame, rows: MappedRows
) -> NDArray[np.intp]:
    """Find the row of every decision, or refuse by row.

    The row hash has to fit, and with it the name or the position. A review in which
    every id is its position is of a map without names: positions decide there, and a
    name that says otherwise is only believed where the texts confirm it. Where rows
    have names the names decide. A spreadsheet may have changed their form (1 for
    00001, TRUE for True): then the hash decides, with the position or a name that is
    the same number, date or truth value.

    A row without a hash is found by its name, or by a position with which a label or a
    text stands that confirms it; a text of the review has to be that of the row.

    Parameters
    ----------
    frame : DataFrame
        The rows with a decision, as text.
    review : DataFrame
        All rows of the review: whether its map had names shows in all of them.
    rows : MappedRows
        The labels as they are now.

    Returns
    -------
    ndarray of int of shape (n_decisions,)

    Raises
    ------
    ValueError
        If a row is not in y, has another label or text by now, or could be two.
    """
    search = _Search(rows, frame, positional=_counts(review))
    found = np.full(len(frame), -1)
    problems: dict[str, list[int]] = {problem: [] for problem in PROBLEMS}
    for at in range(len(frame)):
        row = search.row_of(at)
        if isinstance(row, str):
            problems[row].append(at)
        else:
            found[at] = row
    for problem, which in problems.items():
        refuse(frame.iloc[which], problem)
    return found


def rows_without_hash(frame: pd.DataFrame, rows: MappedRows) -> list[int | None]:
    """Rows of decisions that have no hash; None where it cannot be told."""
    search = _Search(rows, frame, positional=False)
    found = [search.row_of(at) for at in range(len(frame))]
    return [row if isinstance(row, int) else None for row in found]


def same_label(label: Any, said: str) -> bool:
    """Whether the cell of a review says a label, if as a spreadsheet writes it."""
    if isinstance(label, bool | np.bool_):
        return (said.strip().lower() in TRUE) == bool(label)
    own = plain(label)
    with suppress(ValueError):
        if float(own) == float(said):
            return True
    folded = own.strip().casefold()
    return folded in {reading.strip().casefold() for reading in readings(said)}


def _counts(review: pd.DataFrame) -> bool:
    """Whether the ids of a review are positions, as of a map without names."""
    if "position" not in review:
        return False
    ids, positions = ([_whole(v) for v in review[c]] for c in ("id", "position"))
    pairs = [(i, p) for i, p in zip(ids, positions, strict=True) if i != -1]
    return bool(pairs) and all(name == position for name, position in pairs)


def _whole(cell: Any) -> int:
    """The position that a cell holds, or -1."""
    text = re.sub(r"\.0+\Z", "", plain(cell).strip())
    return int(text) if re.fullmatch(r"\d{1,18}", text, re.ASCII) else -1


class _Search:
    """The rows that one decision after the other may be about."""

    def __init__(
        self, rows: MappedRows, frame: pd.DataFrame, *, positional: bool
    ) -> None:
        self.rows = rows
        self.positional = positional
        self.ids = frame["id"].tolist()
        self.hashes = frame["row_hash"].tolist()
        # Without the column, and without names, an id can only be a position.
        cells = frame["position"] if "position" in frame else frame["id"]
        counted = "position" in frame or rows.names is None
        self.positions = [_whole(cell) if counted else -1 for cell in cells]
        self.carried = frame["text"].tolist() if "text" in frame else None
        self.labelled = [False] * len(frame)
        if "label" in frame:
            self.labelled = [text_of(cell).strip() != "" for cell in frame["label"]]
        self._by_hash: dict[str, list[int]] | None = None
        self._by_meaning: dict[Any, list[int]] | None = None

    def row_of(self, at: int) -> int | str:
        """The row of a decision, or what is wrong with it."""
        by_name, place = self._named(at), self.positions[at]
        by_position = [place] if 0 <= place < len(self.rows.labels) else []
        if not self.hashes[at]:
            return self._without_hash(at, by_name, by_position)
        if not by_name or by_name == by_position:
            return self._by_position(at, by_name, by_position)
        name, position = self._shown(at, by_name), self._shown(at, by_position)
        if self.positional:
            # Name and position speak of two rows: the label alone tells too little.
            if TEXT in (name, position) and name != position:
                return by_name[0] if name == TEXT else by_position[0]
            return AMBIGUOUS if name or position else STALE
        if name and (self.rows.named or not position):
            return by_name[0]
        if position == TEXT and not name:
            return by_position[0]
        return AMBIGUOUS if position and not self.rows.named else STALE

    def _by_position(
        self, at: int, by_name: list[int], by_position: list[int]
    ) -> int | str:
        """Its row where no name speaks of another one."""
        alike = self._alike(at)
        if alike:
            return alike[0] if len(alike) == 1 else REFORMATTED
        shown = self._shown(at, by_position)
        known = bool(by_name) or (self.positional and _whole(self.ids[at]) != -1)
        if by_position and not known and self.rows.x_names is not None:
            known = self.rows.x_names[by_position[0]] in readings(self.ids[at])
        if shown > LABEL or (shown and known):
            return by_position[0]
        return STALE if by_position and known else ABSENT

    def _without_hash(
        self, at: int, by_name: list[int], by_position: list[int]
    ) -> int | str:
        """Its row by name, or by a count that something confirms."""
        rows, counted = self.rows, self.rows.counted
        meant = [] if by_name or counted else self._meant(at)
        if rows.texts is not None and self.text_at(at):
            said = readings(text_of(self.text_at(at)))
            near = by_name or meant
            if counted or not near:
                near = [*near, *by_position]
            fit = {row for row in near if text_of(rows.texts[row]) in said}
            if len(fit) == 1:
                return fit.pop()
            return AMBIGUOUS if fit else STALE if near else ABSENT
        if not counted:
            found = by_name or meant
            return found[0] if len(found) == 1 else REFORMATTED if found else ABSENT
        if by_name and by_position and by_name != by_position:
            return AMBIGUOUS
        found = by_name or by_position
        if not found:
            return ABSENT
        return found[0] if self.labelled[at] else UNCONFIRMED

    def text_at(self, at: int) -> str:
        """The text that the review has of a row; empty without one."""
        return "" if self.carried is None else text_of(self.carried[at])

    def _meant(self, at: int) -> list[int]:
        """Rows whose names a spreadsheet may have written so."""
        if self._by_meaning is None:
            self._by_meaning = defaultdict(list)
            for row, name in enumerate(self.rows.names or []):
                for meaning in _meanings(name):
                    self._by_meaning[meaning].append(row)
        by_meaning, said = self._by_meaning, _meanings(self.ids[at])
        return sorted({row for meaning in said for row in by_meaning.get(meaning, [])})

    def _named(self, at: int) -> list[int]:
        """The row that has the name, of several the one at the position."""
        places = self.rows.places
        found = next((places[n] for n in readings(self.ids[at]) if n in places), [])
        place = self.positions[at]
        return found if len(found) < 2 else [row for row in found if row == place]

    def _shown(self, at: int, candidates: list[int]) -> int:
        """What the hash confirms of the first of some rows."""
        if not candidates:
            return NOTHING
        row, expected, rows = candidates[0], self.hashes[at], self.rows
        label = label_texts(rows.labels[[row]])[0]
        if rows.texts is not None:
            if hash_of(label, text=text_of(rows.texts[row])) == expected:
                return TEXT
        elif self.carried is not None:
            texts = readings(text_of(self.carried[at]))
            if expected in {hash_of(label, text=text) for text in texts}:
                return LABEL
        # The map may have carried no text, whatever columns the review got since.
        names = {hash_of(label, name=name) for name in rows.names_of(row)}
        return NAME if expected in names else NOTHING

    def _alike(self, at: int) -> list[int]:
        """Rows of that hash whose names a spreadsheet may have written so."""
        known = any(name in self.rows.places for name in readings(self.ids[at]))
        if self.rows.names is None or known:
            return []
        if self._by_hash is None:
            self._by_hash = self._hashed()
        said = _meanings(self.ids[at])
        rows = self._by_hash.get(self.hashes[at], [])
        return [row for row in rows if said & _meanings(self.rows.names[row])]

    def _hashed(self) -> dict[str, list[int]]:
        """Rows by their hash: only worked out where an id is not found."""
        rows, by_hash = self.rows, defaultdict(list)
        for row, label in enumerate(label_texts(rows.labels)):
            if rows.texts is not None:
                by_hash[hash_of(label, text=text_of(rows.texts[row]))].append(row)
            if rows.names is not None:
                by_hash[hash_of(label, name=rows.names[row])].append(row)
        return by_hash


def readings(cell: str) -> tuple[str, str]:
    """Read a cell as it stands, and without the guard against formulas."""
    guarded = cell[:1] == "'" and FORMULA.match(cell[1:])
    return cell, cell[1:] if guarded else cell


def _meanings(name: str) -> set[Any]:
    """What a spreadsheet may take a name for: a number, a truth value, a day."""
    text = name.strip()
    found: set[Any] = {text.casefold()}
    numbers = re.findall(r"\d+", text)
    if len(numbers) > 2:  # a day, whichever way it is written, with or without a time
        found.add(tuple(sorted(map(int, numbers[:3]))))
    with suppress(ValueError):
        found.add(float(text.replace(",", "")))
    return found


def refuse(frame: pd.DataFrame, problem: str) -> None:
    """Raise an error that names the rows of the frame, if it has any."""
    if len(frame):
        names = [repr(name) for name in frame["id"]]
        if "label_name" in frame:
            pairs: Iterable[tuple[str, Any]]
            pairs = zip(names, frame["label_name"], strict=True)
            names = [f"{name} ({label})" for name, label in pairs]
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        raise ValueError(f"{problem}: id {', '.join(names[:5])}{more}.")
