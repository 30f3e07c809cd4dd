"""File names that carry experiment, FOV, Z and exposure: from a pattern to a match and back."""

import re
from dataclasses import dataclass
from typing import Final, TypedDict

import numpy as np

from refp.core.errors import RecipeError
from refp.sweeps.frame import Name, as_name

DEFAULT_PATTERN: Final = "exp{experiment}_fov{fov}_z{z_um}_t{exposure_ms}ms.tif"

_TEXT = "[^/]+?"
_NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)"
_FIELDS = {"experiment": _TEXT, "fov": _TEXT, "z_um": _NUMBER, "exposure_ms": _NUMBER}
_PARTS = re.compile(r"(\{[^{}]*\}|\*)")


class NameFields(TypedDict, total=False):
    """What a file name says; a field that the pattern does not hold is absent."""

    experiment: Name
    fov: Name
    z_um: float
    exposure_ms: float


@dataclass(frozen=True, slots=True)
class NamePattern:
    """A pattern of file names.

    Attributes
    ----------
    text
        As the user writes it, ``/`` between folders.
    regex
        The same with one named group per field.
    """

    text: str
    regex: re.Pattern[str]

    @property
    def depth(self) -> int:
        """Number of folders between the data set's folder and its images."""
        return self.text.count("/")

    def match(self, name: str) -> NameFields | None:
        """Return the fields of a name below the data set's folder; none if it does not fit."""
        found = self.regex.fullmatch(name)
        return _fields(found) if found else None


def parse_pattern(text: str) -> NamePattern:
    """Check a pattern of file names.

    Fields are ``{experiment}``, ``{fov}``, ``{z_um}`` and ``{exposure_ms}``, each at most once;
    ``*`` stands for any text inside one folder or file name. Z and exposure are decimal numbers
    with an optional sign; case does not matter. Without ``{z_um}`` the files must state Z
    themselves; experiment and FOV are 1 and exposure is 0, which means not known, where the
    pattern leaves them out.

    Raises
    ------
    RecipeError
        If a field is not known or is given twice, or if a brace has no partner.
    """
    parts = _PARTS.split(text)
    names = [part[1:-1] for part in parts[1::2] if part != "*"]
    for name in names:
        _check_field(text, name, names.count(name))
    if any("{" in part or "}" in part for part in parts[::2]):
        raise RecipeError(f"pattern {text!r}: a brace has no partner; write fields as {{z_um}}")
    return NamePattern(text, re.compile("".join(map(_regex, parts)), re.IGNORECASE))


def fill_pattern(text: str, *, experiment: Name, fov: Name, z_um: float, exposure_ms: float) -> str:
    """Return the file name that a pattern gives a frame; the inverse of matching.

    Raises
    ------
    RecipeError
        As :func:`parse_pattern`.
    """
    parse_pattern(text)
    numbers = {"z_um": _decimal(z_um), "exposure_ms": _decimal(exposure_ms)}
    return text.format(experiment=experiment, fov=fov, **numbers)


def _check_field(pattern: str, name: str, count: int) -> None:
    if name not in _FIELDS:
        allowed = ", ".join(f"{{{field}}}" for field in _FIELDS)
        raise RecipeError(f"pattern {pattern!r}: unknown field {{{name}}}; fields are {allowed}")
    if count > 1:
        raise RecipeError(f"pattern {pattern!r}: field {{{name}}} stands {count} times; use *")


def _regex(part: str) -> str:
    if part == "*":
        return "[^/]*?"
    if part.startswith("{"):
        return f"(?P<{part[1:-1]}>{_FIELDS[part[1:-1]]})"
    return re.escape(part)


def _fields(found: re.Match[str]) -> NameFields:
    fields = NameFields()
    groups = found.groupdict()
    if "experiment" in groups:
        fields["experiment"] = as_name(groups["experiment"])
    if "fov" in groups:
        fields["fov"] = as_name(groups["fov"])
    if "z_um" in groups:
        fields["z_um"] = float(groups["z_um"])
    if "exposure_ms" in groups:
        fields["exposure_ms"] = float(groups["exposure_ms"])
    return fields


def _decimal(value: float) -> str:
    """Write a number so that it reads back the same, never with an exponent."""
    return np.format_float_positional(value, trim="-")
