"""Recipes: reading and writing of TOML."""

import re
import tomllib
from pathlib import Path

import pytest
from pydantic import ValidationError

from refp.core.errors import RecipeError
from refp.settings import (
    OF_ONE_KIND,
    Recipe,
    is_alike,
    load_recipe,
    make_instrument,
    read_instrument,
    recipe_names,
)


@pytest.mark.parametrize("name", recipe_names())
def test_recipes_of_the_package_load_and_come_back(name: str, tmp_path: Path) -> None:
    recipe = load_recipe(name)
    path = tmp_path / "mine.toml"
    path.write_text(recipe.to_toml(), encoding="utf-8")
    again = load_recipe(path)
    assert again == recipe
    assert again.digest == recipe.digest


def test_there_are_a_default_and_the_articles_recipe() -> None:
    assert {"default", "paper"} <= set(recipe_names())
    paper = load_recipe("paper")
    assert paper.find.method == "paper"
    assert paper.feature.slope == "farthest"
    assert paper.digest != load_recipe().digest


def test_the_digest_changes_with_any_setting() -> None:
    recipe = Recipe()
    assert re.fullmatch("[0-9a-f]{12}", recipe.digest)
    assert recipe.replace("plane.minimum_frames", 6).digest != recipe.digest
    assert Recipe().digest == recipe.digest


WRONG = {
    "unknown key": ("[plane]\nminimum_frame = 5", "plane.minimum_frame: Extra inputs"),
    "unknown table": ("[planes]", "planes: Extra inputs"),
    "wrong type": ('[plane]\nminimum_frames = "many"', "plane.minimum_frames: "),
    "out of range": ("[find]\ntouching_radii = -1.0", "find.touching_radii: .*given: -1.0"),
    "not TOML": ("plane = ", "not a TOML file"),
    "infinite": ("[find]\nminimum_response = inf", "find.minimum_response: "),
}


@pytest.mark.parametrize(("text", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_recipe_names_file_and_key(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RecipeError, match=rf"mine\.toml: {message}") as caught:
        load_recipe(path)
    assert "\n" not in str(caught.value)


def test_a_recipe_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('\ufeffname = "mine"\n', encoding="utf-8")
    assert load_recipe(path).name == "mine"


def test_an_unknown_recipe_lists_the_known_ones() -> None:
    with pytest.raises(
        RecipeError, match=r"recipe 'defualt' is neither .*default.*nor a TOML file"
    ):
        load_recipe("defualt")


def test_settings_are_frozen_and_described() -> None:
    recipe = Recipe()
    with pytest.raises(ValidationError, match="frozen"):
        recipe.plane.minimum_frames = 3  # type: ignore[misc]
    for part in dict(recipe).values():
        if not isinstance(part, str):
            fields = type(part).model_fields
            assert all(f.description or f.default is not None for f in fields.values())


def test_toml_holds_every_setting() -> None:
    table = tomllib.loads(Recipe().to_toml())
    for name, part in dict(Recipe()).items():
        if not isinstance(part, str):
            given = {k for k, v in part.model_dump().items() if v is not None}
            assert set(table[name]) == given


def test_a_recipe_based_on_another_states_only_what_differs(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'base = "paper"\nname = "mine"\n[train.resnet]\nmembers = 3\n', encoding="utf-8"
    )
    mine, paper = load_recipe(path), load_recipe("paper")
    assert mine.train.resnet == paper.train.resnet.model_copy(update={"members": 3})
    changed = {"name", "train"}
    assert mine.model_dump(exclude=changed) == paper.model_dump(exclude=changed)
    (tmp_path / "again.toml").write_text('base = "mine.toml"\n', encoding="utf-8")
    assert load_recipe(tmp_path / "again.toml") == mine


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('base = "mine.toml"', "makes a circular chain of recipes"),
        ('base = "../{folder}/mine.toml"', "makes a circular chain of recipes"),
        ('base = "theirs"', "is neither a recipe of the package"),
        ("base = 3", r"mine\.toml: base: name a recipe or a TOML file \(given: 3\)"),
    ],
)
def test_a_wrong_base_is_an_error(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text.format(folder=tmp_path.name), encoding="utf-8")
    with pytest.raises(RecipeError, match=message):
        load_recipe(path)


def test_whole_images_need_a_family_that_uses_pixels(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('[tile]\ncut = "grid"\n', encoding="utf-8")
    with pytest.raises(RecipeError, match=r"tile\.cut = 'grid' needs train\.family = 'resnet'"):
        load_recipe(path)
    whole = load_recipe("paper-whole")
    with pytest.raises(RecipeError, match=r"--family profile: .*needs train\.family = 'resnet'"):
        whole.replace("train.family", "profile", source="--family profile")


ARTICLE = {
    "paper-background": ("normalisation", "background"),
    "paper-center": ("normalisation", "center"),
    "paper-zscore": ("normalisation", "zscore"),
    "paper-resnet50": ("depth", 50),
    "paper-resnet101": ("depth", 101),
}


@pytest.mark.parametrize(("name", "change"), ARTICLE.items(), ids=ARTICLE)
def test_variants_of_the_articles_recipe_differ_in_one_setting(
    name: str, change: tuple[str, object]
) -> None:
    paper = load_recipe("paper").model_copy(update={"name": name})
    assert load_recipe(name) == paper.replace({"train": {"resnet": dict([change])}})


def test_settings_are_replaced_by_key_or_table() -> None:
    recipe = Recipe()
    one = recipe.replace("estimate.minimum_beads", 6)
    assert (one.estimate.minimum_beads, recipe.estimate.minimum_beads) == (6, 3)
    assert one.replace("estimate.minimum_beads", 3) == recipe
    several = recipe.replace({"train.family": "profile", "train": {"profile": {"steps": 7}}})
    assert (several.train.family, several.train.profile.steps) == ("profile", 7)
    assert recipe.replace("name", "mine").name == "mine"
    a2k = make_instrument(read_instrument("a2k"), "a2k")
    assert a2k.replace("optics.black_level", 3.0).optics.black_level == 3.0


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("estimate.minimum_bead", 6, "recipe: no setting .*; the nearest are .*minimum_beads"),
        ("trian.family", "lookup", "no setting 'trian'; the nearest are train"),
        ("xyz", 1, "no setting 'xyz'; the nearest are name, find"),
        ("plane.minimum_frames.n", 1, "no setting 'plane.minimum_frames.n'"),
        ("estimate.minimum_beads", -1, "recipe: estimate.minimum_beads: .*given: -1"),
        ("tile.cut", "grid", "needs train.family = 'resnet'"),
    ],
)
def test_a_wrong_replacement_is_an_error(key: str, value: object, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        Recipe().replace(key, value)


@pytest.mark.parametrize(
    ("other_um", "same", "of_one_kind"),
    [
        (1.0, True, True),
        (1.015, True, True),
        (0.985, True, True),
        (1.05, False, True),
        (1.2, False, False),
    ],
)
def test_lengths_are_alike_within_a_tolerance(
    other_um: float, same: bool, of_one_kind: bool
) -> None:
    assert is_alike(other_um, 1.0) is same
    assert is_alike(other_um, 1.0, OF_ONE_KIND) is of_one_kind
