"""Positions of frames, corrected for the stage."""

import numpy as np
from numpy.typing import ArrayLike

from refp.core.arrays import FloatArray


def found_z_um(z_um: ArrayLike, stage_error_um: ArrayLike, trusted: ArrayLike) -> FloatArray:
    """Return the Z found for frames: nominal Z plus the stage's error, true less nominal Z.

    Parameters
    ----------
    z_um
        Shape ``(n,)``, nominal Z.
    stage_error_um
        Shape ``(n,)``; NaN where it is not known.
    trusted
        Shape ``(n,)``: whether the frame was placed. A frame that was left out is where the stage
        reported it.
    """
    error = np.asarray(stage_error_um, dtype=np.float64)
    placed = np.isfinite(error) & np.asarray(trusted, dtype=bool)
    found: FloatArray = np.asarray(z_um, dtype=np.float64) + np.where(placed, error, 0.0)
    return found
