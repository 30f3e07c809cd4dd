"""Limits of the judge of single frames, from the beads that a sweep showed."""

from collections.abc import Sequence

import numpy as np

from refp.measure.features.features import SweepMeasurement
from refp.measure.profiles.confidence import DEPTH_SCALE, EDGE_SCALE_RADII, R_SQUARED_SCALE
from refp.measure.witness import WIDE
from refp.settings import JudgeSettings, Recipe

REACH_RADII = 3.3
"""Of the look-up, nearly to the edge of a tile: the rings of such beads are there out of focus."""
MARGIN_SCALES = 2.0
"""Margin of a limit beyond the beads seen, in scales of the confidence: about 0.9 at the last of them."""


def with_seen_limits(recipe: Recipe, sweeps: Sequence[SweepMeasurement]) -> Recipe:
    """Return the recipe with limits at which single images of such beads are accepted.

    Parameters
    ----------
    recipe
        Recipe of the sweeps.
    sweeps
        Measured sweeps; their usable beads are those seen.

    Returns
    -------
    Recipe
        Unchanged where the judge of single frames accepts all of these beads. Otherwise each limit is
        widened to the beads seen, and detector, centre and look-up have the reach of such beads.
    """
    judge, rows = recipe.judge, [(s.profiles, s.usable) for s in sweeps]
    r_squared = np.concatenate([p.r_squared[usable] for p, usable in rows])
    edge = np.concatenate([p.edge_radii[usable] for p, usable in rows])
    depth = np.concatenate([p.edge_depth[usable] for p, usable in rows])
    low, high = judge.edge_radii
    accepted = (r_squared >= judge.usable_r_squared) & (depth >= judge.minimum_depth)
    accepted &= (edge >= low) & (edge <= high)
    if accepted.all():
        return recipe
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
    wide = WIDE | {"judge": widened.model_dump(), "train.lookup.reach_radii": REACH_RADII}
    return recipe.replace(wide, source="limits of the training")
