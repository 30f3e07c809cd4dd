"""Files that are answered, by path and stamp, kept over restarts so that they are not read again.

The history decides whether an image is recorded; this file only saves reading old images again.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path

from refp.core.digests import digest_json
from refp.core.files import to_json, write_bytes
from refp.pipeline.watching.settling import Stamp

FORMAT = 1
SAVE_S = 5.0
"""Shortest interval between two writes, s."""
MAX_LOAD = 0.02
"""Largest fraction of the time that writing a long file may take."""


def seen_file(home: Path, folder: Path, database: str) -> Path:
    """Return the file for a folder and a database, in ``watch`` of a home folder."""
    return home / "watch" / f"{digest_json([str(folder), database])[:16]}.json"


class Seen:
    """Stamps of the answered files of a folder.

    Parameters
    ----------
    path
        File to read, where it exists, and to write.
    folder
        The watched folder.
    is_recorded
        Returns whether the history has a record of an id; if it has not the last one of the file, the
        file is of another history and ignored.
    clock
        Monotonic clock, s.
    """

    def __init__(
        self,
        path: Path,
        folder: Path,
        is_recorded: Callable[[str], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path, self._folder, self._clock = path, folder, clock
        self._last_id = ""
        self._stamps: dict[str, Stamp] = {}
        self._due_s, self._changed = clock() + SAVE_S, False
        self.is_new = not self._load(is_recorded)

    def __len__(self) -> int:
        return len(self._stamps)

    def has(self, path: Path, stamp: Stamp) -> bool:
        """Return whether a file is answered and has not changed since."""
        return self._stamps.get(self._name(path)) == stamp

    def add(self, path: Path, stamp: Stamp, record_id: str = "") -> None:
        """Add an answered file, with the id of one of its records."""
        self._stamps[self._name(path)] = stamp
        self._last_id, self._changed = record_id or self._last_id, True

    def save_if_due(self) -> None:
        """Write the file if it changed and the last write is long enough ago."""
        if self._changed and self._clock() >= self._due_s:
            self.save()

    def save(self) -> None:
        """Write the file.

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        started_s = self._clock()
        files = {name: [one.size_bytes, one.mtime_ns] for name, one in self._stamps.items()}
        content = {
            "format": FORMAT,
            "folder": str(self._folder),
            "last_id": self._last_id,
            "files": files,
        }
        write_bytes(to_json(content).encode(), self._path)
        now_s, self._changed = self._clock(), False
        self._due_s = now_s + max(SAVE_S, (now_s - started_s) / MAX_LOAD)

    def _load(self, is_recorded: Callable[[str], bool]) -> bool:
        """Read the file; return whether there is one that belongs to the history."""
        try:
            content = json.loads(self._path.read_bytes())
            last_id = str(content["last_id"])
            stamps = {name: Stamp(*map(int, pair)) for name, pair in content["files"].items()}
            is_own = content["format"] == FORMAT and (not last_id or is_recorded(last_id))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return False
        if is_own:
            self._last_id, self._stamps = last_id, stamps
        return is_own

    def _name(self, path: Path) -> str:
        return path.relative_to(self._folder).as_posix()
