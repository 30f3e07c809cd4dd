"""Z, pixel size, exposure and fields of view that files state themselves."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, Self

import numpy as np
import pytest
import tifffile

from refp.core.errors import DataError
from refp.settings import Identity
from refp.sweeps import (
    declared_identity,
    declared_pixel_size_um,
    open_dataset,
    read_header,
    read_plane,
)

STACK = np.stack([np.full((30, 40), k, np.uint16) for k in range(4)])
PIXEL = {"PhysicalSizeX": 0.65, "PhysicalSizeXUnit": "µm"}


def save_ome(path: Path, pixels: Any = STACK, axes: str = "ZYX", **metadata: Any) -> Path:
    tifffile.imwrite(
        path, pixels, ome=True, photometric="minisblack", metadata={"axes": axes, **metadata}
    )
    return path


OME_Z = {
    "positions": (
        {"Plane": {"PositionZ": [1, 2, 4, 8.5], "PositionZUnit": ["µm"] * 4}},
        (1, 2, 4, 8.5),
    ),
    "positions in mm": (
        {"Plane": {"PositionZ": [0.001, 0.002, 0.003, 0.004], "PositionZUnit": ["mm"] * 4}},
        (1, 2, 3, 4),
    ),
    "positions without a unit": ({"Plane": {"PositionZ": [1, 2, 3, 4]}}, (1, 2, 3, 4)),
    "positions before the step": (
        {"PhysicalSizeZ": 9.0, "Plane": {"PositionZ": [1, 2, 3, 4], "PositionZUnit": ["µm"] * 4}},
        (1, 2, 3, 4),
    ),
    "one position for all, and a step": (
        {"PhysicalSizeZ": 2.0, "Plane": {"PositionZ": [7] * 4, "PositionZUnit": ["µm"] * 4}},
        (0, 2, 4, 6),
    ),
    "step in nm": ({"PhysicalSizeZ": 7500.0, "PhysicalSizeZUnit": "nm"}, (0, 7.5, 15, 22.5)),
    "descending": ({"Plane": {"PositionZ": [4, 3, 2, 1]}}, (4, 3, 2, 1)),
    "reference frame is no length": (
        {"Plane": {"PositionZ": [1, 2, 3, 4], "PositionZUnit": ["reference frame"] * 4}},
        (),
    ),
    "nothing": ({}, ()),
}


@pytest.mark.parametrize(("metadata", "z_um"), OME_Z.values(), ids=OME_Z)
def test_ome_tiff_states_z(
    tmp_path: Path, metadata: dict[str, Any], z_um: tuple[float, ...]
) -> None:
    header = read_header(save_ome(tmp_path / "a.ome.tif", **metadata))
    assert header.n_planes == 4
    assert header.stated.z_um == pytest.approx(z_um)


def test_ome_tiff_states_pixel_size_and_exposure(tmp_path: Path) -> None:
    planes = {"ExposureTime": [0.02001, 0.02, 0.01999, 0.02], "ExposureTimeUnit": ["s"] * 4}
    path = save_ome(tmp_path / "a.ome.tif", **PIXEL, PhysicalSizeZ=2.0, Plane=planes)
    stated = read_header(path).stated
    assert (stated.pixel_size_um, stated.exposure_ms) == (0.65, (20.0,) * 4)
    assert declared_pixel_size_um(path) == 0.65


def test_an_ome_tiff_is_a_data_set(tmp_path: Path) -> None:
    path = save_ome(tmp_path / "bead.ome.tif", **PIXEL, Plane={"PositionZ": [2, 3, 4, 1]})
    data = open_dataset(path, bead_diameter_um=28.0)
    (sweep,) = data.sweeps
    assert (data.name, data.instrument.optics.pixel_size_um) == ("bead", 0.65)
    assert sweep.z_um == (1, 2, 3, 4)
    assert [frame.read()[0, 0] for frame in sweep.frames] == [3, 0, 1, 2]
    assert [frame.label for frame in sweep.frames][1] == "bead.ome.tif"
    assert sweep.frames[0].label == "bead.ome.tif#3"


@pytest.fixture
def falling_stack(tmp_path: Path) -> Path:
    planes = {"PositionZ": [4, 3, 2, 1]}
    return save_ome(tmp_path / "bead.ome.tif", **PIXEL, Plane=planes)


@pytest.mark.parametrize("whole", [True, False], ids=["folder", "file"])
def test_a_stack_whose_pages_fall_in_z_is_refused(falling_stack: Path, whole: bool) -> None:
    message = (
        r"bead\.ome\.tif, page 0: Z falls from 4 um here to 1 um in .*bead\.ome\.tif, page 3 .*"
        r"the sign of Z may be inverted.*; save the stack in rising Z, or .* --manifest"
    )
    with pytest.raises(DataError, match=message) as caught:
        open_dataset(falling_stack.parent if whole else falling_stack, bead_diameter_um=28.0)
    assert "\n" not in str(caught.value)


def test_the_way_down_of_a_stack_is_another_experiment(tmp_path: Path) -> None:
    pixels = np.stack([np.full((30, 40), k, np.uint16) for k in range(5)])
    path = save_ome(tmp_path / "a.ome.tif", pixels, **PIXEL, Plane={"PositionZ": [1, 2, 3, 2, 1]})
    data = open_dataset(path, bead_diameter_um=28.0)
    assert [(s.key.experiment, s.z_um) for s in data.sweeps] == [(1, (1, 2, 3)), ("1-down", (1, 2))]
    assert [frame.read()[0, 0] for frame in data.frames] == [0, 1, 2, 4, 3]
    (note,) = data.notes
    assert "the 2 frames of the way down are experiment '1-down'" in note


@pytest.mark.parametrize("z_um", [[1, 2, 3, 1, 2], [1, 3, 2, 3, 1]])
def test_a_stack_that_turns_more_than_once_is_refused(tmp_path: Path, z_um: list[int]) -> None:
    pixels = np.stack([np.full((30, 40), k, np.uint16) for k in range(5)])
    path = save_ome(tmp_path / "a.ome.tif", pixels, **PIXEL, Plane={"PositionZ": z_um})
    with pytest.raises(DataError, match="the same Z as"):
        open_dataset(path, bead_diameter_um=28.0)


def test_a_manifest_overrides_a_falling_stack(falling_stack: Path) -> None:
    rows = "".join(f"bead.ome.tif,{page},{4 - page}\n" for page in (3, 2, 1, 0))
    manifest = falling_stack.with_name("m.csv")
    manifest.write_text("path,page,z_um\n" + rows, encoding="utf-8")
    data = open_dataset(falling_stack.parent, manifest=manifest, bead_diameter_um=28.0)
    assert data.sweeps[0].z_um == (1, 2, 3, 4)
    assert [frame.read()[0, 0] for frame in data.frames] == [3, 2, 1, 0]


def test_a_falling_stack_is_an_error_and_not_left_out(falling_stack: Path) -> None:
    save_ome(falling_stack.with_name("good.ome.tif"), **PIXEL, Plane={"PositionZ": [1, 2, 3, 4]})
    with pytest.raises(DataError, match=r"bead\.ome\.tif, page 0: Z falls"):
        open_dataset(falling_stack.parent, bead_diameter_um=28.0)


def test_two_stacks_with_one_z_name_both_pages(tmp_path: Path) -> None:
    for name, z_um in (("a", [1, 2, 3, 4]), ("b", [5, 6, 3, 7])):
        save_ome(tmp_path / f"fov1_{name}.ome.tif", **PIXEL, Plane={"PositionZ": z_um})
    message = r"fov1_b\.ome\.tif, page 2: the same Z as .*fov1_a\.ome\.tif, page 2 .*Z 3 um"
    with pytest.raises(DataError, match=message):
        open_dataset(tmp_path, pattern="fov{fov}_*.ome.tif", bead_diameter_um=28.0)


def test_the_images_of_an_ome_tiff_are_fields_of_view(tmp_path: Path) -> None:
    path = tmp_path / "two.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as writer:
        for image in range(2):
            writer.write(
                STACK + 10 * image,
                photometric="minisblack",
                metadata={"axes": "ZYX", "PhysicalSizeZ": 2.0},
            )
    data = open_dataset(path, instrument="a2k")
    assert [sweep.key.fov for sweep in data.sweeps] == [1, 2]
    assert [sweep.frames[1].read()[0, 0] for sweep in data.sweeps] == [1, 11]


def test_one_file_of_an_ome_set_has_its_own_planes(tmp_path: Path) -> None:
    """A set of one file per frame, each with the metadata of all."""
    xml = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:{uuid}">'
        '<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="40" '
        'SizeY="30" SizeZ="2" SizeC="1" SizeT="1" PhysicalSizeZ="2.5">'
        '<Channel ID="Channel:0:0" SamplesPerPixel="1"/>'
        '<TiffData FirstZ="0" IFD="0"><UUID FileName="a.ome.tif">urn:uuid:{a}</UUID></TiffData>'
        '<TiffData FirstZ="1" IFD="0"><UUID FileName="b.ome.tif">urn:uuid:{b}</UUID></TiffData>'
        "</Pixels></Image></OME>"
    )
    a, b = ("00000000-0000-0000-0000-00000000000" + k for k in "12")
    for name, uuid in (("a.ome.tif", a), ("renamed.ome.tif", b)):
        tifffile.imwrite(
            tmp_path / name, STACK[0], description=xml.format(uuid=uuid, a=a, b=b), metadata=None
        )
    assert read_header(tmp_path / "a.ome.tif").stated.z_um == (0.0,)
    assert read_header(tmp_path / "renamed.ome.tif").stated.z_um == (2.5,)


def test_a_pattern_without_z_joins_files_that_state_it(tmp_path: Path) -> None:
    for k in range(3):
        save_ome(tmp_path / f"fov4_{k}.ome.tif", STACK[k : k + 1], Plane={"PositionZ": [5.0 * k]})
    (sweep,) = open_dataset(tmp_path, pattern="fov{fov}_*.ome.tif", instrument="a2k").sweeps
    assert (sweep.key.fov, sweep.z_um) == (4, (0.0, 5.0, 10.0))


def test_an_ome_tiff_of_another_number_of_planes_states_no_z(tmp_path: Path) -> None:
    path = save_ome(tmp_path / "a.ome.tif", **PIXEL, PhysicalSizeZ=2.0)
    xml = tifffile.tiffcomment(path).replace('PlaneCount="4"', 'PlaneCount="3"')
    tifffile.tiffcomment(path, xml.encode())
    stated = read_header(path).stated
    assert (stated.z_um, stated.pixel_size_um) == ((), 0.65)
    with pytest.raises(DataError, match=r"no Z \(its OME-XML describes 3 pages, the file has 4"):
        open_dataset(path, instrument="nikon-ti2")


def save_imagej(path: Path, pixels: Any = STACK, axes: str = "ZYX", **metadata: Any) -> Path:
    meta = {"axes": axes, **metadata}
    tifffile.imwrite(path, pixels, imagej=True, resolution=(1 / 1.5, 1 / 1.5), metadata=meta)
    return path


@pytest.mark.parametrize("unit", ["um", "micron", "\\u00B5m"])
def test_an_imagej_stack_states_z_and_pixel_size(tmp_path: Path, unit: str) -> None:
    stated = read_header(save_imagej(tmp_path / "a.tif", spacing=7.5, unit=unit)).stated
    assert stated.z_um == (0.0, 7.5, 15.0, 22.5)
    assert stated.pixel_size_um == pytest.approx(1.5, rel=1e-5)


def test_an_imagej_stack_without_a_unit_of_length_states_nothing(tmp_path: Path) -> None:
    stated = read_header(save_imagej(tmp_path / "a.tif", spacing=7.5, unit="pixel")).stated
    assert (stated.z_um, stated.pixel_size_um) == ((), 0.0)


def save_behind_one_page(path: Path, pixels: Any, n: int, byteorder: str = ">") -> int:
    """Write a stack as ImageJ writes those above 4 GB: one page, its images one after the other.

    Returns the place of the first image; only the images of ``pixels`` are written.
    """
    description = f"ImageJ=1.54f\nimages={n}\nslices={n}\nunit=um\nspacing=2.0\n"
    options = {"description": description, "metadata": None, "byteorder": byteorder}
    tifffile.imwrite(path, pixels[0], photometric="minisblack", **options)
    with tifffile.TiffFile(path) as tif:
        start = int(tif.pages[0].dataoffsets[0])
    with path.open("r+b") as file:
        file.seek(start)
        file.write(pixels.astype(pixels.dtype.newbyteorder(byteorder)).tobytes())
    return start


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_an_imagej_stack_behind_one_page(tmp_path: Path, byteorder: str, dtype: Any) -> None:
    path, pixels = tmp_path / "a.tif", (STACK.astype(dtype) * 3)
    save_behind_one_page(path, pixels, len(pixels), byteorder)
    header = read_header(path)
    assert (header.n_planes, header.stated.z_um) == (4, (0.0, 2.0, 4.0, 6.0))
    for k, image in enumerate(pixels):
        np.testing.assert_array_equal(read_plane(path, k), image)
        assert read_plane(path, k).dtype == dtype
    with pytest.raises(DataError, match="no page 4 among 4"):
        read_plane(path, 4)
    frames = open_dataset(path, pixel_size_um=1.5, bead_diameter_um=28.0).sweeps[0].frames
    assert [frame.z_um for frame in frames] == [0.0, 2.0, 4.0, 6.0]


@pytest.mark.skipif(sys.platform != "linux", reason="needs files that take no space where empty")
def test_an_imagej_stack_above_4_gb(tmp_path: Path) -> None:
    image, n = np.arange(1000 * 1000, dtype=np.uint16).reshape(1000, 1000), 2500
    path = tmp_path / "a.tif"
    start = save_behind_one_page(path, image[None], n)
    with path.open("r+b") as file:
        file.seek(start + (n - 1) * image.nbytes)
        file.write(image[::-1].astype(">u2").tobytes())
    assert path.stat().st_size > 2**32
    assert read_header(path).n_planes == n
    np.testing.assert_array_equal(read_plane(path, n - 1), image[::-1])
    assert not read_plane(path, n // 2).any()


def test_an_imagej_stack_behind_one_page_that_is_cut(tmp_path: Path) -> None:
    save_behind_one_page(tmp_path / "a.tif", STACK, 500)
    with pytest.raises(DataError, match=r"truncated, .* of at least .* bytes; copy it again"):
        read_header(tmp_path / "a.tif")


def test_compressed_images_behind_one_page_are_refused(tmp_path: Path) -> None:
    description = "ImageJ=1.54f\nimages=500\nslices=500\nunit=um\nspacing=2.0\n"
    options = {"description": description, "metadata": None, "compression": "zlib"}
    tifffile.imwrite(tmp_path / "a.tif", STACK[0], **options)
    with pytest.raises(DataError, match="500 images, of which 1 can be found; save as OME-TIFF"):
        read_header(tmp_path / "a.tif")


def save_zarr(path: Path, pixels: Any = STACK, axes: str = "zyx", **options: Any) -> Path:
    """A minimal OME-Zarr 0.4 (or 0.5) image."""
    zarr = pytest.importorskip("zarr")
    version = options.pop("version", "0.4")
    unit = options.pop("unit", "micrometer")
    group = zarr.open_group(str(path), mode="w", zarr_format=3 if version == "0.5" else 2)
    group.create_array("0", data=pixels, chunks=(1,) * (pixels.ndim - 2) + pixels.shape[-2:])
    scale = [{"z": 2.5, "y": 0.65, "x": 0.65}.get(axis, 1.0) for axis in axes]
    space = {axis: {"type": "space", **({"unit": unit} if unit else {})} for axis in "zyx"}
    multiscales = [
        {
            "version": version,
            "axes": [{"name": axis, **space.get(axis, {})} for axis in axes],
            "datasets": [
                {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": scale}]}
            ],
            **options,
        }
    ]
    group.attrs.update(
        {"ome": {"multiscales": multiscales}} if version == "0.5" else {"multiscales": multiscales}
    )
    return path


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("axes", ["zyx", "czyx", "tczyx"])
def test_an_ome_zarr_is_a_data_set(tmp_path: Path, axes: str, version: str) -> None:
    pixels = STACK.reshape((1,) * (len(axes) - 3) + STACK.shape)
    path = save_zarr(tmp_path / "bead.ome.zarr", pixels, axes, version=version)
    data = open_dataset(path, bead_diameter_um=28.0)
    assert (data.name, data.instrument.optics.pixel_size_um) == ("bead", 0.65)
    assert data.sweeps[0].z_um == (0.0, 2.5, 5.0, 7.5)
    assert [frame.read()[0, 0] for frame in data.frames] == [0, 1, 2, 3]


def test_an_ome_zarr_may_be_translated_and_in_other_units(tmp_path: Path) -> None:
    extra = [{"type": "translation", "translation": [100.0, 0.0, 0.0]}]
    path = save_zarr(tmp_path / "a.zarr", unit="nanometer", coordinateTransformations=extra)
    assert read_header(path).stated.z_um == pytest.approx((0.1, 0.1025, 0.105, 0.1075))


def test_an_ome_zarr_without_units_states_nothing(tmp_path: Path) -> None:
    stated = read_header(save_zarr(tmp_path / "a.zarr", unit="")).stated
    assert (stated.z_um, stated.pixel_size_um) == ((), 0.0)


def test_an_ome_zarr_plane_without_z(tmp_path: Path) -> None:
    path = save_zarr(tmp_path / "a.zarr", STACK[2], "yx")
    assert read_header(path).n_planes == 1
    assert read_plane(path)[0, 0] == 2


def test_the_series_of_an_ome_zarr_are_fields_of_view(tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr")
    zarr.open_group(str(tmp_path / "a.zarr"), mode="w", zarr_format=2)
    save_zarr(tmp_path / "a.zarr" / "0", STACK)
    save_zarr(tmp_path / "a.zarr" / "1", STACK + 10)
    data = open_dataset(tmp_path / "a.zarr", instrument="nikon-ti2")
    assert [sweep.key.fov for sweep in data.sweeps] == [1, 2]
    assert [sweep.frames[3].read()[0, 0] for sweep in data.sweeps] == [3, 13]


WRONG_ZARR = {
    "float": (np.zeros((4, 30, 40), np.float32), "zyx", "float32 pixels"),
    "axes": (np.zeros((4, 30, 40), np.uint8), "xyz", "axes xyz of an array of 3 dimensions"),
}


@pytest.mark.parametrize(("pixels", "axes", "message"), WRONG_ZARR.values(), ids=WRONG_ZARR)
def test_an_ome_zarr_of_anything_else_is_refused(
    tmp_path: Path, pixels: Any, axes: str, message: str
) -> None:
    path = save_zarr(tmp_path / "a.zarr", pixels, axes)
    with pytest.raises(DataError, match=message):
        read_header(path)


def test_a_folder_that_is_no_ome_zarr_is_refused(tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr")
    zarr.open_group(str(tmp_path / "a.zarr"), mode="w")
    (tmp_path / "b.zarr").mkdir()
    with pytest.raises(DataError, match="no multiscales image inside; export it as OME-Zarr"):
        read_header(tmp_path / "a.zarr")
    with pytest.raises(DataError, match="cannot be read"):
        read_header(tmp_path / "b.zarr")


class FakeNd2:
    """The part of ``nd2.ND2File`` that refp uses; no free software writes the format."""

    sizes: dict[str, int] = {"Z": 4, "Y": 30, "X": 40}  # noqa: RUF012
    stage_z_um: tuple[float, ...] | None = (2.0, 4.0, 6.0, 8.0)
    bottom_to_top = True
    dtype = np.dtype(np.uint16)

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    @property
    def loop_indices(self) -> tuple[dict[str, int], ...]:
        n_positions = self.sizes.get("P", 1)
        return tuple({"P": p, "Z": z} for p in range(n_positions) for z in range(self.sizes["Z"]))

    @property
    def experiment(self) -> list[Any]:
        parameters = SimpleNamespace(stepUm=2.5, bottomToTop=self.bottom_to_top)
        return [SimpleNamespace(type="ZStackLoop", parameters=parameters)]

    def voxel_size(self) -> Any:
        return SimpleNamespace(x=0.65, y=0.65, z=2.5)

    def frame_metadata(self, k: int) -> Any:
        if self.stage_z_um is None:
            return {}
        place = SimpleNamespace(stagePositionUm=SimpleNamespace(z=self.stage_z_um[k % 4]))
        return SimpleNamespace(channels=[SimpleNamespace(position=place)])

    def read_frame(self, k: int) -> Any:
        return STACK[k]


@pytest.fixture
def nd2_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that the fake library reads."""
    module = ModuleType("nd2")
    module.ND2File = type("ND2File", (FakeNd2,), {})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "nd2", module)
    path = tmp_path / "bead.nd2"
    path.write_bytes(b"stands for an ND2 file")
    return path


