"""The table of every command at three widths: no line is wider, no number is broken."""

import math
import re
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from refp.cli import console
from refp.cli.layout import table_lines
from refp.cli.shown import (
    BELOW,
    shown_audit,
    shown_estimates,
    shown_plan,
    shown_planes,
    shown_tolerance,
)
from refp.pipeline.planning import PlanRow

RunRefp = Callable[..., Any]
LinesOf = Callable[[int], list[str]]
WIDTHS = (60, 80, 120)
WIDE = 2000


def numbers(lines: list[str]) -> set[str]:
    """The numbers of a table that are words of their own."""
    return {w for w in re.split(r"[\s,;]+", "\n".join(lines)) if re.fullmatch(r"[+-]?[\d.]+", w)}


def check(lines_of: LinesOf) -> None:
    whole = numbers(lines_of(WIDE))
    for width in WIDTHS:
        lines = lines_of(width)
        assert max(map(cell_len, lines)) <= width
        assert whole <= numbers(lines)


@pytest.fixture
def run_printed(run_refp: RunRefp, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Run a command, check its table at every width, and return its lines at 80 columns."""
    collected: list[LinesOf] = []
    monkeypatch.setattr(console, "_print_lines", lambda _, lines_of: collected.append(lines_of))

    def run(*arguments: object) -> list[str]:
        collected.clear()
        done = run_refp(*arguments)
        assert done.code in (0, 3), done.stderr
        (lines_of,) = collected
        check(lines_of)
        return lines_of(80)

    return run


RunPrinted = Callable[..., list[str]]


def test_inspect(run_printed: RunPrinted, tiny_test: Path) -> None:
    lines = run_printed("inspect", tiny_test)
    assert lines[-1].split() == ["1", "1", "10", "1470", "to", "1566", "12", "9", "6", "of", "6"]


def test_plane(run_printed: RunPrinted, plane_run: Path, tiny_sweep: Path, tmp_path: Path) -> None:
    out = shutil.copytree(plane_run / "planes", tmp_path / "planes")
    lines = run_printed("plane", tiny_sweep, "-o", out)
    assert len(lines) == 2 + 4
    assert re.search(r"1 +1 +8 +15\d\d\.\d+ \N{PLUS-MINUS SIGN} \d\.\d+ +15 of 15 +6$", lines[2])


def test_estimate(
    run_printed: RunPrinted, lookup_model: Path, tiny_test: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "a folder of images of many days"
    folder.mkdir()
    first, second = sorted(tiny_test.glob("*.tif"))[3:5]
    shutil.copy(first, folder / f"{'long_' * 12}{first.name}")
    (folder / second.name).write_bytes(second.read_bytes()[:5000])
    lines = run_printed("estimate", lookup_model, folder)
    refused = next(k for k, line in enumerate(lines) if line.startswith(second.name))
    assert lines[refused].split()[1:] == ["-", "0", "of", "0", "refused"]
    assert lines[refused + 1].startswith("    unreadable: ")
    (estimated,) = [line for line in lines if "\N{HORIZONTAL ELLIPSIS}" in line]
    assert estimated.split()[0].endswith("_t10ms.tif")
    assert re.search(
        r" -?\d+\.\d \N{PLUS-MINUS SIGN} \d\.\d +\d of 6 +(ok|pass|fail|in)", estimated
    )


def test_evaluate(
    run_printed: RunPrinted, lookup_model: Path, tiny_test: Path, tmp_path: Path
) -> None:
    lines = run_printed("evaluate", lookup_model, tiny_test, "-o", tmp_path / "out")
    assert lines[0].split() == ["images", "9"]


def test_model_show(run_printed: RunPrinted, lookup_model: Path) -> None:
    assert len(run_printed("model", "show", lookup_model)) < 90


def test_verify_and_history(
    run_printed: RunPrinted, lookup_model: Path, tiny_test: Path, tmp_path: Path
) -> None:
    place = ["--home", tmp_path]
    lines = run_printed("verify", lookup_model, tiny_test, "--serial", "B2", *place)
    assert lines[0].split()[0] == "criterion"
    times = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d  ")
    assert any(map(times.match, run_printed("history", "verifications", *place)))
    image = sorted(tiny_test.glob("*.tif"))[4]
    run_printed("history", "record", lookup_model, image, *place)
    assert any(map(times.search, run_printed("history", "list", *place)))


def test_adapt(
    run_printed: RunPrinted, lookup_model: Path, tiny_test: Path, tmp_path: Path
) -> None:
    lines = run_printed("adapt", lookup_model, tiny_test, "-o", tmp_path / "adapted.refp")
    assert len(lines) == 2 + 9


def test_an_estimate_with_a_verdict() -> None:
    row = {
        "image": "a.tif",
        "delta_z_um": 3.21,
        "upper_um": 5.0,
        "n_beads": 7,
        "n_beads_used": 6,
        "status": "ok",
        "reason": "",
        "stage_move_um": math.nan,
        "verdict": "pass",
    }
    (shown,) = shown_estimates([row])
    assert list(shown.values()) == ["a.tif", "+3.2 \N{PLUS-MINUS SIGN} 1.8", "6 of 7", "pass", ""]
    moved = shown_estimates([row, row | {"stage_move_um": -3.21}])
    assert [one["move Z (um)"] for one in moved] == ["-", "-3.2"]


def test_plan() -> None:
    row = asdict(PlanRow("refp", 4, 21, 20, 12.03, 0.0163, 0.1307, 0.2728, 0.0, 0.303, 0.5937))
    shown = shown_plan([row | {"reached": "yes"}])
    check(lambda width: table_lines(shown, list(shown[0]), width))


def test_the_flags_of_a_plane_that_is_not_determined() -> None:
    row = {
        "dataset": "a",
        "experiment": 1,
        "fov": 1,
        "exposure_ms": None,
        "refp_um": None,
        "refp_u_um": None,
        "n_frames": 9,
        "n_frames_used": 7,
        "n_beads": 6,
        "flags": "ss_not_bracketed|ci_not_bracketed",
    }
    (shown,) = shown_planes([row])
    assert shown[BELOW] == "not determined: ss_not_bracketed, ci_not_bracketed"
    assert shown["exposure (ms)"] is None


def test_an_audit_in_words() -> None:
    row = {
        "instrument": "a2k #7",
        "n_images": 12,
        "n_ok": 10,
        "n_refused": 2,
        "n_unverified": 0,
        "n_outside": 5,
        "fraction_outside": 0.5,
        "fraction_lower": 0.237,
        "fraction_upper": 0.763,
        "median_um": -4.479,
    }
    (shown,) = shown_audit([row], 7.5)
    assert shown["outside \N{PLUS-MINUS SIGN}7.5 um"] == "5 of 10"
    assert (shown["fraction outside"], shown["median dZ (um)"]) == ("50.0 %", "-4.48")
    assert shown[BELOW] == "95 % interval of the fraction: 24 % to 76 %"
    none = row | dict.fromkeys(("fraction_outside", "fraction_lower", "fraction_upper"), None)
    (shown,) = shown_audit([none], 7.5)
    assert (shown["fraction outside"], shown[BELOW]) == ("-", "")


def test_a_tolerance_in_words() -> None:
    row = {
        "dataset": "day 1",
        "unit": "%",
        "n_results": 51,
        "result_at_plane": 94.19,
        "allowed_bias": 5.0,
        "tolerance_low_um": -28.3,
        "tolerance_high_um": 28.12,
        "guarded_low_um": -26.76,
        "guarded_high_um": None,
        "lowest_um": -40.0,
        "highest_um": 40.0,
    }
    shown = {one["quantity"]: one["day 1"] for one in shown_tolerance([row])}
    assert shown["tolerated dZ (um), fitted"] == "-28.3 to +28.1"
    assert shown["tolerated dZ (um), uncertainty included"] == "-26.8 to beyond"
    assert shown["allowed difference from the result at the plane"] == "5 %"
    assert "images of the archive" not in shown
    counts = {"n_images": 10, "n_changed": 1, "n_beyond": 0}
    shown = {one["quantity"]: one["day 1"] for one in shown_tolerance([row | counts])}
    assert shown["of these, result changed by more than allowed"] == 1
