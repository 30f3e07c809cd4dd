"""Write a simulated data set: frames, ``sweep.toml`` and ``truth.json``."""

import itertools
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from refp.errors import OutputError
from refp.parallel import Progress, no_progress
from refp.sweeps import (
    DEFAULT_PATTERN,
    Instrument,
    fill_pattern,
    instrument_names,
    make_instrument,
    read_instrument,
    write_frame,
    write_sweep_file,
)
from refp.synthetic.place import make_scene
from refp.synthetic.render import render_frame
from refp.synthetic.scene import Scene
from refp.synthetic.settings import SimulationSettings
from refp.synthetic.truth import (
    CONVENTION,
    TRUTH_FILE,
    Truth,
    TruthBead,
    TruthField,
    TruthFrame,
    write_truth,
)


def simulate_dataset(
    folder: Path,
    instrument: str | Instrument,
    settings: SimulationSettings,
    *,
    dataset: str,
    seed: int,
    progress: Progress = no_progress,
) -> Truth:
    """Simulate Z sweeps and write them as a data set; the folder appears whole or not at all.

    Parameters
    ----------
    folder
        Folder to make; one that exists must be empty.
    instrument
        An instrument, or the name of a recipe.
    settings
        What to simulate.
    dataset
        Name of the data set.
    seed
        Not negative; the same seed gives the same files, byte for byte.
    progress
        Called after every frame.

    Returns
    -------
    Truth
        What ``truth.json`` holds.

    Raises
    ------
    OutputError
        If the folder holds anything, or cannot be written.
    RecipeError
        If there is no such instrument, or the beads do not fit into the image.
    """
    instrument = as_instrument(instrument)
    with _whole_folder(Path(folder)) as part:
        fields = [
            _Field(experiment, fov, make_scene(instrument, settings, refp_um, rng))
            for experiment, fov, refp_um, rng in _plan(settings, seed)
        ]
        frames = _write_frames(part, fields, instrument, settings, seed, progress)
        truth = _make_truth(dataset, instrument, settings, fields, frames)
        write_truth(part / TRUTH_FILE, truth)
        _write_sweep_file(part, dataset, instrument)
    return truth


def as_instrument(instrument: str | Instrument) -> Instrument:
    """Return an instrument, reading the recipe where a name or a path is given.

    Raises
    ------
    RecipeError
        If there is no such recipe or it is wrong.
    """
    if isinstance(instrument, Instrument):
        return instrument
    return make_instrument(read_instrument(instrument), f"instrument {instrument!r}")


@dataclass(frozen=True, slots=True)
class _Field:
    """A field of view and its number."""

    experiment: int
    fov: int
    scene: Scene


def _plan(
    settings: SimulationSettings, seed: int
) -> Iterator[tuple[int, int, float, np.random.Generator]]:
    """Yield experiment, FOV, plane in um and random numbers of every field."""
    for experiment, refp_um in enumerate(settings.refp_um, start=1):
        for fov in range(1, settings.n_fov + 1):
            # The last number tells a field's stream from those of its frames.
            yield experiment, fov, refp_um, np.random.default_rng([seed, experiment, fov, 0])


def _write_frames(
    folder: Path,
    fields: list[_Field],
    instrument: Instrument,
    settings: SimulationSettings,
    seed: int,
    progress: Progress,
) -> list[TruthFrame]:
    sweeps = list(itertools.product(fields, settings.exposures_ms))
    total = len(sweeps) * len(settings.z_um)
    frames: list[TruthFrame] = []
    for field, exposure_ms in sweeps:
        number = settings.exposures_ms.index(exposure_ms) + 1
        rng = np.random.default_rng([seed, field.experiment, field.fov, number])
        for frame in _write_sweep(folder, field, exposure_ms, instrument, settings, rng):
            frames.append(frame)
            progress("Simulating", len(frames), total)
    return frames


