"""Find the own plane of every bead of a field of view, and how the slide lies.

Where the frames lie is known from the beads together, so a bead's profile against Z needs only be
moved along the field's stack until it fits: stage errors are common to all beads of a frame and drop
out. Its size is a nuisance that is fitted with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from refp.core.arrays import BoolArray, FloatArray, IntArray
from refp.core.flags import BeadFlag
from refp.core.robust import mad_sigma
from refp.measure.features.features import SweepMeasurement
from refp.plane.match import chi_squared, stretch_stack
from refp.plane.plane import BeadPlanes, FieldAxis, PooledStack, Slide
from refp.plane.typical import clear_profiles

MIN_FRAMES = 5
STRETCHES = np.linspace(0.92, 1.08, 9)
REACH_DIAMETERS = 2.0
"""Beads are sought this far off the field's plane."""
N_HEIGHTS = 561
BLOCKS = 5
"""The frames are dealt out to so many parts; their scatter tells the uncertainty."""
BAD_FRAME = 9.0
"""Times the typical reduced chi squared at which a frame stops counting more."""
OFF_PLANE_SIGMAS = 4.0
TOLD_PART = 1e-6
"""Part of an unknown that may be left open before it counts as not told."""
MIN_OFF_PLANE_DIAMETERS = 0.1
"""Beads of one plane differ by their size and by what they rest on."""
MIN_FOR_PLANE = 9
"""Least absolute deviations pass exactly through three beads; twice as many others must judge it."""


@dataclass(frozen=True, slots=True)
class _Bead:
    """One bead through the frames of its field."""

    number: int
    center_px: FloatArray
    x_um: FloatArray
    profile: FloatArray
    clear: BoolArray


def locate_beads(
    sweeps: Sequence[SweepMeasurement],
    axis: FieldAxis,
    plane_um: float,
    bead_diameter_um: float,
) -> BeadPlanes:
    """Find the own plane of every bead of one field.

    Parameters
    ----------
    sweeps
        All sweeps; the field's own are picked by the axis.
    axis
        Where the field's frames lie.
    bead_diameter_um
        Nominal bead diameter.

    Returns
    -------
    BeadPlanes
        Beads seen in fewer than five trusted frames are left out.
    """
    beads = _follow_beads(sweeps, axis)
    heights = np.linspace(-1.0, 1.0, N_HEIGHTS) * REACH_DIAMETERS * bead_diameter_um
    sized = [stretch_stack(axis.stack, float(s), plane_um) for s in STRETCHES]
    rows = [_fit_bead(bead, sized, heights) for bead in beads]
    table = np.array(rows, dtype=np.float64).reshape(-1, 3)
    center = np.array([bead.center_px for bead in beads]).reshape(-1, 2)
    height, u, size = table.T
    off_plane = _off_plane(center, height, MIN_OFF_PLANE_DIAMETERS * bead_diameter_um)
    inside = ~off_plane
    # The field's plane is that of its beads in the plane, not of the axis' arbitrary zero.
    height = height - (np.median(height[inside]) if inside.any() else 0.0)
    return BeadPlanes(
        field=axis.profiles.field,
        bead=np.array([bead.number for bead in beads], dtype=np.int64),
        center_px=center,
        height_um=height,
        height_u_um=u.copy(),
        size=size.copy(),
        n_frames=np.array([len(bead.x_um) for bead in beads], dtype=np.int64),
        off_plane=off_plane,
        slide=fit_slide(center[inside], height[inside], size[inside]),
    )


def flag_off_plane(
    sweeps: Sequence[SweepMeasurement], beads: Sequence[BeadPlanes]
) -> list[SweepMeasurement]:
    """Return the sweeps with ``OFF_PLANE`` set on the beads that lie off their field's plane."""
    off = {planes.field: planes.bead[planes.off_plane] for planes in beads}
    flagged: list[SweepMeasurement] = []
    for sweep in sweeps:
        rows = np.isin(sweep.bead_number, off.get(sweep.key.field, ()))
        flags = np.where(rows, sweep.beads.flags | np.uint32(BeadFlag.OFF_PLANE), sweep.beads.flags)
        flagged.append(replace(sweep, beads=replace(sweep.beads, flags=flags)))
    return flagged


