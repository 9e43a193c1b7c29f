"""The streaming record against batch formulas over the whole (E, n, K) tensor."""

import warnings
from collections import namedtuple
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sklearn_datamaps import DataMap, TrainingDynamics
from sklearn_datamaps._core import recorder

STREAMED = ("loss", "el2n", "forgetting", "first_learned", "mean_proba")
N_EPOCHS, N_SAMPLES = 7, 40


def random_tensor(n_columns, *, seed=0, dtype=np.float64):
    """Probabilities of N_EPOCHS x N_SAMPLES rows that sharpen from epoch to epoch."""
    rng = np.random.default_rng(seed)
    target = rng.normal(size=(N_SAMPLES, n_columns))
    steps = np.linspace(0.2, 3, N_EPOCHS)[:, None, None]
    logits = steps * target + rng.normal(size=(N_EPOCHS, N_SAMPLES, n_columns))
    odds = np.exp(logits)
    return (odds / odds.sum(axis=2, keepdims=True)).astype(dtype)


def random_cells(n_labels, *, seed=0, dtype=np.float64):
    """Probabilities that each label is set, independent of one another."""
    rng = np.random.default_rng(seed)
    return rng.beta(0.6, 0.6, size=(N_EPOCHS, N_SAMPLES, n_labels)).astype(dtype)


def one_hot_tensor(n_columns):
    rng = np.random.default_rng(3)
    hits = rng.integers(n_columns, size=(N_EPOCHS, N_SAMPLES))
    return np.eye(n_columns, dtype=np.int64)[hits]


def count_forgotten(right):
    """Right-to-wrong transitions of one row; never right is E + 1."""
    if not any(right):
        return len(right) + 1
    return sum(a and not b for a, b in pairwise(right))


def epoch_learned(right):
    """First epoch, from 1, after which one row is never wrong; else E + 1."""
    epoch = len(right) + 1
    while epoch > 1 and right[epoch - 2]:
        epoch -= 1
    return epoch


def batch(proba, codes):
    """All measures from their formulas, in float64, over the whole tensor."""
    proba = np.asarray(proba).astype(np.float64)
    n_epochs, _, n_columns = proba.shape
    if codes.ndim == 2:
        own = np.where(codes, proba, 1 - proba)
        right = (proba > 0.5) == codes
        el2n = np.sqrt((proba - codes) ** 2 + ((1 - proba) - ~codes) ** 2)
    else:
        own_column = np.eye(n_columns, dtype=bool)[codes]
        own = proba[:, own_column]
        right = proba.argmax(axis=2) == codes
        el2n = np.linalg.norm(proba - own_column, axis=2)
    if codes.ndim == 2 or n_columns == 2:
        margins = 2 * own - 1
    else:
        margins = own - np.where(own_column, -1, proba).max(axis=2)
    runs = right.reshape(n_epochs, -1).T
    mean_proba = proba.mean(axis=0)
    return {
        "confidence": own.mean(axis=0),
        "variability": own.std(axis=0),
        "correctness": right.mean(axis=0),
        "margin": margins.mean(axis=0),
        "margin_std": margins.std(axis=0),
        "aleatoric": (own * (1 - own)).mean(axis=0),
        "threshold_closeness": own.mean(axis=0) * (1 - own.mean(axis=0)),
        "loss": -np.log(np.maximum(own, 1e-12)).mean(axis=0),
        "el2n": el2n.mean(axis=0),
        "forgetting": np.reshape([count_forgotten(r) for r in runs], codes.shape),
        "first_learned": np.reshape([epoch_learned(r) for r in runs], codes.shape),
        "mean_proba": mean_proba,
        "own": own,
    }


def batch_logit_margin(mean_proba, codes):
    log = np.log(np.maximum(mean_proba, 1e-12))
    if codes.ndim == 2:
        odds = log - np.log(np.maximum(1 - mean_proba, 1e-12))
        return np.where(codes, odds, -odds)
    own_column = np.eye(mean_proba.shape[1], dtype=bool)[codes]
    return log[own_column] - np.where(own_column, -np.inf, log).max(axis=1)


def codes_for(n_columns, *, multilabel=False):
    rng = np.random.default_rng(1)
    if multilabel:
        return rng.random((N_SAMPLES, n_columns)) < 0.4
    codes = rng.integers(n_columns, size=N_SAMPLES)
    codes[:n_columns] = np.arange(n_columns)
    return codes


def record(tensor, codes, **kwargs):
    """A full record: every streamed measure and the trajectories."""
    multilabel = codes.ndim == 2
    dynamics = TrainingDynamics(
        codes, multilabel=multilabel, measures=STREAMED, store_trajectories=True
    )
    for epoch in tensor:
        dynamics.update(epoch, **kwargs)
    return dynamics


def arrays_of(data_map):
    names = ("confidence", "variability", "correctness", "margin", "margin_std")
    arrays = {name: getattr(data_map, name) for name in names}
    arrays |= {"label": data_map.label, "predicted": data_map.predicted}
    return arrays | dict(data_map.measures) | {"own": data_map.trajectories}


def assert_same_map(one, two, *, atol=0.0):
    first, second = arrays_of(one), arrays_of(two)
    assert one.n_epochs == two.n_epochs
    assert first.keys() == second.keys()
    for name, values in first.items():
        if values is None:
            assert second[name] is None
        elif values.dtype.kind == "f":
            np.testing.assert_allclose(
                second[name], values, rtol=0, atol=atol, err_msg=name
            )
        else:
            np.testing.assert_array_equal(second[name], values, err_msg=name)