def set_nd2(**attributes: Any) -> None:
    for name, value in attributes.items():
        setattr(sys.modules["nd2"].ND2File, name, value)


def test_an_nd2_is_a_data_set(nd2_path: Path) -> None:
    data = open_dataset(nd2_path, bead_diameter_um=28.0)
    assert data.instrument.optics.pixel_size_um == 0.65
    assert data.sweeps[0].z_um == (2.0, 4.0, 6.0, 8.0)
    assert [frame.read()[0, 0] for frame in data.frames] == [0, 1, 2, 3]


def test_every_field_of_an_nd2_is_checked_for_falling_z(nd2_path: Path) -> None:
    """Over all pages Z falls, rises and falls again; in each field it only falls."""
    set_nd2(stage_z_um=(8.0, 6.0, 4.0, 2.0), sizes={"P": 2, "Z": 4, "Y": 30, "X": 40})
    with pytest.raises(DataError, match=r"bead\.nd2, page 0: Z falls from 8 um here to 2 um"):
        open_dataset(nd2_path, bead_diameter_um=28.0)


@pytest.mark.parametrize("stage_z_um", [None, (5.0,) * 4], ids=["none", "one for all"])
@pytest.mark.parametrize(("upwards", "step"), [(True, 2.5), (False, -2.5)])
def test_an_nd2_without_stage_positions_has_its_z_loop(
    nd2_path: Path, stage_z_um: Any, upwards: bool, step: float
) -> None:
    set_nd2(stage_z_um=stage_z_um, bottom_to_top=upwards)
    assert read_header(nd2_path).stated.z_um == tuple(k * step for k in range(4))


