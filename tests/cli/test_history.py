"""``refp history``."""

import json
import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tifffile

from refp.sweeps import list_images

pytest.importorskip("sqlalchemy", reason="a history needs extra 'history'")
pytest.importorskip("alembic", reason="a history needs extra 'history'")

from refp.history import OUTSIDE_TOLERANCE, History, HistoryRecord, new_id, parse_time

RunRefp = Callable[..., Any]
SAME = (
    *("image", "delta_z_um", "u_um", "lower_um", "upper_um", "coverage", "n_beads"),
    *("n_beads_used", "status", "reason", "model", "tilt_y_um_per_px", "tilt_x_um_per_px"),
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test may touch the user's own history."""
    monkeypatch.setenv("REFP_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def images(tiny_test: Path) -> list[Path]:
    return [image.path for image in list_images([tiny_test])][3:6]


@pytest.fixture
def black(tmp_path: Path) -> Path:
    path = tmp_path / "black.tif"
    tifffile.imwrite(path, np.full((160, 200), 100, dtype=np.uint16))
    return path


def listed(run_refp: RunRefp, *options: object) -> list[dict[str, Any]]:
    done = run_refp("history", "list", "--json", *options)
    assert done.code == 0, done.stderr
    return json.loads(done.stdout)


def test_records_equal_the_output_of_estimate(
    run_refp: RunRefp, lookup_model: Path, images: list[Path], black: Path, home: Path
) -> None:
    given = (lookup_model, *images, black)
    estimated = json.loads(run_refp("estimate", *given, "--json").stdout)
    done = run_refp(
        "history", "record", *given, "--operator", "Ada", "--note", "slide 12", "--json"
    )
    assert done.code == 0
    assert f"recorded 4 in {home / 'history.db'}" in done.stderr
    rows = listed(run_refp)
    assert [{name: row[name] for name in SAME} for row in rows] == [
        {name: row[name] for name in SAME} for row in estimated
    ]
    made = json.loads(done.stdout)
    assert [row["id"] for row in made] == [row["id"] for row in rows]
    assert [row["status"] for row in rows] == ["ok", "ok", "ok", "refused"]
    for path, row in zip((*images, black), rows, strict=True):
        assert row["image_sha256"] == sha256(path.read_bytes()).hexdigest()
        assert row["model_sha256"] == sha256(lookup_model.read_bytes()).hexdigest()
        assert (row["operator"], row["note"], row["instrument"]) == ("Ada", "slide 12", "a2k")
        assert row["recipe"].startswith("default ")
        assert row["version"]
    light = float(np.median(tifffile.imread(images[0])))
    assert rows[0]["background"] == pytest.approx(light, rel=0.1)
    assert rows[3]["background"] is None


def test_all_refused(run_refp: RunRefp, lookup_model: Path, black: Path) -> None:
    assert run_refp("history", "record", lookup_model, black).code == 3
    assert [row["status"] for row in listed(run_refp)] == ["refused"]


def test_bad_input_records_nothing(run_refp: RunRefp, lookup_model: Path, black: Path) -> None:
    done = run_refp("history", "record", lookup_model, black, black.with_name("no.tif"))
    assert done.code == 2
    assert "no.tif" in done.stderr
    assert listed(run_refp) == []


def test_planes(run_refp: RunRefp, tmp_path: Path) -> None:
    table = tmp_path / "planes.csv"
    table.write_text(
        "dataset,experiment,fov,exposure_ms,refp_um,refp_u_um,refp_ss_um,refp_ss_u_um,refp_ci_um,"
        "refp_ci_u_um,n_frames,n_frames_used,n_beads,flags\n"
        "d,1,2,8,1503.25,0.5,,,,,15,15,6,\n"
        "d,1,3,8,,,,,,,15,15,6,not_determined\n"
        "d,2,1,0,1502.5,0.5,,,,,15,15,6,\n",
        encoding="utf-8",
    )
    stamp = {"provenance": {"recipe": "default 0123", "refp": "0.1.0"}}
    (tmp_path / "planes.json").write_text(json.dumps(stamp), encoding="utf-8")
    done = run_refp("history", "record-plane", table, "--instrument", "a2k")
    assert done.code == 0
    row, unknown = listed(run_refp)
    assert unknown["image"] == "d, exp 2, FOV 1"  # an exposure that is not known is not 0 ms
    assert (row["kind"], row["refp_um"], row["refp_u_um"]) == ("plane", 1503.25, 0.5)
    assert row["image"] == "d, exp 1, FOV 2, 8 ms"
    assert (row["recipe"], row["version"]) == ("default 0123", "0.1.0")
    assert row["image_sha256"] == sha256(table.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param("a,b\n1,2\n", "no column 'dataset'", id="another table"),
        pytest.param("", "not a table of planes", id="empty"),
    ],
)
def test_no_table_of_planes(run_refp: RunRefp, tmp_path: Path, content: str, expected: str) -> None:
    table = tmp_path / "x.csv"
    table.write_text(content, encoding="utf-8")
    done = run_refp("history", "record-plane", table, "--instrument", "a2k")
    assert done.code == 2
    assert expected in done.stderr


@pytest.fixture
def recorded(home: Path) -> None:
    """A daily check a day, twenty of them."""
    with History.open(home / "history.db") as history:
        history.append(
            HistoryRecord(
                id=new_id(),
                recorded_at=parse_time(f"2026-03-{day:02}T08:00+01:00"),
                kind="estimate",
                instrument="a2k",
                purpose="daily",
                status="ok",
                delta_z_um=(-1.0) ** day + 0.01 * day,
                u_um=0.5,
            )
            for day in range(1, 21)
        )


@pytest.mark.usefixtures("recorded")
def test_a_baseline_and_its_chart(run_refp: RunRefp, tmp_path: Path) -> None:
    period = ("--since", "2026-03-01", "--until", "2026-03-21")
    done = run_refp("history", "baseline", "march", "--instrument", "a2k", *period, "--json")
    (row,) = json.loads(done.stdout)
    values = [one["delta_z_um"] for one in listed(run_refp)]
    assert (row["n"], row["n_days"], row["name"], row["purpose"]) == (20, 20, "march", "daily")
    assert row["mean"] == pytest.approx(np.mean(values), rel=1e-12)
    assert row["sd"] == pytest.approx(np.std(values, ddof=1), rel=1e-12)
    assert run_refp("history", "annotate", "serviced", "--instrument", "a2k").code == 0
    for name, begins in (
        ("c.html", b"<!doctype html>"),
        ("c.svg", b"<?xml"),
        ("c.png", b"\x89PNG"),
    ):
        path = tmp_path / name
        done = run_refp("history", "chart", "-o", path, "--instrument", "a2k")
        assert done.code == 0, done.stderr
        assert "baseline 'march', 20 checks" in done.stderr
        assert path.read_bytes().lower().startswith(begins.lower())
    again = run_refp("history", "chart", "-o", tmp_path / "c.png", "--instrument", "a2k")
    assert (again.code, "exists already" in again.stderr) == (2, True)
    few = run_refp("history", "baseline", "x", "--instrument", "a2k", *period[:3], "2026-03-05")
    assert few.code == 2
    assert "limits need 20 checks on 5 days; there are 4 on 4" in few.stderr


@pytest.mark.usefixtures("recorded")
def test_correct_list_and_export(run_refp: RunRefp, tmp_path: Path) -> None:
    first, second = listed(run_refp)[:2]
    done = run_refp("history", "correct", first["id"], "--withdraw", "--note", "wrong slide")
    assert done.code == 0, done.stderr
    assert run_refp("history", "correct", second["id"], "--delta-z-um", "3.5").code == 0
    rows = listed(run_refp)
    assert len(rows) == 20
    assert rows[0]["corrects"] == first["id"]
    assert rows[0]["reason"] == "withdrawn: wrong slide"
    assert rows[0]["recorded_at"] == "2026-03-01T08:00:00+01:00"
    assert (rows[1]["delta_z_um"], rows[1]["u_um"]) == (3.5, None)
    assert len(listed(run_refp, "--with-corrected")) == 22
    assert len(listed(run_refp, "--since", "2026-03-03", "--until", "2026-03-05T12:00")) == 3
    assert listed(run_refp, "--instrument", "other") == []
    shown = run_refp("history", "list").stdout
    assert "wrong slide" in shown
    assert "2026-03-01 08:00" in shown
    assert "2026-03-01T" not in shown
    assert "refp_um" not in shown  # no plane was recorded
    for name, read in (("h.csv", pd.read_csv), ("h.parquet", pd.read_parquet)):
        path = tmp_path / name
        assert run_refp("history", "export", "-o", path).code == 0
        table = read(path)
        assert table["id"].tolist() == [row["id"] for row in rows]
        assert math.isnan(table["delta_z_um"][0])
        assert str(table["recorded_at"][0]) == "2026-03-01 07:00:00+00:00"


@pytest.mark.usefixtures("recorded")
def test_ids_as_a_terminal_shows_them_are_accepted(run_refp: RunRefp, home: Path) -> None:
    rows = listed(run_refp)
    shown = run_refp("history", "list").stdout
    assert all(f"{row['id'][:13]} " in shown for row in rows)
    start = next(line.split()[0] for line in shown.splitlines() if "2026-03-04" in line)
    done = run_refp("history", "correct", start.upper(), "--delta-z-um", "3.5")
    assert done.code == 0, done.stderr
    assert listed(run_refp)[3]["corrects"] == rows[3]["id"]
    assert f" {start}" in run_refp("history", "list").stdout  # in the column corrects
    with History.open(home / "history.db") as history:
        (one,) = history.find([rows[0]["id"]])
        twin = f"{one.id[:13]}-4000-8000-000000000000"
        history.append([replace(one, id=twin)])
    for given, expected in (
        (one.id[:13], f"several ids, such as {one.id} and {twin}"),
        (one.id[:7], "give at least 8 characters"),
        ("%" * 13, "no record of this id"),
    ):
        done = run_refp("history", "correct", given, "--withdraw")
        assert (done.code, done.stderr.count("\n")) == (2, 1)
        assert expected in done.stderr
    assert run_refp("history", "correct", twin, "--withdraw").code == 0


def test_verdict_and_status_are_two_columns(
    run_refp: RunRefp, lookup_model: Path, images: list[Path], black: Path, tmp_path: Path
) -> None:
    """Images at about -14, -2 and 10 um, and one without beads."""
    given = (lookup_model, *images, black)
    estimated = json.loads(run_refp("estimate", *given, "--tolerance-um", "5", "--json").stdout)
    done = run_refp("history", "record", *given, "--tolerance-um", "5")
    assert done.code == 0, done.stderr
    rows = listed(run_refp)
    verdicts = [row["verdict"] if row["status"] == "ok" else "" for row in estimated]
    assert {"pass", "fail"} <= set(verdicts) or {"unverified"} <= set(verdicts)
    assert [row["verdict"] for row in rows] == verdicts
    assert [row["status"] for row in rows] == ["ok", "ok", "ok", "refused"]
    assert {row["tolerance_um"] for row in rows} == {5.0}
    # Each value outside the tolerance is a failure with an action, in the terminal too.
    outside = [row for row in rows if row["status"] == "ok" and abs(row["delta_z_um"]) > 5]
    assert len(outside) == 2
    for row in outside:
        line = f"{row['image']}: dZ {row['delta_z_um']:+.1f} um, FAIL: outside the tolerance of"
        assert line in done.stderr
    assert done.stderr.count(OUTSIDE_TOLERANCE) == 2
    shown = done.stdout
    assert "status" in shown
    assert "verdict" in shown
    path = tmp_path / "h.csv"
    assert run_refp("history", "export", "-o", path).code == 0
    table = pd.read_csv(path, keep_default_na=False)
    assert table["verdict"].tolist() == verdicts
    assert run_refp("history", "record", lookup_model, images[0]).code == 0
    assert (listed(run_refp)[-1]["verdict"], listed(run_refp)[-1]["tolerance_um"]) == ("", None)


def test_another_home_and_database(run_refp: RunRefp, tmp_path: Path) -> None:
    note = ("history", "annotate", "x", "--instrument", "a")
    assert run_refp(*note, "--home", tmp_path / "h2").code == 0
    url = f"sqlite:///{(tmp_path / 'other.db').as_posix()}"
    assert run_refp(*note, "--database", url).code == 0
    assert (tmp_path / "h2" / "history.db").is_file()
    assert (tmp_path / "other.db").is_file()
    assert len(listed(run_refp, "--database", url)) == 1
    done = run_refp("history", "list")  # of REFP_HOME, where nothing was recorded
    assert done.code == 2
    assert "no history here" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["chart", "-o", "x.bmp", "--instrument", "a"], "charts are written as .html, .svg, .png"),
        (["export", "-o", "x.txt"], ".csv or .parquet"),
        (["annotate", "x", "--instrument", "a", "--at", "noon"], "time 'noon'"),
        (["annotate", "x", "--instrument", ""], "needs the name"),
        (["list", "--database", "postgresql://u:hidden@127.0.0.1:1/n"], "u:***@127.0.0.1:1/n"),
        (["correct", "x"], "nothing to correct"),
        (["list", "postgresql://u:hidden@h/n"], "postgresql://u:***@h/n"),
    ],
)
def test_bad_usage_is_one_line(run_refp: RunRefp, arguments: list[str], expected: str) -> None:
    done = run_refp("history", *arguments)
    assert done.code == 2
    assert expected in done.stderr
    assert done.stderr.count("\n") == 1
    assert "hidden" not in done.stderr


@pytest.mark.parametrize(
    "command",
    [
        *("record", "record-plane", "annotate", "baseline", "correct", "list", "verifications"),
        *("chart", "export", "stages", "forget-stage"),
    ],
)
def test_help_ends_with_an_example(run_refp: RunRefp, command: str) -> None:
    done = run_refp("history", command, "--help")
    assert done.code == 0
    _, _, examples = done.stdout.partition("Examples:")
    assert f"refp history {command} " in examples


def test_recording_and_the_file_that_is_gone(
    run_refp: RunRefp, lookup_model: Path, images: list[Path], tmp_path: Path
) -> None:
    broken = tmp_path / "cut.tif"
    shutil.copy(images[0], broken)
    broken.write_bytes(broken.read_bytes()[:200])
    assert run_refp("history", "record", lookup_model, broken).code == 3
    (row,) = listed(run_refp)
    assert row["reason"].startswith("unreadable")
    assert row["image_sha256"] == sha256(broken.read_bytes()).hexdigest()
