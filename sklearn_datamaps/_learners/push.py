"""Kinds that hand out their state while ``fit`` runs, instead of going step by step.

A callback of the library is called with the model as it would be if ``fit`` ended now.
The learners of several labels are fitted side by side, each in a thread of its own, and
wait for one another at every epoch: so one epoch of all labels is recorded at a time,
and a label whose learner ended stays at its last state.
"""

import contextlib
import queue
import threading
from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import sklearn

from sklearn_datamaps._learners.constant import ConstantLabel
from sklearn_datamaps._learners.learner import Learner, OnEpoch, Training


class _StoppedError(Exception):
    """Ends the fit of a member whose record has ended."""


class PushLearner(Learner):
    """A kind that calls back while its ``fit`` runs."""

    training_method = "fit"
    takes_blocks = False

    @property
    def knows_its_rows_only(self) -> bool:
        """Yes: ``fit`` looks for the classes itself."""
        return True

    @abstractmethod
    def fit_member(
        self,
        training: Training,
        i: int,
        n_epochs: int,
        hand_out: Callable[[Any], None],
    ) -> Any:
        """Fit one member, and hand its state out after every epoch.

        Parameters
        ----------
        training : Training
            The run; nothing in it may be changed.
        i : int
            Position of the member.
        n_epochs : int
            Epochs that are wanted; it may end before.
        hand_out : callable
            Called with a fitted estimator: the state after an epoch.

        Returns
        -------
        estimator
            The fitted member.
        """

    def run(
        self, training: Training, n_epochs: int, on_epoch: OnEpoch, *, first: int = 0
    ) -> None:
        """Fit, and hand out every epoch of all members together."""
        fitted = list(training.members)
        for i, member in enumerate(fitted):
            if training.reseed:
                training.seeds[i].set(member, 0, 0)

        def record() -> bool:
            return on_epoch(self.parts(training), n_epochs)

        if len(fitted) == 1:

            def hand_out(state: Any) -> None:
                training.members = [state]
                if record():
                    raise _StoppedError

            with contextlib.suppress(_StoppedError):  # then the state is the result
                training.members = [self.fit_member(training, 0, n_epochs, hand_out)]
            return

        def fit(i: int, hand_out: Callable[[Any], None]) -> Any:
            if isinstance(fitted[i], ConstantLabel):  # no learner of this kind
                return fitted[i].fit(training.X)
            return self.fit_member(training, i, n_epochs, hand_out)

        training.members = _in_step(len(fitted), fit, training.members, record)


def _in_step(
    n_members: int,
    fit: Callable[[int, Callable[[Any], None]], Any],
    states: list[Any],
    record: Callable[[], bool],
) -> list[Any]:
    """Fit members side by side; record whenever all that still run handed out a state.

    Parameters
    ----------
    n_members : int
        How many there are.
    fit : callable
        From the position of a member and what it hands its states to, to the fitted
        member.
    states : list
        The last state of each member; is updated.
    record : callable
        Records the states, and returns whether to end with them.

    Returns
    -------
    list of estimators
        The fitted members.
    """
    arrived: queue.Queue[tuple[int, Any, BaseException | None, bool]] = queue.Queue()
    go_on = [threading.Semaphore(0) for _ in range(n_members)]
    stopped = threading.Event()
    config = sklearn.get_config()  # of this thread alone, so it is handed on

    def work(i: int) -> None:
        def hand_out(state: Any) -> None:
            arrived.put((i, state, None, False))
            go_on[i].acquire()
            if stopped.is_set():
                raise _StoppedError

        try:
            with sklearn.config_context(**config):
                arrived.put((i, fit(i, hand_out), None, True))
        except BaseException as error:  # raised again where it is waited for
            arrived.put((i, None, error, True))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(n_members)]
    for thread in threads:
        thread.start()
    running = set(range(n_members))
    try:
        while running:
            handed_out = []
            for _ in range(len(running)):
                i, state, error, ended = arrived.get()
                if error is not None:
                    running.discard(i)
                    raise error
                states[i] = state
                if ended:
                    running.discard(i)
                else:
                    handed_out.append(i)
            if handed_out and record():
                break
            for i in handed_out:
                go_on[i].release()
        return list(states)
    finally:
        stopped.set()
        for i in running:
            go_on[i].release()
        for thread in threads:
            thread.join()
