"""Files as people have them: compressed, of other kinds, written as names say."""

import bz2
import csv
import gzip
import io
import json
import lzma
import sys
from itertools import product

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

from sklearn_datamaps import apply_review
from sklearn_datamaps._io import files
from sklearn_datamaps._io.reading import Reading
from sklearn_datamaps._io.tables import (
    FORMATS,
    read_table,
    read_tables,
    write_corrected,
)
from sklearn_datamaps.out_of_core import read_rows

TEXT = 'text,label\r\n"a, b",yes\r\nc,no\r\n\r\nd,yes\r\n'
RECORDS = [
    {"text": "a, b", "label": "yes", "n": 1, "x": 0.5},
    {"text": "=c", "label": "no", "n": 2, "x": None},
    {"text": "grüße", "label": "yes", "n": 3, "x": 2.0},
]
PACK = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": lambda data: pa.compress(data, codec="zstd", asbytes=True),
}
UNPACK = {
    ".gz": gzip.decompress,
    ".bz2": bz2.decompress,
    ".xz": lzma.decompress,
    ".zst": lambda data: pa.CompressedInputStream(pa.BufferReader(data), "zstd").read(),
}
# The kinds of file that one written here is read as, each by another library.
READ = {
    ".csv": lambda data: pd.read_csv(io.BytesIO(data), dtype=str),
    ".tsv": lambda data: pd.read_csv(io.BytesIO(data), dtype=str, sep="\t"),
    ".jsonl": lambda data: pd.read_json(io.BytesIO(data), lines=True),
    ".json": lambda data: pd.read_json(io.BytesIO(data)),
    ".parquet": lambda data: pd.read_parquet(io.BytesIO(data)),
    ".feather": lambda data: pd.read_feather(io.BytesIO(data)),
    ".xlsx": lambda data: of_sheet(openpyxl.load_workbook(io.BytesIO(data)).active),
}


def of_sheet(sheet):
    names, *rows = sheet.iter_rows(values_only=True)
    return pd.DataFrame(rows, columns=names)


def path_of(tmp_path, name, data):
    path = tmp_path / name
    path.write_bytes(data)
    return path


def relabelled(table, out, changed, dropped=(), **options):
    """Write a table with some labels, given by their row, and without some rows."""
    labels = table.column("label").copy()
    for row, label in changed.items():
        labels[row] = label
    kept = ~np.isin(np.arange(len(table)), list(dropped))
    return write_corrected(table, out, {"label": labels}, kept, **options)


def data_of(kind):
    """The records as a file of a kind, written by the library of that kind."""
    frame, sink = pd.DataFrame(RECORDS), io.BytesIO()
    if kind in (".csv", ".tsv"):
        return frame.to_csv(index=False, sep=",\t"[kind == ".tsv"]).encode()
    if kind == ".jsonl":
        return "".join(json.dumps(record) + "\n" for record in RECORDS).encode()
    if kind == ".json":
        return json.dumps(RECORDS, indent=1).encode()
    if kind == ".xlsx":
        book = openpyxl.Workbook()
        for row in [list(frame), *([*record.values()] for record in RECORDS)]:
            book.active.append(row)
        book.active["A3"].data_type = "s"  # no formula
        book.save(sink)
    else:
        {".parquet": frame.to_parquet, ".feather": frame.to_feather}[kind](sink)
    return sink.getvalue()


# Compressed


@pytest.mark.parametrize("compression", PACK)
def test_compressed_file_is_read_and_one_cell_of_it_patched(tmp_path, compression):
    path = path_of(tmp_path, f"a.csv{compression}", PACK[compression](TEXT.encode()))
    table = read_table(path)
    assert table.column("text").tolist() == ["a, b", "c", "d"]
    out = tmp_path / f"b.csv{compression}"
    assert relabelled(table, out, {0: "no"}) == []
    written = UNPACK[compression](out.read_bytes())
    assert written == TEXT.replace('b",yes', 'b",no').encode()


