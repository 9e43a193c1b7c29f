"""Every block of Python in the guide is run, page by page, from its top to its end."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted([DOCS / "index.md", *DOCS.glob("guide/*.md")])


def blocks(page):
    text = page.read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize(
    "page", [page for page in PAGES if blocks(page)], ids=lambda page: page.stem
)
def test_page_runs_as_it_stands(page, tmp_path, monkeypatch):
    if page.stem == "large_data":
        distributed = pytest.importorskip("distributed", reason="needs the extra dask")

        class Client(distributed.Client):
            """Its workers are threads: processes take seconds to start."""

            def __init__(self):
                super().__init__(processes=False, dashboard_address=":0")

        monkeypatch.setattr(distributed, "Client", Client)
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": page.stem}
    for block in blocks(page):
        exec(compile(block, str(page), "exec"), namespace)


def test_pages_are_found():
    assert {"measures", "review", "large_data"} <= {page.stem for page in PAGES}


def test_blocks_that_need_a_library_are_recipes_that_are_tested():
    """They stand in the README, too, from where the integrations run them."""
    readme = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    marked = re.compile(r"^```python \w+\n.*?^```", flags=re.DOTALL | re.MULTILINE)
    found = [block for page in PAGES for block in marked.findall(page.read_text())]
    assert found
    assert all(block in readme for block in found)
