import os

import datasets
import numpy as np
import pandas as pd
import pytest
from huggingface_hub.utils import HfHubHTTPError

from sklearn_datamaps.datasets import EMOTIONS, HUB_REVISION, fetch_go_emotions

REAL_DATA = os.environ.get("SKLEARN_DATAMAPS_DATA")

GRATITUDE, GRIEF, NEUTRAL = 15, 16, 27

ROWS = {
    "train": {
        "text": ["thank you so much", "he died", "thanks, we lost him", "ok"],
        "labels": [[GRATITUDE], [GRIEF], [GRIEF, GRATITUDE], [NEUTRAL]],
        "id": ["t0", "t1", "t2", "t3"],
    },
    "validation": {"text": ["wow"], "labels": [[0, 26]], "id": ["v0"]},
    "test": {"text": ["ta", "no"], "labels": [[GRATITUDE], [10]], "id": ["s0", "s1"]},
}


def write(folder, subset, **columns):
    path = folder / "go_emotions" / f"{subset}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame({**ROWS[subset], **columns}).to_parquet(path)
    return path


@pytest.fixture(autouse=True)
def no_variable(monkeypatch):
    monkeypatch.delenv("SKLEARN_DATAMAPS_DATA", raising=False)


@pytest.fixture
def folder(tmp_path):
    for subset in ROWS:
        write(tmp_path, subset)
    return tmp_path


@pytest.fixture
def no_hub(monkeypatch):
    def load_dataset(*args, **kwargs):
        raise AssertionError("the hub was asked")

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)


def test_text_is_a_series_indexed_by_comment_id(folder):
    data = fetch_go_emotions(data_home=folder).data
    assert isinstance(data, pd.Series)
    assert data.name == "text"
    assert data.index.name == "id"
    assert data.to_dict() == {
        "t0": "thank you so much",
        "t1": "he died",
        "t2": "thanks, we lost him",
        "t3": "ok",
    }


def test_binary_target_is_one_where_the_emotion_is_among_the_labels(folder):
    bunch = fetch_go_emotions("gratitude", data_home=folder)
    expected = pd.Series([1, 0, 1, 0], index=bunch.data.index, name="gratitude")
    pd.testing.assert_series_equal(bunch.target, expected.astype("int64"))


def test_binary_target_names_are_by_value_of_the_target(folder):
    bunch = fetch_go_emotions("grief", data_home=folder)
    assert bunch.target_names == ["not grief", "grief"]
    names = [bunch.target_names[value] for value in bunch.target]
    assert names == ["not grief", "grief", "grief", "not grief"]
    named = fetch_go_emotions("grief", data_home=folder, as_names=True)
    assert named.target.tolist() == names
    assert named.target.index.equals(bunch.target.index)
    assert named.target.name == "grief"


def test_names_of_the_columns_of_a_multilabel_target_stay(folder):
    one, two = (
        fetch_go_emotions(None, data_home=folder, as_names=as_names).target
        for as_names in (False, True)
    )
    pd.testing.assert_frame_equal(one, two)


def test_multilabel_target_has_one_column_for_each_emotion(folder):
    bunch = fetch_go_emotions(None, data_home=folder)
    expected = np.zeros((4, 28), dtype="int64")
    expected[[0, 1, 2, 2, 3], [GRATITUDE, GRIEF, GRIEF, GRATITUDE, NEUTRAL]] = 1
    assert bunch.target_names == list(bunch.target.columns) == list(EMOTIONS)
    assert bunch.target.index.equals(bunch.data.index)
    assert set(bunch.target.dtypes) == {np.dtype("int64")}
    np.testing.assert_array_equal(bunch.target, expected)


def test_emotions_stand_in_the_order_of_their_label_numbers():
    positions = {0: "admiration", 10: "disapproval", 15: "gratitude", 16: "grief"}
    positions |= {25: "sadness", 26: "surprise", 27: "neutral"}
    assert {position: EMOTIONS[position] for position in positions} == positions
    assert len(set(EMOTIONS)) == 28
    assert list(EMOTIONS[:-1]) == sorted(EMOTIONS[:-1])


