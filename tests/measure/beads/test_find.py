"""Detection of beads in simulated frames, and in frames without beads."""

import numpy as np
import pytest

from refp.core.arrays import FloatArray, Image
from refp.core.flags import BeadFlag
from refp.measure.beads import find_beads
from refp.settings import Camera, FindSettings, Instrument, make_instrument, read_instrument
from refp.synthetic import (
    Scene,
    SceneSettings,
    SimulationSettings,
    make_scene,
    render_frame,
    render_single_bead,
    single_bead_scene,
)
from refp.synthetic.optics import make_microscope

INSTRUMENTS = {name: make_instrument(read_instrument(name), name) for name in ("a2k", "nikon-ti2")}
A2K = INSTRUMENTS["a2k"]
DEFAULT, PAPER = FindSettings(), FindSettings(method="paper")


def isolated(instrument: Instrument, n_beads: int = 7, seed: int = 3) -> Scene:
    side = round(28 * instrument.bead_radius_px)
    scene = SceneSettings(
        shape_px=(side, side + 60),
        n_beads=n_beads,
        n_touching=0,
        n_border=0,
        n_off_plane=0,
        n_dust=0,
    )
    settings = SimulationSettings(scene=scene)
    return make_scene(instrument, settings, 0.0, np.random.default_rng(seed))


def take_image(scene: Scene, dz_um: float, exposure_ms: float = 12.0) -> Image:
    return render_frame(scene, dz_um, exposure_ms, Camera(), np.random.default_rng(0))


def distances(found: FloatArray, truth: FloatArray) -> FloatArray:
    """Distance of every true bead from the nearest detection."""
    offsets = found[:, None] - truth[None]
    return np.hypot(offsets[..., 0], offsets[..., 1]).min(axis=0, initial=np.inf)


@pytest.mark.parametrize("name", INSTRUMENTS)
@pytest.mark.parametrize("depths", [-7.0, -3.0, -1.0, -0.3, 0.0, 0.3, 1.0, 3.0, 7.0])
@pytest.mark.parametrize("exposure_ms", [3.0, 12.0, 40.0])
def test_all_isolated_beads_are_found_and_nothing_else(
    name: str, depths: float, exposure_ms: float
) -> None:
    instrument = INSTRUMENTS[name]
    scene = isolated(instrument)
    image = take_image(scene, depths * make_microscope(instrument).depth_um, exposure_ms)
    beads = find_beads(image, instrument, DEFAULT)
    assert len(beads) == 7
    near = distances(beads.center_px, scene.beads.centers_px)
    assert (near < 0.25 * instrument.bead_radius_px).all()
    assert not (beads.flags & (BeadFlag.TOUCHING | BeadFlag.BORDER)).any()
    assert (np.diff(beads.response) <= 0).all()


@pytest.mark.parametrize("n_beads", [1, 2, 20])
def test_the_number_of_beads_does_not_matter(n_beads: int) -> None:
    scene = isolated(A2K, 1) if n_beads == 1 else None
    if scene is None:
        settings = SceneSettings(
            shape_px=(480, 640),
            n_beads=n_beads,
            n_touching=0,
            n_border=0,
            n_off_plane=0,
            n_dust=0,
        )
        scene = make_scene(
            A2K, SimulationSettings(scene=settings), 0.0, np.random.default_rng(n_beads)
        )
    beads = find_beads(take_image(scene, 0.0), A2K, DEFAULT)
    assert len(beads) == n_beads
    assert distances(beads.center_px, scene.beads.centers_px).max() < 3


def test_a_single_bead_is_measured_as_a_disc() -> None:
    """Area, circularity and contrast against the bead's own disc, focused on its centre."""
    focus_um = float(single_bead_scene(A2K).beads.focus_um[0])
    image = render_single_bead(focus_um, A2K, side_px=81)
    (area, circularity, contrast) = (
        getattr(find_beads(image, A2K, DEFAULT), name)
        for name in ("area_px", "circularity", "contrast")
    )
    assert area == pytest.approx([np.pi * A2K.bead_radius_px**2], rel=0.1)
    assert circularity == pytest.approx([1.0], abs=0.15)
    assert 0.7 < contrast[0] < 0.95


EMPTY = {
    "black": np.zeros((200, 240), np.uint8),
    "white": np.full((200, 240), 255, np.uint8),
    "constant": np.full((200, 240), 36, np.uint8),
    "constant, 16 bits": np.full((200, 240), 40000, np.uint16),
    "smaller than a bead": np.full((5, 7), 36, np.uint8),
    "one pixel": np.full((1, 1), 36, np.uint8),
    "one row": np.full((1, 200), 36, np.uint8),
    "a slope of light": np.tile(np.linspace(60, 120, 240), (200, 1)).astype(np.uint8),
    "noise": np.random.default_rng(0).normal(60, 2, (200, 240)).astype(np.uint8),
}


