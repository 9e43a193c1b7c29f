"""Every block of Python in the guide is run, page by page, from its top to its end."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

import sklearn_datamaps

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted([DOCS / "index.md", *DOCS.glob("guide/*.md")])
# Run below, where what they say is compared as well.
COMPARED = {"large_data", "out_of_fold", "wrong_labels"}


def blocks(page):
    text = page.read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


def run(page):
    namespace = {"__name__": page.stem}
    for block in blocks(page):
        exec(compile(block, str(page), "exec"), namespace)
    return namespace


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if blocks(page) and page.stem not in COMPARED],
    ids=lambda page: page.stem,
)
def test_page_runs_as_it_stands(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(page)


@pytest.mark.parametrize(
    "client",
    [
        {"processes": False, "dashboard_address": ":0"},
        # Nightly: workers in processes of their own, as on the page, take seconds to
        # start; on every run, tests/dask has fits on such.
        pytest.param({}, marks=pytest.mark.nightly),
    ],
    ids=["threads", "processes"],
)
def test_page_of_large_data_runs_as_it_stands(tmp_path, monkeypatch, capsys, client):
    distributed = pytest.importorskip("distributed", reason="needs the extra dask")

    class Client(distributed.Client):
        def __init__(self):
            super().__init__(**client)

    monkeypatch.setattr(distributed, "Client", Client)
    monkeypatch.chdir(tmp_path)
    run(DOCS / "guide" / "large_data.md")
    assert "DataMap: 4,000 rows" in capsys.readouterr().out


def test_what_the_pages_say_of_their_results_holds(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    folds = run(DOCS / "guide" / "out_of_fold.md")
    map_with_folds = folds["out_of_fold"]
    assert map_with_folds.meta["recording"] == "out-of-fold"
    assert folds["in_sample"].meta["recording"] == "in-sample"
    memorization = map_with_folds.measure("memorization")
    top = memorization[folds["memorized"]].min()
    assert top > np.quantile(memorization, 0.98)
    audit = run(DOCS / "guide" / "wrong_labels.md")
    assert "Reviewed 100, wrong 0" in capsys.readouterr().out
    assert audit["suspects"].shape == (100,)
    assert len(audit["y_kept"]) == 1797 - round(0.02 * 1797)


@pytest.mark.nightly  # the README has the same lines, run every time
def test_tutorial_of_the_start_page_runs_as_it_stands(
    go_emotions, tmp_path, monkeypatch, capsys
):
    assert len(go_emotions.data) == 43_410
    monkeypatch.chdir(tmp_path)
    run(DOCS / "start.md")
    assert "(not gratitude 130, gratitude 18)" in capsys.readouterr().out


def test_pages_are_found():
    assert {"measures", "review", "large_data"} <= {page.stem for page in PAGES}


def test_blocks_that_need_a_library_are_run_where_it_is_installed():
    marked = re.compile(r"^```python (\w+)$", flags=re.MULTILINE)
    found = [name for page in PAGES for name in marked.findall(page.read_text("utf-8"))]
    tests = DOCS.parent / "tests" / "integrations" / "test_guide_recipes.py"
    recipes = re.findall(r'recipe\("(\w+)"\)', tests.read_text(encoding="utf-8"))
    assert found
    assert found == recipes


def test_files_of_the_reference_code_are_read_as_shown(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("training_dynamics").mkdir()
    for epoch in range(6):
        record = {"guid": "a", f"logits_epoch_{epoch}": [0, epoch + 2], "gold": 1}
        path = Path(f"training_dynamics/dynamics_epoch_{epoch}.jsonl")
        path.write_text(json.dumps(record))
    record = {"guid": "a", "confidence": 0.9, "variability": 0.1, "correctness": 4}
    Path("td_metrics.jsonl").write_text(json.dumps(record))
    page = (DOCS / "guide" / "own_loop.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```text\n(.*?)```", page, flags=re.DOTALL)
    namespace = {
        "read_training_dynamics": sklearn_datamaps.read_training_dynamics,
        "read_coordinates": sklearn_datamaps.read_coordinates,
    }
    first, second = shown.splitlines()
    exec(first, namespace)
    assert namespace["data_map"].n_epochs == 5
    exec(second, namespace)
    assert namespace["data_map"].n_epochs == 4


def test_limits_show_what_the_notebook_measured():
    path = DOCS.parent / "notebooks" / "go_emotions_gratitude.ipynb"
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    (cell,) = [c for c in cells if "def accuracies(" in "".join(c["source"])]
    (output,) = cell["outputs"]
    table = [line.rsplit(maxsplit=2) for line in output["data"]["text/plain"][1:]]
    measured = {name: (emotions, digits) for name, emotions, digits in table}
    page = (DOCS / "guide" / "limits.md").read_text(encoding="utf-8")
    said = re.findall(r"from (\.\d+) to\s(\.\d+) on (digits|six emotions)", page)
    assert {name: (f"0{low}", f"0{high}") for low, high, name in said} == {
        name: (measured["errors planted"][at], measured["200 by audit"][at])
        for at, name in enumerate(["six emotions", "digits"])
    }
