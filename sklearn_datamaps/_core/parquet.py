"""One Parquet file for one data map: a column per array, the rest as metadata."""

import json
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from sklearn_datamaps._core.atomic import commit
from sklearn_datamaps._core.base_map import BaseDataMap

M = TypeVar("M", bound=BaseDataMap)
Escaped = dict[str, dict[int, str]]  # texts that Parquet cannot hold, by name and row

KEY = b"sklearn_datamaps"
FORMAT = 1
SCALARS = ("confidence", "variability", "correctness", "label", "predicted")
OPTIONAL = ("_margin", "_margin_std")
INDEX = "index"


def write(data_map: BaseDataMap, path: str | Path) -> None:
    """Write a map; see :meth:`sklearn_datamaps.DataMap.to_parquet`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrays = {f"map:{name}": getattr(data_map, name) for name in SCALARS}
    for name in OPTIONAL:
        if getattr(data_map, name) is not None:
            arrays[f"map:{name}"] = getattr(data_map, name)
    if data_map.trajectories is not None:
        arrays["map:trajectories"] = np.moveaxis(data_map.trajectories, 0, -1)
    arrays |= {f"measure:{name}": v for name, v in data_map.measures.items()}
    arrays |= {f"column:{name}": v for name, v in data_map.columns.items()}

    # Text as type of the column names, or pandas takes "map:label" for a number.
    no_columns = pd.Index([], dtype=object)
    escaped: Escaped = {}

    def named(index: pd.Index) -> Any:
        return pa.Table.from_pandas(pd.DataFrame(index=index, columns=no_columns))

    try:
        table = named(data_map.index)
    except UnicodeEncodeError:
        names = _escape(data_map.index.to_numpy(), INDEX, escaped)
        table = named(pd.Index(names, name=_written(data_map.index.name)))
    for name, values in arrays.items():
        table = table.append_column(name, _to_arrow(values, name, escaped))
    description = {
        "format": FORMAT,
        "n_epochs": data_map.n_epochs,
        "classes": data_map.classes.tolist(),
        "classes_dtype": data_map.classes.dtype.str,
        "meta": dict(data_map.meta),
        "shapes": {name: list(v.shape[1:]) for name, v in arrays.items()},
        "dtypes": {name: v.dtype.str for name, v in arrays.items()},
        # Lone surrogates, which Parquet cannot hold and JSON can: by name and row.
        "escaped": escaped,
    }
    ours = json.dumps(description, default=_plain).encode()
    metadata = {**(table.schema.metadata or {}), KEY: ours}
    table = table.replace_schema_metadata(metadata)
    commit(Path(path), lambda file: pq.write_table(table, file))


def _plain(value: Any) -> Any:
    """Turn what JSON does not know into a plain number or list, else into text."""
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else str(value)


def _escape(values: np.ndarray, name: str, escaped: Escaped) -> np.ndarray:
    """Texts with lone surrogates written out; what they were is noted by row."""
    values = values.astype(object)
    found = {}
    for row, text in enumerate(values):
        if isinstance(text, str) and (written := _written(text)) != text:
            found[row], values[row] = text, written
    escaped[name] = found
    return values


def _written(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    return text.encode("utf-8", "backslashreplace").decode()


def _to_arrow(values: np.ndarray, name: str, escaped: Escaped) -> Any:
    import pyarrow as pa

    # Among objects, NaN and pd.NA are missing values like None.
    def convert(values: np.ndarray) -> Any:
        return pa.array(values, from_pandas=values.dtype == object)

    try:
        flat = convert(values.reshape(-1))
    except UnicodeEncodeError:
        flat = convert(_escape(values.reshape(-1), name, escaped))
    if values.ndim == 1:
        return flat
    return pa.FixedSizeListArray.from_arrays(flat, int(np.prod(values.shape[1:])))


def read(kind: type[M], path: str | Path) -> M:
    """Read a map; see :meth:`sklearn_datamaps.DataMap.from_parquet`."""
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    raw = (table.schema.metadata or {}).get(KEY)
    if raw is None:
        raise ValueError(
            f"{path} is a Parquet file, but no data map: it lacks the metadata that "
            f"DataMap.to_parquet writes."
        )
    description = json.loads(raw)
    if description["format"] > FORMAT:
        raise ValueError(
            f"{path} was written in format {description['format']}; this version reads "
            f"up to {FORMAT}. Upgrade sklearn-datamaps."
        )
    arrays = {
        name: _to_numpy(table[name], shape, description["dtypes"][name])
        for name, shape in description["shapes"].items()
    }

    index = table.drop_columns(list(arrays)).to_pandas().index
    for name, rows in description.get("escaped", {}).items():
        values = index.to_numpy(dtype=object) if name == INDEX else arrays[name]
        values = np.array(values, dtype=object)
        for row, text in rows.items():
            values[int(row)] = text
        if name == INDEX:
            index = pd.Index(values, dtype=object, name=index.name)
        else:
            arrays[name] = values.astype(description["dtypes"][name])

    def part(prefix: str) -> dict[str, np.ndarray]:
        return {
            name.removeprefix(prefix): values
            for name, values in arrays.items()
            if name.startswith(prefix)
        }

    core = part("map:")
    if "trajectories" in core:
        core["trajectories"] = np.moveaxis(core["trajectories"], -1, 0)
    return kind(
        **core,
        classes=np.array(
            description["classes"], dtype=np.dtype(description["classes_dtype"])
        ),
        n_epochs=description["n_epochs"],
        index=index,
        measures=part("measure:"),
        columns=part("column:"),
        meta=description["meta"],
    )


def _to_numpy(column: Any, shape: list[int], dtype: str) -> np.ndarray:
    import pyarrow as pa

    chunk = column.combine_chunks()
    if isinstance(chunk, pa.ChunkedArray):
        chunk = pa.concat_arrays(chunk.chunks)
    if shape:
        chunk = chunk.flatten()
    if np.dtype(dtype) == object:
        # to_numpy would make floats of integers beside None.
        values = np.fromiter(chunk.to_pylist(), dtype=object, count=len(chunk))
    else:
        values = chunk.to_numpy(zero_copy_only=False).astype(dtype, copy=False)
    return values.reshape(-1, *shape) if shape else values
