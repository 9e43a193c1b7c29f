import contextlib
import io
import os
import re
import runpy
import subprocess
import sys
from typing import NamedTuple

import datasets
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline

import sklearn_datamaps
from sklearn_datamaps import DataMapClassifier, apply_review
from sklearn_datamaps._cli import demo
from sklearn_datamaps._cli.parser import main
from sklearn_datamaps._views import page_file
from sklearn_datamaps.datasets import fetch_go_emotions

REAL_DATA = os.environ.get("SKLEARN_DATAMAPS_DATA")

GRATITUDE, NEUTRAL = 15, 27
OPTIONS = ["--dataset", "--label", "--data-home", "--out", "--epochs", "--seed"]
OPTIONS += ["--top", "--quiet", "--help"]
REVIEWED = ["review.csv", "data_map.html"]

# (text, emotion): two groups that are learned at once, a few with the same text as a
# group and the other label, the same text with both labels, and text that is hard on
# a CSV file or a terminal.
COMMENTS = [
    *[("thanks a lot, mate", GRATITUDE)] * 30,
    *[("the weather is grey", NEUTRAL)] * 40,
    *[("thanks a lot, mate", NEUTRAL)] * 3,
    *[("the weather is grey", GRATITUDE)] * 2,
    *[("congratulations", GRATITUDE), ("congratulations", NEUTRAL)] * 4,
    ('"quoted", and, commas', NEUTRAL),
    ("two\nlines\r\nand\rmore", NEUTRAL),
    ("NA", NEUTRAL),
    ("\x1b[31mred\x07 thanks a lot, mate \U0001f600 grüße", NEUTRAL),
    ("thanks a lot, mate " + "very " * 80 + "much", NEUTRAL),
    ("thanks a lot, mate " + "h" * 400, NEUTRAL),
]


