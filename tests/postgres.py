"""A PostgreSQL server that the tests start, if its programs are installed."""

import os
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

SERVER_USER = "postgres"


def _find_server() -> Path | None:
    """The folder of PostgreSQL's programs; Debian does not put it into PATH."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    return max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)


def _as_server(*command: str) -> list[str]:
    """Return a command that runs as a user who may run the server, which root may not."""
    if _is_root():
        return ["runuser", "-u", SERVER_USER, "--", *command]
    return list(command)


def _is_root() -> bool:
    return os.name == "posix" and os.geteuid() == 0


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _run(*command: str) -> None:
    # The server inherits open files: with pipes this would wait for its end.
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(
            _as_server(*command), stdout=output, stderr=output, cwd="/", timeout=120, check=False
        )
        output.seek(0)
        if done.returncode:
            pytest.skip(f"no PostgreSQL: {command[0]}: {output.read().decode()[-300:]}")


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """URL of a PostgreSQL server for the tests, without the name of a database."""
    pytest.importorskip("psycopg", reason="PostgreSQL needs extra 'postgres'")
    programs = _find_server()
    if programs is None or not (programs / "initdb").exists():
        pytest.skip("PostgreSQL's server is not installed (Debian: postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="refp-pg-"))  # a socket's path must be short
    try:
        if _is_root():
            shutil.chown(folder, SERVER_USER)
        data, port = str(folder / "data"), _free_port()
        _run(str(programs / "initdb"), "-D", data, "-U", "refp", "-A", "trust", "--no-sync")
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        control = (str(programs / "pg_ctl"), "-D", data, "-w", "-l", str(folder / "log"))
        _run(*control, "-o", options, "start")
        try:
            yield f"postgresql://refp@127.0.0.1:{port}/"
        finally:
            _run(*control, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgresql(postgresql_server: str) -> str:
    """A new database of the server."""
    import psycopg

    name = f"h{uuid.uuid4().hex}"
    with psycopg.connect(f"{postgresql_server}postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return postgresql_server + name
