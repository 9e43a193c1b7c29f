"""LogisticRegression, recorded at every iteration of its solver."""

import copy
import pickle

import numpy as np
import pytest
import sklearn
from scipy import sparse
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from sklearn_datamaps import DataMapClassifier, TrainingDynamics
from sklearn_datamaps._learners import sklearn_compat

needs_callbacks = pytest.mark.skipif(
    not sklearn_compat.calls_back(), reason="scikit-learn before 1.9 has no callbacks"
)


class Watch:
    """A callback as a user would write it: notes every task and its model."""

    def __init__(self):
        self.tasks = []

    def setup(self, estimator, context):
        self.tasks.append(("setup", None, None))

    def teardown(self, estimator, context):
        self.tasks.append(("teardown", None, None))

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, X, fitted_estimator):
        parent = context.parent and context.parent.task_name
        self.tasks.append((context.task_name, parent, fitted_estimator))

    def models(self):
        """Return the models of the tasks below the root."""
        return [model for _, parent, model in self.tasks if parent and model]


@pytest.fixture(scope="module")
def wine():
    X, y = load_wine(return_X_y=True)
    return scale(X), y


@needs_callbacks
def test_what_scikit_learn_hands_out_is_what_we_count_on(wine):
    X, y = wine
    watch = Watch()
    model = LogisticRegression().set_callbacks(watch)
    assert list(model._skl_callbacks) == [watch]
    model.fit(X, y)
    names = [(name, parent) for name, parent, _ in watch.tasks]
    # One task for every iteration, an empty one, then the whole fit.
    iterations = [("lbfgs-iter", "fit")] * (model.n_iter_[0] + 1)
    assert names == [("setup", None), *iterations, ("fit", None), ("teardown", None)]
    models = [handed_out for _, _, handed_out in watch.tasks[1:-1]]
    assert models[-2] is None
    assert all(one is not model for one in models)
    np.testing.assert_array_equal(models[-3].coef_, model.coef_)
    np.testing.assert_array_equal(models[-1].coef_, model.coef_)
    assert not np.shares_memory(models[0].coef_, models[1].coef_)
    # What is left on a state while callbacks are called is what we take off.
    left = set(vars(models[0])) - set(vars(LogisticRegression().fit(X, y)))
    assert left == set(sklearn_compat.OF_CALLBACKS)
    assert list(sklearn.clone(model)._skl_callbacks) == [watch]
    assert not hasattr(model.set_callbacks(), "_skl_callbacks")


@needs_callbacks
@pytest.mark.parametrize("as_sparse", [False, True], ids=["dense", "sparse"])
@pytest.mark.parametrize("class_weight", [None, "balanced", {"a": 3.0, "c": 0.5}])
@pytest.mark.parametrize("names", [["a", "b"], ["b", "c", "a"]], ids=["two", "three"])
@pytest.mark.parametrize("weighted", [False, True], ids=["", "weights"])
def test_model_is_that_of_a_plain_fit_bit_for_bit_and_the_map_that_of_its_iterations(
    wine, as_sparse, class_weight, names, weighted
):
    X = sparse.csr_matrix(wine[0]) if as_sparse else wine[0]
    y = np.array(names)[wine[1] % len(names)]
    if isinstance(class_weight, dict):
        class_weight = {k: w for k, w in class_weight.items() if k in names}
    weight = np.linspace(0.5, 2, len(y)) if weighted else None
    learner = LogisticRegression(class_weight=class_weight)
    plain = sklearn.clone(learner).fit(X, y, sample_weight=weight)
    clf = DataMapClassifier(learner, store_trajectories=True)
    clf.fit(X, y, sample_weight=weight)
    np.testing.assert_array_equal(clf.estimator_.coef_, plain.coef_)
    np.testing.assert_array_equal(clf.estimator_.intercept_, plain.intercept_)
    np.testing.assert_array_equal(clf.predict(X), plain.predict(X))
    assert clf.n_epochs_ == plain.n_iter_[0] == len(clf.history_)
    watch = Watch()
    sklearn.clone(learner).set_callbacks(watch).fit(X, y, sample_weight=weight)
    dynamics = TrainingDynamics(y)
    for model in watch.models():
        dynamics.update(model.predict_proba(X))
    data_map = dynamics.to_data_map()
    np.testing.assert_array_equal(clf.confidence_, data_map.confidence)
    np.testing.assert_array_equal(clf.variability_, data_map.variability)
    at = np.searchsorted(plain.classes_, y)
    own = plain.predict_proba(X)[np.arange(len(y)), at]
    np.testing.assert_allclose(clf.data_map_.trajectories[-1], own, rtol=1e-6)


