"""The start: kernels are compiled in one worker, and estimates wait for that."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Barrier, BrokenBarrierError, Event
from typing import Any

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the pages need extra 'web'")

from fastapi.testclient import TestClient
from tests.web.requests import BASE, ESTIMATES, LIMITS, png_of

from refp.web import WebSettings, create_app
from refp.web.errors import WorkError
from refp.web.messages import ModelInfo, PageEstimate
from refp.web.schemas.common import ESTIMATE
from refp.web.workers import calls

N_WORKERS = 2


@dataclass
class Start:
    """A start that lasts until ``released``, and the calls of the workers."""

    released: Event = field(default_factory=Event)
    error: Exception | None = None
    now_s: float = 1000.0
    calls_made: list[tuple[Callable[..., object], float]] = field(default_factory=list)
    warm: Barrier = field(default_factory=lambda: Barrier(N_WORKERS))

    def respond(self, function: Callable[..., object], limit_s: float) -> object:
        assert self.released.is_set() or not calls.needs_kernels(function)
        self.calls_made.append((function, limit_s))
        if function == calls.estimates.compile_kernels:
            assert self.released.wait(60)
            if self.error is not None:
                raise self.error
        if function == calls.estimates.warm_up:
            with suppress(BrokenBarrierError):  # at the end of the workers
                self.warm.wait(60)  # no worker goes on before all have noted this call
        if function == calls.estimates.describe_model:
            return ModelInfo(Path("m.refp"), "m", {}, [], "")
        return (
            [PageEstimate(dict(ESTIMATE), 0, "", "")]
            if function == calls.estimates.estimate_file
            else None
        )


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Start:
    start = Start()

    class FakePool:
        def __init__(self, size: int, _: int) -> None:
            self.threads = ThreadPoolExecutor(size)

        def run(self, function: Callable[..., object], *_: object, limit_s: float) -> object:
            return start.respond(function, limit_s)

        def stop(self) -> None:
            start.released.set()
            start.warm.abort()
            self.threads.shutdown(wait=False, cancel_futures=True)

    monkeypatch.setattr("refp.web.workers.pools.Pool", FakePool)
    monkeypatch.setattr("refp.web.workers.pools.monotonic", lambda: start.now_s)
    return start


@pytest.fixture
def starting(start: Start, tmp_path: Path) -> Iterator[TestClient]:
    (tmp_path / "m.refp").touch()
    models = (tmp_path / "m.refp",)
    settings = WebSettings(models=models, workers=N_WORKERS, limits=LIMITS)
    with TestClient(create_app(settings), base_url=BASE) as client:
        yield client


def estimate(client: TestClient) -> Any:
    image = png_of(np.zeros((8, 8), dtype=np.uint8))
    return client.post(ESTIMATES, files={"files": ("a.png", image)})


def test_estimates_wait_for_the_kernels(start: Start, starting: TestClient) -> None:
    start.now_s += 90
    assert starting.get("/api/v1/health").json()["starting_s"] == 90
    for page in ("/", "/starting"):
        assert "Starting, 90 s" in starting.get(page).text
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(estimate, starting)
        while calls.estimates.describe_model not in [function for function, _ in start.calls_made]:
            assert not waiting.done()  # the model is read; the estimate has to wait
        start.released.set()
        answer = waiting.result(60)
    assert (answer.status_code, len(answer.json()["estimates"])) == (200, 1)
    functions = [
        function for function, _ in start.calls_made if function != calls.estimates.describe_model
    ]
    assert functions == [
        calls.estimates.compile_kernels,
        *[calls.estimates.warm_up] * N_WORKERS,
        calls.estimates.estimate_file,
    ]
    assert start.calls_made[-1] == (calls.estimates.estimate_file, LIMITS.work_s)


def test_nothing_is_shown_after_the_start(start: Start, starting: TestClient) -> None:
    start.released.set()
    assert estimate(starting).status_code == 200
    assert starting.get("/api/v1/health").json()["starting_s"] is None
    assert "Starting" not in starting.get("/").text
    assert starting.get("/starting").text == ""


def test_kernels_that_cannot_be_compiled_hold_nobody(start: Start, starting: TestClient) -> None:
    start.error = WorkError("worker_lost", "no memory")
    start.released.set()
    assert estimate(starting).status_code == 200


def test_the_end_does_not_wait_for_the_start(start: Start, starting: TestClient) -> None:
    assert starting.get("/api/v1/health").json()["starting_s"] == 0
    assert not start.released.is_set()  # the end of the workers releases it
