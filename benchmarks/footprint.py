"""What an installation brings: packages, megabytes, and how long names take to load.

Each extra is installed from this checkout into a fresh environment (needs an index of
packages). Packages and megabytes are those of its site-packages, with nothing that
Python itself has. Loading is the processor time of a fresh process less that of a bare
one, as a ratio to ``import sklearn.linear_model`` of the same round, which everybody
who trains a linear model waits for; median of the rounds.
"""

import argparse
import datetime
import json
import platform
import resource
import subprocess
import sys
import tempfile
import venv
from functools import partial
from pathlib import Path

import pandas as pd

from benchmarks import _harness

ROOT = Path(__file__).parents[1]
EXTRAS = ("none", "explore", "dask")
BASE = "import sklearn.linear_model"
LOADED = {
    "help on the command line": "import sys, sklearn_datamaps.__main__ as m\n"
    "try: m.main(['--help'])\nexcept SystemExit: pass",
    "import sklearn_datamaps": "import sklearn_datamaps",
    "from sklearn_datamaps import DataMapClassifier": (
        "from sklearn_datamaps import DataMapClassifier"
    ),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--extras", nargs="+", default=EXTRAS, help="none: without any")
    parser.add_argument("--rounds", type=int, default=9, help="counted (default: 9)")


def run(arguments: argparse.Namespace) -> None:
    print(_harness.environment())
    extras = arguments.extras[:1] if arguments.quick else arguments.extras
    n_rounds = 1 if arguments.quick else arguments.rounds
    sizes, loading = [], None
    for extra in extras:
        with tempfile.TemporaryDirectory() as folder:
            python = install(Path(folder), extra)
            sizes.append({"extra": extra, **size_of(python)})
            if loading is None:
                loading = time_loading(python, n_rounds)
    table = pd.DataFrame(sizes).assign(
        python=platform.python_version(), measured=datetime.date.today().isoformat()
    )
    print(table.to_string(index=False))
    print(loading.round(2).to_string(index=False))
    if not arguments.quick:
        _harness.save("footprint", summary=table, loading=loading)


def install(folder: Path, extra: str) -> Path:
    """Make an environment, install this checkout into it, and return its Python."""
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    what = str(ROOT) if extra == "none" else f"{ROOT}[{extra}]"
    pip = [sys.executable, "-m", "pip", "--python", python]
    subprocess.run([*pip, "install", "--quiet", what], check=True)
    return python


def size_of(python: Path) -> dict[str, int]:
    """Number of packages, and megabytes of all their files."""
    pip = [sys.executable, "-m", "pip", "--python", python, "list", "--format", "json"]
    listed = subprocess.run(pip, check=True, capture_output=True, text=True).stdout
    (packages,) = (python.parents[1] / "lib").glob("python*/site-packages")
    files = [path for path in packages.rglob("*") if path.is_file()]
    n_bytes = sum(path.stat().st_size for path in files if path.suffix != ".pyc")
    return {"packages": len(json.loads(listed)), "MB": round(n_bytes / 1e6)}


def time_loading(python: Path, n_rounds: int) -> pd.DataFrame:
    """Time what is loaded in turn, after one round that fills caches."""
    codes = {"bare": "pass", BASE: BASE, **LOADED}
    seconds = pd.DataFrame(
        {what: cpu_seconds(python, code) for what, code in codes.items()}
        for _ in range(n_rounds + 1)
    ).iloc[1:]
    net = seconds.drop(columns="bare").sub(seconds["bare"], axis=0)
    ratios = net[[*LOADED]].div(net[BASE], axis=0)
    return pd.DataFrame(
        {
            "what": ratios.columns,
            f"time : {BASE}": ratios.median().to_numpy().round(3),
            "lowest": ratios.min().to_numpy().round(3),
            "highest": ratios.max().to_numpy().round(3),
        }
    )


def cpu_seconds(python: Path, code: str) -> float:
    """Processor time of a fresh process that runs some code."""
    usage = partial(resource.getrusage, resource.RUSAGE_CHILDREN)
    before = usage()
    subprocess.run([python, "-I", "-c", code], check=True, stdout=subprocess.DEVNULL)
    after = usage()
    return (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)
