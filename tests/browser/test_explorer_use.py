"""The explorer in use: finding, deciding, coming back, and what can go wrong."""

import numpy as np
import pytest

pytest.importorskip("selenium", reason="needs selenium: pip install selenium")

from selenium.webdriver.common.keys import Keys

from sklearn_datamaps import DataMap
from sklearn_datamaps._curation.apply_review import apply_review
from sklearn_datamaps._views.page_content import map_hash
from tests.browser.test_explorer_page import (
    SHOW_POINT,
    binary_map,
    classes_map,
    read_csv,
)


@pytest.fixture(scope="module")
def small():
    return binary_map()


def test_escape_empties_the_search_and_its_filter(opened, small):
    page = opened(small)
    page.keys("/", "of the")
    page.wait_text("count", "match")
    assert {hit.lower() for hit in page.texts(".item mark")} == {"of the"}
    page.keys(Keys.ESCAPE)
    page.wait_text("count", "60 rows")
    assert page.run("return document.getElementById('search').value") == ""
    page.keys("k")
    assert page.text("progress").startswith("1 of 60")


@pytest.mark.parametrize("key", [Keys.ENTER, Keys.ARROW_DOWN])
def test_search_hands_on_to_the_queue(opened, small, key):
    page = opened(small)
    page.keys("/", "of the", key)
    assert page.run("return document.activeElement.id") == "queue"
    assert page.text("count").endswith("match")
    assert page.run(SHOW_POINT) == page.points()[0]


def test_row_that_is_not_listed_can_be_decided(opened, small):
    page = opened(small)
    top = page.run(SHOW_POINT)
    other = next(label for label in ("ham", "spam") if label != small.label[top])
    page.choose("label", other)
    first = page.run(SHOW_POINT)
    assert small.label[first] == other
    page.keys("n", "k")
    page.choose("label", "any")
    page.add_filter("id", "is exactly", int(small.rank("confidence")[-1]))
    page.click("undo")
    assert page.text("row-place") == "not in the list"
    page.keys("d")
    assert page.text("progress") == "1 of 60 read, 1 wrong"


def test_a_select_that_was_used_leaves_the_keys_to_the_review(opened, small):
    page = opened(small)
    page.driver.find_element("id", "colour").click()
    page.keys(Keys.ARROW_DOWN, Keys.ENTER)
    page.run("document.dispatchEvent(new PointerEvent('pointerdown'))")
    page.choose("colour", "label")
    page.keys("k")
    assert page.text("progress").startswith("1 of 60")
    chosen = "return document.getElementById('colour').value"
    assert page.run(chosen) == "label"


def test_letters_can_be_switched_off_for_good(opened, small):
    page = opened(small)
    for _ in range(2):
        page.click("help-open")
        page.click("letters")
        page.click("help-close")
        page.keys("k")
        page.load()
    assert page.text("progress") == "1 of 60 read, 0 wrong"


def test_what_a_key_did_is_said(opened, small):
    page = opened(small)
    page.keys("d")
    i = page.run(SHOW_POINT)
    assert page.text("said").startswith(f"drop. Row {i}, 2 of 60: comment {i}")


def test_map_is_walked_by_arrow_keys(opened, small):
    page = opened(small)
    page.run("document.getElementById('stage').focus()")
    before = page.run(SHOW_POINT)
    page.keys(Keys.ARROW_UP)
    after = page.run(SHOW_POINT)
    assert small.confidence[after] > small.confidence[before]
    page.keys("+", "+")
    axis = "return document.getElementById('plot').layout.yaxis.range"
    page.wait(f"const [low, high] = {axis[7:]}; return high - low < 0.6")
    page.keys("0")
    page.wait(f"const [low, high] = {axis[7:]}; return high - low > 1")


def test_a_click_reaches_every_point_at_a_place(opened):
    p = np.array([0.2, 0.7, 0.7, 0.7])
    proba = [np.stack([1 - p, p], axis=-1)] * 2
    data_map = DataMap.from_probabilities(proba, [1, 1, 1, 1], classes=[0, 1])
    page = opened(data_map)
    assert "2 more at this place" in page.hover(0, 0.7)
    reached = set()
    for _ in range(3):
        page.mouse([(0, 0.7)], press=True)
        reached.add(page.run(SHOW_POINT))
    assert reached == {1, 2, 3}


def test_values_from_right_to_left_stand_by_their_terms(opened, small):
    page = opened(small.with_columns(author=["שלום עולם"] * 60, place=["here"] * 60))
    script = """
        return [...document.querySelectorAll("#row-values div")].map((pair) =>
            [...pair.children].map((part) => part.getBoundingClientRect().top));"""
    assert all(abs(term - value) < 4 for term, value in page.run(script))
    script = """
        return [...document.querySelectorAll("#row-values dd bdi")].map((value) => {
            const [box, own] = [value, value.closest("div")]
                .map((part) => part.getBoundingClientRect());
            return own.right - box.right;
        });"""
    assert max(page.run(script)) < 2


