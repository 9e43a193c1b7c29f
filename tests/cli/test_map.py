"""The subcommands ``map`` and ``apply`` on files as people have them."""

import contextlib
import csv
import io
import json
import subprocess
import sys
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import make_pipeline

from sklearn_datamaps import DataMapClassifier, explain_rows
from sklearn_datamaps._cli import commands, demo
from sklearn_datamaps._cli.parser import main

# What a spreadsheet or a careless reader spoils; the last two rows cannot be mapped.
ROWS = [
    *[[f"a{i}", "thanks a lot, mate", "001", "x"] for i in range(12)],
    *[[f"b{i}", "the weather is grey", "NA", "1.50"] for i in range(12)],
    ["c0", "thanks a lot, mate", "NA", ""],
    ["c1", 'two\nlines, "quoted" grüße', "001", "nan"],
    ["c2", "=1+1 the weather", "NA", " padded "],
    ["d0", "no label", "  ", "kept"],
    ["d1", "", "001", "kept too"],
]
HEADER = ["id", "comment", "tag", "other"]
TEXT = ["--text", "comment", "--label", "tag"]


class Run(NamedTuple):
    code: int
    out: str
    err: str


def run(*argv):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([*map(str, argv)])
    return Run(code, out.getvalue(), err.getvalue())


def run_map(path, *argv):
    result = run("map", path, "--out", path.parent / "out", "--quiet", *argv)
    return result, path.parent / "out"


def as_csv(rows, delimiter=",", newline="\n", header=HEADER):
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=newline)
    writer.writerows([header, *rows])
    return text.getvalue()


def cells_of(path, delimiter=",", encoding="utf-8"):
    with path.open(newline="", encoding=encoding) as file:
        return list(csv.reader(file, delimiter=delimiter))


def table_of(path):
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def assert_one_line_error(result, *parts):
    assert (result.code, result.out) == (2, "")
    assert result.err.count("\n") == 1
    assert result.err.startswith("sklearn-datamaps: error: ")
    for part in parts:
        assert part in result.err


@pytest.fixture
def pictures(monkeypatch):
    """Let the picture and the page be; they take seconds."""
    monkeypatch.setattr(commands, "write_plot", lambda *args: "data_map.png")
    monkeypatch.setattr(demo, "explore", lambda *_, **named: "data_map.html")


@pytest.fixture
def file(tmp_path, pictures):
    path = tmp_path / "mine.csv"
    path.write_bytes(as_csv(ROWS).encode())
    return path


@pytest.fixture
def mapped(file):
    """A mapped file, and its review with three decisions."""
    assert run_map(file, *TEXT, "--id", "id")[0].code == 0
    review = file.parent / "out" / "review.csv"
    table = table_of(review).set_index("id", drop=False)
    table.loc["c0", ["decision", "new_label"]] = ["relabel", "001"]
    table.loc["c2", "decision"] = "drop"
    table.loc["a3", "decision"] = "keep"
    table.to_csv(review, index=False)
    return file, review


def corrected_rows(rows):
    fixed = [[*r[:2], "001", r[3]] if r[0] == "c0" else r for r in rows]
    return [row for row in fixed if row[0] != "c2"]


@pytest.mark.parametrize(("argv", "cv"), [([], 2), (["--cv", "0"], None)])
def test_map_of_a_file_is_the_map_of_the_pipeline(file, argv, cv):
    _, out = run_map(file, *TEXT, "--id", "id", "--epochs", 4, "--seed", 5, *argv)
    rows = ROWS[:-2]
    pipeline = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2)),
        DataMapClassifier(
            SGDClassifier(loss="log_loss", class_weight="balanced"),
            n_epochs=4,
            cv=cv,
            random_state=5,
        ),
    ).fit([row[1] for row in rows], [row[2] for row in rows])
    expected = pipeline[-1].data_map_.to_frame()
    found = table_of(out / "data_map.csv")[: len(rows)]
    assert found["region"].tolist() == expected["region"].tolist()
    assert found["predicted"].tolist() == expected["predicted"].tolist()
    for name in ("confidence", "variability", "correctness", "margin", "margin_std"):
        # Features are the same within 1e-15.
        np.testing.assert_allclose(found[name].map(float), expected[name], rtol=1e-9)