class Run(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def ids(self):
        """First column of the listed rows."""
        pattern = r"^ *(\S+) +(?:not )?\S+ +(?:not )?\S+ +\d\.\d{3} +\d\.\d{3}$"
        return re.findall(pattern, self.out, flags=re.MULTILINE)


def run(*argv):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(["demo", *map(str, argv)])
    return Run(code, out.getvalue(), err.getvalue())


def read_csv(folder):
    # pandas' own parser of floats is off by the last bit in some of its versions.
    table = pd.read_csv(folder / "data_map.csv", dtype=str, keep_default_na=False)
    for name in table.columns.difference(["id", "region", "text"]):
        kind = int if table[name].str.isdecimal().all() else float
        if name not in ("label", "predicted") or kind is int:
            table[name] = table[name].map(kind)
    return table


def section(result, region):
    """Part of the output about one region, as a Run of its own."""
    part = re.search(rf"^{region}: .*?(?=^$)", result.out, re.MULTILINE | re.DOTALL)
    return result._replace(out=part.group())


@pytest.fixture(autouse=True)
def no_variable(monkeypatch):
    monkeypatch.delenv("SKLEARN_DATAMAPS_DATA", raising=False)


@pytest.fixture
def no_pictures(monkeypatch):
    """Saves the seconds of drawing where the pictures do not matter."""
    for name in ("write_plot", "_write_hardest", "explore"):
        monkeypatch.setattr(demo, name, lambda *args: "picture")


@pytest.fixture(scope="module")
def digits_demo(tmp_path_factory):
    """Output and folder of one full run of the digits demo."""
    folder = tmp_path_factory.mktemp("digits") / "new" / "folder"
    return run("--out", folder), folder


@pytest.fixture(scope="module")
def data_home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    (folder / "go_emotions").mkdir()
    texts, labels = zip(*COMMENTS, strict=True)
    ids = [f"c{i:03}" for i in range(len(texts))]
    columns = {"text": texts, "labels": [[label] for label in labels], "id": ids}
    pd.DataFrame(columns).to_parquet(folder / "go_emotions" / "train.parquet")
    return folder


@pytest.fixture(scope="module")
def comments_demo(data_home, tmp_path_factory):
    """Output and folder of a run over a small folder of the GoEmotions layout."""
    folder = tmp_path_factory.mktemp("comments")
    argv = ["--dataset", "go_emotions", "--data-home", data_home, "--out", folder]
    return run(*argv, "--top", 4), folder


def test_digits_demo_writes_its_files_and_two_pictures(digits_demo):
    result, folder = digits_demo
    assert result.code == 0
    names = {"data_map.csv", "data_map.png", "hardest_digits.png", *REVIEWED}
    assert {path.name for path in folder.glob("[!.]*")} == names
    for name in ("data_map.png", "hardest_digits.png"):
        assert plt.imread(folder / name).std() > 0.05  # not blank


def test_digits_table_is_the_map_of_the_same_classifier_run_alone(digits_demo):
    _, folder = digits_demo
    X, y = load_digits(return_X_y=True)
    learner = MLPClassifier(solver="sgd", learning_rate_init=0.05, batch_size=64)
    classifier = DataMapClassifier(learner, n_epochs=10, random_state=0)
    expected = classifier.fit(X / 16, y).data_map_.to_frame()
    assert len(expected) == 1797
    found = read_csv(folder)
    pd.testing.assert_frame_equal(found, expected, check_exact=True, check_dtype=False)


def test_digits_map_shows_all_regions_and_visible_variability(digits_demo):
    _, folder = digits_demo
    table = read_csv(folder)
    assert table["region"].value_counts().min() >= 5
    assert table["variability"].max() > 0.2


def test_digits_summary_counts_the_rows_of_the_table(digits_demo):
    result, folder = digits_demo
    assert result.out.startswith("DataMap: 1,797 rows, 10 epochs")
    for region, count in read_csv(folder)["region"].value_counts().items():
        assert re.search(rf"^{region} +{count:,} ", result.out, flags=re.MULTILINE)


def test_most_suspicious_rows_are_those_of_lowest_confidence(digits_demo):
    result, folder = digits_demo
    lowest = read_csv(folder).sort_values("confidence", kind="stable")[:10]
    assert [int(position) for position in result.ids] == lowest["position"].tolist()
    row = lowest.iloc[0]
    cells = f"{row.position} {row.label} {row.predicted} {row.confidence:.3f}"
    assert cells in re.sub(" +", " ", result.out)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.usefixtures("no_pictures")
@pytest.mark.parametrize("kind", [Terminal, io.StringIO])
def test_progress_is_on_the_standard_error_and_its_bar_on_a_terminal(tmp_path, kind):
    out, err = io.StringIO(), kind()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        assert main(["demo", "--out", str(tmp_path), "--epochs", "3"]) == 0
    told = err.getvalue()
    assert "training on 1,797 digits" in told
    assert ("3/3" in told) == ("\r" in told) == (kind is Terminal)
    assert "epoch" not in out.getvalue().replace("3 epochs", "")


def test_output_ends_with_the_files_named_as_the_user_did(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = run("--out", "some/where", "--epochs", 1).out.splitlines()
    where = [f"wrote {os.path.join('some', 'where', '')}"] * 5
    names = ["data_map.csv", "data_map.png", "hardest_digits.png", *REVIEWED]
    assert lines[-5:] == [w + n for w, n in zip(where, names, strict=True)]


@pytest.mark.usefixtures("no_pictures")
def test_options_set_epochs_seed_and_number_of_rows(tmp_path):
    result = run("--out", tmp_path, "--epochs", 2, "--seed", 7, "--top", 3, "--quiet")
    assert ", 2 epochs," in result.out
    assert ", seed 7\n" in result.out
    assert len(result.ids) == 3
    assert result.err == ""


@pytest.mark.usefixtures("no_pictures")
def test_more_rows_than_there_are_prints_all(data_home, tmp_path):
    argv = ["--dataset", "go_emotions", "--data-home", data_home, "--out", tmp_path]
    assert sorted(run(*argv, "--top", 10_000).ids) == sorted(read_csv(tmp_path)["id"])


@pytest.mark.usefixtures("no_pictures")
def test_same_seed_gives_the_same_bytes_and_another_seed_does_not(tmp_path):
    table = []
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        run("--out", tmp_path / name, "--epochs", 2, "--seed", seed, "--quiet")
        table.append((tmp_path / name / "data_map.csv").read_bytes())
    assert table[0] == table[1] != table[2]


@pytest.fixture
def figures(monkeypatch):
    """Figures that the command writes, by the names of their files."""
    written, write = {}, demo.write_figure

    def write_figure(figure, path):
        written[path.name] = figure
        return write(figure, path)

    monkeypatch.setattr(demo, "write_figure", write_figure)
    return written


@pytest.mark.parametrize(("style", "paper"), [("default", 1), ("dark_background", 0)])
def test_digits_are_drawn_in_the_ink_of_the_style(tmp_path, figures, style, paper):
    with mpl.style.context(style):
        run("--out", tmp_path, "--epochs", 3)
    axes = figures["hardest_digits.png"].axes
    assert [ax.images[0].cmap(0.0)[0] for ax in axes] == [paper] * 20


def test_hardest_digits_carry_their_labels_and_nothing_overlaps(tmp_path, figures):
    run("--out", tmp_path, "--epochs", 3)
    lowest = read_csv(tmp_path).sort_values("confidence", kind="stable")[:20]
    axes = figures["hardest_digits.png"].axes
    assert [ax.get_title() for ax in axes] == [
        f"given {row.label}, predicted {row.predicted}\n"
        f"confidence {row.confidence:.2f}, row {row.position}"
        for row in lowest.itertuples()
    ]
    images = load_digits().images[lowest["position"]]
    for ax, image in zip(axes, images, strict=True):
        np.testing.assert_array_equal(ax.images[0].get_array(), image)

    boxes = [ax.get_tightbbox() for ax in axes]
    boxes.append(figures["hardest_digits.png"]._suptitle.get_window_extent())
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])


