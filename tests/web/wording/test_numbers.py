"""Texts of numbers: distance, colours of beads, tilt, flags of a sweep."""

import pytest

from refp.core.flags import SweepFlag
from refp.web.messages import BeadView, ImageView
from refp.web.wording.numbers import (
    COLORS,
    SWEEP_FLAGS,
    color_beads,
    describe_dz,
    describe_move,
    describe_tilt,
    plus_minus,
    signed,
    typeset,
)


@pytest.mark.parametrize(
    ("dz_um", "text"),
    [
        (14.21, ("14.2", "above the reference plane")),
        (-3.0, ("3.0", "below the reference plane")),
        (0.04, ("0.0", "indistinguishable from the reference plane")),
        (-0.051, ("0.1", "below the reference plane")),
    ],
)
def test_words(dz_um: float, text: tuple[str, str]) -> None:
    ends: dict[str, object] = {"lower_um": dz_um - 0.6, "upper_um": dz_um + 0.6}
    assert describe_dz({"delta_z_um": dz_um, **ends}) == text
    assert plus_minus({"lower_um": 13.1, "upper_um": 15.3}) == "±1.1"


def test_a_dz_of_zero_without_zero_in_its_interval() -> None:
    row: dict[str, object] = {"delta_z_um": 0.04, "lower_um": 0.01, "upper_um": 0.07}
    assert describe_dz(row) == ("0.0", "in the reference plane")
    unknown: dict[str, object] = {"delta_z_um": 0.0, "lower_um": None, "upper_um": None}
    assert describe_dz(unknown) == ("0.0", "in the reference plane")


@pytest.mark.parametrize(
    ("dz_um", "move_um", "text"),
    [
        (14.21, -14.21, "lower Z of the stage by 14.2 µm"),
        (14.21, 14.21, "raise Z of the stage by 14.2 µm"),
        (-3.0, 3.0, "raise Z of the stage by 3.0 µm"),
        (-3.0, -3.0, "lower Z of the stage by 3.0 µm"),
        (-3.0, None, "focal plane 3.0 µm up"),
        (14.21, None, "focal plane 14.2 µm down"),
        (0.01, -0.01, "no move"),
    ],
)
def test_move_of_the_stage_or_of_the_plane(dz_um: float, move_um: float | None, text: str) -> None:
    assert describe_move({"delta_z_um": dz_um, "stage_move_um": move_um}) == text


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(-4.48, 1, "−4.5"), (8.0, 1, "+8.0"), (-0.04, 1, "0.0"), (0.04, 2, "+0.04"), (0.0, 1, "0.0")],
)
def test_a_sign_is_a_minus_sign_and_zero_has_none(value: float, digits: int, text: str) -> None:
    assert signed(value, digits) == text


def test_texts_of_the_commands_get_minus_signs_and_units() -> None:
    assert typeset("-156.2 to 149.8 um") == "−156.2 to 149.8 µm"
    assert typeset("2026-11-30, lookup-a2k-7e9e0fca") == "2026-11-30, lookup-a2k-7e9e0fca"


def view_of(*own: float | None, height: int = 100, width: int = 200) -> ImageView:
    beads = [BeadView(0, 0, value is not None, "", value, []) for value in own]
    return ImageView(b"", height, width, 5, beads, [], [], [], None)


def test_beads_are_coloured_from_low_to_high() -> None:
    colored = color_beads(view_of(10.0, 4.0, None, 16.0))
    assert colored.span_um == 6
    assert (colored.colors[1], colored.colors[2], colored.colors[3]) == (COLORS[0], "", COLORS[-1])
    alike = color_beads(view_of(5.0, 5.1, 4.9))
    assert len(set(alike.colors)) == 1
    assert color_beads(view_of(None, None)).colors == ("", "")


def test_tilt_in_words() -> None:
    row = {
        "tilt_y_um_per_px": -0.05,
        "tilt_y_u_um_per_px": 0.01,
        "tilt_x_um_per_px": 0.001,
        "tilt_x_u_um_per_px": 0.001,
    }
    assert describe_tilt(row, view_of()) == "rises 5.0 ±2.0 µm to the top"
    flat = {**row, "tilt_y_um_per_px": 0.0}
    assert describe_tilt(flat, view_of()) == "not significant"
    assert describe_tilt({**row, "tilt_y_um_per_px": None}, view_of()) == ""


def test_every_flag_has_a_text() -> None:
    assert set(SWEEP_FLAGS) == {str(flag.name).lower() for flag in SweepFlag}
