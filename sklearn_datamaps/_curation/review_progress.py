"""What the decisions of a review say about the labels that nobody has read yet."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.forecast import N_NEXT, WORTH, Posterior, Stratum
from sklearn_datamaps._core.messages import check_whole
from sklearn_datamaps._core.public import found_in
from sklearn_datamaps._curation.apply_review import Decisions, decided_cells
from sklearn_datamaps._curation.control_rows import drawn_by
from sklearn_datamaps._data_map import DataMap

Audit = Any  # a LabelAudit; it lies above this file


@found_in("sklearn_datamaps")
@dataclass(frozen=True, eq=False, repr=False)
class ReviewProgress:
    """Where a review stands; made by :meth:`LabelAudit.update`.

    .. versionadded:: 0.1

    Attributes
    ----------
    n_reviewed, n_found : int
        Labels decided on, and how many of them were wrong.
    remaining : float
        Wrong labels estimated to be among those not read; where ``measured`` is given,
        those of it that are not found yet, and at least ``next_found``.
    remaining_interval : tuple of float
        90 % interval of it.
    n_next : int
        How many labels would be read next, in order of their quality.
    next_found : float
        Wrong ones to expect among them.
    next_interval : tuple of float
        90 % interval of it.
    stop : bool
        Whether fewer than the share ``worth`` of the next labels should be wrong, and,
        where ``measured`` is given, of all labels not read.
    worth : float
        That share.
    chance : ndarray, shape of the labels
        Updated probability that each label is wrong; 0 or 1 where decided.
    measured : float or None
        Wrong labels in all, by the decisions alone: of reviews with rows at random. It
        holds for any kind of errors.
    measured_interval : tuple of float or None
        90 % interval of it.
    n_relabelled, n_as_suggested : int
        Of such reviews: rows relabelled by somebody who saw no suggestion, and how many
        of them got the label that the audit suggests. 0 of others.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import SGDClassifier
    >>> from sklearn_datamaps import audit_labels
    >>> X, y = load_digits(return_X_y=True)
    >>> sgd = SGDClassifier(loss="log_loss", random_state=0)
    >>> audit = audit_labels(sgd, X / 16, y, random_state=0)
    >>> progress = audit.update(audit.review(n=40).assign(decision="keep"))
    >>> progress.n_reviewed, progress.n_found, progress.stop
    (40, 0, True)
    """

    n_reviewed: int
    n_found: int
    remaining: float
    remaining_interval: tuple[float, float]
    n_next: int
    next_found: float
    next_interval: tuple[float, float]
    stop: bool
    worth: float
    chance: NDArray[np.float64]
    measured: float | None = None
    measured_interval: tuple[float, float] | None = None
    n_relabelled: int = 0
    n_as_suggested: int = 0

    def summary(self) -> str:
        """Say it in plain words.

        Returns
        -------
        str
        """
        left, next_ = self.remaining_interval, self.next_interval
        lines = [
            f"Reviewed {self.n_reviewed:,}, wrong {self.n_found:,} "
            f"({self.n_found / self.n_reviewed:.0%})",
            f"estimated left: {self.remaining:,.0f} wrong labels (90 % interval "
            f"{left[0]:,.0f} to {left[1]:,.0f})",
        ]
        if self.measured is not None and self.measured_interval is not None:
            low, high = self.measured_interval
            lines.append(
                f"measured by the rows at random: {self.measured:,.0f} wrong labels in "
                f"all (90 % interval {low:,.0f} to {high:,.0f}), whatever their kind"
            )
        if self.n_relabelled:
            lines.append(
                f"relabelled without a suggestion: {self.n_relabelled:,}, of these as "
                f"the audit suggests {self.n_as_suggested:,}"
            )
        if not self.n_next:
            return "\n".join([*lines, "Every label has been read."])
        lines.append(
            f"the next {self.n_next:,} should hold {self.next_found:,.0f} "
            f"({next_[0]:,.0f} to {next_[1]:,.0f})"
        )
        share = f"{100 * self.worth:.3g}%"
        if self.stop:
            advice = f"Stop: fewer than {share} of the next ones should be wrong."
        elif self.next_found >= self.worth * self.n_next:
            advice = f"Go on: {share} or more of the next ones should be wrong."
        else:
            advice = (
                f"Go on: by the rows at random {share} or more of the labels not read "
                f"are wrong, only not of the next ones."
            )
        return "\n".join([*lines, advice])

    def __repr__(self) -> str:
        return self.summary()


def review_progress(
    audit: Audit,
    review: Any,
    *,
    n_next: int = N_NEXT,
    worth: float = WORTH,
    new_labels: bool = False,
) -> ReviewProgress:
    """What decisions say about the labels not read; see :meth:`LabelAudit.update`.

    Labels are in bins by their rank, whose shares of wrong ones are those of
    :class:`~sklearn_datamaps._core.forecast.Posterior`. What is left is beta-binomial;
    where rows at random measure it, what they say.

    """
    _check(n_next, worth)
    data_map = audit.data_map
    decided, decisions = _decisions(data_map, review, new_labels)
    decision = decisions.frame["decision"].to_numpy()
    wrong = (decision != "keep").astype(bool)
    draw = drawn_by(decisions.frame, audit.chance, audit.seed)
    shape, chance = audit.chance.shape, np.nan_to_num(audit.chance.ravel())
    quality = data_map.measure("label_quality").ravel()
    read = np.zeros(len(chance), dtype=bool)
    read[decided] = True
    found = np.zeros(len(chance), dtype=bool)
    found[decided] = wrong
    order = np.argsort(quality, kind="stable")
    strata = [] if draw is None else draw.strata(decided, wrong, np.argsort(order))
    posterior = Posterior(chance[order], read[order], found[order], strata)
    unread = np.flatnonzero(~read[order])
    rng = np.random.default_rng(len(decided))
    measured = None if draw is None else draw.estimate(strata)
    if measured is None:
        remaining, of_remaining = posterior.total(unread, rng)
    upcoming, of_upcoming = posterior.total(unread[:n_next], rng)
    if measured is not None:
        remaining, of_remaining = _left(strata, measured[1], (upcoming, of_upcoming[1]))
    updated = np.empty(len(chance))
    updated[order] = posterior.chance()
    updated[read] = found[read]
    n_next = min(int(n_next), len(unread))
    few_next = upcoming < worth * n_next
    few_left = measured is None or remaining < worth * len(unread)
    # Of rows beyond the review the page shows the suggestion.
    blind = np.zeros(len(decided), bool) if draw is None else draw.holds(decided)
    relabelled = decision == "relabel"
    suggested = audit.suggested_labels().ravel()[decided[relabelled]]
    pairs = zip(decisions.values, suggested, strict=True)
    as_suggested = np.array([new == other for new, other in pairs], dtype=bool)
    blind = blind[relabelled]
    return ReviewProgress(
        n_reviewed=len(decided),
        n_found=int(found.sum()),
        remaining=remaining,
        remaining_interval=of_remaining,
        n_next=n_next,
        next_found=upcoming,
        next_interval=of_upcoming,
        stop=(few_next and few_left) or not n_next,
        worth=float(worth),
        chance=updated.reshape(shape),
        measured=None if measured is None else measured[0],
        measured_interval=None if measured is None else measured[1],
        n_relabelled=int(blind.sum()),
        n_as_suggested=int((blind & as_suggested).sum()),
    )


def _left(
    strata: list[Stratum], interval: tuple[float, float], upcoming: tuple[float, float]
) -> tuple[float, tuple[float, float]]:
    """Wrong labels that are left of those measured, and the 90 % interval.

    They are at least as many as the next ones should hold, by mean and upper limit: a
    few rows at random may hold none of them.
    """
    left = sum(float(one.left(one.n_found / one.n_read)) for one in strata)
    left = max(left, upcoming[0])
    n_unread = sum(len(one.unread) for one in strata)
    n_known = sum(one.n_known for one in strata)
    low, high = (min(max(end - n_known, 0.0), n_unread) for end in interval)
    return left, (min(low, left), max(high, left, upcoming[1]))


def _check(n_next: Any, worth: Any) -> None:
    check_whole("n_next", n_next)
    if not (isinstance(worth, float | int | np.floating) and 0 < worth < 1):
        raise ValueError(f"worth must be a number between 0 and 1; got {worth!r}.")


def _decisions(
    data_map: DataMap, review: Any, new_labels: bool
) -> tuple[Array, Decisions]:
    """Flat positions of the labels decided on, and the decisions."""
    y: Any = data_map.label
    if data_map.multilabel:
        y = pd.DataFrame(y.astype(np.int8), columns=data_map.classes)
    text = data_map.columns.get("text")
    decided = decided_cells(
        y, review, text, index=data_map.index, new_labels=new_labels
    )
    if not decided.cells:
        raise ValueError(
            "The review has no decision yet. Write keep, relabel or drop in its column "
            "decision."
        )
    cells = tuple(np.array(decided.cells).T)
    return np.ravel_multi_index(cells, data_map.confidence.shape), decided
