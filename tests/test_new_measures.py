"""One entry in the registry, and a measure is wherever measures are."""

import gzip
import json
import re
from base64 import b64decode

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris

from sklearn_datamaps import (
    DataMap,
    DataMapClassifier,
    DataMapSampler,
    TrainingDynamics,
    audit_labels,
    stability,
)
from sklearn_datamaps._cli.answers import annotated, reserved
from sklearn_datamaps._cli.parser import main
from sklearn_datamaps._cli.rows import select_rows
from sklearn_datamaps._core.registry import Measure, Stream, registered, summed
from sklearn_datamaps._io.tables import read_table


def update_lowest(state, at, epoch):
    state["least_own"][at] = np.minimum(state["least_own"][at], epoch.own)


LOWEST = Measure(
    "lowest",
    ascending=True,
    stream=Stream(
        init=lambda shape, n_classes: {"least_own": np.full(shape, np.inf)},
        update=update_lowest,
        finish=lambda state, count: np.where(count > 0, state["least_own"], np.nan),
    ),
)
WAVERING = Measure(
    "wavering",
    ascending=False,
    formula=lambda correctness: correctness * (1 - correctness),
    of=("correctness",),
)
NEW = ["lowest", "wavering"]


@pytest.fixture(autouse=True)
def new_measures():
    with registered(LOWEST, WAVERING):
        yield


@pytest.fixture(scope="module")
def iris():
    return load_iris(return_X_y=True)


def run_of(seed=0, n_classes=3, **params):
    rng = np.random.default_rng(seed)
    proba = rng.dirichlet(np.ones(n_classes), size=(5, 40))
    y = np.arange(40) % n_classes
    options = {"measures": ["lowest"], "store_trajectories": True, **params}
    return DataMap.from_probabilities(proba, y, **options), proba, y


def test_values_are_those_of_the_batch_formulas():
    data_map, proba, y = run_of()
    own = proba[:, np.arange(40), y]
    right = (proba.argmax(axis=2) == y).mean(axis=0)
    np.testing.assert_array_equal(data_map.measure("lowest"), own.min(axis=0))
    np.testing.assert_allclose(data_map.measure("wavering"), right * (1 - right))


def test_multilabel_rows_in_parts_merged_and_rolled_back():
    rng = np.random.default_rng(0)
    cells, y = rng.uniform(size=(4, 10, 3)), rng.integers(2, size=(10, 3))
    one, two = (
        TrainingDynamics(y, multilabel=True, measures=["lowest"]) for _ in range(2)
    )
    for epoch in cells:
        one.update(epoch[:6], np.arange(6))
        two.update(epoch[6:], np.arange(6, 10))
    two.checkpoint()
    two.update(np.where(y[6:], 0.0, 1.0), np.arange(6, 10))
    two.rollback()
    own = np.where(y, cells, 1 - cells)
    found = one.merge(two).to_data_map().measure("lowest")
    np.testing.assert_array_equal(found, own.min(axis=0))


def test_mean_over_epochs_takes_one_function():
    entropy = summed("rest", lambda epoch: 1 - epoch.own)
    with registered(Measure("rest", ascending=False, stream=entropy)):
        data_map, _, _ = run_of(measures=["rest"])
        rest = 1 - data_map.confidence
        np.testing.assert_allclose(data_map.measure("rest"), rest, atol=1e-15)


def test_rank_and_table_have_them():
    data_map, _, _ = run_of()
    frame = data_map.to_frame()
    assert set(NEW) <= set(data_map.measure_names()) & set(frame.columns)
    for name, sign in zip(NEW, (1, -1), strict=True):
        values = data_map.measure(name)
        np.testing.assert_array_equal(frame[name], values)
        expected = np.argsort(sign * values, kind="stable")
        np.testing.assert_array_equal(data_map.rank(name), expected)
        assert name in data_map.review(n=3, by=name)
    with pytest.raises(ValueError, match="'wavering' is a column of the map itself"):
        data_map.with_columns(wavering=np.zeros(40))


