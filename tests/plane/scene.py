"""Measured sweeps of beads whose profile is a closed form, so that every position in them is known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from refp.core.arrays import FloatArray, IntArray
from refp.core.rows import take
from refp.measure.beads import Beads
from refp.measure.features import BeadFeatures, FeatureCurve, SweepMeasurement, feature_curve
from refp.measure.profiles import RadialProfiles
from refp.plane import (
    BeadPlanes,
    FieldAxis,
    PlaneResult,
    Pool,
    PooledStack,
    find_bead_planes,
    flag_off_plane,
    locate_planes,
    place_fields,
)
from refp.plane.plane import FieldProfiles
from refp.plane.typical import typical_profiles
from refp.settings import (
    FeatureSettings,
    Instrument,
    PlaneSettings,
    make_instrument,
    read_instrument,
)
from refp.sweeps import Frame, SweepKey

RADII = np.arange(26) * 0.1
REACH_RADII = 1.65
SEEN = RADII <= REACH_RADII
DEPTH_UM = 40.0
SPOT_RADII = 0.28
Z_UM = np.arange(-120.0, 121.0, 7.5)
DIAMETER_UM = 28.0
SETTINGS = PlaneSettings()
LIGHT = 100.0
"""Background in grey levels; results must not depend on it."""


def instrument(repeatability_um: float = 0.0) -> Instrument:
    """Return the A2K with a stage of stated repeatability; 0: not known."""
    table = read_instrument("a2k") | {"stage": {"repeatability_um": repeatability_um}}
    return make_instrument(table, "a2k")


def spot(u: FloatArray) -> FloatArray:
    """Return the height of the bright spot: greatest at 0, with a slower decrease above."""
    return 0.9 * (1 + 0.25 * np.tanh(u) ** 3) / (1 + u**2 / 2) ** 2


def intensity(radius: FloatArray, u: FloatArray) -> FloatArray:
    """Return the intensity over background at ``u`` depths from the plane; arguments broadcast.

    The bead is a dark disc with a bright spot in its middle, and rings whose radius and width change
    along Z as those of diffraction do.
    """
    disc = 0.5 / (1 + np.exp((radius - 1) / 0.1))
    around = radius**2 * np.exp(-((radius / 0.8) ** 2))
    rings = 0.6 * around * np.sin((5 + 0.8 * u) * radius + 0.5 * u)
    return 1 - disc + spot(u) * np.exp(-((radius / SPOT_RADII) ** 2) / 2) + rings


def true_stack(
    low_um: float = -150.0, high_um: float = 150.0, *, sd: float = 0.005, n: int = 2001
) -> PooledStack:
    """Return the stack of a bead of nominal size with its plane at 0."""
    dz_um = np.linspace(low_um, high_um, n)
    mean = intensity(RADII[SEEN], dz_um[:, None] / DEPTH_UM)
    return PooledStack(dz_um, RADII[SEEN], mean, np.full_like(mean, sd))


@dataclass(frozen=True)
class Scene:
    """One field of view: its beads, stage errors and defects.

    Attributes
    ----------
    plane_um
        True Z of the plane of beads of height 0.
    shifts_um
        One entry per sweep: true less nominal Z of its frames, without the stage errors.
    height_um, size, center_px
        One entry per bead.
    errors_um
        Further stage errors by ``(sweep, frame)``.
    odd
        Frames ``(sweep, frame)`` whose profiles are not those of beads.
    saturated_above
        Intensity over background above which rings are saturated, by sweep.
    """

    z_um: FloatArray = field(default_factory=lambda: Z_UM)
    plane_um: float = 0.0
    fov: int = 1
    shifts_um: Sequence[float] = (0.0,)
    stage_sigma_um: float = 0.0
    noise: float = 0.0
    height_um: Sequence[float] = (0.0,) * 8
    size: Sequence[float] = (1.0,) * 8
    center_px: FloatArray | None = None
    errors_um: Mapping[tuple[int, int], float] = field(default_factory=dict)
    odd: Sequence[tuple[int, int]] = ()
    saturated_above: Mapping[int, float] = field(default_factory=dict)
    seed: int = 0


@dataclass(frozen=True)
class Seen:
    """Measured sweeps of a scene, and their true values.

    Attributes
    ----------
    true_um
        One array per sweep: true Z of its frames.
    plane_um
        One per sweep: nominal Z of the plane, not corrected for the mean stage error of its frames.
    """

    sweeps: tuple[SweepMeasurement, ...]
    true_um: tuple[FloatArray, ...]
    plane_um: tuple[float, ...]

    @property
    def profiles(self) -> FieldProfiles:
        """Typical profiles of the field."""
        return typical_profiles(self.sweeps, range(len(self.sweeps)), REACH_RADII)


def see(scene: Scene) -> Seen:
    """Measure a scene."""
    rng = np.random.default_rng([scene.seed, scene.fov])
    sweeps: list[SweepMeasurement] = []
    true: list[FloatArray] = []
    for number, shift_um in enumerate(scene.shifts_um):
        at = scene.z_um + shift_um + rng.normal(0, scene.stage_sigma_um, len(scene.z_um))
        for (sweep, frame), error in scene.errors_um.items():
            at[frame] += error if sweep == number else 0.0
        sweeps.append(_see_sweep(scene, number, at, rng))
        true.append(at)
    planes = tuple(scene.plane_um - shift_um for shift_um in scene.shifts_um)
    return Seen(tuple(sweeps), tuple(true), planes)


def _see_sweep(
    scene: Scene, number: int, at_um: FloatArray, rng: np.random.Generator
) -> SweepMeasurement:
    n_frames, n_beads = len(at_um), len(scene.height_um)
    frame = np.repeat(np.arange(n_frames), n_beads)
    bead = np.tile(np.arange(n_beads), n_frames)
    size = np.array(scene.size)[bead]
    u = (at_um[frame] - scene.plane_um - np.array(scene.height_um)[bead]) / DEPTH_UM / size
    profile = intensity(RADII / size[:, None], u[:, None])
    odd = np.isin(frame, [f for k, f in scene.odd if k == number])
    profile[odd] = 1 + 0.3 * np.sin(7 * RADII)
    limit = scene.saturated_above.get(number, np.inf)
    saturated = profile > limit
    noisy = np.minimum(profile, limit) + rng.normal(0, scene.noise, profile.shape)
    full = saturated.any(axis=1)
    top = np.where(full, np.minimum(spot(u), limit - 0.5), spot(u))
    key = SweepKey("set", 1, scene.fov, 12.0 * (number + 1))
    features = BeadFeatures(
        -np.exp(-0.5) * top / SPOT_RADII / size + rng.normal(0, scene.noise, len(u)),
        0.5 + top + rng.normal(0, scene.noise, len(u)),
    )
    return SweepMeasurement(
        key=key,
        frames=tuple(Frame(key, float(z), Path(f"{i}.tif")) for i, z in enumerate(scene.z_um)),
        frame_index=frame,
        bead_number=bead,
        beads=_beads(scene, bead),
        profiles=_profiles(noisy, saturated, _centers(scene)[bead]),
        features=features,
    )


def _centers(scene: Scene) -> FloatArray:
    n = len(scene.height_um)
    return np.zeros((n, 2)) if scene.center_px is None else scene.center_px


def _beads(scene: Scene, bead: IntArray) -> Beads:
    ones = np.ones(len(bead))
    flags = np.zeros(len(bead), dtype=np.uint32)
    return Beads(_centers(scene)[bead], ones, ones, ones, ones, ones, flags)


def _profiles(
    normalised: FloatArray, saturated: FloatArray, center_px: FloatArray
) -> RadialProfiles:
    n = len(normalised)
    return RadialProfiles(
        center_px=center_px,
        converged=np.ones(n, dtype=np.bool_),
        coefficients=np.empty((n, 0)),
        intensity=normalised * LIGHT,
        background=np.full(n, LIGHT),
        r_squared=np.ones(n),
        edge_radii=np.ones(n),
        edge_depth=np.full(n, 0.5),
        n_saturated_px=saturated.sum(axis=1),
        saturated=saturated,
        noise=np.ones(n),
        whiteness=np.ones(n),
        radius_radii=RADII,
        black_level=0.0,
        knot_px=1.0,
        bead_radius_px=9.3,
    )


def together(fields: Sequence[Seen]) -> Seen:
    """Join several fields to one list of sweeps."""
    return Seen(
        tuple(sweep for seen in fields for sweep in seen.sweeps),
        tuple(at for seen in fields for at in seen.true_um),
        tuple(plane for seen in fields for plane in seen.plane_um),
    )


def part_of(seen: Seen, number: int, keep: FloatArray) -> Seen:
    """Leave out frames of one sweep, as if it had ended earlier."""
    sweep = seen.sweeps[number]
    frames = np.flatnonzero(keep)
    rows = np.flatnonzero(np.isin(sweep.frame_index, frames))
    cut = replace(
        sweep,
        frames=tuple(sweep.frames[i] for i in frames),
        frame_index=np.searchsorted(frames, sweep.frame_index[rows]),
        bead_number=sweep.bead_number[rows],
        beads=take(sweep.beads, rows),
        profiles=take(sweep.profiles, rows),
        features=take(sweep.features, rows),
    )
    true = seen.true_um[number][frames]

    def put(items: tuple[object, ...], item: object) -> tuple[object, ...]:
        return (*items[:number], item, *items[number + 1 :])

    return replace(seen, sweeps=put(seen.sweeps, cut), true_um=put(seen.true_um, true))


@dataclass(frozen=True)
class Located:
    """Results of all steps for measured sweeps."""

    curves: tuple[FeatureCurve, ...]
    axes: tuple[FieldAxis, ...]
    beads: tuple[BeadPlanes, ...]
    result: PlaneResult

    @property
    def refp_um(self) -> FloatArray:
        """REFP of every sweep; NaN where not determined."""
        return np.array([plane.refp_um for plane in self.result.planes])

    @property
    def u_um(self) -> FloatArray:
        """Their standard uncertainties."""
        return np.array([plane.refp_u_um for plane in self.result.planes])

    @property
    def determined(self) -> list[bool]:
        """Whether the plane is determined, for every sweep."""
        return [plane.determined for plane in self.result.planes]


def locate(
    sweeps: Sequence[SweepMeasurement],
    *,
    pool: Pool | None = None,
    settings: PlaneSettings = SETTINGS,
    repeatability_um: float = 0.0,
) -> Located:
    """Place frames and beads, flag beads off the plane, and locate the planes, as the pipeline does."""
    tool, recipe = instrument(repeatability_um), FeatureSettings()
    curves = [feature_curve(sweep, recipe) for sweep in sweeps]
    axes = place_fields(sweeps, curves, settings, tool, pool)
    beads = find_bead_planes(sweeps, curves, axes, settings, tool)
    curves = [feature_curve(sweep, recipe) for sweep in flag_off_plane(sweeps, beads)]
    result = locate_planes(curves, axes, beads, settings, tool, pool)
    return Located(tuple(curves), tuple(axes), tuple(beads), result)
