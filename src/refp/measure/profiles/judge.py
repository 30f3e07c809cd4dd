"""Decide which candidates are beads, and flag those that should not measure.

A bead is round and has the bead's own size at every focus: on simulated sweeps over +-300 um the
edge of isolated beads stays within 0.9 to 1.2 nominal radii while symmetry is above 0.92. Dust fails
by size, touching pairs by symmetry; some cells pass both and fail by contrast, since all beads of a
frame look alike and cells are fainter. What may be either is reported with a low confidence.
"""

from dataclasses import replace

import numpy as np

from refp.core.arrays import BoolArray, FlagArray, FloatArray
from refp.core.flags import BeadFlag
from refp.core.rows import take
from refp.measure.beads.beads import Beads
from refp.measure.profiles.confidence import bead_confidence
from refp.measure.profiles.profiles import RadialProfiles
from refp.settings import JudgeSettings

REPORTED_CONTRAST = 0.7
"""This part of the least contrast of a sure bead suffices to be reported, with a low confidence: beads
off the plane of the others are fainter by so much."""
STRAY_RADII = 0.5
"""The detector is within 0.2 radii on isolated beads, within 0.4 on touching ones; a fit that ends
further off describes something else."""
SYMMETRY_RADII = 1.5
"""Symmetry and steepest slope are read within this distance of the centre."""
EXTENT_LEVEL = 0.25
"""A bead reaches to where its profile last has this part of the rim's deviation; halves would miss
the bright ring of a bead out of focus."""


def judge_beads(
    beads: Beads, profiles: RadialProfiles, settings: JudgeSettings
) -> tuple[Beads, RadialProfiles]:
    """Drop candidates that are not beads, flag the rest, and say how sure each is.

    Parameters
    ----------
    beads, profiles
        Row by row the same ``n`` candidates.
    settings
        Limits of size, depth and r_squared.

    Returns
    -------
    Beads, RadialProfiles
        The beads, with flags ``TOUCHING``, ``ODD_SHAPE``, ``NO_CENTER``, ``SATURATED`` and
        ``LOW_CONFIDENCE`` set where they hold, and their confidence.
    """
    profiles = _call_back(beads.center_px, profiles)
    sized, round_, deep = _shape(profiles, settings)
    border, crowded = (
        (beads.flags & np.uint32(flag)) > 0 for flag in (BeadFlag.BORDER, BeadFlag.TOUCHING)
    )
    sure = sized & round_ & deep & ~crowded & ~border
    typical = _typical(beads.contrast[sure])
    least = settings.minimum_relative_contrast * REPORTED_CONTRAST * typical
    # A touching pair is neither round nor of one bead's size, but it is no cell either.
    is_bead = deep & ((sized & round_) | crowded | border) & (beads.contrast >= least)
    confidence = bead_confidence(beads, profiles, typical, _typical(beads.response[sure]), settings)
    flags = _flags(beads.flags, profiles, settings)
    flags[confidence < settings.minimum_confidence] |= np.uint32(BeadFlag.LOW_CONFIDENCE)
    index = np.flatnonzero(is_bead)
    judged = take(replace(beads, confidence=confidence, flags=flags), index)
    return _flag_mixing(judged, take(profiles, index), settings), take(profiles, index)


def judge_placed(
    beads: Beads, profiles: RadialProfiles, typical: Beads, settings: JudgeSettings
) -> tuple[Beads, RadialProfiles]:
    """Flag beads that stand where other frames saw them; none is dropped.

    Parameters
    ----------
    beads, profiles
        Row by row the same ``n`` places.
    typical
        Beads of the frame that are sure, to compare with; may be empty.
    settings
        Limits of size, depth and r_squared.

    Returns
    -------
    Beads, RadialProfiles
        All of them. A place without a bead (it rolled away) gets ``LOW_CONFIDENCE``.
    """
    strayed = np.hypot(*(profiles.center_px - beads.center_px).T) > (
        STRAY_RADII * profiles.bead_radius_px
    )
    profiles = _call_back(beads.center_px, profiles)
    confidence = bead_confidence(
        beads, profiles, _typical(typical.contrast), _typical(typical.response), settings
    )
    flags = _flags(beads.flags, profiles, settings)
    doubtful = strayed | (confidence < settings.minimum_confidence)
    flags[doubtful] |= np.uint32(BeadFlag.LOW_CONFIDENCE)
    return replace(beads, confidence=confidence, flags=flags), profiles


