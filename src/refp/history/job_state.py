"""What becomes of a job; apart from its log, since a server's process needs no database library."""

from typing import Literal

JobState = Literal["queued", "running", "done", "failed", "cancelled"]
ENDED: frozenset[str] = frozenset({"done", "failed", "cancelled"})
"""After one of these nothing more becomes of a job."""
