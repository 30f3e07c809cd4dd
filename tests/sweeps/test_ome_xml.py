"""OME-XML of old schemas, with units that no schema has, of sets, and of stopped acquisitions."""

import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from refp.core.errors import DataError
from refp.sweeps import open_dataset, read_header

N = 6
STACK = np.stack([np.full((30, 40), k, np.uint16) for k in range(N)])
SIZES = 'PhysicalSizeX="0.65" PhysicalSizeY="0.65" PhysicalSizeZ="2.5"'
UM = SIZES + "".join(f' PhysicalSize{axis}Unit="um"' for axis in "XYZ")
SaveXml = Callable[..., Path]


def ome(
    attributes: str = SIZES, schema: str = "2016-06", inside: str = "<TiffData/>", **sizes: int
) -> str:
    n = {"Z": N, "C": 1, "T": 1, **sizes}
    dimensions = " ".join(f'Size{axis}="{k}"' for axis, k in n.items())
    return (
        f'<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/{schema}" '
        f'UUID="urn:uuid:{uuid.UUID(int=1)}"><Image ID="Image:0"><Pixels ID="Pixels:0" '
        f'DimensionOrder="XYZCT" Type="uint16" SizeX="40" SizeY="30" {dimensions} {attributes}>'
        f"{inside}</Pixels></Image></OME>"
    )


@pytest.fixture
def save_xml(tmp_path: Path) -> SaveXml:
    """Write a TIFF whose first page has a description, as other programs do."""

    def save(xml: str, pixels: Any = STACK, name: str = "bead.ome.tif") -> Path:
        with tifffile.TiffWriter(tmp_path / name) as writer:
            for k, image in enumerate(pixels):
                description = xml.encode() if k == 0 else None
                writer.write(
                    image, photometric="minisblack", metadata=None, description=description
                )
        return tmp_path / name

    return save


@pytest.mark.parametrize("schema", ["2008-09", "2010-06", "2013-06", "2015-01", "2016-06"])
def test_every_schema_is_read(save_xml: SaveXml, schema: str) -> None:
    stated = read_header(save_xml(ome(schema=schema))).stated
    assert (stated.pixel_size_um, stated.z_um) == (0.65, (0, 2.5, 5, 7.5, 10, 12.5))


def test_the_schema_of_2003_states_sizes_of_the_image(save_xml: SaveXml) -> None:
    xml = ome("").replace("<Image ", '<Image PixelSizeX="0.65" PixelSizeZ="2.5" ')
    stated = read_header(save_xml(xml)).stated
    assert (stated.pixel_size_um, stated.z_um[1]) == (0.65, 2.5)


def test_stage_positions_before_2010_are_children(save_xml: SaveXml) -> None:
    planes = "".join(
        f'<Plane TheZ="{k}" TheC="0" TheT="0"><PlaneTiming ExposureTime="0.02"/>'
        f'<StagePosition PositionZ="{100 + k}"/></Plane>'
        for k in range(N)
    )
    stated = read_header(save_xml(ome(inside=f"<TiffData/>{planes}", schema="2008-09"))).stated
    assert (stated.z_um, stated.exposure_ms) == (tuple(range(100, 106)), (20.0,) * N)
    assert stated.of_stage


@pytest.mark.parametrize("text", ["0,65", "0.65"])
def test_units_and_commas_that_no_schema_has_are_read(save_xml: SaveXml, text: str) -> None:
    stated = read_header(save_xml(ome(UM.replace("0.65", text)))).stated
    assert (stated.pixel_size_um, stated.z_um[1]) == (0.65, 2.5)


@pytest.mark.parametrize("zero", ["0", "0.0", "-1", "NaN", "", "unknown"])
def test_a_size_of_0_is_not_stated(save_xml: SaveXml, zero: str) -> None:
    sizes = f'PhysicalSizeX="{zero}" PhysicalSizeZ="{zero}"'
    stated = read_header(save_xml(ome(sizes))).stated
    assert (stated.pixel_size_um, stated.z_um) == (0.0, ())


