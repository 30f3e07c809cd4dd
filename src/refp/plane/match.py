"""Compare radial profiles with a pooled stack: dZ of best fit and its reduced chi squared."""

from dataclasses import dataclass

import numpy as np

from refp.core.arrays import BoolArray, FloatArray, IntArray
from refp.plane.plane import PooledStack

CHUNK = 512
"""Profiles that are compared at once; larger chunks need more memory."""
MAX_STRETCH = 0.08
N_STRETCHES = 33
END_STEPS = 2
"""A best fit within this many steps of an end of the stack counts as outside."""
THINNING = 4
"""The size of beads is fitted to every fourth dZ of a stack."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Positions of ``n`` profiles on the axis of a stack.

    Attributes
    ----------
    dz_um, u_um
        Shape ``(n,)``: mean and standard deviation of the posterior, um.
    profile_weight
        Shape ``(n,)``: weight of the profile against the prior in the mean, 0 to 1.
    best_um
        Shape ``(n,)``: position of best fit, without the prior, um.
    reduced_chi2
        Shape ``(n,)``: least mean squared deviation, in units of the stack's variance.
    inside
        Shape ``(n,)``: expected and best positions are on the stack, not at an end of it.
    """

    dz_um: FloatArray
    u_um: FloatArray
    profile_weight: FloatArray
    best_um: FloatArray
    reduced_chi2: FloatArray
    inside: BoolArray


def chi_squared(
    profile: FloatArray, clear: BoolArray, mean: FloatArray, weight: FloatArray
) -> FloatArray:
    """Return the weighted squared distance of every profile from every dZ of a stack.

    Parameters
    ----------
    profile
        Shape ``(n, m)``; 0 where not ``clear``.
    clear
        Shape ``(n, m)``; the other rings have no weight.
    mean, weight
        Shape ``(k, m)``: the stack at ``k`` values of dZ, and the inverse of its variance.

    Returns
    -------
    ndarray
        Shape ``(n, k)``.
    """
    return (
        (profile**2) @ weight.T - 2.0 * profile @ (mean * weight).T + clear @ (mean**2 * weight).T
    )


def stretch_rings(
    values: FloatArray, radius: FloatArray, stretch: float | FloatArray
) -> FloatArray:
    """Interpolate rings on even radii, shape ``(n, m)``, at ``stretch`` times those radii.

    ``stretch`` is one number for all rows, or one for each, shape ``(n,)``. The interpolation is a cubic
    through four rings: at a sharp rim the error of linear interpolation exceeds the noise.
    """
    if np.ndim(stretch) == 0 and stretch == 1.0:
        return values
    low, t = _rings_about(radius, stretch)
    weights = (
        -t * (t - 1) * (t - 2) / 6,
        (t + 1) * (t - 1) * (t - 2) / 2,
        -(t + 1) * t * (t - 2) / 2,
        (t + 1) * t * (t - 1) / 6,
    )
    parts = [_take_rings(values, low + k - 1) * weight for k, weight in enumerate(weights)]
    return np.asarray(sum(parts[1:], parts[0]))


def least_of_rings(
    values: FloatArray, radius: FloatArray, stretch: float | FloatArray
) -> FloatArray:
    """Return the smaller value of the two rings about ``stretch`` times even radii, shape ``(n, m)``.

    For weights: a value between two rings is known only if both are.
    """
    if np.ndim(stretch) == 0 and stretch == 1.0:
        return values
    low, t = _rings_about(radius, stretch)
    low = low + np.floor(t).astype(np.int64)  # at the innermost and outermost rings
    return np.asarray(np.minimum(_take_rings(values, low), _take_rings(values, low + 1)))


def fill_rings(values: FloatArray, known: BoolArray) -> FloatArray:
    """Return rings ``(n, m)`` with unknown ones filled by the nearest inner, or else outer, known ring.

    The cubic interpolation uses four rings; any other fill value would appear as a rim.
    """
    ring = np.arange(values.shape[1])
    inner = np.maximum.accumulate(np.where(known, ring, -1), axis=1)
    outer = np.minimum.accumulate(np.where(known, ring, len(ring))[:, ::-1], axis=1)[:, ::-1]
    source = np.where(inner >= 0, inner, np.minimum(outer, len(ring) - 1))
    return np.take_along_axis(values, source, axis=1)


def _rings_about(radius: FloatArray, stretch: float | FloatArray) -> tuple[IntArray, FloatArray]:
    """Return the second of the four rings about each radius, and the distance beyond it in rings."""
    position = radius * np.atleast_1d(stretch)[:, None] / (radius[1] - radius[0])
    at = np.minimum(position, len(radius) - 1.000001)
    low = np.clip(at.astype(np.int64), 1, len(radius) - 3)
    return low, at - low


