"""Sources of text: every kind gives the same matrix, labels and rows."""

import json
import subprocess
import sys

import datasets
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_array_equal
from pandas.testing import assert_frame_equal
from sklearn.feature_extraction.text import HashingVectorizer

from sklearn_datamaps._io import text_sources
from sklearn_datamaps.out_of_core import open_matrix, read_rows, vectorize_to_disk

HASHING = HashingVectorizer(n_features=2**10)
TABLE = pd.DataFrame(
    {
        "id": [f"id {n}" for n in range(12)],
        "text": [
            *("a comma, and", 'a "quote"', "two\nlines", "emoji 🙂", "NA", "null"),
            *("123", " spaces ", "tab\there", "nul\0 byte", "é", "the last"),
        ],
        "label": ["x", "y", "x", "z", "y", "y", "x", "x", "y", "z", "x", "y"],
        "number": range(0, 120, 10),
    }
)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(text_sources, "BATCH_ROWS", 3)


def in_folder(path, write):
    path.mkdir()
    for name, part in (("b", TABLE.iloc[7:]), ("a", TABLE.iloc[:7])):
        write(part, path / f"part-{name}")
    (path / "_SUCCESS").touch()
    (path / ".hidden.txt").touch()
    return path


def to_parquet(table, path):
    table.to_parquet(f"{path}.parquet", row_group_size=4, index=False)


def to_csv(table, path):
    table.to_csv(f"{path}.csv", index=False)


def to_tsv(table, path):
    table.to_csv(f"{path}.tsv", index=False, sep="\t")


def to_jsonl(table, path):
    table.to_json(f"{path}.jsonl", orient="records", lines=True, force_ascii=False)


def file_of(write):
    def make(path):
        write(TABLE, path / "table")
        (file,) = path.glob("table.*")
        return file

    return make


def folder_of(write):
    return lambda path: in_folder(path / "folder", write)


def parts():
    return [TABLE.iloc[:5], TABLE.iloc[5:5], TABLE.iloc[5:]]


def hub():
    return datasets.Dataset.from_pandas(TABLE)


SOURCES = {
    "Parquet file": file_of(to_parquet),
    "CSV file": file_of(to_csv),
    "TSV file": file_of(to_tsv),
    "JSON lines file": file_of(to_jsonl),
    "path as text": lambda path: str(file_of(to_csv)(path)),
    "Parquet folder": folder_of(to_parquet),
    "CSV folder": folder_of(to_csv),
    "JSON lines folder": folder_of(to_jsonl),
    "Dataset": lambda path: hub(),
    "Dataset, reordered": lambda path: (
        hub().select(range(11, -1, -1)).select(range(11, -1, -1))
    ),
    "Dataset with a format": lambda path: hub().with_format("numpy"),
    "IterableDataset": lambda path: hub().to_iterable_dataset(num_shards=2),
    "DataFrame": lambda path: TABLE,
    "DataFrames": lambda path: parts(),
    "mappings": lambda path: [part.to_dict("list") for part in parts()],
    "mappings of arrays": lambda path: [
        {name: part[name].to_numpy() for name in part} for part in parts()
    ],
    "Arrow tables": lambda path: [pa.Table.from_pandas(part) for part in parts()],
    "Arrow batches": lambda path: pa.Table.from_pandas(TABLE).to_batches(5),
}
WITHOUT_NAMES = {
    "pairs": [(part["text"], part["label"]) for part in parts()],
    "pairs of tuples": [(tuple(p["text"]), tuple(p["label"])) for p in parts()],
    "lists of two": [[list(p["text"]), p["label"].to_numpy()] for p in parts()],
}


@pytest.mark.parametrize("kind", [*SOURCES, *WITHOUT_NAMES])
@pytest.mark.parametrize("shard_size", [5, 100])
def test_matrix_and_labels_of_every_source(tmp_path, kind, shard_size):
    source = SOURCES[kind](tmp_path) if kind in SOURCES else WITHOUT_NAMES[kind]
    X, y = vectorize_to_disk(
        source, HASHING, tmp_path / "matrix", shard_size=shard_size, verbose=0
    )
    assert_array_equal(X.toarray(), HASHING.transform(TABLE["text"]).toarray())
    assert list(y) == list(TABLE["label"])


@pytest.mark.parametrize("kind", SOURCES)
def test_columns_of_other_names_and_types_of_every_source(tmp_path, kind):
    X, y = vectorize_to_disk(
        SOURCES[kind](tmp_path),
        HASHING,
        tmp_path / "matrix",
        text="id",
        label="number",
        verbose=0,
    )
    assert_array_equal(X.toarray(), HASHING.transform(TABLE["id"]).toarray())
    assert_array_equal(y, TABLE["number"])
    assert y.dtype == np.int64


