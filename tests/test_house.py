"""The house: what its doors show, and what stays unloaded until it is used.

The floors and circles are contracts of import-linter, the libraries that no module
imports at its top a rule of ruff (TID253); both are in pyproject.toml.
"""

import ast
import importlib
import json
import pickle
import re
import subprocess
import sys
from pathlib import Path

import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.naive_bayes import GaussianNB

import sklearn_datamaps
from sklearn_datamaps import DataMapClassifier, DataMapSampler, TrainingDynamics

PACKAGE = Path(sklearn_datamaps.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))

# Slow to load, or optional.
HEAVY = {
    *("matplotlib", "seaborn", "plotly", "datasets", "pyarrow", "tqdm", "PIL"),
    *("dask", "distributed", "torch", "skorch", "transformers"),
}


def imports_of_ours(path):
    """Pairs (module, name) of all imports from the package, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            if node.module.split(".")[0] == "sklearn_datamaps":
                yield from ((node.module, alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
            yield from ((n, "") for n in names if n.split(".")[0] == "sklearn_datamaps")


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_no_module_imports_a_private_name_or_the_whole_package(path):
    # SLF001 of ruff sees private attributes, not private names in imports.
    if path == PACKAGE / "__init__.py":
        return
    for module, name in imports_of_ours(path):
        assert not name.startswith("_"), f"{name} is private to {module}"
        assert module != "sklearn_datamaps", "the package hides which module is meant"


def loaded_by(statement):
    code = f"import json, sys; {statement}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        cwd=PACKAGE.parent,
    )
    return {name.split(".")[0] for name in json.loads(done.stdout)}


def test_import_loads_no_plotting_and_no_data_library():
    # pandas and scikit-learn may load some of them (pyarrow) by themselves.
    theirs = loaded_by("import pandas, sklearn")
    names = ", ".join(sklearn_datamaps.__all__)
    ours = loaded_by(f"from sklearn_datamaps import {names}")
    assert "sklearn_datamaps" in ours
    assert not (ours - theirs) & HEAVY


def test_pictures_of_a_map_do_not_load_seaborn():
    # It takes as long as all the rest, and is needed for a palette by name alone.
    draw = (
        "from sklearn_datamaps import DataMap, TrajectoryDisplay; "
        "proba = [[[0.9, 0.1], [0.2, 0.8]], [[0.4, 0.6], [0.3, 0.7]]]; "
        "made = DataMap.from_probabilities(proba, [0, 1], store_trajectories=True); "
        "made.plot(); TrajectoryDisplay.from_data_map(made, [0]); "
        "made.compare(made).plot()"
    )
    loaded = loaded_by(draw)
    assert "matplotlib" in loaded
    assert "seaborn" not in loaded


def test_every_exported_name_is_importable():
    package = importlib.import_module("sklearn_datamaps")
    missing = [name for name in package.__all__ if not hasattr(package, name)]
    assert not missing
    assert sorted(set(package.__all__)) == list(package.__all__)


def test_pickles_and_reprs_do_not_tell_the_layout():
    X, y = load_iris(return_X_y=True)
    in_sample = DataMapClassifier(GaussianNB(), n_epochs=2)
    with pytest.warns(UserWarning, match="no training dynamics"):
        in_sample.fit(X, y)
    with pytest.warns(UserWarning, match="no training dynamics"):
        held_out = clone(in_sample).set_params(cv=2, random_state=0).fit(X, y)
    data_map = in_sample.data_map_
    for value in (
        *(in_sample, held_out, data_map, data_map.compare(held_out.in_sample_map_)),
        *(TrainingDynamics(y), DataMapSampler(in_sample)),
    ):
        pickled = pickle.dumps(value)
        named = set(re.findall(rb"sklearn_datamaps[.\w]*", pickled))
        assert named == {b"sklearn_datamaps"}, type(value)
        assert type(pickle.loads(pickled)) is type(value)
    for name in sklearn_datamaps.__all__:
        public = getattr(sklearn_datamaps, name)
        if isinstance(public, type):
            assert repr(public) == f"<class 'sklearn_datamaps.{name}'>"


def test_public_names_are_loaded_on_first_use_and_listed_before():
    shown = loaded_by(
        "import sklearn_datamaps; assert 'DataMap' in dir(sklearn_datamaps)"
    )
    assert "sklearn" not in shown
    assert "numpy" not in shown
    with pytest.raises(AttributeError, match="has no attribute 'DataMaps'"):
        sklearn_datamaps.DataMaps  # noqa: B018 (the look-up is what is tested)
