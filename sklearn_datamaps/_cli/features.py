"""What a learner takes, made of texts or of columns of numbers and categories."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from sklearn_datamaps._cli.answers import reserved
from sklearn_datamaps._cli.numbers import Column, read_columns
from sklearn_datamaps._io.ngrams import NgramTfidfVectorizer
from sklearn_datamaps._io.reading import Table


@dataclass(frozen=True)
class Features:
    """What the learner takes, and what it was made of.

    Attributes
    ----------
    X : ndarray or sparse matrix of shape (n_samples, n_features)
        TF-IDF, or numbers and categories as the learner takes them.
    columns : dict of str to ndarray
        The features as they are read, by names that a map can carry; of texts "text".
    told : list of str
        How each column was read, a line each.
    names : ndarray of str of shape (n_features,) or None
        Names of the columns of X; None: words, see ``explain_listed``.
    ngrams : tuple of int, default=(1, 2)
        Fewest and most words of a group, of texts.
    """

    X: Any
    columns: dict[str, NDArray[Any]]
    told: list[str]
    names: NDArray[Any] | None = None
    ngrams: tuple[int, int] = (1, 2)


def vectorizer(
    ngrams: tuple[int, int] = (1, 2), max_features: int | None = None
) -> NgramTfidfVectorizer:
    """Return what makes texts into features: words and groups of words.

    Parameters
    ----------
    ngrams : tuple of int, default=(1, 2)
        Fewest and most words of a group.
    max_features : int, default=None
        How many of the most frequent to keep. None: all.

    Returns
    -------
    NgramTfidfVectorizer
        Not fitted.
    """
    return NgramTfidfVectorizer(ngram_range=tuple(ngrams), max_features=max_features)


def text_features(
    texts: Sequence[str],
    ngrams: tuple[int, int] = (1, 2),
    max_features: int | None = None,
) -> tuple[Any, NDArray[Any] | None]:
    """TF-IDF of words and groups of words, as a sparse matrix.

    Parameters
    ----------
    texts : sequence of str
        The texts.
    ngrams : (int, int), default=(1, 2)
        Numbers of words in a feature, from and to.
    max_features : int, default=None
        How many features, the most frequent ones. None: all.

    Returns
    -------
    X : scipy.sparse matrix of shape (n_samples, n_features)
    names : ndarray of str of shape (n_features,) or None
        None: every word is a feature, so the texts themselves tell their names.

    Raises
    ------
    ValueError
        If there is no word in them.
    """
    made = vectorizer(ngrams, max_features)
    try:
        X = made.fit_transform(texts)
    except ValueError as error:
        raise ValueError(
            f"The {len(texts):,} texts hold no word of two letters or more: nothing to "
            f"learn from. The first is {str(texts[0])[:40]!r}. For columns of numbers "
            f"or categories use --features."
        ) from error
    return X, None if max_features is None else made.get_feature_names_out()


def read_features(
    table: Table,
    names: Sequence[str],
    positions: NDArray[np.intp],
    decimal: str | None = None,
    thousands: str | None = None,
) -> dict[str, Column]:
    """Columns of features as they are read, by names that a map can carry.

    Parameters
    ----------
    table : Table
        The file.
    names : sequence of str
        Columns of the features.
    positions : ndarray of int
        The rows.
    decimal, thousands : str, default=None
        How numbers are written. None: as found.

    Returns
    -------
    dict of str to Column

    Raises
    ------
    ValueError
        If a column is missing, of numbers but for a few cells, or can be read in two
        ways.
    """
    cells = {name: table.column(name)[positions] for name in names}
    read = read_columns(cells, decimal, thousands)
    return {carried_name(name): column for name, column in read.items()}


def carried_name(name: str) -> str:
    """Name of a column of features on a map, where some names mean something else."""
    return f"feature_{name}" if name in reserved() else name


def table_features(columns: dict[str, Column], *, coded: bool = False) -> Any:
    """Scaled numbers and one-hot categories.

    Numbers that are missing take the median. Among categories, empty is one like any
    other.

    Parameters
    ----------
    columns : dict of str to Column
        The columns.
    coded : bool, default=False
        As trees take them: numbers as they are, categories as integers.

    Returns
    -------
    ndarray or sparse matrix of shape (n_samples, n_features)
    """
    # Loads the models that it can ask for missing numbers; texts need none of them.
    from sklearn.impute import SimpleImputer

    blocks: list[Any] = []
    for column in columns.values():
        values = column.cells[:, None]
        if column.is_number:
            scale = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
            blocks.append(values if coded else scale.fit_transform(values))
        else:
            encoder = OrdinalEncoder() if coded else OneHotEncoder()
            blocks.append(encoder.fit_transform(values))
    if coded or all(column.is_number for column in columns.values()):
        X: Any = np.hstack(blocks)
    else:
        X = sparse.hstack([sparse.csr_matrix(block) for block in blocks], format="csr")
    return X


def names_of_features(
    columns: dict[str, Column], *, coded: bool = False
) -> NDArray[Any]:
    """Names of the columns that ``table_features`` makes.

    Parameters
    ----------
    columns : dict of str to Column
        The columns.
    coded : bool, default=False
        As in ``table_features``.

    Returns
    -------
    ndarray of str of shape (n_features,)
    """
    names: list[str] = []
    for name, column in columns.items():
        if coded or column.is_number:
            names.append(name)
        else:
            names += [f"{name} = {value}" for value in np.unique(column.cells)]
    return np.array(names, dtype=object)
