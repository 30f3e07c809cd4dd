"""A folder or archive whose names are not read: its contents, the pattern that fits, and the next job."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

pytest.importorskip("sqlalchemy", reason="jobs need extra 'history'")
from tests.web.markup import check
from tests.web.requests import form_token
from tests.web.server import Served, serve
from tests.web.unread_data import PATTERN, rename_sweeps, zip_folder

from refp.web import Client, WebSettings

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def root(tiny_sweep: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with sweeps of unknown names."""
    root = tmp_path_factory.mktemp("root")
    rename_sweeps(tiny_sweep, root / "unread")
    return root


@pytest.fixture(scope="module")
def server(
    settings: WebSettings, root: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("unread") / "home"
    kept = {"home": home, "jobs": str(home / "history.db"), "roots": (root,)}
    with serve(settings.model_copy(update=kept)) as served:
        yield served


@pytest.fixture(scope="module")
def client(server: Served) -> Client:
    return Client(server.address)


@pytest.fixture(scope="module")
def pages(server: Served) -> Iterator[httpx.Client]:
    """A browser that runs no script."""
    with httpx.Client(base_url=server.address, follow_redirects=True, timeout=60) as pages:
        yield pages


def failed(client: Client, job: dict[str, Any]) -> str:
    """Wait for a job that fails at the names; return its id."""
    ended = client.wait(job["id"])
    assert (ended["state"], ended["code"]) == ("failed", "data_error"), ended
    return str(ended["id"])


def send(pages: httpx.Client, job: str, **fields: str) -> httpx.Response:
    """Send the form of a proposal, as a browser would."""
    fields["form_token"] = form_token(pages, "/planes")
    parts = [(name, (None, value)) for name, value in fields.items()]
    return pages.post(f"/jobs/{job}/reading", files=parts)


def shown(pages: httpx.Client, job: str) -> str:
    page = pages.get(f"/jobs/{job}").text
    check(page)
    return page


def test_a_folder_is_read_without_being_changed(
    pages: httpx.Client, client: Client, root: Path
) -> None:
    before = sorted(root.rglob("*"))
    job = failed(client, client.define_planes_there(["unread"], title="Monday", operator="Ada"))
    page = shown(pages, job)
    assert "60 images, .tif, 200x160 uint" in page
    assert PATTERN in page
    assert "It reads 60 of 60 images: 4 sweeps of 15 frames." in page
    assert "Z1423um.tif" in page
    assert "Nothing is written into your folder" in page
    assert 'name="z_step_um"' not in page
    answer = send(pages, job, instrument="a2k")
    again = answer.url.path.rpartition("/")[2]
    assert answer.status_code == 200
    assert again != job
    ended = client.wait(again)
    assert (ended["state"], ended["title"], ended["operator"]) == ("done", "Monday", "Ada"), ended
    planes = client.planes(again)
    assert planes["instruments"] == {"unread": "a2k"}
    assert {row["n_frames"] for row in planes["planes"]} == {15}
    assert sorted(root.rglob("*")) == before
    assert PATTERN in pages.get(f"/planes?again={again}").text  # the form holds it
    ended = client.wait(client.train(again, "read-so", family="lookup")["id"])
    assert ended["state"] == "done", ended


def test_an_upload_gets_a_sweep_file(
    pages: httpx.Client, client: Client, root: Path, tmp_path: Path
) -> None:
    archive = zip_folder(root / "unread", tmp_path / "tuesday.zip")
    job = failed(client, client.define_planes([archive]))
    page = shown(pages, job)
    assert "Contents of tuesday.zip" in page
    assert "sweep.toml</code> in this server" in page
    again = send(pages, job, instrument="a2k").url.path.rpartition("/")[2]
    assert client.wait(again)["state"] == "done"
    assert client.planes(again)["instruments"] == {"tuesday": "a2k"}


def test_another_instrument_needs_its_bead(pages: httpx.Client, client: Client) -> None:
    job = failed(client, client.define_planes_there(["unread"]))
    answer = send(pages, job, instrument="other", pixel_size_um="1.5")
    assert (answer.status_code, "bead diameter" in answer.text) == (422, True)
    answer = send(pages, job, instrument="other", pixel_size_um="much", bead_diameter_um="28")
    assert (answer.status_code, "pixel_size_um" in answer.text) == (422, True)
    answer = send(pages, job, instrument="x")
    assert (answer.status_code, "choose a2k" in answer.text) == (422, True)


def test_a_wrong_pattern_of_the_form_is_replaced(pages: httpx.Client, client: Client) -> None:
    job = failed(
        client, client.define_planes_there(["unread"], instrument="a2k", pattern="z{z_um}.tif")
    )
    page = shown(pages, job)
    assert "matches none of their names" in page
    assert 'name="instrument"' not in page
    again = send(pages, job).url.path.rpartition("/")[2]
    assert client.wait(again)["state"] == "done"


def test_names_without_a_pattern(pages: httpx.Client, client: Client, root: Path) -> None:
    folder = root / "nameless"
    folder.mkdir()
    for name, path in zip("abc", sorted((root / "unread").iterdir()), strict=False):
        shutil.copyfile(path, folder / f"{name}.tif")
    job = failed(client, client.define_planes_there(["nameless"]))
    page = shown(pages, job)
    assert "No pattern can be proposed" in page
    assert "manifest.csv" in page
    assert "{z_index}" in page
    assert "--" not in page.partition("<main")[2]
    answer = send(pages, job)
    assert (answer.status_code, "fill in the form again with a pattern" in answer.text) == (
        409,
        True,
    )


def test_numbered_frames_ask_for_the_step(pages: httpx.Client, client: Client, root: Path) -> None:
    folder = root / "numbered"
    folder.mkdir()
    frames = [p for p in (root / "unread").iterdir() if "8ms pos01" in p.name]
    frames.sort(key=lambda path: float(path.stem.partition(" Z")[2].removesuffix("um")))
    for k, path in enumerate(frames):
        shutil.copyfile(path, folder / f"scan_{k:02d}.tif")
    job = failed(client, client.define_planes_there(["numbered"], instrument="a2k"))
    page = shown(pages, job)
    assert "Number of the frame" in page
    again = send(pages, job, z_step_um="12").url.path.rpartition("/")[2]
    assert client.wait(again)["state"] == "done"
    (row,) = client.planes(again)["planes"]
    assert 0 < row["refp_um"] < 12 * len(frames)


def test_a_folder_of_data_sets_leads_to_them(
    pages: httpx.Client, client: Client, root: Path
) -> None:
    for day in ("one", "two"):
        shutil.copytree(root / "unread", root / "days" / day)
        (root / "days" / day / "sweep.toml").write_text(
            f'instrument = "a2k"\npattern = "{PATTERN}"'
        )
    job = failed(client, client.define_planes_there(["days"]))
    page = shown(pages, job)
    assert "folder one: 60 images, sweep.toml" in page
    assert 'href="/planes?folder=days"' in page
    assert 'id="reading"' not in page


def test_the_form_needs_its_token(pages: httpx.Client, client: Client) -> None:
    n_jobs = len(client.jobs())
    answer = pages.post("/jobs/x/reading", files={"instrument": (None, "a2k")})
    assert (answer.status_code, "load the page again" in answer.text) == (403, True)
    assert len(client.jobs()) == n_jobs


def test_the_proposal_outlives_the_server(
    settings: WebSettings, root: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    kept = {"home": home, "jobs": str(home / "history.db"), "roots": (root,), "models": ()}
    again = settings.model_copy(update=kept)
    with serve(again) as served:
        client = Client(served.address)
        job = failed(client, client.define_planes_there(["unread"]))
    with serve(again) as served:
        assert PATTERN in httpx.get(f"{served.address}/jobs/{job}", timeout=60).text


def test_an_adaptation_reads_the_folder_too(
    pages: httpx.Client, client: Client, root: Path
) -> None:
    model = client.models()[0]["file"]
    job = failed(client, client.adapt(model, "adapted", paths=["unread"], instrument="a2k"))
    assert PATTERN in shown(pages, job)
    again = send(pages, job).url.path.rpartition("/")[2]
    ended = client.wait(again)
    assert (ended["kind"], ended["state"]) == ("adapt", "done"), ended
    assert "adapted.refp" in [one["file"] for one in client.models()]
    answer = send(pages, job)  # the name is taken now
    assert answer.status_code == 409