def test_legend_shows_one_group_alone_and_leaves_the_map_in_place(opened, small):
    page = opened(small)
    page.choose("colour", "label")
    where = """
        const box = document.getElementById("stage").getBoundingClientRect();
        return [box.x, box.y, box.width, box.height];"""
    before = page.run(where)
    entry = page.driver.find_element("css selector", "#legend button")
    name = entry.find_element("css selector", "bdi").text
    entry.click()
    assert page.text("count") == f"{(small.label == name).sum()} match"
    page.choose("colour", "length")
    assert page.text("count") == "60 rows"
    assert page.run(where) == before


def test_filters_and_place_survive_a_reload(opened, small):
    page = opened(small)
    page.add_filter("length", "from … to", 2, 5)
    length = small.columns["length"]
    n_found = int(((length >= 2) & (length <= 5)).sum())
    assert page.text("count") == f"{n_found} match"
    page.choose("sort", "variability")
    page.choose("colour", "region")
    page.keys("n", "n")
    shown = page.run(SHOW_POINT)
    page.load()
    assert page.text("count") == f"{n_found} match"
    assert page.text("chips").startswith("2 ≤ length ≤ 5")
    assert page.run(SHOW_POINT) == shown
    assert page.run("return document.getElementById('colour').value") == "region"
    page.click("clear")
    assert page.text("count") == "60 rows"


def test_copies_are_decided_at_once_and_undone_at_once(opened, small):
    texts = small.columns["text"].copy()
    first, *others = small.rank("confidence")[[0, 10, 20, 30]]
    texts[others] = [f" {texts[first].upper()}"] * 3
    page = opened(small.with_columns(text=texts))
    page.keys("c", "r")
    right = small.label.copy()
    right[first] = "ham" if small.label[first] == "spam" else "spam"
    right[others] = right[first]
    path = page.download("save", "review.csv")
    corrected, _ = apply_review(small.label, path, X=texts)
    assert corrected.tolist() == right.tolist()
    assert len(read_csv(path)) == 4
    page.keys("u")
    assert page.text("progress") == "0 of 60 read"


def test_a_note_is_kept_and_a_row_cleared(opened, small):
    page = opened(small)
    page.keys("m", "look again", Keys.ENTER, Keys.ESCAPE)
    page.keys("s")
    frame = read_csv(page.download("save", "review.csv"))
    assert frame["note"].tolist() == ["look again"]
    assert frame["decision"].tolist() == ["unsure"]
    page.keys("p", "x")
    assert page.text("progress") == "0 of 60 read"
    page.keys("u")
    assert page.text("progress") == "1 of 60 read, 0 wrong"


def test_next_undecided_passes_over_what_is_decided(opened, small):
    page = opened(small)
    order = small.rank("confidence")
    page.keys("k", "k", "k", Keys.HOME)
    assert page.run(SHOW_POINT) == order[0]
    page.keys("N")  # as typed: with Shift
    assert page.run(SHOW_POINT) == order[3]


def test_range_and_lasso_are_decided_as_one(opened, small):
    page = opened(small)
    order = small.rank("confidence")
    page.press("#item-3", key=Keys.SHIFT)
    page.wait_text("count", "4 selected")
    page.keys("d")
    assert page.text("progress") == "4 of 60 read, 4 wrong"
    _, kept = apply_review(
        small.label,
        page.download("save", "review.csv"),
        X=small.columns["text"],
    )
    assert sorted(np.flatnonzero(~kept)) == sorted(order[:4])
    page.keys("u")
    assert page.text("progress") == "0 of 60 read"


def test_matrix_lists_the_rows_of_a_pair(opened, small):
    page = opened(small)
    page.click("show-matrix")
    pairs = page.driver.find_elements("css selector", "#matrix-cells button")
    wrong = (small.label != small.predicted) & (small.label == "ham")
    cell = next(p for p in pairs if p.get_attribute("aria-label").startswith("ham"))
    assert int(cell.text) == wrong.sum()
    cell.click()
    assert page.text("count") == f"{wrong.sum()} match"


def test_earlier_review_comes_back_by_hash(opened, small, tmp_path):
    page = opened(small)
    page.keys("k", "r", "d", "s")
    order = small.rank("confidence")
    path = page.download("save", "review.csv").rename(tmp_path / "first.csv")
    texts = small.columns["text"]
    y, kept = apply_review(small.label, path, X=texts)
    spam = np.where(y == "spam", 0.6, 0.4)[kept]
    proba = [np.stack([1 - spam, spam], axis=-1)] * 3
    again = DataMap.from_probabilities(proba, y[kept]).with_columns(text=texts[kept])
    page = opened(again, review=path)
    assert page.text("loaded").startswith("3 earlier decisions are in.")
    frame = read_csv(page.download("save", "review.csv"))
    found = dict(zip(frame["text"], frame["decision"], strict=True))
    assert found == {
        texts[order[0]]: "keep",
        texts[order[1]]: "keep",
        texts[order[3]]: "unsure",
    }
    page = opened(small)
    page.run("localStorage.clear()")
    page.load()
    page.driver.find_element("id", "file").send_keys(str(path))
    page.wait_text("loaded", "decisions loaded from first.csv")
    assert page.text("progress").endswith(", 2 wrong")


