"""Beads of a sweep that the judge of single frames refuses, judged by the sweep itself.

The limits of :class:`refp.settings.JudgeSettings` describe a bead in incoherent light. In nearly coherent
or oblique light a bead has rings, sides of different brightness and an image of several radii; in its
sweep it is still round about one place and changes smoothly with Z.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from refp.core.arrays import BoolArray, FloatArray, IntArray
from refp.core.errors import DataError
from refp.core.flags import BeadFlag
from refp.core.parallel import Execution, map_ordered
from refp.measure.beads import Beads, find_beads, link_candidates
from refp.measure.frame import FrameMeasurement, measure_places, take_beads, with_outliers
from refp.measure.profiles.along_z import AlongZ, find_static, inner_profiles, judge_along_z
from refp.settings import Instrument, Recipe
from refp.sweeps import Frame

WIDE: dict[str, Any] = {"find.scales": (1.0, 2.0), "profile.center_fit_radii": 2.6}
"""Settings for beads whose image grows out of focus: scales of the detector, and the radius to which the
centre is fitted, at which it depends less on the sides of the innermost ring."""
MIN_FRAMES = 6
"""Fewest frames from which a sweep can judge; single deviations average out over several neighbours."""
WELL_JUDGED = 0.97
"""Fraction of the frames in which the typical bead is usable, from which the judge of single frames
suffices; in incoherent light it is all of them."""
RESOLVED_RANGE = 1.0
"""Range of Z, in bead radii over the aperture, from which a bead out of focus changes visibly."""
FROM_PROFILE = BeadFlag.ODD_SHAPE | BeadFlag.LOW_CONFIDENCE | BeadFlag.TOUCHING


def is_resolved(z_um: FloatArray, instrument: Instrument) -> bool:
    """Return whether a sweep is long enough to show that a place does not change with Z."""
    scale_um = instrument.bead.diameter_um / 2 / instrument.numerical_aperture
    enough = len(np.unique(z_um)) >= MIN_FRAMES
    return bool(enough and np.ptp(z_um) >= RESOLVED_RANGE * scale_um)


def is_well_judged(parts: Sequence[FrameMeasurement], numbers: Sequence[IntArray]) -> bool:
    """Return whether the typical bead that is usable at all is usable in nearly all frames of a field."""
    usable = np.concatenate([n[part.usable] for n, part in zip(numbers, parts, strict=True)])
    counts = np.unique(usable, return_counts=True)[1]
    return bool(counts.size and np.median(counts) >= WELL_JUDGED * len(parts))


def flag_static(
    parts: Sequence[FrameMeasurement], numbers: Sequence[IntArray], z_um: FloatArray
) -> list[FrameMeasurement]:
    """Set ``STATIC`` on the beads of a field that do not change with Z.

    Parameters
    ----------
    parts, numbers
        Frames of the field with the numbers of their beads.
    z_um
        Shape ``(f,)``, Z of the frames.
    """
    everywhere, counts = np.unique(np.concatenate(numbers), return_counts=True)
    order = np.argsort(z_um, kind="stable")
    static = [
        number
        for number in everywhere[counts >= max(MIN_FRAMES, len(parts) / 2)]
        if find_static(_profiles_of(number, [(parts[i], numbers[i]) for i in order]))[0]
    ]
    return [
        _add_flag(part, np.isin(n, static), BeadFlag.STATIC)
        for part, n in zip(parts, numbers, strict=True)
    ]


def _profiles_of(number: int, frames: Sequence[tuple[FrameMeasurement, IntArray]]) -> FloatArray:
    """Return the inner profiles of one bead along its frames, shape ``(k, 1, m)``."""
    rows = [
        inner_profiles(part.profiles.normalised[n == number], part.profiles.radius_radii)
        for part, n in frames
    ]
    return np.concatenate(rows)[:, None]


def _add_flag(part: FrameMeasurement, rows: BoolArray, flag: BeadFlag) -> FrameMeasurement:
    flags = np.where(rows, part.beads.flags | np.uint32(flag), part.beads.flags)
    return replace(part, beads=replace(part.beads, flags=flags))


def follow_by_sweep(
    frames: Sequence[Frame], instrument: Instrument, recipe: Recipe, *, execution: Execution
) -> list[FrameMeasurement]:
    """Measure the places of a field where most frames have a candidate, and judge them by the sweep.

    Parameters
    ----------
    frames
        Readable frames of the field, all exposures.
    instrument
        Bead, pixel, tile, camera.
    recipe
        Settings of every step.
    execution
        Executor for the work, and callback for progress.

    Returns
    -------
    list of FrameMeasurement
        One for each frame, with the same places in each, those of beads and of dirt (``STATIC``).
        Empty if there is no bead, or a file has become unreadable.
    """
    title = f"following beads of {frames[0].key.dataset}"
    recipe = recipe.replace(WIDE, source="limits within a sweep")
    find = partial(_find, instrument=instrument, recipe=recipe)
    centers = map_ordered(find, frames, execution=execution, title=title)
    known = [center for center in centers if center is not None]
    if len(known) < len(frames):
        return []
    z_um = np.array([frame.z_um for frame in frames])
    tracks = link_candidates(known, z_um, instrument.bead_radius_px)
    if not len(tracks):
        return []
    places = list(zip(frames, tracks.center_px, strict=True))
    measure = partial(_measure, instrument=instrument, recipe=recipe)
    measured = map_ordered(measure, places, execution=execution, title=title)
    parts = [part for part in measured if part is not None]
    if len(parts) < len(frames):
        return []
    order = np.argsort(z_um, kind="stable")
    judged = _judge([parts[i] for i in order], recipe)
    if not judged.bead.any():
        return []
    reported = np.flatnonzero(judged.bead | judged.static)
    clear = np.empty_like(judged.clear)
    clear[order] = judged.clear
    return [
        with_outliers(take_beads(_with_verdict(part, judged, seen, found), reported), recipe)
        for part, seen, found in zip(parts, clear, tracks.found, strict=True)
    ]


def _find(frame: Frame, *, instrument: Instrument, recipe: Recipe) -> FloatArray | None:
    """Return the centres of the candidates of a frame; ``None`` if it has become unreadable."""
    try:
        return find_beads(frame.read(), instrument, recipe.find).center_px
    except DataError:
        return None


def _measure(
    place: tuple[Frame, FloatArray], *, instrument: Instrument, recipe: Recipe
) -> FrameMeasurement | None:
    """Measure the tracks in a frame; ``None`` if it has become unreadable."""
    frame, center_px = place
    try:
        image = frame.read()
    except DataError:
        return None
    return measure_places(image, center_px, Beads.empty(), instrument, recipe)


def _judge(parts: Sequence[FrameMeasurement], recipe: Recipe) -> AlongZ:
    """Judge the places of frames in rising Z."""
    profiles = [part.profiles for part in parts]
    return judge_along_z(
        np.array([inner_profiles(p.normalised, p.radius_radii) for p in profiles]),
        np.array([p.r_squared for p in profiles]),
        recipe.judge.minimum_relative_contrast,
    )


def _with_verdict(
    part: FrameMeasurement, judged: AlongZ, seen: BoolArray, found: BoolArray
) -> FrameMeasurement:
    """Set the flags and the confidence of the places of a frame by the sweep's verdict."""
    bead = judged.bead & seen
    flags = np.where(bead, part.beads.flags & ~np.uint32(FROM_PROFILE), part.beads.flags)
    flags = np.where(judged.bead & ~seen, flags | np.uint32(BeadFlag.LOW_CONFIDENCE), flags)
    flags = np.where(judged.static, flags | np.uint32(BeadFlag.STATIC), flags)
    flags = np.where(found, flags & ~np.uint32(BeadFlag.PLACED), flags)
    beads = replace(part.beads, flags=flags, confidence=np.where(bead, 1.0, part.beads.confidence))
    return replace(part, beads=beads)
