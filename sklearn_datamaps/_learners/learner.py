"""What a kind of learner has to say and do, and what all kinds share.

A new kind is one class here in ``_learners`` and one line in ``registry.KINDS``. Kinds
that learn step by step implement :meth:`StepwiseLearner.train_member`; kinds that call
back while their ``fit`` runs implement :meth:`Learner.run`. Nothing outside this folder
asks of which kind a learner is.
"""

import contextlib
import copy
import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import BaseEstimator, clone
from sklearn.multioutput import MultiOutputClassifier
from sklearn.utils.parallel import Parallel, delayed

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.labels import EncodedLabels
from sklearn_datamaps._learners import sklearn_compat
from sklearn_datamaps._learners.blocks import (
    BLOCK_CELLS,
    block_order,
    block_rows,
    epoch_random,
    row_block,
    row_blocks,
)
from sklearn_datamaps._learners.frames import columns_without_numbers, refuse_columns
from sklearn_datamaps._learners.responses import (
    class_probabilities,
    in_order,
    label_probabilities,
)
from sklearn_datamaps._learners.seeds import Seeds

WHAT_WORKS = (
    "LogisticRegression (scikit-learn 1.9 or newer, solver='lbfgs'), "
    "SGDClassifier, Perceptron, MLPClassifier, the naive Bayes classifiers, "
    "OneVsRestClassifier, OneVsOneClassifier or MultiOutputClassifier around them, "
    "any classifier with partial_fit and predict_proba or decision_function, or one "
    "that is built in stages: GradientBoostingClassifier, "
    "HistGradientBoostingClassifier, AdaBoostClassifier, XGBClassifier (booster "
    "'gbtree' or 'dart'), LGBMClassifier, anything with staged_predict_proba"
)

# What ``n_epochs="auto"`` means where nothing else is natural.
AUTO_EPOCHS = 10

# Rows, their probabilities, and how ties of them are settled.
Block = tuple[slice, Array, Callable[[Array], Array] | None]
# Told of every epoch: the blocks of each part of what is recorded, and how many epochs
# there will be. Returns whether to end with it.
OnEpoch = Callable[[list[Iterator[Block]], int], bool]


class Step(NamedTuple):
    """One call that trains: its epoch and place in it, from 0, and its rows."""

    epoch: int
    number: int
    rows: slice | Array


