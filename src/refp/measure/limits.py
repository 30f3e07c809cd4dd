"""Limits of the judge of single frames, from the beads that a sweep showed."""

from collections.abc import Sequence

import numpy as np

from refp.core.arrays import BoolArray, FloatArray
from refp.measure.features.features import SweepMeasurement
from refp.measure.profiles.confidence import DEPTH_SCALE, EDGE_SCALE_RADII, R_SQUARED_SCALE
from refp.measure.witness import WIDE
from refp.settings import Instrument, JudgeSettings, Recipe

MARGIN_SCALES = 2.0
"""Margin of a limit beyond the beads seen, in scales of the confidence: about 0.9 at the last of them."""


def accepted_alone(judge: JudgeSettings, sweeps: Sequence[SweepMeasurement]) -> BoolArray:
    """Return which usable beads the judge of single frames accepts, those of all sweeps in turn."""
    r_squared, edge, depth = _seen(sweeps)
    low, high = judge.edge_radii
    sharp = (r_squared >= judge.usable_r_squared) & (depth >= judge.minimum_depth)
    return sharp & (edge >= low) & (edge <= high)


def with_seen_limits(
    recipe: Recipe, sweeps: Sequence[SweepMeasurement], instrument: Instrument
) -> Recipe:
    """Return the recipe with limits at which single images of such beads are accepted.

    Parameters
    ----------
    recipe
        Recipe of the sweeps.
    sweeps
        Measured sweeps; their usable beads are those seen.
    instrument
        Their instrument, with the tile in which the beads were measured.

    Returns
    -------
    Recipe
        Unchanged where the judge of single frames accepts all of these beads. Otherwise each limit is
        widened to the beads seen, and detector, centre and look-up have the reach of such beads.
    """
    judge = recipe.judge
    if accepted_alone(judge, sweeps).all():
        return recipe
    r_squared, edge, depth = _seen(sweeps)
    low, high = judge.edge_radii
    least = max(float(r_squared.min()) - MARGIN_SCALES * R_SQUARED_SCALE, 0.0)
    margin_radii = recipe.profile.ring_spacing_radii + MARGIN_SCALES * EDGE_SCALE_RADII
    depth_margin = float(np.exp(-MARGIN_SCALES * DEPTH_SCALE))
    widened = JudgeSettings.model_validate(
        judge.model_dump()
        | {
            "edge_radii": (
                min(low, max(float(edge.min()) - margin_radii, 0.0)),
                max(high, float(edge.max()) + margin_radii),
            ),
            "minimum_depth": min(judge.minimum_depth, float(depth.min()) * depth_margin),
            "minimum_r_squared": min(judge.minimum_r_squared, least),
            "usable_r_squared": min(judge.usable_r_squared, least),
        }
    )
    # The rings of such beads change with Z as far as the tile reaches.
    reach_radii = instrument.tile_side_px / 2 / instrument.bead_radius_px
    reach_radii -= recipe.profile.ring_spacing_radii
    wide = WIDE | {"judge": widened.model_dump(), "train.lookup.reach_radii": reach_radii}
    return recipe.replace(wide, source="limits of the training")


def _seen(sweeps: Sequence[SweepMeasurement]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return R squared, radius and depth of the edge of the usable beads of all sweeps in turn."""
    rows = [(sweep.profiles, sweep.usable) for sweep in sweeps]
    return (
        np.concatenate([profiles.r_squared[usable] for profiles, usable in rows]),
        np.concatenate([profiles.edge_radii[usable] for profiles, usable in rows]),
        np.concatenate([profiles.edge_depth[usable] for profiles, usable in rows]),
    )
