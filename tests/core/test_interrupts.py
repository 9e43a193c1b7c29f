"""Interrupts that Python would ignore, and handlers that are left alone."""

import signal
import sys
import threading

import pytest

from sklearn_datamaps._core.interrupts import no_interrupt_lost


class InterruptedAtItsEnd:
    """Gets Ctrl-C where Python ignores what is raised."""

    def __del__(self):
        signal.raise_signal(signal.SIGINT)


@pytest.fixture
def note_ignored(monkeypatch):
    """To be called in the test: pytest 8.2 sets its own hook after the fixtures."""

    def note():
        found = []
        monkeypatch.setattr(sys, "unraisablehook", lambda u: found.append(u.exc_type))
        return found

    return note


@pytest.fixture
def handler():
    """Set a handler of SIGINT for the test."""
    before = signal.getsignal(signal.SIGINT)
    yield lambda handler: signal.signal(signal.SIGINT, handler)
    signal.signal(signal.SIGINT, before)


def test_interrupt_in_a_finalizer_is_raised_at_the_next_check(note_ignored):
    ignored = note_ignored()
    steps = []

    def work():
        with no_interrupt_lost() as check_interrupt:
            steps.append("before")
            check_interrupt()
            InterruptedAtItsEnd()
            steps.append("ignored")
            check_interrupt()
            steps.append("after")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert ignored == [KeyboardInterrupt]
    assert steps == ["before", "ignored"]


def test_interrupt_in_a_finalizer_is_raised_at_the_end(note_ignored):
    ignored = note_ignored()
    with pytest.raises(KeyboardInterrupt), no_interrupt_lost():
        InterruptedAtItsEnd()
    assert ignored == [KeyboardInterrupt]


def test_interrupt_elsewhere_is_raised_at_once():
    steps = []

    def work():
        with no_interrupt_lost():
            signal.raise_signal(signal.SIGINT)
            steps.append("went on")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert steps == []


def test_error_of_the_clearing_up_is_the_cause_of_the_interrupt():
    error = RuntimeError("cannot join thread before it is started")

    def work():
        with no_interrupt_lost():
            try:
                signal.raise_signal(signal.SIGINT)
            finally:
                raise error

    with pytest.raises(KeyboardInterrupt) as raised:
        work()
    assert raised.value.__cause__ is error
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_error_without_an_interrupt_is_raised_as_it_is():
    error = ValueError("mine")
    with pytest.raises(ValueError, match="mine") as raised, no_interrupt_lost():
        raise error
    assert raised.value is error


@pytest.mark.parametrize("how", ["normal", "interrupted"])
def test_the_handler_is_there_as_long_as_it_is_needed(how):
    before = signal.getsignal(signal.SIGINT)
    assert before is signal.default_int_handler
    try:
        with no_interrupt_lost():
            assert signal.getsignal(signal.SIGINT) is not before
            if how == "interrupted":
                signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        assert how == "interrupted"
    assert signal.getsignal(signal.SIGINT) is before


def test_inside_one_another_both_end(note_ignored):
    note_ignored()

    def inner():
        with no_interrupt_lost():
            InterruptedAtItsEnd()

    with pytest.raises(KeyboardInterrupt), no_interrupt_lost():
        inner()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_handler_of_the_user_is_neither_replaced_nor_overruled(handler):
    noticed = []

    def own(number, frame):
        noticed.append(number)

    handler(own)
    with no_interrupt_lost() as check_interrupt:
        assert signal.getsignal(signal.SIGINT) is own
        signal.raise_signal(signal.SIGINT)
        check_interrupt()
    assert noticed == [signal.SIGINT]


def test_handler_that_is_set_in_the_meantime_stays(handler):
    def own(number, frame):
        """Do nothing."""

    with no_interrupt_lost():
        handler(own)
    assert signal.getsignal(signal.SIGINT) is own


def test_in_another_thread_nothing_is_done():
    found = []

    def work():
        with no_interrupt_lost() as check_interrupt:
            check_interrupt()
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [signal.default_int_handler]
