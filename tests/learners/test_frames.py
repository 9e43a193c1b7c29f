"""Columns with names and types reach a learner as if alone, or fit names them."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import (
    AdaBoostClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
)
from sklearn.linear_model import SGDClassifier
from sklearn.naive_bayes import CategoricalNB
from sklearn.neural_network import MLPClassifier

from sklearn_datamaps import DataMapClassifier, DataMapSampler, audit_labels

CITIES = np.array(list("abcdefghijkl"))
ODD = np.array([1, 4, 7, 10])


@pytest.fixture(scope="module")
def table():
    """Only the set of cities tells the label; neither their order nor their code."""
    random = np.random.default_rng(0)
    city = random.integers(0, 12, 400)
    X = pd.DataFrame(
        {"f": random.normal(size=400), "city": pd.Categorical(CITIES[city])},
        index=random.permutation(400),
    )
    return X, np.isin(city, ODD).astype(int)


def hist(**params):
    params = {"max_iter": 5, "max_leaf_nodes": 3, "min_samples_leaf": 5, **params}
    return HistGradientBoostingClassifier(random_state=0, **params)


def as_codes(X):
    return X.assign(city=pd.Categorical(X["city"].cat.codes))


def as_text(X):
    return X.assign(city=X["city"].astype(object))


def as_it_is(X):
    return X


@pytest.mark.parametrize("cv", [None, 2])
@pytest.mark.parametrize(
    ("learner", "change"),
    [
        (hist(), as_it_is),
        (hist(), as_codes),
        (hist(categorical_features=["city"]), as_text),
        (hist(categorical_features=[1]), as_it_is),
        (hist(categorical_features=[False, True]), as_it_is),
        (hist(monotonic_cst={"f": 1}), as_it_is),
    ],
    ids=["category", "numbers", "by name", "by position", "by mask", "monotonic"],
)
def test_boosting_gets_categories_and_names_as_if_alone(table, learner, change, cv):
    X, y = change(table[0]), table[1]
    alone = clone(learner).fit(X, y)
    clf = DataMapClassifier(learner, n_epochs=5, cv=cv, random_state=0).fit(X, y)
    expected = alone.predict_proba(X)
    np.testing.assert_allclose(clf.estimator_.predict_proba(X), expected, atol=1e-6)
    np.testing.assert_allclose(clf.predict_proba(X), expected, atol=1e-6)
    assert clf.score(X, y) == alone.score(X, y) > 0.95
    assert clf.feature_names_in_.tolist() == ["f", "city"]
    assert clf.estimator_.feature_names_in_.tolist() == ["f", "city"]
    assert clf.n_features_in_ == 2
    staged = np.array(list(alone.staged_predict_proba(X)))
    own = staged[:, np.arange(400), y].mean(axis=0)
    if cv is None:
        np.testing.assert_allclose(clf.confidence_, own, atol=1e-6)
    else:  # learned from the other rows, so not the same, but the same cities
        assert clf.history_["accuracy"].iloc[-1] > 0.95
        np.testing.assert_allclose(clf.in_sample_map_.confidence, own, atol=1e-6)
    assert clf.data_map_.index.tolist() == X.index.tolist()


@pytest.mark.parametrize("learner", ["lightgbm", "xgboost"])
@pytest.mark.parametrize("cv", [None, 2])
def test_boosting_libraries_get_categories_as_if_alone(table, learner, cv):
    library = pytest.importorskip(learner)
    X, y = table
    if learner == "lightgbm":
        plain = library.LGBMClassifier(
            n_estimators=20, verbose=-1, min_child_samples=5, min_data_per_group=5
        )
        params = {"categorical_feature": ["city"]}
    else:
        plain = library.XGBClassifier(n_estimators=20, enable_categorical=True)
        params = {}
    alone = clone(plain).fit(X, y, **params)
    clf = DataMapClassifier(plain, n_epochs=4, cv=cv).fit(X, y, **params)
    expected = alone.predict_proba(X)
    np.testing.assert_allclose(clf.estimator_.predict_proba(X), expected, atol=1e-6)
    np.testing.assert_allclose(clf.predict_proba(X), expected, atol=1e-6)
    assert clf.score(X, y) > 0.95
    in_sample = clf.data_map_ if cv is None else clf.in_sample_map_
    assert in_sample.meta["stages"] == [5, 10, 15, 20]
    assert clf.history_["accuracy"].iloc[-1] > 0.9


def test_a_frame_of_numbers_gives_the_map_of_its_array():
    random = np.random.default_rng(0)
    X = pd.DataFrame(random.normal(size=(200, 3)), columns=list("abc"))
    X["d"] = random.integers(0, 9, 200)
    y = (X["a"] + X["d"] > 4).to_numpy()
    for learner in (
        hist(),
        GradientBoostingClassifier(n_estimators=6, random_state=0),
        AdaBoostClassifier(n_estimators=6, random_state=0),
        SGDClassifier(loss="log_loss"),
        MLPClassifier(hidden_layer_sizes=4),
    ):
        fits = [
            DataMapClassifier(learner, n_epochs=3, random_state=0).fit(data, y)
            for data in (X, X.to_numpy())
        ]
        np.testing.assert_array_equal(*(clf.confidence_ for clf in fits))
        np.testing.assert_array_equal(*(clf.predict(X) for clf in fits[:1] * 2))


@pytest.mark.parametrize(
    ("learner", "change"),
    [
        (SGDClassifier(loss="log_loss"), as_it_is),
        (SGDClassifier(loss="log_loss"), as_codes),
        (SGDClassifier(loss="log_loss"), as_text),
        (MLPClassifier(), as_codes),
        (GradientBoostingClassifier(), as_codes),
        (AdaBoostClassifier(), as_codes),
        (hist(categorical_features=None), as_codes),
        (hist(categorical_features=["f"]), as_it_is),
        (hist(), as_text),
    ],
)
def test_columns_that_would_become_numbers_are_refused_by_name(table, learner, change):
    X, y = change(table[0]), table[1]
    clf = DataMapClassifier(learner)
    with pytest.raises(ValueError, match=r"The column 'city' of X .* holds no numbers"):
        clf.fit(X, y)
    assert not hasattr(clf, "n_features_in_")


def test_dates_and_several_columns_are_refused_by_name(table):
    X = table[0].assign(when=pd.Timestamp("2026-01-01"))
    with pytest.raises(ValueError, match=r"The columns 'city', 'when' of X .* hold no"):
        DataMapClassifier().fit(X, table[1])


@pytest.mark.parametrize("learner", [SGDClassifier, HistGradientBoostingClassifier])
@pytest.mark.parametrize(
    ("as_given", "named"),
    [
        (lambda X: X.to_numpy(), "1"),
        (lambda X: X.to_numpy().astype(str), "1"),
        (lambda X: X.to_numpy().tolist(), "1"),
        (lambda X: pa.Table.from_pandas(X, preserve_index=False), "'city'"),
    ],
)
def test_columns_of_text_in_other_containers_are_refused_by_name(
    table, as_given, named, learner
):
    X, y = as_text(table[0]), table[1]
    # Texts are objects to pandas before 3.
    kind = r"\((?:str|object)\)"
    match = rf"The column {named} of X {kind} holds no numbers.*{learner.__name__}"
    with pytest.raises(ValueError, match=match):
        DataMapClassifier(learner()).fit(as_given(X), y)


def test_columns_of_text_are_refused_by_name_for_other_libraries_too(table):
    xgboost = pytest.importorskip("xgboost")
    X, y = as_text(table[0]).to_numpy(), table[1]
    with pytest.raises(ValueError, match=r"The column 1 of X .*XGBClassifier"):
        DataMapClassifier(xgboost.XGBClassifier()).fit(X, y)


@pytest.mark.parametrize("container", [list, np.array, pd.Series])
def test_texts_in_place_of_features_are_refused_as_such(container):
    texts = container(["some words", "others"] * 5)
    with pytest.raises(ValueError, match=r"one text per row.*TfidfVectorizer"):
        DataMapClassifier().fit(texts, [0, 1] * 5)


def test_missing_numbers_beside_names_are_still_refused():
    X = pd.DataFrame({"f": [0.0, np.nan, 1, 2] * 5, "g": np.arange(20)})
    learner = GradientBoostingClassifier()
    with pytest.raises(ValueError, match="contains NaN"):
        DataMapClassifier(learner).fit(X, [0, 1] * 10)
    DataMapClassifier(hist()).fit(X, [0, 1] * 10)  # which takes them


def test_objects_that_are_numbers_are_numbers(table):
    X, y = table[0][["f"]], table[1]
    sgd = SGDClassifier(loss="log_loss")
    as_objects, as_numbers = (
        DataMapClassifier(sgd, random_state=0).fit(data, y)
        for data in (X.astype(object), X)
    )
    np.testing.assert_array_equal(as_objects.confidence_, as_numbers.confidence_)


def test_categories_that_are_numbers_are_what_categorical_nb_reads(table):
    X, y = as_codes(table[0])[["city"]], table[1]
    with pytest.warns(UserWarning, match="no training dynamics"):
        assert DataMapClassifier(CategoricalNB()).fit(X, y).score(X, y) > 0.95


def test_other_columns_are_refused_when_predicting(table):
    X, y = table
    clf = DataMapClassifier(hist(), n_epochs=5).fit(X, y)
    with pytest.raises(ValueError, match="feature names"):
        clf.predict(X[["city", "f"]])


def test_labels_that_are_several_keep_categories(table):
    X, y = table
    Y = np.column_stack([y, X["f"] > 0])
    clf = DataMapClassifier(hist(), n_epochs=5, random_state=0).fit(X, Y)
    alone = hist().fit(X, y)
    np.testing.assert_allclose(
        clf.predict_proba(X)[:, 0], alone.predict_proba(X)[:, 1], atol=1e-6
    )


def test_sampler_and_audit_keep_categories(table):
    X, y = table
    recorder = DataMapClassifier(hist(), n_epochs=5, random_state=0)
    sampler = DataMapSampler(recorder, random_state=0)
    rows, _ = sampler.fit_resample(X, y)
    assert rows.dtypes.tolist() == X.dtypes.tolist()
    alone = recorder.fit(X, y).data_map_
    np.testing.assert_array_equal(sampler.data_map_.confidence, alone.confidence)
    audit = audit_labels(recorder, X, y, random_state=0)
    # Of codes in place of categories half a dozen splits tell 83 % right.
    assert (audit.data_map.predicted == y).mean() > 0.95


class ByCity(ClassifierMixin, BaseEstimator):
    """Counts labels by the column "city", batch by batch."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.categorical = True
        return tags

    def partial_fit(self, X, y, classes):
        if not hasattr(self, "counts_"):
            self.classes_ = classes
            self.counts_ = pd.DataFrame(1.0, index=CITIES, columns=classes)
        for label in classes:
            found = X["city"][np.asarray(y) == label].value_counts()
            self.counts_[label] += found.reindex(CITIES, fill_value=0)
        return self

    def predict_proba(self, X):
        counts = self.counts_.loc[X["city"].astype(object)].to_numpy()
        return counts / counts.sum(axis=1, keepdims=True)

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


