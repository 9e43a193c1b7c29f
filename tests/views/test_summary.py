"""What the summary of a map says of maps that tell little."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import scale

from sklearn_datamaps import DataMap, DataMapClassifier, TrainingDynamics


# Of scikit-learn before 1.8, on the way to NaN.
@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
@pytest.mark.parametrize("load", [load_breast_cancer, load_wine])
def test_features_that_want_scaling_are_told(load):
    X, y = load(return_X_y=True)
    told = "scale the features"
    clf = DataMapClassifier(random_state=0)
    try:
        shown = repr(clf.fit(X, y).data_map_)
    except ValueError as error:  # before scikit-learn 1.8, wine ends in NaN
        shown = str(error)
    assert told in shown
    assert told not in repr(clf.fit(scale(X), y).data_map_)


def test_epochs_that_are_too_few_are_told_with_the_rows_never_right(digits):
    X, y = digits
    clf = DataMapClassifier(MLPClassifier(), cv=2, n_epochs=4, random_state=0)
    data_map = clf.fit(X, y).data_map_
    ambiguous = data_map.region_mask("ambiguous")
    never = int((ambiguous & (data_map.correctness == 0)).sum())
    assert never > 50
    told = f"{never:,} of them were never predicted right"
    assert told in repr(data_map)
    assert "raise n_epochs (4)" in repr(data_map)
    assert "raise n_epochs" in data_map._repr_html_()


def test_map_of_a_learner_that_has_learned_says_nothing_of_it(digits):
    told = repr(DataMapClassifier(random_state=0).fit(*digits).data_map_)
    assert "raise n_epochs" not in told
    assert "scale the features" not in told


IN_SAMPLE = "in-sample: use cv=2 to look for wrong labels"
MAJORITY = "predicted no better than by always naming the most frequent"


def notes(data_map):
    return [line[2:] for line in repr(data_map).splitlines() if line[:2] == "! "]


def told(data_map, words):
    return any(words in note for note in notes(data_map))


@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("load", [load_breast_cancer, load_wine])
def test_accuracy_no_better_than_the_majority_is_told(load, seed):
    X, y = load(return_X_y=True)
    clf = DataMapClassifier(random_state=seed)
    try:
        data_map = clf.fit(X, y).data_map_
    except ValueError:  # before scikit-learn 1.8, wine ends in NaN: see above
        pytest.skip("this version of scikit-learn ends in NaN")
    assert told(data_map, MAJORITY)
    assert told(data_map, "differ in scale")
    assert notes(clf.fit(scale(X), y).data_map_) == [IN_SAMPLE]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_learned_maps_say_that_they_are_in_sample_and_no_more(digits, seed):
    X, y = load_iris(return_X_y=True)
    for data in ((scale(X), y), digits):
        data_map = DataMapClassifier(random_state=seed).fit(*data).data_map_
        assert notes(data_map) == [IN_SAMPLE]


@pytest.mark.parametrize("cv", [None, 2])
@pytest.mark.parametrize("share", [0.5, 0.1])
def test_labels_at_random_are_not_learned_with_weights_or_without(cv, share):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(1000, 5)), rng.random(1000) < share
    for weights in ("balanced", None):
        sgd = SGDClassifier(loss="log_loss", class_weight=weights)
        data_map = DataMapClassifier(sgd, random_state=0, cv=cv).fit(X, y).data_map_
        assert told(data_map, MAJORITY)
        assert not told(data_map, "scale")  # they are scaled


def test_rare_class_that_is_learned_is_no_majority_answer():
    rng = np.random.default_rng(0)
    y = np.arange(1000) < 30
    X = rng.normal(size=(1000, 5)) + 4 * y[:, None]
    assert notes(DataMapClassifier(random_state=0).fit(X, y).data_map_) == [IN_SAMPLE]


def test_labels_of_a_multilabel_map_that_are_not_learned_are_named():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 4))
    Y = np.column_stack([X[:, 0] > 0, rng.random(400) < 0.2, X[:, 1] > 0])
    data_map = DataMapClassifier(random_state=0, cv=2).fit(X, Y).data_map_
    assert [n for n in notes(data_map) if f"1 of 3 labels are {MAJORITY}" in n]
    assert [n for n in notes(data_map) if n.endswith("answer: 1")]


def test_columns_far_from_zero_are_told():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 4))
    y = X[:, 0] > 0
    assert told(DataMapClassifier(random_state=0).fit(X + 1e4, y).data_map_, "lie far")


@pytest.mark.parametrize(
    ("estimator", "convert"),
    [
        (GaussianNB(), np.asarray),
        (GradientBoostingClassifier(n_estimators=2), np.asarray),
        (SGDClassifier(loss="log_loss"), sparse.csr_matrix),
    ],
)
@pytest.mark.filterwarnings("ignore:GaussianNB")
def test_scales_are_known_only_where_they_matter(estimator, convert):
    X, y = load_breast_cancer(return_X_y=True)
    clf = DataMapClassifier(estimator, n_epochs=2, random_state=0).fit(convert(X), y)
    assert clf.data_map_.meta["scale_ratio"] is None


def test_scales_do_not_count_constant_columns():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=(100, 2)), np.full(100, 0.1)])
    clf = DataMapClassifier(random_state=0).fit(X, X[:, 0] > 0)
    assert clf.data_map_.meta["scale_ratio"] < 2


ALIKE = [
    ["joy", "Joy"],
    ["joy", "joy "],
    ["joy", " joy\u00a0"],
    ["caf\u00e9", "cafe\u0301"],
    ["joy", "\uff4aoy"],
    ["joy", "j\u200boy"],
    ["stra\u00dfe", "STRASSE"],
    ["very good", "Very  good"],
]


@pytest.mark.parametrize("alike", ALIKE)
def test_labels_that_look_alike_are_told_with_their_rows(alike):
    y = [alike[0]] * 3 + [alike[1]] * 2 + ["other"] * 2
    dynamics = TrainingDynamics(y)
    dynamics.update(np.full((7, 3), 1 / 3))
    (note,) = [n for n in notes(dynamics.to_data_map()) if "they one?" in n]
    assert f"{alike[0]!r} 3" in note
    assert f"{alike[1]!r} 2" in note
    assert "they one?" in dynamics.to_data_map()._repr_html_()


@pytest.mark.parametrize(
    "y", [["joy", "joyful"], ["a b", "a-b"], [1, 2], [True, False]]
)
def test_labels_that_differ_are_no_twins(y):
    data_map = DataMap.from_probabilities([np.full((4, 2), 0.5)] * 2, y * 2)
    assert not told(data_map, "they one?")


def test_names_of_a_multilabel_map_that_look_alike_are_told():
    data_map = DataMap.from_probabilities(
        [np.full((4, 2), 0.5)], np.eye(4, 2), classes=["Joy", "joy"], multilabel=True
    )
    assert told(data_map, "labels differ only in case")


@pytest.mark.parametrize(
    ("n_rows", "n_labels", "change", "is_told"),
    [(150, 3, 0, True), (150, 2, 0, False), (90, 3, 0, False), (150, 3, 1, False)],
)
def test_one_label_in_every_row_is_asked_about(n_rows, n_labels, change, is_told):
    y = np.eye(n_labels)[np.arange(n_rows) % n_labels]
    y[0, 1] = change  # a second label in one row
    proba = np.full(y.shape, 0.5)
    data_map = DataMap.from_probabilities([proba] * 2, y, multilabel=True)
    said = f"every row has exactly one of the {n_labels} labels"
    assert bool(told(data_map, said)) == is_told


def test_classes_of_one_row_are_told():
    data_map = DataMap.from_probabilities([np.full((5, 2), 0.5)], [0, 0, 0, 0, 1])
    assert told(data_map, "classes with one row: 1 1; nothing tells")
    data_map = DataMap.from_probabilities([np.full((5, 2), 0.5)], [0, 0, 0, 1, 1])
    assert not told(data_map, "classes with")


@pytest.mark.filterwarnings("ignore:The least populated class")
def test_classes_with_fewer_rows_than_folds_are_told():
    X, y = load_iris(return_X_y=True)
    y = y.copy()
    y[:3] = 3
    clf = DataMapClassifier(random_state=0, cv=4).fit(scale(X), y)
    assert told(
        clf.data_map_, "fewer rows than the 4 folds: 3 3; models that never saw"
    )
    assert not told(clf.set_params(cv=2).fit(scale(X), y).data_map_, "classes with")
    y[0] = 0
    y[1:3] = [0, 3]
    assert told(
        clf.fit(scale(X), y).data_map_, "classes with one row: 3 1; models that"
    )


def test_map_out_of_fold_is_not_called_in_sample():
    X, y = load_iris(return_X_y=True)
    clf = DataMapClassifier(random_state=0, cv=2).fit(scale(X), y)
    assert notes(clf.data_map_) == []
    assert IN_SAMPLE in clf.set_params(cv=None).fit(scale(X), y).data_map_._repr_html_()


def test_loop_of_the_users_own_is_not_told_of_cv():
    data_map = DataMap.from_probabilities([np.full((4, 2), 0.5)] * 2, [0, 1, 0, 1])
    assert not told(data_map, "in-sample")


@pytest.mark.filterwarnings("ignore:GradientBoostingClassifier holds")
def test_learner_that_stopped_early_is_told():
    X, y = load_iris(return_X_y=True)
    boosting = GradientBoostingClassifier(n_estimators=60, n_iter_no_change=2, tol=0.1)
    data_map = DataMapClassifier(boosting, random_state=0).fit(X, y).data_map_
    stages = data_map.meta["stages"][-1]
    assert stages < 60
    assert told(data_map, f"training ended after {stages} of 60 stages")
    # Fewer stages than epochs are all there are.
    boosting = GradientBoostingClassifier(n_estimators=4)
    data_map = DataMapClassifier(boosting, random_state=0).fit(X, y).data_map_
    assert not told(data_map, "training ended")


@pytest.mark.parametrize("label", ["nan", "<NA>", "None", " ", "n/a", "?", "[]"])
def test_label_that_says_that_there_is_none_is_asked_about(label):
    y = ["yes", label, "no", "yes", label, "no"]
    data_map = DataMap.from_probabilities([np.full((6, 3), 1 / 3)], y)
    assert told(data_map, f"is this a label, or none? {label!r} 2")
    data_map = DataMap.from_probabilities([np.full((4, 2), 0.5)], ["nancy", "no"] * 2)
    assert not told(data_map, "or none?")


def test_numbers_written_as_whole_and_with_a_point_are_pointed_out():
    y = ["1", "1.0", "2", "2.5", "10"] * 4
    probabilities = np.full((2, len(y), 5), 0.2)
    classes = sorted(set(y))
    data_map = DataMap.from_probabilities(probabilities, y, classes=classes)
    assert told(data_map, "are they one? '1' 4, '1.0' 4")
    assert not told(data_map, "'2.5' 4")


def test_in_sample_map_beside_folds_sends_to_the_map_of_the_folds(digits):
    clf = DataMapClassifier(n_epochs=2, cv=2, random_state=0).fit(*digits)
    to_the_other = "in-sample: use data_map_ to look for wrong labels"
    assert to_the_other in notes(clf.in_sample_map_)
    assert not told(clf.data_map_, "in-sample")
    clf.set_params(cv=None).fit(*digits)
    assert IN_SAMPLE in notes(clf.data_map_)


def test_hard_rows_of_many_classes_are_told_with_the_rest_in_words():
    y = np.repeat(np.arange(7), [9, 5, 4, 3, 3, 2, 1])
    proba = np.full((len(y), 7), 0.01)
    proba[np.arange(len(y)), (y + 1) % 7] = 0.94
    names = np.array(["joy", "fear", "love", "anger", "pride", "grief", "relief"])
    data_map = DataMap.from_probabilities([proba], names[y], classes=names)
    assert "(joy 9, fear 5, love 4; 9 in 4 other classes)" in repr(data_map)
