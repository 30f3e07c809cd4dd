"""Find the own plane of every bead of a field of view, and tilt and bend of the slide.

The positions of the frames are known from all beads together, so the height of a bead is the shift
at which its profiles fit the field's stack: stage errors are common to all beads of a frame and drop
out. The size of the bead is a nuisance parameter of the same fit. The own plane of a bead is the mean
of the positions of the extrema of its two features.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import stdtrit

from refp.core.arrays import BoolArray, FloatArray, IntArray
from refp.core.flags import BeadFlag
from refp.core.robust import fit_bisquare, mad_sigma
from refp.measure.features.features import SweepMeasurement
from refp.plane.budget import ASSUMED_DOF, ONE_BEAD_HEIGHT_DIAMETERS, bead_spread, bead_term
from refp.plane.choice import of_features
from refp.plane.locate import CI_SIGN, SS_SIGN
from refp.plane.match import chi_squared, stretch_stack
from refp.plane.plane import BeadPlanes, Contribution, FieldAxis, PooledStack, Slide
from refp.plane.pool import extremum
from refp.plane.smooth import Smooth, fit_smooth, smooth_with
from refp.plane.typical import clear_profiles
from refp.settings import FeatureChoice

MIN_FRAMES = 5
MIN_FREEDOM = 0.05
MIN_BEND = 1e-12
"""Smallest second derivative of a feature at its extremum, per um squared, in the division by it."""
STRETCHES = np.linspace(0.92, 1.08, 9)
OWN_REACH_DIAMETERS = 0.6
"""Largest distance of a bead's own plane from the field's plane in the search by features."""
OWN_POINTS = 401
REACH_DIAMETERS = 2.0
"""Largest height of a bead about the field's plane in the fit to the stack."""
N_HEIGHTS = 561
BLOCKS = 5
"""Number of interleaved subsets of frames; the scatter of their fits gives the uncertainty."""
BAD_FRAME = 9.0
"""The reduced chi squared of a frame is limited to this many times the typical one."""
OFF_PLANE_PROBABILITY = 0.995
"""Probability of the quantile of Student's distribution beyond which a bead is off the plane."""
MIN_OFF_PLANE_SIGMAS = 4.0
"""The limit is at least this many times the assumed spread of beads."""
MAX_UNRESOLVED = 1e-6
"""A coefficient is undetermined if its resolution is below one by more than this."""
MIN_FOR_PLANE = 9
"""Fewest beads for a fitted plane: least absolute deviations fit three exactly, six others test it."""


@dataclass(frozen=True, slots=True)
class _Bead:
    """One bead in the frames of its field; its two features are NaN where a pixel is saturated."""

    number: int
    center_px: FloatArray
    x_um: FloatArray
    nominal_um: FloatArray
    profile: FloatArray
    clear: BoolArray
    features: FloatArray


