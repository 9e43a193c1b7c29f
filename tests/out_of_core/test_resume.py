"""Builds of a matrix that are killed, interrupted or refused, and gone on with."""

import contextlib
import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from sklearn_datamaps.out_of_core import open_matrix, shards, vectorize_to_disk
from sklearn_datamaps.out_of_core import vectorize as vectorize_module
from sklearn_datamaps.out_of_core.shards import Vectorizing
from tests.out_of_core.killed_builds import (
    GATE,
    LOG,
    LoggingVectorizer,
    batches,
    build,
    finished_shards,
)

ROOT = Path(__file__).parents[2]
posix = pytest.mark.skipif(os.name != "posix", reason="needs fork and signals")


def contents(path):
    return {
        str(f.relative_to(path)): f.read_bytes() for f in path.rglob("*") if f.is_file()
    }


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole")
    build(path)
    return contents(path)


@pytest.fixture
def log(tmp_path, monkeypatch):
    file = tmp_path / "transform.log"
    monkeypatch.setenv(LOG, str(file))
    return lambda: [int(row) for row in file.read_text().split()]


def script(code, *arguments, **environment):
    paths = str(ROOT)
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": paths} | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


@pytest.fixture
def started():
    """Start scripts; end them and their children, which outlive a kill."""
    processes = []

    def start(code, **environment):
        processes.append(script(code, **environment))
        return processes[-1]

    yield start
    for process in processes:
        with contextlib.suppress(ProcessLookupError):  # there are none
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@posix
@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("events", 1, 10), id="events"),
        pytest.param(("moments", 10, 0), id="moments"),
        # Nightly: the same at every single event, and at many more moments.
        pytest.param(("events", 1, 1), id="all events", marks=pytest.mark.nightly),
        pytest.param(("moments", 60, 1), id="more moments", marks=pytest.mark.nightly),
    ],
)
def test_killed_build_is_gone_on_with_and_no_finished_shard_made_again(
    tmp_path, whole, arguments
):
    mode, *numbers = arguments
    # Not as a script, whose classes are others than those of the module.
    run = (
        "import sys\n"
        "from tests.out_of_core import killed_builds\n"
        "killed_builds.main(*sys.argv[1:])"
    )
    assert script(run, mode, tmp_path, *numbers).wait() == 0
    reports = json.loads((tmp_path / "reports.json").read_text())
    assert len(reports) >= 10
    n_finished = set()
    for report in reports:
        assert contents(tmp_path / report["path"]) == whole, report
        again = set(report["finished"]) & {int(row) for row in report["after"]}
        assert not again, report
        n_finished.add(len(report["finished"]))
    assert len(n_finished) > 2  # killed here and there


@posix
def test_two_processes_killed_and_interrupted_at_random_moments(tmp_path, log, started):
    n_rows = 200
    path = tmp_path / "killed"
    code = (
        f"import pathlib\nfrom tests.out_of_core import killed_builds\n"
        f"killed_builds.build(pathlib.Path({str(path)!r}), {n_rows}, n_jobs=2)"
    )
    rng = random.Random(0)
    # Each may make some shards, and is not done whenever the signal comes.
    for how, allowed in ((signal.SIGKILL, 100), (signal.SIGINT, 180)):
        finished = finished_shards(path)
        noted, gate = tmp_path / f"{how.name}.log", tmp_path / f"{how.name}.gate"
        noted.write_text("")
        gate.write_text(f"{allowed}")
        process = started(code, **{LOG: str(noted), GATE: str(gate)})
        while len(noted.read_text().split()) < 5:
            assert process.poll() is None
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.08))
        process.send_signal(how)
        assert process.wait(timeout=600) == -how
        assert not set(finished) & set(map(int, noted.read_text().split()))
        with pytest.raises(
            ValueError, match=r"is not finished: \d+ shards of up to 10"
        ):
            open_matrix(path)
    finished = finished_shards(path)
    assert len(finished) > 5
    build(path, n_rows)  # by another number of processes
    assert not set(finished) & set(log())
    build(tmp_path / "whole", n_rows)
    assert contents(path) == contents(tmp_path / "whole")


