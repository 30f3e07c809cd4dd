"""Detection and selection in whole scenes: few and many beads, uneven light, dust, cells, pairs."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refp.core.arrays import FloatArray, Image
from refp.core.flags import BeadFlag
from refp.measure.frame import FrameMeasurement, measure_frame
from refp.settings import load_recipe, make_instrument, read_instrument
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
RECIPE = load_recipe()
PLAIN = {"n_touching": 0, "n_border": 0, "n_off_plane": 0, "n_dust": 0}
USUAL = SceneSettings()


def cells(n: int) -> dict[str, Objects]:
    """Live and stained cells, half of each, and a few specks of debris."""
    numbers = {"live_cells": n // 2, "stained_cells": n - n // 2, "debris": n // 4}
    return {
        kind: getattr(USUAL, kind).model_copy(update={"n": each}) for kind, each in numbers.items()
    }


SCENES = {
    "one bead": {"shape_px": (120, 140), "n_beads": 1, **PLAIN},
    "120 beads": {"shape_px": (900, 1000), "n_beads": 120, **PLAIN},
    "120 close beads": {"n_beads": 120, "separation_radii": 4.2, "shape_px": (640, 720), **PLAIN},
    "uneven light": {"n_beads": 12, **PLAIN, "uneven_light": 0.4},
    "dust": {"n_beads": 12, **PLAIN, "n_dust": 40},
    "cells": {"n_beads": 12, **PLAIN, **cells(80)},
    "pairs": {"n_beads": 14, **PLAIN, "n_touching": 4},
    "border": {"n_beads": 14, **PLAIN, "n_border": 5},
    "all at once": {"n_beads": 20, "n_touching": 2, "n_border": 3, "n_dust": 20, **cells(40)},
}
DZ_UM = (-250.0, -60.0, 0.0, 60.0, 250.0)


def scene_of(name: str, seed: int = 4) -> Scene:
    scene = SceneSettings(**SCENES[name])  # type: ignore[arg-type]
    return make_scene(A2K, SimulationSettings(scene=scene), 0.0, np.random.default_rng(seed))


def take_image(scene: Scene, dz_um: float, exposure_ms: float = 12.0) -> Image:
    return render_frame(scene, dz_um, exposure_ms, A2K.camera, np.random.default_rng(0))


def measure(image: Image) -> FrameMeasurement:
    return measure_frame(image, A2K, RECIPE)


def near(found: FloatArray, truth: FloatArray) -> FloatArray:
    """Which detections are within half a radius of which true beads."""
    offsets = found[:, None] - truth[None]
    return np.hypot(offsets[..., 0], offsets[..., 1]) <= RADIUS / 2


@pytest.mark.parametrize("dz_um", DZ_UM)
@pytest.mark.parametrize("name", SCENES)
def test_only_isolated_beads_are_usable(name: str, dz_um: float) -> None:
    scene = scene_of(name)
    measured = measure(take_image(scene, dz_um))
    plain = ~(scene.beads.touching | scene.beads.border)
    hits = near(measured.profiles.center_px[measured.usable], scene.beads.centers_px)
    assert hits[:, plain].any(axis=0).all()
    assert hits[:, plain].any(axis=1).all()


@pytest.mark.parametrize("dz_um", DZ_UM)
@pytest.mark.parametrize("name", ["pairs", "border", "all at once"])
def test_pairs_and_cut_beads_are_found_and_flagged(name: str, dz_um: float) -> None:
    scene = scene_of(name)
    measured = measure(take_image(scene, dz_um))
    hits = near(measured.profiles.center_px, scene.beads.centers_px)
    for flag, kind in (
        (BeadFlag.TOUCHING, scene.beads.touching),
        (BeadFlag.BORDER, scene.beads.border),
    ):
        flagged = (measured.beads.flags & flag) > 0
        assert hits[flagged][:, kind].any(axis=0).all()
    assert hits.any(axis=1).all()


@pytest.mark.parametrize("exposure_ms", [3.0, 6.0, 24.0, 40.0])
def test_any_exposure(exposure_ms: float) -> None:
    """From 16 grey levels of background to 212, where bright centres saturate."""
    scene = scene_of("dust")
    measured = measure(take_image(scene, 40.0, exposure_ms))
    assert near(measured.profiles.center_px[measured.usable], scene.beads.centers_px).any(0).all()


def sorted_centers(measured: FrameMeasurement) -> FloatArray:
    centers = measured.profiles.center_px[measured.usable]
    return centers[np.lexsort(centers.T[::-1].round(0))]


@given(
    shift=st.tuples(st.integers(-9, 9), st.integers(-9, 9)),
    dz_um=st.sampled_from(DZ_UM),
)
@settings(max_examples=settings.default.max_examples // 2)  # slow examples
def test_shifted_frames_give_shifted_beads(shift: tuple[int, int], dz_um: float) -> None:
    image = np.pad(take_image(scene_of("one bead", 1), dz_um), 30, mode="median")
    first = measure(image)
    moved = measure(np.roll(image, shift, axis=(0, 1)))
    assert len(first) == len(moved) == 1
    np.testing.assert_allclose(
        moved.profiles.center_px - first.profiles.center_px, [shift], atol=0.02
    )
    assert moved.beads.confidence == pytest.approx(first.beads.confidence, abs=0.02)


@given(turns=st.integers(1, 3), dz_um=st.sampled_from(DZ_UM))
@settings(max_examples=settings.default.max_examples // 3)  # slow examples
def test_turned_frames_give_turned_beads(turns: int, dz_um: float) -> None:
    image = take_image(scene_of("dust"), dz_um)[:480, :480]
    first, turned = measure(image), measure(np.ascontiguousarray(np.rot90(image, turns)))
    middle = 239.5
    offset = first.profiles.center_px[first.usable] - middle
    for _ in range(turns):
        offset = np.column_stack([-offset[:, 1], offset[:, 0]])
    assert near(turned.profiles.center_px[turned.usable], offset + middle).sum() == len(offset)
    assert turned.usable.sum() == first.usable.sum()


@given(gain=st.integers(2, 60), dz_um=st.sampled_from(DZ_UM))
@settings(max_examples=settings.default.max_examples // 2)  # slow examples
def test_the_unit_of_light_does_not_matter(gain: int, dz_um: float) -> None:
    image = take_image(scene_of("one bead", 1), dz_um)
    unsaturated = np.minimum(image, 250)
    first, brighter = measure(unsaturated), measure(unsaturated.astype(np.uint16) * gain)
    np.testing.assert_allclose(brighter.profiles.center_px, first.profiles.center_px, atol=0.01)
    np.testing.assert_array_equal(brighter.usable, first.usable)
    assert brighter.beads.confidence == pytest.approx(first.beads.confidence, abs=0.01)


def test_a_bead_off_the_plane_is_not_flagged_in_one_image() -> None:
    """It is a bead; only a sweep shows that its plane differs from that of the others."""
    scene = scene_of("dust")
    lifted = scene.beads.plane_um.copy()
    lifted[0] += 60.0
    scene = replace(scene, beads=replace(scene.beads, plane_um=lifted))
    measured = measure(take_image(scene, 0.0))
    assert near(measured.profiles.center_px, scene.beads.centers_px).any(axis=0).all()
    assert not (measured.beads.flags & BeadFlag.OFF_PLANE).any()