TENSORS = {
    "binary": (random_tensor(2), codes_for(2)),
    "multiclass": (random_tensor(5), codes_for(5)),
    "multilabel": (random_cells(3), codes_for(3, multilabel=True)),
    "binary float32": (random_tensor(2, dtype=np.float32), codes_for(2)),
    "multiclass float32": (random_tensor(5, dtype=np.float32), codes_for(5)),
    "multilabel float32": (
        random_cells(3, dtype=np.float32),
        codes_for(3, multilabel=True),
    ),
    "multiclass float16": (random_tensor(5, dtype=np.float16), codes_for(5)),
    "multilabel float16": (
        random_cells(3, dtype=np.float16),
        codes_for(3, multilabel=True),
    ),
    "one-hot integers": (one_hot_tensor(4), codes_for(4)),
    "one-hot booleans": (one_hot_tensor(4).astype(bool), codes_for(4)),
}


@pytest.fixture(params=TENSORS)
def case(request):
    return TENSORS[request.param]


def test_streaming_equals_batch_for_every_measure(case):
    tensor, codes = case
    data_map = record(tensor, codes).to_data_map()
    expected = batch(tensor, codes)
    for name in set(expected) - {"mean_proba", "own"}:
        np.testing.assert_allclose(
            data_map.measure(name), expected[name], rtol=0, atol=1e-12, err_msg=name
        )
        assert data_map.measure(name).dtype == np.float64


def test_mean_probabilities_are_the_batch_ones_to_the_last_float32_place(case):
    tensor, codes = case
    data_map = record(tensor, codes).to_data_map()
    mean_proba = data_map.measures["mean_proba"]
    expected = batch(tensor, codes)["mean_proba"]
    assert mean_proba.dtype == np.float32
    np.testing.assert_array_max_ulp(mean_proba, expected.astype(np.float32), maxulp=1)
    np.testing.assert_allclose(
        data_map.measure("logit_margin"),
        batch_logit_margin(mean_proba.astype(np.float64), codes),
        rtol=0,
        atol=1e-12,
    )


def test_trajectories_are_the_own_probabilities_of_every_epoch(case):
    tensor, codes = case
    data_map = record(tensor, codes).to_data_map()
    own = batch(tensor, codes)["own"]
    assert data_map.trajectories.dtype == np.float32
    np.testing.assert_array_equal(data_map.trajectories, own.astype(np.float32))


def test_predicted_is_the_prediction_of_the_last_epoch(case):
    tensor, codes = case
    data_map = record(tensor, codes).to_data_map()
    last = np.asarray(tensor[-1])
    expected = last > 0.5 if codes.ndim == 2 else last.argmax(axis=1)
    np.testing.assert_array_equal(data_map.predicted, expected)


def test_without_trajectories_and_measures_none_are_kept():
    data_map = DataMap.from_probabilities(random_tensor(3), codes_for(3))
    assert data_map.trajectories is None
    assert dict(data_map.measures) == {}


