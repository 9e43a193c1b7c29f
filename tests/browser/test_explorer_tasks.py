"""What one does in an afternoon, from a page never seen before: by keys, by the mouse.

A task is a method that both hands have, and its name stands in TASKS at its place.
"""

import pytest

pytest.importorskip("selenium", reason="needs selenium: pip install selenium")

from selenium.webdriver.common.keys import Keys
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import make_pipeline

from sklearn_datamaps import explain_rows
from sklearn_datamaps._curation.apply_review import apply_review
from tests.browser.test_explorer_agree import drop, reviewed_by
from tests.browser.test_explorer_page import SHOW_POINT, binary_map, read_csv
from tests.browser.test_explorer_play import EPOCH_TIME

TASKS = (
    *("find", "decide", "undo", "filter", "play", "why", "save", "come_back"),
    *("merge", "export"),
)
MOST_TABS = 80
WATCH = """
    const pressed = window.pressed = {keydown: 0, pointerdown: 0};
    const count = (event) => { pressed[event.type] += event.isTrusted; };
    for (const kind of Object.keys(pressed)) addEventListener(kind, count, true);"""


class Hands:
    """A person before the page; what is seen is read off the page by both hands."""

    def __init__(self, page, data_map, evidence, others):
        self.page, self.data_map, self.evidence = page, data_map, evidence
        self.others = others
        self.decided = {}  # by position: decision

    def row(self):
        return self.page.run(SHOW_POINT)

    def check_why(self):
        """What unfolds is all that the evidence says of this row."""
        row = self.row()
        place = self.evidence.rows.tolist().index(row)
        assert self.page.text("row-why") == self.evidence.sentences[place]
        assert "Evidence of a model, no proof." in self.seen("#evidence p")
        table = self.evidence.to_frame().query("number == @place").set_index("kind")
        words, texts = table.loc[["feature"]].head(5), self.data_map.columns["text"]
        near = [
            f"{self.data_map.label[k]} {texts[k]}"
            for kind in ("another label", "same label")
            for k in table.loc[[kind], "neighbour"].head(3)
        ]
        assert self.seen(".near button") == near
        for kind, those in (
            ("against", words["weight"] < 0),
            ("for", words["weight"] > 0),
        ):
            told = words.loc[those, "reason"].tolist()
            assert sorted(self.seen(f".words-of-row mark.{kind}")) == sorted(told)
            assert sorted(self.seen(f"#row-text mark.{kind}")) == sorted(told)
        given, other = (
            f"{self.data_map.label[row]} given",
            {"ham": "spam", "spam": "ham"},
        )
        share = self.data_map.confidence[row]
        bars = {given: share, other[self.data_map.label[row]]: 1 - share}
        assert self.seen(".bar-name") == sorted(bars, key=bars.get, reverse=True)

    def seen(self, selector):
        """Texts of what can be seen."""
        found = self.page.driver.find_elements("css selector", selector)
        return [one.text for one in found if one.is_displayed()]

    def check_saved(self, path):
        frame = read_csv(path)
        found = dict(zip(frame["position"].astype(int), frame["decision"], strict=True))
        assert found == self.decided
        apply_review(self.data_map.label, path, X=self.data_map.columns["text"])

    def come_back(self):
        shown = self.row()
        self.page.load()
        assert self.row() == shown
        n_read = len(self.decided)
        assert self.page.text("progress").startswith(f"{n_read} of 60 read")

    def check_played(self):
        for epoch in range(2, 9):
            self.page.pass_time(EPOCH_TIME)
            self.page.wait_text("epoch-name", f"epoch {epoch} of 8")

    def check_merged(self):
        self.page.wait_text("progress", "4 of 60 read")
        theirs = self.data_map.rank("confidence")[20:23].tolist()
        self.decided |= dict.fromkeys(theirs, "drop")


