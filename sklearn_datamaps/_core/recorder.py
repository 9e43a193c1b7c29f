"""Streaming record of training dynamics, epoch by epoch, in float64."""

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, Self, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from sklearn_datamaps._core.arrays import Array, Rows, probabilities
from sklearn_datamaps._core.base_map import BaseDataMap
from sklearn_datamaps._core.epoch_input import (
    CHUNK_CELLS,
    check_rows,
    doubts_of_logits,
    doubts_of_probabilities,
    read_proba,
)
from sklearn_datamaps._core.frozen import frozen
from sklearn_datamaps._core.labels import EncodedLabels
from sklearn_datamaps._core.measures import (
    epoch_margin,
    own_probability,
    share,
    variability,
)
from sklearn_datamaps._core.messages import warn_caller
from sklearn_datamaps._core.public import found_in
from sklearn_datamaps._core.registry import (
    ATTRIBUTES,
    MEASURES,
    Epoch,
    streamed,
)

M = TypeVar("M", bound=BaseDataMap)


@found_in("sklearn_datamaps")
class Recorder:
    """Streaming moments of encoded labels; :class:`TrainingDynamics` without its doors.

    Parameters
    ----------
    labels : EncodedLabels
        The labels.
    measures, store_trajectories, index
        As in :class:`TrainingDynamics`; names of the rows are 0, 1, ... by default.
    """

    def __init__(
        self,
        labels: EncodedLabels,
        *,
        measures: Iterable[str] = (),
        store_trajectories: bool = False,
        index: pd.Index | None = None,
    ) -> None:
        self.measures = check_measures(measures)
        self.classes = labels.classes
        self.store_trajectories = store_trajectories
        self._labels = labels
        self._codes = labels.codes
        # pd.Index(...) would flatten the levels of a MultiIndex.
        given = index if isinstance(index, pd.Index | None) else pd.Index(index)
        self.index = pd.RangeIndex(self.n_samples) if given is None else given
        if len(self.index) != self.n_samples:
            raise ValueError(
                f"index has {len(self.index)} entries, y has {self.n_samples} rows."
            )
        if not labels.multilabel and len(self.classes) < 2:
            raise ValueError(
                f"y holds one class only ({self.classes.tolist()}); a margin needs at "
                f"least two. Pass classes= with every label the model knows."
            )
        self._state = self._empty_state()
        # Cells recorded, sum of their own probabilities, number predicted right.
        self.totals = np.zeros(3)
        self._saved: tuple[dict[str, Array], Array, int] | None = None
        self._spare: dict[str, Array] | None = None
        self._trajectories: list[Array] = []
        self._warned = False

    @cached_property
    def _code_of(self) -> dict[Any, int]:
        return {label: code for code, label in enumerate(self.classes.tolist())}

    @property
    def n_samples(self) -> int:
        """Number of rows."""
        return len(self._codes)

    @property
    def n_epochs(self) -> int:
        """Largest number of epochs recorded of any row."""
        return int(self._state["count"].max())

    @property
    def n_updates(self) -> Array:
        """Epochs recorded of each row, of shape (n_samples,)."""
        return self._state["count"].copy()

    def _empty_state(self) -> dict[str, Array]:
        shape = self._codes.shape
        smallest = bool if self._labels.multilabel else self._codes.dtype
        state: dict[str, Array] = {
            "count": np.zeros(self.n_samples, dtype=np.int32),
            "mean": np.zeros(shape),
            "squares": np.zeros(shape),
            "n_right": np.zeros(shape, dtype=np.int32),
            "predicted": np.zeros(shape, dtype=smallest),
        }
        if self._has_margin:
            state |= {"margin": np.zeros(shape), "margin_squares": np.zeros(shape)}
        # Looked up, never kept: a record is pickled, the functions of an entry are not.
        for name in self.measures:
            if (stream := MEASURES[name].stream) is not None:
                state |= stream.init(shape, len(self.classes))
        return state

    @property
    def _has_margin(self) -> bool:
        # With two outcomes the margin is 2 p - 1 and needs no record of its own.
        return not self._labels.multilabel and len(self.classes) > 2

    def update(
        self,
        proba: Any,
        rows: Any = None,
        *,
        logits: bool = False,
        resolve_ties: Callable[[Rows], ArrayLike] | None = None,
    ) -> None:
        """Record one epoch, or one epoch of some rows.

        Parameters
        ----------
        proba : array-like of shape (n_rows, n_classes) or (n_rows, n_labels)
            Probabilities in the order of ``classes``; multilabel: that each label
            is set. A tensor is read as it is, one that records gradients detached. A
            DataFrame is matched by its column names and its index, unless pandas made
            them unasked; where they are others than the classes and the names of the
            rows it is refused.
        rows : slice, or array-like of int or bool, default=None
            Positions in y of the rows of proba. None: all of them.
        logits : bool, default=False
            Whether proba holds logits: then the softmax (multilabel: the logistic
            function) is taken in float64, some rows at a time. Of two classes there
            may also be one logit a row, that of ``classes[1]``, of shape (n_rows,)
            or (n_rows, 1).
        resolve_ties : callable, default=None
            Called with the positions in proba of the rows whose largest probability
            is shared; returns their predicted labels. None: the first column wins.
            Multilabel: unused, a label is predicted if its probability is > 0.5.

        Raises
        ------
        TypeError
            If proba or rows is a tensor that NumPy cannot read: on another device,
            sparse, or bfloat16. Nothing is recorded then, nor after a ValueError.
        ValueError
            If proba has another shape, or NaN or infinite values (the message names
            the epoch and the number of rows); if rows repeats a row or names one
            that does not exist; if resolve_ties does not return a known label for
            each position.

        Warns
        -----
        UserWarning
            Once, if probabilities do not sum to 1 (or, for multilabel, lie outside
            [0, 1]): logits are the usual reason. And once, if logits all sum to 1.
        """
        where = check_rows(rows, self.n_samples)
        codes = self._codes[where]
        block = read_proba(proba, where, self._labels, self.index, logits)
        self._check_values(block, where, logits)
        step = max(1, CHUNK_CELLS // block.shape[1])
        totals = np.zeros(3)  # of this call, so that calls add up alike anywhere
        # Only a resolver can fail half-way; whoever keeps a checkpoint rolls back.
        can_fail = resolve_ties is not None and self._saved is None
        done: list[tuple[slice | Rows, dict[str, Array]]] = []
        n_stored = len(self._trajectories)
        for start in range(0, len(block), step):
            part = slice(start, start + step)
            if isinstance(where, slice):
                offset = where.start
                at: slice | Rows = slice(
                    offset + start, offset + min(start + step, len(block))
                )
            else:
                at = where[part]
            values = block[part]
            if logits:
                values = probabilities(values, multilabel=self._labels.multilabel)
            if can_fail and start + step < len(block):
                before = {name: v[at].copy() for name, v in self._state.items()}
            try:
                totals += self._update_chunk(
                    values, codes[part], at, resolve_ties, start
                )
            except BaseException:
                self._undo(done, n_stored)
                raise
            if can_fail and start + step < len(block):
                done.append((at, before))
        self.totals += totals

    def _undo(
        self, done: list[tuple[slice | Rows, dict[str, Array]]], n_stored: int
    ) -> None:
        """Put back what chunks of this call recorded before one of them failed."""
        for at, before in done:
            for name, values in before.items():
                self._state[name][at] = values
        if done:
            self._forget_unrecorded(n_stored)

    def forget_trajectories(self) -> None:
        """Store none from now on, and forget those there are."""
        self.store_trajectories = False
        self._trajectories = []

    def _forget_unrecorded(self, n_stored: int) -> None:
        """Forget the trajectories beyond what the counts of the rows say."""
        del self._trajectories[n_stored:]
        for epoch, stored in enumerate(self._trajectories):
            stored[self._state["count"] <= epoch] = np.nan

    def _check_values(self, block: Array, where: slice | Rows, logits: bool) -> None:
        """Refuse what is not finite; warn, once, of what seems to be something else."""
        doubts_of = doubts_of_logits if logits else doubts_of_probabilities
        finite, doubt = doubts_of(block, multilabel=self._labels.multilabel)
        if finite is not None:
            epoch = int(self._state["count"][where][~finite].min()) + 1
            what = "logits" if logits else "probabilities"
            raise ValueError(
                f"Epoch {epoch}: the model gave NaN or infinite {what} for "
                f"{int((~finite).sum()):,} of {len(finite):,} rows. Training has "
                f"diverged: scale the features (StandardScaler, MaxAbsScaler) or take "
                f"a smaller step."
            )
        if doubt and not self._warned:
            self._warned = True
            warn_caller(doubt)

    def _predict(
        self,
        proba: Array,
        codes: Array,
        margin: Array | None,
        resolve_ties: Callable[[Rows], ArrayLike] | None,
        start: int,
    ) -> Array:
        """Predicted codes (or set labels), ties settled by the model itself."""
        if self._labels.multilabel:
            return proba > 0.5
        if margin is None:
            predicted = (proba[:, 1] > proba[:, 0]).astype(codes.dtype)
            positions = np.flatnonzero(proba[:, 1] == proba[:, 0])
        else:
            # With a margin above 0 the own label is the prediction: look at the rest.
            predicted = codes.copy()
            unsure = np.flatnonzero(margin <= 0)
            rest = proba[unsure]
            best = rest.argmax(axis=1)
            predicted[unsure] = best
            # The last column that has the maximum is another one where it is shared.
            last = rest.shape[1] - 1 - rest[:, ::-1].argmax(axis=1)
            positions = unsure[last != best]
        if resolve_ties is not None and positions.size:
            labels = np.asarray(resolve_ties(positions + start))
            if labels.shape != positions.shape:
                raise ValueError(
                    f"resolve_ties must return one label for each of the "
                    f"{len(positions)} positions it is called with; got an array of "
                    f"shape {labels.shape}."
                )
            settled = np.array([self._code_of.get(v, -1) for v in labels.tolist()])
            if (settled < 0).any():
                raise ValueError(
                    f"resolve_ties returned labels that are not in classes: "
                    f"{labels[settled < 0][:5].tolist()}."
                )
            predicted[positions] = settled
        return predicted

    def _update_chunk(
        self,
        proba: Array,
        codes: Array,
        at: slice | Rows,
        resolve_ties: Callable[[Rows], ArrayLike] | None,
        start: int,
    ) -> Array:
        """Record some rows; return their number, sum of own probabilities, hits."""
        state = self._state
        own = own_probability(proba, codes)
        margin = epoch_margin(proba, codes, own) if self._has_margin else None
        predicted = self._predict(proba, codes, margin, resolve_ties, start)
        right = predicted == codes
        count = state["count"][at] + 1
        if self.store_trajectories:
            self._store(own, at, count)
        per_row = count[:, None] if own.ndim == 2 else count
        _add_moment(state["mean"], state["squares"], own, at, per_row)
        if margin is not None:
            _add_moment(state["margin"], state["margin_squares"], margin, at, count)
        if self.measures:
            epoch = Epoch(proba, codes, own, right, per_row)
            for name in self.measures:
                if (stream := MEASURES[name].stream) is not None:
                    stream.update(state, at, epoch)
        state["n_right"][at] += right
        state["predicted"][at] = predicted
        state["count"][at] = count
        return np.array([own.size, own.sum(), np.count_nonzero(right)])

    def _store(self, own: Array, at: slice | Rows, count: Array) -> None:
        if (count == count[0]).all():  # as in every loop over all rows
            self._of_epoch(int(count[0]))[at] = own
            return
        for epoch in np.unique(count).tolist():
            these = count == epoch
            rows = np.arange(self.n_samples)[at][these]
            self._of_epoch(epoch)[rows] = own[these]

    def _of_epoch(self, epoch: int) -> Array:
        """Trajectories at an epoch, counted from 1; of NaN, where there are none."""
        while len(self._trajectories) < epoch:
            empty = np.full(self._codes.shape, np.nan, dtype=np.float32)
            self._trajectories.append(empty)
        return self._trajectories[epoch - 1]

    def fork(self) -> "Recorder":
        """Copy that goes on with the record, while this one stays as it is.

        Trajectories so far are shared: a later epoch of all rows never writes to them.
        """
        other = copy.copy(self)
        other._state = {name: values.copy() for name, values in self._state.items()}
        other.totals = self.totals.copy()
        other._trajectories = list(self._trajectories)
        other._saved = other._spare = None
        return other

    def checkpoint(self) -> None:
        """Remember the record as it is, for :meth:`rollback`; costs one copy of it."""
        saved = self._spare or {k: np.empty_like(v) for k, v in self._state.items()}
        for name, values in self._state.items():
            np.copyto(saved[name], values)
        self._spare = None
        self._saved = saved, self.totals.copy(), len(self._trajectories)

    def commit(self) -> None:
        """Accept what was recorded since the last checkpoint."""
        if self._saved is not None:
            self._spare, self._saved = self._saved[0], None

    def rollback(self) -> None:
        """Return to the last checkpoint, if it was not committed."""
        if self._saved is not None:
            self._state, self.totals, n_stored = self._saved
            self._forget_unrecorded(n_stored)
            self._saved = self._spare = None

    def release(self) -> None:
        """Free the memory that :meth:`checkpoint` keeps for its next call."""
        self._spare = None

    def merge(self, other: "Recorder") -> Self:
        """Take in the record of other rows of the same y, made elsewhere.

        Parameters
        ----------
        other : TrainingDynamics
            Built from the same labels and options, having recorded other rows.

        Returns
        -------
        self : TrainingDynamics

        Raises
        ------
        ValueError
            If labels, classes, measures or trajectories differ, or both recorded the
            same row.
        """
        alike = (
            isinstance(other, Recorder)
            and np.array_equal(self._codes, other._codes)
            and np.array_equal(self.classes, other.classes)
        )
        if not alike:
            raise ValueError(
                "merge needs two TrainingDynamics over the same y and classes."
            )
        if (self.measures, self.store_trajectories) != (
            other.measures,
            other.store_trajectories,
        ):
            raise ValueError(
                f"merge needs the same measures and trajectories; got {self.measures}, "
                f"{self.store_trajectories} and {other.measures}, "
                f"{other.store_trajectories}."
            )
        theirs = other._state["count"] > 0
        both = theirs & (self._state["count"] > 0)
        if both.any():
            raise ValueError(
                f"{int(both.sum())} row(s) were recorded by both, for example row "
                f"{int(both.argmax())}. merge unites disjoint rows only."
            )
        for name, values in self._state.items():
            values[theirs] = other._state[name][theirs]
        for epoch, stored in enumerate(other._trajectories, start=1):
            self._of_epoch(epoch)[theirs] = stored[theirs]
        self.totals = self.totals + other.totals
        return self

    def absorb(self, part: "Recorder", rows: Rows) -> None:
        """Take in a record made of some rows alone, with the same options.

        Parameters
        ----------
        part : TrainingDynamics
            Built from ``y[rows]``, all classes, the same measures and trajectories.
        rows : ndarray of int of shape (part.n_samples,)
            Their positions here; none of them has been recorded.
        """
        for name, values in self._state.items():
            values[rows] = part._state[name]
        for epoch, theirs in enumerate(part._trajectories, start=1):
            self._of_epoch(epoch)[rows] = theirs
        self.totals = self.totals + part.totals

    @classmethod
    def concatenate(cls, parts: Sequence["Recorder"]) -> "Recorder":
        """Put the records of disjoint rows together, in the order of the parts.

        Parameters
        ----------
        parts : sequence of TrainingDynamics
            With the same classes, measures and trajectories.

        Returns
        -------
        TrainingDynamics
            Of all rows, numbered from 0.
        """
        first = parts[0]
        codes = np.concatenate([part._codes for part in parts])
        whole = cls(
            EncodedLabels(codes, first.classes),
            measures=first.measures,
            store_trajectories=first.store_trajectories,
        )
        start = 0
        for part in parts:
            whole.absorb(part, np.arange(start, start + part.n_samples))
            start += part.n_samples
        return whole

    def to_map(
        self,
        kind: type[M],
        *,
        allow_incomplete: bool = False,
        meta: Mapping[str, Any] | None = None,
    ) -> M:
        """Finish the record; see :meth:`sklearn_datamaps.TrainingDynamics.to_data_map`.

        Parameters
        ----------
        kind : type
            The class of the map, which lies above this file.
        allow_incomplete, meta
            As in ``to_data_map``.

        Returns
        -------
        BaseDataMap
            Of the class given.

        Raises
        ------
        ValueError
            If nothing was recorded, or rows have unequal counts and
            allow_incomplete is False.
        """
        state = self._state
        count = state["count"]
        n_epochs, fewest = int(count.max()), int(count.min())
        if n_epochs == 0:
            raise ValueError(
                "Nothing was recorded yet: call update() after every epoch."
            )
        if fewest < n_epochs and not allow_incomplete:
            raise ValueError(
                f"{int((count < n_epochs).sum()):,} of {len(count):,} rows were "
                f"recorded in fewer than {n_epochs} epochs (the fewest: {fewest}), so "
                f"their measures are not comparable. Record every row once an epoch, "
                f"or pass allow_incomplete=True."
            )
        per_row = count[:, None] if self._labels.multilabel else count
        seen = per_row > 0
        margin = margin_std = None
        if self._has_margin:
            margin = frozen(np.where(seen, state["margin"], np.nan))
            margin_std = frozen(variability(state["margin_squares"], count))
        trajectories = None
        if self._trajectories:
            trajectories = frozen(np.stack(self._trajectories))
        # All of these were made here: frozen, the map need not copy them.
        return kind(
            confidence=frozen(np.where(seen, state["mean"], np.nan)),
            variability=frozen(variability(state["squares"], per_row)),
            correctness=frozen(share(state["n_right"], per_row)),
            label=self._labels.values(),
            predicted=frozen(self._predicted(seen)),
            classes=self.classes,
            n_epochs=n_epochs,
            index=self.index,
            measures={
                name: frozen(stream.finish(state, per_row))
                for name in self.measures
                if (stream := MEASURES[name].stream) is not None
            },
            trajectories=trajectories,
            meta={"recording": "in-sample", **(meta or {})},
            _margin=margin,
            _margin_std=margin_std,
        )

    def _predicted(self, seen: Array) -> Array:
        codes = self._state["predicted"]
        predicted = codes.copy() if self._labels.multilabel else self.classes[codes]
        if not seen.all():
            predicted = predicted.astype(object)
            predicted[~np.broadcast_to(seen, predicted.shape)] = None
        return predicted

    def __repr__(self) -> str:
        """Name the size of the record."""
        count = self._state["count"]
        shape = " x ".join(f"{size:,}" for size in self._codes.shape)
        return (
            f"TrainingDynamics({shape} rows, {len(self.classes)} "
            f"{'labels' if self._labels.multilabel else 'classes'}, "
            f"{int(count.min())}-{int(count.max())} epochs recorded)"
        )


def check_measures(measures: Iterable[str]) -> tuple[str, ...]:
    """Return the names of extra measures, in the package's order.

    Parameters
    ----------
    measures : iterable of str
        Names of streamed measures.

    Raises
    ------
    ValueError
        If measures is a bare string or names an unknown measure.
    """
    wanted = [measures] if isinstance(measures, str) else list(measures)
    known = streamed()
    if isinstance(measures, str) or not set(wanted) <= set(known):
        raise ValueError(
            f"measures must list names out of {known}; got {measures!r}. "
            f"({', '.join(ATTRIBUTES)} and what is derived from them are always there.)"
        )
    return tuple(name for name in known if name in wanted)


def _add_moment(
    mean: Array, squares: Array, values: Array, at: slice | Rows, count: Array
) -> None:
    """Welford's update of a mean and a sum of squared deviations, in float64."""
    delta = values - mean[at]
    mean[at] += delta / count
    delta *= values - mean[at]
    squares[at] += delta
