"""Results of locating planes: pooled profiles, axes of fields, planes of beads and of sweeps."""

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
        Standard uncertainty of the position of the extremum, um.
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
    """Typical profiles of all frames of one field of view, at all exposures.

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
        Shape ``(m,)``, distance from the centre in bead radii.
    ring_noise
        Shape ``(m,)``, noise of the rings over background, where each frame shows one bead; else empty.
    """

    field: FieldKey
    sweep: IntArray
    frame: IntArray
    z_um: FloatArray
    profile: FloatArray
    radius_radii: FloatArray
    ring_noise: FloatArray

    def __len__(self) -> int:
        return len(self.z_um)


@dataclass(frozen=True, slots=True)
class StackOrigin:
    """Frames that a stack was built from, and its smoothness.

    Attributes
    ----------
    x_um
        Shape ``(n,)``, positions of its frames; empty where the stack was given.
    lam
        Weight of the penalty of its splines, their geometric mean.
    edf
        Effective degrees of freedom of its splines.
    """

    x_um: FloatArray
    lam: float
    edf: float

    @property
    def given(self) -> bool:
        """Whether the stack was built from other frames than those placed on it."""
        return self.x_um.size == 0


@dataclass(frozen=True, slots=True)
class FieldAxis:
    """Positions of the frames of one field of view, corrected for the stage by their profiles.

    Attributes
    ----------
    profiles
        The frames.
    x_um
        Shape ``(n,)``, position on the field's own axis: true Z up to an offset.
    stage_error_um, u_um
        Shape ``(n,)``: true minus nominal Z about the sweep's mean, and its standard uncertainty.
    trusted
        Shape ``(n,)``: false for a frame far off its nominal position or unlike the others.
    shift_um
        Nominal Z of the zero of the axis, by number of the sweep.
    stage_sigma_um
        Standard deviation of the stage errors.
    origin
        Frames that the stack was built from.
    stack
        The stack that the frames were placed on.
    size
        Radius of the field's typical bead over that of the joint or given stack; 1 where the field has
        a stack of its own.
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
        """Nominal Z less the shift of the sweep, shape ``(n,)``: nominal positions on this axis."""
        shift = np.array([self.shift_um[int(number)] for number in self.profiles.sweep])
        return np.asarray(self.profiles.z_um - shift)

    @property
    def n_trusted(self) -> int:
        """Number of trusted frames."""
        return int(np.count_nonzero(self.trusted))


@dataclass(frozen=True, slots=True)
class Slide:
    """Surface through the beads' own planes: ``h = height + tilt . (p - c) + bend d**2``.

    ``p`` is the centre of a bead, ``c`` the mean centre of all beads and ``d`` the distance between the
    two. Tilt or bend and their uncertainties are NaN with too few beads to determine them.

    Attributes
    ----------
    tilt_um_per_px, tilt_u_um_per_px
        Shape ``(2,)``, rise along ``(y, x)``.
    bend_um_per_px2, bend_u_um_per_px2
        Curvature of the field: rise with the squared distance.
    rise_um_per_size, rise_u_um_per_size
        Rise of a bead's plane with its relative size.
    center_px
        Shape ``(2,)``, mean centre of the beads, ``(y, x)``.
    residual_um
        Standard deviation of the beads about the surface, corrected for their size.
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
        """Return the height of the tilted slide above its middle at points ``(n, 2)``, without the bend.

        The bend is reported, but not applied, since it seldom exceeds its uncertainty.
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
        Shape ``(b,)``: height of its plane above the field's, and the standard uncertainty.
    ss_um, ci_um
        Shape ``(b,)``: positions of its least steepest slope and greatest centre intensity on the
        field's axis; NaN where its frames do not bracket them.
    smoothing_um
        Shape ``(b, 2)``: shifts of both when the smoothed curves are smoothed again.
    reading_um
        Shape ``(b, 2)``: standard uncertainties of both by noise, without the errors that beads of a frame
        share; 0 for a single bead.
    smoothing
        Shape ``(2,)``: weights of the penalty for each frame, by which the curves of both features were
        smoothed; NaN where each was smoothed by cross-validation.
    size
        Shape ``(b,)``: its radius over that of the field's typical bead.
    n_frames
        Shape ``(b,)``: number of frames in which it was measured.
    off_plane
        Shape ``(b,)``: whether it is off the plane of the others.
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
    smoothing_um: FloatArray
    reading_um: FloatArray
    smoothing: FloatArray
    size: FloatArray
    n_frames: IntArray
    off_plane: BoolArray
    slide: Slide

    def __len__(self) -> int:
        return len(self.bead)

    def height_of(self, bead: IntArray) -> FloatArray:
        """Return the heights of beads by number; 0 for a bead without one."""
        return self._of(bead, self.height_um, 0.0)

    def size_of(self, bead: IntArray) -> FloatArray:
        """Return the sizes of beads by number; 1 for a bead without one."""
        return self._of(bead, self.size, 1.0)

    def _of(self, bead: IntArray, values: FloatArray, unknown: float) -> FloatArray:
        known = dict(zip(self.bead.tolist(), values.tolist(), strict=True))
        return np.array([known.get(int(number), unknown) for number in bead], dtype=np.float64)

    @property
    def spread_um(self) -> float:
        """Standard deviation of the heights of the beads in the plane; NaN with fewer than two."""
        inside = self.height_um[~self.off_plane]
        return float(inside.std(ddof=1)) if inside.size > 1 else float("nan")


@dataclass(frozen=True, slots=True)
class FeaturePlane:
    """Position of the extremum of one feature in one sweep.

    Attributes
    ----------
    z_um, u_um
        Position and standard uncertainty; NaN where not determined.
    u_fit_um
        Part of the uncertainty that is due to the curve, without the pooled profile.
    factor
        Factor between the curve and the pooled profile.
    used
        Shape ``(f,)``, whether a frame takes part.
    fitted
        Shape ``(f,)``, the fitted profile at the frames' positions; NaN outside its range.
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
        Kind of the contribution, one of :data:`refp.plane.budget.TERMS`.
    source
        Name of the sweep or field that it is due to; planes with the same term and source share one
        error, which drops out of their difference.
    u_um
        Standard uncertainty, um.
    dof
        Degrees of freedom of ``u_um``; infinite where it is taken as known.
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
        Planes of steepest slope and centre intensity.
    refp_um, refp_u_um
        Mean of the two, and its standard uncertainty; NaN where not determined.
    dof
        Effective degrees of freedom of the uncertainty (Welch and Satterthwaite).
    lower_um, upper_um
        Interval of coverage :data:`refp.plane.budget.COVERAGE`.
    budget
        Contributions to the uncertainty; empty where the plane is not determined.
    n_frames, n_frames_used, n_beads
        Frames of the sweep; frames that take part; median number of usable beads in a frame.
    flags
        Reasons why the plane is not determined, and remarks on a determined one.
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
        """Whether the plane is determined."""
        return not self.flags & UNUSABLE_SWEEP and bool(np.isfinite(self.refp_um))


