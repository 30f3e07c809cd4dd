"""Sources of changes below a folder: notifications of the system, or none."""

import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from refp.core.errors import MissingExtraError

GROUP_MS, QUIET_MS = 100, 20
"""Longest time over which changes are grouped, and the pause that ends a group."""
CHECK_MS = 500
"""Interval at which the thread of notifications checks whether it should end."""


class Changes(Protocol):
    """Paths below a folder that may have changed."""

    def wait(self, timeout_s: float) -> set[Path]:
        """Return changed paths, as soon as there are any; none after ``timeout_s``."""
        ...

    def close(self) -> None:
        """End."""
        ...


class NoNotifications:
    """For folders that send no notifications: changes are found by listing the folder.

    Parameters
    ----------
    sleep
        Waits for a time in s.
    """

    def __init__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        self._sleep = sleep

    def wait(self, timeout_s: float) -> set[Path]:
        """Wait."""
        self._sleep(timeout_s)
        return set()

    def close(self) -> None:
        """Do nothing."""


class Notifications:
    """Notifications of the system, by watchfiles, which a thread collects.

    The system may omit some: of too many at once, of new folders, and of network folders. A listing of
    the folder now and then finds those images.

    Parameters
    ----------
    folder
        Folder that exists.
    report
        Called with the reason, once, if the system gives no notifications.

    Raises
    ------
    MissingExtraError
        If watchfiles is not installed.
    """

    def __init__(self, folder: Path, report: Callable[[str], None]) -> None:
        try:
            from watchfiles import watch
        except ModuleNotFoundError as error:
            raise MissingExtraError("watchfiles", "watch", "notification of new images") from error
        self._watch = watch
        self._stop = threading.Event()
        self._found: queue.SimpleQueue[set[Path]] = queue.SimpleQueue()
        self._report = report
        self._thread = threading.Thread(target=self._collect, args=(folder,), daemon=True)
        self._thread.start()

    def wait(self, timeout_s: float) -> set[Path]:
        """Return all changes that have been collected, or the next ones."""
        changed: set[Path] = set()
        with suppress(queue.Empty):
            changed |= self._found.get(timeout=timeout_s)
            while True:
                changed |= self._found.get_nowait()
        return changed

    def close(self) -> None:
        """End the thread."""
        self._stop.set()
        self._thread.join()

    def _collect(self, folder: Path) -> None:
        try:
            for changes in self._watch(
                folder,
                watch_filter=None,
                debounce=GROUP_MS,
                step=QUIET_MS,
                rust_timeout=CHECK_MS,
                yield_on_timeout=True,
                stop_event=self._stop,
                raise_interrupt=False,
                ignore_permission_denied=True,
            ):
                if changes:
                    self._found.put({Path(path) for _, path in changes})
        except (
            OSError,
            RuntimeError,
        ) as error:  # the folder is gone, or the system has no more watches
            self._report(f"no notifications from {folder} ({error}); it is listed instead")
