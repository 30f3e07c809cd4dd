"""Take a model to another instrument of its kind: ``python -m benchmarks.accuracy.second_lab``.

A model of the default family is trained on one simulated A2K and asked about others that differ in
aperture, condenser, light, beads, pixel and camera, one at a time and together. First as it is, when it
should refuse or its interval should hold; then adapted from one sweep of nine frames; where that sweep
is refused, so is every image. Six beads of each image are used.
"""

import argparse
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks import HERE, conditions
from benchmarks.accuracy.asking import Answer, Picture, ask, count, worst
from benchmarks.accuracy.fields import REFP_UM, SCENE, pictures_of, spread_shots
from benchmarks.accuracy.instruments import A2K, RECIPE, vary
from benchmarks.accuracy.models import simulated, simulated_model
from refp.core.errors import DataError
from refp.core.files import write_json
from refp.core.parallel import Workers, default_jobs
from refp.models import load_model, save_model
from refp.pipeline.adaptation import adapt_model
from refp.settings import Instrument
from refp.sweeps import DataSet, open_dataset
from refp.synthetic import SceneSettings, SimulationSettings, another

N_FIELDS, N_PLACES, SIX = 4, 12, 6
RANGE_UM = (-110.0, 110.0)
"""Inside the trained range of the first instrument even where the depth of field is a tenth less."""
EXPOSURE_MS = 12.0
N_FRAMES, STEP_UM = 9, 15.0
NOT_ADAPTED = "sweep_refused"


@dataclass(frozen=True)
class Second:
    """Another instrument, and how its fields differ."""

    name: str
    instrument: Instrument
    scene: dict[str, float] = field(default_factory=dict)


def differing(name: str, part: str, share: float) -> Second:
    """Return an instrument that differs in one setting by a share of it."""
    return Second(f"{name} {share:+.0%}", vary(A2K, {part: 1 + share}))


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
    """Return what lies in a field of an instrument."""
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
    """Return the sweep of nine frames of a second instrument, taken for one like the recipe's."""
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


def pictures(number: int, n_fields: int, workers: Workers) -> list[Picture]:
    """Return pictures of new fields of a second instrument."""
    shots = spread_shots(1000 + number, n_fields, RANGE_UM, N_PLACES, (EXPOSURE_MS,))
    second = SECONDS[number]
    return pictures_of(shots, second.instrument, scene_of(second), workers)


def judge(model: Path, number: int, n_fields: int, workers: Workers) -> list[Answer]:
    """Ask a model about new fields of a second instrument."""
    return ask(model, pictures(number, n_fields, workers), workers, SIX)


def judge_adapted(number: int, n_fields: int, workers: Workers) -> list[Answer]:
    """Adapt the first instrument's model to a second one, and ask it."""
    sweep = short_sweep(number)
    try:
        adapted = adapt_model(load_model(first_model()), [sweep]).ensemble
    except DataError:
        return [
            Answer(picture.name, picture.dz_true_um, np.nan, np.nan, np.nan, NOT_ADAPTED)
            for picture in pictures(number, n_fields, workers)
        ]
    with TemporaryDirectory() as folder:
        model = Path(folder) / f"adapted-{number}.refp"
        save_model(adapted, model)
        return judge(model, number, n_fields, workers)


def row(name: str, answers: list[Answer]) -> dict[str, object]:
    """Return the line of a second instrument."""
    return {"instrument": name, **count(answers), "worst": worst(answers)}


def measure(n_fields: int, workers: Workers) -> dict[str, dict[str, object]]:
    """Judge the model as it is and adapted on all second instruments."""
    said: dict[str, dict[str, list[Answer]]] = {"unadapted": {}, "adapted": {}}
    for number, second in enumerate(SECONDS):
        said["unadapted"][second.name] = judge(first_model(), number, n_fields, workers)
        said["adapted"][second.name] = judge_adapted(number, n_fields, workers)
        for way, answers in said.items():
            print(way, second.name, *count(answers[second.name]).values(), sep=" | ")
    return {
        way: {
            "all": count([answer for part in answers.values() for answer in part]),
            "instruments": [row(name, part) for name, part in answers.items()],
        }
        for way, answers in said.items()
    }


def main() -> None:
    """Write second_lab.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fields", type=int, default=N_FIELDS, help="fields of each instrument")
    n_fields = parser.parse_args().fields
    with Workers(default_jobs()) as workers:
        ways = measure(n_fields, workers)
    write_json(
        {
            "conditions": conditions("A2K simulated by refp.synthetic"),
            "fields": n_fields,
            "range_um": RANGE_UM,
            **ways,
        },
        HERE / "accuracy" / "second_lab.json",
    )


if __name__ == "__main__":
    main()
