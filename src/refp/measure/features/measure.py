"""Features of radial profiles."""

from dataclasses import replace

import numpy as np

from refp.measure.features.features import BeadFeatures
from refp.measure.profiles.evaluate import evaluate, extreme_slopes
from refp.measure.profiles.profiles import RadialProfiles
from refp.settings import FeatureSettings


def measure_features(profiles: RadialProfiles, settings: FeatureSettings) -> BeadFeatures:
    """Measure steepest slope and centre intensity of every bead.

    Parameters
    ----------
    profiles
        ``n`` fitted profiles.
    settings
        Sign and reach of the slope, radius of the centre intensity.

    Returns
    -------
    BeadFeatures
        Both divided by background, so that they do not depend on exposure below saturation.

    Notes
    -----
    Chalfoun et al. 2024, "Metrics for estimating the REFP". The article takes the derivative
    farthest from zero; far from the plane that is the positive slope of the bead's outer edge, whereas
    the plane is defined by the negative extremum between bright centre and dark rim.
    """
    least, greatest = extreme_slopes(profiles, settings.slope_reach_radii * profiles.bead_radius_px)
    slope = least
    if settings.slope == "farthest":
        slope = np.where(-least >= greatest, least, greatest)
    at_center = evaluate(
        profiles.coefficients, profiles.knot_px, np.array([settings.center_radius_px])
    )[:, 0]
    return BeadFeatures(slope / profiles.light, (at_center - profiles.black_level) / profiles.light)


def take_off_black_level(
    features: BeadFeatures, profiles: RadialProfiles, black_level: float
) -> tuple[BeadFeatures, RadialProfiles]:
    """Normalise features and profiles by background with another black level.

    Parameters
    ----------
    features, profiles
        The same ``n`` beads in the same order, the features measured with the profiles' black level.
    black_level
        Grey levels.

    Returns
    -------
    BeadFeatures, RadialProfiles
        The same, with that black level. The splines are not used.
    """
    levelled = replace(profiles, black_level=black_level)
    slope = features.steepest_slope * profiles.light
    at_center = features.center_intensity * profiles.light + profiles.black_level
    return BeadFeatures(
        slope / levelled.light, (at_center - black_level) / levelled.light
    ), levelled
