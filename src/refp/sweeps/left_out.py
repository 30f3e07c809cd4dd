"""Files that are not used, each with the reason."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file that is not used, with the reason in one line."""

    path: Path
    reason: str
