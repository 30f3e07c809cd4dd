"""Outliers of the steepest slope among the beads of a frame."""

import numpy as np

from refp.core.arrays import FlagArray, FloatArray
from refp.core.flags import UNUSABLE_BEAD, BeadFlag
from refp.core.robust import iqr_inliers
from refp.settings import FeatureSettings


def flag_outliers(
    flags: FlagArray, steepest_slope: FloatArray, settings: FeatureSettings
) -> FlagArray:
    """Return the flags of the beads of one frame, with ``OUTLIER`` set for outliers of SS.

    Parameters
    ----------
    flags, steepest_slope
        Shape ``(n,)``.
    settings
        The interquartile factor.

    Notes
    -----
    Chalfoun et al. 2024, "Test on different instruments", step 2: outliers of SS are excluded from
    training and from estimates. Only usable beads are compared.
    """
    usable = (flags & UNUSABLE_BEAD) == 0
    inliers = iqr_inliers(np.where(usable, steepest_slope, np.nan), settings.iqr_factor)
    return np.where(usable & ~inliers, flags | np.uint32(BeadFlag.OUTLIER), flags)
