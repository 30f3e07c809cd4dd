"""Array aliases and the coordinate convention.

Images have the shape ``(y, x)``; points are ``(y, x)`` in pixels with pixel centres at integers; the
first axis of stacks is ``n``. Lengths along the optical axis are in micrometres and have ``_um`` in
their name, lengths in the image plane are in pixels (``_px``), exposures in milliseconds (``_ms``).
Intensities are grey levels unless the name states that they are divided by background.
"""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.floating[Any]]
IntArray: TypeAlias = npt.NDArray[np.int64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]
FlagArray: TypeAlias = npt.NDArray[np.uint32]
Index: TypeAlias = int | np.integer[Any]
"""A whole number: Python's, or an element of an array."""
Image: TypeAlias = npt.NDArray[Any]
"""A grey frame ``(y, x)``, ``uint8`` or ``uint16``."""


def full_scale(image: Image) -> int:
    """Return the largest grey level that the type of ``image`` can hold.

    Raises
    ------
    TypeError
        If the image is not of unsigned integers.
    """
    if not np.issubdtype(image.dtype, np.unsignedinteger):
        raise TypeError(f"a frame holds unsigned integers, not {image.dtype}")
    return int(np.iinfo(image.dtype).max)
