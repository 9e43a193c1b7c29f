"""The subcommands on compressed and piped files; several texts, labels and files."""

import contextlib
import csv
import gzip
import io
import json
import lzma
import os
import pty
import shlex
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from sklearn_datamaps import DataMap
from sklearn_datamaps._cli.parser import main
from tests.cli.test_any_file import (  # noqa: F401 (pictures is used by all)
    TEXT,
    applied,
    mapped,
    pictures,
    relabel,
    rows_of,
    written,
)
from tests.cli.test_map import Run, assert_one_line_error, run

LABELS = ["joy", "fear", "new, or old"]


def run_piped(monkeypatch, data, *argv):
    """Run with bytes on the standard input; the bytes of the standard output."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    out, err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([*map(str, argv)])
    out.flush()
    return Run(code, out.buffer.getvalue(), err.getvalue())


def decided(review, row_id, new_label, label_name=None):
    """Write one decision into a review."""
    table = pd.read_csv(review, dtype=str, keep_default_na=False)
    here = table["id"] == str(row_id)
    if label_name is not None:
        here &= table["label_name"] == label_name
    assert here.sum() == 1
    table.loc[here, ["decision", "new_label"]] = ["relabel", new_label]
    table.to_csv(review, index=False)
    return review


# Compressed and piped


def test_compressed_file_is_mapped_and_corrected_as_the_hint_says(
    tmp_path, monkeypatch
):
    content = written(rows_of())
    _, result = mapped(
        tmp_path, gzip.compress(content.encode()), *TEXT, "--id", "id", name="a.csv.gz"
    )
    decided(tmp_path / "out" / "review.csv", "00003", "no")
    hint = shlex.split(result.out.splitlines()[-1])
    hint = hint[hint.index("apply") :]
    assert hint[hint.index("--out") + 1] == "corrected.csv.gz"
    monkeypatch.chdir(tmp_path)
    assert run(*hint).code == 0
    data = gzip.decompress((tmp_path / "corrected.csv.gz").read_bytes())
    assert data == content.replace("thanks 3,yes", "thanks 3,no").encode()


def test_damaged_file_is_an_error_of_one_line(tmp_path):
    path = tmp_path / "a.csv.xz"
    path.write_bytes(lzma.compress(written(rows_of()).encode())[:-20])
    result = run("map", path, *TEXT, "--quiet", "--out", tmp_path / "out")
    assert_one_line_error(result, "a.csv.xz is damaged, cut off, or not compressed")


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lzma.compress])
def test_file_is_piped_in_and_out_and_messages_keep_apart(tmp_path, monkeypatch, pack):
    content = written(rows_of())
    data = pack(content.encode())
    out = tmp_path / "out"
    mapping = ["map", "-", *TEXT, "--id", "id", "--quiet", "--out", out]
    result = run_piped(monkeypatch, data, *mapping)
    assert result.code == 0, result.err
    review = decided(out / "review.csv", "00003", "no")
    result = run_piped(monkeypatch, data, "apply", "-", review, "--out", "-")
    assert result.code == 0, result.err
    assert result.out == content.replace("thanks 3,yes", "thanks 3,no").encode()
    assert "1 relabelled" in result.err
    assert "wrote" not in result.err
    # The review may be piped in, too.
    path = tmp_path / "a.csv"
    path.write_bytes(content.encode())
    argv = ["apply", path, "-", "--out", "-"]
    again = run_piped(monkeypatch, review.read_bytes(), *argv)
    assert again.out == result.out
    both = run_piped(monkeypatch, data, "apply", "-", "-", "--out", "-")
    assert (both.code, both.out) == (2, b"")
    assert "Only one of FILE and REVIEW" in both.err


@pytest.mark.parametrize("kind", ["jsonl", "json", "parquet"])
def test_kind_of_what_is_piped_is_found(tmp_path, monkeypatch, kind):
    frame = pd.DataFrame(rows_of(), columns=["id", "text", "label"])
    data = {
        "jsonl": lambda: frame.to_json(orient="records", lines=True).encode(),
        "json": lambda: frame.to_json(orient="records").encode(),
        "parquet": frame.to_parquet,
    }[kind]()
    argv = ["map", "-", *TEXT, "--quiet", "--out", tmp_path / "out"]
    result = run_piped(monkeypatch, data, *argv)
    assert result.code == 0, result.err
    assert b"DataMap: 24 rows" in result.out


def test_kind_can_be_given_and_apply_knows_it(tmp_path):
    content = written(rows_of(), delimiter="\t").replace("text", "a, b", 1)
    argv = ["--text", "a, b", "--label", "label", "--format", "tsv"]
    path, _ = mapped(tmp_path, content, *argv, name="mine.dat")
    review = decided(tmp_path / "out" / "review.csv", 2, "no")
    out = tmp_path / "out.tsv"
    assert run("apply", path, review, "--out", out).code == 0
    assert out.read_bytes() == content.replace("thanks 3\tyes", "thanks 3\tno").encode()
    argv = [*TEXT, "--format", "json", "--quiet"]
    result = run("map", path, *argv, "--out", tmp_path / "other")
    assert_one_line_error(result, "mine.dat is not JSON lines")


def test_standard_input_that_is_a_terminal_is_refused(tmp_path, monkeypatch):
    ours, theirs = pty.openpty()
    with os.fdopen(theirs) as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        result = run("map", "-", *TEXT, "--quiet", "--out", tmp_path / "out")
    os.close(ours)
    assert_one_line_error(result, "- is the standard input, but nothing is piped")


def test_terminal_is_shown_no_binary_file(tmp_path, monkeypatch):
    frame = pd.DataFrame(rows_of(), columns=["id", "text", "label"])
    path, _ = mapped(tmp_path, frame.to_parquet(), name="a.parquet")
    review = decided(tmp_path / "out" / "review.csv", 2, "no")
    err = io.StringIO()
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as terminal, contextlib.redirect_stderr(err):
        monkeypatch.setattr(sys, "stdout", terminal)
        code = main(["apply", str(path), str(review), "--out", "-"])
        monkeypatch.undo()
    os.close(ours)
    assert code == 2
    assert "A terminal cannot show Parquet" in err.getvalue()


def test_file_of_another_kind_says_that_it_was_converted(tmp_path):
    path, _ = mapped(tmp_path, written(rows_of()), *TEXT)
    review = decided(tmp_path / "out" / "review.csv", 2, "no")
    result = run("apply", path, review, "--out", tmp_path / "b.tsv")
    assert "note: " in result.err
    assert "was converted to TSV" in result.err
    rows = pd.read_csv(tmp_path / "b.tsv", sep="\t", dtype=str)
    assert rows["label"][2] == "no"
    assert rows["id"].tolist() == [row[0] for row in rows_of()]


# Several texts, and texts in other fields


def test_two_columns_of_text_are_one_and_both_shown(tmp_path):
    rows = [[f"case {i}", text, label] for i, (_, text, label) in enumerate(rows_of())]
    rows[0][1] = ""
    rows[1][:2] = [" ", ""]
    content = written(rows).replace("id,text", "title,body", 1)
    argv = ["--text", "title", "--text", "body", "--label", "label"]
    path, result = mapped(tmp_path, content, *argv)
    assert "1 without a text" in result.out
    assert "--text title --text body" in result.out
    review = pd.read_csv(tmp_path / "out" / "review.csv").set_index("id")
    assert review["text"][2] == "case 2\nthanks 3"
    assert review["text"][0] == "case 0"
    found, _ = applied(path, relabel("2", "no"))
    assert found == content.replace("thanks 3,yes", "thanks 3,no").encode()
    # A change in either is a change of the text.
    path.write_text(content.replace("case 2", "case two"))
    result = run("apply", path, tmp_path / "out" / "review.csv", "--out", "x.csv")
    assert_one_line_error(result, "The review is stale or of other data")


def test_nested_fields_are_mapped_and_corrected(tmp_path):
    records = [
        {"data": {"text": text}, "meta": {"label": label}}
        for _, text, label in rows_of()
    ]
    content = json.dumps(records, indent=2)
    argv = ["--text", "data.text", "--label", "meta.label"]
    path, _ = mapped(tmp_path, content, *argv, name="a.json")
    found, _ = applied(path, relabel("2", "no"))
    records[2]["meta"]["label"] = "no"
    assert found == json.dumps(records, indent=2).encode()


def test_unknown_nested_field_is_an_error(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"data": {"text": "a"}, "label": "b"}\n')
    result = run("map", path, "--text", "data.txt", "--label", "label", "--quiet")
    assert_one_line_error(result, "has no column 'data.txt'")


def test_names_of_hub_classes_are_decided_on_and_integers_written(tmp_path):
    names = {"names": ["no", "yes"], "_type": "ClassLabel"}
    metadata = {"huggingface": json.dumps({"info": {"features": {"label": names}}})}
    texts = [text for _, text, _ in rows_of()]
    labels = [int(label == "yes") for _, _, label in rows_of()]
    table = pa.table({"text": texts, "label": labels}).replace_schema_metadata(metadata)
    sink = io.BytesIO()
    pyarrow.parquet.write_table(table, sink)
    path, result = mapped(tmp_path, sink.getvalue(), name="a.parquet")
    assert "Classes: 'yes' 12, 'no' 12" in result.out
    found, _ = applied(path, relabel("2", "no"))
    back = pyarrow.parquet.read_table(io.BytesIO(found))
    assert back["label"].to_pylist() == [*labels[:2], 0, *labels[3:]]
    assert back.schema.equals(table.schema, check_metadata=True)


# Several labels a row


def label_sets():
    rng = np.random.default_rng(0)
    has = rng.random((40, len(LABELS))) < 0.4
    has[0] = [True, False, False]
    has[1] = False
    return has


def texts_of(has):
    return [
        " ".join([f"row {i}", *(f"about {LABELS[c][:4]}" for c in np.flatnonzero(h))])
        for i, h in enumerate(has)
    ]


def expected(has, row, name, value):
    has = has.copy()
    assert has[row, LABELS.index(name)] != value
    has[row, LABELS.index(name)] = value
    return has


def test_labels_between_separators(tmp_path):
    has = label_sets()

    def content(has):
        sets = ["; ".join(LABELS[c] for c in np.flatnonzero(row)) for row in has]
        rows = zip(texts_of(label_sets()), sets, strict=True)
        text = io.StringIO(newline="")
        csv.writer(text).writerows([["text", "label"], *rows])
        return text.getvalue().encode()

    path, result = mapped(tmp_path, content(has), *TEXT, "--label-sep", ";")
    # An empty cell is not labelled.
    n_rows = int(has.any(axis=1).sum())
    assert f"DataMap: {n_rows} rows x 3 labels" in result.out
    assert f"{len(has) - n_rows} without a label" in result.out
    review = pd.read_csv(tmp_path / "out" / "review.csv")
    assert set(review["label_name"]) <= set(LABELS)
    table = pd.read_csv(tmp_path / "out" / "data_map.csv")
    assert len(table) == len(has)
    assert table["label_name"].notna().sum() == n_rows
    review = tmp_path / "out" / "review.csv"
    frame = pd.read_csv(review, dtype=str)
    one = frame.iloc[0]
    new = str(one["label"].lower() != "true")
    decided(review, one["id"], new, one["label_name"])
    result = run("apply", path, review, "--out", tmp_path / "b.csv")
    assert result.code == 0, result.err
    assert "1 relabelled" in result.out
    after = expected(has, int(one["id"]), one["label_name"], new == "True")
    found = read_sets(tmp_path / "b.csv", lambda cell: cell.split("; "))
    np.testing.assert_array_equal(found, after)
    changed = [
        i
        for i, pair in enumerate(both_lines(path, tmp_path / "b.csv"))
        if len(pair) > 1
    ]
    assert changed == [int(one["id"]) + 1]


def both_lines(one, two):
    pairs = zip(
        one.read_bytes().split(b"\n"), two.read_bytes().split(b"\n"), strict=True
    )
    return [set(pair) for pair in pairs]


def read_sets(path, split):
    cells = pd.read_csv(path, keep_default_na=False)["label"]
    return np.array([[name in split(cell) for name in LABELS] for cell in cells])


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_labels_in_lists(tmp_path, kind):
    has = label_sets()
    frame = pd.DataFrame({"text": texts_of(has)})
    frame["label"] = [[LABELS[c] for c in np.flatnonzero(row)] for row in has]
    data = (
        frame.to_parquet()
        if kind == "parquet"
        else "".join(json.dumps(r) + "\n" for r in frame.to_dict("records")).encode()
    )
    path, result = mapped(tmp_path, data, name=f"a.{kind}")
    # An empty list says that there is no label.
    assert "DataMap: 40 rows x 3 labels" in result.out
    review = tmp_path / "out" / "review.csv"
    one = pd.read_csv(review, dtype=str).iloc[0]
    new = str(one["label"].lower() != "true")
    decided(review, one["id"], new, one["label_name"])
    out = tmp_path / f"b.{kind}"
    result = run("apply", path, review, "--out", out)
    assert result.code == 0, result.err
    back = pd.read_parquet(out) if kind == "parquet" else pd.read_json(out, lines=True)
    found = [[name in labels for name in LABELS] for labels in back["label"]]
    after = expected(has, int(one["id"]), one["label_name"], new == "True")
    np.testing.assert_array_equal(found, after)
    if kind == "jsonl":
        n_changed = sum(len(pair) > 1 for pair in both_lines(path, out))
        assert n_changed == 1


@pytest.mark.parametrize(
    ("yes", "no"),
    [("1", "0"), ("True", "False"), ("yes", "no"), ("x", ""), ("1", "no")],
)
def test_labels_in_a_column_each(tmp_path, yes, no):
    has = label_sets()
    frame = pd.DataFrame(np.where(has, yes, no or "-"), columns=["joy", "fear", "new"])
    frame["text"] = texts_of(has)
    argv = [x for name in ("joy", "fear", "new") for x in ("--label", name)]
    path, result = mapped(tmp_path, frame.to_csv(index=False), *argv, "--text", "text")
    assert "DataMap: 40 rows x 3 labels" in result.out
    assert f"Classes: {', '.join(counts(has))}\n" in result.out
    review = tmp_path / "out" / "review.csv"
    one = pd.read_csv(review, dtype=str).iloc[0]
    new = str(one["label"].lower() != "true")
    decided(review, one["id"], new, one["label_name"])
    result = run("apply", path, review, "--out", tmp_path / "b.csv")
    assert result.code == 0, result.err
    frame.loc[int(one["id"]), one["label_name"]] = yes if new == "True" else no or "-"
    assert (tmp_path / "b.csv").read_text() == frame.to_csv(index=False)


def counts(has):
    pairs = zip(["joy", "fear", "new"], has.sum(axis=0).tolist(), strict=True)
    return [f"{name!r} {n}" for name, n in sorted(pairs, key=lambda pair: -pair[1])]


def test_rows_without_an_answer_or_with_other_words_in_columns_of_labels(tmp_path):
    rows = [["ab", "1", "0"], ["cd", "", "1"], ["ef", "0", "1"], ["gh", "1", "1"]]
    content = "\n".join(map(",".join, [["text", "x", "y"], *rows]))
    argv = ["--text", "text", "--label", "x", "--label", "y"]
    _, result = mapped(tmp_path, content, *argv)
    assert "DataMap: 3 rows x 2 labels" in result.out
    assert "1 without a label" in result.out
    path = tmp_path / "b.csv"
    path.write_text(content.replace("cd,,1", "cd,perhaps,1"))
    result = run("map", path, *argv, "--out", tmp_path / "b", "--quiet")
    assert_one_line_error(result, "column 'x' holds 'perhaps'")


def test_one_label_that_all_rows_have_can_be_taken_away(tmp_path):
    content = "text,x,y\n" + "".join(f"thanks {i} a{i % 3},True,0\n" for i in range(9))
    content += "other words,True,1\n"
    argv = ["--text", "text", "--label", "x", "--label", "y"]
    path, _ = mapped(tmp_path, content, *argv)
    review = decided(tmp_path / "out" / "review.csv", 0, "False", "x")
    assert run("apply", path, review, "--out", tmp_path / "b.csv").code == 0
    assert (tmp_path / "b.csv").read_text() == content.replace("True", "False", 1)


def test_several_labels_are_audited(tmp_path):
    has = label_sets()
    frame = pd.DataFrame(has.astype(int), columns=["joy", "fear", "new"])
    frame["text"] = texts_of(has)
    argv = ["--label", "joy", "--label", "fear", "--label", "new", "--text", "text"]
    path, result = mapped(
        tmp_path, frame.to_csv(index=False), *argv, "--audit", "--control", "5"
    )
    assert "out-of-fold" in result.out
    review = tmp_path / "out" / "review.csv"
    one = pd.read_csv(review, dtype=str).iloc[0]
    decided(review, one["id"], str(one["label"].lower() != "true"), one["label_name"])
    assert run("apply", path, review, "--out", tmp_path / "b.csv").code == 0


def test_one_label_of_several_is_refused(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,label\nab,x\ncd,\n")
    argv = [*TEXT, "--label-sep", ";", "--quiet", "--out", tmp_path / "out"]
    result = run("map", path, *argv)
    assert_one_line_error(result, "have the labels 'x'; a map of several labels")
    argv[argv.index(";")] = ""
    assert_one_line_error(run("map", path, *argv), "--label-sep must hold a char")


def test_lists_of_one_label_are_labels_like_others_and_empty_ones_none(tmp_path):
    lists = [[label] for _, _, label in rows_of()]
    lists[5] = []
    texts = [text for _, text, _ in rows_of()]
    records = zip(texts, lists, strict=True)
    lines = [json.dumps({"text": text, "label": label}) for text, label in records]
    path, result = mapped(tmp_path, "\n".join(lines), name="a.jsonl")
    assert "DataMap: 23 rows" in result.out
    assert "1 without a label" in result.out
    found, _ = applied(path, relabel("2", '["no"]'))
    lines[2] = lines[2].replace("yes", "no")
    assert found == "\n".join(lines).encode()


def test_labels_that_say_that_there_is_none_stay_in_the_file(tmp_path):
    has = label_sets()
    lists = [[LABELS[c] for c in np.flatnonzero(row)] + ["none"] for row in has]
    lists[1] = [None]  # no name of a label either
    records = [
        {"text": text, "label": labels}
        for text, labels in zip(texts_of(has), lists, strict=True)
    ]
    content = "".join(json.dumps(record) + "\n" for record in records)
    path, result = mapped(tmp_path, content, *TEXT, "--na", "none", name="a.jsonl")
    assert f"DataMap: {has.any(axis=1).sum()} rows x 3 labels" in result.out
    review = decided(tmp_path / "out" / "review.csv", 0, "False", "joy")
    out = tmp_path / "b.jsonl"
    assert run("apply", path, review, "--out", out).code == 0
    assert json.loads(out.read_text().splitlines()[0])["label"] == ["none"]


# Several files


def test_several_files_are_one_map_and_corrected_one_by_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    rows = rows_of()
    contents = {"in/1.csv": written(rows[:12]), "in/2.csv": written(rows[12:])}
    for name, content in contents.items():
        (tmp_path / name).write_text(content)
    argv = ["map", "in", *TEXT, "--quiet", "--out", "out"]
    result = run(*argv)
    assert result.code == 0, result.err
    assert "DataMap: 24 rows" in result.out
    assert "apply FILE" in result.out
    table = pd.read_csv("out/data_map.csv", dtype=str)
    assert table["file:line"].tolist()[11:13] == ["in/1.csv:13", "in/2.csv:2"]
    decided("out/review.csv", "in/1.csv:4", "no")
    decided("out/review.csv", "in/2.csv:4", "no")
    for name, row in (("in/1.csv", 3), ("in/2.csv", 15)):
        result = run("apply", name, "out/review.csv", "--out", "fixed.csv", "--force")
        assert result.code == 0, result.err
        text = contents[name]
        right = text.replace(f"thanks {row},yes", f"thanks {row},no")
        assert (tmp_path / "fixed.csv").read_text() == right
    result = run("apply", "in", "out/review.csv", "--out", "x.csv")
    assert_one_line_error(result, "in holds several files; apply corrects one")
    (tmp_path / "3.csv").write_text(contents["in/1.csv"])
    result = run("apply", "3.csv", "out/review.csv", "--out", "x.csv")
    assert_one_line_error(result, "The review is of the files 'in/1.csv', 'in/2.csv'")
    assert_one_line_error(run(*argv, "--id", "id"), "--id is for one file")
    review = pd.read_csv("out/review.csv", dtype=str)
    review.rename(columns={"id": "ID"}).to_csv("capital.csv", index=False)
    result = run("apply", "in/2.csv", "capital.csv", "--out", "capital-2.csv")
    assert result.code == 0, result.err
    review.drop(columns="id").to_csv("lost.csv", index=False)
    result = run("apply", "in/2.csv", "lost.csv", "--out", "lost-2.csv")
    assert_one_line_error(result, "The review lacks the columns ['id']")
    again = run("map", "in/1.csv", "in/2.csv", *TEXT, "--quiet", "--out", "again")
    assert again.code == 0
    both = [pd.read_csv(f"{out}/data_map.csv") for out in ("out", "again")]
    pd.testing.assert_frame_equal(*both)


@pytest.mark.parametrize("several", [False, True])
def test_status_of_several_files_compares_them_with_the_map(
    tmp_path, monkeypatch, several
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    sep = ["--label-sep", ";"] if several else []
    rows = rows_of("yes;both" if several else "yes", "no")
    parts = [rows[::2], rows[1::2]]  # of one label each
    for number, part in enumerate(parts):
        (tmp_path / f"in/{number}.csv").write_text(written(part))
    made = run("map", "in", *TEXT, *sep, "--quiet", "--out", "out")
    assert made.code == 0, made.err
    for file in ("in", "in/0.csv", "in/1.csv"):
        result = run("status", file, "out/review.csv")
        assert (result.code, "Nothing is decided yet" in result.out) == (0, True)
    (tmp_path / "in/1.csv").write_text(written([*parts[1][:2], *parts[0][2:]]))
    for file, n in (("in", 24), ("in/1.csv", 12)):
        result = run("status", file, "out/review.csv")
        assert_one_line_error(result, f"10 of the {n} mapped rows", "map again")
    assert run("status", "in/0.csv", "out/review.csv").code == 0
    (tmp_path / "other.csv").write_text(written(parts[0]))
    result = run("status", "other.csv", "out/review.csv")
    assert_one_line_error(result, "none of the files that were mapped: 'in/0.csv'")


def test_one_file_by_two_names_and_columns_that_cannot_be_put_together_are_refused(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "1.csv").write_text(written(rows_of()))
    (tmp_path / "link.csv").symlink_to("1.csv")
    for other in ("link.csv", tmp_path / "1.csv"):
        result = run("map", "1.csv", other, *TEXT, "--quiet", "--out", "out")
        assert_one_line_error(result, "A file is named twice: '1.csv'", str(other))
    content = "text,label,n,n\n" + "".join(f"thanks {i},no,1,2\n" for i in range(9))
    (tmp_path / "2.csv").write_text(content)
    result = run("map", "1.csv", "2.csv", *TEXT, "--quiet", "--out", "out")
    assert_one_line_error(result, "2.csv has more than one column 'n'")
    (tmp_path / "3.csv").write_text(content.replace("no", "yes"))
    result = run("map", "2.csv", "3.csv", *TEXT, "--quiet", "--out", "out")
    assert result.code == 0, result.err


def test_rows_of_files_with_line_ends_of_old_are_named_by_their_lines(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "1.csv").write_text(written(rows_of(), end="\r"), newline="")
    (tmp_path / "2.csv").write_text(written(rows_of(n=12)))
    result = run("map", "1.csv", "2.csv", *TEXT, "--quiet", "--out", "out")
    assert result.code == 0, result.err
    assert "stand for more than one row" not in result.err
    names = pd.read_csv("out/data_map.csv", dtype=str)["file:line"].tolist()
    assert names[:3] == ["1.csv:2", "1.csv:3", "1.csv:4"]


def test_label_that_is_taken_away_does_not_become_unknown(tmp_path):
    content = "text,x,y\n" + "".join(f"thanks {i} ab{i % 3},1,0\n" for i in range(9))
    content += "other words,0,1\nthe last one,NA,1\n"
    argv = ["--text", "text", "--label", "x", "--label", "y", "--na", "NA"]
    path, _ = mapped(tmp_path, content, *argv)
    review = decided(tmp_path / "out" / "review.csv", 0, "False", "x")
    assert run("apply", path, review, "--out", tmp_path / "b.csv").code == 0
    assert (tmp_path / "b.csv").read_text() == content.replace("ab0,1,", "ab0,0,", 1)


def test_row_whose_last_label_between_separators_is_taken_away_is_said(tmp_path):
    content = "text,label\nthanks 1 ab,joy\nthanks 2 ab,joy; fear\n"
    content += "".join(f"oh {i} no,fear\n" for i in range(8))
    path, _ = mapped(tmp_path, content, *TEXT, "--label-sep", ";")
    review = decided(tmp_path / "out" / "review.csv", 1, "False", "joy")
    result = run("apply", path, review, "--out", tmp_path / "b.csv")
    assert "no label left" not in result.err
    decided(review, 0, "False", "joy")
    result = run("apply", path, review, "--out", tmp_path / "b.csv", "--force")
    assert result.code == 0
    assert "note: 1 rows have no label left" in result.err
    assert (tmp_path / "b.csv").read_text().startswith("text,label\nthanks 1 ab,\n")


@pytest.mark.parametrize("named", [[], ["--id", "id"]])
def test_applied_decisions_on_several_labels_are_brought_along(tmp_path, named):
    has = label_sets()
    frame = pd.DataFrame(has.astype(int), columns=["joy", "fear", "new"])
    frame["text"], frame["id"] = texts_of(has), [f"r{i}" for i in range(len(has))]
    argv = [x for name in ("joy", "fear", "new") for x in ("--label", name)]
    argv += ["--text", "text", *named]
    path, _ = mapped(tmp_path, frame.to_csv(index=False), *argv, "--review", "120")
    review = tmp_path / "out" / "review.csv"
    table = pd.read_csv(review, dtype=str, keep_default_na=False)
    ids = table["id"].drop_duplicates().tolist()
    one, other = table["id"] == ids[0], table["id"] == ids[1]
    flip = table["label"].str.lower().map({"true": "False", "false": "True"})
    keep = one & (table["label_name"] == "new")
    for here in (one & ~keep, other & (table["label_name"] == "joy")):
        table.loc[here, "decision"] = "relabel"
        table.loc[here, "new_label"] = flip[here]
    table.loc[keep, "decision"] = "keep"
    table.to_csv(review, index=False)
    fixed = tmp_path / "fixed.csv"
    result = run("apply", path, review, "--out", fixed)
    assert "3 relabelled" in result.out
    told = ["map", fixed, *argv, "--quiet", "--decided", review]
    result = run(*told, "--out", tmp_path / "again")
    assert result.code == 0, result.err
    assert "Decisions brought along: 4\n" in result.out
    assert "of these applied since, now to keep: 3\n" in result.out
    again = pd.read_csv(tmp_path / "again" / "review.csv", dtype=str)
    again = again[again["decision"].notna()]
    assert (again["decision"] == "keep").all()
    keys = ["id", "label_name"]
    expected = table.loc[table["decision"] != "", keys].to_numpy().tolist()
    assert sorted(again[keys].to_numpy().tolist()) == sorted(expected)


def test_standard_output_by_another_name_holds_the_file_and_nothing_else(
    tmp_path, monkeypatch
):
    path, _ = mapped(tmp_path, written(rows_of()))
    review = decided(tmp_path / "out" / "review.csv", 0, "no")
    result = run_piped(monkeypatch, b"", "apply", path, review, "--out", "/dev/stdout")
    assert result.code == 0, result.err
    assert result.out == written(rows_of()).replace(",yes", ",no", 1).encode()
    assert "1 relabelled" in result.err


def test_row_of_several_labels_is_told_by_the_one_that_is_believed_least(tmp_path):
    rows = [[name, text, f"{label};all"] for name, text, label in rows_of()]
    for at in (3, 4):
        rows[at][2] = "all"
    argv = [*TEXT, "--label-sep", ";"]
    mapped(tmp_path, written(rows), *argv)
    table = pd.read_csv(tmp_path / "out" / "data_map.csv")
    data_map = DataMap.from_parquet(tmp_path / "out" / "data_map.parquet")
    least = data_map.confidence.min(axis=1)
    np.testing.assert_allclose(table["confidence"], least, rtol=1e-6)
    which = data_map.classes[data_map.confidence.argmin(axis=1)]
    assert table["label_name"].tolist() == which.tolist()


def test_column_that_names_most_rows_is_no_label(tmp_path):
    rows = rows_of(n=60)
    for at, row in enumerate(rows):
        row[2] = f"name {at % 40}"
    (tmp_path / "mine.csv").write_text(written(rows))
    argv = [*TEXT, "--quiet", "--out", tmp_path / "out"]
    result = run("map", tmp_path / "mine.csv", *argv)
    assert_one_line_error(result, "holds 40 different values in 60 rows")


def test_small_file_that_was_packed_very_well_is_read(tmp_path):
    content = written([["1", "the same again", "yes"]] * 100_000)
    (tmp_path / "mine.csv.xz").write_bytes(lzma.compress(content.encode()))
    result = run("inspect", tmp_path / "mine.csv.xz")
    assert "100,000 rows" in result.out, result.err
