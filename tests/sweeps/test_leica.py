"""Leica LIF files, written here after the published layout of the format."""

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from refp.core.errors import DataError
from refp.sweeps import open_dataset, read_header, read_plane

pytest.importorskip("liffile", reason="needs the extra 'formats'")

DIMENSION = {"X": 1, "Y": 2, "Z": 3, "T": 4}


@dataclass
class Series:
    """One image of a file, axes in the order of memory, slowest first: ``TZ`` or less, then ``CYX``."""

    name: str
    pixels: np.ndarray
    axes: str
    z_m: tuple[float, float] = (0.0, 0.0)
    pixel_m: float = 1.5e-6


def save_lif(path: Path, *images: Series) -> Path:
    elements = "".join(_element(image, number) for number, image in enumerate(images))
    xml = (
        '<LMSDataContainerHeader Version="2"><Element Name="file" Visibility="1" CopyOption="1">'
        f"<Children>{elements}</Children></Element></LMSDataContainerHeader>"
    )
    content = _block(struct.pack("<BI", 0x2A, len(xml)) + xml.encode("utf-16-le"))
    for number, image in enumerate(images):
        name = f"MemBlock_{number}"
        data = image.pixels.tobytes()
        described = struct.pack("<BQBI", 0x2A, len(data), 0x2A, len(name)) + name.encode(
            "utf-16-le"
        )
        content += _block(described) + data
    path.write_bytes(content)
    return path


def _block(content: bytes) -> bytes:
    return struct.pack("<II", 0x70, len(content)) + content


def _element(image: Series, number: int) -> str:
    strides = dict(zip(image.axes, image.pixels.strides, strict=True))
    sizes = dict(zip(image.axes, image.pixels.shape, strict=True))
    bits = 8 * image.pixels.itemsize
    channels = "".join(
        f'<ChannelDescription DataType="0" ChannelTag="0" Resolution="{bits}" NameOfMeasuredQuantity="" '
        f'Min="0" Max="255" Unit="" LUTName="Gray" IsLUTInverted="0" '
        f'BytesInc="{c * strides.get("C", 0)}" BitInc="0"/>'
        for c in range(sizes.get("C", 1))
    )
    spans = {
        "X": (0.0, image.pixel_m * (sizes["X"] - 1)),
        "Y": (0.0, image.pixel_m * (sizes["Y"] - 1)),
        "Z": (image.z_m[0], image.z_m[1] - image.z_m[0]),
        "T": (0.0, 1.0),
    }
    dimensions = "".join(
        f'<DimensionDescription DimID="{DIMENSION[axis]}" NumberOfElements="{n}" '
        f'Origin="{spans[axis][0]!r}" Length="{spans[axis][1]!r}" Unit="m" '
        f'BytesInc="{strides[axis]}" BitInc="0"/>'
        for axis, n in sizes.items()
        if axis != "C"
    )
    return (
        f'<Element Name="{image.name}" Visibility="1" CopyOption="1"><Data><Image TextDescription="">'
        f"<ImageDescription><Channels>{channels}</Channels><Dimensions>{dimensions}</Dimensions>"
        "</ImageDescription></Image></Data>"
        f'<Memory Size="{image.pixels.nbytes}" MemoryBlockID="MemBlock_{number}"/></Element>'
    )


def ramp(*shape: int, dtype: type = np.uint8) -> np.ndarray:
    return (np.arange(np.prod(shape)) % 251).astype(dtype).reshape(shape)


def test_a_z_stack_states_its_z_and_its_pixel_size(tmp_path: Path) -> None:
    pixels = ramp(5, 30, 40)
    path = save_lif(tmp_path / "a.lif", Series("sweep", pixels, "ZYX", z_m=(10e-6, 50e-6)))
    header = read_header(path)
    assert (header.shape, header.dtype, header.n_planes) == ((30, 40), "uint8", 5)
    np.testing.assert_allclose(header.stated.z_um, [10, 20, 30, 40, 50])
    assert header.stated.pixel_size_um == pytest.approx(1.5)
    for page in range(5):
        np.testing.assert_array_equal(read_plane(path, page), pixels[page])
    (sweep,) = open_dataset(path, bead_diameter_um=28.0).sweeps
    np.testing.assert_allclose(sweep.z_um, [10, 20, 30, 40, 50])


def test_images_of_a_file_are_fields_of_view(tmp_path: Path) -> None:
    first, second = ramp(3, 30, 40), ramp(3, 30, 40)[::-1].copy()
    span = {"axes": "ZYX", "z_m": (0.0, 20e-6)}
    path = save_lif(tmp_path / "a.lif", Series("a", first, **span), Series("b", second, **span))
    sweeps = open_dataset(path, bead_diameter_um=28.0).sweeps
    assert [sweep.key.fov for sweep in sweeps] == [1, 2]
    np.testing.assert_array_equal(sweeps[1].frames[0].read(), second[0])


def test_channels_and_time_points_are_chosen(tmp_path: Path) -> None:
    pixels = ramp(2, 3, 2, 30, 40, dtype=np.uint16)
    path = save_lif(tmp_path / "a.lif", Series("a", pixels, "TZCYX", z_m=(0.0, 20e-6)))
    with pytest.raises(DataError, match=r"2 channels .*choose one with --channel"):
        open_dataset(path, bead_diameter_um=28.0)
    (sweep,) = open_dataset(path, bead_diameter_um=28.0, channel="1", t=1).sweeps
    np.testing.assert_allclose(sweep.z_um, [0, 10, 20])
    for k, frame in enumerate(sweep.frames):
        np.testing.assert_array_equal(frame.read(), pixels[1, k, 1])


def test_images_of_two_sizes_are_an_error(tmp_path: Path) -> None:
    overview = Series("overview", ramp(60, 80), "YX")
    path = save_lif(tmp_path / "a.lif", overview, Series("sweep", ramp(3, 30, 40), "ZYX"))
    with pytest.raises(DataError, match="images of 2 sizes or types; export the sweep as OME-TIFF"):
        read_header(path)


def test_a_cut_file_is_an_error(tmp_path: Path) -> None:
    path = save_lif(tmp_path / "a.lif", Series("sweep", ramp(3, 30, 40), "ZYX"))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"a\.lif: "):
        read_plane(path, 2)