def test_lists_in_several_row_groups_keep_their_rows(folder):
    path = folder / "go_emotions" / "train.parquet"
    labels = [[GRATITUDE], [], [0, 1, 2], [NEUTRAL]]
    frame = pd.DataFrame({**ROWS["train"], "labels": labels})
    frame.to_parquet(path, row_group_size=1)
    target = fetch_go_emotions(None, data_home=folder).target
    found = [list(np.flatnonzero(row)) for row in target.to_numpy()]
    assert found == labels


def test_duplicate_ids_are_kept(folder):
    write(folder, "train", id=["a", "a", "b", "c"])
    bunch = fetch_go_emotions(data_home=folder)
    assert list(bunch.data.index) == list(bunch.target.index) == ["a", "a", "b", "c"]


def test_other_columns_and_partition_like_folders_do_not_matter(tmp_path):
    folder = tmp_path / "labels=7"
    write(folder, "train", author="someone")
    bunch = fetch_go_emotions(data_home=folder)
    assert list(bunch.target) == [1, 0, 1, 0]


def test_return_x_y_gives_data_and_target_of_the_bunch(folder):
    bunch = fetch_go_emotions(data_home=folder)
    X, y = fetch_go_emotions(data_home=folder, return_X_y=True)
    pd.testing.assert_series_equal(X, bunch.data)
    pd.testing.assert_series_equal(y, bunch.target)


def test_label_and_subset_may_be_positional(folder):
    bunch = fetch_go_emotions("surprise", "validation", folder)
    assert bunch.target.to_dict() == {"v0": 1}


@pytest.mark.parametrize("subset", ["train", "validation", "test"])
def test_each_subset_is_read_from_its_own_file(folder, subset):
    data = fetch_go_emotions(subset=subset, data_home=folder).data
    assert list(data.index) == ROWS[subset]["id"]


def test_subset_all_is_the_three_one_after_the_other(folder):
    bunch = fetch_go_emotions(subset="all", data_home=folder)
    assert list(bunch.data.index) == ["t0", "t1", "t2", "t3", "v0", "s0", "s1"]
    assert list(bunch.target) == [1, 0, 1, 0, 0, 1, 0]
    assert bunch.data.name == "text"
    assert bunch.target.index.name == "id"


@pytest.mark.parametrize(
    "fact",
    ["Apache-2.0", "2005.00547", "43,410", "google-research-datasets", HUB_REVISION],
)
def test_description_names_source_licence_size_and_citation(folder, fact):
    assert fact in fetch_go_emotions(data_home=folder).DESCR


def test_environment_variable_names_the_folder(folder, monkeypatch, no_hub):
    monkeypatch.setenv("SKLEARN_DATAMAPS_DATA", str(folder))
    assert len(fetch_go_emotions().data) == 4


def test_argument_wins_over_the_environment_variable(folder, tmp_path, monkeypatch):
    other = tmp_path / "other"
    write(other, "train", id=["o0", "o1", "o2", "o3"])
    monkeypatch.setenv("SKLEARN_DATAMAPS_DATA", str(folder))
    assert fetch_go_emotions(data_home=other).data.index[0] == "o0"


@pytest.mark.parametrize("by", ["argument", "variable"])
def test_folder_may_start_at_the_user_s_home(folder, monkeypatch, by):
    monkeypatch.setenv("HOME", str(folder.parent))
    monkeypatch.setenv("USERPROFILE", str(folder.parent))
    name = f"~/{folder.name}"
    if by == "variable":
        monkeypatch.setenv("SKLEARN_DATAMAPS_DATA", name)
    data_home = name if by == "argument" else None
    assert len(fetch_go_emotions(data_home=data_home).data) == 4


