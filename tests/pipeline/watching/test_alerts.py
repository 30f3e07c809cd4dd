"""Alerts: a command with an argument list, a webhook, and failures that are reported once."""

import json
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from refp.pipeline.watching.alerts import Alert, Alerts, senders
from refp.settings.watching import AlertSettings

ROW = {"image": "a.tif", "delta_z_um": float("nan"), "status": "refused"}
ECHO = "import json, sys; json.dump([sys.argv[2:], json.load(sys.stdin)], open(sys.argv[1], 'w'))"
LIMIT_S = 60.0


def sent(by_name: dict[str, Callable[[Alert], None]], *paths: str) -> tuple[Alerts, list[str]]:
    messages: list[str] = []
    alerts = Alerts(by_name, messages.append)
    for path in paths:
        alerts.add(["refused"], Path(path), ROW)
    alerts.close(LIMIT_S)
    return alerts, messages


def test_a_command_gets_causes_path_and_row(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    settings = AlertSettings(command=(sys.executable, "-c", ECHO, str(out)), timeout_s=LIMIT_S)
    name = "/data/a; rm -rf $(HOME) 'x'.tif"  # no shell reads it
    _, messages = sent(senders(settings), name)
    assert messages == []
    arguments, row = json.loads(out.read_text())
    assert arguments == ["refused", str(Path(name))]
    assert row == {**ROW, "delta_z_um": None, "causes": ["refused"], "path": str(Path(name))}


@pytest.fixture
def webhook() -> Iterator[tuple[str, list[bytes]]]:
    """A server that answers 200, at /no 500."""
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(500 if self.path == "/no" else 200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", bodies
        server.shutdown()
        thread.join()


def test_a_webhook_gets_the_same_object(webhook: tuple[str, list[bytes]]) -> None:
    address, bodies = webhook
    _, messages = sent(senders(AlertSettings(webhook=address)), "/a.tif")
    assert messages == []
    assert json.loads(bodies[0])["causes"] == ["refused"]
    alerts, messages = sent(senders(AlertSettings(webhook=f"{address}/no")), "/a.tif", "/b.tif")
    assert len(messages) == 1
    assert "Internal Server Error" in messages[0]
    assert sum(alerts.n_failed.values()) == 2


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (["no-such-program-of-refp"], "no-such-program-of-refp"),
        ([sys.executable, "-c", "raise SystemExit(4)"], "exit code 4"),
        ([sys.executable, "-c", "import time; time.sleep(60)"], "not ended in time"),
    ],
)
def test_failures_of_a_command_are_reported_once(command: list[str], reason: str) -> None:
    settings = AlertSettings(command=tuple(command), timeout_s=0.3 if "in time" in reason else 60)
    alerts, messages = sent(senders(settings), "/a.tif", "/b.tif")
    assert len(messages) == 1
    assert reason in messages[0]
    assert sum(alerts.n_failed.values()) == 2


def test_a_failure_after_a_success_is_reported_again() -> None:
    outcomes = iter([OSError("1"), OSError("2"), None, OSError("3")])

    def send(_: Alert) -> None:
        error = next(outcomes)
        if error is not None:
            raise error

    _, messages = sent({"x": send}, "/a", "/b", "/c", "/d")
    assert [message.split(": ")[2][0] for message in messages] == ["1", "3"]


def test_a_sender_that_hangs_does_not_block() -> None:
    wait = threading.Event()
    alerts = Alerts({"x": lambda _: wait.wait(LIMIT_S) and None}, print)
    for _ in range(1100):
        alerts.add(["fail"], Path("/a.tif"), ROW)
    assert 90 <= alerts.n_failed["dropped"] <= 100
    alerts.close(0.01)
    wait.set()


def test_without_senders_nothing_is_queued() -> None:
    alerts, messages = sent({}, "/a.tif")
    assert (messages, dict(alerts.n_failed), senders(AlertSettings())) == ([], {}, {})
