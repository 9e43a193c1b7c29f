from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from sklearn_datamaps import DataMap
from sklearn_datamaps._core import regions as regions_module

CONFIDENCES = np.round(np.arange(0, 1.0001, 0.05), 2)
VARIABILITIES = np.round(np.arange(0, 0.5001, 0.05), 2)


def two_class_regions(confidence, variability, band=0.1, n_std=1.0):
    """Rule of the design, in confidence, one row at a time."""
    names = []
    for c, v in zip(confidence, variability, strict=True):
        if abs(c - 0.5) <= max(band, n_std * v) + 1e-14:  # on it is ambiguous
            names.append("ambiguous")
        else:
            names.append("easy" if c > 0.5 else "hard")
    return names


def two_class_map(confidence, variability):
    confidence, variability = np.asarray(confidence), np.asarray(variability)
    n_samples = len(confidence)
    label = np.ones(n_samples, dtype=np.intp)
    return DataMap(
        confidence=confidence,
        variability=variability,
        correctness=np.full(n_samples, 0.5),
        label=label,
        predicted=label,
        classes=np.array([0, 1]),
        n_epochs=10,
        index=pd.RangeIndex(n_samples),
    )


@pytest.fixture(scope="module")
def grid():
    return [axis.ravel() for axis in np.meshgrid(CONFIDENCES, VARIABILITIES)]


@pytest.mark.parametrize("band", [0, 0.1, 0.3])
@pytest.mark.parametrize("n_std", [0, 1.0, 2])
def test_two_classes_follow_the_rule_in_confidence(grid, band, n_std):
    found = two_class_map(*grid).regions(band=band, n_std=n_std)
    assert found.tolist() == two_class_regions(*grid, band=band, n_std=n_std)


def test_with_little_variability_the_cuts_are_the_tutorials():
    confidence = [0.39, 0.4, 0.5, 0.6, 0.61]
    regions = two_class_map(confidence, np.full(5, 0.05)).regions()
    assert regions.tolist() == ["hard", "ambiguous", "ambiguous", "ambiguous", "easy"]


def test_variability_opens_the_ambiguous_region():
    confidence = [0.8, 0.8, 0.2, 0.2]
    regions = two_class_map(confidence, [0.29, 0.31, 0.29, 0.31]).regions()
    assert regions.tolist() == ["easy", "ambiguous", "hard", "ambiguous"]


def test_the_boundary_itself_is_ambiguous_even_without_a_band():
    codes = regions_module.region_codes(
        np.array([0.0]), np.array([0.0]), band=0, n_std=0
    )
    assert codes.tolist() == [1]


def test_regions_are_a_partition_and_masks_agree_with_it(grid):
    data_map = two_class_map(*grid)
    regions = data_map.regions()
    masks = np.stack([data_map.region_mask(name) for name in regions_module.REGIONS])
    assert (masks.sum(axis=0) == 1).all()
    assert masks.any(axis=1).all()
    for name, mask in zip(regions_module.REGIONS, masks, strict=True):
        np.testing.assert_array_equal(mask, regions == name)


def test_mask_takes_the_same_parameters_as_the_regions(grid):
    data_map = two_class_map(*grid)
    mask = data_map.region_mask("ambiguous", band=0.3, n_std=0)
    assert mask.sum() > data_map.region_mask("ambiguous", band=0.2, n_std=0).sum()
    np.testing.assert_array_equal(
        mask, data_map.regions(band=0.3, n_std=0) == "ambiguous"
    )


@pytest.mark.parametrize(
    ("alias", "name"), [("easy-to-learn", "easy"), ("hard-to-learn", "hard")]
)
def test_alias_names_the_same_rows(grid, alias, name):
    data_map = two_class_map(*grid)
    np.testing.assert_array_equal(
        data_map.region_mask(alias), data_map.region_mask(name)
    )


def test_confidence_of_a_third_is_easy_when_no_other_of_77_classes_comes_near():
    proba = np.full((3, 77), 0.7 / 76)
    proba[:, 5] = 0.3
    labels = [f"intent {i:02d}" for i in range(77)]
    data_map = DataMap.from_probabilities(
        [proba, proba], [labels[5], labels[6], labels[5]], classes=labels
    )
    np.testing.assert_allclose(data_map.confidence[0], 0.3)
    assert data_map.regions().tolist() == ["easy", "hard", "easy"]


def test_row_whose_margin_swings_is_ambiguous_in_many_classes():
    one = [0.5, 0.2, 0.3]
    two = [0.3, 0.2, 0.5]  # margins 0.2 and -0.2: mean 0
    three = [0.9, 0.05, 0.05]
    four = [0.45, 0.1, 0.45]  # 0.85 and 0: mean 0.425 within its std 0.425
    tensor = np.array([[one, three], [two, four]])
    data_map = DataMap.from_probabilities(tensor, [0, 0], classes=[0, 1, 2])
    assert data_map.regions(n_std=1.01).tolist() == ["ambiguous", "ambiguous"]
    assert data_map.regions(n_std=0.99).tolist() == ["ambiguous", "easy"]


def test_row_never_recorded_is_unseen():
    codes = regions_module.region_codes(
        np.array([np.nan, 0.9]), np.array([np.nan, 0.0])
    )
    assert regions_module.region_names(codes).tolist() == ["unseen", "easy"]


def test_region_names_keep_the_shape():
    names = regions_module.region_names(np.array([[0, 1], [2, 3]], dtype=np.int8))
    assert names.tolist() == [["easy", "ambiguous"], ["hard", "unseen"]]


@pytest.mark.parametrize("value", [-0.1, np.nan, np.inf, None, "0.1", [0.1]])
@pytest.mark.parametrize("name", ["band", "n_std"])
def test_rule_refuses_what_is_no_width(name, value):
    data_map = two_class_map([0.5], [0.1])
    with pytest.raises(ValueError, match=rf"^{name} must be a number >= 0; got"):
        data_map.regions(**{name: value})


@pytest.mark.parametrize("region", ["mislabeled", "unseen", "Easy", None, 1])
def test_unknown_region_is_refused_with_the_choices(region):
    data_map = two_class_map([0.5], [0.1])
    with pytest.raises(ValueError, match=r"There is no region .*'easy', 'ambiguous'"):
        data_map.region_mask(region)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_row_on_the_boundary_is_ambiguous_in_any_order_of_its_epochs(n_classes):
    # Mean margin and its deviation are both 0.25: exactly on the boundary.
    for own in set(permutations([0.5, 0.75, 0.75, 0.5])):
        rest = 1 - np.array(own)
        columns = [own, rest, *[np.zeros(4)] * (n_classes - 2)]
        proba = np.stack(columns, axis=-1)[:, None, :]
        data_map = DataMap.from_probabilities(proba, [0], classes=range(n_classes))
        assert data_map.regions().tolist() == ["ambiguous"]
        assert data_map.region_mask("ambiguous").tolist() == [True]


def test_row_a_little_beyond_the_boundary_is_not_ambiguous():
    margin = np.array([0.2, 0.2 + 1e-12, -0.2, -0.2 - 1e-12])
    assert regions_module.region_codes(margin, np.zeros(4)).tolist() == [1, 0, 1, 2]
