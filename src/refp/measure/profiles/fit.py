"""Fit of the sub-pixel centre and the radial profile of every bead of a frame."""

import numpy as np

from refp.core.arrays import FloatArray, Image
from refp.measure.profiles.evaluate import evaluate
from refp.measure.profiles.kernel import Layout, measure_beads
from refp.measure.profiles.noise import measure_noise
from refp.measure.profiles.profiles import RadialProfiles
from refp.measure.white_level import white_level
from refp.settings import Instrument, ProfileSettings

LIMIT_RADII = 0.6
"""Maximum distance of the centre from the start of the search, to exclude neighbouring beads."""


def fit_profiles(
    image: Image, center_px: FloatArray, instrument: Instrument, settings: ProfileSettings
) -> RadialProfiles:
    """Fit the radial profiles of the beads of one frame.

    Parameters
    ----------
    image
        Shape ``(y, x)``, grey levels.
    center_px
        Shape ``(n, 2)``, the detector's centres.
    instrument
        Bead radius, tile side, background ring, white level.
    settings
        Knots, smoothing, definition of background.

    Returns
    -------
    RadialProfiles
        In the order of ``center_px``. Pixels outside the frame are not extrapolated; a bead with too
        few pixels has NaN.
    """
    layout = _layout(image, instrument, settings)
    radius, knot = layout.bead_radius_px, layout.knot_px
    found = measure_beads(image, center_px, layout)
    background = found.background
    if settings.background == "spline_mean":
        background = _spline_background(found.coefficients, knot, layout.background_px)
    noise, whiteness = measure_noise(image, found.center_px, layout.background_px)
    ring_px = np.arange(layout.n_rings) * layout.ring_px
    edge_radii, edge_depth = _edge(found.levels, background, ring_px / radius)
    return RadialProfiles(
        center_px=found.center_px,
        converged=found.converged,
        coefficients=found.coefficients,
        intensity=found.levels,
        background=background,
        r_squared=found.r_squared,
        edge_radii=edge_radii,
        edge_depth=edge_depth,
        n_saturated_px=found.n_saturated,
        saturated=found.saturated,
        noise=noise,
        whiteness=whiteness,
        radius_radii=ring_px / radius,
        black_level=instrument.optics.black_level or 0.0,
        knot_px=knot,
        bead_radius_px=radius,
    )


def _layout(image: Image, instrument: Instrument, settings: ProfileSettings) -> Layout:
    radius = instrument.bead_radius_px
    reach = instrument.tile_side_px / 2
    spacing = settings.ring_spacing_radii * radius
    return Layout(
        bead_radius_px=float(radius),
        fit_radius_px=float(min(settings.center_fit_radii * radius, reach)),
        limit_px=float(LIMIT_RADII * radius),
        stray_sigmas=float(settings.center_stray_sigmas),
        reach_px=float(reach),
        knot_px=float(settings.knot_spacing_radii * radius),
        lam=float(settings.smoothing * radius**5),
        ring_px=float(spacing),
        n_rings=int(reach / spacing) + 1,
        background_px=_background_ring(instrument, settings),
        white_level=float(white_level(image, instrument)),
    )


def _background_ring(instrument: Instrument, settings: ProfileSettings) -> tuple[float, float]:
    """Inner and outer radius of the background ring, px, limited to the range of the spline."""
    inner, outer = settings.background_ring_px or instrument.background_px
    reach = instrument.tile_side_px / 2
    return float(min(inner, 0.8 * reach)), float(min(outer, reach))


def _spline_background(
    coefficients: FloatArray, knot_px: float, ring_px: tuple[float, float]
) -> FloatArray:
    """Mean of the spline over the ring, as in the article."""
    background: FloatArray = evaluate(coefficients, knot_px, np.linspace(*ring_px, 64)).mean(axis=1)
    return background


def _edge(
    intensity: FloatArray, background: FloatArray, radius_radii: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Radius of the bead's edge in bead radii, and deviation of its rim from background."""
    rim = (radius_radii >= 0.5) & (radius_radii <= 1.7)
    energy = np.abs(intensity[:, rim] / np.maximum(background, 1.0)[:, None] - 1.0)
    depth = energy.max(axis=1)
    with np.errstate(invalid="ignore"):
        beyond = energy >= depth[:, None] / 2
    last = beyond.shape[1] - 1 - np.argmax(beyond[:, ::-1], axis=1)
    return radius_radii[rim][last], depth