def test_two_class_margin_is_own_less_other():
    tensor, codes = TENSORS["binary"]
    own = batch(tensor, codes)["own"]
    differences = own - (tensor.sum(axis=2) - own)
    data_map = record(tensor, codes).to_data_map()
    np.testing.assert_allclose(data_map.margin, differences.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(data_map.margin_std, differences.std(axis=0), atol=1e-12)


def test_label_at_exactly_one_half_is_not_predicted():
    y = np.array([[True, False]])
    data_map = DataMap.from_probabilities([[[0.5, 0.5]]], y, multilabel=True)
    assert data_map.predicted.tolist() == [[False, False]]
    assert data_map.correctness.tolist() == [[0.0, 1.0]]


def test_forgetting_and_first_learned_of_rows_written_out():
    # Own label 1; right (R) and wrong (w) epoch by epoch.
    runs = ["wwww", "RRRR", "wRRR", "RwRw", "RwwR", "wwwR", "RRRw"]
    right = np.array([[mark == "R" for mark in run] for run in runs]).T
    own = np.where(right, 0.9, 0.1)
    data_map = DataMap.from_probabilities(
        np.stack([1 - own, own], axis=-1),
        np.ones(len(runs), dtype=int),
        classes=[0, 1],
        measures=["forgetting", "first_learned"],
    )
    assert data_map.measure("forgetting").tolist() == [5, 0, 0, 2, 1, 0, 1]
    assert data_map.measure("first_learned").tolist() == [5, 1, 2, 5, 4, 4, 5]


def shuffled_positions(rng):
    return np.array_split(rng.permutation(N_SAMPLES), 6)


def slices_in_any_order(rng):
    starts = rng.permutation(np.arange(0, N_SAMPLES, 7))
    return [slice(s, min(s + 7, N_SAMPLES)) for s in starts]


def strided_slices(_):
    return [slice(1, None, 2), slice(0, None, 2)]


def masks(rng):
    part = rng.integers(3, size=N_SAMPLES)
    return [part == i for i in range(3)]


def lists(rng):
    return [rows.tolist() for rows in shuffled_positions(rng)]


def unsigned_positions(rng):
    return [rows.astype(np.uint64) for rows in shuffled_positions(rng)]


@pytest.mark.parametrize(
    "parts",
    [
        shuffled_positions,
        slices_in_any_order,
        strided_slices,
        masks,
        lists,
        unsigned_positions,
    ],
)
def test_partial_updates_make_the_map_of_whole_ones(case, parts):
    tensor, codes = case
    rng = np.random.default_rng(2)
    whole = record(tensor, codes).to_data_map()
    dynamics = record([], codes)
    for epoch in tensor:
        for rows in parts(rng):
            dynamics.update(epoch[rows], rows)
    # Sums of squares may be taken in another order in a block of another shape.
    assert_same_map(whole, dynamics.to_data_map(), atol=1e-15 * N_EPOCHS)


def test_batches_of_several_epochs_may_interleave():
    tensor, codes = TENSORS["multiclass"]
    dynamics = record([], codes)
    first, second = slice(0, 15), slice(15, N_SAMPLES)
    for rows in (first, second):
        for epoch in tensor:
            dynamics.update(epoch[rows], rows)
    assert_same_map(record(tensor, codes).to_data_map(), dynamics.to_data_map())


@pytest.mark.parametrize("cells", [1, 12, 10**9])
def test_inner_chunks_do_not_show(case, cells, monkeypatch):
    tensor, codes = case
    whole = record(tensor, codes).to_data_map()
    monkeypatch.setattr(recorder, "CHUNK_CELLS", cells)
    chunked = record(tensor, codes).to_data_map()
    assert_same_map(whole, chunked, atol=1e-15 * N_EPOCHS)
    rows = np.random.default_rng(0).permutation(N_SAMPLES)
    scattered = record([epoch[rows] for epoch in tensor], codes, rows=rows)
    assert_same_map(whole, scattered.to_data_map(), atol=1e-15 * N_EPOCHS)


def test_no_rows_are_recorded_by_an_empty_batch():
    dynamics = TrainingDynamics([0, 1])
    dynamics.update(np.empty((0, 2)), [])
    dynamics.update(np.empty((0, 2)), slice(1, 1))
    assert dynamics.n_updates.tolist() == [0, 0]


def test_n_updates_counts_the_epochs_of_each_row():
    dynamics = TrainingDynamics([0, 1, 1])
    proba = [[0.5, 0.5], [0.4, 0.6]]
    dynamics.update(proba, [2, 0])
    dynamics.update(proba, [2, 1])
    assert dynamics.n_updates.tolist() == [1, 1, 2]
    assert dynamics.n_epochs == 2


def test_n_updates_cannot_be_used_to_change_the_record():
    dynamics = TrainingDynamics([0, 1])
    dynamics.n_updates[:] = 9
    assert dynamics.n_updates.tolist() == [0, 0]


def test_probabilities_near_one_in_float32_keep_their_variance():
    # Steps of 2**-24 below 1: mean of squares less square of the mean is rounding
    # noise here, in float32 even negative.
    steps = np.random.default_rng(0).integers(0, 60, size=(10, 500))
    own = (1 - steps * 2.0**-24).astype(np.float32)
    naive = (own**2).mean(axis=0) - own.mean(axis=0) ** 2
    assert (naive < 0).any()
    tensor = np.stack([1 - own, own], axis=-1)
    data_map = DataMap.from_probabilities(tensor, np.ones(500, int), classes=[0, 1])
    expected = own.astype(np.float64).std(axis=0)
    assert (data_map.variability > 0).all()
    np.testing.assert_allclose(data_map.variability, expected, rtol=1e-6)


TIED = np.array(
    [
        [0.2, 0.5, 0.3],
        [0.4, 0.4, 0.2],
        [0.1, 0.1, 0.8],
        [0.25, 0.375, 0.375],
        [0.6, 0.2, 0.2],
        [0.375, 0.25, 0.375],
    ]
)
TIED_ROWS = [1, 3, 5]


def tie_breaker(labels):
    """A callback that answers with labels and notes the positions it was asked."""
    asked = []

    def resolve(positions):
        asked.extend(positions.tolist())
        return np.array(labels)[positions]

    return resolve, asked


def test_lowest_column_wins_a_tie_without_a_resolver():
    data_map = DataMap.from_probabilities([TIED], list("aabbcc"))
    assert data_map.predicted.tolist() == list("bacbaa")


def test_lowest_of_two_columns_wins_even_odds_without_a_resolver():
    data_map = DataMap.from_probabilities([[[0.5, 0.5]] * 2], ["no", "yes"])
    assert data_map.predicted.tolist() == ["no", "no"]
    assert data_map.correctness.tolist() == [1, 0]


@pytest.mark.parametrize("cells", [6, 2**16], ids=["two rows a chunk", "one chunk"])
def test_resolver_settles_the_tied_rows_alone(cells, monkeypatch):
    monkeypatch.setattr(recorder, "CHUNK_CELLS", cells)
    resolve, asked = tie_breaker(list("-b-c-c"))
    dynamics = TrainingDynamics(list("abbcac"))
    dynamics.update(TIED, resolve_ties=resolve)
    data_map = dynamics.to_data_map()
    assert asked == TIED_ROWS
    assert data_map.predicted.tolist() == list("bbccac")
    assert data_map.correctness.tolist() == [0, 1, 0, 1, 1, 1]


@pytest.mark.parametrize("cells", [6, 2**16], ids=["two rows a chunk", "one chunk"])
@pytest.mark.parametrize("rows", [slice(1, 7), [7, 0, 2, 6, 4, 5]])
def test_resolver_gets_positions_in_proba_not_in_y(cells, rows, monkeypatch):
    monkeypatch.setattr(recorder, "CHUNK_CELLS", cells)
    resolve, asked = tie_breaker(list("-b-c-c"))
    dynamics = TrainingDynamics(list("abcabcab"))
    dynamics.update(TIED, rows, resolve_ties=resolve)
    predicted = dynamics.to_data_map(allow_incomplete=True).predicted
    assert asked == TIED_ROWS
    assert predicted[rows].tolist() == list("bbccac")


def test_resolver_of_two_classes_is_asked_about_even_odds_only():
    resolve, asked = tie_breaker(["yes", "yes", "yes"])
    dynamics = TrainingDynamics(["yes", "no", "no"])
    dynamics.update([[0.5, 0.5], [0.4, 0.6], [0.6, 0.4]], resolve_ties=resolve)
    assert asked == [0]
    assert dynamics.to_data_map().predicted.tolist() == ["yes", "yes", "no"]


def test_resolver_is_not_called_without_a_tie():
    def resolve(positions):
        raise AssertionError("nothing is tied")

    TrainingDynamics([0, 1, 2]).update(np.eye(3), resolve_ties=resolve)


def test_resolver_is_not_called_for_labels():
    def resolve(positions):
        raise AssertionError("labels are set above one half")

    dynamics = TrainingDynamics([[0, 1]], multilabel=True)
    dynamics.update([[0.5, 0.5]], resolve_ties=resolve)


@pytest.mark.parametrize("answer", [[[0, 1]], [0, 1], 0, []])
def test_resolver_that_answers_with_another_shape_is_refused(answer):
    dynamics = TrainingDynamics([0, 1])
    with pytest.raises(ValueError, match="one label for each of the 1 positions"):
        dynamics.update([[0.5, 0.5], [0, 1]], resolve_ties=lambda rows: answer)


def test_resolver_that_answers_with_no_class_is_refused():
    dynamics = TrainingDynamics([0, 1])
    with pytest.raises(ValueError, match=r"resolve_ties .* not in classes: \[7\]"):
        dynamics.update([[0.5, 0.5], [0, 1]], resolve_ties=lambda rows: [7])


@pytest.mark.parametrize("resolved", [True, False])
def test_classes_in_any_order_name_the_columns(resolved):
    resolve, _ = tie_breaker(["a", "b"])
    dynamics = TrainingDynamics(["b", "a"], classes=["b", "c", "a"])
    proba = [[0.4, 0.2, 0.4], [0.1, 0.1, 0.8]]
    dynamics.update(proba, resolve_ties=resolve if resolved else None)
    data_map = dynamics.to_data_map()
    assert data_map.classes.tolist() == ["b", "c", "a"]
    assert data_map.confidence.tolist() == [0.4, 0.8]
    assert data_map.predicted.tolist() == ["a" if resolved else "b", "a"]


def half_records(tensor, codes, rows):
    """Two records of the same labels, of the rows given and of the others."""
    others = np.setdiff1d(np.arange(N_SAMPLES), rows)
    halves = record([], codes), record([], codes)
    for epoch in tensor:
        halves[0].update(epoch[rows], rows)
        halves[1].update(epoch[others], others)
    return halves


def test_merge_of_disjoint_rows_is_one_record(case):
    tensor, codes = case
    one, other = half_records(tensor, codes, np.arange(0, N_SAMPLES, 3))
    assert one.merge(other) is one
    whole = record(tensor, codes)
    assert_same_map(whole.to_data_map(), one.to_data_map(), atol=1e-15 * N_EPOCHS)
    np.testing.assert_allclose(one.totals, whole.totals, rtol=1e-12)


def test_merge_into_an_empty_record_copies_it():
    tensor, codes = TENSORS["multiclass"]
    one, other = record([], codes), record(tensor, codes)
    before = other.to_data_map()
    one.merge(other)
    one.update(tensor[0])
    assert_same_map(before, other.to_data_map())


def test_merged_records_go_on():
    tensor, codes = TENSORS["multiclass"]
    one, other = half_records(tensor[:4], codes, np.arange(10, 25))
    one.merge(other)
    for epoch in tensor[4:]:
        one.update(epoch)
    assert_same_map(record(tensor, codes).to_data_map(), one.to_data_map(), atol=1e-14)


def test_merge_refuses_rows_that_both_recorded():
    one, other = TrainingDynamics([0, 1, 1]), TrainingDynamics([0, 1, 1])
    one.update(np.full((2, 2), 0.5), [0, 2])
    other.update(np.full((2, 2), 0.5), [1, 2])
    with pytest.raises(ValueError, match=r"1 row\(s\) .* both, for example row 2"):
        one.merge(other)
    assert one.n_updates.tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    "other",
    [
        TrainingDynamics([0, 1, 0]),
        TrainingDynamics([0, 1]),
        TrainingDynamics([0, 1, 1], classes=[0, 1, 2]),
        TrainingDynamics(["0", "1", "1"]),
        TrainingDynamics([[0], [1], [1]], multilabel=True),
        "a record",
    ],
)
def test_merge_refuses_other_labels(other):
    with pytest.raises(ValueError, match="over the same y and classes"):
        TrainingDynamics([0, 1, 1]).merge(other)


