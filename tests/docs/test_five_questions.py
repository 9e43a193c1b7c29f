"""A newcomer's five questions: one click from the front page, with code that runs."""

import gzip
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sklearn_datamaps._cli.parser import main

DOCS = Path(__file__).parents[2] / "docs"
FRONT = (DOCS / "index.md").read_text(encoding="utf-8")
QUESTIONS = dict(re.findall(r"^\| (.+\?) \| \{ref\}`(.+)` \|$", FRONT, re.MULTILINE))


def page_with(label):
    """Text of the one page that has a label."""
    pages = [path.read_text(encoding="utf-8") for path in DOCS.glob("guide/*.md")]
    (page,) = [page for page in pages if f"({label})=\n" in page]
    return page


def answer(label):
    """Blocks of the section that a label stands before: (what they are, their text)."""
    heading, section = page_with(label).split(f"({label})=\n\n")[1].split("\n", 1)
    assert heading.startswith("#")
    section = re.split(r"^##+ ", section, flags=re.MULTILINE)[0]
    return re.findall(r"^```([^\n]*)\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def test_the_front_page_has_the_five_questions():
    assert [*QUESTIONS] == [
        "Is this label wrong?",
        "How many labels are wrong?",
        "Why this row?",
        "With my network in PyTorch?",
        "With a CSV file and no Python?",
    ]


@pytest.mark.parametrize(
    ("question", "printed"),
    [
        ("Is this label wrong?", "Audit of 1,797 rows"),
        ("How many labels are wrong?", "measured by the rows at random"),
        ("Why this row?", "row 2: 10 of 10 nearest say 'complaint'"),
    ],
)
def test_first_block_of_the_answer_runs_by_itself(
    question, printed, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    language, code = answer(QUESTIONS[question])[0]
    assert language == "python"
    exec(code, {"__name__": "answer"})
    assert printed in capsys.readouterr().out


def test_count_of_the_answer_holds_the_number_that_is_known(capsys):
    namespace = {"__name__": "answer"}
    exec(answer(QUESTIONS["How many labels are wrong?"])[0][1], namespace)
    low, high = namespace["audit"].n_wrong_interval
    assert low < len(namespace["wrong"]) < high


def test_answer_for_pytorch_runs_by_itself():
    pytest.importorskip("torch", reason="needs the extra integrations")
    ((language, code),) = answer(QUESTIONS["With my network in PyTorch?"])
    assert language == "python torch"
    namespace = {"__name__": "answer"}
    exec(code, namespace)
    assert namespace["data_map"].n_epochs == 5


def test_commands_of_the_answer_run_on_the_file_that_it_offers(
    tmp_path, monkeypatch, capsys
):
    label = QUESTIONS["With a CSV file and no Python?"]
    (offered,) = re.findall(r"\{download\}`.* <(.*)>`", page_with(label))
    file = (DOCS / "guide" / offered).resolve()
    shutil.copy(file, tmp_path)
    monkeypatch.chdir(tmp_path)
    for command in answer(label)[0][1].splitlines():
        python, m, package, *argv = shlex.split(command)
        assert [python, m, package] == ["python", "-m", "sklearn_datamaps"]
        assert main(argv) == 0
    assert "DataMap: 240 rows" in capsys.readouterr().out
    assert (tmp_path / "corrected.csv").read_bytes() == file.read_bytes()


@pytest.mark.nightly  # a process for each command; what they do is tested elsewhere
@pytest.mark.skipif(shutil.which("zcat") is None, reason="needs zcat")
def test_every_command_of_the_page_runs_in_a_shell(tmp_path):
    page = page_with(QUESTIONS["With a CSV file and no Python?"])
    blocks = re.findall(r"^```text\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 3
    comments = (DOCS / "_static" / "comments.csv").read_bytes()
    (tmp_path / "comments.csv").write_bytes(comments)
    (tmp_path / "comments.csv.gz").write_bytes(gzip.compress(comments))
    # Of the shell, python is the one that runs the tests.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    for block in blocks:
        (tmp_path / "corrected.csv").unlink(missing_ok=True)
        shutil.rmtree(tmp_path / "my-map", ignore_errors=True)
        subprocess.run(
            ["bash", "-eo", "pipefail", "-c", block],
            cwd=tmp_path,
            env=os.environ | {"PATH": path},
            check=True,
            capture_output=True,
        )
    corrected = (tmp_path / "corrected.csv.gz").read_bytes()
    assert gzip.decompress(corrected) == comments