@pytest.fixture
def shown(pictures, monkeypatch):
    """What the page is made of, once it is made."""
    found = {}
    monkeypatch.setattr(
        demo,
        "explore",
        lambda data_map, path, **given: found.update(data_map=data_map, **given),
    )
    return found


def test_page_has_the_evidence_of_the_rows_that_are_listed(file, shown):
    run_map(file, *TEXT, "--id", "id", "--epochs", 4, "--seed", 5)
    texts, labels = (np.array([row[at] for row in ROWS[:-2]]) for at in (1, 2))
    pipeline = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2)),
        DataMapClassifier(
            SGDClassifier(loss="log_loss", class_weight="balanced"),
            n_epochs=4,
            measures=("mean_proba",),
            cv=2,
            random_state=5,
        ),
    ).fit(texts, labels)
    listed = shown["data_map"].rank("confidence")[:100]
    expected = explain_rows(pipeline, texts, labels, listed)
    found = shown["evidence"]
    assert found.rows.tolist() == listed.tolist()
    assert found.sentences == expected.sentences
    pd.testing.assert_frame_equal(found.to_frame(), expected.to_frame())
    assert shown["data_map"].trajectories.shape == (4, len(texts))


@pytest.mark.parametrize("features", ["age", "age,loss"])
def test_evidence_of_a_table_names_its_columns(tmp_path, shown, features):
    path = tmp_path / "mine.csv"
    rows, header = adult()
    path.write_text(as_csv(rows, header=header), encoding="utf-8")
    result, _ = run_map(path, "--features", features, "--label", "class")
    assert (result.code, result.err) == (0, "")
    table = shown["evidence"].to_frame()
    named = set(table[table["kind"] == "feature"]["reason"])
    kinds = {f"loss = {row[1]}" for row in rows} if "loss" in features else set()
    assert named
    assert named <= {"age"} | kinds


def test_evidence_of_an_audit_tells_no_epochs_of_another_fit(many, shown):
    result, out = run_map(many, *TEXT, "--id", "id", "--audit")
    assert result.code == 0, result.err
    review = table_of(out / "review.csv")
    found = shown["evidence"]
    names = shown["data_map"].index[found.rows].tolist()
    assert names == review["id"].tolist()
    assert not any("epoch" in sentence for sentence in found.sentences)
    assert "say '001'" in found.sentences[names.index("c0")]


def test_table_holds_every_row_and_cell_in_order(file):
    result, out = run_map(file, *TEXT)
    header, *rows = cells_of(out / "data_map.csv")
    assert header[:4] == HEADER
    assert [row[:4] for row in rows] == ROWS
    added = {*header[4:]}
    assert added > {"predicted", "confidence", "region", "label_quality", "suggested"}
    assert [row[4:] for row in rows[-2:]] == [[""] * len(added)] * 2
    regions = [row[header.index("region")] for row in rows[:-2]]
    assert {*regions} <= {"easy", "ambiguous", "hard"}
    assert "1 without a label, 1 without a text" in result.out
    assert "DataMap: 27 rows" in result.out


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_delimiter_and_encoding_are_found(tmp_path, pictures, delimiter, encoding):
    path = tmp_path / "mine.txt"
    path.write_bytes(as_csv(ROWS, delimiter, "\r\n").encode(encoding))
    result, out = run_map(path, *TEXT)
    assert [row[:4] for row in cells_of(out / "data_map.csv")[1:]] == ROWS
    assert ("read as cp1252" in result.err) == (encoding == "cp1252")


def test_delimiter_and_encoding_can_be_given(tmp_path, pictures):
    path = tmp_path / "mine.txt"
    path.write_bytes(as_csv(ROWS, "~").encode("cp437"))
    result, out = run_map(path, *TEXT, "--delimiter", "~", "--encoding", "cp437")
    assert result.err == ""
    assert [row[:4] for row in cells_of(out / "data_map.csv")[1:]] == ROWS


