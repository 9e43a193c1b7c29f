"""Playing the training in the explorer: slider, Space, trail, and without any."""

import numpy as np
import pytest

pytest.importorskip("selenium", reason="needs selenium: pip install selenium")

from selenium.webdriver.common.keys import Keys

from sklearn_datamaps import DataMap
from tests.browser.explorer_page import HEIGHT, PAINTED, WIDTH

N_EPOCHS, N_SAMPLES = 6, 40
EPOCH_TIME = 600  # milliseconds, of few epochs
RING = """
    const {left, top} = document.getElementById("ring").style;
    const box = document.getElementById("plot").getBoundingClientRect();
    return [box.left + parseFloat(left), box.top + parseFloat(top)];"""
FOCUS_MAP = "document.getElementById('stage').focus()"
SEEN = "return document.getElementById(arguments[0]).checkVisibility()"
# Opacity of the picture of an earlier epoch at a place of the screen.
INK = """
    const canvas = document.getElementById("frame");
    if (getComputedStyle(canvas).visibility === "hidden") return -1;
    const box = canvas.getBoundingClientRect();
    const scale = canvas.width / box.width;  // of the picture, which is the axes
    const at = [box.left - arguments[0], box.top - arguments[1]].map((v) => v * scale);
    const copy = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true});
    copy.drawImage(canvas, ...at.map(Math.round));
    return copy.getImageData(0, 0, 1, 1).data[3];"""


def wandering_map(*, stored=True):
    """Rows that move a lot at first, and then less."""
    rng = np.random.default_rng(3)
    p = rng.uniform(0.02, 0.98, size=(N_EPOCHS, N_SAMPLES))
    p[3:] = p[2]
    y = rng.integers(2, size=N_SAMPLES)
    first = np.where(y == 0, p, 1 - p)
    data_map = DataMap.from_probabilities(
        np.stack([first, 1 - first], axis=-1), y, store_trajectories=stored
    )
    return data_map.with_columns(text=[f"comment {i}" for i in range(N_SAMPLES)])


def at_epoch(data_map, epoch):
    so_far = data_map.trajectories[:epoch].astype(np.float64)
    return so_far.std(axis=0), so_far.mean(axis=0)


def slide(page, epoch):
    page.run(
        "const slider = document.getElementById('epoch');"
        "slider.value = arguments[0]; slider.dispatchEvent(new Event('input'))",
        epoch,
    )
    page.run(PAINTED)


def shown_row(page):
    return int(page.attribute("row", "data-point"))


@pytest.fixture(scope="module")
def data_map():
    return wandering_map()


def test_slider_shows_every_point_at_its_moments_up_to_an_epoch(opened, data_map):
    page = opened(data_map)
    assert page.text("epoch-name") == "epoch 6 of 6"
    assert page.run(INK, 0, 0) == -1
    for epoch in (1, 3, 6):
        slide(page, epoch)
        assert page.text("epoch-name") == f"epoch {epoch} of 6"
        variability, confidence = at_epoch(data_map, epoch)
        i = shown_row(page)
        expected = page.pixel(variability[i], confidence[i])
        np.testing.assert_allclose(page.run(RING), expected, atol=0.1)
        if epoch < 6:
            for place in zip(variability, confidence, strict=True):
                assert page.run(INK, *page.pixel(*place)) > 0
        trail = page.run("return document.querySelectorAll('#trail circle').length")
        assert trail == epoch - 1
    np.testing.assert_allclose(variability, data_map.variability, atol=1e-6)
    assert page.run(INK, 0, 0) == -1  # the last epoch is the map itself


def test_deviations_that_were_larger_on_the_way_have_room(opened, data_map):
    page = opened(data_map)
    largest = max(at_epoch(data_map, epoch)[0].max() for epoch in range(1, 7))
    assert largest > 1.1 * data_map.variability.max()
    right_end = "return document.getElementById('plot').layout.xaxis.range[1]"
    assert page.run(right_end) < largest
    slide(page, 3)
    page.wait(f"{right_end} > arguments[0]", float(largest))
    page.choose("label", "1")  # drawn anew
    page.choose("label", "any")
    page.click("reset")
    page.run(PAINTED)
    assert page.run(right_end) > largest


