"""Observed coverage of intervals of single images: ``python -m benchmarks.accuracy.intervals``.

Instruments are simulated with :mod:`refp.synthetic`, each with its own optics, light, camera, beads,
heights and tilt. The default family is trained on two fields and applied to new fields of the same
instrument, at dZ and exposures outside the training set, and to the twin's test sets. True dZ is relative
to the plane of a nominal bead at rest in the middle of the field.
"""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks import HERE, conditions
from benchmarks.accuracy.estimates import (
    TestEstimate,
    TestImage,
    count,
    dz_range_um,
    estimate_images,
)
from benchmarks.accuracy.fields import REFP_UM, SCENE, images_of, spread_shots
from benchmarks.accuracy.instruments import draw_instrument
from benchmarks.accuracy.models import DEFAULT_FAMILY, simulated_model, twin_model
from benchmarks.accuracy.twin import TESTS, frames
from refp.core.files import write_json
from refp.core.parallel import Workers, default_jobs
from refp.settings import FamilyName, Instrument
from refp.synthetic import SceneSettings, SimulationSettings

SIX = 6
N_SETS, N_FIELDS, N_POSITIONS = 20, 3, 12
FAMILY = DEFAULT_FAMILY
BEADS = (3, SIX, 10, None)
TWIN_BEADS = (SIX, None)
TRAINING_EXPOSURES_MS, TEST_EXPOSURES_MS = (9.0, 18.0), (9.0, 14.0)
END_UM = 8.0
"""Distance of test positions from the ends of the trained range, where estimates are refused."""
N_FIFTHS = 5


@dataclass(frozen=True)
class Result:
    """An estimate with the groups of the tables."""

    estimate: TestEstimate
    group: str
    field: int
    fifth: int
    exposure_ms: float
    beads: int | str
    family: FamilyName


def drawn(number: int) -> tuple[Instrument, SimulationSettings]:
    """Draw an instrument and its training sweeps."""
    rng = np.random.default_rng([41, number])
    instrument = draw_instrument(rng, serial=number)
    scene = SceneSettings(
        **SCENE,
        height_sd_um=rng.uniform(0.5, 1.5),
        tilt_sd_um_per_px=rng.uniform(0.001, 0.005),
        uneven_light=rng.uniform(0.01, 0.06),
    )
    settings = SimulationSettings(
        scene=scene,
        refp_um=(REFP_UM,),
        n_fov=2,
        z_start_um=REFP_UM - 150.0 + round(rng.uniform(-5, 5), 2),
        z_stop_um=REFP_UM + 156.0,
        z_step_um=7.5,
        exposures_ms=TRAINING_EXPOSURES_MS,
    )
    return instrument, settings


def fifth(dz_um: float, range_um: tuple[float, float]) -> int:
    """Return the fifth of a range that contains dZ, 1 to 5."""
    low, high = range_um
    return int(np.clip((dz_um - low) / (high - low) * N_FIFTHS, 0, N_FIFTHS - 1)) + 1


def estimate_simulated(number: int, n_fields: int, workers: Workers) -> list[Result]:
    """Train on a simulated instrument and estimate images of its new fields."""
    instrument, settings = drawn(number)
    model = simulated_model(instrument, settings, number, FAMILY).path
    range_um = dz_range_um(model)
    low, high = range_um[0] + END_UM, range_um[1] - END_UM
    shots = spread_shots(number, n_fields, (low, high), N_POSITIONS, TEST_EXPOSURES_MS)
    images = images_of(shots, instrument, settings.scene, workers)
    results = []
    for n in BEADS:
        estimates = estimate_images(model, images, workers, n)
        results += [
            Result(
                *(estimate, f"instrument {number + 1}", shot.field),
                *(fifth(shot.dz_um, range_um), shot.exposure_ms, n or "all", FAMILY),
            )
            for estimate, shot in zip(estimates, shots, strict=True)
        ]
    return results


