"""Models that several benchmarks judge: trained once, kept as long as code and data stay the same.

They lie in ``benchmarks/.cache``, which git ignores; whatever the package's code, the recipe or the
training images change makes another file name.
"""

import json
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks import HERE, TWIN
from refp.core.digests import digest_json, hash_code, hash_paths
from refp.core.files import write_json
from refp.core.parallel import Execution, Progress, Workers, default_jobs
from refp.models import load_model, save_model
from refp.pipeline import define_planes, train_model
from refp.pipeline.assembly import CODE
from refp.settings import FamilyName, Instrument, Recipe, load_recipe
from refp.sweeps import DataSet, open_dataset
from refp.synthetic import SimulationSettings, simulate_dataset

CACHE = HERE / ".cache"
SIMULATING = ("core", "settings", "sweeps", "synthetic")
"""Rooms on whose code simulated sweeps depend."""
RESNET = {"members": 1, "max_steps": 1000, "validate_steps": 250}
"""Minutes of a CPU; the article's network takes a hundred times as long."""


@dataclass(frozen=True)
class TrainedModel:
    """A model file and how long its training took, measuring the images not counted."""

    path: Path
    seconds: float


def family_recipe(family: FamilyName) -> Recipe:
    """Return the default recipe with a family; the article's network cut to what a CPU trains."""
    recipe = load_recipe()
    return recipe.replace({"train": {"family": family, "resnet": RESNET}})


def twin_model(name: str, family: FamilyName = "profile") -> TrainedModel:
    """Return the model of a family trained on a data set of the twin."""
    return trained_on(TWIN / name, family)


def simulated_model(
    instrument: Instrument, settings: SimulationSettings, seed: int, family: FamilyName = "profile"
) -> TrainedModel:
    """Return the model of a family trained on sweeps that an instrument is simulated to take.

    They are measured by the recipe of the instrument's name, whatever it differs by.
    """
    return trained_on(simulated(instrument, settings, seed), family, instrument.name)


def simulated(instrument: Instrument, settings: SimulationSettings, seed: int) -> Path:
    """Return the folder of simulated sweeps, made where it is not there."""
    made_from = f"{instrument.model_dump_json()} {settings.model_dump_json()}"
    digest = digest_json([seed, made_from, hash_code(*SIMULATING)])
    folder = CACHE / f"sweep-{digest[:16]}"
    if not folder.is_dir():
        with Workers(default_jobs()) as workers:
            simulate_dataset(
                *(folder, instrument, settings),
                dataset=folder.name,
                seed=seed,
                execution=Execution(workers),
            )
    return folder


def trained_on(folder: Path, family: FamilyName, recipe_name: str | None = None) -> TrainedModel:
    """Return the model trained on a data set, from the cache where it is there.

    Parameters
    ----------
    folder, family
        Data set and family.
    recipe_name
        Instrument recipe to measure by; the data set's own without it.
    """
    recipe = family_recipe(family)
    code = hash_code(*CODE, "estimate", "pipeline")
    digest = digest_json([code, recipe.digest, recipe_name, hash_paths(folder.iterdir())])
    name = f"{folder.name}-{family}-{digest[:16]}"
    path = CACHE / f"{name}.refp"
    if not path.is_file():
        _train(open_dataset(folder, instrument=recipe_name), recipe, path)
    seconds = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["seconds"]
    return TrainedModel(path, seconds)


def _train(dataset: DataSet, recipe: Recipe, path: Path) -> None:
    print(f"training {recipe.train.family} on {dataset.name}", flush=True)
    with Workers(default_jobs()) as workers:
        planes = define_planes([dataset], recipe, execution=Execution(workers))
        started = time.perf_counter()
        ensemble = train_model(planes, recipe, execution=Execution(workers, _print_halves()))
        seconds = time.perf_counter() - started
    write_json({"seconds": seconds}, path.with_suffix(".json"))
    save_model(ensemble, path)
    print(f"  {seconds:.0f} s, {load_model(path).card.name}", flush=True)


def _print_halves() -> Progress:
    """Print when half and all of a step is done."""

    def progress(title: str, done: int, total: int) -> None:
        if total > 1 and done in (total // 2, total):
            print(f"  {title}: {done} of {total}", flush=True)

    return progress
