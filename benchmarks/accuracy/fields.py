"""Simulated test images of an instrument: new fields, at places spread over a range."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial

import numpy as np

from benchmarks.accuracy.asking import Picture
from benchmarks.accuracy.coverage import definition_um
from refp.arrays import Image
from refp.sweeps import make_instrument, read_instrument
from refp.synthetic import BeadScatter, SimulationSettings, make_scene, render_frame

INSTRUMENT = "a2k"
SCENE = {"shape_px": (320, 400), "n_beads": 13, "n_touching": 0, "n_dust": 2}
REFP_UM = 1500.0


@dataclass(frozen=True)
class Shot:
    """One simulated test image: instrument, field, place of the image and exposure."""

    number: int
    field: int
    dz_um: float
    exposure_ms: float


def spread_shots(
    number: int,
    n_fields: int,
    range_um: tuple[float, float],
    n_places: int,
    exposures_ms: Sequence[float],
) -> list[Shot]:
    """Spread places over a range, one in each of equal parts, for each field and exposure."""
    part_um = (range_um[1] - range_um[0]) / n_places
    shots = []
    for field in range(n_fields):
        rng = np.random.default_rng([42, number, field])
        for exposure_ms in exposures_ms:
            places = range_um[0] + part_um * (np.arange(n_places) + rng.random(n_places))
            shots += [Shot(number, field, float(dz), exposure_ms) for dz in places]
    return shots


def pictures_of(shots: Sequence[Shot], settings: SimulationSettings) -> list[Picture]:
    """Make pictures; their dZ is counted from where the definition puts the plane of a bead."""
    offset_um = _definition_um(settings.scatter)
    return [
        Picture(str(shot.field), partial(_take_image, shot, settings), shot.dz_um - offset_um)
        for shot in shots
    ]


@cache
def _definition_um(scatter: BeadScatter) -> float:
    return definition_um(scatter)


def _take_image(shot: Shot, settings: SimulationSettings) -> Image:
    """Simulate a test image; its field has beads and tilt of its own, each frame its own noise."""
    instrument = make_instrument(read_instrument(INSTRUMENT), INSTRUMENT)
    seed = [43, shot.number, shot.field]
    field = make_scene(instrument, settings, 0.0, np.random.default_rng(seed))
    own = [44, *seed, round(1000 * (shot.dz_um + 1e4)), round(shot.exposure_ms)]
    return render_frame(
        field,
        field.refp_um + shot.dz_um,
        shot.exposure_ms,
        settings.camera,
        np.random.default_rng(own),
    )
