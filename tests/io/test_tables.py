"""The one reader of users' files: what it reads, and that it writes no other byte."""

import csv
import io
import json
import re
from itertools import takewhile
from operator import eq

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_datamaps._io.delimited import Dialect, Records
from sklearn_datamaps._io.reading import Reading
from sklearn_datamaps._io.tables import read_table, write_corrected
from sklearn_datamaps.out_of_core import read_rows


def table_of(tmp_path, content, name="mine.csv", **reading):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_table(path, Reading(**reading))


def rewritten(table, label, changed=(), dropped=()):
    """Bytes of the file with new labels, given as pairs of row and label."""
    labels = table.column(label).copy()
    for row, new in dict(changed).items():
        labels[row] = new
    kept = ~np.isin(np.arange(len(table)), list(dropped))
    out = table.path.with_name(f"out-{table.path.name}")
    write_corrected(table, out, {label: labels}, kept, force=True)
    return out.read_bytes()


# Quotes


def test_quote_that_closes_nothing_is_text(tmp_path):
    rows = ["1\tthanks\tyes", '2\t"Many thanks\tyes', "3\tno\tno", '4\t"Never\tno']
    table = table_of(tmp_path, "\n".join(["id\ttext\tlabel", *rows, ""]), "mine.tsv")
    assert table.column("text").tolist() == ["thanks", '"Many thanks', "no", '"Never']
    assert any("2 lines, first in line 3" in note for note in table.notes)


def test_quotes_in_the_middle_stay(tmp_path):
    text = 'text,label\n"thanks" she said,yes\n5" pipe,no\n"a ""b"", c",no\n'
    table = table_of(tmp_path, text)
    assert table.column("text").tolist() == ['"thanks" she said', '5" pipe', 'a "b", c']


def test_quote_that_seems_to_swallow_rows_is_refused_with_the_way_out(tmp_path):
    text = 'id\ttext\tlabel\n1\t"Many thanks\tyes\n2\tno\tno\n3\tneighbour"\tyes\n'
    with pytest.raises(ValueError, match=r"line 2 closes it in line 4.*--quoting none"):
        table_of(tmp_path, text, "mine.tsv")
    as_text = table_of(tmp_path, text, "mine.tsv", quoting="none")
    assert as_text.column("text").tolist() == ['"Many thanks', "no", 'neighbour"']
    one_cell = table_of(tmp_path, text, "mine.tsv", quoting="csv")
    assert one_cell.column("text").tolist() == [
        "Many thanks\tyes\n2\tno\tno\n3\tneighbour"
    ]


def test_two_lines_that_may_be_rows_or_a_letter_are_noted(tmp_path):
    text = 'text,label\n"Dear Sir,\nthank you",yes\nno,no\n'
    table = table_of(tmp_path, text)
    assert table.column("text").tolist() == ["Dear Sir,\nthank you", "no"]
    assert any("--quoting none" in note for note in table.notes)
    assert table_of(tmp_path, text, quoting="csv").notes == ()


def test_rows_with_quotes_of_their_own_among_swallowed_ones_do_not_hide_them(tmp_path):
    text = 'id,text,label\n1,"Many thanks,yes\n2,"a, b",no\n'
    assert len(table_of(tmp_path, text)) == 2
    text = 'id,text,label\n1,"Many,yes\n2,a ""b"", c,no\n3,c,no\n4,you",yes\n'
    with pytest.raises(ValueError, match="closes it in line 5, and the lines between"):
        table_of(tmp_path, text)
    text = 'id,label,text\n1,yes,"Dear Sir\nthank you\nYours, a, b"\n'
    assert table_of(tmp_path, text).notes == ()


def test_row_that_a_lone_quote_breaks_is_said_to_be_so(tmp_path):
    with pytest.raises(ValueError, match=r"line 2 has 4 cells.*none ends it"):
        table_of(tmp_path, 'id,text,label\n1,"Many, thanks,yes\n')


def test_two_lines_between_tabs_are_refused(tmp_path):
    with pytest.raises(ValueError, match="closes it in line 3"):
        table_of(tmp_path, 'text\tlabel\n"Dear\tyes\nyou"\tno\nb\tno\n', "mine.tsv")


def test_new_label_is_in_quotes_where_the_old_one_was(tmp_path):
    text = 'text,label\n"a","yes"\nb,no\nc,"a, b"\n'
    table = table_of(tmp_path, text)
    found = rewritten(table, "label", {0: "no", 1: "a, b", 2: "yes"})
    assert found == b'text,label\n"a","no"\nb,"a, b"\nc,"yes"\n'