@pytest.mark.parametrize("compression", PACK)
@pytest.mark.parametrize("kind", [".tsv", ".jsonl", ".json", ".parquet", ".feather"])
def test_ending_below_the_compression_decides_the_kind(tmp_path, compression, kind):
    data = PACK[compression](data_of(kind))
    table = read_table(path_of(tmp_path, f"a{kind}{compression}", data))
    assert table.column("text").tolist() == ["a, b", "=c", "grüße"]


def test_large_source_may_be_compressed(tmp_path):
    path = path_of(tmp_path, "a.csv.gz", gzip.compress(TEXT.encode()))
    assert read_rows(path, [2, 0])["text"].tolist() == ["d", "a, b"]


def test_compressed_review_is_applied_in_python(tmp_path):
    from sklearn_datamaps import DataMap

    proba = [[[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]]]
    review = DataMap.from_probabilities(proba, ["a", "b", "b"]).review()
    review.loc[review["id"] == 1, ["decision", "new_label"]] = ["relabel", "a"]
    path = path_of(tmp_path, "review.csv.xz", lzma.compress(review.to_csv().encode()))
    assert apply_review(["a", "b", "b"], path)[0].tolist() == ["a", "a", "b"]


def test_utf16_in_xz(tmp_path):
    path = path_of(tmp_path, "a.csv.xz", lzma.compress(TEXT.encode("utf-16")))
    assert read_table(path).column("text").tolist() == ["a, b", "c", "d"]


@pytest.mark.parametrize("compression", PACK)
def test_archive_of_several_parts_is_read_whole(tmp_path, compression):
    parts = [PACK[compression](part.encode()) for part in (TEXT, "e,no\r\n")]
    path = path_of(tmp_path, f"a.csv{compression}", b"".join(parts))
    assert read_table(path).column("text").tolist() == ["a, b", "c", "d", "e"]


DAMAGES = list(product(PACK, ["cut", "other", "changed"]))
DAMAGES.remove((".zst", "changed"))  # Arrow writes no checksum, by which it would show


@pytest.mark.parametrize(("compression", "damage"), DAMAGES)
@pytest.mark.parametrize("kind", [".csv", ".json", ".parquet"])
def test_damaged_archive_is_named(tmp_path, compression, kind, damage):
    rng = np.random.default_rng(0)
    noise = "".join(map(chr, rng.integers(97, 122, 50_000)))
    whole = PACK[compression](json.dumps([{"text": noise, "label": "a"}]).encode())
    data = {
        "cut": whole[:-9],
        "other": b"text,label\na,b\n",
        "changed": whole[:2000] + bytes(2000) + whole[4000:],
    }[damage]
    path = path_of(tmp_path, f"a{kind}{compression}", data)
    with pytest.raises(ValueError, match=rf"a\{kind}\{compression} is damaged, cut"):
        read_table(path)


@pytest.mark.parametrize(
    ("name", "data", "match"),
    [
        (
            "a.csv",
            gzip.compress(b"a,b\n1,2\n"),
            r"It holds what a .gz does: name it so",
        ),
        (
            "a.csv.gz",
            gzip.compress(gzip.compress(b"a\n1\n")),
            "It holds what a .gz does",
        ),
        ("a.csv.gz", b"", "is empty"),
        ("a.csv.gz", gzip.compress(b""), "is empty"),
        ("a.json", data_of(".xlsx"), "what a .xlsx or a .zip does"),
        ("a.jsonl", data_of(".parquet"), "what a .parquet does"),
        ("a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1", r".xls \(save as"),
        ("a.xlsx", b"text,label\n", r"cannot be read as an .xlsx file: File is not a"),
        ("a.feather", b"text,label\n", "cannot be read as Feather"),
        ("a.parquet.gz", gzip.compress(b"text\n"), "cannot be read as Parquet"),
        ("a.csv", b"text,label\n\0\0\0\0\0\0\0\0", "name its --encoding"),
    ],
    # An archive holds the time it was made at, and two processes collect these tests.
    ids=lambda value: "data" if isinstance(value, bytes) else None,
)
def test_file_that_is_another_than_its_name_says(tmp_path, name, data, match):
    with pytest.raises(ValueError, match=match) as error:
        read_table(path_of(tmp_path, name, data))
    assert str(error.value).startswith(str(tmp_path / name))


