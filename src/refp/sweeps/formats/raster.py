"""PNG, JPEG and BMP, by Pillow."""

from pathlib import Path

from PIL import Image as PillowImage
from PIL import ImageMode

from refp.core.arrays import Image
from refp.sweeps.formats.guard import (
    COPY_AGAIN,
    SAVE_GREY,
    as_plane,
    bad_image,
    check_page,
    reading,
)
from refp.sweeps.header import Header

_DTYPES = {"L": "uint8", "RGB": "uint8", "RGBA": "uint8", "I;16": "uint16", "I;16B": "uint16"}
_NAMES = {"1": "1-bit pixels", "P": "palette colours", "I": "int32 pixels", "F": "float32 pixels"}
_LAST_BYTES = {"PNG": b"IEND", "JPEG": b"\xff\xd9"}
_TAIL_BYTES = 4096
"""Some software appends a few bytes after the end mark."""


def read_header(path: Path) -> Header:
    """Read the header of an image file, without decoding pixels.

    Raises
    ------
    DataError
        If the file is not an image, ends early, or is not grey of 8 or 16 bits.
    """
    with reading(path), _open(path) as image:
        dtype = _check_mode(path, image.mode)
        _check_end(path, image.format or "")
        in_colour = image.mode in ("RGB", "RGBA")
        return Header((image.height, image.width), dtype, in_colour=in_colour)


def read_plane(path: Path, page: int, colour: str) -> Image:
    """Decode one page.

    Raises
    ------
    DataError
        If there is no such page, or it is damaged or not grey of 8 or 16 bits.
    """
    with reading(path), _open(path) as image:
        if page:
            check_page(path, page, getattr(image, "n_frames", 1))
            image.seek(page)
        _check_mode(path, image.mode)
        return as_plane(path, image, colour)


def _open(path: Path) -> PillowImage.Image:
    try:
        return PillowImage.open(path)
    except PillowImage.DecompressionBombError as error:
        limit = 2 * (PillowImage.MAX_IMAGE_PIXELS or 0) / 1e6
        problem = f"more than {limit:.0f} million pixels in a compressed image"
        raise bad_image(path, problem, "crop it, or save it as TIFF without compression") from error


def _check_mode(path: Path, mode: str) -> str:
    if mode in _DTYPES:
        return _DTYPES[mode]
    channels = f"{mode}, {len(ImageMode.getmode(mode).bands)} channels"
    raise bad_image(path, _NAMES.get(mode, channels), SAVE_GREY)


def _check_end(path: Path, kind: str) -> None:
    """Check, without decoding, that a file has its end mark."""
    mark = _LAST_BYTES.get(kind, b"")
    with path.open("rb") as file:
        file.seek(-min(path.stat().st_size, _TAIL_BYTES), 2)
        if mark not in file.read():
            raise bad_image(path, "truncated, the end mark is missing", COPY_AGAIN)
