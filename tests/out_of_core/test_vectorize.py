"""Matrices on disk: what is stored is what the vectorizer makes, however it is cut."""

import json
import shutil
import tracemalloc

import joblib
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.decomposition import TruncatedSVD
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import (
    CountVectorizer,
    HashingVectorizer,
    TfidfTransformer,
    TfidfVectorizer,
)
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import make_pipeline

from sklearn_datamaps import DataMapClassifier
from sklearn_datamaps.out_of_core import open_matrix, shards, vectorize_to_disk
from sklearn_datamaps.out_of_core.matrix import write_manifest

TEXTS = [
    *("thanks a lot", "oh no", "", "thanks thanks you", "why 🙂 emoji 🙃 text"),
    *("line\nbreaks\r\nin it", "nul\0 in the middle", "naïve café", "一 二三 四五"),
    *("last but one", "the very last"),
]
LABELS = [1, 0, 0, 1, 0, 0, 2, 0, 1, 0, 2]
HASHING = HashingVectorizer(n_features=2**10)


def build(path, texts=TEXTS, labels=LABELS, vectorizer=HASHING, **params):
    params = {"shard_size": 4, "verbose": 0} | params
    if labels is None:
        return vectorize_to_disk([texts], vectorizer, path, label=None, **params)
    return vectorize_to_disk([(texts, labels)], vectorizer, path, **params)


def contents(path):
    files = {f.name: f.read_bytes() for f in path.iterdir() if f.is_file()}
    assert not list(path.glob("building*"))
    return files


def assert_same_matrix(X, expected):
    assert X.shape == expected.shape
    assert X.dtype == expected.dtype
    assert_array_equal(X.data, expected.data)
    assert_array_equal(X.indices, expected.indices)
    assert_array_equal(X.indptr, expected.indptr)


@pytest.mark.parametrize("shard_size", [1, 3, 4, 11, 12, 1000])
def test_matrix_is_what_the_vectorizer_makes_of_all_texts(tmp_path, shard_size):
    X, y = build(tmp_path, shard_size=shard_size)
    assert_same_matrix(X, HASHING.transform(TEXTS))
    assert_array_equal(y, LABELS)
    open_matrix(tmp_path, verify=True)


def test_every_row_of_a_matrix_worked_out_by_hand(tmp_path):
    vectorizer = CountVectorizer(vocabulary=["no", "thanks", "you"])
    texts = ["thanks", "you thanks thanks", "oh", "no no"]
    X, y = build(tmp_path, texts, ["b", "a", "b", "c"], vectorizer, shard_size=3)
    assert_array_equal(X.toarray(), [[0, 1, 0], [0, 2, 1], [0, 0, 0], [2, 0, 0]])
    assert X.data.tolist() == [1, 2, 1, 2]
    assert X.indices.tolist() == [1, 1, 2, 0]
    assert X.indptr.tolist() == [0, 1, 3, 3, 4]
    assert X.dtype == np.int64
    assert list(y) == ["b", "a", "b", "c"]


@pytest.mark.parametrize(
    "vectorizer",
    [
        TfidfVectorizer(stop_words=["the"]).fit(TEXTS),
        TfidfVectorizer(dtype=np.float32).fit(TEXTS),
        make_pipeline(HASHING, TfidfTransformer().fit(HASHING.transform(TEXTS))),
        HashingVectorizer(n_features=2**20, analyzer="char_wb", dtype=np.float32),
    ],
)
def test_any_fitted_or_stateless_vectorizer_with_its_dtype(tmp_path, vectorizer):
    X, _ = build(tmp_path, vectorizer=vectorizer)
    assert_same_matrix(X, vectorizer.transform(TEXTS))