def locate_beads(
    sweeps: Sequence[SweepMeasurement],
    axis: FieldAxis,
    plane_um: float,
    bead_diameter_um: float,
    smoothing: FloatArray,
) -> BeadPlanes:
    """Find the own plane of every bead of one field.

    Parameters
    ----------
    sweeps
        All sweeps; the axis selects those of the field.
    axis
        Positions of the field's frames.
    plane_um
        Reference plane on the axis, about which beads are searched, um.
    bead_diameter_um
        Nominal bead diameter, um.
    smoothing
        From :func:`refp.plane.propagate.choose_smoothing`: weights of the penalty for each frame, for SS
        and CI of the beads; NaN for cross-validation.

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
    reach_um = OWN_REACH_DIAMETERS * bead_diameter_um
    found = [_own_planes(bead, plane_um, reach_um, smoothing) for bead in beads]
    own = np.array([planes for planes, _ in found]).reshape(-1, 3, 2)
    noise = _noise(beads, [residual for _, residual in found])
    off_plane = _off_plane(center, height, u, ONE_BEAD_HEIGHT_DIAMETERS * bead_diameter_um)
    inside = ~off_plane
    # Heights are about the median of the beads in the plane; the zero of the axis is arbitrary.
    height = height - (np.median(height[inside]) if inside.any() else 0.0)
    return BeadPlanes(
        field=axis.profiles.field,
        bead=np.array([bead.number for bead in beads], dtype=np.int64),
        center_px=center,
        height_um=height,
        height_u_um=u.copy(),
        ss_um=own[:, 0, 0],
        ci_um=own[:, 0, 1],
        smoothing_um=own[:, 1],
        reading_um=np.minimum(noise * own[:, 2], reach_um),
        smoothing=smoothing,
        size=size.copy(),
        n_frames=np.array([len(bead.x_um) for bead in beads], dtype=np.int64),
        off_plane=off_plane,
        slide=fit_slide(center[inside], height[inside], size[inside]),
    )


@dataclass(frozen=True, slots=True)
class OwnPlanes:
    """Mean of the own planes of a field's beads, by both features, with standard uncertainties.

    ``smoothing_um`` are the mean shifts of both features by smoothing, shape ``(2,)``, and
    ``smoothing_u_um`` is the standard uncertainty of their mean. ``term`` is the contribution of the
    beads to the uncertainty of the mean of the two features, whose errors are correlated within a bead.
    """

    ss_um: float
    ci_um: float
    ss_u_um: float
    ci_u_um: float
    smoothing_um: FloatArray
    smoothing_u_um: float
    term: Contribution


def mean_of_beads(
    beads: BeadPlanes, bead_diameter_um: float, feature: FeatureChoice = "both"
) -> OwnPlanes | None:
    """Return the biweight mean of the own planes of the beads in the plane.

    Parameters
    ----------
    beads
        From :func:`locate_beads`.
    bead_diameter_um
        Nominal bead diameter.
    feature
        Features whose plane is that of a bead.

    Returns
    -------
    OwnPlanes or None
        ``None`` if fewer than half of these beads have a plane of their own.
    """
    inside = ~beads.off_plane
    own = of_features(beads.ss_um, beads.ci_um, feature)
    known = inside & np.isfinite(own)
    n = int(np.count_nonzero(known))
    if n == 0 or 2 * n < np.count_nonzero(inside):
        return None
    own = own[known]
    noise = beads.reading_um[known].T
    reading_um = np.asarray({"ss": noise[0], "ci": noise[1], "both": np.hypot(*noise) / 2}[feature])
    spread_um, _ = bead_spread(own, reading_um, bead_diameter_um)
    none, flat = np.zeros(1), np.ones((n, 1))
    fit = fit_bisquare(
        flat,
        own,
        np.full(n, spread_um),
        start=np.array([np.median(own)]),
        prior=none,
        expected=none,
    )
    influence = fit.influence[0]
    features = [values[known] for values in (beads.ss_um, beads.ci_um)]
    u_ss, u_ci = (
        bead_spread(v, u, bead_diameter_um)[0] / np.sqrt(n)
        for v, u in zip(features, noise, strict=True)
    )
    smoothing = beads.smoothing_um[known]
    among = float(smoothing.mean(axis=1).std(ddof=1)) if n > 1 else spread_um
    return OwnPlanes(
        ss_um=float(influence @ features[0]),
        ci_um=float(influence @ features[1]),
        ss_u_um=float(u_ss),
        ci_u_um=float(u_ci),
        smoothing_um=influence @ smoothing,
        smoothing_u_um=among / float(np.sqrt(n)),
        term=bead_term(beads.field, own, reading_um, bead_diameter_um),
    )


def flag_off_plane(
    sweeps: Sequence[SweepMeasurement], beads: Sequence[BeadPlanes]
) -> list[SweepMeasurement]:
    """Return the sweeps with ``OFF_PLANE`` set on the beads off their field's plane."""
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
        Shape ``(b, 2)``, centres ``(y, x)``.
    height_um
        Shape ``(b,)``, heights of the beads' planes.
    size
        Shape ``(b,)``, relative radius; the plane of a bead depends on its size, and the fit removes
        this dependence.

    Notes
    -----
    Least squares; uncertainties from the residuals. Each of the two fits needs at least two beads more
    than it has coefficients.
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
    """Coefficients of a linear fit, their standard uncertainties, and the residual scatter."""

    coefficients: FloatArray
    u: FloatArray
    residual: float


def _least_squares(design: FloatArray, values: FloatArray) -> _Linear:
    """Fit by least squares; undetermined coefficients are NaN, all of them with too few values."""
    n, p = design.shape
    if n < p + 2:
        return _Linear(np.full(p, np.nan), np.full(p, np.nan), float("nan"))
    scale = np.maximum(np.abs(design).max(axis=0), 1e-300)
    gram = (design / scale).T @ (design / scale)
    inverse = np.linalg.pinv(gram, hermitian=True)
    fitted = inverse @ (design / scale).T @ values
    variance = float(((values - design / scale @ fitted) ** 2).sum() / (n - p))
    u = np.sqrt(np.maximum(np.diag(inverse) * variance, 0.0))
    # Beads in a row, or all of one size, determine only combinations of the coefficients.
    resolved = np.where(np.diag(inverse @ gram) > 1 - MAX_UNRESOLVED, 1.0, np.nan)
    return _Linear(fitted / scale * resolved, u / scale * resolved, float(np.sqrt(variance)))