def test_unknown_label_is_refused_with_the_closest_and_all_valid_names(no_hub):
    message = (
        r"no emotion 'gratitud' .* Did you mean 'gratitude'\? .*'admiration'.*None"
    )
    with pytest.raises(ValueError, match=message):
        fetch_go_emotions("gratitud")


@pytest.mark.parametrize("label", ["xyzzy", 15, ["joy"]])
def test_unknown_label_that_resembles_none_gets_no_hint(no_hub, label):
    with pytest.raises(ValueError, match=r"There is no emotion .*'neutral'") as caught:
        fetch_go_emotions(label)
    assert repr(label) in str(caught.value)
    if label != ["joy"]:
        assert "Did you mean" not in str(caught.value)


@pytest.mark.parametrize("subset", ["dev", None, ["train"]])
def test_unknown_subset_is_refused_with_the_valid_ones(no_hub, subset):
    message = r"no subset .* 'train', 'validation', 'test', 'all'"
    with pytest.raises(ValueError, match=message) as caught:
        fetch_go_emotions(subset=subset)
    assert repr(subset) in str(caught.value)


def test_missing_file_of_the_argument_names_path_origin_and_cure(tmp_path, no_hub):
    message = r"go_emotions.+test\.parquet.* argument data_home .*put the file there"
    with pytest.raises(FileNotFoundError, match=message) as caught:
        fetch_go_emotions(subset="test", data_home=tmp_path)
    path = tmp_path / "go_emotions" / "test.parquet"
    assert repr(str(path)) in str(caught.value)


def test_missing_file_of_the_variable_names_the_variable(tmp_path, monkeypatch, no_hub):
    monkeypatch.setenv("SKLEARN_DATAMAPS_DATA", str(tmp_path))
    message = "comes from the environment variable SKLEARN_DATAMAPS_DATA"
    with pytest.raises(FileNotFoundError, match=message):
        fetch_go_emotions()


@pytest.mark.parametrize("column", ["text", "labels", "id"])
def test_file_without_a_column_is_refused_by_the_column_s_name(folder, column):
    path = folder / "go_emotions" / "train.parquet"
    pd.DataFrame(ROWS["train"]).drop(columns=column).to_parquet(path)
    with pytest.raises(ValueError, match=rf"lacks the column\(s\) '{column}'; it has"):
        fetch_go_emotions(data_home=folder)


@pytest.mark.parametrize("labels", [[15, 16, 16, 27], [["joy"]] * 4])
def test_labels_of_another_type_are_refused(folder, labels):
    write(folder, "train", labels=labels)
    with pytest.raises(ValueError, match=r"train\.parquet.*labels \(list of int\)"):
        fetch_go_emotions(data_home=folder)


def test_file_that_is_not_parquet_is_refused_by_its_path(folder):
    (folder / "go_emotions" / "train.parquet").write_text("a pointer, not the data")
    with pytest.raises(ValueError, match=r"train\.parquet' is not a GoEmotions"):
        fetch_go_emotions(data_home=folder)


@pytest.mark.parametrize("value", [28, -1, None])
def test_label_outside_the_28_is_refused(folder, value):
    write(folder, "train", labels=[[15], [3, value], [1], [2]])
    with pytest.raises(
        ValueError, match=r"1 label\(s\) are not an integer from 0 to 27"
    ):
        fetch_go_emotions(data_home=folder)


def test_hub_is_read_at_the_pinned_revision(monkeypatch):
    calls = []

    def load_dataset(*args, **kwargs):
        calls.append((args, kwargs))
        return datasets.Dataset.from_dict(ROWS[kwargs["split"]])

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    bunch = fetch_go_emotions(subset="all")
    revision = "add492243ff905527e67aeb8b80c082af02207c3"
    assert calls == [
        (
            ("google-research-datasets/go_emotions", "simplified"),
            {"split": split, "revision": revision},
        )
        for split in ("train", "validation", "test")
    ]
    assert list(bunch.data.index) == ["t0", "t1", "t2", "t3", "v0", "s0", "s1"]
    assert list(bunch.target) == [1, 0, 1, 0, 0, 1, 0]