def fit_slide(center_px: FloatArray, height_um: FloatArray, size: FloatArray) -> Slide:
    """Fit tilt and bend of the slide to the beads' planes.

    Parameters
    ----------
    center_px
        Shape ``(b, 2)``.
    height_um
        Shape ``(b,)``.
    size
        Shape ``(b,)``, relative radius: where a bead's plane lies goes with its size, and the fit
        takes that out.

    Notes
    -----
    Least squares; uncertainties from the beads' scatter. Each of the two fits asks for two beads more
    than it has unknowns.
    """
    n = len(height_um)
    middle = center_px.mean(axis=0) if n else np.full(2, np.nan)
    offset = center_px - middle
    squared = (offset**2).sum(axis=1)
    design = np.column_stack([np.ones(n), offset, size - size.sum() / max(n, 1), squared])
    flat = _least_squares(design[:, :4], height_um)
    bent = _least_squares(design, height_um)
    return Slide(
        tilt_um_per_px=flat.coefficients[1:3],
        tilt_u_um_per_px=flat.u[1:3],
        bend_um_per_px2=float(bent.coefficients[4]),
        bend_u_um_per_px2=float(bent.u[4]),
        rise_um_per_size=float(flat.coefficients[3]),
        rise_u_um_per_size=float(flat.u[3]),
        center_px=middle,
        residual_um=flat.residual,
    )


@dataclass(frozen=True, slots=True)
class _Linear:
    """Coefficients of a linear fit, their standard uncertainties, and what it leaves."""

    coefficients: FloatArray
    u: FloatArray
    residual: float


def _least_squares(design: FloatArray, values: FloatArray) -> _Linear:
    """Fit; NaN where the values do not tell, all with fewer than two values more than unknowns."""
    n, p = design.shape
    if n < p + 2:
        return _Linear(np.full(p, np.nan), np.full(p, np.nan), float("nan"))
    scale = np.maximum(np.abs(design).max(axis=0), 1e-300)
    gram = (design / scale).T @ (design / scale)
    inverse = np.linalg.pinv(gram, hermitian=True)
    fitted = inverse @ (design / scale).T @ values
    variance = float(((values - design / scale @ fitted) ** 2).sum() / (n - p))
    u = np.sqrt(np.maximum(np.diag(inverse) * variance, 0.0))
    # Beads in a row, or all of one size: of such unknowns only some combinations are told.
    told = np.where(np.diag(inverse @ gram) > 1 - TOLD_PART, 1.0, np.nan)
    return _Linear(fitted / scale * told, u / scale * told, float(np.sqrt(variance)))


def _off_plane(center_px: FloatArray, height_um: FloatArray, least_um: float) -> BoolArray:
    """Mark beads that stand off the plane of the others."""
    inside = np.ones(len(height_um), dtype=np.bool_)
    for _ in range(5):
        if np.count_nonzero(inside) < 3:
            break
        residual = height_um - _plane_through(center_px, height_um, inside)
        limit = max(OFF_PLANE_SIGMAS * mad_sigma(residual[inside]), least_um)
        again = np.abs(residual) <= limit
        if (again == inside).all():
            break
        inside = again
    return ~inside


def _plane_through(center_px: FloatArray, height_um: FloatArray, inside: BoolArray) -> FloatArray:
    """Return the plane of the marked beads at all beads; their median with few of them.

    Absolute deviations are minimised (by reweighting), so that one bead off the plane does not tilt it.
    """
    if np.count_nonzero(inside) < MIN_FOR_PLANE:
        return np.full(len(height_um), float(np.median(height_um[inside])))
    offset = center_px - center_px[inside].mean(axis=0)
    design = np.concatenate([np.ones((len(offset), 1)), offset], axis=1)
    weight = inside.astype(np.float64)
    plane = np.full(len(height_um), float(np.median(height_um[inside])))
    for _ in range(20):
        root = np.sqrt(weight / np.maximum(np.abs(height_um - plane), 0.05))[:, None]
        fitted, *_ = np.linalg.lstsq(design * root, height_um * root[:, 0], rcond=None)
        plane = design @ fitted
    return plane


