"""What the command line never loses: decisions, inputs, files of others, its own."""

import contextlib
import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

import sklearn_datamaps
from sklearn_datamaps import DataMapClassifier
from sklearn_datamaps._cli import commands, demo
from sklearn_datamaps._core.atomic import locked
from tests.cli.test_map import (
    ROWS,
    TEXT,
    as_csv,
    assert_one_line_error,
    run,
    run_map,
    table_of,
)

posix = pytest.mark.skipif(
    os.name != "posix", reason="Windows has no such links, modes and signals"
)
ROOT = Path(sklearn_datamaps.__file__).parents[1]
PATIENCE = 300  # seconds; a limit, never a measurement


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setattr(commands, "write_plot", lambda *args: None)
    monkeypatch.setattr(demo, "explore", lambda *args, **_: None)
    path = tmp_path / "mine.csv"
    path.write_text(as_csv(ROWS), encoding="utf-8")
    return path


@pytest.fixture
def training(monkeypatch):
    """Have something done while a map is being trained."""

    def during(call):
        fit = DataMapClassifier.fit

        def fit_then(self, X, y):
            call()
            return fit(self, X, y)

        monkeypatch.setattr(DataMapClassifier, "fit", fit_then)

    return during


def shown(folder):
    return {p.name: p.read_bytes() for p in folder.glob("[!.]*") if p.is_file()}


def decide(review, column="decision", value="keep"):
    table = table_of(review)
    table.loc[0, column] = value
    table.to_csv(review, index=False)
    return review.read_bytes()


@pytest.mark.parametrize(
    ("column", "value"), [("decision", "drop"), ("new_label", "NA")]
)
def test_decisions_made_while_a_map_is_trained_are_kept(file, training, column, value):
    _, out = run_map(file, *TEXT)
    made = []
    training(lambda: made.append(decide(out / "review.csv", column, value)))
    before = shown(out)
    result, _ = run_map(file, *TEXT, "--seed", 7)
    kept = out / "not-placed-1"
    assert_one_line_error(result, "review.csv holds decisions", f"are in {kept}")
    assert shown(out) == before | {"review.csv": made[0]}
    assert sorted(shown(kept)) == [*("data_map.csv", "data_map.parquet", "review.csv")]
    assert (kept / "data_map.csv").read_bytes() != before["data_map.csv"]


def test_review_that_became_unreadable_while_a_map_is_trained_is_kept(file, training):
    _, out = run_map(file, *TEXT)
    training(lambda: (out / "review.csv").write_bytes(b"\0half a spreadsheet"))
    result, _ = run_map(file, *TEXT)
    assert_one_line_error(result, "cannot be read as a review")
    assert (out / "review.csv").read_bytes() == b"\0half a spreadsheet"


def test_second_run_in_the_same_folder_is_refused_before_training(file, monkeypatch):
    _, out = run_map(file, *TEXT)
    before = shown(out)
    monkeypatch.setattr(DataMapClassifier, "fit", None)
    with locked(out):
        for command in (["map", file, *TEXT], ["demo"]):
            result = run(*command, "--out", out, "--quiet")
            assert_one_line_error(result, "Another process is writing to", str(out))
    assert shown(out) == before


@posix
@pytest.mark.parametrize(
    "name", ["data_map.csv", "data_map.png", "data_map.parquet", "review.csv"]
)
def test_link_in_the_folder_is_refused_before_training(file, monkeypatch, name):
    out = file.parent / "out"
    out.mkdir()
    (out / name).symlink_to(file.parent / "elsewhere")
    monkeypatch.setattr(DataMapClassifier, "fit", None)
    assert_one_line_error(run_map(file, *TEXT)[0], "symbolic link", name)
    assert not (file.parent / "elsewhere").exists()


@pytest.mark.skipif(
    not hasattr(os, "posix_fallocate"),
    reason="no room can be asked for beforehand here",
)
@pytest.mark.parametrize("command", ["map", "demo"])
def test_disk_without_room_is_noticed_before_training(file, monkeypatch, command):
    def full(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    monkeypatch.setattr(DataMapClassifier, "fit", None)
    out = file.parent / "out"
    argv = {"map": ["map", file, *TEXT], "demo": ["demo"]}[command]
    result = run(*argv, "--out", out, "--quiet")
    assert_one_line_error(result, "No space left", "make room", str(out))


@posix
@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere"
)
def test_read_only_folder_is_noticed_before_training(file, monkeypatch):
    out = file.parent / "out"
    out.mkdir(mode=0o500)
    monkeypatch.setattr(DataMapClassifier, "fit", None)
    assert_one_line_error(run_map(file, *TEXT)[0], "Permission denied", str(out))


def test_file_that_cannot_be_written_leaves_all_others_as_they_were(file, monkeypatch):
    _, out = run_map(file, *TEXT)
    before = shown(out)

    def full(data_map, folder):
        raise OSError(errno.ENOSPC, "No space left", str(folder / "data_map.png"))

    monkeypatch.setattr(commands, "write_plot", full)
    result, _ = run_map(file, *TEXT, "--seed", 7)
    assert_one_line_error(result, "No space left", str(out / "data_map.png"))
    assert shown(out) == before
    assert sorted(path.name for path in out.glob(".*")) == [".lock"]