def test_files_are_the_same_for_one_process_and_two(tmp_path):
    texts, labels = TEXTS * 5, [f"label {n}" for n in LABELS * 5]
    build(tmp_path / "one", texts, labels)
    build(tmp_path / "two", texts, labels, n_jobs=2)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_function_of_a_script_can_go_to_other_processes(tmp_path):
    class Local(HashingVectorizer):  # cannot be imported
        __module__, __qualname__ = "__main__", "Local"

    import __main__

    __main__.Local = Local
    try:
        X, _ = build(tmp_path, vectorizer=Local(n_features=2**10), n_jobs=2)
    finally:
        del __main__.Local
    assert_same_matrix(X, HASHING.transform(TEXTS))


def test_opening_reads_nothing_and_copies_nothing(tmp_path):
    build(tmp_path, TEXTS * 2000, ["x", "y"] * 11000, shard_size=10**6)
    X, y = open_matrix(tmp_path)
    for array in (X.data, X.indices, X.indptr):
        assert isinstance(array, np.memmap)
        assert not array.flags.writeable
    assert not y.codes.flags.owndata
    tracemalloc.start()
    open_matrix(tmp_path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak - 8 * X.shape[0] < 100_000 < X.data.nbytes


def test_arrays_can_be_read_by_numpy_alone(tmp_path):
    X, y = build(tmp_path)
    assert_array_equal(np.load(tmp_path / "data.npy"), X.data)
    assert_array_equal(np.load(tmp_path / "indices.npy", mmap_mode="r"), X.indices)
    assert_array_equal(np.load(tmp_path / "indptr.npy"), X.indptr)
    assert_array_equal(np.load(tmp_path / "labels.npy"), y)


def test_index_pointers_have_64_bits_where_32_do_not_do(tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "LARGEST_NARROW", 20)
    X, _ = build(tmp_path)
    assert X.indptr.dtype == np.int64
    assert X.indices.dtype == np.int32
    assert_same_matrix(X, HASHING.transform(TEXTS))
    open_matrix(tmp_path, verify=True)
    monkeypatch.undo()
    X, _ = build(tmp_path, overwrite=True)
    assert X.indptr.dtype == X.indices.dtype == np.int32


def test_training_on_the_matrix_on_disk_equals_training_in_memory(tmp_path):
    texts, labels = TEXTS * 20, [f"label {n}" for n in LABELS * 20]
    X, y = build(tmp_path, texts, labels, shard_size=50)
    clf = DataMapClassifier(
        SGDClassifier(loss="log_loss"),
        n_epochs=3,
        batch_order="blocks",
        batch_size=32,
        random_state=0,
    )
    on_disk = clf.fit(X, y).data_map_
    coef = clf.estimator_.coef_
    in_memory = clf.fit(HASHING.transform(texts), labels).data_map_
    assert_array_equal(coef, clf.estimator_.coef_)
    assert_array_equal(on_disk.confidence, in_memory.confidence)
    assert_array_equal(on_disk.variability, in_memory.variability)
    assert_array_equal(on_disk.label, in_memory.label)


def test_scikit_learn_itself_takes_the_matrix(tmp_path):
    X, y = build(tmp_path)
    assert SGDClassifier(random_state=0).fit(X, y).predict(X).shape == (11,)


def test_one_row(tmp_path):
    X, y = build(tmp_path, ["one row"], [7])
    assert_same_matrix(X, HASHING.transform(["one row"]))
    assert y.tolist() == [7]


def test_rows_without_any_token(tmp_path):
    X, _ = build(tmp_path, [""] * 6, [0] * 6)
    assert X.nnz == 0
    assert X.toarray().shape == (6, 2**10)
    open_matrix(tmp_path, verify=True)


def test_huge_text(tmp_path):
    texts = ["short", "word " * 400_000 + "other", "short"]
    X, _ = build(tmp_path, texts, [0, 1, 0])
    assert_same_matrix(X, HASHING.transform(texts))


@pytest.mark.parametrize("labels", [LABELS, None])
def test_source_without_rows_is_refused(tmp_path, labels):
    with pytest.raises(ValueError, match=r"no rows\. A generator can be read once"):
        build(tmp_path, [], labels and [])
    with pytest.raises(ValueError, match="is not finished: 0 shards"):
        open_matrix(tmp_path)


# Labels


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_texts_as_labels_come_back_as_a_categorical(tmp_path, n_jobs):
    labels = ["z", "z", "m", "z", "a", "m", "é🙂\0", "z", "a", "m", "b"]
    _, y = build(tmp_path, TEXTS, labels, n_jobs=n_jobs)
    assert isinstance(y, pd.Categorical)
    assert list(y) == labels
    assert list(y.categories) == sorted(set(labels))
    open_matrix(tmp_path, verify=True)


@pytest.mark.parametrize("n_labels", [126, 127, 128, 300])
def test_codes_of_any_number_of_labels_are_mapped_not_read(tmp_path, n_labels):
    labels = [f"label {n:05d}" for n in reversed(range(n_labels))]
    _, y = build(tmp_path, ["text"] * n_labels, labels, shard_size=100)
    assert list(y) == labels
    stored = np.load(tmp_path / "labels.npy")
    assert stored.dtype == y.codes.dtype == pd.Categorical(labels).codes.dtype


@pytest.mark.parametrize(
    ("labels", "dtype"),
    [
        ([2**40, -5] * 3, np.int64),
        ([True, False] * 3, bool),
        ([1.0, 0.0] * 3, np.int64),
        (np.array([3, 4] * 3, dtype=np.uint8), np.int64),
        (pd.Series([3, 4] * 3, dtype="Int64"), np.int64),
    ],
)
def test_numbers_and_booleans_as_labels(tmp_path, labels, dtype):
    _, y = build(tmp_path, TEXTS[:6], labels)
    assert y.dtype == dtype
    assert_array_equal(y, np.asarray(labels))
    assert not y.flags.writeable


def test_categorical_labels_of_batches_that_have_other_categories(tmp_path):
    batches = [
        pd.DataFrame({"text": ["a", "b"], "label": pd.Categorical(["x", "y"])}),
        pd.DataFrame({"text": ["c", "d"], "label": pd.Categorical(["y", "w"])}),
    ]
    _, y = vectorize_to_disk(batches, HASHING, tmp_path, shard_size=3, verbose=0)
    assert list(y) == ["x", "y", "y", "w"]


def test_lists_of_labels_become_an_indicator(tmp_path):
    labels = [["joy"], ["joy", "anger"], [], ("fear",)]
    classes = ["anger", "joy", "fear"]
    _, Y = build(tmp_path, TEXTS[:4], labels, classes=classes, shard_size=3)
    assert list(Y.columns) == classes
    assert_array_equal(Y, [[0, 1, 0], [1, 1, 0], [0, 0, 0], [0, 0, 1]])
    values = Y.to_numpy()
    assert not values.flags.writeable
    open_matrix(tmp_path, verify=True)


def test_lists_of_integers_with_integers_and_with_names_as_classes(tmp_path):
    labels = [[7], [7, 5], [], [6]]
    _, Y = build(tmp_path / "a", TEXTS[:4], labels, classes=range(5, 8))
    assert list(Y.columns) == [5, 6, 7]
    expected = [[0, 0, 1], [1, 0, 1], [0, 0, 0], [0, 1, 0]]
    assert_array_equal(Y, expected)
    positions = [[2], [2, 0], [], [1]]
    _, Y = build(tmp_path / "b", TEXTS[:4], positions, classes=["u", "v", "w"])
    assert list(Y.columns) == ["u", "v", "w"]
    assert_array_equal(Y, expected)


def test_multilabel_map_from_disk(tmp_path):
    labels = [["joy"], ["anger"], ["joy", "anger"], []] * 10
    X, Y = build(tmp_path, TEXTS[:4] * 10, labels, classes=["anger", "joy"])
    clf = DataMapClassifier(n_epochs=2, batch_order="blocks", random_state=0).fit(X, Y)
    assert clf.data_map_.classes.tolist() == ["anger", "joy"]
    assert clf.confidence_.shape == (40, 2)


def test_classes_give_the_order_of_the_categories(tmp_path):
    _, y = build(tmp_path, TEXTS[:3], ["b", "c", "b"], classes=["c", "b", "a"])
    assert list(y) == ["b", "c", "b"]
    assert list(y.categories) == ["c", "b", "a"]


@pytest.mark.parametrize("classes", [[0, 1, 2], np.arange(3), range(3)])
def test_integers_as_classes_leave_integers(tmp_path, classes):
    _, y = build(tmp_path, classes=classes)
    assert_array_equal(y, LABELS)
    assert y.dtype == np.int64


@pytest.mark.parametrize(
    ("labels", "params", "message"),
    [
        ([0, 1, 0, 1, 0, None], {}, r"Row 5 of the source has no label \(None\)"),
        ([0, 1, 0, 1, 0, np.nan], {}, r"Row 5 of the source has no label \(nan\)"),
        (["a"] * 4 + [pd.NA, "b"], {}, r"Row 4 of the source has no label \(<NA>\)"),
        ([0, 1, 0, 1, "a", 0], {}, "Labels mix integers and texts, from Row 4"),
        (
            [0, 1, 0, 1, "a", "b"],
            {},
            "integers in rows 0 to 3, but texts in rows 4",
        ),
        ([0, 1, 0, 1, True, False], {}, "integers in rows 0 to 3, but booleans"),
        ([0.5] * 6, {}, r"has the label 0\.5 \(float\)"),
        ([2**64] * 6, {}, "has the label 18446744073709551616"),
        ([b"a"] * 6, {}, r"has the label b'a' \(bytes\)"),
        ([[0], [1]] * 3, {}, r"list of labels, \[0\]\. Pass classes="),
        ([0, 1, 2, 0, 1, 3], {"classes": range(3)}, "Row 5 .* label 3, which is not"),
        (["a"] * 5 + ["x"], {"classes": ["a", "b"]}, "Row 5 .* label 'x', which is"),
        ([0, 1, 0, 0, -1, 0], {"classes": ["a", "b"]}, "Row 4 .* label -1, which is"),
        ([[0]] * 5 + [[0, 9]], {"classes": range(3)}, "Row 5 .* label 9, which is"),
        ([[0]] * 4 + [[1, None], []], {"classes": range(3)}, r"Row 4 .*\[1, None\]"),
        ([[0]] * 4 + [[1, "a"], []], {"classes": range(3)}, r"Row 4 .*\[1, 'a'\]"),
    ],
)
def test_labels_that_are_none_are_refused_with_their_row(
    tmp_path, labels, params, message
):
    with pytest.raises(ValueError, match=message):
        build(tmp_path, TEXTS[:6], labels, **params)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r'Row 5 of the source has no text \(None\).* fill them with ""'),
        (float("nan"), r"Row 5 of the source has no text \(nan\)"),
        (b"bytes", "Row 5 of the source has a bytes as text: b'bytes'"),
        (5, "Row 5 of the source has a int as text: 5"),
    ],
)
def test_texts_that_are_none_are_refused_with_their_row(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        build(tmp_path, [*TEXTS[:5], text], LABELS[:6])


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (["a", "a"], "must be distinct"),
        ([], "must be distinct"),
        (["a", 1], "must be all texts, or all whole numbers"),
        ([0.5], "must be all texts, or all whole numbers"),
    ],
)
def test_classes_that_cannot_be_are_refused(tmp_path, classes, message):
    with pytest.raises(ValueError, match=message):
        build(tmp_path, classes=classes)


