"""What is said of the package in more than one place is said alike."""

import ast
import inspect
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import sklearn_datamaps

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
    "project"
]


def test_version_is_the_same_everywhere():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {sklearn_datamaps.__version__}\n" in citation


# Where users import from, and what of it is public.
HOMES = {
    "sklearn_datamaps": sklearn_datamaps.__all__,
    "sklearn_datamaps.dask": ["DataMapClassifier", "vectorize"],
    "sklearn_datamaps.datasets": ["fetch_go_emotions"],
    "sklearn_datamaps.huggingface": ["DataMapCallback"],
    "sklearn_datamaps.out_of_core": ["open_matrix", "read_rows", "vectorize_to_disk"],
}
PUBLIC = [(home, name) for home, names in HOMES.items() for name in names]


def public_object(home, name):
    return getattr(pytest.importorskip(home), name)


def test_reference_lists_every_public_name_where_it_is_imported_from():
    reference = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    parts = re.split(r"^\.\. currentmodule:: (\S+)$", reference, flags=re.MULTILINE)
    listed = {
        (home, name)
        for home, part in zip(parts[1::2], parts[2::2], strict=True)
        for name in re.findall(r"^   (\w+)$", part, flags=re.MULTILINE)
    }
    assert listed == set(PUBLIC)


@pytest.mark.parametrize("home", [home for home in HOMES if home.count(".")])
def test_modules_for_users_name_what_is_public(home):
    module = pytest.importorskip(home)
    assert sorted(getattr(module, "__all__", HOMES[home])) == HOMES[home]


def test_type_checkers_see_the_names_that_are_loaded_on_first_use():
    tree = ast.parse(Path(sklearn_datamaps.__file__).read_text(encoding="utf-8"))
    (checked,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.name: node.module.removeprefix("sklearn_datamaps.")
        for node in checked.body
        for alias in node.names
    }
    assert seen == sklearn_datamaps._PUBLIC
    assert sorted(seen) == sorted(sklearn_datamaps.__all__)


@pytest.mark.parametrize(("home", "name"), PUBLIC)
def test_public_names_say_since_when(home, name):
    versions = re.findall(
        r"^\.\. versionadded:: (\S+)$",
        inspect.getdoc(public_object(home, name)),
        flags=re.MULTILINE,
    )
    assert len(versions) == 1
    now = [int(part) for part in sklearn_datamaps.__version__.split(".")[:2]]
    assert [int(part) for part in versions[0].split(".")] <= now


# A page to look at, which nobody has to name: it shows itself in a notebook.
UNNAMED = {"ExplorerPage"}


def test_doors_of_public_classes_lead_to_public_classes():
    """What a method of a public class returns can be looked up in the reference."""
    ours = {
        node.name
        for path in Path(sklearn_datamaps.__file__).parent.rglob("*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef)
    }
    template = (ROOT / "docs" / "_templates" / "class.rst").read_text(encoding="utf-8")
    (excluded,) = re.findall(r":exclude-members: (.*)", template)
    returned = set()
    for home, name in PUBLIC:
        cls = public_object(home, name) if ".dask" not in home else None
        if not inspect.isclass(cls):
            continue
        for member, method in inspect.getmembers(cls, callable):
            listed = not member.startswith("_") and member not in excluded.split(", ")
            if listed and inspect.isroutine(method):
                answer = inspect.signature(method).return_annotation
                written = answer if isinstance(answer, str) else repr(answer)
                written = written.replace("Self", name)
                returned |= set(re.findall(r"[A-Z]\w+", written)) & ours
    displays = {name for name in sklearn_datamaps.__all__ if name.endswith("Display")}
    assert returned >= {"DataMap", "DataMapComparison", "DataMapDisplay"}
    assert returned - UNNAMED <= set(sklearn_datamaps.__all__)
    assert displays <= returned


def test_extra_of_all_has_what_the_others_have():
    extras = PROJECT["optional-dependencies"]
    (everything,) = extras["all"]
    named = set(re.findall(r"\w+", everything.partition("[")[2]))
    # test brings dask; dev is for working on the package.
    assert named | {"all", "dask", "dev"} == set(extras)


def test_start_page_has_every_extra():
    page = (ROOT / "docs" / "start.md").read_text(encoding="utf-8")
    (table,) = re.findall(r"^\| extra \|.*?\n\n", page, re.MULTILINE | re.DOTALL)
    first_cells = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    named = set(re.findall(r"`(\w+)`", " ".join(first_cells)))
    assert named | {"all"} == set(PROJECT["optional-dependencies"])


def test_commands_that_errors_name_install_an_extra_that_there_is():
    """From a checkout as well: what is installed already is asked for its extra."""
    package = Path(sklearn_datamaps.__file__).parent
    sources = [path.read_text(encoding="utf-8") for path in package.rglob("*.py")]
    commands = re.findall(r"pip install.*", "\n".join(sources))
    named = [re.match(r'pip install "sklearn-datamaps\[(\w+)\]"', c) for c in commands]
    assert len(named) >= 3
    assert None not in named
    assert {found[1] for found in named} <= {*PROJECT["optional-dependencies"]}


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
from sklearn_datamaps import LabelAudit, ReviewProgress, apply_review, audit_labels

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
audit: LabelAudit = audit_labels(clf, proba[0], [0, 1, 1])
progress: ReviewProgress = audit.update(audit.review(n=2))
left: float = progress.remaining
y_corrected, kept = apply_review([0, 1, 1], audit.review())
n_kept: int = int(kept.sum())
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
    assert error.startswith("wrong.py:7: error: Missing positional argument")
