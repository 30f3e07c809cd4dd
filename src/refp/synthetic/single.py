"""Images of one isolated bead, for tests and examples."""

import numpy as np

from refp.core.arrays import Image
from refp.settings import Camera, Instrument
from refp.synthetic.looks import looks_of
from refp.synthetic.render import render_frame
from refp.synthetic.scene import Scene, SceneBeads
from refp.synthetic.settings import SceneSettings
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
    seed: int = 0,
) -> Image:
    """Render an image of one bead of nominal size under even light.

    Parameters
    ----------
    dz_um
        Focal plane minus the bead's own plane.
    instrument
        An instrument, or the name of a recipe.
    side_px
        Side of the square image; default: that of the instrument's tile.
    center_px
        Centre of the bead, ``(y, x)``; default: the middle of the image.
    exposure_ms
        Exposure.
    noise
        Whether the camera adds noise.
    camera
        Camera; default: that of the instrument.
    seed
        Seed of the noise.
    """
    instrument = as_instrument(instrument)
    scene = single_bead_scene(instrument, side_px=side_px, center_px=center_px)
    return render_frame(
        scene,
        dz_um,
        exposure_ms,
        camera or instrument.camera,
        np.random.default_rng(seed) if noise else None,
        white_level=instrument.optics.white_level,
    )


def single_bead_scene(
    instrument: Instrument,
    *,
    side_px: int | None = None,
    center_px: tuple[float, float] | None = None,
    radius_um: float | None = None,
) -> Scene:
    """Return a scene of one bead whose own plane is at Z = 0, under even light.

    Parameters
    ----------
    instrument
        Microscope, bead and tile.
    side_px, center_px
        As in :func:`render_single_bead`.
    radius_um
        Radius of the bead; default: the nominal radius.
    """
    looks = looks_of(instrument, SceneSettings())
    side = side_px or instrument.tile_side_px
    center = center_px or ((side - 1) / 2, (side - 1) / 2)
    radius_um = radius_um or looks.nominal_radius_um
    no = np.zeros(1, dtype=bool)
    beads = SceneBeads(
        centers_px=np.array([center], dtype=float),
        radius_um=np.array([radius_um]),
        index=np.array([instrument.bead.index]),
        focus_um=np.array([-looks.own_plane_um(radius_um, instrument.bead.index)]),
        maps=looks.beads,
        plane_um=np.zeros(1),
        outlier=no,
        touching=no,
        border=no,
    )
    return Scene(
        refp_ss_um=0.0,
        refp_ci_um=0.0,
        refp_beads_um=0.0,
        refp_median_um=0.0,
        tilt_um_per_px=(0.0, 0.0),
        beads=beads,
        others=(),
        light=np.ones((side, side), dtype=np.float32),
        pixel_um=instrument.optics.pixel_size_um,
    )