def _off_plane(
    center_px: FloatArray, height_um: FloatArray, u_um: FloatArray, assumed_um: float
) -> BoolArray:
    """Mark beads off the plane of the others, by a limit from their observed and assumed spread.

    The median deviation of few beads is uncertain, so it is pooled with the assumed spread. The
    uncertainty of a bead's own height widens its limit.
    """
    inside = np.ones(len(height_um), dtype=np.bool_)
    for _ in range(5):
        if np.count_nonzero(inside) < 3:
            break
        residual = height_um - _plane_through(center_px, height_um, inside)
        own_dof = np.count_nonzero(inside) - 1.0
        variance = ASSUMED_DOF * assumed_um**2 + own_dof * mad_sigma(residual[inside]) ** 2
        sigma = np.sqrt(variance / (ASSUMED_DOF + own_dof))
        quantile = stdtrit(float(ASSUMED_DOF + own_dof), OFF_PLANE_PROBABILITY)
        limit = max(quantile * sigma, MIN_OFF_PLANE_SIGMAS * assumed_um)
        again = np.abs(residual) <= np.hypot(limit, quantile * u_um)
        if (again == inside).all():
            break
        inside = again
    return ~inside


def _plane_through(center_px: FloatArray, height_um: FloatArray, inside: BoolArray) -> FloatArray:
    """Return the plane of the marked beads at all beads; their median with few of them.

    Absolute deviations are minimised (by reweighting), so that one bead off the plane does not tilt
    the fit.
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
    parts: list[tuple[Any, ...]] = []
    nominal_um = axis.nominal_um
    for number in np.unique(frames.sweep):
        sweep = sweeps[number]
        position = np.full((len(sweep.frames), 2), np.nan)
        of_sweep = (frames.sweep == number) & axis.trusted
        position[frames.frame[of_sweep]] = np.column_stack(
            [axis.x_um[of_sweep], nominal_um[of_sweep]]
        )
        rows = np.flatnonzero(sweep.usable & np.isfinite(position[sweep.frame_index, 0]))
        profile, clear = clear_profiles(sweep, rows, seen)
        center = sweep.profiles.center_px[rows]
        x = position[sweep.frame_index[rows]]
        features = _unsaturated_features(sweep, rows)
        parts.append((sweep.bead_number[rows], center, x, profile, clear, features))
    bead, center, x, profile, clear, features = (
        np.concatenate(part) for part in zip(*parts, strict=True)
    )
    beads: list[_Bead] = []
    for number in np.unique(bead):
        rows = np.flatnonzero(bead == number)
        if len(rows) >= MIN_FRAMES:
            middle = np.median(center[rows], axis=0)
            found_um, at_nominal_um = x[rows].T
            beads.append(
                _Bead(
                    *(int(number), middle, found_um, at_nominal_um),
                    *(profile[rows], clear[rows], features[rows]),
                )
            )
    return beads


def _unsaturated_features(sweep: SweepMeasurement, rows: IntArray) -> FloatArray:
    """Return steepest slope and centre intensity, shape ``(n, 2)``; NaN where a pixel is saturated."""
    both = np.column_stack([sweep.features.steepest_slope, sweep.features.center_intensity])[rows]
    return np.where(sweep.profiles.n_saturated_px[rows, None] > 0, np.nan, both)


def _own_planes(
    bead: _Bead, near_um: float, reach_um: float, smoothing: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the positions of a bead's least steepest slope and greatest centre intensity, shape (3, 2).

    The second row has the shifts when the smoothed curves are smoothed again, which estimate the bias of
    the first smoothing; 0 where the curves have no extremum then. The third has the standard uncertainty
    of a position by noise of unit standard deviation. The second array has the residuals of the curves,
    shape ``(n, 2)``, NaN where a feature is not known.

    The features are smoothed against nominal positions. Corrected positions contain the smooth part of
    the stage errors too, and since they are found from the beads themselves they bias the extrema.
    """
    own, residual = np.full((3, 2), np.nan), np.full(bead.features.shape, np.nan)
    known = np.isfinite(bead.features).all(axis=1)
    x = bead.nominal_um[known]
    if len(np.unique(x)) < MIN_FRAMES:
        return own, residual
    low, high = max(x.min(), near_um - reach_um), min(x.max(), near_um + reach_um)
    if low >= high:
        return own, residual
    grid = np.linspace(low, high, OWN_POINTS)
    for k, sign in enumerate((SS_SIGN, CI_SIGN)):
        weight = float(smoothing[k] * len(x))
        smooth = fit_smooth(x, bead.features[known, k], weight if np.isfinite(weight) else None)
        again = smooth_with(x, smooth.spline(x), smooth.lam)
        own[0, k] = _inner_extremum(grid, smooth.spline(grid), sign)
        own[1, k] = np.nan_to_num(_inner_extremum(grid, again(grid), sign) - own[0, k])
        own[2, k] = _unit_uncertainty(x, smooth, own[0, k])
        values = bead.features[known, k] - smooth.spline(x)
        residual[known, k] = values / np.sqrt(max(1.0 - smooth.edf / len(x), MIN_FREEDOM))
    return own, residual