def test_demo_leaves_no_figure_open_and_the_backend_alone(tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("pyplot was asked for a figure")

    before = mpl.rcParams["backend"], plt.get_fignums()
    monkeypatch.setattr(plt, "figure", refuse)
    assert run("--out", tmp_path, "--epochs", 1).code == 0
    assert (mpl.rcParams["backend"], plt.get_fignums()) == before


def test_go_emotions_table_is_the_map_of_the_tutorial_pipeline(
    comments_demo, data_home
):
    _, folder = comments_demo
    data, target = fetch_go_emotions(data_home=data_home, return_X_y=True)
    y = np.where(target == 1, "gratitude", "not gratitude")
    pipeline = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 3)),
        DataMapClassifier(
            SGDClassifier(loss="log_loss", class_weight="balanced"),
            n_epochs=10,
            random_state=0,
        ),
    ).fit(data, y)
    expected = pipeline[-1].data_map_.to_frame(text=data.to_numpy())
    expected.insert(0, "id", data.index)
    found = read_csv(folder)
    assert found["text"].tolist() == [text for text, _ in COMMENTS]
    # The command counts n-grams another way: TF-IDF values agree to 1e-15, no more.
    pd.testing.assert_frame_equal(
        found, expected.reset_index(drop=True), rtol=1e-9, atol=0, check_dtype=False
    )


def test_go_emotions_demo_writes_its_files(comments_demo):
    result, folder = comments_demo
    assert result.code == 0
    names = {"data_map.csv", "data_map.png", *REVIEWED}
    assert {path.name for path in folder.glob("[!.]*")} == names
    assert plt.imread(folder / "data_map.png").std() > 0.05


def test_decisions_in_the_reviews_of_the_demos_correct_the_labels(
    digits_demo, comments_demo, data_home
):
    _, folder = comments_demo
    comments = fetch_go_emotions("gratitude", data_home=data_home, as_names=True)
    data, emotions = comments.data, comments.target
    for where, y, X in [
        (digits_demo[1], load_digits().target, None),
        (folder, emotions, data),
    ]:
        path = where / "review.csv"
        review = pd.read_csv(path, dtype=str, keep_default_na=False)
        assert len(review) == min(100, len(y))
        review.loc[0, "decision"] = "drop"
        position = int(review["position"][0])
        kept = apply_review(y, review, X)[1]
        assert np.flatnonzero(~kept).tolist() == [position]


