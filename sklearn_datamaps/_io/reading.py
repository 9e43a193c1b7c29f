"""How a user's file is to be read, its encoding, and what came out."""

import codecs
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_datamaps._core.messages import quoted, warn_caller

CHUNK = 2**20
# What surrogateescape makes of bytes that are no UTF-8.
BAD_BYTE = re.compile("[\udc80-\udcff]")
QUOTING = ("auto", "csv", "none")


@dataclass(frozen=True)
class Reading:
    """How a file is to be read; None stands for what is to be found out.

    Attributes
    ----------
    named : sequence of str
        Columns it should have; they help to find the delimiter.
    delimiter, encoding : str or None
        What is between the cells, and how text is written as bytes.
    quoting : str
        "csv": a quote that opens a cell and closes it holds it together, line ends
        included. "none": quotes are characters like any other. "auto": as "csv", but
        refuse what looks as if rows were swallowed by a quote.
    quotechar : str
        The quote.
    """

    named: Sequence[str] = ()
    delimiter: str | None = None
    encoding: str | None = None
    quoting: str = "auto"
    quotechar: str = '"'

    def __post_init__(self) -> None:
        """Refuse what no file can be read with."""
        if self.quoting not in QUOTING:
            raise ValueError(
                f"--quoting must be one of {quoted(QUOTING)}; got {self.quoting!r}."
            )
        for option in ("delimiter", "quotechar"):
            value = getattr(self, option)
            if value is not None and (len(value) != 1 or value in "\r\n"):
                raise ValueError(f"--{option} must be one character; got {value!r}.")
        if self.delimiter == self.quotechar:
            raise ValueError(
                f"--delimiter and --quotechar must differ; both are {self.delimiter!r}."
            )


@dataclass(frozen=True)
class Table:
    """A file as it was read: every cell as text, and what writing it again needs."""

    path: Path
    cells: pd.DataFrame
    source: Any = None  # what the format needs to write the file again
    notes: tuple[str, ...] = ()  # what the user should know about the reading

    def __len__(self) -> int:
        return len(self.cells)

    def column(self, name: str) -> NDArray[Any]:
        """Cells of a column, an array of str; an error if there is not just one."""
        columns = list(self.cells.columns)
        if columns.count(name) != 1:
            close = [] if name in columns else get_close_matches(name, columns, 1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            count = "no column" if name not in columns else "more than one column"
            raise ValueError(
                f"{self.path} has {count} {name!r}; it has {quoted(columns)}.{hint}"
            )
        return self.cells.iloc[:, columns.index(name)].to_numpy(dtype=object)


@dataclass(frozen=True)
class Encoding:
    """An encoding that gives every byte of a file back when the text is encoded."""

    name: str
    errors: str = "strict"
    notes: tuple[str, ...] = ()

    def open(self, path: Path) -> TextIO:
        """Open a file as text, its line ends and byte order mark as they are."""
        return path.open(encoding=self.name, errors=self.errors, newline="")

    def encode(self, text: str) -> bytes:
        """Bytes of a text of the file."""
        return text.encode(self.name, self.errors)


def find_encoding(path: Path, given: str | None) -> Encoding:
    """Tell the encoding of a file, by reading all of it once.

    Parameters
    ----------
    path : path
        The file.
    given : str or None
        What the user says. None: by a byte order mark; else UTF-8, also where a few
        bytes are not (they are kept, and their lines named); else cp1252 or latin-1.

    Returns
    -------
    Encoding

    Raises
    ------
    ValueError
        If it is no text, there is no such encoding, or the file is in another one.
    """
    with path.open("rb") as file:
        head = file.read(4096)
    if given is not None:
        try:
            given = codecs.lookup(given).name
        except LookupError:
            raise ValueError(f"There is no --encoding {given!r}.") from None
    for mark, name in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if head.startswith(mark) and given in (None, "utf-16"):
            return Encoding(name, "surrogatepass")
    if given == "utf-16":  # without a mark
        given = "utf-16-be" if head[:1] == b"\0" else "utf-16-le"
    if given not in (None, "utf-8", "utf-8-sig"):
        try:
            _decode(path, given)
        except UnicodeError:
            raise ValueError(
                f"{path} cannot be read as {given}; name its --encoding."
            ) from None
        return Encoding(given)
    # A text may hold a NUL, but not a file that is full of them.
    is_text = given is not None or head.count(0) <= len(head) // 4
    try:
        _decode(path, "utf-8")
    except UnicodeDecodeError:
        if is_text and (given is not None or 0 not in head):
            return _with_bad_bytes(path, given)
        is_text = False
    if not is_text:
        raise ValueError(f"{path} is not a text file; if it is, name its --encoding.")
    return Encoding("utf-8", "surrogateescape")


def _with_bad_bytes(path: Path, given: str | None) -> Encoding:
    """UTF-8 with some bytes that are not, or else an encoding of one byte each."""
    lines, n_bad, n_good, n_lines = [], 0, 0, 1
    for text in _chunks(path, "utf-8", "surrogateescape"):
        found = [match.start() for match in BAD_BYTE.finditer(text)]
        n_bad += len(found)
        n_good += len(re.findall("[^\x00-\x7f]", text)) - len(found)
        lines += [n_lines + text.count("\n", 0, at) for at in found[:3]]
        n_lines += text.count("\n")
    # Other encodings hardly ever look like UTF-8 by chance.
    if given is not None or n_good >= n_bad:
        where = ", ".join(map(str, dict.fromkeys(lines[:3])))
        note = (
            f"{path} is UTF-8, but for {n_bad:,} bytes (line {where}); they are "
            f"kept as they are. If it is another one, name its --encoding."
        )
        return Encoding("utf-8", "surrogateescape", (note,))
    for name in ("cp1252", "latin-1"):
        try:
            _decode(path, name)
        except UnicodeDecodeError:
            continue
        break
    note = f"{path} is not UTF-8: read as {name}. If wrong, name its --encoding."
    return Encoding(name, notes=(note,))


def _decode(path: Path, name: str) -> None:
    for _ in _chunks(path, name, "strict"):
        pass


def _chunks(path: Path, name: str, errors: str) -> Iterator[str]:
    with path.open(encoding=name, errors=errors, newline="") as file:
        while text := file.read(CHUNK):
            yield text


def warn_of(notes: Iterable[str]) -> None:
    """Tell a caller in Python what the command line prints."""
    for note in notes:
        warn_caller(note)


def is_missing(cells: NDArray[Any], na: Sequence[str] = ()) -> NDArray[np.bool_]:
    """Tell which cells say that there is nothing.

    Parameters
    ----------
    cells : ndarray of str
        Cells of a column.
    na : sequence of str, default=()
        What else says so, as the user names it (``--na``).

    Returns
    -------
    ndarray of bool
        True for blank cells, lists without an entry, and those named.
    """
    empty = {"", "[]", *na}
    return np.array([cell.strip() in empty for cell in cells.tolist()], dtype=bool)


def text_of(value: Any) -> str:
    """Text of a value of JSON or Parquet; nothing at all becomes an empty cell."""
    if value is None or value != value:
        return ""
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def escaped(value: Any) -> Any:
    """Text that UTF-8 can hold: half a character becomes a backslash and its code."""
    if not isinstance(value, str):
        return value
    return value.encode("utf-8", "backslashreplace").decode()
