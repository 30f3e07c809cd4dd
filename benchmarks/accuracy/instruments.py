"""Instruments with the assumed differences between laboratories from a recipe."""

from collections.abc import Mapping

import numpy as np

from refp.settings import Instrument, make_instrument
from refp.synthetic import as_instrument

RECIPE = "a2k"
A2K = as_instrument(RECIPE)
MAX_FRACTIONS = {
    "objective.numerical_aperture": 0.05,
    "illumination.condenser_na": 0.15,
    "illumination.wavelength_um": 0.03,
    "bead.diameter_um": 0.03,
    "optics.pixel_size_um": 0.01,
    "camera.grey_levels_per_ms": 0.25,
}
"""Largest relative difference of each setting; assumed."""
RANGES = {
    "sample.slide_um": (0.0, 1000.0),
    "bead.index": (A2K.bead.index - 0.003, A2K.bead.index + 0.003),
    "bead.diameter_spread": (0.015, 0.04),
    "camera.blur_px": (0.2, 0.6),
    "camera.read_noise_e": (6.0, 20.0),
}
"""Ranges of settings drawn uniformly; assumed."""


def vary(
    instrument: Instrument,
    times: Mapping[str, float] | None = None,
    to: Mapping[str, float] | None = None,
) -> Instrument:
    """Return an instrument with settings, named ``part.key``, multiplied or replaced.

    The name is kept, so that images are measured with the recipe of that name.
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
    """Draw an A2K with every setting changed, and its own camera."""
    times = {name: 1 + rng.uniform(-fraction, fraction) for name, fraction in MAX_FRACTIONS.items()}
    to = {name: rng.uniform(*limits) for name, limits in RANGES.items()}
    return vary(A2K, times, {**to, "camera.serial": serial})
