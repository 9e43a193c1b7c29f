"""The map while its parts are on the workers of a cluster."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.labels import EncodedLabels
from sklearn_datamaps._core.recorder import Recorder
from sklearn_datamaps._core.regions import check_region, check_rule
from sklearn_datamaps._data_map import DataMap


@dataclass(frozen=True)
class MapParts:
    """Records of all blocks, on the workers.

    Attributes
    ----------
    records : list of Future
        Of every block, its ``Recorder`` and something else.
    n_rows : ndarray of int of shape (n_blocks,)
        Rows of each block.
    known : EncodedLabels
        All labels; of codes there are none.
    meta : mapping
        Facts about the run.
    """

    records: list[Any]
    n_rows: Array
    known: EncodedLabels
    meta: Mapping[str, Any]

    def gather(self, client: Any) -> DataMap:
        """Bring the records here: some numbers a row.

        Parameters
        ----------
        client : distributed.Client
            Has them.

        Returns
        -------
        DataMap
        """
        parts = [dynamics for dynamics, _ in client.gather(self.records)]
        return Recorder.concatenate(parts).to_map(DataMap, meta=self.meta)

    @property
    def confidence(self) -> Any:
        """Array of the map of this name, as a dask array; so are the next two."""
        return self._as_dask(_attribute, np.float64, "confidence")

    @property
    def variability(self) -> Any:
        """As ``confidence``."""
        return self._as_dask(_attribute, np.float64, "variability")

    @property
    def correctness(self) -> Any:
        """As ``confidence``."""
        return self._as_dask(_attribute, np.float64, "correctness")

    def region_mask(self, region: str, *, band: float, n_std: float) -> Any:
        """Which rows lie in a region, as a dask array of bool."""
        check_region(region)  # here and now, not when it is computed
        check_rule(band, n_std)
        return self._as_dask(_region_mask, np.bool_, region, band, n_std)

    def _as_dask(self, task: Callable[..., Array], dtype: Any, *arguments: Any) -> Any:
        import dask.array as da

        columns = self.known.classes.shape if self.known.multilabel else ()
        return da.concatenate(
            [
                da.from_delayed(
                    future.client.submit(task, future, *arguments, pure=False),
                    shape=(n_rows, *columns),
                    dtype=dtype,
                )
                for future, n_rows in zip(
                    self.records, self.n_rows.tolist(), strict=True
                )
            ]
        )


def _attribute(record: tuple[Recorder, Any], name: str) -> Array:
    values: Array = getattr(record[0].to_map(DataMap), name)
    return values


def _region_mask(
    record: tuple[Recorder, Any], region: str, band: float, n_std: float
) -> Array:
    return record[0].to_map(DataMap).region_mask(region, band=band, n_std=n_std)


def map_rows(call: Callable[[Any], Array], X: Any, example: Array) -> Any:
    """Apply a call to each block of rows of a dask array, when it is computed.

    Parameters
    ----------
    call : callable
        From a block of rows to an array with one entry for each.
    X : dask.array.Array of shape (n_samples, n_features)
        The features.
    example : ndarray of shape (1, ...)
        What the call gives for one row.

    Returns
    -------
    dask.array.Array of shape (n_samples, ...)

    Raises
    ------
    TypeError
        If X is in blocks, but no dask array.
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
