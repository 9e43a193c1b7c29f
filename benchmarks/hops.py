"""Changes of file on the way of X from ``fit`` to the map, and of a file to its map.

A *hop* is a call from one file of the package into another that is given the data: rows
of them as an argument, or an object that holds them, in its attributes or items at any
depth (what a closure or a generator remembers is no argument). From ``fit`` on, the
data are X, in CSR. On the command line they are the name of the file and whatever has
an entry for each of its rows, until there is a map. Each ordered pair of files counts
once, however often it is taken; the way back, by ``return``, is free, and what
libraries call back counts for the file that called them.

Nothing is timed: the counts are the same on every machine.
"""

import argparse
import contextlib
import io
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import pandas as pd
from scipy import sparse
from sklearn.linear_model import SGDClassifier

import sklearn_datamaps
from sklearn_datamaps import DataMapClassifier
from sklearn_datamaps._cli.parser import main

ROOT = str(Path(sklearn_datamaps.__file__).parent)
N_SAMPLES, N_FEATURES = 211, 1234  # nothing else has as many rows or columns
FILE = "comments-to-be-mapped.csv"
MAP = "_core/base_map.py"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--pairs", action="store_true", help="print every hop")


def run(arguments: argparse.Namespace) -> None:
    X = sparse.random(N_SAMPLES, N_FEATURES, 0.02, format="csr", random_state=0)
    y = [i % 3 for i in range(N_SAMPLES)]
    in_sample = DataMapClassifier(
        SGDClassifier(loss="log_loss"), n_epochs=2, random_state=0
    )
    folds = DataMapClassifier(**{**in_sample.get_params(deep=False), "cv": 2})
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / FILE
        texts = [f"so kind {i % 7} thank you" for i in range(N_SAMPLES)]
        pd.DataFrame({"text": texts, "label": y}).to_csv(file, index=False)
        told = ["map", str(file), "--text", "text", "--label", "label", "--quiet"]
        command = partial(main, [*told, "--out", str(Path(folder) / "out")])
        ways = {
            "fit": hops(partial(in_sample.fit, X, y), _is_x),
            "fit, cv=2": hops(partial(folds.fit, X, y), _is_x),
            "map": hops(command, _is_of_file, to_map=True),
        }
    if arguments.pairs:
        for way, pairs in ways.items():
            for caller, called in pairs:
                print(f"{way}: {caller} -> {called}")
    for way, pairs in ways.items():
        print(f"{way}: {len(pairs)} hops")


def hops(
    call: Callable[[], Any], is_data: Callable[[Any], bool], *, to_map: bool = False
) -> list[tuple[str, str]]:
    """Pairs of files, the caller's and the other.

    Parameters
    ----------
    call : callable
        Called twice without arguments: what is loaded or cached at the first call is
        no hop.
    is_data : callable
        Whether a value is the data, or rows of them.
    to_map : bool, default=False
        Whether to stop where there is a map.

    Returns
    -------
    list of (str, str)
        Paths in the package, in the order of their first call.
    """
    pairs: dict[tuple[str, str], None] = {}
    is_mapped = False

    def on_event(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal is_mapped
        called = _file(frame)
        if event != "call" or called is None or is_mapped:
            return
        is_mapped = to_map and called == MAP and frame.f_code.co_name == "__post_init__"
        before = frame.f_back
        while before is not None and _file(before) is None:
            before = before.f_back
        caller = None if before is None else _file(before)
        if caller in (None, called) or (caller, called) in pairs:
            return
        if any(_holds(value, is_data, set()) for value in _arguments(frame)):
            pairs[str(caller), called] = None

    with contextlib.redirect_stdout(io.StringIO()):
        call()
        sys.setprofile(on_event)
        try:
            call()
        finally:
            sys.setprofile(None)
    return list(pairs)


def _file(frame: FrameType) -> str | None:
    """Path of the code in the package; None elsewhere."""
    path = frame.f_code.co_filename
    return path[len(ROOT) + 1 :] if path.startswith(ROOT) else None


def _arguments(frame: FrameType) -> list[Any]:
    code = frame.f_code
    n_named = code.co_argcount + code.co_kwonlyargcount
    n_named += bool(code.co_flags & 0x04) + bool(code.co_flags & 0x08)  # *args, **kw
    return [frame.f_locals.get(name) for name in code.co_varnames[:n_named]]


def _holds(value: Any, is_data: Callable[[Any], bool], seen: set[int]) -> bool:
    """Whether a value is data, or has them in its attributes or items."""
    if id(value) in seen or isinstance(value, type):
        return False
    if is_data(value):
        return True
    seen.add(id(value))
    ours = type(value).__module__.startswith("sklearn_datamaps")
    held: list[Any] = []
    if isinstance(value, partial):
        held = [value.func, *value.args, *value.keywords.values()]
    elif isinstance(value, list | tuple):
        held = list(value)
    elif isinstance(value, dict):
        held = list(value.values())
    elif hasattr(value, "__self__"):  # a bound method
        held = [value.__self__]
    elif (ours or isinstance(value, argparse.Namespace)) and hasattr(value, "__dict__"):
        held = list(vars(value).values())
    return any(_holds(part, is_data, seen) for part in held)


def _is_x(value: Any) -> bool:
    return sparse.issparse(value) and value.shape[1] == N_FEATURES


def _is_of_file(value: Any) -> bool:
    if isinstance(value, str | Path):
        return str(value).endswith(FILE)
    if isinstance(value, list | tuple | dict):
        return len(value) == N_SAMPLES
    return getattr(value, "shape", ())[:1] == (N_SAMPLES,)
