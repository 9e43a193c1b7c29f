"""The explorer in a headless Chromium without a network, by mouse and keys."""

import os
import re

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("selenium", reason="needs selenium: pip install selenium")

from selenium.webdriver.common.keys import Keys
from sklearn.feature_extraction.text import TfidfVectorizer

from sklearn_datamaps import DataMap, DataMapClassifier
from sklearn_datamaps._cli.parser import main
from sklearn_datamaps._curation.apply_review import apply_review
from sklearn_datamaps._views.review import row_hashes
from tests.browser.explorer_page import PAINTED, Page

SHOW_POINT = "return Number(document.getElementById('row').dataset.point)"
HOSTILE = [
    "</script><script>document.title='run'</script>",
    "<img src=x onerror=\"document.title='run'\">",
    "<b>bold</b> &amp; &lt;",
    "quotes \" ' ` and ${document.title='run'} \\ \\u003c",
    "emoji \U0001f600 \U0001f468‍\U0001f469‍\U0001f467 and \x00 \x1b controls",
    "שלום עולם \u202e reversed مرحبا",
    "<!-- <script> ]]> -->\r\nnext line\u2028separator",
    "long " * 20_000,
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "'=1",
    "'quoted'",
    'a,"b"\nc',
    "",
]


def binary_map(n_samples=60, n_epochs=8, seed=0):
    rng = np.random.default_rng(seed)
    center = np.linspace(0.03, 0.97, n_samples)
    step = rng.uniform(0.01, 0.3, n_samples)
    p = np.clip(center + step * rng.standard_normal((n_epochs, n_samples)), 0.01, 0.99)
    y = rng.choice(["ham", "spam"], n_samples)
    spam = np.where(y == "spam", p, 1 - p)
    data_map = DataMap.from_probabilities(
        np.stack([1 - spam, spam], axis=-1), y, store_trajectories=True
    )
    names = [f"comment {i} of {'a' if i % 3 else 'the'} kind" for i in range(n_samples)]
    return data_map.with_columns(text=names, length=np.arange(n_samples) % 11)


@pytest.fixture(scope="module")
def small():
    return binary_map()


def still_map(n_samples=60, n_epochs=8):
    """A run with the labels of ``binary_map`` that never moves, sure of "ham"."""
    proba = np.tile([0.99, 0.01], (n_epochs, n_samples, 1))
    first = binary_map(n_samples, n_epochs)
    return DataMap.from_probabilities(proba, first.label, store_trajectories=True)


def lonely_point(data_map):
    """Point farthest from its neighbours, as the map is drawn."""
    at = np.stack(
        [data_map.variability / data_map.variability.max(), data_map.confidence]
    )
    distance = np.linalg.norm(at[:, :, None] - at[:, None], axis=0)
    np.fill_diagonal(distance, np.inf)
    return int(distance.min(axis=1).argmax())


def rectangle(data_map, share):
    """Rectangle with an edge between points: right of and below a share of them."""
    v, c = np.sort(data_map.variability), np.sort(data_map.confidence)

    def widest_gap(values):
        low, high = (int(len(values) * s) for s in (share - 0.2, share + 0.2))
        at = low + int(np.diff(values[low:high]).argmax())
        return (values[at] + values[at + 1]) / 2

    return widest_gap(v), 1.04 * v[-1], -0.02, widest_gap(c)


def inside(data_map, left, right, bottom, top):
    v, c = data_map.variability, data_map.confidence
    return np.flatnonzero((v > left) & (v < right) & (c > bottom) & (c < top))


def read_csv(path):
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def test_page_says_what_it_holds(opened, small):
    page = opened(small, title="Spam <i>or</i> ham")
    assert page.text("count") == "60 rows"
    assert page.driver.title == page.run(
        "return document.querySelector('h1').textContent"
    )
    assert page.driver.title == "Spam <i>or</i> ham"
    assert page.text("progress") == "0 of 60 read"


def test_top_suspect_is_open_at_once_and_ringed(opened, small):
    page = opened(small)
    top = small.rank("confidence")[0]
    assert page.run(SHOW_POINT) == top
    assert page.text("row-text") == small.columns["text"][top]
    assert page.points()[:3] == small.rank("confidence")[:3].tolist()
    script = """
        const box = document.getElementById("ring").getBoundingClientRect();
        return [box.left + box.width / 2, box.top + box.height / 2];"""
    place = page.pixel(small.variability[top], small.confidence[top])
    np.testing.assert_allclose(page.run(script), place, atol=1)


