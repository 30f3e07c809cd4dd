"""Feature curves of a pooled stack, to which the frames of another sweep are fitted."""

import numpy as np
from scipy.interpolate import make_interp_spline

from refp.core.arrays import FloatArray
from refp.core.errors import DataError
from refp.plane.locate import CI_SIGN, SS_SIGN
from refp.plane.plane import PooledProfile, PooledStack
from refp.plane.pool import extremum
from refp.settings import FeatureSettings, Instrument

N_RADII = 256
"""Radii at which the derivative of a profile is taken; its extrema are flat."""


def curves_of_stack(
    stack: PooledStack, settings: FeatureSettings, instrument: Instrument
) -> tuple[PooledProfile, PooledProfile]:
    """Return steepest slope and centre intensity of a stack's profiles, each from its own extremum.

    They have the shape of the feature curves of a sweep, up to a factor: a sweep of few frames is located
    by fitting shift and factor of them, which needs no smoothing between its frames.

    Parameters
    ----------
    stack
        Stack of an instrument.
    settings
        Sign and reach of the slope, radius of the centre intensity.
    instrument
        Bead diameter; the extrema are searched within one diameter of the stack's zero.

    Returns
    -------
    ss, ci : PooledProfile
        Without an uncertainty.

    Raises
    ------
    DataError
        If the stack does not contain the extrema.
    """
    spline = make_interp_spline(stack.radius_radii, stack.mean, k=3, axis=1)
    reach_radii = min(settings.slope_reach_radii, float(stack.radius_radii[-1]))
    slopes = spline(np.linspace(0.0, reach_radii, N_RADII), nu=1)
    ss = least = slopes.min(axis=1)
    if settings.slope == "farthest":
        greatest = slopes.max(axis=1)
        ss = np.where(-least >= greatest, least, greatest)
    ci = spline(settings.center_radius_px / instrument.bead_radius_px)
    reach_um = instrument.bead.diameter_um
    return (
        _about_extremum(stack.dz_um, ss, SS_SIGN, reach_um),
        _about_extremum(stack.dz_um, np.asarray(ci), CI_SIGN, reach_um),
    )


def _about_extremum(
    dz_um: FloatArray, value: FloatArray, sign: int, reach_um: float
) -> PooledProfile:
    """Return a curve from its extremum, which must be inside the reach and not at an end of it."""
    near = np.abs(dz_um) <= reach_um
    x_um = dz_um[near]
    zero_um = extremum(x_um, value[near], sign) if near.any() else np.nan
    if not near.any() or not x_um[0] < zero_um < x_um[-1]:
        name = "steepest slope" if sign == SS_SIGN else "centre intensity"
        raise DataError(
            f"the training of the model does not reach over the plane of {name}, so no short sweep can "
            "be located by it; train on a sweep across the plane, or adapt with --refp-um"
        )
    return PooledProfile(dz_um - zero_um, value, 0.0)
