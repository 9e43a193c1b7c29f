"""Audit of labels: how far a map can be trusted to find wrong ones, and which map."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.base_map import table_of
from sklearn_datamaps._core.public import found_in
from sklearn_datamaps._core.registry import PAPER
from sklearn_datamaps._curation import audit_plot
from sklearn_datamaps._curation.candidates import AS_GIVEN, NAMES
from sklearn_datamaps._curation.flips import largest_other
from sklearn_datamaps._curation.review_progress import ReviewProgress, review_progress
from sklearn_datamaps._data_map import DataMap

# Areas under the ROC curve, in words.
LEARNS = 0.6
TELLS = {0.9: "well", 0.8: "fairly well", 0.7: "roughly"}


@found_in("sklearn_datamaps")
@dataclass(frozen=True, eq=False, repr=False)
class LabelAudit:
    """What :func:`~sklearn_datamaps.audit_labels` found.

    Attributes
    ----------
    candidates : pandas.DataFrame
        One row a candidate, the chosen one first: ``weights``, ``recorder``, ``score``
        (of two classes plausibility alone, since all scores rank alike; of more also
        ``label_trust``, which takes ``both`` recorders, out-of-fold and in-sample);
        ``auroc``, ``average_precision`` and ``precision_at_k`` (k: their
        number) on known wrong labels that are like the suspicious ones, and
        ``ap_slips``, the average precision on random ones; means over the repeats.
    data_map : DataMap
        The out-of-fold map of the labels as given, averaged over the repeats, with the
        weights of the best candidate (as given, if it averages over them) and the
        measures ``"memorization"``, ``"mean_proba"`` and ``"label_quality"``: the score
        of the best candidate. Rank, plot, explore and review by it.
    threshold : float
        Labels whose quality is at or below it look wrong.
    chance : ndarray, shape of data_map.confidence
        Probability that each label is wrong; adds up to the estimate.
    n_wrong : float
        Estimated number of wrong labels.
    n_wrong_interval : tuple of float
        Its 90 % bootstrap interval.
    n_flips : int
        Known flips in all repeats.
    n_repeats : int
        How many there were.
    learner_auroc : float
        How well the learner tells the classes of rows that it has not seen: mean area
        under the ROC curve of one class (or label) against the others. A learner that
        learned nothing has no suspicion worth the name.
    near_misses : bool
        Whether the labels in doubt are near misses, as when a person takes a label for
        its neighbour.

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
    >>> audit = audit_labels(sgd, scale(X), y, flip_fraction=0.1, random_state=0)
    >>> review = audit.review(n=2)  # to read, decide, and hand to audit.update
    >>> review["decision"].tolist()
    ['', '']
    """

    candidates: pd.DataFrame
    data_map: DataMap
    threshold: float
    chance: NDArray[np.float64]
    n_wrong: float
    n_wrong_interval: tuple[float, float]
    n_flips: int
    n_repeats: int
    learner_auroc: float
    near_misses: bool = False

    @property
    def best(self) -> pd.Series:
        """The candidate that was chosen: first row of ``candidates``."""
        return self.candidates.iloc[0]

    @property
    def suspicious(self) -> NDArray[np.bool_]:
        """Which labels look wrong: a mask of the shape of ``data_map.confidence``."""
        looks: NDArray[np.bool_] = self.data_map.measure("label_quality") <= (
            self.threshold
        )
        return looks

    @property
    def can_tell(self) -> bool:
        """Whether the learner learned, and known wrong labels were told from others."""
        learned = self.learner_auroc >= LEARNS
        return bool(learned and self.best["auroc"] >= min(TELLS))

    def with_columns(self, **columns: Any) -> "LabelAudit":
        """Attach values of the rows, such as their text, to what is listed.

        Parameters
        ----------
        **columns : array-like of shape (n_samples,)
            As in :meth:`DataMap.with_columns`.

        Returns
        -------
        LabelAudit
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
            If n is not in 0 ... the number of labels.
        """
        data_map = self.data_map
        n = int(self.suspicious.sum()) if n is None else n
        ranked = data_map.rank("label_quality")
        if not 0 <= n <= len(ranked):
            raise ValueError(f"n must be in 0 ... {len(ranked)}; got {n!r}.")
        cells = tuple(np.atleast_2d(ranked[:n].T))
        rows = cells[0]
        data: dict[str, Any] = {"position": rows}
        if data_map.multilabel:
            data["label_name"] = data_map.classes[cells[1]]
        data |= {name: values[rows] for name, values in data_map.columns.items()}
        data["label"] = data_map.label[cells]
        data["suggested"] = _suggested(data_map, cells)
        data["label_quality"] = data_map.measure("label_quality")[cells]
        data["chance_wrong"] = self.chance[cells]
        extra = data_map.extra_measures().items()
        for name in (*PAPER, *(n for n, m in extra if m.in_tables and not m.needs)):
            data.setdefault(name, data_map.values(name)[cells])
        data["looks_wrong"] = self.suspicious[cells]
        return table_of(data, data_map.index[rows])

    def review(self, n: int | None = 100) -> pd.DataFrame:
        """List the most suspicious labels to decide on; see :meth:`DataMap.review`.

        Parameters
        ----------
        n : int, default=100
            How many. None: all.

        Returns
        -------
        pandas.DataFrame
            To be filled in, then handed to :meth:`update` and
            :func:`~sklearn_datamaps.apply_review`.
        """
        return self.data_map.review(n=n, by="label_quality")

    def update(
        self, review: Any, *, n_next: int = 100, worth: float = 0.05
    ) -> ReviewProgress:
        """Learn from the decisions made so far how many wrong labels are left.

        Parameters
        ----------
        review : DataFrame, str or path
            The frame of :meth:`review` with its decisions, or a CSV file of it.
            ``relabel`` and ``drop`` say that a label was wrong, ``keep`` that it was
            right; rows without a decision are passed over.
        n_next : int, default=100
            How many labels would be read next.
        worth : float, default=0.05
            Share of wrong ones among them below which reading is not worth it.

        Returns
        -------
        ReviewProgress
            Found so far, how many are left, what to expect next, and when to stop.

        Raises
        ------
        ValueError
            If the review is of other data or has no decision, or n_next or worth is
            out of range.
        """
        return review_progress(
            self.data_map,
            self.chance,
            self.n_wrong_interval,
            review,
            n_next=n_next,
            worth=worth,
        )

    def plot(self, *, axes: Any = None) -> Any:
        """Draw labels by quality, and how well each candidate finds known wrong ones.

        Parameters
        ----------
        axes : sequence of two matplotlib Axes, default=None
            Where to draw. None: a new figure.

        Returns
        -------
        ndarray of two matplotlib Axes
            Labels as given by quality, with how many are estimated to be wrong; and
            candidates by average precision.

        Raises
        ------
        ValueError
            If axes are not two.
        """
        return audit_plot.plot(
            self.data_map,
            self.candidates,
            suspicious=self.suspicious,
            chance=self.chance,
            n_wrong=self.n_wrong,
            threshold=self.threshold,
            axes=axes,
        )

    def summary(self) -> str:
        """Say in plain words what was found, and how far it can be trusted.

        Returns
        -------
        str
        """
        best = self.best
        low, high = self.n_wrong_interval
        unit = "labels" if self.data_map.multilabel else "rows"
        k = round(self.n_flips / self.n_repeats)
        weights = best["weights"]
        lines = [
            f"Audit of {self.data_map.confidence.size:,} {unit}, with {k:,} known "
            f"wrong labels in each of {self.n_repeats} repeats",
            f"best map: {best['recorder']}, by {NAMES[best['score']]}"
            + ("" if weights == AS_GIVEN else f", class weights {weights}"),
        ]
        if self.near_misses:
            lines.append("labels in doubt are near misses: mistaken for a neighbour")
        if not self.can_tell:
            lines.append(
                f"! the map cannot tell wrong labels: on rows it has not seen, the "
                f"learner tells classes with an area under the ROC curve of "
                f"{self.learner_auroc:.2f}, and the map known wrong labels with "
                f"{best['auroc']:.2f} (0.5 is chance). Do not act on what follows; try "
                f"another learner or other features."
            )
        else:
            how = next(word for least, word in TELLS.items() if best["auroc"] >= least)
            lines.append(
                f"it tells known wrong labels {how}: area under the ROC curve "
                f"{best['auroc']:.2f}, average precision "
                f"{best['average_precision']:.2f}; {best['precision_at_k']:.0%} of the "
                f"first {k:,}"
            )
        lines += [
            f"look wrong: {int(self.suspicious.sum()):,} {unit}",
            f"estimated wrong: {self.n_wrong:,.0f} (90 % interval {low:,.0f} to "
            f"{high:,.0f}), if the learner can learn these classes at all",
            "Nothing was changed. Read before you relabel: review(), then update().",
        ]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return self.summary()


def _suggested(data_map: DataMap, cells: tuple[Array, ...]) -> Array:
    """Most probable other label of some labels."""
    if data_map.multilabel:
        return ~data_map.label[cells]
    proba = data_map.measures["mean_proba"][cells]
    other: Array = data_map.classes[
        largest_other(proba, data_map.label_codes()[cells])[0]
    ]
    return other
