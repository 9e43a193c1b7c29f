"""The page as a file: what is in it, and what can never get out of it."""

import base64
import gzip
import hashlib
import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import make_pipeline

import sklearn_datamaps
from sklearn_datamaps import (
    DataMap,
    DataMapClassifier,
    TrainingDynamics,
    explain_rows,
)
from sklearn_datamaps._core.registry import MEASURES
from sklearn_datamaps._views import page_file
from sklearn_datamaps._views.explorer import explore
from sklearn_datamaps._views.page_content import map_hash
from sklearn_datamaps._views.review import row_hashes

PACKAGE = Path(sklearn_datamaps.__file__).parent
SCRIPTS = sorted((PACKAGE / "_views" / "page").glob("*.js"))
SGD = SGDClassifier(loss="log_loss", random_state=0)
DTYPES = {"u1": np.uint8, "u2": np.uint16, "i4": np.int32}
DTYPES |= {"f4": np.float32, "f8": np.float64}


class Reader(HTMLParser):
    """Collect the attributes and text of every script, and the texts of the rest."""

    def __init__(self):
        super().__init__()
        self.scripts, self.tags, self.texts = [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag == "script":
            self.scripts.append((dict(attributes), ""))

    def handle_data(self, text):
        if self.tags and self.tags[-1][0] == "script":
            self.scripts[-1] = (self.scripts[-1][0], self.scripts[-1][1] + text)

    def handle_endtag(self, tag):
        self.tags.append((f"/{tag}", {}))


class Page:
    """What a browser reads in a page."""

    def __init__(self, path):
        self.source = path.read_text(encoding="utf-8")
        reader = Reader()
        reader.feed(self.source)
        self.tags = reader.tags
        self.program = [text for attributes, text in reader.scripts if not attributes]
        typed = {s[0].get("id") or s[0].get("data-block"): s[1] for s in reader.scripts}
        self.header = json.loads(typed["header"])
        self.blocks = {k: v for k, v in typed.items() if k not in (None, "header")}

    def unpack(self, name):
        return gzip.decompress(base64.b64decode(self.blocks[name]))

    def array(self, name):
        return np.frombuffer(self.unpack(name), DTYPES[self.header["arrays"][name]])

    def values(self, name):
        return json.loads(self.unpack(name))


@pytest.fixture(scope="module", autouse=True)
def _plotly():
    pytest.importorskip("plotly", reason="needs plotly: pip install plotly")


@pytest.fixture
def write(tmp_path):
    def write_page(data_map, **arguments):
        return Page(explore(data_map, tmp_path / "map.html", **arguments))

    return write_page


FOUR = [[0.9, 0.1], [0.8, 0.2], [0.2, 0.8], [0.1, 0.9]]
VARIED = "variability <= 0.000: rows differ by confidence, hardly by variability"


def random_map(n_samples=40, n_classes=2, *, seed=0, index=None, stored=True):
    rng = np.random.default_rng(seed)
    proba = rng.dirichlet(np.ones(n_classes), size=(6, n_samples))
    y = rng.integers(n_classes, size=n_samples)
    data_map = DataMap.from_probabilities(
        proba,
        y,
        classes=range(n_classes),
        measures=["loss", "mean_proba"],
        store_trajectories=stored,
        index=index,
    )
    return data_map.with_columns(text=[f"text {i}" for i in range(n_samples)])


@pytest.mark.parametrize("n_classes", [2, 5])
def test_page_holds_the_map(write, n_classes):
    data_map = random_map(n_classes=n_classes)
    page = write(data_map)
    for name in page.header["measures"]:
        expected = data_map.measure(name).astype(np.float32)
        np.testing.assert_array_equal(page.array(name), expected)
    assert {"confidence", "variability", "correctness"} < set(page.header["measures"])
    assert ("margin" in page.header["measures"]) == (n_classes > 2)
    assert bool(page.header["boundary"]) == (n_classes == 2)
    np.testing.assert_array_equal(page.array("region"), data_map.region_codes())
    labels = np.array(page.header["labels"])
    assert labels[page.array("label")].tolist() == data_map.label.astype(str).tolist()
    predicted = data_map.predicted.astype(str)
    assert labels[page.array("predicted")].tolist() == predicted.tolist()
    assert page.values("text") == data_map.columns["text"].tolist()
    assert page.values("id") == list(range(40))
    digests = page.array("hashes").tobytes().hex()
    assert digests == "".join(row_hashes(data_map))


@pytest.mark.parametrize(("most", "steps"), [(240, 65534), (239, 254)])
def test_trajectories_are_stored_in_two_bytes_or_one(write, monkeypatch, most, steps):
    monkeypatch.setattr("sklearn_datamaps._views.page_content.MOST_EXACT", most)
    data_map = random_map()
    page = write(data_map)
    stored = page.array("trajectories").reshape(40, 6).T / steps
    np.testing.assert_allclose(stored, data_map.trajectories, atol=0.5 / steps + 1e-7)
    assert page.header["plays"]
    assert page.header["no_play"] is None


def test_epochs_that_were_not_recorded_are_told_apart(write):
    dynamics = TrainingDynamics([0, 1, 1], store_trajectories=True)
    dynamics.update([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]])
    dynamics.update([[1.0, 0.0], [0.0, 1.0]], rows=[0, 2])
    page = write(dynamics.to_data_map(allow_incomplete=True))
    stored = page.array("trajectories").reshape(3, 2)
    assert stored.tolist() == [[65534, 65534], [32767, 65535], [65534, 65534]]
    assert page.header["plays"]


