"""The loop on the command line: what is read, what is left, and map again."""

import json
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sklearn_datamaps import DataMap
from sklearn_datamaps._cli import commands, demo, learners
from sklearn_datamaps._learners.sklearn_compat import calls_back
from tests.cli.test_map import assert_one_line_error, run, table_of

TOPICS = {
    "billing": "invoice refund charged twice card payment receipt amount",
    "login": "password reset locked account sign code email device",
    "shipping": "parcel late courier tracking address delivery lost box",
    "bug": "crash error screen freeze update version button broken",
}
FILLER = "please help me today since the last week our team thanks hello again"
of_logistic = pytest.mark.skipif(not calls_back(), reason="needs scikit-learn 1.9")
TEXTS = ["subject", "body"]
TICKET = [word for name in TEXTS for word in ("--text", name)]
TICKET += ["--label", "queue", "--id", "ticket"]


def tickets(n=400, share=0.1, seed=0):
    """Synthetic tickets, and which of them are in a wrong queue."""
    rng = np.random.default_rng(seed)
    queues = [*TOPICS]
    true = rng.integers(len(queues), size=n)
    wrong = np.zeros(n, dtype=bool)
    wrong[rng.choice(n, round(share * n), replace=False)] = True
    given = np.where(
        wrong, (true + rng.integers(1, len(queues), n)) % len(queues), true
    )

    def words(topic, k):
        own = TOPICS[queues[topic]].split()
        both = [*rng.choice(own, k), *rng.choice(FILLER.split(), 4)]
        return " ".join(rng.permutation(both))

    frame = pd.DataFrame(
        {
            "ticket": [f"T{i:05}" for i in range(n)],
            "subject": [words(topic, 1) for topic in true],
            "body": [words(topic, 3) for topic in true],
            "queue": [queues[code] for code in given],
        }
    )
    return frame, wrong, np.array(queues)[true]


@pytest.fixture(autouse=True)
def pictures(monkeypatch):
    monkeypatch.setattr(commands, "write_plot", lambda *args: None)
    monkeypatch.setattr(demo, "explore", lambda *args, **_: None)


@pytest.fixture
def desk(tmp_path):
    frame, wrong, true = tickets()
    path = tmp_path / "tickets.csv"
    frame.to_csv(path, index=False)
    return path, dict(zip(frame["ticket"], wrong, strict=True)), true


def map_to(path, out, *argv):
    return run("map", path, *TICKET, "--out", path.parent / out, "--quiet", *argv)


def decide(review, is_wrong, true=None, n=None):
    """Fill in a review as somebody who knows; with true labels by relabelling."""
    table = table_of(review)
    for at in range(len(table) if n is None else n):
        row = table.loc[at]
        if row["decision"]:
            continue
        wrong = is_wrong[row["id"]]
        table.loc[at, "decision"] = "keep"
        if wrong:
            table.loc[at, "decision"] = "drop" if true is None else "relabel"
            table.loc[at, "new_label"] = "" if true is None else true[row["id"]]
    table.to_csv(review, index=False)
    return table


def test_review_holds_as_many_rows_as_asked_else_100(desk):
    path, *_ = desk
    map_to(path, "out")
    assert len(table_of(path.parent / "out" / "review.csv")) == 100
    map_to(path, "out", "--review", 7)
    assert len(table_of(path.parent / "out" / "review.csv")) == 7


def test_review_of_an_audit_holds_as_many_rows_as_it_says_are_wrong(tmp_path):
    frame, *_ = tickets(900, share=0.25)
    path = tmp_path / "tickets.csv"
    frame.to_csv(path, index=False)
    result = map_to(path, "out", "--audit", "--json")
    said = json.loads(result.out)
    assert said["audit"]["n_wrong"] > 150
    expected = int(said["audit"]["n_wrong"])
    assert said["review"] == {"rows": expected, "decided": 0}
    assert len(table_of(tmp_path / "out" / "review.csv")) == expected


