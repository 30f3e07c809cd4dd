"""Centre, spline and rings of all beads of a frame, compiled into one call."""

from typing import NamedTuple

import numpy as np

from refp.core.arrays import BoolArray, FloatArray, Image, IntArray
from refp.core.jit import compiled, compiled_once
from refp.measure.profiles.center import find_center
from refp.measure.profiles.rings import clipped_mean, ring_levels
from refp.measure.profiles.spline import (
    Pixels,
    Spline,
    fit_placed,
    gather,
    new_spline,
    place,
    residuals,
)

LEAST_PIXELS = 0.75
"""Pixels for each basis of the spline, which the penalty holds where there are none."""
CENTER_KNOTS = 2.5
"""The spline that finds the centre has knots as much wider, which moves the centre by less than
0.01 px and takes half the time."""
LEAST_SYMMETRY = 0.3
"""A spline through mere noise explains a tenth of its variance, a fifth where a bead has few pixels;
a centre of less is none."""


class Layout(NamedTuple):
    """Lengths in px that all beads of a frame share, and the weight of the penalty."""

    bead_radius_px: float
    fit_radius_px: float
    """The set of pixels that the centre is fitted to."""
    limit_px: float
    """How far a search for the centre may go."""
    stray_sigmas: float
    """Pixels further off do not count for the centre; 0: all do."""
    reach_px: float
    """The spline's reach."""
    knot_px: float
    lam: float
    ring_px: float
    n_rings: int
    background_px: tuple[float, float]
    white_level: float


class Profiled(NamedTuple):
    """What is measured of ``n`` beads; see :func:`measure_beads`."""

    center_px: FloatArray
    converged: BoolArray
    coefficients: FloatArray
    symmetry: FloatArray
    levels: FloatArray
    background: FloatArray
    n_saturated: IntArray
    saturated: BoolArray


@compiled
def _explained(pixels: Pixels, residual: FloatArray, radius_px: float) -> float:
    """Share of the variance within a radius that the spline explains; 0 where nothing varies."""
    n = 0
    mean = unexplained = variance = 0.0
    for p in range(residual.shape[0]):
        if pixels.r[p] <= radius_px:
            n += 1
            mean += pixels.value[p]
            unexplained += residual[p] * residual[p]
    mean /= max(n, 1)
    for p in range(residual.shape[0]):
        if pixels.r[p] <= radius_px:
            variance += (pixels.value[p] - mean) ** 2
    return 1.0 - unexplained / variance if variance > 0.0 else 0.0


@compiled
def _measure_bead(image: Image, i: int, layout: Layout, tile: Spline, out: Profiled) -> bool:
    """Measure the profile about bead ``i``'s centre; false where too few pixels are in the frame."""
    y, x = out.center_px[i]
    pixels = gather(image, y, x, layout.reach_px, 1)
    if pixels.y.shape[0] < LEAST_PIXELS * tile.coef.shape[0]:
        return False
    place(pixels, y, x, tile)
    fit_placed(pixels, tile)
    out.coefficients[i] = tile.coef
    residual = np.empty_like(pixels.value)
    residuals(pixels, tile.cubic, residual)
    out.symmetry[i] = _explained(pixels, residual, 1.5 * layout.bead_radius_px)
    inner, outer = layout.background_px
    around = pixels.value[(pixels.r >= inner) & (pixels.r <= outer)]
    if around.shape[0]:
        out.background[i] = clipped_mean(around)
    ring = np.empty_like(pixels.interval)
    for p in range(ring.shape[0]):
        ring[p] = min(int(pixels.r[p] / layout.ring_px + 0.5), layout.n_rings)
        if pixels.value[p] >= layout.white_level:
            out.n_saturated[i] += 1
            if ring[p] < layout.n_rings:
                out.saturated[i, ring[p]] = True
    ring_levels(pixels, residual, ring, tile, layout.ring_px, out.levels[i])
    return True


@compiled
def _nothing_measured(centers: FloatArray, n_bases: int, n_rings: int) -> Profiled:
    n = centers.shape[0]
    return Profiled(
        centers.copy(),
        np.zeros(n, dtype=np.bool_),
        np.full((n, n_bases), np.nan),
        np.full(n, np.nan),
        np.full((n, n_rings), np.nan),
        np.full(n, np.nan),
        np.zeros(n, dtype=np.int64),
        np.zeros((n, n_rings), dtype=np.bool_),
    )


@compiled_once
def measure_beads(image: Image, centers: FloatArray, layout: Layout) -> Profiled:
    """Fit centre and spline of every bead of a frame, and measure its rings.

    Parameters
    ----------
    image
        Shape ``(y, x)``, grey levels.
    centers
        Shape ``(n, 2)``, first guesses.
    layout
        Lengths and weight of the fit.

    Returns
    -------
    center_px : ndarray, shape (n, 2)
        The guess where too few pixels lie in the frame; the rest of the row is then NaN.
    converged : ndarray of bool, shape (n,)
    coefficients : ndarray, shape (n, m)
        Of the cubic B-spline on knots ``(arange(m + 4) - 3) * knot_px``.
    symmetry : ndarray, shape (n,)
        Share of the variance within 1.5 bead radii that the spline explains.
    levels : ndarray, shape (n, n_rings)
        Robust level of the ring ``k * ring_px`` +- half a ring: the spline without outlying pixels,
        moved to the ring's mean, so that it lacks the discretisation that few, steep pixels have.
        The spline itself where a ring has no pixel in the frame.
    background : ndarray, shape (n,)
        Clipped mean of the pixels in the background ring; NaN without one.
    n_saturated : ndarray of int, shape (n,)
        Pixels of the bead's tile disc at or above the white level.
    saturated : ndarray of bool, shape (n, n_rings)
        Rings with such a pixel.
    """
    knot, lam = layout.knot_px, layout.lam
    near = new_spline(layout.fit_radius_px + layout.limit_px + 1.0, CENTER_KNOTS * knot, lam)
    tile = new_spline(layout.reach_px, knot, lam)
    out = _nothing_measured(centers, tile.coef.shape[0], layout.n_rings)
    for i in range(centers.shape[0]):
        start = (centers[i, 0], centers[i, 1])
        y, x, found = find_center(
            image, start, layout.fit_radius_px, layout.limit_px, layout.stray_sigmas, near
        )
        out.center_px[i] = y, x
        if _measure_bead(image, i, layout, tile, out):
            out.converged[i] = found and out.symmetry[i] > LEAST_SYMMETRY
        else:
            out.center_px[i] = start
    return out