@dataclass
class Training:
    """One training run: the learners, what they learn, and which rows are recorded.

    Attributes
    ----------
    members : list of estimators
        The learners; several: one per label of an indicator.
    X : {ndarray, csr} of shape (n_samples, n_features)
        Validated features.
    y : ndarray of shape (n_samples,), or (n_samples, n_labels), or None
        Labels as the learner wants them; None: each member has a label of its own.
    labels : EncodedLabels
        The labels as codes.
    classes : ndarray of shape (n_classes,)
        The classes as the learner is given them: labels, or codes from 0.
    response_method : {"predict_proba", "decision_function"}
        Where probabilities come from.
    seed : int
        Base of all seeds.
    batch_size : int or None
        Rows per call; None: all, or of blocks as many as fit in memory.
    in_blocks : bool
        Whether contiguous blocks of rows are shuffled, instead of rows.
    reseed : bool
        Whether to set seeds where a learner is fitted once; False: it has its own.
    fit_params : mapping
        Further arguments of training, sliced by row where they have rows.
    n_jobs : int or None
        Threads over the members.
    held_out : {ndarray, csr} of shape (n_held_out, n_features) or None
        Rows to record instead of those of X.
    added : {ndarray, csr} of shape (n_added, n_features) or None
        Rows to record beside those, to validate.
    facts : dict
        What the learner has to say of this run, for the ``meta`` of the map.
    """

    members: list[Any]
    X: Any
    y: Array | None
    labels: EncodedLabels
    classes: Array
    response_method: str
    seed: int
    batch_size: int | None = None
    in_blocks: bool = False
    reseed: bool = True
    fit_params: Mapping[str, Any] = field(default_factory=dict)
    n_jobs: int | None = None
    held_out: Any = None
    added: Any = None
    facts: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Made before the first call: they remember what the user had set.
        self.seeds = [Seeds(m, self.seed, i) for i, m in enumerate(self.members)]

    @property
    def recorded(self) -> list[Any]:
        """Features of the rows that are recorded, and of those beside them, if any."""
        parts = [self.X if self.held_out is None else self.held_out]
        return parts if self.added is None else [*parts, self.added]

    @property
    def step_rows(self) -> int:
        """Rows of one call that trains."""
        if self.batch_size is not None:
            return self.batch_size
        return block_rows(self.X) if self.in_blocks else int(self.X.shape[0])

    def features(self, rows: slice | Array) -> Any:
        """Features of some rows; a view where they are contiguous."""
        if isinstance(rows, slice):
            return row_block(self.X, rows.start, rows.stop)
        return sklearn_compat.take_rows(self.X, rows)

    def targets(self, i: int, rows: slice | Array) -> Array:
        """Labels of some rows as the member at a position wants them."""
        if self.y is None:
            return np.asarray(self.labels.codes[rows, i]).astype(np.int64)
        return np.asarray(self.y[rows])

    def params(self, rows: slice | Array) -> dict[str, Any]:
        """Further arguments for some rows, at a cost of the order of their number."""
        if not self.fit_params:
            return {}
        at = np.arange(rows.start, rows.stop) if isinstance(rows, slice) else rows
        if len(at) == self.X.shape[0]:
            return dict(self.fit_params)
        sliced = sklearn_compat.index_fit_params(
            self.X, params=dict(self.fit_params), indices=at
        )
        return dict(sliced)

    def map_members(self, call: Callable[[int], Any]) -> list[Any]:
        """Results of a call for the position of every member, in threads if wanted."""
        if len(self.members) == 1:
            return [call(0)]
        parallel = Parallel(n_jobs=self.n_jobs, require="sharedmem")
        results: list[Any] = parallel(
            delayed(call)(i) for i in range(len(self.members))
        )
        return results

    def restore_seeds(self) -> None:
        """Give the random states back that the user set, once training is over."""
        for member, seeds in zip(self.members, self.seeds, strict=True):
            seeds.restore(member)