def test_status_says_what_was_found_and_what_is_left(desk):
    path, is_wrong, _ = desk
    map_to(path, "out")
    review = path.parent / "out" / "review.csv"
    assert "Nothing is decided yet: 100 rows" in run("status", path, review).out
    said = json.loads(run("status", path, review, "--json").out)
    assert (said["reviewed"], said["rows"]) == (0, 100)
    result = run("status", path, review, "--next", path.parent / "next.csv")
    assert_one_line_error(result, "Nothing is decided yet")
    found = decide(review, is_wrong, n=30)["decision"].tolist().count("drop")
    result = run("status", path, review)
    assert result.code == 0, result.err
    assert f"Reviewed 30, wrong {found}" in result.out
    assert "estimated left" in result.out
    assert result.out.rstrip().endswith(f"status {path} {review} --next next.csv")
    said = json.loads(run("status", path, review, "--json").out)
    assert (said["reviewed"], said["found"]) == (30, found)
    low, high = said["left_interval"]
    assert low <= sum(is_wrong.values()) - found <= high
    argv = ["status", path, review, "--json", "--rows", 50]
    assert json.loads(run(*argv).out)["next_rows"] == 50
    assert not json.loads(run(*argv).out)["stop"]
    assert json.loads(run(*argv, "--worth", "99%").out)["stop"]


def test_rounds_of_the_loop_go_on_until_it_says_stop(desk):
    path, is_wrong, _ = desk
    map_to(path, "out", "--review", 40)
    review = path.parent / "out" / "review.csv"
    for number in range(8):
        read = decide(review, is_wrong)
        assert not read["id"].duplicated().any()
        argv = ["--map", path.parent / "out" / "data_map.parquet", "--rows", 40]
        after = path.parent / f"next{number}.csv"
        said = json.loads(
            run("status", path, review, "--next", after, *argv, "--json").out
        )
        assert said["reviewed"] == 40 * (number + 1)
        follows = table_of(after)
        assert (follows["decision"] == "").sum() == 40
        assert (follows["decision"][:40] == "").all()
        assert len(follows) == 40 + said["reviewed"]
        if said["stop"]:
            break
        review = after
    assert said["stop"]
    assert said["found"] >= 0.9 * sum(is_wrong.values())
    assert said["reviewed"] < len(is_wrong) / 2
    hint = run("status", path, after, *argv).out.splitlines()[-1]
    assert "apply" in hint
    assert str(after) in hint
    fixed = path.parent / "fixed.csv"
    assert run("apply", path, after, "--out", fixed).code == 0
    assert len(table_of(fixed)) == len(is_wrong) - said["found"]


def test_control_rows_of_another_audit_measure_nothing_and_that_is_said(desk):
    path, is_wrong, _ = desk
    argv = ["--audit", "--review", 40, "--control", 40]
    map_to(path, "out", *argv)
    review = path.parent / "out" / "review.csv"
    decide(review, is_wrong)
    again = map_to(path, "again", *argv, "--decided", review)
    assert "measured by the rows at random" in again.out
    other = map_to(path, "other", *argv, "--decided", review, "--epochs", 3)
    assert other.code == 0, other.err
    assert "measured" not in other.out
    assert "were drawn by another audit" in other.err


def test_control_rows_stay_unmarked_and_measure_in_later_rounds(desk):
    path, is_wrong, _ = desk
    map_to(path, "out", "--audit", "--review", 40, "--control", 40)
    review = path.parent / "out" / "review.csv"
    decide(review, is_wrong)
    after = path.parent / "next.csv"
    first = json.loads(
        run("status", path, review, "--next", after, "--rows", 30, "--json").out
    )
    follows = table_of(after)
    assert "predicted" not in follows
    assert "chance_wrong" not in follows
    assert len(set(follows["drawn"])) == 1
    decide(after, is_wrong)
    parquet = path.parent / "out" / "data_map.parquet"
    second = json.loads(run("status", path, after, "--map", parquet, "--json").out)
    assert second["reviewed"] == 110
    assert second["measured"] == pytest.approx(first["measured"])
    low, high = second["measured_interval"]
    assert low <= sum(is_wrong.values()) <= high


