"""OME-Zarr folders, by zarr; needs the extra ``formats``."""

import math
from pathlib import Path
from typing import Any

import numpy as np

from refp.core.arrays import Image
from refp.core.errors import MissingExtraError
from refp.sweeps.formats.guard import as_plane, bad_image, check_grey, check_page, reading
from refp.sweeps.formats.ome_xml import check_one_channel
from refp.sweeps.formats.units import um_per
from refp.sweeps.header import Header, Stated

_OLD_AXES = ("t", "c", "z", "y", "x")
"""Axes of OME-Zarr before 0.3, which does not name them."""


def read_header(path: Path) -> Header:
    """Read the metadata of an OME-Zarr folder, without pixels.

    Pages are the Z positions of the first image, then those of further images.

    Raises
    ------
    MissingExtraError
        If zarr is not installed.
    DataError
        If it is not an OME-Zarr image, not grey of 8 or 16 bits, of several channels or time
        points, or of images that differ in size.
    """
    with reading(path):
        images = _images(path)
        arrays = [_full_size(path, image) for image in images]
        kinds = {(check_grey(path, a.shape[-2:], a.dtype), a.dtype.name) for a in arrays}
        if len(kinds) > 1:
            raise bad_image(path, f"images of {len(kinds)} sizes or types", "save them as files")
        ((shape, dtype),) = kinds
        depths = [_n_z(path, image, array) for image, array in zip(images, arrays, strict=True)]
        return Header(shape, dtype, sum(depths), _stated(images, depths))


def read_plane(path: Path, page: int) -> Image:
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
        depths = [_n_z(path, image, array) for image, array in zip(images, arrays, strict=True)]
        check_page(path, page, sum(depths))
        image = int(np.searchsorted(np.cumsum(depths), page, side="right"))
        z = page - sum(depths[:image])
        at = tuple(z if axis == "z" else 0 for axis in _axes(images[image])[:-2])
        return as_plane(path, arrays[image][at])


def _images(path: Path) -> list[Any]:
    """Return the groups that hold an image: the root, or the series of bioformats2raw."""
    try:
        import zarr
    except ImportError as error:
        raise MissingExtraError("ome-zarr", "formats", f"reading {path.name}") from error
    root = zarr.open_group(str(path), mode="r")
    if "multiscales" in _attributes(root):
        return [root]
    series = sorted(int(name) for name in root.group_keys() if name.isdecimal())
    images = [root[str(k)] for k in series if "multiscales" in _attributes(root[str(k)])]
    if not images:
        raise bad_image(path, "no multiscales image inside", "export it as OME-Zarr 0.4 or 0.5")
    return images


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


def _n_z(path: Path, group: Any, array: Any) -> int:
    sizes = dict(zip(_axes(group), array.shape, strict=True))
    check_one_channel(path, sizes.get("c", 1), sizes.get("t", 1))
    return int(sizes.get("z", 1))


def _stated(images: list[Any], depths: list[int]) -> Stated:
    z_um = [_z_um(image, n) for image, n in zip(images, depths, strict=True)]
    return Stated(
        pixel_size_um=_scale_um(images[0], "x"),
        z_um=tuple(z for image in z_um for z in image) if all(z_um) else (),
        field_index=tuple(k for k, n in enumerate(depths) for _ in range(n)),
    )


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
