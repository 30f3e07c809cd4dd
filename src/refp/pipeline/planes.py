"""Define the reference plane of every sweep of data sets."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from refp.core.errors import DataError
from refp.core.parallel import SERIAL, Execution
from refp.core.threads import one_thread
from refp.measure.cache import FrameStore
from refp.measure.dataset import Measurement, explain_no_beads, measure_dataset
from refp.measure.features import FeatureCurve, SweepMeasurement, feature_curve
from refp.measure.frame import FrameMeasurement
from refp.measure.wide_tile import wide_tile_px
from refp.pipeline.checks import (
    check_different_instruments,
    check_different_names,
    check_enough_frames,
    check_same_instrument,
)
from refp.pipeline.stated_z import with_trusted, with_undetermined
from refp.plane import (
    BeadPlanes,
    FieldAxis,
    PlaneResult,
    Pool,
    find_bead_planes,
    flag_off_plane,
    locate_planes,
    place_fields,
)
from refp.plane.axial import implausible_sweeps
from refp.settings import Instrument, Recipe
from refp.sweeps import DataSet


@dataclass(frozen=True, slots=True)
class Planes:
    """Reference planes of measured data sets.

    Attributes
    ----------
    measurements
        Measured beads and profiles of each data set.
    curves
        Feature curve of each sweep.
    result
        Planes, axes, beads and pool.
    """

    measurements: tuple[Measurement, ...]
    curves: tuple[FeatureCurve, ...]
    result: PlaneResult


def define_planes(
    datasets: Sequence[DataSet],
    recipe: Recipe,
    *,
    pool: Pool | None = None,
    execution: Execution = SERIAL,
    store: FrameStore[FrameMeasurement] | None = None,
    black_level: float = 0.0,
) -> Planes:
    """Define the reference plane of every sweep of one instrument.

    Parameters
    ----------
    datasets
        Opened data sets of one instrument; their sweeps share the pooled profiles.
    recipe
        Settings of the method.
    pool
        Pooled profiles of earlier sweeps of the instrument, to locate with.
    execution
        Executor for the work, and callback for progress.
    store
        Cache of measured frames.
    black_level
        Black level of the camera, grey levels, used where neither recipe, pool nor exposures give it.

    Raises
    ------
    DataError
        If the data sets are of different instruments or share a name, if no sweep has enough frames
        for a plane, or if no bead is found.
    WorkersError
        If all workers are lost.

    Examples
    --------
    >>> import refp
    >>> planes = refp.define_planes([refp.open_dataset("training")], refp.load_recipe())
    >>> [plane.determined for plane in planes.result.planes]
    [True, True, True, True]
    """
    check_same_instrument(datasets)
    check_different_names(datasets)
    check_enough_frames(datasets, recipe.plane.minimum_frames)
    black = pool.black_level if pool is not None else black_level
    measure = partial(
        measure_dataset, recipe=recipe, execution=execution, store=store, black_level=black
    )
    measurements = tuple(map(measure, datasets))
    if not any(len(sweep.beads) for m in measurements for sweep in m.sweeps):
        raise DataError(explain_no_beads(datasets))
    side_px = wide_tile_px(measurements, recipe)
    if side_px > measurements[0].instrument.tile_side_px:
        wide = [replace(d, instrument=d.instrument.replace("tile_px", side_px)) for d in datasets]
        measurements = tuple(map(measure, wide))
    with one_thread():
        return _locate(measurements, recipe, pool)


def define_planes_of_all(
    datasets: Sequence[DataSet],
    recipe: Recipe,
    *,
    pool: Pool | None = None,
    execution: Execution = SERIAL,
    store: FrameStore[FrameMeasurement] | None = None,
) -> list[Planes]:
    """Define the reference planes of data sets of several instruments, one instrument at a time.

    Parameters and errors are those of :func:`define_planes`; a pool belongs to one instrument.

    Raises
    ------
    DataError
        If two instruments have one name, or a pool is given with data of several instruments.
    """
    check_different_names(datasets)
    groups: dict[Instrument, list[DataSet]] = {}
    for dataset in datasets:
        groups.setdefault(dataset.instrument, []).append(dataset)
    check_different_instruments(groups)
    if pool is not None and len(groups) > 1:
        names = ", ".join(instrument.name for instrument in groups)
        raise DataError(f"--pool: is of one instrument, the data are of {names}; run one at a time")
    return [
        define_planes(group, recipe, pool=pool, execution=execution, store=store)
        for group in groups.values()
    ]


def _locate(measurements: Sequence[Measurement], recipe: Recipe, pool: Pool | None) -> Planes:
    """Locate the plane of every sweep whose stated Z fits its images."""
    instrument = measurements[0].instrument
    sweeps = [sweep for m in measurements for sweep in m.sweeps]
    curves = [feature_curve(sweep, recipe.feature) for sweep in sweeps]
    implausible = implausible_sweeps(curves, instrument)
    wrong = implausible if recipe.plane.check_z else set()
    if not wrong:
        sweeps, curves, result = _locate_sweeps(sweeps, curves, recipe, instrument, pool)
        result = with_trusted(result, implausible)
        return Planes(_with_sweeps(measurements, sweeps), tuple(curves), result)
    kept = [k for k in range(len(sweeps)) if k not in wrong]
    located = None
    if kept:
        part = [sweeps[k] for k in kept], [curves[k] for k in kept]
        flagged, known, located = _locate_sweeps(*part, recipe, instrument, pool)
        for k, sweep, curve in zip(kept, flagged, known, strict=True):
            sweeps[k], curves[k] = sweep, curve
    result = with_undetermined(located, curves, wrong)
    return Planes(_with_sweeps(measurements, sweeps), tuple(curves), result)


def _locate_sweeps(
    sweeps: list[SweepMeasurement],
    curves: list[FeatureCurve],
    recipe: Recipe,
    instrument: Instrument,
    pool: Pool | None,
) -> tuple[list[SweepMeasurement], list[FeatureCurve], PlaneResult]:
    """Locate the planes; return the sweeps with flags of their beads, and their new curves, as well."""
    settings = recipe.plane
    axes: list[FieldAxis] = []
    beads: list[BeadPlanes] = []
    if settings.method == "profiles":
        axes = place_fields(sweeps, curves, settings, instrument, pool)
        beads = find_bead_planes(sweeps, curves, axes, settings, instrument)
        sweeps = flag_off_plane(sweeps, beads)
        curves = [feature_curve(sweep, recipe.feature) for sweep in sweeps]
    return sweeps, curves, locate_planes(curves, axes, beads, settings, instrument, pool)


def _with_sweeps(
    measurements: Sequence[Measurement], sweeps: Sequence[SweepMeasurement]
) -> tuple[Measurement, ...]:
    """Return the measurements with their sweeps replaced, in order."""
    rest = iter(sweeps)
    return tuple(replace(m, sweeps=tuple(next(rest) for _ in m.sweeps)) for m in measurements)
