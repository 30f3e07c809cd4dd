"""Every usable bead gets the dZ of its frame."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from refp.errors import DataError
from refp.flags import BeadFlag, SweepFlag
from refp.measure import Measurement
from refp.pipeline import Planes
from refp.plane import ReferencePlane, flag_off_plane
from refp.sweeps import SweepKey
from refp.tiles import LabelSettings, crop_tiles, label_tiles, plane_of_sweeps


@pytest.fixture
def plane(planes: Planes) -> ReferencePlane:
    """A determined plane to make others from."""
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


def test_a_sweep_borrows_the_plane_of_its_field(plane: ReferencePlane) -> None:
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
    assert tiles.refp_u_um == 0.5
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


def test_numbers_tell_fields_beads_and_frames_apart(planes: Planes) -> None:
    sweeps = planes.measurements[0].sweeps
    tiles = label_tiles(sweeps, plane_of_sweeps(planes.result.planes, LabelSettings()))
    assert sorted(set(tiles.field)) == [0, 1]
    assert len(set(tiles.bead)) == 12  # 6 in each field, the same at both exposures
    assert len(set(tiles.frame)) == 60
    for field in (0, 1):
        others = set(tiles.bead[tiles.field != field])
        assert not others & set(tiles.bead[tiles.field == field])


def test_tiles_are_cut_where_a_family_sees_pixels(measured: Measurement) -> None:
    sweep = measured.sweeps[0]
    tiles = label_tiles([sweep], {sweep.key: (1500.0, 0.5)}, partial(crop_tiles, side_px=16))
    row = np.flatnonzero(sweep.typical)[0]
    image = sweep.frames[sweep.frame_index[row]].read()
    expected = crop_tiles(image, sweep.beads.center_px[[row]], 16)[0]
    assert tiles.pixels.shape == (len(tiles), 16, 16)
    np.testing.assert_array_equal(tiles.pixels[0], expected)


def test_nothing_to_train_on_is_refused(measured: Measurement) -> None:
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
