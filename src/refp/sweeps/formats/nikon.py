"""Nikon ND2 files, by nd2; needs the extra ``formats``."""

from pathlib import Path
from typing import Any

from refp.core.arrays import Image
from refp.core.errors import MissingExtraError
from refp.sweeps.formats.guard import as_plane, check_grey, check_page, reading
from refp.sweeps.formats.ome_xml import check_one_channel
from refp.sweeps.header import Header, Stated


def read_header(path: Path) -> Header:
    """Read the header of an ND2 file, without pixels.

    Raises
    ------
    MissingExtraError
        If nd2 is not installed.
    DataError
        If the file is damaged, not grey of 8 or 16 bits, or of several channels or time points.
    """
    with reading(path), _open(path) as file:
        sizes = file.sizes
        colours = (sizes["S"],) if "S" in sizes else ()
        shape = check_grey(path, (sizes["Y"], sizes["X"], *colours), file.dtype)
        check_one_channel(path, sizes.get("C", 1), sizes.get("T", 1))
        return Header(shape, file.dtype.name, len(file.loop_indices), _stated(file))


def read_plane(path: Path, page: int) -> Image:
    """Read one frame of the sequence.

    Raises
    ------
    MissingExtraError
        If nd2 is not installed.
    DataError
        If there is no such page, or it is damaged or not grey of 8 or 16 bits.
    """
    with reading(path), _open(path) as file:
        check_page(path, page, len(file.loop_indices))
        return as_plane(path, file.read_frame(page))


def _open(path: Path) -> Any:
    try:
        import nd2
    except ImportError as error:
        raise MissingExtraError("nd2", "formats", f"reading {path.name}") from error
    return nd2.ND2File(path)


def _stated(file: Any) -> Stated:
    loops = file.loop_indices
    return Stated(
        pixel_size_um=float(file.voxel_size().x),
        z_um=_stage_z_um(file) or _stepped_z_um(file),
        field_index=tuple(loop.get("P", 0) for loop in loops),
    )


def _stage_z_um(file: Any) -> tuple[float, ...]:
    """Return recorded stage positions; empty if they are absent or not distinct."""
    frames = [file.frame_metadata(k) for k in range(len(file.loop_indices))]
    if any(isinstance(frame, dict) for frame in frames):  # the format before 2007
        return ()
    z_um = tuple(float(frame.channels[0].position.stagePositionUm.z) for frame in frames)
    distinct = {(loop.get("P", 0), z) for loop, z in zip(file.loop_indices, z_um, strict=True)}
    return z_um if len(distinct) == len(z_um) else ()


def _stepped_z_um(file: Any) -> tuple[float, ...]:
    """Return the index of each frame times the step of the Z loop, which may run downwards."""
    for loop in file.experiment:
        if loop.type == "ZStackLoop":
            step = abs(loop.parameters.stepUm) * (1 if loop.parameters.bottomToTop else -1)
            return tuple(step * index["Z"] for index in file.loop_indices)
    return ()
