"""Observed coverage of the intervals of planes: ``python -m benchmarks.accuracy.coverage``.

Sweeps are simulated with :mod:`refp.synthetic`, each with its own step, number of frames, exposures,
fields, light, bead sizes and heights, tilt and stage errors, and located separately as ``refp plane``
does. They are of twenty instruments with a spherical aberration that separates SS and CI as on the twin;
each sweep's stage has drift, backlash and a periodic error of its screw. Planes are compared with the
plane of the nominal bead, with the mean of the measurable beads' own planes, and with the article's
plane, of the median of their curves.
"""

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import HERE, conditions
from benchmarks.accuracy.instruments import A2K, vary
from refp.core.arrays import BoolArray, FloatArray
from refp.core.files import write_json
from refp.core.parallel import Execution, Workers, default_jobs, map_ordered
from refp.pipeline import define_planes
from refp.settings import Instrument, load_recipe
from refp.sweeps import open_dataset
from refp.synthetic import SceneSettings, SimulationSettings, looks_of, simulate_dataset

N_DATASETS = 240
N_SHORT = 60
N_INSTRUMENTS = 20
ABERRATION_UM = (-16000.0, -5000.0)
"""Thickness of glass too little: CI lies 0.2 to 0.6 um below SS; the twin's lies 0.2 to 0.35 below."""
TRUTHS = ("nominal", "beads", "median")
SCENE = {"shape_px": (320, 400), "n_touching": 0, "n_dust": 2}
MAX_UM, MAX_SHORT_UM = 480.0, 270.0
"""Longest sweeps: the range of dZ of simulated images."""


@dataclass(frozen=True)
class Case:
    """One simulated data set: its number, and whether it ends before the plane."""

    seed: int
    short: bool


def settings_of(case: Case) -> SimulationSettings:
    """Draw the settings of a data set."""
    rng = np.random.default_rng([23, case.seed, case.short])
    step_um, n = float(rng.choice([5.0, 7.5, 10.0, 15.0])), int(rng.integers(17, 42))
    refp_um = 1500.0 + float(rng.uniform(-10, 10))
    longest_um = MAX_SHORT_UM if case.short else MAX_UM
    span_um = step_um * min(n - 1, int(longest_um / step_um))
    below = float(rng.uniform(0.35, 0.65))
    start_um = refp_um - below * span_um
    if case.short:
        missing_um = float(rng.uniform(4.0, 40.0))
        start_um = refp_um + missing_um if rng.random() < 0.5 else refp_um - missing_um - span_um
    start_um = round(start_um, 2)
    return SimulationSettings(
        scene=SceneSettings(**SCENE, n_beads=int(rng.integers(7, 14))),
        refp_um=(refp_um,),
        n_fov=int(rng.integers(1, 3)),
        z_start_um=start_um,
        z_stop_um=start_um + span_um + 0.01,
        z_step_um=step_um,
        exposures_ms=(9.0, 18.0) if rng.random() < 0.4 else (12.0,),
    )


def instrument_of(case: Case) -> Instrument:
    """Draw the light, the camera and the stage of a data set, on one of the instruments."""
    of_instrument = np.random.default_rng([25, case.seed % N_INSTRUMENTS])
    aberration_um = float(of_instrument.uniform(*ABERRATION_UM))
    rng = np.random.default_rng([24, case.seed, case.short])
    return vary(
        A2K,
        to={
            "sample.slide_um": aberration_um,
            "camera.grey_levels_per_ms": float(rng.uniform(4.0, 7.0)),
            "camera.blur_px": float(rng.uniform(0.2, 0.6)),
            "stage.drift_um_per_frame": float(rng.uniform(-0.05, 0.05)),
            "stage.backlash_um": float(rng.choice([0.0, 3.0])),
            "stage.screw_um": float(rng.uniform(0.0, 0.7)),
            "stage.screw_period_um": float(rng.choice([50.0, 100.0, 250.0])),
        },
    )