def test_page_of_the_digits_shows_them(digits_demo):
    page = (digits_demo[1] / "data_map.html").read_text(encoding="utf-8")
    assert 'data-block="sheet:0"' in page
    assert "1,797 pictures take" in page


def test_demo_without_plotly_says_what_it_leaves_out(tmp_path, monkeypatch):
    for name in ("write_plot", "_write_hardest"):
        monkeypatch.setattr(demo, name, lambda *args: "picture")
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    page_file.plotly_script.cache_clear()
    result = run("--out", tmp_path, "--epochs", 1)
    assert result.code == 0
    assert "data_map.html left out: DataMap.explore needs plotly" in result.err
    assert "data_map.html" not in result.out
    assert not (tmp_path / "data_map.html").exists()
    assert (tmp_path / "review.csv").exists()


@pytest.mark.usefixtures("no_pictures")
def test_demo_replaces_no_review_with_decisions(tmp_path):
    assert run("--out", tmp_path, "--epochs", 1).code == 0
    path = tmp_path / "review.csv"
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    table.loc[3, "decision"] = "keep"
    table.to_csv(path, index=False)
    decided = path.read_bytes()
    result = run("--out", tmp_path, "--epochs", 1)
    assert result.code == 2
    assert "holds decisions, which would be lost" in result.err
    assert path.read_bytes() == decided


def test_go_emotions_stages_are_visible_in_order(comments_demo):
    result, _ = comments_demo
    stages = ["loading", "vectorizing", "training", "drawing"]
    at = [result.err.index(stage) for stage in stages]
    assert at == sorted(at)


@pytest.mark.parametrize(
    ("region", "by", "ascending"),
    [
        ("Easy", "confidence", False),
        ("Ambiguous", "variability", False),
        ("Hard", "confidence", True),
    ],
)
def test_samples_are_the_most_typical_of_their_region(
    comments_demo, region, by, ascending
):
    result, folder = comments_demo
    table = read_csv(folder)
    inside = table[table["region"] == region.lower()]
    typical = inside.sort_values(by, ascending=ascending, kind="stable")["id"][:4]
    assert section(result, region).ids == typical.tolist()
    assert len(typical) >= 3
    assert f"{region}: {len(inside)} rows, " in result.out


@pytest.mark.usefixtures("no_pictures")
def test_region_without_rows_says_so(data_home, tmp_path):
    argv = ["--dataset", "go_emotions", "--data-home", data_home, "--out", tmp_path]
    result = run(*argv, "--epochs", 1)
    empty = {"easy", "ambiguous", "hard"} - set(read_csv(tmp_path)["region"])
    assert empty
    for region in empty:
        assert f"{region.capitalize()}: no rows\n" in result.out


@pytest.mark.usefixtures("no_pictures")
@pytest.mark.parametrize("columns", [1, 60, 200])
def test_comments_are_wrapped_to_the_terminal(
    data_home, tmp_path, monkeypatch, columns
):
    monkeypatch.setenv("COLUMNS", str(columns))
    argv = ["--dataset", "go_emotions", "--data-home", data_home, "--out", tmp_path]
    result = run(*argv, "--top", 1000)
    texts = re.findall(r"(?:^    \S.*\n)+", result.out, flags=re.MULTILINE)
    assert len(texts) == len(COMMENTS)
    lines = [text.rstrip().split("\n") for text in texts]
    assert max(map(len, lines)) == 2
    assert 0 < max(len(line) for pair in lines for line in pair) <= max(20, columns)
    assert sum("..." in text for text in texts) >= 2


@pytest.mark.usefixtures("no_pictures")
def test_control_characters_do_not_reach_the_terminal(data_home, tmp_path):
    argv = ["--dataset", "go_emotions", "--data-home", data_home, "--out", tmp_path]
    out = run(*argv, "--top", 1000).out
    assert "[31mred" in out
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", out)


