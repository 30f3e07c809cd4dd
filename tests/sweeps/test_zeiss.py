"""Zeiss CZI files, written here after the published layout of the format."""

import struct
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from refp.core.errors import DataError, MissingExtraError
from refp.sweeps import list_images, open_dataset, read_header, read_plane

pytest.importorskip("czifile", reason="needs the extra 'formats'")

PIXEL_TYPES = {"uint8": 0, "uint16": 1, "float32": 2, "bgr": 3, "bgra": 9}
JPEG_XR, ZSTD, PACKED_ZSTD = 4, 5, 6
STEPS = (
    "<Z><Positions><Interval><Start>{start}</Start><Increment>{step}</Increment></Interval>"
    "</Positions></Z>"
)


@dataclass
class Block:
    """One image of a file: pixels, index along each axis, and further properties."""

    pixels: np.ndarray
    at: dict[str, int] = field(default_factory=dict)
    focus_um: float | None = None
    compression: int = 0
    pyramid: int = 0


def save_czi(path: Path, blocks: Sequence[Block], xml: str = "") -> Path:
    content, entries = bytearray(512), []
    for block in blocks:
        entry = _entry(block, len(content))
        entries.append(entry)
        content += _subblock(block, entry)
    metadata_at = len(content)
    text = xml.encode()
    content += _segment("ZISRAWMETADATA", struct.pack("<ii248x", len(text), 0) + text)
    directory_at = len(content)
    content += _segment("ZISRAWDIRECTORY", struct.pack("<i124x", len(entries)) + b"".join(entries))
    header = struct.pack(
        "<iiii16s16siqqiq", 1, 0, 0, 0, b"", b"", 0, directory_at, metadata_at, 0, 0
    )
    content[:512] = _segment("ZISRAWFILE", header.ljust(480, b"\0"))
    path.write_bytes(content)
    return path


def _segment(name: str, content: bytes) -> bytes:
    return struct.pack("<16sqq", name.encode(), len(content), len(content)) + content


def _entry(block: Block, position: int) -> bytes:
    pixels, scale = block.pixels, 2 if block.pyramid else 1
    kind = "bgra"[: pixels.shape[2]] if pixels.ndim == 3 else pixels.dtype.name
    height, width = pixels.shape[:2]
    axes = {"X": (0, width), "Y": (0, height), **{name: (k, 1) for name, k in block.at.items()}}
    dimensions = b"".join(
        struct.pack("<4siifi", name.encode(), k, scale * n if n > 1 else n, 0.0, n)
        for name, (k, n) in axes.items()
    )
    numbers = (PIXEL_TYPES[kind], position, 0, block.compression, block.pyramid, 0, b"", len(axes))
    return struct.pack("<2siqiiBB4si", b"DV", *numbers) + dimensions


def _subblock(block: Block, entry: bytes) -> bytes:
    tags = "" if block.focus_um is None else f"<FocusPosition>{block.focus_um}</FocusPosition>"
    metadata = f"<METADATA><Tags>{tags}</Tags></METADATA>".encode()
    data = _packed(block)
    head = struct.pack("<iiq", len(metadata), 0, len(data)) + entry
    return _segment("ZISRAWSUBBLOCK", head.ljust(256, b"\0") + metadata + data)


def _packed(block: Block) -> bytes:
    plain = block.pixels.tobytes()
    if block.compression not in (ZSTD, PACKED_ZSTD, JPEG_XR):
        return plain
    imagecodecs = pytest.importorskip("imagecodecs")
    if block.compression == JPEG_XR:
        return bytes(imagecodecs.jpegxr_encode(block.pixels))
    if block.compression == ZSTD:
        return bytes(imagecodecs.zstd_encode(plain))
    if block.pixels.dtype.itemsize == 1:
        return b"\x01" + bytes(imagecodecs.zstd_encode(plain))
    low_high = np.frombuffer(plain, np.uint8).reshape(-1, 2).T.tobytes()
    return b"\x03\x01\x01" + bytes(imagecodecs.zstd_encode(low_high))


def metadata(
    dimensions: str = "", channels: Sequence[tuple[str, float]] = (("TL", 12e6),), z_m: float = 0.0
) -> str:
    named = "".join(
        f'<Channel Id="Channel:{k}" Name="{name}"><ExposureTime>{exposure_ns}</ExposureTime></Channel>'
        for k, (name, exposure_ns) in enumerate(channels)
    )
    scale = f'<Distance Id="Z"><Value>{z_m}</Value></Distance>' if z_m else ""
    return (
        "<ImageDocument><Metadata><Information><Image><ComponentBitCount>12</ComponentBitCount>"
        f"<Dimensions><Channels>{named}</Channels>{dimensions}</Dimensions></Image></Information>"
        '<Scaling><Items><Distance Id="X"><Value>1.5E-06</Value></Distance>'
        f"{scale}</Items></Scaling></Metadata></ImageDocument>"
    )


def ramp(*shape: int, dtype: type = np.uint8) -> np.ndarray:
    return (np.arange(np.prod(shape)) % 251).astype(dtype).reshape(shape)


