"""Threads of linear algebra."""

from contextlib import AbstractContextManager
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController


def one_thread() -> AbstractContextManager[Any]:
    """Limit the linear algebra within to one thread.

    For small matrices the threads of BLAS cost more than they save: they wait actively for each other,
    which doubles the processor time, and on a busy machine takes fifteen times longer than one thread.
    """
    return _libraries().limit(limits=1, user_api="blas")


@cache
def _libraries() -> ThreadpoolController:
    """Return the loaded libraries, whose search takes a millisecond."""
    return ThreadpoolController()
