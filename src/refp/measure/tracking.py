"""Tracking of beads through the frames of a field: numbering, and placement of missed beads.

In a sweep, a bead that is blurred or dim in one frame is clear in others. Since beads do not move except
for a shift of the whole frame, its position in every frame is known.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from refp.core.arrays import FloatArray, IntArray
from refp.core.errors import DataError
from refp.core.flags import BeadFlag
from refp.core.parallel import Execution, map_ordered
from refp.core.rows import take
from refp.measure.beads import (
    PASSING_FRACTION,
    Beads,
    Persistence,
    Registration,
    find_persistent,
    register_frames,
)
from refp.measure.frame import (
    FrameMeasurement,
    join_beads,
    measure_places,
    take_beads,
    with_outliers,
)
from refp.measure.witness import flag_static, follow_by_sweep, is_resolved, is_well_judged
from refp.settings import Instrument, Recipe
from refp.sweeps import DataSet, Frame

Measured = dict[Frame, FrameMeasurement]


@dataclass(frozen=True, slots=True)
class _ExpectedBeads:
    """Expected positions of beads in a frame.

    Attributes
    ----------
    frame
        The frame.
    numbers
        Shape ``(n,)``: numbers of the beads.
    center_px
        Shape ``(n, 2)``: expected centres.
    typical
        Usable beads of the frame, for comparison.
    """

    frame: Frame
    numbers: IntArray
    center_px: FloatArray
    typical: Beads


def follow_beads(
    dataset: DataSet,
    measured: Measured,
    recipe: Recipe,
    *,
    execution: Execution,
) -> tuple[Measured, dict[Frame, IntArray]]:
    """Assign numbers to the beads of every field, place missed ones, and flag passing ones.

    Parameters
    ----------
    dataset
        An opened data set.
    measured
        Its readable frames, each measured independently.
    recipe
        Without ``find.follow_sweep``, beads are numbered only.
    execution
        Executor for the work, and callback for progress.

    Returns
    -------
    dict, dict
        By frame, the measurement, and the numbers of its beads in the same order; a bead has the same
        number in all frames and exposures of a field.
    """
    radius = dataset.instrument.bead_radius_px
    numbers: dict[Frame, IntArray] = {}
    expected: list[_ExpectedBeads] = []
    followed = dict(measured)
    for frames in _fields(dataset, measured):
        parts = [measured[frame] for frame in frames]
        registration = _register(frames, parts, radius)
        numbers.update(zip(frames, registration.numbers, strict=True))
        if recipe.find.follow_sweep:
            persistence = find_persistent(registration, [part.usable for part in parts])
            for i, (frame, part) in enumerate(zip(frames, parts, strict=True)):
                followed[frame] = _lower_confidence(
                    part, persistence.fraction[registration.numbers[i]], recipe
                )
                expected.append(_missing(frame, part, registration, persistence, i))
    todo = [beads for beads in expected if len(beads.numbers)]
    work = partial(_measure_expected, instrument=dataset.instrument, recipe=recipe)
    title = f"placing beads of {dataset.name}"
    found = map_ordered(work, todo, execution=execution, title=title)
    for beads, measurement in zip(todo, found, strict=True):
        if measurement is not None:
            frame = beads.frame
            followed[frame], numbers[frame] = _merge(
                (followed[frame], numbers[frame]), (measurement, beads.numbers), recipe
            )
    if recipe.find.follow_sweep:
        for frames in _fields(dataset, measured):
            _judge_by_sweep(frames, followed, numbers, dataset.instrument, recipe, execution)
    return followed, numbers


def _judge_by_sweep(
    frames: Sequence[Frame],
    followed: Measured,
    numbers: dict[Frame, IntArray],
    instrument: Instrument,
    recipe: Recipe,
    execution: Execution,
) -> None:
    """Flag static beads in place; follow the beads of a field that frames by themselves do not show."""
    z_um = np.array([frame.z_um for frame in frames])
    if not is_resolved(z_um, instrument):
        return
    numbered = [numbers[frame] for frame in frames]
    parts = flag_static([followed[frame] for frame in frames], numbered, z_um)
    followed.update(zip(frames, parts, strict=True))
    if is_well_judged(parts, numbered):
        return
    for frame, part in zip(
        frames, follow_by_sweep(frames, instrument, recipe, execution=execution), strict=False
    ):
        followed[frame], numbers[frame] = part, np.arange(len(part))


def _fields(dataset: DataSet, measured: Measured) -> list[list[Frame]]:
    """Readable frames of each field of view, all its exposures together."""
    fields: dict[tuple[object, object], list[Frame]] = {}
    for sweep in dataset.sweeps:
        known = [frame for frame in sweep.frames if frame in measured]
        fields.setdefault((sweep.key.experiment, sweep.key.fov), []).extend(known)
    return [frames for frames in fields.values() if frames]


def _register(
    frames: Sequence[Frame], parts: Sequence[FrameMeasurement], radius_px: float
) -> Registration:
    centers = [part.profiles.center_px for part in parts]
    z_um = np.array([frame.z_um for frame in frames])
    return register_frames(centers, [part.usable for part in parts], z_um, radius_px)


def _lower_confidence(
    part: FrameMeasurement, fraction: FloatArray, recipe: Recipe
) -> FrameMeasurement:
    """Lower the confidence of beads found in a small ``fraction`` of the frames of the field."""
    passing = fraction < PASSING_FRACTION
    if not passing.any():
        return part
    flags = np.where(
        passing, part.beads.flags | np.uint32(BeadFlag.LOW_CONFIDENCE), part.beads.flags
    )
    confidence = part.beads.confidence * np.where(passing, fraction, 1.0)
    return with_outliers(
        replace(part, beads=replace(part.beads, flags=flags, confidence=confidence)), recipe
    )


def _missing(
    frame: Frame, part: FrameMeasurement, field: Registration, persistence: Persistence, index: int
) -> _ExpectedBeads:
    """Return the expected positions of persistent beads that are missing or not usable in a frame."""
    usable = field.numbers[index][part.usable]
    missing = np.setdiff1d(np.flatnonzero(persistence.persistent), usable)
    expected = field.position_px[missing] + field.shift_px[index]
    return _ExpectedBeads(frame, missing, expected, take(part.beads, part.usable))


def _measure_expected(
    expected: _ExpectedBeads, *, instrument: Instrument, recipe: Recipe
) -> FrameMeasurement | None:
    """Measure beads at expected positions; ``None`` if the file has become unreadable."""
    try:
        image = expected.frame.read()
    except DataError:
        return None
    return measure_places(image, expected.center_px, expected.typical, instrument, recipe)


def _merge(
    found: tuple[FrameMeasurement, IntArray],
    placed: tuple[FrameMeasurement, IntArray],
    recipe: Recipe,
) -> tuple[FrameMeasurement, IntArray]:
    """Add placed beads; a bead found in the frame is replaced if the placed one is usable."""
    part, numbers = found
    placed_part, placed_numbers = placed
    known = np.isin(placed_numbers, numbers)
    add = ~known | placed_part.usable
    keep = ~np.isin(numbers, placed_numbers[add])
    joined = join_beads([take_beads(part, keep), take_beads(placed_part, add)])
    return with_outliers(joined, recipe), np.concatenate([numbers[keep], placed_numbers[add]])
