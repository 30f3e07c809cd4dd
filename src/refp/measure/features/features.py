"""Results of measurement: features, measured sweeps and feature curves."""

from dataclasses import dataclass, field

import numpy as np

from refp.core.arrays import BoolArray, FloatArray, IntArray
from refp.core.flags import UNUSABLE_BEAD, BeadFlag
from refp.measure.beads.beads import Beads
from refp.measure.profiles.profiles import RadialProfiles
from refp.sweeps.frame import Frame, SweepKey


@dataclass(frozen=True, slots=True)
class BeadFeatures:
    """Background-normalised features of beads.

    Attributes
    ----------
    steepest_slope
        Shape ``(n,)``, SS: derivative over background, per pixel.
    center_intensity
        Shape ``(n,)``, CI: intensity near the centre over background.
    """

    steepest_slope: FloatArray
    center_intensity: FloatArray


@dataclass(frozen=True, slots=True)
class SweepMeasurement:
    """All beads of one sweep, in the order of its frames.

    Attributes
    ----------
    key
        Key of the sweep.
    frames
        Its ``f`` frames in rising Z.
    frame_index
        Shape ``(n,)``: index of the frame of each bead.
    bead_number
        Shape ``(n,)``: the same number for the same bead in all frames and exposures of a FOV.
    beads, profiles, features
        The same ``n`` beads in the same order; the profiles have no spline coefficients, which would
        take most of the memory.
    """

    key: SweepKey
    frames: tuple[Frame, ...]
    frame_index: IntArray
    bead_number: IntArray
    beads: Beads
    profiles: RadialProfiles
    features: BeadFeatures

    @property
    def usable(self) -> BoolArray:
        """Whether each bead is usable, shape ``(n,)``."""
        return (self.beads.flags & UNUSABLE_BEAD) == 0

    @property
    def typical(self) -> BoolArray:
        """Whether each bead is usable and not an outlier of its frame, shape ``(n,)``."""
        return self.usable & ((self.beads.flags & np.uint32(BeadFlag.OUTLIER)) == 0)


@dataclass(frozen=True, slots=True)
class FeatureCurve:
    """Typical features of the beads of one sweep against Z.

    Attributes
    ----------
    key
        Key of the sweep.
    z_um
        Shape ``(f,)``, nominal Z of the frames, rising.
    steepest_slope, center_intensity
        Shape ``(f,)``, typical values without outlier beads; NaN in a frame without a usable bead.
    ss_saturated, ci_saturated
        Shape ``(f,)``: a pixel of the median bead (or of the two about the median) is saturated.
    n_beads
        Shape ``(f,)``, usable beads of each frame.
    resampled
        Shape ``(r, 2, f)``: both features of ``r`` draws of as many beads, with repeats, from these;
        ``r`` is 0 where none were drawn.
    """

    key: SweepKey
    z_um: FloatArray
    steepest_slope: FloatArray
    center_intensity: FloatArray
    ss_saturated: BoolArray
    ci_saturated: BoolArray
    n_beads: IntArray
    resampled: FloatArray = field(default_factory=lambda: np.empty((0, 2, 0)))
