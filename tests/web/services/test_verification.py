"""State of verification in the API and on the pages."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

pytest.importorskip("sqlalchemy", reason="a history needs extra 'history'")

from tests.web.markup import check
from tests.web.requests import BASE, ESTIMATES

from refp.core.digests import hash_file
from refp.history import Verification, VerificationLog, new_id
from refp.history.verification import Criterion
from refp.web import WebSettings, create_app
from refp.web.wording.numbers import describe_move

CHECKS = "/api/v1/history/checks"
File = tuple[str, bytes]


def verification(
    model: Path, serial: str, valid_days: int, slope: float | None = None
) -> Verification:
    at = datetime.now(UTC) - timedelta(days=10)
    return Verification(
        id=new_id(),
        verified_at=at,
        valid_until=at + timedelta(days=valid_days),
        instrument="a2k",
        serial=serial,
        objective="",
        condenser="",
        operator="Ada",
        note="",
        model="lookup",
        model_sha256=hash_file(model),
        data_sha256="0" * 64,
        version="0.1.0",
        tolerance_um=7.5,
        half_range_um=40.0,
        n_images=9,
        outcome="pass",
        criteria=() if slope is None else (Criterion("slope", slope, 0.01, 0.02, 0.1, "pass"),),
    )


@pytest.fixture(scope="module")
def app(
    settings: WebSettings, lookup_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TestClient]:
    """An app whose model was verified on B2, and whose verification on C3 has expired."""
    database = tmp_path_factory.mktemp("verified") / "history.db"
    with VerificationLog.open(database) as log:
        log.append(verification(lookup_model, "B2", 30, slope=-0.99))
        log.append(verification(lookup_model, "C3", 5))
    kept = settings.model_copy(update={"history": str(database)})
    with TestClient(create_app(kept), base_url=BASE) as client:
        yield client


@pytest.mark.parametrize(
    ("serial", "status", "verdict", "state"),
    [
        ("", "ok", "pass", "instrument not stated"),
        ("B2", "ok", "pass", "verified until "),
        ("C3", "unverified", "unverified", "verification expired on "),
        ("D4", "unverified", "unverified", "not verified"),
    ],
)
def test_rows_and_page_state_the_verification(
    app: TestClient, good: File, serial: str, status: str, verdict: str, state: str
) -> None:
    fields = {"serial": serial, "tolerance_um": "100"}
    (row,) = app.post(ESTIMATES, files={"files": good}, data=fields).json()["estimates"]
    assert (row["status"], row["verdict"]) == (status, verdict)
    assert row["verification"].startswith(state)
    (record,) = app.get("/api/v1/history", params={"limit": 1}).json()
    assert (record["serial"], record["status"]) == (serial, "ok")
    assert record["instrument"] == (f"a2k #{serial}" if serial else "a2k")
    assert record["verification"] == row["verification"]
    token = app.get("/").text.partition('name="form_token" value="')[2].partition('"')[0]
    page = app.post("/estimate", files={"files": good}, data={**fields, "form_token": token}).text
    assert row["verification"] in page
    assert f'class="verdict {verdict}"' in page
    assert ("Reason: " in page) == (status == "unverified")
    known = row["stage_move_um"] is not None
    assert known == ("direction of the stage not known" not in page) == (serial == "B2")
    assert not known or row["stage_move_um"] == row["delta_z_um"]  # its slope is negative
    assert describe_move(row) in page
    assert 'class="number"' in page
    check(page)


def test_the_direction_of_the_server_precedes_that_of_the_history(
    app: TestClient, settings: WebSettings, good: File
) -> None:
    history = app.app.state.engine.settings.history
    given = settings.model_copy(update={"history": history, "stage_direction": 1})
    with TestClient(create_app(given), base_url=BASE) as client:
        for serial in ("", "B2", "D4"):
            answer = client.post(ESTIMATES, files={"files": good}, data={"serial": serial})
            (row,) = answer.json()["estimates"]
            assert row["stage_move_um"] == -row["delta_z_um"]
        assert describe_move(row) in client.get("/live").text


def test_live_states_the_move(app: TestClient, good: File) -> None:
    for serial, known in (("D4", False), ("B2", True)):
        app.post(ESTIMATES, files={"files": good}, data={"serial": serial})
        page = app.get("/live").text
        assert ("Z of the stage by" in page) == known
        check(page)


def test_models_state_their_verifications(app: TestClient) -> None:
    (model,) = app.get("/api/v1/models").json()
    found = {one["instrument"]: (one["outcome"], one["valid"]) for one in model["verified"]}
    assert found == {"a2k #B2": ("pass", True), "a2k #C3": ("pass", False)}
    page = app.get("/models").text
    assert "a2k #B2: verified until" in page
    assert "a2k #C3: verification expired on" in page
    check(page)


def test_without_a_history_it_is_not_known(client: TestClient) -> None:
    (model,) = client.get("/api/v1/models").json()
    assert model["verified"] is None
    assert "Verified on" not in client.get("/models").text


def test_a_daily_check_belongs_to_the_instrument_shown(app: TestClient, good: File) -> None:
    answer = app.post(CHECKS, files={"files": good}, data={"instrument": "a2k #B2"}).json()
    assert (answer["record"]["instrument"], answer["record"]["serial"]) == ("a2k #B2", "B2")
    assert answer["estimate"]["status"] == "ok"
