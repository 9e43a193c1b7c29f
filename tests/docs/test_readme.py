"""What the README shows is run and compared."""

import inspect
import re
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.linear_model import SGDClassifier

from sklearn_datamaps import DataMapClassifier

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def block_with(words):
    """The one block of Python that has these words in it."""
    (found,) = [block for block in blocks("python") if words in block]
    return found


def test_parameter_table_has_every_parameter_with_its_default():
    table = README.split("| parameter | default |")[1].split("\n\n")[0]
    rows = re.findall(r"^\| `(\w+)` \| `([^`]+)` \|", table, flags=re.MULTILINE)
    signature = inspect.signature(DataMapClassifier).parameters.values()
    defaults = [(p.name, repr(p.default).replace("'", '"')) for p in signature]
    assert rows == defaults


def test_attributes_of_the_table_exist(binary):
    clf = DataMapClassifier(n_epochs=1).fit(*binary)
    table = README.split("| attribute | is |")[1].split("\n\n")[0]
    names = set(re.findall(r"`(\w+_)`", table))
    assert {"confidence_", "data_map_", "estimator_"} <= names
    missing = {name for name in names if not hasattr(clf, name)}
    # X had no names, and there was neither cv nor X_val.
    assert missing == {"feature_names_in_", "in_sample_map_", "validation_map_"}
    assert hasattr(clf.set_params(cv=2).fit(*binary), "in_sample_map_")


def test_gratitude_example_prints_what_the_readme_shows(
    go_emotions, tmp_path, monkeypatch, capsys
):
    assert len(go_emotions.data) == 43_410
    monkeypatch.chdir(tmp_path)
    example = block_with("fetch_go_emotions")
    review, shipping = block_with("apply_review("), block_with("joblib.dump")
    code = [line for line in example.splitlines() if line and "import" not in line]
    assert len(code) <= 10
    namespace = {"joblib": joblib}
    exec(example, namespace)
    shown, _ = blocks("text")
    assert shown.strip() in capsys.readouterr().out
    assert (tmp_path / "gratitude.png").stat().st_size > 10_000
    decided = namespace["data_map"].review(n=5)
    decided["decision"], decided["new_label"] = "relabel", 1 - decided["label"]
    decided.to_csv("review.csv", index=False)
    exec(review, namespace)
    assert (namespace["y_corrected"] != namespace["y"]).sum() == 5
    exec(shipping, namespace)
    model = joblib.load(tmp_path / "model.joblib")
    texts = go_emotions.data[:100]
    np.testing.assert_array_equal(
        model.predict(texts), namespace["pipe"].predict(texts)
    )


def test_out_of_fold_example_runs():
    namespace = {}
    exec(block_with("in_sample_map_"), namespace)
    data_map = namespace["clf"].data_map_
    assert data_map.meta["recording"] == "out-of-fold"
    assert namespace["in_sample"].meta["recording"] == "in-sample"
    memorization = data_map.measure("memorization")
    assert memorization[namespace["memorized"]].min() > np.quantile(memorization, 0.98)


def test_audit_and_sampler_examples_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    namespace = {}
    exec(block_with("in_sample_map_"), namespace)
    exec(block_with("audit_labels("), namespace)
    assert "wrong labels" in capsys.readouterr().out
    exec(block_with("audit.explain("), namespace)
    assert "of the 5 nearest rows are" in capsys.readouterr().out
    assert namespace["by_half"]["n_samples"].sum() == 1797
    namespace["review"].assign(decision="keep").to_csv("review.csv", index=False)
    exec(block_with("audit.update"), namespace)
    assert "Reviewed 100, wrong 0" in capsys.readouterr().out
    exec(block_with('rank("label_quality"'), namespace)
    assert namespace["suspects"].shape == (100,)
    exec(block_with("DataMapSampler("), namespace)
    assert len(namespace["y_kept"]) == 1797 - round(0.02 * 1797)


