"""Compiled multiplication of a sphere's image into a field."""

import math

import numpy as np

from refp.core.arrays import FloatArray
from refp.core.jit import kernel


def _multiply_in(
    canvas: FloatArray,
    y0: float,
    x0: float,
    profile: FloatArray,
    step_px: float,
    offset_px: float,
) -> None:
    """Multiply the image of a sphere into a field, integrated over the area of each pixel.

    The Gauss-Legendre rule with four points per pixel is exact for cubic functions.

    Parameters
    ----------
    canvas
        Shape ``(y, x)``, multiplied in place.
    y0, x0
        Centre of the image, px.
    profile
        Intensity over background at multiples of ``step_px`` from the centre; 1 beyond.
    step_px
        Step of the profile.
    offset_px
        Distance of the four points from the pixel's axes.
    """
    height, width = canvas.shape
    last = len(profile) - 2
    reach = step_px * last
    for y in range(max(0, math.ceil(y0 - reach)), min(height, math.floor(y0 + reach) + 1)):
        for x in range(max(0, math.ceil(x0 - reach)), min(width, math.floor(x0 + reach) + 1)):
            total = 0.0
            for k in range(4):
                dy = y - y0 + (offset_px if k % 2 else -offset_px)
                dx = x - x0 + (offset_px if k // 2 else -offset_px)
                at = math.sqrt(dy * dy + dx * dx) / step_px
                low = int(at)
                if low > last:
                    total += 1.0
                else:
                    total += profile[low] + (at - low) * (profile[low + 1] - profile[low])
            canvas[y, x] *= total / 4


multiply_in = kernel(np.empty((0, 0), dtype=np.float32), 0.0, 0.0, np.empty(0), 0.0, 0.0)(
    _multiply_in
)