class Keyboard(Hands):
    forbidden = "pointerdown"

    def go_to(self, selector, key=Keys.TAB):
        """Go on from control to control until the one that is meant."""
        is_there = "return document.activeElement.matches(arguments[0])"
        for _ in range(MOST_TABS):
            if self.page.run(is_there, selector):
                return
            self.page.keys(key)
        raise AssertionError(f"no way to {selector} by keys")

    def download(self, selector, name):
        path = self.page.downloads / name
        path.unlink(missing_ok=True)
        self.go_to(selector)
        self.page.keys(Keys.ENTER)
        return self.page.arrived(path)

    def find(self):
        self.page.keys("/", "comment 7 ", Keys.ENTER)
        assert self.row() == 7
        self.page.keys("/", Keys.ESCAPE)

    def decide(self):
        self.page.keys("k")
        self.decided[7] = "keep"
        assert self.page.text("progress").startswith("1 of 60 read")

    def undo(self):
        self.page.keys("d", "u")
        assert self.page.text("progress") == "1 of 60 read, 0 wrong"

    def filter(self):
        self.go_to("#filter-open")
        self.page.keys(Keys.ENTER)
        self.go_to("#filter-on")
        chosen = "return document.getElementById('filter-on').value === 'length'"
        while not self.page.run(chosen):
            self.page.keys(Keys.ARROW_DOWN)
        self.go_to("#filter-value")
        self.page.keys("9", Keys.ENTER)
        length = self.data_map.columns["length"]
        self.page.wait_text("count", f"{(length >= 9).sum()} match")
        self.go_to("#clear")
        self.page.keys(Keys.ENTER)
        assert self.page.text("count") == "60 rows"

    def play(self):
        self.go_to("#stage")
        self.page.stop_clock()
        self.page.keys(Keys.SPACE)
        self.check_played()

    def why(self):
        self.page.keys("e")
        self.check_why()
        self.page.keys("e")
        assert self.seen("#evidence") == []

    def save(self):
        self.check_saved(self.download("#save", "review.csv"))
        self.go_to("#save-more summary")
        self.page.keys(Keys.ENTER)
        path = self.download("#save-page", "map-decided.html")
        assert path.stat().st_size > self.page.path.stat().st_size

    def merge(self):
        # The dialog is the system's: it is enough that it would open.
        opens = """
            const input = document.getElementById("compare-file");
            const ask = (event) => { event.preventDefault(); window.asked = true; };
            input.addEventListener("click", ask);"""
        self.page.run(opens)
        self.go_to("#save-more summary")
        self.page.keys(Keys.ENTER)
        self.go_to("#compare")
        self.page.keys(Keys.ENTER)
        assert self.page.run("return window.asked")
        chosen = self.page.driver.find_element("id", "compare-file")
        chosen.send_keys(str(self.others))
        self.page.wait_text("others", "no row that both decided")
        self.go_to("[data-act=rest]")
        self.page.keys(Keys.ENTER)
        self.check_merged()

    def export(self):
        self.page.keys("?")
        path = self.download("#export", "selection.csv")
        self.page.keys(Keys.ESCAPE)
        assert len(read_csv(path)) == 60


class Mouse(Hands):
    forbidden = "keydown"

    def click(self, selector):
        self.page.driver.find_element("css selector", selector).click()

    def choose(self, name, option):
        self.click(f"#{name}")
        xpath = f"//select[@id='{name}']/option[.='{option}']"
        self.page.driver.find_element("xpath", xpath).click()

    def find(self):
        v, c = self.data_map.variability, self.data_map.confidence
        self.page.click_at(v[7], c[7])
        assert self.row() == 7

    def decide(self):
        self.click("#keep")
        self.decided[7] = "keep"
        assert self.page.text("progress").startswith("1 of 60 read")

    def undo(self):
        self.click("#drop")
        self.click("#undo")
        assert self.page.text("progress") == "1 of 60 read, 0 wrong"

    def filter(self):
        self.choose("label", "spam")
        n_spam = (self.data_map.label == "spam").sum()
        assert self.page.text("count") == f"{n_spam} match"
        self.click("#clear")
        assert self.page.text("count") == "60 rows"

    def play(self):
        self.page.stop_clock()
        self.click("#play")
        self.check_played()

    def why(self):
        self.click("#evidence-open")
        self.check_why()
        self.click("#evidence-open")
        assert self.seen("#evidence") == []

    def save(self):
        self.check_saved(self.page.download("save", "review.csv"))
        self.click("#save-more summary")
        path = self.page.download("save-page", "map-decided.html")
        assert path.stat().st_size > self.page.path.stat().st_size

    def merge(self):
        drop(self.page, self.others)
        self.page.wait_text("others", "no row that both decided")
        self.click("[data-act=rest]")
        self.check_merged()

    def export(self):
        path = self.page.download("export", "selection.csv")
        assert len(read_csv(path)) == 60


@pytest.mark.parametrize("hands", [Keyboard, Mouse])
def test_an_afternoon_by_one_kind_of_hands(opened, tmp_path, hands):
    data_map = binary_map()
    texts = data_map.columns["text"]
    learner = SGDClassifier(loss="log_loss", random_state=0)
    pipe = make_pipeline(CountVectorizer(token_pattern=r"\w+"), learner)
    evidence = explain_rows(pipe, texts, data_map.label, range(len(texts)))
    others = reviewed_by(opened, data_map, "Ann", [*"n" * 20, *"ddd"], tmp_path)[1]
    page = opened(data_map, evidence=evidence)
    person = hands(page, data_map, evidence, others)
    for task in TASKS:
        page.run(WATCH)
        getattr(person, task)()
        # A page that was loaded again has counted nothing.
        pressed = page.run("return window.pressed?.[arguments[0]]", hands.forbidden)
        assert not pressed, task
    person.check_saved(page.download("save", "review.csv"))
