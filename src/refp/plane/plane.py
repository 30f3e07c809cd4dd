"""What the plane room hands on."""

from dataclasses import dataclass

import numpy as np

from refp.arrays import BoolArray, FloatArray
from refp.flags import UNUSABLE_SWEEP, SweepFlag
from refp.sweeps.frame import SweepKey


@dataclass(frozen=True, slots=True)
class PooledProfile:
    """One feature against the distance from its own plane, shared by all sweeps of an instrument.

    Attributes
    ----------
    dz_um
        Shape ``(m,)``, rising, even; zero is the feature's extremum.
    value
        Shape ``(m,)``, the feature; sweeps differ from it by a shift in Z and a factor.
    u_um
        Standard uncertainty of the extremum's place.
    """

    dz_um: FloatArray
    value: FloatArray
    u_um: float


@dataclass(frozen=True, slots=True)
class PooledStack:
    """The normalised radial profile against dZ, ``I(dz, r)``, over all beads of an instrument.

    Attributes
    ----------
    dz_um
        Shape ``(m,)``, rising, even.
    radius_radii
        Shape ``(k,)``, distance from the centre in bead radii.
    mean
        Shape ``(m, k)``, intensity over background.
    sd
        Shape ``(m, k)``, standard deviation of single beads about the mean.
    """

    dz_um: FloatArray
    radius_radii: FloatArray
    mean: FloatArray
    sd: FloatArray


@dataclass(frozen=True, slots=True)
class FeaturePlane:
    """Where one feature of one sweep has its extremum.

    Attributes
    ----------
    z_um, u_um
        Position and standard uncertainty; NaN where not determined.
    factor
        What the pooled profile is multiplied with.
    used
        Shape ``(f,)``, frames that took part.
    fitted
        Shape ``(f,)``, the pooled profile in the frames' places; NaN outside its reach.
    """

    z_um: float
    u_um: float
    factor: float
    used: BoolArray
    fitted: FloatArray


@dataclass(frozen=True, slots=True)
class ReferencePlane:
    """The reference effective focal plane of one experiment, FOV and exposure.

    Attributes
    ----------
    key
        The sweep.
    ss, ci
        The planes of steepest slope and centre intensity.
    refp_um, refp_u_um
        Mean of the two, and its standard uncertainty; NaN where not determined.
    n_frames, n_frames_used, n_beads
        Frames of the sweep; those that took part for both features; median of usable beads a frame.
    flags
        Why the plane is not determined, or what to know about it.
    """

    key: SweepKey
    ss: FeaturePlane
    ci: FeaturePlane
    refp_um: float
    refp_u_um: float
    n_frames: int
    n_frames_used: int
    n_beads: int
    flags: SweepFlag

    @property
    def determined(self) -> bool:
        """Whether there is a plane."""
        return not self.flags & UNUSABLE_SWEEP and bool(np.isfinite(self.refp_um))


@dataclass(frozen=True, slots=True)
class PlaneResult:
    """Planes of all sweeps, and the pooled profiles; empty profiles where none could be built."""

    planes: tuple[ReferencePlane, ...]
    pooled_ss: PooledProfile
    pooled_ci: PooledProfile