def test_hub_and_folder_give_the_same(folder, monkeypatch):
    monkeypatch.setattr(
        datasets,
        "load_dataset",
        lambda *args, split, **kwargs: datasets.Dataset.from_dict(ROWS[split]),
    )
    local = fetch_go_emotions(None, data_home=folder)
    hub = fetch_go_emotions(None)
    pd.testing.assert_series_equal(hub.data, local.data)
    pd.testing.assert_frame_equal(hub.target, local.target)


def test_empty_environment_variable_counts_as_unset(monkeypatch):
    monkeypatch.setenv("SKLEARN_DATAMAPS_DATA", "")
    monkeypatch.setattr(
        datasets,
        "load_dataset",
        lambda *args, split, **kwargs: datasets.Dataset.from_dict(ROWS[split]),
    )
    assert len(fetch_go_emotions().data) == 4


# The error of the HTTP client itself, of which the hub's own is a kind.
HTTPError = next(c for c in HfHubHTTPError.__mro__[1:] if c.__name__ == "HTTPError")


@pytest.mark.parametrize(
    "cause",
    [
        ConnectionError("offline"),
        TimeoutError("offline"),
        datasets.exceptions.DatasetNotFoundError("offline"),
        HTTPError("offline"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_unreachable_hub_says_what_to_do_and_keeps_the_cause(monkeypatch, cause):
    def load_dataset(*args, **kwargs):
        raise cause

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    message = (
        r"Hugging Face hub .*offline.* Connect once.* data_home .*"
        r"SKLEARN_DATAMAPS_DATA, that holds go_emotions/train\.parquet with columns "
        r"text, labels and id"
    )
    with pytest.raises(ConnectionError, match=message) as caught:
        fetch_go_emotions()
    assert caught.value.__cause__ is cause


@pytest.mark.parametrize("error", [TypeError, KeyError, PermissionError, MemoryError])
def test_other_errors_of_the_hub_client_pass_as_they_are(monkeypatch, error):
    def load_dataset(*args, **kwargs):
        raise error("not the network")

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    with pytest.raises(error, match="not the network"):
        fetch_go_emotions()


@pytest.fixture
def real_data():
    if not REAL_DATA:
        pytest.skip("needs the GoEmotions parquet files: set SKLEARN_DATAMAPS_DATA")
    return REAL_DATA


@pytest.mark.parametrize(
    ("subset", "n_rows", "n_gratitude"),
    [
        ("train", 43_410, 2_662),
        ("validation", 5_426, 358),
        ("test", 5_427, 352),
        ("all", 54_263, 3_372),
    ],
)
def test_real_subsets_have_their_published_sizes(
    real_data, subset, n_rows, n_gratitude
):
    bunch = fetch_go_emotions(subset=subset, data_home=real_data)
    assert len(bunch.data) == len(bunch.target) == n_rows
    assert bunch.target.sum() == n_gratitude
    assert bunch.data.index.is_unique


def test_real_rows_mostly_carry_one_label(real_data):
    n_labels = fetch_go_emotions(None, data_home=real_data).target.sum(axis=1)
    assert (n_labels == 1).sum() == 36_308
    assert n_labels.between(1, 5).all()


def test_real_description_tells_the_truth_about_repeated_texts(real_data):
    text = {s: fetch_go_emotions(subset=s, data_home=real_data).data for s in ROWS}
    description = fetch_go_emotions(data_home=real_data).DESCR
    n_repeated = text["train"].duplicated().sum()
    n_test, n_validation = (
        text[subset].isin(text["train"]).sum() for subset in ("test", "validation")
    )
    assert f"{n_repeated} training rows repeat" in description
    assert f"{n_test} test\n    and {n_validation} validation rows" in description
