"""Tables whose columns have names and types: what of them a learner can read."""

from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from sklearn_datamaps._core.messages import quoted

N_NAMED = 5


def is_sparse_frame(X: pd.DataFrame) -> bool:
    """Whether all columns are sparse: a matrix with names, read as CSR."""
    return all(isinstance(dtype, pd.SparseDtype) for dtype in X.dtypes)


def with_native_columns(X: pd.DataFrame) -> pd.DataFrame:
    """X without numbers that pandas itself cannot take rows of, or hash."""
    foreign: dict[Any, Any] = {}
    for name, dtype in X.dtypes.items():
        if dtype == np.longdouble:
            foreign[name] = np.float64
        elif isinstance(dtype, np.dtype) and not dtype.isnative:
            foreign[name] = dtype.newbyteorder("=")
    return X.astype(foreign) if foreign else X


def as_frame_of_objects(X: Any) -> pd.DataFrame | None:
    """X as a table, if it is an array, a list or a foreign table that holds texts.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        The features.

    Returns
    -------
    DataFrame or None
        Its columns have their names, or are counted from 0. None: X is no such table.

    Raises
    ------
    ValueError
        If X is no table, but one text per row.
    """
    values = np.asarray(X)
    if values.ndim == 1 and all(isinstance(value, str) for value in values):
        raise ValueError(
            "X holds one text per row, and no features. Turn the texts into numbers "
            "first: make_pipeline(TfidfVectorizer(), DataMapClassifier())."
        )
    if values.ndim != 2 or values.dtype.kind not in "OSU":
        return None
    names = getattr(X, "column_names", getattr(X, "columns", None))  # Arrow's, others'
    return pd.DataFrame(values.astype(object), columns=names)


def numeric_columns(X: pd.DataFrame) -> pd.DataFrame:
    """Columns whose type is one of numbers, or bool; X itself if all are."""
    numeric = [is_numeric_dtype(dtype) for dtype in X.dtypes]
    return X if all(numeric) else X.loc[:, numeric]


def columns_without_numbers(
    X: pd.DataFrame, *, codes_are_categories: bool = False
) -> dict[Any, Any]:
    """Columns that would lose their meaning, or fail, as numbers.

    Parameters
    ----------
    X : DataFrame of shape (n_samples, n_features)
        The features.
    codes_are_categories : bool, default=False
        Whether the learner takes every number for a category, so that categories
        which are numbers lose nothing.

    Returns
    -------
    dict of name to dtype
        Categories, even where they are numbers, whose order says nothing; dates; and
        objects or texts of which one is no number.
    """
    found = {}
    for position, (name, dtype) in enumerate(X.dtypes.items()):
        categorical = isinstance(dtype, pd.CategoricalDtype)
        if is_numeric_dtype(dtype):
            continue
        as_numbers = codes_are_categories or not categorical
        if not as_numbers or not _are_numbers(X.iloc[:, position]):
            found[name] = dtype
    return found


def _are_numbers(column: pd.Series) -> bool:
    if column.dtype.kind in "Mm":
        return False
    try:
        column.to_numpy(dtype=object).astype(float)
    except (TypeError, ValueError):
        return False
    return True


def refuse_columns(columns: dict[Any, Any], learner: str) -> None:
    """Raise ValueError that names columns a learner can make nothing of.

    Parameters
    ----------
    columns : dict of name to dtype
        The columns. None of them: nothing is done.
    learner : str
        Name of its class.

    Raises
    ------
    ValueError
        With what would work.
    """
    if not columns:
        return
    kinds = ", ".join(sorted({str(dtype) for dtype in columns.values()}))
    names = quoted(list(columns), N_NAMED)
    one = len(columns) == 1
    raise ValueError(
        f"The column{'' if one else 's'} {names} of X ({kinds}) hold{'s' * one} no "
        f"numbers, which is all that {learner} as it is set can read. Encode "
        f"{'it' if one else 'them'} first, by OneHotEncoder or OrdinalEncoder in a "
        f"pipeline that ends in DataMapClassifier, or take a learner of categories: "
        f"HistGradientBoostingClassifier(categorical_features='from_dtype') for "
        f"columns of type category, LightGBM, XGBoost, CatBoost."
    )