def test_page_says_how_the_training_could_be_played(write):
    without = write(random_map(stored=False))
    assert "trajectories" not in without.blocks
    assert not without.header["plays"]
    line = "DataMapClassifier(store_trajectories=True)"
    assert without.header["no_play"][1:] == [line]
    rng = np.random.default_rng(0)
    runs = [
        DataMap.from_probabilities(proba, [0, 1, 0], store_trajectories=True)
        for proba in rng.dirichlet([1, 1], size=(2, 4, 3))
    ]
    average = write(DataMap.average(runs))
    assert not average.header["plays"]
    assert "average" in average.header["no_play"][0]
    one = DataMap.from_probabilities([[[0.2, 0.8], [0.5, 0.5]]], [0, 1])
    assert (write(one).header["plays"], write(one).header["no_play"]) == (False, None)


def test_multilabel_cells_point_to_their_rows(write):
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=(10, 3))
    data_map = DataMap.from_probabilities(
        rng.uniform(size=(4, 10, 3)), y, multilabel=True, store_trajectories=True
    )
    page = write(data_map.with_columns(text=list("abcdefghij")))
    row, name = page.array("row"), page.array("name")
    confidence = page.array("confidence")
    expected = data_map.confidence[row, name].astype(np.float32)
    np.testing.assert_array_equal(confidence, expected)
    np.testing.assert_array_equal(page.array("label"), y[row, name])
    trajectories = page.array("trajectories").reshape(30, 4)
    own = data_map.trajectories[:, row, name].T
    np.testing.assert_allclose(trajectories / 65534, own, atol=1e-5)
    assert page.values("text") == list("abcdefghij")
    assert page.header["labels"] == ["False", "True"]


@pytest.mark.parametrize(
    ("values", "expected", "is_number"),
    [
        ([1, -2, 3], [1, -2, 3], True),
        ([2**60, 1, 2], [str(2**60), "1", "2"], True),
        ([0.1, np.nan, -np.inf], [0.1, None, None], True),
        ([True, False, True], ["True", "False", "True"], False),
        (["a", None, "\ud800"], ["a", None, "\ud800"], False),
        (
            np.array(["2020-01-01", "NaT", "2021-01-01"], "datetime64[D]"),
            ["2020-01-01", None, "2021-01-01"],
            False,
        ),
    ],
)
def test_carried_columns_keep_their_values(write, values, expected, is_number):
    page = write(random_map(3).with_columns(extra=values))
    assert page.header["columns"] == [{"name": "extra", "is_number": is_number}]
    assert page.values("column:0") == expected


