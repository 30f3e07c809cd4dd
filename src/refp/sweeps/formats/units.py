"""Units of length and time, and numbers, in the spellings of acquisition software."""

import html
import math
import re
from contextlib import suppress

UM_PER_M = 1e6
_UM_PER = {
    UM_PER_M: ("m", "meter", "metre"),
    1e4: ("cm", "centimeter", "centimetre"),
    1e3: ("mm", "millimeter", "millimetre"),
    1.0: ("μm", "um", "mum", "mcm", "µ", "u", "micron", "micrometer", "micrometre"),
    1e-3: ("nm", "nanometer", "nanometre"),
    1e-4: ("å", "a", "angstrom", "ångström"),
    1e-6: ("pm", "picometer", "picometre"),
    25_400.0: ("in", "inch"),
}
_MS_PER = {
    1e3: ("s", "sec", "second"),
    1.0: ("ms", "msec", "millisecond"),
    1e-3: ("μs", "us", "usec", "microsecond"),
    1e-6: ("ns", "nanosecond"),
}
_MICRO = re.compile(r"\\u00b5|\\u03bc|[^\x00-\x7f]+|\?")
"""The sign of micro, as programs write it that escape it or mix up encodings: of all prefixes of metre
and second it is the only one outside ASCII."""


def _folded(unit: str) -> str:
    """Return a unit in lower case, in which the two signs of micro are one."""
    return unit.strip().strip(".").casefold()


def _table(names: dict[float, tuple[str, ...]]) -> dict[str, float]:
    single = {_folded(name): factor for factor, group in names.items() for name in group}
    plural = {f"{name}s": factor for name, factor in single.items() if len(name) > 2}
    return plural | single


_LENGTHS, _TIMES = _table(_UM_PER), _table(_MS_PER)


def um_per(unit: str) -> float:
    """Return the micrometres per unit of length; 0 if it is not a length, such as ``pixel``."""
    return _LENGTHS.get(_plain(unit), 0.0)


def ms_per(unit: str) -> float:
    """Return the milliseconds per unit of time; 0 if it is not a time."""
    return _TIMES.get(_plain(unit), 0.0)


def number(text: object) -> float:
    """Return a number with a decimal point or comma; NaN if it is none or is not finite."""
    if isinstance(text, bool):
        return math.nan
    with suppress(ValueError, TypeError, OverflowError):
        value = float(text.replace(",", ".") if isinstance(text, str) else text)  # type: ignore[arg-type]
        return value if math.isfinite(value) else math.nan
    return math.nan


def size(text: object) -> float:
    """Return a positive number; 0 if it is none, as programs write a size that they do not know."""
    value = number(text)
    return value if value > 0 else 0.0


def whole(text: object, default: int = 0) -> int:
    """Return a whole number from 0, or the default if it is none."""
    value = number(text)
    return int(value) if value >= 0 and value.is_integer() else default


def _plain(unit: str) -> str:
    name = _folded(html.unescape(unit))
    return name if name in _LENGTHS else _MICRO.sub("μ", name)
