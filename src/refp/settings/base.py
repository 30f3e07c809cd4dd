"""Base class of all settings: frozen, unknown keys refused."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from refp.core.errors import RecipeError


class Settings(BaseModel):
    """Frozen settings; an unknown key is an error, so that typing errors are found."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def replace(
        self, changes: str | Mapping[str, Any], value: Any = None, /, *, source: str = ""
    ) -> Self:
        """Return a copy with some settings changed, checked as a whole.

        Parameters
        ----------
        changes
            Dotted key of one setting, such as ``"train.family"``, or a table of keys and values, nested
            as in a TOML file or with dotted keys.
        value
            New value, if ``changes`` is one key.
        source
            Origin of the changes, for messages; default: the name of the settings.

        Raises
        ------
        RecipeError
            If there is no such key (the message lists the nearest ones), if a value is not allowed,
            or if settings are inconsistent.

        Examples
        --------
        >>> from refp import load_recipe
        >>> recipe = load_recipe().replace("train.family", "profile")
        >>> recipe.replace({"estimate.minimum_beads": 6, "plane": {"minimum_frames": 7}}).name
        'default'
        """
        source = source or type(self).__name__.lower()
        table: dict[str, Any] = {}
        for key, new in ({changes: value} if isinstance(changes, str) else changes).items():
            *parents, last = key.split(".")
            nested: dict[str, Any] = {last: new}
            for parent in reversed(parents):
                nested = {parent: nested}
            table = merge(table, nested)
        now = self.model_dump()
        _check_keys(table, now, source)
        try:
            return type(self).model_validate(merge(now, table))
        except ValidationError as error:
            raise RecipeError(one_line(error, source)) from error


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Merge nested tables; values of ``above`` override those of ``below``."""
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        if isinstance(value, Mapping) and isinstance(under, Mapping):
            merged[key] = merge(under, value)
        else:
            merged[key] = value
    return merged


def one_line(error: ValidationError, source: str) -> str:
    """Return the first problem of a validation error as one line that names ``source``."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    given = f" (given: {first['input']!r})" if key and first["type"] != "missing" else ""
    problem = first["msg"].removeprefix("Value error, ")
    return f"{source}: {key + ': ' if key else ''}{problem}{given}"


def _check_keys(table: Mapping[str, Any], known: Mapping[str, Any], source: str) -> None:
    names = dict.fromkeys(_keys(known))
    for key in _keys(table):
        if key not in names:
            near = get_close_matches(key, names) or list(known)
            raise RecipeError(f"{source}: no setting {key!r}; the nearest are {', '.join(near)}")


def _keys(table: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """Yield the dotted keys of nested tables, each table before its entries."""
    for key, value in table.items():
        yield above + key
        if isinstance(value, Mapping):
            yield from _keys(value, f"{above}{key}.")
