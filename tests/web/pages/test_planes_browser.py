"""Planes and jobs in a real browser: what scripts and the page's own rules make of them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sqlalchemy", reason="jobs need extra 'history'")
from tests.web.pages.test_accessible import WAIT_MS, found, window
from tests.web.server import Served

from refp.web import Client

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def page(browser: Any, keeper: Served) -> Iterator[Any]:
    """A page, and that nothing on it broke a rule."""
    page = browser.new_page(base_url=keeper.address)
    page.set_default_timeout(WAIT_MS)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "console",
        lambda message: wrong.append(message.text) if "Content Security" in message.text else None,
    )
    yield page
    page.close()
    assert wrong == []


def choose_folder(page: Any) -> None:
    page.goto("/planes")
    if not page.locator("#define").is_visible():
        page.click("summary:has-text('Define a reference plane')")
    page.fill("input[name=title]", "By hand")
    page.click("#folders a:has-text('training')")
    page.wait_for_selector(".here input:checked")
    assert page.input_value("input[name=title]") == "By hand"  # the folders alone were replaced


def test_define_and_see(page: Any, keeper: Served) -> None:
    choose_folder(page)
    page.click("button:has-text('Define the plane')")
    page.wait_for_url("**/jobs/*")
    name = page.url.rpartition("/")[2]
    page.wait_for_url("**/planes/*")  # by itself, when the job is done
    assert page.url.endswith(f"/planes/{name}")
    rows = Client(keeper.address).planes(name)["planes"]
    own = [row["refp_um"] for row in rows if row["fov"] == rows[0]["fov"]]
    assert page.locator(".large").first.inner_text() == f"{sum(own) / len(own):.1f}"
    page.wait_for_selector(".curves .scatterlayer .point")
    page.click("a:has-text('Compare')")
    page.wait_for_selector("#compare .scatterlayer .point")
    page.go_back()
    page.click("a:has-text('Open the report')")
    assert page.locator("h1").inner_text().startswith("Reference planes")


def test_file_takes_the_place_of_a_folder_and_a_bad_one_is_told(page: Any, tmp_path: Path) -> None:
    choose_folder(page)
    bad = tmp_path / "bad.zip"
    bad.write_bytes(b"no archive")
    page.set_input_files("#files", bad)
    assert page.locator("input[name=path]:checked").count() == 0
    page.click("button:has-text('Define the plane')")
    page.wait_for_selector("#define .form-problem .problem")
    assert "neither ZIP, TAR nor TIFF" in page.inner_text("#define .form-problem")
    assert page.url.endswith("/planes")
    assert page.input_value("input[name=title]") == "By hand"


def test_failure_is_shown_in_place(page: Any, keeper: Served, tiny_sweep: Path) -> None:
    (tiny_sweep.parent / "without-images").mkdir(exist_ok=True)
    job = Client(keeper.address).define_planes_there(["without-images"])
    page.goto(f"/jobs/{job['id']}")
    page.wait_for_selector("#job .problem")
    assert "no image in this folder" in page.inner_text("#job")
    assert page.url.endswith(job["id"])
    page.click("a:has-text('Fill in the form again')")
    assert page.input_value("input[name=title]") == "without-images"
    page.click("button:has-text('Define the plane')")  # on the same data
    page.wait_for_selector("#job .problem")
    assert not page.url.endswith(job["id"])


def test_cancel(page: Any, keeper: Served) -> None:
    """A plain form, as it works without scripts too."""
    client = Client(keeper.address)
    first, second = (client.define_planes_there(["training"])["id"] for _ in range(2))
    page.goto(f"/jobs/{second}")
    assert re.search("Running|Waiting", page.inner_text("#job"))
    page.click("button:has-text('Cancel')")
    page.wait_for_selector("text=Cancelled.")
    assert client.job(second)["state"] == "cancelled"
    client.cancel(first)


def turn_to(page: Any, seen: bool) -> None:
    """Let a page believe that it is in front, or behind another."""
    page.evaluate(
        """seen => {
            Object.defineProperty(document, "hidden", {value: !seen, configurable: true});
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        seen,
    )


def test_page_in_the_background_holds_no_connection(page: Any, keeper: Served) -> None:
    client = Client(keeper.address)
    _, second = (client.define_planes_there(["training"])["id"] for _ in range(2))
    events = f"{keeper.address}/api/v1/jobs/{second}/events"
    with page.expect_request(events):
        page.goto(f"/jobs/{second}")
    with page.expect_event("requestfailed", lambda request: request.url == events):
        turn_to(page, seen=False)
    with page.expect_request(events):
        turn_to(page, seen=True)
    page.wait_for_url(f"**/planes/{second}")


@pytest.fixture(scope="module")
def states(keeper: Served, tiny_sweep: Path) -> list[str]:
    """Addresses of pages in their states: planes, a comparison, jobs that ended in each way."""
    client = Client(keeper.address)
    (tiny_sweep.parent / "without-images").mkdir(exist_ok=True)
    failed, done = (
        client.define_planes_there([name])["id"] for name in ("without-images", "training")
    )
    cancelled = client.cancel(client.define_planes_there(["training"])["id"])["id"]
    for name in (failed, done):
        client.wait(name)
    jobs = [f"/jobs/{name}" for name in (failed, done, cancelled)]
    folder = f"/planes?folder={tiny_sweep.as_posix()}"
    return ["/planes", folder, f"/planes/{done}", f"/planes/compare?ids={done}", "/jobs", *jobs]


def test_axe_finds_nothing(browser: Any, keeper: Served, states: list[str]) -> None:
    with window(browser, keeper.address) as page:
        for address in states:
            page.goto(address)
            if "compare" in address:
                page.wait_for_selector("#compare .scatterlayer .point")
            assert (address, found(page)) == (address, [])
