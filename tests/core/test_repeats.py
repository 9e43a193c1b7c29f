"""Maps of repeated runs: their average, and how far they agree."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr
from sklearn.linear_model import SGDClassifier

from sklearn_datamaps import DataMap, DataMapClassifier, stability

EXTRA = ("loss", "el2n", "forgetting", "first_learned", "mean_proba")


def runs_of(n_runs=3, n_samples=40, n_classes=3, seed=0, **params):
    rng = np.random.default_rng(seed)
    y = rng.integers(n_classes, size=n_samples)
    return [
        DataMap.from_probabilities(
            rng.dirichlet(np.ones(n_classes), size=(5, n_samples)),
            y,
            measures=EXTRA,
            store_trajectories=True,
            meta={"seed": run, "learner": "Sums"},
            **params,
        )
        for run in range(n_runs)
    ]


@pytest.mark.parametrize("n_classes", [2, 3])
def test_every_measure_is_the_mean_of_the_runs(n_classes):
    runs = runs_of(n_classes=n_classes)
    both = DataMap.average(runs)
    names = set(both.measure_names()) - {"forgetting", "first_learned"}
    assert names >= {"variability", "margin_std", "aleatoric", "logit_margin", "loss"}
    for name in names:
        expected = np.mean([run.measure(name) for run in runs], axis=0)
        np.testing.assert_allclose(both.measure(name), expected, atol=1e-7)
    for name in ("forgetting", "first_learned"):
        expected = np.median([run.measure(name) for run in runs], axis=0)
        np.testing.assert_array_equal(both.measure(name), expected)
    mean_proba = np.mean([run.measures["mean_proba"] for run in runs], axis=0)
    np.testing.assert_allclose(both.measures["mean_proba"], mean_proba, atol=1e-6)
    trajectories = np.mean([run.trajectories for run in runs], axis=0)
    np.testing.assert_allclose(both.trajectories, trajectories, atol=1e-6)


def test_variability_is_never_that_of_all_epochs_together():
    # Two runs that never move, at 0.2 and 0.8: each has variability 0.
    still = [
        DataMap.from_probabilities([[[1 - p, p]]] * 3, [1], classes=[0, 1])
        for p in (0.2, 0.8)
    ]
    assert DataMap.average(still).variability.tolist() == [0]
    assert DataMap.average(still).confidence.tolist() == pytest.approx([0.5])


def test_derived_measures_are_averaged_not_derived_anew():
    # Aleatoric of runs at 0.1 and 0.9 is 0.09 in both; at their mean it were 0.25.
    still = [
        DataMap.from_probabilities([[[1 - p, p]]], [1], classes=[0, 1])
        for p in (0.1, 0.9)
    ]
    both = DataMap.average(still)
    assert both.measure("aleatoric").tolist() == pytest.approx([0.09])
    assert both.measure("threshold_closeness").tolist() == pytest.approx([0.09])


def test_average_has_the_columns_of_its_runs_and_no_other():
    runs = runs_of()
    columns = runs[0].to_frame().columns.tolist()
    both = DataMap.average(runs)
    assert both.to_frame().columns.tolist() == columns
    assert both.measure_names() == runs[0].measure_names()
    again = DataMap.average([both, both])
    assert again.to_frame().columns.tolist() == columns


@pytest.mark.parametrize("multilabel", [False, True])
@pytest.mark.parametrize("n_runs", [2, 3, 4, 5])
def test_prediction_is_that_of_most_runs_and_of_the_earliest_in_a_draw(
    n_runs, multilabel
):
    rng = np.random.default_rng(n_runs)
    classes = np.array(["a", "b", "c"])
    if multilabel:
        votes = rng.integers(2, size=(n_runs, 60, 2)).astype(bool)
        params = {"y": votes[0], "multilabel": True}
        said, proba = votes, votes.astype(float)
    else:
        votes = rng.integers(3, size=(n_runs, 60))
        params = {"y": np.resize(classes, 60)}
        said, proba = classes[votes], np.eye(3)[votes]
    runs = [DataMap.from_probabilities([one], **params) for one in proba]
    # Of equally many a Counter names the one it met first.
    cells = said.reshape(n_runs, -1).T.tolist()
    expected = [Counter(cell).most_common(1)[0][0] for cell in cells]
    assert DataMap.average(runs).predicted.ravel().tolist() == expected


def test_average_is_a_map_like_any_other(tmp_path):
    runs = runs_of()
    runs[0] = runs[0].with_columns(text=[f"row {i}" for i in range(40)])
    both = DataMap.average(iter(runs))
    shown = repr(both)
    assert "40 rows, 5 epochs, in-sample, Sums, 3 runs averaged" in shown
    assert both.meta["seeds"] == [0, 1, 2]
    assert both.columns["text"][7] == "row 7"
    both.to_parquet(tmp_path / "map.parquet")
    again = DataMap.from_parquet(tmp_path / "map.parquet")
    np.testing.assert_array_equal(again.measure("aleatoric"), both.measure("aleatoric"))
    assert repr(again) == shown
    assert both.review(n=3)["predicted"].notna().all()
    assert sum(both.summary()["n_samples"]) == 40


def test_one_run_is_its_own_average():
    (run,) = runs_of(1)
    alone = DataMap.average([run])
    for name in run.measure_names():
        np.testing.assert_allclose(alone.measure(name), run.measure(name), rtol=1e-12)
    assert "averaged" not in repr(alone)


def test_multilabel_and_unseen_rows():
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=(20, 3))
    runs = [
        DataMap.from_probabilities(rng.uniform(size=(4, 20, 3)), y, multilabel=True)
        for _ in range(2)
    ]
    both = DataMap.average(runs)
    expected = (runs[0].confidence + runs[1].confidence) / 2
    np.testing.assert_allclose(both.confidence, expected)
    assert both.predicted.shape == (20, 3)
    cells = [run.confidence.ravel() for run in runs]
    agreed = stability(runs).loc["confidence", "spearman"]
    assert agreed == pytest.approx(spearmanr(*cells).statistic)


def test_stability_by_pairs():
    runs = runs_of(4)
    table = stability(runs)
    assert table.index.tolist() == runs[0].measure_names()
    pairs = [(i, j) for i in range(4) for j in range(i)]
    for name in ("confidence", "variability", "loss", "forgetting"):
        values = [run.measure(name) for run in runs]
        found = [spearmanr(values[i], values[j]).statistic for i, j in pairs]
        assert table.loc[name, "spearman"] == pytest.approx(np.mean(found))
        assert table.loc[name, "spearman_min"] == pytest.approx(np.min(found))
        top = [set(run.rank(name, n_samples=13).tolist()) for run in runs]
        shared = np.mean([len(top[i] & top[j]) / 13 for i, j in pairs])
        assert table.loc[name, "top_third"] == pytest.approx(shared)
    same = stability([runs[0], runs[0]])
    np.testing.assert_allclose(same, 1)


def test_agreement_that_cannot_be_told_is_not_spoken_of():
    still = DataMap.from_probabilities([[[0.6, 0.4], [0.3, 0.7]]] * 2, [0, 1])
    both = DataMap.average([still, still])
    assert np.isnan(both.meta["variability_spearman"])
    assert "reproducible" not in repr(both)


def test_constant_measures_have_no_agreement():
    still = DataMap.from_probabilities([[[0.6, 0.4], [0.3, 0.7]]], [0, 1])
    table = stability([still, still])
    assert table.loc["variability"].isna().all()
    assert table.loc["confidence", "spearman"] == pytest.approx(1)


def test_summary_says_when_variability_is_not_reproducible(digits):
    X, y = digits
    sgd = SGDClassifier(loss="log_loss")
    runs = [
        DataMapClassifier(sgd, random_state=seed).fit(X, y).data_map_
        for seed in range(10)
    ]
    single = stability(runs).loc["variability", "spearman"]
    both = DataMap.average(runs[:5])
    assert both.meta["variability_spearman"] == pytest.approx(
        stability(runs[:5]).loc["variability", "spearman"]
    )
    assert ("variability is not reproducible" in repr(both)) == (
        both.meta["variability_spearman"] < 0.75
    )
    five = stability([both, DataMap.average(runs[5:])]).loc["variability", "spearman"]
    assert five > single
    noise = DataMap.average(runs_of())
    assert "! variability is not reproducible: two of the 3 runs agree" in repr(noise)


@pytest.mark.parametrize("function", [DataMap.average, stability])
def test_maps_that_are_no_repeats_are_refused(function):
    one, two, _ = runs_of()
    other = runs_of(1, n_samples=39)[0]
    relabelled = runs_of(1, seed=1)[0]
    fewer = DataMap.from_probabilities(
        np.full((2, 40, 3), 1 / 3), one.label, measures=EXTRA
    )
    plain = DataMap.from_probabilities(np.full((5, 40, 3), 1 / 3), one.label)
    renamed = runs_of(1, index=pd.RangeIndex(1, 41))[0]
    for wrong, message in [
        (other, "other rows: shapes"),
        (renamed, "other rows: their indexes differ"),
        (relabelled, "Map 1 differs from map 0 in labels"),
        (fewer, "differs from map 0 in n_epochs"),
        (plain, "differs from map 0 in measures"),
    ]:
        with pytest.raises(ValueError, match=message):
            function([one, wrong])
    with pytest.raises(ValueError, match="maps must hold"):
        function([])
    for wrong in ([one, "map"], one):
        with pytest.raises(TypeError, match="maps must hold DataMaps"):
            function(wrong)
    with pytest.raises(ValueError, match="2 or more"):
        stability([two])
