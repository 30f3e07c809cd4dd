"""The verdict on an image, against a tolerance."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from refp.estimate import VERDICTS, FocusEstimate, Parts, judge_focus, refused

TOLERANCE = st.floats(0.01, 500)
DZ = st.floats(-1000, 1000)
HALF = st.floats(0, 300)


def estimate_of(lower_um: float, upper_um: float) -> FocusEstimate:
    middle, half = (lower_um + upper_um) / 2, (upper_um - lower_um) / 2
    return FocusEstimate(
        delta_z_um=middle,
        u_um=half / 1.96,
        lower_um=lower_um,
        upper_um=upper_um,
        coverage=0.95,
        n_beads=6,
        n_beads_used=6,
        status="ok",
        reason="",
        used=np.ones(6, dtype=np.bool_),
        parts=Parts(half / 1.96, 0.0, 0.0, 0.0, 0.0),
        dof=1000.0,
        tilt_um_per_px=np.zeros(2),
        tilt_u_um_per_px=np.zeros(2),
        size=1.0,
        size_u=0.01,
    )


@pytest.mark.parametrize(
    ("lower_um", "upper_um", "verdict"),
    [
        (-3.0, 4.0, "pass"),
        (-7.5, 7.5, "pass"),
        (7.0, 7.5, "pass"),
        (7.0, 7.6, "inconclusive"),
        (7.5, 9.0, "inconclusive"),
        (7.6, 9.0, "fail"),
        (-9.0, -7.6, "fail"),
        (-9.0, -7.5, "inconclusive"),
        (-20.0, 20.0, "inconclusive"),
    ],
)
def test_verdict(lower_um: float, upper_um: float, verdict: str) -> None:
    assert judge_focus(estimate_of(lower_um, upper_um), 7.5) == verdict


@pytest.mark.parametrize("code", ["no_beads", "unreadable"])
def test_refused_image_is_neither(code: str) -> None:
    assert judge_focus(refused(code, "why", 0.95), 1e9) == "refused"  # type: ignore[arg-type]


@given(dz=DZ, half=HALF, tolerance=TOLERANCE, truth=st.floats(-1, 1))
def test_decision_is_right_for_any_truth_in_the_interval(
    dz: float, half: float, tolerance: float, truth: float
) -> None:
    lower, upper = dz - half, dz + half
    z = min(max(dz + truth * half, lower), upper)
    verdict = judge_focus(estimate_of(lower, upper), tolerance)
    assert verdict in VERDICTS
    if verdict == "pass":
        assert abs(z) <= tolerance
    if verdict == "fail":
        assert abs(z) > tolerance


@given(dz=DZ, half=HALF, tolerance=TOLERANCE)
def test_verdict_does_not_depend_on_the_sign_of_dz(
    dz: float, half: float, tolerance: float
) -> None:
    up = judge_focus(estimate_of(dz - half, dz + half), tolerance)
    assert judge_focus(estimate_of(-dz - half, -dz + half), tolerance) == up


@given(dz=DZ, half=HALF, wider=st.floats(1, 10), tolerance=TOLERANCE)
def test_a_wider_interval_decides_nothing_new(
    dz: float, half: float, wider: float, tolerance: float
) -> None:
    narrow = judge_focus(estimate_of(dz - half, dz + half), tolerance)
    wide = judge_focus(estimate_of(dz - wider * half, dz + wider * half), tolerance)
    assert wide in (narrow, "inconclusive")


@given(dz=DZ, half=HALF, tolerance=TOLERANCE, more=st.floats(0, 500))
def test_a_larger_tolerance_never_worsens_the_verdict(
    dz: float, half: float, tolerance: float, more: float
) -> None:
    estimate = estimate_of(dz - half, dz + half)
    order = ["fail", "inconclusive", "pass"]
    before, after = (judge_focus(estimate, t) for t in (tolerance, tolerance + more))
    assert order.index(after) >= order.index(before)


@given(dz=DZ, tolerance=TOLERANCE)
def test_without_width_there_is_always_a_decision(dz: float, tolerance: float) -> None:
    assume(abs(dz) != tolerance)
    sure = replace(estimate_of(dz, dz), lower_um=dz, upper_um=dz)
    assert judge_focus(sure, tolerance) == ("pass" if abs(dz) < tolerance else "fail")
