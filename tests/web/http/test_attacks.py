"""Hostile uploads: each gets a response, and a valid request after it succeeds."""

import asyncio
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from fastapi import Request
from fastapi.testclient import TestClient
from starlette.types import Message
from tests.web.bad_files import BAD_FILES, ODD_FILES, SCRIPT, SVG, Content, bytes_of
from tests.web.requests import ESTIMATES, LIMITS, png_bomb, send_form
from tests.web.server import Served

from refp.web import Client
from refp.web.http.problems import Problem
from refp.web.http.uploads import read_form


@pytest.fixture
def works(client: TestClient, good: tuple[str, bytes]) -> Iterator[None]:
    """Afterwards a good image is estimated."""
    yield
    (row,) = client.post(ESTIMATES, files={"files": good}).json()["estimates"]
    assert row["status"] == "ok"


@pytest.mark.usefixtures("works")
@pytest.mark.parametrize(
    ("name", "content", "message"),
    BAD_FILES,
)
def test_bad_file_is_refused(client: TestClient, name: str, content: Content, message: str) -> None:
    answer = client.post(ESTIMATES, files={"files": (name, bytes_of(content))})
    assert answer.status_code == 200
    (row,) = answer.json()["estimates"]
    assert (row["status"], row["image"]) == ("refused", Path(name).name)
    assert row["reason"].startswith("unreadable: ")
    assert message in row["reason"]
    assert "refp-" not in row["reason"]  # where uploads lie on the server


@pytest.mark.usefixtures("works")
@pytest.mark.parametrize(("name", "content"), ODD_FILES)
def test_odd_file_is_an_answer(client: TestClient, name: str, content: bytes) -> None:
    answer = client.post(ESTIMATES, files={"files": (name, content)})
    assert answer.status_code == 200
    assert {row["status"] for row in answer.json()["estimates"]} == {"refused"}
    assert "root:" not in answer.text  # of /etc/passwd


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (b"../../etc/a.tif", "a.tif"),
        (b"C:\\windows\\a.tif", "a.tif"),
        (b"/etc/", "etc"),
        (b"a\x1b[31m\x7f.tif", "a_[31m_.tif"),
        (b"a\x00.tif", "a_.tif"),
        ("a\u202egnp.tif".encode(), "a_gnp.tif"),
        (b"a" * 4000 + b".tif", "a" * 120),
        (b"..", "image"),
    ],
)
def test_name_is_only_a_name(client: TestClient, name: bytes, message: str) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="files"; filename="' + name
    body += b'"\r\n\r\nII*\x00\r\n--x--\r\n'
    kind = {"content-type": "multipart/form-data; boundary=x"}
    (row,) = client.post(ESTIMATES, content=body, headers=kind).json()["estimates"]
    assert row["image"] == message
    assert row["reason"].startswith(f"unreadable: {message}: ")


def test_bad_files_harm_no_other_request(served: Served, image_files: list[Path]) -> None:
    client = Client(served.address)
    alone = client.estimate([image_files[4]])
    files = [param.values for param in (*BAD_FILES, *ODD_FILES)]

    def attack(name: str, content: Content) -> int:
        sent = {"files": (name, bytes_of(content))}
        return httpx.post(f"{served.address}{ESTIMATES}", files=sent, timeout=300).status_code

    with ThreadPoolExecutor(8) as threads:
        attacks = [threads.submit(attack, *file[:2]) for file in files]
        others = [threads.submit(client.estimate, [image_files[4]]) for _ in files]
    assert [task.result() for task in others] == [alone] * len(files)
    assert {task.result() for task in attacks} == {200}


def test_bad_file_leaves_the_others(client: TestClient, good: tuple[str, bytes]) -> None:
    files = [("files", ("a.svg", SVG)), ("files", good), ("files", ("a.png", png_bomb(10_000)))]
    rows = client.post(ESTIMATES, files=files).json()["estimates"]
    assert [row["status"] for row in rows] == ["refused", "ok", "refused"]


def test_polyglot_is_only_ever_an_image(client: TestClient, blank: bytes) -> None:
    page = send_form(client, ("a.html", blank + SCRIPT))
    result = page.url.path
    assert page.status_code == 200
    for path in (f"{result}/0/image.png", f"{result}/0/overlay.png"):
        answer = client.get(path)
        assert answer.headers["content-type"] == "image/png"
        assert b"<script>" not in answer.content


def test_name_with_a_script_is_text(client: TestClient, good: tuple[str, bytes]) -> None:
    page = send_form(client, ("<img src=x onerror=alert(1)>.tif", good[1]))
    assert "<img src=x" not in page.text
    assert "&lt;img src=x" in page.text


@pytest.mark.usefixtures("works")
def test_too_large_by_its_header(served: Served) -> None:
    head = f"POST {ESTIMATES} HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\n"
    head += "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 1000000000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", served.port), timeout=60) as wire:
        wire.sendall(head.encode())  # and nothing of the gigabyte
        assert wire.recv(4096).startswith(b"HTTP/1.1 413 ")


@pytest.mark.usefixtures("works")
def test_too_large_without_a_header(client: TestClient) -> None:
    sent: list[int] = []

    def body() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.tif"\r\n\r\n'
        for k in range(12):
            sent.append(k)
            yield bytes(1_000_000)
        yield b"\r\n--x--\r\n"

    kind = {"content-type": "multipart/form-data; boundary=x"}
    answer = client.post(ESTIMATES, content=body(), headers=kind)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert "content-length" not in answer.request.headers
    json = client.post(
        ESTIMATES, content=bytes(2_000_000), headers={"content-type": "application/json"}
    )
    assert json.json()["code"] == "too_large"


def test_slow_upload_is_broken_off(tmp_path: Path) -> None:
    async def silence() -> Message:
        await asyncio.sleep(600)
        raise AssertionError

    headers = [(b"content-type", b"multipart/form-data; boundary=x")]
    request = Request({"type": "http", "method": "POST", "headers": headers}, silence)
    limits = LIMITS.model_copy(update={"upload_s": 0.05})
    with pytest.raises(Problem, match="send it again") as raised:
        asyncio.run(read_form(request, tmp_path, limits))
    assert raised.value.status == 408
