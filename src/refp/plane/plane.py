"""What the plane room hands on."""

from dataclasses import dataclass

import numpy as np

from refp.core.arrays import BoolArray, FloatArray, IntArray
from refp.core.flags import UNUSABLE_SWEEP, SweepFlag
from refp.sweeps.frame import FieldKey, SweepKey


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
class FieldProfiles:
    """Typical profiles of all frames of one field of view, whatever the exposure.

    Attributes
    ----------
    field
        Data set, experiment and FOV.
    sweep
        Shape ``(n,)``, number of the sweep that a frame belongs to.
    frame
        Shape ``(n,)``, number of the frame in its sweep.
    z_um
        Shape ``(n,)``, nominal Z.
    profile
        Shape ``(n, m)``, median normalised profile of the beads; NaN where saturated.
    radius_radii
        Shape ``(m,)``.
    """

    field: FieldKey
    sweep: IntArray
    frame: IntArray
    z_um: FloatArray
    profile: FloatArray
    radius_radii: FloatArray

    def __len__(self) -> int:
        return len(self.z_um)


@dataclass(frozen=True, slots=True)
class StackOrigin:
    """What a stack of frames was made of.

    Attributes
    ----------
    x_um
        Shape ``(n,)``, places of its frames; empty where the stack was given.
    lam
        Weight of the penalty of its splines, their geometric mean.
    edf
        Effective degrees of freedom that it took from the frames.
    """

    x_um: FloatArray
    lam: float
    edf: float

    @property
    def given(self) -> bool:
        """Whether the stack owes nothing to the frames that are placed on it."""
        return self.x_um.size == 0


@dataclass(frozen=True, slots=True)
class FieldAxis:
    """Where the frames of one field of view truly lie, as their profiles tell.

    Attributes
    ----------
    profiles
        The frames.
    x_um
        Shape ``(n,)``, place on the field's own axis: true Z up to an offset.
    stage_error_um, u_um
        Shape ``(n,)``: true minus nominal Z about the sweep's mean, and its standard uncertainty.
    trusted
        Shape ``(n,)``: false for a frame far off its nominal place or unlike the others.
    shift_um
        Nominal Z of the axis' zero, by number of the sweep.
    stage_sigma_um
        Standard deviation of the stage errors.
    origin
        What the stack was made of.
    stack
        The stack that the frames were placed on.
    size
        Radius of the field's typical bead over that of the data's or the pool's; 1 where the field
        has a stack of its own.
    """

    profiles: FieldProfiles
    x_um: FloatArray
    stage_error_um: FloatArray
    u_um: FloatArray
    trusted: BoolArray
    shift_um: dict[int, float]
    stage_sigma_um: float
    origin: StackOrigin
    stack: PooledStack
    size: float = 1.0

    @property
    def nominal_um(self) -> FloatArray:
        """Nominal places on this axis, shape ``(n,)``: each sweep moved as a whole to where it lies."""
        shift = np.array([self.shift_um[int(number)] for number in self.profiles.sweep])
        return np.asarray(self.profiles.z_um - shift)

    @property
    def n_trusted(self) -> int:
        """Frames that are relied on."""
        return int(np.count_nonzero(self.trusted))


@dataclass(frozen=True, slots=True)
class Slide:
    """How the beads' own planes lie over a field of view: ``h = height + tilt . (p - c) + bend d**2``.

    ``p`` is a bead's place, ``c`` the beads' mean place and ``d`` the distance between the two. With
    too few beads to tell tilt or bend they are NaN, and so are their uncertainties.

    Attributes
    ----------
    tilt_um_per_px, tilt_u_um_per_px
        Shape ``(2,)``, rise along ``(y, x)``.
    bend_um_per_px2, bend_u_um_per_px2
        Curvature of the field: rise with the squared distance.
    rise_um_per_size, rise_u_um_per_size
        How a bead's plane rises with its relative size.
    center_px
        Shape ``(2,)``, the beads' mean place.
    residual_um
        Standard deviation of the beads about it, their rise with size taken off.
    """

    tilt_um_per_px: FloatArray
    tilt_u_um_per_px: FloatArray
    bend_um_per_px2: float
    bend_u_um_per_px2: float
    rise_um_per_size: float
    rise_u_um_per_size: float
    center_px: FloatArray
    residual_um: float

    def height_at(self, point_px: FloatArray) -> FloatArray:
        """Return the tilted slide's height above its middle at points ``(n, 2)``; the bend left out.

        A bend is reported, not applied: it seldom stands out from its uncertainty.
        """
        return np.asarray((point_px - self.center_px) @ self.tilt_um_per_px)


