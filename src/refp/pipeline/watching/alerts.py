"""Alerts: a command and a webhook, run in a thread so that they never delay an estimate."""

import http.client
import queue
import subprocess
import threading
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from refp.core.files import to_json
from refp.estimate.rows import Row
from refp.settings.watching import AlertSettings

MAX_QUEUED = 1000
"""Alerts that wait; further ones are dropped."""
FAILURES = (OSError, ValueError, subprocess.SubprocessError, http.client.HTTPException)


@dataclass(frozen=True, slots=True)
class Alert:
    """An image that fails, is refused, or shows drift.

    Attributes
    ----------
    causes
        ``fail``, ``refused``, and the control rules that fired.
    path
        The image file.
    row
        Its row, as ``refp watch --json`` prints it.
    """

    causes: tuple[str, ...]
    path: Path
    row: Row

    def as_json(self) -> str:
        """Return the alert as a JSON object: ``causes``, ``path``, and the row."""
        return to_json({"causes": self.causes, "path": str(self.path), **self.row})


Send = Callable[[Alert], None]
"""Sends an alert; raises OSError, or an error of subprocess, if that fails."""


def senders(settings: AlertSettings) -> dict[str, Send]:
    """Return the functions that send an alert, by the name for messages; none without settings."""
    made: dict[str, Send] = {}
    if settings.command:
        made[f"command {settings.command[0]}"] = lambda alert: _run(alert, settings)
    if settings.webhook:
        made[f"webhook {settings.webhook}"] = lambda alert: _post(alert, settings)
    return made


def _run(alert: Alert, settings: AlertSettings) -> None:
    # The path is absolute, so that no name of a file is taken for an option.
    command = [*settings.command, ",".join(alert.causes), str(alert.path)]
    subprocess.run(  # noqa: S603  an argument list as given by the user, without a shell
        command,
        input=alert.as_json().encode(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=settings.timeout_s,
        check=True,
        start_new_session=True,  # Ctrl-C on the terminal ends the watch, not the command
    )


def _post(alert: Alert, settings: AlertSettings) -> None:
    request = urllib.request.Request(  # noqa: S310  http or https, by the settings
        settings.webhook,
        data=alert.as_json().encode(),
        headers={"content-type": "application/json"},
    )
    urllib.request.urlopen(request, timeout=settings.timeout_s).close()  # noqa: S310


class Alerts:
    """Queue of alerts, and the thread that sends them in order.

    A failure of each sender is reported when it begins, not again until the sender has succeeded.

    Parameters
    ----------
    by_name
        Senders by name.
    report
        Called with messages.
    """

    def __init__(self, by_name: dict[str, Send], report: Callable[[str], None]) -> None:
        self._senders, self._report = by_name, report
        self._failing: set[str] = set()
        self.n_failed: Counter[str] = Counter()
        self._queue: queue.Queue[Alert | None] = queue.Queue(MAX_QUEUED)
        self._thread = threading.Thread(target=self._send_all, daemon=True)
        if by_name:
            self._thread.start()

    def add(self, causes: Sequence[str], path: Path, row: Row) -> None:
        """Queue an alert; drop it, with a count, if too many wait."""
        if not self._senders:
            return
        try:
            self._queue.put_nowait(Alert(tuple(causes), path, row))
        except queue.Full:
            self.n_failed["dropped"] += 1

    def close(self, timeout_s: float) -> None:
        """Send the waiting alerts, for at most ``timeout_s``."""
        if self._thread.is_alive():
            with suppress(queue.Full):
                self._queue.put_nowait(None)
            self._thread.join(timeout_s)

    def _send_all(self) -> None:
        while (alert := self._queue.get()) is not None:
            for name, send in self._senders.items():
                self._send(name, send, alert)

    def _send(self, name: str, send: Send, alert: Alert) -> None:
        try:
            send(alert)
        except FAILURES as error:
            self.n_failed[name] += 1
            if name not in self._failing:
                self._failing.add(name)
                self._report(
                    f"alert: {name} failed: {_reason(error)}; further failures are counted"
                )
        else:
            self._failing.discard(name)


def _reason(error: Exception) -> str:
    if isinstance(error, subprocess.TimeoutExpired):
        return "not ended in time"
    if isinstance(error, subprocess.CalledProcessError):
        return f"exit code {error.returncode}"
    if isinstance(error, urllib.error.URLError):
        return str(error.reason)
    return str(error)
