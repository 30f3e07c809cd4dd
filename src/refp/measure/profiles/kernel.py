"""Centre, spline and rings of all beads of a frame, compiled into one call."""

from typing import NamedTuple

import numpy as np

from refp.core.arrays import BoolArray, FloatArray, Image, IntArray
from refp.core.jit import inlined, kernel
from refp.measure.profiles.center import Search, find_center, new_search
from refp.measure.profiles.rings import Rings, clipped_mean, new_rings, ring_levels
from refp.measure.profiles.spline import (
    Pixels,
    Spline,
    fit,
    gather,
    new_pixels,
    new_spline,
    residuals,
)

MIN_PIXELS = 0.75
"""Minimum number of pixels per basis of the spline; bases without pixels are fixed by the penalty."""
CENTER_KNOTS = 2.5
"""Knot spacing of the spline for the centre over that for the profile; it changes the centre by less than
0.01 px and halves the time."""
MIN_R_SQUARED = 0.3
"""Minimum r_squared of a centre: a spline through pure noise explains a tenth of the variance, a fifth if a
bead has few pixels."""


class Layout(NamedTuple):
    """Lengths in px for all beads of a frame, and the weight of the penalty."""

    bead_radius_px: float
    fit_radius_px: float
    """Radius of the set of pixels to which the centre is fitted."""
    limit_px: float
    """Maximum distance of the centre from the start of the search."""
    stray_sigmas: float
    """Residual beyond which pixels are excluded from the fit of the centre; 0: none."""
    reach_px: float
    """Largest distance of the spline."""
    knot_px: float
    lam: float
    ring_px: float
    n_rings: int
    background_px: tuple[float, float]
    white_level: float


class Profiled(NamedTuple):
    """Measured quantities of ``n`` beads; see :func:`measure_beads`."""

    center_px: FloatArray
    converged: BoolArray
    coefficients: FloatArray
    r_squared: FloatArray
    levels: FloatArray
    background: FloatArray
    n_saturated: IntArray
    saturated: BoolArray


class Room(NamedTuple):
    """Buffers for the measurement of a bead."""

    search: Search
    pixels: Pixels
    rings: Rings
    spline: Spline


@inlined
def _explained(pixels: Pixels, n: int, residual: FloatArray, radius_px: float) -> float:
    """Fraction of the variance within a radius that the spline explains; 0 without variance."""
    count = 0
    mean = unexplained = variance = 0.0
    for p in range(n):
        if pixels.r[p] <= radius_px:
            count += 1
            mean += pixels.value[p]
            unexplained += residual[p] * residual[p]
    mean /= max(count, 1)
    for p in range(n):
        if pixels.r[p] <= radius_px:
            variance += (pixels.value[p] - mean) ** 2
    return 1.0 - unexplained / variance if variance > 0.0 else 0.0


@inlined
def _background(pixels: Pixels, n: int, ring_px: tuple[float, float], rings: Rings) -> float:
    """Clipped mean of the pixels in a ring; NaN without one."""
    count = 0
    for p in range(n):
        if ring_px[0] <= pixels.r[p] <= ring_px[1]:
            rings.grouped[count] = pixels.value[p]
            count += 1
    return clipped_mean(rings.grouped, count, rings.residual) if count else np.nan


