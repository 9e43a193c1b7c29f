"""What the README shows is run and compared."""

import re
from pathlib import Path

import numpy as np
import pytest

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def block_with(words):
    """The one block of Python that has these words in it."""
    (found,) = [block for block in blocks("python") if words in block]
    return found


def test_gratitude_example_prints_what_the_readme_shows(
    go_emotions, tmp_path, monkeypatch, capsys
):
    assert len(go_emotions.data) == 43_410
    monkeypatch.chdir(tmp_path)
    example = block_with("fetch_go_emotions")
    code = [line for line in example.splitlines() if line and "import" not in line]
    assert len(code) <= 10
    namespace = {}
    exec(example, namespace)
    shown, _ = blocks("text")
    assert shown.strip() in capsys.readouterr().out
    assert (tmp_path / "gratitude.png").stat().st_size > 10_000
    decided = namespace["data_map"].review(n=5)
    other = {"gratitude": "not gratitude", "not gratitude": "gratitude"}
    decided["decision"], decided["new_label"] = "relabel", decided["label"].map(other)
    decided.to_csv("review.csv", index=False)
    exec(block_with("apply_review("), namespace)
    assert (namespace["y_corrected"] != namespace["y"]).sum() == 5


@pytest.mark.parametrize(
    "command",
    [
        "python -m pip install -e . && python -m sklearn_datamaps demo",
        'python -m pip install -e ".[test]" && python -m pytest',
    ],
)
def test_the_two_commands_are_there_letter_by_letter(command):
    assert command in [block.strip() for block in blocks("bash")]


def test_the_loop_on_the_command_line_runs_as_shown(tmp_path, monkeypatch, binary):
    from sklearn_datamaps._cli.parser import main

    monkeypatch.chdir(tmp_path)
    words = np.where(binary[1], "thank you kindly", "no way at all")
    lines = [
        f"{word} {i},{'yes' if y else 'no'}"
        for i, (word, y) in enumerate(zip(words, binary[1], strict=True))
    ]
    text = "\n".join(["comment,emotion", *lines])
    Path("comments.csv").write_text(text, encoding="utf-8")
    for command in blocks("text")[1].splitlines():
        assert main(command.split()[3:]) == 0
    assert Path("corrected.csv").read_text(encoding="utf-8").strip() == text
    assert Path("my-map/data_map.html").exists()
