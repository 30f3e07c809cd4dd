"""Radial symmetry of a frame about every point, independent of the sign of contrast.

Twice the angle of a gradient that points to a centre or away from it equals twice the angle of the
radius: dark disc, bright centre and rings add up, whereas straight edges and noise cancel. The sum with
the ring-shaped weight ``r**2 exp(-r**2 / 2 s**2)`` takes ten one-dimensional filters, since
``r**2 cos 2t`` and ``r**2 sin 2t`` are ``x**2 - y**2`` and ``2 x y``.

References
----------
Bigün 1988, "Recognition of local symmetries in gray value images by harmonic functions".
"""

import numpy as np

from refp.core.arrays import FloatArray
from refp.measure.beads.kernel import Filters, filter_images

WEIGHT_RADII = 0.6
"""Width of the weight: its maximum is at 0.85 bead radii, on the rim of a sharp bead, and it reaches 2.4
radii; at 2 radii, the distance of the centre of a touching bead, it is 6 % of the maximum."""
GRADIENT_SIGMA_PX = 0.7
"""Minimum smoothing for which a Gaussian derivative is sampled adequately."""
GRADIENT_SIGMA_RADII = 0.15


def radial_symmetry(contrast: FloatArray, radius_px: float) -> tuple[FloatArray, FloatArray]:
    """Measure the radial part of the gradient about every point.

    Parameters
    ----------
    contrast
        Shape ``(y, x)``, intensity over background less 1.
    radius_px
        Bead radius in pixels of ``contrast``.

    Returns
    -------
    amplitude : ndarray
        Shape ``(y, x)``: root mean square of the excess of the radial over the tangential gradient,
        per bead radius; 0 if there is none. About 0.65 for a soft-edged black disc.
    fraction : ndarray
        Shape ``(y, x)``: that excess over the total gradient; 1 for perfect roundness, about 0 for a
        straight edge or noise, negative for spokes.
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
    fraction = surplus / np.maximum(every, np.finfo(np.float64).tiny)
    return np.sqrt(np.maximum(surplus, 0.0) / 2), fraction


def _gradient(contrast: FloatArray, smooth: FloatArray, slope: FloatArray) -> FloatArray:
    """Gradient along ``y`` and ``x``, shape ``(2, y, x)``, with edge pixels repeated outwards."""
    filters = Filters(
        image=np.array([0, 0]),
        down=np.stack([slope, smooth]),
        across=np.stack([smooth, slope]),
        down_sign=np.array([-1.0, 1.0]),
        across_sign=np.array([1.0, -1.0]),
        result=np.array([0, 1]),
    )
    # A kernel is compiled for one memory order; np.pad keeps that of its input.
    padded = np.ascontiguousarray(np.pad(contrast, len(smooth) - 1, mode="edge"))
    return filter_images(padded[None], filters, 2)


def _sum_gradients(gradient: FloatArray, flat: FloatArray, linear: FloatArray) -> FloatArray:
    """Sum about every point the excess of the radial gradient, and the total gradient.

    Parameters
    ----------
    gradient
        Shape ``(2, y, x)``, overwritten; 0 outside the frame.
    flat, linear
        Weights ``exp(-x**2 / 2)`` (even) and ``x exp(-x**2 / 2)`` (odd).

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