def test_archive_that_would_fill_the_memory_is_refused(tmp_path, monkeypatch):
    path = path_of(
        tmp_path, "a.csv.gz", gzip.compress(b"text,label\n" + b"a,b\n" * 2**20)
    )
    monkeypatch.setattr(files, "MOST_BYTES", 2**20)
    with pytest.raises(ValueError, match=r"a.csv.gz unpacks to more than 500 times"):
        read_table(path)
    # A workbook says how large its parts are before they are read.
    book = openpyxl.Workbook()
    book.active.append(["text", "label"])
    book.active.append(["a" * 30_000] * 2000)
    sink = io.BytesIO()
    book.save(sink)
    monkeypatch.setattr(files, "MOST_BYTES", 2**12)
    monkeypatch.setattr(files, "MOST_TIMES", 1)
    with pytest.raises(ValueError, match=r"a.xlsx unpacks to more than 1 times"):
        read_table(path_of(tmp_path, "a.xlsx", sink.getvalue()))


def test_what_shrinks_as_texts_do_is_read_whatever_its_size(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MOST_BYTES", 2**10)
    text = "text,label\n" + "".join(f"thanks a lot {i},a\n" for i in range(2000))
    path = path_of(
        tmp_path, "a.csv.gz", gzip.compress(text.replace(", ", " ").encode())
    )
    assert len(read_table(path)) == 2000


# The suffix says what is written


@pytest.mark.parametrize("wanted", READ)
@pytest.mark.parametrize("kind", READ)
def test_any_kind_is_written_as_any_other(tmp_path, kind, wanted):
    table = read_table(path_of(tmp_path, f"a{kind}", data_of(kind)))
    out = tmp_path / f"out{wanted}"
    notes = relabelled(table, out, {0: "no"}, dropped=[2])
    found = READ[wanted](out.read_bytes())
    assert found["text"].tolist() == ["a, b", "=c"]
    assert found["label"].tolist() == ["no", "no"]
    assert [float(n) for n in found["n"]] == [1, 2]
    assert pd.to_numeric(found["x"]).tolist() == pytest.approx(
        [0.5, np.nan], nan_ok=True
    )
    assert bool(notes) == (kind != wanted)
    if notes:
        assert "out" + wanted in notes[0]
        assert "was converted to" in notes[0]
    typed = {".json", ".jsonl", ".parquet", ".feather", ".xlsx"}
    if {kind, wanted} <= typed:
        assert found["n"].dtype.kind == "i"


@pytest.mark.parametrize("compression", PACK)
def test_file_may_be_compressed_as_it_is_converted(tmp_path, compression):
    table = read_table(path_of(tmp_path, "a.jsonl", data_of(".jsonl")))
    out = tmp_path / f"out.tsv{compression}"
    relabelled(table, out, {})
    found = READ[".tsv"](UNPACK[compression](out.read_bytes()))
    assert found["text"].tolist() == ["a, b", "=c", "grüße"]


@pytest.mark.parametrize(
    ("name", "delimiter", "out", "kept"),
    [
        ("a.csv", ";", "b.csv", True),
        ("a.csv", "\t", "b.csv", True),
        ("a.csv", ",", "b.tsv", False),
        ("a.csv", "\t", "b.tsv", True),
        ("a.txt", "\t", "b.csv", False),
        ("a.txt", ";", "b.csv", True),
        ("a.tsv", "\t", "b.csv", False),
        ("a.tsv", "\t", "b", True),
        ("a.tsv", "\t", "b.txt", True),
    ],
)
def test_delimiter_stays_where_the_suffix_allows_it(
    tmp_path, name, delimiter, out, kept
):
    text = "text,label\na,yes\n'c',no\n".replace(",", delimiter)
    table = read_table(path_of(tmp_path, name, text.encode()))
    relabelled(table, tmp_path / out, {0: "no"})
    written = (tmp_path / out).read_text()
    if kept:
        assert written == text.replace("yes", "no")
    else:
        rows = list(csv.reader(io.StringIO(written), delimiter=",\t"[out == "b.tsv"]))
        assert rows == [["text", "label"], ["a", "no"], ["'c'", "no"]]


def test_json_lines_become_an_array_and_back_with_their_values(tmp_path):
    lines = (
        '{"text": "a\\ud83d", "tags": ["u"], "label": 1.0}\n{"text":"b","label":2}\n'
    )
    table = read_table(path_of(tmp_path, "a.jsonl", lines.encode()))
    relabelled(table, tmp_path / "b.json", {0: "2"})
    array = json.loads((tmp_path / "b.json").read_text())
    assert array == [
        {"text": "a\ud83d", "tags": ["u"], "label": 2},
        {"text": "b", "tags": None, "label": 2},
    ]
    assert type(array[0]["label"]) is int
    relabelled(read_table(tmp_path / "b.json"), tmp_path / "c.jsonl", {})
    lines = (tmp_path / "c.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == array


def test_unknown_ending_is_refused_but_for_cells(tmp_path):
    table = read_table(path_of(tmp_path, "a.json", data_of(".json")))
    with pytest.raises(ValueError, match=r"--out .*a.pdf has an ending that is not"):
        relabelled(table, tmp_path / "a.pdf", {})
    table = read_table(path_of(tmp_path, "a.csv", TEXT.encode()))
    assert relabelled(table, tmp_path / "a.dat", {0: "no"}) == []
    changed = TEXT.replace('b",yes', 'b",no').encode()
    assert (tmp_path / "a.dat").read_bytes() == changed


def test_column_of_several_types_becomes_text_in_parquet(tmp_path):
    lines = '{"label": "a", "x": 1}\n{"label": "b", "x": "two"}\n'
    table = read_table(path_of(tmp_path, "a.jsonl", lines.encode()))
    relabelled(table, tmp_path / "b.parquet", {})
    assert pd.read_parquet(tmp_path / "b.parquet")["x"].tolist() == ["1", "two"]


# Nested fields of JSON

NESTED = (
    '{"data": {"text": "a", "label" : "yes"}, "label": 5}\n{"data": {"label": "no"}}\n'
)


@pytest.mark.parametrize("as_array", [False, True])
def test_nested_field_is_a_column_and_is_patched(tmp_path, as_array):
    text = f"[{NESTED.strip()}]".replace("\n", ",\n") if as_array else NESTED
    path = path_of(tmp_path, "a.json", text.encode())
    table = read_table(path, Reading(["data.text", "data.label", "data.none"]))
    assert list(table.cells) == ["data", "label", "data.text", "data.label"]
    assert table.column("data.text").tolist() == ["a", ""]
    labels = np.array(["no", "no"], dtype=object)
    out = tmp_path / "b.json"
    write_corrected(table, out, {"data.label": labels}, np.ones(2, bool))
    assert out.read_text() == text.replace('"yes"', '"no"')
    write_corrected(
        table, tmp_path / "b.xlsx", {"data.label": labels}, np.ones(2, bool)
    )
    found = READ[".xlsx"]((tmp_path / "b.xlsx").read_bytes())
    assert list(found) == ["data", "label"]
    assert json.loads(found["data"][0]) == {"text": "a", "label": "no"}


@pytest.mark.parametrize("kind", ["parquet", "feather"])
def test_nested_field_of_an_arrow_file_is_patched(tmp_path, kind):
    rows = [{"text": "a", "meta": {"label": 1}}, {"text": "b", "meta": {"label": 0}}]
    table = pa.table({"data": [*rows, None, {"text": "c", "meta": None}]})
    path = tmp_path / f"a.{kind}"
    write = {"parquet": pyarrow.parquet.write_table}
    write.get(kind, pyarrow.feather.write_feather)(table, path)
    read = read_table(path, Reading(["data.text", "data.meta.label"]))
    assert read.column("data.text").tolist() == ["a", "b", "", "c"]
    assert read.column("data.meta.label").tolist() == ["1", "0", "", ""]
    labels = np.array(["0", "0", "", ""], dtype=object)
    out = tmp_path / "b.parquet"
    write_corrected(read, out, {"data.meta.label": labels}, np.ones(4, bool))
    back = pyarrow.parquet.read_table(out)
    assert back.schema == table.schema
    rows[0]["meta"]["label"] = 0
    assert back["data"].to_pylist() == [*rows, None, {"text": "c", "meta": None}]


def test_field_of_just_that_name_goes_first(tmp_path):
    text = '{"data.text": "a", "data": {"text": "b"}}\n'
    table = read_table(
        path_of(tmp_path, "a.jsonl", text.encode()), Reading(["data.text"])
    )
    assert table.column("data.text").tolist() == ["a"]


# Names of classes, as Hugging Face writes them


def hub_table(feature, labels):
    features = {"label": feature, "text": {"dtype": "string", "_type": "Value"}}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    table = pa.table({"text": ["a", "b", "c"], "label": labels})
    return table.replace_schema_metadata(metadata)


@pytest.mark.parametrize("kind", ["parquet", "feather"])
def test_classes_are_shown_by_name_and_written_as_integers(tmp_path, kind):
    names = {"names": ["neg", "pos", "new"], "_type": "ClassLabel"}
    table = hub_table(names, pa.array([0, 1, -1], pa.int64()))
    path = tmp_path / f"a.{kind}"
    write = {"parquet": pyarrow.parquet.write_table}.get(
        kind, pyarrow.feather.write_feather
    )
    write(table, path)
    read = read_table(path)
    assert read.column("label").tolist() == ["neg", "pos", ""]
    for out in (tmp_path / f"b.{kind}", tmp_path / "c.parquet"):
        relabelled(read, out, {0: "pos", 1: "new"})
        back = (
            pa.feather.read_table(out)
            if out.suffix == ".feather"
            else pyarrow.parquet.read_table(out)
        )
        assert back["label"].to_pylist() == [1, 2, -1]
        assert back.schema.equals(table.schema, check_metadata=True)
    relabelled(read, tmp_path / "d.csv", {0: "pos"})
    assert pd.read_csv(tmp_path / "d.csv")["label"].tolist() == ["pos", "pos", np.nan]


@pytest.mark.parametrize("how", ["feature", "list"])
def test_lists_of_classes_are_shown_by_name(tmp_path, how):
    names = {"names": ["joy", "fear"], "_type": "ClassLabel"}
    feature = [names] if how == "list" else {"feature": names, "_type": "Sequence"}
    table = hub_table(feature, pa.array([[0], [], [1, 0]], pa.list_(pa.int64())))
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    read = read_table(tmp_path / "a.parquet")
    assert read.column("label").tolist() == ['["joy"]', "[]", '["fear", "joy"]']
    relabelled(read, tmp_path / "b.parquet", {0: '["joy", "fear"]', 2: '["fear"]'})
    back = pyarrow.parquet.read_table(tmp_path / "b.parquet")
    assert back["label"].to_pylist() == [[0, 1], [], [1]]
    assert back.schema == table.schema


# Excel


def workbook(tmp_path):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["text", "label", "n", "double"])
    sheet.append(["a", "yes", 1, "=C2*2"])
    sheet.append([])
    sheet.append(["=b", True, 2.5, None])
    sheet["A4"].data_type = "s"
    sheet.append(["c", "no", None, "kept"])
    sheet["B2"].font = openpyxl.styles.Font(bold=True)
    sheet["D5"].comment = openpyxl.comments.Comment("why?", "me")
    sheet.column_dimensions["A"].width = 60
    other = book.create_sheet("other")
    other["C7"] = "stays"
    path = tmp_path / "a.xlsx"
    book.save(path)
    return path


def test_workbook_is_read_and_its_labels_patched(tmp_path):
    table = read_table(workbook(tmp_path))
    assert table.column("text").tolist() == ["a", "=b", "c"]
    assert table.column("label").tolist() == ["yes", "True", "no"]
    assert table.column("n").tolist() == ["1", "2.5", ""]
    assert list(table.lines()) == [2, 4, 5]
    assert "read the first sheet, 'Sheet'" in table.notes[0]
    relabelled(table, tmp_path / "b.xlsx", {0: "no", 2: "True"})
    book = openpyxl.load_workbook(tmp_path / "b.xlsx")
    sheet = book.worksheets[0]
    assert [[cell.value for cell in row] for row in sheet.iter_rows()] == [
        ["text", "label", "n", "double"],
        ["a", "no", 1, "=C2*2"],
        [None] * 4,
        ["=b", True, 2.5, None],
        ["c", True, None, "kept"],
    ]
    assert sheet["A4"].data_type == "s"
    assert sheet["B2"].font.bold
    assert sheet["D5"].comment.text == "why?"
    assert sheet.column_dimensions["A"].width == 60
    assert book["other"]["C7"].value == "stays"


def test_rows_are_dropped_from_a_workbook(tmp_path):
    table = read_table(workbook(tmp_path))
    relabelled(table, tmp_path / "b.xlsx", {2: "yes"}, dropped=[0, 1])
    assert read_table(tmp_path / "b.xlsx").cells.to_numpy().tolist() == [
        ["c", "yes", "", "kept"]
    ]


def test_texts_of_a_new_workbook_are_no_formulas_and_no_control_characters(tmp_path):
    text = 'text,label\n=1+1,a\n"b\x0b\x01",007\n'
    table = read_table(path_of(tmp_path, "a.csv", text.encode()))
    relabelled(table, tmp_path / "b.xlsx", {})
    sheet = openpyxl.load_workbook(tmp_path / "b.xlsx").active
    rows = [[(cell.value, cell.data_type) for cell in row] for row in sheet.iter_rows()]
    assert rows[1:] == [
        [("=1+1", "s"), ("a", "s")],
        [("b\ufffd\ufffd", "s"), ("007", "s")],
    ]


@pytest.mark.parametrize(
    ("rows", "match"),
    [([], "is empty"), ([["a"], ["b", "c"]], "row 2 of the sheet has more cells")],
)
def test_sheet_that_is_no_table_is_refused(tmp_path, rows, match):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    with pytest.raises(ValueError, match=match):
        read_table(tmp_path / "a.xlsx")


def test_text_too_long_for_a_sheet_is_refused(tmp_path):
    text = f"text,label\n{'a' * 32_768},b\n"
    table = read_table(path_of(tmp_path, "a.csv", text.encode()))
    with pytest.raises(ValueError, match=r"holds 32,767 characters at most; one of"):
        relabelled(table, tmp_path / "b.xlsx", {})


def test_excel_without_its_library_names_the_extra(tmp_path, monkeypatch):
    path = workbook(tmp_path)
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(ImportError, match=r"Reading of an .xlsx file.*\[excel\]"):
        read_table(path)


def test_large_source_may_be_a_workbook_or_feather(tmp_path):
    found = read_rows(workbook(tmp_path), [2, 0], columns=["text", "n"])
    assert found["text"].tolist() == ["c", "a"]
    path = path_of(tmp_path, "a.feather", data_of(".feather"))
    assert read_rows(path, [2, 1])["text"].tolist() == ["grüße", "=c"]


# Several files


def test_rows_of_several_files_are_named_by_file_and_line(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    one = path_of(folder, "1.csv", TEXT.encode())
    two = path_of(folder, "2.tsv", b'text\tlabel\tmore\n"x\ny"\tno\tm\nz\tyes\tn\n')
    (folder / "_notes.md").touch()
    table = read_tables([folder], Reading(["text", "label"]))
    assert table.column("text").tolist() == ["a, b", "c", "d", "x\ny", "z"]
    assert table.column("more").tolist() == ["", "", "", "m", "n"]
    lines = [f"{one}:2", f"{one}:3", f"{one}:5", f"{two}:2", f"{two}:4"]
    assert table.column("file:line").tolist() == lines
    with pytest.raises(ValueError, match="is named twice"):
        read_tables([folder, one], Reading())
    with pytest.raises(ValueError, match=r"1.csv has no column 'more'"):
        read_tables([folder], Reading(["more"]))


def test_folder_without_tables_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no files to read"):
        read_tables([tmp_path], Reading())
    (tmp_path / "a.png").touch()
    with pytest.raises(ValueError, match=r"a.png. Files to read end in"):
        read_tables([tmp_path], Reading())


def test_name_of_every_format_is_known():
    assert all(kind in FORMATS for kind in READ)
