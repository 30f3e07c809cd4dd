"""Simulated Z sweeps with known truth.

:func:`simulate_dataset` places beads in a :class:`Scene`, takes every frame with
:func:`render_frame` and writes a data set with its :class:`Truth`. The image of a bead is a simple
picture of how beads change through focus, :func:`relative_intensity`, not wave optics; its centre
intensity and steepest slope have their extremes exactly at the bead's plane.
"""

from refp.synthetic.model import relative_intensity
from refp.synthetic.place import make_scene
from refp.synthetic.presets import demo_settings
from refp.synthetic.render import expose, render_frame, render_light
from refp.synthetic.scene import Scene, SceneBeads, SceneCells
from refp.synthetic.settings import BeadScatter, Camera, SceneSettings, SimulationSettings
from refp.synthetic.simulate import simulate_dataset
from refp.synthetic.single import render_single_bead, single_bead_scene
from refp.synthetic.truth import (
    Truth,
    TruthBead,
    TruthField,
    TruthFrame,
    read_truth,
    write_truth,
)

__all__ = [
    "BeadScatter",
    "Camera",
    "Scene",
    "SceneBeads",
    "SceneCells",
    "SceneSettings",
    "SimulationSettings",
    "Truth",
    "TruthBead",
    "TruthField",
    "TruthFrame",
    "demo_settings",
    "expose",
    "make_scene",
    "read_truth",
    "relative_intensity",
    "render_frame",
    "render_light",
    "render_single_bead",
    "simulate_dataset",
    "single_bead_scene",
    "write_truth",
]
