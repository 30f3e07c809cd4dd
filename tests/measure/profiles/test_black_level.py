"""The black level from the background at several exposures."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refp.measure.profiles import estimate_black_level, typical_black_level


@given(
    black=st.floats(0, 7),  # below the maximum fraction of background
    per_ms=st.floats(5, 40),
    exposures=st.lists(st.floats(5, 100), min_size=1, max_size=4, unique=True),
)
def test_a_straight_line_gives_its_intercept(
    black: float, per_ms: float, exposures: list[float]
) -> None:
    t = np.array([*exposures, 2 * max(exposures)])
    assert estimate_black_level(t, black + per_ms * t) == pytest.approx(black, abs=1e-6)


SILENT = {
    "no exposure": ([], []),
    "a single exposure": ([12], [60]),
    "one exposure twice": ([12, 12], [60, 61]),
    "exposures too alike": ([10, 12], [52, 62]),
    "exposures not known": ([0, 0, 0], [30, 60, 90]),
    "only one known": ([0, 12], [30, 60]),
    "lamp turned": ([5, 10, 20], [30, 55, 80]),
    "saturated": ([10, 20, 40, 80], [60, 120, 240, 255]),
    "intercept above that of a camera": ([10, 20, 30], [60, 70, 80]),
    "a field without beads": ([10, 20], [np.nan, 110]),
}


@pytest.mark.parametrize(("exposure_ms", "background"), SILENT.values(), ids=SILENT)
def test_uninformative_exposures_give_nan(
    exposure_ms: list[float], background: list[float]
) -> None:
    estimate = estimate_black_level(np.array(exposure_ms, float), np.array(background, float))
    assert np.isnan(estimate)


def test_unknown_exposures_and_fields_without_beads_are_ignored() -> None:
    t, b = np.array([0.0, 10.0, 20.0, 40.0]), np.array([999.0, 52.0, np.nan, 202.0])
    assert estimate_black_level(t, b) == pytest.approx(2.0)


def test_a_black_level_is_never_negative() -> None:
    assert estimate_black_level(np.array([10.0, 20.0]), np.array([50.0, 101.0])) == 0.0


@pytest.mark.parametrize(
    ("estimates", "typical"),
    [([], 0.0), ([np.nan, np.nan], 0.0), ([2.0, np.nan, 3.0, 40.0], 3.0)],
)
def test_the_typical_black_level(estimates: list[float], typical: float) -> None:
    assert typical_black_level(estimates) == typical