@pytest.mark.parametrize(
    "options", [{"measures": ["loss"]}, {"store_trajectories": True}]
)
def test_merge_refuses_other_options(options):
    with pytest.raises(ValueError, match="needs the same measures and trajectories"):
        TrainingDynamics([0, 1]).merge(TrainingDynamics([0, 1], **options))


def test_rollback_restores_the_record_bit_for_bit(case):
    tensor, codes = case
    dynamics = record(tensor[:3], codes)
    before, totals = dynamics.to_data_map(), dynamics.totals.copy()
    dynamics.checkpoint()
    dynamics.update(tensor[3])
    dynamics.update(tensor[4][:9], slice(0, 9))
    dynamics.rollback()
    assert (dynamics.n_updates == 3).all()
    np.testing.assert_array_equal(dynamics.totals, totals)
    assert_same_map(before, dynamics.to_data_map())
    for epoch in tensor[3:]:
        dynamics.update(epoch)
    assert_same_map(record(tensor, codes).to_data_map(), dynamics.to_data_map())


def test_rollback_in_the_middle_of_an_epoch_restores_its_trajectories():
    tensor, codes = TENSORS["multiclass"]
    dynamics = record(tensor[:2], codes)
    dynamics.update(tensor[2][:10], slice(0, 10))
    before = dynamics.to_data_map(allow_incomplete=True)
    dynamics.checkpoint()
    dynamics.update(tensor[2][10:], slice(10, None))
    dynamics.rollback()
    assert_same_map(before, dynamics.to_data_map(allow_incomplete=True))


