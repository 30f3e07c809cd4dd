"""A recipe: all settings of the method, read from and written to TOML.

A TOML file may set ``base = "paper"``: settings that it omits are then those of that recipe.
"""

import tomllib
from importlib import resources
from pathlib import Path
from typing import Any, Self

import tomli_w
from pydantic import Field, ValidationError, model_validator

from refp.core.digests import digest_json
from refp.core.errors import RecipeError
from refp.settings.base import Settings, merge, one_line
from refp.settings.estimates import EstimateSettings
from refp.settings.features import FeatureSettings
from refp.settings.finding import FindSettings
from refp.settings.instrument import load_toml
from refp.settings.plane import PlaneSettings
from refp.settings.profiles import JudgeSettings, ProfileSettings
from refp.settings.publication import PublicationSettings
from refp.settings.tiles import LabelSettings, SplitSettings, TileSettings
from refp.settings.training import TrainSettings

BASE = "base"
"""Key of a TOML file that names the recipe on which it is based."""


class Recipe(Settings):
    """All settings of the method; those of the instrument are in its own recipe."""

    name: str = Field(default="default", description="name of the recipe")
    find: FindSettings = FindSettings()
    profile: ProfileSettings = ProfileSettings()
    judge: JudgeSettings = JudgeSettings()
    feature: FeatureSettings = FeatureSettings()
    plane: PlaneSettings = PlaneSettings()
    tile: TileSettings = TileSettings()
    label: LabelSettings = LabelSettings()
    split: SplitSettings = SplitSettings()
    train: TrainSettings = TrainSettings()
    estimate: EstimateSettings = EstimateSettings()
    publication: PublicationSettings = PublicationSettings()

    @model_validator(mode="after")
    def _check_family(self) -> Self:
        if self.tile.cut == "grid" and self.train.family != "resnet":
            raise ValueError(
                f"tile.cut = 'grid' needs train.family = 'resnet', not {self.train.family!r}: no "
                "other family uses the pixels of a tile"
            )
        return self

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits that change with any setting."""
        return digest_json(self.model_dump(mode="json"))[:12]

    def to_toml(self) -> str:
        """Write every setting as TOML."""
        return tomli_w.dumps(self.model_dump(mode="json", exclude_none=True))


def recipe_names() -> list[str]:
    """Return the names of the recipes of the package."""
    folder = resources.files("refp.settings") / "recipes"
    return sorted(
        f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml")
    )


def load_recipe(name_or_path: str | Path = "default") -> Recipe:
    """Load a recipe of the package by name, or a TOML file.

    Raises
    ------
    RecipeError
        If there is no such recipe, or a key or value in it is wrong; the message names it.

    Examples
    --------
    >>> import refp
    >>> recipe = refp.load_recipe("paper")
    >>> recipe.train.family
    'resnet'
    """
    name = str(name_or_path)
    try:
        return Recipe.model_validate(_load_table(name))
    except ValidationError as error:
        raise RecipeError(one_line(error, name)) from error


def _load_table(name: str, used_by: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the settings of a recipe, completed by those of the recipes on which it is based."""
    known = name if name in recipe_names() else str(Path(name).resolve())
    if known in used_by:
        raise RecipeError(
            f"recipe {used_by[0]!r}: {BASE} = {name!r} makes a circular chain of recipes"
        )
    folder = Path()
    table: dict[str, Any]
    if name in recipe_names():
        file = resources.files("refp.settings") / "recipes" / f"{name}.toml"
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    elif Path(name).is_file():
        table, folder = load_toml(Path(name)), Path(name).parent
    else:
        raise RecipeError(
            f"recipe {name!r} is neither a recipe of the package ({', '.join(recipe_names())}) "
            "nor a TOML file"
        )
    base = table.pop(BASE, None)
    if base is None:
        return table
    if not isinstance(base, str):
        raise RecipeError(f"{name}: {BASE}: name a recipe or a TOML file (given: {base!r})")
    below = base if base in recipe_names() else str(folder / base)
    return merge(_load_table(below, (*used_by, known)), table)
