import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sklearn_datamaps import DataMap, TrainingDynamics

STREAMED = ("loss", "el2n", "forgetting", "first_learned", "mean_proba")
N_SAMPLES = 12
ARRAYS = ("confidence", "variability", "correctness", "margin", "margin_std", "label")
ARRAYS += ("predicted", "classes")


def make(y=None, *, n_classes=3, **kwargs):
    y = np.arange(N_SAMPLES) % n_classes if y is None else y
    rng = np.random.default_rng(0)
    tensor = rng.dirichlet(np.ones(n_classes), size=(4, N_SAMPLES))
    return DataMap.from_probabilities(tensor, y, **kwargs)


def make_multilabel(**kwargs):
    rng = np.random.default_rng(0)
    y, cells = rng.random((N_SAMPLES, 3)) < 0.5, rng.random((4, N_SAMPLES, 3))
    return DataMap.from_probabilities(cells, y, multilabel=True, **kwargs)


def make_incomplete(y, **kwargs):
    dynamics = TrainingDynamics(y, **kwargs)
    rng = np.random.default_rng(0)
    n_columns = len(dynamics.classes)
    for proba in rng.dirichlet(np.ones(n_columns), size=(4, len(y) - 1)):
        dynamics.update(proba, np.arange(1, len(y)))
    return dynamics.to_data_map(allow_incomplete=True)


def assert_equal_arrays(one, two):
    assert two.dtype == one.dtype
    assert two.shape == one.shape
    np.testing.assert_array_equal(one, two)
    if one.dtype == object:
        assert [type(v) for v in two.ravel()] == [type(v) for v in one.ravel()]


@pytest.fixture
def round_trip(tmp_path):
    def write_and_read(data_map):
        path = tmp_path / "map.parquet"
        data_map.to_parquet(path)
        return DataMap.from_parquet(path)

    return write_and_read


def assert_same_map(one, two):
    for name in ARRAYS:
        assert_equal_arrays(getattr(one, name), getattr(two, name))
    for name in ("measures", "columns"):
        first, second = getattr(one, name), getattr(two, name)
        assert list(first) == list(second)
        for key, values in first.items():
            assert_equal_arrays(values, second[key])
    assert not two.confidence.flags.writeable
    assert not two.label.flags.writeable
    if one.trajectories is None:
        assert two.trajectories is None
    else:
        assert_equal_arrays(one.trajectories, two.trajectories)
    pd.testing.assert_index_equal(one.index, two.index)
    assert two.n_epochs == one.n_epochs
    assert dict(two.meta) == dict(one.meta)
    assert repr(two) == repr(one)


@pytest.mark.parametrize(
    "data_map",
    [
        pytest.param(make(n_classes=2), id="binary"),
        pytest.param(make(), id="multiclass"),
        pytest.param(make_multilabel(), id="multilabel"),
        pytest.param(
            make(n_classes=2, measures=STREAMED, store_trajectories=True),
            id="binary, everything",
        ),
        pytest.param(
            make(measures=STREAMED, store_trajectories=True),
            id="multiclass, everything",
        ),
        pytest.param(
            make_multilabel(
                measures=STREAMED, store_trajectories=True, classes=["a", "b", "c"]
            ),
            id="multilabel, everything",
        ),
    ],
)
def test_round_trip_keeps_every_array(data_map, round_trip):
    assert_same_map(data_map, round_trip(data_map))


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["b", "a", "ä <&"]),
        np.array(["b", "a", "c"], dtype=object),
        np.array([10, -3, 7]),
        np.array([1, 0, 2], dtype=np.uint8),
        np.array([1.0, 0.0, 2.0]),
        np.array([True, False, True]),
    ],
    ids=lambda labels: labels.dtype.str,
)
def test_round_trip_keeps_labels_of_every_kind(labels, round_trip):
    y = labels[np.arange(N_SAMPLES) % 3]
    data_map = make(y, n_classes=len(np.unique(labels)))
    assert_same_map(data_map, round_trip(data_map))


@pytest.mark.parametrize(
    "y",
    [
        pytest.param([0, 1, 2, 0], id="integers"),
        pytest.param(["a", "b", "a", "a"], id="text"),
        pytest.param([True, False, True, True], id="booleans"),
    ],
)
def test_round_trip_keeps_rows_never_recorded(y, round_trip):
    data_map = make_incomplete(y, store_trajectories=True)
    again = round_trip(data_map)
    assert_same_map(data_map, again)
    assert again.predicted[0] is None
    assert again.regions()[0] == "unseen"


