"""Results of the profile fit."""

from dataclasses import dataclass

import numpy as np

from refp.core.arrays import BoolArray, FloatArray, IntArray
from refp.core.rows import shared


@dataclass(frozen=True, slots=True)
class RadialProfiles:
    """Sub-pixel centres and radial profiles of beads of one frame, or of many joined.

    Attributes
    ----------
    center_px
        Shape ``(n, 2)``, ``(y, x)``, the point about which the spline fits best.
    converged
        Shape ``(n,)``; false if the fit of the centre found no minimum, or the spline about it explains
        little more variance than it would of noise.
    coefficients
        Shape ``(n, k)``, of the cubic B-spline of intensity against distance; grey levels. They are
        used for the features only; ``k`` is 0 in profiles of many frames.
    intensity
        Shape ``(n, m)``, the robust profile on ``radius_radii``: the spline without the outlying
        pixels of each ring, shifted in each ring to the mean of the others; grey levels.
    background
        Shape ``(n,)``, grey levels; NaN if too little of the ring is in the frame.
    r_squared
        Shape ``(n,)``, fraction of the variance within 1.5 bead radii that the spline explains.
    edge_radii, edge_depth
        Shape ``(n,)``: distance at which the profile last falls to half of its largest deviation from
        background outside half a radius, in bead radii, and that deviation over background.
    n_saturated_px
        Shape ``(n,)``, pixels of the tile's disc at the camera's white level.
    saturated
        Shape ``(n, m)``: a pixel of the ring is at the white level.
    noise
        Shape ``(n,)``, standard deviation of a pixel of the background ring, grey levels.
    whiteness
        Shape ``(n,)``: 1 where that noise is white, less where neighbouring pixels are correlated,
        as after a filter; NaN where there is too little noise to determine it.
    radius_radii
        Shape ``(m,)``, distances of the robust profile in bead radii; shared.
    black_level
        Grey level without light, subtracted before division by background; shared.
    knot_px
        Knot spacing of the spline; shared.
    bead_radius_px
        Nominal bead radius; shared.
    """

    center_px: FloatArray
    converged: BoolArray
    coefficients: FloatArray
    intensity: FloatArray
    background: FloatArray
    r_squared: FloatArray
    edge_radii: FloatArray
    edge_depth: FloatArray
    n_saturated_px: IntArray
    saturated: BoolArray
    noise: FloatArray
    whiteness: FloatArray
    radius_radii: FloatArray = shared()
    black_level: float = shared()
    knot_px: float = shared()
    bead_radius_px: float = shared()

    def __len__(self) -> int:
        return self.center_px.shape[0]

    @property
    def light(self) -> FloatArray:
        """Background less the black level, shape ``(n,)``; at least one grey level."""
        return np.maximum(self.background - self.black_level, 1.0)

    @property
    def normalised(self) -> FloatArray:
        """Robust profile over background, both less the black level, shape ``(n, m)``."""
        return (self.intensity - self.black_level) / self.light[:, None]
