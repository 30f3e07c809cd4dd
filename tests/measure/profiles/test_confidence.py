"""Confidence is between 0 and 1, rises with every margin, and is a half at a limit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refp.core.flags import BeadFlag
from refp.measure.beads import Beads
from refp.measure.frame import measure_frame
from refp.measure.profiles import RadialProfiles
from refp.measure.profiles.confidence import MIN_RELATIVE_RESPONSE, bead_confidence
from refp.settings import JudgeSettings, load_recipe, make_instrument, read_instrument
from refp.synthetic import render_single_bead

SETTINGS = JudgeSettings()
A2K = make_instrument(read_instrument("a2k"), "a2k")
CLEAR = {"r_squared": 0.98, "edge_radii": 1.1, "edge_depth": 0.8, "contrast": 0.7, "response": 0.8}
LIMITS = {
    "r_squared": SETTINGS.usable_r_squared,
    "edge_radii": SETTINGS.edge_radii[0],
    "edge_depth": SETTINGS.minimum_depth,
    "contrast": SETTINGS.minimum_relative_contrast * 0.7,
    "response": MIN_RELATIVE_RESPONSE * 0.8,
}


def confidence(**values: float) -> float:
    """Confidence of one candidate among beads of contrast 0.7 and response 0.8."""
    v = {name: np.array([value]) for name, value in (CLEAR | values).items()}
    one = np.ones(1)
    beads = Beads(
        np.zeros((1, 2)), one, one, v["contrast"], v["response"], one, np.zeros(1, np.uint32)
    )
    profiles = RadialProfiles(
        center_px=np.zeros((1, 2)),
        converged=np.ones(1, np.bool_),
        coefficients=np.zeros((1, 8)),
        intensity=np.ones((1, 3)),
        background=one,
        r_squared=v["r_squared"],
        edge_radii=v["edge_radii"],
        edge_depth=v["edge_depth"],
        n_saturated_px=np.zeros(1, np.int64),
        saturated=np.zeros((1, 3), np.bool_),
        noise=one,
        whiteness=one,
        radius_radii=np.array([0.0, 1.0, 2.0]),
        black_level=0.0,
        knot_px=1.0,
        bead_radius_px=9.0,
    )
    return float(bead_confidence(beads, profiles, 0.7, 0.8, SETTINGS)[0])


@pytest.mark.parametrize("name", LIMITS)
def test_a_half_at_a_limit(name: str) -> None:
    assert confidence(**{name: LIMITS[name]}) == pytest.approx(0.5 * confidence(), rel=0.02)


@pytest.mark.parametrize("name", LIMITS)
@given(a=st.floats(0, 1), b=st.floats(0, 1))
def test_rising_with_every_margin(name: str, a: float, b: float) -> None:
    low, high = sorted(LIMITS[name] + 0.99 * (CLEAR[name] - LIMITS[name]) * u for u in (a, b))
    assert 0 < confidence(**{name: low}) <= confidence(**{name: high}) < 1


def test_confidence_of_a_clear_bead_and_without_a_profile() -> None:
    assert confidence() > 0.98
    assert confidence(r_squared=float("nan")) == 0.0
    assert confidence(edge_radii=1.65) < 0.5


@pytest.mark.parametrize("dz_um", [-200.0, -80.0, 0.0, 80.0, 200.0])
def test_a_single_bead_of_a_frame_has_a_high_confidence(dz_um: float) -> None:
    measured = measure_frame(render_single_bead(dz_um, A2K, side_px=81), A2K, load_recipe())
    assert len(measured) == 1
    assert measured.beads.confidence[0] > 0.9
    assert not measured.beads.flags[0] & BeadFlag.LOW_CONFIDENCE


def test_a_bead_of_low_confidence_is_flagged_and_not_usable() -> None:
    recipe = load_recipe()
    strict = recipe.replace("judge.minimum_confidence", 0.9999)
    image = render_single_bead(0.0, A2K, side_px=81)
    measured = measure_frame(image, A2K, strict)
    assert measured.beads.flags[0] & BeadFlag.LOW_CONFIDENCE
    assert not measured.usable.any()
