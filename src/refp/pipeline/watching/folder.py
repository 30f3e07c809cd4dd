"""A watched folder: which of its files are new or have changed, and are at rest."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from refp.core.errors import OutputError
from refp.pipeline.watching.changes import Changes, NoNotifications
from refp.pipeline.watching.listing import image_of, list_stamps, stamp_of
from refp.pipeline.watching.seen import Seen
from refp.pipeline.watching.settling import Settling, Stamp
from refp.settings.watching import WatchSettings

MAX_WAIT_S = 0.5
"""Longest wait for changes; Ctrl-C on Windows acts after it."""
AWAY_S = 1.0
"""Interval at which a folder that is gone is looked for, s."""
MAX_SCANNING = 0.05
"""Largest fraction of the time that listing the folder may take."""
Message = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Functions by which a watch reaches the machine; tests replace them.

    Attributes
    ----------
    connect
        Returns the source of changes of the folder, which exists.
    message
        Called with remarks about files and the folder.
    clock, sleep
        Monotonic clock, s, and a function that waits.
    """

    connect: Callable[[], Changes]
    message: Message
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


class WatchedFolder:
    """Files of a folder that are not answered yet.

    Parameters
    ----------
    folder
        Absolute path of the folder.
    seen
        Files that are answered.
    settings
        Times.
    surroundings
        Source of changes, messages and clock.
    """

    def __init__(
        self, folder: Path, seen: Seen, settings: WatchSettings, surroundings: Surroundings
    ) -> None:
        self.path = folder
        self._seen, self._settings, self._surroundings = seen, settings, surroundings
        self._settling = Settling(settings)
        self._changes: Changes = NoNotifications(surroundings.sleep)
        self._root: tuple[int, int] | None = None
        self._scan_due_s = surroundings.clock()
        self._noted: dict[Path, str] = {}

    def start(self, *, skip_existing: bool = False) -> int:
        """List the folder for the first time; return the number of files that are not answered yet.

        Parameters
        ----------
        skip_existing
            Whether to take all files as answered, if the folder was never watched before.

        Raises
        ------
        OutputError
            If the list of answered files cannot be written.
        """
        if self._seen.is_new:
            if skip_existing:
                for path, stamp in list_stamps(self.path):
                    self._seen.add(path, stamp)
            self._seen.save()
        self._scan()
        return len(self._settling)

    def close(self) -> None:
        """End the notifications, and write the list of answered files."""
        self._changes.close()
        with suppress(OutputError):  # the history has every record
            self._seen.save()

    def due(self, most: int) -> list[tuple[Path, Stamp]]:
        """Return files at rest with their stamps, at most ``most``."""
        clock = self._surroundings.clock
        if clock() >= self._scan_due_s:
            self._scan()
        with suppress(OutputError):  # written again later
            self._seen.save_if_due()
        files = []
        for path in self._settling.due(clock(), most):
            stamp = stamp_of(path)
            if stamp is None:
                self._settling.forget(path)
            elif self._settling.is_at_rest(path, stamp, clock()):
                files.append((path, stamp))
        return files

    def wait(self) -> None:
        """Wait until a file may be due or the folder changes, at most half a second."""
        next_s = min(self._settling.next_s(), self._scan_due_s)
        timeout_s = min(max(next_s - self._surroundings.clock(), 0.0), MAX_WAIT_S)
        for path in self._changes.wait(timeout_s):
            self._look_at(path)

    def finish(self, path: Path, stamp: Stamp, record_id: str) -> None:
        """Take a file with this stamp as answered."""
        self._seen.add(path, stamp, record_id)
        self._settling.forget(path)
        self._noted.pop(path, None)

    def forget(self, path: Path) -> None:
        """Remove a file that is gone."""
        self._settling.forget(path)

    def postpone(self, paths: Sequence[Path]) -> None:
        """Make those of the files that are not answered due later."""
        for path in paths:
            if path in self._settling:
                self._settling.postpone(path, self._surroundings.clock())

    def is_abandoned(self, path: Path) -> bool:
        """Return whether a file has been without a change for so long that it is not being written."""
        return self._settling.is_abandoned(path, self._surroundings.clock())

    def note(self, path: Path, text: str) -> None:
        """Send a message about a path, unless it was the last one about it."""
        if self._noted.get(path) != text:
            self._noted[path] = text
            self._surroundings.message(text)

    def _look_at(self, path: Path) -> None:
        """Take note of a changed path; of a new folder, all its images."""
        image = image_of(path, self.path)
        if image is None:
            return
        stamp = stamp_of(image)
        if stamp is not None:
            self._observe(image, stamp)
        elif image.is_dir():
            with suppress(OSError):  # it is gone again
                for below, its_stamp in list_stamps(image):
                    self._observe(below, its_stamp)
        else:
            self._settling.forget(image)

    def _observe(self, path: Path, stamp: Stamp) -> None:
        if self._seen.has(path, stamp):
            self._settling.forget(path)
        else:
            self._settling.observe(path, stamp, self._surroundings.clock())

    def _scan(self) -> None:
        """List the folder, which finds every change of which no notification came."""
        started_s = self._surroundings.clock()
        try:
            self._connect()
            stamps = dict(list_stamps(self.path))
        except OSError as error:
            self._disconnect(error.strerror or str(error))
            return
        for path, stamp in stamps.items():
            self._observe(path, stamp)
        for path in self._settling.paths:
            if path not in stamps:
                self._settling.forget(path)
        now_s = self._surroundings.clock()
        pause_s = self._settings.poll_s or self._settings.scan_s
        self._scan_due_s = now_s + max(pause_s, (now_s - started_s) / MAX_SCANNING)

    def _connect(self) -> None:
        """Connect the source of changes, anew if another folder is at the path."""
        found = self.path.stat()
        root = found.st_dev, found.st_ino
        if root == self._root:
            return
        if self._noted.pop(self.path, None):
            self._surroundings.message(f"{self.path}: found again")
        self._changes.close()
        self._changes = self._surroundings.connect()
        self._root = root

    def _disconnect(self, reason: str) -> None:
        self.note(self.path, f"{self.path}: {reason}; waiting for it")
        self._changes.close()
        self._changes, self._root = NoNotifications(self._surroundings.sleep), None
        self._scan_due_s = self._surroundings.clock() + AWAY_S
