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
from refp.estimate import FocusEstimate, KnownImages, judge_focus, refused
from refp.estimate.verification import (
    NOT_STATED,
    Level,
    Qualification,
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


def images(estimated_um: FloatArray, dz_um: FloatArray = DZ) -> KnownImages:
    n = len(dz_um)
    return KnownImages(
        dz_um=dz_um,
        estimated_um=estimated_um,
        lookup_um=estimated_um,
        u_um=np.full(n, 0.5),
        size=np.ones(n),
        size_sd=np.full(n, 0.01),
        reduced_chi2=np.ones(n),
    )


ZIGZAG = np.array([1.0, -2.0, 1.0, 1.0, -2.0, 1.0, 1.0, -2.0, 1.0])
"""Neither level nor slope on nine positions; its sum of squares is 18."""
LEVEL = Level(0.5, 1.1)


def judged(
    bias_um: float = 0.0, slope: float = 1.0, scatter_um: float = 0.5, level: Level = LEVEL
) -> tuple[Criterion, ...]:
    return judge_model(images(bias_um + slope * DZ + scatter_um * ZIGZAG), level, GOOD_FIT, 7.5)


@given(st.floats(-3, 3), st.floats(0.9, 1.1))
def test_bias_and_slope_are_recovered_without_a_prior(bias_um: float, slope: float) -> None:
    bias, found, fit = judged(bias_um, slope)
    assert bias.value == pytest.approx(bias_um, abs=1e-6)
    assert found.value == pytest.approx(slope, abs=1e-6)
    assert fit.value == 1.0


def test_uncertainties_in_closed_form() -> None:
    bias, slope, _ = judged()
    student = 2.364624  # t of 7 degrees of freedom, 97.5 %
    assert (bias.u, bias.expanded) == (0.5, pytest.approx(1.1))
    slope_u = math.sqrt(0.25 * 18 / 7 / (DZ**2).sum())
    assert slope.u == pytest.approx(slope_u)
    assert slope.expanded == pytest.approx(student * slope_u, rel=1e-6)
    assert (bias.limit, slope.limit) == (3.75, 3.75 / 40.0)


def test_a_sweep_to_one_side_of_the_plane_knows_its_bias_less() -> None:
    aside = replace(images(DZ + ZIGZAG), dz_um=DZ + 30.0, estimated_um=DZ + 30.0 + ZIGZAG)
    bias, slope, _ = judge_model(aside, LEVEL, GOOD_FIT, 7.5)
    assert bias.u == pytest.approx(math.hypot(0.5, 30.0 * slope.u))


def test_the_slope_varies_as_stated() -> None:
    rng = np.random.default_rng(0)
    found = [
        judge_model(images(DZ + rng.normal(0, 1, 9)), LEVEL, GOOD_FIT, 7.5)[1] for _ in range(600)
    ]
    expected = math.sqrt(np.mean([one.u**2 for one in found]))
    assert np.std([one.value for one in found]) == pytest.approx(expected, rel=0.1)
    held = [abs(one.value - 1.0) <= one.expanded for one in found]
    assert np.mean(held) == pytest.approx(0.95, abs=0.03)


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
    wide = judged(bias_um, slope, 2.0, Level(2.0, 4.0))
    for sure, unsure in zip(judged(bias_um, slope), wide, strict=True):
        assert unsure.outcome in (sure.outcome, "inconclusive")


def test_the_fit_counts_near_the_plane_only() -> None:
    far, one, most = np.ones(9), np.ones(9), np.ones(9)
    far[[0, 1, 7, 8]] = 50.0
    one[4] = 50.0  # of the three within 15 um
    most[[3, 4]] = 50.0
    for values, outcome in ((far, "pass"), (one, "inconclusive"), (most, "fail")):
        fit = judge_model(images(DZ), LEVEL, {"reduced_chi2": (values, 3.0)}, 7.5)[-1]
        assert fit.outcome == outcome


def test_each_statistic_of_fit_is_a_criterion() -> None:
    fits = {**GOOD_FIT, "t_squared": (np.full(9, 99.0), 20.0)}
    criteria = judge_model(images(DZ), LEVEL, fits, 7.5)
    assert [one.name for one in criteria] == ["bias_um", "slope", "reduced_chi2", "t_squared"]
    assert overall(criteria) == "fail"
    assert overall(criteria[:3]) == "pass"
    assert overall((*criteria[:3], replace(criteria[0], outcome="inconclusive"))) == "inconclusive"


@pytest.mark.parametrize(
    ("dz_um", "message"),
    [
        (DZ[:4], "4 usable images at different Z; a verification needs at least 5"),
        (np.repeat(DZ[:3], 3), "3 usable images at different Z"),
        (DZ + 60.0, r"nearest to the plane is 20.0 um from it.*closer together"),
    ],
)
def test_a_sweep_that_does_not_suffice_is_refused(dz_um: FloatArray, message: str) -> None:
    fits = {"reduced_chi2": (np.ones(len(dz_um)), 3.0)}
    with pytest.raises(DataError, match=message):
        judge_model(images(dz_um, dz_um), LEVEL, fits, 7.5)


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
