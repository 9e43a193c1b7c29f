"""Every array of eleven configurations by two revisions of the package, bit for bit.

``golden OLD [NEW]`` takes two revisions (NEW: the working tree as it is), runs both in
this environment, in processes of their own and by public names, and compares all bits,
dtypes and shapes; NaN equals NaN. It ends with status 1 and the names of the arrays
that differ. What one revision lacks differs, unless ``--allow`` names it. Without Dask,
its configuration has nothing to compare.
"""

import argparse
import io
import os
import pickle
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import _golden_worker, _harness

ROOT = Path(__file__).parents[1]
QUICK = ["sparse_sgd", "records"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    names = [*_golden_worker.CONFIGURATIONS]
    parser.add_argument("old", metavar="OLD", help="git revision")
    parser.add_argument("new", metavar="NEW", nargs="?", help="default: working tree")
    parser.add_argument("--only", nargs="+", choices=names, metavar="CONFIGURATION")
    parser.add_argument(
        "--allow",
        nargs="+",
        default=[],
        metavar="NAME",
        help="arrays that one revision may lack: a path, or a part of it between /",
    )


def run(arguments: argparse.Namespace) -> None:
    chosen = QUICK if arguments.quick else [*_golden_worker.CONFIGURATIONS]
    chosen = arguments.only or chosen
    print(_harness.environment())
    old, new = (results_of(rev, chosen) for rev in (arguments.old, arguments.new))
    rows, differences = [], []
    for name in chosen:
        found = [*compare(name, old[name], new[name], arguments.allow)]
        n_arrays = len(old[name]["arrays"] | new[name]["arrays"])
        seconds = [round(one[name]["seconds"], 1) for one in (old, new)]
        rows.append((name, n_arrays, len(found), *seconds))
        differences += found
    columns = ["configuration", "arrays", "differences", "s_old", "s_new"]
    print(pd.DataFrame(rows, columns=columns).to_string(index=False))
    if differences:
        print("\nDifferences", *differences, sep="\n")
        raise SystemExit(1)
    lacking = f", but for what one may lack: {arguments.allow}" * bool(arguments.allow)
    print(f"\nAll equal, bit for bit{lacking}")


def results_of(revision: str | None, chosen: list[str]) -> dict[str, Any]:
    """Run the configurations with the package of one revision."""
    with TemporaryDirectory() as temporary:
        folder = ROOT if revision is None else check_out(revision, Path(temporary))
        file = Path(temporary, "results.pickle")
        # Of a script, Python would look for modules in its folder first, but for -P.
        # Sums depend on the number of threads.
        subprocess.run(
            [sys.executable, "-P", _golden_worker.__file__, file, *chosen],
            env=os.environ | {"PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"},
            cwd=temporary,
            check=True,
        )
        results = pickle.loads(file.read_bytes())
        if not Path(results["package"]).is_relative_to(folder):
            raise SystemExit(
                f"{revision or 'The working tree'} was to be imported from {folder}, "
                f"but Python took {results['package']}: is it installed otherwise?"
            )
    return results["runs"]


def check_out(revision: str, folder: Path) -> Path:
    """Write the package of a revision to a folder."""
    archive = ["git", "-C", ROOT, "archive", revision, "sklearn_datamaps"]
    made = subprocess.run(archive, capture_output=True)
    if made.returncode:
        raise SystemExit(
            f"No package in revision {revision!r}. git: {made.stderr.decode().strip()}"
        )
    with tarfile.open(fileobj=io.BytesIO(made.stdout)) as tar:
        tar.extractall(folder, filter="data")
    return folder


def compare(name: str, old: dict, new: dict, allowed: list[str]) -> Iterator[str]:
    """Yield a line for each difference between two runs of a configuration."""
    for which, one in (("OLD", old), ("NEW", new)):
        if one["error"]:
            yield f"{name}: {which} stopped with {one['error']}"
    before, after = old["arrays"], new["arrays"]
    for path in before | after:
        if path in before and path in after:
            if not same(before[path], after[path]):
                yield f"{name}/{path}: {difference(before[path], after[path])}"
        elif not {f"{name}/{path}", *path.split("/")} & {*allowed}:
            yield f"{name}/{path}: only in {'OLD' if path in before else 'NEW'}"
    orders = [p for p in before if p in after], [p for p in after if p in before]
    if orders[0] != orders[1]:
        at = next(pair for pair in zip(*orders, strict=True) if pair[0] != pair[1])
        yield f"{name}: order of columns or measures, {at[0]} has become {at[1]}"


def same(old: np.ndarray, new: np.ndarray) -> bool:
    """Whether two arrays are equal bit for bit, but for NaN, which all are equal."""
    if old.dtype != new.dtype or old.shape != new.shape:
        return False
    if old.dtype.kind == "O":
        # The shortest text of a float that tells it from all others.
        written = [[(type(v), repr(v)) for v in a.ravel()] for a in (old, new)]
        return written[0] == written[1]
    if old.dtype.kind != "f":
        return np.array_equal(old, new)
    bits = [np.ascontiguousarray(a).view(f"u{a.itemsize}") for a in (old, new)]
    both_nan = np.isnan(old) & np.isnan(new)
    return bool(((bits[0] == bits[1]) | both_nan).all())


def difference(old: np.ndarray, new: np.ndarray) -> str:
    """Tell how two arrays differ."""
    if old.dtype != new.dtype or old.shape != new.shape:
        return f"{old.dtype} {old.shape} has become {new.dtype} {new.shape}"
    if old.dtype.kind != "f":
        return f"{int((old != new).sum())} of {old.size} entries"
    differs = ~((old == new) | (np.isnan(old) & np.isnan(new)))
    largest = np.abs(old - new)[differs].max(initial=0)
    return f"{int(differs.sum())} of {old.size} entries, by at most {largest:.1e}"
