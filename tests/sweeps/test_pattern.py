"""Patterns of file names, as tables of named cases."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refp.core.errors import RecipeError
from refp.sweeps import DEFAULT_PATTERN, fill_pattern, parse_pattern

CASES = {
    "default": (
        DEFAULT_PATTERN,
        "exp1_fov2_z1207_t24ms.tif",
        {"experiment": 1, "fov": 2, "z_um": 1207.0, "exposure_ms": 24.0},
    ),
    "sub-micrometre Z": ("z{z_um}.tif", "z1207.5.tif", {"z_um": 1207.5}),
    "negative Z": ("z{z_um}.tif", "z-12.tif", {"z_um": -12.0}),
    "plus sign": ("z{z_um}.tif", "z+3.25.tif", {"z_um": 3.25}),
    "bare decimal point": ("z{z_um}.tif", "z.5.tif", {"z_um": 0.5}),
    "dash before a negative Z": ("f{fov}-{z_um}.tif", "f1--12.tif", {"fov": 1, "z_um": -12.0}),
    "fraction of a millisecond": (
        "z{z_um}t{exposure_ms}",
        "z1t0.5",
        {"z_um": 1.0, "exposure_ms": 0.5},
    ),
    "leading zeros": ("f{fov}_z{z_um}.tif", "f007_z0010.tif", {"fov": 7, "z_um": 10.0}),
    "names as text": (
        "{experiment}_{fov}_{z_um}.tif",
        "day1_A3_5.tif",
        {"experiment": "day1", "fov": "A3", "z_um": 5.0},
    ),
    "folders": ("day{experiment}/z{z_um}.tif", "day4/z7.tif", {"experiment": 4, "z_um": 7.0}),
    "wildcard": ("*_z{z_um}_*.tif", "anything at all_z7_x.tif", {"z_um": 7.0}),
    "wildcard folder": ("*/z{z_um}.tif", "run/z7.tif", {"z_um": 7.0}),
    "whole number after a wildcard": ("*_{z_um}.tif", "img_120.tif", {"z_um": 120.0}),
    "no Z": ("fov{fov}.ome.tif", "fov3.ome.tif", {"fov": 3}),
    "case of the suffix": ("z{z_um}.tif", "Z7.TIF", {"z_um": 7.0}),
    "characters of regular expressions": ("(a+b)[z{z_um}].tif", "(a+b)[z7].tif", {"z_um": 7.0}),
}

NO_MATCH = {
    "another suffix": ("z{z_um}.tif", "z7.png"),
    "text for Z": ("z{z_um}.tif", "zseven.tif"),
    "p as decimal mark": ("z{z_um}.tif", "z1207p5.tif"),
    "comma as decimal mark": ("z{z_um}.tif", "z1207,5.tif"),
    "exponent": ("z{z_um}.tif", "z1e3.tif"),
    "more at the end": ("z{z_um}.tif", "z7.tif.bak"),
    "wildcard over folders": ("*z{z_um}.tif", "run/z7.tif"),
    "field over folders": ("{fov}_z{z_um}.tif", "a/b_z7.tif"),
    "dot is no wildcard": ("z{z_um}.tif", "z7xtif"),
    "other digits": ("z{z_um}.tif", "z٣.tif"),
}

WRONG = {
    "unknown field": (
        "z{zed}.tif",
        r"unknown field \{zed\}; fields are \{experiment\}, \{fov\}, \{z_um\}",
    ),
    "empty field": ("z{}.tif", r"unknown field \{\}"),
    "format of a field": ("z{z_um:.1f}.tif", r"unknown field \{z_um:.1f\}"),
    "field twice": ("z{z_um}_{z_um}.tif", r"field \{z_um\} occurs 2 times"),
    "open brace": ("z{z_um.tif", "unmatched brace"),
    "closing brace": ("z_um}.tif", "unmatched brace"),
}


def test_folders_may_be_separated_as_on_windows() -> None:
    pattern = r"day{experiment}\z{z_um}.tif"
    assert parse_pattern(pattern) == parse_pattern(pattern.replace("\\", "/"))


@pytest.mark.parametrize(("pattern", "name", "fields"), CASES.values(), ids=CASES)
def test_a_name_is_read(pattern: str, name: str, fields: dict[str, Any]) -> None:
    assert parse_pattern(pattern).match(name) == fields


@pytest.mark.parametrize(("pattern", "name"), NO_MATCH.values(), ids=NO_MATCH)
def test_another_name_is_not_read(pattern: str, name: str) -> None:
    assert parse_pattern(pattern).match(name) is None


@pytest.mark.parametrize(("pattern", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_pattern_names_the_fault(pattern: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        parse_pattern(pattern)


numbers = st.floats(-1e7, 1e7) | st.integers(-(10**6), 10**6).map(float)
names = st.integers(0, 10**6) | st.from_regex(r"[A-Za-z]{1,8}", fullmatch=True)


@given(experiment=names, fov=names, z_um=numbers, exposure_ms=numbers)
def test_filling_and_matching_are_inverse(
    experiment: int | str, fov: int | str, z_um: float, exposure_ms: float
) -> None:
    fields = {"experiment": experiment, "fov": fov, "z_um": z_um, "exposure_ms": exposure_ms}
    name = fill_pattern(DEFAULT_PATTERN, **fields)  # type: ignore[arg-type]
    assert parse_pattern(DEFAULT_PATTERN).match(name) == fields


def test_the_depth_of_a_pattern_is_its_number_of_folders() -> None:
    assert parse_pattern("a/{fov}/z{z_um}.tif").depth == 2
