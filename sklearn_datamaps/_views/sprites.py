"""Pictures of the rows, many in one: sheets that the page cuts them out of."""

import io
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.messages import quoted
from sklearn_datamaps._core.pictures import LONGEST, pictures_of, pillow

SIDE = 8 * LONGEST  # pixels of a sheet: 2.4 MB where a browser has it decoded
EXACT = 32  # a picture of up to as many pixels a side is kept bit by bit
QUALITY = 75
# What Pillow may take a file for: some of its other readers run programs.
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")


def per_sheet(images: Array) -> int:
    """How many pictures a sheet has."""
    if images.ndim == 1:
        return (SIDE // LONGEST) ** 2
    height, width = images.shape[1:3]
    return (SIDE // int(height)) * (SIDE // int(width))


def sheets(images: Array, rows: Array) -> Iterator[tuple[bytes, int, int, int]]:
    """Make the sheets of some rows, one at a time.

    Parameters
    ----------
    images : ndarray
        The column ``image`` of a map.
    rows : ndarray of int
        Rows with a picture, in the order of their places.

    Yields
    ------
    sheet : bytes
        WebP.
    width, height : int
        Of each of its pictures, in pixels. Smaller ones stand in the middle.
    across : int
        Pictures in a line.

    Raises
    ------
    FileNotFoundError
        If a path is not one of a file.
    ValueError
        If a file holds no picture that can be read, or a far too large one.
    """
    image = pillow("Pictures in the page")
    if images.ndim == 1:
        _check_files(images, rows)
    n = per_sheet(images)
    for first in range(0, len(rows), n):
        yield _sheet(
            image, [_picture(image, images, row) for row in rows[first : first + n]]
        )


def _check_files(paths: Array, rows: Array) -> None:
    lost = [row for row in np.sort(rows) if not Path(paths[row]).is_file()]
    if lost:
        raise FileNotFoundError(
            f"image names {len(lost):,} files that are not there: "
            f"{quoted([paths[row] for row in lost])}. Paths are looked up from the "
            f"folder that Python runs in; give whole ones, or None for a row without "
            f"a picture."
        )


def _picture(image: Any, images: Array, row: int) -> Any:
    if images.ndim > 1:
        return image.fromarray(images[row])
    from PIL import ImageOps

    path = images[row]
    try:
        with warnings.catch_warnings():
            # Of so many pixels that they would fill the memory.
            warnings.simplefilter("error", image.DecompressionBombWarning)
            with image.open(path, formats=FORMATS) as opened:
                if opened.mode.startswith(("I", "F")):  # more than a byte a pixel
                    return image.fromarray(pictures_of(np.asarray(opened)[None])[0])
                opened.thumbnail((LONGEST, LONGEST))
                turned = ImageOps.exif_transpose(opened)
                has_holes = turned.has_transparency_data
                return turned.convert("RGBA" if has_holes else "RGB")
    # Whatever a reader of Pillow comes upon in a file that is damaged or made to harm.
    except Exception as error:
        raise ValueError(
            f"The picture {path!r} of row {row} cannot be read "
            f"({type(error).__name__}: {error}). Formats are {', '.join(FORMATS)}; "
            f"mend or replace the file, or give None for a row without a picture."
        ) from error


def _sheet(image: Any, pictures: list[Any]) -> tuple[bytes, int, int, int]:
    width, height = (max(p.size[axis] for p in pictures) for axis in (0, 1))
    across = min(len(pictures), SIDE // width)
    down = -(-len(pictures) // across)
    is_whole = all(
        p.size == (width, height) and p.mode in ("L", "RGB") for p in pictures
    )
    whole = image.new("RGB" if is_whole else "RGBA", (across * width, down * height))
    for at, picture in enumerate(pictures):
        x = at % across * width + (width - picture.width) // 2
        y = at // across * height + (height - picture.height) // 2
        whole.paste(picture, (x, y))
    sink = io.BytesIO()
    is_small = max(width, height) <= EXACT
    whole.save(sink, "WEBP", lossless=is_small, quality=QUALITY, exact=is_small)
    return sink.getvalue(), width, height, across