@pytest.mark.parametrize("kind", [*SOURCES, "pairs", "texts", "arrays"])
def test_every_source_without_labels(tmp_path, kind):
    more = {
        "pairs": WITHOUT_NAMES["pairs"],
        "texts": [list(part["text"]) for part in parts()],
        "arrays": [part["text"].to_numpy() for part in parts()],
    }
    source = SOURCES[kind](tmp_path) if kind in SOURCES else more[kind]
    X, y = vectorize_to_disk(
        source, HASHING, tmp_path / "matrix", label=None, verbose=0
    )
    assert_array_equal(X.toarray(), HASHING.transform(TABLE["text"]).toarray())
    assert y is None
    assert open_matrix(tmp_path / "matrix", verify=True)[1] is None


def test_two_texts_without_labels_are_no_pair(tmp_path):
    X, _ = vectorize_to_disk(
        [["first text", "second text"]], HASHING, tmp_path, label=None, verbose=0
    )
    assert X.shape[0] == 2


# Data sets of Hugging Face


def labelled(feature, labels):
    features = datasets.Features({"text": datasets.Value("string"), "label": feature})
    texts = [f"text {n}" for n in range(len(labels))]
    return datasets.Dataset.from_dict({"text": texts, "label": labels}, features)


@pytest.mark.parametrize("stream", [False, True])
def test_names_of_class_labels(tmp_path, stream):
    dataset = labelled(datasets.ClassLabel(names=["pos", "neg"]), [0, 1, 1, 0])
    source = dataset.to_iterable_dataset() if stream else dataset
    _, y = vectorize_to_disk(source, HASHING, tmp_path, verbose=0)
    assert list(y) == ["pos", "neg", "neg", "pos"]
    assert list(y.categories) == ["pos", "neg"]


def test_names_of_class_labels_in_a_parquet_file(tmp_path):
    dataset = labelled(datasets.ClassLabel(names=["pos", "neg"]), [0, 1, 1, 0])
    dataset.to_parquet(tmp_path / "a.parquet")
    _, y = vectorize_to_disk(tmp_path / "a.parquet", HASHING, tmp_path / "m", verbose=0)
    assert list(y) == ["pos", "neg", "neg", "pos"]


def test_integers_of_class_labels_if_so_wished(tmp_path):
    dataset = labelled(datasets.ClassLabel(names=["pos", "neg"]), [0, 1, 1, 0])
    _, y = vectorize_to_disk(dataset, HASHING, tmp_path, classes=[0, 1], verbose=0)
    assert y.tolist() == [0, 1, 1, 0]


def test_names_of_lists_of_class_labels(tmp_path):
    feature = datasets.Sequence(datasets.ClassLabel(names=["joy", "anger", "fear"]))
    dataset = labelled(feature, [[0, 2], [], [1]])
    _, Y = vectorize_to_disk(dataset, HASHING, tmp_path, verbose=0)
    assert list(Y.columns) == ["joy", "anger", "fear"]
    assert_array_equal(Y, [[1, 0, 1], [0, 0, 0], [0, 1, 0]])


def test_class_label_of_rows_without_one_is_refused(tmp_path):
    dataset = labelled(datasets.ClassLabel(names=["pos", "neg"]), [0, -1, 1])
    with pytest.raises(ValueError, match="Row 1 of the source has the label -1, which"):
        vectorize_to_disk(dataset, HASHING, tmp_path, verbose=0)


def test_dict_of_splits_is_refused():
    splits = datasets.DatasetDict(train=hub(), test=hub())
    with pytest.raises(
        TypeError, match=r"splits 'train', 'test': choose one, as in so"
    ):
        read_rows(splits, [0])


def test_finished_rows_of_a_dataset_are_not_read_again(tmp_path, monkeypatch):
    def read(source):
        seen = []
        batches = type(source).batches

        def noting(self, columns, needed):
            for batch in batches(self, columns, needed):
                seen.append(batch.table is not None)
                yield batch

        monkeypatch.setattr(type(source), "batches", noting)
        return seen

    to_parquet(TABLE, tmp_path / "table")
    for source, name in [(hub(), "hub"), (tmp_path / "table.parquet", "files")]:
        opened = text_sources.open_source(source, "text", "label")
        path = tmp_path / name
        first = TABLE["text"].iloc[8]

        def fail_at_third(self, X, first=first, transform=HashingVectorizer.transform):
            if X[0] == first:
                raise KeyboardInterrupt
            return transform(self, X)

        with monkeypatch.context() as patch:
            patch.setattr(HashingVectorizer, "transform", fail_at_third)
            with pytest.raises(KeyboardInterrupt):
                vectorize_to_disk(source, HASHING, path, shard_size=4, verbose=0)
        seen = read(opened)
        X, _ = vectorize_to_disk(source, HASHING, path, shard_size=4, verbose=0)
        assert_array_equal(X.toarray(), HASHING.transform(TABLE["text"]).toarray())
        assert seen[0] is False
        assert seen[-1] is True