def locate(case: Case) -> list[dict[str, object]]:
    """Simulate one data set and locate its planes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sweep"
        seed = 1000 * case.short + case.seed
        truth = simulate_dataset(
            path, instrument_of(case), settings_of(case), dataset="sweep", seed=seed
        )
        planes = define_planes([open_dataset(path)], load_recipe())
    known = {
        field.fov: (field.refp_um, field.refp_beads_um, field.refp_median_um)
        for field in truth.fields
    }
    result = planes.result
    return [
        {
            "dataset": case.seed,
            "instrument": case.seed % N_INSTRUMENTS,
            "short": case.short,
            "z_step_um": settings_of(case).z_step_um,
            "n_frames": plane.n_frames,
            "error_um": plane.refp_um - known[plane.key.fov][0],
            "error_of_beads_um": plane.refp_um - known[plane.key.fov][1],
            "error_of_median_um": plane.refp_um - known[plane.key.fov][2],
            "lower_um": plane.lower_um - known[plane.key.fov][0],
            "upper_um": plane.upper_um - known[plane.key.fov][0],
            "u_um": plane.refp_u_um,
            "features_error_um": article.refp_um - known[plane.key.fov][2],
            "stage_sigma_um": result.pool.stage_sigma_um,
        }
        for plane, article in zip(result.planes, result.by_features, strict=True)
    ]


def summarise(rows: list[dict[str, object]]) -> dict[str, object]:
    """Return coverage, errors and numbers of sweeps."""

    def column(name: str) -> FloatArray:
        return np.array([row[name] for row in rows if not row["short"]], dtype=np.float64)

    error = column("error_um")
    found = np.isfinite(error)
    holds = (column("lower_um") <= 0) & (column("upper_um") >= 0)
    half = (column("upper_um") - column("lower_um")) / 2
    short = [row for row in rows if row["short"]]
    return {
        "n_sweeps": len(error),
        "n_instruments": len(np.unique(column("instrument"))),
        "n_determined": int(found.sum()),
        "coverage": float(holds[found].mean()),
        "coverage_u": _error_over_instruments(holds[found], column("instrument")[found]),
        "against": {
            name: _against(errors[found], half[found], column("u_um")[found])
            for name, errors in zip(
                TRUTHS,
                (error, column("error_of_beads_um"), column("error_of_median_um")),
                strict=True,
            )
        },
        "rms_um": float(np.sqrt(np.mean(error[found] ** 2))),
        "bias_um": float(error[found].mean()),
        "rms_u_um": float(np.sqrt(np.mean(column("u_um")[found] ** 2))),
        "features_rms_um": float(np.sqrt(np.nanmean(column("features_error_um") ** 2))),
        "stage_sigma_um": float(np.nanmedian(column("stage_sigma_um"))),
        "n_short": len(short),
        "n_short_determined": sum(bool(np.isfinite(float(str(r["error_um"])))) for r in short),
    }


def _error_over_instruments(holds: BoolArray, instrument: FloatArray) -> float:
    """Return the standard error of a share: sweeps of one instrument are alike."""
    shares = [holds[instrument == number].mean() for number in np.unique(instrument)]
    return float(np.std(shares, ddof=1) / np.sqrt(len(shares))) if len(shares) > 1 else float("nan")


def _against(error: FloatArray, half_width: FloatArray, u: FloatArray) -> dict[str, float]:
    """Return mean, RMS and coverage of errors against one of the truths."""
    return {
        "bias_um": float(error.mean()),
        "rms_um": float(np.sqrt(np.mean(error**2))),
        "rms_error_over_u": float(np.sqrt(np.mean((error / u) ** 2))),
        "coverage": float((np.abs(error) <= half_width).mean()),
    }


def main() -> None:
    """Write coverage.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datasets", type=int, default=N_DATASETS, help="data sets with the plane")
    parser.add_argument("--short", type=int, default=N_SHORT, help="data sets without the plane")
    options = parser.parse_args()
    cases = [Case(seed, short=False) for seed in range(options.datasets)]
    cases += [Case(seed, short=True) for seed in range(options.short)]
    done = [0]

    def progress(_: str, n: int, total: int) -> None:
        if n - done[0] >= 30 or n == total:
            done[0] = n
            print(f"{n} of {total}", flush=True)

    with Workers(default_jobs()) as workers:
        for case in cases[:N_INSTRUMENTS]:
            looks_of(instrument_of(case), SceneSettings(**SCENE), execution=Execution(workers))
        rows = [
            row
            for part in map_ordered(locate, cases, execution=Execution(workers, progress))
            for row in part
        ]
    result = {
        "conditions": conditions("sweeps simulated by refp.synthetic"),
        "summary": summarise(rows),
        "sweeps": rows,
    }
    write_json(result, HERE / "accuracy" / "coverage.json")
    print(result["summary"])


if __name__ == "__main__":
    main()
