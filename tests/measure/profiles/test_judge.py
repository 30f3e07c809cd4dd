"""Selection of candidates that are beads, and of usable beads."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from refp.core.arrays import FloatArray, Image
from refp.core.flags import UNUSABLE_BEAD, BeadFlag
from refp.measure.beads import Beads, find_beads
from refp.measure.profiles import RadialProfiles, fit_profiles, judge_beads
from refp.settings import (
    FindSettings,
    JudgeSettings,
    ProfileSettings,
    make_instrument,
    read_instrument,
)
from refp.synthetic import (
    Objects,
    Scene,
    SceneSettings,
    SimulationSettings,
    make_scene,
    render_frame,
)

A2K = make_instrument(read_instrument("a2k"), "a2k")
RADIUS = A2K.bead_radius_px
DZ_UM = (-200.0, -60.0, 0.0, 60.0, 200.0)


def a_scene(seed: int = 1, **options: int | Objects) -> Scene:
    defaults = {"n_beads": 6, "n_touching": 0, "n_border": 0, "n_off_plane": 0, "n_dust": 0}
    scene = SceneSettings(shape_px=(240, 320), **{**defaults, **options})  # type: ignore[arg-type]
    return make_scene(A2K, SimulationSettings(scene=scene), 0.0, np.random.default_rng(seed))


def take_image(scene: Scene, dz_um: float, exposure_ms: float = 12.0) -> Image:
    return render_frame(scene, dz_um, exposure_ms, A2K.camera, np.random.default_rng(0))


def judged(image: Image) -> tuple[Beads, RadialProfiles]:
    found = find_beads(image, A2K, FindSettings())
    profiles = fit_profiles(image, found.center_px, A2K, ProfileSettings())
    return judge_beads(found, profiles, JudgeSettings())


def usable(beads: Beads) -> FloatArray:
    return beads.center_px[(beads.flags & UNUSABLE_BEAD) == 0]


def matches(found: FloatArray, truth: FloatArray) -> bool:
    """Whether the points are the same, in any order, to a few pixels."""
    if found.shape != truth.shape:
        return False
    distance = np.hypot(*(found[:, None] - truth[None]).transpose(2, 0, 1))
    return bool((distance.min(axis=0) < 4).all() and (distance.min(axis=1) < 4).all())


def has(beads: Beads, flag: BeadFlag) -> FloatArray:
    return beads.center_px[(beads.flags & flag) > 0]


@pytest.mark.parametrize("dz_um", DZ_UM)
def test_isolated_beads_are_usable_and_dust_is_not(dz_um: float) -> None:
    scene = a_scene(n_dust=8)
    beads, _ = judged(take_image(scene, dz_um))
    assert matches(usable(beads), scene.beads.centers_px)
    assert len(beads) == 6


@pytest.mark.parametrize("dz_um", DZ_UM)
def test_touching_beads_are_reported_and_never_usable(dz_um: float) -> None:
    scene = a_scene(n_beads=7, n_touching=2)
    beads, _ = judged(take_image(scene, dz_um))
    pairs = beads.flags & (BeadFlag.TOUCHING | BeadFlag.ODD_SHAPE)
    assert np.count_nonzero(pairs) == 4
    # Beads of blurred pairs may shift each other's centre.
    assert len(has(beads, BeadFlag.TOUCHING)) >= 2
    assert matches(usable(beads), scene.beads.centers_px[~scene.beads.touching])


@pytest.mark.parametrize("dz_um", DZ_UM)
def test_beads_cut_by_the_border_are_reported_and_never_usable(dz_um: float) -> None:
    scene = a_scene(n_beads=7, n_border=2)
    beads, _ = judged(take_image(scene, dz_um))
    assert matches(has(beads, BeadFlag.BORDER), scene.beads.centers_px[scene.beads.border])
    assert matches(usable(beads), scene.beads.centers_px[~scene.beads.border])


@pytest.mark.parametrize("dz_um", DZ_UM)
@pytest.mark.parametrize("seed", [1, 2])
def test_cells_are_not_usable(dz_um: float, seed: int) -> None:
    live, stained = (
        getattr(SceneSettings(), kind).model_copy(update={"n": n})
        for kind, n in (("live_cells", 8), ("stained_cells", 7))
    )
    scene = a_scene(seed, live_cells=live, stained_cells=stained)
    beads, _ = judged(take_image(scene, dz_um))
    assert matches(usable(beads), scene.beads.centers_px)


@pytest.mark.parametrize(
    ("distance_radii", "dz_um", "mixes"),
    [
        (2.05, 0.0, True),
        (2.05, -200.0, True),
        (2.7, 0.0, False),
        (2.7, -200.0, True),
        (4.5, 0.0, False),
        (4.5, -200.0, False),
    ],
)
def test_touching_means_that_another_bead_reaches_into_what_is_measured(
    distance_radii: float, dz_um: float, mixes: bool
) -> None:
    """At 2.7 radii sharp beads are clear of each other, blurred ones are not."""
    scene = a_scene(n_beads=2)
    centers = np.array([[120.0, 150.0], [120.0, 150.0 + distance_radii * RADIUS]])
    beads, _ = judged(
        take_image(replace(scene, beads=replace(scene.beads, centers_px=centers)), dz_um)
    )
    assert len(beads) == 2
    assert (((beads.flags & BeadFlag.TOUCHING) > 0) == mixes).all()


def test_a_fit_too_far_off_is_replaced_by_the_detectors_centre() -> None:
    """As between two beads far out of focus."""
    image = take_image(a_scene(n_beads=7), 0.0)
    found = find_beads(image, A2K, FindSettings())
    profiles = fit_profiles(image, found.center_px, A2K, ProfileSettings())
    elsewhere = profiles.center_px + np.array([0.6 * RADIUS, 0.0]) * (np.arange(7) == 3)[:, None]
    beads, judged_profiles = judge_beads(
        found, replace(profiles, center_px=elsewhere), JudgeSettings()
    )
    strayed = (beads.flags & BeadFlag.NO_CENTER) > 0
    assert strayed.sum() == 1
    np.testing.assert_array_equal(judged_profiles.center_px[strayed], found.center_px[[3]])


def disc(image: Image, y: float, x: float, shape: Callable[..., FloatArray]) -> None:
    """Darken an image by a transmission of ``(dy, dx)``."""
    dy, dx = np.indices(image.shape) - np.array([y, x])[:, None, None]
    image[:] = np.rint(image * (1 - shape(dy, dx)))


def soft(distance: FloatArray, radius: float, depth: float) -> FloatArray:
    return depth / (1 + np.exp((distance - radius) / 0.8))


ODD = {
    "a speck of half the size": lambda y, x: soft(np.hypot(y, x), 0.4 * RADIUS, 0.9),
    "a blob of twice the size": lambda y, x: soft(np.hypot(y, x), 2.0 * RADIUS, 0.9),
    "a faint disc of bead size": lambda y, x: soft(np.hypot(y, x), RADIUS, 0.35),
    "a long fibre": lambda y, x: soft(np.hypot(y, x / 4), 0.7 * RADIUS, 0.9),
}


@pytest.mark.parametrize("shape", ODD.values(), ids=ODD)
def test_other_objects_are_not_usable(shape: Callable[..., FloatArray]) -> None:
    """Placed among beads; the test below checks a disc of the bead's own size and depth."""
    image, beads = with_disc(shape)
    assert matches(usable(judged(image)[0]), beads)


