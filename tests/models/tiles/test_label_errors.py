"""Errors of labels, against numbers worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest

from refp.core.arrays import FloatArray
from refp.models.tiles import estimate_label_errors
from refp.pipeline import Planes
from refp.plane import BeadPlanes, FieldAxis, Slide
from refp.plane.plane import StackOrigin
from refp.settings import Instrument

NAN = float("nan")


@pytest.fixture
def instrument(planes: Planes) -> Instrument:
    """A stage with a repeatability of 2 um, and beads of 30 um."""
    given = planes.measurements[0].instrument
    return given.replace({"bead.diameter_um": 30.0, "stage": {"repeatability_um": 2.0}})


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
        size=np.ones(n),
        n_frames=np.full(n, 9),
        off_plane=np.arange(n) >= n - n_off,
        slide=on,
    )


def test_a_stack_absorbs_a_fraction_of_the_stage_errors(
    axis: FieldAxis, instrument: Instrument
) -> None:
    """16 degrees of freedom in 64 frames absorb a quarter of the variance: half of 2.4 um."""
    found = estimate_label_errors([axis_with(axis, 2.4, 16.0, 64)], [], 999, instrument)
    assert found.stage_u_um == pytest.approx(1.2)


def test_fields_stage_errors_are_averaged_in_squares(
    axis: FieldAxis, instrument: Instrument
) -> None:
    axes = [axis_with(axis, 3.0, 4.0, 36), axis_with(axis, 7.0, 1.0, 1)]
    found = estimate_label_errors(axes, [], 999, instrument)
    assert found.stage_u_um == pytest.approx(np.sqrt((1.0 + 49.0) / 2))


def test_a_given_stack_absorbs_nothing(axis: FieldAxis, instrument: Instrument) -> None:
    given = replace(axis, origin=StackOrigin(np.empty(0), 1.0, 0.0), stage_sigma_um=9.0)
    own = axis_with(axis, 2.4, 16.0, 64)
    assert estimate_label_errors([given, own], [], 99, instrument).stage_u_um == pytest.approx(1.2)


@pytest.mark.parametrize(
    ("n_frames", "expected"), [(80, 1.0), (20, 2.0), (5, 2.0), (0, 2.0), (2000, 0.2)]
)
def test_without_a_stack_typical_degrees_of_freedom_are_assumed(
    instrument: Instrument, n_frames: int, expected: float
) -> None:
    """With 20 degrees of freedom over 80 frames: 2 um times the root of a quarter."""
    assert estimate_label_errors([], [], n_frames, instrument).stage_u_um == pytest.approx(expected)


def test_heights_are_the_residuals_of_the_slides(instrument: Instrument) -> None:
    """Roots of 1 and 49 um2 averaged; rises of 100 and 40 um weighted by one and a quarter."""
    fields = [
        beads([0, 5, -5], slide(100.0, 10.0, 1.0)),
        beads([0, 9, -9], slide(40.0, 20.0, 7.0)),
        beads([0, 80, -80], slide()),  # too few beads to fit a slide
    ]
    found = estimate_label_errors([], fields, 80, instrument)
    assert found.height_um == pytest.approx(5.0)
    assert found.rise_um_per_size == pytest.approx((100.0 + 40.0 / 4) / 1.25)


def test_without_a_slide_the_beads_scatter_counts(instrument: Instrument) -> None:
    """1, 2, 3 have the standard deviation 1, and 0, 14 that of 9.9: squares 1 and 98 averaged."""
    fields = [
        beads([1.0, 2.0, 3.0, 50.0], slide(), n_off=1),
        beads([0.0, 14.0], slide()),
        beads([3.0], slide()),  # a single one has none
    ]
    found = estimate_label_errors([], fields, 80, instrument)
    assert found.height_um == pytest.approx(np.sqrt((1.0 + 98.0) / 2))
    assert found.rise_um_per_size == 0.0


@pytest.mark.parametrize("fields", [[], [[]], [[4.0]]])
def test_with_too_few_beads_a_fraction_of_the_diameter_is_assumed(
    instrument: Instrument, fields: list[list[float]]
) -> None:
    found = estimate_label_errors([], [beads(h, slide()) for h in fields], 80, instrument)
    assert (found.height_um, found.rise_um_per_size) == (pytest.approx(0.02 * 30.0), 0.0)


def test_axes_of_measured_fields_absorb_less_than_the_stage_error(
    planes: Planes, instrument: Instrument
) -> None:
    result = planes.result
    found = estimate_label_errors(result.axes, result.beads, 60, instrument)
    assert 0 < found.stage_u_um < max(axis.stage_sigma_um for axis in result.axes)
    assert 0 < found.height_um < 0.1 * 30.0