@pytest.mark.parametrize(
    "client",
    [
        {"processes": False, "dashboard_address": ":0"},
        # Nightly: workers in processes of their own, as in the example, take seconds to
        # start; on every run, test_dask.py has fits on such.
        pytest.param({}, marks=pytest.mark.nightly),
    ],
    ids=["threads", "processes"],
)
def test_examples_of_data_that_do_not_fit_run(tmp_path, monkeypatch, capsys, client):
    pytest.importorskip("dask", reason="needs the extra dask")
    distributed = pytest.importorskip("distributed", reason="needs the extra dask")
    monkeypatch.chdir(tmp_path)

    class Client(distributed.Client):
        def __init__(self):
            super().__init__(**client)

    monkeypatch.setattr(distributed, "Client", Client)
    namespace = {}
    exec(block_with("vectorize_to_disk("), namespace)
    assert namespace["X"].shape == (4000, 2**20)
    shown = capsys.readouterr().out
    assert all(column in shown for column in ("text", "label"))
    exec(block_with("from sklearn_datamaps.dask"), namespace)
    assert "DataMap: 4,000 rows" in capsys.readouterr().out


def test_own_loop_example_runs(binary):
    X, y = binary
    example = block_with("train_one_epoch")
    namespace = {
        "X_train": X,
        "y_train": y,
        "model": SGDClassifier(loss="log_loss", random_state=0),
        "train_one_epoch": lambda model: model.partial_fit(X, y, classes=[0, 1]),
        "predict_proba": lambda model, X: model.predict_proba(X),
    }
    exec(example, namespace)
    assert namespace["data_map"].n_epochs == 10


def test_files_of_the_reference_code_are_read_as_shown(tmp_path, monkeypatch):
    import json

    monkeypatch.chdir(tmp_path)
    Path("training_dynamics").mkdir()
    for epoch in range(6):
        record = {"guid": "a", f"logits_epoch_{epoch}": [0, epoch + 2], "gold": 1}
        path = Path(f"training_dynamics/dynamics_epoch_{epoch}.jsonl")
        path.write_text(json.dumps(record))
    record = {"guid": "a", "confidence": 0.9, "variability": 0.1, "correctness": 4}
    Path("td_metrics.jsonl").write_text(json.dumps(record))
    read = block_with("read_coordinates").splitlines()
    namespace = {}
    exec("\n".join(read[:-1]), namespace)
    assert namespace["data_map"].n_epochs == 5
    exec(read[-1], namespace)
    assert namespace["data_map"].n_epochs == 4


def test_blocks_that_need_a_library_are_run_where_it_is_installed():
    marked = re.findall(r"^```python (.*)$", README, flags=re.MULTILINE)
    recipes = Path(__file__).parents[1] / "integrations" / "test_readme_recipes.py"
    tests = recipes.read_text(encoding="utf-8")
    assert marked == re.findall(r'recipe\("(\w+)"\)', tests)


@pytest.mark.parametrize(
    "command",
    [
        "python -m pip install -e . && python -m sklearn_datamaps demo",
        'python -m pip install -e ".[test]" && python -m pytest',
    ],
)
def test_the_two_commands_are_there_letter_by_letter(command):
    assert command in [block.strip() for block in blocks("bash")]


def test_the_loop_on_the_command_line_runs_as_shown(tmp_path, monkeypatch, binary):
    from sklearn_datamaps._cli.parser import main

    monkeypatch.chdir(tmp_path)
    words = np.where(binary[1], "thank you kindly", "no way at all")
    lines = [
        f"{word} {i},{'yes' if y else 'no'}"
        for i, (word, y) in enumerate(zip(words, binary[1], strict=True))
    ]
    text = "\n".join(["comment,emotion", *lines])
    Path("comments.csv").write_text(text, encoding="utf-8")
    for command in blocks("text")[1].splitlines():
        assert main(command.split()[3:]) == 0
    assert Path("corrected.csv").read_text(encoding="utf-8").strip() == text
    assert Path("my-map/data_map.html").exists()
