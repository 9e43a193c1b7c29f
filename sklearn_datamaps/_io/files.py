"""Files as bytes and as text: from a path or a pipe, compressed or not."""

import bz2
import codecs
import gzip
import io
import lzma
import re
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, TextIO

STREAM = Path("-")  # the standard input or output
MODULES: dict[str, Any] = {".gz": gzip, ".bz2": bz2, ".xz": lzma}
COMPRESSIONS = (*MODULES, ".zst")
# How files that are no text begin, and the ending of such files.
KINDS = {
    b"\x1f\x8b": ".gz",
    b"BZh": ".bz2",
    b"\xfd7zXZ\0": ".xz",
    b"(\xb5/\xfd": ".zst",
    b"PAR1": ".parquet",
    b"ARROW1": ".feather",
    b"PK\x03\x04": ".xlsx",  # or any other archive
    b"\xd0\xcf\x11\xe0": ".xls",
}
JSON_HEAD = re.compile(rb"(?:\xef\xbb\xbf)?\s*\[?\s*\{")
# What unpacks to more than this, and to so many times its size, is refused: a file of
# a few kilobytes could fill the memory. Texts shrink to a third or a tenth.
MOST_BYTES, MOST_TIMES = 2**28, 500
CHUNK = 2**20  # characters of text at a time
# What surrogateescape makes of bytes that are no UTF-8.
BAD_BYTE = re.compile("[\udc80-\udcff]")


@dataclass(frozen=True)
class File:
    """A file whose bytes can be read again and again.

    Attributes
    ----------
    path : path
        Where it is; ``-`` is the standard input.
    suffix : str
        That of its kind, ``.csv``, in small letters: of the name without that of a
        compression, or as the user or the content says.
    compression : str
        The suffix of its compression; "" if there is none.
    held : bytes or None
        Its bytes, if it is no plain file and can be read only once.
    """

    path: Path
    suffix: str
    compression: str = ""
    held: bytes | None = None

    @classmethod
    def of(cls, path: Path, kind: str | None = None) -> "File":
        """Find out what a file is: by its name, else by its first bytes.

        Parameters
        ----------
        path : path
            The file.
        kind : str, default=None
            What the user says it is, as ``csv``.
        """
        held = None
        if path == STREAM:
            held = _standard_input()
        elif path.exists() and not (path.is_file() or path.is_dir()):
            held = path.read_bytes()  # a pipe
        file = cls(path, *endings(path), held)
        found = "" if file.suffix or file.compression else kind_of(file.head())
        if found in COMPRESSIONS:
            file = replace(file, compression=found)
        suffix = f".{kind}" if kind else file.suffix or _guessed(file.head())
        return replace(file, suffix=suffix)

    def __str__(self) -> str:
        return "the standard input" if self.path == STREAM else str(self.path)

    def open(self) -> BinaryIO:
        """Open it to read, unpacked."""
        packed: BinaryIO
        packed = self.path.open("rb") if self.held is None else io.BytesIO(self.held)
        if not self.compression:
            return packed
        return io.BufferedReader(_Unpacked(self, packed), 2**18)

    def read(self) -> bytes:
        """All of its bytes, unpacked."""
        with self.open() as file:
            return file.read()

    def head(self, size: int = 4096) -> bytes:
        """Its first bytes, unpacked."""
        with self.open() as file:
            return file.read(size)

    def plain(self) -> "Path | io.BytesIO":
        """What a library can read from, and jump about in."""
        if self.held is None and not self.compression:
            return self.path
        return io.BytesIO(self.read())

    def check_size(self, packed: int, unpacked: int) -> None:
        """Refuse what unpacks to out of all proportion."""
        if unpacked > max(MOST_BYTES, MOST_TIMES * packed):
            raise ValueError(
                f"{self} unpacks to more than {MOST_TIMES} times its size, which would "
                f"fill the memory. If you trust it, unpack it first."
            )


class _Unpacked(io.RawIOBase):
    """What is in a compressed file; an error that names it if that is damaged."""

    def __init__(self, file: File, packed: BinaryIO) -> None:
        super().__init__()
        self.file, self.packed, self.n_bytes = file, packed, 0
        self.size = packed.seek(0, io.SEEK_END)
        packed.seek(0)
        self.stream = _unpacking(packed, file.compression)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self.stream.read(len(buffer))
        # Those of the standard library, and of Arrow.
        except (EOFError, OSError, ValueError, zlib.error, lzma.LZMAError) as error:
            raise ValueError(
                f"{self.file} is damaged, cut off, or not compressed as its ending "
                f"{self.file.compression} says ({error})."
            ) from error
        self.n_bytes += len(data)
        self.file.check_size(self.size, self.n_bytes)
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self.packed.close()
        super().close()


