"""Propose the pattern that fits the names of files: numbers that vary, equal steps, units beside them."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from refp.sweeps.pattern import DEFAULT_PATTERN, parse_pattern

_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_SIGNED = re.compile(r"(?<![A-Za-z0-9])[+-]?[0-9]+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?")
_BEFORE = {
    "fov": re.compile(
        r"(?:fov|pos(?:ition)?|field|site|xy|well|scene|stage)[ _-]*$", re.IGNORECASE
    ),
    "experiment": re.compile(r"(?:exp(?:eriment)?|run|rep(?:eat)?|day)[ _-]*$", re.IGNORECASE),
    "exposure_ms": re.compile(r"(?:exposure|expo)[ _=-]*$", re.IGNORECASE),
    "z": re.compile(r"(?:(?<![a-z])z|slice|depth|height|focus)(?:pos)?[ _=-]*$", re.IGNORECASE),
}
_MS = re.compile(r" ?ms(?![a-z])", re.IGNORECASE)
_UM = re.compile(r" ?(?:um|[µμ]m|micron)", re.IGNORECASE)
_OTHER_UNIT = re.compile(r" ?(?:nm|mm|cm|px)(?![a-z])", re.IGNORECASE)
"""Units in which a number is not Z in micrometres."""
_WILD = re.compile(r"[{}*]")
MIN_FILES = 3
MIN_FRACTION = 0.8
"""Smallest fraction of the names that a proposed pattern fits."""
SAME_STEP = 0.01


@dataclass(frozen=True, slots=True)
class _Column:
    """A number of the names: its texts, and the literal text before and after it."""

    texts: tuple[str, ...]
    before: str
    after: str

    @property
    def values(self) -> tuple[float, ...]:
        return tuple(map(float, self.texts))

    @property
    def varies(self) -> bool:
        return len(set(self.texts)) > 1

    @property
    def is_even(self) -> bool:
        return are_even(self.values)

    @property
    def is_index(self) -> bool:
        """Whether these are the numbers of frames, without a unit."""
        return not _UM.match(self.after) and are_numbers_of_frames(self.values)


def are_even(values: Sequence[float]) -> bool:
    """Return whether the distinct values have one step."""
    steps = np.diff(sorted(set(values)))
    return bool(len(steps)) and float(np.ptp(steps)) <= SAME_STEP * float(steps.min())


def are_numbers_of_frames(values: Sequence[float]) -> bool:
    """Return whether values can be the numbers of frames: whole and one apart."""
    distinct = sorted(set(values))
    whole = all(float(value).is_integer() for value in values)
    return whole and are_even(values) and distinct[1] - distinct[0] == 1


def propose_pattern(names: Sequence[str]) -> str:
    """Return the pattern that fits most of the names of a sweep; empty if none does.

    Parameters
    ----------
    names
        Names of image files below their folder, with ``/`` between folders.

    Returns
    -------
    str
        A pattern of :func:`refp.sweeps.parse_pattern` with ``{z_um}``, or with ``{z_index}`` if the
        names number the frames; the distance of two frames is then to be given.

    Examples
    --------
    >>> propose_pattern([f"Bright Field 9ms Z{z}um.tif" for z in (1380, 1387.5, 1395)])
    'Bright Field {exposure_ms}ms Z{z_um}um.tif'
    """
    proposals = (_propose(names, number) for number in (_NUMBER, _SIGNED))
    return next(filter(None, proposals), "")


def explain_no_pattern(root: object, names: Sequence[str]) -> str:
    """Return the message that no pattern is known, with the one that fits."""
    proposed = propose_pattern(names)
    problem = f"{root}: no pattern: the position of Z in the names {two_names(names)} is not known"
    if not proposed:
        return f"{problem}; give --pattern, such as {DEFAULT_PATTERN!r}, or --manifest"
    step = " with the distance of two frames as --z-step-um" if "{z_index}" in proposed else ""
    return (
        f"{problem}; --pattern {proposed!r} fits{step}; give it, or let 'refp inspect {root} "
        "--write-sweep-toml' write it, or list the frames in a --manifest"
    )


def two_names(names: Sequence[str]) -> str:
    """Return the first two names, quoted, for a message."""
    return " and ".join(map(repr, names[:2]))


def _propose(names: Sequence[str], number: re.Pattern[str]) -> str:
    templates = Counter(number.sub("0", name) for name in names)
    template, n = templates.most_common(1)[0] if templates else ("", 0)
    if n < max(MIN_FILES, MIN_FRACTION * len(names)):
        return ""
    alike = [name for name in names if number.sub("0", name) == template]
    literals = number.split(alike[0])
    found = [number.findall(name) for name in alike]
    columns = [
        _Column(tuple(texts), literals[k], literals[k + 1])
        for k, texts in enumerate(zip(*found, strict=True))
    ]
    z = _find_z(columns)
    if z is None:
        return ""
    pattern = _write(literals, columns, z)
    return pattern if _fits(pattern, alike) else ""


def _find_z(columns: Sequence[_Column]) -> int | None:
    """Return the column that is Z: by the letter before it, the unit after it, and equal steps."""
    scores = {
        k: 4 * bool(_UM.match(c.after)) + 3 * bool(_BEFORE["z"].search(c.before)) + c.is_even
        for k, c in enumerate(columns)
        if c.varies and not _MS.match(c.after) and not _OTHER_UNIT.match(c.after)
    }
    named = {k: score for k, score in scores.items() if score > 1}
    if not named and len(scores) == 1:  # the only number that varies
        named = scores
    return max(named, key=lambda k: (named[k], len(set(columns[k].texts)))) if named else None


def _write(literals: Sequence[str], columns: Sequence[_Column], z: int) -> str:
    fields: dict[int, str] = {z: "z_index" if columns[z].is_index else "z_um"}
    for k, column in enumerate(columns):
        name = _name_of(column)
        if k != z and name and name not in fields.values():
            fields[k] = name
    text = _WILD.sub("*", literals[0])
    for k, column in enumerate(columns):
        constant = column.texts[0] if not column.varies else "*"
        text += f"{{{fields[k]}}}" if k in fields else constant
        text += _WILD.sub("*", literals[k + 1])
    return text


def _name_of(column: _Column) -> str:
    """Return the field that a number is by the text beside it; empty if it is none."""
    if _MS.match(column.after) or _BEFORE["exposure_ms"].search(column.before):
        return "exposure_ms"
    names = (name for name in ("fov", "experiment") if _BEFORE[name].search(column.before))
    return next(names, "")


def _fits(pattern: str, names: Sequence[str]) -> bool:
    """Whether a pattern fits all names and distinguishes them."""
    parsed = parse_pattern(pattern)
    fields = [parsed.match(name) for name in names]
    return None not in fields and len({str(one) for one in fields}) == len(names)
