"""Axe finds nothing on any page, light, dark or on a tablet: names, roles, contrast, headings."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import pytest
from tests.web.requests import png_of
from tests.web.server import Served, serve

from refp.web import WebSettings

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, ViewportSize

pytestmark = pytest.mark.slow
Scheme = Literal["light", "dark"]

AXE = Path(__file__).parents[1] / "axe" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN_AXE = """async (tags) => {
  const {violations, passes} = await axe.run(
    document, {runOnly: tags, resultTypes: ["violations"]},
  );
  return {violations, passes: passes.length};
}"""
"""Elements that pass are counted by their rules, not described, which takes long."""
SIZE: "ViewportSize" = {"width": 1366, "height": 768}
TABLET: "ViewportSize" = {"width": 768, "height": 1024}
WAIT_MS = 120_000
LOOKS: "tuple[tuple[Scheme, ViewportSize], ...]" = (
    ("light", SIZE),
    ("dark", SIZE),
    ("light", TABLET),
)
"""Colours, and a window as small as those that pages are made for."""
PAGES = ("/", "/live", "/models", "/history", "/help", "/login", "/nothing")
"""Every page that an address shows by itself; a page of its own belongs in here."""
STATES = ("result", "refusal", "many", "problem", "bad file")
"""What a form brings, by the files that :func:`sent` has for it."""


class Started(NamedTuple):
    """A server that keeps a history, and the files that are sent to it."""

    served: Served
    files: dict[str, list[Path]]


@pytest.fixture(scope="module")
def started(
    settings: WebSettings, image_files: list[Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Started]:
    folder = tmp_path_factory.mktemp("accessible")
    blank, text = folder / "blank.png", folder / "text.png"
    noise = np.random.default_rng(0).normal(100, 2, (160, 200))
    blank.write_bytes(png_of(noise.astype(np.uint8)))
    text.write_text("no image")
    files = {
        "result": [image_files[4]],
        "refusal": [blank],
        "many": [image_files[4], blank],
        "problem": [image_files[4]] * 5,
        "bad file": [text],
    }
    kept = settings.model_copy(update={"history": str(folder / "history.db"), "tolerance_um": 50.0})
    with serve(kept) as served:
        yield Started(served, files)


@pytest.fixture
def page(browser: "Browser", started: Started) -> "Iterator[Page]":
    """A window to look at pages in."""
    with window(browser, started.served.address) as page:
        yield page


@contextmanager
def window(browser: "Browser", address: str) -> "Iterator[Page]":
    """Open a window to look at the pages of a server in."""
    context = browser.new_context(
        base_url=address,
        bypass_csp=True,  # for axe alone, which is put into the page
        reduced_motion="reduce",
    )
    context.set_default_timeout(WAIT_MS)  # of a machine that has much else to do
    yield context.new_page()
    context.close()


def found(page: "Page") -> list[str]:
    """Return what axe has against a page as it stands, in every look."""
    if not AXE.is_file():
        pytest.skip("axe-core is not part of the source archive")
    page.add_script_tag(path=AXE)
    return [
        f"{scheme} {size['width']} px: {one}"
        for scheme, size in LOOKS
        for one in looked_at(page, scheme, size)
    ]


def looked_at(page: "Page", scheme: Scheme, size: "ViewportSize") -> list[str]:
    """Return what axe has against a page in colours and a window of some size."""
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size(size)
    told = page.evaluate(RUN_AXE, RULES)
    assert told["passes"]
    return [
        f"{rule['id']}: {rule['help']}: {node['html'][:150]}: {node['failureSummary'][:300]}"
        for rule in told["violations"]
        for node in rule["nodes"]
    ]


def send(page: "Page", files: list[Path]) -> None:
    """Choose files on the first page, send them, and wait for what comes."""
    page.goto("/")
    page.set_input_files("#files", files)
    page.click("#form button[type=submit]")
    page.wait_for_selector("#result > *")


@pytest.mark.parametrize("path", PAGES)
def test_page(page: "Page", path: str) -> None:
    page.goto(path)
    assert found(page) == []


@pytest.mark.parametrize("state", STATES)
def test_state(page: "Page", started: Started, state: str) -> None:
    send(page, started.files[state])
    assert found(page) == []


def test_result_with_all_open(page: "Page", started: Started) -> None:
    send(page, started.files["result"])
    page.wait_for_selector(".profile .main-svg")
    page.locator("#result summary").click()
    page.reload()
    page.wait_for_selector(".profile .main-svg")
    page.locator(".bead").nth(1).press("Enter")
    page.locator("#result summary").click()
    assert found(page) == []


def test_history_with_records(page: "Page", started: Started) -> None:
    send(page, started.files["result"])
    page.goto("/history?series=all")
    page.wait_for_selector(".history-chart .main-svg")
    assert "Newest records" in page.content()
    assert found(page) == []


def test_card_that_is_open(page: "Page") -> None:
    page.goto("/models")
    page.locator("summary").first.click()
    assert found(page) == []


def test_first_start_with_nothing(browser: "Browser") -> None:
    with serve(WebSettings(workers=1)) as served, window(browser, served.address) as page:
        for path in ("/", "/models", "/history"):
            page.goto(path)
            assert found(page) == []