def test_committed_updates_are_not_rolled_back():
    tensor, codes = TENSORS["multiclass"]
    dynamics = record([], codes)
    for epoch in tensor:
        dynamics.checkpoint()
        dynamics.update(epoch)
        dynamics.commit()
        dynamics.rollback()
    assert_same_map(record(tensor, codes).to_data_map(), dynamics.to_data_map())


@pytest.mark.parametrize("release", [True, False])
def test_second_checkpoint_remembers_the_later_record(release):
    tensor, codes = TENSORS["multilabel"]
    dynamics = record([], codes)
    for epoch in tensor[:2]:
        dynamics.checkpoint()
        dynamics.update(epoch)
        dynamics.commit()
        if release:
            dynamics.release()
    dynamics.checkpoint()
    dynamics.update(tensor[2])
    dynamics.rollback()
    assert_same_map(record(tensor[:2], codes).to_data_map(), dynamics.to_data_map())


def test_rollback_and_commit_without_a_checkpoint_do_nothing():
    tensor, codes = TENSORS["binary"]
    dynamics = record(tensor, codes)
    before = dynamics.to_data_map()
    dynamics.rollback()
    dynamics.commit()
    assert_same_map(before, dynamics.to_data_map())


def test_map_does_not_change_when_the_record_goes_on():
    tensor, codes = TENSORS["multilabel"]
    dynamics = record(tensor[:3], codes)
    data_map = dynamics.to_data_map()
    for epoch in tensor[3:]:
        dynamics.update(epoch)
    assert_same_map(record(tensor[:3], codes).to_data_map(), data_map)


def test_unequal_counts_are_refused():
    dynamics = TrainingDynamics([0, 1, 1])
    dynamics.update(np.full((3, 2), 0.5))
    dynamics.update(np.full((1, 2), 0.5), [0])
    message = r"2 of 3 rows were recorded in fewer than 2 epochs \(the fewest: 1\)"
    with pytest.raises(ValueError, match=message):
        dynamics.to_data_map()


def test_empty_record_is_refused():
    with pytest.raises(ValueError, match="Nothing was recorded yet"):
        TrainingDynamics([0, 1]).to_data_map(allow_incomplete=True)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
def test_incomplete_record_averages_the_epochs_of_each_row(kind):
    tensor, codes = TENSORS[kind]
    dynamics = record(tensor[:2], codes)
    twice, thrice = slice(0, 30), slice(30, N_SAMPLES)
    dynamics.update(tensor[2][thrice], thrice)
    data_map = dynamics.to_data_map(allow_incomplete=True)
    few, many = batch(tensor[:2], codes), batch(tensor[:3], codes)
    assert data_map.n_epochs == 3
    for name in set(few) - {"mean_proba", "own"}:
        values = data_map.measure(name)
        np.testing.assert_allclose(values[twice], few[name][twice], atol=1e-12)
        np.testing.assert_allclose(values[thrice], many[name][thrice], atol=1e-12)
    assert np.isnan(data_map.trajectories[2, twice]).all()
    assert not np.isnan(data_map.trajectories[2, thrice]).any()


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
def test_rows_of_one_update_may_be_in_different_epochs(kind):
    tensor, codes = TENSORS[kind]
    ahead, behind = slice(0, 15), slice(15, N_SAMPLES)
    dynamics = record([], codes)
    dynamics.update(tensor[0][ahead], ahead)
    for epoch in range(1, N_EPOCHS):
        both = np.concatenate([tensor[epoch][ahead], tensor[epoch - 1][behind]])
        dynamics.update(both)
    dynamics.update(tensor[-1][behind], behind)
    assert_same_map(record(tensor, codes).to_data_map(), dynamics.to_data_map())


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
def test_row_never_recorded_is_nan_unseen_and_predicted_none(kind):
    tensor, codes = TENSORS[kind]
    seen = np.arange(N_SAMPLES) != 4
    dynamics = record([], codes)
    for epoch in tensor:
        dynamics.update(epoch[seen], seen)
    data_map = dynamics.to_data_map(allow_incomplete=True)
    for name in data_map.measure_names():
        missing = np.isnan(data_map.measure(name)).reshape(N_SAMPLES, -1)
        assert missing[4].all(), name
        assert not missing[seen].any(), name
    unseen = (data_map.regions() == "unseen").reshape(N_SAMPLES, -1)
    assert unseen[4].all()
    assert not unseen[seen].any()
    assert data_map.predicted.dtype == object
    assert np.ravel(data_map.predicted[4]).tolist() == [None] * codes[0].size
    whole = record(tensor, codes).to_data_map()
    np.testing.assert_array_equal(data_map.predicted[seen], whole.predicted[seen])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
def test_nan_is_refused_and_leaves_the_record_untouched(kind, bad):
    tensor, codes = TENSORS[kind]
    dynamics = record(tensor[:2], codes)
    before = dynamics.to_data_map()
    broken = tensor[2].copy()
    broken[[3, 17], 1] = bad
    message = r"^Epoch 3: .* NaN or infinite .* for 2 of 40 rows.*scale the features"
    with pytest.raises(ValueError, match=message):
        dynamics.update(broken)
    assert_same_map(before, dynamics.to_data_map())


def test_infinities_that_cancel_are_refused_without_a_numpy_warning():
    with pytest.raises(ValueError, match=r"^Epoch 1: .* for 1 of 2 rows"):
        TrainingDynamics([0, 1]).update([[np.inf, -np.inf], [0.5, 0.5]])


