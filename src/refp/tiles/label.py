"""Give every usable bead of a sweep its dZ."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from refp.arrays import FloatArray, Image, IntArray
from refp.errors import DataError
from refp.features.features import SweepMeasurement
from refp.plane.plane import BeadPlanes, ReferencePlane
from refp.rows import join
from refp.sweeps.frame import FieldKey, SweepKey
from refp.tiles.settings import LabelSettings
from refp.tiles.tiles import LabelledTiles


def plane_of_sweeps(
    planes: Sequence[ReferencePlane], settings: LabelSettings
) -> dict[SweepKey, tuple[float, float]]:
    """Return plane and standard uncertainty for every sweep that has or may borrow one.

    A field of view has one plane whatever the exposure. With ``plane = "field"`` its exposures share
    the mean weighted by their uncertainties, and a sweep whose own plane is not determined (every
    frame saturated, say) is labelled from the field's other exposures.
    """
    if settings.plane == "sweep":
        return {p.key: (p.refp_um, p.refp_u_um) for p in planes if p.determined}
    fields: dict[FieldKey, list[ReferencePlane]] = {}
    for plane in planes:
        if plane.determined:
            fields.setdefault(plane.key.field, []).append(plane)
    shared = {key: _weighted(members) for key, members in fields.items()}
    return {p.key: shared[p.key.field] for p in planes if p.key.field in shared}


def _weighted(planes: Sequence[ReferencePlane]) -> tuple[float, float]:
    weights = np.array([1.0 / max(p.refp_u_um, 1e-6) ** 2 for p in planes])
    mean = float(np.average([p.refp_um for p in planes], weights=weights))
    # Exposures share beads and optics, so their mean is not better than its parts by sqrt(n).
    return mean, float(np.average([p.refp_u_um for p in planes], weights=weights))


def label_tiles(
    measurements: Sequence[SweepMeasurement],
    planes: Mapping[SweepKey, tuple[float, float]],
    crop: Callable[[Image, FloatArray], FloatArray] | None = None,
    beads: Sequence[BeadPlanes] = (),
) -> LabelledTiles:
    """Label the usable beads, SS outliers of their frame left out, of all sweeps that have a plane.

    Parameters
    ----------
    measurements
        Measured sweeps.
    planes
        Plane and its uncertainty per sweep, from :func:`plane_of_sweeps`.
    crop
        Cuts the tiles out of a frame, for families that see pixels.
    beads
        The beads' own planes, where labels are to be measured from them; beads without one, and all
        beads of a field without any, keep the field's.

    Raises
    ------
    DataError
        If no sweep has a plane, or none of those has a usable bead.
    """
    parts: list[LabelledTiles] = []
    numbers: dict[FieldKey, int] = {}
    n_frames = n_beads = 0
    heights = {planes.field: planes for planes in beads}
    for measurement in measurements:
        if measurement.key not in planes:
            continue
        field = numbers.setdefault(measurement.key.field, len(numbers))
        part = _label_sweep(measurement, *planes[measurement.key], crop)
        own = heights.get(measurement.key.field)
        if own is not None:
            part = replace(part, dz_um=part.dz_um - own.height_of(part.bead))
        first_bead = 10_000 * field  # numbers of one field are shared by its exposures
        parts.append(
            replace(
                part,
                frame=part.frame + n_frames,
                bead=part.bead + first_bead,
                field=np.full(len(part), field),
            )
        )
        n_frames += len(measurement.frames)
        n_beads += len(part)
    if not n_beads:
        raise DataError(
            "no bead with a known dZ to train on: no sweep has a determined reference plane with "
            "usable beads; run 'refp plane' on the data and see its flags"
        )
    tiles = join(parts)
    used = tuple(m.key for m in measurements if m.key in planes)
    u_um = float(np.sqrt(np.mean([planes[key][1] ** 2 for key in used])))
    return replace(tiles, sweeps=used, refp_u_um=u_um)


def _label_sweep(
    measurement: SweepMeasurement,
    refp_um: float,
    refp_u_um: float,
    crop: Callable[[Image, FloatArray], FloatArray] | None,
) -> LabelledTiles:
    rows = np.flatnonzero(measurement.typical)
    frame = measurement.frame_index[rows]
    z_um = np.array([f.z_um for f in measurement.frames])
    profiles = measurement.profiles
    return LabelledTiles(
        dz_um=z_um[frame] - refp_um,
        profile=profiles.normalised[rows],
        saturated=profiles.saturated[rows],
        light=profiles.light[rows],
        pixels=_pixels(measurement, rows, crop),
        frame=frame,
        bead=measurement.bead_number[rows],
        field=np.zeros(len(rows), dtype=np.int64),
        radius_radii=profiles.radius_radii,
        sweeps=(measurement.key,),
        refp_u_um=refp_u_um,
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
