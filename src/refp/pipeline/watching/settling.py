"""Files that have appeared or changed, until they are at rest: a state machine without a clock."""

import math
from dataclasses import dataclass
from pathlib import Path

from refp.settings.watching import WatchSettings


@dataclass(frozen=True, slots=True)
class Stamp:
    """Size of a file, bytes, and time of its last change, ns; those of a folder are of its files."""

    size_bytes: int
    mtime_ns: int


@dataclass(slots=True)
class _Waiting:
    """A file with the time of its last change, the next try, and the delay after that, s."""

    stamp: Stamp
    changed_s: float
    due_s: float
    delay_s: float


class Settling:
    """Table of files that are not answered yet.

    A file is due when its stamp has not changed for ``settle_s``. A file that could not be read is due
    again after a delay, which doubles; after ``patience_s`` without a change it is no longer taken for
    one that is being written.

    Parameters
    ----------
    settings
        Times; all times of the methods are of one monotonic clock, s.
    """

    def __init__(self, settings: WatchSettings) -> None:
        self._settings = settings
        self._waiting: dict[Path, _Waiting] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, path: Path) -> bool:
        return path in self._waiting

    @property
    def paths(self) -> list[Path]:
        """All files of the table."""
        return list(self._waiting)

    def observe(self, path: Path, stamp: Stamp, now_s: float) -> None:
        """Take note of a file's stamp; a new file, or a new stamp, starts its rest again."""
        known = self._waiting.get(path)
        if known is None or known.stamp != stamp:
            due_s = now_s + self._settings.settle_s
            self._waiting[path] = _Waiting(stamp, now_s, due_s, self._settings.retry_s)

    def forget(self, path: Path) -> None:
        """Remove a file that was answered or is gone."""
        self._waiting.pop(path, None)

    def due(self, now_s: float, most: int) -> list[Path]:
        """Return the files to be read now, those that are due longest first, at most ``most``."""
        due = [path for path, one in self._waiting.items() if one.due_s <= now_s]
        return sorted(due, key=lambda path: self._waiting[path].due_s)[:most]

    def is_at_rest(self, path: Path, stamp: Stamp, now_s: float) -> bool:
        """Return whether a file that is due still has its stamp; else its rest starts again."""
        known = self._waiting.get(path)
        if known is not None and known.stamp == stamp:
            return True
        self.observe(path, stamp, now_s)
        return False

    def is_abandoned(self, path: Path, now_s: float) -> bool:
        """Return whether a file has been without a change for ``patience_s``."""
        return now_s - self._waiting[path].changed_s >= self._settings.patience_s

    def postpone(self, path: Path, now_s: float) -> None:
        """Make a file that could not be read, or not be recorded, due after its delay."""
        one = self._waiting[path]
        one.due_s = now_s + one.delay_s
        one.delay_s = min(2 * one.delay_s, self._settings.max_retry_s)

    def next_s(self) -> float:
        """Return the time at which the next file is due; infinity for an empty table."""
        return min((one.due_s for one in self._waiting.values()), default=math.inf)
