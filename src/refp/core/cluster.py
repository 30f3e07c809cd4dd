"""The workers of a Dask cluster (extra ``cluster``)."""

from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from importlib import metadata
from typing import TYPE_CHECKING

from refp.core.crew import Crew
from refp.core.errors import MissingExtraError, WorkersError

if TYPE_CHECKING:
    from distributed import Client

ANSWER_SECONDS = 10.0
"""Timeout of the connection, which takes under a second, over a slow network a few seconds."""
MIN_SIZE = 8
"""Minimum number of workers for which tasks are submitted, for a cluster that is still growing."""


@contextmanager
def join_cluster(address: str) -> Iterator[Crew]:
    """Yield the workers behind a scheduler's address.

    Raises
    ------
    WorkersError
        If the scheduler cannot be reached, or a worker has another version of refp, or none.
    MissingExtraError
        If Dask is not installed.
    """
    client = _connect(address)
    from distributed import KilledWorker
    from distributed.comm import CommClosedError

    remedy = (
        f"--scheduler {address}: the scheduler is lost, or the same frames ended several workers, "
        "perhaps for lack of memory; check the cluster and give the command again"
    )
    try:
        _check_versions(client, address)
        # pure=False: Dask must not return the result of an earlier call with equal arguments.
        executor = client.get_executor(pure=False)
        size = max(MIN_SIZE, sum(client.nthreads().values()))
        lost = (KilledWorker, CancelledError, CommClosedError)
        # A task submitted while the scheduler is being lost is neither cancelled nor completed.
        yield Crew(executor, size, False, lost, remedy, lambda: client.status != "running")
    finally:
        client.close()


def _connect(address: str) -> "Client":
    try:
        from distributed import Client
    except ImportError as error:
        raise MissingExtraError("distributed", "cluster", "--scheduler") from error
    try:
        return Client(address, timeout=ANSWER_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise WorkersError(
            f"--scheduler {address}: the Dask scheduler cannot be reached; check the address, which "
            "'dask scheduler' prints when it starts"
        ) from error


def own_version() -> str:
    """Return the version of refp in this process."""
    return metadata.version("refp")


def _check_versions(client: "Client", address: str) -> None:
    """Refuse workers of another version, whose results could differ from those of this process."""
    found = client.run(metadata.version, "refp", on_error="return")
    for worker, version in found.items():
        if isinstance(version, OSError):  # lost since; its work goes to the others
            continue
        if version != own_version():
            has = f"refp {version}" if isinstance(version, str) else "no refp"
            raise WorkersError(
                f"--scheduler {address}: worker {worker} has {has}, this process has refp "
                f"{own_version()}; install the same version for every worker"
            )
