"""Audit of labels: which look wrong, how many, and what decisions say of the rest."""

from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.base_map import table_of
from sklearn_datamaps._core.frozen import owned
from sklearn_datamaps._core.messages import check_whole
from sklearn_datamaps._core.public import found_in
from sklearn_datamaps._core.registry import PAPER
from sklearn_datamaps._curation.control_rows import HIDDEN, Draw, tag
from sklearn_datamaps._curation.explain import Explanation, explain_rows
from sklearn_datamaps._curation.review_progress import ReviewProgress, review_progress
from sklearn_datamaps._data_map import DataMap
from sklearn_datamaps._views import audit as audit_view
from sklearn_datamaps._views import html
from sklearn_datamaps._views.review import review_of

COUNTED = "labels that contradict the rest of the data"
UNCOUNTED = "errors that follow a rule are not counted"


@found_in("sklearn_datamaps")
@dataclass(frozen=True, eq=False, repr=False)
class LabelAudit:
    """What :func:`~sklearn_datamaps.audit_labels` found.

    .. versionadded:: 0.1

    Attributes
    ----------
    data_map : DataMap
        The out-of-fold map of the labels as given, averaged over the repeats, with the
        measures ``"mean_proba"`` and ``"label_quality"``, which take the witness in.
        Rank, plot, explore and review by it.
    chance : ndarray, shape of data_map.confidence
        Chance that each label is wrong: one minus ``label_quality``. Adds up to
        ``n_wrong``; where that is None it is no more than a rank.
    n_wrong : float or None
        Estimated number of labels that contradict the rest of the data. None: it
        cannot be told, see ``reason``. Errors that follow a rule are not counted.
    n_wrong_interval : tuple of float or None
        Where the number should lie.
    reason : str
        Why there is no number; else empty.
    witness : {"naive Bayes", "nearest rows"}
        The second opinion.
    seconds : dict of str to float
        What it took: ``"maps"``, ``"witness"`` and ``"count"``.
    seed : int
        Of the choice of control rows.
    data : (estimator, X, y) or None
        What was audited, for :meth:`explain`. Copies keep it, ``copy.deepcopy`` as a
        copy; a pickle does not, so that it never holds the user's data.

    See Also
    --------
    audit_labels : Makes one, with an example.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import SGDClassifier
    >>> from sklearn.preprocessing import scale
    >>> from sklearn_datamaps import audit_labels
    >>> X, y = load_iris(return_X_y=True)
    >>> sgd = SGDClassifier(loss="log_loss")
    >>> audit = audit_labels(sgd, scale(X), y, random_state=0)
    >>> review = audit.review(n=2)  # to read, decide, and hand to audit.update
    >>> review["decision"].tolist()
    ['', '']
    """

    data_map: DataMap
    chance: NDArray[np.float64]
    n_wrong: float | None
    n_wrong_interval: tuple[float, float] | None
    reason: str
    witness: str
    seconds: dict[str, float]
    seed: int
    data: tuple[Any, Any, Any] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "chance", owned(self.chance))

    @property
    def suspicious(self) -> NDArray[np.bool_]:
        """Which labels look wrong: a mask, chance above one half."""
        looks: NDArray[np.bool_] = self.chance > 0.5
        return looks

    def suggested_labels(self) -> Array:
        """Most probable other label of every row; multilabel: the opposite.

        A label that fewer than five rows have is not suggested; where there is no
        other, the label itself stands.

        Returns
        -------
        ndarray, shape of the labels
        """
        return self.data_map.suggested_other()

    def overlapping_classes(self) -> pd.DataFrame:
        """Pairs of labels that are taken for each other: merge or define these.

        Returns
        -------
        pandas.DataFrame
            As of :meth:`DataMap.overlapping_classes`.
        """
        return self.data_map.overlapping_classes()

    def explain(self, rows: Any, *, n_reasons: int = 3) -> Explanation:
        """Reasons for and against the labels of some rows.

        Parameters
        ----------
        rows, n_reasons
            As in :func:`~sklearn_datamaps.explain_rows`.

        Returns
        -------
        Explanation

        Raises
        ------
        ValueError
            As there, and of an audit that was pickled or read from a file: it does not
            hold the data.
        """
        if self.data is None:
            raise ValueError(
                "An audit that was pickled or read from a file does not hold the data. "
                "Use explain_rows(estimator, X, y, rows)."
            )
        return explain_rows(*self.data, rows, n_reasons=n_reasons)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "data": None}

    # Without these a copy would be made as a pickle is, and lose the data.
    def __copy__(self) -> "LabelAudit":
        return replace(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> "LabelAudit":
        return replace(self, **deepcopy(self.__dict__, memo))

    def by_label(self) -> pd.DataFrame:
        """How many labels are wrong, label by label.

        Returns
        -------
        pandas.DataFrame
            One row a class (multilabel: a label), in the index; ``n``, the rows that
            are given it (multilabel: all rows), ``n_wrong``, ``low`` and ``high``: NaN
            where no number is given.
        """
        data_map = self.data_map
        if data_map.multilabel:
            sizes = np.full(len(data_map.classes), len(self.chance))
            wrong = np.nansum(self.chance, axis=0)
        else:
            codes, n_classes = data_map.label_codes(), len(data_map.classes)
            sizes = np.bincount(codes, minlength=n_classes)
            chance = np.nan_to_num(self.chance)
            wrong = np.bincount(codes, weights=chance, minlength=n_classes)
        low, high = np.nan, np.nan
        if self.n_wrong is None or self.n_wrong_interval is None:
            wrong = np.full(len(sizes), np.nan)
        else:
            low, high = np.array(self.n_wrong_interval) / max(self.n_wrong, 1e-9)
        ends = {"low": low * wrong, "high": np.minimum(high * wrong, sizes)}
        data = {"n": sizes, "n_wrong": wrong, **ends}
        return pd.DataFrame(data, index=pd.Index(data_map.classes, name="label"))

    def with_columns(self, **columns: Any) -> "LabelAudit":
        """Attach values of the rows, such as their text, to what is listed.

        Parameters
        ----------
        **columns : array-like of shape (n_samples,)
            As in :meth:`DataMap.with_columns`.

        Returns
        -------
        LabelAudit
            A copy with the columns; this audit is unchanged.

        Raises
        ------
        ImportError, ValueError
            As there.
        """
        return replace(self, data_map=self.data_map.with_columns(**columns))

    def to_frame(self, n: int | None = None) -> pd.DataFrame:
        """List labels, the most suspicious first.

        Parameters
        ----------
        n : int, default=None
            How many. None: those that look wrong.

        Returns
        -------
        pandas.DataFrame
            The index of the map; ``position``, carried columns, ``label`` as given and
            ``suggested`` (the most probable other one), ``label_quality``,
            ``chance_wrong``, the measures and whether it ``looks_wrong``. Multilabel:
            one row a (row, label) cell, with ``label_name``.

        Raises
        ------
        ValueError
            If n is no integer in 0 ... the number of labels.
        """
        data_map = self.data_map
        n = int(self.suspicious.sum()) if n is None else n
        ranked = data_map.rank("label_quality")
        check_whole("n", n, least=0)
        if n > len(ranked):
            raise ValueError(f"n must be in 0 ... {len(ranked)}; got {n!r}.")
        cells = tuple(np.atleast_2d(ranked[:n].T))
        rows = cells[0]
        data: dict[str, Any] = {"position": rows}
        if data_map.multilabel:
            data["label_name"] = data_map.classes[cells[1]]
        data |= {name: values[rows] for name, values in data_map.listed_columns.items()}
        data["label"] = data_map.label[cells]
        data["suggested"] = self.suggested_labels()[cells]
        data["label_quality"] = data_map.measure("label_quality")[cells]
        data["chance_wrong"] = self.chance[cells]
        extra = data_map.extra_measures().items()
        for name in (*PAPER, *(n for n, m in extra if m.in_tables and not m.needs)):
            data.setdefault(name, data_map.values(name)[cells])
        data["looks_wrong"] = self.suspicious[cells]
        return table_of(data, data_map.index[rows])

    def review(self, n: int | None = 100, *, n_random: int = 0) -> pd.DataFrame:
        """List the most suspicious labels to decide on, and some at random.

        With ``n_random`` the review is also a measurement: :meth:`update` then tells
        how many labels are wrong from the decisions alone, on any kind of errors. The
        rows drawn at random, in strata of the chance, are not marked, all rows are
        shuffled, and nothing that suggests a decision is shown.

        Parameters
        ----------
        n : int, default=100
            How many of the most suspicious. None: all.
        n_random : int, default=0
            How many of the others. 30 give a rough number, 100 a fair one.

        Returns
        -------
        pandas.DataFrame
            As of :meth:`DataMap.review`, to be filled in, then handed to :meth:`update`
            and :func:`~sklearn_datamaps.apply_review`. With ``n_random`` a column
            ``drawn`` says how, the same in every row, and the columns of measures,
            predictions and regions are left out.

        Raises
        ------
        ValueError
            If n is no integer >= 1 or n_random none >= 0.
        """
        if not n_random and n_random is not False:
            return self.data_map.review(n=n, by="label_quality")
        check_whole("n_random", n_random, least=0)
        listed = self.data_map.review(n=n, by="label_quality")
        draw = Draw.of(self.chance, len(listed), int(n_random), self.seed)
        cells = np.unravel_index(draw.shuffled(self.seed), self.chance.shape)
        review = review_of(self.data_map, cells, "label_quality")
        review = review.drop(columns=[name for name in HIDDEN if name in review])
        return review.assign(drawn=tag(len(listed), int(n_random), self.seed, draw))

    def update(
        self,
        review: Any,
        *,
        n_next: int = 100,
        worth: float = 0.05,
        new_labels: bool = False,
    ) -> ReviewProgress:
        """Learn from the decisions made so far how many wrong labels are left.

        Parameters
        ----------
        review : DataFrame, str or path
            The frame of :meth:`review` with its decisions, or a file of it, as for
            :func:`~sklearn_datamaps.apply_review`, which refuses the same.
            ``relabel`` to another label and ``drop`` say that a label was wrong,
            ``keep`` that it was right; rows without a decision are passed over.
        n_next : int, default=100
            How many labels would be read next.
        worth : float, default=0.05
            Share of wrong ones among them below which reading is not worth it.
        new_labels : bool, default=False
            Whether to relabel to a label that no row has is taken, as there.

        Returns
        -------
        ReviewProgress
            Found so far, how many are left, what to expect next, and when to stop; of a
            review with rows at random also how many are wrong in all, as measured.

        Raises
        ------
        ValueError
            If the review is of other data or has no decision, a new label is missing or
            unknown, or n_next or worth is out of range.
        TypeError, FileNotFoundError
            As :func:`~sklearn_datamaps.apply_review`.
        """
        return review_progress(
            self, review, n_next=n_next, worth=worth, new_labels=new_labels
        )

    def plot(self, *, axes: Any = None) -> Any:
        """Draw what to read first, and how many of each label look wrong.

        Parameters
        ----------
        axes : sequence of two matplotlib Axes, default=None
            Where to draw. None: a new figure.

        Returns
        -------
        ndarray of two matplotlib Axes
            The chance that a label is wrong in the order of reading, with how many are
            estimated to be wrong, or that it cannot be said; and the share of every
            label that is wrong.

        Raises
        ------
        ValueError
            If axes are not two.
        """
        return audit_view.plot(self, axes=axes)

    def counted(self) -> str:
        """Say how many labels are wrong, or why it cannot be said, in one sentence.

        Returns
        -------
        str
        """
        if self.n_wrong is None or self.n_wrong_interval is None:
            return f"no number of wrong labels: {self.reason}"
        low, high = self.n_wrong_interval
        number = f"{self.n_wrong:,.0f} (interval {low:,.0f} to {high:,.0f})"
        return f"{COUNTED}: {number}; {UNCOUNTED}"

    def summary(self, by: str | None = None) -> Any:
        """Say in plain words what was found, or compare the rows of a column.

        Parameters
        ----------
        by : str, default=None
            The name of a carried column, such as the annotator; or ``"label"``, for
            :meth:`by_label`. None: plain words.

        Returns
        -------
        str or pandas.DataFrame
            Of a column as of :meth:`DataMap.summary`.

        Raises
        ------
        ValueError
            As there.
        """
        if by is not None:
            return self.by_label() if by == "label" else self.data_map.summary(by)
        unit = "labels" if self.data_map.multilabel else "rows"
        maps, n_epochs = self.data_map.meta["n_runs"], self.data_map.n_epochs
        took = sum(self.seconds.values())
        lines = [
            f"Audit of {self.data_map.confidence.size:,} {unit}",
            f"cost: {maps} out-of-fold maps of {n_epochs} epochs and the witness "
            f"({self.witness}), {took:.1f} s, of which the maps took "
            f"{self.seconds['maps']:.1f} s",
            f"look wrong: {int(self.suspicious.sum()):,} {unit}",
            self.counted(),
        ]
        if self.n_wrong is None:
            lines.append(
                "label_quality is a rank here. Only reading tells: "
                "review(n=100, n_random=30), then update()."
            )
        else:
            lines.append(
                "Nothing was changed. Read before you relabel: review(), then update()."
            )
        return "\n".join(lines)

    def __repr__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        order = audit_view.order_of_reading(self)
        return html.audit_html(self, order, audit_view.frame(self))
