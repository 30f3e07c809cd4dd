"""The History page in a real browser: the chart is drawn, and the button alone sends a daily check."""

import re
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


def test_a_daily_check(
    page: Any, settings: WebSettings, image_files: list[Path], tmp_path: Path
) -> None:
    with served_with(settings, tmp_path) as address:
        client = Client(address)
        values = np.subtract(STEADY, 2.7).tolist()
        client.record(rows(*values, 2.0, None, instrument="a2k"))
        client.freeze("spring", "a2k", "2026-03-01", "2026-03-21")
        client.annotate("<b>new slide</b>", "a2k", at="2026-03-10")
        page.goto(f"{address}/history")
        page.wait_for_selector(".history-chart .main-svg")
        assert page.locator(".history-chart .point").count() >= len(STEADY) + 2
        chart = page.locator(".history-chart").text_content()
        assert all(word in chart for word in ("mean", "+3 sd", "1_3s", "<b>new slide</b>"))
        page.set_input_files("#check-file", image_files[4])
        page.fill("#check-form [name=operator]", "Ada")
        with page.expect_navigation(wait_until="load"):
            page.click("#check-form button")
        assert "within limits" in page.inner_text("#check-outcome")
        assert page.input_value("#check-form [name=operator]") == "Ada"
        (newest,) = client.history(limit=1)
        assert (newest["purpose"], newest["operator"]) == ("daily", "Ada")
        overflow = "document.documentElement.scrollWidth - innerWidth"
        for width in (1366, 768, 390):
            page.set_viewport_size({"width": width, "height": 768})
            page.locator(".records summary").first.click()
            assert page.evaluate(overflow) <= 0
        assert page.wrong == []


def test_a_check_is_sent_by_the_button_once(
    page: Any, settings: WebSettings, image_files: list[Path], tmp_path: Path
) -> None:
    with served_with(settings, tmp_path) as address:
        client = Client(address)
        page.goto(f"{address}/history")
        page.set_input_files("#check-file", image_files[4])
        page.fill("#check-form [name=operator]", "Ada")
        page.wait_for_load_state("networkidle")
        assert client.history() == []
        with page.expect_navigation(wait_until="load"):
            page.dblclick("#check-form button")
        assert len(client.history()) == 1
        assert page.input_value("#check-file") == ""
        page.click("#check-form button")  # without an image: the browser asks for one
        page.set_input_files("#check-file", image_files[4])
        with page.expect_navigation(wait_until="load"):
            page.click("#check-form button")
        assert "The same image was recorded on" in page.inner_text("#check")
        assert len(client.history()) == 2
        assert page.wrong == []


def test_a_problem_keeps_the_image_of_a_check(
    page: Any, settings: WebSettings, image_files: list[Path], tmp_path: Path
) -> None:
    with served_with(settings, tmp_path) as address:
        page.goto(f"{address}/history")
        page.set_input_files("#check-file", image_files[4])
        page.evaluate("document.querySelector('#check-form [name=form_token]').value = 'old'")
        page.click("#check-form button")
        page.wait_for_selector("#check-form .problem")
        assert page.locator(".check-busy").is_hidden()
        assert page.input_value("#check-file").endswith(image_files[4].name)
        assert Client(address).history() == []


def test_a_failure_is_seen_at_every_width(
    page: Any, settings: WebSettings, image_files: list[Path], tmp_path: Path
) -> None:
    """Wide limits, a strict tolerance: chart, panel, banner and records agree that the check fails."""
    strict = settings.model_copy(update={"tolerance_um": 1.5})
    with served_with(strict, tmp_path) as address:
        client = Client(address)
        values = [-1.2, 9.0] * 10
        client.record(rows(*values, instrument="a2k", verdict="fail", tolerance_um=1.5))
        client.freeze("wide", "a2k", "2026-03-01", "2026-03-21")
        client.check(image_files[4])
        for width in (390, 768, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            page.goto(f"{address}/history?instrument=a2k")
            page.wait_for_selector(".history-chart .main-svg")
            assert "fail: outside the tolerance" in page.inner_text("#check-outcome").lower()
            assert "fail: outside the tolerance" in page.inner_text(".fired")
            assert "wider than the tolerance" in page.inner_text(".drift .caution")
            chart = page.locator(".history-chart").text_content()
            assert "fail: outside the tolerance" in chart
            assert "tolerance ±1.5 µm" in chart
            dates = page.locator(".history-chart .xtick").all_text_contents()
            assert dates
            assert all(re.fullmatch(r"2026-\d\d-\d\d", date) for date in dates)
            cells = page.locator(".records tbody tr").first
            assert "ok · outside the tolerance" in cells.locator("[data-label=status]").inner_text()
            assert cells.locator("[data-label=verdict]").inner_text().strip() != "ok"
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        assert page.wrong == []
