"""Callbacks of scikit-learn on DataMapClassifier: tasks "fit" and, in it, "epoch"."""

import pickle

import numpy as np
import pytest
import sklearn
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_datamaps import DataMapClassifier
from sklearn_datamaps._learners import sklearn_compat

has_callbacks = sklearn_compat.calls_back()
pytestmark = pytest.mark.skipif(
    not has_callbacks, reason="scikit-learn before 1.9 has no callbacks"
)
if has_callbacks:
    from sklearn.callback import ProgressBar, ScoringMonitor


class Log:
    """Notes tasks and what the model then says of some rows; may stop."""

    def __init__(self, rows=None, stop_after=None):
        self.rows, self.stop_after = rows, stop_after
        self.begun, self.ended, self.said = [], [], []

    def setup(self, estimator, context): ...

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context):
        self.begun.append(context.task_name)

    def on_fit_task_end(self, estimator, context, *, X, y, fitted_estimator):
        self.ended.append(context.task_name)
        if fitted_estimator is not None and context.task_name == "epoch":
            assert len(X) == len(y)
            self.said.append((fitted_estimator, fitted_estimator.predict_proba(X)))
        return self.ended.count("epoch") == self.stop_after


SGD = SGDClassifier(loss="log_loss")
LEARNERS = [SGD, LogisticRegression()]


@pytest.fixture(scope="module")
def rows(digits):
    X, y = digits
    return X[:150], np.array(["a", "b", "c"])[y[:150] % 3]


def classifier(learner=SGD, **params):
    return DataMapClassifier(learner, random_state=0, **params)


@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize("labels", [1, 2])
def test_every_epoch_hands_out_the_model_that_is_recorded(rows, learner, labels):
    X, y = rows
    if labels == 2:
        y = np.column_stack([y == "a", y == "b"]).astype(int)
    log = Log()
    clf = classifier(learner, store_trajectories=True).set_callbacks(log).fit(X, y)
    assert log.begun[:2] == ["fit", "epoch"]
    assert log.ended[-1] == "fit"
    assert sorted(log.begun) == sorted(log.ended)
    assert len(log.said) == clf.n_epochs_
    for epoch, (model, then) in enumerate(log.said):
        # The model is a copy: it says the same when all is over.
        np.testing.assert_array_equal(model.predict_proba(X), then)
        if labels == 1:
            own = then[np.arange(len(y)), np.searchsorted(clf.classes_, y)]
        else:
            own = np.where(y == 1, then, 1 - then)
        np.testing.assert_allclose(
            clf.data_map_.trajectories[epoch], own, rtol=1e-5, atol=1e-7
        )
    alone = classifier(learner).fit(X, y)
    np.testing.assert_array_equal(clf.confidence_, alone.confidence_)
    assert not {"_callback_fit_ctx", "_skl_callbacks_to_teardown"} & set(vars(clf))


@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize("labels", [1, 2])
def test_returning_true_ends_the_epochs(rows, learner, labels):
    X, y = rows
    if labels == 2:
        y = np.column_stack([y == "a", y == "b"]).astype(int)
    whole = classifier(learner, store_trajectories=True).fit(X, y)
    clf = classifier(learner, store_trajectories=True)
    clf.set_callbacks(Log(stop_after=3)).fit(X, y)
    assert clf.n_epochs_ == len(clf.history_) == 3
    np.testing.assert_array_equal(
        clf.data_map_.trajectories, whole.data_map_.trajectories[:3]
    )
    own = clf.predict_proba(X)
    assert own.shape == (150, 3 if labels == 1 else 2)
    if labels == 1:
        own = own[np.arange(len(y)), np.searchsorted(clf.classes_, y)]
    else:
        own = np.where(y == 1, own, 1 - own)
    last = clf.data_map_.trajectories[-1]
    np.testing.assert_allclose(last, own, rtol=1e-5, atol=1e-7)


def test_what_was_stopped_is_continued_by_a_warm_start(rows):
    clf = classifier(n_epochs=5, warm_start=True).set_callbacks(Log(stop_after=2))
    clf.fit(*rows)
    log = Log()
    clf.set_callbacks(log).fit(*rows)
    assert log.begun == ["fit", "epoch", "epoch", "epoch"]
    np.testing.assert_array_equal(
        clf.confidence_, classifier(n_epochs=5).fit(*rows).confidence_
    )


