"""Data sets like those of the article's Table 1, for any instrument."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from refp.settings import Instrument
from refp.synthetic.presets import PlannedSet, scales_of
from refp.synthetic.settings import Objects, SceneSettings, SimulationSettings
from refp.synthetic.simulate import as_instrument

Scale = Literal["quick", "full"]
N_CELLS = 60
SHAPE_PX = {"quick": (480, 640), "full": (960, 1280)}
MIN_FIT = {"quick": 0.65, "full": 0.35}
"""Minimum scale of ``SHAPE_PX`` per ratio of the bead size in px to that of the A2K, so that beads fit."""
N_BEADS = {"quick": 13, "full": 20}


@dataclass(frozen=True, slots=True)
class Row:
    """A row of Table 1.

    Attributes
    ----------
    kind
        ``"training"``, ``"test 1"`` and so on.
    z_um
        First and last Z, and step.
    exposures_ms
        All exposures, and those of scale ``quick``.
    refp_um
        Reference plane.
    n_fov
        Fields of view; not in the table, assumed.
    viability
        Fraction of live cells; ``None`` if there are no cells.
    elsewhere
        Whether it was recorded with another instrument of the same type.
    """

    kind: str
    z_um: tuple[float, float, float]
    exposures_ms: tuple[float, ...]
    quick_ms: tuple[float, ...]
    refp_um: float
    n_fov: int = 1
    viability: float | None = None
    elsewhere: bool = False


A2K_ROWS = (
    Row("training", (1200, 1800, 7.5), (6, 9, 12, 15, 18, 21, 24), (6, 12, 24), 1507.5, n_fov=2),
    Row("test 1", (1380, 1627.5, 7.5), (6, 9, 12, 18, 22, 26), (9, 22), 1522.5),
    Row("test 2", (1380, 1620, 30), (6, 9, 12, 18, 22), (9, 12), 1500),
    Row("test 3", (1380, 1620, 7.5), (6, 9, 12, 18, 22), (12,), 1575),
    Row("test 4", (1380, 1770, 7.5), (9, 12, 18), (12,), 1695, elsewhere=True),
    Row("test 5", (1380, 1620, 7.5), (12,), (12,), 1515, viability=0.2),
    Row("test 6", (1380, 1620, 7.5), (12,), (12,), 1530, viability=0.7),
)
NIKON_ROWS = (
    Row("training", (1, 25, 1), (5, 10, 20, 30, 40), (10, 30), 13, n_fov=2),
    Row("test 1", (1, 25, 1), (5, 10, 20, 30, 40), (20,), 23),
    Row("test 2", (1, 25, 1), (5, 10, 20, 30, 40), (20,), 13),
)
TABLE_INSTRUMENTS = {"a2k": ("A2K", A2K_ROWS), "nikon-ti2": ("Nikon", NIKON_ROWS)}


def table1_sets(instruments: list[str] | None, scale: Scale) -> Iterator[PlannedSet]:
    """Yield the data sets of Table 1.

    Parameters
    ----------
    instruments
        Names or paths of recipes. An instrument that is not in the table has the rows of the A2K, with
        lengths along Z scaled by the depth of field. Default: those of the table.
    scale
        ``"full"``: all exposures, images of a large sensor; ``"quick"``: fewer exposures, smaller
        images.

    Raises
    ------
    RecipeError
        If there is no such instrument.
    """
    for name in instruments or TABLE_INSTRUMENTS:
        instrument = as_instrument(name)
        label, rows = TABLE_INSTRUMENTS.get(name, (instrument.name, A2K_ROWS))
        depth = 1.0 if name in TABLE_INSTRUMENTS else scales_of(instrument)[0]
        for row in rows:
            dataset = f"{label} {row.kind}"
            yield PlannedSet(
                dataset=dataset,
                folder=dataset.lower().replace(" ", "-").replace("test-", "test"),
                instrument=another(instrument) if row.elsewhere else instrument,
                settings=_settings(row, instrument, scale, depth),
            )


def another(instrument: Instrument) -> Instrument:
    """Return another instrument of the same type, as in another laboratory; differences are assumed."""
    light, camera = instrument.illumination, instrument.camera
    return instrument.replace(
        {
            "objective.numerical_aperture": 0.97 * instrument.numerical_aperture,
            "illumination.condenser_na": 1.08 * instrument.condenser_na,
            "illumination.wavelength_um": 1.02 * light.wavelength_um,
            "camera.serial": camera.serial + 1,
            "camera.grey_levels_per_ms": 0.9 * camera.grey_levels_per_ms,
        },
        source=f"another {instrument.name}",
    )


def _settings(row: Row, instrument: Instrument, scale: Scale, depth: float) -> SimulationSettings:
    first_um, last_um, step_um = row.z_um
    n_steps = int((last_um - first_um) / step_um)
    step_um = round(depth * step_um, 3)
    start_um = round(row.refp_um + depth * (first_um - row.refp_um), 2)
    return SimulationSettings(
        scene=_scene(row, instrument, scale),
        refp_um=(row.refp_um,),
        n_fov=row.n_fov,
        z_start_um=start_um,
        z_stop_um=start_um + n_steps * step_um,
        z_step_um=step_um,
        exposures_ms=row.exposures_ms if scale == "full" else row.quick_ms,
    )


def _scene(row: Row, instrument: Instrument, scale: Scale) -> SceneSettings:
    depth, size = scales_of(instrument)
    usual = SceneSettings()
    (height_px, width_px), fit = SHAPE_PX[scale], max(1.0, MIN_FIT[scale] * size)
    cells: dict[str, Objects] = {}
    if row.viability is not None:
        n_live = round(N_CELLS * row.viability)
        cells = {
            "live_cells": usual.live_cells.model_copy(update={"n": n_live}),
            "stained_cells": usual.stained_cells.model_copy(update={"n": N_CELLS - n_live}),
            "debris": usual.debris.model_copy(update={"n": 20}),
        }
    return SceneSettings(
        shape_px=(round(height_px * fit), round(width_px * fit)),
        n_beads=N_BEADS[scale],
        off_plane_um=depth * usual.off_plane_um,
        height_sd_um=depth * usual.height_sd_um,
        tilt_sd_um_per_px=depth / size * usual.tilt_sd_um_per_px,
        **cells,
    )