def test_next_step_names_the_map_that_was_given(desk):
    path, is_wrong, _ = desk
    map_to(path, "out")
    review, after = path.parent / "alone.csv", path.parent / "next.csv"
    (path.parent / "out" / "review.csv").rename(review)
    decide(review, is_wrong, n=30)
    argv = ["--map", path.parent / "out" / "data_map.parquet"]
    for more in ([], ["--next", after]):
        hint = run("status", path, review, *argv, *more).out.splitlines()[-1]
        assert f"--map {argv[1]}" in hint


def test_next_review_can_be_opened_in_a_spreadsheet(desk):
    path, is_wrong, _ = desk
    table = table_of(path)
    table.assign(subject="=1+" + table["subject"]).to_csv(path, index=False)
    map_to(path, "out")
    review, after = path.parent / "out" / "review.csv", path.parent / "next.csv"
    decide(review, is_wrong, n=30)
    assert run("status", path, review, "--next", after).code == 0
    assert after.read_bytes().startswith("\ufeff".encode())
    assert table_of(after)["text"].str.startswith("'=1+").all()
    argv = ["--map", path.parent / "out" / "data_map.parquet"]
    assert run("status", path, after, *argv).code == 0


def test_hints_of_a_second_round_name_files_that_are_not_there(desk, monkeypatch):
    path, is_wrong, _ = desk
    monkeypatch.chdir(path.parent)
    here = path.rename("corrected.csv")
    Path("next.csv").touch()
    told = map_to(here, "out").out
    assert "--out corrected-2.csv" in told
    decide("out/review.csv", is_wrong, n=10)
    read_on = run("status", here, "out/review.csv").out
    assert "--next next-2.csv" in read_on
    decide("out/review.csv", is_wrong)
    stop = run("status", here, "out/review.csv").out
    *_, hint = stop.splitlines()
    hint = shlex.split(hint)
    assert run(*hint[hint.index("apply") :]).code == 0
    assert Path("corrected-2.csv").exists()


def test_next_review_replaces_nothing_unless_told(desk):
    path, is_wrong, _ = desk
    map_to(path, "out")
    review = path.parent / "out" / "review.csv"
    decide(review, is_wrong, n=20)
    before = review.read_bytes()
    for taken in (review, path):
        result = run("status", path, review, "--next", taken, "--force")
        assert_one_line_error(result, "would replace", str(taken))
    after = path.parent / "next.csv"
    assert run("status", path, review, "--next", after).code == 0
    result = run("status", path, review, "--next", after)
    assert_one_line_error(result, "exists", "--force")
    assert run("status", path, review, "--next", after, "--force").code == 0
    assert review.read_bytes() == before


def test_status_refuses_what_it_cannot_tell(desk):
    path, is_wrong, _ = desk
    assert "How far you are" in map_to(path, "out").out
    assert "How far you are" not in map_to(path, "out", "--cv", "0").out
    review = path.parent / "out" / "review.csv"
    decide(review, is_wrong, n=20)
    assert_one_line_error(run("status", path, review), "in-sample", "--cv 2")
    alone = path.parent / "alone.csv"
    review.rename(alone)
    assert_one_line_error(run("status", path, alone), "no map", "--map")
    map_to(path, "out")
    parquet = path.parent / "out" / "data_map.parquet"
    table = table_of(path)
    table.loc[3, "queue"] = "bug" if table.loc[3, "queue"] != "bug" else "login"
    table.to_csv(path, index=False)
    result = run("status", path, alone, "--map", parquet)
    assert_one_line_error(result, "1 of the 400 mapped rows", "--decided")


def test_status_and_apply_take_the_same_new_labels(desk):
    path, *_ = desk
    map_to(path, "out")
    review = path.parent / "out" / "review.csv"
    table = table_of(review)
    table.loc[:1, "decision"] = "relabel"
    table.loc[:1, "new_label"] = [table["label"][0], "a new queue"]
    table.to_csv(review, index=False)
    fixed = path.parent / "fixed.csv"
    for argv in (["status", path, review], ["apply", path, review, "--out", fixed]):
        assert_one_line_error(run(*argv), "['a new queue'] are not among", "--new-la")
    argv = ["status", path, review, "--new-labels", "--json"]
    said = json.loads(run(*argv).out)
    assert (said["reviewed"], said["found"]) == (2, 1)


