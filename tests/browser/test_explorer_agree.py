"""Several people and one map: pages saved with decisions, compared, and merged."""

import json
import re

import numpy as np
import pytest

pytest.importorskip("selenium", reason="needs selenium: pip install selenium")

from selenium.webdriver.common.keys import Keys

from sklearn_datamaps import DataMap
from sklearn_datamaps._curation.apply_review import apply_review
from tests.browser.test_explorer_page import (
    HOSTILE,
    SHOW_POINT,
    binary_map,
    read_csv,
)

STATE = re.compile(r'(<script type="application/json" id="state">)([^<]*)')


@pytest.fixture(scope="module")
def small():
    return binary_map()


def name_oneself(page, name):
    page.click("help-open")
    box = page.driver.find_element("id", "annotator")
    box.clear()
    box.send_keys(name, Keys.TAB)
    page.click("help-close")


def save_page(page, name):
    page.driver.find_element("css selector", "#save-more summary").click()
    return page.download("save-page", name)


def as_somebody_else(page):
    """Forget all that the browser has kept, and come with nothing."""
    page.run("localStorage.clear()")
    page.load()


def drop(page, *paths):
    """Drop files from the desk onto the page, as the browser is told of it."""
    data = {
        "items": [],
        "files": [str(path) for path in paths],
        "dragOperationsMask": 1,
    }
    for kind in ("dragEnter", "dragOver", "drop"):
        event = {"type": kind, "x": 300, "y": 300, "data": data}
        page.driver.execute_cdp_cmd("Input.dispatchDragEvent", event)


def decided(page):
    """Decision and new label of every row that has a decision, by its text."""
    frame = read_csv(page.download("save", "review.csv"))
    pairs = zip(frame["decision"], frame["new_label"], strict=True)
    return dict(zip(frame["text"], pairs, strict=True))


def reviewed_by(opened, data_map, name, keys, folder, **arguments):
    """Page and review of somebody who presses some keys from the top suspect on."""
    page = opened(data_map, **arguments)
    as_somebody_else(page)
    name_oneself(page, name)
    page.keys(*keys)
    saved = save_page(page, f"map-decided-{name}.html").rename(folder / f"{name}.html")
    review = page.download("save", "review.csv").rename(folder / f"{name}.csv")
    as_somebody_else(page)
    return page, saved, review


def test_saved_page_opens_in_the_state_it_was_left_in(opened, small, tmp_path):
    page = opened(small)
    name_oneself(page, "Ann")
    page.add_filter("length", "from … to", 2, 9)
    page.choose("sort", "variability")
    page.keys("r", "k", "m", "why?", Keys.ENTER, Keys.ESCAPE)
    shown, count = page.run(SHOW_POINT), page.text("count")
    saved = save_page(page, "map-decided-Ann.html")
    expected = decided(page)
    assert len(expected) == 3
    as_somebody_else(page)
    assert page.text("progress") == "0 of 60 read"
    page.path = saved
    page.load()
    assert page.text("others").startswith("Saved with 2 decisions by Ann, 20")
    assert page.run(SHOW_POINT) == shown
    assert page.text("count") == count
    assert page.text("chips").startswith("2 ≤ length ≤ 9")
    assert page.run("return document.getElementById('sort').value").endswith("ity")
    assert page.run("return document.getElementById('annotator').value") == "Ann"
    assert decided(page) == expected
    assert page.run("return document.getElementById('note').value") == "why?"
    # What is decided now lies on top, and comes back with the page.
    page.keys("d")
    expected[small.columns["text"][shown]] = ("drop", "")
    page.load()
    assert decided(page) == expected
    page.keys("u")
    assert page.text("said").startswith("undone")


def test_saved_page_is_the_page_with_one_block_more(opened, small, tmp_path):
    page = opened(small, title="A <b> & title")
    page.keys("k")
    saved = save_page(page, "map-decided.html").rename(tmp_path / "saved.html")
    before = page.path.read_text(encoding="utf-8")
    after = STATE.sub(r"\1null", saved.read_text(encoding="utf-8"))
    program = re.compile(r"<script>.*</script>", re.DOTALL)
    assert program.findall(after) == program.findall(before)
    policy = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
    assert policy.findall(after) == policy.findall(before)
    packed = re.compile(r'data-block="[^"]*">[^<]*')
    assert packed.findall(after) == packed.findall(before)
    page.path = saved
    page.load()
    assert page.driver.title == "A <b> & title"
    page.keys("k")
    again = save_page(page, "saved-decided.html")
    ((_, state),) = STATE.findall(again.read_text(encoding="utf-8"))
    assert len(json.loads(state)["decisions"]) == 2


