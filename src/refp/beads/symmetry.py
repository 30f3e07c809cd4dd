"""How far every point of a frame is the centre of something round, whatever its rings.

A gradient that points to a centre or away from it has, at twice its angle, the direction of the
radius at twice its angle: dark disc, bright centre and ring all add up, an edge that passes by or
noise cancels. Summed under a ring-shaped weight ``r**2 exp(-r**2 / 2 s**2)``, this takes ten filters
along one axis each, since ``r**2 cos 2t`` and ``r**2 sin 2t`` are ``x**2 - y**2`` and ``2 x y``.

References
----------
Bigün 1988, "Recognition of local symmetries in gray value images by harmonic functions".
"""

import numpy as np
from scipy import ndimage

from refp.arrays import FloatArray

WEIGHT_RADII = 0.6
"""The weight is largest at 0.85 bead radii, on the rim of a sharp bead, and reaches 2.4 radii; at 2
radii, where a touching bead's centre lies, it is down to 6 %."""
GRADIENT_SIGMA_PX = 0.7
"""The least smoothing at which a sampled Gaussian derivative is still one."""
GRADIENT_SIGMA_RADII = 0.15


def radial_symmetry(contrast: FloatArray, radius_px: float) -> tuple[FloatArray, FloatArray]:
    """Measure how much of the gradient about every point is radial.

    Parameters
    ----------
    contrast
        Shape ``(y, x)``, intensity over background less 1.
    radius_px
        Bead radius in pixels of ``contrast``.

    Returns
    -------
    amplitude : ndarray
        Shape ``(y, x)``: root mean square of the radial gradient's surplus over the tangential one,
        per bead radius; 0 where there is none. About 0.65 for a soft-edged black disc.
    share : ndarray
        Shape ``(y, x)``: that surplus over all gradient; 1 for perfectly round, about 0 for a straight
        edge or noise, negative for spokes.
    """
    sigma = max(GRADIENT_SIGMA_PX, GRADIENT_SIGMA_RADII * radius_px)
    gy = radius_px * ndimage.gaussian_filter(contrast, sigma, order=(1, 0), mode="nearest")
    gx = radius_px * ndimage.gaussian_filter(contrast, sigma, order=(0, 1), mode="nearest")
    width = WEIGHT_RADII * radius_px
    x = np.arange(-np.ceil(4 * width), np.ceil(4 * width) + 1) / width
    flat = np.exp(-0.5 * x**2)
    flat /= flat.sum()
    linear, square = x * flat, x**2 * flat
    radial = _along(gx**2 - gy**2, flat, square) - _along(gx**2 - gy**2, square, flat)
    radial += 4 * _along(gx * gy, linear, linear)
    every = _along(gx**2 + gy**2, flat, square) + _along(gx**2 + gy**2, square, flat)
    share = radial / np.maximum(every, np.finfo(np.float64).tiny)
    return np.sqrt(np.maximum(radial, 0.0) / 2), share


def _along(image: FloatArray, along_y: FloatArray, along_x: FloatArray) -> FloatArray:
    """Weigh along both axes; outside the frame there is no gradient."""
    half: FloatArray = ndimage.correlate1d(image, along_y, axis=0, mode="constant")
    full: FloatArray = ndimage.correlate1d(half, along_x, axis=1, mode="constant")
    return full
