"""Files of training dynamics against a loop of json.loads, and numbers by hand."""

import json
import re
from math import log

import numpy as np
import pandas as pd
import pytest

from sklearn_datamaps import DataMap, TrainingDynamics, read_training_dynamics
from sklearn_datamaps._io import json_lines

# Two classes, two epochs. Softmax of [0, ln 3] is [1/4, 3/4], of [ln 4, 0] [4/5, 1/5].
BY_HAND = [
    [("a", [0, log(3)], 1), ("b", [log(4), 0], 0)],
    [("b", [0, log(4)], 0), ("a", [0, 0], 1)],
]


def line(guid, epoch, logits, gold):
    return json.dumps({"guid": guid, f"logits_epoch_{epoch}": logits, "gold": gold})


def write_epoch(folder, epoch, rows):
    """Write (guid, logits, gold) rows as the reference code does."""
    folder.mkdir(exist_ok=True)
    text = "".join(f"{line(guid, epoch, z, gold)}\n" for guid, z, gold in rows)
    path = folder / f"dynamics_epoch_{epoch}.jsonl"
    path.write_text(text, encoding="utf-8")
    return path


def write_lines(folder, epoch, lines):
    path = folder / f"dynamics_epoch_{epoch}.jsonl"
    path.write_bytes("\n".join(lines).encode())
    return path


def write_random(folder, *, n_epochs=5, n_samples=60, n_classes=3, names=None, seed=0):
    """Write random logits, every epoch in an order of its own; return the rows."""
    rng = np.random.default_rng(seed)
    names = 7 * rng.permutation(n_samples) + 10**12 if names is None else names
    guids = np.asarray(names, dtype=object)
    gold = rng.integers(n_classes, size=n_samples)
    for epoch in range(n_epochs):
        order = rng.permutation(n_samples)
        logits = 2 * rng.standard_normal((n_samples, n_classes))
        rows = zip(guids[order], logits.tolist(), gold[order].tolist(), strict=True)
        write_epoch(folder, epoch, rows)


def by_loop(folder, n_epochs):
    """Measures by their definitions, from records that json.loads reads one by one."""
    gold, own, right = {}, {}, {}
    for epoch in range(n_epochs):
        path = folder / f"dynamics_epoch_{epoch}.jsonl"
        for text in path.read_text(encoding="utf-8").splitlines():
            record = json.loads(text)
            guid, z = record["guid"], np.array(record[f"logits_epoch_{epoch}"])
            gold[guid] = record["gold"]
            odds = np.exp(z - z.max())
            own.setdefault(guid, []).append((odds / odds.sum())[gold[guid]])
            right.setdefault(guid, []).append(np.argmax(z) == gold[guid])
    p = np.array(list(own.values())).T
    return {
        "guids": list(gold),
        "label": list(gold.values()),
        "confidence": p.mean(axis=0),
        "variability": p.std(axis=0),
        "correctness": np.array(list(right.values())).mean(axis=1),
        "own": p,
    }


def assert_is(data_map, expected):
    assert data_map.index.tolist() == expected["guids"]
    assert data_map.label.tolist() == expected["label"]
    for name in ("confidence", "variability", "correctness"):
        np.testing.assert_allclose(
            getattr(data_map, name), expected[name], rtol=0, atol=1e-14, err_msg=name
        )


def refused(folder, message, error=ValueError, **kwargs):
    with pytest.raises(error, match=message):
        read_training_dynamics(folder, **kwargs)


def test_measures_computed_by_hand(tmp_path):
    for epoch, rows in enumerate(BY_HAND):
        write_epoch(tmp_path, epoch, rows)
    data_map = read_training_dynamics(tmp_path)
    assert isinstance(data_map, DataMap)
    assert data_map.index.tolist() == ["a", "b"]
    assert data_map.index.name == "guid"
    assert data_map.label.tolist() == [1, 0]
    assert data_map.classes.tolist() == [0, 1]
    assert data_map.n_epochs == 2
    # a: 3/4 then 1/2, of mean 5/8 and deviations 1/8; the tie is predicted 0, wrong.
    # b: 4/5 then 1/5, of mean 1/2 and deviations 3/10; right, then wrong.
    np.testing.assert_allclose(data_map.confidence, [5 / 8, 1 / 2], atol=1e-15)
    np.testing.assert_allclose(data_map.variability, [1 / 8, 3 / 10], atol=1e-15)
    assert data_map.correctness.tolist() == [0.5, 0.5]
    assert data_map.predicted.tolist() == [0, 1]


