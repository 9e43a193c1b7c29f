"""DataMapClassifier for data that are spread over a Dask cluster."""

import contextlib
import operator
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from sklearn_datamaps._core.interrupts import no_interrupt_lost
from sklearn_datamaps._core.public import found_in
from sklearn_datamaps._data_map import DataMap
from sklearn_datamaps._learners import registry, sklearn_compat
from sklearn_datamaps._learners.blocks import block_order, warn_sorted
from sklearn_datamaps._training.base import (
    BaseDataMapClassifier,
    with_shared_text,
)
from sklearn_datamaps._training.classifier import DataMapClassifier as OnOneMachine
from sklearn_datamaps._training.fitted import finish
from sklearn_datamaps._training.loop import set_up
from sklearn_datamaps._training.recipe import Data, Recipe
from sklearn_datamaps._training.record import new_record
from sklearn_datamaps.dask import tasks
from sklearn_datamaps.dask.blocks import Blocks, prepare_blocks
from sklearn_datamaps.dask.cluster import (
    explain_losses,
    gather,
    is_on_cluster,
    open_client,
    register_sizes,
    require_dask,
)
from sklearn_datamaps.dask.results import MapParts, map_rows


class _Epoch(NamedTuple):
    """One recorded epoch on the workers, as futures."""

    members: Any  # the learners at its end
    records: list[Any]  # of every block, its record and the totals of this epoch
    totals: list[Any]


