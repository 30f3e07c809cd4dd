"""Selection of the candidates that are beads, and flags of those that are not usable.

A bead is round and has its nominal size at every focus: on simulated sweeps over +-300 um the edge of
isolated beads is at 0.9 to 1.2 nominal radii, with r_squared above 0.92. Dust is excluded by size,
touching pairs by r_squared; some cells pass both and are excluded by contrast, since all beads of a
frame are similar and cells are fainter. Ambiguous candidates are reported with a low confidence.
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
"""Fraction of the minimum contrast from which a candidate is reported, with a low confidence: beads off
the plane of the others are fainter by so much."""
STRAY_RADII = 0.5
"""Maximum distance of the fitted centre from that of the detector, whose error is up to 0.2 radii for
isolated beads, 0.4 for touching ones; a fit further off describes another object."""
R_SQUARED_RADII = 1.5
"""Distance from the centre within which r_squared and steepest slope are measured."""
EXTENT_LEVEL = 0.25
"""Fraction of the rim's deviation that defines the extent of a bead's image; one half would miss the
bright ring of a bead out of focus."""


def judge_beads(
    beads: Beads, profiles: RadialProfiles, settings: JudgeSettings
) -> tuple[Beads, RadialProfiles]:
    """Drop candidates that are not beads; set flags and confidence of the rest.

    Parameters
    ----------
    beads, profiles
        The same ``n`` candidates in the same order.
    settings
        Limits of size, depth and r_squared.

    Returns
    -------
    Beads, RadialProfiles
        The beads, with flags ``TOUCHING``, ``ODD_SHAPE``, ``NO_CENTER``, ``SATURATED`` and
        ``LOW_CONFIDENCE`` set, and their confidence.
    """
    profiles = _reset_strayed(beads.center_px, profiles)
    sized, round_, deep = _shape(profiles, settings)
    border, touching = (
        (beads.flags & np.uint32(flag)) > 0 for flag in (BeadFlag.BORDER, BeadFlag.TOUCHING)
    )
    clear = sized & round_ & deep & ~touching & ~border
    typical = _typical(beads.contrast[clear])
    least = settings.minimum_relative_contrast * REPORTED_CONTRAST * typical
    # A touching pair is neither round nor of the size of one bead, but it is not a cell either.
    is_bead = deep & ((sized & round_) | touching | border) & (beads.contrast >= least)
    confidence = bead_confidence(
        beads, profiles, typical, _typical(beads.response[clear]), settings
    )
    flags = _flags(beads.flags, profiles, settings)
    flags[confidence < settings.minimum_confidence] |= np.uint32(BeadFlag.LOW_CONFIDENCE)
    index = np.flatnonzero(is_bead)
    selected = take(replace(beads, confidence=confidence, flags=flags), index)
    return _flag_mixing(selected, take(profiles, index), settings), take(profiles, index)


def judge_placed(
    beads: Beads, profiles: RadialProfiles, typical: Beads, settings: JudgeSettings
) -> tuple[Beads, RadialProfiles]:
    """Set flags and confidence of beads placed from other frames; none is dropped.

    Parameters
    ----------
    beads, profiles
        The same ``n`` beads in the same order.
    typical
        Usable beads of the frame, for comparison; may be empty.
    settings
        Limits of size, depth and r_squared.

    Returns
    -------
    Beads, RadialProfiles
        All of them. A position without a bead (it rolled away) has ``LOW_CONFIDENCE``.
    """
    strayed = np.hypot(*(profiles.center_px - beads.center_px).T) > (
        STRAY_RADII * profiles.bead_radius_px
    )
    profiles = _reset_strayed(beads.center_px, profiles)
    confidence = bead_confidence(
        beads, profiles, _typical(typical.contrast), _typical(typical.response), settings
    )
    flags = _flags(beads.flags, profiles, settings)
    doubtful = strayed | (confidence < settings.minimum_confidence)
    flags[doubtful] |= np.uint32(BeadFlag.LOW_CONFIDENCE)
    return replace(beads, confidence=confidence, flags=flags), profiles


def _reset_strayed(center_px: FloatArray, profiles: RadialProfiles) -> RadialProfiles:
    """Reset fits too far from the detector's centre to that centre, as not converged."""
    strayed = np.hypot(*(profiles.center_px - center_px).T) > STRAY_RADII * profiles.bead_radius_px
    return replace(
        profiles,
        center_px=np.where(strayed[:, None], center_px, profiles.center_px),
        converged=profiles.converged & ~strayed,
    )


def _shape(
    profiles: RadialProfiles, settings: JudgeSettings
) -> tuple[BoolArray, BoolArray, BoolArray]:
    """Return which candidates have the size of a bead, are round, and differ from background."""
    smallest, largest = settings.edge_radii
    with np.errstate(invalid="ignore"):
        sized = (profiles.edge_radii >= smallest) & (profiles.edge_radii <= largest)
        deep = (profiles.edge_depth >= settings.minimum_depth) & np.isfinite(profiles.background)
        round_ = profiles.r_squared >= settings.minimum_r_squared
    return sized, round_, deep


def _flags(flags: FlagArray, profiles: RadialProfiles, settings: JudgeSettings) -> FlagArray:
    """Return the flags with those that follow from the profile alone."""
    flags = flags.copy()
    flags[profiles.r_squared < settings.usable_r_squared] |= np.uint32(BeadFlag.ODD_SHAPE)
    flags[~profiles.converged] |= np.uint32(BeadFlag.NO_CENTER)
    flags[profiles.n_saturated_px > 0] |= np.uint32(BeadFlag.SATURATED)
    return flags


def _flag_mixing(beads: Beads, profiles: RadialProfiles, settings: JudgeSettings) -> Beads:
    """Flag beads into whose measured disc the disc, rings or blur of another bead reach."""
    if not settings.flag_mixing or len(beads) < 2:
        return beads
    offsets = profiles.center_px[:, None] - profiles.center_px[None]
    distance = np.hypot(offsets[..., 0], offsets[..., 1]) / profiles.bead_radius_px
    rival = beads.contrast >= REPORTED_CONTRAST * settings.minimum_relative_contrast * _typical(
        beads.contrast
    )
    extent = extent_radii(profiles)
    # Of both, since beads of a frame are similar and the neighbour's own profile may be disturbed.
    reach = R_SQUARED_RADII + np.maximum(extent[:, None], extent[None, :])
    mixes = (distance < reach) & rival[None, :]
    np.fill_diagonal(mixes, val=False)
    flags = beads.flags.copy()
    flags[mixes.any(axis=1)] |= np.uint32(BeadFlag.TOUCHING)
    return replace(beads, flags=flags)


def extent_radii(profiles: RadialProfiles) -> FloatArray:
    """Return the extent of each bead's image, in bead radii, shape ``(n,)``, at most 2.2."""
    rings = (profiles.radius_radii >= 0.5) & (profiles.radius_radii <= 2.2)
    light = np.maximum(profiles.background, 1.0)[:, None]
    energy = np.abs(profiles.intensity[:, rings] / light - 1.0)
    beyond = energy >= EXTENT_LEVEL * profiles.edge_depth[:, None]
    last = beyond.shape[1] - 1 - np.argmax(beyond[:, ::-1], axis=1)
    return np.where(beyond.any(axis=1), profiles.radius_radii[rings][last], 1.0)


def _typical(values: FloatArray) -> float:
    """Value of the strongest candidates, ignoring two that may be dark specks."""
    if not values.size:
        return 0.0
    rank = 3 if values.size >= 6 else 1
    return float(np.sort(values)[-rank])
