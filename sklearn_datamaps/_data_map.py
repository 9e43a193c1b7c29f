"""The data map with all its doors, and the recorder that makes one of any loop."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, overload

import pandas as pd
from numpy.typing import ArrayLike

from sklearn_datamaps._core import parquet
from sklearn_datamaps._core.arrays import as_array
from sklearn_datamaps._core.base_map import BaseDataMap
from sklearn_datamaps._core.holders import map_of
from sklearn_datamaps._core.labels import encode_labels, index_of
from sklearn_datamaps._core.public import found_in
from sklearn_datamaps._core.recorder import Recorder
from sklearn_datamaps._core.repeats import average
from sklearn_datamaps._views import groups, html, summary
from sklearn_datamaps._views.comparison import (
    DataMapComparison,
    compare,
    compare_labels,
)
from sklearn_datamaps._views.explorer import explore, explorer_parts
from sklearn_datamaps._views.explorer_page import ExplorerPage
from sklearn_datamaps._views.review import review
from sklearn_datamaps._views.scatter import DataMapDisplay


@found_in("sklearn_datamaps")
class DataMap(BaseDataMap):
    """Training dynamics of every row of a labelled dataset, summed up.

    Get one from :class:`~sklearn_datamaps.DataMapClassifier` (``data_map_``), from
    your own training loop with :class:`~sklearn_datamaps.TrainingDynamics`, or with
    :meth:`from_probabilities`. All arrays are read-only and have one entry per row;
    for multilabel targets they have shape (n_samples, n_labels). They are the map's
    own: what you pass is copied once (of texts the references, 8 bytes a row), unless
    it is read-only itself; what a recorder made is taken as it is.

    .. versionadded:: 0.1

    Attributes
    ----------
    confidence : ndarray of float64
        Mean over epochs of the probability of the own label, in [0, 1].
    variability : ndarray of float64
        Population standard deviation of it over epochs, in [0, 0.5].
    correctness : ndarray of float64
        Share of the epochs in which the own label was predicted, in [0, 1].
    margin, margin_std : ndarray of float64
        Mean and standard deviation over epochs of the own probability less the
        largest other one, in [-1, 1] and [0, 1].
    label, predicted : ndarray
        The given label, and the prediction at the last recorded epoch;
        multilabel: whether each label is set. None where not known.
    classes : ndarray of shape (n_classes,) or (n_labels,)
        The labels; multilabel: their names. Empty if the labels are not known, as in
        a map from :func:`~sklearn_datamaps.read_coordinates` without ``y``.
    n_epochs : int
        Number of recorded epochs.
    index : pandas.Index
        Names of the rows.
    measures : mapping of str to ndarray
        The extra measures that were streamed.
    trajectories : ndarray of shape (n_epochs, n_samples[, n_labels]) or None
        Probability of the own label at every epoch, float32, when stored.
    meta : mapping
        Learner, seed, recording, versions, time: how the map was made.
    columns : mapping of str to ndarray
        What :meth:`with_columns` attached to the rows, such as their text.

    References
    ----------
    Swayamdipta et al., Dataset Cartography: Mapping and Diagnosing Datasets with
    Training Dynamics, EMNLP 2020, arXiv:2009.10795.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_datamaps import DataMap
    >>> proba_of_spam = np.array([[0.6, 0.4, 0.2], [0.9, 0.6, 0.1]])
    >>> proba = np.stack([1 - proba_of_spam, proba_of_spam], axis=-1)
    >>> data_map = DataMap.from_probabilities(proba, ["spam", "spam", "spam"],
    ...                                       classes=["ham", "spam"])
    >>> data_map.confidence
    array([0.75, 0.5 , 0.15])
    >>> data_map.regions()
    array(['easy', 'ambiguous', 'hard'], dtype='<U9')
    >>> data_map.rank("confidence", n_samples=1)
    array([2])
    """

    @classmethod
    def from_probabilities(
        cls,
        proba: Any,
        y: Any,
        *,
        classes: ArrayLike | None = None,
        multilabel: bool = False,
        logits: bool = False,
        measures: Iterable[str] = (),
        store_trajectories: bool = False,
        index: pd.Index | None = None,
        meta: Mapping[str, Any] | None = None,
    ) -> "DataMap":
        """Map from all probabilities at once: ``proba[epoch, row, class]``.

        Parameters
        ----------
        proba : array-like of shape (n_epochs, n_samples, n_classes), or iterable
            Probabilities of every epoch, or an iterable of such matrices (a
            generator keeps memory at one epoch); arrays, or tensors on the CPU.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            The labels.
        classes, multilabel, measures, store_trajectories, index
            As in :class:`~sklearn_datamaps.TrainingDynamics`.
        logits : bool, default=False
            Whether proba holds logits; as in
            :meth:`~sklearn_datamaps.TrainingDynamics.update`.
        meta : mapping, default=None
            Facts about the run to carry along. ``{"recording": "out-of-fold"}`` says
            that the models never trained on the rows that they judge; else the map
            says "in-sample".

        Returns
        -------
        DataMap

        Raises
        ------
        TypeError
            If proba or y is a tensor that NumPy cannot read: on another device,
            sparse, or bfloat16.
        ValueError
            If shapes do not fit, a probability is NaN or infinite, or a measure is
            unknown.

        Warns
        -----
        UserWarning
            As of :meth:`~sklearn_datamaps.TrainingDynamics.update`.

        Examples
        --------
        >>> from sklearn_datamaps import DataMap
        >>> proba = [[[0.9, 0.1], [0.8, 0.2]], [[0.7, 0.3], [0.6, 0.4]]]
        >>> DataMap.from_probabilities(proba, [0, 1]).confidence
        array([0.8, 0.3])
        """
        dynamics = TrainingDynamics(
            y,
            classes=classes,
            multilabel=multilabel,
            measures=measures,
            store_trajectories=store_trajectories,
            index=index,
        )
        epochs = proba if isinstance(proba, Iterable) else as_array(proba, "proba")
        for epoch in epochs:
            dynamics.update(epoch, logits=logits)
        return dynamics.to_data_map(meta=meta)

    @classmethod
    def average(cls, maps: "Iterable[DataMap]") -> "DataMap":
        """Average the maps of repeated runs: the same rows, other seeds.

        One run is noisy, its variability most of all. Measures are averaged over the
        runs, variability too: it is never the standard deviation of all runs' epochs
        together, which would add what lies between runs. Derived measures are those
        of each run, averaged; ``forgetting`` and ``first_learned``, whose largest
        value stands for never, become medians.

        Parameters
        ----------
        maps : iterable of DataMap
            The maps.

        Returns
        -------
        DataMap
            ``predicted`` is the prediction of most runs (of equally many, that of the
            earliest), ``columns`` are those of the first map; ``meta`` has ``n_runs``,
            ``seeds`` and ``variability_spearman``, the mean agreement of two runs.

        Raises
        ------
        ValueError
            If there is none, or they are of other rows, labels, epochs or measures.
        TypeError
            If one is no DataMap.

        See Also
        --------
        sklearn_datamaps.stability : How far the runs agree.

        Examples
        --------
        >>> from sklearn_datamaps import DataMap
        >>> one = DataMap.from_probabilities([[[0.9, 0.1]], [[0.7, 0.3]]], [0],
        ...                                  classes=[0, 1])
        >>> two = DataMap.from_probabilities([[[0.6, 0.4]], [[0.6, 0.4]]], [0],
        ...                                  classes=[0, 1])
        >>> both = DataMap.average([one, two])
        >>> both.confidence.round(3), both.variability.round(3)
        (array([0.7]), array([0.05]))
        """
        return average(cls, maps)

    @classmethod
    def from_estimator(cls, estimator: Any) -> "DataMap":
        """Find the map in a fitted classifier, or in what holds one.

        Parameters
        ----------
        estimator : estimator
            A fitted :class:`~sklearn_datamaps.DataMapClassifier`, or a ``Pipeline``,
            hyper-parameter search, ``FrozenEstimator``, ``CalibratedClassifierCV``,
            ``VotingClassifier`` or ``StackingClassifier`` that holds one.

        Returns
        -------
        DataMap

        Raises
        ------
        ValueError
            If there is no fitted map in it, or more than one (of a pipeline the last
            one counts).
        """
        return map_of(cls, estimator)

    def summary(self, by: str | None = None) -> pd.DataFrame:
        """Count the regions, or compare the rows of each value of a column.

        Parameters
        ----------
        by : {None, "label"} or str, default=None
            None: one row a region with its size and mean measures. ``"label"``: rows
            of each label in each region. The name of a carried column, such as the
            annotator, source or month: one row a value.

        Returns
        -------
        pandas.DataFrame
            None: index ``region``; columns ``n_samples``, ``share`` and the means of
            ``confidence``, ``variability``, ``correctness``; multilabel: also split
            by ``label_set``, set and unset labels apart. ``"label"``: one row a
            label, one column a region. A column: ``n_samples``, ``share_hard``; where
            the map has ``label_quality`` ``expected_wrong`` with a 90 % interval,
            ``low`` and ``high``; ``lift`` over all rows; and the ``p_value``,
            one-sided against all other rows, of a score test of the number expected to
            be wrong (otherwise Fisher's exact test of the hard rows), with Holm's
            correction in ``p_holm``. Groups that have other labels may differ for that
            reason alone.

        Raises
        ------
        ValueError
            If by is something else, ``"label"`` without known labels, or a column with
            more values than half of the rows.
        """
        return summary.summary(self, by)

    def overlapping_classes(self) -> pd.DataFrame:
        """Pairs of labels that are taken for each other: merge or define these.

        Returns
        -------
        pandas.DataFrame
            One row a pair, the most frequent first: ``label`` as given, ``suggested``,
            ``n_expected``, the number of wrong labels to expect, and their ``share``
            of the rows that are given the label. Multilabel: a label that is set
            wrongly where the other is missing.

        Raises
        ------
        ValueError
            If the map has no ``label_quality``: fit with ``cv=2,
            measures=["mean_proba"]``, or use the map of an audit.

        Examples
        --------
        >>> from sklearn.datasets import load_digits
        >>> from sklearn_datamaps import DataMapClassifier
        >>> X, y = load_digits(return_X_y=True)
        >>> clf = DataMapClassifier(cv=2, measures=["mean_proba"], random_state=0)
        >>> pairs = clf.fit(X / 16, y).data_map_.overlapping_classes()
        >>> pairs.columns.tolist()
        ['label', 'suggested', 'n_expected', 'share']
        """
        return groups.overlapping_classes(self)

    def __repr__(self) -> str:
        return summary.text(self)

    def _repr_html_(self) -> str:
        return html.map_html(self)

    @overload
    def compare(
        self, other: "DataMap", *, by: None = None, n_movers: int = 20
    ) -> DataMapComparison: ...

    @overload
    def compare(
        self, other: "DataMap", *, by: str, n_movers: int = 20
    ) -> pd.DataFrame: ...

    def compare(
        self, other: "DataMap", *, by: str | None = None, n_movers: int = 20
    ) -> DataMapComparison | pd.DataFrame:
        """Compare with a later map of the same rows, or of other rows label by label.

        Parameters
        ----------
        other : DataMap
            The map after a change (of labels, learner, seed, ...); with ``by`` also one
            of other rows, such as ``validation_map_``.
        by : {None, "label"}, default=None
            None: row by row, what moved. ``"label"``: the means of each label, of the
            one map and of the other.
        n_movers : int, default=20
            Rows listed as the largest movers.

        Returns
        -------
        DataMapComparison or pandas.DataFrame
            None: with ``transitions``, ``movers``, ``changed_labels`` and ``spearman``.
            ``"label"``: one row a label (multilabel: ``label_name`` and whether it is
            set); ``n_samples``, ``confidence``, ``variability``, ``correctness`` and
            ``hard`` (the share of hard rows) of this map, of the other (behind
            ``_other``), and ``difference``, the confidence of this less that of the
            other.

        Raises
        ------
        ValueError
            If other is a map of other rows, without ``by``; if by is something else,
            or ``"label"`` without known labels; if n_movers is no integer >= 0.

        Warns
        -----
        UserWarning
            If epochs or recording differ: variability depends on both.
        """
        if by is None:
            return compare(self, other, n_movers=n_movers)
        return compare_labels(self, other, by)

    def plot(self, **kwargs: Any) -> DataMapDisplay:
        """Draw the map.

        Parameters
        ----------
        **kwargs
            Arguments of :meth:`DataMapDisplay.plot`, such as ``by="label"``.

        Returns
        -------
        DataMapDisplay

        Raises
        ------
        ValueError
            As there.
        """
        return DataMapDisplay.from_data_map(self, **kwargs)

    @overload
    def explore(self, path: str | Path, **kwargs: Any) -> Path: ...
    @overload
    def explore(self, path: None = None, **kwargs: Any) -> ExplorerPage: ...
    def explore(
        self, path: str | Path | None = None, **kwargs: Any
    ) -> Path | ExplorerPage:
        """Write the map as one interactive HTML page that works offline.

        The columns of the map are shown and exported, trajectories drawn if stored. The
        pictures of a column ``image`` stand beside the rows; they are at most 96 pixels
        on the longest side and in the file, WebP, some 2 or 3 kB each: without loss up
        to 32 pixels.

        The page opens at the top suspect. Read it, decide with one key (K keep, R or a
        digit relabel, S unsure, D drop, U undo), and the next one is there; search,
        filters, the map and its lasso find others. The decisions stay in the browser,
        under the hash of the map, until they are saved as ``review.csv`` for
        :func:`~sklearn_datamaps.apply_review`.

        Parameters
        ----------
        path : str or path, default=None
            File to write. None: no file; the page shows itself in a notebook.
        text : str or None, default="text"
            Column of :meth:`DataMap.with_columns` with the texts of the rows. None, or
            the default without such a column: no texts.
        by : str, default=None
            Measure whose 100 most telling rows are the suspects. None: the one the map
            was made to rank labels by, or else ``"confidence"``.
        new_labels : bool, default=False
            Whether a label that the map does not have can be typed in. Then pass the
            same to :func:`~sklearn_datamaps.apply_review`; on the command line, ``apply
            --new-labels``.
        review : DataFrame, str or path, default=None
            An earlier review: its decisions are in the page from the start, so that
            after :func:`~sklearn_datamaps.apply_review` and another fit nobody reads a
            row twice. A row is found by its hash; a label that was corrected since
            counts as kept. Of a review with control rows (``drawn``, see
            :meth:`LabelAudit.review`) the page lists the rows in its order, shows
            nothing of them that suggests a decision, and hands ``drawn`` on.
        evidence : Explanation, default=None
            Reasons for and against labels, made by
            :func:`~sklearn_datamaps.explain_rows` or ``audit.explain`` with the X and y
            of the map: beside each of its rows one sentence, and behind the key E
            neighbours, copies, words and probabilities.
        max_points : int, default=250_000
            Points in the page. Of a larger map the page holds a sample: hard rows
            first, then ambiguous ones, then easy ones, at random within the last that
            fits.
        random_state : int, RandomState, Generator or None, default=0
            Seed of that sample.
        title : str, default=None
            Heading of the page. None: learner, number of rows and of epochs.

        Returns
        -------
        pathlib.Path or ExplorerPage
            The file, or the page where no path was given.

        Raises
        ------
        ImportError
            If plotly is not installed, or pillow, where there are pictures: both are in
            ``sklearn-datamaps[explore]``.
        OSError
            If the file cannot be written: what was there before stays as it was. A
            symbolic link is a FileExistsError, neither replaced nor followed. A picture
            that is not there is a FileNotFoundError.
        TypeError
            If title is no text.
        ValueError
            If a picture cannot be read or has far too many pixels, there is no column
            ``text`` or measure ``by``, a carried column has the name of one of the
            review, evidence is of other rows or labels, max_points is not an integer >=
            1, no row was recorded, or the map does not know the labels.

        Notes
        -----
        In the CSV files a text that begins with ``=``, ``+``, ``-``, ``@``, a tab or a
        line end has an apostrophe put before it, so that no spreadsheet takes it for a
        formula; numbers stay as they are. To undo: take the apostrophe off where one of
        these follows it. :func:`~sklearn_datamaps.apply_review` does so, and tells a
        text that began with an apostrophe already by its hash.

        "Save page with decisions" writes the page again with decisions, annotator,
        filters and place in it. Where it is opened they lie below the decisions that
        the browser has for this map: these stand, but for those that the same person,
        by name, made later in the file. The decisions of somebody else, in such a page
        or a review.csv, are compared when the file is dropped onto the page, and change
        none there before one takes theirs.
        """
        if path is None:
            return ExplorerPage("".join(explorer_parts(self, **kwargs)))
        return explore(self, path, **kwargs)

    def review(self, n: int | None = 100, by: str = "confidence") -> pd.DataFrame:
        """List the rows most worth a look, worst first, to decide on.

        Write ``keep``, ``relabel`` (with a ``new_label``) or ``drop`` in the column
        ``decision``, in the frame or in the file that its ``to_csv(path, index=False)``
        writes, and hand it to :func:`~sklearn_datamaps.apply_review`.

        Parameters
        ----------
        n : int, default=100
            How many rows (multilabel: cells); of a smaller map, all. None: all.
        by : str, default="confidence"
            Name of a measure, in its natural direction: see :meth:`rank`.

        Returns
        -------
        pandas.DataFrame
            ``id`` (the name in the index of the map), ``position``, ``text`` and the
            other carried columns, ``label``, ``predicted``, ``confidence``,
            ``variability``, ``correctness``, the measure ``by``, ``region``, with a
            text also ``conflicting_duplicates`` (other rows with the same text, up to
            case and surrounding white space, and another label), empty ``decision`` and
            ``new_label``, and ``row_hash``. Multilabel: one row a (row, label) cell,
            with ``label_name`` after the position and the label True or False.

        Raises
        ------
        ValueError
            If n is no integer >= 1, the measure is unknown, the map does not know the
            labels, or a carried column has the name of one of the review.

        Examples
        --------
        >>> from sklearn_datamaps import DataMap
        >>> proba = [[[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]]]
        >>> data_map = DataMap.from_probabilities(proba, [0, 1, 1])
        >>> data_map = data_map.with_columns(text=["fine", "thank you", "thank you"])
        >>> review = data_map.review(n=2)
        >>> review[["id", "text", "label", "predicted", "confidence"]]
           id       text  label  predicted  confidence
        0   1  thank you      1          0         0.2
        1   2  thank you      1          1         0.7
        """
        return review(self, n=n, by=by)

    def to_parquet(self, path: str | Path) -> None:
        """Save the map, with all its arrays and metadata, as one Parquet file.

        A text with a lone surrogate (half of an emoji), which Parquet cannot hold, is
        written as an escape and noted with its row in the metadata, from which
        :meth:`from_parquet` restores it.

        Parameters
        ----------
        path : str or path
            File to write.

        Raises
        ------
        OSError
            If the file cannot be written: what was there before stays as it was. A
            symbolic link is a FileExistsError, neither replaced nor followed.
        ValueError
            If a column or the index holds values of which Parquet has no common type,
            such as numbers beside texts.
        """
        parquet.write(self, path)

    @classmethod
    def from_parquet(cls, path: str | Path) -> "DataMap":
        """Load a map written by :meth:`to_parquet`.

        Parameters
        ----------
        path : str or path
            File to read.

        Returns
        -------
        DataMap

        Raises
        ------
        ValueError
            If the file is not a data map, was written by a newer version, or is
            damaged: its checksum differs, its values are none of a map, or it claims
            far more than it can hold.
        OSError
            If there is no such file, or it cannot be read.
        """
        return parquet.read(cls, path)


@found_in("sklearn_datamaps")
class TrainingDynamics(Recorder):
    """Record the probabilities of a training run, epoch by epoch, in O(n) memory.

    Call :meth:`update` after every epoch (or after every batch, with ``rows=``) of
    any training loop, then :meth:`to_data_map`. Nothing of the probabilities is
    kept: moments are updated with Welford's method in float64.

    Labels, rows and probabilities may be arrays of NumPy or tensors of any library
    (PyTorch, JAX, ...) that are in the memory of the CPU.

    .. versionadded:: 0.1

    Parameters
    ----------
    y : array-like of shape (n_samples,), or (n_samples, n_labels)
        The labels; with ``multilabel=True`` a 0/1 indicator.
    classes : array-like of shape (n_classes,), default=None
        Labels in the order of the probability columns; multilabel: names of the
        columns. None: the sorted labels of y.
    multilabel : bool, default=False
        Whether y is an indicator.
    measures : iterable of str, default=()
        Extra measures to stream: ``"loss"``, ``"el2n"``, ``"forgetting"``,
        ``"first_learned"``, ``"mean_proba"``.
    store_trajectories : bool, default=False
        Keep the probability of the own label at every epoch, as float32.
    index : pandas.Index or array-like of shape (n_samples,), default=None
        Names of the rows. None: the index of y, else 0, 1, ...

    Raises
    ------
    ValueError
        If y holds no class labels, or a measure is unknown.

    References
    ----------
    Swayamdipta et al., Dataset Cartography, EMNLP 2020, arXiv:2009.10795.
    Welford, Note on a Method for Calculating Corrected Sums of Squares and
    Products, Technometrics 4(3), 1962.

    Examples
    --------
    >>> from sklearn_datamaps import TrainingDynamics
    >>> dynamics = TrainingDynamics(["ham", "spam"])
    >>> dynamics.update([[0.6, 0.4], [0.7, 0.3]])
    >>> dynamics.update([[0.8, 0.2], [0.9, 0.1]])
    >>> dynamics.to_data_map().confidence
    array([0.7, 0.2])

    Batches of logits, in any order, with the rows they belong to:

    >>> dynamics = TrainingDynamics(["ham", "spam", "spam"])
    >>> dynamics.update([[-1.1, 1.1]], rows=[2], logits=True)
    >>> dynamics.update([[2.2, 0.0], [0.0, 0.0]], rows=[0, 1], logits=True)
    >>> dynamics.to_data_map().confidence.round(2)
    array([0.9, 0.5, 0.9])
    """

    def __init__(
        self,
        y: Any,
        *,
        classes: ArrayLike | None = None,
        multilabel: bool = False,
        measures: Iterable[str] = (),
        store_trajectories: bool = False,
        index: pd.Index | None = None,
    ) -> None:
        labels = encode_labels(y, classes=classes, multilabel=multilabel)
        super().__init__(
            labels,
            measures=measures,
            store_trajectories=store_trajectories,
            index=index_of(len(labels.codes), y) if index is None else index,
        )

    def to_data_map(
        self, *, allow_incomplete: bool = False, meta: Mapping[str, Any] | None = None
    ) -> DataMap:
        """Finish the record.

        Parameters
        ----------
        allow_incomplete : bool, default=False
            Accept rows recorded in fewer epochs than others; rows never recorded
            are NaN (region ``"unseen"``, predicted None).
        meta : mapping, default=None
            Facts about the run to carry along: ``learner``, ``seed``, ...; of
            ``recording`` see :meth:`DataMap.from_probabilities`.

        Returns
        -------
        DataMap

        Raises
        ------
        ValueError
            If nothing was recorded, or rows have unequal counts and
            allow_incomplete is False.
        """
        return self.to_map(DataMap, allow_incomplete=allow_incomplete, meta=meta)
