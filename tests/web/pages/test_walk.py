"""A newcomer walks through the pages in a real browser, from nothing to a rule that fires."""

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("sqlalchemy", reason="a history needs extra 'history'")

from tests.web.history_data import rows
from tests.web.server import Server, start_server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.slow
RunRefp = Callable[..., Any]
PATIENT_MS = 240_000
STEADY = (0.4, -0.6, 0.1, 0.9, -0.3, -0.8, 0.5, 0.2, -0.4, 0.7, -0.1, 0.3)
DROP = """([name, content]) => {
  const bytes = Uint8Array.from(atob(content), (c) => c.charCodeAt(0));
  const dropped = new DataTransfer();
  dropped.items.add(new File([bytes], name));
  document.dispatchEvent(new DragEvent("drop", {dataTransfer: dropped, bubbles: true}));
}"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server that was never started before."""
    with start_server(tmp_path / "home") as server:
        yield server


@pytest.fixture
def page(browser: "Browser") -> Iterator["Page"]:
    """A page; whatever goes wrong in it fails the test."""
    context = browser.new_context(viewport={"width": 1366, "height": 768})
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "console", lambda message: wrong.append(message.text) if message.type == "error" else None
    )
    page.set_default_timeout(PATIENT_MS)
    yield page
    assert wrong == []
    context.close()


def drop(page: "Page", path: Path) -> None:
    """Drop a file onto the page, as from a folder of the desktop."""
    content = base64.b64encode(path.read_bytes()).decode()
    page.evaluate(DROP, [path.name, content])
    page.click("#form button[type=submit]")
    page.wait_for_selector(f".result .name[title='{path.name}']")


def see_that_nothing_is_there(page: "Page", server: Server) -> None:
    page.goto(server.address)
    assert "No model yet" in page.inner_text("main")
    for path in ("planes", "models", "history", "help", "jobs"):
        page.goto(f"{server.address}/{path}")
        assert page.locator("h1").count() == 1


def define_a_plane(page: "Page", server: Server) -> dict[str, Any]:
    page.goto(f"{server.address}/planes")
    page.click("text=Simulate one to try")
    page.wait_for_url("**/planes?folder=**")
    page.check(".folders .entry:has-text('training') input")
    page.fill("[name=title]", "First sweep")
    page.fill("#define [name=operator]", "Ada")
    page.click("button:has-text('Define the plane')")
    page.wait_for_url(f"{server.address}/planes/*-*")
    assert "First sweep" in page.inner_text("h1")
    (planes,) = server.client.all_planes()
    shown = page.inner_text(".key-number >> nth=0")
    first = planes["planes"][0]
    own_um = [one["refp_um"] for one in planes["planes"] if one["fov"] == first["fov"]]
    assert f"{sum(own_um) / len(own_um):.1f} " in shown
    return planes


def train_a_model(page: "Page") -> None:
    page.click("text=Train a model")
    page.fill("#train-name", "first")
    page.click("#train button[type=submit]")
    page.wait_for_url("**/models#first*")
    assert page.inner_text(".card h2 >> nth=0").startswith("first")


def read_the_number(page: "Page", server: Server, image: Path, told: Any) -> None:
    page.goto(server.address)
    page.fill("[name=tolerance_um]", "7.5")
    drop(page, image)
    (row,) = server.client.estimate([image], tolerance_um=7.5)
    assert [row] == told
    assert page.inner_text(".number") == f"{abs(row['delta_z_um']):.1f}"
    assert row["verdict"] in page.inner_text(".verdict").lower()
    page.locator(".bead.used >> nth=1").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".profile .main-svg")


def see_the_refusal(page: "Page", nothing: Path) -> None:
    drop(page, nothing)
    assert "No bead to measure" in page.inner_text(".refusal")
    assert "Move to a place with single beads" in page.inner_text(".todo")


def freeze_limits_and_provoke_a_rule(page: "Page", server: Server, image: Path) -> None:
    server.client.record(rows(*STEADY, *STEADY, instrument="a2k"))
    page.goto(f"{server.address}/history?instrument=a2k&until=2026-04-01")
    page.wait_for_selector(".history-chart .main-svg")
    page.click("summary:has-text('Freeze limits')")
    page.fill(".drift-forms [name=name]", "spring")
    page.click("button:has-text('Freeze')")
    page.wait_for_selector("text=Limits frozen as “spring”")
    server.client.check(image)  # far off; estimates that are no daily checks are not in the chart
    page.goto(f"{server.address}/history?instrument=a2k")
    page.wait_for_selector(".history-chart .main-svg")
    assert "1_3s" in page.inner_text(".fired")


def test_from_nothing_to_a_rule(
    server: Server, page: "Page", tmp_path: Path, run_refp: RunRefp, blank: bytes
) -> None:
    see_that_nothing_is_there(page, server)
    planes = define_a_plane(page, server)
    train_a_model(page)
    model = tmp_path / "home" / "models" / "first.refp"
    image = sorted((tmp_path / "home" / "demo" / "test").glob("*.tif"))[10]
    done = run_refp("estimate", model, image, "--tolerance-um", 7.5, "--json")
    read_the_number(page, server, image, json.loads(done.stdout))
    nothing = tmp_path / "nothing.png"
    nothing.write_bytes(blank)
    see_the_refusal(page, nothing)
    freeze_limits_and_provoke_a_rule(page, server, image)
    assert len(server.client.history()) == 2 * len(STEADY) + len(planes["planes"]) + 4