def test_map_again_brings_decisions_along_also_once_they_are_applied(desk):
    path, is_wrong, true = desk
    true_of = dict(zip(is_wrong, true, strict=True))
    map_to(path, "out", "--review", 60)
    review = path.parent / "out" / "review.csv"
    first = decide(review, is_wrong, true_of, n=50).head(50)
    n_wrong = (first["decision"] == "relabel").sum()
    assert n_wrong > 20

    result = map_to(path, "again", "--decided", review)
    assert result.code == 0, result.err
    again = table_of(path.parent / "again" / "review.csv").set_index("id")
    assert "Decisions brought along: 50" in result.out
    written = ["decision", "new_label"]
    expected = first.set_index("id")[written]
    pd.testing.assert_frame_equal(again.loc[first["id"], written], expected)
    assert (again["decision"] == "").sum() == 100
    assert (again["decision"][:100] == "").all()

    fixed = path.parent / "fixed.csv"
    assert run("apply", path, review, "--out", fixed).code == 0
    result = map_to(fixed, "third", "--decided", review)
    assert f"of these applied since, now to keep: {n_wrong}" in result.out
    third = table_of(path.parent / "third" / "review.csv").set_index("id")
    assert (third.loc[first["id"], "decision"] == "keep").all()
    assert (third["decision"] == "").sum() == 100


@pytest.mark.parametrize("lost", [["row_hash"], ["row_hash", "label", "text"]])
def test_review_without_hashes_goes_through_the_loop(desk, lost):
    path, is_wrong, true = desk
    true_of = dict(zip(is_wrong, true, strict=True))
    map_to(path, "out", "--review", 60)
    review = path.parent / "out" / "review.csv"
    first = decide(review, is_wrong, true_of, n=50).drop(columns=lost)
    first.to_csv(review, index=False)
    first = first.head(50).set_index("id")
    n_wrong = (first["decision"] == "relabel").sum()
    fixed, next_one = (path.parent / name for name in ("fixed.csv", "next.csv"))
    result = run("status", path, review, "--next", next_one)
    assert f"Reviewed 50, wrong {n_wrong}" in result.out
    assert "note: Decisions without a row_hash: 50" in result.err
    found = table_of(next_one).set_index("id").loc[first.index, "decision"]
    assert found.tolist() == first["decision"].tolist()
    assert run("apply", path, review, "--out", fixed).code == 0
    result = map_to(fixed, "again", "--decided", review)
    assert f"of these applied since, now to keep: {n_wrong}" in result.out
    again = table_of(path.parent / "again" / "review.csv").set_index("id")
    assert (again.loc[first.index, "decision"] == "keep").all()


def test_decisions_without_a_hash_on_labels_that_changed_are_lost(desk):
    path, is_wrong, _ = desk
    map_to(path, "out", "--review", 60)
    review = path.parent / "out" / "review.csv"
    table = decide(review, is_wrong, n=20).drop(columns="row_hash")
    table.loc[0, ["decision", "label"]] = ["keep", "another one"]
    table.to_csv(review, index=False)
    result = map_to(path, "again", "--decided", review)
    assert "Decisions brought along: 19\n" in result.out
    assert "have another label or text by now: 1" in result.out


def test_notes_are_brought_along(desk):
    path, is_wrong, _ = desk
    map_to(path, "out")
    review = path.parent / "out" / "review.csv"
    decided = decide(review, is_wrong, n=10).assign(note="", annotator="")
    decided.loc[3, ["note", "annotator"]] = ["ask sales", "Ada"]
    decided.fillna("").to_csv(review, index=False)
    map_to(path, "again", "--decided", review)
    again = table_of(path.parent / "again" / "review.csv").set_index("id")
    assert again.loc[decided.loc[3, "id"], "note"] == "ask sales"
    assert (again["annotator"] == "Ada").sum() == 1
    assert set(again["annotator"]) == {"Ada", ""}


