"""Pictures in the explorer: in queue and row, under the mouse, in a grid."""

import numpy as np
import pytest

pytest.importorskip("selenium", reason="needs selenium: pip install selenium")

from selenium.webdriver.common.keys import Keys

from sklearn_datamaps import DataMap
from tests.browser.explorer_page import HEIGHT, WIDTH
from tests.browser.test_explorer_layout import CUT, FAULTS, SIZES

N = 300
# Red of the middle of a canvas, once it is drawn.
RED = """
    const canvas = document.querySelector(arguments[0]);
    if (!canvas) return null;
    const at = [canvas.width >> 1, canvas.height >> 1];
    // The browser warns of a canvas that is read twice.
    const copy = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true});
    copy.drawImage(canvas, ...at, 1, 1, 0, 0, 1, 1);
    const [red, , , opaque] = copy.getImageData(0, 0, 1, 1).data;
    return opaque ? {red} : null;"""


def pictured(image, *, n=N, n_classes=3, text=False):
    rng = np.random.default_rng(0)
    proba = rng.dirichlet(np.ones(n_classes), size=(4, n))
    y = rng.integers(n_classes, size=n)
    data_map = DataMap.from_probabilities(
        proba, y, classes=range(n_classes), store_trajectories=True
    )
    columns = {"text": [f"text no. {i}" for i in range(n)]} if text else {}
    return data_map.with_columns(image=image, **columns)


@pytest.fixture(scope="module")
def levels():
    """Pictures as grey as their row says, in several sheets."""
    level = (np.arange(N) * 255 // (N - 1)).astype(np.uint8)
    return pictured(np.repeat(level[:, None, None], 90, axis=1).repeat(90, axis=2))


def level_of(row):
    return row * 255 // (N - 1)


def test_picture_of_the_row_is_in_queue_row_and_tooltip(opened, levels):
    page = opened(levels)
    top = page.points()[0]
    assert top == levels.rank("confidence")[0]
    for where in ("#row-picture canvas", f".item[data-point='{top}'] canvas"):
        assert abs(page.wait(RED, where)["red"] - level_of(top)) <= 3
    box = "return document.querySelector('#row-picture canvas').clientHeight"
    assert page.run(box) == 256
    label = "return document.querySelector('#row-picture canvas').ariaLabel"
    assert page.run(label) == f"Picture of row {top}"
    page.hover(levels.variability[7], levels.confidence[7])
    shown = page.run("return Number(document.getElementById('tooltip').dataset.point)")
    assert abs(page.wait(RED, "#tooltip canvas")["red"] - level_of(shown)) <= 3


def test_every_picture_is_of_its_row_however_many_sheets_there_are(opened, levels):
    page = opened(levels)
    page.choose("show", "all rows")
    page.choose("sort", "row")
    page.run("document.getElementById('queue').focus()")
    for row in (0, 120, 240, 299):
        page.keys(Keys.HOME, *[Keys.PAGE_DOWN] * (row // 10), *"n" * (row % 10))
        where = f"#row[data-point='{row}'] #row-picture canvas"
        assert abs(page.wait(RED, where)["red"] - level_of(row)) <= 3


def test_sheets_are_decoded_when_needed_and_few_are_held(opened):
    page = opened(pictured(np.broadcast_to(np.uint8(9), (2600, 96, 96)), n=2600))
    page.run("""
        window.made = 0; window.shut = 0;
        const make = window.createImageBitmap;
        window.createImageBitmap = (...all) => { window.made++; return make(...all); };
        const close = ImageBitmap.prototype.close;
        ImageBitmap.prototype.close = function () {
            window.shut++; return close.call(this); };""")
    page.keys("n", "n")
    assert page.run("return window.made") == 0
    page.choose("show", "all rows")
    page.choose("sort", "row")
    page.run("document.getElementById('queue').focus()")
    for _ in range(6):
        page.keys(Keys.PAGE_DOWN)
    page.wait("return window.shut > 0")
    page.wait("return window.made - window.shut <= 32")


def test_a_row_without_a_picture_has_no_empty_place(opened, tmp_path):
    image = pytest.importorskip("PIL.Image", reason="needs pillow: pip install pillow")
    image.new("RGB", (4, 4), (200, 0, 0)).save(tmp_path / "a.png")
    paths = [str(tmp_path / "a.png"), None, None]
    page = opened(pictured(paths, n=3, text=True))
    for _ in range(3):
        row = page.run("return Number(document.getElementById('row').dataset.point)")
        has = "return !document.getElementById('row-picture').hidden"
        assert page.run(has) == (row == 0)
        page.keys("n")
    assert len(page.driver.find_elements("css selector", ".item canvas")) == 1


def test_small_pictures_show_their_squares(opened):
    page = opened(pictured(np.zeros((5, 8, 8)), n=5))
    style = "return getComputedStyle(document.querySelector('canvas')).imageRendering"
    assert page.run(style) == "pixelated"
    page = opened(pictured(np.zeros((5, 60, 60)), n=5))
    assert page.run(style) == "auto"


def test_pictures_in_a_grid_are_walked_and_decided_by_keys(opened, levels):
    page = opened(levels)
    page.click("gallery")
    page.run("document.getElementById('queue').focus()")
    tops = """
        return [...document.querySelectorAll('.tile')].map((tile) => tile.style.top)"""
    across = page.run(tops).count("0px")
    assert across >= 3
    order = levels.rank("confidence")
    shown = "return Number(document.getElementById('row').dataset.point)"
    page.keys(Keys.ARROW_RIGHT, Keys.ARROW_DOWN)
    assert page.run(shown) == order[across + 1]
    page.keys(Keys.ARROW_LEFT)
    assert page.run(shown) == order[across]
    page.keys("k", "k")
    assert page.text("progress").startswith("2 of 100 read")
    page.load()
    assert page.attribute("gallery", "aria-pressed") == "true"
    assert page.run("return document.querySelectorAll('#items > *').length") < 120


def test_without_pictures_there_is_no_grid(opened):
    page = opened(DataMap.from_probabilities([[[0.9, 0.1], [0.3, 0.7]]], [0, 1]))
    assert not page.driver.find_element("id", "gallery").is_displayed()
    assert not page.driver.find_elements("css selector", "canvas.picture")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("n_classes", "text"), [(10, False), (28, True)])
def test_pictures_neither_overflow_nor_cover_anything(opened, scheme, n_classes, text):
    image = np.zeros((150, 96, 40))
    page = opened(pictured(image, n=150, n_classes=n_classes, text=text), scheme=scheme)
    faults = FAULTS.replace('"button, input', '"#row-picture, .picture, button, input')
    try:
        for width, height in SIZES.items():
            page.resize(width, height)
            for tab in ("row", "list"):
                page.run(
                    "document.querySelector(`[data-tab=${arguments[0]}]`).click()", tab
                )
                for _ in range(2):
                    assert page.run(faults, CUT) == [], (width, tab)
                    page.run("document.getElementById('gallery').click()")
    finally:
        page.resize(WIDTH, HEIGHT)
