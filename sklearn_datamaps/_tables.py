"""A user's file read as text, made into rows to map, and written with its decisions."""

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_datamaps import _measures
from sklearn_datamaps._data_map import _FRAME_COLUMNS, DataMap
from sklearn_datamaps._review import OWN, apply_review

DELIMITERS = (",", ";", "\t", "|")
SUFFIXES = {".parquet": "Parquet", ".pq": "Parquet"}
SUFFIXES |= dict.fromkeys((".jsonl", ".ndjson", ".json"), "JSON lines")
FORMULA = re.compile(r"[=+\-@\t\r\n]")  # what begins one in a spreadsheet
# A label with more values than this is looked at for being a number or a name.
FEW_CLASSES = 20
# Of a column of numbers, written where there is none.
NO_NUMBER = {"", "na", "n/a", "nan", "null", "none", "?"}
ADDED = ["predicted", "confidence", "variability", "correctness"]
ADDED += ["margin", "margin_std", "region"]
# Names that no carried column can have.
RESERVED = {*_FRAME_COLUMNS, *_measures.ASCENDING, *_measures.STREAMED, *OWN}
RESERVED |= {"self", "text"}


@dataclass(frozen=True)
class Table:
    """A file as it was read: every cell as text, and what writing it again needs."""

    path: Path
    cells: pd.DataFrame
    kind: str = "delimited"
    source: Any = None  # JSON lines: (line, record) pairs; Parquet: the Arrow table
    delimiter: str = ","
    encoding: str = "utf-8"
    newline: str = "\n"
    note: str | None = None  # what the user should know about the reading

    def __len__(self) -> int:
        return len(self.cells)

    def column(self, name: str) -> NDArray[Any]:
        """Cells of a column, an array of str; an error if there is not just one."""
        columns = list(self.cells.columns)
        if columns.count(name) != 1:
            close = get_close_matches(name, columns, 1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            count = "no column" if name not in columns else "more than one column"
            raise ValueError(
                f"{self.path} has {count} {name!r}; it has {_listed(columns)}.{hint}"
            )
        return self.cells.iloc[:, columns.index(name)].to_numpy(dtype=object)


@dataclass(frozen=True)
class Rows:
    """The rows that can be mapped."""

    positions: NDArray[np.intp]
    labels: NDArray[Any]
    index: pd.Index
    left_out: dict[str, int]  # number of rows by what they lack


def read_table(
    path: Path,
    *,
    named: Sequence[str] = (),
    delimiter: str | None = None,
    encoding: str | None = None,
) -> Table:
    """Read CSV, TSV and the like, JSON lines or Parquet, as the suffix says.

    Parameters
    ----------
    path : path
        The file.
    named : sequence of str, default=()
        Columns it should have; they help to find the delimiter.
    delimiter : str, default=None
        One character. None: the one of ``, ; tab |`` that fits the header best.
    encoding : str, default=None
        None: by a byte order mark, else UTF-8, else cp1252, else latin-1.

    Returns
    -------
    Table

    Raises
    ------
    ValueError
        If the file is not what its suffix says, or has no rows.
    OSError
        If it cannot be read.
    """
    kind = SUFFIXES.get(path.suffix.lower(), "delimited")
    if kind == "Parquet":
        table = _read_parquet(path)
    else:
        text, encoding, note = _decode(path, path.read_bytes(), encoding)
        read = _read_json_lines if kind == "JSON lines" else _read_delimited
        table = read(path, text, encoding, note, delimiter, named)
    if not len(table):
        raise ValueError(f"{path} has no rows.")
    return table


def _decode(
    path: Path, data: bytes, encoding: str | None
) -> tuple[str, str, str | None]:
    """Text of a file, the encoding, and a note when that was a guess."""
    if encoding is None and data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding = "utf-16"
    elif encoding is None and b"\0" in data[:4096]:
        raise ValueError(f"{path} is not a text file; if it is, name its --encoding.")
    is_utf8 = "utf-8-sig" if data[:3] == b"\xef\xbb\xbf" else "utf-8"
    tried = [encoding] if encoding else [is_utf8, "cp1252", "latin-1"]
    for name in tried:
        try:
            text = data.decode(name)
        except UnicodeDecodeError:
            continue
        except LookupError:
            raise ValueError(f"There is no --encoding {name!r}.") from None
        guess = encoding is None and name != is_utf8
        note = f"{path} is not UTF-8: read as {name}. If wrong, name its --encoding."
        return text, name, note if guess else None
    raise ValueError(f"{path} cannot be read as {tried[0]}; name its --encoding.")


def _read_delimited(
    path: Path,
    text: str,
    encoding: str,
    note: str | None,
    delimiter: str | None,
    named: Sequence[str],
) -> Table:
    if delimiter is None:
        delimiter = _find_delimiter(text[:65_536], named)
    elif len(delimiter) != 1:
        raise ValueError(f"--delimiter must be one character; got {delimiter!r}.")
    try:
        # The header as a row like any other, so that a row with more cells is an
        # error, and two columns of one name are two.
        cells = pd.read_csv(
            io.StringIO(text, newline=""),
            sep=delimiter,
            header=None,
            dtype=str,
            na_filter=False,
        )
    except pd.errors.EmptyDataError:
        raise ValueError(f"{path} is empty.") from None
    except pd.errors.ParserError as error:
        problem = str(error).removeprefix("Error tokenizing data. C error: ")
        raise ValueError(
            f"{path} cannot be read with the delimiter {delimiter!r}: {problem}"
        ) from None
    columns = cells.iloc[0].tolist()
    cells = cells.iloc[1:].reset_index(drop=True).set_axis(columns, axis=1)
    newline = "\r\n" if "\r\n" in text[:65_536] else "\n"
    return Table(path, cells, "delimited", None, delimiter, encoding, newline, note)


def _find_delimiter(sample: str, named: Sequence[str]) -> str:
    """Delimiter that gives the named columns, then even rows, then the most columns."""

    def fit(delimiter: str) -> tuple[int, int, int]:
        reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
        header, *rows = list(islice(filter(None, reader), 20)) or [[]]
        even = sum(len(row) == len(header) for row in rows)
        return len(set(named) & set(header)), even * (len(header) > 1), len(header)

    return max(DELIMITERS, key=fit)


def _read_json_lines(
    path: Path, text: str, encoding: str, note: str | None, *_: Any
) -> Table:
    # Not splitlines: JSON text may hold other line ends than these.
    lines = [line for line in re.split(r"\r?\n", text) if line.strip()]
    source = []
    for number, line in enumerate(lines, start=1):
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            record = None
        if not isinstance(record, dict):
            raise ValueError(
                f"{path} is not JSON lines: record {number} is not a JSON object."
            )
        source.append((line, record))
    columns = dict.fromkeys(name for _, record in source for name in record)
    cells = {name: [_text_of(r.get(name)) for _, r in source] for name in columns}
    frame = pd.DataFrame(cells, dtype=object)
    return Table(path, frame, "JSON lines", source, encoding=encoding, note=note)


def _read_parquet(path: Path) -> Table:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with path.open("rb") as file:
            source = parquet.read_table(file)
    except pa.ArrowInvalid as error:
        raise ValueError(f"{path} cannot be read as Parquet: {error}") from None
    listed = [[_text_of(v) for v in column.to_pylist()] for column in source.columns]
    cells = pd.DataFrame(dict(enumerate(listed)), dtype=object)
    cells = cells.set_axis(source.column_names, axis=1)
    return Table(path, cells, "Parquet", source)


def _text_of(value: Any) -> str:
    if value is None or value != value:
        return ""
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def _listed(values: Iterable[Any], most: int = 10) -> str:
    shown = [repr(value) for value in values]
    more = f" and {len(shown) - most} more" if len(shown) > most else ""
    return ", ".join(shown[:most]) + more


def _is_empty(cells: NDArray[Any]) -> NDArray[np.bool_]:
    return np.array([not cell.strip() for cell in cells.tolist()], dtype=bool)


def _row_names(table: Table, name: str | None) -> pd.Index:
    if name is None:
        return pd.RangeIndex(len(table), name="row")
    index = pd.Index(table.column(name), dtype=object, name=name)
    doubtful = index.duplicated() | _is_empty(index.to_numpy())
    if doubtful.any():
        raise ValueError(
            f"--id: column {name!r} holds {index[doubtful][0]!r} more than once or "
            f"empty cells. Leave --id out to name the rows by their number."
        )
    return index


def select_rows(
    table: Table, label: str, text: str | None = None, name: str | None = None
) -> Rows:
    """Select the rows that can be mapped: those with a label and a text.

    Parameters
    ----------
    table : Table
        The file.
    label, text, name : str
        Columns of the labels, the texts (None: no texts) and the names of the rows
        (None: their number, from 0).

    Returns
    -------
    Rows

    Raises
    ------
    ValueError
        If a column is missing, the names repeat, there are not two classes, or the
        label is rather a number or a name.
    """
    labels = table.column(label)
    names = _row_names(table, name)
    unlabelled = _is_empty(labels)
    textless = np.zeros(len(table), dtype=bool)
    if text is not None:
        textless = _is_empty(table.column(text)) & ~unlabelled
    positions = np.flatnonzero(~(unlabelled | textless))
    left_out = {"label": int(unlabelled.sum()), "text": int(textless.sum())}
    labels = labels[positions]
    _check_labels(label, labels)
    return Rows(positions, labels, names[positions], left_out)


def _check_labels(name: str, labels: NDArray[Any]) -> None:
    classes = pd.unique(labels)
    if len(classes) < 2:
        raise ValueError(
            f"Column {name!r} holds one class only ({_listed(classes)}) in the "
            f"{len(labels):,} rows that can be mapped; a map needs at least two."
        )
    numbers = pd.to_numeric(pd.Series(classes), errors="coerce")
    is_real = bool(numbers.notna().all() and (numbers % 1 != 0).any())
    if len(classes) > FEW_CLASSES and (is_real or len(classes) > len(labels) / 2):
        kind = "numbers (it looks continuous)" if is_real else "values"
        raise ValueError(
            f"Column {name!r} holds {len(classes):,} different {kind} in "
            f"{len(labels):,} rows, such as {_listed(classes[:3])}; a label has few. "
            f"Name another column, or put the values in groups first."
        )


def text_features(texts: Sequence[str]) -> Any:
    """TF-IDF of words and pairs of words, as a sparse matrix.

    Parameters
    ----------
    texts : sequence of str
        The texts.

    Returns
    -------
    scipy.sparse matrix of shape (n_samples, n_features)

    Raises
    ------
    ValueError
        If there is no word in them.
    """
    return TfidfVectorizer(ngram_range=(1, 2)).fit_transform(texts)


def table_features(
    table: Table, names: Sequence[str], positions: NDArray[np.intp]
) -> tuple[Any, dict[str, NDArray[Any]]]:
    """Scaled numbers and one-hot categories.

    A column is one of numbers when all its cells are, but for empty ones and the like
    (``NA``, ``null``, ``?``), which take the median. In the other columns, empty is a
    category like any other.

    Parameters
    ----------
    table : Table
        The file.
    names : sequence of str
        Columns of the features.
    positions : ndarray of int
        The rows.

    Returns
    -------
    X : sparse matrix of shape (n_samples, n_features)
    columns : dict of str to ndarray
        The features as they are read, by names that a map can carry.

    Raises
    ------
    ValueError
        If a column is missing, or of numbers but for a few cells.
    """
    blocks, columns = [], {}
    for name in names:
        cells = table.column(name)[positions]
        values = _numbers(name, cells)
        if values is None:
            blocks.append(OneHotEncoder().fit_transform(cells[:, None]))
        else:
            scale = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
            blocks.append(scale.fit_transform(values.astype(np.float64)[:, None]))
        carried = f"feature_{name}" if name in RESERVED else name
        columns[carried] = cells if values is None else values
    return sparse.hstack(blocks, format="csr"), columns


def _numbers(name: str, cells: NDArray[Any]) -> NDArray[Any] | None:
    """Cells as numbers, or None where they are categories."""
    known = np.array([c.strip().lower() not in NO_NUMBER for c in cells.tolist()])
    values = pd.to_numeric(pd.Series(cells).where(known), errors="coerce").to_numpy()
    bad = known & ~np.isfinite(values.astype(np.float64))
    n_categories = len(pd.unique(cells[known]))
    few = bad.sum() <= 0.1 * known.sum() and n_categories > FEW_CLASSES
    if bad.any() and few:
        raise ValueError(
            f"Column {name!r} holds numbers, but for {bad.sum():,} cells, such as "
            f"{cells[bad][0]!r}. Empty them or write a number, or leave the column out."
        )
    return None if bad.any() or not known.any() else values


def learner() -> SGDClassifier:
    """Return the learner behind the map: logistic regression, balanced classes."""
    return SGDClassifier(loss="log_loss", class_weight="balanced")


def annotated(table: Table, rows: Rows, data_map: DataMap) -> pd.DataFrame:
    """Return the whole file with what the map says of each row.

    Parameters
    ----------
    table : Table
        The file.
    rows : Rows
        The rows that were mapped.
    data_map : DataMap
        Their map.

    Returns
    -------
    pandas.DataFrame
        Every row and column of the file, then predicted label, measures and region,
        empty where a row was left out. One whose name the file has already begins
        with ``datamap_``.
    """
    frame = data_map.to_frame()[ADDED].set_axis(rows.positions)
    frame = frame.reindex(range(len(table)))
    taken = set(table.cells.columns)
    names = [f"datamap_{name}" if name in taken else name for name in ADDED]
    return pd.concat([table.cells, frame.set_axis(names, axis=1)], axis=1)


def guarded(frame: pd.DataFrame) -> pd.DataFrame:
    """Put an apostrophe before the texts that a spreadsheet could run as a formula.

    Parameters
    ----------
    frame : pandas.DataFrame
        A review.

    Returns
    -------
    pandas.DataFrame
        A copy; numbers stay as they are, ``apply_review`` takes the apostrophe off.
    """

    def guard(value: Any) -> Any:
        return f"'{value}" if isinstance(value, str) and FORMULA.match(value) else value

    return frame.rename(columns=guard).apply(lambda column: column.map(guard))


def write_csv(
    frame: pd.DataFrame,
    path: Path,
    delimiter: str = ",",
    encoding: str = "utf-8",
    newline: str = "\n",
) -> Path:
    """Write a table that any reader of CSV reads back cell by cell.

    Parameters
    ----------
    frame : pandas.DataFrame
        The table; its index is not written.
    path : path
        The file.
    delimiter, encoding, newline : str
        How to write it.

    Returns
    -------
    pathlib.Path
        The file.
    """
    # The csv module of Python 3.11 and 3.12 leaves a lone carriage return unquoted.
    returns = any(
        isinstance(value, str) and "\r" in value
        for _, column in frame.select_dtypes(exclude="number").items()
        for value in column.tolist()
    )
    quoting: Any = csv.QUOTE_NONNUMERIC if returns else csv.QUOTE_MINIMAL
    frame.to_csv(
        path,
        index=False,
        sep=delimiter,
        encoding=encoding,
        lineterminator=newline,
        quoting=quoting,
    )
    return path


def apply_to_table(
    table: Table,
    review: pd.DataFrame,
    label: str | None = None,
    text: str | None = None,
    name: str | None = None,
) -> tuple[str, NDArray[Any], NDArray[np.bool_]]:
    """Labels of a file as a review says.

    Parameters
    ----------
    table : Table
        The file that was mapped.
    review : pandas.DataFrame
        Its review, as text.
    label, text, name : str, default=None
        Columns of the labels, texts and names of the rows. None: those that hold what
        the review says of its rows.

    Returns
    -------
    label : str
        Column of the labels.
    labels : ndarray of str of shape (n_samples,)
        The corrected labels.
    kept : ndarray of bool of shape (n_samples,)
        False where a row is to be dropped.

    Raises
    ------
    ValueError
        If the review is stale, of other data or not valid, or two columns fit.
    """
    missing = [c for c in ("id", "label", "decision") if c not in review]
    if missing:
        raise ValueError(f"The review lacks the columns {missing}.")
    if not len(review):
        raise ValueError("The review has no rows.")
    names, rows = _find_names(table, review, name)
    label = label or _find_label(table, review, rows)
    if text is None and "text" in review:
        fitting = [c for c in _fitting(table, review["text"], rows) if c != label]
        if not fitting:
            raise _stale("No column holds the texts of the review", "--text")
        text = fitting[0]
    _check_features(table, review, rows)
    labels = table.column(label)
    labelled = ~_is_empty(labels)
    kept = np.ones(len(table), dtype=bool)
    texts = None if text is None else table.column(text)[labelled]
    corrected, kept[labelled] = apply_review(
        labels[labelled], review, texts, index=names[labelled]
    )
    labels = labels.copy()
    labels[labelled] = corrected
    return label, labels, kept


def _find_names(
    table: Table, review: pd.DataFrame, name: str | None
) -> tuple[pd.Index, NDArray[np.intp]]:
    """Names of the rows of the file, and the rows of the review in it."""
    options = (
        [name]
        if name is not None
        else [None, *dict.fromkeys(table.cells.columns.tolist())]
    )
    found: dict[bytes, tuple[pd.Index, NDArray[np.intp]]] = {}
    for option in options:
        try:
            names = _row_names(table, option)
        except ValueError:
            if name is not None:
                raise
            continue
        index = pd.Index(names.astype(str))
        rows = index.get_indexer(review["id"])
        rows = np.where(rows < 0, index.get_indexer(review["id"].map(_bare)), rows)
        if (rows >= 0).all():
            found.setdefault(rows.tobytes(), (names, rows))
    if not found:
        raise _stale(f"The review has rows that {table.path} has not", "--id")
    telling = review["text" if "text" in review else "label"]
    fitting = [f for f in found.values() if _fitting(table, telling, f[1])]
    fitting = fitting or list(found.values())
    if len(fitting) > 1:
        raise ValueError(
            "More than one column could name the rows; say which one with --id."
        )
    return fitting[0]


def _find_label(table: Table, review: pd.DataFrame, rows: NDArray[np.intp]) -> str:
    fitting = _fitting(table, review["label"], rows)
    if not fitting:
        raise _stale("No column holds the labels of the review", "--label")
    if len(fitting) > 1:
        raise ValueError(
            f"The columns {_listed(fitting)} all hold the labels of the review; say "
            f"which one to correct with --label."
        )
    return fitting[0]


def _stale(problem: str, option: str) -> ValueError:
    return ValueError(
        f"{problem}: it is stale or of other data (was it applied before?). If not, "
        f"name the column with {option}."
    )


def _fitting(table: Table, said: pd.Series, rows: NDArray[np.intp]) -> list[str]:
    """Columns of the file that hold in these rows what the review says."""
    columns = list(table.cells.columns)
    return [
        name
        for name in columns
        if columns.count(name) == 1
        and all(map(_same, table.column(name)[rows].tolist(), said.tolist()))
    ]


def _same(cell: str, said: str) -> bool:
    """Whether a review says what a cell holds, up to line ends and the guard."""
    cell, said = ("\n".join(re.split("\r\n?", text)) for text in (cell, said))
    return cell in (said, _bare(said))


def _bare(text: str) -> str:
    return text[1:] if text[:1] == "'" and FORMULA.match(text[1:]) else text


def _check_features(table: Table, review: pd.DataFrame, rows: NDArray[np.intp]) -> None:
    """Refuse a review whose features are not those of the file."""
    for name in review.columns.difference(list(RESERVED)):
        column = _bare(name)
        if column not in table.cells:
            column = column.removeprefix("feature_")
        if column not in table.cells:
            continue
        cells = table.column(column)[rows].tolist()
        for cell, said, at in zip(cells, review[name], review["id"], strict=True):
            if not (_same(cell, said) or _same_number(cell, said)):
                raise _stale(
                    f"Column {column!r} of row {at} holds {cell!r}, but the review "
                    f"says {said!r}",
                    "--id",
                )


def _same_number(cell: str, said: str) -> bool:
    try:
        return bool(np.isclose(float(cell), float(said), rtol=1e-9, atol=0))
    except ValueError:
        return cell.strip().lower() in NO_NUMBER and not said


def write_corrected(
    table: Table,
    path: Path,
    label: str,
    labels: NDArray[Any],
    kept: NDArray[np.bool_],
) -> None:
    """Write a file again with other labels and without some rows; all else as it was.

    Parameters
    ----------
    table : Table
        The file.
    path : path
        Where to write: a file of the same kind, or CSV.
    label : str
        Column of the labels.
    labels : ndarray of str of shape (n_samples,)
        Its cells.
    kept : ndarray of bool of shape (n_samples,)
        The rows to write.

    Raises
    ------
    ValueError
        If the suffix says another kind, or path is the file itself.
    """
    kind = SUFFIXES.get(path.suffix.lower(), "delimited")
    if path.exists() and path.samefile(table.path):
        raise ValueError(f"--out {path} is the file itself; name another one.")
    if kind not in ("delimited", table.kind):
        raise ValueError(f"--out {path}: {table.path} is not {kind}; write to a CSV.")
    at = list(table.cells.columns).index(label)
    changed = labels != table.column(label)
    if kind == "Parquet":
        _write_parquet(table, path, at, labels, changed, kept)
    elif kind == "JSON lines":
        values = {_text_of(v := record.get(label)): v for _, record in table.source}
        lines = [
            json.dumps({**record, label: values[new]}, ensure_ascii=False)
            if other
            else line
            for (line, record), new, other in zip(
                table.source, labels, changed, strict=True
            )
        ]
        text = "".join(f"{lines[row]}\n" for row in np.flatnonzero(kept))
        path.write_bytes(text.encode(table.encoding))
    else:
        cells = table.cells.astype(object)
        cells.isetitem(at, labels)
        write_csv(cells[kept], path, table.delimiter, table.encoding, table.newline)


def _write_parquet(
    table: Table,
    path: Path,
    at: int,
    labels: NDArray[Any],
    changed: NDArray[np.bool_],
    kept: NDArray[np.bool_],
) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    column = table.source.column(at)
    values = column.to_pylist()
    by_text = {_text_of(value): value for value in values}
    for row in np.flatnonzero(changed):
        values[row] = by_text[labels[row]]
    corrected = pa.array(values, type=column.type)
    source = table.source.set_column(at, table.source.schema.field(at), corrected)
    parquet.write_table(source.filter(pa.array(kept)), path)