@pytest.mark.parametrize(
    "xml", ["<OME>", "<OME><Image></OME>", ome()[:200], "<OME/>", ome("", inside="<TiffData/><")]
)
def test_xml_that_cannot_be_read_states_nothing(save_xml: SaveXml, xml: str) -> None:
    path = save_xml(xml)
    stated = read_header(path).stated
    assert (stated.pixel_size_um, stated.z_um, read_header(path).n_planes) == (0.0, (), N)
    manifest = path.with_name("m.csv")
    rows = "".join(f"{path.name},{k},{2 * k}\n" for k in range(N))
    manifest.write_text("path,page,z_um\n" + rows, encoding="utf-8")
    data = open_dataset(path, manifest=manifest, instrument="nikon-ti2")
    assert data.sweeps[0].z_um == (0, 2, 4, 6, 8, 10)


def test_significant_bits_set_the_white_level(save_xml: SaveXml) -> None:
    path = save_xml(ome(SIZES + ' SignificantBits="12"'))
    assert open_dataset(path, bead_diameter_um=28.0).instrument.optics.white_level == 4095
    data = open_dataset(path, bead_diameter_um=28.0, bit_depth=14)
    assert data.instrument.optics.white_level == 16383


def test_significant_bits_of_the_whole_type_set_nothing(save_xml: SaveXml) -> None:
    path = save_xml(ome(SIZES + ' SignificantBits="16"'))
    assert open_dataset(path, bead_diameter_um=28.0).instrument.optics.white_level is None


def test_a_stopped_acquisition_has_the_pages_it_has(save_xml: SaveXml) -> None:
    data = open_dataset(save_xml(ome(Z=40)), bead_diameter_um=28.0)
    assert data.sweeps[0].z_um == (0, 2.5, 5, 7.5, 10, 12.5)
    (note,) = data.notes
    assert note.endswith("its OME-XML describes 40 pages, the file has 6, which are used")


def split(
    save_xml: SaveXml, names: Sequence[str] = ("a_MMStack.ome.tif", "a_MMStack_1.ome.tif")
) -> Path:
    """A sweep split over two files: all OME-XML in the first, a pointer to it in the second."""
    ids = [f"urn:uuid:{uuid.UUID(int=k)}" for k in (1, 2)]
    blocks = "".join(
        f'<TiffData FirstZ="{k}" IFD="{k % 3}" PlaneCount="1">'
        f'<UUID FileName="{names[k // 3]}">{ids[k // 3]}</UUID></TiffData>'
        for k in range(N)
    )
    pointer = (
        f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="{ids[1]}">'
        f'<BinaryOnly MetadataFile="{names[0]}" UUID="{ids[0]}"/></OME>'
    )
    first = save_xml(ome(inside=blocks), STACK[:3], names[0])
    save_xml(pointer, STACK[3:], names[1])
    return first


def test_a_split_sweep_is_whole(save_xml: SaveXml) -> None:
    first = split(save_xml)
    (sweep,) = open_dataset(first.parent, bead_diameter_um=28.0).sweeps
    assert sweep.z_um == (0, 2.5, 5, 7.5, 10, 12.5)
    assert [frame.read()[0, 0] for frame in sweep.frames] == list(range(N))


def test_any_file_of_a_split_sweep_stands_for_the_whole(save_xml: SaveXml) -> None:
    first = split(save_xml)
    for path in (first, first.with_name("a_MMStack_1.ome.tif")):
        assert open_dataset(path, bead_diameter_um=28.0).n_frames == N


def test_a_split_sweep_whose_first_file_is_missing_has_no_z(save_xml: SaveXml) -> None:
    first = split(save_xml)
    first.unlink()
    with pytest.raises(DataError, match="3 pages and no Z"):
        open_dataset(first.with_name("a_MMStack_1.ome.tif"), instrument="nikon-ti2")
