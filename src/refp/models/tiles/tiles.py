"""Training data: labelled tiles and their splits."""

from dataclasses import dataclass

from refp.core.arrays import BoolArray, FloatArray, IntArray
from refp.core.rows import shared
from refp.sweeps.frame import SweepKey


@dataclass(frozen=True, slots=True)
class LabelledTiles:
    """Beads of known dZ.

    Attributes
    ----------
    dz_um
        Shape ``(n,)``: height of the focal plane above the bead's own plane, or above the field's
        where beads have none of their own.
    height_um
        Shape ``(n,)``: the bead's own plane above the field's; 0 where it has none. The sum of the
        two is the image's dZ.
    label_u_um
        Shape ``(n,)``: standard uncertainty of the frame's position.
    size
        Shape ``(n,)``: the bead's radius over that of the typical bead; 1 where not known.
    offset_px
        Shape ``(n, 2)``, ``(y, x)``: the bead's position from the middle of its field's beads.
    profile
        Shape ``(n, m)``, the robust radial profile divided by background.
    saturated
        Shape ``(n, m)``: the ring has a pixel at the white level.
    light
        Shape ``(n,)``, background less black level, grey levels.
    black_level
        Shape ``(n,)``, grey levels of a pixel without light; 0 where not known.
    noise
        Shape ``(n,)``, standard deviation of a background pixel, grey levels; NaN where not known.
    whiteness
        Shape ``(n,)``: 1 where that noise is white; NaN where not known.
    pixels
        Shape ``(n, side, side)`` grey levels, or ``(n, 0, 0)`` where the family does not use them.
    frame, bead, field
        Shape ``(n,)`` each: numbers of the image, of the physical bead and of the field of view,
        unique over all data.
    radius_radii
        Shape ``(m,)``; shared.
    bead_radius_px
        Nominal bead radius; shared.
    sweeps
        The sweeps that tiles come from; shared.
    """

    dz_um: FloatArray
    height_um: FloatArray
    label_u_um: FloatArray
    size: FloatArray
    offset_px: FloatArray
    profile: FloatArray
    saturated: BoolArray
    light: FloatArray
    black_level: FloatArray
    noise: FloatArray
    whiteness: FloatArray
    pixels: FloatArray
    frame: IntArray
    bead: IntArray
    field: IntArray
    radius_radii: FloatArray = shared()
    bead_radius_px: float = shared()
    sweeps: tuple[SweepKey, ...] = shared()

    def __len__(self) -> int:
        return int(self.dz_um.shape[0])

    @property
    def image_dz_um(self) -> FloatArray:
        """Height of each bead's focal plane above its field's plane, shape ``(n,)``."""
        return self.dz_um + self.height_um


@dataclass(frozen=True, slots=True)
class Split:
    """Rows to train on and rows held out; no row is in both."""

    train: IntArray
    held_out: IntArray
