"""Z, exposure, field of view, channel and pixel size of a TIFF's pages, from its OME-XML.

The elements are read by their names, whatever the schema: programs write units that no schema has,
and schemas before 2016 differ in where they state Z and exposure. Text that is not XML, and an entry
that is not understood, states nothing.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

from refp.settings import Identity
from refp.sweeps.formats.units import ms_per, number, size, um_per, whole
from refp.sweeps.header import Stated

Element = ET.Element
MIN_POSITIONS = 3
"""Fewest positions of a stage that moves up and down again."""
_MAX_PLANES = 1_000_000
"""Largest number of planes of an image; a larger one is a wrong size."""

MAX_TEXT = 200
"""Longest text of an identity; a longer one is cut."""


class _Spot(NamedTuple):
    """Index of the OME image and of the plane in it that a page of the file holds."""

    image: int
    z: int
    c: int
    t: int


@dataclass(frozen=True, slots=True)
class _Set:
    """The OME-XML that describes a file, the identity of the file in it, and the files it names."""

    root: Element
    uuid: str
    name: str = ""

    @property
    def files(self) -> tuple[str, ...]:
        """Names of the files of the set, each once."""
        names = (uuid.get("FileName", "") for uuid in _all(self.root, "UUID"))
        return tuple(dict.fromkeys(name for name in names if name))


def stated_by_ome(path: Path, xml: str, n_pages: int) -> Stated:
    """Read the metadata of the pages of a file from its OME-XML, or from that of its set.

    An acquisition that was stopped has fewer pages than its OME-XML describes; one that describes
    fewer than the file has states only the pixel size and the bit depth.
    """
    found = _set_of(path, xml)
    if found is None:
        return Stated()
    pixels = [element for image in _all(found.root, "Image") for element in _all(image, "Pixels")]
    if not pixels:
        return Stated()
    spots = dict(_spots(found, pixels, path))
    general = Stated(
        pixel_size_um=_length_um(pixels[0], "PhysicalSizeX") or _old_size_um(found.root, "X"),
        bit_depth=whole(pixels[0].get("SignificantBits")),
    )
    if not set(range(n_pages)) <= set(spots):
        note = (
            f"its OME-XML describes {len(spots)} pages, the file has {n_pages}; its Z is not used"
        )
        return general.completed(Stated(notes=(note,)))
    stated = _stated(found, pixels, [spots[page] for page in range(n_pages)])
    note = f"its OME-XML describes {len(spots)} pages, the file has {n_pages}, which are used"
    notes = (note,) if len(spots) > n_pages else ()
    return stated.completed(general).completed(Stated(notes=notes))


def _stated(found: _Set, pixels: list[Element], pages: list[_Spot]) -> Stated:
    planes = _planes(pixels)
    positions = [_position_um(planes.get(spot)) for spot in pages]
    steps = [_length_um(p, "PhysicalSizeZ") or _old_size_um(found.root, "Z") for p in pixels]
    of_stage = all(map(math.isfinite, positions)) and _are_distinct(planes)
    exposures = tuple(_exposure_ms(planes.get(spot)) for spot in pages)
    return Stated(
        z_um=tuple(positions) if of_stage else _stepped(pages, steps),
        of_stage=of_stage,
        exposure_ms=exposures if any(exposures) else (),
        field_index=tuple(spot.image for spot in pages),
        identity=_identity(found.root),
        channel_index=tuple(spot.c for spot in pages),
        time_index=tuple(spot.t for spot in pages),
        channels=tuple(c.get("Name", "") for c in _all(pixels[0], "Channel")),
        set_name=found.name,
        set_files=found.files if found.name else (),
    )


def _set_of(path: Path, xml: str) -> _Set | None:
    """Return the OME-XML of a file, from another file of its set if this one only refers to it."""
    root = _parse(xml)
    if root is None:
        return None
    uuid = root.get("UUID", "")
    for pointer in _all(root, "BinaryOnly"):
        other = path.parent / Path(pointer.get("MetadataFile", "")).name
        whole_set = _parse_file(other) if other.is_file() else None
        return None if whole_set is None else _Set(whole_set, uuid, _set_name(whole_set, other))
    several = len(_Set(root, uuid).files) > 1
    return _Set(root, uuid, _set_name(root, path) if several else "")


def _set_name(root: Element, path: Path) -> str:
    """Return the name of a set: the identity of its OME-XML, or the images that it describes."""
    uuids = sorted({uuid.text or "" for uuid in _all(root, "UUID")})
    return uuids[0] if uuids else str(path)


def _parse_file(path: Path) -> Element | None:
    status = path.stat()
    return _parse_master(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=4)
def _parse_master(path: Path, _modified: int, _size: int) -> Element | None:
    """Parse the OME-XML of a set once, not for each of its files."""
    import tifffile

    if path.suffix.lower() in (".xml", ".ome"):
        return _parse(path.read_text(encoding="utf-8", errors="replace"))
    with tifffile.TiffFile(path) as tif:
        return _parse(tif.pages[0].description)


def _parse(xml: str) -> Element | None:
    try:
        return ET.fromstring(xml.strip().strip("\0"))  # noqa: S314 - expat bounds entities
    except (ET.ParseError, ValueError):
        return None


def _all(element: Element, name: str) -> Iterator[Element]:
    """Yield the elements of a name below an element, whatever the schema."""
    return (e for e in element.iter() if e.tag.rpartition("}")[2] == name)


def _attribute(element: Element, name: str) -> str | None:
    """Return an attribute of an element or, as in schemas before 2010, of one of its children."""
    if name in element.attrib:
        return element.attrib[name]
    return next((child.attrib[name] for child in element if name in child.attrib), None)


def _spots(found: _Set, pixels: list[Element], path: Path) -> Iterator[tuple[int, _Spot]]:
    """Pages of this file with their OME planes."""
    for image, entry in enumerate(pixels):
        for block in _all(entry, "TiffData"):
            if _is_here(block, found, path):
                yield from _block_spots(image, entry, block)


def _is_here(block: Element, found: _Set, path: Path) -> bool:
    """Whether a block is in this file and not in another one of its set."""
    where = next(_all(block, "UUID"), None)
    return where is None or where.text == found.uuid or where.get("FileName") == path.name


def _block_spots(image: int, pixels: Element, block: Element) -> Iterator[tuple[int, _Spot]]:
    sizes = {axis: max(whole(pixels.get(f"Size{axis}"), 1), 1) for axis in "ZCT"}
    sizes["C"] = _n_channel_planes(pixels, sizes["C"])
    order = pixels.get("DimensionOrder", "XYZCT")[2:]  # after XY, fastest first
    if sorted(order) != sorted("ZCT") or math.prod(sizes.values()) > _MAX_PLANES:
        return
    first = {axis: whole(block.get(f"First{axis}")) for axis in "ZCT"}
    start = first[order[0]] + sizes[order[0]] * (
        first[order[1]] + sizes[order[1]] * first[order[2]]
    )
    for k in range(min(_n_planes(block, math.prod(sizes.values())), _MAX_PLANES)):
        at = _unravel(start + k, order, sizes)
        yield whole(block.get("IFD")) + k, _Spot(image, at["Z"], at["C"], at["T"])


def _n_channel_planes(pixels: Element, size_c: int) -> int:
    """Return the number of channels with separate planes: an RGB channel has three samples in one plane."""
    samples = [max(whole(c.get("SamplesPerPixel"), 1), 1) for c in _all(pixels, "Channel")]
    return len(samples) if sum(samples) == size_c else size_c


def _n_planes(block: Element, everything: int) -> int:
    """Return the number of planes of a block; by the OME model one if a page is named, else all."""
    count = block.get("PlaneCount", block.get("NumPlanes"))
    if count is not None:
        return whole(count)
    return 1 if "IFD" in block.attrib else everything


def _unravel(k: int, order: str, sizes: dict[str, int]) -> dict[str, int]:
    at = {}
    for axis in order:
        k, at[axis] = divmod(k, sizes[axis])
    return at


def _identity(root: Element) -> Identity:
    """Return microscope and objective of the first image; the only ones of the file need no reference."""
    first = next(_all(root, "Image"))
    instruments = _referenced(_all(root, "Instrument"), next(_all(first, "InstrumentRef"), None))
    if len(instruments) != 1:
        return Identity()
    (instrument,) = instruments
    in_use = next(_all(first, "ObjectiveSettings"), None)
    objectives = _referenced(_all(instrument, "Objective"), in_use)
    scope = next(_all(instrument, "Microscope"), None)
    return Identity(
        serial=_text(scope, "SerialNumber"),
        objective=_text(objectives[0], "Model") if len(objectives) == 1 else "",
    )


def _referenced(elements: Iterable[Element], reference: Element | None) -> list[Element]:
    """Return the elements with the ID of a reference; all without one."""
    return [e for e in elements if reference is None or e.get("ID") == reference.get("ID")]


def _text(element: Element | None, name: str) -> str:
    return "" if element is None else element.get(name, "")[:MAX_TEXT]


def _length_um(element: Element, name: str) -> float:
    """Return a length; 0 if there is none, if it is not positive, or in a unit that is no length."""
    return size(element.get(name)) * um_per(element.get(f"{name}Unit") or "um")


def _old_size_um(root: Element, axis: str) -> float:
    """Return a size of a pixel in the schema of 2003, which states it of the image."""
    return next((size(image.get(f"PixelSize{axis}")) for image in _all(root, "Image")), 0.0)


def _planes(pixels: Iterable[Element]) -> dict[_Spot, Element]:
    return {
        _Spot(image, *(whole(plane.get(f"The{axis}")) for axis in "ZCT")): plane
        for image, entry in enumerate(pixels)
        for plane in _all(entry, "Plane")
    }


def _are_distinct(planes: Mapping[_Spot, Element]) -> bool:
    """Whether the stage positions distinguish the planes of a stack.

    Some software writes the same stage position to every plane. In a sweep up and down again half of
    the positions of an image, channel and time point differ.
    """
    known = [(s.image, s.c, s.t, _position_um(plane)) for s, plane in planes.items()]
    known = [place for place in known if math.isfinite(place[-1])]
    n = len(set(known))
    return n == len(known) or (n >= MIN_POSITIONS and 2 * n >= len(known))


def _stepped(pages: list[_Spot], steps: list[float]) -> tuple[float, ...]:
    """Return the index of each page times the step; empty if a step is not known."""
    if not all(steps[spot.image] for spot in pages):
        return ()
    return tuple(spot.z * steps[spot.image] for spot in pages)


def _position_um(plane: Element | None) -> float:
    """Stage position of a plane; micrometres if without a unit, as before the schema of 2015."""
    if plane is None:
        return math.nan
    factor = um_per(_attribute(plane, "PositionZUnit") or "um")
    return number(_attribute(plane, "PositionZ")) * (factor or math.nan)


def _exposure_ms(plane: Element | None) -> float:
    """Return the exposure to three digits, since some software states a measured one per plane."""
    if plane is None:
        return 0.0
    exposure = size(_attribute(plane, "ExposureTime"))
    return float(f"{exposure * ms_per(_attribute(plane, 'ExposureTimeUnit') or 's'):.3g}")
