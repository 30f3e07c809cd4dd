"""Every estimate is recorded; the History page and the API show the records."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

pytest.importorskip("sqlalchemy", reason="a history needs extra 'history'")

from tests.web.requests import BASE

from refp.history import History, HistoryRecord, Selection, new_id, parse_time
from refp.web import WebSettings, create_app

ESTIMATES = "/api/v1/estimates"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kept") / "history.db"


@pytest.fixture(scope="module")
def keeping(settings: WebSettings, database: Path) -> Iterator[TestClient]:
    """An app that keeps a history; nothing is in it at first."""
    app = create_app(settings.model_copy(update={"history": str(database)}))
    with TestClient(app, base_url=BASE) as client:
        assert "Nothing recorded yet" in client.get("/history").text
        assert client.get("/api/v1/history").json() == []
        assert not database.exists()
        yield client


@pytest.fixture(scope="module")
def estimated(keeping: TestClient, good: tuple[str, bytes]) -> list[dict[str, Any]]:
    """Rows of two files, one of which is not an image."""
    files = [("files", good), ("files", ("note.png", b"no picture"))]
    answer = keeping.post(ESTIMATES, files=files).json()
    assert "estimates" in answer, answer
    rows: list[dict[str, Any]] = answer["estimates"]
    return rows


def test_records_equal_the_rows(
    keeping: TestClient, estimated: list[dict[str, Any]], database: Path, lookup_model: Path
) -> None:
    rows = keeping.get("/api/v1/history").json()
    assert {row["image"] for row in rows} == {row["image"] for row in estimated}
    by_image = {row["image"]: row for row in rows}
    for row in estimated:
        kept = by_image[row["image"]]
        for name in (
            "delta_z_um",
            "u_um",
            "lower_um",
            "upper_um",
            "n_beads_used",
            "status",
            "reason",
        ):
            assert kept[name] == row[name], name
        assert len(kept["image_sha256"]) == len(kept["model_sha256"]) == 64
    with History.open(database) as history:
        assert len(history.select()) == len(estimated)


def test_the_page_shows_records_and_a_chart(
    keeping: TestClient, estimated: list[dict[str, Any]]
) -> None:
    page = keeping.get("/history").text
    assert all(row["image"] in page for row in estimated)
    assert "No daily check with a value of dZ" in page
    assert "series=all" in page
    pooled = {"instrument": "a2k", "series": "all"}
    assert "No limits yet" in keeping.get("/history", params=pooled).text
    chart = keeping.get("/history/chart.svg", params=pooled)
    assert chart.headers["content-type"] == "image/svg+xml"
    assert chart.text.lstrip().startswith("<?xml")
    table = keeping.get("/history/records.csv", params={"instrument": "a2k"}).text
    assert table.count("\n") == 1 + len(estimated)


def test_the_same_rows_as_the_command_line(
    keeping: TestClient,
    estimated: list[dict[str, Any]],
    database: Path,
    run_refp: Callable[..., Any],
) -> None:
    done = run_refp("history", "list", "--json", "--home", database.parent)
    assert done.code == 0, done.stderr
    listed = {row["id"]: row for row in json.loads(done.stdout)}
    for row in keeping.get("/api/v1/history").json():
        own = listed[row["id"]]
        assert {k: own[k] for k in ("image", "delta_z_um", "reason")} == {
            k: row[k] for k in ("image", "delta_z_um", "reason")
        }
    assert len(listed) == len(estimated)


def test_frozen_limits_are_named(keeping: TestClient, database: Path) -> None:
    records = [
        HistoryRecord(
            id=new_id(),
            recorded_at=parse_time(f"2026-03-{day:02d}T08:00+00:00"),
            kind="estimate",
            instrument="other",
            purpose="daily",
            status="ok",
            delta_z_um=day % 5 - 2.0,
        )
        for day in range(1, 21)
    ]
    with History.open(database) as history:
        history.append(records)
        since, until = parse_time("2026-03-01"), parse_time("2026-04-01")
        history.freeze("spring", Selection("other", since, until))
    assert "Limits frozen as \u201cspring\u201d" in keeping.get("/history?instrument=other").text
    some = keeping.get(
        "/api/v1/history", params={"instrument": "other", "since": "2026-03-19T00:00Z"}
    )
    assert len(some.json()) == 2


@pytest.mark.parametrize(
    "asked",
    [
        {"instrument": "a2k", "quantity": "color"},
        {"instrument": "nobody"},
        {"instrument": "a2k", "baseline": "none"},
    ],
)
def test_chart_without_values(
    keeping: TestClient, estimated: list[dict[str, Any]], asked: dict[str, str]
) -> None:
    answer = keeping.get("/history/chart.svg", params=asked)
    assert answer.status_code == 422
    assert "history" in answer.text.lower() or "quantity" in answer.text


def test_invalid_time(keeping: TestClient) -> None:
    problem = keeping.get("/api/v1/history", params={"since": "yesterday"})
    assert problem.json()["code"] == "history_error"
    assert "write it as" in problem.json()["detail"]


def test_where_no_history_is_kept_it_is_said(client: TestClient) -> None:
    assert "No history is kept" in client.get("/history").text
    answer = client.get("/api/v1/history")
    assert (answer.status_code, answer.json()["code"]) == (404, "no_history")


def test_a_database_that_cannot_be_written_is_told_and_no_number_is_lost_unseen(
    settings: WebSettings, good: tuple[str, bytes], tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    app = create_app(settings.model_copy(update={"history": str(blocked / "history.db")}))
    with TestClient(app, base_url=BASE) as client:
        answer = client.post(ESTIMATES, files=[("files", good)])
    assert (answer.status_code, answer.json()["code"]) == (503, "history_error")
