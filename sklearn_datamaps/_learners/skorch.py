"""Networks of skorch, told by their class: neither skorch nor torch is imported."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn.base import is_classifier

from sklearn_datamaps._core.arrays import Array

N_CHECKED = 10  # rows whose probabilities are looked at before training
SIMPLEX_TOLERANCE = 1e-2
INTEGERS = [np.int64, np.int32, np.int16, np.int8, np.uint8, np.bool_]


def is_net(learner: Any) -> bool:
    """Whether a learner is a network of skorch."""
    bases = type(learner).__mro__
    return any(base.__module__.split(".")[0] == "skorch" for base in bases)


def n_threads(learner: Any) -> int | None:
    """Threads that torch uses here, if the learner is a network."""
    if not is_net(learner):
        return None
    number: int = sys.modules["torch"].get_num_threads()
    return number


@contextmanager
def threads(number: int | None) -> Iterator[None]:
    """Have torch use a number of threads, then as many as before; None: no torch."""
    if number is None:
        yield
        return
    torch = sys.modules["torch"]
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def check_net(net: Any) -> None:
    """Refuse what a map cannot be made of, before any training.

    Parameters
    ----------
    net : skorch.NeuralNet
        What the user gave.

    Raises
    ------
    TypeError
        If it is no classifier.
    ValueError
        If it holds rows out of training, or may stop before the last epoch.
    """
    name = type(net).__name__
    if not is_classifier(net):
        raise TypeError(
            f"{name} is no classifier. Use skorch's NeuralNetClassifier or "
            f"NeuralNetBinaryClassifier."
        )
    # skorch's ValidSplit; another data set for validation has no cv.
    if hasattr(net.train_split, "cv"):
        raise ValueError(
            f"train_split={type(net.train_split).__name__}({net.train_split.cv}) of "
            f"{name}, skorch's default, holds rows out of training, which a map would "
            f"show as hard. Set train_split=None, or to "
            f"skorch.helper.predefined_split of other data."
        )
    callbacks = net.callbacks if isinstance(net.callbacks, list) else []
    given = [cb[1] if isinstance(cb, tuple) else cb for cb in callbacks]
    kinds = {cb if isinstance(cb, type) else type(cb) for cb in given}
    if any(kind.__name__ == "EarlyStopping" for kind in kinds):
        raise ValueError(
            f"The callback EarlyStopping of {name} is not supported: a map needs the "
            f"epochs it is told. Leave it out and choose n_epochs."
        )


def input_dtype(net: Any) -> list[Any]:
    """Dtypes of X that the network reads; anything else becomes the first of them.

    Parameters
    ----------
    net : skorch.NeuralNet
        What the user gave.

    Returns
    -------
    list of dtype
        Single precision, or double if torch or the module is set to it; whole numbers
        stay what they are, since embeddings look them up.
    """
    torch = sys.modules["torch"]
    given = net.module
    weights = given.parameters() if isinstance(given, torch.nn.Module) else ()
    used = {weight.dtype for weight in weights} or {torch.get_default_dtype()}
    real = np.float64 if torch.float64 in used else np.float32
    return [real, *INTEGERS]


def net_params(learner: Any, n_classes: int) -> dict[str, Any]:
    """Parameters that tell a network its classes, which a batch may lack.

    Parameters
    ----------
    learner : estimator
        What is trained.
    n_classes : int
        Its outputs are the codes 0, 1, ... in this number.

    Returns
    -------
    dict
        Empty for any other learner.
    """
    if is_net(learner) and "classes" in learner.get_params(deep=False):
        return {"classes": list(range(n_classes))}
    return {}


def train_net(
    net: Any, X: Any, y: Array, seed: int, params: Mapping[str, Any] | None = None
) -> None:
    """Train one epoch, as one of the epochs of a single ``fit``.

    ``partial_fit`` would train ``max_epochs`` of them, begin each time anew for the
    callbacks (a step of the learning rate is then taken twice), and swallow an
    interruption.

    Parameters
    ----------
    net : skorch.NeuralNet
        Initialised at the first call.
    X : {ndarray, csr} of shape (n_rows, ...)
        The features.
    y : ndarray of int of shape (n_rows,)
        The codes.
    seed : int
        Seed of torch during this call; the state it had is restored.
    params : mapping, default=None
        Further arguments of the fit.

    Raises
    ------
    ValueError
        If the module gives no probabilities to a loss that takes their logarithm.
    """
    torch = sys.modules["torch"]
    if any(base.__name__ == "NeuralNetBinaryClassifier" for base in type(net).__mro__):
        # Its loss compares two numbers of one type.
        y = y.astype(X.dtype if X.dtype.kind == "f" else np.float32)
    with torch.random.fork_rng(range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        if not net.initialized_:
            net.initialize()
            net.notify("on_train_begin", X=X, y=y)
            _check_probabilities(net, X[:N_CHECKED])
        net.fit_loop(X, y, epochs=1, **(params or {}))


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


def end_training(learner: Any) -> None:
    """Tell the callbacks of a network that training is over.

    Parameters
    ----------
    learner : estimator
        Nothing is done if it is no network, or was never trained.
    """
    if is_net(learner) and learner.initialized_:
        learner.notify("on_train_end", X=None, y=None)
