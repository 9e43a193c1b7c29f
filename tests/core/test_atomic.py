"""Files that are there as a whole or not at all, with the mode that they had."""

import errno
import multiprocessing
import os
import signal
import stat
import threading
import time

import pytest

from sklearn_datamaps import DataMap
from sklearn_datamaps._core import atomic
from sklearn_datamaps._core.atomic import ABANDONED, commit, locked, placed_together
from sklearn_datamaps._core.interrupts import interrupts_wait

posix = pytest.mark.skipif(os.name != "posix", reason="modes, links, signals")
unprivileged = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anything"
)


def files(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def data_map():
    return DataMap.from_probabilities([[[0.9, 0.1], [0.2, 0.8]]], [0, 1])


DOORS = [
    pytest.param(lambda data_map, path: data_map.to_parquet(path), id="to_parquet"),
    pytest.param(lambda data_map, path: data_map.explore(path), id="explore"),
]


@posix
@pytest.mark.parametrize("write", DOORS)
def test_replaced_file_hands_its_mode_on(tmp_path, data_map, write):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o640)
    write(data_map, path)
    assert path.stat().st_size > 100
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert files(tmp_path) == ["file"]


@posix
@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away"
)
def test_replaced_file_hands_its_owner_on(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    os.chown(path, 1234, 2345)
    commit(path, lambda file: file.write(b"new"))
    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 2345)


@posix
def test_new_file_has_the_mode_of_any_new_file(tmp_path, data_map):
    (tmp_path / "plain").write_bytes(b"")
    data_map.to_parquet(tmp_path / "map.parquet")
    modes = {path.stat().st_mode for path in tmp_path.iterdir()}
    assert len(modes) == 1


@posix
@pytest.mark.parametrize("write", DOORS)
@pytest.mark.parametrize("there", [True, False])
def test_symbolic_link_is_neither_replaced_nor_followed(
    tmp_path, data_map, write, there
):
    target, link = tmp_path / "target", tmp_path / "link"
    if there:
        target.write_bytes(b"old")
    link.symlink_to(target)
    with pytest.raises(FileExistsError, match=r"link is a symbolic link to .*target"):
        write(data_map, link)
    assert link.is_symlink()
    assert files(tmp_path) == (["link", "target"] if there else [])


@posix
def test_link_that_is_to_be_followed_stays_a_link(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to(target)
    commit(link, lambda file: file.write(b"new"), follow=True)
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


@posix
def test_pipe_is_written_to_directly(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    commit(pipe, lambda file: file.write(b"new"))
    reader.join()
    assert read == [b"new"]
    assert pipe.is_fifo()


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, ValueError])
def test_error_while_writing_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def write(file):
        file.write(b"half of the n")
        raise error

    with pytest.raises(error):
        commit(path, write)
    assert path.read_bytes() == b"old"
    assert files(tmp_path) == ["file"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EFBIG])
def test_full_disk_names_the_file_and_says_what_to_do(tmp_path, number):
    def write(file):
        raise OSError(number, "full")

    with pytest.raises(OSError, match="as it was: make room") as caught:
        commit(tmp_path / "file", write)
    assert caught.value.filename == str(tmp_path / "file")
    assert caught.value.errno == number
    assert files(tmp_path) == []


@pytest.mark.parametrize("name", ["missing/file", "folder"])
def test_place_that_cannot_be_written_to_is_named(tmp_path, name):
    (tmp_path / "folder").mkdir()
    with pytest.raises((FileNotFoundError, IsADirectoryError)) as caught:
        commit(tmp_path / name, lambda file: file.write(b"new"))
    assert caught.value.filename == str(tmp_path / name)


@posix
@unprivileged
def test_file_that_is_read_only_is_not_replaced(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o400)
    with pytest.raises(PermissionError, match="file"):
        commit(path, lambda file: file.write(b"new"))


