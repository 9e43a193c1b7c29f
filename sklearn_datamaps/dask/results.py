"""The map while its parts are on the workers of a cluster."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.labels import EncodedLabels
from sklearn_datamaps._core.recorder import Recorder
from sklearn_datamaps._data_map import DataMap
from sklearn_datamaps.dask.cluster import gather


@dataclass(frozen=True)
class MapParts:
    """Records of all blocks, on the workers: futures."""

    records: list[Any]  # of every block, its Recorder and something else
    n_rows: Array  # of every block
    known: EncodedLabels  # all labels; of codes there are none
    meta: Mapping[str, Any]

    def gather(self, client: Any) -> DataMap:
        """Bring the records here: some numbers a row."""
        parts = [dynamics for dynamics, _ in gather(client, self.records)]
        return Recorder.concatenate(parts).to_map(DataMap, meta=self.meta)

    def as_dask(self, name: str, dtype: Any = np.float64, **options: Any) -> Any:
        """Attribute of the map, or what its method gives, as a dask array."""
        import dask.array as da

        columns = self.known.classes.shape if self.known.multilabel else ()
        submit = self.records[0].client.submit
        arrays = []
        for record, n_rows in zip(self.records, self.n_rows.tolist(), strict=True):
            block = submit(_of_map, record, attribute=name, pure=False, **options)
            arrays.append(da.from_delayed(block, (n_rows, *columns), dtype=dtype))
        return da.concatenate(arrays)


def _of_map(record: tuple[Recorder, Any], attribute: str, **options: Any) -> Array:
    """Attribute of the map of a block, or what its method of this name gives."""
    found: Any = getattr(record[0].to_map(DataMap), attribute)
    return np.asarray(found(**options) if options else found)


def map_rows(call: Callable[[Any], Array], X: Any, example: Array) -> Any:
    """Apply a call to each block of rows of a dask array, when it is computed.

    The example is what the call gives for one row.
    """
    if not hasattr(X, "map_blocks"):
        raise TypeError(
            f"X is {type(X).__name__}; to predict, pass a dask.array.Array, or the "
            f"blocks one by one."
        )
    columns = tuple((n,) for n in example.shape[1:])
    return X.map_blocks(
        _call_unless_empty,
        call,
        example[:0],
        dtype=example.dtype,
        chunks=(X.chunks[0], *columns),
        drop_axis=None if columns else 1,
        meta=example[:0],
    )


def _call_unless_empty(X: Any, call: Callable[[Any], Array], nothing: Array) -> Array:
    """Learners refuse a block without rows, which a filter may leave."""
    return call(X) if X.shape[0] else nothing
