"""Every usable bead gets the dZ of its frame."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from refp.core.errors import DataError
from refp.core.flags import BeadFlag, SweepFlag
from refp.measure.dataset import Measurement
from refp.measure.features import SweepMeasurement
from refp.models.tiles import crop_tiles, label_tiles, plane_of_sweeps
from refp.pipeline import Planes
from refp.plane import FieldAxis, ReferencePlane, flag_off_plane
from refp.settings import LabelSettings
from refp.sweeps import SweepKey


@pytest.fixture
def plane(planes: Planes) -> ReferencePlane:
    """A determined plane, as a template for others."""
    return planes.result.planes[0]


@pytest.fixture
def measured(planes: Planes) -> Measurement:
    return planes.measurements[0]


def plane_at(
    plane: ReferencePlane, fov: int, exposure_ms: float, refp_um: float, u_um: float = 1.0
) -> ReferencePlane:
    key = SweepKey("d", 1, fov, exposure_ms)
    lost = SweepFlag(0) if np.isfinite(refp_um) else SweepFlag.NO_BEADS
    return replace(plane, key=key, refp_um=refp_um, refp_u_um=u_um, flags=lost)


def test_exposures_share_the_plane_of_their_field(plane: ReferencePlane) -> None:
    given = [plane_at(plane, 1, 8.0, 1500.0, 1.0), plane_at(plane, 1, 12.0, 1503.0, 2.0)]
    shared = plane_of_sweeps(given, LabelSettings())
    weighted = (1500.0 * 1.0 + 1503.0 * 0.25) / 1.25
    assert [refp for refp, _ in shared.values()] == pytest.approx([weighted, weighted])
    assert all(1.0 <= u <= 2.0 for _, u in shared.values())


def test_a_sweep_without_a_plane_has_that_of_its_field(plane: ReferencePlane) -> None:
    given = [plane_at(plane, 1, 8.0, 1500.0), plane_at(plane, 1, 12.0, float("nan"))]
    assert plane_of_sweeps(given, LabelSettings())[given[1].key] == (1500.0, 1.0)


def test_a_field_without_a_plane_has_no_label(plane: ReferencePlane) -> None:
    given = [plane_at(plane, 1, 8.0, 1500.0), plane_at(plane, 2, 8.0, float("nan"))]
    assert list(plane_of_sweeps(given, LabelSettings())) == [given[0].key]


def test_each_sweep_has_its_own_plane_in_the_article(plane: ReferencePlane) -> None:
    given = [
        plane_at(plane, 1, 8.0, 1500.0),
        plane_at(plane, 1, 12.0, 1503.0),
        plane_at(plane, 1, 20.0, float("nan")),
    ]
    own = plane_of_sweeps(given, LabelSettings(plane="sweep"))
    assert [refp for refp, _ in own.values()] == [1500.0, 1503.0]


def test_label_is_z_less_the_plane(measured: Measurement) -> None:
    sweep = measured.sweeps[0]
    tiles = label_tiles([sweep], {sweep.key: (1500.0, 0.5)})
    z_um = np.array([frame.z_um for frame in sweep.frames])
    expected = z_um[sweep.frame_index[sweep.typical]] - 1500.0
    np.testing.assert_allclose(tiles.dz_um, expected)
    assert tiles.sweeps == (sweep.key,)


def test_sweeps_without_a_plane_give_no_tile(measured: Measurement) -> None:
    first, second = measured.sweeps[:2]
    alone = label_tiles([first, second], {second.key: (1500.0, 0.5)})
    assert alone.sweeps == (second.key,)
    assert len(alone) == int(second.typical.sum())


def test_flagged_beads_are_left_out(measured: Measurement) -> None:
    sweep = measured.sweeps[0]
    flags = sweep.beads.flags.copy()
    flags[0] |= np.uint32(BeadFlag.TOUCHING)
    flags[1] |= np.uint32(BeadFlag.OUTLIER)
    spoilt = replace(sweep, beads=replace(sweep.beads, flags=flags))
    known = {sweep.key: (1500.0, 0.5)}
    lost = int(sweep.typical[:2].sum())
    assert lost
    assert len(label_tiles([spoilt], known)) == len(label_tiles([sweep], known)) - lost


def test_numbers_of_fields_beads_and_frames_are_unique(planes: Planes) -> None:
    sweeps = planes.measurements[0].sweeps
    tiles = label_tiles(sweeps, plane_of_sweeps(planes.result.planes, LabelSettings()))
    assert sorted(set(tiles.field)) == [0, 1]
    assert len(set(tiles.bead)) == 12  # 6 in each field, the same at both exposures
    assert len(set(tiles.frame)) == 60
    for field in (0, 1):
        others = set(tiles.bead[tiles.field != field])
        assert not others & set(tiles.bead[tiles.field == field])


def test_tiles_are_cut_for_families_with_pixels(measured: Measurement) -> None:
    sweep = measured.sweeps[0]
    tiles = label_tiles([sweep], {sweep.key: (1500.0, 0.5)}, partial(crop_tiles, side_px=16))
    row = np.flatnonzero(sweep.typical)[0]
    image = sweep.frames[sweep.frame_index[row]].read()
    expected = crop_tiles(image, sweep.beads.center_px[[row]], 16)[0]
    assert tiles.pixels.shape == (len(tiles), 16, 16)
    np.testing.assert_array_equal(tiles.pixels[0], expected)


def test_no_labelled_bead_is_refused(measured: Measurement) -> None:
    with pytest.raises(DataError, match="no bead with a known dZ"):
        label_tiles(measured.sweeps, {})


def test_off_plane_beads_get_no_label(planes: Planes) -> None:
    first = planes.result.beads[0]
    lifted = replace(first, off_plane=first.bead == first.bead[0])
    sweeps = flag_off_plane(planes.measurements[0].sweeps, [lifted])
    tiles = label_tiles(sweeps, plane_of_sweeps(planes.result.planes, LabelSettings()))
    labelled = {field: set(tiles.bead[tiles.field == field] % 10_000) for field in (0, 1)}
    assert first.bead[0] not in labelled[0]
    assert set(first.bead[1:]) & labelled[0]
    assert first.bead[0] in labelled[1]


def test_label_can_be_measured_from_the_bead_s_own_plane(planes: Planes) -> None:
    sweeps = planes.measurements[0].sweeps
    labels = plane_of_sweeps(planes.result.planes, LabelSettings())
    field, own = (label_tiles(sweeps, labels, beads=b) for b in ((), planes.result.beads))
    heights = planes.result.beads[0]
    for number, height_um in zip(heights.bead, heights.height_um, strict=True):
        rows = (field.field == 0) & (field.bead == number)
        if rows.any():
            moved = own.dz_um[rows] - field.dz_um[rows]
            np.testing.assert_allclose(moved, -height_um, atol=1e-9)


def axis_of(
    planes: Planes, field: int, *, seed: int = 0, size: float = 1.0, u_um: float = 0.7
) -> FieldAxis:
    """A field's axis with positions drawn at random about the nominal Z, and a zero of its own."""
    axis = planes.result.axes[field]
    rng = np.random.default_rng(seed)
    shift = {number: 1000.0 + 3.0 * i for i, number in enumerate(sorted(axis.shift_um))}
    nominal = np.array([shift[int(number)] for number in axis.profiles.sweep])
    return replace(
        axis,
        x_um=axis.profiles.z_um - nominal + rng.normal(0, 2.0, len(axis.x_um)),
        u_um=np.full(len(axis.x_um), u_um),
        trusted=np.ones(len(axis.x_um), dtype=np.bool_),
        shift_um=shift,
        size=size,
    )


