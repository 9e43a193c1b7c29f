import datetime

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from sklearn_datamaps import TrainingDynamics
from sklearn_datamaps._core.labels import encode_labels, index_of

INDICATOR = np.array([[1, 0, 1], [0, 0, 0], [0, 1, 1]])


@pytest.mark.parametrize(
    ("y", "classes"),
    [
        (["spam", "ham", "spam"], ["ham", "spam"]),
        (np.array(["spam", "ham", "spam"]), ["ham", "spam"]),
        (np.array(["spam", "ham", "spam"], dtype=object), ["ham", "spam"]),
        (pd.Series(["spam", "ham", "spam"]), ["ham", "spam"]),
        (pd.Series(["spam", "ham", "spam"], dtype="string"), ["ham", "spam"]),
        (pd.Categorical(["spam", "ham", "spam"], ["spam", "ham"]), ["ham", "spam"]),
        (pd.Series(["spam", "ham", "spam"], dtype="category"), ["ham", "spam"]),
        (pd.Series(["spam", "ham", "spam"]).to_frame(), ["ham", "spam"]),
        ([True, False, True], [False, True]),
        (pd.Series([True, False, True], dtype="boolean"), [False, True]),
        ([7, -3, 7], [-3, 7]),
        (np.array([7, 3, 7], dtype=np.uint8), [3, 7]),
        (pd.Series([7, -3, 7], dtype="Int64"), [-3, 7]),
        (pd.Categorical([7, -3, 7]), [-3, 7]),
        ([2.0, 1.0, 2.0], [1.0, 2.0]),
        (np.array([[7], [-3], [7]]), [-3, 7]),
        (sparse.csr_matrix([[7], [-3], [7]]), [-3, 7]),
        (np.array([7, -3, 7], dtype=">i4"), [-3, 7]),
        (np.array([7, -3, 7], dtype=">f8"), [-3.0, 7.0]),
        (np.array(["spam", "ham", "spam"], dtype=">U4"), ["ham", "spam"]),
        (np.array([7, -3, 7], dtype=np.float16), [-3.0, 7.0]),
        (np.array([7, -3, 7], dtype=np.longdouble), [-3.0, 7.0]),
        (np.array([True, False, True], dtype=object), [False, True]),
        (np.ma.masked_array([7, -3, 7], mask=False), [-3, 7]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_labels_of_any_kind_become_positions_in_their_sorted_classes(y, classes):
    labels = encode_labels(y)
    assert not labels.multilabel
    assert labels.codes.tolist() == [1, 0, 1]
    assert labels.classes.tolist() == classes
    assert labels.values().tolist() == [classes[1], classes[0], classes[1]]


@pytest.mark.parametrize("dtype", [">i8", ">f4", ">U3", "f2", "g"])
def test_classes_are_of_a_type_that_every_library_knows(dtype):
    classes = encode_labels(np.array([1, 0, 1], dtype=dtype)).classes
    assert classes.dtype.isnative
    assert classes.dtype not in (np.float16, np.longdouble)


def test_many_classes_are_sorted_like_numpy_sorts_them():
    rng = np.random.default_rng(0)
    y = rng.integers(-500, 500, size=2000)
    labels = encode_labels(y)
    classes, codes = np.unique(y, return_inverse=True)
    np.testing.assert_array_equal(labels.classes, classes)
    np.testing.assert_array_equal(labels.codes, codes)


@pytest.mark.parametrize(("n_classes", "dtype"), [(128, np.int8), (129, np.int16)])
def test_codes_take_the_smallest_integers_that_hold_them(n_classes, dtype):
    labels = encode_labels(np.arange(n_classes))
    assert labels.codes.dtype == dtype
    np.testing.assert_array_equal(labels.codes, np.arange(n_classes))


def test_given_classes_keep_their_order_and_may_be_more_than_y_holds():
    labels = encode_labels(["b", "a", "b"], classes=["c", "b", "a"])
    assert labels.codes.tolist() == [1, 2, 1]
    assert labels.classes.tolist() == ["c", "b", "a"]


def test_given_classes_may_be_numpy_strings_while_y_is_pandas():
    y = pd.Series(["b", "a"], dtype="string")
    assert encode_labels(y, classes=np.array(["a", "b"])).codes.tolist() == [1, 0]


@pytest.mark.parametrize(
    "convert",
    [
        pytest.param(np.asarray, id="int"),
        pytest.param(lambda y: y.astype(bool), id="bool"),
        pytest.param(lambda y: y.astype(float), id="float"),
        pytest.param(lambda y: y.astype(object), id="object"),
        pytest.param(lambda y: y.tolist(), id="list"),
        sparse.csr_matrix,
        sparse.csr_array,
        sparse.csc_matrix,
        sparse.coo_matrix,
        sparse.lil_matrix,
        sparse.dok_matrix,
        sparse.dia_matrix,
    ],
)
def test_indicator_of_any_kind_becomes_a_boolean_matrix(convert):
    labels = encode_labels(convert(INDICATOR))
    assert labels.multilabel
    assert labels.codes.dtype == bool
    np.testing.assert_array_equal(labels.codes, INDICATOR == 1)
    np.testing.assert_array_equal(labels.values(), INDICATOR == 1)
    assert labels.classes.tolist() == [0, 1, 2]


def test_stored_zeros_of_a_sparse_indicator_are_unset():
    y = sparse.csr_matrix(([1, 0], [0, 1], [0, 2]), shape=(1, 2))
    assert y.nnz == 2
    assert encode_labels(y).codes.tolist() == [[True, False]]


def test_sparse_entry_named_twice_is_not_an_indicator():
    twice = sparse.coo_matrix(([1, 1], ([0, 0], [0, 0])), shape=(2, 2))
    with pytest.raises(ValueError, match="not an indicator of 0 and 1"):
        encode_labels(twice)


def test_columns_of_a_frame_name_the_labels():
    names = ["joy", "anger", "fear"]
    labels = encode_labels(pd.DataFrame(INDICATOR, columns=names))
    assert labels.classes.tolist() == names


def test_given_names_win_over_the_columns_of_a_frame():
    y = pd.DataFrame(INDICATOR, columns=["a", "b", "c"])
    assert encode_labels(y, classes=["x", "y", "z"]).classes.tolist() == ["x", "y", "z"]


def test_indicator_of_one_label_is_taken_when_asked_for():
    labels = encode_labels(np.array([[1], [0]]), multilabel=True)
    assert labels.codes.tolist() == [[True], [False]]


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "y is None: labels are required"),
        ([], r"y is empty \(0 rows\)"),
        (np.empty((0, 3)), r"y is empty \(0 rows\)"),
        (np.zeros((2, 2, 2)), r"got shape \(2, 2, 2\)"),
        (np.array(1), r"got shape \(\)"),
        ([0.0, np.nan, np.nan], r"contains NaN. 2 of 3 rows have no label"),
        (["a", None], "contains NaN. 1 of 2"),
        (np.array([None, 1, 2], dtype=object), "contains NaN. 1 of 3"),
        (pd.Series(["a", pd.NA], dtype="string"), "contains NaN. 1 of 2"),
        (pd.Series([1, pd.NA], dtype="Int64"), "contains NaN. 1 of 2"),
        (pd.Categorical(["a", None]), "contains NaN. 1 of 2"),
        ([1.0, np.inf], "contains infinity"),
        (np.array([1.0, np.inf], dtype=object), "contains infinity"),
        ([1 + 2j, 0], "Complex data not supported"),
        (np.array([1 + 2j, 0], dtype=object), "Unknown label type: complex"),
        ([0.5, 1.0, 2.0], r"continuous. y holds 3 distinct numbers such as .*0\.5"),
        (np.array([0.5, 1], dtype=object), "Unknown label type: continuous"),
        (np.array(["a", 1], dtype=object), r"mixes \['int', 'str'\]"),
        (
            [datetime.datetime(2024, 1, 1), datetime.datetime(2024, 1, 2)],
            "Unknown label type",
        ),
        (pd.Series(pd.to_datetime(["2024-01-01"])), "Unknown label type: datetime64"),
        (np.array([[0, 1], [2, 1]]), "multiclass-multioutput"),
        (np.array([[0.5, 1], [0, 1]]), "not an indicator of 0 and 1"),
        (np.array([["a", "b"]]), "not an indicator of 0 and 1"),
        (np.array([[0, np.nan]]), "Input y contains NaN"),
        (np.array([[0, None]], dtype=object), "Input y contains NaN"),
        (sparse.csr_matrix([[0, 2]]), "not an indicator of 0 and 1"),
    ],
)
def test_what_is_no_class_label_is_refused(y, message):
    with pytest.raises(ValueError, match=message):
        encode_labels(y)


