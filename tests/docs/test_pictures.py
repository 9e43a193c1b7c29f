"""Every picture of the notebooks and pages says in words what it shows."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted(ROOT.glob("notebooks/*.ipynb"))
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))]
PAGES += sorted([*ROOT.glob("docs/guide/*.md"), *ROOT.glob("docs/project/*.md")])
LEAST = 20  # characters: more than a name


def of_markdown(text):
    """Alternative texts of the pictures in a page, "" where there is none."""
    yield from re.findall(r"!\[([^\]]*)\]\(", text)
    for options in re.findall(r"```\{image\}.*\n((?::.*\n)*)", text):
        yield "".join(re.findall(r":alt: (.*)", options))
    for tag in re.findall(r"<img [^>]*>", text):
        yield "".join(re.findall(r'alt="([^"]*)"', tag))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_pictures_of_a_page_have_alternative_texts(path):
    texts = [*of_markdown(path.read_text(encoding="utf-8"))]
    assert [text for text in texts if len(text) < LEAST] == []


def test_pictures_of_pages_are_found():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    front = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    assert len([*of_markdown(readme)]) == 2
    assert len([*of_markdown(front)]) == 1


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_pictures_of_a_notebook_have_alternative_texts(path):
    """In the metadata of a cell, from which nbconvert takes it; it outlives a run."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    drawing = [
        cell
        for cell in cells
        if any("image/png" in out.get("data", {}) for out in cell.get("outputs", ()))
    ]
    assert drawing
    texts = [cell["metadata"].get("alt", "") for cell in drawing]
    for cell in cells:
        if cell["cell_type"] == "markdown":
            texts += of_markdown("".join(cell["source"]))
    assert [text for text in texts if len(text) < LEAST] == []
