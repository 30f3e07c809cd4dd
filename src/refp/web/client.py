"""A client of the API that needs nothing but Python.

::

    client = Client("http://127.0.0.1:8421")
    for row in client.estimate(["image.tif"], tolerance_um=7.5):
        print(row["image"], row["delta_z_um"], row["verdict"])

    job = client.wait(client.define_planes(["sweep.zip"], title="Monday")["id"])
    for row in client.planes(job["id"])["planes"]:
        print(row["experiment"], row["exposure_ms"], row["refp_um"], row["refp_u_um"])
"""

import json
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import HTTPHandler, ProxyHandler, Request, build_opener

from refp.core.errors import RefpError

TIMEOUT_S = 300.0
AGAIN_S = 1.0
MOST_LOST = 30
"""After a connection was lost, the server may be starting again; so often it is tried."""
CHUNK = 1 << 20
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

    def define_planes(self, files: Sequence[str | Path], **options: object) -> dict[str, Any]:
        """Send sweeps, each a ZIP or TAR of a folder or an OME-TIFF, and define their planes.

        Parameters
        ----------
        files
            What to send; it is read as it goes, and may be larger than the memory.
        **options
            ``title``, ``operator``, ``instrument``, ``pattern``, ``pixel_size_um``,
            ``bead_diameter_um``, ``recipe``: as the API has them.

        Returns
        -------
        dict
            The job that does it; :meth:`wait` for it.

        Raises
        ------
        ApiError
            If the server refuses the files or an option.
        """
        job: dict[str, Any] = self._send(
            "/planes", {name: str(value) for name, value in options.items()}, files
        )
        return job

    def define_planes_there(self, paths: Sequence[str], **options: object) -> dict[str, Any]:
        """Define planes from sweeps on the server's machine; as :meth:`define_planes`."""
        job: dict[str, Any] = self._tell("/planes", {"paths": list(paths), **options})
        return job

    def planes(self, name: str) -> dict[str, Any]:
        """Return planes by the id of the job that defined them, with the rows of ``planes.csv``."""
        planes: dict[str, Any] = self._ask(f"/planes/{quote(name, safe='')}")
        return planes

    def all_planes(self) -> list[dict[str, Any]]:
        """Return all planes that were defined on the server, the newest first."""
        planes: list[dict[str, Any]] = self._ask("/planes")
        return planes

    def compare_planes(self, names: Sequence[str]) -> dict[str, Any]:
        """Return planes of several jobs, and their differences within each instrument."""
        query = urlencode({"ids": list(names)}, doseq=True)
        comparison: dict[str, Any] = self._ask(f"/planes/comparison?{query}")
        return comparison

    def planes_file(self, name: str, file: str) -> bytes:
        """Return a file of planes, such as ``planes.csv`` or ``pooled.npz``."""
        path = f"/planes/{quote(name, safe='')}/files/{quote(file, safe='')}"
        with self._open(path) as answer:
            content: bytes = answer.read()
        return content

    def jobs(self) -> list[dict[str, Any]]:
        """Return the server's jobs, the newest first."""
        jobs: list[dict[str, Any]] = self._ask("/jobs")
        return jobs

    def job(self, name: str) -> dict[str, Any]:
        """Return a job by its id."""
        job: dict[str, Any] = self._ask(f"/jobs/{quote(name, safe='')}")
        return job

    def cancel(self, name: str) -> dict[str, Any]:
        """End a job that has not ended, and return it."""
        job: dict[str, Any] = self._ask(f"/jobs/{quote(name, safe='')}/cancel", b"")
        return job

    def wait(
        self, name: str, progress: Callable[[dict[str, Any]], object] | None = None
    ) -> dict[str, Any]:
        """Wait for a job to end, over connections that break and servers that start again.

        Parameters
        ----------
        name
            Its id.
        progress
            Called with the job whenever there is news; its ``progress`` says how far it is.

        Returns
        -------
        dict
            The job; ``state`` says whether it is ``done``, ``failed`` or ``cancelled``.

        Raises
        ------
        ApiError
            If there is no such job.
        OSError
            If the server cannot be reached for a while.
        """
        n_lost = 0
        while True:
            try:
                for kind, told in self._events(f"/jobs/{quote(name, safe='')}/events"):
                    n_lost = 0
                    if kind == "end":
                        return told
                    if kind == "progress" and progress is not None:
                        progress(told)
            except (OSError, HTTPException):
                n_lost += 1
                if n_lost > MOST_LOST:
                    raise
            time.sleep(AGAIN_S)

    def _events(self, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield what the server sends: the kind of an event, and what it says."""
        with self._open(path) as answer:
            kind = ""
            for line in answer:
                name, _, value = line.decode().rstrip("\r\n").partition(": ")
                if name == "event":
                    kind = value
                elif name == "data":
                    yield kind, json.loads(value)

    def _tell(self, path: str, content: object) -> Any:
        return self._ask(path, json.dumps(content).encode(), "application/json")

    def _send(
        self, path: str, fields: dict[str, str], files: Sequence[str | Path], part: str = "files"
    ) -> Any:
        """Post a form with files, a piece after another."""
        boundary = secrets.token_hex(16)
        form = _Form(boundary, fields, [Path(file) for file in files], part)
        kind = f"multipart/form-data; boundary={boundary}"
        headers = {"content-type": kind, "content-length": str(form.n_bytes)}
        with self._open(path, form.pieces(), headers) as answer:
            return json.load(answer)

    def _ask(self, path: str, body: bytes | None = None, kind: str = "") -> Any:
        with self._open(path, body, {"content-type": kind} if kind else {}) as answer:
            return json.load(answer)

    def _open(
        self,
        path: str,
        body: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        address = f"{self._address}/api/v1{path}"
        request = Request(address, body, {**self._headers, **(headers or {})})  # noqa: S310  theirs
        try:
            return self._opener.open(request, timeout=TIMEOUT_S)
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


class _Form:
    """A multipart form: how long it is, and its pieces; files are read as they are sent."""

    def __init__(
        self, boundary: str, fields: dict[str, str], files: Sequence[Path], part: str
    ) -> None:
        self._head = b"".join(
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
            for name, value in fields.items()
        )
        self._files = [(_file_head(boundary, path, part), path) for path in files]
        self._end = f"--{boundary}--\r\n".encode()

    @property
    def n_bytes(self) -> int:
        """Length of the whole."""
        files = sum(len(head) + path.stat().st_size + 2 for head, path in self._files)
        return len(self._head) + files + len(self._end)

    def pieces(self) -> Iterator[bytes]:
        """Yield it."""
        yield self._head
        for head, path in self._files:
            yield head
            with path.open("rb") as file:
                while chunk := file.read(CHUNK):
                    yield chunk
            yield b"\r\n"
        yield self._end


def _file_head(boundary: str, path: Path, part: str) -> bytes:
    name = path.name.replace('"', "%22").replace("\r", "_").replace("\n", "_")
    return (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{part}"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    ).encode()
