"""The command ``check``: new rows against a release that was mapped."""

import json

import numpy as np
import pandas as pd
import pytest

from sklearn_datamaps import DataMap
from sklearn_datamaps._cli import commands, demo
from tests.cli.test_loop import TICKET, of_logistic, tickets
from tests.cli.test_map import assert_one_line_error, run


@pytest.fixture(scope="module", autouse=True)
def no_pictures():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(commands, "write_plot", lambda *args: None)
        patch.setattr(demo, "explore", lambda *args, **_: None)
        yield


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    """A release of 2,000 tickets, mapped: its file and its map, for all tests."""
    folder = tmp_path_factory.mktemp("release")
    frame, *_ = tickets(2000, share=0.02, seed=1)
    path = folder / "release.csv"
    frame.to_csv(path, index=False)
    argv = ["--out", folder / "out", "--quiet", "--audit"]
    assert run("map", path, *TICKET, *argv).code == 0
    return path, folder / "out" / "data_map.parquet"


@pytest.fixture
def check(tmp_path):
    """Check a frame, as a file, against a release."""

    def check(release, frame, *argv):
        path = tmp_path / "new.csv"
        frame.to_csv(path, index=False)
        return run("check", path, "--against", release[1], *argv)

    return check


def by_rule(frame):
    """Tickets that mention a card are given to another queue."""
    named = frame["body"].str.contains("card|device")
    return frame.assign(queue=frame["queue"].where(~named, "bug"))


@pytest.mark.parametrize(
    ("share", "code", "said"),
    [(0.02, 0, "OK: no more than allowed"), (0.08, 3, "Too many")],
)
def test_exit_code_tells_whether_more_labels_are_wrong(
    check, release, share, code, said
):
    frame, *_ = tickets(1000, share=share, seed=2)
    result = check(release, frame, "--max-wrong", "2%")
    assert result.code == code, result.out + result.err
    assert said in result.out
    assert ("To find them: python -m sklearn_datamaps map" in result.out) == bool(code)
    assert "The release itself: " in result.out
    as_json = check(release, frame, "--json")
    found = json.loads(as_json.out)
    assert as_json.code == found["exit_code"] == code
    low, high = found["interval"]
    assert low <= share - 0.02 <= high
    assert found["rows"]["new"] + found["rows"]["in_both"] == 1000


def test_errors_by_a_rule_cannot_be_told_from_a_new_definition(check, release):
    frame, *_ = tickets(1000, share=0.02, seed=2)
    result = check(release, by_rule(frame))
    assert result.code == 4
    assert "agree among themselves" in result.out
    assert "More confused than in the release" in result.out
    found = json.loads(check(release, by_rule(frame), "--json").out)
    confused = {(row["label"], row["foretold"]) for row in found["confusions"]}
    assert confused == {("bug", "billing"), ("bug", "login")}


def test_few_rows_cannot_tell(check, release):
    frame, *_ = tickets(40, share=0.02, seed=2)
    result = check(release, frame)
    assert result.code == 4
    assert "more rows would tell" in result.out


def test_rows_of_the_release_are_not_new(check, release):
    before = pd.read_csv(release[0])
    frame, *_ = tickets(500, share=0.3, seed=2)
    both = pd.concat([before, frame]).sample(frac=1, random_state=0)
    found = json.loads(check(release, both, "--json").out)
    assert found["rows"]["in_both"] >= 2000
    assert found["rows"]["new"] == 2500 - found["rows"]["in_both"]
    assert found["verdict"] == "too many"
    assert json.loads(check(release, before, "--json").out)["verdict"] == "ok"


def test_labels_that_the_release_does_not_have_are_named(check, release):
    frame, *_ = tickets(1000, share=0.02, seed=2)
    frame.loc[:60, "queue"] = "returns"
    result = check(release, frame)
    assert result.code == 4
    assert "labels that the release does not have: 'returns'" in result.err
    assert "61 have labels that it does not have" in result.out
    frame.loc[61:, "queue"] = "bug"
    assert check(release, frame).code != 2


