"""Requests and files of the tests."""

import io
import re
import zlib
from struct import pack

import numpy as np
import tifffile
from fastapi.testclient import TestClient
from httpx import Client, Response
from PIL import Image as PillowImage

from refp.core.arrays import Image
from refp.web import Limits

BASE = "http://127.0.0.1:8421"
LIMITS = Limits(upload_bytes=8_000_000, files=4, pixels=2_000_000, memory_bytes=2_000_000_000)
ESTIMATES = "/api/v1/estimates"

File = tuple[str, bytes]


def png_of(image: Image) -> bytes:
    buffer = io.BytesIO()
    PillowImage.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


def tiff_of(image: Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, image, **options)
    return buffer.getvalue()


def png_bomb(side: int) -> bytes:
    """A hundred kilobytes that decode to side times side bytes."""
    packer = zlib.compressobj(9)
    row = bytes(side + 1)
    data = b"".join([*(packer.compress(row) for _ in range(side)), packer.flush()])
    header = pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    chunks = (pack(">I", len(d)) + k + d + pack(">I", zlib.crc32(k + d)) for k, d in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def lying_tiff(height: int, width: int) -> bytes:
    """A small TIFF whose header states a given size."""
    content = bytearray(tiff_of(np.full((64, 64), 100, dtype=np.uint8)))
    with tifffile.TiffFile(io.BytesIO(content)) as tif:
        tags = tif.pages[0].tags
        places = {
            tags[name].valueoffset: n
            for name, n in (("ImageLength", height), ("ImageWidth", width))
        }
        long = {
            tags[name].valueoffset: tags[name].dtype == 4 for name in ("ImageLength", "ImageWidth")
        }
    for place, value in places.items():
        content[place : place + (4 if long[place] else 2)] = pack(
            "<I" if long[place] else "<H", value
        )
    return bytes(content)


def plain_tiff(*entries: tuple[int, int, int, int], follows: int = 0, data: bytes = b"") -> bytes:
    """A little-endian TIFF of one directory; an entry is tag, type, count, value.

    ``follows`` is the offset of the next directory; ``data`` follows the directory.
    """
    packed = b"".join(pack("<HHII", *entry) for entry in entries)
    return b"II*\x00" + pack("<IH", 8, len(entries)) + packed + pack("<I", follows) + data


def strips(
    side: int, *, n_strips: int = 1, compression: int = 1, follows: int = 0, data: bytes = b""
) -> bytes:
    """A TIFF of side times side bytes in as many strips as stated."""
    behind = 8 + 2 + 12 * 8 + 4
    entries = (
        (256, 4, 1, side),
        (257, 4, 1, side),
        (258, 3, 1, 8),
        (259, 3, 1, compression),
        (262, 3, 1, 1),
        (273, 4, n_strips, behind),
        (278, 4, 1, side),
        (279, 4, n_strips, len(data)),
    )
    return plain_tiff(*entries, follows=follows, data=data)


def deflated(n_bytes: int) -> bytes:
    """Zeros, a thousandth of their size; their checksum does not come to it."""
    packer = zlib.compressobj(9, wbits=-15)
    block = packer.compress(bytes(1_000_000)) + packer.flush(zlib.Z_FULL_FLUSH)
    return b"\x78\xda" + block * (n_bytes // 1_000_000)


def ome_tiff(text: str) -> bytes:
    """A TIFF with such a description."""
    image = np.full((64, 64), 100, dtype=np.uint8)
    return tiff_of(image, description=text, metadata=None)


def form_token(client: Client, path: str = "/") -> str:
    found = re.search(r'name="form_token" value="(\w+)"', client.get(path).text)
    assert found
    return found[1]


def send_form(client: TestClient, *files: File, htmx: bool = False, **fields: str) -> Response:
    """Send the page's form, as a browser would."""
    return client.post(
        "/estimate",
        data={"form_token": form_token(client), **fields},
        files=[("files", file) for file in files],
        headers={"hx-request": "true"} if htmx else {},
    )
