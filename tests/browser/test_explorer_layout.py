"""The explorer at the widths of a desk, a tablet and phones: nothing cut or covered."""

from pathlib import Path

import numpy as np
import pytest

from sklearn_datamaps import DataMap
from tests.browser.explorer_page import HEIGHT, PAINTED, WIDTH
from tests.browser.test_explorer_agree import drop, reviewed_by

SIZES = {1440: 900, 900: 900, 390: 844, 320: 640}
LONG = "a comment that goes on and on, as they do, until nobody reads it any more; "
# What may cut its text, since the row has it in full.
CUT = ".words, .words *, .pair, .badge, #map-row"
FAULTS, CONTRASTS = (
    Path(__file__).with_name(name).read_text(encoding="utf-8")
    for name in ("layout_faults.js", "low_contrasts.js")
)


def map_of(n_classes):
    rng = np.random.default_rng(0)
    proba = rng.dirichlet(np.ones(n_classes), size=(5, 150))
    classes = [f"a rather long label no. {i}" for i in range(n_classes)]
    y = [classes[i] for i in rng.integers(n_classes, size=150)]
    data_map = DataMap.from_probabilities(
        proba, y, classes=classes, measures=["mean_proba"], store_trajectories=True
    )
    return data_map.with_columns(
        text=[LONG * (i % 9) + str(i) for i in range(150)],
        author=["one-word-that-is-much-longer-than-any-column-of-the-page"] * 150,
        place=["שלום עולם"] * 150,
    )


@pytest.fixture(scope="module", params=[2, 9, 28])
def labelled(request):
    return map_of(request.param)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_overflows_overlaps_or_is_cut(opened, labelled, scheme):
    page = opened(labelled, scheme=scheme, title="A title that is a little long, too")
    try:
        for width, height in SIZES.items():
            page.resize(width, height)
            for tab in ("row", "list", "map"):
                page.run(
                    "document.querySelector(`[data-tab=${arguments[0]}]`).click()", tab
                )
                page.run(PAINTED)
                assert page.run(FAULTS, CUT) == [], (width, tab)
            page.run("document.querySelector('[data-tab=row]').click()")
            page.keys("r" if len(labelled.classes) > 2 else "k")
            assert page.run(FAULTS, CUT) == [], (width, "deciding")
            page.keys("\ue00c")
            page.click("help-open")
            assert page.run(FAULTS.replace('"body *"', '"#help *"'), CUT) == []
            page.click("help-close")
            if width < 700:
                page.run("document.querySelector('[data-tab=list]').click()")
            page.click("filter-open")
            assert page.run(FAULTS, CUT) == [], (width, "filtering")
            page.click("filter-open")
    finally:
        page.resize(WIDTH, HEIGHT)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_decisions_of_others_fit_and_can_be_read(opened, tmp_path, scheme):
    data_map = map_of(9)
    name = "somebody-with-a-name-longer-than-any-line-of-a-phone-has-room-for"
    keys = [*"dk1dk"]
    page, saved, _ = reviewed_by(opened, data_map, name, keys, tmp_path, scheme=scheme)
    page.keys(*"kkddd", "p")
    drop(page, saved, page.path)
    page.wait_text("others", "5 rows both decided")
    try:
        for width, height in SIZES.items():
            page.resize(width, height)
            assert page.run(FAULTS, CUT) == [], width
            assert page.run(CONTRASTS) == [], width
            page.driver.find_element("css selector", "#save-more summary").click()
            menu = FAULTS.replace('"body *"', '"#save-more *"')
            assert page.run(menu, CUT) == [], width
            assert page.run(CONTRASTS) == [], width
            page.driver.find_element("css selector", "#save-more summary").click()
    finally:
        page.resize(WIDTH, HEIGHT)


def test_a_layout_that_is_broken_is_found(opened):
    page = opened(map_of(2))
    assert page.run(FAULTS, CUT) == []
    for rule, fault in {
        "#keep { margin-right: -60px; }": "overlap",
        "#unsure { width: 20px; flex: none !important; }": "cut",
        "main { min-width: 2000px; }": "the page is",
    }.items():
        page.run(
            "const s = document.createElement('style'); s.id = 'broken';"
            "s.textContent = arguments[0]; document.head.append(s)",
            rule,
        )
        assert any(fault in found for found in page.run(FAULTS, CUT)), rule
        page.run("document.getElementById('broken').remove()")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_and_edges_have_the_contrast_of_wcag(opened, scheme):
    page = opened(map_of(9), scheme=scheme)
    page.keys("k", "d")
    for colour in ("correctness", "label"):
        page.choose("colour", colour)
        assert page.run(CONTRASTS) == []
