"""An app behind a socket of this process, and ``refp serve`` as a process of its own."""

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import uvicorn

from refp.web import WebSettings, create_app
from refp.web.client import Client

POLL_S = 0.05
LONGEST = 6000
"""Questions asked at most while waiting; each takes a while to be answered."""


class Served(NamedTuple):
    """A server that listens on a port."""

    port: int
    address: str


@contextmanager
def serve(settings: WebSettings) -> Iterator[Served]:
    """Put an app behind a real socket."""
    config = uvicorn.Config(create_app(settings), host="127.0.0.1", port=0, log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        threading.Event().wait(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Served(port, f"http://127.0.0.1:{port}")
    finally:
        server.should_exit = True
        thread.join(30)
    assert not thread.is_alive()


class Server:
    """``refp serve`` in a process of its own."""

    def __init__(self, home: Path, *options: object) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        given = ("--home", home, "--port", port, *options)
        command = [sys.executable, "-m", "refp", "serve", *map(str, given)]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self.address = f"http://127.0.0.1:{port}"
        self.client = Client(self.address)
        while True:
            try:
                self.client.health()
            except OSError:
                assert self.process.poll() is None, self.process.communicate()[1]
                time.sleep(POLL_S)
                continue
            return

    def request(self, path: str, body: dict[str, Any] | None = None) -> Any:
        return self.client._get(path) if body is None else self.client._post(path, body)

    def wait(self, job: str, is_so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        for _ in range(LONGEST):
            found: dict[str, Any] = self.request(f"/jobs/{job}")
            if is_so(found):
                return found
            time.sleep(POLL_S)
        raise AssertionError(found)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stderr
        self.process.stderr.close()


@contextmanager
def start_server(home: Path, *options: object) -> Iterator[Server]:
    """Start a server that ends with the block."""
    server = Server(home, *options)
    try:
        yield server
    finally:
        server.kill()