def test_the_positions_of_an_nd2_are_fields_of_view(nd2_path: Path) -> None:
    set_nd2(sizes={"P": 2, "Z": 4, "Y": 30, "X": 40})
    data = open_dataset(nd2_path, bead_diameter_um=28.0)
    assert [(s.key.fov, len(s.frames)) for s in data.sweeps] == [(1, 4), (2, 4)]


def test_a_colour_nd2_is_read_by_its_green_channel(nd2_path: Path) -> None:
    set_nd2(
        sizes={"Z": 4, "Y": 30, "X": 40, "S": 3},
        read_frame=lambda _, k: np.stack([STACK[k] + 1, STACK[k], STACK[k] + 2], axis=-1),
    )
    assert read_header(nd2_path).shape == (30, 40)
    (sweep,) = open_dataset(nd2_path, bead_diameter_um=28.0).sweeps
    np.testing.assert_array_equal(sweep.frames[1].read(), STACK[1])


def test_the_channels_of_an_nd2_are_pages(nd2_path: Path) -> None:
    names = [SimpleNamespace(channel=SimpleNamespace(name=name)) for name in ("BF", "DAPI")]
    set_nd2(
        sizes={"Z": 4, "C": 2, "Y": 30, "X": 40},
        metadata=SimpleNamespace(channels=names),
        read_frame=lambda _, k: np.stack([STACK[k], STACK[k] + 10]),
    )
    header = read_header(nd2_path)
    assert (header.n_planes, header.stated.channels) == (8, ("BF", "DAPI"))
    with pytest.raises(
        DataError, match=r"2 channels \(0 'BF', 1 'DAPI'\); choose one with --channel"
    ):
        open_dataset(nd2_path, bead_diameter_um=28.0)
    (sweep,) = open_dataset(nd2_path, bead_diameter_um=28.0, channel="dapi").sweeps
    assert [frame.read()[0, 0] for frame in sweep.frames] == [10, 11, 12, 13]


