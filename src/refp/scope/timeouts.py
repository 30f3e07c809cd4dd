"""Calls of hardware with a limit of time."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class _Call(threading.Thread, Generic[T]):
    """A call in a thread of its own, which does not keep the process from ending."""

    def __init__(self, call: Callable[[], T]) -> None:
        super().__init__(daemon=True)
        self._call = call
        self.result: list[T] = []
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            self.result.append(self._call())
        except Exception as error:
            self.error = error


def call_within(timeout_ms: float, call: Callable[[], T]) -> T:
    """Return the result of a call, which is left to itself if it takes longer.

    Parameters
    ----------
    timeout_ms
        Limit of time, ms.
    call
        Runs in a thread of its own: a driver that hangs cannot be interrupted on any system.

    Raises
    ------
    TimeoutError
        If the call has not returned in time. Exceptions of the call are raised as they are.
    """
    thread = _Call(call)
    thread.start()
    thread.join(timeout_ms / 1000)
    if thread.is_alive():
        raise TimeoutError(f"no answer within {timeout_ms:g} ms")
    if thread.error is not None:
        raise thread.error
    return thread.result[0]