# Errors that name the file and the row


@pytest.mark.parametrize("write", [to_parquet, to_csv, to_jsonl])
@pytest.mark.parametrize("column", ["text", "label"])
def test_missing_value_is_named_with_its_file_and_row(tmp_path, write, column):
    def write_with_hole(table, path):
        if path.name == "part-b":
            table = table.reset_index(drop=True)
            table.loc[3, column] = None
        write(table, path)

    folder = in_folder(tmp_path / "folder", write_with_hole)
    with pytest.raises(ValueError, match=rf"Row 3 of .*part-b\..* has no {column}"):
        vectorize_to_disk(folder, HASHING, tmp_path / "m", shard_size=5, verbose=0)


def test_empty_text_in_quotes_is_a_text(tmp_path):
    (tmp_path / "t.csv").write_text('text,label\n"",a\nb,b\n')
    X, _ = vectorize_to_disk(tmp_path / "t.csv", HASHING, tmp_path / "m", verbose=0)
    assert X.getnnz(axis=1).tolist() == [0, 0]  # one letter is no token
    assert read_rows(tmp_path / "t.csv", [0]).iloc[0].tolist() == ["", "a"]


@pytest.mark.parametrize("kind", SOURCES)
def test_column_that_is_not_there_is_named_with_those_that_are(tmp_path, kind):
    source = SOURCES[kind](tmp_path)
    message = r"has no column 'texts'; it has .*'text'.*\. Did you mean 'text'\?"
    with pytest.raises(ValueError, match=message):
        vectorize_to_disk(source, HASHING, tmp_path / "m", text="texts", verbose=0)
    with pytest.raises(ValueError, match=message):
        read_rows(source, [0], columns=["texts"])


def test_folder_with_files_of_several_kinds_is_refused(tmp_path):
    folder = in_folder(tmp_path / "folder", to_csv)
    (folder / "README.md").touch()
    with pytest.raises(ValueError, match=r"files of several kinds: \.csv, \.md"):
        read_rows(folder, [0])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.parquet", b"PAR1 not at all", r"a\.parquet cannot be read as Parquet"),
        (
            "a.csv",
            b"text,label\na,1\nb,2,3\n",
            r"a\.csv cannot be .* line 3 has 3",
        ),
        ("a.csv", b"text\n\xff\0\n", r"a\.csv is not a text file"),
        ("a.jsonl", b'{"text": "a"}\n{"text"\n', r"a\.jsonl is not .* record 2 is Exp"),
        ("a.jsonl", b"[1]\n", r"array of records: record 1 is not a JSON object"),
        ("a.jsonl", b'[{"text": "a"}', r"array of records: record 1 is cut off"),
        ("a.xls", b"", r"a\.xls has an ending that is not known\. Files to read end"),
    ],
)
def test_files_that_are_not_what_they_say_are_named(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        vectorize_to_disk(
            tmp_path / name, HASHING, tmp_path / "m", label=None, verbose=0
        )


def test_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"pass what datasets\.load_dataset"):
        read_rows("owner/data-set", [0])
    with pytest.raises(FileNotFoundError, match="holds no files to read"):
        read_rows(tmp_path, [0])


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        (5, TypeError, "must be a path, a Dataset of Hugging Face, or an iterable"),
        ({"text": ["a"]}, TypeError, r"got dict\. Of one batch, make a list of one"),
        ([5], TypeError, "batch 0 is a int. Yield lists of texts"),
        (["a", "b"], TypeError, "batch 0 is a str. Yield lists of texts"),
        ([["a", "b", "c"]], TypeError, "Batch 0 is a list without labels"),
        ([(["a"], [1, 2])], ValueError, "differ in length: {'text': 1, 'label': 2}"),
        ([(["a"], np.eye(1))], ValueError, r"'label' of batch 0 has shape \(1, 1\)"),
    ],
)
def test_batches_that_are_none_are_refused(tmp_path, source, error, message):
    with pytest.raises(error, match=message):
        vectorize_to_disk(source, HASHING, tmp_path, verbose=0)