def test_margin_of_three_classes_by_hand(tmp_path):
    # Softmax of [ln 2, ln 1, ln 5] is [2/8, 1/8, 5/8]: margin 2/8 - 5/8 of class 0.
    write_epoch(tmp_path, 0, [(3, [log(2), 0, log(5)], 0), (1, [log(2), 0, 0], 0)])
    data_map = read_training_dynamics(tmp_path)
    np.testing.assert_allclose(data_map.margin, [-3 / 8, 1 / 4], atol=1e-15)
    assert data_map.classes.tolist() == [0, 1, 2]
    assert data_map.predicted.tolist() == [2, 0]


@pytest.mark.parametrize("n_classes", [2, 3, 40])
def test_equal_to_a_loop_over_lines_in_any_order_of_rows(tmp_path, n_classes):
    write_random(tmp_path, n_classes=n_classes)
    assert_is(read_training_dynamics(tmp_path), by_loop(tmp_path, 5))


UNICODE = [f"\u00e4\u6f22\U0001f600/{number} \u2028\"'\\\t" for number in range(60)]
NAMES = {
    "integers": None,
    "negative and largest integers": [*range(-30, 29), 2**63 - 1],
    "texts": [f"train-{number}" for number in range(60)],
    "texts of digits": [f"{number:04}" for number in range(60)],
    "texts like dates": [f"2020-01-01 00:00:{number:02}" for number in range(60)],
    "unicode": UNICODE,
    "an empty text": ["", *map(str, range(59))],
}


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
def test_guids_stay_what_they_are(tmp_path, names):
    write_random(tmp_path, names=names, n_epochs=2)
    expected = by_loop(tmp_path, 2)
    data_map = read_training_dynamics(tmp_path)
    assert_is(data_map, expected)
    kinds = {type(guid) for guid in data_map.index.tolist()}
    assert kinds == {type(guid) for guid in expected["guids"]}


def test_unicode_need_not_be_escaped(tmp_path):
    rows = [(name, [0.0, 1.0], 1) for name in UNICODE]
    text = [
        json.dumps({"guid": g, "logits_epoch_0": z, "gold": y}, ensure_ascii=False)
        for g, z, y in rows
    ]
    write_lines(tmp_path, 0, text)
    assert read_training_dynamics(tmp_path).index.tolist() == UNICODE


@pytest.mark.parametrize("block", [2**20, 128], ids=["large blocks", "small blocks"])
@pytest.mark.parametrize("size", [1, 90, 91, 1000])
def test_chunks_do_not_show(tmp_path, monkeypatch, size, block):
    write_random(tmp_path)
    expected = by_loop(tmp_path, 5)
    monkeypatch.setattr(json_lines, "CHUNK_BYTES", size)
    monkeypatch.setattr(json_lines, "BLOCK_BYTES", block)
    assert_is(read_training_dynamics(tmp_path), expected)


