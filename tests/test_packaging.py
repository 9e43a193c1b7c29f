"""What is said of the package in more than one place is said alike."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import sklearn_datamaps
from sklearn_datamaps import out_of_core

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
    "project"
]


def test_version_is_the_same_everywhere():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {sklearn_datamaps.__version__}\n" in citation


def test_reference_lists_every_public_name():
    pytest.importorskip("dask", reason="needs the extra dask")
    from sklearn_datamaps import dask

    reference = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^   (\w+)$", reference, flags=re.MULTILINE))
    public = {*sklearn_datamaps.__all__, *dask.__all__, *out_of_core.__all__}
    assert listed == {*public, "fetch_go_emotions", "DataMapCallback"}


def test_extra_of_all_has_what_the_others_have():
    extras = PROJECT["optional-dependencies"]
    (everything,) = extras["all"]
    named = set(re.findall(r"\w+", everything.partition("[")[2]))
    # test brings dask; dev is for working on the package.
    assert named | {"all", "dask", "dev"} == set(extras)


def test_links_of_the_readme_hold_outside_the_repository():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)]+)\)", readme)
    assert links
    assert [link for link in links if not link.startswith("https://")] == []


def test_links_into_the_repository_lead_somewhere():
    base = PROJECT["urls"]["Homepage"]
    pattern = rf"{re.escape(base)}/(?:blob|raw)/main/([\w./-]+)"
    pages = [ROOT / "README.md", *ROOT.glob("docs/**/*.md")]
    found = {
        path
        for page in pages
        if "generated" not in page.parts
        for path in re.findall(pattern, page.read_text(encoding="utf-8"))
    }
    assert found
    assert [path for path in found if not (ROOT / path).exists()] == []


TYPED = """
import numpy as np
from sklearn_datamaps import DataMap, DataMapClassifier, TrainingDynamics, stability

proba = np.full((2, 3, 2), 0.5)
data_map: DataMap = DataMap.from_probabilities(proba, [0, 1, 1])
rows: list[int] = data_map.rank("confidence").tolist()
hard = data_map.region_mask("hard")
n_hard: int = int(hard.sum())
clf = DataMapClassifier(n_epochs=3)
dynamics = TrainingDynamics([0, 1, 1])
dynamics.update(proba[0])
again: DataMap = dynamics.to_data_map()
stability([data_map, again])
"""


def test_a_strictly_typed_script_of_a_user_is_checked(tmp_path):
    pytest.importorskip("mypy", reason="needs the extra test")
    (tmp_path / "right.py").write_text(TYPED)
    wrong = TYPED.replace("(proba, [0, 1, 1])", "(proba)")
    (tmp_path / "wrong.py").write_text(wrong)
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", tmp_path / "c"]
    result = subprocess.run(
        [*command, "right.py", "wrong.py"], cwd=tmp_path, capture_output=True, text=True
    )
    error, _ = result.stdout.splitlines()
    assert error.startswith("wrong.py:6: error: Missing positional argument")