# Vectorizers


class Untouched:
    """A source that must not be read."""

    def __iter__(self):
        raise AssertionError("the source was read")


@pytest.mark.parametrize(
    "vectorizer",
    [TfidfVectorizer(), CountVectorizer(), make_pipeline(HASHING, TfidfTransformer())],
)
def test_vectorizer_that_is_not_fitted_is_refused_before_anything_is_read(
    tmp_path, vectorizer
):
    with pytest.raises(NotFittedError, match="Pass a stateless HashingVectorizer, or"):
        vectorize_to_disk(Untouched(), vectorizer, tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("vectorizer", "error", "message"),
    [
        (HashingVectorizer, TypeError, r"must have the method transform; got <class"),
        (str.lower, TypeError, "must have the method transform"),
        (
            make_pipeline(HASHING, TruncatedSVD(2)).fit(TEXTS),
            ValueError,
            "Pipeline makes a dense ndarray",
        ),
        (
            HashingVectorizer(tokenizer=lambda text: text.split(), token_pattern=None),
            TypeError,
            "HashingVectorizer cannot be pickled .* with def",
        ),
    ],
)
def test_vectorizers_that_cannot_do_are_refused(tmp_path, vectorizer, error, message):
    with pytest.raises(error, match=message):
        vectorize_to_disk(Untouched(), vectorizer, tmp_path / "new")