def test_suspects_are_ranked_by_the_measure_asked_for(opened, small):
    page = opened(small, by="variability")
    assert page.run(SHOW_POINT) == small.rank("variability")[0]
    assert page.points()[:5] == small.rank("variability")[:5].tolist()


def test_every_value_is_written_in_full(opened, small):
    page = opened(
        small.with_columns(author=["a name " * 40] * 60, exact=[0.123456] * 60)
    )
    values = page.text("row-values")
    assert "author" + "a name " * 40 in values
    assert "exact0.123456" in values
    i = page.run(SHOW_POINT)
    assert f"confidence{np.float32(small.confidence[i]):.4g}" in values


def test_hover_shows_text_labels_and_measures(opened, small):
    page = opened(small)
    i = lonely_point(small)
    shown = page.hover(small.variability[i], small.confidence[i])
    for part in (small.columns["text"][i], small.label[i], small.predicted[i]):
        assert part in shown
    assert f"confidence{np.float32(small.confidence[i]):.4g}" in shown
    assert f"variability{np.float32(small.variability[i]):.4g}" in shown
    assert f"region{small.regions()[i]}" in shown


def test_click_draws_the_trajectory(opened, small):
    page = opened(small)
    i = lonely_point(small)
    page.click_at(small.variability[i], small.confidence[i])
    assert page.run(SHOW_POINT) == i
    picture = page.driver.find_element("css selector", "#row-trajectory svg")
    described = picture.get_attribute("aria-label")
    drawn = [float(p) for p in re.findall(r"\d\.\d\d", described)]
    np.testing.assert_allclose(drawn, small.trajectories[:, i], atol=0.5 / 255 + 0.0051)


def test_lasso_fills_the_queue(opened, small):
    page = opened(small)
    corners = rectangle(small, 0.4)
    expected = inside(small, *corners)
    assert 3 < len(expected) < 57
    page.lasso(*corners)
    page.wait_text("count", f"{len(expected)} selected")
    by_confidence = expected[np.argsort(small.confidence[expected], kind="stable")]
    shown = page.points()
    assert shown == by_confidence[: len(shown)].tolist()
    exported = read_csv(page.download("export", "selection.csv"))
    assert exported["id"].astype(int).tolist() == by_confidence.tolist()
    page.keys(Keys.ESCAPE)
    page.wait_text("count", "60 rows")


def test_shift_adds_to_the_selection_and_a_double_click_clears_it(opened, small):
    page = opened(small)
    right = 1.04 * small.variability.max()
    low, high = (-0.001, right, -0.02, 0.25), (-0.001, right, 0.75, 1.02)
    page.lasso(*low)
    n_low = len(inside(small, *low))
    page.wait_text("count", f"{n_low} selected")
    page.lasso(*high, key=Keys.SHIFT)
    n_both = n_low + len(inside(small, *high))
    page.wait_text("count", f"{n_both} selected")
    assert page.attribute("dots", "data-count") == str(n_both)
    path = "return document.querySelector('#outline path').getAttribute('d')"
    assert page.run(path).count("M") == 2
    page.mouse([(0.9 * right, 0.5)], press=True, times=2)
    page.wait_text("count", "60 rows")
    assert page.run(path) == ""


def test_outline_moves_with_the_map(opened, small):
    page = opened(small)
    page.lasso(-0.001, 1.04 * small.variability.max(), -0.02, 0.25)
    page.wait_text("count", "selected")
    path = "return document.querySelector('#outline path').getBoundingClientRect().top"
    before = page.run(path)
    page.click("lasso")
    middle = small.variability.max() / 2
    page.mouse([(middle, 0.5), (middle, 0.55), (middle, 0.6)], press=True)
    page.wait(f"{path} < {before} - 10")
    assert "selected" in page.text("count")


def test_lasso_finds_only_what_the_filters_let_through(opened, small):
    page = opened(small)
    page.choose("label", "spam")
    corners = (-0.001, 1.04 * small.variability.max(), -0.02, 1.02)
    page.lasso(*corners)
    n_spam = int((small.label == "spam").sum())
    page.wait_text("count", f"{n_spam} selected")
    page.choose("label", "any")
    assert page.text("count") == f"{n_spam} selected"


