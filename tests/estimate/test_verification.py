"""Verification of a model, and estimates qualified by it."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refp.core.arrays import FloatArray
from refp.core.errors import DataError
from refp.estimate import FocusEstimate, judge_focus, refused
from refp.estimate.short_sweeps import ShortSweeps
from refp.estimate.verification import (
    NOT_STATED,
    Qualification,
    enough_images,
    fit_slope,
    judge_model,
    overall,
    qualify,
    with_qualification,
)
from refp.history import Criterion, Verification, new_id
from refp.settings import Identity

from .test_rows import some_estimate

DZ = np.linspace(-40.0, 40.0, 9)
NOW = datetime(2026, 4, 1, 8, tzinfo=UTC)
GOOD_FIT = {"reduced_chi2": (np.ones(9), 3.0)}
UNVERIFIED = Qualification("unverified", "not verified", "serial 'B2' is unknown")


ZIGZAG = np.array([1.0, -2.0, 1.0, 1.0, -2.0, 1.0, 1.0, -2.0, 1.0])
"""Neither level nor slope on nine positions; its sum of squares is 18."""


def sweeps(
    estimated_um: FloatArray,
    z_um: FloatArray = DZ,
    bias: tuple[float, float, float] = (0, 0.5, 1.1),
) -> ShortSweeps:
    return ShortSweeps(z_um, estimated_um, np.zeros(len(z_um), dtype=int), *bias, 10.0)


EXACT = sweeps(DZ)


def judged(
    bias_um: float = 0.0, slope: float = 1.0, scatter_um: float = 0.5, u_um: float = 0.5
) -> tuple[Criterion, ...]:
    estimated_um = bias_um + slope * DZ + scatter_um * ZIGZAG
    given = sweeps(estimated_um, bias=(bias_um, u_um, 2.2 * u_um))
    return judge_model(given, fit_slope(given), GOOD_FIT, 7.5)


@given(st.floats(-3, 3), st.floats(0.9, 1.1), st.floats(-2000, 2000))
def test_slope_and_known_dz_are_recovered(bias_um: float, slope: float, z_um: float) -> None:
    line = fit_slope(sweeps(bias_um + slope * DZ, DZ + z_um, bias=(bias_um, 0.1, 0.2)))
    assert line.slope == pytest.approx(slope, abs=1e-9)
    assert line.dz_um == pytest.approx(DZ, abs=1e-6)


def test_uncertainties_in_closed_form() -> None:
    bias, slope, _ = judged()
    student = 2.364624  # t of 7 degrees of freedom, 97.5 %
    assert (bias.u, bias.expanded) == (0.5, 1.1)
    slope_u = math.sqrt(0.25 * 18 / 7 / (DZ**2).sum())
    assert slope.u == pytest.approx(slope_u)
    assert slope.expanded == pytest.approx(student * slope_u, rel=1e-6)
    assert (bias.limit, slope.limit) == (3.75, 3.75 / 40.0)


def test_images_that_decide_the_slope() -> None:
    """Of the number returned, a right slope passes in most sweeps."""
    criteria = judged(scatter_um=2.2)
    assert [c.outcome for c in criteria] == ["pass", "inconclusive", "pass"]
    n = enough_images(criteria, 9)
    sd_um = criteria[1].u * math.sqrt((DZ**2).sum())
    assert n == math.ceil(9 * 10 / 8 * (2 * 1.96 * criteria[1].u / criteria[1].limit) ** 2)
    rng, z_um = np.random.default_rng(4), np.linspace(-40.0, 40.0, n)
    passed = 0
    for _ in range(200):
        taken = sweeps(z_um + rng.normal(0, sd_um, n), z_um)
        fit = {"reduced_chi2": (np.ones(n), 3.0)}
        passed += judge_model(taken, fit_slope(taken), fit, 7.5)[1].outcome == "pass"
    assert passed > 180
    assert enough_images(judged(scatter_um=0.1), 9) == 0
    assert enough_images(judged(bias_um=3.7, scatter_um=2.2), 9) == 0


def test_sweeps_have_levels_of_their_own_and_one_slope() -> None:
    z_um, number = np.concatenate([DZ, DZ + 500.0]), np.repeat([0, 1], 9)
    estimated_um = 1.05 * np.concatenate([DZ - 3.0, DZ + 7.0]) + np.tile(ZIGZAG, 2)
    line = fit_slope(ShortSweeps(z_um, estimated_um, number, 0.0, 0.5, 1.1, 10.0))
    assert line.slope == pytest.approx(1.05)
    assert line.u == pytest.approx(math.sqrt(36 / 15 / (2 * (DZ**2).sum())))
    assert line.dz_um == pytest.approx(np.concatenate([DZ - 3.0, DZ + 7.0]))


def test_the_slope_varies_as_stated() -> None:
    rng = np.random.default_rng(0)
    found = [fit_slope(sweeps(DZ + rng.normal(0, 1, 9))) for _ in range(600)]
    expected = math.sqrt(np.mean([one.u**2 for one in found]))
    assert np.std([one.slope for one in found]) == pytest.approx(expected, rel=0.1)
    held = [abs(one.slope - 1.0) <= one.expanded for one in found]
    assert np.mean(held) == pytest.approx(0.95, abs=0.03)


def test_estimates_that_do_not_follow_z_are_refused() -> None:
    with pytest.raises(DataError, match=r"change by -0\.20 um per um .*check the Z of"):
        fit_slope(sweeps(-0.2 * DZ))


@pytest.mark.parametrize("direction", [1, -1])
def test_direction_of_the_stage_is_that_of_the_slope(direction: int) -> None:
    outcomes = tuple(one.outcome for one in judged(slope=direction * 1.01)[:2])
    assert outcomes == ("pass", "pass")
    assert fit_slope(sweeps(direction * DZ)).direction == direction


@pytest.mark.parametrize(
    ("bias_um", "slope", "outcomes"),
    [
        (0.0, 1.0, ("pass", "pass")),
        (2.5, 1.0, ("pass", "pass")),
        (-3.5, 1.0, ("inconclusive", "pass")),
        (9.0, 1.0, ("fail", "pass")),
        (0.0, 1.085, ("pass", "inconclusive")),
        (0.0, 0.85, ("pass", "fail")),
    ],
)
def test_outcomes_of_bias_and_slope(
    bias_um: float, slope: float, outcomes: tuple[str, str]
) -> None:
    assert tuple(one.outcome for one in judged(bias_um, slope)[:2]) == outcomes


@given(st.floats(-6, 6), st.floats(0.88, 1.12))
def test_a_larger_uncertainty_decides_nothing_new(bias_um: float, slope: float) -> None:
    wide = judged(bias_um, slope, 2.0, 2.0)
    for sure, unsure in zip(judged(bias_um, slope), wide, strict=True):
        assert unsure.outcome in (sure.outcome, "inconclusive")


def test_the_fit_counts_near_the_plane_only() -> None:
    far, one, most = np.ones(9), np.ones(9), np.ones(9)
    far[[0, 1, 7, 8]] = 50.0
    one[4] = 50.0  # of the three within 15 um
    most[[3, 4]] = 50.0
    for values, outcome in ((far, "pass"), (one, "inconclusive"), (most, "fail")):
        fit = judge_model(EXACT, fit_slope(EXACT), {"reduced_chi2": (values, 3.0)}, 7.5)[-1]
        assert fit.outcome == outcome


def test_each_statistic_of_fit_is_a_criterion() -> None:
    fits = {**GOOD_FIT, "t_squared": (np.full(9, 99.0), 20.0)}
    criteria = judge_model(EXACT, fit_slope(EXACT), fits, 7.5)
    assert [one.name for one in criteria] == ["bias_um", "slope", "reduced_chi2", "t_squared"]
    assert overall(criteria) == "fail"
    assert overall(criteria[:3]) == "pass"
    assert overall((*criteria[:3], replace(criteria[0], outcome="inconclusive"))) == "inconclusive"


@pytest.mark.parametrize("dz_um", [DZ[:4], np.repeat(DZ[:4], 2)])
def test_too_few_positions_are_refused(dz_um: FloatArray) -> None:
    with pytest.raises(DataError, match="at 4 Z positions; a verification needs at least 5"):
        fit_slope(sweeps(dz_um, dz_um))


def test_a_frame_must_be_near_the_plane() -> None:
    far = sweeps(DZ + 60.0)
    with pytest.raises(
        DataError, match=r"nearest to the plane is 20.0 um from it.*closer together"
    ):
        judge_model(far, fit_slope(far), GOOD_FIT, 7.5)


# Estimates


def verification(**changes: object) -> Verification:
    known: dict[str, object] = {
        "id": new_id(),
        "verified_at": NOW - timedelta(days=10),
        "valid_until": NOW + timedelta(days=20),
        "instrument": "a2k",
        "serial": "B2",
        "objective": "",
        "condenser": "0.3",
        "operator": "",
        "note": "",
        "model": "m",
        "model_sha256": "",
        "data_sha256": "",
        "version": "",
        "tolerance_um": 7.5,
        "half_range_um": 40.0,
        "n_images": 9,
        "outcome": "pass",
        "criteria": (),
    }
    return Verification(**{**known, **changes})  # type: ignore[arg-type]


TRAINING, OTHER = Identity(serial="A1", condenser="0.3"), Identity(serial="B2")
EXPIRED = verification(valid_until=NOW)
STATES = {
    "nothing is stated": (Identity(), TRAINING, None, "ok", "instrument not stated"),
    "only the condenser": (Identity(condenser="1"), TRAINING, None, "ok", "instrument not stated"),
    "that of the training": (TRAINING, TRAINING, None, "ok", "instrument of the training"),
    "another": (OTHER, TRAINING, None, "unverified", "not verified"),
    "of a model without a serial": (OTHER, Identity(), None, "unverified", "not verified"),
    "verified": (OTHER, TRAINING, verification(), "ok", "verified until 2026-04-21"),
    "expired": (OTHER, TRAINING, EXPIRED, "unverified", "verification expired on 2026-04-01"),
    "failed": (
        *(OTHER, TRAINING, verification(outcome="fail")),
        *("unverified", "verification failed on 2026-03-22"),
    ),
    "inconclusive": (
        *(OTHER, TRAINING, verification(outcome="inconclusive")),
        *("unverified", "verification was inconclusive on 2026-03-22"),
    ),
    "the training's, expired": (
        *(TRAINING, TRAINING, verification(serial="A1", valid_until=NOW)),
        *("unverified", "verification expired on 2026-04-01"),
    ),
    "another condenser since the training": (
        *(Identity(serial="A1", condenser="0.5"), TRAINING, None, "unverified", "changed"),
    ),
    "another condenser since the verification": (
        *(Identity(serial="B2", condenser="0.5"), TRAINING, verification()),
        *("unverified", "changed"),
    ),
}


@pytest.mark.parametrize(
    ("image", "training", "last", "status", "note"), STATES.values(), ids=STATES
)
def test_states_of_verification(
    image: Identity, training: Identity, last: Verification | None, status: str, note: str
) -> None:
    state = qualify(image, training, last, NOW)
    assert (state.status, state.note) == (status, note)
    assert state.sentence.endswith("run 'refp verify' with a short sweep of this instrument") == (
        status == "unverified"
    )


def test_a_verified_estimate_keeps_its_numbers() -> None:
    estimate = some_estimate()
    assert repr(with_qualification(estimate, NOT_STATED, 2.5)) == repr(
        replace(estimate, verification="instrument not stated")
    )


def test_an_unverified_estimate_is_wider_by_the_make() -> None:
    before = some_estimate()
    after = with_qualification(before, UNVERIFIED, 2.5)
    assert (after.status, after.delta_z_um) == ("unverified", before.delta_z_um)
    assert after.reason == "unverified: serial 'B2' is unknown"
    assert after.u_um == pytest.approx(math.hypot(before.u_um, 2.5))
    assert after.parts.total_um == pytest.approx(after.u_um)
    for own, its in ((after.upper_um, before.upper_um), (after.lower_um, before.lower_um)):
        assert (own - 4.0) / after.u_um == pytest.approx((its - 4.0) / before.u_um)


@given(st.floats(0.1, 1e6))
def test_an_unverified_image_has_no_verdict(tolerance_um: float) -> None:
    after: FocusEstimate = with_qualification(some_estimate(), UNVERIFIED, 2.5)
    assert judge_focus(after, tolerance_um) == "unverified"


def test_a_refusal_keeps_its_reason() -> None:
    before = refused("no_beads", "no bead was found", 0.95)
    after = with_qualification(before, UNVERIFIED, 2.5)
    assert (after.status, after.reason) == ("refused", before.reason)
    assert after.verification == "not verified"
