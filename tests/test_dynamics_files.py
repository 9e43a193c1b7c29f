"""The files of the reference code: logits of every epoch, and coordinates."""

import json

import numpy as np
import pandas as pd
import pytest

from sklearn_datamaps import (
    DataMap,
    _dynamics_files,
    read_coordinates,
    read_training_dynamics,
)


def write(folder, epoch, records, key=None, ending="\n"):
    """Write one file: records are (guid, logits, gold)."""
    key = key or f"logits_epoch_{epoch}"
    lines = [json.dumps({"guid": g, key: list(x), "gold": y}) for g, x, y in records]
    path = folder / f"dynamics_epoch_{epoch}.jsonl"
    path.write_bytes(ending.join(lines).encode() + ending.encode())
    return path


def run_of(n_samples=50, n_classes=3, n_epochs=4, seed=0):
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 3, (n_epochs, n_samples, n_classes))
    return logits, rng.integers(n_classes, size=n_samples)


def by_hand(folder, keep=None):
    """Confidence, variability and correctness by guid, a number at a time."""
    paths = sorted(folder.glob("*.jsonl"), key=lambda p: int(p.stem.split("_")[-1]))
    own, right = {}, {}
    for path in paths[:keep]:
        for line in path.read_text().splitlines():
            record = json.loads(line)
            logits = np.array(next(v for k, v in record.items() if "logits" in k))
            odds = np.exp(logits - logits[record["gold"]])
            own.setdefault(record["guid"], []).append(1 / odds.sum())
            is_right = logits.argmax() == record["gold"]
            right.setdefault(record["guid"], []).append(is_right)
    return {
        guid: (np.mean(p), np.std(p), np.mean(right[guid])) for guid, p in own.items()
    }


def test_two_rows_by_hand(tmp_path):
    # e^0 : e^0 is 1/2; e^ln3 : e^0 is 3/4 against 1/4.
    write(tmp_path, 0, [("a", [0, 0], 0), ("b", [0, np.log(3)], 1)])
    write(tmp_path, 1, [("a", [np.log(3), 0], 0), ("b", [np.log(3), 0], 1)])
    data_map = read_training_dynamics(tmp_path, store_trajectories=True)
    assert data_map.index.tolist() == ["a", "b"]
    np.testing.assert_allclose(data_map.confidence, [5 / 8, 1 / 2], rtol=1e-12)
    np.testing.assert_allclose(data_map.variability, [1 / 8, 1 / 4], rtol=1e-12)
    np.testing.assert_allclose(data_map.correctness, [1, 1 / 2])
    np.testing.assert_allclose(data_map.margin, [1 / 4, 0], atol=1e-12)
    np.testing.assert_allclose(data_map.trajectories, [[0.5, 0.75], [0.75, 0.25]])
    assert data_map.label.tolist() == [0, 1]
    assert data_map.predicted.tolist() == [0, 0]
    assert data_map.classes.tolist() == [0, 1]


@pytest.mark.parametrize("chunk_bytes", [1, 300, 2**24])
@pytest.mark.parametrize("kind", ["texts", "numbers"])
def test_any_order_of_rows_and_epochs_by_number(
    tmp_path, monkeypatch, chunk_bytes, kind
):
    monkeypatch.setattr(_dynamics_files, "CHUNK_BYTES", chunk_bytes)
    logits, gold = run_of(n_epochs=12)
    guids = [i * 7 - 3 for i in range(50)]
    if kind == "texts":
        guids = [f"row-{i} ünï \U0001f600" for i in guids]
    rng = np.random.default_rng(1)
    for epoch in rng.permutation(12).tolist():
        order = rng.permutation(50) if epoch % 2 else np.arange(50)
        records = [(guids[i], logits[epoch, i], int(gold[i])) for i in order]
        write(tmp_path, epoch, records)
    data_map = read_training_dynamics(tmp_path, measures=["forgetting"])
    assert data_map.index.tolist() == guids
    expected = by_hand(tmp_path)
    for row, guid in enumerate(guids):
        values = data_map.confidence[row], data_map.variability[row]
        found = (*values, data_map.correctness[row])
        np.testing.assert_allclose(found, expected[guid], atol=1e-12)
    right = logits.argmax(axis=-1) == gold
    forgotten = (right[:-1] & ~right[1:]).sum(axis=0)
    forgotten[~right.any(axis=0)] = 13
    np.testing.assert_array_equal(data_map.measures["forgetting"], forgotten)