@pytest.mark.parametrize("batch_order", ["rows", "blocks"])
def test_learners_whose_tags_ask_for_categories_get_batches_of_the_frame(
    table, batch_order
):
    X, y = table
    clf = DataMapClassifier(
        ByCity(), n_epochs=2, batch_size=64, batch_order=batch_order, random_state=0
    ).fit(X, y)
    assert clf.score(X, y) == 1
    counts = pd.crosstab(X["city"], y).to_numpy()
    np.testing.assert_array_equal(clf.estimator_.counts_.to_numpy(), 1 + 2 * counts)


def test_warm_start_tells_one_frame_from_another(table):
    X, y = table
    clf = DataMapClassifier(ByCity(), n_epochs=2, warm_start=True, random_state=0)
    clf.fit(X, y).set_params(n_epochs=3).fit(X, y)
    assert clf.n_epochs_ == 3
    other = X.copy()
    other.iloc[7, 1] = "a" if X.iloc[7, 1] != "a" else "b"
    with pytest.raises(ValueError, match="but X changed"):
        clf.set_params(n_epochs=4).fit(other, y)
    fewer = X.assign(city=X["city"].cat.reorder_categories(CITIES[::-1]))
    with pytest.raises(ValueError, match="but X changed"):
        clf.fit(fewer, y)