class Widening(HashingVectorizer):
    """Makes matrices as wide as its texts are many."""

    def transform(self, X):
        return super().transform(X)[:, : len(X) + 1]


def test_vectorizer_whose_columns_vary_is_refused_with_the_rows(tmp_path):
    with pytest.raises(ValueError, match="as many columns of any texts") as caught:
        build(tmp_path, vectorizer=Widening())
    assert caught.value.__notes__ == [
        "Row 0 of the source is the first of the rows concerned."
    ]


class Unsorted(HashingVectorizer):
    """Stores the values of a row in an order of its own."""

    def transform(self, X):
        X = super().transform(X)
        for a, b in zip(X.indptr[:-1], X.indptr[1:], strict=True):
            X.indices[a:b] = X.indices[a:b][::-1].copy()
            X.data[a:b] = X.data[a:b][::-1].copy()
        X.has_sorted_indices = X.has_canonical_format = False
        return X


def test_values_are_sorted_since_what_is_read_only_cannot_be(tmp_path):
    X, _ = build(tmp_path, vectorizer=Unsorted(n_features=2**10))
    assert_same_matrix(X, HASHING.transform(TEXTS))
    assert X.has_sorted_indices
    assert X.has_canonical_format


@pytest.mark.parametrize("shard_size", [0, -1, 1.5, True, "10"])
def test_shard_size_must_be_a_positive_integer(tmp_path, shard_size):
    with pytest.raises(ValueError, match="shard_size must be an integer >= 1; got"):
        build(tmp_path, shard_size=shard_size)


