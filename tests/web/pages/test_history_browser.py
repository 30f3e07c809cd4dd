"""The History page in a real browser: the chart is drawn, and a daily check takes two clicks."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("sqlalchemy", reason="a history needs extra 'history'")

from tests.web.history_data import STEADY, rows, served_with

from refp.web import Client, WebSettings

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture
def page(browser: "Browser") -> Iterator[Any]:
    """A page of Chromium that remembers what went wrong in it."""
    with browser.new_context(viewport={"width": 1366, "height": 768}) as context:
        page = context.new_page()
        page.wrong = []
        page.on("pageerror", lambda error: page.wrong.append(str(error)))
        page.on("console", lambda m: page.wrong.append(m.text) if m.type == "error" else None)
        yield page


def test_two_clicks(
    page: Any, settings: WebSettings, image_files: list[Path], tmp_path: Path
) -> None:
    with served_with(settings, tmp_path) as address:
        client = Client(address)
        values = np.subtract(STEADY, 2.7).tolist()
        client.record(rows(*values, 2.0, None, instrument="a2k", purpose="daily"))
        client.freeze("spring", "a2k", "2026-03-01", "2026-03-21", only="daily")
        client.annotate("<b>new slide</b>", "a2k", at="2026-03-10")
        page.goto(f"{address}/history")
        page.wait_for_selector(".history-chart .main-svg")
        assert page.locator(".history-chart .point").count() >= len(STEADY) + 2
        chart = page.locator(".history-chart").text_content()
        assert all(word in chart for word in ("mean", "+3 sd", "1_3s", "<b>new slide</b>"))
        page.fill("#check-form [name=operator]", "Ada")
        with page.expect_file_chooser() as chooser:
            page.click(".check-button")
        with page.expect_navigation(wait_until="load"):
            chooser.value.set_files(image_files[4])
        assert "within limits" in page.inner_text("#check-outcome")
        assert page.input_value("#check-form [name=operator]") == "Ada"
        (newest,) = client.history(limit=1)
        assert (newest["purpose"], newest["operator"]) == ("daily", "Ada")
        overflow = "document.documentElement.scrollWidth - innerWidth"
        for width in (1366, 768):
            page.set_viewport_size({"width": width, "height": 768})
            page.locator(".records summary").first.click()
            assert page.evaluate(overflow) <= 0
        assert page.wrong == []
