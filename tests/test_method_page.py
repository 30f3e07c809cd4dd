"""docs/method.md: the code and the settings that it names exist, and have the values it states."""

import importlib
import inspect
import re
import tomllib
from functools import reduce
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from refp.settings import Recipe, load_recipe

PAGE = Path(__file__).parents[1] / "docs" / "method.md"

SECTIONS = set(Recipe.model_fields) - {"name"}
CODE = re.compile(r"refp(\.\w+)+")
KEY = re.compile(rf"((?:{'|'.join(sorted(SECTIONS))})(?:\.\w+)+)(?: = (.+))?")


def snippets(text: str) -> list[str]:
    """Texts between backticks; every backtick is closed on its line."""
    lines = text.splitlines()
    assert [line for line in lines if line.count("`") % 2] == []
    return sorted({found for line in lines for found in re.findall("`([^`]+)`", line)})


def named_code(text: str) -> list[str]:
    return [found for found in snippets(text) if CODE.fullmatch(found)]


def named_keys(text: str) -> list[tuple[str, str | None]]:
    matches = [KEY.fullmatch(found) for found in snippets(text)]
    return [(match[1], match[2]) for match in matches if match]


def resolve(name: str) -> object:
    """Import the modules along a dotted name, and follow the rest."""
    found: object = importlib.import_module("refp")
    path = "refp"
    for part in name.split(".")[1:]:
        path = f"{path}.{part}"
        # A missing library of an existing module is an error, not a missing name.
        is_module = inspect.ismodule(found) and hasattr(found, "__path__") and find_spec(path)
        found = importlib.import_module(path) if is_module else getattr(found, part)
    return found


def value_of(recipe: Recipe, key: str) -> Any:
    """Return a setting with TOML types."""
    whole: Any = recipe
    value = reduce(getattr, key.split("."), whole)
    assert not isinstance(value, BaseModel), f"{key} is a section"
    return list(value) if isinstance(value, tuple) else value


def is_stated_right(recipe: Recipe, key: str, stated: str) -> bool:
    return bool(tomllib.loads(f"stated = {stated}")["stated"] == value_of(recipe, key))


def settings_of(section: BaseModel, prefix: str = "") -> dict[str, Any]:
    """Every setting by its whole key."""
    found: dict[str, Any] = {}
    for name, value in section:
        inner = isinstance(value, BaseModel)
        found |= settings_of(value, f"{prefix}{name}.") if inner else {f"{prefix}{name}": value}
    return found


TEXT = PAGE.read_text(encoding="utf-8")
PAPER = load_recipe("paper")
KEYS = named_keys(TEXT)


@pytest.mark.parametrize("name", sorted(set(named_code(TEXT))))
def test_named_code_exists(name: str) -> None:
    resolve(name)


@pytest.mark.parametrize("key", sorted({key for key, _ in KEYS}))
def test_named_settings_exist(key: str) -> None:
    value_of(PAPER, key)


@pytest.mark.parametrize(("key", "stated"), [(key, stated) for key, stated in KEYS if stated])
def test_stated_values_are_those_of_recipe_paper(key: str, stated: str) -> None:
    assert is_stated_right(PAPER, key, stated)


def test_settings_of_recipe_paper_are_on_the_page() -> None:
    usual = settings_of(Recipe())
    changed = {key for key, value in settings_of(PAPER).items() if value != usual[key]} - {"name"}
    assert len(changed) > 20
    assert changed - {key for key, _ in KEYS} == set()


@pytest.mark.parametrize(
    "name",
    [
        "refp.no_room.function",
        "refp.core.robust.no_function",
        "refp.core.robust.iqr_inliers.no_part",
    ],
)
def test_a_missing_name_is_detected(name: str) -> None:
    assert named_code(f"| `{name}` |") == [name]
    with pytest.raises(AttributeError):
        resolve(name)


@pytest.mark.parametrize("key", ["find.dark_percent", "train.resnet.no_key", "find.method.paper"])
def test_a_missing_setting_is_detected(key: str) -> None:
    assert named_keys(f"| `{key} = 1` |") == [(key, "1")]
    with pytest.raises(AttributeError):
        value_of(PAPER, key)


@pytest.mark.parametrize(
    ("line", "right"),
    [
        ("`find.dark_percentile = 1.0`", True),
        ("`find.dark_percentile = 2.0`", False),
        ("`train.resnet.scale = [0.95, 1.05]`", True),
        ("`train.resnet.scale = [0.9, 1.05]`", False),
        ('`split.by = "field"`', False),
    ],
)
def test_a_wrong_value_is_detected(line: str, right: bool) -> None:
    ((key, stated),) = named_keys(line)
    assert stated is not None
    assert is_stated_right(PAPER, key, stated) is right