# Folders


def test_folder_that_holds_something_else_is_never_overwritten(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(FileExistsError, match=r"something else \(thesis\.txt\)"):
        build(tmp_path, overwrite=True)
    assert [f.name for f in tmp_path.iterdir()] == ["thesis.txt"]


def test_manifest_of_something_else_is_never_overwritten(tmp_path):
    (tmp_path / "manifest.json").write_text('{"name": "app"}')
    with pytest.raises(ValueError, match=r"manifest\.json is corrupted, or of someth"):
        build(tmp_path, overwrite=True)
    assert (tmp_path / "manifest.json").read_text() == '{"name": "app"}'


def test_path_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError, match=r"is a file\. Choose a folder"):
        build(tmp_path / "file")


def test_stray_files_are_left_alone(tmp_path):
    build(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    X, _ = build(tmp_path, ["another"], [1], overwrite=True)
    assert X.shape[0] == 1
    assert (tmp_path / "notes.txt").read_text() == "mine"
    open_matrix(tmp_path, verify=True)


def test_finished_folder_is_opened_not_made_again(tmp_path):
    build(tmp_path)
    before = contents(tmp_path)
    X, _ = vectorize_to_disk(Untouched(), HASHING, tmp_path, shard_size=4)
    assert_same_matrix(X, HASHING.transform(TEXTS))
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"shard_size": 5}, "shard_size was 4 and is 5"),
        ({"vectorizer": HashingVectorizer(n_features=2**11)}, "vectorizer was '"),
        ({"classes": [0, 1, 2]}, r"classes was None and is \[0, 1, 2\]"),
        ({"labels": None}, "label was 'label' and is None"),
        ({"text": "other"}, "text was 'text' and is 'other'"),
    ],
)
def test_going_on_with_something_else_is_refused_unless_to_be_overwritten(
    tmp_path, params, message
):
    build(tmp_path)
    with pytest.raises(ValueError, match=f"{message}.* or begin anew with overwrite"):
        build(tmp_path, **params)
    assert_array_equal(open_matrix(tmp_path, verify=True)[1], LABELS)
    X, _ = build(tmp_path, **params, overwrite=True)
    assert X.shape[0] == len(TEXTS)