def test_round_trip_keeps_multilabel_rows_never_recorded(round_trip):
    data_map = make_incomplete(np.eye(3, dtype=int), multilabel=True)
    again = round_trip(data_map)
    assert_same_map(data_map, again)
    assert again.predicted[0].tolist() == [None, None, None]


@pytest.mark.parametrize(
    "column",
    [
        pytest.param([f"text {i}" for i in range(N_SAMPLES)], id="text"),
        pytest.param(["a", None] * (N_SAMPLES // 2), id="text and None"),
        pytest.param(np.array([f"t{i}" for i in range(N_SAMPLES)]), id="fixed width"),
        pytest.param(
            pd.Series([f"t{i}" for i in range(N_SAMPLES)], dtype="string"),
            id="pandas string",
        ),
        pytest.param(np.arange(N_SAMPLES, dtype=np.int16), id="int16"),
        pytest.param(
            np.array([1, None] * (N_SAMPLES // 2), dtype=object), id="int and None"
        ),
        pytest.param(np.arange(N_SAMPLES) % 2 == 0, id="bool"),
        pytest.param(np.linspace(0, 1, N_SAMPLES, dtype=np.float32), id="float32"),
        pytest.param(
            np.datetime64("2024-01-01", "ns") + np.arange(N_SAMPLES), id="datetime"
        ),
    ],
)
def test_round_trip_keeps_carried_columns(column, round_trip):
    data_map = make().with_columns(carried=column, other=np.arange(N_SAMPLES))
    assert_same_map(data_map, round_trip(data_map))


@pytest.mark.parametrize(
    "index",
    [
        pd.RangeIndex(N_SAMPLES),
        pd.RangeIndex(10, 10 + 2 * N_SAMPLES, 2, name="odd"),
        pd.Index([f"id{i}" for i in range(N_SAMPLES)]),
        pd.Index([f"id{i}" for i in range(N_SAMPLES)], name="id"),
        pd.Index(np.arange(N_SAMPLES)[::-1], name="row"),
        pd.Index(["same"] * N_SAMPLES),
        pd.MultiIndex.from_product([["a", "b"], range(N_SAMPLES // 2)]),
        pd.MultiIndex.from_product(
            [["a", "b"], range(N_SAMPLES // 2)], names=["fold", "row"]
        ),
    ],
    ids=[
        *("range", "named range", "text", "named", "integers", "repeated"),
        *("two levels", "two named levels"),
    ],
)
def test_round_trip_keeps_the_index(index, round_trip):
    data_map = make(index=index)
    assert_same_map(data_map, round_trip(data_map))


def test_missing_text_is_read_as_none(round_trip):
    text = pd.Series(["a", np.nan, None, pd.NA] * (N_SAMPLES // 4), dtype=object)
    again = round_trip(make().with_columns(text=text))
    expected = ["a", None, None, None] * (N_SAMPLES // 4)
    assert again.columns["text"].tolist() == expected


def test_round_trip_keeps_meta(round_trip):
    meta = {
        "learner": "SGDClassifier",
        "seed": None,
        "batch_size": 32,
        "versions": {"numpy": "1.26"},
        "recording": "out-of-fold",
    }
    assert dict(round_trip(make(meta=meta)).meta) == meta


def test_numpy_values_of_meta_are_written_as_plain_ones(round_trip):
    meta = {"seed": np.int64(3), "alpha": np.float32(0.5), "sizes": np.arange(2)}
    expected = {"seed": 3, "alpha": 0.5, "sizes": [0, 1], "recording": "in-sample"}
    assert dict(round_trip(make(meta=meta)).meta) == expected


def test_what_json_does_not_know_is_written_as_text(round_trip):
    meta = {"time": pd.Timestamp("2024-01-02")}
    assert round_trip(make(meta=meta)).meta["time"] == "2024-01-02 00:00:00"


def test_read_map_can_be_written_and_compared_again(round_trip):
    data_map = make().with_columns(text=["t"] * N_SAMPLES)
    again = round_trip(round_trip(data_map))
    assert_same_map(data_map, again)
    np.testing.assert_allclose(data_map.compare(again).movers["distance"], 0)


def test_path_may_be_text(tmp_path):
    path = str(tmp_path / "map.parquet")
    make().to_parquet(path)
    assert DataMap.from_parquet(path).n_samples == N_SAMPLES


def test_large_map_in_several_row_groups_is_read_as_one(tmp_path):
    path = tmp_path / "map.parquet"
    data_map = make(measures=STREAMED, store_trajectories=True)
    data_map.to_parquet(path)
    pq.write_table(pq.read_table(path), path, row_group_size=5)
    assert pq.ParquetFile(path).num_row_groups == 3
    assert_same_map(data_map, DataMap.from_parquet(path))


@pytest.mark.parametrize(
    "index", [None, pd.Index([f"id{i}" for i in range(N_SAMPLES)])]
)
def test_file_is_read_by_plain_pandas_and_pyarrow(index, tmp_path):
    path = tmp_path / "map.parquet"
    data_map = make(
        index=index, measures=["loss", "mean_proba"], store_trajectories=True
    )
    data_map.with_columns(text=["t"] * N_SAMPLES).to_parquet(path)
    expected = [
        *("map:confidence", "map:variability", "map:correctness", "map:label"),
        *("map:predicted", "map:_margin", "map:_margin_std", "map:trajectories"),
        *("measure:loss", "measure:mean_proba", "column:text"),
    ]
    frame = pd.read_parquet(path, engine="pyarrow")
    assert frame.columns.tolist() == expected
    assert frame.index.tolist() == data_map.index.tolist()
    np.testing.assert_array_equal(frame["map:confidence"], data_map.confidence)
    np.testing.assert_array_equal(
        np.stack(frame["measure:mean_proba"]), data_map.measures["mean_proba"]
    )
    np.testing.assert_array_equal(
        np.stack(frame["map:trajectories"]), data_map.trajectories.T
    )
    names = [n for n in pq.read_table(path).column_names if not n.startswith("__")]
    assert names == expected


@pytest.mark.parametrize(
    ("values", "kinds"),
    [(["a", 1], "int, str"), ([{"a": 1}, "a"], "dict, str"), ([2**70, None], "int")],
)
def test_values_without_a_type_in_parquet_are_refused_by_column(
    values, kinds, tmp_path
):
    path = tmp_path / "map.parquet"
    data_map = make(n_classes=2)
    objects = np.resize(np.array(values, dtype=object), data_map.n_samples)
    match = f"The column 'source' of the map holds values of the types {kinds}, for"
    with pytest.raises(ValueError, match=match):
        data_map.with_columns(source=objects).to_parquet(path)
    mixed = replace(data_map, index=pd.Index(["a", 1] + [2] * (data_map.n_samples - 2)))
    with pytest.raises(ValueError, match=r"The index of the map .* int, str, for"):
        mixed.to_parquet(path)
    assert not path.exists()


def test_foreign_parquet_file_is_refused(tmp_path):
    path = tmp_path / "other.parquet"
    pd.DataFrame({"confidence": [0.5]}).to_parquet(path)
    with pytest.raises(ValueError, match=r"other\.parquet is a Parquet file, but no"):
        DataMap.from_parquet(path)


def test_parquet_file_without_any_metadata_is_refused(tmp_path):
    path = tmp_path / "bare.parquet"
    pq.write_table(pa.table({"x": [1]}), path)
    with pytest.raises(ValueError, match="but no data map"):
        DataMap.from_parquet(path)


def test_interrupt_once_the_file_is_there_is_told_and_the_file_stays(
    tmp_path, monkeypatch
):
    path, real = tmp_path / "map.parquet", Path.replace

    def interrupted(self, target):
        real(self, target)
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        make().to_parquet(path)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    assert DataMap.from_parquet(path).n_samples == make().n_samples


def test_newer_format_is_refused(tmp_path):
    path = tmp_path / "map.parquet"
    make().to_parquet(path)
    table = pq.read_table(path)
    metadata = table.schema.metadata
    description = json.loads(metadata[b"sklearn_datamaps"]) | {"format": 2}
    metadata[b"sklearn_datamaps"] = json.dumps(description).encode()
    pq.write_table(table.replace_schema_metadata(metadata), path)
    with pytest.raises(ValueError, match=r"written in format 2; .* up to 1. Upgrade"):
        DataMap.from_parquet(path)


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "map.parquet"
    carried = {"text": np.array([f"text {i % 5}" for i in range(N_SAMPLES)])}
    data_map = make(store_trajectories=True, measures=STREAMED).with_columns(**carried)
    data_map.to_parquet(path)
    return path


@pytest.mark.parametrize(
    "n_flips", [100, pytest.param(3000, marks=pytest.mark.nightly)]
)
def test_flipped_bit_is_an_error_or_changes_nothing(written, n_flips):
    whole, expected = written.read_bytes(), DataMap.from_parquet(written)
    n_bits = 8 * len(whole)
    at_random = np.random.default_rng(0).integers(n_bits, size=n_flips).tolist()
    n_errors = 0
    # All bits of the end, which says where all else is.
    for bit in [*at_random, *range(n_bits - 64, n_bits)]:
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << (bit % 8)
        written.write_bytes(flipped)
        try:
            read = DataMap.from_parquet(written)
        except ValueError:
            n_errors += 1
        else:
            assert_same_map(expected, read)
    assert n_errors > 0.9 * n_flips


@pytest.mark.parametrize("n_bytes", [0, 1, 7, 8, 100, 5000, -1])
def test_truncated_file_is_refused(written, n_bytes):
    whole = written.read_bytes()
    assert len(whole) > 5000
    written.write_bytes(whole[:n_bytes])
    with pytest.raises(ValueError, match=r"map\.parquet is damaged, or no data map"):
        DataMap.from_parquet(written)


def test_file_that_another_program_has_written_anew_is_read(written):
    expected = DataMap.from_parquet(written)
    pq.write_table(pq.read_table(written), written, compression="zstd")
    assert_same_map(expected, DataMap.from_parquet(written))


def forge(path, **changes):
    """Write a map as it is, but for some arrays and what is said of them."""
    table = pq.read_table(path)
    metadata = dict(table.schema.metadata)
    description = json.loads(metadata[b"sklearn_datamaps"])
    for name, value in changes.items():
        if name in description:
            description[name] = value
        else:
            at = table.schema.get_field_index(f"map:{name}")
            values = table.column(at).to_pylist()
            values[3] = value
            table = table.set_column(at, f"map:{name}", pa.array(values))
    metadata[b"sklearn_datamaps"] = json.dumps(description).encode()
    pq.write_table(table.replace_schema_metadata(metadata), path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_epochs": -1}, "n_epochs is -1"),
        ({"n_epochs": "4"}, "n_epochs is '4'"),
        ({"confidence": 7.0}, "confidence is not between 0 and 1"),
        ({"confidence": -0.1}, "confidence is not between 0 and 1"),
        ({"variability": 0.6}, "variability is not between 0 and 0.5"),
        ({"correctness": float("inf")}, "correctness is not between 0 and 1"),
        ({"label": 3}, "there are labels that are none of its classes"),
        ({"classes": [0, 1]}, "there are labels that are none of its classes"),
        ({"classes": [[0, 1, 2]]}, "classes are of shape"),
        ({"dtypes": {}}, "map:confidence"),
        ({"shapes": {"map:confidence": []}}, "argument"),
        ({"format": "x"}, "x"),
    ],
)
def test_values_that_no_map_can_hold_are_refused(written, changes, message):
    forge(written, **changes)
    with pytest.raises(ValueError, match=rf"damaged, or no data map \(.*{message}"):
        DataMap.from_parquet(written)


def test_deeply_nested_metadata_is_refused(written):
    table = pq.read_table(written)
    metadata = dict(table.schema.metadata) | {b"sklearn_datamaps": b"[" * 10**5}
    pq.write_table(table.replace_schema_metadata(metadata), written)
    with pytest.raises(ValueError, match="damaged, or no data map"):
        DataMap.from_parquet(written)


def test_rows_that_were_never_recorded_are_no_damage(round_trip):
    round_trip(make_incomplete(np.arange(N_SAMPLES) % 3))


def test_small_file_that_claims_gigabytes_is_not_unpacked(tmp_path):
    path = tmp_path / "map.parquet"
    # A constant of a hundred million rows packs into a few hundred kilobytes.
    size = 10**6
    schema = pa.schema([("map:confidence", pa.float64())])
    with pq.ParquetWriter(path, schema) as writer:
        group = pa.table({"map:confidence": np.zeros(size)}, schema=schema)
        for _ in range(100):
            writer.write_table(group)
    assert path.stat().st_size < 800_000
    allocated = pa.total_allocated_bytes()
    with pytest.raises(ValueError, match=r"bytes claim to hold 800,000,000"):
        DataMap.from_parquet(path)
    assert pa.total_allocated_bytes() - allocated < size
