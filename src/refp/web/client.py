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
AGAIN_S = 1.0
MAX_LOST = 30
"""After a connection was lost, the server may be starting again; so often it is tried."""
MAX_RECORDS = 1000
"""Appended by one request."""
JSON = {"content-type": "application/json"}
Row = dict[str, Any]


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
        self._http = httpx.Client(
            base_url=f"{address.rstrip('/')}/api/v1",
            headers={"authorization": f"Bearer {token}"} if token else {},
            timeout=TIMEOUT_S,
            # A server that was started again does not answer on a connection that was kept.
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
            follow_redirects=True,
            trust_env=False,  # the server is near: no proxy
        )

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
        return self._send("/estimates", fields, images)["estimates"]

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
        return self._tell("/estimates", {**asked, "operator": operator})["estimates"]

    def history(self, **asked: object) -> list[Row]:
        """Return the newest records first; see ``GET /api/v1/history`` for what may be asked."""
        return self._ask("/history", asked)

    def record(self, records: Sequence[Mapping[str, object]]) -> int:
        """Append records, as :meth:`history` returns them; return how many were not there already."""
        parts = [records[k : k + MAX_RECORDS] for k in range(0, len(records), MAX_RECORDS)]
        return sum(self._tell("/history", list(part))["new"] for part in parts)

    def chart(self, instrument: str, **asked: object) -> Row:
        """Return a control chart; see ``GET /api/v1/history/chart`` for what may be asked."""
        return self._ask("/history/chart", {"instrument": instrument, **asked})

    def baselines(self, instrument: str = "") -> list[Row]:
        """Return frozen limits, in the order in which they were frozen."""
        return self._ask("/history/baselines", {"instrument": instrument})

    def freeze(self, name: str, instrument: str, since: str, until: str, **given: object) -> Row:
        """Freeze limits from a period; ``quantity``, ``only`` and ``operator`` may be given."""
        period = {"name": name, "instrument": instrument, "since": since, "until": until}
        return self._tell("/history/baselines", {**period, **given})

    def annotate(self, text: str, instrument: str, *, at: str = "", operator: str = "") -> Row:
        """Note what happened to an instrument; return the record."""
        note = {"text": text, "instrument": instrument, "at": at, "operator": operator}
        return self._tell("/history/annotations", note)

    def correct(self, ids: Sequence[str], **given: object) -> list[Row]:
        """Correct or withdraw records; see ``POST /api/v1/history/corrections`` for what is given."""
        return self._tell("/history/corrections", {"ids": list(ids), **given})

    def check(
        self, image: str | Path, *, model: str = "", instrument: str = "", operator: str = ""
    ) -> Row:
        """Do the daily check: return estimate, record, whether in control, and rules that fired."""
        fields = {"model": model, "instrument": instrument, "operator": operator}
        return self._send("/history/checks", fields, [image])

    def models(self, *, retired: bool = False) -> list[Row]:
        """Return the server's models, the default first, or those that are retired."""
        return self._ask("/models", {"retired": retired})

    def upload_model(self, path: str | Path, *, name: str = "") -> Row:
        """Send a model file, and return the model; one of the same content is kept once.

        Raises
        ------
        ApiError
            ``model_error`` where it is none, ``name_taken`` where another is called so.
        """
        return self._send("/models", {"name": name}, [path], "file")

    def train(self, planes: str, name: str, **settings: Any) -> Row:
        """Ask for a model trained on the sweeps that planes were defined from; return the job.

        ``settings`` are ``recipe``, ``family``, ``seed`` and ``operator``; errors as of
        :meth:`upload_model`.
        """
        return self._tell("/models/train", {"planes": planes, "name": name, **settings})

    def adapt(self, model: str, name: str, **data: Any) -> Row:
        """Ask for a model to be taken to another instrument; return the job.

        ``data`` are ``planes`` or ``paths``, ``refp_um``, what sweeps are of, and ``operator``; errors
        as of :meth:`upload_model`.
        """
        return self._tell("/models/adapt", {"model": model, "name": name, **data})

    def retire(self, file: str) -> Row:
        """Take a model out of use, by its file's name; return it."""
        return self._tell(f"/models/{quote(file, safe='')}/retire")

    def restore(self, file: str) -> Row:
        """Take a retired model into use again; return it."""
        return self._tell(f"/models/{quote(file, safe='')}/restore")

    def health(self) -> Row:
        """Return whether the server can estimate."""
        return self._ask("/health")

    def define_planes(self, files: Sequence[str | Path], **options: object) -> Row:
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
        fields = {"title": "", **{name: str(value) for name, value in options.items()}}
        return self._send("/planes", fields, files)

    def define_planes_there(self, paths: Sequence[str], **options: object) -> Row:
        """Define planes from sweeps on the server's machine; as :meth:`define_planes`."""
        return self._tell("/planes", {"paths": list(paths), **options})

    def planes(self, name: str) -> Row:
        """Return planes by the id of the job that defined them, with the rows of ``planes.csv``."""
        return self._ask(f"/planes/{quote(name, safe='')}")

    def all_planes(self) -> list[Row]:
        """Return all planes that were defined on the server, the newest first."""
        return self._ask("/planes")

    def compare_planes(self, names: Sequence[str]) -> Row:
        """Return planes of several jobs, and their differences within each instrument."""
        return self._ask("/planes/comparison", {"ids": list(names)})

    def planes_file(self, name: str, file: str) -> bytes:
        """Return a file of planes, such as ``planes.csv`` or ``pooled.npz``."""
        path = f"/planes/{quote(name, safe='')}/files/{quote(file, safe='')}"
        with self._open("GET", path) as answer:
            return answer.read()

    def jobs(self) -> list[Row]:
        """Return the server's jobs, the newest first."""
        return self._ask("/jobs")

    def job(self, name: str) -> Row:
        """Return a job by its id."""
        return self._ask(f"/jobs/{quote(name, safe='')}")

    def cancel(self, name: str) -> Row:
        """End a job that has not ended, and return it."""
        return self._tell(f"/jobs/{quote(name, safe='')}/cancel")

    def wait(self, name: str, progress: Callable[[Row], object] | None = None) -> Row:
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
            except OSError:
                n_lost += 1
                if n_lost > MAX_LOST:
                    raise
            time.sleep(AGAIN_S)

    def _events(self, path: str) -> Iterator[tuple[str, Row]]:
        """Yield what the server sends: the kind of an event, and what it says."""
        with self._open("GET", path) as answer:
            kind = ""
            for line in answer.iter_lines():
                name, _, value = line.partition(": ")
                if name == "event":
                    kind = value
                elif name == "data":
                    yield kind, json.loads(value)

    def _ask(self, path: str, asked: Mapping[str, Any] | None = None) -> Any:
        """Get what an address returns; what is empty or ``None`` is not asked for."""
        query = {name: value for name, value in (asked or {}).items() if value not in ("", None)}
        with self._open("GET", path, params=query) as answer:
            return json.loads(answer.read())

    def _tell(self, path: str, content: object = None) -> Any:
        """Post JSON, or nothing."""
        body = {} if content is None else {"content": json.dumps(content), "headers": JSON}
        with self._open("POST", path, **body) as answer:
            return json.loads(answer.read())

    def _send(
        self, path: str, fields: Mapping[str, str], files: Sequence[str | Path], part: str = "files"
    ) -> Any:
        """Post a form with files, which are read as they are sent."""
        parts: list[tuple[str, Any]] = [(name, (None, value)) for name, value in fields.items()]
        with ExitStack() as opened:
            for file in map(Path, files):
                content = opened.enter_context(file.open("rb"))
                parts.append((part, (file.name, content, "application/octet-stream")))
            with self._open("POST", path, files=parts) as answer:
                return json.loads(answer.read())

    @contextmanager
    def _open(self, method: str, path: str, **options: Any) -> Iterator[httpx.Response]:
        """Open the answer to a request.

        Raises
        ------
        ApiError
            If the server refuses the request.
        ConnectionError
            If the server cannot be reached, or the connection is lost.
        """
        try:
            with self._http.stream(method, path, **options) as answer:
                if answer.is_error:
                    raise _api_error(answer)
                yield answer
        except httpx.TransportError as error:
            raise ConnectionError(f"{self._http.base_url}: {error}") from error


def _api_error(answer: httpx.Response) -> ApiError:
    try:
        problem = json.loads(answer.read())
        return ApiError(answer.status_code, str(problem["code"]), str(problem["detail"]))
    except (ValueError, KeyError, TypeError):
        detail = f"the answer is not one of refp: {answer.reason_phrase}"
        return ApiError(answer.status_code, "not_refp", detail)