def test_error_about_another_file_keeps_its_name(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        commit(tmp_path / "file", lambda file: os.stat("/nowhere/else"))
    assert caught.value.filename == "/nowhere/else"


def test_what_a_kill_has_left_is_removed_the_next_time_when_it_is_old(tmp_path):
    left = tmp_path / ".file.0123abcd.tmp"
    left.write_bytes(b"half")
    commit(tmp_path / "file", lambda file: file.write(b"new"))
    assert files(tmp_path) == [left.name, "file"]  # it may be another's at work
    os.utime(left, (0, time.time() - ABANDONED - 60))
    commit(tmp_path / "file", lambda file: file.write(b"newer"))
    assert files(tmp_path) == ["file"]
    assert (tmp_path / "file").read_bytes() == b"newer"


def hold(folder, holds, ends):
    with locked(folder):
        holds.set()
        ends.wait()


@posix
def test_lock_keeps_another_process_out_and_ends_with_a_kill(tmp_path):
    context = multiprocessing.get_context("spawn")
    holds, ends = context.Event(), context.Event()
    process = context.Process(target=hold, args=(tmp_path, holds, ends))
    process.start()
    try:
        assert holds.wait(300)
        with pytest.raises(BlockingIOError, match="Another process is writing to"):
            locked(tmp_path).__enter__()
    finally:
        process.kill()
        process.join()
    with locked(tmp_path):
        pass


def write_both(staged):
    (staged / "a").write_bytes(b"new")
    (staged / "b").write_bytes(b"new")


def contents(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}


def test_files_take_their_places_at_the_end(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    with placed_together(tmp_path, ["a", "b"]) as staged:
        write_both(staged)
        assert contents(tmp_path) == {"a": b"old"}
    assert contents(tmp_path) == {"a": b"new", "b": b"new"}
    assert files(tmp_path) == ["a", "b"]


def test_error_places_no_file(tmp_path):
    (tmp_path / "a").write_bytes(b"old")

    def fail():
        with placed_together(tmp_path, ["a", "b"]) as staged:
            write_both(staged)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert contents(tmp_path) == {"a": b"old"}
    assert files(tmp_path) == ["a"]


@posix
def test_files_that_a_kill_kept_from_their_places_take_them_the_next_time(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    pid = os.fork()
    if not pid:
        with placed_together(tmp_path, ["a", "b"]) as staged:
            write_both(staged)
            replace, seen = type(staged).replace, []

            def die(path, to):
                seen.append(to)
                if len(seen) == 3:  # the folder, the first file, the second
                    os.kill(os.getpid(), signal.SIGKILL)
                return replace(path, to)

            type(staged).replace = die
    assert os.waitpid(pid, 0)[1] == signal.SIGKILL
    assert contents(tmp_path) == {"a": b"new"}
    with placed_together(tmp_path, ["a", "b"]):
        assert contents(tmp_path) == {"a": b"new", "b": b"new"}


@posix
def test_interrupt_waits_until_files_are_in_their_places(tmp_path, monkeypatch):
    replaced = []
    replace = type(tmp_path).replace

    def interrupted(path, to):
        replaced.append(to.name)
        signal.raise_signal(signal.SIGINT)
        return replace(path, to)

    monkeypatch.setattr(type(tmp_path), "replace", interrupted)
    with (
        pytest.raises(KeyboardInterrupt),
        placed_together(tmp_path, ["a", "b"]) as staged,
    ):
        write_both(staged)
    assert len(replaced) == 3
    assert contents(tmp_path) == {"a": b"new", "b": b"new"}


@posix
def test_wait_leaves_handlers_as_they_were():
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with interrupts_wait():
        assert signal.getsignal(signal.SIGTERM) is not before[1]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_interrupt_right_after_the_file_is_made_leaves_nothing(tmp_path, monkeypatch):
    def interrupted(name):
        name.touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(atomic, "_unfinished", interrupted)
    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt):
        commit(tmp_path / "file", lambda file: file.write(b"new"))
    assert files(tmp_path) == ["file"]
    assert (tmp_path / "file").read_bytes() == b"old"
