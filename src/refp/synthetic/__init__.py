"""Physical simulation of Z sweeps with known truth.

:func:`simulate_dataset` places beads, cells and debris in a :class:`Scene`, renders every frame with
:func:`render_frame` and writes a data set with its :class:`Truth`. Images are sums of partial waves
through the instrument's objective and condenser (:mod:`refp.synthetic.optics`), computed once per
instrument and cached.
"""

from refp.synthetic.bound import DzBound, dz_bound
from refp.synthetic.looks import Looks, looks_of
from refp.synthetic.place import make_scene
from refp.synthetic.planes import feature_curves
from refp.synthetic.presets import PlannedSet, demo_sets, demo_settings, own_set, simulate_planned
from refp.synthetic.render import expose, render_frame, render_light
from refp.synthetic.scene import Scene, SceneBeads, SceneSpheres
from refp.synthetic.settings import Objects, SceneSettings, SimulationSettings
from refp.synthetic.simulate import as_instrument, simulate_dataset
from refp.synthetic.single import render_single_bead, single_bead_scene
from refp.synthetic.table1 import another, table1_sets
from refp.synthetic.truth import (
    Truth,
    TruthBead,
    TruthField,
    TruthFrame,
    read_truth,
    write_truth,
)

__all__ = [
    "DzBound",
    "Looks",
    "Objects",
    "PlannedSet",
    "Scene",
    "SceneBeads",
    "SceneSettings",
    "SceneSpheres",
    "SimulationSettings",
    "Truth",
    "TruthBead",
    "TruthField",
    "TruthFrame",
    "another",
    "as_instrument",
    "demo_sets",
    "demo_settings",
    "dz_bound",
    "expose",
    "feature_curves",
    "looks_of",
    "make_scene",
    "own_set",
    "read_truth",
    "render_frame",
    "render_light",
    "render_single_bead",
    "simulate_dataset",
    "simulate_planned",
    "single_bead_scene",
    "table1_sets",
    "write_truth",
]
