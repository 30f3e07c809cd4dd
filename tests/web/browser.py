"""A real browser for walks through the pages: Debian's Chromium, or whichever is there."""

import os
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
QUIET = (
    "--no-sandbox",  # tests run as root in containers
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find_chromium() -> str:
    """Return the program that ``REFP_CHROMIUM`` or the path names; empty where there is none."""
    named = os.environ.get("REFP_CHROMIUM", "")
    return named or next(filter(None, map(shutil.which, NAMES)), "")


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """Chromium without a window; a test opens contexts of its own in it.

    Of a module, not of all: while playwright is on, its thread can run no other event loop.
    """
    api = pytest.importorskip("playwright.sync_api", reason="browsers are driven with extra 'dev'")
    program = find_chromium()
    if not program:
        pytest.skip("no Chromium here; install it (apt-get install chromium) or set REFP_CHROMIUM")
    with api.sync_playwright() as playwright:
        try:
            started = playwright.chromium.launch(executable_path=program, args=list(QUIET))
        except api.Error as error:
            pytest.skip(f"{program} does not start: {error.message.splitlines()[0]}")
        yield started
        started.close()