@inlined
def _measure_bead(image: FloatArray, i: int, layout: Layout, room: Room, out: Profiled) -> bool:
    """Measure the profile about bead ``i``'s centre; false if too few pixels are in the frame."""
    pixels, rings, spline = room.pixels, room.rings, room.spline
    y, x = out.center_px[i, 0], out.center_px[i, 1]
    n = gather(image, y, x, layout.reach_px, np.int64(1), pixels)
    if n < MIN_PIXELS * spline.coef.shape[0]:
        return False
    fit(pixels, n, y, x, spline, spline.sums.shape[0])
    for k in range(spline.coef.shape[0]):
        out.coefficients[i, k] = spline.coef[k]
    out.background[i] = _background(pixels, n, layout.background_px, rings)
    residuals(pixels, n, spline.cubic, rings.residual)
    out.r_squared[i] = _explained(pixels, n, rings.residual, 1.5 * layout.bead_radius_px)
    for p in range(n):
        ring = min(int(pixels.r[p] / layout.ring_px + 0.5), layout.n_rings)
        rings.ring[p] = ring
        if pixels.value[p] >= layout.white_level:
            out.n_saturated[i] += 1
            if ring < layout.n_rings:
                out.saturated[i, ring] = True
    ring_levels(pixels, n, rings, spline, layout.ring_px, out.levels[i])
    return True


def _make_room(layout: Layout) -> Room:
    reach, knot, lam = layout.reach_px, layout.knot_px, layout.lam
    search_px = layout.fit_radius_px + layout.limit_px + 1.0
    pixels = new_pixels(reach)
    return Room(
        search=new_search(layout.fit_radius_px, search_px, CENTER_KNOTS * knot, lam),
        pixels=pixels,
        rings=new_rings(len(pixels.r), layout.n_rings),
        spline=new_spline(reach, knot, lam),
    )


def _nothing_measured(centers: FloatArray, n_bases: int, n_rings: int) -> Profiled:
    n = len(centers)
    return Profiled(
        np.array(centers, dtype=np.float64),
        np.zeros(n, dtype=np.bool_),
        np.full((n, n_bases), np.nan),
        np.full(n, np.nan),
        np.full((n, n_rings), np.nan),
        np.full(n, np.nan),
        np.zeros(n, dtype=np.int64),
        np.zeros((n, n_rings), dtype=np.bool_),
    )


_LAYOUT = Layout(*(1.0,) * 8, 1, (1.0, 1.0), 1.0)


@kernel(np.empty((0, 0)), _LAYOUT, _make_room(_LAYOUT), _nothing_measured(np.empty((0, 2)), 0, 0))
def _measure_beads(image: FloatArray, layout: Layout, room: Room, out: Profiled) -> None:
    """Measure the beads of a frame from the first guesses of their centres in ``out``."""
    for i in range(out.center_px.shape[0]):
        start = (out.center_px[i, 0], out.center_px[i, 1])
        y, x, found = find_center(
            image,
            start,
            layout.fit_radius_px,
            layout.limit_px,
            layout.stray_sigmas,
            room.search,
        )
        out.center_px[i, 0], out.center_px[i, 1] = y, x
        if _measure_bead(image, i, layout, room, out):
            out.converged[i] = found and out.r_squared[i] > MIN_R_SQUARED
        else:
            out.center_px[i, 0], out.center_px[i, 1] = start


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
        The first guess if too few pixels are in the frame; the rest of the row is then NaN.
    converged : ndarray of bool, shape (n,)
    coefficients : ndarray, shape (n, m)
        Of the cubic B-spline on knots ``(arange(m + 4) - 3) * knot_px``.
    r_squared : ndarray, shape (n,)
        Fraction of the variance within 1.5 bead radii that the spline explains.
    levels : ndarray, shape (n, n_rings)
        Robust level of the ring ``k * ring_px`` +- half a ring: the spline without outlying pixels,
        shifted to the mean of the ring, which avoids the discretisation of a mean over few pixels on a
        steep profile. The spline itself if a ring has no pixel in the frame.
    background : ndarray, shape (n,)
        Clipped mean of the pixels in the background ring; NaN without one.
    n_saturated : ndarray of int, shape (n,)
        Pixels of the bead's tile disc at or above the white level.
    saturated : ndarray of bool, shape (n, n_rings)
        Rings with such a pixel.
    """
    room = _make_room(layout)
    out = _nothing_measured(centers, room.spline.coef.shape[0], layout.n_rings)
    _measure_beads(np.array(image, dtype=np.float64, order="C"), layout, room, out)
    return out
