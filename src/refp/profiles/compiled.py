"""How the kernel is compiled."""

from collections.abc import Callable
from typing import TypeVar

from numba import njit

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """Compile a function to machine code that holds no lock; the code is kept on disk.

    Division follows IEEE 754 as in numpy instead of raising, which would cost a test a pixel.
    """
    result: F = njit(cache=True, nogil=True, error_model="numpy")(function)
    return result
