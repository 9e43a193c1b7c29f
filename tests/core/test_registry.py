"""The registry of measures: what it says of each, and what it refuses."""

import re
from dataclasses import replace
from pathlib import Path
from pickle import dumps, loads
from threading import Barrier, Thread

import numpy as np
import pytest

import sklearn_datamaps
from sklearn_datamaps import DataMap
from sklearn_datamaps._core import quality
from sklearn_datamaps._core.registry import (
    MEASURES,
    Measure,
    ranking,
    registered,
    required,
    streamed,
)

PACKAGE = Path(sklearn_datamaps.__file__).parent


@pytest.fixture
def with_trust():
    rng = np.random.default_rng(0)
    proba = rng.dirichlet(np.ones(4), size=(3, 40))
    data_map = DataMap.from_probabilities(
        proba, np.arange(40) % 4, measures=["mean_proba"]
    )
    margins = {"in_sample_logit_margin": rng.normal(size=40)}
    return replace(data_map, measures={**data_map.measures, **margins})


@pytest.fixture
def derivations(monkeypatch):
    """Calls of the formula that is dear."""
    calls = []
    formula = quality.label_trust

    def counted(*args, **kwargs):
        calls.append(args)
        return formula(*args, **kwargs)

    monkeypatch.setattr(quality, "label_trust", counted)
    return calls


def test_natural_direction_is_where_trouble_lies():
    lowest_first = {name for name in ranking() if MEASURES[name].ascending}
    of_epochs = {"confidence", "correctness", "margin"}
    of_means = {"logit_margin", "plausibility", "in_sample_logit_margin"}
    assert lowest_first == of_epochs | of_means | {"label_trust", "label_quality"}


def test_every_streamed_measure_but_the_mean_probabilities_ranks_rows():
    assert set(streamed()) - set(ranking()) == {"mean_proba"}


@pytest.mark.parametrize("name", ranking())
def test_every_measure_is_in_the_documentation(name):
    assert f'"{name}"' in DataMap.measure.__doc__


def test_page_has_the_formula_of_what_is_not_sent_to_it():
    script = PACKAGE.joinpath("_views", "page", "data.js").read_text(encoding="utf-8")
    (table,) = re.findall(r"const FOLLOWING = {\n(.*?)};", script, flags=re.DOTALL)
    follows = {name for name in ranking() if not MEASURES[name].in_tables}
    assert set(re.findall(r"^  (\w+):", table, flags=re.MULTILINE)) == follows


@pytest.mark.parametrize(
    ("name", "streams", "held_out"),
    [
        ("confidence", [], False),
        ("loss", ["loss"], False),
        ("plausibility", ["mean_proba"], False),
        ("memorization", [], True),
        ("in_sample_logit_margin", ["mean_proba"], True),
        ("label_trust", ["mean_proba"], True),
    ],
)
def test_what_a_fit_must_record(name, streams, held_out):
    assert required(name) == (streams, held_out)


@pytest.mark.parametrize("name", ["confidence", "mean_proba", "two words"])
def test_names_that_are_taken_or_no_names_are_refused(name):
    before = dict(MEASURES)
    fine, wrong = Measure("fine", True), Measure(name, True)
    with (
        pytest.raises(ValueError, match=f"'{name}' cannot name a measure"),
        registered(fine, wrong),
    ):
        pass
    assert before == MEASURES


def test_dear_measure_is_derived_once(with_trust, derivations):
    first = with_trust.measure("label_trust")
    with_trust.rank("label_trust")
    frame = with_trust.to_frame()
    carried = with_trust.with_columns(text=["row"] * 40)
    assert carried.measure("label_trust") is first
    assert len(derivations) == 1
    np.testing.assert_array_equal(frame["label_trust"], first)
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 0


def test_derivation_of_a_copy_with_columns_serves_the_map_too(with_trust, derivations):
    carried = with_trust.with_columns(text=["row"] * 40)
    assert carried.measure("label_trust") is with_trust.measure("label_trust")
    assert len(derivations) == 1


def test_replaced_arrays_have_a_trust_of_their_own(with_trust):
    before = with_trust.measure("label_trust")
    margins = {"in_sample_logit_margin": np.arange(40.0)}
    other = replace(with_trust, measures={**with_trust.measures, **margins})
    fresh = DataMap(**{name: getattr(other, name) for name in FIELDS})
    assert not np.array_equal(other.measure("label_trust"), before)
    np.testing.assert_array_equal(
        other.measure("label_trust"), fresh.measure("label_trust")
    )


def test_what_was_derived_is_not_saved(with_trust, derivations, tmp_path):
    plain = dumps(with_trust)
    expected = with_trust.measure("label_trust")
    assert dumps(with_trust) == plain
    with_trust.to_parquet(tmp_path / "map.parquet")
    for again in (loads(plain), DataMap.from_parquet(tmp_path / "map.parquet")):
        assert set(again.measures) == {"mean_proba", "in_sample_logit_margin"}
        np.testing.assert_array_equal(again.measure("label_trust"), expected)
    assert len(derivations) == 3


def test_threads_that_derive_at_once_see_one_value(with_trust, monkeypatch):
    formula, meet, found = quality.label_trust, Barrier(2), []

    def together(*args, **kwargs):
        meet.wait(timeout=60)  # both derive before either has kept its own
        return formula(*args, **kwargs)

    assert not with_trust._derived
    monkeypatch.setattr(quality, "label_trust", together)
    threads = [
        Thread(target=lambda: found.append(with_trust.measure("label_trust")))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[0] is found[1]


FIELDS = (
    *("confidence", "variability", "correctness", "label", "predicted", "classes"),
    *("n_epochs", "index", "measures", "_margin", "_margin_std"),
)


def test_values_that_users_put_on_a_map_are_in_its_table(with_trust):
    own = {**with_trust.measures, "age": np.arange(40)}
    data_map = replace(with_trust, measures=own)
    assert data_map.to_frame()["age"].tolist() == list(range(40))
    with pytest.raises(ValueError, match="There is no measure 'age'"):
        data_map.rank("age")
