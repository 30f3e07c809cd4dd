"""``refp history``: separate daily checks, and operators of corrections."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sqlalchemy", reason="a history needs extra 'history'")

from refp.history import OUTSIDE_TOLERANCE, History, HistoryRecord, new_id, parse_time

RunRefp = Callable[..., Any]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Twenty daily checks by Ada, and as many other images far off."""
    records = [
        HistoryRecord(
            id=new_id(),
            recorded_at=parse_time(f"2026-03-{day:02}T08:00+01:00"),
            kind="estimate",
            instrument="a2k",
            operator="Ada",
            status="ok",
            delta_z_um=day + far,
            purpose="" if far else "daily",
        )
        for day in range(1, 21)
        for far in (0.0, 50.0)
    ]
    with History.open(tmp_path / "history.db") as history:
        history.append(records)
    return tmp_path


def listed(run_refp: RunRefp, home: Path, *options: object) -> list[dict[str, Any]]:
    done = run_refp("history", "list", "--json", "--home", home, *options)
    assert done.code == 0, done.stderr
    return json.loads(done.stdout)


def test_daily_checks_alone(run_refp: RunRefp, home: Path, tmp_path: Path) -> None:
    daily = listed(run_refp, home, "--daily")
    assert [row["delta_z_um"] for row in daily] == list(range(1, 21))
    period = ("--since", "2026-03-01", "--until", "2026-04-01", "--home", home, "--json")
    named = ("history", "baseline", "daily", "--instrument", "a2k", *period)
    (row,) = json.loads(run_refp(*named).stdout)
    assert (row["n"], row["mean"], row["purpose"]) == (20, 10.5, "daily")
    chart = ("history", "chart", "--instrument", "a2k", "--home", home)
    drawn = run_refp(*chart, "-o", tmp_path / "d.svg").stderr
    assert "a2k: 20 values of dZ (um) of daily checks" in drawn
    assert "Limits: baseline 'daily', 20 checks" in drawn
    pooled = run_refp(*chart, "-o", tmp_path / "a.svg", "--all").stderr
    assert "a2k: 40 values of dZ (um) of all estimates" in pooled
    assert "No limits: no limits are frozen; 40 estimates on 20 days are enough" in pooled


def test_a_chart_names_the_checks_that_limits_need(
    run_refp: RunRefp, home: Path, tmp_path: Path
) -> None:
    chart = ("history", "chart", "--instrument", "a2k", "--home", home)
    few = run_refp(*chart, "-o", tmp_path / "f.html", "--until", "2026-03-04")
    missing = "limits need 20 checks on 5 days; there are 3 on 3"
    assert missing in few.stderr
    assert "imits need 20 checks on 5 days" in (tmp_path / "f.html").read_text(encoding="utf-8")
    period = ("--since", "2026-03-01", "--until", "2026-03-04")
    done = run_refp("history", "baseline", "x", "--instrument", "a2k", *period, "--home", home)
    assert (done.code, missing in done.stderr) == (2, True)


def test_a_check_outside_the_tolerance_fails_whatever_the_limits(
    run_refp: RunRefp, home: Path, lookup_model: Path, tiny_test: Path, tmp_path: Path
) -> None:
    """The image is at about -2.7 um: within limits of 10.5 +- 3 x 5.9 um, and outside 1.5 um."""
    period = ("--since", "2026-03-01", "--until", "2026-04-01", "--home", home)
    assert run_refp("history", "baseline", "w", "--instrument", "a2k", *period).code == 0
    image = sorted(tiny_test.glob("*.tif"))[4]
    record = ("history", "record", lookup_model, image, "--daily", "--home", home)
    within = run_refp(*record)
    assert ": within the limits 'w'" in within.stderr or ": warning 1_2s" in within.stderr
    done = run_refp(*record, "--tolerance-um", "1.5")
    assert done.code == 0, done.stderr
    assert "um, FAIL: outside the tolerance of \N{PLUS-MINUS SIGN}1.5 um. " in done.stderr
    assert OUTSIDE_TOLERANCE in done.stderr
    assert "within the limits" not in done.stderr
    assert "are wider than the tolerance of \N{PLUS-MINUS SIGN}1.5 um" in done.stderr
    chart = ("history", "chart", "--instrument", "a2k", "--home", home, "-o", tmp_path / "c.html")
    drawn = run_refp(*chart).stderr  # with the tolerance of the newest check
    assert "outside the tolerance of \N{PLUS-MINUS SIGN}1.5 um" in drawn
    assert "Caution: the limits, " in drawn
    page = (tmp_path / "c.html").read_text(encoding="utf-8")
    assert "The last value is outside the tolerance" in page
    assert OUTSIDE_TOLERANCE in page


def test_record_a_daily_check(
    run_refp: RunRefp, tmp_path: Path, lookup_model: Path, tiny_test: Path
) -> None:
    image = sorted(tiny_test.glob("*.tif"))[4]
    for options in ([], ["--daily"]):
        done = run_refp("history", "record", lookup_model, image, *options, "--home", tmp_path)
        assert done.code == 0, done.stderr
    assert [row["purpose"] for row in listed(run_refp, tmp_path)] == ["", "daily"]


def test_the_operator_of_a_correction_differs_from_that_of_the_record(
    run_refp: RunRefp, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "login")
    first, second, third = listed(run_refp, home, "--daily")[:3]
    correct = ("history", "correct", "--home", home, "--json")
    done = run_refp(*correct, first["id"], "--delta-z-um", "3.5", "--operator", "Grace")
    (row,) = json.loads(done.stdout)
    assert (row["operator"], row["corrected_by"], row["purpose"]) == ("Ada", "Grace", "daily")
    (row,) = json.loads(run_refp(*correct, second["id"], "--measured-by", "Edith").stdout)
    assert (row["operator"], row["corrected_by"]) == ("Edith", "login")
    shown = run_refp("history", "list", "--home", home).stdout
    assert "corrected_by" in shown
    nothing = run_refp(*correct, third["id"], "--operator", "Grace")
    assert (nothing.code, "nothing to correct" in nothing.stderr) == (2, True)


def test_records_of_a_serial_number(
    run_refp: RunRefp, tmp_path: Path, lookup_model: Path, tiny_test: Path
) -> None:
    image = sorted(tiny_test.glob("*.tif"))[4]
    record = ("history", "record", lookup_model, image, "--home", tmp_path)
    for options in ((), ("--serial", "A1")):
        assert run_refp(*record, *options).code == 0
    names = [(row["instrument"], row["serial"]) for row in listed(run_refp, tmp_path)]
    assert names == [("a2k", ""), ("a2k #A1", "A1")]
    (one,) = listed(run_refp, tmp_path, "--instrument", "a2k", "--serial", "A1")
    assert one["serial"] == "A1"
