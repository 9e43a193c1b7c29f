"""What Ctrl-C and SIGTERM do to the command line: one line, and 128 + their number."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

HANDLED = (signal.SIGINT, signal.SIGTERM)


class Signals:
    """The answer to both signals.

    Attributes
    ----------
    loading : bool
        Whether modules are being loaded, whose code may swallow what is raised. As
        nothing is written yet, the process just ends.
    came : int
        The first signal that came; SIGINT if a KeyboardInterrupt came without one.
    """

    def __init__(self) -> None:
        self.loading = False
        self.came = 0

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.came = self.came or number
        if self.loading:
            print(self.told(), file=sys.stderr, flush=True)
            os._exit(self.exit_code)
        raise KeyboardInterrupt

    @property
    def exit_code(self) -> int:
        """The code that shells give a process that a signal has ended."""
        return 128 + (self.came or signal.SIGINT)

    def told(self) -> str:
        """One line for the standard error."""
        ended = "ended" if self.came == signal.SIGTERM else "interrupted"
        return f"sklearn-datamaps: {ended}"


@contextmanager
def signals_handled() -> Iterator[Signals]:
    """Answer both signals, but for one that the process was started to ignore."""
    signals = Signals()
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in HANDLED:
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                before[number] = signal.signal(number, signals)
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
