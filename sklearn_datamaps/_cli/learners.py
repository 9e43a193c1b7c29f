"""The learners that a command can be told to map with."""

import argparse
import sys
from typing import Any

import sklearn
from sklearn.linear_model import LogisticRegression, SGDClassifier

from sklearn_datamaps._cli.options import AUTO
from sklearn_datamaps._learners.sklearn_compat import calls_back
from sklearn_datamaps._training.classifier import DataMapClassifier

FOLDS = 2


def learner(kind: str = "sgd") -> Any:
    """Return the learner behind the map, with balanced classes.

    Parameters
    ----------
    kind : {"sgd", "logistic", "boosting"}, default="sgd"
        Logistic regression by stochastic gradient descent or until it has converged, or
        trees.

    Returns
    -------
    estimator
        Not fitted.

    Raises
    ------
    ValueError
        If this version of scikit-learn cannot record it.
    """
    if kind == "logistic":
        if not calls_back():
            raise ValueError(
                f"--learner logistic needs scikit-learn 1.9 or newer, which tells of "
                f"every iteration; this is {sklearn.__version__}. Use --learner sgd, "
                f"or install a newer version."
            )
        return LogisticRegression(class_weight="balanced")
    if kind == "boosting":
        # Loads all kinds of trees, which no other learner needs.
        from sklearn.ensemble import HistGradientBoostingClassifier

        return HistGradientBoostingClassifier(
            class_weight="balanced", early_stopping=False
        )
    return SGDClassifier(loss="log_loss", class_weight="balanced")


def classifier(learner: Any, args: argparse.Namespace) -> DataMapClassifier:
    """Classifier with the options of a subcommand.

    Parameters
    ----------
    learner : estimator
        The learner.
    args : argparse.Namespace
        Options ``epochs``, ``seed`` and ``quiet``, and ``cv`` if it has that.

    Returns
    -------
    DataMapClassifier
        Not fitted.
    """
    cv = getattr(args, "cv", None)
    return DataMapClassifier(
        learner,
        n_epochs=args.epochs,
        cv=FOLDS if cv == AUTO else cv,
        random_state=args.seed,
        # A bar that redraws its line is for eyes: a log would hold every state of it.
        verbose=int(not args.quiet and sys.stderr.isatty()),
    )
