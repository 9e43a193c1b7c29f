"""The notebook for a class: its exercises can be solved, and end as it says."""

import contextlib
import io
import json
import re
import socket
from pathlib import Path

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "one_hour.ipynb"
CELLS = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]


def test_solutions_print_what_is_below_them(monkeypatch):
    def no_network(*args):
        raise AssertionError("The notebook is to run without a network.")

    monkeypatch.setattr(socket.socket, "connect", no_network)
    namespace = {"__name__": "one_hour"}
    shown, printed = [], []
    for cell in CELLS:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code":
            exec(source, namespace)
        elif "<summary>Solution</summary>" in source:
            code, text = re.findall(r"```(?:python|text)\n(.*?)```", source, re.DOTALL)
            output = io.StringIO()
            with contextlib.redirect_stdout(output):
                exec(code, namespace)
            shown.append(text)
            printed.append(output.getvalue())
    assert len(shown) == 6
    assert printed == shown


def test_every_exercise_has_a_cell_to_work_in_and_a_folded_solution():
    sources = ["".join(cell["source"]) for cell in CELLS]
    exercises = [i for i, text in enumerate(sources) if "### Exercise" in text]
    assert len(exercises) == 6
    for i in exercises:
        assert sources[i + 1] == "# Your turn."
        assert sources[i + 2].startswith("<details>\n<summary>Solution</summary>\n\n")