def _write_sweep(
    folder: Path,
    field: _Field,
    exposure_ms: float,
    instrument: Instrument,
    settings: SimulationSettings,
    rng: np.random.Generator,
) -> Iterator[TruthFrame]:
    """Write the frames of one sweep in rising Z."""
    shifts_px = _drift(len(settings.z_um), settings.lateral_drift_px, rng)
    for z_um, shift_px in zip(settings.z_um, shifts_px, strict=True):
        z_true_um = z_um + rng.normal(0, settings.stage_sigma_of(instrument))
        image = render_frame(
            field.scene,
            z_true_um,
            exposure_ms,
            settings.camera,
            rng,
            white_level=instrument.optics.white_level,
            shift_px=shift_px,
        )
        frame = _truth_frame(field, exposure_ms, z_um, z_true_um)
        write_frame(folder / frame.file, image)
        yield frame


def _drift(n: int, step_px: float, rng: np.random.Generator) -> list[tuple[float, float]]:
    """Shifts ``(y, x)`` along a random line; none in the middle, where the truth is stated."""
    angle = rng.uniform(0, 2 * np.pi)
    along = step_px * (np.arange(n) - (n - 1) / 2)
    return [(float(a * np.sin(angle)), float(a * np.cos(angle))) for a in along]


def _truth_frame(field: _Field, exposure_ms: float, z_um: float, z_true_um: float) -> TruthFrame:
    file = fill_pattern(
        DEFAULT_PATTERN,
        experiment=field.experiment,
        fov=field.fov,
        z_um=z_um,
        exposure_ms=exposure_ms,
    )
    refp_um = field.scene.refp_um
    return TruthFrame(
        file=file,
        experiment=field.experiment,
        fov=field.fov,
        exposure_ms=exposure_ms,
        z_um=z_um,
        z_true_um=float(z_true_um),
        delta_z_um=z_um - refp_um,
        delta_z_true_um=float(z_true_um) - refp_um,
    )


def _make_truth(
    dataset: str,
    instrument: Instrument,
    settings: SimulationSettings,
    fields: list[_Field],
    frames: list[TruthFrame],
) -> Truth:
    pixel_um = instrument.optics.pixel_size_um
    return Truth(
        dataset=dataset,
        pixel_um=pixel_um,
        tile_px=instrument.tile_side_px,
        stage_sigma_um=settings.stage_sigma_of(instrument),
        convention=CONVENTION,
        fields=tuple(_truth_field(field, pixel_um) for field in fields),
        frames=tuple(frames),
    )


def _truth_field(field: _Field, pixel_um: float) -> TruthField:
    scene = field.scene
    tilt_y, tilt_x = scene.tilt_um_per_px
    return TruthField(
        experiment=field.experiment,
        fov=field.fov,
        # The model has both features' extremes at the bead's plane.
        refp_um=scene.refp_um,
        refp_ss_um=scene.refp_um,
        refp_ci_um=scene.refp_um,
        tilt_um_per_px=(tilt_x, tilt_y),
        beads=_truth_beads(scene, pixel_um),
    )


def _truth_beads(scene: Scene, pixel_um: float) -> tuple[TruthBead, ...]:
    beads = scene.beads
    return tuple(
        TruthBead(
            y_px=float(beads.centers_px[k, 0]),
            x_px=float(beads.centers_px[k, 1]),
            radius_um=float(beads.radius_px[k]) * pixel_um,
            refp_um=float(beads.plane_um[k]),
            outlier=bool(beads.outlier[k]),
            touching=bool(beads.touching[k]),
            border=bool(beads.border[k]),
        )
        for k in range(len(beads.radius_px))
    )


def _write_sweep_file(folder: Path, dataset: str, instrument: Instrument) -> None:
    """Name the recipe where the instrument is one of the package's, else say what it is."""
    name = instrument.name
    if name in instrument_names() and as_instrument(name) == instrument:
        write_sweep_file(folder, dataset=dataset, instrument=name)
        return
    optics = instrument.optics.model_dump(exclude_none=True)
    write_sweep_file(folder, dataset=dataset, optics=optics, bead=instrument.bead.model_dump())


@contextmanager
def _whole_folder(folder: Path) -> Iterator[Path]:
    """Yield a folder beside the wanted one, which takes its name when all went well."""
    part = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    try:
        _refuse_occupied(folder)
        part.mkdir(parents=True)
        yield part
        if folder.is_dir():
            folder.rmdir()
        part.rename(folder)
    except OSError as error:
        raise OutputError(f"{folder}: not written: {error.strerror}; check the folder") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _refuse_occupied(folder: Path) -> None:
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise OutputError(f"{folder}: exists and is not an empty folder; name another or remove it")
