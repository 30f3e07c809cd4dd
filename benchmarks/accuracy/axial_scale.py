"""Measure the width of the steepest-slope curve: ``python -m benchmarks.accuracy.axial_scale``.

The width at half height is in depths of field, wavelength over the squared aperture: noise-free of
simulated instruments, and by the check of the stated Z on the sweeps of the twin. It is compared with the
two limits of the check as well: a width plausible without noise is over ``narrow`` and under ``wide`` by
less than the largest factor.
"""

import numpy as np

from benchmarks import HERE, TWIN, conditions
from benchmarks.accuracy.__main__ import PLANE_SETS
from refp.core.arrays import FloatArray
from refp.core.files import write_json
from refp.core.parallel import Execution, Workers, default_jobs
from refp.measure.dataset import measure_dataset
from refp.measure.features import feature_curve
from refp.plane.axial import axial_scale, expected_widths_um
from refp.settings import Instrument, load_recipe, make_instrument
from refp.sweeps import open_dataset
from refp.synthetic import SceneSettings, feature_curves, looks_of

INSTRUMENTS = (
    *(
        (28.0, 0.13, 0.25),
        (28.0, 0.13, 0.54),
        (28.0, 0.13, 0.9),
        (28.0, 0.2, 0.2),
        (28.0, 0.2, 0.5),
    ),
    *((28.0, 0.3, 0.2), (28.0, 0.3, 0.6), (28.0, 0.3, 0.95), (50.0, 0.1, 0.5), (50.0, 0.1, 0.9)),
    *(
        (15.0, 0.16, 0.5),
        (15.0, 0.3, 0.25),
        (10.0, 0.25, 0.2),
        (10.0, 0.25, 0.5),
        (10.0, 0.25, 0.9),
    ),
    *((10.0, 0.5, 0.2), (6.0, 0.4, 0.15), (6.0, 0.4, 0.5), (6.0, 0.6, 0.5), (4.0, 0.5, 0.9)),
    *((2.8, 0.6, 0.5), (2.8, 0.75, 0.15), (2.8, 0.9, 0.5), (1.5, 0.9, 0.3)),
    *((34.0, 0.4, 0.05), (34.0, 0.4, 0.5), (19.0, 0.6, 0.05), (19.0, 0.6, 0.4), (15.0, 0.55, 0.07)),
    *((6.3, 1.07, 0.05), (6.3, 1.07, 0.35), (2.4, 1.2, 0.1), (2.4, 1.2, 0.5), (1.1, 0.9, 0.7)),
)
"""Bead diameter, um; aperture; condenser over aperture."""
MIN_BEAD_PX = 8.0
DRY_APERTURE = 0.93
APERTURE_TIMES_PIXEL_UM = 0.195
N_POSITIONS = 801


def instrument_of(diameter_um: float, aperture: float, condenser: float) -> Instrument:
    """Return an instrument whose pixels sample its aperture and its bead."""
    pixel_um = min(APERTURE_TIMES_PIXEL_UM / aperture, diameter_um / MIN_BEAD_PX)
    table = {
        "optics": {"pixel_size_um": pixel_um},
        "bead": {"diameter_um": diameter_um},
        "objective": {
            "numerical_aperture": aperture,
            "immersion_index": 1.0 if aperture < DRY_APERTURE else 1.33,
        },
        "illumination": {"condenser_na": condenser * aperture},
    }
    return make_instrument(table, "axial_scale")


def width_row(instrument: Instrument) -> dict[str, float]:
    """Return the width of the noise-free curve at half height, in depths of field and expected widths."""
    looks = looks_of(instrument, SceneSettings())
    z_um = np.linspace(*(0.98 * looks.on_pixels.maps[0].z_um[[0, -1]]), N_POSITIONS)
    pixel_um = instrument.optics.pixel_size_um
    slope, _ = feature_curves(
        looks.on_pixels, looks.nominal_radius_um, instrument.bead.index, z_um, pixel_um
    )
    found_um = width_um(z_um, -slope)
    narrow_um, wide_um = expected_widths_um(instrument)
    return {
        "width_depths": found_um / looks.depth_um,
        "width_over_narrow": found_um / narrow_um,
        "width_over_wide": found_um / wide_um,
    }


def width_um(z_um: FloatArray, height: FloatArray) -> float:
    """Return the distance about the maximum over which a curve exceeds half of it."""
    top = int(height.argmax())
    below = np.flatnonzero(height < height[top] / 2)
    return float(z_um[below[below > top].min()] - z_um[below[below < top].max()])


def twin_rows() -> list[dict[str, object]]:
    """Return the bounds of the width of every sweep of the twin over the expected width."""
    recipe, rows = load_recipe(), []
    with Workers(default_jobs()) as workers:
        for name in PLANE_SETS:
            measured = measure_dataset(
                open_dataset(TWIN / name), recipe, execution=Execution(workers)
            )
            for sweep in measured.sweeps:
                scale = axial_scale(feature_curve(sweep, recipe.feature), measured.instrument)
                rows.append(
                    {
                        "dataset": name,
                        "fov": sweep.key.fov,
                        "exposure_ms": sweep.key.exposure_ms,
                        "lower_over_expected": scale.lower_um / scale.expected_um,
                        "upper_over_expected": scale.upper_um / scale.expected_um,
                        "plausible": scale.is_plausible,
                    }
                )
    return rows


def main() -> None:
    """Write accuracy/axial_scale.json."""
    widths = [
        {
            "bead_diameter_um": diameter,
            "aperture": aperture,
            "condenser": condenser,
        }
        | width_row(instrument_of(diameter, aperture, condenser))
        for diameter, aperture, condenser in INSTRUMENTS
    ]
    result = {"conditions": conditions(), "instruments": widths, "twin": twin_rows()}
    write_json(result, HERE / "accuracy" / "axial_scale.json")


if __name__ == "__main__":
    main()