def test_derived_measures_rank_too(opened, small):
    page = opened(small)
    for name in ("aleatoric", "threshold_closeness"):
        page.choose("sort", name)
        values = small.measure(name)
        shown = values[page.points()]
        expected = np.sort(values)[::-1][: len(shown)]
        np.testing.assert_allclose(shown, expected, atol=1e-6)
        page.choose("colour", name)


def test_averaged_map_ranks_by_the_averages_of_its_runs(opened):
    both = DataMap.average([binary_map(seed=0), still_map()])
    page = opened(both)
    for name in ("aleatoric", "threshold_closeness"):
        page.choose("sort", name)
        shown = both.measure(name)[page.points()]
        expected = np.sort(both.measure(name))[::-1][: len(shown)]
        np.testing.assert_allclose(shown, expected, atol=1e-6)


def test_exported_table_is_that_of_the_map(opened, small):
    page = opened(small)
    page.choose("sort", "row")
    exported = read_csv(page.download("export", "selection.csv"))
    assert list(exported) == [
        *("id", "position", "text", "length", "label", "predicted", "confidence"),
        *("variability", "correctness", "region", "decision", "new_label", "time"),
        *("note", "annotator", "row_hash"),
    ]
    expected = small.to_frame()
    for name in ("position", "text", "length", "label", "predicted", "region"):
        assert exported[name].tolist() == expected[name].astype(str).tolist()
    for name in ("confidence", "variability", "correctness"):
        values = exported[name].astype(np.float64).astype(np.float32)
        np.testing.assert_array_equal(values, expected[name].astype(np.float32))
    assert exported["row_hash"].tolist() == row_hashes(small).tolist()
    assert set(exported["decision"]) == {""}


def test_filters_and_search_narrow_list_and_map(opened, small):
    page = opened(small)
    page.add_filter("region", "is exactly", "hard")
    hard = small.region_mask("hard")
    assert page.text("count") == f"{hard.sum()} match"
    page.choose("label", "spam")
    both = hard & (small.label == "spam")
    assert page.text("count") == f"{both.sum()} match"
    page.click("clear")
    page.driver.find_element("id", "search").send_keys("OF THE")
    found = np.char.find(small.columns["text"].astype(str), "of the") >= 0
    page.wait_text("count", f"{found.sum()} match")
    assert page.attribute("dots", "data-count") == str(found.sum())
    page.click("clear")
    page.choose("show", "predicted ≠ label")
    differs = small.label != small.predicted
    assert page.text("count") == f"{differs.sum()} match"


# Opacity of the canvas of what stands out, at a place of the map.
INK = """
    const canvas = document.getElementById("dots");
    if (canvas.hidden) return null;
    const box = canvas.getBoundingClientRect();
    const at = [arguments[0] - box.left, arguments[1] - box.top].map(Math.round);
    const copy = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true});
    copy.drawImage(canvas, ...at, 1, 1, 0, 0, 1, 1);
    return copy.getImageData(0, 0, 1, 1).data[3];"""


def test_what_passes_the_filters_stands_out_and_alone_is_found_there(opened, small):
    page = opened(small)
    assert page.run(INK, *page.pixel(0, 0)) is None
    i = lonely_point(small)
    place = small.variability[i], small.confidence[i]
    page.add_filter("id", "is exactly", i)
    dimmed = "return getComputedStyle(document.querySelector('.gl-container')).opacity"
    page.run(PAINTED)  # the form is gone, and the map as large as before
    assert page.run(INK, *page.pixel(*place)) > 100
    assert float(page.run(dimmed)) < 0.3
    assert f"comment {i} " in page.hover(*place)
    page.click("reset")
    page.run("document.getElementById('stage').focus()")
    page.keys("+")
    page.wait("return document.getElementById('plot').layout.yaxis.range[1] < 1")
    assert page.run(INK, *page.pixel(*place)) > 100
    page.click("clear")
    other = str(np.flatnonzero(np.arange(60) != i)[0])
    page.add_filter("id", "is exactly", other)
    page.run(PAINTED)
    assert page.run(INK, *page.pixel(*place)) == 0
    page.mouse([place])
    page.run(PAINTED)
    page.run(PAINTED)
    assert page.run("return document.getElementById('tooltip').hidden")
    page.click("clear")
    assert page.run(INK, *page.pixel(*place)) is None
    assert page.run(dimmed) == "1"