class Learner(ABC):
    """A kind of learner, around one estimator of it.

    Parameters
    ----------
    estimator : estimator
        What the user gave; it is never modified.
    """

    # The method that is handed what the user hands to ``fit``.
    training_method: ClassVar[str] = "partial_fit"
    # Whether X may have more than two dimensions.
    allow_nd: ClassVar[bool] = False
    # Whether members can be trained in threads of one process.
    threads_over_members: ClassVar[bool] = True
    # Whether blocks of rows can be given one by one, on one machine or on many.
    takes_blocks: ClassVar[bool] = True
    # Whether it decides itself when to end, so that no number of epochs can be set.
    ends_itself: ClassVar[bool] = False
    # Of a kind that is fitted once: at what it is recorded, and how to have more of it.
    recorded_at: ClassVar[str] = "recorded while it is."

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator
        self.inner = inner_estimator(estimator)

    @classmethod
    @abstractmethod
    def handles(cls, inner: Any) -> bool:
        """Whether an estimator, taken out of a MultiOutputClassifier, is of this kind.

        Parameters
        ----------
        inner : estimator
            What would be trained.

        Returns
        -------
        bool
        """

    def check(self) -> None:
        """Refuse parameters of the estimator that contradict a record of epochs.

        Raises
        ------
        TypeError, ValueError
            Before any training, with what would work.
        """

    def check_settings(
        self, *, batch_size: int | None, batch_order: str, warm_start: bool
    ) -> None:
        """Refuse parameters of ``DataMapClassifier`` that mean nothing here.

        Raises
        ------
        ValueError
            Naming them, where the learner is fitted once, on all rows.
        """
        given = {
            "batch_size": batch_size is not None,
            "batch_order": batch_order != "rows",
            "warm_start": warm_start,
        }
        wrong = [name for name, is_set in given.items() if is_set]
        if wrong and not self.takes_blocks:
            raise ValueError(
                f"{' and '.join(wrong)} cannot be set for {type(self.inner).__name__}: "
                f"it is fitted once, on all rows, and {self.recorded_at}"
            )

    def epochs_wanted(self, n_epochs: int | str) -> int:
        """Return how many epochs to train, or stages to record.

        Parameters
        ----------
        n_epochs : int or "auto"
            What the user asked for.

        Returns
        -------
        int
            Of a learner that decides itself when to end, the most there can be.

        Raises
        ------
        ValueError
            If it is a number that the learner would not obey.
        """
        return AUTO_EPOCHS if isinstance(n_epochs, str) else n_epochs

    def check_response(self, wanted: str) -> str:
        """Return where probabilities come from.

        Parameters
        ----------
        wanted : {"auto", "predict_proba", "decision_function"}
            What the user asked for.

        Returns
        -------
        {"predict_proba", "decision_function"}

        Raises
        ------
        TypeError
            If the learner does not have it.
        """
        choices = ("predict_proba", "decision_function")
        methods = choices if wanted == "auto" else (wanted,)
        for method in methods:
            if hasattr(self.inner, method):
                return method
        raise TypeError(
            f"{type(self.inner).__name__} has no {' and no '.join(methods)}. "
            + (
                f"A data map needs the probability of the label. Use {WHAT_WORKS}."
                if wanted == "auto"
                else "Use response_method='auto'."
            )
        )

    def warn(self, n_samples: int) -> None:
        """Warn, in ``fit``, of what users would not expect of its map.

        Parameters
        ----------
        n_samples : int
            Rows that it will be given.
        """

    @property
    def input_dtype(self) -> Any:
        """Dtype of X, or list of dtypes, that it reads as it is."""
        return sklearn_compat.input_dtype(self.inner)

    def input_checks(self) -> dict[str, Any]:
        """Arguments of scikit-learn's ``check_array`` for what it can read."""
        tags = sklearn_compat.learner_tags(self.inner)
        return {
            "dtype": self.input_dtype,
            "allow_nd": self.allow_nd,
            "ensure_all_finite": not (tags and tags.input_tags.allow_nan),
        }

    @property
    def takes_frames(self) -> bool:
        """Whether a DataFrame reaches it as it is, with names and types of columns.

        Others are given an array that is made once, not in every epoch.
        """
        tags = sklearn_compat.learner_tags(self.inner)
        if tags is None or self.input_dtype is np.intp:  # categories are integers
            return False
        return bool(tags.input_tags.categorical or tags.input_tags.string)

    def check_columns(self, X: pd.DataFrame, *, as_array: bool = False) -> None:
        """Refuse columns that it would fail at, or take for numbers which they are not.

        Parameters
        ----------
        X : DataFrame of shape (n_samples, n_features)
            The features.
        as_array : bool, default=False
            Whether it will be given an array, whatever it takes.

        Raises
        ------
        ValueError
            Naming the columns.
        """
        if as_array or not self.takes_frames:
            codes = self.input_dtype is np.intp
            odd = columns_without_numbers(X, codes_are_categories=codes)
            refuse_columns(odd, type(self.inner).__name__)

    @property
    def wants_codes(self) -> bool:
        """Whether it takes no labels but the integers from 0."""
        return sklearn_compat.needs_codes(self.inner)

    @property
    def knows_its_rows_only(self) -> bool:
        """Whether it can be told of no class but those of the rows it trains on."""
        return False

    @property
    def torch_threads(self) -> int | None:
        """Threads that torch uses for it in this process; None: it needs no torch."""
        return None

    def takes(self, name: str) -> bool:
        """Whether training takes an argument of this name, or of any name."""
        return name in self._parameters or self.takes_any

    @cached_property
    def settings(self) -> Mapping[str, Any]:
        """Nested parameters of the estimator that the user gave."""
        return _nested_params(self.estimator)

    @cached_property
    def inner_settings(self) -> Mapping[str, Any]:
        """Nested parameters of what is trained."""
        wrapped = self.inner is not self.estimator
        return _nested_params(self.inner) if wrapped else self.settings

    @property
    def own_seeds(self) -> list[Any]:
        """Seeds that the user set in the estimator."""
        return [
            value
            for name, value in self.settings.items()
            if name.endswith("random_state") and value is not None
        ]

    @cached_property
    def _parameters(self) -> Mapping[str, inspect.Parameter]:
        method = getattr(self.inner, self.training_method)
        return dict(inspect.signature(method).parameters)

    @property
    def takes_any(self) -> bool:
        """Whether arguments of any name are handed on, ``**kwargs``.

        A method that names the classes names what it takes: what it has beside that
        is for scikit-learn's routing.
        """
        kinds = [parameter.kind for parameter in self._parameters.values()]
        hands_on = inspect.Parameter.VAR_KEYWORD in kinds
        return hands_on and "classes" not in self._parameters

    def check_fit_params(self, params: Mapping[str, Any]) -> None:
        """Raise TypeError if training cannot take one of the arguments of fit.

        Parameters
        ----------
        params : mapping
            ``sample_weight`` and further arguments, without the None ones.

        Raises
        ------
        TypeError
            Naming the argument.
        """
        for name in params:
            if not self.takes(name):
                raise TypeError(
                    f"{type(self.inner).__name__}.{self.training_method} takes no "
                    f"{name!r}. "
                    + (
                        "Use a learner that does (SGDClassifier, MLPClassifier, naive "
                        "Bayes), or leave sample_weight out."
                        if name == "sample_weight"
                        else "Leave it out."
                    )
                )

    def trains_per_label(self, labels: EncodedLabels) -> bool:
        """Whether an indicator is learned by one clone per label."""
        if not labels.multilabel:
            return False
        if isinstance(self.estimator, MultiOutputClassifier):
            return True
        tags = sklearn_compat.learner_tags(self.estimator)
        native = tags and tags.classifier_tags and tags.classifier_tags.multi_label
        return not native

    def class_params(self, n_classes: int) -> dict[str, Any]:
        """Parameters that tell a member its classes, which a batch may lack."""
        return {}

    def params_of_values(self, *seen: Any) -> dict[str, Any]:
        """Parameters that tell a member values of X, which a batch may lack."""
        found = sklearn_compat.min_categories(self.inner)
        if found is None or any(sparse.issparse(X) for X in seen):
            return {}
        name, given = found
        largest = np.max([X.max(axis=0) for X in seen], axis=0)
        return {name: np.maximum(largest + 1, given)}

    def make_members(
        self,
        labels: EncodedLabels,
        n_samples: int,
        n_set: Array,
        params: Mapping[str, Any],
    ) -> list[Any]:
        """Clone and set up the learners to train: one, or one per label.

        Parameters
        ----------
        labels : EncodedLabels
            The labels; of their codes only the number of dimensions is looked at.
        n_samples : int
            Number of rows.
        n_set : ndarray of int of shape (n_classes,) or (n_labels,)
            Rows of each class; multilabel: rows in which each label is set.
        params : mapping
            Further parameters of the learner.

        Returns
        -------
        list of estimators
            One, or one per label where the learner cannot take an indicator itself.
        """
        per_label = self.trains_per_label(labels)
        n_classes = 2 if per_label else len(labels.classes)
        params = {**params, **self.class_params(n_classes)}
        if not per_label:
            member = clone(self.inner).set_params(**params)
            if not labels.multilabel:
                self.balance(member, n_set, labels.classes)
            return [member]
        members = [clone(self.inner).set_params(**params) for _ in labels.classes]
        for member, n in zip(members, n_set.tolist(), strict=True):
            self.balance(member, np.array([n_samples - n, n]), np.array([0, 1]))
        return members

    def balance(self, member: BaseEstimator, n_rows: Array, classes: Array) -> None:
        """Set the weights that scikit-learn calls balanced, where it would not itself.

        Parameters
        ----------
        member : estimator
            A clone; nothing is done unless its ``class_weight`` is "balanced".
        n_rows : ndarray of int of shape (n_classes,)
            Rows of each class.
        classes : ndarray of shape (n_classes,)
            The classes.
        """

    @abstractmethod
    def run(
        self, training: Training, n_epochs: int, on_epoch: OnEpoch, *, first: int = 0
    ) -> None:
        """Train, and hand out the probabilities of every epoch.

        Parameters
        ----------
        training : Training
            What to train, on what.
        n_epochs : int
            Epochs to train, or stages to hand out.
        on_epoch : callable
            Called after every epoch, from ``first`` on, with its blocks, part by part
            of what is recorded, and the number of epochs there will be. The blocks are
            read in this order before it returns. True: it was the last one.
        first : int, default=0
            Epochs that the members were trained for already.
        """

    def states(self, training: Training) -> list[Any] | None:
        """Members as they would be if training had ended now, to be kept by others.

        Parameters
        ----------
        training : Training
            With the members as they are now.

        Returns
        -------
        list of estimators or None
            None: there are none before the end.
        """
        return list(training.members)

    def respond(self, training: Training, X: Any) -> Array:
        """Probabilities of some rows, in the order of ``labels.classes``.

        Parameters
        ----------
        training : Training
            With the members as they are now.
        X : {ndarray, csr} of shape (n_rows, n_features)
            The features.

        Returns
        -------
        ndarray of shape (n_rows, n_classes) or (n_rows, n_labels)
        """
        method = training.response_method
        if training.y is None:

            def of_label(i: int) -> Array:
                member = training.members[i]
                proba = class_probabilities(getattr(member, method)(X), method)
                return in_order(proba, member, np.array([0, 1]))[:, 1]

            return np.column_stack(training.map_members(of_label))
        member = training.members[0]
        response = getattr(member, method)(X)
        if training.labels.multilabel:
            return label_probabilities(response, method)
        proba = class_probabilities(response, method)
        return in_order(proba, member, training.classes)

    def parts(self, training: Training) -> list[Iterator[Block]]:
        """Blocks of each part of what is recorded, with the members as they are."""
        return [self.blocks(training, X) for X in training.recorded]

    def blocks(self, training: Training, X: Any) -> Iterator[Block]:
        """Yield rows, their probabilities, and how their ties are settled.

        Parameters
        ----------
        training : Training
            With the members as they are now.
        X : {ndarray, csr} of shape (n_samples, n_features)
            Features of the rows, one of ``training.recorded``.

        Yields
        ------
        rows : slice
            Which rows.
        proba : ndarray of shape (n_rows, n_classes) or (n_rows, n_labels)
            Probabilities in the order of ``labels.classes``.
        resolve_ties : callable
            From positions in the block to the labels the learner predicts.
        """
        # In the blocks of training, so that one can be recorded without the others.
        in_steps = training.in_blocks and X is training.X
        size = training.step_rows if in_steps else None
        n_columns = len(training.labels.classes)
        several = X.shape[0] * n_columns > BLOCK_CELLS
        with (
            self.asked_often(training.members)
            if several and sparse.issparse(X)
            else contextlib.nullcontext()
        ):
            for rows, block in row_blocks(X, n_columns, size):
                ties = _tie_resolver(training, block)
                yield rows, self.respond(training, block), ties

    def asked_often(self, members: list[Any]) -> AbstractContextManager[None]:
        """Have the members answer, for a while, for one sparse block after another."""
        return contextlib.nullcontext()

    def end(self, training: Training) -> None:
        """Leave the members as the user would have trained them."""
        training.restore_seeds()

    def assemble(self, members: list[Any], labels: EncodedLabels) -> Any:
        """Turn the trained members into one fitted estimator that works without us.

        Parameters
        ----------
        members : list of estimators
            As made by :meth:`make_members`, trained.
        labels : EncodedLabels
            The labels.

        Returns
        -------
        estimator
            The single member, or a fitted ``MultiOutputClassifier`` over them.
        """
        if not self.trains_per_label(labels):
            return members[0]
        wrapper = (
            clone(self.estimator)
            if isinstance(self.estimator, MultiOutputClassifier)
            else MultiOutputClassifier(clone(self.estimator))
        )
        wrapper.estimators_ = members
        wrapper.classes_ = [member.classes_ for member in members]
        if hasattr(members[0], "n_features_in_"):
            wrapper.n_features_in_ = members[0].n_features_in_
        return wrapper