@pytest.mark.usefixtures("no_pictures")
def test_ascii_terminal_gets_question_marks(data_home, tmp_path):
    argv = ["--dataset", "go_emotions", "--data-home", data_home, "--out", tmp_path]
    stdout = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    with contextlib.redirect_stdout(stdout):
        assert main(["demo", *map(str, argv), "--top", "1000", "--quiet"]) == 0
    assert b"mate ? gr??e" in stdout.buffer.getvalue()


@pytest.mark.usefixtures("no_pictures")
def test_label_chooses_the_emotion(data_home, tmp_path):
    argv = ["--dataset", "go_emotions", "--data-home", data_home, "--out", tmp_path]
    assert run(*argv, "--label", "neutral").code == 0
    names = {True: "neutral", False: "not neutral"}
    expected = [names[label == NEUTRAL] for _, label in COMMENTS]
    assert read_csv(tmp_path)["label"].tolist() == expected


def assert_one_line_error(result, *parts):
    lines = [line for line in result.err.splitlines() if not line.endswith(" ...")]
    assert result.code == 2
    assert result.out == ""
    assert len(lines) == 1
    assert lines[0].startswith("sklearn-datamaps: error: ")
    for part in parts:
        assert part in lines[0]


@pytest.mark.parametrize(
    ("argv", "parts"),
    [
        (["--epochs", "0"], ["--epochs", ">= 1", "'0'", "demo --help"]),
        (["--epochs", "ten"], ["--epochs", "an integer", "'ten'"]),
        (["--top", "0"], ["--top", ">= 1"]),
        (["--seed", "-1"], ["--seed", ">= 0"]),
        (["--dataset", "iris"], ["iris", "digits", "go_emotions"]),
        (["--bogus"], ["--bogus"]),
        (["--label", "joy"], ["--label joy", "--dataset go_emotions"]),
        (["--data-home", "x"], ["--data-home x", "--dataset go_emotions"]),
        (
            ["--dataset", "go_emotions", "--label", "gratitud"],
            ["'gratitud'", "Did you mean 'gratitude'?"],
        ),
        (
            ["--dataset", "go_emotions", "--data-home", "nowhere"],
            ["nowhere", "train.parquet"],
        ),
    ],
)
def test_wrong_argument_is_one_line_and_leaves_no_folder(tmp_path, argv, parts):
    out = tmp_path / "out"
    assert_one_line_error(run("--out", out, *argv), *parts)
    assert not out.exists()


@pytest.mark.parametrize("name", ["taken", "taken/inside"])
def test_out_that_is_a_file_is_one_line_before_training(tmp_path, monkeypatch, name):
    monkeypatch.setattr(DataMapClassifier, "fit", None)
    (tmp_path / "taken").write_text("mine")
    result = run("--out", tmp_path / name)
    assert_one_line_error(result, "--out", str(tmp_path / name), "Name another one")
    assert (tmp_path / "taken").read_text() == "mine"


def test_file_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "data_map.csv").mkdir()
    result = run("--out", tmp_path, "--epochs", 1, "--quiet")
    assert_one_line_error(result, repr(str(tmp_path / "data_map.csv")))
    assert "Errno" not in result.err


def test_no_network_and_no_folder_is_one_line(tmp_path, monkeypatch):
    def load_dataset(*args, **kwargs):
        raise ConnectionError("no route\nto host")

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    result = run("--dataset", "go_emotions", "--out", tmp_path)
    assert_one_line_error(result, "no route to host", "SKLEARN_DATAMAPS_DATA")


def test_missing_library_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    result = run("--out", tmp_path, "--epochs", 1, "--quiet")
    assert_one_line_error(result, "matplotlib.figure")


def test_command_is_required():
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([])
    assert_one_line_error(Run(code, out.getvalue(), err.getvalue()), "COMMAND")


def test_interrupt_is_one_line_and_130(tmp_path, monkeypatch):
    def fit(self, X, y):
        raise KeyboardInterrupt

    monkeypatch.setattr(DataMapClassifier, "fit", fit)
    result = run("--out", tmp_path, "--quiet")
    assert result == Run(130, "", "sklearn-datamaps: interrupted\n")