def row_of(axis: FieldAxis, sweep: int, frame: int) -> int:
    """Row of a frame on its field's axis."""
    (row,) = np.flatnonzero((axis.profiles.sweep == sweep) & (axis.profiles.frame == frame))
    return int(row)


@pytest.fixture
def sweeps(planes: Planes) -> list[SweepMeasurement]:
    return list(planes.measurements[0].sweeps)


def labelled(planes: Planes) -> dict[SweepKey, tuple[float, float]]:
    return plane_of_sweeps(planes.result.planes, LabelSettings())


def test_a_frame_s_position_on_the_axis_is_its_label(
    planes: Planes, sweeps: list[SweepMeasurement]
) -> None:
    """Zero of the axis by hand: Z of the plane less the shift, averaged over exposures."""
    axis, planes_um = axis_of(planes, 0), labelled(planes)
    own = [i for i, sweep in enumerate(sweeps) if sweep.key.field == axis.profiles.field]
    zero_um = np.mean([planes_um[sweeps[i].key][0] - axis.shift_um[i] for i in own])
    tiles = label_tiles(sweeps, planes_um, axes=[axis], stage_sigma_um=2.5)
    expected: list[float] = []
    for i, sweep in enumerate(sweeps):
        for row in np.flatnonzero(sweep.typical):
            frame = int(sweep.frame_index[row])
            if i in own:
                expected.append(axis.x_um[row_of(axis, i, frame)] - zero_um)
            else:
                expected.append(sweep.frames[frame].z_um - planes_um[sweep.key][0])
    np.testing.assert_allclose(tiles.dz_um, expected, atol=1e-9)
    # A field without an axis keeps its nominal Z, with the stage's uncertainty.
    with_axis = tiles.field == 0
    assert (tiles.label_u_um[with_axis] == 0.7).all()
    assert (tiles.label_u_um[~with_axis] == 2.5).all()
    assert (tiles.height_um == 0).all()


def test_labels_do_not_depend_on_the_axis_zero(
    planes: Planes, sweeps: list[SweepMeasurement]
) -> None:
    axis = axis_of(planes, 0)
    moved = replace(
        axis, x_um=axis.x_um + 40.0, shift_um={k: z - 40.0 for k, z in axis.shift_um.items()}
    )
    first, second = (label_tiles(sweeps, labelled(planes), axes=[a]) for a in (axis, moved))
    np.testing.assert_allclose(second.dz_um, first.dz_um, atol=1e-9)