def test_delimiter_is_the_one_that_gives_the_named_columns(tmp_path, pictures):
    path = tmp_path / "mine.csv"
    # Commas divide every line evenly, and into more cells.
    rows = [["one, two, three", str(i % 2)] for i in range(20)]
    path.write_text(as_csv(rows, ";", header=["a, b, c", "tag"]), encoding="utf-8")
    result, _ = run_map(path, "--text", "a, b, c", "--label", "tag")
    assert result.code == 0


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_other_kinds_of_file_give_the_same_map(file, kind):
    _, out = run_map(file, *TEXT)
    expected = (out / "data_map.csv").read_bytes()
    frame = pd.DataFrame(ROWS, columns=HEADER)
    other = file.with_suffix(f".{kind}")
    if kind == "jsonl":
        frame.to_json(other, orient="records", lines=True)
    else:
        frame.to_parquet(other)
    run_map(other, *TEXT)
    assert (out / "data_map.csv").read_bytes() == expected


def test_columns_named_as_measures_stay(tmp_path, pictures):
    path = tmp_path / "mine.csv"
    header = ["position", "text", "label", "region"]
    path.write_text(as_csv(ROWS, header=header), encoding="utf-8")
    _, out = run_map(path, "--text", "text", "--label", "label")
    found, *rows = cells_of(out / "data_map.csv")
    assert found[:5] == [*header, "predicted"]
    assert "datamap_region" in found
    assert [row[:4] for row in rows] == ROWS


def test_review_guards_formulas_and_the_table_does_not(file):
    _, out = run_map(file, *TEXT)
    assert "'=1+1 the weather" in table_of(out / "review.csv")["text"].tolist()
    assert "=1+1 the weather" in table_of(out / "data_map.csv")["comment"].tolist()


def test_rows_without_names_are_named_by_their_number_in_the_file(tmp_path, pictures):
    path = tmp_path / "mine.csv"
    path.write_text(as_csv(ROWS[-2:] + ROWS), encoding="utf-8")
    _, out = run_map(path, *TEXT)
    review = table_of(out / "review.csv")
    assert sorted(map(int, review["id"])) == [*range(2, 29)]


def adult(n=80):
    rng = np.random.default_rng(0)
    rows = []
    for i in range(n):
        rich = i % 2
        age = "" if i == 5 else f"{20 + 30 * rich + rng.normal():.3f}"
        work = "-private" if rich else "state"
        rows.append([age, work, "1e3" if i % 3 else "?", "rich" if rich else "poor"])
    return rows, ["age", "loss", "self", "class"]


def test_numbers_and_categories_are_learned(tmp_path, pictures):
    path = tmp_path / "mine.csv"
    rows, header = adult()
    path.write_text(as_csv(rows, header=header), encoding="utf-8")
    argv = ["--features", "age,loss,self", "--label", "class"]
    result, out = run_map(path, *argv)
    assert (result.code, result.err) == (0, "")
    table = table_of(out / "data_map.csv")
    assert (table["predicted"] == table["class"]).mean() > 0.95
    review = table_of(out / "review.csv").set_index("id")
    assert review.loc["5", "age"] == ""
    assert review.loc["1", "feature_loss"] == "'-private"
    assert float(review.loc["1", "feature_self"]) == 1000


def test_numbers_alone_are_learned(tmp_path, pictures):
    path = tmp_path / "mine.csv"
    rows, header = adult()
    path.write_text(as_csv(rows, header=header), encoding="utf-8")
    result, out = run_map(path, "--features", "age", "--label", "class")
    assert (result.code, result.err) == (0, "")
    table = table_of(out / "data_map.csv")
    assert (table["predicted"] == table["class"]).mean() > 0.95