class StepwiseLearner(Learner):
    """A kind that is trained call by call, and can be asked after each of them."""

    @abstractmethod
    def train_member(
        self,
        member: Any,
        X: Any,
        y: Array,
        *,
        classes: Array,
        params: Mapping[str, Any],
        seed: int,
    ) -> None:
        """Train one member by one call.

        Parameters
        ----------
        member : estimator
            The learner; its parts that have a ``random_state`` have a fresh one.
        X : {ndarray, csr} of shape (n_rows, n_features)
            Features of the rows of this call.
        y : ndarray of shape (n_rows,) or (n_rows, n_labels)
            Their labels, as the learner wants them.
        classes : ndarray of shape (n_classes,)
            All labels there are.
        params : mapping
            Further arguments of these rows.
        seed : int
            The fresh seed, for what is drawn in another way.
        """

    def train(self, training: Training, step: Step) -> None:
        """Train the members by one call.

        Parameters
        ----------
        training : Training
            What to train, on what.
        step : Step
            Which call: with the base seed it determines the seeds.

        Raises
        ------
        KeyboardInterrupt
            Also when a learner swallowed it.
        """
        X, params = training.features(step.rows), training.params(step.rows)
        if "sample_weight" in params and not np.any(params["sample_weight"]):
            return  # nothing to learn from; learners refuse such a batch
        classes = training.classes
        if training.y is None:
            classes = np.array([0, 1])
        elif training.labels.multilabel:
            classes = np.arange(len(classes))

        def of_member(i: int) -> None:
            member = training.members[i]
            seed = training.seeds[i].set(member, step.epoch, step.number)
            self.train_member(
                member,
                X,
                training.targets(i, step.rows),
                classes=classes,
                params=params,
                seed=seed,
            )

        training.map_members(of_member)
        if any(map(sklearn_compat.swallowed_interrupt, training.members)):
            raise KeyboardInterrupt

    def run(
        self, training: Training, n_epochs: int, on_epoch: OnEpoch, *, first: int = 0
    ) -> None:
        """Train epoch by epoch; see :meth:`Learner.run`."""
        for epoch in range(first, n_epochs):
            for step in steps(training, epoch):
                self.train(training, step)
            if on_epoch(self.parts(training), n_epochs):
                return

    def states(self, training: Training) -> list[Any]:
        """Copies, since training goes on with the members."""
        return copy.deepcopy(training.members)