class Interrupting(LoggingVectorizer):
    """Is interrupted at the shard that begins with a certain row."""

    at = None

    def transform(self, X):
        if X[0].startswith(f"row {Interrupting.at} "):
            raise KeyboardInterrupt
        return super().transform(X)


def test_interrupt_keeps_what_is_finished(tmp_path, log, monkeypatch):
    path = tmp_path / "matrix"

    def run():
        return vectorize_to_disk(
            batches(), Interrupting(), path, shard_size=10, verbose=0
        )

    monkeypatch.setattr(Interrupting, "at", 20)
    with pytest.raises(KeyboardInterrupt):
        run()
    with pytest.raises(ValueError, match=r"2 shards of up to 10 rows are there\. Call"):
        open_matrix(path)
    monkeypatch.setattr(Interrupting, "at", None)
    X, y = run()
    assert log() == [0, 10, 20, 30, 40]
    X_whole, y_whole = build(tmp_path / "whole")
    assert (X_whole != X).nnz == 0
    assert list(y) == list(y_whole)


class InterruptedAtItsEnd:
    """Gets Ctrl-C where Python ignores what is raised."""

    def __del__(self):
        signal.raise_signal(signal.SIGINT)


@pytest.mark.filterwarnings(
    "ignore:.* tasks .* have been cancelled:UserWarning"  # joblib's, of the others
)
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_interrupt_that_python_ignores_in_a_finalizer(tmp_path, monkeypatch, n_jobs):
    ignored = []
    make = vectorize_module._make_shards

    def make_and_interrupt(*args):
        for number, shard in make(*args):
            if number == 1:
                InterruptedAtItsEnd()
            yield number, shard

    monkeypatch.setattr(sys, "unraisablehook", lambda u: ignored.append(u.exc_value))
    monkeypatch.setattr(vectorize_module, "_make_shards", make_and_interrupt)
    path = tmp_path / "matrix"
    with pytest.raises(KeyboardInterrupt):
        build(path, n_jobs=n_jobs)
    assert [type(error) for error in ignored] == [KeyboardInterrupt], ignored
    assert {0, 10} <= set(finished_shards(path))
    with pytest.raises(ValueError, match=r"is not finished: \d shards of up to"):
        open_matrix(path)
    monkeypatch.setattr(vectorize_module, "_make_shards", make)
    build(path)
    build(tmp_path / "whole")
    assert contents(path) == contents(tmp_path / "whole")


@pytest.fixture
def interrupted(tmp_path, monkeypatch):
    """Folder of a build that two shards are made of, and the second of them."""
    path = tmp_path / "matrix"

    def stop_at_third(self, folder, rows):
        if rows.number == 2:
            raise KeyboardInterrupt
        return write(self, folder, rows)

    write = Vectorizing.write
    monkeypatch.setattr(Vectorizing, "write", stop_at_third)
    with pytest.raises(KeyboardInterrupt):
        build(path)
    monkeypatch.setattr(Vectorizing, "write", write)
    *_, shard = sorted(path.glob("building-*/*.npz"))
    assert shard.name == "00000001.npz"
    return path, shard


def test_shard_that_is_made_is_not_made_again(interrupted, log, whole):
    path, _ = interrupted
    build(path)
    assert log() == [20, 30, 40]
    assert contents(path) == whole


@pytest.mark.parametrize("damage", ["truncate", "flip", "foreign"])
def test_shard_that_is_damaged_is_refused_and_made_again_when_deleted(
    interrupted, log, whole, damage
):
    path, shard = interrupted
    content = shard.read_bytes()
    if damage == "truncate":
        shard.write_bytes(content[:-30])
    elif damage == "flip":
        middle = content.index(b"indices.npy") + 150
        shard.write_bytes(content[:middle] + b"\xff" + content[middle + 1 :])
    else:
        shard.write_bytes(b"no zip file")
    for _ in range(2):  # whatever was made in between
        with pytest.raises(ValueError, match=r"00000001\.npz is damaged.*begin anew"):
            build(path)
    shard.unlink()
    build(path)
    assert sorted(log()) == [10, 20, 30, 40]
    assert contents(path) == whole