def stack(pixels: np.ndarray, z_um: Sequence[float] = ()) -> list[Block]:
    """Blocks of a Z stack, with recorded focus positions if they are given."""
    focus = z_um or [None] * len(pixels)
    return [
        Block(p, {"Z": k, "C": 0}, z) for k, (p, z) in enumerate(zip(pixels, focus, strict=True))
    ]


def test_a_z_stack_states_its_z_pixel_size_exposure_and_bits(tmp_path: Path) -> None:
    pixels = ramp(5, 30, 40, dtype=np.uint16)
    xml = metadata(STEPS.format(start=10, step=-2.5))
    path = save_czi(tmp_path / "a.czi", stack(pixels), xml)
    header = read_header(path)
    assert (header.shape, header.dtype, header.n_planes) == ((30, 40), "uint16", 5)
    assert header.stated.z_um == (10, 7.5, 5, 2.5, 0)
    assert not header.stated.of_stage
    assert header.stated.pixel_size_um == pytest.approx(1.5)
    assert header.stated.exposure_ms == (12.0,) * 5
    assert header.stated.bit_depth == 12
    for page in range(5):
        np.testing.assert_array_equal(read_plane(path, page), pixels[page])


def test_a_sweep_opens_without_a_description(tmp_path: Path) -> None:
    pixels = ramp(5, 30, 40)
    path = save_czi(tmp_path / "a.czi", stack(pixels), metadata(STEPS.format(start=10, step=2)))
    (sweep,) = open_dataset(path, bead_diameter_um=28.0).sweeps
    assert list(sweep.z_um) == [10, 12, 14, 16, 18]
    assert sweep.key.exposure_ms == 12.0
    np.testing.assert_array_equal(sweep.frames[3].read(), pixels[3])


def test_recorded_focus_positions_have_precedence_where_they_differ(tmp_path: Path) -> None:
    xml = metadata(STEPS.format(start=0, step=2))
    moved = save_czi(tmp_path / "a.czi", stack(ramp(3, 30, 40), (100.1, 102.0, 103.9)), xml)
    assert read_header(moved).stated.z_um == (100.1, 102.0, 103.9)
    assert read_header(moved).stated.of_stage
    by_piezo = save_czi(tmp_path / "b.czi", stack(ramp(3, 30, 40), (100.1,) * 3), xml)
    assert read_header(by_piezo).stated.z_um == (0, 2, 4)


def test_the_step_may_be_that_of_the_scaling_alone(tmp_path: Path) -> None:
    path = save_czi(tmp_path / "a.czi", stack(ramp(3, 30, 40)), metadata(z_m=3e-6))
    np.testing.assert_allclose(read_header(path).stated.z_um, [0, 3, 6])


@pytest.mark.parametrize("xml", ["", "<not xml", metadata()])
def test_a_stack_that_states_no_z(tmp_path: Path, xml: str) -> None:
    path = save_czi(tmp_path / "a.czi", stack(ramp(3, 30, 40)), xml)
    assert read_header(path).stated.z_um == ()
    np.testing.assert_array_equal(read_plane(path, 1), ramp(3, 30, 40)[1])


def test_scenes_and_images_of_a_mosaic_are_fields_of_view(tmp_path: Path) -> None:
    pixels = ramp(8, 30, 40)
    places = [{"Z": z, "S": s, "M": m} for s in (0, 1) for z in (0, 1) for m in (0, 1)]
    blocks = [Block(p, at) for p, at in zip(pixels, places, strict=True)]
    path = save_czi(tmp_path / "a.czi", blocks, metadata(STEPS.format(start=0, step=2)))
    sweeps = open_dataset(path, bead_diameter_um=28.0).sweeps
    assert [sweep.key.fov for sweep in sweeps] == [1, 2, 3, 4]
    assert all(list(sweep.z_um) == [0, 2] for sweep in sweeps)
    for sweep, numbers in zip(sweeps, ([0, 2], [1, 3], [4, 6], [5, 7]), strict=True):
        for frame, k in zip(sweep.frames, numbers, strict=True):
            np.testing.assert_array_equal(frame.read(), pixels[k])


def test_channels_and_time_points_are_chosen(tmp_path: Path) -> None:
    pixels = ramp(2, 3, 2, 30, 40, dtype=np.uint16)
    blocks = [Block(pixels[at], dict(zip("TZC", at, strict=True))) for at in np.ndindex(2, 3, 2)]
    xml = metadata(STEPS.format(start=0, step=2), (("TL", 12e6), ("DAPI", 150e6)))
    path = save_czi(tmp_path / "a.czi", blocks[::-1], xml)
    with pytest.raises(DataError, match=r"2 channels .*choose one with --channel"):
        open_dataset(path, bead_diameter_um=28.0)
    (sweep,) = open_dataset(path, bead_diameter_um=28.0, channel="DAPI", t=1).sweeps
    assert sweep.key.exposure_ms == 150.0
    for k, frame in enumerate(sweep.frames):
        np.testing.assert_array_equal(frame.read(), pixels[1, k, 1])
    assert len(list_images([path], channel="TL", t=0)) == 3


