"""What the files of a matrix hold so far: a line for each shard that is in them."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Entry:
    """One shard that is in the files.

    Attributes
    ----------
    rows, values : int
        How many rows, and stored values.
    kind : str
        Kind of its labels.
    names : list of str
        Labels that are texts and came up in this shard first.
    label_bytes : int
        Bytes of its labels.
    crc32 : dict of str to int
        Checksum of its part of each file.
    """

    rows: int
    values: int
    kind: str
    names: list[str]
    label_bytes: int
    crc32: dict[str, int]


class Journal:
    """The entries of a folder, and what they sum up to.

    A line is written after all that it speaks of; one that is not whole does not
    count, and is cut off.

    Parameters
    ----------
    file : path
        Where; made if it is not there.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self.entries: list[Entry] = []
        self.n_rows = self.n_values = self.label_bytes = 0
        self.kind: str | None = None
        self.names: dict[str, int] = {}  # labels to codes, in order of appearance
        file.touch()
        complete, _, torn = file.read_bytes().rpartition(b"\n")
        if torn:
            os.truncate(file, file.stat().st_size - len(torn))
        for line in complete.splitlines():
            self._note(Entry(**json.loads(line)))

    def __len__(self) -> int:
        return len(self.entries)

    def _note(self, entry: Entry) -> None:
        self.entries.append(entry)
        self.n_rows += entry.rows
        self.n_values += entry.values
        self.label_bytes += entry.label_bytes
        self.kind = entry.kind
        for name in entry.names:
            self.names[name] = len(self.names)

    def append(self, entry: Entry) -> None:
        """Note one more shard, on the disk first."""
        with self.file.open("ab") as file:
            file.write(json.dumps(asdict(entry)).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self._note(entry)
