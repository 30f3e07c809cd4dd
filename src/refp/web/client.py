"""A client of the API that needs nothing but Python.

::

    client = Client("http://127.0.0.1:8421")
    for row in client.estimate(["image.tif"], tolerance_um=7.5):
        print(row["image"], row["delta_z_um"], row["verdict"])
"""

import json
import secrets
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPHandler, ProxyHandler, Request, build_opener

from refp.errors import RefpError

TIMEOUT_S = 300.0


class ApiError(RefpError):
    """What the server answered in place of a result.

    ``code`` is that of the problem, ``status`` that of HTTP.
    """

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.code = status, code


class _Connection(HTTPConnection):
    """Reads the answer of a server that had enough before all was sent."""

    def send(self, data: Any) -> None:
        try:
            super().send(data)
        except (BrokenPipeError, ConnectionResetError, ConnectionAbortedError):
            if self.sock is None:
                raise


class _Handler(HTTPHandler):
    def http_open(self, req: Request) -> HTTPResponse:
        return self.do_open(_Connection, req)


class Client:
    """Asks one server.

    Parameters
    ----------
    address
        Where it listens, such as ``http://127.0.0.1:8421``.
    token
        What it asks for, if it does.
    """

    def __init__(self, address: str, token: str = "") -> None:
        self._address = address.rstrip("/")
        self._headers = {"authorization": f"Bearer {token}"} if token else {}
        self._opener = build_opener(ProxyHandler({}), _Handler)  # the server is near

    def estimate(
        self, images: Sequence[str | Path], *, model: str = "", tolerance_um: float | None = None
    ) -> list[dict[str, Any]]:
        """Send images and return their rows, as ``refp estimate --json`` prints them.

        Raises
        ------
        ApiError
            If the server refuses the request as a whole.
        """
        fields = {"model": model, "tolerance_um": "" if tolerance_um is None else str(tolerance_um)}
        boundary = secrets.token_hex(16)
        body = _multipart(boundary, fields, [Path(image) for image in images])
        kind = f"multipart/form-data; boundary={boundary}"
        rows: list[dict[str, Any]] = self._ask("/estimates", body, kind)["estimates"]
        return rows

    def estimate_there(
        self, paths: Sequence[str], *, model: str = "", tolerance_um: float | None = None
    ) -> list[dict[str, Any]]:
        """Estimate files on the server's machine; errors as of :meth:`estimate`."""
        asked = {"paths": list(paths), "model": model, "tolerance_um": tolerance_um}
        body = json.dumps(asked).encode()
        rows: list[dict[str, Any]] = self._ask("/estimates", body, "application/json")["estimates"]
        return rows

    def models(self) -> list[dict[str, Any]]:
        """Return the server's models, the default first."""
        models: list[dict[str, Any]] = self._ask("/models")
        return models

    def health(self) -> dict[str, Any]:
        """Return whether the server can estimate."""
        health: dict[str, Any] = self._ask("/health")
        return health

    def _ask(self, path: str, body: bytes | None = None, kind: str = "") -> Any:
        headers = {**self._headers, **({"content-type": kind} if kind else {})}
        request = Request(f"{self._address}/api/v1{path}", body, headers)  # noqa: S310  the user's
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as answer:
                return json.load(answer)
        except HTTPError as error:
            with error:
                raise _api_error(error) from error


def _api_error(error: HTTPError) -> ApiError:
    try:
        problem = json.load(error)
        return ApiError(error.code, str(problem["code"]), str(problem["detail"]))
    except (ValueError, KeyError, TypeError):
        return ApiError(error.code, "not_refp", f"the answer is not one of refp: {error.reason}")


def _multipart(boundary: str, fields: dict[str, str], files: Sequence[Path]) -> bytes:
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    for path in files:
        name = path.name.replace('"', "%22").replace("\r", "_").replace("\n", "_")
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n'
        )
        parts += [f"{head}Content-Type: application/octet-stream\r\n\r\n".encode()]
        parts += [path.read_bytes(), b"\r\n"]
    return b"".join([*parts, f"--{boundary}--\r\n".encode()])
