"""From the collections of Dask to futures of blocks, and the client that has them."""

import asyncio
import contextlib
import itertools
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError
from typing import Any

import numpy as np
from scipy import sparse

from sklearn_datamaps._core.messages import warn_caller

LOOK_SECONDS = 1.0  # after so many, a wait looks whether the client is still there
WHAT_WORKS = (
    "a dask.array of NumPy or CSR blocks, a collection with to_delayed() (bag, "
    "DataFrame), or a list of delayed objects or futures, one for each block of rows"
)


def require_dask(function: str) -> None:
    """Raise ImportError, naming the extra, where Dask is not installed."""
    try:
        import dask.array
        import distributed
    except ImportError as error:
        raise ImportError(
            f'{function} needs Dask: pip install "sklearn-datamaps[dask]"'
        ) from error
    _ = dask.array, distributed  # only whether they are there


@contextlib.contextmanager
def open_client(client: Any) -> Iterator[Any]:
    """Client to work with: the one given, one to an address, or the current one.

    A client that is made for an address is closed at the end.
    """
    from distributed import Client

    with contextlib.ExitStack() as stack:
        if isinstance(client, str):
            client = stack.enter_context(Client(client, set_as_default=False))
        elif client is None:
            client = _current_client(stack)
        if not isinstance(client, Client) or client.asynchronous:
            is_client = isinstance(client, Client)
            kind = "an asynchronous Client" if is_client else repr(client)
            raise TypeError(
                f"client must be a distributed.Client, the address of a scheduler, or "
                f"None; got {kind}."
            )
        if client.status != "running":
            raise ValueError(
                f"The client is {client.status}. Make a new one, "
                f"distributed.Client(address), and pass client= with it."
            )
        if not client.nthreads():
            warn_caller(
                "The cluster has no workers: waiting until one joins. Start some, for "
                "example with cluster.scale(2)."
            )
        yield client


def _current_client(stack: contextlib.ExitStack) -> Any:
    from distributed import get_client, worker_client

    # In a task, others may use its thread while it waits for them.
    with contextlib.suppress(ValueError):
        return stack.enter_context(worker_client())
    try:
        return get_client()
    except ValueError as error:
        raise ValueError(
            "There is no Dask client. Make one first, client = distributed.Client() "
            "for the cores of this machine, or pass client= with a client or the "
            "address of a scheduler."
        ) from error


def gather(client: Any, futures: Any) -> Any:
    """Results of futures; CancelledError if the client was closed meanwhile.

    Its own ``gather`` waits for the event loop, which may end with the client, so that
    nobody answers.
    """
    done, coming = threading.Event(), list[Any]()

    def begin() -> None:
        coming.append(asyncio.ensure_future(client.gather(futures, asynchronous=True)))
        coming[0].add_done_callback(lambda _: done.set())

    loop = client.loop
    loop.add_callback(begin)
    try:
        while not done.wait(LOOK_SECONDS):
            if client.status != "running":
                raise CancelledError("The client was closed.")
        if coming[0].cancelled():
            raise CancelledError("The client was closed.")
        return coming[0].result()
    finally:
        if not done.is_set() and client.status == "running":
            loop.add_callback(lambda: coming[0].cancel())


@contextlib.contextmanager
def explain_losses() -> Iterator[None]:
    """Say what was lost when Dask says that a task was cancelled."""
    try:
        yield
    except CancelledError as error:
        raise RuntimeError(
            f"Blocks are gone and cannot be computed again, or the client was closed: "
            f"{error} Blocks that were scattered are lost with their worker, and those "
            f"of X.persist().to_delayed() when nothing else holds X: pass the "
            f"collection itself, or delayed objects that load the blocks."
        ) from error


def register_sizes(client: Any) -> None:
    """Tell every worker, also one that comes later, the size of ``csr_array``.

    Dask knows that of ``csr_matrix``; a ``csr_array`` of any size counts as 56 bytes
    and a worker never spills it.
    """
    from distributed import WorkerPlugin

    # Untyped where distributed is not installed.
    class Sizes(WorkerPlugin):  # type: ignore[misc, unused-ignore] # Any without dask
        """Registers the size of sparse arrays."""

        def setup(self, worker: Any) -> None:
            from dask.sizeof import sizeof

            sizeof.register(
                sparse.csr_array,
                lambda X: X.data.nbytes + X.indices.nbytes + X.indptr.nbytes,
            )

    client.register_plugin(Sizes(), name="sklearn-datamaps-sizes")


def is_on_cluster(data: Any) -> bool:
    """Whether data are blocks that are elsewhere, or not there yet."""
    if hasattr(data, "to_delayed"):
        return True
    if not isinstance(data, list | tuple) or not data:
        return False
    distributed = sys.modules.get("distributed")  # without it, there are no futures
    future = () if distributed is None else distributed.Future
    return all(
        hasattr(type(block), "__dask_graph__") or isinstance(block, future)
        for block in data
    )


def blocks_of(data: Any) -> Any:
    """Delayed objects or futures of a collection, in a list."""
    if not hasattr(data, "to_delayed"):
        return data
    return np.ravel(np.asarray(data.to_delayed(), dtype=object)).tolist()


def block_futures(client: Any, data: Any, name: str) -> list[Any]:
    """Futures of the blocks of rows of a collection."""
    if not is_on_cluster(data):
        raise TypeError(f"{name} is {type(data).__name__}; expected {WHAT_WORKS}.")
    across = max(getattr(data, "numblocks", (1,))[1:], default=1)
    if across > 1:
        raise ValueError(
            f"{name} has {across} blocks of columns; a learner needs whole rows. Call "
            f"{name}.rechunk({{1: -1}}) first."
        )
    blocks = blocks_of(data)
    if len(blocks) == 0:
        raise ValueError(f"{name} has no blocks: there is nothing to map.")
    is_graph = [hasattr(type(block), "__dask_graph__") for block in blocks]
    computed = iter(client.compute(list(itertools.compress(blocks, is_graph))))
    pairs = zip(blocks, is_graph, strict=True)
    return [next(computed) if waits else block for block, waits in pairs]
