"""Estimates of the frames of short sweeps of one instrument, to verify or adapt a model."""

from dataclasses import dataclass

import numpy as np

from refp.core.arrays import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class ShortSweeps:
    """Estimates of the frames of one or more short sweeps of an instrument.

    Attributes
    ----------
    z_um, estimated_um
        Shape ``(n,)``, nominal Z and estimated dZ.
    sweep
        Shape ``(n,)``, number of the sweep of each frame.
    bias_um, bias_u_um, bias_expanded_um, bias_dof
        Estimate at the reference plane, with its standard and expanded uncertainty and the degrees of
        freedom.
    """

    z_um: FloatArray
    estimated_um: FloatArray
    sweep: IntArray
    bias_um: float
    bias_u_um: float
    bias_expanded_um: float
    bias_dof: float

    def centred(self, values: FloatArray) -> FloatArray:
        """Return values of the frames, less the mean of their sweep."""
        mean = np.bincount(self.sweep, values) / np.bincount(self.sweep)
        return values - mean[self.sweep]