def _unpacking(packed: BinaryIO, compression: str) -> Any:
    if compression in MODULES:
        return MODULES[compression].open(packed)
    import pyarrow as pa

    return pa.CompressedInputStream(pa.PythonFile(packed, mode="r"), "zstd")


def compressed(data: bytes, compression: str) -> bytes:
    """Bytes of a file with an ending such as ``.gz``, the same for the same data."""
    if compression == ".gz":
        return gzip.compress(data, mtime=0)
    if compression in MODULES:
        return bytes(MODULES[compression].compress(data))
    if compression == ".zst":
        import pyarrow as pa

        return bytes(pa.compress(data, codec="zstd", asbytes=True))
    return data


def endings(path: Path) -> tuple[str, str]:
    """Suffix of the kind of a file, and of its compression: ``.csv`` and ``.gz``."""
    last = path.suffix.lower()
    if last in COMPRESSIONS:
        return Path(path.stem).suffix.lower(), last
    return last, ""


def kind_of(head: bytes) -> str:
    """Ending of the kind that no text begins like; empty if there is none."""
    return next((kind for begin, kind in KINDS.items() if head.startswith(begin)), "")


def _guessed(head: bytes) -> str:
    return kind_of(head) or (".json" if JSON_HEAD.match(head) else ".csv")


def _standard_input() -> bytes:
    if sys.stdin is None or sys.stdin.isatty():
        raise ValueError(
            "- is the standard input, but nothing is piped into it. Pipe a file into "
            "it, or name one."
        )
    return sys.stdin.buffer.read()


@dataclass(frozen=True)
class Encoding:
    """An encoding that gives every byte of a file back when the text is encoded."""

    name: str
    errors: str = "strict"
    notes: tuple[str, ...] = ()

    def open(self, file: File, newline: str = "") -> TextIO:
        """Open a file as text, its line ends and byte order mark as they are.

        Parameters
        ----------
        file : File
            The file.
        newline : str, default=""
            What ends a line. "": any line end.

        Returns
        -------
        file of text
        """
        return io.TextIOWrapper(file.open(), self.name, self.errors, newline=newline)

    def encode(self, text: str) -> bytes:
        """Bytes of a text of the file."""
        return text.encode(self.name, self.errors)


def find_encoding(file: File, given: str | None) -> Encoding:
    """Tell the encoding of a file, by reading all of it once.

    Parameters
    ----------
    file : File
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
    head = file.head()
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
        if not _fits(file, given):
            raise ValueError(f"{file} cannot be read as {given}; name its --encoding.")
        return Encoding(given)
    # A text may hold a NUL, but not a file that is full of them.
    is_text = given is not None or head.count(0) <= len(head) // 4
    if is_text and _fits(file, "utf-8"):
        return Encoding("utf-8", "surrogateescape")
    if is_text and (given is not None or not (0 in head or kind_of(head))):
        return _with_bad_bytes(file, given)
    cure = "If it is, name its --encoding"
    if kind := kind_of(head):
        what = {".xlsx": ".xlsx or a .zip", ".xls": ".xls (save as .xlsx)"}
        cure = f"It holds what a {what.get(kind, kind)} does: name it so, or unpack it"
    raise ValueError(f"{file} is not a text file. {cure}.")


def _with_bad_bytes(file: File, given: str | None) -> Encoding:
    """UTF-8 with some bytes that are not, or else an encoding of one byte each."""
    lines, n_bad, n_good, n_lines = [], 0, 0, 1
    for text in _chunks(file, "utf-8", "surrogateescape"):
        found = [match.start() for match in BAD_BYTE.finditer(text)]
        n_bad += len(found)
        n_good += len(re.findall("[^\x00-\x7f]", text)) - len(found)
        lines += [n_lines + text.count("\n", 0, at) for at in found[:3]]
        n_lines += text.count("\n")
    # Other encodings hardly ever look like UTF-8 by chance.
    if given is not None or n_good >= n_bad:
        where = ", ".join(map(str, dict.fromkeys(lines[:3])))
        note = (
            f"{file} is UTF-8, but for {n_bad:,} bytes (line {where}); they are "
            f"kept as they are. If it is another one, name its --encoding."
        )
        return Encoding("utf-8", "surrogateescape", (note,))
    name = "cp1252" if _fits(file, "cp1252") else "latin-1"
    note = f"{file} is not UTF-8: read as {name}. If wrong, name its --encoding."
    return Encoding(name, notes=(note,))


def _fits(file: File, name: str) -> bool:
    try:
        for _ in _chunks(file, name, "strict"):
            pass
    except UnicodeError:
        return False
    return True


def _chunks(file: File, name: str, errors: str) -> Iterator[str]:
    with Encoding(name, errors).open(file) as text:
        while chunk := text.read(CHUNK):
            yield chunk
