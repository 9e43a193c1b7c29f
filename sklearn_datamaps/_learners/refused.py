"""Classifiers that people try and that have no steps to record: what does instead."""

from typing import Any

# Classes of scikit-learn by their names, so that none is loaded for this: why the class
# has no epochs, and what to use.
NO_STEPS = {
    ("LogisticRegressionCV",): (
        "it fits a model for every fold and every C",
        "LogisticRegression(C=...), and choose C by a GridSearchCV around the "
        "DataMapClassifier",
    ),
    ("SVC", "NuSVC"): (
        "its solver works on pairs of rows and has a model only at the end",
        "SGDClassifier(loss='log_loss') after Nystroem(), which approximates the "
        "kernel: make_pipeline(Nystroem(), DataMapClassifier(SGDClassifier("
        "loss='log_loss')))",
    ),
    ("LinearSVC",): (
        "its solver has a model only at the end",
        "SGDClassifier(loss='hinge'), the same model trained step by step",
    ),
    ("BaseForest", "BaseBagging", "BaseDecisionTree"): (
        "trees that do not build on one another are no steps of learning",
        "HistGradientBoostingClassifier or GradientBoostingClassifier, whose trees do",
    ),
    ("KNeighborsClassifier", "RadiusNeighborsClassifier", "NearestCentroid"): (
        "it keeps the rows and learns nothing step by step",
        "LogisticRegression, SGDClassifier(loss='log_loss') or MLPClassifier",
    ),
    ("RidgeClassifier", "RidgeClassifierCV", "LinearDiscriminantAnalysis"): (
        "its coefficients are the solution of one system of equations",
        "LogisticRegression or SGDClassifier(loss='log_loss')",
    ),
    ("QuadraticDiscriminantAnalysis", "GaussianProcessClassifier"): (
        "it is solved as a whole",
        "MLPClassifier or HistGradientBoostingClassifier",
    ),
    ("BaseSearchCV",): (
        "a search fits many models",
        "the search outside: GridSearchCV(DataMapClassifier(SGDClassifier("
        "loss='log_loss')), {'estimator__alpha': [...]})",
    ),
    ("VotingClassifier", "StackingClassifier", "CalibratedClassifierCV"): (
        "it combines models that are fitted for themselves",
        "one of those inside it",
    ),
    ("OneVsRestClassifier", "OneVsOneClassifier"): (
        "the estimator inside it has no partial_fit",
        "one that has inside it (SGDClassifier), or without it a learner of several "
        "classes, such as LogisticRegression",
    ),
}


def instead_of(estimator: Any) -> tuple[str, str] | None:
    """Say why a classifier of scikit-learn has no epochs, and what to use.

    Parameters
    ----------
    estimator : estimator
        What would be trained.

    Returns
    -------
    (str, str) or None
        None: it is none of those that are known.
    """
    bases = {
        base.__name__
        for base in type(estimator).__mro__
        if base.__module__.partition(".")[0] == "sklearn"
    }
    for names, told in NO_STEPS.items():
        if bases & set(names):
            return told
    return None