def test_review_of_features_is_applied_and_refused_when_a_feature_changed(
    tmp_path, pictures
):
    path = tmp_path / "mine.csv"
    rows, header = adult()
    path.write_text(as_csv(rows, header=header), encoding="utf-8")
    _, out = run_map(path, "--features", "age,loss,self", "--label", "class")
    review = table_of(out / "review.csv").set_index("id", drop=False)
    review.loc["4", ["decision", "new_label"]] = ["relabel", "rich"]
    review.to_csv(out / "review.csv", index=False)
    fixed = tmp_path / "fixed.csv"
    assert run("apply", path, out / "review.csv", "--out", fixed).code == 0
    rows[4][3] = "rich"
    assert cells_of(fixed) == [header, *rows]
    rows[4][3], rows[4][0] = "poor", "99"
    path.write_text(as_csv(rows, header=header), encoding="utf-8")
    result = run("apply", path, out / "review.csv", "--out", fixed)
    assert_one_line_error(result, "'age'", "'99'", "stale")


@pytest.mark.parametrize(
    ("argv", "parts"),
    [
        (["--text", "coment", "--label", "tag"], ["'coment'", "mean 'comment'?"]),
        (["--text", "comment", "--label", "nope"], ["'nope'", "'tag'"]),
        (["--text", "comment", "--label", "one"], ["'one'", "one class only", "'1'"]),
        (["--text", "comment", "--label", "real"], ["'real'", "continuous"]),
        (["--text", "comment", "--label", "id"], ["'id'", "28 different values"]),
        ([*TEXT, "--id", "tag"], ["--id", "'tag'", "Leave --id out"]),
        (["--text", "tag", "--label", "tag"], ["--label tag"]),
        (["--features", "mixed", "--label", "tag"], ["'mixed'", "'oops'"]),
        (["--label", "tag"], ["--text", "--features"]),
        ([*TEXT, "--features", "id"], ["not allowed with"]),
        ([*TEXT, "--delimiter", "::"], ["--delimiter", "'::'"]),
        ([*TEXT, "--encoding", "klingon"], ["--encoding", "'klingon'"]),
        ([*TEXT, "--encoding", "ascii"], ["cannot be read as ascii"]),
        ([*TEXT, "--top", "0"], ["--top", ">= 1"]),
    ],
)
def test_wrong_option_is_one_line_and_leaves_no_folder(tmp_path, argv, parts):
    path = tmp_path / "mine.csv"
    extra = [["1", f"{i}.5", "oops" if i == 3 else str(i)] for i in range(len(ROWS))]
    rows = [[*row, *more] for row, more in zip(ROWS, extra, strict=True)]
    header = [*HEADER, "one", "real", "mixed"]
    path.write_text(as_csv(rows, header=header), encoding="utf-8")
    result, out = run_map(path, *argv)
    assert_one_line_error(result, *parts)
    assert not out.exists()


@pytest.mark.parametrize(
    ("name", "content", "parts"),
    [
        ("a.csv", b"", ["is empty"]),
        ("a.csv", b"comment,tag\n", ["no rows"]),
        ("a.csv", b"comment,tag\na,b\nc,d,e\n", ["line 3", "','"]),
        ("a.csv", b"\x1f\x8b\x00\x00", ["not a text file"]),
        ("a.jsonl", b'{"comment": "a"}\n[1]\n', ["record 2"]),
        ("a.parquet", b"comment,tag\na,b\n", ["Parquet"]),
        ("a.csv", b"comment,tag,tag\na,b,c\n", ["more than one column 'tag'"]),
    ],
)
def test_unreadable_file_is_one_line(tmp_path, name, content, parts):
    (tmp_path / name).write_bytes(content)
    assert_one_line_error(run_map(tmp_path / name, *TEXT)[0], name, *parts)


def test_missing_file_is_one_line(tmp_path):
    result, _ = run_map(tmp_path / "none.csv", *TEXT)
    assert_one_line_error(result, "No such file", "none.csv")


def test_map_does_not_write_over_the_file_or_decisions(mapped):
    file, review = mapped
    result, _ = run_map(file, *TEXT)
    assert_one_line_error(result, "review.csv holds decisions", "--out")
    review.unlink()
    result = run("map", review.parent / "data_map.csv", *TEXT, "--out", review.parent)
    assert result.code == 2
    assert "would replace the file itself" in result.err