def test_text_may_stand_in_another_column_or_nowhere(write):
    data_map = random_map(3).with_columns(comment=["x", "y", "z"])
    page = write(data_map, text="comment")
    assert page.values("text") == ["x", "y", "z"]
    assert [column["name"] for column in page.header["columns"]] == ["text"]
    page = write(data_map, text=None)
    assert page.header["text"] is None
    assert "text" not in page.blocks
    with pytest.raises(ValueError, match=r"no column 'comments'; the map has \['text'"):
        write(data_map, text="comments")


def test_map_without_the_default_column_has_no_text(write):
    data_map = DataMap.from_probabilities([[[0.4, 0.6], [0.8, 0.2]]], [0, 1])
    assert write(data_map).header["text"] is None


HOSTILE = "</script><!--<script>\"'&\u2028 ${x} $policy <img src=x onerror=alert(1)>"


def test_hostile_names_and_texts_are_nowhere_markup(write):
    proba = [[[0.9, 0.1], [0.2, 0.8]]]
    y = [HOSTILE, HOSTILE + "2"]
    data_map = DataMap.from_probabilities(proba, y, index=pd.Index([HOSTILE, "b"]))
    plain = write(data_map, title="title")
    page = write(
        data_map.with_columns(text=[HOSTILE] * 2, **{HOSTILE: [HOSTILE] * 2}),
        title=HOSTILE,
    )
    assert page.values("text") == [HOSTILE] * 2
    assert page.header["labels"] == y
    assert page.header["columns"][0]["name"] == HOSTILE

    def shape(read):  # markup, apart from the blocks
        kinds = [(tag, sorted(a)) for tag, a in read.tags if tag != "/script"]
        return [kind for kind in kinds if kind != ("script", ["data-block", "type"])]

    assert shape(page) == shape(plain)


def test_policy_admits_the_script_of_the_package_and_no_request(write):
    page = write(random_map(3))
    policy = next(a["content"] for _, a in page.tags if a.get("http-equiv"))
    directives = dict(part.split(" ", 1) for part in policy.split("; "))
    assert directives["default-src"] == "'none'"
    assert directives["connect-src"] == "'none'"
    assert "'unsafe-inline'" not in directives["script-src"]
    assert not re.search(r"https?:|\*", policy)
    (program,) = page.program
    digest = base64.b64encode(hashlib.sha256(program.encode()).digest()).decode()
    assert directives["script-src"] == f"'sha256-{digest}' 'unsafe-eval'"
    assert {path.name for path in SCRIPTS} == set(page_file.SCRIPTS)
    assert directives["img-src"] == "data:"
    for path in SCRIPTS:
        assert path.read_text(encoding="utf-8") in program
    linked = [a for _, a in page.tags if "src" in a or "href" in a]
    assert [a["href"] for a in linked] == ["data:,"]


def test_script_never_parses_texts_as_markup():
    script = "".join(path.read_text(encoding="utf-8") for path in SCRIPTS)
    for forbidden in ("innerHTML", "insertAdjacent", "document.write", "DOMParser"):
        assert forbidden not in script
    # Read, to save the page; never set.
    assert re.findall(r"outerHTML.{3}", script) == ["outerHTML}`,"]
    assert "</script" not in script.lower()
    assert "hovertemplate" not in script


