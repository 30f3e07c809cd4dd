"""A folder whose names are not read, in a real browser: the pattern that fits, and the job that uses it."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sqlalchemy", reason="jobs need extra 'history'")
from tests.web.pages.test_accessible import found, window
from tests.web.pages.test_pages_browser import see_at_every_width
from tests.web.server import Served, serve
from tests.web.unread_data import PATTERN, rename_sweeps, zip_folder

from refp.web import Client, WebSettings

LONG = "a rather long name of a slide with beads of 28 um under brightfield, scan {:03d}.tif"
FOLDERS = ("unread", "numbered", "nameless")


@pytest.fixture(scope="module")
def root(tiny_sweep: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of names with Z, with long names that number the frames, and with neither."""
    root = tmp_path_factory.mktemp("root")
    frames = sorted(rename_sweeps(tiny_sweep, root / "unread").iterdir())
    for folder, names in (("numbered", map(LONG.format, range(9))), ("nameless", "abc")):
        (root / folder).mkdir()
        for name, frame in zip(names, frames, strict=False):
            shutil.copyfile(frame, root / folder / f"{name.removesuffix('.tif')}.tif")
    return root


@pytest.fixture(scope="module")
def server(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("unread") / "home"
    kept = WebSettings(home=home, jobs=str(home / "history.db"), roots=(root,), workers=1)
    with serve(kept) as served:
        yield served


@pytest.fixture(scope="module")
def failed(server: Served) -> dict[str, str]:
    """Addresses of the jobs that fail at the names of each folder."""
    client = Client(server.address)
    jobs = {name: client.define_planes_there([name])["id"] for name in FOLDERS}
    for job in jobs.values():
        assert client.wait(job)["state"] == "failed"
    return {name: f"/jobs/{job}" for name, job in jobs.items()}


@pytest.fixture
def page(browser: Any, server: Served) -> Iterator[Any]:
    with window(browser, server.address) as page:
        yield page


@pytest.mark.parametrize("name", FOLDERS)
def test_no_sideways_scrolling_and_axe_finds_nothing(
    page: Any, failed: dict[str, str], name: str
) -> None:
    page.goto(failed[name])
    assert page.locator(".proposal").is_visible()
    assert see_at_every_width(page, name) == []
    assert found(page) == []


def test_an_upload_is_read_by_the_proposed_pattern(page: Any, root: Path, tmp_path: Path) -> None:
    page.goto("/planes")
    page.set_input_files("#files", zip_folder(root / "unread", tmp_path / "monday.zip"))
    page.click("button:has-text('Define the plane')")
    page.wait_for_selector("#job .proposal")  # in place, when the job ends
    first = page.url
    assert page.inner_text(".pattern.proposed") == PATTERN
    assert page.locator(".proposal tbody tr").count() == 3
    page.click("#reading button")  # without an instrument: the browser asks for one
    assert page.locator("#reading [name=pixel_size_um]").is_hidden()
    page.select_option("#reading [name=instrument]", "other")
    assert page.locator("#reading [name=pixel_size_um]").is_visible()
    page.click("#reading button")
    page.wait_for_selector("#reading .problem")
    assert "bead diameter" in page.inner_text("#reading .problem")
    assert page.url == first
    page.select_option("#reading [name=instrument]", "a2k")
    page.click("#reading button")
    page.wait_for_url("**/planes/*")
    assert "monday" in page.inner_text("h1")
    assert page.locator(".large").count() >= 1
