"""``refp serve``: a process of its own, its client, and what it refuses to start with."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from refp.web.client import ApiError, Client

RunRefp = Callable[..., Any]
TOKEN = "0123456789abcdef-secret"


@pytest.fixture(scope="module")
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture(scope="module")
def process(
    lookup_model: Path, port: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator["subprocess.Popen[str]"]:
    token = tmp_path_factory.mktemp("token") / "token.txt"
    token.write_text(f"{TOKEN}\n")
    options = ["--model", lookup_model, "--port", port, "--token-file", token]
    command = [sys.executable, "-m", "refp", "serve", *map(str, options)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        yield process
        if process.poll() is None:
            process.kill()


def wait_for(address: str, process: "subprocess.Popen[str]") -> None:
    host, _, port = address.removeprefix("http://").partition(":")
    while process.poll() is None:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            continue
        return
    raise AssertionError(process.stderr.read() if process.stderr else "")


def test_server(
    process: "subprocess.Popen[str]",
    port: int,
    lookup_model: Path,
    image_files: list[Path],
    run_refp: RunRefp,
) -> None:
    address = f"http://127.0.0.1:{port}"
    wait_for(address, process)
    with pytest.raises(ApiError) as refused:
        Client(address).health()
    assert (refused.value.status, refused.value.code) == (401, "unauthorized")
    client = Client(address, TOKEN)
    assert client.health()["status"] == "ok"
    assert [model["file"] for model in client.models()] == [lookup_model.name]
    done = run_refp("estimate", lookup_model, image_files[4], "--tolerance-um", 7.5, "--json")
    assert client.estimate([image_files[4]], tolerance_um=7.5) == json.loads(done.stdout)
    with pytest.raises(ApiError, match="outside the folders") as outside:
        client.estimate_there([str(image_files[4])])
    assert outside.value.code == "outside_roots"
    if os.name == "posix":
        process.send_signal(signal.SIGINT)
        _, message = process.communicate(timeout=60)
        assert re.fullmatch(
            rf"refp: {address} for this machine only, with its token; Ctrl-C ends it\n", message
        )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param(["--host", "0.0.0.0"], "add --token-file", id="network without a token"),
        pytest.param(["--token-file", "none.txt"], "cannot be read", id="no token file"),
        pytest.param(["--token-file", "short.txt"], "shorter than 16", id="short token"),
        pytest.param(["--model", "none.refp"], "no such model file", id="no model file"),
        pytest.param(["--models", "none"], "no such folder", id="no models folder"),
        pytest.param(["--root", "none"], "no such folder", id="no root"),
        pytest.param(["--home", "short.txt"], "cannot be created", id="home is a file"),
        pytest.param(["--tolerance-um", "0"], "--tolerance-um", id="no tolerance"),
        pytest.param(["--port", "0"], "--port", id="no port"),
    ],
)
def test_refused_at_the_start(
    run_refp: RunRefp,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("short.txt").write_text("xyzzy")
    done = run_refp("serve", *options)
    assert (done.code, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert message in done.stderr
    assert "xyzzy" not in done.stderr


def test_missing_extra_is_named(run_refp: RunRefp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "refp.web.serve", raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    done = run_refp("serve")
    assert done.code == 2
    assert "'refp[web]'" in done.stderr


def test_first_page_needs_no_science(run_python: Callable[[str], str]) -> None:
    loaded = "{'numpy', 'torch', 'numba'} & set(sys.modules)"
    code = f"import sys, refp.web; refp.web.create_app; print({loaded})"
    assert run_python(code) == "set()\n"


def test_a_port_in_use_is_one_line(tmp_path: Path, run_process: Callable[..., Any]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = run_process("serve", "--port", port, "--home", tmp_path)
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert f"--port {port}: address already in use; choose another port" in done.stderr
