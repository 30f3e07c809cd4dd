"""Errors of labels, against numbers worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest

from refp.core.arrays import FloatArray
from refp.models.tiles import LabelErrors, estimate_label_errors
from refp.pipeline import Planes
from refp.plane import BeadPlanes, FieldAxis, PlaneResult, Slide
from refp.plane.budget import AXIS, BEADS, STAGE, stage_sigma
from refp.plane.plane import Contribution, PositionErrors, StackOrigin
from refp.settings import Instrument

NAN = float("nan")


@pytest.fixture
def instrument(planes: Planes) -> Instrument:
    """A stage with a repeatability of 2 um, and beads of 30 um."""
    given = planes.measurements[0].instrument
    return given.replace({"bead.diameter_um": 30.0, "stage": {"repeatability_um": 2.0}})


@pytest.fixture
def unstated(instrument: Instrument) -> Instrument:
    """A stage of unknown repeatability."""
    return instrument.replace("stage.repeatability_um", 0.0)


@pytest.fixture
def axis(planes: Planes) -> FieldAxis:
    return planes.result.axes[0]


def axis_with(axis: FieldAxis, sigma_um: float, edf: float, n: int) -> FieldAxis:
    return replace(axis, stage_sigma_um=sigma_um, origin=StackOrigin(np.arange(float(n)), 1.0, edf))


def slide(rise: float = NAN, u: float = NAN, residual: float = NAN) -> Slide:
    nothing = np.full(2, NAN)
    return Slide(
        tilt_um_per_px=nothing,
        tilt_u_um_per_px=nothing,
        bend_um_per_px2=NAN,
        bend_u_um_per_px2=NAN,
        rise_um_per_size=rise,
        rise_u_um_per_size=u,
        center_px=np.zeros(2),
        residual_um=residual,
    )


def beads(height_um: FloatArray | list[float], on: Slide, n_off: int = 0) -> BeadPlanes:
    n = len(height_um)
    return BeadPlanes(
        field=("set", 1, 1),
        bead=np.arange(n),
        center_px=np.zeros((n, 2)),
        height_um=np.asarray(height_um, dtype=np.float64),
        height_u_um=np.zeros(n),
        ss_um=np.full(n, NAN),
        ci_um=np.full(n, NAN),
        smoothing_um=np.zeros((n, 2)),
        reading_um=np.zeros((n, 2)),
        smoothing=np.full(2, np.nan),
        size=np.ones(n),
        n_frames=np.full(n, 9),
        off_plane=np.arange(n) >= n - n_off,
        slide=on,
    )


def errors_of(
    result: PlaneResult, instrument: Instrument, n_frames: int = 999, *, on_axes: bool = True
) -> LabelErrors:
    labelled = {plane.key for plane in result.planes}
    return estimate_label_errors(result, labelled, n_frames, instrument, on_axes=on_axes)


def without_draws(result: PlaneResult, *axes: FieldAxis) -> PlaneResult:
    return replace(result, axes=axes, positions=())


def test_a_stack_absorbs_a_fraction_of_the_stage_errors(
    planes: Planes, axis: FieldAxis, unstated: Instrument
) -> None:
    """16 degrees of freedom in 64 frames absorb a quarter of the variance: half of 2.4 um."""
    result = without_draws(planes.result, axis_with(axis, 2.4, 16.0, 64))
    stage = errors_of(result, unstated).stage
    np.testing.assert_allclose(stage.at(np.array([-90.0, 0.0, 90.0])), 1.2)


def test_fields_stage_errors_are_averaged_in_squares(
    planes: Planes, axis: FieldAxis, unstated: Instrument
) -> None:
    axes = [axis_with(axis, 3.0, 4.0, 36), axis_with(axis, 7.0, 1.0, 1)]
    stage = errors_of(without_draws(planes.result, *axes), unstated).stage
    assert stage.u_um == pytest.approx(np.sqrt((1.0 + 49.0) / 2))


def test_a_given_stack_absorbs_nothing(
    planes: Planes, axis: FieldAxis, unstated: Instrument
) -> None:
    given = replace(axis, origin=StackOrigin(np.empty(0), 1.0, 0.0), stage_sigma_um=9.0)
    result = without_draws(planes.result, given, axis_with(axis, 2.4, 16.0, 64))
    assert errors_of(result, unstated).stage.u_um == pytest.approx(1.2)


def test_a_stated_repeatability_counts_beside_that_of_few_frames(
    planes: Planes, axis: FieldAxis, instrument: Instrument
) -> None:
    """A stack with a knot for nearly every frame shows hardly anything of the stage."""
    followed = axis_with(axis, 2.4, 60.0, 64)
    exact = instrument.replace("stage.repeatability_um", 0.01)
    stage = errors_of(without_draws(planes.result, followed), exact).stage
    sigma_um, dof = stage_sigma(followed, 0.01)
    assert dof < 15
    assert stage.u_um == pytest.approx(sigma_um * np.sqrt(60 / 64))
    assert sigma_um < 1.6


@pytest.mark.parametrize(
    ("n_frames", "expected"), [(80, 1.0), (20, 2.0), (5, 2.0), (0, 2.0), (2000, 0.2)]
)
def test_without_a_stack_typical_degrees_of_freedom_are_assumed(
    planes: Planes, instrument: Instrument, n_frames: int, expected: float
) -> None:
    """With 20 degrees of freedom over 80 frames: 2 um times the root of a quarter."""
    found = errors_of(planes.result, instrument, n_frames, on_axes=False)
    assert found.stage.u_um == pytest.approx(expected)


def field_with(number: int, *sd_um: float) -> PositionErrors:
    dz_um = np.linspace(-100.0, 100.0, len(sd_um))
    return PositionErrors(("set", 1, number), dz_um, np.array(sd_um), 12.0)


def of_fields(result: PlaneResult, *fields: PositionErrors) -> PlaneResult:
    """One sweep for each field, with a stage term of its own and a term that all have in common."""
    plane = result.planes[0]
    planes = []
    for errors in fields:
        budget = (
            Contribution(STAGE, str(errors.field), 0.8, 9.0),
            Contribution(AXIS, str(errors.field), 0.7, 9.0),
            Contribution(BEADS, str(errors.field), 0.6, 8.0),
            Contribution("common", "", 0.3, np.inf),
        )
        fov = errors.field[2]
        planes.append(replace(plane, key=replace(plane.key, dataset="set", fov=fov), budget=budget))
    return replace(result, planes=tuple(planes), positions=fields)


def test_independent_fields_average_their_stage_errors(
    planes: Planes, instrument: Instrument
) -> None:
    """Two fields with 2 and 1 um at one end: the root of 5 um2, halved."""
    result = of_fields(planes.result, field_with(1, 2.0, 0.5), field_with(2, 1.0, 0.5))
    stage = errors_of(result, instrument).stage
    ends = stage.at(np.array([-150.0, -100.0, 100.0]))
    np.testing.assert_allclose(ends, [np.sqrt(5) / 2, np.sqrt(5) / 2, 0.5 / np.sqrt(2)])
    assert stage.dof == 24.0


def test_the_mean_plane_leaves_out_stage_errors(planes: Planes, instrument: Instrument) -> None:
    """Fields' own terms are halved in variance, the common one is not."""
    result = of_fields(planes.result, field_with(1, 1.0, 1.0), field_with(2, 1.0, 1.0))
    assert errors_of(result, instrument).refp_u_um == pytest.approx(np.sqrt(0.36 / 2 + 0.09))
    nominal = errors_of(result, instrument, on_axes=False)
    assert nominal.refp_u_um == pytest.approx(np.sqrt((0.64 + 0.49 + 0.36) / 2 + 0.09))


