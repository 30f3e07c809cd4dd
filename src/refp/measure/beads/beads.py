"""What the detector hands on."""

from dataclasses import dataclass

import numpy as np

from refp.core.arrays import BoolArray, FlagArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Beads:
    """Beads, or candidates for beads, of one frame or of many joined.

    Attributes
    ----------
    center_px
        Shape ``(n, 2)``, ``(y, x)`` as the detector sees it.
    area_px
        Shape ``(n,)``, pixels of the segmented bead, holes filled.
    circularity
        Shape ``(n,)``, ``4 pi area / perimeter**2``; about 1 for a disc.
    contrast
        Shape ``(n,)``, mean relative difference from the surroundings over the bead's disc.
    response
        Shape ``(n,)``, the detector's own score; larger is surer.
    confidence
        Shape ``(n,)``, between 0 and 1, once the profile is judged; NaN before.
    flags
        Shape ``(n,)``, bits of :class:`refp.core.flags.BeadFlag`.
    """

    center_px: FloatArray
    area_px: FloatArray
    circularity: FloatArray
    contrast: FloatArray
    response: FloatArray
    confidence: FloatArray
    flags: FlagArray

    def __len__(self) -> int:
        return self.center_px.shape[0]

    @classmethod
    def empty(cls) -> "Beads":
        """Return no beads."""
        nothing = np.empty(0)
        flags = np.empty(0, dtype=np.uint32)
        return cls(np.empty((0, 2)), nothing, nothing, nothing, nothing, nothing, flags)


@dataclass(frozen=True, slots=True)
class Registration:
    """The frames of a field of view against each other.

    Attributes
    ----------
    shift_px
        Shape ``(f, 2)``: by how much each frame is displaced; its median over frames is 0.
    position_px
        Shape ``(b, 2)``: where each bead stands in a frame without displacement.
    numbers
        One array ``(n_i,)`` per frame: the bead that each of its centres belongs to.
    """

    shift_px: FloatArray
    position_px: FloatArray
    numbers: tuple[IntArray, ...]


@dataclass(frozen=True, slots=True)
class Persistence:
    """What the frames of a field say about its beads.

    Attributes
    ----------
    persistent
        Shape ``(b,)``: seen well in a good part of the frames in which any bead is.
    fraction
        Shape ``(b,)``: the part of those frames in which it is seen, well or not.
    """

    persistent: BoolArray
    fraction: FloatArray