def _unit_uncertainty(x_um: FloatArray, smooth: Smooth, at_um: float) -> float:
    """Return the standard uncertainty of an extremum by noise of unit standard deviation, um.

    It is that of the derivative, a linear function of the values, over the second derivative.
    """
    if not np.isfinite(at_um):
        return float("nan")
    weights = smooth_with(x_um, np.eye(len(x_um)), smooth.lam)(at_um, 1)
    bend = abs(float(smooth.spline(at_um, 2)))
    return float(np.linalg.norm(weights)) / max(bend, MIN_BEND)


def _noise(beads: Sequence[_Bead], residuals: Sequence[FloatArray]) -> FloatArray:
    """Return the noise of the features of each bead, shape ``(b, 2)``; 0 for a single bead.

    The mean residual of the beads of a frame is due to its stage error, and is subtracted.
    """
    if len(beads) < 2:
        return np.zeros((len(beads), 2))
    frames = np.unique(np.concatenate([bead.x_um for bead in beads]))
    table = np.full((len(beads), len(frames), 2), np.nan)
    for row, bead, residual in zip(table, beads, residuals, strict=True):
        row[np.searchsorted(frames, bead.x_um)] = residual
    n_beads = np.isfinite(table).sum(axis=0)
    mean = np.nansum(table, axis=0) / np.maximum(n_beads, 1)
    squares = (table - mean) ** 2 * (n_beads / np.maximum(n_beads - 1, 1))
    squares = np.where(n_beads > 1, squares, np.nan)
    n_known = np.isfinite(squares).sum(axis=1)
    return np.asarray(np.sqrt(np.nansum(squares, axis=1) / np.maximum(n_known, 1)))


def _inner_extremum(grid: FloatArray, value: FloatArray, sign: int) -> float:
    """Return the position of an extremum; NaN at an end of the grid."""
    position = extremum(grid, value, sign)
    return position if grid[0] < position < grid[-1] else float("nan")


def _fit_bead(
    bead: _Bead, sized: Sequence[PooledStack], heights: FloatArray
) -> tuple[float, float, float]:
    """Return height, its standard uncertainty, and relative size of one bead."""
    costs = [_costs(bead, stack, heights) for stack in sized]
    totals = np.array([_total(cost) for cost in costs])
    size = _least(STRETCHES, totals.min(axis=1))
    low = min(int(np.searchsorted(STRETCHES, size, "right")) - 1, len(STRETCHES) - 2)
    # The height of best fit depends on the size: interpolate between the two nearest sizes tried.
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
    # Frames beyond the stack are left out of the cost of a height.
    return np.where(inside, cost / np.maximum(bead.clear.sum(axis=1), 1)[:, None], np.nan)


def _total(cost: FloatArray) -> FloatArray:
    """Return the robust mean reduced chi squared at every height; infinite where half have none."""
    inside = np.isfinite(cost)
    known = np.where(inside, cost, np.inf)
    limit = BAD_FRAME * max(float(np.median(known.min(axis=1))), 1e-12)
    total = np.where(inside, np.minimum(known, limit), 0.0).sum(axis=0)
    count = inside.sum(axis=0)
    return np.where(count >= len(cost) / 2, total / np.maximum(count, 1), np.inf)


def _least(x: FloatArray, y: FloatArray) -> float:
    """Return the position of the least value on an even grid, refined by a parabola."""
    i = int(np.argmin(y))
    if i in (0, len(x) - 1) or not np.isfinite(y[i - 1 : i + 2]).all():
        return float(x[i])
    left, middle, right = y[i - 1 : i + 2]
    bend = left - 2 * middle + right
    return float(x[i] + (0.5 * (left - right) / bend if bend > 0 else 0.0) * (x[1] - x[0]))