@dataclass(frozen=True, slots=True)
class BeadPlanes:
    """The own plane of every bead of a field of view.

    Attributes
    ----------
    field
        Data set, experiment and FOV.
    bead
        Shape ``(b,)``, its number in the field.
    center_px
        Shape ``(b, 2)``, ``(y, x)``, median over the frames.
    height_um, height_u_um
        Shape ``(b,)``: its plane above the field's, and the standard uncertainty.
    ss_um, ci_um
        Shape ``(b,)``: where its own steepest slope is least and its own centre brightest, on the
        field's axis; NaN where its frames do not show that.
    size
        Shape ``(b,)``: its radius over that of the field's typical bead.
    n_frames
        Shape ``(b,)``: frames that it was measured in.
    off_plane
        Shape ``(b,)``: it lies off the plane of the others.
    slide
        Tilt and bend of the plane through the others.
    """

    field: FieldKey
    bead: IntArray
    center_px: FloatArray
    height_um: FloatArray
    height_u_um: FloatArray
    ss_um: FloatArray
    ci_um: FloatArray
    size: FloatArray
    n_frames: IntArray
    off_plane: BoolArray
    slide: Slide

    def __len__(self) -> int:
        return len(self.bead)

    def height_of(self, bead: IntArray) -> FloatArray:
        """Return the heights of beads by their numbers; 0 where a bead has none of its own."""
        return self._of(bead, self.height_um, 0.0)

    def size_of(self, bead: IntArray) -> FloatArray:
        """Return the sizes of beads by their numbers; 1 where a bead's is not known."""
        return self._of(bead, self.size, 1.0)

    def _of(self, bead: IntArray, values: FloatArray, unknown: float) -> FloatArray:
        known = dict(zip(self.bead.tolist(), values.tolist(), strict=True))
        return np.array([known.get(int(number), unknown) for number in bead], dtype=np.float64)

    @property
    def own_um(self) -> FloatArray:
        """Own planes on the field's axis, shape ``(b,)``: the mean of both features'."""
        return (self.ss_um + self.ci_um) / 2

    @property
    def spread_um(self) -> float:
        """Standard deviation of the heights of the beads in the plane; NaN with fewer than two."""
        inside = self.height_um[~self.off_plane]
        return float(inside.std(ddof=1)) if inside.size > 1 else float("nan")


@dataclass(frozen=True, slots=True)
class FeaturePlane:
    """Where one feature of one sweep has its extremum.

    Attributes
    ----------
    z_um, u_um
        Position and standard uncertainty; NaN where not determined.
    u_fit_um
        Part of the uncertainty that is the curve's own, not the pooled profile's.
    factor
        What the pooled profile is multiplied with.
    used
        Shape ``(f,)``, frames that took part.
    fitted
        Shape ``(f,)``, the pooled profile in the frames' places; NaN outside its reach.
    """

    z_um: float
    u_um: float
    u_fit_um: float
    factor: float
    used: BoolArray
    fitted: FloatArray


@dataclass(frozen=True, slots=True)
class Contribution:
    """One source of uncertainty of a reference plane.

    Attributes
    ----------
    term
        What it is, one of :data:`refp.plane.budget.TERMS`.
    source
        Whose it is: planes with the same term and source share one error, which drops out of their
        difference.
    u_um
        Standard uncertainty that it contributes.
    dof
        Degrees of freedom behind it; infinite where it is taken as known.
    """

    term: str
    source: str
    u_um: float
    dof: float


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
    dof
        Effective degrees of freedom of the uncertainty (Welch and Satterthwaite).
    lower_um, upper_um
        Interval of coverage :data:`refp.plane.budget.COVERAGE`.
    budget
        What the uncertainty is made of; empty where the plane is not determined.
    n_frames, n_frames_used, n_beads
        Frames of the sweep; those that took part; median of usable beads a frame.
    flags
        Why the plane is not determined, or what to know about it.
    """

    key: SweepKey
    ss: FeaturePlane
    ci: FeaturePlane
    refp_um: float
    refp_u_um: float
    dof: float
    lower_um: float
    upper_um: float
    budget: tuple[Contribution, ...]
    n_frames: int
    n_frames_used: int
    n_beads: int
    flags: SweepFlag

    @property
    def determined(self) -> bool:
        """Whether there is a plane."""
        return not self.flags & UNUSABLE_SWEEP and bool(np.isfinite(self.refp_um))


@dataclass(frozen=True, slots=True)
class Pool:
    """What the sweeps of an instrument share, and what later sweeps are located with.

    Attributes
    ----------
    ss, ci
        Pooled feature profiles, each against the distance from its own extremum; empty where no
        sweep had one.
    stack
        Typical profiles against dZ; empty where none could be built.
    feature_distance_um
        Plane of SS less plane of CI.
    u_um
        Standard uncertainty of the stack's zero.
    stage_sigma_um
        Repeatability of the stage as the sweeps told it; NaN where they did not.
    black_level
        Grey level without light that was taken off.
    """

    ss: PooledProfile
    ci: PooledProfile
    stack: PooledStack
    feature_distance_um: float
    u_um: float
    stage_sigma_um: float
    black_level: float

    @property
    def has_stack(self) -> bool:
        """Whether frames can be placed on it."""
        return self.stack.dz_um.size > 0

    @property
    def has_profiles(self) -> bool:
        """Whether sweeps can be located with it."""
        return bool(self.ss.dz_um.size and self.ci.dz_um.size)


@dataclass(frozen=True, slots=True)
class PlaneResult:
    """Planes of all sweeps of one instrument, and what they were read off.

    Attributes
    ----------
    planes
        One per sweep, in their order.
    by_features
        The same from the two feature curves against nominal Z alone, as in the article.
    pool
        What the sweeps share.
    axes
        One per field of view whose frames could be placed.
    beads
        The beads' own planes in those fields.
    """

    planes: tuple[ReferencePlane, ...]
    by_features: tuple[ReferencePlane, ...]
    pool: Pool
    axes: tuple[FieldAxis, ...]
    beads: tuple[BeadPlanes, ...]