def _call_back(center_px: FloatArray, profiles: RadialProfiles) -> RadialProfiles:
    """Give fits that strayed from where the bead is the detector's centre again, as not converged."""
    strayed = np.hypot(*(profiles.center_px - center_px).T) > STRAY_RADII * profiles.bead_radius_px
    return replace(
        profiles,
        center_px=np.where(strayed[:, None], center_px, profiles.center_px),
        converged=profiles.converged & ~strayed,
    )


def _shape(
    profiles: RadialProfiles, settings: JudgeSettings
) -> tuple[BoolArray, BoolArray, BoolArray]:
    """Which candidates have a bead's size, are round, and differ from background."""
    smallest, largest = settings.edge_radii
    with np.errstate(invalid="ignore"):
        sized = (profiles.edge_radii >= smallest) & (profiles.edge_radii <= largest)
        deep = (profiles.edge_depth >= settings.minimum_depth) & np.isfinite(profiles.background)
        round_ = profiles.r_squared >= settings.minimum_r_squared
    return sized, round_, deep


def _flags(flags: FlagArray, profiles: RadialProfiles, settings: JudgeSettings) -> FlagArray:
    """Return the flags with what the profile says by itself."""
    flags = flags.copy()
    flags[profiles.r_squared < settings.usable_r_squared] |= np.uint32(BeadFlag.ODD_SHAPE)
    flags[~profiles.converged] |= np.uint32(BeadFlag.NO_CENTER)
    flags[profiles.n_saturated_px > 0] |= np.uint32(BeadFlag.SATURATED)
    return flags


def _flag_mixing(beads: Beads, profiles: RadialProfiles, settings: JudgeSettings) -> Beads:
    """Flag beads into whose measured disc another bead's image reaches, be it disc, ring or blur."""
    if not settings.flag_mixing or len(beads) < 2:
        return beads
    offsets = profiles.center_px[:, None] - profiles.center_px[None]
    distance = np.hypot(offsets[..., 0], offsets[..., 1]) / profiles.bead_radius_px
    rival = beads.contrast >= REPORTED_CONTRAST * settings.minimum_relative_contrast * _typical(
        beads.contrast
    )
    extent = extent_radii(profiles)
    # Of both, since beads of a frame look alike and the neighbour's own profile may be spoilt.
    reach = SYMMETRY_RADII + np.maximum(extent[:, None], extent[None, :])
    mixes = (distance < reach) & rival[None, :]
    np.fill_diagonal(mixes, val=False)
    flags = beads.flags.copy()
    flags[mixes.any(axis=1)] |= np.uint32(BeadFlag.TOUCHING)
    return replace(beads, flags=flags)


def extent_radii(profiles: RadialProfiles) -> FloatArray:
    """Return how far each bead's image reaches, in bead radii, shape ``(n,)``, at most 2.2."""
    rings = (profiles.radius_radii >= 0.5) & (profiles.radius_radii <= 2.2)
    light = np.maximum(profiles.background, 1.0)[:, None]
    energy = np.abs(profiles.intensity[:, rings] / light - 1.0)
    beyond = energy >= EXTENT_LEVEL * profiles.edge_depth[:, None]
    last = beyond.shape[1] - 1 - np.argmax(beyond[:, ::-1], axis=1)
    return np.where(beyond.any(axis=1), profiles.radius_radii[rings][last], 1.0)


def _typical(values: FloatArray) -> float:
    """Value of the strongest candidates, passing over two that may be dark specks."""
    if not values.size:
        return 0.0
    rank = 3 if values.size >= 6 else 1
    return float(np.sort(values)[-rank])
