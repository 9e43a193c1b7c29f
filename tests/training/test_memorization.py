"""Memorization is a measure like the others, wherever a map is used."""

import base64
import gzip
import json
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.linear_model import SGDClassifier

from sklearn_datamaps import DataMap, DataMapClassifier, apply_review, stability

KINDS = ("classes", "multilabel")


@pytest.fixture(scope="module")
def fits(digits, multilabel):
    """Two seeds of an out-of-fold map, by the kind of target."""
    learner = SGDClassifier(loss="log_loss", alpha=0.01)
    return {
        kind: [
            DataMapClassifier(learner, n_epochs=5, cv=2, random_state=seed).fit(*data)
            for seed in (0, 1)
        ]
        for kind, data in {"classes": digits, "multilabel": multilabel}.items()
    }


@pytest.fixture(params=KINDS)
def maps(request, fits):
    return [clf.data_map_ for clf in fits[request.param]]


def test_rank_begins_with_what_is_memorized_most(maps):
    data_map = maps[0]
    ranked = data_map.rank("memorization")
    values = data_map.measure("memorization")[tuple(np.atleast_2d(ranked.T))]
    assert len(values) == data_map.confidence.size
    assert (np.diff(values) <= 0).all()
    assert "memorization" in data_map.measure_names()


def test_rank_of_rows_by_their_most_memorized_label(fits):
    data_map = fits["multilabel"][0].data_map_
    largest = data_map.measure("memorization").max(axis=1)
    rows = data_map.rank("memorization", per_row="worst", n_samples=5)
    np.testing.assert_array_equal(largest[rows], np.sort(largest)[::-1][:5])


def test_frame_has_it_as_a_column(maps):
    frame = maps[0].to_frame()
    np.testing.assert_array_equal(
        frame["memorization"], maps[0].measure("memorization").ravel()
    )


def test_plot_and_its_frame_have_it(maps):
    display = maps[0].plot()
    assert "memorization" in display.frame().columns
    assert "out-of-fold" in repr(maps[0])
    plt.close(display.figure_)


def test_review_by_it_shows_it_and_can_be_applied(maps, digits, multilabel):
    data_map = maps[0]
    review = data_map.review(n=7, by="memorization")
    shown = review["memorization"].to_numpy()
    expected = np.sort(data_map.measure("memorization").ravel())[::-1][:7]
    np.testing.assert_array_equal(shown, expected)
    review["decision"] = "drop"
    y = multilabel[1] if data_map.multilabel else digits[1]
    _, kept = apply_review(y, review)
    assert kept.sum() == len(y) - review["position"].nunique()


def test_review_by_confidence_has_it_not(maps):
    assert "memorization" not in maps[0].review(n=1).columns


def test_explorer_has_it_to_sort_and_colour_by(maps, tmp_path):
    page = maps[0].explore(tmp_path / "map.html").read_text()
    found = re.search(r'<script[^>]*id="header"[^>]*>(.*?)</script>', page, re.DOTALL)
    header = json.loads(found.group(1))
    assert "memorization" in header["measures"]
    block = re.search(r'data-block="memorization"[^>]*>([^<]*)<', page).group(1)
    values = np.frombuffer(gzip.decompress(base64.b64decode(block)), np.float32)
    expected = maps[0].measure("memorization").ravel().astype(np.float32)
    np.testing.assert_array_equal(np.sort(values), np.sort(expected))


def test_average_is_the_mean_over_the_runs(maps):
    averaged = DataMap.average(maps)
    expected = sum(run.measure("memorization") for run in maps) / 2
    np.testing.assert_allclose(averaged.measure("memorization"), expected, rtol=1e-12)
    assert averaged.meta["recording"] == "out-of-fold"
    assert averaged.meta["n_folds"] == 2


def test_compare_and_stability_correlate_it(maps):
    one, two = (run.measure("memorization").ravel() for run in maps)
    expected = spearmanr(one, two).statistic
    assert maps[0].compare(maps[1]).spearman["memorization"] == pytest.approx(expected)
    table = stability(maps)
    assert table.loc["memorization", "spearman"] == pytest.approx(expected)


def test_parquet_keeps_it(maps, tmp_path):
    maps[0].to_parquet(tmp_path / "map.parquet")
    again = DataMap.from_parquet(tmp_path / "map.parquet")
    np.testing.assert_array_equal(
        again.measure("memorization"), maps[0].measure("memorization")
    )
    assert repr(again) == repr(maps[0])


@pytest.mark.parametrize("kind", KINDS)
def test_a_map_that_is_not_out_of_fold_says_what_it_takes(fits, kind):
    in_sample = fits[kind][0].in_sample_map_
    assert "memorization" not in in_sample.measure_names()
    with pytest.raises(ValueError, match=r"no memorization: .* Fit with cv=2"):
        in_sample.rank("memorization")


def test_it_cannot_be_streamed(binary):
    with pytest.raises(ValueError, match=r"measures must list names out of"):
        DataMapClassifier(measures=["memorization"]).fit(*binary)


def test_maps_of_other_recordings_and_folds_are_compared_with_a_warning(fits, digits):
    clf = fits["classes"][0]
    with pytest.warns(UserWarning, match="'in-sample' and 'out-of-fold'"):
        clf.in_sample_map_.compare(clf.data_map_)
    other = DataMapClassifier(clf.estimator, n_epochs=5, cv=5).fit(*digits)
    with pytest.warns(UserWarning, match=r"differ in n_folds \(2 and 5\)"):
        clf.data_map_.compare(other.data_map_)
