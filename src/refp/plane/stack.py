"""Pool the radial profiles of all beads into one stack against dZ."""

import numpy as np

from refp.arrays import BoolArray, FloatArray, IntArray
from refp.plane.plane import PooledStack
from refp.plane.smooth import fit_smooth
from refp.robust import MAD_TO_SIGMA

GRID_POINTS = 401
LEAST_SD = 0.005
"""Part of background; keeps the likelihood finite where beads hardly differ."""
UNKNOWN_SD = 1e3
"""Stands where nothing is known: whatever is measured there weighs nothing."""
LEAST_FRAMES = 6
"""In which a ring must be known to be smoothed."""
LEAST_PLACES = 4


def pool_stack(
    dz_um: FloatArray,
    profile: FloatArray,
    saturated: BoolArray,
    frame: IntArray,
    radius_radii: FloatArray,
) -> PooledStack:
    """Build the pooled stack ``I(dz, r)``.

    Parameters
    ----------
    dz_um
        Shape ``(n,)``, distance of each bead's frame from its field's plane.
    profile
        Shape ``(n, m)``, robust profiles over background.
    saturated
        Shape ``(n, m)``, rings to leave out.
    frame
        Shape ``(n,)``, number of the image that a bead was seen in.
    radius_radii
        Shape ``(m,)``.

    Returns
    -------
    PooledStack
        Smoothed along Z. Where too little is left, the spread is so large that nothing is compared.

    Raises
    ------
    ValueError
        If the frames lie in fewer than four different places.
    """
    clear = np.where(saturated, np.nan, profile)
    x, medians, spreads = _reduce_frames(dz_um, clear, frame)
    places = len(np.unique(x))
    if places < LEAST_PLACES:
        raise ValueError(f"a pooled stack needs four different planes, not {places}")
    grid = np.linspace(x.min(), x.max(), GRID_POINTS)
    mean = _smooth_columns(x, medians, grid)
    spread = np.nan_to_num(_smooth_columns(x, spreads, grid), nan=UNKNOWN_SD)
    sd = np.where(np.isnan(mean), UNKNOWN_SD, np.maximum(spread, LEAST_SD))
    return PooledStack(grid, radius_radii, np.nan_to_num(mean, nan=1.0), sd)


def _reduce_frames(
    dz_um: FloatArray, profile: FloatArray, frame: IntArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return place, median profile and spread of the beads of each frame."""
    order = np.argsort(frame, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(frame[order])) + 1)
    x = np.array([dz_um[rows[0]] for rows in groups])
    medians = np.array([np.median(profile[rows], axis=0) for rows in groups])
    spreads = np.array(
        [
            MAD_TO_SIGMA * np.median(np.abs(profile[rows] - median), axis=0)
            for rows, median in zip(groups, medians, strict=True)
        ]
    )
    return x, medians, spreads


def _smooth_columns(x: FloatArray, y: FloatArray, grid: FloatArray) -> FloatArray:
    """Smooth each radius over the frames in which it is known; NaN where those are too few.

    Each radius has a smoothness of its own: one for all would be set by the many outer rings that
    hardly change, and flatten the few inner ones that change most.
    """
    smoothed = np.full((len(grid), y.shape[1]), np.nan)
    for column, known in enumerate(np.isfinite(y).T):
        if len(np.unique(x[known])) >= LEAST_FRAMES:
            inside = (grid >= x[known].min()) & (grid <= x[known].max())
            smoothed[inside, column] = fit_smooth(x[known], y[known, column]).spline(grid[inside])
    return smoothed
