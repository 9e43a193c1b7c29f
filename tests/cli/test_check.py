"""The command ``check``: new rows against a release that was mapped."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import SGDClassifier

from sklearn_datamaps import DataMap
from sklearn_datamaps._cli import commands, demo
from sklearn_datamaps._cli.features import text_features
from sklearn_datamaps._cli.learners import learner as learner_of
from sklearn_datamaps._curation.release_check import check_release
from tests.cli.test_loop import FILLER, TICKET, of_logistic, tickets
from tests.cli.test_map import assert_one_line_error, run


@pytest.fixture(autouse=True, scope="module")
def no_pictures():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(commands, "write_plot", lambda *args: None)
        patch.setattr(demo, "explore", lambda *args, **_: None)
        yield


def mapped(folder, frame, *argv):
    """A release, mapped; its file and its map."""
    path, out = folder / "release.csv", folder / "out"
    frame.to_csv(path, index=False)
    result = run("map", path, *argv, "--out", out, "--quiet")
    assert result.code == 0, result.err
    return path, out / "data_map.parquet"


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    """A release of 2,000 tickets, of which 2 % are in a wrong queue."""
    frame, *_ = tickets(2000, share=0.02, seed=1)
    return mapped(tmp_path_factory.mktemp("release"), frame, *TICKET, "--audit")


def check(release, frame, *argv):
    path = release[0].parent / "new.csv"
    frame.to_csv(path, index=False)
    return run("check", path, "--against", release[1], *argv)


def by_rule(frame):
    """Tickets that mention a card are given to another queue."""
    named = frame["body"].str.contains("card|device")
    return frame.assign(queue=frame["queue"].where(~named, "bug"))


@pytest.mark.parametrize(
    ("share", "code", "said"),
    [(0.02, 0, "OK: no more than allowed"), (0.08, 3, "Too many")],
)
def test_exit_code_tells_whether_more_labels_are_wrong(release, share, code, said):
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


@pytest.mark.parametrize(
    ("share", "rule", "code"), [(0.02, False, 0), (0.05, False, 3), (0.02, True, 4)]
)
def test_verdict_is_right_in_trial_after_trial(release, share, rule, code):
    for seed in range(10, 15):
        frame, *_ = tickets(2000, share=share, seed=seed)
        new = by_rule(frame) if rule else frame
        result = check(release, new, "--json")
        assert result.code == code, (seed, result.out)


def test_limit_decides(release):
    frame, *_ = tickets(1000, share=0.08, seed=2)
    assert check(release, frame, "--max-wrong", "20%").code == 0
    assert check(release, frame, "--max-wrong", "2%").code == 3


def test_command_compares_as_the_release_was_learned(tmp_path):
    frame, *_ = tickets(500, share=0.1, seed=1)
    release = mapped(tmp_path, frame, *TICKET, "--epochs", 3)
    new, *_ = tickets(400, share=0.2, seed=2)
    argv = ["--seed", 5, "--max-wrong", "4%", "--json"]
    said = json.loads(check(release, new, *argv).out)
    both = pd.concat([frame, new])
    X, _ = text_features((both["subject"] + "\n" + both["body"]).tolist())
    expected = check_release(
        learner_of(),
        X,
        both["queue"].to_numpy(),
        len(frame),
        limit=0.04,
        n_epochs=3,
        random_state=5,
    )
    assert said["surplus"] == pytest.approx(expected.surplus, abs=1e-9)
    assert said["interval"] == pytest.approx(expected.interval, abs=1e-9)
    assert said["allowed"] == 0.04


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        ([], 0, "no more than allowed"),
        (["--ngrams", "1"], 4, "the learner hardly tells the classes"),
        (["--max-features", "2"], 4, "too few, or all alike"),
    ],
)
def test_words_are_those_of_the_release(tmp_path, argv, code, said):
    """Only the order of two words tells the label."""

    def lines(n, seed):
        rng = np.random.default_rng(seed)
        is_first = rng.random(n) < 0.5
        texts = np.where(is_first, "before after", "after before").astype(object)
        tails = [" ".join(rng.choice(FILLER.split(), 5)) for _ in range(n)]
        label = np.where(is_first, "yes", "no")
        return pd.DataFrame({"text": texts + " " + tails, "label": label})

    asked = ["--text", "text", "--label", "label"]
    release = mapped(tmp_path, lines(1500, seed=0), *asked, *argv)
    result = check(release, lines(1500, seed=1))
    assert result.code == code, result.out
    assert said in result.out


def test_copies_in_the_release_do_not_make_it_look_better(tmp_path):
    frame, *_ = tickets(800, share=0.15, seed=1)
    copies = frame.assign(ticket="copy of " + frame["ticket"])
    release = mapped(tmp_path, pd.concat([frame, copies]), *TICKET)
    new, *_ = tickets(1500, share=0.15, seed=2)
    assert check(release, new, "--max-wrong", "5%").code == 0


def test_texts_that_repeat_are_no_rows_of_the_release_for_that(tmp_path):
    """Or those would be left out whose labels agree, and the others stay."""
    rng = np.random.default_rng(0)
    known, _, queue = tickets(400, share=0, seed=1)
    often = 1 / np.arange(1, len(known) + 1)

    def lines(n):
        drawn = rng.choice(len(known), n, p=often / often.sum())
        given = np.where(rng.random(n) < 0.05, "bug", queue[drawn])
        names = [f"T{i}" for i in range(n)]
        return known.iloc[drawn].assign(queue=given, ticket=names)

    release = mapped(tmp_path, lines(2000), *TICKET)
    result = check(release, lines(1000), "--max-wrong", "5%", "--json")
    found = json.loads(result.out)
    assert found["rows"]["in_both"] == 0
    assert found["verdict"] == "ok"
    both = pd.concat([pd.read_csv(release[0]), lines(1000)])
    found = json.loads(check(release, both, "--max-wrong", "5%", "--json").out)
    assert found["rows"]["in_both"] >= 2000


def test_a_single_text_again_and_again_is_no_error(release):
    frame, *_ = tickets(60, share=0, seed=2)
    same = pd.concat([frame[:1]] * 300).assign(queue="login")
    assert check(release, same).code in (0, 3, 4)


def test_errors_by_a_rule_cannot_be_told_from_a_new_definition(release):
    frame, *_ = tickets(1000, share=0.02, seed=2)
    result = check(release, by_rule(frame))
    assert result.code == 4
    assert "agree among themselves" in result.out
    assert "More confused than in the release" in result.out
    assert "yes" in result.out[result.out.index("moved") :]
    found = json.loads(check(release, by_rule(frame), "--json").out)
    confused = {(row["label"], row["foretold"]) for row in found["confusions"]}
    assert confused == {("bug", "billing"), ("bug", "login")}


def test_few_rows_cannot_tell(release):
    frame, *_ = tickets(40, share=0.02, seed=2)
    result = check(release, frame)
    assert result.code == 4
    assert "more rows would tell" in result.out


def test_rows_of_the_release_are_not_new(release):
    before = pd.read_csv(release[0])
    frame, *_ = tickets(500, share=0.3, seed=2)
    both = pd.concat([before, frame]).sample(frac=1, random_state=0)
    found = json.loads(check(release, both, "--json").out)
    assert found["rows"]["in_both"] >= 2000
    assert found["rows"]["new"] == 2500 - found["rows"]["in_both"]
    assert found["verdict"] == "too many"
    assert json.loads(check(release, before, "--json").out)["verdict"] == "ok"


def test_labels_that_the_release_does_not_have_are_named(release):
    frame, *_ = tickets(1000, share=0.02, seed=2)
    frame.loc[:60, "queue"] = "returns"
    result = check(release, frame)
    assert result.code == 4
    assert "labels that the release does not have: 'returns'" in result.err
    assert "61 have labels that it does not have" in result.out
    frame.loc[61:, "queue"] = "bug"
    assert check(release, frame).code != 2
    none = check(release, frame.assign(queue="returns"))
    assert none.code == 4
    assert "no new row has a label that the release has" in none.out


@pytest.mark.parametrize(
    "learner", ["sgd", pytest.param("logistic", marks=of_logistic), "boosting"]
)
def test_tables_are_checked(tmp_path, learner):
    rng = np.random.default_rng(0)

    def table(n, share):
        age, kind = rng.normal(size=n), rng.choice(["x", "y"], n)
        old = (age + (kind == "x") > 0.5) ^ (rng.random(n) < share)
        tag = np.where(old, "old", "new")
        return pd.DataFrame({"age": age.round(3), "region": kind, "tag": tag})

    argv = ["--features", "age,region", "--label", "tag", "--learner", learner]
    release = mapped(tmp_path, table(1500, 0), *argv)
    assert check(release, table(800, 0)).code == 0
    result = check(release, table(800, 0.08))
    assert result.code == 3
    assert "--features age,region" in result.out
    mixed = table(800, 0).assign(age="young")
    assert_one_line_error(check(release, mixed), "numbers in the release", "categories")


def test_numbers_and_missing_labels_are_read_as_in_the_release(tmp_path):
    rng = np.random.default_rng(0)

    def table(n):
        age = rng.random(n) * 9 + 1
        tag = np.where(age > 5, "old", "new")
        tag[rng.random(n) < 0.1] = "unknown"
        age = [f"{value:.3f}".replace(".", ",") for value in age]
        return pd.DataFrame({"age": age, "tag": tag})

    argv = ["--features", "age", "--label", "tag", "--decimal", ",", "--na", "unknown"]
    release = mapped(tmp_path, table(1500), *argv)
    frame = table(1500)
    result = check(release, frame, "--json", "--max-wrong", "5%")
    assert (result.code, result.err) == (0, ""), result.out
    assert json.loads(result.out)["rows"]["new"] == (frame["tag"] != "unknown").sum()


@pytest.mark.parametrize("bad", ["2", "0", "-1%", "200%", "two"])
def test_share_that_is_none_is_refused(release, bad):
    frame, *_ = tickets(40)
    result = check(release, frame, f"--max-wrong={bad}")
    assert_one_line_error(result, "--max-wrong", "such as 2% or 0.02")


def test_other_files_are_refused(release, tmp_path):
    frame, *_ = tickets(40)
    result = check(release, frame.drop(columns="queue"))
    assert_one_line_error(result, "'queue'")
    other = tmp_path / "other.parquet"
    DataMap.from_probabilities([[[0.9, 0.1], [0.2, 0.8]]], [0, 1]).to_parquet(other)
    assert_one_line_error(check((release[0], other), frame), "that the command map")
    result = check((release[0], tmp_path / "none.parquet"), frame)
    assert_one_line_error(result, "No such file", "none.parquet")


def test_rows_of_a_table_of_numbers_are_not_new_either(tmp_path):
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


def test_region_of_one_row_has_not_moved(release):
    frame, *_ = tickets(1, share=0.0, seed=5)
    found = json.loads(check(release, frame, "--json").out)
    assert found["rows"]["new"] == 1
    for region in found["regions"].values():
        assert abs(region["difference"]) <= 3 * region["error"]


WORDS = {
    "refund": ["money", "card", "charged"],
    "bug": ["crash", "screen", "broken"],
    "login": ["password", "account", "locked"],
}


def labelled_by_words(n, seed, share=0.0, of="bug"):
    """Tickets that have a label where they have one of its words, but for errors."""
    rng = np.random.default_rng((seed, 2))
    is_set = rng.random((n, len(WORDS))) < 0.4
    texts = []
    for row in is_set:
        words = rng.choice(FILLER.split(), 6).tolist()
        for has, of_label in zip(row, WORDS.values(), strict=True):
            words += rng.choice(of_label, 2).tolist() if has else []
        texts.append(" ".join(rng.permutation(words)))
    frame = pd.DataFrame(is_set, columns=list(WORDS)).assign(text=texts)
    wrong = rng.random(n) < share
    return frame.assign(**{of: frame[of] ^ wrong})


def as_lists(frame):
    """The same, the labels of a row in a list."""
    names = np.array(list(WORDS))
    lists = [names[row].tolist() for row in frame[names].to_numpy()]
    return frame[["text"]].assign(labels=[json.dumps(row) for row in lists])


COLUMNS = ["--text", "text", *(word for n in WORDS for word in ("--label", n))]
LISTS = ["--text", "text", "--label", "labels"]


@pytest.fixture(scope="module", params=["columns", "lists"])
def release_of_sets(request, tmp_path_factory):
    is_list = request.param == "lists"
    made = as_lists if is_list else pd.DataFrame
    folder, frame = tmp_path_factory.mktemp("sets"), labelled_by_words(2500, 0, 0.02)
    return mapped(folder, made(frame), *(LISTS if is_list else COLUMNS)), made


def test_several_labels_a_row_are_compared_label_by_label(release_of_sets):
    release, made = release_of_sets
    for seed in (1, 2):
        frame = made(labelled_by_words(2500, seed, 0.02))
        result = check(release, frame, "--max-wrong", "3%")
        assert result.code == 0, result.out + result.err
        frame = made(labelled_by_words(2500, seed, 0.08))
        result = check(release, frame, "--json")
        assert result.code == 3
        found = json.loads(result.out)
        verdicts = {name: one["verdict"] for name, one in found["labels"].items()}
        assert verdicts == {"refund": "ok", "bug": "too many", "login": "ok"}
        low, high = found["labels"]["bug"]["interval"]
        assert low <= 0.06 <= high
        shown = check(release, frame).out
        assert "2,500 new rows against 2,500 of the release, label by label" in shown
        first = shown[shown.index("surplus") :].splitlines()[1].split()
        assert first[:3] == ["bug", "too", "many"]
        assert "To find them: python -m sklearn_datamaps map" in shown


def test_lists_of_one_label_are_several_where_the_release_has_several(tmp_path):
    old = as_lists(labelled_by_words(600, 0))
    release = mapped(tmp_path, old, *LISTS)
    new = as_lists(labelled_by_words(900, 1))
    new = new[[len(json.loads(cell)) <= 1 for cell in new["labels"]]]
    assert check(release, new).code in (0, 4)
    beyond = new.assign(labels=[json.dumps(["spam"])] * len(new))
    result = check(release, beyond, "--json")
    found = json.loads(result.out)
    assert found["verdict"] != "ok"
    assert "labels that the release does not have: 'spam'." in result.err
    result = check(release, new.assign(labels="bug"))
    assert_one_line_error(result, "have several labels each, those of")


def confusable(n, seed, share=0.0, n_classes=20):
    """Rows of many classes, half of which are told apart, some labels at random."""
    centres = np.random.default_rng(0).normal(size=(n_classes, 8))
    rng = np.random.default_rng((seed, 1))
    y = rng.integers(n_classes, size=n)
    X = centres[y] + rng.normal(scale=0.9, size=(n, 8))
    wrong = rng.random(n) < share
    y[wrong] = (y[wrong] + rng.integers(1, n_classes, wrong.sum())) % n_classes
    return X, y


def checked(old, new):
    X, y = (np.concatenate(both) for both in zip(old, new, strict=True))
    sgd = SGDClassifier(loss="log_loss", random_state=0)
    return check_release(sgd, X, y, len(old[1]), n_epochs=3)


def test_few_wrong_labels_of_many_confusable_classes_are_found():
    old = confusable(6000, seed=0)
    for seed in range(1, 5):
        assert checked(old, confusable(2000, seed, share=0.05)).verdict == "too many"
        assert checked(old, confusable(2000, seed)).verdict != "too many"


def test_copies_of_new_rows_make_nothing_surer():
    old, (X, y) = confusable(3000, seed=0), confusable(400, seed=1, share=0.05)
    once = checked(old, (X, y))
    copied = checked(old, (np.repeat(X, 6, axis=0), np.repeat(y, 6)))
    widths = [np.diff(found.interval)[0] for found in (once, copied)]
    assert widths[1] == pytest.approx(widths[0], rel=0.1)


def test_class_that_is_more_frequent_is_no_error():
    old = confusable(6000, seed=0)
    X, y = confusable(4000, seed=1)
    often = np.flatnonzero((y < 5) | (np.arange(len(y)) % 3 == 0))[:2000]
    found = checked(old, (X[often], y[often]))
    assert found.verdict == "ok", found


def test_release_that_nearly_lacks_a_class_cannot_tell():
    def rows(n, share, seed):
        rng = np.random.default_rng(seed)
        y = (rng.random(n) < share).astype(int)
        return rng.normal(size=(n, 3)) + 1.2 * y[:, np.newaxis], y

    found = checked(rows(3000, 0.03, seed=0), rows(2000, 0.3, seed=1))
    assert found.surplus > 0.02
    assert found.verdict == "cannot tell"
    assert "much more frequent than in the release" in found.reason
