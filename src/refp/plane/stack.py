"""Pool radial profiles into one stack against dZ."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from refp.core.arrays import BoolArray, FloatArray, IntArray
from refp.core.robust import MAD_TO_SIGMA, nan_median
from refp.plane.match import fill_rings, fit_stretch, least_of_rings, rows_at, stretch_rings
from refp.plane.plane import FieldAxis, PooledStack, StackOrigin
from refp.plane.smooth import Smooth, fit_smooth_each

GRID_POINTS = 801
MIN_SD = 0.003
"""Lower bound of the spread, over background; keeps the likelihood finite where beads hardly differ."""
GROUP = 6
"""Number of neighbours along Z that are reduced to their median."""
MIN_GROUPS = 60
MAX_GROUPS = 600
SPREAD_GROUP = 20
"""Number of neighbours whose median deviation gives the spread of single beads."""
UNKNOWN_SD = 1e3
"""Spread of unknown rings: measured values have no weight there."""
MIN_FRAMES = 6
"""Fewest frames in which a ring must be known to be smoothed."""
MIN_POSITIONS = 4
PLACING_POINTS = 2001
"""Grid points of a stack of frames; its step must be finer than the uncertainty of a position."""
NEAR_FRAMES = 5
MIN_FREEDOM = 0.02
MARGIN_STEPS = 1.0
"""Margin of a joined stack beyond its outermost frames, in Z steps."""
EMPTY_STACK = PooledStack(np.empty(0), np.empty(0), np.empty((0, 0)), np.empty((0, 0)))
ONE_STEP_FRACTION = 0.5
"""Error of interpolation over one step of Z over that over two, which a leave-one-out residual shows beyond
the noise: a sixteenth where the steps resolve the curve, as the error is of fourth order; half where they
hardly do."""
MIN_FRAME_SD = 0.002
"""Lower bound of the spread, over background; rounding to grey levels limits a typical profile."""


@dataclass(frozen=True, slots=True)
class FrameStack:
    """A stack on which frames are placed, with the frames that it was built from."""

    stack: PooledStack
    origin: StackOrigin


def pool_stack(
    dz_um: FloatArray,
    profile: FloatArray,
    saturated: BoolArray,
    size: FloatArray,
    radius_radii: FloatArray,
    *,
    ring_noise: FloatArray | None = None,
    step_fraction: float = ONE_STEP_FRACTION,
) -> PooledStack:
    """Build the pooled stack ``I(dz, r)`` of the typical bead.

    Parameters
    ----------
    dz_um
        Shape ``(n,)``, distance of the focal plane from each bead's own plane, um.
    profile
        Shape ``(n, m)``, robust profiles over background.
    saturated
        Shape ``(n, m)``, rings to leave out.
    size
        Shape ``(n,)``, radius over that of the typical bead.
    radius_radii
        Shape ``(m,)``, radii of the rings in bead radii.
    ring_noise
        Shape ``(m,)``, noise of a ring of one bead over background, where all rows show the same bead.
        Its frames are then not grouped, and nothing that exceeds the noise is smoothed.
    step_fraction
        Error of interpolation where the stack is used, over that between frames two steps apart; 1 for
        frames that are held out of the stack.

    Returns
    -------
    PooledStack
        Smoothed along Z. Where too few rings are known, the mean is interpolated along dZ, and the
        spread :data:`UNKNOWN_SD` gives it no weight.

    Raises
    ------
    ValueError
        If there are fewer than four different values of dZ.

    Notes
    -----
    The image of a larger sphere is that of a smaller one on a larger scale, so a bead of size ``s`` at
    ``dz`` is the typical bead at ``dz / s`` with its radii divided by ``s``. The spread that remains is
    noise and individual differences of beads.
    """
    x = dz_um / size
    if len(np.unique(x)) < MIN_POSITIONS:
        raise ValueError(
            f"a pooled stack needs four different values of dZ, not {len(np.unique(x))}"
        )
    typical = _of_typical_size(np.where(saturated, np.nan, profile), size, radius_radii)
    # Beads at the same dZ are sorted by their profiles, so that the result does not depend on their order.
    order = np.lexsort((*np.nan_to_num(typical).T, x))
    x, typical = x[order], typical[order]
    shown, own = np.where(saturated, np.nan, profile)[order], size[order]
    grid = np.linspace(x[0], x[-1], GRID_POINTS)
    if ring_noise is not None:
        mean, sd, _ = _fit_rings(x, typical, grid, 0.0, ring_noise, step_fraction)
        return PooledStack(grid, radius_radii, _continue(mean), np.maximum(sd, MIN_SD))
    mean = _smooth_groups(x, typical, grid)
    # Interpolation between rings averages noise, so the spread is that of the rings as measured.
    expected = _stretch_known(rows_at(mean, grid, x), radius_radii, 1.0 / own)
    spread = _spread(x, shown - expected, grid)
    sd = np.where(np.isnan(mean), UNKNOWN_SD, np.maximum(spread, MIN_SD))
    return PooledStack(grid, radius_radii, _continue(mean), sd)


def _smooth_groups(x: FloatArray, typical: FloatArray, grid: FloatArray) -> FloatArray:
    """Return the smoothed medians of groups of neighbours along Z, on a grid."""
    n_groups = int(np.clip(len(x) // GROUP, min(len(x), MIN_GROUPS), MAX_GROUPS))
    return _smooth_columns(*_medians(x, typical, n_groups), grid)


def _continue(mean: FloatArray) -> FloatArray:
    """Fill unknown parts of rings from known ones, without a jump, which would favour a position."""
    continued, planes = mean.copy(), np.arange(len(mean))
    for ring in continued.T:
        known = np.isfinite(ring)
        ring[:] = np.interp(planes, planes[known], ring[known]) if known.any() else 1.0
    return continued


def _of_typical_size(profile: FloatArray, size: FloatArray, radius_radii: FloatArray) -> FloatArray:
    """Return the profiles scaled to beads of the typical size."""
    typical = np.empty_like(profile)
    for one in np.unique(size):
        rows = size == one
        typical[rows] = _stretch_known(profile[rows], radius_radii, float(one))
    return typical


def _stretch_known(
    profile: FloatArray, radius_radii: FloatArray, stretch: float | FloatArray
) -> FloatArray:
    """Interpolate between known rings; NaN next to an unknown one."""
    known = np.isfinite(profile)
    stretched = stretch_rings(fill_rings(profile, known), radius_radii, stretch)
    resolved = least_of_rings(known.astype(np.float64), radius_radii, stretch) > 0
    return np.where(resolved, stretched, np.nan)


def _medians(x: FloatArray, values: FloatArray, n_groups: int) -> tuple[FloatArray, FloatArray]:
    """Return mean position and median of groups of neighbours; NaN where all values are unknown."""
    groups = np.array_split(np.arange(len(x)), n_groups)
    medians = np.array([nan_median(values[rows]) for rows in groups])
    return np.array([x[rows].mean() for rows in groups]), medians


def _spread(x: FloatArray, residual: FloatArray, grid: FloatArray) -> FloatArray:
    """Return the standard deviation of single beads on the grid, very large where not known."""
    n_groups = min(len(x) // SPREAD_GROUP, MAX_GROUPS)
    at, typical = _medians(x, np.abs(residual), max(n_groups, 1))
    if n_groups < MIN_FRAMES:
        spread = np.broadcast_to(_medians(x, np.abs(residual), 1)[1], (len(grid), typical.shape[1]))
    else:
        spread = _smooth_columns(at, typical, np.clip(grid, at[0], at[-1]))
    return MAD_TO_SIGMA * np.nan_to_num(spread, nan=UNKNOWN_SD)


def can_stack(x_um: FloatArray, profile: FloatArray) -> bool:
    """Return whether frames, shape ``(n,)`` and ``(n, m)``, have a ring known at enough positions."""
    return any(len(np.unique(x_um[known])) >= MIN_POSITIONS for _, known in _equally_known(profile))


def fit_stack(
    x_um: FloatArray,
    profile: FloatArray,
    radius_radii: FloatArray,
    margin_um: float,
    ring_noise: FloatArray | None = None,
) -> FrameStack:
    """Smooth the typical profiles of frames into a stack.

    Parameters
    ----------
    x_um
        Shape ``(n,)``, position of each frame, um.
    profile
        Shape ``(n, m)``, typical profile over background; NaN where not known. At least one ring must
        be known at enough positions (:func:`can_stack`).
    radius_radii
        Shape ``(m,)``, radii of the rings in bead radii.
    margin_um
        Margin of the stack beyond the outermost frames, um.
    ring_noise
        Shape ``(m,)``, noise of the rings over background, where the frames show one bead.

    Returns
    -------
    FrameStack
        Its spread is the predictive standard deviation of a profile from the other frames;
        :data:`UNKNOWN_SD` where a ring is known in too few frames.
    """
    grid = np.linspace(x_um.min() - margin_um, x_um.max() + margin_um, PLACING_POINTS)
    mean, sd, smooths_of_rings = _fit_rings(x_um, profile, grid, margin_um, ring_noise)
    stack = PooledStack(grid, radius_radii, np.nan_to_num(mean, nan=1.0), sd)
    edf = float(np.mean([smooth.edf for smooth in smooths_of_rings]))
    lam = float(np.exp(np.mean([np.log(smooth.lam) for smooth in smooths_of_rings])))
    return FrameStack(stack, StackOrigin(x_um, lam, edf))


def _fit_rings(
    x_um: FloatArray,
    profile: FloatArray,
    grid: FloatArray,
    margin_um: float,
    ring_noise: FloatArray | None,
    step_fraction: float = ONE_STEP_FRACTION,
) -> tuple[FloatArray, FloatArray, list[Smooth]]:
    """Smooth each ring along Z; return mean and predictive spread on the grid, and the splines.

    The mean is NaN, and the spread :data:`UNKNOWN_SD`, where a ring is not known.
    """
    mean = np.full((len(grid), profile.shape[1]), np.nan)
    sd = np.full_like(mean, UNKNOWN_SD)
    smooths_of_rings: list[Smooth] = []
    for columns, known in _equally_known(profile):
        if len(np.unique(x_um[known])) < MIN_POSITIONS:
            continue
        noise = None if ring_noise is None else ring_noise[columns]
        smooths = fit_smooth_each(x_um[known], profile[np.ix_(known, columns)], noise)
        low, high = x_um[known].min() - margin_um, x_um[known].max() + margin_um
        inside = (grid >= low) & (grid <= high)
        for k, (column, smooth) in enumerate(zip(columns, smooths, strict=True)):
            residual = profile[known, column] - smooth.spline(x_um[known])
            mean[inside, column] = smooth.spline(grid[inside])
            squares = _left_out_squares(residual, smooth)
            if noise is not None:
                own = noise[k] ** 2 * (1.0 + smooth.leverage)
                squares = own + step_fraction**2 * np.maximum(squares - own, 0.0)
            sd[inside, column] = _predictive_sd(x_um[known], squares, grid[inside])
        smooths_of_rings += smooths
    return mean, sd, smooths_of_rings


def leave_one_out(x_um: FloatArray, profile: FloatArray) -> FloatArray:
    """Return the squared leave-one-out residual of each frame.

    Parameters
    ----------
    x_um
        Shape ``(n,)``, position of each frame, um.
    profile
        Shape ``(n, m)``, without NaN.

    Returns
    -------
    ndarray
        Shape ``(n,)``, mean over the rings.
    """
    smooths = fit_smooth_each(x_um, profile)
    left_out = [
        (profile[:, k] - smooth.spline(x_um)) / np.maximum(1.0 - smooth.leverage, MIN_FREEDOM)
        for k, smooth in enumerate(smooths)
    ]
    return np.asarray((np.array(left_out) ** 2).mean(axis=0))


def _left_out_squares(residual: FloatArray, smooth: Smooth) -> FloatArray:
    """Return the squared leave-one-out residuals of a ring, shape ``(n,)``."""
    return np.asarray((residual / np.maximum(1.0 - smooth.leverage, MIN_FREEDOM)) ** 2)


def _predictive_sd(x_um: FloatArray, squares: FloatArray, grid: FloatArray) -> FloatArray:
    """Return the predictive standard deviation of a profile from the other frames.

    It is the root mean square of leave-one-out residuals of the nearest frames. Where the distance of
    frames is too large for the change of the profile, the stack follows each single frame; a spread from
    plain residuals would be too small there and distort the axis.
    """
    # Frames at the same position are sorted by residual: the result must not depend on their order.
    order = np.lexsort((squares, x_um))
    squares = squares[order]
    near = min(NEAR_FRAMES, len(squares))
    mean = np.convolve(squares, np.ones(near), "same") / np.convolve(
        np.ones_like(squares), np.ones(near), "same"
    )
    return np.sqrt(np.interp(grid, x_um[order], mean) + MIN_FRAME_SD**2)


def join_stacks(axes: Sequence[FieldAxis]) -> tuple[FrameStack, list[float]]:
    """Join the frames of several fields into one stack.

    Parameters
    ----------
    axes
        Axes of the fields, all with their plane at zero.

    Returns
    -------
    FrameStack
        Typical profiles against dZ, for the bead size of the field with most frames.
    stretches : list of float
        Bead size of each field over that of the field with most frames.
    """
    # Of fields with equally many frames the last by name, so that their order does not matter.
    largest = max(axes, key=lambda axis: (axis.n_trusted, str(axis.profiles.field)))
    by_name = sorted(range(len(axes)), key=lambda i: str(axes[i].profiles.field))
    radius = largest.profiles.radius_radii
    good = largest.trusted
    first = fit_stack(largest.x_um[good], largest.profiles.profile[good], radius, 0.0).stack
    positions: list[FloatArray] = []
    profiles: list[FloatArray] = []
    stretches: list[float] = []
    for axis in axes:
        profile = axis.profiles.profile[axis.trusted]
        stretch = 1.0 if axis is largest else fit_stretch(first, profile)
        stretches.append(stretch)
        positions.append(axis.x_um[axis.trusted] / stretch)
        profiles.append(stretch_rings(profile, radius, stretch))
    step = float(np.median(np.diff(np.unique(largest.profiles.z_um))))
    # Rounding depends on the order of rows and would change the smoothness, so the order is fixed.
    joined = fit_stack(
        np.concatenate([positions[i] for i in by_name]),
        np.concatenate([profiles[i] for i in by_name]),
        radius,
        MARGIN_STEPS * step,
    )
    return joined, stretches


def _equally_known(profile: FloatArray) -> Iterator[tuple[IntArray, BoolArray]]:
    """Yield columns that are known in the same frames, with these frames; skip those with too few."""
    known = np.isfinite(profile)
    patterns, which = np.unique(known, axis=1, return_inverse=True)
    for i, pattern in enumerate(patterns.T):
        if np.count_nonzero(pattern) >= MIN_FRAMES:
            yield np.flatnonzero(which.ravel() == i), pattern


def _smooth_columns(x: FloatArray, y: FloatArray, grid: FloatArray) -> FloatArray:
    """Smooth each ring over the frames in which it is known; NaN where there are too few.

    Each ring has its own smoothness: a common one would be dominated by the many outer rings, which
    hardly change, and flatten the few inner ones. A ring that is known at the outermost positions is
    extrapolated to the ends of the grid, half a group further.
    """
    smoothed = np.full((len(grid), y.shape[1]), np.nan)
    for columns, known in _equally_known(y):
        at = x[known]
        if len(np.unique(at)) < MIN_FRAMES:
            continue
        low = grid[0] if known[0] else at.min()
        high = grid[-1] if known[-1] else at.max()
        inside = np.flatnonzero((grid >= low) & (grid <= high))
        smooths = fit_smooth_each(at, y[np.ix_(known, columns)])
        smoothed[np.ix_(inside, columns)] = np.stack(
            [smooth.spline(grid[inside]) for smooth in smooths], axis=1
        )
    return smoothed
