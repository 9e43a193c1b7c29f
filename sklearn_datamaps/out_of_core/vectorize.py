"""Text of any size to a matrix on disk, which is trained on without being loaded."""

import os
import pickle
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from secrets import token_hex
from typing import Any

import joblib

from sklearn_datamaps._core.atomic import (
    LOCK,
    commit,
    locked,
    remove_unfinished,
    sync_folder,
)
from sklearn_datamaps._core.interrupts import no_interrupt_lost
from sklearn_datamaps._core.messages import check_whole
from sklearn_datamaps._io.text_sources import Source, open_source
from sklearn_datamaps.out_of_core.labels import check_classes
from sklearn_datamaps.out_of_core.matrix import (
    FILES,
    MANIFEST,
    building,
    open_matrix,
    read_manifest,
    write_manifest,
)
from sklearn_datamaps.out_of_core.shards import (
    Cutting,
    Shard,
    ShardTexts,
    Vectorizing,
    check_kinds,
    join,
    shards_in,
)
from sklearn_datamaps.out_of_core.vectorizers import hash_of, probe


def vectorize_to_disk(
    source: Any,
    vectorizer: Any,
    path: str | os.PathLike[str],
    *,
    text: str = "text",
    label: str | None = "label",
    classes: Sequence[Any] | None = None,
    shard_size: int = 65_536,
    n_jobs: int | None = None,
    overwrite: bool = False,
    verbose: int = 1,
) -> tuple[Any, Any]:
    """Turn texts into a sparse matrix on disk, by several processes if need be.

    The rows are vectorized in shards of `shard_size`; neither this process nor the
    others ever hold more than a few of them. A run that ended early,
    killed or interrupted at any moment, is resumed by the same call: finished shards
    are not computed again. The files are the same, bit for bit, for every `n_jobs`.
    Until the shards are put together, at the end, they take as much space again.

    .. versionadded:: 0.1

    Parameters
    ----------
    source : Dataset, IterableDataset, str, path, DataFrame or iterable of batches
        The texts and labels:

        - a data set of Hugging Face, also a streamed one;
        - a Parquet, Feather, CSV, TSV or JSON file (lines, or one array) or an .xlsx
          (extra ``excel``), each also compressed (``.csv.gz``, ``.bz2``, ``.xz``,
          ``.zst``), or a folder of such files, of one kind, which are read in the
          order of their names; delimiter and encoding are found, and a UserWarning
          says what was guessed;
        - an iterable of batches: pairs ``(texts, labels)``, mappings of columns,
          DataFrames, Arrow tables, or without labels lists of texts. To go on with a
          run that was ended, it must yield the same rows again: a list will do, a
          generator must be made anew.
    vectorizer : transformer
        One that makes sparse matrices of lists of texts, stateless
        (:class:`~sklearn.feature_extraction.text.HashingVectorizer`) or fitted
        before, on a sample, say. It is not fitted here.
    path : str or path
        Folder for the matrix: new, empty, or of a former call.
    text : str, default="text"
        Column of the texts.
    label : str or None, default="label"
        Column of the labels: whole numbers, booleans, texts, or lists of the labels
        of a row (multilabel). None: there are no labels.
    classes : sequence, default=None
        All labels. Needed for lists of labels, unless the column is one of
        ``ClassLabel`` of Hugging Face (also in a file that its ``to_parquet`` wrote),
        whose names are the default. If classes are
        texts, whole numbers among the labels are positions in it. None: the labels
        that there are.
    shard_size : int, default=65536
        Rows of a shard, which is what is lost at most, in each process, when a run
        is ended.
    n_jobs : int, default=None
        Number of processes, as in :class:`joblib.Parallel`. None: 1.
    overwrite : bool, default=False
        Begin anew, if the folder holds another matrix or a part of one. Anything
        else is never overwritten.
    verbose : int, default=1
        A progress bar, unless 0.

    Returns
    -------
    X : csr_matrix of shape (n_samples, n_features)
        The matrix, as :func:`open_matrix` returns it, with the dtype that the
        vectorizer gives it.
    y : memmap, Categorical, DataFrame or None
        The labels, likewise.

    Raises
    ------
    NotFittedError
        If the vectorizer is to be fitted first.
    TypeError
        If the source is none of these, or the vectorizer cannot transform.
    ValueError
        If shard_size is no integer >= 1; if the vectorizer makes dense matrices; if a
        text or a label is missing, or a label is not among the classes (the message
        names the row); if the source has no rows, or fewer than are done already; if
        the folder holds a matrix that was made of something else: the message says what
        differs.
    FileExistsError
        If the folder holds something else.
    FileNotFoundError
        If there is no such source.
    BlockingIOError
        If another process is writing to the folder.
    OSError
        If a file cannot be written: the message names it. What is done stays.

    See Also
    --------
    open_matrix : Open the matrix again.
    read_rows : Read the texts of some rows.

    Notes
    -----
    ``HashingVectorizer(dtype=np.float32)`` halves the space of the values on disk.

    The same call on a finished folder opens it. What a source is told by is what can
    be known without reading it: names, sizes and times of files, length and columns
    of a ``Dataset``, nothing of an iterable.

    Files of the folder are of NumPy's own format: ``data.npy``, ``indices.npy`` and
    ``indptr.npy`` are the arrays of the matrix, ``labels.npy`` the labels or the
    positions of their classes, which ``manifest.json`` names.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from sklearn.feature_extraction.text import HashingVectorizer
    >>> from sklearn.linear_model import SGDClassifier
    >>> from sklearn_datamaps import DataMapClassifier
    >>> from sklearn_datamaps.out_of_core import vectorize_to_disk
    >>> batches = [
    ...     (["Thanks a lot!", "Oh no"], ["gratitude", "other"]),
    ...     (["Thank you", "Why?"], ["gratitude", "other"]),
    ... ]
    >>> folder = TemporaryDirectory()
    >>> X, y = vectorize_to_disk(
    ...     batches, HashingVectorizer(), folder.name, shard_size=3, verbose=0
    ... )
    >>> X.shape, type(X.data)
    ((4, 1048576), <class 'numpy.memmap'>)
    >>> y
    ['gratitude', 'other', 'gratitude', 'other']
    Categories (2, ...): ['gratitude', 'other']
    >>> clf = DataMapClassifier(
    ...     SGDClassifier(loss="log_loss"), batch_order="blocks", batch_size=2
    ... )
    >>> clf.fit(X, y).confidence_.shape
    (4,)
    >>> del X, y
    >>> folder.cleanup()
    """
    check_whole("shard_size", shard_size)
    shard_size = int(shard_size)
    width, dtype = probe(vectorizer)
    rows = open_source(source, text, label)
    if classes is None and label is not None:
        classes = rows.class_names(label)
    known = None if classes is None else check_classes(classes)
    arguments = {
        "vectorizer": hash_of(vectorizer),
        "text": text,
        "label": label,
        "classes": known,
        "shard_size": shard_size,
        "source": rows.identity(),
    }
    # Absolute: processes that were started before may work in another folder.
    path = Path(path).expanduser().absolute()
    _make_folder(path)
    with locked(path):
        remove_unfinished(path)
        manifest = _begin(path, arguments, overwrite)
        if not manifest["finished"]:
            folder = building(path, manifest)
            task = Vectorizing(vectorizer, width, dtype.str, known)
            shards = _build(folder, rows, task, arguments, n_jobs, verbose)
            about = join(folder, shards, path, dtype.str, known)
            shape = [sum(shard.n_rows for shard in shards.values()), width]
            about |= {"arguments": arguments, "shape": shape, "finished": True}
            write_manifest(path, about)
        _clear(path)
    return open_matrix(path)