def test_apply_changes_what_the_review_says_and_nothing_else(mapped):
    file, review = mapped
    fixed = file.parent / "corrected.csv"
    result = run("apply", file, review, "--out", fixed)
    assert fixed.read_bytes() == as_csv(corrected_rows(ROWS)).encode()
    assert "'tag': 1 relabelled" in result.out
    assert "28 kept, 1 dropped" in result.out


def test_apply_keeps_delimiter_encoding_and_line_ends(tmp_path, pictures):
    path = tmp_path / "mine.tsv"
    rows = [*ROWS, ["e0", "lone\rreturn", "001", "-"]]
    path.write_bytes(as_csv(rows, "\t", "\r\n").encode("utf-16"))
    run_map(path, *TEXT)
    fixed = tmp_path / "corrected.tsv"
    run("apply", path, tmp_path / "out" / "review.csv", "--out", fixed)
    assert cells_of(fixed, "\t", "utf-16") == [HEADER, *rows]
    assert b"\r\0\n" in fixed.read_bytes()


def test_lone_carriage_returns_are_read_back(tmp_path, pictures):
    path = tmp_path / "mine.csv"
    rows = [*ROWS, ["e0", "lone\rreturn", "001", "-"]]
    path.write_bytes(as_csv(rows, newline="\r\n").replace("\r\n", "\n").encode())
    _, out = run_map(path, *TEXT)
    assert [row[:4] for row in cells_of(out / "data_map.csv")[1:]] == rows


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_apply_keeps_types(tmp_path, pictures, kind):
    path = tmp_path / f"mine.{kind}"
    records = [
        {"n": i, "comment": row[1], "tag": int(row[2] == "001"), "more": [1.5, None]}
        for i, row in enumerate(ROWS[:-2])
    ]
    if kind == "jsonl":
        text = "".join(json.dumps(record) + "\n" for record in records)
        path.write_text(text, encoding="utf-8")
    else:
        pd.DataFrame(records).to_parquet(path)
    _, out = run_map(path, *TEXT)
    review = table_of(out / "review.csv").set_index("id", drop=False)
    review.loc["24", ["decision", "new_label"]] = ["relabel", "1"]
    review.loc["3", "decision"] = "drop"
    review.to_csv(out / "review.csv", index=False)
    fixed = tmp_path / f"corrected.{kind}"
    run("apply", path, out / "review.csv", "--out", fixed)
    records[24]["tag"] = 1
    del records[3]
    if kind == "jsonl":
        lines = fixed.read_text(encoding="utf-8").splitlines()
        assert lines == [json.dumps(record) for record in records]
    else:
        expected = pd.read_parquet(path).drop(3).reset_index(drop=True)
        expected.loc[23, "tag"] = 1
        found = pd.read_parquet(fixed).reset_index(drop=True)
        pd.testing.assert_frame_equal(found, expected)


def test_review_saved_by_a_spreadsheet_is_applied(mapped):
    file, review = mapped
    cells = cells_of(review)
    text = as_csv(cells[1:], ";", "\r\n", header=cells[0])
    review.write_bytes(text.encode("cp1252"))
    fixed = file.parent / "corrected.csv"
    assert run("apply", file, review, "--out", fixed).code == 0
    assert cells_of(fixed)[1:] == corrected_rows(ROWS)


def test_applying_twice_is_refused(mapped):
    file, review = mapped
    fixed = file.parent / "corrected.csv"
    run("apply", file, review, "--out", fixed)
    result = run("apply", fixed, review, "--out", file.parent / "again.csv")
    assert_one_line_error(result, "id 'c2'", "rows were dropped since")
    assert not (file.parent / "again.csv").exists()


@pytest.mark.parametrize("column", [1, 2])
def test_review_of_a_changed_text_or_label_is_refused(mapped, column):
    file, review = mapped
    rows = [list(row) for row in ROWS]
    rows[24][column] = "changed"
    file.write_text(as_csv(rows), encoding="utf-8")
    for argv in ([], [*TEXT, "--id", "id"]):
        result = run("apply", file, review, "--out", file.parent / "new.csv", *argv)
        assert_one_line_error(result, "stale")


