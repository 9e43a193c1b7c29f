"""The subcommands on files as people have them: the right row, value, or a refusal."""

import csv
import io
import json
import shutil

import numpy as np
import openpyxl
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_iris

from sklearn_datamaps import DataMap, apply_review
from sklearn_datamaps._cli import commands, demo
from tests.cli.test_map import assert_one_line_error, run

TEXT = ["--text", "text", "--label", "label"]
N_ROWS = 24


@pytest.fixture(autouse=True)
def pictures(monkeypatch):
    """Let the picture and the page be; they take seconds."""
    monkeypatch.setattr(commands, "write_plot", lambda *args: "data_map.png")
    monkeypatch.setattr(demo, "explore", lambda *args, **options: "data_map.html")


def rows_of(yes="yes", no="no", n=N_ROWS):
    return [
        [f"{i:05}", f"thanks {i}" if i % 2 else f"no way {i}", yes if i % 2 else no]
        for i in range(1, n + 1)
    ]


def written(rows, delimiter=",", end="\n", quoting=csv.QUOTE_MINIMAL):
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting)
    writer.writerows([["id", "text", "label"], *rows])
    return text.getvalue()


def mapped(tmp_path, content, *argv, name="mine.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    out = tmp_path / "out"
    shutil.rmtree(out, ignore_errors=True)
    result = run("map", path, "--out", out, "--quiet", *(argv or TEXT))
    assert result.code == 0, result.err
    return path, result


def applied(path, decide, *argv, write=None):
    """Bytes of the file after some decisions, and what was printed."""
    review = path.parent / "out" / "review.csv"
    table = pd.read_csv(review, dtype=str, keep_default_na=False)
    decide(table)
    if write is None:
        table.to_csv(review, index=False)
    else:
        write(table, review)
    out = path.with_name(f"corrected{path.suffix}")
    result = run("apply", path, review, "--out", out, *argv)
    return (out.read_bytes() if result.code == 0 else None), result


def relabel(row_id, new_label):
    def decide(table):
        at = table.index[table["id"] == row_id]
        assert len(at) == 1
        table.loc[at, ["decision", "new_label"]] = ["relabel", new_label]

    return decide


def test_one_relabelled_row_of_a_quoted_file_changes_one_cell(tmp_path):
    content = written(rows_of(), end="\r\n", quoting=csv.QUOTE_ALL)
    path, _ = mapped(tmp_path, content, *TEXT, "--id", "id")
    found, _ = applied(path, relabel("00003", "no"))
    assert found == content.replace('"thanks 3","yes"', '"thanks 3","no"').encode()


def test_bad_byte_is_kept_and_its_line_named(tmp_path):
    rows = [[i, f"{text} grüße", label] for i, text, label in rows_of()]
    content = written(rows).replace("way 24 grüße", "way 24 caf\udce9")
    path, result = mapped(tmp_path, content.encode("utf-8", "surrogateescape"))
    assert "(line 25)" in result.err
    found, _ = applied(path, relabel("23", "yes"))
    expected = content.replace("caf\udce9,no", "caf\udce9,yes")
    assert found == expected.encode("utf-8", "surrogateescape")


def test_half_an_emoji_is_mapped_and_applied(tmp_path):
    records = [{"text": f"{t} \ud83d", "label": label} for _, t, label in rows_of()]
    content = "".join(json.dumps(record) + "\n" for record in records)
    path, result = mapped(tmp_path, content, name="mine.jsonl")
    assert "half a character, in rows 0, 1, 2 and 21 more" in result.err
    table = pd.read_csv(path.parent / "out" / "data_map.csv")
    assert table["text"][0] == "thanks 1 \\ud83d"
    found, _ = applied(path, relabel("0", "no"))
    assert found == content.replace('"yes"', '"no"', 1).encode()


def test_labels_and_ids_with_half_a_character_are_applied(tmp_path):
    records = [
        {"id": f"{i}\ud83d", "text": text, "label": f"{label}\ud83d"}
        for i, text, label in rows_of()
    ]
    content = "".join(json.dumps(record) + "\n" for record in records)
    argv = [*TEXT, "--id", "id"]
    path, result = mapped(tmp_path, content, *argv, name="mine.jsonl")
    assert "Classes: 'yes\\\\ud83d' 12" in result.out
    found, _ = applied(path, relabel("00001\\ud83d", "no\\ud83d"))
    assert found == content.replace('"yes', '"no', 1).encode()


def test_id_column_may_have_the_name_of_a_measure(tmp_path):
    content = written(rows_of()).replace("id,", "confidence,", 1)
    path, result = mapped(tmp_path, content, *TEXT, "--id", "confidence")
    assert "id_confidence" in result.out
    found, _ = applied(path, relabel("00003", "no"))
    assert found == content.replace("thanks 3,yes", "thanks 3,no").encode()


def test_labels_that_look_alike_or_like_none_are_pointed_out(tmp_path):
    rows = rows_of()
    for at, label in enumerate(["Yes", "yes ", "yes\u00a0", "y\uff45s", "<NA>"]):
        rows[2 * at][2] = label
    _, result = mapped(tmp_path, written(rows))
    assert "Classes: 'no' 12, 'yes' 7, 'Yes' 1" in result.out
    assert (
        "they one? 'Yes' 1, 'yes' 7, 'yes ' 1, 'yes\\xa0' 1, 'y\uff45s' 1" in result.out
    )
    assert "is this a label, or none? '<NA>' 1" in result.out
    assert "there is none, add --na '<NA>'" in result.out


def test_rows_without_a_label_are_left_out(tmp_path):
    records = [{"text": text, "label": label} for _, text, label in rows_of()]
    for at, label in enumerate([[], None, float("nan"), " ", "unknown", "n/a"]):
        records[at]["label"] = label
    content = "".join(json.dumps(record) + "\n" for record in records)
    argv = [*TEXT, "--na", "unknown", "--na", "n/a"]
    path, result = mapped(tmp_path, content, *argv, name="mine.jsonl")
    assert "DataMap: 18 rows" in result.out
    assert "6 without a label" in result.out
    # What is no label need not be said again.
    found, _ = applied(path, relabel("6", "no"))
    lines = content.splitlines(keepends=True)
    lines[6] = lines[6].replace('"yes"', '"no"')
    assert found == "".join(lines).encode()


# What a spreadsheet does to a review


def test_capital_truth_values_are_seen_through_and_said(tmp_path):
    content = written(rows_of("True", "False"))
    path, _ = mapped(tmp_path, content, *TEXT, "--id", "id")
    found, result = applied(path, relabel("00003", "FALSE"))
    assert found == content.replace("thanks 3,True", "thanks 3,False").encode()
    assert "note: In new_label, 'FALSE' was read as 'False'" in result.err


def test_review_written_by_hand_is_applied_and_said_what_it_did_not_tell(tmp_path):
    path, review, out = (tmp_path / n for n in ("mine.csv", "review.csv", "out.csv"))
    content = written(rows_of("True", "False"))
    path.write_text(content)
    review.write_text("id,decision,new_label\n1,relabel,FALSE\n")
    argv = ["apply", path, review, "--out", out, *TEXT]
    # Without --id, 1 is the second row, or the first for those who count from 1.
    assert_one_line_error(run(*argv), "nothing confirms it", "--id", "id '1'")
    result = run(*argv, "--id", "id")
    assert out.read_text() == content.replace("thanks 1,True", "thanks 1,False")
    assert "note: Decisions without a row_hash: 1. " in result.err
    assert "not compared: labels and texts" in result.err
    review.write_text("id,text,label,decision,new_label\n1,thanks 1,TRUE,drop,\n")
    result = run(*argv, "--id", "id", "--force")
    assert "all that it says fits" in result.err
    assert out.read_text() == content.replace("00001,thanks 1,True\n", "")
    result = run("apply", out, review, "--out", tmp_path / "b.csv", *TEXT, "--id", "id")
    assert_one_line_error(result, "The review has rows that y has not", "id '1'")


def test_number_of_a_row_confirms_nothing_where_rows_lack_a_label(tmp_path):
    path, review, out = (tmp_path / n for n in ("mine.csv", "review.csv", "out.csv"))
    rows = rows_of()
    rows[0][2] = ""
    content = written(rows)
    path.write_text(content)
    review.write_text("id,decision,new_label\n4,drop,\n")
    argv = ["apply", path, review, "--out", out, *TEXT]
    assert_one_line_error(run(*argv), "nothing confirms it", "id '4'")
    assert run("map", path, *TEXT, "--out", tmp_path / "map").code == 0
    status = ["status", path, review, "--map", tmp_path / "map" / "data_map.parquet"]
    result = run(*status)
    assert result.code == 2, result.out
    assert "nothing confirms it" in result.err
    review.write_text("id,text,decision,new_label\n4,thanks 5,drop,\n")
    assert run(*argv).code == 0
    assert out.read_text() == content.replace("00005,thanks 5,yes\n", "")


def test_new_label_that_could_be_two_is_refused(tmp_path):
    rows = rows_of()
    rows[0][2] = "Yes"
    path, _ = mapped(tmp_path, written(rows), *TEXT, "--id", "id")
    _, result = applied(path, relabel("00002", "YES"))
    assert_one_line_error(result, "'YES'", "not among the labels")


@pytest.mark.parametrize(
    ("delimiter", "encoding", "before"),
    [
        (";", "utf-8-sig", ""),
        (";", "cp1252", ""),
        ("\t", "utf-16", ""),
        (",", "utf-8", "sep=,\r\n"),
    ],
)
def test_review_saved_by_a_spreadsheet_is_applied(
    tmp_path, delimiter, encoding, before
):
    rows = [[i, f"{text} é", label] for i, text, label in rows_of()]
    content = written(rows)
    path, _ = mapped(tmp_path, content)

    def write(table, review):
        table = table.rename(columns={"decision": "Decision"})
        text = table.to_csv(index=False, sep=delimiter, lineterminator="\r\n")
        blank = delimiter * (table.shape[1] - 1) + "\r\n"
        review.write_bytes((before + text + blank + blank).encode(encoding))

    found, _ = applied(path, relabel("2", "no"), write=write)
    assert found == content.replace("thanks 3 é,yes", "thanks 3 é,no").encode()


@pytest.mark.parametrize("argv", [[], ["--id", "id"]])
def test_review_saved_as_a_workbook_is_applied(tmp_path, argv):
    content = written(rows_of("True", "False"))
    path, _ = mapped(tmp_path, content, *TEXT, *argv)
    table = pd.read_csv(tmp_path / "out" / "review.csv")  # numbers and truth values
    at = table.index[table["text"] == "thanks 3"]
    table = table.astype({"decision": object, "new_label": object})
    table.loc[at, "decision"], table.loc[at, "new_label"] = "relabel", False
    book = openpyxl.Workbook()
    for row in [list(table), *table.astype(object).to_numpy().tolist()]:
        book.active.append([None if cell != cell else cell for cell in row])
    book.save(tmp_path / "review.xlsx")
    out = tmp_path / "corrected.csv"
    result = run("apply", path, tmp_path / "review.xlsx", "--out", out)
    assert result.code == 0, result.err
    assert (
        out.read_bytes() == content.replace("thanks 3,True", "thanks 3,False").encode()
    )


@pytest.mark.filterwarnings("ignore:.*is not UTF-8:UserWarning")  # cp1252 says so
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_python_reads_the_review_that_the_command_line_reads(
    tmp_path, encoding, delimiter
):
    y, texts = ["é", "b", "b"], ["a, c; d", "e", "ü"]
    data_map = DataMap.from_probabilities([[[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]]], y)
    review = data_map.with_columns(text=texts).review()
    review.loc[review["id"] == 1, ["decision", "new_label"]] = ["relabel", "é"]
    path = tmp_path / "review.csv"
    review.to_csv(path, index=False, sep=delimiter, encoding=encoding)
    assert apply_review(y, path, texts)[0].tolist() == ["é", "é", "b"]


def test_review_is_marked_as_utf8_for_spreadsheets(tmp_path):
    path, _ = mapped(tmp_path, written(rows_of()))
    assert (path.parent / "out" / "review.csv").read_bytes()[:3] == b"\xef\xbb\xbf"


def test_apply_does_not_write_over_the_review(tmp_path):
    path, _ = mapped(tmp_path, written(rows_of()))
    review = path.parent / "out" / "review.csv"
    before = review.read_bytes()
    result = run("apply", path, review, "--out", review)
    assert_one_line_error(result, "review.csv itself; name another one")
    assert review.read_bytes() == before


# Numbers


def features(tmp_path, columns, *argv, delimiter=",", n=60):
    rng = np.random.default_rng(0)
    label = np.where(rng.random(n) < 0.5, "x", "y")
    frame = pd.DataFrame({name: make(rng, n) for name, make in columns.items()})
    content = frame.assign(label=label).to_csv(index=False, sep=delimiter)
    names = ",".join(columns)
    return mapped(tmp_path, content, "--features", names, "--label", "label", *argv)


def number(form):
    return lambda rng, n: [form(value) for value in rng.normal(size=n) * 2000]


@pytest.mark.parametrize(
    ("form", "told"),
    [
        (lambda v: f"{v:.2f}", ""),
        (lambda v: f"{v:.2f}".replace(".", ","), ", decimal comma"),
        (lambda v: f"{v:,.2f}", ", thousands comma"),
        (lambda v: f"$ {v:,.2f}", ", thousands comma"),
        (lambda v: f"{v:,.1f} €".replace(",", "\u202f"), ", thousands space"),
        (lambda v: f"{v:.1f} %", ""),
        (lambda v: f"{v:.2e}", ""),
        (lambda v: f"{v:.1f}" if v > -3000 else "n/a", ", 2 missing"),
        (
            lambda v: f"{v:,.2f}".translate({44: 46, 46: 44}),
            ", decimal comma, thousands point",
        ),
        (lambda v: f"{v:,.1f}".replace(",", "'"), ", thousands apostrophe"),
    ],
)
def test_numbers_are_numbers_however_they_are_written(tmp_path, form, told):
    path, result = features(tmp_path, {"a": number(form)})
    values = np.random.default_rng(0)
    values.random(60)
    line = next(x for x in result.out.splitlines() if x.startswith("a: "))
    assert line.startswith("a: numbers from -")
    assert line.endswith(told)
    table = pd.read_csv(path.parent / "out" / "review.csv", dtype=str)
    values = values.normal(size=60) * 2000
    for at, value in zip(table["position"], table["a"], strict=True):
        given = values[int(at)]
        if isinstance(value, str):
            assert float(value) == pytest.approx(given, rel=6e-3, abs=0.06)
        else:
            assert given <= -3000


def test_comma_that_can_be_read_in_two_ways_is_asked_about(tmp_path):
    columns = {"a": lambda rng, n: [f"{v:,}" for v in rng.integers(1000, 9999, n)]}
    with pytest.raises(AssertionError, match="add --decimal , or --thousands ,"):
        features(tmp_path, columns)
    _, result = features(tmp_path, columns, "--thousands", ",")
    assert "thousands comma" in result.out
    _, result = features(tmp_path, columns, "--decimal", ",")
    assert "a: numbers from 1." in result.out
    # Whole numbers, of which some are missing, do not tell; decimals do.
    whole = {"b": lambda rng, n: [str(i) if i else "" for i in range(n)]}
    with pytest.raises(AssertionError, match="add --decimal"):
        features(tmp_path, columns | whole)
    columns["b"] = number(lambda v: f"{v:.2f}".replace(".", ","))
    _, result = features(tmp_path, columns)
    assert "a: numbers from 1." in result.out


def test_shares_and_percents_in_one_column_are_no_numbers(tmp_path):
    columns = {"a": lambda rng, n: [f"{i}%" if i % 2 else f"0.{i}" for i in range(n)]}
    _, result = features(tmp_path, columns)
    assert "a: 60 categories in 60 rows: is it a number?" in result.out


def test_column_that_may_be_one_of_numbers_is_pointed_out(tmp_path):
    columns = {
        "a": number(lambda v: f"{v:.3f} kg"),
        "b": lambda rng, n: rng.choice(["u", "v"], n),
    }
    _, result = features(tmp_path, columns)
    assert "a: 60 categories in 60 rows: is it a number?" in result.out
    assert "b: 2 categories in 60 rows\n" in result.out


@pytest.mark.parametrize("names", ["a,b,c,d", "a", "a,kind", "kind"])
def test_tables_of_numbers_categories_and_both_are_mapped(tmp_path, names):
    iris = load_iris()
    frame = pd.DataFrame(iris.data, columns=[*"abcd"])
    frame["kind"] = np.where(frame["c"] > 2.5, "long", "short")
    frame["label"] = iris.target_names[iris.target]
    argv = ["--features", names, "--label", "label"]
    path, result = mapped(tmp_path, frame.to_csv(index=False), *argv)
    assert "DataMap: 150 rows" in result.out
    table = pd.read_csv(path.parent / "out" / "data_map.csv")
    right = (table["predicted"] == table["label"]).mean()
    assert right > (0.8 if names == "a,b,c,d" else 0.4)


def test_review_of_numbers_in_another_country_is_applied(tmp_path):
    columns = {"a": number(lambda v: f"{v:.2f}".replace(".", ","))}
    path, _ = features(tmp_path, columns, delimiter=";")

    def write(table, review):
        table["a"] = table["a"].str.replace(".", ",")
        table.to_csv(review, index=False, sep=";")

    content = path.read_bytes().decode()
    line = content.splitlines()[4]
    new = "x" if line.endswith("y") else "y"
    found, result = applied(path, relabel("3", new), write=write)
    assert result.code == 0, result.err
    assert found == content.replace(line, line[:-1] + new).encode()


# Any file


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    ends=st.lists(st.sampled_from(["\n", "\r\n"]), min_size=N_ROWS, max_size=N_ROWS),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    ragged=st.sets(st.integers(1, N_ROWS), max_size=3),
    row=st.integers(0, N_ROWS - 1),
)
def test_one_decision_changes_one_cell(
    tmp_path_factory, delimiter, ends, encoding, quoting, ragged, row
):
    rows = [[i, f'{text} é, "so"', label] for i, text, label in rows_of()]
    lines = written(rows, delimiter, "\n", quoting).splitlines()
    lines = [line + end for line, end in zip(lines, ["\n", *ends], strict=True)]
    lines[-1] = lines[-1].rstrip()
    for at in ragged:
        lines[at] = f"\n{lines[at]}"
    path, _ = mapped(tmp_path_factory.mktemp("any"), "".join(lines).encode(encoding))
    old = rows[row][2]
    new = "no" if old == "yes" else "yes"
    found, result = applied(path, relabel(str(row), new))
    assert result.code == 0, result.err
    start, _, end = lines[row + 1].rpartition(old)
    lines[row + 1] = start + new + end
    assert found == "".join(lines).encode(encoding)