MISSING = [None, np.nan, float("nan"), pd.NA, pd.NaT]


@pytest.mark.parametrize("missing", MISSING)
@pytest.mark.parametrize("labels", [["a", "b"], [1, 0], [True, False], [1.0, 0.0]])
@pytest.mark.parametrize(
    "contain",
    [
        list,
        tuple,
        lambda y: np.array(y, dtype=object),
        lambda y: pd.Series(y, dtype=object),
        lambda y: pd.Series(y, dtype=object).to_frame(),
        lambda y: pd.Categorical(y),
        lambda y: pd.Series(y, dtype="category"),
    ],
)
def test_missing_label_is_an_error_in_every_container(contain, labels, missing):
    y = [labels[0], missing, labels[1], labels[0], missing]
    message = r"Input y contains NaN\. 2 of 5 rows have no label.* positions 1, 4\."
    with pytest.raises(ValueError, match=message):
        encode_labels(contain(y))
    with pytest.raises(ValueError, match=message):
        encode_labels(contain(y), classes=labels)


@pytest.mark.parametrize(
    "y",
    [
        np.ma.masked_array([0, 1, 1], mask=[False, True, False]),
        np.array(["a", np.nan, "b"]),  # which NumPy makes texts of
        pd.Series(["a", None, "b"], dtype="string"),
        pd.Series([1, None, 0], dtype="Int64"),
        pd.Series([True, None, False], dtype="boolean"),
        pd.Series(["a", None, "b"], dtype="string[pyarrow]"),
        np.ma.masked_array([[0, 1], [1, 0], [0, 0]], mask=[[0, 0], [0, 1], [0, 0]]),
        pd.DataFrame({"a": pd.array([1, None, 0], dtype="Int64"), "b": [0, 1, 0]}),
        [[1, 0], [None, 1], [0, 0]],
        np.array([[1, 0], [np.nan, 1], [0, 0]]),
        sparse.csr_matrix(np.array([[1, 0], [np.nan, 1], [0, 0]])),
    ],
)
def test_missing_label_of_a_container_of_its_own_is_named(y):
    message = r"Input y contains NaN\. 1 of 3 rows have no label.* positions 1\."
    with pytest.raises(ValueError, match=message):
        encode_labels(y)


