"""Reasons for and against the labels of the rows that are listed, for the page."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_datamaps._cli.features import Features, vectorizer
from sklearn_datamaps._curation.explain import Explanation, explain_rows


def explain_listed(
    fitted: Any,
    features: Features,
    y: pd.Series | pd.DataFrame,
    listed: pd.DataFrame,
) -> Explanation:
    """Reasons for and against the labels of some rows.

    Parameters
    ----------
    fitted : estimator
        A classifier, fitted to the features.
    features : Features
        Of all rows.
    y : Series, or DataFrame of bool with a column a label
        The labels of all rows.
    listed : DataFrame
        The review: the position of a row, and of several labels the name of one.

    Returns
    -------
    Explanation
    """
    rows = listed["position"].to_numpy(dtype=np.intp)
    names, of = features.names, np.arange(len(y))
    if names is None:
        names, of = _names_of(features, rows), features.columns["text"]
    # Vectorizing is most of the work of a map, and is done already.
    made = FunctionTransformer(
        lambda rows: features.X, feature_names_out=lambda self, given: names
    )
    if isinstance(y, pd.DataFrame):
        rows = np.column_stack(
            [rows, y.columns.get_indexer(pd.Index(listed["label_name"]))]
        )
    return explain_rows(make_pipeline(made, fitted), of, y, rows)


def _names_of(features: Features, rows: NDArray[np.intp]) -> NDArray[Any]:
    """Names of the columns that some texts have; those of others stay empty.

    Columns are in the order of their names, so those of a text are its n-grams, sorted.
    """
    X, texts = features.X, features.columns["text"]
    names = np.full(X.shape[1], "", dtype=object)
    split = vectorizer(features.ngrams).build_analyzer()
    for row in rows.tolist():
        columns = X.indices[X.indptr[row] : X.indptr[row + 1]]
        names[np.sort(columns)] = sorted(set(split(texts[row])))
    return names
