"""Why a label may be wrong, in the explorer: the sentence, and what E unfolds."""

import numpy as np
import pytest

pytest.importorskip("selenium", reason="needs selenium: pip install selenium")

from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import make_pipeline

from sklearn_datamaps import DataMapClassifier, explain_rows
from tests.browser.explorer_page import HEIGHT, WIDTH
from tests.browser.test_explorer_layout import CUT, FAULTS

N = 60
HOSTILE = "<b>thank</b> & <img src=x onerror=\"document.title='run'\"> you!"
TEXTS = {
    "thanks": ["thank you so much", "many thanks to you", "thank you, kind mate"],
    "anger": ["what an awful day", "I hate this, so stupid", "awful, rude people"],
    "joy": ["what a happy day", "so glad and happy", "great fun at the party"],
}


@pytest.fixture(scope="module")
def explained():
    """A map of texts with one wrong label, row 0, and reasons for 20 rows."""
    rng = np.random.default_rng(0)
    y = rng.choice(list(TEXTS), N)
    texts = [f"{rng.choice(TEXTS[label])} {'abc'[i % 3]}" for i, label in enumerate(y)]
    texts[0], y[0] = HOSTILE, "anger"
    texts[1], y[1] = "Thank you so much a", "joy"
    texts[2], y[2] = "thank you so much a", "thanks"
    learner = SGDClassifier(loss="log_loss")
    clf = DataMapClassifier(learner, measures=["mean_proba"], random_state=0)
    pipe = make_pipeline(CountVectorizer(ngram_range=(1, 2)), clf).fit(texts, y)
    data_map = pipe[-1].data_map_.with_columns(text=texts)
    rows = [0, *(row for row in data_map.rank("confidence")[:20] if row)]
    return data_map, explain_rows(pipe, texts, y, rows)


@pytest.fixture
def page(opened, explained):
    data_map, evidence = explained
    page = opened(data_map, evidence=evidence)
    go_to(page, 0)
    return page


def go_to(page, row):
    page.choose("show", "all rows")
    page.choose("sort", "row")
    page.choose("direction", "↑ ascending")
    page.run("document.getElementById('queue').scrollTop = 0")
    found = f"document.querySelector('#items [data-point=\"{row}\"]')"
    page.wait(f"return Boolean({found}) && ({found}.click(), true)")
    page.wait(f"return document.getElementById('row').dataset.point === '{row}'")


def test_sentence_stands_beside_the_row(page, explained):
    _, evidence = explained
    assert page.text("row-why") == evidence.sentences[0]
    assert "thanks" in evidence.sentences[0].split("; ")[0]
    page.keys("n")
    second = evidence.rows.tolist().index(1)
    assert page.text("row-why") == evidence.sentences[second]


def test_e_unfolds_what_it_rests_on_and_folds_it_again(page, explained):
    data_map, evidence = explained
    table = evidence.to_frame()
    kinds = table.groupby("number")["kind"].agg(set)
    needed = {"another label", "same label", "feature"}
    number = next(number for number, found in kinds.items() if needed <= found)
    table = table[table["number"] == number]
    go_to(page, evidence.rows[number])
    assert page.attribute("evidence-open", "aria-expanded") == "false"
    assert page.texts("#row-text mark") == []
    page.keys("e")
    assert page.attribute("evidence-open", "aria-expanded") == "true"
    assert "Evidence of a model, no proof." in page.text("evidence")
    for kind, title in (
        ("another label", "Nearest with another label"),
        ("same label", "Nearest with this label"),
    ):
        near = table[table["kind"] == kind]["neighbour"].tolist()[:3]
        assert title in page.texts("#evidence h3")
        for row in near:
            told = f"{data_map.label[row]} {data_map.columns['text'][row]}"
            assert told in page.texts(".near button")
    words = table[table["kind"] == "feature"].head(5)
    shown = page.texts(".words-of-row mark")
    assert sorted(shown) == sorted(words["reason"])
    against = words[words["weight"] < 0]["reason"].tolist()
    assert sorted(page.texts(".words-of-row mark.against")) == sorted(against)
    page.keys("e")
    assert page.attribute("evidence-open", "aria-expanded") == "false"
    assert page.texts("#row-text mark") == []


def test_words_are_marked_in_a_text_that_stays_text(page):
    page.keys("e")
    assert page.text("row-text") == HOSTILE
    marked = page.texts("#row-text mark")
    assert set(marked) <= set(page.texts(".words-of-row mark"))
    assert "onerror" in marked
    assert (
        page.run("return document.querySelector('#row-text b, #row-text img')") is None
    )
    assert page.driver.title != "run"
    page.driver.find_element("id", "search").send_keys("thank")
    page.wait(
        "return document.querySelector('#row-text mark')?.textContent === 'thank'"
    )


def test_bars_are_the_most_probable_labels(page, explained):
    data_map, _ = explained
    page.keys("e")
    proba = data_map.measures["mean_proba"][0]
    order = np.argsort(-proba, kind="stable")
    names = [str(data_map.classes[k]) for k in order]
    shown = page.texts(".bar-name")
    assert [name.removesuffix(" given") for name in shown] == names
    assert shown[names.index("anger")] == "anger given"
    shares = [int(s.strip("under% ")) for s in page.texts(".bar-share")]
    np.testing.assert_allclose(shares, 100 * proba[order], atol=1)


def test_a_click_on_a_neighbour_opens_it_and_copies_are_told(page):
    go_to(page, 1)
    page.keys("e")
    assert "Copies with another label" in page.texts("#evidence h3")
    script = """
        const made = [...document.querySelectorAll(".near button")]
          .find((e) => e.textContent === "thanks thank you so much a");
        made.click();"""
    page.run(script)
    page.wait("return document.getElementById('row').dataset.point === '2'")
    assert page.attribute("evidence-open", "aria-expanded") == "true"


def test_rows_without_reasons_and_pages_without_say_so(opened, explained):
    data_map, evidence = explained
    page = opened(data_map, evidence=evidence)
    bare = next(row for row in range(N) if row not in evidence.rows)
    go_to(page, bare)
    page.keys("e")
    assert "The model gave the label" in page.text("row-why")
    assert f"those of {len(evidence.rows)} others" in page.text("evidence")
    page = opened(data_map)
    page.click("evidence-open")
    assert "evidence=explain_rows(estimator, X, y, rows)" in page.text("evidence")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_unfolded_nothing_is_cut(opened, explained, scheme):
    data_map, evidence = explained
    page = opened(data_map, evidence=evidence, scheme=scheme)
    page.keys("e")
    try:
        for width, height in {1440: 900, 900: 900, 390: 844, 320: 640}.items():
            page.resize(width, height)
            assert page.run(FAULTS, f"{CUT}, .bar-name, .near button") == [], width
    finally:
        page.resize(WIDTH, HEIGHT)


def test_of_rows_judged_unseen_nothing_is_told(opened, explained):
    data_map, evidence = explained
    review = data_map.review(n=5)
    review = review[review["position"].isin(evidence.rows)].assign(drawn="suspect")
    page = opened(data_map, evidence=evidence, review=review)
    row = review["position"].iloc[0]
    assert page.attribute("row", "data-point") == str(row)
    assert not page.run(
        "return document.getElementById('evidence-open').checkVisibility()"
    )
    page.keys("e")
    for sentence in evidence.sentences:
        assert sentence not in page.text("row-why")
    assert page.text("evidence") == page.text("row-why")
    assert page.texts("#row-text mark") == []
