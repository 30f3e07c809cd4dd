"""The stated Z against the axial scale of the images."""

import os
from pathlib import Path

import numpy as np
import pytest

from refp.measure.dataset import measure_dataset
from refp.measure.features import FeatureCurve, feature_curve
from refp.plane.axial import (
    WIDTH_DEPTHS,
    axial_scale,
    describe_axial_scale,
    implausible_sweeps,
)
from refp.settings import Instrument, load_recipe, make_instrument, read_instrument
from refp.sweeps import SweepKey, open_dataset
from refp.synthetic import SceneSettings, feature_curves, looks_of

A2K = make_instrument(read_instrument("a2k"), "a2k")
CUSTOM = make_instrument(
    {"optics": {"pixel_size_um": 1.5}, "bead": {"diameter_um": 28.0}}, "pixel and bead alone"
)
WIDTH_UM = WIDTH_DEPTHS * 0.55 / 0.13**2


def curve(
    z_um: np.ndarray, width_um: float = WIDTH_UM, dataset: str = "d", fov: int = 1
) -> FeatureCurve:
    """A bell of a width at half height, with a fine ripple as noise."""
    height = np.exp2(-((2 * z_um / width_um) ** 2)) * (1 + 0.02 * np.sin(37 * np.arange(len(z_um))))
    no = np.zeros(len(z_um), dtype=np.bool_)
    return FeatureCurve(
        SweepKey(dataset, 1, fov, 9.0), z_um, -height, height, no, no, np.full(len(z_um), 5)
    )


Z = np.arange(-120.0, 121.0, 7.5)
FACTORS = {"default step": 7.5, "slices": 15.0, "thousandth": 1000.0, "thousandfold": 1e-3}


@pytest.mark.parametrize("instrument", [A2K, CUSTOM], ids=["named", "custom"])
@pytest.mark.parametrize("factor", FACTORS.values(), ids=FACTORS)
def test_a_wrong_step_or_unit_is_implausible(instrument: Instrument, factor: float) -> None:
    wrong = curve(Z / factor, WIDTH_UM / factor)
    scale = axial_scale(wrong, instrument)
    assert not scale.is_plausible
    assert scale.factor == pytest.approx(factor, rel=0.2)
    message = describe_axial_scale(wrong, instrument)
    assert f"a factor of about {scale.factor:.2g} would fit" in message


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0])
def test_the_right_scale_is_plausible(factor: float) -> None:
    assert describe_axial_scale(curve(Z * factor, WIDTH_UM * factor), A2K) == ""


PARTIAL = {
    "above the plane": Z[Z > 5],
    "below the plane": Z[Z < -5],
    "about the plane": Z[np.abs(Z) < 20],
    "few frames": Z[::12],
    "fine and short": np.linspace(-2, 2, 40),
    "coarse": np.arange(-300.0, 301.0, 60.0),
}


@pytest.mark.parametrize("z_um", PARTIAL.values(), ids=PARTIAL)
def test_a_sweep_that_does_not_show_the_width_is_plausible(z_um: np.ndarray) -> None:
    assert axial_scale(curve(z_um), A2K).is_plausible


def test_a_curve_without_beads_is_plausible() -> None:
    none = curve(Z)
    empty = FeatureCurve(
        none.key, Z, np.full(len(Z), np.nan), Z, none.ss_saturated, none.ci_saturated, none.n_beads
    )
    assert axial_scale(empty, A2K).is_plausible


def test_sweeps_that_do_not_show_it_go_with_their_data_set() -> None:
    wrong, short = curve(Z / 15, WIDTH_UM / 15, "a"), Z[Z > 5] / 15
    curves = [
        wrong,
        curve(short, WIDTH_UM / 15, "a", 2),
        curve(short, dataset="b"),
        curve(Z, dataset="a"),
    ]
    assert implausible_sweeps(curves, A2K) == {0, 1}


@pytest.mark.parametrize("name", ["a2k", "nikon-ti2"])
def test_simulated_beads_have_the_expected_width(name: str) -> None:
    instrument = make_instrument(read_instrument(name), name)
    looks = looks_of(instrument, SceneSettings())
    z_um = np.linspace(-8, 8, 161) * looks.depth_um
    pixel_um = instrument.optics.pixel_size_um
    slope, center = feature_curves(
        looks.on_pixels, looks.nominal_radius_um, instrument.bead.index, z_um, pixel_um
    )
    no = np.zeros(len(z_um), dtype=np.bool_)
    key = SweepKey("d", 1, 1, 9.0)
    scale = axial_scale(
        FeatureCurve(key, z_um, slope, center, no, no, np.ones(len(z_um), int)), instrument
    )
    assert scale.is_seen
    assert 0.7 < scale.upper_um / scale.expected_um < 1.5


@pytest.mark.parametrize("name", ["a2k-test2", "nikon-test1"])
def test_the_sweeps_of_the_twin_are_plausible(name: str) -> None:
    root = Path(__file__).parents[2]
    folder = Path(os.environ.get("REFP_SHARED", root.parent / "shared")) / "data" / "twin" / name
    if not folder.is_dir():
        pytest.skip(f"no shared data in {folder}; set REFP_SHARED")
    recipe = load_recipe()
    measured = measure_dataset(open_dataset(folder), recipe)
    curves = [feature_curve(sweep, recipe.feature) for sweep in measured.sweeps]
    assert not implausible_sweeps(curves, measured.instrument)