def test_review_names_its_columns_and_an_option_counts_more(mapped):
    file, review = mapped
    rows = [[*row, row[2]] for row in ROWS]
    file.write_text(as_csv(rows, header=[*HEADER, "copy"]), encoding="utf-8")
    fixed = file.parent / "corrected.csv"
    assert run("apply", file, review, "--out", fixed).code == 0
    assert [row[2:] for row in cells_of(fixed)[25:26]] == [["001", "", "NA"]]
    again = ["apply", file, review, "--out", fixed, "--label", "copy"]
    assert run(*again, "--force").code == 0
    assert [row[2] for row in cells_of(fixed)[1:]] == [
        row[2] for row in ROWS if row[0] != "c2"
    ]


def test_apply_does_not_write_over_the_file(mapped):
    file, review = mapped
    before = file.read_bytes()
    result = run("apply", file, review, "--out", file)
    assert_one_line_error(result, "the file itself")
    assert file.read_bytes() == before


def test_review_without_its_columns_is_one_line(file):
    result = run("apply", file, file, "--out", file.parent / "new.csv")
    assert_one_line_error(result, "does not name the columns", "--label")
    result = run("apply", file, file, "--out", file.parent / "new.csv", *TEXT)
    assert_one_line_error(result, "lacks the columns", "decision")


def test_command_that_comes_next_is_printed_and_works(tmp_path, pictures, monkeypatch):
    import shlex

    monkeypatch.chdir(tmp_path)
    path = tmp_path / "my file.csv"
    path.write_text(as_csv(ROWS), encoding="utf-8")
    result, _ = run_map(path, *TEXT)
    command = shlex.split(result.out.splitlines()[-1].partition("sklearn_datamaps ")[2])
    assert run(*command).code == 0
    assert (tmp_path / "corrected.csv").exists()


