"""Estimates as rows of a table, with the contributions to their uncertainty."""

from dataclasses import replace

import numpy as np
import pytest

from refp.estimate import FocusEstimate, Parts, refused
from refp.estimate.rows import (
    DETAIL_COLUMNS,
    ESTIMATE_COLUMNS,
    VERDICT_COLUMN,
    describe_parts,
    describe_verdicts,
    estimate_rows,
    with_verdicts,
)
from refp.history.stage import Direction


def some_estimate() -> FocusEstimate:
    parts = Parts(beads_um=0.3, members_um=0.04, calibration_um=0.5, refp_um=0.6, stage_um=0.25)
    return FocusEstimate(
        delta_z_um=4.0,
        u_um=parts.total_um,
        lower_um=2.0,
        upper_um=6.0,
        coverage=0.95,
        n_beads=9,
        n_beads_used=7,
        status="ok",
        reason="",
        used=np.ones(8, dtype=np.bool_),
        parts=parts,
        dof=21.0,
        tilt_um_per_px=np.array([0.001, -0.002]),
        tilt_u_um_per_px=np.array([0.0003, 0.0004]),
        size=1.01,
        size_u=0.004,
    )


def test_every_detail_is_in_its_column() -> None:
    estimate = replace(some_estimate(), direction=-1)
    (row,) = estimate_rows(["a.tif"], [estimate], "model")
    assert tuple(row) == (*ESTIMATE_COLUMNS, *DETAIL_COLUMNS)
    assert row == {
        "image": "a.tif",
        "delta_z_um": 4.0,
        "u_um": pytest.approx(np.sqrt(0.3**2 + 0.04**2 + 0.5**2 + 0.6**2 + 0.25**2)),
        "lower_um": 2.0,
        "upper_um": 6.0,
        "coverage": 0.95,
        "n_beads": 9,
        "n_beads_used": 7,
        "status": "ok",
        "reason": "",
        "model": "model",
        "u_beads_um": 0.3,
        "u_members_um": 0.04,
        "u_calibration_um": 0.5,
        "u_refp_um": 0.6,
        "u_stage_um": 0.25,
        "dof": 21.0,
        "tilt_y_um_per_px": 0.001,
        "tilt_y_u_um_per_px": 0.0003,
        "tilt_x_um_per_px": -0.002,
        "tilt_x_u_um_per_px": 0.0004,
        "bead_size": 1.01,
        "bead_size_u": 0.004,
        "stage_move_um": 4.0,
        "verification": "",
    }


@pytest.mark.parametrize(("direction", "move_um"), [(1, -4.0), (-1, 4.0), (0, np.nan)])
def test_the_move_of_the_stage_is_opposite_to_dz(direction: Direction, move_um: float) -> None:
    estimate = replace(some_estimate(), direction=direction)
    assert estimate.stage_move_um == pytest.approx(move_um, nan_ok=True)


def test_a_refusal_has_the_same_columns_without_numbers() -> None:
    estimates = [some_estimate(), refused("no_beads", "no bead was found", 0.95, n_beads=2)]
    first, second = estimate_rows(["a.tif", "b.tif"], estimates, "model")
    assert tuple(first) == tuple(second)
    assert (second["status"], second["n_beads"]) == ("refused", 2)
    assert second["reason"] == "no_beads: no bead was found"
    assert all(np.isnan(float(str(second[name]))) for name in DETAIL_COLUMNS[:-1])
    assert second["verification"] == ""


def test_names_and_estimates_must_pair() -> None:
    with pytest.raises(ValueError, match="zip"):
        estimate_rows(["a.tif"], [], "model")


def test_line_of_the_parts() -> None:
    estimate = some_estimate()
    assert describe_parts(estimate) == (
        f"u = {estimate.u_um:.2g} um from beads 0.3, members 0.04, calibration 0.5, refp 0.6, "
        "stage 0.25"
    )
    swapped = replace(estimate, parts=replace(estimate.parts, beads_um=0.04, members_um=0.3))
    assert "beads 0.04, members 0.3," in describe_parts(swapped)


def test_verdicts_come_last() -> None:
    estimates = [some_estimate(), refused("no_beads", "none", 0.95)]
    rows = with_verdicts(estimate_rows(["a", "b"], estimates, "model"), estimates, 7.5)
    assert [tuple(row)[-1] for row in rows] == [VERDICT_COLUMN] * 2
    assert [row[VERDICT_COLUMN] for row in rows] == ["pass", "refused"]
    line = describe_verdicts(rows, 7.5)
    assert (
        line
        == "tolerance \N{PLUS-MINUS SIGN}7.5 um: 1 pass, 0 fail, 0 inconclusive, 0 unverified, 1 refused"
    )
