"""Fetch GoEmotions, the data set of the examples, as scikit-learn's fetchers do."""

import difflib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils import Bunch

if TYPE_CHECKING:
    import pyarrow as pa

HUB_NAME = "google-research-datasets/go_emotions"
HUB_CONFIGURATION = "simplified"
# A commit, not a branch: the same rows today and in two years.
HUB_REVISION = "add492243ff905527e67aeb8b80c082af02207c3"

DATA_VARIABLE = "SKLEARN_DATAMAPS_DATA"
SUBSETS = ("train", "validation", "test")
COLUMNS = ("text", "labels", "id")

# Position = the integer by which the files name the emotion.
EMOTIONS = (
    "admiration", "amusement", "anger", "annoyance", "approval", "caring", "confusion",
    "curiosity", "desire", "disappointment", "disapproval", "disgust", "embarrassment",
    "excitement", "fear", "gratitude", "grief", "joy", "love", "nervousness",
    "optimism", "pride", "realization", "relief", "remorse", "sadness", "surprise",
    "neutral",
)  # fmt: skip

DESCR = f"""\
GoEmotions: Reddit comments and the emotions they express
---------------------------------------------------------

English Reddit comments, each labelled by hand with one or more of 27 emotions or
"neutral". This is the "{HUB_CONFIGURATION}" configuration: the comments on whose
label at least two raters agreed, in the authors' own split.

:Rows: 43,410 train, 5,426 validation, 5,427 test; 54,263 in all
:Labels a row: 1 to 5; exactly one for 36,308 of the training rows (84 %)
:Classes: 28, unbalanced; in train from 77 rows (grief) to 14,219 (neutral)
:Gratitude: 2,662 of the training rows (6.1 %), 358 validation, 352 test
:Missing values: none
:Licence: Apache-2.0
:Source: Hugging Face hub, {HUB_NAME}, revision {HUB_REVISION}

data
    Text of the comments, indexed by comment id. Names of people and religions are
    masked as [NAME] and [RELIGION]. Ids are unique within and across the subsets;
    texts are not: 183 training rows repeat the text of an earlier one, and 37 test
    and 43 validation rows have a text that also stands in train. All are kept.
target, binary (label = the name of an emotion)
    1 if the row carries that emotion, alone or among others; else 0.
target, multilabel (label = None)
    One 0/1 column for each of the 28 emotions; every row has at least one 1.

The labels are people's opinions about short texts without their context; some of
the comments are offensive.

Dorottya Demszky, Dana Movshovitz-Attias, Jeongwoo Ko, Alan Cowen, Gaurav Nemade and
Sujith Ravi. "GoEmotions: A Dataset of Fine-Grained Emotions." ACL 2020.
arXiv:2005.00547.
"""


