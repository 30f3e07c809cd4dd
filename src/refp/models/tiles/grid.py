"""Cut whole images into squares, with or without beads: the article's pipeline 1."""

from collections.abc import Mapping, Sequence

import numpy as np

from refp.core.arrays import FloatArray, Image
from refp.core.errors import DataError
from refp.measure.features.features import SweepMeasurement
from refp.models.tiles.label import PlacedSweep, join_sweeps, place_sweeps
from refp.models.tiles.tiles import LabelledTiles
from refp.plane.plane import FieldAxis
from refp.sweeps.frame import SweepKey


def cut_grid(image: Image, side_px: int) -> tuple[FloatArray, FloatArray]:
    """Cut as many squares as fit out of an image, about its middle.

    Parameters
    ----------
    image
        Shape ``(y, x)``, grey levels.
    side_px
        Side of the squares.

    Returns
    -------
    tiles : ndarray of float32
        Shape ``(n, side, side)``, grey levels.
    center_px : ndarray
        Shape ``(n, 2)``, their middles.

    Raises
    ------
    DataError
        If the image is smaller than a square.

    References
    ----------
    Chalfoun et al. 2024, Fig. 3, pipeline 1.
    """
    height, width = image.shape
    n_y, n_x = height // side_px, width // side_px
    if not n_y * n_x:
        raise DataError(
            f"an image of {height} x {width} px holds no square of {side_px} px; "
            "set a smaller tile.grid_side_px in the recipe and train again"
        )
    y0, x0 = (height - n_y * side_px) // 2, (width - n_x * side_px) // 2
    inner = image[y0 : y0 + n_y * side_px, x0 : x0 + n_x * side_px]
    squares = inner.reshape(n_y, side_px, n_x, side_px).swapaxes(1, 2)
    half = (side_px - 1) / 2
    y, x = np.mgrid[:n_y, :n_x] * side_px + half
    centers = np.stack([y0 + y.ravel(), x0 + x.ravel()], axis=1)
    return squares.reshape(-1, side_px, side_px).astype(np.float32), centers


def light_of(tiles: FloatArray, black_level: float) -> FloatArray:
    """Return the light of tiles ``(n, side, side)``, most of which is background; at least 1."""
    middle = np.median(tiles.reshape(len(tiles), -1), axis=1).astype(np.float64)
    return np.maximum(middle - black_level, 1.0)


def label_grid(
    measurements: Sequence[SweepMeasurement],
    planes: Mapping[SweepKey, tuple[float, float]],
    side_px: int,
    *,
    axes: Sequence[FieldAxis] = (),
    stage_sigma_um: float = 0.0,
) -> LabelledTiles:
    """Label the squares of all frames of all sweeps that have a plane.

    Parameters
    ----------
    measurements, planes, axes, stage_sigma_um
        As of :func:`refp.models.tiles.label.label_tiles`; beads determine only the frames' positions.
    side_px
        Side of the squares.

    Returns
    -------
    LabelledTiles
        Without profiles, ``(n, 0)``; ``bead`` numbers the squares of a field.

    Raises
    ------
    DataError
        If no sweep has a plane, or a frame is smaller than a square.
    """
    sweeps = list(place_sweeps(measurements, planes, axes, stage_sigma_um))
    return join_sweeps(sweeps, [_cut_sweep(sweep, side_px) for sweep in sweeps])


def _cut_sweep(sweep: PlacedSweep, side_px: int) -> LabelledTiles:
    measurement = sweep.measurement
    known = np.flatnonzero(np.isfinite(sweep.dz_um))
    cuts = [cut_grid(measurement.frames[i].read(), side_px) for i in known]
    pixels = [tiles for tiles, _ in cuts] or [np.empty((0, side_px, side_px), dtype=np.float32)]
    centers = [center - center.mean(axis=0) for _, center in cuts] or [np.empty((0, 2))]
    counts = [len(tiles) for tiles, _ in cuts]
    frame, n = np.repeat(known, counts), sum(counts)
    tiles = np.concatenate(pixels)
    return LabelledTiles(
        dz_um=sweep.dz_um[frame],
        height_um=np.zeros(n),
        label_u_um=sweep.u_um[frame],
        size=np.ones(n),
        offset_px=np.concatenate(centers),
        profile=np.empty((n, 0)),
        saturated=np.empty((n, 0), dtype=np.bool_),
        light=light_of(tiles, measurement.profiles.black_level),
        black_level=np.full(n, measurement.profiles.black_level),
        noise=np.full(n, np.nan),
        whiteness=np.full(n, np.nan),
        pixels=tiles,
        frame=frame,
        bead=np.concatenate([np.arange(count) for count in counts] or [np.empty(0, np.int64)]),
        field=np.zeros(n, dtype=np.int64),
        radius_radii=np.empty(0),
        bead_radius_px=measurement.profiles.bead_radius_px,
        sweeps=(measurement.key,),
    )