def test_nan_in_a_batch_names_the_epoch_of_its_rows():
    dynamics = TrainingDynamics([0, 1, 1])
    dynamics.update(np.full((2, 2), 0.5), [0, 1])
    with pytest.raises(ValueError, match=r"^Epoch 2: .* 1 of 2 rows"):
        dynamics.update([[np.nan, 0.5], [0.5, 0.5]], [1, 2])


@pytest.mark.parametrize(
    ("proba", "rows", "message"),
    [
        (np.full((3, 2), 0.5), None, r"shape \(3, 2\); expected \(4, 2\)"),
        (np.full((4, 3), 0.5), None, r"shape \(4, 3\); expected \(4, 2\)"),
        (np.full(4, 0.5), None, r"shape \(4,\); expected \(4, 2\): one row per"),
        (np.full((3, 2), 0.5), [0, 1], r"shape \(3, 2\); expected \(2, 2\)"),
        (np.full((3, 2), 0.5), slice(0, 2), r"expected \(2, 2\)"),
        (np.full((3, 2), 0.5), [2, 0, 2], r"1 row\(s\) more than once, .* example 2"),
        (np.full((1, 2), 0.5), [4], r"rows must lie in 0 \.\.\. 3; got 4"),
        (np.full((1, 2), 0.5), [-1], r"rows must lie in 0 \.\.\. 3; got -1"),
        (np.full((5, 2), 0.5), slice(0, 5), "rows ends at 5, y has only 4 rows"),
        (np.full((1, 2), 0.5), [0.0], "one-dimensional positions or a mask"),
        (np.full((1, 2), 0.5), ["0"], "one-dimensional positions or a mask"),
        (np.full((1, 2), 0.5), 0, "one-dimensional positions or a mask"),
        (np.full((1, 2), 0.5), [[0]], "one-dimensional positions or a mask"),
        (np.full((1, 2), 0.5), [True, False], "a mask of length 4; got bool"),
        ([["a", "b"]] * 4, None, "proba must be real numbers"),
        (np.full((4, 2), 0.5j), None, "proba must be real numbers; got complex128"),
        ([[0.5, None]] * 4, None, "proba must be real numbers; got object"),
    ],
)
def test_update_that_does_not_fit_is_refused_and_records_nothing(proba, rows, message):
    dynamics = TrainingDynamics([0, 1, 1, 0])
    with pytest.raises(ValueError, match=message):
        dynamics.update(proba, rows)
    assert dynamics.n_updates.tolist() == [0, 0, 0, 0]


def test_logits_warn_once_at_the_line_that_records_them():
    dynamics = TrainingDynamics([0, 1, 1])
    logits = np.array([[2.0, -3.0], [0.4, 0.6], [3.0, 4.0]])
    message = (
        r"of 2 of 3 rows do not sum to 1\. .* TrainingDynamics.update\(\.\.\., logits"
    )
    with pytest.warns(UserWarning, match=message) as caught:
        dynamics.update(logits)
    assert [warning.filename for warning in caught] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dynamics.update(logits)


def test_multilabel_probabilities_need_not_sum_to_one_but_lie_between_the_bounds():
    dynamics = TrainingDynamics([[0, 1], [1, 1]], multilabel=True)
    dynamics.update([[0.9, 0.9], [0.1, 0.1]])
    with pytest.warns(UserWarning, match=r"of 1 of 2 rows have values outside \[0, 1"):
        dynamics.update([[-2.0, 3.0], [0.1, 0.1]])


def test_rounding_of_half_precision_is_not_worth_a_warning():
    tensor = random_tensor(30, dtype=np.float16)
    assert (tensor.sum(axis=2, dtype=np.float64) != 1).any()
    DataMap.from_probabilities(tensor, np.arange(N_SAMPLES) % 30)


@pytest.mark.parametrize(
    "measures", ["loss", ["confidence"], ["loss", "variance"], ["logit_margin"]]
)
def test_measures_that_cannot_be_streamed_are_refused(measures):
    with pytest.raises(ValueError, match=r"measures must list names out of \['loss'"):
        TrainingDynamics([0, 1], measures=measures)


def test_measures_keep_one_order_whatever_was_asked():
    dynamics = TrainingDynamics([0, 1], measures=["mean_proba", "loss", "el2n", "loss"])
    assert dynamics.measures == ("loss", "el2n", "mean_proba")


def test_index_is_that_of_y_unless_given():
    y = pd.Series(["a", "b"], index=["r0", "r1"])
    given = pd.Index([7, 8], name="id")
    assert TrainingDynamics(y).index.tolist() == ["r0", "r1"]
    assert TrainingDynamics(y, index=given).index.equals(given)
    assert TrainingDynamics(["a", "b"]).index.equals(pd.RangeIndex(2))


def test_levels_of_an_index_are_kept():
    index = pd.MultiIndex.from_tuples([("a", 0), ("b", 1)], names=["fold", "row"])
    for dynamics in (
        TrainingDynamics([0, 1], index=index),
        TrainingDynamics(pd.Series([0, 1], index=index)),
    ):
        assert isinstance(dynamics.index, pd.MultiIndex)
        assert dynamics.index.equals(index)


def test_index_of_another_length_is_refused():
    with pytest.raises(ValueError, match="index has 3 entries, y has 2 rows"):
        TrainingDynamics([0, 1], index=[1, 2, 3])


def test_meta_is_carried_and_says_in_sample_unless_told():
    dynamics = TrainingDynamics([0, 1])
    dynamics.update(np.eye(2))
    assert dict(dynamics.to_data_map().meta) == {"recording": "in-sample"}
    meta = {"recording": "out-of-fold", "seed": 3}
    assert dict(dynamics.to_data_map(meta=meta).meta) == meta


