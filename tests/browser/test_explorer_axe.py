"""The explorer under axe-core: no violation in eight states, light and dark."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("selenium", reason="needs selenium: pip install selenium")

from selenium.webdriver.common.keys import Keys

from sklearn_datamaps import DataMap
from tests.browser.explorer_page import HEIGHT, WIDTH

PACKAGE = "axe_playwright_python"  # which has the script; nothing of it is imported
RUN = """
    const done = arguments[arguments.length - 1];
    axe.run(document, {resultTypes: ["violations"], preload: false}).then(
        ({violations}) => done(violations.map(({id, nodes}) =>
            [id, nodes.map(({html, failureSummary}) => [html.slice(0, 200),
                failureSummary])])),
        (error) => done([["error", String(error)]]));"""
STATES = {
    "start": lambda page: None,
    "decided": lambda page: page.keys("k", "d"),
    "help": lambda page: page.click("help-open"),
    "type-ahead": lambda page: page.keys("r", "a"),
    "filter": lambda page: page.click("filter-open"),
    "matrix": lambda page: page.click("show-matrix"),
    "grid": lambda page: page.click("gallery"),
    "nothing found": lambda page: page.keys("/", "no such text", Keys.ENTER),
}
EVERY_RUN = {("type-ahead", "light"), ("grid", "dark")}


def axe():
    spec = find_spec(PACKAGE)
    if spec is None:
        pytest.skip("needs axe-core: pip install axe-playwright-python")
    path = Path(spec.origin).with_name("axe.min.js")
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def pictured():
    rng = np.random.default_rng(0)
    proba = rng.dirichlet(np.ones(12), size=(4, 60))
    classes = [f"a label {i}" for i in range(12)]
    data_map = DataMap.from_probabilities(
        proba,
        rng.choice(classes, 60),
        classes=classes,
        measures=["mean_proba"],
        store_trajectories=True,
    )
    image = rng.integers(256, size=(60, 8, 8), dtype=np.uint8)
    return data_map.with_columns(
        image=image, text=[f"comment no. {i % 40}" for i in range(60)]
    )


@pytest.mark.parametrize(
    ("state", "scheme"),
    [
        pytest.param(
            *(state, scheme),
            # Nightly: a minute in all, and the layout and contrast tests run always.
            marks=[] if (state, scheme) in EVERY_RUN else pytest.mark.nightly,
        )
        for state in STATES
        for scheme in ("light", "dark")
    ],
)
def test_axe_finds_nothing(opened, pictured, state, scheme):
    script = axe()
    page = opened(pictured, scheme=scheme)
    STATES[state](page)
    page.run(script)
    assert page.driver.execute_async_script(RUN) == []


def test_axe_finds_what_is_wrong(opened, pictured):
    script = axe()
    page = opened(pictured)
    page.run(
        "document.getElementById('search').removeAttribute('aria-label');"
        "document.getElementById('search').removeAttribute('placeholder')"
    )
    page.run(script)
    assert "label" in [found[0] for found in page.driver.execute_async_script(RUN)]


@pytest.mark.nightly  # as above
@pytest.mark.parametrize("tab", ["row", "list", "map"])
def test_axe_finds_nothing_on_a_phone(opened, pictured, tab):
    script = axe()
    page = opened(pictured)
    try:
        page.resize(390, 844)
        page.run("document.querySelector(`[data-tab=${arguments[0]}]`).click()", tab)
        page.run(script)
        assert page.driver.execute_async_script(RUN) == []
    finally:
        page.resize(WIDTH, HEIGHT)
