"""``refp history record --daily`` with three images: dZ, slope and fit in one record."""

import json
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sqlalchemy", reason="a history needs extra 'history'")

from refp.models import load_model

RunRefp = Callable[..., Any]


@pytest.fixture
def three(tiny_test: Path, tmp_path: Path) -> list[Path]:
    """Frames at dZ of about -14, -2 and 10 um, under names that state no Z."""
    frames = sorted(tiny_test.glob("*.tif"))[3:6]
    names = ("low.tif", "middle.tif", "high.tif")
    return [
        Path(shutil.copy(frame, tmp_path / name)) for frame, name in zip(frames, names, strict=True)
    ]


def recorded(run_refp: RunRefp, home: Path, *given: object) -> list[dict[str, Any]]:
    done = run_refp("history", "record", *given, "--daily", "--home", home, "--json")
    assert done.code == 0, done.stderr
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


def test_three_images_are_one_check(
    run_refp: RunRefp, lookup_model: Path, three: list[Path], tmp_path: Path
) -> None:
    high_first = three[::-1]
    given = (lookup_model, *high_first, "--offsets-um", "12,0,-12", "--note", "slide 3")
    (row,) = recorded(run_refp, tmp_path, *given)
    (middle,) = json.loads(run_refp("estimate", lookup_model, three[1], "--json").stdout)
    assert (row["image"], row["delta_z_um"], row["u_um"]) == (
        *("middle.tif", middle["delta_z_um"], middle["u_um"]),
    )
    assert row["image_sha256"] == sha256(three[1].read_bytes()).hexdigest()
    assert row["note"] == "slide 3; with low.tif at -12 um and high.tif at +12 um"
    assert row["slope"] == pytest.approx(1.0, abs=0.05)
    stage_um = load_model(lookup_model).card.instrument.stage.repeatability_um
    assert row["slope_u"] == pytest.approx(stage_um * 2**0.5 / 24, rel=0.1)
    assert 0.2 < row["t_squared"] < 3.0
    chart = ("history", "chart", "--instrument", "a2k", "--home", tmp_path)
    for quantity in ("slope", "t_squared", "delta_z_um"):
        done = run_refp(*chart, "--quantity", quantity, "-o", tmp_path / f"{quantity}.svg")
        assert "a2k: 1 value" in done.stderr, done.stderr


def test_offsets_are_those_that_the_names_state(
    run_refp: RunRefp, lookup_model: Path, tiny_test: Path, tmp_path: Path
) -> None:
    (row,) = recorded(run_refp, tmp_path, lookup_model, *sorted(tiny_test.glob("*.tif"))[3:6])
    assert row["slope"] == pytest.approx(1.0, abs=0.05)
    assert "at -12 um" in row["note"]


def test_three_images_without_z_are_three_checks(
    run_refp: RunRefp, lookup_model: Path, three: list[Path], tmp_path: Path
) -> None:
    rows = recorded(run_refp, tmp_path, lookup_model, *three)
    assert [row["image"] for row in rows] == [path.name for path in three]
    assert {row["slope"] for row in rows} == {None}


def test_a_refused_image_leaves_the_slope_unknown(
    run_refp: RunRefp, lookup_model: Path, three: list[Path], tmp_path: Path
) -> None:
    three[2].write_bytes(b"no image")
    given = (lookup_model, *three, "--offsets-um", "-12,0,12")
    (row,) = recorded(run_refp, tmp_path, *given)
    assert (row["status"], row["slope"], row["slope_u"]) == ("ok", None, None)
    assert row["t_squared"] > 0


@pytest.mark.parametrize(
    ("n", "options", "message"),
    [
        (
            3,
            ("--daily", "--offsets-um", "-12,0"),
            "--offsets-um -12,0: 3 images; give three images",
        ),
        (2, ("--daily", "--offsets-um", "-12,0,12"), "2 images; give three images"),
        (3, ("--daily", "--offsets-um", "0,0,12"), "three different offsets"),
        (3, ("--daily", "--offsets-um", "low,0,12"), "write numbers"),
        (3, ("--offsets-um", "-12,0,12"), "give --daily too"),
    ],
)
def test_offsets_that_are_none_are_refused(
    run_refp: RunRefp,
    lookup_model: Path,
    three: list[Path],
    tmp_path: Path,
    n: int,
    options: tuple[str, ...],
    message: str,
) -> None:
    done = run_refp("history", "record", lookup_model, *three[:n], *options, "--home", tmp_path)
    assert done.code == 2
    (line,) = done.stderr.strip().splitlines()
    assert message in line
