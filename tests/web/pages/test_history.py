"""The History page: chart, limits, notes, corrections and the daily check, without JavaScript."""

import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from fastapi.testclient import TestClient
from httpx import Response

pytest.importorskip("sqlalchemy", reason="a history needs extra 'history'")

from tests.web.history_data import HISTORY, STEADY, app_with, freeze, row, rows
from tests.web.markup import check as check_markup
from tests.web.requests import ESTIMATES, File, form_token, send_form

from refp.history import ACTIONS, OUTSIDE_TOLERANCE
from refp.web import WebSettings
from refp.web.pages.history import QUANTITIES
from refp.web.wording.remedies import REMEDIES

CHECKS = f"{HISTORY}/checks"


@pytest.fixture(scope="module")
def app(settings: WebSettings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Steady values of ``mine``."""
    with app_with(settings, tmp_path_factory.mktemp("shown")) as client:
        assert client.post(HISTORY, json=rows(*STEADY, 9.0, None)).status_code == 200
        yield client


def send(client: TestClient, place: str, *files: File, **fields: str) -> Response:
    """Send a form of the page, as a browser would."""
    token = {"form_token": form_token(client, "/history"), "show_instrument": "mine"}
    parts: list[tuple[str, Any]] = [
        (name, (None, value)) for name, value in {**token, **fields}.items()
    ]
    return client.post(f"/history/{place}", files=[*parts, *(("files", one) for one in files)])


def test_the_page_is_sound_and_has_every_part(app: TestClient) -> None:
    freeze(app, "sound")
    page = app.get("/history", params={"instrument": "mine"})
    check_markup(page.text)
    assert "No daily check today" in page.text
    message = app.get(f"{HISTORY}/chart", params={"instrument": "mine"}).json()
    drawn = re.search(r'<script type="application/json" id="chart-data">(.*)</script>', page.text)
    assert drawn is not None
    content = json.loads(drawn[1])
    assert [one["state"] for one in content.pop("findings")] == ["rejected"]
    assert {**content, "firings": None} == {**message, "firings": None}
    assert '<noscript><img class="control" src="/history/chart.svg?' in page.text
    assert "21 values on 21 days, 1 refused" in page.text
    assert "Do not measure with this instrument" in page.text  # of 1_3s, which the last value fires
    assert 'value="2026-03-01"' in page.text  # the chart's first day, for new limits


def test_every_form_needs_its_token(app: TestClient, good: File) -> None:
    before = app.get(HISTORY).json()
    for place in ("checks", "baselines", "annotations", "corrections"):
        files = [good] if place == "checks" else []  # the others take none
        answer = send(app, place, *files, form_token="0" * 64, text="x", instrument="mine")
        assert (answer.status_code, "out of date" in answer.text) == (403, True), place
    assert app.get(HISTORY).json() == before


def test_freeze_limits(app: TestClient) -> None:
    period = {"since": "2026-03-01", "until": "2026-03-21", "instrument": "mine"}
    page = send(app, "baselines", name="by page", operator="Ada", **period)
    assert page.url.path == "/history"
    assert "Limits frozen as “by page” from 20 values on 20 days" in page.text
    (mine,) = [one for one in app.get(f"{HISTORY}/baselines").json() if one["name"] == "by page"]
    assert (mine["n"], mine["mean"], mine["by"]) == (20, 0.0, "Ada")
    assert 'name="operator" size="12" maxlength="120" autocomplete="name" value="Ada"' in page.text
    few = send(app, "baselines", name="few", **{**period, "until": "2026-03-04"})
    assert (few.status_code, "take a longer period" in few.text) == (422, True)
    assert "limits need 20 checks on 5 days; there are 3 on 3" in few.text
    wrong = send(app, "baselines", name="few", **{**period, "until": "2026-02-04"})
    assert (wrong.status_code, "exchange them" in wrong.text) == (422, True)
    check_markup(wrong.text)


def test_note_what_happened(app: TestClient) -> None:
    text = '<img src=x onerror="alert(1)">'
    when = "2026-03-15T10:00"
    page = send(app, "annotations", text=text, instrument="mine", at=when, operator="Bo")
    assert page.status_code == 200
    check_markup(app.get("/history?instrument=mine&until=2026-03-17").text)
    (note,) = app.get(HISTORY, params={"kind": "annotation"}).json()
    assert (note["note"], note["operator"]) == (text, "Bo")
    assert note["recorded_at"].startswith(when)
    huge = send(app, "annotations", text="x" * 3000, instrument="mine")
    assert (huge.status_code, "at most 2000" in huge.text) == (422, True)


def test_correct_and_withdraw(app: TestClient) -> None:
    first, second = rows(5.0, 6.0, instrument="other")
    app.post(HISTORY, json=[first, second])
    shown = {"show_instrument": "other", "operator": "Grace"}
    page = send(app, "corrections", id=first["id"], delta_z_um="4.5", note="typo", **shown)
    assert "corrected" in page.text
    assert "by Grace" in page.text
    send(app, "corrections", id=second["id"], withdraw="true", note="wrong slide", **shown)
    newest = app.get(HISTORY, params={"instrument": "other"}).json()
    message = [(r["delta_z_um"], r["operator"], r["corrected_by"], r["reason"]) for r in newest]
    assert message == [(None, "Ada", "Grace", "withdrawn: wrong slide"), (4.5, "Ada", "Grace", "")]
    nothing = send(app, "corrections", id=first["id"], note="again", **shown)
    assert (nothing.status_code, "corrected already" in nothing.text) == (409, True)
    word = send(app, "corrections", id=first["id"], delta_z_um="much", note="x", **shown)
    assert (word.status_code, "delta_z_um" in word.text) == (422, True)


@pytest.mark.parametrize("quantity", list(QUANTITIES))
def test_every_quantity_has_a_page(app: TestClient, quantity: str) -> None:
    page = app.get("/history", params={"instrument": "mine", "quantity": quantity})
    assert page.status_code == 200
    check_markup(page.text)
    assert ("value of" in page.text and 'role="note"><strong>No' in page.text) == (
        quantity in ("refp_um", "slope", "t_squared")
    )


@pytest.mark.parametrize(
    ("asked", "status", "message"),
    [
        ("instrument=nobody", 200, "No records of “nobody”"),
        ("instrument=<script>", 200, "&lt;script&gt;"),
        ("since=2026-05-01", 200, "No daily check with a value of dZ"),
        ("series=all&since=2026-05-01", 200, "No value of dZ"),
        ("quantity=color", 422, "choose delta_z_um"),
        ("since=soon", 422, "write it as"),
        ("since=2026-05-01&until=2026-04-01", 422, "exchange them"),
        ("baseline=none", 422, "not frozen"),
        ("series=weekly", 422, "choose &#39;daily&#39; or &#39;all&#39;"),
    ],
)
def test_missing_content(app: TestClient, asked: str, status: int, message: str) -> None:
    page = app.get(f"/history?{'' if asked.startswith('inst') else 'instrument=mine&'}{asked}")
    assert (page.status_code, message in page.text) == (status, True), page.text
    check_markup(page.text)


def test_before_anything_and_without_a_history(
    settings: WebSettings, client: TestClient, tmp_path: Path, good: File
) -> None:
    with app_with(settings, tmp_path) as new:
        page = new.get("/history").text
        assert "Nothing recorded yet" in page
        assert 'action="/history/checks"' in page
        check_markup(page)
    assert "No history is kept" in client.get("/history").text
    assert "Your name" not in client.get("/").text
    answer = client.post(CHECKS, files={"files": good})
    assert (answer.status_code, answer.json()["code"]) == (404, "no_history")


def test_daily_check(settings: WebSettings, tmp_path: Path, good: File, blank: bytes) -> None:
    """The first has no limits, the next is compared with them, one is refused."""
    with app_with(settings, tmp_path) as app:
        first = app.post(CHECKS, files={"files": good}, data={"operator": "Ada"}).json()
        estimate = app.post(ESTIMATES, files={"files": good}).json()["estimates"][0]
        assert {k: first["estimate"][k] for k in estimate} == estimate
        record = first["record"]
        assert (record["purpose"], record["operator"]) == ("daily", "Ada")
        assert record["delta_z_um"] == estimate["delta_z_um"]
        assert (first["in_control"], first["rules"], first["baseline"]) == (None, [], "")
        page = send(app, "checks", good, operator="Bo")
        value = f"{estimate['delta_z_um']:+.1f}".replace("-", "\N{MINUS SIGN}")
        half = (estimate["upper_um"] - estimate["lower_um"]) / 2
        assert f"{value} ±{half:.1f} µm — no limits yet" in page.text
        assert "by Bo." in page.text
        near = np.add(STEADY, estimate["delta_z_um"]).tolist()
        app.post(HISTORY, json=rows(*near, instrument="a2k"))
        freeze(app, instrument="a2k")
        inside = send(app, "checks", good, operator="Bo")
        assert f"{value} ±{half:.1f} µm — within limits" in inside.text
        check_markup(inside.text)
        refused = send(app, "checks", ("blank.png", blank))
        assert "no number, no bead to measure" in refused.text
        assert REMEDIES["no_beads"].remedy in refused.text
        answer = app.post(CHECKS, files={"files": ("blank.png", blank)}).json()
        assert (answer["in_control"], answer["rules"]) == (None, [])
        assert answer["estimate"]["reason"].startswith("no_beads")
        daily = app.get(HISTORY, params={"only": "daily", "limit": 5}).json()
        assert [r["status"] for r in daily] == ["refused", "refused", "ok", "ok", "ok"]


def test_a_check_out_of_limits_names_the_rule(
    settings: WebSettings, tmp_path: Path, good: File
) -> None:
    with app_with(settings, tmp_path) as app:
        app.post(HISTORY, json=rows(*STEADY, instrument="a2k"))
        app.post(HISTORY, json=rows(50.0, 60.0, start=20, instrument="a2k", purpose=""))
        freeze(app, instrument="a2k")
        answer = app.post(CHECKS, files={"files": good}).json()
        # At -2.7 um, 2.7 standard deviations below, it only warns; the next one on that side rejects.
        assert answer["estimate"]["delta_z_um"] == pytest.approx(-2.7, abs=0.3)
        assert (answer["in_control"], answer["baseline"]) == (True, "spring")
        assert [one["rule"] for one in answer["rules"]] == ["1_2s"]
        page = send(app, "checks", good).text
        outcome = re.findall(r'id="check-outcome".*?</p>', page, re.S)[0]
        assert "out of control: do not measure" in outcome
        assert "2_2s" not in outcome
        assert page.index(ACTIONS["2_2s"]) < page.index(ACTIONS["1_2s"])
        check_markup(page)


def test_a_check_outside_the_tolerance_fails_whatever_the_limits(
    settings: WebSettings, tmp_path: Path, good: File
) -> None:
    strict = settings.model_copy(update={"tolerance_um": 1.5})
    with app_with(strict, tmp_path) as app:
        answer = app.post(CHECKS, files={"files": good}).json()  # at -2.7 um
        assert (answer["state"], answer["in_control"]) == ("outside_tolerance", False)
        assert answer["action"] == OUTSIDE_TOLERANCE
        assert answer["notes"] == ["limits need 20 checks on 5 days; there is 1 on 1"]
        assert answer["record"]["verdict"] == answer["estimate"]["verdict"]
        assert (answer["record"]["status"], answer["record"]["tolerance_um"]) == ("ok", 1.5)
        wide = np.multiply(STEADY, 30.0).tolist()
        app.post(HISTORY, json=rows(*wide, instrument="a2k"))
        freeze(app, instrument="a2k")
        page = send(app, "checks", good).text
        outcome = re.findall(r'id="check-outcome".*?</p>', page, re.S)[0]
        assert "fail: outside the tolerance of ±1.5 µm" in outcome
        assert "within limits" not in outcome
        assert OUTSIDE_TOLERANCE in page
        assert page.count("are wider than the tolerance of ±1.5 µm") == 2  # banner and chart
        check_markup(page)


def test_limits_and_chart_are_of_daily_checks_unless_asked(
    settings: WebSettings, tmp_path: Path
) -> None:
    with app_with(settings, tmp_path) as app:
        checks = rows(*STEADY[:12], instrument="mixed")
        app.post(HISTORY, json=[*checks, *rows(*[50.0, 70.0] * 20, instrument="mixed", purpose="")])
        page = app.get("/history?instrument=mixed").text
        assert "Daily checks: 12 values on 12 days" in page
        assert page.count("12 of 20 checks recorded, on 12 days") == 2  # banner and form
        assert "no tolerance is set" in page
        pooled = app.get("/history?instrument=mixed&series=all").text
        assert "All estimates: 52 values on 40 days" in pooled
        assert "Enough estimates are recorded: freeze limits now" in pooled
        refused = freeze(app, instrument="mixed", until="2026-05-01").json()
        assert "limits need 20 checks on 5 days; there are 12 on 12" in refused["detail"]
        assert freeze(app, instrument="mixed", until="2026-05-01", series="all").json()["n"] == 52
        page = app.get("/history?instrument=mixed").text
        assert "12 of 20 checks recorded" in page  # no limits still


def test_records_have_status_and_verdict(app: TestClient) -> None:
    judged = row(0, 16.2, instrument="judged", verdict="fail", tolerance_um=5.0)
    refused = row(1, None, instrument="judged", reason="no_beads: none found")
    app.post(HISTORY, json=[judged, refused])
    page = app.get("/history?instrument=judged").text
    heads = re.findall(r'<th scope="col"[^>]*>([^<]*)</th>', page[page.index("Newest records") :])
    assert {"Status", "Verdict"} <= set(heads)
    cells = re.findall(r'data-label="(status|verdict)">(.*?)</td>', page)
    texts = [(name, re.sub("<[^>]*>", "", cell)) for name, cell in cells]
    assert texts == [
        *(("status", "refused"), ("verdict", "–")),
        *(("status", "ok"), ("verdict", "fail (±5 µm)")),
    ]


def test_images_of_refocus_runs_are_named_and_left_out_of_the_chart(app: TestClient) -> None:
    own = {"instrument": "moved"}
    app.post(HISTORY, json=[row(0, 1.0, **own), row(1, -80.0, purpose="refocus", **own)])
    page = app.get("/history?instrument=moved").text
    assert '<td class="kind">refocus</td>' in page
    assert page.count('<td class="kind">daily check</td>') == 1
    listed = app.get(HISTORY, params={**own, "only": "refocus"}).json()
    assert [one["delta_z_um"] for one in listed] == [-80.0]
    assert ",refocus," in app.get("/history/records.csv", params=own).text
    assert app.get(f"{HISTORY}/chart", params=own).json()["n"] == 1


def test_a_check_is_one_image(app: TestClient, good: File, image_files: list[Path]) -> None:
    for files in ([], [good, good]):
        answer = app.post(CHECKS, files=[("files", one) for one in files] or {"x": ("", b"")})
        assert (answer.status_code, "one image" in answer.json()["detail"]) == (422, True)
    assert send(app, "checks").status_code == 422
    buffer = io.BytesIO()
    planes = np.stack([tifffile.imread(path) for path in image_files[3:5]])
    tifffile.imwrite(buffer, planes, photometric="minisblack")
    answer = app.post(CHECKS, files={"files": ("stack.tif", buffer.getvalue())}).json()
    assert answer["estimate"]["status"] == "refused"
    assert "2 pages" in answer["estimate"]["reason"]


def test_the_operator_lands_in_the_record(
    app: TestClient, good: File, image_files: list[Path], run_refp: Callable[..., Any]
) -> None:
    app.post(ESTIMATES, files={"files": good}, data={"operator": "Ada"})
    app.post(ESTIMATES, json={"paths": [image_files[4].name], "operator": "Grace Hopper"})
    page = send_form(app, good, operator="Zoë O'Neil")
    assert 'value="Zoë O&#39;Neil"' in page.text  # remembered
    assert 'value="Zoë O&#39;Neil"' in app.get("/history").text
    newest = app.get(HISTORY, params={"instrument": "a2k", "limit": 3}).json()
    assert [r["operator"] for r in newest] == ["Zoë O'Neil", "Grace Hopper", "Ada"]
    database = Path(app.app.state.engine.settings.history)  # type: ignore[attr-defined]
    listed = run_refp("history", "list", "--json", "--instrument", "a2k", "--home", database.parent)
    assert [r["operator"] for r in json.loads(listed.stdout)][-3:] == [
        *("Ada", "Grace Hopper", "Zoë O'Neil")
    ]
    send_form(app, good)  # an empty name is forgotten
    assert "Zoë" not in re.findall("<main.*</form>", app.get("/").text, re.S)[0]


@pytest.mark.parametrize("name", ["x" * 121, "a\nb", "a\0b"])
def test_what_is_no_name_is_refused(app: TestClient, good: File, name: str) -> None:
    message = app.post(ESTIMATES, files={"files": good}, data={"operator": name})
    assert (message.status_code, "operator" in message.json()["detail"]) == (422, True)
    message = app.post(ESTIMATES, json={"paths": ["x"], "operator": name})
    assert (message.status_code, "operator" in message.json()["detail"]) == (422, True)
    assert send_form(app, good, operator=name).status_code == 422


def test_a_cookie_that_was_edited_is_nobody(app: TestClient) -> None:
    page = app.get("/history", headers={"cookie": "refp_operator=a%00%3Cscript%3E"})
    assert page.status_code == 200
    assert "%3Cscript" not in page.text


def test_the_records_as_a_table(app: TestClient) -> None:
    text = app.get("/history/records.csv", params={"instrument": "mine"}).text
    assert text.count("daily_") == len(STEADY) + 2
    assert text.index("daily_0.tif") < text.index("daily_20.tif")


@pytest.mark.parametrize(
    ("name", "content"),
    [("notes.tif", b"no picture"), ("notes.png", b"\x89PNG\r\n\x1a\n" + b"x" * 64)],
)
def test_a_file_that_is_no_image_is_not_recorded(
    app: TestClient, name: str, content: bytes
) -> None:
    before = app.get(HISTORY).json()
    answer = app.post(CHECKS, files={"files": (name, content)})
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(f"{name}: ")
    page = send(app, "checks", (name, content))
    assert page.status_code == 422
    assert f"{name}: " in page.text
    assert app.get(HISTORY).json() == before


def test_records_show_the_finding_of_the_rules(settings: WebSettings, tmp_path: Path) -> None:
    with app_with(settings, tmp_path) as app:
        ends = {"lower_um": 8.4, "upper_um": 9.6}
        app.post(HISTORY, json=[*rows(*STEADY), row(20, 9.0, **ends), row(21, 2.5)])
        assert "Enough checks are recorded: freeze limits now" in app.get("/history").text
        freeze(app)
        page = app.get("/history").text
    check_markup(page)
    cells = re.findall(r'data-label="(dZ, µm|status)">(.*?)</td>', page, re.S)
    texts = [re.sub("<[^>]*>", "", cell) for _, cell in cells][:6]
    assert texts == ["+2.5", "ok · out of control", "+9.0 ±0.6", "ok · out of control", *texts[4:]]
    assert texts[5] == "ok"
    assert "Name of the limits" in page
