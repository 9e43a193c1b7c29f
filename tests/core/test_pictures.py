"""Pictures of the rows: what a map takes, keeps and refuses."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sklearn_datamaps import DataMap

N = 4


def a_map():
    return DataMap.from_probabilities(
        [[[0.9, 0.1], [0.3, 0.7], [0.6, 0.4], [0.2, 0.8]]], [0, 1, 1, 0]
    )


def kept(image):
    return a_map().with_columns(image=image).columns["image"]


def test_bytes_are_kept_as_they_are():
    image = np.random.default_rng(0).integers(256, size=(N, 5, 7, 3), dtype=np.uint8)
    np.testing.assert_array_equal(kept(image), image)
    assert not np.shares_memory(kept(image), image)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (np.array([0, 0.5, 1, 0.25]), [0, 128, 255, 64]),
        (np.array([0, 8, 16, 4.0]), [0, 128, 255, 64]),
        (np.array([-2, 0, 2, -1]), [0, 128, 255, 64]),
        (np.array([False, True, True, False]), [0, 255, 255, 0]),
        (np.array([7.0, 7, 7, 7]), [0, 0, 0, 0]),
        (np.array([0, 2**15, 2**16 - 1, 2**14], dtype=np.uint16), [0, 128, 255, 64]),
    ],
)
def test_other_numbers_become_bytes(image, expected):
    made = kept(image.reshape(N, 1, 1))
    assert made.dtype == np.uint8
    np.testing.assert_array_equal(made.ravel(), expected)


def test_large_pictures_are_made_smaller():
    image = np.zeros((N, 100, 200, 3))
    image[:, :, 100:] = 1
    made = kept(image)
    assert made.shape == (N, 48, 96, 3)
    assert (made[:, :, :40] == 0).all()
    assert (made[:, :, -40:] == 255).all()


def test_paths_are_kept_as_texts_and_may_be_missing():
    made = kept([Path("a.png"), "b.png", None, np.nan])
    assert made.tolist() == ["a.png", "b.png", None, None]
    series = pd.Series(["a", "b", pd.NA, "d"], dtype="string")
    assert kept(series).tolist() == ["a", "b", None, "d"]


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros(N), r"shape \(4,\) and type float64, but pictures are"),
        (np.zeros((N, 64)), r"Reshape flat ones"),
        (np.zeros((N, 3, 8, 8)), "colours last"),
        (np.zeros((N, 8, 8), dtype=complex), "complex128"),
        (np.zeros((N, 0, 8)), "empty"),
        (np.full((N, 8, 8), np.nan), "NaN or infinite"),
        ([1, 2, "a", None], "has a int in row 0"),
        ([b"a"] * N, "type \\|S1"),
        ([np.zeros((2, 2)), np.zeros((3, 3))] * 2, "no array of one shape"),
        (np.zeros((3, 8, 8)), r"shape \(3, 8, 8\); the map has 4 rows"),
        (["a.png"], r"shape \(1,\); the map has 4 rows"),
        (pd.Series(["a"] * N, index=list("wxyz")), "another index than the map"),
    ],
)
def test_what_is_no_picture_is_refused(image, message):
    data_map = a_map()
    if isinstance(image, pd.Series):
        data_map = DataMap.from_probabilities(
            [[[0.9, 0.1]] * N], pd.Series([0, 1, 1, 0], index=list("abcd"))
        )
    with pytest.raises(ValueError, match=message):
        data_map.with_columns(image=image)


def test_tables_leave_arrays_out_and_keep_paths():
    image = np.zeros((N, 2, 2))
    arrays = a_map().with_columns(image=image, text=list("abcd"))
    paths = a_map().with_columns(image=list("wxyz"))
    for table in (DataMap.to_frame, DataMap.review):
        assert "image" not in table(arrays)
        assert "text" in table(arrays)
        assert sorted(table(paths)["image"]) == list("wxyz")
    assert "image" not in a_map().to_frame(image=image)
    assert a_map().to_frame(image=list("wxyz"))["image"].tolist() == list("wxyz")
    with pytest.raises(ValueError, match=r"one of \['text'\]"):
        arrays.summary(by="image")


@pytest.mark.parametrize(
    "image", [np.arange(N * 12).reshape(N, 2, 2, 3), ["a", None, "c", "d"]]
)
def test_pictures_come_back_from_a_file(image, tmp_path):
    data_map = a_map().with_columns(image=image)
    data_map.to_parquet(tmp_path / "map.parquet")
    read = DataMap.from_parquet(tmp_path / "map.parquet")
    assert read.columns["image"].dtype == data_map.columns["image"].dtype
    np.testing.assert_array_equal(read.columns["image"], data_map.columns["image"])


def test_maps_with_other_pictures_are_not_compared():
    image = np.zeros((N, 2, 2))
    one, two = (a_map().with_columns(image=image + k) for k in (0, 1))
    assert "image" not in one.compare(one).movers
    with pytest.raises(ValueError, match="their column 'image' differs"):
        one.compare(two)
    one.compare(a_map().with_columns(image=list("abcd")))


def test_pillow_is_named_where_it_is_missing():
    script = """
import sys
sys.modules["PIL"] = None
import numpy as np
from sklearn_datamaps import DataMap
data_map = DataMap.from_probabilities([[[0.9, 0.1], [0, 1]]], [0, 1])
data_map.with_columns(image=np.zeros((2, 8, 8)))
try:
    data_map.with_columns(image=np.zeros((2, 97, 8)))
except ImportError as error:
    print(error)
"""
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert 'pip install "sklearn-datamaps[explore]"' in run.stdout