INSTRUMENT = (
    '<Instrument ID="Instrument:0"><Microscope SerialNumber="A1"/>'
    '<Objective ID="Objective:0" Model="Plan 10x"/><Objective ID="Objective:1" Model="Plan 20x"/>'
    "</Instrument>"
)
USED = '<InstrumentRef ID="Instrument:0"/><ObjectiveSettings ID="Objective:1"/>'


def save_with_instrument(path: Path, serial: str, used: str = USED) -> Path:
    save_ome(path, **PIXEL, Plane={"PositionZ": [1, 2, 3, 4]})
    xml = tifffile.tiffcomment(path)
    image = xml.index("<Image ")
    pixels = xml.index("<Pixels ")
    own = INSTRUMENT.replace("A1", serial)
    whole = xml[:image] + own + xml[image:pixels] + used + xml[pixels:]
    tifffile.tiffcomment(path, whole.encode())
    return path


def test_ome_tiff_states_microscope_and_objective(tmp_path: Path) -> None:
    path = save_with_instrument(tmp_path / "a.ome.tif", "A1")
    assert read_header(path).stated.identity == Identity(serial="A1", objective="Plan 20x")
    data = open_dataset(path, bead_diameter_um=28.0)
    assert data.identity == declared_identity(path) == Identity(serial="A1", objective="Plan 20x")


def test_without_a_reference_one_of_two_objectives_is_not_guessed(tmp_path: Path) -> None:
    path = save_with_instrument(tmp_path / "a.ome.tif", "A1", used="")
    assert read_header(path).stated.identity == Identity(serial="A1")


def test_files_of_two_instruments_are_no_data_set(tmp_path: Path) -> None:
    for fov, serial in enumerate(("A1", "B2")):
        save_with_instrument(tmp_path / f"fov{fov}.ome.tif", serial)
    with pytest.raises(DataError, match=r"fov1\.ome\.tif: states serial 'B2', other files 'A1'"):
        open_dataset(tmp_path, bead_diameter_um=28.0)
    assert open_dataset(tmp_path, bead_diameter_um=28.0, serial="C3").identity.serial == "C3"
