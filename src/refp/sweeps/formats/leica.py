"""Leica LIF files, by liffile; needs the extra ``formats``."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from refp.core.arrays import Image
from refp.core.errors import MissingExtraError
from refp.sweeps.formats.guard import (
    COPY_AGAIN,
    as_plane,
    bad_image,
    check_grey,
    check_page,
    has_colours,
    reading,
)
from refp.sweeps.formats.units import UM_PER_M
from refp.sweeps.header import Header, Stated

_FRAME = ("Y", "X", "S")
Indices = dict[str, int]


def read_header(path: Path) -> Header:
    """Read the header of a LIF file, without pixels; each image of the file is a field of view.

    Raises
    ------
    MissingExtraError
        If liffile is not installed.
    DataError
        If the file is damaged, its images differ in size or type, or they are not grey of 8 or 16 bits.
    """
    with reading(path), _open(path) as file:
        images = list(file.images)
        shapes = [
            tuple(image.sizes[axis] for axis in _FRAME if axis in image.sizes) for image in images
        ]
        kinds = {
            (check_grey(path, shape, image.dtype), np.dtype(image.dtype).name)
            for image, shape in zip(images, shapes, strict=True)
        }
        if len(kinds) != 1:
            problem = f"images of {len(kinds)} sizes or types" if kinds else "no image inside"
            raise bad_image(path, problem, "export the sweep as OME-TIFF" if kinds else COPY_AGAIN)
        ((shape, dtype),) = kinds
        pages = list(_pages(images))
        return Header(shape, dtype, len(pages), _stated(images, pages), has_colours(shapes[0]))


def read_plane(path: Path, page: int, colour: str) -> Image:
    """Read one channel of one frame of an image.

    Raises
    ------
    MissingExtraError
        If liffile is not installed.
    DataError
        If there is no such page, or it is damaged or not grey of 8 or 16 bits.
    """
    with reading(path), _open(path) as file:
        images = list(file.images)
        pages = list(_pages(images))
        check_page(path, page, len(pages))
        number, indices = pages[page]
        return as_plane(path, images[number].frame(**indices), colour)


def _open(path: Path) -> Any:
    try:
        import liffile
    except ImportError as error:
        raise MissingExtraError("liffile", "formats", f"reading {path.name}") from error
    return liffile.LifFile(path)


def _pages(images: list[Any]) -> Iterator[tuple[int, Indices]]:
    """Yield the number of the image and the indices of its other axes for every page."""
    for number, image in enumerate(images):
        axes = {axis: n for axis, n in image.sizes.items() if axis not in _FRAME}
        for at in np.ndindex(*axes.values()):
            yield number, dict(zip(axes, (int(k) for k in at), strict=True))


def _stated(images: list[Any], pages: list[tuple[int, Indices]]) -> Stated:
    has_z = all("Z" in image.coords for image in images)
    z_um = (UM_PER_M * float(images[number].coords["Z"][at["Z"]]) for number, at in pages if has_z)
    has_channels = any("C" in image.sizes for image in images)
    x = images[0].coords.get("X", np.zeros(0))
    return Stated(
        pixel_size_um=UM_PER_M * abs(float(x[1] - x[0])) if len(x) > 1 else 0.0,
        z_um=tuple(z_um),
        field_index=tuple(number for number, _ in pages),
        channel_index=tuple(at.get("C", 0) for _, at in pages) if has_channels else (),
        time_index=tuple(at.get("T", 0) for _, at in pages),
    )