def test_a_click_finds_what_was_there_at_that_epoch(opened, data_map):
    page = opened(data_map)
    slide(page, 2)
    variability, confidence = at_epoch(data_map, 2)
    for i in np.argsort(-variability)[:3].tolist():
        page.mouse([(variability[i], confidence[i])], press=True)
        page.wait(f"return document.getElementById('row').dataset.point === '{i}'")


def test_space_on_the_map_plays_to_the_end_and_stops_on_the_way(opened, data_map):
    page = opened(data_map)
    playing = "return document.getElementById('play').dataset.state === 'pause'"
    page.stop_clock()
    page.run(FOCUS_MAP)
    page.keys(Keys.SPACE)
    assert page.run(playing)
    page.pass_time(1.3 * EPOCH_TIME)
    page.wait_text("epoch-name", "epoch 2 of 6")
    page.keys(Keys.SPACE)
    assert not page.run(playing)
    i = shown_row(page)
    variability, confidence = at_epoch(data_map, 2)
    expected = page.pixel(variability[i], confidence[i])
    np.testing.assert_allclose(page.run(RING), expected, atol=0.1)
    page.keys(Keys.SPACE)
    page.pass_time(3.9 * EPOCH_TIME)
    page.wait_text("epoch-name", "epoch 6 of 6")
    assert page.run(playing)  # the last one is not quite reached
    page.pass_time(0.2 * EPOCH_TIME)
    page.wait(playing.replace("===", "!=="))
    assert page.run(INK, 0, 0) == -1
    page.click("play")
    page.pass_time(EPOCH_TIME)
    page.wait_text("epoch-name", "epoch 2 of 6")
    page.keys("n")  # keys of the row work while it plays
    assert shown_row(page) != i


def test_decisions_and_filters_go_on_at_an_earlier_epoch(opened, data_map):
    page = opened(data_map)
    slide(page, 2)
    variability, confidence = at_epoch(data_map, 2)
    page.choose("label", "1")
    page.run(PAINTED)
    alone = [
        i
        for i in np.flatnonzero(data_map.label == 0)
        if np.hypot(variability - variability[i], confidence - confidence[i])[
            data_map.label == 1
        ].min()
        > 0.1
    ]
    for i in alone:
        page.wait(
            # The rest is faint, as in the final map.
            INK.replace("return copy", "return 40 > copy"),
            *page.pixel(variability[i], confidence[i]),
        )
    assert alone
    page.keys("k")
    assert "1 of 40 read" in page.text("progress")


def test_reduced_motion_goes_one_epoch_at_a_press(opened, data_map):
    page = opened(data_map)
    still = [{"name": "prefers-reduced-motion", "value": "reduce"}]
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": still})
    try:
        page.wait("return document.getElementById('play').dataset.state === 'step'")
        page.run(FOCUS_MAP)
        for epoch in (1, 2):
            page.keys(Keys.SPACE)
            page.run(PAINTED)
            assert page.text("epoch-name") == f"epoch {epoch} of 6"
    finally:
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_phone_has_no_slider(opened, data_map):
    page = opened(data_map)
    assert page.run(SEEN, "play-area")
    slide(page, 2)
    try:
        page.resize(390, 844)
        page.run("document.querySelector('[data-tab=map]').click()")
        page.wait_text("epoch-name", "epoch 6 of 6")  # the whole map again
        assert not page.run(SEEN, "play-area")
        page.run(FOCUS_MAP)
        page.keys(Keys.SPACE)
        page.run(PAINTED)
        assert page.text("epoch-name") == "epoch 6 of 6"
    finally:
        page.resize(WIDTH, HEIGHT)


def test_without_trajectories_a_python_line_says_how_to_have_them(opened):
    page = opened(wandering_map(stored=False))
    assert not page.run(SEEN, "play-box")
    assert page.run(SEEN, "no-play")
    assert "DataMapClassifier(store_trajectories=True)" in page.text("no-play")
    page.run(FOCUS_MAP)
    page.keys(Keys.SPACE)
