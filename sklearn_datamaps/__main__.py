"""``python -m sklearn_datamaps``."""

import gc
import signal

from sklearn_datamaps._cli.parser import main


def run() -> int:
    """Run the command line as a process of its own; return its exit code."""
    # A command makes millions of texts and few circles of objects: Python looks for
    # these less often, and at the end not at all. A tenth of the time of a map.
    gc.set_threshold(100_000)
    code = main()
    gc.freeze()
    # All is done and said: an interrupt now would print a traceback of the clearing up.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return code


if __name__ == "__main__":
    raise SystemExit(run())
