"""Differences among instruments of one make: ``python -m benchmarks.accuracy.make``.

The look-up model of one simulated A2K is applied, without limits of refusal, to others whose condenser,
aperture and wavelength differ by what levers and tolerances allow; all else is equal. ``make_u_um`` is
the RMS error over instruments in the range of dZ where it is largest, less the scatter on new fields of
the first instrument. An estimate on an instrument without verification is widened by it
(``estimate.make_u_um``). ``slope_sd`` is the standard deviation among instruments of the slope of estimate
against true dZ, less that among fields of the first one; an adaptation assumes it of the next
(``SLOPE_SD`` in ``estimate/adaptation.py``).
"""

import argparse
import math
from itertools import pairwise
from typing import Any

import numpy as np

from benchmarks import HERE, conditions
from benchmarks.accuracy.estimates import TestImage
from benchmarks.accuracy.fields import SCENE, images_of, spread_shots
from benchmarks.accuracy.instruments import A2K, vary
from benchmarks.accuracy.second_lab import first_model
from refp.core.arrays import FloatArray
from refp.core.files import write_json
from refp.core.labels import WIDTH_95
from refp.core.parallel import Workers
from refp.estimate.estimator import Estimator
from refp.models import load_model
from refp.settings import Instrument
from refp.synthetic import SceneSettings

LEVERS = {
    "illumination.condenser_na": 0.08,
    "objective.numerical_aperture": 0.03,
    "illumination.wavelength_um": 0.02,
}
"""Largest relative difference of each; uniform; assumed."""
N_INSTRUMENTS, N_POSITIONS = 24, 22
RANGE_UM = (-110.0, 110.0)
EXPOSURE_MS = 12.0
EDGES_UM = (0.0, 15.0, 40.0, 75.0, 110.0)
"""Ranges of absolute dZ for which the bias is given apart."""
FIRST, OTHERS = 100, 3000
"""Seeds of the fields of the first instrument and of the others."""


def draw(number: int) -> Instrument:
    """Draw an instrument of the make."""
    rng = np.random.default_rng([45, number])
    return vary(A2K, {name: 1 + rng.uniform(-part, part) for name, part in LEVERS.items()})


def images(instrument: Instrument, number: int, workers: Workers) -> list[TestImage]:
    """Return images of a new field of an instrument over the range."""
    shots = spread_shots(number, 1, RANGE_UM, N_POSITIONS, (EXPOSURE_MS,))
    return images_of(shots, instrument, SceneSettings(**SCENE), workers)


def errors_of(estimator: Estimator, taken: list[TestImage]) -> FloatArray:
    """Return dZ and error of each image with enough beads, shape ``(n, 2)``; no limit applies."""
    assessed = [(image.dz_true_um, estimator.assess(image.make())) for image in taken]
    return np.array([(dz, a.combined.dz_um - dz) for dz, a in assessed if a is not None])


def describe(errors: FloatArray) -> dict[str, Any]:
    """Return the RMS error over the range, and in parts of it."""
    dz_um, error_um = errors.T
    parts = [
        {"from_um": low, "to_um": high, "rms_um": _rms(error_um[_between(dz_um, low, high)])}
        for low, high in pairwise(EDGES_UM)
    ]
    return {"n": len(errors), "rms_um": _rms(error_um), "by_distance": parts}


def slope(errors: FloatArray) -> float:
    """Return the slope of estimate against true dZ, by least squares."""
    dz_um, error_um = errors.T
    return 1.0 + float(np.polyfit(dz_um, error_um, 1)[0])


def _between(dz_um: FloatArray, low_um: float, high_um: float) -> np.ndarray:
    return (np.abs(dz_um) >= low_um) & (np.abs(dz_um) < high_um)


def _rms(values: FloatArray) -> float:
    return float(np.sqrt(np.mean(values**2)))


def measure(n_instruments: int, workers: Workers) -> dict[str, object]:
    """Measure the errors on the first instrument and on others of its make."""
    estimator = Estimator(load_model(first_model()))
    own = [errors_of(estimator, images(A2K, FIRST + k, workers)) for k in range(n_instruments)]
    rows, others = [], []
    for number in range(n_instruments):
        instrument = draw(number)
        errors = errors_of(estimator, images(instrument, OTHERS + number, workers))
        others.append(errors)
        relative = {name: _setting(instrument, name) / _setting(A2K, name) for name in LEVERS}
        rows.append({**relative, "slope": slope(errors), **describe(errors)})
        print(number, relative, rows[-1]["rms_um"], flush=True)
    first, second = describe(np.concatenate(own)), describe(np.concatenate(others))
    make_u_um = max(
        math.sqrt(max(there["rms_um"] ** 2 - here["rms_um"] ** 2, 0.0))
        for here, there in zip(first["by_distance"], second["by_distance"], strict=True)
    )
    among, alone = np.var([row["slope"] for row in rows]), np.var([slope(part) for part in own])
    total_um = math.hypot(make_u_um, first["rms_um"])
    within = np.abs(np.concatenate(others)[:, 1]) <= WIDTH_95 * total_um
    return {
        "make_u_um": make_u_um,
        "slope_sd": math.sqrt(max(float(among - alone), 0.0)),
        "within_interval": float(within.mean()),
        "first": first,
        "others": second,
        "instruments": rows,
    }


def _setting(instrument: Instrument, name: str) -> float:
    part, key = name.split(".")
    return float(getattr(getattr(instrument, part), key))


def main() -> None:
    """Write make.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instruments", type=int, default=N_INSTRUMENTS)
    with Workers(1) as workers:
        found = measure(parser.parse_args().instruments, workers)
    write_json(
        {
            "conditions": conditions("A2K simulated by refp.synthetic"),
            "levers": LEVERS,
            "range_um": RANGE_UM,
            **found,
        },
        HERE / "accuracy" / "make.json",
    )


if __name__ == "__main__":
    main()
