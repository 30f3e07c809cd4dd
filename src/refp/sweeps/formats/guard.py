"""The border to the image libraries: their exceptions, warnings and log lines stop here."""

import logging
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from refp.core.arrays import Image
from refp.core.errors import DataError, RefpError

GREY_DTYPES = ("uint8", "uint16")
SAVE_GREY = "save as grey of 8 or 16 bits"
LINE_LENGTH = 120
COPY_AGAIN = "copy it again from where it was recorded"


def bad_image(path: Path, what: str, remedy: str) -> DataError:
    """Make the one-line error about a file."""
    return DataError(f"{path}: {what}; {remedy}")


@contextmanager
def reading(path: Path) -> Iterator[list[str]]:
    """Turn whatever goes wrong inside into one line about ``path``.

    Yields
    ------
    list of str
        The log lines of ``tifffile`` so far, which go nowhere else.

    Raises
    ------
    DataError
        If the file is missing or empty, or if a library fails on it.
    """
    try:
        _check_present(path)
        with _quiet() as log:
            yield log
    except RefpError:
        raise
    except Exception as error:  # a damaged file makes the libraries raise nearly anything
        raise bad_image(path, f"cannot be read: {first_line(error)}", COPY_AGAIN) from error


def first_line(error: Exception) -> str:
    """Return the first line of what an exception says, cut where it quotes half the file."""
    line = (str(error).strip() or type(error).__name__).splitlines()[0]
    return line if len(line) <= LINE_LENGTH else f"{line[:LINE_LENGTH]}..."


def check_page(path: Path, page: int, n_planes: int) -> None:
    """Refuse a page that the file does not hold.

    Raises
    ------
    DataError
        Naming the page and how many there are.
    """
    if not 0 <= page < n_planes:
        raise bad_image(path, f"no page {page} among {n_planes}", "pages count from 0")


def check_grey(path: Path, shape: Sequence[int], dtype: Any) -> tuple[int, int]:
    """Return height and width of a plane, axes of length 1 dropped.

    Raises
    ------
    DataError
        If the plane has colour channels, is not two-dimensional or not of 8 or 16 bits.
    """
    sides = [int(n) for n in shape]
    plane = [n for n in sides[:-2] if n != 1] + sides[-2:]
    if len(plane) == 3 and plane[-1] == 1:
        plane.pop()
    if len(plane) == 3 and (plane[-1] in (3, 4) or plane[0] in (3, 4)):
        channels = plane[-1] if plane[-1] in (3, 4) else plane[0]
        raise bad_image(path, f"RGB, {channels} channels", SAVE_GREY)
    if len(plane) != 2 or 0 in plane:
        size = "x".join(map(str, sides)) or "no size"
        raise bad_image(path, f"a plane of {size} is not a grey image", SAVE_GREY)
    if np.dtype(dtype).name not in GREY_DTYPES:
        raise bad_image(path, f"{pixel_name(dtype)} pixels", SAVE_GREY)
    return plane[0], plane[1]


def pixel_name(dtype: Any) -> str:
    """Return the name of a pixel type as a user knows it."""
    name = np.dtype(dtype).name
    return "1-bit" if name == "bool" else name


def as_plane(path: Path, pixels: Any) -> Image:
    """Check decoded pixels and return them ``(y, x)`` in the byte order of this machine.

    Raises
    ------
    DataError
        As :func:`check_grey`.
    """
    array = np.asarray(pixels)
    shape = check_grey(path, array.shape, array.dtype)
    # Kernels are compiled anew for read-only pixels, such as those that Pillow returns.
    return np.require(array.reshape(shape), array.dtype.newbyteorder("="), ["C", "W"])


def _check_present(path: Path) -> None:
    if not path.exists():
        raise bad_image(path, "no such file", "check the path")
    if path.is_file() and path.stat().st_size == 0:
        raise bad_image(path, "empty file, 0 bytes", COPY_AGAIN)


class _Caught(logging.Filter):
    """Keeps what this thread logs and lets the lines of other threads pass."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self._thread = threading.get_ident()

    def filter(self, record: logging.LogRecord) -> bool:
        if record.thread != self._thread:
            return True
        self.lines.append(record.getMessage())
        return False


@contextmanager
def _quiet() -> Iterator[list[str]]:
    """Keep the warnings and log lines of the libraries off the console."""
    caught = _Caught()
    logger = logging.getLogger("tifffile")
    logger.addFilter(caught)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield caught.lines
    finally:
        logger.removeFilter(caught)