@needs_callbacks
@pytest.mark.parametrize("wrap", [False, True], ids=["learner", "MultiOutput"])
def test_labels_of_an_indicator_are_each_a_plain_fit_and_stay_where_they_ended(
    wine, wrap
):
    X, y = wine
    Y = np.column_stack([y == 0, (y > 0) & (X[:, 1] > 0)]).astype(int)
    learner = LogisticRegression(class_weight="balanced")
    given = MultiOutputClassifier(learner) if wrap else learner
    clf = DataMapClassifier(given, store_trajectories=True).fit(X, Y)
    own = clf.data_map_.trajectories
    plain = [sklearn.clone(learner).fit(X, Y[:, i]) for i in range(2)]
    ends = [model.n_iter_[0] for model in plain]
    assert clf.n_epochs_ == max(ends)
    assert min(ends) < max(ends)
    for i, (model, end) in enumerate(zip(plain, ends, strict=True)):
        recorded = clf.estimator_.estimators_[i]
        np.testing.assert_array_equal(recorded.coef_, model.coef_)
        proba = model.predict_proba(X)[np.arange(len(y)), Y[:, i]]
        np.testing.assert_allclose(own[end - 1, :, i], proba, rtol=1e-6)
        assert (own[end - 1 :, :, i] == own[end - 1, :, i]).all()


@needs_callbacks
@pytest.mark.parametrize("n_jobs", [None, 2])
def test_folds_that_converge_sooner_stay_at_their_last_iteration(wine, n_jobs):
    X, y = wine
    cv = KFold(3, shuffle=True, random_state=0)
    learner = LogisticRegression()
    clf = DataMapClassifier(learner, cv=cv, n_jobs=n_jobs, store_trajectories=True)
    clf.fit(X, y)
    whole = LogisticRegression().fit(X, y)
    np.testing.assert_array_equal(clf.estimator_.coef_, whole.coef_)
    ends = []
    for train, test in cv.split(X):
        model = LogisticRegression().fit(X[train], y[train])
        ends.append(int(model.n_iter_[0]))
        proba = model.predict_proba(X[test])[np.arange(len(test)), y[test]]
        last = clf.data_map_.trajectories[ends[-1] - 1 :, test]
        np.testing.assert_allclose(last, np.tile(proba, (len(last), 1)), rtol=1e-6)
    longest = max(*ends, whole.n_iter_[0])
    assert clf.n_epochs_ == clf.in_sample_map_.n_epochs == longest
    assert min(ends) < longest
    assert clf.data_map_.meta["epochs_of_folds"] == ends
    # That is how it converges, and nothing that ended too soon.
    assert "ended after" not in repr(clf.data_map_)


@needs_callbacks
def test_fold_without_a_class_gives_it_no_probability(wine):
    X, y = wine
    rare = np.where(np.arange(len(y)) == 0, 3, y)
    halves = [(np.arange(1, len(y), 2), np.arange(0, len(y), 2))]
    halves.append(halves[0][::-1])
    clf = DataMapClassifier(
        LogisticRegression(class_weight={0: 1, 1: 1, 2: 1, 3: 5}), cv=halves
    ).fit(X, rare)
    assert clf.confidence_[0] == 0


@needs_callbacks
def test_in_a_pipeline_and_a_search_without_a_trace_of_the_recorder(wine):
    X, y = wine
    names = np.array(["red", "rosé", "white"])
    pipe = make_pipeline(StandardScaler(), DataMapClassifier(LogisticRegression()))
    grid = {"datamapclassifier__estimator__C": [0.01, 1.0]}
    search = GridSearchCV(pipe, grid, cv=2).fit(X, names[y])
    best = search.best_estimator_[-1]
    assert best.estimator_.C == 1.0
    assert best.confidence_.shape == y.shape
    left = set(vars(best.estimator_)) | set(vars(best.estimator))
    assert not left & set(sklearn_compat.OF_CALLBACKS)
    again = pickle.loads(pickle.dumps(search))
    assert (again.predict(X) == search.predict(X)).all()