def _make_folder(path: Path) -> None:
    """Make the folder, unless it holds something else."""
    if path.exists() and not path.is_dir():
        raise FileExistsError(
            f"{path} is a file. Choose a folder that is new or empty."
        )
    if path.is_dir() and not (path / MANIFEST).exists():
        ours = (LOCK, f".{MANIFEST}")
        names = sorted(e.name for e in path.iterdir() if not e.name.startswith(ours))
        if names:
            raise FileExistsError(
                f"{path} holds something else ({', '.join(names[:5])}), which is never "
                f"overwritten. Choose a folder that is new or empty."
            )
    path.mkdir(parents=True, exist_ok=True)


def _begin(path: Path, arguments: dict[str, Any], overwrite: bool) -> dict[str, Any]:
    """Return the manifest of a run to go on with, a finished one, or a new one."""
    if (path / MANIFEST).exists():
        manifest = read_manifest(path, any_format=overwrite)
        if not overwrite:
            _check_same(path, manifest["arguments"], arguments)
            return manifest
    manifest = {"arguments": arguments, "finished": False, "run": token_hex(6)}
    # First, as the mark that the folder is ours: what is in it does not count now.
    write_manifest(path, manifest)
    _clear(path)
    for name in FILES:
        (path / name).unlink(missing_ok=True)
    building(path, manifest).mkdir()
    return manifest


