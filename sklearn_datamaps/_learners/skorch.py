"""Networks of skorch, told by their class: neither skorch nor torch is imported."""

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import is_classifier

from sklearn_datamaps._core.arrays import Array
from sklearn_datamaps._learners.learner import Training
from sklearn_datamaps._learners.partial_fit import PartialFitLearner

N_CHECKED = 10  # rows whose probabilities are looked at before training
SIMPLEX_TOLERANCE = 1e-2
INTEGERS = [np.int64, np.int32, np.int16, np.int8, np.uint8, np.bool_]


class SkorchLearner(PartialFitLearner):
    """A network, trained like one ``fit`` of as many epochs.

    ``partial_fit`` would train ``max_epochs`` of them at every call, begin each time
    anew for the callbacks (a step of the learning rate is then taken twice), and
    swallow an interruption.
    """

    allow_nd = True
    # Threads would share torch's one random state.
    threads_over_members = False

    @classmethod
    def handles(cls, inner: Any) -> bool:
        """Whether one of its classes is skorch's."""
        bases = type(inner).__mro__
        return any(base.__module__.split(".")[0] == "skorch" for base in bases)

    def check(self) -> None:
        """Refuse regressors, rows held out of training, and early stopping."""
        net = self.inner
        name = type(net).__name__
        if not is_classifier(net):
            raise TypeError(
                f"{name} is no classifier. Use skorch's NeuralNetClassifier or "
                f"NeuralNetBinaryClassifier."
            )
        # skorch's ValidSplit; another data set for validation has no cv.
        if hasattr(net.train_split, "cv"):
            raise ValueError(
                f"train_split={type(net.train_split).__name__}({net.train_split.cv}) "
                f"of {name}, skorch's default, holds rows out of training, which a map "
                f"would show as hard. Set train_split=None, or to "
                f"skorch.helper.predefined_split of other data."
            )
        callbacks = net.callbacks if isinstance(net.callbacks, list) else []
        listed = [cb[1] if isinstance(cb, tuple) else cb for cb in callbacks]
        kinds = {cb if isinstance(cb, type) else type(cb) for cb in listed}
        if any(kind.__name__ == "EarlyStopping" for kind in kinds):
            raise ValueError(
                f"The callback EarlyStopping of {name} is not supported: a map needs "
                f"the epochs it is told. Leave it out and choose n_epochs."
            )
        super().check()

    @property
    def takes_any(self) -> bool:
        """No: what it hands on is for its data set and module, not for ``fit``."""
        return False

    @property
    def input_dtype(self) -> Any:
        """Single precision, or double if torch or the module is set to it.

        Whole numbers stay what they are, since embeddings look them up.
        """
        torch = sys.modules["torch"]
        module = self.inner.module
        is_made = isinstance(module, torch.nn.Module)
        weights = module.parameters() if is_made else ()
        used = {weight.dtype for weight in weights} or {torch.get_default_dtype()}
        real = np.float64 if torch.float64 in used else np.float32
        return [real, *INTEGERS]

    @property
    def torch_threads(self) -> int | None:
        """Threads that torch uses in this process."""
        number: int = sys.modules["torch"].get_num_threads()
        return number

    def class_params(self, n_classes: int) -> dict[str, Any]:
        """Tell the network its classes: its outputs are the codes 0, 1, ..."""
        if "classes" in self.inner.get_params(deep=False):
            return {"classes": list(range(n_classes))}
        return {}

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
        """Train one epoch, as one of the epochs of a single ``fit``.

        Raises
        ------
        ValueError
            If the module gives no probabilities to a loss that takes their logarithm.
        """
        torch = sys.modules["torch"]
        bases = type(member).__mro__
        if any(base.__name__ == "NeuralNetBinaryClassifier" for base in bases):
            # Its loss compares two numbers of one type.
            y = y.astype(X.dtype if X.dtype.kind == "f" else np.float32)
        with torch.random.fork_rng(range(torch.cuda.device_count())):
            torch.manual_seed(seed)
            if not member.initialized_:
                member.initialize()
                member.notify("on_train_begin", X=X, y=y)
                _check_probabilities(member, X[:N_CHECKED])
            member.fit_loop(X, y, epochs=1, **params)

    def end(self, training: Training) -> None:
        """Tell the callbacks that training is over, and restore the seeds."""
        super().end(training)
        for net in training.members:
            if net.initialized_:
                net.notify("on_train_end", X=None, y=None)


def _check_probabilities(net: Any, X: Any) -> None:
    criterion = type(getattr(net, "criterion_", None)).__name__
    if criterion != "NLLLoss":
        return  # the record itself warns of what are no probabilities
    proba = np.asarray(net.predict_proba(X))
    if (np.abs(proba.sum(axis=1) - 1) > SIMPLEX_TOLERANCE).any():
        raise ValueError(
            f"The module of {type(net).__name__} gives no probabilities, of which the "
            f"criterion NLLLoss, skorch's default, takes the logarithm. Are they "
            f"logits? Set criterion=torch.nn.CrossEntropyLoss, or end the module in a "
            f"softmax (not a log_softmax)."
        )
