"""Pictures in the page: what its sheets hold, and files that are no pictures."""

import base64
import io
import re
import struct
import warnings
import zlib

import numpy as np
import pytest

from sklearn_datamaps import DataMap
from tests.views.test_explorer import Page, random_map

Image = pytest.importorskip("PIL.Image", reason="needs pillow: pip install pillow")
pytest.importorskip("plotly", reason="needs plotly: pip install plotly")


@pytest.fixture
def write(tmp_path):
    def write_page(data_map, **arguments):
        return Page(data_map.explore(tmp_path / "map.html", **arguments))

    return write_page


def cut(page):
    """Cut the picture of every row out of its sheet, as the page does; RGBA."""
    pictures = page.header["pictures"]
    found = []
    for place in page.array("picture"):
        if place < 0:
            found.append(None)
            continue
        k, at = divmod(int(place), pictures["per_sheet"])
        width, height, across = pictures["sizes"][k]
        sheet = Image.open(io.BytesIO(base64.b64decode(page.blocks[f"sheet:{k}"])))
        x, y = at % across * width, at // across * height
        part = sheet.convert("RGBA").crop((x, y, x + width, y + height))
        found.append(np.asarray(part))
    return found


@pytest.mark.parametrize("channels", [(), (3,), (4,)])
def test_small_pictures_are_in_the_page_bit_by_bit(write, channels):
    rng = np.random.default_rng(0)
    image = rng.integers(256, size=(400, 30, 20, *channels), dtype=np.uint8)
    page = write(random_map(400).with_columns(image=image))
    assert len(page.header["pictures"]["sizes"]) == 1
    opaque = np.full((400, 30, 20, 1), 255, dtype=np.uint8)
    grey = image.reshape(400, 30, 20, -1)
    colours = np.repeat(grey, 3, axis=-1) if not channels else grey
    expected = np.concatenate([colours, opaque], axis=-1)[..., :4]
    np.testing.assert_array_equal(np.array(cut(page)), expected)


def test_large_pictures_are_close_and_in_several_sheets(write):
    level = np.linspace(0, 255, 200).astype(np.uint8)
    image = np.broadcast_to(level[:, None, None], (200, 96, 96))
    page = write(random_map(200).with_columns(image=image))
    assert len(page.header["pictures"]["sizes"]) == 4
    shown = np.array(cut(page))[..., 0].astype(int)
    assert np.abs(shown.mean(axis=(1, 2)) - level).max() <= 2


def test_pictures_read_first_share_a_sheet(write):
    data_map = random_map(200).with_columns(image=np.zeros((200, 96, 96)))
    page = write(data_map)
    order = data_map.rank("confidence")
    assert page.array("picture")[order].tolist() == list(range(200))


def test_a_sample_has_its_pictures_alone(write):
    image = np.arange(40, dtype=np.uint8).reshape(40, 1, 1)
    page = write(random_map().with_columns(image=image), max_points=10)
    shown = [int(picture[0, 0, 0]) for picture in cut(page)]
    assert shown == page.array("position").tolist()
    assert "10 pictures take 0.0 MB of this file." in page.header["notes"]


def test_rows_of_several_labels_have_one_picture(write):
    rng = np.random.default_rng(0)
    data_map = DataMap.from_probabilities(
        rng.uniform(size=(3, 6, 2)), rng.integers(2, size=(6, 2)), multilabel=True
    )
    image = np.arange(6, dtype=np.uint8).reshape(6, 1, 1)
    shown = cut(write(data_map.with_columns(image=image)))
    assert [int(picture[0, 0, 0]) for picture in shown] == list(range(6))


def test_files_are_read_turned_and_made_smaller(write, tmp_path):
    red = np.zeros((300, 200, 3), dtype=np.uint8)
    red[:150, :, 0] = 255
    Image.fromarray(red).save(tmp_path / "large.png")
    turned = Image.fromarray(red)
    exif = turned.getexif()
    exif[0x0112] = 3  # upside down
    turned.save(tmp_path / "turned.jpg", exif=exif)
    deep = np.full((8, 8), 2**15, dtype=np.uint16)
    deep[0] = [0, *[2**16 - 1] * 7]
    Image.fromarray(deep).save(tmp_path / "deep.png")
    clear = Image.new("RGBA", (4, 4), (9, 9, 9, 0))
    clear.save(tmp_path / "clear.png")
    names = ["large.png", "turned.jpg", "deep.png", "clear.png", None]
    paths = [None if name is None else tmp_path / name for name in names]
    page = write(random_map(5).with_columns(image=paths))
    large, upside_down, sixteen, empty, missing = cut(page)
    assert missing is None
    for picture, first in ((large, 255), (upside_down, 0)):
        assert picture.shape == (96, 64, 4)
        assert abs(int(picture[10, 32, 0]) - first) < 12
        assert abs(int(picture[-10, 32, 0]) - (255 - first)) < 12
    assert abs(int(sixteen[48, 32, 0]) - 128) < 12
    assert empty[48, 32, 3] == 0
    assert page.header["columns"][0]["name"] == "image"


def png(width, height):
    def chunk(kind, content):
        crc = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = (
        chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    )
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GIF89a",
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n",
        b"\xff\xd8\xff\xe0" + bytes(50),
        png(8, 8),
        png(10_000, 10_000),
        png(60_000, 60_000),
    ],
    ids=["empty", "cut", "svg", "eps", "jpeg", "truncated", "large", "bomb"],
)
def test_files_that_are_no_pictures_are_named_before_anything_is_written(
    write, tmp_path, content
):
    (tmp_path / "a.png").write_bytes(content)
    (tmp_path / "map.html").write_text("what was there")
    data_map = random_map(3).with_columns(image=[None, tmp_path / "a.png", None])
    message = r"picture '.*a\.png' of row 1 cannot be read \(.*mend or replace the file"
    with pytest.raises(ValueError, match=re.compile(message, re.DOTALL)):
        write(data_map)
    assert (tmp_path / "map.html").read_text() == "what was there"


def test_files_that_are_not_there_are_named(write, tmp_path):
    paths = [tmp_path / "a.png", tmp_path, "https://example.org/b.png"]
    data_map = random_map(3).with_columns(image=paths)
    with pytest.raises(FileNotFoundError, match=r"names 3 files .*a\.png'.*b\.png'"):
        write(data_map)
    assert list(tmp_path.iterdir()) == []


def test_an_image_column_of_another_kind_is_refused(write, tmp_path):
    data_map = random_map(3).with_columns(other=[1, 2, 3])
    object.__setattr__(data_map, "columns", {"image": data_map.columns["other"]})
    with pytest.raises(ValueError, match="attach anything else under another name"):
        write(data_map)


def test_large_pictures_end_in_an_error_alone(write, tmp_path):
    (tmp_path / "a.png").write_bytes(png(10_000, 10_000))
    data_map = random_map(3).with_columns(image=[tmp_path / "a.png"] * 3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(ValueError, match="DecompressionBomb"):
            write(data_map)
    assert caught == []