@pytest.mark.parametrize("settings", [DEFAULT, PAPER], ids=["energy", "paper"])
@pytest.mark.parametrize("image", EMPTY.values(), ids=EMPTY)
@pytest.mark.parametrize("name", INSTRUMENTS)
def test_nothing_is_found_where_there_is_nothing(
    image: Image, settings: FindSettings, name: str
) -> None:
    """Without a warning: the tests turn warnings into errors."""
    beads = find_beads(image, INSTRUMENTS[name], settings)
    assert len(beads) == 0
    assert beads.center_px.shape == (0, 2)
    assert beads.flags.dtype == np.uint32


@pytest.mark.parametrize("dz_um", [-80.0, 0.0, 80.0])
@pytest.mark.parametrize("shift", [(2, 0), (0, -6), (8, 4)])
def test_beads_move_with_the_image(dz_um: float, shift: tuple[int, int]) -> None:
    """By whole pixels of the reduced image, so that the centres move exactly."""
    scene = isolated(A2K)
    wide = np.pad(take_image(scene, dz_um), 40, mode="median")
    first = find_beads(wide, A2K, DEFAULT)
    moved = find_beads(np.roll(wide, shift, axis=(0, 1)), A2K, DEFAULT)
    order, again = (np.lexsort(b.center_px.round(0).T) for b in (first, moved))
    steps = moved.center_px[again] - first.center_px[order]
    assert len(first) == 7
    assert np.abs(steps - shift).max() <= 2.0  # one reduced pixel
    assert np.median(steps, axis=0) == pytest.approx(shift, abs=0)


def test_touching_and_border_flags_follow_the_positions() -> None:
    settings = SceneSettings(
        shape_px=(300, 400), n_beads=8, n_touching=2, n_border=2, n_off_plane=0
    )
    scene = make_scene(A2K, SimulationSettings(scene=settings), 0.0, np.random.default_rng(1))
    beads = find_beads(take_image(scene, 0.0), A2K, DEFAULT)
    truth = scene.beads
    for flag, expected in ((BeadFlag.TOUCHING, truth.touching), (BeadFlag.BORDER, truth.border)):
        flagged = beads.center_px[(beads.flags & flag) > 0]
        assert len(flagged) == expected.sum()
        assert distances(flagged, truth.centers_px[expected]).max() < 5
    cut = (beads.flags & BeadFlag.CUT_TILE) > 0
    assert cut[(beads.flags & BeadFlag.BORDER) > 0].all()


def test_a_weak_neighbour_does_not_make_a_bead_touching() -> None:
    scene = isolated(A2K, 1)
    image = take_image(scene, 0.0)
    y, x = np.rint(scene.beads.centers_px[0]).astype(int)
    image[y - 3 : y + 4, x + 18 : x + 22] = 45  # a cell: darker than 64, lighter than a bead
    beads = find_beads(image, A2K, DEFAULT)
    assert not beads.flags[0] & BeadFlag.TOUCHING


def test_the_articles_detector_near_the_plane() -> None:
    """Four beads cover 1.4 % of the image, as the article's method assumes."""
    scene = make_scene(
        A2K,
        SimulationSettings(
            scene=SceneSettings(
                shape_px=(300, 360),
                n_beads=5,
                n_touching=0,
                n_border=0,
                n_off_plane=0,
                n_dust=0,
                uneven_light=0.0,
            )
        ),
        0.0,
        np.random.default_rng(2),
    )
    beads = find_beads(take_image(scene, 60.0), A2K, PAPER)
    found = distances(scene.beads.centers_px, beads.center_px)
    assert len(beads) >= 3
    assert found.max() < 1.0
    assert (beads.circularity >= 0.9).all()
    assert (beads.area_px >= 180 - 1).all()


def test_the_articles_thresholds_are_honoured() -> None:
    image = render_single_bead(60.0, A2K, side_px=161)
    assert len(find_beads(image, A2K, PAPER)) == 1
    for name, value in (
        ("minimum_area_discs", 2.0),
        ("minimum_circularity", 1.5),
        ("minimum_spread", 0.9),
        ("dark_percentile", 0.1),
    ):
        strict = PAPER.model_copy(update={name: value})
        assert len(find_beads(image, A2K, strict)) == 0, name