def _clear(path: Path) -> None:
    """Remove the shards of all runs."""
    for folder in path.glob("building*"):
        shutil.rmtree(folder, ignore_errors=True)
    sync_folder(path)


def _check_same(path: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    differ = [
        f"{name} was {_short(before.get(name))} and is {_short(now.get(name))}"
        for name in {**before, **now}
        if before.get(name) != now.get(name)
    ]
    if differ:
        raise ValueError(
            f"{path} holds a matrix made of something else: {'; '.join(differ)}. "
            f"Choose another path, or begin anew with overwrite=True."
        )


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _build(
    folder: Path,
    source: Source,
    task: Vectorizing,
    arguments: Mapping[str, Any],
    n_jobs: Any,
    verbose: int,
) -> dict[int, Shard]:
    """Make the shards that are not there; return what all of them are."""
    from tqdm import tqdm

    folder.mkdir(exist_ok=True)  # killed before it was made
    shards = shards_in(folder)
    text, label, size = (arguments[k] for k in ("text", "label", "shard_size"))
    check_kinds(shards, size)
    last = shards.get(len(shards) - 1)
    if last is not None and last.n_rows < size:
        return shards  # a short one is the end of the source
    cutting = Cutting(text, label, size, shards)
    columns = [text] if label is None else [text, label]
    reading = _Reading(cutting.cut(source.batches(columns, cutting.needed)))
    n_done = sum(shard.n_rows for shard in shards.values())
    with (
        no_interrupt_lost() as check_interrupt,
        tqdm(
            total=source.n_rows,
            initial=n_done,
            unit="row",
            unit_scale=True,
            desc="vectorizing",
            disable=not verbose,
        ) as bar,
    ):
        for number, shard in _make_shards(folder, reading, task, n_jobs):
            shards[number] = shard
            bar.update(shard.n_rows)
            if shard.kind != next(iter(shards.values())).kind:
                check_kinds(shards, size)
            check_interrupt()
    if reading.error is not None:
        raise reading.error
    n_done = sum(shard.n_rows for shard in shards.values())
    if cutting.n_rows != n_done or not n_done:
        _refuse_source(cutting.n_rows, n_done)
    return shards


def _refuse_source(n_rows: int, n_done: int) -> None:
    if not n_rows and not n_done:
        raise ValueError(
            "The source has no rows. A generator can be read once only: make it anew."
        )
    raise ValueError(
        f"The source has {n_rows:,} rows, but {n_done:,} are done already: it is not "
        f"the one that was begun with. A generator can be read once only: make it "
        f"anew. Or begin anew with overwrite=True."
    )


class _Reading:
    """Iterates shards of rows, and keeps an error of the source for the end.

    joblib reads in a thread of its own, where an error would go astray.
    """

    def __init__(self, shards: Iterator[ShardTexts]) -> None:
        self.shards = shards
        self.error: BaseException | None = None

    def __iter__(self) -> Iterator[ShardTexts]:
        try:
            yield from self.shards
        except Exception as error:
            self.error = error


def _make_shards(
    folder: Path, reading: Iterable[ShardTexts], task: Vectorizing, n_jobs: Any
) -> Iterator[tuple[int, Shard]]:
    """Yield numbers of shards and what they are, in order, as they are made."""
    if joblib.effective_n_jobs(n_jobs) == 1:
        for rows in reading:
            yield task.write(folder, rows)
        return
    # Once for all shards: a large vocabulary takes its time.
    file = folder / "vectorizer.pkl"
    # A class that is defined in a script or a notebook is pickled with it.
    pickled = pickle.dumps(joblib.wrap_non_picklable_objects(task.vectorizer))
    commit(file, lambda opened: opened.write(pickled))
    task = replace(task, vectorizer=file)
    parallel = joblib.Parallel(n_jobs=n_jobs, batch_size=1, return_as="generator")
    made = parallel(joblib.delayed(task.write)(folder, rows) for rows in reading)
    with closing(made):
        yield from made