def estimate_twin(workers: Workers) -> list[Result]:
    """Estimate the twin's test images inside the trained range."""
    results = []
    for training, tests in TESTS.items():
        model = twin_model(training, FAMILY).path
        low, high = dz_range_um(model)
        for i, test in enumerate(tests):
            known = [(f, dz) for f, dz in frames(test) if low <= dz <= high]
            images = [TestImage(f.path.name, f.read, dz) for f, dz in known]
            span = min(dz for _, dz in known), max(dz for _, dz in known)
            for n in TWIN_BEADS:
                estimates = estimate_images(model, images, workers, n)
                results += [
                    Result(a, test, i, fifth(dz, span), f.key.exposure_ms, n or "all", FAMILY)
                    for a, (f, dz) in zip(estimates, known, strict=True)
                ]
    return results


def table(results: Sequence[Result], key: Callable[[Result], object]) -> list[dict[str, object]]:
    """Return a row of counts for each family, number of beads and value of a key."""
    rows = []
    for family in dict.fromkeys(a.family for a in results):
        for beads in dict.fromkeys(a.beads for a in results if a.family == family):
            part = [a for a in results if a.family == family and a.beads == beads]
            head = {"family": family, "beads": beads}
            rows += [
                {**head, "of": value, **_counts([a for a in part if key(a) == value])}
                for value in sorted({key(a) for a in part})
            ]
    return rows


def _counts(results: Sequence[Result]) -> dict[str, object]:
    """Return counts with the standard error of the coverage.

    It is over instruments, whose images share the errors of one training; of a single one, over fields.
    """
    counts = count([a.estimate for a in results])
    counts.pop("reasons")
    answered = [a for a in results if not a.estimate.code]
    several = len({a.group for a in answered}) > 1
    groups: dict[object, list[bool]] = {}
    for a in answered:
        groups.setdefault(a.group if several else a.field, []).append(a.estimate.covers)
    coverage = [np.mean(covers) for covers in groups.values()]
    error = np.std(coverage, ddof=1) / np.sqrt(len(coverage)) if len(coverage) > 1 else np.nan
    return {**counts, "groups": len(groups), "within_interval_u": float(error)}


def tables(results: Sequence[Result]) -> dict[str, list[dict[str, object]]]:
    """Return all tables of a set of results."""
    return {
        "all": table(results, lambda _: "all"),
        "by_fifth": table(results, lambda a: a.fifth),
        "by_exposure": table(results, lambda a: a.exposure_ms),
        "by_set": table(results, lambda a: a.group),
    }


def image_rows(results: Sequence[Result]) -> list[dict[str, object]]:
    """Return a row for each image estimated from six beads."""
    return [
        {
            "test": a.group,
            "family": a.family,
            "exposure_ms": a.exposure_ms,
            "dz_true_um": a.estimate.dz_true_um,
            "error_um": a.estimate.error_um,
            "half_width_um": (a.estimate.upper_um - a.estimate.lower_um) / 2,
            "reason": a.estimate.code,
        }
        for a in results
        if a.beads == SIX
    ]


def main() -> None:
    """Write intervals.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=N_SETS, help="simulated instruments")
    parser.add_argument(
        "--fields", type=int, default=N_FIELDS, help="new fields of each instrument"
    )
    options = parser.parse_args()
    results: list[Result] = []
    with Workers(default_jobs()) as workers:
        for number in range(options.sets):
            results += estimate_simulated(number, options.fields, workers)
            _print(f"instrument {number + 1}", results[-1:] and tables(results)["by_set"])
        of_twin = estimate_twin(workers)
    simulated, twin = tables(results), tables(of_twin)
    _print("simulated", simulated["all"] + simulated["by_fifth"])
    _print("twin", twin["by_set"])
    result = {"sets": options.sets, "fields": options.fields, "places": N_POSITIONS}
    write_json(
        {
            "conditions": conditions(
                "images simulated by refp.synthetic; images of the shared twin"
            ),
            **result,
            "simulated": simulated,
            "twin": twin,
            "images": image_rows(of_twin),
        },
        HERE / "accuracy" / "intervals.json",
    )


def _print(title: str, rows: Sequence[dict[str, object]]) -> None:
    print(title)
    for row in rows:
        values = (f"{v:.3f}" if isinstance(v, float) else str(v) for v in row.values())
        print("  ", " | ".join(values), flush=True)


if __name__ == "__main__":
    main()
