"""Z, exposure, field of view and pixel size of a TIFF's pages, from its OME-XML."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from refp.settings import Identity
from refp.sweeps.formats.guard import bad_image
from refp.sweeps.formats.units import ms_per, um_per
from refp.sweeps.header import Stated

if TYPE_CHECKING:
    from ome_types import OME
    from ome_types.model import Pixels, Plane, TiffData

MAX_TEXT = 200
"""Longest text of an identity; a longer one is cut."""


class _Spot(NamedTuple):
    """Index of the OME image and of the plane in it that a page of the file holds."""

    image: int
    z: int
    c: int
    t: int


def stated_by_ome(path: Path, xml: str, n_pages: int) -> Stated:
    """Read the metadata of the pages of a file from its OME-XML.

    Raises
    ------
    DataError
        If it describes several channels or time points, or another number of pages than the file has.
    """
    from ome_types import from_xml

    ome = from_xml(xml, validate=False)
    if not ome.images:  # one file of a set, with the metadata in another file
        return Stated()
    spots = dict(_spots(ome, path))
    if sorted(spots) != list(range(n_pages)):
        problem = f"its OME-XML describes {len(spots)} pages, the file has {n_pages}"
        raise bad_image(path, problem, "save it again")
    pages = [spots[page] for page in range(n_pages)]
    check_one_channel(path, len({s.c for s in pages}), len({s.t for s in pages}))
    return Stated(
        pixel_size_um=_pixel_size_um(ome.images[0].pixels),
        z_um=_z_um(ome, pages),
        exposure_ms=_exposures_ms(ome, pages),
        field_index=tuple(spot.image for spot in pages),
        identity=_identity(ome),
    )


def check_one_channel(path: Path, n_channels: int, n_times: int) -> None:
    """Check that a file has one channel and one time point.

    Raises
    ------
    DataError
        If it has several; the message gives their number.
    """
    if n_channels > 1:
        raise bad_image(path, f"{n_channels} channels", "save the brightfield channel by itself")
    if n_times > 1:
        raise bad_image(path, f"{n_times} time points", "save one Z stack per file")


def _spots(ome: "OME", path: Path) -> Iterator[tuple[int, _Spot]]:
    """Pages of this file with their OME planes."""
    for image, entry in enumerate(ome.images):
        for block in entry.pixels.tiff_data_blocks:
            if _is_here(block, ome, path):
                yield from _block_spots(image, entry.pixels, block)


def _is_here(block: "TiffData", ome: "OME", path: Path) -> bool:
    """Whether a block is in this file and not in another one of its set."""
    where = block.uuid
    return where is None or where.value == ome.uuid or where.file_name == path.name


def _block_spots(image: int, pixels: "Pixels", block: "TiffData") -> Iterator[tuple[int, _Spot]]:
    sizes = {"Z": pixels.size_z, "C": _n_channel_planes(pixels), "T": pixels.size_t}
    first = {"Z": block.first_z, "C": block.first_c, "T": block.first_t}
    order = pixels.dimension_order.value[2:]  # after XY, fastest first
    start = first[order[0]] + sizes[order[0]] * (
        first[order[1]] + sizes[order[1]] * first[order[2]]
    )
    for k in range(_n_planes(block, math.prod(sizes.values()))):
        at = _unravel(start + k, order, sizes)
        yield block.ifd + k, _Spot(image, at["Z"], at["C"], at["T"])


def _n_channel_planes(pixels: "Pixels") -> int:
    """Return the number of channels with separate planes: an RGB channel has three samples in one plane."""
    samples = [channel.samples_per_pixel or 1 for channel in pixels.channels]
    return len(samples) if sum(samples) == pixels.size_c else pixels.size_c


def _n_planes(block: "TiffData", everything: int) -> int:
    """Return the number of planes of a block; by the OME model one if a page is named, else all."""
    if block.plane_count is not None:
        return block.plane_count
    return 1 if "ifd" in block.model_fields_set else everything


def _unravel(k: int, order: str, sizes: dict[str, int]) -> dict[str, int]:
    at = {}
    for axis in order:
        k, at[axis] = divmod(k, sizes[axis])
    return at


def _identity(ome: "OME") -> Identity:
    """Return microscope and objective of the first image; the only ones of the file need no reference."""
    first = ome.images[0]
    used = first.instrument_ref
    instruments = [i for i in ome.instruments if used is None or i.id == used.id]
    if len(instruments) != 1:
        return Identity()
    (instrument,) = instruments
    scope, in_use = instrument.microscope, first.objective_settings
    objectives = [o for o in instrument.objectives if in_use is None or o.id == in_use.id]
    return Identity(
        serial=_text(scope.serial_number) if scope is not None else "",
        objective=_text(objectives[0].model) if len(objectives) == 1 else "",
    )


def _text(value: str | None) -> str:
    return (value or "")[:MAX_TEXT]


def _pixel_size_um(pixels: "Pixels") -> float:
    return (pixels.physical_size_x or 0.0) * um_per(pixels.physical_size_x_unit.value)


def _planes(ome: "OME") -> dict[_Spot, "Plane"]:
    return {
        _Spot(image, plane.the_z, plane.the_c, plane.the_t): plane
        for image, entry in enumerate(ome.images)
        for plane in entry.pixels.planes
    }


def _z_um(ome: "OME", pages: list[_Spot]) -> tuple[float, ...]:
    """Stage positions of the planes, or the plane's index times the step, or empty.

    Some software writes the same stage position to every plane of a stack, so positions are used only
    if they differ.
    """
    planes = _planes(ome)
    positions = [_position_um(planes.get(spot)) for spot in pages]
    known = [(spot.image, z) for spot, z in zip(pages, positions, strict=True) if z is not None]
    if len(set(known)) == len(pages):
        return tuple(z for _, z in known)
    steps = [_step_um(ome.images[spot.image].pixels) for spot in pages]
    if not all(steps):
        return ()
    return tuple(spot.z * step for spot, step in zip(pages, steps, strict=True))


def _position_um(plane: "Plane | None") -> float | None:
    """Stage position of a plane; micrometres if without a unit, as before the schema of 2015."""
    if plane is None or plane.position_z is None:
        return None
    if "position_z_unit" not in plane.model_fields_set:
        return plane.position_z
    factor = um_per(plane.position_z_unit.value)
    return plane.position_z * factor if factor else None


def _step_um(pixels: "Pixels") -> float:
    return (pixels.physical_size_z or 0.0) * um_per(pixels.physical_size_z_unit.value)


def _exposures_ms(ome: "OME", pages: list[_Spot]) -> tuple[float, ...]:
    planes = _planes(ome)
    exposures = tuple(_exposure_ms(planes.get(spot)) for spot in pages)
    return exposures if any(exposures) else ()


def _exposure_ms(plane: "Plane | None") -> float:
    """Return the exposure to three digits, since some software states a measured one per plane."""
    if plane is None or plane.exposure_time is None:
        return 0.0
    return float(f"{plane.exposure_time * ms_per(plane.exposure_time_unit.value):.3g}")
