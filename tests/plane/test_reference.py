"""Planes of sweeps from analytic fields with known planes."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refp.core.flags import SweepFlag
from refp.plane import Pool
from refp.plane.budget import AXIS, BEADS, BIAS, POOLED, STAGE, UncertainNumbers, expand
from refp.settings import PlaneSettings

from .scene import Z_UM, Located, Scene, Seen, locate, part_of, see, together

RNG = np.random.default_rng(21)
SIGMA_UM = 1.0
FIELD = Scene(
    plane_um=6.0,
    shifts_um=(0.0, 4.0),
    stage_sigma_um=SIGMA_UM,
    noise=0.004,
    height_um=RNG.normal(0, 0.3, 8),
    size=1 + RNG.normal(0, 0.01, 8),
    seed=3,
)


def several(n: int = 2, **changes: object) -> list[Seen]:
    """Return fields with planes at 6, -9, 14 um ..."""
    planes = (6.0, -9.0, 14.0)
    return [
        see(replace(FIELD, fov=k + 1, plane_um=planes[k], **changes))  # type: ignore[arg-type]
        for k in range(n)
    ]


@pytest.fixture(scope="module")
def two_fields() -> Seen:
    return together(several())


@pytest.fixture(scope="module")
def located(two_fields: Seen) -> Located:
    return locate(two_fields.sweeps)


@pytest.fixture(scope="module")
def pool() -> Pool:
    """Return the pool of earlier data: two fields of the same instrument, not used in the tests."""
    return locate(together(several(seed=77)).sweeps).result.pool


def test_planes_of_exposures_and_fields_are_recovered(two_fields: Seen, located: Located) -> None:
    assert located.determined == [True] * 4
    z = (located.refp_um - two_fields.plane_um) / located.u_um
    assert np.abs(z).max() < 3
    assert located.u_um.max() < 0.8
    for plane in located.result.planes:
        assert plane.flags == SweepFlag(0)
        assert (plane.n_frames, plane.n_frames_used, plane.n_beads) == (len(Z_UM), len(Z_UM), 8)
        assert plane.refp_um == pytest.approx((plane.ss.z_um + plane.ci.z_um) / 2)
        assert plane.lower_um < plane.refp_um < plane.upper_um
        assert plane.upper_um - plane.lower_um > 2 * 1.95 * plane.refp_u_um


def test_the_budget_adds_up_and_names_the_sources(located: Located) -> None:
    planes = located.result.planes
    for plane in planes:
        assert plane.refp_u_um**2 == pytest.approx(sum(part.u_um**2 for part in plane.budget))
    sources = [{part.term: part.source for part in plane.budget} for plane in planes]
    assert len({source[STAGE] for source in sources}) == 4
    assert [source[BEADS] for source in sources] == [
        "set exp 1 FOV 1",
        "set exp 1 FOV 1",
        "set exp 1 FOV 2",
        "set exp 1 FOV 2",
    ]
    assert [source[AXIS] for source in sources] == [source[BEADS] for source in sources]
    assert all(source.keys() == {STAGE, BEADS, AXIS, BIAS} for source in sources)


def test_two_exposures_of_a_field_differ_by_the_stage_alone(
    two_fields: Seen, located: Located
) -> None:
    one, other, *_ = located.result.planes
    numbers = UncertainNumbers()
    difference = numbers.plane(other.refp_um, other.budget) - numbers.plane(one.refp_um, one.budget)
    stage = [part.u_um for plane in (one, other) for part in plane.budget if part.term == STAGE]
    assert expand(difference).u_um == pytest.approx(np.hypot(*stage))
    truth = two_fields.plane_um[1] - two_fields.plane_um[0]
    assert float(difference.x) == pytest.approx(truth, abs=3 * expand(difference).u_um)


def test_planes_by_features_alone_are_returned_too(two_fields: Seen, located: Located) -> None:
    by_features = np.array([plane.refp_um for plane in located.result.by_features])
    assert by_features == pytest.approx(two_fields.plane_um, abs=3.0)
    assert not np.allclose(by_features, located.refp_um, atol=1e-3)


ENDINGS = {
    "far below": Z_UM < -60,
    "below": Z_UM < -30,
    "just below": Z_UM < -9,
    "above": Z_UM > 24,
    "far above": Z_UM > 60,
}
"""The first sweep's plane is at 6 um."""
SIBLINGS = {
    "alone": ((0.0,), 1),
    "another exposure": ((0.0, 4.0), 1),
    "another field": ((0.0,), 2),
    "both": ((0.0, 4.0), 2),
}


