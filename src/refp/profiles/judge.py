"""Decide which candidates are beads, and flag those that should not measure.

A bead is round and has the bead's own size at every focus: on simulated sweeps over +-300 um the
edge of isolated beads stays within 0.9 to 1.2 nominal radii while symmetry is above 0.92. Dust fails
by size, touching pairs by symmetry; some cells pass both and fail by contrast, since all beads of a
frame look alike and cells are fainter.
"""

from dataclasses import replace

import numpy as np

from refp.arrays import FloatArray
from refp.beads.beads import Beads
from refp.flags import BeadFlag
from refp.profiles.profiles import RadialProfiles
from refp.profiles.settings import JudgeSettings
from refp.rows import take


def judge_beads(
    beads: Beads, profiles: RadialProfiles, settings: JudgeSettings
) -> tuple[Beads, RadialProfiles]:
    """Drop candidates that are not beads and flag the rest.

    Parameters
    ----------
    beads, profiles
        Row by row the same ``n`` candidates.
    settings
        Limits of size, depth and symmetry.

    Returns
    -------
    Beads, RadialProfiles
        The beads, with flags ``ODD_SHAPE``, ``NO_CENTER`` and ``SATURATED`` set where they hold.
    """
    smallest, largest = settings.edge_radii
    border = (beads.flags & np.uint32(BeadFlag.BORDER)) > 0
    with np.errstate(invalid="ignore"):
        sized = (profiles.edge_radii >= smallest) & (profiles.edge_radii <= largest)
        deep = profiles.edge_depth >= settings.minimum_depth
        round_ = profiles.symmetry >= settings.minimum_symmetry
        crowded = (beads.flags & np.uint32(BeadFlag.TOUCHING)) > 0
        # A touching pair is neither round nor of one bead's size, but it is no cell either.
        shaped = deep & np.isfinite(profiles.background) & ((sized & round_) | crowded | border)
    sure = sized & round_ & ~crowded & ~border
    strong = beads.contrast >= settings.minimum_relative_contrast * _typical(beads.contrast[sure])
    is_bead = shaped & (strong | border)
    flags = beads.flags.copy()
    flags[profiles.symmetry < settings.usable_symmetry] |= np.uint32(BeadFlag.ODD_SHAPE)
    flags[~profiles.converged] |= np.uint32(BeadFlag.NO_CENTER)
    flags[profiles.n_saturated_px > 0] |= np.uint32(BeadFlag.SATURATED)
    index = np.flatnonzero(is_bead)
    return take(replace(beads, flags=flags), index), take(profiles, index)


def _typical(contrast: FloatArray) -> float:
    """Contrast of the strongest candidates, passing over two that may be dark specks."""
    if not contrast.size:
        return 0.0
    rank = 3 if contrast.size >= 6 else 1
    return float(np.sort(contrast)[-rank])
