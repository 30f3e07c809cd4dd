"""What the items of a study share: planes, models and their answers, each made once and kept.

Everything lies in ``.study`` in the results' folder under the digest of what it was made from, so that
a study that is given again goes on where it stopped, and one recipe's model serves every figure.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from shutil import rmtree
from typing import Any

import numpy as np
import pandas as pd

from refp import models, pipeline
from refp.core.digests import Contents, digest_json, hash_code
from refp.core.errors import DataError
from refp.core.files import library_versions, write_parquet
from refp.core.parallel import Execution, Progress
from refp.estimate.estimator import Estimator
from refp.measure.cache import FrameStore
from refp.measure.frame import FrameMeasurement
from refp.models import ModelCard, TrialResult
from refp.pipeline import Planes
from refp.pipeline.assembly import CODE
from refp.pipeline.tuning import trial_table
from refp.settings import Instrument, Recipe, load_recipe
from refp.study.answers import Answers, ask
from refp.study.article import NORMALISATIONS, WHOLE
from refp.study.layout import DataLayout, label_of
from refp.study.settings import StudyScale
from refp.sweeps import DataSet, Frame

KEPT = ".study"
MODEL_CODE = (*CODE, "estimate", "pipeline")
"""Rooms on whose code a model and a search depend."""
ITEM_CODE = (*MODEL_CODE, "synthetic", "reports", "study")
"""Rooms on whose code tables and figures depend."""
FAMILIES = {"resnet": "paper", "profile": "default", "lookup": "default"}
"""The families that figures are made for, and the recipe of each: the article's first."""
LARGE_TILE_PX = 100
"""Tiles of this side and more take four times the work: fewer steps fit into quick's half hour."""
SEARCHED = ("learning_rate", "weight_decay")
"""What the article's Fig. 4 shows of its factorial."""
NOT_OF_PLANES = ("name", "tile", "split", "train", "estimate", "publication")
"""Parts of a recipe that the planes of sweeps do not depend on."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which model: an instrument of Table 1, a recipe, and a family that is not the recipe's own."""

    label: str
    recipe: str
    family: str | None = None
    members: int | None = None

    @property
    def name(self) -> str:
        """For files and progress."""
        return f"{self.label} {self.recipe}{f' {self.family}' if self.family else ''}"