def test_hostile_notes_and_names_are_data_in_the_saved_page(opened, tmp_path):
    texts = [text for text in HOSTILE if len(text) < 1000]
    proba = [np.tile([0.3, 0.7], (len(texts), 1))] * 2
    labels = ["</script><script>document.title='run'</script>", "<!-- b"]
    y = [labels[i % 2] for i in range(len(texts))]
    data_map = DataMap.from_probabilities(proba, y).with_columns(text=texts)
    page = opened(data_map, title="still")
    name_oneself(page, "</script><img src=x onerror=\"document.title='run'\">")
    for text in HOSTILE[:3]:
        page.keys("m")
        page.run(
            "const note = document.getElementById('note'); note.value = arguments[0];"
            "note.dispatchEvent(new Event('change')); note.blur()",
            text,
        )
        page.keys("r")
    expected = read_csv(page.download("save", "review.csv"))
    name = "map-decided-script-img-src-x-onerror-document-title-run.html"
    page.path = save_page(page, name)
    as_somebody_else(page)
    assert page.driver.title == "still"
    again = read_csv(page.download("save", "review.csv"))
    assert again.equals(expected)
    assert again["note"].tolist()[:1] == HOSTILE[:1]
    drop(page, page.path)
    page.wait_text("others", "rows both decided")
    assert page.driver.title == "still"
    assert not page.driver.find_elements("css selector", "#others img, #row img")


@pytest.mark.parametrize("kept", ["5", "{}", '{"map": "x"}'])
def test_damaged_state_is_said_and_left_out(opened, small, tmp_path, kept):
    page = opened(small)
    page.keys("k")
    saved = save_page(page, "map-decided.html")
    text = saved.read_text(encoding="utf-8")
    text = STATE.sub(rf"\g<1>{kept}", text)
    (tmp_path / "damaged.html").write_text(text, encoding="utf-8")
    page.path = tmp_path / "damaged.html"
    as_somebody_else(page)
    assert "damaged" in page.text("bar")
    page.keys("k")
    assert page.text("progress").startswith("1 of 60")


def test_own_decisions_stand_when_the_page_of_another_is_opened(
    opened, small, tmp_path
):
    page, saved, _ = reviewed_by(opened, small, "Ann", "kkkk", tmp_path)
    name_oneself(page, "Bob")
    page.keys("k", "d")
    page.path = saved
    page.load()
    assert [what for what, _ in decided(page).values()].count("drop") == 1
    assert page.text("progress") == "4 of 60 read, 1 wrong"
    others = page.text("others")
    assert "You and Ann: 2 rows both decided, 50 % agreed" in others
    assert page.run("return document.getElementById('annotator').value") == "Bob"


def test_who_comes_back_with_a_later_page_of_her_own_goes_on_there(
    opened, small, tmp_path
):
    page = opened(small)
    name_oneself(page, "Ann")
    page.keys("k", "k")
    # Elsewhere she went on, an hour later.
    saved = save_page(page, "map-decided-Ann.html")
    text = saved.read_text(encoding="utf-8")
    pattern = re.compile(r'"keep","","","(\d{4})(-[^"]*)","Ann"\]')
    later = pattern.sub(r'"drop","","","9999\2","Ann"]', text, count=1)
    assert later != text
    page.path = tmp_path / "later.html"
    page.path.write_text(later, encoding="utf-8")
    page.load()
    assert page.text("progress") == "2 of 60 read, 1 wrong"
    page.load()
    assert page.text("progress") == "2 of 60 read, 1 wrong"
    page.keys("u")
    assert page.text("progress") == "2 of 60 read, 0 wrong"


@pytest.mark.parametrize("kind", ["page", "review"])
def test_what_another_decided_is_beside_the_row_and_overwrites_nothing(
    opened, small, tmp_path, kind
):
    page, *files = reviewed_by(opened, small, "Ann", "kdrks", tmp_path)
    name_oneself(page, "Bob")
    page.keys(*"kkkd")
    before = decided(page)
    page.run("document.activeElement.blur()")
    page.keys(Keys.HOME)
    drop(page, files[kind == "review"])
    page.wait_text("others", "4 rows both decided, 25 % agreed, Cohen's kappa")
    order = small.rank("confidence")
    assert decided(page) == before
    assert page.text("row-others") == "Ann: keepas you"
    page.keys("n")
    assert "Ann: drop" in page.text("row-others")
    assert "you: keep" in page.text("row-others")
    page.driver.find_element("css selector", "[data-act=disagreed]").click()
    assert page.text("count") == "3 match"
    assert page.points() == order[1:4].tolist()
    # At once: the queue may be drawn anew between two looks.
    marks = page.run(
        "return [...document.querySelectorAll('.item .badge')].map(m => m.textContent)"
    )
    assert len(marks) >= 3
    assert all(mark.startswith("≠") for mark in marks)
    # One explicit action takes one; one undo gives it back.
    page.keys("t")
    texts = small.columns["text"]
    assert decided(page) == before | {texts[order[1]]: ("drop", "")}
    page.keys("u")
    assert decided(page) == before
    page.driver.find_element("css selector", "#row-others .take").click()
    assert decided(page) == before | {texts[order[1]]: ("drop", "")}
    assert "4 rows both decided, 50 % agreed" in page.text("others")
    page.driver.find_element("css selector", "#others .close").click()
    assert page.attribute("others", "hidden") is not None
    assert page.text("count") == "60 rows"


