"""What the detector hands on."""

from dataclasses import dataclass

import numpy as np

from refp.arrays import FlagArray, FloatArray


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
    flags
        Shape ``(n,)``, bits of :class:`refp.flags.BeadFlag`.
    """

    center_px: FloatArray
    area_px: FloatArray
    circularity: FloatArray
    contrast: FloatArray
    response: FloatArray
    flags: FlagArray

    def __len__(self) -> int:
        return self.center_px.shape[0]

    @classmethod
    def empty(cls) -> "Beads":
        """Return no beads."""
        nothing = np.empty(0)
        return cls(
            np.empty((0, 2)), nothing, nothing, nothing, nothing, np.empty(0, dtype=np.uint32)
        )
