"""What notebooks show of maps, comparisons, audits and reasons."""

from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import make_pipeline

from sklearn_datamaps import (
    DataMap,
    DataMapClassifier,
    TrainingDynamics,
    audit_labels,
    explain_rows,
)
from sklearn_datamaps._views import colors, html

HOSTILE = [
    "<script>alert(1)</script>",
    '" onmouseover="alert(2)',
    "$x^2$ & 'y'",
    "</svg></div><b>",
]
SGD = SGDClassifier(loss="log_loss", random_state=0)
VOID = {"path", "rect", "br"}


class Reader(HTMLParser):
    """Texts, elements and attributes, and whether every element is closed."""

    def __init__(self, page):
        super().__init__()
        self.texts, self.tags, self.attributes, self.open = [], set(), [], []
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs
        self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def make_map(n_classes=4, n_samples=300, classes=None, **kwargs):
    rng = np.random.default_rng(0)
    classes = list(range(n_classes)) if classes is None else classes
    y = np.asarray(classes)[rng.integers(0, len(classes), n_samples)]
    mean = rng.dirichlet(np.full(len(classes), 0.1), n_samples)
    proba = (3 * mean + rng.dirichlet(np.ones(len(classes)), (5, n_samples))) / 4
    return DataMap.from_probabilities(proba, y, classes=classes, **kwargs)


def make_multilabel_map():
    rng = np.random.default_rng(0)
    y = rng.random((60, 4)) < 0.3
    return DataMap.from_probabilities(
        rng.random((4, 60, 4)), y, multilabel=True, classes=HOSTILE
    )


def make_map_with_unseen_rows():
    dynamics = TrainingDynamics(np.arange(50) % 2)
    proba = np.random.default_rng(0).dirichlet([1, 1], 40)
    dynamics.update(proba, rows=np.arange(40))
    return dynamics.to_data_map(allow_incomplete=True)


def make_comparison():
    other = make_map(classes=HOSTILE)
    proba = np.random.default_rng(1).dirichlet(np.full(4, 0.4), (5, 300))
    return other.compare(
        DataMap.from_probabilities(proba, other.label, classes=HOSTILE)
    )


def make_audit():
    X, y = load_digits(return_X_y=True)
    X, y = X[:600] / 16, y[:600] % 4
    y[:20] = (y[:20] + 1) % 4
    return audit_labels(SGD, X, np.array(HOSTILE)[y], random_state=0)


def make_explanation(rows=(0, 1)):
    texts = ["thank <b>you</b>", "thanks $a$", "bad day", "so bad"] * 5
    y = HOSTILE[:2] * 10
    clf = DataMapClassifier(SGD, n_epochs=3, store_trajectories=True)
    pipe = make_pipeline(CountVectorizer(), clf).fit(texts, y)
    return explain_rows(pipe, texts, y, rows)


SHOWN = {
    "map": lambda: make_map(classes=HOSTILE),
    "many labels": lambda: make_map(n_classes=60),
    "one row": lambda: DataMap.from_probabilities([[[0.5, 0.5]]], [0], classes=[0, 1]),
    "multilabel": make_multilabel_map,
    "unseen rows": make_map_with_unseen_rows,
    "comparison": make_comparison,
    "multilabel comparison": lambda: make_multilabel_map().compare(
        make_multilabel_map()
    ),
    "audit": make_audit,
    "explanation": make_explanation,
    "explanation of no row": lambda: make_explanation(np.empty(0, dtype=int)),
}


@pytest.fixture(params=SHOWN, ids=list(SHOWN), scope="module")
def page(request):
    return SHOWN[request.param]()._repr_html_()


def test_texts_of_the_data_are_texts(page):
    read = Reader(page)
    known = {"div", "p", "b", "code", "span", "svg", "path", "rect", "text", "g"}
    assert read.tags <= {*known, "polyline"}
    assert not [name for name, _ in read.attributes if name.startswith("on")]


def test_pictures_are_whole_and_have_a_text_for_those_who_do_not_see_them(page):
    parts = page.split("<svg")[1:]
    for part in parts:
        svg = ElementTree.fromstring(f"<svg{part.split('</svg>')[0]}</svg>")
        assert svg.get("role") == "img"
        assert svg.get("aria-label")
        assert "nan" not in " ".join(e.get("d", "") for e in svg.iter())
    assert parts or "row 0" not in page


def test_widths_of_bars_are_shares(page):
    for part in page.split(";width:")[1:]:
        assert 0 <= float(part.split("%")[0]) <= 100


def test_next_step_is_named(page):
    text = " ".join(Reader(page).texts)
    assert "Next: " in text
    assert page.count("<code") >= 1