def test_what_is_not_decided_yet_is_taken_at_once_and_undone_at_once(
    opened, small, tmp_path
):
    page, _, review = reviewed_by(opened, small, "Ann", "drkd", tmp_path)
    page.keys("k")
    drop(page, review)
    page.wait_text("others", "1 row both decided, 0 % agreed")
    page.driver.find_element("css selector", "[data-act=rest]").click()
    right = small.label.copy()
    order = small.rank("confidence")
    right[order[1]] = {"ham": "spam", "spam": "ham"}[right[order[1]]]
    path = page.download("save", "review.csv")
    y, kept = apply_review(small.label, path, X=small.columns["text"])
    assert y.tolist() == right.tolist()
    assert np.flatnonzero(~kept).tolist() == [order[3]]
    page.keys("u")
    assert page.text("progress") == "1 of 60 read, 0 wrong"


def test_loading_a_review_overwrites_nothing(opened, small, tmp_path):
    page, saved, review = reviewed_by(opened, small, "Ann", "ddk", tmp_path)
    page.keys("k")
    for path in (review, saved):
        page.driver.find_element("id", "file").send_keys(str(path))
        page.wait_text("loaded", path.name)
        assert "of 1 rows that you decided otherwise yours stand" in page.text("loaded")
        assert page.text("progress") == "3 of 60 read, 1 wrong"
        page.keys("u")
        assert page.text("progress") == "1 of 60 read, 0 wrong"


def test_files_of_other_maps_and_of_none_are_refused_in_a_sentence(
    opened, small, tmp_path
):
    other = binary_map(seed=1).with_columns(text=[f"else {i}" for i in range(60)])
    page, saved, review = reviewed_by(opened, other, "Eve", "kd", tmp_path)
    empty = page.path.rename(tmp_path / "empty.html")
    page = opened(small)
    page.keys("k")
    (tmp_path / "web.html").write_text("<!DOCTYPE html><b>a</b>")
    (tmp_path / "a.csv").write_text("<b>a</b>,b\n1,2\n")
    foreign = "it is of another map: 2 of its 2 decided rows are not here"
    for path, said in {
        saved: foreign,
        review: foreign,
        empty: "it is a page without decisions",
        tmp_path / "web.html": "it is a web page, but none saved with decisions",
        tmp_path / "a.csv": "it has no column decision",
    }.items():
        drop(page, path)
        page.wait_text("others", f"{path.name} cannot be compared: {said}")
        assert page.text("progress") == "1 of 60 read, 0 wrong"
        assert not page.driver.find_elements("css selector", "[data-act]")


def test_control_rows_are_unmarked_and_unseen_in_the_page(
    opened, audited_digits, tmp_path
):
    _, y, wrong, audit = audited_digits
    review = audit.review(n=12, n_random=6)
    opened(audit.data_map).keys("n")  # in the order of a page without control rows
    page = opened(audit.data_map, review=review)
    assert page.points() == review["position"].tolist()[: len(page.points())]
    assert page.text("count") == "18 of the review"
    # Nothing tells the suspicious from those at random.
    for at in range(18):
        assert page.run(SHOW_POINT) == review["position"].iloc[at]
        assert page.text("row-given") == f"given {y[review['position'].iloc[at]]}"
        shown = page.text("row-values")
        assert not re.search("predicted|confidence|quality|region", shown)
        suggested = "#labels [data-suggested=true], #labels small"
        assert {text.strip() for text in page.texts(suggested)} <= {"given"}
        assert page.attribute("ring", "hidden") is not None
        assert page.attribute("row-trajectory", "hidden") is not None
        page.keys("d" if wrong[review["position"].iloc[at]] else "k")
    # A row beyond the review says what it did.
    page.choose("show", "all rows")
    page.choose("sort", "confidence")
    page.keys(Keys.HOME, "N")
    assert "suggested" in page.text("row-given")
    page.keys("k")
    path = page.download("save", "review.csv")
    assert set(read_csv(path)["drawn"]) == set(review["drawn"])
    progress = audit.update(path)
    assert progress.measured is not None
    filled = review.assign(decision=np.where(wrong[review["position"]], "drop", "keep"))
    assert progress.measured == audit.update(filled).measured
    next_ = f"of the next 100 about {progress.next_found:.0f}"
    left = f"of all unread about {progress.remaining:.0f}"
    assert page.text("forecast") == f"{next_}, {left}; go on"


def test_line_of_progress_follows_the_decisions(opened, audited_digits, tmp_path):
    audit = audited_digits[-1]
    page = opened(audit.data_map)
    assert page.attribute("forecast", "hidden") is not None
    page.keys(*"ddkd")
    progress = audit.update(page.download("save", "review.csv"))
    expected = f"of the next 100 about {progress.next_found:.0f}; go on"
    assert page.text("forecast") == expected
    page.keys(*"uuuu")
    assert page.attribute("forecast", "hidden") is not None
