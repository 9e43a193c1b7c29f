"""Changes of the input that must change nothing but what they name."""

import pickle

import numpy as np
import pandas as pd
import pytest

from sklearn_datamaps import DataMap, TrainingDynamics

MEASURES = ["loss", "el2n", "forgetting", "first_learned", "mean_proba"]
NAMES = ["confidence", "variability", "correctness", "margin", "margin_std", *MEASURES]
N_EPOCHS, N_SAMPLES = 5, 60


def make(n_classes, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(n_classes, size=N_SAMPLES)
    proba = rng.dirichlet(np.ones(n_classes), size=(N_EPOCHS, N_SAMPLES))
    return y, proba


def map_of(proba, y, **options):
    options = {"measures": MEASURES, "store_trajectories": True} | options
    return DataMap.from_probabilities(proba, y, **options)


def check(one, two, rows=slice(None), classes=slice(None)):
    """The second map is the first, at some rows, with its classes in an order."""
    for name in NAMES:
        expected = one.measure(name) if name != "mean_proba" else one.measures[name]
        found = two.measure(name) if name != "mean_proba" else two.measures[name]
        expected = expected[rows]
        if name == "mean_proba":
            expected = expected[:, classes]
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9, err_msg=name)
    np.testing.assert_array_equal(two.regions(), one.regions()[rows])
    np.testing.assert_array_equal(two.trajectories, one.trajectories[:, rows])


@pytest.mark.parametrize("n_classes", [2, 4])
def test_permuted_rows_permute_the_map(n_classes):
    y, proba = make(n_classes)
    rows = np.random.default_rng(1).permutation(N_SAMPLES)
    one, two = map_of(proba, y), map_of(proba[:, rows], y[rows])
    check(one, two, rows)
    np.testing.assert_array_equal(two.predicted, one.predicted[rows])


@pytest.mark.parametrize("n_classes", [2, 4])
def test_renamed_classes_rename_labels_alone(n_classes):
    y, proba = make(n_classes)
    names = np.array(["a", "b", "c", "d"][:n_classes])
    one, two = map_of(proba, y), map_of(proba, names[y])
    check(one, two)
    np.testing.assert_array_equal(two.predicted, names[one.predicted])
    np.testing.assert_array_equal(two.label, names[one.label])


@pytest.mark.parametrize("n_classes", [2, 4])
def test_permuted_classes_permute_what_is_kept_for_each_class(n_classes):
    y, proba = make(n_classes)
    order = np.random.default_rng(2).permutation(n_classes)[::-1]
    one = map_of(proba, y)
    two = map_of(proba[..., order], y, classes=order)
    check(one, two, classes=order)
    np.testing.assert_array_equal(two.predicted, one.predicted)


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("cuts", [[1], [7, 8, 30], list(range(1, N_SAMPLES))])
def test_split_updates_record_the_same(n_classes, cuts):
    y, proba = make(n_classes)
    dynamics = TrainingDynamics(y, measures=MEASURES, store_trajectories=True)
    rng = np.random.default_rng(3)
    for epoch in proba:
        for rows in np.split(rng.permutation(N_SAMPLES), cuts):
            dynamics.update(epoch[rows], rows)
    check(map_of(proba, y), dynamics.to_data_map())


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1], [1, 2, 0]])
def test_order_of_merging_does_not_matter(order):
    y, proba = make(3)
    parts = []
    for rows in np.array_split(np.random.default_rng(4).permutation(N_SAMPLES), 3):
        part = TrainingDynamics(y, measures=MEASURES, store_trajectories=True)
        for epoch in proba:
            part.update(epoch[rows], rows)
        parts.append(part)
    first, *others = (parts[at] for at in order)
    for other in others:
        first.merge(other)
    check(map_of(proba, y), first.to_data_map())


@pytest.mark.parametrize("at", range(N_EPOCHS + 1))
def test_pickling_in_the_middle_changes_nothing(at):
    y, proba = make(3)
    dynamics = TrainingDynamics(y, measures=MEASURES, store_trajectories=True)
    for number, epoch in enumerate(proba):
        if number == at:
            dynamics = pickle.loads(pickle.dumps(dynamics))
        dynamics.update(epoch)
    data_map = dynamics.to_data_map()
    if at == N_EPOCHS:
        data_map = pickle.loads(pickle.dumps(data_map))
    expected = map_of(proba, y).to_frame()
    pd.testing.assert_frame_equal(data_map.to_frame(), expected, check_exact=True)