def test_sorting_starts_at_the_telling_end_and_turns(opened, small):
    page = opened(small)
    page.choose("sort", "variability")
    assert page.points()[:5] == small.rank("variability")[:5].tolist()
    page.choose("direction", "↑ ascending")
    first = np.argsort(small.variability, kind="stable")[:5]
    assert page.points()[:5] == first.tolist()
    page.choose("sort", "length")
    lengths = small.columns["length"][page.points()]
    assert lengths.tolist() == sorted(lengths)


def test_every_colour_shows_every_point_once(opened, small):
    page = opened(small)
    names = page.run(
        "return [...document.getElementById('colour').options].map(o => o.text)"
    )
    assert {"correctness", "region", "label", "predicted label", "length"} <= set(names)
    for name in names:
        page.choose("colour", name)
        assert sum(map(int, page.texts("#legend small"))) == 60
        drawn = page.run(
            "return document.getElementById('plot').data.map(t => t.x.length)"
        )
        assert sum(drawn) == 60


def test_decisions_by_keys_survive_a_reload_and_are_applied(opened, small):
    page = opened(small)
    order = small.rank("confidence")
    page.keys("k", "d", "r", "s", "n", "d", "p", "u")
    assert page.run(SHOW_POINT) == order[5]
    assert page.text("progress") == "4 of 60 read, 2 wrong"
    page.load()
    assert page.text("progress") == "4 of 60 read, 2 wrong"
    assert page.run(SHOW_POINT) == order[5]
    path = page.download("save", "review.csv")
    review = read_csv(path)
    decided = dict(zip(review["position"].astype(int), review["decision"], strict=True))
    words = ("keep", "drop", "relabel", "unsure")
    assert decided == dict(zip(order, words, strict=False))
    assert (review["time"].str.len() == 20).all()
    y, kept = apply_review(small.label, path, X=small.columns["text"])
    assert np.flatnonzero(~kept).tolist() == [order[1]]
    assert np.flatnonzero(y != small.label).tolist() == [order[2]]
    page.keys("u", "u", "u", "u", "u")
    assert page.text("progress") == "0 of 60 read"


def test_decisions_belong_to_the_map(opened, small):
    page = opened(small)
    page.keys("k")
    other = opened(binary_map(seed=1))
    assert other.text("progress") == "0 of 60 read"
    again = opened(small)
    assert again.text("progress") == "1 of 60 read, 0 wrong"


def test_keys_typed_into_the_search_decide_nothing(opened, small):
    page = opened(small)
    page.keys("/")
    page.keys("kdur")
    page.wait("return document.getElementById('count').textContent === '0 match'")
    assert page.text("progress") == "0 of 60 read"
    assert page.driver.find_element("id", "empty-clear").is_displayed()


def hostile_map():
    n_samples = len(HOSTILE)
    p = np.linspace(0.05, 0.95, n_samples)
    proba = [np.stack([1 - p, p], axis=-1)] * 2
    classes = ["<img src=x onerror=\"document.title='run'\">", "</script>=1"]
    data_map = DataMap.from_probabilities(
        proba,
        np.repeat(classes[1], n_samples),
        classes=classes,
        index=pd.Index(HOSTILE),
    )
    column = {"</script><b>": np.array(HOSTILE, dtype=object)}
    return data_map.with_columns(text=HOSTILE, **column)


def test_hostile_text_is_shown_and_never_run(opened):
    data_map = hostile_map()
    page = opened(data_map, title=HOSTILE[0])
    tags = page.run("return document.querySelectorAll('*').length")
    assert page.driver.title == HOSTILE[0]
    for at, expected in enumerate(HOSTILE):
        if at:
            page.keys("n")
        shown = page.text("row-text")
        assert shown == expected
    page.choose("sort", "</script><b>")
    for name in ("label", "</script><b>"):
        page.choose("colour", name)
    for i in (0, 1):
        text = page.hover(data_map.variability[i], data_map.confidence[i])
        assert HOSTILE[i] in text
    page.keys("r")
    assert (
        page.run("return document.querySelectorAll('img, b b, main script').length")
        == 0
    )
    assert page.driver.title == HOSTILE[0]
    assert tags > 0