class Study:
    """One study.

    Parameters
    ----------
    layout
        Which data there are.
    scale
        How much is done.
    folder
        Results.
    seed
        Of training and draws.
    execution
        Executor for the work, and callback for progress.
    """

    def __init__(
        self,
        layout: DataLayout,
        scale: StudyScale,
        folder: Path,
        *,
        seed: int,
        execution: Execution,
    ) -> None:
        self.layout, self.scale, self.folder, self.seed = layout, scale, folder, seed
        self.execution = execution
        self.kept = folder / KEPT
        self._contents = Contents()
        self._versions = library_versions("numpy", "scipy", "pandas")
        self._data: dict[str, str] = {}
        self._planes: dict[str, Planes] = {}
        self._estimators: dict[Wanted, Estimator] = {}

    @cached_property
    def store(self) -> FrameStore[FrameMeasurement]:
        """What was measured so far."""
        return FrameStore(self.kept / "measured", FrameMeasurement, self._contents)

    def close(self) -> None:
        """Keep what was measured."""
        self.store.flush()

    def digest(self, *what: object, code: Sequence[str] = MODEL_CODE) -> str:
        """Return twelve hexadecimal digits that change with libraries, seed, ``what`` and ``code``.

        Parameters
        ----------
        what
            Values on which a result depends.
        code
            Rooms and modules on whose code it depends.
        """
        return digest_json([hash_code(*code), self._versions, self.seed, *what])[:12]

    def digest_data(self, names: Sequence[str]) -> str:
        """Return what changes with any byte of data sets, or with their instruments."""
        for name in names:
            if name not in self._data:
                self._data[name] = self._digest_set(self.layout.sets[name])
        return digest_json([[name, self._data[name]] for name in names])[:12]

    def digest_assay(self) -> str:
        """Return what changes with the assay's table or with what is said of it."""
        assay = self.layout.assay
        if assay is None:
            return ""
        path = self.layout.root / assay.table
        content = self._contents.of(path) if path.is_file() else ""
        return digest_json([assay.model_dump(mode="json"), content])[:12]

    def _digest_set(self, dataset: DataSet) -> str:
        described: list[object] = [dataset.instrument.model_dump(mode="json")]
        for i, frame in enumerate(dataset.frames):
            described.append(
                [str(frame.key), frame.z_um, self._contents.of(frame.path), frame.page]
            )
            self.execution.progress(f"checking {dataset.name}", i + 1, dataset.n_frames)
        return digest_json(described)[:12]

    def recipe(self, wanted: Wanted) -> Recipe:
        """Return the recipe of a model at this scale."""
        recipe, scale = load_recipe(wanted.recipe), self.scale
        changes: list[dict[str, Any]] = [{"train": {"profile": scale.profile}}]
        if wanted.recipe.startswith("paper"):
            changes.append({"train": {"resnet": scale.resnet}})
            if self.instrument(wanted.label).tile_side_px >= LARGE_TILE_PX:
                changes.append({"train": {"resnet": scale.large_tiles}})
            changes.append({"train": {"resnet": scale.deep.get(wanted.recipe, {})}})
            if wanted.recipe == WHOLE:
                changes.append(scale.whole)
        if wanted.members is not None:
            changes.append({"train": {"resnet": {"members": wanted.members}}})
        if wanted.family is not None:
            changes.append({"train": {"family": wanted.family}})
        for change in changes:
            recipe = recipe.replace(change, source=f"scale {scale.name}")
        return recipe

    def instrument(self, label: str) -> Instrument:
        """Return the instrument of a label of Table 1."""
        return next(d.instrument for n, d in self.layout.sets.items() if n.startswith(f"{label} "))

    def training_planes(self, label: str, recipe: Recipe) -> Planes:
        """Return the planes of an instrument's training data, by themselves.

        Raises
        ------
        DataError
            If there are none.
        """
        dataset = self.layout.training(label)
        if dataset is None:
            raise DataError(f"no training data of {label}")
        return self._define(f"{label} training", [dataset], recipe, None)

    def test_planes(self, name: str, recipe: Recipe) -> Planes:
        """Return the planes of a test data set, with those of its instrument's other tests.

        They are located with what the training sweeps share where these are of the same instrument.
        """
        label = label_of(name)
        instrument = self.layout.sets[name].instrument
        alike = [d for d in self.layout.tests(label).values() if d.instrument == instrument]
        training = self.layout.training(label)
        pool = None
        if training is not None and training.instrument == instrument:
            with suppress(DataError):
                pool = self.training_planes(label, recipe).result.pool
        if pool is not None and not pool.has_profiles:
            pool = None
        return self._define(", ".join(d.name for d in alike), alike, recipe, pool)

    def planes_of(self, name: str, recipe: Recipe) -> Planes:
        """Return the planes that a data set is among."""
        if name.endswith(" training"):
            return self.training_planes(name.removesuffix(" training"), recipe)
        return self.test_planes(name, recipe)

    def _define(self, title: str, datasets: list[DataSet], recipe: Recipe, pool: Any) -> Planes:
        settings = recipe.model_dump(mode="json", exclude=set(NOT_OF_PLANES))
        key = json.dumps([title, settings], sort_keys=True)
        if key not in self._planes:
            self._planes[key] = pipeline.define_planes(
                datasets, recipe, pool=pool, execution=self.execution, store=self.store
            )
        return self._planes[key]

    def model_file(self, wanted: Wanted) -> Path:
        """Return the file of a model, trained where it is not there yet."""
        recipe = self.recipe(wanted)
        content = recipe.model_dump(mode="json", exclude={"name"})
        data = self.digest_data([f"{wanted.label} training"])
        name = f"{wanted.name.replace(' ', '-').lower()}-{self.digest(content, data)}.refp"
        path = self.kept / "models" / name
        if not path.is_file():
            models.check_libraries(recipe.train)
            planes = self.training_planes(wanted.label, recipe)
            checkpoints = path.with_suffix(".checkpoints")
            ensemble = pipeline.train_model(
                planes,
                recipe,
                seed=self.seed,
                checkpoints=checkpoints,
                execution=Execution(self.execution.workers, self._named(wanted.name)),
            )
            models.save_model(ensemble, path)
            rmtree(checkpoints, ignore_errors=True)
        return path

    def _named(self, name: str) -> Progress:
        """Put a name before the titles of a progress that several have."""

        def told(title: str, done: int, total: int) -> None:
            self.execution.progress(f"{name}: {title}", done, total)

        return told

    def estimator(self, wanted: Wanted) -> Estimator:
        """Return a model at work."""
        if wanted not in self._estimators:
            self._estimators[wanted] = Estimator.load(self.model_file(wanted))
        return self._estimators[wanted]

    def card(self, wanted: Wanted) -> ModelCard:
        """Return what a model is."""
        return self.estimator(wanted).card

    def answers(self, wanted: Wanted, name: str) -> Answers:
        """Return what a model says of a data set; no row where the set has no plane."""
        path, recipe = self.model_file(wanted), self.recipe(wanted)
        settings = recipe.model_dump(mode="json", exclude={"name"})
        digest = self.digest(
            *(settings, path.name, self.digest_data([name, f"{wanted.label} training"])),
            code=(*MODEL_CODE, "study.answers"),
        )
        stem = f"{wanted.name} on {name} {digest}".replace(" ", "-").lower()
        files = [self.kept / "answers" / f"{stem}-{part}.parquet" for part in ("beads", "errors")]
        if not all(file.is_file() for file in files):
            self._ask(wanted, name, recipe, files)
        return Answers(pd.read_parquet(files[0]), pd.read_parquet(files[1]))

    def _ask(self, wanted: Wanted, name: str, recipe: Recipe, files: Sequence[Path]) -> None:
        planes = self.planes_of(name, recipe)
        known = {
            frame: plane
            for frame, plane in pipeline.known_frames(planes, recipe).items()
            if frame.key.dataset == name
        }
        frames: list[Frame] = list(known)
        answers = ask(
            self.estimator(wanted),
            frames,
            [refp_um for refp_um, _ in known.values()],
            [sweep for m in planes.measurements for sweep in m.sweeps],
            execution=self.execution,
            title=f"{wanted.name}: estimating {name}",
        )
        for table, file in zip((answers.beads, answers.errors), files, strict=True):
            write_parquet(table, file)

    def trials(self, label: str) -> pd.DataFrame:
        """Return the search for settings of an instrument's article recipe, a row per trial."""
        wanted = Wanted(label, "paper")
        recipe = self.recipe(wanted)
        budget = self.scale.search_budget
        plan = models.SearchPlan("grid", "none", None, budget, self.seed, SEARCHED)
        data = self.digest_data([f"{label} training"])
        digest = self.digest(recipe.model_dump(mode="json"), repr(plan), data)
        results: list[TrialResult] = pipeline.tune_model(
            self.training_planes(label, recipe),
            recipe,
            plan,
            self.kept / "search" / digest,
            execution=Execution(self.execution.workers, self._named("search")),
        )
        return trial_table(results)

    def label_u_um(self, name: str, recipe: Recipe) -> float:
        """Return the standard uncertainty of the known dZ of a data set, stage and plane."""
        planes = self.planes_of(name, recipe)
        known = pipeline.known_frames(planes, recipe)
        u_um = [u for frame, (_, u) in known.items() if frame.key.dataset == name]
        stage_um = self.layout.sets[name].instrument.stage.repeatability_um
        return float(np.hypot(stage_um, np.sqrt(np.mean(np.square(u_um))))) if u_um else np.nan


def wanted_of(label: str, family: str) -> Wanted:
    """Return the model of a family that the article's figures are made with."""
    recipe = FAMILIES[family]
    own = "resnet" if recipe == "paper" else "profile"
    return Wanted(label, recipe, None if family == own else family)


def normalised(label: str, normalisation: str, members: int) -> Wanted:
    """Return the model of a normalisation; that of the article's choice serves other figures too."""
    recipe = NORMALISATIONS[normalisation]
    return Wanted(label, recipe, members=None if recipe == "paper" else members)
