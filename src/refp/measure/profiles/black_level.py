"""Estimate of the camera's black level from the background at several exposures.

Background is black level plus light times exposure. If a black level of 2 is not subtracted, a dark disc
of transmission 0.16 has 0.21 at 33 grey levels of background and 0.18 at 125: the same bead differs
between exposures.
"""

from collections.abc import Sequence

import numpy as np

from refp.core.arrays import FloatArray

MIN_EXPOSURE_RATIO = 1.3
MAX_RESIDUAL = 0.03
MAX_PART_OF_BACKGROUND = 0.3


def estimate_black_level(exposure_ms: FloatArray, background: FloatArray) -> float:
    """Estimate the black level of one field of view from its exposures.

    Parameters
    ----------
    exposure_ms
        Shape ``(n,)``, positive; unknown exposures are 0 and not used.
    background
        Shape ``(n,)``, median background of each exposure, grey levels.

    Returns
    -------
    float
        Grey levels, at least 0; NaN if it cannot be determined: fewer than two exposures, exposures too
        similar, or background not linear in exposure (lamp adjusted, background saturated).
    """
    known = (exposure_ms > 0) & np.isfinite(background)
    t, b = exposure_ms[known], background[known]
    if len(t) < 2 or t.max() < MIN_EXPOSURE_RATIO * t.min():
        return float("nan")
    # Lamp and exposure errors are relative, so the shortest exposure determines the intercept best.
    design = np.column_stack([np.ones_like(t), t]) / b[:, None]
    (black, per_ms), *_ = np.linalg.lstsq(design, np.ones_like(b))
    residual = np.abs(black + per_ms * t - b) / b
    if residual.max() > MAX_RESIDUAL or black > MAX_PART_OF_BACKGROUND * b.min():
        return float("nan")
    return max(float(black), 0.0)


def typical_black_level(estimates: Sequence[float], unknown: float = 0.0) -> float:
    """Return the median of the estimates of the fields; ``unknown`` if there is none."""
    finite = [value for value in estimates if np.isfinite(value)]
    return float(np.median(finite)) if finite else unknown
