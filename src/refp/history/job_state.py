"""States of a job; a separate module, because the server's process has no database library."""

from typing import Literal

JobState = Literal["queued", "running", "done", "failed", "cancelled"]
ENDED: frozenset[str] = frozenset({"done", "failed", "cancelled"})
"""Final states."""
