"""Rendering of scenes: positions, exposure, noise, bit depth."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage
from scipy.interpolate import CubicSpline, LSQUnivariateSpline

from refp.core.errors import RecipeError
from refp.settings import Camera, Instrument
from refp.synthetic import (
    Scene,
    SceneSettings,
    SimulationSettings,
    expose,
    make_scene,
    render_light,
    render_single_bead,
    single_bead_scene,
)
from refp.synthetic.optics import make_microscope


def scene_settings(**changes: object) -> SimulationSettings:
    return SimulationSettings.model_validate({"scene": changes})


def only(scene: Scene, k: int) -> Scene:
    """Return the scene with one of its beads."""
    names = ("centers_px", "radius_um", "index", "focus_um", "plane_um")
    names += ("outlier", "touching", "border")
    beads = replace(scene.beads, **{name: getattr(scene.beads, name)[[k]] for name in names})
    return replace(scene, beads=beads)


@pytest.mark.parametrize("center", [(31.5, 31.5), (30.2, 33.7), (32.0, 31.0)])
@pytest.mark.parametrize("dz_um", [-120.0, 0.0, 60.0])
def test_a_bead_is_at_its_centre(
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


def test_overlapping_images_are_multiplied(a2k: Instrument) -> None:
    settings = scene_settings(n_beads=2, n_touching=1, n_border=0, n_off_plane=0, n_dust=0)
    scene = make_scene(a2k, settings, 0, np.random.default_rng(3))
    both = render_light(scene, -100.0)
    alone = [render_light(only(scene, k), -100.0) for k in (0, 1)]
    np.testing.assert_allclose(both, alone[0] * alone[1] / scene.light, rtol=1e-5)


def test_grey_levels_are_proportional_to_exposure_until_saturation(a2k: Instrument) -> None:
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
    white = a2k.replace("optics.white_level", 200)
    assert render_single_bead(0, white, exposure_ms=30).max() == 200


def test_noise_is_that_of_the_camera() -> None:
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


def test_special_beads_are_placed_as_set(a2k: Instrument) -> None:
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


def test_tilt_raises_beads_along_the_image(a2k: Instrument) -> None:
    settings = scene_settings(height_sd_um=0, n_off_plane=0, tilt_sd_um_per_px=0.05)
    scene = make_scene(a2k, settings, 1500, np.random.default_rng(0))
    middle = np.subtract(scene.shape, 1) / 2
    tilted_um = (scene.beads.centers_px - middle) @ scene.tilt_um_per_px
    rests_um = (scene.beads.radius_um - 14.0) / a2k.sample.medium_index
    above = scene.beads.focus_um - tilted_um - rests_um
    np.testing.assert_allclose(above, above[0])
    assert 1500 + 28 < above[0] < 1500 + 33  # a bead's plane is below the focus of its middle


@pytest.mark.parametrize("kind", ["live_cells", "dead_cells", "stained_cells", "debris"])
def test_cells_and_debris_are_rendered(a2k: Instrument, kind: str) -> None:
    usual = getattr(SceneSettings(), kind)
    none = {"n_beads": 0, "n_touching": 0, "n_border": 0, "n_off_plane": 0, "n_dust": 0}
    settings = scene_settings(**none, **{kind: usual.model_copy(update={"n": 30}).model_dump()})
    scene = make_scene(a2k, settings, 1500, np.random.default_rng(0))
    (spheres,) = scene.others
    assert len(spheres) == 30
    assert 2 * spheres.radius_um.mean() == pytest.approx(usual.diameter_um, rel=0.15)
    for dz_um in (-60.0, 0.0, 60.0):
        assert render_light(scene, 1500 + dz_um).std() > 0.01
    sharpest = render_light(scene, float(np.median(spheres.focus_um)))
    if kind == "stained_cells":
        assert np.median(sharpest) - sharpest.min() > 0.4
        assert sharpest.max() < 1.3


def test_a_pixel_integrates_over_its_area(a2k: Instrument) -> None:
    """Compared with the mean over pixels a fifth as wide."""
    finer = a2k.model_copy(
        update={
            "optics": a2k.optics.model_copy(update={"pixel_size_um": 0.3}),
            "tile_px": 320,
            "objective": a2k.objective.model_copy(update={"numerical_aperture": 0.13}),
        }
    )
    fine = render_light(single_bead_scene(finer, center_px=(153.0, 161.0)), 10.0)
    summed = fine.reshape(64, 5, 64, 5).mean(axis=(1, 3))
    coarse = render_light(single_bead_scene(a2k, center_px=((153 - 2) / 5, (161 - 2) / 5)), 10.0)
    np.testing.assert_allclose(coarse, summed, atol=0.012)


def test_charge_diffusion_blurs_the_image(a2k: Instrument) -> None:
    scene = single_bead_scene(a2k)
    sharp, blurred = (render_light(scene, 0.0, blur_px=blur) for blur in (0.0, 0.5))
    np.testing.assert_allclose(
        blurred, ndimage.gaussian_filter(sharp, 0.5, mode="nearest"), atol=1e-5
    )
    assert blurred.max() < 0.9 * sharp.max()


def test_a_full_well_and_an_offset(a2k: Instrument) -> None:
    full = Camera(full_well_e=5000, gain_e=50, offset=7)
    image = render_single_bead(0, a2k, camera=full, exposure_ms=30)
    assert image.max() == 107
    dark = render_single_bead(0, a2k, camera=Camera(offset=7), exposure_ms=1e-6)
    assert (dark == 7).all()


def test_the_true_plane_is_that_of_features_on_images(instrument: Instrument) -> None:
    """Compare the true REFP with features of images without noise."""
    depth_um, radius_px = make_microscope(instrument).depth_um, instrument.bead_radius_px
    camera = Camera(bit_depth=16, grey_levels_per_ms=1000, blur_px=instrument.camera.blur_px)
    dz_um = np.linspace(-1, 1, 21) * depth_um
    features = []
    for dz in dz_um:
        profile = _profile(dz, instrument, camera)
        slope = profile(np.linspace(0.1, 1.7, 400) * radius_px, 1).min()
        features.append((profile(1.0), slope))
    center, slope = (CubicSpline(dz_um, values) for values in np.transpose(features))
    fine = np.linspace(-1, 1, 4001) * depth_um
    found = (fine[center(fine).argmax()] + fine[slope(fine).argmin()]) / 2
    assert found == pytest.approx(0, abs=0.03 * depth_um)


def _profile(dz_um: float, instrument: Instrument, camera: Camera) -> LSQUnivariateSpline:
    """Return a spline of intensity against distance for images of a bead at several subpixel positions."""
    side, reach_px = instrument.tile_side_px, 1.8 * instrument.bead_radius_px
    distances, values = [], []
    for y0, x0 in np.random.default_rng(0).uniform(-0.5, 0.5, (12, 2)) + side / 2:
        image = render_single_bead(dz_um, instrument, camera=camera, center_px=(y0, x0))
        y, x = np.indices(image.shape)
        distances.append(np.hypot(y - y0, x - x0).ravel())
        values.append((image / np.median(image[:4])).ravel())
    distance, value = np.concatenate(distances), np.concatenate(values)
    order = np.argsort(distance)[: int((distance < reach_px).sum())]
    both = np.r_[-distance[order][::-1], distance[order]]  # even in the distance
    knots = np.arange(-reach_px + 2, reach_px - 2, 0.5)
    return LSQUnivariateSpline(both, np.r_[value[order][::-1], value[order]], knots)


def test_too_many_beads_are_refused(a2k: Instrument) -> None:
    with pytest.raises(RecipeError, match=r"shape_px = \(100, 100\): no room for more than"):
        make_scene(a2k, scene_settings(shape_px=(100, 100)), 0, np.random.default_rng(0))


def test_too_many_special_beads_are_refused() -> None:
    with pytest.raises(ValueError, match="less than the 4 special beads"):
        SceneSettings(n_beads=3)