@dataclass(frozen=True, slots=True)
class PositionErrors:
    """Standard deviation of the errors of dZ on a field's axis, due to stage errors of its frames.

    Errors that move frames and plane alike are not included.

    Attributes
    ----------
    field
        Data set, experiment and FOV.
    dz_um
        Shape ``(m,)``, rising distances from the field's plane.
    sd_um
        Shape ``(m,)``, standard deviation of the error of dZ there.
    dof
        Degrees of freedom of the stage's repeatability.
    """

    field: FieldKey
    dz_um: FloatArray
    sd_um: FloatArray
    dof: float


@dataclass(frozen=True, slots=True)
class Pool:
    """Pooled data of the sweeps of an instrument, with which later sweeps are located.

    Attributes
    ----------
    ss, ci
        Pooled feature profiles, each against the distance from its own extremum; empty where no
        sweep had one.
    stack
        Typical profiles against dZ; empty where none could be built.
    feature_distance_um
        Plane of SS less plane of CI, um.
    u_um
        Standard uncertainty of the zero of the stack, um.
    stage_sigma_um
        Repeatability of the stage, from the sweeps, um; NaN where they do not determine it.
    black_level
        Grey level without light, which is subtracted.
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
        """Whether the pool has a stack to place frames on."""
        return self.stack.dz_um.size > 0

    @property
    def has_profiles(self) -> bool:
        """Whether the pool has feature profiles to locate sweeps with."""
        return bool(self.ss.dz_um.size and self.ci.dz_um.size)


@dataclass(frozen=True, slots=True)
class PlaneResult:
    """Planes of all sweeps of one instrument, and the intermediate results.

    Attributes
    ----------
    planes
        One per sweep, in their order.
    by_features
        Planes from the two feature curves against nominal Z alone, the method of the article.
    pool
        Pooled data of the sweeps.
    axes
        One per field of view whose frames could be placed.
    beads
        Own planes of the beads in these fields.
    positions
        Errors of dZ in those fields whose plane was located on an axis of their own frames.
    """

    planes: tuple[ReferencePlane, ...]
    by_features: tuple[ReferencePlane, ...]
    pool: Pool
    axes: tuple[FieldAxis, ...]
    beads: tuple[BeadPlanes, ...]
    positions: tuple[PositionErrors, ...] = ()
