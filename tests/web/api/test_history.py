"""The history by the API: pushed, charted, frozen, noted, corrected; refused where it is wrong."""

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

pytest.importorskip("sqlalchemy", reason="a history needs extra 'history'")

from tests.web.history_data import HISTORY, STEADY, app_with, freeze, row, rows

from refp.history import ACTIONS, OUTSIDE_TOLERANCE, RULES, History, new_id
from refp.history.actions import gravest_first
from refp.web import WebSettings
from refp.web.schemas.history import MAX_RECORDS

SD = float(np.std(STEADY, ddof=1))
PROVOKED = {
    "1_2s": [2.5],
    "1_3s": [3.5],
    "2_2s": [2.2, 2.4],
    "R_4s": [2.3, -2.3],
    "4_1s": [1.5, 1.2, 1.3, 1.4],
    "10_x": [0.3] * 10,
}
"""Values, in standard deviations, whose last makes a rule fire that fired at none before."""


@pytest.fixture(scope="module")
def app(settings: WebSettings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Steady values of ``mine``, pushed; limits frozen from them."""
    with app_with(settings, tmp_path_factory.mktemp("pushed")) as client:
        sent = client.post(HISTORY, json=rows(*STEADY))
        assert sent.json() == {"received": 20, "new": 20}, sent.text
        assert freeze(client).status_code == 201
        yield client


@pytest.fixture
def database(app: TestClient) -> Path:
    return Path(app.app.state.engine.settings.history)  # type: ignore[attr-defined]


def test_what_is_sent_again_is_not_doubled(app: TestClient) -> None:
    mine = rows(1.0, None, instrument="twice")
    assert app.post(HISTORY, json=mine).json() == {"received": 2, "new": 2}
    assert app.post(HISTORY, json=[*mine, row(5, 2.0, instrument="twice")]).json()["new"] == 1
    changed = [{**mine[0], "delta_z_um": 7.0}, row(6, 3.0, instrument="twice")]
    conflict = app.post(HISTORY, json=changed)
    assert (conflict.status_code, conflict.json()["code"]) == (409, "history_error")
    assert "append a correction" in conflict.json()["detail"]
    assert len(app.get(HISTORY, params={"instrument": "twice"}).json()) == 3  # all or none


def test_what_is_read_can_be_pushed_to_another(
    app: TestClient, settings: WebSettings, tmp_path: Path
) -> None:
    received = app.get(HISTORY, params={"instrument": "mine", "limit": 20}).json()
    with app_with(settings, tmp_path) as other:
        assert other.post(HISTORY, json=received).json()["new"] == len(received)
        theirs = other.get(HISTORY).json()
    for mine, own in zip(received, theirs, strict=True):
        assert {**mine, "appended_at": ""} == {**own, "appended_at": ""}
    assert app.post(HISTORY, json=theirs).json()["new"] == 0


def test_the_same_numbers_as_the_command_line(
    app: TestClient, database: Path, run_refp: Callable[..., Any], tmp_path: Path
) -> None:
    listed = run_refp(
        "history", "list", "--json", "--instrument", "mine", "--home", database.parent
    )
    assert app.get(HISTORY, params={"instrument": "mine"}).json() == json.loads(listed.stdout)[::-1]
    received = app.get(f"{HISTORY}/chart", params={"instrument": "mine"}).json()
    values = {one["recorded_at"]: one["delta_z_um"] for one in json.loads(listed.stdout)}
    assert {p["time"]: p["value"] for p in received["points"]} == values
    drawn = run_refp(
        *("history", "chart", "--instrument", "mine", "--home", database.parent),
        *("-o", tmp_path / "c.svg"),
    )
    assert f"{received['n']} values" in drawn.stderr
    limits = received["baseline"]
    for part in (f"mean {limits['mean']:.4g}", f"standard deviation {limits['sd']:.3g}"):
        assert part in drawn.stderr
    assert [one["value"] for one in received["limits"]] == pytest.approx(SD * np.arange(-3.0, 4.0))


@pytest.mark.parametrize("rule", list(PROVOKED))
def test_each_rule_is_named_where_it_fires(app: TestClient, rule: str) -> None:
    name = f"rule {rule}"
    calm, out = rows(*STEADY, instrument=name), np.multiply(PROVOKED[rule], SD).tolist()
    app.post(HISTORY, json=[*calm, *rows(*out, start=20, instrument=name)])
    freeze(app, instrument=name)
    received = app.get(f"{HISTORY}/chart", params={"instrument": name}).json()
    last = received["points"][-1]
    assert rule in last["rules"]
    assert all(rule not in point["rules"] for point in received["points"][:-1])
    (fired,) = [one for one in received["firings"] if one["rule"] == rule]
    assert (fired["time"], fired["value"], fired["image"]) == (
        *(last["time"], last["value"]),
        last["image"],
    )
    assert (fired["meaning"], fired["action"]) == (RULES[rule], ACTIONS[rule])
    (count,) = [one for one in received["rules"] if one["rule"] == rule]
    assert (count["n"], count["last_at"]) == (1, last["time"])
    page = app.get("/history", params={"instrument": name}).text
    assert RULES[rule] in page
    assert f"{', '.join(gravest_first(last['rules']))}</span>" in page
    assert last["state"] == ("warning" if last["rules"] == ["1_2s"] else "rejected")


def test_verdict_and_status_are_two_columns(
    app: TestClient, database: Path, run_refp: Callable[..., Any], tmp_path: Path
) -> None:
    judged = [
        row(0, 16.2, verdict="fail", tolerance_um=5.0),
        row(1, 4.0, verdict="inconclusive", tolerance_um=5.0),
        row(2, 1.0),
        row(3, None, tolerance_um=5.0),
    ]
    pairs = [("ok", "fail"), ("ok", "inconclusive"), ("ok", ""), ("refused", "")]
    asked = {"instrument": "judged"}
    assert app.post(HISTORY, json=[{**one, **asked} for one in judged]).status_code == 200
    received = app.get(HISTORY, params=asked).json()[::-1]
    assert [(one["status"], one["verdict"]) for one in received] == pairs
    home = ("--instrument", "judged", "--home", database.parent)
    assert json.loads(run_refp("history", "list", "--json", *home).stdout) == received
    table = tmp_path / "h.csv"
    assert run_refp("history", "export", *home, "-o", table).code == 0
    page_csv = app.get("/history/records.csv", params=asked).text
    for text in (table.read_text(encoding="utf-8"), page_csv):
        lines = list(csv.DictReader(text.splitlines()))
        assert [(one["status"], one["verdict"]) for one in lines] == pairs
    chart = app.get(f"{HISTORY}/chart", params=asked).json()
    assert [(p["verdict"], p["state"]) for p in chart["points"]] == [
        *(("fail", "outside_tolerance"), ("inconclusive", "no_limits")),
        *(("", "no_limits"), ("", "no_value")),
    ]
    wrong = app.post(HISTORY, json=[row(0, 1.0, **asked, verdict="good")])
    assert (wrong.status_code, "0.verdict" in wrong.json()["detail"]) == (422, True)


def test_a_value_outside_the_tolerance_is_never_within_limits(app: TestClient) -> None:
    asked = {"instrument": "wide"}
    values = [-40.0, 16.0] * 10
    app.post(HISTORY, json=rows(*values, 16.2, -4.0, -78.8, **asked, tolerance_um=5.0))
    assert freeze(app, **asked).json()["purpose"] == "daily"
    chart = app.get(f"{HISTORY}/chart", params=asked).json()
    states = [p["state"] for p in chart["points"]]
    assert states[-3:] == ["outside_tolerance", "within_limits", "outside_tolerance"]
    assert (chart["n_outside"], chart["tolerance_um"], chart["missing"]) == (22, 5.0, "")
    assert "are wider than the tolerance of \N{PLUS-MINUS SIGN}5 um" in chart["caution"]
    page = app.get("/history", params=asked).text
    assert "fail: outside the tolerance" in page
    assert OUTSIDE_TOLERANCE in page
    assert chart["caution"].replace(" um", " µm").replace(" -", " \N{MINUS SIGN}") in page


def test_frozen_limits_do_not_move(app: TestClient) -> None:
    asked = {"instrument": "still"}
    app.post(HISTORY, json=rows(*STEADY, **asked))
    frozen = freeze(app, **asked, operator="Ada").json()
    assert (frozen["n"], frozen["mean"], frozen["by"]) == (20, 0.0, "Ada")
    app.post(HISTORY, json=rows(*[50.0] * 9, start=3, **asked))  # in the period, too
    assert app.get(f"{HISTORY}/baselines", params=asked).json() == [frozen]
    assert app.get(f"{HISTORY}/chart", params=asked).json()["baseline"] == frozen
    again = freeze(app, **asked)
    assert (again.status_code, again.json()["code"]) == (409, "history_error")
    assert "another name" in again.json()["detail"]
    wide = freeze(app, "wide", **asked).json()
    assert (wide["n"], wide["n_days"]) == (29, 20)
    named = app.get(f"{HISTORY}/chart", params={**asked, "baseline": "spring"}).json()
    assert named["baseline"] == frozen


def test_notes_are_in_the_chart(app: TestClient) -> None:
    text = "<script>alert(1)</script>\nnew slide lot"
    body = {"text": text, "instrument": "mine", "at": "2026-03-10T12:00+01:00", "operator": "Bo"}
    made = app.post(f"{HISTORY}/annotations", json=body)
    assert made.status_code == 201
    record = made.json()
    assert (record["kind"], record["note"], record["operator"]) == ("annotation", text, "Bo")
    received = app.get(f"{HISTORY}/chart", params={"instrument": "mine"}).json()
    assert {"time": "2026-03-10T12:00:00+01:00", "text": text} in received["annotations"]
    assert record in app.get(HISTORY, params={"kind": "annotation"}).json()
    page = app.get("/history", params={"instrument": "mine", "until": "2026-03-12"}).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_corrections_tell_who_and_when(app: TestClient, database: Path) -> None:
    old, other = rows(1.0, 2.0, instrument="wrong")
    app.post(HISTORY, json=[old, other])
    body = {"ids": [old["id"]], "delta_z_um": 3.5, "note": "wrong slide", "operator": "Grace"}
    made = app.post(f"{HISTORY}/corrections", json=body)
    assert made.status_code == 201
    (new,) = made.json()
    assert (new["delta_z_um"], new["u_um"], new["corrects"]) == (3.5, None, old["id"])
    assert (new["operator"], new["corrected_by"]) == ("Ada", "Grace")
    assert new["recorded_at"] == old["recorded_at"]
    assert new["appended_at"] > new["recorded_at"]
    asked = {"instrument": "wrong"}
    assert [r["delta_z_um"] for r in app.get(HISTORY, params=asked).json()] == [2.0, 3.5]
    everything = app.get(HISTORY, params={**asked, "with_corrected": True}).json()
    assert {r["id"] for r in everything} == {old["id"], other["id"], new["id"]}
    twice = app.post(f"{HISTORY}/corrections", json=body)
    assert (twice.status_code, new["id"] in twice.json()["detail"]) == (409, True)
    gone = {"ids": [other["id"]], "note": "bumped", "withdraw": True, "operator": "Grace"}
    (withdrawn,) = app.post(f"{HISTORY}/corrections", json=gone).json()
    assert (withdrawn["status"], withdrawn["reason"]) == ("refused", "withdrawn: bumped")
    with History.open(database) as history:
        assert history.find([new["id"]])[0].corrected_by == "Grace"


def test_choices_of_the_list(app: TestClient) -> None:
    asked = {"instrument": "chosen"}
    plane = {"kind": "plane", "status": "ok", "delta_z_um": None, "u_um": None, "refp_um": 1503.0}
    others = rows(1.0, 2.0, 3.0, **asked, purpose="")
    app.post(HISTORY, json=[*others, row(1, None, **asked, **plane, purpose="")])
    app.post(HISTORY, json=[row(9, 4.0, **asked)])

    def dz(**chosen: object) -> list[float | None]:
        return [r["delta_z_um"] for r in app.get(HISTORY, params={**asked, **chosen}).json()]

    assert dz(kind="estimate") == [4.0, 3.0, 2.0, 1.0]
    assert dz(kind="estimate", limit=2) == [4.0, 3.0]
    assert dz(only="daily") == [4.0]
    assert dz(kind="plane") == [None]
    assert dz(since="2026-03-03T00:00+01:00", until="2026-03-04T00:00+01:00") == [3.0]
    chart = app.get(f"{HISTORY}/chart", params={**asked, "quantity": "refp_um"}).json()
    assert [p["value"] for p in chart["points"]] == [1503.0]
    daily = app.get(f"{HISTORY}/chart", params=asked).json()
    assert ([p["value"] for p in daily["points"]], daily["series"]) == ([4.0], "daily")
    pooled = app.get(f"{HISTORY}/chart", params={**asked, "series": "all"}).json()
    assert [p["value"] for p in pooled["points"]] == [1.0, 2.0, 3.0, 4.0]
    assert (pooled["series"], pooled["missing"]) == (
        *("all", "limits need 20 estimates on 5 days; there are 4 on 4"),
    )


LIMITS_OF = {"name": "x", "instrument": "mine", "since": "2026-03-01", "until": "2026-03-21"}
ANY = "0b1f2c3d-0f1e-4c5a-9b8d-7e6f5a4b3c2d"
GOOD = row(0, 1.0)


@pytest.mark.parametrize(
    ("place", "body", "status", "message"),
    [
        pytest.param("/baselines", {**LIMITS_OF, "instrument": "nobody"}, 422, "there are 0 on 0"),
        pytest.param("/baselines", {**LIMITS_OF, "until": "2026-02-01"}, 422, "not after since"),
        pytest.param("/baselines", {**LIMITS_OF, "until": "2026-03-04"}, 422, "there are 3 on 3"),
        pytest.param("/baselines", {**LIMITS_OF, "since": "spring"}, 422, "write it as"),
        pytest.param("/baselines", {**LIMITS_OF, "since": ""}, 422, "since"),
        pytest.param("/baselines", {**LIMITS_OF, "name": " "}, 422, "needs a name"),
        pytest.param("/baselines", {**LIMITS_OF, "quantity": "color"}, 422, "quantity"),
        pytest.param("/baselines", {**LIMITS_OF, "size": 1}, 422, "size: Extra inputs"),
        pytest.param(
            "/annotations", {"text": "x" * 2001, "instrument": "mine"}, 422, "at most 2000"
        ),
        pytest.param("/annotations", {"text": "x\0", "instrument": "mine"}, 422, "text"),
        pytest.param("/annotations", {"text": "x", "instrument": ""}, 422, "instrument"),
        pytest.param(
            "/annotations", {"text": "x", "instrument": "mine", "at": "noon"}, 422, "write it as"
        ),
        pytest.param("/corrections", {"ids": [ANY], "note": "x"}, 422, "no record of this id"),
        pytest.param("/corrections", {"ids": ["1"], "note": "x"}, 422, "ids.0"),
        pytest.param("/corrections", {"ids": [ANY]}, 422, "nothing to correct"),
        pytest.param("/corrections", {"ids": [], "note": "x"}, 422, "ids"),
        pytest.param("/corrections", {"ids": [ANY], "u_um": -1}, 422, "u_um"),
        pytest.param("", [], 422, "at least 1"),
        pytest.param("", [GOOD] * (MAX_RECORDS + 1), 422, f"at most {MAX_RECORDS}"),
        pytest.param("", [{**GOOD, "recorded_at": "2026-03-01T08:00"}], 422, "recorded_at"),
        pytest.param("", [{**GOOD, "recorded_at": "0001-01-01T00:00+14:00"}], 422, "recorded_at"),
        pytest.param("", [{**GOOD, "delta_z_um": "3"}], 422, "delta_z_um"),
        pytest.param("", [{**GOOD, "n_beads": 10**30}], 422, "n_beads"),
        pytest.param("", [{**GOOD, "id": "1"}], 422, "0.id"),
        pytest.param("", [{**GOOD, "note": "x\0"}], 422, "0.note"),
        pytest.param("", [{**GOOD, "corrects": ANY}], 422, "no record of this id to correct"),
        pytest.param("", {"records": []}, 422, "valid array"),
    ],
)
def test_invalid_requests(
    app: TestClient, place: str, body: object, status: int, message: str
) -> None:
    before = app.get(HISTORY).json(), app.get(f"{HISTORY}/baselines").json()
    answer = app.post(HISTORY + place, json=body)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert message in answer.json()["detail"]
    assert "\n" not in answer.json()["detail"]
    assert (app.get(HISTORY).json(), app.get(f"{HISTORY}/baselines").json()) == before


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"instrument": "nobody"}, "no daily check of instrument 'nobody'"),
        ({"instrument": "mine", "quantity": "color"}, "quantity"),
        ({"instrument": "mine", "baseline": "none"}, "not frozen for delta_z_um"),
        ({"instrument": "mine", "since": "2026-04-01", "until": "2026-03-01"}, "not after since"),
        ({"instrument": "mine", "since": "soon"}, "write it as"),
        ({"instrument": "mine", "series": "weekly"}, "series"),
        ({}, "instrument"),
    ],
)
def test_chart_without_values(app: TestClient, asked: dict[str, str], message: str) -> None:
    answer = app.get(f"{HISTORY}/chart", params=asked)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert message in answer.json()["detail"]


def test_before_anything_is_recorded(settings: WebSettings, tmp_path: Path) -> None:
    with app_with(settings, tmp_path) as client:
        assert client.get(f"{HISTORY}/baselines").json() == []
        assert "has no records yet" in freeze(client).json()["detail"]
        assert client.get(f"{HISTORY}/chart", params={"instrument": "x"}).status_code == 422
        assert not (tmp_path / "history.db").exists()
        note = {"text": "new lamp", "instrument": "x"}
        assert client.post(f"{HISTORY}/annotations", json=note).status_code == 201
        assert "No daily check with a value of dZ" in client.get("/history").text


@pytest.mark.parametrize(
    ("method", "place", "body"),
    [
        ("GET", "/chart?instrument=x", None),
        ("GET", "/baselines", None),
        ("POST", "", [GOOD]),
        ("POST", "/baselines", LIMITS_OF),
        ("POST", "/annotations", {"text": "x", "instrument": "x"}),
        ("POST", "/corrections", {"ids": [ANY], "note": "x"}),
    ],
)
def test_without_a_history(client: TestClient, method: str, place: str, body: object) -> None:
    answer = client.request(method, HISTORY + place, json=body)
    assert (answer.status_code, answer.json()["code"]) == (404, "no_history")


def test_openapi_documents_the_bodies(client: TestClient) -> None:
    paths = client.get("/api/v1/openapi.json").json()["paths"]
    for place in ("", "/baselines", "/annotations", "/corrections"):
        (content,) = paths[HISTORY + place]["post"]["requestBody"]["content"].values()
        assert content["schema"]["type"] in ("array", "object")
    assert "multipart/form-data" in paths[f"{HISTORY}/checks"]["post"]["requestBody"]["content"]
    estimates = paths["/api/v1/estimates"]["post"]["requestBody"]["content"]
    for body in estimates.values():
        assert "operator" in body["schema"]["properties"]


def test_points_of_a_long_chart_are_few(app: TestClient) -> None:
    rng = np.random.default_rng(0)
    values = [*(3.0 + rng.normal(size=7000)).tolist(), 99.0]
    many = [
        {**row(0, value, instrument="long"), "id": new_id(), "recorded_at": _minute(k)}
        for k, value in enumerate(values)
    ]
    app.post(HISTORY, json=rows(*STEADY, instrument="long"))
    for start in range(0, len(many), MAX_RECORDS):
        assert app.post(HISTORY, json=many[start : start + MAX_RECORDS]).status_code == 200
    freeze(app, instrument="long")
    received = app.get(f"{HISTORY}/chart", params={"instrument": "long"}).json()
    assert received["n"] == len(values) + len(STEADY)
    assert received["n_points"] == len(received["points"]) < 5000
    assert {max(values), min(values)} <= {p["value"] for p in received["points"]}
    assert max(one["n"] for one in received["rules"]) > 6000


def _minute(k: int) -> str:
    hour, minute = divmod(k, 60)
    return f"2026-04-{1 + hour // 24:02d}T{hour % 24:02d}:{minute:02d}:00+00:00"
