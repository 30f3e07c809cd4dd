"""Labelled tiles that need no image."""

from collections.abc import Callable

import numpy as np
import pytest

from refp.models.tiles import LabelledTiles
from refp.sweeps import SweepKey

MakeTiles = Callable[..., LabelledTiles]


def make_tiles(n_fields: int = 3, n_beads: int = 4, n_frames: int = 6) -> LabelledTiles:
    """Return every bead of every field in every frame of its field, with one profile per bead."""
    field, bead, frame = (
        axis.ravel()
        for axis in np.meshgrid(range(n_fields), range(n_beads), range(n_frames), indexing="ij")
    )
    n = len(field)
    return LabelledTiles(
        dz_um=10.0 * frame - 25.0,
        height_um=np.zeros(n),
        label_u_um=np.zeros(n),
        size=np.ones(n),
        offset_px=np.zeros((n, 2)),
        profile=np.tile(100.0 * field + bead, (3, 1)).T,
        saturated=np.zeros((n, 3), dtype=np.bool_),
        light=np.full(n, 60.0),
        black_level=np.zeros(n),
        noise=np.ones(n),
        whiteness=np.ones(n),
        pixels=np.empty((n, 0, 0), dtype=np.float32),
        frame=frame + n_frames * field,
        bead=bead + 10_000 * field,
        field=field,
        radius_radii=np.array([0.0, 1.0, 2.0]),
        bead_radius_px=9.0,
        sweeps=(SweepKey("data", 1, 1, 12.0),),
    )


@pytest.fixture(scope="session")
def tiles_of() -> MakeTiles:
    return make_tiles