@pytest.mark.parametrize("compression", [ZSTD, PACKED_ZSTD])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_zstandard(tmp_path: Path, compression: int, dtype: type) -> None:
    pixels = 7 * ramp(30, 40, dtype=dtype)
    path = save_czi(tmp_path / "a.czi", [Block(pixels, compression=compression)])
    np.testing.assert_array_equal(read_plane(path), pixels)


@pytest.mark.parametrize("samples", [3, 4])
@pytest.mark.parametrize("compression", [0, ZSTD])
def test_a_colour_image_is_read_by_a_channel(
    tmp_path: Path, compression: int, samples: int
) -> None:
    pixels = np.dstack([np.full((30, 40), k, np.uint8) for k in (10, 20, 30, 255)[:samples]])
    path = save_czi(tmp_path / "a.czi", [Block(pixels, compression=compression)])
    assert read_header(path).in_colour
    for name, level in (("red", 30), ("green", 20), ("blue", 10)):
        assert (read_plane(path, 0, name) == level).all()


def test_smaller_copies_are_not_read(tmp_path: Path) -> None:
    blocks = [*stack(ramp(3, 30, 40)), Block(ramp(15, 20), {"Z": 0, "C": 0}, pyramid=1)]
    assert read_header(save_czi(tmp_path / "a.czi", blocks)).n_planes == 3


BAD: dict[str, tuple[list[Block], str]] = {
    "sizes": ([Block(ramp(30, 40)), Block(ramp(30, 50), {"Z": 1})], "images of 2 sizes or types"),
    "float": ([Block(ramp(30, 40).astype(np.float32))], "float32 pixels; save as grey"),
    "phases": ([Block(ramp(30, 40), {"H": k}) for k in (0, 1)], "several images of one Z"),
    "nothing": ([], "no image inside"),
}


@pytest.mark.parametrize(("blocks", "message"), BAD.values(), ids=BAD)
def test_other_files_are_refused(tmp_path: Path, blocks: list[Block], message: str) -> None:
    path = save_czi(tmp_path / "a.czi", blocks)
    with pytest.raises(DataError, match=rf"a\.czi: {message}"):
        read_header(path)


def test_another_compression_is_named(tmp_path: Path) -> None:
    path = save_czi(tmp_path / "a.czi", [Block(ramp(30, 40), compression=100)])
    assert read_header(path).n_planes == 1
    with pytest.raises(DataError, match="compression 100 is not one that refp reads; export it"):
        read_plane(path)


def test_jpeg_xr_is_read_by_the_library(tmp_path: Path) -> None:
    pixels = ramp(32, 48)
    path = save_czi(tmp_path / "a.czi", [Block(pixels, compression=JPEG_XR)])
    np.testing.assert_array_equal(read_plane(path), pixels)


@pytest.mark.parametrize("compression", [JPEG_XR, ZSTD])
def test_missing_codecs_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compression: int
) -> None:
    path = save_czi(tmp_path / "a.czi", [Block(ramp(32, 48), compression=compression)])
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    with pytest.raises(MissingExtraError, match=r"needs imagecodecs, .*'refp\[formats\]'"):
        read_plane(path)


def fails(read: Callable[[], object]) -> None:
    with pytest.raises(DataError, match=r"a\.czi: ") as raised:
        read()
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("keep", [0.05, 0.3, 0.6, 0.9, 0.99])
def test_a_cut_file_is_an_error(tmp_path: Path, keep: float) -> None:
    path = save_czi(tmp_path / "a.czi", stack(ramp(3, 30, 40)), metadata())
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content))])
    fails(lambda: read_header(path))
    fails(lambda: read_plane(path, 2))


def test_pixels_beyond_the_end_are_an_error(tmp_path: Path) -> None:
    """The directory stands before the pixels, as in a file that was copied in part."""
    path = save_czi(tmp_path / "a.czi", stack(ramp(3, 30, 40)), metadata())
    content = bytearray(path.read_bytes())
    at = content.index(b"ZISRAWSUBBLOCK") + 32 + 8
    content[at : at + 8] = struct.pack("<q", 10**12)
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"a\.czi: truncated, \d+ of at least 1000000"):
        read_header(path)
    fails(lambda: read_plane(path, 0))


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_file_is_an_error_or_an_image(tmp_path: Path, seed: int) -> None:
    path = save_czi(tmp_path / "a.czi", stack(ramp(3, 30, 40)), metadata())
    content, rng = bytearray(path.read_bytes()), np.random.default_rng(seed)
    for at in rng.integers(0, len(content), 40):
        content[at] = rng.integers(256)
    path.write_bytes(content)
    with suppress(DataError):
        assert read_plane(path, read_header(path).n_planes - 1).ndim == 2


def test_garbage_behind_the_first_bytes_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.czi"
    path.write_bytes(b"ZISRAWFILE" + np.random.default_rng(0).bytes(4000))
    fails(lambda: read_header(path))
    fails(lambda: read_plane(path))
