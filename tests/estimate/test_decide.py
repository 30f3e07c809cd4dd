"""Estimates with an interval, and refusals with their reason."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t as student

from refp.estimate import FocusEstimate, Found, Parts, estimate_focus, refused, tilt_um_per_px
from refp.models import BeadInputs, Ensemble, Lookup, Predictions, Predictor
from refp.settings import EstimateSettings, LookupSettings

BeadsAt = Callable[..., BeadInputs]
FixedPredictor = Callable[..., Predictor]
OTHER_SIZE = (
    "unlike_training: the beads look ? % {} than those of the training (up to ? % is normal): "
    "other beads, or another magnification"
)
OUTSIDE = "outside_range: the focal plane is outside the trained range of -50 to 50 um"


def estimate_with(
    ensemble: Ensemble,
    inputs: BeadInputs,
    predictor: Predictor,
    found: Found | None = None,
    **settings: Any,
) -> FocusEstimate:
    lookup = Lookup(ensemble.stack, LookupSettings())
    made = EstimateSettings.model_validate({"tilt_mrad": 0.0, **settings})
    seen = Found(5) if found is None else found
    return estimate_focus(inputs, seen, ensemble.card, predictor, lookup, made)


def with_calibration(ensemble: Ensemble, family: str = "profile", **changes: Any) -> Ensemble:
    calibration = ensemble.card.calibration.model_copy(update=changes)
    card = ensemble.card.model_copy(update={"calibration": calibration, "family": family})
    return replace(ensemble, card=card)


@pytest.mark.parametrize(
    ("beads", "predicted", "found", "reason"),
    [
        pytest.param({"n": 0}, {}, Found(0), "no_beads: no bead was found", id="none"),
        pytest.param({"n": 0}, {}, Found(5), "no_beads: none of 5 beads is usable", id="unusable"),
        pytest.param(
            {"n": 2}, {}, Found(5), "too_few_beads: 2 usable beads, at least 3 are needed", id="few"
        ),
        pytest.param(
            {"n": 0},
            {},
            Found(0, 0.4),
            "saturated: 40 % of the image are saturated; use less light",
            id="white image",
        ),
        pytest.param(
            {"saturated": 0.4},
            {},
            Found(4),
            "saturated: 41 % of the typical bead's rings are saturated; use less light",
            id="white beads",
        ),
        pytest.param(
            {"dz_um": 5, "ripple": 0.2},
            {"dz_um": 5},
            Found(4),
            "unlike_training: the beads do not look like those of the training (reduced chi squared ",
            id="unlike",
        ),
        pytest.param({"dz_um": 45}, {"dz_um": 80}, Found(4), OUTSIDE, id="network outside"),
        pytest.param({"dz_um": 53}, {"dz_um": 40}, Found(4), OUTSIDE, id="look-up at its end"),
        pytest.param(
            {"dz_um": 47},
            {"dz_um": 47, "sd_um": 4},
            Found(4),
            "outside_range: the focal plane, at 39.12 to 54.88 um, may be outside "
            "the trained range of -50 to 50 um",
            id="may be outside",
        ),
        pytest.param(
            {"dz_um": 5},
            {"dz_um": 20},
            Found(4),
            "families_disagree: look-up and profile differ by 15.0 um (> 6.0)",
            id="disagree",
        ),
        pytest.param(
            {"dz_um": 5, "size": 1.05},
            {"dz_um": 5},
            Found(4),
            OTHER_SIZE.format("larger"),
            id="larger",
        ),
        pytest.param(
            {"dz_um": 5, "size": 0.95},
            {"dz_um": 5},
            Found(4),
            OTHER_SIZE.format("smaller"),
            id="another magnification",
        ),
    ],
)
def test_refusal(
    ensemble: Ensemble,
    beads_at: BeadsAt,
    fixed_predictor: FixedPredictor,
    beads: dict[str, float],
    predicted: dict[str, float],
    found: Found,
    reason: str,
) -> None:
    inputs = beads_at(**{"dz_um": 0.0, **beads})
    estimate = estimate_with(
        ensemble, inputs, fixed_predictor(**{"dz_um": 0.0, **predicted}), found
    )
    assert estimate.status == "refused"
    assert re.sub(r"\d\.\d %", "? %", estimate.reason).startswith(reason)
    assert (estimate.n_beads, estimate.n_beads_used) == (found.n_beads, 0)
    numbers = (estimate.delta_z_um, estimate.u_um, estimate.lower_um, estimate.upper_um)
    assert np.isnan([*numbers, estimate.size, estimate.size_u, estimate.parts.total_um]).all()
    assert np.isnan([*estimate.tilt_um_per_px, *estimate.tilt_u_um_per_px]).all()
    assert len(estimate.used) == len(inputs)
    assert not estimate.used.any()


@pytest.mark.parametrize(
    ("beads", "predicted", "code"),
    [
        pytest.param(
            {"saturated": 0.4, "n": 1, "ripple": 0.2}, {"dz_um": 80}, "saturated", id="all at once"
        ),
        pytest.param({"n": 2, "ripple": 0.2}, {"dz_um": 80}, "too_few_beads", id="beads next"),
        pytest.param(
            {"ripple": 0.2, "size": 1.05}, {"dz_um": 80}, "unlike_training", id="looks next"
        ),
        pytest.param({"size": 1.05}, {"dz_um": 80}, "outside_range", id="range next"),
        pytest.param({"size": 1.05}, {"dz_um": 20}, "families_disagree", id="then the families"),
    ],
)
def test_reasons_have_an_order(
    ensemble: Ensemble,
    beads_at: BeadsAt,
    fixed_predictor: FixedPredictor,
    beads: dict[str, float],
    predicted: dict[str, float],
    code: str,
) -> None:
    estimate = estimate_with(
        ensemble, beads_at(**{"dz_um": 0.0, **beads}), fixed_predictor(**predicted)
    )
    assert estimate.reason.split(":")[0] == code


def test_beads_with_some_saturated_rings_are_estimated(
    ensemble: Ensemble, beads_at: BeadsAt, fixed_predictor: FixedPredictor
) -> None:
    estimate = estimate_with(ensemble, beads_at(10, saturated=0.2), fixed_predictor(10))
    assert estimate.status == "ok"
    usable = estimate_with(
        ensemble, beads_at(10), fixed_predictor(10), Found(9, saturated_fraction=0.9)
    )
    assert usable.status == "ok"  # usable beads take precedence


def test_saturation_is_the_typical_bead_s(
    ensemble: Ensemble, beads_at: BeadsAt, fixed_predictor: FixedPredictor
) -> None:
    inputs = beads_at(10, n=5)
    for n_white, status in ((2, "ok"), (3, "refused")):
        rings = np.zeros_like(inputs.saturated)
        rings[:n_white, :15] = True
        assert (
            estimate_with(ensemble, replace(inputs, saturated=rings), fixed_predictor(10)).status
            == status
        )


def opposed(plain: BeadInputs, deviating: BeadInputs) -> BeadInputs:
    """Return beads whose deviations have opposite signs, so that their mean has none."""
    sign = np.where(np.arange(len(plain)) % 2, -1.0, 1.0)[:, None]
    return replace(plain, profile=plain.profile + sign * (deviating.profile - plain.profile))


def test_a_deviation_that_all_beads_share_is_refused(
    ensemble: Ensemble, beads_at: BeadsAt, fixed_predictor: FixedPredictor
) -> None:
    """Each bead deviates by as much; only where they deviate alike does the mean show it."""
    plain, deviating = beads_at(5, n=8), beads_at(5, n=8, ripple=0.03)
    estimate = estimate_with(ensemble, deviating, fixed_predictor(5))
    assert estimate.reason.startswith("unlike_training: the beads together deviate")
    mixed = estimate_with(ensemble, opposed(plain, deviating), fixed_predictor(5))
    assert mixed.status == "ok"
    few = estimate_with(ensemble, beads_at(5, n=3, ripple=0.03), fixed_predictor(5))
    assert few.status == "ok"


@pytest.mark.parametrize(("ripple", "status"), [(0.02, "ok"), (2.0, "refused")])
def test_beads_that_the_stack_does_not_explain_are_refused(
    ensemble: Ensemble,
    beads_at: BeadsAt,
    fixed_predictor: FixedPredictor,
    ripple: float,
    status: str,
) -> None:
    """Also where held-out images scattered so much that no chi squared is too large."""
    residuals = ensemble.card.calibration.residuals.model_copy(update={"maximum_t_squared": 1e9})
    lenient = with_calibration(ensemble, maximum_reduced_chi2=1e9, residuals=residuals)
    estimate = estimate_with(lenient, beads_at(5, ripple=ripple), fixed_predictor(5))
    assert estimate.status == status
    assert ("their best match explains" in estimate.reason) == (status == "refused")


@pytest.mark.parametrize(("light", "status"), [(60.0, "refused"), (4.0, "ok")])
def test_chi2_is_compared_at_the_image_s_light(
    ensemble: Ensemble,
    beads_at: BeadsAt,
    fixed_predictor: FixedPredictor,
    light: float,
    status: str,
) -> None:
    """At 60 grey levels a reduced chi squared of 1 is usual, at 4 one of 3.8."""
    inputs = opposed(beads_at(5), beads_at(5, ripple=0.08))
    reduced_chi2 = (
        Lookup(ensemble.stack, LookupSettings())
        .match(inputs.profile, inputs.saturated)
        .reduced_chi2
    )
    assert 4.0 < reduced_chi2[0] < 4.0 * 3.8
    lights = np.full(len(inputs), light)
    dimmed = replace(inputs, light=lights, noise=np.sqrt(lights))
    assert estimate_with(ensemble, dimmed, fixed_predictor(5)).status == status


@pytest.mark.parametrize(("size", "n_beads"), [(1.02, 1), (1.02, 9), (0.985, 9), (1.035, 1)])
def test_a_size_is_compared_with_the_normal_scatter(
    ensemble: Ensemble,
    beads_at: BeadsAt,
    fixed_predictor: FixedPredictor,
    size: float,
    n_beads: int,
) -> None:
    """The limit is 2.6 times the standard deviation of the mean size.

    It includes the spread of the image's beads, of the training's 16 and the error of the look-up.
    Student's quantile widens the spread, which is estimated from 16 beads.
    """
    one = replace(ensemble, card=ensemble.card.model_copy(update={"minimum_beads": 1}))
    inputs = beads_at(5, n=n_beads, size=size)
    match = Lookup(ensemble.stack, LookupSettings()).match(inputs.profile, inputs.saturated)
    own = max(float(match.size_sd[0]), 0.003) / np.sqrt(n_beads)
    spread = 0.01 * 2.9467 / 2.5758  # tables of t with 15 degrees of freedom, and of the normal
    normal = np.sqrt(spread**2 * (1 / n_beads + 1 / 16) + own**2)
    far = abs(match.size[0] - 1) > 2.6 * normal
    estimate = estimate_with(one, inputs, fixed_predictor(5))
    assert estimate.status == ("refused" if far else "ok")
    if far:
        off, limit = 100 * abs(match.size[0] - 1), 100 * 2.6 * normal
        assert (
            f"the beads look {off:.1f} % {'larger' if size > 1 else 'smaller'}" in estimate.reason
        )
        assert f"(up to {limit:.1f} % is normal)" in estimate.reason
    else:
        assert estimate.size == pytest.approx(size, abs=2e-3)  # pulled to 1 by the prior
        assert estimate.size_u == pytest.approx(own)
    unknown = with_calibration(one, size_sd=0.0, n_sizes=1)
    assert estimate_with(unknown, inputs, fixed_predictor(5)).status == "ok"


def test_the_look_up_is_not_compared_with_itself(
    ensemble: Ensemble, beads_at: BeadsAt, fixed_predictor: FixedPredictor
) -> None:
    strict = {"maximum_disagreement_um": 0.0}
    lookup_only = with_calibration(ensemble, "lookup", **strict)
    assert estimate_with(lookup_only, beads_at(5), fixed_predictor(5.5)).status == "ok"
    other = with_calibration(ensemble, "profile", **strict)
    assert estimate_with(other, beads_at(5), fixed_predictor(5.5)).reason.startswith(
        "families_disagree"
    )


def test_an_absurd_number_is_refused(
    ensemble: Ensemble, beads_at: BeadsAt, fixed_predictor: FixedPredictor
) -> None:
    with np.errstate(all="ignore"):
        estimate = estimate_with(ensemble, beads_at(5), fixed_predictor(1e9))
    assert estimate.status == "refused"


@given(
    dz_um=st.floats(-38, 38),
    spread_um=st.floats(0, 2),
    n=st.integers(3, 9),
    coverage=st.sampled_from([0.5, 0.9, 0.95]),
    tilt_mrad=st.sampled_from([0.0, 5.0]),
)
def test_interval(
    ensemble: Ensemble,
    beads_at: BeadsAt,
    fixed_predictor: FixedPredictor,
    dz_um: float,
    spread_um: float,
    n: int,
    coverage: float,
    tilt_mrad: float,
) -> None:
    predictor = fixed_predictor(dz_um, spread_um)
    settings = {"coverage": coverage, "tilt_mrad": tilt_mrad}
    estimate = estimate_with(ensemble, beads_at(dz_um, n), predictor, Found(10), **settings)
    assert (estimate.status, estimate.reason, estimate.n_beads) == ("ok", "", 10)
    assert estimate.delta_z_um == pytest.approx(dz_um, abs=1.0 if tilt_mrad else 1e-6)
    assert estimate.dof >= 10.0
    half = student.ppf(0.5 + coverage / 2, estimate.dof) * estimate.u_um
    assert estimate.upper_um - estimate.delta_z_um == pytest.approx(half)
    assert estimate.delta_z_um - estimate.lower_um == pytest.approx(half)
    assert estimate.coverage == coverage
    p = estimate.parts
    squares = [p.beads_um, p.members_um, p.calibration_um, p.refp_um, p.stage_um]
    assert estimate.u_um**2 == pytest.approx(np.sum(np.square(squares)))


def test_parts_of_the_uncertainty(
    ensemble: Ensemble, beads_at: BeadsAt, fixed_predictor: FixedPredictor
) -> None:
    estimate = estimate_with(ensemble, beads_at(10, 4), fixed_predictor(10, sd_um=1.0))
    beads = np.sqrt((2.0 * 1.0) ** 2 + 0.3**2) / np.sqrt(4)
    stage = 0.2 + 0.2 * 10 / 50  # between the plane and the end of the range
    assert estimate.parts == Parts(pytest.approx(beads), 0.0, 0.4, 0.5, pytest.approx(stage))
    squares = np.array([beads, 0.4, 0.5, stage]) ** 2
    assert estimate.u_um == pytest.approx(np.sqrt(squares.sum()))
    # Welch and Satterthwaite, with the degrees of freedom of the card.
    expected = squares.sum() ** 2 / (squares**2 / np.array([14.0, 15.0, 10.0, 20.0])).sum()
    assert estimate.dof == pytest.approx(expected)


def test_members_are_a_contribution(
    ensemble: Ensemble, beads_at: BeadsAt, fixed_predictor: FixedPredictor
) -> None:
    inputs, predictor = beads_at(10), fixed_predictor(10)
    dz_um = np.array([[9.0] * 4, [10.0] * 4, [12.0] * 4])
    predictions = Predictions(dz_um, np.ones_like(dz_um))
    predictor.predict = lambda inputs: predictions  # type: ignore[method-assign]
    parts = estimate_with(ensemble, inputs, predictor).parts
    assert parts.members_um == pytest.approx(np.std([9.0, 10.0, 12.0], ddof=1))


def test_the_slide_s_tilt_is_estimated(
    ensemble: Ensemble, beads_at: BeadsAt, fixed_predictor: FixedPredictor
) -> None:
    inputs, predictor = beads_at(10, 8), fixed_predictor(10, sd_um=0.05)
    rise = np.array([0.004, -0.002])
    predictions = predictor.predict(inputs)
    predictions.dz_um[0] -= inputs.offset_px @ rise
    predictor.predict = lambda inputs: predictions  # type: ignore[method-assign]
    estimate = estimate_with(ensemble, inputs, predictor, tilt_mrad=5.0)
    assert estimate.delta_z_um == pytest.approx(10.0, abs=1e-6)
    np.testing.assert_allclose(estimate.tilt_um_per_px, rise, rtol=0.05)
    assert (np.abs(estimate.tilt_um_per_px - rise) < 3 * estimate.tilt_u_um_per_px).all()


def test_prior_of_the_tilt_is_per_pixel(ensemble: Ensemble) -> None:
    """5 mrad times the pixel size."""
    pixel_um = ensemble.card.instrument.optics.pixel_size_um
    settings = EstimateSettings(tilt_mrad=5.0)
    assert tilt_um_per_px(settings, ensemble.card.instrument) == pytest.approx(0.005 * pixel_um)


def test_outlier_bead_is_not_used(
    ensemble: Ensemble, beads_at: BeadsAt, fixed_predictor: FixedPredictor
) -> None:
    predictor = fixed_predictor(10)
    inputs = beads_at(10, 5)
    predictions = predictor.predict(inputs)
    predictions.dz_um[0, 2] = 45.0
    predictor.predict = lambda inputs: predictions  # type: ignore[method-assign]
    estimate = estimate_with(ensemble, inputs, predictor)
    assert estimate.delta_z_um == pytest.approx(10.0)
    assert estimate.n_beads_used == 4
    assert list(np.flatnonzero(~estimate.used)) == [2]


def test_one_bead_is_enough_where_the_card_allows_it(
    ensemble: Ensemble, beads_at: BeadsAt, fixed_predictor: FixedPredictor
) -> None:
    one_bead = replace(ensemble, card=ensemble.card.model_copy(update={"minimum_beads": 1}))
    no_sd = estimate_with(one_bead, beads_at(5, n=1), fixed_predictor(5, sd_um=float("nan")))
    assert (no_sd.status, no_sd.n_beads_used) == ("ok", 1)
    assert no_sd.parts.beads_um == pytest.approx(np.hypot(2.0, 0.3))


def test_refused_states_no_number() -> None:
    refusal = refused("unreadable", "cut.tif: cut", 0.95)
    assert refusal.reason == "unreadable: cut.tif: cut"
    assert refusal.status == "refused"
    assert refusal.n_beads == len(refusal.used) == 0


@pytest.mark.parametrize(
    ("noise", "status"), [(0.3, "refused"), (0.7, "ok"), (2.0, "refused")], ids=str
)
def test_a_filtered_image_is_refused_by_its_noise(
    ensemble: Ensemble,
    beads_at: BeadsAt,
    fixed_predictor: FixedPredictor,
    noise: float,
    status: str,
) -> None:
    inputs = beads_at(10, n=6)
    correlated = np.full(len(inputs), 0.6)
    filtered = replace(inputs, whiteness=correlated, noise=noise * inputs.noise)
    estimate = estimate_with(ensemble, filtered, fixed_predictor(10))
    assert estimate.status == status
    if status == "refused":
        assert "smoothed, sharpened or compressed after the camera" in estimate.reason
    else:
        plain = estimate_with(ensemble, inputs, fixed_predictor(10))
        assert estimate.parts.calibration_um >= plain.parts.calibration_um


def test_an_offset_of_grey_levels_widens_the_interval(
    ensemble: Ensemble, beads_at: BeadsAt, fixed_predictor: FixedPredictor
) -> None:
    """Light without its noise: black level or gain of the image differ from the training's."""
    inputs = beads_at(10, n=6)
    contrast = 60.0 / 75.0
    lifted = replace(
        inputs,
        profile=1.0 - contrast * (1.0 - inputs.profile),
        light=inputs.light / contrast,
    )
    plain = estimate_with(ensemble, inputs, fixed_predictor(10))
    estimate = estimate_with(ensemble, lifted, fixed_predictor(10))
    assert (plain.status, estimate.status) == ("ok", "ok")
    assert estimate.u_um > plain.u_um
    dimmed = replace(inputs, light=inputs.light / contrast, noise=inputs.noise / contrast**0.5)
    same = estimate_with(ensemble, dimmed, fixed_predictor(10))
    assert (
        same.parts.calibration_um == plain.parts.calibration_um
    )  # a brighter lamp is no alteration


@pytest.mark.parametrize(("offset", "status"), [(-3.0, "ok"), (5.0, "ok"), (-20.0, "refused")])
def test_an_offset_that_the_noise_does_not_show_is_found_by_the_fit(
    ensemble: Ensemble, beads_at: BeadsAt, offset: float, status: str
) -> None:
    """At a noise of any light; grey levels of light 60, and a shift of the black level."""
    lookup = Lookup(ensemble.stack, LookupSettings())
    inputs = beads_at(10, n=6)
    light = inputs.light + offset
    shifted = replace(
        inputs,
        profile=(inputs.profile * inputs.light[:, None] + offset) / light[:, None],
        light=light,
        noise=np.full(len(inputs), np.nan),
    )
    strict = with_calibration(ensemble, "lookup", maximum_reduced_chi2=0.05)
    plain, estimate = (estimate_with(strict, one, lookup) for one in (inputs, shifted))
    assert estimate.status == status
    if status == "ok":
        assert abs(estimate.delta_z_um - plain.delta_z_um) < 0.5 * estimate.u_um
        assert estimate.u_um >= plain.u_um
    else:
        assert "do not look like those of the training" in estimate.reason