def steps(training: Training, epoch: int) -> Iterator[Step]:
    """Calls of one epoch: one, or one per mini-batch in an order new in every epoch.

    Parameters
    ----------
    training : Training
        Says the rows of a call.
    epoch : int
        0-based; with the base seed it determines the order.
    """
    n_samples, size = training.X.shape[0], training.step_rows
    if size >= n_samples:
        yield Step(epoch, 0, slice(0, n_samples))
        return
    starts = range(0, n_samples, size)
    if training.in_blocks:
        order = block_order(training.seed, epoch, len(starts)).tolist()
        for number, block in enumerate(order):
            stop = min((block + 1) * size, n_samples)
            yield Step(epoch, number, slice(block * size, stop))
        return
    shuffled = epoch_random(training.seed, epoch).permutation(n_samples)
    for number, start in enumerate(starts):
        yield Step(epoch, number, shuffled[start : start + size])


def inner_estimator(estimator: Any) -> Any:
    """Return what is trained: the estimator, or what a MultiOutputClassifier wraps."""
    if isinstance(estimator, MultiOutputClassifier):
        return estimator.estimator
    return estimator


def _nested_params(estimator: Any) -> dict[str, Any]:
    has_params = hasattr(estimator, "get_params")
    return estimator.get_params(deep=True) if has_params else {}


def _tie_resolver(training: Training, X: Any) -> Callable[[Array], Array]:
    def resolve_ties(positions: Array) -> Array:
        tied = sklearn_compat.take_rows(X, positions)
        predicted = np.asarray(training.members[0].predict(tied))
        if training.classes is training.labels.classes:
            return predicted
        return np.asarray(training.labels.classes[predicted])

    return resolve_ties
