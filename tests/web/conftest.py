"""An app for the tests, its images, and requests to it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the pages need extra 'web'")

from fastapi.testclient import TestClient

from refp.web import WebSettings, create_app

from .browser import browser as browser
from .requests import BASE, LIMITS, png_of
from .server import Served, serve
from .spare_workers import SpareWorker
from .warm_jobs import warm_jobs as warm_jobs


@pytest.fixture(scope="session", autouse=True)
def spare_workers() -> Iterator[None]:
    """Let apps leave their idle worker processes to the next app."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("refp.web.workers.pool.Worker", SpareWorker)
        yield
    SpareWorker.end_all()


@pytest.fixture(scope="session")
def image_files(tiny_test: Path) -> list[Path]:
    """Nine images with beads, dZ of -50 to +46 um."""
    return sorted(tiny_test.glob("*.tif"))


@pytest.fixture(scope="session")
def settings(lookup_model: Path, tiny_test: Path) -> WebSettings:
    """One model, one worker, small limits, and the images' folder as root."""
    return WebSettings(models=(lookup_model,), roots=(tiny_test,), workers=1, limits=LIMITS)


@pytest.fixture(scope="session")
def client(settings: WebSettings) -> Iterator[TestClient]:
    """The app without a server."""
    with TestClient(create_app(settings), base_url=BASE) as client:
        yield client


@pytest.fixture
def unstarted() -> Callable[[WebSettings], TestClient]:
    """An app without workers, for what is refused before any is asked."""

    def make(settings: WebSettings) -> TestClient:
        return TestClient(create_app(settings), base_url=BASE, raise_server_exceptions=False)

    return make


@pytest.fixture(scope="session")
def good(image_files: list[Path]) -> tuple[str, bytes]:
    """Name and bytes of an image with beads."""
    path = image_files[4]
    return path.name, path.read_bytes()


@pytest.fixture
def blank() -> bytes:
    """A PNG without a bead."""
    noise = np.random.default_rng(0).normal(100, 2, (160, 200))
    return png_of(noise.astype(np.uint8))


@pytest.fixture(scope="session")
def served(settings: WebSettings) -> Iterator[Served]:
    """The app behind a real socket, for what no test client can do."""
    with serve(settings) as served:
        yield served


@pytest.fixture(scope="session")
def keeping_settings(
    settings: WebSettings, tiny_sweep: Path, tmp_path_factory: pytest.TempPathFactory
) -> WebSettings:
    """A home, a database, and the folder above the training sweeps as root."""
    pytest.importorskip("sqlalchemy", reason="jobs need extra 'history'")
    home = tmp_path_factory.mktemp("kept")
    database = str(home / "history.db")
    kept = {"home": home, "jobs": database, "history": database, "roots": (tiny_sweep.parent,)}
    return settings.model_copy(update=kept)


@pytest.fixture(scope="session")
def keeper(keeping_settings: WebSettings) -> Iterator[Served]:
    """The app with a home, where jobs run."""
    with serve(keeping_settings) as served:
        yield served


@pytest.fixture(scope="session")
def home_with_planes(
    tiny_sweep: Path, make_once: Callable[[str, Callable[[Path], object]], Path]
) -> tuple[Path, str]:
    """A home to copy, and the id of its job: planes ``<Monday>`` of the training sweeps."""
    pytest.importorskip("sqlalchemy", reason="jobs need extra 'history'")
    home = make_once("home-with-planes", lambda home: _define_planes(home, tiny_sweep))
    (planes,) = (home / "planes").iterdir()
    return home, planes.name


def _define_planes(home: Path, sweep: Path) -> None:
    database, roots = str(home / "history.db"), (sweep.parent,)
    kept = WebSettings(home=home, jobs=database, roots=roots, workers=1, limits=LIMITS)
    asked = {"paths": [str(sweep)], "title": "<Monday>", "instrument": "a2k"}
    with TestClient(create_app(kept), base_url=BASE) as client:
        job = client.post("/api/v1/planes", json=asked).json()["id"]
        client.get(f"/api/v1/jobs/{job}/events")  # which ends with the job
        ended = client.get(f"/api/v1/jobs/{job}").json()
    assert ended["state"] == "done", ended["detail"]
