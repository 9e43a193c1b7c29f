"""Rows that are recorded and not trained on."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from sklearn_datamaps._core.arrays import detached
from sklearn_datamaps._core.labels import (
    EncodedLabels,
    encode_labels,
    index_of,
    warn_other_index,
)
from sklearn_datamaps._learners.features import refuse_dask, validate_features
from sklearn_datamaps._learners.learner import Learner


@dataclass(frozen=True)
class Validation:
    """Rows that are recorded and not trained on.

    Attributes
    ----------
    X : {ndarray, csr} of shape (n_validation, n_features)
        Validated features.
    labels : EncodedLabels
        The labels as codes, by the classes of those that are learned.
    index : pandas.Index of length n_validation
        Names of the rows.
    """

    X: Any
    labels: EncodedLabels
    index: pd.Index


def check_validation(
    classifier: Any,
    learner: Learner,
    X_val: Any,
    y_val: Any,
    y: Any,
    labels: EncodedLabels,
    *,
    in_blocks: bool,
) -> Validation:
    """Check the rows that are recorded and not trained on, against the others.

    Parameters
    ----------
    classifier, learner, in_blocks
        As in :func:`validate_features`, which has seen the features of the others.
    X_val, y_val
        As in ``DataMapClassifier.fit``.
    y : array-like
        Labels of the others, as given.
    labels : EncodedLabels
        The same as codes.

    Raises
    ------
    ValueError
        If one of X_val and y_val is missing, or they do not fit the others.
    """
    if X_val is None or y_val is None:
        given, missing = ("X_val", "y_val") if y_val is None else ("y_val", "X_val")
        raise ValueError(f"{given} was given without {missing}. Pass both, or neither.")
    refuse_dask(X_val, y_val)
    y_val = detached(y_val)
    table = X_val if isinstance(X_val, pd.DataFrame) else None
    try:
        X_val = validate_features(
            classifier, learner, X_val, reset=False, in_blocks=in_blocks
        )
    except ValueError as error:
        raise ValueError(
            f"X_val does not fit X: {error} In a Pipeline, transform_input="
            f"['X_val'] has it transformed as X is."
        ) from error
    try:
        encoded = encode_labels(
            y_val, classes=labels.classes, multilabel=labels.multilabel
        )
    except ValueError as error:
        raise ValueError(f"y_val does not fit y: {error}") from error
    if len(encoded.codes) != X_val.shape[0]:
        raise ValueError(
            f"X_val has {X_val.shape[0]:,} rows and y_val {len(encoded.codes):,}: "
            f"pass one label, or one row of labels, for each row."
        )
    tables = isinstance(y, pd.DataFrame) and isinstance(y_val, pd.DataFrame)
    if labels.multilabel and tables and list(y.columns) != list(y_val.columns):
        raise ValueError(
            f"y_val does not fit y: its columns are {list(y_val.columns)[:5]}, "
            f"those of y {list(y.columns)[:5]}. Bring them into the order of y."
        )
    warn_other_index(X_val=table, y_val=y_val)
    return Validation(X_val, encoded, index_of(X_val.shape[0], y_val, table))