def test_only_labelled_sweeps_count(planes: Planes, instrument: Instrument) -> None:
    result = of_fields(planes.result, field_with(1, 1.0, 1.0), field_with(2, 5.0, 5.0))
    one = {result.planes[0].key}
    found = estimate_label_errors(result, one, 60, instrument, on_axes=True)
    assert found.stage.u_um == pytest.approx(1.0)
    assert found.refp_u_um == pytest.approx(np.sqrt(0.36 + 0.09))


def test_draws_that_miss_a_field_are_not_used(planes: Planes, instrument: Instrument) -> None:
    result = of_fields(planes.result, field_with(1, 1.0, 1.0), field_with(2, 1.0, 1.0))
    part = replace(result, positions=result.positions[:1], axes=())
    assert errors_of(part, instrument, 80).stage.u_um == pytest.approx(1.0)


def heights_of(
    result: PlaneResult, fields: list[BeadPlanes], instrument: Instrument
) -> LabelErrors:
    return errors_of(replace(result, beads=tuple(fields)), instrument)


def test_heights_are_the_residuals_of_the_slides(planes: Planes, instrument: Instrument) -> None:
    """Roots of 1 and 49 um2 averaged; rises of 100 and 40 um weighted by one and a quarter."""
    fields = [
        beads([0, 5, -5], slide(100.0, 10.0, 1.0)),
        beads([0, 9, -9], slide(40.0, 20.0, 7.0)),
        beads([0, 80, -80], slide()),  # too few beads to fit a slide
    ]
    found = heights_of(planes.result, fields, instrument)
    assert found.height_um == pytest.approx(5.0)
    assert found.rise_um_per_size == pytest.approx((100.0 + 40.0 / 4) / 1.25)


def test_without_a_slide_the_beads_scatter_counts(planes: Planes, instrument: Instrument) -> None:
    """1, 2, 3 have the standard deviation 1, and 0, 14 that of 9.9: squares 1 and 98 averaged."""
    fields = [
        beads([1.0, 2.0, 3.0, 50.0], slide(), n_off=1),
        beads([0.0, 14.0], slide()),
        beads([3.0], slide()),  # a single one has none
    ]
    found = heights_of(planes.result, fields, instrument)
    assert found.height_um == pytest.approx(np.sqrt((1.0 + 98.0) / 2))
    assert found.rise_um_per_size == 0.0


@pytest.mark.parametrize("fields", [[], [[]], [[4.0]]])
def test_with_too_few_beads_a_fraction_of_the_diameter_is_assumed(
    planes: Planes, instrument: Instrument, fields: list[list[float]]
) -> None:
    found = heights_of(planes.result, [beads(h, slide()) for h in fields], instrument)
    assert (found.height_um, found.rise_um_per_size) == (pytest.approx(0.02 * 30.0), 0.0)


def test_errors_of_measured_fields(planes: Planes, instrument: Instrument) -> None:
    """Near the plane frames and plane have most of their stage error in common."""
    result = planes.result
    found = errors_of(result, instrument)
    stated_um = planes.measurements[0].instrument.stage.repeatability_um
    sigma_um = max(stage_sigma(axis, stated_um)[0] for axis in result.axes)
    assert (found.stage.u_um > 0).all()
    assert (found.stage.u_um < sigma_um).all()
    assert found.stage.at(np.zeros(1)) < found.stage.u_um.mean()
    assert 0 < found.refp_u_um < np.mean([plane.refp_u_um for plane in result.planes])
    assert 0 < found.height_um < 0.1 * 30.0