def test_sample_keeps_hard_rows_first_then_ambiguous_ones(write):
    data_map = random_map(200)
    regions = data_map.regions()
    n_hard, n_ambiguous = ((regions == r).sum() for r in ("hard", "ambiguous"))
    page = write(data_map, max_points=int(n_hard + n_ambiguous + 5))
    kept = regions[page.array("position")]
    assert (kept == "hard").sum() == n_hard
    assert (kept == "ambiguous").sum() == n_ambiguous
    assert (kept == "easy").sum() == 5
    assert page.header["notes"][:1] == [
        f"A sample of {n_hard + n_ambiguous + 5} of 200 rows: hard ones first, then "
        f"ambiguous ones, then easy ones."
    ]
    fewer = write(data_map, max_points=int(n_hard - 1))
    assert set(regions[fewer.array("position")]) == {"hard"}


def test_sample_is_seeded_and_its_rows_stay_together(write):
    data_map = random_map(200)
    one, same = (write(data_map, max_points=50).array("position") for _ in range(2))
    other = write(data_map, max_points=50, random_state=1)
    np.testing.assert_array_equal(one, same)
    rows = other.array("position")
    assert rows.tolist() != one.tolist()
    assert other.values("text") == data_map.columns["text"][rows].tolist()
    assert other.values("id") == rows.tolist()


def test_whole_map_has_no_note(write):
    data_map = DataMap.from_probabilities([FOUR, FOUR], [0, 0, 1, 1])
    assert write(data_map, max_points=4).header["notes"] == [VARIED]


def test_rows_never_recorded_are_left_out_and_counted(write):
    dynamics = sklearn_datamaps.TrainingDynamics([0, 0, 1, 1, 0, 1])
    for _ in range(2):
        dynamics.update(FOUR, rows=[0, 2, 3, 4])
    page = write(dynamics.to_data_map(allow_incomplete=True))
    assert page.array("position").tolist() == [0, 2, 3, 4]
    told = "2 rows were never recorded and are not shown."
    assert page.header["notes"] == [told, VARIED]


def test_page_says_what_not_to_trust(write):
    data_map = DataMap.from_probabilities([FOUR], ["Joy", "joy", "joy", "Joy"])
    assert [note for note in write(data_map).header["notes"] if "they one?" in note]


def test_page_knows_which_labels_have_the_rows_to_be_suggested(write):
    y = [*["a"] * 6, *["b"] * 5, *["c"] * 4]
    data_map = DataMap.from_probabilities([np.full((15, 3), 1 / 3)], y)
    assert write(data_map).header["may_suggest"] == [True, True, False]
    indicator = np.repeat([[1, 0], [0, 0]], [4, 8], axis=0)
    data_map = DataMap.from_probabilities(
        [np.full((12, 2), 0.5)], indicator, multilabel=True
    )
    told = [[True, False], [True, False]]
    assert write(data_map).header["may_suggest"] == told


def test_map_of_no_recorded_row_is_refused(write):
    dynamics = sklearn_datamaps.TrainingDynamics([0, 1, 1])
    dynamics.update([[0.9, 0.1]], rows=[0])
    data_map = dynamics.to_data_map(allow_incomplete=True)
    empty = np.full(3, np.nan)
    unseen = DataMap(
        **dict.fromkeys(("confidence", "variability", "correctness"), empty),
        label=data_map.label,
        predicted=data_map.predicted,
        classes=data_map.classes,
        n_epochs=1,
        index=data_map.index,
    )
    with pytest.raises(ValueError, match="nothing to explore"):
        write(unseen)


@pytest.mark.parametrize("max_points", [0, -1, 2.5, True, None, "5"])
def test_max_points_must_be_a_positive_integer(write, max_points):
    with pytest.raises(ValueError, match="max_points must be an integer >= 1"):
        write(random_map(3), max_points=max_points)


def test_columns_of_the_review_are_refused(write):
    data_map = random_map(3).with_columns(decision=["a", "b", "c"])
    with pytest.raises(ValueError, match=r"The map carries \['decision'\]"):
        write(data_map)


def test_hash_names_the_map():
    data_map = random_map(5)
    assert map_hash(data_map) == map_hash(random_map(5, stored=False))
    others = [random_map(5, seed=1), random_map(5, index=pd.Index(list("abcde")))]
    hashes = {map_hash(other) for other in [data_map, *others]}
    assert len(hashes) == 3