def test_frames_that_are_not_trusted_give_no_tile(
    planes: Planes, sweeps: list[SweepMeasurement]
) -> None:
    axis = axis_of(planes, 0)
    sweep = int(axis.profiles.sweep[0])
    bad = row_of(axis, sweep, 4)
    trusted = axis.trusted.copy()
    trusted[bad] = False
    all_of_them = label_tiles(sweeps, labelled(planes), axes=[axis])
    tiles = label_tiles(sweeps, labelled(planes), axes=[replace(axis, trusted=trusted)])
    lost = int((sweeps[sweep].typical & (sweeps[sweep].frame_index == 4)).sum())
    assert lost
    assert len(tiles) == len(all_of_them) - lost
    number = sum(len(s.frames) for s in sweeps[:sweep]) + 4
    assert number in all_of_them.frame
    assert number not in tiles.frame
    nothing = replace(axis, trusted=np.zeros_like(trusted))
    left = label_tiles(sweeps, labelled(planes), axes=[nothing])
    assert set(left.field) == {1}


def test_nominal_z_has_the_uncertainty_of_the_stage(
    planes: Planes, sweeps: list[SweepMeasurement]
) -> None:
    tiles = label_tiles(sweeps, labelled(planes), stage_sigma_um=2.5)
    assert (tiles.label_u_um == 2.5).all()
    assert (tiles.size == 1).all()
    assert (tiles.height_um == 0).all()
    np.testing.assert_array_equal(tiles.image_dz_um, tiles.dz_um)


def test_own_planes_do_not_change_the_image_s_dz(
    planes: Planes, sweeps: list[SweepMeasurement]
) -> None:
    """dZ of the bead's own plane and its height add up to the frame's, with and without axes."""
    for axes in ([], list(planes.result.axes)):
        field = label_tiles(sweeps, labelled(planes), axes=axes)
        own = label_tiles(sweeps, labelled(planes), axes=axes, beads=planes.result.beads)
        np.testing.assert_allclose(own.image_dz_um, field.dz_um, atol=1e-9)
        assert np.ptp(own.height_um) > 0
        for frame in np.unique(own.frame):
            assert np.ptp(own.image_dz_um[own.frame == frame]) < 1e-9


def test_a_bead_without_a_plane_of_its_own_keeps_the_field_s(
    planes: Planes, sweeps: list[SweepMeasurement]
) -> None:
    beads = planes.result.beads[0]
    fewer = replace(
        beads,
        bead=beads.bead[1:],
        center_px=beads.center_px[1:],
        height_um=beads.height_um[1:] + 5.0,
        height_u_um=beads.height_u_um[1:],
        size=beads.size[1:],
        n_frames=beads.n_frames[1:],
        off_plane=beads.off_plane[1:],
    )
    tiles = label_tiles(sweeps, labelled(planes), beads=[fewer])
    alone = (tiles.field == 0) & (tiles.bead == beads.bead[0])
    assert alone.any()
    assert (tiles.height_um[alone] == 0).all()
    assert (tiles.height_um[(tiles.field == 0) & ~alone] != 0).all()
    assert (tiles.height_um[tiles.field == 1] == 0).all()


def test_sizes_are_those_of_the_beads_over_their_mean(
    planes: Planes, sweeps: list[SweepMeasurement]
) -> None:
    """A bead's size in its field, times the size of its field's typical bead."""
    drawn = [
        replace(b, size=1 + 0.02 * np.random.default_rng(i).normal(size=len(b)))
        for i, b in enumerate(planes.result.beads)
    ]
    axes = [axis_of(planes, 0, size=1.1), axis_of(planes, 1, size=0.9)]
    tiles = label_tiles(sweeps, labelled(planes), axes=axes, beads=drawn)
    assert {axis.profiles.field for axis in axes} == {b.field for b in drawn}
    fields = list(dict.fromkeys(sweep.key.field for sweep in sweeps))
    absolute = {}
    for number in np.unique(tiles.bead):
        field = fields[int(number) // 10_000]
        (beads,) = [b for b in drawn if b.field == field]
        (axis,) = [a for a in axes if a.profiles.field == field]
        absolute[int(number)] = axis.size * beads.size[list(beads.bead).index(number % 10_000)]
    mean = np.mean(list(absolute.values()))
    expected = np.array([absolute[int(number)] / mean for number in tiles.bead])
    np.testing.assert_allclose(tiles.size, expected, rtol=1e-12)
    once = [tiles.size[tiles.bead == number][0] for number in absolute]
    assert np.mean(once) == pytest.approx(1.0)
    assert np.mean(tiles.size) != pytest.approx(1.0, abs=1e-9)  # beads, not tiles, are averaged


def test_positions_are_measured_from_the_middle_of_the_beads(measured: Measurement) -> None:
    sweep = measured.sweeps[0]
    tiles = label_tiles([sweep], {sweep.key: (1500.0, 0.5)})
    np.testing.assert_allclose(tiles.offset_px.mean(axis=0), 0.0, atol=1e-6)
    center = sweep.profiles.center_px[sweep.typical]
    np.testing.assert_allclose(np.diff(tiles.offset_px, axis=0), np.diff(center, axis=0), atol=1e-6)
