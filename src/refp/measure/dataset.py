"""Measure every bead of every frame of a data set, one frame at a time."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from refp.core.arrays import IntArray
from refp.core.digests import digest_json, hash_code
from refp.core.errors import DataError
from refp.core.files import library_versions
from refp.core.parallel import (
    SERIAL,
    Execution,
    map_ordered,
)
from refp.core.rows import join
from refp.measure.cache import FrameStore
from refp.measure.features import SweepMeasurement, take_off_black_level
from refp.measure.frame import FrameMeasurement, check_seen, measure_frame
from refp.measure.profiles import estimate_black_level, typical_black_level
from refp.measure.tracking import follow_beads
from refp.measure.white_level import white_level
from refp.settings import Instrument, Recipe
from refp.sweeps import DataSet, Frame, LeftOut, ZSweep

CODE = ("core", "settings", "sweeps", "measure")
"""Subpackages on whose code a measured frame depends."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """A measured data set.

    Attributes
    ----------
    dataset
        The data set.
    instrument
        Its instrument, with the black level estimated from its exposures.
    sweeps
        One measurement per sweep; sweeps without a readable frame are omitted.
    left_out
        Files that were left out when the data set was opened, or could not be read.
    """

    dataset: DataSet
    instrument: Instrument
    sweeps: tuple[SweepMeasurement, ...]
    left_out: tuple[LeftOut, ...]


def measure_dataset(
    dataset: DataSet,
    recipe: Recipe,
    *,
    execution: Execution = SERIAL,
    store: FrameStore[FrameMeasurement] | None = None,
    black_level: float = 0.0,
) -> Measurement:
    """Measure every frame of a data set.

    Parameters
    ----------
    dataset
        An opened data set.
    recipe
        Settings of every step.
    execution
        Executor for the work, and callback for progress; the result does not depend on it.
    store
        Cache of measured frames.
    black_level
        Black level of the camera, grey levels, used if neither the recipe nor the exposures give it.

    Raises
    ------
    DataError
        If no frame can be read.
    WorkersError
        If the workers are lost, or cannot read the files.
    """
    if execution.workers.scheduler is not None:
        dataset = _with_whole_paths(dataset)
    measured, unread = _measure_frames(dataset, recipe, execution, store)
    if execution.workers.scheduler is not None:
        check_seen(list(unread))
    if not measured:
        raise DataError(next(iter(unread.values())))
    followed, numbers = follow_beads(dataset, measured, recipe, execution=execution)
    measured.clear()  # frames are freed as they are joined, so that memory holds each bead once
    sweeps = [_join_sweep(sweep, followed, numbers) for sweep in dataset.sweeps]
    kept = [sweep for sweep in sweeps if sweep is not None]
    instrument, levelled = _take_off_black_level(kept, dataset.instrument, black_level)
    left_out = (LeftOut(frame.path, reason) for frame, reason in unread.items())
    return Measurement(dataset, instrument, tuple(levelled), (*dataset.left_out, *left_out))


def _measure_frames(
    dataset: DataSet,
    recipe: Recipe,
    execution: Execution,
    store: FrameStore[FrameMeasurement] | None,
) -> tuple[dict[Frame, FrameMeasurement], dict[Frame, str]]:
    """Measure every frame independently; return the results, and the reasons for the others."""
    frames = list(dataset.frames)
    work = partial(_measure_or_reason, instrument=dataset.instrument, recipe=recipe)
    title = f"measuring {dataset.name}"
    if store is None:
        results = map_ordered(work, frames, execution=execution, title=title)
    else:
        settings = _digest(dataset.instrument, recipe)
        results = store.map_ordered(work, frames, settings, execution=execution, title=title)
    pairs = list(zip(frames, results, strict=True))
    measured = {frame: result for frame, result in pairs if isinstance(result, FrameMeasurement)}
    return measured, {frame: result for frame, result in pairs if isinstance(result, str)}


def explain_no_beads(datasets: Sequence[DataSet]) -> str:
    """Return a message with the probable cause if data sets of one instrument have no bead."""
    where = f"{datasets[0].root}: no bead in any of {sum(d.n_frames for d in datasets)} frames"
    light = [level for dataset in datasets for level in _light(dataset)]
    if light and max(light) == 0:
        return f"{where}: the frames are black (grey level 0); check lamp, shutter and exposure"
    if light and min(light) >= 1:
        return f"{where}: the frames are saturated everywhere; shorten the exposure"
    instrument = datasets[0].instrument
    return (
        f"{where}; check bead diameter ({instrument.bead.diameter_um:g} um) and pixel size "
        f"({instrument.optics.pixel_size_um:g} um) with 'refp inspect --overlay'"
    )


def _light(dataset: DataSet) -> list[float]:
    """Median grey level over the white level, of one readable frame of each sweep."""
    light: list[float] = []
    for sweep in dataset.sweeps:
        with suppress(DataError):
            image = sweep.frames[0].read()
            light.append(float(np.median(image)) / white_level(image, dataset.instrument))
    return light


def _measure_or_reason(
    frame: Frame, *, instrument: Instrument, recipe: Recipe
) -> FrameMeasurement | str:
    """Measure a frame, or return the reason why it cannot be read."""
    try:
        return measure_frame(frame.read(), instrument, recipe)
    except DataError as error:
        return str(error)


def _with_whole_paths(dataset: DataSet) -> DataSet:
    """Make paths absolute, since the workers of a cluster have other working folders."""

    def absolute(sweep: ZSweep) -> ZSweep:
        return ZSweep(sweep.key, tuple(replace(f, path=f.path.absolute()) for f in sweep.frames))

    return replace(dataset, sweeps=tuple(absolute(sweep) for sweep in dataset.sweeps))


def _digest(instrument: Instrument, recipe: Recipe) -> str:
    """Return the digest of everything except the pixels that :func:`measure_frame` depends on."""
    unused = {"name", "plane", "label", "split", "train", "estimate", "publication"}
    parts = [
        instrument.model_dump_json(),
        recipe.model_dump_json(exclude=unused),
        str(library_versions("numpy", "scipy", "scikit-image", "numba")),
        hash_code(*CODE),
    ]
    return digest_json(parts)


def _join_sweep(
    sweep: ZSweep,
    measured: dict[Frame, FrameMeasurement],
    numbers: dict[Frame, IntArray],
) -> SweepMeasurement | None:
    frames = tuple(frame for frame in sweep.frames if frame in measured)
    if not frames:
        return None
    parts = [measured.pop(frame) for frame in frames]
    return SweepMeasurement(
        key=sweep.key,
        frames=frames,
        frame_index=np.repeat(np.arange(len(frames)), [len(part) for part in parts]),
        bead_number=np.concatenate([numbers[frame] for frame in frames]),
        beads=join([part.beads for part in parts]),
        profiles=join([part.profiles for part in parts]),
        features=join([part.features for part in parts]),
    )


def _take_off_black_level(
    sweeps: Sequence[SweepMeasurement], instrument: Instrument, unknown: float
) -> tuple[Instrument, list[SweepMeasurement]]:
    """Estimate the black level from the exposures, if the recipe does not state it."""
    if instrument.optics.black_level is not None:
        return instrument, list(sweeps)
    black = typical_black_level(
        [_black_level_of_field(group) for group in _fields(sweeps)], unknown
    )
    levelled = [_with_black_level(sweep, black) for sweep in sweeps]
    return instrument.replace("optics.black_level", black), levelled


def _with_black_level(sweep: SweepMeasurement, black: float) -> SweepMeasurement:
    features, profiles = take_off_black_level(sweep.features, sweep.profiles, black)
    return replace(sweep, profiles=profiles, features=features)


def _fields(sweeps: Sequence[SweepMeasurement]) -> list[list[SweepMeasurement]]:
    fields: dict[tuple[object, object], list[SweepMeasurement]] = {}
    for sweep in sweeps:
        fields.setdefault((sweep.key.experiment, sweep.key.fov), []).append(sweep)
    return list(fields.values())


def _black_level_of_field(sweeps: Sequence[SweepMeasurement]) -> float:
    usable = [(s.key.exposure_ms, s.profiles.background[s.usable]) for s in sweeps]
    known = [(exposure, np.median(values)) for exposure, values in usable if len(values)]
    table = np.array(known, dtype=np.float64).reshape(-1, 2)
    return estimate_black_level(table[:, 0], table[:, 1])