@pytest.mark.parametrize("learner", LEARNERS)
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_with_folds_it_is_told_of_the_model_of_all_rows(rows, learner, n_jobs):
    log = Log(stop_after=3)
    clf = classifier(learner, cv=2, n_jobs=n_jobs).set_callbacks(log).fit(*rows)
    assert log.begun == ["fit", "epoch", "epoch", "epoch"]
    assert clf.in_sample_map_.n_epochs == clf.data_map_.n_epochs == 3
    whole = classifier(learner, cv=2, n_jobs=n_jobs).set_callbacks(Log()).fit(*rows)
    alone = classifier(learner, cv=2).fit(*rows)
    np.testing.assert_array_equal(whole.confidence_, alone.confidence_)


def test_learner_in_stages_has_no_model_before_the_end_but_can_be_ended(rows):
    log = Log(stop_after=2)
    learner = GradientBoostingClassifier(n_estimators=6, max_depth=1)
    clf = classifier(learner).set_callbacks(log).fit(*rows)
    assert log.ended == ["epoch", "epoch", "fit"]
    assert log.said == []
    assert clf.n_epochs_ == 2


def test_error_in_training_still_tears_the_callback_down(rows):
    class Torn(Log):
        def on_fit_task_end(self, estimator, context):
            raise ValueError("no more")

        def teardown(self, estimator, context):
            self.ended.append("teardown")

    log = Torn()
    with pytest.raises(ValueError, match="no more"):
        classifier().set_callbacks(log).fit(*rows)
    assert log.ended == ["teardown"]


def monitored(wrap, rows):
    """Scores logged by a monitor on the classifier, alone or wrapped, and ours."""
    monitor = ScoringMonitor(scoring="accuracy")
    clf = classifier(n_epochs=4).set_callbacks(monitor)
    fitted = wrap(clf).fit(*rows)
    return monitor.get_logs(select="all"), fitted


def test_scores_of_a_monitor_are_the_accuracy_of_each_epoch(rows):
    [log], clf = monitored(lambda clf: clf, rows)
    table = log.data_as_pandas
    epochs = table[table["task_name"] == "epoch"]
    np.testing.assert_allclose(epochs["accuracy"], clf.history_["accuracy"])
    assert (table["estimator_name"] == "DataMapClassifier").all()


def test_monitor_in_a_pipeline(rows):
    [log], pipe = monitored(lambda clf: make_pipeline(StandardScaler(), clf), rows)
    table = log.data_as_pandas
    scores = table.loc[table["task_name"] == "epoch", "accuracy"]
    np.testing.assert_allclose(scores, pipe[-1].history_["accuracy"])


def test_monitor_in_a_search_with_two_processes(rows):
    def wrap(clf):
        return GridSearchCV(clf, {"n_epochs": [2, 3]}, cv=2, n_jobs=2)

    [log], search = monitored(wrap, rows)
    assert log.estimator_name == "GridSearchCV"
    table = log.data_as_pandas
    n_epochs = (table["task_name"] == "epoch").sum()
    assert n_epochs == 2 * (2 + 3) + search.best_estimator_.n_epochs_


def test_progress_bar_alone(rows, capsys):
    pytest.importorskip("rich")
    classifier(n_epochs=3).set_callbacks(ProgressBar()).fit(*rows)
    shown = capsys.readouterr().out
    assert "DataMapClassifier - fit" in shown
    assert "100%" in shown


@pytest.mark.parametrize("learner", LEARNERS)
def test_progress_bar_of_a_pipeline_reaches_us(rows, capsys, learner):
    pytest.importorskip("rich")
    pipe = make_pipeline(StandardScaler(), classifier(learner))
    pipe.set_callbacks(ProgressBar()).fit(*rows)
    assert "DataMapClassifier - fit" in capsys.readouterr().out


def test_progress_bar_of_a_search_with_two_processes(rows, capsys):
    pytest.importorskip("rich")
    search = GridSearchCV(classifier(), {"n_epochs": [2, 3]}, cv=2, n_jobs=2)
    search.set_callbacks(ProgressBar()).fit(*rows)
    assert "DataMapClassifier - fit" in capsys.readouterr().out
    again = pickle.loads(pickle.dumps(search.best_estimator_))
    assert (again.predict(rows[0]) == search.predict(rows[0])).all()


def test_clone_has_the_callbacks_and_verbose_still_shows_its_own_bar(rows, capsys):
    log = Log()
    clf = sklearn.clone(classifier(verbose=1, n_epochs=2).set_callbacks(log))
    clf.fit(*rows)
    assert log.ended == ["epoch", "epoch", "fit"]
    assert "2/2" in capsys.readouterr().err
