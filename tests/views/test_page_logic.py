"""What of the page needs no browser, under node."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import sklearn_datamaps
from sklearn_datamaps import DataMap
from sklearn_datamaps._views.drawing import correctness_bins
from sklearn_datamaps._views.explorer import PLAIN_SCRIPTS

PAGE = Path(sklearn_datamaps.__file__).parent / "_views" / "page"
NODE = shutil.which("node")


needs_node = pytest.mark.skipif(
    NODE is None, reason="needs node: apt-get install nodejs"
)


def run_node(tmp_path, program, *options):
    """What is printed by a program behind the scripts of the page."""
    parts = [(PAGE / name).read_text(encoding="utf-8") for name in PLAIN_SCRIPTS]
    script = tmp_path / "page_logic.js"
    source = "\n".join(['"use strict";', *parts, "{", program, "}"])
    script.write_text(source, encoding="utf-8")
    command = [NODE, *options, str(script)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


@needs_node
def test_logic_of_the_page(tmp_path):
    program = Path(__file__).with_name("page_logic.js").read_text(encoding="utf-8")
    told = run_node(tmp_path, program, "--test", "--test-reporter=tap")
    n_tests = program.count("\ntest(")
    assert n_tests > 12
    assert f"# pass {n_tests}\n" in told


@needs_node
@pytest.mark.parametrize(
    ("n_epochs", "n_classes", "kind", "steps"),
    [
        (1, 2, "Uint16Array", 65534),
        (10, 2, "Uint16Array", 65534),
        (10, 2, "Uint8Array", 254),
        (51, 3, "Uint16Array", 65534),
    ],
)
def test_played_epochs_are_those_of_numpy(tmp_path, n_epochs, n_classes, kind, steps):
    rng = np.random.default_rng(0)
    proba = rng.dirichlet(np.full(n_classes, 0.5), size=(n_epochs, 200))
    proba[:, 0] = np.eye(n_classes)[0]
    data_map = DataMap.from_probabilities(
        proba, rng.integers(n_classes, size=200), store_trajectories=True
    )
    own = data_map.trajectories.astype(np.float64)
    bins, names = correctness_bins(data_map.correctness, n_epochs)
    stored = np.rint(own.T * steps).astype(int).ravel().tolist()
    program = f"""
        const stored = {kind}.from({stored}), n = {n_epochs};
        const right = rightEpochs(stored, n, {data_map.correctness.tolist()});
        const found = [];
        for (let epoch = 1; epoch <= n; epoch++)
          found.push([...momentsUpTo(stored, n, epoch).map((a) => Array.from(a)),
            Array.from(binsUpTo(right, n, epoch, {len(names)}))]);
        console.log(JSON.stringify(found));"""
    found = json.loads(run_node(tmp_path, program))
    right = np.array(
        [proba[e].argmax(axis=1) == data_map.label for e in range(n_epochs)]
    )
    for epoch, (mean, deviation, codes) in enumerate(found, start=1):
        so_far, tolerance = own[:epoch], 0.5 / steps + 1e-6
        np.testing.assert_allclose(mean, so_far.mean(axis=0), atol=tolerance)
        np.testing.assert_allclose(deviation, so_far.std(axis=0), atol=tolerance)
        if n_classes == 2:  # else the epochs that were right are guessed
            count = right[:epoch].sum(axis=0)
            assert (np.array(codes) == 0).tolist() == (count == epoch).tolist()
            never = np.array(codes) == len(names) - 1
            assert never.tolist() == (count == 0).tolist()
    # The last epoch is the map's own.
    np.testing.assert_allclose(mean, data_map.confidence, atol=tolerance)
    np.testing.assert_allclose(deviation, data_map.variability, atol=tolerance)
    assert codes == bins.tolist()
