"""Jobs: order, progress, cancellation, and restart by the next server."""

import asyncio
import json
import multiprocessing
import os
import shutil
import signal
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fastapi.testclient import TestClient
from tests.web.requests import BASE, LIMITS
from tests.web.server import LONGEST, POLL_S, Server

from refp.core.errors import HistoryError
from refp.history import History, JobLog, JobRecord, Selection
from refp.web import WebSettings, create_app
from refp.web.api.jobs import _events as events_of
from refp.web.client import ApiError
from refp.web.job import Job, JobSettings
from refp.web.jobs import run
from refp.web.jobs.runner import MAX_STARTS, Runner
from refp.web.services.engine import Engine
from refp.web.storage.home import Home
from refp.web.storage.job_files import data_folder, planes_folder, remove_unfinished
from refp.web.workers import calls

pytestmark = pytest.mark.slow
RunRefp = Callable[..., Any]


def settings_of(home: Path, sweep: Path, **changes: Any) -> WebSettings:
    database = str(home / "history.db")
    given = {"home": home, "history": database, "jobs": database, "roots": (sweep.parent,)}
    return WebSettings(**{"workers": 1, "limits": LIMITS, **given, **changes})


def define(client: TestClient, sweep: Path, **fields: Any) -> dict[str, Any]:
    answer = client.post("/api/v1/planes", json={"paths": [sweep.name], **fields})
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"/api/v1/jobs/{answer.json()['id']}"
    return dict(answer.json())


