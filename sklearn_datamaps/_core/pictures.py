"""Pictures of the rows: what ``with_columns`` takes, and what a map holds.

A map holds either bytes, at most 96 pixels on the longest side, or paths, which are
looked up when a view needs them.
"""

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from sklearn_datamaps._core.arrays import Array

IMAGE = "image"  # name of the column that holds pictures
LONGEST = 96  # pixels of the longest side
CELLS = 2**22  # numbers that become bytes at a time
FORMS = (
    "an array of shape (n_samples, height, width), (n_samples, height, width, 3) or "
    "(n_samples, height, width, 4), or one path for each row"
)


def pictures_of(image: Any) -> Array:
    """Pictures as a map holds them.

    Parameters
    ----------
    image : array-like of shape (n_samples, height, width[, 3 or 4]), or of paths
        Bytes as they are; other numbers from 0 to 1 become 0 to 255, and those with
        other limits are stretched from the least to the greatest of all pictures.

    Returns
    -------
    ndarray of uint8 of shape (n_samples, height, width[, 3 or 4]), or of object of \
            shape (n_samples,)
        The pictures, at most 96 pixels on the longest side; or the paths as text, None
        of a row without one.

    Raises
    ------
    ImportError
        If pictures have to be made smaller, and pillow is not installed.
    ValueError
        If it is neither pictures nor paths.
    """
    try:
        values = np.asarray(image)
    except ValueError as error:  # a list of arrays of several shapes
        raise ValueError(
            f"image is no array of one shape ({error}); pictures are {FORMS}."
        ) from error
    if values.ndim == 1 and values.dtype.kind in "OUT":
        return _paths(values)
    has_channels = values.ndim == 4 and values.shape[-1] in (3, 4)
    if not (values.dtype.kind in "biuf" and (values.ndim == 3 or has_channels)):
        raise ValueError(
            f"image has shape {values.shape} and type {values.dtype}, but pictures are "
            f"{FORMS}. Reshape flat ones, as in X.reshape(-1, 8, 8), and put the "
            f"colours last; attach anything else under another name."
        )
    if 0 in values.shape[1:]:
        raise ValueError(f"image has shape {values.shape}: the pictures are empty.")
    return _as_bytes(values)


def _paths(values: Array) -> Array:
    paths = np.empty(len(values), dtype=object)
    for at, value in enumerate(values.tolist()):
        is_path = isinstance(value, str | os.PathLike)
        path = os.fspath(value) if is_path else None
        if not isinstance(path, str) and not (
            pd.api.types.is_scalar(value) and pd.isna(value)
        ):
            raise ValueError(
                f"image has a {type(value).__name__} in row {at}, but pictures are "
                f"{FORMS} (None: no picture)."
            )
        paths[at] = path
    return paths


def _as_bytes(values: Array) -> Array:
    n, height, width = values.shape[:3]
    scale = min(1, LONGEST / max(height, width))
    size = max(1, round(height * scale)), max(1, round(width * scale))
    if values.dtype == np.uint8 and scale == 1:
        return values
    low, high = _limits(values)
    result = np.empty((n, *size, *values.shape[3:]), dtype=np.uint8)
    step = max(1, CELLS // values[:1].size) if n else 1
    for first in range(0, n, step):
        block = values[first : first + step]
        if block.dtype != np.uint8:
            share = (block.astype(np.float64) - low) / ((high - low) or 1)
            block = np.rint(255 * share).astype(np.uint8)
        if scale < 1:
            block = np.stack(list(_reduced(block, size)))
        result[first : first + step] = block
    result.flags.writeable = False  # a map need not copy it
    return result


def _limits(values: Array) -> tuple[float, float]:
    """Values that become 0 and 255."""
    if values.dtype.kind == "b" or not values.size:
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    if not np.isfinite([low, high]).all():
        raise ValueError(
            "image has values that are NaN or infinite. Fill them in, as with "
            "np.nan_to_num(image)."
        )
    return (0.0, 1.0) if low >= 0 and high <= 1 else (low, high)


def _reduced(block: Array, size: tuple[int, int]) -> Iterator[Array]:
    image = pillow("DataMap.with_columns: pictures of more than 96 pixels a side")
    for picture in block:
        yield np.asarray(image.fromarray(picture).resize(size[::-1]))


def pillow(what: str) -> Any:
    """The module ``PIL.Image``; an ImportError says what needs it."""
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(
            f"{what} need pillow. Install it with the extra explore: "
            f'pip install "sklearn-datamaps[explore]"'
        ) from error
    return Image