@pytest.mark.parametrize("named", [True, False])
def test_decision_on_one_of_equal_rows_is_brought_to_that_one(desk, named):
    path, *_ = desk
    table = table_of(path)
    same = ["subject", "body", "queue"]
    table.loc[[9, 30], same] = table.loc[5, same].tolist()
    table.to_csv(path, index=False)
    map_to(path, "out", "--review", 400)
    review = path.parent / "out" / "review.csv"
    reviewed = table_of(review)
    reviewed.loc[reviewed["id"] == "T00009", "decision"] = "keep"
    if named:  # and not at its position, after other rows
        table = table.iloc[::-1]
    else:
        table["ticket"] = [f"renamed {i}" for i in range(len(table))]
    table.to_csv(path, index=False)
    reviewed.to_csv(review, index=False)
    map_to(path, "again", "--review", 400, "--decided", review)
    again = table_of(path.parent / "again" / "review.csv").set_index("id")
    kept = again.index[again["decision"] == "keep"].tolist()
    assert kept == ["T00009" if named else "renamed 9"]


def test_decisions_on_a_table_are_brought_along_once_they_are_applied(tmp_path):
    rng = np.random.default_rng(0)
    size = rng.normal(size=300)
    frame = pd.DataFrame({"name": [f"n{i}" for i in range(300)], "size": size})
    frame["tag"] = np.where(size > 0, "large", "small")
    frame.loc[:20, "tag"] = "large"
    path, fixed = tmp_path / "table.csv", tmp_path / "fixed.csv"
    frame.to_csv(path, index=False)
    argv = ["--features", "size", "--label", "tag", "--id", "name", "--quiet"]
    assert run("map", path, *argv, "--out", tmp_path / "out").code == 0
    review = tmp_path / "out" / "review.csv"
    reviewed = table_of(review)
    reviewed.loc[:4, ["decision", "new_label"]] = ["relabel", "small"]
    reviewed.to_csv(review, index=False)
    assert (reviewed["label"][:5] == "large").all()
    assert run("apply", path, review, "--out", fixed).code == 0
    result = run("map", fixed, *argv, "--out", tmp_path / "b", "--decided", review)
    assert "of these applied since, now to keep: 5" in result.out


def test_decisions_on_rows_that_are_gone_or_changed_are_counted(desk):
    path, is_wrong, _ = desk
    map_to(path, "out")
    review = path.parent / "out" / "review.csv"
    decided = decide(review, is_wrong, n=10).head(10)
    table = table_of(path)
    table = table[table["ticket"] != decided.loc[0, "id"]]
    changed = table["ticket"] == decided.loc[1, "id"]
    table.loc[changed, "body"] += " but something else"
    table.to_csv(path, index=False)
    n_lost = int((decided["decision"][:2] != "drop").sum())
    result = map_to(path, "again", "--decided", review)
    assert "Decisions brought along: 8" in result.out
    told = f"another label or text by now: {n_lost}"
    assert (told in result.out) == (n_lost > 0)
    assert_one_line_error(
        map_to(path, "third", "--decided", path.parent / "none.csv"), "No such file"
    )


def test_audit_takes_decisions_of_corrected_labels(desk):
    path, is_wrong, true = desk
    map_to(path, "out", "--audit")
    review = path.parent / "out" / "review.csv"
    decide(review, is_wrong, dict(zip(is_wrong, true, strict=True)))
    fixed = path.parent / "fixed.csv"
    run("apply", path, review, "--out", fixed)
    result = map_to(fixed, "again", "--audit", "--decided", review)
    assert result.code == 0, result.err
    assert "Reviewed 100, wrong 0 (0%)" in result.out


def test_names_that_repeat_are_numbered_and_said(desk):
    path, *_ = desk
    table = table_of(path)
    table.loc[[5, 9], "ticket"] = table.loc[2, "ticket"]
    table.loc[20, "ticket"] = "T00002#2"
    table.to_csv(path, index=False)
    result = map_to(path, "out", "--review", 400)
    assert result.code == 0
    assert "2 were named 'T00002#3', 'T00002#4'" in result.err
    review = path.parent / "out" / "review.csv"
    reviewed = table_of(review)
    names = reviewed.set_index("position")["id"]
    assert names[["2", "5", "9", "20"]].tolist() == [
        *("T00002", "T00002#3", "T00002#4", "T00002#2")
    ]
    reviewed.loc[reviewed["id"] == "T00002#4", "decision"] = "drop"
    reviewed.to_csv(review, index=False)
    fixed = path.parent / "fixed.csv"
    assert run("apply", path, review, "--out", fixed).code == 0
    pd.testing.assert_frame_equal(table_of(fixed), table.drop(9).reset_index(drop=True))