def all_events(client: TestClient, job: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the events of a job until its end."""
    text = client.get(f"/api/v1/jobs/{job}/events").text
    events = [part.split("\n", 1) for part in text.strip().split("\n\n")]
    return [
        (kind.removeprefix("event: "), json.loads(data.removeprefix("data: ")))
        for kind, data in events
    ]


def planes_recorded(home: Path) -> list[str]:
    with History.open(home / "history.db") as history:
        return sorted(history.select(Selection(kind="plane"))["image"])


@pytest.fixture(scope="module")
def finished(tiny_sweep: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A home with one job that is done, and its id."""
    home = tmp_path_factory.mktemp("kept") / "home"
    with TestClient(create_app(settings_of(home, tiny_sweep)), base_url=BASE) as client:
        job = define(client, tiny_sweep, title="Monday", operator="Ada")
        events = all_events(client, job["id"])
    assert [kind for kind, _ in events[:-1]] == ["progress"] * (len(events) - 1)
    kind, last = events[-1]
    assert (kind, last["state"], last["detail"], last["starts"]) == ("end", "done", "", 1)
    stages = {event["progress"]["stage"] for _, event in events if event["progress"]}
    assert "measuring training" in stages
    return home, job["id"]


def test_planes_are_those_of_the_command_line(
    finished: tuple[Path, str], tiny_sweep: Path, plane_run: Path
) -> None:
    home, job = finished
    with TestClient(create_app(settings_of(home, tiny_sweep)), base_url=BASE) as client:
        (known,) = client.get("/api/v1/planes").json()
        assert client.get(f"/api/v1/planes/{job}").json() == known
    assert known["planes"] == json.loads((plane_run / "stdout.json").read_text("utf-8"))
    assert (known["title"], known["operator"]) == ("Monday", "Ada")
    pd.testing.assert_frame_equal(
        pd.read_csv(planes_folder(home, job) / "planes.csv"),
        pd.read_csv(plane_run / "planes" / "planes.csv"),
    )
    assert len(planes_recorded(home)) == len(known["planes"])


def test_jobs_in_postgresql(
    tiny_sweep: Path, tmp_path: Path, postgresql: str, finished: tuple[Path, str]
) -> None:
    """Log and history in a database of the laboratory's; two servers take it, each its own jobs."""
    apps = [
        settings_of(tmp_path / name, tiny_sweep, history=postgresql, jobs=postgresql)
        for name in ("first", "second")
    ]
    for settings in apps:
        with TestClient(create_app(settings), base_url=BASE) as client:
            asked = define(client, tiny_sweep, operator="Ada")["id"]
            assert all_events(client, asked)[-1][1]["state"] == "done"
    with TestClient(create_app(apps[0]), base_url=BASE) as client:
        (known,) = client.get("/api/v1/jobs").json()
        assert (known["state"], known["operator"], known["starts"]) == ("done", "Ada", 1)
        (planes,) = client.get("/api/v1/planes").json()
        records = client.get("/api/v1/history", params={"kind": "plane"}).json()
    with TestClient(create_app(settings_of(finished[0], tiny_sweep)), base_url=BASE) as client:
        assert planes["planes"] == client.get(f"/api/v1/planes/{finished[1]}").json()["planes"]
    assert len(records) == 2 * len(planes["planes"])


def test_a_job_that_was_done_but_not_logged_is_not_doubled(
    finished: tuple[Path, str], tiny_sweep: Path, tmp_path: Path
) -> None:
    """The server was killed after the planes were recorded and before that was logged."""
    home = tmp_path / "home"
    shutil.copytree(finished[0], home)
    before = planes_recorded(home)
    stamp = (planes_folder(home, finished[1]) / "planes.csv").stat().st_mtime_ns
    log = str(tmp_path / "log.db")
    with JobLog.open(Path(log)) as jobs:
        jobs.add(_record(home, finished[1], tiny_sweep))
        jobs.tell(finished[1], "running")
    settings = settings_of(home, tiny_sweep, jobs=log)
    with TestClient(create_app(settings), base_url=BASE) as client:
        _, last = all_events(client, finished[1])[-1]
    assert (last["state"], last["starts"]) == ("done", 2)
    assert planes_recorded(home) == before
    assert (planes_folder(home, finished[1]) / "planes.csv").stat().st_mtime_ns == stamp


def test_a_job_that_no_server_survives_is_given_up(tiny_sweep: Path, tmp_path: Path) -> None:
    home, name = tmp_path / "home", str(uuid.uuid4())
    with TestClient(create_app(settings_of(home, tiny_sweep)), base_url=BASE):
        pass  # which names the server
    with JobLog.open(home / "history.db") as jobs:
        jobs.add(_record(home, name, tiny_sweep))
        for _ in range(MAX_STARTS):
            jobs.tell(name, "running")
    with TestClient(create_app(settings_of(home, tiny_sweep)), base_url=BASE) as client:
        (kind, last), *_ = reversed(all_events(client, name))
    assert (kind, last["state"], last["code"]) == ("end", "failed", "interrupted")
    assert "start the job again" in last["detail"]


def test_cancelled_jobs_leave_nothing(tiny_sweep: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    with TestClient(create_app(settings_of(home, tiny_sweep)), base_url=BASE) as client:
        running, waiting, last = (define(client, tiny_sweep)["id"] for _ in range(3))
        assert client.post(f"/api/v1/jobs/{waiting}/cancel").json()["state"] == "cancelled"
        for _ in range(LONGEST):
            progress = client.get(f"/api/v1/jobs/{running}").json()["progress"]
            if progress and progress["done"]:
                break
            time.sleep(POLL_S)
        cancelled = client.post(f"/api/v1/jobs/{running}/cancel").json()
        assert (cancelled["state"], cancelled["progress"]) == ("cancelled", None)
        assert client.post(f"/api/v1/jobs/{running}/cancel").json() == cancelled
        assert all_events(client, last)[-1][1]["state"] == "done"
        assert [job["id"] for job in client.get("/api/v1/jobs").json()] == [last, waiting, running]
    assert [path.name for path in (home / "planes").iterdir()] == [last]
    assert not data_folder(home, running).exists()


def test_what_fails_says_why(tiny_sweep: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "empty").mkdir(parents=True)
    settings = settings_of(tmp_path / "home", root / "empty")
    with TestClient(create_app(settings), base_url=BASE) as client:
        _, last = all_events(client, define(client, root / "empty", instrument="a2k")["id"])[-1]
        assert (last["state"], last["code"]) == ("failed", "data_error")
        assert "no image in this folder" in last["detail"]
        assert str(tmp_path) not in last["detail"]
        job = last["id"]
        gone = client.get(f"/api/v1/planes/{job}")
        assert (gone.status_code, gone.json()["code"]) == (404, "no_planes")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        pytest.param({"paths": ["nothing"]}, 422, "data_error", id="not there"),
        pytest.param({"paths": ["../.."]}, 403, "outside_roots", id="outside"),
        pytest.param({"paths": []}, 422, "invalid_request", id="no path"),
        pytest.param({"paths": ["."], "recipe": "../x.toml"}, 422, "recipe_error", id="recipe"),
        pytest.param({"paths": ["."], "bead_diameter_um": -1}, 422, "invalid_request", id="bead"),
        pytest.param({"paths": ["."], "seed": 1}, 422, "invalid_request", id="unknown field"),
    ],
)
def test_what_is_refused_at_once(
    tiny_sweep: Path, tmp_path: Path, body: dict[str, Any], status: int, code: str
) -> None:
    settings = settings_of(tmp_path / "home", tiny_sweep)
    with TestClient(create_app(settings), base_url=BASE) as client:
        answer = client.post("/api/v1/planes", json=body)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert client.get("/api/v1/jobs").json() == []