def test_same_map_gives_the_same_file(tmp_path):
    paths = [explore(random_map(5), tmp_path / name) for name in ("a", "b")]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert paths[0] == tmp_path / "a"


def test_missing_plotly_is_named_with_its_extra(write, monkeypatch):
    from sklearn_datamaps._views import page_file

    page_file.plotly_script.cache_clear()
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    with pytest.raises(ImportError, match=r"explore needs plotly.*\[explore\]"):
        write(random_map(3))


def test_page_without_a_path_shows_itself_in_a_notebook(tmp_path):
    data_map = random_map(5)
    shown = data_map.explore(title="<Title>")._repr_html_()
    (frame,) = Framed(shown).frames
    written = data_map.explore(tmp_path / "map.html", title="<Title>")
    assert frame["srcdoc"] == written.read_text(encoding="utf-8")
    assert "height:760px" in frame["style"]


class Framed(HTMLParser):
    """The attributes of every frame."""

    def __init__(self, source):
        super().__init__()
        self.frames = []
        self.feed(source)

    def handle_starttag(self, tag, attributes):
        assert tag == "iframe"
        self.frames.append(dict(attributes))


def test_halves_of_characters_in_a_title_are_replaced(write):
    page = write(random_map(3), title="a\ud800b")
    assert "<title>a?b</title>" in page.source


def test_title_that_is_no_text_is_refused():
    with pytest.raises(TypeError, match="title must be a text or None; got int"):
        random_map(3).explore(title=3)


@pytest.mark.parametrize("name", ["a\rb", "a\nb", "\x00", '"><b>'])
def test_columns_of_any_name_are_in_the_page(write, name):
    page = write(random_map(3).with_columns(**{name: [1, 2, 3]}))
    assert page.header["columns"][0]["name"] == name
    assert page.values("column:0") == [1, 2, 3]


def test_suspects_are_ranked_by_what_the_map_was_made_for(write):
    assert write(random_map(5)).header["by"] == "confidence"
    page = write(random_map(5), by="aleatoric")
    assert page.header["by"] == "aleatoric"
    expected = random_map(5).measure("aleatoric").astype(np.float32)
    np.testing.assert_array_equal(page.array("aleatoric"), expected)
    held_out = [name for name, entry in MEASURES.items() if entry.held_out]
    X = np.random.default_rng(0).normal(size=(60, 3))
    y = (X[:, 0] > 0).astype(int)
    model = sklearn_datamaps.DataMapClassifier(cv=2, measures=["mean_proba"])
    assert write(model.fit(X, y).data_map_).header["by"] in held_out


@pytest.mark.parametrize("by", ["mean_proba", "nonsense"])
def test_measure_that_cannot_rank_is_refused(write, by):
    with pytest.raises(ValueError, match=f"no measure '{by}'"):
        write(random_map(3), by=by)


def test_likeliest_other_labels_are_in_the_page(write):
    data_map = random_map(30, n_classes=8)
    page = write(data_map)
    proba = np.array(data_map.measures["mean_proba"])
    proba[np.arange(30), data_map.label] = -1
    order = np.argsort(-proba, axis=1)[:, :5]
    np.testing.assert_array_equal(page.array("likely").reshape(30, 5), order)
    shares = np.take_along_axis(proba, order, axis=1)
    packed = page.array("likely_p").reshape(30, 5) / 255
    np.testing.assert_allclose(packed, shares, atol=0.5 / 255 + 1e-7)


def test_columns_of_decisions_make_way_for_carried_ones(write):
    page = write(random_map(3).with_columns(note=["a", "b", "c"]))
    assert page.header["decision_columns"] == {
        "time": "time",
        "note": "decision_note",
        "annotator": "annotator",
    }