def test_repr_names_the_size_of_the_record():
    dynamics = TrainingDynamics(np.arange(1200) % 3)
    dynamics.update(np.full((7, 3), 1 / 3), slice(0, 7))
    assert repr(dynamics) == (
        "TrainingDynamics(1,200 rows, 3 classes, 0-1 epochs recorded)"
    )


probabilities = st.floats(0, 1, width=64)
columns = st.tuples(st.integers(1, 12), st.integers(1, 5))
own_probabilities = hnp.arrays(np.float64, columns, elements=probabilities)
quick = settings(max_examples=40, deadline=None, database=None)


def two_class_map(own, **kwargs):
    tensor = np.stack([1 - own, own], axis=-1)
    y = np.ones(own.shape[1], dtype=int)
    return DataMap.from_probabilities(tensor, y, classes=[0, 1], **kwargs)


@quick
@given(own_probabilities)
def test_variability_is_bounded_by_that_of_a_coin(own):
    data_map = two_class_map(own)
    c, v = data_map.confidence, data_map.variability
    coin = np.sqrt(np.clip(c * (1 - c), 0, None))
    assert (v <= coin + 1e-9).all()
    assert (v**2 <= c * (1 - c) + 1e-12).all()
    assert (v >= 0).all()


@quick
@given(own_probabilities)
def test_variability_obeys_the_sharp_bound_of_a_finite_number_of_epochs(own):
    n_epochs = len(own)
    data_map = two_class_map(own)
    c, v = data_map.confidence, data_map.variability
    whole = np.floor(n_epochs * c)
    rest = n_epochs * c - whole
    assert (v**2 <= (whole + rest**2) / n_epochs - c**2 + 1e-12).all()


@quick
@given(st.integers(1, 12), st.integers(0, 12), probabilities)
def test_sharp_bound_is_reached_by_ones_zeros_and_one_rest(n_epochs, n_ones, rest):
    own = np.zeros((n_epochs, 1))
    own[:n_ones] = 1
    own[min(n_ones, n_epochs - 1)] = rest
    sharp = (own**2).sum() / n_epochs - own.mean() ** 2
    v = two_class_map(own).variability[0]
    np.testing.assert_allclose(v**2, sharp, rtol=0, atol=1e-12)


@quick
@given(own_probabilities)
def test_measures_stay_within_their_ranges(own):
    streamed = two_class_map(own, measures=STREAMED)
    n_epochs = len(own)
    right = streamed.correctness * n_epochs
    np.testing.assert_allclose(right, np.round(right), rtol=0, atol=1e-9)
    ranges = {
        "confidence": (0, 1),
        "variability": (0, 0.5),
        "correctness": (0, 1),
        "margin": (-1, 1),
        "margin_std": (0, 1),
        "aleatoric": (0, 0.25),
        "threshold_closeness": (0, 0.25),
        "loss": (0, 12 * np.log(10)),
        "el2n": (0, np.sqrt(2)),
        "forgetting": (0, n_epochs + 1),
        "first_learned": (1, n_epochs + 1),
    }
    for name, (low, high) in ranges.items():
        values = streamed.measure(name)
        assert (values >= low - 1e-12).all(), name
        assert (values <= high + 1e-12).all(), name


