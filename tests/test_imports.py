"""Data flows one way: no module imports, when loaded, what lies downstream of it."""

import ast
import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

import sklearn_datamaps

PACKAGE = Path(sklearn_datamaps.__file__).parent
ANY = None

# What each module may import of ours at module level (section 2 of the design).
MAY_IMPORT = {
    "_measures": set(),
    "_regions": set(),
    "_arrays": set(),
    "_labels": {"_arrays"},
    "_compat": set(),
    "_trust": {"_measures"},
    "_data_map": {"_arrays", "_measures", "_regions", "_trust"},
    "_dynamics": {"_arrays", "_measures", "_data_map", "_labels"},
    "_summary": {"_data_map", "_regions"},
    "_comparison": {"_data_map", "_regions"},
    "_comparison_plot": {"_comparison"},
    "_parquet": {"_data_map", "_regions"},
    "_repeats": {"_measures", "_comparison", "_data_map"},
    "_json_lines": set(),
    "_dynamics_files": {"_dynamics", "_data_map", "_json_lines"},
    "_coordinates_file": {"_data_map", "_json_lines", "_labels"},
    "_stages": {"_labels"},
    "_nets": {"_labels"},
    "_blocks": {"_labels"},
    "_learners": {"_compat", "_labels", "_nets", "_stages"},
    "_epochs": {"_blocks", "_compat", "_labels", "_nets"},
    "_staged_run": {"_blocks", "_epochs", "_labels", "_stages"},
    "_folds": {"_blocks", "_labels"},
    "_training": {
        *("_compat", "_dynamics", "_epochs", "_labels", "_learners", "_nets"),
        *("_staged_run",),
    },
    "_classifier": {
        *("_measures", "_regions", "_labels", "_data_map", "_dynamics"),
        *("_blocks", "_compat", "_learners", "_epochs", "_nets", "_folds", "_training"),
    },
    "_drawing": {"_data_map", "_regions"},
    "_display": {"_data_map", "_regions", "_drawing", "_by_label"},
    "_by_label": {"_data_map", "_regions", "_drawing"},
    "_trajectory_display": {"_data_map", "_drawing"},
    "_explorer": {"_data_map"},
    "_review": {"_data_map", "_labels"},
    "_apply_review": {"_labels", "_review"},
    "_flips": {"_labels"},
    "_wrong_labels": {"_labels"},
    "_candidates": {
        *("_classifier", "_data_map", "_flips", "_labels", "_learners", "_measures"),
        *("_training", "_trust"),
    },
    "_audit": {"_candidates", "_data_map", "_flips", "_labels"},
    "_audit_labels": {
        *("_audit", "_candidates", "_classifier", "_data_map", "_flips", "_labels"),
        *("_learners", "_trust", "_wrong_labels"),
    },
    "_review_progress": {"_apply_review", "_audit", "_labels"},
    "_audit_plot": {"_audit"},
    "_selection": set(),
    "_sampling_rule": {"_data_map", "_measures", "_regions", "_selection"},
    "_sampler_tags": set(),
    "_sampler": {
        *("_classifier", "_data_map", "_compat", "_labels", "_measures"),
        *("_sampling_rule", "_sampler_tags"),
    },
    "_block_tasks": {
        *("_blocks", "_compat", "_dynamics", "_epochs", "_labels", "_learners"),
        "_training",
    },
    "_dask_input": {"_labels"},
    "_dask_blocks": {
        *("_block_tasks", "_compat", "_dask_input", "_labels", "_learners", "_nets"),
    },
    "_dask_map": {"_data_map", "_dynamics", "_labels", "_regions"},
    "_interrupts": set(),
    "dask": {
        *("_classifier", "_dynamics", "_data_map", "_block_tasks", "_blocks"),
        *("_compat", "_dask_blocks", "_dask_input", "_dask_map", "_epochs", "_labels"),
        *("_interrupts", "_learners", "_nets", "_training"),
    },
    "_durable": set(),
    "_text_batches": set(),
    "_text_files": {"_text_batches"},
    "_text_sources": {"_text_batches", "_text_files"},
    "_vectorizers": set(),
    "_shard_labels": set(),
    "_shards": {"_durable", "_shard_labels", "_text_batches"},
    "_matrix_files": {"_durable"},
    "_matrix_journal": set(),
    "_matrix_finish": {
        *("_durable", "_matrix_files", "_matrix_journal", "_shard_labels"),
    },
    "_matrix_building": {
        *("_durable", "_matrix_files", "_matrix_finish", "_matrix_journal", "_shards"),
    },
    "_shard_making": {
        *("_durable", "_interrupts", "_matrix_building", "_shards", "_text_sources"),
    },
    "out_of_core": {
        *("_matrix_building", "_matrix_files", "_shard_labels", "_shard_making"),
        *("_shards", "_text_sources", "_vectorizers"),
    },
    "datasets": set(),
    "_files": set(),
    "_tables": {"_measures", "_data_map", "_files", "_review"},
    "_corrections": {"_apply_review", "_files", "_tables"},
    "_commands": ANY,
    "_drawing_process": ANY,
    "_demo": ANY,
    "_cli": ANY,
    "__main__": ANY,
}
NOT_INTO_INIT = {
    *(
        "dask",
        "_block_tasks",
        "_dask_blocks",
        "_dask_input",
        "_dask_map",
        "_interrupts",
        "out_of_core",
    ),
    *("_cli", "_commands", "_corrections", "_demo", "_drawing_process"),
    *("_files", "_tables", "__main__"),
}

