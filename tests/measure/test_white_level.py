"""White level of images of cameras of fewer bits than the file."""

import numpy as np
import pytest

from refp.measure.white_level import MIN_PILED_UP, piled_up_at, white_level
from refp.settings import Instrument, make_instrument, read_instrument


def instrument(white: int | None = None) -> Instrument:
    return make_instrument(read_instrument("a2k"), "a2k").replace("optics.white_level", white)


def image(level: int, n: int = MIN_PILED_UP, dtype: type = np.uint16) -> np.ndarray:
    pixels = np.full((20, 20), level // 2, dtype)
    pixels.flat[:n] = level
    return pixels


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_pixels_that_pile_up_at_a_camera_level_are_saturated(bits: int) -> None:
    level = 2**bits - 1
    for shift in (0, 16 - bits):
        assert piled_up_at(image(level << shift)) == level << shift
        assert white_level(image(level << shift), instrument()) == level << shift


@pytest.mark.parametrize("level", [1000, 4094, 4096, 65535])
def test_other_levels_are_not(level: int) -> None:
    assert piled_up_at(image(level)) == 0
    assert white_level(image(level), instrument()) == 65535


def test_few_pixels_are_no_pile() -> None:
    assert piled_up_at(image(4095, MIN_PILED_UP - 1)) == 0
    assert white_level(image(255, dtype=np.uint8), instrument()) == 255


def test_the_instrument_has_precedence() -> None:
    assert white_level(image(4095), instrument(3000)) == 3000
    assert white_level(image(200, dtype=np.uint8), instrument(240)) == 240


def test_a_level_that_the_image_cannot_have_is_not_used() -> None:
    """An image exported in other grey levels than those of the camera."""
    assert white_level(image(255, dtype=np.uint8), instrument(4095)) == 255
    assert white_level(image(4095 << 4), instrument(4095)) == 4095 << 4
