"""Calls of the image libraries: conversion of their exceptions, warnings and log lines."""

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
COLOURS = (3, 4)
"""Numbers of channels of RGB and RGBA."""
RGB: dict[str, slice] = {
    "red": slice(0, 1),
    "green": slice(1, 2),
    "blue": slice(2, 3),
    "mean": slice(0, 3),
}
"""Channels of a colour image, averaged, by the name under which a user chooses them."""
GREEN = "green"
"""Choice without a choice: a tinted camera sees most light in it."""
LOGGERS = ("tifffile", "czifile")
"""Names of the loggers of the libraries that write to the log."""
LINE_LENGTH = 120
COPY_AGAIN = "copy it again from where it was recorded"


def bad_image(path: Path, problem: str, remedy: str) -> DataError:
    """Make the one-line error about a file."""
    return DataError(f"{path}: {problem}; {remedy}")


@contextmanager
def reading(path: Path) -> Iterator[list[str]]:
    """Convert every exception raised inside to a one-line error about ``path``.

    Yields
    ------
    list of str
        The log lines of the libraries so far, which are not logged elsewhere.

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
    except Exception as error:  # the libraries raise nearly any exception on a damaged file
        raise bad_image(path, f"cannot be read: {first_line(error)}", COPY_AGAIN) from error


def first_line(error: Exception) -> str:
    """Return the first line of the message of an exception, truncated if it is long."""
    line = (str(error).strip() or type(error).__name__).splitlines()[0]
    return line if len(line) <= LINE_LENGTH else f"{line[:LINE_LENGTH]}..."


def check_page(path: Path, page: int, n_pages: int) -> None:
    """Check that a file has a page.

    Raises
    ------
    DataError
        If it has not; the message gives the page and the number of pages.
    """
    if n_pages == 0:
        raise bad_image(path, "the file has no image", COPY_AGAIN)
    if not 0 <= page < n_pages:
        raise bad_image(path, f"no page {page} among {n_pages}", "pages are numbered from 0")


def check_grey(path: Path, shape: Sequence[int], dtype: Any) -> tuple[int, int]:
    """Return height and width of a page, without axes of length 1 and colour channels.

    Raises
    ------
    DataError
        If the page is not two-dimensional or not of 8 or 16 bits.
    """
    sides = [int(n) for n in shape]
    axes = [n for n in sides[:-2] if n != 1] + sides[-2:]
    if len(axes) == 3 and (axes[-1] == 1 or axes[-1] in COLOURS):
        axes.pop()
    elif len(axes) == 3 and axes[0] in COLOURS:
        axes.pop(0)
    if len(axes) != 2 or 0 in axes:
        size = "x".join(map(str, sides)) or "no size"
        raise bad_image(path, f"a page of {size} is not a grey image", SAVE_GREY)
    if np.dtype(dtype).name not in GREY_DTYPES:
        raise bad_image(path, f"{pixel_name(dtype)} pixels", SAVE_GREY)
    return axes[0], axes[1]


def pixel_name(dtype: Any) -> str:
    """Return the usual name of a pixel type."""
    name = np.dtype(dtype).name
    return "1-bit" if name == "bool" else name


def as_plane(path: Path, pixels: Any, colour: str) -> Image:
    """Check decoded pixels and return them, shape ``(y, x)``, in the byte order of this machine.

    Of a colour image, ``colour`` of :data:`RGB` is returned.

    Raises
    ------
    DataError
        As :func:`check_grey`.
    """
    array = np.asarray(pixels)
    shape = check_grey(path, array.shape, array.dtype)
    array = _of_colour(array, RGB[colour])
    # Kernels would be compiled again for read-only pixels, such as those that Pillow returns.
    return np.require(array.reshape(shape), array.dtype.newbyteorder("="), ["C", "W"])


def has_colours(shape: Sequence[int]) -> bool:
    """Return whether a page has colour channels, first or last."""
    axes = [n for n in shape if n != 1]
    return len(axes) == 3 and (axes[-1] in COLOURS or axes[0] in COLOURS)


def _of_colour(array: Image, channels: slice) -> Image:
    """Return the mean of channels of a colour image, with channels first or last; alpha is ignored.

    Where a grey image was saved as colour, each channel is the grey image.
    """
    axes = array.squeeze() if array.ndim > 2 else array
    if axes.ndim != 3:
        return array
    chosen = (
        axes[..., channels] if axes.shape[-1] in COLOURS else np.moveaxis(axes[channels], 0, -1)
    )
    if chosen.shape[-1] == 1:
        return chosen[..., 0]
    return np.asarray(np.rint(chosen.mean(axis=-1)), dtype=array.dtype)


def _check_present(path: Path) -> None:
    if not path.exists():
        raise bad_image(path, "no such file", "check the path")
    if path.is_file() and path.stat().st_size == 0:
        raise bad_image(path, "empty file, 0 bytes", COPY_AGAIN)


class _Caught(logging.Filter):
    """Filter that collects the log lines of this thread and passes those of other threads."""

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
    """Suppress the warnings and log lines of the libraries."""
    caught = _Caught()
    loggers = [logging.getLogger(name) for name in LOGGERS]
    for logger in loggers:
        logger.addFilter(caught)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield caught.lines
    finally:
        for logger in loggers:
            logger.removeFilter(caught)
