"""The recipes of CONTRIBUTING are run as they are written."""

import re
from pathlib import Path

from sklearn_datamaps._core.registry import MEASURES
from sklearn_datamaps._io import tables
from sklearn_datamaps._learners import registry

PAGE = (Path(__file__).parents[2] / "CONTRIBUTING.md").read_text(encoding="utf-8")


def recipe(title):
    """Code of a recipe, and what it prints."""
    section = PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]
    blocks = re.findall(r"```(python|text)\n(.*?)```", section, flags=re.DOTALL)
    (_, code), (_, printed) = blocks
    return code, printed


def test_recipe_of_a_measure_prints_what_it_shows(capsys):
    before = [*MEASURES]
    code, printed = recipe("Add a measure")
    exec(code, {})
    assert capsys.readouterr().out == printed
    assert [*MEASURES] == before


def test_recipe_of_a_learner_prints_what_it_shows(capsys, monkeypatch):
    monkeypatch.setattr(registry, "KINDS", [*registry.KINDS])
    code, printed = recipe("Add a kind of learner")
    exec(code, {"__name__": "recipe"})
    assert capsys.readouterr().out == printed
    assert len(registry.KINDS) == 5


def test_recipe_of_a_view_prints_what_it_shows(capsys):
    code, printed = recipe("Add a view")
    exec(code, {})
    assert capsys.readouterr().out == printed


def test_recipe_of_a_file_format_prints_what_it_shows(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tables, "FORMATS", {**tables.FORMATS})
    code, printed = recipe("Add a file format")
    exec(code, {})
    assert capsys.readouterr().out == printed
    assert ".lines" in tables.FORMATS