def test_vectorizer_is_told_by_what_it_does_not_by_what_it_is_called_on(tmp_path):
    def fitted():
        return TfidfVectorizer(stop_words=["the"]).fit(TEXTS)

    build(tmp_path, vectorizer=fitted())
    build(tmp_path, vectorizer=fitted())  # of another identity, so are its stop words
    with pytest.raises(ValueError, match="vectorizer was"):
        build(tmp_path, vectorizer=fitted().fit([*TEXTS, "unheard-of"]))


def test_folder_can_be_moved(tmp_path):
    build(tmp_path / "a")
    shutil.move(tmp_path / "a", tmp_path / "b")
    assert_same_matrix(
        open_matrix(tmp_path / "b", verify=True)[0], HASHING.transform(TEXTS)
    )


def test_folder_that_is_not_there_or_of_no_matrix(tmp_path):
    with pytest.raises(FileNotFoundError, match="not a folder that vectorize_to_disk"):
        open_matrix(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="not a folder that vectorize_to_disk"):
        open_matrix(tmp_path)


@pytest.mark.parametrize("version", [1, 3])
def test_folder_of_another_version_is_refused_until_overwritten(
    tmp_path, monkeypatch, version
):
    monkeypatch.setattr("sklearn_datamaps.out_of_core.matrix.FORMAT", version)
    build(tmp_path)
    monkeypatch.undo()
    for use in (open_matrix, build):
        with pytest.raises(ValueError, match=f"another version .format {version}, not"):
            use(tmp_path)
    build(tmp_path, overwrite=True)
    open_matrix(tmp_path, verify=True)


# Corruption

FILES = ("data.npy", "indices.npy", "indptr.npy", "labels.npy")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    path = tmp_path_factory.mktemp("finished")
    build(path, TEXTS, [f"label {n}" for n in LABELS])
    return path


@pytest.fixture
def folder(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "copy")


def test_flip_of_any_bit_is_found_and_its_file_named(folder):
    rng = np.random.default_rng(0)
    for name in (*FILES, "manifest.json"):
        whole = (folder / name).read_bytes()
        for position in {
            0,
            len(whole) - 1,
            *rng.integers(len(whole), size=25).tolist(),
        }:
            flipped = bytearray(whole)
            flipped[position] ^= 1 << int(rng.integers(8))
            (folder / name).write_bytes(flipped)
            with pytest.raises(ValueError, match=str(folder / name)):
                open_matrix(folder, verify=True)
        (folder / name).write_bytes(whole)
    open_matrix(folder, verify=True)


FORGERIES = {
    "objects": lambda m: m["files"]["data.npy"].update(dtype="|O"),
    "a structure": lambda m: m["files"]["data.npy"].update(dtype="f8,O"),
    "wide indices": lambda m: m["files"]["indices.npy"].update(dtype="<i8"),
    "another folder": lambda m: m["files"].update({"../x.npy": m["files"]["data.npy"]}),
    "a file less": lambda m: m["files"].pop("labels.npy"),
    "more values": lambda m: m["files"]["data.npy"].update(shape=[10**6]),
    "fewer rows": lambda m: m.update(shape=[3, 2**10]),
    "negative rows": lambda m: m.update(shape=[-1, 2**10]),
    "a shape of text": lambda m: m.update(shape=["1", "2"]),
    "too many columns": lambda m: m.update(shape=[11, 2**40]),
    "the same class twice": lambda m: m["labels"].update(classes=["a", "a", "b"]),
    "no finish": lambda m: m.update(finished=False, run="../../x"),
}


