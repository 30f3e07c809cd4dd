"""Errors of worker processes, and the code of each error in responses and in the job log."""

import re

from refp.core.errors import RefpError

TOO_LONG, LOST, OUT_OF_MEMORY = "work_limit", "worker_lost", "memory_error"
SHOWN_AS = dict.fromkeys(("history_access_error", "history_conflict_error"), "history_error")
"""Code that is shown for errors which differ in their status only."""
INTERNAL = "internal error of the server; report it with the output of the server"


class WorkError(RefpError):
    """An exception raised in a worker, or the loss of a worker; ``code`` identifies it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def code_of(error: BaseException) -> str:
    """Return the name of an exception's class as a code: ``ModelError`` is ``model_error``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", type(error).__name__).lower()
