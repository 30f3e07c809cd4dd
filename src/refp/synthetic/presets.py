"""Predefined settings: the sweeps of the demo, for any instrument."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Literal

from pydantic import ValidationError

from refp.core.errors import RecipeError
from refp.core.parallel import Execution
from refp.settings import Instrument, load_toml, one_line
from refp.synthetic.optics import make_microscope
from refp.synthetic.settings import SceneSettings, SimulationSettings
from refp.synthetic.simulate import as_instrument, simulate_dataset
from refp.synthetic.truth import TRUTH_FILE, Truth

DemoKind = Literal["training", "test"]
KINDS: tuple[DemoKind, ...] = ("training", "test")


@dataclass(frozen=True, slots=True)
class PlannedSet:
    """A data set to simulate: its name, folder, instrument and settings."""

    dataset: str
    folder: str
    instrument: Instrument
    settings: SimulationSettings


def simulate_planned(
    planned: PlannedSet,
    folder: Path,
    seed: int,
    execution: Execution,
    *,
    overwrite: bool = False,
) -> Truth:
    """Simulate a planned data set in its subfolder of ``folder``; see :func:`simulate_dataset`.

    With ``overwrite`` an existing simulated data set is removed first; a folder without ``truth.json``
    is not removed.
    """
    target = folder / planned.folder
    if overwrite and (target / TRUTH_FILE).is_file():
        rmtree(target, ignore_errors=True)
    return simulate_dataset(
        target,
        planned.instrument,
        planned.settings,
        dataset=planned.dataset,
        seed=seed,
        execution=execution,
    )


def demo_sets(instrument: str | Instrument) -> Iterator[PlannedSet]:
    """Yield the data sets of the demo; parameters and errors are those of :func:`demo_settings`."""
    for kind in KINDS:
        yield PlannedSet(kind, kind, as_instrument(instrument), demo_settings(kind, instrument))


def own_set(instrument: str | Instrument, path: Path) -> PlannedSet:
    """Return the data set of a TOML file of :class:`SimulationSettings`, with the name of the file.

    Raises
    ------
    RecipeError
        If there is no such instrument or file, or a setting is invalid; the message names it.
    """
    if not path.is_file():
        raise RecipeError(f"{path}: no such file of simulation settings")
    try:
        settings = SimulationSettings.model_validate(load_toml(path))
    except ValidationError as error:
        raise RecipeError(one_line(error, str(path))) from error
    return PlannedSet(path.stem, path.stem, as_instrument(instrument), settings)


def demo_settings(kind: DemoKind, instrument: str | Instrument = "a2k") -> SimulationSettings:
    """Return the settings of a demo sweep.

    Parameters
    ----------
    kind
        ``"training"``: 41 Z positions of 2 FOVs at two exposures; ``"test"``: 21 Z positions of one
        FOV with another REFP at a third exposure, inside the range of dZ of the training data.
    instrument
        Lengths are those of the A2K; for another instrument, lengths along Z are scaled by its depth
        of field and lateral ones by its bead radius in pixels.
    """
    instrument = as_instrument(instrument)
    depth, size = scales_of(instrument)
    scene = _demo_scene(depth, size)
    if kind == "training":
        return _demo(scene, depth, 1503.0, (1350.0, 7.5, 41), (9.0, 18.0), n_fov=2)
    return _demo(scene, depth, 1522.0, (1380.0, 13.5, 21), (12.0,), n_fov=1)


def scales_of(instrument: Instrument) -> tuple[float, float]:
    """Return depth of field and bead radius in pixels, both relative to the A2K."""
    a2k = as_instrument("a2k")
    depth = make_microscope(instrument).depth_um / make_microscope(a2k).depth_um
    return depth, instrument.bead_radius_px / a2k.bead_radius_px


def _demo(
    scene: SceneSettings,
    depth: float,
    refp_um: float,
    z_range: tuple[float, float, int],
    exposures_ms: tuple[float, ...],
    n_fov: int,
) -> SimulationSettings:
    """Return a sweep of ``z_range`` = start, step and number, with lengths in um on the A2K."""
    start_um, step_um, n = z_range
    start_um = round(refp_um + depth * (start_um - refp_um), 2)
    step_um = round(depth * step_um, 2)
    return SimulationSettings(
        scene=scene,
        refp_um=(refp_um,),
        n_fov=n_fov,
        z_start_um=start_um,
        z_stop_um=start_um + step_um * (n - 1),
        z_step_um=step_um,
        exposures_ms=exposures_ms,
    )


def _demo_scene(depth: float, size: float) -> SceneSettings:
    defaults = SceneSettings()
    return SceneSettings(
        shape_px=(round(320 * size), round(400 * size)),
        n_beads=10,
        n_touching=0,
        off_plane_um=depth * defaults.off_plane_um,
        height_sd_um=depth * defaults.height_sd_um,
        tilt_sd_um_per_px=depth / size * defaults.tilt_sd_um_per_px,
        n_dust=2,
    )
