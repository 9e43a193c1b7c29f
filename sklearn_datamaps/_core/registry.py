"""Every measure by name: the one place that says what it is and how it is had.

Ranks, tables, averages, the explorer page, the sampler and the command line ask here
and name no measure themselves. The formulas are pure functions, in ``measures`` and
``quality``; an entry says which of them, over what.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from sklearn_datamaps._core import measures, quality
from sklearn_datamaps._core.arrays import Array, Rows

# Attributes of every map. The first three are the paper's, and head every table.
PAPER = ("confidence", "variability", "correctness")
ATTRIBUTES = (*PAPER, "margin", "margin_std")

Map = Any  # a BaseDataMap; it lies above this file
State = dict[str, Array]
At = slice | Rows


@dataclass(slots=True)
class Epoch:
    """What a streamed measure sees of one epoch, for some rows.

    Attributes
    ----------
    proba : ndarray of shape (n_rows, n_classes) or (n_rows, n_labels)
        Probabilities; multilabel: that each label is set.
    codes : ndarray of shape (n_rows,), or (n_rows, n_labels) of bool
        Column of each row's own label; multilabel: whether each label is set.
    own, right : ndarray of float64 and of bool, shape of codes
        Probability of the own label, and whether it is the one predicted.
    count : ndarray of int of shape (n_rows,), multilabel (n_rows, 1)
        Epochs recorded of each row, with this one.
    """

    proba: Array
    codes: Array
    own: Array
    right: Array
    count: Array


class Stream(NamedTuple):
    """How a measure is accumulated, epoch by epoch, in O(n_samples) memory.

    Attributes
    ----------
    init : callable
        ``init(shape, n_classes)`` returns the arrays to accumulate in, one row a
        sample, by names that no other measure has. ``shape`` is that of the labels.
    update : callable
        ``update(state, at, epoch)`` takes an :class:`Epoch` in; ``at`` are its rows in
        the arrays of ``state``.
    finish : callable
        ``finish(state, count)`` returns the measure; where no epoch was recorded of a
        row, its ``count`` is 0 and NaN is due.
    """

    init: Callable[[tuple[int, ...], int], State]
    update: Callable[[State, At, Epoch], None]
    finish: Callable[[State, Array], Array]


@dataclass(frozen=True)
class Measure:
    """One entry. Without formula, stream and of_folds, others put it on the map.

    Attributes
    ----------
    name : str
        What users call it.
    ascending : bool or None
        Whether its most telling rows are its lowest. None: it is not one number a row,
        and nothing ranks by it.
    formula : callable, default=None
        A derived measure: its values, from those named in ``of``.
    of : tuple of str, default=()
        What it is made of: names of attributes, of recorded measures, and ``"codes"``,
        the column of each row's own label.
    stream : Stream, default=None
        A streamed measure: recorded where ``measures=`` asks for it.
    of_folds : callable, default=None
        A measure of fits with folds: its values, from the in-sample map and the
        out-of-fold map. The latter has it where the former recorded what it is of.
    held_out : bool, default=False
        A derived measure: whether it is one of out-of-fold maps alone.
    advice : str, default=""
        What it takes, and what to do, for a map without it. Empty: that of the first
        thing it needs, or to ask for it with ``measures=``.
    average : {"mean", "median"}, default="mean"
        Over repeated runs. The median of counts whose largest value stands for "never":
        a mean with it would mean nothing. A derived measure is that of each run,
        averaged.
    in_tables : bool, default=True
        Whether tables and the page hold it. Not what follows from columns that they
        hold; the page has its formula in ``data.js``.
    dear : bool, default=False
        Whether a map remembers its values, for what takes long to derive.
    """

    name: str
    ascending: bool | None
    formula: Callable[..., Array] | None = None
    of: tuple[str, ...] = ()
    stream: Stream | None = None
    of_folds: Callable[[Map, Map], Array] | None = None
    held_out: bool = False
    advice: str = ""
    average: Literal["mean", "median"] = "mean"
    in_tables: bool = True
    dear: bool = False

    @property
    def needs(self) -> list[str]:
        """Names of the measures that must have been recorded for it."""
        return [name for name in self.of if name not in (*ATTRIBUTES, "codes")]

    def is_on(self, data_map: Map) -> bool:
        """Whether a map has it, or all that it is derived from."""
        recorded = self.formula is not None and set(self.needs) <= set(
            data_map.measures
        )
        if self.held_out:
            recorded &= data_map.meta.get("recording") == "out-of-fold"
        return recorded or self.name in (*ATTRIBUTES, *data_map.measures)

    def missing(self) -> ValueError:
        """Error for a map that does not have it."""
        if self.needs and not self.advice:
            return MEASURES[self.needs[0]].missing()
        if self.advice:
            return ValueError(f"The map has no {self.name}: {self.advice}")
        fit = f"Fit with measures=[{self.name!r}]."
        return ValueError(f"The measure {self.name!r} was not recorded. {fit}")


def summed(name: str, of_epoch: Callable[[Epoch], Array]) -> Stream:
    """Stream of a measure that is the mean over epochs of a value of each label.

    Parameters
    ----------
    name : str
        Of the measure, and so of its sum.
    of_epoch : callable
        From an :class:`Epoch` to an array of the shape of its codes.
    """

    def update(state: State, at: At, epoch: Epoch) -> None:
        state[name][at] += of_epoch(epoch)

    return Stream(
        lambda shape, n_classes: {name: np.zeros(shape)},
        update,
        lambda state, count: measures.share(state[name], count),
    )


def _forget(state: State, at: At, epoch: Epoch) -> None:
    state["transitions"][at] += state["was_right"][at] & ~epoch.right
    state["was_right"][at] = epoch.right


def _learn(state: State, at: At, epoch: Epoch) -> None:
    since = state["right_since"][at]
    began = np.where(since == 0, epoch.count, since)
    state["right_since"][at] = np.where(epoch.right, began, 0)


FORGETTING = Stream(
    lambda shape, n_classes: {
        "was_right": np.zeros(shape, bool),
        "transitions": np.zeros(shape, np.int32),
    },
    _forget,
    lambda s, count: measures.forgetting(s["transitions"], s["n_right"], count),
)
FIRST_LEARNED = Stream(
    lambda shape, n_classes: {"right_since": np.zeros(shape, np.int32)},
    _learn,
    lambda state, count: measures.first_learned(state["right_since"], count),
)
LOSS = summed("loss", lambda epoch: measures.epoch_loss(epoch.own))
EL2N = summed("el2n", lambda epoch: measures.epoch_el2n(epoch.proba, epoch.codes))
MEAN_PROBA = Stream(
    lambda shape, n_classes: {"mean_proba": np.zeros((shape[0], n_classes))},
    summed("mean_proba", lambda epoch: epoch.proba).update,
    lambda state, count: measures.share(
        state["mean_proba"], state["count"][:, None]
    ).astype(np.float32),
)


HELD_OUT = "that takes rows held out"
ENTRIES = (
    Measure("confidence", True),
    Measure("variability", False),
    Measure("correctness", True),
    Measure("margin", True),
    Measure("margin_std", False),
    Measure("aleatoric", False, measures.aleatoric, PAPER[:2], in_tables=False),
    Measure(
        "threshold_closeness",
        False,
        measures.threshold_closeness,
        PAPER[:1],
        in_tables=False,
    ),
    Measure("forgetting", False, stream=FORGETTING, average="median"),
    Measure("first_learned", False, stream=FIRST_LEARNED, average="median"),
    Measure("loss", False, stream=LOSS),
    Measure("el2n", False, stream=EL2N),
    Measure("mean_proba", None, stream=MEAN_PROBA, in_tables=False),
    Measure("logit_margin", True, measures.logit_margin, ("mean_proba", "codes")),
    Measure(
        "label_quality",
        True,
        quality.label_quality,
        ("mean_proba", "codes"),
        held_out=True,
        advice=f'{HELD_OUT}. Fit with cv=2, measures=["mean_proba"].',
        dear=True,
    ),
    Measure(
        "memorization",
        False,
        of_folds=lambda in_sample, out_of_fold: measures.memorization(
            in_sample.confidence, out_of_fold.confidence
        ),
        advice=f"{HELD_OUT}. Fit with cv=2.",
    ),
)
# In the order of every list of measures.
MEASURES = {entry.name: entry for entry in ENTRIES}


@contextmanager
def registered(*entries: Measure) -> Iterator[None]:
    """Have more measures for a while, in every rank, table and list.

    Parameters
    ----------
    *entries : Measure
        The measures. Processes that are started meanwhile do not know them.

    Raises
    ------
    ValueError
        If a name is no identifier, or there is a measure of that name.
    """
    for entry in entries:
        if entry.name in MEASURES or not entry.name.isidentifier():
            raise ValueError(
                f"{entry.name!r} cannot name a measure: it must be an identifier that "
                f"is not taken by one of {list(MEASURES)}."
            )
    MEASURES.update({entry.name: entry for entry in entries})
    try:
        yield
    finally:
        for entry in entries:
            del MEASURES[entry.name]


def ranking() -> list[str]:
    """Names of the measures that rank rows."""
    return [name for name, entry in MEASURES.items() if entry.ascending is not None]


def streamed() -> list[str]:
    """Names of the measures that are recorded on request, through ``measures=``.

    Returns
    -------
    list of str
        In the order of columns: means, then counts, then what is not one number a row.
    """
    on_request = [entry for entry in MEASURES.values() if entry.stream is not None]
    on_request.sort(key=lambda m: (m.ascending is None, m.average == "median"))
    return [entry.name for entry in on_request]


def required(name: str) -> tuple[list[str], bool]:
    """What a fit must record to have a measure.

    Parameters
    ----------
    name : str
        Of the measure.

    Returns
    -------
    streams : list of str
        What to ask for with ``measures=``.
    held_out : bool
        Whether it takes rows held out, by ``cv=``.
    """
    entries = [MEASURES[of] for of in (name, *MEASURES[name].needs)]
    streams = [entry.name for entry in entries if entry.stream is not None]
    of_folds = any(entry.of_folds is not None for entry in entries)
    return streams, of_folds or MEASURES[name].held_out


def of_folds(in_sample: Map, out_of_fold: Map) -> dict[str, Array]:
    """Measures of both maps of a fit with folds, for the out-of-fold map.

    Parameters
    ----------
    in_sample, out_of_fold : DataMap
        Of the same rows.

    Returns
    -------
    dict of str to ndarray
        In the order of columns: first what needs nothing else.
    """
    return {
        entry.name: entry.of_folds(in_sample, out_of_fold)
        for entry in sorted(MEASURES.values(), key=lambda entry: len(entry.needs))
        if entry.of_folds is not None and set(entry.needs) <= set(in_sample.measures)
    }
