"""Pool the radial profiles of all beads into one stack against dZ."""

from collections.abc import Mapping, Sequence

import numpy as np

from refp.arrays import FloatArray
from refp.features.features import SweepMeasurement
from refp.plane.plane import PooledStack
from refp.plane.smooth import fit_smooth
from refp.robust import MAD_TO_SIGMA
from refp.sweeps.frame import SweepKey

GRID_POINTS = 401
LEAST_SD = 0.005
"""Part of background; keeps the likelihood finite where simulated beads hardly differ."""


def pool_stack(
    measurements: Sequence[SweepMeasurement], refp_um: Mapping[SweepKey, float]
) -> PooledStack:
    """Build the pooled stack ``I(dz, r)``.

    Parameters
    ----------
    measurements
        Sweeps; those without a plane in ``refp_um`` are left out.
    refp_um
        Reference plane of each sweep.

    Returns
    -------
    PooledStack
        Smoothed along Z with one smoothness for all radii. Beads with saturated pixels take part at
        all radii but those where the median bead is brighter than the darkest saturated level.

    Raises
    ------
    ValueError
        If the frames lie in fewer than four different places.
    """
    dz: list[float] = []
    medians: list[FloatArray] = []
    spreads: list[FloatArray] = []
    radius: FloatArray = np.empty(0)
    for measurement in measurements:
        if measurement.key not in refp_um:
            continue
        radius = measurement.profiles.radius_radii
        normalised = measurement.profiles.normalised
        for i, frame in enumerate(measurement.frames):
            rows = measurement.usable & (measurement.frame_index == i)
            if not rows.any():
                continue
            dz.append(frame.z_um - refp_um[measurement.key])
            medians.append(np.median(normalised[rows], axis=0))
            deviation = np.abs(normalised[rows] - medians[-1])
            spreads.append(MAD_TO_SIGMA * np.median(deviation, axis=0))
    x = np.array(dz)
    grid = np.linspace(x.min(), x.max(), GRID_POINTS)
    mean = fit_smooth(x, np.array(medians)).spline(grid)
    # The spread of a few beads is itself uncertain: it is smoothed far more than the mean.
    spread = fit_smooth(x, np.array(spreads)).spline(grid)
    return PooledStack(grid, radius, mean, np.maximum(spread, LEAST_SD))