def test_only_the_first_rows_without_a_label_are_named():
    with pytest.raises(ValueError, match=r"1,000 of 1,001 .* 1, 2, 3, 4, 5 and 995"):
        encode_labels(["a", *[None] * 1000])


def test_label_that_is_called_nan_is_a_label():
    for y in (["a", "nan"], np.array(["a", "nan"]), np.array(["a" * 32, "nan"])):
        assert len(encode_labels(y).classes) == 2


@pytest.mark.parametrize("y", [["a", 1], ("a", True), [1.0, "a"]])
def test_numbers_among_texts_are_not_made_texts(y):
    with pytest.raises(ValueError, match="Unknown label type: y mixes"):
        encode_labels(y)


@pytest.mark.parametrize(
    "y",
    [
        [["a"], ["a", "b"]],
        [("a",), ()],
        [{"a"}, {"b"}],
        pd.Series([["a"], ["a", "b"]]),
        np.array([["a"], ["a", "b"]], dtype=object),
        [["a", "b"], ["c", "d"]],
    ],
)
def test_lists_of_labels_are_refused_with_the_cure(y):
    with pytest.raises(ValueError, match=r"MultiLabelBinarizer\(\)\.fit_transform"):
        encode_labels(y)


@pytest.mark.parametrize(
    "names", [["a", "a", "b"], ["1", 1, 2], [1, 1.0, 2], [1.0, "1", 0]]
)
def test_names_of_labels_that_are_alike_as_text_are_refused(names):
    message = "distinct labels, also as text; .* stands for several"
    with pytest.raises(ValueError, match=message):
        encode_labels(pd.DataFrame(INDICATOR, columns=pd.Index(names, dtype=object)))
    with pytest.raises(ValueError, match=message):
        encode_labels(INDICATOR, classes=names)
    with pytest.raises(ValueError, match=message):
        encode_labels([names[2]], classes=names)


