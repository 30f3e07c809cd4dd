"""Simulated test images of an instrument: new fields, at Z positions spread over a range.

Positions are relative to the plane of a nominal bead at rest in the middle of the field.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np

from benchmarks.accuracy.estimates import TestImage
from refp.core.arrays import Image
from refp.core.parallel import Execution, Workers
from refp.settings import Instrument
from refp.synthetic import (
    Scene,
    SceneSettings,
    SimulationSettings,
    looks_of,
    make_scene,
    render_frame,
)

SCENE = {"shape_px": (320, 400), "n_beads": 13, "n_touching": 0, "n_dust": 2}
REFP_UM = 1500.0


@dataclass(frozen=True)
class Shot:
    """One simulated test image: number of the instrument, field, dZ and exposure."""

    number: int
    field: int
    dz_um: float
    exposure_ms: float


def spread_shots(
    number: int,
    n_fields: int,
    range_um: tuple[float, float],
    n_positions: int,
    exposures_ms: Sequence[float],
) -> list[Shot]:
    """Return shots with one random dZ in each of ``n_positions`` equal parts of a range.

    Positions are drawn for each field and exposure.
    """
    part_um = (range_um[1] - range_um[0]) / n_positions
    shots = []
    for field in range(n_fields):
        rng = np.random.default_rng([42, number, field])
        for exposure_ms in exposures_ms:
            dz_um = range_um[0] + part_um * (np.arange(n_positions) + rng.random(n_positions))
            shots += [Shot(number, field, float(dz), exposure_ms) for dz in dz_um]
    return shots


def images_of(
    shots: Sequence[Shot], instrument: Instrument, scene: SceneSettings, workers: Workers
) -> list[TestImage]:
    """Return test images; compute the instrument's maps first, once for all workers."""
    looks_of(instrument, scene, execution=Execution(workers))
    return [
        TestImage(str(shot.field), partial(_render, shot, instrument, scene), shot.dz_um)
        for shot in shots
    ]


def _render(shot: Shot, instrument: Instrument, scene: SceneSettings) -> Image:
    """Simulate a test image with independent noise."""
    seed = [43, shot.number, shot.field]
    field = _field(instrument, scene, *seed)
    own = [44, *seed, round(1000 * (shot.dz_um + 1e4)), round(shot.exposure_ms)]
    return render_frame(
        field,
        field.refp_um + shot.dz_um,
        shot.exposure_ms,
        instrument.camera,
        np.random.default_rng(own),
    )


@lru_cache(maxsize=2)
def _field(instrument: Instrument, scene: SceneSettings, *seed: int) -> Scene:
    """Return a field with its own beads and tilt."""
    settings = SimulationSettings(scene=scene)
    return make_scene(instrument, settings, 0.0, np.random.default_rng(seed))