def test_source_that_changed_is_refused(tmp_path):
    to_csv(TABLE, tmp_path / "table")
    params = {"vectorizer": HASHING, "path": tmp_path / "m", "verbose": 0}
    vectorize_to_disk(tmp_path / "table.csv", **params)
    vectorize_to_disk(tmp_path / "table.csv", **params)
    to_csv(TABLE.iloc[:-1], tmp_path / "table")
    with pytest.raises(ValueError, match=r"source was {.* and is {.*overwrite=True"):
        vectorize_to_disk(tmp_path / "table.csv", **params)


def test_text_that_is_longer_than_many_others(tmp_path):
    table = pd.DataFrame({"text": ["a", "long " * 500_000, "b"], "label": [0, 1, 0]})
    for write, ending in [
        (to_csv, "csv"),
        (to_jsonl, "jsonl"),
        (to_parquet, "parquet"),
    ]:
        write(table, tmp_path / "table")
        file = tmp_path / f"table.{ending}"
        X, _ = vectorize_to_disk(file, HASHING, tmp_path / ending, verbose=0)
        assert_array_equal(X.toarray(), HASHING.transform(table["text"]).toarray())


# read_rows


@pytest.mark.parametrize("kind", SOURCES)
def test_rows_come_in_the_order_asked_for(tmp_path, kind):
    source = SOURCES[kind](tmp_path)
    rows = [11, 0, 6, 7, 0]
    columns = ["id", "text", "label", "number"]
    expected = TABLE.iloc[rows]
    found = read_rows(source, rows)
    assert list(found.index) == rows
    assert_frame_equal(found[columns], expected, check_dtype=False)
    found = read_rows(source, np.array(rows), columns=["number", "text"])
    assert_frame_equal(found, expected[["number", "text"]], check_dtype=False)


@pytest.mark.parametrize("kind", SOURCES)
def test_rows_beyond_the_last_are_refused(tmp_path, kind):
    with pytest.raises(
        ValueError, match="rows has 12, but the source has 12 rows, 0 to"
    ):
        read_rows(SOURCES[kind](tmp_path), [3, 12])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([-1], "rows must be >= 0; got -1"),
        ([0.5], "whole numbers in one dimension; got float64"),
        ([[1]], r"one dimension; got int64 of shape \(1, 1\)"),
        ([True, False], "whole numbers in one dimension; got bool"),
    ],
)
def test_rows_that_are_no_positions_are_refused(rows, message):
    with pytest.raises(ValueError, match=message):
        read_rows(TABLE, rows)


def test_no_rows_of_no_and_of_some_columns():
    assert read_rows(TABLE, []).shape[0] == 0
    assert list(read_rows(TABLE, [], columns=["text"]).columns) == ["text"]


def test_columns_as_one_text_are_refused():
    with pytest.raises(TypeError, match="a list of names; got the text 'text'"):
        read_rows(TABLE, [0], columns="text")


def test_reading_ends_with_the_last_row_asked_for():
    def endless():
        while True:
            yield ["a", "b"], [0, 1]

    assert read_rows(endless(), [5, 2])["label"].tolist() == [1, 0]


def test_columns_that_some_records_lack(tmp_path):
    records = [{"text": "a"}] * 4 + [{"text": "b", "note": "n"}] + [{"text": "c"}] * 4
    file = tmp_path / "table.jsonl"
    file.write_text("\n\n".join(map(json.dumps, records)))
    found = read_rows(file, [8, 4, 0])
    assert found["text"].tolist() == ["c", "b", "a"]
    assert found["note"].isna().tolist() == [True, False, True]


def test_parquet_groups_without_a_row_asked_for_are_not_read(tmp_path, monkeypatch):
    to_parquet(TABLE, tmp_path / "table")
    groups = []
    iter_batches = pq.ParquetFile.iter_batches

    def noting(self, batch_size, row_groups, columns):
        groups.extend(row_groups)
        return iter_batches(self, batch_size, row_groups, columns)

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", noting)
    assert read_rows(tmp_path / "table.parquet", [5])["id"].tolist() == ["id 5"]
    assert groups == [1]


def test_libraries_that_read_are_imported_only_when_needed():
    code = (
        "import sys; from sklearn.feature_extraction.text import HashingVectorizer;"
        "from sklearn_datamaps.out_of_core import read_rows;"
        "read_rows([(['a'], [0])], [0]); print('datasets' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr
