"""Find beads in one frame, whatever their number, brightness and focus.

The default looks for the bead's *energy*: the magnitude of the contrast with the local background,
``|1 - I / background|``. A bead is a patch of it about as wide as the bead at every focus, be it a
dark disc, a disc with a bright centre, or a blur; signed contrast would cancel where a bright centre
outweighs a dark rim. A difference of Gaussians picks the patches out.
"""

import numpy as np
from scipy import ndimage

from refp.arrays import FloatArray, Image
from refp.beads.beads import Beads
from refp.beads.find_paper import find_beads_paper
from refp.beads.segment import segment
from refp.beads.settings import FindSettings
from refp.flags import BeadFlag
from refp.sweeps.optics import Instrument

REDUCED_RADIUS_PX = 4.0
"""Frames are reduced until the bead has about this radius: enough to find it, quick to filter."""
INNER_SIGMA_RADII, OUTER_SIGMA_RADII = 0.5, 1.0
"""Widths of the two Gaussians; the inner one keeps touching beads apart."""
SUPPRESSION_RADII = 1.2
"""Within this distance of a stronger candidate a weaker one is its halo or its ring."""
BACKGROUND_BLOCK_RADII = 8.0
"""Side of the blocks whose medians make the background: a blurred bead fills less than half."""


def find_beads(image: Image, instrument: Instrument, settings: FindSettings) -> Beads:
    """Find the beads of one frame.

    Parameters
    ----------
    image
        Shape ``(y, x)``, grey levels.
    instrument
        Gives the bead's radius in pixels and the tile.
    settings
        Which detector, and its thresholds.

    Returns
    -------
    Beads
        Strongest first; flagged where they touch or are cut by the border. Empty where there is
        none, as in an all-black or all-white frame.
    """
    radius = instrument.bead_radius_px
    if settings.method == "paper":
        beads = find_beads_paper(image, instrument, settings)
    else:
        energy, factor = contrast_energy(image, radius)
        centers, response = _peaks(energy, radius / factor, settings.minimum_response)
        beads = segment(image, (centers + 0.5) * factor - 0.5, response, radius)
    return _flag(beads, image.shape, radius, instrument.tile_side_px, settings.touching_radii)


def contrast_energy(image: Image, radius_px: float) -> tuple[FloatArray, int]:
    """Return ``|1 - I / background|``, clipped to 1, at reduced size, and the reduction."""
    factor = max(1, min(int(radius_px / REDUCED_RADIUS_PX), *image.shape))
    reduced = _reduce(image, factor)
    background = _background(reduced, radius_px / factor)
    return np.minimum(np.abs(1.0 - reduced / np.maximum(background, 1.0)), 1.0), factor


def _reduce(image: Image, factor: int) -> FloatArray:
    """Mean over blocks of ``factor`` pixels; a rest at the far edges is dropped."""
    rows, columns = (n // factor * factor for n in image.shape)
    blocks = image[:rows, :columns].reshape(rows // factor, factor, columns // factor, factor)
    return blocks.mean(axis=(1, 3), dtype=np.float32).astype(np.float64)


def _background(image: FloatArray, radius_px: float) -> FloatArray:
    """Medians of large blocks, interpolated."""
    block = BACKGROUND_BLOCK_RADII * radius_px
    grid = [max(1, round(n / block)) for n in image.shape]
    medians = np.array(
        [
            [np.median(part) for part in np.array_split(band, grid[1], axis=1)]
            for band in np.array_split(image, grid[0], axis=0)
        ]
    )
    zoom = [n / g for n, g in zip(image.shape, grid, strict=True)]
    return ndimage.zoom(medians, zoom, order=1, mode="nearest", grid_mode=True)


def _peaks(energy: FloatArray, radius_px: float, minimum: float) -> tuple[FloatArray, FloatArray]:
    """Local maxima of the difference of Gaussians, strongest first, halos suppressed."""
    response = ndimage.gaussian_filter(
        energy, INNER_SIGMA_RADII * radius_px, mode="nearest"
    ) - ndimage.gaussian_filter(energy, OUTER_SIGMA_RADII * radius_px, mode="nearest")
    window = 2 * int(0.6 * radius_px) + 1
    is_peak = response == ndimage.maximum_filter(response, size=window, mode="nearest")
    points = np.argwhere(is_peak & (response >= minimum)).astype(np.float64)
    scores = response[is_peak & (response >= minimum)]
    order = np.argsort(-scores, kind="stable")
    points, scores = points[order], scores[order]
    keep: list[int] = []
    for i, point in enumerate(points):
        distance = np.hypot(*(points[keep] - point).T) if keep else np.empty(0)
        if not np.any(distance < SUPPRESSION_RADII * radius_px):
            keep.append(i)
    return points[keep], scores[keep]


def _flag(
    beads: Beads, shape: tuple[int, ...], radius_px: float, tile_px: int, touching_radii: float
) -> Beads:
    """Set the flags that follow from positions alone."""
    from_edge = _edge_distance(beads.center_px, shape)
    for flag, limit in ((BeadFlag.BORDER, radius_px), (BeadFlag.CUT_TILE, tile_px / 2 - 1)):
        beads.flags[from_edge < limit] |= np.uint32(flag)
    if len(beads) > 1:
        offsets = beads.center_px[:, None] - beads.center_px[None]
        distance = np.hypot(offsets[..., 0], offsets[..., 1])
        # A weak neighbour (a cell, dust) does not pull a robust profile; an equal one does.
        rival = beads.response[None, :] >= 0.5 * beads.response[:, None]
        near = (distance < touching_radii * radius_px) & rival
        np.fill_diagonal(near, val=False)
        beads.flags[near.any(axis=1)] |= np.uint32(BeadFlag.TOUCHING)
    return beads


def _edge_distance(center_px: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """Distance of each point from the nearest edge pixel's centre."""
    far = np.array(shape) - 1 - center_px
    return np.minimum(center_px, far).min(axis=1, initial=np.inf)