def test_formulas_are_guarded_in_files_and_can_be_read_back(opened):
    data_map = hostile_map()
    page = opened(data_map)
    page.choose("sort", "row")
    path = page.download("export", "selection.csv")
    exported = pd.read_csv(path, dtype=str, keep_default_na=False)
    for name in ("text", "id", "</script><b>"):
        for cell, original in zip(exported[name], HOSTILE, strict=True):
            assert not re.match(r"[=+\-@\t\r\n]", cell)
            unguarded = re.sub(r"\A'(?=[=+\-@\t\r\n])", "", cell)
            assert original in (cell, unguarded)
    page.keys("d" * len(HOSTILE))
    review = page.download("save", "review.csv")
    # What no table can hold is replaced where a file is read; the hash finds the row.
    with pytest.warns(UserWarning, match="character of code 0, in rows 4"):
        _, kept = apply_review(data_map.label, review, X=HOSTILE, index=data_map.index)
    assert not kept.any()


def test_negative_numbers_stay_numbers(opened):
    y = np.array([-1, 1, -1, 1])
    proba = [[[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.1, 0.9]]]
    data_map = DataMap.from_probabilities(proba, y, index=pd.Index([-3, -2, -1, 0]))
    page = opened(data_map.with_columns(shift=[-0.5, np.nan, 1e-20, 2.0]))
    page.choose("sort", "row")
    exported = read_csv(page.download("export", "selection.csv"))
    assert exported["id"].tolist() == ["-3", "-2", "-1", "0"]
    assert exported["label"].tolist() == ["-1", "1", "-1", "1"]
    assert exported["shift"].tolist() == ["-0.5", "", "1e-20", "2"]


def classes_map(n_classes, n_samples=90, measures=(), name="class {}"):
    rng = np.random.default_rng(0)
    classes = [name.format(i) for i in range(n_classes)]
    y = np.array(classes)[rng.permutation(n_samples) % n_classes]
    proba = rng.dirichlet(np.ones(n_classes), size=(5, n_samples))
    return DataMap.from_probabilities(proba, y, classes=classes, measures=measures)


@pytest.mark.parametrize("name", ["class {}", "{}"])
def test_up_to_ten_classes_have_a_key_each(opened, name):
    data_map = classes_map(9, name=name)
    page = opened(data_map)
    for colour in ("label", "predicted label", "margin"):
        page.choose("colour", colour)
    i = page.run(SHOW_POINT)
    code = next(c for c in (7, 5) if data_map.classes[c] != data_map.label[i])
    page.keys(str(code) if name == "{}" else str(code + 1))
    page.wait_text("progress", "1 of 90")
    review = page.download("save", "review.csv")
    corrected, _ = apply_review(data_map.label, review)
    assert corrected[i] == data_map.classes[code]
    assert (corrected != data_map.label).sum() == 1


def test_many_classes_offer_the_likeliest_by_key_and_all_by_name(opened):
    data_map = classes_map(28, 280, measures=["mean_proba"])
    page = opened(data_map, new_labels=True)
    order = data_map.rank("confidence")
    mean_proba = np.array(data_map.measures["mean_proba"])
    codes = data_map.label_codes()
    mean_proba[np.arange(280), codes] = -1
    likeliest = np.argsort(-mean_proba, axis=1)
    page.keys("2")
    page.keys("r", Keys.ENTER)
    page.keys("r", "class 27", Keys.ENTER)
    page.keys("r", Keys.ESCAPE, "n", "r", "quite new", Keys.ENTER)
    review = read_csv(page.download("save", "review.csv"))
    given = dict(zip(review["position"].astype(int), review["new_label"], strict=True))
    assert given == {
        order[0]: data_map.classes[likeliest[order[0], 1]],
        order[1]: data_map.classes[likeliest[order[1], 0]],
        order[2]: "class 27",
        order[4]: "quite new",
    }


def test_multilabel_maps_have_a_point_for_every_cell(opened):
    rng = np.random.default_rng(0)
    proba = rng.uniform(size=(6, 20, 3))
    y = pd.DataFrame(rng.integers(2, size=(20, 3)), columns=["red", "green", "blue"])
    data_map = DataMap.from_probabilities(
        proba, y, multilabel=True, store_trajectories=True
    ).with_columns(text=[f"text {i}" for i in range(20)])
    page = opened(data_map)
    assert page.text("count") == "60 cells"
    page.choose("name", "green")
    assert page.text("count") == "20 match"
    page.keys(Keys.HOME, "r")
    first = data_map.rank("confidence", label="green")[0]
    corrected, _ = apply_review(
        y, page.download("save", "review.csv"), X=data_map.columns["text"]
    )
    changed = np.argwhere((corrected != y).to_numpy())
    assert changed.tolist() == [[first, 1]]


