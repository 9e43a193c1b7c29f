"""What the command line does before it works: help, and arguments that are wrong."""

import importlib.metadata
import subprocess
import sys

import pytest

from sklearn_datamaps._cli.options import KINDS, QUOTING
from sklearn_datamaps._cli.parser import main, program
from sklearn_datamaps._io.reading import Reading
from sklearn_datamaps._io.tables import FORMATS

LOADED = """
import sys
of_python = set(sys.modules)
from sklearn_datamaps.__main__ import main
try:
    code = main(sys.argv[1:])
except SystemExit as end:
    code = end.code
print(code, *sorted(set(sys.modules) - of_python), file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (["--help"], 0),
        (["map", "--help"], 0),
        (["inspect", "--help"], 0),
        (["--version"], 0),
        (["mpa"], 2),
        (["map", "x.csv", "--lable", "y"], 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value,
)
def test_no_library_is_loaded_for_help_or_a_wrong_argument(argv, code):
    process = subprocess.run(
        [sys.executable, "-c", LOADED, *argv], capture_output=True, text=True
    )
    assert process.returncode == 0
    ended, *modules = process.stderr.splitlines()[-1].split()
    assert ended == str(code)
    # What a module of the standard library loads differs from one Python to the next.
    others = {module.partition(".")[0] for module in modules} - sys.stdlib_module_names
    assert others == {"sklearn_datamaps"}
    assert len([module for module in modules if module.startswith("sklearn")]) <= 7


def test_version_is_that_of_the_distribution(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    version = importlib.metadata.version("sklearn-datamaps")
    assert capsys.readouterr().out == f"sklearn-datamaps {version}\n"


@pytest.mark.parametrize(
    ("argv", "meant"),
    [
        (["mpa", "x.csv"], "map"),
        (["map", "x.csv", "--lable", "y", "--text", "t"], "--label"),
        (["map", "x.csv", "--lable=y"], "--label"),
        (["apply", "x.csv", "r.csv", "--otu", "y.csv"], "--out"),
        (["map", "x.csv", "--label", "y", "--text", "t", "--quoting", "nono"], "none"),
        (["demo", "--dataset", "digit"], "digits"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value,
)
def test_what_was_meant(argv, meant, capsys):
    assert main(argv) == 2
    assert f"did you mean {meant}?" in capsys.readouterr().err


@pytest.mark.parametrize("word", ["--zzz", "--zzz=--label"])
def test_what_was_meant_is_not_guessed_from_nothing(word, capsys):
    assert main(["map", "x.csv", word]) == 2
    error = capsys.readouterr().err
    assert "unknown option --zzz (see" in error
    assert "did you mean" not in error


def test_beginnings_of_options_and_files_that_look_like_options(capsys):
    # Both are argparse's own: --tex is --text, and after -- all words are files.
    assert main(["map", "--label", "y", "--tex", "t", "--", "--nowhere.csv"]) == 2
    error = capsys.readouterr().err
    assert "--nowhere.csv" in error
    assert "unknown option" not in error


@pytest.mark.parametrize("quoting", QUOTING)
def test_the_reader_knows_every_quoting(quoting):
    assert Reading(quoting=quoting).quoting == quoting


def test_the_reader_knows_every_kind():
    assert {f".{kind}" for kind in KINDS} <= set(FORMATS)


@pytest.mark.parametrize(
    ("typed", "command"),
    [
        ("/usr/bin/sklearn-datamaps", "sklearn-datamaps"),
        ("sklearn-datamaps.exe", "sklearn-datamaps"),
        ("/x/sklearn_datamaps/__main__.py", "python -m sklearn_datamaps"),
    ],
)
def test_hints_say_the_command_that_was_typed(typed, command, monkeypatch):
    monkeypatch.setattr(sys, "argv", [typed])
    assert program() == command