@pytest.mark.parametrize("keep", ENDINGS.values(), ids=ENDINGS)
@pytest.mark.parametrize(("shifts_um", "n_fields"), SIBLINGS.values(), ids=SIBLINGS)
def test_a_sweep_that_ends_before_its_plane_has_none_despite_others(
    keep: np.ndarray, shifts_um: Sequence[float], n_fields: int
) -> None:
    fields = several(n_fields, shifts_um=shifts_um)
    fields[0] = part_of(fields[0], 0, keep)
    found = locate(together(fields).sweeps)
    cut, *others = found.result.planes
    assert not cut.determined
    assert cut.flags & (SweepFlag.SS_NOT_BRACKETED | SweepFlag.CI_NOT_BRACKETED)
    assert np.isnan([cut.refp_um, cut.refp_u_um, cut.lower_um, cut.upper_um]).all()
    assert cut.budget == ()
    assert all(plane.determined for plane in others)


@pytest.mark.parametrize("keep", ENDINGS.values(), ids=ENDINGS)
def test_a_sweep_that_ends_before_its_plane_has_none_with_a_pool(
    keep: np.ndarray, pool: Pool
) -> None:
    whole = several(1, shifts_um=(0.0,))[0]
    cut = part_of(whole, 0, keep)
    (plane,) = locate(cut.sweeps, pool=pool).result.planes
    assert not plane.determined
    assert np.isnan(plane.refp_um)


def test_with_a_pool_one_frame_above_the_plane_is_enough(pool: Pool) -> None:
    """The sweep ends 9 um above its plane; the extrema of its features are those of the pool."""
    whole = several(1, shifts_um=(0.0,))[0]
    short = part_of(whole, 0, Z_UM < 16)
    (plane,) = locate(short.sweeps, pool=pool).result.planes
    assert plane.determined
    assert plane.refp_um == pytest.approx(6.0, abs=3 * plane.refp_u_um)
    assert plane.refp_u_um < 1.0
    assert {part.term for part in plane.budget} == {STAGE, BEADS, POOLED}


def test_a_pool_locates_later_sweeps_and_is_returned(two_fields: Seen, pool: Pool) -> None:
    found = locate(two_fields.sweeps, pool=pool)
    z = (found.refp_um - two_fields.plane_um) / found.u_um
    assert np.abs(z).max() < 3
    assert found.result.pool is pool
    assert found.determined == [True] * 4


def test_the_pool_holds_the_shared_data(pool: Pool) -> None:
    assert pool.has_stack
    assert pool.stack.dz_um[0] < -100
    assert pool.stack.dz_um[-1] > 100
    assert pool.feature_distance_um == pytest.approx(0.0, abs=0.5)
    assert 0.1 < pool.u_um < 1.0
    assert pool.stage_sigma_um == pytest.approx(SIGMA_UM, rel=0.3)
    assert pool.ss.dz_um[np.argmin(pool.ss.value)] == pytest.approx(0.0, abs=1.0)
    assert pool.ci.dz_um[np.argmax(pool.ci.value)] == pytest.approx(0.0, abs=1.0)


def test_an_exposure_saturated_about_the_plane_is_located_by_another() -> None:
    """Its own features are a plateau; its shift is known from frames far from the plane."""
    seen = see(replace(FIELD, saturated_above={1: 1.16}))
    found = locate(seen.sweeps)
    assert found.result.by_features[1].ci.used.sum() < len(Z_UM) - 4
    assert found.determined == [True, True]
    assert found.result.planes[1].flags == SweepFlag.PEAK_SATURATED
    z = (found.refp_um - seen.plane_um) / found.u_um
    assert np.abs(z).max() < 3


def test_an_exposure_saturated_at_the_centre_is_placed_by_its_outer_rings() -> None:
    seen = see(replace(FIELD, saturated_above={1: 1.16}))
    sweep = seen.sweeps[1]
    blind = replace(sweep.profiles, n_saturated_px=np.ones(len(sweep.beads), dtype=np.int64))
    found = locate([seen.sweeps[0], replace(sweep, profiles=blind)])
    assert found.determined == [True, True]
    assert not found.result.by_features[1].determined
    assert found.refp_um[1] == pytest.approx(seen.plane_um[1], abs=3 * found.u_um[1])


def test_a_single_saturated_exposure_has_no_plane() -> None:
    seen = see(replace(FIELD, shifts_um=(0.0,)))
    (sweep,) = seen.sweeps
    blind = replace(sweep.profiles, n_saturated_px=np.ones(len(sweep.beads), dtype=np.int64))
    (plane,) = locate([replace(sweep, profiles=blind)]).result.planes
    assert not plane.determined
    assert plane.flags & SweepFlag.TOO_FEW_FRAMES


@pytest.mark.parametrize("order", [(3, 2, 1, 0), (2, 0, 3, 1)])
def test_the_order_of_the_sweeps_does_not_matter(
    two_fields: Seen, located: Located, order: tuple[int, ...]
) -> None:
    found = locate([two_fields.sweeps[k] for k in order])
    assert found.refp_um == pytest.approx(located.refp_um[list(order)], abs=0.02)
    assert found.u_um == pytest.approx(located.u_um[list(order)], rel=0.02)


