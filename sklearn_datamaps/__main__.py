"""``python -m sklearn_datamaps``."""

import signal

from sklearn_datamaps._cli.parser import main


def run() -> int:
    """Run the command line as a process of its own; return its exit code."""
    code = main()
    # All is done and said: an interrupt now would print a traceback of the clearing up.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return code


if __name__ == "__main__":
    raise SystemExit(run())
