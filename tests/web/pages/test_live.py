"""The page Live: the newest estimate of the history, and its events."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import httpx
import pytest

pytest.importorskip("sqlalchemy", reason="a history needs extra 'history'")

from fastapi.testclient import TestClient
from tests.web.history_data import HISTORY, STEADY, app_with, freeze, row, served_with
from tests.web.markup import check as check_markup

from refp.history import ACTIONS, History, HistoryRecord, new_id, parse_time
from refp.web import WebSettings
from refp.web.errors import WorkError
from refp.web.pages.live import newest_ids
from refp.web.wording.remedies import REMEDIES
from refp.web.workers import calls
from refp.web.workers.live import newest_id, read_live

if TYPE_CHECKING:
    from playwright.sync_api import Browser

TOLERANCE_UM = 5.0


def estimate(number: int, dz_um: float | None, half_um: float = 1.0, **values: object) -> Any:
    """A row of the API with its interval."""
    ends = {
        "lower_um": None if dz_um is None else dz_um - half_um,
        "upper_um": None if dz_um is None else dz_um + half_um,
        "reason": "no_beads: no bead found" if dz_um is None else "",
    }
    return row(number, dz_um, **{**ends, **values})


@pytest.fixture
def app(settings: WebSettings, tmp_path: Path) -> Iterator[TestClient]:
    judging = settings.model_copy(update={"tolerance_um": TOLERANCE_UM})
    with app_with(judging, tmp_path) as client:
        yield client


def append(client: TestClient, *rows: Any) -> None:
    assert client.post(HISTORY, json=list(rows)).status_code == 200


def shown(client: TestClient, query: str = "") -> str:
    page = client.get(f"/live{query}")
    assert page.status_code == 200, page.text
    check_markup(page.text)
    return str(page.text)


def test_the_newest_is_large_and_judged(app: TestClient) -> None:
    assert "No estimate yet" in shown(app)
    append(app, estimate(0, 7.0), estimate(1, -2.06))
    page = shown(app)
    assert '<article class="board pass">' in page
    assert '<span class="digits">\N{MINUS SIGN}2.1</span>' in page
    assert "±1.0" in page
    assert "below the reference plane" in page
    assert "daily_1.tif" in page
    assert page.count('<g class="mark ') == 2
    assert 'class="mark fail"' in page
    assert 'class="mark pass last"' in page


@pytest.mark.parametrize(
    ("dz_um", "query", "outcome"),
    [
        (6.5, "", "fail"),
        (5.5, "", "inconclusive"),
        (6.5, "?tolerance_um=10", "pass"),
        (6.5, "?tolerance_um=", "ok"),
        (None, "", "refused"),
    ],
)
def test_outcomes(app: TestClient, dz_um: float | None, query: str, outcome: str) -> None:
    append(app, estimate(0, dz_um))
    page = shown(app, query)
    assert f'<article class="board {outcome}">' in page
    assert (REMEDIES["no_beads"].remedy in page) == (dz_um is None)
    assert ('class="band"' in page) == (query != "?tolerance_um=")


UNVERIFIED = "unverified: serial '7' is not stated by the model, nor verified"


@pytest.mark.parametrize(
    "values",
    [
        {"reason": UNVERIFIED, "verdict": "unverified", "tolerance_um": 5.0},
        {"reason": UNVERIFIED},  # recorded without a tolerance
    ],
)
@pytest.mark.parametrize("query", ["", "?tolerance_um="])
def test_an_unverified_image_has_no_verdict(
    app: TestClient, query: str, values: dict[str, object]
) -> None:
    append(app, estimate(0, 1.0, **values))
    page = shown(app, query)
    assert '<article class="board unverified">' in page
    assert "nor verified" in page


def test_a_reason_that_only_begins_alike_is_no_status(app: TestClient) -> None:
    append(app, estimate(0, 1.0, reason="unverified optics were noted by the operator"))
    assert '<article class="board pass">' in shown(app)


def test_rules_that_reject_the_newest_are_named(app: TestClient) -> None:
    append(app, *(estimate(k, dz_um) for k, dz_um in enumerate(STEADY)))
    assert freeze(app).status_code == 201
    append(app, estimate(21, 3.6))
    page = shown(app)
    assert "Verdict: pass" in page
    assert "Do not measure with this instrument" in page
    for query in ("", "?tolerance_um=4", "?tolerance_um="):  # pass, inconclusive, without a verdict
        page = shown(app, query)
        assert '<article class="board fail">' in page
        assert "<strong>out of control</strong>" in page
    assert "but outside the control limits" in shown(app)
    page = shown(app, "?tolerance_um=2")
    assert "<strong>fail</strong>" in page
    assert "Out of control too" in page


def test_the_actions_of_all_rules_are_shown(app: TestClient) -> None:
    append(app, *(estimate(k, dz_um) for k, dz_um in enumerate(STEADY)))
    assert freeze(app).status_code == 201
    append(app, estimate(21, -2.5), estimate(22, 3.6))
    page = shown(app)
    assert page.index(ACTIONS["1_3s"]) < page.index(ACTIONS["R_4s"])


def test_one_instrument_and_the_last_fifty(app: TestClient) -> None:
    append(app, *(estimate(k, 0.1 * k) for k in range(54)))
    append(app, estimate(60, 3.0, instrument="other"))
    assert "Last 50 estimates" in shown(app)
    page = shown(app, "?instrument=other")
    assert "Last 1 estimate of" in page
    assert '<option value="other" selected>' in page
    assert "No estimate yet" in shown(app, "?instrument=nobody")


@pytest.mark.parametrize(
    "query", ["tolerance_um=much", "tolerance_um=-1", "instrument=" + "x" * 500]
)
def test_what_is_refused(app: TestClient, query: str) -> None:
    assert app.get(f"/live?{query}").status_code == 422


def test_without_a_history(client: TestClient) -> None:
    assert "No history is kept" in shown(client)
    assert client.get("/live/events").status_code == 404


def test_worker_functions_without_a_database(tmp_path: Path) -> None:
    missing = str(tmp_path / "history.db")
    assert newest_id(missing, "") == ""
    assert read_live(missing, "", 5.0).rows == []


def test_events_follow_changes_and_survive_an_absent_database() -> None:
    answers: list[Any] = ["a", "a", WorkError("history_error", "away"), "b", *["b"] * 30, "c"]

    async def run(function: Callable[..., str], instrument: str) -> str:
        assert (function, instrument) == (calls.live.newest_id, "mine")
        answer = answers.pop(0)
        if isinstance(answer, WorkError):
            raise answer
        return str(answer)

    async def scene() -> list[str]:
        engine: Any = SimpleNamespace(history=SimpleNamespace(run=run))
        events = newest_ids(engine, "mine", look_s=0)
        return [await anext(events) for _ in range(4)]

    events = asyncio.run(scene())
    assert events == [
        "event: newest\ndata: a\n\n",
        "event: newest\ndata: b\n\n",
        ": alive\n\n",
        "event: newest\ndata: c\n\n",
    ]


def record(database: Path, dz_um: float, number: int) -> str:
    """Append as another process does."""
    made = HistoryRecord(
        id=new_id(),
        recorded_at=parse_time(f"2026-04-01T08:00:{number:02d}+00:00"),
        kind="estimate",
        instrument="a2k",
        image=f"img_{number}.tif",
        status="ok",
        delta_z_um=dz_um,
        u_um=0.5,
        lower_um=dz_um - 1,
        upper_um=dz_um + 1,
    )
    with History.open(database) as history:
        history.append([made])
    return made.id


def test_in_a_browser_a_new_record_appears_by_itself(
    browser: "Browser", settings: WebSettings, tmp_path: Path
) -> None:
    judging = settings.model_copy(update={"tolerance_um": TOLERANCE_UM})
    first = record(tmp_path / "history.db", 2.0, 1)
    with served_with(judging, tmp_path) as address, browser.new_context() as context:
        with httpx.stream("GET", f"{address}/live/events", timeout=60) as stream:
            lines = stream.iter_lines()
            assert [next(lines), next(lines)] == ["event: newest", f"data: {first}"]
        context.set_default_timeout(120_000)
        page, wrong = context.new_page(), []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
        page.goto(f"{address}/live")
        assert page.inner_text(".digits") == "+2.0"
        page.evaluate("window.unchanged = true")
        record(tmp_path / "history.db", -8.5, 2)
        page.wait_for_selector(".board.fail")
        assert page.inner_text(".digits") == "\N{MINUS SIGN}8.5"
        assert page.title().startswith("\N{MINUS SIGN}8.5")
        assert page.locator(".strip .plot .mark").count() == 2
        assert page.evaluate("window.unchanged")
        for width in (768, 1280, 1920):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
            size_px = "parseFloat(getComputedStyle(document.querySelector('.digits')).fontSize)"
            assert page.evaluate(size_px) >= 140  # digits of 27 mm at 96 px per inch
        assert wrong == []
