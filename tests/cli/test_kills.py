"""Files are old or new after a kill at any moment; decisions and old files stay."""

import json
import os
import subprocess
import sys
from collections import Counter

import pytest

from tests.cli.test_files_kept import ROOT

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs fork and signals")
nightly = pytest.mark.nightly


QUICK = ("moments:2:2:0", "random:5:0", "decided:1:5", "full:10")


def reports_of(folder, *modes):
    code = (
        "import sys\n"
        "from tests.cli import killed_commands\n"
        "killed_commands.main_of(*sys.argv[1:])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder), *modes],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "reports.json").read_text())


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """Run what is quick in one process, which takes longer to start than to fork."""
    return reports_of(tmp_path_factory.mktemp("quick"), *QUICK)


@pytest.fixture
def reports(request, mode, tmp_path):
    if mode in QUICK:
        return request.getfixturevalue("quick")[mode]
    return reports_of(tmp_path, mode)[mode]


@pytest.mark.parametrize(
    "mode",
    [
        *QUICK[:2],
        # Every signal at every moment.
        pytest.param("moments:1:1:0", marks=nightly),
        pytest.param("moments:1:1:1", marks=nightly),
        pytest.param("moments:1:1:2", marks=nightly),
        pytest.param("random:60:1", marks=nightly),
    ],
)
def test_killed_command_leaves_old_files_or_new_ones(mode, reports):
    assert len(reports) >= 20
    assert {report["what"] for report in reports} == {
        *("map", "apply", "explore", "to_parquet")
    }
    for report in reports:
        assert report["state"] in ("old", "new"), report
        if report["how"] == "SIGKILL":
            assert report["code"] in (-9, 0), report
            continue
        assert report["code"] in (0, 130, 143, -2, -15), report
        # What has heard the signal clears up; Python itself ends at once by SIGTERM.
        if report["code"] != -15:
            assert report["left"] == [], report
            assert not report["half"], report
    if mode.startswith("moments"):
        states = Counter(report["state"] for report in reports)
        assert min(states["old"], states["new"]) > 2  # killed here and there


@pytest.mark.parametrize("mode", [QUICK[2], pytest.param("decided:1:1", marks=nightly)])
def test_decision_of_any_moment_of_a_map_is_kept(reports):
    assert len(reports) > 2
    for report in reports:
        assert report["kept"], report
        assert report["others"], report
        assert report["code"] == 2, report
        assert "holds decisions" in report["said"], report


@pytest.mark.parametrize("mode", [QUICK[3]])
def test_full_disk_leaves_the_old_files_and_names_the_one_it_could_not_write(reports):
    assert len(reports) == 40
    for report in reports:
        assert report["code"] == 2, report
        assert report["state"] == "old", report
        assert report["left"] == [], report
        assert "make room" in report["said"], report
        assert "out" in report["said"], report
    names = {"map": "data_map.html", "apply": "fixed.csv", "explore": "page.html"}
    for what, name in {**names, "to_parquet": "map.parquet"}.items():
        assert any(name in r["said"] for r in reports if r["what"] == what), name
