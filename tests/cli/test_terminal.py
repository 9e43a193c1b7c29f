"""What a terminal is shown of a user's data, and data that is meant to do harm."""

import json
import re

import pandas as pd
import pytest

from sklearn_datamaps import DataMap, DataMapClassifier, apply_review
from sklearn_datamaps._cli import commands, demo
from tests.cli.test_map import assert_one_line_error, run, run_map, table_of

# A colour, a title of the window, a line drawn over, a bell; text that runs backwards.
HOSTILE = "\x1b[31mred\x1b]0;title\x07\rover\x9b2J\u202ebackwards\u2066\x00\x7f\u2028"
UNSAFE = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]"
)


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch):
    monkeypatch.setattr(commands, "write_plot", lambda *args: None)
    monkeypatch.setattr(demo, "explore", lambda *args, **_: None)


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def rows_of(n=12, **changes):
    rows = [
        {"id": f"r{i}", "words": f"some words {i % 3}", "tag": "ab"[i % 2]}
        for i in range(n)
    ]
    for at, row in changes.items():
        rows[int(at[1:])] |= row
    return rows


def test_labels_ids_texts_columns_and_names_of_files_cannot_command_it(tmp_path):
    column = f"tag{HOSTILE}"
    rows = [
        {
            f"id{HOSTILE}": f"r{i}{HOSTILE}",
            "words": f"{HOSTILE} {i % 3} words",
            column: f"{'ab'[i % 2]}{HOSTILE}",
        }
        for i in range(12)
    ]
    path = write(tmp_path / f"mine{HOSTILE[:8]}.jsonl", rows)
    argv = ["--text", "words", "--label", column, "--id", f"id{HOSTILE}"]
    out = tmp_path / "out\x1b[31m\u202e"
    for options in ([], ["--quiet"]):
        result = run("map", path, "--out", out, *argv, *options)
        assert result.code == 0, result.err
        assert not UNSAFE.search(result.out.replace("\n", ""))
        assert not UNSAFE.search(result.err.replace("\r", "").replace("\n", ""))
    assert "red" in result.out
    result = run("map", path, "--out", out, "--text", "words", "--label", HOSTILE)
    assert result.code == 2
    assert not UNSAFE.search(result.err.replace("\n", ""))


def test_long_labels_and_ids_are_cut_to_the_line(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    rows = [
        row | {"tag": row["tag"] * 5000, "id": row["id"] + "x" * 5000}
        for row in rows_of()
    ]
    path = write(tmp_path / "mine.jsonl", rows)
    result, _ = run_map(path, "--text", "words", "--label", "tag", "--id", "id")
    assert result.code == 0
    rows = [line for line in result.out.splitlines() if "xxx" in line]
    assert len(rows) == 10
    assert max(map(len, rows)) <= 100
    classes = result.out.splitlines()[0]
    assert len(classes) < 120
    long = run("map", path, "--text", "words", "--label", "t" * 10**6, "--quiet")
    assert_one_line_error(long, "...")
    assert len(long.err) < 2100


def test_character_of_code_0_is_replaced_and_its_row_named(tmp_path):
    path = write(tmp_path / "mine.jsonl", rows_of(_7={"words": "some \0 words"}))
    result, out = run_map(path, "--text", "words", "--label", "tag", "--id", "id")
    assert result.code == 0
    assert "column 'words' hold the character of code 0, in rows 7" in result.err
    review = table_of(out / "review.csv").set_index("id", drop=False)
    assert review.loc["r7", "text"] == "some \ufffd words"
    review.loc["r7", "decision"] = "drop"
    review.to_csv(out / "review.csv", index=False)
    fixed = tmp_path / "fixed.jsonl"
    assert run("apply", path, out / "review.csv", "--out", fixed).code == 0
    lines = path.read_text("utf-8").splitlines()
    assert fixed.read_text("utf-8").splitlines() == lines[:7] + lines[8:]


@pytest.mark.parametrize("wide", "\uff1d\uff0b\uff0d\uff20")
def test_wide_form_of_a_formula_is_guarded_and_applied(tmp_path, wide):
    text = f"{wide}1+1 words"
    path = write(tmp_path / "mine.jsonl", rows_of(_7={"words": text}))
    _, out = run_map(path, "--text", "words", "--label", "tag", "--id", "id")
    review = table_of(out / "review.csv").set_index("id", drop=False)
    assert review.loc["r7", "text"] == f"'{text}"
    review.loc["r7", "decision"] = "drop"
    review.to_csv(out / "review.csv", index=False)
    fixed = tmp_path / "fixed.jsonl"
    assert run("apply", path, out / "review.csv", "--out", fixed).code == 0
    assert len(fixed.read_text("utf-8").splitlines()) == 11


def test_review_with_two_columns_of_decisions_is_refused(tmp_path):
    path = write(tmp_path / "mine.jsonl", rows_of())
    _, out = run_map(path, "--text", "words", "--label", "tag")
    table = table_of(out / "review.csv")
    forged = pd.concat([table, table[["decision"]]], axis=1)
    forged.to_csv(out / "review.csv", index=False)
    result = run("apply", path, out / "review.csv", "--out", tmp_path / "fixed.jsonl")
    assert_one_line_error(result, "more than one column 'decision'")
    frame = DataMap.from_probabilities([[[0.9, 0.1], [0.2, 0.8]]], [0, 1]).review(n=2)
    for name in ("decision", "Decision"):
        twice = pd.concat([frame, frame[["decision"]].set_axis([name], axis=1)], axis=1)
        if name == "Decision":
            twice = twice.rename(columns={"decision": "DECISION"})
        with pytest.raises(ValueError, match="more than one column 'decision'"):
            apply_review([0, 1], twice)


@pytest.mark.parametrize("name", ["lines.jsonl", "array.json"])
@pytest.mark.parametrize("inside", [False, True])
def test_deeply_nested_json_is_one_line(tmp_path, name, inside):
    nested = "[" * 10**5
    content = '{"tag": ' + nested if inside else nested
    (tmp_path / name).write_text(content if name == "lines.jsonl" else f"[{content}")
    result, _ = run_map(tmp_path / name, "--text", "words", "--label", "tag")
    assert_one_line_error(result, name)


def test_review_that_names_its_columns_in_nested_json_is_one_line(tmp_path):
    path = write(tmp_path / "mine.jsonl", rows_of())
    _, out = run_map(path, "--text", "words", "--label", "tag")
    table_of(out / "review.csv").assign(made_from="[" * 10**5).to_csv(
        out / "review.csv", index=False
    )
    result = run("apply", path, out / "review.csv", "--out", tmp_path / "fixed.jsonl")
    assert_one_line_error(result, "give --label")


def test_lack_of_memory_is_one_line(tmp_path, monkeypatch):
    def fit(self, X, y):
        raise MemoryError("Unable to allocate 7.45 TiB\nfor an array")

    monkeypatch.setattr(DataMapClassifier, "fit", fit)
    path = write(tmp_path / "mine.jsonl", rows_of())
    result, _ = run_map(path, "--text", "words", "--label", "tag")
    assert_one_line_error(result, "out of memory (Unable to allocate 7.45 TiB for")
