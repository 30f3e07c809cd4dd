"""From scene to pixels: place, exposure, noise, bit depth."""

import time

import numpy as np
import pytest

from refp.errors import RecipeError
from refp.sweeps import Instrument
from refp.synthetic import (
    Camera,
    SceneSettings,
    SimulationSettings,
    expose,
    make_scene,
    render_frame,
    render_light,
    render_single_bead,
    single_bead_scene,
)


def scene_settings(**changes: object) -> SimulationSettings:
    return SimulationSettings.model_validate({"scene": changes})


@pytest.mark.parametrize("center", [(31.5, 31.5), (30.2, 33.7), (32.0, 31.0)])
@pytest.mark.parametrize("dz_um", [-120.0, 0.0, 60.0])
def test_a_bead_lies_where_it_was_put(
    a2k: Instrument, center: tuple[float, float], dz_um: float
) -> None:
    scene = single_bead_scene(a2k, side_px=100, center_px=(center[0] + 18, center[1] + 18))
    missing = 1 - render_light(scene, dz_um)
    centroid = np.array([(missing * axis).sum() for axis in np.indices(missing.shape)])
    found = centroid / missing.sum() - 18
    assert found == pytest.approx(center, abs=0.01)


def test_a_bead_has_its_size(instrument: Instrument) -> None:
    image = render_single_bead(0, instrument).astype(float)
    middle = image[image.shape[0] // 2]
    below_half = np.flatnonzero(middle < 0.5 * middle[0])
    width = below_half[-1] - below_half[0] + 1
    assert width == pytest.approx(2 * instrument.bead_radius_px, abs=2)
    assert image.shape == (instrument.tile_side_px,) * 2


def test_shift_moves_the_beads(a2k: Instrument) -> None:
    scene = single_bead_scene(a2k)
    moved = render_light(scene, 0, shift_px=(3.0, -2.0))
    np.testing.assert_allclose(moved, np.roll(render_light(scene, 0), (3, -2), (0, 1)), atol=1e-3)


def test_overlapping_images_multiply(a2k: Instrument) -> None:
    settings = scene_settings(n_beads=2, n_touching=1, n_border=0, n_off_plane=0, n_dust=0)
    both = render_light(make_scene(a2k, settings, 0, np.random.default_rng(3)), -100.0)
    assert both.min() >= 0
    assert both.min() < 0.25


def test_grey_levels_go_with_exposure_until_saturation(a2k: Instrument) -> None:
    short, long = (render_single_bead(0, a2k, exposure_ms=t).astype(float) for t in (9, 18))
    open_pixels = long < 255
    np.testing.assert_allclose(long[open_pixels], 2 * short[open_pixels], atol=1.01)
    assert (render_single_bead(0, a2k, exposure_ms=40) == 255).any()


def test_bits_and_white_level(a2k: Instrument) -> None:
    twelve = Camera(bit_depth=12, grey_levels_per_ms=80)
    image = render_single_bead(0, a2k, camera=twelve, exposure_ms=40)
    assert image.dtype == np.uint16
    assert image.max() == 4095
    assert render_single_bead(0, a2k).dtype == np.uint8
    white = a2k.model_copy(update={"optics": a2k.optics.model_copy(update={"white_level": 200})})
    assert render_single_bead(0, white, exposure_ms=30).max() == 200


def test_noise_is_the_camera_s() -> None:
    camera, rng = Camera(gain_e=50, read_noise_e=20, bit_depth=16), np.random.default_rng(0)
    image = expose(np.ones((400, 400), dtype=np.float32), 40, camera, rng).astype(float)
    grey = 40 * camera.grey_levels_per_ms
    assert image.mean() == pytest.approx(grey, abs=0.05)
    assert image.var() == pytest.approx(grey / 50 + 0.4**2 + 1 / 12, rel=0.03)


def test_noise_comes_from_the_seed(a2k: Instrument) -> None:
    first, again = (render_single_bead(10, a2k, noise=True, seed=4) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert (first != render_single_bead(10, a2k, noise=True, seed=5)).any()


def test_the_same_camera_has_the_same_fixed_pattern(a2k: Instrument) -> None:
    plain = {"n_beads": 0, "n_touching": 0, "n_border": 0, "n_off_plane": 0, "n_dust": 0}
    settings = scene_settings(**plain, uneven_light=0)
    first, second = (make_scene(a2k, settings, 0, np.random.default_rng(k)).light for k in (1, 2))
    np.testing.assert_array_equal(first, second)
    assert first.std() == pytest.approx(0.003, rel=0.05)


def test_special_beads_are_placed_as_asked(a2k: Instrument) -> None:
    settings = scene_settings(n_beads=14, n_touching=2, n_border=2, n_off_plane=3)
    scene = make_scene(a2k, settings, 1500, np.random.default_rng(0))
    beads, radius = scene.beads, a2k.bead_radius_px
    counts = [kind.sum() for kind in (beads.touching, beads.border, beads.outlier)]
    assert counts == [4, 2, 3]
    gap = np.linalg.norm(beads.centers_px[:, None] - beads.centers_px, axis=2)
    np.fill_diagonal(gap, np.inf)
    assert gap[beads.touching].min(axis=1) == pytest.approx(2.05 * radius, abs=0.06 * radius)
    assert gap[~beads.touching].min() > 5 * radius
    inset = np.minimum(beads.centers_px, np.subtract(scene.shape, 1) - beads.centers_px).min(axis=1)
    assert inset[beads.border].max() < radius < 2 * radius < inset[~beads.border].min()
    assert beads.plane_um[beads.outlier].min() > 1515


def test_tilt_lifts_beads_along_the_image(a2k: Instrument) -> None:
    settings = scene_settings(height_sd_um=0, n_off_plane=0, tilt_sd_um_per_px=0.05)
    scene = make_scene(a2k, settings, 1500, np.random.default_rng(0))
    middle = np.subtract(scene.shape, 1) / 2
    expected = 1500 + (scene.beads.centers_px - middle) @ scene.tilt_um_per_px
    np.testing.assert_allclose(scene.beads.plane_um, expected)


def test_cells_alone(a2k: Instrument) -> None:
    none = {"n_beads": 0, "n_touching": 0, "n_border": 0, "n_off_plane": 0, "n_dust": 0}
    scene = make_scene(a2k, scene_settings(**none, n_cells=30), 1500, np.random.default_rng(0))
    assert len(scene.cells.radius_px) == 30
    assert 0 < scene.cells.bright.sum() < 30
    assert scene.cells.radius_px == pytest.approx(0.4 * a2k.bead_radius_px, rel=0.16)
    light = render_light(scene, 1500)
    assert light.min() < 0.8
    assert light.max() > 1.1


def test_too_many_beads_are_refused(a2k: Instrument) -> None:
    with pytest.raises(RecipeError, match=r"shape_px = \(100, 100\): no room for more than"):
        make_scene(a2k, scene_settings(shape_px=(100, 100)), 0, np.random.default_rng(0))


def test_too_many_special_beads_are_refused() -> None:
    with pytest.raises(ValueError, match="less than the 4 special beads"):
        SceneSettings(n_beads=3)


def test_a_frame_is_quick(a2k: Instrument) -> None:
    settings = SimulationSettings()
    rng = np.random.default_rng(0)
    scene = make_scene(a2k, settings, 1508, rng)
    spent = []
    for _ in range(5):
        start = time.perf_counter()
        render_frame(scene, 1300, 12, settings.camera, rng)
        spent.append(time.perf_counter() - start)
    assert min(spent) < 0.06  # the least, since other tests may run beside this one
