"""Builds of a matrix that are killed, interrupted or refused, and gone on with."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from sklearn_datamaps.out_of_core import open_matrix, vectorize_to_disk
from sklearn_datamaps.out_of_core.building import Building
from sklearn_datamaps.out_of_core.journal import Entry, Journal
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
        assert process.wait(timeout=120) == -how
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
    append = Building.append

    def append_and_interrupt(self, number):
        if number == 1:
            InterruptedAtItsEnd()
        return append(self, number)

    monkeypatch.setattr(sys, "unraisablehook", lambda u: ignored.append(u.exc_value))
    monkeypatch.setattr(Building, "append", append_and_interrupt)
    path = tmp_path / "matrix"
    with pytest.raises(KeyboardInterrupt):
        build(path, n_jobs=n_jobs)
    assert [type(error) for error in ignored] == [KeyboardInterrupt], ignored
    assert {0, 10} <= set(finished_shards(path))
    with pytest.raises(ValueError, match="is not finished: 2 shards of up to 10"):
        open_matrix(path)
    monkeypatch.setattr(Building, "append", append)
    build(path)
    build(tmp_path / "whole")
    assert contents(path) == contents(tmp_path / "whole")


@pytest.fixture
def interrupted(tmp_path, monkeypatch):
    """Folder of a build that two shards are appended of."""
    path = tmp_path / "matrix"

    def stop_at_third(self, number):
        if number == 2:
            raise KeyboardInterrupt
        return append(self, number)

    append = Building.append
    monkeypatch.setattr(Building, "append", stop_at_third)
    with pytest.raises(KeyboardInterrupt):
        build(path)
    monkeypatch.setattr(Building, "append", append)
    (shard,) = (path / "building").glob("shards-*/*.npz")
    assert shard.name == "00000002.npz"
    return path, shard


def test_shard_that_is_made_but_not_appended_is_not_made_again(interrupted, log, whole):
    path, _ = interrupted
    build(path)
    assert log() == [30, 40]
    assert contents(path) == whole


@pytest.mark.parametrize("damage", ["truncate", "flip", "temporary"])
def test_shard_that_is_not_whole_is_never_taken_for_whole(
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
        shard.rename(shard.with_name("00000002.npz.17.tmp"))
    build(path)
    assert log() == [20, 30, 40]
    assert contents(path) == whole


def test_what_was_half_appended_is_cut_off(interrupted, log, whole):
    path, _ = interrupted
    for name in (
        "data.npy",
        "indices.npy",
        "building/labels.bin",
        "building/row_ends.bin",
    ):
        with (path / name).open("ab") as file:
            file.write(b"half of a shard" * 10_000)  # more than is to come
    with (path / "building" / "journal.jsonl").open("ab") as file:
        file.write(b'{"rows": 10, "val')
    build(path)
    assert log() == [30, 40]
    assert contents(path) == whole


def test_line_of_the_journal_that_was_being_written_does_not_spoil_the_next(tmp_path):
    file = tmp_path / "journal.jsonl"
    file.write_bytes(b'{"rows": 10, "val')
    entry = Entry(3, 5, "texts", ["a", "b"], 12, {"data.npy": 7})
    Journal(file).append(entry)
    journal = Journal(file)
    assert journal.entries == [entry]
    assert (journal.n_rows, journal.n_values, journal.names) == (3, 5, {"a": 0, "b": 1})


@pytest.mark.parametrize("name", ["data.npy", "building/row_ends.bin"])
def test_file_that_lost_finished_shards_is_refused_and_named(interrupted, name):
    path, _ = interrupted
    os.truncate(path / name, (path / name).stat().st_size - 1)
    with pytest.raises(ValueError, match=f"{name} is shorter than"):
        build(path)
    build(path, overwrite=True)


@pytest.mark.parametrize("name", ["labels.bin", "row_ends.bin"])
def test_file_that_was_corrupted_while_building_is_refused_and_named(interrupted, name):
    path, _ = interrupted
    file = path / "building" / name
    content = bytearray(file.read_bytes())
    content[7] ^= 1
    file.write_bytes(content)
    with pytest.raises(ValueError, match=f"{name} is corrupted in shard 0"):
        build(path)


def test_data_that_was_corrupted_while_building_is_found_by_verify(interrupted):
    path, _ = interrupted
    content = bytearray((path / "data.npy").read_bytes())
    content[-1] ^= 1
    (path / "data.npy").write_bytes(content)
    build(path)
    with pytest.raises(ValueError, match=r"data\.npy in shard 1 \(rows 10 to 19\)"):
        open_matrix(path, verify=True)


def test_late_process_of_a_former_run_has_nowhere_to_write_to(interrupted, whole):
    path, shard = interrupted
    build(path)
    with pytest.raises(FileNotFoundError):
        shard.write_bytes(b"late")
    assert contents(path) == whole


def test_generator_that_is_used_up_is_not_taken_for_the_end(interrupted):
    path, shard = interrupted
    shard.unlink()
    with pytest.raises(ValueError, match="has 0 rows, but 20 are done already"):
        vectorize_to_disk(iter(()), LoggingVectorizer(), path, shard_size=10, verbose=0)
    build(path)
    assert open_matrix(path, verify=True)[0].shape[0] == 45


def test_source_that_ends_before_a_shard_that_is_there_is_refused(interrupted):
    path, shard = interrupted
    shard.rename(shard.with_name("00000003.npz"))
    with pytest.raises(ValueError, match="ended at row 25 now, but went on"):
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
            with pytest.raises(RuntimeError, match="Another process is writing to"):
                build(tmp_path)
            with pytest.raises(RuntimeError, match="Another process is writing to"):
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