def test_page_names_the_columns_too(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(demo, "explore", lambda m, path, **_: seen.append(m) or path)
    path, _ = mapped(tmp_path, written(rows_of()), *TEXT, "--id", "id", "--na", "x")
    review = pd.read_csv(path.parent / "out" / "review.csv")
    named = {"label": "label", "text": "text", "id": "id", "na": ["x"]}
    assert {json.dumps(named)} == set(review["made_from"])
    assert seen[0].meta["made_from"] == json.dumps(named)


@pytest.mark.parametrize("cell", ["", "{", "5"])
def test_review_whose_columns_were_lost_asks_for_them(tmp_path, cell):
    path, _ = mapped(tmp_path, written(rows_of()))

    def lose(table):
        relabel("2", "no")(table)
        table["made_from"] = cell

    _, result = applied(path, lose)
    assert_one_line_error(result, "does not name the columns", "--label")
    found, _ = applied(path, lose, *TEXT)
    assert b"thanks 3,no" in found


def test_numbers_with_leading_zeros_are_pointed_out(tmp_path):
    rows = [
        [f"{10 * i:04}", i / 10, label] for i, (_, _, label) in enumerate(rows_of())
    ]
    content = written(rows).replace("id,text", "zip,share")
    argv = ["--features", "zip,share", "--label", "label"]
    _, result = mapped(tmp_path, content, *argv)
    assert "zip: numbers from 0 to 230, some with leading zeros" in result.out
    (line,) = [line for line in result.out.splitlines() if "share: " in line]
    assert "zeros" not in line


def relabel_first(folder, label):
    """Fill a new label into the review of a mapped file; its path, and the row."""
    path = folder / "out" / "review.csv"
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    table.loc[0, ["decision", "new_label"]] = ["relabel", label]
    table.to_csv(path, index=False)
    return path, int(table["position"][0])


def json_lines(labels):
    rows = [
        {"id": i, "text": row[1], "label": label}
        for i, (row, label) in enumerate(zip(rows_of(), labels, strict=True))
    ]
    return "".join(json.dumps(row) + "\n" for row in rows), rows


NUMBERS = [i % 2 for i in range(N_ROWS)]
WORDS = ["yes" if i % 2 else "no" for i in range(N_ROWS)]


@pytest.mark.parametrize("label", ["=may, be", "für"])
def test_a_new_label_is_applied_where_it_is_asked_for(tmp_path, label):
    path, _ = mapped(tmp_path, written(rows_of()))
    fixed = tmp_path / "fixed.csv"
    review, row = relabel_first(tmp_path, label)
    result = run("apply", path, review, "--out", fixed)
    assert_one_line_error(result, "not among the labels", "--new-labels")
    assert not fixed.exists()
    assert run("apply", path, review, "--out", fixed, "--new-labels").code == 0
    before = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"))))
    after = list(csv.reader(io.StringIO(fixed.read_text(encoding="utf-8"))))
    before[1 + row][2] = label
    assert after == before


@pytest.mark.parametrize(
    ("labels", "label", "expected"),
    [
        (WORDS, "may\nbe", "may\nbe"),
        (WORDS, "7", "7"),
        (NUMBERS, "7", 7),
        (NUMBERS, "007", "007"),
    ],
)
def test_a_new_label_has_the_type_of_a_json_file(tmp_path, labels, label, expected):
    content, rows = json_lines(labels)
    path, _ = mapped(tmp_path, content, name="mine.jsonl")
    review, row = relabel_first(tmp_path, label)
    fixed = tmp_path / "fixed.jsonl"
    assert run("apply", path, review, "--out", fixed, "--new-labels").code == 0
    rows[row]["label"] = expected
    lines = fixed.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == rows


@pytest.mark.parametrize(
    ("labels", "label", "expected"),
    [(WORDS, "maybe", "maybe"), (NUMBERS, "7", 7), (NUMBERS, "maybe", None)],
)
def test_a_new_label_has_the_type_of_a_parquet_file(tmp_path, labels, label, expected):
    frame = pd.DataFrame({"text": [row[1] for row in rows_of()], "label": labels})
    content = io.BytesIO()
    frame.to_parquet(content)
    path, _ = mapped(tmp_path, content.getvalue(), name="mine.parquet")
    review, row = relabel_first(tmp_path, label)
    fixed = tmp_path / "fixed.parquet"
    result = run("apply", path, review, "--out", fixed, "--new-labels")
    if expected is None:
        assert_one_line_error(result, "int64", "'maybe'", "CSV")
        assert not fixed.exists()
        return
    after = pd.read_parquet(fixed)
    frame.loc[row, "label"] = expected
    pd.testing.assert_frame_equal(after, frame)
