"""Every page in a real browser: no sideways scrolling from phone to desktop; an image is sent once."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("sqlalchemy", reason="a history needs extra 'history'")

from tests.web.history_data import STEADY, rows
from tests.web.pages.test_accessible import window
from tests.web.server import Served, serve

from refp.web import Client, WebSettings

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WIDTHS = (390, 768, 1280)
PAGES = (
    "/",
    "/live",
    "/planes",
    "/models",
    "/audits",
    "/history",
    "/help",
    "/jobs",
    "/login",
    "/nothing",
)
TOO_WIDE = """() => {
  const wide = [...document.querySelectorAll("body, body *")].filter((one) => {
    const look = getComputedStyle(one);
    return one.scrollWidth > one.clientWidth + 1 && one.clientWidth > 1 && one.checkVisibility()
      && (one === document.body || look.overflowX === "auto" || look.overflowX === "scroll");
  });
  const page = document.documentElement;
  const names = wide.map((one) => one.outerHTML.slice(0, 120));
  return page.scrollWidth > innerWidth ? [...names, "page"] : names;
}"""


@pytest.fixture(scope="module")
def served(
    settings: WebSettings,
    home_with_planes: tuple[Path, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Served]:
    """A server with planes, a model, and a history with daily checks and limits."""
    home = tmp_path_factory.mktemp("pages") / "home"
    shutil.copytree(home_with_planes[0], home)
    database = str(home / "history.db")
    update = {"home": home, "jobs": database, "history": database}
    with serve(settings.model_copy(update=update)) as served:
        client = Client(served.address)
        client.record(rows(*np.subtract(STEADY, 2.7), instrument="a2k", purpose="daily"))
        client.freeze("spring", "a2k", "2026-03-01", "2026-03-21")
        yield served


@pytest.fixture(scope="module")
def page(browser: "Browser", served: Served) -> "Iterator[Page]":
    with window(browser, served.address) as page:
        yield page


def send(page: "Page", *files: Path) -> None:
    """Choose images and press the button."""
    page.set_input_files("#files", list(files))
    page.click("#form button[type=submit]")


def see_at_every_width(page: "Page", name: str) -> list[str]:
    """Return what is wider than the page, at each width."""
    found = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 844})
        page.evaluate("() => new Promise((then) => requestAnimationFrame(() => setTimeout(then)))")
        found += [f"{name} at {width} px: {one}" for one in page.evaluate(TOO_WIDE)]
        last = page.locator("nav a").last.bounding_box()
        assert last is not None
        assert last["x"] + last["width"] <= width
    return found


def test_no_page_scrolls_sideways(
    page: "Page", home_with_planes: tuple[Path, str], image_files: list[Path]
) -> None:
    job = home_with_planes[1]
    own = (f"/jobs/{job}", f"/planes/{job}", f"/planes/compare?ids={job}")
    wide: list[str] = []
    for address in (*PAGES, *own):
        page.goto(address)
        for folded in page.locator("main details:not([open]) > summary").all()[:4]:
            if folded.is_visible():
                folded.click()
        wide += see_at_every_width(page, address)
    page.goto("/")
    page.fill("[name=tolerance_um]", "7.5")
    send(page, *image_files[3:5])
    page.wait_for_selector(".profile .main-svg")
    page.locator("#result summary").click()
    wide += see_at_every_width(page, "a result")
    assert wide == [], "\n".join(wide)


def test_nothing_is_sent_before_the_button(
    page: "Page", served: Served, image_files: list[Path]
) -> None:
    client = Client(served.address)
    n_before = len(client.history())
    page.goto("/")
    page.set_input_files("#files", image_files[6])
    assert image_files[6].name in page.inner_text("#chosen")
    page.fill("[name=tolerance_um]", "7.5")
    page.fill("#form [name=operator]", "Ada")
    assert len(client.history()) == n_before
    page.dblclick("#form button[type=submit]")
    page.wait_for_selector(".verdict")
    assert page.locator(".again").count() == 0
    page.click("#form button[type=submit]")  # without a file: the browser asks for one
    (newest, *_), n_after = client.history(limit=1), len(client.history())
    assert (n_after, newest["operator"]) == (n_before + 1, "Ada")


def test_same_image_is_told(page: "Page", served: Served, image_files: list[Path]) -> None:
    page.goto("/")
    page.fill("#form [name=operator]", "Ada")
    send(page, image_files[7])
    page.wait_for_selector(".result")
    page.goto("/")
    send(page, image_files[7])
    page.wait_for_selector(".again")
    assert "by Ada" in page.inner_text(".again")


def test_problem_keeps_files_and_fields(page: "Page", image_files: list[Path]) -> None:
    page.goto("/")
    page.fill("[name=tolerance_um]", "wide")
    send(page, image_files[2])
    page.wait_for_selector("#result .problem")
    assert image_files[2].name in page.inner_text("#chosen")
    page.fill("[name=tolerance_um]", "7.5")
    page.click("#form button[type=submit]")
    page.wait_for_selector(".result")


def test_form_of_a_page_keeps_fields(page: "Page") -> None:
    page.goto("/models")
    page.fill("#train-name", "no/name")
    page.click("#train button[type=submit]")
    page.wait_for_selector("#train .problem")
    assert page.input_value("#train-name") == "no/name"
    assert page.locator("#train button[type=submit]").is_enabled()
