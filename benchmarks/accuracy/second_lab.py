"""Application of a model to another instrument: ``python -m benchmarks.accuracy.second_lab``.

A model of the default family is trained on one simulated A2K and applied to others that differ in
aperture, condenser, light, beads, pixel and camera, one at a time and together: first without
adaptation, then adapted with one sweep of nine frames. If that sweep is refused, every image counts as
refused. Six beads of each image are used.
"""

import argparse
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks import HERE, conditions
from benchmarks.accuracy.estimates import TestEstimate, TestImage, count, estimate_images, worst
from benchmarks.accuracy.fields import REFP_UM, SCENE, images_of, spread_shots
from benchmarks.accuracy.instruments import A2K, RECIPE, vary
from benchmarks.accuracy.models import DEFAULT_FAMILY, simulated, simulated_model
from refp.core.errors import DataError
from refp.core.files import write_json
from refp.core.parallel import Workers, default_jobs
from refp.models import load_model, save_model
from refp.pipeline.adaptation import adapt_model
from refp.settings import Instrument
from refp.sweeps import DataSet, open_dataset
from refp.synthetic import SceneSettings, SimulationSettings, another

N_FIELDS, N_POSITIONS, SIX = 4, 12, 6
RANGE_UM = (-110.0, 110.0)
"""Within the trained range of the first instrument, also with a tenth less depth of field."""
EXPOSURE_MS = 12.0
N_FRAMES, STEP_UM = 9, 15.0
NOT_ADAPTED = "sweep_refused"


@dataclass(frozen=True)
class Second:
    """Another instrument, and the differences of its fields."""

    name: str
    instrument: Instrument
    scene: dict[str, float] = field(default_factory=dict)


def differing(name: str, part: str, fraction: float) -> Second:
    """Return an instrument with one setting changed by a fraction."""
    return Second(f"{name} {fraction:+.0%}", vary(A2K, {part: 1 + fraction}))


SECONDS = (
    Second("the same, another camera", vary(A2K, to={"camera.serial": 2})),
    differing("aperture", "objective.numerical_aperture", -0.05),
    differing("aperture", "objective.numerical_aperture", 0.05),
    differing("condenser", "illumination.condenser_na", 0.15),
    differing("wavelength", "illumination.wavelength_um", 0.03),
    differing("bead diameter", "bead.diameter_um", 0.03),
    Second("bead index +0.003", vary(A2K, to={"bead.index": A2K.bead.index + 0.003})),
    differing("pixel", "optics.pixel_size_um", 0.01),
    Second(
        "blurred pixels, more noise", vary(A2K, {"camera.read_noise_e": 2}, {"camera.blur_px": 0.6})
    ),
    differing("light", "camera.grey_levels_per_ms", -0.5),
    Second("uneven light", A2K, {"uneven_light": 0.2}),
    Second("another laboratory A", another(A2K)),
    Second(
        "another laboratory B",
        vary(
            A2K,
            {
                "objective.numerical_aperture": 1.03,
                "illumination.condenser_na": 0.88,
                "illumination.wavelength_um": 0.98,
                "bead.diameter_um": 0.985,
                "optics.pixel_size_um": 0.993,
                "camera.grey_levels_per_ms": 1.15,
            },
            {
                "sample.slide_um": 1000.0,
                "bead.index": A2K.bead.index - 0.002,
                "camera.blur_px": 0.5,
                "camera.serial": 3,
            },
        ),
    ),
)


def scene_of(second: Second) -> SceneSettings:
    """Return the scene settings of an instrument's fields."""
    return SceneSettings(**SCENE).model_copy(update=second.scene)


def first_model() -> Path:
    """Return the model of the first instrument."""
    settings = SimulationSettings(
        scene=SceneSettings(**SCENE),
        refp_um=(REFP_UM,),
        n_fov=2,
        z_start_um=REFP_UM - 150.0,
        z_stop_um=REFP_UM + 150.0,
        z_step_um=7.5,
        exposures_ms=(9.0, 18.0),
    )
    return simulated_model(A2K, settings, seed=100).path


def short_sweep(number: int) -> DataSet:
    """Return the sweep of nine frames of a second instrument, opened with the recipe's instrument."""
    half_um = STEP_UM * (N_FRAMES - 1) / 2
    settings = SimulationSettings(
        scene=scene_of(SECONDS[number]),
        refp_um=(REFP_UM,),
        z_start_um=REFP_UM - half_um,
        z_stop_um=REFP_UM + half_um,
        z_step_um=STEP_UM,
        exposures_ms=(EXPOSURE_MS,),
    )
    folder = simulated(SECONDS[number].instrument, settings, seed=200 + number)
    return open_dataset(folder, instrument=RECIPE)


def test_images(number: int, n_fields: int, workers: Workers) -> list[TestImage]:
    """Return test images of new fields of a second instrument."""
    shots = spread_shots(1000 + number, n_fields, RANGE_UM, N_POSITIONS, (EXPOSURE_MS,))
    second = SECONDS[number]
    return images_of(shots, second.instrument, scene_of(second), workers)


def judge(model: Path, number: int, n_fields: int, workers: Workers) -> list[TestEstimate]:
    """Estimate images of new fields of a second instrument with a model."""
    return estimate_images(model, test_images(number, n_fields, workers), workers, SIX)


def judge_adapted(number: int, n_fields: int, workers: Workers) -> list[TestEstimate]:
    """Adapt the first instrument's model to a second one, and estimate its images."""
    sweep = short_sweep(number)
    try:
        adapted = adapt_model(load_model(first_model()), [sweep]).ensemble
    except DataError:
        return [
            TestEstimate(image.name, image.dz_true_um, np.nan, np.nan, np.nan, NOT_ADAPTED)
            for image in test_images(number, n_fields, workers)
        ]
    with TemporaryDirectory() as folder:
        model = Path(folder) / f"adapted-{number}.refp"
        save_model(adapted, model)
        return judge(model, number, n_fields, workers)


def row(name: str, estimates: list[TestEstimate]) -> dict[str, object]:
    """Return the row of a second instrument."""
    return {"instrument": name, **count(estimates), "worst": worst(estimates)}


def measure(n_fields: int, workers: Workers) -> dict[str, dict[str, object]]:
    """Evaluate the model, unadapted and adapted, on all second instruments."""
    results: dict[str, dict[str, list[TestEstimate]]] = {"unadapted": {}, "adapted": {}}
    for number, second in enumerate(SECONDS):
        results["unadapted"][second.name] = judge(first_model(), number, n_fields, workers)
        results["adapted"][second.name] = judge_adapted(number, n_fields, workers)
        for state, estimates in results.items():
            print(state, second.name, *count(estimates[second.name]).values(), sep=" | ")
    return {
        state: {
            "all": count([estimate for part in estimates.values() for estimate in part]),
            "instruments": [row(name, part) for name, part in estimates.items()],
        }
        for state, estimates in results.items()
    }


def main() -> None:
    """Write second_lab.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fields", type=int, default=N_FIELDS, help="fields of each instrument")
    n_fields = parser.parse_args().fields
    with Workers(default_jobs()) as workers:
        states = measure(n_fields, workers)
    write_json(
        {
            "conditions": conditions("A2K simulated by refp.synthetic"),
            "family": DEFAULT_FAMILY,
            "fields": n_fields,
            "range_um": RANGE_UM,
            **states,
        },
        HERE / "accuracy" / "second_lab.json",
    )


if __name__ == "__main__":
    main()
