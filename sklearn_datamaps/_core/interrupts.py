"""Interrupts (Ctrl-C), also those that Python ignores."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType


class _Remembering:
    """Python's own answer to SIGINT, which also remembers that there was one."""

    def __init__(self) -> None:
        self.interrupted = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.interrupted = True
        signal.default_int_handler(number, frame)

    def check(self) -> None:
        """Raise KeyboardInterrupt if there was an interrupt."""
        if self.interrupted:
            raise KeyboardInterrupt


@contextlib.contextmanager
def no_interrupt_lost() -> Iterator[Callable[[], None]]:
    """Have every Ctrl-C end what is done here, whatever Python was doing.

    Python prints and then ignores what is raised in a finalizer or a callback of the
    garbage collector, a KeyboardInterrupt, too. Much of what this process does for a
    cluster is done there: the finalizer of a future wakes another thread, and may
    wait for it. Elsewhere an interrupt that comes while threads are started makes
    the clearing up fail: then that error is the cause of the KeyboardInterrupt.

    Yields
    ------
    callable
        Without arguments: it raises KeyboardInterrupt if there was a Ctrl-C. Call it
        before a long wait; it is called at the end.

    Notes
    -----
    Signals reach the main thread alone, and a handler that somebody has set has a
    meaning of its own: in any other thread, and with any other handler than Python's,
    nothing is done.
    """
    remembering = _Remembering()
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or not _is_default(signal.getsignal(signal.SIGINT)):
        yield remembering.check
        return
    before = signal.signal(signal.SIGINT, remembering)
    try:
        yield remembering.check
    except Exception as error:
        if remembering.interrupted:
            raise KeyboardInterrupt from error
        raise
    finally:
        # Not if somebody has set another one in the meantime.
        if signal.getsignal(signal.SIGINT) is remembering:
            signal.signal(signal.SIGINT, before)
    remembering.check()


@contextlib.contextmanager
def interrupts_wait() -> Iterator[None]:
    """Have Ctrl-C and SIGTERM wait until what is done here is done: short things only.

    Signals reach the main thread alone: in any other, nothing is done.
    """
    came: list[int] = []
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is not None:  # not one of C, which Python lacks
                before[number] = signal.signal(number, lambda n, _: came.append(n))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])


def _is_default(handler: object) -> bool:
    # One of ours stays when an interrupt comes just as it is taken back.
    return handler is signal.default_int_handler or isinstance(handler, _Remembering)