@pytest.fixture
def applied(file):
    _, out = run_map(file, *TEXT)
    decide(out / "review.csv")
    return ["apply", file, out / "review.csv", "--out"]


def test_apply_replaces_a_file_only_when_told_to(applied, file):
    fixed = file.parent / "corrected.csv"
    fixed.write_text("mine")
    assert_one_line_error(run(*applied, fixed), "corrected.csv exists", "--force")
    assert fixed.read_text() == "mine"
    assert run(*applied, fixed, "--force").code == 0
    assert fixed.read_bytes() == file.read_bytes()


@posix
@pytest.mark.parametrize("how", ["itself", "hard link", "symbolic link"])
@pytest.mark.parametrize("which", ["the file", "its review"])
def test_apply_writes_over_nothing_that_it_reads(applied, file, how, which):
    given = file if which == "the file" else applied[2]
    before = given.read_bytes()
    to = given if how == "itself" else given.with_name("other.csv")
    if how == "hard link":
        to.hardlink_to(given)
    elif how == "symbolic link":
        to.symlink_to(given)
    assert_one_line_error(run(*applied, to, "--force"), "itself; name another one")
    assert given.read_bytes() == before


@posix
def test_apply_follows_a_link_only_when_told_to(applied, file):
    target, link = file.parent / "target.csv", file.parent / "link.csv"
    link.symlink_to(target)
    assert_one_line_error(run(*applied, link), "is a symbolic link to")
    assert not target.exists()
    assert run(*applied, link, "--force").code == 0
    assert link.is_symlink()
    assert target.read_bytes() == file.read_bytes()


@posix
def test_sigterm_ends_it_as_ctrl_c_does(file, training):
    training(lambda: signal.raise_signal(signal.SIGTERM))
    before = signal.getsignal(signal.SIGTERM)
    result, out = run_map(file, *TEXT)
    assert (result.code, result.out) == (143, "")
    assert result.err == "sklearn-datamaps: ended\n"
    assert shown(out) == {}
    assert signal.getsignal(signal.SIGTERM) is before


@posix
def test_signal_that_the_process_was_started_to_ignore_stays_ignored(file, training):
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        training(lambda: signal.raise_signal(signal.SIGTERM))
        assert run_map(file, *TEXT)[0].code == 0
    finally:
        signal.signal(signal.SIGTERM, before)


def started(*argv, **options):
    return subprocess.Popen(
        [sys.executable, "-m", "sklearn_datamaps", *map(str, argv)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        **options,
    )


def of_session(pid):
    """Processes that a process of its own session has left behind.

    A zombie has ended; it is for the system to take note of that.
    """
    left = []
    for process in psutil.process_iter():
        with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
            is_of_it = os.getsid(process.pid) == pid
            if is_of_it and process.status() != psutil.STATUS_ZOMBIE:
                left.append(process)
    return left


@posix
@pytest.mark.parametrize(
    ("how", "code", "told"),
    [
        (signal.SIGTERM, 143, "sklearn-datamaps: ended"),
        (signal.SIGINT, 130, "sklearn-datamaps: interrupted"),
        (signal.SIGKILL, -9, ""),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_nothing_lives_on_after_a_signal(tmp_path, how, code, told):
    path = tmp_path / "mine.csv"
    # As many rows as have the most to do in other processes.
    rows = [[str(i), f"word{i % 50} again", "ab"[i % 2], ""] for i in range(20_000)]
    path.write_text(as_csv(rows), encoding="utf-8")
    process = started("map", path, *TEXT, "--out", tmp_path / "out", "--epochs", 500)
    for line in process.stderr:
        if line.startswith("training"):
            break
    process.send_signal(how)
    # To the end: whoever lives on holds the pipe open.
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == code
    assert out == ""
    assert err.rstrip("\n").rpartition("\n")[2].rpartition("\r")[2].strip() == told
    # Whoever has let go of the pipe may be on the way to its end.
    end = time.monotonic() + PATIENCE
    while of_session(process.pid) and time.monotonic() < end:
        time.sleep(0.01)
    assert of_session(process.pid) == []
    assert shown(tmp_path / "out") == {}


@posix
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_signal_while_modules_load_is_one_line(tmp_path, how):
    # A module that is loaded waits for the signal, and swallows what it raises.
    (tmp_path / "scipy.py").write_text(
        "import sys, time\n"
        "print('loading', flush=True)\n"
        "try:\n"
        f"    time.sleep({PATIENCE})\n"
        "except BaseException as error:\n"
        "    raise ImportError('swallowed') from error\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "sklearn_datamaps", "demo", "--out", "out"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])},
    )
    assert process.stdout.readline() == "loading\n"
    process.send_signal(how)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 128 + how
    assert err.count("\n") == 1
    assert err.startswith("sklearn-datamaps: ")
