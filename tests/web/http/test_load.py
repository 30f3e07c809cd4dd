"""More than a server takes, over a real socket: it answers, and goes on."""

import hashlib
import json
import os
import select
import socket
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Barrier

import httpx
import pytest
from fastapi.testclient import TestClient
from tests.web.requests import BASE, ESTIMATES, LIMITS, File, form_token
from tests.web.server import Served, serve

from refp.web import ApiError, Client, WebSettings, create_app

GIGABYTE, MEGABYTE = 1_000_000_000, 1_000_000
PART = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.tif"\r\n\r\n'
END = b"\r\n--x--\r\n"
N_PARALLEL = 200
STATM = Path("/proc/self/statm")


@contextmanager
def request(served: Served, *headers: str) -> Iterator[socket.socket]:
    """Begin a form of one file; its content is still to be sent."""
    kind = "Content-Type: multipart/form-data; boundary=x"
    lines = [f"POST {ESTIMATES} HTTP/1.1", f"Host: 127.0.0.1:{served.port}", kind, *headers]
    with socket.create_connection(("127.0.0.1", served.port), timeout=60) as wire:
        wire.sendall("".join(f"{line}\r\n" for line in (*lines, "")).encode())
        yield wire


def answer_of(wire: socket.socket) -> tuple[int, dict[str, str]]:
    """Return status and problem of an answer."""
    text = b""
    while b"}" not in text:
        got = wire.recv(65536)
        assert got, text
        text += got
    head, _, body = text.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def memory() -> int:
    """Resident memory of the server, which is this process, bytes; 0 if unknown."""
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if STATM.exists() else 0


def as_it_is(block: bytes) -> bytes:
    return block


def as_chunk(block: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(block), block)


@pytest.mark.parametrize(
    ("header", "wrap"),
    [
        pytest.param(f"Content-Length: {GIGABYTE}", as_it_is, id="as its header says"),
        pytest.param("Transfer-Encoding: chunked", as_chunk, id="without saying so"),
    ],
)
def test_a_gigabyte(
    served: Served, image_files: list[Path], header: str, wrap: Callable[[bytes], bytes]
) -> None:
    block, sent, before, most = bytes(MEGABYTE), 0, memory(), 0
    with request(served, header) as wire:
        try:
            wire.sendall(wrap(PART))
            for _ in range(GIGABYTE // MEGABYTE):
                wire.sendall(wrap(block))
                sent, most = sent + MEGABYTE, max(most, memory())
        except ConnectionError:
            pass  # it has heard enough
        status, problem = answer_of(wire)
    assert (status, problem["code"]) == (413, "too_large")
    assert sent < 10 * LIMITS.upload_bytes  # buffered bytes count as sent
    assert most - before < 40 * MEGABYTE
    row = Client(served.address).estimate([image_files[4]])[0]
    assert row["status"] == "ok", row


def test_parallel_uploads(served: Served, image_files: list[Path]) -> None:
    client = Client(served.address)
    alone = [client.estimate([path])[0] for path in image_files]
    begin = Barrier(N_PARALLEL)

    def upload(k: int) -> int:
        path = image_files[k % len(alone)]
        begin.wait()
        files = {"files": (path.name, path.read_bytes())}
        answer = httpx.post(f"{served.address}{ESTIMATES}", files=files, timeout=300)
        if answer.status_code == 503:
            assert answer.json()["code"] == "busy"
            assert answer.headers["retry-after"] == "2"
        else:
            assert answer.json()["estimates"] == [alone[k % len(alone)]]
        return answer.status_code

    with ThreadPoolExecutor(N_PARALLEL) as threads:
        statuses = Counter(threads.map(upload, range(N_PARALLEL)))
    assert set(statuses) <= {200, 503}
    assert statuses[200] >= LIMITS.requests  # so many are accepted before one gets 503
    assert client.estimate([image_files[4]]) == [alone[4]]


def test_busy_is_heard_while_much_is_sent(
    settings: WebSettings, image_files: list[Path], tmp_path: Path
) -> None:
    large = tmp_path / "large.tif"
    large.write_bytes(bytes(LIMITS.upload_bytes - MEGABYTE))
    limits = LIMITS.model_copy(update={"requests": 1})
    image = image_files[4].read_bytes()
    length = len(PART) + len(image) + len(END)
    with serve(settings.model_copy(update={"limits": limits})) as served:
        client = Client(served.address)
        with request(served, f"Content-Length: {length}", "Connection: close") as wire:
            wire.sendall(PART + image[:1000])
            wait_until(lambda: is_busy(client, large))
            wire.sendall(image[1000:] + END)
            answer = b"".join(iter(lambda: wire.recv(65536), b""))
        assert b'"status":"ok"' in answer
        assert client.estimate([image_files[4]])[0]["status"] == "ok"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a reset may overtake the answer")
def test_too_much_is_heard_while_it_is_sent(served: Served, tmp_path: Path) -> None:
    large = tmp_path / "large.tif"
    large.write_bytes(bytes(8 * LIMITS.upload_bytes))
    for _ in range(5):
        with pytest.raises(ApiError, match="more than 8 MB") as refused:
            Client(served.address).estimate([large])
        assert refused.value.status == 413


def wait_until(happens: Callable[[], bool]) -> None:
    while not happens():
        pass


def is_busy(client: Client, path: Path) -> bool:
    try:
        client.estimate([path])
    except ApiError as error:
        return (error.status, error.code) == (503, "busy")
    return False


def test_client_stops_in_the_middle(served: Served, image_files: list[Path]) -> None:
    for _ in range(5):
        with request(served, "Content-Length: 1000000") as wire:
            wire.sendall(PART + bytes(100_000))
    assert Client(served.address).estimate([image_files[4]])[0]["status"] == "ok"


def test_a_byte_at_a_time(settings: WebSettings, image_files: list[Path]) -> None:
    limits = LIMITS.model_copy(update={"upload_s": 1.0})
    slow = settings.model_copy(update={"limits": limits})
    with serve(slow) as served, request(served, "Content-Length: 1000000") as wire:
        wire.sendall(PART)
        assert Client(served.address).estimate([image_files[4]])[0]["status"] == "ok"
        while not select.select([wire], [], [], 0.05)[0]:
            wire.sendall(b"x")
        status, problem = answer_of(wire)
    assert (status, problem["code"]) == (408, "upload_broken")


def test_nothing_piles_up(settings: WebSettings, good: File, tmp_path: Path) -> None:
    """Count of kept estimates; :mod:`benchmarks.speed.memory` measures their memory."""
    limits = LIMITS.model_copy(update={"results": 6})
    app = create_app(settings.model_copy(update={"limits": limits, "home": tmp_path}))
    kept = set()
    with TestClient(app, base_url=BASE, follow_redirects=False) as client:
        token = {"form_token": form_token(client)}
        for _ in range(25):
            files = [("files", good), ("files", good)]
            assert client.post("/estimate", data=token, files=files).status_code == 303
            assert client.post(ESTIMATES, files=files[:1]).status_code == 200
            assert list((tmp_path / "uploads").iterdir()) == []
            kept.add(app.state.engine.results.n_estimates)
        assert max(kept) == limits.results
    (image,) = (path for path in (tmp_path / "images").rglob("*") if path.is_file())
    assert (image.read_bytes(), image.stem) == (good[1], hashlib.sha256(good[1]).hexdigest())