# Slow to load, or optional: imported where they are used.
AT_POINT_OF_USE = {
    *("matplotlib", "seaborn", "plotly", "datasets", "pyarrow", "tqdm"),
    *("dask", "distributed", "torch", "skorch", "transformers"),
}


def name_of(path):
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def loaded_statements(body):
    """Statements that run when the module is loaded, type checking apart."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from loaded_statements(node.orelse)
            continue
        yield node
        yield from loaded_statements(ast.iter_child_nodes(node))


def imported_modules(source):
    """Dotted names of everything imported at module level."""
    names = set()
    for node in loaded_statements(ast.parse(source).body):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports are banned"
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def imported_of_ours(source):
    """First name below the package of every import of ours that is a module."""
    parts = [name.split(".") for name in imported_modules(source)]
    ours = {part[1] for part in parts if part[0] == "sklearn_datamaps" and part[1:]}
    return ours & (MODULES.keys() | MAY_IMPORT.keys())


@pytest.mark.parametrize("name", MODULES)
def test_arrows_run_the_way_of_the_design(name):
    ours = imported_of_ours(MODULES[name].read_text(encoding="utf-8"))
    if name == "__init__":
        assert not ours & NOT_INTO_INIT
        return
    assert name in MAY_IMPORT, (
        f"{name}.py is not in MAY_IMPORT: add it, with the modules of ours that it may "
        f"import, here and to the table of the design."
    )
    allowed = ours if MAY_IMPORT[name] is ANY else MAY_IMPORT[name]
    assert ours <= allowed, f"{name} may not import {sorted(ours - allowed)}"


@pytest.mark.parametrize("name", MODULES)
def test_modules_never_import_the_whole_package(name):
    # "from sklearn_datamaps import DataMap" would hide which module is meant.
    names = imported_modules(MODULES[name].read_text(encoding="utf-8"))
    of_package = {n for n in names if n.startswith("sklearn_datamaps.")}
    unknown = {n.split(".")[1] for n in of_package} - MODULES.keys()
    if name in ("_cli", "__main__"):
        unknown -= {*sklearn_datamaps.__all__, "__version__"}
    assert not unknown


@pytest.mark.parametrize("name", MODULES)
def test_slow_and_optional_libraries_are_imported_where_they_are_used(name):
    names = imported_modules(MODULES[name].read_text(encoding="utf-8"))
    assert AT_POINT_OF_USE.isdisjoint(n.split(".")[0] for n in names)


def test_table_has_no_cycle():
    placed = set()
    waiting = {name: needs for name, needs in MAY_IMPORT.items() if needs is not ANY}
    while waiting:
        ready = {name for name, needs in waiting.items() if needs <= placed}
        assert ready, f"cycle among {sorted(waiting)}"
        placed |= ready
        waiting = {k: v for k, v in waiting.items() if k not in ready}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import a.b", {"a.b"}),
        ("from a import b as c", {"a", "a.b"}),
        ("class C:\n    import a", {"a"}),
        ("try:\n    import a\nexcept ImportError:\n    import b", {"a", "b"}),
        ("if x:\n    import a\nelse:\n    import b", {"a", "b"}),
        ("with x:\n    import a", {"a"}),
        ("def f():\n    import a", set()),
        ("class C:\n    def f(self):\n        import a", set()),
        ("if TYPE_CHECKING:\n    import a\nelse:\n    import b", {"b"}),
        ("if typing.TYPE_CHECKING:\n    import a", set()),
    ],
)
def test_reader_sees_the_imports_that_run_when_a_module_is_loaded(source, expected):
    assert imported_modules(source) == expected


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
    ours = loaded_by("import sklearn_datamaps")
    assert "sklearn_datamaps" in ours
    assert not (ours - theirs) & AT_POINT_OF_USE


def test_every_exported_name_is_importable():
    package = importlib.import_module("sklearn_datamaps")
    missing = [name for name in package.__all__ if not hasattr(package, name)]
    assert not missing
    assert sorted(set(package.__all__)) == list(package.__all__)