@pytest.mark.parametrize("forgery", FORGERIES)
@pytest.mark.parametrize("verify", [False, True])
def test_forged_manifest_is_refused_though_its_checksum_fits(folder, forgery, verify):
    manifest = json.loads((folder / "manifest.json").read_text())
    FORGERIES[forgery](manifest)
    write_manifest(folder, {k: v for k, v in manifest.items() if k != "crc32"})
    with pytest.raises(ValueError, match=r"manifest\.json is corrupted"):
        open_matrix(folder, verify=verify)


FLIPS = [60, pytest.param(300, marks=pytest.mark.nightly)]


@pytest.mark.parametrize("n_flips", FLIPS)
@pytest.mark.filterwarnings("ignore:.*sorted by class:UserWarning")  # as flips have it
def test_flipped_bit_is_never_a_crash_also_when_nothing_is_verified(folder, n_flips):
    # A crash would end this process. What is used: every value, index and label.
    y = [0, 1] * 5 + [0]
    n_errors = 0
    for name in (*FILES, "manifest.json"):
        whole = (folder / name).read_bytes()
        for position in np.random.default_rng(1).integers(8 * len(whole), size=n_flips):
            flipped = bytearray(whole)
            flipped[position // 8] ^= 1 << int(position % 8)
            (folder / name).write_bytes(flipped)
            try:
                X, labels = open_matrix(folder)
                clf = DataMapClassifier(
                    SGDClassifier(loss="log_loss", random_state=0),
                    batch_order="blocks",
                    batch_size=4,
                    n_epochs=1,
                )
                clf.fit(X, y if name != "labels.npy" else labels).predict(X)
            except ValueError:
                n_errors += 1
        (folder / name).write_bytes(whole)
    assert n_errors > n_flips  # of the manifest alone, all


@pytest.mark.parametrize("name", FILES)
def test_truncated_and_missing_files_are_found_at_opening(folder, name):
    whole = (folder / name).read_bytes()
    for part in (whole[:-1], whole[:10], b"", whole + b"\0"):
        (folder / name).write_bytes(part)
        with pytest.raises(ValueError, match=f"{name} has .* bytes instead of"):
            open_matrix(folder)
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"{name} is missing"):
        open_matrix(folder)


def test_truncated_and_missing_manifest(folder):
    manifest = folder / "manifest.json"
    manifest.write_bytes(manifest.read_bytes()[:-5])
    with pytest.raises(ValueError, match=r"manifest\.json is corrupted"):
        open_matrix(folder)
    manifest.unlink()
    with pytest.raises(FileNotFoundError, match="There is no"):
        open_matrix(folder)


def test_manifest_says_what_the_matrix_is_made_of(finished):
    manifest = json.loads((finished / "manifest.json").read_text())
    assert manifest["shape"] == [11, 2**10]
    assert manifest["labels"]["classes"] == ["label 0", "label 1", "label 2"]
    assert manifest["arguments"]["vectorizer"] != joblib.hash(None)


def test_relative_path_is_that_of_this_process(tmp_path, monkeypatch):
    # The workers that joblib keeps are still in the folder that they began in.
    joblib.Parallel(n_jobs=2)(joblib.delayed(len)("ab") for _ in range(4))
    monkeypatch.chdir(tmp_path)
    X, _ = vectorize_to_disk(
        [(TEXTS, LABELS)],
        HashingVectorizer(),
        "matrix",
        shard_size=2,
        n_jobs=2,
        verbose=0,
    )
    assert X.shape[0] == len(TEXTS)
    assert (tmp_path / "matrix" / "data.npy").exists()
