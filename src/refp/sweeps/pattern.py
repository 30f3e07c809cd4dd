"""Patterns of file names that contain experiment, FOV, Z and exposure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypedDict
from unicodedata import normalize

import numpy as np

from refp.core.errors import RecipeError
from refp.sweeps.frame import Name, as_name

DEFAULT_PATTERN: Final = "exp{experiment}_fov{fov}_z{z_um}_t{exposure_ms}ms.tif"
_DEFAULT_SUFFIXES: Final = (".tif", ".tiff", ".png")

MAX_PARTS = 200
"""Largest number of fields, wildcards and texts of a pattern."""
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)")
_DIGITS = re.compile(r"[0-9]+")
_FIELDS: Final = {
    "experiment": None,
    "fov": None,
    "z_um": _NUMBER,
    "z_index": _DIGITS,
    "exposure_ms": _NUMBER,
}
"""Syntax of the fields; ``None``: any text inside one folder or file name."""
_PARTS = re.compile(r"(\{[^{}]*\}|\*)")


class NameFields(TypedDict, total=False):
    """Fields read from a file name; a field that is not in the pattern is absent."""

    experiment: Name
    fov: Name
    z_um: float
    z_index: int
    exposure_ms: float


@dataclass(frozen=True, slots=True)
class NamePattern:
    """A pattern of file names.

    Attributes
    ----------
    text
        Pattern as given, with ``/`` between folders.
    parts
        Its literal texts, ``{fields}`` and ``*``, in order.
    """

    text: str
    parts: tuple[str, ...]

    @property
    def depth(self) -> int:
        """Number of folders between the data set's folder and its images."""
        return self.text.count("/")

    def match(self, name: str) -> NameFields | None:
        """Return the fields of a name below the data set's folder; ``None`` if it does not match."""
        found = _match(self.parts, name)
        return None if found is None else _fields(found)


def parse_pattern(text: str) -> NamePattern:
    """Parse a pattern of file names.

    Fields are ``{experiment}``, ``{fov}``, ``{z_um}`` or ``{z_index}``, and ``{exposure_ms}``, each at
    most once; ``*`` matches any text inside one folder or file name. Z and exposure are decimal numbers
    with an optional sign; case is ignored. ``{z_index}`` is the number of a frame, which needs the
    distance of two frames (``--z-step-um``). Folders are separated by a slash or a backslash. Without Z
    the files must state it in their metadata. Omitted fields default to experiment 1, FOV 1 and exposure
    0 (not known).

    Raises
    ------
    RecipeError
        If a field is not known or is given twice, if both kinds of Z are given, or if a brace is not
        closed or opened.
    """
    text = normalize("NFC", text).replace("\\", "/")
    parts = _PARTS.split(text)
    names = [part[1:-1] for part in parts[1::2] if part != "*"]
    for name in names:
        _check_field(text, name, names.count(name))
    if {"z_um", "z_index"} <= set(names):
        raise RecipeError(
            f"pattern {text!r}: both {{z_um}} and {{z_index}}; keep one, use * for the other"
        )
    if any("{" in part or "}" in part for part in parts[::2]):
        raise RecipeError(f"pattern {text!r}: unmatched brace; write fields as {{z_um}}")
    found = tuple(part for part in parts if part)
    if len(found) > MAX_PARTS:
        raise RecipeError(
            f"pattern {text[:50]!r}...: more than {MAX_PARTS} fields, wildcards and texts"
        )
    return NamePattern(text, found)


def fill_pattern(text: str, *, experiment: Name, fov: Name, z_um: float, exposure_ms: float) -> str:
    """Return the file name of a frame by a pattern; the inverse of matching.

    Raises
    ------
    RecipeError
        As :func:`parse_pattern`.
    """
    if "{z_index}" in text:
        raise RecipeError(f"pattern {text!r}: new frames are named by {{z_um}}, not by {{z_index}}")
    parse_pattern(text)
    numbers = {"z_um": _decimal(z_um), "exposure_ms": _decimal(exposure_ms)}
    return text.format(experiment=experiment, fov=fov, **numbers)


def _check_field(pattern: str, name: str, count: int) -> None:
    if name not in _FIELDS:
        allowed = ", ".join(f"{{{field}}}" for field in _FIELDS)
        raise RecipeError(f"pattern {pattern!r}: unknown field {{{name}}}; fields are {allowed}")
    if count > 1:
        raise RecipeError(
            f"pattern {pattern!r}: field {{{name}}} occurs {count} times; use * for the others"
        )


def _match(parts: tuple[str, ...], name: str) -> dict[str, str] | None:
    """Return the texts of the fields of a name; wildcards and texts are as short as possible.

    The time is bounded whatever the pattern, since no place of the name is tried twice for a part; a
    regular expression of many wildcards would try all their combinations.
    """
    failed: set[tuple[int, int]] = set()

    def match_from(k: int, start: int) -> dict[str, str] | None:
        if k == len(parts):
            return {} if start == len(name) else None
        if (k, start) in failed:
            return None
        for end in _ends(parts[k], name, start):
            rest = match_from(k + 1, end)
            if rest is not None:
                return {parts[k][1:-1]: name[start:end], **rest} if _is_field(parts[k]) else rest
        failed.add((k, start))
        return None

    return match_from(0, 0)


def _ends(part: str, name: str, start: int) -> Iterator[int]:
    """Yield where a part of a pattern may end that begins at a place of a name, the preferred one first."""
    if part != "*" and not _is_field(part):
        if name[start : start + len(part)].lower() == part.lower():
            yield start + len(part)
        return
    syntax = None if part == "*" else _FIELDS[part[1:-1]]
    if syntax is None:
        slash = name.find("/", start)
        last = len(name) if slash < 0 else slash
        yield from range(start + (part != "*"), last + 1)
        return
    longest = syntax.match(name, start)
    for end in range(longest.end() if longest else start, start, -1):
        if syntax.fullmatch(name, start, end):
            yield end


def _is_field(part: str) -> bool:
    return part.startswith("{")


def _fields(groups: Mapping[str, str]) -> NameFields:
    fields = NameFields()
    if "experiment" in groups:
        fields["experiment"] = as_name(groups["experiment"])
    if "fov" in groups:
        fields["fov"] = as_name(groups["fov"])
    if "z_um" in groups:
        fields["z_um"] = float(groups["z_um"])
    if "z_index" in groups:
        fields["z_index"] = int(groups["z_index"])
    if "exposure_ms" in groups:
        fields["exposure_ms"] = float(groups["exposure_ms"])
    return fields


def _decimal(value: float) -> str:
    """Write a number exactly, without an exponent."""
    return np.format_float_positional(value, trim="-")


def default_patterns() -> list[NamePattern]:
    """Return the patterns of files without a stated one: the default, with each suffix."""
    return [parse_pattern(DEFAULT_PATTERN.replace(".tif", suffix)) for suffix in _DEFAULT_SUFFIXES]
