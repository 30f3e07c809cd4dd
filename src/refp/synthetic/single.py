"""One bead in the middle of nothing: for tests and examples."""

import numpy as np

from refp.arrays import FloatArray, Image
from refp.sweeps import Instrument
from refp.synthetic.render import render_frame
from refp.synthetic.scene import Scene, SceneBeads, SceneCells
from refp.synthetic.settings import BeadScatter, Camera
from refp.synthetic.simulate import as_instrument


def render_single_bead(
    dz_um: float,
    instrument: str | Instrument,
    *,
    side_px: int | None = None,
    center_px: tuple[float, float] | None = None,
    exposure_ms: float = 12.0,
    noise: bool = False,
    camera: Camera | None = None,
    scatter: BeadScatter | None = None,
    seed: int = 0,
) -> Image:
    """Take an image of one bead of nominal size under even light.

    Parameters
    ----------
    dz_um
        Focal plane minus the bead's plane.
    instrument
        An instrument, or the name of a recipe.
    side_px
        Side of the square image; the instrument's tile without it.
    center_px
        Centre of the bead, ``(y, x)``; the middle of the image without it.
    exposure_ms
        Exposure.
    noise
        Whether the camera adds noise.
    camera, scatter
        Settings; the defaults without them.
    seed
        Seed of the noise.
    """
    instrument = as_instrument(instrument)
    scene = single_bead_scene(
        instrument, side_px=side_px, center_px=center_px, scatter=scatter or BeadScatter()
    )
    return render_frame(
        scene,
        dz_um,
        exposure_ms,
        camera or Camera(),
        np.random.default_rng(seed) if noise else None,
        white_level=instrument.optics.white_level,
    )


def single_bead_scene(
    instrument: Instrument,
    *,
    side_px: int | None = None,
    center_px: tuple[float, float] | None = None,
    scatter: BeadScatter | None = None,
) -> Scene:
    """Return a scene of one bead of nominal size whose plane is at Z = 0, under even light.

    Parameters
    ----------
    instrument
        Gives bead radius, tile and depth of field.
    side_px, center_px, scatter
        As in :func:`render_single_bead`.
    """
    scatter = scatter or BeadScatter()
    side = side_px or instrument.tile_side_px
    center = center_px or ((side - 1) / 2, (side - 1) / 2)
    return Scene(
        refp_um=0.0,
        tilt_um_per_px=(0.0, 0.0),
        beads=_one_bead(np.array([center], dtype=float), instrument.bead_radius_px),
        cells=SceneCells(np.empty((0, 2)), np.empty(0), np.empty(0), np.empty(0, dtype=bool)),
        light=np.ones((side, side), dtype=np.float32),
        scatter=scatter,
        depth_um=scatter.depth_of(instrument),
    )


def _one_bead(center_px: FloatArray, radius_px: float) -> SceneBeads:
    no = np.zeros(1, dtype=bool)
    return SceneBeads(center_px, np.array([radius_px]), np.zeros(1), no, no, no)