def fetch_go_emotions(
    label: str | None = "gratitude",
    subset: str = "train",
    data_home: str | os.PathLike[str] | None = None,
    return_X_y: bool = False,
    as_names: bool = False,
) -> Bunch | tuple[pd.Series, pd.Series | pd.DataFrame]:
    """Load GoEmotions: Reddit comments and the emotions they express [1]_.

    Read from a local folder if there is one, else from the Hugging Face hub, at a
    fixed revision; the hub's own cache then serves later calls. Without a network
    and a cache the hub's client tries for about half a minute before it gives up (at
    once if the environment variable ``HF_HUB_OFFLINE`` is 1).

    ================  ======================
    Rows, train                       43,410
    Rows, validation                   5,426
    Rows, test                         5,427
    Emotions          28, one or more a row
    ================  ======================

    .. versionadded:: 0.1

    Parameters
    ----------
    label : str or None, default="gratitude"
        One of the 28 emotions: binary target, is this comment that emotion? None:
        multilabel target, all 28.
    subset : {"train", "validation", "test", "all"}, default="train"
        The authors' split; "all" is the three one after the other.
    data_home : str or path, default=None
        Folder holding ``go_emotions/{train,validation,test}.parquet``, with columns
        ``text`` (string), ``labels`` (list of int, 0 to 27) and ``id`` (string).
        None: the environment variable ``SKLEARN_DATAMAPS_DATA`` if set, else the
        hub. Unlike scikit-learn's own fetchers, nothing is ever written there.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.
    as_names : bool, default=False
        Binary target: ``"gratitude"`` and ``"not gratitude"`` instead of 1 and 0, which
        maps, pictures, pages and reviews then show. For ``label=None`` the names are
        those of the columns anyhow.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        With the attributes:

        data : Series of str, shape (n_samples,)
            The comments, named "text", indexed by comment id.
        target : Series of int64, shape (n_samples,)
            1 where the row carries the emotion, else 0 (with ``as_names`` the name, a
            str); same index, named as the emotion. For ``label=None`` a DataFrame of
            int64 of shape (n_samples, 28), one 0/1 column for each emotion.
        target_names : list of str
            ``["not gratitude", "gratitude"]``, position = value of the target; for
            ``label=None`` the 28 emotions, position = column of the target.
        DESCR : str
            Source, licence, size and citation.

    (data, target) : tuple if ``return_X_y`` is True
        The first two of these.

    Raises
    ------
    ValueError
        If there is no such emotion or subset; if a local file is not parquet, lacks
        a column or has one of another type; if a label is outside 0 to 27.
    FileNotFoundError
        If a folder is given, here or by the variable, but lacks the file.
    ConnectionError
        If no folder is given and the hub cannot be reached.

    References
    ----------
    .. [1] D. Demszky, D. Movshovitz-Attias, J. Ko, A. Cowen, G. Nemade, S. Ravi.
       "GoEmotions: A Dataset of Fine-Grained Emotions." ACL 2020. arXiv:2005.00547.

    Examples
    --------
    A folder of the right layout, here with two comments of our own:

    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import pandas as pd
    >>> from sklearn_datamaps.datasets import fetch_go_emotions
    >>> comments = pd.DataFrame(
    ...     {"text": ["Thanks!", "Oh"], "labels": [[15], [14, 25]], "id": ["a", "b"]}
    ... )
    >>> with TemporaryDirectory() as folder:
    ...     (Path(folder) / "go_emotions").mkdir()
    ...     comments.to_parquet(Path(folder) / "go_emotions" / "train.parquet")
    ...     gratitude = fetch_go_emotions("gratitude", data_home=folder)
    ...     X, Y = fetch_go_emotions(None, data_home=folder, return_X_y=True)
    >>> gratitude.data["a"], gratitude.target_names
    ('Thanks!', ['not gratitude', 'gratitude'])
    >>> gratitude.target
    id
    a    1
    b    0
    Name: gratitude, dtype: int64
    >>> Y.shape
    (2, 28)
    >>> Y[["fear", "gratitude", "sadness"]]
        fear  gratitude  sadness
    id
    a      0          1        0
    b      1          0        1
    """
    _check_arguments(label, subset)
    folder, origin = _local_folder(data_home)
    tables = [
        _read_hub(name) if folder is None else _read_folder(folder, origin, name)
        for name in (SUBSETS if subset == "all" else (subset,))
    ]
    data = pd.concat([_texts(table) for table in tables])
    indicator = np.concatenate([_indicator(table) for table in tables])

    target: pd.Series | pd.DataFrame
    if label is None:
        target_names = list(EMOTIONS)
        target = pd.DataFrame(indicator, index=data.index, columns=target_names)
    else:
        target_names = [f"not {label}", label]
        column = indicator[:, EMOTIONS.index(label)].copy()  # lets go of the other 27
        if as_names:
            column = np.array(target_names, dtype=object)[column]
        target = pd.Series(column, index=data.index, name=label)
    if return_X_y:
        return data, target
    return Bunch(data=data, target=target, target_names=target_names, DESCR=DESCR)


