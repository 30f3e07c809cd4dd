"""Files that are left out of a data set, each with the reason."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file that is left out, with the reason in one line."""

    path: Path
    reason: str