def test_earlier_review_is_in_the_page_as_it_is(write, tmp_path):
    frame = random_map(3).review()
    path = tmp_path / "review.csv"
    frame.to_csv(path, index=False)
    for review in (frame, path, str(path)):
        page = write(random_map(3), review=review)
        assert page.unpack("review") == path.read_bytes()
    assert "review" not in write(random_map(3)).blocks


def test_help_of_the_page_explains_every_measure_it_can_show():
    page = (PACKAGE / "_views" / "page" / "page.html").read_text(encoding="utf-8")
    terms = set(re.findall(r'<dt id="term-(\w+)"', page))
    shown = {
        name for name, measure in MEASURES.items() if measure.ascending is not None
    }
    assert shown <= terms


def explained(data_map, rows, **options):
    """Reasons for the labels of a map of texts."""
    texts, y = data_map.columns["text"], data_map.label
    pipe = make_pipeline(CountVectorizer(token_pattern=r"\S+"), SGD)
    return explain_rows(pipe, texts, y, rows, **options)


def test_evidence_is_in_the_page_row_by_row(write):
    data_map = random_map(n_classes=3)
    evidence = explained(data_map, [7, 3])
    page = write(data_map, evidence=evidence)
    found = page.values("evidence")
    assert page.header["has_evidence"]
    assert [one["point"] for one in found] == [7, 3]
    assert [one["says"] for one in found] == evidence.sentences
    table = evidence.to_frame()
    for number, one in enumerate(found):
        of_row = table[table["number"] == number]
        near = of_row[of_row["neighbour"] >= 0]
        columns = ["kind", "neighbour", "label", "reason"]
        expected = near[columns].to_numpy().tolist()
        assert one["near"] == expected
        words = of_row[of_row["kind"] == "feature"]
        assert [word for word, _ in one["words"]] == words["reason"].tolist()[:5]
        assert [name for name, _ in one["likely"]] == [
            name for name, _ in evidence.likely[number]
        ]
    assert not write(data_map).header["has_evidence"]
    assert "evidence" not in write(data_map).blocks


def test_evidence_of_rows_left_out_of_a_sample_is_left_out(write):
    data_map = random_map()
    page = write(data_map, evidence=explained(data_map, range(40)), max_points=5)
    found = page.values("evidence")
    positions = page.array("position")
    assert [one["point"] for one in found] == [0, 1, 2, 3, 4]
    expected = explained(data_map, positions).sentences
    assert [one["says"] for one in found] == expected


def test_evidence_of_cells_finds_its_points(write):
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=(30, 3))
    X = rng.normal(size=(30, 4))
    clf = DataMapClassifier(SGD, n_epochs=3, random_state=0).fit(X, y)
    evidence = explain_rows(clf, X, y, [[4, 2], [0, 1]])
    page = write(clf.data_map_, evidence=evidence)
    found = page.values("evidence")
    cells = [4 * 3 + 2, 1]
    assert [one["point"] for one in found] == cells
    assert page.array("row")[cells].tolist() == [4, 0]
    assert page.array("name")[cells].tolist() == [2, 1]


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda m: explained(m, [0]).to_frame(), TypeError, "Explanation.*DataFrame"),
        (lambda m: explained(random_map(41), [40]), ValueError, "does not have.*40"),
        (lambda m: explained(random_map(seed=1), [0]), ValueError, "other labels"),
    ],
)
def test_evidence_of_something_else_is_refused(write, make, error, match):
    data_map = random_map()
    with pytest.raises(error, match=match):
        write(data_map, evidence=make(data_map))


def test_hostile_evidence_is_nowhere_markup(write):
    hostile = "</script><script>document.title='run'</script>"
    texts = [f"{hostile} w{i % 3}" for i in range(40)]
    data_map = random_map().with_columns(text=texts)
    evidence = explained(data_map, [0, 1])
    assert hostile in str(evidence.to_frame()["reason"].tolist())
    page = write(data_map, evidence=evidence)
    assert hostile not in page.source
    assert len(page.program) == 1
