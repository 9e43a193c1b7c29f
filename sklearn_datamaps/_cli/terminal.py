"""What a terminal is shown: nothing of a user's data can command it, or fill it."""

import re
import shutil
import sys
from typing import TextIO

# Control characters, and those that reorder what is read or end a line unseen. Not the
# joiners that emoji and many scripts are written with.
UNSAFE = re.compile(
    r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"
)
MOST = 2000  # characters of an error or a note
NOTES: list[str] = []  # of the command that runs, for --json


def width() -> int:
    """Columns of the terminal, 80 if there is none."""
    return max(20, shutil.get_terminal_size().columns)


def plain(text: str, most: int | None = None) -> str:
    """Return a text on one line, without what a terminal would obey.

    Parameters
    ----------
    text : str
        The text.
    most : int, default=None
        Characters to cut it to. None: all.

    Returns
    -------
    str
    """
    line = " ".join(UNSAFE.sub(" ", text).split())
    return line if most is None else cut(line, most)


def cut(text: str, most: int) -> str:
    """Return at most so many characters of a text."""
    return text if len(text) <= most else text[: max(0, most - 3)] + "..."


def say(text: str, stream: TextIO | None = None) -> None:
    """Print lines to any terminal: what it cannot show becomes '?'.

    Parameters
    ----------
    text : str
        The lines.
    stream : file, default=None
        Where to. None: the standard output.
    """
    stream = sys.stdout if stream is None else stream
    encoding = getattr(stream, "encoding", None) or "utf-8"
    shown = UNSAFE.sub(" ", text).encode(encoding, errors="replace").decode(encoding)
    print(shown, file=stream, flush=True)
