"""Images without rotational symmetry against the radial sum, and by their symmetries."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from refp.core.arrays import FloatArray
from refp.core.errors import RecipeError
from refp.settings import Instrument, make_instrument
from refp.synthetic import as_instrument, render_single_bead
from refp.synthetic.optics import (
    Microscope,
    Sphere,
    SphereImages,
    image_radially,
    make_microscope,
)
from refp.synthetic.render import GAUSS_PX

A2K = as_instrument("a2k")


def tweezers(
    *, tilt_na: tuple[float, float] = (0.0, 0.0), coma_waves: tuple[float, float] = (0.0, 0.0)
) -> Instrument:
    """Return an instrument with a bead of 2.8 um and 14 px in nearly coherent light."""
    table = {
        "optics": {"pixel_size_um": 0.2},
        "bead": {"diameter_um": 2.8},
        "objective": {"numerical_aperture": 0.8, "coma_waves": coma_waves},
        "illumination": {"condenser_na": 0.03, "bandwidth_um": 0.02, "tilt_na": tilt_na},
    }
    return make_instrument(table, "tweezers")


def images_of(instrument: Instrument) -> SphereImages:
    bead = instrument.bead
    return SphereImages(make_microscope(instrument), complex(bead.index), bead.abbe_number)


def stamp(
    instrument: Instrument, z_um: float, shift_px: tuple[float, float] = (0.0, 0.0)
) -> FloatArray:
    bead, pixel_um = instrument.bead, instrument.optics.pixel_size_um
    return images_of(instrument).on_pixels(
        bead.diameter_um / 2, bead.index, z_um, shift_px, pixel_um
    )


def radial(
    instrument: Instrument, scope: Microscope, z_um: float, shape: int, shift: tuple[float, float]
) -> FloatArray:
    """Return the radial image of the instrument's bead on the pixels of a stamp."""
    bead, pixel_um = instrument.bead, instrument.optics.pixel_size_um
    sphere = Sphere(bead.diameter_um / 2, complex(bead.index), bead.abbe_number)
    r_um = np.arange(0.0, 0.75 * shape * pixel_um, pixel_um / 6)
    profile = CubicSpline(r_um, image_radially(sphere, scope, np.array([z_um]), r_um)[0])
    y, x = np.mgrid[:shape, :shape] - (shape - 1) / 2
    points = [(dy, dx) for dy in (-GAUSS_PX, GAUSS_PX) for dx in (-GAUSS_PX, GAUSS_PX)]
    parts = [
        profile(np.hypot(y - shift[0] + dy, x - shift[1] + dx) * pixel_um) for dy, dx in points
    ]
    return np.asarray(np.mean(parts, axis=0))


@pytest.mark.parametrize(("instrument", "z_um"), [(A2K, 20.0), (A2K, -60.0), (tweezers(), -4.0)])
def test_symmetric_optics_give_the_radial_image(instrument: Instrument, z_um: float) -> None:
    """The pupil's rim is sampled coarsely, which leaves two thousandths of background."""
    shift = (0.3, -0.2)
    found = stamp(instrument, z_um, shift)
    expected = radial(instrument, make_microscope(instrument), z_um, len(found), shift)
    assert np.ptp(expected) > 0.5
    assert np.sqrt(((found - expected) ** 2).mean()) < 0.0025


def test_opposite_tilts_give_mirrored_images() -> None:
    one, other = (stamp(tweezers(tilt_na=(0.0, t)), 3.0) for t in (0.05, -0.05))
    assert np.abs(one - one[:, ::-1]).max() > 0.05
    np.testing.assert_allclose(one, other[:, ::-1], atol=0.01)


def test_opposite_coma_gives_mirrored_images() -> None:
    one, other = (stamp(tweezers(coma_waves=(c, 0.0)), 3.0) for c in (0.3, -0.3))
    assert np.abs(one - one[::-1]).max() > 0.05
    np.testing.assert_allclose(one, other[::-1], atol=0.01)


def test_the_shadow_in_tilted_light_moves_with_focus() -> None:
    """A ray of sine s crosses a plane at distance z from the focus at z s / sqrt(1 - s^2).

    The sphere absorbs all light, so its image is a shadow.
    """
    tilt, z_um, pixel_um = 0.1, (-6.0, 6.0), 0.2
    black = SphereImages(make_microscope(tweezers(tilt_na=(0.0, tilt))), 1.34 + 0.3j, 31.0)
    middles = []
    for z in z_um:
        dark = 1 - black.on_pixels(1.4, 1.34, z, (0.0, 0.0), pixel_um)
        x_um = (np.arange(len(dark)) - (len(dark) - 1) / 2) * pixel_um
        middles.append(float((dark.sum(axis=0) @ x_um) / dark.sum()))
    moved_um = middles[1] - middles[0]
    assert abs(moved_um) == pytest.approx(12.0 * tilt / np.sqrt(1 - tilt**2), rel=0.1)


def test_immersion_scales_the_axis_by_its_index() -> None:
    """The phase of a wave is k z sqrt(n^2 - s^2), about k z (n - s^2 / 2 n) at a low aperture."""
    dry = make_microscope(A2K)
    oil = replace(dry, immersion_index=1.5)
    sphere, r_um = Sphere(5.0, 1.59 + 0j, 31.0), np.linspace(0, 20, 41)
    in_air = image_radially(sphere, dry, np.array([30.0]), r_um)
    in_oil = image_radially(sphere, oil, np.array([45.0]), r_um)
    np.testing.assert_allclose(in_oil, in_air, atol=0.003)


def test_a_frame_shows_the_bead_at_its_place() -> None:
    """An offset of the bead's centre by whole pixels moves the image by as many."""
    scope = tweezers(tilt_na=(0.02, 0.03), coma_waves=(0.0, 0.2))
    images = [
        render_single_bead(-3.0, scope, side_px=90, center_px=center).astype(int)
        for center in ((44.3, 43.6), (40.3, 45.6))
    ]
    moved = np.roll(images[1], (4, -2), axis=(0, 1))
    assert np.ptp(images[0]) > 20
    assert np.abs(moved - images[0])[20:70, 20:70].max() <= 1


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"objective": {"numerical_aperture": 1.2}}, "0.95 of immersion_index"),
        (
            {
                "objective": {"numerical_aperture": 0.1},
                "illumination": {"condenser_na": 0.05, "tilt_na": (0.0, 0.06)},
            },
            "stop the condenser down",
        ),
        (
            {"objective": {"numerical_aperture": 1.4, "immersion_index": 1.518}},
            "waves beyond it do not propagate",
        ),
    ],
)
def test_impossible_optics_are_refused(part: dict[str, object], message: str) -> None:
    table = {"optics": {"pixel_size_um": 0.2}, "bead": {"diameter_um": 2.8}} | part
    with pytest.raises(RecipeError, match=message):
        make_microscope(make_instrument(table, "impossible"))
