"""A client of the API that needs nothing but Python.

::

    client = Client("http://127.0.0.1:8421")
    for row in client.estimate(["image.tif"], tolerance_um=7.5):
        print(row["image"], row["delta_z_um"], row["verdict"])
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import HTTPHandler, ProxyHandler, Request, build_opener

from refp.errors import RefpError

TIMEOUT_S = 300.0
MOST_RECORDS = 1000
"""Appended by one request."""
Row = dict[str, Any]


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
        self,
        images: Sequence[str | Path],
        *,
        model: str = "",
        tolerance_um: float | None = None,
        operator: str = "",
    ) -> list[Row]:
        """Send images and return their rows, as ``refp estimate --json`` prints them.

        Raises
        ------
        ApiError
            If the server refuses the request as a whole.
        """
        tolerance = "" if tolerance_um is None else str(tolerance_um)
        fields = {"model": model, "tolerance_um": tolerance, "operator": operator}
        rows: list[Row] = self._send("/estimates", fields, images)["estimates"]
        return rows

    def estimate_there(
        self,
        paths: Sequence[str],
        *,
        model: str = "",
        tolerance_um: float | None = None,
        operator: str = "",
    ) -> list[Row]:
        """Estimate files on the server's machine; errors as of :meth:`estimate`."""
        asked = {"paths": list(paths), "model": model, "tolerance_um": tolerance_um}
        rows: list[Row] = self._tell("/estimates", {**asked, "operator": operator})["estimates"]
        return rows

    def history(self, **asked: object) -> list[Row]:
        """Return the newest records first; see ``GET /api/v1/history`` for what may be asked."""
        rows: list[Row] = self._ask(f"/history{_query(asked)}")
        return rows

    def record(self, records: Sequence[Mapping[str, object]]) -> int:
        """Append records, as :meth:`history` returns them; return how many were not there already."""
        parts = [records[k : k + MOST_RECORDS] for k in range(0, len(records), MOST_RECORDS)]
        return sum(self._tell("/history", list(part))["new"] for part in parts)

    def chart(self, instrument: str, **asked: object) -> Row:
        """Return a control chart; see ``GET /api/v1/history/chart`` for what may be asked."""
        chart: Row = self._ask(f"/history/chart{_query({'instrument': instrument, **asked})}")
        return chart

    def baselines(self, instrument: str = "") -> list[Row]:
        """Return frozen limits, in the order in which they were frozen."""
        rows: list[Row] = self._ask(f"/history/baselines{_query({'instrument': instrument})}")
        return rows

    def freeze(self, name: str, instrument: str, since: str, until: str, **given: object) -> Row:
        """Freeze limits from a period; ``quantity``, ``only`` and ``operator`` may be given."""
        period = {"name": name, "instrument": instrument, "since": since, "until": until}
        row: Row = self._tell("/history/baselines", {**period, **given})
        return row

    def annotate(self, text: str, instrument: str, *, at: str = "", operator: str = "") -> Row:
        """Note what happened to an instrument; return the record."""
        note = {"text": text, "instrument": instrument, "at": at, "operator": operator}
        row: Row = self._tell("/history/annotations", note)
        return row

    def correct(self, ids: Sequence[str], **given: object) -> list[Row]:
        """Correct or withdraw records; see ``POST /api/v1/history/corrections`` for what is given."""
        rows: list[Row] = self._tell("/history/corrections", {"ids": list(ids), **given})
        return rows

    def check(
        self, image: str | Path, *, model: str = "", instrument: str = "", operator: str = ""
    ) -> Row:
        """Do the daily check: return estimate, record, whether in control, and rules that fired."""
        fields = {"model": model, "instrument": instrument, "operator": operator}
        answer: Row = self._send("/history/checks", fields, [image])
        return answer

    def models(self, *, retired: bool = False) -> list[Row]:
        """Return the server's models, the default first, or those that are retired."""
        models: list[Row] = self._ask(f"/models?retired={str(retired).lower()}")
        return models

    def upload_model(self, path: str | Path, *, name: str = "") -> Row:
        """Send a model file, and return the model; one of the same content is kept once.

        Raises
        ------
        ApiError
            ``model_error`` where it is none, ``name_taken`` where another is called so.
        """
        model: Row = self._send("/models", {"name": name}, [path], "file")
        return model

    def train(self, planes: str, name: str, **settings: Any) -> Row:
        """Ask for a model trained on the sweeps that planes were defined from; return the job.

        ``settings`` are ``recipe``, ``family``, ``seed`` and ``operator``; errors as of
        :meth:`upload_model`.
        """
        job: Row = self._tell("/models/train", {"planes": planes, "name": name, **settings})
        return job

    def adapt(self, model: str, name: str, **data: Any) -> Row:
        """Ask for a model to be taken to another instrument; return the job.

        ``data`` are ``planes`` or ``paths``, ``refp_um``, what sweeps are of, and ``operator``; errors
        as of :meth:`upload_model`.
        """
        job: Row = self._tell("/models/adapt", {"model": model, "name": name, **data})
        return job

    def retire(self, file: str) -> Row:
        """Take a model out of use, by its file's name; return it."""
        model: Row = self._ask(f"/models/{quote(file, safe='')}/retire", b"")
        return model

    def restore(self, file: str) -> Row:
        """Take a retired model into use again; return it."""
        model: Row = self._ask(f"/models/{quote(file, safe='')}/restore", b"")
        return model

    def health(self) -> Row:
        """Return whether the server can estimate."""
        health: Row = self._ask("/health")
        return health

    def _send(
        self, path: str, fields: dict[str, str], files: Sequence[str | Path], part: str = "files"
    ) -> Any:
        boundary = secrets.token_hex(16)
        body = _multipart(boundary, fields, [Path(file) for file in files], part)
        return self._ask(path, body, f"multipart/form-data; boundary={boundary}")

    def _tell(self, path: str, content: object) -> Any:
        return self._ask(path, json.dumps(content).encode(), "application/json")

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


def _query(asked: Mapping[str, object]) -> str:
    given = {name: value for name, value in asked.items() if value not in ("", None)}
    return f"?{urlencode(given)}" if given else ""


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
