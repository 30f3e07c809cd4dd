"""Files that somebody may send, and what is told of each."""

from collections.abc import Callable
from functools import cache, partial
from importlib.util import find_spec
from struct import pack

import numpy as np
import pytest

from .requests import deflated, lying_tiff, ome_tiff, png_bomb, strips, tiff_of

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
BMP = b"BM" + pack("<IIIIiiHHIIiiII", 54, 0, 54, 40, 2**31 - 1, 2**31 - 1, 1, 8, 0, 0, 0, 0, 0, 0)
SCRIPT = b"<html><script>alert(1)</script></html>"
Content = bytes | Callable[[], bytes]
"""A file, or a function that makes one: a bomb takes a second, which no collection of tests needs."""


def bytes_of(content: Content) -> bytes:
    """Return the bytes of a file, which are made once."""
    return content if isinstance(content, bytes) else _made(content)


@cache
def _made(make: Callable[[], bytes]) -> bytes:
    return make()


def black_tiff(compression: str) -> bytes:
    return tiff_of(np.zeros((8000, 8000), dtype=np.uint8), compression=compression)


def long_strip() -> bytes:
    return strips(400, compression=8, data=deflated(3 * 10**9))


PACKED = [
    pytest.param("a.tif", partial(black_tiff, name), "64 million", id=f"{name} TIFF bomb")
    for name in ("lzw", "zstd", "packbits")
    if find_spec("imagecodecs")  # which packs them
]
LAUGHS = "".join(f'<!ENTITY l{k} "{f"&l{k - 1};" * 10}">' for k in range(1, 10))
LAUGHS = f'<?xml version="1.0"?><!DOCTYPE OME [<!ENTITY l0 "ha">{LAUGHS}]><OME>&l9;</OME>'
FETCHES = (
    '<?xml version="1.0"?><!DOCTYPE OME [<!ENTITY x SYSTEM "file:///etc/passwd">]><OME>&x;</OME>'
)
PLANE = bytes(400 * 400)
JPEG = b"\xff\xd8\xff\xc0\x00\x0b\x08\xff\xff\xff\xff\x01\x01\x11\x00"

BAD_FILES = [
    pytest.param("a.png", partial(png_bomb, 10_000), "100 million pixels", id="PNG bomb"),
    pytest.param(
        "a.png",
        partial(png_bomb, 20_000),
        "million pixels in a compressed image",
        id="larger PNG bomb",
    ),
    pytest.param("a.tif", partial(black_tiff, "zlib"), "64 million", id="TIFF bomb"),
    *PACKED,
    pytest.param("a.tif", long_strip, "a.tif: ", id="strip"),
    pytest.param("a.tif", strips(400, n_strips=2**31 - 1), "a.tif: ", id="TIFF of strips"),
    pytest.param("a.tif", strips(2**31 - 1), "a.tif: ", id="TIFF of the largest numbers"),
    pytest.param("a.tif", strips(0), "a.tif: ", id="TIFF of nothing"),
    pytest.param(
        "a.jpg",
        JPEG,
        "a.jpg: ",
        id="JPEG lies",
    ),
    pytest.param("a.bmp", BMP, "a.bmp: ", id="BMP lies"),
    pytest.param("a.tif", lying_tiff(60_000, 60_000), "a.tif: ", id="TIFF lies, huge"),
    pytest.param("a.tif", lying_tiff(1400, 1400), "a.tif: ", id="TIFF lies"),
    pytest.param("a.tif", lying_tiff(1, 1)[:60], "a.tif: ", id="cut TIFF"),
    pytest.param("a.tif", b"II*\x00" + bytes(100), "a.tif: ", id="empty TIFF"),
    pytest.param("a.svg", SVG, "not TIFF, PNG", id="SVG with a script"),
    pytest.param("a.png", SVG, "not TIFF, PNG", id="SVG called PNG"),
    pytest.param("a.tif", b"", "not TIFF, PNG", id="nothing"),
    pytest.param("../../etc/a.tif", b"x", "a.tif: ", id="path as name"),
]
"""Name, content, part of the reason; none can be read."""

ODD_FILES = [
    pytest.param("a.tif", ome_tiff(LAUGHS), id="OME of a billion laughs"),
    pytest.param("a.tif", ome_tiff(FETCHES), id="OME that fetches"),
    pytest.param("a.tif", strips(400, follows=8, data=PLANE), id="TIFF that begins again"),
    pytest.param("a.tif", strips(400, follows=2**31, data=PLANE), id="TIFF that goes on nowhere"),
    pytest.param("a.gif", b"GIF89a" + SCRIPT, id="GIF with a script"),
]
"""Name and content; some can be read, and no bead is found."""
