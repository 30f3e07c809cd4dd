"""Instruments that differ from a recipe as those of one kind do from laboratory to laboratory."""

from collections.abc import Mapping

import numpy as np

from refp.settings import Instrument, make_instrument
from refp.synthetic import as_instrument

RECIPE = "a2k"
A2K = as_instrument(RECIPE)
SHARES = {
    "objective.numerical_aperture": 0.05,
    "illumination.condenser_na": 0.15,
    "illumination.wavelength_um": 0.03,
    "bead.diameter_um": 0.03,
    "optics.pixel_size_um": 0.01,
    "camera.grey_levels_per_ms": 0.25,
}
"""By what share of itself each setting differs at most; assumed."""
SPANS = {
    "sample.slide_um": (0.0, 1000.0),
    "bead.index": (A2K.bead.index - 0.003, A2K.bead.index + 0.003),
    "bead.diameter_spread": (0.015, 0.04),
    "camera.blur_px": (0.2, 0.6),
    "camera.read_noise_e": (6.0, 20.0),
}
"""Where settings lie that may be anything in a span; assumed."""


def vary(
    instrument: Instrument,
    times: Mapping[str, float] | None = None,
    to: Mapping[str, float] | None = None,
) -> Instrument:
    """Return an instrument with settings, named ``part.key``, multiplied or replaced.

    Its name stays: a laboratory does not know by how much its instrument differs from the recipe.
    """
    table = instrument.model_dump()
    for name, factor in (times or {}).items():
        part, key = name.split(".")
        table[part][key] *= factor
    for name, value in (to or {}).items():
        part, key = name.split(".")
        table[part][key] = value
    return make_instrument(table, f"{instrument.name}, varied")


def draw_instrument(rng: np.random.Generator, serial: int) -> Instrument:
    """Draw an A2K whose every setting differs, with a camera of its own."""
    times = {name: 1 + rng.uniform(-share, share) for name, share in SHARES.items()}
    to = {name: rng.uniform(*span) for name, span in SPANS.items()}
    return vary(A2K, times, {**to, "camera.serial": serial})
