"""Write a simulated data set: frames, ``sweep.toml`` and ``truth.json``."""

import itertools
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
import tomli_w

from refp.core.arrays import FloatArray
from refp.core.errors import OutputError
from refp.core.files import write_bytes
from refp.core.moves import move
from refp.core.parallel import (
    SERIAL,
    Execution,
    iter_ordered,
)
from refp.settings import Instrument, instrument_names, make_instrument, read_instrument
from refp.sweeps import DEFAULT_PATTERN, fill_pattern, write_frame, write_sweep_file
from refp.synthetic.looks import looks_of
from refp.synthetic.place import make_scene
from refp.synthetic.render import render_frame
from refp.synthetic.scene import Scene, SceneBeads
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

INSTRUMENT_FILE: Final = "instrument.toml"


def simulate_dataset(
    folder: Path,
    instrument: str | Instrument,
    settings: SimulationSettings,
    *,
    dataset: str,
    seed: int,
    execution: Execution = SERIAL,
) -> Truth:
    """Simulate Z sweeps and write them as a data set; the folder is written atomically.

    Parameters
    ----------
    folder
        Folder to create; an existing one must be empty.
    instrument
        An instrument, or the name of a recipe.
    settings
        Settings of the simulation.
    dataset
        Name of the data set.
    seed
        Not negative; the same seed gives the same files, byte for byte.
    execution
        Executor for the work, and callback for progress, called after every map that is computed and
        after every frame.

    Returns
    -------
    Truth
        Contents of ``truth.json``.

    Raises
    ------
    OutputError
        If the folder is not empty, or cannot be written.
    RecipeError
        If there is no such instrument, or the beads do not fit into the image.

    Examples
    --------
    >>> from pathlib import Path
    >>> import refp
    >>> from refp.synthetic import SceneSettings, SimulationSettings
    >>> scene = SceneSettings(
    ...     shape_px=(160, 200), n_beads=4, n_touching=0, n_border=0, n_off_plane=0, n_dust=0
    ... )
    >>> settings = SimulationSettings(
    ...     scene=scene, refp_um=(1500.0,), z_start_um=1490.0, z_stop_um=1510.0, z_step_um=10.0
    ... )
    >>> truth = refp.simulate_dataset(Path("simulated"), "a2k", settings, dataset="simulated", seed=1)
    >>> len(truth.frames), Path("simulated", "truth.json").is_file()
    (3, True)
    """
    instrument = as_instrument(instrument)
    looks_of(instrument, settings.scene, execution=execution)
    plan = _Plan(instrument, settings, seed)
    with _whole_folder(Path(folder)) as part:
        shots = _shots(part, plan)
        take = iter_ordered(_take, shots, len(shots), execution.workers)
        frames = []
        for frame in take:
            frames.append(frame)
            execution.progress("Simulating", len(frames), len(shots))
        truth = _make_truth(dataset, plan, frames)
        write_truth(part / TRUTH_FILE, truth)
        _write_sweep_file(part, dataset, instrument)
    return truth


def as_instrument(instrument: str | Instrument) -> Instrument:
    """Return an instrument; if a name or a path is given, read the recipe.

    Raises
    ------
    RecipeError
        If there is no such recipe or it is wrong.
    """
    if isinstance(instrument, Instrument):
        return instrument
    return make_instrument(read_instrument(instrument), f"instrument {instrument!r}")


@dataclass(frozen=True)
class _Plan:
    """Parameters of all frames of a data set."""

    instrument: Instrument
    settings: SimulationSettings
    seed: int

    @property
    def fields(self) -> list[tuple[int, int]]:
        """Experiment and FOV of every field."""
        experiments = range(1, len(self.settings.refp_um) + 1)
        return list(itertools.product(experiments, range(1, self.settings.n_fov + 1)))


@dataclass(frozen=True, slots=True)
class _Shot:
    """One frame to render: number of its field, exposure and Z position."""

    folder: Path
    plan: _Plan
    experiment: int
    fov: int
    exposure: int
    plane: int


def _shots(folder: Path, plan: _Plan) -> list[_Shot]:
    exposures = range(len(plan.settings.exposures_ms))
    planes = range(len(plan.settings.z_um))
    return [
        _Shot(folder, plan, *field, exposure, plane)
        for field, exposure, plane in itertools.product(plan.fields, exposures, planes)
    ]


@lru_cache(maxsize=2)
def _scene(plan: _Plan, experiment: int, fov: int) -> Scene:
    """Make a field; the same in every process."""
    # The last number separates the random numbers of a field from those of its sweeps.
    rng = np.random.default_rng([plan.seed, experiment, fov, 0])
    return make_scene(plan.instrument, plan.settings, plan.settings.refp_um[experiment - 1], rng)


