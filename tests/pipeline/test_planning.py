"""Plans: uncertainties of sweeps and images, against closed forms and simulated numbers."""

import numpy as np
import pandas as pd
import pytest

from refp.core.errors import RecipeError
from refp.pipeline.planning import (
    MIN_FRAMES,
    PlanLimits,
    bead_heights,
    find_limits,
    image_row,
    make_plan,
    plan_rows,
    sweep_row,
    write_plan,
)
from refp.synthetic import as_instrument


def limits(**changes: object) -> PlanLimits:
    values = {
        "tolerance_um": 2.5,
        "height_sd_um": 1.2,
        "stage_um": 2.5,
        "dz_um": np.linspace(-100, 100, 5),
        "exposures_ms": np.array([6.0, 12.0]),
        "bead_um": np.array([[2.0, 1.0, 0.5, 1.0, 2.0], [1.0, 0.5, 0.25, 0.5, 1.0]]),
    }
    return PlanLimits(**(values | changes))  # type: ignore[arg-type]


def test_a_sweep_without_image_noise_is_stage_and_heights() -> None:
    row = sweep_row(limits(bead_um=np.zeros((2, 5))), n_fov=2, n_beads=8, n_frames=25)
    assert row.u_stage_um == pytest.approx(2.5 / 50**0.5)
    assert row.u_heights_um == pytest.approx(1.2 / 4)
    assert row.u_um == pytest.approx(np.hypot(row.u_stage_um, row.u_heights_um))
    assert row.half_width_um == pytest.approx(1.96 * row.u_um)


def test_a_sweep_has_the_planned_uncertainty() -> None:
    """Frames placed by noisy beads, stage errors and heights drawn many times over."""
    known = limits()
    row = sweep_row(known, n_fov=1, n_beads=6, n_frames=9)
    rng = np.random.default_rng(0)
    dz_um = np.linspace(-100, 100, 11)[1:-1]
    frame_um = np.interp(dz_um, known.dz_um, known.bead_um[1]) / 6**0.5
    weight = 1 / (2.5**2 + frame_um**2)
    errors = []
    for _ in range(4000):
        heights_um = rng.normal(0, 1.2, 6).mean()
        placed = rng.normal(0, 2.5, 9) + rng.normal(0, frame_um)
        errors.append(heights_um + np.average(placed, weights=weight))
    assert np.std(errors) == pytest.approx(row.u_um, rel=0.05)


def test_an_image_has_its_largest_uncertainty_over_the_range() -> None:
    row = image_row(limits(), exposure=1, n_beads=4, u_refp_um=0.3)
    assert row.u_photons_um == pytest.approx(0.5)
    assert row.u_um == pytest.approx((0.25 + 0.36 + 0.09) ** 0.5)


def test_a_plan_is_the_least_that_reaches() -> None:
    known = limits(tolerance_um=1.3)
    rows = make_plan(known)
    assert [row.what for row in rows] == ["refp"] * 9 + ["image"] * 2
    assert min(row.n_frames for row in rows[:9]) == MIN_FRAMES
    assert max(row.n_frames for row in rows[:9]) > MIN_FRAMES
    for row in rows:
        assert row.half_width_um <= 1.3
    for row in rows[:9]:
        if row.n_frames > MIN_FRAMES:
            fewer = sweep_row(known, row.n_fov, row.n_beads, row.n_frames - 1)
            assert fewer.half_width_um > 1.3
    image = rows[-1]
    refp_um = image.u_refp_um
    assert image_row(known, 1, image.n_beads - 1, refp_um).half_width_um > 1.3


def test_an_unreachable_tolerance_is_marked() -> None:
    rows = plan_rows(make_plan(limits(height_sd_um=50.0)), 2.5)
    assert {row["reached"] for row in rows} == {"no"}


def test_files(tmp_path: object) -> None:
    from pathlib import Path

    folder = Path(str(tmp_path)) / "plan"
    known = limits()
    write_plan(known, make_plan(known), "mine", folder)
    table = pd.read_csv(folder / "plan.csv")
    assert list(table.columns)[:6] == [
        "what", "n_fov", "n_frames", "n_beads", "exposure_ms", "u_photons_um",
    ]  # fmt: skip
    assert "<svg" in (folder / "plan.svg").read_text()


def test_limits_of_the_a2k() -> None:
    a2k = as_instrument("a2k")
    found = find_limits(a2k, 2.5, range_um=100.0, efficiency=2.0)
    least = find_limits(a2k, 2.5, range_um=100.0, efficiency=1.0)
    np.testing.assert_allclose(found.bead_um, 2 * least.bead_um)
    assert found.exposures_ms == pytest.approx(np.array([1, 2, 4]) * 255 / 8 / 5.3)
    assert (np.diff(least.bead_um, axis=0) < 0).all()
    assert found.stage_um == 2.5
    # 1 um of height, and 3 % in size at 20 um of plane for each unit of size.
    assert bead_heights(a2k) == pytest.approx(np.hypot(1.0, 0.03 * 20), rel=0.05)


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"tolerance_um": 0.0}, "tolerance"), ({"range_um": -1.0}, "range")],
)
def test_impossible_wishes_are_refused(changes: dict[str, float], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        find_limits(as_instrument("a2k"), **({"tolerance_um": 1.0} | changes))  # type: ignore[arg-type]
