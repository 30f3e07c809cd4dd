"""Planes, models and predictions that the items of a study share, each made once and kept.

They are in ``.study`` in the folder of results, named by the digest of their inputs, so that an
interrupted study resumes and one model serves every figure.
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
from refp.core.labels import Label
from refp.core.parallel import Execution, Progress
from refp.estimate.estimator import Estimator
from refp.measure.cache import FrameStore
from refp.measure.frame import FrameMeasurement
from refp.models import ModelCard, TrialResult
from refp.pipeline import Planes
from refp.pipeline.assembly import CODE
from refp.pipeline.labels import nominal_label
from refp.pipeline.tuning import trial_table
from refp.settings import Instrument, Recipe, load_recipe
from refp.study.article import VARIANTS
from refp.study.layout import DataLayout, label_of
from refp.study.predictions import MemberPredictions, predict_frames
from refp.study.settings import StudyScale
from refp.sweeps import DataSet, Frame

KEPT = ".study"
MODEL_CODE = (*CODE, "estimate", "pipeline")
"""Packages whose code a model and a search depend on."""
ITEM_CODE = (*MODEL_CODE, "synthetic", "reports", "study")
"""Packages whose code tables and figures depend on."""
FAMILIES = ("resnet", "profile", "lookup")
"""Families in the figures, the article's first."""
LARGE_TILE_PX = 100
"""Tiles of at least this side take four times the work, so that scale quick trains for fewer steps."""
SEARCHED = ("learning_rate", "weight_decay")
"""Settings of the factorial in the article's Fig. 4."""
NOT_OF_PLANES = ("name", "tile", "split", "train", "estimate", "publication")
"""Sections of a recipe that the planes of sweeps do not depend on."""


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Specification of a model.

    Attributes
    ----------
    label
        Label of the instrument.
    recipe
        Recipe.
    family
        Family; ``None`` for that of the recipe.
    variant
        Variant of the article's network, of :data:`refp.study.article.VARIANTS`.
    """

    label: str
    recipe: str
    family: str | None = None
    variant: str | None = None

    @property
    def name(self) -> str:
        """Name for files and progress."""
        changed = " ".join(value for value in (self.family, self.variant) if value)
        return f"{self.label} {self.recipe} {changed}".strip()


class Study:
    """Data, scale and results of one study.

    Parameters
    ----------
    layout
        Data sets.
    scale
        Settings of the study.
    folder
        Folder of the results.
    seed
        Seed of training and draws.
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
        self._estimators: dict[ModelSpec, Estimator] = {}

    @cached_property
    def store(self) -> FrameStore[FrameMeasurement]:
        """Measured frames."""
        return FrameStore(self.kept / "measured", FrameMeasurement, self._contents)

    def close(self) -> None:
        """Write the measured frames to disk."""
        self.store.flush()

    def digest(self, *values: object, code: Sequence[str] = MODEL_CODE) -> str:
        """Return twelve hexadecimal digits of libraries, seed, ``values`` and ``code``.

        Parameters
        ----------
        values
            Values that a result depends on.
        code
            Packages and modules whose code it depends on.
        """
        return digest_json([hash_code(*code), self._versions, self.seed, *values])[:12]

    def digest_data(self, names: Sequence[str]) -> str:
        """Return a digest of the files of data sets and of their instruments."""
        for name in names:
            if name not in self._data:
                self._data[name] = self._digest_set(self.layout.sets[name])
        return digest_json([[name, self._data[name]] for name in names])[:12]

    def digest_assay(self) -> str:
        """Return a digest of the assay's table and its settings; empty without one."""
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
                [
                    str(frame.key),
                    frame.z_um,
                    self._contents.of(frame.path),
                    frame.page,
                    frame.colour,
                ]
            )
            self.execution.progress(f"checking {dataset.name}", i + 1, dataset.n_frames)
        return digest_json(described)[:12]

    def recipe(self, spec: ModelSpec) -> Recipe:
        """Return the recipe of a model at this scale."""
        recipe, scale = load_recipe(spec.recipe), self.scale
        changes: list[dict[str, Any]] = [{"train": {"profile": scale.profile}}]
        if spec.recipe == scale.article:
            changes.append({"train": {"resnet": scale.resnet}})
            if self.instrument(spec.label).tile_side_px >= LARGE_TILE_PX:
                changes.append({"train": {"resnet": scale.large_tiles}})
        if spec.variant is not None:
            changes += [VARIANTS[spec.variant], scale.variants.get(spec.variant, {})]
        if spec.family is not None:
            changes.append({"train": {"family": spec.family}})
        for change in changes:
            recipe = recipe.replace(change, source=f"scale {scale.name}")
        return recipe

    def instrument(self, label: str) -> Instrument:
        """Return the instrument of a label of Table 1."""
        return next(d.instrument for n, d in self.layout.sets.items() if n.startswith(f"{label} "))

    def training_planes(self, label: str, recipe: Recipe) -> Planes:
        """Return the planes of an instrument's training data alone.

        Raises
        ------
        DataError
            If there are no training data.
        """
        dataset = self.layout.training(label)
        if dataset is None:
            raise DataError(f"no training data of {label}")
        return self._define(f"{label} training", [dataset], recipe, None)

    def test_planes(self, name: str, recipe: Recipe) -> Planes:
        """Return the planes of a test data set and of the other tests of its instrument.

        The pool of the training sweeps locates them, if these are of the same instrument.
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
        """Return the planes of a data set, with those that are defined together with it."""
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

    def model_file(self, spec: ModelSpec) -> Path:
        """Return the file of a model; train the model if the file is missing."""
        recipe = self.recipe(spec)
        content = recipe.model_dump(mode="json", exclude={"name"})
        data = self.digest_data([f"{spec.label} training"])
        name = f"{spec.name.replace(' ', '-').lower()}-{self.digest(content, data)}.refp"
        path = self.kept / "models" / name
        if not path.is_file():
            models.check_libraries(recipe.train)
            planes = self.training_planes(spec.label, recipe)
            checkpoints = path.with_suffix(".checkpoints")
            ensemble = pipeline.train_model(
                planes,
                recipe,
                seed=self.seed,
                checkpoints=checkpoints,
                execution=Execution(self.execution.workers, self._named(spec.name)),
            )
            models.save_model(ensemble, path)
            rmtree(checkpoints, ignore_errors=True)
        return path

    def _named(self, name: str) -> Progress:
        """Return a progress callback with a name before its titles."""

        def report(title: str, done: int, total: int) -> None:
            self.execution.progress(f"{name}: {title}", done, total)

        return report

    def estimator(self, spec: ModelSpec) -> Estimator:
        """Return the estimator of a model."""
        if spec not in self._estimators:
            self._estimators[spec] = Estimator.load(self.model_file(spec))
        return self._estimators[spec]

    def card(self, spec: ModelSpec) -> ModelCard:
        """Return the card of a model."""
        return self.estimator(spec).card

    def predictions(self, spec: ModelSpec, name: str) -> MemberPredictions:
        """Return the predictions of a model for a data set; empty if the set has no plane."""
        path, recipe = self.model_file(spec), self.recipe(spec)
        settings = recipe.model_dump(mode="json", exclude={"name"})
        digest = self.digest(
            *(settings, path.name, self.digest_data([name, f"{spec.label} training"])),
            code=(*MODEL_CODE, "study.predictions"),
        )
        stem = f"{spec.name} on {name} {digest}".replace(" ", "-").lower()
        files = [
            self.kept / "predictions" / f"{stem}-{part}.parquet" for part in ("beads", "errors")
        ]
        if not all(file.is_file() for file in files):
            self._predict(spec, name, recipe, files)
        return MemberPredictions(pd.read_parquet(files[0]), pd.read_parquet(files[1]))

    def _predict(self, spec: ModelSpec, name: str, recipe: Recipe, files: Sequence[Path]) -> None:
        planes = self.planes_of(name, recipe)
        stage_um = self.layout.sets[name].instrument.stage.repeatability_um
        labels: dict[Frame, Label] = {
            frame: nominal_label(frame, *plane, stage_um)
            for frame, plane in pipeline.known_frames(planes, recipe).items()
            if frame.key.dataset == name
        }
        predicted = predict_frames(
            self.estimator(spec),
            list(labels),
            list(labels.values()),
            [sweep for m in planes.measurements for sweep in m.sweeps],
            execution=self.execution,
            title=f"{spec.name}: estimating {name}",
        )
        for table, file in zip((predicted.beads, predicted.errors), files, strict=True):
            write_parquet(table, file)

    def variant_of(self, label: str, variant: str) -> ModelSpec:
        """Return the specification of a variant of the article's network."""
        return ModelSpec(label, self.scale.article, variant=variant)

    def spec_of(self, label: str, family: str) -> ModelSpec:
        """Return the specification of a family's model in the article's figures."""
        if family == "resnet":
            return ModelSpec(label, self.scale.article)
        own = load_recipe().train.family
        return ModelSpec(label, "default", None if family == own else family)

    def constant_rms_um(self, label: str) -> float:
        """Return the RMS error of the constant predictor on the training images of an instrument, um."""
        recipe = self.recipe(self.spec_of(label, "resnet"))
        known = pipeline.known_frames(self.training_planes(label, recipe), recipe)
        return float(np.std([frame.z_um - refp_um for frame, (refp_um, _) in known.items()]))

    def trials(self, label: str) -> pd.DataFrame:
        """Return the search for settings of an instrument's article recipe, a row per trial."""
        recipe = self.recipe(self.spec_of(label, "resnet"))
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