@lru_cache(maxsize=2)
def _path(
    plan: _Plan, experiment: int, fov: int, exposure: int
) -> tuple[FloatArray, list[tuple[float, float]]]:
    """Return true Z and lateral shifts of the frames of a sweep, recorded in rising Z."""
    settings, stage = plan.settings, plan.instrument.stage
    rng = np.random.default_rng([plan.seed, experiment, fov, exposure + 1])
    z_um = np.array(settings.z_um)
    slack_um = np.maximum(stage.backlash_um - (z_um - z_um[0]), 0.0)
    drift_um = stage.drift_um_per_frame * np.arange(len(z_um))
    noise_um = rng.normal(0, stage.repeatability_um, len(z_um))
    screw_um = stage.screw_um * np.sin(2 * np.pi * z_um / stage.screw_period_um)
    true_um = z_um + slack_um + drift_um + noise_um + screw_um
    return true_um, _drift(len(z_um), settings.lateral_drift_px, rng)


def _take(shot: _Shot) -> TruthFrame:
    """Write one frame."""
    plan, settings = shot.plan, shot.plan.settings
    scene = _scene(plan, shot.experiment, shot.fov)
    z_true_um, shifts_px = _path(plan, shot.experiment, shot.fov, shot.exposure)
    numbers = [plan.seed, shot.experiment, shot.fov, shot.exposure + 1, shot.plane]
    image = render_frame(
        scene,
        float(z_true_um[shot.plane]),
        settings.exposures_ms[shot.exposure],
        plan.instrument.camera,
        np.random.default_rng(numbers),
        white_level=plan.instrument.optics.white_level,
        shift_px=shifts_px[shot.plane],
    )
    frame = _truth_frame(shot, scene.refp_um, float(z_true_um[shot.plane]))
    write_frame(shot.folder / frame.file, image)
    return frame


def _drift(n: int, step_px: float, rng: np.random.Generator) -> list[tuple[float, float]]:
    """Shifts ``(y, x)`` along a random line; 0 in the middle, to which the truth refers."""
    angle = rng.uniform(0, 2 * np.pi)
    along = step_px * (np.arange(n) - (n - 1) / 2)
    return [(float(a * np.sin(angle)), float(a * np.cos(angle))) for a in along]


def _truth_frame(shot: _Shot, refp_um: float, z_true_um: float) -> TruthFrame:
    settings = shot.plan.settings
    z_um, exposure_ms = settings.z_um[shot.plane], settings.exposures_ms[shot.exposure]
    file = fill_pattern(
        DEFAULT_PATTERN,
        experiment=shot.experiment,
        fov=shot.fov,
        z_um=z_um,
        exposure_ms=exposure_ms,
    )
    return TruthFrame(
        file=file,
        experiment=shot.experiment,
        fov=shot.fov,
        exposure_ms=exposure_ms,
        z_um=z_um,
        z_true_um=z_true_um,
        delta_z_um=z_um - refp_um,
        delta_z_true_um=z_true_um - refp_um,
    )


def _make_truth(dataset: str, plan: _Plan, frames: list[TruthFrame]) -> Truth:
    instrument = plan.instrument
    return Truth(
        dataset=dataset,
        pixel_um=instrument.optics.pixel_size_um,
        tile_px=instrument.tile_side_px,
        stage_sigma_um=instrument.stage.repeatability_um,
        convention=CONVENTION,
        fields=tuple(_truth_field(_scene(plan, *field), *field) for field in plan.fields),
        frames=tuple(frames),
    )


def _truth_field(scene: Scene, experiment: int, fov: int) -> TruthField:
    tilt_y, tilt_x = scene.tilt_um_per_px
    return TruthField(
        experiment=experiment,
        fov=fov,
        refp_um=scene.refp_um,
        refp_ss_um=scene.refp_ss_um,
        refp_ci_um=scene.refp_ci_um,
        refp_beads_um=scene.refp_beads_um,
        refp_median_um=scene.refp_median_um,
        tilt_um_per_px=(tilt_x, tilt_y),
        beads=_truth_beads(scene.beads),
    )


def _truth_beads(beads: SceneBeads) -> tuple[TruthBead, ...]:
    return tuple(
        TruthBead(
            y_px=float(beads.centers_px[k, 0]),
            x_px=float(beads.centers_px[k, 1]),
            radius_um=float(beads.radius_um[k]),
            refp_um=float(beads.plane_um[k]),
            outlier=bool(beads.outlier[k]),
            touching=bool(beads.touching[k]),
            border=bool(beads.border[k]),
            index=float(beads.index[k]),
            focus_um=float(beads.focus_um[k]),
        )
        for k in range(len(beads))
    )


def _write_sweep_file(folder: Path, dataset: str, instrument: Instrument) -> None:
    """Write ``sweep.toml``, with the recipe of an instrument that is not in the package beside it."""
    name = instrument.name
    if name not in instrument_names() or as_instrument(name) != instrument:
        name = INSTRUMENT_FILE
        table = instrument.model_dump(mode="json", exclude_none=True)
        write_bytes(tomli_w.dumps(table).encode(), folder / name)
    write_sweep_file(folder, dataset=dataset, instrument=name)


@contextmanager
def _whole_folder(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder beside ``folder``, and rename it to ``folder`` on success."""
    part = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    try:
        _refuse_occupied(folder)
        part.mkdir(parents=True)
        yield part
        if folder.is_dir():
            folder.rmdir()
        move(part, folder)
    except OSError as error:
        raise OutputError(f"{folder}: not written: {error.strerror}; check the folder") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _refuse_occupied(folder: Path) -> None:
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise OutputError(f"{folder}: exists and is not an empty folder; name another or remove it")