@quick
@given(own_probabilities, st.randoms(use_true_random=False))
def test_order_of_the_epochs_does_not_change_the_map(own, random):
    order = list(range(len(own)))
    random.shuffle(order)
    one, two = two_class_map(own), two_class_map(own[order])
    np.testing.assert_allclose(one.confidence, two.confidence, rtol=0, atol=1e-12)
    np.testing.assert_allclose(one.variability, two.variability, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(one.correctness, two.correctness)


@quick
@given(st.permutations(range(N_SAMPLES)))
def test_permuted_rows_make_the_permuted_map(order):
    tensor, codes = TENSORS["multiclass"]
    one = arrays_of(record(tensor, codes).to_data_map())
    two = arrays_of(record(tensor[:, order], codes[order]).to_data_map())
    for name, values in one.items():
        moved = values[:, order] if name == "own" else values[order]
        np.testing.assert_array_equal(moved, two[name], err_msg=name)


@quick
@given(
    hnp.arrays(np.float32, (4, 3, 3), elements=st.floats(0, 1, width=32)),
    hnp.arrays(bool, (3, 3)),
)
def test_any_multilabel_float32_streams_like_the_batch(cells, codes):
    data_map = record(cells, codes).to_data_map()
    expected = batch(cells, codes)
    for name in ("confidence", "variability", "correctness", "loss", "el2n"):
        np.testing.assert_allclose(
            data_map.measure(name), expected[name], rtol=0, atol=1e-12, err_msg=name
        )


multiclass_weights = hnp.arrays(
    np.float64, st.tuples(st.integers(1, 6), st.just(4), st.integers(2, 5)),
    elements=st.floats(1e-3, 1),
)  # fmt: skip


@quick
@given(multiclass_weights, st.data())
def test_any_multiclass_tensor_in_any_batches_streams_like_the_batch(weights, data):
    tensor = weights / weights.sum(axis=2, keepdims=True)
    n_columns = tensor.shape[2]
    codes = np.array(data.draw(st.lists(st.integers(0, n_columns - 1), min_size=4,
                                        max_size=4)))  # fmt: skip
    dynamics = TrainingDynamics(codes, classes=range(n_columns), measures=STREAMED)
    for epoch in tensor:
        order = np.array(data.draw(st.permutations(range(4))))
        for rows in np.split(order, [data.draw(st.integers(0, 4))]):
            dynamics.update(epoch[rows], rows)
    data_map = dynamics.to_data_map()
    for name, expected in batch(tensor, codes).items():
        if name not in ("own", "mean_proba"):
            found = data_map.measure(name)
            np.testing.assert_allclose(found, expected, atol=1e-12, err_msg=name)
    c, v = data_map.confidence, data_map.variability
    assert (v**2 <= c * (1 - c) + 1e-12).all()
    margin, deviation = data_map.margin, data_map.margin_std
    assert (deviation**2 <= 1 - margin**2 + 1e-12).all()  # as of a coin in [-1, 1]
    n_right = data_map.correctness * len(tensor)
    np.testing.assert_allclose(n_right, np.round(n_right), rtol=0, atol=1e-9)


def test_values_outside_of_0_and_1_warn_although_they_sum_to_1():
    with pytest.warns(UserWarning, match=r"1 of 2 rows have values outside \[0, 1\]"):
        TrainingDynamics([0, 1]).update([[2.0, -1.0], [0.5, 0.5]])


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("shuffled", [False, True])
def test_resolver_that_fails_late_has_recorded_nothing(n_classes, shuffled):
    n_samples = 100_000  # several chunks
    rng = np.random.default_rng(0)
    y = rng.integers(n_classes, size=n_samples)
    first = rng.dirichlet(np.ones(n_classes), size=n_samples)
    tied = first.copy()
    tied[-1] = 1 / n_classes
    rows = rng.permutation(n_samples) if shuffled else None
    options = {
        "measures": ["loss", "el2n", "forgetting", "first_learned", "mean_proba"],
        "store_trajectories": True,
    }
    failed, plain = (TrainingDynamics(y, **options) for _ in range(2))
    for dynamics in (failed, plain):
        dynamics.update(first, rows)
    with pytest.raises(ValueError, match="resolve_ties returned labels"):
        failed.update(tied, rows, resolve_ties=lambda at: np.full(len(at), 99))
    assert (failed.n_updates == 1).all()
    assert failed.totals.tolist() == plain.totals.tolist()
    for dynamics in (failed, plain):
        dynamics.update(tied, rows)
    one, two = failed.to_data_map().to_frame(), plain.to_data_map().to_frame()
    pd.testing.assert_frame_equal(one, two, check_exact=True)
    np.testing.assert_array_equal(
        failed.to_data_map().trajectories, plain.to_data_map().trajectories
    )


NAMED_Y = pd.Series(["ham", "spam", "spam"], index=["r0", "r1", "r2"])
NAMED_PROBA = pd.DataFrame(
    [[0.9, 0.1], [0.4, 0.6], [0.3, 0.7]], index=NAMED_Y.index, columns=["ham", "spam"]
)


@pytest.mark.parametrize("columns", [["ham", "spam"], ["spam", "ham"]])
@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1]])
def test_frame_of_probabilities_is_matched_by_its_names(columns, order):
    proba = NAMED_PROBA[columns].iloc[order]
    dynamics = TrainingDynamics(NAMED_Y)
    dynamics.update(proba)
    assert dynamics.to_data_map().confidence.tolist() == [0.9, 0.6, 0.7]
    map_ = DataMap.from_probabilities([proba, proba], NAMED_Y)
    assert map_.confidence.tolist() == [0.9, 0.6, 0.7]
    dynamics = TrainingDynamics(NAMED_Y)
    dynamics.update(proba.loc[["r2", "r0"]], rows=[0, 2])
    dynamics.update(proba.loc[["r1"]], rows=[1])
    assert dynamics.to_data_map().confidence.tolist() == [0.9, 0.6, 0.7]


def test_frame_without_names_is_taken_by_position():
    dynamics = TrainingDynamics(NAMED_Y)
    dynamics.update(pd.DataFrame(NAMED_PROBA.to_numpy()))
    assert dynamics.to_data_map().confidence.tolist() == [0.9, 0.6, 0.7]


@pytest.mark.parametrize(
    ("proba", "message"),
    [
        (NAMED_PROBA.set_axis(["no", "yes"], axis=1), r"columns .*\['no', 'yes'\]"),
        (NAMED_PROBA.set_axis(["ham", "ham"], axis=1), r"columns of proba"),
        (NAMED_PROBA.set_axis(["r0", "r1", "r3"]), r"index of proba .* not that"),
        (NAMED_PROBA.set_axis(["r0", "r1", "r1"]), r"index of proba .* not that"),
        (NAMED_PROBA.set_axis([5, 6, 7]), r"index of proba .* not that"),
    ],
)
def test_frame_of_other_names_is_refused(proba, message):
    dynamics = TrainingDynamics(NAMED_Y)
    with pytest.raises(ValueError, match=message):
        dynamics.update(proba)
    assert dynamics.n_epochs == 0


def test_tuple_of_outputs_is_refused_with_the_part_to_pass():
    logits, hidden = np.zeros((3, 2)), np.zeros((3, 8))
    output = namedtuple("PredictionOutput", "predictions label_ids metrics")
    dynamics = TrainingDynamics(NAMED_Y)
    with pytest.raises(ValueError, match=r"Pass the logits .* alone: proba\[0\]"):
        dynamics.update((logits, hidden), logits=True)
    with pytest.raises(ValueError, match=r"alone: its \.predictions"):
        dynamics.update(output(logits, np.zeros(3), {}), logits=True)


def test_masked_probabilities_are_refused():
    proba = np.ma.masked_array(NAMED_PROBA.to_numpy(), mask=[[0, 1], [0, 0], [0, 0]])
    with pytest.raises(ValueError, match="masked array in which 1 values are masked"):
        TrainingDynamics(NAMED_Y).update(proba)