@pytest.mark.parametrize(
    ("argv", "named"),
    [
        ([], "SGDClassifier"),
        pytest.param(
            ["--learner", "logistic"], "LogisticRegression", marks=of_logistic
        ),
        (["--ngrams", "1-3", "--max-features", "50"], "SGDClassifier"),
    ],
)
def test_learner_and_features_are_chosen(desk, argv, named):
    path, *_ = desk
    result = map_to(path, "out", "--json", *argv)
    assert result.code == 0, result.err
    assert json.loads(result.out)["learner"] == named
    assert json.loads(result.out)["accuracy"] > 0.7


def test_logistic_is_refused_at_once_where_scikit_learn_cannot_record_it(
    desk, monkeypatch
):
    monkeypatch.setattr(learners, "calls_back", lambda: False)
    path, *_ = desk
    result = map_to(path, "out", "--learner", "logistic")
    assert_one_line_error(result, "needs scikit-learn 1.9", "--learner sgd")
    assert not (path.parent / "out").exists()


def test_number_of_features_and_of_words_is_said(desk):
    path, *_ = desk
    out = path.parent / "out"
    argv = ["--ngrams", "2", "--max-features", 33]
    result = run("map", path, *TICKET, "--out", out, *argv)
    assert "2-2-gram TF-IDF" in result.err
    assert "training on 33 features" in result.err
    for bad in ("2-1", "0-2", "a", "1-"):
        assert_one_line_error(map_to(path, "out", "--ngrams", bad), "as in 1-2")


def test_boosting_is_for_tables_with_gaps_and_categories(tmp_path):
    rng = np.random.default_rng(0)
    age, kind = rng.normal(size=200), rng.choice(["x", "y", ""], 200)
    frame = pd.DataFrame({"age": age.round(3), "kind": kind})
    frame["tag"] = np.where((age > 0) ^ (kind == "x"), "old", "new")
    frame.loc[::20, "age"] = np.nan
    path = tmp_path / "table.csv"
    frame.to_csv(path, index=False)
    argv = ["--features", "age,kind", "--label", "tag", "--out", tmp_path / "out"]
    result = run(
        "map", path, *argv, "--quiet", "--json", "--learner", "boosting", "--epochs", 20
    )
    assert result.code == 0, result.err
    said = json.loads(result.out)
    assert said["learner"] == "HistGradientBoostingClassifier"
    assert said["accuracy"] > 0.85
    result = run("map", path, "--text", "kind", *argv[2:], "--learner", "boosting")
    assert_one_line_error(result, "boosting is for --features")


def test_sample_is_mapped_and_the_rest_stays_in_the_table(desk):
    path, *_ = desk
    result = map_to(path, "out", "--sample", 150)
    assert "DataMap: 150 rows" in result.out
    assert "250 without a draw" not in result.out
    assert "250 not drawn by --sample" in result.out
    table = table_of(path.parent / "out" / "data_map.csv")
    assert len(table) == 400
    assert (table["region"] != "").sum() == 150
    other = map_to(path, "other", "--sample", 150, "--seed", 1)
    assert other.code == 0
    drawn = table_of(path.parent / "other" / "data_map.csv")["region"] != ""
    assert drawn.sum() == 150
    assert (drawn != (table["region"] != "")).any()
    assert_one_line_error(map_to(path, "out", "--sample", 1), "--sample", ">= 2")


def test_json_is_all_that_is_printed(desk):
    path, *_ = desk
    said = json.loads(map_to(path, "out", "--json").out)
    assert said["rows"] == sum(said["regions"].values()) == 400
    assert sum(said["classes"].values()) == 400
    assert said["folds"] == 2
    assert said["next"].startswith("python -m sklearn_datamaps apply")
    assert said["files"][-1].endswith("data_map.parquet")


