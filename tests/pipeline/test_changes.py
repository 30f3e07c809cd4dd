"""Steps and drifts of series of dZ."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refp.pipeline.changes import (
    DAY_S,
    MAX_PERIODS,
    Change,
    Periods,
    find_changes,
    group_periods,
    pettitt,
)

N = 120
DAYS = np.arange(N)


def changes_of(signal: np.ndarray, seed: int = 0) -> list[Change]:
    noise = np.random.default_rng(seed).normal(0, 1, len(signal))
    return find_changes(group_periods(np.arange(len(signal)) * DAY_S, signal + noise))


def days(seconds: float) -> int:
    return round(seconds / DAY_S)


def test_pettitts_statistic_of_two_levels() -> None:
    # All pairs across a step of n/2 and n/2 values differ alike: K = n^2 / 4.
    y = np.repeat([0.0, 1.0], 10) + np.linspace(0, 0.1, 20)
    split, p = pettitt(y)
    assert split == 10
    assert p == pytest.approx(2 * np.exp(-6 * 100**2 / (20**3 + 20**2)))


def test_pettitts_statistic_is_the_sum_of_signs() -> None:
    y = np.random.default_rng(3).normal(size=30)
    signs = [abs(np.sign(np.subtract.outer(y[:t], y[t:])).sum()) for t in range(5, 26)]
    split, p = pettitt(y)
    assert split == 5 + int(np.argmax(signs))
    assert p == pytest.approx(min(1.0, 2 * np.exp(-6 * max(signs) ** 2 / (30**3 + 30**2))))


def test_a_step_is_found_with_its_date_and_size() -> None:
    (step,) = changes_of(3.0 * (DAYS >= 70))
    assert step.kind == "step"
    assert (days(step.start_s), days(step.end_s)) == (69, 70)
    assert step.lower_um < 3.0 < step.upper_um
    assert step.upper_um - step.lower_um < 1.0


def test_each_of_two_steps_has_its_own_size() -> None:
    first, second = changes_of(3.0 * (DAYS >= 70) - 4.0 * (DAYS >= 95))
    assert (days(first.end_s), days(second.end_s)) == (70, 95)
    assert first.lower_um < 3.0 < first.upper_um
    assert second.lower_um < -4.0 < second.upper_um


def test_a_drift_is_no_row_of_steps() -> None:
    (drift,) = changes_of(0.05 * DAYS)
    assert drift.kind == "drift"
    assert drift.lower_um < 0.05 * (N - 1) < drift.upper_um
    assert (days(drift.start_s), days(drift.end_s)) == (0, N - 1)


def test_a_drift_before_a_step_does_not_change_its_size() -> None:
    drift, step = changes_of(np.where(DAYS < 60, 0.1 * DAYS, -10.0))
    assert (drift.kind, step.kind) == ("drift", "step")
    assert step.change_um == pytest.approx(-16.0, abs=0.6)


def test_images_far_out_of_focus_hide_no_step() -> None:
    signal = 3.0 * (DAYS >= 70)
    signal[::9] += 200.0
    (step,) = changes_of(signal)
    assert abs(days(step.end_s) - 70) <= 2
    assert step.change_um == pytest.approx(3.0, abs=0.7)


def test_a_stable_series_seldom_has_a_change() -> None:
    n_false = sum(bool(changes_of(np.zeros(40), seed)) for seed in range(200))
    assert n_false <= 8  # 4 %; two tests at 1 %


def test_many_images_of_few_days_count_as_few() -> None:
    """Two days whose focus differs are no evidence of a step, however many images they have."""
    time_s = np.repeat([0.0, DAY_S], 500)
    dz_um = np.repeat([0.0, 5.0], 500)
    assert find_changes(group_periods(time_s, dz_um)) == []


@given(st.integers(1, 6000), st.sampled_from([0.5, 60.0, 7200.0, DAY_S]))
def test_every_image_is_in_one_period(n: int, step_s: float) -> None:
    periods = group_periods(np.arange(n) * step_s, np.zeros(n))
    assert periods.count.sum() == n
    assert len(periods) <= MAX_PERIODS
    assert (np.diff(periods.time_s) > 0).all()


def test_no_image_gives_no_period() -> None:
    empty = group_periods(np.empty(0), np.empty(0))
    assert isinstance(empty, Periods)
    assert len(empty) == 0
    assert find_changes(empty) == []