def test_sample_keeps_the_hard_rows_and_says_so(opened, small):
    page = opened(small, max_points=30)
    assert "A sample of 30 of 60 rows" in page.text("notes")
    page.add_filter("region", "is exactly", "hard")
    assert page.text("count") == f"{small.region_mask('hard').sum()} match"


def test_every_control_is_named_and_reached_by_the_tab_key(opened, small):
    page = opened(small)
    page.keys("k")
    controls = page.controls()
    assert len(controls) > 20
    assert [role for role, name in controls if not name.strip()] == []
    reached = set()
    for _ in range(60):
        page.keys(Keys.TAB)
        reached.add(page.run("return document.activeElement.id"))
    reachable = {"save", "help-open", "search", "show", "label", "suggested"}
    reachable |= {"filter-open", "sort", "direction", "queue", "row-text", "keep"}
    reachable |= {"relabel", "unsure", "drop", "previous", "next", "undo", "clear-row"}
    reachable |= {
        "note",
        "show-map",
        "show-matrix",
        "colour",
        "lasso",
        "reset",
        "stage",
    }
    assert reachable <= reached


def test_queue_is_walked_by_arrow_keys(opened, small):
    page = opened(small)
    order = small.rank("confidence")
    page.run("document.getElementById('queue').focus()")
    page.keys(Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_UP)
    assert page.run(SHOW_POINT) == order[1]
    page.keys(Keys.END)
    assert page.run(SHOW_POINT) == order[-1]
    selected = (
        "return document.querySelector('.item[aria-selected=true]').dataset.point"
    )
    assert int(page.run(selected)) == order[-1]


def test_theme_follows_the_system(opened, small):
    paper = "return getComputedStyle(document.body).backgroundColor"
    assert opened(small, scheme="dark").run(paper) != opened(small).run(paper)


def test_storage_that_the_browser_forbids_is_said_in_the_page(opened, small):
    page = opened(small)
    forbid = (
        "Object.defineProperty(window, 'localStorage', {get() { throw new Error(); }})"
    )
    command = "Page.addScriptToEvaluateOnNewDocument"
    added = page.driver.execute_cdp_cmd(command, {"source": forbid})
    try:
        page.load()
        assert "save review.csv before you leave" in page.text("bar")
        page.keys("k")
        assert page.text("progress").startswith("1 of 60")
    finally:
        command = "Page.removeScriptToEvaluateOnNewDocument"
        page.driver.execute_cdp_cmd(command, added)
        page.load()


@pytest.mark.parametrize(
    "n_rows",
    [
        3_000,
        # Nightly: the size of the page, of which the README tells, takes them all.
        pytest.param(43_410, marks=pytest.mark.nightly),
    ],
)
def test_real_comments(opened, go_emotions, n_rows):
    texts, y = go_emotions.data[:n_rows], go_emotions.target[:n_rows]
    X = TfidfVectorizer(ngram_range=(1, 3)).fit_transform(texts)
    model = DataMapClassifier(store_trajectories=True, random_state=0).fit(X, y)
    data_map = model.data_map_.with_columns(text=texts.to_numpy())
    page = opened(data_map)
    assert page.path.stat().st_size <= 10e6
    corners = (-0.001, 1.05 * data_map.variability.max(), -0.02, 0.5)
    # Points on the edge of the lasso fall on either side of it by a pixel.
    near = data_map.confidence[np.abs(data_map.confidence - 0.5) < 0.02]
    gap = np.sort([0.48, *near, 0.52])
    at = int(np.diff(gap).argmax())
    corners = (*corners[:3], (gap[at] + gap[at + 1]) / 2)
    expected = inside(data_map, *corners)
    page.lasso(*corners)
    page.wait_text("count", "selected")
    n_listed = int(page.text("count").split()[0].replace(",", ""))
    assert abs(n_listed - len(expected)) <= 3
    page.keys("n", "n", "k")
    i = page.run(SHOW_POINT)
    assert page.text("row-text") == texts.iloc[i]
    review = page.download("save", "review.csv")
    _, kept = apply_review(y, review, X=texts)
    assert kept.all()
    exported = read_csv(page.download("export", "selection.csv")).set_index("id")
    assert len(exported) == n_listed
    assert set(exported["position"].astype(int)) >= set(expected[:-3])
    shown = exported["position"].astype(int).to_numpy()
    read = [re.sub(r"\A'(?=[=+\-@\t\r\n])", "", cell) for cell in exported["text"]]
    original = [re.sub(r"\A'(?=[=+\-@\t\r\n])", "", t) for t in texts.iloc[shown]]
    assert read == original
    if "SKLEARN_DATAMAPS_SCREENSHOT" in os.environ:
        page.driver.save_screenshot(os.environ["SKLEARN_DATAMAPS_SCREENSHOT"])


