"""A recipe: every setting of the method in one place, as TOML in and out."""

import hashlib
import json
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import Field, ValidationError

from refp.beads.settings import FindSettings
from refp.errors import RecipeError
from refp.estimate.settings import EstimateSettings
from refp.features.settings import FeatureSettings
from refp.models.publication import PublicationSettings
from refp.models.settings import TrainSettings
from refp.plane.settings import PlaneSettings
from refp.profiles.settings import JudgeSettings, ProfileSettings
from refp.settings import Settings
from refp.sweeps.optics import load_toml, one_line
from refp.tiles.settings import LabelSettings, SplitSettings


class Recipe(Settings):
    """All settings of the method; what depends on the instrument is in its own recipe."""

    name: str = Field(default="default", description="name of the recipe")
    find: FindSettings = FindSettings()
    profile: ProfileSettings = ProfileSettings()
    judge: JudgeSettings = JudgeSettings()
    feature: FeatureSettings = FeatureSettings()
    plane: PlaneSettings = PlaneSettings()
    label: LabelSettings = LabelSettings()
    split: SplitSettings = SplitSettings()
    train: TrainSettings = TrainSettings()
    estimate: EstimateSettings = EstimateSettings()
    publication: PublicationSettings = PublicationSettings()

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits that change with any setting."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def to_toml(self) -> str:
        """Write every setting as TOML."""
        return tomli_w.dumps(self.model_dump(mode="json", exclude_none=True))


def each_by_itself(recipe: Recipe) -> Recipe:
    """Return the recipe with every frame measured by itself, not as one of a sweep."""
    find = recipe.find.model_copy(update={"follow_sweep": False})
    return recipe.model_copy(update={"find": find})


def recipe_names() -> list[str]:
    """Return the names of the recipes that come with the package."""
    folder = resources.files("refp") / "recipes"
    return sorted(
        f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml")
    )


def load_recipe(name_or_path: str | Path = "default") -> Recipe:
    """Load a recipe of the package by name, or a TOML file.

    Raises
    ------
    RecipeError
        If there is none, or a key or value in it is wrong; the message names it.
    """
    name = str(name_or_path)
    table: dict[str, Any]
    if name in recipe_names():
        file = resources.files("refp") / "recipes" / f"{name}.toml"
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    elif Path(name).is_file():
        table = load_toml(Path(name))
    else:
        raise RecipeError(
            f"recipe {name!r} is neither a recipe of the package ({', '.join(recipe_names())}) "
            "nor a TOML file"
        )
    try:
        return Recipe.model_validate(table)
    except ValidationError as error:
        raise RecipeError(one_line(error, name)) from error