def _check_arguments(label: str | None, subset: str) -> None:
    """Raise ValueError unless label and subset are among those there are."""
    if label is not None and not (isinstance(label, str) and label in EMOTIONS):
        close = difflib.get_close_matches(str(label).lower(), EMOTIONS, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(
            f"There is no emotion {label!r} in GoEmotions.{hint} Choose one of "
            f"{', '.join(map(repr, EMOTIONS))}, or None for all of them."
        )
    valid = (*SUBSETS, "all")
    if not (isinstance(subset, str) and subset in valid):
        raise ValueError(
            f"There is no subset {subset!r}. Choose one of "
            f"{', '.join(map(repr, valid))}."
        )


def _local_folder(
    data_home: str | os.PathLike[str] | None,
) -> tuple[Path | None, str]:
    """Return the folder to read (None: the hub) and who named it."""
    if data_home is not None:
        return Path(data_home).expanduser(), "the argument data_home"
    if variable := os.environ.get(DATA_VARIABLE):
        return Path(variable).expanduser(), f"the environment variable {DATA_VARIABLE}"
    return None, ""


def _read_folder(folder: Path, origin: str, subset: str) -> "pa.Table":
    """Read one subset from ``folder/go_emotions/subset.parquet``."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = folder / "go_emotions" / f"{subset}.parquet"
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no file {str(path)!r}. The folder {str(folder)!r} comes from "
            f"{origin} and must hold go_emotions/{subset}.parquet: put the file there, "
            f"name another folder, or give neither data_home nor {DATA_VARIABLE} to "
            "read from the Hugging Face hub."
        )
    try:
        return _select(pq.read_table(path), str(path))
    except pa.ArrowException as error:
        raise ValueError(
            f"{str(path)!r} is not a GoEmotions parquet file with columns text "
            f"(string), labels (list of int) and id (string): {error}"
        ) from error


def _read_hub(subset: str) -> "pa.Table":
    """Read one subset from the Hugging Face hub, or from the hub's cache."""
    from datasets import load_dataset
    from huggingface_hub.utils import HfHubHTTPError

    # Errors of the HTTP client reach us as they are when the connection breaks off
    # midway. Which client that is (requests, httpx) depends on the version of
    # huggingface_hub; its own error derives from the client's base classes.
    http_errors = [c for c in HfHubHTTPError.__mro__ if c.__module__ != "builtins"]
    try:
        dataset = load_dataset(
            HUB_NAME, HUB_CONFIGURATION, split=subset, revision=HUB_REVISION
        )
    except (ConnectionError, TimeoutError, FileNotFoundError, *http_errors) as error:
        raise ConnectionError(
            f"Could not get {HUB_NAME} ({subset}) from the Hugging Face hub "
            f"({type(error).__name__}: {error}). Connect once, after which the hub's "
            f"cache serves it; or name a folder, by data_home or the environment "
            f"variable {DATA_VARIABLE}, that holds go_emotions/{subset}.parquet with "
            "columns text, labels and id."
        ) from error
    return _select(dataset.with_format("arrow")[:], HUB_NAME)


def _select(table: "pa.Table", source: str) -> "pa.Table":
    """Return the three columns in the types that the rest of the file counts on."""
    import pyarrow as pa

    missing = [name for name in COLUMNS if name not in table.column_names]
    if missing:
        raise ValueError(
            f"{source!r} lacks the column(s) {', '.join(map(repr, missing))}; it has "
            f"{', '.join(map(repr, table.column_names))}. GoEmotions needs text "
            "(string), labels (list of int, 0 to 27) and id (string)."
        )
    types = (pa.large_string(), pa.list_(pa.int64()), pa.large_string())
    return table.select(COLUMNS).cast(pa.schema(zip(COLUMNS, types, strict=True)))


def _texts(table: "pa.Table") -> pd.Series:
    """Return the comments, indexed by their ids."""
    text: pd.Series = table["text"].to_pandas()
    return text.set_axis(pd.Index(table["id"].to_pandas(), name="id")).rename("text")


def _indicator(table: "pa.Table") -> NDArray[Any]:
    """Return the label lists as a 0/1 matrix, int64 of shape (n_samples, 28)."""
    import pyarrow.compute as pc

    # int64, since sums of products of int8 (Y.T @ Y counts pairs) overflow silently.
    indicator = np.zeros((table.num_rows, len(EMOTIONS)), dtype=np.int64)
    labels = table["labels"].combine_chunks()
    rows = pc.list_parent_indices(labels).to_numpy(zero_copy_only=False)
    values = pc.list_flatten(labels).to_numpy(zero_copy_only=False)
    # Written so that a missing value, NaN here, is outside as well.
    outside = values[~((values >= 0) & (values < len(EMOTIONS)))]
    if outside.size:
        raise ValueError(
            f"{outside.size} label(s) are not an integer from 0 to "
            f"{len(EMOTIONS) - 1}, the first being {outside[0]}. Is this another "
            "configuration of GoEmotions than 'simplified'?"
        )
    indicator[rows, values] = 1
    return indicator
