"""Units and numbers as programs spell them."""

import math

import pytest

from refp.sweeps.formats.units import ms_per, number, size, um_per, whole

MICRO = "\u00b5m"
GREEK = "\u03bcm"
UM = [
    *("um", "UM", " um ", "micron", "Microns", "micrometer", "micrometres", "\\u00B5m", "&#181;m"),
    *(MICRO, GREEK, "?m", "\ufffdm"),
    *(
        unit.encode("utf-8").decode(wrong)
        for unit in (MICRO, GREEK)
        for wrong in ("latin-1", "cp1252", "cp437", "mac_roman")
    ),
]


@pytest.mark.parametrize("unit", UM)
def test_a_micrometre_has_many_spellings(unit: str) -> None:
    assert um_per(unit) == 1.0


OTHERS = {"nm": 1e-3, "mm": 1e3, "m": 1e6, "inch": 25_400.0, "\u00c5": 1e-4, "\u212b": 1e-4}


@pytest.mark.parametrize(("unit", "factor"), OTHERS.items())
def test_other_lengths(unit: str, factor: float) -> None:
    assert um_per(unit) == factor


@pytest.mark.parametrize("unit", ["", "pixel", "reference frame", "s"])
def test_what_is_no_length_is_0(unit: str) -> None:
    assert um_per(unit) == 0.0


@pytest.mark.parametrize(("unit", "factor"), [("s", 1e3), ("ms", 1.0), ("\u00b5s", 1e-3), ("", 0)])
def test_times(unit: str, factor: float) -> None:
    assert ms_per(unit) == factor


def test_numbers_have_a_point_or_a_comma() -> None:
    assert (number("1,5"), number(" 1.5 "), number(2)) == (1.5, 1.5, 2.0)
    assert all(math.isnan(number(text)) for text in ("", "x", "1e999", "1,234.5", None, True, [1]))


def test_a_size_is_positive_and_an_index_is_whole() -> None:
    assert [size(text) for text in ("0", "-1", "nan", "0,65")] == [0.0, 0.0, 0.0, 0.65]
    assert [whole(text, 7) for text in ("3", "-1", "1.5", None)] == [3, 7, 7, 7]
