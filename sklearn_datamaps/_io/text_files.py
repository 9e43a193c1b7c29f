"""Rows of Parquet, CSV and JSON lines files, batch by batch."""

import json
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import joblib

from sklearn_datamaps._io.text_batches import BATCH_ROWS, Batch, Needed

KINDS = {".parquet": "Parquet", ".pq": "Parquet", ".csv": "CSV", ".tsv": "TSV"}
KINDS |= dict.fromkeys((".jsonl", ".ndjson"), "JSON lines")

# A row must fit in: Arrow's reader of CSV cuts its blocks at the ends of rows.
CSV_BLOCK_BYTES = 2**24


class Files:
    """One file, or the files of a folder one after another, sorted by name.

    Parameters
    ----------
    path : path
        The file or the folder. In a folder, files whose names begin with a dot or an
        underscore do not count.
    text, label : str
        The columns of texts and labels, as a CSV file does not tell texts from
        numbers.
    """

    def __init__(self, path: Path, text: str, label: str | None) -> None:
        self.paths = _paths(path)
        self.text, self.label = text, label
        self.read = _READERS[KINDS[self.paths[0].suffix.lower()]]
        self.n_rows: int | None = None
        if self.read is _read_parquet:
            self.n_rows = sum(_open_parquet(p).metadata.num_rows for p in self.paths)

    def identity(self) -> dict[str, Any]:
        """Names, sizes and times of the files; not where they are."""
        stats = [path.stat() for path in self.paths]
        sizes = [stat.st_size for stat in stats]
        times = [stat.st_mtime_ns for stat in stats]
        names = [path.name for path in self.paths]
        return {
            "kind": KINDS[self.paths[0].suffix.lower()],
            "files": len(self.paths),
            "bytes": sum(sizes),
            "names, sizes and times": joblib.hash([names, sizes, times]),
        }

    def class_names(self, label: str) -> list[str] | None:
        """Files hold no names of classes beside the labels."""
        return None

    def batches(self, columns: Sequence[str] | None, needed: Needed) -> Iterator[Batch]:
        """Yield all rows in order, those that are not needed without their table."""
        import pyarrow as pa

        start = 0
        for path in self.paths:
            offset = 0

            def needed_here(first: int, stop: int, before: int = start) -> bool:
                return needed(before + first, before + stop)

            try:
                for table, n_rows in self.read(path, columns, needed_here, self):
                    yield Batch(table, n_rows, start, str(path), offset)
                    start += n_rows
                    offset += n_rows
            except (pa.ArrowException, UnicodeDecodeError) as error:
                raise ValueError(
                    f"{path} cannot be read, from row {offset:,} on: {error}"
                ) from error


Tables = Iterator[tuple[Any, int]]


def _paths(path: Path) -> list[Path]:
    if path.is_dir():
        inside = sorted(p for p in path.iterdir() if p.name[0] not in "._")
        paths = [p for p in inside if p.is_file()]
        endings = sorted({p.suffix.lower() for p in paths})
        if len({KINDS.get(ending, ending) for ending in endings}) > 1:
            raise ValueError(
                f"{path} holds files of several kinds: {', '.join(endings)}. Put those "
                f"to be read in a folder of their own, or name one file."
            )
        if not paths:
            raise FileNotFoundError(f"{path} holds no files to read.")
    elif path.is_file():
        paths = [path]
    else:
        raise FileNotFoundError(
            f"There is no file or folder {str(path)!r}. For a data set of the Hugging "
            f"Face hub, pass what datasets.load_dataset returns."
        )
    if paths[0].suffix.lower() not in KINDS:
        raise ValueError(
            f"{paths[0]} has an ending that is not known. Files to read end in "
            f"{', '.join(KINDS)}; of others, pass an iterable of batches."
        )
    return paths


def _open_parquet(path: Path) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(path)
    except pa.ArrowException as error:
        raise ValueError(f"{path} cannot be read as Parquet: {error}") from error


def _read_parquet(
    path: Path, columns: Sequence[str] | None, needed: Needed, files: Files
) -> Tables:
    with _open_parquet(path) as file:
        names = file.schema_arrow.names
        # What is missing is named, among those that are there, when it is asked for.
        known = columns if columns and set(columns) <= set(names) else None
        first = 0
        for group in range(file.num_row_groups):
            n_rows = file.metadata.row_group(group).num_rows
            if not needed(first, first + n_rows):
                yield None, n_rows
            else:
                for batch in file.iter_batches(BATCH_ROWS, [group], known):
                    yield batch, len(batch)
            first += n_rows


def _read_csv(
    path: Path, columns: Sequence[str] | None, needed: Needed, files: Files
) -> Tables:
    import pyarrow as pa
    from pyarrow import csv

    def reader(**options: Any) -> Any:
        return csv.open_csv(
            path,
            csv.ReadOptions(block_size=CSV_BLOCK_BYTES),
            csv.ParseOptions(
                delimiter="\t" if path.suffix.lower() == ".tsv" else ",",
                newlines_in_values=True,
            ),
            # "NA" is a text, and so is "" in quotes; nothing at all is missing.
            csv.ConvertOptions(
                column_types={files.text: pa.string()},
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
                **options,
            ),
        )

    if path.stat().st_size == 0:
        return
    try:
        batches = reader(include_columns=list(columns or ()))
    except KeyError:
        batches = reader()  # what is missing is named when it is asked for
    first = 0
    for batch in batches:
        for start in range(0, len(batch), BATCH_ROWS):
            part = batch.slice(start, BATCH_ROWS)
            stop = first + len(part)
            yield (part if needed(first, stop) else None), len(part)
            first = stop


def _read_json_lines(
    path: Path, columns: Sequence[str] | None, needed: Needed, files: Files
) -> Tables:
    first = 0
    with path.open("rb") as file:
        numbered = ((n, line) for n, line in enumerate(file, 1) if line.strip())
        while lines := list(islice(numbered, BATCH_ROWS)):
            stop = first + len(lines)
            if needed(first, stop):
                records = [
                    _record(path, line_number, line) for line_number, line in lines
                ]
                names = dict.fromkeys(name for record in records for name in record)
                yield {n: [r.get(n) for r in records] for n in names}, len(lines)
            else:
                yield None, len(lines)
            first = stop


def _record(path: Path, number: int, line: bytes) -> dict[str, Any]:
    problem: Any = "no JSON object"
    try:
        record = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
    except ValueError as error:  # of JSON, or of UTF-8
        record, problem = None, error
    if not isinstance(record, dict):
        raise ValueError(f"{path}, line {number} is not JSON lines: {problem}.")
    return record


_READERS: dict[str, Callable[..., Tables]] = {
    "Parquet": _read_parquet,
    "CSV": _read_csv,
    "TSV": _read_csv,
    "JSON lines": _read_json_lines,
}
