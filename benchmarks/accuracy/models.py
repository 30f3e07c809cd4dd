"""Models shared by the benchmarks, trained once per version of code and data.

Models are kept in ``benchmarks/.cache``, which git ignores. The file name depends on the package's
code, the recipe and the training images.
"""

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
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
"""Packages whose code determines simulated sweeps."""
DEFAULT_FAMILY = load_recipe().train.family
RESNET = {"members": 1, "max_steps": 1000, "validate_steps": 250}
"""Trains in minutes on a CPU; the article's network takes a hundred times as long."""


@dataclass(frozen=True)
class TrainedModel:
    """A model file and its training time without the measurement of images."""

    path: Path
    seconds: float


def family_recipe(family: FamilyName) -> Recipe:
    """Return the default recipe with a family; steps of ``resnet`` are reduced for CPUs."""
    recipe = load_recipe()
    return recipe.replace({"train": {"family": family, "resnet": RESNET}})


def twin_model(name: str, family: FamilyName = DEFAULT_FAMILY) -> TrainedModel:
    """Return the model of a family trained on a data set of the twin."""
    return trained_on(TWIN / name, family)


def simulated_model(
    instrument: Instrument,
    settings: SimulationSettings,
    seed: int,
    family: FamilyName = DEFAULT_FAMILY,
) -> TrainedModel:
    """Return the model of a family trained on simulated sweeps of an instrument.

    The sweeps are measured with the instrument recipe of the same name.
    """
    return trained_on(simulated(instrument, settings, seed), family, instrument.name)


def simulated(instrument: Instrument, settings: SimulationSettings, seed: int) -> Path:
    """Return the folder of simulated sweeps; simulate them if it does not exist."""
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
    """Return the model trained on a data set, from the cache if it exists.

    Parameters
    ----------
    folder, family
        Data set and family.
    recipe_name
        Instrument recipe of the measurement; default: that of the data set.
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
        ensemble = train_model(planes, recipe, execution=Execution(workers, print_progress()))
        seconds = time.perf_counter() - started
    write_json({"seconds": seconds}, path.with_suffix(".json"))
    save_model(ensemble, path)
    print(f"  {seconds:.0f} s, {load_model(path).card.name}", flush=True)


def print_progress() -> Progress:
    """Return a callback that prints every tenth of a step."""
    printed: dict[str, int] = {}

    def progress(title: str, done: int, total: int) -> None:
        tenth = 10 * done // max(total, 1)
        if printed.get(title) != tenth:
            printed[title] = tenth
            print(f"{datetime.now(UTC):%H:%M:%S} {title}: {done} of {total}", flush=True)

    return progress