def test_json_has_every_note_that_people_are_told(desk):
    path, *_ = desk
    frame = table_of(path)
    frame.loc[:2, "queue"] = ["Bug", "n/a", "n/a"]
    frame.loc[5, "ticket"] = frame.loc[4, "ticket"]
    frame.to_csv(path, index=False)
    shown = map_to(path, "out")
    said = json.loads(map_to(path, "out", "--json").out)["notes"]
    notes = [line.partition(": note: ")[2] for line in shown.err.splitlines()]
    notes += [line[2:] for line in shown.out.splitlines() if line.startswith("! ")]
    assert len(notes) >= 4
    assert set(filter(None, notes)) <= set(said)
    assert any("are they one? 'Bug' 1, 'bug'" in note for note in said)
    assert any("add --na 'n/a'" in note for note in said)
    # Of this command, and of none before.
    review = path.parent / "out" / "review.csv"
    assert json.loads(run("status", path, review, "--json").out)["notes"] == []


def test_file_of_the_map_is_the_map(desk):
    path, *_ = desk
    map_to(path, "out")
    data_map = DataMap.from_parquet(path.parent / "out" / "data_map.parquet")
    table = table_of(path.parent / "out" / "data_map.csv")
    np.testing.assert_allclose(data_map.confidence, table["confidence"].map(float))
    both = table["subject"] + "\n" + table["body"]
    assert data_map.columns["text"].tolist() == both.tolist()


def test_no_bar_where_no_terminal_and_no_colour_anywhere(desk, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    path, *_ = desk
    result = run("map", path, *TICKET, "--out", path.parent / "out")
    assert "training" in result.err
    assert "\r" not in result.err
    assert "epoch" not in result.err
    assert "\x1b" not in result.out + result.err


def test_rare_labels_and_many_classes_are_said_first(desk, monkeypatch):
    path, *_ = desk
    table = table_of(path)
    table.loc[0, "queue"] = "only one"
    table.to_csv(path, index=False)
    monkeypatch.setattr(commands, "MANY_CLASSES", 3)
    result = map_to(path, "out")
    assert result.code == 0
    assert "5 classes: sgd trains one model for each" in result.err
    assert "most frequent features are kept" in result.err
    told = map_to(path, "out", "--max-features", 99).err
    assert "most frequent features are kept" not in told
    assert "labels with fewer rows than folds ('only one')" in result.err
    monkeypatch.setattr(commands, "MANY_FEATURES", 40)
    result = run("map", path, *TICKET, "--out", path.parent / "out")
    assert result.err.index("5 classes") < result.err.index("training on 40 features")


def test_tickets_to_nine_tenths_of_the_wrong_ones_by_three_commands(tmp_path):
    frame, wrong, true = tickets(2000, share=0.05, seed=3)
    path, fixed = tmp_path / "tickets.csv", tmp_path / "fixed.csv"
    frame.to_csv(path, index=False)
    is_wrong = dict(zip(frame["ticket"], wrong, strict=True))
    true_of = dict(zip(frame["ticket"], true, strict=True))
    review, after = tmp_path / "out" / "review.csv", tmp_path / "next.csv"

    assert map_to(path, "out").code == 0
    decide(review, is_wrong, true_of)
    assert run("status", path, review, "--next", after).code == 0
    decide(after, is_wrong, true_of)
    assert run("apply", path, after, "--out", fixed).code == 0

    corrected = table_of(fixed)["queue"].to_numpy()
    found = (corrected == true)[wrong].mean()
    assert found >= 0.9
    assert (corrected == true)[~wrong].all()


def test_file_of_an_earlier_run_is_said_to_be_one(desk):
    path, *_ = desk
    out = path.parent / "out"
    assert "earlier run" not in map_to(path, "out", "--audit").err
    result = map_to(path, "out")
    assert result.code == 0
    assert f"note: 'audit.png' in {out} is of an earlier run" in result.err
    assert str(out / "audit.png") not in result.out