def test_files_in_one_order_are_read_without_a_look_up(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    for epoch in range(3):
        z = rng.standard_normal((50, 2)).tolist()
        write_epoch(tmp_path, epoch, [(i, z[i], i % 2) for i in range(50)])
    monkeypatch.setattr(json_lines, "CHUNK_BYTES", 300)
    look_up = pd.Index.get_indexer

    def few(index, *args, **kwargs):
        assert len(index) < 50
        return look_up(index, *args, **kwargs)

    monkeypatch.setattr(pd.Index, "get_indexer", few)
    assert_is(read_training_dynamics(tmp_path), by_loop(tmp_path, 3))
    write_epoch(tmp_path, 3, [(i, [0, 1], i % 2) for i in range(50)][::-1])
    with pytest.raises(AssertionError):
        read_training_dynamics(tmp_path)


def test_a_record_may_be_longer_than_a_block(tmp_path, monkeypatch):
    long = "x" * 5000
    write_epoch(tmp_path, 0, [("short", [0, 1], 1), (long, [1, 0], 1)])
    monkeypatch.setattr(json_lines, "BLOCK_BYTES", 1000)
    assert read_training_dynamics(tmp_path).index.tolist() == ["short", long]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n", " \n \t\n", "\r\n\r\n"])
@pytest.mark.parametrize("at_end", ["", "\n", "  ", "\r\n\n"])
@pytest.mark.parametrize("size", [1, 2**20])
def test_line_ends_and_blank_lines(tmp_path, monkeypatch, end, at_end, size):
    monkeypatch.setattr(json_lines, "CHUNK_BYTES", size)
    for epoch, rows in enumerate(BY_HAND):
        text = end.join(line(guid, epoch, z, gold) for guid, z, gold in rows)
        path = tmp_path / f"dynamics_epoch_{epoch}.jsonl"
        path.write_bytes(f"{end}{text}{at_end}".encode())
    data_map = read_training_dynamics(tmp_path)
    np.testing.assert_allclose(data_map.confidence, [5 / 8, 1 / 2], atol=1e-15)


def test_epochs_follow_their_numbers_not_their_names(tmp_path):
    # The own probability is 3/4 in epochs 0 to 9, 1/4 in 10 and 11.
    for epoch in range(12):
        z = [0, log(3)] if epoch < 10 else [log(3), 0]
        write_epoch(tmp_path, epoch, [("a", z, 1)])
    data_map = read_training_dynamics(
        tmp_path, store_trajectories=True, measures=["forgetting", "first_learned"]
    )
    own = data_map.trajectories[:, 0]
    np.testing.assert_allclose(own, [0.75] * 10 + [0.25] * 2, atol=1e-7)
    assert data_map.measure("forgetting").tolist() == [1]
    assert data_map.measure("first_learned").tolist() == [13]


def test_epochs_may_start_at_one(tmp_path):
    for epoch, rows in enumerate(BY_HAND, start=1):
        write_epoch(tmp_path, epoch, rows)
    assert read_training_dynamics(tmp_path).n_epochs == 2


def test_rows_have_the_order_of_the_first_epoch(tmp_path):
    write_epoch(tmp_path, 2, [("a", [0, 1], 1), ("b", [0, 1], 1)])
    write_epoch(tmp_path, 10, [("b", [0, 1], 1), ("a", [0, 1], 1)])
    for epoch in range(3, 10):
        write_epoch(tmp_path, epoch, [("b", [0, 1], 1), ("a", [0, 1], 1)])
    assert read_training_dynamics(tmp_path).index.tolist() == ["a", "b"]


@pytest.mark.parametrize("burn_out", [1, 3, 5, np.int64(2)])
def test_burn_out_keeps_the_first_epochs(tmp_path, burn_out):
    write_random(tmp_path)
    data_map = read_training_dynamics(tmp_path, burn_out)
    assert data_map.n_epochs == burn_out
    assert_is(data_map, by_loop(tmp_path, burn_out))


def test_burn_out_above_the_number_of_epochs_is_all_as_in_the_reference(tmp_path):
    write_random(tmp_path, n_epochs=3)
    assert read_training_dynamics(tmp_path, burn_out=100).n_epochs == 3


@pytest.mark.parametrize("burn_out", [0, -1, 2.0, True, "3"])
def test_burn_out_must_be_a_positive_integer(tmp_path, burn_out):
    message = f"burn_out must be an integer >= 1.*got {re.escape(repr(burn_out))}"
    refused(tmp_path, message, burn_out=burn_out)


def test_burn_out_leaves_later_files_unread(tmp_path):
    write_random(tmp_path, n_epochs=2)
    write_lines(tmp_path, 2, ["no JSON"])
    assert read_training_dynamics(tmp_path, burn_out=2).n_epochs == 2


def test_sub_folder_of_the_reference_code_is_found(tmp_path):
    write_random(tmp_path / "training_dynamics")
    (tmp_path / "dynamics_epoch_notes.jsonl").write_text("not an epoch")
    data_map = read_training_dynamics(str(tmp_path))
    assert data_map.n_epochs == 5
    assert data_map.meta["source"] == str(tmp_path)
    assert data_map.meta["recording"] == "in-sample"


def test_files_of_the_folder_itself_come_before_the_sub_folder(tmp_path):
    write_random(tmp_path / "training_dynamics")
    write_random(tmp_path, n_epochs=2)
    assert read_training_dynamics(tmp_path).n_epochs == 2


def test_measures_and_trajectories_are_those_of_training_dynamics(tmp_path):
    write_random(tmp_path, n_classes=4)
    measures = ["loss", "el2n", "forgetting", "first_learned", "mean_proba"]
    data_map = read_training_dynamics(
        tmp_path, measures=iter(measures), store_trajectories=True
    )
    own = by_loop(tmp_path, 5)["own"]
    np.testing.assert_allclose(data_map.trajectories, own, atol=1e-7)
    np.testing.assert_allclose(data_map.measure("loss"), -np.log(own).mean(axis=0))
    assert set(data_map.measures) == set(measures)


def test_unknown_measure_is_refused_before_anything_is_read(tmp_path):
    write_lines(tmp_path, 0, ["no JSON"])
    refused(tmp_path, "measures must list names", measures=["gini"])


def test_large_logits_do_not_overflow(tmp_path):
    write_epoch(tmp_path, 0, [(1, [1e4, 0, -1e308], 0), (2, [-1e4, 0, 1], 0)])
    data_map = read_training_dynamics(tmp_path)
    assert data_map.confidence.tolist() == [1, 0]
    assert data_map.correctness.tolist() == [1, 0]


def test_prediction_is_the_largest_logit_where_probabilities_round_to_a_tie(tmp_path):
    write_epoch(tmp_path, 0, [(1, [0.0, 1e-20], 1), (2, [1e-20, 0.0], 1)])
    data_map = read_training_dynamics(tmp_path)
    assert data_map.confidence.tolist() == [0.5, 0.5]
    assert data_map.predicted.tolist() == [1, 0]


def test_integers_and_exponents_are_numbers_and_more_fields_are_ignored(tmp_path):
    text = '{"gold":1,"x":{"y":[]},"guid":5,"logits_epoch_0":[0,-1e0],"split":"train"}'
    write_lines(tmp_path, 0, [text])
    odds = np.exp(-1)
    expected = odds / (1 + odds)
    assert read_training_dynamics(tmp_path).confidence == pytest.approx(expected)


def test_no_folder_is_said(tmp_path):
    message = r"There is no folder '.*nowhere'"
    refused(tmp_path / "nowhere", message, FileNotFoundError)
    path = write_epoch(tmp_path, 0, BY_HAND[0])
    refused(path, "There is no folder", FileNotFoundError)


def test_no_file_is_said(tmp_path):
    (tmp_path / "dynamics_epoch_0.json").touch()
    (tmp_path / "dynamics_epoch_.jsonl").touch()
    message = r"no dynamics_epoch_N\.jsonl .* in '.*', nor in its sub-folder"
    refused(tmp_path, message, FileNotFoundError)


def test_missing_epochs_are_named(tmp_path):
    for epoch in (1, 2, 4, 7):
        write_epoch(tmp_path, epoch, BY_HAND[0])
    refused(tmp_path, "epochs 1 to 7 without 3, 5, 6:")
    write_epoch(tmp_path, 10**15, BY_HAND[0])
    refused(tmp_path, r"without 3, 5, 6, 8, 9 and [\d,]+ more:")


def test_two_files_of_one_epoch_are_refused(tmp_path):
    path = write_epoch(tmp_path, 1, BY_HAND[0])
    path.with_name("dynamics_epoch_01.jsonl").touch()
    refused(tmp_path, r"epoch_01.jsonl and dynamics_epoch_1.jsonl are both of epoch 1")


@pytest.mark.parametrize("text", ["", "\n", " \r\n\n"])
def test_empty_first_file_is_said(tmp_path, text):
    (tmp_path / "dynamics_epoch_0.jsonl").write_text(text)
    refused(tmp_path, r"dynamics_epoch_0\.jsonl is empty: it has no rows")


@pytest.mark.parametrize("text", ["", "\n", " \r\n\n"])
def test_empty_later_file_misses_all_rows(tmp_path, text):
    write_epoch(tmp_path, 0, BY_HAND[0])
    (tmp_path / "dynamics_epoch_1.jsonl").write_text(text)
    refused(tmp_path, r"epoch 1\) .*epoch_0.jsonl: 2 are missing, .*guid 'a', 'b'\.$")


def rows_of(guids):
    return [(guid, [0.0, 1.0], 1) for guid in guids]


@pytest.fixture(params=[1, 2**20], ids=["chunks of a line", "one chunk"])
def any_chunk(request, monkeypatch):
    monkeypatch.setattr(json_lines, "CHUNK_BYTES", request.param)


@pytest.mark.usefixtures("any_chunk")
class TestRowsThatDoNotFit:
    def test_missing(self, tmp_path):
        write_epoch(tmp_path, 0, rows_of(range(20)))
        write_epoch(tmp_path, 1, rows_of(range(20)))
        write_epoch(tmp_path, 2, rows_of(range(8)))
        message = r"epoch_2\.jsonl \(epoch 2\) does not hold the rows of .*epoch_0\.js"
        refused(tmp_path, message)
        refused(tmp_path, r": 12 are missing, such as guid 8, 9, 10, 11, 12\.$")

    def test_additional(self, tmp_path):
        write_epoch(tmp_path, 0, rows_of("abc"))
        write_epoch(tmp_path, 1, rows_of("axbycz"))
        message = (
            r"epoch 1\).*: 3 are not in the first file, such as guid 'x', 'y', 'z'"
        )
        refused(tmp_path, message + r"\.$")

    def test_repeated(self, tmp_path):
        write_epoch(tmp_path, 0, rows_of("abc"))
        write_epoch(tmp_path, 1, rows_of("acbaca"))
        refused(tmp_path, r"epoch 1\).*: 3 come twice, such as guid 'a', 'c'\.$")

    def test_repeated_after_rows_in_the_first_order(self, tmp_path):
        write_epoch(tmp_path, 0, rows_of("abc"))
        write_epoch(tmp_path, 1, rows_of("abca"))
        refused(tmp_path, r"epoch 1\).*: 1 come twice, such as guid 'a'\.$")

    def test_rows_in_the_first_order_that_came_before(self, tmp_path):
        # The third row has its own place, and comes for the second time.
        write_epoch(tmp_path, 0, rows_of("abc"))
        write_epoch(tmp_path, 1, rows_of("cbc"))
        message = r"1 come twice, such as guid 'c'; 1 are missing, such as guid 'a'\.$"
        refused(tmp_path, message)

    def test_exchanged(self, tmp_path):
        write_epoch(tmp_path, 0, rows_of("abc"))
        write_epoch(tmp_path, 1, rows_of("abd"))
        refused(tmp_path, "1 are not in .* guid 'd'; 1 are missing, .* guid 'c'")

    def test_repeated_in_the_first_file(self, tmp_path):
        write_epoch(tmp_path, 0, rows_of([4, 7, 4, 8, 7, 4]))
        refused(tmp_path, r"\(epoch 0\): 3 rows repeat a guid .*, such as 4, 7\.")

    def test_other_gold_label(self, tmp_path):
        write_epoch(tmp_path, 0, [("a", [0, 1], 1), ("b", [0, 1], 1)])
        write_epoch(tmp_path, 1, [("a", [0, 1], 1), ("b", [0, 1], 0)])
        message = r"epoch 1\).*: 1 have another gold label, such as guid 'b'\.$"
        refused(tmp_path, message)

    def test_other_gold_label_in_another_order(self, tmp_path):
        write_epoch(tmp_path, 0, [(1, [0, 1], 1), (2, [0, 1], 0), (3, [0, 1], 0)])
        write_epoch(tmp_path, 1, [(2, [0, 1], 0), (3, [0, 1], 1), (1, [0, 1], 0)])
        refused(tmp_path, ": 2 have another gold label, such as guid 3, 1")

    @pytest.mark.parametrize("gold", [3, -1, 2**40])
    def test_gold_label_beyond_the_logits(self, tmp_path, gold):
        write_epoch(tmp_path, 0, [("a", [0, 1, 2], 1), ("b", [0, 1, 2], gold)])
        message = rf"among the 3 logits, 0 \.\.\. 2; .* in 1 rows: {gold} for guid 'b'"
        refused(tmp_path, message)


GOOD = line("a", 0, [0.5, 1.5], 1)
FAULTS = {
    "half a line": ('{"guid": "b", "logits_epoch_0"', "line 4 is not JSON: "),
    "two lines in one": (GOOD + ",", "line 4 is not JSON: "),
    "no object": ("[1, 2]", r"line 4 is no JSON object, but \[1, 2\]"),
    "no guid": (
        '{"logits_epoch_0": [0, 1], "gold": 1}',
        "line 4 has no 'guid'; it has",
    ),
    "no gold": (
        '{"guid": "b", "logits_epoch_0": [0, 1]}',
        r"line 4 \(guid 'b'\) has no 'gold'; it has guid, logits_epoch_0",
    ),
    "guid null": (line(None, 0, [0, 1], 1), "guid is null, no text"),
    "guid of another type": (line(7, 0, [0, 1], 1), r"line 4 .*: guid is 7, no text"),
    "gold null": (line("b", 0, [0, 1], None), "gold is null, no integer"),
    "gold a text": (line("b", 0, [0, 1], "\u00e9"), 'gold is "\u00e9", no integer'),
    "gold a real number": (line("b", 0, [0, 1], 1.0), r"gold is 1\.0, no integer"),
    "gold a boolean": (line("b", 0, [0, 1], True), "gold is true, no integer"),
    "no logits": ('{"guid": "b", "gold": 1}', "has no 'logits_epoch_0'"),
    "logits of another epoch": (
        line("b", 1, [0, 1], 1),
        "has no 'logits_epoch_0'; it has guid, logits_epoch_1, gold",
    ),
    "logits null": (line("b", 0, None, 1), "epoch_0 is null, no list of 2 numbers"),
    "logits a number": (line("b", 0, 3, 1), "epoch_0 is 3, no list of 2 numbers"),
    "too many logits": (line("b", 0, [0, 1, 2], 1), "epoch_0 has 3 values, not 2"),
    "too few logits": (line("b", 0, [0], 1), "epoch_0 has 1 values, not 2"),
    "no logit": (line("b", 0, [], 1), "epoch_0 has 0 values, not 2"),
    "nested logits": (
        line("b", 0, [[0], [1]], 1),
        r"has a value that is \[0\], no num",
    ),
    "texts as logits": (line("b", 0, ["0", "1"], 1), 'has a value that is "0", no num'),
    "NaN": (line("b", 0, [0, np.nan], 1), "has a value that is NaN, not finite"),
    "infinity": (line("b", 0, [0, np.inf], 1), "that is Infinity, not finite"),
    "minus infinity": (line("b", 0, [-np.inf, 0], 1), "that is -Infinity, not finite"),
    "number too large": (GOOD.replace("1.5", "1e999"), "Number too big"),
    "the same field twice": (
        GOOD.replace('"a"', '"a", "guid": "b"'),
        "specified twice",
    ),
    "null among logits": (
        line("b", 0, [None, 0], 1),
        "holds null: it was NaN or infin",
    ),
}


@pytest.mark.usefixtures("any_chunk")
@pytest.mark.parametrize(("text", "message"), FAULTS.values(), ids=FAULTS)
def test_faulty_line_is_named(tmp_path, text, message):
    more = line("z", 0, [1, 0], 0)
    write_lines(tmp_path, 0, [GOOD, "", more, text, line("c", 0, [1, 0], 0)])
    refused(tmp_path, rf"dynamics_epoch_0\.jsonl, .*{message}")
    refused(tmp_path, r"dynamics_epoch_0\.jsonl, line 4")


@pytest.mark.parametrize("kind", ["NaN", "too many logits", "half a line"])
def test_faulty_line_of_a_later_epoch_is_named(tmp_path, kind):
    write_random(tmp_path, n_epochs=1, n_classes=2, names=list("abcdef") * 10)
    write_lines(tmp_path, 0, [GOOD, line("b", 0, [0, 1], 1)])
    later = [text.replace("epoch_0", "epoch_1") for text in (GOOD, FAULTS[kind][0])]
    write_lines(tmp_path, 1, later)
    refused(tmp_path, r"dynamics_epoch_1\.jsonl, line 2")


@pytest.mark.usefixtures("any_chunk")
def test_guid_that_is_not_utf_8_is_named(tmp_path):
    texts = [GOOD.encode(), GOOD.replace('"a"', '"\u00e9"').encode("latin-1")]
    (tmp_path / "dynamics_epoch_0.jsonl").write_bytes(b"\n".join(texts))
    refused(tmp_path, "line 2 is not UTF-8 \\('utf-8' codec")


def test_guid_beyond_64_bits_is_named(tmp_path):
    write_epoch(tmp_path, 0, rows_of([1, 2**63]))
    refused(tmp_path, r"line 2 .*guid is 9223372036854775808, more than 64 bits hold")


def test_file_with_the_logits_of_another_epoch_is_refused(tmp_path):
    path = write_epoch(tmp_path, 0, BY_HAND[0])
    path.rename(tmp_path / "dynamics_epoch_3.jsonl")
    refused(tmp_path, "line 1 .* has no 'logits_epoch_3'; it has guid, logits_epoch_0")


def test_one_class_is_refused(tmp_path):
    write_epoch(tmp_path, 0, [("a", [0.3], 0)])
    refused(tmp_path, r"first row has 1 values; .* at least two classes.*\[0, z\]")


def test_labels_that_are_texts_are_refused(tmp_path):
    write_epoch(tmp_path, 0, [("a", [0.3, 0.1], "entailment")])
    refused(tmp_path, r"gold is 'entailment', a text; it must be the position")


@pytest.mark.parametrize("text", ["7", "{}", "oops"])
def test_faulty_first_line_is_named(tmp_path, text):
    write_lines(tmp_path, 0, ["", text, GOOD])
    refused(tmp_path, "line 2 (is no JSON object, but 7|has no 'guid'|is not JSON)")


def test_map_is_that_of_the_probabilities(tmp_path):
    # The same through a public door of its own: softmax tensors and from_probabilities.
    rng = np.random.default_rng(1)
    logits = rng.standard_normal((4, 30, 3))
    gold = rng.integers(3, size=30)
    dynamics = TrainingDynamics(gold, classes=[0, 1, 2])
    for epoch, z in enumerate(logits):
        rows = zip(range(30), z.tolist(), gold.tolist(), strict=True)
        write_epoch(tmp_path, epoch, rows)
        odds = np.exp(z)
        dynamics.update(odds / odds.sum(axis=1, keepdims=True))
    expected, data_map = dynamics.to_data_map(), read_training_dynamics(tmp_path)
    for name in ("margin", "margin_std", "confidence", "variability"):
        np.testing.assert_allclose(
            getattr(data_map, name), getattr(expected, name), rtol=0, atol=1e-14
        )
    np.testing.assert_array_equal(data_map.regions(), expected.regions())
    np.testing.assert_array_equal(data_map.predicted, expected.predicted)


def test_map_survives_a_parquet_file(tmp_path):
    write_random(tmp_path, names=UNICODE)
    data_map = read_training_dynamics(tmp_path)
    data_map.to_parquet(tmp_path / "map.parquet")
    again = DataMap.from_parquet(tmp_path / "map.parquet")
    assert again.index.equals(data_map.index)
    np.testing.assert_array_equal(again.confidence, data_map.confidence)


def test_byte_order_mark_is_no_part_of_the_first_record(tmp_path):
    write_random(tmp_path)
    expected = by_loop(tmp_path, 5)
    for path in tmp_path.iterdir():
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert_is(read_training_dynamics(tmp_path), expected)


def test_fault_behind_a_byte_order_mark_is_found_in_its_line(tmp_path):
    write_random(tmp_path, n_samples=3)
    path = sorted(tmp_path.iterdir())[0]
    first, second, *others = path.read_bytes().splitlines(keepends=True)
    fault = re.sub(rb'"gold": \d+', b'"gold": "no"', second)
    assert fault != second
    path.write_bytes(b"\xef\xbb\xbf" + b"".join([first, fault, *others]))
    refused(tmp_path, r'line 2 .*gold is "no"')


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252"])
def test_other_encoding_is_named_with_the_cure(tmp_path, encoding):
    write_random(tmp_path, n_samples=3, names=["\u00e9", "b", "c"])
    for path in tmp_path.iterdir():
        text = path.read_text(encoding="utf-8").replace("\\u00e9", "\u00e9")
        path.write_bytes(text.encode(encoding))
    refused(tmp_path, r"line \d+ is not UTF-8 .*: save the file in UTF-8")
