"""A client of the API that needs nothing but Python.

::

    client = Client("http://127.0.0.1:8421")
    for row in client.estimate(["image.tif"], tolerance_um=7.5):
        print(row["image"], row["delta_z_um"], row["verdict"])
"""

import json
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import ProxyHandler, Request, build_opener

from refp.errors import RefpError

TIMEOUT_S = 300.0


class ApiError(RefpError):
    """What the server answered in place of a result.

    ``code`` is that of the problem, ``status`` that of HTTP.
    """

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.code = status, code


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
        self._opener = build_opener(ProxyHandler({}))  # the server is near

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

    def models(self, *, retired: bool = False) -> list[dict[str, Any]]:
        """Return the server's models, the default first, or those that are retired."""
        models: list[dict[str, Any]] = self._ask(f"/models?retired={str(retired).lower()}")
        return models

    def upload_model(self, path: str | Path, *, name: str = "") -> dict[str, Any]:
        """Send a model file, and return the model; one of the same content is kept once.

        Raises
        ------
        ApiError
            ``model_error`` where it is none, ``name_taken`` where another is called so.
        """
        boundary = secrets.token_hex(16)
        body = _multipart(boundary, {"name": name}, [Path(path)], "file")
        return self._ask_for("/models", body, f"multipart/form-data; boundary={boundary}")

    def train(self, planes: str, name: str, **settings: Any) -> dict[str, Any]:
        """Ask for a model trained on the sweeps that planes were defined from; return the job.

        ``settings`` are ``recipe``, ``family``, ``seed`` and ``operator``; errors as of
        :meth:`upload_model`.
        """
        return self._ask_json("/models/train", {"planes": planes, "name": name, **settings})

    def adapt(self, model: str, name: str, **data: Any) -> dict[str, Any]:
        """Ask for a model to be taken to another instrument; return the job.

        ``data`` are ``planes`` or ``paths``, ``refp_um``, what sweeps are of, and ``operator``; errors
        as of :meth:`upload_model`.
        """
        return self._ask_json("/models/adapt", {"model": model, "name": name, **data})

    def retire(self, file: str) -> dict[str, Any]:
        """Take a model out of use, by its file's name; return it."""
        return self._ask_for(f"/models/{quote(file, safe='')}/retire", b"")

    def restore(self, file: str) -> dict[str, Any]:
        """Take a retired model into use again; return it."""
        return self._ask_for(f"/models/{quote(file, safe='')}/restore", b"")

    def health(self) -> dict[str, Any]:
        """Return whether the server can estimate."""
        health: dict[str, Any] = self._ask("/health")
        return health

    def _ask_json(self, path: str, asked: dict[str, Any]) -> dict[str, Any]:
        return self._ask_for(path, json.dumps(asked).encode(), "application/json")

    def _ask_for(self, path: str, body: bytes | None = None, kind: str = "") -> dict[str, Any]:
        answer: dict[str, Any] = self._ask(path, body, kind)
        return answer

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


def _multipart(
    boundary: str, fields: dict[str, str], files: Sequence[Path], part: str = "files"
) -> bytes:
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    for path in files:
        name = path.name.replace('"', "%22").replace("\r", "_").replace("\n", "_")
        about = f'form-data; name="{part}"; filename="{name}"'
        head = f"--{boundary}\r\nContent-Disposition: {about}\r\n"
        parts += [f"{head}Content-Type: application/octet-stream\r\n\r\n".encode()]
        parts += [path.read_bytes(), b"\r\n"]
    return b"".join([*parts, f"--{boundary}--\r\n".encode()])