def test_missing_name_of_a_label_is_refused():
    with pytest.raises(ValueError, match="must be distinct labels"):
        encode_labels(INDICATOR, classes=["a", None, "b"])


@pytest.mark.parametrize("classes", [["a", "b", "a"], [["a", "b"]], "a"])
def test_classes_that_are_not_distinct_labels_are_refused(classes):
    with pytest.raises(ValueError, match="classes must be distinct labels"):
        encode_labels(["a", "b"], classes=classes)


def test_label_outside_the_given_classes_is_named():
    with pytest.raises(ValueError, match=r"not in classes: \['c'\]. .*\['a', 'b'\]"):
        encode_labels(["a", "c", "b"], classes=["a", "b"])


def test_text_labels_do_not_match_numeric_classes():
    with pytest.raises(ValueError, match="not in classes"):
        encode_labels(["0", "1"], classes=[0, 1])


def test_wrong_number_of_label_names_is_refused():
    with pytest.raises(ValueError, match=r"names the 3 labels of y; got shape \(2,\)"):
        encode_labels(INDICATOR, classes=["a", "b"])


def test_indicator_is_refused_where_one_label_a_row_was_asked_for():
    with pytest.raises(ValueError, match="y has 3 columns; pass multilabel=True"):
        encode_labels(INDICATOR, multilabel=False)


def test_one_label_a_row_is_refused_where_an_indicator_was_asked_for():
    with pytest.raises(ValueError, match=r"needs an indicator y .* got shape \(3,\)"):
        encode_labels([0, 1, 1], multilabel=True)


def test_one_class_has_no_margin_to_record():
    with pytest.raises(ValueError, match=r"one class only \(\['a'\]\).*Pass classes="):
        TrainingDynamics(["a", "a"])


def test_one_class_is_enough_when_the_model_knows_more():
    assert TrainingDynamics(["a", "a"], classes=["a", "b"]).n_samples == 2


@pytest.mark.parametrize("other", [None, [1, 2], np.zeros((2, 3))])
def test_index_comes_from_the_first_pandas_object(other):
    index = pd.Index(["r0", "r1"], name="row")
    series = pd.Series([0, 1], index=index)
    frame = pd.DataFrame({"x": [0, 1]}, index=["s0", "s1"])
    assert index_of(2, other, series, frame).equals(index)
    assert index_of(2, series, frame).equals(index)
    assert index_of(2, series, frame).name == "row"


@pytest.mark.parametrize("y", [[0, 1], np.zeros((2, 3)), sparse.csr_matrix((2, 3))])
def test_without_pandas_the_index_counts_the_rows(y):
    index = index_of(2, y)
    assert isinstance(index, pd.RangeIndex)
    assert index.tolist() == [0, 1]