def test_no_jobs_without_a_home(client: TestClient, tiny_test: Path) -> None:
    for path in ("/api/v1/jobs", "/api/v1/planes", f"/api/v1/jobs/{uuid.uuid4()}"):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "no_jobs")
    answer = client.post("/api/v1/planes", json={"paths": [tiny_test.name]})
    assert (answer.status_code, answer.json()["code"]) == (404, "no_jobs")


def test_removing_touches_one_job(tmp_path: Path) -> None:
    mine, other = str(uuid.uuid4()), str(uuid.uuid4())
    for name in (mine, other):
        planes_folder(tmp_path, name).mkdir(parents=True)
        data_folder(tmp_path, name).mkdir(parents=True)
    (planes_folder(tmp_path, other) / f"{mine}.refp.checkpoints").mkdir()
    (planes_folder(tmp_path, other) / f"{mine}.refp").write_bytes(b"")
    (planes_folder(tmp_path, other) / "planes.csv").write_bytes(b"")
    remove_unfinished(tmp_path, mine)
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")}
    assert left == {
        "planes",
        "work",
        f"planes/{other}",
        f"work/{other}",
        f"planes/{other}/planes.csv",
    }


@pytest.fixture
def start() -> Iterator[Callable[[Path, Path], Server]]:
    """Start servers that end with the test."""
    started: list[Server] = []

    def begin(home: Path, root: Path) -> Server:
        started.append(Server(home, "--root", root))
        return started[-1]

    yield begin
    for server in started:
        server.kill()


def test_killed_in_the_middle_it_goes_on(
    tiny_sweep: Path, tmp_path: Path, start: Callable[[Path, Path], Server], plane_run: Path
) -> None:
    home = tmp_path / "home"
    first = start(home, tiny_sweep.parent)
    asked = first.request("/planes", {"paths": [tiny_sweep.name]})["id"]
    waits = first.request("/planes", {"paths": [tiny_sweep.name], "title": "after it"})["id"]
    first.wait(asked, lambda job: bool(job["progress"] and job["progress"]["done"]))
    first.kill()
    rows = json.loads((plane_run / "stdout.json").read_text("utf-8"))
    with TestClient(create_app(settings_of(home, tiny_sweep)), base_url=BASE) as second:
        _, ended = all_events(second, asked)[-1]
        assert (ended["state"], ended["starts"], ended["detail"]) == ("done", 2, "")
        _, ended = all_events(second, waits)[-1]
        assert (ended["state"], ended["starts"]) == ("done", 1)
        assert second.get(f"/api/v1/planes/{asked}").json()["planes"] == rows
    assert len(planes_recorded(home)) == 2 * len(rows)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
def test_a_killed_server_leaves_no_process(
    tiny_sweep: Path, tmp_path: Path, start: Callable[[Path, Path], Server]
) -> None:
    server = start(tmp_path / "home", tiny_sweep.parent)
    job = server.request("/planes", {"paths": [tiny_sweep.name]})["id"]
    server.wait(job, lambda job: job["progress"] is not None)
    below = _processes_below(server.process.pid)
    assert len(below) >= 2
    server.kill()
    while any(Path(f"/proc/{pid}").exists() for pid in below):
        os.sched_yield()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
def test_a_job_whose_process_is_lost_fails_alone(tiny_sweep: Path, tmp_path: Path) -> None:
    settings = settings_of(tmp_path / "home", tiny_sweep)
    with TestClient(create_app(settings), base_url=BASE) as client:
        before = _processes_below(os.getpid())
        job = define(client, tiny_sweep)["id"]
        for _ in range(LONGEST):
            progress = client.get(f"/api/v1/jobs/{job}").json()["progress"]
            if progress and progress["total"]:
                break
            time.sleep(POLL_S)
        nicest = max(_processes_below(os.getpid()) - before, key=_nice)
        os.kill(nicest, signal.SIGKILL)
        _, ended = all_events(client, job)[-1]
        assert (ended["state"], ended["code"]) == ("failed", "worker_lost")
        again = define(client, tiny_sweep)["id"]
        assert all_events(client, again)[-1][1]["state"] == "done"


