"""The page Audit in a real browser."""

from typing import Any

import pytest

pytest.importorskip("sqlalchemy", reason="jobs need extra 'history'")
from tests.web.pages.test_accessible import found, window
from tests.web.server import Served


def test_the_page_is_reached_and_axe_finds_nothing(browser: Any, keeper: Served) -> None:
    with window(browser, keeper.address) as page:
        page.goto("/")
        page.click("nav >> text=Audit")
        page.wait_for_selector("h1:has-text('Audits of archives')")
        assert page.locator("#audit button").inner_text() == "Start the audit"
        assert found(page) == []