def test_burn_out_keeps_the_first_epochs(tmp_path):
    logits, gold = run_of()
    for epoch in range(4):
        rows = enumerate(zip(logits[epoch], gold.tolist(), strict=True))
        write(tmp_path, epoch, [(i, x, y) for i, (x, y) in rows])
    expected = np.array(list(by_hand(tmp_path, keep=2).values()))
    data_map = read_training_dynamics(tmp_path, burn_out=2)
    assert data_map.n_epochs == 2
    np.testing.assert_allclose(data_map.confidence, expected[:, 0], atol=1e-12)
    for wrong in (0, 5, -1, 1.5, True, "2"):
        with pytest.raises(ValueError, match="burn_out must be an integer from 1"):
            read_training_dynamics(tmp_path, burn_out=wrong)


def test_folder_of_a_model_and_odd_white_space(tmp_path):
    folder = tmp_path / "training_dynamics"
    folder.mkdir()
    path = write(folder, 0, [("a", [0, 0], 0), ("b", [5, 0], 0)], ending="\r\n\r\n")
    path.write_bytes(b"\n" + path.read_bytes().rstrip())
    write(tmp_path / "training_dynamics", 1, [("b", [5, 0], 0), ("a", [0, 0], 0)])
    assert read_training_dynamics(str(tmp_path)).n_samples == 2


def test_line_longer_than_a_block(tmp_path):
    guid = "x" * (_dynamics_files.BLOCK_BYTES + 1)
    write(tmp_path, 0, [("a", [0, 0], 0), (guid, [0, 0], 0), ("b", [0, 0], 0)])
    assert read_training_dynamics(tmp_path).index.tolist() == ["a", guid, "b"]


def test_epochs_may_begin_at_one(tmp_path):
    for epoch in (1, 2):
        write(tmp_path, epoch, [("a", [0, 0], 0)])
    assert read_training_dynamics(tmp_path).n_epochs == 2


GOOD = [("a", [0, 2], 0), ("b", [2, 0], 1), ("c", [1, 2], 1)]
BAD_SECOND_FILES = {
    "missing": (GOOD[:2], "dynamics_epoch_1.jsonl lacks guids .*: 'c'"),
    "unknown": ([*GOOD, ("d", [0, 2], 0)], "not in the first file: 'd'"),
    "twice": ([*GOOD, GOOD[1]], "guids more than once: 'b'"),
    "twice-shuffled": ([GOOD[2], GOOD[2], GOOD[0]], "guids more than once: 'c'"),
    "gold": ([*GOOD[:2], ("c", [1, 2], 0)], "gold is not that .* in 'c'"),
    "width": (
        [*GOOD[:2], ("c", [1, 2, 3], 1)],
        "record 3: .* of 2 finite numbers",
    ),
    "nan": ([*GOOD[:2], ("c", [1, np.nan], 1)], "record 3: .* 2 finite numbers"),
    "null": ([*GOOD[:2], ("c", [1, None], 1)], "record 3: .* 2 finite numbers"),
    "text": ([*GOOD[:2], ("c", [1, "x"], 1)], r"record 3 \(guid 'c'\)"),
    "gold-text": ([*GOOD[:2], ("c", [1, 2], "yes")], "gold must be an integer"),
    "guid-kind": ([*GOOD[:2], (7, [1, 2], 1)], "cannot be read|not in the first file"),
}