@pytest.mark.parametrize(
    "learner", ["sgd", pytest.param("logistic", marks=of_logistic), "boosting"]
)
def test_tables_are_checked(check, tmp_path, learner):
    rng = np.random.default_rng(0)

    def table(n, share):
        age, kind = rng.normal(size=n), rng.choice(["x", "y"], n)
        old = (age + (kind == "x") > 0.5) ^ (rng.random(n) < share)
        tag = np.where(old, "old", "new")
        return pd.DataFrame({"age": age.round(3), "region": kind, "tag": tag})

    path = tmp_path / "release.csv"
    table(1500, 0).to_csv(path, index=False)
    argv = ["--features", "age,region", "--label", "tag", "--learner", learner]
    out = tmp_path / "out"
    assert run("map", path, *argv, "--out", out, "--quiet").code == 0
    release = (path, out / "data_map.parquet")
    assert check(release, table(800, 0)).code == 0
    assert check(release, table(800, 0.08)).code == 3
    mixed = table(800, 0).assign(age="young")
    assert_one_line_error(check(release, mixed), "numbers in the release", "categories")


@pytest.mark.parametrize("bad", ["2", "0", "-1%", "200%", "two"])
def test_share_that_is_none_is_refused(check, release, bad):
    frame, *_ = tickets(40)
    result = check(release, frame, f"--max-wrong={bad}")
    assert_one_line_error(result, "--max-wrong", "such as 2% or 0.02")


def test_other_files_are_refused(check, release, tmp_path):
    frame, *_ = tickets(40)
    result = check(release, frame.drop(columns="queue"))
    assert_one_line_error(result, "'queue'")
    other = tmp_path / "other.parquet"
    DataMap.from_probabilities([[[0.9, 0.1], [0.2, 0.8]]], [0, 1]).to_parquet(other)
    assert_one_line_error(check((release[0], other), frame), "that the command map")
    result = check((release[0], tmp_path / "none.parquet"), frame)
    assert_one_line_error(result, "No such file", "none.parquet")


def test_rows_of_a_table_of_numbers_are_not_new_either(check, tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(300, 2)).round(2), columns=["a", "b"])
    frame["label"] = np.where(frame["a"] > frame["b"], "x", "y")
    frame.loc[:3, "a"] = np.nan
    path = tmp_path / "release.csv"
    frame.to_csv(path, index=False)
    argv = ["--features", "a,b", "--label", "label", "--quiet", "--out", tmp_path]
    for learner in ("sgd", "boosting"):
        assert run("map", path, *argv, "--learner", learner).code == 0
        release = path, tmp_path / "data_map.parquet"
        more = pd.concat([frame, frame.head(9).assign(b=[9.5] * 9)])
        found = json.loads(check(release, more, "--json").out)
        assert found["rows"]["in_both"] == 300
        assert found["rows"]["new"] == 9


def test_region_of_one_row_has_not_moved(check, release):
    frame, *_ = tickets(1, share=0.0, seed=5)
    found = json.loads(check(release, frame, "--json").out)
    assert found["rows"]["new"] == 1
    for region in found["regions"].values():
        assert abs(region["difference"]) <= 3 * region["error"]


def test_several_labels_a_row_are_refused_as_such(tmp_path):
    path = tmp_path / "a.csv"
    rows = [f"{w} {i},{i % 2},{i % 3 // 2}" for i in range(20) for w in ("oh", "my")]
    path.write_text("\n".join(["text,x,y", *rows]))
    argv = ["--text", "text", "--label", "x", "--label", "y", "--quiet"]
    assert run("map", path, *argv, "--out", tmp_path).code == 0
    result = run("check", path, "--against", tmp_path / "data_map.parquet")
    assert_one_line_error(result, "has several labels a row; check compares")
