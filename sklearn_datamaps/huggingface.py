"""The map of a training set of the ``Trainer`` of Hugging Face: one line to add.

Neither transformers nor torch is imported here: whoever has a ``Trainer`` has both.
"""

import sys
from collections.abc import Callable, Iterable, Mapping
from inspect import signature
from typing import Any

import numpy as np

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._core.labels import encode_labels
from sklearn_datamaps._core.public import found_in
from sklearn_datamaps._data_map import DataMap, TrainingDynamics

__all__ = ["DataMapCallback"]


@found_in("sklearn_datamaps.huggingface")
class DataMapCallback:
    """Callback of a ``Trainer`` that records the map of its training set.

    After every epoch the model predicts the rows once more, in evaluation mode (no
    dropout), in the order in which they are in the data set, whatever order and batches
    they are trained in. Random numbers are left as they were, so the model is bit for
    bit the one that is trained without it.

    .. versionadded:: 0.1

    Parameters
    ----------
    y : array-like of shape (n_samples,), or (n_samples, n_labels)
        The label of every row of the data set, in its order: the numbers the model is
        trained on, or their names by ``model.config.id2label``. Or a 0/1 indicator.
    dataset : torch.utils.data.Dataset or datasets.Dataset, default=None
        The rows to predict. None: the ``train_dataset`` of the Trainer. Give one for
        rows that are not trained on, or if the training set augments its rows at
        random.
    measures : sequence of str, default=()
        Extra measures to stream, as in :class:`sklearn_datamaps.TrainingDynamics`.
    store_trajectories : bool, default=False
        Keep the probability of the own label at every epoch, as float32.

    Attributes
    ----------
    data_map_ : DataMap
        The map of the epochs so far.
    dynamics_ : TrainingDynamics
        The record, once training began.

    Raises
    ------
    TypeError, ValueError
        When training begins: the data set has no length or no order, or another number
        of rows than y; labels that the model does not know; several processes; a
        checkpoint to go on from, of which epochs were not recorded here. In the first
        epoch: the labels in the data set are not those of y, or the model does not give
        a logit for each class and row.

    See Also
    --------
    sklearn_datamaps.TrainingDynamics : Record a training loop of your own.

    Notes
    -----
    Costs one prediction of the data set an epoch. ``group_by_length``, any sampler,
    ``dataloader_drop_last`` and data-loader workers change nothing: the rows are
    predicted by a loader of their own, with the collator, and so the padding, of the
    Trainer. The last epoch may be part of one (``max_steps``). Labels are not passed to
    the model unless its ``forward`` cannot do without.

    References
    ----------
    Swayamdipta et al., Dataset Cartography: Mapping and Diagnosing Datasets with
    Training Dynamics, EMNLP 2020, arXiv:2009.10795.

    Examples
    --------
    The guide has it run as a test::

        callback = DataMapCallback(y)
        trainer = Trainer(model, args, train_dataset=data, callbacks=[callback])
        trainer.train()
        callback.data_map_.rank("confidence", n_samples=20)
    """

    def __init__(
        self,
        y: Any,
        dataset: Any = None,
        *,
        measures: Iterable[str] = (),
        store_trajectories: bool = False,
    ) -> None:
        self.y = y
        self.dataset = dataset
        self.measures = measures
        self.store_trajectories = store_trajectories

    def __getattr__(self, name: str) -> Callable[..., None]:
        """Do nothing at the other events, of which every version has more."""
        if name.startswith("on_"):
            return _ignore
        if name in ("dynamics_", "data_map_"):
            raise AttributeError(
                f"There is no {name} before training: pass the callback to the "
                f"Trainer, Trainer(..., callbacks=[callback]), and call train()."
            )
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}.")

    @property
    def data_map_(self) -> DataMap:
        """Map of the epochs so far."""
        return self.dynamics_.to_data_map(meta=self._meta)

    def on_train_begin(
        self, args: Any, state: Any, control: Any, *, model: Any, **kwargs: Any
    ) -> None:
        """Check what will be recorded, before anything is trained.

        Parameters
        ----------
        args, state, control
            The Trainer's arguments and where it is.
        model : torch.nn.Module
            The model.
        **kwargs
            ``train_dataloader`` and more.

        Raises
        ------
        TypeError, ValueError
            See the class.
        """
        if args.world_size > 1:
            raise ValueError(
                f"DataMapCallback records in one process, and the Trainer runs in "
                f"{args.world_size}. Train in one, or record the rows of each in a "
                f"TrainingDynamics and merge these."
            )
        data = self._rows(kwargs["train_dataloader"])
        if not (hasattr(data, "__len__") and hasattr(data, "__getitem__")):
            raise TypeError(
                f"The data set ({type(data).__name__}) has no length and no order, so "
                f"its rows cannot be told apart. Use one that can be indexed."
            )
        dynamics = TrainingDynamics(
            self.y,
            classes=self._classes(model),
            multilabel=np.ndim(self.y) == 2,
            measures=self.measures,
            store_trajectories=self.store_trajectories,
        )
        if len(data) != dynamics.n_samples:
            raise ValueError(
                f"y has {dynamics.n_samples:,} labels and the data set {len(data):,} "
                f"rows. Pass the label of every row, in the order of the data set."
            )
        if state.global_step:
            before: TrainingDynamics | None = vars(self).get("dynamics_")
            recorded = 0 if before is None else before.n_epochs
            if recorded != round(state.epoch or 0):
                raise ValueError(
                    f"The Trainer goes on at epoch {state.epoch:g} of a checkpoint, of "
                    f"which {recorded} epochs are recorded. Train from the start."
                )
            return
        self.dynamics_: TrainingDynamics = dynamics
        self._meta = {"learner": type(model).__name__}

    def on_epoch_end(
        self, args: Any, state: Any, control: Any, *, model: Any, **kwargs: Any
    ) -> None:
        """Predict the rows in order, and record the epoch.

        Parameters
        ----------
        args, state, control, model, **kwargs
            As in :meth:`on_train_begin`.

        Raises
        ------
        TypeError, ValueError
            See the class.
        """
        torch = sys.modules["torch"]
        loader = self._loader(args, kwargs["train_dataloader"])
        was_training = model.training
        devices = [args.device] if args.device.type == "cuda" else []
        model.eval()
        try:
            with torch.random.fork_rng(devices), torch.no_grad():
                batches = [self._predict(args, model, batch) for batch in loader]
        finally:
            model.train(was_training)
        given = [labels for _, labels in batches if labels is not None]
        if self.dynamics_.n_epochs == 0 and given:
            self._check_labels(np.concatenate(given))
        self.dynamics_.update(
            np.concatenate([logits for logits, _ in batches]), logits=True
        )

    def _rows(self, train_dataloader: Any) -> Any:
        return train_dataloader.dataset if self.dataset is None else self.dataset

    def _loader(self, args: Any, train_dataloader: Any) -> Any:
        """Loader of the rows in their order, as they are collated for training."""
        torch = sys.modules["torch"]
        data, trained = self._rows(train_dataloader), train_dataloader.dataset
        if hasattr(data, "remove_columns") and hasattr(trained, "column_names"):
            # The Trainer has taken off what the model does not read.
            unread = set(data.column_names) - set(trained.column_names)
            data = data.remove_columns(sorted(unread))
        return torch.utils.data.DataLoader(
            data,
            batch_size=args.per_device_eval_batch_size,
            shuffle=False,
            collate_fn=train_dataloader.collate_fn,
            num_workers=args.dataloader_num_workers,
            generator=torch.Generator(),  # the loader draws a number: not from ours
        )

    def _predict(self, args: Any, model: Any, batch: Any) -> tuple[Array, Array | None]:
        """Logits of one batch, and the labels that were in it."""
        torch = sys.modules["torch"]
        if not isinstance(batch, Mapping) and not hasattr(batch, "items"):
            raise TypeError(
                f"The collator makes a {type(batch).__name__} of a batch; DataMap"
                f"Callback needs a mapping of names to tensors."
            )
        inputs = {
            name: value.to(args.device) if hasattr(value, "to") else value
            for name, value in batch.items()
        }
        names = [n for n in args.label_names or ["labels", "label"] if n in inputs]
        labels = inputs[names[0]] if names else None
        known = signature(model.forward).parameters
        for name in names:
            needed = name in known and known[name].default is known[name].empty
            if not needed:
                del inputs[name]
        output = model(**inputs)
        logits = _logits_of(output, with_loss=any(name in inputs for name in names))
        if getattr(logits, "ndim", 0) not in (1, 2):
            what = tuple(getattr(logits, "shape", ())) or type(logits).__name__
            raise ValueError(
                f"A map needs one logit for each row and class, of a model that "
                f"classifies rows as a whole; this one gives {what}."
            )
        if logits.dtype not in (torch.float32, torch.float64):
            logits = logits.float()  # NumPy has no bfloat16
        seen = None if labels is None else labels.detach().cpu().numpy()
        return logits.detach().cpu().numpy(), seen

    def _classes(self, model: Any) -> Any:
        """Labels in the order of the model's logits; None: as y has them."""
        config: Any = getattr(model, "config", None)
        n_logits = getattr(config, "num_labels", None)
        if np.ndim(self.y) == 2 or n_logits is None:
            return None
        found = encode_labels(self.y).classes
        n_classes = 2 if n_logits == 1 else n_logits
        if found.dtype.kind in "iubf":
            classes = np.arange(n_classes)
        else:
            classes = np.array([config.id2label[i] for i in range(n_classes)])
        unknown = found[~np.isin(found, classes)].tolist()
        if unknown:
            raise ValueError(
                f"y holds the labels {unknown[:5]}, which the model does not know: its "
                f"classes are {classes.tolist()[:10]}. Pass the numbers it is trained "
                f"on, or set id2label of its config."
            )
        return classes

    def _check_labels(self, given: Array) -> None:
        """Refuse y in another order than the labels that the model is trained on."""
        labels = encode_labels(
            self.y,
            classes=self.dynamics_.classes,
            multilabel=np.ndim(self.y) == 2,
        )
        codes = labels.codes.astype(np.int64)
        if given.shape != codes.shape or given.dtype.kind not in "iubf":
            return  # labels of another kind, such as probabilities
        differ = (given != codes).reshape(len(codes), -1).any(axis=1)
        if differ.any():
            raise ValueError(
                f"The labels in the data set are not those of y: {int(differ.sum()):,} "
                f"of {len(codes):,} rows differ, the first at position "
                f"{int(differ.argmax())}. Is y in the order of the data set?"
            )


def _ignore(*args: Any, **kwargs: Any) -> None:
    """Do nothing."""


def _logits_of(output: Any, *, with_loss: bool) -> Any:
    """Logits among what a model returns: a mapping, a tuple or the tensor itself."""
    if isinstance(output, Mapping) or hasattr(output, "items"):
        named = {name: value for name, value in output.items() if name != "loss"}
        output = named.get("logits", next(iter(named.values()), None))
    elif isinstance(output, tuple | list):
        output = output[1 if with_loss else 0]
    while isinstance(output, tuple | list):
        output = output[0]
    return output