def test_a_home_has_one_server(
    tiny_sweep: Path,
    tmp_path: Path,
    start: Callable[[Path, Path], Server],
    run_process: RunRefp,
) -> None:
    home = tmp_path / "home"
    start(home, tiny_sweep.parent)
    done = run_process("serve", "--home", home, "--port", 1)
    assert (done.code, done.stderr.count("\n")) == (2, 1)
    assert "another refp serve uses it" in done.stderr


def test_a_watched_server_ends(
    tiny_sweep: Path, tmp_path: Path, start: Callable[[Path, Path], Server]
) -> None:
    """A page that watches a job does not keep Ctrl-C from ending the server."""
    server = start(tmp_path / "home", tiny_sweep.parent)
    job = server.request("/planes", {"paths": [tiny_sweep.name]})["id"]
    server.wait(job, lambda job: job["state"] == "running")
    with socket.create_connection(("127.0.0.1", int(server.address.rpartition(":")[2]))) as s:
        host = server.address.removeprefix("http://")
        s.sendall(f"GET /api/v1/jobs/{job}/events HTTP/1.1\r\nhost: {host}\r\n\r\n".encode())
        assert s.recv(10)
        server.process.send_signal(signal.SIGINT)
        server.process.communicate(timeout=120)
    with pytest.raises((ApiError, OSError)):
        server.client.health()


def _record(home: Path, name: str, sweep: Path) -> JobRecord:
    request = {"data": [{"path": sweep.name}], "recipe": "default", "operator": "Ada"}
    server = (home / "server-id").read_text().strip()
    return JobRecord(name, server, "plane", "Monday", "Ada", request)


def _processes_below(parent: int) -> set[int]:
    found: set[int] = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found |= {int(path.parent.name), *_processes_below(int(path.parent.name))}
    return found


def _nice(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[16])
    except OSError:
        return -100


