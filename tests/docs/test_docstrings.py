"""Examples of public classes, and that no example of any docstring is passed over.

``--doctest-modules`` runs the examples of a module's own functions and classes. A class
that names the package as its home is none of them, so its examples are run here.
"""

import ast
import doctest
import importlib
import inspect
from pathlib import Path

import pytest

import sklearn_datamaps

PACKAGE = Path(sklearn_datamaps.__file__).parent
HOMES = ["sklearn_datamaps"]
try:
    import sklearn_datamaps.dask

    HOMES.append("sklearn_datamaps.dask")
except ImportError:  # the extra is not installed
    pass
CLASSES = [
    (home, name)
    for home in HOMES
    for name in importlib.import_module(home).__all__
    if inspect.isclass(getattr(importlib.import_module(home), name))
]
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def examples_of(home, name):
    cls = getattr(importlib.import_module(home), name)
    found = doctest.DocTestFinder().find(cls, f"{home}.{name}", module=False, globs={})
    return [test for test in found if test.examples]


@pytest.mark.parametrize(("home", "name"), CLASSES)
def test_examples_of_public_classes(home, name):
    tests = examples_of(home, name)
    assert tests, "no example"
    for test in tests:
        test.globs["__name__"] = "__main__"
        doctest.DebugRunner(optionflags=FLAGS).run(test)


def names_with_examples(path):
    """Qualified names of what has an example in its docstring, as written."""

    def walk(node, prefix):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.ClassDef):
                name = f"{prefix}.{child.name}"
                if ">>> " in (ast.get_docstring(child) or ""):
                    yield name
                yield from walk(child, name)

    module = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    return module, set(walk(ast.parse(path.read_text(encoding="utf-8")), module))


def test_every_example_is_run():
    written, run = set(), set()
    for path in sorted(PACKAGE.rglob("*.py")):
        module, names = names_with_examples(path)
        if path.name == "__main__.py" or (".dask" in module and len(HOMES) == 1):
            continue
        written |= names
        loaded = importlib.import_module(module)
        found = doctest.DocTestFinder().find(loaded, module)
        run |= {test.name for test in found if test.examples}
    assert len(written) > 25
    for home, name in CLASSES:
        of_class = {test.name.removeprefix(home) for test in examples_of(home, name)}
        run |= {name for name in written if name.endswith(tuple(of_class))}
    assert written <= run
