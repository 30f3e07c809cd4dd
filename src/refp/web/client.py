"""A client of the API.

::

    client = Client("http://127.0.0.1:8421")
    for row in client.estimate(["image.tif"], tolerance_um=7.5):
        print(row["image"], row["delta_z_um"], row["verdict"])

    job = client.wait(client.define_planes(["sweep.zip"], title="Monday")["id"])
    for row in client.planes(job["id"])["planes"]:
        print(row["experiment"], row["exposure_ms"], row["refp_um"], row["refp_u_um"])
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from refp.core.errors import MissingExtraError, RefpError

try:
    import httpx
except ModuleNotFoundError as error:
    raise MissingExtraError("httpx", "web", "the client") from error

TIMEOUT_S = 300.0
RETRY_S = 1.0
MAX_RETRIES = 30
"""Attempts to reconnect after a lost connection, while the server may be restarting."""
MAX_RECORDS = 1000
"""Records of one request."""
JSON = {"content-type": "application/json"}
Row = dict[str, Any]


class ApiError(RefpError):
    """An error response of the server.

    ``code`` is the code of the problem, ``status`` the HTTP status.
    """

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.code = status, code


class Client:
    """Client of one server.

    Parameters
    ----------
    address
        Address of the server, such as ``http://127.0.0.1:8421``.
    token
        Token of the server, where it requires one.
    """

    def __init__(self, address: str, token: str = "") -> None:
        self._http = httpx.Client(
            base_url=f"{address.rstrip('/')}/api/v1",
            headers={"authorization": f"Bearer {token}"} if token else {},
            timeout=TIMEOUT_S,
            # A restarted server does not respond on a connection that was kept.
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
            follow_redirects=True,
            trust_env=False,  # no proxy: the server is on the local network
        )

    def estimate(
        self,
        images: Sequence[str | Path],
        *,
        model: str = "",
        tolerance_um: float | None = None,
        operator: str = "",
        serial: str = "",
    ) -> list[Row]:
        """Send images and return their rows, as ``refp estimate --json`` prints them.

        Raises
        ------
        ApiError
            If the server refuses the request as a whole.
        """
        tolerance = "" if tolerance_um is None else str(tolerance_um)
        fields = {"model": model, "tolerance_um": tolerance, "operator": operator}
        fields |= {"serial": serial} if serial else {}
        return self._post_form("/estimates", fields, images)["estimates"]

    def estimate_there(
        self,
        paths: Sequence[str],
        *,
        model: str = "",
        tolerance_um: float | None = None,
        operator: str = "",
        serial: str = "",
    ) -> list[Row]:
        """Estimate files on the server's machine; errors as of :meth:`estimate`."""
        query = {"paths": list(paths), "model": model, "tolerance_um": tolerance_um}
        by = {"operator": operator, "serial": serial}
        return self._post("/estimates", {**query, **by})["estimates"]

    def history(self, **query: object) -> list[Row]:
        """Return the newest records first; ``GET /api/v1/history`` lists the parameters."""
        return self._get("/history", query)

    def record(self, records: Sequence[Mapping[str, object]]) -> int:
        """Append records, as :meth:`history` returns them; return the number of new ones."""
        parts = [records[k : k + MAX_RECORDS] for k in range(0, len(records), MAX_RECORDS)]
        return sum(self._post("/history", list(part))["new"] for part in parts)

    def chart(self, instrument: str, **query: object) -> Row:
        """Return a control chart; ``GET /api/v1/history/chart`` lists the parameters."""
        return self._get("/history/chart", {"instrument": instrument, **query})

    def baselines(self, instrument: str = "") -> list[Row]:
        """Return frozen limits in the order of freezing."""
        return self._get("/history/baselines", {"instrument": instrument})

    def freeze(self, name: str, instrument: str, since: str, until: str, **given: object) -> Row:
        """Freeze limits from a period; options are ``quantity``, ``series`` and ``operator``."""
        period = {"name": name, "instrument": instrument, "since": since, "until": until}
        return self._post("/history/baselines", {**period, **given})

    def annotate(self, text: str, instrument: str, *, at: str = "", operator: str = "") -> Row:
        """Append a note about an instrument; return the record."""
        note = {"text": text, "instrument": instrument, "at": at, "operator": operator}
        return self._post("/history/annotations", note)

    def correct(self, ids: Sequence[str], **given: object) -> list[Row]:
        """Correct or withdraw records; ``POST /api/v1/history/corrections`` lists the fields."""
        return self._post("/history/corrections", {"ids": list(ids), **given})

    def check(
        self, image: str | Path, *, model: str = "", instrument: str = "", operator: str = ""
    ) -> Row:
        """Run the daily check: return estimate, record, ``in_control`` and the rules that fired."""
        fields = {"model": model, "instrument": instrument, "operator": operator}
        return self._post_form("/history/checks", fields, [image])

    def models(self, *, retired: bool = False) -> list[Row]:
        """Return the models in use, the default first, or the retired models."""
        return self._get("/models", {"retired": retired})

    def upload_model(self, path: str | Path, *, name: str = "") -> Row:
        """Upload a model file and return the model; the server stores the same content once.

        Raises
        ------
        ApiError
            ``model_error`` if the file is no model, ``name_taken`` if another model has the name.
        """
        return self._post_form("/models", {"name": name}, [path], "file")

    def train(self, planes: str, name: str, **settings: Any) -> Row:
        """Queue the training of a model on the sweeps of defined planes; return the job.

        ``settings`` are ``recipe``, ``family``, ``seed`` and ``operator``; errors as of
        :meth:`upload_model`.
        """
        return self._post("/models/train", {"planes": planes, "name": name, **settings})

    def adapt(self, model: str, name: str, **data: Any) -> Row:
        """Queue the adaptation of a model to another instrument; return the job.

        ``data`` are ``planes`` or ``paths``, ``refp_um``, the options of :meth:`define_planes`, and
        ``operator``; errors as of :meth:`upload_model`.
        """
        return self._post("/models/adapt", {"model": model, "name": name, **data})

    def make_default(self, file: str) -> Row:
        """Use a model if no model is named, by its file name; return it."""
        return self._post(f"/models/{quote(file, safe='')}/default")

    def retire(self, file: str) -> Row:
        """Retire a model by its file name; return it."""
        return self._post(f"/models/{quote(file, safe='')}/retire")

    def restore(self, file: str) -> Row:
        """Restore a retired model by its file name; return it."""
        return self._post(f"/models/{quote(file, safe='')}/restore")

    def health(self) -> Row:
        """Return the state of the server: status, version, number of models."""
        return self._get("/health")

    def define_planes(self, files: Sequence[str | Path], **options: object) -> Row:
        """Upload sweeps, each a ZIP or TAR of a folder or an OME-TIFF, and define their planes.

        Parameters
        ----------
        files
            Files to upload; they are streamed and may be larger than the memory.
        **options
            ``title``, ``operator``, ``instrument``, ``pattern``, ``pixel_size_um``,
            ``bead_diameter_um``, ``recipe``, as in the API.

        Returns
        -------
        dict
            The queued job; :meth:`wait` for its end.

        Raises
        ------
        ApiError
            If the server refuses the files or an option.
        """
        fields = {"title": "", **{name: str(value) for name, value in options.items()}}
        return self._post_form("/planes", fields, files)

    def define_planes_there(self, paths: Sequence[str], **options: object) -> Row:
        """Define planes from sweeps on the server's machine; as :meth:`define_planes`."""
        return self._post("/planes", {"paths": list(paths), **options})

    def planes(self, name: str) -> Row:
        """Return planes by the id of the job that defined them, with the rows of ``planes.csv``."""
        return self._get(f"/planes/{quote(name, safe='')}")

    def all_planes(self) -> list[Row]:
        """Return all planes defined on the server, the newest first."""
        return self._get("/planes")

    def compare_planes(self, names: Sequence[str]) -> Row:
        """Return planes of several jobs, and their differences within each instrument."""
        return self._get("/planes/comparison", {"ids": list(names)})

    def planes_file(self, name: str, file: str) -> bytes:
        """Return a file of planes, such as ``planes.csv`` or ``pooled.npz``."""
        path = f"/planes/{quote(name, safe='')}/files/{quote(file, safe='')}"
        with self._open("GET", path) as response:
            return response.read()

    def jobs(self) -> list[Row]:
        """Return the server's jobs, the newest first."""
        return self._get("/jobs")

    def job(self, name: str) -> Row:
        """Return a job by its id."""
        return self._get(f"/jobs/{quote(name, safe='')}")

    def cancel(self, name: str) -> Row:
        """Cancel a job that has not ended; return it."""
        return self._post(f"/jobs/{quote(name, safe='')}/cancel")

    def wait(self, name: str, progress: Callable[[Row], object] | None = None) -> Row:
        """Wait for the end of a job; reconnect after lost connections and server restarts.

        Parameters
        ----------
        name
            Id of the job.
        progress
            Called with the job after each change; its ``progress`` holds stage and steps.

        Returns
        -------
        dict
            The job; its ``state`` is ``done``, ``failed`` or ``cancelled``.

        Raises
        ------
        ApiError
            If there is no such job.
        OSError
            If the server cannot be reached after all retries.
        """
        n_retries = 0
        while True:
            try:
                for kind, data in self._events(f"/jobs/{quote(name, safe='')}/events"):
                    n_retries = 0
                    if kind == "end":
                        return data
                    if kind == "progress" and progress is not None:
                        progress(data)
            except OSError:
                n_retries += 1
                if n_retries > MAX_RETRIES:
                    raise
            time.sleep(RETRY_S)

    def _events(self, path: str) -> Iterator[tuple[str, Row]]:
        """Yield the kind and the data of each event that the server sends."""
        with self._open("GET", path) as response:
            kind = ""
            for line in response.iter_lines():
                name, _, value = line.partition(": ")
                if name == "event":
                    kind = value
                elif name == "data":
                    yield kind, json.loads(value)

    def _get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """Send a GET request without empty parameters; return the JSON of the response."""
        query = {name: value for name, value in (query or {}).items() if value not in ("", None)}
        with self._open("GET", path, params=query) as response:
            return json.loads(response.read())

    def _post(self, path: str, content: object = None) -> Any:
        """Send a POST request with JSON or without a body; return the JSON of the response."""
        body = {} if content is None else {"content": json.dumps(content), "headers": JSON}
        with self._open("POST", path, **body) as response:
            return json.loads(response.read())

    def _post_form(
        self, path: str, fields: Mapping[str, str], files: Sequence[str | Path], part: str = "files"
    ) -> Any:
        """Send a form whose files are streamed; return the JSON of the response."""
        parts: list[tuple[str, Any]] = [(name, (None, value)) for name, value in fields.items()]
        with ExitStack() as opened:
            for file in map(Path, files):
                content = opened.enter_context(file.open("rb"))
                parts.append((part, (file.name, content, "application/octet-stream")))
            with self._open("POST", path, files=parts) as response:
                return json.loads(response.read())

    @contextmanager
    def _open(self, method: str, path: str, **options: Any) -> Iterator[httpx.Response]:
        """Send a request and yield its response.

        Raises
        ------
        ApiError
            If the server refuses the request.
        ConnectionError
            If the server cannot be reached, or the connection is lost.
        """
        try:
            with self._http.stream(method, path, **options) as response:
                if response.is_error:
                    raise _api_error(response)
                yield response
        except httpx.TransportError as error:
            raise ConnectionError(f"{self._http.base_url}: {error}") from error


def _api_error(response: httpx.Response) -> ApiError:
    try:
        problem = json.loads(response.read())
        return ApiError(response.status_code, str(problem["code"]), str(problem["detail"]))
    except (ValueError, KeyError, TypeError):
        detail = (
            f"{response.url}: not a response of a refp server ({response.reason_phrase}); "
            "check the address"
        )
        return ApiError(response.status_code, "not_refp", detail)