def test_cell_of_many_lines_that_are_no_rows_is_read_without_a_word(tmp_path):
    text = 'id,text,label\n1,"one\ntwo, and ""so""\r\nthree",yes\n2,b,no\n'
    table = table_of(tmp_path, text)
    assert table.column("text").tolist() == ['one\ntwo, and "so"\r\nthree', "b"]
    assert table.notes == ()


def test_backslash_before_a_quote_is_found(tmp_path):
    text = (
        'text,label\n"she said \\"hi, you\\"",yes\n"C:\\\\dir, x",no\n"so \\"a\\"",no\n'
    )
    table = table_of(tmp_path, text)
    assert table.column("text").tolist() == [
        'she said "hi, you"',
        "C:\\dir, x",
        'so "a"',
    ]
    assert (
        rewritten(table, "label", {1: "yes"})
        == text.replace('x",no', 'x",yes').encode()
    )


def test_other_quote_can_be_given(tmp_path):
    table = table_of(tmp_path, "text,label\n'a, b',yes\n'it''s',no\n", quotechar="'")
    assert table.column("text").tolist() == ["a, b", "it's"]


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"quoting": "all"}, "--quoting must be one of"),
        ({"quotechar": "''"}, "--quotechar must be one character"),
        ({"delimiter": '"'}, "must differ"),
    ],
)
def test_options_that_cannot_be_are_refused(options, match):
    with pytest.raises(ValueError, match=match):
        Reading(**options)


# What spreadsheets write


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_that_names_the_separator_is_seen_through(tmp_path, mark):
    text = f"{mark}sep=|\r\ntext|label\r\na;b|yes\r\nc,d|no\r\n"
    table = table_of(tmp_path, text)
    assert table.column("text").tolist() == ["a;b", "c,d"]
    expected = text.replace("c,d|no", "c,d|yes").encode()
    assert rewritten(table, "label", {1: "yes"}) == expected


def test_blank_and_short_rows_and_empty_cells_at_the_end(tmp_path):
    text = "id,text,label\n\n1,a,yes,,\n2\n  \n3,c,no\n,,\n"
    table = table_of(tmp_path, text)
    assert table.cells.to_numpy().tolist() == [
        ["1", "a", "yes"],
        ["2", "", ""],
        ["3", "c", "no"],
        ["", "", ""],
    ]
    changed = rewritten(table, "label", {2: "yes"}, dropped=[1])
    assert changed == text.replace("2\n", "", 1).replace("c,no", "c,yes").encode()


def test_row_with_more_cells_is_refused_by_line(tmp_path):
    with pytest.raises(ValueError, match="line 4 has 3 cells, the header 2"):
        table_of(tmp_path, 'text,label\n"a\nb",yes\nc,d,no\n')


def test_file_of_one_column_with_commas(tmp_path):
    table = table_of(tmp_path, "text\na, b\nc, d, e\n", "mine.tsv")
    assert table.column("text").tolist() == ["a, b", "c, d, e"]


# Encodings


def test_few_bad_bytes_leave_a_file_utf8_and_are_written_back(tmp_path):
    lines = ["text,label", *["grüße,yes"] * 5, "caf\udce9,no", ""]
    content = "\n".join(lines).encode("utf-8", "surrogateescape")
    table = table_of(tmp_path, content)
    assert table.column("text")[0] == "grüße"
    assert table.column("text")[5] == "caf\udce9"
    assert "UTF-8, but for 1 bytes (line 7)" in table.notes[0]
    assert rewritten(table, "label", {5: "yes"}) == content.replace(
        b"\xe9,no", b"\xe9,yes"
    )


def test_as_much_utf8_as_not_is_utf8(tmp_path):
    table = table_of(tmp_path, b"text,label\n\xc3\xa9,a\n\xe9,b\n")
    assert table.column("text").tolist() == ["é", "\udce9"]


def test_file_of_old_stays_cp1252(tmp_path):
    content = "text,label\ncafé,yes\nnaïve,no\n".encode("cp1252")
    table = table_of(tmp_path, content)
    assert table.column("text").tolist() == ["café", "naïve"]
    assert "read as cp1252" in table.notes[0]
    assert rewritten(table, "label", dropped=[0]) == content.replace(
        b"caf\xe9,yes\n", b""
    )


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_is_written_back(tmp_path, encoding):
    text = "\ufeffid;text;label\r\n1;gr\u00fc\u00dfe \U0001f600;yes\r\n2;b;no"
    table = table_of(tmp_path, text.encode(encoding))
    expected = text.replace("b;no", "b;yes").encode(encoding)
    assert rewritten(table, "label", {1: "yes"}) == expected