class Log:
    """A log that can delay its results."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []
        self.may_run = asyncio.Event()

    async def request(self, function: Any, *arguments: Any) -> Any:
        if function == calls.job_log.load_jobs:
            return []
        if function == calls.job_log.append_job_event:
            job, state, _ = arguments
            if state == "running":
                await self.may_run.wait()
            self.events.append((job, state))
        return None


def job_settings_of(home: Path) -> JobSettings:
    return JobSettings(home, home / "models", (), "", LIMITS, 1)


def test_cancelled_while_it_begins(tmp_path: Path) -> None:
    """A job is cancelled while the log records its start."""

    async def scene() -> list[tuple[str, str]]:
        log = Log()
        runner = Runner(log.request, job_settings_of(tmp_path), "server")
        runner.start()
        job = await runner.add("demo", "x", {}, "")
        await asyncio.sleep(0)  # the queue takes it
        cancelling = asyncio.create_task(runner.cancel(job.id))
        await asyncio.sleep(0)
        log.may_run.set()
        assert (await cancelling).state == "cancelled"
        second = await runner.cancel(job.id)
        await runner.stop()
        assert second.state == "cancelled"
        return [(state, name == job.id) for name, state in log.events]

    events = asyncio.run(scene())
    assert events == [("running", True), ("cancelled", True)]
    assert not (tmp_path / "demo").exists()


async def run_two(folder: Path) -> list[Job]:
    """Return two jobs after a runner has run them."""
    log = Log()
    log.may_run.set()
    runner = Runner(log.request, job_settings_of(folder), "server")
    runner.start()
    jobs = [await runner.add("demo", "x", {}, "") for _ in range(2)]
    for job in jobs:
        async for _ in runner.watch(job.id):
            pass
    await runner.stop()
    return [runner.job(job.id) for job in jobs]


def test_a_process_that_cannot_be_started_fails_its_job_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> None:
        raise OSError("no more processes")

    monkeypatch.setattr("multiprocessing.process.BaseProcess.start", refuse)
    for job in asyncio.run(run_two(tmp_path)):
        assert (job.state, job.code) == ("failed", "worker_lost")
        assert "no more processes" in job.detail


def test_an_error_of_our_own_fails_its_job_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Runner, "_work", broken)
    for job in asyncio.run(run_two(tmp_path)):
        assert (job.state, job.code) == ("failed", "internal_error")


def test_a_log_that_is_away_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("refp.web.jobs.runner.RETRY_S", 0.01)
    known = Job(str(uuid.uuid4()), "plane", "Monday", "", {}, "done", "2026-03-31T08:30:00+02:00")
    tries: list[object] = []

    async def request(function: Any, *_: object) -> Any:
        tries.append(function)
        if len(tries) < 3:
            raise HistoryError("away")
        return [known]

    async def scene() -> None:
        runner = Runner(request, job_settings_of(tmp_path), "server")
        runner.start()
        await runner.loaded()
        while not runner.jobs():
            await asyncio.sleep(0.01)
        await runner.stop()
        assert runner.jobs() == [known]

    asyncio.run(scene())
    assert tries == [calls.job_log.load_jobs] * 3


def test_a_server_that_ends_at_once(tiny_sweep: Path, tmp_path: Path) -> None:
    """The server stops before the jobs of earlier servers are loaded."""

    async def scene() -> None:
        engine = Engine(settings_of(tmp_path / "home", tiny_sweep, workers=2))
        engine.start()
        for _ in range(3):
            await asyncio.sleep(0)
        await asyncio.wait_for(engine.stop(), 100)

    asyncio.run(scene())


def test_sweeps_are_kept_for_jobs_with_a_result_and_for_the_last_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Runner, "_work", lambda *_: ("failed", "data_error", "x"))
    sweeps = Home(tmp_path).sweeps()

    def keep(content: bytes) -> str:
        (tmp_path / "sent").write_bytes(content)
        return sweeps.keep(tmp_path / "sent", ".tif")

    shared, own, later = keep(b"shared"), keep(b"own"), keep(b"later")

    async def scene() -> None:
        log = Log()
        log.may_run.set()
        runner = Runner(log.request, job_settings_of(tmp_path), "server")
        data = [{"stored": shared, "name": "a.tif"}]
        done = Job(str(uuid.uuid4()), "plane", "", "", {"data": data}, "done", "")
        runner._jobs[done.id] = done
        runner.start()
        both = [*data, {"stored": own, "name": "b.tif"}, {"path": "monday"}]
        job = await runner.add("plane", "", {"data": both}, "")
        async for last, _ in runner.watch(job.id):
            assert last.code in ("", "data_error")
        assert sweeps.path(own).is_file()  # to start the job again
        job = await runner.add("plane", "", {"data": [{"stored": later, "name": "c.tif"}]}, "")
        async for _ in runner.watch(job.id):
            pass
        await runner.stop()

    asyncio.run(scene())
    there = [sweeps.path(name).exists() for name in (shared, own, later)]
    assert there == [True, False, True]


def test_every_curve_is_sent(tmp_path: Path) -> None:
    """A curve that grows while others are sent comes with the next news."""

    async def scene() -> list[tuple[str, int]]:
        log = Log()
        runner = Runner(log.request, job_settings_of(tmp_path), "server")
        runner._jobs["x"] = job = Job("x", "train", "", "", {}, "running", "")
        live = runner.live("x")
        live.add_curve({"fit": "a", "step": [1]})
        live.add_curve({"fit": "b", "step": [1]})
        seen: list[tuple[str, int]] = []
        async for event in events_of(runner, "x"):
            kind, _, data = event.partition("\ndata: ")
            if kind != "event: curve":
                continue
            curve = json.loads(data)
            seen.append((curve["fit"], curve["step"][-1]))
            if len(seen) == 1:
                live.add_curve({"fit": "a", "step": [1, 2]})  # while "b" waits to be sent
            if len(seen) == 3:
                runner._jobs["x"] = job.after("", "done", {})
                await runner._notify()
        return seen

    assert asyncio.run(asyncio.wait_for(scene(), 60)) == [("a", 1), ("b", 1), ("a", 2)]


def test_planes_stand_where_the_history_is_away(
    tiny_sweep: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "PAUSES_S", (0.0, 0.0))
    (tmp_path / "folder.db").mkdir()  # no database can be opened there
    history = str(tmp_path / "folder.db")
    settings = replace(job_settings_of(tmp_path), roots=(tiny_sweep.parent,), history=history)
    request = {"data": [{"path": tiny_sweep.name}], "recipe": "default"}
    job = str(uuid.uuid4())
    end, theirs = multiprocessing.Pipe(duplex=False)
    made = run.define_plane(run.Assignment(job, request, settings, run.Reporter(theirs)))
    assert made["n_recorded"] == 0
    assert made["remark"].startswith("not recorded in the history: ")
    assert (planes_folder(tmp_path, job) / "planes.csv").is_file()
    theirs.close()
    messages = []
    while end.poll():
        try:
            messages.append(end.recv()[0])
        except EOFError:
            break
    end.close()
    assert messages[-1] == "whole"
