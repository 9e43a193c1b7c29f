"""The subcommand ``inspect``: what a file is, and what is doubtful about it."""

import gzip
import json
import shlex
import subprocess
import sys

import pandas as pd
import pytest

from tests.cli.test_any_file import (  # noqa: F401 (pictures is used by all)
    pictures,
    rows_of,
    written,
)
from tests.cli.test_map import assert_one_line_error, run
from tests.cli.test_start import LOADED


def inspected(tmp_path, content, *argv, name="mine.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    result = run("inspect", path, "--json", *argv)
    assert result.code == 0, result.err
    told = json.loads(result.out)
    shown = run("inspect", path, *argv)
    assert shown.code == 0
    for doubt in told["doubtful"]:
        assert " ".join(doubt.split()) in shown.out
    return told, shown.out


def taken(told):
    return {column["name"]: column["taken_as"] for column in told["columns"]}


def tickets(n=60):
    return pd.DataFrame(
        {
            "ticket_id": [f"T-{i}" for i in range(n)],
            "subject": [f"my printer is on fire {i}" for i in range(n)],
            "body": [f"please send somebody to room {i}" for i in range(n)],
            "priority": ["high", "low", "low"] * (n // 3),
            "cost": [f"{i / 7:.2f}" for i in range(n)],
            "queue_label": ["printers", "phones"] * (n // 2),
            "agent": ["me"] * n,
            "closed": [""] * n,
            "tags": [["a", "b"][: i % 3] for i in range(n)],
        }
    )


def test_fields_within_fields_are_columns_by_the_names_that_map_takes(tmp_path):
    rows = [
        {
            "data": {"text": row.subject, "by": {"name": "me"}, "none": None},
            "queue_label": row.queue_label,
            "odd": {"a.b": 1},  # no name leads there
        }
        for row in tickets().itertuples()
    ]
    content = "\n".join(map(json.dumps, rows))
    told, _ = inspected(tmp_path, content, name="a.jsonl")
    assert taken(told) == {
        "queue_label": "label",
        "odd": "constant",
        "data.text": "text",
        "data.by.name": "constant",
    }
    command = told["next"]
    assert command.endswith("--text data.text --label queue_label")
    argv = ["--text", "data.text", "--label", "queue_label", "--out", tmp_path / "map"]
    assert run("map", tmp_path / "a.jsonl", *argv).code == 0


def test_columns_are_told_by_what_they_hold(tmp_path):
    content = tickets().to_json(orient="records", lines=True)
    told, shown = inspected(tmp_path, content, name="a.jsonl")
    assert taken(told) == {
        "ticket_id": "id",
        "subject": "text",
        "body": "text",
        "priority": "category",
        "cost": "number",
        "queue_label": "label",
        "agent": "constant",
        "closed": "empty",
        "tags": "labels",
    }
    assert (told["format"], told["encoding"], told["rows"]) == (
        "JSON lines",
        "utf-8",
        60,
    )
    assert told["classes"] == {"printers": 30, "phones": 30}
    assert told["doubtful"] == [
        "Column 'agent' is constant.",
        "Column 'closed' is empty.",
    ]
    assert "Classes of 'queue_label': 'printers' 30, 'phones' 30" in shown
    of_tags, _ = inspected(tmp_path, content, "--label", "tags", name="a.jsonl")
    assert of_tags["classes"] == {"a": 40, "b": 20}


def test_next_step_maps_the_file(tmp_path, monkeypatch):
    content = tickets().drop(columns="tags").to_csv(index=False, sep=";")
    told, shown = inspected(tmp_path, gzip.compress(content.encode()), name="a.csv.gz")
    assert (told["compression"], told["delimiter"]) == ("gz", ";")
    assert shown.startswith(f"{tmp_path / 'a.csv.gz'}: CSV, gz, utf-8, delimiter ';'")
    words = shlex.split(told["next"])
    assert words[words.index("map") :][2:] == [
        *("--text", "subject", "--text", "body", "--label", "queue_label")
    ]
    result = run(*words[words.index("map") :], "--out", tmp_path / "out", "--quiet")
    assert result.code == 0, result.err
    numbers = tickets()[["cost", "priority", "queue_label"]].to_csv(index=False)
    told, _ = inspected(tmp_path, numbers)
    assert "--features cost,priority --label queue_label" in told["next"]


def doubts_of(tmp_path, content, *argv, **options):
    return inspected(tmp_path, content, *argv, **options)[0]["doubtful"]


def test_doubtful_labels_are_pointed_out(tmp_path):
    rows = rows_of(n=40)
    for at, label in enumerate(["Yes", "n/a", "", "rare"]):
        rows[at][2] = label
    doubts = "\n".join(doubts_of(tmp_path, written(rows)))
    assert "These labels look alike: are they one? 'Yes', 'yes'." in doubts
    assert (
        "look as if there were none: 'n/a'. To leave such rows out, add --na n/a"
        in (doubts)
    )
    assert "1 rows have no label." in doubts
    assert "3 classes have fewer than 5 rows: 'Yes', 'n/a', 'rare'." in doubts
    doubts = "\n".join(doubts_of(tmp_path, written(rows), "--na", "n/a"))
    assert "2 rows have no label." in doubts
    assert "as if there were none" not in doubts


def test_doubtful_rows_are_pointed_out(tmp_path):
    rows = [[i, f"{text} and more words", label] for i, text, label in rows_of(n=40)]
    rows[3][:2] = rows[2][:2]
    rows[5][1] = rows[7][1]
    content = written(rows).replace("\n", "\r\n", 7)
    doubts = doubts_of(tmp_path, content)
    assert (
        "The line ends are mixed: LF 34, CR LF 7. They are kept as they are." in doubts
    )
    assert any("'id' looks like an id, but" in doubt for doubt in doubts)
    assert any("1 values repeat, such as '00003'" in doubt for doubt in doubts)
    assert any(
        "2 rows repeat the 'text' of another one; 1 texts have" in doubt
        for doubt in doubts
    )
    assert doubts_of(tmp_path, written(rows_of(n=40))) == []


@pytest.mark.parametrize(
    ("content", "doubt"),
    [
        ("text,label\ncafé,a\n".encode("cp1252"), "is not UTF-8: read as cp1252"),
        (b"text,text\na,b\nb,c\n", "Several columns have the name 'text'"),
        (b"x,y\n1,2\n2,3\n", "No column looks like labels"),
        (b"a\n" + b"".join(b"%d,000\n" % n for n in range(1, 30)), "in two ways"),
    ],
)
def test_doubtful_files_are_pointed_out(tmp_path, content, doubt):
    assert any(doubt in found for found in doubts_of(tmp_path, content))


def test_what_is_no_file_or_no_column_is_an_error(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,label\na,b\n")
    result = run("inspect", path, "--label", "lable")
    assert_one_line_error(result, "no column 'lable'", "Did you mean 'label'?")
    result = run("inspect", tmp_path / "b.csv")
    assert_one_line_error(result, "No such file", "b.csv")


def test_inspect_loads_no_scikit_learn(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(written(rows_of()))
    process = subprocess.run(
        [sys.executable, "-c", LOADED, "inspect", path], capture_output=True, text=True
    )
    ended, *modules = process.stderr.splitlines()[-1].split()
    assert ended == "0"
    assert not {"sklearn", "matplotlib", "datasets", "openpyxl"} & set(modules)


def test_next_command_says_all_that_was_said_of_the_labels(tmp_path):
    rows = "".join(
        f"oh {i} my ab{i} cd,{'a;b' if i % 2 else 'b;x'}\n" for i in range(30)
    )
    argv = ["--label", "label", "--label-sep", ";", "--na", "x", "--na", "none"]
    told, _ = inspected(tmp_path, "text,label\n" + rows, *argv)
    words = shlex.split(told["next"])
    assert words[words.index("--label-sep") + 1] == ";"
    assert [words[at + 1] for at, w in enumerate(words) if w == "--na"] == ["x", "none"]
    result = run(*words[words.index("map") :], "--quiet", "--out", tmp_path / "out")
    assert result.code == 0, result.err


def test_folder_is_inspected_as_what_it_holds(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "1.csv").write_text(written(rows_of(n=30)))
    more = "".join(f"thanks {i},yes\n" for i in range(30, 39))
    (folder / "2.csv").write_text("text,label\n" + more)
    told = json.loads(run("inspect", folder, "--json").out)
    assert told["file"] == str(folder)
    assert [column["name"] for column in told["columns"]] == ["id", "text", "label"]
    (doubt,) = [doubt for doubt in told["doubtful"] if "looks like an id" in doubt]
    assert doubt.endswith("does not name each row: 9 are empty.")