def test_half_a_character_is_kept_and_named(tmp_path):
    content = '{"text": "thanks \\ud83d", "label": "a"}\n{"text": "b", "label": "b"}\n'
    table = table_of(tmp_path, content, "mine.jsonl")
    assert table.column("text")[0] == "thanks \ud83d"
    assert "hold half a character, in rows 0" in table.notes[0]
    expected = content.replace('"b", "label": "b"', '"b", "label": "a"').encode()
    assert rewritten(table, "label", {1: "a"}) == expected


def test_column_whose_name_is_no_text_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"the name of column 'a\\ud83d' holds"):
        table_of(tmp_path, '{"a\\ud83d": 1}\n', "mine.jsonl")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_without_a_mark_can_be_given(tmp_path, encoding):
    content = "text,label\né,a\n".encode(encoding)
    with pytest.raises(ValueError, match="name its --encoding"):
        table_of(tmp_path, content)
    table = table_of(tmp_path, content, encoding="utf-16")
    assert rewritten(table, "label") == content
    assert table.column("text").tolist() == ["é"]


# The readers agree


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.filterwarnings("ignore:.*is not UTF-8:UserWarning")  # cp1252 says so
def test_rows_of_a_large_source_are_those_of_the_table(tmp_path, delimiter, encoding):
    rows = [["grüße, du", "yes"], ['a "b"', "no"], ["two\nlines", "yes"], ["NA", "no"]]
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows([["text", "label"], *rows])
    path = tmp_path / "mine.csv"
    path.write_bytes(text.getvalue().encode(encoding))
    assert read_table(path).cells.to_numpy().tolist() == rows
    assert read_rows(path, range(4)).to_numpy().tolist() == rows