def test_texts_have_the_colour_of_the_page_and_nothing_lies_behind_them(page):
    styles = [value for name, value in Reader(page).attributes if name == "style"]
    styles = [rule for style in styles for rule in style.split(";") if rule]
    rules = {tuple(rule.split(":", 1)) for rule in styles}
    texts = {value for name, value in rules if name == "color"}
    assert texts <= {"var(--jp-content-font-color1,inherit)", "inherit"}
    behind = {value for name, value in rules if name == "background"}
    # What lies behind code is nearly transparent; all others are bars.
    assert behind <= {"rgba(128,128,128,0.15)", *html.COLORS.values()}
    fills = {value for name, value in Reader(page).attributes if name == "fill"}
    assert fills <= {"currentColor", "none", *html.COLORS.values()}


@pytest.mark.parametrize("behind", ["white", "#f5f5f5", "#1e1e1e", "#111111", "black"])
def test_colours_of_marks_stand_out_in_light_and_dark_pages(behind):
    for color in (html.BLUE, html.GREY, html.ORANGE):
        assert colors.contrast(color, behind) >= colors.GRAPHIC


def test_names_of_labels_are_shown_as_they_are():
    texts = Reader(make_map(classes=HOSTILE)._repr_html_()).texts
    assert set(HOSTILE) <= set(texts)
    assert 'class="tex2jax_ignore' in make_map(classes=HOSTILE)._repr_html_()


def test_regions_and_hard_labels_are_those_of_the_summary():
    data_map = make_map()
    text = "\n".join(Reader(data_map._repr_html_()).texts)
    for region, row in data_map.summary().iterrows():
        told = f"{row['n_samples']:,.0f} ({100 * row['share']:.1f} %)"
        assert f"{region}\n{told}" in text
    hard = data_map.summary(by="label")
    for label, counts in hard.iterrows():
        assert f"{label}\n{counts['hard']} of {counts.sum()}" in text


def test_labels_beyond_the_first_are_counted():
    data_map = make_map(n_classes=60, n_samples=2000)
    n_with_hard = (data_map.summary(by="label")["hard"] > 0).sum()
    told = f"{n_with_hard - html.MOST_BARS} more labels are not shown"
    assert n_with_hard > html.MOST_BARS
    assert told in data_map._repr_html_()


def test_picture_of_a_map_has_a_cell_where_there_are_points():
    own = np.array([[0.99, 0.01]] * 5 + [[0.02, 0.98]])
    data_map = DataMap.from_probabilities([own], [0] * 6, classes=[0, 1])
    svg = data_map._repr_html_().split("<svg")[1].split("</svg>")[0]
    cells = {
        color: [e for e in svg.split("<path ") if f'fill="{color}"' in e]
        for color in (html.BLUE, html.ORANGE)
    }
    (easy,), (hard,) = cells[html.BLUE], cells[html.ORANGE]
    assert easy.startswith('d="M35 4h')  # the top left corner
    assert hard.startswith(f'd="M35 {4 + (html.CELLS[1] - 1) * html.CELL}h')


def test_map_of_any_size_is_small():
    data_map = make_map(n_classes=2, n_samples=50_000)
    assert len(data_map._repr_html_()) < 25_000


def test_many_rows_explained_are_cut_and_counted():
    shown = make_explanation(range(13))._repr_html_()
    assert "3 more rows" in shown
    assert "row 9:" in shown
    assert "row 10:" not in shown


def test_comparison_counts_what_moved():
    comparison = make_comparison()
    counts = comparison.transitions.to_numpy()
    up, down = np.tril(counts, -1).sum(), np.triu(counts, 1).sum()
    told = " ".join(Reader(comparison._repr_html_()).texts)
    assert f"{up + down} rows are in another region, {up} towards easy" in told
    assert f"{comparison.spearman['confidence']:.2f}" in told


def test_map_without_labels_is_not_sent_to_a_review(tmp_path):
    from sklearn_datamaps import read_coordinates

    path = tmp_path / "td_metrics.jsonl"
    frame = pd.DataFrame(
        {
            "guid": [0, 1],
            "index": [0, 1],
            "threshold_closeness": [0.16, 0.09],
            "confidence": [0.8, 0.1],
            "variability": [0.1, 0.1],
            "correctness": [3, 0],
            "forgetfulness": [0, 1000],
        }
    )
    frame.to_json(path, orient="records", lines=True)
    shown = read_coordinates(path, n_epochs=3)._repr_html_()
    assert "review" not in shown
    assert "data_map.plot()" in shown
