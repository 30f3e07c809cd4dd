"""Results of the detector."""

from dataclasses import dataclass

import numpy as np

from refp.core.arrays import BoolArray, FlagArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Beads:
    """Beads, or candidates for beads, of one frame or of many joined.

    Attributes
    ----------
    center_px
        Shape ``(n, 2)``, ``(y, x)``, centres determined by the detector.
    area_px
        Shape ``(n,)``, pixels of the segmented bead, holes filled.
    circularity
        Shape ``(n,)``, ``4 pi area / perimeter**2``; about 1 for a disc.
    contrast
        Shape ``(n,)``, mean relative difference from the surroundings over the bead's disc.
    response
        Shape ``(n,)``, score of the detector; larger for clearer beads.
    confidence
        Shape ``(n,)``, between 0 and 1, from the profile; NaN before it is fitted.
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
    """Registration of the frames of a field of view.

    Attributes
    ----------
    shift_px
        Shape ``(f, 2)``: displacement of each frame; its median over frames is 0.
    position_px
        Shape ``(b, 2)``: centre of each bead in a frame without displacement.
    numbers
        One array ``(n_i,)`` per frame: number of the bead of each centre.
    """

    shift_px: FloatArray
    position_px: FloatArray
    numbers: tuple[IntArray, ...]


@dataclass(frozen=True, slots=True)
class Persistence:
    """Persistence of the beads of a field over its frames.

    Attributes
    ----------
    persistent
        Shape ``(b,)``: found as a usable bead in most of the frames that have any usable bead.
    fraction
        Shape ``(b,)``: fraction of those frames in which it is found, usable or not.
    """

    persistent: BoolArray
    fraction: FloatArray