def test_map_without_it_says_how_to_record_it():
    data_map, _, _ = run_of(measures=())
    assert "lowest" not in data_map.to_frame()
    message = r"'lowest' was not recorded\. Fit with measures=\['lowest'\]"
    with pytest.raises(ValueError, match=message):
        data_map.rank("lowest")


def test_average_and_stability_have_them():
    runs = [run_of(seed)[0] for seed in range(3)]
    both = DataMap.average(runs)
    for name in NEW:
        expected = np.mean([run.measure(name) for run in runs], axis=0)
        np.testing.assert_allclose(both.measure(name), expected, atol=1e-15)
    assert both.to_frame().columns.tolist() == runs[0].to_frame().columns.tolist()
    assert set(NEW) <= set(stability(runs).index)
    assert set(NEW) <= set(runs[0].compare(runs[1]).spearman.index)


def test_average_takes_medians_where_an_entry_says_so():
    counts = summed("n_sure", lambda epoch: epoch.own > 0.5)
    with registered(Measure("n_sure", False, stream=counts, average="median")):
        runs = [run_of(seed, measures=["n_sure"])[0] for seed in range(3)]
        expected = np.median([run.measure("n_sure") for run in runs], axis=0)
        averaged = DataMap.average(runs).measure("n_sure")
        np.testing.assert_array_equal(averaged, expected)


def test_explorer_has_them_in_its_menu(tmp_path):
    pytest.importorskip("plotly")
    data_map, _, _ = run_of()
    page = data_map.explore(tmp_path / "map.html").read_text(encoding="utf-8")
    header = json.loads(re.search(r'id="header"[^>]*>(.*?)</script>', page)[1])
    assert set(NEW) <= set(header["measures"])
    block = re.search(r'data-block="wavering">(.*?)</script>', page)[1]
    sent = np.frombuffer(gzip.decompress(b64decode(block)), dtype="<f4")
    np.testing.assert_allclose(sent, data_map.measure("wavering"), atol=1e-7)


@pytest.mark.parametrize("name", NEW)
def test_sampler_records_and_drops_by_them(name, iris):
    classifier = DataMapClassifier(random_state=0, n_epochs=4)
    sampler = DataMapSampler(classifier, drop=name, fraction=0.2, min_per_class=0)
    sampler.fit_resample(*iris)
    dropped = sampler.data_map_.rank(name, n_samples=30)
    assert set(sampler.sample_indices_) == set(range(150)) - set(dropped.tolist())


def test_audit_shows_what_its_map_has(iris):
    audit = audit_labels(
        DataMapClassifier(n_epochs=2), *iris, n_repeats=2, random_state=0
    )
    shown = audit.to_frame(5)
    expected = audit.data_map.measure("wavering")[shown["position"]]
    np.testing.assert_array_equal(shown["wavering"], expected)


def test_command_line_writes_and_reserves_them(tmp_path, capsys):
    rng = np.random.default_rng(0)
    x, label = rng.normal(size=60), np.arange(60) % 2
    file = tmp_path / "rows.csv"
    cells = {"label": np.array(["a", "b"])[label], "x": x + label, "wavering": x}
    cells["colour"] = np.array(["red", "blue", "green"])[np.arange(60) % 3]
    pd.DataFrame(cells).to_csv(file, index=False)
    command = ["map", str(file), "--label", "label", "--features", "x,colour,wavering"]
    assert main([*command, "--out", str(tmp_path / "out"), "--quiet"]) == 0
    written = pd.read_csv(tmp_path / "out" / "data_map.csv")
    np.testing.assert_allclose(written["wavering"], x)
    right = written["correctness"]
    np.testing.assert_allclose(written["datamap_wavering"], right * (1 - right))
    assert set(NEW) <= reserved()


def test_command_line_writes_a_streamed_one_that_was_recorded(tmp_path):
    file = tmp_path / "rows.csv"
    file.write_text("label,x\n" + "a,1\nb,2\n" * 20)
    table = read_table(file)
    data_map, _, _ = run_of(n_classes=2)
    written = annotated(
        table, select_rows(table, "label").positions, data_map, data_map.to_frame()
    )
    np.testing.assert_array_equal(written["lowest"], data_map.measure("lowest"))
