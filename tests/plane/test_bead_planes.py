"""Own planes of the beads, compared with the true heights and sizes of the scene."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from refp.core.arrays import FloatArray
from refp.core.flags import BeadFlag
from refp.plane import flag_off_plane
from refp.plane.bead_planes import fit_slide

from .scene import Located, Scene, Seen, locate, see, together

N_BEADS = 12
RNG = np.random.default_rng(11)
CENTER_PX = RNG.uniform(0, 1000, (N_BEADS, 2))
TILT_UM_PER_PX = np.array([2e-3, -1e-3])
ROUGH_UM = RNG.normal(0, 0.3, N_BEADS)
HEIGHT_UM = (CENTER_PX - CENTER_PX.mean(axis=0)) @ TILT_UM_PER_PX + ROUGH_UM
SIZE = 1 + RNG.normal(0, 0.02, N_BEADS)
OFF = 5
FIELD = Scene(
    plane_um=8.0,
    shifts_um=(0.0, 2.0),
    stage_sigma_um=1.0,
    noise=0.004,
    height_um=HEIGHT_UM,
    size=SIZE,
    center_px=CENTER_PX,
)


@pytest.fixture(scope="module")
def seen() -> Seen:
    raised = HEIGHT_UM.copy()
    raised[OFF] += 15.0
    flat = replace(FIELD, fov=2, plane_um=-4.0, height_um=HEIGHT_UM)
    return together([see(replace(FIELD, height_um=raised)), see(flat)])


@pytest.fixture(scope="module")
def located(seen: Seen) -> Located:
    return locate(seen.sweeps)


def about_median(values: FloatArray) -> FloatArray:
    return values - np.median(values)


@pytest.mark.parametrize("field", [0, 1])
def test_heights_and_sizes_are_those_of_the_beads(located: Located, field: int) -> None:
    beads = located.beads[field]
    inside = ~beads.off_plane
    assert list(beads.bead) == list(range(N_BEADS))
    assert beads.center_px == pytest.approx(CENTER_PX)
    assert list(beads.n_frames) == [66] * N_BEADS
    error = about_median(beads.height_um[inside]) - about_median(HEIGHT_UM[inside])
    assert np.abs(error).max() < 0.2
    sizes = beads.size[inside] / np.median(beads.size[inside])
    assert sizes == pytest.approx(SIZE[inside] / np.median(SIZE[inside]), rel=5e-3)
    assert np.median(beads.height_um[inside]) == pytest.approx(0.0, abs=1e-9)


def test_stated_uncertainties_of_heights_agree_with_the_errors(located: Located) -> None:
    beads = located.beads[1]
    error = about_median(beads.height_um) - about_median(HEIGHT_UM)
    rms_u = np.sqrt((beads.height_u_um**2).mean())
    assert 0.3 * rms_u < np.sqrt((error**2).mean()) < 3 * rms_u


def test_a_bead_off_the_plane_is_marked(located: Located) -> None:
    raised, flat = located.beads
    assert list(np.flatnonzero(raised.off_plane)) == [OFF]
    others = about_median(np.delete(HEIGHT_UM, OFF))[0] - HEIGHT_UM[0]
    assert raised.height_um[OFF] == pytest.approx(HEIGHT_UM[OFF] + 15 + others, abs=0.5)
    assert not flat.off_plane.any()


def test_a_bead_off_the_plane_is_flagged_in_all_exposures_of_its_field_only(
    seen: Seen, located: Located
) -> None:
    flagged = flag_off_plane(seen.sweeps, located.beads)
    for number, (before, after) in enumerate(zip(seen.sweeps, flagged, strict=True)):
        off = (after.beads.flags & BeadFlag.OFF_PLANE) > 0
        assert (off == ((before.bead_number == OFF) & (number < 2))).all()
        assert (after.beads.flags & ~np.uint32(BeadFlag.OFF_PLANE) == before.beads.flags).all()
        assert not before.beads.flags.any()
        assert (after.usable == ~off).all()


def test_other_flags_are_kept(seen: Seen, located: Located) -> None:
    sweep = seen.sweeps[0]
    marked = np.full(len(sweep.beads), BeadFlag.SATURATED, dtype=np.uint32)
    (flagged,) = flag_off_plane(
        [replace(sweep, beads=replace(sweep.beads, flags=marked))], located.beads
    )
    assert ((flagged.beads.flags & BeadFlag.SATURATED) > 0).all()
    assert flagged.beads.flags.max() == BeadFlag.SATURATED | BeadFlag.OFF_PLANE


def test_a_bead_off_the_plane_does_not_move_the_plane(located: Located) -> None:
    planes = located.result.planes
    assert planes[0].n_beads == N_BEADS - 1
    middle = np.median(np.delete(HEIGHT_UM, OFF))
    assert planes[0].refp_um == pytest.approx(8.0 + middle, abs=3 * planes[0].refp_u_um)
    assert planes[0].refp_u_um < 0.7


def test_the_tilt_of_the_slide_is_found(located: Located) -> None:
    for beads in located.beads:
        slide = beads.slide
        z = (slide.tilt_um_per_px - TILT_UM_PER_PX) / slide.tilt_u_um_per_px
        assert np.abs(z).max() < 3
        assert slide.tilt_u_um_per_px.max() < 1e-3
        assert abs(slide.bend_um_per_px2) < 3 * slide.bend_u_um_per_px2
        assert slide.residual_um == pytest.approx(0.3, rel=0.5)


def test_a_bead_in_few_frames_has_no_plane(seen: Seen) -> None:
    """Bead 3 is usable in four frames, one fewer than the minimum."""
    sweep = seen.sweeps[2]
    flags = sweep.beads.flags.copy()
    flags[(sweep.bead_number == 3) & (sweep.frame_index > 3)] = BeadFlag.TOUCHING
    few = replace(sweep, beads=replace(sweep.beads, flags=flags))
    beads = locate([few]).beads[0]
    assert list(beads.bead) == [k for k in range(N_BEADS) if k != 3]


def off_plane(height_um: Sequence[float], center_px: Sequence[Sequence[float]]) -> list[int]:
    """Return the beads that are marked as off the plane, for heights and centres without noise."""
    n = len(height_um)
    scene = Scene(height_um=height_um, size=(1.0,) * n, center_px=np.array(center_px, dtype=float))
    return np.flatnonzero(locate(see(scene).sweeps).beads[0].off_plane).tolist()


def test_six_beads_are_too_few_to_mark_one_in_a_corner() -> None:
    """A plane through three of them would be 3 um off the last in the corner."""
    centers = [[38, 68], [48, 139], [76, 99], [94, 65], [118, 114], [117, 166]]
    heights = [0.55, -0.43, -0.93, 0.42, -0.53, 1.9]
    assert off_plane(heights, centers) == []
    assert off_plane([*heights[:-1], 8.0], centers) == [5]


def test_a_bead_two_standard_deviations_off_is_not_marked() -> None:
    """Eleven beads with typical heights and sizes, one of them 3.4 um below the rest."""
    centers = CENTERS[:11].tolist()
    heights = [0.2, -0.1, 0.1, -0.3, 0.4, -0.2, 0.3, 0.0, -0.4, 0.1, -3.4]
    assert off_plane(heights, centers) == []
    assert off_plane([*heights[:-1], -7.0], centers) == [10]


def test_a_strong_tilt_neither_marks_nor_hides_a_bead() -> None:
    """Ten beads on a slide with a rise of 5 um; one at the height of the middle is off the plane."""
    centers = [[40.0 * (k % 3), 100.0 * k] for k in range(10)]
    tilted = [0.01 * (x - 450) for _, x in centers]
    assert off_plane(tilted, centers) == []
    assert off_plane([*tilted[:8], -2.0, tilted[9]], centers) == [8]


CENTERS = np.random.default_rng(2).uniform(0, 2000, (30, 2))


def surface(center_px: FloatArray, tilt: Sequence[float], bend: float) -> FloatArray:
    offset = center_px - center_px.mean(axis=0)
    return 3.0 + offset @ np.array(tilt) + bend * (offset**2).sum(axis=1)


@pytest.mark.parametrize("bend", [0.0, 4e-6])
def test_a_surface_without_noise_is_found_exactly(bend: float) -> None:
    size = 1 + np.random.default_rng(3).normal(0, 0.02, 30)
    height = surface(CENTERS, (1e-3, 2e-3), bend) + 20 * (size - size.mean())
    slide = fit_slide(CENTERS, height, size)
    assert slide.bend_um_per_px2 == pytest.approx(bend, abs=1e-10)
    assert slide.center_px == pytest.approx(CENTERS.mean(axis=0))
    if bend == 0:
        assert slide.tilt_um_per_px == pytest.approx([1e-3, 2e-3])
        assert slide.residual_um == pytest.approx(0.0, abs=1e-9)


def test_stated_uncertainties_of_tilt_and_bend_are_their_scatter() -> None:
    rng = np.random.default_rng(4)
    rows = []
    for _ in range(300):
        height = surface(CENTERS, (1e-3, 2e-3), 0.0) + rng.normal(0, 0.4, 30)
        slide = fit_slide(CENTERS, height, np.ones(30))
        rows.append(
            [
                *(slide.tilt_um_per_px - (1e-3, 2e-3)) / slide.tilt_u_um_per_px,
                slide.bend_um_per_px2 / slide.bend_u_um_per_px2,
            ]
        )
    assert np.std(rows, axis=0) == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize(
    ("n", "tilt", "bend"), [(0, False, False), (5, False, False), (6, True, False), (7, True, True)]
)
def test_too_few_beads_leave_tilt_and_bend_undetermined(n: int, tilt: bool, bend: bool) -> None:
    size = 1 + np.random.default_rng(5).normal(0, 0.02, n)
    slide = fit_slide(CENTERS[:n], surface(CENTERS, (1e-3, 0.0), 0.0)[:n], size)
    assert np.isfinite(slide.tilt_um_per_px).all() == tilt
    assert np.isfinite(slide.tilt_u_um_per_px).all() == tilt
    assert np.isfinite(slide.bend_um_per_px2) == bend
    assert np.isfinite(slide.bend_u_um_per_px2) == bend
    assert np.isfinite(slide.residual_um) == tilt


def test_beads_in_a_row_leave_the_tilt_across_it_undetermined() -> None:
    row = np.column_stack([np.full(12, 300.0), np.linspace(0, 900, 12)])
    rng = np.random.default_rng(6)
    height = 1e-3 * row[:, 1] + rng.normal(0, 0.1, 12)
    slide = fit_slide(row, height, 1 + rng.normal(0, 0.02, 12))
    assert np.isnan([slide.tilt_um_per_px[0], slide.tilt_u_um_per_px[0]]).all()
    assert slide.tilt_um_per_px[1] == pytest.approx(1e-3, abs=3 * slide.tilt_u_um_per_px[1])
    slanted = fit_slide(row @ np.array([[0, 0], [0.6, 0.8]]), height, np.ones(12))
    assert np.isnan(slanted.tilt_um_per_px).all()


def test_the_uncertainty_by_noise_is_the_scatter_of_the_extrema() -> None:
    """Over sweeps of eight equal beads; the stage's errors move all beads of a frame alike."""
    own, reading = [], []
    for seed in range(12):
        scene = Scene(noise=0.03, stage_sigma_um=1.0, seed=seed)
        beads = locate(see(scene).sweeps).beads[0]
        planes = np.column_stack([beads.ss_um, beads.ci_um])
        own.append(planes - planes.mean(axis=0))
        reading.append(beads.reading_um)
    freedom = 7 / 8
    scatter = np.sqrt(np.mean(np.square(own), axis=(0, 1)) / freedom)
    stated = np.sqrt(np.mean(np.square(reading), axis=(0, 1)))
    assert scatter.min() > 0.5
    assert stated == pytest.approx(scatter, rel=0.3)


def test_a_bead_without_others_has_no_known_noise() -> None:
    beads = locate(see(Scene(noise=0.01, height_um=[0.0], size=[1.0])).sweeps).beads[0]
    assert (beads.reading_um == 0).all()


def test_a_bead_of_uncertain_height_is_not_off_the_plane() -> None:
    """A bead 8 um above the others, which is off the plane in bright light, but not in noise of 8 um."""
    heights = [0.0, 0.0, 0.0, 8.0]
    bright, dim = (
        locate(see(Scene(noise=noise, height_um=heights, size=[1.0] * 4)).sweeps).beads[0]
        for noise in (0.003, 0.4)
    )
    assert list(bright.off_plane) == [False, False, False, True]
    assert dim.height_u_um.max() > 1.0
    assert not dim.off_plane.any()
