"""Confidence that a candidate is a bead that can be measured."""

import numpy as np
from scipy.special import expit

from refp.core.arrays import FloatArray
from refp.measure.beads.beads import Beads
from refp.measure.profiles.profiles import RadialProfiles
from refp.settings import JudgeSettings

R_SQUARED_SCALE = 0.02
EDGE_SCALE_RADII = 0.03
CONTRAST_SCALE = 0.05
DEPTH_SCALE = 0.25
RESPONSE_SCALE = 0.25
"""Half the distance from a limit to a confidence of about 0.9: a quarter of the way from the minimum usable
r_squared to 1, half a ring of the profile, a tenth of a typical bead's contrast; for depth and response,
which span decades, a factor of 1.6."""
MIN_RELATIVE_RESPONSE = 0.2
"""Limit of the relative response; the middle one of three beads in a row has 0.3 of an isolated bead's."""


def bead_confidence(
    beads: Beads,
    profiles: RadialProfiles,
    typical_contrast: float,
    typical_response: float,
    settings: JudgeSettings,
) -> FloatArray:
    """Return a confidence between 0 and 1 for every candidate.

    Parameters
    ----------
    beads, profiles
        The same ``n`` candidates in the same order.
    typical_contrast, typical_response
        Typical values of clear beads of the frame; 0 if there is none.
    settings
        The limits.

    Returns
    -------
    ndarray
        Shape ``(n,)``: the product of a logistic function for each of r_squared, edge radius, contrast
        and response against the frame's other beads, and depth. Each is 1/2 at its limit and rises
        with the distance from it, so that a candidate at one limit, or near several, falls below 1/2.
        0 if the profile could not be fitted.
    """
    smallest, largest = settings.edge_radii
    edge = np.minimum(profiles.edge_radii - smallest, largest - profiles.edge_radii)
    contrast = beads.contrast - settings.minimum_relative_contrast * typical_contrast
    with np.errstate(divide="ignore", invalid="ignore"):
        depth = np.log(profiles.edge_depth / settings.minimum_depth)
        response = np.log(beads.response / (MIN_RELATIVE_RESPONSE * typical_response))
        margins = (
            (profiles.r_squared - settings.usable_r_squared) / R_SQUARED_SCALE,
            edge / EDGE_SCALE_RADII,
            contrast / (CONTRAST_SCALE * typical_contrast),
            depth / DEPTH_SCALE,
            response / RESPONSE_SCALE,
        )
    confidence = np.prod([expit(margin) for margin in margins], axis=0)
    return np.where(np.isfinite(confidence), confidence, 0.0)
