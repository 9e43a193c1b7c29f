"""What of the page needs no browser, under node."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import make_multilabel_classification
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import cohen_kappa_score

import sklearn_datamaps
from sklearn_datamaps import DataMap, DataMapClassifier, audit_labels
from sklearn_datamaps._views.drawing import correctness_bins
from sklearn_datamaps._views.explorer import explore
from sklearn_datamaps._views.page_file import PLAIN_SCRIPTS
from tests.views.test_explorer import Page

PAGE = Path(sklearn_datamaps.__file__).parent / "_views" / "page"
NODE = shutil.which("node")
SGD = SGDClassifier(loss="log_loss")


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


def digits_audit(request, n_rows):
    X, y, _, audit = request.getfixturevalue("audited_digits")
    if n_rows < len(y):
        audit = audit_labels(SGD, X[:n_rows], y[:n_rows] % 2, random_state=0)
    return audit, len(audit.chance)


def multilabel_audit(request, n_rows):
    X, y = make_multilabel_classification(n_rows, n_classes=3, random_state=0)
    classifier = DataMapClassifier(SGD, n_epochs=3, random_state=0)
    audit = audit_labels(classifier, X, y, random_state=0)
    return audit, audit.chance.size


def rounded(number):
    """As a browser may round, whose sums may fall on the other side of a half."""
    return {f"{np.floor(number + 0.5 + slack):,.0f}" for slack in (-1e-9, 1e-9)}


@needs_node
@pytest.mark.parametrize(
    ("audited", "n_rows"),
    [
        *((digits_audit, n_rows) for n_rows in (15, 500, 1797)),
        (multilabel_audit, 200),
    ],
)
def test_forecast_of_the_page_is_that_of_update(request, tmp_path, audited, n_rows):
    pytest.importorskip("plotly", reason="needs plotly: pip install plotly")
    audit, n_labels = audited(request, n_rows)
    page = Page(explore(audit.data_map, tmp_path / "map.html"))
    rank = page.array("rank")
    rng = np.random.default_rng(n_rows)
    whole = audit.review(n=None)
    columns = audit.chance.shape[1] if audit.chance.ndim == 2 else 1
    names = list(audit.data_map.classes)

    def cells_of(review):
        cells = review["position"].to_numpy() * columns
        if columns > 1:
            cells += np.array([names.index(name) for name in review["label_name"]])
        return cells

    cells = cells_of(whole)
    where = {cell: at for at, cell in enumerate(cells.tolist())}
    decided, expected = [], []
    for n_read in (1, 7, n_labels // 3, n_labels - 50, n_labels - 1, n_labels):
        if n_read < 1:
            continue
        for share in (0.0, 0.3, 1.0):
            rows = rng.permutation(n_labels)[:n_read]
            wrong = rng.random(n_read) < share
            review = whole.iloc[rows].assign(decision=np.where(wrong, "drop", "keep"))
            expected.append(audit.update(review))
            ranks = rank[cells[rows]].tolist()
            pairs = list(zip(ranks, wrong.tolist(), strict=True))
            decided.append({"pairs": pairs})
    for n, n_random in ((1, 4), (5, 30), (n_labels // 3, 100)):
        review = audit.review(n=n, n_random=n_random)
        at = np.array([where[cell] for cell in cells_of(review)])
        ranks = rank[cells[at]]
        draw = {"n": n, "nRandom": n_random, "ranks": ranks.tolist()}
        # All of it, some of it, and what comes next.
        for rows in (at, at[: len(at) // 2], np.union1d(at, np.arange(n_labels // 2))):
            for share in (0.0, 0.2):
                wrong = rng.random(len(rows)) < share + (1 - share) * 0.5 * (
                    rank[cells[rows]] > n_labels / 2
                )
                decided_rows = whole.iloc[rows].assign(
                    decision=np.where(wrong, "drop", "keep"),
                    drawn=review["drawn"].iloc[0],
                )
                expected.append(audit.update(decided_rows))
                ranks = rank[cells[rows]].tolist()
                pairs = list(zip(ranks, wrong.tolist(), strict=True))
                decided.append({"pairs": pairs, "draw": draw})
    cases = tmp_path / "cases.json"
    given = {"chance": page.array("chance").tolist(), "decided": decided}
    cases.write_text(json.dumps({**given, "rules": page.header["forecast"]}))
    program = f"""
        const text = require("node:fs").readFileSync({json.dumps(str(cases))}, "utf-8");
        const {{ chance, rules, decided }} = JSON.parse(text);
        const forecast = forecaster(Float64Array.from(chance), rules);
        console.log(JSON.stringify(decided.map(({{ pairs, draw }}) => {{
          const drawn = draw && {{ ...draw, ranks: new Set(draw.ranks) }};
          const found = forecast(new Map(pairs), drawn);
          return {{ ...found, said: forecastSaid(found) }};
        }})));"""
    found = json.loads(run_node(tmp_path, program))
    for ours, update in zip(found, expected, strict=True):
        assert ours["nRead"] == update.n_reviewed
        assert ours["nFound"] == update.n_found
        assert ours["nNext"] == update.n_next
        assert ours["stop"] == update.stop
        assert ours["isMeasured"] == (update.measured is not None)
        np.testing.assert_allclose(ours["upcoming"], update.next_found, rtol=1e-9)
        np.testing.assert_allclose(
            ours["remaining"], update.remaining, rtol=1e-9, atol=1e-9
        )
        if update.n_next:
            advice = "stop" if update.stop else "go on"
            left = [f", of all unread about {n}" for n in rounded(update.remaining)]
            assert ours["said"] in {
                f"of the next {update.n_next} about {n}{told}; {advice}"
                for n in rounded(update.next_found)
                for told in (left if update.measured is not None else [""])
            }
        else:
            assert ours["said"] == "every label is read"


@needs_node
@pytest.mark.parametrize("n_answers", [2, 5])
def test_kappa_of_the_page_is_that_of_scikit_learn(tmp_path, n_answers):
    rng = np.random.default_rng(0)
    cases = []
    for n_rows in (2, 10, 200):
        mine, other = rng.integers(n_answers, size=(2, n_rows))
        theirs = np.where(rng.random(n_rows) < 0.6, mine, other)
        mine[0], theirs[0] = 0, 1  # not all of one answer
        cases.append([[f"= {a}", f"= {b}"] for a, b in zip(mine, theirs, strict=True)])
    program = f"console.log(JSON.stringify({json.dumps(cases)}.map(agreement)));"
    found_of = json.loads(run_node(tmp_path, program))
    for found, pairs in zip(found_of, cases, strict=True):
        mine, theirs = zip(*pairs, strict=True)
        assert found["n"] == len(pairs)
        assert found["nAgreed"] == sum(a == b for a, b in pairs)
        np.testing.assert_allclose(
            found["kappa"], cohen_kappa_score(mine, theirs), atol=1e-12
        )
