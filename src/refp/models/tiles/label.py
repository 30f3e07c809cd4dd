"""Label every usable bead of a sweep with its dZ."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from refp.core.arrays import FloatArray, Image, IntArray
from refp.core.errors import DataError
from refp.core.flags import SweepFlag
from refp.core.rows import join
from refp.measure.features.features import SweepMeasurement
from refp.models.tiles.tiles import LabelledTiles
from refp.plane.plane import BeadPlanes, FieldAxis, ReferencePlane
from refp.settings import LabelSettings
from refp.sweeps.frame import FieldKey, SweepKey

BEADS_PER_FIELD = 10_000
"""Offset between the bead numbers of successive fields."""


def plane_of_sweeps(
    planes: Sequence[ReferencePlane], settings: LabelSettings
) -> dict[SweepKey, tuple[float, float]]:
    """Return plane and standard uncertainty of every sweep with a plane of its own or of its field.

    A field of view has one plane, independent of the exposure. With ``plane = "field"`` its exposures share
    the mean weighted by their uncertainties, and a sweep whose own plane is not determined (for
    example with every frame saturated) is labelled from the field's other exposures, unless its stated Z
    is wrong.
    """
    if settings.plane == "sweep":
        return {p.key: (p.refp_um, p.refp_u_um) for p in planes if p.determined}
    fields: dict[FieldKey, list[ReferencePlane]] = {}
    for plane in planes:
        if plane.determined:
            fields.setdefault(plane.key.field, []).append(plane)
    shared = {key: _weighted(members) for key, members in fields.items()}
    right = [p for p in planes if not p.flags & SweepFlag.IMPLAUSIBLE_Z]
    return {p.key: shared[p.key.field] for p in right if p.key.field in shared}


def _weighted(planes: Sequence[ReferencePlane]) -> tuple[float, float]:
    weights = np.array([1.0 / max(p.refp_u_um, 1e-6) ** 2 for p in planes])
    mean = float(np.average([p.refp_um for p in planes], weights=weights))
    # Exposures share beads and optics, so their mean is not better than its parts by sqrt(n).
    return mean, float(np.average([p.refp_u_um for p in planes], weights=weights))


def label_tiles(
    measurements: Sequence[SweepMeasurement],
    planes: Mapping[SweepKey, tuple[float, float]],
    crop: Callable[[Image, FloatArray], FloatArray] | None = None,
    *,
    axes: Sequence[FieldAxis] = (),
    beads: Sequence[BeadPlanes] = (),
    stage_sigma_um: float = 0.0,
) -> LabelledTiles:
    """Label the usable beads, SS outliers of their frame left out, of all sweeps that have a plane.

    Parameters
    ----------
    measurements
        Measured sweeps.
    planes
        Plane and its uncertainty per sweep, from :func:`plane_of_sweeps`.
    crop
        Function that cuts the tiles out of a frame, for families that use pixels.
    axes
        Axes of the fields, with sweeps numbered as in ``measurements``; frames that are not trusted
        give no tile, and fields without an axis keep their nominal Z.
    beads
        The beads' own planes, for labels relative to them; beads without one keep the field's plane.
    stage_sigma_um
        Repeatability of the stage: standard uncertainty of nominal Z.

    Raises
    ------
    DataError
        If no sweep has a plane, or none of those has a usable bead.

    Notes
    -----
    A frame at nominal Z ``z`` has the true position ``z + e``. An ensemble trained on ``z`` learns a
    smoothed stage error ``e``; the frame's position on the axis, fitted to all beads, is free of it.
    """
    heights = {planes.field: planes for planes in beads}
    sweeps = list(place_sweeps(measurements, planes, axes, stage_sigma_um))
    parts: list[LabelledTiles] = []
    for sweep in sweeps:
        part = _label_sweep(sweep, crop)
        parts.append(_from_own_planes(part, heights.get(sweep.measurement.key.field), sweep.size))
    return join_sweeps(sweeps, parts)


@dataclass(frozen=True, slots=True)
class PlacedSweep:
    """A sweep with a plane, and the positions of its frames.

    Attributes
    ----------
    measurement
        The measured sweep.
    dz_um, u_um
        Shape ``(n_frames,)``: dZ of each frame and its standard uncertainty; NaN where a frame is not
        to be used.
    size
        Size of the field's beads over that of all fields, 1 where unknown.
    """

    measurement: SweepMeasurement
    dz_um: FloatArray
    u_um: FloatArray
    size: float = 1.0


def place_sweeps(
    measurements: Sequence[SweepMeasurement],
    planes: Mapping[SweepKey, tuple[float, float]],
    axes: Sequence[FieldAxis],
    stage_sigma_um: float,
) -> Iterator[PlacedSweep]:
    """Yield the sweeps that have a plane; parameters as of :func:`label_tiles`."""
    axis_of = {axis.profiles.field: axis for axis in axes}
    for number, measurement in enumerate(measurements):
        if measurement.key not in planes:
            continue
        refp_um, _ = planes[measurement.key]
        axis = axis_of.get(measurement.key.field)
        if axis is None or number not in axis.shift_um:
            z_um: FloatArray = np.array([frame.z_um for frame in measurement.frames])
            dz_um, u_um = z_um - refp_um, np.full_like(z_um, stage_sigma_um)
        else:
            dz_um, u_um = _positions(measurements, number, axis, planes)
        yield PlacedSweep(measurement, dz_um, u_um, axis.size if axis else 1.0)


def join_sweeps(sweeps: Sequence[PlacedSweep], parts: Sequence[LabelledTiles]) -> LabelledTiles:
    """Join the tiles of each sweep, numbered within it, and number them over all.

    Raises
    ------
    DataError
        If there is no tile.
    """
    if not sum(len(part) for part in parts):
        raise DataError(
            "no bead with a known dZ to train on: no sweep has a determined reference plane with "
            "usable beads; run 'refp plane' on the data and check its flags"
        )
    numbers: dict[FieldKey, int] = {}
    numbered: list[LabelledTiles] = []
    n_frames = 0
    for sweep, part in zip(sweeps, parts, strict=True):
        field = numbers.setdefault(sweep.measurement.key.field, len(numbers))
        numbered.append(_number(part, field, n_frames))
        n_frames += len(sweep.measurement.frames)
    tiles = join(numbered)
    return replace(
        tiles,
        size=tiles.size / _typical_size(tiles),
        sweeps=tuple(sweep.measurement.key for sweep in sweeps),
    )


def _number(part: LabelledTiles, field: int, n_frames: int) -> LabelledTiles:
    """Offset frame and bead numbers of a sweep; exposures of a field share bead numbers."""
    return replace(
        part,
        frame=part.frame + n_frames,
        bead=part.bead + BEADS_PER_FIELD * field,
        field=np.full(len(part), field),
    )


def _typical_size(tiles: LabelledTiles) -> float:
    """Return the mean size of the beads, each counted once."""
    return float(tiles.size[np.unique(tiles.bead, return_index=True)[1]].mean())


def _positions(
    measurements: Sequence[SweepMeasurement],
    sweep: int,
    axis: FieldAxis,
    planes: Mapping[SweepKey, tuple[float, float]],
) -> tuple[FloatArray, FloatArray]:
    """Return dZ of the frames and its uncertainty on the axis, from the plane common to the field."""
    keys = {number: measurements[number].key for number in axis.shift_um}
    zero_um = np.mean(
        [planes[key][0] - axis.shift_um[n] for n, key in keys.items() if key in planes]
    )
    dz_um = np.full(len(measurements[sweep].frames), np.nan)
    u_um = dz_um.copy()
    here = (axis.profiles.sweep == sweep) & axis.trusted
    dz_um[axis.profiles.frame[here]] = axis.x_um[here] - zero_um
    u_um[axis.profiles.frame[here]] = axis.u_um[here]
    return dz_um, u_um


def _label_sweep(
    sweep: PlacedSweep, crop: Callable[[Image, FloatArray], FloatArray] | None
) -> LabelledTiles:
    measurement = sweep.measurement
    rows = np.flatnonzero(measurement.typical & np.isfinite(sweep.dz_um)[measurement.frame_index])
    frame = measurement.frame_index[rows]
    profiles = measurement.profiles
    center = profiles.center_px[rows]
    return LabelledTiles(
        dz_um=sweep.dz_um[frame],
        height_um=np.zeros(len(rows)),
        label_u_um=sweep.u_um[frame],
        size=np.ones(len(rows)),
        offset_px=center - (center.mean(axis=0) if len(rows) else 0.0),
        profile=profiles.normalised[rows],
        saturated=profiles.saturated[rows],
        light=profiles.light[rows],
        black_level=np.full(len(rows), profiles.black_level),
        noise=profiles.noise[rows],
        whiteness=profiles.whiteness[rows],
        pixels=_pixels(measurement, rows, crop),
        frame=frame,
        bead=measurement.bead_number[rows],
        field=np.zeros(len(rows), dtype=np.int64),
        radius_radii=profiles.radius_radii,
        bead_radius_px=profiles.bead_radius_px,
        sweeps=(measurement.key,),
    )


def _from_own_planes(
    part: LabelledTiles, beads: BeadPlanes | None, field_size: float
) -> LabelledTiles:
    """Return tiles with dZ relative to each bead's own plane, and with bead sizes."""
    if beads is None:
        return replace(part, size=np.full(len(part), field_size))
    height = beads.height_of(part.bead)
    return replace(
        part,
        dz_um=part.dz_um - height,
        height_um=height,
        size=beads.size_of(part.bead) * field_size,
    )


def _pixels(
    measurement: SweepMeasurement,
    rows: IntArray,
    crop: Callable[[Image, FloatArray], FloatArray] | None,
) -> FloatArray:
    if crop is None:
        return np.empty((len(rows), 0, 0), dtype=np.float32)
    tiles: list[FloatArray] = []
    for i, frame in enumerate(measurement.frames):
        here = rows[measurement.frame_index[rows] == i]
        if len(here):
            tiles.append(crop(frame.read(), measurement.beads.center_px[here]))
    return np.concatenate(tiles) if tiles else np.empty((0, 0, 0), dtype=np.float32)