@needs_callbacks
@pytest.mark.parametrize("as_labels", [False, True], ids=["one", "labels"])
def test_own_callback_of_the_user_is_called_as_without_us(wine, as_labels):
    X, y = wine
    Y = np.column_stack([y == 0, y == 1]).astype(int) if as_labels else y
    alone, watched = Watch(), Watch()
    plain = LogisticRegression().set_callbacks(alone)
    for one in Y.T if as_labels else [y]:
        plain.fit(X, one)
    learner = LogisticRegression().set_callbacks(watched)
    clf = DataMapClassifier(learner).fit(X, Y)
    assert learner._skl_callbacks == [watched]
    members = clf.estimator_.estimators_ if as_labels else [clf.estimator_]
    assert all(member._skl_callbacks == [watched] for member in members)
    key = [name for name, _, _ in alone.tasks]
    assert sorted(name for name, _, _ in watched.tasks) == sorted(key)
    assert len(watched.models()) == len(alone.models())


@needs_callbacks
def test_what_scikit_learn_hands_on_is_to_be_set_on_the_outermost_estimator(wine):
    class HandedOn(Watch):
        max_propagation_depth = None

    learner = LogisticRegression().set_callbacks(HandedOn())
    with pytest.raises(TypeError, match=r"HandedOn is set on Logistic.*outermost"):
        DataMapClassifier(learner).fit(*wine)


@needs_callbacks
def test_interruption_leaves_the_epochs_before_and_a_model_that_predicts(wine):
    X, y = wine

    class Interrupts(Watch):
        def on_fit_task_end(self, estimator, context, *, X, fitted_estimator):
            super().on_fit_task_end(
                estimator, context, X=X, fitted_estimator=fitted_estimator
            )
            if len(self.models()) == 4:
                raise KeyboardInterrupt

    learner = LogisticRegression().set_callbacks(Interrupts())
    clf = DataMapClassifier(learner)
    with pytest.raises(KeyboardInterrupt):
        clf.fit(X, y)
    assert clf.n_epochs_ == 3
    watch = Watch()
    LogisticRegression().set_callbacks(watch).fit(X, y)
    before = watch.models()[2]
    np.testing.assert_array_equal(clf.predict_proba(X), before.predict_proba(X))
    assert clf.estimator_.n_iter_ == [3]
    assert "_callback_fit_ctx" not in vars(clf.estimator_)
    copy.deepcopy(clf)


@needs_callbacks
def test_bar_ends_full_when_the_solver_has_converged(wine, capsys):
    clf = DataMapClassifier(LogisticRegression(), verbose=1).fit(*wine)
    last = capsys.readouterr().err.rstrip().rpartition("\r")[2]
    assert f"{clf.n_epochs_}/{clf.n_epochs_}" in last


@needs_callbacks
def test_fit_that_begins_where_it_ends_has_one_epoch():
    X, y = np.zeros((4, 2)), np.array([0, 1, 0, 1])
    clf = DataMapClassifier(LogisticRegression()).fit(X, y)
    assert clf.n_epochs_ == 1
    np.testing.assert_array_equal(clf.confidence_, 0.5)


@needs_callbacks
@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"n_epochs": 10}, r"n_epochs=10 .*LogisticRegression.*Leave n_epochs='auto'"),
        ({"warm_start": True}, r"warm_start cannot be set for .*raise its max_iter"),
        ({"batch_size": 5}, r"batch_size cannot be set for LogisticRegression"),
        ({"batch_order": "blocks"}, r"batch_order cannot be set for Logistic"),
    ],
)
def test_parameters_that_it_would_not_obey_are_refused(wine, params, message):
    with pytest.raises(ValueError, match=message):
        DataMapClassifier(LogisticRegression(), **params).fit(*wine)


def test_older_scikit_learn_is_told_what_to_use(wine, monkeypatch):
    monkeypatch.setattr(sklearn_compat, "AutoPropagatedCallback", None)
    message = rf"scikit-learn {sklearn.__version__}.*1\.9 on.*SGDClassifier\(loss="
    with pytest.raises(TypeError, match=message):
        DataMapClassifier(LogisticRegression()).fit(*wine)


@pytest.mark.parametrize("solver", ["newton-cg", "saga"])
def test_another_solver_is_told_which_hands_out_its_iterations(wine, solver):
    learner = LogisticRegression(solver=solver)
    with pytest.raises(ValueError, match=rf"solver='{solver}'.* Set solver='lbfgs'"):
        DataMapClassifier(learner).fit(*wine)