def _take_rings(values: FloatArray, rings: IntArray) -> FloatArray:
    if len(rings) == 1:
        return np.asarray(values[:, rings[0]])
    return np.asarray(values[np.arange(len(values))[:, None], rings])


def rows_at(values: FloatArray, grid: FloatArray, at: FloatArray) -> FloatArray:
    """Interpolate rows ``(k, m)`` on an even grid at positions ``(n,)``; constant beyond the ends."""
    position = np.clip((at - grid[0]) / (grid[1] - grid[0]), 0.0, len(grid) - 1.000001)
    low = position.astype(np.int64)
    part = (position - low)[:, None]
    return np.asarray(values[low] * (1 - part) + values[low + 1] * part)


def fit_stretch(stack: PooledStack, profile: FloatArray) -> float:
    """Return the relative size of beads: the stretch of a stack about its zero that fits their profiles.

    Parameters
    ----------
    stack
        The stack; its zero is the reference plane.
    profile
        Shape ``(n, m)`` on its radii, NaN where not known.
    """
    stretches = np.linspace(1 - MAX_STRETCH, 1 + MAX_STRETCH, N_STRETCHES)
    costs = [_reduced_chi2(stretch_stack(stack, s), profile) for s in stretches]
    return float(stretches[int(np.argmin(costs))])


def stretch_stack(stack: PooledStack, stretch: float, pivot_um: float = 0.0) -> PooledStack:
    """Return the stack of beads ``stretch`` times as large, whose plane is at ``pivot_um``."""
    return PooledStack(
        pivot_um + (stack.dz_um - pivot_um) * stretch,
        stack.radius_radii,
        stretch_rings(stack.mean, stack.radius_radii, 1 / stretch),
        stack.sd,
    )


def _reduced_chi2(stack: PooledStack, profile: FloatArray) -> float:
    """Return the mean reduced chi squared at the best fits of profiles, robust to single profiles."""
    thin = slice(None, None, THINNING)
    weight = 1.0 / stack.sd[thin] ** 2
    clear = np.isfinite(profile)
    distance = chi_squared(np.nan_to_num(profile), clear, stack.mean[thin], weight)
    reduced_chi2 = distance.min(axis=1) / np.maximum(clear.sum(axis=1), 1)
    return float(np.minimum(reduced_chi2, 4 * np.median(reduced_chi2)).mean())


def place_profiles(
    stack: PooledStack, profile: FloatArray, expected_um: FloatArray, sigma_um: float
) -> Placement:
    """Place profiles on the axis of a stack, with a normal prior on their positions.

    Parameters
    ----------
    stack
        The stack.
    profile
        Shape ``(n, m)`` on the stack's radii, NaN where not known.
    expected_um
        Shape ``(n,)``, mean of the prior: the nominal position, um.
    sigma_um
        Standard deviation of the prior: the stage's repeatability, um.

    Notes
    -----
    The log-likelihood is divided by the median reduced chi squared where that is above one, since the
    errors of neighbouring rings are correlated and the stack has errors of its own.
    """
    grid = stack.dz_um
    weight = 1.0 / stack.sd**2
    clear = np.isfinite(profile)
    known = np.nan_to_num(profile)
    n_rings = np.maximum(clear.sum(axis=1), 1)
    distances = [
        chi_squared(known[i : i + CHUNK], clear[i : i + CHUNK], stack.mean, weight)
        for i in range(0, len(profile), CHUNK)
    ]
    reduced_chi2 = np.concatenate([d.min(axis=1) for d in distances]) / n_rings
    temper = max(float(np.median(reduced_chi2)), 1.0)
    moments = [
        _posterior(d / temper, grid, expected_um[i * CHUNK : (i + 1) * CHUNK], sigma_um)
        for i, d in enumerate(distances)
    ]
    mean, variance = np.concatenate(moments, axis=1)
    best = np.concatenate([d.argmin(axis=1) for d in distances])
    inside = (expected_um >= grid[0]) & (expected_um <= grid[-1])
    inside &= (best >= END_STEPS) & (best < len(grid) - END_STEPS)
    # The mean of a product of two normal distributions weighs each by its inverse variance.
    profile_weight = np.clip(1.0 - variance / sigma_um**2, 0.0, 1.0)
    u_um = np.sqrt(np.maximum(variance, 0.0))
    return Placement(mean, u_um, profile_weight, grid[best], reduced_chi2, inside)


def _posterior(
    distance: FloatArray, grid: FloatArray, expected_um: FloatArray, sigma_um: float
) -> FloatArray:
    """Return mean and variance over the grid, shape ``(2, n)``."""
    cost = distance + ((grid - expected_um[:, None]) / sigma_um) ** 2
    chance = np.exp(-0.5 * (cost - cost.min(axis=1, keepdims=True)))
    chance /= chance.sum(axis=1, keepdims=True)
    mean = chance @ grid
    return np.stack([mean, chance @ grid**2 - mean**2])