def test_large_source_tells_what_it_guessed(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_bytes("text;label\ncafé;a\n".encode("cp1252"))
    with pytest.warns(UserWarning, match="is not UTF-8: read as cp1252"):
        found = read_rows(path, [0])
    assert found.iloc[0].tolist() == ["café", "a"]


def test_number_after_many_numbers_is_a_number(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("text,label,x,flag\na,1,1.5,true\nb,,2,False\nc,001,,true\n")
    with pytest.raises(ValueError, match="'label' holds 'x', but only int before"):
        _read_with_small_head(path, "text,label\na,1\nb,x\n")
    path.write_text("text,label,x,flag\na,1,1.5,true\nb,,2,False\n")
    found = read_rows(path, [0, 1])
    assert found["label"].tolist()[0] == 1
    assert pd.isna(found["label"].tolist()[1])
    assert found["x"].tolist() == [1.5, 2.0]
    assert found["flag"].tolist() == [True, False]


def _read_with_small_head(path, text):
    from unittest.mock import patch

    from sklearn_datamaps._io import typed_rows

    path.write_text(text)
    with patch.object(typed_rows, "TYPED_ROWS", 1):
        read_rows(path, [0, 1])


def test_codes_with_leading_zeros_stay_texts(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("text,label\na,001\nb,1\n")
    assert read_rows(path, [0, 1])["label"].tolist() == ["001", "1"]


# JSON


ARRAY = (
    '\ufeff[\n  {"text": "a,\\u00e9" , "label":1.0},\n  {"text":"b","label" : 2}\n ]\n'
)


def test_array_is_read_and_one_value_is_changed(tmp_path):
    table = table_of(tmp_path, ARRAY, "mine.json")
    assert table.column("text").tolist() == ["a,é", "b"]
    assert table.column("label").tolist() == ["1.0", "2"]
    expected = ARRAY.replace(":1.0", ":2").encode()
    assert rewritten(table, "label", {0: "2"}) == expected


@pytest.mark.parametrize("dropped", [[0], [1], [0, 1]])
def test_array_without_some_records_is_an_array(tmp_path, dropped):
    table = table_of(tmp_path, ARRAY, "mine.json")
    left = json.loads(rewritten(table, "label", dropped=dropped).decode("utf-8-sig"))
    records = json.loads(ARRAY.removeprefix("\ufeff"))
    assert left == [r for at, r in enumerate(records) if at not in dropped]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ('[{"a": 1} {"a": 2}]', "record 1 is followed by neither a comma nor the end"),
        ('[{"a": 1}, 2]', "record 2 is not a JSON object"),
        ('[{"a": 1},', "record 2 is"),
        ("[]", "no rows"),
        ('{"a": 1}\n{"a"}\n', "record 2 is Expecting"),
    ],
)
def test_json_that_is_none_is_refused_by_record(tmp_path, text, match):
    with pytest.raises(ValueError, match=match):
        table_of(tmp_path, text, "mine.json")


def test_escapes_spaces_numbers_and_line_ends_of_json_lines_stay(tmp_path):
    lines = [
        '{"label" :"\\u006eo", "x": 1.50, "text": "a"}\r\n',
        "\n",
        ' {"x":1e5,"label":["b"],"label":"yes"}\n',
        '{"text": "\\"label\\": \\"yes\\"", "x": {"label": 3}, "label": "yes"}',
    ]
    table = table_of(tmp_path, "".join(lines), "mine.jsonl")
    assert table.column("label").tolist() == ["no", "yes", "yes"]
    lines[2] = lines[2].replace('"yes"', '"\\u006eo"')
    lines[3] = lines[3].replace('"label": "yes"', '"label": "\\u006eo"')
    changed = rewritten(table, "label", {1: "no", 2: "no"})
    assert changed == "".join(lines).encode()


# Whole or not at all, and never over an input


def test_file_that_is_already_there_survives_a_write_that_fails(tmp_path, monkeypatch):
    table = table_of(tmp_path, "text,label\na,b\nc,d\n")
    out = tmp_path / "out-mine.csv"
    out.write_text("before")
    monkeypatch.setattr("os.fsync", lambda descriptor: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        rewritten(table, "label")
    assert out.read_text() == "before"
    assert len(list(tmp_path.iterdir())) == 2


def test_file_that_changed_since_is_refused(tmp_path):
    table = table_of(tmp_path, "text,label\na,b\nc,d\n")
    table.path.write_text("text,label\na,b\n")
    with pytest.raises(ValueError, match="changed since it was read"):
        rewritten(table, "label")


def test_no_input_is_written_over(tmp_path):
    table = table_of(tmp_path, "text,label\na,b\n")
    review = tmp_path / "review.csv"
    review.write_text("id\n")
    arguments = ({"label": table.column("label")}, np.ones(1, bool), [review])
    for path in (table.path, review):
        before = path.read_bytes()
        with pytest.raises(ValueError, match="itself; name another one"):
            write_corrected(table, path, *arguments)
        assert path.read_bytes() == before


@pytest.mark.parametrize(("name", "delimiter"), [("o.csv", ","), ("o.tsv", "\t")])
def test_json_is_written_as_a_table_where_the_suffix_says_so(tmp_path, name, delimiter):
    table = table_of(tmp_path, ARRAY, "mine.json")
    labels, kept = table.column("label"), np.array([True, False])
    write_corrected(table, tmp_path / name, {"label": labels}, kept)
    written = (tmp_path / name).read_text(encoding="utf-8")
    rows = [["text", "label"], ["a,é", "1.0"]]
    assert list(csv.reader(io.StringIO(written), delimiter=delimiter)) == rows


# Any file


TEXTS = st.text(
    st.sampled_from([*"ab ,;\t|\"'\\\r\n=é€ü0", "\U0001f600", "\u2028"]), max_size=6
)
LABELS = st.sampled_from(["yes", "no", "so, so", 'a "b"', "é", "0"])


@st.composite
def files(draw):
    """A file as some program writes it, and what its cells say."""
    delimiter = draw(st.sampled_from([",", ";", "\t", "|"]))
    ends = st.sampled_from(draw(st.sampled_from([["\n"], ["\r\n"], ["\n", "\r\n"]])))
    quote_all = draw(st.booleans())
    rows = draw(st.lists(st.tuples(TEXTS, LABELS, TEXTS), min_size=2, max_size=6))

    def cell(value):
        must = re.search(f'[{re.escape(delimiter)}"\r\n]', value)
        if must or quote_all or draw(st.booleans()):
            return '"' + value.replace('"', '""') + '"'
        return value

    written = [[cell(value) for value in row] for row in rows]
    lines = [[cell(name) for name in ("text", "label", "other")], *written]
    texts = []
    for number, cells in enumerate(lines):
        if number and draw(st.integers(0, 9)) == 0:
            texts.append(draw(ends))  # a blank line
        if number and cells[-1] == "" and draw(st.booleans()):
            cells = cells[:-1]  # a short row
        texts.append(delimiter.join(cells) + draw(ends))
    if draw(st.booleans()):
        texts[-1] = texts[-1].rstrip("\r\n")
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
    return "".join(texts), encoding, delimiter, rows


def n_alike(one, two):
    """How many characters at the beginning are the same."""
    return sum(1 for _ in takewhile(bool, map(eq, one, two)))


@settings(max_examples=300, deadline=None)
@given(files(), st.data())
def test_one_decision_changes_one_cell_or_is_refused(tmp_path_factory, file, data):
    text, encoding, delimiter, rows = file
    path = tmp_path_factory.mktemp("any") / "mine.csv"
    content = text.encode(encoding)
    path.write_bytes(content)
    # With "auto", what a quote seems to swallow would be refused.
    table = read_table(path, Reading(["text", "label"], quoting="csv"))
    assert table.cells.to_numpy().tolist() == [list(row) for row in rows]
    row = data.draw(st.integers(0, len(rows) - 1))
    new = data.draw(st.sampled_from([r[1] for r in rows]))
    if data.draw(st.booleans()):
        changed = rewritten(table, "label", dropped=[row])
        expected = [list(r) for at, r in enumerate(rows) if at != row]
    else:
        changed = rewritten(table, "label", {row: new})
        expected = [list(r) for r in rows]
        expected[row][1] = new
    # One stretch differs at most, and what is read back is what was decided.
    before, after = content.decode(encoding), changed.decode(encoding)
    start = n_alike(before, after)
    same = n_alike(before[start:][::-1], after[start:][::-1])
    longest = max(len(before), len(after)) - start - same
    assert longest <= len('"a ""b"""') or len(after) < len(before)
    if expected:
        path.write_bytes(changed)
        reading = Reading(["text", "label"], delimiter, quoting="csv")
        assert read_table(path, reading).cells.to_numpy().tolist() == expected


VALUES = st.one_of(
    st.none(), st.booleans(), st.floats(), st.text('ab"\\,:{}[]é\n', max_size=5)
)
RECORDS = st.fixed_dictionaries(
    {"label": st.sampled_from(["yes", "no", 1, 1.5, True, "é"])},
    optional={"a": VALUES, "é": st.lists(VALUES, max_size=2)},
)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(RECORDS, min_size=2, max_size=5),
    st.sampled_from([None, 0, 2]),
    st.booleans(),
    st.data(),
)
def test_one_decision_changes_one_value_of_json(
    tmp_path_factory, records, indent, ascii_only, data
):
    def text_of(record):
        return json.dumps(record, ensure_ascii=ascii_only)

    if indent is None:
        ends = [data.draw(st.sampled_from(["\n", "\r\n", "\n\n"])) for _ in records]
        content = "".join(map("".join, zip(map(text_of, records), ends, strict=True)))
    else:
        content = json.dumps(records, indent=indent, ensure_ascii=ascii_only)
    table = table_of(tmp_path_factory.mktemp("any"), content, "mine.json")
    row, other = (data.draw(st.integers(0, len(records) - 1)) for _ in range(2))
    if data.draw(st.booleans()):
        changed = rewritten(table, "label", dropped=[row]).decode()
        records = [r for at, r in enumerate(records) if at != row]
    else:
        changed = rewritten(table, "label", {row: table.column("label")[other]})
        changed = changed.decode()
        # 1.0 and true are no 1: the value is one of those that say the same.
        before, records[row]["label"] = records[row]["label"], records[other]["label"]
        start = n_alike(content, changed)
        same = n_alike(content[start:][::-1], changed[start:][::-1])
        longest = max(len(content), len(changed)) - start - same
        assert longest <= max(len(text_of(v)) for v in (before, records[row]["label"]))
    if indent is None:
        read = [json.loads(line) for line in changed.split("\n") if line.strip()]
    else:
        read = json.loads(changed)
    assert list(map(repr, read)) == list(map(repr, records))


@settings(max_examples=500, deadline=None)
@given(st.text(st.sampled_from([*'ab,"\\\r\n']), max_size=40), st.booleans())
def test_records_are_the_whole_text_and_cells_the_whole_record(text, escaped):
    dialect = Dialect(",", '"', escaped)
    records = list(Records(io.StringIO(text, newline=""), dialect))
    assert "".join(record for _, record, _ in records) == text
    for _, record, cells in records:
        rest = record.removeprefix(",".join(cells))
        assert rest in ("", "\n", "\r\n", "\r")
        assert ",".join(cells) + rest == record
