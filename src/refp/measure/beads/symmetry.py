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

from refp.core.arrays import FloatArray
from refp.measure.beads.kernel import Filters, filter_images

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
    pixels = np.arange(int(4 * sigma + 0.5) + 1)
    smooth = np.exp(-0.5 * (pixels / sigma) ** 2)
    smooth /= 2 * smooth.sum() - smooth[0]
    slope = radius_px * pixels / sigma**2 * smooth
    width = WEIGHT_RADII * radius_px
    x = np.arange(np.ceil(4 * width) + 1) / width
    flat = np.exp(-0.5 * x**2)
    flat /= 2 * flat.sum() - flat[0]
    surplus, every = _sum_gradients(_gradient(contrast, smooth, slope), flat, x * flat)
    share = surplus / np.maximum(every, np.finfo(np.float64).tiny)
    return np.sqrt(np.maximum(surplus, 0.0) / 2), share


def _gradient(contrast: FloatArray, smooth: FloatArray, slope: FloatArray) -> FloatArray:
    """Gradient along ``y`` and ``x``, shape ``(2, y, x)``; edge pixels are repeated outwards."""
    filters = Filters(
        image=np.array([0, 0]),
        down=np.stack([slope, smooth]),
        across=np.stack([smooth, slope]),
        down_sign=np.array([-1.0, 1.0]),
        across_sign=np.array([1.0, -1.0]),
        result=np.array([0, 1]),
    )
    padded = np.pad(contrast, len(smooth) - 1, mode="edge")
    return filter_images(padded[None], filters, 2)


def _sum_gradients(gradient: FloatArray, flat: FloatArray, linear: FloatArray) -> FloatArray:
    """Sum, about every point, the radial gradient's surplus over the tangential one, and all gradient.

    Parameters
    ----------
    gradient
        Shape ``(2, y, x)``, overwritten; outside the frame there is none.
    flat, linear
        Weights ``exp(-x**2 / 2)`` and ``x`` times that, which is odd.

    Returns
    -------
    ndarray, shape (2, y, x)
    """
    square = np.zeros_like(flat)
    square[1:] = linear[1:] ** 2 / flat[1:]
    odd = np.array([1.0, 1.0, -1.0, 1.0, 1.0])
    filters = Filters(
        image=np.array([0, 0, 1, 2, 2]),
        down=np.stack([flat, -square, 4.0 * linear, flat, square]),
        across=np.stack([square, flat, linear, square, flat]),
        down_sign=odd,
        across_sign=odd,
        result=np.array([0, 0, 0, 1, 1]),
    )
    return filter_images(_products(gradient, len(flat) - 1), filters, 2)


def _products(gradient: FloatArray, margin: int) -> FloatArray:
    """Return ``gx**2 - gy**2``, ``gx * gy`` and ``gx**2 + gy**2`` with a margin of zeros."""
    (gy, gx), (height, width) = gradient, gradient.shape[1:]
    products = np.zeros((3, height + 2 * margin, width + 2 * margin))
    inner = products[:, margin : margin + height, margin : margin + width]
    np.multiply(gx, gy, out=inner[1])
    np.square(gradient, out=gradient)
    np.subtract(gx, gy, out=inner[0])
    np.add(gx, gy, out=inner[2])
    return products
