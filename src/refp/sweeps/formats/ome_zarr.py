"""OME-Zarr folders, by zarr; needs the extra ``formats``."""

import math
from pathlib import Path
from typing import Any

import numpy as np

from refp.core.arrays import Image
from refp.core.errors import MissingExtraError
from refp.sweeps.formats.guard import as_plane, bad_image, check_grey, check_page, reading
from refp.sweeps.formats.units import um_per
from refp.sweeps.header import Header, Stated

_OLD_AXES = ("t", "c", "z", "y", "x")
"""Axes of OME-Zarr before 0.3, which does not name them."""


def read_header(path: Path) -> Header:
    """Read the metadata of an OME-Zarr folder, without pixels.

    Pages are the Z positions of the first channel and time point of the first image, then those of
    further channels, time points and images; the wells of a plate follow one another.

    Raises
    ------
    MissingExtraError
        If zarr is not installed.
    DataError
        If it is not an OME-Zarr image, not grey of 8 or 16 bits, or of images that differ in size.
    """
    with reading(path):
        images = _images(path)
        arrays = [_full_size(path, image) for image in images]
        kinds = {(check_grey(path, a.shape[-2:], a.dtype), a.dtype.name) for a in arrays}
        if len(kinds) > 1:
            raise bad_image(path, f"images of {len(kinds)} sizes or types", "save them as files")
        ((shape, dtype),) = kinds
        sizes = [_sizes(image, array) for image, array in zip(images, arrays, strict=True)]
        return Header(shape, dtype, sum(map(math.prod, sizes)), _stated(images, sizes))


def read_plane(path: Path, page: int, colour: str) -> Image:
    """Read one Z position.

    Raises
    ------
    MissingExtraError
        If zarr is not installed.
    DataError
        If there is no such page, or it is damaged or not grey of 8 or 16 bits.
    """
    with reading(path):
        images = _images(path)
        arrays = [_full_size(path, image) for image in images]
        sizes = [_sizes(image, array) for image, array in zip(images, arrays, strict=True)]
        ends = np.cumsum([math.prod(size) for size in sizes])
        check_page(path, page, int(ends[-1]))
        image = int(np.searchsorted(ends, page, side="right"))
        inside = page - (int(ends[image - 1]) if image else 0)
        place = dict(zip("tcz", np.unravel_index(inside, sizes[image]), strict=True))
        at = tuple(int(place.get(axis, 0)) for axis in _axes(images[image])[:-2])
        return as_plane(path, arrays[image][at], colour)


def _images(path: Path) -> list[Any]:
    """Return the groups that hold an image: the root, the series of bioformats2raw, or a plate's fields."""
    try:
        import zarr
    except ImportError as error:
        raise MissingExtraError("ome-zarr", "formats", f"reading {path.name}") from error
    root = zarr.open_group(str(path), mode="r")
    if "multiscales" in _attributes(root):
        return [root]
    if "plate" in _attributes(root):
        return _fields(path, root)
    series = sorted(int(name) for name in root.group_keys() if name.isdecimal())
    images = [root[str(k)] for k in series if "multiscales" in _attributes(root[str(k)])]
    if not images:
        raise bad_image(path, "no multiscales image inside", "export it as OME-Zarr 0.4 or 0.5")
    return images


def _fields(path: Path, plate: Any) -> list[Any]:
    """Return the fields of the wells of a plate, well by well."""
    wells = [plate[well["path"]] for well in _attributes(plate)["plate"]["wells"]]
    fields = [
        well[image["path"]] for well in wells for image in _attributes(well)["well"]["images"]
    ]
    if not fields:
        raise bad_image(path, "a plate without images", "export it as OME-Zarr 0.4 or 0.5")
    return fields


def _attributes(group: Any) -> dict[str, Any]:
    """Metadata of a group; in OME-Zarr 0.5 they are one level deeper."""
    attributes: dict[str, Any] = group.attrs.asdict()
    inner: dict[str, Any] = attributes.get("ome", attributes)
    return inner


def _multiscale(group: Any) -> dict[str, Any]:
    first: dict[str, Any] = _attributes(group)["multiscales"][0]
    return first


def _full_size(path: Path, group: Any) -> Any:
    array = group[_multiscale(group)["datasets"][0]["path"]]
    axes = _axes(group)
    if len(axes) != array.ndim or axes[-2:] != ["y", "x"]:
        problem = f"axes {''.join(axes)} of an array of {array.ndim} dimensions"
        raise bad_image(path, problem, "export it with the axes z, y, x")
    return array


def _axes(group: Any) -> list[str]:
    axes = _multiscale(group).get("axes", _OLD_AXES)
    return [axis if isinstance(axis, str) else axis["name"] for axis in axes]


def _sizes(group: Any, array: Any) -> tuple[int, int, int]:
    """Return the numbers of time points, channels and Z positions."""
    sizes = dict(zip(_axes(group), array.shape, strict=True))
    return int(sizes.get("t", 1)), int(sizes.get("c", 1)), int(sizes.get("z", 1))


def _stated(images: list[Any], sizes: list[tuple[int, int, int]]) -> Stated:
    z_um = [_z_um(image, n[2]) * n[0] * n[1] for image, n in zip(images, sizes, strict=True)]
    places = [(image, t, c) for image, n in enumerate(sizes) for t, c, _ in np.ndindex(*n)]
    field_index, time_index, channel_index = zip(*places, strict=True)
    return Stated(
        pixel_size_um=_scale_um(images[0], "x"),
        z_um=tuple(z for image in z_um for z in image) if all(z_um) else (),
        field_index=field_index,
        time_index=time_index,
        channel_index=channel_index,
        channels=_channel_names(images[0]),
    )


def _channel_names(group: Any) -> tuple[str, ...]:
    channels = _attributes(group).get("omero", {}).get("channels", ())
    return tuple(str(channel.get("label", "")) for channel in channels)


def _z_um(group: Any, n: int) -> tuple[float, ...]:
    """Z of the pages; empty if the file has no Z axis or states no unit of length for it."""
    step = _scale_um(group, "z")
    if not step:
        return ()
    origin = _transform(group, "translation", "z", 0.0) * _um_per(group, "z")
    return tuple(origin + step * k for k in range(n))


def _scale_um(group: Any, axis: str) -> float:
    return _transform(group, "scale", axis, 0.0) * _um_per(group, axis)


def _um_per(group: Any, axis: str) -> float:
    units = [a.get("unit", "") for a in _multiscale(group).get("axes", ()) if isinstance(a, dict)]
    return um_per(dict(zip(_axes(group), units, strict=False)).get(axis, ""))


def _transform(group: Any, kind: str, axis: str, otherwise: float) -> float:
    """Scale or translation of an axis, those of the array and of the image combined."""
    if axis not in _axes(group):
        return otherwise
    image = _multiscale(group)
    steps = [
        *image["datasets"][0].get("coordinateTransformations", ()),
        *image.get("coordinateTransformations", ()),
    ]
    values = [float(s[kind][_axes(group).index(axis)]) for s in steps if s["type"] == kind]
    if not values:
        return otherwise
    return math.prod(values) if kind == "scale" else sum(values)