def test_a_disc_of_size_and_depth_of_a_bead_passes() -> None:
    image, beads = with_disc(lambda y, x: soft(np.hypot(y, x), RADIUS, 0.9))
    assert len(usable(judged(image)[0])) == len(beads) + 1


def with_disc(shape: Callable[..., FloatArray]) -> tuple[Image, FloatArray]:
    """Simulated beads in the left part of an image, the disc in the right."""
    scene = a_scene()
    image = take_image(scene, 60.0)
    wide = np.concatenate([image, np.full((240, 120), 64, np.uint8)], axis=1)
    disc(wide, 120.0, 380.0, shape)
    return wide, scene.beads.centers_px


def test_saturated_beads_are_flagged_and_still_beads() -> None:
    scene = a_scene()
    beads, profiles = judged(take_image(scene, 0.0, exposure_ms=24.0))
    assert len(beads) == 6
    saturated = (beads.flags & BeadFlag.SATURATED) > 0
    assert saturated.all()
    assert (saturated == (profiles.n_saturated_px > 0)).all()
    assert not ((judged(take_image(scene, 0.0))[0].flags & BeadFlag.SATURATED) > 0).any()


def test_a_bead_without_a_center_is_flagged() -> None:
    image = take_image(a_scene(), 0.0)
    found = find_beads(image, A2K, FindSettings())
    profiles = fit_profiles(image, found.center_px, A2K, ProfileSettings())
    profiles.converged[0] = False
    beads, _ = judge_beads(found, profiles, JudgeSettings())
    assert list((beads.flags & BeadFlag.NO_CENTER) > 0) == [True, *[False] * 5]
    assert not (found.flags & BeadFlag.NO_CENTER).any()  # the candidates are not changed


def test_no_candidates_give_no_beads() -> None:
    beads, profiles = judged(np.full((100, 100), 60, np.uint8))
    assert len(beads) == len(profiles) == 0