@pytest.mark.parametrize("case", BAD_SECOND_FILES)
def test_bad_file_is_named_with_its_guids(tmp_path, case):
    records, message = BAD_SECOND_FILES[case]
    write(tmp_path, 0, GOOD)
    write(tmp_path, 1, records)
    with pytest.raises(ValueError, match=message):
        read_training_dynamics(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "dynamics_epoch_0.jsonl is empty"),
        (b"[1]\n", "record 1 must hold guid, logits_epoch_0, gold; it holds list"),
        (b'{"guid": "a"}\n', "must hold guid, logits_epoch_0, gold"),
        (b'{"guid": "a", \n', "record 1 is no JSON"),
        (b'{"guid": "a", "logits_epoch_0": [1], "gold": 0}', "two or more"),
        (b'{"guid": "a", "logits_epoch_0": [1, 2], "gold": 2}', "0 ... 1; it is 2"),
        (b'{"guid": 1.5, "logits_epoch_0": [1, 2], "gold": 0}', "guid must be"),
        (
            b'{"guid": "a", "logits_epoch_0": [1, 2], "gold": 0}\n' * 2,
            "guids more than once: 'a'",
        ),
        (
            b'{"guid": "a", "logits_epoch_0": [1, 2], "gold": 0}\n{"guid": "b"}\n',
            "record 2 must hold",
        ),
    ],
)
def test_bad_first_file_is_refused(tmp_path, content, message):
    (tmp_path / "dynamics_epoch_0.jsonl").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_training_dynamics(tmp_path)


def test_key_must_be_that_of_the_file(tmp_path):
    write(tmp_path, 0, GOOD)
    write(tmp_path, 1, GOOD, key="logits_epoch_0")
    with pytest.raises(ValueError, match=r"epoch_1.jsonl, record 1 .*logits_epoch_1"):
        read_training_dynamics(tmp_path)


def test_missing_epochs_and_folders_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"No dynamics_epoch_0.jsonl"):
        read_training_dynamics(tmp_path)
    for epoch in (0, 1, 4):
        write(tmp_path, epoch, GOOD)
    with pytest.raises(ValueError, match=r"epochs \[2, 3\] are missing"):
        read_training_dynamics(tmp_path)


COORDINATES = pd.DataFrame(
    {
        "guid": ["x", "y", "z"],
        "index": [0, 1, 2],
        "confidence": [0.9, 0.5, 0.1],
        "variability": [0.1, 0.4, 0.05],
        "correctness": [4, 2, 0],
        "forgetfulness": [0, 2, 1000],
        "threshold_closeness": [0.09, 0.25, 0.09],
    }
)


@pytest.fixture(params=["jsonl", "csv", "tsv"])
def coordinates(request, tmp_path):
    def write_frame(frame):
        path = tmp_path / f"td_metrics.{request.param}"
        if request.param == "jsonl":
            frame.to_json(path, orient="records", lines=True)
        else:
            separator = "\t" if request.param == "tsv" else ","
            frame.to_csv(path, sep=separator, index=False)
        return path

    return write_frame


def test_coordinates_become_a_map(coordinates):
    data_map = read_coordinates(coordinates(COORDINATES))
    assert isinstance(data_map, DataMap)
    assert data_map.n_epochs == 4
    assert data_map.index.tolist() == ["x", "y", "z"]
    assert data_map.confidence.tolist() == [0.9, 0.5, 0.1]
    assert data_map.variability.tolist() == [0.1, 0.4, 0.05]
    assert data_map.correctness.tolist() == [1, 0.5, 0]
    np.testing.assert_allclose(data_map.margin, [0.8, 0, -0.8])
    np.testing.assert_allclose(data_map.margin_std, [0.2, 0.8, 0.1])
    assert data_map.regions().tolist() == ["easy", "ambiguous", "hard"]
    assert data_map.rank("variability", n_samples=1).tolist() == [1]
    assert list(data_map.columns) == ["forgetfulness"]
    assert data_map.columns["forgetfulness"].tolist() == [0, 2, 1000]
    assert data_map.label.tolist() == data_map.predicted.tolist() == [None] * 3


def test_map_of_coordinates_is_one_to_work_with(coordinates, tmp_path):
    data_map = read_coordinates(coordinates(COORDINATES))
    assert "3 rows, 4 epochs" in repr(data_map)
    assert data_map.summary()["n_samples"].tolist() == [1, 1, 1]
    assert data_map.summary(by="label").empty
    assert data_map.to_frame()["region"].tolist() == ["easy", "ambiguous", "hard"]
    assert data_map._repr_html_()
    data_map.plot()
    moved = data_map.compare(data_map)
    assert np.diag(moved.transitions).tolist() == [1, 1, 1]
    assert moved.changed_labels.empty
    data_map.to_parquet(tmp_path / "map.parquet")
    again = DataMap.from_parquet(tmp_path / "map.parquet")
    np.testing.assert_array_equal(again.confidence, data_map.confidence)
    review = data_map.review(n=2)
    assert review["id"].tolist() == ["z", "y"]