def test_all_files_are_written_as_a_process(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(as_csv(ROWS), encoding="utf-8")
    command = [sys.executable, "-m", "sklearn_datamaps", "map", str(path), *TEXT]
    result = subprocess.run(
        [*command, "--out", str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert result.returncode == 0
    names = {path.name for path in (tmp_path / "out").glob("[!.]*")}
    assert names >= {"data_map.csv", "review.csv", "data_map.png"}
    assert ("data_map.html" in names) != ("sklearn-datamaps[explore]" in result.stderr)
    for name in names:
        assert f"wrote {tmp_path / 'out' / name}\n" in result.stdout
    assert result.stderr.index("reading") < result.stderr.index("training")


def test_without_plotly_the_page_is_left_out_and_said_so(file, monkeypatch):
    def explore(*args, **kwargs):
        raise ImportError("DataMap.explore needs plotly: the extra explore")

    monkeypatch.setattr(demo, "explore", explore)
    result, _ = run_map(file, *TEXT)
    assert result.code == 0
    assert "note: data_map.html left out" in result.err
    assert result.err.count("\n") == 1
    assert "data_map.html" not in result.out


def test_texts_without_a_word_are_said_to_be_so(tmp_path, capsys):
    path = tmp_path / "letters.csv"
    path.write_text("text,label\na b,x\nc d,y\n")
    out = tmp_path / "out"
    command = ["map", str(path), "--text", "text", "--label", "label"]
    assert main([*command, "--out", str(out)]) == 2
    error = capsys.readouterr().err
    assert "no word of two letters" in error
    assert "'a b'" in error
    assert not out.exists()


def test_folds_make_the_map_out_of_fold(file):
    result, out = run_map(file, *TEXT, "--cv", "2")
    assert result.code == 0, result.err
    assert "out-of-fold (2 folds)" in result.out
    assert "memorization" in table_of(out / "data_map.csv")
    result, _ = run_map(file, *TEXT, "--cv", "0")
    assert "in-sample: use cv=2 to look for wrong labels" in result.out


def test_rows_too_much_alike_for_folds_are_mapped_in_sample_and_said_so(
    tmp_path, pictures
):
    path = tmp_path / "mine.csv"
    rows = [[["yes please", "no thanks"][i % 2], str(i % 2)] for i in range(20)]
    path.write_text(as_csv(rows, header=["comment", "tag"]), encoding="utf-8")
    result, _ = run_map(path, *TEXT)
    assert (result.code, result.err.count("\n")) == (0, 1)
    assert "too few different rows for folds" in result.err
    assert "10 epochs, in-sample" in result.out
    assert_one_line_error(run_map(path, *TEXT, "--cv", "2")[0], "cv=2 is more than")


@pytest.fixture
def many(tmp_path, pictures):
    """A file of 123 rows to map, of which c0 has a wrong label."""
    more = [[f"{row[0]}-{copy}", *row[1:]] for copy in range(4) for row in ROWS[:24]]
    path = tmp_path / "comments.csv"
    path.write_text(as_csv([*ROWS, *more]), encoding="utf-8")
    return path


def test_audit_ranks_the_review_by_label_quality(many):
    result, out = run_map(many, *TEXT, "--id", "id", "--audit")
    assert result.code == 0, result.err
    assert "Audit of 123 rows" in result.out
    assert "wrong labels" in result.out or "labels that contradict" in result.out
    table = table_of(out / "data_map.csv")
    mapped = table[table["label_quality"] != ""].set_index("id")
    quality = mapped["label_quality"].astype(float)
    review = table_of(out / "review.csv").set_index("id")
    listed = quality[review.index]
    assert listed.is_monotonic_increasing
    assert listed.index[0] == "c0"  # thanks, and labelled as if it were none
    assert mapped.loc["c0", "suggested"] == "001"
    chance = review["chance_wrong"].astype(float)
    assert chance.is_monotonic_decreasing
    assert (out / "audit.png").stat().st_size > 10_000


def test_audited_review_is_applied(many):
    _, out = run_map(many, *TEXT, "--id", "id", "--audit")
    review = table_of(out / "review.csv")
    review.loc[review["id"] == "c0", ["decision", "new_label"]] = ["relabel", "001"]
    review.to_csv(out / "review.csv", index=False)
    corrected = out / "corrected.csv"
    result = run("apply", many, out / "review.csv", "--out", corrected)
    assert "1 relabelled" in result.out
    assert table_of(corrected).set_index("id").loc["c0", "tag"] == "001"


def test_control_rows_are_mixed_into_the_review_and_measure(many, tmp_path):
    _, out = run_map(many, *TEXT, "--id", "id", "--audit", "--control", "20")
    review = table_of(out / "review.csv")
    assert len(review) == 120
    assert "predicted" not in review
    assert not {"label_quality", "chance_wrong"} & set(review)
    review["decision"] = np.where(review["id"] == "c0", "drop", "keep")
    review.to_csv(tmp_path / "decided.csv", index=False)
    audited = ["--id", "id", "--audit", "--decided", tmp_path / "decided.csv"]
    result, _ = run_map(many, *TEXT, *audited)
    assert "Reviewed 120, wrong 1 (1%)" in result.out
    assert "measured by the rows at random: 1 wrong labels in all" in result.out


def test_page_lists_the_control_rows_as_the_review_does(many, monkeypatch):
    given = []
    monkeypatch.setattr(demo, "explore", lambda *_, **named: given.append(named))
    _, out = run_map(many, *TEXT, "--id", "id", "--audit", "--control", "20")
    review = table_of(out / "review.csv")
    for column in ("id", "row_hash", "drawn"):
        assert given[0]["review"][column].tolist() == review[column].tolist()
    run_map(many, *TEXT, "--id", "id")
    assert [sorted(named) for named in given] == [["review"], ["evidence"]]


def test_control_rows_need_an_audit(file):
    assert_one_line_error(run_map(file, *TEXT, "--control", "5")[0], "for --audit")


def test_too_few_folds_are_refused(file):
    assert_one_line_error(
        run_map(file, *TEXT, "--cv", "1")[0], "--cv", "must be 0, or an integer >= 2"
    )