def test_bug_keeps_its_traceback(tmp_path, monkeypatch):
    def fit(self, X, y):
        raise TypeError("a bug")

    monkeypatch.setattr(DataMapClassifier, "fit", fit)
    with pytest.raises(TypeError, match="a bug"):
        run("--out", tmp_path)


def test_help_explains_every_option(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["demo", "--help"])
    assert stop.value.code == 0
    explained = re.findall(
        r"^  (?:-h, )?(--[a-z-]+).*?(?:\n {10,}|  )\S",
        capsys.readouterr().out,
        flags=re.MULTILINE,
    )
    assert sorted(explained) == sorted(OPTIONS)


def test_help_names_the_commands(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    assert stop.value.code == 0
    assert re.search(r"^ +demo  +map an example", capsys.readouterr().out, re.MULTILINE)


def test_module_prints_its_version(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["sklearn_datamaps", "--version"])
    with pytest.raises(SystemExit) as stop:
        runpy.run_module("sklearn_datamaps", run_name="__main__")
    assert stop.value.code == 0
    expected = f"sklearn-datamaps {sklearn_datamaps.__version__}\n"
    assert capsys.readouterr() == (expected, "")


def test_module_runs_where_matplotlib_cannot_open_windows(tmp_path):
    # A process of its own, since Matplotlib reads the variable when it is imported.
    command = [sys.executable, "-m", "sklearn_datamaps", "demo", "--quiet"]
    backend = {"MPLBACKEND": "module://no_such_backend"}
    result = subprocess.run(
        [*command, "--out", str(tmp_path / "out"), "--epochs", "2"],
        env=os.environ | backend,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("DataMap: 1,797 rows, 2 epochs")
    assert len(read_csv(tmp_path / "out")) == 1797


@pytest.mark.parametrize(
    ("options", "n_files"),
    [(["--epochs", "1", "--quiet"], 5), (["--help"], 0)],
)
def test_reader_that_goes_away_ends_it_silently(tmp_path, capsys, options, n_files):
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as stdout, contextlib.redirect_stdout(stdout):
        assert main(["demo", *options, "--out", str(tmp_path)]) == 141
    # Leaving the block has flushed what was not written yet, as Python does at exit.
    assert capsys.readouterr() == ("", "")
    assert len(list(tmp_path.glob("[!.]*"))) == n_files


@pytest.mark.skipif(
    not REAL_DATA,
    reason="needs the GoEmotions parquet files: set SKLEARN_DATAMAPS_DATA",
)
@pytest.mark.parametrize(
    ("n_rows", "n_listed"),
    [
        (3_000, {"Easy": 10, "Hard": 2}),
        # Nightly: ten seconds for more of the same; on every run, the example in the
        # README maps all comments.
        pytest.param(43_410, {"Easy": 10, "Hard": 10}, marks=pytest.mark.nightly),
    ],
)
def test_go_emotions_demo_on_real_comments(tmp_path, monkeypatch, n_rows, n_listed):
    folder = tmp_path / "data" / "go_emotions"
    folder.mkdir(parents=True)
    table = pd.read_parquet(os.path.join(REAL_DATA, "go_emotions", "train.parquet"))
    table[:n_rows].to_parquet(folder / "train.parquet")
    monkeypatch.setenv("SKLEARN_DATAMAPS_DATA", str(folder.parent))
    result = run("--dataset", "go_emotions", "--out", tmp_path)
    assert result.code == 0
    assert result.out.startswith(f"DataMap: {n_rows:,} rows, 10 epochs, in-sample, SGD")
    assert {name: len(section(result, name).ids) for name in n_listed} == n_listed
    assert "No thanks" in section(result, "Hard").out

    table = read_csv(tmp_path)
    data, target = fetch_go_emotions(return_X_y=True)
    assert table["id"].tolist() == data.index.tolist()
    assert table["text"].tolist() == data.tolist()
    assert ((table["label"] == "gratitude") == (target == 1).to_numpy()).all()
    assert (table["region"] == "easy").mean() > 0.95
