"""Keys of recipes, instruments, data sets, simulations and the server, from their definitions."""

import inspect
from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from reference_pages.markdown import cell, code, page, table
from refp.settings import Recipe
from refp.settings.instrument import Instrument
from refp.settings.recipe import recipe_names
from refp.study.layout import MapFile
from refp.sweeps.sweep_file import SweepFile
from refp.synthetic import SimulationSettings
from refp.web.settings import Limits

UNITS = """
Units are in the names: `_um` is micrometres along the optical axis or in the sample, `_px` pixels, `_ms` milliseconds,
`_s` seconds. Other quantities have their unit in the description, or none.
"""
RECIPE = """
A recipe is a TOML file of the settings that differ from the default recipe, or with `base = "paper"` from another one.
An unknown key is an error that lists the nearest keys. In Python: `recipe.replace("train.family", "profile")`.
"""
INSTRUMENT = """
An instrument recipe is a TOML file with these keys; `--instrument FILE.toml` or `instrument` in `sweep.toml` names it.
`refp plane` and `refp train` need pixel size and bead diameter only; the others are for simulation.
"""
SWEEP = """
`sweep.toml` in the folder of a data set describes it. All keys are optional, and the command line takes the same ones.
`[optics]`, `[bead]` and `[stage]` override keys of the instrument's recipe.
"""
STUDY = "`study.toml` in the folder of `refp study` maps folders to the data sets of the article's Table 1."
SIMULATION = """
Settings of `refp.simulate_dataset`. `refp simulate` has an option for the common ones.
"""
LIMITS = "Limits of requests, workers and stored files of `refp serve`."
MODELS: tuple[tuple[str, str, type[BaseModel]], ...] = (
    ("Recipe", RECIPE, Recipe),
    ("Instrument", INSTRUMENT, Instrument),
    ("Data set: sweep.toml", SWEEP, SweepFile),
    ("Study: study.toml", STUDY, MapFile),
    ("Simulation", SIMULATION, SimulationSettings),
    ("Server", LIMITS, Limits),
)
"""Title, introduction and definition of each table of keys."""


def render_recipe() -> str:
    """Return the page of the recipe keys."""
    names = "Recipes of the package: " + ", ".join(f"`{name}`" for name in recipe_names()) + "."
    return page("Recipe keys", RECIPE, names, UNITS, *sections(Recipe))


def render_others() -> str:
    """Return the page of all other keys."""
    parts = (
        part
        for title, intro, model in MODELS[1:]
        for part in (f"## {title}", intro, *sections(model, 3))
    )
    return page("Keys of instruments, data sets and the server", UNITS, *parts)


def sections(
    model: type[BaseModel], level: int = 2, prefix: str = "", values: BaseModel | None = None
) -> Iterator[str]:
    """Yield a table of a section's own keys, then one for each section in it.

    ``values`` holds the defaults where a section has others than its class.
    """
    own = {k: f for k, f in model.model_fields.items() if not section_of(f)}
    if own:
        rows = [
            (
                code(prefix + name),
                type_text(f),
                code(default_text(f, values and getattr(values, name))),
                cell(f.description or ""),
            )
            for name, f in own.items()
        ]
        yield table(("key", "values", "default", "meaning"), rows)
    for name, field in model.model_fields.items():
        inner = section_of(field)
        if inner:
            key = section_key(prefix + name, field)
            yield f"{'#' * level} {key}"
            yield cell(inspect.cleandoc(field.description or inner.__doc__ or ""))
            default = field.default if isinstance(field.default, BaseModel) else None
            yield from sections(inner, min(level + 1, 5), f"{key}.", default)


def keys(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Yield every key with its definition."""
    for name, field in model.model_fields.items():
        inner = section_of(field)
        if inner:
            yield from keys(inner, f"{section_key(prefix + name, field)}.")
        else:
            yield prefix + name, field


def section_key(key: str, field: FieldInfo) -> str:
    """Return the key of a section; of a table of sections with a word for their names."""
    return f"{key}.NAME" if get_origin(field.annotation) is dict else key


def section_of(field: FieldInfo) -> type[BaseModel] | None:
    """Return the settings class of a section, ``None`` for a single setting."""
    kinds = (field.annotation, *get_args(field.annotation))
    return next((k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)), None)


def default_text(field: FieldInfo, value: object = None) -> str:
    """Return a default as TOML would have it; empty without one."""
    if value is None:
        if field.is_required():
            return "required"
        value = field.get_default(call_default_factory=True)
    if value is None or value in ({}, ""):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return str([*value]).replace("'", '"')
    return f'"{value}"' if isinstance(value, str) else str(value)


def type_text(field: FieldInfo) -> str:
    """Return the values that a setting takes, with their limits."""
    return kind_text(field.annotation) + limits_text(field)


def limits_text(field: FieldInfo) -> str:
    """Return the limits of a number; empty without limits."""
    signs = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤"}
    found = {n: getattr(m, n) for m in field.metadata for n in signs if hasattr(m, n)}
    return cell("".join(f", {signs[n]} {value:g}" for n, value in found.items()))


def kind_text(kind: Any) -> str:
    """Return the type of a setting in words."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in inner)
    if origin in (Union, UnionType):
        return " or ".join(kind_text(one) for one in inner if one is not type(None))
    if origin is Annotated:
        return kind_text(inner[0])
    if origin in (tuple, list, frozenset):
        return f"list of {kind_text(inner[0])}s"
    if origin is dict or kind is dict:
        return "table"
    names = {float: "number", int: "whole number", bool: "`true`, `false`", str: "text"}
    return names.get(kind, getattr(kind, "__name__", str(kind)).lower())