@pytest.mark.parametrize("guids", [[3, 1, 20], ["01", "1", "a,b"]])
def test_guids_keep_their_kind(coordinates, guids):
    path = coordinates(COORDINATES.assign(guid=guids))
    assert read_coordinates(path).index.tolist() == guids


def test_coordinates_agree_with_the_dynamics_they_come_from(tmp_path, coordinates):
    logits, gold = run_of(n_epochs=5)
    for epoch in range(5):
        rows = enumerate(zip(logits[epoch], gold.tolist(), strict=True))
        write(tmp_path, epoch, [(f"g{i}", x, y) for i, (x, y) in rows])
    direct = read_training_dynamics(tmp_path)
    frame = pd.DataFrame(
        {
            "guid": direct.index,
            "index": np.arange(50),
            "confidence": direct.confidence,
            "variability": direct.variability,
            "correctness": np.rint(5 * direct.correctness).astype(int),
        }
    )
    data_map = read_coordinates(coordinates(frame), n_epochs=5)
    np.testing.assert_allclose(data_map.confidence, direct.confidence, atol=1e-9)
    np.testing.assert_allclose(data_map.correctness, direct.correctness)


def test_too_few_epochs_for_the_variability(coordinates):
    # One value of 1 in n epochs: mean 1/n, variance 1/n - 1/n^2. Of mean 0.1, five
    # values can vary by (0 + 0.5^2) / 5 - 0.01 = 0.04, ten by 0.09.
    frame = COORDINATES.assign(confidence=[0.9, 0.5, 0.1], variability=[0.1, 0.4, 0.25])
    path = coordinates(frame.assign(correctness=[5, 2, 0]))
    with pytest.raises(ValueError, match=r"in 5 epochs \(the largest count\).*'z'"):
        read_coordinates(path)
    with pytest.raises(ValueError, match=r"in 5 epochs \(n_epochs\).*'z'"):
        read_coordinates(path, n_epochs=5)
    assert read_coordinates(path, n_epochs=10).correctness.tolist() == [0.5, 0.2, 0]
    just = coordinates(frame.assign(correctness=[5, 2, 0], variability=0.2))
    assert read_coordinates(just).n_epochs == 5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"confidence": [0.9, 1.2, 0.1]}, "confidence .* 0 to 1, in 'y'"),
        ({"variability": [0.9, 0.2, 0.1]}, "variability .* 0 to 0.5, in 'x'"),
        ({"variability": [0.1, 0.2, -0.1]}, "variability .* in 'z'"),
        ({"confidence": [0.9, None, 0.1]}, "confidence .* in 'y'"),
        ({"correctness": [1.0, 0.5, 0.0]}, "must be a count .*'y'"),
        ({"correctness": [0, 0, 0]}, "no row was right in any epoch"),
        ({"guid": ["x", "x", "z"]}, "more than once, in 'x'"),
    ],
)
def test_bad_coordinates_are_refused_by_guid(coordinates, change, message):
    with pytest.raises(ValueError, match=message):
        read_coordinates(coordinates(COORDINATES.assign(**change)))


def test_bad_numbers_of_epochs_and_files_are_refused(coordinates, tmp_path):
    path = coordinates(COORDINATES)
    for wrong in (3, 0, 4.5, True, "4"):
        with pytest.raises(ValueError, match="n_epochs must be an integer >= 4"):
            read_coordinates(path, n_epochs=wrong)
    with pytest.raises(ValueError, match="has no column 'variability'"):
        read_coordinates(coordinates(COORDINATES.drop(columns="variability")))
    with pytest.raises(FileNotFoundError):
        read_coordinates(tmp_path / "none.jsonl")
    (tmp_path / "text.jsonl").write_text("hello\n")
    with pytest.raises(ValueError, match=r"text.jsonl is no file of JSON lines"):
        read_coordinates(tmp_path / "text.jsonl")
