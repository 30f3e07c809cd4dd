"""Detection of beads in one frame, independent of their number, brightness and focus.

The default detects *roundness*: points about which the gradient is radial
(:mod:`refp.measure.beads.symmetry`). This holds for a bead at every focus: a dark disc, a disc with a
bright centre, rings, or a blur; the sign does not matter. Other round objects are excluded later, by
size, depth and contrast (:mod:`refp.measure.profiles.judge`).
"""

from dataclasses import replace

import numpy as np
from scipy import ndimage

from refp.core.arrays import FloatArray, Image
from refp.core.flags import BeadFlag
from refp.core.rows import join, take
from refp.measure.beads.beads import Beads
from refp.measure.beads.contrast import local_contrast
from refp.measure.beads.find_paper import find_beads_paper
from refp.measure.beads.register import match_nearest
from refp.measure.beads.segment import segment
from refp.measure.beads.symmetry import radial_symmetry
from refp.settings import FindSettings, Instrument

REDUCED_RADIUS_PX = 4.0
"""Bead radius to which frames are reduced: large enough for detection, small enough for fast filters."""
SUPPRESSION_RADII = 1.2
"""Distance within which a candidate is the rim of a stronger one; beads cannot overlap so far."""
SAME_RADII = 0.8
"""Distance, in radii of its scale, within which a candidate repeats one of an earlier scale."""
BACKGROUND_BLOCK_RADII = 8.0
"""Side of the blocks whose medians are the background: a blurred bead covers less than half of one."""
RIVAL_CONTRAST, RIVAL_RESPONSE = 0.5, 0.2
"""Fractions of a bead's contrast and response from which a neighbour disturbs its profile. A cell has
less contrast; the middle one of three beads in a row has 0.3 of the response."""


def find_beads(image: Image, instrument: Instrument, settings: FindSettings) -> Beads:
    """Find the beads of one frame.

    Parameters
    ----------
    image
        Shape ``(y, x)``, grey levels.
    instrument
        Its bead radius and tile are used.
    settings
        Detector and thresholds.

    Returns
    -------
    Beads
        Strongest first; flagged if they touch or are cut by the border. Empty if there is none, as in
        an all-black or all-white frame.
    """
    radius = instrument.bead_radius_px
    if settings.method == "paper":
        beads = find_beads_paper(image, instrument, settings)
    else:
        beads = _find_round(image, radius, settings)
    _flag_border(beads, image.shape, radius, instrument.tile_side_px)
    return flag_touching(beads, settings.touching_radii * radius)


def _find_round(image: Image, radius_px: float, settings: FindSettings) -> Beads:
    """Return the round candidates of every scale, strongest first within a scale.

    A candidate of a later scale is left out where one of an earlier scale is nearer than it can locate.
    """
    beads = Beads.empty()
    for scale in settings.scales:
        response, roundness, factor = _respond(image, scale * radius_px)
        round_ = np.where(roundness >= settings.minimum_roundness, response, 0.0)
        peaks, scores = _peaks(round_, scale * radius_px / factor, settings.minimum_response)
        if scale > 1:  # a reduced pixel is a large part of the bead
            peaks = _between_pixels(response, peaks)
        centers = (peaks + 0.5) * factor - 0.5
        new = match_nearest(centers, beads.center_px, SAME_RADII * scale * radius_px) < 0
        found = segment(image, centers[new], scores[new], radius_px)
        beads = join([beads, take(found, found.contrast >= settings.minimum_contrast)])
    return beads


def place_beads(image: Image, center_px: FloatArray, instrument: Instrument) -> Beads:
    """Measure beads at given points of a frame, whether the detector finds them or not.

    Parameters
    ----------
    image
        Shape ``(y, x)``, grey levels.
    center_px
        Shape ``(n, 2)``, points inside the frame.
    instrument
        Its bead radius and tile are used.

    Returns
    -------
    Beads
        In the order of ``center_px``, with the response at that point; flagged if cut by the border.
    """
    radius = instrument.bead_radius_px
    response, _, factor = _respond(image, radius)
    last = np.array(response.shape) - 1
    y, x = np.clip(np.rint((center_px + 0.5) / factor - 0.5).astype(np.int64), 0, last).T
    beads = segment(image, center_px, response[y, x], radius)
    _flag_border(beads, image.shape, radius, instrument.tile_side_px)
    return beads


def _respond(image: Image, radius_px: float) -> tuple[FloatArray, FloatArray, int]:
    """Return the response, the fraction of the gradient that is radial, and the reduction factor."""
    factor = max(1, min(int(radius_px / REDUCED_RADIUS_PX), *image.shape))
    contrast = local_contrast(image, factor, BACKGROUND_BLOCK_RADII * radius_px / factor)
    amplitude, roundness = radial_symmetry(contrast, radius_px / factor)
    return amplitude * np.maximum(roundness, 0.0), roundness, factor


def _peaks(response: FloatArray, radius_px: float, minimum: float) -> tuple[FloatArray, FloatArray]:
    """Local maxima of the response, strongest first, without rims of stronger ones."""
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


def _between_pixels(response: FloatArray, points: FloatArray) -> FloatArray:
    """Return local maxima ``(n, 2)`` refined by parabolas along both axes, except at the edge."""
    refined = points.copy()
    last = np.array(response.shape) - 1
    for i, (y, x) in enumerate(points.astype(np.int64)):
        if not (0 < y < last[0] and 0 < x < last[1]):
            continue
        for axis, line in enumerate((response[y - 1 : y + 2, x], response[y, x - 1 : x + 2])):
            bend = line[0] - 2.0 * line[1] + line[2]
            refined[i, axis] += 0.5 * (line[0] - line[2]) / bend if bend < 0 else 0.0
    return refined


def _flag_border(beads: Beads, shape: tuple[int, ...], radius_px: float, tile_px: int) -> None:
    """Flag in place the beads and tiles that the frame's edge cuts."""
    from_edge = _edge_distance(beads.center_px, shape)
    for flag, limit in ((BeadFlag.BORDER, radius_px), (BeadFlag.CUT_TILE, tile_px / 2 - 1)):
        beads.flags[from_edge < limit] |= np.uint32(flag)


def flag_touching(beads: Beads, reach_px: float) -> Beads:
    """Flag the beads, and no others, with a comparable neighbour so near that the profiles overlap."""
    beads = replace(beads, flags=beads.flags & ~np.uint32(BeadFlag.TOUCHING))
    if len(beads) < 2:
        return beads
    offsets = beads.center_px[:, None] - beads.center_px[None]
    near = np.hypot(offsets[..., 0], offsets[..., 1]) < reach_px
    # A weak neighbour (a cell, dust) does not bias a robust profile; an equal one does.
    for value, fraction in ((beads.contrast, RIVAL_CONTRAST), (beads.response, RIVAL_RESPONSE)):
        near &= value[None, :] >= fraction * value[:, None]
    np.fill_diagonal(near, val=False)
    beads.flags[near.any(axis=1)] |= np.uint32(BeadFlag.TOUCHING)
    return beads


def _edge_distance(center_px: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """Distance of each point from the centre of the nearest edge pixel."""
    far = np.array(shape) - 1 - center_px
    return np.minimum(center_px, far).min(axis=1, initial=np.inf)
