"""Nikon ND2 files, by nd2; needs the extra ``formats``."""

from pathlib import Path
from typing import Any

from refp.core.arrays import Image
from refp.core.errors import MissingExtraError
from refp.sweeps.formats.guard import as_plane, check_grey, check_page, reading
from refp.sweeps.header import Header, Stated


def read_header(path: Path) -> Header:
    """Read the header of an ND2 file, without pixels; each channel of a frame is a page.

    Raises
    ------
    MissingExtraError
        If nd2 is not installed.
    DataError
        If the file is damaged, or not grey of 8 or 16 bits.
    """
    with reading(path), _open(path) as file:
        sizes = file.sizes
        colours = (sizes["S"],) if "S" in sizes else ()
        shape = check_grey(path, (sizes["Y"], sizes["X"], *colours), file.dtype)
        n_pages = len(file.loop_indices) * sizes.get("C", 1)
        stated = _stated(file, sizes.get("C", 1))
        return Header(shape, file.dtype.name, n_pages, stated, bool(colours))


def read_plane(path: Path, page: int, colour: str) -> Image:
    """Read one channel of one frame of the sequence.

    Raises
    ------
    MissingExtraError
        If nd2 is not installed.
    DataError
        If there is no such page, or it is damaged or not grey of 8 or 16 bits.
    """
    with reading(path), _open(path) as file:
        n_channels = file.sizes.get("C", 1)
        check_page(path, page, len(file.loop_indices) * n_channels)
        frame, channel = divmod(page, n_channels)
        pixels = file.read_frame(frame)
        return as_plane(path, pixels[channel] if n_channels > 1 else pixels, colour)


def _open(path: Path) -> Any:
    try:
        import nd2
    except ImportError as error:
        raise MissingExtraError("nd2", "formats", f"reading {path.name}") from error
    return nd2.ND2File(path)


def _stated(file: Any, n_channels: int) -> Stated:
    loops = [loop for loop in file.loop_indices for _ in range(n_channels)]
    stage = _stage_z_um(file)
    z_um = stage or _stepped_z_um(file)
    return Stated(
        pixel_size_um=float(file.voxel_size().x),
        z_um=tuple(z for z in z_um for _ in range(n_channels)),
        of_stage=bool(stage),
        field_index=tuple(loop.get("P", 0) for loop in loops),
        channel_index=tuple(range(n_channels)) * len(file.loop_indices),
        time_index=tuple(loop.get("T", 0) for loop in loops),
        channels=_channel_names(file) if n_channels > 1 else (),
    )


def _channel_names(file: Any) -> tuple[str, ...]:
    channels = getattr(file.metadata, "channels", None) or ()
    return tuple(str(entry.channel.name) for entry in channels)


def _stage_z_um(file: Any) -> tuple[float, ...]:
    """Return recorded stage positions; empty if they are absent or not distinct."""
    frames = [file.frame_metadata(k) for k in range(len(file.loop_indices))]
    if any(isinstance(frame, dict) for frame in frames):  # the format before 2007
        return ()
    z_um = tuple(float(frame.channels[0].position.stagePositionUm.z) for frame in frames)
    loops = zip(file.loop_indices, z_um, strict=True)
    distinct = {(loop.get("P", 0), loop.get("T", 0), z) for loop, z in loops}
    return z_um if len(distinct) == len(z_um) else ()


def _stepped_z_um(file: Any) -> tuple[float, ...]:
    """Return the index of each frame times the step of the Z loop, which may run downwards."""
    for loop in file.experiment:
        if loop.type == "ZStackLoop":
            step = abs(loop.parameters.stepUm) * (1 if loop.parameters.bottomToTop else -1)
            return tuple(step * index["Z"] for index in file.loop_indices)
    return ()