def _follow_beads(sweeps: Sequence[SweepMeasurement], axis: FieldAxis) -> list[_Bead]:
    """Collect every bead's profiles over the trusted frames of all sweeps of the field."""
    frames = axis.profiles
    seen = np.arange(len(sweeps[0].profiles.radius_radii)) < len(frames.radius_radii)
    parts: list[tuple[IntArray, FloatArray, FloatArray, FloatArray, BoolArray]] = []
    for number in np.unique(frames.sweep):
        sweep = sweeps[number]
        place = np.full(len(sweep.frames), np.nan)
        here = (frames.sweep == number) & axis.trusted
        place[frames.frame[here]] = axis.x_um[here]
        rows = np.flatnonzero(sweep.usable & np.isfinite(place[sweep.frame_index]))
        profile, clear = clear_profiles(sweep, rows, seen)
        center = sweep.profiles.center_px[rows]
        parts.append(
            (sweep.bead_number[rows], center, place[sweep.frame_index[rows]], profile, clear)
        )
    bead, center, x, profile, clear = (np.concatenate(part) for part in zip(*parts, strict=True))
    beads: list[_Bead] = []
    for number in np.unique(bead):
        rows = np.flatnonzero(bead == number)
        if len(rows) >= MIN_FRAMES:
            middle = np.median(center[rows], axis=0)
            beads.append(_Bead(int(number), middle, x[rows], profile[rows], clear[rows]))
    return beads


def _fit_bead(
    bead: _Bead, sized: Sequence[PooledStack], heights: FloatArray
) -> tuple[float, float, float]:
    """Return height, its standard uncertainty, and relative size of one bead."""
    costs = [_costs(bead, stack, heights) for stack in sized]
    totals = np.array([_total(cost) for cost in costs])
    size = _least(STRETCHES, totals.min(axis=1))
    low = min(int(np.searchsorted(STRETCHES, size, "right")) - 1, len(STRETCHES) - 2)
    # Where a bead fits goes with its size, which lies between two of those tried.
    part = (size - STRETCHES[low]) / (STRETCHES[low + 1] - STRETCHES[low])
    height = (1 - part) * _least(heights, totals[low]) + part * _least(heights, totals[low + 1])
    cost = costs[low + round(part)]
    parts = [_least(heights, _total(cost[k::BLOCKS])) for k in range(BLOCKS)]
    u = float(np.std(parts, ddof=1) / np.sqrt(BLOCKS))
    return height, u, size


def _costs(bead: _Bead, stack: PooledStack, heights: FloatArray) -> FloatArray:
    """Return the reduced chi squared of every frame at every height, shape ``(n, heights)``."""
    known = np.where(bead.clear, bead.profile, 0.0)
    distance = chi_squared(known, bead.clear, stack.mean, 1.0 / stack.sd**2)
    step = stack.dz_um[1] - stack.dz_um[0]
    at = np.rint((bead.x_um[:, None] - heights - stack.dz_um[0]) / step).astype(np.int64)
    inside = (at >= 0) & (at < len(stack.dz_um))
    cost = np.take_along_axis(distance, np.clip(at, 0, len(stack.dz_um) - 1), axis=1)
    # Beyond the stack nothing is known, neither for nor against a height.
    return np.where(inside, cost / np.maximum(bead.clear.sum(axis=1), 1)[:, None], np.nan)


def _total(cost: FloatArray) -> FloatArray:
    """Mean reduced chi squared at every height, robust to single frames; infinite where half have none."""
    told = np.isfinite(cost)
    known = np.where(told, cost, np.inf)
    limit = BAD_FRAME * max(float(np.median(known.min(axis=1))), 1e-12)
    total = np.where(told, np.minimum(known, limit), 0.0).sum(axis=0)
    count = told.sum(axis=0)
    return np.where(count >= len(cost) / 2, total / np.maximum(count, 1), np.inf)


def _least(x: FloatArray, y: FloatArray) -> float:
    """Place of the least value on an even grid, refined by a parabola."""
    i = int(np.argmin(y))
    if i in (0, len(x) - 1) or not np.isfinite(y[i - 1 : i + 2]).all():
        return float(x[i])
    left, middle, right = y[i - 1 : i + 2]
    bend = left - 2 * middle + right
    return float(x[i] + (0.5 * (left - right) / bend if bend > 0 else 0.0) * (x[1] - x[0]))
