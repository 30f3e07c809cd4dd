"""Side of the tile of beads whose rings reach beyond it.

In nearly coherent light, the rings of a bead out of focus reach several radii and change with Z as far as
that. Where frames have room for it, such beads are measured in a wider tile than that of the instrument.
"""

from collections.abc import Sequence

import numpy as np
from scipy.spatial.distance import pdist

from refp.measure.dataset import Measurement
from refp.measure.features import SweepMeasurement
from refp.measure.limits import accepted_alone
from refp.measure.witness import WELL_JUDGED
from refp.settings import Recipe

WIDE_SIDE_DIAMETERS = 5.2
"""Side of a wide tile in bead diameters."""


def wide_tile_px(measurements: Sequence[Measurement], recipe: Recipe) -> int:
    """Return the side of the tile in which the beads of one instrument should be measured.

    Parameters
    ----------
    measurements
        Measured data sets of one instrument.
    recipe
        Recipe of the measurement.

    Returns
    -------
    int
        Even, px. The side of the instrument's tile if that is stated, if beads are judged by single frames
        or nearly all are accepted there, or if a border or another bead is too near for a wider one.
    """
    instrument = measurements[0].instrument
    sweeps = [sweep for m in measurements for sweep in m.sweeps]
    accepted = accepted_alone(recipe.judge, sweeps)
    alone = not recipe.find.follow_sweep or not accepted.size or accepted.mean() >= WELL_JUDGED
    if instrument.tile_px is not None or alone:
        return instrument.tile_side_px
    room_px = min(_room_px(sweep) for sweep in sweeps)
    half_px = min(room_px, WIDE_SIDE_DIAMETERS * instrument.bead_radius_px)
    return max(2 * int(half_px), instrument.tile_side_px)


def _room_px(sweep: SweepMeasurement) -> float:
    """Return the least distance of a usable bead from the border, or half of that from another bead, px."""
    shape = np.array(sweep.frames[0].read().shape)
    center_px = sweep.profiles.center_px[sweep.usable]
    if not len(center_px):
        return float("inf")
    distances_px = [center_px.min(), (shape - 1 - center_px).min()]
    for frame in np.unique(sweep.frame_index):
        apart_px = pdist(sweep.profiles.center_px[sweep.frame_index == frame])
        distances_px.append(apart_px.min(initial=np.inf) / 2)
    return float(min(distances_px))
