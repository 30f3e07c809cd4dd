"""Take a model to another instrument of its kind: ``python -m benchmarks.accuracy.second_lab``.

A model of the default family is trained on one simulated A2K and asked about others that differ in depth
of field, in where above the reference plane the rim is sharpest, in the contrast of beads, in light and
background, one at a time and together. First as it is, when it should refuse or its interval should
hold; then adapted from one sweep of nine frames. Six beads of each image are used.
"""

import argparse
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import HERE, conditions
from benchmarks.accuracy.asking import Answer, ask, count, worst
from benchmarks.accuracy.fields import REFP_UM, SCENE, pictures_of, spread_shots
from benchmarks.accuracy.models import simulated, simulated_model
from refp.adapting import adapt_model
from refp.models import load_model, save_model
from refp.parallel import Workers, default_jobs
from refp.record import write_json
from refp.sweeps import DataSet, open_dataset
from refp.synthetic import BeadScatter, Camera, SceneSettings, SimulationSettings

N_FIELDS, N_PLACES, SIX = 4, 12, 6
RANGE_UM = (-110.0, 110.0)
"""Inside the trained range of the first instrument even where the depth of field is a tenth less."""
EXPOSURE_MS = 12.0
N_FRAMES, STEP_UM = 9, 15.0
USUAL, USUAL_CAMERA = BeadScatter(), Camera()
DEPTH_UM = 40.0


@dataclass(frozen=True)
class Second:
    """How another instrument differs from the first."""

    name: str
    scatter: dict[str, float] = field(default_factory=dict)
    camera: dict[str, float] = field(default_factory=dict)
    scene: dict[str, float] = field(default_factory=dict)


SECONDS = (
    Second("the same", camera={"serial": 2}),
    *(
        Second(f"depth of field {change:+.0%}", {"depth_um": DEPTH_UM * (1 + change)})
        for change in (-0.1, -0.05, 0.05, 0.1)
    ),
    *(
        Second(f"rim sharpest {shift * DEPTH_UM:+.0f} um", {"rim_shift_depths": 0.4 + shift})
        for shift in (-0.3, -0.15, 0.15, 0.3)
    ),
    *(
        Second(f"centre spot {change:+.0%}", {"spot_height": USUAL.spot_height * (1 + change)})
        for change in (-0.2, 0.2)
    ),
    Second("rim blurs 15 % faster", {"rim_blur": USUAL.rim_blur * 1.15}),
    Second("disc lets more light through", {"darkness": 0.85}),
    Second("half the light", camera={"grey_levels_per_ms": USUAL_CAMERA.grey_levels_per_ms / 2}),
    Second("uneven light", scene={"uneven_light": 0.2}),
    Second(
        "another laboratory A",
        {"depth_um": 42.5, "rim_shift_depths": 0.2, "spot_height": 2.4, "halo": 0.1},
        {"grey_levels_per_ms": 4.2, "serial": 3},
    ),
    Second(
        "another laboratory B",
        {"depth_um": 37.5, "rim_shift_depths": 0.6, "spot_height": 3.0, "shelf": 0.25},
        {"grey_levels_per_ms": 6.0, "serial": 4},
    ),
)


def settings_of(second: Second, **sweep: object) -> SimulationSettings:
    """Return an instrument's settings: the usual ones with what differs."""
    return SimulationSettings(
        scatter=USUAL.model_copy(update=second.scatter),
        scene=SceneSettings(**SCENE).model_copy(update=second.scene),
        camera=USUAL_CAMERA.model_copy(update=second.camera),
        refp_um=(REFP_UM,),
        **sweep,
    )


def first_model() -> Path:
    """Return the model of the first instrument."""
    settings = settings_of(
        Second("first"),
        n_fov=2,
        z_start_um=REFP_UM - 150.0,
        z_stop_um=REFP_UM + 150.0,
        z_step_um=7.5,
        exposures_ms=(9.0, 18.0),
    )
    return simulated_model(settings, seed=100).path


def short_sweep(number: int) -> DataSet:
    """Return the sweep of nine frames of a second instrument."""
    half_um = STEP_UM * (N_FRAMES - 1) / 2
    settings = settings_of(
        SECONDS[number],
        z_start_um=REFP_UM - half_um,
        z_stop_um=REFP_UM + half_um,
        z_step_um=STEP_UM,
        exposures_ms=(EXPOSURE_MS,),
    )
    return open_dataset(simulated(settings, seed=200 + number))


def judge(model: Path, number: int, n_fields: int, workers: Workers) -> list[Answer]:
    """Ask a model about new fields of a second instrument."""
    shots = spread_shots(1000 + number, n_fields, RANGE_UM, N_PLACES, (EXPOSURE_MS,))
    return ask(model, pictures_of(shots, settings_of(SECONDS[number])), workers, SIX)


def judge_adapted(number: int, n_fields: int, workers: Workers) -> list[Answer]:
    """Adapt the first instrument's model to a second one, and ask it."""
    adapted = adapt_model(load_model(first_model()), [short_sweep(number)]).ensemble
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
        {"conditions": conditions(), "fields": n_fields, "range_um": RANGE_UM, **ways},
        HERE / "accuracy" / "second_lab.json",
    )


if __name__ == "__main__":
    main()