@given(shift_um=st.floats(-3000, 3000))
@settings(max_examples=settings.default.max_examples // 6)  # each takes long
def test_the_planes_follow_a_shift_of_z(shift_um: float) -> None:
    scenes = [
        replace(FIELD, plane_um=FIELD.plane_um + by, z_um=Z_UM + by) for by in (0.0, shift_um)
    ]
    one, other = (locate(see(scene).sweeps) for scene in scenes)
    assert other.refp_um == pytest.approx(one.refp_um + shift_um, abs=0.02)
    assert other.u_um == pytest.approx(one.u_um, rel=0.02)


def test_the_background_level_does_not_matter(two_fields: Seen, located: Located) -> None:
    brighter = [
        replace(
            sweep,
            profiles=replace(
                sweep.profiles,
                intensity=7 * sweep.profiles.intensity,
                background=7 * sweep.profiles.background,
            ),
        )
        for sweep in two_fields.sweeps
    ]
    assert locate(brighter).refp_um == pytest.approx(located.refp_um, abs=0.02)


def test_bad_frames_move_no_plane(two_fields: Seen, located: Located) -> None:
    spoilt = together(several(errors_um={(0, 14): 80.0}, odd=[(1, 22)]))
    found = locate(spoilt.sweeps)
    assert found.determined == [True] * 4
    assert (np.abs(found.refp_um - located.refp_um) < located.u_um).all()
    assert [plane.n_frames_used for plane in found.result.planes] == [len(Z_UM) - 1] * 4


def test_a_stated_repeatability_is_pooled(two_fields: Seen, located: Located) -> None:
    coarse = locate(two_fields.sweeps, repeatability_um=7.5)
    assert (coarse.u_um > located.u_um).all()
    assert coarse.refp_um == pytest.approx(two_fields.plane_um, abs=1.5)


def test_a_sweep_of_too_few_frames_is_located_by_its_features() -> None:
    seen = see(replace(FIELD, shifts_um=(0.0,), z_um=Z_UM[14:18]))
    found = locate(seen.sweeps)
    assert found.axes == ()
    (plane,) = found.result.planes
    assert plane.flags & SweepFlag.TOO_FEW_FRAMES
    assert not found.result.pool.has_stack
    demanding = locate(see(FIELD).sweeps, settings=PlaneSettings(minimum_frames=len(Z_UM) + 1))
    assert demanding.determined == [False, False]


def test_a_field_of_many_frames_improves_one_of_few(two_fields: Seen) -> None:
    """Seven frames with steps of 15 um, alone and with a field of 66."""
    sparse = see(
        replace(FIELD, fov=5, shifts_um=(0.0,), z_um=np.arange(-45.0, 46.0, 15.0), plane_um=2.0)
    )
    beside = locate(together([*several(1), sparse]).sweeps)
    assert beside.determined[-1]
    assert beside.refp_um[-1] == pytest.approx(2.0, abs=3 * beside.u_um[-1])


N_REALISATIONS = 60


@pytest.fixture(scope="module")
def errors() -> np.ndarray:
    """Return error, u and half width of fields with different beads, exposures and stages."""
    rows = []
    for seed in range(N_REALISATIONS):
        rng = np.random.default_rng([5, seed])
        scene = Scene(
            plane_um=float(rng.uniform(-25, 25)),
            shifts_um=rng.normal(0, 1, 1 + seed % 2).tolist(),
            stage_sigma_um=(0.3, 1.0, 3.0)[seed % 3],
            noise=0.006,
            height_um=rng.normal(0, 0.5, 8),
            size=1 + rng.normal(0, 0.02, 8),
            seed=seed,
        )
        seen = see(scene)
        plane = locate(seen.sweeps).result.planes[0]
        error = plane.refp_um - seen.plane_um[0]
        rows.append((error, plane.refp_u_um, plane.upper_um - plane.refp_um))
    return np.array(rows)


@pytest.mark.slow
def test_the_stated_uncertainty_is_that_of_the_errors(errors: np.ndarray) -> None:
    error, u, half_width = errors.T
    assert np.isfinite(errors).all()
    assert 0.7 < np.sqrt(((error / u) ** 2).mean()) < 1.3
    assert (np.abs(error) < half_width).mean() > 0.85


@pytest.mark.slow
def test_the_bias_of_planes_is_that_of_smoothing_an_asymmetric_peak(
    errors: np.ndarray,
) -> None:
    """Smoothing shifts this peak, which is steeper below than above: without noise its maximum is 0.16 um
    too high. With noise and different beads it is 0.20 um where stage errors do not hide it.
    """
    precise = np.arange(N_REALISATIONS) % 3 < 2
    assert abs(errors[precise, 0].mean()) < 0.25
