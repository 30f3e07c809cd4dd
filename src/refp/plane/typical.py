"""Typical profile of every frame of a field of view, from which stage errors are found."""

from collections.abc import Sequence

import numpy as np

from refp.core.arrays import BoolArray, FloatArray, IntArray
from refp.core.robust import nan_median
from refp.measure.features.features import SweepMeasurement
from refp.measure.profiles import ring_noise
from refp.plane.plane import FieldProfiles
from refp.sweeps.frame import FieldKey

MIN_FRACTION_CLEAR = 0.5
"""Smallest fraction of beads in which a ring must be unsaturated for its median to be known."""


def group_fields(sweeps: Sequence[SweepMeasurement]) -> dict[FieldKey, list[int]]:
    """Return the numbers of the sweeps of every field of view, in the order of the sweeps."""
    fields: dict[FieldKey, list[int]] = {}
    for number, sweep in enumerate(sweeps):
        fields.setdefault(sweep.key.field, []).append(number)
    return fields


def typical_profiles(
    sweeps: Sequence[SweepMeasurement], members: Sequence[int], reach_radii: float
) -> FieldProfiles:
    """Take the median profile of the beads of each frame of one field of view.

    Parameters
    ----------
    sweeps
        All sweeps.
    members
        Numbers of the sweeps of the field.
    reach_radii
        Largest radius of rings, in bead radii; rings beyond it contain neighbouring beads.

    Returns
    -------
    FieldProfiles
        Typical profiles; frames without a usable bead are left out.
    """
    radius = sweeps[members[0]].profiles.radius_radii
    seen = radius <= reach_radii
    sweep_of: list[int] = []
    frame_of: list[int] = []
    rows: list[FloatArray] = []
    n_beads = 0
    for number in members:
        sweep = sweeps[number]
        typical = np.flatnonzero(sweep.typical)
        groups = np.split(typical, np.searchsorted(sweep.frame_index[typical], _edges(sweep)))
        for frame, beads in enumerate(groups):
            if beads.size:
                n_beads += beads.size
                sweep_of.append(number)
                frame_of.append(frame)
                rows.append(_median(*clear_profiles(sweep, beads, seen)))
    z_um = [sweeps[k].frames[i].z_um for k, i in zip(sweep_of, frame_of, strict=True)]
    return FieldProfiles(
        field=sweeps[members[0]].key.field,
        sweep=np.array(sweep_of, dtype=np.int64),
        frame=np.array(frame_of, dtype=np.int64),
        z_um=np.array(z_um, dtype=np.float64),
        profile=np.array(rows, dtype=np.float64).reshape(-1, np.count_nonzero(seen)),
        radius_radii=radius[seen],
        ring_noise=_noise_of_one_bead(sweeps, members, seen)
        if n_beads == len(rows)
        else np.empty(0),
    )


def _noise_of_one_bead(
    sweeps: Sequence[SweepMeasurement], members: Sequence[int], seen: BoolArray
) -> FloatArray:
    """Return the noise of the rings of a field whose frames show one bead; empty where not known."""
    parts = [(sweeps[k].profiles, sweeps[k].typical) for k in members]
    noise = np.concatenate([profiles.noise[rows] for profiles, rows in parts])
    light = np.concatenate([profiles.light[rows] for profiles, rows in parts])
    first = parts[0][0]
    sd = ring_noise(noise, light, first.radius_radii[seen], first.bead_radius_px)
    return sd if np.isfinite(sd).all() else np.empty(0)


def clear_profiles(
    sweep: SweepMeasurement, rows: IntArray, seen: BoolArray
) -> tuple[FloatArray, BoolArray]:
    """Return normalised profiles of some beads, and a mask of unsaturated rings."""
    return sweep.profiles.normalised[rows][:, seen], ~sweep.profiles.saturated[rows][:, seen]


def _edges(sweep: SweepMeasurement) -> IntArray:
    """Return the frame numbers at which sorted rows are split into one group per frame."""
    return np.arange(1, len(sweep.frames))


def _median(profile: FloatArray, clear: BoolArray) -> FloatArray:
    """Return the median over beads of rings that are unsaturated in enough of them; NaN elsewhere."""
    known = clear.mean(axis=0) >= MIN_FRACTION_CLEAR
    median = np.full(profile.shape[1], np.nan)
    median[known] = nan_median(np.where(clear, profile, np.nan)[:, known])
    return median
