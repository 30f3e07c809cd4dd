"""White level of an image: the grey level at which the camera saturates."""

import numpy as np

from refp.core.arrays import Image, full_scale
from refp.settings import Instrument

CAMERA_BITS = (10, 12, 14)
MAX_EXCESS = 2
"""Brightest pixel over the stated white level, up to which it is a hot pixel and not another scale."""
MIN_PILED_UP = 8
"""Fewest pixels at the white level of a camera of fewer bits than the file by which it is recognised."""


def white_level(image: Image, instrument: Instrument) -> int:
    """Return the grey level at which pixels of an image are saturated.

    It is that of the instrument, unless the image exceeds it by far, as one exported in other grey
    levels does; else that of a camera of fewer bits than the file, by :func:`piled_up_at`; else the
    largest of the data type.

    Parameters
    ----------
    image
        Shape ``(y, x)``, ``uint8`` or ``uint16``.
    instrument
        Its instrument.
    """
    largest = full_scale(image)
    stated = instrument.optics.white_level
    if stated is not None and stated <= largest and image.max(initial=0) <= MAX_EXCESS * stated:
        return stated
    return piled_up_at(image) or largest


def piled_up_at(image: Image) -> int:
    """Return the grey level of a camera of 10, 12 or 14 bits at which pixels of a file of 16 pile up.

    Cameras store their bits as the lower or the upper ones of the file. 0 if the brightest pixels are at
    no such level or are few.
    """
    brightest = int(image.max(initial=0))
    bits = 8 * image.dtype.itemsize
    levels = {(2**n - 1) << shift for n in CAMERA_BITS if n < bits for shift in (0, bits - n)}
    if brightest not in levels:
        return 0
    return brightest if np.count_nonzero(image == brightest) >= MIN_PILED_UP else 0
