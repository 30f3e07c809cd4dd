"""Find beads in one frame, whatever their number, brightness and focus.

The default looks for *roundness*: places about which the gradient is radial
(:mod:`refp.measure.beads.symmetry`). A bead is one at every focus, be it a dark disc, a disc with a bright
centre, rings, or a blur; its sign never matters. What else is round is told apart later, by size,
depth and contrast (:mod:`refp.measure.profiles.judge`).
"""

import numpy as np
from scipy import ndimage

from refp.core.arrays import FloatArray, Image
from refp.core.flags import BeadFlag
from refp.core.rows import take
from refp.measure.beads.beads import Beads
from refp.measure.beads.contrast import local_contrast
from refp.measure.beads.find_paper import find_beads_paper
from refp.measure.beads.segment import segment
from refp.measure.beads.symmetry import radial_symmetry
from refp.settings import FindSettings, Instrument

REDUCED_RADIUS_PX = 4.0
"""Frames are reduced until the bead has about this radius: enough to find it, quick to filter."""
SUPPRESSION_RADII = 1.2
"""Within this distance of a stronger candidate a weaker one is its rim; beads cannot overlap so."""
BACKGROUND_BLOCK_RADII = 8.0
"""Side of the blocks whose medians make the background: a blurred bead fills less than half."""
RIVAL_CONTRAST, RIVAL_RESPONSE = 0.5, 0.2
"""A neighbour mixes in when it has these parts of a bead's contrast and response. A cell has less
contrast; the middle one of three beads in a row keeps 0.3 of the response."""


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
        response, share, factor = _respond(image, radius)
        round_ = np.where(share >= settings.minimum_roundness, response, 0.0)
        centers, scores = _peaks(round_, radius / factor, settings.minimum_response)
        beads = segment(image, (centers + 0.5) * factor - 0.5, scores, radius)
        beads = take(beads, beads.contrast >= settings.minimum_contrast)
    _flag_border(beads, image.shape, radius, instrument.tile_side_px)
    return _flag_touching(beads, settings.touching_radii * radius)


def place_beads(image: Image, center_px: FloatArray, instrument: Instrument) -> Beads:
    """Describe what stands at given points of a frame, be it found there or not.

    Parameters
    ----------
    image
        Shape ``(y, x)``, grey levels.
    center_px
        Shape ``(n, 2)``, points inside the frame.
    instrument
        Gives the bead's radius in pixels and the tile.

    Returns
    -------
    Beads
        Row by row as ``center_px``, with the response at that point; flagged where cut by the border.
    """
    radius = instrument.bead_radius_px
    response, _, factor = _respond(image, radius)
    last = np.array(response.shape) - 1
    y, x = np.clip(np.rint((center_px + 0.5) / factor - 0.5).astype(np.int64), 0, last).T
    beads = segment(image, center_px, response[y, x], radius)
    _flag_border(beads, image.shape, radius, instrument.tile_side_px)
    return beads


def _respond(image: Image, radius_px: float) -> tuple[FloatArray, FloatArray, int]:
    """Return the detector's response, the share of it that is round, and the reduction."""
    factor = max(1, min(int(radius_px / REDUCED_RADIUS_PX), *image.shape))
    contrast = local_contrast(image, factor, BACKGROUND_BLOCK_RADII * radius_px / factor)
    amplitude, share = radial_symmetry(contrast, radius_px / factor)
    return amplitude * np.maximum(share, 0.0), share, factor


def _peaks(response: FloatArray, radius_px: float, minimum: float) -> tuple[FloatArray, FloatArray]:
    """Local maxima of the response, strongest first, rims suppressed."""
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


def _flag_border(beads: Beads, shape: tuple[int, ...], radius_px: float, tile_px: int) -> None:
    """Flag in place what the frame's edge cuts."""
    from_edge = _edge_distance(beads.center_px, shape)
    for flag, limit in ((BeadFlag.BORDER, radius_px), (BeadFlag.CUT_TILE, tile_px / 2 - 1)):
        beads.flags[from_edge < limit] |= np.uint32(flag)


def _flag_touching(beads: Beads, reach_px: float) -> Beads:
    """Flag beads with a rival so near that the profiles mix."""
    if len(beads) < 2:
        return beads
    offsets = beads.center_px[:, None] - beads.center_px[None]
    near = np.hypot(offsets[..., 0], offsets[..., 1]) < reach_px
    # A weak neighbour (a cell, dust) does not pull a robust profile; an equal one does.
    for value, part in ((beads.contrast, RIVAL_CONTRAST), (beads.response, RIVAL_RESPONSE)):
        near &= value[None, :] >= part * value[:, None]
    np.fill_diagonal(near, val=False)
    beads.flags[near.any(axis=1)] |= np.uint32(BeadFlag.TOUCHING)
    return beads


def _edge_distance(center_px: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """Distance of each point from the nearest edge pixel's centre."""
    far = np.array(shape) - 1 - center_px
    return np.minimum(center_px, far).min(axis=1, initial=np.inf)
