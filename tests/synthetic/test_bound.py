"""The Cramer-Rao bound: reached by maximum likelihood, and scaling as photons do."""

import numpy as np
import pytest

from refp.core.errors import DataError
from refp.settings import Camera, Instrument
from refp.synthetic import expose, render_light, single_bead_scene
from refp.synthetic.bound import OFF_CENTER_PX, dz_bound, tile_model


def with_camera(instrument: Instrument, **changes: object) -> Instrument:
    camera = instrument.camera.model_copy(update=changes)
    return instrument.model_copy(update={"camera": camera})


@pytest.mark.parametrize("dz_um", [-60.0, 30.0])
def test_maximum_likelihood_reaches_the_bound(a2k: Instrument, dz_um: float) -> None:
    """Noisy tiles, each fitted with the simulator's derivatives in one step from the truth."""
    exposure_ms = 12.0
    # Fine grey levels above 0: rounding and black would shift the means of dark pixels.
    a2k = with_camera(a2k, bit_depth=12, offset=100.0, grey_levels_per_ms=84.8, gain_e=3.125)
    model = tile_model(a2k, dz_um, exposure_ms)
    information = model.information()
    middle = (a2k.tile_side_px - 1) / 2
    center = (middle + OFF_CENTER_PX[0], middle + OFF_CENTER_PX[1])
    light = render_light(
        single_bead_scene(a2k, center_px=center), dz_um, blur_px=a2k.camera.blur_px
    )
    rng = np.random.default_rng(0)
    steps = []
    for _ in range(400):
        sensitive = light * (1 + a2k.camera.fixed_pattern * rng.standard_normal(light.shape))
        tile = expose(sensitive.astype(np.float32), exposure_ms, a2k.camera, rng).ravel()
        score = (model.slopes * model.weight) @ (tile - 100.0 - model.grey)
        steps.append(np.linalg.solve(information, score)[0])
    bound = dz_bound(a2k, np.array([dz_um]), exposure_ms).free_um[0]
    assert np.mean(steps) == pytest.approx(0, abs=4 * bound / 20)
    assert np.std(steps) == pytest.approx(bound, rel=0.12)


def test_unknown_parameters_raise_the_bound(a2k: Instrument) -> None:
    bound = dz_bound(a2k, np.linspace(-150, 150, 7), 12.0)
    assert (bound.known_um > 0).all()
    assert (bound.known_um <= bound.sd_um * (1 + 1e-9)).all()
    assert (bound.sd_um <= bound.free_um * (1 + 1e-9)).all()


def test_four_times_the_light_halves_the_bound(a2k: Instrument) -> None:
    """With shot noise only."""
    quiet = with_camera(a2k, read_noise_e=0.0, fixed_pattern=0.0, gain_e=0.01, bit_depth=16)
    dz_um = np.array([-80.0, 10.0, 120.0])
    short, long = (dz_bound(quiet, dz_um, exposure).known_um for exposure in (10.0, 40.0))
    np.testing.assert_allclose(short / long, 2.0, rtol=0.01)


def test_more_electrons_per_grey_level_lower_the_bound(a2k: Instrument) -> None:
    dz_um = np.array([20.0])
    coarse, fine = (dz_bound(with_camera(a2k, gain_e=g), dz_um, 12.0).sd_um for g in (5, 50))
    assert fine < 0.7 * coarse


def test_saturated_pixels_contribute_no_information(a2k: Instrument) -> None:
    grey = tile_model(a2k, 0.0, 30.0)
    assert (grey.grey > 255).any()
    assert (grey.weight[grey.grey > 255] == 0).all()
    full = with_camera(a2k, full_well_e=50 * 100.0)
    assert (tile_model(full, 0.0, 12.0).weight == 0).sum() > 0
    everything = with_camera(a2k, grey_levels_per_ms=1e6)
    assert np.isinf(dz_bound(everything, np.array([0.0]), 12.0).known_um[0])


def test_beyond_the_images_is_refused(a2k: Instrument) -> None:
    with pytest.raises(DataError, match="simulated images cover"):
        dz_bound(a2k, np.array([1000.0]), 12.0)


def test_the_bound_depends_on_the_camera_not_the_name(a2k: Instrument) -> None:
    other = a2k.model_copy(update={"camera": Camera(read_noise_e=400.0)})
    dz_um = np.array([-40.0, 40.0])
    assert (dz_bound(other, dz_um, 6.0).sd_um > dz_bound(a2k, dz_um, 6.0).sd_um).all()