def test_shard_that_was_being_written_is_made_again(interrupted, log, whole):
    path, shard = interrupted
    shard.rename(shard.with_name(f".{shard.name}.tmp"))
    build(path)
    assert log() == [10, 20, 30, 40]
    assert contents(path) == whole


def test_files_that_are_no_shards_are_not_taken_for_some(interrupted, whole):
    path, shard = interrupted
    shard.with_name("notes.npz").write_bytes(b"mine")
    build(path)
    assert contents(path) == whole


def test_stray_shard_is_refused(interrupted):
    path, shard = interrupted
    shutil.copy(shard, shard.with_name("00000017.npz"))
    with pytest.raises(ValueError, match=r"45 rows, but 55 are done .* begin anew"):
        build(path)
    build(path, overwrite=True)


def test_late_process_of_a_former_run_has_nowhere_to_write_to(interrupted, whole):
    path, shard = interrupted
    build(path, overwrite=True)
    with pytest.raises(FileNotFoundError):
        shard.write_bytes(b"late")
    assert contents(path) == whole


def test_full_disk_at_the_end_keeps_all_shards(tmp_path, log, whole, monkeypatch):
    path = tmp_path / "matrix"

    def full(file, *args):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(shards, "_write", full)
    with pytest.raises(OSError, match="full"):
        build(path)
    assert finished_shards(path) == [0, 10, 20, 30, 40]
    monkeypatch.undo()
    build(path)
    assert log() == [0, 10, 20, 30, 40]
    assert contents(path) == whole


def test_generator_that_is_used_up_is_not_taken_for_the_end(interrupted):
    path, shard = interrupted
    shard.unlink()
    with pytest.raises(ValueError, match="has 0 rows, but 10 are done already"):
        vectorize_to_disk(iter(()), LoggingVectorizer(), path, shard_size=10, verbose=0)
    build(path)
    assert open_matrix(path, verify=True)[0].shape[0] == 45


def test_source_that_ends_before_a_shard_that_is_there_is_refused(interrupted):
    path, shard = interrupted
    shard.rename(shard.with_name("00000003.npz"))
    with pytest.raises(ValueError, match="has 25 rows, but 35 are done already"):
        vectorize_to_disk(
            batches(25), LoggingVectorizer(), path, shard_size=10, verbose=0
        )


def test_error_of_the_source_keeps_what_came_before(tmp_path, log):
    def breaking():
        for number, batch in enumerate(batches()):
            if number == 4:
                raise OSError("the disk is gone")
            yield batch

    for n_jobs in (1, 2):
        path = tmp_path / f"matrix-{n_jobs}"
        with pytest.raises(OSError, match="the disk is gone"):
            vectorize_to_disk(
                breaking(),
                LoggingVectorizer(),
                path,
                shard_size=10,
                n_jobs=n_jobs,
                verbose=0,
            )
        assert finished_shards(path) == [0, 10]


@posix
def test_second_process_in_the_same_folder_is_refused(tmp_path):
    class Meanwhile:
        def __iter__(self):
            with pytest.raises(BlockingIOError, match="Another process is writing to"):
                build(tmp_path)
            with pytest.raises(BlockingIOError, match="Another process is writing to"):
                build(tmp_path, overwrite=True)
            yield from batches()

    X, _ = vectorize_to_disk(
        Meanwhile(), LoggingVectorizer(), tmp_path, shard_size=10, verbose=0
    )
    assert X.shape[0] == 45
    build(tmp_path)  # the lock is gone


def test_progress_bar_counts_rows_and_begins_where_the_last_run_ended(
    interrupted, capsys
):
    path, _ = interrupted
    build(path, verbose=1)
    shown = capsys.readouterr().err
    assert "20.0" in shown
    assert "45.0" in shown
    build(path, overwrite=True)
    assert capsys.readouterr().err == ""


def test_rows_of_files_are_the_same_however_often_ended(interrupted, whole):
    path, _ = interrupted
    with pytest.raises(ValueError, match="shard_size was 10 and is 20"):
        build(path, shard_size=20)
    X, y = build(path)
    assert np.diff(X.indptr).min() > 0
    assert list(y[:4]) == ["label 0", "label 1", "label 2", "label 0"]
