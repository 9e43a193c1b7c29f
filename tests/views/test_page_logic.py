"""What of the page needs no browser, under node."""

import shutil
import subprocess
from pathlib import Path

import pytest

import sklearn_datamaps
from sklearn_datamaps._views.explorer import PLAIN_SCRIPTS

PAGE = Path(sklearn_datamaps.__file__).parent / "_views" / "page"
NODE = shutil.which("node")


@pytest.mark.skipif(NODE is None, reason="needs node: apt-get install nodejs")
def test_logic_of_the_page(tmp_path):
    parts = [PAGE / name for name in PLAIN_SCRIPTS]
    parts.append(Path(__file__).with_name("page_logic.js"))
    script = tmp_path / "page_logic.js"
    source = "\n".join(part.read_text(encoding="utf-8") for part in parts)
    script.write_text(f'"use strict";\n{source}', encoding="utf-8")
    command = [NODE, "--test", "--test-reporter=tap", str(script)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout
    assert "# pass 12" in run.stdout