def test_file_that_is_no_review_is_refused(opened, small, tmp_path):
    page = opened(small)
    path = tmp_path / "other.csv"
    path.write_text("<b>a</b>,b\n1,2\n")
    page.driver.find_element("id", "file").send_keys(str(path))
    page.wait_text("loaded", "other.csv is no review of this page")
    assert page.text("progress") == "0 of 60 read"


@pytest.mark.parametrize("kept", ["5", "{}", "[null]", "[[null]]", "{"])
def test_damaged_storage_is_said_and_left_out(opened, small, kept):
    page = opened(small)
    overwrite = (
        "for (const k of Object.keys(localStorage)) localStorage[k] = arguments[0]"
    )
    page.run(overwrite, kept)
    page.run(
        "localStorage['sklearn-datamaps:decisions:' + arguments[1]] = arguments[0]",
        kept,
        map_hash(small),
    )
    page.load()
    assert "damaged" in page.text("bar")
    copy = f"sklearn-datamaps:decisions:{map_hash(small)}:damaged"
    assert copy in page.text("bar")
    page.keys("k")
    assert page.text("progress").startswith("1 of 60")
    page.load()
    assert page.text("progress").startswith("1 of 60")
    assert page.run("return localStorage[arguments[0]]", copy) == kept
    # Another damage has a copy of its own, the same one has none.
    for again, name in ((kept, copy), (f"{kept}?", f"{copy}:2")):
        page.run("localStorage[arguments[0]] = arguments[1]", copy[:-8], again)
        page.load()
        assert f"named {name}. " in page.text("bar")
        assert page.run("return localStorage[arguments[0]]", copy) == kept


def test_damaged_storage_without_room_for_a_copy_stays_as_it_is(opened, small):
    page = opened(small)
    name = f"sklearn-datamaps:decisions:{map_hash(small)}"
    page.run("localStorage[arguments[0]] = '[[1]]'", name)
    script = page.driver.execute_cdp_cmd(
        "Page.addScriptToEvaluateOnNewDocument",
        {"source": "Storage.prototype.setItem = () => { throw new Error(); };"},
    )
    try:
        page.load()
        assert "nothing new is kept" in page.text("bar")
        page.keys("k")
        assert page.text("progress").startswith("1 of 60")
        assert page.run("return localStorage[arguments[0]]", name) == "[[1]]"
        assert len(read_csv(page.download("save", "review.csv"))) == 1
    finally:
        page.driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)


def test_a_label_that_was_typed_is_applied(opened):
    proba = np.random.default_rng(0).dirichlet(np.ones(3), size=(2, 9))
    three = DataMap.from_probabilities(proba, list("abcabcabc"))
    page = opened(three, new_labels=True)
    page.keys("r", "other", Keys.ENTER)
    saved = page.download("save", "review.csv")
    with pytest.raises(ValueError, match=r"\['other'\] are not among.*new_labels=True"):
        apply_review(three.label, saved)
    corrected, _ = apply_review(three.label, saved, new_labels=True)
    row = three.rank("confidence")[0]
    assert corrected[row] == "other"
    assert (np.delete(corrected, row) == np.delete(three.label, row)).all()


def test_full_storage_is_said_and_leaving_asks(opened, small):
    page = opened(small)
    full = 'throw new DOMException("", "QuotaExceededError")'
    page.run(f"Storage.prototype.setItem = () => {{ {full}; }}")
    leaving = """
        const event = new Event("beforeunload", {cancelable: true});
        dispatchEvent(event);
        return event.defaultPrevented;"""
    assert not page.run(leaving)
    page.keys("k")
    assert "no room" in page.text("bar")
    assert page.run(leaving)
    page.download("save", "review.csv")
    assert not page.run(leaving)


@pytest.mark.parametrize(("n_classes", "most"), [(10, 25), (28, 45)])
def test_twenty_rows_take_few_keys(opened, n_classes, most):
    data_map = classes_map(n_classes, 10 * n_classes, ["mean_proba"])
    page = opened(data_map)
    suggested = page.driver.find_elements("css selector", "[data-suggested=true]")
    assert len(suggested) == 1
    pressed = 0
    while not page.text("progress").startswith("20 of"):
        key = page.run(
            "return document.querySelector('#labels [data-suggested=true]').dataset.key"
        )
        page.keys(key)
        pressed += 1
    assert pressed <= most
    assert page.text("progress") == "20 of 100 read, 20 wrong"


def test_a_label_of_too_few_rows_is_not_suggested(opened):
    y = [*["a"] * 6, *["b"] * 5, *["c"] * 4]
    proba = [np.tile([0.1, 0.3, 0.6], (15, 1))] * 2
    data_map = DataMap.from_probabilities(proba, y, measures=["mean_proba"])
    page = opened(data_map)
    assert data_map.label[page.run(SHOW_POINT)] == "a"
    assert page.text("row-given") == "given a \u203a suggested b (30 %)"
    marked = page.driver.find_element("css selector", "[data-suggested=true]")
    assert marked.get_attribute("data-code") == "1"