@with_shared_text
@found_in("sklearn_datamaps.dask")
class DataMapClassifier(BaseDataMapClassifier):
    """Train and record block by block on a Dask cluster; else as on one machine.

    The blocks of rows stay where they are. The learner goes from block to block, in
    an order that is new in every epoch; meanwhile the workers record the last epoch,
    each the blocks it has. The result is bit for bit that of
    ``sklearn_datamaps.DataMapClassifier(batch_order="blocks")`` on the same blocks,
    whatever the number of workers, and also when a worker is lost on the way.

    .. versionadded:: 0.1

    Parameters
    ----------
    estimator : estimator, default=None
        A classifier with ``partial_fit`` and ``predict_proba`` or
        ``decision_function``; cloned, never modified. None:
        ``SGDClassifier(loss="log_loss", class_weight="balanced")``.
    n_epochs : int or "auto", default="auto"
        Passes over the data to train and record. ``"auto"``: 10.
    :shared: response_method
    :shared: measures
    :shared: store_trajectories
    gather : bool, default=True
        Bring the map, some numbers a row, to this process at the end of ``fit``.
        False: it stays on the workers; ``confidence_``, ``variability_``,
        ``correctness_`` and ``region_mask`` are dask arrays, and ``data_map_`` is
        gathered when it is first asked for. Not with an address as client.
    client : distributed.Client, str or None, default=None
        The cluster: a client, or the address of a scheduler. None: the current
        client.
    :shared: random_state
    :shared: verbose

    Attributes
    ----------
    estimator_ : estimator
        The trained estimator, in this process; it works without Dask.
    :shared: fitted
    data_map_ : DataMap
        The map; rows are numbered through the blocks.
    confidence_, variability_, correctness_ : ndarray or dask.array.Array
        Of float64, of shape (n_samples,) or (n_samples, n_labels).
    coef_, intercept_, feature_importances_ : ndarray
        Those of ``estimator_``, where it has them; not with one learner a label.

    Raises
    ------
    ImportError
        In ``fit``: Dask is not installed.
    TypeError
        In ``fit``: data that are not in blocks, or an estimator that cannot be
        trained block by block.
    ValueError
        In ``fit``: no cluster, bad data (the message names the block) or a bad
        parameter, before any training; or probabilities that became NaN. In
        ``predict`` and the like: other features than in ``fit``.
    NotFittedError
        Before ``fit``, in ``predict`` and the like, ``region_mask``, ``history_``, and
        the arrays of map and learner.

    See Also
    --------
    sklearn_datamaps.DataMapClassifier : The same on one machine, also from disk.
    vectorize : Text to blocks, on the workers.

    Notes
    -----
    Training by stochastic gradients is sequential: more workers record, load and
    vectorize faster, but do not train faster. Every task works on its own copy of
    the learner, so a task that Dask runs again trains nothing twice. What a lost
    worker held is computed again from what the others have: its blocks, their
    records, and the training back to the last epoch that another worker has the
    learner of. Blocks that were sent from a client (``client.scatter``) cannot be
    computed again.

    The workers hold the blocks, some 25 bytes a row of record (and trajectories, see
    ``store_trajectories``), and the learner once an epoch. X and y are looked at before
    training, so the blocks should fit in the memory of all workers together; Dask
    writes those to disk that do not.

    Examples
    --------
    >>> import dask.array as da
    >>> from distributed import Client
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import SGDClassifier
    >>> from sklearn_datamaps.dask import DataMapClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> X, y = da.from_array(X / 16, chunks=(600, 64)), da.from_array(y, chunks=600)
    >>> client = Client(processes=False, dashboard_address=":0")
    >>> clf = DataMapClassifier(SGDClassifier(loss="log_loss"), random_state=0)
    >>> clf.fit(X, y).confidence_.shape
    (1797,)
    >>> client.close()
    """

    _parameter_constraints: dict[str, Any] = {  # noqa: RUF012 (scikit-learn's)
        **BaseDataMapClassifier._parameter_constraints,  # noqa: SLF001 (scikit-learn's)
        "gather": ["boolean"],
        "client": "no_validation",  # checked in fit, with advice
    }

    def __init__(
        self,
        estimator: Any = None,
        *,
        n_epochs: int | str = "auto",
        response_method: str = "auto",
        measures: Any = (),
        store_trajectories: bool | str = "auto",
        gather: bool = True,
        client: Any = None,
        random_state: Any = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.n_epochs = n_epochs
        self.response_method = response_method
        self.measures = measures
        self.store_trajectories = store_trajectories
        self.gather = gather
        self.client = client
        self.random_state = random_state
        self.verbose = verbose

    def __sklearn_clone__(self) -> Self:
        """Clone the parameters, but share the client, which cannot be copied."""
        params = self.get_params(deep=False)
        client = params.pop("client")
        params = {name: clone(value, safe=False) for name, value in params.items()}
        return type(self)(**params, client=client)

    def __getstate__(self) -> dict[str, Any]:
        """Take along the map, but neither the client nor what is on its workers."""
        if hasattr(self, "_parts"):
            _ = self.data_map_
        state = dict(super().__getstate__())
        state.pop("_parts", None)
        if not isinstance(self.client, str):
            state["client"] = None
        return state

    @sklearn_compat.fit_context(prefer_skip_nested_validation=False)
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
    ) -> Self:
        """Train for ``n_epochs`` epochs and record the map.

        Parameters
        ----------
        X : dask.array.Array, or list of Delayed or Future
            Features, in blocks of shape (n_rows, n_features): CSR, NumPy, or
            DataFrames. The number of rows need not be known.
        y : dask.array.Array, list of Delayed or Future, or array-like
            Labels of any kind, or a 0/1 indicator, in blocks of as many rows; or all
            of them in this process.
        sample_weight : like y, default=None
            Weights for training; measures are of unweighted rows.
        X_val, y_val : None
            Refused: rows that are not trained on are recorded on one machine.

        Returns
        -------
        self : DataMapClassifier

        Raises
        ------
        ImportError, TypeError, ValueError
            See the class.
        RuntimeError
            If blocks were lost that Dask cannot compute again.
        KeyboardInterrupt
            When interrupted; the completed epochs are kept.
        """
        if X_val is not None or y_val is not None:
            raise TypeError(
                "X_val and y_val are not recorded on a cluster: use sklearn_datamaps."
                "DataMapClassifier(batch_order='blocks'), which gives the same map "
                "on one machine, from disk too."
            )
        require_dask("sklearn_datamaps.dask.DataMapClassifier.fit")
        learner = registry.checked_learner(self.estimator)
        if not learner.takes_blocks:
            raise TypeError(
                f"{type(learner.inner).__name__} is fitted once, "
                f"on all rows, and cannot be trained block by block. Use "
                f"SGDClassifier, MLPClassifier or another with partial_fit, or "
                f"sklearn_datamaps.DataMapClassifier on one machine."
            )
        if isinstance(self.client, str) and not self.gather:
            raise ValueError(
                "gather=False needs a client that lives on after fit; got an address. "
                "Pass client=distributed.Client(address)."
            )
        recipe = self._recipe_for(learner, batch_order="blocks")
        with (
            no_interrupt_lost() as check_interrupt,
            open_client(self.client) as client,
            explain_losses(),
        ):
            register_sizes(client)
            blocks = prepare_blocks(client, learner, X, y, sample_weight)
            n_rows = int(blocks.n_rows.sum())
            learner.warn(n_rows)
            n_labels = len(blocks.known.classes) if blocks.known.multilabel else 1
            recipe = recipe.for_cells(n_rows * n_labels)
            warn_sorted(blocks.n_rows, blocks.n_set)
            self._forget("feature_names_in_", "_parts", "_gathered")
            self.n_features_in_ = blocks.features.n_features
            if blocks.features.names is not None:
                self.feature_names_in_ = np.array(blocks.features.names, dtype=object)
            seed = self._base_seed(learner)
            self._run(client, recipe, blocks, seed, check_interrupt)
            del blocks  # here, where no interrupt is lost in their finalizers
        return self

    def _run(
        self,
        client: Any,
        recipe: Recipe,
        blocks: Blocks,
        seed: int,
        check_interrupt: Callable[[], None],
    ) -> None:
        """Train and record epoch by epoch, two of them on the way at a time."""
        members = recipe.learner.make_members(
            blocks.known,
            int(blocks.n_rows.sum()),
            blocks.n_set.sum(axis=0),
            blocks.features.params,
        )
        # Made before any training: it remembers the seeds that the user had set.
        nothing = Data(np.empty((0, 0)), blocks.known)
        training = set_up(recipe, nothing, seed, members=members)
        record = new_record(recipe, blocks.known, seed)
        of_workers = tasks.worker_recipe(recipe)
        submit = partial(_submit, client, of_workers, blocks, seed, members)
        submitted: list[_Epoch] = []
        n_done = 0

        def publish() -> None:
            """Set the fitted attributes from what is on the workers."""
            last = submitted[n_done - 1]
            training.members = gather(client, last.members)
            recipe.learner.end(training)
            fitted = finish(recipe, blocks.known, record, training.members)
            self._publish(fitted)
            parts = MapParts(last.records, blocks.n_rows, blocks.known, fitted.meta)
            if self.gather:
                self._gathered = parts.gather(client)
            else:
                self._parts = parts

        try:
            with self._progress(None, 0, recipe.n_epochs) as advance:
                while n_done < recipe.n_epochs:
                    # The next epoch is trained while this one is recorded.
                    while len(submitted) < min(n_done + 2, recipe.n_epochs):
                        submitted.append(submit(submitted))
                    check_interrupt()
                    totals = gather(client, submitted[n_done].totals)
                    record.add_totals(part for block in totals for part in block)
                    n_done += 1
                    for before in submitted[: n_done - 1]:
                        before.records.clear()  # held by those of this epoch
                    advance(record.totals[-1], recipe.n_epochs)
        except BaseException:
            del record.totals[n_done:]
            # The cluster may be gone; what is raised is why the fit stopped.
            with contextlib.suppress(Exception):
                # client.cancel would break the connection when some are released.
                for epoch in submitted[n_done:]:
                    for future in (epoch.members, *epoch.records, *epoch.totals):
                        future.release()
                if n_done:
                    publish()
            raise
        publish()

    @property
    def data_map_(self) -> DataMap:
        """The map, gathered from the workers when it is first asked for."""
        if not hasattr(self, "_gathered"):
            if not hasattr(self, "_parts"):
                raise AttributeError(
                    f"This {type(self).__name__} has no data_map_: it is not fitted."
                )
            with open_client(self.client) as client:
                self._gathered = self._parts.gather(client)
        return self._gathered

    def _of_map(self, name: str, **options: Any) -> Any:
        check_is_fitted(self)
        if self.gather or not hasattr(self, "_parts"):
            return super()._of_map(name, **options)
        return self._parts.as_dask(name, bool if options else float, **options)

    def _respond(self, method: str, X: Any) -> Any:
        """Answer here, or for a collection of Dask on its workers, block by block."""
        if not is_on_cluster(X):
            return super()._respond(method, X)
        check_is_fitted(self)
        predictor = OnOneMachine(self.estimator)
        for name in ("estimator_", "classes_", "n_features_in_", "feature_names_in_"):
            if hasattr(self, name):
                setattr(predictor, name, getattr(self, name))
        call = getattr(predictor, method)
        # The result for one row of zeros tells kind and shape.
        zeros: Any = np.zeros((1, self.n_features_in_))
        if hasattr(self, "feature_names_in_"):
            zeros = pd.DataFrame(zeros, columns=self.feature_names_in_)
        return map_rows(call, X, np.asarray(call(zeros)))


def _submit(
    client: Any,
    recipe: Recipe,
    blocks: Blocks,
    seed: int,
    members: Any,
    before: list[_Epoch],
) -> _Epoch:
    """Submit the tasks of the next epoch: a chain of training, then the records."""
    epoch, n_blocks = len(before), len(blocks.X)
    records: list[Any] = [None] * n_blocks
    if before:
        members, records, _ = before[-1]
    for number, i in enumerate(block_order(seed, epoch, n_blocks).tolist()):
        members = client.submit(
            tasks.train_block,
            *(members, blocks.X[i], blocks.y[i], blocks.weights[i]),
            *(recipe, seed, epoch, number),
            pure=False,
            priority=1,  # all else waits for it
        )
    same = [members] * n_blocks
    record = partial(tasks.record_block, recipe=recipe, seed=seed)
    records = client.map(record, records, same, blocks.X, blocks.y, pure=False)
    totals = client.map(operator.itemgetter(1), records, pure=False)
    return _Epoch(members, records, totals)