@pytest.mark.parametrize(
    "n_samples",
    [
        50_000,
        # Nightly: as many as the README promises take the browser most of a minute.
        pytest.param(250_000, marks=pytest.mark.nightly),
    ],
)
def test_many_points(opened, n_samples):
    rng = np.random.default_rng(0)
    center = rng.beta(5, 1.5, n_samples)
    p = np.clip(center + 0.12 * rng.standard_normal((4, n_samples)), 0.001, 0.999)
    proba = (np.stack([1 - epoch, epoch], axis=-1) for epoch in p)
    data_map = DataMap.from_probabilities(
        proba, np.ones(n_samples, int), classes=[0, 1]
    )
    page = opened(data_map.with_columns(text=[f"row {i}" for i in range(n_samples)]))
    assert page.text("count") == "100 suspects"
    page.choose("show", "all rows")
    assert page.text("count") == f"{n_samples:,} rows"
    assert page.text("notes") == ""
    assert page.run("return document.querySelectorAll('*').length") < 1_500
    top = 0.5
    page.lasso(-0.001, 1.05 * data_map.variability.max(), -0.02, top)
    page.wait_text("count", "selected")
    n_listed = int(page.text("count").split()[0].replace(",", ""))
    assert n_listed == pytest.approx((data_map.confidence < top).sum(), rel=0.02)
    page.keys("k")
    assert page.text("progress").startswith("1 of 100 read")
    page.hover(data_map.variability[0], data_map.confidence[0])
    page.keys(Keys.ESCAPE)
    page.wait_text("count", f"{n_samples:,} rows")
    for colour in ("region", "variability", "correctness"):
        page.choose("colour", colour)
        page.hover(data_map.variability[0], data_map.confidence[0])


def test_own_file_from_map_to_page_to_apply(browser, tmp_path):
    rng = np.random.default_rng(0)
    words = np.array(["good fine nice", "bad awful poor"])
    said = rng.integers(2, size=60)
    frame = pd.DataFrame(
        {
            "comment": [f"{words[s]} thing, no. {i}" for i, s in enumerate(said)],
            "mood": np.where(said == 0, "glad", "sad"),
        }
    )
    frame.loc[[3, 7], "mood"] = np.where(said[[3, 7]] == 0, "sad", "glad")
    frame.loc[11, "comment"] = "=1+1, said " + frame.loc[11, "comment"]
    source = tmp_path / "moods.csv"
    frame.to_csv(source, index=False)
    out = tmp_path / "out"
    made = ["map", str(source), "--text", "comment", "--label", "mood"]
    assert main([*made, "--out", str(out), "--quiet"]) == 0
    page = Page(browser, out / "data_map.html", tmp_path)
    page.keys("r", "r")
    page.driver.find_element("id", "search").send_keys("=1+1")
    page.wait_text("count", "1 match")
    page.keys(Keys.ENTER, "d")
    review = page.download("save", "review.csv")
    corrected = tmp_path / "corrected.csv"
    assert main(["apply", str(source), str(review), "--out", str(corrected)]) == 0
    expected = frame.drop(index=11)
    expected["mood"] = np.where(said == 0, "glad", "sad")[expected.index]
    pd.testing.assert_frame_equal(
        pd.read_csv(corrected), expected.reset_index(drop=True)
    )
    assert page.complaints() == []
    assert page.requests() == []


@pytest.mark.parametrize("name", ["confidence", "region", "suggested"])
def test_question_mark_behind_a_word_opens_the_help_at_it(opened, name):
    page = opened(binary_map())
    page.run(f"document.querySelector('[aria-label=\"What is {name}?\"]').click()")
    assert page.run("return document.getElementById('help').open")
    assert page.run("return document.activeElement.textContent") == name
    assert page.run(
        """const at = document.activeElement.getBoundingClientRect();
        const box = document.getElementById('help').getBoundingClientRect();
        return at.top >= box.top && at.bottom <= box.bottom"""
    )
