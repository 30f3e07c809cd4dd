"""Grey levels of the camera in images that a program stretched."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from refp.measure.grey_levels import has_merged_levels, has_uneven_gaps, restore_levels
from refp.settings import Instrument, make_instrument, read_instrument

A2K = make_instrument(read_instrument("a2k"), "a2k")


def camera_image(background: float = 90.0, dark: float = 10.0) -> np.ndarray:
    """A background with noise, and dark discs of all grey levels."""
    rng = np.random.default_rng(4)
    image = rng.normal(background, 1.5, (200, 200))
    image[:60] = rng.uniform(dark, background, (60, 200))
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def rounded(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


@given(gain=st.floats(1.05, 5.0), offset=st.floats(-20.0, 20.0))
def test_a_stretched_image_is_restored_exactly(gain: float, offset: float) -> None:
    image = camera_image()
    stretched = rounded(gain * image.astype(float) + offset)
    inside = (stretched > 0) & (stretched < 255)
    assume(len(np.unique(stretched[inside])) > 25)
    found = restore_levels(stretched, A2K)
    assert found is not None
    shift = found[0].astype(int) - image
    assert len(np.unique(shift[inside])) == 1
    assert abs(shift[inside][0] - offset / gain) <= 1.0  # black is the camera's level nearest to 0


def test_a_pure_gain_gives_the_grey_levels_of_the_camera() -> None:
    image = camera_image()
    for gain in (1.02, 1.1, 1.25, 1.5, 2.0):
        found = restore_levels(rounded(gain * image), A2K)
        assert found is not None
        np.testing.assert_array_equal(found[0], image)


def test_saturated_pixels_remain_saturated() -> None:
    image = camera_image(background=150.0)
    image[-20:] = 250
    stretched = rounded(1.25 * image)  # the camera's 204 and above are white
    found = restore_levels(stretched, A2K)
    assert found is not None
    restored, instrument = found
    np.testing.assert_array_equal(restored >= instrument.optics.white_level, stretched == 255)


@pytest.mark.parametrize(
    "altered",
    [
        pytest.param(camera_image(), id="as the camera wrote it"),
        pytest.param(rounded(0.8 * camera_image()), id="dimmed: no gap"),
        pytest.param(rounded(255 * (camera_image() / 255.0) ** 0.7), id="gamma: uneven gaps"),
        pytest.param(camera_image().astype(np.uint16) * 3, id="16 bits"),
        pytest.param(np.zeros((50, 50), np.uint8), id="black"),
        pytest.param(np.full((50, 50), 255, np.uint8), id="white"),
        pytest.param(np.full((50, 50), 90, np.uint8), id="one level"),
        pytest.param(np.arange(0, 250, 2, dtype=np.uint8).reshape(5, 25), id="few pixels"),
    ],
)
def test_other_images_are_left_alone(altered: np.ndarray) -> None:
    assert restore_levels(altered, A2K) is None


@pytest.mark.parametrize("factor", [0.8, 0.85, 0.9])
def test_merged_levels_of_a_factor_below_1_are_recognised(factor: float) -> None:
    image = camera_image()
    assert has_merged_levels(rounded(factor * image))
    assert not has_uneven_gaps(rounded(factor * image))
    assert not has_merged_levels(image)


@given(seed=st.integers(0, 1000), background=st.floats(40.0, 200.0), noise=st.floats(0.7, 4.0))
def test_images_of_a_camera_have_no_merged_levels(
    seed: int, background: float, noise: float
) -> None:
    rng = np.random.default_rng(seed)
    image = rng.normal(background, noise, (200, 200))
    image[:60] = background * (1 - rng.beta(1, 3, (60, 200)))
    assert not has_merged_levels(rounded(image))
    assert not has_uneven_gaps(rounded(image))


@pytest.mark.parametrize("gamma", [0.6, 0.8, 0.9])
def test_a_change_of_gamma_leaves_uneven_gaps(gamma: float) -> None:
    image = rounded(255 * (camera_image() / 255.0) ** gamma)
    assert has_uneven_gaps(image)
    assert not has_uneven_gaps(rounded(1.3 * camera_image()))
    assert not has_uneven_gaps(image.astype(np.uint16))


def test_the_stated_white_level_remains_an_upper_bound() -> None:
    instrument: Instrument = A2K.replace("optics.white_level", 120)
    found = restore_levels(rounded(1.5 * camera_image()), instrument)
    assert found is not None
    assert found[1].optics.white_level == 120


def test_a_stretch_that_removed_a_large_offset_is_left_alone() -> None:
    """White would lie below the offset of the camera, which no instrument can have."""
    image = camera_image(background=90.0, dark=50.0)
    stretched = rounded((image.astype(float) - 50.0) * 5.0)
    assert restore_levels(stretched, A2K) is not None
    assert restore_levels(stretched, A2K.replace("camera.offset", 60)) is None
